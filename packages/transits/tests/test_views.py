import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binned_statistic

from decan.transits import LightCurve, TransitSignal, ViewBuilder, diagnose
from decan.transits.folding import bin_means, bin_medians, count_transits, fill_empty, phase_of
from decan.transits.presets import PRESETS
from decan.transits.views import build_views


def box(
    *, depth=0.001, noise=2e-4, seed=0, blocks=(0.0,), period=5.0, epoch=2.5, hours=2.8, **columns
):
    time = np.concatenate([start + np.arange(0, 27, 30 / 1440) for start in blocks])
    rng = np.random.default_rng(seed)
    offset = np.abs((time - epoch + period / 2) % period - period / 2)
    flux = 1 - depth * (offset < hours / 48) + rng.normal(0, noise, time.size)
    return LightCurve(time, flux, **columns), TransitSignal(period, epoch, hours)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_batched_means_equal_those_of_scipy(seed, n_bins, n_objects):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1, 1, 500), rng.normal(size=500)
    owner = rng.integers(0, n_objects, 500)
    ours = bin_means(x, y, low=-0.9, high=0.9, n_bins=n_bins, objects=owner, n_objects=n_objects)
    ours_median = bin_medians(
        x, y, low=-0.9, high=0.9, n_bins=n_bins, objects=owner, n_objects=n_objects
    )
    for i in range(n_objects):
        mine = owner == i
        for statistic, found in (("mean", ours), ("median", ours_median)):
            theirs = (
                binned_statistic(
                    x[mine], y[mine], statistic, bins=n_bins, range=(-0.9, 0.9)
                ).statistic
                if mine.any()
                else np.full(n_bins, np.nan)
            )
            np.testing.assert_allclose(found.value[i], theirs, rtol=1e-9, atol=1e-12)


def test_overlapping_bins_count_a_point_in_each():
    found = bin_medians([0.5], [7.0], low=0.0, high=1.0, n_bins=5, width=0.6)
    # Left edges 0, 0.1, 0.2, 0.3, 0.4: all five bins hold 0.5.
    assert found.count.tolist() == [[1, 1, 1, 1, 1]]


# lightkurve/lightkurve#1493: the error of a bin divided by the number of all points.
@pytest.mark.bad_input(15)
def test_error_of_a_bin_divides_by_its_valid_points():
    found = bin_means(
        [0, 0, 0], [1.0, np.nan, 1.2], low=-1, high=1, n_bins=1, errors=[0.1, np.nan, 0.3]
    )
    assert found.count[0, 0] == 2
    assert found.value[0, 0] == pytest.approx(1.1)
    assert found.error[0, 0] == pytest.approx(np.sqrt(0.01 + 0.09) / 2)


@pytest.mark.bad_input(15)
def test_a_nan_point_leaves_the_count_of_its_view():
    time = np.array([2.4, 2.5, 2.6])
    curve = LightCurve(time, [1.0, np.nan, 1.2])
    assert curve.dropped["NaN"] == 1


@given(st.floats(-1e5, 1e5), st.floats(0.1, 500), st.floats(-1e5, 1e5))
def test_phase_stays_in_its_interval(time, period, epoch):
    phase = phase_of([time], period, epoch)
    assert -0.5 <= phase[0] < 0.5


def test_empty_bins_are_filled_by_straight_lines():
    filled = fill_empty(np.array([[np.nan, 0.0, np.nan, np.nan, 3.0, np.nan]]))
    assert filled.tolist() == [[0.0, 0.0, 1.0, 2.0, 3.0, 3.0]]


@pytest.mark.bad_input(13)
def test_two_sectors_far_apart_keep_transits_signal_to_noise_and_shape():
    one, signal = box()
    two, _ = box(blocks=(0.0, 700.0))
    tally = count_transits(two.time, 5.0, 2.5, 2.8 / 24, cadence=30 / 1440)
    assert (tally.n_with_data, tally.n_good) == (10, 10)
    # 25 points in transit, depth five times the noise: 25; twice the points: 35.4.
    assert diagnose(one, signal).snr == pytest.approx(25, abs=1)
    assert diagnose(two, signal).snr == pytest.approx(35.4, abs=1)
    views = [ViewBuilder().transform(curve, signal)["main"][0] for curve in (one, two)]
    assert np.std(views[0] - views[1]) < 0.25


