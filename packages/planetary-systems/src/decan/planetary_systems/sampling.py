"""Drawing systems from a network: many at once, keys and values cached, the finished leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .transformer import select

__all__ = ["draw_systems"]

# Moving the caches costs as much as a few steps: only when this share has finished.
_LEAVE = 0.25


def torch_generator(rng: np.random.Generator) -> torch.Generator:
    """A generator for torch seeded from numpy's; no global seed is touched."""
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


@torch.inference_mode()
def draw_systems(
    network: Any,
    context: torch.Tensor,
    *,
    max_planets: int,
    noise: torch.Generator,
    batch: int = 2048,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], int]:
    """Draw one system for each row of the context.

    Parameters
    ----------
    network : GapNetwork, CellNetwork or WordNetwork
    context : tensor, shape (n, C)
    max_planets : int
        A system that would grow beyond this is ended there, and counted.
    noise : torch.Generator
    batch : int
        Systems drawn at once.

    Returns
    -------
    counts : ndarray of int, shape (n,)
    first, second : ndarray, shape (n_planets,)
        log a and log M, or column and row, system after system.
    n_capped : int
        Systems that were ended at ``max_planets``.

    Examples
    --------
    >>> from decan.planetary_systems.gap_network import GapNetwork
    >>> noise = torch.Generator().manual_seed(0)
    >>> unknown = torch.zeros(5, 2)
    >>> counts, log_a, _, _ = draw_systems(GapNetwork(2), unknown, max_planets=9, noise=noise)
    >>> len(log_a) == counts.sum()
    np.True_
    """
    network.eval()
    pieces = [
        _draw_batch(network, part, max_planets, noise) for part in context.split(max(1, batch))
    ]
    if not pieces:
        return np.zeros(0, dtype=np.int64), np.empty(0), np.empty(0), 0
    counts, first, second, capped = zip(*pieces, strict=True)
    return (
        np.concatenate(counts), np.concatenate(first), np.concatenate(second), int(sum(capped))
    )  # fmt: skip


def _draw_batch(
    network: Any, context: torch.Tensor, max_planets: int, noise: torch.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], int]:
    n = len(context)
    counts = torch.zeros(n, dtype=torch.long)
    out = torch.zeros(2, n, max_planets, dtype=torch.float64)
    state, seen = network.start(context)
    rows, alive = torch.arange(n), torch.ones(n, dtype=torch.bool)
    for number in range(max_planets + 1):
        stops, first, second = network.draw(state, seen, noise)
        alive &= ~stops
        going = int(alive.sum())
        if not going or number == max_planets:
            break
        if going < (1 - _LEAVE) * len(alive):
            kept = alive.nonzero().squeeze(1)
            state, rows = select(state, kept), rows[kept]
            first, second, alive = first[kept], second[kept], alive[kept]
        counts[rows[alive]] += 1
        out[0, rows, number], out[1, rows, number] = first.double(), second.double()
        seen = network.step(state, first, second)
    capped = int(alive.sum())
    inside = torch.arange(max_planets) < counts[:, None]
    return counts.numpy(), out[0][inside].numpy(), out[1][inside].numpy(), capped
