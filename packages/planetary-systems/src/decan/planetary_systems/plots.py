"""Figures: mosaics of systems, densities of (a, M), the map of one star, comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from decan.core.plotting import COLOURS, new_axes, style

from . import orbits
from .surveys import Star, Survey, combined_detection
from .systems import Systems

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .posterior import Completion

__all__ = [
    "plot_completion",
    "plot_densities",
    "plot_distributions",
    "plot_likelihoods",
    "plot_mosaic",
    "plot_neighbours",
    "plot_reliability",
]

_KINDS = ((0.5, "grey"), (2.0, "green"), (10.0, "blue"), (50.0, "orange"), (np.inf, "red"))
_KIND_WORDS = ("below 0.5", "0.5 to 2", "2 to 10", "10 to 50", "above 50")


def plot_mosaic(
    systems: Mapping[str, Systems], *, n: int = 12, names: bool = False, ax: Axes | None = None
) -> Axes:
    """Systems as rows of dots: place along the row, mass by size and colour.

    Parameters
    ----------
    systems : mapping of str to Systems
        Samples by title; the first ``n`` systems of each are drawn.
    n : int
        Systems of each sample.
    names : bool
        Whether each row carries its system's name.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from decan.planetary_systems.stars import named_systems
    >>> import matplotlib.pyplot as plt
    >>> axes = plot_mosaic({"named": named_systems()})
    >>> plt.close("all")
    """
    rows = sum(min(n, len(one)) + 1 for one in systems.values())
    ax = new_axes(ax, figsize=(7.0, 0.24 * rows + 1.1))
    y = 0.0
    for title, one in systems.items():
        ax.text(0.0, y, title, transform=ax.get_yaxis_transform(), fontweight="bold", va="center")
        y -= 1
        for i in range(min(n, len(one))):
            begin, end = one.offsets[i], one.offsets[i + 1]
            a, m = one.a_au[begin:end], one.mass_earth[begin:end]
            ax.axhline(y, color="#E3E7EB", lw=0.8, zorder=0)
            size = 5 + 14 * np.clip(one.log_m[begin:end] + 1.5, 0.1, 5) ** 1.6
            ax.scatter(a, np.full(len(a), y), s=size, c=_colours(m), zorder=2,
                       edgecolors="white", linewidths=0.4)  # fmt: skip
            if names:
                ax.text(1.01, y, str(one.names[i]), transform=ax.get_yaxis_transform(),
                        va="center", fontsize=8)  # fmt: skip
            y -= 1
    for words, (_, colour) in zip(_KIND_WORDS, _KINDS, strict=True):
        ax.scatter([], [], c=COLOURS[colour], label=words)
    # Above the rows: below them stands the axis' own label.
    ax.legend(title="Earth masses", ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0),
              frameon=False, fontsize=8, title_fontsize=8)  # fmt: skip
    ax.set(xscale="log", yticks=[], ylim=(y + 0.3, 0.8), xlabel="semi-major axis (au)")
    ax.grid(False)
    return ax


def plot_densities(samples: Mapping[str, Systems], *, axes: Any = None) -> Any:
    """Planets per system and square dex over (a, M), one panel a sample, one colour scale.

    Parameters
    ----------
    samples : mapping of str to Systems
        Up to four.
    axes : sequence of Axes, optional
        Where to draw.

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> from decan.planetary_systems.stars import named_systems
    >>> import matplotlib.pyplot as plt
    >>> axes = plot_densities({"named": named_systems()})
    >>> plt.close("all")
    """
    axes = _panels(len(samples), axes, height=3.4)
    edges = np.linspace(-2, 2.2, 43), np.linspace(-2.2, 4.2, 43)
    area = (edges[0][1] - edges[0][0]) * (edges[1][1] - edges[1][0])
    tables = [
        np.histogram2d(s.log_a, s.log_m, bins=edges)[0] / max(len(s), 1) / area
        for s in samples.values()
    ]
    top = max(np.quantile(t[t > 0], 0.98) if (t > 0).any() else 1.0 for t in tables)
    for ax, title, table in zip(axes, samples, tables, strict=True):
        mesh = ax.pcolormesh(10 ** edges[0], 10 ** edges[1], np.where(table > 0, table, np.nan).T,
                             cmap="viridis", vmin=0, vmax=top, rasterized=True)  # fmt: skip
        ax.set(xscale="log", yscale="log", title=title, xlabel="semi-major axis (au)")
        ax.grid(False)
    axes[0].set_ylabel("mass (Earth masses)")
    axes[0].figure.colorbar(mesh, ax=list(axes), label="planets per system and dex$^2$")
    return axes


def plot_distributions(samples: Mapping[str, Systems], *, axes: Any = None) -> Any:
    """Cumulative distributions of mass, place, multiplicity and total mass.

    Parameters
    ----------
    samples : mapping of str to Systems
    axes : sequence of four Axes, optional

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> from decan.planetary_systems.stars import named_systems
    >>> import matplotlib.pyplot as plt
    >>> axes = plot_distributions({"named": named_systems()})
    >>> plt.close("all")
    """
    axes = _panels(4, axes, height=3.0, width=2.6)
    for title, one in samples.items():
        with_planets = one[one.counts > 0]
        for ax, values in zip(
            axes,
            (one.mass_earth, one.a_au, one.counts, with_planets.total_mass),
            strict=True,
        ):
            x = np.sort(values)
            ax.plot(x, (np.arange(len(x)) + 1) / len(x), label=title, drawstyle="steps-post")
    words = ("mass (Earth masses)", "semi-major axis (au)", "planets a system",
             "total mass (Earth masses)")  # fmt: skip
    for ax, label in zip(axes, words, strict=True):
        ax.set(xlabel=label, ylim=(0, 1))
        if "planets" not in label:
            ax.set_xscale("log")
    axes[0].set_ylabel("share below")
    axes[0].legend(fontsize=8)
    return axes


def plot_neighbours(samples: Mapping[str, Systems], *, axes: Any = None) -> Any:
    """Masses of neighbours against each other, and how far neighbours are in Hill radii.

    Parameters
    ----------
    samples : mapping of str to Systems
        The first is drawn as points, all as distributions.
    axes : sequence of two Axes, optional

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> from decan.planetary_systems.stars import named_systems
    >>> import matplotlib.pyplot as plt
    >>> axes = plot_neighbours({"named": named_systems()})
    >>> plt.close("all")
    """
    from .features import neighbour_table

    axes = _panels(2, axes, height=3.4)
    bins = np.linspace(-0.2, 2.6, 57)
    colours = list(COLOURS.values())
    for number, (title, one) in enumerate(samples.items()):
        pairs = neighbour_table(one)
        some = pairs.iloc[:: max(1, len(pairs) // 1500)]
        axes[0].scatter(10 ** some["log_m_inner"], 10 ** some["log_m_outer"], s=4, alpha=0.4,
                        color=colours[number], label=title)  # fmt: skip
        axes[1].hist(np.log10(np.maximum(pairs["spacing"], 0.1)), bins=bins, density=True,
                     histtype="step", color=colours[number], label=title)  # fmt: skip
    axes[0].set(xscale="log", yscale="log", xlabel="mass of the inner planet (Earth masses)",
                ylabel="mass of the outer planet")  # fmt: skip
    axes[1].axvline(np.log10(2 * np.sqrt(3)), color=COLOURS["black"], ls=":", label="2√3")
    axes[1].set(xlabel="log10 of the distance in mutual Hill radii", ylabel="density")
    axes[1].legend(fontsize=8)
    return axes


def plot_completion(posterior: Completion, *, ax: Axes | None = None) -> Axes:
    """The (P, M) map of a star: known planets, blind zone, and what is expected there.

    Parameters
    ----------
    posterior : Completion
    ax : Axes, optional

    Returns
    -------
    Axes
        Over semi-major axis where the star's mass is unknown.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.planetary_systems.chains import exact_generator
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> posterior = exact_generator(MarkovGaps()).complete([], n=200, rng=0)
    >>> plot_completion(posterior).get_xlabel()
    'semi-major axis (au)'
    >>> plt.close("all")
    """
    ax = new_axes(ax, figsize=(6.8, 4.4))
    star = posterior.star
    log_a, log_m = np.linspace(-1.9, 1.7, 181), np.linspace(-2, 3.6, 141)
    grid_a, grid_m = np.meshgrid(log_a, log_m)
    density = posterior.density(grid_a, grid_m)
    x = _abscissa(10**log_a, star)
    mesh = ax.pcolormesh(x, 10**log_m, density, cmap="Blues", rasterized=True,
                         vmin=0, vmax=max(float(np.quantile(density, 0.995)), 1e-9))  # fmt: skip
    level = posterior.region_level(grid_a, grid_m)
    ax.contour(x, 10**log_m, level, levels=[0.5, 0.9], colors=COLOURS["blue"],
               linewidths=[1.6, 0.9])  # fmt: skip
    if posterior.survey is not None:
        _blind_zone(ax, x, log_m, grid_a, grid_m, posterior.survey, star)
    known = posterior.known
    if len(known):
        error = np.abs(np.vstack([known.mass_low, known.mass_high]))
        ax.errorbar(_abscissa(known.a_au, star), known.mass_earth, yerr=np.nan_to_num(error),
                    fmt="o", color=COLOURS["red"], label="known", capsize=2)  # fmt: skip
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper left", fontsize=8)
    ax.figure.colorbar(mesh, ax=ax, label="unseen planets expected per dex$^2$")
    unit = "period (days)" if star.mass > 0 else "semi-major axis (au)"
    title = f"{star.name[0].upper()}{star.name[1:]}: what the model expects unseen"
    ax.set(xscale="log", yscale="log", xlabel=unit, ylabel="mass (Earth masses)", title=title)
    ax.grid(False)
    return ax


def plot_likelihoods(
    rows: Sequence[tuple[str, float, float, float]], *, xlabel: str, ax: Axes | None = None
) -> Axes:
    """Models by a score with its interval, one row each.

    Parameters
    ----------
    rows : sequence of (name, value, low, high)
    xlabel : str
        The score and its unit.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> plot_likelihoods([("counts", 3.7, 3.6, 3.8)], xlabel="nats a token").get_xlabel()
    'nats a token'
    >>> plt.close("all")
    """
    ax = new_axes(ax, figsize=(6.4, 0.36 * len(rows) + 0.9))
    for y, (_, value, low, high) in enumerate(rows):
        ax.plot([low, high], [y, y], color=COLOURS["blue"], lw=2)
        ax.plot(value, y, "o", color=COLOURS["blue"])
        ax.annotate(f"{value:.3f}", (value, y), xytext=(0, 6), textcoords="offset points",
                    ha="center", fontsize=8)  # fmt: skip
    ax.set(yticks=range(len(rows)), yticklabels=[name for name, *_ in rows], xlabel=xlabel)
    ax.set_ylim(len(rows) - 0.4, -0.7)
    return ax


def plot_reliability(curves: Mapping[str, ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Share of truths inside the region of each nominal level: honest ones lie on the diagonal.

    Parameters
    ----------
    curves : mapping of str to array_like
        By title, the level of the smallest region that holds each truth.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> plot_reliability({"ours": [0.1, 0.5, 0.9]}).get_ylabel()
    'share of truths inside'
    >>> plt.close("all")
    """
    ax = new_axes(ax, figsize=(4.6, 4.2))
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], ls="--", lw=1)
    for title, levels in curves.items():
        x = np.sort(np.asarray(levels, float))
        ax.plot(x, (np.arange(len(x)) + 1) / len(x), label=title, drawstyle="steps-post")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="nominal level of the region",
           ylabel="share of truths inside")  # fmt: skip
    ax.legend(fontsize=8)
    return ax


