"""The user's object: cutouts go in, calibrated probabilities of the morphologies come out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from decan.core.data.splits import group_folds
from decan.core.saved import Saved

from .blend import Blend, PairBlend, log_mean, within
from .crossval import FIELDS, build_network
from .cutouts import CutoutSet
from .features import features_of
from .fitting import (
    class_weights,
    ensemble_logits,
    fit_network,
    network_logits,
    soft_targets,
)
from .islands import Islands
from .masking import SourceMasker
from .networks import MorphologyNetwork
from .stamps import lost_flux, network_stamps, stamps_of
from .trees import fit_trees, tree_logs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RadioMorphologyClassifier"]

_UNFIT = ("blank", "edge", "low_snr", "failed")
_AT_ONCE = 64
_ASKED = 0.05


class RadioMorphologyClassifier(ClassifierMixin, BaseEstimator, Saved):
    """Morphology of radio galaxies, the same whichever way the picture is turned.

    An ensemble of small equivariant networks and trees on hand-made features. Each network
    leaves out one fold of the training sources; on what was left out, the weight of the two
    opinions and the temperature of the probabilities are found.

    Parameters
    ----------
    group : str
        Symmetry of the networks, such as ``"D4"``; ``"plain"`` for an ordinary network.
    fields : sequence of int
        Fields (or channels) of the layers.
    n_folds, n_repeats : int
        Networks: one for each fold and repeat.
    epochs : int
        Passes over the data of each network.
    class_weight : float
        0 gives every source the same weight, 1 every class.
    smoothing : float
        Share of every label that is spread over all classes.
    random_state : int
        Seed.

    Attributes
    ----------
    classes_ : ndarray of str
        Order of the columns of ``predict_proba``.
    blend_ : Blend
        Weight of the networks and temperature.
    specialists_ : list of MorphologyNetwork
        Networks for the classes named in ``pair_`` alone, in the shipped classifier.
    out_of_fold_ : ndarray of float, shape (n, n_classes)
        Probabilities of the training sources from members that have not seen them, before
        the temperature; NaN for rows that were left out.

    Examples
    --------
    >>> from decan.radio_agn import simulate_bent_sources
    >>> made = simulate_bent_sources(2, fractions={"FRII": 1}, flux_mjy=(100, 200), rng=2)
    >>> classifier = RadioMorphologyClassifier.pretrained()
    >>> classifier.predict_proba(made.images).shape
    (2, 5)
    """

    _shipped = "first-morphology"

    def __init__(
        self,
        *,
        group: str = "D4",
        fields: Sequence[int] = FIELDS,
        n_folds: int = 5,
        n_repeats: int = 1,
        epochs: int = 60,
        class_weight: float = 0.5,
        smoothing: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.group = group
        self.fields = fields
        self.n_folds = n_folds
        self.n_repeats = n_repeats
        self.epochs = epochs
        self.class_weight = class_weight
        self.smoothing = smoothing
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike | CutoutSet,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        classes: Sequence[str] | None = None,
        encoder: dict[str, torch.Tensor] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> RadioMorphologyClassifier:
        """Train on cutouts.

        Parameters
        ----------
        X : CutoutSet or array_like, shape (n, ny, nx)
            Cutouts with 1.8 arcsec pixels.
        y : array_like of str, shape (n,), or of float, shape (n, n_classes)
            Labels, or shares of the classes (soft labels). A row of ones and zeros with
            several ones says that any of these is possible.
        groups : array_like, shape (n,), optional
            Rows of one source share a group; no fold divides it.
        classes : sequence of str, optional
            Names of the columns of ``y`` where it holds shares; order of the classes.
        encoder : dict of str to torch.Tensor, optional
            Weights of a pre-trained encoder, such as those of
            :attr:`decan.radio_agn.BYOL.encoder_`.
        checkpoint : path-like, optional
            Folder in which networks in training keep themselves.
        progress : bool
            Whether to show bars.

        Returns
        -------
        RadioMorphologyClassifier

        Raises
        ------
        ValueError
            If only one class is there, one has fewer groups than folds, a label is missing,
            or lengths differ.
        """
        cutouts = _cutouts(X)
        allowed, self.classes_ = _shares(y, classes)
        if len(allowed) != len(cutouts):
            raise ValueError(f"y: found {len(allowed)} rows, X has {len(cutouts)}")
        stamps, features, status = self._prepared(cutouts)
        rows = np.flatnonzero(~np.isin(status, _UNFIT))
        allowed = allowed[rows]
        _refuse_few(allowed, self.classes_, self.n_folds)
        if groups is not None and len(np.asarray(groups)) != len(cutouts):
            raise ValueError(f"groups: found {len(np.asarray(groups))}, X has {len(cutouts)} rows")
        kept = rows if groups is None else np.asarray(groups)[rows]
        networks = np.full((self.n_repeats, len(rows), len(self.classes_)), np.nan)
        trees = np.full((len(rows), len(self.classes_)), np.nan)
        self.networks_: list[MorphologyNetwork] = []
        self.pair_: tuple[str, ...] = ()
        self.specialists_: list[MorphologyNetwork] = []
        folds = group_folds(
            kept, self.n_folds, stratify=allowed.argmax(axis=1), rng=self.random_state
        )
        for number, (train, test) in enumerate(folds):
            forest = fit_trees(features[rows[train]], allowed[train], random_state=number)
            trees[test] = tree_logs(forest, features[rows[test]], len(self.classes_))
            for repeat in range(self.n_repeats):
                seed = self.random_state + 100 * repeat + number
                network = self._member(
                    stamps[rows[train]], allowed[train], seed, encoder, checkpoint, progress
                )
                networks[repeat, test] = network_logits(network, stamps[rows[test]])
                self.networks_.append(network)
        average = log_mean(networks)
        self.blend_ = Blend.fit(average, trees, allowed)
        self.trees_ = fit_trees(features[rows], allowed, random_state=self.random_state)
        self.out_of_fold_ = np.full((len(cutouts), len(self.classes_)), np.nan)
        self.out_of_fold_[rows] = Blend(self.blend_.weight)(average, trees)
        return self

    def predict_proba(self, X: ArrayLike | CutoutSet) -> NDArray[np.float64]:
        """Probability of each class; a row sums to 1, or is NaN where nothing can be judged.

        Parameters
        ----------
        X : CutoutSet or array_like, shape (n, ny, nx)
            Cutouts.

        Returns
        -------
        ndarray of float, shape (n, n_classes)
            Columns as ``classes_``. Blank images, images that are mostly unobserved and
            images without a significant source give NaN, and a warning names them.
        """
        return self._judged(_cutouts(X))[0]

    def predict(self, X: ArrayLike | CutoutSet) -> NDArray[Any]:
        """Most probable class; an empty string where nothing can be judged.

        Parameters
        ----------
        X : CutoutSet or array_like, shape (n, ny, nx)
            Cutouts.

        Returns
        -------
        ndarray of str, shape (n,)
        """
        p = self.predict_proba(X)
        known = np.isfinite(p).all(axis=1)
        best = np.nan_to_num(p).argmax(axis=1)
        return np.where(known, self.classes_[best], "")

    def classify(self, X: ArrayLike | CutoutSet) -> pd.DataFrame:
        """A catalogue: class, probability with its spread, and the state of each cutout.

        Parameters
        ----------
        X : CutoutSet or array_like, shape (n, ny, nx)
            Cutouts.

        Returns
        -------
        pandas.DataFrame
            ``name``, ``ra``, ``dec`` (degrees), ``class``, ``probability``, ``spread``
            (standard deviation over the networks), a column ``p_CLASS`` a class,
            ``status``, ``flux_removed`` (share of the flux that belongs to neighbours),
            ``lost_flux`` (share outside the window), ``note``.
        """
        cutouts = _cutouts(X)
        p, spread, report, lost = self._judged(cutouts)
        known = np.isfinite(p).all(axis=1)
        best = np.nan_to_num(p).argmax(axis=1)
        row = np.arange(len(p))
        table = cutouts.table()[["name", "ra", "dec", "note"]]
        table.insert(3, "class", np.where(known, self.classes_[best], ""))
        table.insert(4, "probability", p[row, best])
        table.insert(5, "spread", np.where(known, spread[row, best], np.nan))
        for column, name in enumerate(self.classes_):
            table[f"p_{name}"] = p[:, column]
        table["status"] = report["status"]
        table["flux_removed"] = report["flux_removed"]
        table["lost_flux"] = lost
        return table[[*(c for c in table if c != "note"), "note"]]

    def embed(self, X: ArrayLike | CutoutSet) -> NDArray[np.float64]:
        """Embedding by the encoders of all members, the same for turned pictures.

        Parameters
        ----------
        X : CutoutSet or array_like, shape (n, ny, nx)
            Cutouts.

        Returns
        -------
        ndarray of float, shape (n, n_members * n_features)
        """
        stamps = network_stamps(_cutouts(X).images)
        parts = []
        with torch.no_grad():
            for network in self.networks_:
                batches = torch.from_numpy(stamps).split(128)
                parts.append(torch.cat([network.encoder(batch) for batch in batches]).double())
        return np.asarray(torch.cat(parts, dim=1))

    def _judged(
        self, cutouts: CutoutSet
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], pd.DataFrame, NDArray[np.float64]]:
        import pandas as pd

        n, width = len(cutouts), len(self.classes_)
        p, lost = np.full((n, width), np.nan), np.full(n, np.nan)
        spread = p.copy()
        reports = []
        for start in range(0, n, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found, report = _taken_apart(cutouts.images[part])
            delivered = np.array([state != "failed" for state in cutouts.status[part]], dtype=bool)
            report.loc[~delivered, "status"] = "failed"
            reports.append(report)
            judged = ~report["status"].isin(_UNFIT).to_numpy()
            rows = np.flatnonzero(judged) + start
            if rows.size:
                p[rows], spread[rows] = self._opinions(found[judged])
                lost[rows] = lost_flux(np.where(found.labels > 0, found.over, 0.0)[judged])
        if not reports:
            reports = [pd.DataFrame({"status": [], "flux_removed": []})]
        report = pd.concat(reports, ignore_index=True)
        _warn(cutouts.names, report["status"].to_numpy(), lost)
        return p, spread, report, lost

    def _opinions(self, found: Islands) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probabilities of all members together, and how far they differ."""
        stamps = stamps_of(found)
        trees = tree_logs(self.trees_, features_of(found, stamps), len(self.classes_))
        members = ensemble_logits(self.networks_, stamps)
        logs = [log_mean(members), *members]
        opinions = [self.blend_(one, trees) for one in logs]
        if self.pair_:
            columns = [list(self.classes_).index(name) for name in self.pair_]
            # Where the pair is improbable, how it is shared changes no answer.
            asked = opinions[0][:, columns].sum(axis=1) > _ASKED
            if asked.any():
                special = log_mean(ensemble_logits(self.specialists_, stamps[asked]))
                for p, one in zip(opinions, logs, strict=True):
                    shares = self.pair_blend_(one[asked][:, columns], special)
                    p[asked] = within(p[asked], (columns[0], columns[1]), shares)
        return opinions[0], np.std(opinions[1:], axis=0)

    def _prepared(
        self, cutouts: CutoutSet
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.str_]]:
        stamps, features, status = [], [], []
        for start in range(0, len(cutouts), _AT_ONCE):
            found, report = _taken_apart(cutouts.images[start : start + _AT_ONCE])
            stamps.append(stamps_of(found))
            features.append(features_of(found, stamps[-1]))
            status.append(report["status"].to_numpy().astype(str))
        return np.concatenate(stamps), np.concatenate(features), np.concatenate(status)

    def _member(
        self,
        stamps: NDArray[np.float32],
        allowed: NDArray[Any],
        seed: int,
        encoder: dict[str, torch.Tensor] | None,
        checkpoint: str | os.PathLike[str] | None,
        progress: bool,
    ) -> MorphologyNetwork:
        network = build_network(
            len(self.classes_), group=self.group, fields=self.fields, random_state=seed
        )
        if encoder is not None:
            network.encoder.load_state_dict(encoder)
        fit_network(
            network,
            stamps,
            allowed,
            weights=class_weights(soft_targets(allowed), self.class_weight),
            epochs=self.epochs,
            smoothing=self.smoothing,
            checkpoint=None if checkpoint is None else Path(checkpoint) / f"member-{seed}.ckpt",
            random_state=seed,
            progress=progress,
        )
        return network

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {
            **self.get_params(),
            "fields": list(self.fields),
            "classes": list(self.classes_),
            "n_members": len(self.networks_),
            "blend": [self.blend_.weight, self.blend_.temperature],
            "pair": list(self.pair_),
            "pair_blend": list(self.pair_blend_.weights) if self.pair_ else [],
        }
        weights = {
            f"{number}.{name}": value
            for number, network in enumerate([*self.networks_, *self.specialists_])
            for name, value in network.state_dict().items()
        }
        return settings, {"networks": weights, "trees": self.trees_}

    @classmethod
    def _from_state(
        cls, settings: dict[str, Any], parts: dict[str, Any]
    ) -> RadioMorphologyClassifier:
        settings = dict(settings)
        classes, members = settings.pop("classes"), settings.pop("n_members")
        blend = settings.pop("blend")
        pair, odds = settings.pop("pair"), settings.pop("pair_blend")
        made = cls(**settings)
        made.classes_ = np.array(classes)
        made.blend_ = Blend(*blend)
        made.trees_ = parts["trees"]
        made.pair_ = tuple(pair)
        made.pair_blend_ = PairBlend(tuple(odds))
        count = 1 + max(int(name.split(".")[0]) for name in parts["networks"])
        networks = []
        for number in range(count):
            width = len(classes) if number < members else len(pair)
            network = build_network(width, group=made.group, fields=made.fields)
            start = f"{number}."
            network.load_state_dict(
                {
                    name.removeprefix(start): torch.as_tensor(value)
                    for name, value in parts["networks"].items()
                    if name.startswith(start)
                }
            )
            networks.append(network.eval())
        made.networks_, made.specialists_ = networks[:members], networks[members:]
        return made


