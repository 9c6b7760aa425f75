"""A causal transformer over the planets of a system, with cached keys and values.

A planet is one position; position 0 is what is known of star and disc.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Bumps", "Trunk"]


def categorical(logit: Tensor, noise: torch.Generator | None) -> Tensor:
    """A draw of each row of logits, by the largest of the perturbed (Gumbel 1954)."""
    uniform = torch.rand(logit.shape, generator=noise, dtype=logit.dtype)
    return (logit - torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))).argmax(-1)


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
        n, length, _ = x.shape
        parts = self.qkv(self.before(x)).chunk(3, -1)
        return [p.view(n, length, self.heads, -1).transpose(1, 2) for p in parts]

    def _rest(self, x: Tensor, attended: Tensor) -> Tensor:
        dropped = self.dropout if self.training else 0.0
        x = x + functional.dropout(self.out(attended.transpose(1, 2).flatten(2)), dropped)
        return x + functional.dropout(self.map(x), dropped)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (n, length, width) to the same."""
        q, k, v = self._split(x)
        dropped = self.dropout if self.training else 0.0
        return self._rest(
            x, functional.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropped)
        )

    def step(self, x: Tensor, cache: Tensor, at: int) -> Tensor:
        """One position; ``cache`` (2, n, heads, length, d) is filled at ``at``."""
        q, k, v = self._split(x)
        cache[0, :, :, at], cache[1, :, :, at] = k[:, :, 0], v[:, :, 0]
        seen = cache[:, :, :, : at + 1]
        return self._rest(x, functional.scaled_dot_product_attention(q, seen[0], seen[1]))


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
    >>> Trunk(3, 2, width=8, heads=2)(torch.zeros(5, 4, 3), torch.zeros(5, 2)).shape
    torch.Size([5, 5, 8])
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

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """Shapes (n, length, F) and (n, C) to (n, length + 1, width)."""
        first, every = self._about(context)
        places = torch.arange(features.shape[1] + 1).clamp(max=self.n_positions)
        x = torch.cat([first[:, None], self.read(features)], 1)
        x = x + self.place(places) + every[:, None]
        for block in self.blocks:
            x = block(x)
        return self.last(x)

    def start(self, context: Tensor, length: int) -> tuple[dict[str, Any], Tensor]:
        """State of a walk along systems of at most ``length`` planets, and what is seen first."""
        first, every = self._about(context)
        shape = (2, len(context), self.heads, length + 1, self.width // self.heads)
        state: dict[str, Any] = {
            "every": every,
            "at": 0,
            "caches": [torch.zeros(shape, dtype=context.dtype) for _ in self.blocks],
        }
        return state, self._advance(state, first)

    def step(self, state: dict[str, Any], features: Tensor) -> Tensor:
        """Take one more planet, features (n, F), and give what is seen then (n, width)."""
        return self._advance(state, self.read(features))

    def _advance(self, state: dict[str, Any], x: Tensor) -> Tensor:
        at = state["at"]
        place = self.place.weight[min(at, self.n_positions)]
        x = (x + place + state["every"])[:, None]
        for block, cache in zip(self.blocks, state["caches"], strict=True):
            x = block.step(x, cache, at)  # type: ignore[operator]
        state["at"] = at + 1
        return self.last(x[:, 0])


def select(state: Any, rows: Tensor) -> Any:
    """The state of a walk for some of its systems, in any order and repeated at will."""
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    return {
        key: [cache.index_select(1, rows) for cache in value]
        if key == "caches"
        else (value if isinstance(value, int) else select(value, rows))
        for key, value in state.items()
    }
