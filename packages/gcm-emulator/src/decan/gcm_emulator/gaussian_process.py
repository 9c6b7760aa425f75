"""Gaussian processes over the planets: one for each spatial mode, fitted by marginal likelihood.

Sixty planets make every matrix small, so that the exact likelihood and its gradient cost a
fraction of a millisecond: a hundred modes are fitted in seconds on one core. A Matern 5/2
kernel with a length for each input, and white noise of its own for each mode: weather that
got into a mode is noise there, and a mode that is all weather predicts its mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ModeProcesses"]

Array = NDArray[np.float64]

# Bounds of log length (inputs are standardised), log noise variance and log signal variance
# (targets have unit variance). A length of e^4 is a straight line over the whole grid.
_LENGTH, _NOISE, _SIGNAL = (-1.6, 4.0), (-11.0, 0.7), (-4.0, 4.5)
# A weak prior keeps lengths of pure-noise modes from running to a bound.
_PRIOR_MEAN, _PRIOR_SPREAD = 0.5, 1.5


@dataclass
class ModeProcesses:
    """Independent Gaussian processes with a common set of inputs, one a column of targets.

    Parameters
    ----------
    inputs : ndarray, shape (n, d)
        Standardised inputs of the planets it was fitted on.
    log_length : ndarray, shape (k, d)
        Natural logarithm of the lengths.
    log_signal, log_noise : ndarray, shape (k,)
        Natural logarithm of the variances, in units of the variance of each target.
    mean, spread : ndarray, shape (k,)
        Of the targets.
    weights : ndarray, shape (k, n)
        Inverse covariance times standardised targets.
    inverse : ndarray, shape (k, n, n)
        Inverse covariances.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, (40, 2))
    >>> y = np.sin(2 * x[:, :1]) + 0.01 * rng.normal(size=(40, 1))
    >>> process = ModeProcesses.fit(x, y)
    >>> mean, variance = process.predict(np.array([[0.3, 0.0]]))
    >>> bool(abs(mean[0, 0] - np.sin(0.6)) < 0.02), bool(variance[0, 0] < 1e-3)
    (True, True)
    """

    inputs: Array
    log_length: Array
    log_signal: Array
    log_noise: Array
    mean: Array
    spread: Array
    weights: Array
    inverse: Array

    @classmethod
    def fit(
        cls, inputs: Any, targets: Any, *, noise: Any = None, near: ModeProcesses | None = None
    ) -> ModeProcesses:
        """Fit every column of the targets by its own marginal likelihood.

        Parameters
        ----------
        inputs : array_like, shape (n, d)
            Standardised inputs.
        targets : array_like, shape (n, k)
            One column a mode.
        noise : array_like, shape (k,), optional
            White-noise variance of each mode, where it is known; fitted otherwise.
        near : ModeProcesses, optional
            Processes of nearly the same modes, from whose lengths the search begins;
            otherwise from a short and from a long one, and the likelier end is kept.

        Returns
        -------
        ModeProcesses
        """
        from scipy.optimize import minimize

        x = np.asarray(inputs, dtype=float)
        y = np.asarray(targets, dtype=float)
        mean = y.mean(axis=0)
        spread = np.maximum(y.std(axis=0), 1e-12)
        scaled = (y - mean) / spread
        square = (x[:, None, :] - x[None, :, :]) ** 2
        d = x.shape[1]
        bounds = [_LENGTH] * d + [_SIGNAL, _NOISE]
        found = np.empty((y.shape[1], d + 2))
        for k in range(y.shape[1]):
            best = np.inf
            if noise is not None:
                known = float(np.clip(np.log(max(noise[k] / spread[k] ** 2, 1e-300)), *_NOISE))
                bounds[-1] = (known, known)
            starts = (
                [[length] * d + [0.5, -3.0] for length in (0.3, 1.5)]
                if near is None
                else [[*near.log_length[k], near.log_signal[k], near.log_noise[k]]]
            )
            for start in starts:
                end = minimize(
                    _negative_log_likelihood, np.clip(start, *np.transpose(bounds)),
                    args=(square, scaled[:, k]), jac=True, method="L-BFGS-B", bounds=bounds,
                    options={"maxiter": 60, "ftol": 1e-7},
                )  # fmt: skip
                if end.fun < best:
                    best, found[k] = end.fun, end.x
        return cls.conditioned(x, scaled, found, mean, spread)

    @classmethod
    def conditioned(
        cls, inputs: Array, scaled: Array, found: Array, mean: Array, spread: Array
    ) -> ModeProcesses:
        """Processes with known hyperparameters, conditioned on the targets.

        Parameters
        ----------
        inputs : ndarray, shape (n, d)
            Standardised inputs.
        scaled : ndarray, shape (n, k)
            Standardised targets.
        found : ndarray, shape (k, d + 2)
            Log lengths, log signal variance, log noise variance.
        mean, spread : ndarray, shape (k,)
            Of the targets before they were standardised.

        Returns
        -------
        ModeProcesses
        """
        d = inputs.shape[1]
        inverse = _inverses(inputs, found)
        weights = np.einsum("kij,jk->ki", inverse, scaled)
        return cls(
            inputs, found[:, :d].copy(), found[:, d].copy(), found[:, d + 1].copy(),
            mean, spread, weights, inverse,
        )  # fmt: skip

    @classmethod
    def restored(cls, inputs: Array, **known: Array) -> ModeProcesses:
        """Processes from all that was kept of them but the inverse covariances.

        Parameters
        ----------
        inputs : ndarray, shape (n, d)
            Standardised inputs of the planets.
        **known
            The other arguments of the class.

        Returns
        -------
        ModeProcesses
        """
        theta = np.column_stack([known["log_length"], known["log_signal"], known["log_noise"]])
        return cls(inputs, inverse=_inverses(inputs, theta), **known)

    def predict(self, inputs: Any) -> tuple[Array, Array]:
        """Mean and variance of every mode at new inputs, without the white noise.

        Parameters
        ----------
        inputs : array_like, shape (m, d)
            Standardised inputs.

        Returns
        -------
        mean, variance : ndarray, shape (m, k)
        """
        x = np.asarray(inputs, dtype=float)
        square = (x[:, None, :] - self.inputs[None, :, :]) ** 2
        # (k, m, n): the kernel of each mode between new and known planets.
        scaled = np.einsum("mnd,kd->kmn", square, np.exp(-2.0 * self.log_length))
        cross = np.exp(self.log_signal)[:, None, None] * _profile(np.sqrt(5.0 * scaled))
        mean = np.einsum("kmn,kn->mk", cross, self.weights)
        explained = np.einsum("kmn,knj,kmj->mk", cross, self.inverse, cross, optimize=True)
        variance = np.maximum(np.exp(self.log_signal) - explained, 0.0)
        return mean * self.spread + self.mean, variance * self.spread**2

    def posterior(self, inputs: Any) -> Array:
        """Covariance of what is not known at inputs, for each mode.

        Parameters
        ----------
        inputs : array_like, shape (m, d)
            Standardised inputs.

        Returns
        -------
        ndarray, shape (k, m, m)
            In squared units of the targets.
        """
        x = np.asarray(inputs, dtype=float)
        found = np.empty((len(self.log_signal), len(x), len(x)))
        for k in range(len(self.log_signal)):
            length, signal = self.log_length[k], float(self.log_signal[k])
            among = _matern((x[:, None, :] - x[None, :, :]) ** 2, length, signal)
            known = _matern((x[:, None, :] - self.inputs[None, :, :]) ** 2, length, signal)
            found[k] = (among - known @ self.inverse[k] @ known.T) * self.spread[k] ** 2
        return found

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and variance (noise included) of each known planet from all the others.

        In closed form, with the hyperparameters of the fit to all planets.

        Returns
        -------
        mean, variance : ndarray, shape (n, k)
        """
        diagonal = np.einsum("kii->ki", self.inverse)
        n = len(self.inputs)
        # weights = inverse @ y; the known targets follow from them.
        known = np.stack([np.linalg.solve(self.inverse[k], self.weights[k])
                          for k in range(len(self.weights))])  # fmt: skip
        mean = (known - self.weights / diagonal).T
        variance = (1.0 / diagonal).T
        assert mean.shape[0] == n
        return mean * self.spread + self.mean, variance * self.spread**2

    def log_likelihood(self) -> float:
        """Logarithm of the marginal likelihood of all modes, up to a constant.

        Returns
        -------
        float
        """
        known = np.linalg.solve(self.inverse, self.weights[..., None])[..., 0]
        _, volume = np.linalg.slogdet(self.inverse)
        return float(0.5 * volume.sum() - 0.5 * (known * self.weights).sum())

    def first(self, k: int) -> ModeProcesses:
        """The processes of the first modes.

        Parameters
        ----------
        k : int
            How many.

        Returns
        -------
        ModeProcesses
        """
        return ModeProcesses(
            self.inputs, self.log_length[:k], self.log_signal[:k], self.log_noise[:k],
            self.mean[:k], self.spread[:k], self.weights[:k], self.inverse[:k],
        )  # fmt: skip

    @property
    def noise(self) -> Array:
        """White-noise variance of every mode, in squared units of its target."""
        return np.exp(self.log_noise) * self.spread**2


