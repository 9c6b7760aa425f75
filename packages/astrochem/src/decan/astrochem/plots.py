"""Figures of grids, emulators, explanations, groups and posteriors; each returns its Axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.plotting import COLOURS, new_axes, style

from .space import CLOUD, ParameterSpace

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from .explain import Importance, ShapleyResult
    from .groups import Groups
    from .ratios import RatioTable
    from .retrieval import Posterior
    from .sobol import SobolIndices
    from .validation import CrossValidation

__all__ = [
    "plot_beeswarm",
    "plot_dependence",
    "plot_failures",
    "plot_groups",
    "plot_importance",
    "plot_learning",
    "plot_next_ratio",
    "plot_posterior",
    "plot_predictions",
    "plot_sobol",
    "plot_trends",
]


def plot_trends(table: RatioTable, *, n_bins: int = 6, axes: Any = None) -> NDArray[Any]:
    """Binned medians of every ratio against every parameter, with quartiles.

    Parameters
    ----------
    table : RatioTable
        Ratios of a grid.
    n_bins : int
        Bins with equal numbers of models.
    axes : array of Axes, optional
        One a ratio and parameter.

    Returns
    -------
    array of Axes, shape (n_ratios, n_parameters)

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import simulate_grid
    >>> axes = plot_trends(simulate_grid(32, rng=0).ratios(["CN/HCN"]))
    >>> axes.shape
    (1, 7)
    >>> plt.close(axes.flat[0].figure)
    """
    import matplotlib.pyplot as plt

    names = [str(name) for name in table.inputs]
    if axes is None:
        with style():
            size = (1.75 * len(names), 1.15 * len(table.names) + 0.5)
            axes = plt.subplots(
                len(table.names),
                len(names),
                figsize=size,
                sharex="col",
                sharey="row",
                squeeze=False,
            )[1]
    for i, ratio in enumerate(table.names):
        X, y = table.rows(ratio)
        for j, name in enumerate(names):
            ax, x = axes[i, j], X[name].to_numpy(dtype=float)
            centre, low, mid, high = _binned(x, y.to_numpy(dtype=float), n_bins)
            ax.fill_between(centre, low, high, color=COLOURS["sky"], alpha=0.35, linewidth=0)
            ax.plot(centre, mid, color=COLOURS["blue"], marker="o", markersize=3)
            _log_axis(ax)
            ax.tick_params(labelsize=7)
            if i == len(table.names) - 1:
                ax.set_xlabel(_label(name).replace(" [", "\n["), fontsize=8)
            if j == 0:
                ax.set_ylabel(f"{ratio}\n[dex]", fontsize=8)
    return np.asarray(axes)


def plot_failures(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Where in temperature and density the models stopped or broke conservation.

    Parameters
    ----------
    table : DataFrame
        What ``ModelGrid.failure_map`` gives.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import simulate_grid
    >>> ax = plot_failures(simulate_grid(32, rng=0).failure_map())
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax)
    marks = {
        "good": ("grey", ".", 18, 0.5),
        "stopped": ("red", "x", 45, 1.0),
        "unphysical": ("purple", "D", 38, 1.0),
    }
    for status, (colour, marker, size, alpha) in marks.items():
        rows = table[table["status"] == status]
        if len(rows):
            ax.scatter(
                rows["T_K"],
                rows["nH_cm3"],
                s=size,
                marker=marker,
                color=COLOURS[colour],
                alpha=alpha,
                label=f"{status} ({len(rows)})",
            )
    ax.set(xscale="log", yscale="log", xlabel=_label("T_K"), ylabel=_label("nH_cm3"))
    ax.legend(loc="upper left", bbox_to_anchor=(0, 1.14), ncols=3)
    return ax


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


def plot_beeswarm(result: ShapleyResult, *, ax: Axes | None = None) -> Axes:
    """Shapley values of every cloud, a line a parameter, coloured by the parameter's value.

    Parameters
    ----------
    result : ShapleyResult
        Of one ratio. The title carries the emulator's held-out R².
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import RatioEmulator, explain, simulate_grid
    >>> X, y = simulate_grid(48, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> emulator = RatioEmulator(n_trees=20, calibrate=False).fit(X, y)
    >>> ax = plot_beeswarm(explain(emulator, X, target="CN/HCN"))
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(6.2, 3.8))
    order = np.argsort(np.abs(result.values).mean(axis=0))
    unit = result.space.to_unit(result.inputs)
    for row, j in enumerate(order):
        phi = result.values[:, j]
        offset = _swarm(phi)
        drawn = ax.scatter(
            phi, row + offset, c=unit[:, j], cmap="cividis", s=8, vmin=0, vmax=1, linewidth=0
        )
    ax.axvline(0, color=COLOURS["black"], linewidth=0.8)
    ax.set_yticks(range(len(order)), [_words(result.space, j) for j in order])
    r2 = "R² unknown" if np.isnan(result.held_out_r2) else f"held-out R² {result.held_out_r2:.2f}"
    ax.set_title(f"{result.target} ({r2})")
    ax.set_xlabel("Shapley value [dex]")
    bar = ax.figure.colorbar(drawn, ax=ax, ticks=[0, 1], pad=0.01, aspect=30)
    bar.ax.set_yticklabels(["low", "high"])
    bar.outline.set_visible(False)
    return ax


