"""Experiments on classes of simulated sources: forests, clusters, responses never seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from ..classify import LatentClassifier, LatentRegressor
from ..factors import SpectralPCA
from ..populations import COMPACT
from .common import models, reference, responses_of, trained

__all__: list[str] = []


@experiment(
    title="Classes of simulated sources",
    data=["sim_acis_8class"],
    claims=[
        Claim("8 classes", goal=0.62, provenance=SIMULATED, headline=True),
        Claim("8 classes, above 1,000 counts", goal=0.78, provenance=SIMULATED),
        Claim("AGN against compact objects", goal=0.73, provenance=SIMULATED),
        Claim("8 classes by clusters", goal=0.45, provenance=SIMULATED),
        Claim("calibration error", goal=0.04, better="lower", provenance=SIMULATED),
        Claim("R2 of log N_H", goal=0.79, provenance=SIMULATED),
        Claim("R2 of hard_ms", goal=0.975, provenance=SIMULATED),
        Claim("R2 of hard_hm", goal=0.955, provenance=SIMULATED),
    ],
)  # fmt: skip
def classes(run: Run) -> None:
    """Eight classes, AGN against compact objects, and physical quantities, from eight latents.

    Scored on the test rows of the reference set, mean over seeds. Classes and column density are
    those that the network's head reads out of eight latents and the logarithm of the counts; it
    was trained on own simulations and saw no row of the set. Hardness ratios are those of the
    reconstruction, with what a forest on latents and counts learns of its misses from the training
    rows. Fitted on these too: clusters of latents, Gaussian or dense, mapped to classes by their
    training members (the paper's way), and forests on the latents of the first seed and on
    principal components of the counts, the baseline. Simulated classes are cleaner than nature.
    """
    data = reference(run)
    truth = data.table["cls"].to_numpy(dtype=str)
    y_train, y_test = truth[data.train], truth[data.test]
    found = [_one_seed(model, data, seed) for seed, model in enumerate(models(run))]
    bright = data.test_counts >= 1000
    every = np.ones(len(y_test), dtype=bool)
    pair = np.isin(y_test, (*COMPACT, "AGN"))
    head = [one["head"] for one in found]
    _record(run, "8 classes", head, y_test, every)
    _record(run, "8 classes, above 1,000 counts", head, y_test, bright)
    _record(run, "8 classes, below 150 counts", head, y_test, data.test_counts < 150)
    _record(run, "8 classes by clusters", [one["clusters"] for one in found], y_test, every)
    _record(run, "8 classes by dense clusters (HDBSCAN)", [one["dense"] for one in found], y_test,
            every)  # fmt: skip
    _record(run, "AGN against compact objects", [one["binary"] for one in found],
            np.isin(y_test, COMPACT), pair)  # fmt: skip
    run.record("calibration error", float(np.mean([one["ece"] for one in found])),
               provenance=SIMULATED, n=len(y_test))  # fmt: skip
    for name in ("log_nh", "hard_ms", "hard_hm"):
        label = {"log_nh": "log N_H"}.get(name, name)
        _record_r2(run, f"R2 of {label}", [one["read"][name] for one in found], name, data)
    _forests(run, found[0]["all latents"], data)
    _figures(run, found[0], y_train, y_test)


@experiment(
    title="Responses never seen",
    presets=("standard", "paper"),
    data=["sim_acis_8class"],
    claims=[
        Claim("accuracy lost on new responses", goal=0.03, better="lower",
              provenance=SIMULATED, headline=True),
    ],
)  # fmt: skip
def new_responses(run: Run) -> None:
    """Trained without two of six responses, tested through those two: what is lost.

    Three folds, so that each response is new once. The network, which names the classes, sees the
    other four only, in a quarter of the passes of the default. The loss is the balanced accuracy
    on test rows through known responses minus that on test rows through new ones.
    """
    import pandas as pd

    held = responses_of(run)
    names = list(held)
    if len(names) < 6:
        run.note("The six real responses are not at hand: nothing to hold back.")
        return
    data = reference(run)
    truth, through = (data.table[c].to_numpy(dtype=str) for c in ("cls", "response"))
    in_train = np.arange(len(truth)) < data.n_train
    rows, lost = [], []
    for fold in range(3):
        new = (names[fold], names[fold + 3])
        known = {name: held[name] for name in names if name not in new}
        model = trained(run, 0, responses=known, label=f"without-{fold}", scale=0.25)
        fresh = np.isin(through, new)
        called = _called(model, data.batch)
        score = {
            name: _accuracy(truth[some], called[some])
            for name, some in (("known", ~in_train & ~fresh), ("new", ~in_train & fresh))
        }
        lost.append(score["known"].value - score["new"].value)
        rows.append({"new responses": ", ".join(new), "known": score["known"].value,
                     "new": score["new"].value, "lost": lost[-1]})  # fmt: skip
    run.table("folds", pd.DataFrame(rows).round(4), caption="Balanced accuracy of eight classes.")
    from decan.core.metrics import Estimate

    half = float(np.std(lost, ddof=1) / np.sqrt(3))
    mean = float(np.mean(lost))
    run.record("accuracy lost on new responses", Estimate(mean, mean - half, mean + half, n=2000),
               provenance=SIMULATED, note="mean and standard error of three folds")  # fmt: skip


@experiment(
    title="What latents tell of the instrument",
    data=["sim_acis_8class"],
    claims=[
        Claim("response named from latents", goal=0.20, better="lower", provenance=SIMULATED),
    ],
)  # fmt: skip
def instrument_leak(run: Run) -> None:
    """How well a forest names the response from the latents; chance is one in six.

    Beside the latents of the source: the latents of channels, which are not told the response.
    """
    from sklearn.ensemble import RandomForestClassifier

    from ..autoencoder import SpectralAutoencoder

    data = reference(run)
    through = data.table["response"].to_numpy(dtype=str)
    if np.unique(through).size < 2:
        run.note("One response only: nothing to tell apart.")
        return
    values = {"response named from latents": [m.transform(data.batch) for m in models(run)]}
    values["response named from latents of channels"] = [
        SpectralAutoencoder.pretrained("channels").transform(data.batch)
    ]
    values["response named from principal components"] = [
        SpectralPCA(8).fit(data.batch.take(data.train)).transform(data.batch)
    ]
    for name, several in values.items():
        called = []
        for seed, z in enumerate(several):
            z = np.nan_to_num(z)
            forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=seed)
            forest.fit(z[data.train], through[data.train])
            called.append(forest.predict(z[data.test]))
        every = np.ones(len(through) - data.n_train, dtype=bool)
        _record(run, name, called, through[data.test], every)


def _one_seed(model: Any, data: Any, seed: int) -> dict[str, Any]:
    from decan.core.metrics import calibration_error

    truth = data.table["cls"].to_numpy(dtype=str)
    y_train, y_test = truth[data.train], truth[data.test]
    latents = model.encode(data.batch)
    train, test = latents.take(data.train), latents.take(data.test)
    clusters = LatentClassifier("clusters", n_clusters=16, random_state=seed).fit(train, y_train)
    dense = LatentClassifier("hdbscan", random_state=seed).fit(train, y_train)
    head = model.class_probabilities(test)
    names, p = head.columns.to_numpy(dtype=str), head.fillna(0).to_numpy()
    right = names[p.argmax(axis=1)] == y_test
    sides = p[:, np.isin(names, COMPACT)].mean(axis=1), p[:, names == "AGN"][:, 0]
    return {
        "all latents": latents, "latents": test, "clusters": clusters.predict(test),
        "dense": dense.predict(test), "binary": sides[0] > sides[1],
        "head": names[p.argmax(axis=1)],
        "ece": float(calibration_error(right, p.max(axis=1), n_bins=10).ece),
        "read": {"log_nh": model.column_density(test), **_hardness(model, data, latents, seed)},
    }  # fmt: skip


def _forests(run: Run, latents: Any, data: Any) -> None:
    """Forests on the training rows: on latents and counts, and on principal components."""
    truth = data.table["cls"].to_numpy(dtype=str)
    y_train, y_test = truth[data.train], truth[data.test]
    every = np.ones(len(y_test), dtype=bool)
    counts = np.log10(np.maximum(data.batch.total, 1.0))
    pca = SpectralPCA(8).fit(data.batch.take(data.train)).transform(data.batch)
    for name, X in (("latents", latents.features()), ("PCA", np.column_stack([pca, counts]))):
        X = np.nan_to_num(X)
        forest = LatentClassifier(random_state=run.seed).fit(X[data.train], y_train)
        _record(run, f"8 classes by a forest on {name}", [forest.predict(X[data.test])], y_test,
                every)  # fmt: skip
    regressor = LatentRegressor(["log_nh"], random_state=run.seed)
    regressor.fit(latents.take(data.train), data.table.iloc[data.train])
    found = regressor.predict(latents.take(data.test))["log_nh"]
    _record_r2(run, "R2 of log N_H by a forest on latents", [found], "log_nh", data)


def _called(model: Any, batch: Any) -> Any:
    """Classes that the network's head names."""
    found = model.class_probabilities(model.encode(batch))
    return found.columns.to_numpy(dtype=str)[found.fillna(0).to_numpy().argmax(axis=1)]


def _hardness(model: Any, data: Any, latents: Any, seed: int) -> dict[str, Any]:
    """Hardness ratios of the test rows: of the reconstruction, its misses learnt in training."""
    from ..grid import CHANNEL_EDGES
    from ..simulate import HARDNESS_BANDS

    shape = model.reconstruct(data.batch)
    middle = (CHANNEL_EDGES[1:] + CHANNEL_EDGES[:-1]) / 2
    s, m, h = (
        shape[:, (middle >= low) & (middle < high)].sum(axis=1)
        for low, high in HARDNESS_BANDS.values()
    )
    ratios = {"hard_ms": (m - s) / (m + s), "hard_hm": (h - m) / (h + m)}
    X = np.column_stack([latents.features(), *ratios.values()])
    missed = {
        name: data.table[name].to_numpy(dtype=float) - ratio for name, ratio in ratios.items()
    }
    regressor = LatentRegressor(ratios, random_state=seed)
    regressor.fit(X[data.train], {name: miss[data.train] for name, miss in missed.items()})
    learnt = regressor.predict(X[data.test])
    return {name: ratio[data.test] + learnt[name].to_numpy() for name, ratio in ratios.items()}


def _accuracy(truth: Any, called: Any) -> Any:
    from decan.core.metrics import balanced_accuracy

    return balanced_accuracy(truth, called, n_boot=200, rng=0)


def _record(run: Run, name: str, called: list[Any], truth: Any, rows: Any) -> None:
    """Mean over seeds with the interval of the test objects."""
    from decan.core.metrics import Estimate

    each = [_accuracy(truth[rows], np.asarray(one)[rows]) for one in called]
    value = float(np.mean([e.value for e in each]))
    half = float(np.mean([e.high - e.low for e in each])) / 2
    told = ", ".join(f"{e.value:.3f}" for e in each)
    run.record(name, Estimate(value, value - half, value + half, n=int(rows.sum())),
               provenance=SIMULATED, note=f"seeds: {told}")  # fmt: skip


def _record_r2(run: Run, label: str, found: list[Any], name: str, data: Any) -> None:
    from decan.core.metrics import Estimate, r2

    truth = data.table[name].to_numpy(dtype=float)[data.test]
    each = []
    for one in found:
        value = np.asarray(one, dtype=float)
        good = np.isfinite(value)
        each.append(r2(truth[good], value[good], n_boot=200, rng=run.seed))
    mean = float(np.mean([e.value for e in each]))
    half = float(np.mean([e.high - e.low for e in each])) / 2
    run.record(label, Estimate(mean, mean - half, mean + half, n=truth.size), provenance=SIMULATED)


def _figures(run: Run, first: Any, y_train: Any, y_test: Any) -> None:
    from ..plots import plot_confusion, plot_latents

    run.figure(
        "confusion", plot_confusion(y_test, first["head"], title="eight latents and counts"),
        caption="Share of each true class that is called each class, simulated test rows.",
    )  # fmt: skip
    run.figure(
        "clusters", plot_confusion(y_test, first["clusters"], title="clusters of latents"),
        caption="The same by clusters of latents, each named by its training members.",
    )  # fmt: skip
    run.figure(
        "latents", plot_latents(first["latents"].values, y_test),
        caption="Latents of the test rows in the two directions that separate classes best.",
    )  # fmt: skip
