"""Simulated systems with known truth: clusters of planets, and a toy formation model.

``simulate_clustered`` follows the architecture that reproduces Kepler's planets: planets in
clusters of like size and period, spaced by Hill radii, with eccentricities at the edge of
stability by angular momentum deficit. ``simulate_formation`` grows planets out of discs by a
few rules, so that the disc is known. Both are models of their own, not observations.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from . import orbits
from .systems import Systems

__all__ = ["simulate_clustered", "simulate_formation"]

_SPACING = 10.0
_TRIES = 100
_MOST = 20
FloatArray = NDArray[np.float64]


def simulate_clustered(
    n: int, *, bp_rp: float = 0.81, rng: np.random.Generator | int | None = None
) -> Systems:
    """Systems of clustered planets around stars like the Sun.

    Parameters
    ----------
    n : int
        Systems; some have no planet.
    bp_rp : float
        Colour of the star: redder ones have planets more often.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Systems
        ``planets`` holds radius (Earth radii), eccentricity, inclination to the system's
        plane (rad) and cluster.

    References
    ----------
    He, Ford & Ragozzine 2020, AJ 160, 276 (arXiv 2007.14473). Masses from radii by a
    power law with scatter of our own: M = R^3.7 below 1.6 Earth radii, 2.3 R^1.9 above,
    0.15 dex.

    Examples
    --------
    >>> systems = simulate_clustered(100, rng=0)
    >>> bool((systems.hill_spacing()[1] > 9.9).all())
    True
    """
    rng = np.random.default_rng(rng)
    share = np.clip(0.88 + 0.9 * (bp_rp - 0.81), 0, 1)
    clusters = np.where(rng.uniform(size=n) < share, _positive_poisson(0.9, n, rng), 0)
    log_p = np.full((n, _MOST), np.inf)
    mass, radius = np.zeros((n, _MOST)), np.zeros((n, _MOST))
    label = np.full((n, _MOST), -1)
    filled = np.zeros(n, dtype=np.int64)
    for number in range(int(clusters.max(initial=0))):
        rows = np.flatnonzero(clusters > number)
        size = np.minimum(_positive_poisson(1.65, rows.size, rng), _MOST - filled[rows])
        rows, size = rows[size > 0], size[size > 0]
        r, m = _cluster_sizes(rows.size, rng)
        places, fits = _cluster_places(size, m, log_p[rows], mass[rows], rng)
        rows, size, r, m, places = rows[fits], size[fits], r[fits], m[fits], places[fits]
        for j in range(int(size.max(initial=0))):
            has = size > j
            at = filled[rows[has]] + j
            log_p[rows[has], at], mass[rows[has], at] = places[has, j], m[has, j]
            radius[rows[has], at], label[rows[has], at] = r[has, j], number
        filled[rows] += size
    order = np.argsort(log_p, axis=1)
    inside = np.arange(_MOST) < filled[:, None]
    log_p, mass, radius, label = (
        np.take_along_axis(x, order, 1)[inside] for x in (log_p, mass, radius, label)
    )
    log_a = np.log10(orbits.semi_major_axis_au(10**log_p, 1.0))
    systems = Systems(
        filled, log_a, np.log10(mass), context=pd.DataFrame({"star_mass": np.ones(n)}),
        planets=pd.DataFrame({"radius": radius, "cluster": label}),
    )  # fmt: skip
    e, i = _excited(systems, rng)
    systems.planets["eccentricity"], systems.planets["inclination"] = e, i
    return systems


def simulate_formation(
    n: int, *, n_embryos: int = 20, rng: np.random.Generator | int | None = None
) -> Systems:
    """Systems grown out of discs by a few rules.

    Embryos lie log-uniform between the disc's inner edge and 30 au and take the solids
    around them; neighbours closer than ten mutual Hill radii merge until none is left;
    cores above ten Earth masses take gas while there is some.

    Parameters
    ----------
    n : int
        Systems, one a disc.
    n_embryos : int
        Embryos a disc.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Systems
        Context: ``star_mass``, ``disc_solid_mass`` (Earth masses), ``disc_r_in`` (au),
        ``disc_gas_time`` (Myr), ``disc_id``.

    Examples
    --------
    >>> systems = simulate_formation(50, rng=0)
    >>> bool((systems.hill_spacing()[1] > 9.9).all())
    True
    """
    rng = np.random.default_rng(rng)
    solid = np.exp(rng.normal(np.log(100), 0.8, n))
    inner = np.exp(rng.normal(np.log(0.05), 0.4, n))
    gas = np.exp(rng.normal(np.log(3), 0.4, n))
    x = (
        np.log10(inner)[:, None]
        + rng.uniform(size=(n, n_embryos)) * (np.log10(30) - np.log10(inner))[:, None]
    )
    x = np.sort(x, axis=1)
    weight = 10 ** (0.5 * x) * np.exp(rng.normal(0, 0.5, x.shape))
    # Half of the solids end in planets, more where there are more.
    used = np.clip(0.3 + 0.2 * np.log10(solid / 100), 0.05, 0.8)
    m = np.maximum((solid * used)[:, None] * weight / weight.sum(1, keepdims=True), 0.01)
    x, m, counts = _merged(x, m)
    grows = m > 10
    left = np.maximum(gas[:, None] - rng.exponential(2.5, m.shape), 0)
    m = np.where(grows, m * (1 + 8 * left), m)
    x, m, counts = _merged(x, m, counts)
    inside = np.arange(m.shape[1]) < counts[:, None]
    context = pd.DataFrame(
        {
            "star_mass": 1.0,
            "disc_solid_mass": solid,
            "disc_r_in": inner,
            "disc_gas_time": gas,
            "disc_id": np.arange(n),
        }
    )
    return Systems(counts, x[inside], np.log10(m[inside]), context=context)


def _positive_poisson(mean: float, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Poisson numbers above zero, at most twenty."""
    u = rng.uniform(np.exp(-mean), 1, size=n)
    from scipy.stats import poisson

    return np.minimum(poisson.ppf(u, mean).astype(np.int64), _MOST)


