"""Systems of unequal length as batches of about equal cost, for training and for scoring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .systems import Systems

__all__ = ["SystemBatches"]


def padded_batch(
    systems: Systems,
    values: NDArray[np.float32],
    known: NDArray[np.bool_],
    rows: NDArray[np.int64],
) -> dict[str, torch.Tensor]:
    """Some systems as tensors, padded to the longest of them.

    Parameters
    ----------
    systems : Systems
    values, known : ndarray, shape (n_systems, size)
        The encoded context.
    rows : ndarray of int
        Which.

    Returns
    -------
    dict of tensor
        ``log_a``, ``log_m`` (float64), ``counts``, ``values``, ``known``.
    """
    counts = systems.counts[rows]
    length = int(counts.max(initial=0))
    inside = np.arange(length) < counts[:, None]
    index = np.where(inside, systems.offsets[rows][:, None] + np.arange(length), 0)
    empty = np.zeros(index.shape)
    # The last planet is repeated beyond the end: distances there are small and finite.
    log_a = np.where(inside, systems.log_a[index], empty) if systems.n_planets else empty
    log_m = np.where(inside, systems.log_m[index], empty) if systems.n_planets else empty
    return {
        "log_a": torch.as_tensor(log_a),
        "log_m": torch.as_tensor(log_m),
        "counts": torch.as_tensor(counts),
        "values": torch.as_tensor(values[rows]),
        "known": torch.as_tensor(known[rows]),
    }


class SystemBatches:
    """A loader of batches with about equally many planets, drawn anew each epoch.

    Batches to train on mix systems of all lengths: sorted ones would pull the stop one
    way in one step and the other way in the next, and it would be learnt badly. Which
    systems come together is drawn from torch's generator, which a training loop seeds.

    Parameters
    ----------
    systems : Systems
    values, known : ndarray, shape (n_systems, size)
        The encoded context.
    tokens : int
        About how many planets and stops a batch has.
    shuffle : bool
        Whether the order is drawn; otherwise systems come by length, the longest first.

    Examples
    --------
    >>> systems = Systems.from_planets([([1.0], [1.0]), ([0.1, 0.2, 0.5], [1.0, 2.0, 3.0])])
    >>> none = np.zeros((2, 0))
    >>> batches = SystemBatches(systems, none.astype(np.float32), none.astype(bool), tokens=3)
    >>> sorted(batch["log_a"].shape[1] for batch in batches)
    [1, 3]
    """

    def __init__(
        self,
        systems: Systems,
        values: NDArray[np.float32],
        known: NDArray[np.bool_],
        *,
        tokens: int = 2000,
        shuffle: bool = True,
    ) -> None:
        self.systems, self.values, self.known = systems, values, known
        self.tokens, self.shuffle = tokens, shuffle

    def __len__(self) -> int:
        # The number of batches must not change from epoch to epoch: schedules count on it.
        total = self.systems.n_planets + len(self.systems)
        return min(len(self.systems), max(1, round(total / self.tokens)))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for rows in self.orders():
            yield padded_batch(self.systems, self.values, self.known, rows)

    def orders(self) -> list[NDArray[np.int64]]:
        """Systems of each batch of one epoch."""
        n, pieces = len(self.systems), len(self)
        if not n:
            return []
        counts = self.systems.counts
        order = torch.randperm(n).numpy() if self.shuffle else np.argsort(-counts, kind="stable")
        so_far = np.cumsum(counts[order] + 1)
        number = np.arange(1, pieces)
        cuts = np.searchsorted(so_far, so_far[-1] * number / pieces)
        # No piece may be empty, however long one system is.
        cuts = np.maximum.accumulate(np.maximum(cuts - number, 0)) + number
        return np.split(order, np.minimum(cuts, n - pieces + number))


def split_by_group(
    systems: Systems,
    groups: ArrayLike | str | None,
    validation: float | Systems,
    random_state: Any,
) -> tuple[Systems, Systems | None]:
    """Training and validation systems, groups never split; see ``SystemGenerator.fit``."""
    if isinstance(validation, Systems):
        return systems, validation
    if isinstance(groups, str):
        groups = systems.context[groups].to_numpy()
    if groups is None:
        if len(np.unique(systems.names.astype(str))) < len(systems):
            raise ValueError(
                "groups: names occur more than once: the same discs appear in several "
                "populations; pass groups='disc_id', or one group a system"
            )
        groups = np.arange(len(systems))
    labels = np.asarray(groups)
    if len(labels) != len(systems):
        raise ValueError(f"groups: found {len(labels)}, expected {len(systems)}, one a system")
    unique = np.unique(labels)
    if len(unique) < 2:
        raise ValueError(
            "groups: there is one group only, nothing to validate on; where the same discs "
            "appear in several populations pass the disc numbers"
        )
    if not validation:
        return systems, None
    # What is drawn here must not depend on what the members draw later.
    seed = random_state if isinstance(random_state, int) else 0
    chosen = np.random.default_rng([seed, 17]).permutation(unique)
    held = np.isin(labels, chosen[: max(1, round(validation * len(unique)))])
    return systems[~held], systems[held]
