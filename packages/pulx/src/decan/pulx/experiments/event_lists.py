"""Event lists of the experiments: the real ones, or simulated ones like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Provenance, Run

if TYPE_CHECKING:
    from ..events import EventList

__all__: list[str] = []


# Searches of the real lists: data set, range (Hz), frequency known from elsewhere.
_REAL = {
    "NGC 300 ULX-1": ("ngc300_ulx1", 0.02, 1.0, 0.050305),
    "SGR 1830-0645": ("sgr1830", 0.05, 1.0, 0.095908),
    "PSR B1509-58": ("psrb1509", 1.0, 10.0, 6.59612),
    "M82 field": ("m82_chandra", 0.05, 1.1, None),
}


def tour_events(run: Run) -> tuple[EventList, Provenance]:
    """The real pulsar where it is at hand, else a real field of a wheel, else a simulated list."""
    if run.has("ngc300_ulx1"):
        return run.load("ngc300_ulx1"), REAL
    try:
        return run.load("m82_chandra_wheel"), REAL
    except DataNotAvailable:
        pass  # no package index is reached from here: simulate, and say so
    events = like_ngc300(run.seed)
    run.used("simulated events like those of NGC 300 ULX-1", provenance=SIMULATED, n=len(events))
    return events, SIMULATED


def real_lists(run: Run) -> tuple[dict[str, Any], Provenance]:
    """The four real lists, or simulated ones like them; with range and known frequency."""
    from ..simulate_events import simulate_events

    if all(run.has(name) for name, *_ in _REAL.values()):
        return {
            name: (run.load(dataset), low, high, truth)
            for name, (dataset, low, high, truth) in _REAL.items()
        }, REAL
    lists: dict[str, Any] = {"NGC 300 ULX-1": (like_ngc300(run.seed), 0.02, 1.0, 0.0503)}
    for name, span, rate, low, high, truth, fraction in (
        ("SGR 1830-0645", 985.0, 9.5, 0.05, 1.0, 0.0959, 0.5),
        ("PSR B1509-58", 3500.0, 7.4, 1.0, 10.0, 6.596, 0.21),
        ("M82 field", 945.0, 4.9, 0.05, 1.1, None, 0.0),
    ):
        events = simulate_events(
            span=span,
            rate=rate,
            frequency=truth,
            pulsed_fraction=fraction,
            name=f"like {name}",
            rng=run.seed,
        )
        lists[name] = (events, low, high, truth)
    run.used("simulated event lists like the real ones", provenance=SIMULATED, n=4)
    return lists, SIMULATED


def like_ngc300(seed: int) -> EventList:
    from ..simulate_events import simulate_events

    gti = [[0, 200], [420, 610], [5500, 5700], [5890, 6130], [11_060, 11_300], [11_380, 11_550]]
    return simulate_events(
        gti=gti,
        rate=1.6,
        frequency=0.0503,
        pulsed_fraction=0.42,
        name="like NGC 300 ULX-1",
        rng=seed,
    )


def noise_list(rng: Any) -> EventList:
    from ..simulate_events import orbit_intervals, simulate_events

    span = float(np.exp(rng.uniform(*np.log((6e3, 2e4)))))
    gti = orbit_intervals(span, share=0.6, flares=1, rng=rng) if rng.random() < 0.5 else [[0, span]]
    return simulate_events(
        gti=gti,
        rate=float(np.exp(rng.uniform(*np.log((0.05, 1.0))))),
        red_rms=float(rng.uniform(0, 0.3)),
        red_tau=float(np.exp(rng.uniform(*np.log((100, 3000))))),
        rng=rng,
    )


def log10(p: float) -> float:
    return float(np.log10(max(p, 1e-300)))
