"""A Gaussian process for a few hundred chemical models and a dozen correlated coordinates.

A Matern kernel with a length a coordinate, by maximum a posteriori: the prior on the
lengths keeps coordinates that say the same thing from being fitted to noise. The gradient
never forms an array of models x models x coordinates.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.estimator_base import moments

__all__ = ["MaternProcess"]

Floats = NDArray[np.float64]
_JITTER = 1e-8
# Kernel blocks of this many rows stay in the processor's cache.
_ROWS = 512


class MaternProcess:
    """Gaussian-process regression with a Matern-3/2 kernel and a length a coordinate.

    Parameters
    ----------
    length_prior : (float, float)
        Mean and width of the normal prior on the natural logarithms of the lengths, in
        standard deviations of the coordinates.
    max_iter : int
        Steps of L-BFGS.

    Examples
    --------
    >>> x = np.linspace(0, 1, 30)[:, None]
    >>> process = MaternProcess().fit(x, np.sin(6 * x[:, 0]))
    >>> mean, std = process.predict([[0.5]], return_std=True)
    >>> abs(mean[0] - np.sin(3)) < 0.01
    np.True_
    """

    def __init__(
        self, *, length_prior: tuple[float, float] = (1.0, 1.5), max_iter: int = 50
    ) -> None:
        self.length_prior = length_prior
        self.max_iter = max_iter

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit lengths, amplitude and noise.

        Parameters
        ----------
        X : array_like, shape (n, n_coordinates)
            Coordinates; they are standardised here.
        y : array_like, shape (n,)
            Targets.

        Returns
        -------
        MaternProcess
            Itself.
        """
        from scipy.optimize import minimize

        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        self.mean_, self.scale_ = moments(X)
        self.offset_, self.unit_ = float(y.mean()), float(y.std()) or 1.0
        Z, t = (X - self.mean_) / self.scale_, (y - self.offset_) / self.unit_
        d = Z.shape[1]
        start = np.r_[np.full(d, self.length_prior[0]), 1.0, np.log(0.05)]
        bounds = [(-2.0, 6.0)] * d + [(-3.0, 6.0), (-12.0, 1.0)]
        found = minimize(
            _negative_log_posterior,
            start,
            args=(Z, t, self.length_prior),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": self.max_iter},
        )
        return self.set_state({"X": X, "y": y, "theta": found.x})

    def state(self) -> dict[str, Floats]:
        """Arrays from which :meth:`set_state` builds the fitted process again."""
        return {"X": self.X_, "y": self.y_, "theta": self.theta_}

    def set_state(self, state: dict[str, Floats]) -> Self:
        """Take training data and fitted logarithms of the hyperparameters."""
        from scipy.linalg import cho_solve, cholesky

        self.X_, self.y_, self.theta_ = (np.asarray(state[k], float) for k in ("X", "y", "theta"))
        self.mean_, self.scale_ = moments(self.X_)
        self.offset_, self.unit_ = float(self.y_.mean()), float(self.y_.std()) or 1.0
        d = self.X_.shape[1]
        self.lengths_ = np.exp(self.theta_[:d]) * self.scale_
        self.amplitude_, self.noise_ = np.exp(self.theta_[d:])
        self._scaled = (self.X_ - self.mean_) / self.lengths_
        K = self.amplitude_ * _matern(self._scaled, self._scaled)[0]
        K[np.diag_indices_from(K)] += self.noise_ + _JITTER
        self._factor = cholesky(K, lower=True)
        self._weights = cho_solve((self._factor, True), (self.y_ - self.offset_) / self.unit_)
        return self

    def predict(self, X: ArrayLike, *, return_std: bool = False) -> Floats | tuple[Floats, Floats]:
        """Mean, and standard deviation of a new observation, of each row.

        Parameters
        ----------
        X : array_like, shape (n, n_coordinates)
            Coordinates.
        return_std : bool
            Whether the standard deviation is wanted too.

        Returns
        -------
        mean : array of float, shape (n,)
        std : array of float, shape (n,)
            Only with ``return_std``.
        """
        X = np.asarray(X, dtype=float)
        mean = np.empty(len(X))
        variance = np.empty(len(X)) if return_std else None
        inverse = self._inverse_factor() if return_std else np.empty((0, 0))
        for begin in range(0, len(X), _ROWS):
            rows = slice(begin, begin + _ROWS)
            scaled = (X[rows] - self.mean_) / self.lengths_
            k = _matern(scaled, self._scaled)[0]
            k *= self.amplitude_
            mean[rows] = k @ self._weights
            if variance is not None:
                explained = np.square(k @ inverse.T).sum(axis=1)
                variance[rows] = self.amplitude_ + self.noise_ - explained
        mean = self.offset_ + self.unit_ * mean
        if variance is None:
            return mean
        return mean, self.unit_ * np.sqrt(np.maximum(variance, self.noise_ * 1e-3 + 1e-12))

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """Prediction and standard deviation of each training row from all the others.

        Returns
        -------
        mean, std : array of float, shape (n,)
            In closed form, with the hyperparameters of all rows.
        """
        inverse = self._inverse_factor()
        precision = np.square(inverse).sum(axis=0)
        mean = self.y_ - self.unit_ * self._weights / precision
        return mean, self.unit_ / np.sqrt(precision)

    def _inverse_factor(self) -> Floats:
        from scipy.linalg import solve_triangular

        return np.asarray(solve_triangular(self._factor, np.eye(len(self._factor)), lower=True))


