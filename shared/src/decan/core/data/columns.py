"""One column on its way from a file to a DataFrame: values, mask, unit, and numbers out of text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ABSENT", "Column", "first_text", "numbers_from_text", "series"]

# What archives write into a numeric cell that holds nothing.
ABSENT = ("", "NA", "N/A", "n/a", "NULL", "Null", "null", "None", "none", "--", "-")


@dataclass
class Column:
    """A column as a format reader gives it.

    Parameters
    ----------
    name : str
        Name in the file.
    values : numpy.ndarray, shape (n, ...), or pandas.Series, shape (n,)
        In any byte order. Text is an array of ``str``, ``bytes`` or objects.
    mask : numpy.ndarray of bool, shape (n, ...), optional
        True where the file marks the cell as absent.
    unit : str, optional
        As the file writes it.

    Examples
    --------
    >>> Column("period", np.array([1.5, 2.5]), unit="d").unit
    'd'
    """

    name: str
    values: Any
    mask: np.ndarray | None = None
    unit: str | None = None


def series(column: Column) -> tuple[pd.Series, np.ndarray | None]:
    """Column as a pandas Series in native byte order, and which rows are absent.

    Absent numbers become NaN. Integers with absent cells become float64 where that
    is exact (every magnitude at most 2⁵³), otherwise pandas' nullable integers, so
    that no identifier is damaged; truth values with absent cells become nullable
    booleans. A column of arrays becomes a column of objects, one array a row.

    Parameters
    ----------
    column : Column
        Values of n rows.

    Returns
    -------
    pandas.Series, shape (n,)
        The values.
    numpy.ndarray of bool, shape (n,), or None
        True where the whole cell is absent; None where no cell is.

    Examples
    --------
    >>> values, absent = series(Column("n", np.array([1, 2]), np.array([False, True])))
    >>> values.tolist(), absent.tolist()
    ([1.0, nan], [False, True])
    """
    import pandas as pd

    values, mask = column.values, column.mask
    if mask is not None and not mask.any():
        mask = None
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True), mask
    values = _native(np.asarray(values))
    if values.ndim > 1:
        return _series_of_arrays(values, mask)
    if values.dtype.kind in "USO":
        return _series_of_objects(values, mask)
    if mask is None:
        return pd.Series(values), None
    if values.dtype.kind in "fcmM":
        values[mask] = np.array("NaT" if values.dtype.kind in "mM" else np.nan, dtype=values.dtype)
        return pd.Series(values), mask
    if values.dtype.kind in "iu" and _exact_as_float(values[~mask]):
        return pd.Series(np.where(mask, np.nan, values.astype(np.float64))), mask
    return pd.Series(pd.array(values)).mask(mask), mask


def numbers_from_text(text: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers that a column of text holds, or None if one cell is something else.

    Takes Fortran's exponents too: ``1.0D+05``, and ``3.780-101`` where the E was
    dropped for lack of room. Empty cells, and the usual words for an absent value
    ("NA", "null", "--"), are absent.

    Parameters
    ----------
    text : sequence of str or None, or pyarrow.Array of strings, shape (n,)
        The cells.

    Returns
    -------
    values : numpy.ndarray of int64, uint64 or float64, shape (n,)
        Absent cells hold 0 or NaN.
    absent : numpy.ndarray of bool, shape (n,)
        True where the cell is absent.

    Examples
    --------
    >>> numbers_from_text(["3.780-101", "1.5+100", ""])[0]
    array([3.78e-101, 1.50e+100,       nan])
    >>> numbers_from_text(["1", "two"]) is None
    True
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.utf8_trim_whitespace(pa.array(text, type=pa.string()))
    absent = pc.or_(pc.is_null(cells), pc.is_in(cells, value_set=pa.array(ABSENT)))
    cells = pc.if_else(absent, pa.scalar(None, pa.string()), cells)
    values = _plain_numbers(cells)
    if values is None:
        values = _unusual_numbers(cells)
    if values is None:
        return None
    filled = pc.fill_null(values, np.nan if pa.types.is_floating(values.type) else 0)
    return np.array(filled.to_numpy(zero_copy_only=False)), np.array(
        absent.to_numpy(zero_copy_only=False), dtype=bool
    )


def first_text(text: Sequence[str | None]) -> tuple[int, str] | None:
    """Row and content of the first cell that is neither a number nor absent.

    Parameters
    ----------
    text : sequence of str or None, shape (n,)
        The cells.

    Returns
    -------
    tuple of int and str, or None
        The row, counted from 0, and the cell; None if every cell is a number or absent.

    Examples
    --------
    >>> first_text(["1", "", "two"])
    (2, 'two')
    """
    for row, cell in enumerate(text):
        if isinstance(cell, str):
            stripped = cell.strip()
            if stripped not in ABSENT and re.search(_NUMBER, stripped) is None:
                return row, cell
    return None


# The point is asked for where the exponent's E is missing: 2019-123 is no number.
_NUMBER = (
    r"^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[dDqQ][+-]?[0-9]+|[+-][0-9]{3})"
    r"|[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)$"
)


def _plain_numbers(cells: Any) -> Any:
    """Cast by Arrow, which is fast, and None where it finds a cell that it cannot read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Arrow would read 0x1F as 31; and a column that is all absent is one of floats.
    if cells.null_count < len(cells) and not _any(pc.match_substring(cells, "x")):
        for kind in (pa.int64(), pa.uint64()):
            if (values := _cast(cells, kind)) is not None:
                return values
        # More digits than 64 bits hold are an identifier, which a float would damage.
        if not _any(pc.match_substring_regex(cells, "[^0-9+-]")):
            return None
    return _cast(cells, pa.float64())


