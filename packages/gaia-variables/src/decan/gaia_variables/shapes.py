"""How variable stars vary: one template a class, as functions of time in days.

Each template draws the parameters of ``m`` stars and returns their brightness at given
times. Amplitudes are peak to peak in magnitudes, brighter is negative. The Fourier
convention is ``m = m0 + Σ A_k cos(2πk t/P + φ_k)``, ``φ_k1 = φ_k − k φ_1``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TEMPLATES", "Drawn"]


@dataclass
class Drawn:
    """What a template drew for ``m`` stars.

    Parameters
    ----------
    delta_mag : ndarray, shape (m, n_times)
        Magnitude minus its mean level.
    frequency : ndarray, shape (m,)
        Physical frequency, cycles per day; NaN where there is no period.
    multiplicity : int
        Cycles of the strongest single harmonic in one physical period: 2 for ellipsoidal
        shapes, whose periodogram peaks at twice the physical frequency.

    Examples
    --------
    >>> t = np.linspace(0, 5, 100)[None, :]
    >>> drawn = TEMPLATES["RRab"](t, np.random.default_rng(1))
    >>> drawn.delta_mag.shape, 1.1 < drawn.frequency[0] < 2.5
    ((1, 100), np.True_)
    """

    delta_mag: NDArray
    frequency: NDArray
    multiplicity: int = 1


def _normal(rng: np.random.Generator, mean: float, std: float, low: float, high: float, m: int):  # type: ignore[no-untyped-def]
    return np.clip(rng.normal(mean, std, m), low, high)


def _log_uniform(rng: np.random.Generator, low: float, high: float, m: int):  # type: ignore[no-untyped-def]
    return np.exp(rng.uniform(np.log(low), np.log(high), m))


def _phase(t: NDArray, f: NDArray, rng: np.random.Generator) -> NDArray:
    return t * f[:, None] + rng.uniform(0, 1, len(t))[:, None]


def _scaled(shape: NDArray, amplitude: NDArray, at: NDArray | None = None) -> NDArray:
    """A shape with a given peak-to-peak amplitude, measured on a fine grid where given."""
    fine = shape if at is None else at
    extent = fine.max(axis=1) - fine.min(axis=1)
    middle = fine.mean(axis=1)
    return amplitude[:, None] * (shape - middle[:, None]) / np.maximum(extent, 1e-12)[:, None]


def _fourier(phase: NDArray, ratios: NDArray, angles: NDArray, amplitude: NDArray) -> NDArray:
    """Sum of cosines with ratios r_k1 and phases φ_k1, scaled to a peak-to-peak amplitude."""
    orders = np.arange(1, ratios.shape[1] + 1)
    fine = np.linspace(0, 1, 101)[None, :]

    def curve(x: NDArray) -> NDArray:
        angle = 2 * np.pi * x[:, :, None] * orders + angles[:, None, :]
        return (ratios[:, None, :] * np.cos(angle)).sum(axis=2)

    return _scaled(curve(phase), amplitude, curve(np.repeat(fine, len(phase), axis=0)))


def _pulsator(
    t: NDArray, f: NDArray, amplitude: NDArray, r21: NDArray, r31: NDArray,
    phi21: NDArray, phi31: NDArray, rng: np.random.Generator, n_harmonics: int = 7,
) -> Drawn:  # fmt: skip
    m = len(t)
    ratios, angles = np.ones((m, n_harmonics)), np.zeros((m, n_harmonics))
    ratios[:, 1], ratios[:, 2] = np.clip(r21, 0, 0.9), np.clip(r31, 0, 0.8)
    angles[:, 1], angles[:, 2] = phi21, phi31
    for k in range(3, n_harmonics):
        ratios[:, k] = 0.7 * ratios[:, k - 1]
        angles[:, k] = angles[:, k - 1] + (phi31 - phi21)
    return Drawn(_fourier(_phase(t, f, rng), ratios, angles, amplitude), f)


def _rrab(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    period = _normal(rng, 0.571, 0.08, 0.4, 0.9, m)
    amplitude = _normal(rng, 0.70, 0.25, 0.15, 1.3, m)
    return _pulsator(
        t, 1 / period, amplitude, rng.normal(0.474, 0.09, m), rng.normal(0.32, 0.07, m),
        rng.normal(4.09, 0.27, m), rng.normal(2.19, 0.45, m), rng,
    )  # fmt: skip


def _rrc(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    period = _normal(rng, 0.314, 0.04, 0.2, 0.45, m)
    amplitude = _normal(rng, 0.36, 0.10, 0.1, 0.6, m)
    r21 = np.abs(rng.normal(0.15, 0.06, m))
    return _pulsator(
        t, 1 / period, amplitude, r21, 0.4 * r21, rng.normal(4.69, 0.4, m),
        rng.normal(3.5, 0.8, m), rng, 4,
    )  # fmt: skip


def _cepheid_phi21(period: NDArray) -> NDArray:
    """The Hertzsprung progression: φ21 rises to 9 d and starts again above 12 d."""
    rising = 3.8 + 1.7 * np.clip((period - 3) / 6, 0, 1)
    return np.where(period > 12, 3.8 + 0.04 * (period - 12), rising)


def _dcep(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    period = np.clip(10 ** rng.normal(0.60, 0.37, m), 0.6, 100)
    amplitude = _normal(rng, 0.63, 0.25, 0.08, 1.4, m)
    r21 = np.abs(rng.normal(0.40, 0.12, m))
    phi21 = _cepheid_phi21(period) + rng.normal(0, 0.2, m)
    return _pulsator(
        t, 1 / period, amplitude, r21, 0.45 * r21 * rng.uniform(0.5, 1.4, m), phi21,
        2 * phi21 + rng.normal(0.6, 0.5, m), rng, 6,
    )  # fmt: skip


def _t2cep(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    period = _log_uniform(rng, 1, 40, m)
    amplitude = _normal(rng, 0.7, 0.25, 0.15, 1.3, m)
    r21 = np.abs(rng.normal(0.2, 0.12, m))
    drawn = _pulsator(
        t, 1 / period, amplitude, r21, 0.4 * r21, rng.uniform(3, 6.3, m),
        rng.uniform(0, 6.3, m), rng, 4,
    )  # fmt: skip
    # RV Tauri stars: every second minimum is deeper.
    alternate = np.where(period > 20, rng.uniform(0, 0.5, m), 0.0)[:, None]
    wave = 1 + alternate * np.cos(np.pi * _phase(t, 1 / period, rng))
    return Drawn(drawn.delta_mag * wave, drawn.frequency)


def _modes(
    t: NDArray, rng: np.random.Generator, low: float, high: float, amplitude: NDArray, most: int
) -> Drawn:
    """A few sinusoids, the first the strongest."""
    m = len(t)
    total = np.zeros_like(t)
    number = rng.integers(1, most + 1, m)
    first = _log_uniform(rng, low, high, m)
    for k in range(most):
        f = first if k == 0 else np.clip(first * rng.uniform(0.75, 1.35, m), low, high)
        strength = amplitude / 2 * (1.0 if k == 0 else rng.uniform(0.1, 0.7, m)) * (k < number)
        total += strength[:, None] * np.cos(2 * np.pi * _phase(t, f, rng))
    return Drawn(total, first)


def _dsct(t: NDArray, rng: np.random.Generator) -> Drawn:
    amplitude = np.clip(0.04 * 10 ** rng.normal(0, 0.35, len(t)), 0.008, 0.7)
    drawn = _modes(t, rng, 5, 20, amplitude, 4)
    # High-amplitude stars are single and rise steeply.
    steep = (amplitude > 0.1)[:, None]
    second = 0.25 * amplitude[:, None] / 2 * np.cos(2 * _angle(t, drawn.frequency, rng) + 4.0)
    return Drawn(drawn.delta_mag + np.where(steep, second, 0), drawn.frequency)


def _angle(t: NDArray, f: NDArray, rng: np.random.Generator) -> NDArray:
    return 2 * np.pi * _phase(t, f, rng)


def _gdor(t: NDArray, rng: np.random.Generator) -> Drawn:
    return _modes(t, rng, 0.4, 3, _log_uniform(rng, 0.005, 0.03, len(t)) * 2, 4)


def _cp(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / _log_uniform(rng, 1, 20, m)
    ratios = np.stack([np.ones(m), rng.uniform(0, 0.8, m)], axis=1)
    angles = np.stack([np.zeros(m), rng.uniform(0, 6.3, m)], axis=1)
    return Drawn(_fourier(_phase(t, f, rng), ratios, angles, _log_uniform(rng, 0.008, 0.06, m)), f)


def _rot(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / _log_uniform(rng, 0.3, 30, m)
    walk = _damped_walk(t, np.full(m, 200.0), rng) * rng.uniform(0.02, 0.15, m)[:, None]
    phase = _phase(t, f, rng) + walk
    longitude, size = rng.uniform(0.2, 0.5, m)[:, None], rng.uniform(0, 0.9, m)[:, None]
    spots = np.maximum(np.cos(2 * np.pi * phase), -0.2)
    spots = spots + size * np.maximum(np.cos(2 * np.pi * (phase - longitude)), -0.2)
    swell = 1 + 0.25 * _damped_walk(t, np.full(m, 150.0), rng)
    return Drawn(_scaled(spots, _log_uniform(rng, 0.01, 0.15, m)) * swell, f)


def _dips(phase: NDArray, depth: NDArray, width: NDArray, at: float | NDArray) -> NDArray:
    distance = (phase - at + 0.5) % 1 - 0.5
    return depth[:, None] * np.exp(-0.5 * (distance / width[:, None]) ** 2)


def _ea(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / np.clip(2.5 * np.exp(rng.normal(0, 0.8, m)), 0.4, 60)
    phase = _phase(t, f, rng)
    depth, width = _log_uniform(rng, 0.1, 0.9, m), rng.uniform(0.015, 0.04, m)
    eccentric = np.where(rng.random(m) < 0.25, rng.uniform(-0.12, 0.12, m), 0.0)[:, None]
    second = depth * rng.uniform(0.1, 0.9, m)
    mag = _dips(phase, depth, width, 0.0) + _dips(phase, second, width, 0.5 + eccentric)
    mag += rng.uniform(0, 0.03, m)[:, None] * np.cos(4 * np.pi * phase)
    return Drawn(mag, f, 2)


def _eb(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / np.clip(0.7 * np.exp(rng.normal(0, 0.5, m)), 0.3, 20)
    phase = _phase(t, f, rng)
    depth, width = rng.uniform(0.1, 0.6, m), rng.uniform(0.03, 0.06, m)
    mag = _dips(phase, depth, width, 0.0) + _dips(
        phase, depth * rng.uniform(0.2, 0.9, m), width, 0.5
    )
    mag += rng.uniform(0.05, 0.2, m)[:, None] / 2 * np.cos(4 * np.pi * phase)
    return Drawn(mag, f, 2)


def _ew(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / np.clip(0.35 * np.exp(rng.normal(0, 0.2, m)), 0.22, 1.2)
    phase = _phase(t, f, rng)
    amplitude = rng.uniform(0.1, 0.7, m)
    sharp = rng.uniform(0.0, 0.35, m)[:, None]
    mag = np.cos(4 * np.pi * phase) + sharp * np.abs(np.cos(2 * np.pi * phase)) ** 6
    mag += rng.uniform(0, 0.15, m)[:, None] * np.cos(2 * np.pi * phase)
    return Drawn(_scaled(mag, amplitude), f, 2)


def _ell(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / _log_uniform(rng, 0.4, 10, m)
    phase = _phase(t, f, rng)
    mag = np.cos(4 * np.pi * phase) + rng.uniform(0, 0.3, m)[:, None] * np.cos(2 * np.pi * phase)
    return Drawn(_scaled(mag, _log_uniform(rng, 0.02, 0.2, m)), f, 2)


def _mira(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / _normal(rng, 330, 80, 120, 700, m)
    amplitude = rng.uniform(1.2, 2.7, m)
    phase = _phase(t, f, rng)
    cycle = 1 + 0.10 * _damped_walk(t, 1 / f, rng)
    skew = rng.uniform(0.0, 0.25, m)[:, None]
    shape = np.cos(2 * np.pi * phase + skew * np.sin(2 * np.pi * phase))
    return Drawn(amplitude[:, None] / 2 * shape * cycle, f)


def _sr(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    f = 1 / _log_uniform(rng, 50, 250, m)
    amplitude = rng.uniform(0.1, 0.6, m)
    phase = _phase(t, f, rng) + 0.15 * _damped_walk(t, 3 / f, rng)
    swell = 1 + 0.3 * _damped_walk(t, 2 / f, rng)
    second = 0.4 * np.cos(2 * np.pi * _phase(t, f * rng.uniform(0.4, 0.9, m), rng))
    return Drawn(amplitude[:, None] / 2 * (np.cos(2 * np.pi * phase) * swell + second), f)


def _sarg(t: NDArray, rng: np.random.Generator) -> Drawn:
    return _modes(t, rng, 1 / 100, 1 / 20, _log_uniform(rng, 0.02, 0.1, len(t)), 3)


def _lsp(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    long = 1 / _log_uniform(rng, 250, 900, m)
    fast = _modes(t, rng, 1 / 100, 1 / 20, _log_uniform(rng, 0.02, 0.2, m), 2)
    slow = rng.uniform(0.1, 0.5, m)[:, None] / 2 * np.cos(2 * np.pi * _phase(t, long, rng))
    return Drawn(slow + fast.delta_mag, long)


def _damped_walk(t: NDArray, tau: NDArray, rng: np.random.Generator) -> NDArray:
    """Damped random walk of unit variance at increasing times, exact from step to step."""
    out = np.empty_like(t)
    noise = rng.normal(size=t.shape)
    out[:, 0] = noise[:, 0]
    for k in range(1, t.shape[1]):
        decay = np.exp(-np.maximum(t[:, k] - t[:, k - 1], 0) / tau)
        out[:, k] = decay * out[:, k - 1] + np.sqrt(1 - decay**2) * noise[:, k]
    return out


def _agn(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    strength = rng.uniform(0.08, 0.4, m) / np.sqrt(2)
    mag = strength[:, None] * _damped_walk(t, _log_uniform(rng, 50, 1000, m), rng)
    return Drawn(mag, np.full(m, np.nan))


def _yso(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    turning = _rot(t, rng)
    walk = rng.uniform(0.02, 0.3, m)[:, None] * _damped_walk(t, _log_uniform(rng, 1, 30, m), rng)
    dips = np.where(
        rng.random(t.shape) < rng.uniform(0, 0.2, m)[:, None], rng.exponential(0.3, t.shape), 0
    )
    return Drawn(turning.delta_mag * 1.5 + walk + dips, turning.frequency)


def _be(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    mag = 0.01 * np.cos(2 * np.pi * _phase(t, rng.uniform(0.5, 3, m), rng))
    for _ in range(3):
        since = t - (t.min(axis=1) + rng.uniform(-200, 900, m))[:, None]
        decay, rise = rng.uniform(30, 200, m)[:, None], rng.uniform(3, 30, m)[:, None]
        burst = np.where(since > 0, np.exp(-np.abs(since) / decay), np.exp(-np.abs(since) / rise))
        mag = mag - rng.uniform(0.02, 0.3, m)[:, None] * burst
    return Drawn(mag, np.full(m, np.nan))


def _cv(t: NDArray, rng: np.random.Generator) -> Drawn:
    m = len(t)
    cycle, width = rng.uniform(30, 200, m)[:, None], rng.uniform(3, 12, m)[:, None]
    since = (t + rng.uniform(0, 200, m)[:, None]) % cycle
    burst = np.clip(1.4 - since / width, 0, 1) * np.clip(since / 0.8, 0, 1)
    flicker = rng.uniform(0.03, 0.2, m)[:, None] * rng.normal(size=t.shape)
    return Drawn(-rng.uniform(2, 4, m)[:, None] * burst + flicker, np.full(m, np.nan))


def _const(t: NDArray, rng: np.random.Generator) -> Drawn:
    return Drawn(np.zeros_like(t), np.full(len(t), np.nan))


TEMPLATES: dict[str, Callable[[NDArray, np.random.Generator], Drawn]] = {
    "RRab": _rrab, "RRc": _rrc, "DCEP": _dcep, "T2CEP": _t2cep, "DSCT": _dsct, "GDOR": _gdor,
    "CP": _cp, "ROT": _rot, "EA": _ea, "EB": _eb, "EW": _ew, "ELL": _ell, "Mira": _mira,
    "SR": _sr, "SARG": _sarg, "LSP": _lsp, "AGN": _agn, "YSO": _yso, "BE": _be, "CV": _cv,
    "CONST": _const,
}  # fmt: skip
"""Template of each class: ``TEMPLATES[name](times, rng)`` with times of shape (m, n_times)."""
