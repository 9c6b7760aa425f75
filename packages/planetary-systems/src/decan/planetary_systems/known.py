"""The planets of a star that are known: places, masses with errors, minimum masses."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decan.core.data.numbers import as_frame, in_unit, in_units
from decan.core.data.tables import number_column
from decan.core.errors import SchemaError

from . import orbits
from .surveys import Star, Survey, combined_detection, radius_mass
from .systems import Systems

__all__ = ["KnownPlanets"]

_CLOSEST = 2 * np.sqrt(3)


@dataclass(frozen=True)
class KnownPlanets:
    """Known planets of one star, sorted by semi-major axis.

    Made by :meth:`read`.

    Parameters
    ----------
    a_au, mass_earth : ndarray, shape (n,)
        Semi-major axes (au) and masses or minimum masses (Earth masses).
    mass_low, mass_high : ndarray, shape (n,)
        Errors of the masses, NaN where unknown: the point value is then used.
    minimum : ndarray of bool, shape (n,)
        Whether a mass is M sin i.

    Examples
    --------
    >>> known = KnownPlanets.read([{"period_day": 365.25, "mass_earth": 1.0}], Star(mass=1.0))
    >>> known.a_au.round(3)
    array([1.])
    """

    a_au: NDArray[np.float64]
    mass_earth: NDArray[np.float64]
    mass_low: NDArray[np.float64]
    mass_high: NDArray[np.float64]
    minimum: NDArray[np.bool_]

    @classmethod
    def read(cls, known: Any, star: Star) -> KnownPlanets:
        """Read planets from a table, a list of mappings, or one of ``Systems``.

        Parameters
        ----------
        known : DataFrame, Table, sequence of mappings, or Systems of length 1
            Columns: ``a_au`` or ``period_day`` (then the star's mass is needed),
            ``mass_earth``, and where known ``mass_err`` or ``mass_err_lo`` and
            ``mass_err_hi``, ``mass_kind`` (``"msini"`` for minimum masses); or those of the
            NASA Exoplanet Archive (``pl_orbper``, ``pl_bmasse``, ``pl_bmassprov`` and so on).
            Quantities and units of columns are converted, limits (``pl_bmasselim``) are no
            masses. A planet without a mass that has
            ``radius_earth`` gets one by
            :func:`~decan.planetary_systems.surveys.radius_mass`, with its spread as error.
        star : Star

        Returns
        -------
        KnownPlanets

        Raises
        ------
        SchemaError
            If a column is missing or a value is not positive; the planet is named.
        """
        if isinstance(known, Systems):
            if len(known) != 1:
                raise ValueError(f"known: found {len(known)} systems, expected one")
            return cls._of(known.a_au, known.mass_earth, known.planets)
        table = _table(known)
        if len(table):
            table = _with_masses(table)
        masses = number_column(table, "mass_earth", "known") if len(table) else np.empty(0)
        axes = np.full(len(table), np.nan)
        if "a_au" in table:
            axes = number_column(table, "a_au", "known")
        lacking = np.isnan(axes)
        if lacking.any():
            if "period_day" not in table:
                raise SchemaError(
                    f"known: give column 'a_au' or 'period_day'; found {', '.join(map(str, table))}"
                )
            mass = star.need_mass("the semi-major axis of a planet by its period")
            days = number_column(table, "period_day", "known")
            # A period below zero is squared by Kepler's law: it is handed on to be refused.
            found = orbits.semi_major_axis_au(np.maximum(days, 0), mass, masses)
            axes = np.where(lacking, np.where(days > 0, found, days), axes)
        for words, values in (("mass", masses), ("semi-major axis or period", axes)):
            bad = ~((values > 0) & np.isfinite(values))
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise SchemaError(f"known: planet {row} has no usable {words} ({values[row]})")
        return cls._of(axes, masses, table)

    @classmethod
    def _of(cls, axes: Any, masses: Any, about: pd.DataFrame) -> KnownPlanets:
        order = np.argsort(axes, kind="stable")
        n = len(axes)

        def column(*names: str) -> NDArray[np.float64]:
            for name in names:
                if name in about:
                    return np.abs(number_column(about, name, "known"))
            return np.full(n, np.nan)

        kind = np.full(n, "mass")
        if "mass_kind" in about:
            # Msini, M sin i, msini: one word.
            words = about["mass_kind"].astype(str).str.lower()
            kind = words.str.replace("[^a-z]", "", regex=True).to_numpy()
        return cls(
            np.asarray(axes, float)[order],
            np.asarray(masses, float)[order],
            column("mass_err_lo", "mass_err")[order],
            column("mass_err_hi", "mass_err")[order],
            (kind == "msini")[order],
        )

    def __len__(self) -> int:
        return len(self.a_au)

    def without_errors(self) -> int:
        """Planets whose mass has no error: the point value is used."""
        return int((np.isnan(self.mass_low) | np.isnan(self.mass_high)).sum())

    def draw_masses(
        self, n: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Masses within their errors, and what they weigh.

        Returns
        -------
        log_m : ndarray, shape (n, n_known)
            log10 of masses (Earth): errors split normal, minimum masses over isotropic
            inclinations.
        log_weight : ndarray, shape (n,)
            Natural logarithm of likelihood over the density of log M drawn from.
        """
        shape = (n, len(self))
        normal = rng.normal(size=shape)
        low, high = np.nan_to_num(self.mass_low), np.nan_to_num(self.mass_high)
        drawn = self.mass_earth + normal * np.where(normal < 0, low, high)
        floor = 0.02 * self.mass_earth
        drawn = np.maximum(drawn, floor)
        uncertain = (low > 0) | (high > 0)
        weight = -np.log(drawn[:, uncertain]).sum(1)
        cosine = rng.uniform(size=shape)
        sine = np.where(self.minimum, np.sqrt(1 - cosine**2), 1.0)
        return np.log10(drawn / np.maximum(sine, 1e-3)), weight

    def check(self, star: Star, surveys: Survey | Sequence[Survey] | None) -> list[str]:
        """Warn of pairs too close to be stable, and of planets the surveys could not see."""
        said = []
        if len(self) > 1:
            mass = star.mass if star.mass > 0 else 1.0
            inner, spacing = orbits.hill_spacing(
                np.zeros(len(self)), self.a_au, self.mass_earth, mass
            )
            for i in inner[spacing < _CLOSEST]:
                said.append(
                    f"known planets at {self.a_au[i]:.4g} and {self.a_au[i + 1]:.4g} au are "
                    f"{spacing[list(inner).index(i)]:.2g} mutual Hill radii apart, "
                    "less than 2 sqrt 3"
                )
        if surveys is not None and len(self):
            seen = combined_detection(surveys, self.a_au, self.mass_earth, star)
            for i in np.flatnonzero(seen < 0.01):
                said.append(
                    f"the known planet at {self.a_au[i]:.4g} au ({self.mass_earth[i]:.3g} Earth "
                    "masses) is in the blind zone of the survey: the survey contradicts it"
                )
        for words in said:
            warnings.warn(words, UserWarning, stacklevel=4)
        return said


def _with_masses(table: pd.DataFrame) -> pd.DataFrame:
    """The table with masses by a relation where there is a radius only."""
    if "radius_earth" not in table:
        if "mass_earth" not in table:
            raise SchemaError(
                "known: give column 'mass_earth' or 'radius_earth'; found "
                f"{', '.join(map(str, table))}"
            )
        return table
    mass, error = radius_mass(number_column(table, "radius_earth", "known"))
    found = table.assign(mass_earth=table.get("mass_earth", np.nan))
    lacking = found["mass_earth"].isna().to_numpy() & np.isfinite(mass)
    for side in ("mass_err_lo", "mass_err_hi"):
        given = table.get(side, table.get("mass_err", pd.Series(np.nan, table.index)))
        found[side] = np.where(lacking, error, pd.to_numeric(given).to_numpy(float))
    found["mass_earth"] = np.where(lacking, mass, found["mass_earth"])
    return found


def _table(known: Any) -> pd.DataFrame:
    """Known planets in the library's names and units, however they are given."""
    if isinstance(known, Mapping) and all(np.ndim(value) == 0 for value in known.values()):
        known = [known]
    if isinstance(known, pd.DataFrame) or hasattr(known, "keys"):
        table = as_frame(known)
    else:
        table = pd.DataFrame([
            {name: in_unit(value, _UNITS.get(_ARCHIVE.get(name, name), ""), name)
             for name, value in one.items()}
            for one in known
        ])  # fmt: skip
    if "pl_bmasselim" in table:
        limit = number_column(table, "pl_bmasselim", "known")
        table = table.assign(pl_bmasse=table["pl_bmasse"].where(~(np.abs(limit) == 1)))
    told = {ours: name for name, ours in _ARCHIVE.items() if name in table and ours not in table}
    units = table.attrs.get("units", {})
    table = table.rename(columns={name: ours for ours, name in told.items()})
    table.attrs["units"] = {_ARCHIVE.get(name, name): unit for name, unit in units.items()}
    return in_units(table, _UNITS)


_UNITS: dict[str | None, str] = {
    "a_au": "AU",
    "period_day": "day",
    "mass_earth": "earthMass",
    "mass_err": "earthMass",
    "mass_err_lo": "earthMass",
    "mass_err_hi": "earthMass",
    "radius_earth": "earthRad",
}
_ARCHIVE = {
    "pl_orbsmax": "a_au",
    "pl_orbper": "period_day",
    "pl_bmasse": "mass_earth",
    "pl_bmasseerr2": "mass_err_lo",
    "pl_bmasseerr1": "mass_err_hi",
    "pl_rade": "radius_earth",
    "pl_bmassprov": "mass_kind",
}
