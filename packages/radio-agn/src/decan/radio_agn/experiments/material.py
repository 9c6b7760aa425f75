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

from ..archive import CLASSES, allowed_classes
from ..blend import cross_blend
from ..classifier import RadioMorphologyClassifier
from ..crossval import kept_network
from ..features import morphology_features
from ..fitting import network_logits
from ..shipped import EPOCHS, SEEDS, judge_given_images
from ..simulate import simulate_bent_sources
from ..specialists import judge_bent
from ..stamps import network_stamps
from ..trees import fit_trees, tree_logs

if TYPE_CHECKING:
    import pandas as pd

    from ..networks import MorphologyNetwork

__all__ = ["Material", "material", "pair", "subset"]

_GIVEN = ("first_morph", "mirabest", "proctor_raw")
_QUICK_SOURCES = 200
_QUICK_MEMBERS = 3


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
    trees : ndarray, shape (n, 5)
        Log probabilities out of fold.
    blended : ndarray, shape (n, 5)
        Calibrated probabilities out of fold.
    bent : dict of str to ndarray, shape (n, 2)
        WAT against NAT by specialists: ``networks`` and ``trees`` (log probabilities) and
        ``blended`` (probabilities), out of fold.
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
        return np.asarray(np.log(np.exp(self.networks).mean(axis=0)))


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
    epochs, seeds = EPOCHS["shipped"], SEEDS["shipped"]
    judged = judge_given_images(keep, epochs=epochs, seeds=seeds)
    folder = Path(keep) / f"networks-{epochs}"
    members = [[kept_network(folder, seed, fold) for fold in range(5)] for seed in seeds]
    bent = judge_bent(
        judged.pool,
        judged.stamps,
        judged.features,
        Path(keep) / f"bent-{epochs}",
        folder,
        seeds=seeds,
    )
    return Material(
        judged.pool.table,
        list(judged.pool.images),
        judged.pool.allowed,
        judged.stamps,
        judged.features,
        judged.networks,
        judged.trees,
        judged.blended,
        bent,
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
    shipped = RadioMorphologyClassifier.pretrained().networks_[:_QUICK_MEMBERS]
    networks = np.stack([network_logits(net, stamps) for net in shipped])
    allowed = allowed_classes(table["label"])
    fold = table["fold"].to_numpy()
    trees = np.empty_like(networks[0])
    for one in range(5):
        forest = fit_trees(features[fold != one], allowed[fold != one], n_trees=60)
        trees[fold == one] = tree_logs(forest, features[fold == one], len(CLASSES))
    blended, _ = cross_blend(np.log(np.exp(networks).mean(axis=0)), trees, allowed, fold)
    members = [[net] * 5 for net in shipped]
    bent = {
        "networks": np.log(pair(np.exp(networks).mean(axis=0), 2, 3)),
        "trees": np.log(pair(np.exp(trees), 2, 3)),
        "blended": pair(blended, 2, 3),
    }
    return Material(
        table,
        [made.images],
        allowed,
        stamps,
        features,
        networks,
        trees,
        blended,
        bent,
        members,
        np.repeat(networks[:, None], 5, axis=1),
        SIMULATED,
    )
