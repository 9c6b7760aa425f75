"""Figures: components as bars and stacks, local effects, calibration, heat maps of bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes

from .measures import COMPONENTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from .components import Decomposition

__all__ = [
    "plot_bias",
    "plot_components",
    "plot_latent_map",
    "plot_local_effects",
    "plot_masses",
    "plot_pair_map",
    "plot_pit",
    "plot_stacks",
]

SHADES = {
    "redundant": COLOURS["sky"],
    "unique_1": COLOURS["blue"],
    "unique_2": COLOURS["orange"],
    "synergistic": COLOURS["green"],
}
"""One colour for each component."""


def plot_components(results: Mapping[str, Decomposition], *, ax: Axes | None = None) -> Axes:
    """Bars of the four components for several decompositions, each with interval and floor.

    Parameters
    ----------
    results : mapping of str to Decomposition
        By the name under the bars.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.stellar_mass.decomposition import decompose
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> d = decompose(x[:, 0], x[:, 1], x[:, 0] ** 3, estimator="ksg")
    >>> plot_components({"toy": d}).get_ylabel()
    'information (nats)'
    """
    ax = new_axes(ax, figsize=(max(6.4, 1.5 * len(results)), 4.0))
    width = 0.8 / len(COMPONENTS)
    for k, name in enumerate(COMPONENTS):
        parts = [getattr(result, name) for result in results.values()]
        place = np.arange(len(parts)) + (k - 1.5) * width
        value = np.array([part.value for part in parts])
        error = [[p.value - p.low for p in parts], [p.high - p.value for p in parts]]
        look: dict[str, Any] = {"color": SHADES[name], "label": _words(name), "error_kw": {"lw": 1}}
        ax.bar(place, value, width * 0.92, yerr=np.nan_to_num(np.abs(error)), **look)
        floor = [part.floor for part in parts]
        ax.plot(
            place, floor, "_", color=COLOURS["red"], ms=9, mew=2, label="floor" if k == 0 else ""
        )
    ax.axhline(0, color=COLOURS["black"], lw=0.8)
    ax.set_xticks(range(len(results)), [_wrapped(name) for name in results])
    ax.set_ylabel("information (nats)")
    ax.legend(ncols=3, fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False)
    return ax


def plot_stacks(
    result: Decomposition,
    by: ArrayLike,
    *,
    bins: int = 8,
    label: str = "log10 mass (solar masses)",
    ax: Axes | None = None,
) -> Axes:
    """Components stacked over a quantity, negative ones below zero.

    Parameters
    ----------
    result : Decomposition
        What was measured.
    by : array_like, shape (n,)
        Quantity of each object.
    bins : int
        Bins with equally many objects.
    label : str
        What the quantity is, with its unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.stellar_mass.decomposition import decompose
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> d = decompose(x[:, 0], x[:, 1], x[:, 0] ** 3, estimator="ksg")
    >>> plot_stacks(d, x[:, 0], bins=4, label="x").get_xlabel()
    'x'
    """
    ax = new_axes(ax)
    frame = result.in_bins(by, bins)
    centre = frame["centre"].to_numpy(float)
    up, down = np.zeros(len(frame)), np.zeros(len(frame))
    for name in COMPONENTS:
        value = frame[name].to_numpy(float)
        above, below = np.clip(value, 0, None), np.clip(value, None, 0)
        ax.fill_between(centre, up, up + above, color=SHADES[name], label=_words(name), lw=0)
        ax.fill_between(centre, down, down + below, color=SHADES[name], lw=0)
        up, down = up + above, down + below
    ax.plot(centre, frame["information_12"], color=COLOURS["black"], lw=1.2, label="both inputs")
    ax.axhline(0, color=COLOURS["black"], lw=0.8)
    ax.set_xlabel(label)
    ax.set_ylabel("information (nats)")
    ax.legend(ncols=3, fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False)
    return ax


def plot_masses(
    truth: ArrayLike, predicted: Mapping[str, ArrayLike], *, ax: Axes | None = None
) -> Axes:
    """Predicted minus catalogue mass over the catalogue's.

    Parameters
    ----------
    truth : array_like, shape (n,)
        log10 of the catalogue's mass.
    predicted : mapping of str to array_like
        Predictions by name.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_masses([9.0, 10.0], {"rule": [9.1, 9.9]}).get_ylabel()
    'predicted - catalogue (dex)'
    """
    ax = new_axes(ax)
    mass = np.asarray(truth, dtype=float)
    for name, values in predicted.items():
        ax.plot(mass, np.asarray(values) - mass, ".", ms=3, alpha=0.5, label=name)
    ax.axhline(0, color=COLOURS["black"], lw=0.8)
    ax.set_xlabel("catalogue log10 mass (solar masses)")
    ax.set_ylabel("predicted - catalogue (dex)")
    ax.legend(markerscale=3, fontsize=8)
    return ax


def plot_pit(values: Mapping[str, ArrayLike], *, bins: int = 20, ax: Axes | None = None) -> Axes:
    """Histograms of integral transforms, flat where densities are calibrated.

    Parameters
    ----------
    values : mapping of str to array_like
        Transforms in [0, 1] by name.
    bins : int
        Bins.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_pit({"toy": np.linspace(0, 1, 50)}).get_xlabel()
    'cumulative probability of the true value'
    """
    ax = new_axes(ax)
    n = 0
    for name, column in values.items():
        ax.hist(column, bins=bins, range=(0, 1), density=True, histtype="step", lw=1.8, label=name)
        n = max(n, len(np.asarray(column)))
    noise = np.sqrt(bins / max(n, 1))
    ax.axhspan(1 - noise, 1 + noise, color=COLOURS["grey"], alpha=0.3, lw=0, label="chance")
    ax.set_xlabel("cumulative probability of the true value")
    ax.set_ylabel("density")
    ax.legend(fontsize=8)
    return ax


def plot_bias(frame: Any, *, x: str, truth: str = "truth", ax: Axes | None = None) -> Axes:
    """Estimates minus truth by estimator, over dimension or sample size.

    Parameters
    ----------
    frame : DataFrame
        Columns ``method``, ``value``, ``sd``, the truth and the abscissa.
    x, truth : str
        Names of abscissa and truth.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"method": "ksg", "d": 8, "value": 0.52, "sd": 0.01, "truth": 0.83}
    >>> plot_bias(pd.DataFrame([row]), x="d").get_ylabel()
    'estimate - truth (nats)'
    """
    ax = new_axes(ax)
    for method, rows in frame.groupby("method", sort=False):
        ax.errorbar(rows[x], rows["value"] - rows[truth], rows["sd"], marker="o", ms=4, capsize=2,
                    label=str(method))  # fmt: skip
    ax.axhline(0, color=COLOURS["black"], lw=0.8)
    ax.set_xlabel(x)
    ax.set_ylabel("estimate - truth (nats)")
    ax.legend(fontsize=8)
    return ax


def plot_local_effects(effects: Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Histograms of local effects of all objects.

    Parameters
    ----------
    effects : mapping of str to array_like
        Local correlations by name (as published, corrected, permuted).
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_local_effects({"permuted": np.zeros(9)}).get_xlabel()
    'local correlation with the target'
    """
    ax = new_axes(ax)
    for name, values in effects.items():
        column = np.asarray(values, dtype=float)
        column = column[np.isfinite(column)]
        label = f"{name}: mean {column.mean():+.3f}" if column.size else name
        ax.hist(column, bins=60, range=(-1, 1), density=True, histtype="step", lw=1.6, label=label)
    ax.axvline(0, color=COLOURS["black"], lw=0.8)
    ax.set_xlabel("local correlation with the target")
    ax.set_ylabel("density")
    ax.legend(fontsize=8)
    return ax


