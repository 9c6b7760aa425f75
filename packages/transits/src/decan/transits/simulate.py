"""Simulated transit signals with known truth: planets, binaries, contamination, systematics.

Everything is a stated model: a rotating star with white noise, planets before a limb-darkened
disc, eclipses of trapezoid shape with depths and durations from the geometry of the orbit,
blends that move the photocentre and deepen the halo; jumps, ramps, rolling bands, pulsation
and red noise that a search took for transits. Labels are never read off the light
curve. Whoever reports a number that rests on these signals must say SIMULATED.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.signal import lfilter

from .lightcurve import LightCurve
from .models import transit_model
from .signals import TransitSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "NATURAL_MIX", "Simulated", "simulate_signal", "simulate_signals"]

KINDS = ("planet", "binary", "background", "contamination", "systematics")
"""What can be behind a signal."""

NATURAL_MIX: Mapping[str, float] = {
    "planet": 0.126,
    "binary": 0.066,
    "background": 0.015,
    "contamination": 0.010,
    "systematics": 0.783,
}
"""Shares close to those of the Robovetter's verdicts on DR25 (planet candidates, stellar
eclipses, centroid offsets, not transit-like)."""

_CADENCES: Mapping[str, tuple[float, ...]] = {"kepler": (29.4244, 1.0), "tess": (10.0, 2.0, 30.0)}
"""Minutes between rows, the usual one first."""
_NAMES = {"kepler": "Kepler", "tess": "TESS"}
_SECTOR_DAY = 27.0
# Light gathered by TESS, a hundredth of Kepler's, makes its noise ten times as large; its stars
# are three magnitudes brighter.
_TESS_NOISE, _TESS_BRIGHTER = 10.0, 3.0
_DEEPEST = 0.9


@dataclass(frozen=True)
class Simulated:
    """One simulated signal: what a search would report, and what is behind it.

    Parameters
    ----------
    lightcurve : LightCurve
        With centroids (arcsec), core and halo flux.
    signal : TransitSignal
        As a search reports it: for some binaries at half the true period.
    kind : str
        One of :data:`KINDS`.
    truth : dict of str to float
        Parameters of the model.

    Examples
    --------
    >>> simulate_signal("planet", rng=1).kind
    'planet'
    """

    lightcurve: LightCurve
    signal: TransitSignal
    kind: str
    truth: Mapping[str, float]


def simulate_signal(
    kind: str,
    *,
    mission: str = "kepler",
    span_day: float = 90.0,
    cadence_minutes: float | None = None,
    engine: str = "rings",
    rng: np.random.Generator | int | None = None,
) -> Simulated:
    """Simulate one signal that a search would have found (at least 7.1 sigma).

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    mission : {'kepler', 'tess'}
        Kepler's cadence, gaps and noise, or those of TESS: sectors of 27 d, each with a day
        without data in its middle.
    span_day : float
        Length of the light curve, days.
    cadence_minutes : float, optional
        Time between rows, minutes: 29.4244 (the default) or 1 for Kepler; 2, 10 (the
        default) or 30 for TESS.
    engine : {'rings', 'batman'}
        Who computes a planet's transit, see :func:`~decan.transits.models.transit_model`.
    rng : numpy.random.Generator, int or None
        See SPEC 7.

    Returns
    -------
    Simulated

    Raises
    ------
    ValueError
        If the kind or the mission is unknown, or the mission has no such cadence.

    Examples
    --------
    >>> found = simulate_signal("binary", span_day=30.0, rng=2)
    >>> found.lightcurve.core is not None, found.signal.period_day < 30
    (True, True)
    """
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, found {kind!r}")
    minutes = _cadence(mission, cadence_minutes)
    rng = np.random.default_rng(rng)
    time = _times(mission, span_day, minutes, rng)
    for _ in range(200):
        star = _star(rng)
        noise = _noise_per_row(star["magnitude"], minutes)
        if mission == "tess":
            star["magnitude"] -= _TESS_BRIGHTER
            noise = _TESS_NOISE * _noise_per_row(star["magnitude"], minutes)
        star["exposure"] = minutes
        made = (
            _planet(time, star, span_day, rng, engine=engine)
            if kind == "planet"
            else _MAKERS[kind](time, star, span_day, rng)
        )
        if _strength(made, noise, time) > 7.1:
            break
    return _observed(kind, mission, time, star, noise, made, rng)


def simulate_signals(
    n: int,
    *,
    mix: Mapping[str, float] | None = None,
    mission: str = "kepler",
    span_day: float = 90.0,
    cadence_minutes: float | None = None,
    rng: np.random.Generator | int | None = None,
) -> list[Simulated]:
    """Simulate many signals of a mixed population.

    Parameters
    ----------
    n : int
        Number of signals.
    mix : mapping of str to float, optional
        Share of each kind; equal shares by default, :data:`NATURAL_MIX` for nature's.
    mission, span_day, cadence_minutes
        As in :func:`simulate_signal`.
    rng : numpy.random.Generator, int or None
        See SPEC 7.

    Returns
    -------
    list of Simulated

    Examples
    --------
    >>> [one.kind for one in simulate_signals(3, mix={"planet": 1.0}, span_day=20.0, rng=0)]
    ['planet', 'planet', 'planet']
    """
    rng = np.random.default_rng(rng)
    shares = dict.fromkeys(KINDS, 1.0) if mix is None else dict(mix)
    weight = np.array(list(shares.values()), dtype=float)
    kinds = rng.choice(list(shares), size=n, p=weight / weight.sum())
    return [
        simulate_signal(
            str(kind),
            mission=mission,
            span_day=span_day,
            cadence_minutes=cadence_minutes,
            rng=rng,
        )
        for kind in kinds
    ]


def _cadence(mission: str, minutes: float | None) -> float:
    if mission not in _CADENCES:
        raise ValueError(f"mission: expected one of {', '.join(_CADENCES)}, found {mission!r}")
    known = _CADENCES[mission]
    if minutes is None:
        return known[0]
    if minutes not in known:
        words = ", ".join(f"{one:g}" for one in sorted(known))
        raise ValueError(f"cadence_minutes: {mission} has {words}, found {minutes:g}")
    return minutes


def _times(
    mission: str, span: float, cadence_minutes: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    time = np.arange(0.0, span, cadence_minutes / 1440.0)
    # A day without data every 27 d, and gaps of hours: 3 to 5 per cent in all.
    within = time % _SECTOR_DAY
    keep = (within < 13.0) | (within > 14.0) if mission == "tess" else within < 26.0
    for start in rng.uniform(0, span, rng.poisson(span / 90.0)):
        keep &= ~((time > start) & (time < start + rng.uniform(0.1, 1.0)))
    return time[keep]


def _star(rng: np.random.Generator) -> dict[str, float]:
    teff = float(np.clip(rng.normal(5600, 700), 3200, 7500))
    radius = (teff / 5777) ** 2.2 * 10 ** rng.normal(0, 0.06)
    if rng.random() < 0.05:
        radius *= rng.uniform(1.5, 2.5)
    mass = float(np.clip(radius, 0.2, 1.8) ** 0.9)
    return {
        "teff": teff,
        "radius": float(radius),
        "mass": mass,
        "logg": 4.438 + float(np.log10(mass / radius**2)),
        "magnitude": float(rng.uniform(11, 16)),
        "rotation_day": float(10 ** rng.uniform(np.log10(3), np.log10(40))),
        "spots": float(10 ** rng.uniform(np.log10(50e-6), np.log10(0.01))),
    }


def _noise_per_row(magnitude: float, cadence_minutes: float) -> float:
    half_hour = 1e-6 * np.hypot(40 * 10 ** (0.2 * (magnitude - 12)), 10)
    return float(half_hour * np.sqrt(30.0 / cadence_minutes))


def _geometry(
    star: Mapping[str, float], span: float, rng: np.random.Generator, ratio: float, longest: float
) -> dict[str, float]:
    """Period, epoch, impact parameter and duration of an orbit that transits."""
    period = float(10 ** rng.uniform(np.log10(0.6), np.log10(min(longest, span / 2.5))))
    # Kepler's third law, in solar radii: a = 4.2 R (P/d)^(2/3) (M/Msun)^(1/3).
    distance = 4.2 * period ** (2 / 3) * star["mass"] ** (1 / 3) / star["radius"]
    impact = float(rng.uniform(0, min(1.0, 0.95 * (1 + ratio))))
    chord = np.sqrt(max((1 + ratio) ** 2 - impact**2, 1e-4))
    duration = period / np.pi * np.arcsin(min(chord / max(distance, 1.2), 1.0))
    return {
        "period": period,
        "epoch": float(rng.uniform(0, period)),
        "impact": impact,
        "duration": float(min(duration, 0.24 * period)),
        "ratio": ratio,
        "chord": float(chord),
    }


def _trapezoid(
    time: NDArray[Any], orbit: Mapping[str, float], depth: float, *, phase: float = 0.0
) -> NDArray[np.float64]:
    cycle = (time - orbit["epoch"]) / orbit["period"] - phase
    offset = np.abs(cycle - np.round(cycle)) * orbit["period"]
    half = 0.5 * orbit["duration"]
    # Grazing eclipses have no floor, small planets a long one.
    ingress = float(np.clip(orbit["ratio"] / max(1.0 - orbit["impact"], 0.05), 0.08, 1.0))
    return depth * np.clip((half - offset) / (half * ingress), 0.0, 1.0)


def _planet(
    time: NDArray[Any],
    star: Mapping[str, float],
    span: float,
    rng: np.random.Generator,
    *,
    engine: str = "rings",
) -> dict[str, Any]:
    size = 10 ** rng.uniform(np.log10(0.8), np.log10(4.0))
    if rng.random() < 0.25:
        size = rng.uniform(4.0, 18.0)
    ratio = size / (109.1 * star["radius"])
    orbit = _geometry(star, span, rng, ratio, 400.0)
    # The distance at which the transit lasts as long as the orbit says.
    swept = np.sin(np.pi * orbit["duration"] / orbit["period"])
    # Cooler stars are darker at the limb.
    linear = float(np.clip(0.4 - 0.1 * (star["teff"] - 5777) / 1000, 0.2, 0.65))
    dip = 1.0 - transit_model(
        time, period_day=orbit["period"], epoch=orbit["epoch"], ratio=ratio,
        distance=float(np.hypot(orbit["impact"], orbit["chord"] / swept)),
        impact=orbit["impact"], limb_darkening=(linear, 0.25),
        exposure_minutes=star["exposure"], engine=engine,
    )  # fmt: skip
    return {"dip": dip, "orbit": orbit, "core": 1.0, "halo": 1.0, "shift": 0.0,
            "truth": {"radius_earth": float(size)}}  # fmt: skip


def _binary(
    time: NDArray[Any], star: Mapping[str, float], span: float, rng: np.random.Generator
) -> dict[str, Any]:
    ratio = float(rng.uniform(0.2, 1.0))
    orbit = _geometry(star, span, rng, ratio, 60.0)
    overlap = np.clip((1 + ratio - orbit["impact"]) / (2 * ratio), 0.05, 1.0)
    primary = float(np.clip(ratio**2 * overlap * 0.7, 0.002, 0.5))
    brightness = float(10 ** rng.uniform(np.log10(0.02), 0.0))
    where = float(rng.uniform(0.3, 0.7)) if rng.random() < 0.3 else 0.5
    dip = _trapezoid(time, orbit, primary)
    dip = dip + _trapezoid(time, orbit, primary * brightness, phase=where)
    reported = dict(orbit)
    if where == 0.5 and brightness > 0.6 and rng.random() < 0.7:
        # The search takes both eclipses for one signal of half the period.
        reported["period"] = orbit["period"] / 2
    return {"dip": dip, "orbit": reported, "core": 1.0, "halo": 1.0, "shift": 0.0,
            "truth": {"secondary_ratio": brightness, "secondary_phase": where,
                      "true_period": orbit["period"]}}  # fmt: skip


def _background(
    time: NDArray[Any], star: Mapping[str, float], span: float, rng: np.random.Generator
) -> dict[str, Any]:
    made = _binary(time, star, span, rng)
    dilution = float(10 ** -rng.uniform(0.7, 2.0))
    distance = float(rng.uniform(2.0, 15.0))
    made["dip"] = made["dip"] * dilution
    # The further out the source, the more of its light falls into the ring.
    ratio = 1.0 + distance / 4.0
    made |= {"halo": ratio, "shift": distance}
    made["truth"] |= {"dilution": dilution, "distance_arcsec": distance}
    return made


def _contamination(
    time: NDArray[Any], star: Mapping[str, float], span: float, rng: np.random.Generator
) -> dict[str, Any]:
    made = _binary(time, star, span, rng)
    share = float(10 ** -rng.uniform(1.5, 3.0))
    ratio = float(rng.uniform(1.5, 6.0))
    made["dip"] = made["dip"] * share
    made |= {"halo": ratio, "shift": float(rng.uniform(15.0, 40.0))}
    made["truth"] |= {"share": share, "halo_ratio": ratio}
    return made


def _systematics(
    time: NDArray[Any], star: Mapping[str, float], span: float, rng: np.random.Generator
) -> dict[str, Any]:
    """One of what the Robovetter calls not transit-like: half of them jumps and ramps."""
    sorts = (_jumps, _rolling_band, _pulsation, _red_noise)
    made = sorts[rng.choice(4, p=(0.5, 0.15, 0.15, 0.2))](time, span, rng)
    own = {"core": 1.0, "halo": float(rng.uniform(0.5, 1.5)), "shift": float(rng.uniform(0, 0.5))}
    return {**own, **made}


def _false_orbit(period: float, epoch: float, duration: float) -> dict[str, float]:
    return {"period": period, "epoch": epoch, "impact": 0.0, "duration": duration, "ratio": 1.0}


def _jumps(time: NDArray[Any], span: float, rng: np.random.Generator) -> dict[str, Any]:
    period = float(rng.uniform(0.15, 0.45) * span)
    duration = float(rng.uniform(0.15, 0.8))
    orbit = _false_orbit(period, float(rng.uniform(0, 0.4 * period)), duration)
    dip = np.zeros(time.size)
    depth = 10 ** rng.uniform(-3.6, -2.3)
    for centre in np.arange(orbit["epoch"], span, period):
        # Not the same twice: depth, place and shape change from event to event.
        offset = time - centre - rng.normal(0, 0.3 * duration)
        height = depth * rng.lognormal(0, 0.8)
        if rng.random() < 0.5:
            dip += height * ((offset > -duration / 2) & (offset < rng.uniform(0, duration)))
        else:
            ramp = np.exp(-np.clip(offset, 0, None) / duration) * (offset > -0.02)
            dip += height * ramp * (offset < 4 * duration)
    return {"dip": dip, "orbit": orbit, "truth": {"depth": float(depth)}}


def _rolling_band(time: NDArray[Any], span: float, rng: np.random.Generator) -> dict[str, Any]:
    """A pattern that crosses the star's pixels: fast ripples for some days, again and again."""
    period = float(rng.uniform(0.15, 0.45) * span)
    epoch, ripple = float(rng.uniform(0, period)), float(rng.uniform(0.5, 2.0))
    depth = 10 ** rng.uniform(-3.6, -2.5)
    dip = np.zeros(time.size)
    for centre in np.arange(epoch - period, span + period, period):
        height = depth * rng.lognormal(0, 0.5)
        envelope = np.exp(-0.5 * ((time - centre) / (1.5 * ripple)) ** 2)
        dip += height * envelope * 0.5 * (1 + np.cos(2 * np.pi * (time - centre) / ripple))
    orbit = _false_orbit(period, epoch, 0.4 * ripple)
    return {"dip": dip, "orbit": orbit, "truth": {"depth": float(depth)}}


