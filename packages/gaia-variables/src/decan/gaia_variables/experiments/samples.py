"""What the experiments share: their stars, their classifiers, their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.experiment import REAL, SIMULATED, Provenance, Run
from decan.core.metrics import Estimate, balanced_accuracy, bootstrap, roc_auc
from decan.core.plotting import COLOURS, new_axes, style

from . import plots
from .archive import DATASETS, held_out
from .cleaning import LightCurveCleaner
from .dmdt import DmDtBinner
from .folding import Folded, LightCurveFolder
from .lightcurves import LightCurves
from .parity import load_weights
from .periods import PeriodFinder
from .pipeline import Portraits, VariablesPipeline
from .simulate import simulate_stars
from .vae import DmDtVAE, FoldedVAE
from .xp import XPSpectra

if TYPE_CHECKING:
    import pandas as pd

__all__: list[str] = []

_SIMULATED_FIVE = {
    "RRab": "RR",
    "RRc": "RR",
    "DCEP": "CEP",
    "EA": "ECL",
    "EB": "ECL",
    "EW": "ECL",
    "Mira": "LPV",
    "SR": "LPV",
    "DSCT": "DSCT",
    "GDOR": "DSCT",
}


@dataclass(frozen=True)
class RealStars:
    """All real light curves with their classes and own frequencies."""

    curves: LightCurves
    clean: LightCurves
    frequency: NDArray
    label: NDArray
    table: pd.DataFrame
    extra: NDArray


@dataclass(frozen=True)
class Stars:
    """Stars of five classes with their portraits."""

    clean: LightCurves
    portraits: Portraits
    label: NDArray
    provenance: Provenance


def real_stars(run: Run) -> RealStars:
    """Real light curves; the search for periods is done once a process."""
    run.load("lightcurves")
    run.load("lightcurve-sources")
    return _real_stars()


@lru_cache(maxsize=1)
def _real_stars() -> RealStars:
    curves = DATASETS.load("lightcurves")
    table = DATASETS.load("lightcurve-sources").set_index("source_id").loc[curves.source_id]
    clean = LightCurveCleaner().transform(curves)
    frequency = PeriodFinder().transform(clean).best
    used = clean.used()
    deviation = np.array(
        [used.mag[a:b].std(ddof=1) for a, b in zip(used.start[:-1], used.start[1:], strict=True)]
    )
    extra = np.log10(np.stack([frequency, deviation], axis=1))
    return RealStars(curves, clean, frequency, table["best_class_name"].to_numpy(str), table, extra)


def five_classes(run: Run, *, most: int) -> Stars:
    """Held-out real stars where they are at hand, else simulated ones, with portraits."""
    pipeline = VariablesPipeline.pretrained()
    if run.has("lightcurves") and run.has("lightcurve-sources"):
        curves = run.load("lightcurves")
        run.load("lightcurve-sources")
        kept = np.flatnonzero(held_out(curves.source_id))
        kept = np.sort(np.random.default_rng(run.seed).permutation(kept)[:most])
        found = _portraits(tuple(kept.tolist()))
        names = DATASETS.load("lightcurve-sources").set_index("source_id")["best_class_name"]
        clean = pipeline.cleaner.transform(curves[kept])
        return Stars(clean, found, names.loc[found.source_id].to_numpy(str), REAL)
    stars = simulate_stars(min(most, 1000), classes=list(_SIMULATED_FIVE), rng=run.seed)
    run.used("simulated stars of five classes", provenance=SIMULATED, n=len(stars))
    found = pipeline.transform(stars.curves, frequency=stars.truth["dominant_frequency"])
    label = stars.truth["class_name"].map(_SIMULATED_FIVE).to_numpy(str)
    return Stars(pipeline.cleaner.transform(stars.curves), found, label, SIMULATED)


@lru_cache(maxsize=8)
def _portraits(rows: tuple[int, ...]) -> Portraits:
    curves = DATASETS.load("lightcurves")[np.array(rows)]
    return VariablesPipeline.pretrained().transform(curves)


def linear(x: NDArray, y: NDArray, new: NDArray) -> NDArray:
    """Classes by the linear classifier of the published protocol."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=300, tol=1e-3)
    )
    middle = np.nanmean(x, axis=0)
    model.fit(np.where(np.isfinite(x), x, middle), y)
    return np.asarray(model.predict(np.where(np.isfinite(new), new, middle)))


