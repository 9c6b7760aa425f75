"""The same searches by stingray, for comparisons in one process; needs the extra ``[bench]``."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .events import EventList

__all__ = ["stingray_accelerated", "stingray_z"]


def stingray_z(events: EventList, fmin: float, fmax: float) -> NDArray[np.float64]:
    """Z² on five trials a Fourier bin by ``stingray.pulse.z_n_search``.

    Parameters
    ----------
    events : EventList
        What to search.
    fmin, fmax : float
        Range, Hz.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> stingray_z(simulate_events(span=100.0, rng=0), 0.1, 0.2).max() > 0  # doctest: +SKIP
    True
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stingray.pulse.search import z_n_search

        step = 1 / (5 * events.span)
        frequency = fmin + step * np.arange(int((fmax - fmin) / step) + 1)
        return np.asarray(z_n_search(events.times, frequency, nharm=1, nbin=128)[1])


def stingray_accelerated(events: EventList, fmin: float, fmax: float, *, zmax: float) -> float:
    """Largest power of ``stingray.pulse.accelsearch`` on a series binned to twice ``fmax``.

    Parameters
    ----------
    events : EventList
        What to search.
    fmin, fmax : float
        Range, Hz.
    zmax : float
        Largest drift, Fourier bins.

    Returns
    -------
    float
        Leahy power.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=100.0, rng=0)
    >>> stingray_accelerated(events, 0.1, 2.0, zmax=2) > 0  # doctest: +SKIP
    True
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from stingray.pulse.accelsearch import accelsearch

        width = 0.5 / (fmax * 1.02)
        n = int(events.span / width)
        edges = width * np.arange(n + 1)
        counts = np.histogram(events.times, edges)[0].astype(float)
        middle = (edges[:-1] + edges[1:]) / 2
        found = accelsearch(
            middle, counts, zmax=zmax, delta_z=1, fmin=fmin, fmax=fmax, candidate_file=None,
            det_p_value=0.15,
        )  # fmt: skip
        return float(np.max(found["power"]))
