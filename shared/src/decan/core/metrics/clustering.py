"""Whether clusters are stable from seed to seed, and whether they agree with known classes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from ._checks import IntArray, as_labels
from .estimate import Estimate, bootstrap, summarise

__all__ = ["cluster_stability", "purity"]


def cluster_stability(labels_by_seed: Sequence[ArrayLike]) -> Estimate:
    """Adjusted Rand index averaged over all pairs of clusterings of the same objects.

    Names of clusters do not matter. A noise label (-1, say) counts as one cluster.

    Parameters
    ----------
    labels_by_seed : sequence of array_like, each of shape (n,)
        Cluster of every object, for two or more seeds.

    Returns
    -------
    Estimate
        1 for equal partitions, 0 for chance; ``low`` and ``high`` are the 16th and 84th
        percentile over pairs of seeds, and ``n`` is the number of objects.

    Raises
    ------
    ValueError
        If there are fewer than two clusterings or their lengths differ.

    References
    ----------
    Hubert & Arabie 1985, Journal of Classification 2, 193.

    Examples
    --------
    >>> cluster_stability([[0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]]).value
    1.0
    """
    from sklearn.metrics import adjusted_rand_score

    if len(labels_by_seed) < 2:
        raise ValueError(
            f"labels_by_seed: found {len(labels_by_seed)} clusterings, expected at least 2"
        )
    n = len(as_labels("labels_by_seed[0]", labels_by_seed[0]))
    clusterings = [
        as_labels(f"labels_by_seed[{seed}]", labels, n=n)
        for seed, labels in enumerate(labels_by_seed)
    ]
    pairs = np.array([adjusted_rand_score(one, two) for one, two in combinations(clusterings, 2)])
    return summarise(float(pairs.mean()), pairs, n=n)


def purity(
    y_true: ArrayLike,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Share of objects that belong to the most frequent class of their cluster.

    It rises with the number of clusters, up to 1 for one object each: compare it only
    between clusterings of equal size.

    Parameters
    ----------
    y_true : array_like, shape (n,)
        Known class of each object.
    labels : array_like, shape (n,)
        Its cluster.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        Between the share of the largest class and 1.

    Raises
    ------
    ValueError
        If lengths differ or a label is NaN.

    References
    ----------
    Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, section 16.3.

    Examples
    --------
    >>> purity(["RR", "RR", "EB", "EB"], [0, 0, 0, 1]).value
    0.75
    """
    truth = as_labels("y_true", y_true)
    classes, class_codes = np.unique(truth, return_inverse=True)
    clusters, cluster_codes = np.unique(
        as_labels("labels", labels, n=len(truth)), return_inverse=True
    )
    shape = len(clusters), len(classes)

    def majority_share(cells: IntArray) -> float:
        table = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        return float(table.max(axis=1).sum() / len(cells))

    cells = cluster_codes * shape[1] + class_codes
    return bootstrap(majority_share, cells, groups=groups, n_boot=n_boot, rng=rng)
