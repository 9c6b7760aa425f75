"""The ten inputs of WATSON-Net as its released code prepares them, with their flaws.

For comparison, and for those who have weights of the released network. What the preparation
loses is kept on purpose: every view is stretched alone, so that depth, odd-even difference and
the ratio of secondary to primary are gone; bins begin and end at the first and last point, so
that they move when points are missing; the secondary is looked for half an orbit away and
nowhere else; offsets are distances in degrees of right ascension that no cosine corrects; and
1e-7 stands for "no data". The preset ``depth`` of :class:`~decan.transits.views.ViewBuilder`
does without these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .detrending import flatten
from .folding import count_transits, fill_empty

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .lightcurve import LightCurve
    from .signals import TransitSignal

__all__ = [
    "REPORT", "SCALARS", "WATSON_FLOOR", "released_offset", "released_snr", "released_views",
    "watson_inputs",
]  # fmt: skip

WATSON_FLOOR = 1e-7
"""All inputs lie in [1e-7, 1 - 1e-7]; the lower end means "no data"."""

SCALARS = (
    "period", "duration", "radius", "good transits", "share of good transits", "false alarm",
    "odd-even", "temperature", "albedo",
)  # fmt: skip
"""The nine numbers of the first input, in the order of the released network."""

REPORT = (
    "radius_earth", "bootstrap_fap", "odd_even_sigma", "temperature_stat", "albedo_stat", "offset",
    "offset_err", "teff", "star_radius",
)  # fmt: skip
"""What :func:`watson_inputs` takes from a data validation report."""

_BINS = {"global": 300, "secondary": 75, "main": 75, "even": 75, "odd": 75, "centroid": 75,
         "ghost": 75}  # fmt: skip
_MIN_POINTS = 50
_HALF_SPAN = 3.0
_CLIP_SIGMA = 3.0


def watson_inputs(
    lightcurve: LightCurve,
    signal: TransitSignal,
    *,
    other_signals: Sequence[TransitSignal] = (),
    report: Mapping[str, float] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """The ten inputs of one signal, in the shapes and the order of the released network.

    Parameters
    ----------
    lightcurve : LightCurve
        The star, as it comes; it is detrended by a biweight in windows of four durations
        that knows of no transit, as released.
    signal : TransitSignal
        The signal.
    other_signals : sequence of TransitSignal
        Other known signals of the star, which are removed.
    report : mapping of str to float, optional
        What a data validation report says, by the names in :data:`REPORT`: ``radius_earth``,
        ``bootstrap_fap``, ``odd_even_sigma``, ``temperature_stat`` and ``albedo_stat``
        (sigma), ``offset`` and ``offset_err`` (degrees, see :func:`released_offset`),
        ``teff`` (K) and ``star_radius`` (solar radii; both by default what the light
        curve's file says).

    Returns
    -------
    dict of str to ndarray
        ``transit`` (1, 9, 1), ``offset`` (1, 1, 1), ``star`` (1, 2, 1), ``global``
        (1, 300, 1), ``secondary``, ``main``, ``even``, ``odd`` (1, 75, 1), ``centroid``
        (1, 75, 2) and ``ghost`` (1, 75, 1), as
        :class:`~decan.transits.watson.WatsonNet` takes them.

    Raises
    ------
    ValueError
        If the report has a name that is not known.

    Notes
    -----
    That a point beyond three standard deviations is moved to three, and not dropped, is our
    reading of "clipped".

    References
    ----------
    Devora-Pajares et al. 2025, arXiv 2511.08768.

    Examples
    --------
    >>> from decan.transits import simulate_signal
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> inputs = watson_inputs(found.lightcurve, found.signal)
    >>> {name: values.shape for name, values in inputs.items()}["centroid"]
    (1, 75, 2)
    """
    known = {name: float(value) for name, value in (report or {}).items()}
    unknown = sorted(set(known) - set(REPORT))
    if unknown:
        raise ValueError(f"report: expected names among {', '.join(REPORT)}, found {unknown}")
    for name, key in (("teff", "teff"), ("star_radius", "radius")):
        if key in lightcurve.meta:
            known.setdefault(name, float(lightcurve.meta[key]))
    flat = flatten(
        lightcurve, signal, other_signals=other_signals, method="biweight", mask=False
    )  # fmt: skip
    values, _, _, quality = released_views([flat], [signal])
    scalars = _scalars(flat, signal, known, quality)
    views = {name: view if view.ndim == 3 else view[:, :, None] for name, view in values.items()}
    return {**{name: row[None, :, None] for name, row in scalars.items()}, **views}


def released_views(
    curves: Sequence[LightCurve], signals: Sequence[TransitSignal]
) -> tuple[
    dict[str, NDArray[np.float64]],
    dict[str, NDArray[np.int64]],
    dict[str, NDArray[np.bool_]],
    dict[str, NDArray[Any]],
]:
    """The seven views of light curves that are flat already, as released.

    Parameters
    ----------
    curves : sequence of LightCurve
        Detrended.
    signals : sequence of TransitSignal
        What to fold on, one a light curve.

    Returns
    -------
    values : dict of str to ndarray
        The views; 1e-7 throughout where fewer than 50 points are there.
    counts : dict of str to ndarray of int
        Points in each bin.
    present : dict of str to ndarray of bool
        Which views are there.
    quality : dict of str to ndarray
        ``n_transits`` with data, ``n_good`` of them, and ``depth`` before it was lost.

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal
    >>> curve = LightCurve(np.arange(0, 30, 0.02), np.ones(1500))
    >>> values, counts, present, quality = released_views([curve], [TransitSignal(5.0, 2.0, 2.4)])
    >>> values["global"].shape, present["ghost"].tolist()
    ((1, 300), [False])
    """
    parts = [_of_one(curve, signal) for curve, signal in zip(curves, signals, strict=True)]
    joined = [
        {name: np.stack([part[i][name] for part in parts]) for name in parts[0][i]}
        for i in range(4)
    ]
    return joined[0], joined[1], joined[2], joined[3]


def released_snr(
    time: ArrayLike, series: ArrayLike, period_day: float, epoch: float, duration_day: float
) -> float:
    """Signal-to-noise ratio as the released reports give it.

    (mean outside - mean inside) sqrt(points inside) / scatter outside, where inside is half
    a duration around the middle, and outside the rest of three durations on either side.

    Parameters
    ----------
    time : array_like of float, shape (n,)
        Days.
    series : array_like of float, shape (n,)
        Flux, or one axis of the photocentre.
    period_day, epoch, duration_day : float
        Days; twice the period for odd or even transits alone.

    Returns
    -------
    float

    Examples
    --------
    >>> time = np.arange(0, 30, 0.02)
    >>> noise = np.random.default_rng(0).normal(0, 1e-3, time.size)
    >>> flux = np.where(np.abs((time - 2 + 2.5) % 5 - 2.5) < 0.11, 0.99, 1.0) + noise
    >>> round(released_snr(time, flux, 5.0, 2.0, 0.21), -1)
    90.0
    """
    times, values = np.asarray(time, dtype=float), np.asarray(series, dtype=float)
    cycle = (times - epoch) / period_day
    away = np.abs(cycle - np.round(cycle)) * period_day
    inside = (away <= 0.5 * duration_day) & np.isfinite(values)
    outside = (away > 0.5 * duration_day) & (away <= _HALF_SPAN * duration_day)
    outside &= np.isfinite(values)
    if not inside.any() or outside.sum() < 2:
        return float("nan")
    height = values[outside].mean() - values[inside].mean()
    return float(height * np.sqrt(inside.sum()) / values[outside].std())


def released_offset(
    ra_deg: float, dec_deg: float, source_ra_deg: float, source_dec_deg: float
) -> float:
    """Distance of a source as released: degrees, right ascension without cos(declination).

    Parameters
    ----------
    ra_deg, dec_deg : float
        The star, degrees.
    source_ra_deg, source_dec_deg : float
        The source, degrees.

    Returns
    -------
    float
        Degrees; too large by up to 1 / cos(declination).

    Examples
    --------
    >>> round(released_offset(10.0, 60.0, 10.002, 60.0) * 3600, 2)  # 3.6 arcsec on the sky
    7.2
    """
    return float(np.hypot(source_ra_deg - ra_deg, source_dec_deg - dec_deg))


def _scalars(
    flat: LightCurve,
    signal: TransitSignal,
    known: Mapping[str, float],
    quality: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[np.float64]]:
    def told(name: str) -> float:
        return known.get(name, np.nan)

    period, duration = signal.period_day, signal.duration_day
    epoch = signal.epoch_in(flat.time_format)
    n_good, n_transits = int(quality["n_good"][0]), int(quality["n_transits"][0])
    odd_even = told("odd_even_sigma")
    if not np.isfinite(odd_even):
        even, odd = (
            released_snr(flat.time, flat.flux, 2 * period, epoch + shift, duration)
            for shift in (0.0, period)
        )
        odd_even = abs(even - odd)
    transit = [
        period / 1200,
        duration / 15,
        told("radius_earth") / 300,
        n_good / 20,
        n_good / n_transits if n_transits else np.nan,
        told("bootstrap_fap"),
        odd_even / 5,
        _mapped(told("temperature_stat")),
        _mapped(told("albedo_stat")),
    ]
    offset = told("offset")
    ratio = told("offset_err") / (2 * offset) if offset > 0 else np.nan
    teff = known.get("teff", np.nan)
    star = [(teff if np.isfinite(teff) else 6000.0) / 60000, told("star_radius") / 3]
    return {"transit": _capped(transit), "offset": _capped([ratio]), "star": _capped(star)}


def _mapped(sigma: float) -> float:
    return float((np.clip(sigma, -10, 10) + 10) / 20) if np.isfinite(sigma) else 0.5


def _capped(values: ArrayLike) -> NDArray[np.float64]:
    array = np.nan_to_num(np.asarray(values, dtype=float), nan=WATSON_FLOOR)
    return np.clip(array, WATSON_FLOOR, 1 - WATSON_FLOOR)


def _of_one(curve: LightCurve, signal: TransitSignal) -> tuple[dict[str, Any], ...]:
    period, duration = signal.period_day, signal.duration_day
    epoch = signal.epoch_in(curve.time_format)
    tally = count_transits(curve.time, period, epoch, duration, cadence=curve.cadence_day)
    cycle = np.round((curve.time - epoch) / period).astype(np.int64)
    near = np.abs(curve.time - epoch - cycle * period) <= _HALF_SPAN * duration
    keep = ~(near & np.isin(cycle, tally.cycle[~tally.good]))
    time = curve.time[keep]
    flux = np.minimum(curve.flux[keep] / 2, 1.0)
    # Phase of the middle of each view, and the period it is folded on.
    folds = {"secondary": (0.5, 1), "main": (0.0, 1), "even": (0.0, 2), "odd": (0.5, 2),
             "centroid": (0.0, 1), "ghost": (0.0, 1)}  # fmt: skip
    series = {"centroid": _photocentre(curve, keep), "ghost": _ghost(curve, keep)}
    values: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    present: dict[str, Any] = {}
    phase = _fraction((time - epoch) / period - 0.25)
    raw: dict[str, NDArray[np.float64]] = {}
    raw["global"], counts["global"] = _binned(phase, flux[:, None], _BINS["global"])
    for name, (centre, periods) in folds.items():
        fold = periods * period
        place = (_fraction((time - epoch) / fold - centre + 0.5) - 0.5) * fold
        rows = np.abs(place) < _HALF_SPAN * duration
        shown = series.get(name, flux[:, None])
        raw[name], counts[name] = _binned(place[rows], shown[rows], _BINS[name])
    for name, array in raw.items():
        there = counts[name].sum() >= _MIN_POINTS
        scaled = _stretched(array) if there else np.full(array.shape, WATSON_FLOOR)
        values[name] = scaled if name == "centroid" else scaled[:, 0]
        present[name] = np.bool_(there)
    quality = {
        "n_transits": tally.n_with_data,
        "n_good": tally.n_good,
        "depth": _depth(raw["main"]),
    }
    return values, counts, present, quality


def _fraction(cycles: NDArray[np.float64]) -> NDArray[np.float64]:
    return cycles - np.floor(cycles)


def _photocentre(curve: LightCurve, keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    if curve.centroid is None:
        return np.full((int(keep.sum()), 2), np.nan)
    return _stretched(_clipped(curve.centroid[keep]))


def _ghost(curve: LightCurve, keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    if curve.core is None or curve.halo is None:
        return np.full((int(keep.sum()), 1), np.nan)
    return _stretched(_clipped((curve.halo[keep] - curve.core[keep])[:, None]))


def _clipped(series: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite(series).any():
        return series
    middle, spread = np.nanmean(series, axis=0), np.nanstd(series, axis=0)
    return np.clip(series, middle - _CLIP_SIGMA * spread, middle + _CLIP_SIGMA * spread)


def _stretched(array: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite(array).any():
        return array
    low = np.nanmin(array, axis=0)
    span = np.nanmax(array, axis=0) - low
    share = (array - low) / np.where(span > 0, span, 1.0)
    return np.asarray(WATSON_FLOOR + share * (1 - 2 * WATSON_FLOOR))


def _binned(
    place: NDArray[np.float64], series: NDArray[np.float64], n_bins: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Means in bins between the first and the last point that is there."""
    known = np.isfinite(series).all(axis=1)
    place, series = place[known], series[known]
    if place.size == 0:
        return np.full((n_bins, series.shape[1]), np.nan), np.zeros(n_bins, dtype=np.int64)
    low, high = place.min(), place.max()
    share = (place - low) / (high - low if high > low else 1.0)
    cell = np.minimum((share * n_bins).astype(np.int64), n_bins - 1)
    count = np.bincount(cell, minlength=n_bins)
    total = np.stack(
        [np.bincount(cell, weights=column, minlength=n_bins) for column in series.T]
    )  # fmt: skip
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return fill_empty(mean).T, count


def _depth(main: NDArray[np.float64]) -> float:
    middle = np.abs(np.linspace(-_HALF_SPAN, _HALF_SPAN, len(main)))
    level = np.median(main[middle > 0.75, 0])
    # The flux was halved.
    return float(2 * (level - main[middle < 0.25, 0].mean()))
