"""``GCMField``: temperature and winds of one planet on pressure, latitude and longitude.

Inside, pressure rises from the top, latitude from the south pole, longitude from -180 degrees,
and the substellar point is at longitude 0, whatever order a file had. What lies outside the
pressures of a model is NaN after regridding, never invented.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.data.numbers import plain_numbers

from .planets import Planet
from .sphere import SphereInterpolator, area_mean, area_weights, wrap_longitude

if TYPE_CHECKING:
    import pandas as pd
    import xarray

__all__ = ["FIELDS", "GCMField"]

Array = NDArray[np.float32]

FIELDS: dict[str, tuple[str, str]] = {
    "T": ("temperature", "K"),
    "u": ("eastward wind", "m/s"),
    "v": ("northward wind", "m/s"),
    "w": ("upward wind", "m/s"),
}
"""Short name of each field, its name in words, and its unit."""

_HIGHEST_PLAUSIBLE_K = 20_000.0
_DOUBLED_DEG = 1e-3
_HEATED_PA = 100.0


@dataclass
class GCMField:
    """Temperature and winds of one planet, on a longitude-latitude grid at pressure levels.

    Parameters
    ----------
    T : array_like, shape (p, lat, lon)
        Temperature, K (or a Quantity).
    lon_deg, lat_deg : array_like
        Longitude (any turn) and latitude, degrees, in any order.
    p_pa : array_like
        Pressure, Pa (or a Quantity), rising or falling.
    u, v, w : array_like, shape (p, lat, lon), optional
        Eastward, northward and upward wind, m/s. None where a model gives none.
    planet : Planet, optional
        The planet; a grid of planets needs it.
    r_gas, cp : float
        Specific gas constant and heat capacity, J/kg/K.
    substellar_lon : float
        Longitude of the substellar point in ``lon_deg``; it becomes 0.
    averaging_days : float, optional
        Over how many days the fields are averaged; 0 for a snapshot, None if unknown.
    vmr : mapping of str to array_like, optional
        Volume mixing ratios of gases on the same grid.
    source : str
        Where the fields come from, in words.

    Raises
    ------
    ValueError
        If shapes differ, a level is doubled, the pressures look like bars, or the
        temperature looks like a potential temperature.

    Examples
    --------
    >>> lon, lat = np.arange(-180, 180, 30.0), np.arange(-75, 76, 30.0)
    >>> p = np.array([1e5, 1e4, 1e3])
    >>> day = np.maximum(np.cos(np.deg2rad(lat))[:, None] * np.cos(np.deg2rad(lon)), 0)
    >>> field = GCMField(1000 + 800 * day + 0 * p[:, None, None], lon, lat, p)
    >>> field
    GCMField(T; 3 levels 0.01 to 1 bar, 6 latitudes, 12 longitudes)
    >>> bool(field.at(0.0, 0.0, 2e3) > 1700)
    True
    """

    T: Any
    lon_deg: Any
    lat_deg: Any
    p_pa: Any
    u: Any = None
    v: Any = None
    w: Any = None
    planet: Planet | None = None
    r_gas: float = 3714.0
    cp: float = 13000.0
    substellar_lon: float = 0.0
    averaging_days: float | None = None
    vmr: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        self.p_pa = in_pascal(self.p_pa)
        self.lat_deg = axis_of(self.lat_deg, "deg", "lat_deg")
        self.lon_deg = axis_of(self.lon_deg, "deg", "lon_deg")
        given = {name: getattr(self, name) for name in FIELDS} | {
            f"vmr[{name!r}]": values for name, values in self.vmr.items()
        }
        shape = (self.p_pa.size, self.lat_deg.size, self.lon_deg.size)
        arrays = {}
        for name, values in given.items():
            if values is None:
                continue
            arrays[name] = _values(values, FIELDS.get(name, ("", ""))[1], name)
            if arrays[name].shape != shape:
                raise ValueError(
                    f"{name} has shape {arrays[name].shape}, expected (pressure, latitude, "
                    f"longitude) = {shape}"
                )
        self._sort(arrays)
        _refuse_potential_temperature(self.T, self.p_pa)
        if _heated_at_the_back(self.T, self.p_pa, self.lat_deg, self.lon_deg):
            warnings.warn(
                "above 1 mbar the hemisphere around longitude 0 is colder than the other; if "
                "the substellar point is at 180 degrees, pass substellar_lon=180",
                stacklevel=3,
            )

    def _sort(self, arrays: dict[str, Array]) -> None:
        levels = np.argsort(self.p_pa, kind="stable")
        rows = np.argsort(self.lat_deg, kind="stable")
        lon = wrap_longitude(
            self.lon_deg - float(_values(self.substellar_lon, "deg", "substellar_lon"))
        )
        columns = np.argsort(lon, kind="stable")
        # The step to the next meridian, over the seam too: one written twice counts once.
        ahead = np.diff(lon[columns], append=lon[columns[0]] + 360.0)
        columns = columns[ahead > _DOUBLED_DEG] if columns.size > 1 else columns
        self.p_pa, self.lat_deg = self.p_pa[levels], self.lat_deg[rows]
        self.lon_deg, self.substellar_lon = lon[columns], 0.0
        if np.any(np.diff(self.p_pa) <= 0):
            twice = self.p_pa[1:][np.diff(self.p_pa) <= 0][0]
            raise ValueError(f"p_pa: the level {twice:g} Pa is there twice")
        if np.any(np.diff(self.lat_deg) <= 0) or np.abs(self.lat_deg).max() > 90 + 1e-6:
            raise ValueError("lat_deg: latitudes must differ and lie between -90 and 90 degrees")
        for name, values in arrays.items():
            ordered = np.ascontiguousarray(values[levels][:, rows][:, :, columns])
            if name in FIELDS:
                setattr(self, name, ordered)
            else:
                arrays[name] = ordered
        self.vmr = {name: arrays[f"vmr[{name!r}]"] for name in self.vmr}

    @property
    def names(self) -> tuple[str, ...]:
        """Which of T, u, v, w there are."""
        return tuple(name for name in FIELDS if getattr(self, name) is not None)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of pressures, latitudes and longitudes."""
        return (self.p_pa.size, self.lat_deg.size, self.lon_deg.size)

    @property
    def gravity(self) -> float:
        """Surface gravity of the planet, m/s2."""
        return self._known_planet().gravity_ms2

    def regrid(self, lon_deg: Any = None, lat_deg: Any = None, p_pa: Any = None) -> GCMField:
        """The same climate on another grid: linear on the sphere and in the log of pressure.

        Parameters
        ----------
        lon_deg, lat_deg, p_pa : array_like, optional
            New axes, degrees and Pa (or Quantity); what is not given stays.

        Returns
        -------
        GCMField
            NaN at pressures outside the model.
        """
        lon = self.lon_deg if lon_deg is None else axis_of(lon_deg, "deg", "lon_deg")
        lat = self.lat_deg if lat_deg is None else axis_of(lat_deg, "deg", "lat_deg")
        p = self.p_pa if p_pa is None else in_pascal(p_pa)
        same = lon_deg is None and lat_deg is None
        onto = np.meshgrid(lon, lat)
        moved: dict[str, Any] = {}
        sphere = SphereInterpolator(self.lon_deg, self.lat_deg)
        for name in self.names:
            moved[name] = _to_levels(getattr(self, name), self.p_pa, p)
        vmr = {name: _to_levels(values, self.p_pa, p) for name, values in self.vmr.items()}
        if not same:
            if "u" in moved and "v" in moved:
                moved["u"], moved["v"] = sphere.wind(moved["u"], moved["v"], *onto)
            for name in ("T", "w"):
                if name in moved:
                    moved[name] = sphere.scalar(moved[name], *onto)
            if ("u" in moved) != ("v" in moved):
                name = "u" if "u" in moved else "v"
                moved[name] = sphere.scalar(moved[name], *onto)
            vmr = {name: sphere.scalar(values, *onto) for name, values in vmr.items()}
        return replace(self, lon_deg=lon, lat_deg=lat, p_pa=p, vmr=vmr, **moved)

    def at(self, lon_deg: Any, lat_deg: Any, p_pa: Any, name: str = "T") -> NDArray[np.float64]:
        """One field at points.

        Parameters
        ----------
        lon_deg, lat_deg, p_pa : array_like
            Points, degrees and Pa (or Quantity); they broadcast.
        name : {'T', 'u', 'v', 'w'}
            Which field.

        Returns
        -------
        ndarray
            NaN at pressures outside the model.
        """
        lon, lat, p = np.broadcast_arrays(
            _values(lon_deg, "deg", "lon_deg"), _values(lat_deg, "deg", "lat_deg"),
            _values(p_pa, "Pa", "p_pa"),
        )  # fmt: skip
        if getattr(self, name) is None:
            raise ValueError(f"there is no field {name!r} here, only {', '.join(self.names)}")
        sphere = SphereInterpolator(self.lon_deg, self.lat_deg)
        if name in ("u", "v") and self.u is not None and self.v is not None:
            columns = sphere.wind(self.u, self.v, lon.ravel(), lat.ravel())["uv".index(name)]
        else:
            columns = sphere.scalar(getattr(self, name), lon.ravel(), lat.ravel())
        if self.p_pa.size < 2:
            raise ValueError("a field of one level has no profile to interpolate in")
        x, grid = np.log(p.ravel()), np.log(self.p_pa)
        k = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, grid.size - 2)
        part = (x - grid[k]) / (grid[k + 1] - grid[k])
        points = np.arange(x.size)
        found = columns[k, points] * (1 - part) + columns[k + 1, points] * part
        outside = (part < -1e-6) | (part > 1 + 1e-6)
        return np.where(outside, np.nan, found).reshape(p.shape)

    def zonal_mean(self, name: str = "u") -> Array:
        """Mean along latitude circles.

        Parameters
        ----------
        name : {'T', 'u', 'v', 'w'}
            Which field.

        Returns
        -------
        ndarray, shape (p, lat)
        """
        return np.asarray(getattr(self, name).mean(axis=-1))

    def area_mean(self, name: str = "T") -> NDArray[np.float64]:
        """Mean over the sphere at every level.

        Parameters
        ----------
        name : {'T', 'u', 'v', 'w'}
            Which field.

        Returns
        -------
        ndarray, shape (p,)
        """
        return area_mean(getattr(self, name), self.lat_deg)

    def limb(self, side: str, opening_deg: float = 30.0) -> NDArray[np.float64]:
        """Temperature profile of one terminator, mean over latitudes and an opening angle.

        Parameters
        ----------
        side : {'evening', 'morning'}
            Evening is the eastern terminator (longitude 90) of a planet that rotates
            eastward, morning the western one.
        opening_deg : float
            Width in longitude, degrees.

        Returns
        -------
        ndarray, shape (p,)
            K.
        """
        if side not in ("evening", "morning"):
            raise ValueError(f"side must be 'evening' or 'morning', found {side!r}")
        centre = 90.0 if side == "evening" else -90.0
        offset = np.linspace(-0.5, 0.5, 7) * opening_deg
        lon, lat = np.meshgrid(centre + offset, self.lat_deg)
        sphere = SphereInterpolator(self.lon_deg, self.lat_deg)
        strip = sphere.scalar(self.T, lon, lat)
        return np.asarray((strip.mean(axis=-1) * area_weights(self.lat_deg)).sum(axis=-1))

    def validate(self) -> pd.DataFrame:
        """Checks of what a climate cannot be; see :func:`decan.gcm_emulator.validate_field`.

        Returns
        -------
        pandas.DataFrame
            One row a check: ``check``, ``passed``, ``found``.
        """
        from .validation import validate_field

        return validate_field(self)

    def to_xarray(self) -> xarray.Dataset:
        """As an xarray Dataset with units and the planet in its attributes.

        Returns
        -------
        xarray.Dataset
        """
        from .netcdf import dataset_of

        return dataset_of(self)

    def to_netcdf(self, path: str | os.PathLike[str]) -> Path:
        """Write the fields as NetCDF, whole or not at all.

        Parameters
        ----------
        path : path-like
            The file.

        Returns
        -------
        pathlib.Path
        """
        from .netcdf import write_netcdf

        return write_netcdf(self, path)

    @classmethod
    def read(cls, path: str | os.PathLike[str], **settings: Any) -> GCMField:
        """Read NetCDF: what ``to_netcdf`` wrote, or what gcm_toolkit and Exo-FMS write.

        Parameters
        ----------
        path : path-like
            The file.
        **settings
            See :func:`decan.gcm_emulator.read_netcdf`.

        Returns
        -------
        GCMField
        """
        from .netcdf import read_netcdf

        return read_netcdf(path, **settings)

    def copy(self, **changes: Any) -> GCMField:
        """The same fields with some arguments changed.

        Parameters
        ----------
        **changes
            Arguments of :class:`GCMField`.

        Returns
        -------
        GCMField
        """
        return replace(self, **changes)

    def __repr__(self) -> str:
        n_p, n_lat, n_lon = self.shape
        planet = f"{self.planet.name or self.planet!r}: " if self.planet else ""
        return (
            f"GCMField({planet}{', '.join(self.names)}; {n_p} levels {self.p_pa[0] / 1e5:.3g} to "
            f"{self.p_pa[-1] / 1e5:.3g} bar, {n_lat} latitudes, {n_lon} longitudes)"
        )

    def _known_planet(self) -> Planet:
        if self.planet is None:
            raise ValueError("the planet of this field is not known; give planet= to GCMField")
        return self.planet


