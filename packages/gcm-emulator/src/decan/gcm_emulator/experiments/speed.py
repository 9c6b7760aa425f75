"""Time of fitting and predicting beside pointwise trees, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from .samples import training

__all__ = ["speed_ratios"]


@experiment(
    title="Speed beside XGBoost, same run",
    claims=[
        Claim("fit, basis-gp over XGBoost", goal=0.08, better="lower", provenance=SIMULATED),
        Claim("predict, XGBoost over basis-gp", goal=20.0, provenance=SIMULATED),
        Claim("predict one planet", goal=20.0, better="lower", provenance=SIMULATED),
    ],
    data=["sim_grid60"],
    presets=["standard", "paper"],
)
def speed_ratios(run: Run) -> None:
    """Fit on sixty planets and predict one (22,464 cells, four fields), on one thread.

    XGBoost after the comparison of the paper: to fit, 400 trees of depth 8 on 400,000 cells;
    to predict, 300 trees. It learns one field at a time; one is timed and counted four times.
    Times are processor times.
    """
    from ..emulator import FieldEmulator
    from ..planets import PLATO_LIKE

    grid = training(run)
    ours = FieldEmulator()
    fit_ours = _seconds(lambda: ours.fit(grid), 1)
    trees = FieldEmulator("xgb", fields=["T"], n_trees=400)
    fit_trees = 4 * _seconds(lambda: trees.fit(grid), 1)
    run.record("fit, basis-gp over XGBoost", fit_ours / fit_trees, provenance=SIMULATED, n=1,
               note=f"{fit_ours:.0f} s and {fit_trees:.0f} s of processor time")  # fmt: skip
    fewer = FieldEmulator("xgb", fields=["T"], n_trees=300, rows=100_000).fit(grid)
    predict_ours = _seconds(lambda: ours.predict(PLATO_LIKE[1]), 15)
    predict_trees = 4 * _seconds(lambda: fewer.predict(PLATO_LIKE[1]), 3)
    run.record("predict one planet", 1e3 * predict_ours, unit="ms", provenance=SIMULATED, n=15)
    run.record("predict, XGBoost over basis-gp", predict_trees / predict_ours,
               provenance=SIMULATED, n=3, note=f"XGBoost {1e3 * predict_trees:.0f} ms")  # fmt: skip


def _seconds(function: Callable[[], Any], repeats: int) -> float:
    """Median processor time: what other programs do does not count."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return float(np.median(times))
