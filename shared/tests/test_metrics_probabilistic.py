"""The promises of decan.core.metrics.probabilistic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.stats import norm

from decan.core.metrics import (
    bootstrap,
    coverage,
    crps_ensemble,
    crps_gaussian,
    pit,
    pit_uniformity,
)


@pytest.mark.parametrize(("truth", "mean", "std"), [(0, 0, 1), (3, 1, 0.5), (-2, 4, 3)])
def test_the_gaussian_crps_is_the_integral_of_its_definition(truth, mean, std):
    def squared(x):
        return (norm.cdf(x, mean, std) - (x >= truth)) ** 2

    low, high = mean - 12 * std, mean + 12 * std
    integral = quad(squared, low, truth)[0] + quad(squared, truth, high)[0]
    assert crps_gaussian(truth, mean, std) == pytest.approx(integral, abs=1e-7)


def test_the_crps_of_a_sharp_gaussian_is_the_absolute_error():
    assert crps_gaussian(3.0, 1.0, 1e-9) == pytest.approx(2.0, abs=1e-8)


@settings(deadline=None, max_examples=50)
@given(
    arrays(float, (3,), elements=st.floats(-10, 10)),
    arrays(float, (3, 7), elements=st.floats(-10, 10)),
)
def test_the_ensemble_crps_is_the_double_sum_of_its_definition(truth, samples):
    m = samples.shape[1]
    spread = np.abs(samples[:, :, None] - samples[:, None, :]).sum(axis=(1, 2)) / (2 * m * (m - 1))
    direct = np.abs(samples - truth[:, None]).mean(axis=1) - spread
    np.testing.assert_allclose(crps_ensemble(truth, samples), direct, atol=1e-12)


@pytest.mark.parametrize("m", [2, 5, 50])
def test_the_fair_crps_does_not_depend_on_the_number_of_samples(m):
    rng = np.random.default_rng(m)
    truth, samples = rng.normal(size=20_000), rng.normal(size=(20_000, m))
    estimate = bootstrap(np.mean, crps_ensemble(truth, samples), n_boot=50, rng=0)
    # Expectation for a perfect Gaussian forecast: 1 / sqrt(pi).
    error = (estimate.high - estimate.low) / 2
    assert estimate.value == pytest.approx(1 / np.sqrt(np.pi), abs=4 * error)


def test_scores_keep_the_shape_of_the_truth():
    rng = np.random.default_rng(0)
    assert crps_ensemble(rng.normal(size=(4, 5)), rng.normal(size=(4, 5, 6))).shape == (4, 5)
    assert crps_gaussian(rng.normal(size=(4, 5)), 0.0, 1.0).shape == (4, 5)
    assert pit(rng.normal(size=(4, 5)), rng.normal(size=(4, 5, 6)), rng=0).shape == (4, 5)


@pytest.mark.parametrize("discrete", [False, True])
def test_pit_of_honest_samples_is_uniform_even_with_few_samples_and_ties(discrete):
    rng = np.random.default_rng(1)
    truth, samples = rng.normal(size=5000), rng.normal(size=(5000, 4))
    if discrete:
        truth, samples = truth.round(), samples.round()
    assert pit_uniformity(pit(truth, samples, rng=rng)).p_value > 0.01


def test_pit_uniformity_sees_overconfident_samples():
    rng = np.random.default_rng(2)
    truth, samples = rng.normal(size=1000), 0.6 * rng.normal(size=(1000, 50))
    assert pit_uniformity(pit(truth, samples, rng=rng)).p_value < 1e-6


def test_pit_is_the_randomised_rank():
    values = pit(np.full(2000, 0.5), np.tile([0.0, 1.0, 2.0], (2000, 1)), rng=0)
    assert values.min() >= 0.25
    assert values.max() <= 0.5
    assert np.array_equal(values, pit(np.full(2000, 0.5), np.tile([0.0, 1, 2], (2000, 1)), rng=0))


def test_coverage_of_one_sigma_intervals_is_0_68():
    truth = np.random.default_rng(3).normal(size=5000)
    estimate = coverage(truth, -np.ones(5000), np.ones(5000), n_boot=200, rng=0)
    error = np.sqrt(0.683 * 0.317 / 5000)
    assert estimate.value == pytest.approx(0.683, abs=4 * error)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(error, rel=0.2)


def test_ends_of_an_interval_belong_to_it_and_may_be_infinite():
    assert coverage([1.0, 2.0], [1.0, -np.inf], [1.5, 2.0]).value == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: crps_gaussian(0.0, 0.0, 0.0), "std: found 0, expected positive"),
        (lambda: crps_gaussian(np.nan, 0.0, 1.0), "truth: 1 values are not finite"),
        (lambda: crps_ensemble([0.0], [[1.0]]), "samples: found 1 a row, expected at least 2"),
        (lambda: crps_ensemble([0.0, 1.0], [[1.0, 2.0]]), r"samples: found shape \(1, 2\)"),
        (lambda: pit([0.0], np.empty((1, 0))), "samples: there is none"),
        (lambda: pit_uniformity([0.5, 1.5]), "values: found 1.5 at row 1"),
        (lambda: coverage([0.0], [1.0], [0.5]), "low: 1 at row 0 is above high, 0.5"),
    ],
)
def test_wrong_input_is_refused_with_the_argument_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
