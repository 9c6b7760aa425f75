"""AdamW over a matrix of weights whose rows may stand at different steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["MemberAdamW"]

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class MemberAdamW:
    """The update of :class:`torch.optim.AdamW`, for any subset of the rows at a time.

    torch's own optimiser keeps one count of steps a tensor, but folds of
    different lengths and members that stopped early are at different steps.

    Parameters
    ----------
    weights : torch.Tensor, shape (K, P)
        Changed in place.
    weight_decay : float
        Decoupled weight decay.

    References
    ----------
    Loshchilov & Hutter 2019, Decoupled weight decay regularization (ICLR),
    algorithm 2.

    Examples
    --------
    >>> weights = torch.zeros(2, 3)
    >>> MemberAdamW(weights, 0.0).step([1], torch.ones(1, 3), [0.5])
    >>> [[round(value, 6) for value in row] for row in weights.tolist()]
    [[0.0, 0.0, 0.0], [-0.5, -0.5, -0.5]]
    """

    def __init__(self, weights: Tensor, weight_decay: float) -> None:
        self.weights, self.weight_decay = weights, weight_decay
        self.mean, self.square = torch.zeros_like(weights), torch.zeros_like(weights)
        self.steps = [0] * len(weights)
        # Memory of this size is expensive to ask for in every step.
        self._room = torch.empty_like(weights)

    def step(self, members: Sequence[int], gradients: Tensor, rates: Sequence[float]) -> None:
        """Move some members by their gradients, shape (m, P), and learning rates."""
        whole = len(members) == len(self.weights)
        index = list(members)
        held = (self.weights, self.mean, self.square)
        weights, mean, square = held if whole else (tensor[index] for tensor in held)
        for k in index:
            self.steps[k] += 1
        keys = [(self.steps[k], rate) for k, rate in zip(index, rates, strict=True)]
        # Mostly all rows stand at one step, and ten equal corrections cost as much as a product.
        corrected = {key: _corrected(*key) for key in set(keys)}
        floors, scales = zip(*(corrected[key] for key in keys), strict=True)
        if self.weight_decay:
            weights.mul_(_column([1 - rate * self.weight_decay for rate in rates], weights))
        mean.lerp_(gradients, 1 - _BETA1)
        square.mul_(_BETA2).addcmul_(gradients, gradients, value=1 - _BETA2)
        below = torch.sqrt(square, out=self._room[: len(index)])
        below.add_(_column(floors, weights))
        scale = _column(scales, weights)
        if isinstance(scale, float):
            weights.addcdiv_(mean, below, value=-1 / scale)
        else:
            weights.addcdiv_(mean, below.mul_(scale), value=-1)
        if not whole:
            for tensor, rows in zip(held, (weights, mean, square), strict=True):
                tensor[index] = rows

    def state(self) -> dict[str, Any]:
        """What a later run needs to go on."""
        return {"mean": self.mean, "square": self.square, "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.mean, self.square, self.steps = state["mean"], state["square"], state["steps"]


def _corrected(step: int, rate: float) -> tuple[float, float]:
    """Bias corrections, arranged so that the denominator takes one sum and one product."""
    root = math.sqrt(1 - _BETA2**step)
    # A learning rate of zero, at the end of a cosine, moves nothing.
    scale = (1 - _BETA1**step) / (rate * root) if rate else math.inf
    return _EPSILON * root, scale


def _column(values: Sequence[float], like: Tensor) -> Any:
    """One number where all agree, which is faster, else a column."""
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None]
