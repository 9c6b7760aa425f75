"""Inputs, periods and embedding beside their peers, in the same run.

Usage: OMP_NUM_THREADS=1 python packages/gaia-variables/benchmarks/bench_inputs.py
Times are processor times of the best of three: on a shared machine only ratios mean something.
"""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from decan.gaia_variables import (
    DATASETS,
    DmDtBinner,
    LightCurveCleaner,
    PeriodFinder,
    VariablesPipeline,
    XPPreprocessor,
    simulate_stars,
)


def best_of(function, repeats=3):
    """Shortest processor time of several calls, seconds."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def light_curves(n):
    if DATASETS.where("lightcurves"):
        return LightCurveCleaner().transform(DATASETS.load("lightcurves")[:n]), "real"
    return LightCurveCleaner().transform(simulate_stars(n, rng=0).curves), "simulated"


def with_torch(time_d, mag, mask, binner):
    """All pairs of a padded batch at once, counted by one-hot sums: the published way."""
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


def report(name, ours, peer, who):
    print(f"{name:28} ours {ours:10.6g} s   {who} {peer:10.6g} s   ours/peer {ours / peer:6.2f}")


def histograms():
    curves, kind = light_curves(500)
    binner = DmDtBinner()
    ours = best_of(lambda: binner.transform(curves))
    print(f"dm|dt of {len(curves)} {kind} curves: {1e6 * ours / len(curves):.0f} us a curve")
    t, m, _, mask = (torch.from_numpy(x) for x in curves.padded())
    peer = best_of(lambda: with_torch(t.float(), m.float(), mask, binner))
    report("dm|dt", ours, peer, f"torch {torch.__version__}")
    try:
        import light_curve
    except ImportError:
        return
    theirs = light_curve.DmDt.from_borders(
        min_lgdt=np.log10(0.04), max_lgdt=np.log10(2500), max_abs_dm=3.0, lgdt_size=10,
        dm_size=20, norm=[],
    )  # fmt: skip
    used = curves.used()
    pieces = [
        (used.time_d[a:b], used.mag[a:b] - used.mag[a:b].mean())
        for a, b in zip(used.start[:-1], used.start[1:], strict=True)
    ]
    peer = best_of(lambda: [theirs.points(t, m, sorted=True) for t, m in pieces])
    report("dm|dt", ours, peer, f"light-curve {version('light-curve')}")


def periodograms():
    from astropy.timeseries import LombScargle

    curves, _ = light_curves(3)
    used, finder = curves.used(), PeriodFinder()
    pieces = [
        tuple(x[a:b] for x in (used.time_d, used.mag, used.mag_err))
        for a, b in zip(used.start[:-1], used.start[1:], strict=True)
    ]
    f = finder.fmin + finder.step * np.arange(finder.n_frequencies)
    ours = best_of(lambda: [finder.power(*one) for one in pieces]) / len(pieces)
    peer = best_of(
        lambda: [
            LombScargle(*one).power(f, method="fast", assume_regular_frequency=True)
            for one in pieces
        ]
    )
    report("periodogram, 250k", ours, peer / len(pieces), f"astropy {version('astropy')}")
    try:
        name = f"nifty-ls {version('nifty-ls')}"
    except PackageNotFoundError:
        return
    peer = best_of(lambda: [finder._nifty(*one) for one in pieces]) / len(pieces)
    report("periodogram, 250k", ours, peer, name)


def embedding():
    pipeline, stars = VariablesPipeline.pretrained(), simulate_stars(1000, rng=0)
    f = stars.truth["dominant_frequency"].fillna(1.0).to_numpy()
    seconds = best_of(lambda: pipeline.transform(stars.curves, stars.xp, frequency=f), 1)
    print(f"portraits: {1000 / seconds:.0f} stars a second of processor time, no period search")
    coefficients = np.random.default_rng(0).normal(size=(10_000, 110))
    seconds = best_of(lambda: XPPreprocessor().transform(coefficients))
    print(f"XP: {1e6 * seconds / 10_000:.1f} us a spectrum")


if __name__ == "__main__":
    torch.set_num_threads(1)
    histograms()
    periodograms()
    embedding()
