"""Folded profiles, with the exposure of each phase bin, and epoch folding statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from decan.core.data.numbers import in_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .events import EventList

__all__ = ["Profile", "epoch_fold", "fold"]


@dataclass(frozen=True, eq=False)
class Profile:
    """A folded profile.

    Parameters
    ----------
    phase : ndarray, shape (n,)
        Middles of the bins, in turns.
    rate, error : ndarray, shape (n,)
        Counts / s of exposure, and its Poisson error.
    counts : ndarray, shape (n,)
        Events in each bin.
    chi2 : float
        Chi-square against a constant rate.
    p_single : float
        Its probability in one trial.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> fold(simulate_events(span=1000.0, rng=0), 0.5, n_bins=8)
    <Profile: 8 bins, 1,0... events, chi2 = ...>
    """

    phase: NDArray[np.float64]
    rate: NDArray[np.float64]
    error: NDArray[np.float64]
    counts: NDArray[np.float64]
    chi2: float
    p_single: float

    @property
    def pulsed_fraction(self) -> float:
        """Half the peak-to-peak range of the sine that fits best, over the mean rate."""
        wave = np.exp(2j * np.pi * self.phase)
        attenuation = np.sinc(1 / len(self.phase))
        return float(2 * abs(np.sum(self.rate * wave)) / np.sum(self.rate) / attenuation)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the profile over two turns.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw.

        Returns
        -------
        Axes
        """
        from .plots import plot_profile

        return plot_profile(self, ax=ax)

    def __repr__(self) -> str:
        return (
            f"<Profile: {len(self.phase)} bins, {int(self.counts.sum()):,} events, "
            f"chi2 = {self.chi2:.1f}>"
        )


def fold(events: EventList, frequency: Any, *, drift: float = 0.0, n_bins: int = 16) -> Profile:
    """Fold events at a frequency, each bin divided by the time it was exposed.

    With few cycles or regular gaps phases are not equally exposed, and counts alone make a
    false pulse.

    Parameters
    ----------
    events : EventList
        The events.
    frequency : float or Quantity
        At mid-time, Hz.
    drift : float
        Hz/s.
    n_bins : int
        Bins a turn.

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        If the frequency is not positive or there are fewer than two bins.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(rate=2.0, frequency=0.3, pulsed_fraction=0.5, rng=0)
    >>> bool(abs(fold(events, 0.3).pulsed_fraction - 0.5) < 0.05)
    True
    """
    frequency, drift = (
        float(in_unit(frequency, "Hz", "frequency")),
        float(in_unit(drift, "Hz/s", "drift")),
    )
    if not frequency > 0 or n_bins < 2:
        raise ValueError(f"frequency {frequency:g} and n_bins {n_bins}: expected > 0 and ≥ 2")
    middle = events.span / 2
    phase = _turns(events.times - middle, frequency, drift)
    counts = np.bincount((phase * n_bins).astype(int) % n_bins, minlength=n_bins).astype(float)
    exposed = _exposure_of_phase(events.gti - middle, frequency, drift, n_bins)
    expected = counts.sum() * exposed / exposed.sum()
    chi2 = float(np.sum((counts - expected) ** 2 / np.maximum(expected, 1e-12)))
    return Profile(
        phase=(np.arange(n_bins) + 0.5) / n_bins,
        rate=counts / exposed,
        error=np.sqrt(np.maximum(counts, 1)) / exposed,
        counts=counts,
        chi2=chi2,
        p_single=float(stats.chi2.sf(chi2, n_bins - 1)),
    )


def epoch_fold(
    events: EventList, frequency: ArrayLike | Any, *, drift: float = 0.0, n_bins: int = 16
) -> Any:
    """Chi-square of folded profiles at many frequencies.

    Parameters
    ----------
    events : EventList
        The events.
    frequency : array_like or Quantity, shape (m,)
        Hz, at mid-time.
    drift : float
        Hz/s.
    n_bins : int
        Bins a turn.

    Returns
    -------
    pandas.DataFrame
        ``frequency_hz``, ``chi2``, ``p_single``.

    References
    ----------
    Leahy et al. 1983, ApJ 266, 160; Larsson 1996, A&AS 117, 197.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(rate=2.0, frequency=0.3, pulsed_fraction=0.5, rng=0)
    >>> table = epoch_fold(events, np.linspace(0.299, 0.301, 41))
    >>> bool(abs(table["frequency_hz"][table["chi2"].idxmax()] - 0.3) < 1e-4)
    True
    """
    import pandas as pd

    trials = np.atleast_1d(in_unit(frequency, "Hz", "frequency"))
    profiles = [fold(events, float(f), drift=drift, n_bins=n_bins) for f in trials]
    return pd.DataFrame(
        {
            "frequency_hz": trials,
            "chi2": [profile.chi2 for profile in profiles],
            "p_single": [profile.p_single for profile in profiles],
        }
    )


def _turns(t: NDArray[np.float64], frequency: float, drift: float) -> NDArray[np.float64]:
    turns = frequency * t + drift * t**2 / 2
    return np.asarray(turns - np.floor(turns))


def _exposure_of_phase(
    gti: NDArray[np.float64], frequency: float, drift: float, n_bins: int
) -> NDArray[np.float64]:
    """Seconds that each phase bin was observed: whole turns evenly, and the pieces at the ends."""
    edges = np.arange(n_bins + 1) / n_bins
    seconds = np.zeros(n_bins)
    for start, stop in gti:
        # Within an interval the frequency hardly changes.
        local = frequency + drift * (start + stop) / 2
        first = frequency * start + drift * start**2 / 2
        last = first + local * (stop - start)
        # Turns in [first, last] that lie in each bin: difference of a cumulative ramp.
        ramp = [
            np.floor(x) / n_bins + np.clip((x - np.floor(x)) - edges[:-1], 0, 1 / n_bins)
            for x in (first, last)
        ]
        seconds += (ramp[1] - ramp[0]) / local
    return np.maximum(seconds, 1e-12)
