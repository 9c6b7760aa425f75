"""What the experiments share: images judged by networks and trees that have not seen them.

With the data folder these are the given catalogues and networks trained on their folds (kept
beside the results and made once); without it, or in the quick preset, simulated sources and
the shipped networks, which were trained on real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.experiment import Run
from decan.core.experiment.claims import REAL, SIMULATED, Provenance

from ..archive import CLASSES, Pool, allowed_classes
from ..blend import cross_blend, log_mean
from ..classifier import RadioMorphologyClassifier
from ..crossval import cross_validate, kept_network
from ..features import morphology_features
from ..fitting import ensemble_logits, network_logits
from ..shipped import RECIPES, judge_given_images
from ..simulate import simulate_bent_sources
from ..specialists import PAIR
from ..stamps import network_stamps
from ..trees import fit_trees, tree_logs

if TYPE_CHECKING:
    import pandas as pd

    from ..networks import MorphologyNetwork

__all__ = ["Material", "material", "pair", "plain_network", "subset"]

_GIVEN = ("first_morph", "mirabest", "proctor_raw")
_QUICK_SOURCES = 200
_QUICK_MEMBERS = 3
_PLAIN = (12, 24, 32, 40)


@dataclass(frozen=True)
class Material:
    """Images with their judgements.

    Attributes
    ----------
    table : pandas.DataFrame
        As in :class:`~decan.radio_agn.archive.Pool`.
    images : list of ndarray
        Stacks.
    allowed, stamps, features
        What labels allow; what networks and trees see.
    networks : ndarray, shape (n_seeds, n, 5)
        Log probabilities out of fold.
    first_cycle : ndarray, shape (n_seeds, n, 5)
        The same by the networks before their second cycle of training.
    trees : ndarray, shape (n, 5)
        Log probabilities out of fold.
    blended : ndarray, shape (n, 5)
        Calibrated probabilities out of fold.
    bent : dict of str to ndarray, shape (n, 2)
        WAT against NAT, out of fold: ``general`` networks, ``specialists`` and ``trees``
        (log probabilities), and ``blended`` (probabilities).
    members : list of list of MorphologyNetwork
        By seed and fold.
    all_members : ndarray, shape (n_seeds, n_folds, n, 5)
        Log probabilities by every network.
    provenance : Provenance
        Real or simulated.

    Examples
    --------
    >>> "blended" in Material.__dataclass_fields__
    True
    """

    table: pd.DataFrame
    images: list[NDArray[Any]]
    allowed: NDArray[np.bool_]
    stamps: NDArray[Any]
    features: NDArray[Any]
    networks: NDArray[np.float64]
    first_cycle: NDArray[np.float64]
    trees: NDArray[np.float64]
    blended: NDArray[np.float64]
    bent: dict[str, NDArray[np.float64]]
    members: list[list[MorphologyNetwork]]
    all_members: NDArray[np.float64]
    provenance: Provenance

    @property
    def morph(self) -> NDArray[np.bool_]:
        """Rows of the catalogue with all classes."""
        rows = np.arange(len(self.table)) < len(self.images[0])
        return rows & ~self.table["blank"].to_numpy()

    @property
    def mean_network(self) -> NDArray[np.float64]:
        """Mean log probability of the networks, (n, 5)."""
        return log_mean(self.networks)


def material(run: Run) -> Material:
    """Images and judgements for a run, and its inputs written down.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    Material

    Examples
    --------
    >>> material(run).provenance  # doctest: +SKIP
    <Provenance.REAL: 'REAL'>
    """
    real = run.preset != "quick" and all(run.has(name) for name in _GIVEN)
    if not real:
        run.used(f"{_QUICK_SOURCES} simulated sources", provenance=SIMULATED, n=_QUICK_SOURCES)
        if run.preset != "quick":
            run.note("The data folder is not at hand: simulated sources, shipped networks.")
        return _simulated(run.seed)
    for name in _GIVEN:
        run.load(name)
    return _real(str(run.folder.parent / "kept"))


def plain_network(run: Run, m: Material) -> MorphologyNetwork:
    """An ordinary network trained like one of the first cycle, which has not seen fold 0.

    Parameters
    ----------
    run : Run
        The run, beside whose results it is kept.
    m : Material
        Real images.

    Returns
    -------
    MorphologyNetwork

    Examples
    --------
    >>> plain_network(run, m)  # doctest: +SKIP
    MorphologyNetwork(...)
    """
    epochs = RECIPES["shipped"].first
    keep = run.folder.parent / "kept" / f"plain-{epochs}"
    pool = Pool(m.images, m.table, m.allowed)
    told: dict[str, Any] = {"group": "plain", "fields": _PLAIN}
    cross_validate(pool, m.stamps, keep, seeds=(0,), folds=(0,), epochs=epochs, **told)
    return kept_network(keep, 0, 0, **told)


def subset(rows: NDArray[np.bool_], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """At most ``n`` of the rows, drawn at random, in order.

    Parameters
    ----------
    rows : ndarray of bool
        Which rows there are.
    n : int
        How many at most.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> subset(np.array([True, False, True]), 5, np.random.default_rng(0))
    array([0, 2])
    """
    index = np.flatnonzero(rows)
    return np.sort(rng.permutation(index)[:n])


def pair(p: NDArray[np.float64], first: int, second: int) -> NDArray[np.float64]:
    """Probabilities of two classes, given that it is one of them.

    Parameters
    ----------
    p : ndarray, shape (n, n_classes)
        Probabilities.
    first, second : int
        The two columns.

    Returns
    -------
    ndarray, shape (n, 2)

    Examples
    --------
    >>> pair(np.array([[0.5, 0.25, 0.25]]), 1, 2)
    array([[0.5, 0.5]])
    """
    two = p[:, [first, second]]
    return np.asarray(two / two.sum(axis=1, keepdims=True))


@lru_cache(maxsize=1)
def _real(keep: str) -> Material:
    recipe, folder = RECIPES["shipped"], Path(keep)
    judged = judge_given_images(folder, recipe)
    members = [
        [kept_network(recipe.folder(folder), seed, fold) for fold in range(5)]
        for seed in recipe.seeds
    ]
    return Material(
        judged.pool.table,
        list(judged.pool.images),
        judged.pool.allowed,
        judged.stamps,
        judged.features,
        judged.networks,
        judged.first_cycle,
        judged.trees,
        judged.blended,
        judged.bent,
        members,
        judged.members,
        REAL,
    )


@lru_cache(maxsize=1)
def _simulated(seed: int) -> Material:
    made = simulate_bent_sources(
        _QUICK_SOURCES,
        fractions=dict.fromkeys(CLASSES, 0.2),
        flux_mjy=(20.0, 500.0),
        label_noise=True,
        rng=seed,
    )
    table = made.table.assign(
        source_id=[f"S{k:04d}" for k in range(len(made))],
        catalogue="simulated",
        fold=np.arange(len(made)) % 5,
        group=np.arange(len(made)),
        test_batch=False,
        certain=True,
        blank=False,
        size_arcmin=made.table["length_arcsec"] / 30,
        code="",
        batch="",
    )
    stamps = network_stamps(made.images)
    features = morphology_features(made.images, stamps=stamps)
    classifier = RadioMorphologyClassifier.pretrained()
    shipped = classifier.networks_[:_QUICK_MEMBERS]
    networks = np.stack([network_logits(net, stamps) for net in shipped])
    allowed = allowed_classes(table["label"])
    fold = table["fold"].to_numpy()
    trees = np.empty_like(networks[0])
    for one in range(5):
        forest = fit_trees(features[fold != one], allowed[fold != one], n_trees=60)
        trees[fold == one] = tree_logs(forest, features[fold == one], len(CLASSES))
    blended, _ = cross_blend(log_mean(networks), trees, allowed, fold)
    members = [[net] * 5 for net in shipped]
    bent = {
        "general": log_mean(networks)[:, list(PAIR)],
        "specialists": log_mean(ensemble_logits(classifier.specialists_, stamps)),
        "trees": np.log(pair(np.exp(trees), *PAIR)),
        "blended": pair(blended, *PAIR),
    }
    return Material(
        table,
        [made.images],
        allowed,
        stamps,
        features,
        networks,
        networks,
        trees,
        blended,
        bent,
        members,
        np.repeat(networks[:, None], 5, axis=1),
        SIMULATED,
    )
