"""Searches for pulsations that drift, over (f, ḟ) of a whole observation.

Transforms of chirps (``chirps``) find where peaks are; they are then refined on the events
themselves, without the losses of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from decan.core.data.numbers import in_unit

from .chirps import ChirpTransforms
from .noise import Continuum, fit_continuum
from .nufft import phase_sums
from .periodogram import FEWEST_EVENTS, _cautions, checked_range, harmonic_relations
from .significance import SearchVolume, z_tail
from .statistics import Peak, refine
from .windows import alias_families

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from .events import EventList

__all__ = ["AcceleratedSearch", "drift_map", "search_accelerated"]

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
    n_harmonics : int
        Harmonics that were summed.
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
    n_harmonics: int = 1
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
        first = np.array([peak.first_harmonic for peak in peaks])
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
                "p_single": z_tail(white, self.n_harmonics, count),
                "p_global": self.volume.global_tail(white) if count >= FEWEST_EVENTS else np.nan,
                "pulsed_fraction": np.minimum(
                    np.sqrt(2 * first / count) / np.sinc(frequency * self.events.frame_time), 1.0
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
    nharm: int = 1,
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
    nharm : int
        Harmonics that are summed; for sharp pulses. The grid grows with its third power.
    zmax : float, optional
        Largest drift in Fourier bins over the span, ``|ḟ| T²``. Without it what orbits and
        spin-up of such sources do, 2e-8 Hz/s, between 4 and 100 bins.
    z_step : float
        Distance of drifts on the grid, of the highest harmonic; 3 loses at most 12 per cent of
        the power before refinement, and nothing after it.
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
    if (zmax is not None and not zmax >= 0) or not z_step > 0 or nharm < 1:
        raise ValueError(
            f"zmax {zmax}, z_step {z_step}, nharm {nharm}: expected 0 or more, more than 0, and "
            "1 or more"
        )
    if nharm * high > events.nyquist * (1 + 1e-9) and not beyond_nyquist:
        raise ValueError(
            f"harmonic {nharm} of fmax {high:g} Hz is above 1/(2 dt) = {events.nyquist:.4f} Hz of "
            f"the frame time; lower fmax to {events.nyquist / nharm:.4g} Hz, or sum fewer"
        )
    times, span = events.times - events.span / 2, events.span
    transforms = ChirpTransforms.of(events, low, high, nharm)
    if zmax is None:
        zmax = float(np.clip(_DRIFT * span**2, 4, 100))
    z_step /= nharm
    n_steps = int(np.ceil(zmax / z_step))
    spectra = transforms.spectra(z_step, n_steps + 1)
    flat = next(spectra)
    continuum = Continuum()
    if whiten:
        sums = transforms.phase_sums(flat[0])
        continuum = fit_continuum(times, events.gti - span / 2, transforms.frequency(), sums)
    scales = transforms.scales(continuum)
    n_trials = (2 * n_steps + 1) * transforms.n_frequencies()
    # Of all trials about a hundred lie above this by chance.
    floor = float(chi2.isf(min(0.5, 90 / n_trials), 2 * nharm))
    places = [transforms.tops(flat, scales, floor, 1, 0.0)]
    for k, chirped in enumerate(spectra, start=1):
        places.append(transforms.tops(chirped, scales, floor, 1, k * z_step))
        places.append(transforms.tops(chirped, scales, floor, -1, -k * z_step))
    # Refinement reaches half a step beyond the grid.
    drift_max = (n_steps + 0.5) * z_step / span**2
    found = _refined(
        events, np.concatenate(places), continuum, (low, high), drift_max, z_step, n_peaks, nharm
    )
    return AcceleratedSearch(
        events=events,
        fmin=low,
        fmax=high,
        zmax=float(n_steps * z_step),
        found=tuple(found),
        continuum=continuum,
        volume=SearchVolume.of(times, (low, high), (-drift_max, drift_max), n_harmonics=nharm),
        n_trials=n_trials,
        n_harmonics=nharm,
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
    f, drift = (
        np.asarray(in_unit(frequency, "Hz", "frequency"), float),
        in_unit(drift, "Hz/s", "drift"),
    )
    times = events.times - events.span / 2
    rows = [
        np.abs(
            phase_sums(times, f[0], f[1] - f[0], len(f), weights=np.exp(1j * np.pi * d * times**2))
        )
        ** 2
        for d in np.atleast_1d(drift)
    ]
    return np.stack(rows) * (2 / len(times))


def _refined(
    events: EventList,
    places: NDArray[np.float64],
    continuum: Continuum,
    band: tuple[float, float],
    drift_max: float,
    z_step: float,
    n_peaks: int,
    nharm: int,
) -> list[Peak]:
    """Peaks on the events themselves, strongest first, each place once."""
    span = events.span
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
        drift = float(z / span**2)
        peak = refine(times, float(frequency), drift, n_harmonics=nharm, with_drift=True)
        if abs(peak.drift) > drift_max:  # its best place within the range is at the edge
            edge = float(np.copysign(drift_max, peak.drift))
            peak = refine(times, float(frequency), edge, n_harmonics=nharm)
        same = [
            abs(peak.frequency - one.frequency) * span < 0.2
            and abs(peak.drift - one.drift) * span**2 < 0.7
            for one in found
        ]
        inside = band[0] * 0.99 <= peak.frequency <= band[1] * 1.01
        if not any(same) and inside:
            found.append(peak)
    weight = [peak.value * 2 / float(continuum(peak.frequency)) for peak in found]
    return [found[i] for i in np.argsort(-np.array(weight), kind="stable")]
