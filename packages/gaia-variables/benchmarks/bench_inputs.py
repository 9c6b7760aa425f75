"""Histograms, period search, spectra and portraits beside their peers, in one run.

Usage: OMP_NUM_THREADS=1 python packages/gaia-variables/benchmarks/bench_inputs.py
What is timed is what the experiment ``speed-ratios`` times. Reads real light curves out of
the data folder where they are at hand, and simulates some otherwise.
"""

from __future__ import annotations

import numpy as np
import torch

from decan.core.benchmark import Benchmark, best_of, installed
from decan.gaia_variables import VariablesPipeline, XPPreprocessor, simulate_stars
from decan.gaia_variables.experiments.speed import histogram_seconds, period_seconds, some_curves


def main() -> None:
    torch.set_num_threads(1)
    bench = Benchmark("gaia-variables")
    curves, _ = some_curves(500)
    seconds = histogram_seconds(curves)
    ours = seconds.pop("decan")
    for peer, theirs in seconds.items():
        bench.ratio(f"histograms of {len(curves)} curves", ours, theirs, peer=peer)
    if not installed("light-curve"):
        bench.absent(f"histograms of {len(curves)} curves", "light-curve")
    seconds = period_seconds(curves[:3])
    ours = seconds.pop("decan")
    for peer, theirs in seconds.items():
        bench.ratio("periodograms of 3 curves, 250k frequencies", ours, theirs, peer=peer)
    if not installed("nifty-ls"):
        bench.absent("periodograms of 3 curves, 250k frequencies", "nifty-ls")
    coefficients = np.random.default_rng(0).normal(size=(10_000, 110))
    bench.value(
        "samples of 10,000 spectra", best_of(lambda: XPPreprocessor().transform(coefficients))
    )
    pipeline, stars = VariablesPipeline.pretrained(), simulate_stars(1000, rng=0)
    f = stars.truth["dominant_frequency"].fillna(1.0).to_numpy()
    bench.value(
        "portraits of 1,000 stars of known period",
        best_of(lambda: pipeline.transform(stars.curves, stars.xp, frequency=f), 1),
    )


if __name__ == "__main__":
    main()
