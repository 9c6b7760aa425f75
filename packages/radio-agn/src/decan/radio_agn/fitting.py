"""Training of the networks: what they are shown, and what counts as right.

Labels may be soft. A head-tail galaxy is a WAT or a NAT and nothing else; its loss is that
of the two together, so that the network is free to say which.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from decan.core.training import History, fit

from .augment import RadioAugment, turn

__all__ = ["class_weights", "ensemble_logits", "fit_network", "network_logits", "soft_targets"]

_SMOOTHING = 0.1
TEST_ANGLES = (0.0, 22.5, 45.0, 67.5)
"""Turns over which an answer is averaged; the group knows the multiples of 90 degrees."""
_LOOKS = (0.0, 45.0)
_MANY = 5


def soft_targets(allowed: ArrayLike) -> NDArray[np.float32]:
    """Targets from what each label allows: equal shares, or the shares given.

    Parameters
    ----------
    allowed : array_like of bool or float, shape (n, n_classes)
        Which classes are possible, or how probable each is.

    Returns
    -------
    ndarray of float32, shape (n, n_classes)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If a row allows nothing or is negative.

    Examples
    --------
    >>> soft_targets([[True, True, False], [0.2, 0.8, 0.0]]).round(2).tolist()
    [[0.5, 0.5, 0.0], [0.20000000298023224, 0.800000011920929, 0.0]]
    """
    shares = np.asarray(allowed, dtype=np.float32)
    total = shares.sum(axis=1, keepdims=True)
    bad = np.flatnonzero((total[:, 0] <= 0) | (shares < 0).any(axis=1) | ~np.isfinite(total[:, 0]))
    if bad.size:
        raise ValueError(f"y: row {bad[0]} gives no class a positive share")
    return shares / total


def class_weights(targets: ArrayLike, power: float = 0.5) -> NDArray[np.float32]:
    """Weight of each row, larger for rare classes.

    Parameters
    ----------
    targets : array_like, shape (n, n_classes)
        Rows sum to 1.
    power : float
        0 gives every row the same weight, 1 every class.

    Returns
    -------
    ndarray of float32, shape (n,)
        Mean about 1.

    Examples
    --------
    >>> class_weights([[1, 0], [1, 0], [1, 0], [0, 1]], power=1.0).round(2).tolist()
    [0.6700000166893005, 0.6700000166893005, 0.6700000166893005, 2.0]
    """
    shares = np.asarray(targets, dtype=float)
    count = np.maximum(shares.sum(axis=0), 1e-9)
    weight = (len(shares) / count / shares.shape[1]) ** power
    return (shares @ weight).astype(np.float32)


def fit_network(
    network: nn.Module,
    stamps: NDArray[Any],
    allowed: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    pair: tuple[int, int] | None = None,
    pair_shares: ArrayLike | None = None,
    epochs: int = 12,
    batch_size: int = 32,
    learning_rate: float = 5e-3,
    weight_decay: float = 1e-2,
    smoothing: float = _SMOOTHING,
    augment: RadioAugment | None = None,
    precision: str = "bfloat16",
    checkpoint: str | os.PathLike[str] | None = None,
    random_state: int = 0,
    progress: bool = True,
) -> History:
    """Train a network in place on stamps with hard, soft or partial labels.

    Parameters
    ----------
    network : torch.nn.Module
        From stamps to logits.
    stamps : ndarray, shape (n, channels, size, size)
        What :func:`~decan.radio_agn.stamps.network_stamps` gives.
    allowed : array_like, shape (n, n_classes)
        See :func:`soft_targets`. Where a row of ones and zeros allows several classes, the
        probability of all of them together counts.
    weights : array_like, shape (n,), optional
        Weights of the rows.
    pair : (int, int), optional
        Two classes that are asked about once more, each against the other alone.
    pair_shares : array_like, shape (n, 2), optional
        Their shares where a label of one convention is at hand, NaN elsewhere.
    epochs, batch_size, learning_rate, weight_decay : int or float
        One cycle of AdamW.
    smoothing : float
        Share of every target that is spread over all classes.
    augment : RadioAugment, optional
        The default one without it.
    precision : {'bfloat16', 'float32'}
        Of the forward pass while training.
    checkpoint : path-like, optional
        Where a run keeps itself and goes on from.
    random_state : int
        Seed of order and augmentation.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    History

    Examples
    --------
    >>> from decan.radio_agn.crossval import build_network
    >>> stamps = np.random.default_rng(0).random((4, 4, 65, 65), dtype=np.float32)
    >>> network = build_network(2, fields=(2,))
    >>> len(fit_network(network, stamps, np.eye(2)[[0, 1, 0, 1]], epochs=1, progress=False))
    1
    """
    augment = RadioAugment() if augment is None else augment
    given = np.asarray(allowed)
    partial = ((given == 0) | (given == 1)).all(axis=1) & (given.sum(axis=1) > 1)
    data = {
        "stamp": torch.from_numpy(np.ascontiguousarray(stamps)),
        "target": torch.from_numpy(soft_targets(given)),
        "partial": torch.from_numpy(partial),
        "weight": torch.ones(len(given))
        if weights is None
        else torch.from_numpy(np.asarray(weights, dtype=np.float32)),
    }
    if pair is not None:
        data["pair"] = torch.from_numpy(np.asarray(pair_shares, dtype=np.float32))

    def loss(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        log_p = model(augment(batch["stamp"].float())).float().log_softmax(dim=1)
        target = batch["target"]
        exact = -(target * log_p).sum(dim=1)
        inside = torch.where(target > 0, log_p, -torch.inf)
        either = -torch.logsumexp(inside, dim=1)
        told = torch.where(batch["partial"], either, exact)
        row = (1 - smoothing) * told - smoothing * log_p.mean(dim=1)
        total = (batch["weight"] * row).mean()
        return total + (_pair_loss(log_p[:, list(pair)], batch["pair"]) if pair else 0.0), {}

    return fit(
        network,
        data,
        loss,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        schedule="one-cycle",
        precision=precision,
        checkpoint=checkpoint,
        rng=random_state,
        progress=progress,
    )


def _pair_loss(log_p: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy between two classes, over the rows that have a label of the convention."""
    named = shares.isfinite().all(dim=1)
    alone = log_p.log_softmax(dim=1)
    told = -(shares.nan_to_num() * alone).sum(dim=1)
    row = (1 - _SMOOTHING) * told - _SMOOTHING * alone.mean(dim=1)
    return torch.where(named, row, 0.0).mean()


