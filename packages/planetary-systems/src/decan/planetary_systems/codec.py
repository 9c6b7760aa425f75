"""The grid of the words-and-characters language: one character for each cell of (a, M).

A word is a system, its characters are the cells of its planets in order of semi-major axis;
two planets in one cell give two equal characters, a system without planets the empty word.
Within one column of cells the order is that of the true semi-major axes, so a word carries a
little more than the set of its cells.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decan.core.errors import SchemaError

from .systems import Systems

__all__ = ["BENCHMARK_LIMITS", "GridCodec"]

BENCHMARK_LIMITS = ((-2.0, 2.0), (-2.0, 4.0))
"""log10 a (au) and log10 M (Earth masses) of the benchmark grid; the paper's are not known."""

# One code point a cell, never combining, white, or half of a pair: ideographs, and where
# they do not suffice the sixteenth plane.
_IDEOGRAPHS, _N_IDEOGRAPHS = 0x4E00, 20_000
_PRIVATE, _N_PRIVATE = 0xF0000, 65_000


class GridCodec:
    """Systems to words and back.

    Parameters
    ----------
    limits : ((float, float), (float, float))
        log10 a (au) and log10 M (Earth masses) of the edges.
    n : int
        Cells a side.

    Raises
    ------
    ValueError
        If limits are not increasing, or cells are more than there are characters.

    Examples
    --------
    >>> codec = GridCodec()
    >>> word = codec.encode(Systems.from_planets([([1.0, 5.2], [1.0, 318.0])]))[0]
    >>> len(word), codec.encode(codec.decode([word], rng=0))[0] == word
    (2, True)
    """

    def __init__(
        self,
        limits: tuple[tuple[float, float], tuple[float, float]] = BENCHMARK_LIMITS,
        n: int = 30,
    ) -> None:
        (a_low, a_high), (m_low, m_high) = limits
        if not (a_low < a_high and m_low < m_high and n >= 1):
            raise ValueError(f"limits: found {limits} with n={n}, expected increasing limits")
        if n * n > _N_PRIVATE:
            raise ValueError(f"n: {n} cells a side are more than {_N_PRIVATE} characters")
        self.limits = ((float(a_low), float(a_high)), (float(m_low), float(m_high)))
        self.n = int(n)
        self._first = _IDEOGRAPHS if n * n <= _N_IDEOGRAPHS else _PRIVATE

    @property
    def log_area(self) -> float:
        """Natural logarithm of the area of a cell, dex^2."""
        (a_low, a_high), (m_low, m_high) = self.limits
        return float(np.log((a_high - a_low) * (m_high - m_low) / self.n**2))

    def cells(self, systems: Systems) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Column of a and row of M of each planet, and how many lay outside and were clipped."""
        (a_low, a_high), (m_low, m_high) = self.limits
        column = np.floor((systems.log_a - a_low) / (a_high - a_low) * self.n).astype(int)
        row = np.floor((systems.log_m - m_low) / (m_high - m_low) * self.n).astype(int)
        outside = (column < 0) | (column >= self.n) | (row < 0) | (row >= self.n)
        top = self.n - 1
        return np.clip(column, 0, top), np.clip(row, 0, top), int(outside.sum())

    def encode(self, systems: Systems) -> list[str]:
        """One word a system; planets outside the grid are clipped into its outermost cells."""
        column, row, _ = self.cells(systems)
        text = "".join(map(chr, self._first + column * self.n + row))
        bounds = systems.offsets
        return [text[i:j] for i, j in pairwise(bounds)]

    def decode(
        self,
        words: Sequence[str],
        *,
        within: str = "uniform",
        rng: np.random.Generator | int | None = None,
        context: pd.DataFrame | None = None,
    ) -> Systems:
        """Systems of words.

        Parameters
        ----------
        words : sequence of str
            One a system.
        within : {"uniform", "centre"}
            Where in its cell a planet is put. The paper does not say.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.
        context : DataFrame, optional
            One row a word.

        Returns
        -------
        Systems

        Raises
        ------
        ValueError
            If a character is none of this codec, or columns of a word decrease.
        """
        code = np.array([ord(c) for word in words for c in word], dtype=np.int64) - self._first
        counts = np.array([len(word) for word in words], dtype=np.int64)
        if ((code < 0) | (code >= self.n**2)).any():
            bad = chr(int(code[(code < 0) | (code >= self.n**2)][0]) + self._first)
            raise ValueError(f"words: character {bad!r} is no cell of {self!r}")
        column, row = code // self.n, code % self.n
        of = np.repeat(np.arange(len(counts)), counts)
        if ((np.diff(column) < 0) & (of[1:] == of[:-1])).any():
            raise ValueError("words: cells of a word must not decrease in semi-major axis")
        return self.place(column, row, counts, within=within, rng=rng, context=context)

    def place(
        self,
        column: NDArray[np.int64],
        row: NDArray[np.int64],
        counts: NDArray[np.int64],
        *,
        within: str = "uniform",
        rng: np.random.Generator | int | None = None,
        context: pd.DataFrame | None = None,
    ) -> Systems:
        """Systems of cells, system after system, columns not decreasing within one."""
        if within not in ("uniform", "centre"):
            raise ValueError(f"within: found {within!r}, expected 'uniform' or 'centre'")
        generator = np.random.default_rng(rng)
        size = len(column)
        shift = np.full((2, size), 0.5) if within == "centre" else generator.uniform(size=(2, size))
        (a_low, a_high), (m_low, m_high) = self.limits
        log_a = a_low + (column + shift[0]) * (a_high - a_low) / self.n
        log_m = m_low + (row + shift[1]) * (m_high - m_low) / self.n
        of = np.repeat(np.arange(len(counts)), counts)
        # The order within a column is part of the word: places are sorted, masses stay.
        log_a = log_a[np.lexsort((log_a, of))]
        return Systems(counts, log_a, log_m, context=context)

    def to_json(self) -> str:
        """The codec as JSON."""
        return json.dumps({"grid": "log10 a [au], log10 M [Earth]", "limits": self.limits,
                           "n": self.n})  # fmt: skip

    @classmethod
    def from_json(cls, text: str) -> GridCodec:
        """The codec that :meth:`to_json` wrote.

        Raises
        ------
        SchemaError
            If the text is something else.
        """
        try:
            found = json.loads(text)
            (a_low, a_high), (m_low, m_high) = found["limits"]
            return cls(((a_low, a_high), (m_low, m_high)), found["n"])
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise SchemaError(f"no codec: expected limits and n as JSON ({error})") from None

    def require(self, other: GridCodec) -> None:
        """Refuse another grid.

        Raises
        ------
        ValueError
            If limits or cells differ; the message names both.
        """
        if self != other:
            raise ValueError(f"codec: found {other!r}, the model speaks {self!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GridCodec) and (self.limits, self.n) == (other.limits, other.n)

    def __hash__(self) -> int:
        return hash((self.limits, self.n))

    def __repr__(self) -> str:
        (a_low, a_high), (m_low, m_high) = self.limits
        return (
            f"GridCodec({self.n} x {self.n}, log a {a_low:g} to {a_high:g}, "
            f"log M {m_low:g} to {m_high:g})"
        )
