"""Figures of a grid: its ratios along the parameters, and the models it lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes, style

from ._axes import label_of, log_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ..ratios import RatioTable

__all__ = ["plot_failures", "plot_trends"]


def plot_trends(table: RatioTable, *, n_bins: int = 6, axes: Any = None) -> NDArray[Any]:
    """Binned medians of every ratio against every parameter, with quartiles.

    Parameters
    ----------
    table : RatioTable
        Ratios of a grid.
    n_bins : int
        Bins with equal numbers of models.
    axes : array of Axes, optional
        One a ratio and parameter.

    Returns
    -------
    array of Axes, shape (n_ratios, n_parameters)

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import simulate_grid
    >>> axes = plot_trends(simulate_grid(32, rng=0).ratios(["CN/HCN"]))
    >>> axes.shape
    (1, 7)
    >>> plt.close(axes.flat[0].figure)
    """
    import matplotlib.pyplot as plt

    names = [str(name) for name in table.inputs]
    if axes is None:
        with style():
            size = (1.75 * len(names), 1.15 * len(table.names) + 0.5)
            axes = plt.subplots(
                len(table.names),
                len(names),
                figsize=size,
                sharex="col",
                sharey="row",
                squeeze=False,
            )[1]
    for i, ratio in enumerate(table.names):
        X, y = table.rows(ratio)
        for j, name in enumerate(names):
            ax, x = axes[i, j], X[name].to_numpy(dtype=float)
            centre, low, mid, high = _binned(x, y.to_numpy(dtype=float), n_bins)
            ax.fill_between(centre, low, high, color=COLOURS["sky"], alpha=0.35, linewidth=0)
            ax.plot(centre, mid, color=COLOURS["blue"], marker="o", markersize=3)
            log_axis(ax)
            ax.tick_params(labelsize=7)
            if i == len(table.names) - 1:
                ax.set_xlabel(label_of(name).replace(" [", "\n["), fontsize=8)
            if j == 0:
                ax.set_ylabel(f"{ratio}\n[dex]", fontsize=8)
    return np.asarray(axes)


def plot_failures(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Where in temperature and density the models stopped or broke conservation.

    Parameters
    ----------
    table : DataFrame
        What ``ModelGrid.failure_map`` gives.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import simulate_grid
    >>> ax = plot_failures(simulate_grid(32, rng=0).failure_map())
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax)
    marks = {
        "good": ("grey", ".", 18, 0.5),
        "stopped": ("red", "x", 45, 1.0),
        "unphysical": ("purple", "D", 38, 1.0),
    }
    for status, (colour, marker, size, alpha) in marks.items():
        rows = table[table["status"] == status]
        if len(rows):
            ax.scatter(
                rows["T_K"],
                rows["nH_cm3"],
                s=size,
                marker=marker,
                color=COLOURS[colour],
                alpha=alpha,
                label=f"{status} ({len(rows)})",
            )
    ax.set(xscale="log", yscale="log", xlabel=label_of("T_K"), ylabel=label_of("nH_cm3"))
    ax.legend(loc="upper left", bbox_to_anchor=(0, 1.14), ncols=3)
    return ax


def _binned(x: Any, y: Any, n_bins: int) -> tuple[Any, Any, Any, Any]:
    edges = np.quantile(x, np.linspace(0, 1, n_bins + 1))
    which = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, n_bins - 1)
    filled = [k for k in range(n_bins) if (which == k).any()]
    centre = np.array([np.median(x[which == k]) for k in filled])
    low, mid, high = np.array([np.percentile(y[which == k], [25, 50, 75]) for k in filled]).T
    return centre, low, mid, high
