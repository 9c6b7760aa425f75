"""Simulated radio galaxies with a known opening angle, neighbours and masks.

Two jets leave the core in opposite directions and are bent towards a common wind; what the
sky shows is their projection. A wide opening seen almost along the wind can therefore look
narrow, and the reverse: both angles are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .masking import BEAM_ARCSEC, PIXEL_ARCSEC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNLABELLED_FRACTIONS", "SimulatedSources", "opening_class", "simulate_bent_sources"]

NOISE_MJY = 0.15
"""Noise of FIRST, mJy a beam."""
UNLABELLED_FRACTIONS = {"FRII": 0.45, "FRI": 0.35, "WAT": 0.10, "NAT": 0.05, "Compact": 0.05}
"""Shares of the classes in an unlabelled survey."""

_SIGMA_BEAM = BEAM_ARCSEC / 2.3548
_POINTS = 3000
_WAT_DEG, _STRAIGHT_DEG = 90.0, 160.0
_LABEL_SCALE_DEG = 15.0


@dataclass(frozen=True)
class SimulatedSources:
    """Images in mJy a beam with everything that is true about them.

    Attributes
    ----------
    images : ndarray of float32, shape (n, size, size)
        Target, neighbours and noise.
    target, neighbours : ndarray of float32, shape (n, size, size)
        The two without noise.
    target_masks, neighbour_masks : ndarray of bool, shape (n, size, size)
        Where each is above three times the noise.
    table : pandas.DataFrame
        ``truth`` (class by the angle on the sky), ``label`` (with human errors, if asked
        for), ``opening_deg`` (on the sky), ``opening_3d_deg``, ``length_arcsec`` (core to
        the farther end), ``flux_mjy``, ``snr`` (peak over noise), ``n_neighbours``.

    Examples
    --------
    >>> made = simulate_bent_sources(2, rng=0)
    >>> made.images.shape, len(made)
    ((2, 150, 150), 2)
    """

    images: NDArray[np.float32]
    target: NDArray[np.float32]
    neighbours: NDArray[np.float32]
    target_masks: NDArray[np.bool_]
    neighbour_masks: NDArray[np.bool_]
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.images)


def simulate_bent_sources(
    n: int,
    *,
    fractions: Mapping[str, float] | None = None,
    size: int = 150,
    neighbour_mean: float = 0.7,
    flux_mjy: tuple[float, float] = (5.0, 500.0),
    length_arcsec: tuple[float, float] = (12.0, 120.0),
    label_noise: bool = False,
    noise_mjy: float = NOISE_MJY,
    rng: np.random.Generator | int | None = None,
) -> SimulatedSources:
    """Simulate cutouts of radio galaxies as FIRST would see them.

    Parameters
    ----------
    n : int
        Number of sources.
    fractions : mapping of str to float, optional
        Shares of FRI, FRII, WAT, NAT, Compact; a quarter each of the first four without it.
    size : int
        Pixels of 1.8 arcsec on a side.
    neighbour_mean : float
        Mean number of unrelated sources in a box of 4.5 arcmin.
    flux_mjy : (float, float)
        Range of the total flux, drawn from N(>S) ~ 1/S.
    length_arcsec : (float, float)
        Range of the half length.
    label_noise : bool
        Whether WAT and NAT are confused near 90 degrees, as people do.
    noise_mjy : float
        Noise, mJy a beam.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SimulatedSources

    Raises
    ------
    ValueError
        If a class is not known or no share is positive.

    Examples
    --------
    >>> made = simulate_bent_sources(3, fractions={"NAT": 1.0}, rng=1)
    >>> bool((made.table["opening_deg"] < 90).all())
    True
    """
    import pandas as pd

    rng = np.random.default_rng(rng)
    shares = dict(fractions or dict.fromkeys(("FRI", "FRII", "WAT", "NAT"), 0.25))
    unknown = sorted(set(shares) - {"FRI", "FRII", "WAT", "NAT", "Compact"})
    if unknown or not sum(shares.values()) > 0:
        raise ValueError(
            f"fractions: found {shares}, expected shares of FRI, FRII, WAT, NAT, Compact"
        )
    weights = np.array(list(shares.values()), dtype=float)
    kinds = rng.choice(list(shares), size=n, p=weights / weights.sum())
    stacks = np.zeros((3, n, size, size), dtype=np.float32)
    rows = []
    for row, kind in enumerate(kinds):
        target, told = _target(str(kind), size, flux_mjy, length_arcsec, rng)
        others, count = _neighbours(size, neighbour_mean, told["length_arcsec"], rng)
        noise = _noise(size, noise_mjy, float((target + others).max()), rng)
        stacks[:, row] = target + others + noise, target, others
        rows.append({**told, "snr": float(target.max() / noise_mjy), "n_neighbours": count})
    table = pd.DataFrame(rows)
    table["label"] = _labels(table, rng) if label_noise else table["truth"]
    images, target, others = stacks[0], stacks[1], stacks[2]
    threshold = 3 * noise_mjy
    return SimulatedSources(images, target, others, target > threshold, others > threshold, table)


def opening_class(opening_deg: float, brightness: str = "FRI") -> str:
    """Class of a source by its opening angle on the sky.

    Parameters
    ----------
    opening_deg : float
        Angle between the chords from the core to the two ends, degrees.
    brightness : str
        What it is if it is straight, ``FRI`` or ``FRII``.

    Returns
    -------
    str
        NAT below 90 degrees, WAT below 160, otherwise as its brightness says.

    Examples
    --------
    >>> [opening_class(angle) for angle in (50, 120, 175)]
    ['NAT', 'WAT', 'FRI']
    """
    if opening_deg < _WAT_DEG:
        return "NAT"
    return "WAT" if opening_deg < _STRAIGHT_DEG else brightness


def _target(
    kind: str,
    size: int,
    flux_mjy: tuple[float, float],
    length_arcsec: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], dict[str, float | str]]:
    flux = _power_law(*flux_mjy, rng)
    if kind == "Compact":
        image = _rendered(rng.normal(0, 0.5, (1, 2)), np.array([flux]), size)
        return image, {"truth": kind, "opening_deg": np.nan, "opening_3d_deg": np.nan,
                       "length_arcsec": 0.0, "flux_mjy": flux}  # fmt: skip
    bent = kind in ("WAT", "NAT")
    brightness = kind if not bent else str(rng.choice(["FRI", "FRII"], p=[0.75, 0.25]))
    length = float(np.clip(rng.lognormal(np.log(35), 0.5), *length_arcsec))
    for _ in range(200):
        arms, opening_3d = _arms(kind, length, rng)
        arms = _projected(arms, rng)
        opening = _opening(arms)
        if opening_class(opening, brightness) == kind:
            break
    points, weights = [], []
    share = rng.lognormal(0, 0.6)
    for arm, part in zip(arms, (share / (1 + share), 1 / (1 + share)), strict=True):
        where, weight = _filled(arm, brightness, bent, length, rng)
        points.append(where)
        weights.append(part * weight)
    core = rng.uniform(*((0.02, 0.4) if brightness == "FRI" else (0.005, 0.1)))
    places = np.concatenate([*points, np.zeros((1, 2))])
    fluxes = flux * np.concatenate([(1 - core) * np.concatenate(weights), [core]])
    told: dict[str, float | str] = {
        "truth": opening_class(opening, brightness),
        "opening_deg": opening,
        "opening_3d_deg": opening_3d,
        "length_arcsec": float(max(np.hypot(*arm[-1]) for arm in arms)),
        "flux_mjy": flux,
    }
    return _rendered(places, fluxes, size), told


def _arms(
    kind: str, length: float, rng: np.random.Generator
) -> tuple[list[NDArray[np.float64]], float]:
    """Two arms from the core in the plane of the source, arcsec, and their opening angle."""
    start = rng.uniform(0, 2 * np.pi)
    wind = rng.uniform(0, 2 * np.pi)
    power = rng.uniform(1, 2)
    ranges = {"NAT": (0.1, 0.5), "WAT": (0.35, 1.4)}
    bend = length * rng.uniform(*ranges[kind]) if kind in ranges else np.inf
    ratio = rng.lognormal(0, 0.25)
    arms = []
    for first, stretch in ((start, ratio**0.5), (start + np.pi, ratio**-0.5)):
        s = np.linspace(0, length * stretch, 120)
        away = np.angle(np.exp(1j * (wind - first)))
        angle = first + away * (1 - np.exp(-((s / bend) ** power)))
        steps = np.diff(s, prepend=0.0)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        arms.append(np.cumsum(steps, axis=0))
    return arms, _opening(arms)


def _projected(
    arms: list[NDArray[np.float64]], rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """One axis shortened by the sine of the inclination, then turned by a random angle."""
    shorten = max(0.3, float(np.sqrt(1 - rng.uniform(0, 1) ** 2)))
    angle = rng.uniform(0, 2 * np.pi)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return [arm * [1.0, shorten] @ turned.T for arm in arms]


def _opening(arms: list[NDArray[np.float64]]) -> float:
    ends = [np.arctan2(arm[-1, 1], arm[-1, 0]) for arm in arms]
    return float(np.degrees(abs(np.angle(np.exp(1j * (ends[0] - ends[1]))))))


def _filled(
    arm: NDArray[np.float64], brightness: str, bent: bool, length: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points that carry the flux of an arm, and their shares (sum 1)."""
    steps = np.hypot(*np.diff(arm, axis=0, prepend=np.zeros((1, 2))).T)
    s = np.cumsum(steps)
    far = s / s[-1]
    if brightness == "FRI":
        flare = rng.uniform(0.1, 0.3)
        scale = 0.6 if bent else 0.35
        profile = np.exp(-far / scale) * (1 - np.exp(-((far / flare) ** 2)))
        width = 2.5 + 0.12 * s
    else:
        spot = rng.uniform(0.6, 0.9)
        hot = np.exp(-0.5 * ((s - s[-1]) / 3.0) ** 2)
        profile = (1 - spot) / len(s) + spot * hot / hot.sum()
        width = 2.0 + 0.04 * s
    for _ in range(rng.integers(0, 6)):
        knot = np.exp(-0.5 * ((s - rng.uniform(0.1, 1) * s[-1]) / 2.5) ** 2)
        profile = profile + rng.uniform(0, 0.3) * profile.max() * knot
    chosen = rng.choice(len(s), size=_POINTS, p=profile / profile.sum())
    spread = rng.normal(size=(_POINTS, 2)) * (width[chosen] / 2.3548)[:, None]
    return arm[chosen] + spread, np.full(_POINTS, 1 / _POINTS)


