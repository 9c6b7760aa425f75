"""The released preparation of WATSON-Net, each of its flaws shown once."""

import numpy as np
import pytest
import torch

from decan.core.testing import needs_data
from decan.transits import LightCurve, TransitSignal, ViewBuilder, watson_inputs
from decan.transits.archive import DATASETS
from decan.transits.released import (
    SCALARS,
    WATSON_FLOOR,
    released_offset,
    released_snr,
    released_views,
)
from decan.transits.watson import WatsonNet

SHAPES = {
    "transit": (1, 9, 1), "offset": (1, 1, 1), "star": (1, 2, 1), "global": (1, 300, 1),
    "secondary": (1, 75, 1), "main": (1, 75, 1), "even": (1, 75, 1), "odd": (1, 75, 1),
    "centroid": (1, 75, 2), "ghost": (1, 75, 1),
}  # fmt: skip


def star(*, depth=0.01, odd=None, noise=1e-4, seed=0, time=None):
    """Transits of 2.8 h every 5 d, with photocentre, core and halo."""
    rng = np.random.default_rng(seed)
    time = np.arange(0, 40, 20 / 1440) if time is None else time
    cycle = np.round((time - 2.5) / 5.0)
    dip = (np.abs(time - 2.5 - 5.0 * cycle) < 2.8 / 48) * depth
    dip = dip if odd is None else np.where(cycle % 2 == 1, dip * odd, dip)
    scatter = rng.normal(0, noise, (time.size, 5))
    curve = LightCurve(
        time, 1 - dip + scatter[:, 0], core=1 - dip + scatter[:, 1],
        halo=1 - 2 * dip + scatter[:, 2], centroid=scatter[:, 3:] - dip[:, None],
        centroid_unit="arcsec",
    )  # fmt: skip
    return curve, TransitSignal(5.0, 2.5, 2.8)


def test_ten_inputs_come_in_the_released_order_and_shapes_and_fit_the_network():
    inputs = watson_inputs(*star())
    assert {name: values.shape for name, values in inputs.items()} == SHAPES
    assert list(inputs) == list(SHAPES)
    for values in inputs.values():
        assert values.min() >= WATSON_FLOOR
        assert values.max() <= 1 - WATSON_FLOOR
    batch = {name: torch.from_numpy(values).float() for name, values in inputs.items()}
    assert WatsonNet().eval()(batch).shape == (1,)


def test_scalars_have_their_released_scales_order_and_caps():
    report = {"radius_earth": 3.0, "bootstrap_fap": 0.2, "odd_even_sigma": 1.5,
              "temperature_stat": -4.0, "albedo_stat": 25.0, "offset": 0.00423,
              "offset_err": 0.00744, "teff": 5800.0, "star_radius": 1.27}  # fmt: skip
    inputs = watson_inputs(*star(), report=report)
    found = dict(zip(SCALARS, inputs["transit"][0, :, 0], strict=True))
    # 40 d hold eight transits, all of them whole.
    expected = {
        "period": 5 / 1200, "duration": 2.8 / 24 / 15, "radius": 0.01, "good transits": 8 / 20,
        "share of good transits": 1.0, "false alarm": 0.2, "odd-even": 0.3,
        "temperature": 0.3, "albedo": 1.0,
    }  # fmt: skip
    assert found == pytest.approx(expected, abs=2e-7)
    # The offset of WASP-126 b and its error, as released: 0.00423 and 0.00744 degrees.
    assert inputs["offset"].item() == pytest.approx(0.8794, abs=1e-4)
    assert inputs["star"].ravel() == pytest.approx([5800 / 60000, 1.27 / 3])
    curve, _ = star()
    wide = watson_inputs(curve, TransitSignal(2000.0, 2.5, 10.0), report={"star_radius": 9.0})
    assert wide["transit"][0, 0, 0] == wide["star"][0, 1, 0] == 1 - WATSON_FLOOR


def test_what_the_report_does_not_say_is_no_data_or_the_released_substitute():
    inputs = watson_inputs(*star())
    found = dict(zip(SCALARS, inputs["transit"][0, :, 0], strict=True))
    assert found["radius"] == found["false alarm"] == inputs["offset"].item() == WATSON_FLOOR
    assert found["temperature"] == found["albedo"] == 0.5
    assert inputs["star"].ravel() == pytest.approx([0.1, WATSON_FLOOR])


def test_without_a_report_the_odd_even_difference_is_that_of_two_signal_to_noise_ratios():
    equal, double = (
        watson_inputs(*star(depth=0.001, odd=odd, noise=1e-3))["transit"][0, 6, 0]
        for odd in (1.0, 2.0)
    )
    assert equal < 0.5 < double


def test_an_unknown_name_in_the_report_is_refused():
    with pytest.raises(ValueError, match=r"radius_earth.*found \['radius'\]"):
        watson_inputs(*star(), report={"radius": 1.0})


@pytest.mark.parametrize("trap_5", [2.0, 4.0])
def test_odd_and_even_views_look_alike_however_different_their_depths(trap_5):
    curve, signal = star(odd=trap_5, noise=1e-6)
    views = ViewBuilder("watson", detrend="none").transform(curve, signal)
    # One bin of 75, at the rim of the dip, mixes inside and outside differently.
    assert np.quantile(np.abs(views["odd"] - views["even"]), 0.97) < 0.01


