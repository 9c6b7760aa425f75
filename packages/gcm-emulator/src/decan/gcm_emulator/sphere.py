"""The sphere on a longitude-latitude grid: weights, and interpolation without seam or pole hole.

Longitude is periodic, so there is no last cell. A pole is one point: a scalar there is the
mean of the nearest row, a horizontal wind is one vector whose eastward and northward parts
turn with the meridian along which one arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SphereInterpolator", "area_mean", "area_weights", "wrap_longitude"]

Array = NDArray[Any]
_DOUBLED_DEG = 1e-4


def wrap_longitude(lon_deg: Any) -> Array:
    """Longitudes in [-180, 180).

    Parameters
    ----------
    lon_deg : array_like
        Degrees, any turn.

    Returns
    -------
    ndarray of float

    Examples
    --------
    >>> wrap_longitude([190.0, -180.0, 180.0, 359.0])
    array([-170., -180., -180.,   -1.])
    """
    return np.asarray((np.asarray(lon_deg, dtype=float) + 180.0) % 360.0 - 180.0)


def area_weights(lat_deg: Any) -> Array:
    """Weights of latitude rows, proportional to the cosine of latitude, with sum 1.

    Parameters
    ----------
    lat_deg : array_like, shape (n,)
        Latitudes, degrees.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> area_weights([-60.0, 0.0, 60.0])
    array([0.25, 0.5 , 0.25])
    """
    weight = np.cos(np.deg2rad(np.asarray(lat_deg, dtype=float))).clip(0.0)
    return np.asarray(weight / weight.sum())


def area_mean(values: Any, lat_deg: Any) -> Array:
    """Mean over the sphere, each cell by its area; NaN cells are left out.

    Parameters
    ----------
    values : array_like, shape (..., lat, lon)
        A field on equally spaced meridians.
    lat_deg : array_like, shape (lat,)
        Latitudes, degrees.

    Returns
    -------
    ndarray, shape (...)
        NaN where every cell is.

    Examples
    --------
    >>> float(area_mean(np.full((3, 8), 7.0), [-60.0, 0.0, 60.0]))
    7.0
    """
    field = np.asarray(values, dtype=float)
    weight = np.broadcast_to(area_weights(lat_deg)[:, None], field.shape[-2:])
    good = np.isfinite(field)
    total = (weight * good).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weight * np.where(good, field, 0.0)).sum(axis=(-2, -1)) / total)


@dataclass(frozen=True)
class SphereInterpolator:
    """Linear interpolation from a longitude-latitude grid, over the seam and the poles.

    Parameters
    ----------
    lon_deg : ndarray, shape (nx,)
        Ascending, within one turn, without a doubled meridian.
    lat_deg : ndarray, shape (ny,)
        Ascending, -90 to 90.

    Examples
    --------
    >>> lon, lat = np.arange(-180.0, 180.0, 5.0), np.arange(-88.0, 89.0, 4.0)
    >>> field = np.broadcast_to(1000 + 500 * np.cos(np.deg2rad(lon)), (45, 72))
    >>> round(float(SphereInterpolator(lon, lat).scalar(field, 177.5, 0.0)), 2)
    500.95
    """

    lon_deg: Array
    lat_deg: Array

    def scalar(self, field: Array, lon_deg: Any, lat_deg: Any) -> Array:
        """A scalar at points.

        Parameters
        ----------
        field : ndarray, shape (..., ny, nx)
            Values on the grid.
        lon_deg, lat_deg : array_like
            Points, degrees; they broadcast.

        Returns
        -------
        ndarray, shape (..., *points)
        """
        north = _row_mean(field[..., -1, :])
        south = _row_mean(field[..., 0, :])
        return self._interpolated(field, south, north, lon_deg, lat_deg)

    def wind(self, u: Array, v: Array, lon_deg: Any, lat_deg: Any) -> tuple[Array, Array]:
        """Eastward and northward wind at points.

        Parameters
        ----------
        u, v : ndarray, shape (..., ny, nx)
            Winds on the grid.
        lon_deg, lat_deg : array_like
            Points, degrees; they broadcast.

        Returns
        -------
        u, v : ndarray, shape (..., *points)
        """
        south_u, south_v = _pole_wind(u[..., 0, :], v[..., 0, :], self.lon_deg, -1.0)
        north_u, north_v = _pole_wind(u[..., -1, :], v[..., -1, :], self.lon_deg, 1.0)
        return (
            self._interpolated(u, south_u, north_u, lon_deg, lat_deg),
            self._interpolated(v, south_v, north_v, lon_deg, lat_deg),
        )

    def _interpolated(
        self, field: Array, south: Array, north: Array, lon_deg: Any, lat_deg: Any
    ) -> Array:
        lon, lat = np.broadcast_arrays(wrap_longitude(lon_deg), np.asarray(lat_deg, dtype=float))
        if np.any(np.abs(lat) > 90.0 + 1e-9):
            raise ValueError(f"latitude {lat[np.abs(lat).argmax()]:g} is beyond a pole")
        rows, latitudes = [field], [self.lat_deg]
        if self.lat_deg[0] > -90.0 + 1e-6:
            rows.insert(0, south[..., None, :])
            latitudes.insert(0, np.array([-90.0]))
        if self.lat_deg[-1] < 90.0 - 1e-6:
            rows.append(north[..., None, :])
            latitudes.append(np.array([90.0]))
        whole = np.concatenate(rows, axis=-2)
        j, fy = _bracket(np.concatenate(latitudes), lat)
        # One column of the far side at each end closes the circle.
        x = np.concatenate([self.lon_deg[-1:] - 360, self.lon_deg, self.lon_deg[:1] + 360])
        k, fx = _bracket(x, lon)
        left, right = (k - 1) % self.lon_deg.size, k % self.lon_deg.size
        lower = whole[..., j, left] * (1 - fx) + whole[..., j, right] * fx
        upper = whole[..., j + 1, left] * (1 - fx) + whole[..., j + 1, right] * fx
        return np.asarray(lower * (1 - fy) + upper * fy)


def _bracket(axis: Array, points: Array) -> tuple[Array, Array]:
    """Index of the lower neighbour, and the fraction of the way to the upper one."""
    index = np.clip(np.searchsorted(axis, points, side="right") - 1, 0, axis.size - 2)
    return index, (points - axis[index]) / (axis[index + 1] - axis[index])


def _row_mean(row: Array) -> Array:
    return np.broadcast_to(row.mean(axis=-1, keepdims=True), row.shape)


def _pole_wind(u: Array, v: Array, lon_deg: Array, sign: float) -> tuple[Array, Array]:
    """The one vector at a pole, written along every meridian.

    At the north pole east at longitude l is (-sin l, cos l) and north is (-cos l, -sin l).
    """
    lon = np.deg2rad(lon_deg)
    x = (-u * np.sin(lon) - sign * v * np.cos(lon)).mean(axis=-1, keepdims=True)
    y = (u * np.cos(lon) - sign * v * np.sin(lon)).mean(axis=-1, keepdims=True)
    return -x * np.sin(lon) + y * np.cos(lon), -sign * (x * np.cos(lon) + y * np.sin(lon))
