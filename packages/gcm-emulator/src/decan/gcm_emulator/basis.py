"""The default back end: spatial modes of each field, a Gaussian process over planets for each.

How many modes, and whether the hemispheres are taken as mirror images, is decided by leaving
planets out. What the modes do not hold, and what the processes call noise, is weather.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from .gaussian_process import ModeProcesses
from .modes import SpatialModes, hemispheric_parts
from .scaling import hull_distance

__all__ = ["BasisField"]

Array = NDArray[Any]
_MOST_MODES = 28
_FACTORS = (0.5, 1.0, 2.0, 3.0, 5.0)
_LEADING = 12
# Share of the weather of unseen snapshots that sixty modes of others can express.
_SHARE_SEEN = 0.65
_TOLERATED = 1e-3
_FOLDS, _FEWEST = 4, 12


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
        with threadpool_limits(1):  # sixty planets: threads would only get in each other's way
            noise = _folded_noise(modes, rest)
            factor = _noise_factor(inputs, coefficients, noise)
            processes = ModeProcesses.fit(
                inputs, coefficients, noise=None if noise is None else factor * noise
            )
            expected, _ = processes.leave_one_out()
            if n_modes is None:
                kept = _useful(coefficients, expected)
                modes = SpatialModes(modes.mean, modes.modes[:kept], modes.root)
                processes, expected = processes.first(kept), expected[:, :kept]
            parity = _SHARE_SEEN * factor
            inflation = _inflation(inputs, climate, rest, weight, processes, factor, parity)
        from_others = modes.expand(expected)
        if rest is None:
            weather = np.sqrt(np.nanmean((climate - from_others) ** 2, axis=0))
        else:
            weather = np.sqrt((1.0 + parity) * np.nanmean(rest**2, axis=0))
        error = np.where(np.isfinite(stack), stack - from_others, 0.0)
        left_out = np.sqrt((error**2 * weight).sum(axis=(1, 2, 3)) / weight.sum())
        return cls(name, modes, processes, weather.astype(np.float32), inflation, symmetric,
                   left_out)  # fmt: skip

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

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Settings and arrays for an artifact: modes as half floats, of one hemisphere if both
        are alike; processes as doubles.

        Returns
        -------
        settings, arrays : dict
        """
        modes = self.modes.modes.reshape(-1, *self.modes.mean.shape)
        size = np.abs(self.modes.modes).max(axis=1)
        half = (modes.shape[-2] + 1) // 2 if self.symmetric else modes.shape[-2]
        arrays = {
            "mean": self.modes.mean.astype(np.float32),
            "modes": (modes[..., :half, :] / size[:, None, None, None]).astype(np.float16),
            "size": size, "root": self.modes.root[:, :, 0].astype(np.float32),
            "weather": self.weather.astype(np.float16), "inflation": self.inflation,
            "left_out": self.left_out,
            **{f"process_{key}": value for key, value in vars(self.processes).items()
               if key not in ("inverse", "inputs")},
        }  # fmt: skip
        return {"symmetric": self.symmetric, "shape": list(self.modes.mean.shape)}, arrays

    @classmethod
    def restored(
        cls, name: str, inputs: Array, settings: dict[str, Any], arrays: dict[str, Any]
    ) -> BasisField:
        """A field from what :meth:`state` gave.

        Parameters
        ----------
        name : str
            Which field.
        inputs : ndarray, shape (n, d)
            Standardised inputs of the planets.
        settings, arrays : dict
            Of the artifact.

        Returns
        -------
        BasisField
        """
        shape = tuple(settings["shape"])
        modes = arrays["modes"].astype(np.float32) * arrays["size"][:, None, None, None]
        if settings["symmetric"]:
            sign = -1.0 if name == "v" else 1.0
            missing = shape[1] - modes.shape[-2]
            modes = np.concatenate([modes, sign * modes[..., :missing, :][..., ::-1, :]], axis=-2)
        root = np.ascontiguousarray(np.broadcast_to(arrays["root"][..., None], shape))
        known = {key.removeprefix("process_"): value for key, value in arrays.items()
                 if key.startswith("process_")}  # fmt: skip
        flat = modes.reshape(len(modes), -1).astype(np.float32)
        return cls(
            name, SpatialModes(arrays["mean"], flat, root),
            ModeProcesses.restored(inputs, **known), arrays["weather"].astype(np.float32),
            arrays["inflation"], settings["symmetric"], arrays["left_out"],
        )  # fmt: skip

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


