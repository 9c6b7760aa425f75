"""Calibration of predicted densities by a beta transform of their cumulative probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .densities import BinnedDensity

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["beta_fit", "beta_transformed"]


def beta_fit(pit: ArrayLike) -> tuple[float, float]:
    """The beta distribution that out-of-fold integral transforms follow.

    Parameters
    ----------
    pit : array_like of float in [0, 1], shape (n,)
        Cumulative probability of each observed value under its density.

    Returns
    -------
    a, b : float
        1 and 1 where the densities are calibrated; both above 1 where they are too wide.

    References
    ----------
    Gneiting & Ranjan 2013, Electron. J. Stat. 7, 1747 (beta-transformed linear pools).

    Examples
    --------
    >>> a, b = beta_fit(np.random.default_rng(0).uniform(size=4000))
    >>> bool(abs(a - 1) < 0.1 and abs(b - 1) < 0.1)
    True
    """
    from scipy.optimize import minimize
    from scipy.special import betaln

    u = np.clip(np.asarray(pit, dtype=np.float64), 1e-6, 1 - 1e-6)
    log_u, log_v = float(np.log(u).mean()), float(np.log1p(-u).mean())

    def loss(log_ab: NDArray[np.float64]) -> float:
        a, b = np.exp(log_ab)
        return float(betaln(a, b) - (a - 1) * log_u - (b - 1) * log_v)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-4})
    a, b = np.exp(np.clip(found.x, -2, 2))
    return float(a), float(b)


def beta_transformed(density: BinnedDensity, a: float, b: float) -> BinnedDensity:
    """Densities whose cumulative probabilities went through a beta distribution.

    Parameters
    ----------
    density : BinnedDensity
        As predicted.
    a, b : float
        From :func:`beta_fit`.

    Returns
    -------
    BinnedDensity

    Examples
    --------
    >>> flat = BinnedDensity(np.linspace(0, 1, 5), np.full((1, 4), 0.25))
    >>> beta_transformed(flat, 2.0, 2.0).probability.round(3)
    array([[0.156, 0.344, 0.344, 0.156]])
    """
    from scipy.special import betainc

    below = np.concatenate(
        [np.zeros((len(density), 1)), density.probability.cumsum(axis=1)], axis=1
    )
    below = np.clip(below / below[:, -1:], 0, 1)
    return BinnedDensity(density.edges, np.diff(betainc(a, b, below), axis=1))
