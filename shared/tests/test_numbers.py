"""Numbers in every dress that astronomers bring them in."""

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from astropy.time import Time

from decan.core.data.numbers import as_frame, in_unit, in_units, plain_numbers
from decan.core.errors import SchemaError

PLAIN = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3],
        PLAIN.astype(">f4"),
        np.array(["1", "2.0", " 3 "]),
        pd.Series(PLAIN, index=[7, 3, 9]),
        pd.array([1, 2, 3], dtype="Int64"),
        PLAIN * u.d,
        (PLAIN * u.d).to(u.h),
        [1 * u.d, 48 * u.h, 3.0],
        Table({"t": PLAIN * u.d})["t"],
        np.array([1, 2, 3], dtype=object),
    ],
)
def test_the_same_numbers_in_any_dress(values):
    found = plain_numbers(values, "time", unit="d")
    np.testing.assert_allclose(found, PLAIN, rtol=1e-7)
    assert found.dtype == np.float64
    assert found.dtype.isnative


@pytest.mark.parametrize(
    "values",
    [
        np.ma.array([1, -9999, 3], mask=[False, True, False]),
        MaskedColumn([1.0, 2.0, 3.0], mask=[False, True, False]),
        MaskedColumn([1.0, 2.0, 3.0], mask=[False, True, False], unit="d"),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.0, None, 3.0]),
        [1.0, np.nan, 3.0],
    ],
)
def test_what_is_masked_or_absent_is_nan(values):
    np.testing.assert_array_equal(plain_numbers(values, "time", unit="d"), [1, np.nan, 3])


def test_a_masked_quantity_is_converted_and_masked():
    from astropy.utils.masked import Masked

    values = Masked([24.0, 48.0] * u.h, mask=[False, True])
    np.testing.assert_array_equal(plain_numbers(values, "time", unit="d"), [1, np.nan])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1", "bright"], "flux: row 1 is 'bright', expected a number"),
        ([[1, 2], [3, "x"]], "flux: row 1 is 'x', expected a number"),
        (np.array([1 + 2j]), "flux: holds complex numbers, expected real ones"),
        (np.array(["2020-01-01"], "M8[s]"), r"flux: holds datetime64\[s\], expected numbers"),
        (Time(2455197.5, format="jd"), "flux: row 0 is .*, expected a number"),
    ],
)
def test_what_is_no_number_is_named_by_its_row(values, said):
    with pytest.raises(ValueError, match=said):
        plain_numbers(values, "flux")


def test_a_unit_of_another_kind_is_refused():
    with pytest.raises(SchemaError, match="period: found unit 'm', expected 'd'"):
        plain_numbers([1.0] * u.m, "period", unit="d")


def test_a_table_of_astropy_keeps_units_and_masks():
    table = Table({"id": [1, 2], "t": [1.0, 2.0] * u.h})
    table["m"] = MaskedColumn([5.0, 6.0], mask=[True, False])
    table["name"] = MaskedColumn(["a", "b"], mask=[False, True])
    frame = as_frame(table)
    assert frame.attrs["units"] == {"t": "h"}
    assert frame["id"].dtype == np.int64
    assert frame["m"].isna().tolist() == [True, False]
    assert frame["name"].isna().tolist() == [False, True]
    assert in_units(frame, {"t": "s"})["t"].tolist() == [3600, 7200]


def test_ids_of_nineteen_digits_survive():
    # A float would lose the last digits of a Gaia id.
    big = 4_295_806_720_123_456_789
    assert int(as_frame(Table({"id": np.array([big])}))["id"][0]) == big


def test_numbers_without_a_unit_stay_what_they_are():
    given = [1.0, 2.0]
    assert in_unit(given, "d", "period") is given
    assert in_unit(3.0, "d", "period") == 3.0
    assert in_unit(24 * u.h, "d", "period") == 1.0
