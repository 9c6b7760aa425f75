"""How the experiments judge: classifiers, reconstructions, maps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.metrics import Estimate, balanced_accuracy, bootstrap, roc_auc

from ..xp import XPSpectra

if TYPE_CHECKING:
    import pandas as pd


__all__: list[str] = []


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

    from ..classify import VariabilityClassifier

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
    return bootstrap(np.median, off, n_boot=50 if len(off) > 1 else 0, rng=seed)


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


def components(flux: NDArray) -> NDArray:
    """Five principal components of spectra; labels play no part."""
    from sklearn.decomposition import PCA

    return np.asarray(PCA(5, random_state=0).fit_transform(flux))


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


def clusters(place: NDArray) -> NDArray[np.int64]:
    """Over-densities of a map: the leaves of HDBSCAN, -1 for stars in none.

    Islands of the map touch each other; the default choice would join all but one or two.
    """
    from sklearn.cluster import HDBSCAN

    finder = HDBSCAN(
        min_cluster_size=max(15, len(place) // 100), min_samples=15,
        cluster_selection_method="leaf", copy=True,
    )  # fmt: skip
    return np.asarray(finder.fit_predict(place))


def cluster_table(found: NDArray, label: NDArray) -> pd.DataFrame:
    """Each cluster with the class that most of its stars have."""
    import pandas as pd

    rows = []
    for k in range(-1, found.max() + 1):
        names, counts = np.unique(label[found == k], return_counts=True)
        if not len(names):
            continue
        best = counts.argmax()
        rows.append(
            {
                "cluster": str(k) if k >= 0 else "in none",
                "stars": int(counts.sum()),
                "commonest class": names[best],
                "share": round(float(counts[best] / counts.sum()), 3),
            }
        )
    return pd.DataFrame(rows).sort_values("stars", ascending=False)
