"""Diagnostics of a transit signal, each with its error and in the units a vetter thinks in.

Depths are measured transit by transit, and their errors come from the scatter of the flat
light curve averaged over one duration, so that noise correlated on the transit's own time
scale is counted. What cannot be measured is NaN, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import erfcinv

from .detrending import flatten, window_of
from .folding import bin_means, count_transits, phase_of
from .periods import dip_at_half, period_factor
from .spikes import without_spikes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .lightcurve import LightCurve
    from .signals import TransitSignal

__all__ = ["Diagnostics", "diagnose"]


@dataclass(frozen=True)
class Diagnostics:
    """What the light curve says about a signal; NaN where it says nothing.

    Parameters
    ----------
    n_transits, n_good : int
        Transits with data, and those with at least 75 % of their points.
    single_transit : bool
        Whether the period is longer than the light curve, so that nothing repeats.
    depth_ppm, depth_err_ppm : float
        Mean depth over the whole duration, ppm.
    snr : float
        Depth over its error for white noise: depth / scatter times the square root of the
        number of points in transit.
    mes : float
        The same with noise on the time scale of the transit (multiple event statistic).
    odd_even_sigma : float
        Difference of odd and even depths in standard deviations.
    odd_depth_ppm, even_depth_ppm : float
        Depths of odd and even transits, ppm.
    secondary_phase : float
        Phase of the strongest secondary dip, anywhere outside the transit.
    secondary_depth_ppm, secondary_err_ppm : float
        Its depth, ppm.
    secondary_sigma : float
        Its significance, standard deviations.
    secondary_limit : float
        Significance that noise alone reaches in half of all searches of this many places.
    positive_sigma : float
        Significance of the strongest bump: a light curve that bumps as much as it dips is
        noisy.
    shape : float
        Mean depth of the outer half of the transit over that of the inner half: near 0.9
        for a box, near 1/3 for a V.
    half_depth_ppm, half_err_ppm : float
        Depth half an orbit away from the transit, where a transit of half the period falls.
    period_factor : float
        0.5 or 2 where the light curve repeats at half or at twice the period; 1 otherwise.
    ghost, ghost_err : float
        Depth in the halo over depth in the core, and its error; above 1 the source lies
        elsewhere.
    centroid_shift, centroid_shift_err : float
        Shift of the photocentre in transit and its error, in ``centroid_unit``.
    centroid_sigma : float
        Its significance: the length of the vector scaled by its errors.
    centroid_unit : str
        'arcsec', or 'scaled' where the light curve has no absolute scale.
    source_offset, source_offset_err : float
        Distance from the star to the source that the shift and the depth imply, in
        ``centroid_unit``.

    Examples
    --------
    >>> names = [field.name for field in fields(Diagnostics)]
    >>> "odd_even_sigma" in names
    True
    """

    n_transits: int
    n_good: int
    single_transit: bool
    depth_ppm: float
    depth_err_ppm: float
    snr: float
    mes: float
    odd_even_sigma: float
    odd_depth_ppm: float
    even_depth_ppm: float
    secondary_phase: float
    secondary_depth_ppm: float
    secondary_err_ppm: float
    secondary_sigma: float
    secondary_limit: float
    positive_sigma: float
    shape: float
    half_depth_ppm: float = np.nan
    half_err_ppm: float = np.nan
    period_factor: float = 1.0
    ghost: float = np.nan
    ghost_err: float = np.nan
    centroid_shift: float = np.nan
    centroid_shift_err: float = np.nan
    centroid_sigma: float = np.nan
    centroid_unit: str = "scaled"
    source_offset: float = np.nan
    source_offset_err: float = np.nan


def diagnose(
    lightcurve: LightCurve,
    signal: TransitSignal,
    *,
    other_signals: Sequence[TransitSignal] = (),
) -> Diagnostics:
    """Measure everything the light curve can say about a signal, single bright rows left out.

    Parameters
    ----------
    lightcurve : LightCurve
        The star, not yet detrended.
    signal : TransitSignal
        The signal.
    other_signals : sequence of TransitSignal
        Other known signals of the star, which are removed.

    Returns
    -------
    Diagnostics
        With ``n_transits`` 0 and NaN elsewhere if all transits fall in gaps.

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal, diagnose
    >>> rng = np.random.default_rng(0)
    >>> time = np.arange(0, 40, 0.02)
    >>> inside = np.abs((time - 2 + 2.5) % 5 - 2.5) < 0.05
    >>> flux = np.where(inside, 0.999, 1.0) + rng.normal(0, 2e-4, time.size)
    >>> found = diagnose(LightCurve(time, flux), TransitSignal(5.0, 2.0, 2.4))
    >>> found.n_transits, round(found.depth_ppm, -2), round(found.odd_even_sigma)
    (8, 1000.0, -3)
    """
    found = diagnose_flat(flatten(lightcurve, signal, other_signals=other_signals), signal)
    return with_period_checked(found, lightcurve, signal, other_signals)


def with_period_checked(
    found: Diagnostics,
    lightcurve: LightCurve,
    signal: TransitSignal,
    other_signals: Sequence[TransitSignal] = (),
) -> Diagnostics:
    """The same with the dip half an orbit away measured again, where there is a deep one.

    A dip that is not masked is partly taken for the star's own variation; so before it is
    called shallower than the transit, both are masked alike and compared again.

    Parameters
    ----------
    found : Diagnostics
        What :func:`diagnose_flat` gave.
    lightcurve : LightCurve
        The star, not yet detrended.
    signal : TransitSignal
        The signal.
    other_signals : sequence of TransitSignal
        Other known signals of the star.

    Returns
    -------
    Diagnostics

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal
    >>> curve = LightCurve(np.arange(0, 10, 0.02), np.ones(500))
    >>> signal = TransitSignal(4.0, 2.0, 2.4)
    >>> found = diagnose_flat(curve, signal)
    >>> with_period_checked(found, curve, signal) is found
    True
    """
    deep = found.half_depth_ppm > max(5 * found.half_err_ppm, 0.5 * found.depth_ppm)
    short = signal.duration_day < signal.period_day / 8
    if not (deep and short) or found.period_factor != 1.0 or found.single_transit:
        return found
    half = replace(signal, period_day=0.5 * signal.period_day)
    again = diagnose_flat(flatten(lightcurve, half, other_signals=other_signals), signal)
    return replace(
        found,
        half_depth_ppm=again.half_depth_ppm,
        half_err_ppm=again.half_err_ppm,
        period_factor=again.period_factor,
    )


def diagnose_flat(flat: LightCurve, signal: TransitSignal) -> Diagnostics:
    """:func:`diagnose` for a light curve that is flat already.

    Parameters
    ----------
    flat : LightCurve
        Detrended, other signals removed.
    signal : TransitSignal
        The signal.

    Returns
    -------
    Diagnostics

    Examples
    --------
    >>> from decan.transits import LightCurve, TransitSignal
    >>> curve = LightCurve(np.arange(0, 10, 0.02), np.ones(500))
    >>> diagnose_flat(curve, TransitSignal(50.0, 20.0, 2.4)).n_transits
    0
    """
    flat = without_spikes(flat)
    period, duration = signal.period_day, signal.duration_day
    epoch = signal.epoch_in(flat.time_format)
    tally = count_transits(flat.time, period, epoch, duration, cadence=flat.cadence_of_rows_day)
    single = period > flat.span_day
    offset = phase_of(flat.time, period, epoch) * period
    inside = np.abs(offset) <= 0.5 * duration
    outside = np.abs(offset) > 0.75 * duration
    if not inside.any() or outside.sum() < 3:
        return _nothing(tally.n_with_data, tally.n_good, single)
    noise = _Noise.of(flat, outside, signal)
    events = _Events.of(flat.time, 1.0 - flat.flux, offset, epoch, period, duration, noise)
    depth, depth_err = events.mean()
    secondary = _search(flat, offset, period, duration, noise)
    in_transit = 1.0 - flat.flux[inside]
    outer = np.abs(offset[inside]) > 0.25 * duration
    inner_depth = in_transit[~outer].mean() if (~outer).any() else np.nan
    shape = in_transit[outer].mean() / inner_depth if outer.any() and inner_depth > 0 else np.nan
    odd, even = events.parity(1), events.parity(0)
    difference = np.hypot(odd[1], even[1])
    half = dip_at_half(flat.flux, offset, period, duration, noise.point * noise.red)
    return Diagnostics(
        n_transits=tally.n_with_data,
        n_good=tally.n_good,
        single_transit=bool(single),
        depth_ppm=1e6 * depth,
        depth_err_ppm=1e6 * depth_err,
        snr=float(in_transit.mean() / noise.point * np.sqrt(inside.sum())),
        mes=depth / depth_err,
        odd_even_sigma=np.nan if single else float((odd[0] - even[0]) / difference),
        odd_depth_ppm=np.nan if single else 1e6 * odd[0],
        even_depth_ppm=np.nan if single else 1e6 * even[0],
        shape=float(shape),
        half_depth_ppm=1e6 * half[0],
        half_err_ppm=1e6 * half[1],
        period_factor=1.0 if single else period_factor((depth, depth_err), half, odd, even),
        **secondary,
        **_ghost(flat, inside, outside, depth, depth_err),
        **_centroid(flat, inside, outside, depth, duration),
    )


def _nothing(n_transits: int, n_good: int, single: bool) -> Diagnostics:
    empty: dict[str, Any] = {
        field.name: np.nan
        for field in fields(Diagnostics)
        if field.name
        not in ("n_transits", "n_good", "single_transit", "period_factor", "centroid_unit")
    }
    return Diagnostics(n_transits=n_transits, n_good=n_good, single_transit=single, **empty)


@dataclass(frozen=True)
class _Noise:
    """Scatter of a point, and how much more a mean over one duration scatters than white noise."""

    point: float
    red: float

    @classmethod
    def of(cls, flat: LightCurve, outside: NDArray[np.bool_], signal: TransitSignal) -> _Noise:
        flux, time = flat.flux[outside], flat.time[outside]
        duration = signal.duration_day
        # The spline follows some of the noise: as many degrees of freedom as it has knots.
        followed = min(flat.cadence_day / window_of(signal), 0.5)
        point = _clipped_scatter(flux) / np.sqrt(1.0 - followed)
        expected = max(duration / flat.cadence_day, 1.0)
        red = _redness(time, flux, point, duration, expected)
        return cls(point, red)


def _redness(
    time: NDArray[Any], series: NDArray[Any], point: float, duration: float, expected: float
) -> float:
    number = np.floor((time - time[0]) / duration)
    n_bins = int(number[-1]) + 1
    binned = bin_means(number, series, low=0.0, high=float(n_bins), n_bins=n_bins)
    full = binned.count[0] >= 0.7 * expected
    if full.sum() < 10:
        return 1.0
    values = binned.value[0][full]
    slow = float(1.4826 * np.median(np.abs(values - np.median(values))))
    # A finite sample can look quieter than white noise; it is not.
    return max(float(slow * np.sqrt(expected) / point), 1.0)


def _red_scatter(
    time: NDArray[Any], series: NDArray[Any], outside: NDArray[np.bool_], duration: float
) -> float:
    rows = outside & np.isfinite(series)
    point = _clipped_scatter(series[rows])
    expected = max(duration / float(np.median(np.diff(time))), 1.0)
    return point * _redness(time[rows], series[rows], point, duration, expected)


def _clipped_scatter(values: NDArray[Any]) -> float:
    middle = np.median(values)
    rough = max(float(1.4826 * np.median(np.abs(values - middle))), 1e-12)
    near = np.abs(values - middle) < 4.0 * rough
    return max(float(np.std(values[near])), 1e-12)


@dataclass(frozen=True)
class _Events:
    """Depth of each transit, with its weight."""

    cycle: NDArray[np.int64]
    depth: NDArray[np.float64]
    sigma: NDArray[np.float64]
    count: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        time: NDArray[Any],
        dip: NDArray[Any],
        offset: NDArray[Any],
        epoch: float,
        period: float,
        duration: float,
        noise: _Noise,
    ) -> _Events:
        cycle = np.round((time - epoch) / period).astype(np.int64)
        cycle -= int(cycle.min())
        parity_shift = int(np.round((time[0] - epoch) / period)) % 2
        inside = np.abs(offset) <= 0.5 * duration
        count = np.bincount(cycle[inside])
        total = np.bincount(cycle[inside], weights=dip[inside])
        some = count > 0
        baseline, near = _baseline(cycle, dip, offset, duration, count.size)
        depth = total[some] / count[some] - baseline[some]
        # Twice the variance of the baseline: the spline under it was fitted to as few points.
        share = 1.0 / count[some] + 2.0 / np.maximum(near[some], 1)
        sigma = noise.point * noise.red * np.sqrt(share)
        return cls(np.flatnonzero(some) + parity_shift, depth, sigma, count[some])

    def mean(self, chosen: NDArray[np.bool_] | None = None) -> tuple[float, float]:
        rows = np.ones(self.depth.size, dtype=bool) if chosen is None else chosen
        if not rows.any():
            return np.nan, np.nan
        weight = 1.0 / self.sigma[rows] ** 2
        return float((weight * self.depth[rows]).sum() / weight.sum()), float(weight.sum() ** -0.5)

    def parity(self, parity: int) -> tuple[float, float]:
        """Depth and error of odd (1) or even (0) transits.

        Where few rows fall into a transit, it matters for the mean which part of ingress
        and egress they meet; 0.3 is the scatter of that for edges half as deep.
        """
        chosen = self.cycle % 2 == parity
        depth, error = self.mean(chosen)
        if not chosen.any():
            return depth, error
        sampling = 0.3 * depth / self.count[chosen].mean() / np.sqrt(chosen.sum())
        return depth, float(np.hypot(error, sampling))


def _baseline(
    cycle: NDArray[Any], dip: NDArray[Any], offset: NDArray[Any], duration: float, n: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    near = (np.abs(offset) > 0.75 * duration) & (np.abs(offset) < 3.0 * duration) & (cycle < n)
    count = np.bincount(cycle[near], minlength=n)
    total = np.bincount(cycle[near], weights=dip[near], minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), 0.0), count


def _search(
    flat: LightCurve,
    offset: NDArray[Any],
    period: float,
    duration: float,
    noise: _Noise,
) -> dict[str, Any]:
    """Slide a box of one duration over all phases outside the transit."""
    share = duration / period
    n_bins = int(np.clip(4 / share, 40, 20_000))
    outside = np.abs(offset) > duration
    phase = offset[outside] / period
    binned = bin_means(phase, 1.0 - flat.flux[outside], low=-0.5, high=0.5, n_bins=n_bins)
    count = binned.count[0].astype(float)
    total = np.where(count > 0, np.nan_to_num(binned.value[0]) * count, 0.0)
    width = max(round(share * n_bins), 1)

    def boxes(series: NDArray[Any]) -> NDArray[Any]:
        running = np.concatenate([[0.0], np.cumsum(np.concatenate([series, series[:width]]))])
        return np.asarray(running[width : width + n_bins] - running[:n_bins])

    points, sums = boxes(count), boxes(total)
    usable = points >= max(0.5 * np.median(points), 1.0)
    keys = ("phase", "depth_ppm", "err_ppm", "sigma", "limit")
    if not usable.any():
        return {f"secondary_{key}": np.nan for key in keys} | {"positive_sigma": np.nan}
    error = noise.point * noise.red / np.sqrt(np.maximum(points, 1.0))
    depth = sums / np.maximum(points, 1.0)
    sigma = np.where(usable, depth / error, 0.0)
    best = int(np.argmax(sigma))
    return {
        "secondary_phase": float(((best + width / 2) / n_bins - 0.5) % 1.0),
        "secondary_depth_ppm": float(1e6 * depth[best]),
        "secondary_err_ppm": float(1e6 * error[best]),
        "secondary_sigma": float(sigma[best]),
        "secondary_limit": float(np.sqrt(2) * erfcinv(min(share, 1.0))),
        "positive_sigma": float(-sigma.min()),
    }


def _ghost(
    flat: LightCurve,
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    depth: float,
    depth_err: float,
) -> dict[str, Any]:
    if flat.core is None or flat.halo is None:
        return {}

    def dip(series: NDArray[Any]) -> tuple[float, float]:
        rest = series[outside & np.isfinite(series)]
        here = series[inside & np.isfinite(series)]
        if rest.size < 3 or here.size == 0:
            return np.nan, np.nan
        scatter = 1.4826 * np.median(np.abs(rest - np.median(rest)))
        return float(rest.mean() - here.mean()), float(scatter / np.sqrt(here.size))

    core, core_err = dip(flat.core)
    halo, halo_err = dip(flat.halo)
    if not core > 0:
        return {}
    ratio = halo / core
    return {"ghost": ratio, "ghost_err": float(np.hypot(halo_err, ratio * core_err) / core)}


def _centroid(
    flat: LightCurve,
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    depth: float,
    duration: float,
) -> dict[str, Any]:
    if flat.centroid is None:
        return {}
    scale, unit = _arcsec(flat)
    shift, error = np.zeros(2), np.zeros(2)
    for axis in (0, 1):
        series = flat.centroid[:, axis] * scale
        here, rest = series[inside], series[outside]
        here, rest = here[np.isfinite(here)], rest[np.isfinite(rest)]
        if here.size == 0 or rest.size < 3:
            return {}
        shift[axis] = here.mean() - np.median(rest)
        # Half as much variance again: the trend under the transit was fitted, too.
        scatter = _red_scatter(flat.time, series, outside, duration)
        error[axis] = scatter * np.sqrt(1.5 / here.size)
    length = float(np.hypot(*shift))
    length_err = float(np.sqrt(((shift * error) ** 2).sum()) / length) if length > 0 else 0.0
    # The light of the dimmed source leaves the blend: shift = -offset * depth / (1 - depth).
    factor = (1.0 - depth) / depth if depth > 0 else np.nan
    return {
        "centroid_shift": length,
        "centroid_shift_err": length_err,
        "centroid_sigma": float(np.sqrt(((shift / error) ** 2).sum())),
        "centroid_unit": unit,
        "source_offset": length * factor if unit == "arcsec" else np.nan,
        "source_offset_err": length_err * factor if unit == "arcsec" else np.nan,
    }


def _arcsec(flat: LightCurve) -> tuple[float, str]:
    if flat.centroid_unit == "arcsec":
        return 1.0, "arcsec"
    if flat.centroid_unit == "pixel" and "pixel_scale" in flat.meta:
        return float(flat.meta["pixel_scale"]), "arcsec"
    return 1.0, "scaled"