def plot_latent_map(
    latent: ArrayLike, effect: ArrayLike, *, label: str = "local effect", ax: Axes | None = None
) -> Axes:
    """Local effects on the two leading directions of the latent space.

    Parameters
    ----------
    latent : array_like, shape (n, d)
        Latent vectors.
    effect : array_like, shape (n,)
        Colour.
    label : str
        What the colour is.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> latent = np.random.default_rng(0).normal(size=(30, 3))
    >>> plot_latent_map(latent, latent[:, 0]).get_xlabel()
    'first latent direction'
    """
    ax = new_axes(ax)
    vectors = np.asarray(latent, dtype=float)
    centred = vectors - vectors.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    place = centred @ directions.T
    if place.shape[1] == 1:
        place = np.column_stack([place, np.zeros(len(place))])
    colour = np.asarray(effect, dtype=float)
    reach = float(np.nanquantile(np.abs(colour), 0.98)) or 1.0
    dots = ax.scatter(
        place[:, 0], place[:, 1], c=colour, s=6, cmap="RdBu_r", vmin=-reach, vmax=reach, lw=0
    )
    ax.figure.colorbar(dots, ax=ax, label=label)
    ax.set_xlabel("first latent direction")
    ax.set_ylabel("second latent direction")
    return ax


def plot_pair_map(frame: Any, *, value: str = "synergistic", ax: Axes | None = None) -> Axes:
    """Bars of one component for each split of the bands, with interval and floor.

    Parameters
    ----------
    frame : DataFrame
        What :func:`~decan.stellar_mass.band_scan` gives.
    value : str
        Component.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"first": "g", "second": "u r", "synergistic": 0.1, "synergistic_low": 0.05,
    ...        "synergistic_high": 0.15, "synergistic_floor": 0.0}
    >>> plot_pair_map(pd.DataFrame([row])).get_xlabel()
    'synergistic information (nats)'
    """
    ax = new_axes(ax, figsize=(6.4, 1.2 + 0.28 * len(frame)))
    place = np.arange(len(frame))[::-1]
    error = [frame[value] - frame[f"{value}_low"], frame[f"{value}_high"] - frame[value]]
    ax.barh(place, frame[value], color=SHADES.get(value, COLOURS["blue"]),
            xerr=np.nan_to_num(np.abs(np.asarray(error, dtype=float))))  # fmt: skip
    floor = frame[f"{value}_floor"]
    if floor.notna().any():
        ax.plot(floor, place, "|", color=COLOURS["red"], ms=9, mew=2, label="floor")
        ax.legend(fontsize=8)
    ax.axvline(0, color=COLOURS["black"], lw=0.8)
    ax.set_yticks(place, [f"{a} against the rest" for a in frame["first"]])
    ax.set_xlabel(f"{value} information (nats)")
    return ax


def _words(name: str) -> str:
    return name.replace("_1", " to the first").replace("_2", " to the second")


def _wrapped(name: str) -> str:
    return name.replace(", ", ",\n")
