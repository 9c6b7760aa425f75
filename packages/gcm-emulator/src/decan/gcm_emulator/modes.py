"""Spatial modes of a set of climates: what planets share, and by how much each differs.

Fields of all planets are weighted by the square root of area and decomposed by singular
values. The mean climate of a planet with a zero obliquity is symmetric about the equator (T, u
and w even, v odd): the antisymmetric part of a snapshot is weather, and leaving it out halves
the variance of the weather without touching the climate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SpatialModes", "hemispheres_mirror", "hemispheric_parts", "symmetric_latitudes"]

Array = NDArray[Any]


def symmetric_latitudes(lat_deg: Any) -> bool:
    """Whether every latitude has its mirror image on the other hemisphere.

    Parameters
    ----------
    lat_deg : array_like
        Degrees, ascending.

    Returns
    -------
    bool

    Examples
    --------
    >>> symmetric_latitudes([-60, 0, 60]), symmetric_latitudes([-60, 0, 75])
    (True, False)
    """
    lat = np.asarray(lat_deg, dtype=float)
    return bool(np.allclose(lat, -lat[::-1], atol=1e-3))


def hemispheric_parts(name: str, values: Any) -> tuple[Array, Array]:
    """The part of a field that is symmetric about the equator, and the rest.

    Parameters
    ----------
    name : {'T', 'u', 'v', 'w'}
        Which field: v is symmetric when it changes sign.
    values : array_like, shape (..., lat, lon)
        The field, on symmetric latitudes.

    Returns
    -------
    symmetric, rest : ndarray
        Their sum is the field.

    Examples
    --------
    >>> symmetric, rest = hemispheric_parts("v", np.array([[1.0], [0.0], [-3.0]]))
    >>> symmetric.ravel(), rest.ravel()
    (array([ 2.,  0., -2.]), array([-1.,  0., -1.]))
    """
    field = np.asarray(values)
    mirrored = field[..., ::-1, :] * (-1 if name == "v" else 1)
    symmetric = 0.5 * (field + mirrored)
    return symmetric, field - symmetric


def hemispheres_mirror(name: str, stack: Any) -> bool:
    """Whether what breaks the symmetry of climates is weather and no climate.

    It is climate where the other planets tell something of it.

    Parameters
    ----------
    name : {'T', 'u', 'v', 'w'}
        Which field.
    stack : array_like, shape (n, p, lat, lon)
        Scaled fields of the planets, on symmetric latitudes.

    Returns
    -------
    bool

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> snapshots = 5.0 + rng.normal(size=(20, 2, 4, 6))
    >>> hemispheres_mirror("T", snapshots), hemispheres_mirror("v", snapshots)
    (True, False)
    """
    _, rest = hemispheric_parts(name, np.nan_to_num(np.asarray(stack)))
    n = len(rest)
    others = (rest.sum(axis=0) - rest) / (n - 1)
    return bool((rest**2).sum() <= ((rest - others) ** 2).sum())


@dataclass
class SpatialModes:
    """Mean and leading modes of stacked fields.

    Parameters
    ----------
    mean : ndarray, shape (p, lat, lon)
        Mean over the planets.
    modes : ndarray, shape (k, p * lat * lon)
        Orthogonal under the weights; each is to be divided by the square root of the weight.
    root : ndarray, shape (p, lat, lon)
        Square root of the weight of each cell.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> stack = rng.normal(size=(5, 1)) * np.ones((1, 24)) + 10
    >>> modes, coefficients = SpatialModes.fit(stack.reshape(5, 2, 3, 4), np.ones((2, 3, 4)), 1)
    >>> bool(np.allclose(modes.expand(coefficients), stack.reshape(5, 2, 3, 4), atol=1e-5))
    True
    """

    mean: Array
    modes: Array
    root: Array

    @classmethod
    def fit(cls, stack: Array, weight: Array, k: int) -> tuple[SpatialModes, Array]:
        """Modes of a stack of fields, and the coefficients of its members.

        Parameters
        ----------
        stack : ndarray, shape (n, p, lat, lon)
            The fields; cells that are NaN in a planet hold its mean there.
        weight : ndarray, shape (p, lat, lon)
            Weight of each cell.
        k : int
            How many modes, at most ``n - 1``.

        Returns
        -------
        modes : SpatialModes
        coefficients : ndarray, shape (n, k)
        """
        good = np.isfinite(stack)
        count = np.maximum(good.sum(axis=0), 1)
        mean = (np.where(good, stack, 0.0).sum(axis=0) / count).astype(np.float32)
        root = np.sqrt(weight).astype(np.float32)
        centred = np.where(good, stack - mean, 0.0) * root
        flat = centred.reshape(len(stack), -1).astype(np.float64)
        # n is small: the modes follow from the n x n matrix of inner products.
        values, vectors = np.linalg.eigh(flat @ flat.T)
        keep = np.argsort(values)[::-1][: min(k, len(stack) - 1)]
        # Beyond the rank of the fields a mode is rounding: it stays, and is nothing.
        real = values[keep] > 1e-12 * max(float(values.max()), 1e-300)
        size = np.where(real, np.sqrt(np.maximum(values[keep], 1e-300)), np.inf)
        coefficients = vectors[:, keep] * np.where(real, size, 0.0)
        modes = (vectors[:, keep] / size).T @ flat
        return cls(mean, modes.astype(np.float32), root), coefficients

    def expand(self, coefficients: Array) -> Array:
        """Fields with given coefficients.

        Parameters
        ----------
        coefficients : ndarray, shape (m, k)
            One row a field.

        Returns
        -------
        ndarray, shape (m, p, lat, lon)
        """
        flat = np.asarray(coefficients, dtype=np.float32) @ self.modes
        return np.asarray(flat.reshape(-1, *self.mean.shape) / self.root + self.mean)

    def project(self, fields: Array) -> Array:
        """Coefficients of fields.

        Parameters
        ----------
        fields : ndarray, shape (m, p, lat, lon)
            The fields.

        Returns
        -------
        ndarray, shape (m, k)
        """
        centred = np.nan_to_num((fields - self.mean) * self.root)
        return np.asarray(centred.reshape(len(fields), -1) @ self.modes.T, dtype=float)

    def variance(self, variances: Array) -> Array:
        """Variance of fields whose coefficients vary independently.

        Parameters
        ----------
        variances : ndarray, shape (m, k)
            Of the coefficients.

        Returns
        -------
        ndarray, shape (m, p, lat, lon)
        """
        flat = np.asarray(variances, dtype=np.float32) @ self.modes**2
        return np.asarray(flat.reshape(-1, *self.mean.shape) / self.root**2)
