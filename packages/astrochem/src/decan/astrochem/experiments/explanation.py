"""What the ratios rest on, beside the paper, exact truth and another measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from .. import plots
from ..emulator import RatioEmulator
from ..explain import ShapleyResult, explain, importance_intervals
from ..ratios import NINE_RATIOS, RatioTable
from ..shap_library import shap_difference
from ..simulate import closed_form, simulate_grid
from ..sobol import compare_importance, sobol_indices
from ..space import CLOUD
from ..validation import cross_validate
from ._parts import (
    grid_of,
    rank_correlation,
    record_overall_ranks,
    speed_of_trees,
)

__all__ = [
    "exactness",
    "shapley_and_sobol",
    "shapley_ranking",
    "time_dependence",
    "where_carbon_matters",
]

_ABSTRACT = "Vermariën et al. 2025, abstract"


@experiment(
    title="E3. Which parameters matter: Shapley values against the paper's ranking",
    claims=[
        Claim(
            "overall rank of temperature",
            2,
            better="lower",
            headline=True,
            source=f"{_ABSTRACT}: temperature and density are the most important features",
        ),
        Claim("overall rank of density", 2, better="lower", source=f"{_ABSTRACT}: as above"),
        Claim(
            "rank of C/H in CN/HCN",
            3,
            better="lower",
            source=f"{_ABSTRACT}: sensitive to initial C; read as among the first three",
        ),
        Claim("rank of C/H in HNC/HCN", 3, better="lower", source=f"{_ABSTRACT}: as above"),
        Claim(
            "rank of O/H in CS/SO",
            3,
            better="lower",
            source=f"{_ABSTRACT}: CS/SO is sensitive to initial O; read as among the first three",
        ),
        Claim(
            "ratios with O/H among the first three",
            1,
            better="lower",
            source=f"{_ABSTRACT}: only CS/SO is sensitive to initial O",
        ),
        Claim(
            "largest difference from the shap library",
            goal=1e-5,
            better="lower",
            source="dex, over about 50 clouds a ratio; shap adds leaves in float32",
        ),
    ],
    data=["uclchem_grid"],
)
def shapley_ranking(run: Run) -> None:
    """Mean absolute Shapley values and ranks with intervals over refitted trees.

    Interventional, against the box with independent parameters. Agreement with the paper is
    reported as found. The ranking of O/H in CS/SO depends on how the charge of the gas is
    treated in the chemical models, and the grid keeps it neutral.
    """
    grid, provenance = grid_of(run)
    table = grid.ratios()
    n_boot, names = (20, table.names) if run.preset != "quick" else (4, table.names[:3])
    found, results, differences = {}, {}, []
    for number, name in enumerate(names):
        X, y = table.rows(name)
        emulator = RatioEmulator("xgb", space=CLOUD, calibrate=False).fit(X, y)
        cross_validate(emulator, X, y)
        found[name] = importance_intervals(emulator, X, y, n_boot=n_boot, rng=run.seed + number)
        results[name] = explain(emulator, X, target=name)
        differences.append(shap_difference(emulator, X.iloc[:: max(1, len(X) // 50)]))
    run.record(
        "largest difference from the shap library",
        max(differences),
        provenance=provenance,
        n=len(differences),
        unit="dex",
    )
    run.figure(
        "importance",
        plots.plot_importance(found),
        caption="Mean absolute Shapley value (dex) and median rank, ratio by parameter.",
    )
    run.table(
        "importance",
        pd.concat(one.table().assign(ratio=name) for name, one in found.items()),
        caption="Importances and ranks over refitted emulators.",
    )
    record_overall_ranks(run, found, provenance)
    for name, result in results.items():
        if name in NINE_RATIOS[:3]:
            slug = name.replace("/", "-").lower()
            run.figure(
                f"beeswarm-{slug}",
                plots.plot_beeswarm(result),
                caption=f"Shapley values of {name}: a point a model, bright is high.",
            )
    run.table(
        "ladder",
        _on_ladder(table, results),
        caption="Mean |Shapley value| (dex) of the models in "
        "which C and O fall together within 0.2 dex, as in the outer Galaxy.",
    )


@experiment(title="E4. Where carbon matters", data=["uclchem_grid"])
def where_carbon_matters(run: Run) -> None:
    """Shapley dependence on C/H, its interactions with temperature and density, by regime."""
    grid, provenance = grid_of(run)
    table, rows = grid.ratios(NINE_RATIOS[:2]), []
    for name in table.names:
        X, y = table.rows(name)
        emulator = RatioEmulator("xgb", space=CLOUD, calibrate=False).fit(X, y)
        cross_validate(emulator, X, y)
        result = explain(emulator, X, interactions=True, target=name)
        slug = name.replace("/", "-").lower()
        run.figure(
            f"dependence-{slug}",
            plots.plot_dependence(result, "fC"),
            caption=f"Shapley value of C/H in {name} along C/H, coloured by temperature.",
        )
        run.table(
            f"regimes-{slug}",
            result.regime_table(),
            caption=f"{name}: importance of each parameter in four ranges of temperature.",
        )
        pairs = result.interaction_table()
        for other in ("T_K", "nH_cm3"):
            both = pairs[(pairs["first"] == other) & (pairs["second"] == "fC")]
            size = float(both["mean |interaction| [dex]"].iloc[0])
            rows.append({"ratio": name, "C/H with": other, "mean |interaction| [dex]": size})
            run.record(
                f"interaction of C/H with {other}, {name}",
                size,
                provenance=provenance,
                n=len(y),
                unit="dex",
            )
    run.table("carbon", pd.DataFrame(rows), caption="Interactions of C/H with T and n.")


@experiment(
    title="E5a. Explanations against exact truth",
    claims=[
        Claim(
            "Shapley error, share of the variance",
            goal=0.02,
            better="lower",
            provenance=SIMULATED,
            headline=True,
        ),
        Claim(
            "Shapley error of the worst parameter", goal=0.05, better="lower", provenance=SIMULATED
        ),
        Claim(
            "rank correlation with the truth, mean of the ratios", goal=0.95, provenance=SIMULATED
        ),
        Claim("additivity, largest error", goal=1e-6, better="lower", provenance=SIMULATED),
        Claim("total Sobol index, largest error", goal=0.02, better="lower", provenance=SIMULATED),
        Claim(
            "time of Shapley values over XGBoost's", goal=1.1, better="lower", provenance=SIMULATED
        ),
        Claim("time of interactions over values", goal=10.0, better="lower", provenance=SIMULATED),
    ],
)
def exactness(run: Run) -> None:
    """Ratios in closed form, 2048 points without noise, boosted trees, then the whole chain.

    What is left after exact tree values is the error of the emulator itself.
    """
    grid = simulate_grid(2048 if run.preset != "quick" else 1024, noise_dex=0.0, rng=run.seed)
    names = NINE_RATIOS if run.preset != "quick" else NINE_RATIOS[:3]
    run.used("Ratios in closed form", provenance=SIMULATED, n=len(grid))
    table, rows = grid.ratios(names), []
    for name in names:
        X, y = table.rows(name)
        emulator = RatioEmulator("xgb", space=CLOUD, calibrate=False).fit(X, y)
        truth, u = closed_form(name), CLOUD.to_unit(X)
        result = explain(emulator, X, background=4096, target=name)
        exact = truth.shapley(u)
        first, total, variance = truth.sobol()
        indices = sobol_indices(emulator, rng=run.seed)
        error = result.values - exact
        order = rank_correlation(result.values, exact)
        rows.append(
            {
                "ratio": name,
                "error / variance": np.mean(error**2) / variance,
                "worst rms [dex]": np.sqrt(np.mean(error**2, axis=0)).max(),
                "spearman": order,
                "additivity [dex]": result.additivity_error,
                "total index error": np.abs(indices.total - total).max(),
                "first index error": np.abs(indices.first - first).max(),
            }
        )
        if name == "CN/HCN":
            run.figure(
                "sobol",
                plots.plot_sobol(indices, exact=total),
                caption="Total Sobol indices of the emulator of CN/HCN and the exact ones.",
            )
    frame, n = pd.DataFrame(rows), len(grid)
    run.table("exactness", frame, caption="Errors against closed forms, ratio by ratio.")
    record = lambda metric, value, unit="": run.record(  # noqa: E731
        metric, value, provenance=SIMULATED, n=n, unit=unit
    )
    record("Shapley error, share of the variance", frame["error / variance"].max())
    record("Shapley error of the worst parameter", frame["worst rms [dex]"].max(), "dex")
    record("rank correlation with the truth, mean of the ratios", frame["spearman"].mean())
    record("rank correlation with the truth, lowest", frame["spearman"].min())
    run.note(
        "In CN/HCN ionisation and extinction matter equally by construction, and other pairs "
        "nearly so: which of two equals comes first lowers a rank correlation and means nothing."
    )
    record("additivity, largest error", frame["additivity [dex]"].max(), "dex")
    record("total Sobol index, largest error", frame["total index error"].max())
    values, interactions = speed_of_trees(10_000 if run.preset != "quick" else 2000)
    record("time of Shapley values over XGBoost's", values)
    record("time of interactions over values", interactions)


@experiment(
    title="E5b. Shapley values and Sobol indices of the same emulators",
    claims=[Claim("lowest rank correlation of a ratio", goal=0.8)],
    data=["uclchem_grid"],
)
def shapley_and_sobol(run: Run) -> None:
    """Two ways to rank parameters, on one Gaussian process a ratio and one box."""
    grid, provenance = grid_of(run)
    table, rows = grid.ratios(), []
    for name in table.names if run.preset != "quick" else table.names[:2]:
        X, y = table.rows(name)
        emulator = RatioEmulator("xgb", space=CLOUD, calibrate=False).fit(X, y)
        result = explain(emulator, CLOUD.sobol(1024), target=name)
        both = compare_importance(result, sobol_indices(emulator, n=1024, rng=run.seed))
        rows.append(
            {
                "ratio": name,
                "spearman": both.attrs["spearman"],
                **dict(zip(both["parameter"], both["total Sobol index"], strict=True)),
            }
        )
    frame = pd.DataFrame(rows)
    run.table(
        "sobol",
        frame,
        caption="Total Sobol indices, and their rank correlation with mean |Shapley value|.",
    )
    run.record(
        "lowest rank correlation of a ratio",
        frame["spearman"].min(),
        provenance=provenance,
        n=len(table),
    )


@experiment(title="E7. Which conclusions hold in time", data=["uclchem_grid"])
def time_dependence(run: Run) -> None:
    """Ranks of the parameters at 1e4, 1e5 and 1e6 yr."""
    grid, provenance = grid_of(run)
    rows: list[dict[str, Any]] = []
    for when in [t for t in (1e4, 1e5, 1e6) if any(np.isclose(t, grid.times))]:
        table = grid.ratios(time_yr=when)
        for name in table.names if run.preset != "quick" else table.names[:2]:
            X, y = table.rows(name)
            if len(y) < 0.2 * len(table):
                continue
            emulator = RatioEmulator("xgb", space=CLOUD, calibrate=False).fit(X, y)
            r2 = cross_validate(emulator, X, y).r2().value
            size = np.abs(explain(emulator, X).values).mean(axis=0)
            rank = pd.Series(size, CLOUD.names).rank(ascending=False).astype(int)
            ranks = {str(k): int(v) for k, v in rank.items()}
            rows.append({"time [yr]": when, "ratio": name, "R2": r2, **ranks})
    frame = pd.DataFrame(rows)
    run.table(
        "ranks",
        frame,
        caption="Rank of each parameter; where R² < 0.5 the ranks say nothing about chemistry.",
    )
    sound = frame[frame["R2"] >= 0.5]
    for when in sorted(set(sound["time [yr]"])):
        part = sound[sound["time [yr]"] == when]
        mean = part[list(CLOUD.names)].mean().sort_values()
        run.record(
            f"mean rank of temperature at {when:.0e} yr",
            mean["T_K"],
            provenance=provenance,
            n=len(part),
        )
        run.note(f"{when:.0e} yr, ratios with R² ≥ 0.5 ({len(part)}): {', '.join(mean.index)}.")


def _on_ladder(table: RatioTable, results: dict[str, ShapleyResult]) -> pd.DataFrame:
    ladder, rows = table.on_ladder(), []
    for name, result in results.items():
        models = ladder.rows(name)[0].index
        size = np.abs(result.values)[result.inputs.index.isin(models)].mean(axis=0)
        rows.append(
            {"ratio": name, "models": len(models), **dict(zip(CLOUD.names, size, strict=True))}
        )
    return pd.DataFrame(rows)
