"""Steps that several experiments share."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from decan.core.benchmark import best_of
from decan.core.data.splits import group_folds
from decan.core.experiment import REAL, SIMULATED, Provenance, Run
from decan.core.metrics import Estimate

from .. import plots
from ..emulator import RatioEmulator
from ..emulators import EmulatorSet
from ..grid import ModelGrid
from ..simulate import simulate_grid
from ..space import CLOUD
from ..validation import CrossValidation, cross_validate

_GRID_NOTE = (
    "The grid was computed for this project with the public code UCLCHEM v3.5.5; it is not the "
    "paper's own, which is not public: its box is wider (ionisation over four decades, "
    "extinction over one and a half) and it has one stage. 375 models limit every emulator here; "
    "'decan astrochem extend-grid' is the remedy."
)


def grid_of(run: Run) -> tuple[ModelGrid, Provenance]:
    """The given grid, or simulated ratios where it is not at hand or the run must be quick."""
    if run.preset != "quick" and run.has("uclchem_grid"):
        if _GRID_NOTE not in run.result.notes:
            run.note(_GRID_NOTE)
        return run.load("uclchem_grid"), REAL
    grid = simulate_grid(192, rng=run.seed)
    run.used("Ratios in closed form", provenance=SIMULATED, n=len(grid))
    return grid, SIMULATED


def unseen_cloud(
    run: Run, emulators: EmulatorSet
) -> tuple[dict[str, float], dict[str, float], Provenance]:
    """Parameters and ratios of a cloud that was not trained on."""
    if run.has("uclchem_grid"):
        grid: ModelGrid = run.load("uclchem_grid")
        left_out = grid.status.index[grid.status == "unphysical"]
        errors = grid.conservation().xs(1e5, level=1).loc[left_out]
        # The solver broke this one much later; at 1e5 yr it conserves everything.
        model = int(left_out[int(errors["H_error"].to_numpy().argmin())])
        one = grid.select([model])
        one.status[:] = "good"
        table = one.ratios()
        seen = {str(r): float(v) for r, v in table.values.iloc[0].items() if v == v}
        run.note(f"The cloud is model {model}, never trained on. " + _GRID_NOTE)
        return {str(k): float(v) for k, v in table.inputs.iloc[0].items()}, seen, REAL
    cloud = CLOUD.sobol(1, start=1000 + run.seed)
    mean, std = emulators.predict_axis(CLOUD.to_axis(cloud))
    drawn = mean[0] + std[0] * run.rng.standard_normal(len(emulators))
    run.note("The grid is not at hand; the cloud was drawn from the emulators themselves.")
    run.used("A cloud drawn from the emulators", provenance=SIMULATED, n=1)
    return (
        {str(k): float(v) for k, v in cloud.iloc[0].items()},
        dict(zip(emulators, drawn.tolist(), strict=True)),
        SIMULATED,
    )


def validated(
    run: Run, name: str, emulator: RatioEmulator, table: Any
) -> dict[str, CrossValidation]:
    from tqdm.auto import tqdm

    bar = tqdm(table.names, desc=name, leave=False, disable=None)
    return {ratio: cross_validate(emulator, *table.rows(ratio)) for ratio in bar}


def pooled(checks: dict[str, CrossValidation], seed: int) -> tuple[Estimate, Estimate]:
    """Means over ratios of R² and RMSE, with intervals from resampling whole models."""
    models = np.unique(np.concatenate([check.model_ids for check in checks.values()]))
    place = {name: np.searchsorted(models, check.model_ids) for name, check in checks.items()}

    def both(times: Any) -> tuple[float, float]:
        r2, rmse = [], []
        for name, check in checks.items():
            w = times[place[name]]
            square = np.average(check.residual**2, weights=w)
            mean = np.average(check.truth, weights=w)
            r2.append(1 - square / np.average((check.truth - mean) ** 2, weights=w))
            rmse.append(np.sqrt(square))
        return float(np.mean(r2)), float(np.mean(rmse))

    rng = np.random.default_rng(seed)
    draws = np.array(
        [
            both(np.bincount(rng.integers(0, len(models), len(models)), minlength=len(models)))
            for _ in range(200)
        ]
    )
    value = both(np.ones(len(models)))
    low, high = np.percentile(draws, [16, 84], axis=0)
    first, second = (Estimate(value[k], low[k], high[k], len(models)) for k in (0, 1))
    return first, second


def prediction_figures(run: Run, checks: dict[str, CrossValidation], table: Any) -> None:
    import matplotlib.pyplot as plt

    from decan.core.plotting import style

    with style():
        axes = plt.subplots(1, 3, figsize=(11, 3.8))[1]
    for ax, name in zip(axes, list(checks)[:3], strict=True):
        T = np.log10(table.inputs.loc[checks[name].model_ids, "T_K"].to_numpy())
        plots.plot_predictions(checks[name], ratio=name, color=T, ax=ax)
    run.figure(
        "predictions",
        axes,
        caption="Held-out predictions of the ensemble against the chemical models; bright is warm.",
    )
    with style():
        axes = plt.subplots(1, 3, figsize=(11, 3.0), sharey=True)[1]
    for ax, name in zip(axes, list(checks)[:3], strict=True):
        T = table.inputs.loc[checks[name].model_ids, "T_K"]
        ax.scatter(T, checks[name].residual, s=8, linewidth=0)
        ax.set(xscale="log", xlabel=CLOUD.label("T_K"), title=name)
    axes[0].set_ylabel("model - emulator [dex]")
    run.figure("residuals", axes, caption="Residuals against temperature: largest where ices go.")


def record_overall_ranks(run: Run, found: dict[str, Any], provenance: Provenance) -> None:
    draws = np.mean([one.draws for one in found.values()], axis=0)
    ranks = np.argsort(np.argsort(-draws, axis=1), axis=1) + 1
    n = min(one.n_models for one in found.values())
    names = list(CLOUD.names)

    def estimate(values: Any) -> Estimate:
        low, mid, high = np.percentile(values, [16, 50, 84])
        return Estimate(float(mid), float(low), float(high), n)

    for metric, name in (
        ("temperature", "T_K"),
        ("density", "nH_cm3"),
        ("ionisation", "zeta_1p3e17"),
    ):
        run.record(
            f"overall rank of {metric}",
            estimate(ranks[:, names.index(name)]),
            provenance=provenance,
        )
    for ratio, label, name in (
        ("CN/HCN", "C/H", "fC"),
        ("HNC/HCN", "C/H", "fC"),
        ("CS/SO", "O/H", "fO"),
    ):
        run.record(f"rank of {label} in {ratio}", found[ratio].rank_of(name), provenance=provenance)
    first = sum(one.rank_of("fO").value <= 3 for one in found.values())
    run.record("ratios with O/H among the first three", first, provenance=provenance, n=len(found))


def rank_correlation(values: Any, exact: Any) -> float:
    """Spearman's of two importances; what is below 1 % of the largest counts as nothing."""
    sizes = [np.abs(one).mean(axis=0) for one in (values, exact)]
    one, two = (pd.Series(np.where(size < 0.01 * size.max(), 0.0, size)) for size in sizes)
    return float(one.corr(two, method="spearman"))


