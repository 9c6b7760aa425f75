"""Readers of what climate codes write as text, and the one reader that knows all formats.

The largest open set of hot-Jupiter climates, the 345 SPARC/MITgcm models of Roth et al. 2024,
comes as text with the parameters in the names of the files; :func:`read_roth` makes a grid of
them possible. Files of other codes and of NetCDF go through :func:`read_field`.
"""

from __future__ import annotations

import gzip
import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile, SchemaError
from decan.core.files import reading

from .field import GCMField
from .netcdf import field_of_file, read_netcdf
from .planets import HOSTS, Planet

__all__ = ["parse_roth_name", "read_field", "read_picaso3d", "read_roth", "read_sparc_profiles"]

Array = NDArray[Any]
_ROTH = re.compile(
    r"PTprofiles[-_](?:.*?[-_])?Teq[_-](?P<teq>[\d.]+)-LogMet[_-](?P<met>-?[\d.]+)-LogDrag[_-]"
    r"(?P<drag>-?[\d.]+)-Mstar[_-](?P<mass>[\d.]+)-Rp[_-](?P<radius>[\d.]+)-logG[_-]"
    r"(?P<gravity>[\d.]+?)-TiOVO[_-](?P<tio>true|false)", re.I,
)  # fmt: skip
_MISSING = -1.0


def read_field(path: str | os.PathLike[str], **settings: Any) -> GCMField:
    """Read a field, by the name of its file.

    Parameters
    ----------
    path : path-like
        ``.nc`` is NetCDF; ``.npz`` arrays ``T``, ``u``, ``v``, ``w`` with ``p_pa``,
        ``lat_deg`` and ``lon_deg``; ``PTprofiles…Teq…`` a file of Roth et al. 2024; ``.pt`` a
        three-dimensional profile of PICASO; ``.dat`` and ``.txt`` SPARC profiles. Each may be
        gzipped (``.gz``).
    **settings
        Of the reader.

    Returns
    -------
    GCMField

    Raises
    ------
    SchemaError
        If the name tells no format.

    Examples
    --------
    >>> read_field("notes.docx")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: notes.docx: no known format; known are .nc, ...
    """
    name = Path(path).name.removesuffix(".gz")
    if name.endswith(".npz"):
        return _read_npz(path, **settings)
    if name.endswith((".nc", ".nc4", ".cdf")):
        return read_netcdf(path, **settings)
    if _ROTH.search(name):
        return read_roth(path, **settings)
    if name.endswith(".pt"):
        return read_picaso3d(path, **settings)
    if name.endswith((".dat", ".txt")):
        return read_sparc_profiles(path, **settings)
    raise SchemaError(
        f"{path}: no known format; known are .nc, .npz, PTprofiles-...Teq_..., .pt, .dat and .txt"
    )


def parse_roth_name(name: str) -> Planet:
    """The planet of a file of Roth et al. 2024, out of the file's name.

    Parameters
    ----------
    name : str
        ``PTprofiles-Teq_1600-LogMet_0.0-LogDrag_0-Mstar_1.1-Rp_1.3-logG_1.3-TiOVO_true.dat``;
        another prefix may stand before ``Teq``.

    Returns
    -------
    Planet
        Gravity is ten to the power of ``logG`` in m/s2. Temperature and radius of the star
        are those of a main-sequence star of its mass, and give the orbit.

    Raises
    ------
    SchemaError
        If the name does not hold the parameters.

    Examples
    --------
    >>> planet = parse_roth_name(
    ...     "PTprofiles-Teq_1600-LogMet_0.7-LogDrag_0-Mstar_1.1-Rp_1.3-logG_1.3-TiOVO_true.dat")
    >>> planet.t_global_k, round(planet.gravity_ms2, 2), planet.metallicity_dex
    (1600.0, 19.95, 0.7)
    """
    found = _ROTH.search(name)
    if found is None:
        raise SchemaError(
            f"{name}: expected PTprofiles-Teq_T-LogMet_m-LogDrag_d-Mstar_M-Rp_R-logG_g-"
            "TiOVO_true|false.dat"
        )
    stars = np.array(sorted(HOSTS.values(), key=lambda star: star[2]))
    mass = float(found["mass"])
    heat, size = (float(np.interp(mass, stars[:, 2], stars[:, k])) for k in (0, 1))
    tio = found["tio"].lower() == "true"
    return Planet.at_temperature(
        float(found["teq"]), star=(heat, size, mass), gravity_ms2=10.0 ** float(found["gravity"]),
        radius_rjup=float(found["radius"]), metallicity_dex=float(found["met"]),
        log_drag_s=float(found["drag"]), tio=tio,
        name=Path(name.removesuffix(".gz")).stem.removeprefix("PTprofiles-"),
    )  # fmt: skip


