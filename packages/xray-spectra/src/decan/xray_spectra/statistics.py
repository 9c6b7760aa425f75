"""Poisson statistics of spectra: C-stat, W-stat, and what to expect of them.

Channels without counts count: their expected counts are part of the likelihood.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtr

__all__ = ["cstat", "cstat_expected", "goodness", "wstat"]

_TINY = 1e-300
_LARGE = 30.0


def cstat(counts: ArrayLike, model: ArrayLike, *, axis: int = -1) -> Any:
    """C-statistic: twice the log-likelihood ratio of counts against a model, Poisson.

    Parameters
    ----------
    counts : array_like
        Counts. Cells that a NumPy masked array masks are left out.
    model : array_like
        Expected counts, broadcast against them.
    axis : int
        Summed over.

    Returns
    -------
    ndarray or float
        ``2 Σ (m - c + c ln(c / m))``; infinite where counts meet an expectation of zero.

    References
    ----------
    Cash 1979, ApJ 228, 939; the constant is that of Kaastra 2017, A&A 605, A51.

    Examples
    --------
    >>> float(cstat([0, 0, 0, 5], [1, 1, 1, 5]))  # empty channels count
    6.0
    """
    c, m = np.broadcast_arrays(np.asarray(counts, float), np.asarray(model, float))
    masks: list[Any] = [np.ma.getmask(x) for x in (counts, model) if np.ma.isMaskedArray(x)]
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(c > 0, c * np.log(c / np.maximum(m, _TINY)), 0.0)
    terms = np.where((c > 0) & (m <= 0), np.inf, 2 * (m - c + logarithm))
    for mask in masks:
        terms = np.where(mask, 0.0, terms)
    return np.sum(terms, axis=axis)


def wstat(
    counts: ArrayLike,
    model: ArrayLike,
    background: ArrayLike,
    ratio: ArrayLike,
    *,
    axis: int = -1,
) -> Any:
    """W-statistic: C-stat with the background of each channel profiled out.

    Parameters
    ----------
    counts : array_like
        Counts of the source region.
    model : array_like
        Counts expected from the source alone.
    background : array_like
        Counts of the background region.
    ratio : array_like
        Expected background counts in the source region for one in the background region.
    axis : int
        Summed over.

    Returns
    -------
    ndarray or float
        At each channel's best background, the positive root of its quadratic.

    References
    ----------
    Wachter, Leach & Kellogg 1979, ApJ 230, 274; XSPEC manual, appendix B.

    Examples
    --------
    >>> float(wstat([7], [3.0], [8], 0.5))  # source 3 and background 8 explain both exactly
    0.0
    """
    s, m, b, r = np.broadcast_arrays(
        *(np.asarray(x, dtype=float) for x in (counts, model, background, ratio))
    )
    level = profiled_background(s, m, b, r)
    terms = cstat(s[..., None], (m + r * level)[..., None])
    terms = terms + cstat(b[..., None], level[..., None])
    return np.sum(terms, axis=axis)


def profiled_background(
    counts: ArrayLike, model: ArrayLike, background: ArrayLike, ratio: ArrayLike
) -> NDArray[np.float64]:
    """Expected counts of the background region that fit each channel best.

    Parameters
    ----------
    counts, model, background, ratio : array_like
        As in :func:`wstat`.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> profiled_background([7], [3.0], [8], 0.5)
    array([8.])
    """
    s, m, b, r = np.broadcast_arrays(
        *(np.asarray(x, dtype=float) for x in (counts, model, background, ratio))
    )
    # d/dβ of s ln(m + rβ) - rβ + b ln β - β is zero: r(1 + r) β² + q β - b m = 0.
    a = r * (1 + r)
    q = (1 + r) * m - r * (s + b)
    root = np.sqrt(q**2 + 4 * a * b * m)
    # The form without cancellation for either sign of q.
    with np.errstate(divide="ignore", invalid="ignore"):
        plus = np.where(q > 0, 2 * b * m / (q + root), (root - q) / (2 * a))
    return np.where(r > 0, np.maximum(np.nan_to_num(plus), 0.0), b)


def cstat_expected(model: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each channel's C-stat where the model is true.

    Parameters
    ----------
    model : array_like
        Expected counts.

    Returns
    -------
    mean, variance : ndarray
        Of each channel; exact sums below 30 counts, asymptotic above.

    References
    ----------
    Kaastra 2017, A&A 605, A51.

    Examples
    --------
    >>> mean, variance = cstat_expected([0.01, 1.0, 1000.0])
    >>> mean.round(2)
    array([0.09, 1.15, 1.  ])
    """
    m = np.atleast_1d(np.asarray(model, dtype=float))
    mean = 1 + 1 / (6 * np.maximum(m, 1.0))
    variance = 2 + 4 / (3 * np.maximum(m, 1.0))
    nodes, mean_at, variance_at = _small()
    small = m < _LARGE
    log = np.log(np.maximum(m[small], nodes[0]))
    mean[small] = np.interp(log, np.log(nodes), mean_at)
    variance[small] = np.interp(log, np.log(nodes), variance_at)
    tiny = m < nodes[0]
    mean[tiny] *= m[tiny] / nodes[0]
    variance[tiny] *= m[tiny] / nodes[0]
    return mean.reshape(np.shape(model)), variance.reshape(np.shape(model))


def goodness(counts: ArrayLike, model: ArrayLike, *, n_free: int = 0) -> tuple[Any, Any]:
    """C-stat of a model and the probability of one so high where the model is true.

    Parameters
    ----------
    counts, model : array_like, shape (..., n)
        Counts and expected counts.
    n_free : int
        Parameters that were fitted to the same counts.

    Returns
    -------
    statistic, p_value : ndarray or float
        The p-value is that of a normal distribution with the C-stat's exact mean and variance,
        good for more than a few dozen channels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> _, p = goodness(rng.poisson(0.5, 400), np.full(400, 0.5))
    >>> bool(0.01 < p < 0.99)
    True
    """
    statistic = cstat(counts, model)
    mean, variance = cstat_expected(np.broadcast_to(model, np.shape(counts)))
    excess = statistic - np.sum(mean, axis=-1) + n_free
    return statistic, ndtr(-excess / np.sqrt(np.maximum(np.sum(variance, axis=-1), 1e-9)))


@lru_cache(maxsize=1)
def _small() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Exact means and variances on a grid of expectations, computed once."""
    nodes = np.geomspace(1e-4, _LARGE, 160)
    k = np.arange(160)[:, None]
    probability = np.exp(k * np.log(nodes) - nodes - gammaln(k + 1))
    terms = cstat(k[..., None], nodes[None, :, None])
    mean = np.sum(probability * terms, axis=0)
    return nodes, mean, np.sum(probability * (terms - mean) ** 2, axis=0)
