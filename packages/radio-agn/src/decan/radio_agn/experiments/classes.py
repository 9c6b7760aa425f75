"""Four classes, FRI against FRII, MiraBest, and rare classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.experiment import Run, experiment
from decan.core.experiment.claims import REAL, Claim
from decan.core.metrics import Estimate, bootstrap, mcnemar

from ..archive import CLASSES
from ..blend import Blend
from ..crossval import training_rows
from ..evaluation import morphology_scores
from ..fitting import network_logits
from ..plots import plot_confusion, plot_reliability
from ..shipped import RECIPES
from ..trees import fit_trees, tree_logs
from .material import Material, material, pair, plain_network

_FOUR = list(CLASSES[:4])
_V2 = "Hossain et al. 2026 (v2), abstract; other images and labels"
_TRIED_ON = 1
_MIRABEST_CONFIDENT = ("100", "102", "104", "200", "201")


@experiment(
    title="Four classes: straight FRI and FRII, wide and narrow tails",
    claims=[
        Claim("macro-F1", 0.79, source=_V2, goal=0.68, headline=True),
        Claim("macro-F1, networks alone", 0.79, source=_V2, goal=0.68),
        Claim("macro-F1, features and trees", goal=0.589),
        Claim("accuracy", goal=None),
        Claim("ECE", 0.07, source=_V2, goal=0.05, better="lower", headline=True),
    ],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def four_classes(run: Run) -> None:
    """The protocol of the paper's second version on the given folds.

    Networks of two training cycles, trees on hand-made features and specialists for wide
    against narrow tails, blended; weights and temperature come from the other folds. All are
    trained on the three catalogues less the fold's groups and the groups of MiraBest's test
    batch, and judged on first_morph. Intervals resample groups.
    """
    m = material(run)
    rows = np.flatnonzero(m.morph & m.table["label"].isin(_FOUR))
    y, groups = m.table["label"].to_numpy()[rows], m.table["group"].to_numpy()[rows]
    p = {
        "blend": _four(m.blended[rows]),
        "networks": _four(np.exp(m.mean_network[rows])),
        "trees": _four(np.exp(m.trees[rows])),
    }
    scores = {
        name: morphology_scores(y, q, _FOUR, groups=groups, n_boot=200, rng=run.seed)
        for name, q in p.items()
    }
    run.record("macro-F1", scores["blend"]["macro F1"], provenance=m.provenance)
    run.record("macro-F1, networks alone", scores["networks"]["macro F1"], provenance=m.provenance)
    run.record("macro-F1, features and trees", scores["trees"]["macro F1"], provenance=m.provenance)
    run.record("accuracy", scores["blend"]["accuracy"], provenance=m.provenance)
    run.record(
        "ECE",
        scores["blend"]["ECE"],
        provenance=m.provenance,
        note="10 bins of equal mass; weight and temperature from the other folds",
    )
    _single_seeds(run, m, rows, y)
    _untouched(run, m, rows, y, groups)
    _plain_control(run, m)
    _learning(run, m)
    _difference(run, m, p, y, groups)
    _by_catalogue(run, m, rows, y, p["blend"])
    run.table("scores", _score_table(scores), caption="Out-of-fold scores, 68% intervals by group.")
    guess = np.array(_FOUR)[p["blend"].argmax(axis=1)]
    run.figure("confusion", plot_confusion(y, guess, _FOUR),
               caption="Labels against predictions; shares of each label and counts.")  # fmt: skip
    curves = {
        name: (q.argmax(axis=1) == [_FOUR.index(label) for label in y], q.max(axis=1))
        for name, q in p.items()
    }
    run.figure("reliability", plot_reliability(curves),
               caption="How often the most probable class is right: the blend lies on the "
               "diagonal, trees alone are too modest.")  # fmt: skip


@experiment(
    title="FRI against FRII",
    claims=[
        Claim("accuracy", goal=0.90),
        Claim(
            "ROC AUC", 0.99, source="Hossain et al. 2023 (arXiv 2306.00031), MiraBest", goal=0.96
        ),
    ],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def fri_frii(run: Run) -> None:
    """Straight sources alone: the same networks and trees, restricted to two classes."""
    m = material(run)
    rows = np.flatnonzero(m.morph & m.table["label"].isin(["FRI", "FRII"]))
    y, groups = m.table["label"].to_numpy()[rows], m.table["group"].to_numpy()[rows]
    scores = morphology_scores(
        y, pair(m.blended[rows], 0, 1), ["FRI", "FRII"], groups=groups, n_boot=200, rng=run.seed
    )
    run.record("accuracy", scores["accuracy"], provenance=m.provenance)
    run.record("ROC AUC", scores["ROC AUC"], provenance=m.provenance)
    run.record("macro-F1", scores["macro F1"], provenance=m.provenance)


@experiment(
    title="MiraBest Confident, the original test batch",
    claims=[
        Claim(
            "test error",
            0.0779,
            source="Slijepcevic et al. 2024 (arXiv 2305.16127), 145 labels, RGZ pre-training",
            goal=0.08,
            better="lower",
            headline=True,
        ),
        Claim("test error, one seed", goal=0.08, better="lower"),
        Claim("test error, networks and trees", goal=0.08, better="lower"),
        Claim("test error, features and trees, MiraBest labels", goal=0.154, better="lower"),
    ],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def mirabest(run: Run) -> None:
    """Error on the 104 confident sources of the test batch, whose groups nobody was shown.

    All labels of the three catalogues but those of the test groups; an answer counts as FRI
    if FRI, WAT and NAT together are more probable than FRII. Five seeds: the networks in five
    groups, one for each fold that was left out.
    """
    m = material(run)
    tested = m.table["code"].isin(_MIRABEST_CONFIDENT) & m.table["batch"].eq("test_batch")
    rows = np.flatnonzero(tested) if tested.any() else np.flatnonzero(
        m.table["label"].isin(["FRI", "FRII"])
    )  # fmt: skip
    frii = m.allowed[rows, 1]
    trees = _mirabest_trees(m, rows)
    five = [np.log(np.exp(m.all_members[:, fold, rows]).mean(axis=0)) for fold in range(5)]
    wrong = np.array([_frii(net) != frii for net in five])
    joint = np.log(np.exp(m.all_members[:, :, rows]).mean(axis=(0, 1)))
    run.record(
        "test error",
        bootstrap(np.mean, (_frii(joint) != frii).astype(float), n_boot=200, rng=run.seed),
        provenance=m.provenance,
        note="ensemble of all networks",
    )
    run.record(
        "test error, one seed",
        Estimate(float(wrong.mean()), *_band(wrong.mean(axis=1)), n=len(rows)),
        provenance=m.provenance,
        note="mean and spread of five groups of networks, one for each fold left out",
    )
    run.record(
        "test error, networks and trees",
        float((_frii(_with_trees(m, rows, joint)) != frii).mean()),
        n=len(rows),
        provenance=m.provenance,
        note="weight and temperature from the rows outside the test groups",
    )
    run.record(
        "test error, features and trees, MiraBest labels",
        float((_frii(trees) != frii).mean()),
        n=len(rows),
        provenance=m.provenance,
    )


@experiment(
    title="When narrow tails are rare",
    claims=[Claim("recall of NAT at 10%, weighted"), Claim("recall of NAT at 10%, unweighted")],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def imbalance(run: Run) -> None:
    """Recall of NAT when their share in the training set falls from 50 to 10 per cent.

    Trees on features, so that every share can be tried in each fold; WAT and NAT of all
    catalogues, with and without weights for the classes.
    """
    import pandas as pd

    m = material(run)
    bent = m.table["label"].isin(["WAT", "NAT"]).to_numpy() & m.table["certain"].to_numpy(bool)
    nat, fold = m.allowed[:, 3], m.table["fold"].to_numpy()
    out: list[dict[str, Any]] = []
    for share in (0.5, 0.4, 0.3, 0.2, 0.1):
        hits: dict[str, list[bool]] = {"weighted": [], "unweighted": []}
        for one in range(5):
            here, rest = bent & (fold == one), np.flatnonzero(bent & (fold != one))
            if m.table["test_batch"].any():
                rest = np.intersect1d(rest, training_rows(_pool(m), one))
            wats, nats = rest[~nat[rest]], rest[nat[rest]]
            keep = max(5, round(len(wats) * share / (1 - share)))
            nats = run.rng.permutation(nats)[: min(keep, len(nats))]
            wats = run.rng.permutation(wats)[: round(len(nats) * (1 - share) / share)]
            chosen = np.concatenate([wats, nats])
            two = m.allowed[chosen][:, [2, 3]]
            seen = m.features[here & nat]
            # Larger leaves than elsewhere: a rare class must be able to win one.
            forest = fit_trees(m.features[chosen], two, min_leaf=8, random_state=run.seed)
            prior = two.mean(axis=0)
            log_p = tree_logs(forest, seen, 2)
            hits["weighted"] += list(log_p[:, 1] > log_p[:, 0])
            shifted = log_p + np.log(prior)
            hits["unweighted"] += list(shifted[:, 1] > shifted[:, 0])
        for name, found in hits.items():
            out.append({"share of NAT": share, "classes": name, "recall": float(np.mean(found)),
                        "n": len(found)})  # fmt: skip
    table = pd.DataFrame(out)
    for name in ("weighted", "unweighted"):
        last = table[(table["share of NAT"] == 0.1) & (table["classes"] == name)].iloc[0]
        run.record(f"recall of NAT at 10%, {name}", float(last["recall"]), n=int(last["n"]),
                   provenance=m.provenance)  # fmt: skip
    run.table("recall", table, caption="Recall of NAT against their share in the training set.")
    run.figure("recall", _recall_plot(table),
               caption="Recall of NAT: without weights it falls with their share.")  # fmt: skip


def _four(p: NDArray[np.float64]) -> NDArray[np.float64]:
    four = p[:, :4]
    return np.asarray(four / four.sum(axis=1, keepdims=True))


def _frii(log_p: NDArray[np.float64]) -> NDArray[np.bool_]:
    p = np.exp(log_p)
    return np.asarray(p[:, 1] > p[:, 0] + p[:, 2] + p[:, 3])


def _band(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [0.16, 0.84])
    return float(low), float(high)


def _pool(m: Material) -> Any:
    from ..archive import Pool

    return Pool(m.images, m.table, m.allowed)


def _mirabest_trees(m: Material, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Trees on MiraBest's confident training labels alone, as a cheap baseline."""
    table = m.table
    trained = table["code"].isin(_MIRABEST_CONFIDENT) & ~table["test_batch"]
    chosen = np.flatnonzero(trained) if trained.any() else np.flatnonzero(
        table["label"].isin(["FRI", "FRII"]) & table["fold"].ne(0)
    )  # fmt: skip
    return tree_logs(
        fit_trees(m.features[chosen], m.allowed[chosen]), m.features[rows], len(CLASSES)
    )


