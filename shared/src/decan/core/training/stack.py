"""Many networks of one architecture as one matrix of weights, run by ``vmap``."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap

from .checkpoint import shapes_of
from .step import PRECISIONS, Loss, check_loss

__all__ = ["Stack"]


class Stack:
    """K networks as a matrix with one row of weights each.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Of one architecture.
    loss : callable
        ``loss(model, batch) -> (scalar tensor, dict)``.
    device : torch.device
        Where the matrix lives.
    precision : {"float32", "bfloat16"}
        Type of the forward pass.

    Attributes
    ----------
    weights : torch.Tensor, shape (K, P)
        The trainable weights.

    Raises
    ------
    ValueError
        If the architectures differ, or hold a layer that cannot be vectorised.

    Examples
    --------
    >>> stack = Stack([nn.Linear(2, 1), nn.Linear(2, 1)], lambda m, x: (m(x).mean(), {}),
    ...               torch.device("cpu"), "float32")
    >>> values, parts, gradients = stack.gradients([0, 1], torch.ones(2, 5, 2))
    >>> gradients.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(
        self, models: Sequence[nn.Module], loss: Loss, device: torch.device, precision: str
    ) -> None:
        _refuse_unlike(models)
        _refuse_layers(models[0])
        self.loss, self.device, self.kind = loss, device, PRECISIONS[precision]
        # The tensors of this copy are replaced by each member's within the vectorised call.
        self.skeleton = copy.deepcopy(models[0]).to(device)
        named = list(models[0].named_parameters())
        self.names = [name for name, p in named if p.requires_grad]
        if not self.names:
            raise ValueError("models: no parameter requires a gradient, there is nothing to train")
        trained = [_tensors(model, self.names) for model in models]
        self.shapes = [tensor.shape for tensor in trained[0]]
        self.sizes = [tensor.numel() for tensor in trained[0]]
        if len({tensor.dtype for tensor in trained[0]}) > 1:
            raise ValueError("models: trainable weights of different types cannot be stacked")
        rows = [torch.cat([t.detach().reshape(-1) for t in tensors]) for tensors in trained]
        self.weights = torch.stack(rows).to(device)
        fixed = [name for name, p in named if not p.requires_grad]
        fixed += [name for name, _ in models[0].named_buffers()]
        constants = zip(*(_tensors(model, fixed) for model in models), strict=True)
        self.constants = [torch.stack([t.detach() for t in each]).to(device) for each in constants]
        for module in self.skeleton.modules():
            if type(module) is nn.Linear:
                module.forward = MethodType(_linear, module)  # type: ignore[method-assign]
        self._slots = _slots(self.skeleton, [*self.names, *fixed])
        self._call = vmap(self._member, randomness="different")

    def _member(self, tensors: list[Tensor], batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        for (holder, name), index in self._slots:
            holder[name] = tensors[index]
        result = self.loss(self.skeleton, batch)
        check_loss(result)
        value, parts = result
        return value, {k: torch.as_tensor(v, device=self.device) for k, v in parts.items()}

    def losses(
        self, weights: Tensor, members: Sequence[int], batch: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and parts of members with given weights, shape (m, P), on batches (m, rows, ...)."""
        pieces = weights.split(self.sizes, 1)
        tensors = [p.unflatten(1, s) if s else p[:, 0] for p, s in zip(pieces, self.shapes)]  # noqa: B905
        whole = len(members) == len(self.weights)
        tensors += self.constants if whole else [c[list(members)] for c in self.constants]
        if self.kind is None:
            return self._call(tensors, batch)
        with torch.autocast(self.device.type, self.kind):
            return self._call(tensors, batch)

    def gradients(
        self, members: Sequence[int], batch: Any
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Losses (m,), parts and gradients (m, P) of some members, each on its own batch."""
        whole = len(members) == len(self.weights)
        own = self.weights.detach() if whole else self.weights[list(members)]
        own.requires_grad_()
        values, parts = self.losses(own, members, batch)
        (gradients,) = torch.autograd.grad(values.sum(), own)
        return values.detach(), {k: v.detach() for k, v in parts.items()}, gradients

    def write_back(self, models: Sequence[nn.Module], weights: Tensor) -> None:
        """Give each network its row of weights, on the device and in ``eval`` mode."""
        with torch.no_grad():
            for model, row in zip(models, weights, strict=True):
                model.to(self.device).eval()
                pieces = row.split(self.sizes)
                for tensor, piece in zip(_tensors(model, self.names), pieces, strict=True):
                    tensor.copy_(piece.view_as(tensor))


def _linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """The layer without the scaling by one that vmap's own rule adds to each call."""
    product = torch.matmul(x, layer.weight.mT)
    return product if layer.bias is None else product + layer.bias


def _tensors(model: nn.Module, names: Sequence[str]) -> list[Tensor]:
    held = dict(model.named_parameters()) | dict(model.named_buffers())
    return [held[name] for name in names]


def _slots(
    skeleton: nn.Module, names: Sequence[str]
) -> list[tuple[tuple[dict[str, Any], str], int]]:
    """Every place of the skeleton that holds a tensor, and which tensor that is."""
    index = {id(t): i for i, t in enumerate(_tensors(skeleton, names))}
    slots: list[tuple[tuple[dict[str, Any], str], int]] = []
    for module in skeleton.modules():
        for holder in (module._parameters, module._buffers):
            for name, tensor in holder.items():
                if tensor is not None:
                    # A shared weight has two places and one index.
                    slots.append(((holder, name), index[id(tensor)]))
    return slots


def _refuse_unlike(models: Sequence[nn.Module]) -> None:
    if not models:
        raise ValueError("models: expected at least one network, found none")
    first = shapes_of(dict(models[0].state_dict()))
    for k, model in enumerate(models):
        theirs = shapes_of(dict(model.state_dict()))
        if type(model) is not type(models[0]) or theirs != first:
            raise ValueError(
                f"models: member {k} is built differently from member 0; "
                "an ensemble needs networks of one architecture"
            )


def _refuse_layers(model: nn.Module) -> None:
    for name, module in model.named_modules():
        kind = type(module).__name__
        if getattr(module, "running_mean", None) is not None:
            raise ValueError(
                f"models: layer {name or 'itself'} is a {kind}, whose running statistics cannot "
                "be kept in a vectorised loop; use GroupNorm or LayerNorm, or call fit for each"
            )
        if isinstance(module, nn.RNNBase):
            raise ValueError(
                f"models: layer {name or 'itself'} is a {kind}, which cannot be vectorised; "
                "call fit for each member"
            )
