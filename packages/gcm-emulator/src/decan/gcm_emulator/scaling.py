"""Fields in units of the planet: temperature by T_global, winds by the speed of sound.

What is left varies less from planet to planet, and more of it is shared. The inputs of an
emulator are logarithms, since a climate depends on ratios of time scales.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .planets import Planet

__all__ = ["Inputs", "field_scale", "hull_distance"]

Array = NDArray[np.float64]

INPUTS: dict[str, str] = {
    "t_global_k": "global temperature",
    "period_day": "period of rotation",
    "gravity_ms2": "gravity",
    "radius_rjup": "radius",
    "metallicity_dex": "metallicity",
    "log_drag_s": "drag",
    "tio": "presence of TiO",
}
"""Parameters of a planet that its climate depends on here, in the order in which they are taken."""

_LINEAR = ("metallicity_dex", "log_drag_s", "tio")  # logarithms already, or a switch
_CONSTANT = 1e-6
_COLLINEAR = 1e-4


def field_scale(name: str, planet: Planet, r_gas: float) -> float:
    """Size of a field on a planet: what it is divided by before anything is learned.

    Parameters
    ----------
    name : {'T', 'u', 'v', 'w'}
        Which field.
    planet : Planet
        The planet.
    r_gas : float
        Specific gas constant, J/kg/K.

    Returns
    -------
    float
        T_global for T (K); the isothermal speed of sound for u and v (m/s); that speed times
        the scale height over the radius for w (m/s).

    Raises
    ------
    ValueError
        If the field is none of these.

    Examples
    --------
    >>> planet = Planet.at_temperature(1600.0, host="G5V")
    >>> field_scale("T", planet, 3714.0), round(field_scale("u", planet, 3714.0))
    (1600.0, 2438)
    """
    sound = float(np.sqrt(r_gas * planet.t_global_k))
    if name == "T":
        return planet.t_global_k
    if name in ("u", "v"):
        return sound
    if name == "w":
        return sound**3 / (planet.gravity_ms2 * planet.radius_m)
    raise ValueError(f"field must be T, u, v or w, found {name!r}")


@dataclass(frozen=True)
class Inputs:
    """Which parameters vary in a grid, and how they become standardised inputs.

    Parameters
    ----------
    names : tuple of str
        Parameters that vary.
    mean, spread : ndarray, shape (d,)
        Of their natural logarithms over the grid (metallicity and drag are logarithms already).
    constants : dict of str to float
        Parameters that are the same everywhere, and their value, likewise.
    points : ndarray, shape (n, d)
        Standardised inputs of the planets of the grid.
    ties : dict of str to list of float
        Parameters that follow from the others in this grid: how, as slopes and intercept.

    Examples
    --------
    >>> planets = [Planet.at_temperature(t, host=h) for h in ("G5V", "K5V") for t in (800, 1600)]
    >>> inputs = Inputs.of(planets)
    >>> inputs.names
    ('t_global_k', 'period_day')
    >>> inputs.distance(planets[0])
    0.0
    """

    names: tuple[str, ...]
    mean: Array
    spread: Array
    constants: dict[str, float]
    points: Array
    ties: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, planets: Sequence[Planet]) -> Inputs:
        """Inputs of a grid; a parameter that does not vary on its own is dropped with a warning.

        Parameters
        ----------
        planets : sequence of Planet
            At least two.

        Returns
        -------
        Inputs
        """
        if len(planets) < 2:
            raise ValueError(
                f"an emulator needs at least two planets, found {len(planets)}: one climate says "
                "nothing of how climates differ"
            )
        logs = {name: np.array([_raw(one, name) for one in planets]) for name in INPUTS}
        names: list[str] = []
        constants: dict[str, float] = {}
        ties: dict[str, list[float]] = {}
        for name, values in logs.items():
            if np.ptp(values) < _CONSTANT:
                constants[name] = float(values[0])
                if name in ("t_global_k", "period_day"):
                    warnings.warn(f"all planets have the same {INPUTS[name]}; it is no input",
                                  stacklevel=3)  # fmt: skip
                continue
            tie = _tie(values, [logs[one] for one in names])
            if names and tie is not None:
                ties[name] = tie
                warnings.warn(
                    f"the {INPUTS[name]} follows from the {INPUTS[names[0]]} (all planets have "
                    "the same host?); it is no input",
                    stacklevel=3,
                )
                continue
            names.append(name)
        raw = np.stack([logs[name] for name in names], axis=1)
        mean, spread = raw.mean(axis=0), raw.std(axis=0)
        return cls(tuple(names), mean, spread, constants, (raw - mean) / spread, ties)

    def standardised(self, planets: Sequence[Planet]) -> Array:
        """Inputs of planets.

        Parameters
        ----------
        planets : sequence of Planet
            Any.

        Returns
        -------
        ndarray, shape (m, d)
        """
        raw = np.array([[_raw(one, name) for name in self.names] for one in planets])
        return np.asarray((raw - self.mean) / self.spread)

    def distance(self, planet: Planet) -> float:
        """Distance to the convex hull of the grid, in standard deviations of its parameters.

        Parameters
        ----------
        planet : Planet
            Any.

        Returns
        -------
        float
            0 inside. A parameter that is constant in the grid counts by its logarithm.
        """
        off = hull_distance(self.points, self.standardised([planet])[0])
        beside = [_raw(planet, name) - value for name, value in self.constants.items()]
        known = [_raw(planet, name) for name in self.names] + [1.0]
        for name, tie in self.ties.items():
            slopes = [*tie[:-1], *[0.0] * (len(known) - len(tie)), tie[-1]]
            beside.append(_raw(planet, name) - float(np.dot(slopes, known)))
        total = float(np.sqrt(off**2 + np.sum(np.square(beside))))
        return total if total > 1e-3 else 0.0


def hull_distance(points: Array, point: Array) -> float:
    """Distance of a point to the convex hull of others.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        The others.
    point : ndarray, shape (d,)
        The point.

    Returns
    -------
    float
        0 inside.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> round(hull_distance(square, np.array([0.5, 0.5])), 3)
    0.0
    >>> round(hull_distance(square, np.array([2.0, 0.5])), 3)
    1.0
    """
    from scipy.optimize import nnls

    # Weights of the hull's corners are positive and sum to one; the last row holds them to it.
    heavy = 1e4
    matrix = np.vstack([points.T, np.full(len(points), heavy)])
    weights, _ = nnls(matrix, np.append(point, heavy), maxiter=50 * len(points))
    off = point - (weights / max(weights.sum(), 1e-12)) @ points
    return float(np.sqrt(off @ off))


def _raw(planet: Planet, name: str) -> float:
    value = float(getattr(planet, name))
    return value if name in _LINEAR else float(np.log(value))


def _tie(values: Array, others: list[Array]) -> list[float] | None:
    """Slopes and intercept, where a parameter is a linear function of others; else None."""
    matrix = np.stack([*others, np.ones_like(values)], axis=1)
    found = np.linalg.lstsq(matrix, values, rcond=None)[0]
    left = values - matrix @ found
    return found.tolist() if np.std(left) < _COLLINEAR * np.std(values) else None