def test_depth_scaling_keeps_the_ratio_of_secondary_to_primary():
    curve, signal = box(depth=0.01, noise=1e-5)
    offset = np.abs((curve.time - 5.0 + 2.5) % 5.0 - 2.5)
    curve = curve.with_flux(curve.flux - 0.004 * (offset < 2.8 / 48))
    views = ViewBuilder().transform(curve, signal)
    assert views["main"].min() == pytest.approx(-1, abs=0.05)
    assert views["secondary"].min() == pytest.approx(-0.4, abs=0.05)
    assert views.quality["secondary_phase"][0] == pytest.approx(0.5, abs=0.01)


def test_released_scaling_loses_it():
    curve, signal = box(depth=0.01, noise=1e-5)
    offset = np.abs((curve.time - 5.0 + 2.5) % 5.0 - 2.5)
    curve = curve.with_flux(curve.flux - 0.004 * (offset < 2.8 / 48))
    views = ViewBuilder("watson").transform(curve, signal)
    for name in ("main", "secondary"):
        assert (views[name].min(), views[name].max()) == pytest.approx((1e-7, 1 - 1e-7))


def test_released_global_view_has_its_transit_at_three_quarters():
    curve, signal = box(depth=0.01, noise=1e-5)
    views = ViewBuilder("watson").transform(curve, signal)
    assert views["global"].shape == (1, 300)
    assert np.argmin(views["global"][0]) / 300 == pytest.approx(0.75, abs=0.02)


def test_yu_views_have_median_zero_and_minimum_minus_one():
    curve, signal = box()
    views = ViewBuilder("yu2019").transform(curve, signal)
    assert {name: view.shape[1] for name, view in views.values.items()} == {
        "global": 201, "local": 61, "secondary": 61,
    }  # fmt: skip
    for view in views.values.values():
        assert np.median(view) == pytest.approx(0, abs=1e-12)
        assert view.min() == pytest.approx(-1)


def test_odd_and_even_views_hold_their_own_transits():
    curve, signal = box(depth=0.0, noise=1e-6)
    cycle = np.round((curve.time - 2.5) / 5.0)
    inside = np.abs(curve.time - 2.5 - cycle * 5.0) < 2.8 / 48
    curve = curve.with_flux(curve.flux - inside * np.where(cycle % 2 == 1, 0.004, 0.002))
    views = ViewBuilder().transform(curve, signal)
    assert views["odd"].min() / views["even"].min() == pytest.approx(2, rel=0.05)
    found = diagnose(curve, signal)
    assert found.odd_depth_ppm == pytest.approx(4000, rel=0.02)
    assert found.even_depth_ppm == pytest.approx(2000, rel=0.02)


def test_a_batch_equals_its_members_one_by_one():
    pairs = [box(seed=i, period=4.0 + i, epoch=1.0) for i in range(4)]
    for preset in PRESETS:
        builder = ViewBuilder(preset)
        batch = builder.transform_many(pairs, batch=3)
        for i, (curve, signal) in enumerate(pairs):
            one = builder.transform(curve, signal)
            for name in one.values:
                np.testing.assert_allclose(batch[name][i], one[name][0], atol=1e-9)
                assert batch.present[name][i] == one.present[name][0]


@pytest.mark.bad_input(6)
def test_a_view_with_too_few_points_is_missing_and_never_constant():
    curve, signal = box(period=26.0, epoch=2.5)
    views = ViewBuilder().transform(curve, signal)
    assert not views.present["odd"][0]
    assert np.isnan(views["odd"]).all()
    assert not views.present["centroid"][0]


@pytest.mark.bad_input(5)
def test_transits_in_gaps_leave_no_view_and_no_number():
    curve, _ = box()
    signal = TransitSignal(100.0, 60.0, 2.8)
    views = ViewBuilder().transform(curve, signal)
    assert not views.present["main"][0]
    found = diagnose(curve, signal)
    assert found.n_transits == 0
    assert np.isnan(found.depth_ppm)


@pytest.mark.bad_input(1)
def test_a_single_transit_has_no_odd_even_difference():
    curve, _ = box(period=100.0, epoch=10.0)
    found = diagnose(curve, TransitSignal(100.0, 10.0, 2.8))
    assert found.single_transit
    assert np.isnan(found.odd_even_sigma)


def test_halo_deeper_than_core_is_a_ghost():
    time = np.arange(0, 27, 30 / 1440)
    dip = np.abs((time - 2.5 + 2.5) % 5 - 2.5) < 2.8 / 48
    rng = np.random.default_rng(0)
    curve = LightCurve(
        time, 1 - 0.002 * dip + rng.normal(0, 1e-4, time.size),
        core=1 - 0.001 * dip + rng.normal(0, 1e-4, time.size),
        halo=1 - 0.003 * dip + rng.normal(0, 1e-4, time.size),
    )  # fmt: skip
    found = diagnose(curve, TransitSignal(5.0, 2.5, 2.8))
    assert found.ghost == pytest.approx(3.0, abs=4 * found.ghost_err)


