"""Mixed sets of simulated event lists, as a blind search would meet them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .events import EventList
from .simulate_events import orbit_intervals, simulate_events

__all__ = ["BlindList", "blind_lists"]

_INSTRUMENTS = ("pn", "NICER", "NuSTAR")
_KINDS = ("constant", "drift", "orbit")
FREQUENCY_HZ = (0.02, 5.0)


@dataclass(frozen=True, eq=False)
class BlindList:
    """An event list with its truth.

    Parameters
    ----------
    events : EventList
        What a search gets.
    frequency : float or None
        Frequency at mid-time as it arrives, Hz; None for noise.
    drift : float
        Its derivative there, Hz/s.
    kind : str
        'noise', 'constant', 'drift' or 'orbit'.
    instrument : str
        'pn', 'NICER' or 'NuSTAR'.

    Examples
    --------
    >>> next(iter(blind_lists(0, 1, rng=0))).kind
    'noise'
    """

    events: EventList
    frequency: float | None
    drift: float
    kind: str
    instrument: str


def blind_lists(
    n_pulsars: int = 28,
    n_noise: int = 20,
    *,
    span: tuple[float, float] = (1e3, 1.3e5),
    rng: np.random.Generator | int | None = None,
) -> Iterator[BlindList]:
    """Event lists of three instruments, with weak pulsations or none.

    Pulsed fractions are set so that Z² is 38 times a factor between 0.9 and 3 where nothing
    is lost: from not detectable to clear.

    Parameters
    ----------
    n_pulsars, n_noise : int
        How many of each.
    span : (float, float)
        Shortest and longest observation, s; log-uniform between.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Yields
    ------
    BlindList

    Examples
    --------
    >>> [one.kind for one in blind_lists(3, 1, span=(1e3, 3e3), rng=1)]
    ['constant', 'drift', 'orbit', 'noise']
    """
    generator = np.random.default_rng(rng)
    for number in range(n_pulsars + n_noise):
        kind = _KINDS[number % 3] if number < n_pulsars else "noise"
        yield _one(kind, _INSTRUMENTS[(number // 3) % 3], span, generator)


def _one(
    kind: str, instrument: str, span: tuple[float, float], rng: np.random.Generator
) -> BlindList:
    while True:
        length = float(np.exp(rng.uniform(*np.log(span))))
        rate = float(np.exp(rng.uniform(*np.log((0.05, 2.0)))))
        if instrument == "pn":
            gti = np.array([[0.0, length]])
        else:
            try:
                gti = orbit_intervals(
                    length, period=rng.uniform(5500, 5900), share=rng.uniform(0.55, 0.65),
                    flares=int(rng.integers(0, 3)), rng=rng,
                )  # fmt: skip
            except ValueError:  # shorter than an occultation
                continue
        expected = rate * float(np.sum(gti[:, 1] - gti[:, 0]))
        wanted = 38 * rng.uniform(0.9, 3.0)
        fraction = float(np.sqrt(2 * wanted / max(expected, 1)))
        if fraction <= 0.6:  # fainter lists cannot hold such a pulsation
            break
    frequency = float(np.exp(rng.uniform(*np.log(FREQUENCY_HZ))))
    drift = float(rng.choice([-1, 1]) * 10 ** rng.uniform(-11, -8)) if kind == "drift" else 0.0
    orbit = None
    if kind == "orbit":
        period = float(rng.uniform(1, 60))
        orbit = (period, float(rng.uniform(1, 50)), float(rng.uniform(0, 86400 * period)))
    events = simulate_events(
        gti=gti,
        rate=rate,
        frequency=None if kind == "noise" else frequency,
        pulsed_fraction=0.0 if kind == "noise" else fraction,
        drift=drift,
        second_harmonic=float(rng.choice([0.0, 0.3])),
        orbit=orbit,
        frame_time=0.0734 if instrument == "pn" else 0.0,
        red_rms=float(rng.uniform(0, 0.4)),
        red_tau=float(np.exp(rng.uniform(*np.log((100.0, 3000.0))))),
        name=f"{kind} {instrument}",
        rng=rng,
    )
    seen, change = _as_it_arrives(frequency, drift, orbit, gti)
    return BlindList(events, None if kind == "noise" else seen, change, kind, instrument)


def _as_it_arrives(
    frequency: float, drift: float, orbit: tuple[float, float, float] | None, gti: np.ndarray
) -> tuple[float, float]:
    """Frequency and derivative at mid-time after the Doppler shift of the orbit."""
    if orbit is None:
        return frequency, drift
    period, projected, node = orbit
    omega = 2 * np.pi / (86400 * period)
    phase = omega * ((gti[0, 0] + gti[-1, 1]) / 2 - node)
    return (
        frequency * (1 - projected * omega * np.cos(phase)),
        frequency * projected * omega**2 * float(np.sin(phase)),
    )