def _matern(A: Floats, B: Floats) -> tuple[Floats, Floats]:
    """Correlation, and what the derivative by a squared scaled distance needs."""
    square = A @ B.T
    square *= -2.0
    square += (A * A).sum(axis=1)[:, None]
    square += (B * B).sum(axis=1)[None]
    np.maximum(square, 0.0, out=square)
    square *= 3.0
    r = np.sqrt(square, out=square)
    decay = np.exp(-r)
    r += 1.0
    r *= decay
    decay *= 3.0
    return r, decay


def _negative_log_posterior(
    theta: Floats, Z: Floats, t: Floats, prior: tuple[float, float]
) -> tuple[float, Floats]:
    from scipy.linalg import LinAlgError, cho_solve, cholesky
    from scipy.linalg.lapack import dpotri

    n, d = Z.shape
    length, amplitude, noise = np.exp(theta[:d]), np.exp(theta[d]), np.exp(theta[d + 1])
    scaled = Z / length
    R, slope = _matern(scaled, scaled)
    K = amplitude * R
    K[np.diag_indices(n)] += noise + _JITTER
    try:
        L = cholesky(K, lower=True)
    except LinAlgError:
        return 1e10, np.zeros_like(theta)
    weights = cho_solve((L, True), t)
    # LAPACK fills one triangle of the inverse, in a third of the time of solving for it.
    inverse = dpotri(L, lower=1)[0]
    W = np.outer(weights, weights) - (inverse + np.tril(inverse, -1).T)
    M = W * slope
    M *= amplitude
    rows = M.sum(axis=1)
    # sum over pairs of M_ab (z_a - z_b)^2, one coordinate at a time, without the pairs' array.
    spread = rows @ np.square(scaled) - np.einsum("aj,aj->j", scaled, M @ scaled)
    gradient = np.empty_like(theta)
    gradient[:d] = -spread + (theta[:d] - prior[0]) / prior[1] ** 2
    gradient[d] = -0.5 * (W * R).sum() * amplitude + (theta[d] - 1.0) / 4.0
    gradient[d + 1] = -0.5 * np.trace(W) * noise
    value = 0.5 * t @ weights + np.log(np.diag(L)).sum()
    value += 0.5 * np.sum(((theta[:d] - prior[0]) / prior[1]) ** 2) + (theta[d] - 1.0) ** 2 / 8.0
    return float(value), gradient
