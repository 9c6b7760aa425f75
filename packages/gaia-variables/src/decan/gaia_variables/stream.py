"""Portraits of catalogues that do not fit into memory: a table in, a table out, batch by batch."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import SchemaError

from .lightcurves import LightCurves
from .pipeline import VariablesPipeline

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PortraitTable"]

_EPOCHS = ("time", "mag", "mag_err")


class PortraitTable:
    """A function of a table with one row a star, for :func:`decan.core.data.stream.map_table`.

    Takes ``source_id``, lists ``time``, ``mag`` and ``mag_err`` (or one nested column of
    an LSDB catalogue that holds them), and, where they are there, ``frequency`` and a
    list ``xp`` of 110 coefficients. It travels to the workers of a cluster as the name of
    a folder, not as weights.

    Parameters
    ----------
    weights : path-like, optional
        Artifact of a `VariablesPipeline`; the shipped one if not given.

    Examples
    --------
    >>> import pandas as pd
    >>> t = np.arange(0.0, 900, 20)
    >>> table = pd.DataFrame({"source_id": [5], "time": [t], "mag": [14 + 0.1 * np.sin(t)],
    ...                       "mag_err": [np.full(len(t), 0.002)], "frequency": [1.7]})
    >>> PortraitTable()(table)[["source_id", "dmdt_status"]].to_numpy().tolist()
    [[5, 'ok']]
    """

    def __init__(self, weights: str | os.PathLike[str] | None = None) -> None:
        self.weights = None if weights is None else str(Path(weights).resolve())

    def __call__(self, table: pd.DataFrame) -> pd.DataFrame:
        """Portraits of a batch, in the order of its rows."""
        frame = _lists(table)
        curves = LightCurves.from_table(frame)
        columns = {str(name).lower(): name for name in frame.columns}
        ids = frame[columns["source_id"]].to_numpy(np.int64)
        place = np.argsort(ids, kind="stable")
        frequency = None
        if "frequency" in columns:
            frequency = frame[columns["frequency"]].to_numpy(np.float64)[place]
        xp = _coefficients(frame[columns["xp"]])[place] if "xp" in columns else None
        portraits = self._pipeline.transform(curves, xp, frequency=frequency)
        rows = np.empty(len(place), int)
        rows[place] = np.arange(len(place))
        return portraits.to_table().iloc[rows].reset_index(drop=True)

    @cached_property
    def _pipeline(self) -> VariablesPipeline:
        if self.weights is None:
            return VariablesPipeline.pretrained()
        return VariablesPipeline.load(self.weights)

    def __getstate__(self) -> dict[str, Any]:
        return {"weights": self.weights}

    def __repr__(self) -> str:
        return f"PortraitTable({self.weights!r})"


def _lists(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose epochs are columns of lists, whatever held them."""
    lower = {str(name).lower() for name in table.columns}
    if set(_EPOCHS) <= lower:
        return table
    for name in table.columns:
        column = table[name]
        if hasattr(column, "nest") and set(_EPOCHS) <= set(column.nest.columns):
            lists = column.nest.to_lists()
            plain = table.drop(columns=[name])
            return plain.assign(**{epoch: list(lists[epoch]) for epoch in _EPOCHS})
    raise SchemaError(
        f"table: no columns {', '.join(_EPOCHS)} and no nested column with them; it has "
        f"{', '.join(map(str, table.columns))}"
    )


def _coefficients(column: pd.Series) -> np.ndarray:
    """Rows of 110 coefficients; NaN where a star has none."""
    out = np.full((len(column), 110), np.nan)
    for row, cell in enumerate(column):
        if cell is None or np.ndim(cell) == 0:
            continue
        if len(cell) != 110:
            raise SchemaError(f"table: row {row}: 'xp' holds {len(cell)} numbers, expected 110")
        out[row] = np.asarray(cell, np.float64)
    return out
