"""The shipped weights: how they are made, and on what."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.files import replacing

from .archive import CLASSES, DATASETS, Pool, given_images
from .blend import Blend, cross_blend
from .classifier import RadioMorphologyClassifier
from .crossval import FIELDS, cross_validate, kept_network, training_rows
from .evaluation import morphology_scores
from .features import morphology_features
from .stamps import network_stamps
from .trees import fit_trees, tree_logs

__all__ = ["Judged", "judge_given_images", "train_shipped"]

MORPHOLOGY = "first-morphology"
EPOCHS = {"shipped": 12, "quick": 1}
SEEDS = {"shipped": (0, 1, 2), "quick": (0,)}
_SHIPPED_TREES = 60


@dataclass(frozen=True)
class Judged:
    """The given images with what networks and trees say that have not seen them.

    Attributes
    ----------
    pool : Pool
        The images and labels.
    stamps : ndarray of float16, shape (n, 4, 65, 65)
        What networks see.
    features : ndarray of float32, shape (n, n_features)
        What trees see.
    members : ndarray of float, shape (n_seeds, n_folds, n, 5)
        Log probabilities by every network.
    networks : ndarray of float, shape (n_seeds, n, 5)
        Log probabilities out of fold.
    trees : ndarray of float, shape (n, 5)
        Log probabilities out of fold.
    blended : ndarray of float, shape (n, 5)
        Probabilities; weight and temperature of each fold come from the other folds.

    Examples
    --------
    >>> "blended" in Judged.__dataclass_fields__
    True
    """

    pool: Pool
    stamps: NDArray[np.float16]
    features: NDArray[np.float32]
    members: NDArray[np.float64]
    networks: NDArray[np.float64]
    trees: NDArray[np.float64]
    blended: NDArray[np.float64]


def judge_given_images(
    folder: str | os.PathLike[str],
    *,
    epochs: int = 12,
    seeds: tuple[int, ...] = (0, 1, 2),
    progress: bool = False,
) -> Judged:
    """Judge every given image by networks and trees that have not seen its group.

    Parameters
    ----------
    folder : path-like
        Keeps stamps, features and networks; what is there is not made again.
    epochs : int
        Passes over the data of each network.
    seeds : tuple of int
        Networks for each fold.
    progress : bool
        Whether to show bars.

    Returns
    -------
    Judged

    Raises
    ------
    DataNotAvailable
        If the given images are not at hand.

    Examples
    --------
    >>> judge_given_images("kept").blended.shape  # doctest: +SKIP
    (3714, 5)
    """
    keep = Path(folder)
    keep.mkdir(parents=True, exist_ok=True)
    pool = given_images()
    stamps, features = _prepared(pool, keep / "inputs.npz")
    members = cross_validate(
        pool, stamps, keep / f"networks-{epochs}", seeds=seeds, epochs=epochs, progress=progress
    )
    fold = pool.table["fold"].to_numpy()
    networks = members[:, fold, np.arange(len(pool))]
    trees = np.empty_like(networks[0])
    for one in np.unique(fold):
        rows, here = training_rows(pool, int(one)), fold == one
        forest = fit_trees(features[rows], pool.allowed[rows])
        trees[here] = tree_logs(forest, features[here], len(CLASSES))
    mean = np.log(np.exp(networks).mean(axis=0))
    blended, _ = cross_blend(mean, trees, pool.allowed, fold)
    return Judged(pool, stamps, features, members, networks, trees, blended)


def train_shipped(
    out: str | os.PathLike[str], *, preset: str = "shipped", progress: bool = True
) -> Path:
    """Train and write the weights that are shipped.

    Parameters
    ----------
    out : path-like
        Folder; what an interrupted run left there is gone on with.
    preset : {'shipped', 'quick'}
        Fifteen networks of 12 epochs, or five of one.
    progress : bool
        Whether to show bars.

    Returns
    -------
    pathlib.Path
        The artifact.

    Raises
    ------
    ValueError
        If the preset is not known.

    Examples
    --------
    What it made of the given images ships with the library:

    >>> RadioMorphologyClassifier.pretrained().manifest_["training"]["seeds"]
    [0, 1, 2]
    """
    if preset not in EPOCHS:
        raise ValueError(f"preset: found {preset!r}, expected 'shipped' or 'quick'")
    epochs, seeds = EPOCHS[preset], SEEDS[preset]
    keep = Path(out) / "kept"
    judged = judge_given_images(keep, epochs=epochs, seeds=seeds, progress=progress)
    pool = judged.pool
    made = RadioMorphologyClassifier(epochs=epochs, n_repeats=len(seeds), fields=list(FIELDS))
    made.classes_ = np.array(CLASSES)
    made.networks_ = [
        kept_network(keep / f"networks-{epochs}", seed, fold) for seed in seeds for fold in range(5)
    ]
    rows = training_rows(pool, -1)
    made.trees_ = fit_trees(
        judged.features[rows], pool.allowed[rows], n_trees=_SHIPPED_TREES, min_leaf=4
    )
    mean = np.log(np.exp(judged.networks).mean(axis=0))
    made.blend_ = Blend.fit(mean[rows], judged.trees[rows], pool.allowed[rows])
    return made.save(
        Path(out) / MORPHOLOGY,
        metrics=_metrics(judged),
        training={
            "command": f"decan radio-agn train --preset {preset}",
            "data": [
                {
                    "name": name,
                    "licence": DATASETS[name].licence,
                    "citation": DATASETS[name].citation,
                }
                for name in ("first_morph", "mirabest", "proctor_raw")
            ],
            "rows": len(rows),
            "left_out": "every group of MiraBest's test batch; from each network one fold",
            "seeds": list(seeds),
            "epochs": epochs,
        },
    )


def _metrics(judged: Judged) -> dict[str, Any]:
    """Out of fold, on the four classes of first_morph."""
    table = judged.pool.table
    four = list(CLASSES[:4])
    rows = np.flatnonzero(
        table["label"].isin(four) & (np.arange(len(table)) < len(judged.pool.images[0]))
        & ~table["blank"]
    )  # fmt: skip
    p = judged.blended[rows][:, :4]
    found = morphology_scores(table["label"].to_numpy()[rows], p / p.sum(1, keepdims=True), four)
    return {f"four classes, {name}": round(value.value, 4) for name, value in found.items()}


def _prepared(pool: Pool, file: Path) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    if file.exists():
        with np.load(file, allow_pickle=False) as kept:
            return kept["stamps"], kept["features"]
    stamps = [network_stamps(images).astype(np.float16) for images in pool.images]
    features = [
        morphology_features(images, stamps=part).astype(np.float32)
        for images, part in zip(pool.images, stamps, strict=True)
    ]
    both = np.concatenate(stamps), np.concatenate(features)
    with replacing(file) as path, path.open("wb") as stream:
        np.savez_compressed(stream, stamps=both[0], features=both[1])
    return both