def _inverses(inputs: Array, found: Array) -> Array:
    """Inverse covariance of the planets for each set of hyperparameters."""
    n, d = inputs.shape
    square = (inputs[:, None, :] - inputs[None, :, :]) ** 2
    inverse = np.empty((len(found), n, n))
    for k, theta in enumerate(found):
        covariance = _matern(square, theta[:d], float(theta[d]))
        covariance[np.diag_indices(n)] += np.exp(theta[d + 1]) + 1e-8
        inverse[k] = np.linalg.inv(covariance)
    return inverse


def _profile(distance: Array) -> Array:
    return (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)


def _matern(square: Array, log_length: Array, log_signal: float) -> Array:
    """Matern 5/2 covariance of squared distances by input."""
    distance = np.sqrt(5.0 * (square @ np.exp(-2.0 * log_length)))
    return np.asarray(np.exp(log_signal) * _profile(distance))


def _negative_log_likelihood(theta: Array, square: Array, y: Array) -> tuple[float, Array]:
    """Minus the log likelihood with its prior, and its gradient; the inner loop of every fit."""
    from scipy.linalg import lapack

    n, d = len(y), square.shape[-1]
    narrow = np.exp(-2.0 * theta[:d])
    flat = square.reshape(-1, d)
    distance = np.sqrt(5.0 * (flat @ narrow)).reshape(n, n)
    signal, noise = np.exp(theta[d]), np.exp(theta[d + 1])
    decay = signal * np.exp(-distance)
    covariance = (1.0 + distance + distance**2 / 3.0) * decay
    noisy = covariance.copy()
    noisy[np.diag_indices(n)] += noise + 1e-8
    factor, fault = lapack.dpotrf(noisy, lower=1)
    if fault:
        return 1e25, np.zeros(d + 2)
    inverse, _ = lapack.dpotri(factor, lower=1)  # its lower half; the other one is zero
    inverse = inverse + inverse.T
    inverse[np.diag_indices(n)] *= 0.5
    alpha = inverse @ y
    value = 0.5 * float(y @ alpha) + float(np.log(np.diag(factor)).sum())
    inner = inverse - np.outer(alpha, alpha)
    gradient = np.empty(d + 2)
    slope = inner * (5.0 / 3.0 * (1.0 + distance) * decay)
    gradient[:d] = 0.5 * narrow * (slope.ravel() @ flat)
    gradient[d] = 0.5 * float((inner * covariance).sum())
    gradient[d + 1] = 0.5 * noise * float(np.trace(inner))
    off = (theta[:d] - _PRIOR_MEAN) / _PRIOR_SPREAD
    value += 0.5 * float(off @ off)
    gradient[:d] += off / _PRIOR_SPREAD
    return value, gradient
