"""Dumps of MITgcm and its relatives (ExoRad): binary records, tiles, constants, conversions.

What a dump calls T is a potential temperature, U and V lie along the local axes of the cube on
the faces of cells, and W is a pressure velocity on the deeper interface of a layer. This room
makes of them temperature and winds at cell centres on longitude and latitude.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile, DataNotAvailable, DecanError, SchemaError
from decan.core.files import reading

from .cubed_sphere import SphereRegridder, centred_vertical, centred_winds
from .field import GCMField
from .planets import Planet

__all__ = [
    "from_cubed_sphere",
    "potential_from_temperature",
    "read_mds",
    "read_mitgcm",
    "temperature_from_potential",
    "upward_from_pressure_velocity",
]

Array = NDArray[Any]
_GRID = ("XC", "YC", "RC", "RF", "AngleCS", "AngleSN")
_ABSURD = 1e25


def temperature_from_potential(
    theta_k: Any, p_pa: Any, p_ref_pa: float, r_gas: float, cp: float
) -> Array:
    """Temperature from potential temperature.

    Parameters
    ----------
    theta_k : array_like
        Potential temperature, K.
    p_pa : array_like
        Pressure, Pa, broadcast against it.
    p_ref_pa : float
        Reference pressure, Pa: the deepest interface of the run.
    r_gas, cp : float
        Specific gas constant and heat capacity, J/kg/K.

    Returns
    -------
    ndarray
        K: ``theta (p / p_ref)^(R / cp)``.

    Examples
    --------
    >>> float(temperature_from_potential(2000.0, 1e5, 1e5, 3707.0, 13784.0))
    2000.0
    """
    return np.asarray(
        np.asarray(theta_k, dtype=float) * (np.asarray(p_pa, float) / p_ref_pa) ** (r_gas / cp)
    )


def potential_from_temperature(
    t_k: Any, p_pa: Any, p_ref_pa: float, r_gas: float, cp: float
) -> Array:
    """Potential temperature from temperature; undoes :func:`temperature_from_potential`.

    Parameters
    ----------
    t_k : array_like
        Temperature, K.
    p_pa : array_like
        Pressure, Pa, broadcast against it.
    p_ref_pa : float
        Reference pressure, Pa.
    r_gas, cp : float
        Specific gas constant and heat capacity, J/kg/K.

    Returns
    -------
    ndarray
        K.

    Examples
    --------
    >>> theta = potential_from_temperature(1000.0, 1e3, 1e5, 3707.0, 13784.0)
    >>> round(float(temperature_from_potential(theta, 1e3, 1e5, 3707.0, 13784.0)), 9)
    1000.0
    """
    return temperature_from_potential(t_k, p_ref_pa**2 / np.asarray(p_pa, float), p_ref_pa,
                                      r_gas, cp)  # fmt: skip


def upward_from_pressure_velocity(
    omega_pa_s: Any, t_k: Any, p_pa: Any, gravity_ms2: float, r_gas: float
) -> Array:
    """Upward wind from pressure velocity: ``w = -omega R T / (p g)``.

    Parameters
    ----------
    omega_pa_s : array_like
        Pressure velocity, Pa/s, positive downward.
    t_k, p_pa : array_like
        Temperature (K) and pressure (Pa), broadcast against it.
    gravity_ms2, r_gas : float
        Gravity (m/s2) and specific gas constant (J/kg/K).

    Returns
    -------
    ndarray
        m/s.

    Examples
    --------
    >>> float(upward_from_pressure_velocity(-10.0, 1000.0, 1e4, 10.0, 3700.0))
    370.0
    """
    return np.asarray(
        -np.asarray(omega_pa_s, dtype=float) * r_gas * np.asarray(t_k, dtype=float)
        / (np.asarray(p_pa, dtype=float) * gravity_ms2)
    )  # fmt: skip


def from_cubed_sphere(
    raw: dict[str, Any],
    *,
    planet: Planet,
    r_gas: float,
    cp: float,
    p_ref_pa: float,
    lon_deg: Any = None,
    lat_deg: Any = None,
    source: str = "cubed sphere",
) -> GCMField:
    """Temperature and winds on longitude and latitude from raw variables on a cubed sphere.

    Parameters
    ----------
    raw : dict of str to array
        ``theta`` (K), ``U``, ``V`` (m/s along the local axes), ``W`` (Pa/s), each of shape
        (layers, n, 6 n) from the bottom; ``XC``, ``YC`` (degrees), ``AngleCS``, ``AngleSN``;
        ``RC``, ``RF`` (Pa); ``area``, where area means are to be kept exactly. With
        ``k_index`` only these layers of ``RC`` are there, and W, which cannot be centred
        between layers that are missing, is taken from its interface.
    planet : Planet
        The planet.
    r_gas, cp, p_ref_pa : float
        Constants of the run: J/kg/K and Pa.
    lon_deg, lat_deg : array_like, optional
        Target axes, degrees; 72 x 45 by default.
    source : str
        Where it comes from.

    Returns
    -------
    GCMField

    Examples
    --------
    >>> from decan.gcm_emulator.archive import DATASETS
    >>> "hd209458b_native" in DATASETS
    True
    """
    lon = np.arange(-177.5, 180, 5.0) if lon_deg is None else np.asarray(lon_deg, dtype=float)
    lat = np.arange(-88.0, 89.0, 4.0) if lat_deg is None else np.asarray(lat_deg, dtype=float)
    regrid = SphereRegridder(raw["XC"], raw["YC"], lon, lat, raw.get("area"))
    every = np.arange(raw["RC"].size)
    layers = np.asarray(raw.get("k_index", every))
    p = raw["RC"][layers]
    column = p[:, None, None]
    temperature = temperature_from_potential(raw["theta"], column, p_ref_pa, r_gas, cp)
    fields: dict[str, Any] = {}
    if "U" in raw and "V" in raw:
        u, v = centred_winds(raw["U"], raw["V"], raw["AngleCS"], raw["AngleSN"])
        fields["u"], fields["v"] = regrid.wind(u, v)
    if "W" in raw:
        whole = np.array_equal(layers, every)
        omega = centred_vertical(raw["W"]) if whole else np.asarray(raw["W"], dtype=float)
        at = column if whole else raw["RF"][layers][:, None, None]
        w = upward_from_pressure_velocity(omega, temperature, at, planet.gravity_ms2, r_gas)
        fields["w"] = regrid.scalar(w)
    return GCMField(
        regrid.scalar(temperature), lon, lat, p, **fields, planet=planet, r_gas=r_gas, cp=cp,
        averaging_days=0.0, source=source,
    )  # fmt: skip


def read_mds(folder: str | os.PathLike[str], name: str, iteration: int | None = None) -> Array:
    """One variable of an MITgcm dump, in one file or in tiles, big- or little-endian.

    Parameters
    ----------
    folder : path-like
        The run's folder.
    name : str
        Variable, such as ``T`` or ``XC``.
    iteration : int, optional
        Time step; grid files have none.

    Returns
    -------
    ndarray
        Axes as in the file, x last; float64.

    Raises
    ------
    DataNotAvailable
        If no file of the variable is there, or a tile is missing (its place is named).
    CorruptFile
        If a file has not the size that its ``.meta`` promises.
    SchemaError
        If a ``.meta`` cannot be understood.

    Examples
    --------
    >>> read_mds("no-such-run", "T", 7)
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such-run: no T.0000000007.meta, whole or in tiles
    """
    root = Path(folder)
    stem = name if iteration is None else f"{name}.{iteration:010d}"
    whole = root / f"{stem}.meta"
    metas = [whole] if whole.is_file() else sorted(root.glob(f"{stem}.[0-9][0-9][0-9].*.meta"))
    if not metas:
        raise DataNotAvailable(f"{root}: no {stem}.meta, whole or in tiles")
    pieces = [_Piece.read(meta) for meta in metas]
    shape = pieces[0].whole
    if any(piece.whole != shape for piece in pieces):
        raise SchemaError(f"{root}: the tiles of {stem} disagree on the size of the whole")
    if gap := _gap(pieces):
        raise DataNotAvailable(
            f"{root}: a tile of {stem} is missing, the one with {gap}; found "
            f"{', '.join(meta.name for meta in metas)}"
        )
    # Sizes are checked against the files first: a spoilt .meta may promise more than memory.
    contents = [piece.values() for piece in pieces]
    found = np.full(shape[::-1], np.nan)
    for piece, values in zip(pieces, contents, strict=True):
        found[tuple(slice(first - 1, last) for first, last in reversed(piece.ranges))] = values
    return found


def read_mitgcm(
    folder: str | os.PathLike[str],
    iteration: int,
    *,
    planet: Planet | None = None,
    lon_deg: Any = None,
    lat_deg: Any = None,
) -> GCMField:
    """A dump of MITgcm or ExoRad on its cubed sphere, as temperature and winds.

    Constants come from the namelist file ``data`` beside the dump. Where no planet is given
    it has the gravity, radius and rotation of the namelist around a star like the Sun.

    Parameters
    ----------
    folder : path-like
        With ``T.ITER.data``, ``U``, ``V``, ``W``, the grid files, and ``data``.
    iteration : int
        Time step.
    planet : Planet, optional
        The planet.
    lon_deg, lat_deg : array_like, optional
        Target axes, degrees; 72 x 45 by default.

    Returns
    -------
    GCMField

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        As :func:`read_mds`; SchemaError also where a constant is in no namelist.

    Examples
    --------
    >>> read_mitgcm("no-such-run", 7)
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such-run: no XC.meta, whole or in tiles
    """
    raw: dict[str, Any] = {name: np.squeeze(read_mds(folder, name)) for name in _GRID}
    if (Path(folder) / "RAC.meta").is_file() or list(Path(folder).glob("RAC.[0-9]*.meta")):
        raw["area"] = np.squeeze(read_mds(folder, "RAC"))
    raw["theta"] = read_mds(folder, "T", iteration)
    for name in ("U", "V", "W"):
        raw[name] = read_mds(folder, name, iteration)
    with reading(Path(folder) / "data", "namelist") as namelist:
        constants = _namelist(namelist)
        planet = planet or _planet_of(constants)
    try:
        return from_cubed_sphere(
            raw, planet=planet, r_gas=constants["atm_rd"], cp=constants["atm_cp"],
            p_ref_pa=constants.get("atm_po", float(raw["RF"].max())), lon_deg=lon_deg,
            lat_deg=lat_deg, source=f"MITgcm dump {iteration} of {Path(folder).name}",
        )  # fmt: skip
    except DecanError:
        raise
    except (ArithmeticError, IndexError, ValueError) as error:
        raise SchemaError(
            f"{folder}: the variables of dump {iteration} make no climate ({error})"
        ) from error


@dataclass(frozen=True)
class _Piece:
    """One pair of .meta and .data: where it lies in the whole, and how it is stored."""

    meta: Path
    whole: tuple[int, ...]
    ranges: tuple[tuple[int, int], ...]
    bytes_each: int

    @classmethod
    def read(cls, meta: Path) -> _Piece:
        text = meta.read_text(encoding="ascii", errors="replace")
        listed = re.search(r"dimList\s*=\s*\[(.*?)\]", text, re.S)
        if listed is None:
            raise SchemaError(f"{meta}: no dimList")
        # A comma after the last entry is written by some versions.
        numbers = [int(word) for word in re.findall(r"-?\d+", listed[1])]
        if not numbers or len(numbers) % 3:
            raise SchemaError(f"{meta}: dimList holds {len(numbers)} numbers, not rows of three")
        rows = [numbers[k : k + 3] for k in range(0, len(numbers), 3)]
        kind = re.search(r"dataprec\s*=\s*\[\s*'(\w+)'", text)
        size = {"float64": 8, "float32": 4}.get(kind[1] if kind else "float64")
        if size is None:
            raise SchemaError(f"{meta}: dataprec {kind[1]!r} is not known")  # type: ignore[index]
        for whole, first, last in rows:
            if not 1 <= first <= last <= whole:
                raise SchemaError(f"{meta}: dimList says {first} to {last} of {whole}")
        return cls(
            meta, tuple(row[0] for row in rows), tuple((row[1], row[2]) for row in rows), size
        )

    def values(self) -> Array:
        data = self.meta.with_suffix(".data")
        if not data.is_file():
            raise DataNotAvailable(f"{data}: missing beside {self.meta.name}")
        shape = tuple(last - first + 1 for first, last in reversed(self.ranges))
        expected = math.prod(shape) * self.bytes_each
        found = data.stat().st_size
        if found != expected:
            sizes = " x ".join(map(str, (self.bytes_each, *shape)))
            raise CorruptFile(f"{data}: {found} bytes, expected {expected} = {sizes}")
        content = data.read_bytes()
        values = np.frombuffer(content, f">f{self.bytes_each}").astype(float)
        if _absurd(values):
            other = np.frombuffer(content, f"<f{self.bytes_each}").astype(float)
            if _absurd(other):
                raise CorruptFile(f"{data}: values make no sense in either byte order")
            values = other
        return np.asarray(values.reshape(shape))


def _gap(pieces: list[_Piece]) -> str:
    """Ranges of what no tile covers, or nothing; found on the edges of tiles, not on cells."""
    edges = [
        sorted({0, n, *(edge for piece in pieces for edge in (piece.ranges[k][0] - 1,
                                                              piece.ranges[k][1]))})
        for k, n in enumerate(pieces[0].whole)
    ]  # fmt: skip
    filled = np.zeros([len(along) - 1 for along in edges], dtype=bool)
    for piece in pieces:
        filled[tuple(
            slice(along.index(first - 1), along.index(last))
            for along, (first, last) in zip(edges, piece.ranges, strict=True)
        )] = True  # fmt: skip
    if filled.all():
        return ""
    free = np.argwhere(~filled)
    low, high = free.min(axis=0), free.max(axis=0) + 1
    return ", ".join(
        f"{axis} {along[a] + 1}-{along[b]}"
        for axis, along, a, b in zip("xyz", edges, low, high, strict=False)
    )


def _absurd(values: Array) -> bool:
    """Whether numbers look as if their bytes were turned around."""
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.abs(values[np.isfinite(values)])
        wrong = (size > _ABSURD) | ((size > 0) & (size < 1 / _ABSURD))
    return bool(wrong.mean() > 0.01) if size.size else True


def _namelist(path: Path) -> dict[str, float]:
    text = path.read_text(encoding="utf-8", errors="replace")
    found: dict[str, float] = {}
    for line in text.splitlines():
        line = line.split("!")[0]
        if line.lstrip().startswith("#"):
            continue
        for key, value in re.findall(r"(\w+)\s*=\s*([-+]?[\d.]+(?:[eEdD][-+]?\d+)?)", line):
            found[key.lower()] = float(re.sub("[dD]", "e", value))
    lacking = [key for key in ("atm_rd", "atm_cp", "gravity") if key not in found]
    if lacking:
        raise SchemaError(f"{path}: no {', '.join(lacking)} in the namelist")
    return found


def _planet_of(constants: dict[str, float]) -> Planet:
    if "rotationperiod" not in constants or "rsphere" not in constants:
        raise SchemaError("the namelist has no rotationperiod or rSphere; give planet=")
    return Planet.on_orbit(
        constants["rotationperiod"] / 86400.0, t_star_k=5772.0, r_star_rsun=1.0, m_star_msun=1.0,
        gravity_ms2=constants["gravity"], radius_rjup=constants["rsphere"] / 7.1492e7,
    )  # fmt: skip
