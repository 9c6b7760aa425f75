"""Readers of what climate codes write as text, and the one reader that knows them all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from decan.core.errors import SchemaError

from .field import GCMField
from .netcdf import read_netcdf

__all__ = ["read_field"]


def read_field(path: str | os.PathLike[str], **settings: Any) -> GCMField:
    """Read a field, by the name of its file.

    Parameters
    ----------
    path : path-like
        ``.nc`` (NetCDF).
    **settings
        Of the reader.

    Returns
    -------
    GCMField

    Raises
    ------
    SchemaError
        If the name tells no format.

    Examples
    --------
    >>> read_field("notes.docx")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: notes.docx: no known format; known are .nc
    """
    name = Path(path).name
    if name.endswith((".nc", ".nc4", ".cdf")):
        return read_netcdf(path, **settings)
    raise SchemaError(f"{path}: no known format; known are .nc")
