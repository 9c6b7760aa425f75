"""The paper's analyses and ours, with what was claimed and what was found."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment
from decan.core.metrics import Estimate

from . import plots
from ._experiment_parts import (
    grid_of,
    pooled,
    prediction_figures,
    rank_correlation,
    record_overall_ranks,
    retrieved,
    speed_of_trees,
    unseen_cloud,
    validated,
)
from .emulator import RatioEmulator
from .emulators import EmulatorSet
from .explain import explain, importance_intervals
from .pages import types_of
from .ratios import NINE_RATIOS
from .simulate import closed_form, simulate_grid
from .sobol import compare_importance, sobol_indices
from .space import CLOUD
from .validation import cross_validate, learning_curve

__all__ = []

_ABSTRACT = "Vermariën et al. 2025, abstract"


@experiment(
    title="Main job: which cloud gives these ratios, and which ratio to observe next",
    claims=[
        Claim("Shapley additivity, largest error", goal=1e-6, better="lower"),
        Claim("seconds of one retrieval", goal=10.0, better="lower"),
    ],
    data=["uclchem_grid"],
    tour=True,
)
def probe(run: Run) -> None:
    """Retrieves a cloud that the shipped emulators never saw, and explains HNC/HCN.

    The cloud is a UCLCHEM model at 1e5 yr that was left out of training because it breaks
    later in its life. Without the data folder the cloud is drawn from the emulators.
    """
    from .retrieval import Retrieval

    emulators = EmulatorSet.pretrained()
    retrieval = Retrieval(emulators, n=2048, random_state=run.seed)
    cloud, seen, provenance = unseen_cloud(run, emulators)
    begin = time.perf_counter()
    posterior = retrieval.fit({name: (value, 0.15) for name, value in seen.items()})
    run.record(
        "seconds of one retrieval",
        time.perf_counter() - begin,
        provenance=provenance,
        n=1,
        unit="s",
    )
    summary = posterior.summary()
    summary.insert(2, "truth", [cloud[name] for name in summary["parameter"]])
    inside = ((summary["low"] <= summary["truth"]) & (summary["truth"] <= summary["high"])).mean()
    run.record("parameters inside their 68 % interval", inside, provenance=provenance, n=7)
    run.table("posterior", summary, caption="Seven parameters of one cloud from its ratios.")
    run.figure(
        "posterior",
        plots.plot_posterior(posterior, truth=cloud),
        caption="Posterior (blue) against the even prior (dashed); red is the truth.",
    )
    hidden = retrieval.fit({name: (seen[name], 0.15) for name in list(seen)[:2]})
    coming = retrieval.next_ratio(hidden)
    run.figure(
        "next-ratio",
        plots.plot_next_ratio(coming),
        caption=f"With {' and '.join(list(seen)[:2])} observed: what each further ratio "
        "would tell.",
    )
    result = explain(
        emulators["HNC/HCN"], CLOUD.sobol(32, seed=run.seed), background=16, target="HNC/HCN"
    )
    run.record(
        "Shapley additivity, largest error",
        result.additivity_error,
        provenance=provenance,
        n=32,
        unit="dex",
    )
    run.figure(
        "hnc-hcn",
        plots.plot_beeswarm(result),
        caption="What HNC/HCN rests on: a point a cloud of the box, bright is high.",
    )


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
    found, results = {}, {}
    for number, name in enumerate(names):
        X, y = table.rows(name)
        emulator = RatioEmulator("xgb", space=CLOUD, calibrate=False).fit(X, y)
        cross_validate(emulator, X, y)
        found[name] = importance_intervals(emulator, X, y, n_boot=n_boot, rng=run.seed + number)
        results[name] = explain(emulator, X, target=name)
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
    ladder = table.on_ladder()
    rows = [
        {
            "ratio": name,
            "models": len(ladder.rows(name)[0]),
            **dict(
                zip(
                    CLOUD.names,
                    np.abs(results[name].values)[
                        results[name].inputs.index.isin(ladder.rows(name)[0].index)
                    ].mean(axis=0),
                    strict=True,
                )
            ),
        }
        for name in names
    ]
    run.table(
        "ladder",
        pd.DataFrame(rows),
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


@experiment(
    title="E6. Models and ratios that look alike",
    claims=[
        Claim("trustworthiness of the map", goal=0.94),
        Claim("adjusted Rand index over seeds", goal=0.8),
        Claim("adjusted Rand index of two consensus groupings", goal=0.8),
        Claim("lowest stability of a kept group", goal=0.7),
    ],
    data=["uclchem_grid"],
    presets=("standard", "paper"),
)
def groups(run: Run) -> None:
    """UMAP of nine standardised ratios, groups over ten seeds, and types of ratio.

    The paper says that UMAP groups types of ratio; here each ratio is a point whose
    coordinates are the importances of the parameters.
    """
    from .groups import embed, group, standardised

    grid, provenance = grid_of(run)
    table = grid.ratios()
    features = standardised(table)
    found = group(embed(features, seed=run.seed), n_seeds=10)
    n = len(table)
    run.record(
        "trustworthiness of the map", found.embedding.trustworthiness, provenance=provenance, n=n
    )
    run.record("adjusted Rand index over seeds", found.stability, provenance=provenance)
    run.record(
        "adjusted Rand index of two consensus groupings",
        found.consensus_stability,
        provenance=provenance,
        n=n,
    )
    kept = [found.stability_by_group[number] for number in found.kept]
    run.record(
        "lowest stability of a kept group",
        min(kept, default=np.nan),
        provenance=provenance,
        n=len(kept),
        note="mean Jaccard index with the best match of each seed",
    )
    run.note(repr(found) + f"; groups kept: {found.kept}.")
    run.figure(
        "groups",
        plots.plot_groups(found),
        caption="Models by group on the map of the first seed; no distances, no scale.",
    )
    for name in ("T_K", "nH_cm3", "zeta_1p3e17", "fC"):
        run.figure(
            f"map-{name}",
            plots.plot_groups(
                found, color=np.log10(table.inputs[name]), label=f"log10 {CLOUD.label(name)}"
            ),
            caption=f"The same map coloured by {name}.",
        )
    run.table("groups", found.describe(table), caption="Median (quartiles) of each parameter.")
    importances = {}
    for number, name in enumerate(table.names):
        X, y = table.rows(name)
        emulator = RatioEmulator("xgb", n_trees=200, space=CLOUD, calibrate=False)
        importances[name] = importance_intervals(emulator, X, y, n_boot=5, rng=number)
    run.table("types", types_of(importances), caption="Types of ratio by what they rest on.")


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


@experiment(
    title="E8. Retrieval: coverage, and what CS/SO is worth",
    claims=[
        Claim("68 % coverage of T_K", goal=(0.60, 0.76)),
        Claim("68 % coverage of nH_cm3", goal=(0.60, 0.76)),
        Claim("68 % coverage of fC", goal=(0.60, 0.76)),
        Claim("seconds of one retrieval", goal=10.0, better="lower"),
    ],
    data=["uclchem_grid"],
)
def retrieval(run: Run) -> None:
    """Chemical models held out, observed with 0.15 dex noise, retrieved by emulators of the rest.

    Three folds: every cloud is retrieved by emulators that have not seen it. Masked ratios
    count as not observed. The same with CS/SO left out says what that ratio is worth for O/H.
    """
    grid, provenance = grid_of(run)
    table = grid.ratios() if run.preset != "quick" else grid.ratios(NINE_RATIOS[:3])
    kind = "ensemble" if run.preset != "quick" else "gp"
    frames, seconds, narrow, n = retrieved(run, table, kind)
    frame = pd.concat(frames).groupby("parameter", sort=False)[["hits", "clouds"]].sum()
    frame = frame.assign(coverage=frame["hits"] / frame["clouds"]).reset_index()
    run.table("coverage", frame, caption="Share of held-out clouds inside their 68 % interval.")
    for name, value in zip(frame["parameter"], frame["coverage"], strict=True):
        half = float(np.sqrt(value * (1 - value) / n))
        run.record(
            f"68 % coverage of {name}",
            Estimate(value, value - half, value + half, n),
            provenance=provenance,
        )
    run.record("seconds of one retrieval", seconds, provenance=provenance, n=n, unit="s")
    if narrow:
        worth = pd.DataFrame(narrow).mean()
        run.record(
            "narrowing of O/H with CS/SO", worth["with"], provenance=provenance, n=len(narrow)
        )
        run.record(
            "narrowing of O/H without CS/SO", worth["without"], provenance=provenance, n=len(narrow)
        )


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


@experiment(
    title="MiniChem: a stiff network with its invariants",
    claims=[
        Claim("seconds to 1e6 yr", goal=2.0, better="lower"),
        Claim("elements, largest relative error", goal=1e-8, better="lower"),
        Claim("CO over min(C, O) at 1e6 yr", goal=(0.3, 1.0)),
        Claim("HNC/HCN at 1e6 yr", goal=(0.5, 1.5)),
    ],
    data=["network"],
)
def minichem(run: Run) -> None:
    """78 to 104 species of the gas phase at 15 K, 1e4 cm⁻³, 10 mag, to a million years."""
    from .minichem import Cloud, MiniChem

    if run.has("network"):
        chemistry, provenance = MiniChem(run.load("network")[1]), REAL
    else:
        chemistry, provenance = MiniChem(), SIMULATED
        run.note("The network's tables are not at hand; the small one of the library was run.")
    cloud = Cloud(T_K=15)
    begin = time.process_time()
    abundances = chemistry.run(cloud)
    n = len(chemistry.species)
    run.record(
        "seconds to 1e6 yr", time.process_time() - begin, provenance=provenance, n=n, unit="s"
    )
    start = pd.DataFrame([chemistry.initial(cloud)], columns=chemistry.species, index=[0.0])
    nuclei, first = chemistry.nuclei(abundances), chemistry.nuclei(start).iloc[0]
    elements = [name for name in chemistry.elements if first[name] > 0]
    error = (nuclei[elements] / first[elements] - 1).abs().to_numpy().max()
    run.record("elements, largest relative error", error, provenance=provenance, n=n)
    run.record(
        "charge over electrons",
        (nuclei["charge"] / abundances["E-"]).abs().max(),
        provenance=provenance,
        n=n,
    )
    last = abundances.iloc[-1]
    run.record(
        "CO over min(C, O) at 1e6 yr",
        last["CO"] / min(cloud.fC, cloud.fO),
        provenance=provenance,
        n=n,
    )
    if "HNC" in last:
        run.record("HNC/HCN at 1e6 yr", last["HNC"] / last["HCN"], provenance=provenance, n=n)
    shown = [name for name in ("CO", "HCN", "HNC", "CN", "HCO+", "CS", "E-") if name in last]
    run.table("abundances", abundances[shown].reset_index(), caption="Per H nucleus.")
