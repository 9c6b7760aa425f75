"""Event files of the X-ray missions, as they are: columns, header, intervals, time reference.

What differs from mission to mission is here and nowhere else: names of extensions, channels
that are energies, cameras whose frames blur the times.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections import ChainMap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile, SchemaError
from decan.core.files import reading

__all__ = ["RawEvents", "read_event_file", "time_reference"]

_EVENT_EXTENSIONS = ("EVENTS", "XTE_SE", "RATE_EVENTS")
# Energy of a channel: keV = slope * PI + offset (mission handbooks).
_ENERGY_OF_PI = {
    "XMM": (0.001, 0.0),
    "NICER": (0.01, 0.0),
    "NUSTAR": (0.04, 1.6),
    "SWIFT": (0.01, 0.0),
    "IXPE": (0.04, 0.0),
}
# Frame times of the EPIC cameras by sub-mode (XMM-Newton Users' Handbook, table 3), s.
_XMM_FRAME_S = {
    ("EPN", "PRIMEFULLWINDOWEXTENDED"): 0.1992,
    ("EPN", "PRIMEFULLWINDOW"): 0.0734,
    ("EPN", "PRIMELARGEWINDOW"): 0.0477,
    ("EPN", "PRIMESMALLWINDOW"): 0.0057,
    ("EMOS", "PRIMEFULLWINDOW"): 2.6,
    ("EMOS", "PRIMEPARTIALW2"): 0.3,
    ("EMOS", "PRIMEPARTIALW3"): 0.9,
    ("EMOS", "PRIMEPARTIALW4"): 0.2,
    ("EMOS", "PRIMEPARTIALW5"): 0.9,
}
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3,
            "d": 86400.0, "day": 86400.0, "days": 86400.0}  # fmt: skip
# Below this a time resolution blurs nothing that is searched here.
_FRAME_MATTERS_S = 1e-3


@dataclass(frozen=True)
class RawEvents:
    """What an event file says, before anything is selected or corrected.

    Parameters
    ----------
    times : ndarray, shape (n,)
        As in the file, s, without TIMEZERO.
    energy_kev : ndarray, shape (n,), or None
        Where the mission's channels are known.
    pattern, flag : ndarray, shape (n,), or None
        PATTERN and FLAG of XMM-Newton.
    intervals : ndarray, shape (m, 2), or None
        Good-time intervals as in the file.
    timezero : float
        To be added to times and intervals, s.
    reference : (int, float) or None
        MJD of the zero of time, whole days and the rest apart.
    timesys : str
        'TT', 'TDB', 'UTC' or '' where the file does not say.
    barycentred : bool
        Whether times are those at the barycentre of the solar system.
    frame_time : float
        Length of a frame, s; 0 where it does not matter.
    header : dict
        TELESCOP, INSTRUME, OBJECT, OBS_ID where present.

    Examples
    --------
    >>> RawEvents(np.arange(3.0), None, None, None, None, 0.0, None, "", False, 0.0, {}).timezero
    0.0
    """

    times: NDArray[np.float64]
    energy_kev: NDArray[np.float64] | None
    pattern: NDArray[np.int64] | None
    flag: NDArray[np.int64] | None
    intervals: NDArray[np.float64] | None
    timezero: float
    reference: tuple[int, float] | None
    timesys: str
    barycentred: bool
    frame_time: float
    header: dict[str, str]


def read_event_file(path: str | os.PathLike[str]) -> RawEvents:
    """Read the events of a FITS file of any of the usual X-ray missions.

    Parameters
    ----------
    path : path-like
        A FITS file, also ``.gz``.

    Returns
    -------
    RawEvents

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If it is no FITS file, or cut.
    SchemaError
        If it has no event extension, no time column, or a broken time reference.

    Examples
    --------
    >>> read_event_file("absent.evt")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.evt: no such file
    """
    from astropy.io import fits

    try:
        with reading(path, "FITS event list") as file, fits.open(file, memmap=False) as hdus:
            return _from_hdus(hdus, file.name)
    except SchemaError:
        if _is_cut(Path(path)):
            raise CorruptFile(f"{path}: the compressed file ends early; get it again") from None
        raise


def time_reference(header: Any, where: str) -> tuple[int, float] | None:
    """MJD of the zero of time as whole days and the rest, so that no microsecond is lost.

    One double holds a modern MJD to half a microsecond only, and adding the seconds of
    decades loses more. Some public files hold MJDREFF as text with Fortran's D exponent.

    Parameters
    ----------
    header : mapping
        A FITS header or dict.
    where : str
        File name for the message.

    Returns
    -------
    (int, float) or None
        None where the header says nothing: times are then relative.

    Raises
    ------
    SchemaError
        If a keyword is there and is no number.

    Examples
    --------
    >>> time_reference({"MJDREFI": 51910, "MJDREFF": "7.428703703703703D-4"}, "a.evt")
    (51910, 0.0007428703703703703)
    >>> time_reference({"MJDREFI": 51910, "MJDREFF": "unknown"}, "a.evt")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: a.evt: MJDREFF is 'unknown', expected a number of days
    """
    if "MJDREFI" in header:
        whole = _number(header["MJDREFI"], "MJDREFI", where)
        rest = _number(header.get("MJDREFF", 0.0), "MJDREFF", where)
    elif "MJDREF" in header:
        whole, rest = _number(header["MJDREF"], "MJDREF", where), 0.0
    else:
        return None
    day = int(np.floor(whole))
    return day, (whole - day) + rest


def _is_cut(path: Path) -> bool:
    """Whether a compressed file ends before its end, which hides the extensions behind."""
    if path.suffix != ".gz":
        return False
    try:
        with gzip.open(path) as stream:
            while stream.read(2**20):
                pass
    except (EOFError, OSError, zlib.error):
        return True
    return False


def _from_hdus(hdus: Any, where: str) -> RawEvents:
    tables = [hdu for hdu in hdus if getattr(hdu, "columns", None) is not None]
    events = next((hdu for hdu in tables if hdu.name in _EVENT_EXTENSIONS), None) or next(
        (hdu for hdu in tables if str(hdu.header.get("HDUCLAS1", "")).startswith("EVENT")), None
    )
    if events is None:
        names = ", ".join(hdu.name or "?" for hdu in hdus)
        raise SchemaError(f"{where}: no event extension (EVENTS, XTE_SE); it has {names}")
    column = {name.upper(): name for name in events.columns.names}
    if "TIME" not in column:
        raise SchemaError(f"{where}: {events.name} has no column TIME; it has {', '.join(column)}")
    # What the extension leaves out may stand in the primary header.
    header = ChainMap(dict(events.header), dict(hdus[0].header))
    second = _unit_s(header, events, where)
    telescope = str(header.get("TELESCOP", "")).strip().upper()
    timesys = str(header.get("TIMESYS", "")).strip().upper()
    reference_frame = str(header.get("TIMEREF", "")).strip().upper()

    def integers(name: str) -> NDArray[np.int64] | None:
        return _each(events, column[name], where).astype(np.int64) if name in column else None

    return RawEvents(
        times=second * _each(events, column["TIME"], where),
        energy_kev=_energy(events, column, telescope, where),
        pattern=integers("PATTERN"),
        flag=integers("FLAG") if telescope == "XMM" else None,
        intervals=_intervals(tables, events, second),
        timezero=second * _timezero(header, where),
        reference=time_reference(header, where),
        timesys=timesys,
        barycentred=reference_frame in ("SOLARSYSTEM", "BARYCENTER", "BARYCENTRE")
        or (timesys == "TDB" and reference_frame == ""),
        frame_time=_frame_time(header, telescope),
        header={
            key: str(header[key]).strip()
            for key in ("TELESCOP", "INSTRUME", "OBJECT", "OBS_ID")
            if key in header
        },
    )


def _unit_s(header: Any, events: Any, where: str) -> float:
    """Length of the unit of time, s."""
    at = 1 + [str(name).upper() for name in events.columns.names].index("TIME")
    unit = str(header.get("TIMEUNIT", header.get(f"TUNIT{at}", "s"))).strip()
    if unit.lower() not in _SECONDS:
        raise SchemaError(f"{where}: TIMEUNIT is {unit!r}, expected s or d")
    return _SECONDS[unit.lower()]


def _timezero(header: Any, where: str) -> float:
    """TIMEZERO, or its whole and broken part where a file keeps them apart."""
    if "TIMEZERO" in header:
        return _number(header["TIMEZERO"], "TIMEZERO", where)
    return sum(_number(header.get(key, 0.0), key, where) for key in ("TIMEZERI", "TIMEZERF"))


def _number(value: Any, key: str, where: str) -> float:
    if isinstance(value, str):
        text = re.sub("[dD]", "E", value.strip())
        try:
            value = float(text)
        except ValueError:
            unit = " of days" if key.startswith("MJD") else ""
            raise SchemaError(f"{where}: {key} is {value!r}, expected a number{unit}") from None
    if value is None or not np.isfinite(value):
        raise SchemaError(f"{where}: {key} is {value!r}, expected a finite number")
    return float(value)


def _each(events: Any, name: str, where: str) -> NDArray[np.float64]:
    """One number an event."""
    values = np.asarray(events.data[name], dtype=float)
    if values.ndim != 1:
        raise SchemaError(
            f"{where}: column {name!r} has shape {values.shape}, expected one number an event"
        )
    return values


def _energy(
    events: Any, column: dict[str, str], telescope: str, where: str
) -> NDArray[np.float64] | None:
    if telescope == "CHANDRA" and "ENERGY" in column:
        return _each(events, column["ENERGY"], where) / 1000
    if telescope in _ENERGY_OF_PI and "PI" in column:
        slope, offset = _ENERGY_OF_PI[telescope]
        return slope * _each(events, column["PI"], where) + offset
    return None


def _intervals(tables: list[Any], events: Any, second: float) -> NDArray[np.float64] | None:
    """Good time: the extension GTI, or the union over the chips that have events."""
    named = [hdu for hdu in tables if hdu.name == "GTI"]
    if len(named) > 1:
        named = _of_used_chips(named, events)
    if not named:
        chips = [hdu for hdu in tables if re.fullmatch(r"STDGTI\d*", hdu.name)]
        column = {name.upper(): name for name in events.columns.names}
        if chips and "CCDNR" in column:
            used = {int(chip) for chip in np.unique(events.data[column["CCDNR"]])}
            chips = [h for h in chips if h.name == "STDGTI" or int(h.name[6:]) in used] or chips
        named = chips or [h for h in tables if "GTI" in h.name or h.header.get("HDUCLAS1") == "GTI"]
    found = []
    for hdu in named:
        column = {name.upper(): name for name in hdu.columns.names}
        if {"START", "STOP"} <= set(column) and len(hdu.data):
            found.append(
                np.column_stack([hdu.data[column["START"]], hdu.data[column["STOP"]]]).astype(float)
            )
    if not found:
        return None
    every = second * np.concatenate(found)
    # Archives keep intervals of no length; they hold no time and no event.
    return every[every[:, 0] != every[:, 1]]


def _of_used_chips(named: list[Any], events: Any) -> list[Any]:
    """Of several extensions GTI, as Chandra has for its chips, those of chips with events."""
    column = {name.upper(): name for name in events.columns.names}
    if "CCD_ID" in column and all("CCD_ID" in hdu.header for hdu in named):
        used = {int(chip) for chip in np.unique(events.data[column["CCD_ID"]])}
        return [hdu for hdu in named if int(hdu.header["CCD_ID"]) in used] or named
    return named[:1]


def _frame_time(header: Any, telescope: str) -> float:
    if telescope == "XMM":
        camera = str(header.get("INSTRUME", "")).strip().upper()
        mode = str(header.get("SUBMODE", "")).strip().upper()
        known = _XMM_FRAME_S.get((camera.rstrip("12"), mode))
        if known is not None:
            return known
        frame_ms = header.get("FRMTIME")
        return float(frame_ms) / 1000 if frame_ms else 0.0
    step = header.get("TIMEDEL", 0.0) or 0.0
    return float(step) if float(step) >= _FRAME_MATTERS_S else 0.0