def plot_curves(
    table: pd.DataFrame, x: str, ys: Sequence[str], *, xlabel: str, ylabel: str,
    ax: Axes | None = None, log: bool = True,
) -> Axes:  # fmt: skip
    """Columns of a table against one of them, as lines with points."""
    ax = new_axes(ax, figsize=(5.6, 3.6))
    for y in ys:
        ax.plot(table[x], table[y], "o-", label=y)
    ax.set(xlabel=xlabel, ylabel=ylabel, **({"xscale": "log"} if log else {}))
    ax.legend(fontsize=8)
    return ax


def _colours(mass: Any) -> list[str]:
    edges = np.array([limit for limit, _ in _KINDS[:-1]])
    return [COLOURS[_KINDS[i][1]] for i in np.searchsorted(edges, mass, side="right")]


def _panels(n: int, axes: Any, *, height: float, width: float = 4.0) -> Any:
    if axes is not None:
        return np.atleast_1d(axes)
    import matplotlib.pyplot as plt

    with style():
        return np.atleast_1d(plt.subplots(1, n, figsize=(width * n, height))[1])


def _abscissa(a_au: Any, star: Star) -> Any:
    return orbits.period_day(a_au, star.mass) if star.mass > 0 else np.asarray(a_au)


def _blind_zone(
    ax: Axes, x: Any, log_m: Any, grid_a: Any, grid_m: Any,
    survey: Survey | Sequence[Survey], star: Star,
) -> None:  # fmt: skip
    seen = combined_detection(survey, 10**grid_a, 10**grid_m, star)
    blind = ax.contourf(x, 10**log_m, seen, levels=[-0.1, 0.5], colors="none", hatches=["///"])
    blind.set_edgecolor(COLOURS["grey"])
    blind.set_linewidth(0)
    ax.contour(x, 10**log_m, seen, levels=[0.5], colors=COLOURS["grey"], linewidths=1)
    ax.plot([], [], color=COLOURS["grey"], lw=6, alpha=0.4, label="blind zone (hatched)")
