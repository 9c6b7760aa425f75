"""Between a generator and its networks: what they read, their loss, and exact scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .batches import SystemBatches, padded_batch
from .cell_networks import CellNetwork, WordNetwork, cells_of
from .codec import GridCodec
from .context import ContextEncoder
from .gap_network import GapNetwork
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


def training_loss(
    network: Any,
    batch: dict[str, torch.Tensor],
    encoder: ContextEncoder,
    *,
    hide: float,
    hide_disc: float,
    augment: float,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Nats a token of a padded batch, with parts of the context hidden while training.

    Parameters
    ----------
    network : GapNetwork, CellNetwork or WordNetwork
    batch : dict of tensor
        From :func:`~decan.planetary_systems.batches.padded_batch`.
    encoder : ContextEncoder
    hide, hide_disc, augment : float
        See :class:`SystemGenerator`.

    Returns
    -------
    loss : tensor
    parts : dict of tensor
    """
    known, shift = batch["known"], None
    log_a, log_m = batch["log_a"], batch["log_m"]
    if network.training and known.shape[1]:
        rate = torch.tensor([hide_disc if name == "disc" else hide for name in encoder.names])
        kept = torch.rand(len(known), len(encoder.names)) >= rate
        known = known & kept[:, torch.as_tensor(encoder.blocks)]
    elif known.shape[1] and "disc" in encoder.names:
        # Validation: every other system without its disc, as both are promised.
        block = torch.as_tensor(encoder.blocks == encoder.names.index("disc"))
        known = known & ~(block & (torch.arange(len(known)) % 2 == 0)[:, None])
    if network.training and augment:
        shift = torch.randn(len(known), 2) * (torch.rand(len(known), 1) < 0.7)
        log_a = log_a + (augment * shift[:, :1]).double()
        log_m = log_m + (augment * shift[:, 1:]).double()
    inputs = network_inputs(batch["values"], known, shift)
    logs = network.token_log_prob(log_a, log_m, batch["counts"], inputs)
    tokens = (batch["counts"] + 1).sum()
    return -logs.sum() / tokens, {"tokens": tokens.double()}


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


def build_network(
    tokens: str,
    codec: GridCodec,
    n_context: int,
    max_planets: int,
    alphabet: list[int] | None,
    seed: int | None,
    **size: Any,
) -> Any:
    """The network of a language, its weights drawn from a seed; no global seed is touched."""
    state = torch.random.get_rng_state()
    try:
        if seed is not None:
            torch.manual_seed(seed % 2**63)
        if tokens == "gaps":
            return GapNetwork(n_context, n_positions=max_planets, **size)
        if tokens == "factored":
            return CellNetwork(codec.n, codec.limits, n_context, n_positions=max_planets, **size)
        assert alphabet is not None
        return WordNetwork(
            len(alphabet) + 1, max_planets + 1, alphabet=alphabet, n_cells=codec.n,
            limits=codec.limits, **size,
        )  # fmt: skip
    finally:
        torch.random.set_rng_state(state)


def cells_seen(codec: GridCodec, parts: Sequence[Systems]) -> list[int]:
    """The cells that occur, as numbers (column times cells a side, plus row)."""
    seen: set[int] = set()
    for part in parts:
        column, row, _ = codec.cells(part)
        seen |= set((column * codec.n + row).tolist())
    return sorted(seen)


def as_stored(network: torch.nn.Module) -> None:
    """Round weights as they will be stored, so that a saved generator is this very one."""
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(value.half().float())