def test_bins_move_with_the_first_and_last_point():  # trap 8
    curve, signal = star(noise=1e-6)
    phase = np.abs(curve.time - 2.5 - 5.0 * np.round((curve.time - 2.5) / 5.0))
    # Gaps at the rim of every window, too short for the transits to count as bad.
    cut = curve.derived(phase < 2.3 * 2.8 / 24)
    width = [
        (released_views([one], [signal])[0]["main"][0] < 0.5).sum() for one in (curve, cut)
    ]  # fmt: skip
    # The same transit fills a third more bins.
    assert width[1] / width[0] == pytest.approx(3.0 / 2.3, abs=0.1)


def test_a_secondary_elsewhere_than_half_an_orbit_away_is_not_seen():  # trap 12
    curve, signal = star(noise=1e-6)
    shifted = np.abs((curve.time - 2.5 - 0.3 * 5.0 + 2.5) % 5.0 - 2.5) < 2.8 / 48
    curve = curve.with_flux(curve.flux - 0.005 * shifted)
    released = ViewBuilder("watson", detrend="none").transform(curve, signal)
    ours = ViewBuilder("depth", detrend="none").transform(curve, signal)
    assert ours["secondary"].min() == pytest.approx(-0.5, abs=0.02)
    assert ours.quality["secondary_phase"][0] == pytest.approx(0.3, abs=0.01)
    assert released.quality["secondary_phase"][0] == 0.5
    middle = released["secondary"][0, 30:45]
    assert middle.std() == pytest.approx(released["secondary"].std(), rel=0.5)


def test_offsets_lack_the_cosine_of_the_declination():  # trap 10
    apart = 3600 * released_offset(10.0, 60.0, 10.002, 60.0)
    assert apart == pytest.approx(7.2)
    # On the sky it is half of that.
    assert apart * np.cos(np.radians(60.0)) == pytest.approx(3.6)


@pytest.mark.parametrize("name", ["centroid", "ghost"])
def test_photocentre_and_ghost_are_clipped_at_three_sigma_before_they_are_binned(name):
    curve, signal = star()
    far = int(np.argmin(np.abs(curve.time - 2.5 - 0.25)))
    column = "centroid" if name == "centroid" else "halo"
    spoilt = getattr(curve, column).copy()
    spoilt[far] += 1.0
    values = released_views([curve.derived(**{column: spoilt})], [signal])[0][name][0]
    # One point of a hundred sigma leaves the dip, not itself, as the extreme of the view.
    assert np.abs(np.argmin(values.reshape(75, -1)[:, 0]) - 37) < 9
    assert values.min() == pytest.approx(WATSON_FLOOR)
    assert values.max() == pytest.approx(1 - WATSON_FLOOR)


def test_a_view_of_less_than_fifty_points_is_constant_at_no_data():
    curve, signal = star(time=np.arange(0, 40, 60 / 1440))
    inputs = watson_inputs(curve, signal)
    # 3 durations on either side of four transits at one point an hour: 67; photocentre as well.
    assert inputs["even"].max() > 0.5
    few = watson_inputs(star(time=np.arange(0, 14, 60 / 1440))[0], signal)
    assert (few["even"] == WATSON_FLOOR).all()
    bare = watson_inputs(LightCurve(curve.time, curve.flux), signal)
    assert (bare["centroid"] == WATSON_FLOOR).all()
    assert (bare["ghost"] == WATSON_FLOOR).all()


def test_transits_with_less_than_three_quarters_of_their_points_are_left_out_and_counted():
    time = np.arange(0, 40, 20 / 1440)
    time = time[(time < 7.56) | (time > 7.8)]
    curve, signal = star(time=time)
    inputs = watson_inputs(curve, signal)
    assert inputs["transit"][0, 3:5, 0] == pytest.approx([7 / 20, 7 / 8])


def test_the_flux_is_halved_and_what_is_above_one_is_cut():
    curve, signal = star(noise=1e-6)
    flare = curve.flux.copy()
    flare[100] = 5.0
    views = released_views([curve.with_flux(flare)], [signal])[0]["global"][0]
    # The flare of five is seen as two; the median, 0.5 after halving, is 0.495 above the dip.
    assert views.max() == pytest.approx(1 - WATSON_FLOOR)
    assert np.median(views) == pytest.approx(0.005 / (0.005 + 0.5 / 8), rel=0.6)


@needs_data(DATASETS, "lc_wasp126_tess")
def test_signal_to_noise_ratios_of_wasp_126_b_are_those_of_the_released_report():
    curve = DATASETS.load("lc_wasp126_tess")
    period, epoch, duration = 3.28987, 1327.514029, 199.09 / 1440

    def snr(series, periods=1, shift=0.0):
        return released_snr(curve.time, series, periods * period, epoch + shift, duration)

    found = {
        "all": snr(curve.flux), "even": snr(curve.flux, 2), "odd": snr(curve.flux, 2, period),
        "core": snr(curve.core),
    }  # fmt: skip
    # The report's numbers; its own cleaning of outliers, which it does not state, makes the
    # scatter 5 % smaller for all of them alike.
    published = {"all": 186.9, "even": 131.6, "odd": 132.8, "core": 168.8}
    assert found == pytest.approx(published, rel=0.07)
    ratio = {name: value / found["all"] for name, value in found.items()}
    assert ratio == pytest.approx({k: v / 186.9 for k, v in published.items()}, rel=0.02)
    assert snr(curve.halo) / found["core"] == pytest.approx(0.110, abs=0.04)
    # Right ascension 5.4, declination -6.1 sigma.
    assert snr(curve.centroid[:, 0]) == pytest.approx(5.4, abs=2)
    assert snr(curve.centroid[:, 1]) == pytest.approx(-6.1, abs=2)
