"""Z², H and the acceleration search beside stingray and HENDRICS, in one process.

Usage: OMP_NUM_THREADS=1 python packages/pulx/benchmarks/bench_search.py
Also the memory of a search of a million events on ten million trials.
"""

from __future__ import annotations

import warnings
from typing import Any

from decan.core.benchmark import Benchmark, best_of, installed
from decan.pulx import search_accelerated, search_h, search_z, simulate_events
from decan.pulx.experiments.peer_speed import peak_memory_mb
from decan.pulx.peers import stingray_accelerated, stingray_z

# Of NGC 300 ULX-1 and PSR B1509-58: span (s), events, range (Hz).
GRIDS = {
    "like NGC 300 ULX-1": (11_551.0, 2408, 0.02, 1.0),
    "like B1509-58": (3500.0, 25_765, 6.0, 7.0),
}


def main() -> None:
    bench = Benchmark("pulx")
    for name, (span, n, low, high) in GRIDS.items():
        grid(bench, name, simulate_events(span=span, rate=n / span, rng=0), low, high)
    events = simulate_events(
        span=11_000.0, rate=0.65, frequency=1.234, drift=2e-7, pulsed_fraction=0.25, rng=0
    )
    drifting(bench, events)
    hendrics(bench, events)
    if (peak := peak_memory_mb()) is not None:
        bench.value("1,000,000 events on 10,000,000 trials, the whole process", peak, "MB")


def grid(bench: Benchmark, name: str, events: Any, low: float, high: float) -> None:
    """Z² and H on five trials a Fourier bin."""
    job = f"Z² {name}, {len(events):,} events, {low:g}-{high:g} Hz"
    ours = best_of(lambda: search_z(events, low, high), 5)
    if installed("stingray"):
        stingray_z(events, low, low + 1e-3)  # compiles
        bench.ratio(job, ours, best_of(lambda: stingray_z(events, low, high), 1), peer="stingray")
    else:
        bench.value(job, ours)
        bench.absent(job, "stingray")
    bench.value(
        f"H of four harmonics {name}", best_of(lambda: search_h(events, low, high, nharm=4))
    )


def drifting(bench: Benchmark, events: Any) -> None:
    """The acceleration search, whose peak of stingray is that of a binned series."""
    job = "acceleration search to |z| of 100, 0.05-4.9 Hz"
    ours = best_of(lambda: search_accelerated(events, 0.05, 4.9, zmax=100), 3)
    if not installed("stingray"):
        bench.value(job, ours)
        bench.absent(job, "stingray")
        return
    power = 0.0

    def theirs() -> None:
        nonlocal power
        power = stingray_accelerated(events, 0.05, 4.9, zmax=100)

    bench.ratio(job, ours, best_of(theirs, 1), peer="stingray")
    best = search_accelerated(events, 0.05, 4.9, zmax=100).best["Z2"]
    bench.value("power of its peak over that of stingray", best / power, "")


def hendrics(bench: Benchmark, events: Any) -> None:
    """The fast search of HENDRICS over frequency and drift, which bins phases on a grid."""
    job, low, high = "frequency and drift, 1.20-1.27 Hz", 1.2, 1.27
    ours = best_of(lambda: search_accelerated(events, low, high, zmax=20), 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from hendrics.efsearch import search_with_qffa
        except ImportError:
            bench.value(job, ours)
            bench.absent(job, "hendrics")
            return
        settings = {"nbin": 16, "n": 1, "oversample": 2}
        search_with_qffa(events.times, low, low + 0.001, **settings)  # compiles
        theirs = best_of(lambda: search_with_qffa(events.times, low, high, **settings), 1)
    bench.ratio(job, ours, theirs, peer="hendrics")


if __name__ == "__main__":
    main()
