"""Data sets of the library: real ACIS spectra, labelled catalogues, a simulated reference set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.registry import DataSet, File, Registry
from decan.core.data.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

    from .response import Response
    from .spectrum import Spectrum

__all__ = ["DATASETS", "REFERENCE_RESPONSES", "labelled_sources", "reference_responses"]

_HINT = (
    "The file is derived from the archive named in its citation; put it into "
    "$DECAN_DATA/xray-spectra/."
)
_CXC = (
    "This research has made use of data obtained from the Chandra Data Archive and the Chandra "
    "Source Catalog, provided by the Chandra X-ray Center (CXC)"
)
_YANG = "Yang et al. 2022, arXiv 2206.13656"

REFERENCE_RESPONSES = {
    "1575_r0085": "1575_r0085",
    "5708_PKS1127": "5708_PKS1127",
    "9774_3C186": "9774_3C186",
    "12845_B30710": "12845_B30710",
    "1618_NGC4258": "1618_NGC4258",
    "6903_4C19.44": "6903_4C19p44",
}
"""Responses of the simulated reference set: its own name for each, and the spectrum that has it."""

_ACIS = {
    "12845_B30710": (
        "radio quasar B3 0710+439",
        347_653,
        "6d4df8e20b7f834400f7e371028deadc12664404016581023ff098a2492b93f8",
    ),
    "1575_r0085": (
        "CSC detection in the field of M 31",
        290_185,
        "731723542fb1b4c8a27159417e6de7e9d3afbb352acb780e29ba0972016e67c2",
    ),
    "1618_NGC4258": (
        "nucleus of NGC 4258",
        281_517,
        "e1d8fa070628a2d851acb0ad7252fa86d75f98fa1b28d34b6357a61eebb4e30d",
    ),
    "1730_M33": (
        "region in M 33",
        298_595,
        "8a6b4c21bfb4b129b21168f350524c2bf3546038c917e07ca5ae587462e664f7",
    ),
    "1838_G21p5": (
        "pulsar wind nebula G21.5-0.9",
        38_395,
        "0dc676f16a60cab0613a6defb5170e5d79ce5d82e910d388a070d203569dc07b",
    ),
    "3098_bubble": (
        "Q0740+380 field, nearly empty",
        286_807,
        "786e54232096921ea13885a42ccf965492ac000b7d374de817688c2f2360a9a7",
    ),
    "459_3C273": (
        "3C 273, zeroth order",
        126_877,
        "855e5e273aa17a59833a576a2de623538b37a68c546bcd0da37d0ae222c57189",
    ),
    "5708_PKS1127": (
        "quasar PKS 1127-145",
        351_917,
        "57a26aa8499a3a2d921d96f684d406bcf280ea80318d9b853d4e8a168700b880",
    ),
    "6903_4C19p44": (
        "jet of 4C 19.44",
        289_116,
        "598caf1d47f8c88fd99ee6004f13be4714206608ddfa88e504c62d48cf104016",
    ),
    "6904_4C19p44": (
        "jet of 4C 19.44",
        289_174,
        "81c2d1486b8d080c85eef015e1c603889a899360ecf9335a2c5a92edabc6e106",
    ),
    "7302_4C19p44": (
        "jet of 4C 19.44",
        289_137,
        "28c757f80e754b7ce986bf760e6852c72128a6aa753a518a86c82f7f07380866",
    ),
    "7303_4C19p44": (
        "jet of 4C 19.44",
        289_090,
        "b6f2364518ea14bfe21d3ea60291c1ff3fbdeb31c55eb6bdf1f25e0dcb4fab02",
    ),
    "9774_3C186": (
        "quasar 3C 186 in a cluster",
        288_073,
        "83e5eb4420146c36396d81816b0c14ea5e635652fa35db072950bdf5cbc401ec",
    ),
    "CDFS4Ms_179": (
        "CDF-S source 179, stacked",
        719_491,
        "97a5907546acab376efa6faa8c8785772bf65dc6310487bb37ee040f9164935e",
    ),
}
_FITS = {
    "3c273.arf.gz": (
        12_144,
        "d02b62226cdd5a1eaa9d966139647b714dcc11b30844b1abc04c34be56979f3b",
    ),
    "3c273.pi.gz": (
        11_746,
        "c8a596b59b07322bef3d81d32cce655386d1132309bae531e9f2781e2643038b",
    ),
    "3c273.rmf.gz": (
        266_931,
        "58a3965921fb93488acc9fd453b0d59ebdc65d4b7aeb9af67fe8c7e68e7f3bf6",
    ),
    "3c273_bg.pi.gz": (
        10_625,
        "7579f7dd6e34692d216f13463c6c174b2c1cb7cec71a2da1b32cf23e8bdc614c",
    ),
    "acisf01575_001N001_r0085_arf3.fits.gz": (
        18_942,
        "7746305f381058c7d40d5210c3281fb449824c6c93cbec6090f89805242edeac",
    ),
    "acisf01575_001N001_r0085_pha3.fits.gz": (
        21_266,
        "70f18082904f26891b83c45f42ce83c8a615a328eab6207009352708fbe348e0",
    ),
    "acisf01575_001N001_r0085_rmf3.fits.gz": (
        1_062_645,
        "5245c00ede5cb9a375e156237dc8e6edf146d232c7f2f350803f6fa8f4829f28",
    ),
    "arf_1024.fits.gz": (
        7_537,
        "91c5c5fdae2d4e48d3479895bb91df758191b19f5b70ac8b0344d63b3eeea025",
    ),
    "back1.pi.gz": (
        10_949,
        "25a68f17c765cab91140f5bbb13db95446656e5df618ad7d3a7071e7752be237",
    ),
    "q1127_src1_grp30.pi.gz": (
        16_836,
        "d445f77dcbe4e40ada5a62a2aceff52135586bb967f516c91085b107465ac6c9",
    ),
    "rmf_1024.fits.gz": (
        60_318,
        "b8c114749ed1310f6c331918cc3cc00402008ae0110e241c4b7269710ce47c2e",
    ),
    "source1.pi.gz": (
        11_125,
        "72cdf66385064c471d92da2b36f0c049c05752a973e873e4813e95acfdf6fc9f",
    ),
}


def labelled_sources() -> pd.DataFrame:
    """Chandra sources with sure classes: 2,488 of the training table of MUWCLASS.

    Returns
    -------
    pandas.DataFrame
        ``True_Class`` is the label. Columns that give it away or were made from it (published
        probabilities and classes, names of catalogues) must not be features; see
        :mod:`decan.xray_spectra.catalogue`.

    Raises
    ------
    DataNotAvailable
        If the table is not at hand.

    Examples
    --------
    >>> labelled_sources.__name__  # the table itself is not part of the wheel
    'labelled_sources'
    """
    table: pd.DataFrame = DATASETS.load("muwclass_csc2")
    return table


def reference_responses() -> dict[str, Response]:
    """The six real responses through which the reference set was simulated.

    Returns
    -------
    dict of str to Response
        By the names that the reference set uses.

    Raises
    ------
    DataNotAvailable
        If the ACIS spectra are not at hand.

    Examples
    --------
    >>> len(REFERENCE_RESPONSES)
    6
    """
    return {
        name: DATASETS.load(f"acis_{place}").require_response()
        for name, place in REFERENCE_RESPONSES.items()
    }


def read_packed(path: Path) -> Spectrum:
    """A real spectrum with its response, packed into one ``.npz``.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Spectrum
    """
    from scipy.sparse import csr_array

    from .response_files import Area, Redistribution, joined
    from .spectrum import Spectrum

    with np.load(path, allow_pickle=False) as held:
        d = {key: held[key] for key in held.files}
    index = (d["rmf_data"], d["rmf_indices"].astype(np.int64), d["rmf_indptr"].astype(np.int64))
    matrix = csr_array(index, shape=(int(d["rmf_shape"][0]), int(d["rmf_shape"][1])))
    name = Path(path).stem
    lo, hi, cm2 = (d[key].astype(float) for key in ("arf_lo", "arf_hi", "arf"))
    area = Area(lo, hi, cm2, f"{name} ARF")
    low, high = d["rmf_lo"].astype(float), d["rmf_hi"].astype(float)
    redistribution = Redistribution(
        matrix, low, np.r_[low[1:], high[-1]], d["e_min"].astype(float), d["e_max"].astype(float),
        1, f"{name} RMF",
    )  # fmt: skip
    response = joined(area, redistribution, quietly=True)
    same = float(d["backscal"]) == float(d["bkg_backscal"]) and not d["bkg"].any()
    background = None if same else Spectrum(
        d["bkg"], exposure_s=float(d["bkg_exposure"]), backscal=float(d["bkg_backscal"]),
        name=f"{name} background",
    )  # fmt: skip
    meta = {"OBJECT": str(d["desc"]), "class": str(d["cls"]), "DATE-OBS": str(d["date_obs"])}
    return Spectrum(
        d["counts"], exposure_s=float(d["exposure"]), backscal=float(d["backscal"]),
        background=background, response=response, name=name, meta={**meta, "notes": response.notes},
    ).with_checked_scale()  # fmt: skip


def _read_reference(counts: Path, table: Path, truth: Path) -> tuple[Any, Any, pd.DataFrame, Any]:
    with np.load(counts, allow_pickle=False) as held:
        source, background = held["counts"], held["bkg"]
    with np.load(truth, allow_pickle=False) as held:
        shapes = held["shape128"].astype(float)
    return source, background, read_table(table), shapes / shapes.sum(axis=1, keepdims=True)


def _read_table(path: Path) -> pd.DataFrame:
    return read_table(path)


def _read_ogip(*paths: Path) -> Spectrum:
    from .spectrum import Spectrum

    return Spectrum.from_ogip(paths[0])


def _read_awkward(pha: Path, background: Path, arf: Path, rmf: Path) -> Spectrum:
    from .spectrum import Spectrum

    return Spectrum.from_ogip(pha, background=background, arf=arf, rmf=rmf)


def _packed(name: str) -> DataSet:
    title, size, sha256 = _ACIS[name]
    return DataSet(
        f"acis_{name}", f"ACIS spectrum with response: {title}",
        (File(f"acis/{name}.npz", sha256, size),), licence="public archive data", citation=_CXC,
        read=read_packed, hint=_HINT,
    )  # fmt: skip


def _fits(name: str, title: str, files: tuple[str, ...], read: Any) -> DataSet:
    held = tuple(File(f"fits/{file}", _FITS[file][1], _FITS[file][0]) for file in files)
    return DataSet(
        name, title, held, licence="public archive data", citation=_CXC, read=read, hint=_HINT
    )


_CSC = tuple(f"acisf01575_001N001_r0085_{kind}3.fits.gz" for kind in ("pha", "arf", "rmf"))

_WHEEL = "wheel:threeml==2.6.1!threeML/data/datasets/multi_analysis/"
_SWIFT = (
    ("awt.pi", 83_520, "65f0795962378faeff10648b7765efe93b382111fcecca750876e0683a5baca7"),
    ("awtback.pi", 167_040, "f1df0b9fbb2767552d030516effeee52eba3d4fe5d0a74c02ccaddfc1063a081"),
    ("awt.arf", 37_440, "7b90341cd875d2c2f4236dfdf891218ce61fdf5cbaf34d651d7526a856fd6264"),
    ("awt.rmf", 9_889_920, "10af025b29faa48ed375bdc68d36245fb2a1dbe91cea91b3a2c81747e4860559"),
)

DATASETS = Registry(
    "xray-spectra",
    [
        *(_packed(name) for name in _ACIS),
        _fits(
            "csc_1575_r0085", "CSC products of one detection: pha3, arf3, rmf3", _CSC, _read_ogip
        ),
        _fits(
            "ogip_3c273",
            "3C 273, OGIP files with grouping",
            ("3c273.pi.gz", "3c273_bg.pi.gz", "3c273.arf.gz", "3c273.rmf.gz"),
            _read_ogip,
        ),
        _fits(
            "ogip_g21p5",
            "G21.5-0.9, ARF and RMF on different energies",
            ("source1.pi.gz", "back1.pi.gz", "arf_1024.fits.gz", "rmf_1024.fits.gz"),
            _read_awkward,
        ),
        _fits(
            "ogip_q1127",
            "PKS 1127-145, grouped, without its response",
            ("q1127_src1_grp30.pi.gz",),
            _read_ogip,
        ),
        DataSet(
            "swift_grb190114c",
            "GRB 190114C, Swift XRT, OGIP files out of a published wheel",
            tuple(File(name, sha, size, (_WHEEL + name,)) for name, size, sha in _SWIFT),
            licence="public archive data; wheel under BSD-3-Clause",
            citation="Ajello et al. 2020, ApJ 890, 9; threeML 2.6.1",
            read=_read_awkward,
            hint="The files are part of the wheel threeml 2.6.1 on the Python index.",
        ),
        DataSet(
            "muwclass_csc2",
            "Labelled sources of the Chandra Source Catalog 2.0, 2,488 rows",
            (
                File(
                    "muwclass_csc2_train.parquet",
                    "12fd1274444799f60bbf6c296757c65d82abb75aa460f62604970dcc54fa85e6",
                    484_438,
                ),
            ),
            licence="no licence file in the repository; published with the article",
            citation=_YANG,
            read=_read_table,
            hint=_HINT,
        ),
        DataSet(
            "csc2_gmm",
            "CSC 2.0 sources with variability and mixture classes, 8,736 rows",
            (
                File(
                    "csc2_gmm_sources.parquet",
                    "132e4649a4716d8148386ac22e2cddf760e734d10d0204f5e21cdb1d9950e3a3",
                    843_459,
                ),
            ),
            licence="MIT",
            citation="Perez-Diaz et al. 2024, arXiv 2401.12203",
            read=_read_table,
            hint=_HINT,
        ),
        DataSet(
            "sim_acis_8class",
            "Simulated spectra of 8 classes through 6 real responses, 10,000 rows",
            (
                File(
                    "sim_acis_8class.npz",
                    "88d281f8e8bf7f0129e53d53f07c374cbfafa7389e55bad763010023f30d8e3a",
                    1_942_800,
                ),
                File(
                    "sim_acis_8class.parquet",
                    "bdf5b0f43a4302b506f8c4e25401e6b9f3b091f85841735f633211686f0e32c9",
                    444_511,
                ),
                File(
                    "sim_acis_truth_test.npz",
                    "f5fc786455ee54a691c0df08675558da27bf014b2b928a3e3234565e489f2bb1",
                    461_142,
                ),
            ),
            licence="made for this project",
            citation="this project",
            read=_read_reference,
            hint=_HINT,
        ),
    ],
)
"""Every data set the library knows, by name."""
