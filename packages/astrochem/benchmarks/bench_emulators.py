"""Emulators and retrieval: error on held-out models, predictions a second, seconds a source.

On the given grid where DECAN_DATA has it, on closed forms otherwise; one thread, CPU time.
"""

from __future__ import annotations

import time
from importlib.metadata import version

from decan.astrochem import (
    CLOUD,
    DATASETS,
    EmulatorSet,
    RatioEmulator,
    Retrieval,
    cross_validate,
    simulate_grid,
)

RATIOS = ["CN/HCN", "HCS+/CS"]
SOLVER_SECONDS = 0.51  # median CPU time of one UCLCHEM model of the given grid


def main() -> None:
    real = DATASETS.where("uclchem_grid") is not None
    grid = DATASETS.load("uclchem_grid") if real else simulate_grid(375, rng=0)
    table = grid.ratios(RATIOS)
    axis = CLOUD.to_axis(CLOUD.sobol(100_000))
    print(f"{grid!r}; xgboost {version('xgboost')}, scikit-learn {version('scikit-learn')}")
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
        print(
            f"{kind:9s} R2 {scores[0]:.3f} {scores[1]:.3f}  fit {fitting:.2f} s  {rate:,.0f} "
            f"ratios/s = {rate * SOLVER_SECONDS:,.0f} times the solver"
        )
    retrieval = Retrieval(EmulatorSet.pretrained(), n=8192)
    begin = time.process_time()
    for shift in range(10):
        retrieval.fit({"CN/HCN": (-0.1 * shift, 0.15), "HNC/HCN": (-0.5, 0.15)})
    print(f"retrieval: {(time.process_time() - begin) / 10:.3f} s a source")


if __name__ == "__main__":
    main()
