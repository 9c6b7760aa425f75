"""What is known of star and disc, as numbers for a network; anything may be unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["ContextEncoder"]


class ContextEncoder:
    """Encodes the chosen columns of ``Systems.context``; NaN means unknown.

    A name stands for the column of that name, and where there is none for all columns that
    begin with it (``"disc"`` for ``disc_r_in`` and the rest): these become unknown together.
    Columns of words become one number a word; numbers that are all positive are taken
    as logarithms.

    Parameters
    ----------
    names : iterable of str
        What to tell the network.

    Examples
    --------
    >>> table = pd.DataFrame({"star_mass": [1.0, 0.5, np.nan]})
    >>> ContextEncoder(["star_mass"]).fit(table).transform(table)[1]
    array([[ True],
           [ True],
           [False]])
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.columns: list[dict[str, Any]] = []

    def fit(self, context: pd.DataFrame) -> ContextEncoder:
        """Learn the columns, their words, means and widths."""
        self.columns = []
        for name in self.names:
            members = [name] if name in context else [
                str(c) for c in context if str(c).startswith(f"{name}_") and c != f"{name}_id"
            ]  # fmt: skip
            for column in members:
                described = _described(context[column])
                if described is not None:
                    self.columns.append({"name": name, "column": column, **described})
        return self

    @property
    def size(self) -> int:
        """Numbers a system, before what says whether each is known."""
        return sum(len(c["words"]) if c["words"] else 1 for c in self.columns)

    @property
    def blocks(self) -> NDArray[np.int64]:
        """For each number, which of the names it belongs to."""
        found = [
            self.names.index(c["name"])
            for c in self.columns
            for _ in range(len(c["words"]) if c["words"] else 1)
        ]
        return np.array(found, dtype=np.int64)

    def transform(
        self, context: pd.DataFrame, *, without: Iterable[str] = ()
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Numbers (0 where unknown) and whether each is known, both (n_systems, size).

        Raises
        ------
        ValueError
            If a word was not there when it was fitted, or ``without`` names nothing known.
        """
        hidden = set(without)
        if unknown := hidden - set(self.names):
            raise ValueError(
                f"context {sorted(unknown)} is not known; there are {', '.join(self.names)}"
            )
        values, known = [], []
        for c in self.columns:
            if c["column"] not in context or c["name"] in hidden:
                width = len(c["words"]) if c["words"] else 1
                values.append(np.zeros((len(context), width)))
                known.append(np.zeros((len(context), width), dtype=bool))
                continue
            value, there = _encoded(context[c["column"]], c)
            values.append(value)
            known.append(there)
        if not values:
            empty = np.zeros((len(context), 0))
            return empty.astype(np.float32), empty.astype(bool)
        return np.hstack(values).astype(np.float32), np.hstack(known)

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse names and words that are not known.

        Raises
        ------
        ValueError
            With the known ones.
        """
        columns = {c["column"]: c for c in self.columns}
        for name, value in given.items():
            if name not in columns:
                raise ValueError(
                    f"context {name!r} is not known; there are {', '.join(columns) or 'none'}"
                )
            words = columns[name]["words"]
            if words and not pd.isna(value) and str(value) not in words:
                raise ValueError(
                    f"{name} {value!r} is not known; there are {', '.join(words)}, "
                    "or NaN for unknown"
                )

    def get_state(self) -> dict[str, Any]:
        """Settings that :meth:`from_state` takes."""
        return {"names": list(self.names), "columns": self.columns}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ContextEncoder:
        """The encoder of which :meth:`get_state` told."""
        found = cls(state["names"])
        found.columns = list(state["columns"])
        return found


def _described(column: pd.Series) -> dict[str, Any] | None:
    if not pd.api.types.is_numeric_dtype(column):
        words = sorted(str(word) for word in column.dropna().unique())
        return {"words": words, "log": False, "mean": 0.0, "width": 1.0} if words else None
    values = column.to_numpy(float)
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    log = bool((values > 0).all())
    values = np.log10(values) if log else values
    spread = float(values.std())
    return {"words": [], "log": log, "mean": float(values.mean()),
            "width": spread if spread > 1e-9 else 1.0}  # fmt: skip


def _encoded(column: pd.Series, c: Mapping[str, Any]) -> tuple[Any, Any]:
    if c["words"]:
        known = column.notna().to_numpy()
        text = column.astype(object).where(column.notna(), "").astype(str).to_numpy()
        strange = known & ~np.isin(text, c["words"])
        if strange.any():
            raise ValueError(
                f"{c['column']} {text[strange][0]!r} is not known; there are "
                f"{', '.join(c['words'])}, or NaN for unknown"
            )
        hot = (text[:, None] == np.array(c["words"])).astype(float)
        return hot, np.repeat(known[:, None], len(c["words"]), axis=1)
    values = pd.to_numeric(column, errors="coerce").to_numpy(float)
    if c["log"]:
        values = np.log10(np.where(values > 0, values, np.nan))
    known = np.isfinite(values)
    scaled = np.where(known, (np.nan_to_num(values) - c["mean"]) / c["width"], 0.0)
    return np.clip(scaled, -6, 6)[:, None], known[:, None]
