"""Batches of a Parquet source: what :mod:`decan.core.data.stream` maps over.

A batch is a run of rows of one file. Row groups are joined up to the number of rows asked
for, and cut where they are larger, so that memory depends on the batch and not on the file.
Batches that share row groups form a block, which is read in one go.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import CorruptFile, DataNotAvailable, SchemaError
from ..files import replacing
from .results import Function, apply_function

__all__ = ["Block", "Source", "open_source", "part_name", "write_block"]


@dataclass(frozen=True)
class Block:
    """Row groups of one file that are read in one go, and the parts they become.

    Parameters
    ----------
    path : str
        The Parquet file.
    row_groups : tuple of int
        Its row groups, in order.
    start : int
        Row of the file with which the first of them begins.
    sizes : tuple of int
        Rows of each batch of the block.
    first_part : int
        Number of the part that its first batch becomes.

    Examples
    --------
    >>> Block("a.parquet", (0,), 0, (60, 40), 7).rows(8)
    'a.parquet rows 60-99'
    """

    path: str
    row_groups: tuple[int, ...]
    start: int
    sizes: tuple[int, ...]
    first_part: int

    @property
    def parts(self) -> range:
        """Numbers of the parts that the block becomes."""
        return range(self.first_part, self.first_part + len(self.sizes))

    def rows(self, part: int) -> str:
        """Where a part comes from, in words."""
        index = part - self.first_part
        start = self.start + sum(self.sizes[:index])
        size = self.sizes[index]
        return f"{self.path} rows {start}-{start + size - 1}" if size else f"{self.path} (empty)"


@dataclass(frozen=True)
class Source:
    """A Parquet source, laid out in blocks.

    Parameters
    ----------
    schema : pyarrow.Schema
        The selected columns.
    nullable : frozenset of str
        Integer and boolean columns with missing values somewhere. They reach the function
        in pandas' nullable types in every batch, so that an identifier of 64 bits never
        becomes a float because its batch has a gap.
    blocks : tuple of Block
        In order.
    files : tuple of (str, int, int)
        Each file's relative path, size and time of change, which tell a changed source.

    Examples
    --------
    >>> Source(pa.schema([("ra", pa.float64())]), frozenset(), (), ()).n_rows
    0
    """

    schema: pa.Schema
    nullable: frozenset[str]
    blocks: tuple[Block, ...]
    files: tuple[tuple[str, int, int], ...]

    @property
    def n_rows(self) -> int:
        """Rows in all."""
        return sum(sum(block.sizes) for block in self.blocks)


def open_source(
    path: str | os.PathLike[str], columns: Sequence[str] | None, batch_rows: int
) -> Source:
    """Look at the footers of all files and lay the source out in batches.

    Parameters
    ----------
    path : path-like
        A Parquet file, a folder of them, or a HATS catalogue.
    columns : sequence of str, optional
        The columns to read; all of them by default.
    batch_rows : int
        Most rows of a batch.

    Returns
    -------
    Source
        Schema, blocks and fingerprint.

    Raises
    ------
    DataNotAvailable
        If there is nothing at the path.
    CorruptFile
        If a file is no Parquet.
    SchemaError
        If a column is missing, or differs between files.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.parquet"
    >>> pq.write_table(pa.table({"ra": range(100)}), path, row_group_size=30)
    >>> [block.sizes for block in open_source(path, None, 60).blocks]
    [(60,), (40,)]
    >>> [block.sizes for block in open_source(path, None, 20).blocks]
    [(20, 10), (20, 10), (20, 10), (10,)]
    """
    root, paths = _parquet_files(Path(path))
    blocks: list[Block] = []
    files, nullable = [], set()
    first: tuple[Path, pa.Schema] | None = None
    for file in paths:
        try:
            with pq.ParquetFile(file) as opened:
                metadata, schema = opened.metadata, opened.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise CorruptFile(f"{file}: not a readable Parquet file: {error}") from error
        schema = _selected(schema.remove_metadata(), columns, file)
        if first is None:
            first = file, schema
        schema = _same_columns(*first, file, schema)
        nullable |= _with_missing(schema, metadata)
        first_part = blocks[-1].parts.stop if blocks else 0
        blocks += _blocks(str(file), metadata, batch_rows, first_part)
        status = file.stat()
        files.append((file.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns))
    assert first is not None
    if not blocks:  # no row at all: the function still says what the columns of the sink are
        blocks = [Block(str(first[0]), (), 0, (0,), 0)]
    return Source(first[1], frozenset(nullable), tuple(blocks), tuple(files))


def write_block(
    function: Function, source: Source, block: Block, folder: Path, missing: frozenset[int]
) -> Iterator[int]:
    """Map the missing batches of a block and write each as a part.

    Parameters
    ----------
    function : callable
        Table to table.
    source : Source
        What the block is from.
    block : Block
        The block.
    folder : pathlib.Path
        Where the parts go.
    missing : frozenset of int
        Numbers of the parts that are not there yet.

    Yields
    ------
    int
        The number of each part that has been written.

    Raises
    ------
    CorruptFile
        If the rows cannot be read.
    RuntimeError
        If the function fails; file and rows are named.
    SchemaError
        If what the function returns cannot be written as Parquet.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.parquet"
    >>> pq.write_table(pa.table({"ra": range(100)}), path)
    >>> source = open_source(path, None, 60)
    >>> list(write_block(lambda t: t, source, source.blocks[0], path.parent, frozenset({1})))
    [1]
    """
    wanted = [part for part in block.parts if part in missing]
    if not wanted:
        return
    for part, table in zip(block.parts, _read(block, source.schema), strict=True):
        if part in missing:
            result = apply_function(
                function, _to_pandas(table, source), source.schema, block.rows(part)
            )
            with replacing(folder / part_name(part)) as temporary:
                pq.write_table(result, temporary, compression="zstd")
            yield part
        if part == wanted[-1]:
            return


def part_name(part: int) -> str:
    """File name of a part; names sort as the rows do.

    Parameters
    ----------
    part : int
        Its number.

    Returns
    -------
    str
        Name of the file.

    Examples
    --------
    >>> part_name(12)
    'part-0000012.parquet'
    """
    return f"part-{part:07d}.parquet"


def _parquet_files(path: Path) -> tuple[Path, list[Path]]:
    """The folder that names are relative to, and the files in order."""
    if path.is_file():
        return path.parent, [path]
    if not path.is_dir():
        raise DataNotAvailable(f"{path}: no such file or folder")
    collection = path / "collection.properties"
    if collection.is_file():
        # A HATS collection holds margins and indices beside the one table that is meant.
        lines = (line.partition("=") for line in collection.read_text().splitlines())
        path = path / {k.strip(): v.strip() for k, _, v in lines}["hats_primary_table_url"]
    hats = (path / "hats.properties").is_file() or (path / "properties").is_file()
    root = path / "dataset" if hats else path
    files = [
        file
        for file in sorted(root.rglob("*.parquet"))
        if file.is_file()
        and not any(p.startswith(("_", ".")) for p in file.relative_to(root).parts)
    ]
    if hats:
        files = [file for file in files if file.parent != root]  # without its thumbnail
    if not files:
        raise DataNotAvailable(f"{path}: holds no Parquet file")
    keyed = [f for f in files if not hats and any("=" in p for p in f.relative_to(root).parts[:-1])]
    if keyed:
        raise SchemaError(
            f"{keyed[0]}: columns that stand in names of folders are not read; "
            "map each folder by itself"
        )
    return root, files


def _selected(schema: pa.Schema, columns: Sequence[str] | None, file: Path) -> pa.Schema:
    if columns is None:  # but without the nameless index of a table that pandas wrote
        return pa.schema([f for f in schema if not f.name.startswith("__index_level_")])
    missing = [name for name in columns if name not in schema.names]
    if missing:
        raise SchemaError(f"{file}: no column {missing[0]!r}; it has {', '.join(schema.names)}")
    return pa.schema([schema.field(name) for name in columns])


def _same_columns(first: Path, expected: pa.Schema, file: Path, found: pa.Schema) -> pa.Schema:
    """The columns in the order of the first file, if they are the same."""
    odd = sorted(set(expected.names) ^ set(found.names))
    if odd:
        raise SchemaError(f"{file}: column {odd[0]!r} is not in both this file and {first}")
    for field in expected:
        other = found.field(field.name)
        if other.type != field.type:
            raise SchemaError(
                f"{file}: column {field.name!r} is {other.type}, in {first} it is {field.type}"
            )
    return expected


def _with_missing(schema: pa.Schema, metadata: pq.FileMetaData) -> set[str]:
    """Integer and boolean columns that have, or may have, missing values."""
    candidates = {f.name for f in schema if f.nullable and f.type in _nullable_dtypes()}
    found = set()
    for j in range(metadata.num_columns) if metadata.num_row_groups else ():
        name = metadata.schema.column(j).path
        if name not in candidates:
            continue
        for i in range(metadata.num_row_groups):
            statistics = metadata.row_group(i).column(j).statistics
            if statistics is None or not statistics.has_null_count or statistics.null_count:
                found.add(name)
                break
    return found


def _nullable_dtypes() -> dict[pa.DataType, Any]:
    return {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }


def _blocks(path: str, metadata: pq.FileMetaData, batch_rows: int, first_part: int) -> list[Block]:
    """Row groups joined up to ``batch_rows``, or cut into batches of that size."""
    blocks: list[Block] = []
    groups: list[int] = []
    start = size = 0

    def close() -> None:
        nonlocal groups, start, size, first_part
        if size:
            full, rest = divmod(size, batch_rows)
            sizes = (batch_rows,) * full + ((rest,) if rest else ())
            blocks.append(Block(path, tuple(groups), start, sizes, first_part))
            first_part += len(sizes)
        groups, start, size = [], start + size, 0

    for i in range(metadata.num_row_groups):
        rows = metadata.row_group(i).num_rows
        if size + rows > batch_rows:
            close()
        groups.append(i)
        size += rows
    close()
    return blocks


def _read(block: Block, schema: pa.Schema) -> Iterator[pa.Table]:
    """The block's batches; of a large row group only the pages in use are in memory."""
    if not block.row_groups:
        yield schema.empty_table()
        return
    try:
        with pq.ParquetFile(block.path, pre_buffer=False, buffer_size=1 << 20) as opened:
            pieces = opened.iter_batches(
                max(block.sizes), row_groups=list(block.row_groups), columns=schema.names
            )
            left: list[pa.RecordBatch] = []
            for size in block.sizes:
                while sum(piece.num_rows for piece in left) < size:
                    left.append(next(pieces))
                table = pa.Table.from_batches(left)
                left = table.slice(size).to_batches()
                yield table.slice(0, size).select(schema.names)
    except (pa.ArrowException, OSError) as error:
        raise CorruptFile(f"{block.path}: cannot be read: {error}") from error


def _to_pandas(table: pa.Table, source: Source) -> pd.DataFrame:
    # Integers in lists that have gaps come as objects: as floats they would lose digits.
    frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    for name in source.nullable:
        frame[name] = table[name].to_pandas(types_mapper=_nullable_dtypes().get)
    return frame
