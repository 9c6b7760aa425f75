"""The few collective operations that training under ``torchrun`` needs.

Gradients travel as one flat bucket after the backward pass. For the networks of
these libraries that is a fraction of a step, and it keeps the loop the same for
one process and many.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .batches import map_tensors

__all__ = ["Processes", "choose_device"]


def choose_device(device: str | torch.device) -> torch.device:
    """The device meant by ``"auto"``: this process's CUDA device, else MPS, else the CPU.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"`` or what torch accepts.

    Returns
    -------
    torch.device
        CUDA devices come with their index.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            device = "cuda"
        else:
            device = "mps" if torch.backends.mps.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda" and chosen.index is None:
        local = os.environ.get("LOCAL_RANK")
        return torch.device("cuda", int(local) if local else torch.cuda.current_device())
    return chosen


class Processes:
    """The processes that train one model together; one where nobody started more.

    Parameters
    ----------
    device : torch.device
        NCCL is used on CUDA and gloo elsewhere.

    Examples
    --------
    >>> processes = Processes(torch.device("cpu"))
    >>> processes.rank, processes.count
    (0, 1)
    """

    def __init__(self, device: torch.device) -> None:
        if not dist.is_available():
            self.rank, self.count = 0, 1
            return
        if not dist.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            if device.type == "cuda":
                torch.cuda.set_device(device)
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
            # Left open for the next fit of this program: a group is made once.
            atexit.register(_close)
        started = dist.is_initialized()
        self.rank = dist.get_rank() if started else 0
        self.count = dist.get_world_size() if started else 1

    def shard(self, batch: Any, n: int) -> tuple[Any, int]:
        """Rows of a batch of ``n`` that are this process's, and how many they are.

        A process without a row of its own computes the first one, with weight
        zero, so that every process has gradients for the same parameters.
        """
        start, stop = (n * rank // self.count for rank in (self.rank, self.rank + 1))
        own = stop - start
        if not own:
            start, stop = 0, 1
        return map_tensors(lambda tensor: tensor[start:stop], batch), own

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes."""
        bucket = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(bucket)
        pieces = bucket.split([tensor.numel() for tensor in tensors])
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view_as(tensor))

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of the first process."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0)

    def totals(self, values: Sequence[float], device: torch.device) -> list[float]:
        """Sums of plain numbers over all processes."""
        if self.count == 1:
            return list(values)
        kind = torch.float32 if device.type == "mps" else torch.float64
        tensor = torch.tensor(values, dtype=kind, device=device)
        dist.all_reduce(tensor)
        return [float(value) for value in tensor.tolist()]

    def agree(self, value: int, device: torch.device) -> int:
        """The first process's value of an integer."""
        if self.count == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.int64, device=device)
        dist.broadcast(tensor, 0)
        return int(tensor.item())

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.count > 1:
            dist.barrier()


def _close() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
