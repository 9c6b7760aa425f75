"""Z² and H by the direct sum at single places, and the exact place of a peak.

Slow and plain: what the fast searches are checked against, and what refines their peaks.
Phases are ``f τ + ḟ τ²/2`` with τ counted from the middle of the observation, so that f is
the frequency at mid-time and hardly depends on ḟ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Peak", "h_direct", "refine", "z_direct"]

_BLOCK = 4_000_000
# A step this small, in Fourier bins, changes Z² by less than 1e-9 of itself.
_CLOSE = 1e-5


def z_direct(
    times: NDArray[np.float64],
    frequency: ArrayLike,
    drift: ArrayLike = 0.0,
    *,
    n_harmonics: int = 1,
) -> NDArray[np.float64]:
    """Z² by the direct sum over events.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Event times from the middle of the observation, s.
    frequency, drift : array_like, shape (m,)
        Frequencies, Hz, and their derivatives, Hz/s.
    n_harmonics : int
        Harmonics that are summed.

    Returns
    -------
    ndarray, shape (m,)

    Examples
    --------
    >>> t = np.arange(100.0)  # one event a second: all phases equal at 1 Hz
    >>> z_direct(t, [1.0])
    array([200.])
    """
    powers = _harmonic_powers(times, frequency, drift, n_harmonics)
    return np.asarray(powers.sum(axis=0))


def h_direct(
    times: NDArray[np.float64],
    frequency: ArrayLike,
    drift: ArrayLike = 0.0,
    *,
    n_harmonics: int = 20,
) -> NDArray[np.float64]:
    """H statistic by the direct sum: the largest of ``Z²_m - 4 m + 4``.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Event times from the middle of the observation, s.
    frequency, drift : array_like, shape (m,)
        Frequencies, Hz, and their derivatives, Hz/s.
    n_harmonics : int
        Largest number of harmonics.

    Returns
    -------
    ndarray, shape (m,)

    References
    ----------
    de Jager, Raubenheimer & Swanepoel 1989, A&A 221, 180.

    Examples
    --------
    >>> t = np.arange(100.0)
    >>> h_direct(t, [1.0])
    array([3924.])
    """
    powers = _harmonic_powers(times, frequency, drift, n_harmonics)
    steps = 4.0 * np.arange(n_harmonics)
    return np.asarray(np.max(np.cumsum(powers, axis=0) - steps[:, None], axis=0))


@dataclass(frozen=True)
class Peak:
    """A maximum of Z²: its place, value and curvature.

    Parameters
    ----------
    frequency, drift : float
        Hz and Hz/s, at the middle of the observation.
    value : float
        Z² there.
    frequency_error, drift_error : float
        One standard deviation each, from the curvature; NaN where it is no maximum.
    first_harmonic : float
        Z² of the first harmonic alone.

    Examples
    --------
    >>> Peak(0.05, 0.0, 212.4, 2e-6, np.nan, 212.4).value
    212.4
    """

    frequency: float
    drift: float
    value: float
    frequency_error: float
    drift_error: float
    first_harmonic: float


def refine(
    times: NDArray[np.float64],
    frequency: float,
    drift: float = 0.0,
    *,
    n_harmonics: int = 1,
    with_drift: bool = False,
    n_steps: int = 12,
) -> Peak:
    """Climb from a trial to the maximum of Z² nearby, by Newton's method.

    A weak pulsation changes the log-likelihood by half of Z², so half of the curvature is
    the information on f and ḟ: gaps and the correlation of both are in the errors.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Event times from the middle of the observation, s.
    frequency, drift : float
        Where to start; within about half a Fourier bin of the maximum.
    n_harmonics : int
        Harmonics that are summed.
    with_drift : bool
        Whether the drift is free too.
    n_steps : int
        Most steps.

    Returns
    -------
    Peak

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> t = rng.uniform(-500, 500, 4000)
    >>> t = t[rng.random(4000) < 0.5 + 0.5 * np.sin(2 * np.pi * 0.2 * t)]
    >>> peak = refine(t, 0.2003)
    >>> bool(abs(peak.frequency - 0.2) < 4 * peak.frequency_error)
    True
    """
    size = 2 if with_drift else 1
    span = np.ptp(times)
    scale = np.array([1 / span, 4 / span**2])[:size]
    place, moments = np.array([frequency, drift]), _moments(times)
    value, gradient, hessian, first = _expansion(moments, place, n_harmonics)
    for _ in range(n_steps):
        step = _uphill(gradient[:size] * scale, hessian[:size, :size] * np.outer(scale, scale))
        length = float(np.max(np.abs(step)))
        step *= min(1.0, 0.25 / max(length, 1e-300))
        improved = False
        for _ in range(4):
            trial = place.copy()
            trial[:size] += step * scale
            found = _expansion(moments, trial, n_harmonics)
            if found[0] >= value:
                place, (value, gradient, hessian, first), improved = trial, found, True
                break
            step /= 3
        if not improved or length < _CLOSE:
            break
    error = _errors(hessian[:size, :size])
    return Peak(
        frequency=float(place[0]),
        drift=float(place[1]),
        value=float(value),
        frequency_error=float(error[0]),
        drift_error=float(error[1]) if with_drift else float("nan"),
        first_harmonic=float(first),
    )


def _harmonic_powers(
    times: NDArray[np.float64], frequency: ArrayLike, drift: ArrayLike, n_harmonics: int
) -> NDArray[np.float64]:
    f, fdot = np.broadcast_arrays(np.atleast_1d(frequency), np.atleast_1d(drift))
    powers = np.empty((n_harmonics, len(f)))
    rows = max(1, _BLOCK // max(1, len(times)))
    square = times**2 / 2
    for start in range(0, len(f), rows):
        block = slice(start, start + rows)
        turns = f[block, None] * times + fdot[block, None] * square
        turns -= np.rint(turns)
        for k in range(1, n_harmonics + 1):
            powers[k - 1, block] = np.abs(np.exp(2j * np.pi * k * turns).sum(axis=1)) ** 2
    return powers * (2 / len(times))


def _moments(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the sums that hold Z² with its first and second derivatives in (f, ḟ)."""
    square = times**2
    return np.stack([np.ones(len(times)), times, square / 2, square * times / 2, square**2 / 4])