def _values(values: Any, unit: str, name: str) -> Any:
    array = plain_numbers(values, name, unit=unit or None)
    return array.astype(np.float32) if array.ndim == 3 else array


def axis_of(values: Any, unit: str, name: str) -> NDArray[np.float64]:
    """One axis in a unit, from numbers or a Quantity."""
    axis = np.atleast_1d(_values(values, unit, name)).astype(float)
    if axis.ndim != 1 or not np.isfinite(axis).all():
        raise ValueError(f"{name} must be one finite axis, found shape {axis.shape}")
    return axis


def in_pascal(values: Any) -> NDArray[np.float64]:
    """Pressures in Pa, from numbers or a Quantity; bars are noticed."""
    axis = axis_of(values, "Pa", "p_pa")
    if np.any(axis <= 0):
        raise ValueError(f"p_pa must be positive, found {axis.min():g} Pa")
    if not hasattr(values, "unit") and axis.max() < 1e4 and axis.min() < 1e-3:
        raise ValueError(
            f"p_pa runs from {axis.min():g} to {axis.max():g}, which looks like bar; pass Pa "
            "(multiply by 1e5) or an astropy Quantity"
        )
    return axis


def _to_levels(values: Array, have: NDArray[np.float64], want: NDArray[np.float64]) -> Array:
    """Linear in the log of pressure; NaN outside."""
    if have.shape == want.shape and np.allclose(have, want, rtol=1e-6):
        return values
    x, grid = np.log(np.sort(want)), np.log(have)
    if grid.size < 2:
        raise ValueError("a field of one level has no profile to interpolate in")
    k = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, grid.size - 2)
    part = ((x - grid[k]) / (grid[k + 1] - grid[k])).astype(np.float32)[:, None, None]
    found = values[k] * (1 - part) + values[k + 1] * part
    outside = (x < grid[0] - 1e-6) | (x > grid[-1] + 1e-6)
    found[outside] = np.nan
    return found[np.argsort(np.argsort(want))]


