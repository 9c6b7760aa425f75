"""From a cubed sphere to longitude and latitude, without ESMF.

Scalars are interpolated in the triangles between cell centres, to second order: the values at
the corners and half of their gradients, so that small scales keep their strength. Winds are
interpolated as vectors in space, so that no pole and no edge of the cube is special.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sphere import area_weights

__all__ = ["SphereRegridder", "centred_vertical", "centred_winds"]

Array = NDArray[Any]
_CANDIDATES = 6
_SLACK = -1e-9


def centred_winds(u_face: Any, v_face: Any, angle_cs: Any, angle_sn: Any) -> tuple[Array, Array]:
    """Eastward and northward wind at cell centres from components on the faces of a cubed sphere.

    U stands on the western and V on the southern face of a cell, along the local axes. The
    last row of a face needs the first of its neighbour; where the neighbour's axes are turned
    by a right angle, U and V change places.

    Parameters
    ----------
    u_face, v_face : array_like, shape (..., n, 6 n)
        Winds on the faces, m/s, the six faces side by side.
    angle_cs, angle_sn : array_like, shape (n, 6 n)
        Cosine and sine of the angle between the local axis and east.

    Returns
    -------
    u, v : ndarray, shape (..., n, 6 n)
        Eastward and northward, m/s.

    Raises
    ------
    ValueError
        If the last axis is not six times the one before.

    Examples
    --------
    >>> ones, none = np.ones((4, 24)), np.zeros((4, 24))
    >>> u, v = centred_winds(100 * ones, none, ones, none)
    >>> float(u.min()), float(u.max()), float(np.abs(v).max())
    (100.0, 100.0, 0.0)
    """
    u, v = np.asarray(u_face, dtype=float), np.asarray(v_face, dtype=float)
    cosine, sine = np.asarray(angle_cs, dtype=float), np.asarray(angle_sn, dtype=float)
    n = u.shape[-2]
    if u.shape[-1] != 6 * n:
        raise ValueError(f"expected faces of shape (n, 6 n), found {u.shape[-2:]}")
    faces = [slice(n * f, n * (f + 1)) for f in range(6)]
    u_centre, v_centre = np.empty_like(u), np.empty_like(v)
    for f, here in enumerate(faces):
        one, other = u[..., here], v[..., here]
        east, north = _neighbours(u, v, cosine, sine, faces, f)
        u_wide = np.concatenate([one, (one[..., -1:] if east is None else east)], axis=-1)
        v_tall = np.concatenate([other, (other[..., -1:, :] if north is None else north)], axis=-2)
        u_centre[..., here] = 0.5 * (u_wide[..., 1:] + u_wide[..., :-1])
        v_centre[..., here] = 0.5 * (v_tall[..., 1:, :] + v_tall[..., :-1, :])
    return u_centre * cosine - v_centre * sine, u_centre * sine + v_centre * cosine


def centred_vertical(w_interface: Any) -> Array:
    """Vertical velocity at layer centres from values on the deeper interface of each layer.

    Parameters
    ----------
    w_interface : array_like, shape (layers, ...)
        On the interface below each layer; above the top it is zero.

    Returns
    -------
    ndarray of the same shape

    Examples
    --------
    >>> centred_vertical(np.ones(3))
    array([1. , 1. , 0.5])
    """
    w = np.asarray(w_interface, dtype=float)
    above = np.concatenate([w[1:], np.zeros_like(w[:1])])
    return np.asarray(0.5 * (w + above))


@dataclass
class SphereRegridder:
    """Interpolates columns at any places on the sphere to a longitude-latitude grid.

    Parameters
    ----------
    lon_deg, lat_deg : array_like
        Places of the columns, degrees; any shape, the same for both.
    to_lon_deg, to_lat_deg : array_like
        Axes of the target, degrees.
    area : array_like, optional
        Areas of the columns. With them the mean over the sphere is kept exactly, by a shift
        that is the same everywhere.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> lon, lat = rng.uniform(-180, 180, 2000), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 2000)))
    >>> regrid = SphereRegridder(lon, lat, np.arange(-175, 180, 10.0), np.arange(-85, 90, 10.0))
    >>> found = regrid.scalar(np.sin(np.deg2rad(lat)))
    >>> float(np.abs(found - np.sin(np.deg2rad(regrid.to_lat_deg))[:, None]).max().round(2))
    0.01
    """

    lon_deg: Any
    lat_deg: Any
    to_lon_deg: Any
    to_lat_deg: Any
    area: Any = None

    def __post_init__(self) -> None:
        from scipy.sparse import csr_matrix

        self.to_lon_deg = np.asarray(self.to_lon_deg, dtype=float)
        self.to_lat_deg = np.asarray(self.to_lat_deg, dtype=float)
        self._from = _unit(self.lon_deg, self.lat_deg)
        lon, lat = np.meshgrid(self.to_lon_deg, self.to_lat_deg)
        goal = _unit(lon, lat)
        corners, weights, hull = _triangles(self._from, goal)
        size = (self.to_lat_deg.size * self.to_lon_deg.size, len(self._from))
        entries, places = weights.ravel(), (np.repeat(np.arange(size[0]), 3), corners.ravel())
        self._matrix = csr_matrix((entries, places), shape=size)
        # Half of the gradient at each corner, along the way from the corner to the point.
        way = 0.5 * (goal[:, None, :] - self._from[corners])
        for axis, slope in enumerate(_gradients(self._from, hull)):
            along = csr_matrix((entries * way[..., axis].ravel(), places), shape=size)
            self._matrix = self._matrix + along @ slope

    def scalar(self, values: Any) -> Array:
        """A scalar on the target.

        Parameters
        ----------
        values : array_like, shape (..., columns)
            Values at the columns.

        Returns
        -------
        ndarray, shape (..., lat, lon)
        """
        columns = np.asarray(values, dtype=float)
        found = self._onto(columns)
        if self.area is not None:
            share = np.ravel(self.area) / np.sum(self.area)
            weight = np.repeat(area_weights(self.to_lat_deg), self.to_lon_deg.size)
            weight = weight / weight.sum()
            lead = found.shape[:-2]
            gap = columns.reshape(*lead, -1) @ share - found.reshape(*lead, -1) @ weight
            found += gap[..., None, None]
        return found

    def wind(self, u: Any, v: Any) -> tuple[Array, Array]:
        """Eastward and northward wind on the target.

        Parameters
        ----------
        u, v : array_like, shape (..., columns)
            Eastward and northward wind at the columns, m/s.

        Returns
        -------
        u, v : ndarray, shape (..., lat, lon)
        """
        east, north = _tangents(self.lon_deg, self.lat_deg)
        u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
        lead = u.shape[: u.ndim - np.ndim(self.lon_deg)]
        u, v = u.reshape(*lead, -1), v.reshape(*lead, -1)
        shape = np.shape(self.lon_deg)
        moved = [
            self._onto((u * east[:, k] + v * north[:, k]).reshape(*lead, *shape)) for k in range(3)
        ]
        lon, lat = np.meshgrid(self.to_lon_deg, self.to_lat_deg)
        east, north = (a.reshape(*lon.shape, 3) for a in _tangents(lon, lat))
        return (
            np.asarray(sum(moved[k] * east[..., k] for k in range(3))),
            np.asarray(sum(moved[k] * north[..., k] for k in range(3))),
        )

    def _onto(self, columns: Array) -> Array:
        lead = columns.shape[: columns.ndim - np.ndim(self.lon_deg)]
        found = (self._matrix @ columns.reshape(-1, len(self._from)).T).T
        return np.asarray(found.reshape(*lead, self.to_lat_deg.size, self.to_lon_deg.size))


def _neighbours(
    u: Array, v: Array, cosine: Array, sine: Array, faces: list[slice], f: int
) -> tuple[Array | None, Array | None]:
    """What stands on the eastern and northern edge of a face, out of the faces beyond.

    Odd faces (counted from 1) meet the western edge of the next one in the east, and, turned,
    the western edge of the one after it in the north; even faces meet southern edges. None
    where the angles contradict it, which a cube without a sphere does.
    """
    here = faces[f]
    one, two = faces[(f + 1) % 6], faces[(f + 2) % 6]
    if f % 2 == 0:
        east = u[..., one][..., :1]
        north = u[..., two][..., :, 0][..., None, ::-1]
        aligned = _angle_between(cosine, sine, (here, slice(None), -1), (one, slice(None), 0))
        turned = _angle_between(
            cosine, sine, (here, -1, slice(None)), (two, slice(None, None, -1), 0)
        )
        return east if abs(aligned) < 30 else None, north if abs(turned) > 60 else None
    east = v[..., two][..., 0, ::-1][..., :, None]
    north = v[..., one][..., :1, :]
    turned = _angle_between(cosine, sine, (here, slice(None), -1), (two, 0, slice(None, None, -1)))
    aligned = _angle_between(cosine, sine, (here, -1, slice(None)), (one, 0, slice(None)))
    return east if abs(turned) > 60 else None, north if abs(aligned) < 30 else None


def _angle_between(cosine: Array, sine: Array, first: Any, second: Any) -> float:
    """Typical turn of the local axes from one edge to another, degrees."""
    angles = []
    for face, rows, columns in (first, second):
        c, s = cosine[:, face][rows, columns], sine[:, face][rows, columns]
        angles.append(c + 1j * s)
    middle = slice(len(angles[0]) // 4, -(len(angles[0]) // 4) or None)
    return float(np.rad2deg(np.angle((angles[1] / angles[0])[middle].mean())))


def _unit(lon_deg: Any, lat_deg: Any) -> Array:
    lon, lat = np.deg2rad(np.ravel(lon_deg)), np.deg2rad(np.ravel(lat_deg))
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _tangents(lon_deg: Any, lat_deg: Any) -> tuple[Array, Array]:
    lon, lat = np.deg2rad(np.ravel(lon_deg)), np.deg2rad(np.ravel(lat_deg))
    east = np.column_stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)])
    north = np.column_stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    return east, north


def _triangles(have: Array, want: Array) -> tuple[Array, Array, Array]:
    """Corners of the triangle around every point, their linear weights, and all triangles."""
    from scipy.spatial import ConvexHull, cKDTree

    hull = ConvexHull(have).simplices
    inverse = np.linalg.inv(have[hull].transpose(0, 2, 1))
    centres = have[hull].mean(axis=1)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    tree = cKDTree(centres)
    corners = np.empty((len(want), 3), dtype=np.int64)
    weights = np.empty((len(want), 3))
    left = np.arange(len(want))
    count = _CANDIDATES
    while left.size:
        near = np.asarray(tree.query(want[left], k=min(count, len(hull)))[1])
        found = np.einsum("tcij,tj->tci", inverse[near], want[left])
        worst = found.min(axis=-1)
        best = worst.argmax(axis=1)
        inside = worst[np.arange(left.size), best] >= _SLACK
        last = count >= min(96, len(hull))
        take = inside | last
        rows = np.flatnonzero(take)
        chosen = near[rows, best[rows]]
        part = np.clip(found[rows, best[rows]], 0.0, None)
        corners[left[rows]] = hull[chosen]
        weights[left[rows]] = part / part.sum(axis=1, keepdims=True)
        left, count = left[~take], count * 4
    return corners, weights, hull


def _gradients(places: Array, hull: Array) -> list[Any]:
    """Matrices that give the gradient at every place from the values at its neighbours."""
    from scipy.sparse import csr_matrix

    pairs = np.concatenate([hull[:, [0, 1]], hull[:, [1, 2]], hull[:, [2, 0]]])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    first, second = pairs.T
    step = places[second] - places[first]
    n = len(places)
    moment = np.zeros((n, 3, 3))
    np.add.at(moment, first, step[:, :, None] * step[:, None, :])
    # The direction out of the sphere carries no information; it is held, not solved for.
    size = np.trace(moment, axis1=1, axis2=2)[:, None, None]
    moment += size * places[:, :, None] * places[:, None, :]
    weight = np.einsum("pij,pj->pi", np.linalg.inv(moment)[first], step)
    found = []
    for axis in range(3):
        to_second = csr_matrix((weight[:, axis], (first, second)), shape=(n, n))
        own = csr_matrix((-weight[:, axis], (first, first)), shape=(n, n))
        found.append(to_second + own)
    return found
