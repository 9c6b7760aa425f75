"""The promises of decan.core.metrics.regression."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import median_abs_deviation
from sklearn import metrics as reference

from decan.core.metrics import bias, outlier_fraction, r2, rmse, sigma_mad

N_ROWS = st.shared(st.integers(2, 30), key="rows")
NUMBERS = arrays(float, N_ROWS, elements=st.floats(-100, 100))


@settings(deadline=None, max_examples=50)
@given(NUMBERS, arrays(float, N_ROWS, elements=st.floats(-100, 100)))
def test_residual_statistics_agree_with_scipy_and_scikit_learn(truth, predicted):
    residual = predicted - truth
    assert sigma_mad(truth, predicted).value == pytest.approx(
        median_abs_deviation(residual, scale="normal"), abs=1e-12
    )
    assert rmse(truth, predicted).value == pytest.approx(
        reference.root_mean_squared_error(truth, predicted), abs=1e-12
    )
    assert bias(truth, predicted).value == pytest.approx(residual.mean(), abs=1e-12)
    if np.ptp(truth) > 1e-3:
        assert r2(truth, predicted).value == pytest.approx(
            reference.r2_score(truth, predicted), rel=1e-9
        )


def test_sigma_mad_is_the_standard_deviation_of_gaussian_residuals():
    residual = np.random.default_rng(0).normal(5.0, 2.0, size=200_000)
    # Efficiency of the MAD is 0.37: error of sigma 2 / sqrt(2 x 200,000 x 0.37) = 0.005.
    assert sigma_mad(np.zeros(200_000), residual).value == pytest.approx(2.0, abs=0.02)


def test_a_few_wild_residuals_do_not_move_sigma_mad():
    residual = np.random.default_rng(1).normal(size=1000)
    wild = residual.copy()
    wild[:10] = 1e6
    # One per cent of outliers moves the quartiles by about 1.4 per cent.
    assert sigma_mad(np.zeros(1000), wild).value == pytest.approx(
        sigma_mad(np.zeros(1000), residual).value, rel=0.05
    )


def test_bias_is_positive_where_predictions_are_too_high():
    assert bias([1.0, 1.0], [2.0, 2.0]).value == 1.0


def test_outliers_are_counted_on_both_sides_and_the_limit_is_no_outlier():
    estimate = outlier_fraction(np.zeros(4), [-2.0, 2.0, 1.0, 0.0], limit=1.0)
    assert estimate.value == 0.5
    assert estimate.threshold == 1.0


def test_predicting_the_mean_explains_nothing():
    truth = np.arange(10.0)
    assert r2(truth, np.full(10, truth.mean())).value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("metric", [sigma_mad, bias, rmse, r2])
def test_intervals_hold_the_value_and_are_wider_by_group(metric):
    rng = np.random.default_rng(2)
    galaxy = np.repeat(np.arange(60), 6)
    truth = rng.normal(size=60)[galaxy]
    predicted = truth + 0.3 * rng.normal(size=60)[galaxy]
    by_row = metric(truth, predicted, n_boot=200, rng=0)
    by_galaxy = metric(truth, predicted, groups=galaxy, n_boot=200, rng=0)
    assert by_galaxy.low < by_galaxy.value < by_galaxy.high
    # Six equal rows shrink the naive interval by 2.4.
    assert (by_galaxy.high - by_galaxy.low) > 1.5 * (by_row.high - by_row.low)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rmse([1.0, np.nan], [1.0, 2.0]), "y_true: non-finite values in 1 of 2 rows"),
        (lambda: rmse([1.0, 2.0], [1.0]), "y_pred: has 1 rows, expected 2"),
        (lambda: r2([2.0, 2.0], [1.0, 2.0]), "y_true: all values equal 2"),
        (lambda: outlier_fraction([0.0], [1.0], limit=0), "limit: found 0"),
    ],
)
def test_wrong_input_is_refused_with_the_argument_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
