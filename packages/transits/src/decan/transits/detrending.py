"""Slow variations of a light curve, estimated without touching its transits.

The default is a least-squares cubic spline on a uniform grid of knots whose fit leaves
the transits out. Because its normal equations are banded it costs a few milliseconds for
tens of thousands of points, and because the transits are masked it keeps their depth also
on active stars. Biweight and median filters are here for comparison with other codes.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import solveh_banded

from .lightcurve import plain
from .signals import TIME_OFFSETS, in_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from .lightcurve import LightCurve
    from .signals import TransitSignal

__all__ = ["METHODS", "detrend", "flatten", "pieces", "transit_mask", "window_of"]

METHODS = ("spline", "biweight", "median", "none")
"""What :func:`detrend` can do."""

_CLIP_SIGMA = 5.0
_ITERATIONS = 3
_ROUGHNESS = 1e-5
_BIWEIGHT_CUT = 5.0
_CHUNK = 100_000
_FAR_DAY = 500.0


def transit_mask(
    lightcurve: LightCurve, signals: Iterable[TransitSignal], *, width: float = 1.5
) -> NDArray[np.bool_]:
    """Mark the rows in transit of any of the signals.

    Parameters
    ----------
    lightcurve : LightCurve
        The star.
    signals : iterable of TransitSignal
        What to mark.
    width : float
        Full width of the marked window, in durations.

    Returns
    -------
    ndarray of bool, shape (n,)
        True in transit.

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal
    >>> curve = LightCurve(np.arange(0, 10, 0.5), np.ones(20))
    >>> int(transit_mask(curve, [TransitSignal(5.0, 2.0, 24.0)]).sum())
    6
    """
    inside = np.zeros(len(lightcurve), dtype=bool)
    for signal in signals:
        epoch = signal.epoch_in(lightcurve.time_format)
        cycle = (lightcurve.time - epoch) / signal.period_day
        offset = np.abs(cycle - np.round(cycle)) * signal.period_day
        inside |= offset < 0.5 * width * signal.duration_day
    return inside


def flatten(
    lightcurve: LightCurve,
    signal: TransitSignal,
    *,
    other_signals: Sequence[TransitSignal] = (),
    method: str = "spline",
    mask: bool = True,
) -> LightCurve:
    """Remove the star's variation and other known signals, and keep the transit asked for.

    Flux, core, halo and centroids are treated alike. Knots stand three durations apart,
    between 0.3 and 1 d; sliding windows are four durations wide, as in the released code.

    Parameters
    ----------
    lightcurve : LightCurve
        The star.
    signal : TransitSignal
        The signal to keep; its transits are masked in the fit.
    other_signals : sequence of TransitSignal
        Known signals of the same star; their rows are dropped in a window of two
        durations, except where that would take most of the signal itself.
    method : {'spline', 'biweight', 'median', 'none'}
        As in :func:`detrend`.
    mask : bool
        Whether the transits are left out of the fit.

    Returns
    -------
    LightCurve
        Flat around 1.

    Warns
    -----
    UserWarning
        If the epoch lies far outside the data and another time system would bring it
        inside, or if other signals overlap nearly every transit.

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal
    >>> time = np.arange(0, 20, 0.02)
    >>> curve = LightCurve(time, 1 + 0.01 * np.sin(time))
    >>> bool(abs(flatten(curve, TransitSignal(5.0, 2.0, 3.0)).flux - 1).max() < 1e-4)
    True
    """
    _check_epoch(lightcurve, signal)
    keep = _without_others(lightcurve, signal, other_signals)
    time, segment = lightcurve.time[keep], np.asarray(lightcurve.segment)[keep]
    use_mask = transit_mask(lightcurve, [signal])[keep] if mask and method != "none" else None
    window = window_of(signal, method)

    def flat(series: NDArray[np.float64]) -> NDArray[np.float64]:
        known = np.isfinite(series)
        trend = np.ones_like(series)
        if known.sum() > 1:
            trend[known] = detrend(
                time[known],
                series[known],
                mask=None if use_mask is None else use_mask[known],
                method=method,
                window_day=window,
                segment=segment[known],
            )
        return trend

    columns: dict[str, Any] = {"flux": lightcurve.flux[keep] / flat(lightcurve.flux[keep])}
    for name in ("core", "halo"):
        series = getattr(lightcurve, name)
        if series is not None:
            columns[name] = series[keep] / flat(series[keep])
    if lightcurve.centroid is not None:
        centroid = lightcurve.centroid[keep]
        # detrend works on series around 1; centroids are around 0.
        trends = [flat(1.0 + centroid[:, axis]) - 1.0 for axis in (0, 1)]
        columns["centroid"] = centroid - np.column_stack(trends)
    return lightcurve.derived(keep, **columns)


def detrend(
    time: ArrayLike,
    flux: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    method: str = "spline",
    window_day: float = 0.5,
    segment: ArrayLike | None = None,
    gap_day: float = 0.75,
) -> NDArray[np.float64]:
    """Estimate the trend of a light curve, leaving masked rows out of the estimate.

    The trend never runs across a gap or from one segment into the next; where all rows of
    a window are masked it is interpolated from both sides.

    Parameters
    ----------
    time : array_like of float or Quantity, shape (n,)
        Days, sorted.
    flux : array_like of float, shape (n,)
        Flux around 1, without NaN and nothing masked.
    mask : array_like of bool, shape (n,), optional
        True for rows that must not pull the trend: the transits.
    method : {'spline', 'biweight', 'median', 'none'}
        Masked least-squares cubic spline, Tukey's biweight location or median in a sliding
        window, or a trend of 1.
    window_day : float
        Distance of the spline's knots, or width of the sliding window, days.
    segment : array_like of int, shape (n,), optional
        Rows of different segments are detrended apart.
    gap_day : float
        Gaps longer than this separate pieces, days.

    Returns
    -------
    ndarray of float, shape (n,)
        The trend, to divide the flux by.

    Raises
    ------
    ValueError
        If the method is unknown, the window is not positive, lengths differ, times are
        not sorted, a value is NaN, or a mask is given to ``method='none'``, which cannot
        use one.

    References
    ----------
    Hippke et al. 2019, AJ 158, 143, compares such methods (its ``wotan``).

    Examples
    --------
    >>> time = np.arange(0, 10, 0.02)
    >>> wave = 1 + 0.01 * np.sin(time)
    >>> bool(np.abs(detrend(time, wave) / wave - 1).max() < 1e-5)
    True
    """
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, found {method!r}")
    if not window_day > 0:
        raise ValueError(f"window_day: expected a positive number, found {window_day}")
    times, values = plain(time, "time", unit="d"), plain(flux, "flux")
    _check_series(times, values, mask, segment)
    if method == "none":
        if mask is not None:
            raise ValueError("mask: method 'none' fits nothing and cannot use a mask")
        return np.ones_like(values)
    free = np.ones(times.size, dtype=bool) if mask is None else ~np.asarray(mask, dtype=bool)
    piece = pieces(times, segment, gap_day=gap_day)
    if method == "spline":
        return _spline(times, values, free, piece, window_day)
    return _sliding(times, values, free, piece, window_day, biweight=method == "biweight")


def window_of(signal: TransitSignal, method: str = "spline") -> float:
    """Distance of knots, or width of the sliding window, that suits a signal.

    Parameters
    ----------
    signal : TransitSignal
        The signal to keep.
    method : str
        As in :func:`detrend`.

    Returns
    -------
    float
        Days.

    Examples
    --------
    >>> from decan.transits import TransitSignal
    >>> window_of(TransitSignal(10.0, 0.0, 4.0)), window_of(TransitSignal(300.0, 0.0, 12.0))
    (0.5, 1.0)
    """
    if method == "spline":
        return float(np.clip(3 * signal.duration_day, 0.3, 1.0))
    return 4 * signal.duration_day


def pieces(
    time: ArrayLike, segment: ArrayLike | None = None, *, gap_day: float = 0.75
) -> NDArray[np.int64]:
    """Number the stretches of a light curve without a long gap.

    Parameters
    ----------
    time : array_like of float, shape (n,)
        Days, sorted.
    segment : array_like of int, shape (n,), optional
        A change of segment starts a new piece.
    gap_day : float
        Gaps longer than this separate pieces, days.

    Returns
    -------
    ndarray of int, shape (n,)
        0 for the first piece, and so on.

    Examples
    --------
    >>> pieces([0.0, 0.1, 5.0, 5.1])
    array([0, 0, 1, 1])
    """
    times = np.asarray(time, dtype=float)
    breaks = np.diff(times) > gap_day
    if segment is not None:
        breaks |= np.diff(np.asarray(segment)) != 0
    return np.concatenate([[0], np.cumsum(breaks)]).astype(np.int64)


def _check_epoch(lightcurve: LightCurve, signal: TransitSignal) -> None:
    epoch = signal.epoch_in(lightcurve.time_format)
    start, stop = float(lightcurve.time[0]), float(lightcurve.time[-1])
    if start - _FAR_DAY < epoch < stop + _FAR_DAY:
        return
    margin = signal.period_day + 100.0
    for one in TIME_OFFSETS.values():
        for other in TIME_OFFSETS.values():
            shift = one - other
            if shift and start - margin < epoch + shift < stop + margin:
                warnings.warn(
                    f"epoch: {in_days(epoch)} lies far outside the data ({in_days(start)} to "
                    f"{in_days(stop)} d); "
                    f"add {shift:+.0f} d or give time_format if it is in another system",
                    stacklevel=3,
                )
                return


def _check_series(time: Any, flux: Any, mask: Any, segment: Any) -> None:
    if time.ndim != 1 or time.size == 0:
        raise ValueError(f"time: expected one row of times or more, found shape {time.shape}")
    for name, column in (("flux", flux), ("mask", mask), ("segment", segment)):
        if column is not None and np.shape(column) != time.shape:
            raise ValueError(f"{name}: has shape {np.shape(column)}, but time {time.shape}")
    if not np.isfinite(flux).all():
        missing = int((~np.isfinite(flux)).sum())
        raise ValueError(f"flux: {missing} values are NaN or masked; drop these rows")
    # Also false where a time is NaN.
    if not (np.diff(time) >= 0).all():
        raise ValueError("time: expected sorted times without NaN (LightCurve sorts and drops)")


def _without_others(
    lightcurve: LightCurve, signal: TransitSignal, other_signals: Sequence[TransitSignal]
) -> NDArray[np.bool_]:
    if not other_signals:
        return np.ones(len(lightcurve), dtype=bool)
    others = transit_mask(lightcurve, other_signals, width=2.0)
    own = transit_mask(lightcurve, [signal], width=1.0)
    if own.any() and (others & own).sum() > 0.5 * own.sum():
        warnings.warn(
            "other_signals: they overlap most transits of this signal; the overlapping rows "
            "are kept, and the depth is that of the sum",
            stacklevel=3,
        )
        return ~others | transit_mask(lightcurve, [signal])
    return ~others


def _spline(
    time: NDArray[np.float64],
    flux: NDArray[np.float64],
    free: NDArray[np.bool_],
    piece: NDArray[np.int64],
    knot_day: float,
) -> NDArray[np.float64]:
    # One banded system holds the splines of all pieces; blocks of different pieces do
    # not touch, so that a single solve does them all.
    first = np.concatenate([[0], np.flatnonzero(np.diff(piece)) + 1])
    last = np.concatenate([first[1:] - 1, [time.size - 1]])
    length = np.maximum(time[last] - time[first], 1e-9)
    intervals = np.maximum(np.round(length / knot_day), 1).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(intervals + 3)])
    place = (time - time[first][piece]) * (intervals / length)[piece]
    cell = np.minimum(place.astype(np.int64), intervals[piece] - 1)
    basis = _cubic_basis(place - cell)
    column = offsets[piece] + cell
    size = int(offsets[-1])
    smooth = _roughness_band(offsets)
    band, right = np.zeros((4, size)), np.zeros(size)

    def add(rows: NDArray[np.intp], sign: float) -> None:
        at, values = column[rows], flux[rows] - 1.0
        parts = [sign * one[rows] for one in basis]
        for i in range(4):
            right[:] += np.bincount(at + i, weights=parts[i] * values, minlength=size)
            for j in range(i, 4):
                product = parts[i] * basis[j][rows]
                band[j - i] += np.bincount(at + i, weights=product, minlength=size)

    use = free
    add(np.flatnonzero(use), 1.0)
    trend = np.ones_like(flux)
    for _ in range(_ITERATIONS):
        # A small penalty bridges knots without data by the straightest curve, and changes
        # nothing where there are data.
        scale = max(band[0].mean(), 1.0)
        coefficient = solveh_banded(band + _ROUGHNESS * scale * smooth, right, lower=True)
        trend = 1.0 + sum(basis[i] * coefficient[column + i] for i in range(4))
        residual = np.abs(flux - trend)
        spread = 1.4826 * np.median(residual[use]) if use.any() else 0.0
        keep = free & (residual <= _CLIP_SIGMA * max(spread, 1e-12))
        out, back = np.flatnonzero(use & ~keep), np.flatnonzero(keep & ~use)
        if out.size + back.size == 0:
            break
        add(out, -1.0)
        add(back, 1.0)
        use = keep
    return np.asarray(trend)


def _cubic_basis(u: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    square, cube = u * u, u * u * u
    rest = 1.0 - u
    return (
        rest * rest * rest / 6.0,
        (3.0 * cube - 6.0 * square + 4.0) / 6.0,
        (-3.0 * cube + 3.0 * square + 3.0 * u + 1.0) / 6.0,
        cube / 6.0,
    )


def _roughness_band(offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Second differences squared, plus a trace of ridge, as a lower band of width four."""
    size = int(offsets[-1])
    band = np.zeros((4, size))
    start = np.ones(size, dtype=bool)
    ends = offsets[1:]
    start[ends - 1] = start[ends - 2] = False
    at = np.flatnonzero(start)
    for i, a in enumerate((1.0, -2.0, 1.0)):
        for j, b in enumerate((1.0, -2.0, 1.0)):
            if j >= i:
                np.add.at(band[j - i], at + i, a * b)
    band[0] += 1e-6
    return band


