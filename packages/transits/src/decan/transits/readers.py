"""Readers of light-curve files: Kepler and TESS FITS, and tables with the missions' columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.tables import number_column, read_table
from decan.core.errors import SchemaError
from decan.core.files import reading

from .lightcurve import LightCurve
from .signals import TIME_OFFSETS

if TYPE_CHECKING:
    import os

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["KEPLER_QUALITY", "TESS_QUALITY", "read_light_curve", "time_format_of"]

KEPLER_QUALITY = 1130799
"""Flags of ``SAP_QUALITY`` that drop a Kepler row (the default mask of lightkurve)."""
TESS_QUALITY = 17087
"""Flags of ``QUALITY`` that drop a TESS row (the default mask of lightkurve)."""

_MISSIONS: Mapping[str, Mapping[str, Any]] = {
    "Kepler": {"mask": KEPLER_QUALITY, "flags": "SAP_QUALITY",
               "segment": ("QUARTER", "CAMPAIGN"),
               "magnitude": "KEPMAG", "pixel_scale": 3.98},
    "TESS": {"mask": TESS_QUALITY, "flags": "QUALITY", "segment": ("SECTOR",),
             "magnitude": "TESSMAG", "pixel_scale": 21.0},
}  # fmt: skip
_FLUX = ("pdcsap_flux", "flux", "sap_flux")
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "quality": ("sap_quality", "quality"),
    "core": ("core_flux", "core"),
    "halo": ("halo_flux", "halo"),
    "segment": ("quarter", "sector", "segment"),
}
_TIMES: Mapping[str, str | None] = {
    "time": None, "bjd": "bjd", "bjd_tdb": "bjd", "bkjd": "bkjd", "btjd": "btjd"
}  # fmt: skip
_READ = {
    *_TIMES, *_FLUX, *(f"{name}_err" for name in _FLUX), "mom_centr1", "mom_centr2", "pos_corr1",
    "pos_corr2", "centroids_ra", "centroids_dec",
    *(alias for aliases in _ALIASES.values() for alias in aliases),
}  # fmt: skip
_SUFFIXES = (".fits", ".fit", ".fits.gz", ".fit.gz")


def read_light_curve(path: str | os.PathLike[str], *more: str | os.PathLike[str]) -> LightCurve:
    """Read one star's light curve; several FITS files are joined as segments.

    Parameters
    ----------
    path, *more : path-like
        As in :meth:`LightCurve.read`.

    Returns
    -------
    LightCurve

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        As in :meth:`LightCurve.read`.

    Examples
    --------
    >>> read_light_curve("nowhere.fits")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: nowhere.fits: no such file
    """
    paths = [Path(p) for p in (path, *more)]
    if paths[0].name.lower().endswith(_SUFFIXES) and _is_mission_file(paths[0]):
        parts = [_read_mission_file(one) for one in paths]
        with reading(paths[0], "light curve"):
            return _join(parts)
    if len(paths) > 1:
        raise ValueError("only FITS files of a mission are joined; pass one table")
    with reading(paths[0], "light curve") as file:
        return _from_table(_read_in_days(file), file)


def _is_mission_file(path: Path) -> bool:
    from astropy.io import fits

    with reading(path, "FITS file") as file, file.open("rb") as handle, fits.open(handle) as hdus:
        return "TELESCOP" in hdus[0].header and len(hdus) > 1


def _read_mission_file(path: Path) -> dict[str, Any]:
    from astropy.io import fits

    # Opened here, because astropy leaves a spoilt file open.
    with (
        reading(path, "light curve") as file,
        file.open("rb") as handle,
        fits.open(handle, memmap=False) as hdus,
    ):
        primary = hdus[0].header
        mission = "TESS" if "TESS" in str(primary["TELESCOP"]).upper() else "Kepler"
        rules, header, data = _MISSIONS[mission], hdus[1].header, hdus[1].data
        names = {name.upper() for name in data.columns.names}
        flux = next((n for n in ("PDCSAP_FLUX", "SAP_FLUX", "FLUX") if n in names), None)
        if flux is None or "TIME" not in names or data[flux].ndim != 1:
            raise SchemaError(
                f"{path}: expected columns TIME and PDCSAP_FLUX (or SAP_FLUX, FLUX) of a "
                f"{mission} light curve, found {', '.join(sorted(names))}"
                + ("; FLUX holds images, read them with TargetPixels" if flux == "FLUX" else "")
            )
        columns = {"time": _native(data["TIME"]), "flux": _native(data[flux])}
        if rules["flags"] in names:
            columns["quality"] = np.asarray(data[rules["flags"]], dtype=np.int64) & rules["mask"]
        if f"{flux}_ERR" in names:
            columns["flux_err"] = _native(data[f"{flux}_ERR"])
        if {"MOM_CENTR1", "MOM_CENTR2"} <= names:
            columns["centroid"] = _photocentre({n.lower(): data[n] for n in names})
        segment = next((primary[key] for key in rules["segment"] if primary.get(key)), None)
        return {
            **columns,
            "segment": None if segment is None else int(segment),
            "time_format": time_format_of(header, path),
            "meta": _star(primary, mission, rules),
        }


def _native(column: Any) -> NDArray[np.float64]:
    return np.asarray(column, dtype=np.float64)


def _photocentre(columns: Mapping[str, Any]) -> NDArray[np.float64]:
    # POS_CORR is the motion of the whole field; what is left is the star's own.
    def axis(number: int) -> NDArray[np.float64]:
        moment = _native(columns[f"mom_centr{number}"])
        drift = columns.get(f"pos_corr{number}")
        return moment if drift is None else moment - _native(drift)

    return np.column_stack([axis(1), axis(2)])


def time_format_of(header: Any, path: Path) -> str | None:
    """Time system of a FITS table, by its BJDREFI and BJDREFF.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Of the table.
    path : pathlib.Path
        The file, for messages.

    Returns
    -------
    str or None
        None where the header tells none.

    Raises
    ------
    SchemaError
        If the reference is none that is known.

    Examples
    --------
    >>> time_format_of({"BJDREFI": 2457000, "BJDREFF": 0.0}, Path("a.fits"))
    'btjd'
    """
    if "BJDREFI" not in header:
        return None
    # Some files hold the numbers as text, with Fortran's exponent.
    parts = [str(header.get(key, 0)).upper().replace("D", "E") for key in ("BJDREFI", "BJDREFF")]
    reference = sum(float(part) for part in parts)
    for name, offset in TIME_OFFSETS.items():
        if abs(reference - offset) < 1e-6:
            return name
    raise SchemaError(
        f"{path}: unknown time reference BJD {reference}; expected 2454833 or 2457000"
    )


def _star(primary: Any, mission: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "target": str(primary.get("OBJECT", "")),
        "mission": mission,
        "pixel_scale": rules["pixel_scale"],
    }
    keys = {"teff": "TEFF", "radius": "RADIUS", "logg": "LOGG", "magnitude": rules["magnitude"]}
    for name, key in keys.items():
        if isinstance(primary.get(key), int | float):
            meta[name] = float(primary[key])
    return meta


def _join(parts: list[dict[str, Any]]) -> LightCurve:
    formats = {part["time_format"] for part in parts}
    targets = {part["meta"]["target"] for part in parts}
    if len(formats) > 1 or len(targets) > 1:
        raise SchemaError(
            f"files of different stars or missions cannot be joined: {', '.join(sorted(targets))}"
        )
    for number, part in enumerate(parts):
        # A file without a number is a segment of its own.
        label = -1 - number if part["segment"] is None else part["segment"]
        part["segment"] = np.full(part["time"].size, label)
    shared = set.intersection(*(set(part) for part in parts)) - {"time_format", "meta"}
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) for name in shared
    }
    return LightCurve(**columns, time_format=formats.pop(), meta=parts[0]["meta"])


def _read_in_days(path: Path) -> pd.DataFrame:
    table = read_table(path)
    if {"time.jd1", "time.jd2"} <= set(table.columns):
        # What astropy's TimeSeries and lightkurve write: Julian days in two parts.
        return table.assign(bjd=table["time.jd1"] + table["time.jd2"])
    name = next((str(name) for name in table.columns if str(name).lower() in _TIMES), None)
    unit = table.attrs["units"].get(name, "d").lower()
    # The missions' own files say "BJD - 2457000, days".
    if name is None or unit in ("d", "day", "days", *TIME_OFFSETS) or "days" in unit:
        return table
    return read_table(path, required={name: "d"})


def _from_table(table: pd.DataFrame, path: Path) -> LightCurve:
    names = {str(name).lower(): name for name in table.columns}
    columns: dict[str, Any] = {
        name: number_column(table, original, path.name)
        for name, original in names.items()
        if name in _READ
    }
    flux = next((name for name in _FLUX if name in columns), None)
    time = next((name for name in _TIMES if name in columns), None)
    if time is None or flux is None:
        raise SchemaError(
            f"{path}: expected columns 'time' (or {', '.join(list(_TIMES)[1:])}) and one of "
            f"{', '.join(_FLUX)}; found {', '.join(map(str, table.columns))}; rename them, or "
            "pass arrays to LightCurve"
        )
    columns["time"] = columns[time]
    curve: dict[str, Any] = {"time": columns["time"], "flux": columns[flux]}
    if f"{flux}_err" in columns:
        curve["flux_err"] = columns[f"{flux}_err"]
    for name, aliases in _ALIASES.items():
        found = next((alias for alias in aliases if alias in columns), None)
        if found is not None:
            curve[name] = columns[found]
    mission = "Kepler" if "sap_quality" in columns or "quarter" in columns else "TESS"
    if "quality" in curve:
        flags = np.nan_to_num(curve["quality"]).astype(np.int64)
        curve["quality"] = flags & _MISSIONS[mission]["mask"]
    if {"mom_centr1", "mom_centr2"} <= set(columns):
        curve["centroid"] = _photocentre(columns)
    elif {"centroids_ra", "centroids_dec"} <= set(columns):
        curve["centroid"] = np.column_stack([columns["centroids_ra"], columns["centroids_dec"]])
        curve["centroid_unit"] = "scaled"
    meta: dict[str, Any] = {"target": path.stem}
    if {"sap_quality", "quarter"} & set(columns):
        meta |= {"mission": "Kepler", "pixel_scale": _MISSIONS["Kepler"]["pixel_scale"]}
    return LightCurve(**curve, time_format=_TIMES[time] or _guess_format(columns), meta=meta)


def _guess_format(columns: Mapping[str, Any]) -> str | None:
    if np.isfinite(columns["time"]).any() and np.nanmedian(columns["time"]) > 2.4e6:
        return "bjd"
    if "quarter" in columns or "sap_quality" in columns:
        return "bkjd"
    return "btjd" if "sector" in columns else None
