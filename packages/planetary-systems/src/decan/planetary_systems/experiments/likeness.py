"""Experiments on likeness: generated against computed systems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from decan.core.experiment import REAL, Claim, Run, experiment
from decan.core.metrics import Estimate

from ..codec import GridCodec
from ..exposure import stop_table
from ..features import stability_shares
from ..fidelity import compare, distinguish, fidelity_report, peas_in_a_pod, shuffled_planets
from ..plots import (
    plot_densities,
    plot_distributions,
    plot_mosaic,
    plot_neighbours,
)
from .samples import bern_part, shipped, systems_at_hand

__all__ = ["fidelity", "grid_cost", "paper_figures"]

_CANNOT = "Alibert et al. 2025, abstract: classifiers 'cannot distinguish'; no number"
_DATA = ["bern_10gyr", "bern_other_ages", "bern_discs"]


@experiment(
    title="The paper's figures: generated beside computed systems",
    data=_DATA,
)
def paper_figures(run: Run) -> None:
    """A mosaic, densities over (a, M), distributions, and neighbours, on unseen discs.

    Stars and discs of the generated systems are drawn from the training table: with an
    unknown disc they would come out too small.
    """
    real, provenance = systems_at_hand(run, "test")
    drawn = _drawn(600 if run.preset == "quick" else 4000, run)
    words = "Bern" if provenance == REAL else "toy formation model"
    pair = {words: real, "generated": drawn}
    run.figure("mosaic", plot_mosaic(pair, n=12),
               caption="Half computed, half generated; dots by mass.")  # fmt: skip
    run.figure("density", plot_densities(pair),
               caption="Planets per system and square dex. The wall at 0.01 Earth masses is "
               "embryos that never grew.")  # fmt: skip
    run.figure("distributions", plot_distributions(pair),
               caption="Masses, places, multiplicities and total masses.")  # fmt: skip
    run.figure("neighbours", plot_neighbours(pair),
               caption="Left: masses of neighbours. Right: their distance in mutual Hill "
               "radii; pairs left of the dotted line would not be stable.")  # fmt: skip
    table = compare(real, drawn)
    run.table("distances", table.round(4), caption="Kolmogorov-Smirnov distances.")
    for row in table.itertuples():
        run.record(f"KS of {row.quantity}", row.KS, provenance=provenance, n=len(real))


@experiment(
    title="Can classifiers tell generated from computed systems?",
    claims=[
        Claim("AUC, NG74, forest", goal=0.60, better="lower", source=_CANNOT, headline=True),
        Claim("AUC, four populations, forest", goal=0.66, better="lower"),
        Claim("multiplicity over training", goal=(0.97, 1.03)),
        Claim("KS of multiplicity to training", goal=0.06, better="lower"),
        Claim("KS of period ratio to unseen discs", goal=0.045, better="lower"),
        Claim("share under 2 sqrt 3 Hill radii, less training", goal=(-0.02, 0.02)),
        Claim("neighbours' mass, Spearman less training", goal=(-0.02, 0.02)),
        Claim("neighbouring ratios, Spearman less training", goal=(-0.04, 0.04)),
        Claim("p value, generated nearer to training", goal=0.05),
        Claim("identical words of four planets", goal=0, better="lower"),
    ],
    data=_DATA,
    presets=["standard", "paper"],
)
def fidelity(run: Run) -> None:
    """Classifiers on 23 features with spacing, with floor and power, and what else differs.

    NG74 at 5 Gyr against 151 unseen discs, six draws, five folds by disc; then the four
    populations around one solar mass together. 4,000 systems are drawn, with a training
    disc each.
    """
    real = bern_part(run, "ng74", 5.0, "test")
    training = bern_part(run, "ng74", 5.0, "train")
    drawn = _drawn(4000, run)
    report = fidelity_report(
        real, drawn, reference=training, groups=real.context["disc_id"],
        reference_groups=training.context["disc_id"], rng=run.rng,
    )  # fmt: skip
    run.record("AUC, NG74, forest", report.auc, provenance=REAL)
    run.table("classifiers", report.classifiers.round(3),
              caption="Area under the curve; 'floor' compares two real samples, 'power' "
              "independent planets, 'grid' real systems passed through the grid.")  # fmt: skip
    run.table("distributions", report.distributions.round(4), caption="KS distances.")
    run.table("neighbours", report.neighbours.round(3), caption="Neighbours.")
    run.table("spacing", report.spacing.round(3), caption="Close pairs.")
    n = len(drawn)
    full = drawn.counts[drawn.counts > 0]
    error = full.std() / np.sqrt(len(full)) / training.counts.mean()
    ratio = float(full.mean() / training.counts.mean())
    run.record("multiplicity over training", Estimate(ratio, ratio - error, ratio + error, n=n),
               provenance=REAL)  # fmt: skip
    made = drawn[drawn.counts > 0]
    to_training = compare(training, made).set_index("quantity")["KS"]
    to_real = compare(real, made).set_index("quantity")["KS"]
    for words, value in (
        ("KS of multiplicity to training", to_training["multiplicity"]),
        ("KS of period ratio to unseen discs", to_real["period ratio"]),
        ("share under 2 sqrt 3 Hill radii, less training",
         stability_shares(made)["below 2 sqrt 3"]
         - stability_shares(training)["below 2 sqrt 3"]),
        ("neighbours' mass, Spearman less training",
         peas_in_a_pod(made)["mass, Spearman"] - peas_in_a_pod(training)["mass, Spearman"]),
        ("neighbouring ratios, Spearman less training",
         peas_in_a_pod(made)["period ratio, Spearman"]
         - peas_in_a_pod(training)["period ratio, Spearman"]),
        ("p value, generated nearer to training", report.memorised["p value, generated nearer"]),
        ("identical words of four planets",
         report.memorised["identical words of at least 4 planets"]),
    ):  # fmt: skip
        run.record(words, float(value), provenance=REAL, n=n)
    stops = pd.concat([
        stop_table(shipped(), systems).assign(systems=words)
        for words, systems in (("training", training), ("unseen", real), ("generated", made))
    ])  # fmt: skip
    run.table("stops", stops.round(3), caption="How often systems end where, and how often the "
              "network foretold it when shown them.")  # fmt: skip
    run.record("foretold over actual stops, unseen discs",
               float(stops[(stops["systems"] == "unseen") & (stops["outermost"] == "all")]
                     ["ratio"].iloc[0]), provenance=REAL, n=len(real))  # fmt: skip
    run.record("AUC, four populations, forest", _four_populations(run), provenance=REAL)


def _four_populations(run: Run) -> Estimate:
    real = bern_part(run, ["ng96", "ng74", "ng75", "ng76"], 10.0, "test")
    generator = shipped()
    drawn = [
        generator.sample(300, context={"population": name, "age_gyr": 10.0}, rng=run.rng)
        for name in ("ng96", "ng74", "ng75", "ng76")
    ]
    made = type(real).concatenate(drawn)
    row = distinguish(real, made[made.counts > 0], groups=real.context["disc_id"], n_draws=3,
                      rng=run.rng)  # fmt: skip
    value, spread = float(row["AUC"]), float(row["spread"])
    return Estimate(value, value - spread, value + spread, n=len(real))


@experiment(
    title="What the grid costs",
    claims=[
        Claim("AUC of real systems through a 30 x 30 grid",
              source="the encoding of Alibert et al. 2025"),
        Claim("AUC, grid language, both sides gridded", goal=0.60, better="lower"),
    ],
    data=_DATA,
    presets=["standard", "paper"],
)  # fmt: skip
def grid_cost(run: Run) -> None:
    """Real systems passed through grids of 30 to 240 cells, told from real systems.

    A grid moves planets by up to a cell. With spacing features a classifier sees that
    in systems that were otherwise untouched; without them it hardly does. So "cannot be
    told apart" needs both sides on one grid, or a language that keeps the gaps.
    """
    real = bern_part(run, "ng74", 5.0, "test")
    training = bern_part(run, "ng74", 5.0, "train")
    groups, own = real.context["disc_id"], training.context["disc_id"]
    rows = []
    for title, made in _gridded(training, run):
        aucs = [
            distinguish(real, made, groups=groups, other_groups=own, n_draws=2, spacing=spacing,
                        rng=run.rng)
            for spacing in (True, False)
        ]  # fmt: skip
        rows.append(
            {
                "systems": title,
                "AUC": aucs[0]["AUC"],
                "AUC without spacing": aucs[1]["AUC"],
                "share under 2 sqrt 3": stability_shares(made)["below 2 sqrt 3"],
            }
        )
        if title == "30 cells, uniform":
            run.record(
                "AUC of real systems through a 30 x 30 grid",
                Estimate(aucs[0]["AUC"], aucs[0]["AUC"] - aucs[0]["spread"],
                         aucs[0]["AUC"] + aucs[0]["spread"], n=len(real)), provenance=REAL,
            )  # fmt: skip
    run.table(
        "grids",
        pd.DataFrame(rows).round(3),
        caption="Real systems of training discs through a grid, and unseen ones.",
    )
    codec = GridCodec()
    column, row, _ = codec.cells(real)
    both = codec.place(column, row, real.counts, rng=run.rng)
    made = shipped("bern-grid").sample(
        2000, context={"population": "ng74", "age_gyr": 5.0}, rng=run.rng
    )
    result = distinguish(both, made[made.counts > 0], groups=groups, n_draws=3, rng=run.rng)
    value, spread = float(result["AUC"]), float(result["spread"])
    run.record("AUC, grid language, both sides gridded",
               Estimate(value, value - spread, value + spread, n=len(real)),
               provenance=REAL)  # fmt: skip


def _gridded(training: Any, run: Run) -> Any:
    yield "untouched", training
    for n in (30, 60, 120, 240):
        codec = GridCodec(n=n)
        column, row, _ = codec.cells(training)
        for within in ("uniform", "centre") if n == 30 else ("uniform",):
            placed = codec.place(column, row, training.counts, within=within, rng=run.rng)
            # Planets at one place have no distance: moved by less than a thousandth.
            yield f"{n} cells, {within}", placed
    yield "independent planets", shuffled_planets(training, rng=run.rng)


def _drawn(n: int, run: Run) -> Any:
    return shipped().sample(n, context={"population": "ng74", "age_gyr": 5.0}, rng=run.rng)
