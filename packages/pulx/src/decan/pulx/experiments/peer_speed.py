"""Times of searches beside those of stingray."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np

from decan.core.experiment import MIXED, SIMULATED, Claim, Run, experiment

from .event_lists import real_lists

__all__ = ["speed"]

# VmHWM and not getrusage: the latter starts at what the parent process had.
_LONG_SEARCH = """
from pathlib import Path
from decan.pulx import search_z, simulate_events
events = simulate_events(span=2e5, rate=5.0, rng=0)
search_z(events, 0.01, 10.01, oversample=5.0)
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
print(*[line.split()[1] for line in lines if line.startswith("VmHWM")])
"""


@experiment(
    title="Speed beside stingray",
    data=["ngc300_ulx1", "psrb1509"],
    claims=[
        Claim("Z² on the NGC 300 grid, times faster than stingray", goal=100.0, provenance=MIXED),
        Claim("Z² on the B1509 grid, times faster than stingray", goal=100.0, provenance=MIXED),
        Claim("acceleration search, times faster than stingray", goal=5.0, provenance=MIXED),
        Claim("power recovered over that of stingray", goal=1.0, provenance=MIXED),
        Claim(
            "peak memory of a million events on ten million trials",
            goal=500.0, better="lower", provenance=SIMULATED,
        ),
    ],
)  # fmt: skip
def speed(run: Run) -> None:
    """Z² and the acceleration search on the same trials as stingray, in one process.

    Needs stingray (``pip install 'decan-pulx[bench]'``); without it only our times are given.
    """
    from ..acceleration import search_accelerated
    from ..peers import stingray_accelerated, stingray_z
    from ..periodogram import search_z
    from ..simulate_events import simulate_events

    lists, _ = real_lists(run)
    peers = run.preset != "quick" and _has_stingray()
    for name, short in (("NGC 300 ULX-1", "NGC 300"), ("PSR B1509-58", "B1509")):
        events, low, high, _ = lists[name]
        ours = _seconds(lambda e=events, a=low, b=high: search_z(e, a, b))
        run.record(f"seconds for Z² on the {short} grid", ours, provenance=MIXED, n=len(events))
        if peers:
            theirs = _seconds(lambda e=events, a=low, b=high: stingray_z(e, a, b), repeats=1)
            run.record(
                f"Z² on the {short} grid, times faster than stingray",
                theirs / ours,
                provenance=MIXED,
                n=len(events),
            )
    events = simulate_events(
        span=11_000.0, rate=0.65, frequency=1.234, drift=2e-7, pulsed_fraction=0.25, rng=run.seed
    )
    ours = _seconds(lambda: search_accelerated(events, 0.05, 4.9, zmax=100))
    run.record("seconds for the acceleration search", ours, provenance=MIXED, n=len(events))
    if peers:
        begin = time.perf_counter()
        power = stingray_accelerated(events, 0.05, 4.9, zmax=100)
        theirs = time.perf_counter() - begin
        best = float(search_accelerated(events, 0.05, 4.9, zmax=100).best["Z2"])
        run.record(
            "acceleration search, times faster than stingray",
            theirs / ours,
            provenance=MIXED,
            n=len(events),
        )
        run.record(
            "power recovered over that of stingray", best / power, provenance=MIXED, n=len(events)
        )
    else:
        run.note("stingray is not asked here (preset quick, or not installed).")
    if run.preset != "quick" and (peak := peak_memory_mb()) is not None:
        run.record(
            "peak memory of a million events on ten million trials",
            peak,
            provenance=SIMULATED,
            unit="MB",
            n=1_000_000,
            note="of the whole process, interpreter and libraries included",
        )


def peak_memory_mb() -> float | None:
    """Peak memory of a process of its own that searches a long list; None where not told."""
    done = subprocess.run(
        [sys.executable, "-c", _LONG_SEARCH], capture_output=True, text=True, check=True
    )
    return float(done.stdout) / 1024 if done.stdout.strip() else None


def _seconds(function: Any, *, repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def _has_stingray() -> bool:
    from importlib.util import find_spec

    return find_spec("stingray") is not None
