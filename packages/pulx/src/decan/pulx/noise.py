"""What a periodogram looks like without a pulsation: Poisson noise plus red noise.

Accretion flickers, and gaps leak power to low frequencies. A search that takes Z² at its
word then finds its lowest frequencies significant. Here the level is fitted, and powers are
measured in units of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit

from .gti import window_transform
from .nufft import phase_sums
from .statistics import refine

if TYPE_CHECKING:
    from .events import EventList

__all__ = ["Continuum", "LeahyPower", "leahy_power"]

# Power of an alias, in the units in which noise has 2, that a fit of the level does not feel.
_HIDDEN = 0.02


@dataclass(frozen=True)
class Continuum:
    """Mean power of noise, ``2 + A (f / 1 Hz)^-b`` in Leahy's normalisation.

    Parameters
    ----------
    amplitude : float
        A; 0 for Poisson noise alone.
    slope : float
        b.

    Examples
    --------
    >>> Continuum(0.02, 2.0)([0.1, 1.0])
    array([4.  , 2.02])
    """

    amplitude: float = 0.0
    slope: float = 2.0

    def __call__(self, frequency: ArrayLike) -> NDArray[np.float64]:
        """Mean power at frequencies, Hz."""
        f = np.asarray(frequency, dtype=float)
        if self.amplitude == 0:
            return np.full(f.shape, 2.0)
        return np.asarray(2 + self.amplitude * f**-self.slope)

    @classmethod
    def fit(cls, frequency: NDArray[np.float64], power: NDArray[np.float64]) -> Continuum:
        """Fit by Whittle's likelihood, not minding single high powers.

        Parameters
        ----------
        frequency : ndarray, shape (n,)
            About one a Fourier bin, Hz.
        power : ndarray, shape (n,)
            Powers there, mean 2 for Poisson noise.

        Returns
        -------
        Continuum
            Without red noise where it does not improve the likelihood by 4.

        References
        ----------
        Vaughan 2010, MNRAS 402, 307.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> f = np.arange(1, 5000) / 1000
        >>> Continuum.fit(f, rng.exponential(2, f.size)).amplitude
        0.0
        >>> red = Continuum.fit(f, rng.exponential(2 + 0.02 / f**2))
        >>> bool(1.8 < red.slope < 2.2)
        True
        """
        good = (frequency > 0) & np.isfinite(power)
        f, p = frequency[good], power[good]
        if len(f) < 100:
            return cls()
        best = cls()
        for _ in range(3):
            # A line of a pulsation is no continuum: what noise of this level would not do.
            kept = p < best(f) * (np.log(len(f)) + 3)
            best = _fit_once(f[kept], p[kept])
        return best


@dataclass(frozen=True)
class LeahyPower:
    """Power of an event list on Fourier frequencies, with its local level.

    Parameters
    ----------
    frequency : ndarray, shape (n,)
        Hz.
    power : ndarray, shape (n,)
        Leahy's normalisation: mean 2, standard deviation 2 for Poisson noise.
    continuum : ndarray, shape (n,)
        Local level of noise.

    Examples
    --------
    >>> flat = LeahyPower(np.array([1.0]), np.array([40.0]), np.array([2.0]))
    >>> flat.single_tail  # doctest: +SKIP
    array([2.06e-09])
    """

    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    continuum: NDArray[np.float64]

    @property
    def single_tail(self) -> NDArray[np.float64]:
        """Probability of each power in one trial, given the local level."""
        return np.asarray(np.exp(-self.power / self.continuum))


def fit_continuum(
    times: NDArray[np.float64],
    gti: NDArray[np.float64],
    frequency: NDArray[np.float64],
    sums: NDArray[np.complex128],
    drift: float = 0.0,
) -> Continuum:
    """Noise beneath pulsations: what stands out is taken out with all its aliases, then fitted.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Event times from the middle of the observation, s.
    gti : ndarray, shape (m, 2)
        Good-time intervals on the same clock.
    frequency : ndarray, shape (k,)
        Evenly spaced, about one a Fourier bin, Hz.
    sums : ndarray of complex, shape (k,)
        Phase sums of the events there.
    drift : float
        Frequency derivative of the sums, Hz/s.

    Returns
    -------
    Continuum
    """
    n, rest = len(times), sums.copy()
    for _ in range(6):
        power = 2 / n * np.abs(rest) ** 2
        continuum = Continuum.fit(frequency, power)
        excess = power / continuum(frequency)
        k = int(np.argmax(excess))
        if excess[k] < np.log(len(frequency)) + 7:
            break
        best = refine(times, float(frequency[k]), drift, with_drift=True)
        turns = best.frequency * times + best.drift * times**2 / 2
        total = np.exp(2j * np.pi * (turns - np.rint(turns))).sum()
        near = np.abs(frequency - best.frequency) < _reach(gti, best.value)
        offset = frequency[near] - best.frequency
        rest[near] -= total * window_transform(gti, offset, drift - best.drift)
    return continuum


def leahy_power(
    events: EventList, fmin: Any, fmax: Any, *, local: bool = True, width: float = 0.2
) -> LeahyPower:
    """Power at the Fourier frequencies, and the level of noise around each.

    Parameters
    ----------
    events : EventList
        The events; no binning, gaps stay gaps.
    fmin, fmax : float or Quantity
        Range, Hz.
    local : bool
        Level from the median of powers nearby; the power-law fit of :class:`Continuum`
        without it.
    width : float
        Half-width of "nearby", dex of frequency; at least 25 powers on each side.

    Returns
    -------
    LeahyPower

    Raises
    ------
    ValueError
        If ``fmin`` is not below ``fmax``.

    References
    ----------
    Leahy et al. 1983, ApJ 266, 160.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=1000.0, rate=1.0, rng=0)
    >>> power = leahy_power(events, 0.05, 2.0)
    >>> bool(abs(np.mean(power.power) - 2) < 0.2)
    True
    """
    fmin, fmax = float(in_unit(fmin, "Hz", "fmin")), float(in_unit(fmax, "Hz", "fmax"))
    if not 0 < fmin < fmax < np.inf:
        raise ValueError(f"fmin {fmin:g} and fmax {fmax:g} Hz: expected 0 < fmin < fmax")
    step = 1 / events.span
    n = max(1, int((fmax - fmin) / step) + 1)
    frequency = np.asarray(fmin + step * np.arange(n), dtype=float)
    power = 2 / len(events) * np.abs(phase_sums(events.times, fmin, step, n)) ** 2
    if local:
        level = _running_median(frequency, power, width)
    else:
        level = Continuum.fit(frequency, power)(frequency)
    return LeahyPower(frequency, power, level)


def _reach(gti: NDArray[np.float64], value: float) -> float:
    """Distance in frequency beyond which aliases of a line are hidden in noise.

    A window of m intervals and summed length L passes at most a share (m / π f L)² of a
    power to a distance f.
    """
    per_hertz = len(gti) / (np.pi * float(np.sum(gti[:, 1] - gti[:, 0])))
    far = per_hertz * np.sqrt(value / _HIDDEN)
    return float(max(far, 20 / (gti[-1, 1] - gti[0, 0])))


def _fit_once(f: NDArray[np.float64], p: NDArray[np.float64]) -> Continuum:
    """Whittle's likelihood in logarithmic bins, in which the level hardly changes."""
    starts = _bins(f)
    count = np.diff(np.append(starts, len(f))).astype(float)
    # Medians: a pulsation with all its aliases spoils a few bins, not their middle.
    parts = zip(starts, np.append(starts[1:], len(f)), strict=True)
    mean = np.array([np.median(p[low:high]) for low, high in parts]) / np.log(2)
    centre = np.exp(np.add.reduceat(np.log(f), starts) / count)
    count *= 0.48  # a median is worth about half of a mean
    pivot = centre[0]
    distance = np.log(centre / pivot)
    flat = float(np.sum(count * (np.log(2) + mean / 2)))
    log_a, slope = np.linspace(-7, 18, 51), np.linspace(0.4, 4.0, 19)
    for _ in range(3):  # a grid, and twice a finer one around its best point
        red = np.exp(log_a[:, None, None] - slope[:, None] * distance)
        loss = np.sum(count * (np.log(2 + red) + mean / (2 + red)), axis=2)
        i, j = np.unravel_index(int(np.argmin(loss)), loss.shape)
        best = float(log_a[i]), float(slope[j]), float(loss[i, j])
        log_a = best[0] + (log_a[1] - log_a[0]) * np.linspace(-1, 1, 11)
        slope = np.clip(best[1] + (slope[1] - slope[0]) * np.linspace(-1, 1, 9), 0.3, 4.0)
    if flat - best[2] < 4:
        return Continuum()
    return Continuum(float(np.exp(best[0]) * pivot ** best[1]), best[1])


def _bins(f: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where logarithmic bins of at least 15 powers begin."""
    starts = [0]
    for start in np.unique(np.searchsorted(f, np.geomspace(f[0], f[-1], 60))):
        if start - starts[-1] >= 15 and len(f) - start >= 15:
            starts.append(int(start))
    return np.array(starts)


def _running_median(
    frequency: NDArray[np.float64], power: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Median in a window of constant width in log f, over ln 2: the mean of an exponential."""
    n = len(power)
    knots = np.unique(np.geomspace(1, n, 120).astype(int)) - 1
    level = []
    for knot in knots:
        low = np.searchsorted(frequency, frequency[knot] * 10**-width)
        high = np.searchsorted(frequency, frequency[knot] * 10**width, side="right")
        low, high = min(low, max(0, knot - 25)), max(high, min(n, knot + 26))
        level.append(np.median(power[low:high]) / np.log(2))
    return np.asarray(np.interp(np.arange(n), knots, level))
