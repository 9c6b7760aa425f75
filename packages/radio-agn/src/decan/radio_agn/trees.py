"""Extremely randomised trees on hand-made features: the cheap baseline, and half the answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import ExtraTreesClassifier

__all__ = ["fit_trees", "tree_logs"]


def fit_trees(
    features: ArrayLike,
    allowed: ArrayLike,
    *,
    n_trees: int = 150,
    min_leaf: int = 2,
    random_state: int = 0,
) -> ExtraTreesClassifier:
    """Trees for every class of a table of what labels allow.

    Parameters
    ----------
    features : array_like, shape (n, n_features)
        NaN takes a value below all others.
    allowed : array_like, shape (n, n_classes)
        Rows that allow several classes take part once for each, with equal shares.
    n_trees, min_leaf : int
        Number of trees and smallest leaf.
    random_state : int
        Seed.

    Returns
    -------
    sklearn.ensemble.ExtraTreesClassifier

    Examples
    --------
    >>> trees = fit_trees([[0.0], [0.1], [1.0], [1.1]], np.eye(2)[[0, 0, 1, 1]], n_trees=5,
    ...                   min_leaf=1)
    >>> tree_logs(trees, [[0.05]], 2).argmax()
    np.int64(0)
    """
    table, shares = _filled(features), np.asarray(allowed, dtype=float)
    rows, classes = np.nonzero(shares > 0)
    weight = shares[rows, classes] / shares.sum(axis=1)[rows]
    count = np.bincount(classes, weight, minlength=shares.shape[1])
    weight = weight * (len(shares) / np.maximum(count, 1e-9) / shares.shape[1])[classes]
    trees = ExtraTreesClassifier(
        n_trees, min_samples_leaf=min_leaf, max_features=0.15, random_state=random_state, n_jobs=1
    )
    return trees.fit(table[rows], classes, sample_weight=weight)


def tree_logs(
    trees: ExtraTreesClassifier, features: ArrayLike, n_classes: int
) -> NDArray[np.float64]:
    """Log probabilities by the trees, never minus infinity.

    Parameters
    ----------
    trees : sklearn.ensemble.ExtraTreesClassifier
        From :func:`fit_trees`.
    features : array_like, shape (n, n_features)
        Features.
    n_classes : int
        Number of classes, also of those that no training row allowed.

    Returns
    -------
    ndarray of float, shape (n, n_classes)

    Examples
    --------
    >>> trees = fit_trees([[0.0], [1.0]], np.eye(2), n_trees=5, min_leaf=1)
    >>> np.exp(tree_logs(trees, [[0.0]], 3)).shape
    (1, 3)
    """
    table = _filled(features)
    p = np.zeros((len(table), n_classes))
    if len(table):
        p[:, trees.classes_] = trees.predict_proba(table)
    n_trees = len(trees.estimators_)
    return np.log((p + 0.5 / n_trees) / (1 + 0.5 * n_classes / n_trees))


def _filled(features: ArrayLike) -> NDArray[np.float32]:
    return np.nan_to_num(np.asarray(features, dtype=np.float32), nan=-1e4, posinf=-1e4, neginf=-1e4)
