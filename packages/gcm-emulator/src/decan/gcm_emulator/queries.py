"""Parameters of a known planet from the NASA Exoplanet Archive."""

from __future__ import annotations

import math

from decan.core.data.remote import tap_query
from decan.core.errors import DataNotAvailable, SchemaError

from .planets import G_NEWTON, R_JUP_M, Planet

__all__ = ["query_planet"]

_SERVICE = "https://exoplanetarchive.ipac.caltech.edu/TAP/sync"
_JUPITER_KG = 1.89813e27
_NEEDED = ("pl_orbper", "pl_radj", "pl_bmassj", "st_teff", "st_rad", "st_mass")


def query_planet(name: str, *, service: str = _SERVICE) -> Planet:
    """A planet by its name, with the composite parameters of the archive.

    Parameters
    ----------
    name : str
        As the archive writes it: ``WASP-121 b``.
    service : str
        Address of the TAP service.

    Returns
    -------
    Planet
        Gravity from mass and radius; global temperature from orbit and star, not the
        archive's equilibrium temperature, which comes with albedos of many kinds.

    Raises
    ------
    DataNotAvailable
        If the archive does not answer or knows no such planet.
    SchemaError
        If a parameter is missing there; it is named, and never filled in.

    Examples
    --------
    >>> head = "pl_name,pl_orbper,pl_radj,pl_bmassj,st_teff,st_rad,st_mass"
    >>> row = "WASP-121 b,1.2749,1.753,1.157,6776,1.44,1.38"
    >>> query_planet("WASP-121 b", service=f"data:text/csv,{head}%0A{row}".replace(" ", "%20"))
    Planet(WASP-121 b: 2450 K, 1.27 d, star 6776 K)
    """
    quoted = name.replace("'", "''")
    found = tap_query(
        service, f"select pl_name,{','.join(_NEEDED)} from pscomppars where pl_name='{quoted}'"
    )
    if not len(found):
        raise DataNotAvailable(f"the Exoplanet Archive knows no planet '{name}'")
    row = {key: float(found[key].iloc[0]) for key in _NEEDED}
    lacking = [key for key, value in row.items() if not math.isfinite(value)]
    if lacking:
        raise SchemaError(f"{name}: the Exoplanet Archive gives no {', '.join(lacking)}")
    radius_m = row["pl_radj"] * R_JUP_M
    return Planet.on_orbit(
        row["pl_orbper"], t_star_k=row["st_teff"], r_star_rsun=row["st_rad"],
        m_star_msun=row["st_mass"], radius_rjup=row["pl_radj"], name=name,
        gravity_ms2=G_NEWTON * row["pl_bmassj"] * _JUPITER_KG / radius_m**2,
    )  # fmt: skip
