"""Whole surveys through one function: Parquet to Parquet in batches of constant memory.

The sink appears when all of it is there. Until then its parts stand in a hidden folder
beside it, each written whole, and the same call goes on where the last one ended.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from ..errors import SchemaError
from ..files import replacing
from .batches import Block, Source, open_source, part_name, write_block
from .results import Function, apply_function, unify

__all__ = ["Summary", "map_table"]

# Readers of a folder of Parquet files skip names with a leading underscore.
STATE = "_stream.json"


@dataclass(frozen=True)
class Summary:
    """What :func:`map_table` has done.

    Parameters
    ----------
    sink : pathlib.Path
        The folder that was written.
    rows_in, rows_out : int
        Rows of source and sink.
    n_parts : int
        Files of the sink.
    n_resumed : int
        How many of them an earlier call had written.

    Examples
    --------
    >>> print(Summary(Path("scores"), 100_000, 40, 2, 1))
    scores: 100,000 rows in, 40 out, 2 parts (1 from an earlier call)
    """

    sink: Path
    rows_in: int
    rows_out: int
    n_parts: int
    n_resumed: int

    def __str__(self) -> str:
        resumed = f" ({self.n_resumed} from an earlier call)" if self.n_resumed else ""
        return (
            f"{self.sink}: {self.rows_in:,} rows in, {self.rows_out:,} out, "
            f"{self.n_parts} parts{resumed}"
        )


def map_table(
    function: Function,
    source: str | os.PathLike[str] | Any,
    sink: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    batch_rows: int = 65_536,
    engine: Literal["local", "dask"] = "local",
    progress: bool = True,
    resume: bool = True,
) -> Summary:
    """Apply a function to every batch of a table that need not fit into memory.

    A call that was killed goes on, when repeated, with the first part that is missing, and
    the sink then holds the same bytes as that of an undisturbed call.

    Parameters
    ----------
    function : callable
        Takes a DataFrame of at most ``batch_rows`` rows and returns a DataFrame with the
        same columns for every batch; its number of rows is free. Rows must not depend on
        other batches. The index is not written. Columns of lists (nested light curves)
        come as arrays, and keep their type if they are handed on. From an LSDB catalogue
        it gets the NestedFrames that LSDB makes.
    source : path-like, or lsdb.Catalog with ``engine="dask"``
        A Parquet file, a folder of them (in the order of their names), or a HATS catalogue.
    sink : path-like
        The folder to write, one Parquet file for each batch; ``pandas.read_parquet`` and
        every other reader of Parquet folders take it as one table. For an LSDB catalogue
        one file for each partition.
    columns : sequence of str, optional
        The columns to read; all of them by default.
    batch_rows : int
        Most rows that the function gets at once.
    engine : {"local", "dask"}
        This process, or the Dask cluster of the active ``distributed.Client``, whose
        workers must see the same files.
    progress : bool
        Whether to show a progress bar.
    resume : bool
        Go on with what an earlier call has left, and recognise a finished sink. False
        starts anew and replaces the sink, as one must after changing what the function does.

    Returns
    -------
    Summary
        Numbers of rows and parts.

    Raises
    ------
    DataNotAvailable
        If there is nothing at ``source``.
    CorruptFile
        If a file of the source cannot be read.
    RuntimeError
        If the function fails; the message names file and rows. Finished parts are kept.
    SchemaError
        If a column is missing or differs between files or between results of the function,
        or an earlier call had another source or other arguments.
    ValueError
        If an argument is out of range, the sink is something else, or no Dask client is
        active.
    ImportError
        If ``engine="dask"`` and Dask is not installed.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"parallax_mas": [10.0, 5.0, -1.0]}).to_parquet(folder / "gaia.parquet")
    >>> def near(stars):
    ...     stars = stars[stars["parallax_mas"] > 0]
    ...     return stars.assign(distance_pc=1000 / stars["parallax_mas"])
    >>> print(map_table(near, folder / "gaia.parquet", folder / "near", progress=False))
    /.../near: 3 rows in, 2 out, 1 parts
    >>> pd.read_parquet(folder / "near")
       parallax_mas  distance_pc
    0          10.0        100.0
    1           5.0        200.0
    """
    if batch_rows < 1:
        raise ValueError(f"batch_rows: {batch_rows}; expected 1 or more")
    if engine not in ("local", "dask"):
        raise ValueError(f"engine: {engine!r}; expected 'local' or 'dask'")
    client = _dask_client() if engine == "dask" else None
    work: _Files | _Catalogue
    if isinstance(source, str | os.PathLike):
        _refuse_overlap(Path(source), Path(sink))
        work = _Files(open_source(source, columns, batch_rows))
    elif client is not None and hasattr(source, "get_ordered_healpix_pixels"):
        catalogue = source if columns is None else source[list(columns)]
        work = _Catalogue(catalogue, batch_rows)
    else:
        raise ValueError(
            f"source: {type(source).__name__}; expected a path, or with engine='dask' an "
            "LSDB catalogue"
        )
    settings = {
        "batch_rows": batch_rows,
        "columns": None if columns is None else list(columns),
        "function": getattr(function, "__qualname__", type(function).__qualname__),
        "source": work.fingerprint(),
    }
    return _run(function, work, Path(sink), settings, client, progress, resume)


def _run(
    function: Function,
    work: _Files | _Catalogue,
    sink: Path,
    settings: dict[str, Any],
    client: Any,
    progress: bool,
    resume: bool,
) -> Summary:
    staging = sink.with_name(f".{sink.name}.part")
    done = _state(sink)
    if resume and done is not None:
        _check_same(done, settings, sink)
        counts = done["finished"]
        return Summary(sink, **counts, n_resumed=counts["n_parts"])
    if not resume:
        shutil.rmtree(staging, ignore_errors=True)
    present = _resume(staging, settings, sink)
    missing = frozenset(range(work.n_parts)) - present
    schema: pa.Schema | None = None
    for part in sorted(present):
        schema = unify(schema, pq.read_schema(staging / part_name(part)), work.where(part))
    with tqdm(
        total=work.n_rows, unit=work.unit, unit_scale=True, desc=sink.name, disable=not progress
    ) as bar:
        bar.update(sum(work.rows_of(part) for part in present))
        for part in work.write(function, staging, missing, client):
            path = staging / part_name(part)
            try:
                schema = unify(schema, pq.read_schema(path), work.where(part))
            except SchemaError:
                path.unlink()  # else it would stand against every later call
                raise
            bar.update(work.rows_of(part))
    assert schema is not None
    rows_out = _finish(staging, schema, work.n_parts)
    counts = {"rows_in": work.rows_in(staging), "rows_out": rows_out, "n_parts": work.n_parts}
    _write_state(staging, {**settings, "finished": counts})
    _move_into_place(staging, sink)
    return Summary(sink, **counts, n_resumed=len(present))


class _Files:
    """The parts of a Parquet source: a part for each batch."""

    unit = "rows"

    def __init__(self, source: Source) -> None:
        self.source = source
        self.block_of_part = [block for block in source.blocks for _ in block.parts]
        self.n_parts = len(self.block_of_part)
        self.n_rows = source.n_rows

    def fingerprint(self) -> list[list[Any]]:
        return [list(file) for file in self.source.files]

    def where(self, part: int) -> str:
        return self.block_of_part[part].rows(part)

    def rows_of(self, part: int) -> int:
        block = self.block_of_part[part]
        return block.sizes[part - block.first_part]

    def rows_in(self, staging: Path) -> int:
        return self.n_rows

    def write(
        self, function: Function, staging: Path, missing: frozenset[int], client: Any
    ) -> Iterator[int]:
        blocks = [block for block in self.source.blocks if missing.intersection(block.parts)]
        if client is None:
            for block in blocks:
                yield from write_block(function, self.source, block, staging, missing)
            return
        # A worker needs to know the types, not the million blocks of the others.
        source = dataclasses.replace(self.source, blocks=(), files=())
        futures = client.map(
            _write_whole_block,
            blocks,
            [missing.intersection(block.parts) for block in blocks],
            function=function,
            source=source,
            folder=staging.resolve(),
            pure=False,
        )
        for parts in _as_they_come(futures, client):
            yield from parts


class _Catalogue:
    """The parts of an LSDB catalogue: a part for each partition, which is read by Dask.

    The catalogue is told from another by name, columns and pixels.
    """

    unit = "partitions"

    def __init__(self, catalogue: Any, batch_rows: int) -> None:
        self.catalogue = catalogue
        self.batch_rows = batch_rows
        self.pixels = [str(pixel) for pixel in catalogue.get_ordered_healpix_pixels()]
        self.n_parts = self.n_rows = len(self.pixels)

    def fingerprint(self) -> list[list[Any]]:
        columns = [f"{name} {kind}" for name, kind in self.catalogue.dtypes.items()]
        return [[self.catalogue.name, *columns], self.pixels]

    def where(self, part: int) -> str:
        return f"{self.catalogue.name} partition {part} ({self.pixels[part]})"

    def rows_of(self, part: int) -> int:
        return 1

    def rows_in(self, staging: Path) -> int:
        """Rows of the partitions, which only those who wrote the parts have counted."""
        paths = (staging / part_name(part) for part in range(self.n_parts))
        return sum(int(pq.read_schema(path).metadata[b"decan.rows_in"]) for path in paths)

    def write(
        self, function: Function, staging: Path, missing: frozenset[int], client: Any
    ) -> Iterator[int]:
        from dask.delayed import delayed

        task = delayed(_write_partition, pure=False)
        partitions = self.catalogue.to_delayed()
        tasks = [
            task(
                partitions[part],
                function,
                self.batch_rows,
                staging.resolve(),
                part,
                self.where(part),
            )
            for part in sorted(missing)
        ]
        return _as_they_come(client.compute(tasks), client)


def _dask_client() -> Any:
    try:
        import dask.dataframe  # noqa: F401 (LSDB needs it; told missing here, not on a worker)
        from distributed import default_client
    except ImportError as error:
        raise ImportError(
            "engine='dask' needs Dask: pip install 'decan-core[hpc]', or use engine='local'"
        ) from error
    try:
        return default_client()
    except ValueError as error:
        raise ValueError(
            "engine='dask': no Dask client is active; make one first: "
            "from distributed import Client; client = Client()"
        ) from error


def _as_they_come(futures: list[Any], client: Any) -> Iterator[Any]:
    """Results in the order in which they are ready; the first error ends the others."""
    from distributed import as_completed

    try:
        for future in as_completed(futures):
            yield future.result()
            future.release()
    finally:
        client.cancel(futures)


def _write_whole_block(
    block: Block, missing: frozenset[int], *, function: Function, source: Source, folder: Path
) -> list[int]:
    return list(write_block(function, source, block, folder, missing))


def _write_partition(
    partition: pd.DataFrame,
    function: Function,
    batch_rows: int,
    staging: Path,
    part: int,
    where: str,
) -> int:
    """Map one partition of a catalogue, batch by batch, into one part."""
    # HATS keeps the pixel of each row in the index.
    frame = partition if partition.index.name is None else partition.reset_index()
    source = pa.Schema.from_pandas(frame, preserve_index=False)
    tables, schema = [], None
    for start in range(0, max(len(frame), 1), batch_rows):
        batch = frame.iloc[start : start + batch_rows].reset_index(drop=True)
        rows = f"{where} rows {start}-{start + len(batch) - 1}"
        tables.append(apply_function(function, batch, source, rows))
        schema = unify(schema, tables[-1].schema, rows)
    assert schema is not None
    result = pa.concat_tables([table.cast(schema) for table in tables])
    metadata = {**(schema.metadata or {}), b"decan.rows_in": str(len(frame)).encode()}
    with replacing(staging / part_name(part)) as temporary:
        pq.write_table(result.replace_schema_metadata(metadata), temporary, compression="zstd")
    return part


def _refuse_overlap(source: Path, sink: Path) -> None:
    inner, outer = sink.resolve(), source.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise ValueError(
            f"sink: {sink} and source {source} lie in one another; choose another sink"
        )


def _state(folder: Path) -> dict[str, Any] | None:
    """What an earlier call has noted; None where there is nothing yet."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        return dict(json.loads((folder / STATE).read_text()))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"sink: {folder} exists and was not written by map_table; choose another folder"
        ) from error


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    with replacing(folder / STATE) as temporary:
        temporary.write_text(json.dumps(state) + "\n")


