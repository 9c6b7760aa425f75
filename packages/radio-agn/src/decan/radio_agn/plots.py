"""Figures: cutouts with masks and attention, probabilities, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.plotting import COLOURS, new_axes, style

from .masking import PIXEL_ARCSEC

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "CLASS_COLOURS",
    "plot_confusion",
    "plot_cutout",
    "plot_precision_recall",
    "plot_probabilities",
    "plot_reliability",
    "plot_roc",
    "plot_turning",
]

CLASS_COLOURS = {
    "FRI": COLOURS["blue"],
    "FRII": COLOURS["orange"],
    "WAT": COLOURS["green"],
    "NAT": COLOURS["red"],
    "Compact": COLOURS["grey"],
}
"""One colour a class, in every figure."""


def plot_cutout(
    image: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    attention: ArrayLike | None = None,
    attention_pixel_arcsec: float = 3.6,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A cutout with the outline of its mask and contours of attention.

    Parameters
    ----------
    image : array_like, shape (ny, nx)
        Cutout with 1.8 arcsec pixels; drawn with an asinh stretch.
    mask : array_like of bool, optional
        Its outline is drawn.
    attention : array_like, optional
        A Grad-CAM map about the same centre; contours at 30, 60 and 90 %.
    attention_pixel_arcsec : float
        Pixel of that map.
    title : str
        Title.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Offsets from the centre in arcseconds.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_cutout(np.eye(10))
    >>> ax.get_xlabel()
    'offset (arcsec)'
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(3.6, 3.6))
    picture = np.nan_to_num(np.asarray(image, dtype=float))
    noise = 1.4826 * np.median(np.abs(picture - np.median(picture))) or picture.max() / 255 or 1.0
    half = np.array(picture.shape) * PIXEL_ARCSEC / 2
    extent = (-half[1], half[1], -half[0], half[0])
    ax.imshow(
        np.arcsinh((picture - np.median(picture)) / (3 * noise)),
        origin="lower",
        extent=extent,
        cmap="cividis",
        interpolation="nearest",
    )
    if mask is not None and np.asarray(mask).any():
        ax.contour(
            np.asarray(mask, dtype=float),
            [0.5],
            colors="white",
            linewidths=0.8,
            extent=extent,
        )
    if attention is not None and np.asarray(attention).max() > 0:
        seen = np.asarray(attention)
        reach = seen.shape[0] * attention_pixel_arcsec / 2
        ax.contour(
            seen,
            [0.3, 0.6, 0.9],
            colors=COLOURS["orange"],
            linewidths=1.0,
            extent=(-reach, reach, -reach, reach),
        )
        ax.set_xlim(extent[0], extent[1])
        ax.set_ylim(extent[2], extent[3])
    ax.grid(False)
    ax.set_xlabel("offset (arcsec)")
    ax.set_ylabel("offset (arcsec)")
    ax.set_title(title)
    return ax


def plot_probabilities(
    p: ArrayLike,
    classes: Sequence[str],
    *,
    spread: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Probabilities of one source as bars, with their spread over the networks.

    Parameters
    ----------
    p : array_like, shape (n_classes,)
        Probabilities.
    classes : sequence of str
        Names.
    spread : array_like, optional
        Standard deviations.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_probabilities([0.8, 0.2], ["WAT", "NAT"])
    >>> len(ax.patches)
    2
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(3.2, 2.2))
    colours = [CLASS_COLOURS.get(name, COLOURS["grey"]) for name in classes]
    ax.barh(list(classes), np.asarray(p), xerr=spread, color=colours, ecolor=COLOURS["black"])
    ax.set_xlim(0, 1)
    ax.invert_yaxis()
    ax.set_xlabel("probability")
    return ax


def plot_confusion(
    y: ArrayLike, guess: ArrayLike, classes: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Confusion matrix: shares of each true class, with counts.

    Parameters
    ----------
    y, guess : array_like of str, shape (n,)
        Labels and predictions.
    classes : sequence of str
        Order.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_confusion(["a", "b"], ["a", "a"], ["a", "b"])
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(4.0, 3.6))
    truth, said = np.asarray(y).astype(str), np.asarray(guess).astype(str)
    count = np.array([[((truth == a) & (said == b)).sum() for b in classes] for a in classes])
    share = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, vmin=0, vmax=1, cmap="cividis")
    for row, column in np.ndindex(*count.shape):
        ax.text(
            column,
            row,
            f"{share[row, column]:.2f}\n{count[row, column]}",
            ha="center",
            va="center",
            color="black" if share[row, column] > 0.6 else "white",
            fontsize=8,
        )
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    ax.set_xlabel("predicted")
    ax.set_ylabel("label")
    ax.grid(False)
    return ax


def plot_roc(curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *, ax: Axes | None = None) -> Axes:
    """ROC curves of several scores.

    Parameters
    ----------
    curves : mapping of str to (y, score)
        Truth (1 positive) and score of each.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_roc({"a": ([0, 1], [0.1, 0.9])})
    >>> plt.close(ax.figure)
    """
    from sklearn.metrics import roc_curve

    ax = new_axes(ax, figsize=(4.4, 4.0))
    for name, (y, score) in curves.items():
        false, true, _ = roc_curve(np.asarray(y), np.asarray(score))
        ax.plot(false, true, label=name)
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], lw=0.8, ls=":")
    ax.set_xlabel("false positive rate")
    ax.set_ylabel("true positive rate")
    ax.legend()
    return ax


def plot_precision_recall(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *, ax: Axes | None = None
) -> Axes:
    """Precision against recall of several scores.

    Parameters
    ----------
    curves : mapping of str to (y, score)
        Truth (1 positive) and score of each.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_precision_recall({"a": ([0, 1], [0.1, 0.9])})
    >>> plt.close(ax.figure)
    """
    from sklearn.metrics import precision_recall_curve

    ax = new_axes(ax, figsize=(4.4, 4.0))
    for name, (y, score) in curves.items():
        precision, recall, _ = precision_recall_curve(np.asarray(y), np.asarray(score))
        ax.step(recall, precision, where="post", label=name)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("recall")
    ax.set_ylabel("precision")
    ax.legend()
    return ax


def plot_reliability(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *, n_bins: int = 10, ax: Axes | None = None
) -> Axes:
    """How often the most probable class is right, against how probable it was called.

    Parameters
    ----------
    curves : mapping of str to (right, probability)
        Whether the answer was right, and its probability.
    n_bins : int
        Bins of equal mass.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plot_reliability({"a": ([0, 1, 1, 1], [0.4, 0.6, 0.8, 0.9])}, n_bins=2)
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(4.4, 4.0))
    for name, (right, probability) in curves.items():
        p, hit = np.asarray(probability, dtype=float), np.asarray(right, dtype=float)
        parts = np.array_split(np.argsort(p, kind="stable"), n_bins)
        parts = [part for part in parts if part.size]
        mean = np.array([p[part].mean() for part in parts])
        seen = np.array([hit[part].mean() for part in parts])
        error = [
            np.sqrt(max(s * (1 - s), 0.02) / part.size) for s, part in zip(seen, parts, strict=True)
        ]
        ax.errorbar(mean, seen, yerr=error, marker="o", ms=4, label=name)
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], lw=0.8, ls=":")
    ax.set_xlabel("probability of the most probable class")
    ax.set_ylabel("share that is right")
    ax.legend()
    return ax


