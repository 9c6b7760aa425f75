"""What an instrument does to spectra: an analytic response, contamination, vignetting, pile-up."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from decan.core.data.numbers import in_unit

from .grid import ENERGY_EDGES
from .response import Response
from .spectrum import ACIS_CHANNEL_KEV

__all__ = [
    "acis_resolution",
    "analytic_response",
    "at_resolution",
    "background_shape",
    "contamination",
    "pile_up",
    "vignetting",
]

# ACIS-S3 with the mirrors early in the mission, rounded: energy (keV), effective area (cm2).
_AREA = np.array(
    [
        (0.30, 75), (0.40, 130), (0.50, 210), (0.60, 290), (0.70, 370), (0.80, 455), (0.90, 525),
        (1.00, 585), (1.20, 655), (1.40, 700), (1.50, 712), (1.70, 675), (1.80, 560), (1.85, 545),
        (1.90, 570), (2.00, 560), (2.05, 520), (2.10, 435), (2.20, 390), (2.50, 405), (3.00, 400),
        (3.50, 405), (4.00, 400), (4.50, 385), (5.00, 355), (5.50, 310), (6.00, 258), (6.50, 205),
        (7.00, 150), (7.50, 105), (8.00, 70), (8.50, 48), (9.00, 33), (9.40, 25),
    ]
)  # fmt: skip


def acis_resolution(energy_kev: ArrayLike) -> NDArray[np.float64]:
    """Standard deviation of the energy that ACIS measures for a photon.

    Parameters
    ----------
    energy_kev : array_like or Quantity
        keV.

    Returns
    -------
    ndarray
        keV; about 40 eV at 1 keV and 65 eV at 6 keV.

    Examples
    --------
    >>> acis_resolution([1.0, 6.0]).round(3)
    array([0.041, 0.065])
    """
    return np.asarray(
        np.sqrt(
            0.034**2 + 0.0227**2 * np.asarray(in_unit(energy_kev, "keV", "energy_kev"), dtype=float)
        )
    )


def at_resolution(photons: ArrayLike) -> NDArray[np.float64]:
    """Photon spectra on the common energies, smoothed to the resolution of ACIS.

    Parameters
    ----------
    photons : array_like, shape (..., 160)
        Photons / cm² / s / keV on :data:`~decan.xray_spectra.grid.ENERGY_EDGES`.

    Returns
    -------
    ndarray, shape (..., 160)
        Structure that is finer than what a detector tells apart is gone; flat stays flat.

    Examples
    --------
    >>> ripple = 1 + 0.9 * (-1.0) ** np.arange(160)
    >>> bool(np.ptp(at_resolution(ripple)[20:60]) < 0.1)
    True
    """
    return np.asarray(np.asarray(photons, dtype=float) @ _smoothing().T)


@lru_cache(maxsize=1)
def _smoothing() -> NDArray[np.float64]:
    middle = (ENERGY_EDGES[1:] + ENERGY_EDGES[:-1]) / 2
    z = (middle - middle[:, None]) / acis_resolution(middle)[:, None]
    weight = np.exp(-0.5 * z**2) * np.diff(ENERGY_EDGES)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


@lru_cache(maxsize=1)
def analytic_response() -> Response:
    """An ACIS-like response that needs no file: tabulated area, Gaussian redistribution.

    Returns
    -------
    Response
        455 energies from 0.3 to 9.4 keV, 1,024 channels of 14.6 eV.

    Examples
    --------
    >>> analytic_response().n_channels
    1024
    """
    edges = np.round(0.3 + 0.02 * np.arange(456), 6)
    low, high = edges[:-1], edges[1:]
    middle = (low + high) / 2
    channel = ACIS_CHANNEL_KEV * np.arange(1025)
    sigma = acis_resolution(middle)[:, None]
    share = np.diff(ndtr((channel - middle[:, None]) / sigma), axis=1)
    share[share < 1e-6] = 0.0
    return Response.from_csr(
        share, energy_low=low, energy_high=high, area=np.interp(middle, *_AREA.T),
        channel_low=channel[:-1], channel_high=channel[1:], name="analytic ACIS-like",
    )  # fmt: skip


def contamination(energy_kev: ArrayLike, year: float) -> NDArray[np.float64]:
    """Share of photons that the layer on the filters of ACIS lets through.

    Parameters
    ----------
    energy_kev : array_like or Quantity
        keV.
    year : float
        Year of the observation; the layer grows from mid-1999 to an optical depth of 2.6 at
        0.67 keV in 2020.

    Returns
    -------
    ndarray

    Notes
    -----
    Mostly carbon: the depth falls as the cube of energy away from the edges, here with those
    of carbon (0.284 keV), oxygen (0.543 keV) and fluorine (0.697 keV) taken as one smooth law.

    Examples
    --------
    >>> contamination([0.67, 2.0], 2020.0).round(2)
    array([0.07, 0.91])
    """
    energy = np.asarray(in_unit(energy_kev, "keV", "energy_kev"), dtype=float)
    depth = 2.6 * max(0.0, (year - 1999.5) / 20.5) ** 0.75
    return np.asarray(np.exp(-depth * (0.67 / np.maximum(energy, 0.2)) ** 3.0))


def vignetting(energy_kev: ArrayLike, off_axis_arcmin: float) -> NDArray[np.float64]:
    """Share of the area that is left away from the optical axis.

    Parameters
    ----------
    energy_kev : array_like or Quantity
        keV.
    off_axis_arcmin : float
        Angle from the axis, arcmin.

    Returns
    -------
    ndarray
        Falls with angle, and faster at high energies.

    Examples
    --------
    >>> vignetting([1.5, 6.4], 8.0).round(2)
    array([0.84, 0.74])
    """
    energy = np.asarray(in_unit(energy_kev, "keV", "energy_kev"), dtype=float)
    loss = 0.0016 + 0.0006 * np.clip(energy - 1.0, 0, None) ** 0.9
    return np.asarray(
        1 / (1 + (loss + 0.0011) * in_unit(off_axis_arcmin, "arcmin", "off_axis_arcmin") ** 2)
    )


def pile_up(rate: ArrayLike, frame_s: float = 3.2, *, orders: int = 4) -> NDArray[np.float64]:
    """Count rates after pile-up: photons of one frame are counted as one of their summed energy.

    Parameters
    ----------
    rate : array_like, shape (n_channels,)
        Counts / s in each channel, the first channel at zero energy, all in one detection cell.
    frame_s : float
        Frame time, s.
    orders : int
        Largest number of photons in a frame.

    Returns
    -------
    ndarray, shape (n_channels,)
        Counts / s. Sums beyond the last channel are lost.

    References
    ----------
    Davis 2001, ApJ 562, 575 (without grade migration).

    Examples
    --------
    >>> faint, bright = pile_up([0, 1e-3, 0, 0]), pile_up([0, 1.0, 0, 0])
    >>> bool(faint[2] < 1e-5), bool(bright[2] > bright[1])
    (True, True)
    """
    per_frame = np.asarray(rate, dtype=float) * frame_s
    n = per_frame.size
    spectrum, seen = per_frame.copy(), per_frame.copy()
    for order in range(2, orders + 1):
        seen = _convolved(seen, per_frame)[:n] / order
        spectrum += seen
    return np.asarray(np.exp(-per_frame.sum()) * spectrum / frame_s)


def background_shape(channel_energy_kev: ArrayLike) -> NDArray[np.float64]:
    """Shape of the ACIS background over channels: particles, a soft excess and a gold line.

    Parameters
    ----------
    channel_energy_kev : array_like, shape (n_channels,)
        Nominal middles, keV.

    Returns
    -------
    ndarray, shape (n_channels,)
        Sums to 1 between 0.5 and 8 keV.

    Examples
    --------
    >>> energy = ACIS_CHANNEL_KEV * (np.arange(1024) + 0.5)
    >>> float(background_shape(energy)[(energy > 0.5) & (energy < 8)].sum().round(6))
    1.0
    """
    energy = np.asarray(in_unit(channel_energy_kev, "keV", "channel_energy_kev"), dtype=float)
    flat = 1.0 + 0.35 * np.clip(energy - 5.5, 0, 3)
    soft = 2.6 * np.exp(-(((energy - 0.55) / 0.45) ** 2))
    lines = sum(
        height * np.exp(-0.5 * ((energy - at) / 0.06) ** 2)
        for at, height in ((1.74, 1.0), (2.14, 1.6), (7.48, 2.2))
    )
    shape = np.asarray(flat + soft + lines)
    return np.asarray(shape / shape[(energy >= 0.5) & (energy <= 8.0)].sum())


def _convolved(one: Any, two: Any) -> NDArray[np.float64]:
    from scipy.signal import fftconvolve

    return np.asarray(np.maximum(fftconvolve(one, two), 0.0))
