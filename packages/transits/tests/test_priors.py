import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decan.transits.catalogue import completeness, effectiveness, quality_in_bins, reliability
from decan.transits.priors import ConformalSets, combine_fpp, shift_prior
from decan.transits.zones import ZoneThresholds

share = st.floats(0.01, 0.99)


@given(st.floats(0.001, 0.999), share, share)
def test_shifting_there_and_back_changes_nothing(p, a, b):
    there = shift_prior([p], trained_share=a, new_share=b)
    back = shift_prior(there, trained_share=b, new_share=a)
    assert back[0] == pytest.approx(p, abs=1e-9)


def test_shifted_probabilities_are_calibrated_in_the_new_population():
    rng = np.random.default_rng(0)
    # Two Gaussians, one sigma apart on either side: the posterior is known exactly.
    y = rng.random(200_000) < 0.5
    x = rng.normal(np.where(y, 1, -1))
    p = shift_prior(1 / (1 + np.exp(-2 * x)), trained_share=0.5, new_share=0.1)
    keep = rng.random(y.size) < np.where(y, 1 / 9, 1)
    assert p[keep].mean() == pytest.approx(y[keep].mean(), abs=0.003)


def test_a_share_outside_its_range_is_refused_by_name():
    with pytest.raises(ValueError, match="new_share"):
        shift_prior([0.5], trained_share=0.2, new_share=1.0)


@given(st.floats(0, 1), st.floats(0.001, 0.999))
def test_an_even_score_leaves_the_scenarios_as_they_are(planet, p):
    table = {"TP": p, "EB": 1 - p}
    assert combine_fpp(0.5, table).fpp == pytest.approx(1 - p)
    # A better score never raises the false positive probability.
    low, high = sorted((planet, 0.5))
    assert combine_fpp(high, table).fpp <= combine_fpp(low, table).fpp + 1e-12


def test_both_inputs_are_shown():
    text = str(combine_fpp(0.9, {"TP": 0.8, "EB": 0.15}, nearby={"NEB": 0.05}))
    assert "scenarios alone 0.2" in text
    assert "score alone 0.1" in text
    assert "independent" in text


def test_scenarios_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match=r"add up to 1, found 0\.7"):
        combine_fpp(0.9, {"TP": 0.7})


@given(st.integers(0, 1000), st.floats(0.02, 0.3))
def test_sets_hold_the_true_class_in_the_promised_share(seed, miss):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 3000)
    odds = rng.normal(0, 1, (3000, 3)) + 1.5 * np.eye(3)[y]
    p = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    sets = ConformalSets.from_validation(p[:1500], y[:1500], miss=miss).predict(p[1500:])
    held = sets[np.arange(1500), y[1500:]]
    # About 500 test rows a class, and thousands of seeds to search: six standard deviations.
    for k in range(3):
        assert held[y[1500:] == k].mean() > 1 - miss - 6 * np.sqrt(2 * miss * (1 - miss) / 500)


def test_too_few_rows_for_a_promise_leave_nothing_out():
    sets = ConformalSets.from_validation([[0.9, 0.1], [0.2, 0.8]], [0, 1], miss=0.05)
    assert sets.predict([[0.01, 0.99]]).all()


def test_reliability_follows_the_published_formula_and_counts():
    # Counts of DR25: inverted 95 of 19,536 passed, observed 4,037 of 32,534.
    noise = np.arange(19_536) < 95
    observed = np.arange(32_534) < 4_037
    assert effectiveness(noise).value == pytest.approx(0.9951, abs=5e-5)
    found = reliability(observed, noise, n_boot=100, rng=0)
    assert found.value == pytest.approx(0.966, abs=5e-4)
    assert found.low < found.value < found.high


def test_completeness_is_the_share_that_passes():
    assert completeness(np.arange(10) < 7).value == pytest.approx(0.7)


def test_bins_without_events_are_left_out():
    frame = pd.DataFrame({"mes": [8.0, 30.0]})
    found = quality_in_bins(frame, [False, True], column="mes", edges=[7, 10, 20, 40], n_boot=0)
    assert found["n"].tolist() == [1, 1]


def test_a_probability_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"^probability: expected all within"):
        shift_prior([1.2], trained_share=0.2, new_share=0.5)


def test_a_score_and_scenarios_that_exclude_each_other_are_refused():
    with pytest.raises(ValueError, match="exclude each other"):
        combine_fpp(0.0, {"TP": 1.0})


@pytest.mark.parametrize(("p", "y"), [([0.1, np.nan], [0, 1]), ([0.1, 0.9], [0, 2])])
def test_thresholds_are_made_from_probabilities_and_two_classes(p, y):
    with pytest.raises(ValueError, match=r"NaN|expected 0 and 1"):
        ZoneThresholds.from_validation(p, y)


@pytest.mark.parametrize("wrong", [["PC", "FP"], [0, 2], []])
def test_verdicts_in_words_are_no_flags(wrong):
    with pytest.raises(ValueError, match=r"^noise_passed: "):
        effectiveness(wrong)
    with pytest.raises(ValueError, match=r"^observed_passed: "):
        reliability(wrong, [True, False])
