"""Views: the folded, binned pictures of a signal that a vetter, human or network, looks at.

What is drawn, and on which scale, is a matter of presets: see :mod:`~decan.transits.presets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .detrending import flatten
from .folding import bin_means, bin_medians, count_transits, fill_empty
from .presets import PRESETS, Preset, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .lightcurve import LightCurve
    from .signals import TransitSignal

__all__ = ["ViewBuilder", "ViewSet", "build_views"]


_YU_WIDTH = 0.16


@dataclass(frozen=True)
class ViewSet:
    """The views of one or many signals, with what is needed to judge them.

    Parameters
    ----------
    preset : str
        The recipe that made them.
    values : dict of str to ndarray, shape (n, n_bins) or (n, n_bins, 2)
        The views by name; NaN throughout where a view is missing (1e-7 for ``watson``,
        as released).
    counts : dict of str to ndarray of int, shape (n, n_bins)
        Points in each bin.
    present : dict of str to ndarray of bool, shape (n,)
        Which views are there.
    depth : ndarray of float, shape (n,)
        Transit depth that the scale 'depth' divides by, a fraction of the flux.
    quality : dict of str to ndarray, shape (n,)
        ``n_transits`` with data, ``n_good`` of them, ``secondary_phase`` and ``n_points``.

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal, ViewBuilder
    >>> time = np.arange(0, 30, 0.02)
    >>> flux = np.where(np.abs((time - 2) % 5) < 0.1, 0.99, 1.0)
    >>> ViewBuilder().transform(LightCurve(time, flux), TransitSignal(5.0, 2.05, 2.4))
    ViewSet(1 signal, preset 'depth', 7 of 9 views present)
    """

    preset: str
    values: Mapping[str, NDArray[np.float64]]
    counts: Mapping[str, NDArray[np.int64]]
    present: Mapping[str, NDArray[np.bool_]]
    depth: NDArray[np.float64]
    quality: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return int(self.depth.size)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.values[name]

    def __repr__(self) -> str:
        there = sum(int(flag.all()) for flag in self.present.values())
        plural = "s" if len(self) != 1 else ""
        return (
            f"ViewSet({len(self)} signal{plural}, preset '{self.preset}', "
            f"{there} of {len(self.present)} views present)"
        )


class ViewBuilder:
    """From light curves and signals to views: detrend, fold, bin, scale.

    Parameters
    ----------
    preset : {'depth', 'watson', 'yu2019'}
        The recipe.
    detrend : {'spline', 'biweight', 'median', 'none'}, optional
        How the star's own variation is removed; by default as the preset says, by a masked
        spline except for ``watson``.

    Raises
    ------
    ValueError
        If the preset is unknown.

    Examples
    --------
    >>> ViewBuilder("yu2019")
    ViewBuilder(preset='yu2019', detrend='spline')
    """

    def __init__(self, preset: str = "depth", *, detrend: str | None = None) -> None:
        if preset not in PRESETS:
            raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, found {preset!r}")
        self.preset = preset
        self.detrend = PRESETS[preset].detrend if detrend is None else detrend

    def __repr__(self) -> str:
        return f"ViewBuilder(preset={self.preset!r}, detrend={self.detrend!r})"

    def transform(
        self,
        lightcurve: LightCurve,
        signal: TransitSignal,
        other_signals: Sequence[TransitSignal] = (),
    ) -> ViewSet:
        """The views of one signal.

        Parameters
        ----------
        lightcurve : LightCurve
            The star.
        signal : TransitSignal
            The signal to show.
        other_signals : sequence of TransitSignal
            Other known signals of the star, which are removed.

        Returns
        -------
        ViewSet
            Of length one.

        Examples
        --------
        >>> from decan.transits import LightCurve, TransitSignal
        >>> time = np.arange(0, 30, 0.02)
        >>> flux = np.where(np.abs((time - 2) % 5) < 0.1, 0.99, 1.0)
        >>> views = ViewBuilder().transform(
        ...     LightCurve(time, flux), TransitSignal(5.0, 2.05, 2.4))
        >>> views["main"].shape
        (1, 75)
        """
        flat = flatten(
            lightcurve,
            signal,
            other_signals=other_signals,
            method=self.detrend,
            mask=PRESETS[self.preset].mask,
        )
        return build_views([flat], [signal], self.preset)

    def transform_many(
        self, pairs: Iterable[tuple[LightCurve, TransitSignal]], *, batch: int = 256
    ) -> ViewSet:
        """The views of many signals, binned together in batches.

        Parameters
        ----------
        pairs : iterable of (LightCurve, TransitSignal)
            May be a generator: one batch is held in memory at a time.
        batch : int
            Signals that are binned together.

        Returns
        -------
        ViewSet
            One row a signal, in the order given.

        Raises
        ------
        ValueError
            If there are no pairs.

        Examples
        --------
        >>> from decan.transits import LightCurve, TransitSignal
        >>> curve = LightCurve(np.arange(0, 30, 0.02), np.ones(1500))
        >>> signals = [TransitSignal(5.0, 2.0, 2.4), TransitSignal(7.0, 2.0, 2.4)]
        >>> len(ViewBuilder().transform_many((curve, signal) for signal in signals))
        2
        """
        parts: list[ViewSet] = []
        curves: list[LightCurve] = []
        signals: list[TransitSignal] = []
        mask = PRESETS[self.preset].mask
        for lightcurve, signal in pairs:
            curves.append(flatten(lightcurve, signal, method=self.detrend, mask=mask))
            signals.append(signal)
            if len(curves) == batch:
                parts.append(build_views(curves, signals, self.preset))
                curves, signals = [], []
        if curves:
            parts.append(build_views(curves, signals, self.preset))
        if not parts:
            raise ValueError("pairs: expected at least one light curve with its signal")
        return _stack(parts)


def build_views(
    curves: Sequence[LightCurve], signals: Sequence[TransitSignal], preset: str = "depth"
) -> ViewSet:
    """Fold, bin and scale light curves that are flat already.

    Parameters
    ----------
    curves : sequence of LightCurve
        Detrended, one for each signal.
    signals : sequence of TransitSignal
        What to fold on.
    preset : str
        The recipe.

    Returns
    -------
    ViewSet

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal
    >>> curve = LightCurve(np.arange(0, 30, 0.02), np.ones(1500))
    >>> build_views([curve], [TransitSignal(5.0, 2.0, 2.4)])["global"].shape
    (1, 301)
    """
    recipe = PRESETS[preset]
    if recipe.scale == "minmax":
        return _as_released(curves, signals, preset)
    rows = _flat_rows(curves, signals)
    needs_search = any(view.centre == "secondary" for view in recipe.views)
    rows["secondary"] = _strongest_secondary(rows) if needs_search else np.full(len(curves), 0.5)
    values: dict[str, NDArray[np.float64]] = {}
    counts: dict[str, NDArray[np.int64]] = {}
    present: dict[str, NDArray[np.bool_]] = {}
    for view in recipe.views:
        binned, count = _draw(view, rows, recipe)
        values[view.name], counts[view.name] = binned, count
        present[view.name] = count.sum(axis=1) >= recipe.min_points
    depth = _scale(values, counts, present, recipe)
    quality = {
        "n_transits": rows["n_transits"],
        "n_good": rows["n_good"],
        "secondary_phase": rows["secondary"],
        "n_points": np.array([len(curve) for curve in curves]),
    }
    return ViewSet(preset, values, counts, present, depth, quality)


def _as_released(
    curves: Sequence[LightCurve], signals: Sequence[TransitSignal], preset: str
) -> ViewSet:
    from .released import released_views

    values, counts, present, quality = released_views(curves, signals)
    depth = quality.pop("depth")
    quality["secondary_phase"] = np.full(len(curves), 0.5)
    quality["n_points"] = np.array([len(curve) for curve in curves])
    return ViewSet(preset, values, counts, present, depth, quality)


def _flat_rows(curves: Sequence[LightCurve], signals: Sequence[TransitSignal]) -> dict[str, Any]:
    """All rows of all objects in flat arrays, with what the views need of each row."""
    n = len(curves)
    period = np.array([signal.period_day for signal in signals])
    duration = np.array([signal.duration_day for signal in signals])
    size = np.array([len(curve) for curve in curves])
    epoch = np.array(
        [signal.epoch_in(c.time_format) for c, signal in zip(curves, signals, strict=True)]
    )
    tallies = [
        count_transits(c.time, p, t, d, cadence=c.cadence_of_rows_day)
        for c, p, t, d in zip(curves, period, epoch, duration, strict=True)
    ]
    single = n == 1
    time = curves[0].time if single else np.concatenate([c.time for c in curves])
    owner = None if single else np.repeat(np.arange(n), size)
    flux = curves[0].flux if single else np.concatenate([c.flux for c in curves])

    def each(values: NDArray[Any]) -> Any:
        return values[0] if owner is None else values[owner]

    cycle = np.round((time - each(epoch)) / each(period))
    offset = time - each(epoch) - cycle * each(period)
    rows: dict[str, Any] = {
        "n": n, "period": period, "duration": duration, "owner": owner, "flux": flux,
        "phase": offset / each(period), "cycle": cycle.astype(np.int64), "each": each,
        "n_transits": np.array([t.n_with_data for t in tallies]),
        "n_good": np.array([t.n_good for t in tallies]),
    }  # fmt: skip
    for name, width in (("centroid", 2), ("core", 1), ("halo", 1)):
        parts = [getattr(c, name) for c in curves]
        if all(part is None for part in parts):
            continue
        shaped = [
            np.full((len(c), width), np.nan) if part is None else part.reshape(len(c), width)
            for c, part in zip(curves, parts, strict=True)
        ]
        rows[name] = np.concatenate(shaped)
    return rows


def _draw(view: View, rows: dict[str, Any], recipe: Preset) -> tuple[Any, Any]:
    n, each = rows["n"], rows["each"]
    centre = rows["secondary"] if view.centre == "secondary" else np.full(n, float(view.centre))
    place = rows["phase"] - each(centre) if centre.any() else rows["phase"]
    if centre.any():
        place = place - np.round(place)
    if view.periods != 1.0:
        place = (rows["phase"] + rows["cycle"]) / view.periods
        place = place - np.round(place)
    if view.half_span is None:
        low, high = -0.5, 0.5
        use = np.ones(place.size, dtype=bool)
    else:
        low, high = -view.half_span, view.half_span
        place = place * each(rows["period"] / rows["duration"])
        use = np.abs(place) < high
    if view.centre in ("secondary", 0.5) and view.half_span is not None:
        # What is far from the transit must not show the transit again at its rim.
        use &= np.abs(rows["phase"]) > each(0.75 * rows["duration"] / rows["period"])
    if view.parity is not None:
        use &= rows["cycle"] % 2 == (1 if view.parity == "odd" else 0)
    index = np.flatnonzero(use)
    owner = None if rows["owner"] is None else rows["owner"][index]
    where: dict[str, Any] = {
        "low": low, "high": high, "n_bins": view.n_bins, "objects": owner, "n_objects": n
    }  # fmt: skip
    if view.series == "flux":
        series = [rows["flux"]]
    elif view.series == "ghost":
        known = "halo" in rows and "core" in rows
        series = [(rows["halo"] - rows["core"])[:, 0]] if known else []
    else:
        series = [rows["centroid"][:, axis] for axis in (0, 1)] if "centroid" in rows else []
    if not series:
        channels = (2,) if view.series == "centroid" else ()
        empty = np.full((n, view.n_bins, *channels), np.nan)
        return empty, np.zeros((n, view.n_bins), dtype=np.int64)
    if recipe.median:
        width = _YU_WIDTH if view.half_span is not None else None
        parts = [bin_medians(place[index], one[index], width=width, **where) for one in series]
    else:
        parts = [bin_means(place[index], one[index], **where) for one in series]
    if view.series == "centroid":
        return np.stack([fill_empty(part.value) for part in parts], axis=2), parts[0].count
    return fill_empty(parts[0].value), parts[0].count


def _strongest_secondary(rows: dict[str, Any]) -> NDArray[np.float64]:
    """Phase of the deepest dip of one duration outside the transit, for each object."""
    n_bins = 2000
    each, n = rows["each"], rows["n"]
    share = np.minimum(rows["duration"] / rows["period"], 0.5)
    outside = np.abs(rows["phase"]) > each(1.5 * share)
    binned = bin_means(
        rows["phase"][outside], rows["flux"][outside] - 1.0, low=-0.5, high=0.5, n_bins=n_bins,
        objects=None if rows["owner"] is None else rows["owner"][outside], n_objects=n,
    )  # fmt: skip
    total = np.where(binned.count > 0, binned.value * binned.count, 0.0)
    half = np.maximum(np.round(share * n_bins / 2).astype(np.int64), 1)[:, None]
    position = np.arange(n_bins)[None, :]

    def window(series: NDArray[Any]) -> NDArray[Any]:
        wrapped = np.concatenate([series, series, series], axis=1)
        running = np.concatenate([np.zeros((n, 1)), np.cumsum(wrapped, axis=1)], axis=1)
        at = position + n_bins
        upper = np.take_along_axis(running, at + half + 1, 1)
        return np.asarray(upper - np.take_along_axis(running, at - half, 1))

    points = window(binned.count.astype(float))
    typical = np.median(points, axis=1, keepdims=True)
    significance: NDArray[np.float64] = window(total) / np.sqrt(np.maximum(points, 1.0))
    significance[(points < 0.3 * typical) | (points < 1)] = np.inf
    best = np.argmin(significance, axis=1)
    phase = (best + 0.5) / n_bins - 0.5
    found = np.isfinite(significance[np.arange(n), best])
    return np.asarray(np.where(found, phase, 0.5) % 1.0)


def _scale(
    values: dict[str, Any], counts: dict[str, Any], present: dict[str, Any], recipe: Preset
) -> NDArray[np.float64]:
    flux_views = [view for view in recipe.views if view.series == "flux"]
    main = "local" if "local" in values else "main"
    level, depth = _level_and_depth(values[main], next(v for v in flux_views if v.name == main))
    for view in recipe.views:
        array, there = values[view.name], present[view.name]
        array[~there] = np.nan
        if recipe.scale == "unit":
            array -= np.median(array, axis=1, keepdims=True)
            lowest = -array.min(axis=1, keepdims=True)
            array /= np.where(lowest > 0, lowest, 1.0)
        elif view.series == "centroid":
            array -= np.median(array, axis=1, keepdims=True)
            spread = np.median(np.abs(array), axis=1, keepdims=True)
            array /= np.where(spread > 0, 1.4826 * spread, 1.0)
        else:
            zero = level if view.series == "flux" else np.median(array, axis=1)
            array -= zero[:, None]
            array /= np.where(np.abs(depth) > 0, np.abs(depth), 1.0)[:, None]
    return np.asarray(depth)


def _level_and_depth(array: NDArray[Any], view: View) -> tuple[Any, Any]:
    edges = np.linspace(-(view.half_span or 1), view.half_span or 1, view.n_bins + 1)
    middle = np.abs(0.5 * (edges[1:] + edges[:-1]))
    level = np.median(array[:, middle > 0.75], axis=1)
    return level, level - np.mean(array[:, middle < 0.25], axis=1)


def _stack(parts: Sequence[ViewSet]) -> ViewSet:
    def joined(name: str) -> dict[str, NDArray[Any]]:
        first = getattr(parts[0], name)
        return {key: np.concatenate([getattr(part, name)[key] for part in parts]) for key in first}

    return ViewSet(
        parts[0].preset,
        joined("values"),
        joined("counts"),
        joined("present"),
        np.concatenate([part.depth for part in parts]),
        joined("quality"),
    )
