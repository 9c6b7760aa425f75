"""What all figures share: logarithmic axes and the words for parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..space import CLOUD, ParameterSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["label_of", "log_axis", "words_of"]


def log_axis(ax: Axes) -> None:
    """A logarithmic axis whose labels never run into each other, however short it is."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    decades = np.ptp(np.log10(np.maximum(ax.get_xlim(), 1e-30)))
    if decades < 1.6:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def label_of(name: str) -> str:
    """A parameter of a cloud in words, with its unit; other names as they are."""
    return CLOUD.label(name) if name in CLOUD.names else name


def words_of(space: ParameterSpace, j: int) -> str:
    """A parameter in words, without its unit."""
    return space.label(space.names[j]).split(" [")[0]
