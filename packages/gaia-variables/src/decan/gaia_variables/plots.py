"""Figures: results and an ``ax`` in, the Axes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from decan.core.plotting import COLOURS, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .folding import Folded
    from .lightcurves import LightCurves

__all__ = [
    "plot_confusion",
    "plot_coverage",
    "plot_epochs",
    "plot_folded",
    "plot_map",
    "plot_spectra",
    "plot_values",
]

_CYCLE = ("blue", "orange", "green", "red", "purple", "sky", "black", "grey")


def plot_folded(
    folded: Folded, star: int, *, vae: Any = None, title: str = "", ax: Axes | None = None
) -> Axes:
    """Folded light curve of one star, with what the autoencoder makes of it.

    Parameters
    ----------
    folded : Folded
        Folded curves.
    star : int
        Which.
    vae : FoldedVAE, optional
        Draws its reconstruction.
    title : str
        Above the figure.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.gaia_variables import LightCurveFolder, simulate_stars
    >>> stars = simulate_stars(1, classes=["RRab"], rng=0)
    >>> folded = LightCurveFolder().transform(stars.curves, stars.truth["frequency"])
    >>> plot_folded(folded, 0).get_xlabel()
    'Phase of twice the period'
    """
    ax = new_axes(ax)
    mask = folded.mask[star]
    scale, zero = folded.range_mag[star], folded.brightest[star]
    mag = folded.mag[star][mask] * scale + zero
    ax.errorbar(
        folded.phase[star][mask], mag, folded.err[star][mask] * scale, fmt=".",
        color=COLOURS["black"], ecolor=COLOURS["grey"], elinewidth=0.8, ms=4, label="Gaia",
    )  # fmt: skip
    if vae is not None and mask.any():
        phase = np.linspace(0, 1, 200)
        z = vae.transform(folded[star : star + 1])
        drawn = vae.inverse_transform(z, phase)[0] * scale + zero
        ax.plot(phase, drawn, color=COLOURS["red"], label="five latents")
    ax.invert_yaxis()
    ax.set(xlabel="Phase of twice the period", ylabel="G (mag)", title=title)
    return ax


def plot_epochs(curves: LightCurves, star: int, *, ax: Axes | None = None) -> Axes:
    """Light curve of one star over time; epochs that are not used carry their reason.

    Parameters
    ----------
    curves : LightCurves
        Cleaned curves.
    star : int
        Which.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.gaia_variables import simulate_stars
    >>> plot_epochs(simulate_stars(1, rng=0).curves, 0).get_ylabel()
    'G (mag)'
    """
    from .lightcurves import REASONS

    ax = new_axes(ax)
    own = slice(curves.start[star], curves.start[star + 1])
    time, mag, err, reason = (
        getattr(curves, name)[own] for name in ("time_d", "mag", "mag_err", "reason")
    )
    for code in np.unique(reason):
        rows = reason == code
        ax.errorbar(
            time[rows], mag[rows], err[rows], fmt="." if code == 0 else "x", ms=4,
            color=COLOURS[_CYCLE[code % len(_CYCLE)]], elinewidth=0.8, label=REASONS[code],
        )  # fmt: skip
    ax.invert_yaxis()
    ax.set(xlabel="Time (BJD TCB - 2455197.5, d)", ylabel="G (mag)")
    ax.legend(fontsize=8)
    return ax


def plot_spectra(
    flux: ArrayLike,
    *,
    other: ArrayLike | None = None,
    names: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """XP spectra in internal samples: BP left, RP right.

    Parameters
    ----------
    flux : array_like, shape (n, 100)
        Relative fluxes.
    other : array_like, shape (n, 100), optional
        Reconstructions, dashed.
    names : sequence of str
        Labels.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_spectra(np.ones((1, 100))).get_ylabel()
    'Relative flux'
    """
    ax = new_axes(ax, figsize=(7.5, 4))
    sample = np.arange(50)
    for k, row in enumerate(np.asarray(flux)):
        colour = COLOURS[_CYCLE[k % len(_CYCLE)]]
        for band in range(2):
            part = slice(50 * band, 50 * band + 50)
            label = names[k] if band == 0 and k < len(names) else None
            ax.plot(sample + 55 * band, row[part], color=colour, lw=1.2, label=label)
            if other is not None:
                ax.plot(
                    sample + 55 * band, np.asarray(other)[k][part], color=colour, lw=2.2, ls=":"
                )
    ax.set(xlabel="Sample (BP, red to blue; RP, blue to red)", ylabel="Relative flux")
    ax.set_xticks([0, 25, 49, 55, 80, 104], ["0", "25", "49", "0", "25", "49"])
    if names:
        # Above the axes: spectra leave no corner free.
        ax.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def plot_confusion(matrix: ArrayLike, names: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Confusion matrix in percent of each true class.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
        Counts, true classes down.
    names : sequence of str
        Classes.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_confusion([[9, 1], [0, 10]], ["EW", "RRab"]).get_xlabel()
    'Predicted class'
    """
    counts = np.asarray(matrix, float)
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(3.5, 0.5 * len(names))
    ax = new_axes(ax, figsize=(size + 1, size))
    ax.imshow(share, vmin=0, vmax=100, cmap="Blues")
    for i in range(len(names)):
        for j in range(len(names)):
            if share[i, j] >= 1:
                colour = "white" if share[i, j] > 55 else COLOURS["black"]
                ax.text(
                    j, i, f"{share[i, j]:.0f}", ha="center", va="center", fontsize=7, color=colour
                )
    ax.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.grid(visible=False)
    ax.set(xlabel="Predicted class", ylabel="True class")
    return ax


