"""Ways to make scores mean what they say, and cross-fitting to judge them.

Calibrators are small objects with ``fit`` and ``predict``; what they learned comes out
of ``get_state`` as plain arrays, so that it can be stored without a pickle. The one for several
classes is in :mod:`decan.core.metrics.temperature`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, as_binary, as_floats, as_probabilities

__all__ = [
    "BetaCalibrator",
    "Calibrator",
    "IsotonicCalibrator",
    "PlattCalibrator",
    "cross_fit",
]

# Half a unit in the last place of float32 below 1: where a network's sigmoid saturates.
SMALLEST = 2.0**-25


class Calibrator(Protocol):
    """What `cross_fit` and the libraries ask of a calibrator.

    Examples
    --------
    >>> calibrator: Calibrator = PlattCalibrator()
    """

    def fit(self, score: ArrayLike, y: ArrayLike) -> Self:
        """Learn the map from scores to probabilities."""

    def predict(self, score: ArrayLike) -> FloatArray:
        """Calibrated probabilities."""

    def get_state(self) -> dict[str, np.ndarray]:
        """What was learned, as plain arrays."""


class Stateful:
    """Fitted attributes in and out as plain arrays."""

    _state: tuple[str, ...]

    def get_state(self) -> dict[str, np.ndarray]:
        """What was learned, as plain arrays.

        Returns
        -------
        dict of str to array
            Give it to ``from_state`` to have the same calibrator again.

        Raises
        ------
        ValueError
            If the calibrator is not fitted.
        """
        self._check_fitted()
        return {name: np.asarray(getattr(self, name + "_")) for name in self._state}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> Self:
        """Calibrator with what another one has learned.

        Parameters
        ----------
        state : mapping of str to array
            From ``get_state``.

        Returns
        -------
        calibrator
            Predicts exactly as the one that gave the state.

        Raises
        ------
        ValueError
            If a part is missing or strange.
        """
        if set(state) != set(cls._state):
            raise ValueError(
                f"state: found {sorted(state)}, expected {sorted(cls._state)} for {cls.__name__}"
            )
        calibrator = cls()
        for name in cls._state:
            setattr(calibrator, name + "_", np.asarray(state[name], dtype=np.float64))
        return calibrator

    def _check_fitted(self) -> None:
        if not hasattr(self, self._state[0] + "_"):
            raise ValueError(f"{type(self).__name__} is not fitted; call fit(score, y) first")

    def __repr__(self) -> str:
        if not hasattr(self, self._state[0] + "_"):
            return f"{type(self).__name__}()"
        learned = ", ".join(
            f"{name}={array:.4g}" if array.ndim == 0 else f"{name}: {array.size} values"
            for name, array in self.get_state().items()
        )
        return f"{type(self).__name__}({learned})"


class PlattCalibrator(Stateful):
    """Platt scaling: a logistic curve in the log-odds of the score.

    Two parameters: safe for small samples, and ranks stay. Targets are smoothed as in
    Platt's paper, so that separable scores do not give an infinite slope.

    Attributes
    ----------
    slope_, intercept_ : array of float, shape ()
        The calibrated log-odds are ``slope * logit(score) + intercept``.

    References
    ----------
    Platt 1999, Advances in Large Margin Classifiers, 61.

    Examples
    --------
    >>> calibrator = PlattCalibrator().fit([0.1, 0.2, 0.8, 0.9], [0, 1, 0, 1])
    >>> calibrator.predict([0.5]).round(3)
    array([0.5])
    """

    _state = ("slope", "intercept")

    def fit(self, score: ArrayLike, y: ArrayLike) -> Self:
        """Fit slope and intercept by maximum likelihood.

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,)
            Uncalibrated probability of 1.
        y : array_like of {0, 1}, shape (n,)
            Truth, both classes present.

        Returns
        -------
        PlattCalibrator
            Itself.

        Raises
        ------
        ValueError
            If lengths differ, a score is outside [0, 1] or only one class is present.
        """
        truth, scores = _truth_and_score(y, score)
        features = np.column_stack([logit(scores), np.ones_like(scores)])
        free = (-np.inf, np.inf)
        self.slope_, self.intercept_ = _logistic(features, _smoothed(truth), [free, free])
        return self

    def predict(self, score: ArrayLike) -> FloatArray:
        """Calibrated probability of 1.

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,)
            Uncalibrated probability.

        Returns
        -------
        array of float, shape (n,)
            Within (0, 1).

        Raises
        ------
        ValueError
            If a score is outside [0, 1] or the calibrator is not fitted.
        """
        from scipy.special import expit

        self._check_fitted()
        scores = as_probabilities("score", score)
        return expit(self.slope_ * logit(scores) + self.intercept_)


class BetaCalibrator(Stateful):
    """Beta calibration: the likelihood ratio of two beta distributions of the score.

    Three parameters; unlike Platt scaling the identity is among its curves whatever the
    two ends do, and each end bends on its own. Slopes are kept from being negative, so
    ranks stay.

    Attributes
    ----------
    a_, b_, c_ : array of float, shape ()
        The calibrated log-odds are ``a ln(score) - b ln(1 - score) + c``.

    References
    ----------
    Kull, Silva Filho & Flach 2017, Electronic Journal of Statistics 11, 5052.

    Examples
    --------
    >>> calibrator = BetaCalibrator().fit([0.1, 0.2, 0.8, 0.9], [0, 1, 0, 1])
    >>> calibrator.predict([0.5]).round(3)
    array([0.5])
    """

    _state = ("a", "b", "c")

    def fit(self, score: ArrayLike, y: ArrayLike) -> Self:
        """Fit the three parameters by maximum likelihood (targets smoothed as Platt's).

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,)
            Uncalibrated probability of 1.
        y : array_like of {0, 1}, shape (n,)
            Truth, both classes present.

        Returns
        -------
        BetaCalibrator
            Itself.

        Raises
        ------
        ValueError
            If lengths differ, a score is outside [0, 1] or only one class is present.
        """
        truth, scores = _truth_and_score(y, score)
        rising, free = (0.0, np.inf), (-np.inf, np.inf)
        bounds = [rising, rising, free]
        self.a_, self.b_, self.c_ = _logistic(_log_pair(scores), _smoothed(truth), bounds)
        return self

    def predict(self, score: ArrayLike) -> FloatArray:
        """Calibrated probability of 1.

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,)
            Uncalibrated probability.

        Returns
        -------
        array of float, shape (n,)
            Within (0, 1).

        Raises
        ------
        ValueError
            If a score is outside [0, 1] or the calibrator is not fitted.
        """
        from scipy.special import expit

        self._check_fitted()
        scores = as_probabilities("score", score)
        return expit(_log_pair(scores) @ np.array([self.a_, self.b_, self.c_]))


class IsotonicCalibrator(Stateful):
    """Isotonic regression: the rising step curve of least squared error.

    No shape is assumed, so it wants a thousand objects or more. It ties scores within a
    step and gives exact 0 and 1 at the ends: ranking metrics belong on the scores.

    Attributes
    ----------
    score_, probability_ : array of float, shape (k,)
        Corners of the curve; linear between them and flat outside.

    References
    ----------
    Zadrozny & Elkan 2002, KDD, 694.

    Examples
    --------
    >>> calibrator = IsotonicCalibrator().fit([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    >>> calibrator.predict([0.0, 0.5, 1.0])
    array([0. , 0.5, 1. ])
    """

    _state = ("score", "probability")

    def fit(self, score: ArrayLike, y: ArrayLike) -> Self:
        """Fit by pooling adjacent violators.

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,)
            Uncalibrated probability of 1.
        y : array_like of {0, 1}, shape (n,)
            Truth, both classes present.

        Returns
        -------
        IsotonicCalibrator
            Itself.

        Raises
        ------
        ValueError
            If lengths differ, a score is outside [0, 1] or only one class is present.
        """
        from sklearn.isotonic import IsotonicRegression

        truth, scores = _truth_and_score(y, score)
        curve = IsotonicRegression(y_min=0, y_max=1).fit(scores, truth)
        self.score_, self.probability_ = curve.X_thresholds_, curve.y_thresholds_
        return self

    def predict(self, score: ArrayLike) -> FloatArray:
        """Calibrated probability of 1.

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,)
            Uncalibrated probability.

        Returns
        -------
        array of float, shape (n,)
            Within [0, 1].

        Raises
        ------
        ValueError
            If a score is outside [0, 1] or the calibrator is not fitted.
        """
        self._check_fitted()
        return np.interp(as_probabilities("score", score), self.score_, self.probability_)


def cross_fit(
    calibrator: Calibrator,
    score: ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_folds: int = 5,
    rng: np.random.Generator | int | None = None,
) -> FloatArray:
    """Calibrated probabilities, each from a calibrator that did not see the object's group.

    Judge calibration on these; ``calibrator`` itself stays unfitted, and the one to use on
    new objects is fitted on all.

    Parameters
    ----------
    calibrator : Calibrator
        Copied for every fold.
    score : array_like of float in [0, 1], shape (n,) or (n, n_classes)
        Uncalibrated probabilities, themselves out of fold.
    y : array_like of int, shape (n,)
        Truth. Folds keep its shares.
    groups : array_like, shape (n,), optional
        Objects of one group share a fold. Without it each row is its own group.
    n_folds : int
        Number of folds.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    array of float, the shape of the scores
        Calibrated probabilities.

    Raises
    ------
    ValueError
        If lengths differ, there are fewer groups than folds, or what the calibrator refuses.

    References
    ----------
    Platt 1999, Advances in Large Margin Classifiers, 61, section 2.2.

    Examples
    --------
    >>> score = [0.1, 0.2, 0.8, 0.9] * 10
    >>> cross_fit(PlattCalibrator(), score, [0, 0, 1, 1] * 10, rng=0).shape
    (40,)
    """
    from decan.core.data.splits import group_folds

    scores = np.asarray(score, dtype=np.float64)
    truth = as_floats("y", y, n=len(scores))
    of_row = np.arange(len(scores)) if groups is None else np.asarray(groups)
    calibrated = np.empty_like(scores)
    for train, test in group_folds(of_row, n_folds, stratify=truth, rng=rng):
        fitted = copy.deepcopy(calibrator).fit(scores[train], truth[train])
        calibrated[test] = fitted.predict(scores[test])
    return calibrated


def _truth_and_score(y: ArrayLike, score: ArrayLike) -> tuple[FloatArray, FloatArray]:
    truth = as_binary("y", y)
    return truth, as_probabilities("score", score, n=len(truth))


def _smoothed(truth: FloatArray) -> FloatArray:
    """Platt's targets: as if one more object of each class had been seen."""
    ones = truth.sum()
    return np.where(truth == 1, (ones + 1) / (ones + 2), 1 / (len(truth) - ones + 2))


def logit(probability: FloatArray) -> FloatArray:
    inside = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.log(inside) - np.log1p(-inside)


def _log_pair(probability: FloatArray) -> FloatArray:
    inside = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.column_stack([np.log(inside), -np.log1p(-inside), np.ones_like(inside)])


def _logistic(
    features: FloatArray, target: FloatArray, bounds: list[tuple[float, float]]
) -> FloatArray:
    """Weights of a logistic curve by maximum likelihood: convex, so the optimum is the optimum."""
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        logits = features @ weights
        value = np.mean(np.logaddexp(0, logits) - target * logits)
        return float(value), features.T @ (expit(logits) - target) / len(target)

    start = np.ones(features.shape[1])
    start[-1] = 0.0
    return minimize(
        loss,
        start,
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"ftol": 1e-12, "gtol": 1e-8, "maxiter": 500},
    ).x
