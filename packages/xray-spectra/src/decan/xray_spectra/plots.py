"""Figures of spectra and latents. Each takes results and an ``ax`` and returns the Axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from decan.core.plotting import COLOURS, new_axes, style

from .grid import CHANNEL_EDGES, ENERGY_EDGES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "plot_confusion",
    "plot_counts",
    "plot_curves",
    "plot_latents",
    "plot_photons",
    "plot_probabilities",
    "plot_traversal",
]

_PALETTE = ("blue", "orange", "green", "red", "purple", "sky", "yellow", "grey")


def plot_counts(
    counts: ArrayLike,
    expected: ArrayLike | None = None,
    *,
    truth: ArrayLike | None = None,
    background: ArrayLike | None = None,
    least: float = 5.0,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Counts of one spectrum with their reconstruction.

    Parameters
    ----------
    counts : array_like, shape (128,)
        Counts on the common grid.
    expected, truth, background : array_like, shape (128,), optional
        Reconstruction, true expectation, expected background; in counts.
    least : float
        Bins are joined, for the eye alone, until each holds so many counts.
    title : str
        Title.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_counts(np.full(128, 3)).get_xlabel()
    'energy (keV)'
    """
    ax = new_axes(ax, figsize=(6.4, 3.6))
    c = np.asarray(counts, dtype=float)
    starts = _joined(c, least)
    edges = CHANNEL_EDGES[np.r_[starts, c.size]]
    width, middle = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    joined = np.add.reduceat(c, starts)
    rate = joined / width
    error = np.sqrt(np.maximum(joined, 1)) / width
    ax.errorbar(middle, rate, yerr=error, xerr=width / 2, fmt="none", lw=0.9,
                color=COLOURS["black"], label="counts")  # fmt: skip
    binned = np.diff(CHANNEL_EDGES)
    for values, colour, name, dash in (
        (truth, "green", "truth", "--"), (expected, "red", "reconstruction", "-"),
        (background, "grey", "background", ":"),
    ):  # fmt: skip
        if values is not None and np.any(np.asarray(values) > 0):
            level = np.asarray(values, dtype=float) / binned
            ax.stairs(level, CHANNEL_EDGES, color=COLOURS[colour], ls=dash, lw=1.5, label=name)
    ax.set(xscale="log", yscale="log", xlabel="energy (keV)", ylabel="counts / keV", title=title)
    top = rate.max(initial=1.0)
    ax.set_ylim(max(rate[rate > 0].min(initial=top) / 6, top / 3e4), top * 3)
    _energy_ticks(ax)
    ax.legend(fontsize=8)
    return ax


def plot_photons(
    photons: ArrayLike,
    band: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Photon spectrum with its band, as energy for each logarithm of energy.

    Parameters
    ----------
    photons : array_like, shape (160,)
        Photons / cm² / s / keV on the common energies.
    band : (array_like, array_like), optional
        Lower and upper ends.
    title : str
        Title.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_photons(np.ones(160)).get_ylabel()
    'E² S(E) (keV / cm² / s)'
    """
    ax = new_axes(ax, figsize=(6.4, 3.6))
    middle = (ENERGY_EDGES[1:] + ENERGY_EDGES[:-1]) / 2
    shown = (middle > 0.45) & (middle < 8.2)
    scale = (middle**2)[shown]
    if band is not None:
        low, high = (np.asarray(end, dtype=float)[shown] * scale for end in band)
        ax.fill_between(middle[shown], low, high, color=COLOURS["sky"], alpha=0.4, lw=0,
                        label="1 sigma")  # fmt: skip
    values = np.asarray(photons, dtype=float)[shown] * scale
    ax.plot(middle[shown], values, color=COLOURS["blue"], label="photon spectrum")
    ax.set(xscale="log", yscale="log", xlabel="energy (keV)",
           ylabel="E² S(E) (keV / cm² / s)", title=title)  # fmt: skip
    ax.set_ylim(values.max() / 1e3, values.max() * 2)
    _energy_ticks(ax)
    ax.legend(fontsize=8)
    return ax


def plot_probabilities(
    probabilities: Mapping[str, float], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Class probabilities as bars.

    Parameters
    ----------
    probabilities : mapping of str to float
        Probability of each class.
    title : str
        Title.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_probabilities({"AGN": 0.7, "NS": 0.3}).get_xlabel()
    'probability'
    """
    ax = new_axes(ax, figsize=(4.4, 3.0))
    names, values = list(probabilities), [float(p) for p in probabilities.values()]
    ax.barh(names, values, color=COLOURS["blue"], height=0.7)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlim=(0, 1), xlabel="probability", title=title)
    return ax