def read_roth(
    path: str | os.PathLike[str], *, planet: Planet | None = None, substellar_lon: float = 0.0
) -> GCMField:
    """A model of the grid of Roth et al. 2024: temperature on 64 x 32 x 53.

    Parameters
    ----------
    path : path-like
        Text with comma-separated columns: number, longitude, latitude (degrees), pressure
        (bar), temperature (K).
    planet : Planet, optional
        The planet, where it is not that of the file's name.
    substellar_lon : float
        Longitude of the substellar point in the file, degrees.

    Returns
    -------
    GCMField
        T only: these files hold no winds.

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        If the file is missing, cut off, or named otherwise.

    References
    ----------
    Roth et al. 2024, MNRAS, doi:10.1093/mnras/stae984.

    Examples
    --------
    >>> read_roth("PTprofiles-nothing.dat")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: PTprofiles-nothing.dat: no such file
    """
    with reading(path, "profile file") as where:
        planet = planet or parse_roth_name(where.name)
        table, _ = _numbers(where, least=5)
        lon, lat, bar, temperature = table[:, 1], table[:, 2], table[:, 3], table[:, 4]
        axes, (cube,) = _cube(where, lon, lat, bar * 1e5, [temperature])
        source = f"Roth et al. 2024, {where.name}"
        return field_of_file(
            where, cube, *axes, planet=planet, substellar_lon=substellar_lon, source=source
        )


def read_sparc_profiles(
    path: str | os.PathLike[str], *, planet: Planet | None = None, substellar_lon: float = 0.0
) -> GCMField:
    """Profiles of SPARC/MITgcm as text: some header lines, then comma-separated rows.

    Columns are layer, latitude, longitude (degrees), pressure (bar), temperature (K), and
    whatever the last header line names after them: winds (``U``, ``V``, ``W``) and volume
    mixing ratios. -1 stands for what is missing.

    Parameters
    ----------
    path : path-like
        The file; it may hold some latitudes only.
    planet : Planet, optional
        The planet.
    substellar_lon : float
        Longitude of the substellar point in the file, degrees.

    Returns
    -------
    GCMField

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is missing or cut off.

    Examples
    --------
    >>> read_sparc_profiles("no-such-file.dat")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such-file.dat: no such file
    """
    with reading(path, "profile file") as where:
        return _sparc(where, planet, substellar_lon)


def _sparc(where: Path, planet: Planet | None, substellar_lon: float) -> GCMField:
    table, header = _numbers(where, least=5)
    names = _column_names(header, table.shape[1])
    columns = [np.where(column == _MISSING, np.nan, column) for column in table.T[4:]]
    axes, cubes = _cube(where, table[:, 2], table[:, 1], table[:, 3] * 1e5, columns)
    fields: dict[str, Any] = {}
    vmr: dict[str, Any] = {}
    for name, cube in zip(["T", *names[5:]], cubes, strict=False):
        key = re.split(r"[\s(\[]", name.strip())[0]
        if key.lower() in ("u", "v", "w"):
            fields[key.lower()] = cube
        elif key in ("T", "Temperature"):
            fields["T"] = cube
        elif re.fullmatch(r"[A-Z][A-Za-z0-9]*", key):
            vmr[key] = cube
    return field_of_file(
        where, fields.pop("T"), *axes, **fields, vmr=vmr, planet=planet,
        substellar_lon=substellar_lon, source=where.name,
    )  # fmt: skip


def read_picaso3d(
    path: str | os.PathLike[str], *, planet: Planet | None = None, substellar_lon: float = 0.0
) -> GCMField:
    r"""A three-dimensional profile of PICASO: blocks of a place, then its levels.

    Parameters
    ----------
    path : path-like
        Text: a line with longitude and latitude (degrees), then lines with pressure (bar),
        temperature (K) and whatever follows, block after block.
    planet : Planet, optional
        The planet.
    substellar_lon : float
        Longitude of the substellar point in the file, degrees.

    Returns
    -------
    GCMField

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is missing, or a line fits neither.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.pt"
    >>> block = "{} {}\n1e-3 800 1e8\n1.0 1200 1e8\n"
    >>> _ = path.write_text("".join(block.format(x, y) for x in (-90, 90) for y in (-45, 45)))
    >>> read_picaso3d(path).shape
    (2, 2, 2)
    """
    with reading(path, "profile file") as where:
        return _picaso(where, planet, substellar_lon)


