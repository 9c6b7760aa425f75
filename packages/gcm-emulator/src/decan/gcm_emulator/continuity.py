"""Vertical wind from mass conservation, and how well three winds conserve mass.

In pressure coordinates mass is conserved when the divergence of the horizontal wind is minus
the vertical derivative of the pressure velocity omega. Integrated from the top, omega need not
vanish at the bottom; what is left there is taken away linearly in pressure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["continuity_residual", "horizontal_divergence", "upward_wind"]

Array = NDArray[Any]


def horizontal_divergence(u: Any, v: Any, lon_deg: Any, lat_deg: Any, radius_m: float) -> Array:
    """Divergence of the horizontal wind on the sphere.

    Parameters
    ----------
    u, v : array_like, shape (..., lat, lon)
        Eastward and northward wind, m/s, on equally spaced meridians.
    lon_deg, lat_deg : array_like
        Axes, degrees.
    radius_m : float
        Radius, m.

    Returns
    -------
    ndarray, shape (..., lat, lon)
        1/s.

    Examples
    --------
    >>> lon, lat = np.arange(-180, 180, 30.0), np.arange(-75, 76, 30.0)
    >>> rotation = 100 * np.cos(np.deg2rad(lat))[:, None] * np.ones(12)
    >>> float(np.abs(horizontal_divergence(rotation, 0 * rotation, lon, lat, 1e8)).max())
    0.0
    """
    u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
    lon, phi = np.deg2rad(np.asarray(lon_deg, float)), np.deg2rad(np.asarray(lat_deg, float))
    cos = np.cos(phi)[:, None]
    modes = np.fft.rfft(u, axis=-1)
    waves = 1j * np.arange(modes.shape[-1]) * (2 * np.pi / (lon.size * (lon[1] - lon[0])))
    along = np.fft.irfft(waves * modes, n=lon.size, axis=-1)
    across = np.gradient(v * cos, phi, axis=-2)
    return np.asarray((along + across) / (radius_m * cos))


def upward_wind(
    u: Any, v: Any, t_k: Any, lon_deg: Any, lat_deg: Any, p_pa: Any,
    radius_m: float, gravity_ms2: float, r_gas: float,
) -> Array:  # fmt: skip
    """Vertical wind that conserves the mass of a horizontal wind.

    Parameters
    ----------
    u, v : array_like, shape (p, lat, lon)
        Eastward and northward wind, m/s.
    t_k : array_like, shape (p, lat, lon)
        Temperature, K.
    lon_deg, lat_deg, p_pa : array_like
        Axes, degrees and Pa, pressure from the top.
    radius_m, gravity_ms2, r_gas : float
        Radius (m), gravity (m/s2) and specific gas constant (J/kg/K).

    Returns
    -------
    ndarray, shape (p, lat, lon)
        Upward wind, m/s: ``w = -omega R T / (p g)``.

    Examples
    --------
    >>> lon, lat, p = np.arange(-180, 180, 30.0), np.arange(-75, 76, 30.0), np.array([1e3, 1e4])
    >>> still = np.zeros((2, 6, 12))
    >>> bool((upward_wind(still, still, still + 1000, lon, lat, p, 1e8, 10.0, 3714.0) == 0).all())
    True
    """
    p = np.asarray(p_pa, dtype=float)
    omega = _pressure_velocity(horizontal_divergence(u, v, lon_deg, lat_deg, radius_m), p)
    temperature = np.asarray(t_k, dtype=float)
    return np.asarray(-omega * r_gas * temperature / (p[:, None, None] * gravity_ms2))


def continuity_residual(
    u: Any, v: Any, w: Any, t_k: Any, lon_deg: Any, lat_deg: Any, p_pa: Any,
    radius_m: float, gravity_ms2: float, r_gas: float,
) -> float:  # fmt: skip
    """How far a vertical wind is from the one that conserves mass.

    Parameters
    ----------
    u, v, w : array_like, shape (p, lat, lon)
        Winds, m/s.
    t_k : array_like, shape (p, lat, lon)
        Temperature, K.
    lon_deg, lat_deg, p_pa : array_like
        Axes, degrees and Pa, pressure from the top.
    radius_m, gravity_ms2, r_gas : float
        Radius (m), gravity (m/s2) and specific gas constant (J/kg/K).

    Returns
    -------
    float
        Root mean square difference over that of w; cells are weighted by the cosine of
        latitude. 0 is perfect, 1 means that w has nothing to do with the divergence.

    Examples
    --------
    >>> lon, lat, p = np.arange(-180, 180, 30.0), np.arange(-75, 76, 30.0), np.array([1e3, 1e4])
    >>> u = 100 * np.sin(np.deg2rad(lon)) * np.ones((2, 6, 1))
    >>> axes = (lon, lat, p, 1e8, 10.0, 3714.0)
    >>> w = upward_wind(u, 0 * u, 0 * u + 1000, *axes)
    >>> continuity_residual(u, 0 * u, w, 0 * u + 1000, *axes)
    0.0
    """
    wanted = upward_wind(u, v, t_k, lon_deg, lat_deg, p_pa, radius_m, gravity_ms2, r_gas)
    weight = np.cos(np.deg2rad(np.asarray(lat_deg, dtype=float)))[:, None]
    given = np.asarray(w, dtype=float)
    power = np.nanmean(given**2 * weight)
    return float(np.sqrt(np.nanmean((given - wanted) ** 2 * weight) / power)) if power else 0.0


def _pressure_velocity(divergence: Array, p: Array) -> Array:
    """Omega on the lower face of every layer; faces lie midway in the log of pressure."""
    faces = np.concatenate([[p[0] / 2], np.sqrt(p[1:] * p[:-1]), p[-1:]])
    omega = -np.cumsum(divergence * np.diff(faces)[:, None, None], axis=0)
    return np.asarray(omega - omega[-1] * (p / p[-1])[:, None, None])
