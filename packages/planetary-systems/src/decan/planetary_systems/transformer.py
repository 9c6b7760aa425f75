"""A causal transformer over the planets of a system, with cached keys and values.

A planet is one position; position 0 is what is known of star and disc.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Bumps", "Places", "Trunk"]


def categorical(logit: Tensor, noise: torch.Generator | None) -> Tensor:
    """A draw of each row of logits, by its cumulative distribution."""
    below = torch.softmax(logit, -1).cumsum(-1)
    uniform = torch.rand((*logit.shape[:-1], 1), generator=noise, dtype=logit.dtype)
    # Sums of rounded shares may end short of one: scaled, the last class is never passed.
    return (below[..., :-1] <= uniform * below[..., -1:]).sum(-1)


class Bumps(nn.Module):
    """A number as the heights of Gaussian bumps at equal distances.

    Examples
    --------
    >>> Bumps(0.0, 1.0, 3)(torch.tensor(0.5)).argmax().item()
    1
    """

    def __init__(self, low: float, high: float, n: int) -> None:
        super().__init__()
        self.centres: Tensor
        self.register_buffer("centres", torch.linspace(low, high, n), persistent=False)
        self.scale = (n - 1) / (high - low)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (...) to (..., n)."""
        return torch.exp(-0.5 * ((x.unsqueeze(-1) - self.centres) * self.scale) ** 2)


class Places:
    """Where the tokens of systems of unequal length stand: a start, then the planets.

    Tokens come system after system, without padding: only attention needs a table.

    Parameters
    ----------
    counts : tensor of int, shape (n,)
        Planets of each system.

    Examples
    --------
    >>> Places(torch.tensor([2, 0, 1])).number.tolist()
    [0, 1, 2, 0, 0, 1]
    """

    def __init__(self, counts: Tensor) -> None:
        tokens = counts + 1
        self.n, self.length = len(counts), int(tokens.max()) if len(counts) else 1
        self.system = torch.arange(self.n).repeat_interleave(tokens)
        begin = tokens.cumsum(0) - tokens
        self.number = torch.arange(len(self.system)) - begin[self.system]
        self.starts, self.ends = begin, begin + counts
        self.planets = self.number.nonzero().squeeze(1)
        self._cells = self.system * self.length + self.number

    def padded(self, tokens: Tensor) -> Tensor:
        """Shape (n_tokens, ...) to (n, length, ...), zero beyond the end."""
        table = tokens.new_zeros(self.n * self.length, *tokens.shape[1:])
        return table.index_copy(0, self._cells, tokens).unflatten(0, (self.n, self.length))

    def taken(self, table: Tensor) -> Tensor:
        """Shape (n, length, ...) to (n_tokens, ...)."""
        return table.flatten(0, 1).index_select(0, self._cells)


class Block(nn.Module):
    """Causal attention and a two-layer map, each added to what comes in."""

    def __init__(self, width: int, heads: int, dropout: float, inner: int) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before, self.qkv = nn.LayerNorm(width), nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.map = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, inner * width),
            nn.GELU(approximate="tanh"),
            nn.Linear(inner * width, width),
        )

    def _split(self, x: Tensor) -> list[Tensor]:
        parts = self.qkv(self.before(x)).chunk(3, -1)
        return [part.unflatten(-1, (self.heads, -1)) for part in parts]

    def _rest(self, x: Tensor, attended: Tensor) -> Tensor:
        dropped = self.dropout if self.training else 0.0
        x = x + functional.dropout(self.out(attended.flatten(-2)), dropped)
        return x + functional.dropout(self.map(x), dropped)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        """Tokens (n_tokens, width) to the same; each sees those before it in its system."""
        q, k, v = (places.padded(part).transpose(1, 2) for part in self._split(x))
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self._rest(x, places.taken(attended.transpose(1, 2)))

    def step(self, x: Tensor, cache: Tensor, at: int) -> Tensor:
        """One position (n, width); ``cache`` (2, length, n, width) is filled at ``at``.

        Positions come first in the cache: sums over them run along whole rows, which for
        one query a system is several times faster than attention for many.
        """
        q, k, v = self._split(x)
        cache[0, at], cache[1, at] = k.flatten(-2), v.flatten(-2)
        keys, values = cache[:, : at + 1].unflatten(-1, (self.heads, -1))
        share = torch.softmax((keys * (q / q.shape[-1] ** 0.5)).sum(-1), 0)
        return self._rest(x, (share.unsqueeze(-1) * values).sum(0))


