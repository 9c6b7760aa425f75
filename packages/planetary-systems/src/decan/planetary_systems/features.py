"""Numbers that describe a whole system, by which samples of systems are compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .orbits import amd_stable
from .systems import Systems

__all__ = ["SPACING_FEATURES", "neighbour_table", "system_features"]

SPACING_FEATURES = (
    "median_log_ratio",
    "sd_log_ratio",
    "min_log_ratio",
    "max_log_ratio",
    "log_min_spacing",
    "log_median_spacing",
)
"""Features that see how planets are spaced: where a grid gives itself away."""


def system_features(systems: Systems) -> pd.DataFrame:
    """Twenty-three numbers of each system.

    Parameters
    ----------
    systems : Systems
        Systems without planets have no features: leave them out.

    Returns
    -------
    DataFrame
        One row a system: multiplicity, masses (log10, Earth), places (log10 a, au),
        period ratios (log10), distances in mutual Hill radii. What one planet alone does
        not have is -1.

    Raises
    ------
    ValueError
        If a system has no planet.

    Examples
    --------
    >>> system_features(Systems.from_planets([([1.0], [1.0])])).shape
    (1, 23)
    """
    if (systems.counts == 0).any():
        raise ValueError(
            f"{(systems.counts == 0).sum()} systems have no planet and so no features; "
            "leave them out: systems[systems.counts > 0]"
        )
    n, of = len(systems), systems.system_of_planet
    first, last = systems.offsets[:-1], systems.offsets[1:] - 1
    a, m, mass = systems.log_a, systems.log_m, systems.mass_earth
    total = systems.total_mass
    heaviest = np.lexsort((m, of))[last]
    columns = {
        "n": systems.counts.astype(float),
        "log_total_mass": np.log10(total),
        "log_max_mass": m[heaviest],
        "log_a_heaviest": a[heaviest],
        "mean_log_m": _mean(m, of, n),
        "sd_log_m": _spread(m, of, n),
        "log_a_inner": a[first],
        "log_a_outer": a[last],
        "mean_log_a": _mean(a, of, n),
        "sd_log_a": _spread(a, of, n),
    }
    pairs = neighbour_table(systems)
    by_pair = pairs.groupby("system")
    for name, values in (
        ("median_log_ratio", by_pair["log_ratio"].median()),
        ("sd_log_ratio", by_pair["log_ratio"].std(ddof=0)),
        ("min_log_ratio", by_pair["log_ratio"].min()),
        ("max_log_ratio", by_pair["log_ratio"].max()),
    ):
        columns[name] = values.reindex(range(n)).fillna(-1.0).to_numpy()
    columns["mass_correlation"] = _correlation(pairs, systems)
    columns["n_giants"] = np.bincount(of, mass > 100, minlength=n)
    columns["n_super_earths"] = np.bincount(of, (mass > 1) & (mass < 10), minlength=n)
    columns["mass_weighted_log_a"] = np.bincount(of, mass * a, minlength=n) / total
    spacing = pd.Series(np.log10(np.maximum(pairs["spacing"].to_numpy(), 1e-3))).groupby(
        pairs["system"]
    )
    columns["log_min_spacing"] = spacing.min().reindex(range(n)).fillna(-1.0).to_numpy()
    columns["log_median_spacing"] = spacing.median().reindex(range(n)).fillna(-1.0).to_numpy()
    columns["log_m_first"], columns["log_m_last"] = m[first], m[last]
    columns["share_embryos"] = np.bincount(of, mass < 0.1, minlength=n) / systems.counts
    return pd.DataFrame(columns)


def neighbour_table(systems: Systems) -> pd.DataFrame:
    """One row for each pair of neighbouring planets.

    Parameters
    ----------
    systems : Systems

    Returns
    -------
    DataFrame
        ``system`` (its number), ``log_m_inner``, ``log_m_outer``, ``log_ratio`` (log10 of
        the period ratio), ``next_log_ratio`` (of the next pair, NaN at the end) and
        ``spacing`` (mutual Hill radii).

    Examples
    --------
    >>> pair = neighbour_table(Systems.from_planets([([1.0, 2.0], [1.0, 1.0])]))
    >>> pair["log_ratio"].round(3).tolist()
    [0.452]
    """
    inner, spacing = systems.hill_spacing()
    of = systems.system_of_planet
    ratio = 1.5 * (systems.log_a[inner + 1] - systems.log_a[inner]) if len(inner) else np.empty(0)
    follows = np.zeros(len(inner), dtype=bool)
    follows[:-1] = of[inner[1:]] == of[inner[:-1]]
    after = np.where(follows, np.append(ratio[1:], np.nan)[: len(ratio)], np.nan)
    return pd.DataFrame(
        {
            "system": of[inner],
            "log_m_inner": systems.log_m[inner],
            "log_m_outer": systems.log_m[inner + 1] if len(inner) else np.empty(0),
            "log_ratio": ratio,
            "next_log_ratio": after,
            "spacing": spacing,
        }
    )


def stability_shares(systems: Systems, *, eccentricity: float = 0.05) -> dict[str, float]:
    """Shares of systems with planets that have a close pair, or one unstable by AMD.

    Parameters
    ----------
    systems : Systems
        Circular orbits are assumed, which flatters stability.
    eccentricity : float
        Common eccentricity for the angular momentum deficit.

    Returns
    -------
    dict
        ``below 2 sqrt 3``, ``below 8`` and ``below 10`` mutual Hill radii, and
        ``AMD unstable``.
    """
    with_planets = systems[systems.counts > 0]
    n, pairs = len(with_planets), neighbour_table(with_planets)
    closest = pairs.groupby("system")["spacing"].min().reindex(range(n)).to_numpy()
    shares = {
        f"below {words}": float((closest < limit).mean()) if n else np.nan
        for words, limit in (("2 sqrt 3", 2 * np.sqrt(3)), ("8", 8.0), ("10", 10.0))
    }
    of = with_planets.system_of_planet
    stability = amd_stable(of, with_planets.a_au, with_planets.mass_earth, eccentricity)
    unstable = np.bincount(of[stability["inner"]], ~stability["stable"], minlength=n) > 0
    return {**shares, "AMD unstable": float(unstable.mean()) if n else np.nan}


def _mean(x: NDArray[np.float64], of: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(of, x, minlength=n) / np.bincount(of, minlength=n))


def _spread(x: NDArray[np.float64], of: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    mean = _mean(x, of, n)
    return np.asarray(np.sqrt(_mean((x - mean[of]) ** 2, of, n)))


def _correlation(pairs: pd.DataFrame, systems: Systems) -> NDArray[np.float64]:
    """Correlation of neighbours' log M in systems of more than three planets, else 0."""
    n = len(systems)
    x, y, of = (pairs[c].to_numpy() for c in ("log_m_inner", "log_m_outer", "system"))
    count = np.maximum(np.bincount(of, minlength=n), 1)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(of, values, minlength=n) / count)

    dx, dy = x - mean(x)[of], y - mean(y)[of]
    scale = np.sqrt(mean(dx**2) * mean(dy**2))
    value = np.where(scale > 1e-12, mean(dx * dy) / np.maximum(scale, 1e-12), 0.0)
    return np.where(systems.counts > 3, value, 0.0)
