"""Figures of groups of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decan.core.plotting import COLOURS, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..groups import Groups

__all__ = ["plot_groups"]


def plot_groups(
    groups: Groups, *, color: Any = None, label: str = "", ax: Axes | None = None
) -> Axes:
    """Models on the map, by group or by a quantity.

    Parameters
    ----------
    groups : Groups
        Groups with their map.
    color : array_like, optional
        A quantity of each model; the groups without it.
    label : str
        What the colour shows.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from decan.core.metrics import Estimate
    >>> from decan.astrochem.groups import Embedding, Groups
    >>> map_ = Embedding(np.eye(3)[:, :2], np.zeros((3, 9)), {"seed": 0}, 0, 1.0)
    >>> groups = Groups(np.array([0, 0, -1]), np.ones(3), Estimate(0.9), 1.0, {0: 0.9}, map_)
    >>> plt.close(plot_groups(groups).figure)
    """
    ax = new_axes(ax, figsize=(4.6, 4.0))
    places = groups.embedding.coordinates
    if color is None:
        names = ("blue", "orange", "green", "red", "purple", "sky", "yellow", "black")
        for number in sorted(set(groups.labels.tolist())):
            inside = groups.labels == number
            shade = COLOURS["grey"] if number < 0 else COLOURS[names[number % len(names)]]
            words = "none" if number < 0 else f"group {number}"
            ax.scatter(
                places[inside, 0], places[inside, 1], s=14, color=shade, linewidth=0, label=words
            )
        ax.legend(loc="best", fontsize=8, markerscale=1.5)
        ax.set_title(
            f"trustworthiness {groups.embedding.trustworthiness:.2f}, "
            f"Rand index over seeds {groups.stability.value:.2f}",
            fontsize=9,
        )
    else:
        drawn = ax.scatter(places[:, 0], places[:, 1], c=color, s=14, cmap="cividis", linewidth=0)
        bar = ax.figure.colorbar(drawn, ax=ax)
        bar.outline.set_visible(False)
        ax.set_title(label, fontsize=9)
    # Places on such a map have no unit and no scale.
    ax.set(xticks=[], yticks=[], xlabel="UMAP 1 (no scale)", ylabel="UMAP 2 (no scale)")
    return ax
