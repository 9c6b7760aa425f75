"""Readers of the table formats of astronomy, from bytes to columns."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decan.core.data.columns import ABSENT, Column
from decan.core.data.text_tables import read_ipac, read_separated
from decan.core.errors import CorruptFile, DecanError, SchemaError

__all__ = ["read_columns"]

SUFFIXES = {
    "FITS": (".fits", ".fit", ".fts", ".evt", ".lc", ".pi", ".pha", ".arf", ".rmf"),
    "VOTable": (".vot", ".votable", ".xml"),
    "ECSV": (".ecsv",),
    "CSV": (".csv",),
    "TSV": (".tsv", ".tab"),
    "IPAC": (".tbl", ".ipac"),
    "Parquet": (".parquet", ".pq"),
}
MAGIC = {
    "FITS": b"SIMPLE  =",
    "Parquet": b"PAR1",
    "ECSV": b"# %ECSV",
    "VOTable": b"<?xml",
}


def read_columns(path: Path, hdu: int | str | None = None) -> list[Column]:
    r"""Columns of a table file of any known format, unpacked if it is gzipped.

    Parameters
    ----------
    path : pathlib.Path
        An existing file. Its suffix (before ``.gz``) says its format; where that is
        unknown, its first bytes do.
    hdu : int or str, optional
        FITS extension or table of a VOTable, by number or name; the first table if
        not given.

    Returns
    -------
    list of Column
        As the file orders them. Names may repeat.

    Raises
    ------
    CorruptFile
        If the file is cut, garbled or of another format than its name says.
    SchemaError
        If the format is unknown or has no such ``hdu``.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("a\n1\n")
    >>> read_columns(path)[0].name
    'a'
    """
    content = path.read_bytes()
    name = path.name
    if not content:
        raise CorruptFile(f"{name}: is empty")
    if content.startswith(b"\x1f\x8b") or name.endswith(".gz"):
        content = _unpacked(content, name)
    kind = _format_of(name, content)
    if hdu is not None and kind not in ("FITS", "VOTable"):
        raise SchemaError(f"{name}: hdu={hdu!r} was asked for, but a {kind} file holds one table")
    try:
        if kind in ("FITS", "VOTable"):
            return _READERS[kind](content, name, hdu)
        return _READERS[kind](content, name)
    except (DecanError, MemoryError):
        raise
    except Exception as error:
        # A garbled file can make a parser fail in any way at all; to the user it is one fault.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CorruptFile(f"{name}: cannot be read as {kind} ({reason})") from error


def _unpacked(content: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise CorruptFile(f"{name}: the gzip stream is cut or garbled ({error})") from None


def _format_of(name: str, content: bytes) -> str:
    suffix = Path(name.removesuffix(".gz").lower()).suffix
    if suffix == ".csv" and content.startswith(MAGIC["ECSV"]):
        return "ECSV"
    for kind, suffixes in SUFFIXES.items():
        if suffix in suffixes:
            return kind
    for kind, magic in MAGIC.items():
        if content.startswith(magic):
            return kind
    known = ", ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
    raise SchemaError(f"{name}: unknown table format {suffix!r}; known: {known} (and .gz of each)")


def _read_fits(content: bytes, name: str, hdu: int | str | None) -> list[Column]:
    from astropy.io import fits
    from astropy.table import Table

    # Astropy only warns of a cut file and then gives the HDUs before the cut; its other
    # warnings are about header cards and units, which do not touch the table's values.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with fits.open(io.BytesIO(content), memmap=False, lazy_load_hdus=False) as hdus:
            ends = [
                info["datLoc"] + info["datSpan"] for info in map(hdus.fileinfo, range(len(hdus)))
            ]
            faults = [w for w in caught if re.search(_CUT_FITS, str(w.message))]
            if max(ends) > len(content) or faults:
                raise CorruptFile(
                    f"{name}: is cut, {len(content)} bytes where its headers announce more"
                )
            tables = (fits.BinTableHDU, fits.TableHDU)
            table_hdu = _pick([(h.name, h) for h in hdus], name, hdu, tables)
            if table_hdu.verify_datasum() == 0:
                raise CorruptFile(f"{name}: the data differ from the DATASUM in their header")
            raw_units = {column.name: column.unit for column in table_hdu.columns}
            names = list(table_hdu.columns.names)
            _refuse_repeated(names, name)
            nulls = _scaled_nulls(table_hdu)
            table = Table.read(table_hdu, mask_invalid=False, unit_parse_strict="silent")
            columns = [_from_astropy(table[n], n, raw_units[n]) for n in names]
    for column in columns:
        column.mask = nulls.get(column.name, column.mask)
    return columns


def _scaled_nulls(table_hdu: Any) -> dict[str, np.ndarray]:
    """Masks of scaled integer columns: TNULL is a stored value, but astropy seeks it in scaled."""
    raw = table_hdu.data.view(np.ndarray)
    return {
        column.name: raw[column.name] == column.null
        for column in table_hdu.columns
        if column.null is not None
        and raw[column.name].dtype.kind == "i"
        and np.asarray(table_hdu.data[column.name]).dtype.kind == "f"
    }


# What astropy's warnings say of a file that ends too early.
_CUT_FITS = "truncated|Error validating header"


def _read_votable(content: bytes, name: str, hdu: int | str | None) -> list[Column]:
    from xml.parsers import expat

    from astropy.io import votable

    # Astropy's parser forgives a document that ends too early; expat does not.
    expat.ParserCreate().Parse(content, True)
    # Archives break the VOTable rules in many harmless ways (units, UCDs, versions), so
    # astropy's warnings are not passed on; but W30 means that a cell was no number.
    with (
        warnings.catch_warnings(record=True) as caught,
        votable.exceptions.conf.set_temp("max_warnings", sys.maxsize),
    ):
        warnings.simplefilter("always")
        document = votable.parse(io.BytesIO(content), verify="warn")
        infos = [info for resource in document.resources for info in resource.infos]
        status = {info.value: info.content for info in infos if info.name == "QUERY_STATUS"}
        if "ERROR" in status:
            raise CorruptFile(f"{name}: holds the archive's error, no table: {status['ERROR']}")
        tables = [(t.name or t.ID or "", t) for t in document.iter_tables()]
        chosen = _pick(tables, name, hdu, votable.tree.TableElement)
        _refuse_repeated([field.name or field.ID for field in chosen.fields], name)
        table = chosen.to_table(use_names_over_ids=True)
    if "OVERFLOW" in status:
        warnings.warn(f"{name}: the archive cut the answer at its limit of rows", stacklevel=4)
    for warning in caught:
        bad = re.search(r"W30: Invalid literal for \w+ '(.+)'", str(warning.message))
        if bad and bad[1].strip() not in ABSENT:
            where = _votable_cell(content, bad[1])
            raise SchemaError(f"{name}: {where} {bad[1]!r} is not a number")
    return [_from_astropy(table[n], n, table[n].unit) for n in table.colnames]


def _votable_cell(content: bytes, text: str) -> str:
    """Find a cell by its text; astropy tells its line only."""
    from xml.etree import ElementTree

    for table in ElementTree.fromstring(content).findall(".//{*}TABLE"):
        names = [field.get("name") or field.get("ID") for field in table.findall(".//{*}FIELD")]
        for row, cells in enumerate(table.findall(".//{*}TR")):
            for name, cell in zip(names, cells.findall(".//{*}TD"), strict=False):
                if cell.text == text:
                    return f"column {name!r}, row {row} (the first is 0):"
    return "a cell"


def _read_ecsv(content: bytes, name: str) -> list[Column]:
    from astropy.table import Table
    from astropy.table.serialize import represent_mixins_as_columns

    with warnings.catch_warnings():
        # A unit that astropy does not know is kept as text and judged when it is asked for.
        warnings.simplefilter("ignore")
        lines = content.decode("utf-8").splitlines()
        try:
            table = Table.read(lines, format="ascii.ecsv")
        except ValueError as error:
            _name_bad_cell(lines, name, str(error))
            raise
        # Times and coordinates become the plain columns they are made of.
        table = represent_mixins_as_columns(table)
    return [_from_astropy(table[n], n, table[n].unit) for n in table.colnames]


def _name_bad_cell(lines: Sequence[str], file: str, message: str) -> None:
    """Find the cell that made astropy refuse a column, of which it tells the name only."""
    import csv

    failed = re.match("column '(.+)' failed to convert", message)
    if failed is None:
        return
    delimiter = "," if any(line.startswith("# delimiter: ','") for line in lines) else " "
    body = [line for line in lines if line and not line.startswith("#")]
    rows = list(csv.reader(body, delimiter=delimiter))
    for row, cells in enumerate(rows[1:]):
        cell = cells[rows[0].index(failed[1])]
        try:
            float(cell or "nan")
        except ValueError:
            raise SchemaError(
                f"{file}: column {failed[1]!r}, row {row} (the first is 0): "
                f"{cell!r} is not of the type that the header declares"
            ) from None


def _read_parquet(content: bytes, name: str) -> list[Column]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content))
    _refuse_repeated(file.schema_arrow.names, name)
    table = file.read()
    units, masks = _parquet_metadata(file.schema_arrow)
    columns = []
    for field in file.schema_arrow:
        if re.fullmatch(r"__index_level_\d+__", field.name) or field.name in masks.values():
            continue
        column = _from_arrow(field.name, table.column(field.name), units.get(field.name))
        if field.name in masks:
            column.mask = table.column(masks[field.name]).to_numpy().astype(bool)
        columns.append(column)
    return columns


def _parquet_metadata(schema: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Units, and names of mask columns, from wherever pandas, astropy or a VOTable put them."""
    metadata = schema.metadata or {}
    units: dict[str, str] = {}
    masks: dict[str, str] = {}
    if b"PANDAS_ATTRS" in metadata:
        units |= json.loads(metadata[b"PANDAS_ATTRS"]).get("units", {})
    if b"IVOA.VOTable-Parquet.content" in metadata:
        from xml.etree import ElementTree

        document = ElementTree.fromstring(metadata[b"IVOA.VOTable-Parquet.content"])
        units |= {f.get("name", ""): f.get("unit", "") for f in document.findall(".//{*}FIELD")}
    if b"table_meta_yaml" in metadata:
        from astropy.table import meta

        header = meta.get_header_from_yaml(metadata[b"table_meta_yaml"].decode().split("\n"))
        units |= {c["name"]: str(c["unit"]) for c in header["datatype"] if c.get("unit")}
        serialized = header.get("meta", {}).get("__serialized_columns__", {})
        masks = {n: c["mask"]["name"] for n, c in serialized.items() if "mask" in c}
    for field in schema:
        if field.metadata and b"unit" in field.metadata:
            units[field.name] = field.metadata[b"unit"].decode()
    return units, masks


