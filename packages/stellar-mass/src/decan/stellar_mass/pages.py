"""One page for one decomposition: what was measured, how, and what noise would have given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from decan.core.report import Page

    from .components import Decomposition

__all__ = ["decomposition_page"]

CAUTION = (
    "Catalogue masses are themselves fits to photometry and redshift. Information about such a "
    "mass is information about what that estimator used."
)
"""A sentence that belongs on every page about masses."""

_MEASURES = {
    "mmi": "Redundant is the smaller of the two averages (minimum mutual information); the weaker "
    "input has no unique part by construction.",
    "pointwise_min": "The paper's recipe: the smaller of the two, object by object. It finds "
    "unique information and negative synergy also in noise, as its floor shows.",
    "ccs": "Redundant is the common change in surprisal (Ince 2017); unique parts may be negative.",
    "broja_gaussian": "The measure of Bertschinger and others for Gaussian ranks.",
}


_ESTIMATORS = {
    "crossfit": "information from densities that were fitted on objects of other groups",
    "network": "information from networks that were trained on objects of other groups",
    "densities": "information from the densities handed in",
    "copula": "information from the ranks, as if they were jointly Gaussian",
    "gaussian": "information from the covariances, as if all were Gaussian",
    "ksg": "information from distances to nearest neighbours",
}


def decomposition_page(
    result: Decomposition, *, title: str, target: str = "the target", classes: Any = None
) -> Page:
    """The page of a decomposition.

    Parameters
    ----------
    result : Decomposition
        What was measured.
    title : str
        Title of the page.
    target : str
        What the target is called, with its unit where it has one.
    classes : array_like, shape (n,), optional
        Classes to show apart.

    Returns
    -------
    decan.core.report.Page

    Examples
    --------
    >>> from decan.stellar_mass.decomposition import decompose
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> d = decompose(x[:, 0], x[:, 1], x.sum(axis=1), estimator="copula", rng=0)
    >>> "synergistic" in decomposition_page(d, title="Toy").render()
    True
    """
    from decan.core.report import Page

    from .plots import plot_components, plot_stacks

    one, two = result.names
    page = Page(title, _headline(result, target))
    section = page.section("What was measured")
    section.text(
        f"{len(result):,} objects; {_ESTIMATORS[result.estimator]}. "
        f"{_MEASURES[result.measure]} Intervals hold 68 %, over resampled groups. The floor is the "
        f"same measurement with the rows of the second input ({two}) permuted."
    )
    section.text(CAUTION)
    section.table(result.table().round(4), caption="Information and its parts, nats.")
    section.figure(
        plot_components({"all": result}),
        caption=f"What only {one}, only {two}, either, and both together say about {target}; red "
        "marks: the floor.",
    )
    section.figure(
        plot_stacks(result, result.y, label=target),
        caption=f"The parts along {target}, eight bins with equally many objects.",
    )
    if classes is not None:
        frame = result.by(np.asarray(classes))
        keep = ["class", "n", "redundant", "unique_1", "unique_2", "synergistic"]
        section = page.section("By class")
        section.table(frame[keep].round(4), caption="Averages per class, nats.")
        if left := len(result) - int(frame["n"].sum()):
            section.text(f"{left:,} objects without a class, or in classes of fewer than ten, "
                         "are not in this table.")  # fmt: skip
    return page


def _headline(result: Decomposition, target: str) -> str:
    gain, floor = result.synergistic.value + result.unique_2.value, 0.0
    if np.isfinite(result.synergistic.floor):
        floor = result.synergistic.floor + result.unique_2.floor
    one, two = result.names
    return (
        f"{two} adds {gain:+.3f} nats to what {one} says about {target}; "
        f"a permuted {two} would add {floor:+.3f}."
    )
