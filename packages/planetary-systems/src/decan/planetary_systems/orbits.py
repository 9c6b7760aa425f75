"""Orbits and masses: Kepler's third law, velocities, temperatures, spacing, stability.

Masses of planets are in Earth masses, of stars in solar masses, semi-major axes in au,
periods in days. Systems are arrays of planets with the index of their system, sorted by
semi-major axis within a system; nothing loops over systems.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EARTH_IN_SUN",
    "JUPITER_IN_EARTH",
    "amd_stable",
    "earth_like",
    "equilibrium_temperature",
    "hill_spacing",
    "luminosity",
    "period_day",
    "rv_semi_amplitude",
    "semi_major_axis_au",
]

EARTH_IN_SUN = 3.0034896e-6
"""Mass of the Earth in solar masses (IAU 2015 nominal values)."""

JUPITER_IN_EARTH = 317.828
"""Mass of Jupiter in Earth masses."""

_YEAR_DAY = 365.256898
_K_EARTH_M_S = 0.0894588
FloatArray = NDArray[np.float64]


def period_day(a_au: ArrayLike, star_mass: ArrayLike, mass_earth: ArrayLike = 0.0) -> FloatArray:
    """Orbital period by Kepler's third law.

    Parameters
    ----------
    a_au : array_like
        Semi-major axis, au.
    star_mass : array_like
        Mass inside the orbit, solar masses: of both stars where the planet orbits two.
    mass_earth : array_like
        Mass of the planet, Earth masses.

    Returns
    -------
    ndarray
        Days.

    Examples
    --------
    >>> period_day(1.0, 1.0).round(2)
    np.float64(365.26)
    """
    total = np.asarray(star_mass, float) + np.asarray(mass_earth, float) * EARTH_IN_SUN
    period: FloatArray = _YEAR_DAY * np.sqrt(np.asarray(a_au, float) ** 3 / total)
    return period


def semi_major_axis_au(
    period: ArrayLike, star_mass: ArrayLike, mass_earth: ArrayLike = 0.0
) -> FloatArray:
    """Semi-major axis by Kepler's third law.

    Parameters
    ----------
    period : array_like
        Orbital period, days.
    star_mass : array_like
        Mass inside the orbit, solar masses: of both stars where the planet orbits two.
    mass_earth : array_like
        Mass of the planet, Earth masses.

    Returns
    -------
    ndarray
        au.

    Examples
    --------
    Kepler-1647 b orbits two stars; the mass of one alone would give 2.24 au.

    >>> semi_major_axis_au(1107.5923, 1.2207 + 0.9678).round(2)
    np.float64(2.72)
    """
    total = np.asarray(star_mass, float) + np.asarray(mass_earth, float) * EARTH_IN_SUN
    axis: FloatArray = np.cbrt(total * (np.asarray(period, float) / _YEAR_DAY) ** 2)
    return axis


def rv_semi_amplitude(
    a_au: ArrayLike,
    mass_earth: ArrayLike,
    star_mass: ArrayLike,
    *,
    sin_i: ArrayLike = 1.0,
    eccentricity: ArrayLike = 0.0,
) -> FloatArray:
    """Semi-amplitude of the star's radial velocity.

    Parameters
    ----------
    a_au, mass_earth, star_mass : array_like
        Semi-major axis (au), mass of the planet (Earth masses) and star (solar masses).
    sin_i : array_like
        Sine of the inclination.
    eccentricity : array_like
        Eccentricity.

    Returns
    -------
    ndarray
        m/s.

    Examples
    --------
    >>> rv_semi_amplitude(1.0, 1.0, 1.0).round(4), rv_semi_amplitude(5.2, 317.8, 1.0).round(1)
    (np.float64(0.0895), np.float64(12.5))
    """
    mass, star = np.asarray(mass_earth, float), np.asarray(star_mass, float)
    total = star + mass * EARTH_IN_SUN
    shape = np.sqrt(1 - np.asarray(eccentricity, float) ** 2)
    velocity: FloatArray = (
        _K_EARTH_M_S * mass * np.asarray(sin_i, float)
        / np.sqrt(total * np.asarray(a_au, float)) / shape
    )  # fmt: skip
    return velocity


def luminosity(star_mass: ArrayLike) -> FloatArray:
    """Luminosity of a main-sequence star by its mass.

    Parameters
    ----------
    star_mass : array_like
        Solar masses.

    Returns
    -------
    ndarray
        Solar luminosities: 0.23 M^2.3 below 0.43 solar masses, M^4 above.

    Examples
    --------
    >>> luminosity([1.0, 0.2]).round(4)
    array([1.    , 0.0057])
    """
    mass = np.asarray(star_mass, float)
    return np.asarray(np.where(mass < 0.43, 0.23 * mass**2.3, mass**4))


def equilibrium_temperature(a_au: ArrayLike, luminosity_sun: ArrayLike = 1.0) -> FloatArray:
    """Equilibrium temperature of a black planet, 279 K at 1 au from the Sun.

    Parameters
    ----------
    a_au : array_like
        Semi-major axis, au.
    luminosity_sun : array_like
        Luminosity of the star, solar.

    Returns
    -------
    ndarray
        Kelvin.

    Examples
    --------
    >>> equilibrium_temperature([1.0, 4.0])
    array([279. , 139.5])
    """
    axis = np.asarray(a_au, float)
    return np.asarray(279.0 * axis**-0.5 * np.asarray(luminosity_sun, float) ** 0.25)


def earth_like(
    a_au: ArrayLike, mass_earth: ArrayLike, luminosity_sun: ArrayLike = 1.0
) -> NDArray[np.bool_]:
    """Whether planets are Earth-like: 0.5 to 3 Earth masses, 160 to 510 K.

    Parameters
    ----------
    a_au, mass_earth : array_like
        Semi-major axis (au) and mass (Earth masses).
    luminosity_sun : array_like
        Luminosity of the star, solar.

    Returns
    -------
    ndarray of bool

    References
    ----------
    Davoult et al. 2025, A&A 696, A94 (the definition).

    Examples
    --------
    >>> earth_like([1.0, 1.0, 5.2], [1.0, 17.0, 1.0])
    array([ True, False, False])
    """
    mass = np.asarray(mass_earth, float)
    temperature = equilibrium_temperature(a_au, luminosity_sun)
    inside = (mass >= 0.5) & (mass <= 3) & (temperature >= 160) & (temperature <= 510)
    return np.asarray(inside)


def hill_spacing(
    system: ArrayLike, a_au: ArrayLike, mass_earth: ArrayLike, star_mass: ArrayLike = 1.0
) -> tuple[NDArray[np.int64], FloatArray]:
    """Distance of neighbouring planets in mutual Hill radii.

    Parameters
    ----------
    system : array_like, shape (n,)
        Number of the system of each planet, planets of a system together.
    a_au, mass_earth : array_like, shape (n,)
        Semi-major axes (au), increasing within a system, and masses (Earth masses).
    star_mass : array_like
        Solar masses, one value or one a planet.

    Returns
    -------
    inner : ndarray of int, shape (n_pairs,)
        Index of the inner planet of each pair.
    spacing : ndarray, shape (n_pairs,)
        Distance in units of ((m1 + m2) / 3 M)^(1/3) (a1 + a2) / 2.

    References
    ----------
    Gladman 1993, Icarus 106, 247: pairs on circular orbits are stable above 2 sqrt 3.

    Examples
    --------
    >>> inner, spacing = hill_spacing([0, 0, 1], [1.0, 1.1, 2.0], [1.0, 1.0, 5.0])
    >>> inner, spacing.round(1)
    (array([0]), array([7.6]))
    """
    system, a, m = np.asarray(system), np.asarray(a_au, float), np.asarray(mass_earth, float)
    star = np.broadcast_to(np.asarray(star_mass, float), a.shape)
    inner = np.flatnonzero(system[1:] == system[:-1])
    mass = (m[inner] + m[inner + 1]) * EARTH_IN_SUN / star[inner]
    radius = np.cbrt(mass / 3) * (a[inner] + a[inner + 1]) / 2
    return inner, (a[inner + 1] - a[inner]) / radius


def amd_stable(
    system: ArrayLike,
    a_au: ArrayLike,
    mass_earth: ArrayLike,
    eccentricity: ArrayLike = 0.0,
    *,
    star_mass: ArrayLike = 1.0,
) -> dict[str, Any]:
    """Stability by angular momentum deficit, coplanar, collisions of neighbours.

    A pair is stable where the system's deficit, all of it given to the pair, cannot
    bring the orbits to touch.

    Parameters
    ----------
    system, a_au, mass_earth : array_like, shape (n,)
        As in :func:`hill_spacing`.
    eccentricity : array_like
        Eccentricities; 0 makes every ordered system stable, so give them.
    star_mass : array_like
        Solar masses.

    Returns
    -------
    dict
        ``inner``: index of the inner planet of each pair; ``critical``: critical deficit
        of the pair relative to the outer planet's angular momentum; ``deficit``: the
        system's in the same unit; ``stable``: bool of each pair.

    References
    ----------
    Laskar & Petit 2017, A&A 605, A72, equations 29 and 35.

    Examples
    --------
    >>> amd_stable([0, 0], [1.0, 1.5], [1.0, 1.0], 0.01)["stable"]
    array([ True])
    """
    system, a, m = np.asarray(system), np.asarray(a_au, float), np.asarray(mass_earth, float)
    e = np.broadcast_to(np.asarray(eccentricity, float), a.shape)
    star = np.broadcast_to(np.asarray(star_mass, float), a.shape)
    inner = np.flatnonzero(system[1:] == system[:-1])
    alpha, gamma = a[inner] / a[inner + 1], m[inner] / m[inner + 1]
    critical = critical_deficit(alpha, gamma)
    momentum = m * np.sqrt(a * star)
    _, code = np.unique(system, return_inverse=True)
    total = np.bincount(code, momentum * (1 - np.sqrt(1 - e**2)))
    deficit = total[code[inner]] / momentum[inner + 1]
    return {
        "inner": inner,
        "critical": critical,
        "deficit": deficit,
        "stable": deficit < critical,
    }


def critical_deficit(alpha: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """Smallest relative deficit at which two coplanar orbits can touch.

    Parameters
    ----------
    alpha : array_like in (0, 1)
        Ratio of the semi-major axes.
    gamma : array_like
        Ratio of the masses, inner over outer.

    Returns
    -------
    ndarray
        In units of the outer planet's circular angular momentum.

    Examples
    --------
    >>> critical_deficit(0.5, 1.0).round(4)
    np.float64(0.0953)
    """
    alpha, gamma = np.asarray(alpha, float), np.asarray(gamma, float)
    low, high = np.zeros(np.broadcast(alpha, gamma).shape), np.minimum(1.0, 1 / alpha - 1)
    high = np.broadcast_to(high, low.shape).copy()

    def outer(e: FloatArray) -> FloatArray:
        return np.asarray(np.clip(1 - alpha * (1 + e), 0, 1))

    for _ in range(60):  # bisection: the condition rises monotonically with e
        e = (low + high) / 2
        excess = alpha * e + gamma * e / np.sqrt(
            np.maximum(alpha * (1 - e**2) + gamma**2 * e**2, 1e-300)
        ) - 1 + alpha  # fmt: skip
        low, high = np.where(excess < 0, e, low), np.where(excess < 0, high, e)
    e = (low + high) / 2
    e2 = outer(e)
    value: FloatArray = gamma * np.sqrt(alpha) * (1 - np.sqrt(1 - e**2)) + 1 - np.sqrt(1 - e2**2)
    return value