def cross_validated(x: NDArray, y: NDArray, *, rng: int, fit: Any = linear) -> NDArray:
    """Out-of-fold classes of stratified 5-fold validation; each row is a star."""
    from sklearn.model_selection import StratifiedKFold

    out = np.empty(len(y), dtype=y.dtype)
    for train, test in StratifiedKFold(5, shuffle=True, random_state=rng).split(x, y):
        out[test] = fit(x[train], y[train], x[test])
    return out


def balanced(y: NDArray, guess: NDArray, *, rng: int | None = None) -> Estimate:
    """Balanced accuracy with its interval."""
    return balanced_accuracy(y, guess, n_boot=200 if rng is not None else 0, rng=rng)


def best_classifier(x: NDArray, y: NDArray, test: NDArray, *, rng: int) -> NDArray:
    """Networks and boosted trees together, classes of equal weight, for the held-out stars."""
    return _blend(x[~test], y[~test], x[test], rng)


def _blend(x: NDArray, y: NDArray, new: NDArray, rng: int) -> NDArray:
    from sklearn.ensemble import HistGradientBoostingClassifier

    from .classify import VariabilityClassifier

    networks = VariabilityClassifier(3, epochs=30, random_state=rng).fit(x, y)
    trees = HistGradientBoostingClassifier(
        max_iter=250, learning_rate=0.06, max_leaf_nodes=31, l2_regularization=2.0,
        early_stopping=False, random_state=rng,
    ).fit(x, y)  # fmt: skip
    share = np.bincount(np.searchsorted(trees.classes_, y)) / len(y)
    # Trees know the classes as frequent as they are: weigh them equally, as the networks do.
    balanced_trees = np.log(trees.predict_proba(new) + 1e-9) - np.log(share)
    balanced_trees -= np.logaddexp.reduce(balanced_trees, axis=1)[:, None]
    both = balanced_trees + np.log(networks.predict_proba(new) + 1e-9)
    return np.asarray(trees.classes_[both.argmax(axis=1)])


def blocks_of(table: pd.DataFrame) -> dict[str, NDArray]:
    """Latents of each modality of the published table, log f and log std."""
    blocks = {
        name: table[[f"{key}_{k}" for k in range(5)]].to_numpy(float)
        for name, key in (("XP", "xp"), ("fold", "fold"), ("dm|dt", "dmdt"))
    }
    blocks["log f"] = np.log10(table[["frequency"]].to_numpy(float))
    blocks["log std"] = np.log10(table[["magnitude_std"]].to_numpy(float))
    return blocks


def synergy(blocks: Mapping[str, NDArray], label: NDArray, *, rng: int) -> pd.DataFrame:
    """Accuracy of every set of modalities."""
    import pandas as pd
    from sklearn.metrics import f1_score

    latents = ("XP", "fold", "dm|dt")
    sets = [one for k in (1, 2, 3) for one in combinations(latents, k)]
    sets += [("log f", "log std"), (*latents, "log f", "log std")]
    rows = []
    for names in sets:
        guess = cross_validated(np.hstack([blocks[name] for name in names]), label, rng=rng)
        rows.append(
            {
                "input": " + ".join(names),
                "balanced accuracy": round(float(balanced(label, guess)), 4),
                "macro-F1": round(float(f1_score(label, guess, average="macro")), 4),
            }
        )
    return pd.DataFrame(rows)


def residual(vae: Any, xp: XPSpectra, seed: int) -> Estimate:
    """Median absolute residual in percent of the peak, with an interval over stars."""
    off = 100 * np.abs(vae.inverse_transform(vae.transform(xp)) - xp.flux)
    return bootstrap(np.median, off, n_boot=50, rng=seed)


