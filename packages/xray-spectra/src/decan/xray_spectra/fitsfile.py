"""FITS files as OGIP wants them read: extensions by what they are, not by where they stand."""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile
from decan.core.files import reading

__all__ = ["Extension", "column", "extensions", "flat_rows", "keyword"]

_GZIP = b"\x1f\x8b"
_KINDS = {
    "L": "u1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "A": "S1",
}  # fmt: skip


@dataclass(frozen=True)
class Extension:
    """A binary table: its header, its rows as they lie in the file, and its heap.

    Parameters
    ----------
    file, name : str
        File and extension, for messages.
    header : astropy.io.fits.Header
        The header.
    rows : ndarray of uint8, shape (n_rows, n_bytes)
        The rows.
    heap : ndarray of uint8
        What variable-length columns point to.

    Examples
    --------
    >>> table = Extension("a.fits", "RATE", {"TFIELDS": 1, "TTYPE1": "Time", "TFORM1": "1J"},
    ...                   np.zeros((2, 4), np.uint8), np.zeros(0, np.uint8))
    >>> table.place, table.names
    ('a.fits, RATE', ['TIME'])
    """

    file: str
    name: str
    header: Any
    rows: NDArray[np.uint8]
    heap: NDArray[np.uint8]

    @property
    def place(self) -> str:
        """File and extension, as messages name them."""
        return f"{self.file}, {self.name}"

    @cached_property
    def names(self) -> list[str]:
        """Names of the columns, in capitals."""
        return [
            str(self.header.get(f"TTYPE{i}", "")).strip().upper()
            for i in range(1, int(self.header["TFIELDS"]) + 1)
        ]


