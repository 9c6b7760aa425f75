"""Searches at constant frequency: exact Z² and H on fine grids, and what their peaks mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.data.numbers import in_unit

from .noise import Continuum, fit_continuum
from .nufft import phase_sums
from .significance import SearchVolume, h_tail, z_tail
from .statistics import Peak, h_direct, refine
from .windows import alias_families

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .events import EventList

__all__ = ["Periodogram", "search_h", "search_z"]

_MOST_BINS = 5e7
FEWEST_EVENTS = 20
"""With fewer events only a limit is given, never a detection."""


@dataclass(frozen=True, eq=False)
class Periodogram:
    """Z² or H over a range of frequency; :meth:`peaks` says what is in it.

    Parameters
    ----------
    events : EventList
        What was searched.
    statistic : {'Z2', 'H'}
        What was computed.
    n_harmonics : int
        Harmonics of Z², or the largest number of H.
    fmin, step : float
        First frequency and distance of frequencies, Hz.
    values : ndarray, shape (n,)
        The statistic, exact, as it is.
    whitened : ndarray, shape (n,)
        The statistic in units of the noise; the same array where noise is white.
    continuum : Continuum
        The noise.
    drift : float
        Frequency derivative at which all was computed, Hz/s.
    volume : SearchVolume
        For global significance.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=2000.0, rate=2.0, frequency=0.7, pulsed_fraction=0.4, rng=1)
    >>> search_z(events, 0.1, 2.0)
    <Periodogram Z2: 19,001 trials, 0.1 to 2 Hz; best 0.7000 Hz, Z2 = 310.1, global p = ...>
    """

    events: EventList
    statistic: str
    n_harmonics: int
    fmin: float
    step: float
    values: NDArray[np.float64]
    whitened: NDArray[np.float64]
    continuum: Continuum
    drift: float
    volume: SearchVolume
    notes: tuple[str, ...] = field(default=())

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Frequencies of the trials, Hz."""
        return np.asarray(self.fmin + self.step * np.arange(len(self.values)), dtype=float)

    @property
    def fmax(self) -> float:
        """Highest frequency searched, Hz."""
        return self.fmin + self.step * (len(self.values) - 1)

    @property
    def timing(self) -> str:
        """'barycentred' or 'topocentric'."""
        return "barycentred" if self.events.barycentred else "topocentric"

    def peaks(self, n: int = 10) -> pd.DataFrame:
        """The highest peaks, refined to their maxima, with errors, significance and aliases.

        Parameters
        ----------
        n : int
            How many at most.

        Returns
        -------
        pandas.DataFrame
            ``frequency_hz`` with ``frequency_err_hz`` (one sigma) at mid-time,
            ``drift_hz_s``, ``drift_err_hz_s``, the statistic as it is and in units of the
            noise (``whitened``), ``p_single`` and ``p_global``, ``pulsed_fraction``
            (amplitude), ``alias_of``: the row of the stronger peak that it repeats through
            the gaps, and ``harmonic_of``: the row of which it is a multiple or a fraction;
            -1 for a peak of its own.
        """
        return self._table(self._refined[:n])

    @cached_property
    def best(self) -> Any:
        """First row of :meth:`peaks`."""
        return self.peaks(1).iloc[0]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the periodogram with its threshold and peaks.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw.

        Returns
        -------
        Axes
        """
        from .plots import plot_periodogram

        return plot_periodogram(self, ax=ax)

    def __repr__(self) -> str:
        best = self.best
        return (
            f"<Periodogram {self.statistic}: {len(self.values):,} trials, {self.fmin:g} to "
            f"{self.fmax:.4g} Hz; best {best.frequency_hz:.4f} Hz, {self.statistic} = "
            f"{best[self.statistic]:.1f}, global p = {best.p_global:.2g}, {self.timing}>"
        )

    @cached_property
    def _refined(self) -> list[Peak]:
        times = self.events.times - self.events.span / 2
        found: list[Peak] = []
        for k in _highest(self.whitened, 24):
            harmonics = self._harmonics_at(k)
            peak = refine(times, self.fmin + k * self.step, self.drift, n_harmonics=harmonics)
            apart = [abs(peak.frequency - one.frequency) > 0.3 / self.events.span for one in found]
            if all(apart) and self.fmin - self.step <= peak.frequency <= self.fmax + self.step:
                found.append(peak)
        if not found:  # a range so narrow that all maxima lie outside
            k = int(np.argmax(self.whitened))
            at = self.fmin + k * self.step
            harmonics = self._harmonics_at(k)
            found = [refine(times, at, self.drift, n_harmonics=harmonics, n_steps=0)]
        return sorted(found, key=lambda one: -self._whitened_value(one))

    def _harmonics_at(self, k: int) -> int:
        if self.statistic == "Z2":
            return self.n_harmonics
        times = self.events.times - self.events.span / 2
        values = [
            float(h_direct(times, self.fmin + k * self.step, self.drift, n_harmonics=m)[0])
            for m in range(1, self.n_harmonics + 1)
        ]
        return int(np.argmax(values)) + 1

    def _value(self, peak: Peak) -> float:
        if self.statistic == "Z2":
            return peak.value
        times = self.events.times - self.events.span / 2
        return float(h_direct(times, peak.frequency, peak.drift, n_harmonics=self.n_harmonics)[0])

    def _whitened_value(self, peak: Peak) -> float:
        return self._value(peak) * 2 / float(self.continuum(peak.frequency))

    def _table(self, peaks: list[Peak]) -> pd.DataFrame:
        import pandas as pd

        values = np.array([self._value(peak) for peak in peaks])
        white = np.array([self._whitened_value(peak) for peak in peaks])
        n = len(self.events)
        is_h = self.statistic == "H"
        single = h_tail(white) if is_h else z_tail(white, self.n_harmonics, n)
        first = np.array([peak.first_harmonic for peak in peaks])
        frequency = np.array([peak.frequency for peak in peaks])
        return pd.DataFrame(
            {
                "frequency_hz": frequency,
                "frequency_err_hz": [peak.frequency_error for peak in peaks],
                "drift_hz_s": [peak.drift for peak in peaks],
                "drift_err_hz_s": [peak.drift_error for peak in peaks],
                self.statistic: values,
                "whitened": white,
                "p_single": single,
                "p_global": self.volume.global_tail(white) if n >= FEWEST_EVENTS else np.nan,
                "pulsed_fraction": np.minimum(
                    np.sqrt(2 * first / n) / np.sinc(frequency * self.events.frame_time), 1.0
                ),
                "alias_of": alias_families(self.events, peaks)[0],
                "harmonic_of": harmonic_relations(frequency, self.events.span),
            }
        )


def search_z(
    events: EventList,
    fmin: Any,
    fmax: Any,
    *,
    nharm: int = 1,
    oversample: float = 5.0,
    drift: float = 0.0,
    whiten: bool = True,
    beyond_nyquist: bool = False,
) -> Periodogram:
    """Z² statistic on a fine grid of frequencies, equal to the direct sum.

    Parameters
    ----------
    events : EventList
        What to search.
    fmin, fmax : float or Quantity
        Range, Hz.
    nharm : int
        Harmonics that are summed.
    oversample : float
        Trials in a Fourier bin of the first harmonic.
    drift : float
        Frequency derivative, Hz/s, at mid-time.
    whiten : bool
        Whether significance is judged against fitted red noise instead of Poisson noise.
    beyond_nyquist : bool
        Whether frequencies above half the frame rate may be searched; they are then
        ambiguous, and multiples of the frame rate are left out.

    Returns
    -------
    Periodogram

    Raises
    ------
    ValueError
        If the range is empty, or exceeds what the frame time allows.

    References
    ----------
    Buccheri et al. 1983, A&A 128, 245.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=2000.0, rate=2.0, frequency=0.7, pulsed_fraction=0.4, rng=1)
    >>> best = search_z(events, 0.1, 2.0).best
    >>> bool(abs(best.frequency_hz - 0.7) < 4 * best.frequency_err_hz)
    True
    """
    return _search(events, "Z2", fmin, fmax, nharm, oversample, drift, whiten, beyond_nyquist)


def search_h(
    events: EventList,
    fmin: Any,
    fmax: Any,
    *,
    nharm: int = 20,
    oversample: float = 5.0,
    drift: float = 0.0,
    whiten: bool = True,
    beyond_nyquist: bool = False,
) -> Periodogram:
    """H statistic on a fine grid of frequencies: Z² with the number of harmonics it likes best.

    Parameters
    ----------
    events : EventList
        What to search.
    fmin, fmax : float or Quantity
        Range, Hz.
    nharm : int
        Largest number of harmonics; those beyond what the frame time resolves are left out.
    oversample : float
        Trials in a Fourier bin of the first harmonic.
    drift : float
        Frequency derivative, Hz/s, at mid-time.
    whiten : bool
        Whether significance is judged against fitted red noise instead of Poisson noise.
    beyond_nyquist : bool
        Whether frequencies above half the frame rate may be searched.

    Returns
    -------
    Periodogram

    Raises
    ------
    ValueError
        If the range is empty, or exceeds what the frame time allows.

    References
    ----------
    de Jager & Büsching 2010, A&A 517, L9.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> events = simulate_events(span=2000.0, rate=2.0, frequency=0.7, pulsed_fraction=0.4, rng=1)
    >>> best = search_h(events, 0.5, 1.0, nharm=4).best
    >>> bool(abs(best.frequency_hz - 0.7) < 4 * best.frequency_err_hz)
    True
    """
    return _search(events, "H", fmin, fmax, nharm, oversample, drift, whiten, beyond_nyquist)


def checked_range(
    events: EventList, fmin: Any, fmax: Any, beyond_nyquist: bool
) -> tuple[float, float]:
    """Range of a search in Hz; refuses what the frame time makes ambiguous."""
    low, high = hertz(fmin), hertz(fmax)
    if not 0 < low < high < np.inf:
        raise ValueError(f"fmin {low:g} and fmax {high:g} Hz: expected 0 < fmin < fmax")
    if (high - low) * events.span > _MOST_BINS:
        raise ValueError(
            f"fmax {high:g} Hz: {(high - low) * events.span:.2g} independent frequencies in "
            f"{events.span:.3g} s are more than {_MOST_BINS:.0e}; lower fmax, or search parts of "
            "the list (EventList.between)"
        )
    if high > events.nyquist * (1 + 1e-9) and not beyond_nyquist:
        raise ValueError(
            f"fmax {high:g} Hz is above 1/(2 dt) = {events.nyquist:.4f} Hz of the frame time "
            f"{events.frame_time:g} s of {events.name}; lower it, or say beyond_nyquist=True"
        )
    return low, high


def harmonic_relations(frequency: NDArray[np.float64], span: float) -> NDArray[np.int64]:
    """For each frequency the earlier one of which it is a multiple or fraction, or -1."""
    found = np.full(len(frequency), -1)
    for j in range(1, len(frequency)):
        for i in range(j):
            ratio = max(frequency[j] / frequency[i], frequency[i] / frequency[j])
            whole = round(ratio)
            miss = abs(ratio - whole) * min(frequency[j], frequency[i])
            if 2 <= whole <= 20 and found[i] < 0 and miss < 0.5 / span:
                found[j] = i
                break
    return found


def _search(
    events: EventList,
    statistic: str,
    fmin: Any,
    fmax: Any,
    nharm: int,
    oversample: float,
    drift: float,
    whiten: bool,
    beyond_nyquist: bool,
) -> Periodogram:
    low, high = checked_range(events, fmin, fmax, beyond_nyquist)
    if nharm < 1 or not oversample >= 1:
        raise ValueError(f"nharm {nharm} and oversample {oversample:g}: expected 1 or more each")
    drift = float(in_unit(drift, "Hz/s", "drift"))
    step = 1 / (oversample * events.span)
    n = int((high - low) / step) + 1
    times = events.times - events.span / 2
    notes = list(_cautions(events))
    if statistic == "H" and events.frame_time and nharm > (most := _resolved(events, high)):
        notes.append(f"{most} harmonics instead of {nharm}: the frame time resolves no more")
        nharm = most
    grid = _Grid(times, events.gti - events.span / 2, low, step, n, drift, oversample)
    raw, white, continuum = _combined(grid, statistic, nharm, whiten)
    if beyond_nyquist and events.frame_time:
        white, masked = _without_comb(white, low, step, events)
        notes += masked
    return Periodogram(
        events=events,
        statistic=statistic,
        n_harmonics=nharm,
        fmin=low,
        step=step,
        values=raw,
        whitened=white,
        continuum=continuum,
        drift=drift,
        volume=SearchVolume.of(times, (low, high), n_harmonics=nharm, statistic=statistic),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Grid:
    """Trials of a search, and the powers of one harmonic on them, in blocks."""

    times: NDArray[np.float64]
    gti: NDArray[np.float64]
    low: float
    step: float
    n: int
    drift: float
    oversample: float

    def blocks(self, k: int) -> Iterator[tuple[slice, NDArray[np.complex128]]]:
        weights = np.exp(1j * np.pi * k * self.drift * self.times**2) if self.drift else None
        for start in range(0, self.n, 2**19):
            size = min(self.n - start, 2**19)
            first = k * (self.low + start * self.step)
            yield (
                slice(start, start + size),
                phase_sums(self.times, first, k * self.step, size, weights=weights),
            )

    def frequency(self, k: int, part: slice) -> NDArray[np.float64]:
        return k * (self.low + self.step * np.arange(part.start, part.stop))

    def power(self, sums: NDArray[np.complex128]) -> NDArray[np.float64]:
        return (sums.real**2 + sums.imag**2) * (2 / len(self.times))


def _combined(
    grid: _Grid, statistic: str, nharm: int, whiten: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], Continuum]:
    """Raw and whitened statistic (one array if noise is white), and the noise."""
    every = max(1, round(grid.oversample))
    total = np.empty(grid.n)
    coarse = np.empty(len(range(0, grid.n, every)) if whiten else 0, dtype=complex)
    for part, sums in grid.blocks(1):
        total[part] = grid.power(sums)
        if whiten:
            offset = -part.start % every
            taken = sums[offset::every]
            begin = (part.start + offset) // every
            coarse[begin : begin + len(taken)] = taken
    continuum = Continuum()
    if whiten:
        frequency = np.asarray(grid.low + grid.step * every * np.arange(len(coarse)), float)
        continuum = fit_continuum(grid.times, grid.gti, frequency, coarse, grid.drift)
    red = continuum.amplitude > 0
    totals = [total, 2 * total / continuum(grid.frequency(1, slice(0, grid.n)))] if red else [total]
    best = [one.copy() for one in totals] if statistic == "H" else totals
    for k in range(2, nharm + 1):
        for part, sums in grid.blocks(k):
            power = grid.power(sums)
            totals[0][part] += power
            if red:
                totals[1][part] += 2 * power / continuum(grid.frequency(k, part))
        if statistic == "H":
            for one, summed in zip(best, totals, strict=True):
                np.maximum(one, summed - 4 * (k - 1), out=one)
    return best[0], best[-1], continuum


def _resolved(events: EventList, fmax: float) -> int:
    return max(1, int(events.nyquist / fmax))


def _cautions(events: EventList) -> list[str]:
    notes = []
    if not events.barycentred:
        notes.append(
            "topocentric: times are not barycentred, so frequencies and drifts hold the motion "
            "of Earth and satellite"
        )
    if len(events) < FEWEST_EVENTS:
        notes.append(f"{len(events)} events: a limit only, no claim of detection")
    return notes


def _without_comb(
    values: NDArray[np.float64], low: float, step: float, events: EventList
) -> tuple[NDArray[np.float64], list[str]]:
    """Set the statistic to 0 at multiples of the frame rate, where the detector itself beats."""
    frequency = low + step * np.arange(len(values))
    rate = 1 / events.frame_time
    near = np.abs(frequency - np.maximum(1, np.rint(frequency / rate)) * rate) < 2 / events.span
    if not near.any():
        return values, []
    lines = sorted({int(m) for m in np.rint(frequency[near] / rate)})
    values = np.where(near, 0.0, values)
    return values, [f"masked: multiples {lines} of the frame rate {rate:.6g} Hz"]


def _highest(values: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Places of the highest local maxima."""
    padded = np.concatenate([[-np.inf], values, [-np.inf]])
    tops = np.flatnonzero((values > padded[:-2]) & (values >= padded[2:]))
    if len(tops) > n:
        tops = tops[np.argpartition(-values[tops], n)[:n]]
    return tops[np.argsort(-values[tops], kind="stable")]


def hertz(value: Any) -> float:
    return float(in_unit(value, "Hz", "frequency"))
