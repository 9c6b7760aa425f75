"""A few named systems as published facts, so that they are at hand everywhere."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .surveys import Star
from .systems import Systems

__all__ = ["NAMED_SYSTEMS", "named_systems", "toi469"]

NAMED_SYSTEMS = {
    "Solar System": (
        1.0,
        (0.387, 0.723, 1.0, 1.524, 5.203, 9.537, 19.19, 30.07),
        (0.0553, 0.815, 1.0, 0.107, 317.8, 95.16, 14.54, 17.15),
        "NASA planetary fact sheets",
    ),
    "TRAPPIST-1": (
        0.0898,
        (0.01154, 0.0158, 0.02227, 0.02925, 0.03849, 0.04683, 0.06189),
        (1.374, 1.308, 0.388, 0.692, 1.039, 1.321, 0.326),
        "Agol et al. 2021, PSJ 2, 1",
    ),
    "Kepler-90": (
        1.2,
        (0.074, 0.089, 0.123, 0.32, 0.42, 0.48, 0.71, 1.01),
        (2.3, 1.7, 2.4, 8.0, 7.0, 8.1, 15.0, 203.0),
        "Cabrera et al. 2014; Shallue & Vanderburg 2018; masses of the inner six by a "
        "mass-radius relation",
    ),
    "TOI-469": (
        0.901,
        (0.043888, 0.065359, 0.107861),
        (4.5, 5.14, 9.1),
        "Egger et al. 2024, A&A 688, A223; Damasso et al. 2023, A&A 679, A33",
    ),
}
"""Stellar mass (solar), semi-major axes (au), masses (Earth), and source, by name."""


def named_systems(*names: str) -> Systems:
    """Some of the named systems; all by default.

    Parameters
    ----------
    *names : str
        Of ``NAMED_SYSTEMS``.

    Returns
    -------
    Systems
        Context: ``star_mass``.

    Examples
    --------
    >>> named_systems("TRAPPIST-1").counts
    array([7])
    """
    wanted = names or tuple(NAMED_SYSTEMS)
    stars = [NAMED_SYSTEMS[name] for name in wanted]
    systems = Systems.from_planets(
        [(a, m) for _, a, m, _ in stars],
        context=pd.DataFrame({"star_mass": [mass for mass, *_ in stars]}),
    )
    systems.names = np.array(wanted)
    return systems


def toi469(*planets: str) -> tuple[pd.DataFrame, Star]:
    """TOI-469 (HIP 29442): its planets as a table of known planets, and the star.

    Parameters
    ----------
    *planets : {"b", "c", "d"}
        Which; all by default. Planet b was found first and lies outside c and d.

    Returns
    -------
    known : DataFrame
        ``planet``, ``period_day``, ``mass_earth``, ``mass_err_lo``, ``mass_err_hi``.
    star : Star

    References
    ----------
    Egger et al. 2024, A&A 688, A223; Damasso et al. 2023, A&A 679, A33.

    Examples
    --------
    >>> toi469("b")[0]["mass_earth"].tolist()
    [9.1]
    """
    table = pd.DataFrame(
        {
            "planet": ["c", "d", "b"],
            "period_day": [3.53796, 6.42957, 13.6308],
            "mass_earth": [4.5, 5.14, 9.1],
            "mass_err_lo": [0.32, 0.41, 0.79],
            "mass_err_hi": [0.32, 0.41, 0.82],
        }
    )
    star = Star(mass=0.901, radius=0.98, luminosity=0.676, name="TOI-469")
    return table[table["planet"].isin(planets or ("b", "c", "d"))].reset_index(drop=True), star
