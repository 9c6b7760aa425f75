"""Which models look alike, and how sure one may be of it: UMAP, groups, and their stability.

Coordinates of UMAP are not distances and change with the seed. So groups are those on which
runs with different seeds agree, and trustworthiness and agreement stand beside every map.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decan.core.metrics import Estimate, cluster_stability

from .ratios import RatioTable

__all__ = ["Embedding", "Groups", "embed", "group", "ratio_types", "standardised"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Embedding:
    """A map of models in two dimensions.

    Parameters
    ----------
    coordinates : array of float, shape (n, 2)
        Places; only neighbourhoods mean something.
    features : array of float, shape (n, n_features)
        What was embedded.
    settings : dict
        Settings of UMAP and the seed.
    n_repeated : int
        Rows that repeat another row; they share its place.
    trustworthiness : float
        How far neighbours on the map are neighbours in truth, 1 is best.

    Examples
    --------
    >>> Embedding(np.zeros((3, 2)), np.zeros((3, 9)), {"seed": 0}, 2, 1.0).n_repeated
    2
    """

    coordinates: Floats
    features: Floats
    settings: dict[str, Any]
    n_repeated: int
    trustworthiness: float


@dataclass(frozen=True)
class Groups:
    """Groups of models, and how stable they are over seeds.

    Parameters
    ----------
    labels : array of int, shape (n,)
        Group of each model, -1 for none.
    probability : array of float, shape (n,)
        Share of seeds that put a model with the rest of its group.
    stability : Estimate
        Mean adjusted Rand index between the labels of different seeds; NaN for one seed.
    consensus_stability : float
        Adjusted Rand index between the groups of two halves of the seeds: how far these
        groups would be found again with other seeds. NaN for fewer than four seeds.
    stability_by_group : dict of int to float
        Mean Jaccard index of each group with its best match in each seed's labels.
    embedding : Embedding
        The map of the first seed.

    Examples
    --------
    >>> map_ = Embedding(np.zeros((3, 2)), np.zeros((3, 9)), {"seed": 0}, 2, 1.0)
    >>> Groups(np.array([0, 0, -1]), np.ones(3), Estimate(0.9), 1.0, {0: 0.9}, map_)
    <Groups: 1 group of 2 models, 1 in none; adjusted Rand index over seeds 0.90>
    """

    labels: NDArray[np.int64]
    probability: Floats
    stability: Estimate
    consensus_stability: float
    stability_by_group: dict[int, float]
    embedding: Embedding

    @property
    def kept(self) -> list[int]:
        """Groups that the seeds agree on: mean Jaccard index of 0.7 or more."""
        return [number for number, value in self.stability_by_group.items() if value >= 0.7]

    def describe(self, table: RatioTable) -> pd.DataFrame:
        """Each group in words: its models, parameters, and the ratio that separates it best.

        Parameters
        ----------
        table : RatioTable
            Of the same models.

        Returns
        -------
        pandas.DataFrame
            A row a group: number of models, stability, median of each parameter with its
            quartiles, and the ratio with the largest AUC against all other models.
        """
        rows = []
        for number in sorted(set(self.labels.tolist()) - {-1}):
            inside = self.labels == number
            row: dict[str, Any] = {
                "group": number,
                "models": int(inside.sum()),
                "stability": self.stability_by_group.get(number, float("nan")),
            }
            name, power, typical = _separating(table, inside)
            row |= {"separated by": name, "AUC": power, "its median [dex]": typical}
            for parameter, column in table.inputs.items():
                low, mid, high = np.percentile(column.to_numpy()[inside], [25, 50, 75])
                row[str(parameter)] = f"{mid:.3g} ({low:.3g}, {high:.3g})"
            rows.append(row)
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        sizes = np.unique(self.labels[self.labels >= 0], return_counts=True)[1]
        plural = "" if len(sizes) == 1 else "s"
        return (
            f"<Groups: {len(sizes)} group{plural} of {', '.join(map(str, sizes))} models, "
            f"{int((self.labels < 0).sum())} in none; adjusted Rand index over seeds "
            f"{self.stability.value:.2f}>"
        )


def standardised(table: RatioTable) -> Floats:
    """Ratios as features of the same scale, masked ones at the limit that an observation gives.

    Parameters
    ----------
    table : RatioTable
        Ratios with their limits.

    Returns
    -------
    array of float, shape (n, n_ratios)
        Mean 0 and standard deviation 1 in each column.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> standardised(simulate_grid(16, rng=0).ratios()).shape
    (16, 9)
    """
    values = table.limits.to_numpy(dtype=float)
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def embed(
    features: ArrayLike,
    *,
    n_neighbors: int = 30,
    min_dist: float = 0.0,
    metric: str = "euclidean",
    n_components: int = 2,
    seed: int = 0,
) -> Embedding:
    """Map of rows by UMAP, the same on every call with the same seed.

    Rows that repeat another row (models clipped at the same floor) are embedded once and
    share their place: repeats are what makes UMAP depend on chance.

    Parameters
    ----------
    features : array_like, shape (n, n_features)
        Standardised.
    n_neighbors, min_dist, metric, n_components
        As in umap-learn. More neighbours and no least distance than are usual there: maps for
        finding groups, which differ less from seed to seed.
    seed : int
        Seed.

    Returns
    -------
    Embedding

    Raises
    ------
    ValueError
        If a feature is not finite, or there are fewer distinct rows than neighbours.

    References
    ----------
    McInnes, Healy & Melville 2018, arXiv:1802.03426.

    Examples
    --------
    >>> embed([[0.0], [1.0]])
    Traceback (most recent call last):
    ...
    ValueError: features: 2 distinct rows, fewer than n_neighbors + 2 = 32
    """
    rows = np.asarray(features, dtype=np.float64)
    if not np.isfinite(rows).all():
        place = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(f"features, row {place[0]}, column {place[1]}: not finite")
    distinct, back = np.unique(rows, axis=0, return_inverse=True)
    if len(distinct) < n_neighbors + 2:
        raise ValueError(
            f"features: {len(distinct)} distinct rows, fewer than n_neighbors + 2 = "
            f"{n_neighbors + 2}"
        )
    from sklearn.manifold import trustworthiness

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        mapper = umap.UMAP(
            n_neighbors=n_neighbors,
            min_dist=min_dist,
            metric=metric,
            n_components=n_components,
            random_state=seed,
            n_jobs=1,
        )
        places = np.asarray(mapper.fit_transform(distinct), dtype=np.float64)
    trust = trustworthiness(distinct, places, n_neighbors=5, metric=metric)
    return Embedding(
        coordinates=places[np.ravel(back)],
        features=rows,
        settings={
            "n_neighbors": n_neighbors,
            "min_dist": min_dist,
            "metric": metric,
            "seed": seed,
            "n_components": n_components,
        },
        n_repeated=len(rows) - len(distinct),
        trustworthiness=float(trust),
    )


def group(embedding: Embedding, *, min_cluster_size: int = 30, n_seeds: int = 10) -> Groups:
    """Groups on which maps with different seeds agree.

    Each seed gives a map and HDBSCAN gives groups on it; the share of seeds that put two
    models together is a similarity, on which the final groups are found.

    Parameters
    ----------
    embedding : Embedding
        The map of the first seed; its settings serve the other seeds.
    min_cluster_size : int
        Fewest models of a group.
    n_seeds : int
        Number of maps; 1 takes the groups of this map, without any statement on stability.

    Returns
    -------
    Groups

    Raises
    ------
    ValueError
        If a group may be smaller than two models.

    References
    ----------
    Campello, Moulavi & Sander 2013; Strehl & Ghosh 2002 (consensus of clusterings).

    Examples
    --------
    >>> places = np.random.default_rng(0).normal(size=(60, 2)) + 20 * (np.arange(60) % 2)[:, None]
    >>> map_ = Embedding(places, places, {"seed": 0}, 0, 1.0)
    >>> len(set(group(map_, min_cluster_size=10, n_seeds=1).labels.tolist()) - {-1})
    2
    """
    if min_cluster_size < 2:
        raise ValueError(f"min_cluster_size: {min_cluster_size}; a group needs two models")
    maps = [embedding]
    for step in range(1, n_seeds):
        settings = {**embedding.settings, "seed": embedding.settings["seed"] + step}
        maps.append(embed(embedding.features, **settings))
    labels = [_clusters(one.coordinates, min_cluster_size) for one in maps]
    if n_seeds == 1:
        alone = Estimate(float("nan"), float("nan"), float("nan"), 1)
        return Groups(labels[0], np.ones(len(labels[0])), alone, float("nan"), {}, embedding)
    together = _together(labels)
    final = _consensus(together, min_cluster_size)
    halves = [_consensus(_together(labels[k::2]), min_cluster_size) for k in (0, 1)]
    again = cluster_stability(halves).value if n_seeds >= 4 else float("nan")
    probability = np.array(
        [
            together[i, (final == final[i]) & (np.arange(len(final)) != i)].mean()
            if final[i] >= 0
            else 0.0
            for i in range(len(final))
        ]
    )
    by_group = {
        number: float(np.mean([_jaccard(final == number, one) for one in labels]))
        for number in sorted(set(final.tolist()) - {-1})
    }
    return Groups(final, probability, cluster_stability(labels), again, by_group, embedding)


def ratio_types(profiles: pd.DataFrame, *, n_types: int = 3) -> pd.DataFrame:
    """Types of ratio: those that rest on the same parameters.

    Parameters
    ----------
    profiles : DataFrame
        A row a ratio, a column a parameter: mean absolute Shapley values, dex.
    n_types : int
        Number of types.

    Returns
    -------
    pandas.DataFrame
        ``ratio``, ``type``, the two leading parameters, and the shares of each parameter.

    Raises
    ------
    ValueError
        If there are fewer ratios than types.

    Examples
    --------
    >>> shares = pd.DataFrame({"T_K": [3.0, 2.9, 0.1], "fC": [0.1, 0.2, 3.0]}, index=list("abc"))
    >>> types = ratio_types(shares, n_types=2).set_index("ratio")["type"]
    >>> bool(types["a"] == types["b"] != types["c"])
    True
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(profiles) < n_types:
        raise ValueError(f"profiles: {len(profiles)} ratios, fewer than {n_types} types")
    shares = profiles.div(profiles.sum(axis=1), axis=0)
    labels = fcluster(linkage(shares.to_numpy(), method="ward"), n_types, criterion="maxclust")
    leading = [
        ", ".join(map(str, row.sort_values(ascending=False).index[:2]))
        for _, row in shares.iterrows()
    ]
    frame = pd.DataFrame({"ratio": shares.index, "type": labels, "rests on": leading})
    return pd.concat([frame, shares.reset_index(drop=True)], axis=1).sort_values(
        "type", ignore_index=True
    )


