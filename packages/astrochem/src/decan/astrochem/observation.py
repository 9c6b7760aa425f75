"""Observed ratios of a source: values with errors, and limits."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from decan.core.data.tables import read_table
from decan.core.errors import SchemaError

from .chemistry import parse_pair

__all__ = ["Observation"]


@dataclass(frozen=True)
class Observation:
    """One observed ratio of one source: a value with its error, or a limit.

    Parameters
    ----------
    ratio : str
        ``"HNC/HCN"`` and its like: a ratio of column densities or abundances, never of
        line intensities.
    value : float
        Log10 of the ratio, dex.
    error : float
        One standard error, dex; of a limit, how soft it is.
    limit : {-1, 0, 1}
        -1: the ratio is at most the value; 1: at least; 0: it was measured.

    Raises
    ------
    ValueError
        If the value is not finite, the error not positive, or the limit another number.

    Examples
    --------
    >>> Observation("HNC/HCN", -0.3, 0.15)
    HNC/HCN = -0.30 ± 0.15 dex
    >>> Observation("CS/SO", 1.0, 0.1, limit=1)
    CS/SO > 1.00 dex
    """

    ratio: str
    value: float
    error: float
    limit: int = 0

    def __post_init__(self) -> None:
        parse_pair(self.ratio)
        if not np.isfinite(self.value):
            raise ValueError(f"{self.ratio}: the value is {self.value}; leave the ratio out")
        if not 0 < self.error < np.inf:
            raise ValueError(
                f"{self.ratio}: error {self.error}; expected a positive one, in dex "
                "(columns err_low, err_high of a table)"
            )
        if self.limit not in (-1, 0, 1):
            raise ValueError(f"{self.ratio}: limit {self.limit}; expected -1, 0 or 1")

    def __repr__(self) -> str:
        if self.limit:
            return f"{self.ratio} {'>' if self.limit > 0 else '<'} {self.value:.2f} dex"
        return f"{self.ratio} = {self.value:.2f} ± {self.error:.2f} dex"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> dict[str, list[Observation]]:
        """Observations of a table, by source.

        Parameters
        ----------
        path : path-like
            Columns ``source``, ``ratio``, ``log10_value``, ``err_low``, ``err_high`` and
            optionally ``limit`` (-1, 0, 1, or ``<``, ``>``). Asymmetric errors are averaged;
            the sign of ``err_low`` does not matter.

        Returns
        -------
        dict of str to list of Observation

        Raises
        ------
        SchemaError
            If a row cannot be understood; it is named.
        """
        table = read_table(path, required=["source", "ratio", "log10_value"])
        near = [str(column) for column in table if "lim" in str(column).lower()]
        if near and "limit" not in table:
            raise SchemaError(
                f"{path}: column {near[0]!r}: limits are read from 'limit'; rename it"
            )
        found: dict[str, list[Observation]] = {}
        for number, row in enumerate(table.to_dict("records")):
            try:
                if row["source"] != row["source"] or not str(row["source"]).strip():
                    raise ValueError("the source has no name")
                limit = _limit(row.get("limit", 0))
                error = _mean_error(row.get("err_low", np.nan), row.get("err_high", np.nan))
                error = 0.1 if limit and not error > 0 else error
                one = cls(str(row["ratio"]), float(row["log10_value"]), error, limit)
            except (ValueError, TypeError) as problem:
                raise SchemaError(f"{path}, row {number}: {problem}") from None
            found.setdefault(str(row["source"]).strip(), []).append(one)
        if not found:
            raise SchemaError(f"{path}: holds no observation")
        return found


def _limit(cell: object) -> int:
    known = {"<": -1, "<=": -1, ">": 1, ">=": 1, "": 0, "=": 0}
    if isinstance(cell, str) and cell.strip() in known:
        return known[cell.strip()]
    number = float(cell)  # type: ignore[arg-type]
    if number != number:
        return 0
    if number not in (-1, 0, 1):
        raise ValueError(f"limit {cell}; expected -1, 0, 1, '<' or '>'")
    return int(number)


def _mean_error(low: object, high: object) -> float:
    """Mean size of two errors, of the one that is there, or NaN; archives write lows negative."""
    sizes = np.abs(np.array([low, high], dtype=float))
    return float(np.mean(sizes[~np.isnan(sizes)])) if not np.isnan(sizes).all() else np.nan
