"""Z², H and the acceleration search beside stingray and HENDRICS, in one process: ratios.

Also the memory of a search of a million events on ten million trials.
"""

from __future__ import annotations

import time
import warnings
from importlib.metadata import version

import numpy as np

from decan.pulx import search_accelerated, search_h, search_z, simulate_events
from decan.pulx.experiments.peer_speed import peak_memory_mb
from decan.pulx.peers import stingray_accelerated, stingray_z

# Of NGC 300 ULX-1 and PSR B1509-58: span (s), events, range (Hz).
GRIDS = {
    "like NGC 300 ULX-1": (11_551.0, 2408, 0.02, 1.0),
    "like B1509-58": (3500.0, 25_765, 1, 10),
}


def median(function, repeats=5):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def main():
    print(f"1,000,000 events on 10,000,000 trials: {peak_memory_mb():.0f} MB at most, all included")
    print(f"stingray {version('stingray')}, numpy {np.__version__}")
    for name, (span, n, low, high) in GRIDS.items():
        events = simulate_events(span=span, rate=n / span, rng=0)
        ours = median(lambda e=events, a=low, b=high: search_z(e, a, b))
        theirs = median(lambda e=events, a=low, b=high: stingray_z(e, a, b), repeats=1)
        h = median(lambda e=events, a=low, b=high: search_h(e, a, b, nharm=4))
        print(
            f"Z² {name}: {ours:.4f} s, stingray {theirs:.2f} s: {theirs / ours:.0f} x; H {h:.3f} s"
        )
    events = simulate_events(
        span=11_000.0, rate=0.65, frequency=1.234, drift=2e-7, pulsed_fraction=0.25, rng=0
    )
    ours = median(lambda: search_accelerated(events, 0.05, 4.9, zmax=100), repeats=3)
    begin = time.perf_counter()
    power = stingray_accelerated(events, 0.05, 4.9, zmax=100)
    theirs = time.perf_counter() - begin
    best = search_accelerated(events, 0.05, 4.9, zmax=100).best["Z2"]
    print(f"acceleration: {ours:.3f} s, stingray {theirs:.2f} s: {theirs / ours:.1f} x, "
          f"power {best:.1f} and {power:.1f}")  # fmt: skip
    hendrics(events)


def hendrics(events):
    """The fast search of HENDRICS over frequency and drift, which bins phases on a grid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from hendrics.efsearch import search_with_qffa
        except ImportError:
            print("HENDRICS is not installed")
            return
        low, high = 1.2, 1.27
        search_with_qffa(events.times, low, low + 0.001, nbin=16, n=1, oversample=2)  # compiles
        begin = time.perf_counter()
        search_with_qffa(events.times, low, high, nbin=16, n=1, oversample=2)
        theirs = time.perf_counter() - begin
    ours = median(lambda: search_accelerated(events, low, high, zmax=20), repeats=3)
    print(f"(f, fdot) 1.20-1.27 Hz: {ours:.3f} s, HENDRICS {version('hendrics')} {theirs:.2f} s: "
          f"{theirs / ours:.1f} x")  # fmt: skip


if __name__ == "__main__":
    main()
