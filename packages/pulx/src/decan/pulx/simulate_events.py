"""Event lists with known truth: pulsations, drift and orbits, gaps, frames, red noise.

``times`` come out as from a detector: sorted, inside good time, on the frame grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit

from .events import EventList
from .gti import merge_intervals

__all__ = ["orbit_intervals", "simulate_events"]


def simulate_events(
    *,
    span: float = 10_000.0,
    rate: float = 1.0,
    frequency: float | None = None,
    pulsed_fraction: float = 0.0,
    drift: float = 0.0,
    second_harmonic: float = 0.0,
    orbit: tuple[float, float, float] | None = None,
    gti: ArrayLike | None = None,
    frame_time: float = 0.0,
    dead_time: float = 0.0,
    red_rms: float = 0.0,
    red_tau: float = 1000.0,
    name: str = "simulated",
    rng: np.random.Generator | int | None = None,
) -> EventList:
    """Draw an event list by thinning a Poisson process.

    Parameters
    ----------
    span : float
        Length of the observation, s; of no meaning with ``gti``.
    rate : float
        Mean count rate, 1/s.
    frequency : float, optional
        Frequency of the pulsation at mid-time, Hz. None: no pulsation.
    pulsed_fraction : float in [0, 1]
        a in ``rate (1 + a sin φ)``.
    drift : float
        Frequency derivative, Hz/s.
    second_harmonic : float
        Amplitude of the second harmonic in units of the first.
    orbit : (float, float, float), optional
        Orbital period in days, a sin i in light-seconds, time of the ascending node in s
        from the start: arrival is delayed by ``x sin(2π (t_em - T)/P)``.
    gti : array_like, shape (m, 2), optional
        Good-time intervals, s.
    frame_time : float
        Detector frames, s: times fall on the middles of frames.
    dead_time : float
        After each event nothing is counted for this long, s (non-paralysable).
    red_rms : float
        Fractional rms of a lognormal Ornstein-Uhlenbeck rate.
    red_tau : float
        Its correlation time, s.
    name : str
        Name of the list.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    EventList
        Marked as barycentred.

    Raises
    ------
    ValueError
        If the pulsed fraction is outside [0, 1] or the rate is not positive.

    Examples
    --------
    >>> simulate_events(span=1000.0, rate=0.5, rng=1)
    <EventList simulated: 501 events in 1,000 s (1 interval), barycentred>
    """
    span, dead_time = float(in_unit(span, "s", "span")), float(in_unit(dead_time, "s", "dead_time"))
    frame_time = float(in_unit(frame_time, "s", "frame_time"))
    red_tau = float(in_unit(red_tau, "s", "red_tau"))
    rate, drift = float(in_unit(rate, "1/s", "rate")), float(in_unit(drift, "Hz/s", "drift"))
    frequency = None if frequency is None else float(in_unit(frequency, "Hz", "frequency"))
    if not 0 <= pulsed_fraction <= 1 or not rate > 0:
        raise ValueError(
            f"pulsed_fraction {pulsed_fraction:g}, rate {rate:g}: expected within [0, 1] and > 0"
        )
    generator = np.random.default_rng(rng)
    intervals, _ = merge_intervals([[0.0, span]] if gti is None else gti)
    start, stop = intervals[0, 0], intervals[-1, 1]
    shape = 1 + second_harmonic if frequency else 1.0
    knots, level = _red_noise(start, stop, red_rms, red_tau, generator)
    # Candidates at the highest rate of each stretch, then kept in proportion.
    top = rate * (1 + pulsed_fraction * shape)
    times = _candidates(intervals, top, knots, level, generator)
    if frequency is not None and pulsed_fraction:
        phase = pulse_phase(times - (start + stop) / 2, frequency, drift, orbit, start, stop)
        profile = np.sin(phase) + second_harmonic * np.sin(2 * phase)
        relative = 1 + pulsed_fraction * profile
    else:
        relative = np.ones(len(times))
    keep = generator.random(len(times)) * (1 + pulsed_fraction * shape) < relative
    times = times[keep]
    if dead_time:
        times = _after_dead_time(times, dead_time)
    if frame_time:
        times = np.floor((times - start) / frame_time) * frame_time + frame_time / 2 + start
        times = times[times <= stop]
    return EventList.from_times(
        times,
        gti=intervals,
        timesys="TDB",
        barycentred=True,
        frame_time=frame_time,
        name=name,
        reference=(58000, 0.0),
    )


def pulse_phase(
    t: NDArray[np.float64],
    frequency: float,
    drift: float,
    orbit: tuple[float, float, float] | None,
    start: float,
    stop: float,
) -> NDArray[np.float64]:
    """Phase in radians of a pulsation at times from the middle of an observation.

    Parameters
    ----------
    t : ndarray, shape (n,)
        Arrival times from the middle, s.
    frequency, drift : float
        At mid-time, Hz and Hz/s.
    orbit : (float, float, float) or None
        As in :func:`simulate_events`.
    start, stop : float
        Ends of the observation, s.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> pulse_phase(np.array([0.25]), 1.0, 0.0, None, 0.0, 10.0) / np.pi
    array([0.5])
    """
    if orbit is not None:
        period_day, projected, node = orbit
        omega = 2 * np.pi / (86400 * period_day)
        arrival = t + (start + stop) / 2 - node
        emitted = arrival.copy()
        for _ in range(20):  # a contraction: x ω is far below 1
            emitted = arrival - projected * np.sin(omega * emitted)
        t = emitted + node - (start + stop) / 2
    return np.asarray(2 * np.pi * (frequency * t + drift * t**2 / 2))


def orbit_intervals(
    span: float,
    *,
    period: float = 5700.0,
    share: float = 0.6,
    flares: int = 0,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.float64]:
    """Good-time intervals of a low Earth orbit: occulted once an orbit, and flares removed.

    Parameters
    ----------
    span : float
        Length of the observation, s.
    period : float
        Orbital period, s.
    share : float
        Share of the orbit in which the source is seen.
    flares : int
        Number of further cuts of 1 to 5 per cent of the span.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    ndarray, shape (m, 2)

    Raises
    ------
    ValueError
        If nothing is left.

    Examples
    --------
    >>> orbit_intervals(12_000.0, rng=0).round().shape[1]
    2
    """
    generator = np.random.default_rng(rng)
    begin = -generator.uniform(0, period)
    starts = np.arange(begin, span, period)
    gti = np.clip(np.column_stack([starts, starts + share * period]), 0, span)
    for _ in range(flares):
        length = span * generator.uniform(0.01, 0.05)
        cut = generator.uniform(0, span - length)
        before, after = gti.copy(), gti.copy()
        before[:, 1] = np.minimum(before[:, 1], cut)
        after[:, 0] = np.maximum(after[:, 0], cut + length)
        gti = np.concatenate([before, after])
    gti = gti[gti[:, 1] - gti[:, 0] > 1.0]
    if len(gti) == 0:
        raise ValueError(f"span {span:g} s and share {share:g} leave no good time")
    return gti[np.argsort(gti[:, 0])]


def _red_noise(
    start: float, stop: float, rms: float, tau: float, rng: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Relative rate of mean 1 on knots a twentieth of tau apart, by the exact OU recursion."""
    if rms <= 0:
        return np.array([start, stop]), np.ones(1)
    n = int(np.clip(np.ceil(20 * (stop - start) / tau), 2, 400_000))
    knots = np.linspace(start, stop, n + 1)
    decay = np.exp(-(knots[1] - knots[0]) / tau)
    sigma = np.sqrt(np.log1p(rms**2))
    from scipy.signal import lfilter

    kicks = rng.normal(0, sigma * np.sqrt(1 - decay**2), n)
    kicks[0] = rng.normal(0, sigma)
    walk = lfilter([1.0], [1.0, -decay], kicks)
    return knots, np.exp(walk - sigma**2 / 2)


def _candidates(
    intervals: NDArray[np.float64],
    top: float,
    knots: NDArray[np.float64],
    level: NDArray[np.float64],
    rng: Any,
) -> NDArray[np.float64]:
    if len(level) == 1:
        lengths = intervals[:, 1] - intervals[:, 0]
        counts = rng.poisson(top * lengths)
        starts, sizes = np.repeat(intervals[:, 0], counts), np.repeat(lengths, counts)
        return np.sort(starts + sizes * rng.random(len(starts)))
    step = knots[1] - knots[0]
    counts = rng.poisson(top * level * step)
    times = np.sort(np.repeat(knots[:-1], counts) + step * rng.random(counts.sum()))
    at = np.searchsorted(intervals[:, 0], times, side="right") - 1
    return times[(at >= 0) & (times <= intervals[np.maximum(at, 0), 1])]


def _after_dead_time(times: NDArray[np.float64], dead: float) -> NDArray[np.float64]:
    keep, i = [], 0
    while i < len(times):
        keep.append(i)
        i = int(np.searchsorted(times, times[i] + dead, side="left"))
    return times[keep]
