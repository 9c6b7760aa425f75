"""Probabilities of a system on a grid: column of a and then row of M, or one symbol a cell.

The methods are those of :class:`~decan.planetary_systems.gap_network.GapNetwork`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .transformer import (
    Block,
    Bumps,
    Places,
    Trunk,
    categorical,
    new_caches,
    walk_through,
)

__all__ = ["CellNetwork", "WordNetwork"]


class CellNetwork(nn.Module):
    """Probabilities on a grid: column of a (or stop) given the last, then row of M.

    Parameters
    ----------
    n_cells : int
        Cells a side.
    limits : ((float, float), (float, float))
        log10 a (au) and log10 M (Earth) of the grid's edges.
    n_context, width, layers, heads, dropout, n_positions
        See :class:`Trunk`.

    Examples
    --------
    >>> network = CellNetwork(30, ((-2.0, 2.0), (-2.0, 4.0)), 2)
    >>> place = torch.zeros(1, 3, dtype=torch.float64)
    >>> network.token_log_prob(place, place, torch.tensor([3]), torch.zeros(1, 2)).shape
    torch.Size([1, 4])
    """

    grid = True

    def __init__(
        self,
        n_cells: int,
        limits: tuple[tuple[float, float], tuple[float, float]],
        n_context: int,
        *,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        dropout: float = 0.1,
        n_positions: int = 64,
    ) -> None:
        super().__init__()
        self.n_cells = n_cells
        self.limits = limits
        (_, _), (m_low, m_high) = limits
        self.m_low, self.m_step = m_low, (m_high - m_low) / n_cells
        self.m_bumps = Bumps(-2.3, 4.2, 24)
        self.trunk = Trunk(
            3 * n_cells + 24 + 24 + 2, n_context, width=width, layers=layers, heads=heads,
            dropout=dropout, n_positions=n_positions,
        )  # fmt: skip
        self.column = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, n_cells + 1)
        )
        self.row = nn.Sequential(
            nn.Linear(width + 2 * n_cells, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, n_cells),
        )

    def _features(
        self, column: Tensor, row: Tensor, step: Tensor, total: Tensor, largest: Tensor,
        number: Tensor,
    ) -> Tensor:  # fmt: skip
        hot = [functional.one_hot(x, self.n_cells).float() for x in (column, row, step)]
        counted = torch.stack([number / 20, (number > 0).float()], -1)
        return torch.cat([*hot, self.m_bumps(total), self.m_bumps(largest), counted], -1)

    def _row_logits(self, seen: Tensor, column: Tensor, step: Tensor) -> Tensor:
        hot = [functional.one_hot(x, self.n_cells).float() for x in (column, step)]
        return self.row(torch.cat([seen, *hot], -1))

    def _column_logits(self, seen: Tensor, last: Tensor) -> Tensor:
        logits = self.column(seen)
        before = torch.arange(self.n_cells + 1) < last[..., None]
        return logits.masked_fill(before, -torch.inf)

    def _mass(self, row: Tensor) -> Tensor:
        return self.m_low + (row.float() + 0.5) * self.m_step

    def token_log_prob(
        self, log_a: Tensor, log_m: Tensor, counts: Tensor, context: Tensor
    ) -> Tensor:
        """Log probability of each cell, then of the stop; shapes as in :class:`GapNetwork`."""
        places = Places(counts)
        column, row = cells_of(log_a, log_m, self.limits, self.n_cells)
        mass = self._mass(row)
        inside = places.system[places.planets], places.number[places.planets] - 1
        last = functional.pad(column, (1, 0))[:, :-1]
        total, largest = (10**mass).cumsum(1).log10(), mass
        if mass.shape[1]:
            largest = mass.cummax(1).values
        column, row, last, total, largest = (x[inside] for x in (column, row, last, total, largest))
        step = column - last
        number = inside[1].float()
        seen = self.trunk(
            self._features(column, row, step, total, largest, number), context, places
        )
        before = places.planets - 1
        at_token = torch.zeros_like(places.number)
        at_token[places.planets] = column
        logits = torch.log_softmax(self._column_logits(seen, at_token), -1)
        logs = logits[:, -1].clone()
        rows = torch.log_softmax(self._row_logits(seen[before], column, step), -1)
        logs[before] = _picked(logits[before], column) + _picked(rows, row)
        return places.padded(logs)

    def start(self, context: Tensor) -> tuple[dict[str, Any], Tensor]:
        """State of a walk before the first planet, and what is seen there."""
        state, seen = self.trunk.start(context)
        n = len(context)
        state |= {
            "column": torch.zeros(n, dtype=torch.long),
            "total": torch.zeros(n),
            "largest": torch.full((n,), -10.0),
        }
        return state, seen

    def step(self, state: dict[str, Any], column: Tensor, row: Tensor) -> Tensor:
        """Take one more planet (column and row of its cell), and give what is seen then."""
        number, mass = state["at"] - 1, self._mass(row)
        total = state["total"] + 10**mass
        largest = torch.maximum(state["largest"], mass)
        step = (column - state["column"]).clamp(min=0)
        state |= {"column": column, "total": total, "largest": largest}
        features = self._features(
            column, row, step, total.log10(), largest, torch.full(mass.shape, float(number))
        )
        return self.trunk.step(state, features)

    def column_logits(self, state: dict[str, Any], seen: Tensor) -> Tensor:
        """Log odds of each column, the stop last; columns inside the last planet are out."""
        return self._column_logits(seen, state["column"])

    def row_logits(self, state: dict[str, Any], seen: Tensor, column: Tensor) -> Tensor:
        """Log odds of each row of M for a planet in ``column``."""
        return self._row_logits(seen, column, (column - state["column"]).clamp(min=0))

    def draw(
        self, state: dict[str, Any], seen: Tensor, noise: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stop (bool), column and row of the next planet."""
        column = categorical(self.column_logits(state, seen), noise)
        stops = column == self.n_cells
        column = column.clamp(max=self.n_cells - 1)
        return stops, column, categorical(self.row_logits(state, seen, column), noise)


