"""The default back end: spatial modes of each field, a Gaussian process over planets for each.

How many modes, and whether the hemispheres are taken as mirror images, is decided by leaving
planets out. What the modes do not hold, and what the processes call noise, is weather.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gaussian_process import ModeProcesses
from .modes import SpatialModes, hemispheric_parts

__all__ = ["BasisField"]

Array = NDArray[Any]
_MOST_MODES = 40


@dataclass
class BasisField:
    """One field of a set of planets: modes, processes, weather, and how well it does.

    Parameters
    ----------
    name : str
        Which field.
    modes : SpatialModes
        Of the scaled field.
    processes : ModeProcesses
        One a mode.
    weather : ndarray, shape (p, lat, lon)
        Standard deviation of a snapshot about the climate, scaled.
    inflation : ndarray, shape (p,)
        Factor on the standard deviation at each level, from planets left out.
    symmetric : bool
        Whether the hemispheres are mirror images.
    left_out : ndarray, shape (n,)
        Scaled root mean square error of each planet predicted from the others, against its
        snapshot.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, (12, 2))
    >>> pattern = np.array([1.0, 2.0, 2.0, 1.0])[:, None] * np.ones((2, 4, 3))
    >>> stack = x[:, 0][:, None, None, None] * pattern
    >>> field = BasisField.fit("T", x, stack, np.ones((2, 4, 3)), symmetric=True)
    >>> mean, _ = field.predict(np.array([[0.5, 0.0]]))
    >>> bool(np.allclose(mean[0], 0.5 * pattern, atol=0.02))
    True
    """

    name: str
    modes: SpatialModes
    processes: ModeProcesses
    weather: Array
    inflation: Array
    symmetric: bool
    left_out: Array

    @classmethod
    def fit(
        cls, name: str, inputs: Array, stack: Array, weight: Array, *,
        n_modes: int | None = None, symmetric: bool = True,
    ) -> BasisField:  # fmt: skip
        """Fit one field.

        Parameters
        ----------
        name : {'T', 'u', 'v', 'w'}
            Which field.
        inputs : ndarray, shape (n, d)
            Standardised inputs of the planets.
        stack : ndarray, shape (n, p, lat, lon)
            Scaled fields; NaN where masked.
        weight : ndarray, shape (p, lat, lon)
            Weight of each cell.
        n_modes : int, optional
            Number of modes; found by leaving planets out where it is None.
        symmetric : bool
            Whether the hemispheres are mirror images.

        Returns
        -------
        BasisField
        """
        climate, rest = hemispheric_parts(name, stack) if symmetric else (stack, None)
        most = min(n_modes or _MOST_MODES, len(stack) - 1)
        modes, coefficients = SpatialModes.fit(climate, weight, most)
        processes = ModeProcesses.fit(inputs, coefficients)
        expected, variance = processes.leave_one_out()
        if n_modes is None:
            kept = _useful(coefficients, expected)
            modes = SpatialModes(modes.mean, modes.modes[:kept], modes.root)
            processes = processes.first(kept)
            expected, variance = expected[:, :kept], variance[:, :kept]
        from_others = modes.expand(expected)
        gap = climate - from_others
        weather = _weather(rest, gap)
        signal = np.maximum(variance - processes.noise, 0.0)
        inflation = _inflation(gap, modes.variance(signal), weather, rest is not None, weight)
        error = np.where(np.isfinite(stack), stack - from_others, 0.0)
        left_out = np.sqrt((error**2 * weight).sum(axis=(1, 2, 3)) / weight.sum())
        return cls(name, modes, processes, weather, inflation, symmetric, left_out)

    def predict(self, inputs: Array, *, with_std: bool = False) -> tuple[Array, Array | None]:
        """Scaled fields of planets, and the standard deviation of their climate.

        Parameters
        ----------
        inputs : ndarray, shape (m, d)
            Standardised inputs.
        with_std : bool
            Whether the standard deviation is wanted.

        Returns
        -------
        mean : ndarray, shape (m, p, lat, lon)
        std : ndarray of the same shape, or None
        """
        coefficients, variance = self.processes.predict(inputs)
        mean = self.modes.expand(coefficients)
        if not with_std:
            return mean, None
        std = np.sqrt(self.modes.variance(variance)) * self.inflation[:, None, None]
        return mean, std

    def draw(self, inputs: Array, n: int, rng: np.random.Generator) -> Array:
        """Climates that one planet may have.

        Parameters
        ----------
        inputs : ndarray, shape (1, d)
            Standardised inputs of the planet.
        n : int
            How many.
        rng : numpy.random.Generator
            See SPEC 7.

        Returns
        -------
        ndarray, shape (n, p, lat, lon)
        """
        mean, variance = self.processes.predict(inputs)
        noise = rng.normal(size=(n, mean.shape[1])) * np.sqrt(variance)
        centre = self.modes.expand(mean)
        wide = self.modes.expand(mean + noise) - centre
        return np.asarray(centre + wide * self.inflation[:, None, None])


def _useful(coefficients: Array, expected: Array) -> int:
    """Number of leading modes that planets left out are better with than without."""
    gain = ((coefficients - coefficients.mean(axis=0)) ** 2 - (coefficients - expected) ** 2).sum(
        axis=0
    )
    return int(np.argmax(np.cumsum(gain)) + 1)


def _weather(rest: Array | None, gap: Array) -> Array:
    """Standard deviation of weather in each cell.

    With symmetric hemispheres it is what breaks the symmetry: half of the variance. Without,
    nothing tells weather from ignorance but the planets that were left out.
    """
    if rest is None:
        return np.asarray(np.sqrt(np.nanmean(gap**2, axis=0)), dtype=np.float32)
    return np.asarray(np.sqrt(2.0 * np.nanmean(rest**2, axis=0)), dtype=np.float32)


def _inflation(gap: Array, variance: Array, weather: Array, halved: bool, weight: Array) -> Array:
    """Factor on the standard deviation with which left-out planets fall where they should.

    Gap and prediction differ by the error of the climate and by the weather of the snapshot
    (half of it, where the hemispheres were averaged). The factor is found at each level so
    that 68 per cent of the cells lie inside one standard deviation of the sum.
    """
    noise = weather**2 * (0.5 if halved else 0.0)
    found = np.ones(gap.shape[1])
    for level in range(gap.shape[1]):
        g, v, n = gap[:, level], variance[:, level], noise[level]
        area = np.broadcast_to(weight[level], g.shape)
        low, high = 0.05, 8.0
        for _ in range(24):
            middle = np.sqrt(low * high)
            inside = np.abs(g) <= np.sqrt(middle**2 * v + n)
            share = (inside * area).sum() / area.sum()
            low, high = (middle, high) if share < 0.683 else (low, middle)
        found[level] = np.sqrt(low * high)
    return found
