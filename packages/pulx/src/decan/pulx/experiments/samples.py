"""What the experiments on catalogues share: samples, fits, and how recall is counted."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import REAL, SIMULATED, Provenance, Run

if TYPE_CHECKING:
    import pandas as pd

    from ..features import Features

__all__: list[str] = []

FEATURE_SETS = {
    "bands": ("bands",),
    "+ hardness": ("bands", "hardness"),
    "+ VAR_FLAG": ("bands", "hardness", "VAR_FLAG"),
    "+ peak": ("bands", "hardness", "VAR_FLAG", "peak"),
    "colours only": ("colours",),
}


def catalogue(run: Run, seed: int) -> pd.DataFrame:
    from ..archive import DATASETS
    from ..simulate import simulate_catalogue

    response = DATASETS.load("pn_bands") if run.has("pn_bands") else None
    return simulate_catalogue(response=response, rng=seed)


def labelled(table: pd.DataFrame) -> tuple[Features, Any, Any]:
    from ..detections import features_4xmm

    features = features_4xmm(table, scatter=True)
    return (
        features,
        table["known_pulsar"].to_numpy()[features.row] == 1,
        table["hidden_pulsar"].to_numpy()[features.row] == 1,
    )


def swift_sample(run: Run) -> tuple[pd.DataFrame, Features, Any, Provenance]:
    """Swift snapshots of pulsars and unlabelled sources: the real ones, or simulated curves."""
    from ..long_term import features_swift

    if run.has("swift_snapshots") and run.has("swift_sources"):
        rows = run.load("swift_snapshots")
        sources = run.load("swift_sources")
        distance = dict(zip(sources["source"], sources["dist_mpc"], strict=True))
        rows = rows[rows["label"].isin(["pulsar", "unlabelled", "candidate_pulsar"])]
        kind = REAL
    else:
        from ..simulate import simulate_snapshots

        rows = simulate_snapshots(rng=run.seed)
        distance = dict.fromkeys(rows["source"], 4.0)
        kind = SIMULATED
        run.used("simulated Swift-like snapshots", provenance=SIMULATED, n=len(rows))
    rows = rows.reset_index(drop=True)
    features = features_swift(rows, distance_mpc=distance)
    return rows, features, (rows["label"] == "pulsar").to_numpy()[features.row], kind


def fitted(finder: Any, features: Features, known: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return finder.fit(features, known=known)


def recall_at(score: Any, known: Any, share: float) -> float:
    from ..ranking import threshold_for_share

    return float(np.mean(score[known] >= threshold_for_share(score[~known], share)))


def spread(values: Any) -> Any:
    """Mean over samples with the 16th and 84th percentile of the mean."""
    from decan.core.metrics import bootstrap

    return bootstrap(np.mean, np.asarray(values, dtype=float), rng=0, n_boot=1000)
