"""A shallow tree that says in words what a clustering does, and how faithfully.

The published tree is here too, as numbers of a figure: what it collapses to is part of the
lesson. Six of its seven leaves say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import SchemaError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Node", "SurrogateTree", "published_tree"]


@dataclass(frozen=True)
class Node:
    """A node: a cut and two children, or a leaf.

    Parameters
    ----------
    counts : (int, int)
        Rows of the two clusters that reach it, others and pulsar-like.
    feature : str
        Empty for a leaf.
    threshold : float
        Rows with a value of at most this go left.
    left, right : int
        Numbers of the children, -1 for a leaf.

    Examples
    --------
    >>> Node((30, 10)).gini
    0.375
    """

    counts: tuple[int, int]
    feature: str = ""
    threshold: float = float("nan")
    left: int = -1
    right: int = -1

    @property
    def is_leaf(self) -> bool:
        """Whether it has no children."""
        return self.left < 0

    @property
    def verdict(self) -> bool:
        """Whether most of its rows are pulsar-like."""
        return self.counts[1] > self.counts[0]

    @property
    def gini(self) -> float:
        """Gini impurity."""
        n = sum(self.counts)
        return 1 - sum((count / n) ** 2 for count in self.counts) if n else 0.0


@dataclass(frozen=True)
class SurrogateTree:
    """A decision tree on named features that stands for a clustering.

    Parameters
    ----------
    nodes : tuple of Node
        The first one is the root.

    Examples
    --------
    >>> tree = published_tree()
    >>> tree
    <SurrogateTree: 13 nodes, depth 3, fidelity 0.969 on 1,769 rows>
    >>> print(tree.rules())
    pulsar-like if EP_8_FLUX > -12.387
                or Fpeak4XMM > -11.962
                or VAR_FLAG > 0.5
    """

    nodes: tuple[Node, ...]

    @classmethod
    def fit(
        cls,
        table: pd.DataFrame,
        member: ArrayLike,
        *,
        max_depth: int = 3,
        weight: ArrayLike | None = None,
    ) -> SurrogateTree:
        """Grow a tree that repeats a clustering.

        Parameters
        ----------
        table : DataFrame
            Features.
        member : array_like of bool, shape (n,)
            Whether a row is in the pulsar-like cluster.
        max_depth : int
            Cuts between root and leaf at most.
        weight : array_like, shape (n,), optional
            Weight of each row while growing; counts stay counts of rows.

        Returns
        -------
        SurrogateTree

        Raises
        ------
        ValueError
            If all rows are in one cluster.
        """
        from sklearn.tree import DecisionTreeClassifier

        label = np.asarray(member, dtype=bool)
        if label.all() or not label.any():
            raise ValueError("member: all rows are in one cluster, there is nothing to explain")
        x = table.to_numpy(dtype=float)
        grown = DecisionTreeClassifier(max_depth=max_depth, random_state=0).fit(
            x, label, sample_weight=weight
        )
        tree, names = grown.tree_, [str(name) for name in table.columns]
        reached = grown.decision_path(x)
        inside = np.asarray(reached.T @ np.column_stack([~label, label]).astype(float))
        return cls(
            tuple(
                Node(
                    (int(inside[i, 0]), int(inside[i, 1])),
                    names[tree.feature[i]] if tree.children_left[i] >= 0 else "",
                    float(tree.threshold[i]) if tree.children_left[i] >= 0 else float("nan"),
                    int(tree.children_left[i]),
                    int(tree.children_right[i]),
                )
                for i in range(tree.node_count)
            )
        )

    def apply(self, table: pd.DataFrame) -> NDArray[np.int64]:
        """Leaf of each row.

        Parameters
        ----------
        table : DataFrame
            With the features that the tree cuts on.

        Returns
        -------
        ndarray of int, shape (n,)

        Raises
        ------
        SchemaError
            If a feature is absent, missing in a row that is cut on it, or a flux where its
            logarithm is meant.
        """
        missing = sorted({node.feature for node in self.nodes if node.feature} - set(table.columns))
        if missing:
            raise SchemaError(f"the tree cuts on {missing[0]!r}, which the table lacks")
        place = np.zeros(len(table), dtype=np.int64)
        for number, node in enumerate(self.nodes):  # children come after their parents
            if not node.is_leaf:
                here = place == number
                value = table[node.feature].to_numpy(dtype=float)
                if (lost := np.flatnonzero(here & np.isnan(value))).size:
                    raise SchemaError(
                        f"{node.feature}: row {lost[0]} is missing, and the tree cuts on it; "
                        "features_4xmm fills or drops such rows"
                    )
                if node.threshold < -5 and np.any(here & (value > 0) & (value < 1e-6)):
                    raise SchemaError(
                        f"{node.feature}: looks like a flux; the tree cuts on its log10, at "
                        f"{node.threshold}"
                    )
                left = value <= node.threshold
                place[here & left] = node.left
                place[here & ~left] = node.right
        return place

    def predict(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each row is pulsar-like.

        Parameters
        ----------
        table : DataFrame
            As in :meth:`apply`.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        verdicts = np.array([node.verdict for node in self.nodes])
        return np.asarray(verdicts[self.apply(table)])

    @property
    def leaves(self) -> list[int]:
        """Numbers of the leaves."""
        return [number for number, node in enumerate(self.nodes) if node.is_leaf]

    @property
    def fidelity(self) -> float:
        """Share of rows that the tree puts where the clustering has them."""
        right = sum(max(self.nodes[leaf].counts) for leaf in self.leaves)
        return right / sum(self.nodes[0].counts)

    @property
    def depth(self) -> int:
        """Cuts between root and deepest leaf."""
        return max(len(path) for path in self._paths().values())

    def inert(self) -> list[int]:
        """Numbers of the cuts below which every leaf says the same."""
        return [
            number
            for number, node in enumerate(self.nodes)
            if not node.is_leaf and len(self._verdicts_below(number)) == 1
        ]

    def rules(self) -> str:
        """The tree in words: when a row is pulsar-like.

        Returns
        -------
        str
            One line a condition; cuts that change nothing are left out, and so are
            conditions that the lines above it already decide.
        """
        alternatives: list[dict[tuple[str, bool], float]] = []
        self._collect(0, {}, alternatives)
        if not alternatives:
            return "never pulsar-like"
        lines = []
        for conditions in _simplified(alternatives):
            words = [
                f"{name} {'>' if above else '≤'} {value:.4g}" if abs(value) < 1 else
                f"{name} {'>' if above else '≤'} {value:.3f}"
                for (name, above), value in conditions.items()
            ]  # fmt: skip
            lines.append(" and ".join(words) or "always")
        return "pulsar-like if " + "\n            or ".join(lines)

    def frame(self) -> pd.DataFrame:
        """The nodes as a table.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "node": number,
                    "cut": f"{node.feature} ≤ {node.threshold:.3f}" if node.feature else "",
                    "others": node.counts[0],
                    "pulsar_like": node.counts[1],
                    "gini": round(node.gini, 3),
                    "leaf": ("pulsar-like" if node.verdict else "other") if node.is_leaf else "",
                }
                for number, node in enumerate(self.nodes)
            ]
        )

    def __repr__(self) -> str:
        return (
            f"<SurrogateTree: {len(self.nodes)} nodes, depth {self.depth}, fidelity "
            f"{self.fidelity:.3f} on {sum(self.nodes[0].counts):,} rows>"
        )

    def _paths(self) -> dict[int, list[int]]:
        paths: dict[int, list[int]] = {0: []}
        for number, node in enumerate(self.nodes):
            if not node.is_leaf:
                paths[node.left] = paths[node.right] = [*paths[number], number]
        return {leaf: paths[leaf] for leaf in self.leaves}

    def _verdicts_below(self, number: int) -> set[bool]:
        node = self.nodes[number]
        if node.is_leaf:
            return {node.verdict}
        return self._verdicts_below(node.left) | self._verdicts_below(node.right)

    def _collect(
        self, number: int, so_far: dict[tuple[str, bool], float], found: list[Any]
    ) -> None:
        node = self.nodes[number]
        below = self._verdicts_below(number)
        if len(below) == 1:
            if below == {True}:
                found.append(dict(so_far))
            return
        for child, above in ((node.right, True), (node.left, False)):
            key = (node.feature, above)
            known = so_far.get(key)
            tighter = max if above else min
            value = node.threshold if known is None else tighter(known, node.threshold)
            self._collect(child, {**so_far, key: value}, found)


