"""Statistics of ragged batches: one number a star, without a loop over stars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["segment_mean_std", "segment_quantiles"]


def segment_quantiles(values: NDArray, start: NDArray[np.int64], q: list[float]) -> NDArray:
    """Quantiles of each segment of a flat array, linear between order statistics.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        Finite values.
    start : ndarray of int, shape (n + 1,)
        Where the segments begin.
    q : list of float
        Quantiles in [0, 1].

    Returns
    -------
    ndarray, shape (len(q), n)
        NaN for an empty segment.

    Examples
    --------
    >>> segment_quantiles(np.array([3.0, 1.0, 2.0, 9.0]), np.array([0, 3, 4]), [0.5])
    array([[2., 9.]])
    """
    n = np.diff(start)
    segment = np.repeat(np.arange(len(n)), n)
    ordered = values[np.lexsort((values, segment))]
    out = np.full((len(q), len(n)), np.nan)
    full = n > 0
    for row, share in enumerate(q):
        rank = share * (n[full] - 1)
        below = np.floor(rank).astype(np.int64)
        above = np.minimum(below + 1, n[full] - 1)
        low, high = ordered[start[:-1][full] + below], ordered[start[:-1][full] + above]
        out[row, full] = low + (rank - below) * (high - low)
    return out


def segment_mean_std(values: NDArray, start: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """Mean and sample standard deviation (``ddof=1``) of each segment.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        Finite values.
    start : ndarray of int, shape (n + 1,)
        Where the segments begin.

    Returns
    -------
    tuple of ndarray, shape (n,)
        NaN where a segment has too few values.

    Examples
    --------
    >>> segment_mean_std(np.array([1.0, 3.0, 5.0]), np.array([0, 2, 3]))
    (array([2., 5.]), array([1.41421356,        nan]))
    """
    n = np.diff(start)
    segment = np.repeat(np.arange(len(n)), n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(segment, values, minlength=len(n)) / n
        square = np.bincount(segment, (values - mean[segment]) ** 2, minlength=len(n))
        std = np.sqrt(square / np.where(n > 1, n - 1, np.nan))
    return mean, std
