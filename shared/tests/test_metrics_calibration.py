"""The promises of decan.core.metrics.calibration and calibrators."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit, softmax
from scipy.stats import beta
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from decan.core.metrics import (
    BetaCalibrator,
    IsotonicCalibrator,
    PlattCalibrator,
    TemperatureCalibrator,
    calibration_error,
    cross_fit,
    reliability_curve,
)

CALIBRATORS = [PlattCalibrator, IsotonicCalibrator, BetaCalibrator, TemperatureCalibrator]
N_ROWS = st.shared(st.integers(2, 40), key="rows")
PROBABILITIES = arrays(float, N_ROWS, elements=st.integers(0, 20).map(lambda k: k / 20))
TRUTH = arrays(int, N_ROWS, elements=st.integers(0, 1))


@pytest.fixture(scope="module")
def overconfident():
    """Truth and scores whose log-odds are twice too large."""
    rng = np.random.default_rng(0)
    honest = expit(1.5 * rng.normal(size=6000))
    return (rng.uniform(size=6000) < honest).astype(int), expit(2 * logit(honest))


def test_without_ties_the_curve_is_that_of_scikit_learn(overconfident):
    y, p = overconfident
    curve = reliability_curve(y, p, n_bins=15)
    observed, predicted = calibration_curve(y, p, n_bins=15, strategy="quantile")
    # 6,000 rows in 15 bins of 400; scikit-learn's interpolated edges move a row at most.
    np.testing.assert_allclose(curve["observed"], observed, atol=2 / 400)
    np.testing.assert_allclose(curve["probability"], predicted, atol=2 / 400)
    assert (curve["n"] == 400).all()


def test_the_error_is_that_of_the_curve(overconfident):
    y, p = overconfident
    curve = reliability_curve(y, p, n_bins=10)
    gap = (curve["observed"] - curve["probability"]).abs()
    error = calibration_error(y, p, n_bins=10)
    assert error.ece.value == pytest.approx(np.average(gap, weights=curve["n"]))
    assert error.mce.value == pytest.approx(gap.max())


@settings(deadline=None, max_examples=50)
@given(TRUTH, PROBABILITIES, st.integers(1, 20))
def test_equal_probabilities_share_a_bin_and_bins_are_in_order(y, p, n_bins):
    curve = reliability_curve(y, p, n_bins=n_bins)
    assert len(curve) <= n_bins
    assert curve["n"].sum() == len(p)
    assert (curve["smallest"].to_numpy()[1:] > curve["largest"].to_numpy()[:-1]).all()
    assert ((curve["low"] <= curve["observed"]) | (curve["observed"] == 0)).all()


@settings(deadline=None, max_examples=50)
@given(TRUTH, PROBABILITIES, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(y, p, random):
    order = list(range(len(y)))
    random.shuffle(order)
    one, two = calibration_error(y, p), calibration_error(y[order], p[order])
    assert one.ece.value == pytest.approx(two.ece.value, abs=1e-12)
    assert one.mce.value == pytest.approx(two.mce.value, abs=1e-12)


def test_a_constant_probability_errs_by_its_distance_from_the_prevalence():
    error = calibration_error([0, 0, 0, 1], [0.6] * 4)
    assert error.ece.value == error.mce.value == pytest.approx(0.35)


def test_honest_probabilities_have_an_error_of_binomial_noise():
    rng = np.random.default_rng(1)
    p = rng.uniform(size=15_000)
    error = calibration_error(rng.uniform(size=15_000) < p, p, n_boot=50, rng=0)
    # Mean |gap| of 15 bins of 1,000: sqrt(2/pi) x mean sqrt(p(1-p)) / sqrt(1000) = 0.0099.
    assert error.ece.value == pytest.approx(0.0099, abs=0.006)
    assert error.ece.low < error.ece.high


def test_intervals_of_the_curve_are_jeffreys():
    curve = reliability_curve([0] * 7 + [1] * 3, [0.3] * 10)
    assert curve["low"].item() == pytest.approx(beta.ppf(0.16, 3.5, 7.5))
    assert curve["high"].item() == pytest.approx(beta.ppf(0.84, 3.5, 7.5))


@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_calibration_mends_overconfident_scores(calibrator, overconfident):
    y, p = overconfident
    calibrated = calibrator().fit(p[::2], y[::2]).predict(p[1::2])
    # 3,000 rows in 15 bins: noise alone gives about 0.02 (see the test of honest ones).
    assert calibration_error(y[1::2], p[1::2]).ece.value > 0.08
    assert calibration_error(y[1::2], calibrated).ece.value < 0.03


@pytest.mark.parametrize("calibrator", CALIBRATORS)
@settings(deadline=None, max_examples=15)
@given(y=TRUTH, p=PROBABILITIES)
def test_calibrated_probabilities_are_probabilities_and_ranks_stay(calibrator, y, p):
    assume(0 < y.sum() < len(y))
    fitted = calibrator().fit(p, y)
    calibrated = fitted.predict(np.linspace(0, 1, 50))
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    falls = isinstance(fitted, PlattCalibrator) and fitted.slope_ < 0
    assert falls or (np.diff(calibrated) >= -1e-12).all()


@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_a_calibrator_comes_back_from_its_state(calibrator, overconfident, tmp_path):
    y, p = overconfident
    fitted = calibrator().fit(p, y)
    np.savez(tmp_path / "state.npz", **fitted.get_state())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        again = calibrator.from_state(dict(state))
    np.testing.assert_array_equal(again.predict(p), fitted.predict(p))
    assert repr(again) == repr(fitted)


def test_platt_is_logistic_regression_on_smoothed_targets(overconfident):
    y, p = overconfident
    fitted = PlattCalibrator().fit(p, y)
    ones, zeros = y.sum(), len(y) - y.sum()
    target = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    # A soft target is two weighted rows of scikit-learn's.
    x = np.tile(logit(p), 2)[:, None]
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        x, np.repeat([1, 0], len(p)), sample_weight=np.r_[target, 1 - target]
    )
    assert float(fitted.slope_) == pytest.approx(reference.coef_.item(), rel=1e-4)
    assert float(fitted.intercept_) == pytest.approx(reference.intercept_.item(), abs=1e-4)
    # The scores' log-odds were doubled; 6,000 rows know the slope within 0.015.
    assert float(fitted.slope_) == pytest.approx(0.5, abs=0.05)


def test_beta_calibration_finds_the_beta_distributions_behind_the_scores():
    rng = np.random.default_rng(2)
    p = np.r_[rng.beta(4, 2, size=20_000), rng.beta(2, 5, size=20_000)]
    y = np.repeat([1, 0], 20_000)
    fitted = BetaCalibrator().fit(p, y)
    # The likelihood ratio of Beta(4, 2) and Beta(2, 5): s^(4-2) (1-s)^(2-5); the fit's own
    # error is 0.05 for 40,000 rows.
    assert float(fitted.a_) == pytest.approx(2.0, abs=0.2)
    assert float(fitted.b_) == pytest.approx(3.0, abs=0.2)
    # Smoothed targets differ from 0 and 1 by 1 / 20,000.
    x = np.column_stack([np.log(p), -np.log1p(-p)])
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, y)
    np.testing.assert_allclose([fitted.a_, fitted.b_], reference.coef_[0], rtol=0.01)


def test_beta_calibration_never_turns_the_ranks():
    rng = np.random.default_rng(3)
    p = rng.uniform(size=500)
    fitted = BetaCalibrator().fit(p, rng.uniform(size=500) > p)
    assert float(fitted.a_) >= 0
    assert float(fitted.b_) >= 0


def test_isotonic_is_scikit_learns(overconfident):
    y, p = overconfident
    reference = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p[::2], y[::2])
    np.testing.assert_allclose(
        IsotonicCalibrator().fit(p[::2], y[::2]).predict(p), reference.predict(p), atol=1e-12
    )


def test_temperature_is_the_most_likely_one_for_several_classes():
    rng = np.random.default_rng(4)
    logits = 2 * rng.normal(size=(4000, 3))
    y = np.array([rng.choice(3, p=row) for row in softmax(logits, axis=1)])
    score = softmax(2.5 * logits, axis=1)
    fitted = TemperatureCalibrator().fit(score, y)
    # 4,000 rows know the temperature within about 2 %.
    assert float(fitted.temperature_) == pytest.approx(2.5, rel=0.08)
    best = log_loss(y, fitted.predict(score))
    for factor in (0.99, 1.01):
        other = TemperatureCalibrator.from_state(
            {"temperature": np.array(factor * fitted.temperature_)}
        )
        assert log_loss(y, other.predict(score)) > best
    np.testing.assert_array_equal(fitted.predict(score).argmax(axis=1), score.argmax(axis=1))


def test_temperature_of_two_columns_is_that_of_one(overconfident):
    y, p = overconfident
    one = TemperatureCalibrator().fit(p, y)
    two = TemperatureCalibrator().fit(np.column_stack([1 - p, p]), y)
    assert float(one.temperature_) == pytest.approx(float(two.temperature_), rel=1e-4)
    # The scores' log-odds were doubled.
    assert float(one.temperature_) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_saturated_and_separable_scores_give_finite_probabilities(calibrator):
    fitted = calibrator().fit([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    assert np.isfinite(fitted.predict([0.0, 0.3, 1.0])).all()


@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_an_unfitted_calibrator_says_so(calibrator):
    assert repr(calibrator()) == f"{calibrator.__name__}()"
    with pytest.raises(ValueError, match="is not fitted; call fit"):
        calibrator().predict([0.5])
    with pytest.raises(ValueError, match="is not fitted; call fit"):
        calibrator().get_state()


def test_a_foreign_state_is_refused():
    with pytest.raises(
        ValueError, match=r"state: found \['a'\], expected \['intercept', 'slope'\]"
    ):
        PlattCalibrator.from_state({"a": np.array(1.0)})


def test_cross_fitted_probabilities_come_from_other_groups(overconfident):
    y, p = (column[:600] for column in overconfident)
    star = np.arange(600) // 3

    class Remembering(PlattCalibrator):
        def fit(self, score, y):
            self.seen = set(score)
            return super().fit(score, y)

        def predict(self, score):
            siblings = {other for one in score for other in p[star == star[p == one][0]]}
            assert not siblings & self.seen
            return super().predict(score)

    calibrator = Remembering()
    calibrated = cross_fit(calibrator, p, y, groups=star, rng=0)
    assert np.isfinite(calibrated).all()
    assert not hasattr(calibrator, "slope_")
    np.testing.assert_array_equal(
        calibrated, cross_fit(PlattCalibrator(), p, y, groups=star, rng=0)
    )


def test_cross_fitting_works_for_several_classes():
    rng = np.random.default_rng(5)
    score = softmax(rng.normal(size=(300, 3)), axis=1)
    y = rng.integers(3, size=300)
    calibrated = cross_fit(TemperatureCalibrator(), score, y, rng=0)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibration_error([0, 1], [0.5, 1.5]), r"probability: found 1\.5 at row 1"),
        (lambda: calibration_error([0, 1], [0.5]), "probability: has 1 rows, expected 2"),
        (lambda: calibration_error([0, 3], [0.5, 0.5]), "y_true: found 3 at row 1"),
        (lambda: reliability_curve([0, 1], [0.5, 0.5], n_bins=0), "n_bins: found 0"),
        (lambda: PlattCalibrator().fit([0.5, 0.6], [1, 1]), "y: only class 1 is present"),
        (lambda: IsotonicCalibrator().fit([0.5, -1], [0, 1]), "score: found -1 at row 1"),
        (lambda: TemperatureCalibrator().fit([[0.5, 0.6]], [0]), r"row 0 adds up to 1\.1"),
        (lambda: TemperatureCalibrator().fit([[0.5, 0.5]], [2]), "y: found 2 at row 0"),
        (lambda: TemperatureCalibrator().fit([[[0.5]]], [0]), r"score: found shape \(1, 1, 1\)"),
        (lambda: cross_fit(PlattCalibrator(), [0.5], [0, 1]), "y: has 2 rows, expected 1"),
    ],
)
def test_wrong_input_is_refused_with_the_argument_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
