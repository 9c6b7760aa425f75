"""From tensors or a loader to a stream of batches that can be restarted at any batch.

The order of an epoch is a pure function of seed and epoch, and the noise of a
step (dropout, augmentation, sampling) a pure function of seed and step. That
makes a resumed run equal to an undisturbed one without saving any generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "Loader",
    "Rows",
    "epoch_order",
    "map_tensors",
    "noise_kept",
    "rebuilt",
    "seed_noise",
    "seed_of",
    "source_of",
    "tensors_of",
]

# Rows are gathered in blocks of about this size: large enough to make the cost per
# batch vanish, small enough not to double the memory of a large data set.
_BLOCK_BYTES = 32 * 2**20
_SEED_MASK = 2**63 - 1


def seed_of(rng: np.random.Generator | int | None) -> int:
    """Non-negative 63-bit seed drawn from a SPEC 7 ``rng``.

    Parameters
    ----------
    rng : numpy.random.Generator, int or None
        A generator advances by one draw; None takes fresh entropy.

    Returns
    -------
    int
        The seed.

    Examples
    --------
    >>> seed_of(1) == seed_of(1)
    True
    """
    return int(np.random.default_rng(rng).integers(2**63))


def epoch_order(n: int, seed: int, epoch: int) -> Tensor:
    """Random order of the rows in one epoch.

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int
        Seed of the run.
    epoch : int
        The epoch, counted from 1.

    Returns
    -------
    torch.Tensor of int64, shape (n,)
        A permutation on the CPU.

    Examples
    --------
    >>> sorted(epoch_order(4, seed=1, epoch=1).tolist())
    [0, 1, 2, 3]
    """
    state = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    generator = torch.Generator().manual_seed(int(state[0]) & _SEED_MASK)
    return torch.randperm(n, generator=generator)


def seed_noise(device: torch.device, value: int) -> None:
    """Seed torch's generators of the CPU and of one device, and of no other.

    Parameters
    ----------
    device : torch.device
        Where the model lives.
    value : int
        The seed; taken modulo 2**63.

    Examples
    --------
    >>> with torch.random.fork_rng(devices=[]):
    ...     seed_noise(torch.device("cpu"), 3)
    ...     torch.initial_seed()
    3
    """
    torch.default_generator.manual_seed(value & _SEED_MASK)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(value & _SEED_MASK)
    elif device.type == "mps":
        torch.mps.manual_seed(value & 0xFFFFFFFF)


def noise_kept(device: torch.device) -> Any:
    """Context after which torch's global generators are as they were before.

    Parameters
    ----------
    device : torch.device
        The device whose generator is used beside that of the CPU.

    Returns
    -------
    context manager
        torch's own.

    Examples
    --------
    >>> before = torch.get_rng_state()
    >>> with noise_kept(torch.device("cpu")):
    ...     _ = torch.rand(3)
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    if device.type == "cpu":
        return torch.random.fork_rng(devices=[])
    return torch.random.fork_rng(devices=[device.index or 0], device_type=device.type)


def tensors_of(batch: Any) -> list[Tensor]:
    """Every tensor of a tensor, or of nested mappings, tuples and lists, in order.

    Parameters
    ----------
    batch : torch.Tensor, mapping, tuple or list
        What a loss receives.

    Returns
    -------
    list of torch.Tensor
        Other objects are left out.

    Examples
    --------
    >>> len(tensors_of({"x": torch.zeros(2), "y": (torch.ones(2), "name")}))
    2
    """
    if isinstance(batch, Tensor):
        return [batch]
    if isinstance(batch, Mapping):
        return [tensor for value in batch.values() for tensor in tensors_of(value)]
    if isinstance(batch, (tuple, list)):
        return [tensor for value in batch for tensor in tensors_of(value)]
    return []


