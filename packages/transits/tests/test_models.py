import sys

import numpy as np
import pytest

from decan.transits import diagnose, simulate_signal
from decan.transits.models import transit_model
from decan.transits.simulate import simulate_signals

ORBITS = [
    {"ratio": 0.1, "distance": 10.0, "impact": 0.3},
    {"ratio": 0.01, "distance": 30.0, "impact": 0.0},
    {"ratio": 0.1, "distance": 10.0, "impact": 1.02},
    {"ratio": 0.25, "distance": 4.0, "impact": 0.8},
]


@pytest.mark.parametrize("orbit", ORBITS)
@pytest.mark.parametrize("exposure", [0.0, 29.4])
def test_our_rings_agree_with_batman(orbit, exposure):
    pytest.importorskip("batman")
    how = {"period_day": 5.0, "epoch": 0.3, "exposure_minutes": exposure, **orbit}
    time = np.linspace(-0.4, 1.0, 2001)
    ours, theirs = (transit_model(time, engine=name, **how) for name in ("rings", "batman"))
    # batman promises a part in a million of the flux.
    assert np.abs(ours - theirs).max() < 1.5e-6
    assert ours.min() < 1


def test_a_uniform_star_loses_the_area_of_the_planet():
    flux = transit_model([0.0], period_day=5.0, epoch=0.0, ratio=0.1, distance=10.0, impact=0.2,
                         limb_darkening=(0.0, 0.0))  # fmt: skip
    assert flux[0] == pytest.approx(0.99, abs=1e-9)


def test_a_disc_larger_than_the_star_hides_it():
    flux = transit_model([0.0], period_day=5.0, epoch=0.0, ratio=1.2, distance=10.0, impact=0.0)
    assert flux[0] == pytest.approx(0.0, abs=1e-9)


def test_unknown_engines_missing_packages_and_orbits_in_the_star_are_refused(monkeypatch):
    how = {"period_day": 5.0, "epoch": 0.0, "ratio": 0.1, "distance": 10.0, "impact": 0.0}
    with pytest.raises(ValueError, match="rings, batman"):
        transit_model([0.0], engine="magic", **how)
    with pytest.raises(ValueError, match="more than one stellar radius"):
        transit_model([0.0], **{**how, "distance": 0.9})
    monkeypatch.setitem(sys.modules, "batman", None)
    with pytest.raises(ImportError, match=r"decan-transits\[physics\]"):
        transit_model([0.0], engine="batman", **how)


@pytest.mark.parametrize("minutes", [2.0, 10.0, 30.0])
def test_tess_sectors_last_27_days_with_a_day_without_data(minutes):
    made = simulate_signal("planet", mission="tess", span_day=54.0, cadence_minutes=minutes, rng=3)
    curve = made.lightcurve
    assert curve.cadence_day == pytest.approx(minutes / 1440)
    assert set(curve.segment) == {1, 2}
    for start in (0.0, 27.0):
        assert not ((curve.time > start + 13.01) & (curve.time < start + 13.99)).any()
    assert curve.meta["mission"] == "simulated TESS"


def test_an_unknown_mission_and_cadence_are_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="kepler, tess"):
        simulate_signal("planet", mission="plato")
    with pytest.raises(ValueError, match=r"2, 10, 30"):
        simulate_signal("planet", mission="tess", cadence_minutes=7.0)


@pytest.mark.parametrize(("ratio", "impact"), [(0.1, 0.0), (0.05, 0.7)])
def test_a_transit_lasts_from_first_to_last_contact(ratio, impact):
    time = np.linspace(-0.25, 0.25, 20_001)
    flux = transit_model(time, period_day=5.0, epoch=0.0, ratio=ratio, distance=12.0, impact=impact)
    # Contacts: the centres are 1 + k apart.
    swept = np.sqrt(((1 + ratio) ** 2 - impact**2) / (12.0**2 - impact**2))
    assert np.ptp(time[flux < 1]) == pytest.approx(5.0 / np.pi * np.arcsin(swept), abs=1e-4)


def test_the_depth_of_a_simulated_planet_is_measured():
    for made in simulate_signals(5, mix={"planet": 1.0}, span_day=60.0, rng=2):
        found = diagnose(made.lightcurve, made.signal)
        # The mean over the transit is shallower than its deepest point.
        assert 0.4 < found.depth_ppm / made.signal.depth_ppm < 1.3


def test_both_engines_simulate_the_same_planet():
    pytest.importorskip("batman")
    ours, theirs = (
        simulate_signal("planet", engine=engine, rng=4).lightcurve.flux
        for engine in ("rings", "batman")
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