def _check_same(state: dict[str, Any], settings: dict[str, Any], sink: Path) -> None:
    """Refuse to go on with another source or other arguments: never a mixture."""
    for key, now in settings.items():
        before = state[key]
        if before == now:
            continue
        if key == "source":
            changed = [f for f in now if f not in before] + [f for f in before if f not in now]
            what = f"the source has changed since ({changed[0][0]})"
        else:
            what = f"{key} was {before!r}, now it is {now!r}"
        raise SchemaError(f"{sink}: {what}; pass resume=False to start anew, or name another sink")


def _resume(staging: Path, settings: dict[str, Any], sink: Path) -> set[int]:
    """Numbers of the parts that are there; the folder is made where there is none."""
    begun = _state(staging) if (staging / STATE).exists() else None
    if begun is None or not any(staging.glob("part-*.parquet")):
        # A call that finished nothing binds no later one to its source.
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        _write_state(staging, settings)
        return set()
    _check_same(begun, settings, sink)
    for leftover in staging.glob(".*"):
        leftover.unlink()  # of a part whose writing was cut off
    return {int(path.stem.removeprefix("part-")) for path in staging.glob("part-*.parquet")}


def _finish(staging: Path, schema: pa.Schema, n_parts: int) -> int:
    """Give every part the schema that all agreed on; the number of rows in all."""
    rows = 0
    for part in range(n_parts):
        path = staging / part_name(part)
        with pq.ParquetFile(path) as opened:
            rows += opened.metadata.num_rows
            own = opened.schema_arrow
        if not own.equals(schema):
            with pq.ParquetFile(path) as opened:
                table = opened.read()
            target = pa.schema(list(schema), metadata=own.metadata)
            with replacing(path) as temporary:
                pq.write_table(table.cast(target), temporary, compression="zstd")
    return rows


def _move_into_place(staging: Path, sink: Path) -> None:
    """Swap folders; a call cut off in between finds its parts and ends at once."""
    replaced = sink.with_name(f".{sink.name}.previous")
    shutil.rmtree(replaced, ignore_errors=True)
    if sink.exists():
        sink.rename(replaced)
    staging.rename(sink)
    shutil.rmtree(replaced, ignore_errors=True)