def principal_components(train: NDArray, test: NDArray) -> NDArray:
    """Absolute residuals of five principal components."""
    from sklearn.decomposition import PCA

    pca = PCA(5, random_state=0).fit(train)
    return np.abs(pca.inverse_transform(pca.transform(test)) - test)


def binary_auc(z: NDArray, binary: NDArray, *, rng: int) -> Estimate:
    """Area under the curve of a linear classifier, out of fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )
    score = cross_val_predict(model, z, binary, cv=5, method="decision_function")
    return roc_auc(binary, score, n_boot=200, rng=rng)


def published_encoders(run: Run) -> dict[str, Any]:
    """The published light-curve encoders, from the user's file."""
    models: dict[str, Any] = {"dmdt": DmDtVAE(), "fold": FoldedVAE(compat="huijse2025")}
    for name, model in models.items():
        model.network_ = load_weights(name, run.library.datasets().fetch(f"weights-{name}"))
    return models


def record_parity(run: Run, stars: RealStars, authors: Mapping[str, Any]) -> None:
    """Published latents of the same epochs, recovered."""
    same = stars.table["same_input"].to_numpy(bool)
    clean = LightCurveCleaner(error_floor_mag=0).transform(stars.curves[same])
    published = run.load("latents").set_index("source_id").loc[clean.source_id]
    frequency = stars.table["authors_frequency"].to_numpy(float)[same]
    inputs = {
        "dmdt": DmDtBinner.preset("huijse2025").transform(clean),
        "fold": LightCurveFolder(compat="huijse2025").transform(clean, frequency),
    }
    for key, metric, limit in (
        ("dmdt", "Δm|Δt parity, share within 1e-3", 1e-3),
        ("fold", "folded parity, share within 0.01", 0.01),
    ):
        theirs = published[[f"{key}_{k}" for k in range(5)]].to_numpy()
        off = np.abs(authors[key].transform(inputs[key]) - theirs).max(axis=1)
        run.record(metric, float((off < limit).mean()), provenance=REAL, n=len(off))


def baseline(curves: LightCurves) -> NDArray:
    """Time between first and last epoch in use, days."""
    used = curves.used()
    return used.time_d[used.start[1:] - 1] - used.time_d[used.start[:-1]]


def pull(vae: Any, first: Any, second: Any) -> NDArray:
    """Differences of two halves' latents over their σ."""
    (a, sa), (b, sb) = (vae.transform(half, return_std=True) for half in (first, second))
    return (a - b) / np.hypot(sa, sb)


def simulated_pull(vae: Any, rng: np.random.Generator) -> NDArray:
    """The same for two noise realisations of simulated spectra."""
    stars = simulate_stars(400, rng=rng)
    clean = vae.inverse_transform(vae.transform(stars.xp))
    halves = [
        XPSpectra(
            (clean + stars.xp.err * rng.normal(size=clean.shape)).astype(np.float32),
            stars.xp.err,
            stars.xp.scale,
            stars.xp.status,
        )
        for _ in range(2)
    ]
    return pull(vae, *halves)


def shuffled(curves: LightCurves, stars: NDArray, rng: np.random.Generator) -> LightCurves:
    """Curves of which some have their magnitudes in random order."""
    used = curves.used()
    mag, err = used.mag.copy(), used.mag_err.copy()
    for star in stars:
        own = np.arange(used.start[star], used.start[star + 1])
        order = rng.permutation(own)
        mag[own], err[own] = used.mag[order], used.mag_err[order]
    return LightCurves(used.source_id, used.start, used.time_d, mag, err, used.reason)


