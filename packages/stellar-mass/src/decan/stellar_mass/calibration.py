"""Calibration of predicted densities by a beta transform of their cumulative probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .densities import BinnedDensity

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["beta_fit", "beta_transformed", "pool_beta"]


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


def pool_beta(rounds: ArrayLike, members: int) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """The beta distribution for a pool of many densities, from pools of the few held out.

    A row is left out by one member a round. The pool of k rounds is wider than each of its
    densities, and its centre errs less; both change as 1/k, and so do the logarithms of the two
    numbers, which are taken from the pools at hand to that of all members.

    Parameters
    ----------
    rounds : array_like, shape (rounds, n)
        Integral transforms of each row by the member that left it out; NaN where none did.
    members : int
        Size of the pool that predicts.

    Returns
    -------
    pit : ndarray
        Transforms by the largest pool that every row has, or of the rows of the first round.
    a, b : (float, float)
        As :func:`beta_fit` gives them.

    Examples
    --------
    >>> one = np.random.default_rng(0).uniform(size=(1, 4000))
    >>> pit, (a, b) = pool_beta(one, members=5)
    >>> bool((pit == one[0]).all() and abs(a - 1) < 0.1)
    True
    """
    given = np.asarray(rounds, dtype=np.float64)
    whole = given[np.isfinite(given).all(axis=1)]
    if not len(whole):
        pit = given[0][np.isfinite(given[0])]
        return pit, beta_fit(pit)
    k = np.arange(1, len(whole) + 1)
    pools = np.cumsum(whole, axis=0) / k[:, None]
    if len(whole) == 1:
        return pools[0], beta_fit(pools[0])
    logs = np.log([beta_fit(pool) for pool in pools])
    slope, level = np.polyfit(1 / k, logs, 1)
    a, b = np.exp(level + slope / members)
    return pools[-1], (float(a), float(b))


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
