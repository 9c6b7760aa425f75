"""Searches for pulsations that drift: over (f, ḟ) of whole observations, and over orbits.

Events are spread once onto a time series. For each drift the series is multiplied by a
chirp and transformed; because the series is real, the negative frequencies of the same
transform hold the opposite drift. Peaks are then refined on the events themselves, without
the losses of the grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from .noise import Continuum, fit_continuum
from .nufft import grid_events, phase_sums
from .periodogram import FEWEST_EVENTS, _cautions, checked_range, harmonic_relations
from .significance import SearchVolume, z_tail
from .statistics import Peak, refine
from .windows import alias_families

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .events import EventList

__all__ = ["AcceleratedSearch", "drift_map", "search_accelerated", "search_orbit"]

_FINENESS = 1.25
_WIDTH = 6
_DRIFT = 2e-8


@dataclass(frozen=True, eq=False)
class AcceleratedSearch:
    """Result of a search over frequency and drift.

    Parameters
    ----------
    events : EventList
        What was searched.
    fmin, fmax : float
        Range of frequency, Hz.
    zmax : float
        Largest drift searched, in Fourier bins over the span (``z = ḟ T²``).
    found : tuple of Peak
        Refined peaks, best first.
    continuum : Continuum
        The noise.
    volume : SearchVolume
        For global significance.
    n_trials : int
        Trials that were computed.
    notes : tuple of str
        Cautions.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=4000.0, rate=2.0, frequency=0.7, drift=5e-7,
    ...                          pulsed_fraction=0.5, rng=1)
    >>> search = search_accelerated(events, 0.1, 2.0, zmax=20)
    >>> bool(abs(search.best["drift_hz_s"] / 5e-7 - 1) < 0.1)
    True
    """

    events: EventList
    fmin: float
    fmax: float
    zmax: float
    found: tuple[Peak, ...]
    continuum: Continuum
    volume: SearchVolume
    n_trials: int
    notes: tuple[str, ...] = ()

    @property
    def timing(self) -> str:
        """'barycentred' or 'topocentric'."""
        return "barycentred" if self.events.barycentred else "topocentric"

    def peaks(self, n: int = 10) -> pd.DataFrame:
        """The highest peaks with errors, significance and aliases.

        Parameters
        ----------
        n : int
            How many at most.

        Returns
        -------
        pandas.DataFrame
            As :meth:`Periodogram.peaks`, with ``z`` (drift in Fourier bins).
        """
        import pandas as pd

        peaks = list(self.found[:n])
        frequency = np.array([peak.frequency for peak in peaks])
        values = np.array([peak.value for peak in peaks])
        white = values * 2 / self.continuum(frequency)
        count = len(self.events)
        return pd.DataFrame(
            {
                "frequency_hz": frequency,
                "frequency_err_hz": [peak.frequency_error for peak in peaks],
                "drift_hz_s": [peak.drift for peak in peaks],
                "drift_err_hz_s": [peak.drift_error for peak in peaks],
                "z": [peak.drift * self.events.span**2 for peak in peaks],
                "Z2": values,
                "whitened": white,
                "p_single": z_tail(white, 1, count),
                "p_global": self.volume.global_tail(white) if count >= FEWEST_EVENTS else np.nan,
                "pulsed_fraction": np.minimum(
                    np.sqrt(2 * values / count) / np.sinc(frequency * self.events.frame_time), 1.0
                ),
                "alias_of": alias_families(self.events, peaks)[0],
                "harmonic_of": harmonic_relations(frequency, self.events.span),
            }
        )

    @cached_property
    def best(self) -> Any:
        """First row of :meth:`peaks`."""
        return self.peaks(1).iloc[0]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Map of Z² over (f, ḟ) around the best peak, with the other peaks marked.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw.

        Returns
        -------
        Axes
        """
        from .plots import plot_drift_map

        return plot_drift_map(self, ax=ax)

    def __repr__(self) -> str:
        if not self.found:
            return f"<AcceleratedSearch: {self.n_trials:,} trials, no peak>"
        best = self.best
        return (
            f"<AcceleratedSearch: {self.n_trials:,} trials, {self.fmin:g} to {self.fmax:.4g} Hz, "
            f"|z| ≤ {self.zmax:g}; best {best.frequency_hz:.5f} Hz, {best.drift_hz_s:.3g} Hz/s, "
            f"Z2 = {best.Z2:.1f}, global p = {best.p_global:.2g}, {self.timing}>"
        )


