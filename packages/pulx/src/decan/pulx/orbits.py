"""Searches over circular orbits: the delay is removed from the events, then Z² is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from decan.core.data.numbers import in_unit

from .nufft import phase_sums
from .periodogram import checked_range
from .significance import z_tail

if TYPE_CHECKING:
    import pandas as pd

    from .events import EventList

__all__ = ["search_orbit"]


def search_orbit(
    events: EventList,
    fmin: Any,
    fmax: Any,
    *,
    period_day: ArrayLike,
    projected_lts: ArrayLike,
    n_phases: int = 16,
    oversample: float = 3.0,
) -> pd.DataFrame:
    """Search over circular orbits around a frequency: remove the delay, then exact Z².

    Parameters
    ----------
    events : EventList
        What to search.
    fmin, fmax : float or Quantity
        A narrow range, Hz.
    period_day : array_like
        Orbital periods to try, days.
    projected_lts : array_like
        Projected semi-major axes to try, light-seconds.
    n_phases : int
        Times of the ascending node to try, evenly over the orbit.
    oversample : float
        Trials in a Fourier bin.

    Returns
    -------
    pandas.DataFrame
        One row an orbit: ``period_day``, ``projected_lts``, ``node_s`` (from the start),
        ``frequency_hz``, ``Z2``, ``p_trials`` (after all trials, counted as independent),
        best first.

    Raises
    ------
    ValueError
        If the range is empty.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=30000.0, rate=0.5, frequency=0.5, pulsed_fraction=0.6,
    ...                          orbit=(1.0, 5.0, 0.0), rng=0)
    >>> best = search_orbit(events, 0.499, 0.501, period_day=[1.0], projected_lts=[5.0]).iloc[0]
    >>> bool(best["Z2"] > 1500)
    True
    """
    import pandas as pd

    low, high = checked_range(events, fmin, fmax, False)
    step = 1 / (oversample * events.span)
    n = int((high - low) / step) + 1
    rows = []
    for period in np.atleast_1d(in_unit(period_day, "d", "period_day")):
        omega = 2 * np.pi / (86400 * float(period))
        for projected in np.atleast_1d(projected_lts):
            for node in 86400 * float(period) * np.arange(n_phases) / n_phases:
                emitted = events.times - node
                for _ in range(12):
                    emitted = events.times - node - projected * np.sin(omega * emitted)
                power = np.abs(phase_sums(emitted, low, step, n)) ** 2 * (2 / len(events))
                k = int(np.argmax(power))
                rows.append((float(period), float(projected), node, low + k * step, power[k]))
    table = pd.DataFrame(
        rows, columns=["period_day", "projected_lts", "node_s", "frequency_hz", "Z2"]
    )
    trials = len(table) * max(1.0, (high - low) * events.span)
    table["p_trials"] = -np.expm1(-trials * z_tail(table["Z2"].to_numpy(), 1, len(events)))
    return table.sort_values("Z2", ascending=False, kind="stable").reset_index(drop=True)
