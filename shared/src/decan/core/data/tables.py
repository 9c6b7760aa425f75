"""Tables as astronomy keeps them, read into a DataFrame with units, masks and a checked schema.

What goes out takes its units along where the format has a place for them.
"""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.columns import first_text, numbers_from_text, series
from decan.core.data.formats import read_columns
from decan.core.errors import SchemaError
from decan.core.files import existing, replacing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["number_column", "read_table", "writable", "write_table"]


def read_table(
    path: str | os.PathLike[str],
    *,
    required: Iterable[str] | Mapping[str, str | None] | None = None,
    units: Mapping[str, str] | None = None,
    hdu: int | str | None = None,
) -> pd.DataFrame:
    r"""Table of a file, with its units, its masks, and the columns one relies on.

    Reads FITS, VOTable, ECSV, CSV, TSV, IPAC and Parquet, each also as ``.gz``. The
    suffix says the format. A column without a unit in the file is taken to be in the
    unit that ``required`` names: a CSV file could not be read otherwise.

    Parameters
    ----------
    path : path-like
        The file.
    required : iterable of str, or mapping of str to str or None, optional
        Columns that must be there; with a mapping, also the unit they shall have
        (any that astropy knows). A column in another unit of the same dimension is
        converted; None takes any.
    units : mapping of str to str, optional
        Units of columns where the file says none or a wrong one.
    hdu : int or str, optional
        Extension of a FITS file or table of a VOTable, by number or name. The first
        table if not given.

    Returns
    -------
    pandas.DataFrame
        Native byte order, text as ``str``. Absent numbers are NaN: an integer column
        with absent cells becomes float64 where that is exact (every magnitude at most
        2⁵³) and pandas' nullable integers otherwise. A FITS column of several
        dimensions, or of varying length, becomes a column of arrays; times and
        coordinates of ECSV become the columns they are made of (``time.jd1``).
        ``attrs["units"]`` maps columns to units (only columns that have one),
        ``attrs["masked"]`` maps columns to the labels of the rows whose cell the file
        marks as absent (only columns that have such cells); labels stay right through
        a later selection, and lists are what pandas can write beside the table.

    Raises
    ------
    DataNotAvailable
        If there is no such file (also a FileNotFoundError).
    CorruptFile
        If the file is cut, garbled or of another format than its name says. A cut CSV,
        TSV or ECSV file shows only if the cut falls inside a row.
    SchemaError
        If a column is missing, repeated, no number where a unit is required, or in a
        unit that cannot be converted; or if the format or the ``hdu`` is unknown.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "koi.csv"
    >>> _ = path.write_text("name,period\nK00001.01,36.0\nK00002.01,\n")
    >>> koi = read_table(path, units={"period": "h"}, required={"name": None, "period": "d"})
    >>> koi["period"].tolist()
    [1.5, nan]
    >>> koi.attrs["units"], koi.attrs["masked"]
    ({'period': 'd'}, {'period': [1]})
    """
    import pandas as pd

    path = existing(path)
    columns = read_columns(path, hdu)
    names = [column.name for column in columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SchemaError(f"{path.name}: column {repeated[0]!r} is there more than once")
    if isinstance(required, str):
        raise TypeError(f"required must be names of columns, not one string ({required!r})")
    wanted = dict(required) if isinstance(required, Mapping) else dict.fromkeys(required or ())
    for name in [*wanted, *(units or {})]:
        _refuse_missing(name, names, path.name)

    known = {c.name: c.unit.strip() for c in columns if c.unit and c.unit.strip() not in _NO_UNIT}
    known |= units or {}
    values: dict[str, Any] = {}
    masked: dict[str, list[int]] = {}
    for column in columns:
        values[column.name], absent = series(column)
        if absent is not None:
            masked[column.name] = np.flatnonzero(absent).tolist()
    for name, unit in wanted.items():
        if unit is not None:
            numbers, absent = _numeric(values[name], name, path.name)
            values[name] = _converted(numbers, name, known.get(name), unit, path.name)
            known[name] = unit
            if absent is not None:
                masked[name] = np.flatnonzero(absent).tolist()
    table = pd.DataFrame(values)
    table.attrs["units"] = {name: known[name] for name in names if name in known}
    table.attrs["masked"] = masked
    return table


_NO_UNIT = ("", "-", "--", "---", "None", "none")


def number_column(table: pd.DataFrame, name: str, source: str) -> np.ndarray:
    """A column as floats, or one line that names the cell that is no number.

    Parameters
    ----------
    table : pandas.DataFrame
        From anywhere.
    name : str
        The column.
    source : str
        Where the table comes from, for messages: usually the file's name.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        NaN where a cell is absent.

    Raises
    ------
    SchemaError
        If there is no such column, or a cell is no number.

    Examples
    --------
    >>> import pandas as pd
    >>> number_column(pd.DataFrame({"flux": ["1.0", "bright"]}), "flux", "star.csv")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: star.csv: column 'flux', row 1 (the first is 0): 'bright' ...
    """
    _refuse_missing(name, [str(column) for column in table.columns], source)
    values, _ = _numeric(table[name], name, source)
    try:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        kind = str(values.dtype)
        raise SchemaError(f"{source}: column {name!r} holds {kind}, expected numbers") from error
    return np.asarray(numbers)


def write_table(table: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table whole or not at all, in the format that the suffix says.

    Parameters
    ----------
    table : pandas.DataFrame
        One value a cell; its index is not written. ``attrs["units"]`` maps columns to
        units, which every format but CSV keeps.
    path : path-like
        Ends with ``.csv``, ``.parquet``, ``.ecsv`` or ``.fits``. An old file is replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    SchemaError
        As :func:`writable`.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> stars = pd.DataFrame({"star": ["V1", "V2"], "period": [0.5, 12.0]})
    >>> stars.attrs["units"] = {"period": "d"}
    >>> path = write_table(stars, Path(tempfile.mkdtemp()) / "stars.fits")
    >>> read_table(path).attrs["units"]
    {'period': 'd'}
    """
    path = writable(path)
    with replacing(path) as temporary:
        _WRITERS[path.suffix](table, temporary)
    return path


def writable(path: str | os.PathLike[str]) -> Path:
    """A path that `write_table` can write, to be asked before a long work begins.

    Parameters
    ----------
    path : path-like
        Of the table to be.

    Returns
    -------
    pathlib.Path
        The same.

    Raises
    ------
    SchemaError
        If its suffix is none of those that are known, or it is a folder.

    Examples
    --------
    >>> writable("classes.xlsx")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: classes.xlsx: unknown format; expected one of .csv, ...
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise SchemaError(f"{path}: unknown format; expected one of {', '.join(_WRITERS)}")
    if path.is_dir():
        raise SchemaError(f"{path}: is a folder, expected the name of a file to write")
    return path


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False)


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)


