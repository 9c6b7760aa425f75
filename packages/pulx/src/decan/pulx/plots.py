"""Figures: what was found, what the noise does, and which peaks are one signal seen twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from decan.core.plotting import COLOURS, new_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .periodogram import Periodogram
    from .surrogate import SurrogateTree

__all__ = [
    "plot_drift_map",
    "plot_light_curve",
    "plot_periodogram",
    "plot_profile",
    "plot_ranking",
    "plot_tree",
]


def plot_periodogram(search: Periodogram, *, ax: Axes | None = None) -> Axes:
    """Statistic against frequency, with the level that noise rarely reaches and the peaks.

    Parameters
    ----------
    search : Periodogram
        Result of a search.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from decan.pulx import search_z, simulate_events
    >>> ax = plot_periodogram(search_z(simulate_events(rng=0, span=500.0), 0.1, 1.0))
    >>> ax.get_xlabel()
    'frequency (Hz)'
    """
    ax = new_axes(ax, figsize=(7.2, 3.6))
    frequency, values = _envelope(search.frequency, search.values)
    ax.plot(frequency, values, color=COLOURS["grey"], lw=0.7, label=search.statistic)
    level = search.volume.threshold(0.01) * search.continuum(frequency) / 2
    ax.plot(frequency, level, color=COLOURS["red"], lw=1.2, ls="--",
            label="1 % of noise lists reach this somewhere")  # fmt: skip
    peaks = search.peaks(10)
    own = peaks[(peaks["alias_of"] < 0) & (peaks["p_global"] < 0.01)]
    alias = peaks[(peaks["alias_of"] >= 0) & (peaks["p_global"] < 0.01)]
    if len(own):
        ax.plot(own["frequency_hz"], own[search.statistic], "o", color=COLOURS["blue"],
                label="peak")  # fmt: skip
    if len(alias):
        ax.plot(alias["frequency_hz"], alias[search.statistic], "o", mfc="none",
                color=COLOURS["orange"], label="alias of the gaps")  # fmt: skip
    if search.fmax > 20 * search.fmin:
        _decades(ax)
    ax.set_xlim(search.fmin, search.fmax)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("frequency (Hz)")
    ax.set_ylabel(search.statistic if search.statistic == "H" else f"Z²_{search.n_harmonics}")
    ax.set_title(search.events.name)
    ax.legend(loc="upper right", fontsize=8)
    return ax


def plot_tree(tree: SurrogateTree, *, ax: Axes | None = None) -> Axes:
    """A surrogate tree with its cuts and counts.

    Parameters
    ----------
    tree : SurrogateTree
        The tree.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from decan.pulx import published_tree
    >>> len(plot_tree(published_tree()).texts) >= 13
    True
    """
    ax = new_axes(ax, figsize=(9.0, 4.4))
    place: dict[int, tuple[float, int]] = {}
    _place(tree, 0, 0, iter(range(len(tree.leaves))), place)
    inert = set(tree.inert())
    for number, (x, depth) in place.items():
        node = tree.nodes[number]
        for child, word in ((node.left, "yes"), (node.right, "no")):
            if child >= 0:
                cx, cd = place[child]
                ax.plot([x, cx], [-depth, -cd], color="#AAB2BA", lw=1, zorder=1)
                ax.text((x + cx) / 2, -(depth + cd) / 2, word, fontsize=7, color="#5B6570",
                        ha="center")  # fmt: skip
        words = f"{node.feature} ≤ {node.threshold:.3f}" if node.feature else (
            "pulsar-like" if node.verdict else "other"
        )  # fmt: skip
        share = node.counts[1] / max(1, sum(node.counts))
        colour = COLOURS["orange"] if share > 0.5 else COLOURS["sky"]
        box = {
            "boxstyle": "round,pad=0.35", "fc": colour, "alpha": 1.0 if node.is_leaf else 0.75,
            "ec": "#5B6570", "ls": "--" if number in inert else "-",
        }  # fmt: skip
        ax.text(x, -depth, f"{words}\n[{node.counts[0]:,}, {node.counts[1]:,}]", ha="center",
                va="center", fontsize=7.5, bbox=box, zorder=2)  # fmt: skip
    ax.set_axis_off()
    ax.set_ylim(-tree.depth - 0.5, 0.5)
    ax.set_xlim(-0.7, len(tree.leaves) - 0.3)
    ax.set_title(f"fidelity {tree.fidelity:.3f}; cuts with dashed frames change no verdict")
    return ax


def plot_ranking(ranking: pd.DataFrame, *, n: int = 25, ax: Axes | None = None) -> Axes:
    """The first sources of a ranking: share of observations selected, with intervals.

    Parameters
    ----------
    ranking : DataFrame
        From :meth:`CandidateFinder.rank` by source.
    n : int
        How many sources.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from decan.pulx.ranking import vote
    >>> ax = plot_ranking(vote(["a", "a", "b"], [2.0, 1.0, -3.0], 0.0))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['a (2)', 'b (1)']
    """
    rows = ranking.head(n)
    ax = new_axes(ax, figsize=(6.4, 0.9 + 0.24 * len(rows)))
    y = np.arange(len(rows))
    colours = [COLOURS["orange"] if known else COLOURS["blue"] for known in rows["known"]]
    ax.hlines(y, rows["share_low"], rows["share_high"], color=colours, lw=2)
    ax.scatter(rows["share"], y, color=colours, s=28, zorder=3)
    ax.set_yticks(
        y, [f"{s} ({k})" for s, k in zip(rows["source"], rows["n_observations"], strict=True)]
    )
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("share of observations selected (interval: 16 to 84 %)")
    ax.set_title("Best first; orange: known pulsars")
    return ax


def plot_light_curve(
    mjd: ArrayLike, rate: ArrayLike, error: ArrayLike, limit: ArrayLike, *, name: str = "",
    ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """Long-term light curve with upper limits as arrows.

    Parameters
    ----------
    mjd : array_like, shape (n,)
        Days.
    rate, error : array_like, shape (n,)
        Counts/s.
    limit : array_like of bool, shape (n,)
        Rows that are upper limits.
    name : str
        Title.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> plot_light_curve([1.0, 2.0], [0.1, 0.01], [0.01, 0.0], [False, True]).get_yscale()
    'log'
    """
    ax = new_axes(ax, figsize=(7.2, 2.6))
    t, r, e = (np.asarray(x, dtype=float) for x in (mjd, rate, error))
    upper = np.asarray(limit, dtype=bool)
    good = ~upper & (r > 0)
    ax.errorbar(t[good], r[good], np.minimum(e[good], 0.9 * r[good]), fmt=".", ms=4, lw=0.7,
                color=COLOURS["blue"])  # fmt: skip
    low = upper & (r > 0)
    ax.plot(t[low], r[low], "v", ms=4, color=COLOURS["grey"], mfc="none")
    ax.set_yscale("log")
    ax.set_xlabel("MJD (days)")
    ax.set_ylabel("rate (counts/s)")
    ax.set_title(name)
    return ax


def _decades(ax: Axes) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5: powers of ten would collide."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _envelope(x: Any, y: Any, n: int = 6000) -> tuple[Any, Any]:
    """At most a few thousand points that keep every maximum."""
    if len(x) <= n:
        return x, y
    size = len(x) // n
    cut = len(x) // size * size
    block = y[:cut].reshape(-1, size)
    best = block.argmax(axis=1)
    rows = np.arange(len(block))
    return x[:cut].reshape(-1, size)[rows, best], block[rows, best]


def _place(tree: SurrogateTree, number: int, depth: int, slots: Any, place: Any) -> float:
    node = tree.nodes[number]
    if node.is_leaf:
        x = float(next(slots))
    else:
        x = (
            _place(tree, node.left, depth + 1, slots, place)
            + _place(tree, node.right, depth + 1, slots, place)
        ) / 2
    place[number] = (x, depth)
    return x


def plot_drift_map(search: Any, *, ax: Axes | None = None, half_width_bins: float = 12.0) -> Axes:
    """Exact Z² over frequency and drift around the best peak; peaks and aliases marked.

    Parameters
    ----------
    search : AcceleratedSearch
        Result of a search with at least one peak.
    ax : Axes, optional
        Where to draw.
    half_width_bins : float
        Half-width in Fourier bins, and in z.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from decan.pulx import search_accelerated, simulate_events
    >>> events = simulate_events(span=900.0, rate=1.0, frequency=0.5, pulsed_fraction=0.7, rng=0)
    >>> plot_drift_map(search_accelerated(events, 0.1, 1.0, zmax=4)).get_ylabel()
    'drift (Hz/s)'
    """
    from .acceleration import drift_map

    events, best = search.events, search.best
    ax = new_axes(ax, figsize=(6.8, 4.2))
    bin_hz, bin_drift = 1 / events.span, 1 / events.span**2
    df = np.linspace(-half_width_bins, half_width_bins, 241) * bin_hz
    dd = np.linspace(-1.5 * half_width_bins, 1.5 * half_width_bins, 121) * bin_drift
    frequency, drift = best["frequency_hz"] + df, best["drift_hz_s"] + dd
    power = drift_map(events, frequency, drift)
    mesh = ax.pcolormesh(df * 1e3, drift, power, shading="auto", rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label="Z²_1")
    peaks = search.peaks(20)
    inside = (np.abs(peaks["frequency_hz"] - best["frequency_hz"]) <= df[-1]) & (
        np.abs(peaks["drift_hz_s"] - best["drift_hz_s"]) <= dd[-1]
    )
    for alias, fill, label in ((False, COLOURS["red"], "peak"),
                               (True, "none", "alias of the gaps")):  # fmt: skip
        rows = peaks[inside & ((peaks["alias_of"] >= 0) == alias)]
        if len(rows):
            ax.plot([], [], "o", mec="black", mfc=fill, label=label)
            ax.plot((rows["frequency_hz"] - best["frequency_hz"]) * 1e3, rows["drift_hz_s"], "o",
                    mec="white", ms=8, mew=1.5, ls="", mfc=fill)  # fmt: skip
    ax.grid(visible=False)
    ax.set_xlabel(f"frequency - {best['frequency_hz']:.6f} Hz (mHz)")
    ax.set_ylabel("drift (Hz/s)")
    ax.set_title(events.name)
    ax.legend(loc="upper right", fontsize=8, frameon=True, facecolor="white", framealpha=0.9)
    return ax


def plot_profile(profile: Any, *, ax: Axes | None = None) -> Axes:
    """Folded profile over two turns, with errors.

    Parameters
    ----------
    profile : Profile
        From :func:`decan.pulx.fold`.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from decan.pulx import fold, simulate_events
    >>> plot_profile(fold(simulate_events(span=500.0, rng=0), 0.5)).get_xlabel()
    'phase (turns)'
    """
    ax = new_axes(ax, figsize=(5.4, 3.2))
    phase = np.concatenate([profile.phase, profile.phase + 1])
    rate, error = np.tile(profile.rate, 2), np.tile(profile.error, 2)
    ax.step(phase, rate, where="mid", color=COLOURS["blue"])
    ax.errorbar(phase, rate, error, fmt="none", ecolor=COLOURS["blue"], lw=0.8)
    ax.axhline(float(np.mean(profile.rate)), color=COLOURS["grey"], lw=0.8)
    ax.set_xlabel("phase (turns)")
    ax.set_ylabel("rate (counts/s)")
    ax.set_xlim(0, 2)
    return ax