def _noise_factor(inputs: Array, coefficients: Array, noise: Array | None) -> float:
    """Factor on the noise of all modes: the likeliest of a few.

    Smooth weather has more power in one symmetry than in the other, and modes drawn from the
    same snapshots hold more of their weather than of weather they have not seen.
    """
    if noise is None:
        return 1.0
    leading, noise = coefficients[:, :_LEADING], noise[:_LEADING]
    chances: list[float] = []
    processes = None
    for factor in _FACTORS:
        processes = ModeProcesses.fit(inputs, leading, noise=factor * noise, near=processes)
        chances.append(processes.log_likelihood())
    return _FACTORS[int(np.argmax(chances))]


def _folded_noise(modes: SpatialModes, rest: Array | None) -> Array | None:
    """Weather in every mode, as what breaks the symmetry shows it: folded onto the modes."""
    if rest is None:
        return None
    south = rest.shape[-2] // 2
    folded = rest * np.where(np.arange(rest.shape[-2]) < south, -1.0, 1.0)[:, None]
    flat = np.nan_to_num(folded * modes.root).reshape(len(rest), -1)
    return np.asarray(((flat @ modes.modes.T) ** 2).mean(axis=0))


def _useful(coefficients: Array, expected: Array) -> int:
    """Most modes with which left-out planets are hardly worse than with the best number."""
    centred = coefficients - coefficients.mean(axis=0)
    gain = np.cumsum((centred**2 - (coefficients - expected) ** 2).sum(axis=0))
    return int(np.flatnonzero(gain >= gain.max() - _TOLERATED * (centred**2).sum()).max() + 1)


def _inflation(
    inputs: Array, climate: Array, rest: Array | None, weight: Array, whole: ModeProcesses,
    factor: float, parity: float,
) -> Array:  # fmt: skip
    """Factor on the standard deviation, level by level, from planets that are truly left out.

    A fold of planets is left out of everything: mean, modes, processes. Their gap to the
    prediction holds the error of the climate and the weather of the snapshot, whose power is
    known from what breaks the symmetry; the rest belongs to the climate. Planets that the
    others do not enclose are not asked.
    """
    n = len(climate)
    if n < _FEWEST or rest is None:
        return np.ones(climate.shape[1])
    area = weight / weight.sum(axis=(1, 2), keepdims=True)

    def power(values: Array) -> Array:
        return np.asarray((np.nan_to_num(values) * area).sum(axis=(2, 3)))

    ratios = [np.empty((0, climate.shape[1]))]
    weather = parity * power(rest**2).mean(axis=0)
    for fold in range(_FOLDS):
        out = np.arange(n) % _FOLDS == fold
        inner = [k for k in np.flatnonzero(out) if hull_distance(inputs[~out], inputs[k]) < 1e-3]
        if not inner:
            continue
        modes, coefficients = SpatialModes.fit(climate[~out], weight, len(whole.mean))
        noise = factor * np.asarray(_folded_noise(modes, rest[~out]))
        processes = ModeProcesses.fit(inputs[~out], coefficients, noise=noise, near=whole)
        mean, variance = processes.predict(inputs[inner])
        gap = power((climate[inner] - modes.expand(mean)) ** 2)
        ratios.append((gap - weather) / np.maximum(power(modes.variance(variance)), 1e-30))
    every = np.concatenate(ratios)
    if len(every) < _FEWEST:
        return np.ones(climate.shape[1])
    ratio = np.maximum(every.mean(axis=0), 0.0)
    # Levels tell of each other: the factor is smooth in height. One below 1 is not believed.
    apart = np.subtract.outer(np.arange(ratio.size), np.arange(ratio.size))
    smooth = np.exp(-0.5 * (apart / 2.0) ** 2)
    return np.asarray(np.sqrt(np.clip(smooth @ ratio / smooth.sum(axis=1), 1.0, 25.0)))
