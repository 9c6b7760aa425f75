"""Aliases: one pulsation seen through gaps appears at many frequencies.

Occultations by the Earth repeat once an orbit, so a pulsation comes back at offsets of the
inverse orbit, in frequency and, with few orbits, along tilted lines in (f, ḟ). A peak is
called an alias of a stronger one if nothing significant is left of it once the stronger
one has been taken out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from decan.core.data.numbers import in_unit

from .gti import window_transform
from .statistics import Peak, refine

if TYPE_CHECKING:
    import pandas as pd

    from .events import EventList

__all__ = ["alias_families", "window_aliases"]

# A Z² below this has no aliases that would stand out of noise.
_WORTH = 24.0


def window_aliases(
    events: EventList, *, n: int = 10, max_offset_hz: float | None = None
) -> pd.DataFrame:
    """Offsets in frequency at which the gaps repeat a pulsation most strongly.

    Parameters
    ----------
    events : EventList
        Whose good-time intervals are looked at.
    n : int
        How many offsets.
    max_offset_hz : float, optional
        Largest offset; 40 Fourier bins without it.

    Returns
    -------
    pandas.DataFrame
        ``offset_hz`` (positive; each holds for both signs) and ``response``, the share of
        the power that appears there, strongest first.

    Examples
    --------
    >>> from decan.pulx import EventList
    >>> gti = [[0, 3000], [5500, 8500], [11000, 14000]]
    >>> events = EventList.from_times(np.linspace(1, 13999, 3000), gti=gti)
    >>> window_aliases(events, n=1)["offset_hz"].round(6).tolist()  # about 1 / 5500 s
    [0.000175]
    """
    import pandas as pd

    top = (
        40 / events.span
        if max_offset_hz is None
        else float(in_unit(max_offset_hz, "Hz", "max_offset_hz"))
    )
    step = 1 / (20 * events.span)
    offset = step * np.arange(1, int(top / step) + 1)
    power = np.abs(window_transform(events.gti, offset)) ** 2
    inner = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] > power[2:])) + 1
    best = inner[np.argsort(-power[inner], kind="stable")][:n]
    return pd.DataFrame({"offset_hz": offset[best], "response": power[best]})


def alias_families(
    events: EventList, peaks: list[Peak], *, significance: float = 1e-3
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each peak the stronger one that it repeats, or -1.

    The window at the offset between two peaks says how much of the stronger one belongs at
    the place of the weaker one, with its phase; what remains after taking it out is tested.

    Parameters
    ----------
    events : EventList
        The events in which the peaks were found.
    peaks : list of Peak
        Strongest first.
    significance : float
        What remains must be at least this rare, in one trial, to be a peak of its own.

    Returns
    -------
    alias_of : ndarray of int, shape (n,)
        Number of the stronger peak, -1 for a peak of its own.
    remainder : ndarray, shape (n,)
        Z² of the first harmonic that is left.

    Examples
    --------
    >>> from decan.pulx import simulate_events, search_z
    >>> gti = [[0, 800], [5500, 6300]]
    >>> events = simulate_events(gti=gti, rate=2.0, frequency=0.1, pulsed_fraction=0.6, rng=0)
    >>> peaks = search_z(events, 0.05, 0.2).peaks(3)
    >>> peaks["alias_of"].tolist()
    [-1, 0, 0]
    """
    middle = events.span / 2
    times, gti = events.times - middle, events.gti - middle
    n = len(times)
    sums = [_sum(times, peak.frequency, peak.drift) for peak in peaks]
    alias_of = np.full(len(peaks), -1)
    remainder = np.array([2 / n * abs(total) ** 2 for total in sums])
    limit = -2 * np.log(significance)
    places = {}
    for j, weak in enumerate(peaks):
        for i in np.flatnonzero(alias_of[:j] < 0):
            if peaks[i].first_harmonic < _WORTH:
                continue
            if i not in places:  # the drift that the stronger one really has
                best = peaks[i]
                if not np.isfinite(best.drift_error):
                    best = refine(times, best.frequency, best.drift, with_drift=True)
                places[i] = best, _sum(times, best.frequency, best.drift)
            strong, total = places[i]
            # A pulsation A at (f_i, ḟ_i) contributes A W(difference) at (f_j, ḟ_j).
            window = window_transform(
                gti, weak.frequency - strong.frequency, weak.drift - strong.drift
            )[0]
            left = 2 / n * abs(sums[j] - total * window) ** 2 / max(1 - abs(window) ** 2, 1e-9)
            remainder[j] = min(remainder[j], left)
            # Amplitudes that change by a seventh between intervals leave this much.
            carried = abs(window) ** 2 * strong.value
            if left < limit + 0.02 * strong.value and carried > 0.5 * weak.first_harmonic:
                alias_of[j] = i
                break
    return alias_of, remainder


def _sum(times: NDArray[np.float64], frequency: float, drift: float) -> complex:
    turns = frequency * times + drift * times**2 / 2
    return complex(np.exp(2j * np.pi * (turns - np.rint(turns))).sum())