def _taken_apart(images: NDArray[Any]) -> tuple[Islands, pd.DataFrame]:
    masker = SourceMasker("central")
    found = masker.islands(images)
    masker.masked(found)
    return found, masker.report_


def _cutouts(X: ArrayLike | CutoutSet) -> CutoutSet:
    return X if isinstance(X, CutoutSet) else CutoutSet.from_arrays(X)


def _shares(y: Any, classes: Sequence[str] | None) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    import pandas as pd

    given = np.asarray(y)
    mask = getattr(y, "mask", False)
    # A pandas object has a method of that name.
    absent = np.asarray(pd.isna(given)) | np.asarray(False if callable(mask) else mask)
    if absent.any():
        row = int(np.argwhere(absent)[0][0])
        raise ValueError(f"y: row {row} has no label ({int(absent.sum())} such values)")
    if given.ndim == 2:
        names = [str(k) for k in range(given.shape[1])] if classes is None else list(classes)
        if len(names) != given.shape[1]:
            raise ValueError(f"classes: found {len(names)}, y has {given.shape[1]} columns")
        if not ((given >= 0).all() and (given.sum(axis=1) > 0).all()):
            row = int(np.argmin((given >= 0).all(axis=1) & (given.sum(axis=1) > 0)))
            raise ValueError(f"y: row {row}: shares of the classes are negative or all zero")
        return given.astype(np.float32), np.array(names)
    labels = given.astype(str)
    names = sorted(set(labels)) if classes is None else list(classes)
    unknown = sorted(set(labels) - set(names))
    if unknown:
        raise ValueError(f"y: found {unknown[0]!r}, expected one of {', '.join(names)}")
    return (labels[:, None] == np.array(names)).astype(np.float32), np.array(names)


def _refuse_few(allowed: NDArray[Any], classes: NDArray[np.str_], n_folds: int) -> None:
    count = (allowed > 0).sum(axis=0)
    told = ", ".join(f"{name} {n}" for name, n in zip(classes, count, strict=True))
    if (count > 0).sum() < 2:
        raise ValueError(f"y: only one class has sources that can be used ({told})")
    if (count < n_folds).any():
        raise ValueError(f"y: a class has fewer sources than the {n_folds} folds ({told})")


def _warn(names: Sequence[str], status: NDArray[Any], lost: NDArray[np.float64]) -> None:
    for state in _UNFIT:
        rows = [names[int(k)] for k in np.flatnonzero(status == state)]
        if rows:
            shown = ", ".join(rows[:5]) + (" ..." if len(rows) > 5 else "")
            warnings.warn(f"{len(rows)} cutouts {state}, not judged: {shown}", stacklevel=4)
    far = [names[int(k)] for k in np.flatnonzero(np.nan_to_num(lost) > 0.1)]
    if far:
        shown = ", ".join(far[:5]) + (" ..." if len(far) > 5 else "")
        warnings.warn(
            f"{len(far)} cutouts have more than 10% of their flux outside the window: {shown}",
            stacklevel=4,
        )
