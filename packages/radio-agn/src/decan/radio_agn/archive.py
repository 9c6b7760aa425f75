"""The given images and labels, by name, and what they say together.

Three catalogues overlap on the sky and do not agree in their labels. ``group`` links all
rows closer than 180 arcsec in any of them; a split that divides a group tests on its own
training data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.registry import DataSet, File, Registry
from decan.core.data.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

    from .cutouts import CutoutSet

__all__ = ["CLASSES", "DATASETS", "MIRABEST_CODES", "Pool", "allowed_classes", "given_images"]

CLASSES = ("FRI", "FRII", "WAT", "NAT", "Compact")
"""Morphologies: straight FRI and FRII, wide- and narrow-angle tails, compact."""

MIRABEST_CODES = {
    "100": "FRI",
    "110": "FRI",
    "102": "WAT",
    "112": "WAT",
    "104": "NAT/WAT",
    "200": "FRII",
    "201": "FRII",
    "210": "FRII",
    "300": "FRI/FRII",
    "310": "FRI/FRII",
}
"""What each fine code of MiraBest leaves possible; a hybrid or a head-tail leaves two."""

_HINT = "Put the files of the data set into $DECAN_DATA/radio-agn/."
_FIRST = (
    "FIRST images (c) 1994 University of California, free for scholarly, educational and "
    "private non-commercial use"
)
_BECKER = "Becker, White & Helfand 1995, ApJ 450, 559"


@dataclass(frozen=True)
class Pool:
    """Images of several catalogues in one table, with what their labels allow.

    Attributes
    ----------
    images : list of ndarray of uint8
        Stacks of each catalogue (300, 150 and 150 pixels on a side), 1.8 arcsec a pixel.
    table : pandas.DataFrame
        A row an image: ``source_id``, ``catalogue``, ``label``, ``ra``, ``dec``, ``fold``,
        ``group``, ``test_batch`` (its group has a member in MiraBest's test batch),
        ``certain``, ``las_arcsec``.
    allowed : ndarray of bool, shape (n, 5)
        Which of :data:`CLASSES` the label allows.

    Examples
    --------
    >>> sorted(Pool.__dataclass_fields__)
    ['allowed', 'images', 'table']
    """

    images: list[NDArray[np.uint8]]
    table: pd.DataFrame
    allowed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.table)


def allowed_classes(labels: ArrayLike) -> NDArray[np.bool_]:
    """Which classes a label allows; several are joined by a slash.

    Parameters
    ----------
    labels : array_like of str, shape (n,)
        Such as ``"FRI"`` or ``"WAT/NAT"``.

    Returns
    -------
    ndarray of bool, shape (n, 5)
        Columns as :data:`CLASSES`.

    Raises
    ------
    ValueError
        If a label names an unknown class.

    Examples
    --------
    >>> allowed_classes(["FRI", "WAT/NAT"]).astype(int).tolist()
    [[1, 0, 0, 0, 0], [0, 0, 1, 1, 0]]
    """
    rows = [set(str(label).split("/")) for label in np.asarray(labels)]
    unknown = sorted(set().union(*rows) - set(CLASSES))
    if unknown:
        raise ValueError(f"labels: found {unknown[0]!r}, expected classes of {', '.join(CLASSES)}")
    return np.array([[name in row for name in CLASSES] for row in rows]).reshape(-1, len(CLASSES))


def given_images() -> Pool:
    """All three catalogues in one table.

    Returns
    -------
    Pool
        3,714 rows: first_morph, mirabest, proctor_raw, in this order.

    Raises
    ------
    DataNotAvailable
        If a data set is not at hand.

    Examples
    --------
    >>> pool = given_images()  # doctest: +SKIP
    >>> len(pool)  # doctest: +SKIP
    3714
    """
    import pandas as pd

    morph, morph_images = DATASETS.load("first_morph")
    mira, mira_images = DATASETS.load("mirabest")
    proctor, proctor_images = DATASETS.load("proctor_raw")
    mira = mira.assign(
        catalogue="MiraBest F",
        label=mira["code"].map(MIRABEST_CODES),
        certain=mira["code"].isin(["100", "102", "104", "200", "201"]),
    )
    proctor = proctor.assign(
        catalogue="Proctor raw", label=proctor["label"].replace("AMB", "WAT/NAT")
    )
    table = pd.concat([morph.assign(certain=True), mira, proctor], ignore_index=True)
    tested = mira.loc[mira["batch"] == "test_batch", "group"]
    table["test_batch"] = table["group"].isin(tested)
    columns = ["source_id", "catalogue", "label", "ra", "dec", "fold", "group", "test_batch",
               "certain", "las_arcsec", "size_arcmin", "code", "batch", "blank"]  # fmt: skip
    table = table[columns]
    table["blank"] = table["blank"].eq(True)
    images = [morph_images, mira_images, proctor_images]
    return Pool(images, table, allowed_classes(table["label"]))


def _read(images: Path, table: Path) -> tuple[pd.DataFrame, NDArray[np.uint8]]:
    frame = read_table(table, required=["source_id", "ra", "dec", "fold", "group"])
    with np.load(images, allow_pickle=False) as archive:
        if not np.array_equal(archive["source_id"].astype(str), frame["source_id"].astype(str)):
            raise ValueError(f"{images}: rows do not follow those of {table.name}")
        return frame, archive["images"]


def _read_cutout(path: Path) -> CutoutSet:
    from .cutouts import CutoutSet

    return CutoutSet.from_fits(path)


def _pair(
    name: str,
    title: str,
    files: tuple[tuple[str, str, int], tuple[str, str, int]],
    licence: str,
    citation: str,
) -> DataSet:
    return DataSet(
        name,
        title,
        tuple(File(*file) for file in files),
        licence=licence,
        citation=f"{citation}; {_BECKER}",
        read=_read,
        hint=_HINT,
    )


DATASETS = Registry(
    "radio-agn",
    [
        _pair(
            "first_morph",
            "FIRST cutouts of 1,928 sources, 300 x 300 px, background set to zero",
            (
                (
                    "first_morph_300.npz",
                    "8c4d832613b8958be49560b31b037ce47e35cb122d1fc0191dbb72b19946ff74",
                    1_153_294,
                ),
                (
                    "first_morph_300.parquet",
                    "5614b126c9dcc89c67a36e7b4a6485498ee964ff0088435ed4a1e28edcc545a5",
                    47_982,
                ),
            ),
            f"{_FIRST}; packaging MIT",
            "Griese, Kummer & Rustige 2022 (Zenodo 7120632); labels of Gendre 2008/2010, "
            "Miraghaei & Best 2017, Capetti 2017a/b, Baldi 2018, Proctor 2011",
        ),
        _pair(
            "mirabest",
            "MiraBest, 1,185 sources, 150 x 150 px, masked outside the largest angular size",
            (
                (
                    "mirabest_150.npz",
                    "76959f3b4f4f9d77fe35cb24be50203f9a96baeac77656b0f3a8f85d6e3a2b9b",
                    625_467,
                ),
                (
                    "mirabest_150.parquet",
                    "6ed0a0a1aef56bc637a7254cd667aaa41b123e397de5057792e9ed11c42fcf76",
                    57_969,
                ),
            ),
            f"CC-BY-4.0 as far as known; {_FIRST}",
            "Porter & Scaife 2023, RASTI 2, 293; Miraghaei & Best 2017",
        ),
        _pair(
            "proctor_raw",
            "Raw FIRST cutouts of 601 bent sources, 150 x 150 px, noise and neighbours kept",
            (
                (
                    "proctor_raw_150.npz",
                    "19606cef3b11099edc78a59430fdde0c2b1e77ba02f741ce98e2aa85017b6db7",
                    5_781_575,
                ),
                (
                    "proctor_raw_150.parquet",
                    "b22db431d2fbd9117cf1a8279e461c00657ab051cedf28fd495c5f20fe14d7f8",
                    31_126,
                ),
            ),
            f"{_FIRST}; packaging MIT",
            "Proctor 2011, ApJS 194, 31",
        ),
        DataSet(
            "first_example",
            "One FIRST cutout as the server gives it, 33 x 33 px",
            (
                File(
                    "image.fits",
                    "7e19ba1a58a2c219098b46a65d8f3f3814859723d6d41b36da2491694acbe61a",
                    14400,
                    sources=(
                        "wheel:astroquery==0.4.11!astroquery/image_cutouts/first/tests/data/image.fits",
                    ),
                ),
            ),
            licence=f"{_FIRST}; wheel BSD-3-Clause",
            citation=_BECKER,
            read=_read_cutout,
            hint="The file is part of the wheel astroquery 0.4.11 on the Python index.",
        ),
    ],
)
"""Every data set the library knows, by name."""