def _picaso(where: Path, planet: Planet | None, substellar_lon: float) -> GCMField:
    place: tuple[float, float] | None = None
    rows: list[tuple[float, float, float, float]] = []
    for number, line in enumerate(_lines(where), start=1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            values = [float(word) for word in words]
        except ValueError:
            if place is None:
                continue  # a header
            raise CorruptFile(f"{where}: line {number} is no row of numbers: {line!r}") from None
        if len(values) == 2:
            place = (values[0], values[1])
        elif len(values) >= 3 and place is not None:
            rows.append((*place, values[0], values[1]))
        else:
            raise CorruptFile(f"{where}: line {number} is neither a place nor a level: {line!r}")
    if not rows:
        raise CorruptFile(f"{where}: no levels in it")
    table = np.array(rows)
    axes, (cube,) = _cube(where, table[:, 0], table[:, 1], table[:, 2] * 1e5, [table[:, 3]])
    return field_of_file(
        where, cube, *axes, planet=planet, substellar_lon=substellar_lon, source=where.name
    )


def _read_npz(path: str | os.PathLike[str], **settings: Any) -> GCMField:
    with reading(path, "NumPy field") as where, np.load(where) as file:
        named = {key.lower(): key for key in file}
        lacking = [key for key in ("t", "p_pa", "lat_deg", "lon_deg") if key not in named]
        if lacking:
            raise SchemaError(
                f"{where}: no array {', '.join(lacking)} among {', '.join(file)}; expected T, "
                "u, v, w, p_pa, lat_deg, lon_deg"
            )
        winds = {key: file[named[key]] for key in "uvw" if key in named}
        axes = [file[named[key]] for key in ("lon_deg", "lat_deg", "p_pa")]
        settings = {"source": where.name, **settings}
        return field_of_file(where, file[named["t"]], *axes, **winds, **settings)


def _lines(path: Path) -> list[str]:
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return content.decode("utf-8", "replace").splitlines()


def _numbers(path: Path, *, least: int) -> tuple[Array, list[str]]:
    """The rows of numbers below a header, and the header's lines."""
    import pandas as pd

    lines = _lines(path)
    start = next((k for k, line in enumerate(lines) if _count(line) >= least), None)
    if start is None:
        raise CorruptFile(f"{path}: no line holds {least} numbers")
    body = "\n".join(line.strip().rstrip(",") for line in lines[start:] if line.strip())
    separator = "," if "," in lines[start] else r"\s+"
    try:
        frame = pd.read_csv(io.StringIO(body), header=None, sep=separator, dtype=float)
    except ValueError as error:
        reason = " ".join(str(error).split())  # pandas ends some messages with a line feed
        raise CorruptFile(
            f"{path}: not a table of numbers below line {start + 1} ({reason})"
        ) from error
    incomplete = frame.iloc[:, :least].isna().any(axis=1)
    if incomplete.any():
        line = start + 1 + int(np.flatnonzero(incomplete)[0])
        raise CorruptFile(f"{path}: line {line} is incomplete; is the file cut off?")
    return frame.to_numpy(), lines[:start]


def _count(line: str) -> int:
    """How many numbers a line begins with; 0 where a word is none."""
    words = line.replace(",", " ").split()
    try:
        return len([float(word) for word in words])
    except ValueError:
        return 0


def _column_names(header: list[str], width: int) -> list[str]:
    """Names out of the last header line that has as many as there are columns."""
    for line in reversed(header):
        words = [word.strip() for word in line.strip().lstrip("#").split(",") if word.strip()]
        if len(words) == width:
            return words
    return ["layer", "latitude", "longitude", "pressure", "temperature"]


def _cube(
    path: Path, lon: Array, lat: Array, p_pa: Array, columns: list[Array]
) -> tuple[tuple[Array, Array, Array], list[Array]]:
    """Rows in any order as cubes of pressure, latitude, longitude; every cell once."""
    axes, places = [], []
    for values in (lon, lat, p_pa):
        rounded = np.array([float(f"{value:.6g}") for value in np.unique(values)])
        axis, inverse = np.unique(rounded, return_inverse=True)
        axes.append(axis)
        places.append(inverse[np.searchsorted(np.unique(values), values)])
    x, y, z = places
    shape = (axes[2].size, axes[1].size, axes[0].size)
    cell = np.ravel_multi_index((z, y, x), shape)
    if np.unique(cell).size < cell.size:
        raise CorruptFile(f"{path}: a place is there twice at the same pressure")
    if cell.size < np.prod(shape):
        raise CorruptFile(
            f"{path}: {cell.size:,} rows, expected {np.prod(shape):,} = {shape[2]} longitudes x "
            f"{shape[1]} latitudes x {shape[0]} pressures; is the file cut off?"
        )
    cubes = []
    for column in columns:
        cube = np.empty(np.prod(shape))
        cube[cell] = column
        cubes.append(cube.reshape(shape))
    return (axes[0], axes[1], axes[2]), cubes