def _expansion(
    moments: NDArray[np.float64], place: NDArray[np.float64], n_harmonics: int
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]:
    """Z² with its gradient and Hessian in (f, ḟ)."""
    turns = place[0] * moments[1] + place[1] * moments[2]
    turns -= np.rint(turns)
    value, first = 0.0, 0.0
    gradient, hessian = np.zeros(2), np.zeros((2, 2))
    for k in range(1, n_harmonics + 1):
        rotor = np.exp(2j * np.pi * k * turns)
        # One real product for all sums: the columns are cosines and sines.
        total, *sums = (moments @ rotor.view(float).reshape(-1, 2)).view(complex)[:, 0]
        factor = 2j * np.pi * k
        slope = factor * np.array(sums[:2])
        bend = factor**2 * np.array([[2 * sums[1], sums[2]], [sums[2], sums[3]]])
        value += abs(total) ** 2
        first = first or abs(total) ** 2
        gradient += 2 * (np.conj(total) * slope).real
        hessian += 2 * (np.conj(total) * bend + np.outer(np.conj(slope), slope)).real
    norm = 2 / moments.shape[1]
    return value * norm, gradient * norm, hessian * norm, first * norm


def _uphill(gradient: NDArray[np.float64], hessian: NDArray[np.float64]) -> NDArray[np.float64]:
    """Newton step, with curvatures of the wrong sign turned so that it leads uphill."""
    curvature, axes = np.linalg.eigh(hessian)
    along = axes.T @ gradient
    floor = 1e-6 * max(1e-300, float(np.max(np.abs(curvature))))
    return np.asarray(axes @ (along / np.maximum(np.abs(curvature), floor)))


def _errors(hessian: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.any(np.linalg.eigvalsh(hessian) >= 0):
        return np.full(len(hessian), np.nan)
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(-hessian / 2))))
