"""Spoilt event files, curves, responses and catalogues: read, or refused in one line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from astropy.io import fits

from decan.core.data.tables import read_table
from decan.core.testing import assert_only_own_errors
from decan.pulx import EventList, features_4xmm, read_swift_curve, simulate_catalogue
from decan.pulx.archive import read_response
from decan.pulx.catalogue import clean_detections

TIMES = np.sort(np.random.default_rng(0).uniform(0, 900, 80))


def events_of_xmm(folder):
    columns = [
        fits.Column("TIME", "D", unit="s", array=5e8 + TIMES),
        fits.Column("PI", "J", array=np.full(80, 1500)),
        fits.Column("PATTERN", "B", array=np.arange(80) % 3),
        fits.Column("FLAG", "J", array=np.zeros(80)),
    ]
    events = fits.BinTableHDU.from_columns(columns, name="EVENTS")
    events.header.update(
        TELESCOP="XMM", INSTRUME="EPN", SUBMODE="PrimeFullWindow", OBJECT="ULX", MJDREF=50814.0,
        TIMESYS="TDB", TIMEREF="SOLARSYSTEM", TIMEZERO=0.0,
    )  # fmt: skip
    good = [fits.Column("START", "D", array=[5e8]), fits.Column("STOP", "D", array=[5e8 + 900])]
    path = folder / "events.evt"
    gti = fits.BinTableHDU.from_columns(good, name="STDGTI01")
    fits.HDUList([fits.PrimaryHDU(), events, gti]).writeto(path)
    return path


def events_compressed(folder):
    path = folder / "events.evt.gz"
    path.write_bytes(gzip.compress(events_of_xmm(folder).read_bytes(), mtime=0))
    return path


def curve(folder):
    path = folder / "curve.qdp"
    rows = "".join(f"{57000 + i}.25 0.01 -0.01 0.12 0.02 -0.02 ! ObsID=0003128700{i % 10}\n"
                   for i in range(20))  # fmt: skip
    path.write_text(
        f"READ TERR 1 2\n! PC data\n!MJD T_+ve T_-ve Rate Ratepos Rateneg\n{rows}"
        "NO NO NO NO NO NO\n! PC upper limits\n57005.5 0.01 -0.01 0.01 0 0\n",
        encoding="utf-8",
    )
    return path


def hardness(folder):
    curve(folder)
    path = folder / "hardrat.qdp"
    blocks = [f"! PC -- {name}\n" + "".join(f"{57000 + i}.25 0.01 -0.01 0.06 0.01\n"
              for i in range(20)) for name in ("hard data", "soft data")]  # fmt: skip
    path.write_text("READ TERR 1\nREAD SERR 2\n" + "NO NO NO NO NO\n".join(blocks), "utf-8")
    return path


def response(folder):
    path = folder / "bands.npz"
    edges = np.geomspace(0.2, 12, 30)
    np.savez(path, e_lo=edges[:-1], e_hi=edges[1:], area_cm2=np.ones((5, 29)))
    return path


def catalogue(folder):
    path = folder / "rows.csv"
    simulate_catalogue(20, 40, n_pulsars=2, n_pulsar_rows=8, n_hidden=0, rng=0).to_csv(
        path, index=False
    )
    return path


def read_hardness(path):
    beside = path.parents[path.parent.name == "spoilt"] / "curve.qdp"
    return read_swift_curve(beside, path, source="ULX")


def read_catalogue(path):
    return features_4xmm(clean_detections(read_table(path))[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "read", "n"),
    [
        (events_of_xmm, lambda path: EventList.from_fits(path, energy=(0.3, 10)), 100),
        (events_compressed, EventList.from_fits, 60),
        (curve, lambda path: read_swift_curve(path, source="ULX"), 100),
        (hardness, read_hardness, 100),
        (response, read_response, 60),
        (catalogue, read_catalogue, 60),
    ],
)
def test_a_spoilt_file_is_read_or_refused(make, read, n, tmp_path):
    (tmp_path / "spoilt").mkdir()
    valid = make(tmp_path)
    assert assert_only_own_errors(read, valid, tmp_path / "spoilt", n=n, seed=13) > n / 10
