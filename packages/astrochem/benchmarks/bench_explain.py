"""Exact Shapley values, interactions and Sobol indices against shap, XGBoost and SALib.

One run, one thread, CPU time; ratios are printed with versions. Below 1 is faster.
"""

from __future__ import annotations

import warnings

import numpy as np

from decan.astrochem import CLOUD, RatioEmulator, simulate_grid, sobol_indices
from decan.astrochem.trees import Forest
from decan.core.benchmark import Benchmark, best_of, installed

ROWS, BACKGROUND = 10_000, 100


def main() -> None:
    import shap
    import xgboost

    X, y = simulate_grid(375, rng=0).ratios(["CN/HCN"]).rows("CN/HCN")
    emulator = RatioEmulator("xgb", calibrate=False, space=CLOUD).fit(X, y)
    axis, background = CLOUD.to_axis(CLOUD.sobol(ROWS, seed=3)), CLOUD.to_axis(X)[:BACKGROUND]
    forest, matrix = Forest.from_xgboost(emulator.trees), xgboost.DMatrix(axis)

    ours = best_of(lambda: forest.shapley(axis, None))
    pairs = best_of(lambda: forest.shapley(axis, None, interactions=True))
    theirs = best_of(lambda: emulator.trees.predict(matrix, pred_contribs=True), 1)
    few = axis[:200]
    mine = best_of(lambda: forest.shapley(few, background))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = shap.TreeExplainer(
            emulator.trees, background, feature_perturbation="interventional"
        )
        peer = best_of(lambda: explainer.shap_values(few), 1)
        error = np.abs(explainer.shap_values(few) - forest.shapley(few, background)[0]).max()
    bench = Benchmark("astrochem")
    bench.ratio(f"path-dependent Shapley values of {ROWS:,} rows", ours, theirs, peer="xgboost")
    bench.value(f"their interactions, {ROWS:,} rows", pairs)
    job = f"interventional Shapley values, 200 rows against {BACKGROUND}"
    bench.ratio(job, mine, peer, peer="shap")
    bench.value(f"{job}: largest difference from shap", error, "dex")
    values, base, _ = forest.shapley(axis, background)
    gap = np.abs(values.sum(1) + base - forest.predict(axis)).max()
    bench.value("largest gap between a prediction and its explanation", gap, "dex")
    sobol(bench, emulator)


def sobol(bench: Benchmark, emulator: RatioEmulator) -> None:
    if not installed("SALib"):
        bench.absent("Sobol indices, n = 1024", "SALib")
        return
    from SALib.analyze.sobol import analyze
    from SALib.sample.sobol import sample

    problem = {"num_vars": 7, "names": list(CLOUD.names), "bounds": [[0, 1]] * 7}

    def peer():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            points = sample(problem, 1024, calc_second_order=False)
            found = emulator.predict_axis(CLOUD.to_axis(CLOUD.from_unit(points)))
            return analyze(problem, found, calc_second_order=False, num_resamples=200)

    ours = best_of(lambda: sobol_indices(emulator, n=1024, rng=0), 1)
    theirs = best_of(peer, 1)
    gap = np.abs(peer()["ST"] - sobol_indices(emulator, n=1024, rng=0).total).max()
    bench.ratio("Sobol indices, n = 1024", ours, theirs, peer="SALib")
    bench.value("Sobol indices: largest difference from SALib", gap, "of the variance")


if __name__ == "__main__":
    main()