def speed_of_trees(n: int) -> tuple[float, float]:
    """Time of our values over XGBoost's, and of interactions over values, best of three each."""
    import xgboost

    from ..trees import Forest

    X, y = simulate_grid(375, rng=0).ratios(["CN/HCN"]).rows("CN/HCN")
    booster = RatioEmulator("xgb", calibrate=False, space=CLOUD).fit(X, y).trees
    axis = CLOUD.to_axis(CLOUD.sobol(n, seed=3))
    matrix = xgboost.DMatrix(axis)

    def ours(interactions: bool) -> Any:
        return lambda: Forest.from_xgboost(booster).shapley(axis, None, interactions=interactions)

    values = best_of(ours(False))
    theirs = best_of(lambda: booster.predict(matrix, pred_contribs=True))
    return values / theirs, best_of(ours(True)) / values


def seconds_of_maps(features: Any) -> tuple[float, float]:
    """Time of our map and of the plain call of umap-learn with the same settings, seconds.

    Ours leaves out repeated rows and adds the trustworthiness. Both are called once before,
    so that compilation does not count, then in turn.
    """
    import warnings

    from ..groups import embed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        def plain() -> Any:
            settings = {"n_neighbors": 30, "min_dist": 0.0, "random_state": 0, "n_jobs": 1}
            return umap.UMAP(**settings).fit_transform(features)

        embed(features)
        plain()
        pairs = [(best_of(lambda: embed(features), 1), best_of(plain, 1)) for _ in range(5)]
    ours, theirs = np.min(pairs, axis=0)
    return float(ours), float(theirs)


def time_over_umap(features: Any) -> float:
    """Time of our map over that of the plain call of umap-learn."""
    ours, theirs = seconds_of_maps(features)
    return ours / theirs


def retrieved(
    run: Run, table: Any, kind: str
) -> tuple[list[pd.DataFrame], float, list[dict[str, float]], int]:
    from ..retrieval import Retrieval

    frames, narrow, spent, n = [], [], 0.0, 0
    folds = group_folds(np.asarray(table.inputs.index), 3, rng=run.seed)
    for train, _ in folds if run.preset != "quick" else folds[:1]:
        inside = np.isin(np.arange(len(table)), train)
        learned = EmulatorSet(kind, n_folds=3, random_state=run.seed).fit(table.select(inside))
        solver = Retrieval(
            learned, n=8192 if run.preset != "quick" else 2048, random_state=run.seed
        )
        clouds = table.select(~inside)
        seen = clouds.values + 0.15 * run.rng.standard_normal(clouds.values.shape)
        if run.preset == "quick":
            seen = seen.iloc[:30]
        seen = seen[seen.notna().any(axis=1)]
        begin = time.perf_counter()
        part = solver.coverage(
            clouds.inputs.loc[seen.index],
            seen,
            parameters=("T_K", "nH_cm3", "fC", "fO", "zeta_1p3e17"),
        )
        spent += time.perf_counter() - begin
        frames.append(part.assign(hits=part["coverage"] * part["clouds"]))
        n += len(seen)
        for _, values in seen[seen["CS/SO"].notna()].head(10).iterrows():
            full = {str(r): (v, 0.15) for r, v in values.items() if v == v}
            less = {r: pair for r, pair in full.items() if r != "CS/SO"}
            if less:
                # Of the seven parameters O/H is the last.
                pick = [float(solver.fit(w).summary()["narrowing"].iloc[-1]) for w in (full, less)]
                narrow.append({"with": pick[0], "without": pick[1]})
    return frames, spent / max(n, 1), narrow, n