def _rendered(
    places: NDArray[np.float64], fluxes: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    """Points (arcsec from the centre) as an image in mJy a beam, at double resolution first."""
    half = size * PIXEL_ARCSEC / 2
    edges = np.linspace(-half, half, 2 * size + 1)
    fine, _, _ = np.histogram2d(places[:, 1], places[:, 0], bins=(edges, edges), weights=fluxes)
    smooth = ndimage.gaussian_filter(fine, _SIGMA_BEAM / (PIXEL_ARCSEC / 2), truncate=4.0)
    beam_area = 2 * np.pi * (_SIGMA_BEAM / (PIXEL_ARCSEC / 2)) ** 2
    return np.asarray(smooth.reshape(size, 2, size, 2).mean(axis=(1, 3)) * beam_area)


def _neighbours(
    size: int, mean: float, length: float | str, rng: np.random.Generator
) -> tuple[NDArray[np.float64], int]:
    half = size * PIXEL_ARCSEC / 2
    image = np.zeros((size, size))
    count = int(rng.poisson(mean * (size * PIXEL_ARCSEC / 270.0) ** 2))
    placed = 0
    for _ in range(count):
        for _ in range(50):
            place = rng.uniform(-half, half, 2)
            if np.hypot(*place) > float(length) + 15.0 + 3 * _SIGMA_BEAM:
                break
        else:
            continue
        flux = _power_law(0.75, 500.0, rng)
        if rng.uniform() < 0.3:
            gap = rng.uniform(4, 15) * np.array([np.cos(a := rng.uniform(0, 6.28)), np.sin(a)])
            image += _rendered(np.array([place - gap, place + gap]), np.full(2, flux / 2), size)
        else:
            image += _rendered(place[None], np.array([flux]), size)
        placed += 1
    return image, placed


def _noise(
    size: int, noise_mjy: float, peak: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Noise correlated over the beam, and in half of the images sidelobe stripes."""
    white = ndimage.gaussian_filter(rng.normal(size=(size, size)), _SIGMA_BEAM / PIXEL_ARCSEC)
    noise = noise_mjy * white / white.std()
    if rng.uniform() < 0.5:
        angle, period = rng.uniform(0, np.pi), rng.uniform(15, 60) / PIXEL_ARCSEC
        y, x = np.mgrid[:size, :size]
        phase = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period
        noise = noise + 0.003 * peak * np.cos(phase + rng.uniform(0, 2 * np.pi))
    return np.asarray(noise)


def _power_law(low: float, high: float, rng: np.random.Generator) -> float:
    """Flux from N(>S) ~ 1/S between two limits."""
    return float(1 / rng.uniform(1 / high, 1 / low))


def _labels(table: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    """WAT and NAT swapped as often as people swap them at this angle."""
    away = (table["opening_deg"] - _WAT_DEG).abs().fillna(180.0)
    swap = rng.uniform(size=len(table)) < 1 / (1 + np.exp(away / _LABEL_SCALE_DEG))
    other = {"WAT": "NAT", "NAT": "WAT"}
    return [
        other.get(truth, truth) if swapped else truth
        for truth, swapped in zip(table["truth"], swap, strict=True)
    ]