def plot_turning(tables: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Share of sources whose class changes, against the angle by which they are turned.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        From :func:`~decan.radio_agn.evaluation.equivariance_error`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt, pandas as pd
    >>> table = pd.DataFrame({"angle_deg": [0, 90], "mirrored": False, "flips": [0.0, 0.1]})
    >>> ax = plot_turning({"plain": table})
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(6.4, 3.4))
    for name, table in tables.items():
        straight = table[~table["mirrored"].astype(bool)].sort_values("angle_deg")
        ax.plot(straight["angle_deg"], 100 * straight["flips"], marker="o", ms=3, label=name)
    ax.set_xlabel("turned by (deg)")
    ax.set_ylabel("class changes (%)")
    ax.set_xticks(range(0, 361, 45))
    ax.legend()
    return ax


def grid_of_axes(n: int, *, columns: int = 4, side: float = 2.6) -> NDArray[Any]:
    """Square axes in rows, those beyond ``n`` removed.

    Parameters
    ----------
    n : int
        How many.
    columns : int
        In a row.
    side : float
        Inches.

    Returns
    -------
    ndarray of Axes, shape (n,)

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> axes = grid_of_axes(3, columns=2)
    >>> len(axes)
    3
    >>> plt.close(axes[0].figure)
    """
    import matplotlib.pyplot as plt

    rows = -(-n // columns)
    with style():
        _, axes = plt.subplots(rows, columns, figsize=(side * columns, side * rows), squeeze=False)
    for ax in axes.flat[n:]:
        ax.remove()
    return np.asarray(axes.flat[:n])