def search_accelerated(
    events: EventList,
    fmin: Any,
    fmax: Any,
    *,
    zmax: float | None = None,
    z_step: float = 3.0,
    whiten: bool = True,
    n_peaks: int = 20,
    beyond_nyquist: bool = False,
) -> AcceleratedSearch:
    """Search over frequency and frequency derivative.

    Parameters
    ----------
    events : EventList
        What to search.
    fmin, fmax : float or Quantity
        Range, Hz.
    zmax : float, optional
        Largest drift in Fourier bins over the span, ``|ḟ| T²``. Without it what orbits and
        spin-up of such sources do, 2e-8 Hz/s, between 4 and 100 bins.
    z_step : float
        Distance of drifts on the grid; 3 loses at most 12 per cent of the power before
        refinement, and nothing after it.
    whiten : bool
        Whether significance is judged against fitted red noise.
    n_peaks : int
        How many peaks to refine.
    beyond_nyquist : bool
        Whether frequencies above half the frame rate may be searched.

    Returns
    -------
    AcceleratedSearch

    Raises
    ------
    ValueError
        If the range is empty, or exceeds what the frame time allows.

    References
    ----------
    Ransom, Eikenberry & Middleditch 2002, AJ 124, 1788.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=2000.0, rate=2.0, frequency=0.7, pulsed_fraction=0.5, rng=1)
    >>> search_accelerated(events, 0.1, 2.0, zmax=4).best["alias_of"]
    np.float64(-1.0)
    """
    low, high = checked_range(events, fmin, fmax, beyond_nyquist)
    if (zmax is not None and not zmax >= 0) or not z_step > 0:
        raise ValueError(f"zmax {zmax} and z_step {z_step}: expected 0 or more, and more than 0")
    times, span = events.times - events.span / 2, events.span
    plan = _Plan.of(events, low, high)
    if zmax is None:
        zmax = float(np.clip(_DRIFT * span**2, 4, 100))
    n_steps = int(np.ceil(zmax / z_step))
    spectra = plan.spectra(z_step, n_steps + 1)
    flat = next(spectra)
    continuum = Continuum()
    if whiten:
        part = slice(plan.first, plan.last + 1)
        sums = np.conj(flat[part]) * plan.correction[part] * plan.shift(part)
        continuum = fit_continuum(times, events.gti - span / 2, plan.frequency, sums)
    scale = plan.scale(continuum)
    n_trials = (2 * n_steps + 1) * (2 * len(plan.frequency) - 1)
    floor = float(2 * np.log(n_trials) - 9)
    places = [plan.tops(flat, scale, floor, 1, 0.0)]
    for k, chirped in enumerate(spectra, start=1):
        places.append(plan.tops(chirped, scale, floor, 1, k * z_step))
        places.append(plan.tops(chirped, scale, floor, -1, -k * z_step))
    zmax = n_steps * z_step
    drift_max = zmax / span**2
    found = _refined(events, np.concatenate(places), span, n_peaks, continuum, (low, high), z_step)
    return AcceleratedSearch(
        events=events,
        fmin=low,
        fmax=high,
        zmax=float(zmax),
        found=tuple(found),
        continuum=continuum,
        volume=SearchVolume.of(times, (low, high), (-drift_max, drift_max)),
        n_trials=n_trials,
        notes=tuple(_cautions(events)),
    )


