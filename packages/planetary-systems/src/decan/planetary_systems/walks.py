"""Walking along a system whose planets are partly known: what comes before the next known one.

A walk asks a network, at each point of many half-written systems, how probable it is that
the next planet lies inside a bound, draws such planets, and scores a planet that is known.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .cell_networks import CellNetwork, WordNetwork, cells_of
from .gap_network import (
    LN10,
    SMALLEST_GAP,
    GapNetwork,
    mixture_cdf,
    mixture_log_prob,
    mixture_parts,
)
from .transformer import categorical

__all__: list[str] = []


def walk_of(network: Any) -> Any:
    """The walk that fits a network."""
    return GapWalk(network) if isinstance(network, GapNetwork) else CellWalk(network)


class GapWalk:
    """The walk of densities.

    Parameters
    ----------
    network : GapNetwork
    """

    def __init__(self, network: GapNetwork) -> None:
        self.network = network

    def place(self, state: dict[str, Any], log_a: Tensor) -> Tensor:
        """A place as the mixture takes it: log a of a first planet, log gap of a later."""
        if state["at"] == 1:
            return log_a
        return (log_a - state["log_a"]).clamp(min=SMALLEST_GAP).log10()

    def inside(self, state: dict[str, Any], seen: Tensor, bound: Tensor) -> tuple[Tensor, Tensor]:
        """Probability of a planet inside ``bound`` (log a, float64), and of the stop."""
        net = self.network
        stop = torch.sigmoid(net.stop_logit(seen).double())
        parameters = net.place_parameters(state, seen).double()
        edge = torch.full_like(bound, net.edge)
        below, anywhere = (
            mixture_cdf(parameters, self.place(state, place), net.gap_floor)
            for place in (torch.minimum(bound, edge), edge)
        )
        return (1 - stop) * below, stop + (1 - stop) * (1 - anywhere)

    def draw(
        self,
        state: dict[str, Any],
        seen: Tensor,
        bound: Tensor,
        tries: int,
        noise: torch.Generator | None,
    ) -> tuple[Tensor, Tensor]:
        """Places and masses of planets inside ``bound``, shape (n, tries), float64."""
        net = self.network
        parameters = net.place_parameters(state, seen).double()
        logit, mean, width = mixture_parts(parameters, net.gap_floor)
        top = self.place(state, bound.clamp(max=net.edge))[:, None]
        under = torch.special.ndtr((top - mean) / width)
        logit = torch.log_softmax(logit, -1) + under.clamp(min=1e-300).log()
        n = len(seen)
        chosen = torch.stack([categorical(logit, noise) for _ in range(tries)], 1)
        share = under.gather(1, chosen) * torch.rand((n, tries), generator=noise).double()
        x = mean.gather(1, chosen) + width.gather(1, chosen) * torch.special.ndtri(
            share.clamp(1e-15, 1 - 1e-15)
        )
        x = torch.minimum(x, top)
        log_a = x if state["at"] == 1 else state["log_a"][:, None] + 10 ** x.clamp(max=0.9)
        flat = {**state, "log_a": state["log_a"].repeat_interleave(tries)}
        masses = net.mass_parameters(flat, seen.repeat_interleave(tries, 0), log_a.flatten())
        logit, mean, width = mixture_parts(masses, net.mass_floor)
        pick = categorical(logit, noise)[:, None]
        normal = torch.randn((len(pick), 1), generator=noise)
        log_m = mean.gather(1, pick) + normal * width.gather(1, pick)
        return log_a, log_m.view(n, tries).double()

    def known(self, state: dict[str, Any], seen: Tensor, log_a: Tensor, log_m: Tensor) -> Tensor:
        """Log density of a known planet as the next one, nats."""
        net = self.network
        going = torch.nn.functional.logsigmoid(-net.stop_logit(seen))
        x = self.place(state, log_a)
        place = mixture_log_prob(net.place_parameters(state, seen), x, net.gap_floor)
        if state["at"] > 1:
            place = place - x * LN10 - float(torch.log(torch.tensor(LN10)))
        parameters = net.mass_parameters(state, seen, log_a)
        mass = mixture_log_prob(parameters, log_m, net.mass_floor)
        return (going + place + mass + net.log_far(log_a)).double()

    def step(self, state: dict[str, Any], log_a: Tensor, log_m: Tensor) -> Tensor:
        """Write the next planet."""
        return self.network.step(state, log_a, log_m)


class CellWalk:
    """The walk of cells; planets lie anywhere inside theirs.

    Parameters
    ----------
    network : CellNetwork or WordNetwork
    """

    def __init__(self, network: CellNetwork | WordNetwork) -> None:
        self.network = network
        self.n, self.limits = network.n_cells, network.limits
        (self.a_low, a_high), (self.m_low, m_high) = network.limits
        self.a_step, self.m_step = (a_high - self.a_low) / self.n, (m_high - self.m_low) / self.n

    def _columns(self, state: dict[str, Any], seen: Tensor, bound: Tensor) -> Tensor:
        """Logarithm of the probability of each cell or column up to the bound's column."""
        if isinstance(self.network, WordNetwork):
            logs = torch.log_softmax(seen.double(), -1)[:, 1:]
            column = self.network.cell_of[1:] // self.n
        else:
            logs = torch.log_softmax(self.network.column_logits(state, seen).double(), -1)[:, :-1]
            column = torch.arange(self.n)
        top, _ = cells_of(torch.nan_to_num(bound, posinf=99.0), bound, self.limits, self.n)
        return logs.masked_fill(column > top[:, None], -torch.inf)

    def inside(self, state: dict[str, Any], seen: Tensor, bound: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`GapWalk.inside`."""
        if isinstance(self.network, WordNetwork):
            stop = torch.softmax(seen.double(), -1)[:, 0]
        else:
            stop = torch.softmax(self.network.column_logits(state, seen).double(), -1)[:, -1]
        return self._columns(state, seen, bound).exp().sum(-1), stop

    def draw(
        self,
        state: dict[str, Any],
        seen: Tensor,
        bound: Tensor,
        tries: int,
        noise: torch.Generator | None,
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`GapWalk.draw`."""
        logs = self._columns(state, seen, bound)
        chosen = torch.stack([categorical(logs, noise) for _ in range(tries)], 1)
        if isinstance(self.network, WordNetwork):
            cell = self.network.cell_of[chosen + 1]
            column, row = cell // self.n, cell % self.n
        else:
            column = chosen
            flat = {**state, "column": state["column"].repeat_interleave(tries)}
            logits = self.network.row_logits(
                flat, seen.repeat_interleave(tries, 0), chosen.flatten()
            )
            row = categorical(logits, noise).view(chosen.shape)
        u = torch.rand((2, *chosen.shape), generator=noise).double()
        return (
            self.a_low + (column + u[0]) * self.a_step,
            self.m_low + (row + u[1]) * self.m_step,
        )

    def known(self, state: dict[str, Any], seen: Tensor, log_a: Tensor, log_m: Tensor) -> Tensor:
        """As :meth:`GapWalk.known`, with the density of a cell."""
        column, row = cells_of(log_a, log_m, self.limits, self.n)
        area = float(torch.log(torch.tensor(self.a_step * self.m_step)))
        if isinstance(self.network, WordNetwork):
            symbol = self.network.symbol_of[column * self.n + row]
            logs = torch.log_softmax(seen, -1).gather(1, symbol[:, None]).squeeze(1)
            return logs.masked_fill(symbol == 0, -torch.inf).double() - area
        places = torch.log_softmax(self.network.column_logits(state, seen), -1)
        rows = torch.log_softmax(self.network.row_logits(state, seen, column), -1)
        found = places.gather(1, column[:, None]) + rows.gather(1, row[:, None])
        return found.squeeze(1).double() - area

    def step(self, state: dict[str, Any], log_a: Tensor, log_m: Tensor) -> Tensor:
        """Write the next planet."""
        column, row = cells_of(log_a, log_m, self.limits, self.n)
        return self.network.step(state, column, row)
