"""Networks and trees judged on sources that they have never seen.

One pass over the five given folds serves every experiment: each network leaves out one fold
of sources, in all catalogues, and the groups of MiraBest's test batch besides. What it says
about what it left out is kept in a folder, so that a cut costs at most one network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from decan.core.files import replacing
from decan.core.training import History

from .archive import Pool
from .fitting import class_weights, fit_network, network_logits, soft_targets
from .networks import EquivariantEncoder, MorphologyNetwork, PlainEncoder
from .stamps import CHANNELS

__all__ = ["FIELDS", "build_network", "cross_validate", "kept_network", "training_rows"]

FIELDS = (4, 8, 12, 16)
"""Fields of the layers of the encoder; with the group D4 33,000 free parameters."""


def build_network(
    n_classes: int, *, group: str = "D4", fields: Sequence[int] = FIELDS, random_state: int = 0
) -> MorphologyNetwork:
    """A fresh network on stamps; the group ``"plain"`` gives the ordinary encoder.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    group : str
        ``"D4"``, ``"D8"``, ... or ``"plain"``.
    fields : sequence of int
        Fields (or channels) of each layer.
    random_state : int
        Seed of the first weights.

    Returns
    -------
    MorphologyNetwork

    Examples
    --------
    >>> sum(p.numel() for p in build_network(5).parameters()) < 80_000
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        encoder: Any
        if group == "plain":
            encoder = PlainEncoder(fields, in_channels=len(CHANNELS))
        else:
            encoder = EquivariantEncoder(group, fields, in_channels=len(CHANNELS))
        return MorphologyNetwork(encoder, n_classes, dropout=0.3)


def training_rows(pool: Pool, fold: int) -> NDArray[np.intp]:
    """Rows that may be trained on where a fold is judged.

    Left out: the fold, every group of MiraBest's test batch, blank images, and images of
    MiraBest whose group is also in first_morph, which are the same pixels masked once more.

    Parameters
    ----------
    pool : Pool
        The given images.
    fold : int
        The fold to be judged; -1 judges MiraBest's test batch alone.

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"catalogue": "Gendre", "fold": [0, 0, 1, 1], "group": range(4),
    ...                       "test_batch": False, "blank": False})
    >>> pool = Pool([np.zeros((4, 9, 9))], table, np.eye(2, dtype=bool)[[0, 1, 0, 1]])
    >>> training_rows(pool, 0)
    array([2, 3])
    """
    table = pool.table
    twice = table["catalogue"].eq("MiraBest F") & table["group"].isin(
        table["group"][: len(pool.images[0])]
    )
    out = table["fold"].eq(fold) | table["test_batch"] | table["blank"] | twice
    return np.flatnonzero(~out.to_numpy())


