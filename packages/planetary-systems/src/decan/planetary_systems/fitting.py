"""Fitting networks to systems: all members of an ensemble in one loop."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from .batches import SystemBatches
from .cell_networks import CellNetwork, WordNetwork
from .codec import GridCodec
from .context import ContextEncoder
from .gap_network import EDGE, GapNetwork
from .likelihood import network_inputs
from .systems import Systems

if TYPE_CHECKING:
    from decan.core.training import History

__all__: list[str] = []


def fit_members(
    networks: Sequence[torch.nn.Module],
    data: SystemBatches,
    validation: SystemBatches | None,
    encoder: ContextEncoder,
    *,
    hide: float,
    hide_disc: float,
    augment: float,
    epochs: int,
    learning_rate: float,
    weight_decay: float,
    ema: float | None,
    patience: int | None,
    checkpoint: str | os.PathLike[str] | None,
    seed: int,
    progress: bool,
) -> History:
    """Train all members in one loop, each in place; it stops where their mean is best.

    Members see the same batches, but each hides, moves and drops on its own; they begin at
    weights of their own.

    Parameters
    ----------
    networks : sequence of network
    data, validation : SystemBatches
    encoder : ContextEncoder
    hide, hide_disc, augment, epochs, learning_rate, weight_decay, ema, patience
        See :class:`SystemGenerator`.
    checkpoint : path-like, optional
        File by which an interrupted fit goes on.
    seed : int
        Of order and noise.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    History
    """
    from decan.core.training import fit

    def loss(members: Any, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return mean_loss(members, batch, encoder, hide=hide, hide_disc=hide_disc, augment=augment)

    history = fit(
        torch.nn.ModuleList(networks),
        data,
        loss,
        epochs=epochs,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        schedule="one-cycle",
        # The loss is the mean over members: each member's gradient is that much smaller.
        clip=len(networks) ** -0.5,
        ema=ema,
        validation=validation,
        patience=None if validation is None else patience,
        checkpoint=checkpoint,
        device="cpu",
        rng=seed,
        progress=progress,
    )
    for network in networks:
        as_stored(network)
    return history


def mean_loss(
    members: Any,
    batch: dict[str, torch.Tensor],
    encoder: ContextEncoder,
    *,
    hide: float,
    hide_disc: float,
    augment: float,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Nats a token of a padded batch: mean of the members' when training, else of their mean.

    Parameters
    ----------
    members : ModuleList of network
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
    tokens = (batch["counts"] + 1).sum()
    if members.training:
        logs = [
            _moved_and_hidden(one, batch, encoder, hide, hide_disc, augment).sum()
            for one in members
        ]
        total = torch.stack(logs).mean()
    else:
        known = batch["known"]
        if known.shape[1] and "disc" in encoder.names:
            # Every other system without its disc, as both are promised.
            block = torch.as_tensor(encoder.blocks == encoder.names.index("disc"))
            known = known & ~(block & (torch.arange(len(known)) % 2 == 0)[:, None])
        inputs = network_inputs(batch["values"], known)
        where = (batch["log_a"], batch["log_m"], batch["counts"], inputs)
        each = torch.stack([one.token_log_prob(*where).sum(1) for one in members])
        total = (torch.logsumexp(each, 0) - math.log(len(members))).sum()
    return -total / tokens, {"tokens": tokens.double()}


def _moved_and_hidden(
    network: Any,
    batch: dict[str, torch.Tensor],
    encoder: ContextEncoder,
    hide: float,
    hide_disc: float,
    augment: float,
) -> torch.Tensor:
    """Log probability of tokens of systems that are moved, parts of their context hidden."""
    known, shift = batch["known"], None
    log_a, log_m = batch["log_a"], batch["log_m"]
    if known.shape[1]:
        rate = torch.tensor([hide_disc if name == "disc" else hide for name in encoder.names])
        kept = torch.rand(len(known), len(encoder.names)) >= rate
        known = known & kept[:, torch.as_tensor(encoder.blocks)]
    if augment:
        shift = torch.randn(len(known), 2) * (torch.rand(len(known), 1) < 0.7)
        log_a = log_a + (augment * shift[:, :1]).double()
        log_m = log_m + (augment * shift[:, 1:]).double()
    inputs = network_inputs(batch["values"], known, shift)
    found: torch.Tensor = network.token_log_prob(log_a, log_m, batch["counts"], inputs)
    return found


def build_network(
    tokens: str,
    codec: GridCodec,
    n_context: int,
    max_planets: int,
    outermost: float,
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
            edge = max(EDGE, outermost)
            return GapNetwork(n_context, n_positions=max_planets, edge=edge, **size)
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
