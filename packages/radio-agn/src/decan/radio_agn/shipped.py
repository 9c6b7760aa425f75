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
from .blend import Blend, cross_blend, log_mean, within
from .classifier import RadioMorphologyClassifier
from .crossval import FIELDS, cross_validate, kept_network, training_rows
from .evaluation import morphology_scores
from .features import features_of
from .specialists import BENT, PAIR, asked_shares, judge_bent, pair_blend
from .stamps import STAMP_MASKER, stamps_of
from .trees import fit_trees, tree_logs

__all__ = ["RECIPES", "Judged", "Recipe", "judge_given_images", "train_shipped"]

MORPHOLOGY = "first-morphology"
_SHIPPED_TREES = 60
_SECOND_RATE = 4e-3
_AT_ONCE = 64


@dataclass(frozen=True)
class Recipe:
    """How long the networks are trained.

    Attributes
    ----------
    first, second : int
        Epochs of a first cycle on all classes, and of a second one that goes on from it and
        asks once more, in one convention, whether tails are wide or narrow.
    special : int
        Epochs of specialists for that question, which begin after the first cycle.
    seeds : tuple of int
        Networks for each fold, and specialists.

    Examples
    --------
    >>> RECIPES["quick"].first
    1
    """

    first: int
    second: int
    special: int
    seeds: tuple[int, ...]

    def first_folder(self, keep: Path) -> Path:
        """Where the networks of the first cycle are kept."""
        return keep / f"networks-{self.first}"

    def folder(self, keep: Path) -> Path:
        """Where the networks of the second cycle are kept."""
        return keep / f"networks-{self.first}-{self.second}"

    def special_folder(self, keep: Path) -> Path:
        """Where the specialists are kept."""
        return keep / f"bent-{self.special}"


RECIPES = {
    "shipped": Recipe(12, 20, 12, (0, 1, 2)),
    "quick": Recipe(1, 1, 1, (0,)),
}
"""The recipe of the shipped weights, and one to try the command with."""


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
    first_cycle : ndarray of float, shape (n_seeds, n, 5)
        Log probabilities out of fold after the first cycle.
    trees : ndarray of float, shape (n, 5)
        Log probabilities out of fold.
    bent : dict of str to ndarray
        WAT against NAT, see :func:`~decan.radio_agn.specialists.judge_bent`.
    blended : ndarray of float, shape (n, 5)
        Probabilities by networks, trees and specialists; all weights and the temperature of
        each fold come from the other folds.

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
    first_cycle: NDArray[np.float64]
    trees: NDArray[np.float64]
    bent: dict[str, NDArray[np.float64]]
    blended: NDArray[np.float64]


def judge_given_images(
    folder: str | os.PathLike[str], recipe: Recipe, *, progress: bool = False
) -> Judged:
    """Judge every given image by networks and trees that have not seen its group.

    Parameters
    ----------
    folder : path-like
        Keeps stamps, features and networks; what is there is not made again.
    recipe : Recipe
        How long, and how many networks.
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
    >>> judge_given_images("kept", RECIPES["shipped"]).blended.shape  # doctest: +SKIP
    (3714, 5)
    """
    keep = Path(folder)
    keep.mkdir(parents=True, exist_ok=True)
    pool = given_images()
    stamps, features = _prepared(pool, keep / "inputs-2.npz")
    start = recipe.first_folder(keep)
    first = cross_validate(
        pool, stamps, start, seeds=recipe.seeds, epochs=recipe.first, progress=progress
    )
    members = cross_validate(
        pool,
        stamps,
        recipe.folder(keep),
        seeds=recipe.seeds,
        epochs=recipe.second,
        learning_rate=_SECOND_RATE,
        start=start,
        pair=PAIR,
        pair_shares=asked_shares(pool),
        progress=progress,
    )
    fold, row = pool.table["fold"].to_numpy(), np.arange(len(pool))
    networks = members[:, fold, row]
    mean = log_mean(networks)
    trees = _judged_by_trees(pool, features)
    bent = judge_bent(
        pool,
        stamps,
        features,
        mean[:, list(PAIR)],
        recipe.special_folder(keep),
        start,
        seeds=recipe.seeds,
        epochs=recipe.special,
    )
    blended, _ = cross_blend(mean, trees, pool.allowed, fold)
    blended = within(blended, PAIR, bent["blended"])
    return Judged(
        pool, stamps, features, members, networks, first[:, fold, row], trees, bent, blended
    )


def train_shipped(
    out: str | os.PathLike[str], *, preset: str = "shipped", progress: bool = True
) -> Path:
    """Train and write the weights that are shipped.

    Parameters
    ----------
    out : path-like
        Folder; what an interrupted run left there is gone on with.
    preset : {'shipped', 'quick'}
        See :data:`RECIPES`.
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
    [0]
    """
    if preset not in RECIPES:
        raise ValueError(f"preset: found {preset!r}, expected 'shipped' or 'quick'")
    recipe, keep = RECIPES[preset], Path(out) / "kept"
    judged = judge_given_images(keep, recipe, progress=progress)
    pool = judged.pool
    made = RadioMorphologyClassifier(
        epochs=recipe.first + recipe.second,
        n_repeats=1,
        fields=list(FIELDS),
    )
    made.classes_ = np.array(CLASSES)
    # One seed is shipped: more of them tell little more and take their time with every cutout.
    shipped = recipe.seeds[0]
    made.networks_ = [kept_network(recipe.folder(keep), shipped, fold) for fold in range(5)]
    rows = training_rows(pool, -1)
    made.trees_ = fit_trees(
        judged.features[rows], pool.allowed[rows], n_trees=_SHIPPED_TREES, min_leaf=4
    )
    mean = log_mean(judged.networks)
    made.blend_ = Blend.fit(mean[rows], judged.trees[rows], pool.allowed[rows])
    special = recipe.special_folder(keep)
    made.pair_ = BENT
    made.specialists_ = [kept_network(special, shipped, k, n_classes=2) for k in range(5)]
    made.pair_blend_ = pair_blend(pool, rows, judged.bent["general"], judged.bent["specialists"])
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
            "seeds": [shipped],
            "epochs": [recipe.first, recipe.second],
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


def _judged_by_trees(pool: Pool, features: NDArray[np.float32]) -> NDArray[np.float64]:
    fold = pool.table["fold"].to_numpy()
    trees = np.empty((len(pool), len(CLASSES)))
    for one in np.unique(fold):
        rows, here = training_rows(pool, int(one)), fold == one
        forest = fit_trees(features[rows], pool.allowed[rows])
        trees[here] = tree_logs(forest, features[here], len(CLASSES))
    return trees


def _prepared(pool: Pool, file: Path) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    if file.exists():
        with np.load(file, allow_pickle=False) as kept:
            return kept["stamps"], kept["features"]
    stamps, features = [], []
    for images in pool.images:
        for start in range(0, len(images), _AT_ONCE):
            found = STAMP_MASKER.islands(images[start : start + _AT_ONCE])
            seen = stamps_of(found)
            stamps.append(seen.astype(np.float16))
            features.append(features_of(found, seen).astype(np.float32))
    both = np.concatenate(stamps), np.concatenate(features)
    with replacing(file) as path, path.open("wb") as stream:
        np.savez_compressed(stream, stamps=both[0], features=both[1])
    return both
