"""The published decision tree, taken at its word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import REAL, Claim, Run, experiment

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["published_split"]


_PAPER = "Pinciroli Vago, Amato et al. 2025, decision-tree figure"


@experiment(
    title="The published split",
    claims=[
        Claim("fidelity", 0.969, source=f"{_PAPER} (derived)", goal=(0.9685, 0.9695)),
        Claim("rows", 1769, source=_PAPER, goal=(1769, 1769)),
        Claim("nodes that are as published", 13, source=_PAPER, goal=(13, 13)),
    ],
)
def published_split(run: Run) -> None:
    """What the published tree says: a cut on brightness, and three of six cuts that change nothing.

    Rows are made on both sides of each threshold, as many as each leaf holds, and sent through
    the tree. Then each of its terms is tried alone.
    """
    import pandas as pd

    from ..plots import plot_tree
    from ..surrogate import published_tree

    tree = published_tree()
    rows, leaf = rows_for_leaves(tree)
    reached = tree.apply(rows)
    below = {n: set(_below(tree, n)) for n in range(len(tree.nodes))}
    exact = sum(
        int(np.isin(reached, list(below[n])).sum() == sum(node.counts))
        for n, node in enumerate(tree.nodes)
    )
    run.used("the published decision tree", provenance=REAL, n=1769)
    run.record("fidelity", tree.fidelity, provenance=REAL, n=1769)
    run.record("rows", int(np.sum(reached == leaf)), provenance=REAL, n=1769)
    run.record("nodes that are as published", exact, provenance=REAL, n=13)
    run.record("cuts that change no verdict", len(tree.inert()), provenance=REAL, n=6)
    terms = []
    for name, cut in (("EP_8_FLUX", -12.387), ("Fpeak4XMM", -11.962), ("VAR_FLAG", 0.5)):
        said = rows[name].to_numpy() > cut
        agree = np.mean(said == tree.predict(rows))
        terms.append(
            {
                "rule": f"{name} > {cut}",
                "selected": int(said.sum()),
                "agreement with the whole tree": agree,
            }
        )
    run.table(
        "single-cuts",
        pd.DataFrame(terms),
        caption="Each term of the tree alone, on rows made for its leaves.",
    )
    run.figure(
        "published-tree",
        plot_tree(tree),
        caption="The published tree. Cuts in dashed frames separate leaves of the same verdict: "
        "without them the tree is three conditions, and the first one, on apparent brightness, "
        "agrees with the clusters in 94 % of the rows.",
    )
    run.note(" ".join(tree.rules().split()))


def rows_for_leaves(tree: Any) -> tuple[pd.DataFrame, Any]:
    """Rows on both sides of each threshold, as many for each leaf as it holds, and the leaf."""
    import pandas as pd

    names = sorted({node.feature for node in tree.nodes if node.feature})
    rows, leaves = [], []
    for leaf, path in tree._paths().items():
        row = dict.fromkeys(names, 0.0)
        here = leaf
        for number in reversed(path):
            node = tree.nodes[number]
            row[node.feature] = node.threshold if node.left == here else node.threshold + 1e-9
            here = number
        count = sum(tree.nodes[leaf].counts)
        rows += [row] * count
        leaves += [leaf] * count
    return pd.DataFrame(rows), np.array(leaves)


def _below(tree: Any, number: int) -> list[int]:
    node = tree.nodes[number]
    return [number] if node.is_leaf else _below(tree, node.left) + _below(tree, node.right)
