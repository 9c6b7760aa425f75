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
from .blend import PairBlend, log_mean
from .crossval import cross_validate, training_rows
from .trees import fit_trees, tree_logs

__all__ = ["BENT", "PAIR", "asked_shares", "bent_labels", "judge_bent", "pair_blend"]

BENT = ("WAT", "NAT")
"""The two classes, in the order of the columns."""
PAIR = (2, 3)
"""Their columns among all classes."""

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


def asked_shares(pool: Pool) -> NDArray[np.float32]:
    """Shares of :func:`bent_labels`, NaN for rows outside of the convention.

    Parameters
    ----------
    pool : Pool
        The given images.

    Returns
    -------
    ndarray of float32, shape (n, 2)

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"catalogue": ["Proctor raw", "Gendre"], "label": ["WAT", "WAT"],
    ...                       "certain": [True, True]})
    >>> asked_shares(Pool([], table, np.eye(5, dtype=bool)[[2, 2]])).tolist()
    [[1.0, 0.0], [nan, nan]]
    """
    shares, rows = bent_labels(pool)
    shares[~np.isin(np.arange(len(shares)), rows)] = np.nan
    return shares


def judge_bent(
    pool: Pool,
    stamps: NDArray[Any],
    features: NDArray[Any],
    general: NDArray[np.float64],
    folder: str | os.PathLike[str],
    start: str | os.PathLike[str],
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    epochs: int = 12,
) -> dict[str, NDArray[np.float64]]:
    """Wide or narrow, out of fold, by specialists and by the networks for all morphologies.

    Parameters
    ----------
    pool : Pool
        The given images.
    stamps, features : ndarray
        What networks and trees see.
    general : ndarray, shape (n, 2)
        Log probabilities of WAT and NAT by the networks for all morphologies, out of fold.
    folder : path-like
        Keeps the specialists.
    start : path-like
        Folder of the networks whose encoders are their beginning.
    seeds : tuple of int
        Specialists for each fold.
    epochs : int
        Passes over the rows of the convention.

    Returns
    -------
    dict of str to ndarray, shape (n, 2)
        ``specialists``, ``trees`` and ``general``: log probabilities; ``blended``:
        probabilities by specialists and general networks, weights of each fold from the
        other folds.

    Examples
    --------
    >>> found = judge_bent(pool, stamps, features, logs, "bent", "first")  # doctest: +SKIP
    >>> found["blended"].shape  # doctest: +SKIP
    (3714, 2)
    """
    shares, rows = bent_labels(pool)
    members = cross_validate(
        pool,
        stamps,
        folder,
        seeds=seeds,
        epochs=epochs,
        rows=rows,
        allowed=shares,
        start=start,
        learning_rate=2e-3,
    )
    fold = pool.table["fold"].to_numpy()
    specialists = log_mean(members[:, fold, np.arange(len(pool))])
    trees, blended = np.zeros_like(specialists), np.zeros_like(specialists)
    for one in np.unique(fold):
        here = fold == one
        chosen = np.intersect1d(training_rows(pool, int(one)), rows)
        sure = chosen[pool.table["certain"].to_numpy()[chosen].astype(bool)]
        forest = fit_trees(features[sure], shares[sure], n_trees=300, min_leaf=3)
        trees[here] = tree_logs(forest, features[here], 2)
        blend = pair_blend(pool, training_rows(pool, int(one)), general, specialists)
        blended[here] = blend(general[here], specialists[here])
    return {"general": general, "specialists": specialists, "trees": trees, "blended": blended}


def pair_blend(pool: Pool, rows: NDArray[np.intp], *opinions: NDArray[np.float64]) -> PairBlend:
    """Weights of opinions on wide or narrow, by the labels of all catalogues as they are.

    Parameters
    ----------
    pool : Pool
        The given images.
    rows : ndarray of int
        Rows to weigh them on; those that are called a WAT or a NAT are used.
    *opinions : ndarray, shape (n, 2)
        Log probabilities out of fold.

    Returns
    -------
    PairBlend

    Examples
    --------
    >>> allowed = np.eye(5, dtype=bool)[[2, 3, 2, 3, 0]]
    >>> logs = np.log([[0.9, 0.1], [0.1, 0.9], [0.8, 0.2], [0.2, 0.8], [0.5, 0.5]])
    >>> pair_blend(Pool([], None, allowed), np.arange(5), logs).weights[0] > 0
    True
    """
    hard = pool.allowed[rows].sum(axis=1) == 1
    used = rows[hard & pool.allowed[rows][:, list(PAIR)].any(axis=1)]
    return PairBlend.fit([one[used] for one in opinions], pool.allowed[used, PAIR[1]])