def _pulsation(time: NDArray[Any], span: float, rng: np.random.Generator) -> dict[str, Any]:
    """A pulsating star, found at its own period."""
    period = float(10 ** rng.uniform(np.log10(0.5), np.log10(min(10.0, span / 4))))
    epoch, depth = float(rng.uniform(0, period)), 10 ** rng.uniform(-3.8, -2.0)
    angle = 2 * np.pi * (time - epoch) / period
    wave = np.cos(angle) + rng.uniform(0, 0.5) * np.cos(2 * angle + rng.uniform(-1, 1))
    dip = depth * (wave - wave.min()) / np.ptp(wave)
    orbit = _false_orbit(period, epoch, float(rng.uniform(0.08, 0.2)) * period)
    return {"dip": dip, "orbit": orbit, "truth": {"depth": float(depth)}}


def _red_noise(time: NDArray[Any], span: float, rng: np.random.Generator) -> dict[str, Any]:
    """Correlated noise, taken for transits at the period and phase where it is lowest."""
    duration = float(rng.uniform(0.15, 0.6))
    depth = 10 ** rng.uniform(-3.8, -2.8)
    step = float(np.median(np.diff(time)))
    kept = np.exp(-step / duration)
    noise = lfilter([np.sqrt(1 - kept**2)], [1, -kept], rng.normal(size=time.size))
    dip = depth * (noise - noise.min())
    best, worth = (0.3 * span, 0.0), -np.inf
    for period in rng.uniform(0.08, 0.45, 40) * span:
        n = max(int(period / duration), 4)
        cell = (time % period / period * n).astype(int)
        mean = np.bincount(cell, dip, n) / np.maximum(np.bincount(cell, minlength=n), 1)
        if (excess := mean.max() - dip.mean()) > worth:
            best, worth = (float(period), float((mean.argmax() + 0.5) / n * period)), excess
    return {"dip": dip, "orbit": _false_orbit(*best, duration), "truth": {"depth": float(depth)}}


