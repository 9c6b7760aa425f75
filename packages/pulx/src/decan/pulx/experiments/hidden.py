"""Pulsars that are faint and carry no label, in simulated catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from ..shipped import XMM_FEATURES
from .samples import catalogue, labelled, spread

if TYPE_CHECKING:
    from ..features import Features

__all__ = ["hidden_pulsars"]


@experiment(
    title="Hidden pulsars",
    data=["sim_xmm_640", "pn_bands"],
    claims=[
        Claim("AUC, mean of ten seeds", goal=0.88, provenance=SIMULATED, headline=True),
        Claim("recall at 21 %, mean of ten seeds", goal=0.75, provenance=SIMULATED),
        Claim("AUC minus that of brightness", goal=0.0, provenance=SIMULATED),
        Claim("AUC, shared sample", goal=0.88, provenance=SIMULATED),
        Claim("recall at 21 %, shared sample", goal=0.75, provenance=SIMULATED),
    ],
)
def hidden_pulsars(run: Run) -> None:
    """Sources of pulsar type that are faint and not labelled, and whether the ranking finds them.

    The score is learned from known against unlabelled rows, every source with one vote. Beside
    it stands what brightness finds, and what a classifier could reach that was trained on
    thousands of hidden pulsars with their labels: the ceiling of this simulated sky.
    """
    import pandas as pd

    from ..candidates import CandidateFinder

    rows = []
    seeds = list(range(2 if run.preset == "quick" else 10))
    shared = run.has("sim_xmm_640")
    for seed in (["shared"] if shared else []) + seeds:
        if seed == "shared":
            table = run.load("sim_xmm_640", provenance=SIMULATED)
        else:
            table = catalogue(run, int(seed))
        features, known, hidden = labelled(table)
        finder = CandidateFinder("pu").fit(features.select(*XMM_FEATURES), known=known)
        row: dict[str, Any] = {"sample": str(seed)}
        for name, score in (
            ("", finder.score_),
            (" brightness", features.log_flux),
            (" peak", features.table["Fpeak4XMM"].to_numpy()),
        ):
            row["AUC" + name], row["recall" + name] = _hidden(features, score, known, hidden)
        rows.append(row)
    run.used("simulated 4XMM-like catalogues", provenance=SIMULATED, n=len(rows))
    frame = pd.DataFrame(rows)
    if shared:
        run.record("AUC, shared sample", frame["AUC"][0], provenance=SIMULATED, n=18)
        run.record("recall at 21 %, shared sample", frame["recall"][0], provenance=SIMULATED, n=18)
    own = frame[frame["sample"] != "shared"]
    run.record("AUC, mean of ten seeds", spread(own["AUC"]), provenance=SIMULATED)
    run.record("recall at 21 %, mean of ten seeds", spread(own["recall"]), provenance=SIMULATED)
    run.record("AUC of brightness", spread(own["AUC brightness"]), provenance=SIMULATED)
    run.record(
        "AUC minus that of brightness",
        spread(own["AUC"] - own["AUC brightness"]),
        provenance=SIMULATED,
    )
    auc, recall, n = _ceiling(run)
    run.record(
        "ceiling of AUC with all labels",
        auc,
        provenance=SIMULATED,
        n=n,
        note="gradient boosting trained on thousands of labelled hidden pulsars",
    )
    run.record("ceiling of recall with all labels", recall, provenance=SIMULATED, n=n)
    run.table(
        "samples",
        frame,
        caption="AUC and recall (when 21.2 % of the other sources are "
        "selected) for each sample, beside flux and peak flux alone.",
    )


def _hidden(features: Features, score: Any, known: Any, hidden: Any) -> tuple[float, float]:
    """AUC and recall over sources, known pulsars apart."""
    from decan.core.metrics import roc_auc

    from ..ranking import by_source_mean, threshold_for_share

    _, mean, is_known, is_hidden = by_source_mean(features.source, score, known, hidden)
    free, truth = is_known == 0, is_hidden > 0
    limit = threshold_for_share(mean[free & ~truth], 0.212)
    return roc_auc(truth[free], mean[free]).value, float(np.mean(mean[truth] >= limit))


def _ceiling(run: Run) -> tuple[float, float, int]:
    """What all labels would give: boosting on source means, cross-validated over catalogues."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    from decan.core.metrics import roc_auc

    from ..archive import DATASETS
    from ..detections import features_4xmm
    from ..ranking import threshold_for_share
    from ..simulate import simulate_catalogue

    response = DATASETS.load("pn_bands") if run.has("pn_bands") else None
    parts = []
    for seed in range(2 if run.preset == "quick" else 8):
        table = simulate_catalogue(
            1300,
            2900,
            n_pulsars=1,
            n_pulsar_rows=1,
            n_hidden=650,
            response=response,
            rng=9000 + seed,
        )
        features = features_4xmm(table, scatter=True)
        frame = features.table.assign(
            source=features.source,
            hidden=table["hidden_pulsar"].to_numpy()[features.row],
            counts=features.log_counts,
            rows=1.0,
        )
        means = frame.groupby("source").mean()
        means["rows"] = frame.groupby("source")["rows"].sum()
        parts.append(means)
    means = pd.concat(parts)
    truth = means.pop("hidden").to_numpy() > 0
    model = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.05, random_state=0)
    score = cross_val_predict(model, means, truth, method="predict_proba", cv=4)[:, 1]
    limit = threshold_for_share(score[~truth], 0.212)
    return roc_auc(truth, score).value, float(np.mean(score[truth] >= limit)), len(truth)
