from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.core.errors import SchemaError
from decan.gaia_variables import (
    DmDtBinner,
    LightCurveCleaner,
    LightCurveFolder,
    LightCurves,
    UnitsWarning,
    simulate_stars,
)


@pytest.fixture(scope="module")
def stars():
    return simulate_stars(60, classes=["RRab", "EA", "DSCT", "Mira"], rng=0)


def one(time, mag, err=0.01, source_id=1):
    n = len(time)
    return LightCurves.from_arrays(
        np.full(n, source_id),
        np.asarray(time, float),
        np.asarray(mag, float),
        np.full(n, err) * 1.0,
    )


@pytest.mark.bad_input(1)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["time_d", "mag", "mag_err"])
def test_what_is_not_finite_is_masked_and_counted(column, bad):
    arrays = {"time_d": np.arange(5.0), "mag": np.full(5, 14.0), "mag_err": np.full(5, 0.01)}
    arrays[column][2] = bad
    curves = LightCurves.from_arrays(np.ones(5, int), **arrays)
    assert curves.counts()["not finite"] == 1
    assert curves.n_used.tolist() == [4]


@pytest.mark.bad_input(1)
@pytest.mark.parametrize("bad", [0.0, -0.01])
def test_an_error_that_is_not_positive_is_masked_and_counted(bad):
    curves = LightCurves.from_arrays([1, 1], [0.0, 1.0], [14.0, 14.1], [0.01, bad])
    assert curves.counts()["error not positive"] == 1


@pytest.mark.bad_input(4)
@pytest.mark.parametrize(("offset", "name"), [(2455197.5, "JD"), (55197.0, "MJD")])
def test_julian_dates_are_guessed_and_change_no_input(offset, name):
    rng = np.random.default_rng(0)
    time, mag = np.sort(rng.uniform(1700, 2600, 50)), 14 + 0.2 * rng.normal(size=50)
    with pytest.warns(UnitsWarning, match=name):
        shifted = one(time + offset, mag)
    plain = one(time, mag)
    both = [DmDtBinner().transform(curves).prob for curves in (plain, shifted)]
    np.testing.assert_array_equal(*both)


@pytest.mark.bad_input(6)
def test_unsorted_epochs_are_sorted_and_exact_duplicates_counted():
    curves = one([3.0, 1.0, 2.0, 1.0], [14.3, 14.1, 14.2, 14.1])
    assert curves.time_d.tolist() == [1, 1, 2, 3]
    assert curves.counts()["duplicate"] == 1


@pytest.mark.bad_input(6)
def test_pairs_at_equal_times_are_no_pairs():
    curves = one([1.0, 1.0, 2.0], [14.0, 14.1, 14.2])
    assert DmDtBinner().transform(curves).n_pairs.sum() == 2


@pytest.mark.bad_input(11)
def test_fluxes_are_refused_with_the_formula():
    with pytest.raises(ValueError, match=r"source_id 1\) holds 1500, expected magnitudes.*log10"):
        one([1.0, 2.0], [14.0, 1500.0])


@pytest.mark.bad_input(10)
def test_ids_that_were_floats_are_refused():
    with pytest.raises(TypeError, match="expected 64-bit integers, found float64"):
        LightCurves.from_arrays([1.0, 2.0], [0.0, 1.0], [14.0, 14.0], [0.1, 0.1])


@pytest.mark.bad_input(10)
def test_repeated_ids_of_a_nested_table_are_named():
    table = pd.DataFrame(
        {"source_id": [7, 7], "time": [[1.0]] * 2, "mag": [[14.0]] * 2, "mag_err": [[0.1]] * 2}
    )
    with pytest.raises(ValueError, match="1 repeated, first: 7"):
        LightCurves.from_table(table)


@pytest.mark.bad_input(12)
def test_absurd_errors_do_not_spoil_a_curve():
    rng = np.random.default_rng(0)
    err = 0.002 * np.exp(0.2 * rng.normal(size=50))
    err[3], err[4] = 1e-6, 2.4
    curves = LightCurves.from_arrays(
        np.ones(50, int), np.arange(50.0), 14 + 0.1 * rng.normal(size=50), err
    )
    clean = LightCurveCleaner().transform(curves)
    assert clean.mag_err.min() == 5e-4
    assert clean.counts()["error outlier"] == 1


@pytest.mark.bad_input(13)
def test_a_column_without_pairs_is_masked_with_no_error():
    histogram = DmDtBinner().transform(one([0.0, 1.0, 2.5], [14.0, 14.1, 14.2]))
    assert np.isnan(histogram.err[~histogram.valid]).all()
    assert (histogram.prob.transpose(0, 2, 1)[~histogram.valid] == 0).all()


def test_lists_of_a_nested_table_become_float_epochs_and_none_is_counted():  # CASES: fornax 183
    nested = pd.DataFrame(
        {
            "source_id": np.array([1, 2], np.int64),
            "time": [[0.0, 1, 2, 3, 4, 5], [0.0, 1, 2, 3, 4]],
            "mag": [[14.0, 14.1, None, 14.3, 14.2, 14.0], [15.0, 15.1, 15.3, 15.2, 15.0]],
            "mag_err": [[0.01] * 6, [0.01] * 5],
        }
    )
    curves = LightCurves.from_table(nested)
    assert curves.source_id.dtype == np.int64
    assert {curves.time_d.dtype, curves.mag.dtype, curves.mag_err.dtype} == {np.dtype("f8")}
    assert curves.counts()["not finite"] == 1
    assert curves.n_used.sum() == 10
    flat = LightCurves.from_arrays(
        [1] * 5 + [2] * 5, [0, 1, 3, 4, 5, 0, 1, 2, 3, 4],
        [14.0, 14.1, 14.3, 14.2, 14.0, 15.0, 15.1, 15.3, 15.2, 15.0], [0.01] * 10,
    )  # fmt: skip
    for binner in (DmDtBinner(), DmDtBinner(signed=True)):
        np.testing.assert_array_equal(binner.transform(curves).prob, binner.transform(flat).prob)


