"""Cross-fitted probabilities of a target with few values: a class, or a coarse bin of redshift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from decan.core.data.splits import group_folds

from .crossfit import pool_weights, score_features
from .inputs import Columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ClassFit", "ClassFitter", "is_discrete"]

MOST_VALUES = 20
_FEWEST_EACH = 10


def is_discrete(y: ArrayLike) -> bool:
    """Whether a target has so few values that it is a class and no measured number.

    Parameters
    ----------
    y : array_like, shape (n,)
        Target.

    Returns
    -------
    bool
        True for at most 20 values that occur ten times each or more.

    Examples
    --------
    >>> is_discrete([0.01, 0.03] * 20), is_discrete(np.arange(40.0))
    (True, False)
    """
    values, counts = np.unique(np.asarray(y), return_counts=True)
    return len(values) <= MOST_VALUES and int(counts.min()) >= _FEWEST_EACH


@dataclass
class ClassFit:
    """Out-of-fold probabilities of the values of a target.

    Parameters
    ----------
    probability : ndarray, shape (n, values)
        Rows add up to 1.
    code : ndarray of int, shape (n,)
        Number of each object's value.
    prior : ndarray, shape (values,)
        Frequencies.

    Examples
    --------
    >>> fit = ClassFit(np.array([[0.9, 0.1]]), np.array([0]), np.array([0.5, 0.5]))
    >>> fit.information().round(3)
    array([0.588])
    """

    probability: NDArray[np.float64]
    code: NDArray[np.intp]
    prior: NDArray[np.float64]

    def information(self) -> NDArray[np.float64]:
        """Pointwise information (nats) of each object, shape (n,)."""
        own = self.probability[np.arange(len(self.code)), self.code]
        return np.asarray(np.log(own) - np.log(self.prior[self.code]))


class ClassFitter:
    """Fits probabilities of a discrete target, with the manners of ``CrossFitter``.

    Logistic regression on normal scores and boosted trees, pooled with the frequencies and with
    the fits of the parts of a union by weights learned on rows of other groups.

    Parameters
    ----------
    folds : int
        Folds by group.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(200, 1))
    >>> fit = ClassFitter(folds=2, rng=0).fit(x, x[:, 0] > 0)
    >>> bool(0.4 < fit.information().mean() < np.log(2))
    True
    """

    def __init__(self, *, folds: int = 5, rng: np.random.Generator | int | None = None) -> None:
        self.folds, self.seed = folds, int(np.random.default_rng(rng).integers(2**31))

    def fit(
        self,
        x: Columns | ArrayLike,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        parts: Sequence[ClassFit] = (),
    ) -> ClassFit:
        """Out-of-fold probabilities of y given x.

        Parameters
        ----------
        x : Columns or array_like, shape (n, d)
            Inputs, NaN where missing.
        y : array_like, shape (n,)
            Target.
        groups : array_like, shape (n,), optional
            Rows of one group are never on both sides of a fold.
        parts : sequence of ClassFit
            Fits from parts of the columns on the same rows, which join the pool.

        Returns
        -------
        ClassFit
        """
        values = x.values if isinstance(x, Columns) else np.asarray(x, dtype=np.float64)
        names, code = np.unique(np.asarray(y), return_inverse=True)
        prior = np.bincount(code) / len(code)
        labels = np.arange(len(code)) if groups is None else np.asarray(groups)
        cuts = group_folds(labels, self.folds, rng=self.seed)
        experts = [np.empty((len(code), len(names))) for _ in range(2)]
        with threadpool_limits(1 if len(code) < 20_000 else None):
            for train, test in cuts:
                for made, out in zip(self._models(values, train, code), experts, strict=True):
                    out[test] = made(values[test])
        candidates = [*experts, *(part.probability for part in parts)]
        candidates.append(np.repeat(prior[None], len(code), axis=0))
        whole = np.empty_like(candidates[0])
        rows = np.arange(len(code))
        for train, test in cuts:
            known = [np.log(np.maximum(c[rows[train], code[train]], 1e-12)) for c in candidates]
            share = pool_weights(np.stack(known, axis=1))
            whole[test] = np.tensordot(share, np.stack([c[test] for c in candidates]), axes=1)
        return ClassFit(whole, code, prior)

    def _models(
        self, values: NDArray[np.float64], train: NDArray[np.intp], code: NDArray[np.intp]
    ) -> list[Any]:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression

        scores = score_features(values[train])
        lines = LogisticRegression(C=1.0, max_iter=500).fit(scores(values[train]), code[train])
        trees = HistGradientBoostingClassifier(
            max_iter=80, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=20,
            l2_regularization=1.0, random_state=self.seed,
        ).fit(values[train], code[train])  # fmt: skip
        return [lambda x: lines.predict_proba(scores(x)), trees.predict_proba]
