"""NetCDF in and out: ours, and what gcm_toolkit and Exo-FMS write.

Written through xarray as NetCDF 3, which every tool reads. NetCDF 4 is HDF5 and is read
through h5py, so that neither the netCDF4 nor the h5netcdf package is needed.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import CorruptFile, SchemaError
from decan.core.files import reading, replacing

from .field import FIELDS, GCMField
from .planets import Planet

if TYPE_CHECKING:
    import xarray

__all__ = ["dataset_of", "read_netcdf", "write_netcdf"]

_PLANET = "planet_"
_NAMES = {
    "T": ("T", "temp", "temperature"),
    "u": ("u", "U", "ucomp"),
    "v": ("v", "V", "vcomp"),
    "w": ("w", "W"),
    "omega": ("omega",),
    "p": ("p", "Z", "pfull", "pressure", "plev", "lev"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "longitude"),
}
_AXIS_UNITS = {"p": "Pa", "lat": "deg", "lon": "deg"}
_FIELD_UNITS = {"T": "K", "u": "m/s", "v": "m/s", "w": "m/s", "omega": "Pa/s"}
_SPELLINGS = {
    "millibar": "mbar", "millibars": "mbar", "mb": "mbar", "hpa": "hPa", "pascal": "Pa",
    "pascals": "Pa", "pa": "Pa", "bars": "bar", "kelvin": "K", "degk": "K", "deg_k": "K",
    "degc": "deg_C", "celsius": "deg_C", "m s**-1": "m/s", "m sec-1": "m/s", "m/sec": "m/s",
    "pa s**-1": "Pa/s", "pa/sec": "Pa/s",
}  # fmt: skip


def dataset_of(field: GCMField) -> xarray.Dataset:
    """A field as an xarray Dataset: units, and planet and constants as attributes.

    Parameters
    ----------
    field : GCMField
        The field.

    Returns
    -------
    xarray.Dataset

    Examples
    --------
    >>> field = GCMField(np.full((2, 3, 4), 900.0), [-180, -90, 0, 90], [-60, 0, 60], [1e3, 1e5])
    >>> dict(dataset_of(field).sizes)
    {'p': 2, 'lat': 3, 'lon': 4}
    """
    import xarray

    axes = ("p", "lat", "lon")
    data = {
        name: (axes, getattr(field, name), {"long_name": words, "units": unit})
        for name, (words, unit) in FIELDS.items()
        if getattr(field, name) is not None
    }
    data |= {
        f"vmr_{name}": (axes, values, {"units": "1", "long_name": f"mixing ratio of {name}"})
        for name, values in field.vmr.items()
    }
    attributes: dict[str, Any] = {
        "Conventions": "CF-1.8",
        "source": field.source or "decan.gcm_emulator",
        "r_gas": field.r_gas,
        "cp": field.cp,
    }
    if field.averaging_days is not None:
        attributes["averaging_days"] = field.averaging_days
    if field.planet is not None:
        attributes |= {
            _PLANET + name: int(value) if isinstance(value, bool) else value
            for name, value in vars(field.planet).items()
        }
    coordinates = {
        "p": ("p", field.p_pa, {"units": "Pa", "long_name": "pressure", "positive": "down"}),
        "lat": ("lat", field.lat_deg, {"units": "degrees_north"}),
        "lon": ("lon", field.lon_deg, {"units": "degrees_east", "long_name": "substellar is 0"}),
    }
    return xarray.Dataset(data, coordinates, attributes)


def write_netcdf(field: GCMField, path: str | os.PathLike[str]) -> Path:
    """Write a field as NetCDF, whole or not at all.

    Parameters
    ----------
    field : GCMField
        The field.
    path : path-like
        The file.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> import tempfile
    >>> field = GCMField(np.full((2, 3, 4), 900.0), [-180, -90, 0, 90], [-60, 0, 60], [1e3, 1e5])
    >>> path = write_netcdf(field, Path(tempfile.mkdtemp()) / "field.nc")
    >>> read_netcdf(path).shape
    (2, 3, 4)
    """
    with replacing(path) as temporary:
        temporary.write_bytes(bytes(dataset_of(field).to_netcdf(engine="scipy")))
    return Path(path)


def read_netcdf(
    path: str | os.PathLike[str],
    *,
    planet: Planet | None = None,
    time: int = -1,
    substellar_lon: float = 0.0,
) -> GCMField:
    """Read a field from NetCDF 3 or 4, by the names that the field's codes use.

    Known are our own files, those of gcm_toolkit (``T, U, V, W`` on ``Z`` in Pa) and those
    of Exo-FMS (``temp, ucomp, vcomp, omega`` on ``pfull``), each also as ``.gz``. Units and
    packing (``scale_factor``, ``add_offset``) of the file are heeded. A pressure velocity
    becomes an upward wind where gravity is known.

    Parameters
    ----------
    path : path-like
        The file.
    planet : Planet, optional
        The planet, where the file does not name it.
    time : int
        Which instant, where the file holds several.
    substellar_lon : float
        Longitude of the substellar point in the file, degrees.

    Returns
    -------
    GCMField

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If it is no NetCDF, or spoilt.
    SchemaError
        If temperature or an axis is missing (the message lists what there is), a unit is of
        another kind, or values are no climate.

    Examples
    --------
    >>> read_netcdf("no-such-file.nc")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such-file.nc: no such file
    """
    with reading(path, "NetCDF field") as where:
        return _field(where, planet, time, substellar_lon)


def field_of_file(path: Path, *arrays: Any, **settings: Any) -> GCMField:
    """A field of what a file holds; values that are no climate name the file."""
    try:
        return GCMField(*arrays, **settings)
    except ValueError as error:
        raise SchemaError(f"{path}: {error}") from error


def _field(where: Path, planet: Planet | None, time: int, substellar_lon: float) -> GCMField:
    variables, attributes = _contents(where)
    found = {
        ours: next((name for name in theirs if name in variables), None)
        for ours, theirs in _NAMES.items()
    }
    lacking = [name for name in ("T", "p", "lat", "lon") if found[name] is None]
    if lacking:
        raise SchemaError(
            f"{where}: no variable for {', '.join(lacking)} among {', '.join(sorted(variables))}; "
            f"known are {', '.join('/'.join(_NAMES[name]) for name in lacking)}"
        )
    axes = {name: variables[str(found[name])] for name in ("p", "lat", "lon")}
    pressure, lat, lon = (
        _in_unit(axes[name]["data"], axes[name], _AXIS_UNITS[name], where)
        for name in ("p", "lat", "lon")
    )
    fields: dict[str, Any] = {}
    for name in ("T", "u", "v", "w", "omega"):
        if found[name] is None:
            continue
        variable = variables[str(found[name])]
        if name == "w" and _is_pressure_velocity(variable):
            name = "omega"
        unit = _FIELD_UNITS[name]
        values = _ordered(variable, found, axes, time, where)
        fields[name] = _in_unit(values, variable, unit, where)
    planet = planet or _planet_of(attributes)
    gravity = planet.gravity_ms2 if planet is not None else float(attributes.get("g", np.nan))
    r_gas = float(attributes.get("r_gas", attributes.get("R", 3714.0)))
    cp = float(attributes.get("cp", 13000.0))
    if "w" not in fields and "omega" in fields and np.isfinite(gravity):
        p = pressure[:, None, None]
        fields["w"] = -fields["omega"] * r_gas * fields["T"] / (p * gravity)
    fields.pop("omega", None)
    vmr = {
        name.removeprefix("vmr_"): _ordered(values, found, axes, time, where)
        for name, values in variables.items()
        if name.startswith("vmr_")
    }
    days = attributes.get("averaging_days")
    return field_of_file(
        where, **fields, lon_deg=lon, lat_deg=lat, p_pa=pressure,
        planet=planet, r_gas=r_gas, cp=cp, substellar_lon=substellar_lon, vmr=vmr,
        averaging_days=None if days is None else float(days),
        source=_text(attributes.get("source", where.name)),
    )  # fmt: skip


def _contents(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Variables (data, dims, attributes) and attributes of a NetCDF 3 or 4 file."""
    with path.open("rb") as opened:
        stream: Any = opened
        head = stream.read(4)
        if head[:2] == b"\x1f\x8b":
            stream = io.BytesIO(gzip.decompress(path.read_bytes()))
            head = stream.read(4)
        stream.seek(0)
        if head[:3] == b"CDF":
            return _from_netcdf3(stream)
        if head == b"\x89HDF":
            import h5py

            with h5py.File(stream, "r") as file:
                return _from_hdf5(file)
    raise CorruptFile(f"{path}: neither NetCDF 3 nor NetCDF 4 (it begins with {head!r})")


