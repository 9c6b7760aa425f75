"""Observed systems: the Exoplanet Archive and Kepler's candidates, with what to be wary of.

Half of the archive's masses come from a mass-radius relation, a fifth are minimum masses;
composite rows mix references. What is missing stays missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decan.core.data.numbers import as_frame
from decan.core.errors import SchemaError

from . import orbits
from .systems import Systems

__all__ = ["archive_systems", "mass_kinds"]

_NEEDED = ("pl_name", "hostname", "pl_orbper", "pl_bmasse", "pl_bmassprov")
_KINDS = {
    "Mass": "mass",
    "Msini": "msini",
    "Msin(i)/sin(i)": "mass",
    "M-R relationship": "relation",
}
_LIMITS = {1.0: "upper limit", -1.0: "lower limit"}


def mass_kinds(provenance: pd.Series) -> NDArray[Any]:
    """What the archive's masses are: ``mass``, ``msini``, ``relation`` or ``unknown``.

    Parameters
    ----------
    provenance : Series of str
        Column ``pl_bmassprov``.

    Returns
    -------
    ndarray of str

    Examples
    --------
    >>> mass_kinds(pd.Series(["Msini", "M-R relationship", None])).tolist()
    ['msini', 'relation', 'unknown']
    """
    return provenance.map(_KINDS).fillna("unknown").to_numpy(dtype=object)


def archive_systems(
    table: pd.DataFrame,
    *,
    min_planets: int = 1,
    complete: bool = False,
    leave_out: tuple[str, ...] = (),
) -> Systems:
    """Systems of a table of the NASA Exoplanet Archive (``pscomppars`` or ``ps``).

    Semi-major axes follow from period and stellar mass where both are there, otherwise
    the archive's value is taken. A planet around two stars (``cb_flag``) needs the mass
    of both in ``st_mass_total``, or a semi-major axis of the archive's: the mass of one
    star is never taken for both. What has neither is dropped and counted. Missing errors
    stay unknown, and masses that are limits (``pl_bmasselim``) are called so.

    Parameters
    ----------
    table : DataFrame, astropy Table, or mapping of str to column
        With the archive's column names.
    min_planets : int
        Systems with fewer are left out.
    complete : bool
        Whether every planet of a system must have a mass and a period.
    leave_out : tuple of str
        Hosts that must not be in it, by name.

    Returns
    -------
    Systems
        ``planets``: ``name``, ``period_day``, ``mass_kind`` (``mass``, ``msini``,
        ``relation``, ``upper limit``, ``lower limit`` or ``unknown``), ``method``,
        ``mass_err_lo``, ``mass_err_hi``. Context: ``star_mass``. ``dropped`` counts rows.
        Hosts that share a HIP, HD or TIC number are joined.

    Raises
    ------
    SchemaError
        If a column of the archive is missing: it is named.

    Examples
    --------
    >>> table = pd.DataFrame({"pl_name": ["X b"], "hostname": ["X"], "pl_orbper": [365.25],
    ...                       "pl_bmasse": [1.0], "pl_bmassprov": ["Mass"], "st_mass": [1.0]})
    >>> archive_systems(table).a_au.round(3)
    array([1.])
    """
    table = as_frame(table)
    for name in _NEEDED:
        if name not in table:
            raise SchemaError(f"archive table: column {name!r} is missing; has it been renamed?")
    work = table.reset_index(drop=True)
    controversial = _column(work, "pl_controv_flag") == 1
    gone = work["hostname"].isin(leave_out).to_numpy()
    single = _circumbinary_without_total(work)
    ready = _own_names(work)
    if complete:
        poor = ~np.isfinite(ready["mass"]) | ~(ready["period_day"] > 0)
        gone = gone | work["hostname"].isin(set(work["hostname"][poor])).to_numpy()
    kept = ready[~(controversial | gone | single)].reset_index(drop=True)
    systems = Systems.from_table(
        kept, system="hostname", a="a", period="period_day", mass="mass", star_mass="star_mass",
        mass_unit="earth",
        keep=["name", "period_day", "mass_kind", "method", "mass_err_lo", "mass_err_hi"],
    )  # fmt: skip
    for words, where in (
        ("controversial", controversial),
        ("circumbinary, mass of one star only", single),
        ("left out or incomplete host", gone),
    ):
        if where.any():
            systems.dropped[words] = int(where.sum())
    unknown = int(np.isnan(systems.planets["mass_err_lo"].to_numpy(float)).sum())
    if unknown:
        systems.notes["masses without error, point value used"] = unknown
    stars = np.isnan(systems.star_mass)
    if stars.any():
        some = [str(name) for name in systems.names[stars][:3]]
        rest = ", …" if stars.sum() > len(some) else ""
        systems.notes[f"stars of unknown mass ({', '.join(some)}{rest})"] = int(stars.sum())
    limits = int(systems.planets["mass_kind"].isin(list(_LIMITS.values())).sum())
    if limits:
        systems.notes["masses that are limits"] = limits
    names = [c for c in ("hip_name", "hd_name", "tic_id") if c in work]
    if names:
        of_host = work.groupby("hostname")[names].first()
        systems = systems.join_hosts(of_host.loc[systems.names].to_numpy())
    return systems[systems.counts >= min_planets]


def _own_names(work: pd.DataFrame) -> pd.DataFrame:
    """The columns that a system takes from the archive's; what is missing stays missing."""
    both = _column(work, "cb_flag") == 1
    star = np.where(both, _column(work, "st_mass_total"), _column(work, "st_mass"))
    days, mass = _column(work, "pl_orbper"), _column(work, "pl_bmasse")
    axis = orbits.semi_major_axis_au(np.where(days > 0, days, np.nan), star, np.nan_to_num(mass))
    limit = _column(work, "pl_bmasselim")
    return pd.DataFrame(
        {
            "hostname": work["hostname"],
            "name": work["pl_name"],
            "a": np.where(np.isnan(axis), _column(work, "pl_orbsmax"), axis),
            "mass": mass,
            "star_mass": star,
            "period_day": days,
            "mass_kind": np.where(
                np.isin(limit, list(_LIMITS)),
                pd.Series(limit).map(_LIMITS).to_numpy(dtype=object),
                mass_kinds(work["pl_bmassprov"]),
            ),
            "method": work.get("discoverymethod", pd.Series([""] * len(work))),
            "mass_err_lo": np.abs(_column(work, "pl_bmasseerr2")),
            "mass_err_hi": np.abs(_column(work, "pl_bmasseerr1")),
        }
    )


def _column(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _circumbinary_without_total(table: pd.DataFrame) -> NDArray[np.bool_]:
    if "cb_flag" not in table:
        return np.zeros(len(table), dtype=bool)
    total = _column(table, "st_mass_total")
    return (_column(table, "cb_flag") == 1) & ~(total > 0) & ~(_column(table, "pl_orbsmax") > 0)