def extensions(path: str | os.PathLike[str]) -> list[Extension]:
    """Binary tables of a FITS file, gzipped or not.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    list of Extension
        In the order of the file.

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If it is cut off, or no FITS file; the message shows how it begins.

    Examples
    --------
    >>> extensions("absent.fits")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.fits: no such file
    """
    from astropy.io import fits

    name = Path(path).name
    found: list[Extension] = []
    start = 0
    with reading(path, "FITS file") as file:
        content = _content(file)
        while start < len(content):
            header = fits.Header.fromstring(_header_text(content, start, name))
            data = start + _header_size(content, start, name)
            size = _data_size(header)
            if data + size > len(content):
                where = header.get("EXTNAME", "the primary HDU")
                raise CorruptFile(
                    f"{name}: cut off at byte {len(content)} inside {where}, which ends at byte "
                    f"{data + size}; download it again"
                )
            if str(header.get("XTENSION", "")).strip() == "BINTABLE":
                found.append(_table(name, header, content, data))
            start = data + -(-size // 2880) * 2880
    return found


def column(table: Extension, name: str, *, required: bool = True) -> NDArray[Any] | None:
    """A column of fixed length, scaled by TSCAL and TZERO, in native byte order.

    Parameters
    ----------
    table : Extension
        The table.
    name : str
        Name of the column.
    required : bool
        Whether its absence is an error.

    Returns
    -------
    ndarray, shape (n_rows,) or (n_rows, width), or None
        None where it is absent.

    Raises
    ------
    CorruptFile
        If it is required and absent.

    Examples
    --------
    >>> rows = np.array([[1], [2]], dtype=">i4").view(np.uint8)
    >>> header = {"TFIELDS": 1, "TTYPE1": "N", "TFORM1": "J"}
    >>> table = Extension("a.fits", "T", header, rows, rows[:0])
    >>> column(table, "N")
    array([1, 2], dtype=int32)
    """
    names = table.names
    if name not in names:
        if required:
            raise CorruptFile(
                f"{table.place}: no column {name}; it has {', '.join(filter(None, names))}"
            )
        return None
    number = names.index(name) + 1
    start, repeat, code = _layout(table.header, number)
    width = repeat * np.dtype(_KINDS[code]).itemsize
    cells = np.ascontiguousarray(table.rows[:, start : start + width]).view(_KINDS[code])
    values = _scaled(cells.astype(cells.dtype.newbyteorder("=")), table.header, number)
    return values[:, 0] if repeat == 1 else values


def flat_rows(table: Extension, name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """A column of fixed or variable length as one flat array, and how many cells a row has.

    Parameters
    ----------
    table : Extension
        The table.
    name : str
        Name of the column.

    Returns
    -------
    values : ndarray, shape (total,)
        Cells of all rows, one after the other.
    counts : ndarray of int, shape (n_rows,)
        How many belong to each row.

    Raises
    ------
    CorruptFile
        If it is absent, or points outside the heap.

    Examples
    --------
    >>> rows = np.array([[1, 2], [3, 4]], dtype=">i2").view(np.uint8)
    >>> header = {"TFIELDS": 1, "TTYPE1": "N", "TFORM1": "2I"}
    >>> table = Extension("a.fits", "T", header, rows, rows[:0])
    >>> values, counts = flat_rows(table, "N")
    >>> values.tolist(), counts.tolist()
    ([1, 2, 3, 4], [2, 2])
    """
    names = table.names
    if name not in names:
        raise CorruptFile(f"{table.place}: no column {name}")
    number = names.index(name) + 1
    form = str(table.header[f"TFORM{number}"]).strip()
    code = form.lstrip("0123456789")
    if code[0] not in "PQ":
        values = column(table, name)
        assert values is not None
        values = values[:, None] if values.ndim == 1 else values
        return values.ravel(), np.full(len(values), values.shape[1], dtype=np.int64)
    start, _, _ = _layout(table.header, number)
    kind = ">i4" if code[0] == "P" else ">i8"
    width = 2 * np.dtype(kind).itemsize
    pointers = np.ascontiguousarray(table.rows[:, start : start + width]).view(kind)
    counts, offsets = pointers.astype(np.int64).T
    item = np.dtype(_KINDS[code[1]])
    ends = offsets + counts * item.itemsize
    if counts.size and (counts.min() < 0 or offsets.min() < 0 or ends.max() > table.heap.size):
        row = int(np.argmax((counts < 0) | (offsets < 0) | (ends > table.heap.size)))
        raise CorruptFile(f"{table.place}: column {name}, row {row + 1} points outside the heap")
    compact = np.array_equal(offsets[1:], ends[:-1]) and counts.size > 0
    if compact:
        cells = table.heap[offsets[0] : ends[-1]]
    else:
        lengths = counts * item.itemsize
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        cells = table.heap[np.repeat(offsets, lengths) + within]
    values = np.ascontiguousarray(cells).view(item)
    return _scaled(values.astype(item.newbyteorder("=")), table.header, number), counts


def keyword(table: Extension, name: str, default: Any = None) -> Any:
    """A keyword of the header, text without surrounding blanks.

    Parameters
    ----------
    table : Extension
        The table.
    name : str
        Keyword.
    default : object
        What stands for a keyword that is absent.

    Returns
    -------
    object

    Examples
    --------
    >>> empty = np.zeros((0, 0), np.uint8)
    >>> keyword(Extension("a.fits", "T", {"TELESCOP": "CHANDRA "}, empty, empty[0:0]), "TELESCOP")
    'CHANDRA'
    """
    value = table.header.get(name, default)
    return value.strip() if isinstance(value, str) else value


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if content[:2] == _GZIP:
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise CorruptFile(f"{path.name}: gzip data are cut off or garbled ({error})") from error
    if content[:6] != b"SIMPLE":
        raise CorruptFile(
            f"{path.name}: no FITS file, it begins {content[:80]!r}; an archive's error page may "
            "have been saved under this name"
        )
    return content


def _header_size(content: bytes, start: int, name: str) -> int:
    place = start
    while place < len(content):
        block = content[place : place + 2880]
        for card in range(0, len(block), 80):
            if block[card : card + 8] == b"END     " or block[card : card + 80].strip() == b"END":
                return place + 2880 - start
        place += 2880
    raise CorruptFile(f"{name}: cut off inside a header at byte {len(content)}")


def _header_text(content: bytes, start: int, name: str) -> str:
    return content[start : start + _header_size(content, start, name)].decode("latin-1")


def _data_size(header: Any) -> int:
    n_axes = int(header.get("NAXIS", 0))
    if n_axes == 0:
        return 0
    cells = 1
    for axis in range(1, n_axes + 1):
        cells *= int(header[f"NAXIS{axis}"])
    groups = int(header.get("GCOUNT", 1))
    return abs(int(header["BITPIX"])) // 8 * groups * (int(header.get("PCOUNT", 0)) + cells)


def _table(file: str, header: Any, content: bytes, data: int) -> Extension:
    width, n_rows = int(header["NAXIS1"]), int(header["NAXIS2"])
    everything = np.frombuffer(content, dtype=np.uint8, count=_data_size(header), offset=data)
    heap = int(header.get("THEAP", width * n_rows))
    name = str(header.get("EXTNAME", "unnamed table")).strip()
    rows = everything[: width * n_rows].reshape(n_rows, width)
    return Extension(file, name, header, rows, everything[heap:])


def _layout(header: Any, number: int) -> tuple[int, int, str]:
    """First byte, repeat count and type code of a column."""
    start = 0
    for i in range(1, number + 1):
        form = str(header[f"TFORM{i}"]).strip()
        code = form.lstrip("0123456789")
        repeat = int(form[: len(form) - len(code)] or 1)
        if i == number:
            return start, repeat, code[0]
        if code[0] in "PQ":
            start += repeat * (8 if code[0] == "P" else 16)
        elif code[0] == "X":
            start += -(-repeat // 8)
        else:
            size = {"C": 8, "M": 16}.get(code[0])
            start += repeat * (size or np.dtype(_KINDS[code[0]]).itemsize)
    raise AssertionError("unreachable")


def _scaled(values: NDArray[Any], header: Any, number: int) -> NDArray[Any]:
    scale, zero = header.get(f"TSCAL{number}", 1), header.get(f"TZERO{number}", 0)
    if scale == 1 and zero == 0:
        return values
    if scale == 1 and float(zero).is_integer() and values.dtype.kind in "iu":
        return values.astype(np.int64) + int(zero)
    return values * scale + zero