def _from_arrow(name: str, values: Any, unit: str | None) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pa.concat_arrays(values.chunks) if values.chunks else pa.array([], values.type)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_null(values.type) or pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("s"))
    mask = np.array(values.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        values = pc.fill_null(values, False if pa.types.is_boolean(kind) else 0)
        return Column(name, values.to_numpy(zero_copy_only=False), mask, unit)
    if pa.types.is_floating(kind):
        return Column(name, values.to_numpy(zero_copy_only=False), mask, unit)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Column(name, np.array(values.to_pylist(), dtype=object), mask, unit)
    return Column(name, values.to_pandas(), mask, unit)


def _from_astropy(column: Any, name: str, unit: Any) -> Column:
    mask = getattr(column, "mask", None)
    values = np.ma.getdata(np.asanyarray(column))
    if values.dtype.kind in "SU" and values.ndim == 1:
        values = np.char.rstrip(values)  # FITS pads with blanks, which are no part of the text
    return Column(name, values, None if mask is None else np.array(mask), str(unit or "") or None)


def _pick(tables: Sequence[tuple[str, Any]], file: str, hdu: int | str | None, kinds: Any) -> Any:
    usable = {
        i: (name, table) for i, (name, table) in enumerate(tables) if isinstance(table, kinds)
    }
    for i, (name, table) in usable.items():
        if hdu is None or hdu == i or (isinstance(hdu, str) and hdu.lower() == name.lower()):
            return table
    found = ", ".join(f"{i} {name!r}" for i, (name, _) in usable.items()) or "none"
    asked = "table" if hdu is None else f"table hdu={hdu!r}"
    raise SchemaError(f"{file}: holds no {asked}; tables in it: {found}")


def _refuse_repeated(names: Sequence[str], file: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SchemaError(f"{file}: column name {repeated[0]!r} stands for more than one column")


_READERS: dict[str, Callable[..., list[Column]]] = {
    "FITS": _read_fits,
    "VOTable": _read_votable,
    "ECSV": _read_ecsv,
    "CSV": lambda content, name: read_separated(content, name, ","),
    "TSV": lambda content, name: read_separated(content, name, "\t"),
    "IPAC": read_ipac,
    "Parquet": _read_parquet,
}
