"""What a user's function returns for a batch, checked and in the types of Parquet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from ..errors import SchemaError

__all__ = ["Function", "apply_function", "unify"]

Function: TypeAlias = Callable[[pd.DataFrame], pd.DataFrame]


def apply_function(
    function: Function, frame: pd.DataFrame, source: pa.Schema, where: str
) -> pa.Table:
    """The function's result for one batch, as it will be written.

    Parameters
    ----------
    function : callable
        Table to table.
    frame : pandas.DataFrame
        The batch.
    source : pyarrow.Schema
        What the batch was read as; nested columns keep their types.
    where : str
        File and rows, for error messages.

    Returns
    -------
    pyarrow.Table
        The result.

    Raises
    ------
    RuntimeError
        If the function fails.
    SchemaError
        If it returns something that Parquet cannot hold.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1]})
    >>> apply_function(lambda t: 2 * t, frame, pa.schema([]), "here")["x"].to_pylist()
    [2]
    """
    name = getattr(function, "__name__", type(function).__name__)
    try:
        result = function(frame)
    except Exception as error:
        raise RuntimeError(f"{name} failed on {where}: {type(error).__name__}: {error}") from error
    if not isinstance(result, pd.DataFrame):
        raise SchemaError(f"{name} on {where}: returned {type(result).__name__}, not a DataFrame")
    named = [str(level) for level in result.index.names if level is not None]
    if named:
        raise SchemaError(
            f"{name} on {where}: returned the index {', '.join(named)}, which is not written; "
            "call reset_index() in the function"
        )
    columns = list(result.columns)
    odd = [c for c in columns if not isinstance(c, str) or columns.count(c) > 1]
    if odd:
        raise SchemaError(f"{name} on {where}: column {odd[0]!r} is not a str, or occurs twice")
    try:
        table = pa.Table.from_pandas(result, preserve_index=False)
        kept = _nested_types_kept(table.schema, source)
        if kept is not None:
            table = pa.Table.from_pandas(result, schema=kept, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise SchemaError(f"{name} on {where}: no Parquet for its result: {error}") from error
    return table


def unify(known: pa.Schema | None, schema: pa.Schema, where: str) -> pa.Schema:
    """One schema for all parts; where a part had only missing values the others decide.

    Parameters
    ----------
    known : pyarrow.Schema or None
        What the parts so far agree on.
    schema : pyarrow.Schema
        That of another part.
    where : str
        Its file and rows, for the error message.

    Returns
    -------
    pyarrow.Schema
        What all agree on.

    Raises
    ------
    SchemaError
        If names, their order or types differ.

    Examples
    --------
    >>> unify(pa.schema([("x", pa.null())]), pa.schema([("x", pa.int64())]), "here").types
    [DataType(int64)]
    """
    if known is None:
        return schema
    if known.names != schema.names:
        raise SchemaError(
            f"{where}: the function returned columns {schema.names}, for other batches "
            f"{known.names}; return the same columns in the same order for every batch"
        )
    fields = []
    for before, now in zip(known, schema, strict=True):
        if _fits(before.type, now.type, exactly=True):
            fields.append(now)
        elif _fits(now.type, before.type, exactly=True):
            fields.append(before)
        else:
            raise SchemaError(
                f"{where}: the function returned column {now.name!r} as {now.type}, for other "
                f"batches as {before.type}; cast it in the function (astype) and start anew with "
                "resume=False"
            )
    return pa.schema(fields, metadata=known.metadata)


def _nested_types_kept(found: pa.Schema, source: pa.Schema) -> pa.Schema | None:
    """The schema with the source's types for nested columns that still fit them."""
    fields = list(found)
    for i, field in enumerate(fields):
        if field.name in source.names:
            wanted = source.field(field.name).type
            if field.type != wanted and _fits(field.type, wanted):
                fields[i] = pa.field(field.name, wanted)
    return pa.schema(fields) if fields != list(found) else None


def _fits(found: pa.DataType, wanted: pa.DataType, *, exactly: bool = False) -> bool:
    """Whether the types differ in no more than what cannot be seen from the values.

    These are the type of values that are all missing, and unless ``exactly``, which kind of
    list it is and how many digits a decimal may have: pandas keeps neither.
    """
    if found == wanted or pa.types.is_null(found):
        return True
    if _is_list(found) and _is_list(wanted) and not (exactly and found.id != wanted.id):
        return _fits(found.value_type, wanted.value_type, exactly=exactly)
    if pa.types.is_struct(found) and pa.types.is_struct(wanted):
        names = [field.name for field in wanted]
        return [field.name for field in found] == names and all(
            _fits(found.field(name).type, wanted.field(name).type, exactly=exactly)
            for name in names
        )
    return not exactly and pa.types.is_decimal(found) and pa.types.is_decimal(wanted)


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
