"""Experiments on the TESS signals of Yu et al. 2019."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import REAL, Claim, Run, experiment

__all__ = ["tess_triage"]


@experiment(
    title="Triage and vetting of TESS signals",
    claims=[
        Claim("triage AP", published=0.970, goal=0.982, headline=True,
              source="Yu et al. 2019, AJ 158, 25; their test set with its duplicates"),
        Claim("vetting AP", published=0.693, source="Yu et al. 2019; 48 planets here"),
        Claim("vetting AP, ten folds by star", goal=0.75, headline=True),
        Claim("triage calibration error", goal=0.01, better="lower", headline=True),
    ],
    data=["tess_yu2019"],
    presets=["standard", "paper"],
)  # fmt: skip
def tess_triage(run: Run) -> None:
    """Eclipses told from noise (triage), and planets from the rest (vetting), on TESS signals.

    The ensemble was trained on the authors' training and validation rows without any star
    of their test rows; it is judged on these test rows. The preset 'standard' takes the
    shipped weights, 'paper' trains them again. The second vetting line is out of fold over
    all rows that were trained on.
    """
    from decan.core.metrics import average_precision, calibration_error

    from ..plots import plot_precision_recall, plot_reliability
    from ..shipped import (
        load_signal_classifier,
        train_signal_classifier,
        yu_classes,
        yu_scalars,
    )

    table, views = run.load("tess_yu2019")
    classes, scalars = yu_classes(table), yu_scalars(table)
    star = table["tic_id"].to_numpy()
    test = (table["split"] == "test").to_numpy()
    if run.preset == "paper":
        classifier = train_signal_classifier(
            random_state=run.seed, checkpoint=run.folder / "checkpoint"
        )[0]
    else:
        classifier = load_signal_classifier()
    rest = ~np.isin(star, star[test])

    def judged(rows: Any, **how: Any) -> Any:
        return classifier.predict({k: v[rows] for k, v in views.items()}, scalars[rows], **how)

    score = judged(test)
    boot: dict[str, Any] = {"groups": star[test], "n_boot": 200, "rng": run.rng}
    real, planet = classes[test] > 0, classes[test] > 1
    run.record("triage AP", average_precision(real, score.event, **boot), provenance=REAL)
    run.record("vetting AP", average_precision(planet, score.planet, **boot), provenance=REAL)
    run.record(
        "triage calibration error",
        calibration_error(real, score.event, **boot).ece,
        provenance=REAL,
    )
    unseen = judged(rest, star=star[rest])
    boot["groups"] = star[rest]
    run.record(
        "triage AP, ten folds by star",
        average_precision(classes[rest] > 0, unseen.event, **boot),
        provenance=REAL,
    )
    run.record(
        "vetting AP, ten folds by star",
        average_precision(classes[rest] > 1, unseen.planet, **boot),
        provenance=REAL,
    )
    run.record(
        "triage calibration error, ten folds by star",
        calibration_error(classes[rest] > 0, unseen.event).ece,
        provenance=REAL,
    )
    curves = {"triage": (real, score.event), "vetting": (planet, score.planet)}
    run.figure(
        "tess-precision-recall",
        plot_precision_recall(curves),
        caption="Precision and recall on the authors' test rows.",
    )
    run.figure(
        "tess-reliability",
        plot_reliability({"triage": (real, score.event)}),
        caption="Predicted and observed frequency of eclipses on the test rows.",
    )