def test_photocentre_shift_gives_the_distance_of_the_source():
    # A blend whose second star, 8 arcsec away, dims: shift = depth * distance / (1 - depth).
    time = np.arange(0, 27, 30 / 1440)
    dip = np.abs((time - 2.5 + 2.5) % 5 - 2.5) < 2.8 / 48
    rng = np.random.default_rng(0)
    depth = 0.002
    shift = 8.0 * depth / (1 - depth)
    centroid = np.column_stack([-shift * dip, 0 * dip]) + rng.normal(0, 1e-3, (time.size, 2))
    flux = 1 - depth * dip + rng.normal(0, 1e-4, time.size)
    curve = LightCurve(time, flux, centroid=centroid, centroid_unit="arcsec")
    found = diagnose(curve, TransitSignal(5.0, 2.5, 2.8))
    assert found.source_offset == pytest.approx(8.0, abs=4 * found.source_offset_err)


def test_fixed_edges_do_not_move_when_data_are_missing():
    curve, signal = box(depth=0.01, noise=1e-6)
    keep = np.abs(curve.time - 3.0) > 0.2
    part = LightCurve(curve.time[keep], curve.flux[keep])
    whole = build_views([curve], [signal])["main"][0]
    np.testing.assert_allclose(build_views([part], [signal])["main"][0], whole, atol=0.05)


def test_errors_of_depth_and_odd_even_difference_are_as_wide_as_the_scatter():
    found = [diagnose(*box(seed=seed)) for seed in range(100)]
    pull = np.array([(one.depth_ppm - 1000) / one.depth_err_ppm for one in found])
    # One standard deviation of a standard deviation of 100 draws is 0.07.
    assert np.std(pull) == pytest.approx(1.0, abs=0.2)
    assert np.std([one.odd_even_sigma for one in found]) == pytest.approx(1.0, abs=0.2)


@pytest.mark.bad_input(12)
@pytest.mark.slow
def test_ten_million_points_agree_with_their_average():
    rng = np.random.default_rng(0)
    time = np.arange(9_999_996) * (20 / 86400)
    flux = 1 - 0.01 * (np.abs((time - 2.5 + 2.5) % 5 - 2.5) < 2.8 / 48)
    flux += rng.normal(0, 2e-3, time.size)
    signal = TransitSignal(5.0, 2.5, 2.8)
    fast = build_views([LightCurve(time, flux)], [signal])["main"][0]
    mean = LightCurve(time.reshape(-1, 6).mean(1), flux.reshape(-1, 6).mean(1))
    slow = build_views([mean], [signal])["main"][0]
    # Bins at ingress and egress mix; elsewhere only noise remains.
    assert np.median(np.abs(fast - slow)) < 0.005


@pytest.mark.parametrize("fast_first", [True, False])
def test_sectors_of_different_cadence_both_hold_complete_transits(fast_first):
    slow, fast = np.arange(0, 27, 30 / 1440), np.arange(0, 27, 2 / 1440)
    time = np.r_[fast, slow + 700] if fast_first else np.r_[slow, fast + 700]
    inside = np.abs((time - 2.5 + 2.5) % 5 - 2.5) < 1.4 / 24
    flux = 1 - 1e-3 * inside + np.random.default_rng(0).normal(0, 2e-4, time.size)
    curve, signal = LightCurve(time, flux), TransitSignal(5.0, 2.5, 2.8)
    assert diagnose(curve, signal).n_good == 10
    assert ViewBuilder().transform(curve, signal).quality["n_good"].tolist() == [10]


def test_masked_points_leave_the_bin_like_nan():
    values = np.ma.array([1.0, 50.0, 1.2], mask=[False, True, False])
    errors = np.ma.array([0.1, 9.0, 0.3], mask=[False, True, False])
    where = {"low": 0, "high": 1, "n_bins": 1}
    binned = bin_means([0.5, 0.6, 0.7], values, errors=errors, **where)
    assert binned.value[0, 0] == pytest.approx(1.1)
    assert binned.count[0, 0] == 2
    # sqrt(0.01 + 0.09) / 2
    assert binned.error[0, 0] == pytest.approx(0.158, abs=1e-3)
    assert bin_medians([0.5, 0.6, 0.7], values, **where).value[0, 0] == pytest.approx(1.1)
    with pytest.raises(ValueError, match=r"^errors: has shape"):
        bin_means([0.5, 0.6, 0.7], values, errors=[0.1], **where)
