"""Simulated pixels: a star, a neighbour at a known place, and one of them eclipsed.

The response is a Gaussian, integrated over each pixel; pointing drifts slowly; every number
is known, so that offsets measured on the images can be held against the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .pixels import TargetPixels, gaussian_prf
from .signals import TransitSignal

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["SimulatedPixels", "simulate_pixels"]

_MISSIONS: Mapping[str, tuple[float, float, float, float]] = {
    # Arcsec a pixel, width of the response (pixels), minutes a row, scatter at magnitude 12
    # (ppm in half an hour).
    "kepler": (3.98, 0.7, 29.4244, 40.0),
    "tess": (21.0, 0.75, 10.0, 1000.0),
}
_SPAN_DAY = 27.0


@dataclass(frozen=True, eq=False)
class SimulatedPixels:
    """Simulated images, the signal in them, and where it comes from.

    Parameters
    ----------
    pixels : TargetPixels
        The images.
    signal : TransitSignal
        The signal.
    east, north : float
        From the star to the source of the signal, arcsec.

    Examples
    --------
    >>> simulate_pixels(rng=0).east
    0.0
    """

    pixels: TargetPixels
    signal: TransitSignal
    east: float
    north: float


def simulate_pixels(
    *,
    mission: str = "kepler",
    magnitude: float = 12.0,
    depth: float = 0.002,
    neighbour_arcsec: tuple[float, float] | None = None,
    neighbour_fainter: float = 3.0,
    eclipsed: str = "star",
    rng: np.random.Generator | int | None = None,
) -> SimulatedPixels:
    """Simulate 27 d of images of a star, with or without a neighbour.

    Parameters
    ----------
    mission : {'kepler', 'tess'}
        Size of pixels, width of the response, cadence and noise.
    magnitude : float
        Of the star.
    depth : float
        Light lost in transit, as a share of the star's light, whichever star is eclipsed.
    neighbour_arcsec : tuple of float, optional
        Steps east and north from the star to its neighbour.
    neighbour_fainter : float
        How much fainter the neighbour is, magnitudes.
    eclipsed : {'star', 'neighbour'}
        Who dims.
    rng : numpy.random.Generator, int or None
        See SPEC 7.

    Returns
    -------
    SimulatedPixels

    Raises
    ------
    ValueError
        If mission or ``eclipsed`` is unknown, a neighbour that does not exist is eclipsed,
        or it would lose more than all of its light.

    Examples
    --------
    >>> made = simulate_pixels(neighbour_arcsec=(8.0, 0.0), eclipsed="neighbour", rng=1)
    >>> made.east, made.north
    (8.0, 0.0)
    """
    if mission not in _MISSIONS:
        raise ValueError(f"mission: expected one of {', '.join(_MISSIONS)}, found {mission!r}")
    share = 10 ** (-0.4 * neighbour_fainter) if neighbour_arcsec is not None else 0.0
    lost = _checked(eclipsed, share, depth)
    rng = np.random.default_rng(rng)
    scale, width, minutes, ppm = _MISSIONS[mission]
    time = np.arange(0.0, _SPAN_DAY, minutes / 1440)
    time = time[np.abs(time - _SPAN_DAY / 2) > 0.5] if mission == "tess" else time
    signal = TransitSignal(5.0, float(rng.uniform(1.0, 4.0)), 3.6)
    shape, star = (11, 11), 5.0 + rng.uniform(-0.4, 0.4, 2)
    wcs = _wcs(scale, star, rng)
    # Electrons whose Poisson noise is the scatter asked for.
    noise = 1e-6 * ppm * 10 ** (0.2 * (magnitude - 12)) * np.sqrt(30.0 / minutes)
    electrons = noise**-2
    drift = 0.01 * np.sin(2 * np.pi * time[:, None] / 13.0 + rng.uniform(0, 6.3, 2))
    dip = _dip(time, signal)
    places = [(star, 1.0, lost if eclipsed == "star" else 0.0)]
    if neighbour_arcsec is not None:
        away = np.linalg.solve(3600 * wcs.pixel_scale_matrix, np.array(neighbour_arcsec))
        places.append((star + away, share, lost if eclipsed == "neighbour" else 0.0))
    flux = np.full((time.size, *shape), 0.001 * electrons)
    for i, (dx, dy) in enumerate(drift):
        for place, bright, loss in places:
            image = gaussian_prf(shape, place[0] + dx, place[1] + dy, width)
            flux[i] += electrons * bright * (1 - loss * dip[i]) * image
    flux += np.sqrt(flux) * rng.normal(size=flux.shape)
    ra, dec = wcs.all_pix2world([star], 0)[0]
    pixels = TargetPixels(time, flux, wcs, float(ra), float(dec))
    east, north = neighbour_arcsec if eclipsed == "neighbour" and neighbour_arcsec else (0.0, 0.0)
    return SimulatedPixels(pixels, signal, float(east), float(north))


def _checked(eclipsed: str, share: float, depth: float) -> float:
    """Share of its own light that the eclipsed star loses."""
    if eclipsed not in ("star", "neighbour"):
        raise ValueError(f"eclipsed: expected 'star' or 'neighbour', found {eclipsed!r}")
    if eclipsed == "star":
        return depth
    if share == 0.0:
        raise ValueError("eclipsed: a neighbour needs neighbour_arcsec")
    if depth > share:
        raise ValueError(
            f"depth: {depth:g} of the star's light is more than the neighbour has ({share:.3g})"
        )
    return depth / share


def _dip(time: np.ndarray, signal: TransitSignal) -> np.ndarray:
    cycle = (time - signal.epoch) / signal.period_day
    offset = np.abs(cycle - np.round(cycle)) * signal.period_day
    half = 0.5 * signal.duration_day
    return np.asarray(np.clip((half - offset) / (0.15 * half), 0.0, 1.0))


def _wcs(scale: float, star: np.ndarray, rng: np.random.Generator) -> WCS:
    from astropy.wcs import WCS

    angle = rng.uniform(0, 2 * np.pi)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [rng.uniform(280, 300), rng.uniform(37, 52)]
    wcs.wcs.crpix = star + 1.0
    wcs.wcs.cd = turned @ np.diag([-scale, scale]) / 3600.0
    return wcs
