"""Figures of views, verdicts and rankings; each function returns what it drew on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes, style

from .presets import PRESETS
from .views import ViewSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from .pixels import DifferenceImage
    from .verdict import Verdict

__all__ = [
    "plot_difference",
    "plot_precision_recall",
    "plot_reliability",
    "plot_verdict",
    "plot_view",
    "plot_views",
]

_TITLES = {
    "global": "whole orbit",
    "main": "transit",
    "local": "transit",
    "secondary": "strongest secondary",
    "odd": "odd transits",
    "even": "even transits",
    "centroid": "photocentre",
    "ghost": "halo minus core",
    "half": "half an orbit away",
    "double": "two orbits",
}
_TONES = {1: COLOURS["green"], 0: COLOURS["grey"], -1: COLOURS["orange"], -2: COLOURS["red"]}


def plot_view(
    views: ViewSet, name: str, *, row: int = 0, ax: Axes | None = None, colour: str = "blue"
) -> Axes:
    """One view of one signal.

    Parameters
    ----------
    views : ViewSet
        The views.
    name : str
        Which of them.
    row : int
        Which signal.
    ax : Axes, optional
        Where to draw.
    colour : str
        A name of the house's palette.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.transits import ViewBuilder, simulate_signal
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> views = ViewBuilder().transform(found.lightcurve, found.signal)
    >>> plot_view(views, "main").get_title()
    'transit'
    """
    view = next(v for v in PRESETS[views.preset].views if v.name == name)
    ax = new_axes(ax)
    edge = 0.5 if view.half_span is None else view.half_span
    centre = 0.0 if view.half_span is not None or view.centre == "secondary" else float(view.centre)
    place = centre + np.linspace(-edge, edge, view.n_bins + 1)[:-1] + edge / view.n_bins
    ax.set_title(_TITLES.get(name, name))
    orbit = "orbital phase" if view.periods == 1.0 else f"phase at {view.periods:g} periods"
    ax.set_xlabel(orbit if view.half_span is None else "durations from the middle")
    if not views.present[name][row]:
        ax.text(0.5, 0.5, "no data", ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
        return ax
    values = views[name][row]
    lines = values.T if values.ndim == 2 else values[None]
    for line, tone in zip(lines, (colour, "orange"), strict=False):
        ax.plot(place, line, ".", ms=3, color=COLOURS[tone])
        if view.series == "flux":
            ax.plot(place, line, color=COLOURS[tone], lw=0.8, alpha=0.5)
        else:
            smooth = np.convolve(np.pad(line, 2, mode="edge"), np.ones(5) / 5, mode="valid")
            ax.plot(place, smooth, color=COLOURS[tone], lw=1.2)
    scale = PRESETS[views.preset].scale
    units = {"depth": "transit depths", "minmax": "scaled", "unit": "view minima"}
    unit = "scatter of a bin" if name == "centroid" and scale == "depth" else units[scale]
    ax.set_ylabel(f"flux ({unit})" if name != "centroid" else f"shift ({unit})")
    return ax


def plot_views(views: ViewSet, *, row: int = 0) -> NDArray[Any]:
    """All views of one signal; flux views share their scale where the preset keeps it.

    Parameters
    ----------
    views : ViewSet
        The views.
    row : int
        Which signal.

    Returns
    -------
    ndarray of matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.transits import ViewBuilder, simulate_signal
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> views = ViewBuilder("yu2019").transform(found.lightcurve, found.signal)
    >>> plot_views(views).shape
    (3,)
    """
    import matplotlib.pyplot as plt

    names = list(views.values)
    with style():
        columns = 3 if len(names) > 4 else len(names)
        rows = -(-len(names) // columns)
        axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 2.6 * rows))[1]
        flat = np.atleast_1d(axes).ravel()
        for ax, name in zip(flat, names, strict=False):
            plot_view(views, name, row=row, ax=ax)
        for ax in flat[len(names) :]:
            ax.remove()
        if views.preset == "depth":
            there = [name in _FLUX and views.present[name][row] for name in names]
            _share_scale([ax for ax, shown in zip(flat, there, strict=False) if shown])
    return np.asarray(axes)


_FLUX = ("global", "main", "local", "secondary", "odd", "even", "half", "double")


def plot_verdict(verdict: Verdict) -> Figure:
    """One figure of one verdict: the views, the decision, and every reason.

    Parameters
    ----------
    verdict : Verdict
        From :meth:`TransitVetter.vet`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from decan.transits import TransitVetter, simulate_signal
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> verdict = TransitVetter.pretrained().vet(found.lightcurve, found.signal)
    >>> len(plot_verdict(verdict).axes) > 4
    True
    """
    import matplotlib.pyplot as plt

    views = verdict.views
    with style():
        figure = plt.figure(figsize=(10.5, 7.6))
        # A grid of its own for each row: one row's labels do not squeeze another's axes.
        rows = figure.add_gridspec(3, 1, height_ratios=(1.15, 1.0, 0.95))
        top = rows[0].subgridspec(1, 2, width_ratios=(7, 5))
        low = rows[2].subgridspec(1, 2, width_ratios=(8, 3))
        wide, main = figure.add_subplot(top[0]), figure.add_subplot(top[1])
        # One grid for the row, so that its axes leave room for each other's labels.
        four = rows[1].subgridspec(1, 4)
        middle = [figure.add_subplot(four[i]) for i in range(4)]
        plot_view(views, "global", ax=wide)
        plot_view(views, "main", ax=main)
        there = [name for name in ("odd", "even") if views.present[name][0]]
        for name in there or ["odd"]:
            plot_view(views, name, ax=middle[0], colour={"odd": "purple", "even": "sky"}[name])
        middle[0].set_title(" and ".join(there) or "odd and even")
        plot_view(views, "secondary", ax=middle[1], colour="green")
        phase = views.quality["secondary_phase"][0]
        middle[1].set_title(f"secondary, phase {phase:.2f}")
        plot_view(views, "centroid", ax=middle[2])
        plot_view(views, "ghost", ax=middle[3], colour="red")
        shown = (views.present["main"][0], bool(there), views.present["secondary"][0])
        _share_scale([ax for ax, one in zip((main, *middle[:2]), shown, strict=True) if one])
        for ax in middle[1:]:
            ax.set_ylabel("")
        _write_reasons(figure.add_subplot(low[0]), verdict)
        if verdict.contributions:
            _draw_contributions(figure.add_subplot(low[1]), verdict)
        title = verdict.headline.replace("  (", "\n(")
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, weight="bold")
    return figure


def plot_difference(image: DifferenceImage) -> NDArray[Any]:
    """The star's image beside what is missing in transit, with star and source marked.

    Parameters
    ----------
    image : DifferenceImage
        From :meth:`TargetPixels.difference_image`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes

    Examples
    --------
    >>> from decan.transits import simulate_pixels
    >>> made = simulate_pixels(neighbour_arcsec=(8.0, 0.0), eclipsed="neighbour", rng=1)
    >>> plot_difference(made.pixels.difference_image(made.signal)).shape
    (2,)
    """
    import matplotlib.pyplot as plt

    offset = image.source_offset()
    star = image.pixels.star_pixel
    with style():
        axes = plt.subplots(1, 2, figsize=(8.4, 3.6))[1]
        shown = (
            ("out of transit", np.log10(np.maximum(image.out_of_transit, 1.0)), "viridis"),
            (f"missing in transit: {offset}", image.difference / image.error, "magma"),
        )
        for ax, (title, values, colours) in zip(axes, shown, strict=True):
            ax.imshow(values, origin="lower", cmap=colours)
            ax.plot(*star, "+", ms=13, mew=2, color="white", label="star")
            ax.plot(offset.column, offset.row, "o", ms=11, mew=2, mfc="none",
                    color=COLOURS["orange"], label="source")  # fmt: skip
            ax.set(xlabel="column", ylabel="row")
            ax.set_title(title, fontsize="small")
            ax.grid(False)
        axes[1].legend(loc="upper left", labelcolor="white")
    return np.asarray(axes)


def plot_precision_recall(
    scores: Mapping[str, tuple[ArrayLike, ArrayLike]], *, ax: Axes | None = None
) -> Axes:
    """Precision against recall of one or several rankings.

    Parameters
    ----------
    scores : mapping of str to (y, score)
        Truth and score of each ranking, by its name in the legend.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_precision_recall({"ours": ([0, 1, 1], [0.2, 0.7, 0.9])}).get_xlabel()
    'recall'
    """
    from sklearn.metrics import precision_recall_curve

    ax = new_axes(ax, figsize=(5.4, 4.2))
    for (name, (y, score)), colour in zip(scores.items(), COLOURS.values(), strict=False):
        precision, recall, _ = precision_recall_curve(y, score)
        ax.step(recall, precision, where="post", label=name, color=colour)
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(None, 1.005))
    ax.legend(loc="lower left")
    return ax


def plot_reliability(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], *, n_bins: int = 15, ax: Axes | None = None
) -> Axes:
    """Observed frequency against predicted probability, in bins of equal numbers.

    Parameters
    ----------
    curves : mapping of str to (y, probability)
        Truth and probability, by the name in the legend.
    n_bins : int
        Number of bins.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_reliability({"ours": ([0, 1, 1, 0], [0.2, 0.7, 0.9, 0.4])}, n_bins=2).get_ylabel()
    'observed frequency'
    """
    from decan.core.metrics import reliability_curve

    ax = new_axes(ax, figsize=(4.8, 4.4))
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], lw=1, ls="--")
    for (name, (y, p)), colour in zip(curves.items(), COLOURS.values(), strict=False):
        frame = reliability_curve(y, p, n_bins=n_bins)
        ax.plot(frame["probability"], frame["observed"], "o-", ms=4, label=name, color=colour)
        ax.vlines(frame["probability"], frame["low"], frame["high"], color=colour, lw=1)
    ax.set(xlabel="predicted probability", ylabel="observed frequency")
    ax.legend(loc="upper left")
    return ax


def _share_scale(axes: Sequence[Axes]) -> None:
    if not axes:
        return
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def _draw_contributions(ax: Axes, verdict: Verdict) -> None:
    names = [_TITLES.get(name, name) for name in verdict.contributions]
    values = list(verdict.contributions.values())
    tones = [COLOURS["green"] if value > 0 else COLOURS["orange"] for value in values]
    ax.barh(names, values, color=tones)
    ax.axvline(0, color=COLOURS["grey"], lw=0.8)
    ax.invert_yaxis()
    ax.set(title="what each input adds", xlabel="log-odds of transit or eclipse")


def _write_reasons(ax: Axes, verdict: Verdict) -> None:
    ax.set_axis_off()

    def write(x: float, y: float, words: str, **style: Any) -> None:
        text = ax.text(x, y, words, transform=ax.transAxes, va="top", **style)
        # Long lines may run on; they must not push the other axes about.
        text.set_in_layout(False)

    write(0.0, 1.0, str(verdict.signal), color="#5B6570")
    line = 0.86
    for reason in verdict.reasons[:8]:
        write(0.0, line, "●", color=_TONES[reason.weight])
        for words in wrap(reason.text, 84):
            write(0.025, line, words)
            line -= 0.115
    for note in verdict.notes:
        for words in wrap(note, 92):
            write(0.025, line, words, style="italic", size=8.5)
            line -= 0.115
