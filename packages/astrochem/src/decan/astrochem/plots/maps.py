"""Figures of groups of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes, style

from ._axes import label_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ..groups import Groups

__all__ = ["plot_groups", "plot_maps"]


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


def plot_maps(groups: Groups, inputs: pd.DataFrame) -> NDArray[Any]:
    """The map once for each parameter, coloured by its logarithm.

    Parameters
    ----------
    groups : Groups
        Groups with their map.
    inputs : DataFrame
        Parameters of the same models, a column each.

    Returns
    -------
    array of Axes
        One a parameter.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> import pandas as pd
    >>> from decan.core.metrics import Estimate
    >>> from decan.astrochem.groups import Embedding, Groups
    >>> map_ = Embedding(np.eye(3)[:, :2], np.zeros((3, 9)), {"seed": 0}, 0, 1.0)
    >>> groups = Groups(np.array([0, 0, -1]), np.ones(3), Estimate(0.9), 1.0, {0: 0.9}, map_)
    >>> axes = plot_maps(groups, pd.DataFrame({"T_K": [10.0, 20.0, 30.0]}))
    >>> axes[0].get_title()
    'log10 temperature [K]'
    >>> plt.close(axes[0].figure)
    """
    import matplotlib.pyplot as plt

    columns = min(4, inputs.shape[1])
    rows = -(-inputs.shape[1] // columns)
    with style():
        size = (3.1 * columns, 2.7 * rows)
        axes = plt.subplots(rows, columns, figsize=size, squeeze=False)[1].ravel()
    for ax, name in zip(axes, inputs, strict=False):
        shade = np.log10(inputs[name].to_numpy(dtype=float))
        plot_groups(groups, color=shade, label=f"log10 {label_of(str(name))}", ax=ax)
        ax.set(xlabel="", ylabel="")
    for ax in axes[inputs.shape[1] :]:
        ax.remove()
    return np.asarray(axes[: inputs.shape[1]])
