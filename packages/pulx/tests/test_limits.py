"""Limits and plans keep their promises."""

from dataclasses import replace

import numpy as np
import pytest

from decan.pulx import (
    pulsed_fraction_limit,
    required_counts,
    required_exposure,
    search_z,
    simulate_events,
)


@pytest.mark.bad_input(17)
def test_limits_cover_the_pulsation_that_is_there():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(40):
        events = simulate_events(
            span=1000.0, rate=1.5, frequency=rng.uniform(0.1, 0.9), pulsed_fraction=0.12, rng=rng
        )
        covered.append(pulsed_fraction_limit(events, 0.05, 1.0).pulsed_fraction >= 0.12)
    assert np.mean(covered) >= 0.97  # 99.73 % promised


def test_frames_and_background_weaken_a_limit_by_their_factors():
    events = simulate_events(span=2000.0, rate=2.0, rng=0)
    plain = pulsed_fraction_limit(events, 0.05, 1.0)
    half = pulsed_fraction_limit(events, 0.05, 1.0, background=0.5)
    assert half.pulsed_fraction == pytest.approx(2 * plain.pulsed_fraction)
    framed = pulsed_fraction_limit(replace(events, frame_time=0.4), 0.05, 1.0)
    assert framed.pulsed_fraction == pytest.approx(
        plain.pulsed_fraction / np.sinc(0.4 * framed.frequency)
    )


@pytest.mark.bad_input(17)
def test_a_power_below_its_noise_sets_no_limit_and_says_so():
    events = simulate_events(span=1000.0, rate=1.0, rng=0)
    one = next(
        search
        for search in (search_z(events, f, f + 1e-4, oversample=1) for f in np.arange(0.2, 3, 0.01))
        if search.values.max() < 0.05
    )
    limit = pulsed_fraction_limit(events, 0.2, 0.3, confidence=0.6, search=one)
    assert np.isnan(limit.pulsed_fraction)
    assert "a single trial sets no limit" in limit.note
    assert str(limit).startswith("no limit")


@pytest.mark.bad_input(16)
def test_too_few_events_exclude_no_pulsed_fraction():
    limit = pulsed_fraction_limit(simulate_events(span=100.0, rate=0.25, rng=1), 0.05, 1.0)
    assert limit.pulsed_fraction == 1.0
    assert "too few events" in limit.note


def test_the_planned_counts_find_the_pulsation_half_of_the_time():
    counts = required_counts(0.25, trials=1000.0)
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(60):
        events = simulate_events(
            span=counts, rate=1.0, frequency=0.3, pulsed_fraction=0.25, rng=rng
        )
        threshold = -2 * np.log(0.0027 / 1000)
        hits += search_z(events, 0.295, 0.305, whiten=False).best["Z2"] > threshold
    assert 20 <= hits <= 45


def test_counts_follow_the_rule_of_thumb_and_exposure_grows_with_background():
    # About 2 (Z² + 2 sqrt(Z²)) / PF² for a high efficiency, less for one half.
    z = -2 * np.log(0.0027 / 1e7)
    assert required_counts(0.1, efficiency=0.9) == pytest.approx(
        2 * (z + 2 * np.sqrt(z)) / 0.01, rel=0.15
    )
    assert required_exposure(0.1, 0.3, background=0.3) > 1.8 * required_exposure(0.1, 0.3)


@pytest.mark.parametrize("bad", [{"confidence": 1.0}, {"background": 1.0}])
def test_confidence_and_background_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="confidence"):
        pulsed_fraction_limit(simulate_events(span=200.0, rng=0), 0.1, 1.0, **bad)
