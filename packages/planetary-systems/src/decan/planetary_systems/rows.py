"""Rows of a table of planets: which columns are needed, and why a row cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decan.core.errors import SchemaError

from . import orbits
from .surveys import radius_mass

__all__ = ["UNITS"]

UNITS = {"earth": 1.0, "jupiter": orbits.JUPITER_IN_EARTH, "solar": 1 / orbits.EARTH_IN_SUN}
"""Earth masses of each unit."""

# Median mass (Earth) below which a table is taken to be in another unit: half the planets
# of a formation model's poorest population are above it, and Jupiter is 1 of its unit.
_SMALLEST_MEDIAN = 0.02
_OTHER_NAMES = {"jupiter": r"jup|massj|m_?j$", "solar": r"msun|m_sun|solar"}


def check_arguments(
    table: pd.DataFrame,
    system: str,
    a: str | None,
    mass: str | None,
    period: str | None,
    star_mass: float | str | None,
    radius: str | None,
    status: str | None,
    planet: str | None,
    others: list[str],
    mass_unit: str | None,
    mass_kind: str,
    on_bad: str,
) -> None:
    """Refuse columns that are missing and arguments that are none."""
    if (mass is None and radius is None) or (a is None and period is None):
        raise ValueError(
            "name the column of masses (or of radii), and that of semi-major axes or periods"
        )
    if mass is None and (mass_unit is not None or mass_kind != "mass"):
        raise ValueError("mass_unit and mass_kind are about masses: name their column")
    named = [system, a, mass, period, radius, status, planet, *others]
    if isinstance(star_mass, str):
        named.append(star_mass)
    for name in named:
        if name is not None and name not in table:
            raise SchemaError(
                f"column {name!r} is missing; the table has {', '.join(map(str, table.columns))}"
            )
    for word, value, known in (
        ("mass_unit", mass_unit, (None, *UNITS)),
        ("mass_kind", mass_kind, ("mass", "msini")),
        ("on_bad", on_bad, ("drop", "raise")),
    ):
        if value not in known:
            raise ValueError(f"{word}: found {value!r}, expected one of {known}")


def numbers(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A column as numbers; what is none is NaN."""
    return pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def axes_of(
    table: pd.DataFrame,
    work: pd.DataFrame,
    a: str | None,
    period: str | None,
    notes: dict[str, int],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Semi-major axes, and where one could not be computed for want of a star mass."""
    axis = numbers(table, a).copy() if a is not None else np.full(len(table), np.nan)
    unknown = np.zeros(len(table), dtype=bool)
    if period is None:
        return axis, unknown
    days, star = numbers(table, period), work["star_mass"].to_numpy()
    want = np.isnan(axis) & (days > 0)
    can = want & (star > 0)
    masses = np.nan_to_num(work["m"].to_numpy())
    axis[can] = orbits.semi_major_axis_au(days[can], star[can], masses[can])
    if can.any():
        notes["semi-major axis from period"] = int(can.sum())
    return axis, want & ~can


def masses_of(
    table: pd.DataFrame,
    mass: str | None,
    unit: str | None,
    radius: str | None,
    notes: dict[str, int],
) -> NDArray[np.float64]:
    """Masses in Earth masses, from radii where no column of masses is named."""
    if mass is None:
        assert radius is not None
        found, _ = radius_mass(numbers(table, radius))
        notes["mass from radius"] = int(np.isfinite(found).sum())
        return found
    found = numbers(table, mass) * UNITS[unit or "earth"]
    if unit is None:
        _refuse_other_units(found, mass)
    return found


def _refuse_other_units(masses: NDArray[np.float64], column: str) -> None:
    """Refuse masses whose column or median speaks for Jupiter or solar masses."""
    for guess, pattern in _OTHER_NAMES.items():
        if re.search(pattern, column.lower()):
            raise ValueError(
                f"mass: column {column!r} seems to hold {guess} masses; pass "
                f"mass_unit={guess!r} if it does, mass_unit='earth' if not"
            )
    usable = masses[np.isfinite(masses) & (masses > 0)]
    if not usable.size:
        return
    median = float(np.median(usable))
    if median < _SMALLEST_MEDIAN:
        guess = "solar" if median < 1e-4 else "jupiter"
        raise ValueError(
            f"mass: the median of {column!r} is {median:.3g}, which is unlikely in Earth masses; "
            f"pass mass_unit={guess!r} if they are {guess} masses, mass_unit='earth' if not"
        )


def nameless(names: pd.Series) -> NDArray[np.bool_]:
    """Where a system has no name."""
    return np.asarray(names.isna() | (names.astype(str).str.strip() == ""))


def refuse_changes(table: pd.DataFrame, system: str, context: Iterable[str]) -> None:
    """Refuse what is to be known of a system and differs between its planets."""
    for name in context:
        pairs = table[[system, name]].dropna().drop_duplicates()
        several = pairs[pairs.duplicated(system)]
        if len(several):
            one = several[system].iloc[0]
            found = pairs.loc[pairs[system] == one, name].unique()[:3]
            raise ValueError(
                f"context: {name!r} differs within system {one!r} "
                f"({', '.join(map(str, found))}); are they several systems under one name?"
            )


def refuse_repeats(table: pd.DataFrame, system: str, planet: str) -> None:
    """Refuse a planet that a table holds twice."""
    twice = table.duplicated([system, planet])
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise ValueError(
            f"row {row}: planet {table[planet].iloc[row]!r} of system "
            f"{table[system].iloc[row]!r} appears twice; keep one row a planet"
        )


def reasons_of(
    work: pd.DataFrame,
    table: pd.DataFrame,
    status: str | None,
    unknown: NDArray[np.bool_],
) -> NDArray[Any]:
    """Why a row cannot be used, empty where it can; the first reason counts."""
    reason = np.full(len(work), "", dtype=object)
    a, m = work["a"].to_numpy(), work["m"].to_numpy()
    checks = [("system without a name", nameless(work["system"]))]
    if status is not None:
        checks.append(("status not 0", numbers(table, status) != 0))
    checks += [
        ("no semi-major axis: star mass unknown", unknown),
        ("no semi-major axis", np.isnan(a)),
        ("semi-major axis not positive and finite", ~((a > 0) & np.isfinite(a))),
        ("no mass", np.isnan(m)),
        ("mass not positive and finite", ~((m > 0) & np.isfinite(m))),
    ]
    for words, where in checks:
        reason[where & (reason == "")] = words
    return reason
