"""One optimiser step: forward, backward, reduce, clip, update, average."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from .batches import seed_noise
from .distributed import Processes

__all__ = ["EVALUATION_NOISE", "PRECISIONS", "Loss", "Stepper", "average_weight", "check_loss"]

Loss = Callable[[nn.Module, Any], tuple[Tensor, dict[str, Any]]]

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}

# Offset of the noise of evaluation. torch's CPU generator uses 32 bits of a seed.
EVALUATION_NOISE = 2**31


class Stepper:
    """Model, loss and optimiser, and what has to happen in each step.

    Parameters
    ----------
    model : torch.nn.Module
        On its device.
    loss : callable
        ``loss(model, batch) -> (scalar tensor, dict)``.
    device : torch.device
        Where model and batches are.
    processes : Processes
        Who else trains this model.
    learning_rate, weight_decay, clip, ema, accumulate, precision
        As in :func:`decan.core.training.fit`.
    seed : int
        Seed of the noise.

    Raises
    ------
    ValueError
        If nothing can be trained, or the precision does not go with the device.

    Examples
    --------
    >>> model = nn.Linear(1, 1)
    >>> cpu = torch.device("cpu")
    >>> stepper = Stepper(model, lambda m, x: (m(x).mean(), {}), cpu, Processes(cpu),
    ...                   learning_rate=0.1, weight_decay=0.0, clip=None, ema=None,
    ...                   accumulate=1, precision="float32", seed=1)
    >>> value, parts, n = stepper.backward(torch.ones(3, 1), 3, 0)
    >>> stepper.update(0, 0.1)
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        device: torch.device,
        processes: Processes,
        *,
        learning_rate: float,
        weight_decay: float,
        clip: float | None,
        ema: float | None,
        accumulate: int,
        precision: str,
        seed: int,
    ) -> None:
        self.model, self.loss, self.device, self.processes = model, loss, device, processes
        self.clip, self.ema, self.seed = clip, ema, seed
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        if not self.parameters:
            raise ValueError("model: no parameter requires a gradient, there is nothing to train")
        kind = PRECISIONS[precision]
        if kind is torch.float16 and device.type != "cuda":
            raise ValueError(
                f"precision='float16' needs a CUDA device, found {device.type}; use 'bfloat16'"
            )
        self.kind = kind
        self.scaler = torch.amp.GradScaler("cuda") if kind is torch.float16 else None
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=learning_rate, weight_decay=weight_decay, fused=True
        )
        self.averages = None if ema is None else [p.detach().clone() for p in self.parameters]
        # In parts: several batches or processes make one step, so gradients are weighted.
        self.in_parts = accumulate > 1 or processes.count > 1
        self.plain = not self.in_parts and kind is None
        self._unit = self._rows = 0
        self._checked = False

    def backward(self, batch: Any, n: int, index: int) -> tuple[Tensor, dict[str, Any], int]:
        """Add the gradients of a batch of ``n`` rows, number ``index`` of the run.

        Returns
        -------
        tuple
            The loss, its parts, and the rows of this process.
        """
        processes = self.processes
        seed_noise(self.device, self.seed + index * processes.count + processes.rank)
        own = n
        if processes.count > 1:
            batch, own = processes.shard(batch, n)
        if self.kind is None:
            result = self.loss(self.model, batch)
        else:
            with self._casting():
                result = self.loss(self.model, batch)
        if not self._checked:
            check_loss(result)
            self._checked = True
        value, parts = result
        if self.plain:
            value.backward()
            return value, parts, own
        target = value
        if self.in_parts:
            self._unit = self._unit or n
            self._rows += n
            target = value * (own / self._unit)
        if self.scaler is not None:
            target = self.scaler.scale(target)
        target.backward()
        return value, parts, own

    def update(self, step: int, learning_rate: float) -> None:
        """Use the gradients for optimiser step ``step`` (from 0) and forget them."""
        if self.in_parts:
            self._combine()
        optimizer = self.optimizer
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        if self.scaler is not None:
            self.scaler.unscale_(optimizer)
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        if self.scaler is None:
            optimizer.step()
        else:
            self.scaler.step(optimizer)
            self.scaler.update()
        # Faster than zero_grad, which looks for hooks and groups.
        for parameter in self.parameters:
            parameter.grad = None
        if self.averages is not None and self.ema is not None:
            weight = average_weight(self.ema, step)
            torch._foreach_lerp_(self.averages, [p.detach() for p in self.parameters], weight)

    def _combine(self) -> None:
        """Gradients of all parts as if they had been one batch."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if self.processes.count > 1:
            self.processes.add(gradients)
        torch._foreach_mul_(gradients, self._unit / self._rows)
        self._unit = self._rows = 0

    def evaluate(self, batch: Any, n: int, index: int) -> tuple[Tensor, dict[str, Any], int]:
        """Loss and parts of one batch without gradients; the noise is that of every epoch."""
        processes, own = self.processes, n
        noise = self.seed + EVALUATION_NOISE + index * processes.count + processes.rank
        seed_noise(self.device, noise)
        if processes.count > 1:
            batch, own = processes.shard(batch, n)
        with torch.no_grad(), self._casting():
            value, parts = self.loss(self.model, batch)
        return value, parts, own

    def _casting(self) -> Any:
        if self.kind is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.kind)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the model carry the averaged weights, if there are any, for a while."""
        if self.averages is None:
            yield
            return
        own = [parameter.detach().clone() for parameter in self.parameters]
        self.keep_average()
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_([*self.parameters], own)

    def keep_average(self) -> None:
        """Give the model the averaged weights, if there are any."""
        if self.averages is not None:
            with torch.no_grad():
                torch._foreach_copy_([*self.parameters], self.averages)

    def finite(self) -> bool:
        """Whether every trained weight is a finite number."""
        flags = [torch.isfinite(parameter).all() for parameter in self.parameters]
        return bool(torch.stack(flags).all())

    def state(self) -> dict[str, Any]:
        """What a later run needs to go on."""
        return {
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "averages": self.averages,
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.averages = state["averages"]
        if self.scaler is not None:
            self.scaler.load_state_dict(state["scaler"])


def average_weight(decay: float, step: int) -> float:
    """Weight of the newest parameters in their moving average.

    Early steps count more, so that a short run is not held at its random start.

    Parameters
    ----------
    decay : float
        The decay reached after many steps.
    step : int
        The step, counted from 0.

    Returns
    -------
    float
        One minus the decay at this step.

    Examples
    --------
    >>> average_weight(0.5, 0), average_weight(0.5, 1000)
    (0.9, 0.5)
    """
    return 1 - min(decay, (1 + step) / (10 + step))


def check_loss(result: Any) -> None:
    """Refuse what is not a loss and a dict of its parts.

    Parameters
    ----------
    result : object
        What the loss returned.

    Raises
    ------
    TypeError
        If it is anything but a scalar tensor and a dict.

    Examples
    --------
    >>> check_loss(torch.tensor(1.0))
    Traceback (most recent call last):
    TypeError: loss: expected (scalar tensor, dict of named scalars), found Tensor
    """
    expected = "loss: expected (scalar tensor, dict of named scalars), found"
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{expected} {type(result).__name__}")
    value, parts = result
    if not isinstance(value, Tensor) or not isinstance(parts, dict):
        raise TypeError(f"{expected} ({type(value).__name__}, {type(parts).__name__})")
    if value.ndim != 0:
        raise TypeError(f"{expected} a tensor of shape {tuple(value.shape)}; average over the rows")