@torch.no_grad()
def network_logits(
    network: nn.Module,
    stamps: NDArray[Any],
    *,
    angles: tuple[float, ...] = TEST_ANGLES,
    batch_size: int = 128,
) -> NDArray[np.float64]:
    """Logarithm of the probability of each class, averaged over turns of the stamps.

    Parameters
    ----------
    network : torch.nn.Module
        Trained; it is put into ``eval`` mode.
    stamps : ndarray, shape (n, channels, size, size)
        Stamps.
    angles : tuple of float
        Turns, degrees.
    batch_size : int
        Stamps at once.

    Returns
    -------
    ndarray of float, shape (n, n_classes)
        Log probabilities.

    Examples
    --------
    >>> from decan.radio_agn.crossval import build_network
    >>> logs = network_logits(build_network(3, fields=(2,)), np.zeros((2, 4, 65, 65)))
    >>> np.exp(logs).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    network.eval()
    device = next(network.parameters()).device
    parts = []
    for start in range(0, len(stamps), batch_size):
        part = np.ascontiguousarray(stamps[start : start + batch_size], dtype=np.float32)
        batch = torch.from_numpy(part).to(device)
        seen = [network(turn(batch, angle)).softmax(dim=1) for angle in angles]
        parts.append(torch.stack(seen).mean(dim=0).double().cpu().numpy())
    return np.log(np.concatenate(parts).clip(1e-12)) if parts else np.empty((0, 0))


def ensemble_logits(networks: Sequence[nn.Module], stamps: NDArray[Any]) -> NDArray[np.float64]:
    """Log probabilities by each network of an ensemble.

    A small ensemble looks four times. In one of five networks or more each looks once, by
    turns at the picture as it is and turned by 45 degrees: a mirror leaves both of these as
    they are, up to quarter turns, so that quarter turns and mirrors still change nothing.

    Parameters
    ----------
    networks : sequence of torch.nn.Module
        Trained.
    stamps : ndarray, shape (n, channels, size, size)
        Stamps.

    Returns
    -------
    ndarray of float, shape (n_networks, n, n_classes)

    Examples
    --------
    >>> from decan.radio_agn.crossval import build_network
    >>> network = build_network(3, fields=(2,))
    >>> ensemble_logits([network] * 8, np.zeros((2, 4, 65, 65))).shape
    (8, 2, 3)
    """
    if len(networks) < _MANY:
        return np.stack([network_logits(network, stamps) for network in networks])
    given = torch.from_numpy(np.ascontiguousarray(stamps, dtype=np.float32))
    views = [turn(given, angle).numpy() for angle in _LOOKS]
    return np.stack(
        [
            network_logits(network, views[number % len(views)], angles=(0.0,))
            for number, network in enumerate(networks)
        ]
    )
