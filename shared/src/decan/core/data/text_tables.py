"""Tables written as plain text: comma or tab separated, and IPAC's fixed columns."""

from __future__ import annotations

import csv as csv_module
import io
import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from decan.core.data.columns import Column, first_text, numbers_from_text
from decan.core.errors import CorruptFile, SchemaError

__all__ = ["read_ipac", "read_separated"]


def read_separated(content: bytes, name: str, separator: str) -> list[Column]:
    r"""Columns of a table with one row a line and a character between cells.

    Lines before the header that start with ``#`` are skipped. Where commas are expected
    and the header has none, semicolons or tabs are taken. A row that is shorter or longer
    than the header is an error, not a row of absent cells.

    Parameters
    ----------
    content : bytes
        The file, UTF-8.
    name : str
        Its name, for messages.
    separator : str
        The character between cells.

    Returns
    -------
    list of Column
        Integers, floats and truth values where every cell is one, otherwise text.

    Raises
    ------
    CorruptFile
        If a row has not as many cells as the header, or there is no header.

    Examples
    --------
    >>> [column.values.tolist() for column in read_separated(b"a,b\n1,x\n2,y\n", "t.csv", ",")]
    [[1, 2], ['x', 'y']]
    """
    import pyarrow as pa
    from pyarrow import csv

    content = re.sub(rb"\A(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*", b"", content)
    if not content.strip():
        raise CorruptFile(f"{name}: holds no header line")

    separator = _separator(content, separator)
    names = _names(content, name, separator)
    layout = csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    try:
        # One thread, because only then does Arrow know in which row a fault is.
        read = csv.ReadOptions(use_threads=False)
        # Everything as text first: what is a number is decided here, from the whole column.
        as_text = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        )
        table = csv.read_csv(
            io.BytesIO(content),
            read_options=read,
            parse_options=layout,
            convert_options=as_text,
        )
    except pa.ArrowInvalid as error:
        raise CorruptFile(f"{name}: {_csv_fault(str(error))}") from None
    columns = [
        _infer(column.strip(), pa.concat_arrays(cells.chunks) if cells.chunks else [])
        for column, cells in zip(table.column_names, table.columns, strict=True)
    ]
    if content.count(b'"') % 2 and _ends_within_quotes(content, columns):
        raise CorruptFile(f"{name}: the last row has a quote that never ends; the file is cut")
    return columns


def read_ipac(content: bytes, name: str) -> list[Column]:
    r"""Columns of an IPAC table, whose header lines between bars fix where each column stands.

    Parameters
    ----------
    content : bytes
        The file, UTF-8 or Latin-1.
    name : str
        Its name, for messages.

    Returns
    -------
    list of Column
        With the units and null words of the header.

    Raises
    ------
    CorruptFile
        If the header or the last line is cut, or a cell crosses a bar.
    SchemaError
        If a cell of a numeric column is no number.

    References
    ----------
    NASA/IPAC Infrared Science Archive, "IPAC table format definition".

    Examples
    --------
    >>> table = b"| p      |\n| double |\n| d      |\n| null   |\n  1.5     \n  null    \n"
    >>> column = read_ipac(table, "t.tbl")[0]
    >>> column.unit, column.values.tolist(), column.mask.tolist()
    ('d', [1.5, nan], [False, True])
    """
    lines = [line.rstrip("\r") for line in _decoded(content).split("\n")]
    header = [line.rstrip() for line in lines if line.startswith("|")][:4]
    if not header:
        raise CorruptFile(f"{name}: not an IPAC table, no header line starts with '|'")
    if not all(line.endswith("|") and line.count("|") == header[0].count("|") for line in header):
        raise CorruptFile(f"{name}: the IPAC header is cut or its lines differ in columns")
    fields = [[cell.strip() for cell in line[1:-1].split("|")] for line in header]
    names = fields[0]
    kinds, units, nulls = (fields[i] if len(fields) > i else [""] * len(names) for i in (1, 2, 3))
    bars = [i for i, character in enumerate(header[0]) if character == "|"]
    rows = [line for line in lines if line.strip() and line[0] not in "\\|"]
    if rows and not content.endswith(b"\n") and len(rows[-1]) < bars[-1]:
        raise CorruptFile(f"{name}: the last line is cut, row {len(rows) - 1}")
    _refuse_text_under_bars(rows, bars, names, name)
    columns = []
    for i, (start, stop) in enumerate(itertools.pairwise(bars)):
        text = [row[start + 1 : stop].strip() for row in rows]
        cells = [None if cell in (nulls[i], "null", "") else cell for cell in text]
        columns.append(_declared(names[i], cells, kinds[i], units[i] or None, name))
    return columns