def neighbour_purity(place: NDArray, label: NDArray) -> float:
    """Mean share of the 15 nearest on the map that have the same class, over classes."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=16).fit(place).kneighbors(place)[1][:, 1:]
    same = (label[index] == label[:, None]).mean(axis=1)
    return float(np.mean([same[label == name].mean() for name in np.unique(label)]))


def trust(features: NDArray, place: NDArray, rng: np.random.Generator) -> float:
    """Trustworthiness on 3,000 stars."""
    from sklearn.manifold import trustworthiness

    rows = rng.permutation(len(place))[:3000]
    scaled = (features[rows] - features.mean(axis=0)) / features.std(axis=0)
    return float(trustworthiness(scaled, place[rows], n_neighbors=15))


def clusters(place: NDArray, label: NDArray) -> pd.DataFrame:
    """Clusters of the map and their commonest class."""
    import pandas as pd
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(min_cluster_size=120, copy=True).fit_predict(place)
    rows = []
    for k in range(found.max() + 1):
        names, counts = np.unique(label[found == k], return_counts=True)
        best = counts.argmax()
        rows.append(
            {
                "stars": int(counts.sum()),
                "commonest class": names[best],
                "share": round(float(counts[best] / counts.sum()), 3),
            }
        )
    rows.append(
        {"stars": int((found < 0).sum()), "commonest class": "(in no cluster)", "share": np.nan}
    )
    return pd.DataFrame(rows).sort_values("stars", ascending=False)


def draw_classes(stars: Stars) -> Any:
    """One star of each class, folded."""
    pipeline = VariablesPipeline.pretrained()
    folded = pipeline.folder.transform(stars.clean, stars.portraits.frequency)
    return _panels(folded, stars.label, stars.portraits.nll[:, 1], pipeline.fold)


def draw_folded(stars: RealStars, folded: Folded, vae: Any, test: NDArray) -> Any:
    """The same for the held-out real stars."""
    rows = np.flatnonzero(test)
    return _panels(folded[rows], stars.label[rows], vae.score_samples(folded[rows]), vae)


def _panels(folded: Folded, label: NDArray, nll: NDArray, vae: Any) -> Any:
    import matplotlib.pyplot as plt

    names = np.unique(label)
    with style():
        figure, axes = plt.subplots(1, len(names), figsize=(3.1 * len(names), 2.9))
    for ax, name in zip(np.atleast_1d(axes), names, strict=True):
        rows = np.flatnonzero((label == name) & np.isfinite(nll))
        if len(rows):
            # The median star of its class: neither the best nor the worst.
            star = rows[np.argsort(nll[rows])[len(rows) // 2]]
            plots.plot_folded(folded, int(star), vae=vae, title=str(name), ax=ax)
    return figure


def draw_confusion(matrix: NDArray, names: list[str]) -> Any:
    """Confusion matrix."""
    return plots.plot_confusion(matrix, names)


def draw_spectra(vae: Any, xp: XPSpectra) -> Any:
    """Six spectra and their reconstructions."""
    rows = np.linspace(0, len(xp) - 1, 6).astype(int)
    return plots.plot_spectra(xp.flux[rows], other=vae.inverse_transform(vae.transform(xp[rows])))


def draw_shifts(moved: Mapping[str, NDArray]) -> Any:
    """Histogram of the largest shifts."""
    return plots.plot_values(
        {k: v.ravel() for k, v in moved.items()},
        xlabel="Largest shift of a folded latent",
        log=True,
    )


def draw_coverage(pulls: Mapping[str, NDArray]) -> Any:
    """Coverage curves."""
    return plots.plot_coverage({k: v.ravel() for k, v in pulls.items()})


def draw_map(place: NDArray, label: NDArray) -> Any:
    """The map by class."""
    return plots.plot_map(place, classes=label)


def draw_scores(nll: NDArray, spoilt: NDArray) -> Any:
    """Likelihoods of shuffled and untouched curves."""
    rest = np.delete(nll, spoilt)
    return plots.plot_values(
        {"as observed": rest, "shuffled": nll[spoilt]}, xlabel="NLL of a folded point"
    )


def draw_periods(true: NDArray, found: NDArray, hit: NDArray) -> Any:
    """Found against true frequencies."""
    ax = new_axes(figsize=(4.8, 4.4))
    for rows, colour, name in ((hit, "blue", "within 1/T"), (~hit, "red", "missed")):
        ax.loglog(true[rows], found[rows], ".", color=COLOURS[colour], label=name)
    ax.set(xlabel="True frequency (1/d)", ylabel="Found frequency (1/d)")
    ax.legend()
    return ax
