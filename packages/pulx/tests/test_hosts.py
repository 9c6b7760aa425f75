"""Hosts: ellipses the right way round, nuclei left out, sources kept whole."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.core.errors import SchemaError
from decan.pulx import ultraluminous_sample

GALAXY = {"name": "G", "ra": 150.0, "dec": 40.0, "distance_mpc": 10.0, "r1_arcmin": 5.0,
          "r2_arcmin": 1.0, "pa_deg": 0.0}  # fmt: skip


def at(east_arcmin, north_arcmin, **more):
    """One detection at an offset from the galaxy's centre."""
    ra = 150 + east_arcmin / 60 / np.cos(np.radians(40))
    row = {"SRCID": 1, "RA": ra, "DEC": 40 + north_arcmin / 60, "POSERR": 0.5,
           "EP_8_FLUX": 1e-12, "EP_8_FLUX_ERR": 1e-14}  # fmt: skip
    return {**row, **more}


def sample(*rows, **galaxy):
    return ultraluminous_sample(pd.DataFrame(rows), pd.DataFrame([{**GALAXY, **galaxy}]))


def test_the_ellipse_is_turned_from_north_through_east():
    along = at(0.0, 4.0)
    across = at(4.0, 0.0)
    assert len(sample(along)[0]) == 1
    assert len(sample(across)[0]) == 0
    assert len(sample(along, pa_deg=90.0)[0]) == 0
    assert len(sample(across, pa_deg=90.0)[0]) == 1
    north_east = at(3 / np.sqrt(2), 3 / np.sqrt(2))
    assert len(sample(north_east, pa_deg=45.0)[0]) == 1
    assert len(sample(north_east, pa_deg=-45.0)[0]) == 0


def test_flags_say_how_well_the_shape_is_known():
    inner, outer = at(0.0, 0.8), at(4.0, 0.0)
    assert sample(inner)[0]["host_flag"].tolist() == [0]
    assert sample(inner, pa_deg=np.nan)[0]["host_flag"].tolist() == [1]
    assert sample(outer, pa_deg=np.nan)[0]["host_flag"].tolist() == [2]
    assert sample(outer, pa_deg=np.nan, r2_arcmin=np.nan)[0]["host_flag"].tolist() == [3]


def test_nuclear_and_faint_sources_go_and_are_counted_and_a_source_stays_whole():
    rows = [
        at(0.0, 0.01, SRCID=1),
        at(0.0, 2.0, SRCID=2, EP_8_FLUX=1e-16, EP_8_FLUX_ERR=1e-17),
        at(0.0, 2.5, SRCID=3, EP_8_FLUX=1e-16, EP_8_FLUX_ERR=1e-17),
        at(0.0, 2.5, SRCID=3),
        at(60.0, 0.0, SRCID=4),
    ]
    kept, dropped = sample(*rows)
    assert kept["SRCID"].tolist() == [3, 3]
    assert dropped["nuclear"] == 1
    assert dropped["never ultraluminous"] == 1
    assert dropped["outside of every galaxy"] == 1


def test_luminosities_are_those_of_a_sphere_with_errors_in_quadrature():
    kept, _ = sample(at(0.0, 2.0), distance_err_mpc=1.0)
    # 4 pi (10 Mpc)² 1e-12 erg/cm²/s = 1.1966e40 erg/s; 1 % of flux and 2 x 10 % of distance.
    assert kept["luminosity"][0] == pytest.approx(1.1966e40, rel=1e-3)
    assert kept["luminosity_err"][0] == pytest.approx(1.1966e40 * np.hypot(0.01, 0.2), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_no_row_is_lost_without_being_counted(seed):
    rng = np.random.default_rng(seed)
    rows = [at(*rng.normal(0, 3, 2), SRCID=int(rng.integers(5)),
               EP_8_FLUX=10 ** rng.uniform(-16, -12)) for _ in range(30)]  # fmt: skip
    kept, dropped = sample(*rows, pa_deg=float(rng.uniform(0, 180)))
    assert len(kept) + sum(dropped.values()) == 30


def test_a_missing_axis_column_is_named():
    with pytest.raises(SchemaError, match="'r1_arcmin' is missing"):
        ultraluminous_sample(
            pd.DataFrame([at(0, 1)]), pd.DataFrame([GALAXY]).drop(columns="r1_arcmin")
        )
