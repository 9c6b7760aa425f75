"""Folding and binning of whole batches at once, on edges that do not move with the data.

Every routine takes the rows of many objects in one flat array and the number of the
object of each row, and accumulates with :func:`numpy.bincount`: no loop over objects,
and memory that stays bounded for tens of millions of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Binned",
    "TransitCount",
    "bin_means",
    "bin_medians",
    "count_transits",
    "fill_empty",
    "phase_of",
]

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Binned:
    """Binned series of a batch of objects.

    Parameters
    ----------
    value : ndarray of float, shape (n_objects, n_bins)
        Mean or median of the points of each bin; NaN where there is none.
    count : ndarray of int, shape (n_objects, n_bins)
        Valid points in each bin.
    error : ndarray of float, shape (n_objects, n_bins), optional
        Standard error of the mean from the errors of the valid points.

    Examples
    --------
    >>> int(Binned(np.ones((1, 2)), np.array([[3, 0]])).count.sum())
    3
    """

    value: NDArray[np.float64]
    count: NDArray[np.int64]
    error: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class TransitCount:
    """Which transits of a signal a light curve holds.

    Parameters
    ----------
    cycle : ndarray of int, shape (n_with_data,)
        Number of each transit that has at least one point in transit, from the epoch.
    coverage : ndarray of float, shape (n_with_data,)
        Points found around the transit, as a share of those expected without gaps.

    Examples
    --------
    >>> TransitCount(np.array([0, 1]), np.array([1.0, 0.4])).n_good
    1
    """

    cycle: NDArray[np.int64]
    coverage: NDArray[np.float64]

    @property
    def n_with_data(self) -> int:
        """Transits with at least one point."""
        return int(self.cycle.size)

    @property
    def good(self) -> NDArray[np.bool_]:
        """Transits with at least three quarters of the points expected."""
        return self.coverage >= GOOD_COVERAGE

    @property
    def n_good(self) -> int:
        """Number of good transits."""
        return int(self.good.sum())


GOOD_COVERAGE = 0.75
"""Share of the expected points from which a transit counts as good."""


def count_transits(
    time: ArrayLike,
    period: float,
    epoch: float,
    duration: float,
    *,
    cadence: ArrayLike,
    half_span: float = 3.0,
) -> TransitCount:
    """Count the transits that have data, and judge how complete each is.

    Only transits with points count: a gap of two years adds none.

    Parameters
    ----------
    time : array_like of float, shape (n,)
        Days, sorted.
    period, epoch, duration : float
        Days.
    cadence : float or array_like, shape (n,)
        Time between rows without gaps, days; one for each row where sectors differ.
    half_span : float
        Half width of the window in which points are counted, durations.

    Returns
    -------
    TransitCount

    Examples
    --------
    >>> count_transits(np.arange(0, 20, 0.1), 10.0, 5.0, 0.5, cadence=0.1).n_good
    2
    """
    times = np.asarray(time, dtype=float)
    cycle = np.round((times - epoch) / period).astype(np.int64)
    offset = np.abs(times - epoch - cycle * period)
    in_transit = np.unique(cycle[offset <= 0.5 * duration])
    if in_transit.size == 0:
        return TransitCount(in_transit, np.zeros(0))
    first = int(in_transit[0])
    near = (offset <= half_span * duration) & (cycle >= first) & (cycle <= in_transit[-1])
    number = cycle[near] - first
    points = np.bincount(number)[in_transit - first]
    step = np.broadcast_to(np.asarray(cadence, dtype=float), times.shape)[near]
    typical = np.bincount(number, weights=step)[in_transit - first] / points
    expected = np.maximum(min(2 * half_span * duration, period) / typical, 1.0)
    return TransitCount(in_transit, points / expected)


def phase_of(
    time: ArrayLike, period: ArrayLike, epoch: ArrayLike, *, start: float = -0.5
) -> NDArray[np.float64]:
    """Orbital phase, 0 at the epoch, from ``start`` up to ``start + 1``.

    Parameters
    ----------
    time : array_like of float
        Days.
    period, epoch : array_like of float
        Days; anything that broadcasts against ``time``.
    start : float
        Lowest phase.

    Returns
    -------
    ndarray of float
        Phase in ``[start, start + 1)``.

    Examples
    --------
    >>> phase_of([0.0, 2.0, 9.0], 10.0, 0.0)
    array([ 0. ,  0.2, -0.1])
    """
    base = np.asarray(time, dtype=float) - np.asarray(epoch, dtype=float)
    cycle: NDArray[np.float64] = np.asarray(base / np.asarray(period, dtype=float))
    # In place from here on: new pages for long arrays cost more than the arithmetic.
    cycle -= start
    cycle -= np.floor(cycle)
    # A tiny negative number rounds up to 1, which is the next cycle's 0.
    cycle[cycle >= 1.0] = 0.0
    cycle += start
    return cycle


def bin_means(
    place: ArrayLike,
    values: ArrayLike,
    *,
    low: float,
    high: float,
    n_bins: int,
    objects: ArrayLike | None = None,
    n_objects: int = 1,
    errors: ArrayLike | None = None,
) -> Binned:
    """Means in equal bins between fixed edges, for a whole batch.

    Points outside the edges, and NaN or masked values, are left out of the mean, of the
    count and of the error.

    Parameters
    ----------
    place : array_like of float, shape (n,)
        Where each point stands, in the unit of ``low`` and ``high``.
    values : array_like of float, shape (n,)
        What is averaged.
    low, high : float
        Outer edges; the upper one is open.
    n_bins : int
        Number of bins.
    objects : array_like of int, shape (n,), optional
        Number of the object of each point; all zero by default.
    n_objects : int
        Number of objects.
    errors : array_like of float, shape (n,), optional
        One standard deviation of each value.

    Returns
    -------
    Binned

    Raises
    ------
    ValueError
        If lengths differ.

    Examples
    --------
    >>> binned = bin_means([0.5, 0.6, 0.7], [1.0, np.nan, 1.2], low=0, high=1, n_bins=1,
    ...                    errors=[0.1, np.nan, 0.3])
    >>> binned.value[0, 0], int(binned.count[0, 0]), round(float(binned.error[0, 0]), 3)
    (np.float64(1.1), 2, 0.158)
    """
    size = n_objects * n_bins
    # One cell more takes what is left out, which is cheaper than cutting it out.
    total = np.zeros(size + 1)
    variance = np.zeros(size + 1) if errors is not None else None
    count = np.zeros(size + 1, dtype=np.int64)
    x, y = _unmasked(place), _unmasked(values)
    owner = None if objects is None else np.asarray(objects)
    sigma = None if errors is None else _unmasked(errors)
    for name, column in (("values", y), ("objects", owner), ("errors", sigma)):
        if column is not None and column.shape != x.shape:
            raise ValueError(f"{name}: has shape {column.shape}, but place {x.shape}")
    scale = n_bins / (high - low)
    for start in range(0, x.size, _CHUNK):
        rows = slice(start, start + _CHUNK)
        index = np.asarray((x[rows] - low) * scale)
        inside = (index >= 0) & (index < n_bins) & np.isfinite(y[rows])
        if sigma is not None:
            inside &= np.isfinite(sigma[rows])
        if not inside.all():
            index = np.where(inside, index, 0.0)
        cell = index.astype(np.int64)
        if owner is not None:
            cell += owner[rows] * n_bins
        cell[~inside] = size
        total += np.bincount(cell, weights=y[rows], minlength=size + 1)
        count += np.bincount(cell, minlength=size + 1)
        if variance is not None and sigma is not None:
            variance += np.bincount(cell, weights=sigma[rows] ** 2, minlength=size + 1)
    total, count = total[:size], count[:size]
    shape = (n_objects, n_bins)
    filled = np.maximum(count, 1)
    mean = np.where(count > 0, total / filled, np.nan).reshape(shape)
    error = None
    if variance is not None:
        error = np.where(count > 0, np.sqrt(variance[:size]) / filled, np.nan).reshape(shape)
    return Binned(mean, count.reshape(shape), error)


def bin_medians(
    place: ArrayLike,
    values: ArrayLike,
    *,
    low: float,
    high: float,
    n_bins: int,
    width: float | None = None,
    objects: ArrayLike | None = None,
    n_objects: int = 1,
) -> Binned:
    """Medians in equal bins between fixed edges, for a whole batch.

    Parameters
    ----------
    place, values, low, high, n_bins, objects, n_objects
        As in :func:`bin_means`.
    width : float, optional
        Width of each bin where bins overlap; their left edges are then spread evenly so
        that the first begins at ``low`` and the last ends at ``high``.

    Returns
    -------
    Binned

    Examples
    --------
    >>> bin_medians([0.1, 0.2, 0.3], [1.0, 50.0, 2.0], low=0, high=1, n_bins=1).value
    array([[2.]])
    """
    x, y = _unmasked(place).astype(float), _unmasked(values).astype(float)
    valid = np.isfinite(y) & (x >= low) & (x < high)
    owner = np.zeros(x.size, dtype=np.int64) if objects is None else np.asarray(objects)
    x, y, owner = x[valid], y[valid], owner[valid]
    wide = (high - low) / n_bins if width is None else width
    spacing = (high - low - wide) / (n_bins - 1) if n_bins > 1 else wide
    last = np.floor((x - low) / spacing).astype(np.int64)
    cells, copies = [], []
    # A point lies in every bin that began less than one width before it.
    for back in range(int(np.ceil(wide / spacing - 1e-9))):
        index = last - back
        inside = (index >= 0) & (index < n_bins) & (x < low + index * spacing + wide + 1e-12)
        cells.append(owner[inside] * n_bins + index[inside])
        copies.append(y[inside])
    cell, kept = np.concatenate(cells), np.concatenate(copies)
    size = n_objects * n_bins
    order = np.lexsort((kept, cell))
    kept = kept[order]
    count = np.bincount(cell, minlength=size)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    value = np.full(size, np.nan)
    some = count > 0
    value[some] = 0.5 * (
        kept[first[some] + (count[some] - 1) // 2] + kept[first[some] + count[some] // 2]
    )
    shape = (n_objects, n_bins)
    return Binned(value.reshape(shape), count.reshape(shape))


def fill_empty(value: NDArray[Any]) -> NDArray[Any]:
    """Fill NaN bins by a straight line between their neighbours, row by row.

    Parameters
    ----------
    value : ndarray of float, shape (n_objects, n_bins)
        Binned series; rows that are all NaN stay so.

    Returns
    -------
    ndarray of float, shape (n_objects, n_bins)
        A copy; ends are continued by the nearest bin.

    Examples
    --------
    >>> fill_empty(np.array([[np.nan, 1.0, np.nan, 3.0]]))
    array([[1., 1., 2., 3.]])
    """
    known = np.isfinite(value)
    n_bins = value.shape[1]
    column = np.broadcast_to(np.arange(n_bins), value.shape)
    left = np.maximum.accumulate(np.where(known, column, -1), axis=1)
    right = np.minimum.accumulate(np.where(known, column, n_bins)[:, ::-1], axis=1)[:, ::-1]
    left, right = np.where(left < 0, right, left), np.where(right >= n_bins, left, right)
    safe_left, safe_right = left.clip(0, n_bins - 1), right.clip(0, n_bins - 1)
    share = np.where(right > left, (column - left) / np.maximum(right - left, 1), 0.0)
    a = np.take_along_axis(value, safe_left, axis=1)
    b = np.take_along_axis(value, safe_right, axis=1)
    return np.where(known, value, a + share * (b - a))


def _unmasked(values: Any) -> NDArray[Any]:
    """The array itself where nothing is masked: copies of long ones cost more than the sums."""
    if not hasattr(values, "mask") or hasattr(values, "iloc"):
        return np.asarray(values)
    from .lightcurve import plain

    return plain(values, "values")