def _clusters(places: Floats, min_cluster_size: int) -> NDArray[np.int64]:
    from sklearn.cluster import HDBSCAN

    # Rows that share a place would make a density of infinity: each place counts once.
    distinct, back = np.unique(places, axis=0, return_inverse=True)
    back = np.ravel(back)
    smallest = max(2, min(min_cluster_size, len(distinct) // 2))
    found = (
        HDBSCAN(min_cluster_size=smallest, min_samples=max(2, smallest // 3), copy=True)
        .fit(distinct)
        .labels_
    )
    return np.asarray(found[back], dtype=np.int64)


def _together(labels: list[NDArray[np.int64]]) -> Floats:
    """Share of labellings that put each two models into one group."""
    return np.asarray(
        np.mean([(one[:, None] == one[None]) & (one[:, None] >= 0) for one in labels], axis=0)
    )


def _consensus(together: Floats, min_cluster_size: int) -> NDArray[np.int64]:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    apart = 1.0 - together
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), method="average")
    raw = fcluster(tree, 0.5, criterion="distance")
    labels = np.full(len(raw), -1, dtype=np.int64)
    sizes = {number: int((raw == number).sum()) for number in np.unique(raw)}
    large = sorted(
        (n for n, size in sizes.items() if size >= min_cluster_size), key=lambda n: -sizes[n]
    )
    for new, old in enumerate(large):
        labels[raw == old] = new
    return labels


def _jaccard(inside: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    best = 0.0
    for number in set(labels[inside].tolist()) - {-1}:
        other = labels == number
        best = max(best, float((inside & other).sum() / (inside | other).sum()))
    return best


def _separating(table: RatioTable, inside: NDArray[np.bool_]) -> tuple[str, float, float]:
    from sklearn.metrics import roc_auc_score

    best = ("", 0.5, float("nan"))
    for name in table.names:
        values = table.values[name].to_numpy(dtype=float)
        seen = np.isfinite(values)
        if len(set(inside[seen].tolist())) < 2:
            continue
        power = roc_auc_score(inside[seen], values[seen])
        if max(power, 1 - power) > best[1]:
            best = (name, float(max(power, 1 - power)), float(np.median(values[seen & inside])))
    return best
