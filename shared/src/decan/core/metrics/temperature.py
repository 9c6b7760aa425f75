"""Temperature scaling, the calibrator that serves several classes."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, IntArray, as_floats, as_probabilities
from .calibrators import SMALLEST, Stateful, logit

__all__ = ["TemperatureCalibrator"]


class TemperatureCalibrator(Stateful):
    """Temperature scaling: one number that all log-odds are divided by.

    The only one of the four that serves several classes; the winning class never changes.

    Attributes
    ----------
    temperature_ : array of float, shape ()
        Above 1 where the scores were over-confident.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger 2017, ICML, arXiv:1706.04599.

    Examples
    --------
    >>> calibrator = TemperatureCalibrator().fit([0.1, 0.1, 0.9, 0.9, 0.1], [0, 1, 1, 1, 0])
    >>> calibrator.predict([0.9]).round(3)
    array([0.8])
    >>> calibrator.predict([[0.8, 0.1, 0.1]]).shape
    (1, 3)
    """

    _state = ("temperature",)

    def fit(self, score: ArrayLike, y: ArrayLike) -> Self:
        """Fit the temperature by maximum likelihood, between 0.01 and 100.

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,) or (n, n_classes)
            Uncalibrated probability of 1, or of each class.
        y : array_like of int, shape (n,)
            Truth: 0 or 1, or the index of the class.

        Returns
        -------
        TemperatureCalibrator
            Itself.

        Raises
        ------
        ValueError
            If lengths differ, scores are no probabilities, or a class index does not fit.
        """
        from scipy.optimize import minimize_scalar
        from scipy.special import log_softmax

        logits = _class_logits(score)
        classes = _class_indices(y, logits)
        rows = np.arange(len(classes))

        def loss(log_temperature: float) -> float:
            scaled = log_softmax(logits * np.exp(-log_temperature), axis=1)
            return -float(scaled[rows, classes].mean())

        # The likelihood has one maximum in 1 / T, hence also in log T.
        best = minimize_scalar(
            loss, bounds=(np.log(0.01), np.log(100.0)), method="bounded", options={"xatol": 1e-7}
        )
        self.temperature_ = np.exp(np.asarray(best.x))
        return self

    def predict(self, score: ArrayLike) -> FloatArray:
        """Calibrated probabilities, of the shape of the scores.

        Parameters
        ----------
        score : array_like of float in [0, 1], shape (n,) or (n, n_classes)
            Uncalibrated probability of 1, or of each class.

        Returns
        -------
        array of float, the shape of the scores
            Rows of several classes add up to 1.

        Raises
        ------
        ValueError
            If scores are no probabilities or the calibrator is not fitted.
        """
        from scipy.special import softmax

        self._check_fitted()
        calibrated = softmax(_class_logits(score) / self.temperature_, axis=1)
        return calibrated[:, 1] if np.ndim(score) == 1 else calibrated


def _class_logits(score: ArrayLike) -> FloatArray:
    """Logits of each class, shape (n, n_classes); a column of probabilities becomes two."""
    scores = np.asarray(score, dtype=np.float64)
    if scores.ndim == 1:
        logits = logit(as_probabilities("score", scores))
        return np.column_stack([np.zeros_like(logits), logits])
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) == 0:
        raise ValueError(f"score: found shape {scores.shape}, expected (n,) or (n, n_classes)")
    as_probabilities("score", scores.ravel())
    sums = scores.sum(axis=1)
    # float32 softmax outputs add up to 1 within a few 1e-7.
    if np.abs(sums - 1).max() > 1e-4:
        row = int(np.argmax(np.abs(sums - 1)))
        raise ValueError(f"score: row {row} adds up to {sums[row]:g}, expected 1")
    return np.log(np.clip(scores, SMALLEST, None))


def _class_indices(y: ArrayLike, logits: FloatArray) -> IntArray:
    classes = as_floats("y", y, n=len(logits))
    strange = (classes != np.floor(classes)) | (classes < 0) | (classes >= logits.shape[1])
    if strange.any():
        row = int(np.argmax(strange))
        raise ValueError(
            f"y: found {classes[row]:g} at row {row}, expected a class index below "
            f"{logits.shape[1]}"
        )
    return classes.astype(np.int64)
