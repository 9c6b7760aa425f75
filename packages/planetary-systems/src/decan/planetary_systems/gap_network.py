"""Densities of a system from the star outwards: first a, then log gaps, each with a mass.

``token_log_prob`` scores whole systems; ``start``, ``draw`` and ``step`` walk along one with
cached keys and values.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .transformer import Bumps, Places, Trunk, categorical

__all__ = ["GapNetwork", "mixture_log_prob"]

LN10 = math.log(10.0)
SMALLEST_GAP = 1e-6
"""Gaps in log10 a below this count as this: two planets at one place have a finite density."""
EDGE = 3.0
"""log10 of 1000 au: a next planet beyond it is no planet of the disc but the end of the system.

Mixtures have tails; without an edge one planet in two hundred would be drawn far beyond all
that the network has seen. Where systems reach farther, so does the edge.
"""
_LOG_BEYOND = math.log(1e-6)
"""Share of the planets beyond the edge that are planets all the same: scores stay finite."""
_SUN_IN_EARTH = 332946.05


class GapNetwork(nn.Module):
    """Densities of a system: first log a, then log gaps, each followed by a mass.

    Parameters
    ----------
    n_context : int
        Numbers of the context.
    components : int
        Gaussians of each mixture.
    edge : float
        log10 of the semi-major axis (au) beyond which a next planet is the system's end.
    gap_floor, mass_floor : float
        Smallest widths of the mixtures over log10 of the gap in log10 a, and over
        log10 M: without them the density diverges on walls.
    width, layers, heads, dropout, n_positions
        See :class:`Trunk`.

    Examples
    --------
    >>> network = GapNetwork(2)
    >>> log_a = torch.tensor([[-1.0, -0.5, 0.2]], dtype=torch.float64)
    >>> network.token_log_prob(log_a, 0 * log_a, torch.tensor([3]), torch.zeros(1, 2)).shape
    torch.Size([1, 4])
    """

    grid = False

    def __init__(
        self,
        n_context: int,
        *,
        components: int = 10,
        edge: float = EDGE,
        gap_floor: float = 0.01,
        mass_floor: float = 0.004,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        dropout: float = 0.1,
        n_positions: int = 64,
    ) -> None:
        super().__init__()
        self.gap_floor, self.mass_floor, self.edge = gap_floor, mass_floor, edge
        self.a_bumps, self.m_bumps = Bumps(-2.2, 2.6, 20), Bumps(-2.3, 4.2, 24)
        self.gap_bumps, self.hill_bumps = Bumps(-3.0, 0.6, 16), Bumps(-0.2, 2.4, 12)
        self.trunk = Trunk(
            20 + 24 + 16 + 12 + 24 + 24 + 2, n_context, width=width, layers=layers,
            heads=heads, dropout=dropout, n_positions=n_positions,
        )  # fmt: skip
        self.stop = nn.Linear(width, 1)
        self.first = nn.Linear(width, 3 * components)
        self.gap = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, 3 * components)
        )
        self.mass = nn.Sequential(
            nn.Linear(width + 20 + 16 + 1, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, 3 * components),
        )
        _spread(self.first, -1.8, 1.0)
        _spread(self.gap[-1], -1.5, 0.3)
        _spread(self.mass[-1], -2.0, 3.0)

    def _features(
        self, log_a: Tensor, log_m: Tensor, gap: Tensor, hill: Tensor, total: Tensor,
        largest: Tensor, number: Tensor,
    ) -> Tensor:  # fmt: skip
        later = (number > 0).to(log_a.dtype)
        return torch.cat(
            [
                self.a_bumps(log_a),
                self.m_bumps(log_m),
                self.gap_bumps(gap) * later[..., None],
                self.hill_bumps(hill) * later[..., None],
                self.m_bumps(total),
                self.m_bumps(largest),
                torch.stack([number / 20, later], -1),
            ],
            -1,
        )

    def _mass_parameters(self, seen: Tensor, log_a: Tensor, gap: Tensor, later: Tensor) -> Tensor:
        gaps = self.gap_bumps(gap) * later[..., None]
        return self.mass(torch.cat([seen, self.a_bumps(log_a), gaps, later[..., None]], -1))

    def seen(
        self, log_a: Tensor, log_m: Tensor, context: Tensor, places: Places
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is seen at each token of padded systems; and each planet's log a, log M, log gap."""
        a, m, gap, rest = sequence_features(log_a, log_m, context.dtype, places)
        return self.trunk(self._features(a, m, gap, **rest), context, places), a, m, gap

    def token_log_prob(
        self, log_a: Tensor, log_m: Tensor, counts: Tensor, context: Tensor
    ) -> Tensor:
        """Log density of each planet, then of the stop, nats.

        Parameters
        ----------
        log_a, log_m : tensor of float64, shape (n, length)
            Planets, sorted; what stands beyond ``counts`` does not matter.
        counts : tensor of int, shape (n,)
        context : tensor, shape (n, C)

        Returns
        -------
        tensor, shape (n, length + 1)
            Of log10 a and log10 M; zero beyond the stop.
        """
        places = Places(counts)
        seen, a, m, gap = self.seen(log_a, log_m, context, places)
        stop = self.stop(seen).squeeze(-1)
        before = places.planets - 1
        first = places.number[places.planets] == 1
        here, later = seen[before], ~first
        place = torch.empty_like(a)
        place[first] = mixture_log_prob(self.first(here[first]), a[first], self.gap_floor)
        x = gap[later]
        density = mixture_log_prob(self.gap(here[later]), x, self.gap_floor)
        place[later] = density - x * LN10 - math.log(LN10)
        parameters = self._mass_parameters(here, a, gap, later.to(a.dtype))
        mass = mixture_log_prob(parameters, m, self.mass_floor)
        logs = torch.empty_like(stop)
        far = self.log_far(a)
        logs[before] = place + mass + far + functional.logsigmoid(-stop[before])
        last = places.ends
        ending = stop[last]
        logs[last] = torch.logaddexp(
            functional.logsigmoid(ending),
            functional.logsigmoid(-ending) + self._log_beyond(seen[last], log_a, counts),
        )
        return places.padded(logs)

    def log_far(self, log_a: Tensor) -> Tensor:
        """What a planet beyond the edge loses: most of these are no planets but the end."""
        return (log_a > self.edge) * _LOG_BEYOND

    def _log_beyond(self, seen: Tensor, log_a: Tensor, counts: Tensor) -> Tensor:
        """Log probability that a next planet would lie beyond the edge, at each system's end."""
        inside = torch.empty_like(seen[:, 0])
        empty = counts == 0
        start = torch.full_like(inside[empty], self.edge)
        inside[empty] = mixture_cdf(self.first(seen[empty]), start, self.gap_floor)
        outermost = log_a[~empty].gather(1, counts[~empty, None] - 1).squeeze(1)
        room = (self.edge - outermost).clamp(min=SMALLEST_GAP).log10().to(seen.dtype)
        inside[~empty] = mixture_cdf(self.gap(seen[~empty]), room, self.gap_floor)
        # Short of one, where the logarithm has no gradient.
        return torch.log1p(-inside.clamp(max=1 - torch.finfo(seen.dtype).eps))

    def start(self, context: Tensor) -> tuple[dict[str, Any], Tensor]:
        """State of a walk before the first planet, and what is seen there."""
        state, seen = self.trunk.start(context)
        n = len(context)
        state |= {
            "log_a": torch.zeros(n, dtype=torch.float64),
            "last_m": torch.zeros(n, dtype=context.dtype),
            "total": torch.zeros(n, dtype=context.dtype),
            "largest": torch.full((n,), -10.0, dtype=context.dtype),
        }
        return state, seen

    def step(self, state: dict[str, Any], log_a: Tensor, log_m: Tensor) -> Tensor:
        """Take one more planet (float64 log a, log M), and give what is seen then."""
        number, dtype = state["at"] - 1, state["last_m"].dtype
        a, m = log_a.to(dtype), log_m.to(dtype)
        distance = (log_a - state["log_a"]).to(dtype).clamp(min=SMALLEST_GAP)
        gap, hill = distance.log10(), hill_of(distance, state["last_m"], m)
        if number == 0:
            gap, hill = torch.zeros_like(gap), torch.zeros_like(hill)
        total = state["total"] + 10**m
        state |= {
            "log_a": log_a, "last_m": m, "total": total,
            "largest": torch.maximum(state["largest"], m),
        }  # fmt: skip
        features = self._features(
            a, m, gap, hill, total.clamp(min=1e-6).log10(), state["largest"],
            torch.full_like(a, float(number)),
        )  # fmt: skip
        return self.trunk.step(state, features)

    def stop_logit(self, seen: Tensor) -> Tensor:
        """Log odds that the system ends here."""
        return self.stop(seen).squeeze(-1)

    def place_parameters(self, state: dict[str, Any], seen: Tensor) -> Tensor:
        """Mixture over log a of the first planet, over the log gap of a later one."""
        return self.first(seen) if state["at"] == 1 else self.gap(seen)

    def mass_parameters(self, state: dict[str, Any], seen: Tensor, log_a: Tensor) -> Tensor:
        """Mixture over log M of a planet at ``log_a`` (float64)."""
        later = torch.full(log_a.shape, float(state["at"] > 1), dtype=seen.dtype)
        gap = (log_a - state["log_a"]).to(seen.dtype).clamp(min=SMALLEST_GAP).log10()
        gap = torch.where(later > 0, gap, torch.zeros_like(gap))
        return self._mass_parameters(seen, log_a.to(seen.dtype), gap, later)

    def draw(
        self, state: dict[str, Any], seen: Tensor, noise: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stop (bool), log a and log M of the next planet."""
        uniform = torch.rand(len(seen), generator=noise)
        stops = uniform < torch.sigmoid(self.stop_logit(seen))
        x = mixture_draw(self.place_parameters(state, seen), self.gap_floor, noise).double()
        log_a = x if state["at"] == 1 else state["log_a"] + 10 ** x.clamp(max=0.9)
        stops |= log_a > self.edge
        parameters = self.mass_parameters(state, seen, log_a)
        return stops, log_a, mixture_draw(parameters, self.mass_floor, noise).double()


def sequence_features(
    log_a: Tensor, log_m: Tensor, dtype: torch.dtype, places: Places
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """Places, masses, log gaps, and what has come so far, of the planets of padded systems.

    The gap is taken in double precision: neighbours may be closer than single
    precision tells apart. System after system, without padding.
    """
    a, m = log_a.to(dtype), log_m.to(dtype)
    gaps = (log_a[:, 1:] - log_a[:, :-1]).to(dtype).clamp(min=SMALLEST_GAP)
    distance = functional.pad(gaps, (1, 0), value=1.0)
    hill = hill_of(distance, functional.pad(m[:, :-1], (1, 0)), m)
    number = torch.arange(a.shape[1], dtype=dtype).expand(a.shape)
    table = {
        "hill": torch.where(number > 0, hill, torch.zeros_like(hill)),
        "total": (10**m).cumsum(1).clamp(min=1e-6).log10(),
        "largest": m.cummax(1).values if a.shape[1] else m,
        "number": number,
    }
    inside = places.system[places.planets], places.number[places.planets] - 1
    rest = {name: value[inside] for name, value in table.items()}
    return a[inside], m[inside], distance.log10()[inside], rest


def hill_of(distance: Tensor, inner_m: Tensor, outer_m: Tensor) -> Tensor:
    """log10 of a gap in log10 a in mutual Hill radii around the Sun."""
    ratio = torch.tanh(distance * (LN10 / 2)) * 2
    radius = (10**inner_m + 10**outer_m) / (3 * _SUN_IN_EARTH)
    return (ratio / radius ** (1 / 3)).clamp(min=1e-3).log10()


def _spread(layer: nn.Module, low: float, high: float) -> None:
    """Begin a mixture with its means spread over a range."""
    assert isinstance(layer, nn.Linear)
    n = layer.out_features // 3
    with torch.no_grad():
        layer.weight.mul_(0.3)
        layer.bias[:n] = 0
        layer.bias[n : 2 * n] = torch.linspace(low, high, n)
        layer.bias[2 * n :] = math.log(math.expm1((high - low) / n))


def mixture_log_prob(parameters: Tensor, x: Tensor, floor: float) -> Tensor:
    """Log density of a mixture of Gaussians, one mixture for each element of ``x``.

    Parameters
    ----------
    parameters : tensor, shape (..., 3 K)
        Logits, means, and unconstrained widths.
    x : tensor, shape (...)
    floor : float
        Smallest width.

    Returns
    -------
    tensor, shape (...)

    Examples
    --------
    >>> standard = torch.tensor([0.0, 0.0, 0.5413])  # softplus of the last is one
    >>> round(float(mixture_log_prob(standard, torch.tensor(0.0), 0.0)), 3)
    -0.919
    """
    logit, mean, width = mixture_parts(parameters, floor)
    z = (x.unsqueeze(-1) - mean) / width
    terms = torch.log_softmax(logit, -1) - 0.5 * z**2 - width.log() - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(terms, -1)


def mixture_parts(parameters: Tensor, floor: float) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, means and widths of the mixture's components."""
    logit, mean, raw = parameters.chunk(3, -1)
    return logit, mean, floor + functional.softplus(raw)


def mixture_cdf(parameters: Tensor, x: Tensor, floor: float) -> Tensor:
    """Cumulative distribution of a mixture of Gaussians at ``x``."""
    logit, mean, width = mixture_parts(parameters, floor)
    below = torch.special.ndtr((x.unsqueeze(-1) - mean) / width)
    return (torch.softmax(logit, -1) * below).sum(-1)


def mixture_draw(parameters: Tensor, floor: float, noise: torch.Generator | None) -> Tensor:
    """A draw of each mixture."""
    logit, mean, raw = parameters.chunk(3, -1)
    pick = categorical(logit, noise).unsqueeze(-1)
    mean, raw = mean.gather(-1, pick).squeeze(-1), raw.gather(-1, pick).squeeze(-1)
    normal = torch.randn(mean.shape, generator=noise, dtype=mean.dtype)
    return mean + normal * (floor + functional.softplus(raw))
