"""Between a generator and its networks: what they read, and exact scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .batches import SystemBatches, padded_batch
from .cell_networks import cells_of
from .codec import GridCodec
from .systems import Systems

__all__ = ["network_inputs"]


def network_inputs(values: Any, known: Any, shift: torch.Tensor | None = None) -> torch.Tensor:
    """What a network reads of the context.

    Parameters
    ----------
    values, known : array_like, shape (n, size)
        From :meth:`ContextEncoder.transform`.
    shift : tensor, shape (n, 2), optional
        By how much the system was moved in a and M while training.

    Returns
    -------
    tensor, shape (n, 2 size + 2)

    Examples
    --------
    >>> network_inputs([[2.0]], [[True]])
    tensor([[2., 1., 0., 0.]])
    """
    values, known = torch.as_tensor(values), torch.as_tensor(known)
    moved = torch.zeros(len(values), 2) if shift is None else shift
    return torch.cat([values * known, known.float(), moved], 1)


@torch.inference_mode()
def batch_log_prob(
    networks: Sequence[Any], batch: dict[str, torch.Tensor], codec: GridCodec | None
) -> torch.Tensor:
    """Log probability of each token of a padded batch under the mean of the networks.

    Parameters
    ----------
    networks : sequence of network
    batch : dict of tensor
    codec : GridCodec or None
        For languages on a grid whose density is wanted, the grid.

    Returns
    -------
    tensor of float64, shape (n, length + 1)
    """
    inputs = network_inputs(batch["values"], batch["known"])
    where = (batch["log_a"], batch["log_m"], batch["counts"])
    logs = torch.stack([one.token_log_prob(*where, inputs) for one in networks]).double()
    if codec is not None:
        logs = logs + _inside_cells(codec, *where)
    if len(logs) == 1:
        return logs[0]
    # Mean over members of whole systems, told token by token.
    so_far = torch.logsumexp(logs.cumsum(-1), 0) - np.log(len(logs))
    return torch.diff(so_far, dim=-1, prepend=torch.zeros(len(so_far), 1).double())


def _inside_cells(
    codec: GridCodec, log_a: torch.Tensor, log_m: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """What turns the probability of a cell into a density, a planet.

    Places are uniform in a cell; the k-th planet of a column is the k-th of k in order.
    """
    column, _ = cells_of(log_a, log_m, codec.limits, codec.n)
    inside = torch.arange(log_a.shape[1]) < counts[:, None]
    same = (column[:, :, None] == column[:, None, :]) & inside[:, None, :]
    rank = torch.tril(same).sum(-1).clamp(min=1).double().log()
    value = torch.where(inside, rank - codec.log_area, torch.zeros_like(rank))
    return functional.pad(value, (0, 1))


def score_tokens(
    networks: Sequence[Any],
    systems: Systems,
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
    codec: GridCodec | None,
    *,
    tokens: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Log probability of every planet and stop, system after system, and where each begins."""
    batches = SystemBatches(systems, values, known, tokens=tokens, shuffle=False)
    bounds = systems.offsets + np.arange(len(systems) + 1)
    result = np.empty(int(bounds[-1]))
    for rows in batches.orders():
        batch = padded_batch(systems, values, known, rows)
        logs = batch_log_prob(networks, batch, codec).numpy()
        inside = np.arange(logs.shape[1]) <= systems.counts[rows][:, None]
        place = bounds[rows][:, None] + np.arange(logs.shape[1])
        result[place[inside]] = logs[inside]
    return result, bounds
