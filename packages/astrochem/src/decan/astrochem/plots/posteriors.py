"""Figures of retrieved clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes, style

from ._axes import log_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ..posterior import Posterior

__all__ = ["plot_next_ratio", "plot_posterior"]


def plot_posterior(
    posterior: Posterior, *, truth: dict[str, float] | None = None, axes: Any = None
) -> NDArray[Any]:
    """Posterior of each parameter against its prior, with the 68 % interval.

    Parameters
    ----------
    posterior : Posterior
        Of one source.
    truth : dict of str to float, optional
        True values of a simulated cloud.
    axes : array of Axes, optional
        One a parameter.

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import CLOUD, Posterior
    >>> axis = CLOUD.to_axis(CLOUD.sobol(64))
    >>> axes = plot_posterior(Posterior(CLOUD, axis, np.full(64, 1 / 64), (), 0.0, 1.0))
    >>> plt.close(axes.flat[0].figure)
    """
    import matplotlib.pyplot as plt

    space = posterior.space
    if axes is None:
        with style():
            axes = plt.subplots(2, (len(space) + 1) // 2, figsize=(9.2, 4.2), squeeze=False)[1]
    unit = space.to_unit(posterior.sample(4096, rng=0))
    for j, ax in enumerate(axes.flat):
        if j >= len(space):
            ax.set_axis_off()
            continue
        param = space.params[j]
        edges = space.from_unit(np.tile(np.linspace(0, 1, 31)[:, None], (1, len(space))))[:, j]
        heights = np.histogram(unit[:, j], bins=np.linspace(0, 1, 31))[0] / 4096 * 30
        ax.stairs(heights, edges, fill=True, color=COLOURS["sky"], alpha=0.7)
        ax.axhline(1, color=COLOURS["grey"], linewidth=0.8, linestyle="--")
        low, mid, high = posterior.quantile(param.name, [0.16, 0.5, 0.84])
        ax.axvspan(low, high, color=COLOURS["blue"], alpha=0.12, linewidth=0)
        ax.axvline(mid, color=COLOURS["blue"], linewidth=1.2)
        if truth is not None and param.name in truth:
            ax.axvline(truth[param.name], color=COLOURS["red"], linewidth=1.5)
        if param.scale == "log":
            log_axis(ax)
        ax.set_xlabel(space.label(param.name), fontsize=8)
        ax.set_yticks([])
        ax.tick_params(labelsize=7)
    axes.flat[0].set_ylabel("density against prior", fontsize=8)
    return np.asarray(axes)


def plot_next_ratio(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Expected information gain of the ratios not yet observed.

    Parameters
    ----------
    table : DataFrame
        What ``Retrieval.next_ratio`` gives.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt, pandas as pd
    >>> ax = plot_next_ratio(pd.DataFrame({"ratio": ["CS/SO"], "gain [bit]": [0.4]}))
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(5.0, 0.34 * len(table) + 1.0))
    rows = table.iloc[::-1]
    ax.barh(rows["ratio"], rows["gain [bit]"], color=COLOURS["blue"])
    ax.set_xlabel("expected information gain [bit]")
    ax.grid(axis="y", visible=False)
    return ax
