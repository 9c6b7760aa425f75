"""Which rows each member of an ensemble sees, and its batches stacked with the others'."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .batches import Rows, rebuilt

__all__ = ["member_batches", "recognised", "row_sets_of"]


def member_batches(
    source: Rows, orders: Sequence[Tensor], members: Sequence[int], first: int
) -> Iterator[list[tuple[list[int], int, Any]]]:
    """For each step the batches of the members, those of equal size stacked together.

    Parameters
    ----------
    source : Rows
        The data.
    orders : sequence of torch.Tensor of int64
        Rows of every member in the order in which it sees them.
    members : sequence of int
        Those that take part.
    first : int
        Step to begin with.

    Yields
    ------
    list of (members, rows of a batch, batch)
        The tensors of a batch have the shape (members, rows, ...).

    Examples
    --------
    >>> rows = Rows(torch.arange(5), 2, torch.device("cpu"))
    >>> orders = [torch.tensor([4, 3, 2]), torch.tensor([0, 1])]
    >>> [[(who, batch.tolist()) for who, n, batch in groups]
    ...  for groups in member_batches(rows, orders, [0, 1], 0)]
    [[([0, 1], [[4, 3], [0, 1]])], [([0], [[2]])]]
    """
    size, members = source.batch_size, list(members)
    full = min(len(orders[k]) // size for k in members)
    block = max(1, source.block // (size * len(members)))
    for start in range(first, full, block):
        stop = min(start + block, full)
        index = torch.stack([orders[k][start * size : stop * size].view(-1, size) for k in members])
        blocks = [_gather(source, t, index.transpose(0, 1)).unbind(0) for t in source.tensors]
        for pieces in zip(*blocks, strict=True):
            yield [(members, size, rebuilt(source.data, iter(pieces)))]
    for step in range(max(first, full), max(-(-len(orders[k]) // size) for k in members)):
        by_size: dict[int, list[int]] = {}
        for k in members:
            left = min(size, len(orders[k]) - step * size)
            if left > 0:
                by_size.setdefault(left, []).append(k)
        groups = []
        for n, some in by_size.items():
            index = torch.stack([orders[k][step * size : step * size + n] for k in some])
            tensors = [_gather(source, tensor, index) for tensor in source.tensors]
            groups.append((some, n, rebuilt(source.data, iter(tensors))))
        yield groups


def _gather(source: Rows, tensor: Tensor, index: Tensor) -> Tensor:
    rows = tensor.index_select(0, index.reshape(-1).to(tensor.device))
    return rows.view(*index.shape, *tensor.shape[1:]).to(source.device, non_blocking=True)


def row_sets_of(name: str, sets: Sequence[ArrayLike] | None, n: int, members: int) -> list[Tensor]:
    """Row numbers of each member as tensors, checked.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    sets : sequence of integer arrays, optional
        One a member; all rows for every member where None.
    n : int
        Rows of the data.
    members : int
        How many sets are expected.

    Returns
    -------
    list of torch.Tensor of int64
        One a member.

    Raises
    ------
    ValueError
        If there are more or fewer sets, or one is empty, of another type, or out of range.

    Examples
    --------
    >>> row_sets_of("rows", [[0, 3]], 3, 1)
    Traceback (most recent call last):
    ValueError: rows[0]: row numbers must lie in 0 ... 2
    """
    if sets is None:
        return [torch.arange(n)] * members
    if len(sets) != members:
        raise ValueError(f"{name}: expected {members} arrays, one a model, found {len(sets)}")
    checked = []
    for k, each in enumerate(sets):
        rows = np.asarray(each)
        if rows.ndim != 1 or not len(rows) or not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(
                f"{name}[{k}]: expected a non-empty 1-d array of row numbers, "
                f"found shape {rows.shape} of {rows.dtype}"
            )
        if rows.min() < 0 or rows.max() >= n:
            raise ValueError(f"{name}[{k}]: row numbers must lie in 0 ... {n - 1}")
        checked.append(torch.as_tensor(rows.astype(np.int64)))
    return checked


def recognised(sets: list[Tensor] | None) -> list[str]:
    """Lengths and digests of row sets, to recognise a run's folds by.

    Parameters
    ----------
    sets : list of torch.Tensor, optional
        Row numbers of each member.

    Returns
    -------
    list of str
        One a member.

    Examples
    --------
    >>> recognised([torch.arange(3)])[0][:6]
    '3 rows'
    """
    if sets is None:
        return []
    return [f"{len(s)} rows, {hashlib.sha256(s.numpy().tobytes()).hexdigest()[:12]}" for s in sets]