def test_nested_lists_through_a_parquet_file(tmp_path):  # CASES: fornax 183
    table = pd.DataFrame(
        {"source_id": [1], "time": [[0.0, 1.0]], "mag": [[14.0, None]], "mag_err": [[0.1, 0.1]]}
    )
    table.to_parquet(tmp_path / "nested.parquet")
    assert LightCurves.from_parquet(tmp_path / "nested.parquet").n_used.tolist() == [1]


def test_lists_of_different_length_name_the_row():
    table = pd.DataFrame(
        {"source_id": [1], "time": [[0.0, 1.0]], "mag": [[14.0]], "mag_err": [[0.1, 0.1]]}
    )
    with pytest.raises(SchemaError, match="row 0 has 2 times and 1 values of 'mag'"):
        LightCurves.from_table(table)


@pytest.mark.bad_input(15)
def test_no_star_and_one_star_pass_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (0, 1):
            curves = simulate_stars(2, rng=0).curves[:n]
            clean = LightCurveCleaner().transform(curves)
            assert DmDtBinner().transform(clean).prob.shape == (n, 20, 10)
            assert len(LightCurveFolder().transform(clean, np.ones(n))) == n


def test_the_histogram_counts_the_pairs_that_a_loop_counts(stars):
    binner = DmDtBinner()
    clean = LightCurveCleaner().transform(stars.curves)
    histogram = binner.transform(clean)
    for i in (0, 7):
        used = clean[[i]].used()
        m = (used.mag - used.mag.mean()) / used.mag.std(ddof=1)
        expected = np.zeros(binner.shape)
        for a in range(len(m)):
            for b in range(a + 1, len(m)):
                column = (
                    np.searchsorted(binner.dt_edges_d, used.time_d[b] - used.time_d[a], "right") - 1
                )
                row = np.searchsorted(binner.dm_edges, abs(m[b] - m[a]), "right") - 1
                expected[min(row, 19), min(max(column, 0), 9)] += 1
        np.testing.assert_array_equal(histogram.n_pairs[i], expected.sum(axis=0))
        share = expected / np.maximum(expected.sum(axis=0), 1)
        np.testing.assert_allclose(histogram.prob[i], share, atol=1e-7)


def test_the_histogram_of_a_star_does_not_depend_on_its_neighbours(stars):
    clean = LightCurveCleaner().transform(stars.curves)
    together = DmDtBinner().transform(clean).prob[5]
    alone = DmDtBinner().transform(clean[[5]]).prob[0]
    np.testing.assert_array_equal(together, alone)


def test_the_earlier_preset_is_signed_with_23_by_5_bins(stars):
    histogram = DmDtBinner.preset("paper-2024").transform(stars.curves)
    assert histogram.prob.shape[1:] == (23, 5)
    # A later epoch is as often fainter as brighter in a stationary curve.
    mean = histogram.prob.mean(axis=0)
    assert abs(mean[:11].sum() - mean[12:].sum()) < 0.2 * mean.sum()


@settings(max_examples=15, deadline=None)
@given(st.floats(-3000, 3000))
def test_a_shift_of_the_time_origin_changes_no_input(days):
    stars = simulate_stars(8, classes=["RRab", "EW"], rng=3)
    f = stars.truth["dominant_frequency"].to_numpy()
    plain = LightCurveFolder().transform(stars.curves, f)
    moved = LightCurveFolder().transform(stars.curves.shifted(days), f)
    np.testing.assert_array_equal(plain.mask, moved.mask)
    np.testing.assert_allclose(plain.phase, moved.phase, atol=1e-5)


def test_the_faintest_point_of_a_smooth_curve_sits_at_a_quarter():
    time = np.sort(np.random.default_rng(0).uniform(0, 900, 90))
    curve = 14 + 0.4 * np.cos(2 * np.pi * time / 0.8) ** 1
    folded = LightCurveFolder(double_period=False).transform(one(time, curve), [1 / 0.8])
    faintest = folded.phase[0, folded.mag[0].argmax()]
    assert abs(faintest - 0.25) < 0.03


@pytest.mark.bad_input(5)
@pytest.mark.parametrize("f", [0.0, -1.0, np.nan, 26.0, 1e-4])
def test_a_bad_frequency_gives_a_status_and_no_fold(f, stars):
    folded = LightCurveFolder().transform(stars.curves[:1], [f])
    assert folded.status.tolist() == ["bad_frequency"]
    assert not folded.mask.any()


@pytest.mark.bad_input(7)
def test_more_than_200_epochs_are_all_used_and_cut_on_request_only():
    time = np.sort(np.random.default_rng(0).uniform(0, 900, 320))
    curves = one(time, 14 + 0.3 * np.sin(time))
    assert DmDtBinner().transform(curves).n_pairs.sum() == 320 * 319 / 2
    assert curves.first(200).n_used.tolist() == [200]


def test_exactly_one_outlying_magnitude_is_left_out_and_two_are_kept():
    rng = np.random.default_rng(0)
    mag = 14 + 0.01 * rng.normal(size=60)
    mag[10] = 15.5
    single = LightCurveCleaner().transform(one(np.arange(60.0), mag))
    assert single.counts()["magnitude outlier"] == 1
    mag[20] = 15.5
    assert (
        LightCurveCleaner().transform(one(np.arange(60.0), mag)).counts()["magnitude outlier"] == 0
    )
