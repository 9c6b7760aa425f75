"""PHA files without CIAO or HEASoft: spectra found by their keywords, and what they name.

References
----------
OGIP/92-007 and its addenda (HEASARC): the format of spectra.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile
from decan.core.files import reading

from .errors import InvalidSpectrumError, MissingResponseError, UnsupportedInstrumentError
from .fitsfile import Extension, column, extensions, keyword

__all__ = ["read_spectrum_table"]


def read_spectrum_table(path: str | os.PathLike[str], *, part: str = "source") -> dict[str, Any]:
    """Counts and keywords of the SPECTRUM extension of a PHA file.

    Parameters
    ----------
    path : path-like
        PHA file of type I; a CSC ``pha3`` holds source and background.
    part : {'source', 'background'}
        Which extension of several: HDUCLAS2 TOTAL or NET against BKG.

    Returns
    -------
    dict
        ``counts``, ``channels``, ``quality``, ``grouping`` (arrays; the last two may be None),
        ``exposure_s``, ``backscal``, ``areascal``, ``rate`` (whether counts were made from
        rates), ``stat_err`` (errors of the counts, or None), ``net`` (whether a background was
        subtracted), ``keywords`` (dict) and ``place``.

    Raises
    ------
    UnsupportedInstrumentError
        For HRC, gratings, and type II files.
    InvalidSpectrumError
        For counts or an exposure that no spectrum can have.
    CorruptFile, DataNotAvailable
        If the file is damaged or absent, or holds no such extension.

    Examples
    --------
    >>> read_spectrum_table("absent.pha")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.pha: no such file
    """
    with reading(path, "spectrum"):
        return _spectrum_table(path, part)


def companion(path: str | os.PathLike[str], named: Any, what: str) -> Path | None:
    """The file that a keyword names, beside the spectrum; also gzipped, or with the gzip undone.

    Parameters
    ----------
    path : path-like
        The spectrum.
    named : object
        Value of the keyword.
    what : str
        The keyword, for the message.

    Returns
    -------
    pathlib.Path or None
        None where the keyword names nothing.

    Raises
    ------
    MissingResponseError
        If it names a file that is not there.
    """
    text = str(named or "").strip()
    if not text or text.upper() == "NONE":
        return None
    named_file = Path(text.partition("[")[0])  # an extension may be named behind the file
    folder, base = Path(path).parent, named_file.name
    for name in (base, str(named_file)):
        for one in (name, f"{name}.gz", name.removesuffix(".gz")):
            if (folder / one).is_file():
                return folder / one
    raise MissingResponseError(
        f"{Path(path).name}: {what} names {base}, which is not beside it; give it by hand"
    )


def _spectrum_table(path: str | os.PathLike[str], part: str) -> dict[str, Any]:
    tables = [t for t in extensions(path) if _is(t, "SPECTRUM", "SPECTRUM")]
    name = Path(path).name
    if not tables:
        raise CorruptFile(f"{name}: no SPECTRUM extension (HDUCLAS1 = SPECTRUM)")
    wanted = [t for t in tables if (keyword(t, "HDUCLAS2", "") == "BKG") == (part == "background")]
    # Counts as they were observed before those from which a background was taken.
    wanted.sort(key=lambda table: keyword(table, "HDUCLAS2", "") == "NET")
    if not wanted and len(tables) == 1:
        wanted = tables  # a background file of its own says TOTAL of itself
    if not wanted:
        raise CorruptFile(f"{name}: no SPECTRUM extension of the {part}")
    table = wanted[0]
    _refuse_unsupported(table)
    channels = column(table, "CHANNEL")
    assert channels is not None
    exposure = float(keyword(table, "EXPOSURE", 0.0))
    if not (np.isfinite(exposure) and exposure > 0):
        raise InvalidSpectrumError(f"{table.place}: EXPOSURE is {exposure:g} s")
    counts, rate = column(table, "COUNTS", required=False), False
    if counts is None:
        found = column(table, "RATE", required=False)
        if found is None:
            raise CorruptFile(f"{table.place}: neither a column COUNTS nor RATE")
        counts, rate = found.astype(float) * exposure, True
    counts = counts.astype(float)
    net = keyword(table, "HDUCLAS2", "") == "NET"
    error = column(table, "STAT_ERR", required=False)
    if error is not None and rate:
        error = error.astype(float) * exposure
    bad = np.flatnonzero(~np.isfinite(counts) | (counts < (-np.inf if net else 0)))
    if bad.size:
        raise InvalidSpectrumError(
            f"{table.place}: channel {channels[bad[0]]:g} has {counts[bad[0]]:g} counts"
        )
    wrong = np.flatnonzero(np.diff(channels) != 1)
    if wrong.size:
        raise InvalidSpectrumError(
            f"{table.place}: channels do not rise by one after channel {channels[wrong[0]]:g}"
        )
    n = counts.size
    return {
        "counts": counts,
        "channels": channels.astype(np.int64),
        "quality": _channel_flags(table, "QUALITY", n),
        "grouping": _channel_flags(table, "GROUPING", n),
        "exposure_s": exposure,
        "backscal": _scale(table, "BACKSCAL", n),
        "areascal": _scale(table, "AREASCAL", n),
        "rate": rate,
        "stat_err": error,
        "net": net,
        "keywords": {str(k): v for k, v in table.header.items() if k and k not in ("COMMENT",)},
        "place": table.place,
    }


def _is(table: Extension, klass: str, name: str) -> bool:
    stated = keyword(table, "HDUCLAS1")
    return stated == klass if stated else table.name.upper() == name


def _refuse_unsupported(table: Extension) -> None:
    instrument = str(keyword(table, "INSTRUME", "") or keyword(table, "DETNAM", "")).upper()
    if instrument.startswith("HRC") or table.file.lower().startswith("hrcf"):
        raise UnsupportedInstrumentError(f"{table.place}: HRC has no energy resolution to speak of")
    names = table.names
    order = any(name in names or keyword(table, name) is not None for name in ("TG_PART", "TG_M"))
    # The zeroth order has the channels of the camera, the others those of the grating.
    grating = str(keyword(table, "GRATING", "")).upper() in ("HETG", "LETG")
    order |= grating and len(table.rows) > 4096
    if order or keyword(table, "HDUCLAS4") == "TYPE:II" or "SPEC_NUM" in names:
        raise UnsupportedInstrumentError(
            f"{table.place}: spectra of a grating order (PHA type II) are not read; extract the "
            "zeroth order as a type I file"
        )


def _channel_flags(table: Extension, name: str, n: int) -> NDArray[np.int64] | None:
    found = column(table, name, required=False)
    return None if found is None or found.size != n else found.astype(np.int64)


def _scale(table: Extension, name: str, n: int) -> Any:
    """BACKSCAL or AREASCAL, a keyword or a column; 1 where it is absent."""
    found = column(table, name, required=False)
    if found is not None and found.size == n:
        return found.astype(float)
    value = keyword(table, name)
    return 1.0 if value is None else float(value)