def drift_map(events: EventList, frequency: ArrayLike, drift: ArrayLike) -> NDArray[np.float64]:
    """Exact Z² on a grid of frequency and drift.

    Parameters
    ----------
    events : EventList
        The events.
    frequency : array_like, shape (m,)
        Evenly spaced, Hz, at mid-time.
    drift : array_like, shape (k,)
        Hz/s.

    Returns
    -------
    ndarray, shape (k, m)

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=500.0, rate=1.0, rng=0)
    >>> drift_map(events, np.linspace(0.1, 0.2, 30), [0.0, 1e-5]).shape
    (2, 30)
    """
    f = np.asarray(frequency, dtype=float)
    times = events.times - events.span / 2
    rows = [
        np.abs(
            phase_sums(times, f[0], f[1] - f[0], len(f), weights=np.exp(1j * np.pi * d * times**2))
        )
        ** 2
        for d in np.atleast_1d(drift)
    ]
    return np.stack(rows) * (2 / len(times))


def search_orbit(
    events: EventList,
    fmin: Any,
    fmax: Any,
    *,
    period_day: ArrayLike,
    projected_lts: ArrayLike,
    n_phases: int = 16,
    oversample: float = 3.0,
) -> pd.DataFrame:
    """Search over circular orbits around a frequency: remove the delay, then exact Z².

    Parameters
    ----------
    events : EventList
        What to search.
    fmin, fmax : float or Quantity
        A narrow range, Hz.
    period_day : array_like
        Orbital periods to try, days.
    projected_lts : array_like
        Projected semi-major axes to try, light-seconds.
    n_phases : int
        Times of the ascending node to try, evenly over the orbit.
    oversample : float
        Trials in a Fourier bin.

    Returns
    -------
    pandas.DataFrame
        One row an orbit: ``period_day``, ``projected_lts``, ``node_s`` (from the start),
        ``frequency_hz``, ``Z2``, ``p_trials`` (after all trials, counted as independent),
        best first.

    Raises
    ------
    ValueError
        If the range is empty.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=30000.0, rate=0.5, frequency=0.5, pulsed_fraction=0.6,
    ...                          orbit=(1.0, 5.0, 0.0), rng=0)
    >>> best = search_orbit(events, 0.499, 0.501, period_day=[1.0], projected_lts=[5.0]).iloc[0]
    >>> bool(best["Z2"] > 1500)
    True
    """
    import pandas as pd

    low, high = checked_range(events, fmin, fmax, False)
    step = 1 / (oversample * events.span)
    n = int((high - low) / step) + 1
    rows = []
    for period in np.atleast_1d(period_day):
        omega = 2 * np.pi / (86400 * float(period))
        for projected in np.atleast_1d(projected_lts):
            for node in 86400 * float(period) * np.arange(n_phases) / n_phases:
                emitted = events.times - node
                for _ in range(12):
                    emitted = events.times - node - projected * np.sin(omega * emitted)
                power = np.abs(phase_sums(emitted, low, step, n)) ** 2 * (2 / len(events))
                k = int(np.argmax(power))
                rows.append((float(period), float(projected), node, low + k * step, power[k]))
    table = pd.DataFrame(
        rows, columns=["period_day", "projected_lts", "node_s", "frequency_hz", "Z2"]
    )
    trials = len(table) * max(1.0, (high - low) * events.span)
    table["p_trials"] = -np.expm1(-trials * z_tail(table["Z2"].to_numpy(), 1, len(events)))
    return table.sort_values("Z2", ascending=False, kind="stable").reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class _Plan:
    """The gridded events of one search, and the transforms of them."""

    series: NDArray[np.complex64]
    square: NDArray[np.float64]
    correction: NDArray[np.float64]
    first: int
    last: int
    step: float
    start: float
    n_events: int

    @classmethod
    def of(cls, events: EventList, low: float, high: float) -> _Plan:
        span = events.span
        # One Fourier bin an element; half bins come from the difference of neighbours.
        length = 1.01 * span
        n = scipy.fft.next_fast_len(int(np.ceil(2 * _FINENESS * high * length)) + 4 * _WIDTH)
        length = max(length, span * (1 + 4 * _WIDTH / n))
        cell = length / n
        series, correction = grid_events(events.times, cell, n, width=_WIDTH, fineness=_FINENESS)
        # Cells just before time 0 sit at the end of the series.
        t = np.arange(n) * cell
        t[t > 1.005 * span] -= length
        u = (t - span / 2) / span
        first, last = int(np.ceil(low * length)), int(np.floor(high * length))
        return cls(
            series.astype(np.complex64), np.asarray(np.pi * u**2, dtype=float), correction, first,
            min(last, len(correction) - 1), 1 / length, -span / 2, len(events),
        )  # fmt: skip

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Frequencies of the elements; trials lie half a step apart."""
        return np.asarray(self.step * np.arange(self.first, self.last + 1))

    def spectra(self, z_step: float, n: int) -> Iterator[NDArray[np.complex64]]:
        """Transforms of the series times chirps of 0, 1, 2 ... steps of z."""
        chirp = np.exp(-1j * z_step * self.square).astype(np.complex64)
        series = self.series.copy()
        for k in range(n):
            if k:
                series *= chirp
            yield np.asarray(scipy.fft.fft(series))

    def shift(self, part: slice) -> NDArray[np.complex128]:
        """Phases that move the zero of time to the middle of the observation."""
        k = np.arange(part.start, part.stop, part.step or 1)
        return np.exp(2j * np.pi * self.step * k * self.start)

    def scale(self, continuum: Continuum) -> NDArray[np.float32]:
        part = slice(self.first, self.last + 1)
        factor = 2 / self.n_events * self.correction[part] ** 2
        return (factor * 2 / continuum(self.frequency)).astype(np.float32)

    def tops(
        self,
        spectrum: NDArray[np.complex64],
        scale: NDArray[np.float32],
        floor: float,
        sign: int,
        z: float,
    ) -> NDArray[np.float64]:
        """Rows (power, frequency, z) of local maxima above the floor; at most 200."""
        if sign > 0:
            part = spectrum[self.first : self.last + 1]
        else:
            part = spectrum[len(spectrum) - self.last : len(spectrum) - self.first + 1][::-1]
        between = part[:-1] - part[1:]
        power = np.empty(2 * len(part) - 1, dtype=np.float32)
        power[::2] = (part.real**2 + part.imag**2) * scale
        power[1::2] = (between.real**2 + between.imag**2) * scale[:-1]
        power[1::2] *= (np.pi / 4) ** 2
        high = np.flatnonzero(power > floor)
        if len(high) == 0:
            return np.empty((0, 3))
        left = power[np.maximum(high - 1, 0)]
        right = power[np.minimum(high + 1, len(power) - 1)]
        high = high[(power[high] >= left) & (power[high] >= right)]
        if len(high) > 200:
            high = high[np.argpartition(-power[high], 200)[:200]]
        return np.column_stack(
            [power[high], self.step * (self.first + high / 2), np.full(len(high), z)]
        )


def _refined(
    events: EventList,
    places: NDArray[np.float64],
    span: float,
    n_peaks: int,
    continuum: Continuum,
    band: tuple[float, float],
    z_step: float,
) -> list[Peak]:
    """Peaks on the events themselves, strongest first, each place once."""
    times = events.times - span / 2
    places = places[np.argsort(-places[:, 0], kind="stable")]
    # Refinement costs a pass over all events a step: few for long lists.
    most = int(np.clip(6e5 / max(1, len(times)), 3, n_peaks))
    found: list[Peak] = []
    tried: list[tuple[float, float]] = []
    for _, frequency, z in places:
        if len(found) >= most or len(tried) >= 3 * most:
            break
        # Next to one that was tried already, along the ridge of one peak.
        near = [
            abs(frequency - f) * span < 0.75 and abs(z - other) < 1.05 * z_step
            for f, other in tried
        ]
        if any(near):
            continue
        tried.append((float(frequency), float(z)))
        peak = refine(times, float(frequency), float(z / span**2), with_drift=True)
        same = [
            abs(peak.frequency - one.frequency) * span < 0.2
            and abs(peak.drift - one.drift) * span**2 < 0.7
            for one in found
        ]
        if not any(same) and band[0] * 0.99 <= peak.frequency <= band[1] * 1.01:
            found.append(peak)
    weight = [peak.value * 2 / float(continuum(peak.frequency)) for peak in found]
    return [found[i] for i in np.argsort(-np.array(weight), kind="stable")]
