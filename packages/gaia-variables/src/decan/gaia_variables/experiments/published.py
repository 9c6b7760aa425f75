"""What the published latents hold: classes, and a map."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import REAL, Claim, Run, experiment

from ..archive import POSTER_CLASSES, held_out
from ..explore import find_outliers
from . import figures, scores

__all__ = ["map_and_clusters", "published_latents"]

_POSTER = "confusion matrix of the authors' poster (phuijse/GaiaAutoencoderPoster)"


@experiment(
    title="Classes from the published latents",
    claims=[
        Claim("balanced accuracy, linear", 0.778, source=_POSTER, goal=(0.77, 0.79), headline=True),
        Claim("macro-F1, linear"),
        Claim("balanced accuracy, our best", goal=0.88),
    ],
    data=["latents"],
    presets=("standard", "paper"),
)
def published_latents(run: Run) -> None:
    """Fifteen classes of the literature from the fifteen published latents, by 5-fold validation.

    The linear classifier repeats the published confusion matrix. Ours is an ensemble of
    networks and boosted trees on the latents, the frequency and the standard deviation.
    """
    from sklearn.metrics import confusion_matrix, f1_score

    table = run.load("latents")
    known = {label: name for name, labels in POSTER_CLASSES.items() for label in labels}
    table = table.assign(name=table["literature_label"].map(known)).dropna(subset=["name"])
    label = table["name"].to_numpy(str)
    blocks = scores.blocks_of(table)
    fifteen = np.hstack([blocks["XP"], blocks["fold"], blocks["dm|dt"]])
    guess = scores.cross_validated(fifteen, label, rng=run.seed)
    run.record(
        "balanced accuracy, linear", scores.balanced(label, guess, rng=run.seed), provenance=REAL
    )
    run.record(
        "macro-F1, linear",
        float(f1_score(label, guess, average="macro")),
        provenance=REAL,
        n=len(label),
    )
    names = list(POSTER_CLASSES)
    run.figure(
        "confusion",
        figures.draw_confusion(confusion_matrix(label, guess, labels=names), names),
        caption="Percent of each true class; eclipsing and young stars share their confusions "
        "with the published matrix.",
    )
    run.table(
        "synergy",
        scores.synergy(blocks, label, rng=run.seed),
        caption="Which modalities tell the classes apart: linear classifier, 5-fold.",
    )
    test = held_out(table["source_id"].to_numpy())
    seventeen = np.hstack([fifteen, blocks["log f"], blocks["log std"]])
    best = scores.best_classifier(seventeen, label, test, rng=run.seed)
    run.record(
        "balanced accuracy, our best",
        scores.balanced(label[test], best, rng=run.seed),
        provenance=REAL,
        note="networks and boosted trees on 17 numbers, held-out fifth",
    )


@experiment(
    title="A map of the published portraits",
    claims=[
        Claim("purity of 15 neighbours on our map"),
        Claim("purity of 15 neighbours on the published map"),
        Claim("trustworthiness of our map"),
        Claim("trustworthiness of the published map"),
        Claim("adjusted mutual information of clusters and classes, our map"),
        Claim("adjusted mutual information of clusters and classes, the published map"),
    ],
    data=["latents"],
    presets=("standard", "paper"),
)
def map_and_clusters(run: Run) -> None:
    """Parametric UMAP of latents, frequency and amplitude, beside the published map; clusters."""
    from sklearn.metrics import adjusted_mutual_info_score

    from ..umap import ParametricUMAP

    table = run.load("latents")
    known = {label: name for name, labels in POSTER_CLASSES.items() for label in labels}
    table = table.assign(name=table["literature_label"].map(known)).dropna(subset=["name"])
    chosen = np.sort(run.rng.permutation(len(table))[:12_000])
    table = table.iloc[chosen]
    blocks = scores.blocks_of(table)
    features = np.hstack([*blocks.values()])
    # So many stars need few passes over their edges.
    ours = ParametricUMAP(epochs=8, random_state=run.seed).fit_transform(features)
    theirs = table[["umap_1", "umap_2"]].to_numpy(float)
    label = table["name"].to_numpy(str)
    for name, place in (("our", ours), ("the published", theirs)):
        run.record(
            f"purity of 15 neighbours on {name} map",
            scores.neighbour_purity(place, label),
            provenance=REAL,
            n=len(label),
        )
        run.record(
            f"trustworthiness of {name} map",
            scores.trust(features, place, run.rng),
            provenance=REAL,
            n=len(label),
        )
        found = scores.clusters(place)
        inside = found >= 0
        run.record(
            f"adjusted mutual information of clusters and classes, {name} map",
            float(adjusted_mutual_info_score(label[inside], found[inside])),
            provenance=REAL,
            n=int(inside.sum()),
            note=f"{found.max() + 1} clusters hold {inside.mean():.0%} of the stars",
        )
        if place is ours:
            run.table(
                "clusters",
                scores.cluster_table(found, label),
                caption="Clusters of our map (HDBSCAN) and the class of most of their stars.",
            )
    strange = find_outliers(features, source_id=table["source_id"].to_numpy())
    strange["literature label"] = table["literature_label"].to_numpy()[strange["row"]]
    run.table(
        "strangest",
        strange[["source_id", "literature label", "score"]].head(50).round(2),
        caption="The fifty loneliest stars in the space of latents, frequency and amplitude.",
    )
    run.figure(
        "map",
        figures.draw_map(ours, label),
        caption="Published portraits on our map, coloured by literature class.",
    )
