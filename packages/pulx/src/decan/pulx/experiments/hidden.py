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

    The score compares the populations of known and of unlabelled sources, and does not learn
    brightness from the labels. Beside it stand the logistic score of known against unlabelled
    rows, what brightness finds, and what boosting on the same features reaches that was
    trained on thousands of hidden pulsars with their labels: the ceiling of the same samples.
    """
    import pandas as pd

    from ..candidates import CandidateFinder

    all_labels = _supervised(run)
    rows = []
    seeds = list(range(2 if run.preset == "quick" else 10))
    shared = run.has("sim_xmm_640")
    for seed in (["shared"] if shared else []) + seeds:
        if seed == "shared":
            table = run.load("sim_xmm_640", provenance=SIMULATED)
        else:
            table = catalogue(run, int(seed))
        features, known, hidden = labelled(table)
        chosen = features.select(*XMM_FEATURES)
        plain = chosen.select(*(name for name in chosen.names if name != "VISITS"))
        row: dict[str, Any] = {"sample": str(seed)}
        for name, score in (
            ("", CandidateFinder("odds").fit(chosen, known=known).score_),
            (" logistic", CandidateFinder("pu").fit(plain, known=known).score_),
            (" brightness", features.log_flux),
            (" peak", features.table["Fpeak4XMM"].to_numpy()),
            (" with all labels", all_labels.decision_function(_means(features))),
        ):
            row["AUC" + name], row["recall" + name] = _hidden(features, score, known, hidden)
        rows.append(row)
    run.used("simulated 4XMM-like catalogues", provenance=SIMULATED, n=len(rows))
    frame = pd.DataFrame(rows)
    if shared:
        run.record("AUC, shared sample", frame["AUC"][0], provenance=SIMULATED, n=18)
        run.record("recall at 21 %, shared sample", frame["recall"][0], provenance=SIMULATED, n=18)
    own = frame[frame["sample"] != "shared"]
    for name, values in (
        ("AUC, mean of ten seeds", own["AUC"]),
        ("recall at 21 %, mean of ten seeds", own["recall"]),
        ("AUC of brightness", own["AUC brightness"]),
        ("AUC minus that of brightness", own["AUC"] - own["AUC brightness"]),
        ("ceiling of AUC with all labels", own["AUC with all labels"]),
        ("ceiling of recall with all labels", own["recall with all labels"]),
    ):
        run.record(name, spread(values), provenance=SIMULATED)
    run.table(
        "samples",
        frame,
        caption="AUC and recall (when 21.2 % of the other sources are selected) for each sample, "
        "beside other scores.",
    )


def _hidden(features: Features, score: Any, known: Any, hidden: Any) -> tuple[float, float]:
    """AUC and recall over sources, known pulsars apart."""
    from decan.core.metrics import roc_auc

    from ..ranking import by_source_mean, threshold_for_share

    _, mean, is_known, is_hidden = by_source_mean(features.source, score, known, hidden)
    free, truth = is_known == 0, is_hidden > 0
    limit = threshold_for_share(mean[free & ~truth], 0.212)
    return roc_auc(truth[free], mean[free]).value, float(np.mean(mean[truth] >= limit))


def _means(features: Features) -> Any:
    """Features of each row's source: means over its rows, with counts and number of rows."""
    frame = features.table.assign(counts=features.log_counts)
    return frame.groupby(features.source).transform("mean")


def _supervised(run: Run) -> Any:
    """Boosting on source means, trained on other catalogues in which all pulsars are labelled."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    from ..archive import DATASETS
    from ..detections import features_4xmm
    from ..simulate import simulate_catalogue

    response = DATASETS.load("pn_bands") if run.has("pn_bands") else None
    means, truth = [], []
    for seed in range(2 if run.preset == "quick" else 8):
        table = simulate_catalogue(
            1300, 2900, n_pulsars=1, n_pulsar_rows=1, n_hidden=650, response=response,
            rng=9000 + seed,
        )  # fmt: skip
        features = features_4xmm(table, scatter=True)
        one = ~pd.Series(features.source).duplicated().to_numpy()
        means.append(_means(features)[one])
        truth.append(table["hidden_pulsar"].to_numpy()[features.row][one])
    model = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.05, random_state=0)
    return model.fit(pd.concat(means), np.concatenate(truth))
