"""The ratios of the grid, and how well they are predicted."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd

from decan.core.experiment import Claim, Run, experiment

from .. import plots
from ..emulator import RatioEmulator
from ..ratios import NINE_RATIOS
from ..space import CLOUD
from ..validation import learning_curve
from ._parts import (
    grid_of,
    pooled,
    prediction_figures,
    validated,
)

__all__ = ["classical_view", "emulators", "learning"]


@experiment(
    title="E1. The ratios themselves: values, masks, trends",
    claims=[Claim("models that stopped or broke conservation", better="lower")],
    data=["uclchem_grid"],
)
def classical_view(run: Run) -> None:
    """Percentiles and masked share of nine ratios, medians against every parameter, failures."""
    grid, provenance = grid_of(run)
    table = grid.ratios()
    run.table("ratios", table.summary(), caption="Nine ratios at 1e5 yr, both species > 1e-12.")
    run.record(
        "masked share of all ratios",
        1 - table.usable.to_numpy().mean(),
        provenance=provenance,
        n=len(table),
    )
    lost = (grid.status != "good").mean()
    run.record(
        "models that stopped or broke conservation", lost, provenance=provenance, n=len(grid.status)
    )
    run.figure(
        "trends",
        plots.plot_trends(table),
        caption="Medians (line) and quartiles (band) of each ratio in bins of a parameter.",
    )
    run.figure(
        "failures",
        plots.plot_failures(grid.failure_map()),
        caption="Lost models lie near 100 K and in cold, dense, strongly ionised gas.",
    )


@experiment(
    title="E2. Emulators of nine ratios on models held out",
    claims=[
        Claim("mean R2, ensemble", goal=0.82, headline=True),
        Claim("mean RMSE, ensemble", goal=0.50, better="lower", headline=True),
        Claim("lowest 68 % coverage of a ratio", goal=(0.64, 0.72)),
        Claim("highest 68 % coverage of a ratio", goal=(0.64, 0.72)),
        Claim("ratios predicted in a second of one core", goal=1e5),
    ],
    data=["uclchem_grid"],
)
def emulators(run: Run) -> None:
    """Five folds by model at 1e5 yr: trees, network, Gaussian process, and their ensemble.

    R² and error of the pooled held-out predictions, averaged over ratios; intervals by
    resampling models.
    """
    grid, provenance = grid_of(run)
    table = grid.ratios() if run.preset != "quick" else grid.ratios(NINE_RATIOS[:3])
    bare: dict[str, Any] = {"space": CLOUD, "calibrate": False}
    kinds = {
        "XGBoost": RatioEmulator("xgb", **bare),
        "XGBoost, derived": RatioEmulator("xgb", coordinates="derived", **bare),
        "HGB": RatioEmulator("hgb", n_trees=300, **bare),
        "network": RatioEmulator("mlp", **bare),
        "GP, parameters": RatioEmulator("gp", coordinates="physical", **bare),
        "GP, derived": RatioEmulator("gp", space=CLOUD),
        "ensemble": RatioEmulator("ensemble", n_trees=200, space=CLOUD),
    }
    if run.preset == "quick":
        kinds = {name: kinds[name] for name in ("XGBoost", "ensemble")}
    found = {name: validated(run, name, one, table) for name, one in kinds.items()}
    rows = [
        {
            "ratio": ratio,
            "models": len(check.truth),
            "emulator": name,
            "R2": check.r2().value,
            "RMSE [dex]": check.rmse().value,
            "68 % coverage": check.coverage,
        }
        for name, checks in found.items()
        for ratio, check in checks.items()
    ]
    frame = pd.DataFrame(rows)
    run.table("scores", frame, caption="Held-out scores of each emulator and ratio, five folds.")
    means = frame.groupby("emulator", sort=False)[["R2", "RMSE [dex]"]].mean().reset_index()
    run.table("means", means, caption="Means over the ratios.")
    for name, checks in found.items():
        r2, rmse = pooled(checks, run.seed)
        run.record(f"mean R2, {name}", r2, provenance=provenance)
        run.record(f"mean RMSE, {name}", rmse, provenance=provenance, unit="dex")
    covered = [check.coverage for check in found["ensemble"].values()]
    n = len(table)
    run.record("lowest 68 % coverage of a ratio", min(covered), provenance=provenance, n=n)
    run.record("highest 68 % coverage of a ratio", max(covered), provenance=provenance, n=n)
    fast = RatioEmulator("ensemble", n_trees=200, calibrate=False, space=CLOUD)
    fast.fit(*table.rows(table.names[0]))
    axis = CLOUD.to_axis(CLOUD.sobol(100_000 if run.preset != "quick" else 10_000))
    # CPU time of one thread: a second of one core, whatever else the machine does.
    begin = time.process_time()
    fast.predict_axis(axis)
    run.record(
        "ratios predicted in a second of one core",
        len(axis) / (time.process_time() - begin),
        provenance=provenance,
        n=len(axis),
        unit="1/s",
    )
    prediction_figures(run, found["ensemble"], table)


@experiment(title="E9. What a larger grid would bring", data=["uclchem_grid"])
def learning(run: Run) -> None:
    """R² on the last quarter of the design, trained on longer and longer beginnings of it."""
    grid, provenance = grid_of(run)
    table = grid.ratios() if run.preset != "quick" else grid.ratios(NINE_RATIOS[:2])
    curves = {}
    for kind in ("xgb", "gp"):
        emulator = RatioEmulator(kind, space=CLOUD, calibrate=False)
        parts = [
            learning_curve(emulator, *table.rows(name), [32, 64, 128, 256]).assign(ratio=name)
            for name in table.names
        ]
        frame = pd.concat(parts)
        frame["models"] = frame.groupby("ratio").cumcount().map({0: 32, 1: 64, 2: 128, 3: 256})
        curves[kind] = frame.groupby("models")[["R2", "RMSE [dex]"]].mean().reset_index()
        last = curves[kind].iloc[-1]
        run.record(
            f"mean R2 at {last['models']:.0f} models, {kind}",
            last["R2"],
            provenance=provenance,
            n=len(table),
        )
        run.table(f"curve-{kind}", curves[kind], caption=f"Mean over ratios, {kind}.")
    run.figure(
        "learning",
        plots.plot_learning(curves),
        caption="Both curves still rise: the grid, not the method, is the limit.",
    )