def _sliding(
    time: NDArray[np.float64],
    flux: NDArray[np.float64],
    free: NDArray[np.bool_],
    piece: NDArray[np.int64],
    window_day: float,
    *,
    biweight: bool,
) -> NDArray[np.float64]:
    kept_time, kept_flux, kept_piece = time[free], flux[free], piece[free]
    if kept_time.size == 0:
        return np.ones_like(flux)
    low = np.searchsorted(kept_time, time - window_day / 2, side="left")
    high = np.searchsorted(kept_time, time + window_day / 2, side="right")
    low = np.maximum(low, np.searchsorted(kept_piece, piece, side="left"))
    high = np.minimum(high, np.searchsorted(kept_piece, piece, side="right"))
    count = np.maximum(high - low, 0)
    width = max(int(count.max()), 1)
    trend = np.full(time.size, np.nan)
    step = max(_CHUNK // width, 1)
    for start in range(0, time.size, step):
        rows = slice(start, start + step)
        index = low[rows, None] + np.arange(width)
        inside = index < high[rows, None]
        values = kept_flux[np.minimum(index, kept_flux.size - 1)]
        trend[rows] = _location(values, inside, biweight=biweight)
    known = np.isfinite(trend)
    return np.interp(time, time[known], trend[known]) if known.any() else np.ones_like(flux)


def _location(values: Any, inside: Any, *, biweight: bool) -> NDArray[np.float64]:
    centre = _masked_median(values, inside)
    if not biweight:
        return centre
    # Rows drop out as they settle.
    open_rows = np.flatnonzero(np.isfinite(centre))
    for _ in range(5):
        seen, valid = values[open_rows], inside[open_rows]
        distance = seen - centre[open_rows, None]
        spread = _masked_median(np.abs(distance), valid)
        u = distance / np.maximum(_BIWEIGHT_CUT * spread, 1e-15)[:, None]
        weight = np.where(valid & (np.abs(u) < 1), (1 - u * u) ** 2, 0.0)
        total = weight.sum(axis=1)
        moved = np.where(
            total > 0, (weight * seen).sum(axis=1) / np.maximum(total, 1e-300), centre[open_rows]
        )
        settled = np.abs(moved - centre[open_rows]) < 1e-7
        centre[open_rows] = moved
        open_rows = open_rows[~settled]
        if open_rows.size == 0:
            break
    return centre


def _masked_median(values: Any, inside: Any) -> NDArray[np.float64]:
    count = inside.sum(axis=1)
    width = values.shape[1]
    found = np.full(len(values), np.nan)
    # Most windows hold the same number of points: one partition finds all their medians.
    for number in np.unique(count):
        if number == 0:
            continue
        rows = np.flatnonzero(count == number)
        mine = values[rows]
        if number < width:
            mine = np.where(inside[rows], mine, np.inf)
        lower, upper = (number - 1) // 2, number // 2
        ordered = np.partition(mine, sorted({lower, upper}), axis=1)
        found[rows] = 0.5 * (ordered[:, lower] + ordered[:, upper])
    return found
