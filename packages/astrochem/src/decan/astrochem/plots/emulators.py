"""Figures of emulators: held-out predictions, and what more models would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from decan.core.plotting import COLOURS, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..validation import CrossValidation

__all__ = ["plot_learning", "plot_predictions"]


def plot_predictions(
    found: CrossValidation, *, ratio: str = "", color: Any = None, ax: Axes | None = None
) -> Axes:
    """Held-out predictions against the chemical models.

    Parameters
    ----------
    found : CrossValidation
        Predictions of models that were not trained on.
    ratio : str
        Name of the ratio.
    color : array_like, optional
        Log10 temperature or another quantity of each model.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from decan.astrochem.validation import CrossValidation
    >>> found = CrossValidation(np.arange(4.0), np.arange(4.0), np.ones(4), np.arange(4))
    >>> ax = plot_predictions(found, ratio="CN/HCN")
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(4.2, 4.0))
    ends = [min(found.truth.min(), found.mean.min()), max(found.truth.max(), found.mean.max())]
    ax.plot(ends, ends, color=COLOURS["grey"], linewidth=1)
    shade = {"color": COLOURS["blue"]} if color is None else {"c": color, "cmap": "cividis"}
    ax.scatter(found.truth, found.mean, s=12, alpha=0.8, linewidth=0, **shade)
    ax.set(xlabel="chemical model [dex]", ylabel="emulator, model held out [dex]")
    ax.set_title(f"{ratio}  R² {found.r2().value:.2f}, {found.rmse().value:.2f} dex")
    return ax


def plot_learning(curves: dict[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """R² on held-out models against the number of models trained on.

    Parameters
    ----------
    curves : dict of str to DataFrame
        Kind of emulator to its curve, with columns ``models`` and ``R2``.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt, pandas as pd
    >>> ax = plot_learning({"gp": pd.DataFrame({"models": [32, 64], "R2": [0.3, 0.5]})})
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    for kind, curve in curves.items():
        ax.plot(curve["models"], curve["R2"], marker="o", label=kind)
    ax.set(xscale="log", xlabel="models trained on", ylabel="R² on held-out models")
    ax.legend()
    return ax
