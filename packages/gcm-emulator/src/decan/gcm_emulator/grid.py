"""``PlanetGrid``: the climates of many planets on one common grid, with their parameters.

It is split by planet, by host, or by temperature; a split by cell puts the same planet on both
sides and is refused wherever something is scored.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import DataNotAvailable, SchemaError

from .field import FIELDS, GCMField, axis_of, common_levels, in_pascal
from .planets import Planet
from .sphere import wrap_longitude

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PlanetGrid"]

_log = logging.getLogger(__name__)
_HOST_K = 60.0


class PlanetGrid:
    """Climates of several planets on common axes.

    Parameters
    ----------
    fields : sequence of GCMField
        Each with its planet. Different axes are regridded to those of the first, and only
        pressures that all reach are kept; a log line says so.
    lon_deg, lat_deg, p_pa : array_like, optional
        Other common axes, degrees and Pa (or Quantity), in any order; they are sorted, and
        longitudes wrapped to -180 to 180.

    Raises
    ------
    ValueError
        If there is no field, a planet is unknown, or no pressure is common.

    Examples
    --------
    >>> from decan.gcm_emulator import simulate_grid
    >>> grid = simulate_grid(hosts=["G5V"], t_global_k=[1000, 1600], weather=None)
    >>> grid
    PlanetGrid(2 planets, 1 host, 1000 to 1600 K; T, u, v, w on 26 x 24 x 36)
    >>> grid[1].planet.name
    'G5V_1600'
    """

    def __init__(
        self,
        fields: Sequence[GCMField],
        *,
        lon_deg: Any = None,
        lat_deg: Any = None,
        p_pa: Any = None,
    ) -> None:
        fields = list(fields)
        if not fields:
            raise ValueError("a grid needs at least one field")
        unknown = [k for k, one in enumerate(fields) if one.planet is None]
        if unknown:
            raise ValueError(f"field {unknown[0]} does not know its planet; give planet=")
        first = fields[0]
        # Fields stand in one order whatever was asked for; the axes of the grid are theirs.
        lon = first.lon_deg if lon_deg is None else _meridians(lon_deg)
        lat = first.lat_deg if lat_deg is None else np.sort(axis_of(lat_deg, "deg", "lat_deg"))
        p = common_levels(fields) if p_pa is None else np.sort(in_pascal(p_pa))
        moved = []
        for one in fields:
            change = [
                axis
                for axis, have, want in (("longitude", one.lon_deg, lon),
                                         ("latitude", one.lat_deg, lat), ("pressure", one.p_pa, p))
                if have.shape != want.shape or not np.allclose(have, want, rtol=1e-5, atol=1e-3)
            ]  # fmt: skip
            if change:
                _log.info("%s: %s regridded", one.planet.name, " and ".join(change))  # type: ignore[union-attr]
                flat = {"longitude", "latitude"} & set(change)
                one = one.regrid(lon if flat else None, lat if flat else None,
                                 p if "pressure" in change else None)  # fmt: skip
            moved.append(one)
        shared = [name for name in FIELDS if all(name in one.names for one in moved)]
        self._set(
            [one.planet for one in moved], lon, lat, p,  # type: ignore[misc]
            {name: np.stack([getattr(one, name) for one in moved]) for name in shared},
            [one.r_gas for one in moved], [one.cp for one in moved],
            [one.source for one in moved],
        )  # fmt: skip

    def _set(
        self, planets: list[Planet], lon: Any, lat: Any, p: Any, values: dict[str, Any],
        r_gas: list[float], cp: list[float], sources: list[str],
    ) -> None:  # fmt: skip
        self.planets = tuple(planets)
        self.lon_deg, self.lat_deg, self.p_pa = (np.asarray(a, dtype=float) for a in (lon, lat, p))
        self.values: dict[str, NDArray[np.float32]] = values
        self._r_gas, self._cp, self._sources = list(r_gas), list(cp), list(sources)

    @classmethod
    def from_arrays(
        cls, planets: Sequence[Planet], lon_deg: Any, lat_deg: Any, p_pa: Any, *,
        source: str = "", r_gas: float = 3714.0, cp: float = 13000.0, **fields: Any,
    ) -> PlanetGrid:  # fmt: skip
        """A grid from stacked arrays.

        Parameters
        ----------
        planets : sequence of Planet
            One a first index of the arrays.
        lon_deg, lat_deg, p_pa : array_like
            Common axes, in any order.
        source : str
            Where it comes from.
        r_gas, cp : float
            Specific gas constant and heat capacity, J/kg/K.
        **fields
            ``T``, ``u``, ``v``, ``w`` of shape (planet, p, lat, lon).

        Returns
        -------
        PlanetGrid
        """
        lengths = {name: len(values) for name, values in fields.items()}
        if set(lengths.values()) != {len(planets)}:
            raise ValueError(f"{len(planets)} planets, but arrays of {lengths}")
        return cls([
            GCMField(**{name: values[k] for name, values in fields.items()}, lon_deg=lon_deg,
                     lat_deg=lat_deg, p_pa=p_pa, planet=planet, source=source, r_gas=r_gas, cp=cp)
            for k, planet in enumerate(planets)
        ])  # fmt: skip

    @classmethod
    def from_dir(
        cls,
        folder: str | os.PathLike[str],
        pattern: str = "*.nc",
        *,
        read: Callable[[Path], GCMField] | None = None,
        **axes: Any,
    ) -> PlanetGrid:
        """Read every file of a folder, one planet a file.

        Parameters
        ----------
        folder : path-like
            The folder.
        pattern : str
            Which files, as in a shell.
        read : callable, optional
            Reader of one file, such as :func:`decan.gcm_emulator.read_roth`; by default by
            the name: ``.nc`` is NetCDF, ``PTprofiles*`` a file of the grid of Roth et al.
        **axes
            Common axes, as the class takes them.

        Returns
        -------
        PlanetGrid
        """
        from .readers import read_field

        paths = sorted(Path(folder).glob(pattern))
        if not paths:
            raise DataNotAvailable(f"{folder}: no file matches {pattern!r}")
        fields = [(read or read_field)(path) for path in paths]
        for path, field in zip(paths, fields, strict=True):
            if field.planet is None:
                raise SchemaError(
                    f"{path}: does not say which planet it is; pass read= with a function that "
                    "gives read_field(path, planet=...)"
                )
        return cls(fields, **axes)

    @property
    def names(self) -> tuple[str, ...]:
        """Fields that every planet has."""
        return tuple(self.values)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of pressures, latitudes and longitudes."""
        return (self.p_pa.size, self.lat_deg.size, self.lon_deg.size)

    @property
    def r_gas(self) -> float:
        """Specific gas constant, J/kg/K: the median of the planets."""
        return float(np.median(self._r_gas))

    @property
    def cp(self) -> float:
        """Heat capacity, J/kg/K: the median of the planets."""
        return float(np.median(self._cp))

    def parameters(self) -> pd.DataFrame:
        """The planets as a table, one row each, units in the names.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        frame = pd.DataFrame([vars(planet) for planet in self.planets])
        frame["orbit_physical"] = [planet.orbit_physical for planet in self.planets]
        return frame.drop(columns="end_point")

    def hosts(self) -> NDArray[np.int64]:
        """Number of the host of every planet: equal temperatures (within 60 K) are one host.

        Returns
        -------
        ndarray of int, shape (n,)
        """
        temperature = np.array([planet.t_star_k for planet in self.planets])
        order = np.argsort(temperature)
        steps = np.concatenate([[0], np.cumsum(np.diff(temperature[order]) > _HOST_K)])
        found = np.empty(len(order), dtype=np.int64)
        found[order] = steps
        return found

    def select(self, index: Any) -> PlanetGrid:
        """Some of the planets.

        Parameters
        ----------
        index : array_like of int or bool
            Which.

        Returns
        -------
        PlanetGrid
        """
        chosen = np.arange(len(self))[index]
        made = object.__new__(PlanetGrid)
        made._set(
            [self.planets[k] for k in chosen], self.lon_deg, self.lat_deg, self.p_pa,
            {name: values[chosen] for name, values in self.values.items()},
            [self._r_gas[k] for k in chosen], [self._cp[k] for k in chosen],
            [self._sources[k] for k in chosen],
        )  # fmt: skip
        return made

    def __add__(self, other: PlanetGrid) -> PlanetGrid:
        """Both grids together, on the axes of the first and the pressures both reach."""
        return PlanetGrid([*self, *other], lon_deg=self.lon_deg, lat_deg=self.lat_deg)

    def train_test_split(
        self, *, by: str = "planet", leave: str = "random", fraction: float = 0.2,
        value: Any = None, rng: np.random.Generator | int | None = None,
    ) -> tuple[PlanetGrid, PlanetGrid]:  # fmt: skip
        """Two grids that share no planet.

        Parameters
        ----------
        by : {'planet'}
            ``'cell'`` is refused: neighbouring cells of one planet are no test.
        leave : {'random', 'host', 'tglobal'}
            What the test holds: random planets, a whole host, or the hottest row.
        fraction : float
            Share of planets in the test, where they are random.
        value : float, optional
            Which host (its temperature, K) or row (its global temperature, K) to leave; the
            hottest by default.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        train, test : PlanetGrid
        """
        if by != "planet":
            raise ValueError(
                f"by={by!r}: a split by cell puts the same planet on both sides and scores a leak; "
                "split by='planet'"
            )
        n = len(self)
        if leave == "random":
            count = max(1, round(fraction * n))
            test = np.isin(np.arange(n), np.random.default_rng(rng).permutation(n)[:count])
        elif leave in ("host", "tglobal"):
            key = "t_star_k" if leave == "host" else "t_global_k"
            values = np.array([getattr(planet, key) for planet in self.planets])
            wanted = values.max() if value is None else float(value)
            test = np.abs(values - wanted) <= (_HOST_K if leave == "host" else 0.01 * wanted)
        else:
            raise ValueError(f"leave must be 'random', 'host' or 'tglobal', found {leave!r}")
        if not test.any() or test.all():
            raise ValueError(f"leave={leave!r}, value={value}: one side of the split is empty")
        return self.select(~test), self.select(test)

    def to_table(
        self, cells_per_planet: int | None = None, *,
        rng: np.random.Generator | int | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Cells as rows: planet, parameters, place and fields, as a pointwise model takes them.

        Parameters
        ----------
        cells_per_planet : int, optional
            Random cells of each planet; all by default.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        pandas.DataFrame
            ``planet`` is the number by which rows are to be grouped in any split.
        """
        import pandas as pd

        generator = np.random.default_rng(rng)
        size = int(np.prod(self.shape))
        frames = []
        for k, planet in enumerate(self.planets):
            cells = (
                np.arange(size)
                if cells_per_planet is None
                else generator.choice(size, min(cells_per_planet, size), replace=False)
            )
            i, j, m = np.unravel_index(cells, self.shape)
            columns: dict[str, Any] = {
                "planet": k, "t_global_k": planet.t_global_k, "period_day": planet.period_day,
                "t_star_k": planet.t_star_k, "gravity_ms2": planet.gravity_ms2,
                "lon_deg": self.lon_deg[m], "lat_deg": self.lat_deg[j], "p_pa": self.p_pa[i],
            }  # fmt: skip
            columns |= {name: values[k].ravel()[cells] for name, values in self.values.items()}
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def __len__(self) -> int:
        return len(self.planets)

    def __getitem__(self, k: int) -> GCMField:
        return GCMField(
            **{name: values[k] for name, values in self.values.items()},
            lon_deg=self.lon_deg, lat_deg=self.lat_deg, p_pa=self.p_pa, planet=self.planets[k],
            r_gas=self._r_gas[k], cp=self._cp[k], source=self._sources[k],
        )  # fmt: skip

    def __iter__(self) -> Iterator[GCMField]:
        return (self[k] for k in range(len(self)))

    def __repr__(self) -> str:
        hosts = len(set(self.hosts().tolist()))
        low = min(planet.t_global_k for planet in self.planets)
        high = max(planet.t_global_k for planet in self.planets)
        return (
            f"PlanetGrid({len(self)} planets, {hosts} host{'s' * (hosts != 1)}, {low:.0f} to "
            f"{high:.0f} K; {', '.join(self.names)} on {' x '.join(map(str, self.shape))})"
        )


def _meridians(lon_deg: Any) -> NDArray[np.float64]:
    lon = np.sort(wrap_longitude(axis_of(lon_deg, "deg", "lon_deg")))
    return np.asarray(lon[np.diff(lon, append=lon[0] + 360.0) > 1e-3])