def plot_dependence(
    result: ShapleyResult, name: str, *, color: str = "T_K", ax: Axes | None = None
) -> Axes:
    """Shapley value of a parameter along that parameter, coloured by another.

    Parameters
    ----------
    result : ShapleyResult
        Of one ratio.
    name, color : str
        Parameters.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import RatioEmulator, explain, simulate_grid
    >>> X, y = simulate_grid(48, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> emulator = RatioEmulator(n_trees=20, calibrate=False).fit(X, y)
    >>> ax = plot_dependence(explain(emulator, X), "fC")
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    frame = result.dependence(name, color)
    shade = np.log10(frame[color].to_numpy(dtype=float))
    drawn = ax.scatter(frame[name], frame["phi [dex]"], c=shade, s=14, cmap="cividis", linewidth=0)
    ax.axhline(0, color=COLOURS["grey"], linewidth=0.8)
    _log_axis(ax)
    ax.set(xlabel=_label(name), ylabel=f"Shapley value of {name} [dex]")
    ax.set_title(result.target)
    bar = ax.figure.colorbar(drawn, ax=ax)
    bar.set_label(f"log10 {_label(color)}")
    bar.outline.set_visible(False)
    return ax


def plot_importance(found: dict[str, Importance], *, ax: Axes | None = None) -> Axes:
    """Importance of each parameter for each ratio, with the chance that the rank is first.

    Parameters
    ----------
    found : dict of str to Importance
        By ratio.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem.explain import Importance
    >>> ax = plot_importance({"CN/HCN": Importance(CLOUD, np.ones((3, 7)), 9)})
    >>> plt.close(ax.figure)
    """
    ratios = list(found)
    ax = new_axes(ax, figsize=(7.2, 0.42 * len(ratios) + 1.6))
    space = found[ratios[0]].space
    sizes = np.array([np.median(one.draws, axis=0) for one in found.values()])
    ranks = np.array([np.median(one.ranks, axis=0) for one in found.values()])
    drawn = ax.imshow(sizes, aspect="auto", cmap="cividis", vmin=0)
    for i in range(len(ratios)):
        for j in range(len(space)):
            bright = sizes[i, j] > 0.6 * sizes.max()
            ax.text(
                j,
                i,
                f"{sizes[i, j]:.2f}\n#{ranks[i, j]:.0f}",
                ha="center",
                va="center",
                fontsize=7,
                color="black" if bright else "white",
            )
    ax.set_xticks(
        range(len(space)), [_words(space, j) for j in range(len(space))], rotation=20, ha="right"
    )
    ax.set_yticks(range(len(ratios)), ratios)
    ax.grid(visible=False)
    bar = ax.figure.colorbar(drawn, ax=ax)
    bar.set_label("mean |Shapley value| [dex]")
    bar.outline.set_visible(False)
    return ax


def plot_groups(
    groups: Groups, *, color: Any = None, label: str = "", ax: Axes | None = None
) -> Axes:
    """Models on the map, by group or by a quantity.

    Parameters
    ----------
    groups : Groups
        Groups with their map.
    color : array_like, optional
        A quantity of each model; the groups without it.
    label : str
        What the colour shows.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.core.metrics import Estimate
    >>> from decan.astrochem.groups import Embedding, Groups
    >>> map_ = Embedding(np.eye(3)[:, :2], np.zeros((3, 9)), {"seed": 0}, 0, 1.0)
    >>> groups = Groups(np.array([0, 0, -1]), np.ones(3), Estimate(0.9), 1.0, {0: 0.9}, map_)
    >>> plt.close(plot_groups(groups).figure)
    """
    ax = new_axes(ax, figsize=(4.6, 4.0))
    places = groups.embedding.coordinates
    if color is None:
        names = ("blue", "orange", "green", "red", "purple", "sky", "yellow", "black")
        for number in sorted(set(groups.labels.tolist())):
            inside = groups.labels == number
            shade = COLOURS["grey"] if number < 0 else COLOURS[names[number % len(names)]]
            words = "none" if number < 0 else f"group {number}"
            ax.scatter(
                places[inside, 0], places[inside, 1], s=14, color=shade, linewidth=0, label=words
            )
        ax.legend(loc="best", fontsize=8, markerscale=1.5)
        ax.set_title(
            f"trustworthiness {groups.embedding.trustworthiness:.2f}, "
            f"Rand index over seeds {groups.stability.value:.2f}",
            fontsize=9,
        )
    else:
        drawn = ax.scatter(places[:, 0], places[:, 1], c=color, s=14, cmap="cividis", linewidth=0)
        bar = ax.figure.colorbar(drawn, ax=ax)
        bar.outline.set_visible(False)
        ax.set_title(label, fontsize=9)
    # Places on such a map have no unit and no scale.
    ax.set(xticks=[], yticks=[], xlabel="UMAP 1 (no scale)", ylabel="UMAP 2 (no scale)")
    return ax


def plot_posterior(
    posterior: Posterior, *, truth: dict[str, float] | None = None, axes: Any = None
) -> NDArray[Any]:
    """Posterior of each parameter against its prior, with the 68 % interval.

    Parameters
    ----------
    posterior : Posterior
        Of one source.
    truth : dict of str to float, optional
        True values of a simulated cloud.
    axes : array of Axes, optional
        One a parameter.

    Returns
    -------
    array of Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem.retrieval import Posterior
    >>> axis = CLOUD.to_axis(CLOUD.sobol(64))
    >>> axes = plot_posterior(Posterior(CLOUD, axis, np.full(64, 1 / 64), (), 0.0, 1.0))
    >>> plt.close(axes.flat[0].figure)
    """
    import matplotlib.pyplot as plt

    space = posterior.space
    if axes is None:
        with style():
            axes = plt.subplots(2, (len(space) + 1) // 2, figsize=(9.2, 4.2), squeeze=False)[1]
    unit = space.to_unit(posterior.sample(4096, rng=0))
    for j, ax in enumerate(axes.flat):
        if j >= len(space):
            ax.set_axis_off()
            continue
        param = space.params[j]
        edges = space.from_unit(np.tile(np.linspace(0, 1, 31)[:, None], (1, len(space))))[:, j]
        heights = np.histogram(unit[:, j], bins=np.linspace(0, 1, 31))[0] / 4096 * 30
        ax.stairs(heights, edges, fill=True, color=COLOURS["sky"], alpha=0.7)
        ax.axhline(1, color=COLOURS["grey"], linewidth=0.8, linestyle="--")
        low, mid, high = posterior.quantile(param.name, [0.16, 0.5, 0.84])
        ax.axvspan(low, high, color=COLOURS["blue"], alpha=0.12, linewidth=0)
        ax.axvline(mid, color=COLOURS["blue"], linewidth=1.2)
        if truth is not None and param.name in truth:
            ax.axvline(truth[param.name], color=COLOURS["red"], linewidth=1.5)
        if param.scale == "log":
            _log_axis(ax)
        ax.set_xlabel(space.label(param.name), fontsize=8)
        ax.set_yticks([])
    axes.flat[0].set_ylabel("density against prior", fontsize=8)
    return np.asarray(axes)


def plot_next_ratio(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Expected information gain of the ratios not yet observed.

    Parameters
    ----------
    table : DataFrame
        What ``Retrieval.next_ratio`` gives.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt, pandas as pd
    >>> ax = plot_next_ratio(pd.DataFrame({"ratio": ["CS/SO"], "gain [bit]": [0.4]}))
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(5.0, 0.34 * len(table) + 1.0))
    rows = table.iloc[::-1]
    ax.barh(rows["ratio"], rows["gain [bit]"], color=COLOURS["blue"])
    ax.set_xlabel("expected information gain [bit]")
    ax.grid(axis="y", visible=False)
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


def plot_sobol(found: SobolIndices, *, exact: Any = None, ax: Axes | None = None) -> Axes:
    """Total Sobol indices with intervals, and the exact ones where they are known.

    Parameters
    ----------
    found : SobolIndices
        Of one emulator.
    exact : array_like, optional
        Exact total indices.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from decan.astrochem import closed_form, sobol_indices
    >>> ax = plot_sobol(sobol_indices(closed_form("CN/HCN"), n=64))
    >>> plt.close(ax.figure)
    """
    ax = new_axes(ax, figsize=(5.4, 3.4))
    place = np.arange(len(found.total))
    low, high = found.total_interval
    errors = np.maximum([found.total - low, high - found.total], 0)
    ax.errorbar(place, found.total, yerr=errors, fmt="o", color=COLOURS["blue"], label="emulator")
    if exact is not None:
        ax.scatter(place, exact, marker="_", s=300, color=COLOURS["red"], label="exact")
        ax.legend()
    names = [_words(found.space, j) for j in range(len(place))]
    ax.set_xticks(place, names, rotation=20, ha="right")
    ax.set_ylabel("total Sobol index")
    return ax


def _log_axis(ax: Axes) -> None:
    """A logarithmic axis whose labels never run into each other, however short it is."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    decades = np.ptp(np.log10(np.maximum(ax.get_xlim(), 1e-30)))
    if decades < 1.6:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _binned(x: Any, y: Any, n_bins: int) -> tuple[Any, Any, Any, Any]:
    edges = np.quantile(x, np.linspace(0, 1, n_bins + 1))
    which = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, n_bins - 1)
    filled = [k for k in range(n_bins) if (which == k).any()]
    centre = np.array([np.median(x[which == k]) for k in filled])
    low, mid, high = np.array([np.percentile(y[which == k], [25, 50, 75]) for k in filled]).T
    return centre, low, mid, high


def _swarm(values: Any) -> Any:
    """Vertical offsets that grow with how many points share a place."""
    n_bins = 60
    span = np.ptp(values) or 1.0
    which = ((values - values.min()) / span * (n_bins - 1)).astype(int)
    order = np.argsort(which, kind="stable")
    first = np.searchsorted(which[order], which[order], side="left")
    position = np.empty(len(values))
    position[order] = np.arange(len(values)) - first
    side = np.where(position % 2 == 0, 1, -1)
    step = min(0.06, 0.8 / max(np.bincount(which).max(), 2))
    return side * ((position + 1) // 2) * step


def _label(name: str) -> str:
    return CLOUD.label(name) if name in CLOUD.names else name


def _words(space: ParameterSpace, j: int) -> str:
    return space.label(space.names[j]).split(" [")[0]
