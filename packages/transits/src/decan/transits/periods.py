"""Whether a signal repeats at the period that it is given, at half of it, or at twice.

A search that locks on a harmonic hands over a wrong period. At twice the true one the light
dips again half an orbit away, as deeply; at half the true one every other transit is missing.
Neither is a secondary eclipse or a difference of odd and even depths of a binary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["dip_at_half", "period_factor"]

EQUAL_SIGMA = 3.0
"""Two depths within as many errors are the same."""
EQUAL_SHARE = 0.1
"""So are two that differ by less than this share: stars are not flat to better."""
THERE_SIGMA = 5.0
"""Significance from which a dip is there."""
MISSING_SHARE = 0.2
"""A depth below this share of the other, and within its errors, is missing."""


def dip_at_half(
    flux: NDArray[Any], offset: NDArray[Any], period: float, duration: float, scatter: float
) -> tuple[float, float]:
    """Depth half an orbit away from the transit, and its error.

    Parameters
    ----------
    flux : ndarray of float, shape (n,)
        Flat light curve.
    offset : ndarray of float, shape (n,)
        Days from the nearest transit.
    period, duration : float
        Days.
    scatter : float
        Of a point, with what correlated noise adds over a transit.

    Returns
    -------
    (float, float)
        Fractions of the flux; NaN where there is no data, or no room between transits.

    Examples
    --------
    >>> time = np.arange(0, 40, 0.02)
    >>> offset = (time + 2.0) % 4 - 2.0
    >>> flux = np.where(np.abs((time + 1.0) % 2 - 1.0) < 0.05, 0.99, 1.0)
    >>> depth, error = dip_at_half(flux, offset, 4.0, 0.1, 1e-3)
    >>> round(depth, 4), error < 2e-4
    (0.01, True)
    """
    away = np.abs(np.abs(offset) - 0.5 * period)
    inside = away <= 0.5 * duration
    near = (away > 0.75 * duration) & (away < 3.0 * duration) & (np.abs(offset) > duration)
    if inside.sum() < 3 or near.sum() < 3:
        return np.nan, np.nan
    error = scatter * np.sqrt(1.0 / inside.sum() + 2.0 / near.sum())
    return float(flux[near].mean() - flux[inside].mean()), float(error)


def period_factor(
    depth: tuple[float, float],
    half: tuple[float, float],
    odd: tuple[float, float],
    even: tuple[float, float],
) -> float:
    """The factor by which the period must be multiplied: 1, 0.5 or 2.

    Parameters
    ----------
    depth, half, odd, even : (float, float)
        Depths with their errors: of the transit, half an orbit away, of odd and of even
        transits. NaN where not measured.

    Returns
    -------
    float
        0.5 where the dip half an orbit away equals the transit, 2 where odd or even transits
        are missing, 1 otherwise. Two stars alike, or two whose smaller eclipse cannot be
        seen, look the same: the factor says which period to vet next, and no more.

    Examples
    --------
    >>> period_factor((0.010, 1e-4), (0.0101, 1e-4), (0.01, 1e-4), (0.01, 1e-4))
    0.5
    >>> period_factor((0.005, 1e-4), (0.0, 1e-4), (0.01, 1e-4), (0.0001, 1e-4))
    2.0
    >>> period_factor((0.010, 1e-4), (0.002, 1e-4), (0.01, 1e-4), (0.01, 1e-4))
    1.0
    """
    (strong, strong_err), (weak, weak_err) = sorted((odd, even), reverse=True)
    missing = abs(weak) < max(EQUAL_SIGMA * weak_err, 0.0) and weak < MISSING_SHARE * strong
    if missing and strong > THERE_SIGMA * np.hypot(strong_err, weak_err):
        return 2.0
    gap = abs(half[0] - depth[0])
    equal = gap < max(EQUAL_SIGMA * np.hypot(half[1], depth[1]), EQUAL_SHARE * depth[0])
    if equal and half[0] > THERE_SIGMA * half[1] and half[0] > 0.5 * depth[0]:
        return 0.5
    return 1.0
