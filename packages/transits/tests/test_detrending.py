import numpy as np
import pytest
from astropy import units as u

from decan.transits import LightCurve, TransitSignal, detrend, flatten
from decan.transits.detrending import pieces, transit_mask


def active_star(seed: int, duration_hour: float = 3.0) -> tuple[LightCurve, TransitSignal]:
    """A spotted star, 1 % at 5 d, Kepler cadence, with a transit of 1000 ppm."""
    rng = np.random.default_rng(seed)
    time = np.arange(0, 90, 29.4244 / 1440)
    wave = 1 + 0.01 * np.sin(2 * np.pi * time / 5 + rng.uniform(0, 2 * np.pi))
    epoch = rng.uniform(1, 5)
    hours = np.abs((time - epoch + 3.185) % 6.37 - 3.185) * 24
    depth = 1e-3 * np.clip((duration_hour / 2 - hours) / (duration_hour * 0.1), 0, 1)
    flux = wave * (1 - depth) + rng.normal(0, 1e-4, time.size)
    return LightCurve(time, flux), TransitSignal(6.37, epoch, duration_hour)


def recovered_depth(curve: LightCurve, signal: TransitSignal, **how) -> float:
    flat = flatten(curve, signal, **how)
    centre = transit_mask(flat, [signal], width=0.5)
    return float((1 - flat.flux[centre].mean()) / 1e-3)


@pytest.mark.parametrize("duration", [3.0, 10.0])
def test_masked_spline_keeps_the_depth_of_an_active_star_within_two_per_cent(duration):
    ratios = [recovered_depth(*active_star(seed, duration)) for seed in range(12)]
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)
    assert np.std(ratios) < 0.03


def test_released_biweight_without_mask_loses_a_fifth_of_it():
    ratios = [
        recovered_depth(*active_star(seed), method="biweight", mask=False) for seed in range(4)
    ]
    # Of wotan's biweight on this star: 0.771 +- 0.022.
    assert 0.6 < np.mean(ratios) < 0.85


# hippke/wotan#34: a mask that one method ignores in silence.
@pytest.mark.bad_input(14)
@pytest.mark.parametrize("method", ["spline", "biweight", "median"])
def test_every_method_that_takes_a_mask_uses_it(method):
    rng = np.random.default_rng(0)
    time = np.arange(0, 27, 30 / 1440)
    inside = np.abs((time - 2 + 3.185) % 6.37 - 3.185) < 3 / 48
    flux = 1 + 0.01 * np.sin(2 * np.pi * time / 5) + rng.normal(0, 1e-4, time.size)
    flux -= 0.005 * inside

    def depth(mask):
        trend = detrend(time, flux, mask=mask, method=method, window_day=0.5)
        ratio = flux / trend
        return (np.median(ratio[~inside]) - ratio[inside].mean()) / 0.005

    assert 0.97 < depth(inside) < 1.03
    # The spline clips so deep a transit by itself; the sliding windows do not.
    assert method == "spline" or depth(inside) != depth(None)


@pytest.mark.bad_input(14)
def test_a_method_that_cannot_use_a_mask_refuses_it():
    with pytest.raises(ValueError, match="cannot use a mask"):
        detrend([1.0, 2.0], [1.0, 1.0], mask=[True, False], method="none")


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(ValueError, match="spline, biweight, median, none"):
        detrend([1.0, 2.0], [1.0, 1.0], method="magic")


def test_trends_do_not_cross_gaps_or_segments():
    time = np.concatenate([np.arange(0, 10, 0.02), np.arange(20, 30, 0.02)])
    flux = np.where(time < 15, 1.0, 1.1)
    np.testing.assert_allclose(detrend(time, flux) / flux, 1.0, atol=1e-6)
    segment = (time > 5).astype(int)
    assert pieces(time, segment).max() == 2


@pytest.mark.parametrize("method", ["spline", "biweight", "median"])
def test_a_masked_stretch_is_bridged(method):
    time = np.arange(0, 10, 0.02)
    flux = 1 + 0.01 * np.sin(time)
    mask = np.abs(time - 5) < 0.4
    trend = detrend(time, np.where(mask, 0.9, flux), mask=mask, method=method, window_day=0.3)
    # A sliding window is one-sided at the edges, where the wave moves by 0.0015.
    np.testing.assert_allclose(trend, flux, atol=2e-3)


@pytest.mark.bad_input(3)
def test_epoch_in_another_system_is_warned_about_with_the_offset():
    curve = LightCurve(np.arange(1325, 1350, 0.02), np.ones(1250))
    with pytest.warns(UserWarning, match=r"add -2457000 d"):
        flatten(curve, TransitSignal(3.0, 2458327.5, 3.0))


@pytest.mark.bad_input(8)
def test_resonant_neighbours_do_not_mask_the_signal_away():
    curve = LightCurve(np.arange(0, 30, 0.02), np.ones(1500))
    signal = TransitSignal(4.0, 1.0, 3.0)
    with pytest.warns(UserWarning, match="overlap most transits"):
        flat = flatten(curve, signal, other_signals=[TransitSignal(2.0, 1.0, 3.0)])
    assert (
        transit_mask(flat, [signal], width=1.0).sum()
        == transit_mask(curve, [signal], width=1.0).sum()
    )


def test_other_signals_are_removed():
    curve = LightCurve(np.arange(0, 30, 0.02), np.ones(1500))
    other = TransitSignal(7.0, 2.0, 3.0)
    flat = flatten(curve, TransitSignal(4.3, 1.0, 3.0), other_signals=[other])
    assert not transit_mask(flat, [other]).any()


@pytest.mark.parametrize(
    ("change", "name"),
    [(lambda t, f: (t[::-1], f), "time"), (lambda t, f: (t, f[1:]), "flux"),
     (lambda t, f: (t, np.where(t == t[3], np.nan, f)), "flux"), (lambda t, f: ([], []), "time")],
)  # fmt: skip
def test_series_that_cannot_be_detrended_are_refused_by_name(change, name):
    time = np.arange(0, 10, 0.02)
    with pytest.raises(ValueError, match=f"^{name}: "):
        detrend(*change(time, np.ones(time.size)))


def test_times_in_another_unit_are_the_same_times():
    time = np.arange(0, 10, 0.02)
    flux = 1 + 0.01 * np.sin(time)
    np.testing.assert_allclose(detrend(24 * time * u.h, flux), detrend(time, flux))
    with pytest.raises(ValueError, match="1 values are NaN or masked"):
        detrend(time, np.ma.array(flux, mask=time == time[3]))