def _with_trees(
    m: Material, rows: NDArray[np.intp], networks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log probabilities of the blend, all of it made without the rows' groups."""
    rest = ~m.table["test_batch"].to_numpy() & ~m.table["blank"].to_numpy()
    if m.table["test_batch"].any():
        rest &= np.isin(np.arange(len(m.table)), training_rows(_pool(m), -1))
    else:
        rest[rows] = False
    blend = Blend.fit(m.mean_network[rest], m.trees[rest], m.allowed[rest])
    forest = fit_trees(m.features[rest], m.allowed[rest])
    return np.log(blend(networks, tree_logs(forest, m.features[rows], len(CLASSES))))


def _learning(run: Run, m: Material) -> None:
    """Training loss against epoch: what a longer training might gain."""
    from decan.core.plotting import new_axes

    if m.provenance != REAL:
        return
    recipe, keep = RECIPES["shipped"], run.folder.parent / "kept"
    ax = new_axes(figsize=(4.8, 3.2))
    begun = 0
    for folder in (recipe.first_folder(keep), recipe.folder(keep)):
        losses = []
        for file in sorted(folder.glob("*.npz")):
            with np.load(file, allow_pickle=False) as kept:
                losses.append(kept["loss"])
        curves = np.array(losses)
        epochs = begun + np.arange(1, curves.shape[1] + 1)
        ax.plot(epochs, curves.T, color="0.7", lw=0.7)
        ax.plot(epochs, curves.mean(axis=0), lw=2, color="C0")
        begun = int(epochs[-1])
    ax.set_xlabel("epoch")
    ax.set_ylabel("training loss")
    told = (
        "Training loss of each network (grey) and their mean over two cycles of learning rates; "
        "the second asks wide against narrow tails once more, so that its loss has one term more."
    )
    run.figure("learning", ax, caption=told)


def _untouched(
    run: Run, m: Material, rows: NDArray[np.intp], y: NDArray[Any], groups: NDArray[Any]
) -> None:
    """The score without the fold on which the second cycle was tried."""
    rest = m.table["fold"].to_numpy()[rows] != _TRIED_ON
    p = _four(m.blended[rows])[rest]
    found = morphology_scores(y[rest], p, _FOUR, groups=groups[rest], n_boot=200, rng=run.seed)
    run.record(
        "macro-F1, folds no choice has looked at",
        found["macro F1"],
        provenance=m.provenance,
        note=f"without fold {_TRIED_ON}, an inner validation split of which chose the training",
    )


def _plain_control(run: Run, m: Material) -> None:
    """An ordinary network of the same depth and training beside the equivariant one, one fold."""
    if m.provenance != REAL:
        return
    fold0 = m.morph & m.table["label"].isin(_FOUR).to_numpy() & m.table["fold"].eq(0).to_numpy()
    rows = np.flatnonzero(fold0)
    y, groups = m.table["label"].to_numpy()[rows], m.table["group"].to_numpy()[rows]
    truth = np.array([_FOUR.index(label) for label in y])
    plain = network_logits(plain_network(run, m), m.stamps[rows])
    answers = {"plain": plain, "equivariant": m.first_cycle[0][rows]}
    right = {}
    for name, logs in answers.items():
        p = _four(np.exp(logs))
        found = morphology_scores(y, p, _FOUR, groups=groups, n_boot=200, rng=run.seed)
        run.record(f"macro-F1 of the first fold, {name} network", found["macro F1"],
                   provenance=m.provenance, note="first cycle, one seed")  # fmt: skip
        right[name] = (p.argmax(axis=1) == truth).astype(float)
    run.record(
        "accuracy of the first fold, equivariant minus plain",
        bootstrap(
            np.mean, right["equivariant"] - right["plain"], groups=groups, n_boot=200, rng=run.seed
        ),
        provenance=m.provenance,
        note="paired, first cycle, one seed",
    )


def _single_seeds(run: Run, m: Material, rows: NDArray[np.intp], y: NDArray[Any]) -> None:
    cycles = {"second cycle": m.networks, "first cycle": m.first_cycle}
    for name, networks in cycles.items():
        found = [
            morphology_scores(y, _four(np.exp(net[rows])), _FOUR)["macro F1"].value
            for net in networks
        ]
        run.record(
            f"macro-F1, one network a fold, {name}",
            Estimate(float(np.mean(found)), min(found), max(found), n=len(rows)),
            provenance=m.provenance,
            note=f"mean, smallest and largest of {len(found)} seeds",
        )


def _difference(
    run: Run, m: Material, p: dict[str, NDArray[np.float64]], y: NDArray[Any], groups: NDArray[Any]
) -> None:
    truth = np.array([_FOUR.index(label) for label in y])
    right = {name: q.argmax(axis=1) == truth for name, q in p.items()}
    for other in ("trees", "networks"):
        gain = right["blend"].astype(float) - right[other]
        run.record(
            f"accuracy, blend minus {other}",
            bootstrap(np.mean, gain, groups=groups, n_boot=200, rng=run.seed),
            provenance=m.provenance,
        )
    test = mcnemar(truth, p["networks"].argmax(axis=1), p["trees"].argmax(axis=1))
    run.note(f"Networks against trees, McNemar: {test}")


def _by_catalogue(
    run: Run, m: Material, rows: NDArray[np.intp], y: NDArray[Any], p: NDArray[np.float64]
) -> None:
    import pandas as pd

    catalogue = m.table["catalogue"].to_numpy()[rows]
    truth = np.array([_FOUR.index(label) for label in y])
    table = pd.DataFrame(
        [
            {
                "catalogue": name,
                "n": int((catalogue == name).sum()),
                "accuracy": float((p.argmax(1) == truth)[catalogue == name].mean()),
                "classes": ", ".join(sorted(set(y[catalogue == name]))),
            }
            for name in sorted(set(catalogue))
        ]
    )
    run.table("by catalogue", table, caption="Classes and catalogues are confounded.")


def _score_table(scores: dict[str, dict[str, Estimate]]) -> Any:
    import pandas as pd

    return pd.DataFrame(
        [
            {"score": name, **{who: str(found[name]) for who, found in scores.items()}}
            for name in next(iter(scores.values()))
        ]
    )


def _recall_plot(table: Any) -> Any:
    from decan.core.plotting import new_axes

    ax = new_axes(figsize=(4.8, 3.4))
    for name, part in table.groupby("classes"):
        ax.plot(100 * part["share of NAT"], part["recall"], marker="o", label=name)
    ax.set_xlabel("share of NAT in the training set (%)")
    ax.set_ylabel("recall of NAT")
    ax.set_ylim(0, 1)
    ax.legend()
    return ax