def cross_validate(
    pool: Pool,
    stamps: NDArray[Any],
    folder: str | os.PathLike[str],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    folds: Sequence[int] = (0, 1, 2, 3, 4),
    group: str = "D4",
    fields: Sequence[int] = FIELDS,
    epochs: int = 12,
    rows: NDArray[np.intp] | None = None,
    allowed: NDArray[Any] | None = None,
    start: str | os.PathLike[str] | None = None,
    learning_rate: float = 5e-3,
    pair: tuple[int, int] | None = None,
    pair_shares: NDArray[Any] | None = None,
    progress: bool = False,
) -> NDArray[np.float64]:
    """Log probabilities of every row from each network that has not seen it.

    Parameters
    ----------
    pool : Pool
        The given images.
    stamps : ndarray, shape (n, 4, 65, 65)
        Their stamps.
    folder : path-like
        Where finished networks are kept and found again.
    seeds, folds : sequence of int
        Which networks.
    group, fields, epochs
        See :func:`build_network` and :func:`~decan.radio_agn.fitting.fit_network`.
    rows : ndarray of int, optional
        Train on these rows only, less what a fold leaves out.
    allowed : ndarray, shape (n, n_classes), optional
        Other labels than the pool's.
    start : path-like, optional
        Folder of an earlier call: each network goes on from the one that left out the same
        fold; where ``allowed`` has other classes, its encoder alone does.
    learning_rate : float
        Largest learning rate.
    pair, pair_shares
        See :func:`~decan.radio_agn.fitting.fit_network`; a row of shares for each of the pool.
    progress : bool
        Whether to show bars.

    Returns
    -------
    ndarray of float, shape (n_seeds, n_folds, n, 5)
        By every network for every row, also for those it was trained on; see
        :func:`training_rows` for what each has not seen.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> table = pd.DataFrame({"catalogue": "Gendre", "fold": [0, 0, 1, 1], "group": range(4),
    ...                       "test_batch": False, "blank": False})
    >>> pool = Pool([np.zeros((4, 9, 9))], table, np.eye(2, dtype=bool)[[0, 1, 0, 1]])
    >>> stamps = np.random.default_rng(0).random((4, 4, 65, 65), dtype=np.float32)
    >>> cross_validate(pool, stamps, tempfile.mkdtemp(), seeds=(0,), folds=(0, 1), fields=(2,),
    ...                epochs=1).shape
    (1, 2, 4, 2)
    """
    labels = pool.allowed if allowed is None else allowed

    def one(seed: int, fold: int) -> NDArray[np.float64]:
        file = Path(folder) / f"fold{fold}-seed{seed}.npz"
        if file.exists():
            with np.load(file, allow_pickle=False) as kept:
                return np.asarray(kept["log_p"])
        network = build_network(labels.shape[1], group=group, fields=fields, random_state=seed)
        if start is not None:
            begun = kept_network(start, seed, fold, group=group, fields=fields)
            if labels.shape[1] == pool.allowed.shape[1]:
                network.load_state_dict(begun.state_dict())
            else:
                network.encoder.load_state_dict(begun.encoder.state_dict())
        chosen = training_rows(pool, fold)
        chosen = chosen if rows is None else np.intersect1d(chosen, rows)
        file.parent.mkdir(parents=True, exist_ok=True)
        history = fit_network(
            network,
            stamps[chosen],
            labels[chosen],
            weights=class_weights(soft_targets(labels[chosen])),
            pair=pair,
            pair_shares=None if pair_shares is None else pair_shares[chosen],
            epochs=epochs,
            learning_rate=learning_rate,
            checkpoint=file.with_suffix(".ckpt"),
            random_state=1000 * seed + fold + 1,
            progress=progress,
        )
        return _keep(file, network, network_logits(network, stamps), history)

    return np.stack([np.stack([one(seed, fold) for fold in folds]) for seed in seeds])


def kept_network(
    folder: str | os.PathLike[str],
    seed: int,
    fold: int,
    *,
    group: str = "D4",
    fields: Sequence[int] = FIELDS,
    n_classes: int = 5,
) -> MorphologyNetwork:
    """A network that :func:`cross_validate` trained, in ``eval`` mode.

    Parameters
    ----------
    folder : path-like
        The folder given to :func:`cross_validate`.
    seed, fold : int
        Which network.
    group, fields, n_classes
        As it was built.

    Returns
    -------
    MorphologyNetwork

    Examples
    --------
    >>> kept_network("networks", 0, 3)  # doctest: +SKIP
    MorphologyNetwork(...)
    """
    network = build_network(n_classes, group=group, fields=fields, random_state=seed)
    with np.load(Path(folder) / f"fold{fold}-seed{seed}.npz", allow_pickle=False) as kept:
        state = {name[2:]: torch.from_numpy(kept[name]) for name in kept if name.startswith("w ")}
    network.load_state_dict(state)
    return network.eval()


def _keep(
    file: Path, network: torch.nn.Module, log_p: NDArray[np.float64], history: History
) -> NDArray[np.float64]:
    kept: dict[str, Any] = {"log_p": log_p, **dict(_named(network))}
    kept["loss"] = np.array([record["loss"] for record in history.records])
    with replacing(file) as path, path.open("wb") as stream:
        np.savez_compressed(stream, **kept)
    file.with_suffix(".ckpt").unlink(missing_ok=True)
    return log_p


def _named(network: torch.nn.Module) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in network.state_dict().items():
        yield f"w {name}", value.detach().cpu().numpy()
