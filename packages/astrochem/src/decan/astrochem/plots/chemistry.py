"""Figures of chemistry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from decan.core.plotting import COLOURS, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_networks"]

_NAMED = 10


def plot_networks(table: pd.DataFrame, one: str, two: str, *, ax: Axes | None = None) -> Axes:
    """Abundances by two networks against each other; the ten that differ most are named.

    Parameters
    ----------
    table : DataFrame
        ``species`` and a column of abundances a network.
    one, two : str
        The columns.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt, pandas as pd
    >>> table = pd.DataFrame({"species": ["CO", "CS"], "A": [1e-4, 1e-9], "B": [1e-4, 1e-8]})
    >>> ax = plot_networks(table, "A", "B")
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(4.8, 4.6))
    x, y = table[one].to_numpy(dtype=float), table[two].to_numpy(dtype=float)
    ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())])
    ax.plot(ends, ends, color=COLOURS["grey"], linewidth=1)
    for factor in (0.1, 10.0):
        ax.plot(ends, factor * ends, color=COLOURS["grey"], linewidth=0.8, linestyle="--")
    ax.scatter(x, y, s=14, color=COLOURS["blue"], linewidth=0)
    for i in np.argsort(-np.abs(np.log10(y / x)))[:_NAMED]:
        if not 0.1 <= y[i] / x[i] <= 10.0:
            ax.annotate(table["species"].iloc[i], (x[i], y[i]), fontsize=7, xytext=(3, 3),
                        textcoords="offset points")  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel=f"abundance per H, {one}")
    ax.set_ylabel(f"abundance per H, {two}")
    return ax
