"""Wide or narrow? The one question on which catalogues disagree, asked in one convention.

Proctor 2011 named bent sources by eye, with question marks; her names in two of the given
catalogues are one convention. Networks start from the encoders that know all morphologies
and learn this question alone; a question mark makes a label soft.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import Pool
from .blend import cross_blend
from .crossval import cross_validate, training_rows
from .trees import fit_trees, tree_logs

__all__ = ["BENT", "bent_labels", "judge_bent"]

BENT = ("WAT", "NAT")
"""The two classes, in the order of the columns."""

_EPOCHS = 12
_DOUBT = 0.25


def bent_labels(pool: Pool) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Soft labels of wide and narrow tails in Proctor's convention.

    Parameters
    ----------
    pool : Pool
        The given images.

    Returns
    -------
    shares : ndarray of float32, shape (n, 2)
        Shares of WAT and NAT; a quarter goes to the other where the name has a question
        mark, one half each where it is not of the convention.
    rows : ndarray of int
        Rows of the convention.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"catalogue": ["Proctor raw", "Proctor raw", "Gendre"],
    ...                       "label": ["WAT", "NAT", "WAT"], "certain": [True, False, True]})
    >>> allowed = np.eye(5, dtype=bool)[[2, 3, 2]]
    >>> shares, rows = bent_labels(Pool([], table, allowed))
    >>> shares.tolist(), rows.tolist()
    ([[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]], [0, 1])
    """
    table = pool.table
    ours = table["catalogue"].isin(["Proctor_Tab1", "Proctor raw"]) & table["label"].isin(BENT)
    shares = np.full((len(table), 2), 0.5, dtype=np.float32)
    rows = np.flatnonzero(ours)
    sure = table["certain"].to_numpy()[rows].astype(bool)
    named = pool.allowed[rows][:, [2, 3]].astype(np.float32)
    shares[rows] = np.where(sure[:, None], named, (1 - 2 * _DOUBT) * named + _DOUBT)
    return shares, rows


def judge_bent(
    pool: Pool,
    stamps: NDArray[Any],
    features: NDArray[Any],
    folder: str | os.PathLike[str],
    start: str | os.PathLike[str],
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
) -> dict[str, NDArray[np.float64]]:
    """Wide or narrow, out of fold, by specialists.

    Parameters
    ----------
    pool : Pool
        The given images.
    stamps, features : ndarray
        What networks and trees see.
    folder : path-like
        Keeps the networks.
    start : path-like
        Folder of the networks for all morphologies, whose encoders are the beginning.
    seeds : tuple of int
        Networks for each fold.

    Returns
    -------
    dict of str to ndarray, shape (n, 2)
        ``networks`` and ``trees``: log probabilities; ``blended``: probabilities, weight and
        temperature of each fold from the convention's rows in the other folds.

    Examples
    --------
    >>> found = judge_bent(pool, stamps, features, "bent", "networks")  # doctest: +SKIP
    >>> found["blended"].shape  # doctest: +SKIP
    (3714, 2)
    """
    shares, rows = bent_labels(pool)
    members = cross_validate(
        pool,
        stamps,
        folder,
        seeds=seeds,
        epochs=_EPOCHS,
        rows=rows,
        allowed=shares,
        start=start,
        learning_rate=2e-3,
    )
    fold = pool.table["fold"].to_numpy()
    own = members[:, fold, np.arange(len(pool))]
    networks = np.log(np.exp(own).mean(axis=0))
    trees = np.zeros_like(networks)
    for one in np.unique(fold):
        here = fold == one
        chosen = np.intersect1d(training_rows(pool, int(one)), rows)
        sure = pool.table["certain"].to_numpy()[chosen].astype(bool)
        chosen = chosen[sure]
        forest = fit_trees(features[chosen], shares[chosen], n_trees=300, min_leaf=3)
        trees[here] = tree_logs(forest, features[here], 2)
    blended = np.zeros_like(networks)
    inside = np.isin(np.arange(len(pool)), rows)
    hard = shares > 0.5
    blended[inside], blends = cross_blend(
        networks[inside], trees[inside], hard[inside], fold[inside]
    )
    for one, blend in zip(np.unique(fold[inside]), blends, strict=True):
        rest = ~inside & (fold == one)
        blended[rest] = blend(networks[rest], trees[rest])
    return {"networks": networks, "trees": trees, "blended": blended}