def _write_astropy(table: pd.DataFrame, path: Path) -> None:
    import pandas as pd
    from astropy.table import Table

    plain = pd.DataFrame(
        # astropy knows text as objects, not as pandas' own kind.
        {n: c.astype(object) if c.dtype == "str" else c for n, c in table.items()}
    )
    out = Table.from_pandas(plain)
    for name, unit in table.attrs.get("units", {}).items():
        if name in out.colnames:
            out[name].unit = unit
    form = "ascii.ecsv" if path.suffix == ".ecsv" else "fits"
    out.write(path, format=form, overwrite=True)


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".ecsv": _write_astropy,
    ".fits": _write_astropy,
}


def _refuse_missing(name: str, names: list[str], file: str) -> None:
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    near += [n for n in names if n.lower() == name.lower() and n not in near]
    if near:
        advice = f"did you mean {' or '.join(map(repr, near))}?"
    else:
        advice = f"it has {len(names)}: {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
    raise SchemaError(f"{file}: column {name!r} is missing; {advice}")


def _numeric(values: pd.Series, name: str, file: str) -> tuple[pd.Series, np.ndarray | None]:
    """Give a column whose unit matters as numbers, or name the cell that is none."""
    import pandas as pd

    text = isinstance(values.dtype, pd.StringDtype)
    if not text and pd.api.types.infer_dtype(values) != "string":
        return values, None
    cells = [cell if isinstance(cell, str) else None for cell in values]
    numbers = numbers_from_text(cells)
    if numbers is None:
        row, cell = first_text(cells) or (0, str(cells[0]))
        raise SchemaError(
            f"{file}: column {name!r}, row {row} (the first is 0): {cell!r} is not a number"
        )
    found, absent = numbers
    if absent.any():
        found = np.where(absent, np.nan, found.astype(np.float64))
    return pd.Series(found, index=values.index), absent if absent.any() else None


def _converted(
    values: pd.Series, name: str, found: str | None, wanted: str, file: str
) -> pd.Series:
    import pandas as pd

    target = _unit(wanted)
    if target is None:
        raise ValueError(f"required: {wanted!r} for column {name!r} is no unit that astropy knows")
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_bool_dtype(values):
        raise SchemaError(
            f"{file}: column {name!r} holds {values.dtype}, expected numbers in {wanted!r}"
        )
    if found is None or found == wanted:
        return values
    source = _unit(found)
    if source is None or not source.is_equivalent(target):
        raise SchemaError(
            f"{file}: column {name!r} has unit {found!r}, expected {wanted!r} (or convertible).\n"
            f"  Convert it first, or pass units={{{name!r}: {wanted!r}}} to read_table "
            "if the file is wrong."
        )
    if source == target:
        return values
    if values.dtype == object:
        return values.map(lambda cell: source.to(target, cell))
    if pd.api.types.is_extension_array_dtype(values.dtype):
        values = values.astype("Float64").astype(np.float64)
    return pd.Series(source.to(target, values.to_numpy()), index=values.index)


def _unit(text: str) -> Any:
    """Unit that a file means by a text, or None; archives write more than the standards allow."""
    from astropy import units as u

    spellings = [text, _SPELLINGS.get(text.lower(), text)]
    # "days", "hours", "counts": the plural of a name that astropy knows in the singular.
    if re.fullmatch("[A-Za-z]{3,}s", text):
        spellings += [text[:-1], text[:-1].lower()]
    with warnings.catch_warnings():
        # Two slashes in one unit are ambiguous to astropy, but it reads them as everybody does.
        warnings.simplefilter("ignore", u.UnitsWarning)
        for spelling in spellings:
            for form in (None, "vounit", "cds"):
                try:
                    return u.Unit(spelling, format=form)
                except (ValueError, TypeError):
                    continue
    return None


# The NASA Exoplanet Archive's own words.
_SPELLINGS = {
    "earth radii": "earthRad",
    "earth radius": "earthRad",
    "earth mass": "earthMass",
    "jupiter radius": "jupiterRad",
    "jupiter mass": "jupiterMass",
    "solar radii": "solRad",
    "solar radius": "solRad",
    "solar mass": "solMass",
    "earth flux": "1361 W / m2",
    "log10(cm/s**2)": "dex(cm / s2)",
}