def _picked(logs: Tensor, index: Tensor) -> Tensor:
    return logs.gather(-1, index[..., None]).squeeze(-1)


def cells_of(
    log_a: Tensor, log_m: Tensor, limits: tuple[tuple[float, float], tuple[float, float]], n: int
) -> tuple[Tensor, Tensor]:
    """Column and row of planets on a grid, clipped at its edges."""
    found = []
    for value, (low, high) in zip((log_a, log_m), limits, strict=True):
        cell = torch.floor((value - low) / (high - low) * n)
        found.append(cell.long().clamp(0, n - 1))
    return found[0], found[1]


class WordNetwork(nn.Module):
    """One symbol a cell: the network of the words-and-characters language, as reconstructed.

    Sizes and details are those of the transformer of karpathy/makemore; the paper names
    only a decoder with self-attention. Symbol 0 begins and ends a word.

    Parameters
    ----------
    n_symbols : int
        Cells that occur, and one more.
    n_positions : int
        Longest word with its beginning; later positions share the last place.
    alphabet : sequence of int, optional
        The cells (column times cells a side, plus row) that occur; a word with another
        cell has probability zero.
    n_cells, limits
        See :class:`CellNetwork`.

    Examples
    --------
    >>> sum(p.numel() for p in WordNetwork(523, 24).parameters())
    268544
    """

    grid = True

    def __init__(
        self,
        n_symbols: int,
        n_positions: int,
        *,
        alphabet: Sequence[int] | None = None,
        n_cells: int = 30,
        limits: tuple[tuple[float, float], tuple[float, float]] = ((-2.0, 2.0), (-2.0, 4.0)),
        width: int = 64,
        layers: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.n_symbols, self.n_positions, self.heads = n_symbols, n_positions, heads
        self.n_cells, self.limits = n_cells, limits
        cells = range(n_symbols - 1) if alphabet is None else alphabet
        symbol_of = torch.zeros(n_cells**2, dtype=torch.long)
        symbol_of[torch.as_tensor(list(cells))] = torch.arange(1, n_symbols)
        self.symbol_of: Tensor
        self.cell_of: Tensor
        self.register_buffer("symbol_of", symbol_of, persistent=False)
        self.register_buffer("cell_of", torch.as_tensor([0, *cells]), persistent=False)
        self.symbol, self.place = nn.Embedding(n_symbols, width), nn.Embedding(n_positions, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, 4) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        self.read = nn.Linear(width, n_symbols, bias=False)

    def token_log_prob(
        self, log_a: Tensor, log_m: Tensor, counts: Tensor, context: Tensor
    ) -> Tensor:
        """Log probability of each symbol, then of the stop; the context is not looked at."""
        places = Places(counts)
        column, row = cells_of(log_a, log_m, self.limits, self.n_cells)
        inside = places.system[places.planets], places.number[places.planets] - 1
        symbol = torch.zeros_like(places.number)
        symbol[places.planets] = self.symbol_of[column * self.n_cells + row][inside]
        x = self.symbol(symbol) + self.place(places.number.clamp(max=self.n_positions - 1))
        for block in self.blocks:
            x = block(x, places)
        logs = torch.log_softmax(self.read(self.last(x)), -1)
        before, after = places.planets - 1, torch.zeros_like(symbol)
        after[before] = symbol[places.planets]
        value = _picked(logs, after)
        strange = torch.zeros_like(value, dtype=torch.bool)
        strange[before] = after[before] == 0
        return places.padded(value.masked_fill(strange, -torch.inf))

    def start(self, context: Tensor) -> tuple[dict[str, Any], Tensor]:
        """State of a walk before the first symbol, and the log odds of each symbol there."""
        nothing = torch.zeros(len(context), dtype=torch.long)
        caches = new_caches(self.blocks, self.symbol(nothing))
        state: dict[str, Any] = {"at": 0, "caches": caches}
        return state, self._advance(state, nothing)

    def step(self, state: dict[str, Any], column: Tensor, row: Tensor) -> Tensor:
        """Take one more planet, and give the log odds of the next symbol."""
        return self._advance(state, self.symbol_of[column * self.n_cells + row])

    def draw(
        self, state: dict[str, Any], seen: Tensor, noise: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stop (bool), column and row of the next planet."""
        symbol = categorical(seen, noise)
        cell = self.cell_of[symbol]
        return symbol == 0, cell // self.n_cells, cell % self.n_cells

    def _advance(self, state: dict[str, Any], symbol: Tensor) -> Tensor:
        x = self.symbol(symbol) + self.place.weight[min(state["at"], self.n_positions - 1)]
        return self.read(self.last(walk_through(self.blocks, state, x)))
