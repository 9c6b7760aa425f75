"""Planetary systems as one checked object: what a table of planets becomes.

A system is a set of planets and may be empty. Planets are kept sorted by semi-major axis,
whatever the order of the table. What a table holds and a system cannot is counted by
reason, never silently dropped.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import as_frame, in_units
from decan.core.errors import SchemaError

from . import orbits
from .rows import (
    axes_of,
    check_arguments,
    masses_of,
    nameless,
    numbers,
    reasons_of,
    refuse_changes,
    refuse_repeats,
)

__all__ = ["Systems"]


class Systems:
    """Planetary systems: planets sorted by semi-major axis, and what is known of each star.

    Made by :meth:`from_table`; the constructor takes arrays that are in order already.

    Parameters
    ----------
    counts : array_like of int, shape (n_systems,)
        Planets of each system; 0 is a system too.
    log_a, log_m : array_like, shape (n_planets,)
        log10 of semi-major axis (au) and mass (Earth masses), system after system.
    context : DataFrame, optional
        One row a system: star mass, age, population, disc. NaN is unknown.
    names : array_like, optional
        Names of the systems.
    planets : DataFrame, optional
        One row a planet: whatever else is known of it (radius, errors, provenance).
    dropped : mapping of str to int
        Rows that were left out, by reason.
    notes : mapping of str to int
        What was done to rows that stayed, by reason.

    Examples
    --------
    >>> table = pd.DataFrame({"star": ["A", "A", "B"], "au": [1.0, 0.1, 5.2], "mass": [1, 5, 318]})
    >>> systems = Systems.from_table(table, system="star", a="au", mass="mass")
    >>> systems
    <Systems: 2 systems, 3 planets, 1 to 2 a system>
    >>> systems.log_a.round(2)
    array([-1.  ,  0.  ,  0.72])
    """

    def __init__(
        self,
        counts: ArrayLike,
        log_a: ArrayLike,
        log_m: ArrayLike,
        *,
        context: pd.DataFrame | None = None,
        names: ArrayLike | None = None,
        planets: pd.DataFrame | None = None,
        dropped: Mapping[str, int] | None = None,
        notes: Mapping[str, int] | None = None,
    ) -> None:
        self.counts = np.asarray(counts, dtype=np.int64)
        self.log_a = np.asarray(log_a, dtype=np.float64)
        self.log_m = np.asarray(log_m, dtype=np.float64)
        if self.counts.sum() != len(self.log_a) or len(self.log_a) != len(self.log_m):
            raise ValueError(
                f"counts promise {self.counts.sum()} planets, found {len(self.log_a)} log_a "
                f"and {len(self.log_m)} log_m"
            )
        self.offsets = np.concatenate([[0], np.cumsum(self.counts)])
        n = len(self.counts)
        self.names = np.arange(n) if names is None else np.asarray(names)
        self.context = (
            pd.DataFrame(index=range(n)) if context is None else context.reset_index(drop=True)
        )
        self.planets = (
            pd.DataFrame(index=range(len(self.log_a)))
            if planets is None
            else planets.reset_index(drop=True)
        )
        if len(self.names) != n or len(self.context) != n:
            raise ValueError(
                f"{n} systems, found {len(self.names)} names and {len(self.context)} contexts"
            )
        self.dropped = dict(dropped or {})
        self.notes = dict(notes or {})
        inside = self.system_of_planet
        if (np.diff(self.log_a)[inside[1:] == inside[:-1]] < 0).any():
            raise ValueError("log_a: planets of a system must be sorted by semi-major axis")

    @classmethod
    def from_table(
        cls,
        table: pd.DataFrame,
        *,
        system: str,
        a: str | None = None,
        mass: str | None = None,
        period: str | None = None,
        star_mass: float | str | None = None,
        radius: str | None = None,
        status: str | None = None,
        planet: str | None = None,
        mass_unit: str | None = None,
        mass_kind: str = "mass",
        context: Sequence[str] = (),
        keep: Iterable[str] = (),
        all_systems: Iterable[Any] | pd.DataFrame | None = None,
        on_bad: str = "drop",
    ) -> Systems:
        """Systems of a table with one row a planet.

        Rows may come in any order. Where the semi-major axis is missing, Kepler's third
        law gives it from period and star mass. Rows that cannot be used are counted in
        ``dropped``, what was computed in ``notes``.

        Parameters
        ----------
        table : DataFrame, astropy Table, or mapping of str to column
            One row a planet. Units that columns carry (of a Table, or as ``read_table``
            keeps them in ``attrs["units"]``) are heeded.
        system : str
            Column that names the system.
        a, period : str, optional
            Columns of semi-major axis (au) and period (days); one of them at least.
        mass : str, optional
            Column of the planets' masses. Without it masses follow from radii by a
            mass-radius relation, are counted, and called so in ``planets["mass_kind"]``.
        star_mass : float or str, optional
            Solar masses, or the column that holds them; NaN is unknown.
        radius : str, optional
            Column of radii (Earth radii), kept in ``planets["radius"]``. Needed where no
            masses are named.
        status : str, optional
            Column that is 0 for planets that are alive; others are dropped.
        planet : str, optional
            Column that numbers the planets of a system; a number twice is an error.
        mass_unit : {"earth", "jupiter", "solar"}, optional
            Unit of ``mass``. Without it Earth masses are taken, and a median that
            speaks against them is an error.
        mass_kind : {"mass", "msini"}
            Whether the masses are true or minimum masses.
        context : sequence of str
            Columns about the star or disc, constant within a system, to keep in
            ``context``; ``star_mass`` is kept by itself.
        keep : iterable of str
            Columns about the planet to keep in ``planets``.
        all_systems : iterable or DataFrame, optional
            Every system that was looked at, so that those without planets stay: names,
            or a table with the columns ``system`` and ``context``.
        on_bad : {"drop", "raise"}
            What to do with rows that cannot be used.

        Returns
        -------
        Systems

        Raises
        ------
        SchemaError
            If a column is missing, or a row is bad and ``on_bad="raise"``.
        ValueError
            If a planet appears twice, masses look like another unit, a column of
            ``context`` changes within a system, or arguments contradict each other.
        """
        table = as_frame(table)
        check_arguments(table, system, a, mass, period, star_mass, radius, status, planet,
                         [*context, *keep], mass_unit, mass_kind, on_bad)  # fmt: skip
        said = table.attrs.get("units", {})
        if mass_unit is None and mass in said:
            mass_unit = "earth"
            table = in_units(table, {mass: "earthMass"})
        table = in_units(table, {a: "AU", period: "day", radius: "earthRad"})
        if isinstance(star_mass, str):
            table = in_units(table, {star_mass: "solMass"})
        refuse_changes(table, system, context)
        work = pd.DataFrame({"system": table[system].to_numpy()})
        notes: dict[str, int] = {}
        work["m"] = masses_of(table, mass, mass_unit, radius, notes)
        work["star_mass"] = (
            numbers(table, star_mass)
            if isinstance(star_mass, str)
            else np.full(len(table), np.nan if star_mass is None else float(star_mass))
        )
        work["a"], unknown = axes_of(table, work, a, period, notes)
        if mass is not None and mass_kind == "mass" and "sini" in mass.lower().replace("_", ""):
            raise ValueError(f"mass: column {mass!r} holds minimum masses; pass mass_kind='msini'")
        if mass_kind == "msini":
            warnings.warn(f"{mass}: minimum masses are used as masses", UserWarning, stacklevel=2)
            notes["minimum masses"] = len(table)
        if planet is not None:
            refuse_repeats(table, system, planet)
        reasons = reasons_of(work, table, status, unknown)
        bad = reasons != ""
        if bad.any() and on_bad == "raise":
            row = int(np.flatnonzero(bad)[0])
            raise SchemaError(f"row {row} (system {work['system'][row]!r}): {reasons[row]}; "
                              "correct it, or pass on_bad='drop'")  # fmt: skip
        counts = pd.Series(reasons[bad]).value_counts()
        for name in keep:
            work[name] = table[name].to_numpy()
        if radius is not None:
            work["radius"] = numbers(table, radius)
        if mass is None or mass_kind == "msini":
            work["mass_kind"] = "relation" if mass is None else "msini"
        for name in context:
            work[f"context {name}"] = table[name].to_numpy()
        return cls._assembled(work, bad, list(context), all_systems, system, counts, notes)

    @classmethod
    def _assembled(
        cls,
        work: pd.DataFrame,
        bad: NDArray[np.bool_],
        context: list[str],
        all_systems: Any,
        system: str,
        dropped: pd.Series,
        notes: dict[str, int],
    ) -> Systems:
        # A system whose planets are all bad stays, as an empty one.
        named = work[~nameless(work["system"])]
        about = named.drop_duplicates("system").set_index("system")
        about = about[["star_mass", *[f"context {name}" for name in context]]]
        about.columns = pd.Index(["star_mass", *context])
        if isinstance(all_systems, pd.DataFrame):
            rest = all_systems.set_index(system)
            rest = rest[~rest.index.isin(about.index)]
            about = pd.concat([about, rest[[c for c in about.columns if c in rest]]])
        elif all_systems is not None:
            rest_names = [name for name in all_systems if name not in set(about.index)]
            about = about.reindex([*about.index, *rest_names])
        good = work[~bad].copy()
        order_of = pd.Series(np.arange(len(about)), index=about.index)
        good["code"] = order_of.loc[good["system"]].to_numpy()
        good = good.sort_values(["code", "a"], kind="stable")
        extra = [c for c in good.columns if c not in ("system", "a", "m", "star_mass", "code")]
        extra = [c for c in extra if not c.startswith("context ")]
        about["star_mass"] = about["star_mass"].astype(float)
        return cls(
            np.bincount(good["code"], minlength=len(about)),
            np.log10(good["a"].to_numpy()),
            np.log10(good["m"].to_numpy()),
            context=about.reset_index(drop=True),
            names=about.index.to_numpy(),
            planets=good[extra],
            dropped={str(k): int(v) for k, v in dropped.items()},
            notes=notes,
        )

    @classmethod
    def from_planets(
        cls, systems: Sequence[tuple[ArrayLike, ArrayLike]], *, context: pd.DataFrame | None = None
    ) -> Systems:
        """Systems from pairs of arrays, semi-major axes and masses.

        Parameters
        ----------
        systems : sequence of (array_like, array_like)
            Semi-major axes (au) and masses (Earth masses) of each system, in any order.
        context : DataFrame, optional
            One row a system.

        Returns
        -------
        Systems

        Examples
        --------
        >>> Systems.from_planets([([1.0, 0.4], [1.0, 0.8]), ([], [])]).counts
        array([2, 0])
        """
        log_a, log_m, counts = [], [], []
        for axes, masses in systems:
            axis = np.log10(np.asarray(axes, float))
            order = np.argsort(axis, kind="stable")
            log_a.append(axis[order])
            log_m.append(np.log10(np.asarray(masses, float))[order])
            counts.append(len(axis))
        join = np.concatenate
        return cls(
            counts,
            join([*log_a, np.empty(0)]),
            join([*log_m, np.empty(0)]),
            context=context,
        )

    @property
    def system_of_planet(self) -> NDArray[np.int64]:
        """Number of the system of each planet."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def a_au(self) -> NDArray[np.float64]:
        """Semi-major axes, au."""
        return np.asarray(10**self.log_a)

    @property
    def mass_earth(self) -> NDArray[np.float64]:
        """Masses, Earth masses."""
        return np.asarray(10**self.log_m)

    @property
    def star_mass(self) -> NDArray[np.float64]:
        """Mass of each system's star, solar masses, NaN where unknown."""
        if "star_mass" not in self.context:
            return np.full(len(self), np.nan)
        return self.context["star_mass"].to_numpy(float)

    @property
    def period_day(self) -> NDArray[np.float64]:
        """Period of each planet, days, NaN where the star's mass is unknown."""
        return orbits.period_day(self.a_au, self.star_mass[self.system_of_planet], self.mass_earth)

    @property
    def n_planets(self) -> int:
        """All planets together."""
        return len(self.log_a)

    @property
    def total_mass(self) -> NDArray[np.float64]:
        """Mass of all planets of each system, Earth masses."""
        return np.bincount(self.system_of_planet, self.mass_earth, minlength=len(self)).astype(
            float
        )

    def hill_spacing(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Inner planet of each neighbouring pair and its distance in mutual Hill radii.

        Stars of unknown mass are taken as the Sun.
        """
        star = np.where(np.isnan(self.star_mass), 1.0, self.star_mass)
        code = self.system_of_planet
        return orbits.hill_spacing(code, self.a_au, self.mass_earth, star[code])

    def to_table(self) -> pd.DataFrame:
        """One row a planet: system, semi_major_axis (au), mass (Earth masses), the rest.

        Systems without planets have no row; ``counts`` and ``names`` keep them.
        """
        code = self.system_of_planet
        table = pd.DataFrame(
            {
                "system": self.names[code],
                "semi_major_axis": self.a_au,
                "mass": self.mass_earth,
            }
        )
        about = self.context.iloc[code].reset_index(drop=True)
        return pd.concat([table, about, self.planets], axis=1)

    def padded(self, length: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """log_a and log_m as arrays of shape (n_systems, length), zero beyond the planets."""
        length = int(self.counts.max(initial=0)) if length is None else length
        index = self.offsets[:-1, None] + np.arange(length)
        inside = np.arange(length) < self.counts[:, None]
        if not self.n_planets:
            return np.zeros(index.shape), np.zeros(index.shape)
        index = np.minimum(index, self.n_planets - 1)
        return np.where(inside, self.log_a[index], 0.0), np.where(inside, self.log_m[index], 0.0)

    def join_hosts(self, aliases: ArrayLike) -> Systems:
        """Systems whose stars are one under several names, joined.

        Parameters
        ----------
        aliases : array_like, shape (n_systems, n_catalogues)
            Numbers of each star in catalogues (HIP, HD, TIC); empty or NaN is unknown.

        Returns
        -------
        Systems
            With what was joined in ``notes["hosts joined"]``; the first name stays.
        """
        parent = _linked(np.atleast_2d(np.asarray(aliases, dtype=object)))
        roots, code = np.unique(parent, return_inverse=True)
        table = self.planets.assign(a=self.log_a, m=self.log_m, code=code[self.system_of_planet])
        table = table.sort_values(["code", "a"], kind="stable")
        return Systems(
            np.bincount(table["code"], minlength=len(roots)),
            table["a"],
            table["m"],
            context=self.context.iloc[roots],
            names=self.names[roots],
            planets=table.drop(columns=["a", "m", "code"]),
            dropped=self.dropped,
            notes={**self.notes, "hosts joined": len(self) - len(roots)},
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Systems]) -> Systems:
        """Several sets of systems as one; columns that one lacks are unknown in its rows."""
        dropped: dict[str, int] = {}
        notes: dict[str, int] = {}
        for part in parts:
            for into, of in ((dropped, part.dropped), (notes, part.notes)):
                for reason, count in of.items():
                    into[reason] = into.get(reason, 0) + count
        return cls(
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.log_a for part in parts]),
            np.concatenate([part.log_m for part in parts]),
            context=pd.concat([part.context for part in parts], ignore_index=True),
            names=np.concatenate([part.names for part in parts]),
            planets=pd.concat([part.planets for part in parts], ignore_index=True),
            dropped=dropped,
            notes=notes,
        )

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, rows: Any) -> Systems:
        """Systems by number, slice, index array or mask."""
        chosen = np.atleast_1d(np.arange(len(self))[rows])
        counts = self.counts[chosen]
        starts = np.repeat(self.offsets[chosen], counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        index = starts + within
        return Systems(
            counts,
            self.log_a[index],
            self.log_m[index],
            context=self.context.iloc[chosen],
            names=self.names[chosen],
            planets=self.planets.iloc[index],
            dropped=self.dropped,
            notes=self.notes,
        )

    def __repr__(self) -> str:
        text = "<Systems: none"
        if len(self):
            text = f"<Systems: {len(self):,} systems, {self.n_planets:,} planets, "
            text += f"{self.counts.min()} to {self.counts.max()} a system"
        for word, of in (("dropped", self.dropped), ("noted", self.notes)):
            if of:
                text += f"; {word}: " + ", ".join(f"{v:,} {k}" for k, v in of.items())
        return text + ">"


def _linked(aliases: NDArray[Any]) -> NDArray[np.int64]:
    """Smallest number of a system with which each shares a catalogue number, transitively."""
    parent = np.arange(len(aliases))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for column in range(aliases.shape[1]):
        seen: dict[Any, int] = {}
        for i, number in enumerate(aliases[:, column]):
            if pd.isna(number) or number == "":
                continue
            if number in seen:
                first, second = sorted((root(seen[number]), root(i)))
                parent[second] = first
            else:
                seen[number] = i
    return np.array([root(i) for i in range(len(aliases))], dtype=np.int64)