def _simplified(alternatives: list[dict[tuple[str, bool], float]]) -> list[dict[Any, float]]:
    """Leave out of each alternative what being none of the earlier ones says already."""
    lines: list[dict[Any, float]] = []
    single: set[tuple[str, bool, float]] = set()
    for conditions in alternatives:
        rest = {
            (name, above): value
            for (name, above), value in conditions.items()
            if (name, not above, value) not in single
        }
        lines.append(rest)
        if len(rest) == 1:
            ((name, above), value) = next(iter(rest.items()))
            single.add((name, above, value))
    return lines


def published_tree() -> SurrogateTree:
    """The decision tree of the paper's figure: thresholds in log10 of erg/cm²/s, and counts.

    Returns
    -------
    SurrogateTree

    References
    ----------
    Pinciroli Vago, Amato et al. 2025, A&A, doi 10.1051/0004-6361/202553739.

    Examples
    --------
    >>> len(published_tree().inert())  # of its six cuts
    3
    """
    return SurrogateTree(tuple(Node(**one) for one in _PUBLISHED))


_PUBLISHED: tuple[Mapping[str, Any], ...] = (
    {"counts": (1319, 450), "feature": "EP_8_FLUX", "threshold": -12.387, "left": 1, "right": 2},
    {"counts": (1304, 95), "feature": "Fpeak4XMM", "threshold": -11.962, "left": 3, "right": 4},
    {"counts": (15, 355), "feature": "EP_5_FLUX", "threshold": -12.581, "left": 5, "right": 6},
    {"counts": (1299, 57), "feature": "VAR_FLAG", "threshold": 0.5, "left": 7, "right": 8},
    {"counts": (5, 38), "feature": "EP_3_FLUX", "threshold": -14.057, "left": 9, "right": 10},
    {"counts": (15, 91), "feature": "HRHard", "threshold": 0.624, "left": 11, "right": 12},
    {"counts": (0, 264)},
    {"counts": (1299, 35)},
    {"counts": (0, 22)},
    {"counts": (0, 23)},
    {"counts": (5, 15)},
    {"counts": (0, 69)},
    {"counts": (15, 22)},
)
