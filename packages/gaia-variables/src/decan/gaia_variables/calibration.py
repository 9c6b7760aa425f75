"""How large the σ of a latent really is: learned from pairs of observations of the same stars.

The posterior's σ of an autoencoder of light curves says how well a curve is compressed, not
how much its latents would change if the star were observed again. Two halves of a curve say
that; how much they differ depends on where in latent space the star lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration"]

_REACH = 4.0
_RIDGE = 1e-3
_MOST = 20.0


@dataclass(frozen=True)
class Calibration:
    """σ of latents as a log-linear function of the raw σ and of the latents themselves.

    Parameters
    ----------
    mean, std : ndarray, shape (k,)
        Of the latents of the stars it was learned from.
    weight : ndarray, shape (k, k + 2)
        For each latent: of the constant, of its own log σ, and of the scaled latents.

    Examples
    --------
    >>> Calibration.none(2).apply(np.zeros((1, 2)), np.array([[0.1, 0.3]]))
    array([[0.1, 0.3]])
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def none(cls, latent_dim: int) -> Calibration:
        """The one that leaves σ as it is.

        Parameters
        ----------
        latent_dim : int
            Number of latents.

        Returns
        -------
        Calibration
        """
        weight = np.zeros((latent_dim, latent_dim + 2))
        weight[:, 1] = 1
        return cls(np.zeros(latent_dim), np.ones(latent_dim), weight)

    @classmethod
    def learned(cls, z: tuple[NDArray, NDArray], sigma: tuple[NDArray, NDArray]) -> Calibration:
        """The one that makes differences of two observations as large as their σ say.

        For each latent the Gaussian likelihood of the differences is maximised.

        Parameters
        ----------
        z : tuple of two ndarray, shape (n, k)
            Latents of the first and of the second observation of each star.
        sigma : tuple of two ndarray, shape (n, k)
            Their σ.

        Returns
        -------
        Calibration

        Raises
        ------
        ValueError
            If fewer stars have both observations than there are weights.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> place, raw = rng.normal(size=(900, 1)), np.full((900, 1), 1e-3)
        >>> pair = tuple(place + 0.2 * rng.normal(size=(900, 1)) for _ in range(2))
        >>> found = Calibration.learned(pair, (raw, raw))
        >>> float(np.median(found.apply(place, raw)).round(1))
        0.2
        """
        from scipy.optimize import minimize

        both = np.isfinite(np.hstack([*z, *sigma])).all(axis=1)
        latent_dim = z[0].shape[1]
        if both.sum() <= latent_dim + 2:
            raise ValueError(
                f"calibrate: {both.sum()} stars have both observations, expected more than "
                f"{latent_dim + 2}"
            )
        (first, second), (sigma_1, sigma_2) = (tuple(x[both] for x in pair) for pair in (z, sigma))
        start = cls(first.mean(axis=0), first.std(axis=0) + 1e-12, np.empty(0))
        weight = np.empty((latent_dim, latent_dim + 2))
        for k in range(latent_dim):
            inputs = start._inputs(first, sigma_1[:, k]), start._inputs(second, sigma_2[:, k])
            square = (first[:, k] - second[:, k]) ** 2
            begin = np.zeros(latent_dim + 2)
            begin[0] = 0.5 * np.log(square.mean() / 2 + 1e-24)
            found = minimize(_objective, begin, (inputs, square), jac=True, method="L-BFGS-B")
            weight[k] = found.x
        return cls(start.mean, start.std, weight)

    def apply(self, z: NDArray, sigma: NDArray) -> NDArray[np.float64]:
        """Calibrated σ.

        Parameters
        ----------
        z, sigma : ndarray, shape (n, k)
            Latents and their raw σ.

        Returns
        -------
        ndarray, shape (n, k)
        """
        columns = [
            np.exp(np.clip(self._inputs(z, sigma[:, k]) @ self.weight[k], -_MOST, _MOST))
            for k in range(len(self.mean))
        ]
        return np.stack(columns, axis=1)

    def _inputs(self, z: NDArray, sigma: NDArray) -> NDArray:
        # Beyond the stars it was learned from, a straight line is no guide.
        scaled = np.clip((z - self.mean) / self.std, -_REACH, _REACH)
        return np.column_stack([np.ones(len(z)), np.log(sigma), scaled])


def _objective(
    weight: NDArray, inputs: tuple[NDArray, NDArray], square: NDArray
) -> tuple[float, Any]:
    """Negative log-likelihood of squared differences, and its slope."""
    variance = [np.exp(np.clip(2 * one @ weight, -2 * _MOST, 2 * _MOST)) for one in inputs]
    total = variance[0] + variance[1]
    value = 0.5 * np.log(total) + 0.5 * square / total
    pull = (0.5 - 0.5 * square / total) / total
    slope = sum(2 * one * (pull * own)[:, None] for one, own in zip(inputs, variance, strict=True))
    bend = np.append(0.0, 2 * _RIDGE * weight[1:])
    return float(value.mean() + _RIDGE * (weight[1:] ** 2).sum()), slope.mean(axis=0) + bend
