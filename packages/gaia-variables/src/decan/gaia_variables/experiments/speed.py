"""How fast histograms, period search and portraits are, beside their peers in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch

from decan.core.benchmark import best_of, installed
from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

from ..archive import DATASETS
from ..cleaning import LightCurveCleaner
from ..dmdt import DmDtBinner
from ..lightcurves import LightCurves
from ..periods import PeriodFinder
from ..pipeline import VariablesPipeline
from ..simulate import simulate_stars

__all__: list[str] = []


@experiment(
    title="Speed and memory",
    claims=[Claim("seconds for 10,000 sources", goal=60.0, better="lower", provenance=SIMULATED)],
)
def scaling(run: Run) -> None:
    """Encodes simulated stars of known frequency: all three modalities, from raw epochs."""
    import pandas as pd

    pipeline = VariablesPipeline.pretrained()
    sizes = (100, 300) if run.preset == "quick" else (100, 1000, 10_000)
    rows = []
    for n in sizes:
        stars = simulate_stars(n, rng=run.seed)
        f = stars.truth["dominant_frequency"].fillna(1.0).to_numpy()
        begin = time.perf_counter()
        pipeline.transform(stars.curves, stars.xp, frequency=f)
        seconds = time.perf_counter() - begin
        rows.append(
            {"sources": n, "seconds": round(seconds, 3), "sources per second": round(n / seconds)}
        )
    run.used("simulated stars", provenance=SIMULATED, n=sizes[-1])
    run.record(
        "seconds for 10,000 sources",
        rows[-1]["seconds"] * 10_000 / sizes[-1],
        provenance=SIMULATED,
        n=sizes[-1],
        unit="s",
        note="on this machine, whatever else it was doing",
    )
    run.table(
        "throughput", pd.DataFrame(rows), caption="Time to encode, without the search for periods."
    )


@experiment(
    title="Speed of histograms and period search against peers, in one run",
    claims=[
        Claim("Δm|Δt, time over light-curve's DmDt", goal=1.5, better="lower"),
        Claim("Δm|Δt, times faster than batched torch", goal=3),
        Claim("periodogram, time over nifty-ls", goal=1.2, better="lower"),
        Claim("periodogram, times faster than astropy", goal=3),
    ],
    data=["lightcurves"],
    presets=("standard", "paper"),
)
def speed_ratios(run: Run) -> None:
    """The best processor time of several calls on one thread, all in turn.

    Peers that are not installed are left out.
    """
    curves, kind = some_curves(500)
    run.used("light curves", provenance=kind, n=len(curves))
    seconds = histogram_seconds(curves)
    ours = seconds.pop("decan")
    run.note(f"Histograms take {1e6 * ours / len(curves):.0f} µs a curve.")
    for peer, theirs in seconds.items():
        if peer.startswith("light-curve"):
            name, value = "Δm|Δt, time over light-curve's DmDt", ours / theirs
        else:
            name, value = "Δm|Δt, times faster than batched torch", theirs / ours
        run.record(name, value, provenance=kind, n=len(curves), note=peer)
    few = curves[:3]
    seconds = period_seconds(few)
    ours = seconds.pop("decan")
    for peer, theirs in seconds.items():
        if peer.startswith("nifty-ls"):
            name, value = "periodogram, time over nifty-ls", ours / theirs
        else:
            name, value = "periodogram, times faster than astropy", theirs / ours
        run.record(name, value, provenance=kind, n=len(few), note=f"{peer}, 250,000 frequencies")


def some_curves(n: int) -> tuple[LightCurves, Any]:
    """Cleaned real light curves, or simulated ones without the data folder."""
    try:
        return LightCurveCleaner().transform(DATASETS.load("lightcurves")[:n]), REAL
    except DataNotAvailable:
        return LightCurveCleaner().transform(simulate_stars(n, rng=0).curves), SIMULATED


def histogram_seconds(curves: LightCurves) -> dict[str, float]:
    """Processor time of all histograms, ours and of each peer."""
    binner = DmDtBinner()
    t, m, _, mask = (torch.from_numpy(x) for x in curves.padded())
    calls: dict[str, Callable[[], object]] = {
        "decan": lambda: binner.transform(curves),
        f"torch {torch.__version__}": lambda: _batched(t.float(), m.float(), mask, binner),
    }
    if found := installed("light-curve"):
        peer: Any = import_module("light_curve")
        theirs = peer.DmDt.from_borders(
            min_lgdt=np.log10(0.04), max_lgdt=np.log10(2500), max_abs_dm=3.0, lgdt_size=10,
            dm_size=20, norm=[],
        )  # fmt: skip
        used = curves.used()
        pieces = [
            (used.time_d[a:b], used.mag[a:b] - used.mag[a:b].mean())
            for a, b in zip(used.start[:-1], used.start[1:], strict=True)
        ]
        calls[f"light-curve {found}, counts only"] = lambda: [
            theirs.points(t, m, sorted=True) for t, m in pieces
        ]
    threads = torch.get_num_threads()
    try:
        # Processor time adds up over threads, and waiting threads would count as work.
        torch.set_num_threads(1)
        return _in_turn(calls, 7)
    finally:
        torch.set_num_threads(threads)


def period_seconds(curves: LightCurves) -> dict[str, float]:
    """Processor time of periodograms of 250,000 frequencies, ours and of each peer."""
    from astropy.timeseries import LombScargle

    used = curves.used()
    pieces = [
        tuple(x[a:b] for x in (used.time_d, used.mag, used.mag_err))
        for a, b in zip(used.start[:-1], used.start[1:], strict=True)
    ]
    finder = PeriodFinder()
    f = finder.fmin + finder.step * np.arange(finder.n_frequencies)
    calls: dict[str, Callable[[], object]] = {
        "decan": lambda: [finder.power(*one) for one in pieces],
        f"astropy {installed('astropy')}": lambda: [
            LombScargle(*one).power(f, method="fast", assume_regular_frequency=True)
            for one in pieces
        ],
    }
    if found := installed("nifty-ls"):
        nifty: Any = import_module("nifty_ls")
        calls[f"nifty-ls {found}"] = lambda: [
            nifty.lombscargle(t - t[0], y, dy=e, fmin=f[0], fmax=f[-1], Nf=len(f), nthreads=1)
            for t, y, e in pieces
        ]
    return _in_turn(calls, 4)


def _in_turn(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Least processor time of each call; all have their turn in each round of a busy machine."""
    times = [{name: best_of(call, 1) for name, call in calls.items()} for _ in range(rounds)]
    return {name: min(one[name] for one in times) for name in calls}


def _batched(time_d: Any, mag: Any, mask: Any, binner: DmDtBinner) -> None:
    """All pairs of a padded batch at once, counted by scattered sums: the published way."""
    dt_edges = torch.tensor(binner.dt_edges_d)
    dm_edges = torch.tensor(binner.dm_edges[:-1])
    i, j = torch.triu_indices(time_d.shape[1], time_d.shape[1], 1)
    for begin in range(0, len(time_d), 64):
        t, m, k = (x[begin : begin + 64] for x in (time_d, mag, mask))
        count = k.sum(dim=1, keepdim=True)
        mean = (m * k).sum(dim=1, keepdim=True) / count
        std = (((m - mean) ** 2 * k).sum(dim=1, keepdim=True) / (count - 1)).sqrt()
        z = (m - mean) / std
        column = (torch.bucketize(t[:, j] - t[:, i], dt_edges, right=True) - 1).clamp(0, 9)
        row = (torch.bucketize((z[:, j] - z[:, i]).abs(), dm_edges, right=True) - 1).clamp(0, 19)
        pair = (k[:, i] & k[:, j]).to(torch.float32)
        torch.zeros(len(t), 200).scatter_add_(1, row * 10 + column, pair)
