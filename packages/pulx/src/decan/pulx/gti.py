"""Good-time intervals: checked, merged, measured, and their Fourier transform.

The transform is what makes one pulsation appear at many frequencies: see ``windows``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fresnel

from decan.core.data.numbers import in_unit

__all__ = ["exposure", "inside", "merge_intervals", "window_transform"]

# Header times are kept to about a microsecond; gaps below it are rounding, not gaps.
_TOUCH_S = 1e-6
# Below this drift, in Fourier bins over an interval, the phase bends by less than 1e-7.
_STRAIGHT = 1e-7


def merge_intervals(intervals: ArrayLike) -> tuple[NDArray[np.float64], int]:
    """Sorted, disjoint intervals, and how many true overlaps were merged on the way.

    Intervals that touch within rounding become one and are not counted.

    Parameters
    ----------
    intervals : array_like or Quantity, shape (n, 2)
        Start and stop, s.

    Returns
    -------
    merged : ndarray, shape (m, 2)
        Sorted and disjoint.
    n_overlaps : int
        Pairs that really shared time.

    Raises
    ------
    ValueError
        If there is none, a bound is not finite, or an interval is reversed or empty.

    Examples
    --------
    >>> merge_intervals([[0, 0.1 + 0.2], [0.3, 1.0]])
    (array([[0., 1.]]), 0)
    >>> merge_intervals([[0, 2], [1.95, 3], [5, 6]])[1]
    1
    """
    given = np.asarray(in_unit(intervals, "s", "intervals"), dtype=float)
    if given.ndim != 2 or given.shape[1:] != (2,) or len(given) == 0:
        raise ValueError(
            f"gti: shape {given.shape}, expected (n, 2): start and stop of at least one interval"
        )
    bad = np.flatnonzero(~np.isfinite(given).all(axis=1) | ~(given[:, 1] > given[:, 0]))
    if len(bad):
        row = int(bad[0])
        raise ValueError(
            f"gti: row {row} is [{given[row, 0]:.6f}, {given[row, 1]:.6f}]; expected start < stop, "
            "both finite (swap reversed bounds, drop empty intervals)"
        )
    given = given[np.argsort(given[:, 0], kind="stable")]
    reach = np.maximum.accumulate(given[:, 1])
    new = np.append(True, given[1:, 0] > reach[:-1] + _TOUCH_S)
    overlaps = int(np.sum(given[1:, 0] < reach[:-1] - _TOUCH_S))
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(given)) - 1
    return np.column_stack([given[first, 0], reach[last]]), overlaps


def exposure(intervals: NDArray[np.float64]) -> float:
    """Summed length of disjoint intervals.

    Parameters
    ----------
    intervals : ndarray, shape (n, 2)
        Disjoint, s.

    Returns
    -------
    float
        In s.

    Examples
    --------
    >>> exposure(np.array([[0.0, 10.0], [20.0, 25.0]]))
    15.0
    """
    return float(np.sum(intervals[:, 1] - intervals[:, 0]))


def inside(times: NDArray[np.float64], intervals: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which times fall into an interval; both bounds belong to it.

    Parameters
    ----------
    times : ndarray, shape (n,)
        In s.
    intervals : ndarray, shape (m, 2)
        Sorted and disjoint, s.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> inside(np.array([0.0, 5.0, 12.0]), np.array([[0.0, 10.0], [20.0, 25.0]]))
    array([ True,  True, False])
    """
    at = np.searchsorted(intervals[:, 0], times, side="right") - 1
    return (at >= 0) & (times <= intervals[np.maximum(at, 0), 1])


def window_transform(
    intervals: NDArray[np.float64], frequency: ArrayLike, drift: ArrayLike = 0.0
) -> NDArray[np.complex128]:
    """Normalised Fourier transform of the window, ``<exp 2πi(f t + ḟ t²/2)>`` over good time.

    It is 1 at the origin. Its modulus is the share of a pulsation's amplitude that shows up
    at an offset of (f, ḟ) from the true place.

    Parameters
    ----------
    intervals : ndarray, shape (n, 2)
        Sorted and disjoint, s. Times are counted from where the caller counts them.
    frequency : array_like, shape (m,)
        Offsets in frequency, Hz.
    drift : array_like, shape (m,) or scalar
        Offsets in frequency derivative, Hz/s.

    Returns
    -------
    ndarray of complex, shape (m,)

    Examples
    --------
    >>> gti = np.array([[0.0, 100.0]])
    >>> np.round(np.abs(window_transform(gti, [0.0, 0.005, 0.01])), 3)
    array([1.   , 0.637, 0.   ])
    """
    f, fdot = np.broadcast_arrays(np.atleast_1d(frequency), np.atleast_1d(drift))
    start, stop = intervals[:, 0, None], intervals[:, 1, None]
    length, middle = stop - start, (start + stop) / 2
    # Frequency at the middle of each interval, and the phase gathered until there.
    local = f + fdot * middle
    turns = middle * (f + fdot * middle / 2)
    within = length * np.sinc(local * length)
    bent = np.abs(fdot) * length**2 > _STRAIGHT
    within = np.where(bent, 0.0, within).astype(complex)
    within[bent] = _chirp_integral(
        *(np.broadcast_to(x, bent.shape)[bent] for x in (local, fdot, length))
    )
    total = np.sum(np.exp(2j * np.pi * (turns - np.rint(turns))) * within, axis=0)
    return np.asarray(total / np.sum(length), dtype=complex)


def _chirp_integral(
    frequency: NDArray[np.float64], drift: NDArray[np.float64], length: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Integral of ``exp 2πi(f t + ḟ t²/2)`` over an interval around 0, by Fresnel integrals."""
    up = np.where(drift > 0, 1.0, -1.0)
    scale = np.sqrt(2 * np.abs(drift))
    # A falling frequency is the conjugate of a rising one.
    centre = up * frequency / np.abs(drift)
    (s_high, c_high), (s_low, c_low) = (
        fresnel(scale * (centre + side * length / 2)) for side in (1, -1)
    )
    turns = centre**2 * np.abs(drift) / 2
    rising = np.exp(-2j * np.pi * (turns - np.rint(turns)))
    rising = rising * ((c_high - c_low) + 1j * (s_high - s_low)) / scale
    return np.where(up > 0, rising, np.conj(rising))
