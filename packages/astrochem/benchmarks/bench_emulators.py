"""Emulators and retrieval: error on held-out models, predictions a second, seconds a source.

On the given grid where DECAN_DATA has it, on closed forms otherwise; one thread, CPU time.
"""

from __future__ import annotations

import time

from decan.astrochem import (
    CLOUD,
    DATASETS,
    EmulatorSet,
    RatioEmulator,
    Retrieval,
    cross_validate,
    simulate_grid,
)
from decan.core.benchmark import Benchmark

RATIOS = ["CN/HCN", "HCS+/CS"]
SOLVER_SECONDS = 0.51  # median CPU time of one UCLCHEM model of the given grid


def main() -> None:
    real = DATASETS.where("uclchem_grid") is not None
    grid = DATASETS.load("uclchem_grid") if real else simulate_grid(375, rng=0)
    table = grid.ratios(RATIOS)
    axis = CLOUD.to_axis(CLOUD.sobol(100_000))
    bench = Benchmark("astrochem")
    for kind in ("xgb", "gp", "ensemble"):
        emulator = RatioEmulator(kind, n_trees=200, space=CLOUD, calibrate=False)
        X, y = table.rows(RATIOS[0])
        begin = time.process_time()
        emulator.fit(X, y)
        fitting = time.process_time() - begin
        begin = time.process_time()
        emulator.predict_axis(axis)
        rate = len(axis) / (time.process_time() - begin)
        scores = [cross_validate(emulator, *table.rows(name)).r2().value for name in RATIOS]
        bench.value(f"emulator {kind}, fit to {len(y)} models", fitting)
        for name, score in zip(RATIOS, scores, strict=True):
            bench.value(f"emulator {kind}, R² of {name} on held-out models", score, "")
        bench.ratio(f"a model by emulator {kind}", 1 / rate, SOLVER_SECONDS, peer="solver UCLCHEM")
    retrieval = Retrieval(EmulatorSet.pretrained(), n=8192)
    begin = time.process_time()
    for shift in range(10):
        retrieval.fit({"CN/HCN": (-0.1 * shift, 0.15), "HNC/HCN": (-0.5, 0.15)})
    bench.value("retrieval of a source", (time.process_time() - begin) / 10)


if __name__ == "__main__":
    main()