def plot_latents(
    values: ArrayLike, labels: Sequence[str], *, axes: tuple[int, int] | None = None,
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Two directions of the latents, coloured by class.

    Parameters
    ----------
    values : array_like, shape (n, k)
        Latents.
    labels : sequence of str, shape (n,)
        Classes.
    axes : (int, int), optional
        Which latents; the two directions of largest separation of classes without it.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(20, 4))
    >>> plot_latents(z, ["a", "b"] * 10, axes=(0, 1)).get_ylabel()
    'latent 2'
    """
    ax = new_axes(ax, figsize=(6.0, 4.6))
    z, named = np.asarray(values, dtype=float), np.asarray(labels, dtype=str)
    good = np.isfinite(z).all(axis=1)
    z, named = z[good], named[good]
    xlabel, ylabel = "first direction between classes", "second direction between classes"
    if axes is None:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        z = LinearDiscriminantAnalysis(n_components=2).fit(z, named).transform(z)
    else:
        z = z[:, list(axes)]
        xlabel, ylabel = (f"latent {i + 1}" for i in axes)
    for colour, name in zip(_PALETTE, np.unique(named), strict=False):
        rows = named == name
        ax.scatter(z[rows, 0], z[rows, 1], s=7, alpha=0.6, lw=0, color=COLOURS[colour], label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize=8, markerscale=2, ncols=2)
    return ax


def plot_confusion(
    truth: Sequence[str], found: Sequence[str], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Share of each true class that is called each class.

    Parameters
    ----------
    truth, found : sequence of str, shape (n,)
        True and predicted classes.
    title : str
        Title.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_confusion(["a", "b"], ["a", "a"]).get_ylabel()
    'true class'
    """
    ax = new_axes(ax, figsize=(5.4, 4.6))
    names = np.unique(np.asarray(truth, dtype=str))
    i, j = np.searchsorted(names, truth), np.searchsorted(names, found)
    cells = np.zeros((names.size, names.size))
    np.add.at(cells, (i, np.minimum(j, names.size - 1)), 1)
    share = cells / cells.sum(axis=1, keepdims=True)
    ax.imshow(share, vmin=0, vmax=1, cmap="cividis")
    for (row, col), value in np.ndenumerate(share):
        ax.text(col, row, f"{value:.2f}", ha="center", va="center", fontsize=7,
                color="white" if value < 0.55 else "black")  # fmt: skip
    ax.set_xticks(range(names.size), names, rotation=45, ha="right", fontsize=8)
    ax.set_yticks(range(names.size), names, fontsize=8)
    ax.grid(visible=False)
    ax.set(xlabel="called", ylabel="true class", title=title)
    return ax


def plot_curves(
    frame: pd.DataFrame, x: str, ys: Sequence[str], *, xlabel: str = "", ylabel: str = "",
    log: str = "", level: float | None = None, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Columns of a table against another.

    Parameters
    ----------
    frame : DataFrame
        The table.
    x : str
        Column of the abscissa.
    ys : sequence of str
        Columns that are drawn, by their names.
    xlabel, ylabel : str
        Labels with units.
    log : str
        Which axes are logarithmic: 'x', 'y', 'xy'.
    level : float, optional
        A level to draw.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import pandas as pd
    >>> plot_curves(pd.DataFrame({"n": [1, 2], "loss": [3, 4]}), "n", ["loss"]).get_xlabel()
    'n'
    """
    ax = new_axes(ax, figsize=(6.0, 3.8))
    for colour, name in zip(_PALETTE, ys, strict=False):
        ax.plot(frame[x], frame[name], "o-", ms=4, color=COLOURS[colour], label=name)
    if level is not None:
        ax.axhline(level, color=COLOURS["grey"], ls="--", lw=1)
    ax.set(xlabel=xlabel or x, ylabel=ylabel)
    ax.set_xscale("log" if "x" in log else "linear")
    ax.set_yscale("log" if "y" in log else "linear")
    ax.legend(fontsize=8)
    return ax


def plot_traversal(model: Any, latent: int, *, ax: Axes | None = None) -> Axes:
    """Photon spectra along one latent, the others at their mean.

    Parameters
    ----------
    model : SpectralAutoencoder
        With forward folding.
    latent : int
        Which latent, from 0.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from decan.xray_spectra import SpectralAutoencoder
    >>> plot_traversal(SpectralAutoencoder.pretrained(), 0).get_xlabel()
    'energy (keV)'
    """
    import matplotlib as mpl

    ax = new_axes(ax, figsize=(5.0, 3.4))
    steps = np.linspace(-2, 2, 7)
    z = np.zeros((steps.size, model.n_latent))
    z[:, latent] = steps
    photons = model.inverse_transform(z)
    middle = (ENERGY_EDGES[1:] + ENERGY_EDGES[:-1]) / 2
    shown = (middle > 0.5) & (middle < 8.0)
    for step, spectrum in zip(steps, photons, strict=True):
        values = (spectrum * middle**2)[shown]
        ax.plot(middle[shown], values / values.max(), lw=1.3,
                color=mpl.colormaps["cividis"]((step + 2) / 4))  # fmt: skip
    ax.set(xscale="log", yscale="log", ylim=(3e-3, 2), title=f"latent {latent + 1}, -2 to 2",
           xlabel="energy (keV)", ylabel="E² S(E), scaled")  # fmt: skip
    _energy_ticks(ax)
    return ax


def plot_source(
    counts: ArrayLike, expected: ArrayLike, background: ArrayLike, photons: ArrayLike,
    band: Any, probabilities: Mapping[str, float] | None, *, title: str = "",
) -> Any:  # fmt: skip
    """One source on one figure: counts, photon spectrum, probabilities.

    Parameters
    ----------
    counts, expected, background : array_like, shape (128,)
        As in :func:`plot_counts`.
    photons, band
        As in :func:`plot_photons`.
    probabilities : mapping, optional
        As in :func:`plot_probabilities`.
    title : str
        Title.

    Returns
    -------
    ndarray of Axes
    """
    import matplotlib.pyplot as plt

    n = 2 if probabilities is None else 3
    with style():
        _, axes = plt.subplots(1, n, figsize=(4.3 * n, 3.7))
        plot_counts(counts, expected, background=background, title=title, ax=axes[0])
        plot_photons(photons, band, title="photon spectrum", ax=axes[1])
        if probabilities is not None:
            plot_probabilities(probabilities, title="class", ax=axes[2])
    return axes


def _joined(counts: Any, least: float) -> Any:
    """First bins of groups that hold at least so many counts."""
    starts, held = [0], 0.0
    for i, value in enumerate(counts[:-1]):
        held += value
        if held >= least:
            starts.append(i + 1)
            held = 0.0
    return np.array(starts)


def _energy_ticks(ax: Axes) -> None:
    ticks = (0.5, 1, 2, 4, 8)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
