"""What carries units, masks or dates of its own means the same stars."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from astropy.time import Time

from decan.core.errors import SchemaError
from decan.gaia_variables import (
    LightCurveFolder,
    LightCurves,
    VariablesPipeline,
    XPPreprocessor,
    simulate_stars,
)
from decan.gaia_variables.mapping import load_curves


@pytest.fixture(scope="module")
def curves():
    return simulate_stars(3, classes=["RRab", "EW", "DCEP"], rng=0).curves


def ids_of(curves):
    return curves.source_id[curves.star]


@pytest.mark.parametrize("unit", ["d", "h", "s"])
def test_times_and_magnitudes_with_units_are_converted(curves, unit):
    found = LightCurves.from_arrays(
        ids_of(curves),
        (curves.time_d * u.d).to(unit),
        curves.mag * u.mag,
        (curves.mag_err * 1000) * u.Unit("mmag"),
    )
    np.testing.assert_allclose(found.time_d, curves.time_d, rtol=1e-12)
    np.testing.assert_allclose(found.mag_err, curves.mag_err, rtol=1e-12)


def test_an_astropy_time_becomes_days_of_gaias_epoch(curves):
    time = Time(2455197.5, curves.time_d, format="jd", scale="tcb")
    found = LightCurves.from_arrays(ids_of(curves), time, curves.mag, curves.mag_err)
    np.testing.assert_allclose(found.time_d, curves.time_d, atol=1e-9)


def test_masked_magnitudes_are_counted_not_used(curves):
    mask = np.arange(len(curves.mag)) % 5 == 0
    mag = np.ma.masked_array(curves.mag, mask=mask)
    found = LightCurves.from_arrays(ids_of(curves), curves.time_d, mag, curves.mag_err)
    assert found.counts()["not finite"] == mask.sum()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array(["2016-01-01"], "M8[s]"), "time_d: holds datetime64"),
        (["tomorrow"], "time_d: row 0 is 'tomorrow'"),
        ([1 + 2j], "time_d: holds complex numbers"),
        ([1.0] * u.m, "time_d: found unit 'm', expected 'd'"),
    ],
)
def test_times_that_are_none_are_refused_by_name(values, said):
    with pytest.raises(ValueError, match=said):
        LightCurves.from_arrays([1], values, [14.0], [0.01])


def test_tables_of_astropy_are_read_with_their_units_and_masks(curves, tmp_path):
    table = Table(
        {
            "source_id": ids_of(curves),
            "time": (curves.time_d * u.d).to("h"),
            "mag": MaskedColumn(curves.mag, mask=np.arange(len(curves.mag)) == 0, unit="mag"),
            "mag_err": curves.mag_err,
        }
    )
    for found in (LightCurves.from_table(table), _through(table, tmp_path / "curves.ecsv")):
        np.testing.assert_allclose(found.time_d, curves.time_d, rtol=1e-12)
        assert found.counts()["not finite"] == 1


def _through(table, path):
    table.write(path)
    return load_curves(path)


def test_a_nested_table_is_converted_by_its_units(curves):
    table = curves.to_table().drop(columns="reason")
    nested = table.groupby("source_id").agg(list).reset_index()
    nested["time"] = [list(24 * np.array(times)) for times in nested["time"]]
    nested.attrs["units"] = {"time": "h"}
    found = LightCurves.from_table(nested)
    np.testing.assert_allclose(found.time_d, curves.time_d, rtol=1e-12)


def test_frequencies_with_units_are_converted_and_periods_refused(curves):
    frequency = np.array([1.7, 3.1, 0.2])
    folder = LightCurveFolder()
    plain = folder.transform(curves, frequency)
    with_units = folder.transform(curves, (frequency / u.d).to("uHz"))
    np.testing.assert_allclose(with_units.phase, plain.phase, atol=1e-6)
    found = VariablesPipeline.pretrained().transform(
        curves, frequency=(frequency / u.d).to("1 / h")
    )
    np.testing.assert_allclose(found.frequency, frequency)
    with pytest.raises(SchemaError, match="frequency: found unit 'd', expected '1/d'"):
        folder.transform(curves, (1 / frequency) * u.d)


def test_masked_coefficients_are_a_missing_band():
    coefficients = np.ma.masked_array(np.ones((1, 110)), mask=np.arange(110)[None] >= 55)
    assert XPPreprocessor().transform(coefficients).status.tolist() == ["missing_band"]


@pytest.mark.bad_input(10)
@pytest.mark.parametrize("written", ["4.295806720123457e18", "4295806720123456789.0", "x"])
def test_ids_that_a_file_holds_as_floats_or_text_are_refused(written, tmp_path):
    # Read as numbers, these would become the id of another star without a word.
    path = tmp_path / "curves.csv"
    path.write_text(f"source_id,time,mag,mag_err\n12,1,14,.01\n{written},2,14,.01\n")
    with pytest.raises(SchemaError, match=r"curves.csv: source_id: expected 64-bit integers"):
        load_curves(path)


def test_ids_of_nineteen_digits_are_read_digit_by_digit(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("source_id,time,mag,mag_err\n 4295806720123456789,1,14,.01\n")
    assert load_curves(path).source_id.tolist() == [4295806720123456789]