class Trunk(nn.Module):
    """A causal transformer over planets, after one position for star and disc.

    Parameters
    ----------
    n_features : int
        Numbers that describe a planet.
    n_context : int
        Numbers that describe star and disc; 0 for none.
    width, layers, heads, dropout
        Its size.
    n_positions : int
        Planets whose place is told apart; later ones share the last place.

    Examples
    --------
    >>> places = Places(torch.tensor([2, 0, 1]))
    >>> Trunk(3, 2, width=8, heads=2)(torch.zeros(3, 3), torch.zeros(3, 2), places).shape
    torch.Size([6, 8])
    """

    def __init__(
        self,
        n_features: int,
        n_context: int,
        *,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        dropout: float = 0.1,
        n_positions: int = 64,
    ) -> None:
        super().__init__()
        self.width, self.n_positions, self.heads = width, n_positions, heads
        self.read = nn.Linear(n_features, width)
        self.about = nn.Sequential(
            nn.Linear(n_context + 1, width), nn.GELU(), nn.Linear(width, 2 * width)
        )
        self.place = nn.Embedding(n_positions + 1, width)
        self.blocks = nn.ModuleList(Block(width, heads, dropout, 3) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        nn.init.normal_(self.place.weight, std=0.02)

    def _about(self, context: Tensor) -> tuple[Tensor, Tensor]:
        one = torch.ones(len(context), 1, dtype=context.dtype)
        first, every = self.about(torch.cat([context, one], 1)).chunk(2, -1)
        return first, every

    def forward(self, features: Tensor, context: Tensor, places: Places) -> Tensor:
        """Planets (n_planets, F) and contexts (n, C) to tokens (n_tokens, width)."""
        first, every = self._about(context)
        x = torch.zeros(len(places.number), self.width, dtype=first.dtype)
        x = x.index_copy(0, places.starts, first)
        x = x.index_copy(0, places.planets, self.read(features))
        x = x + self.place(places.number.clamp(max=self.n_positions)) + every[places.system]
        for block in self.blocks:
            x = block(x, places)
        return self.last(x)

    def start(self, context: Tensor) -> tuple[dict[str, Any], Tensor]:
        """State of a walk along systems, and what is seen first."""
        first, every = self._about(context)
        state: dict[str, Any] = {"every": every, "at": 0, "caches": new_caches(self.blocks, first)}
        return state, self._advance(state, first)

    def step(self, state: dict[str, Any], features: Tensor) -> Tensor:
        """Take one more planet, features (n, F), and give what is seen then (n, width)."""
        return self._advance(state, self.read(features))

    def _advance(self, state: dict[str, Any], x: Tensor) -> Tensor:
        place = self.place.weight[min(state["at"], self.n_positions)]
        return self.last(walk_through(self.blocks, state, x + place + state["every"]))


_ROOM = 16


def new_caches(blocks: nn.ModuleList, first: Tensor) -> list[Tensor]:
    """Room for the keys and values of the first positions of each block."""
    return [first.new_empty(2, _ROOM, *first.shape) for _ in blocks]


def walk_through(blocks: nn.ModuleList, state: dict[str, Any], x: Tensor) -> Tensor:
    """One more position (n, width) through all blocks; the caches of ``state`` are filled."""
    at, caches = state["at"], state["caches"]
    if at == caches[0].shape[1]:
        more = [torch.empty_like(cache) for cache in caches]
        caches[:] = [torch.cat(both, 1) for both in zip(caches, more, strict=True)]
    for block, cache in zip(blocks, caches, strict=True):
        x = block.step(x, cache, at)  # type: ignore[operator]
    state["at"] = at + 1
    return x


def select(state: dict[str, Any], rows: Tensor) -> dict[str, Any]:
    """The state of a walk for some of its systems, in any order and repeated at will."""
    found: dict[str, Any] = {}
    for key, value in state.items():
        if key == "caches":
            found[key] = [_moved(cache, rows, state["at"]) for cache in value]
        else:
            found[key] = value if isinstance(value, int) else value.index_select(0, rows)
    return found


def _moved(cache: Tensor, rows: Tensor, filled: int) -> Tensor:
    """Some systems of a cache; positions that are not filled yet are not copied."""
    found = cache.new_empty(*cache.shape[:2], len(rows), cache.shape[3])
    found[:, :filled] = cache[:, :filled].index_select(2, rows)
    return found
