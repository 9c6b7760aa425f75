"""What happened in a training run: a tidy record per epoch, and the log of its steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History", "StepLog"]


@dataclass
class History:
    """Tidy record of a training run, one row an epoch (and member).

    Attributes
    ----------
    records : list of dict
        Keys ``epoch`` (from 1), ``step`` (optimiser steps so far), ``loss``, the
        parts named by the loss, ``learning_rate``, ``seconds`` and, with
        validation data, ``validation_loss`` and ``validation_<part>``. Losses
        are means over rows. An ensemble's records start with ``member``.

    Examples
    --------
    >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.2}])
    >>> history
    History: 2 epochs, loss 0.5 -> 0.2, best epoch 2
    >>> history.best_epoch
    2
    """

    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def best_epoch(self) -> int:
        """Epoch of the lowest validation loss (of the training loss without validation).

        Raises
        ------
        ValueError
            If the history is empty or that of an ensemble: ask its ``members``.
        """
        if not self.records or "member" in self.records[0]:
            raise ValueError("best_epoch: an empty or an ensemble's history; see .members")
        key = "validation_loss" if "validation_loss" in self.records[0] else "loss"
        return int(min(self.records, key=lambda record: _nan_last(record[key]))["epoch"])

    @property
    def members(self) -> list[History]:
        """One history for each member of an ensemble; of a single fit, itself."""
        if not self.records or "member" not in self.records[0]:
            return [self]
        split: dict[int, list[dict[str, Any]]] = {}
        for record in self.records:
            rest = {key: value for key, value in record.items() if key != "member"}
            split.setdefault(record["member"], []).append(rest)
        return [History(split[member]) for member in sorted(split)]

    def frame(self) -> pd.DataFrame:
        """The records as a table.

        Returns
        -------
        pandas.DataFrame
            One row for each record, in order.
        """
        import pandas as pd

        return pd.DataFrame(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        if not self.records:
            return "History: no epoch"
        members = self.members
        if len(members) > 1 or "member" in self.records[0]:
            mean = sum(m.records[-1]["loss"] for m in members) / len(members)
            epochs = max(len(m) for m in members)
            return f"History: {len(members)} members, {epochs} epochs, mean last loss {mean:.4g}"
        text = f"History: {len(self)} epoch{'s' if len(self) > 1 else ''}"
        for key in ("loss", "validation_loss"):
            if key in self.records[0]:
                first, last = self.records[0][key], self.records[-1][key]
                text += f", {key.replace('_', ' ')} {first:.4g} -> {last:.4g}"
        return f"{text}, best epoch {self.best_epoch}"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.frame().to_html(index=False, float_format='{:.4g}'.format)}"


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value


class StepLog:
    """Loss and parts of each step, kept as tensors until somebody has to look.

    Reading a number out of a tensor stops the program until the device has it,
    so the numbers of many steps are read at once.

    Examples
    --------
    >>> log = StepLog()
    >>> log.add(torch.tensor(2.0), {"kl": 1.0}, 3)
    >>> log.read()
    [2.0]
    >>> log.means()
    {'loss': 2.0, 'kl': 1.0}
    """

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.rows = 0.0
        self._losses: list[Tensor] = []
        self._parts: list[dict[str, Any]] = []
        self._sizes: list[float] = []

    def __len__(self) -> int:
        return len(self._losses)

    def add(self, loss: Tensor, parts: dict[str, Any], n: float) -> None:
        """Note one batch of ``n`` rows."""
        self._losses.append(loss.detach())
        if parts:
            parts = {k: v.detach() if isinstance(v, Tensor) else v for k, v in parts.items()}
        self._parts.append(parts)
        self._sizes.append(n)

    def read(self, total: Callable[[list[float]], list[float]] | None = None) -> list[float]:
        """Losses since the last reading; they enter the sums of the epoch.

        ``total`` adds numbers over processes whose batches are parts of one.
        """
        if not self._losses:
            return []
        columns: dict[str, list[float]] = {"loss": torch.stack(self._losses).tolist()}
        for name in self._parts[0]:
            values = [parts[name] for parts in self._parts]
            if isinstance(values[0], Tensor):
                columns[name] = torch.stack([value.reshape(()) for value in values]).tolist()
            else:
                columns[name] = [float(value) for value in values]
        sizes = self._sizes
        if total is not None:
            columns, sizes = _added(columns, sizes, total)
        for name, column in columns.items():
            # Added one by one, so that the sum does not depend on when it was read.
            for value, n in zip(column, sizes, strict=True):
                self.sums[name] = self.sums.get(name, 0.0) + value * n
        for n in sizes:
            self.rows += n
        self._losses, self._parts, self._sizes = [], [], []
        return columns["loss"]

    def means(self) -> dict[str, float]:
        """Means over the rows read so far."""
        return {name: total / self.rows for name, total in self.sums.items()}

    def start_epoch(self) -> None:
        """Forget the sums."""
        self.sums, self.rows = {}, 0.0


def _added(
    columns: dict[str, list[float]],
    sizes: list[float],
    total: Callable[[list[float]], list[float]],
) -> tuple[dict[str, list[float]], list[float]]:
    """Columns and sizes of the whole batches, from those of the processes' parts."""
    flat = list(sizes)
    for column in columns.values():
        flat += [value * n for value, n in zip(column, sizes, strict=True)]
    pieces = iter(total(flat))
    sizes = [next(pieces) for _ in sizes]
    return {name: [next(pieces) / n for n in sizes] for name in columns}, sizes
