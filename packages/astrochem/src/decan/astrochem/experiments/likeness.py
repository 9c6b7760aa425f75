"""Models and ratios that look alike."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import Claim, Run, experiment

from .. import plots
from ..emulator import RatioEmulator
from ..explain import importance_intervals
from ..pages import types_of
from ..space import CLOUD
from ._parts import (
    grid_of,
    time_over_umap,
)

__all__ = ["groups"]


@experiment(
    title="E6. Models and ratios that look alike",
    claims=[
        Claim("trustworthiness of the map", goal=0.94),
        Claim("adjusted Rand index over seeds", goal=0.8),
        Claim("adjusted Rand index of two consensus groupings", goal=0.8),
        Claim("lowest stability of a kept group", goal=0.7),
        Claim("time of a map over umap-learn's", goal=1.2, better="lower"),
    ],
    data=["uclchem_grid"],
    presets=("standard", "paper"),
)
def groups(run: Run) -> None:
    """UMAP of nine standardised ratios, groups over ten seeds, and types of ratio.

    The paper says that UMAP groups types of ratio; here each ratio is a point whose
    coordinates are the importances of the parameters.
    """
    from ..groups import embed, group, standardised

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
    run.record(
        "time of a map over umap-learn's", time_over_umap(features), provenance=provenance, n=n
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
