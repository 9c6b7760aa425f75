"""Stars and discs of the training table, from which those of new systems are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .context import ContextEncoder

__all__ = ["ContextPrior"]


class ContextPrior:
    """Which stars and discs there were: unique values of each name, and who had which.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Unique rows of the columns of each name.
    codes : mapping of str to ndarray of int
        For each training system, its row in the table of each name.

    Examples
    --------
    >>> table = pd.DataFrame({"star_mass": [1.0, 1.0, 0.5]})
    >>> prior = ContextPrior.of(table, ContextEncoder(["star_mass"]).fit(table))
    >>> prior.draw({"star_mass": 0.5}, 2, np.random.default_rng(0))["star_mass"].tolist()
    [0.5, 0.5]
    """

    def __init__(
        self, tables: Mapping[str, pd.DataFrame], codes: Mapping[str, NDArray[np.int64]]
    ) -> None:
        self.tables, self.codes = dict(tables), dict(codes)

    @classmethod
    def of(cls, context: pd.DataFrame, encoder: ContextEncoder) -> ContextPrior:
        """The prior that a training table is."""
        tables, codes = {}, {}
        for name in encoder.names:
            members = [c["column"] for c in encoder.columns if c["name"] == name]
            if not members:
                continue
            rows = context[members].reset_index(drop=True)
            # As text, so that unknown values are equal to each other.
            key = pd.Series(["|".join(map(repr, row)) for row in rows.to_numpy().tolist()])
            codes[name], _ = pd.factorize(key)
            tables[name] = rows[~key.duplicated()].reset_index(drop=True)
        return cls(tables, {k: np.asarray(v, dtype=np.int64) for k, v in codes.items()})

    def rows(self) -> pd.DataFrame:
        """One row a training system."""
        parts = [
            table.iloc[self.codes[name]].reset_index(drop=True)
            for name, table in self.tables.items()
        ]
        return pd.concat(parts, axis=1) if parts else pd.DataFrame()

    def draw(self, given: Mapping[str, Any], n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Rows at random from those that agree with what is given.

        Where none agrees, from those nearest in the numbers given, whose population is
        then unknown; what is given stands in every row.
        """
        return _drawn_context(self.rows(), given, n, rng)

    def beyond(self, given: Mapping[str, Any]) -> list[str]:
        """What of the numbers given lies outside those there were, in words."""
        rows, said = self.rows(), []
        for name, value in given.items():
            if name not in rows or isinstance(value, str) or pd.isna(value):
                continue
            low, high = (float(end) for end in (rows[name].min(), rows[name].max()))
            slack = 1e-3 * max(abs(low), abs(high))
            if not low - slack <= float(value) <= high + slack:
                said.append(
                    f"context {name} = {float(value):g} lies outside the training table "
                    f"({low:g} to {high:g}): extrapolated"
                )
        return said

    def get_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arrays, and lists of words, that :meth:`from_state` takes."""
        arrays: dict[str, Any] = {}
        words: dict[str, Any] = {}
        for name, table in self.tables.items():
            arrays[f"{name}.codes"] = self.codes[name].astype(np.uint16)
            for column in table:
                if pd.api.types.is_numeric_dtype(table[column]):
                    arrays[f"{name}.{column}"] = table[column].to_numpy(np.float32)
                else:
                    words[f"{name}.{column}"] = table[column].tolist()
        return arrays, words

    @classmethod
    def from_state(cls, arrays: Mapping[str, Any], words: Mapping[str, Any]) -> ContextPrior:
        """The prior of which :meth:`get_state` told."""
        codes = {
            key.removesuffix(".codes"): value.astype(np.int64)
            for key, value in arrays.items()
            if key.endswith(".codes")
        }
        tables = {}
        for name in codes:
            columns = {
                key.removeprefix(f"{name}."): value
                for key, value in {**arrays, **words}.items()
                if key.startswith(f"{name}.") and not key.endswith(".codes")
            }
            tables[name] = pd.DataFrame(columns)
        return cls(tables, codes)


def _drawn_context(
    prior: pd.DataFrame, given: Mapping[str, Any], n: int, rng: np.random.Generator
) -> pd.DataFrame:
    if not len(prior):
        return pd.DataFrame({name: [value] * n for name, value in given.items()}, index=range(n))
    agree = np.ones(len(prior), dtype=bool)
    distance = np.zeros(len(prior))
    for name, value in given.items():
        if pd.isna(value):
            continue
        column = prior[name]
        if isinstance(value, str):
            agree &= (column == value).to_numpy()
        else:
            numbers = column.to_numpy(float)
            agree &= np.isclose(numbers, float(value), rtol=1e-4)
            scale = float(np.nanstd(numbers)) or 1.0
            distance += np.nan_to_num(np.abs(numbers - float(value)) / scale, nan=10.0)
    nearest = ~agree.any()
    rows = np.flatnonzero(distance <= distance.min() + 1e-9 if nearest else agree)
    drawn = prior.iloc[rng.choice(rows, n)].reset_index(drop=True)
    for name, value in given.items():
        drawn[name] = value
    if nearest and "population" in drawn and "population" not in given:
        drawn["population"] = np.nan
    return drawn