def _refuse_potential_temperature(temperature: Array, p_pa: NDArray[np.float64]) -> None:
    good = np.isfinite(temperature)
    if not good.any():
        raise ValueError("T holds no finite value")
    count = good.sum(axis=(1, 2))
    profile = np.where(good, temperature, 0.0).sum(axis=(1, 2))[count > 0] / count[count > 0]
    if np.nanmin(profile) <= 0:
        raise ValueError(f"T must be in K and positive, found a mean of {np.nanmin(profile):g}")
    top = profile[0]
    if top > _HIGHEST_PLAUSIBLE_K and top >= np.nanmax(profile):
        raise ValueError(
            f"T reaches {top:,.0f} K at the top ({p_pa[0]:.3g} Pa) and grows upward: this looks "
            "like a potential temperature; T = theta (p / p_ref)^(R / cp), see "
            "temperature_from_potential"
        )


def _heated_at_the_back(temperature: Array, p_pa: NDArray[np.float64], lat: Any, lon: Any) -> bool:
    high = p_pa < _HEATED_PA
    day, night = np.abs(lon) < 90, np.abs(lon) > 90
    if not high.any() or not day.any() or not night.any():
        return False
    profile = area_mean_of(temperature[high], lat, day), area_mean_of(temperature[high], lat, night)
    both = np.isfinite(profile[0]) & np.isfinite(profile[1])
    return bool(profile[0][both].sum() < profile[1][both].sum() * (1 - 1e-3))


def area_mean_of(values: Any, lat_deg: Any, columns: Any) -> NDArray[np.float64]:
    """Mean over the area of some meridians.

    Parameters
    ----------
    values : ndarray, shape (..., lat, lon)
        A field.
    lat_deg : array_like, shape (lat,)
        Latitudes, degrees.
    columns : ndarray of bool, shape (lon,)
        The meridians.

    Returns
    -------
    ndarray, shape (...)
    """
    return area_mean(np.asarray(values)[..., columns], lat_deg)


def common_levels(fields: Iterable[GCMField]) -> NDArray[np.float64]:
    """Pressures of the first field that all fields reach.

    Parameters
    ----------
    fields : iterable of GCMField
        At least one.

    Returns
    -------
    ndarray
        Pa.

    Raises
    ------
    ValueError
        If no pressure is common to all.
    """
    listed = list(fields)
    low = max(one.p_pa[0] for one in listed)
    high = min(one.p_pa[-1] for one in listed)
    p = listed[0].p_pa
    common = p[(p >= low * (1 - 1e-6)) & (p <= high * (1 + 1e-6))]
    if not common.size:
        raise ValueError(f"the fields share no pressure: they end at {high:g}, begin at {low:g} Pa")
    return np.asarray(common)