_MAKERS = {
    "binary": _binary,
    "background": _background,
    "contamination": _contamination,
    "systematics": _systematics,
}


def _strength(made: Mapping[str, Any], noise: float, time: NDArray[Any]) -> float:
    orbit = made["orbit"]
    phase = (time - orbit["epoch"]) / orbit["period"]
    inside = np.abs(phase - np.round(phase)) * orbit["period"] < 0.5 * orbit["duration"]
    if inside.sum() < 3:
        return 0.0
    depth = made["dip"][inside].mean() - np.median(made["dip"][~inside])
    return float(depth / noise * np.sqrt(inside.sum()))


def _observed(
    kind: str,
    mission: str,
    time: NDArray[np.float64],
    star: Mapping[str, float],
    noise: float,
    made: Mapping[str, Any],
    rng: np.random.Generator,
) -> Simulated:
    dip = np.clip(made["dip"], 0.0, _DEEPEST)
    drift = 1.0 + 0.1 * np.sin(2 * np.pi * time / rng.uniform(60, 120) + rng.uniform(0, 6.3))
    angle = 2 * np.pi * time / star["rotation_day"] * drift.mean() + rng.uniform(0, 6.3)
    spots = star["spots"] * drift * (np.sin(angle) + 0.4 * np.sin(2 * angle + rng.uniform(0, 6.3)))
    flux = (1.0 + spots) * (1.0 - dip) + rng.normal(0, noise, time.size)
    outlier = rng.random(time.size) < 0.001
    flux[outlier] += rng.normal(0, 8 * noise, int(outlier.sum()))

    def ring(ratio: float, worse: float) -> NDArray[np.float64]:
        scatter = rng.normal(0, worse * noise, time.size)
        seen = (1.0 + spots) * (1.0 - np.clip(ratio * dip, 0.0, _DEEPEST))
        return np.asarray(seen + scatter)

    direction = rng.uniform(0, 2 * np.pi)
    shift = made["shift"] * dip / (1.0 - dip)
    jitter = rng.normal(0, 20.0 * noise, (time.size, 2))
    centroid = -shift[:, None] * np.array([np.cos(direction), np.sin(direction)]) + jitter
    orbit = made["orbit"]
    curve = LightCurve(
        time, flux, flux_err=np.full(time.size, noise), centroid=centroid,
        segment=1 + (time // _SECTOR_DAY).astype(int) if mission == "tess" else None,
        core=ring(made["core"], 1.3), halo=ring(made["halo"], 3.0), centroid_unit="arcsec",
        meta={"target": f"simulated {kind}", "mission": f"simulated {_NAMES[mission]}",
              **{name: star[name] for name in ("teff", "radius", "mass", "logg", "magnitude")}},
    )  # fmt: skip
    hours = 24 * min(max(orbit["duration"], 0.02), 0.24 * orbit["period"])
    signal = TransitSignal(orbit["period"], orbit["epoch"], hours, float(1e6 * dip.max()))
    return Simulated(curve, signal, kind, {**made["truth"], "impact": orbit["impact"]})


def labels_of(signals: Sequence[Simulated]) -> NDArray[np.int64]:
    """Classes of simulated signals: 0 noise, 1 eclipsing binary of any sort, 2 planet.

    Parameters
    ----------
    signals : sequence of Simulated
        From :func:`simulate_signals`.

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> labels_of([simulate_signal("planet", rng=1)])
    array([2])
    """
    return np.array([{"planet": 2, "systematics": 0}.get(one.kind, 1) for one in signals])
