"""Data sets of the library, and how the archives behind them are asked.

Swift, XMM-Newton and event lists here are real; the one simulated table says so in its
title and is never mixed with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.registry import DataSet, File, Registry
from decan.core.data.tables import read_table
from decan.core.errors import SchemaError
from decan.core.files import reading

from .response import BandResponse

if TYPE_CHECKING:
    import pandas as pd

    from .events import EventList

__all__ = ["DATASETS", "read_events", "read_response"]

_HINT = "The file comes from the repository named in its citation; put it into $DECAN_DATA/pulx/."
_SWIFT = "Norman Khan et al., Long-Term X-Ray/UV Variability in ULXs; Swift data UKSSDC"


def read_events(path: Path) -> EventList:
    """Read an event list as the registry gives it.

    Parameters
    ----------
    path : pathlib.Path
        A FITS file.

    Returns
    -------
    EventList

    Examples
    --------
    >>> read_events(Path("absent.evt"))
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.evt: no such file
    """
    from .events import EventList

    return EventList.from_fits(path)


def read_response(path: Path) -> BandResponse:
    """Read a response that was folded into the five 4XMM bands.

    Parameters
    ----------
    path : pathlib.Path
        An ``.npz`` file with ``e_lo``, ``e_hi`` (keV) and ``area_cm2`` of shape (5, n).

    Returns
    -------
    BandResponse

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is absent or broken.
    SchemaError
        If shapes do not fit, bins are reversed, or a band has no area.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "bands.npz"
    >>> np.savez(path, e_lo=[0.3, 0.4], e_hi=[0.4, 0.5], area_cm2=np.ones((5, 2)))
    >>> read_response(path).area.shape
    (5, 2)
    """
    # Opened here: what numpy opens stays open where the file is spoilt.
    with reading(path, "response") as file, file.open("rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        low, high, area = (archive[name].astype(float) for name in ("e_lo", "e_hi", "area_cm2"))
    if low.ndim != 1 or high.shape != low.shape or area.shape != (5, len(low)):
        raise SchemaError(
            f"{path}: e_lo {low.shape}, e_hi {high.shape}, area_cm2 {area.shape}; expected (n,), "
            "(n,) and (5, n)"
        )
    # Single areas may lie below zero: calibration files interpolate, and dip in their tails.
    bins = (low > 0) & (high > low) & np.isfinite(high)
    if not (bins.all() and np.isfinite(area).all() and (area.sum(axis=1) > 0).all()):
        raise SchemaError(
            f"{path}: expected bins with 0 < e_lo < e_hi, and finite areas that sum to more "
            "than zero in every band"
        )
    return BandResponse(low, high, area, "EPIC-pn, full frame, calibration files")


def _read_snapshots(path: Path) -> pd.DataFrame:
    return read_table(
        path,
        required=["source", "label", "mjd", "rate", "rate_err_plus", "soft_rate", "hard_rate",
                  "upper_limit"],
    )  # fmt: skip


def _read_plain(path: Path) -> pd.DataFrame:
    return read_table(path)


def _read_json(path: Path) -> Any:
    import json

    return json.loads(path.read_text(encoding="utf-8"))


def _one(
    name: str, title: str, file: File, licence: str, citation: str, read: Any = _read_plain
) -> DataSet:
    return DataSet(name, title, (file,), licence, citation, read=read, hint=_HINT)


DATASETS = Registry(
    "pulx",
    [
        _one(
            "swift_snapshots",
            "Swift/XRT snapshots of 32 ultraluminous and similar sources, 7,582 rows",
            File(
                "swift_ulx_snapshots.parquet",
                "611900661c350a6dd8f4253dc055a417b378a0d6e539a40870f8a288a5422732",
                460_791,
            ),
            "GPL (repository nx1/anticorr_data @ dd4a48d)",
            _SWIFT,
            _read_snapshots,
        ),
        _one(
            "swift_sources",
            "Positions, distances and labels of 42 sources",
            File(
                "swift_ulx_sources.csv",
                "e1cca2867f41fc4a8b9c7c043e9e16867f82e1070e07830fc24040d0f819666a",
                4_732,
            ),
            "GPL (repository nx1/anticorr_data @ dd4a48d)",
            _SWIFT,
        ),
        _one(
            "known_pulsars",
            "Twelve known and candidate pulsars with spin and orbital periods",
            File(
                "known_pulsars.csv",
                "6cc5f805ec67bdb69dc44d9af4d956672f250794290cd5b5ace9e38e35f48540",
                1_157,
            ),
            "facts",
            "papers named in the column reference",
        ),
        _one(
            "xmm_observations",
            "506 XMM-Newton observations around the same sources",
            File(
                "xmm_observations.parquet",
                "9d9c33c97ff3582350112310e5b68d78f701460f425d6db57d8934a5fcde5bb6",
                19_471,
            ),
            "HEASARC public; GPL (repository nx1/anticorr_data @ dd4a48d)",
            "HEASARC xmmmaster",
        ),
        _one(
            "ulx_targets",
            "5,217 hosts and sources of three catalogues, with their Swift exposure",
            File(
                "ulx_targets.parquet",
                "25242fd1522526d011ee8ac0f76502851b8701b3adb21d33792d862448e98779",
                150_622,
            ),
            "GPL (repository nx1/anticorr_data @ dd4a48d)",
            "Walton et al. 2022; Earnshaw et al. 2019; Kovlakas et al. 2020",
        ),
        _one(
            "ngc300_ulx1",
            "NGC 300 ULX-1, NICER, 2,408 events, barycentred: a real pulsating source",
            File(
                "events/ngc300_ulx1_nicer_1034200101_bary.evt.gz",
                "5de62d9e607a29aa21e0d85ad53752e11242989e6e8fc58640185b67f092b002",
                93_116,
            ),
            "BSD-3 (repository nanograv/PINT @ d98e4eb), NICER public",
            "Luo et al. 2021, ApJ 911, 45 (PINT); NICER",
            read_events,
        ),
        _one(
            "sgr1830",
            "SGR 1830-0645, NICER, 9,369 events, not barycentred",
            File(
                "events/sgr1830_nicer_2010101830.evt.gz",
                "32b944f0306030781e50fe8059a1b30f0fd302efb622f00ca7143e6a0d2a9e68",
                240_763,
            ),
            "BSD-3 (repository nanograv/PINT @ d98e4eb), NICER public",
            "Luo et al. 2021, ApJ 911, 45 (PINT); NICER",
            read_events,
        ),
        _one(
            "psrb1509",
            "PSR B1509-58, RXTE PCA, 25,828 events, not barycentred",
            File(
                "events/psrb1509_rxte_pca.fits.gz",
                "658356554d74a9b10aa2fd8bbda211646e9f9588a11436be14a36a67bd096425",
                149_142,
            ),
            "BSD-3 (repository nanograv/PINT @ d98e4eb), RXTE public",
            "Luo et al. 2021, ApJ 911, 45 (PINT); RXTE",
            read_events,
        ),
        _one(
            "m82_chandra",
            "M82 field, Chandra ACIS, 4,612 events of 945 s, no known signal",
            File(
                "events/m82_chandra_10027.fits.gz",
                "5a8ac14a3c3c568a13f6d096c85fcc75d424db47797d54076816f50a88de0347",
                96_364,
            ),
            "MIT (repository StingraySoftware/stingray @ 840569c), Chandra public",
            "Huppenkothen et al. 2019, ApJ 881, 39 (stingray); Chandra ObsID 10027",
            read_events,
        ),
        _one(
            "m82_chandra_wheel",
            "The same M82 field out of the published wheel of stingray",
            File(
                "m82_chandra_10027.fits",
                "9d2b1cb26d5d53a68a6e6dc5df005ab924e4dccb239cc3d2343b18750ab399b9",
                227_520,
                sources=("wheel:stingray==2.3.2!stingray/tests/data/chandra_test.fits",),
            ),
            "MIT (stingray), Chandra public",
            "Huppenkothen et al. 2019, ApJ 881, 39 (stingray); Chandra ObsID 10027",
            read_events,
        ),
        _one(
            "m82_rxte",
            "M82, RXTE GoodXenon, 3,518 events",
            File(
                "events/xte_gx_test.evt.gz",
                "34fe9cbfe71bf89b5bec24e93adc113557c3a09349e90f51476beb8a24bfbf6d",
                34_617,
                sources=("wheel:stingray==2.3.2!stingray/tests/data/xte_gx_test.evt.gz",),
            ),
            "BSD-3 (repository StingraySoftware/HENDRICS @ ae926dd), RXTE public",
            "Bachetti 2018, ASCL 1805.019 (HENDRICS); RXTE",
            read_events,
        ),
        _one(
            "4u1636_rxte",
            "4U 1636-53, RXTE, 1,000 events",
            File(
                "events/xte_test.evt.gz",
                "0b04b9b4b071a3c087e3a677eee8ff8160e91427ebdc93a3393f650e48be4335",
                11_191,
            ),
            "BSD-3 (repository StingraySoftware/HENDRICS @ ae926dd), RXTE public",
            "Bachetti 2018, ASCL 1805.019 (HENDRICS); RXTE",
            read_events,
        ),
        _one(
            "fake_timezero",
            "SIMULATED fixture, NuSTAR-like, 1,000 events, TIMEZERO 0.2 s",
            File(
                "events/fake_monol_testA_timezero.evt.gz",
                "7aaa6680a33cd16e3777e30a315f44a559661d8c06993ebe24c80fb745f0e903",
                9_852,
            ),
            "BSD-3 (repository StingraySoftware/HENDRICS @ ae926dd)",
            "Bachetti 2018, ASCL 1805.019 (HENDRICS)",
            read_events,
        ),
        _one(
            "fake_plain",
            "SIMULATED fixture, NuSTAR-like, 1,000 events",
            File(
                "events/fake_monol_testA.evt.gz",
                "5735b3604ed7d7e43a39294fd8017d828e8b4435ebad09636be78d76ad61a8bf",
                9_893,
            ),
            "BSD-3 (repository StingraySoftware/HENDRICS @ ae926dd)",
            "Bachetti 2018, ASCL 1805.019 (HENDRICS)",
            read_events,
        ),
        _one(
            "fake_nomission",
            "SIMULATED fixture without mission and good-time intervals, 1,000 events",
            File(
                "events/fake_monol_testA_nomission.evt.gz",
                "a059a9e91459683947705c879309ec380b78d8732a13fef3d99f7589326e3640",
                9_724,
            ),
            "BSD-3 (repository StingraySoftware/HENDRICS @ ae926dd)",
            "Bachetti 2018, ASCL 1805.019 (HENDRICS)",
            read_events,
        ),
        _one(
            "pn_bands",
            "EPIC-pn response and area folded into the five 4XMM bands",
            File(
                "pn/epn_ff20_bands.npz",
                "af17885236c0f4e9e61249b69c1d72f3887d38fcd0efad08a9f4b674d3e2b480",
                20_138,
            ),
            "XMM-Newton public calibration",
            "XMM-Newton SOC; sherpa/sherpa-test-data @ 1b026cb",
            read_response,
        ),
        _one(
            "published_tree",
            "The published decision tree: 13 nodes with thresholds, counts and impurities",
            File(
                "published_tree.json",
                "378d2a89b6785cc6f244555a384864dc8d89d3b4fbf7f2c94e8a75ae20f75343",
                2_501,
            ),
            "facts",
            "Pinciroli Vago, Amato et al. 2025, A&A, doi 10.1051/0004-6361/202553739",
            _read_json,
        ),
        _one(
            "sim_xmm_640",
            "SIMULATED 4XMM-like rows of 640 sources with hidden pulsars, 1,721 rows",
            File(
                "sim_xmm_640.parquet",
                "ce4dce8d31ce82b1764cb1ed175ec677d6c7e96a48c6b6c3fba9c09706ff2609",
                184_516,
            ),
            "free",
            "simulated; see decan.pulx.simulate_catalogue",
        ),
    ],
)
"""Every data set the library knows, by name."""
