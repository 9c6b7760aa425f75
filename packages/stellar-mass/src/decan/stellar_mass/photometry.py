"""Magnitudes and fluxes: asinh magnitudes of SDSS, photometric systems, mass-to-light rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.numbers import plain_numbers

from .inputs import SENTINELS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "SOFTENING",
    "ab_from_vega",
    "asinh_magnitude",
    "flux_from_asinh",
    "luptitude",
    "taylor_mass",
]

SOFTENING = {"u": 1.4e-10, "g": 0.9e-10, "r": 1.2e-10, "i": 1.8e-10, "z": 7.4e-10}
"""Softening b of SDSS asinh magnitudes, in units of the zero-point flux (1e9 nanomaggies)."""

AB_MINUS_VEGA = {"w1": 2.699, "w2": 3.339, "w3": 5.174}
"""AB minus Vega magnitude of the WISE bands, mag."""

POGSON = 2.5 / np.log(10)
_ZERO_POINT_NMGY = 1e9


def asinh_magnitude(flux_nmgy: ArrayLike, band: str) -> NDArray[np.float64]:
    """SDSS asinh magnitude of a flux of either sign.

    Parameters
    ----------
    flux_nmgy : array_like of float or Quantity
        Flux, nanomaggies; a Quantity may be in any unit of flux density.
    band : {'u', 'g', 'r', 'i', 'z'}
        Band, which decides on the softening.

    Returns
    -------
    ndarray of float
        Magnitude; finite also for zero and negative fluxes.

    Raises
    ------
    ValueError
        If SDSS has no such band.

    References
    ----------
    Lupton, Gunn & Szalay 1999, AJ 118, 1406.

    Examples
    --------
    >>> asinh_magnitude([63.0957, 0.0], "r").round(3)
    array([18.   , 24.802])
    """
    b = _softening(band)
    ratio = _nanomaggies(flux_nmgy) / _ZERO_POINT_NMGY
    return np.asarray(-POGSON * (np.arcsinh(ratio / (2 * b)) + np.log(b)))


def flux_from_asinh(magnitude: ArrayLike, band: str) -> NDArray[np.float64]:
    """Flux behind an SDSS asinh magnitude.

    The ordinary formula is off by tens of per cent for faint sources, and never gives the
    negative fluxes that some magnitudes stand for.

    Parameters
    ----------
    magnitude : array_like of float
        asinh magnitude; NaN, masked values and the archives' -9999 give NaN.
    band : {'u', 'g', 'r', 'i', 'z'}
        Band.

    Returns
    -------
    ndarray of float
        Flux, nanomaggies.

    Raises
    ------
    ValueError
        If SDSS has no such band.

    References
    ----------
    Lupton, Gunn & Szalay 1999, AJ 118, 1406.

    Examples
    --------
    >>> flux_from_asinh([18.0, 25.5], "r").round(3)
    array([63.096, -0.165])
    """
    b = _softening(band)
    plain = plain_numbers(magnitude, "magnitude")
    # A sentinel is no magnitude; its flux would be infinite.
    scaled = -np.where(np.isin(plain, SENTINELS), np.nan, plain) / POGSON - np.log(b)
    return np.asarray(2 * b * np.sinh(scaled) * _ZERO_POINT_NMGY)


def luptitude(flux: ArrayLike, error: ArrayLike) -> NDArray[np.float64]:
    """Magnitude-like compression of fluxes of either sign, relative to a flux of 1.

    Linear within about twice the median error, logarithmic far above it; a network or a
    straight line then sees bright galaxies as magnitudes and non-detections as noise about a
    limit, not as missing.

    Parameters
    ----------
    flux : array_like of float
        Fluxes, any unit; NaN stays NaN.
    error : array_like of float
        Their errors, the same unit. Only the median counts.

    Returns
    -------
    ndarray of float
        asinh magnitudes.

    Raises
    ------
    ValueError
        If no error is positive.

    Examples
    --------
    >>> luptitude([100.0, 0.0, -1.0], 1.0).round(2)
    array([-5.  , -0.  ,  0.52])
    """
    if hasattr(flux, "unit") and hasattr(error, "to_value"):
        error = error.to_value(flux.unit)
    errors = plain_numbers(error, "error")
    positive = errors[np.isfinite(errors) & (errors > 0)]
    if positive.size == 0:
        raise ValueError("error: none is positive, so there is no scale for the softening")
    b = float(np.median(positive))
    return np.asarray(-POGSON * (np.arcsinh(plain_numbers(flux, "flux") / (2 * b)) + np.log(b)))


def ab_from_vega(magnitude: ArrayLike, band: str) -> NDArray[np.float64]:
    """AB magnitude of a WISE band from the Vega magnitude of the catalogue.

    Parameters
    ----------
    magnitude : array_like of float
        Vega magnitude, as AllWISE gives it.
    band : {'w1', 'w2', 'w3'}
        Band.

    Returns
    -------
    ndarray of float

    Raises
    ------
    ValueError
        If the band has no offset here.

    References
    ----------
    Jarrett et al. 2011, ApJ 735, 112.

    Examples
    --------
    >>> ab_from_vega([12.0], "w1")
    array([14.699])
    """
    if band not in AB_MINUS_VEGA:
        raise ValueError(f"band: {band!r} has no AB offset; there are {', '.join(AB_MINUS_VEGA)}")
    return np.asarray(plain_numbers(magnitude, "magnitude") + AB_MINUS_VEGA[band])


def taylor_mass(g: ArrayLike, i: ArrayLike, distance_modulus: ArrayLike) -> NDArray[np.float64]:
    """Stellar mass from one colour and one luminosity, the fixed rule of GAMA.

    Parameters
    ----------
    g, i : array_like of float
        Rest-frame magnitudes, AB, corrected for Galactic extinction.
    distance_modulus : array_like of float
        Distance modulus, mag.

    Returns
    -------
    ndarray of float
        log10 of the mass in solar masses, 1.15 + 0.70 (g - i) - 0.4 M_i.

    References
    ----------
    Taylor et al. 2011, MNRAS 418, 1587, equation 8.

    Examples
    --------
    >>> taylor_mass([17.0], [16.0], [35.0]).round(2)
    array([9.45])
    """
    blue, red = plain_numbers(g, "g"), plain_numbers(i, "i")
    absolute = red - plain_numbers(distance_modulus, "distance_modulus")
    return np.asarray(1.15 + 0.70 * (blue - red) - 0.4 * absolute)


def _nanomaggies(flux: Any) -> NDArray[np.float64]:
    if not hasattr(flux, "to_value"):
        return plain_numbers(flux, "flux_nmgy")
    try:
        return plain_numbers(flux.to_value("nmgy"), "flux_nmgy")
    except ValueError:
        # 0 mag AB is 3631 Jy.
        return plain_numbers(flux.to_value("Jy") / 3631 * _ZERO_POINT_NMGY, "flux_nmgy")


def _softening(band: str) -> float:
    if band not in SOFTENING:
        raise ValueError(f"band: {band!r} is none of SDSS; expected one of {', '.join(SOFTENING)}")
    return SOFTENING[band]
