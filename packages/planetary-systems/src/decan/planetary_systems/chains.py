"""The Markov chain of known density as a generator: what a perfect network would be."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from .context import ContextEncoder
from .gap_network import GapNetwork
from .generator import SystemGenerator
from .markov import MarkovGaps
from .prior import ContextPrior
from .transformer import Places

__all__ = ["exact_generator"]


def exact_generator(chain: MarkovGaps) -> SystemGenerator:
    """A generator that is the chain itself: its answers are those of the truth.

    Parameters
    ----------
    chain : MarkovGaps

    Returns
    -------
    SystemGenerator
        In double precision, without context. It cannot be saved or fitted.

    Examples
    --------
    >>> chain = MarkovGaps()
    >>> systems = chain.sample(5, rng=0)
    >>> difference = exact_generator(chain).log_prob(systems) - chain.log_prob(systems)
    >>> bool(abs(difference).max() < 1e-6)
    True
    """
    generator = SystemGenerator("gaps")
    generator.encoder_ = ContextEncoder(()).fit(pd.DataFrame(index=range(1)))
    generator.prior_ = ContextPrior({}, {})
    generator.max_planets_ = 40
    generator.range_ = [[-4.0, 12.0], [-3.0, 4.0]]
    generator.alphabet_ = None
    generator.networks_ = [_ChainNetwork(chain).eval()]
    return generator


class _LastMass(nn.Module):
    """Stands where the transformer would: all that is seen is the last planet's log M."""

    def __init__(self, mean: float) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, features: Tensor, context: Tensor, places: Places) -> Tensor:
        first = torch.full((len(places.number), 1), self.mean, dtype=torch.float64)
        return first.index_copy(0, places.planets, features[:, :1])

    def start(self, context: Tensor) -> tuple[dict[str, Any], Tensor]:
        seen = torch.full((len(context), 1), self.mean, dtype=torch.float64)
        return {"at": 1, "caches": []}, seen

    def step(self, state: dict[str, Any], features: Tensor) -> Tensor:
        state["at"] += 1
        return features[:, :1]


class _Constant(nn.Module):
    """The same parameters whatever is seen."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.values: Tensor
        self.register_buffer("values", torch.tensor(values, dtype=torch.float64))

    def forward(self, seen: Tensor) -> Tensor:
        return self.values.expand(*seen.shape[:-1], len(self.values))


class _ChainNetwork(GapNetwork):
    def __init__(self, chain: MarkovGaps) -> None:
        super().__init__(2, width=4, layers=1, heads=1)
        self.chain, self.edge = chain, 1e9  # the chain knows of no edge
        self.trunk = _LastMass(chain.mass[0])  # type: ignore[assignment]
        self.stop = _Constant([math.log(chain.stop / (1 - chain.stop))])  # type: ignore[assignment]
        self.first = _Constant([0.0, chain.first[0], _raw(chain.first[1], self.gap_floor)])  # type: ignore[assignment]
        self.gap = _Constant([0.0, chain.gap[0], _raw(chain.gap[1], self.gap_floor)])  # type: ignore[assignment]
        self.mass = nn.Identity()  # type: ignore[assignment]
        self.double()

    def seen(
        self, log_a: Tensor, log_m: Tensor, context: Tensor, places: Places
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return super().seen(log_a, log_m, context.double(), places)

    def start(self, context: Tensor) -> tuple[dict[str, Any], Tensor]:
        return super().start(context.double())

    def _features(self, log_a: Tensor, log_m: Tensor, *rest: Tensor, **named: Tensor) -> Tensor:
        return log_m[..., None]

    def _mass_parameters(self, seen: Tensor, log_a: Tensor, gap: Tensor, later: Tensor) -> Tensor:
        chain, last = self.chain, seen[..., 0]
        memory = chain.memory * (later > 0).double()
        step = chain.mass[1] * torch.sqrt(1 - memory**2)
        mean = chain.mass[0] + memory * (last - chain.mass[0])
        raw = torch.log(torch.expm1(step - self.mass_floor))
        return torch.stack([torch.zeros_like(mean), mean, raw], -1)


def _raw(width: float, floor: float) -> float:
    """What softplus turns into a width above the floor."""
    return math.log(math.expm1(width - floor))
