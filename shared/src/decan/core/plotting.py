"""One style for every figure of the house, safe for the colour-blind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "figure_of", "new_axes", "style", "to_png"]

COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#22272E",
    "grey": "#8A939E",
}
"""The palette of Okabe and Ito (2008), which every kind of colour vision tells apart."""

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#5B6570",
    "axes.grid": True,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "figure.figsize": (6.4, 4.0),
    "font.size": 9.5,
    "grid.color": "#E3E7EB",
    "grid.linewidth": 0.7,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "savefig.dpi": 150,
    "xtick.color": "#5B6570",
    "xtick.labelcolor": "#22272E",
    "ytick.color": "#5B6570",
    "ytick.labelcolor": "#22272E",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house's style inside this context, and leave the user's settings alone.

    Yields
    ------
    None
        The style holds until the context ends.

    Examples
    --------
    >>> import matplotlib
    >>> before = matplotlib.rcParams["axes.spines.top"]
    >>> with style():
    ...     inside = matplotlib.rcParams["axes.spines.top"]
    >>> inside, matplotlib.rcParams["axes.spines.top"] == before
    (False, True)
    """
    import matplotlib
    from cycler import cycler

    cycle = [COLOURS[name] for name in ("blue", "orange", "green", "red", "purple", "sky")]
    settings: Any = {**_STYLE, "axes.prop_cycle": cycler(color=cycle)}
    # Not matplotlib's own context: a notebook's backend, which awakes with the first figure,
    # sets parameters of its own in there, and no later figure would be shown without them.
    before = {name: matplotlib.rcParams[name] for name in settings}
    matplotlib.rcParams.update(settings)
    try:
        yield
    finally:
        matplotlib.rcParams.update(before)


def new_axes(ax: Axes | None = None, *, figsize: tuple[float, float] | None = None) -> Axes:
    """The Axes given, or those of a new figure in the house's style.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure is made without it.
    figsize : (float, float), optional
        Width and height of a new figure, inches.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = new_axes(figsize=(4, 3))
    >>> new_axes(ax) is ax
    True
    >>> plt.close(ax.figure)
    """
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    with style():
        return plt.subplots(figsize=figsize)[1]


def figure_of(drawing: Axes | Figure | Any) -> Figure:
    """The figure behind an Axes, an array of Axes, or a figure itself.

    Parameters
    ----------
    drawing : Axes, array of Axes or Figure
        What a plot function returned.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If it is none of these.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, axes = plt.subplots(1, 2)
    >>> figure_of(axes) is figure
    True
    >>> plt.close(figure)
    """
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if isinstance(drawing, Figure):
        return drawing
    first = np.asarray(drawing, dtype=object).flat[0]
    if not isinstance(first, Axes):
        raise TypeError(f"expected an Axes or a Figure, found {type(drawing).__name__}")
    figure = first.get_figure(root=True)
    if figure is None:
        raise TypeError("the Axes belong to no figure")
    return figure


def to_png(drawing: Axes | Figure | Any, *, dpi: int = 150) -> bytes:
    """Render a drawing as PNG and close it, so that long runs do not collect figures.

    Parameters
    ----------
    drawing : Axes, array of Axes or Figure
        What a plot function returned.
    dpi : int
        Dots an inch.

    Returns
    -------
    bytes
        The PNG file.

    Examples
    --------
    >>> to_png(new_axes(figsize=(2, 1)))[1:4]
    b'PNG'
    """
    import matplotlib.pyplot as plt

    figure = figure_of(drawing)
    buffer = io.BytesIO()
    with style():
        # No date and no version: the same figure gives the same bytes.
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