def _cast(cells: Any, kind: Any) -> Any:
    import pyarrow as pa

    try:
        # A cast that fails is slow, a microsecond for each bad cell: a few tell beforehand.
        cells[:1000].cast(kind)
        return cells.cast(kind)
    except pa.ArrowInvalid:
        return None


def _unusual_numbers(cells: Any) -> Any:
    """Read leading pluses, Fortran's exponents and numbers beyond a float's range."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _any(pc.invert(pc.match_substring_regex(cells, _NUMBER))):
        return None
    cells = pc.replace_substring_regex(cells, r"^\+", "")
    cells = pc.replace_substring_regex(cells, r"([0-9.])[dDqQ]([+-]?[0-9]+)$", r"\1e\2")
    cells = pc.replace_substring_regex(cells, r"([0-9.])([+-][0-9]{3})$", r"\1e\2")
    if (values := _plain_numbers(cells)) is not None:
        return values
    if not _any(pc.match_substring_regex(cells, "[^0-9-]")):
        return None
    # Beyond the range of a float, which Arrow refuses and Python rounds to infinity.
    return pa.array([None if cell is None else float(cell) for cell in cells.to_pylist()])


def _any(matches: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(matches, min_count=0).as_py())


def _native(values: np.ndarray) -> np.ndarray:
    # A copy always: the memory may belong to a file that is about to be closed.
    return np.array(values, dtype=values.dtype.newbyteorder("="), copy=True)


def _exact_as_float(values: np.ndarray) -> bool:
    limit = 2**53
    return bool(np.all(values <= limit) and np.all(values >= -limit))


def _series_of_arrays(
    values: np.ndarray, mask: np.ndarray | None
) -> tuple[pd.Series, np.ndarray | None]:
    import pandas as pd

    absent = None
    if mask is not None:
        if values.dtype.kind in "iub":
            values = values.astype(np.float64)
        if values.dtype.kind in "fc":
            values[mask] = np.nan
        absent = np.asarray(mask.reshape(len(mask), -1).all(axis=1))
    rows = np.empty(len(values), dtype=object)
    rows[:] = list(values) if len(values) else []
    if absent is not None and not absent.any():
        absent = None
    return pd.Series(rows), absent


def _series_of_objects(
    values: np.ndarray, mask: np.ndarray | None
) -> tuple[pd.Series, np.ndarray | None]:
    import pandas as pd

    cells = [_decoded(cell) if isinstance(cell, bytes) else cell for cell in values]
    if mask is not None:
        cells = [None if absent else cell for cell, absent in zip(cells, mask, strict=True)]
    if all(cell is None or isinstance(cell, str) for cell in cells):
        return pd.Series(cells, dtype=str), mask
    rows = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):
        rows[i] = _native(np.ma.getdata(cell)) if isinstance(cell, np.ndarray) else cell
    return pd.Series(rows), mask


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")  # never fails, and is what older archives mean
