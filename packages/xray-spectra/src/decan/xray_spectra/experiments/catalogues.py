"""Experiments on catalogues: what real labels allow, and variability."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

from ..catalogue import CatalogueClassifier, catalogue_features, hardness_features
from ..populations import COMPACT

__all__: list[str] = []

_PAPER = "Pinciroli Vago et al. 2025, abstract (clusters of latents, other sources)"
_YANG = "Yang et al. 2022, leave-one-out classes of the same sources"


@experiment(
    title="Real labels: what can be known",
    data=["muwclass_csc2"],
    presets=("standard", "paper"),
    claims=[
        Claim("8 classes, X-ray alone", 0.40, source=_PAPER, goal=0.46, headline=True),
        Claim("8 classes, all features", 0.702, source=_YANG, goal=0.73),
        Claim("AGN against compact objects, X-ray alone", 0.69, source=_PAPER),
        Claim("calibration error, all features", goal=0.06, better="lower"),
        Claim("calibration error, X-ray alone", goal=0.06, better="lower"),
    ],
)
def labels(run: Run) -> None:
    """2,488 real sources of eight classes: balanced accuracy, five folds repeated five times.

    Three sets of features: hardness ratios and photon index; everything X-ray; everything with
    optical and infrared counterparts. Folds by source, and beside them folds of 1-degree sky
    cells, in which no cluster of young stars is on both sides. A random forest on the same folds
    is the line to beat. Published classes and probabilities are never features.
    """
    import pandas as pd

    table = run.load("muwclass_csc2")
    y = table["True_Class"].to_numpy(dtype=str)
    repeats = 5
    sets = {
        "hardness and index": hardness_features(table),
        "X-ray": catalogue_features(table, counterparts=False),
        "all": catalogue_features(table),
    }
    cells = _cells(table)
    rows, kept = [], {}
    for name, features in sets.items():
        X = features.to_numpy(dtype=float)
        rows_alone = np.arange(len(y))
        found = [_folds(X, y, rows_alone, run.seed + r, forest=r == 0) for r in range(repeats)]
        kept[name] = found
        sky = _folds(X, y, cells, run.seed)
        for method in ("boosted", "forest"):
            scores = [s for one in found for s in one.get(method, {}).get("scores", [])]
            binary = [s for one in found for s in one.get(method, {}).get("binary", [])]
            rows.append(
                {
                    "features": name, "method": method, "balanced accuracy": np.mean(scores),
                    "sd over folds": np.std(scores), "AGN / compact": np.mean(binary),
                    "sd": np.std(binary), "sky folds": _pooled(y, sky[method]["called"]),
                }
            )  # fmt: skip
    run.table(
        "scores", pd.DataFrame(rows).round(4),
        caption="Means over 25 folds by source (the forest: five); folds by sky cell are pooled.",
    )  # fmt: skip
    _record(run, y, kept)
    published = _pooled(y, table["Class"].to_numpy(dtype=str))
    run.record(
        "published leave-one-out classes of the same sources", published, provenance=REAL, n=len(y)
    )
    from ..plots import plot_confusion

    for name, file in (("X-ray", "confusion-x-ray"), ("all", "confusion-all")):
        run.figure(
            file, plot_confusion(y, kept[name][0]["boosted"]["called"], title=name),
            caption=f"Real sources, {name} features, out of fold: share of each true class that is "
            "called each class. Classes of 21 to 53 members have errors of several points.",
        )  # fmt: skip
    run.note(
        "The paper's 40 and 69 % come from clusters of latents of other sources; they stand beside "
        "these numbers as the level at which a representation starts to tell something."
    )


@experiment(
    title="Mutual information of spectra and variability",
    data=["csc2_gmm"],
)
def variability(run: Run) -> None:
    """How many bits hardness tells about variability within an observation, against shuffles.

    Nearest-neighbour estimates for each hardness ratio, index and temperature of 8,736 detections
    of the catalogue; the null is the same estimate after shuffling by source, 200 times.
    """
    import pandas as pd

    from ..relations import mutual_information

    names = ["hard_hm", "hard_hs", "hard_ms", "powlaw_gamma"]
    if run.has("csc2_gmm"):
        table, provenance = run.load("csc2_gmm"), REAL
        good = table["powlaw_gamma"].between(-2.5, 9.5)  # beyond are failed fits
        table = table[good & np.isfinite(table[names]).all(axis=1)]
        targets = ["var_prob_b", "var_ratio_b"]
    else:
        from ..simulate import simulate_spectra

        names, targets, provenance = ["hard_hm", "hard_hs", "hard_ms"], ["log_nh"], SIMULATED
        table = simulate_spectra(600, rng=run.seed).table
        run.note("The catalogue is not at hand: column density of simulated sources stands in.")
        run.used("simulated sources", provenance=SIMULATED, n=len(table))
    limit = 1000 if run.preset == "quick" else 2500
    table = table.sample(min(limit, len(table)), random_state=run.seed)
    n_shuffles = 20 if run.preset == "quick" else 200
    rows = []
    for target in targets:
        y = table[target].to_numpy(dtype=float)
        held = np.isfinite(y)
        found = mutual_information(
            table[names].to_numpy(dtype=float)[held], np.log10(np.maximum(y[held], 1e-6)),
            n_permutations=n_shuffles, rng=run.seed,
        )  # fmt: skip
        for name, bits, p, null in zip(names, found.bits, found.p_value, found.null, strict=True):
            rows.append({"spectrum": name, "variability": target, "bits": bits,
                         "bits, shuffled": null, "p": p})  # fmt: skip
    frame = pd.DataFrame(rows)
    run.table("bits", frame.round(4), caption="Bits a source, and the mean of shuffled copies.")
    best = frame.iloc[int(frame["bits"].to_numpy().argmax())]
    run.record(
        "largest mutual information",
        float(best["bits"]),
        provenance=provenance,
        n=len(table),
        unit="bit",
        note=f"{best['spectrum']} and {best['variability']}",
    )
    run.record(
        "share of pairs above all shuffles",
        float((frame["p"] < 0.05).mean()),
        provenance=provenance,
        n=len(table),
    )


def _folds(X: Any, y: Any, groups: Any, seed: int, *, forest: bool = True) -> dict[str, Any]:
    """Out-of-fold classes of both methods, and scores of each fold."""
    from sklearn.ensemble import RandomForestClassifier

    from decan.core.data.splits import group_folds

    n_classes = np.unique(y).size
    found: dict[str, Any] = {
        name: {"called": np.empty(len(y), dtype=y.dtype), "p": np.zeros((len(y), n_classes)),
               "scores": [], "binary": []}
        for name in (("boosted", "forest") if forest else ("boosted",))
    }  # fmt: skip
    for train, test in group_folds(groups, 5, stratify=y, rng=seed):
        fitted: list[Any] = [
            ("boosted", CatalogueClassifier(random_state=seed).fit(X[train], y[train]), X[test])
        ]
        if forest:
            trees = RandomForestClassifier(
                120, min_samples_leaf=3, class_weight="balanced_subsample", random_state=seed
            ).fit(np.nan_to_num(X[train], nan=-99), y[train])
            fitted.append(("forest", trees, np.nan_to_num(X[test], nan=-99)))
        for name, model, inputs in fitted:
            p = model.predict_proba(inputs)
            called = model.predict(inputs)
            one = found[name]
            one["called"][test], one["p"][test] = called, p
            one["scores"].append(_pooled(y[test], called))
            one["binary"].append(_binary(y[test], p, model.classes_))
    return found


def _binary(y: Any, p: Any, classes: Any) -> float:
    """AGN against compact objects among these alone, each side counting the same."""
    compact = np.isin(classes, COMPACT)
    agn = classes == "AGN"
    rows = np.isin(y, (*COMPACT, "AGN"))
    share = p[rows][:, compact].sum(axis=1)
    # The two sides as if equally common: their shares in the sample are divided out.
    base = np.isin(y[rows], COMPACT).mean()
    odds = share / np.maximum(p[rows][:, agn].sum(axis=1), 1e-9) * (1 - base) / base
    return _pooled(np.isin(y[rows], COMPACT), odds > 1)


def _record(run: Run, y: Any, kept: Any) -> None:
    from decan.core.metrics import Estimate, calibration_error

    for name, label in (("X-ray", "X-ray alone"), ("all", "all features")):
        scores = np.array([np.mean(one["boosted"]["scores"]) for one in kept[name]])
        folds = np.concatenate([one["boosted"]["scores"] for one in kept[name]])
        half = folds.std() / np.sqrt(5)  # five folds hold all sources once
        run.record(
            f"8 classes, {label}",
            Estimate(scores.mean(), scores.mean() - half, scores.mean() + half, n=len(y)),
            provenance=REAL, note=f"sd over folds {folds.std():.3f}",
        )  # fmt: skip
        p = kept[name][0]["boosted"]["p"]
        classes = np.unique(y)
        right = classes[p.argmax(axis=1)] == y
        error = calibration_error(right, p.max(axis=1), n_bins=10)
        run.record(f"calibration error, {label}", error.ece, provenance=REAL)
    binary = np.concatenate([one["boosted"]["binary"] for one in kept["X-ray"]])
    half = binary.std() / np.sqrt(5)
    run.record(
        "AGN against compact objects, X-ray alone",
        Estimate(binary.mean(), binary.mean() - half, binary.mean() + half, n=len(y)),
        provenance=REAL,
    )  # fmt: skip


def _pooled(y: Any, called: Any) -> float:
    from decan.core.metrics import balanced_accuracy

    return float(balanced_accuracy(y, called).value)


def _cells(table: Any) -> Any:
    """Cells of about one degree on the sky."""
    dec = np.floor(table["CSCv2_DEC"].to_numpy(dtype=float)).astype(int)
    width = np.maximum(np.cos(np.radians(dec + 0.5)), 0.02)
    ra = np.floor(table["CSCv2_RA"].to_numpy(dtype=float) * width).astype(int)
    return np.array([f"{d}:{r}" for d, r in zip(dec, ra, strict=True)])
