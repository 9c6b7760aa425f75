"""What a search could have seen: upper limits on the pulsed fraction, and exposures to plan."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import ncx2

from decan.core.data.numbers import in_unit

from .periodogram import search_z
from .significance import z_tail

if TYPE_CHECKING:
    from .events import EventList
    from .periodogram import Periodogram

__all__ = ["Limit", "pulsed_fraction_limit", "required_counts", "required_exposure"]


@dataclass(frozen=True)
class Limit:
    """Upper limit on the pulsed fraction of a sinusoid.

    Parameters
    ----------
    pulsed_fraction : float
        a in ``rate (1 + a sin φ)``; NaN where no limit exists, 1 where none below 1 exists.
    confidence : float
        Probability that a pulsation of this fraction would have given a higher power.
    power : float
        The largest Z²_1 of the search, whitened, on which it rests.
    frequency : float
        For which frequency the frame time was corrected, Hz.
    n_events : int
        Number of events.
    note : str
        What a reader must know.

    Examples
    --------
    >>> print(Limit(0.12, 0.9973, 23.0, 1.0, 9000))
    pulsed fraction below 0.12 at 99.73 % (9,000 events, largest Z² 23.0)
    """

    pulsed_fraction: float
    confidence: float
    power: float
    frequency: float
    n_events: int
    note: str = ""

    def __str__(self) -> str:
        if not np.isfinite(self.pulsed_fraction):
            return f"no limit: {self.note}"
        return (
            f"pulsed fraction below {self.pulsed_fraction:.2g} at {100 * self.confidence:.4g} % "
            f"({self.n_events:,} events, largest Z² {self.power:.1f})"
            + (f"; {self.note}" if self.note else "")
        )


def pulsed_fraction_limit(
    events: EventList,
    fmin: Any,
    fmax: Any,
    *,
    confidence: float = 0.9973,
    background: float = 0.0,
    search: Periodogram | None = None,
) -> Limit:
    """Pulsed fraction that would have given more than the largest power of the search.

    Trials are in it, because the largest power of the whole range is used; so is the
    smearing by the frame time, at the highest frequency.

    Parameters
    ----------
    events : EventList
        What was searched.
    fmin, fmax : float or Quantity
        Range, Hz.
    confidence : float
        Probability that such a pulsation exceeds the largest power.
    background : float in [0, 1)
        Share of the events that are not from the source.
    search : Periodogram, optional
        A search of the same range that was done already (Z², one harmonic).

    Returns
    -------
    Limit

    Raises
    ------
    ValueError
        If ``confidence`` or ``background`` is out of range.

    References
    ----------
    Groth 1975, ApJS 29, 285; Vaughan et al. 1994, ApJ 435, 362.

    Examples
    --------
    >>> from decan.pulx import simulate_events
    >>> limit = pulsed_fraction_limit(simulate_events(rate=2.0, rng=0), 0.1, 1.0)
    >>> bool(0.03 < limit.pulsed_fraction < 0.12)
    True
    """
    if not 0 < confidence < 1 or not 0 <= background < 1:
        raise ValueError(
            f"confidence {confidence}, background {background}: expected (0, 1) and [0, 1)"
        )
    done = search or search_z(events, fmin, fmax, nharm=1)
    best = done.best
    n = len(events)
    note = "" if best["p_global"] > 0.01 else "a significant peak is in this range"
    strength = _signal_for(float(best["whitened"]), confidence)
    if strength <= 0:
        note = (
            f"the largest Z² {best['whitened']:.2f} is below what noise gives in one trial; "
            "search a range, a single trial sets no limit"
        )
        return Limit(float("nan"), confidence, float(best["whitened"]), done.fmax, n, note)
    # Whitened power is in units of the noise: red noise costs sensitivity.
    noise = float(np.max(done.continuum(np.array([done.fmin, done.fmax]))))
    noise = float(done.continuum(best["frequency_hz"])) if noise == 2 else noise
    smear = float(np.sinc(done.fmax * events.frame_time)) if events.frame_time else 1.0
    fraction = np.sqrt(2 * strength * noise / 2 / n) / smear / (1 - background)
    if fraction >= 1:
        note = "no pulsed fraction below 1 is excluded: too few events"
    return Limit(min(float(fraction), 1.0), confidence, float(best["whitened"]), done.fmax, n, note)


def required_counts(
    pulsed_fraction: float,
    *,
    trials: float = 1e7,
    significance: float = 0.0027,
    efficiency: float = 0.5,
    background: float = 0.0,
) -> float:
    """Events needed to find a sinusoid of this pulsed fraction in a blind search.

    Parameters
    ----------
    pulsed_fraction : float in (0, 1]
        Amplitude of the source's own light.
    trials : float
        Independent trials.
    significance : float
        Largest false-alarm probability of the whole search; 0.0027 is three sigma.
    efficiency : float
        Probability to find it.
    background : float in [0, 1)
        Share of the events that are not from the source.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the pulsed fraction is not within (0, 1], or another argument out of its range.

    Examples
    --------
    >>> round(required_counts(0.2), -1)
    2150.0
    """
    if not 0 < pulsed_fraction <= 1:
        raise ValueError(f"pulsed_fraction {pulsed_fraction}: expected within (0, 1]")
    if not (0 <= background < 1 and 0 < efficiency < 1 and 0 < significance < 1 <= trials):
        raise ValueError(
            f"background {background}, efficiency {efficiency}, significance {significance}, "
            f"trials {trials}: expected [0, 1), (0, 1), (0, 1), and 1 or more"
        )
    threshold = -2 * np.log(significance / trials)
    strength = _signal_for(threshold, efficiency)
    return float(2 * strength / (pulsed_fraction * (1 - background)) ** 2)


def required_exposure(
    pulsed_fraction: float,
    rate: float,
    *,
    fmax: float = 5.0,
    frame_time: float = 0.0,
    z_range: float = 40.0,
    significance: float = 0.0027,
    efficiency: float = 0.5,
    background: float = 0.0,
) -> float:
    """Exposure needed to find a pulsation, with the trials that the exposure itself brings.

    Parameters
    ----------
    pulsed_fraction : float
        Amplitude of the source's own light.
    rate : float
        Count rate with background, 1/s.
    fmax : float
        Highest frequency of the search, Hz; also where the frame time smears.
    frame_time : float
        Length of a frame, s.
    z_range : float
        Range of drifts searched, Fourier bins.
    significance, efficiency, background : float
        As in :func:`required_counts`.

    Returns
    -------
    float
        In s.

    Raises
    ------
    ValueError
        If the rate is not positive.

    Examples
    --------
    >>> bool(2e4 < required_exposure(0.1, 0.3) < 4e4)
    True
    """
    rate, fmax = float(in_unit(rate, "1/s", "rate")), float(in_unit(fmax, "Hz", "fmax"))
    frame_time = float(in_unit(frame_time, "s", "frame_time"))
    if not rate > 0:
        raise ValueError(f"rate {rate}: expected more than 0")
    smeared = pulsed_fraction * (float(np.sinc(fmax * frame_time)) if frame_time else 1.0)
    exposure = 1e4
    for _ in range(30):
        trials = max(1.0, exposure * fmax * max(1.0, z_range))
        counts = required_counts(
            smeared, trials=trials, significance=significance, efficiency=efficiency,
            background=background,
        )  # fmt: skip
        exposure, before = counts / rate, exposure
        if abs(exposure / before - 1) < 1e-6:
            break
    return float(exposure)


def _signal_for(power: float, probability: float) -> float:
    """Signal power that with noise exceeds ``power`` with this probability, 0 if noise does."""
    if float(z_tail(power)) >= probability:
        return 0.0
    top = power + 20 * np.sqrt(power + 4) + 40
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(brentq(lambda s: ncx2.sf(power, 2, s) - probability, 1e-9, top, xtol=1e-8))