def plot_map(
    coordinates: ArrayLike, *, classes: ArrayLike | None = None, ax: Axes | None = None
) -> Axes:
    """Latent map, coloured by class.

    Parameters
    ----------
    coordinates : array_like, shape (n, 2)
        Places on the map.
    classes : array_like of str, shape (n,), optional
        Classes.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_map([[0.0, 1.0]], classes=["EW"]).get_xlabel()
    'Map x'
    """
    import matplotlib as mpl

    ax = new_axes(ax, figsize=(6.6, 5.2))
    place = np.asarray(coordinates, float)
    labels = np.full(len(place), "") if classes is None else np.asarray(classes).astype(str)
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    for k, name in enumerate(np.unique(labels)):
        rows = labels == name
        ax.scatter(
            place[rows, 0],
            place[rows, 1],
            s=5,
            lw=0,
            alpha=0.6,
            color=colours[k % 20],
            label=name or None,
        )
    if classes is not None:
        ax.legend(markerscale=3, fontsize=7, bbox_to_anchor=(1, 1), loc="upper left")
    ax.set(xlabel="Map x", ylabel="Map y")
    return ax


def plot_coverage(pulls: Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Share of latents whose two halves agree within a nominal interval.

    Parameters
    ----------
    pulls : mapping of str to array_like
        Differences over their σ, by modality.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_coverage({"dmdt": np.random.default_rng(0).normal(size=500)}).get_xlabel()
    'Nominal coverage'
    """
    from scipy.stats import norm

    ax = new_axes(ax, figsize=(4.6, 4.2))
    nominal = np.linspace(0.02, 0.98, 49)
    reach = norm.ppf(0.5 + nominal / 2)
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], lw=1, ls="--")
    for k, (name, values) in enumerate(pulls.items()):
        size = np.abs(np.asarray(values, float))
        size = size[np.isfinite(size)]
        ax.plot(nominal, [(size < r).mean() for r in reach], color=COLOURS[_CYCLE[k]], label=name)
    ax.axvline(0.6827, color=COLOURS["grey"], lw=0.8)
    ax.set(xlabel="Nominal coverage", ylabel="Measured coverage", xlim=(0, 1), ylim=(0, 1))
    ax.legend()
    return ax


def plot_values(
    values: Mapping[str, ArrayLike], *, xlabel: str, log: bool = False, ax: Axes | None = None
) -> Axes:
    """Histograms of one quantity for several cases, as shares.

    Parameters
    ----------
    values : mapping of str to array_like
        Values by case; NaN is left out.
    xlabel : str
        The quantity and its unit.
    log : bool
        Whether the axis is logarithmic; values at or below zero are put at its left end.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_values({"default": [0.1, 0.2]}, xlabel="shift (latent σ)").get_ylabel()
    'Share'
    """
    ax = new_axes(ax)
    arrays = {name: np.asarray(column, float) for name, column in values.items()}
    arrays = {name: column[np.isfinite(column)] for name, column in arrays.items()}
    everything = np.concatenate([*arrays.values(), np.zeros(0)])
    if log:
        positive = everything[everything > 0]
        low = max(positive.min(initial=1.0), 1e-8)
        arrays = {name: np.maximum(column, low) for name, column in arrays.items()}
        edges = np.geomspace(low, max(everything.max(initial=1.0), 2 * low) * 1.01, 40)
        ax.set_xscale("log")
    else:
        edges = np.linspace(everything.min(initial=0.0), everything.max(initial=1.0) + 1e-12, 40)
    for k, (name, column) in enumerate(arrays.items()):
        weight = np.full(len(column), 1 / max(1, len(column)))
        ax.hist(column, edges.tolist(), weights=weight, histtype="step", lw=1.6,
                color=COLOURS[_CYCLE[k]], label=name)  # fmt: skip
    ax.set(xlabel=xlabel, ylabel="Share")
    ax.legend()
    return ax
