"""Figures of explanations: Shapley values, importances, Sobol indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes

from ._axes import label_of, log_axis, words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..explain import Importance, ShapleyResult
    from ..sobol import SobolIndices

__all__ = ["plot_beeswarm", "plot_dependence", "plot_importance", "plot_sobol"]


def plot_beeswarm(result: ShapleyResult, *, ax: Axes | None = None) -> Axes:
    """Shapley values of every cloud, a line a parameter, coloured by the parameter's value.

    Parameters
    ----------
    result : ShapleyResult
        Of one ratio. The title carries the emulator's held-out R².
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import RatioEmulator, explain, simulate_grid
    >>> X, y = simulate_grid(48, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> emulator = RatioEmulator(n_trees=20, calibrate=False).fit(X, y)
    >>> ax = plot_beeswarm(explain(emulator, X, target="CN/HCN"))
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(6.2, 3.8))
    order = np.argsort(np.abs(result.values).mean(axis=0))
    unit = result.space.to_unit(result.inputs)
    for row, j in enumerate(order):
        phi = result.values[:, j]
        offset = _swarm(phi)
        drawn = ax.scatter(
            phi, row + offset, c=unit[:, j], cmap="cividis", s=8, vmin=0, vmax=1, linewidth=0
        )
    ax.axvline(0, color=COLOURS["black"], linewidth=0.8)
    ax.set_yticks(range(len(order)), [words_of(result.space, j) for j in order])
    r2 = "R² unknown" if np.isnan(result.held_out_r2) else f"held-out R² {result.held_out_r2:.2f}"
    ax.set_title(f"{result.target} ({r2})")
    ax.set_xlabel("Shapley value [dex]")
    bar = ax.figure.colorbar(drawn, ax=ax, ticks=[0, 1], pad=0.01, aspect=30)
    bar.ax.set_yticklabels(["low", "high"])
    bar.outline.set_visible(False)
    return ax


def plot_dependence(
    result: ShapleyResult, name: str, *, color: str = "T_K", ax: Axes | None = None
) -> Axes:
    """Shapley value of a parameter along that parameter, coloured by another.

    Parameters
    ----------
    result : ShapleyResult
        Of one ratio.
    name, color : str
        Parameters.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import RatioEmulator, explain, simulate_grid
    >>> X, y = simulate_grid(48, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> emulator = RatioEmulator(n_trees=20, calibrate=False).fit(X, y)
    >>> ax = plot_dependence(explain(emulator, X), "fC")
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    frame = result.dependence(name, color)
    shade = np.log10(frame[color].to_numpy(dtype=float))
    drawn = ax.scatter(frame[name], frame["phi [dex]"], c=shade, s=14, cmap="cividis", linewidth=0)
    ax.axhline(0, color=COLOURS["grey"], linewidth=0.8)
    log_axis(ax)
    ax.set(xlabel=label_of(name), ylabel=f"Shapley value of {name} [dex]")
    ax.set_title(result.target)
    bar = ax.figure.colorbar(drawn, ax=ax)
    bar.set_label(f"log10 {label_of(color)}")
    bar.outline.set_visible(False)
    return ax


def plot_importance(found: dict[str, Importance], *, ax: Axes | None = None) -> Axes:
    """Importance of each parameter for each ratio, with the chance that the rank is first.

    Parameters
    ----------
    found : dict of str to Importance
        By ratio.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import CLOUD
    >>> from decan.astrochem.explain import Importance
    >>> ax = plot_importance({"CN/HCN": Importance(CLOUD, np.ones((3, 7)), 9)})
    >>> plt.close(ax.figure)
    """
    ratios = list(found)
    ax = new_axes(ax, figsize=(7.2, 0.42 * len(ratios) + 1.6))
    space = found[ratios[0]].space
    sizes = np.array([np.median(one.draws, axis=0) for one in found.values()])
    ranks = np.array([np.median(one.ranks, axis=0) for one in found.values()])
    drawn = ax.imshow(sizes, aspect="auto", cmap="cividis", vmin=0)
    for i in range(len(ratios)):
        for j in range(len(space)):
            bright = sizes[i, j] > 0.6 * sizes.max()
            ax.text(
                j,
                i,
                f"{sizes[i, j]:.2f}\n#{ranks[i, j]:.0f}",
                ha="center",
                va="center",
                fontsize=7,
                color="black" if bright else "white",
            )
    ax.set_xticks(
        range(len(space)), [words_of(space, j) for j in range(len(space))], rotation=20, ha="right"
    )
    ax.set_yticks(range(len(ratios)), ratios)
    ax.grid(visible=False)
    bar = ax.figure.colorbar(drawn, ax=ax)
    bar.set_label("mean |Shapley value| [dex]")
    bar.outline.set_visible(False)
    return ax


def plot_sobol(found: SobolIndices, *, exact: Any = None, ax: Axes | None = None) -> Axes:
    """Total Sobol indices with intervals, and the exact ones where they are known.

    Parameters
    ----------
    found : SobolIndices
        Of one emulator.
    exact : array_like, optional
        Exact total indices.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import closed_form, sobol_indices
    >>> ax = plot_sobol(sobol_indices(closed_form("CN/HCN"), n=64))
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(5.4, 3.4))
    place = np.arange(len(found.total))
    low, high = found.total_interval
    errors = np.maximum([found.total - low, high - found.total], 0)
    ax.errorbar(place, found.total, yerr=errors, fmt="o", color=COLOURS["blue"], label="emulator")
    if exact is not None:
        ax.scatter(place, exact, marker="_", s=300, color=COLOURS["red"], label="exact")
        ax.legend()
    names = [words_of(found.space, j) for j in range(len(place))]
    ax.set_xticks(place, names, rotation=20, ha="right")
    ax.set_ylabel("total Sobol index")
    return ax


def _swarm(values: Any) -> Any:
    """Vertical offsets that grow with how many points share a place."""
    n_bins = 60
    span = np.ptp(values) or 1.0
    which = ((values - values.min()) / span * (n_bins - 1)).astype(int)
    order = np.argsort(which, kind="stable")
    first = np.searchsorted(which[order], which[order], side="left")
    position = np.empty(len(values))
    position[order] = np.arange(len(values)) - first
    side = np.where(position % 2 == 0, 1, -1)
    step = min(0.06, 0.8 / max(np.bincount(which).max(), 2))
    return side * ((position + 1) // 2) * step
