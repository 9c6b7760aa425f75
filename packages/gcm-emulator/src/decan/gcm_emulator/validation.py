"""Checks of a field before anything is learned from it: what a climate cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .continuity import continuity_residual
from .field import FIELDS, GCMField
from .sphere import area_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Check", "validate_field"]

_COLDEST_K, _HOTTEST_K = 50.0, 10_000.0
_FASTEST_MS = 20_000.0
_STEEPEST = 1.3
_SEAM = 3.0


@dataclass(frozen=True)
class Check:
    """One check of a field and its outcome.

    Parameters
    ----------
    name : str
        What is checked.
    passed : bool
        Whether it holds.
    found : str
        What was found, in words and numbers.

    Examples
    --------
    >>> Check("no holes", True, "0 of 1,000 cells are NaN")
    Check(name='no holes', passed=True, found='0 of 1,000 cells are NaN')
    """

    name: str
    passed: bool
    found: str


def validate_field(field: GCMField) -> pd.DataFrame:
    """Check a field: holes, ranges, the seam, static stability, mass conservation.

    Parameters
    ----------
    field : GCMField
        The field.

    Returns
    -------
    pandas.DataFrame
        One row a check: ``check``, ``passed``, ``found``.

    Examples
    --------
    >>> from decan.gcm_emulator import Planet, simulate_planet
    >>> table = validate_field(simulate_planet(Planet.at_temperature(1600.0, host="G5V")))
    >>> bool(table["passed"].all())
    True
    """
    import pandas as pd

    checks = [_holes(field), _temperatures(field), _seam(field), _stable(field), _day_side(field)]
    if {"u", "v"} <= set(field.names):
        checks.append(_winds(field))
    if {"u", "v", "w"} <= set(field.names) and field.planet is not None:
        checks.append(_mass(field))
    return pd.DataFrame(
        [{"check": one.name, "passed": one.passed, "found": one.found} for one in checks]
    )


def _holes(field: GCMField) -> Check:
    worst, level = 0.0, 0
    for name in field.names:
        share = (~np.isfinite(getattr(field, name))).mean(axis=(1, 2))
        if share.max() > worst:
            worst, level = float(share.max()), int(share.argmax())
    words = "none" if not worst else f"{worst:.0%} of the level at {field.p_pa[level]:.3g} Pa"
    return Check("cells that are NaN", worst <= 0.2, words)


def _temperatures(field: GCMField) -> Check:
    low, high = float(np.nanmin(field.T)), float(np.nanmax(field.T))
    return Check(
        "range of temperature", bool(low > _COLDEST_K and high < _HOTTEST_K),
        f"{low:.0f} to {high:.0f} K",
    )  # fmt: skip


def _winds(field: GCMField) -> Check:
    fastest = max(float(np.nanmax(np.abs(getattr(field, name)))) for name in "uv")
    return Check("horizontal wind", fastest < _FASTEST_MS, f"up to {fastest:,.0f} m/s")


def _seam(field: GCMField) -> Check:
    """The step over the seam beside the largest steps elsewhere."""
    step = np.abs(np.diff(np.concatenate([field.T, field.T[..., :1]], axis=-1), axis=-1))
    row = np.nanmean(step, axis=(0, 1))
    others = np.nanmax(row[:-1]) if row.size > 1 else row[-1]
    ratio = float(row[-1] / max(others, 1e-9))
    return Check("seam of longitude", ratio < _SEAM, f"{ratio:.2f} x the largest step elsewhere")


def _stable(field: GCMField) -> Check:
    """Temperature must not rise with pressure faster than an adiabat."""
    profile = field.area_mean("T")
    slope = np.gradient(np.log(profile), np.log(field.p_pa)) if profile.size > 2 else np.zeros(1)
    steepest = float(np.nanmax(slope) / (field.r_gas / field.cp))
    return Check("lapse rate", steepest < _STEEPEST, f"at most {steepest:.2f} x the adiabatic one")


def _day_side(field: GCMField) -> Check:
    level = int(np.abs(np.log(field.p_pa / 100.0)).argmin())
    rows = field.T[level : level + 1]
    day = np.abs(field.lon_deg) < 90
    gap = float(area_mean(rows[..., day], field.lat_deg)[0]
                - area_mean(rows[..., ~day], field.lat_deg)[0])  # fmt: skip
    return Check("day side is the warmer one at 1 mbar", gap > 0, f"by {gap:.0f} K")


def _mass(field: GCMField) -> Check:
    assert field.planet is not None
    residual = continuity_residual(
        field.u, field.v, field.w, field.T, field.lon_deg, field.lat_deg, field.p_pa,
        field.planet.radius_m, field.planet.gravity_ms2, field.r_gas,
    )  # fmt: skip
    return Check(
        "mass conservation of the three winds", residual < 1.0,
        f"residual {residual:.2f} of the rms {FIELDS['w'][0]}",
    )  # fmt: skip
