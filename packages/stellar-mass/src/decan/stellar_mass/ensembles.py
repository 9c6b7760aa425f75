"""Many small networks in one vectorised loop: cross-fitting, and sets of inputs side by side.

Every fold, every member and every set of columns is one member of one ensemble
(:func:`decan.core.training.fit_ensemble`), so that a scan over tens of sets costs little more
than the largest of them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.splits import group_folds

from .crossfit import CrossFit, normal_scores, pooled_with_parts
from .densities import MixtureDensity
from .inputs import Columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import nn

# The folds of a union and of its parts must be the same.
_FOLDS_SEED = 20_250_923

__all__ = ["NetworkFitter", "cross_fit_sets", "standard_columns", "train_members", "with_parts"]


class NetworkFitter:
    """Cross-fitting by small mixture networks, with the manners of ``CrossFitter``.

    Parameters
    ----------
    folds : int
        Folds by group.
    members : int
        Networks a fold.
    epochs : int, optional
        Passes over the data; by the number of rows without it.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(300, 1))
    >>> fit = NetworkFitter(folds=2, members=1, epochs=5, rng=0).fit(x, x[:, 0])
    >>> fit.predictions.shape
    (300, 1)
    """

    def __init__(
        self,
        *,
        folds: int = 5,
        members: int = 2,
        epochs: int | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.folds, self.members, self.epochs = folds, members, epochs
        self.seed = int(np.random.default_rng(rng).integers(2**31))

    def fit(
        self,
        x: Columns | ArrayLike,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        parts: Sequence[CrossFit] = (),
    ) -> CrossFit:
        """Out-of-fold densities of y given x.

        Parameters
        ----------
        x : Columns or array_like, shape (n, d)
            Inputs, NaN where missing.
        y : array_like, shape (n,)
            Target.
        groups : array_like, shape (n,), optional
            Rows of one group are never on both sides of a fold.
        parts : sequence of CrossFit
            Fits from parts of the columns on the same rows, which join the pool.

        Returns
        -------
        CrossFit
        """
        values = x.values if isinstance(x, Columns) else np.asarray(x, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        [fitted] = cross_fit_sets(
            values, [np.arange(values.shape[1])], y, groups=groups, folds=self.folds,
            members=self.members, epochs=self.epochs, rng=self.seed,
        )  # fmt: skip
        return with_parts(fitted, parts, groups, self.folds) if parts else fitted


def cross_fit_sets(
    values: NDArray[np.float64],
    sets: Sequence[ArrayLike],
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    folds: int = 5,
    members: int = 2,
    hidden: int = 48,
    epochs: int | None = None,
    rng: np.random.Generator | int | None = None,
) -> list[CrossFit]:
    """Out-of-fold densities of y given each of several sets of columns, trained together.

    Parameters
    ----------
    values : ndarray, shape (n, d)
        All columns, NaN where missing.
    sets : sequence of integer arrays
        Columns of each set.
    y : array_like, shape (n,)
        Target.
    groups : array_like, shape (n,), optional
        Rows of one group are never on both sides of a fold.
    folds, members : int
        Folds by group, and networks for each set and fold.
    hidden : int
        Width of the networks' hidden layers.
    epochs : int, optional
        Passes over the data; by the number of rows without it.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    list of CrossFit
        One a set.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> fits = cross_fit_sets(x, [[0], [0, 1]], x[:, 0], folds=2, members=1, epochs=2, rng=0)
    >>> len(fits)
    2
    """
    import torch

    from .networks import PhotometryNetwork, seeded

    generator = np.random.default_rng(rng)
    seed = int(generator.integers(2**31))
    score = normal_scores(y)
    n = len(score)
    labels = np.arange(n) if groups is None else np.asarray(groups)
    cuts = group_folds(labels, folds, rng=_FOLDS_SEED)
    columns, owner = standard_columns(values)
    networks, rows, held, place = [], [], [], []
    for s, chosen in enumerate(sets):
        mix = torch.from_numpy(_whitening(columns, np.isin(owner, np.asarray(chosen))))
        for f, (train, _) in enumerate(cuts):
            inner = group_folds(labels[train], max(members, 2) + 2, rng=seed + f)
            for m in range(members):
                networks.append(
                    seeded(
                        seed + 1009 * s + 31 * f + m,
                        lambda mix=mix: PhotometryNetwork(columns.shape[1], hidden=hidden, mix=mix),
                    )
                )
                rows.append(train[inner[m][0]])
                held.append(train[inner[m][1]])
                place.append((s, f))
    train_members(networks, columns, score, rows, held, epochs=epochs, rng=seed)
    found = []
    for s in range(len(sets)):
        density = _assembled(networks, columns, cuts, place, s, n)
        prediction = density.expected()[:, None]
        found.append(pooled_with_parts(density, prediction, score, cuts, ()))
    return found


def with_parts(
    union: CrossFit,
    parts: Sequence[CrossFit],
    groups: ArrayLike | None,
    folds: int,
) -> CrossFit:
    """The fit of a union, pooled with those of its parts on the same folds.

    Parameters
    ----------
    union : CrossFit
        From all columns.
    parts : sequence of CrossFit
        From parts of them, on the same rows.
    groups : array_like, shape (n,), optional
        As they were fitted with.
    folds : int
        As they were fitted with.

    Returns
    -------
    CrossFit

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> one, both = cross_fit_sets(x, [[0], [0, 1]], x[:, 0], folds=2, members=1, epochs=2, rng=0)
    >>> with_parts(both, [one], None, 2).weights.shape
    (2, 3)
    """
    n = len(union.score)
    cuts = group_folds(
        np.arange(n) if groups is None else np.asarray(groups), folds, rng=_FOLDS_SEED
    )
    return pooled_with_parts(union.density, union.predictions, union.score, cuts, parts)


def train_members(
    networks: Sequence[nn.Module],
    columns: NDArray[np.float32],
    target: NDArray[np.float64],
    rows: Sequence[NDArray[np.intp]],
    held: Sequence[NDArray[np.intp]],
    *,
    epochs: int | None = None,
    rng: int = 0,
    progress: bool = False,
) -> Any:
    """Train small networks side by side, each on its rows, each kept at its best epoch.

    Parameters
    ----------
    networks : sequence of PhotometryNetwork
        Of one architecture; trained in place.
    columns : ndarray of float32, shape (n, d)
        Standardised inputs without gaps.
    target : ndarray, shape (n,)
        Standardised values, or numbers of bins.
    rows, held : sequence of integer arrays
        On which rows each network trains, and on which its best epoch is chosen.
    epochs : int, optional
        Passes over the data; by the number of rows without it.
    rng : int
        Seed.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    decan.core.training.History

    Examples
    --------
    >>> from decan.stellar_mass.networks import PhotometryNetwork
    >>> x = np.random.default_rng(0).normal(size=(64, 1)).astype(np.float32)
    >>> halves = [np.arange(32)], [np.arange(32, 64)]
    >>> history = train_members([PhotometryNetwork(1)], x, x[:, 0], *halves, epochs=2)
    >>> len(history.records)
    2
    """
    import torch

    from decan.core.training import fit_ensemble

    n = max(len(one) for one in rows)
    batch, passes = _plan(n)
    passes = passes if epochs is None else epochs

    def loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict]:
        head: Any = model.head
        return head.loss(model(batch["x"]), batch["y"]), {}

    data = {
        "x": torch.from_numpy(columns),
        "y": torch.from_numpy(np.asarray(target, dtype=np.float32)),
    }
    return fit_ensemble(
        networks, data, loss, rows=rows, validation_rows=held, epochs=passes, batch_size=batch,
        learning_rate=5e-3, weight_decay=0.1, schedule="cosine", clip=1.0, patience=passes,
        device="cpu", rng=rng, progress=progress,
    )  # fmt: skip


def standard_columns(
    values: NDArray[np.float64],
    centre: NDArray[np.float64] | None = None,
    width: NDArray[np.float64] | None = None,
    gaps: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Columns with mean 0 and width 1, gaps as 0 with a flag, and what each column stems from.

    Parameters
    ----------
    values : ndarray, shape (n, d)
        NaN where missing.
    centre, width : ndarray, shape (d,), optional
        As fitted before; from these rows without them.
    gaps : integer array, optional
        Columns with a flag; those with missing values here without it.

    Returns
    -------
    columns : ndarray of float32, shape (n, d + flags)
    owner : integer array, shape (d + flags,)
        Number of the column behind each.

    Examples
    --------
    >>> standard_columns(np.array([[1.0], [3.0], [np.nan]]))[0].tolist()
    [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    centre, width = moments(values) if centre is None or width is None else (centre, width)
    missing = np.isnan(values)
    scaled = np.clip(np.where(missing, 0.0, (values - centre) / width), -6, 6)
    flags = np.flatnonzero(missing.any(axis=0)) if gaps is None else gaps
    columns = np.concatenate([scaled, missing[:, flags]], axis=1).astype(np.float32)
    return columns, np.concatenate([np.arange(values.shape[1]), flags]).astype(np.intp)


def moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and width of each column where it is known, 0 and 1 where nothing is."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, values, 0).sum(axis=0) / count
    square = np.where(known, (values - centre) ** 2, 0).sum(axis=0) / count
    return centre, np.where(square > 0, np.sqrt(square), 1.0)


def mixture_of(network: Any, columns: NDArray[np.float32]) -> MixtureDensity:
    """Densities that a mixture network gives for rows."""
    import torch

    from .networks import mixture

    with torch.inference_mode():
        log_weight, mean, log_sd = mixture(network(torch.from_numpy(columns)))
    return MixtureDensity(
        log_weight.exp().double().numpy(), mean.double().numpy(), log_sd.exp().double().numpy()
    )


def _whitening(columns: NDArray[np.float32], used: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Matrix to uncorrelated combinations of the used columns, each of width 1.

    Magnitudes of one galaxy are nearly equal; what tells masses apart are their differences.
    """
    chosen = np.flatnonzero(used)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(columns[:, chosen].T.astype(float))))
    # Directions of a thousandth of the largest variance are measurement noise.
    scaled = vectors / np.sqrt(np.maximum(values, 1e-3 * values[-1] + 1e-12))
    out = np.zeros((columns.shape[1], columns.shape[1]), dtype=np.float32)
    out[np.ix_(chosen, chosen)] = scaled
    return out


def _assembled(
    networks: Sequence[Any],
    columns: NDArray[np.float32],
    cuts: Sequence[Any],
    place: Sequence[tuple[int, int]],
    chosen: int,
    n: int,
) -> MixtureDensity:
    """The pooled out-of-fold densities of one set."""
    parts: list[tuple[NDArray[np.intp], MixtureDensity]] = []
    for f, (_, test) in enumerate(cuts):
        mine = [net for net, where in zip(networks, place, strict=True) if where == (chosen, f)]
        parts.append((test, MixtureDensity.pool([mixture_of(net, columns[test]) for net in mine])))
    k = parts[0][1].weight.shape[1]
    whole = MixtureDensity(*(np.empty((n, k)) for _ in range(3)))
    for test, one in parts:
        whole.weight[test], whole.mean[test], whole.sd[test] = one.weight, one.mean, one.sd
    return whole


def _plan(n: int) -> tuple[int, int]:
    """Rows of a batch and passes over the data, about 4,000 steps whatever the size."""
    batch = 64 if n < 5_000 else 256 if n < 50_000 else 1024
    return batch, int(np.clip(4_000 * batch / n, 6, 150))