def _from_netcdf3(stream: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    from scipy.io import netcdf_file

    # Through a handle: the reader leaves a file open whose header it cannot read.
    with netcdf_file(stream, "r", mmap=False) as opened:
        file: Any = opened
        variables = {
            name: {"data": np.array(one[:], dtype=one[:].dtype.newbyteorder("=")),
                   "dims": one.dimensions, "attrs": dict(one._attributes)}
            for name, one in file.variables.items()
        }  # fmt: skip
        return variables, dict(file._attributes)


def _from_hdf5(file: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    variables = {}
    for name, one in file.items():
        if not hasattr(one, "shape"):
            continue
        dims = []
        for axis, scales in enumerate(one.dims):
            named = [scale.name.rsplit("/", 1)[-1] for scale in scales.values()]
            dims.append(named[0] if named else (name if one.ndim == 1 else f"axis{axis}"))
        variables[name] = {"data": one[()], "dims": tuple(dims), "attrs": dict(one.attrs)}
    return variables, dict(file.attrs)


def _ordered(
    variable: Mapping[str, Any], found: Mapping[str, Any], axes: Mapping[str, Any],
    time: int, path: Path,
) -> Any:  # fmt: skip
    """Data as (pressure, latitude, longitude), one instant, unpacked; fill values are NaN."""
    data = np.asarray(variable["data"], dtype=float)
    fill = variable["attrs"].get("_FillValue", variable["attrs"].get("missing_value"))
    if fill is not None:
        data = np.where(data == float(np.ravel(fill)[0]), np.nan, data)
    scale, offset = (
        float(np.ravel(variable["attrs"].get(name, standard))[0])
        for name, standard in (("scale_factor", 1.0), ("add_offset", 0.0))
    )
    data = data * scale + offset
    dims = list(variable["dims"])
    wanted = [str(axes[name]["dims"][0]) for name in ("p", "lat", "lon")]
    for extra in [name for name in dims if name not in wanted]:
        data = np.take(data, time if data.shape[dims.index(extra)] > 1 else 0, dims.index(extra))
        dims.remove(extra)
    if sorted(dims) != sorted(wanted):
        raise SchemaError(f"{path}: a field has dimensions {dims}, expected {wanted}")
    return data.transpose([dims.index(name) for name in wanted])


def _in_unit(values: Any, variable: Mapping[str, Any], wanted: str, path: Path) -> Any:
    """Values in the unit that fields have here; what the file says no unit of is in it."""
    text = _text(variable["attrs"].get("units", "")).strip()
    data = np.asarray(values, dtype=float)
    # CF's ways to write degrees: degrees_east, degree_N and their like.
    if not text or (wanted == "deg" and text.lower().startswith("deg")):
        return data
    from astropy import units as u

    spelled = _SPELLINGS.get(text.lower(), text)
    known = u.Unit(spelled, parse_strict="silent")
    try:
        return known.to(u.Unit(wanted), data, equivalencies=u.temperature())
    except (u.UnitConversionError, TypeError, ValueError):
        raise SchemaError(f"{path}: unit {text!r} where {wanted!r} is expected") from None


def _is_pressure_velocity(variable: Mapping[str, Any]) -> bool:
    return _text(variable["attrs"].get("units", "")).strip().lower().startswith("pa")


def _planet_of(attributes: Mapping[str, Any]) -> Planet | None:
    known: dict[str, Any] = {}
    for name in Planet.__dataclass_fields__:
        value = attributes.get(_PLANET + name)
        if value is None:
            continue
        if name == "name":
            known[name] = _text(value)
        elif name in ("end_point", "tio"):
            known[name] = bool(np.ravel(value)[0])
        else:
            known[name] = float(np.ravel(value)[0])
    return Planet(**known) if len(known) >= 6 else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return _text(value.ravel()[0]) if value.size else ""
    return str(value)