def _separator(content: bytes, expected: str) -> str:
    """The character between cells: where it is not in the header, what stands there instead."""
    header = content.split(b"\n", 1)[0].decode("utf-8", "replace")
    if expected == "," and "," not in header:
        # Spreadsheets of countries with decimal commas write semicolons into .csv.
        return next((other for other in ";\t" if other in header), expected)
    return expected


def _names(content: bytes, name: str, separator: str) -> list[str]:
    try:
        lines = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
        return next(csv_module.reader(lines, delimiter=separator))
    except (UnicodeDecodeError, csv_module.Error) as error:
        raise CorruptFile(f"{name}: cannot be read as CSV ({error})") from None


def _csv_fault(message: str) -> str:
    row = re.search(r"Row #(\d+)", message)
    counts = re.search(r"Expected (\d+) columns, got (\d+)", message)
    if counts is None:
        return message.splitlines()[0]
    # Arrow counts from 1, the header included.
    where = f"row {int(row[1]) - 2} (the first is 0)" if row else "a row"
    return f"{where} has {counts[2]} cells, expected {counts[1]}; the file is cut or mixed up"


def _ends_within_quotes(content: bytes, columns: Sequence[Column]) -> bool:
    last = [str(column.values[-1]) for column in columns if len(column.values)]
    return not content.endswith(b"\n") or any("\n" in cell for cell in last)


def _infer(name: str, text: Any) -> Column:
    numbers = numbers_from_text(text)
    if numbers is not None:
        return Column(name, *numbers)
    cells = text.to_pylist()
    mask = np.array([cell == "" for cell in cells], dtype=bool)
    words = {cell for cell in cells if cell}
    if words <= {"True", "False"} or words <= {"true", "false"} or words <= {"TRUE", "FALSE"}:
        return Column(name, np.array([cell.lower() == "true" for cell in cells]), mask)
    return Column(name, np.array(cells, dtype=object), mask)


def _declared(
    name: str, cells: Sequence[str | None], kind: str, unit: str | None, file: str
) -> Column:
    """Column of the type that the header declares; IPAC allows it to be cut to one letter."""
    mask = np.array([cell is None for cell in cells], dtype=bool)
    if kind.lower() in ("c", "ch", "cha", "char", "date"):
        return Column(name, np.array(cells, dtype=object), mask, unit)
    numbers = numbers_from_text(cells)
    if numbers is None:
        if not kind:
            return Column(name, np.array(cells, dtype=object), mask, unit)
        row, cell = first_text(cells) or (0, str(cells[0]))
        raise SchemaError(
            f"{file}: column {name!r}, row {row} (the first is 0): {cell!r} is not a number, "
            f"which the header declares ({kind})"
        )
    values, absent = numbers
    if kind.lower()[0:1] in ("d", "f", "r"):
        values = np.where(absent, np.nan, values.astype(np.float64))
    return Column(name, values, absent, unit)


def _refuse_text_under_bars(
    rows: Sequence[str], bars: Sequence[int], names: Sequence[str], file: str
) -> None:
    for i, bar in enumerate(bars):
        under = [line[bar : bar + 1].strip() for line in rows]
        if any(under):
            row = next(row for row, character in enumerate(under) if character)
            raise CorruptFile(
                f"{file}: row {row} (the first is 0): a cell crosses the bar beside column "
                f"{names[min(i, len(names) - 1)]!r}"
            )


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
