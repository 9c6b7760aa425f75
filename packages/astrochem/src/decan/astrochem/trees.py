"""Boosted trees read out leaf by leaf, and explained exactly in float64.

A leaf asks for a few features at most. Which of its conditions a row meets is a pattern of
bits, and the Shapley value of each feature depends on that pattern alone. So the values of
all patterns are put into a table once, and a row only looks up its patterns. For the
interventional game the table rests on how often the background meets each set of
conditions, which makes a background of thousands of rows as cheap as one of ten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .games import interaction_operator, shapley_operator

__all__ = ["Forest"]

Floats = NDArray[np.float64]
Bits = NDArray[np.int64]
_MOST_CONDITIONS = 8
_MOST_CELLS = 200_000


@dataclass(frozen=True)
class Forest:
    """The leaves of a boosted ensemble: value, conditions, and share of training rows.

    Parameters
    ----------
    tree : array of int, shape (n_leaves,)
        Tree of each leaf; leaves of a tree stand together.
    value : array of float, shape (n_leaves,)
        What a leaf adds.
    feature : array of int, shape (n_leaves, k)
        Features that a leaf asks for, -1 where fewer.
    low, high : array of float32, shape (n_leaves, k)
        A condition is met where ``low <= x < high``.
    share : array of float, shape (n_leaves, k)
        Share of training rows that follow the branch at each condition.
    base : float
        What stands before all trees.
    n_features : int
        Number of features.

    Examples
    --------
    >>> from xgboost import XGBRegressor
    >>> X = np.random.default_rng(0).random((64, 2))
    >>> model = XGBRegressor(n_estimators=5, max_depth=2).fit(X, X[:, 0])
    >>> forest = Forest.from_xgboost(model.get_booster())
    >>> bool(np.allclose(forest.predict(X), model.predict(X), atol=1e-6))
    True
    """

    tree: NDArray[np.int64]
    value: Floats
    feature: NDArray[np.int64]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    share: Floats
    base: float
    n_features: int

    @classmethod
    def from_xgboost(cls, booster: Any) -> Forest:
        """Leaves of an XGBoost booster of one target and numerical features.

        Parameters
        ----------
        booster : xgboost.Booster
            With at most eight different features on a path.

        Returns
        -------
        Forest

        Raises
        ------
        ValueError
            If a path asks for more than eight features, or splits are categorical.
        """
        model = json.loads(booster.save_raw("json"))["learner"]
        base = float(str(model["learner_model_param"]["base_score"]).strip("[]").split(",")[0])
        rows: list[tuple[int, float, dict[int, list[float]]]] = []
        for number, tree in enumerate(model["gradient_booster"]["model"]["trees"]):
            if any(tree["split_type"]):
                raise ValueError("booster: categorical splits cannot be explained here")
            rows += [(number, *leaf) for leaf in _leaves_of(tree)]
        widest = max(len(conditions) for *_, conditions in rows)
        if widest > _MOST_CONDITIONS:
            raise ValueError(
                f"booster: a path asks for {widest} features, exact tables take at most "
                f"{_MOST_CONDITIONS}; use a smaller max_depth"
            )
        shape = (len(rows), max(widest, 1))
        feature = np.full(shape, -1)
        low = np.full(shape, -np.inf, dtype=np.float32)
        high = np.full(shape, np.inf, dtype=np.float32)
        share = np.ones(shape)
        for i, (_, _, conditions) in enumerate(rows):
            for k, (name, (lower, upper, ratio)) in enumerate(sorted(conditions.items())):
                feature[i, k], low[i, k], high[i, k], share[i, k] = name, lower, upper, ratio
        return cls(
            tree=np.array([row[0] for row in rows]),
            value=np.array([row[1] for row in rows]),
            feature=feature,
            low=low,
            high=high,
            share=share,
            base=base,
            n_features=int(model["learner_model_param"]["num_feature"]),
        )

    def predict(self, X: Floats) -> Floats:
        """Sum of leaves in float64, with the rows rounded to float32 as XGBoost compares them.

        Parameters
        ----------
        X : array of float, shape (n, n_features)
            Rows.

        Returns
        -------
        array of float, shape (n,)
        """
        full = 2 ** self.feature.shape[1] - 1
        out = np.full(len(X), self.base)
        for leaves, cells, back in self._cells(np.asarray(X, np.float32)):
            out += ((cells == full) @ self.value[leaves])[back]
        return out

    def shapley(
        self, X: Floats, background: Floats | None, *, interactions: bool = False
    ) -> tuple[Floats, float, Floats | None]:
        """Exact Shapley values of each row.

        Parameters
        ----------
        X : array of float, shape (n, n_features)
            Rows to explain.
        background : array of float, shape (m, n_features), or None
            Rows over which absent features are averaged, all features of a row together
            (interventional). None takes the shares of training rows along the branches
            (path-dependent).
        interactions : bool
            Whether Shapley interactions are wanted too.

        Returns
        -------
        values : array of float, shape (n, n_features)
        base : float
            The mean that the values start from.
        interactions : array of float, shape (n, n_features, n_features), or None
        """
        k = self.feature.shape[1]
        present = self._met_together(background)
        base = self.base + float(self.value @ present[:, -1])
        n, d = len(X), self.n_features
        values = np.zeros((n, d))
        table = self._spread(self._table(present, shapley_operator(k)))
        pairs = matrix = None
        if interactions:
            operator = interaction_operator(k).reshape(k * k, -1)
            pairs = self._spread_pairs(self._table(present, operator))
            matrix = np.zeros((n, pairs.shape[2]))
        n_patterns = table.shape[1]
        flat = table.reshape(-1, d)
        for leaves, cells, back in self._cells(np.asarray(X, np.float32)):
            place = cells + n_patterns * np.arange(leaves.start, leaves.stop)
            values += _looked_up(flat, place)[back]
            if pairs is not None and matrix is not None:
                matrix += _looked_up(pairs.reshape(-1, pairs.shape[2]), place)[back]
        if matrix is None:
            return values, base, None
        return values, base, _symmetric(matrix, d)

    def _table(self, present: Floats, operator: Floats) -> Floats:
        """What each pattern of a leaf gives to its players, shape (leaves, patterns, players)."""
        k = self.feature.shape[1]
        patterns = np.arange(2**k)
        # Coalition S is worth the leaf if the row meets all of S and the background the rest.
        met = (patterns[:, None] & patterns[None]) == patterns[None]
        weights = met[:, None, :] * operator[None]
        rest = present[:, patterns[::-1]] * self.value[:, None]
        return np.asarray(np.einsum("ls,pks->lpk", rest, weights, optimize=True))

    def _met_together(self, background: Floats | None) -> Floats:
        """Share of rows that meet every set of conditions of a leaf, shape (leaves, sets)."""
        n_leaves, k = self.feature.shape
        sets = np.arange(2**k)
        if background is None:
            chosen = (sets[:, None] >> np.arange(k)) & 1 == 1
            return np.asarray(np.prod(np.where(chosen[None], self.share[:, None, :], 1.0), axis=2))
        counts = np.zeros((n_leaves, 2**k))
        for leaves, cells, back in self._cells(np.asarray(background, np.float32)):
            times = np.bincount(back, minlength=len(cells))
            for offset in range(cells.shape[1]):
                counts[leaves.start + offset] = np.bincount(
                    cells[:, offset], weights=times, minlength=2**k
                )
        for bit in range(k):  # sums over supersets
            without = sets[(sets >> bit) & 1 == 0]
            counts[:, without] += counts[:, without | 1 << bit]
        return counts / len(background)

    def _cells(self, X: NDArray[np.float32]) -> Any:
        """Patterns of the distinct cells of each tree, and the cell of each row.

        Yields the slice of a tree's leaves, patterns of shape (cells, leaves), and for each
        row the number of its cell.
        """
        edges, rank = [], []
        for j in range(self.n_features):
            uses = self.feature == j
            cuts = np.unique(np.r_[self.low[uses], self.high[uses]])
            cuts = cuts[np.isfinite(cuts)]
            edges.append(cuts)
            rank.append(np.searchsorted(cuts, X[:, j], side="right"))
        starts = np.r_[0, np.flatnonzero(np.diff(self.tree)) + 1, len(self.tree)]
        for begin, end in pairwise(starts):
            leaves = slice(int(begin), int(end))
            yield leaves, *self._tree_cells(leaves, edges, rank, len(X))

    def _tree_cells(
        self, leaves: slice, edges: list[Any], rank: list[Any], n: int
    ) -> tuple[Bits, Bits]:
        feature, low, high = self.feature[leaves], self.low[leaves], self.high[leaves]
        code = np.zeros(n, dtype=np.int64)
        n_cells, parts = 1, []
        for j in np.unique(feature[feature >= 0]):
            uses = feature == j
            cuts = np.unique(np.r_[low[uses], high[uses]])
            cuts = cuts[np.isfinite(cuts)]
            # A row's place among this tree's cuts follows from its place among all cuts.
            every = np.r_[-np.inf, edges[j]]
            place = np.asarray(np.searchsorted(cuts, every, side="right"))
            code += n_cells * place[rank[j]]
            inner = np.r_[np.float32(-np.inf), cuts][:, None, None]
            met = uses & (low <= inner) & (inner < high)
            bits = (met * (1 << np.arange(feature.shape[1]))).sum(axis=2)
            parts.append((n_cells, len(cuts) + 1, bits))
            n_cells *= len(cuts) + 1
        if n_cells <= _MOST_CELLS:
            occupied = np.flatnonzero(np.bincount(code, minlength=n_cells))
            number = np.empty(n_cells, dtype=np.int64)
            number[occupied] = np.arange(len(occupied))
            back = number[code]
        else:
            occupied, back = np.unique(code, return_inverse=True)
        always = ((feature < 0) * (1 << np.arange(feature.shape[1]))).sum(axis=1)
        patterns = np.broadcast_to(always, (len(occupied), len(always))).copy()
        for stride, size, bits in parts:
            patterns += bits[occupied // stride % size]
        return patterns, back

    def _spread(self, table: Floats) -> Floats:
        """Values of a leaf's players as values of features."""
        n_leaves, n_patterns, k = table.shape
        out = np.zeros((n_leaves, n_patterns, self.n_features))
        for j in range(k):
            real = np.flatnonzero(self.feature[:, j] >= 0)
            out[real, :, self.feature[real, j]] += table[real, :, j]
        return out

    def _spread_pairs(self, table: Floats) -> Floats:
        """Interactions of a leaf's players as the upper triangle of features' interactions."""
        n_leaves, n_patterns, kk = table.shape
        k, d = round(kk**0.5), self.n_features
        out = np.zeros((n_leaves, n_patterns, d * (d + 1) // 2))
        place = _triangle(d)
        for a in range(k):
            for b in range(k):
                first, second = self.feature[:, a], self.feature[:, b]
                real = np.flatnonzero((first >= 0) & (second >= 0) & (first <= second))
                out[real, :, place[first[real], second[real]]] += table[real, :, a * k + b]
        return out


def _leaves_of(tree: dict[str, Any]) -> list[tuple[float, dict[int, list[float]]]]:
    """Value and merged conditions (low, high, share of rows) of each leaf of a tree."""
    left, right = tree["left_children"], tree["right_children"]
    feature, cut, cover = tree["split_indices"], tree["split_conditions"], tree["sum_hessian"]
    leaves = []
    stack: list[tuple[int, dict[int, list[float]]]] = [(0, {})]
    while stack:
        node, conditions = stack.pop()
        if left[node] == -1:
            leaves.append((float(np.float32(cut[node])), conditions))
            continue
        j, at = feature[node], float(np.float32(cut[node]))
        for child, is_left in ((right[node], False), (left[node], True)):
            low, high, share = conditions.get(j, [-np.inf, np.inf, 1.0])
            low, high = (low, min(high, at)) if is_left else (max(low, at), high)
            ratio = cover[child] / cover[node]
            stack.append((child, {**conditions, j: [low, high, share * ratio]}))
    return leaves


def _looked_up(table: Floats, place: Bits) -> Floats:
    """Sum over leaves of the table's rows, one leaf at a time to keep memory small."""
    total = table[place[:, 0]]
    for leaf in range(1, place.shape[1]):
        total += table[place[:, leaf]]
    return total


def _triangle(d: int) -> NDArray[np.int64]:
    place = np.zeros((d, d), dtype=np.int64)
    upper = np.triu_indices(d)
    place[upper] = np.arange(len(upper[0]))
    return place


def _symmetric(flat: Floats, d: int) -> Floats:
    out = np.zeros((len(flat), d, d))
    rows, columns = np.triu_indices(d)
    out[:, rows, columns] = flat
    out[:, columns, rows] = flat
    return out