def map_tensors(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """The same structure with a function applied to each tensor.

    Parameters
    ----------
    function : callable
        From tensor to tensor.
    batch : torch.Tensor, mapping, tuple or list
        What a loss receives.

    Returns
    -------
    object
        Mappings come back as dict; what is no tensor stays as it is.

    Examples
    --------
    >>> map_tensors(lambda t: t + 1, {"x": torch.zeros(2)})
    {'x': tensor([1., 1.])}
    """
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {key: map_tensors(function, value) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        values = [map_tensors(function, value) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else type(batch)(values)
    return batch


def rebuilt(data: Any, tensors: Iterator[Tensor]) -> Any:
    """The structure of some data filled with other tensors.

    Parameters
    ----------
    data : torch.Tensor, mapping, tuple or list
        Gives the structure.
    tensors : iterator of torch.Tensor
        As many as :func:`tensors_of` finds, in that order.

    Returns
    -------
    object
        Mappings come back as dict.

    Examples
    --------
    >>> rebuilt({"x": torch.zeros(1)}, iter([torch.ones(1)]))
    {'x': tensor([1.])}
    """
    return map_tensors(lambda _: next(tensors), data)


class Rows:
    """Tensors of equal length, shuffled once an epoch and cut into contiguous batches.

    Parameters
    ----------
    data : torch.Tensor, mapping or tuple of tensors
        First dimension: rows.
    batch_size : int
        Rows of a batch; the last batch of an epoch may be smaller.
    device : torch.device
        Where the batches are wanted.

    Raises
    ------
    TypeError
        If something else than a tensor is found.
    ValueError
        If there are no rows, or the tensors differ in length.

    Examples
    --------
    >>> rows = Rows({"x": torch.arange(5)}, 2, torch.device("cpu"))
    >>> [batch["x"].tolist() for batch, n in rows.batches(None)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, data: Any, batch_size: int, device: torch.device) -> None:
        _refuse_other_than_tensors(data)
        self.data, self.batch_size, self.device = data, batch_size, device
        self.tensors = tensors_of(data)
        lengths = {len(tensor) if tensor.ndim else 0 for tensor in self.tensors}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(
                "data: tensors must have the same, non-zero number of rows (first dimension), "
                f"found {sorted(lengths) or 'no tensor'}"
            )
        self.n = lengths.pop()
        per_row = sum(t.element_size() * t[0].numel() for t in self.tensors)
        self.block = batch_size * max(1, _BLOCK_BYTES // max(1, per_row * batch_size))

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def batches(self, order: Tensor | None, first: int = 0) -> Iterator[tuple[Any, int]]:
        """Batches with their number of rows, from the batch ``first`` on."""
        for start in range(first * self.batch_size, self.n, self.block):
            stop = min(start + self.block, self.n)
            columns = [
                self._gather(tensor, order, start, stop).split(self.batch_size)
                for tensor in self.tensors
            ]
            sizes = [len(piece) for piece in columns[0]]
            if isinstance(self.data, Tensor):
                yield from zip(columns[0], sizes, strict=True)
                continue
            for pieces, n in zip(zip(*columns, strict=True), sizes, strict=True):
                yield rebuilt(self.data, iter(pieces)), n

    def _gather(self, tensor: Tensor, order: Tensor | None, start: int, stop: int) -> Tensor:
        if order is None:
            block = tensor[start:stop]
        else:
            block = tensor.index_select(0, order[start:stop].to(tensor.device))
        return block.to(self.device, non_blocking=True)


class Loader:
    """Any iterable of batches, moved to the device batch by batch.

    Parameters
    ----------
    data : iterable
        Gives a new iterator each epoch, a :class:`torch.utils.data.DataLoader` say.
    device : torch.device
        Where the batches are wanted.

    Raises
    ------
    TypeError
        If the data cannot be iterated over more than once.

    Examples
    --------
    >>> loader = Loader([torch.zeros(2), torch.ones(1)], torch.device("cpu"))
    >>> [n for _, n in loader.batches(lambda index: None)]
    [2, 1]
    """

    def __init__(self, data: Iterable[Any], device: torch.device) -> None:
        if not isinstance(data, Iterable) or iter(data) is data:
            raise TypeError(
                f"data: a {type(data).__name__} cannot be read once an epoch; expected tensors, "
                "a mapping or tuple of tensors, or a loader that can be iterated again"
            )
        self.data, self.device = data, device

    def __len__(self) -> int:
        try:
            return len(self.data)  # type: ignore[arg-type]
        except TypeError:
            return 0

    def batches(self, before: Callable[[int], None], first: int = 0) -> Iterator[tuple[Any, int]]:
        """Batches with their number of rows; ``before`` seeds the noise of each fetch."""
        before(0)
        iterator = iter(self.data)
        index = 0
        while True:
            before(index)
            try:
                batch = next(iterator)
            except StopIteration:
                break
            index += 1
            if index <= first:
                continue
            tensors = tensors_of(batch)
            if not tensors:
                raise TypeError(f"data: batch {index} of the loader holds no tensor")
            yield self._moved(batch), len(tensors[0])
        if index == 0:
            raise ValueError("data: the loader gave no batch")

    def _moved(self, batch: Any) -> Any:
        return map_tensors(lambda tensor: tensor.to(self.device, non_blocking=True), batch)


def source_of(data: Any, batch_size: int, device: torch.device) -> Rows | Loader:
    """The stream for the data that a user gave.

    Parameters
    ----------
    data : torch.Tensor, mapping or tuple of tensors, or iterable of batches
        As in :func:`decan.core.training.fit`.
    batch_size : int
        Rows of a batch; a loader has its own.
    device : torch.device
        Where the batches are wanted.

    Returns
    -------
    Rows or Loader
        The stream.

    Raises
    ------
    TypeError, ValueError
        If the data are neither.

    Examples
    --------
    >>> len(source_of(torch.zeros(5, 2), 2, torch.device("cpu")))
    3
    """
    if isinstance(data, (Tensor, Mapping, tuple)):
        return Rows(data, batch_size, device)
    return Loader(data, device)


def _refuse_other_than_tensors(data: Any, where: str = "data") -> None:
    if isinstance(data, Tensor):
        return
    if isinstance(data, Mapping):
        items = [(f"{where}[{key!r}]", value) for key, value in data.items()]
    elif isinstance(data, (tuple, list)):
        items = [(f"{where}[{index}]", value) for index, value in enumerate(data)]
    else:
        raise TypeError(
            f"{where}: expected a torch.Tensor, found {type(data).__name__}; "
            "convert it with torch.as_tensor"
        )
    for name, value in items:
        _refuse_other_than_tensors(value, name)
