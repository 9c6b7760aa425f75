"""Exact Shapley values, interactions and Sobol indices against shap, XGBoost and SALib.

One run, one thread, CPU time; ratios are printed with versions. Below 1 is faster.
"""

from __future__ import annotations

import time
import warnings
from importlib.metadata import version

import numpy as np

from decan.astrochem import CLOUD, RatioEmulator, simulate_grid, sobol_indices
from decan.astrochem.trees import Forest

ROWS, BACKGROUND = 10_000, 100


def seconds(job, repeat: int = 3) -> float:
    best = np.inf
    for _ in range(repeat):
        begin = time.process_time()
        job()
        best = min(best, time.process_time() - begin)
    return best


def main() -> None:
    import shap
    import xgboost

    X, y = simulate_grid(375, rng=0).ratios(["CN/HCN"]).rows("CN/HCN")
    emulator = RatioEmulator("xgb", calibrate=False, space=CLOUD).fit(X, y)
    axis, background = CLOUD.to_axis(CLOUD.sobol(ROWS, seed=3)), CLOUD.to_axis(X)[:BACKGROUND]
    forest, matrix = Forest.from_xgboost(emulator.trees), xgboost.DMatrix(axis)

    ours = seconds(lambda: forest.shapley(axis, None))
    pairs = seconds(lambda: forest.shapley(axis, None, interactions=True))
    theirs = seconds(lambda: emulator.trees.predict(matrix, pred_contribs=True), 1)
    few = axis[:200]
    mine = seconds(lambda: forest.shapley(few, background))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = shap.TreeExplainer(
            emulator.trees, background, feature_perturbation="interventional"
        )
        peer = seconds(lambda: explainer.shap_values(few), 1)
        error = np.abs(explainer.shap_values(few) - forest.shapley(few, background)[0]).max()
    print(f"path-dependent, {ROWS} rows: {ours / theirs:.3f} of xgboost {version('xgboost')}")
    print(f"interactions over values: {pairs / ours:.2f}")
    print(
        f"interventional, 200 rows, {BACKGROUND} background: {mine / peer:.3f} of shap "
        f"{version('shap')} (largest difference {error:.1e} dex)"
    )
    values, base, _ = forest.shapley(axis, background)
    print(f"additivity: {np.abs(values.sum(1) + base - forest.predict(axis)).max():.1e} dex")
    sobol(emulator)


def sobol(emulator: RatioEmulator) -> None:
    from SALib.analyze.sobol import analyze
    from SALib.sample.sobol import sample

    problem = {"num_vars": 7, "names": list(CLOUD.names), "bounds": [[0, 1]] * 7}

    def peer():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            points = sample(problem, 1024, calc_second_order=False)
            found = emulator.predict_axis(CLOUD.to_axis(CLOUD.from_unit(points)))
            return analyze(problem, found, calc_second_order=False, num_resamples=200)

    ours = seconds(lambda: sobol_indices(emulator, n=1024, rng=0), 1)
    theirs = seconds(peer, 1)
    gap = np.abs(peer()["ST"] - sobol_indices(emulator, n=1024, rng=0).total).max()
    print(
        f"Sobol indices, n = 1024: {ours / theirs:.2f} of SALib {version('SALib')} "
        f"(largest difference {gap:.3f})"
    )


if __name__ == "__main__":
    main()