def _cluster_sizes(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Radii (Earth radii) and masses (Earth masses) of clusters, shape (n, 20)."""
    scale = _broken_power_law(n, 0.5, 3.0, 10.0, -1.4, -5.2, rng)
    radius = np.clip(scale[:, None] * np.exp(rng.normal(0, 0.3, (n, _MOST))), 0.5, 10)
    mass = np.where(radius < 1.6, radius**3.7, 2.3 * radius**1.9)
    return radius, mass * 10 ** rng.normal(0, 0.15, radius.shape)


def _broken_power_law(
    n: int, low: float, at: float, high: float, first: float, second: float,
    rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """Numbers whose density has two slopes (indices of dN/dR)."""

    def integral(a: float, b: float, slope: float) -> float:
        return (b ** (slope + 1) - a ** (slope + 1)) / (slope + 1)

    inner, outer = integral(low, at, first), integral(at, high, second) * at ** (first - second)
    u = rng.uniform(size=n)
    left = rng.uniform(size=n) < inner / (inner + outer)
    one = (low ** (first + 1) + u * (at ** (first + 1) - low ** (first + 1))) ** (1 / (first + 1))
    two = (at ** (second + 1) + u * (high ** (second + 1) - at ** (second + 1))) ** (
        1 / (second + 1)
    )
    return np.where(left, one, two)


def _cluster_places(
    size: NDArray[np.int64], m: FloatArray, log_p: FloatArray, mass: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, NDArray[np.bool_]]:  # fmt: skip
    """log10 periods of a new cluster beside what is there, and whether a place was found."""
    n = len(size)
    width = 0.25 * size[:, None] / np.log(10)
    inside = np.arange(_MOST) < size[:, None]
    shape = np.full((n, _MOST), np.inf)
    ready = np.zeros(n, dtype=bool)
    for _ in range(_TRIES):
        todo = np.flatnonzero(~ready)
        if not todo.size:
            break
        trial = np.where(inside[todo], rng.normal(0, 1, (todo.size, _MOST)) * width[todo], np.inf)
        good = _spaced(trial, m[todo])
        shape[todo[good]], ready[todo[good]] = trial[good], True
    found = np.full((n, _MOST), np.inf)
    placed = np.zeros(n, dtype=bool)
    for _ in range(_TRIES):
        todo = np.flatnonzero(ready & ~placed)
        if not todo.size:
            break
        # Uniform in the period itself: the index is that of dN/dP.
        scale = np.log10(rng.uniform(3, 300, todo.size))[:, None]
        trial = shape[todo] + scale
        finite = np.isfinite(trial)
        within = ((trial > np.log10(3)) & (trial < np.log10(300)) | ~finite).all(1)
        both = np.concatenate([log_p[todo], trial], 1)
        good = within & _spaced(both, np.concatenate([mass[todo], m[todo]], 1))
        found[todo[good]], placed[todo[good]] = trial[good], True
    return found, placed


def _spaced(log_p: FloatArray, mass: FloatArray) -> NDArray[np.bool_]:
    """Whether all neighbours are ten mutual Hill radii apart; inf is no planet."""
    order = np.argsort(log_p, axis=1)
    p, m = np.take_along_axis(log_p, order, 1), np.take_along_axis(mass, order, 1)
    real = np.isfinite(p[:, 1:])
    a = 10 ** np.where(np.isfinite(p), p * (2 / 3), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        hill = (
            np.cbrt((m[:, 1:] + m[:, :-1]) * orbits.EARTH_IN_SUN / 3) * (a[:, 1:] + a[:, :-1]) / 2
        )
        spacing = (a[:, 1:] - a[:, :-1]) / hill
    return np.asarray(((spacing > _SPACING) | ~real).all(1))


def _excited(systems: Systems, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Eccentricities and inclinations: the critical deficit, shared per unit mass."""
    n, of = systems.n_planets, systems.system_of_planet
    a, m = systems.a_au, systems.mass_earth
    momentum = m * np.sqrt(a)
    stability = orbits.amd_stable(of, a, m)
    inner = stability["inner"]
    critical = np.full(len(systems), np.inf)
    np.minimum.at(critical, of[inner], stability["critical"] * momentum[inner + 1])
    total = np.bincount(of, m, minlength=len(systems))
    relative = np.minimum(critical[of] * m / total[of] / momentum, 0.9)
    part = rng.uniform(size=n)
    e = np.sqrt(np.clip(1 - (1 - part * relative) ** 2, 0, 0.95))
    i = np.arccos(np.clip(1 - (1 - part) * relative, -1, 1))
    single = systems.counts[of] == 1
    e[single] = np.minimum(rng.rayleigh(0.25, int(single.sum())), 0.95)
    i[single] = 0.0
    return e, i


def _merged(
    x: FloatArray, m: FloatArray, counts: NDArray[np.int64] | None = None
) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Merge the closest pair of each system until all are ten Hill radii apart."""
    n, width = x.shape
    counts = np.full(n, width) if counts is None else counts.copy()
    x, m = x.copy(), m.copy()
    for _ in range(width):
        pair = np.arange(width - 1) < counts[:, None] - 1
        a = 10**x
        hill = (
            np.cbrt((m[:, 1:] + m[:, :-1]) * orbits.EARTH_IN_SUN / 3) * (a[:, 1:] + a[:, :-1]) / 2
        )
        spacing = np.where(pair, (a[:, 1:] - a[:, :-1]) / hill, np.inf)
        at = spacing.argmin(1)
        rows = np.flatnonzero(spacing[np.arange(n), at] <= _SPACING)
        if not rows.size:
            break
        k = at[rows]
        total = m[rows, k] + m[rows, k + 1]
        x[rows, k] = (x[rows, k] * m[rows, k] + x[rows, k + 1] * m[rows, k + 1]) / total
        m[rows, k] = total
        # Those outside move one place inwards.
        place = np.arange(width)[None, :]
        source = np.minimum(np.where(place > k[:, None], place + 1, place), width - 1)
        x[rows], m[rows] = (
            np.take_along_axis(x[rows], source, 1), np.take_along_axis(m[rows], source, 1)
        )  # fmt: skip
        counts[rows] -= 1
    return x, m, counts
