"""A classifier of transit signals: ten networks and five sets of trees, calibrated together.

Every member leaves out the stars of one fold, and the fold of a star follows from its
number (:func:`~decan.transits.archive.star_fold`), so that a signal that was trained on can
still be scored by members that have not seen its star.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import SchemaError
from decan.core.saved import Saved

from .archive import star_fold
from .blending import blend_of, probabilities
from .features import KNOWN_SCALARS, SCALARS, shape_features
from .zones import ZoneThresholds

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

__all__ = ["EnsembleScore", "SignalClassifier"]

N_FOLDS = 10
N_TREE_SETS = 5
_MANY_ROWS = 512

_TREES: Mapping[str, Mapping[str, Any]] = {
    "event": {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.14},
    "planet": {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.15},
}
_TREE_SHARED: Mapping[str, Any] = {
    "subsample": 0.8, "colsample_bytree": 0.5, "tree_method": "hist", "n_jobs": 1,
}  # fmt: skip


@dataclass(frozen=True)
class EnsembleScore:
    """Calibrated probabilities of a batch of signals, with the spread over the members.

    Parameters
    ----------
    event : ndarray of float, shape (n,)
        Probability that the signal is a transit or eclipse and no noise.
    planet : ndarray of float, shape (n,)
        Probability that it is a planet.
    event_spread, planet_spread : ndarray of float, shape (n,)
        Standard deviation over the members; NaN where only one member may judge.
    members : ndarray of float, shape (n_members, n, 2)
        Event and planet probability of each member.

    Examples
    --------
    >>> EnsembleScore.of(np.full((10, 1, 2), 0.9)).planet
    array([0.9])
    """

    event: NDArray[np.float64]
    planet: NDArray[np.float64]
    event_spread: NDArray[np.float64]
    planet_spread: NDArray[np.float64]
    members: NDArray[np.float64]

    @classmethod
    def of(cls, members: NDArray[np.float64]) -> EnsembleScore:
        """Mean and spread of the members' probabilities.

        Parameters
        ----------
        members : ndarray of float, shape (n_members, n, 2)
            Event and planet probability of each member.

        Returns
        -------
        EnsembleScore

        Examples
        --------
        >>> EnsembleScore.of(np.zeros((2, 1, 2))).planet_spread
        array([0.])
        """
        mean = members.mean(axis=0)
        alone = len(members) < 2
        spread = np.full_like(mean, np.nan) if alone else members.std(axis=0, ddof=1)
        return cls(mean[:, 0], mean[:, 1], spread[:, 0], spread[:, 1], members)


class SignalClassifier(Saved):
    """Tells noise, eclipsing binaries and planets apart from views and scalars.

    Parameters
    ----------
    epochs : int
        Passes over the data for each network.
    random_state : int
        Seed of everything random.

    Attributes
    ----------
    out_of_fold_ : ndarray of float, shape (n, 2)
        After :meth:`fit`: event and planet probability of each training row, by members
        that have not seen its star, calibrated without its star.
    zones_ : dict of str to ZoneThresholds
        Cuts in the probabilities ``event`` and ``planet`` (given an event).
    range_ : ndarray of float, shape (2, 15)
        Range of the scalars in training, half a per cent cut off at either end.

    Examples
    --------
    >>> SignalClassifier(epochs=2)
    SignalClassifier(epochs=2, random_state=0)
    """

    _shipped = "yu2019-signals"

    def __init__(self, *, epochs: int = 20, random_state: int = 0) -> None:
        self.epochs = epochs
        self.random_state = random_state

    def __repr__(self) -> str:
        return f"SignalClassifier(epochs={self.epochs}, random_state={self.random_state})"

    def fit(
        self,
        views: Mapping[str, NDArray[Any]],
        scalars: NDArray[Any],
        y: ArrayLike,
        star: ArrayLike,
        *,
        progress: bool = True,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> SignalClassifier:
        """Train all members, and the calibration on what they say of stars unseen.

        Parameters
        ----------
        views : mapping of str to ndarray
            As in :func:`~decan.transits.features.shape_features`.
        scalars : ndarray of float, shape (n, 15)
            As in :data:`~decan.transits.features.SCALARS`; NaN where unknown.
        y : array_like of int, shape (n,)
            0 noise, 1 eclipsing binary, 2 planet.
        star : array_like of int, shape (n,)
            Number of the star of each row.
        progress : bool
            Whether to show a bar.
        checkpoint : path-like, optional
            Where training saves itself, and from where it goes on.

        Returns
        -------
        SignalClassifier
            Itself.

        Raises
        ------
        ValueError
            If a class is missing in the rows of any member.

        Examples
        --------
        Ten networks take minutes; what cannot be learnt is refused before:

        >>> views = {"global": np.zeros((30, 201)), "local": np.zeros((30, 61)),
        ...          "secondary": np.zeros((30, 61))}
        >>> two_classes, star = np.arange(30) % 2, np.arange(30)
        >>> SignalClassifier().fit(views, np.zeros((30, 15)), two_classes, star)
        Traceback (most recent call last):
            ...
        ValueError: y: member 0 would train without class(es) [2]
        """
        classes = np.asarray(y).astype(np.int64)
        fold = star_fold(star, N_FOLDS)
        for k in range(N_FOLDS):
            missing = set(range(3)) - set(classes[fold != k].tolist())
            if missing:
                raise ValueError(f"y: member {k} would train without class(es) {sorted(missing)}")
        self._fit_scaling(scalars)
        self._fit_networks(views, scalars, classes, fold, progress, checkpoint)
        self._fit_trees(views, scalars, classes, fold)
        self._fit_calibration(views, scalars, classes, fold)
        return self

    def predict(
        self,
        views: Mapping[str, NDArray[Any]],
        scalars: NDArray[Any],
        *,
        star: ArrayLike | None = None,
    ) -> EnsembleScore:
        """Calibrated probabilities.

        Parameters
        ----------
        views : mapping of str to ndarray
            As in :meth:`fit`.
        scalars : ndarray of float, shape (n, 15)
            As in :meth:`fit`.
        star : array_like of int, shape (n,), optional
            Numbers of stars that were trained on; each is then judged only by the one
            member whose fold holds it. All members judge without it.

        Notes
        -----
        Scalars beyond the range of training are moved to its edge, so that neither network
        nor trees are asked about what they cannot know.

        Returns
        -------
        EnsembleScore

        Examples
        --------
        >>> from decan.transits import SignalClassifier, ViewBuilder, simulate_signal
        >>> from decan.transits.features import scalar_features
        >>> found = simulate_signal("planet", span_day=27.0, rng=1)
        >>> views = ViewBuilder("yu2019").transform(found.lightcurve, found.signal).values
        >>> scalars = scalar_features(period_day=[found.signal.period_day],
        ...     duration_hour=[found.signal.duration_hour], depth_ppm=[found.signal.depth_ppm],
        ...     snr=[30.0], n_transits=[5])
        >>> classifier = SignalClassifier.pretrained()
        >>> classifier.predict(views, scalars).planet.shape
        (1,)
        """
        raw = self._raw_members(views, scalars)
        members = np.stack([self._calibrated(raw[k]) for k in range(N_FOLDS)])
        if star is not None:
            mine = star_fold(star, N_FOLDS)
            members = members[mine, np.arange(members.shape[1])][None]
        return EnsembleScore.of(members)

    def tensors(self, views: Mapping[str, NDArray[Any]], scalars: NDArray[Any]) -> dict[str, Any]:
        """Views and scaled scalars as the networks read them.

        Parameters
        ----------
        views : mapping of str to ndarray
            As in :meth:`fit`.
        scalars : ndarray of float, shape (n, 15)
            As in :meth:`fit`.

        Returns
        -------
        dict of str to torch.Tensor

        Examples
        --------
        >>> from decan.transits import SignalClassifier, ViewBuilder, simulate_signal
        >>> from decan.transits.features import scalar_features
        >>> found = simulate_signal("planet", span_day=27.0, rng=1)
        >>> views = ViewBuilder("yu2019").transform(found.lightcurve, found.signal).values
        >>> scalars = scalar_features(period_day=[found.signal.period_day],
        ...     duration_hour=[found.signal.duration_hour], depth_ppm=[found.signal.depth_ppm],
        ...     snr=[30.0], n_transits=[5])
        >>> classifier = SignalClassifier.pretrained()
        >>> sorted(classifier.tensors(views, scalars))
        ['global', 'local', 'scalars', 'secondary']
        """
        import torch

        scaled = np.clip((scalars - self.centre_) / self.spread_, -4.0, 4.0)
        batch = {
            name: torch.from_numpy(np.ascontiguousarray(views[name], dtype=np.float32))
            for name in ("global", "local", "secondary")
        }
        batch["scalars"] = torch.from_numpy(scaled.astype(np.float32))
        return batch

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        import torch

        states = [network.state_dict() for network in self.networks_]
        settings = {
            "epochs": self.epochs,
            "random_state": self.random_state,
            "scalars": list(SCALARS),
        }
        parts = {
            # Half precision halves the file and moves no score by more than the spread.
            "networks": {
                name: torch.stack([state[name] for state in states]).half() for name in states[0]
            },
            "trees": {
                f"{task}_{k}": model for task in _TREES for k, model in enumerate(self.trees_[task])
            },
            "scaling": {"centre": self.centre_, "spread": self.spread_, "range": self.range_},
            "calibration": dict(self.calibration_),
            "zones": {
                name: np.array([zone.reject, zone.accept]) for name, zone in self.zones_.items()
            },
        }
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> SignalClassifier:
        if settings["scalars"] != list(SCALARS):
            raise SchemaError(
                f"the classifier was trained on scalars {', '.join(settings['scalars'])}; "
                f"this version gives {', '.join(SCALARS)}"
            )
        found = cls(epochs=settings["epochs"], random_state=settings["random_state"])
        found.centre_, found.spread_ = parts["scaling"]["centre"], parts["scaling"]["spread"]
        found.range_ = parts["scaling"]["range"]
        found.calibration_ = parts["calibration"]
        found.zones_ = {name: ZoneThresholds(*cuts) for name, cuts in parts["zones"].items()}
        found.networks_ = []
        for k in range(N_FOLDS):
            network = _new_network()
            network.load_state_dict({n: t[k].float() for n, t in parts["networks"].items()})
            found.networks_.append(network.eval())
        found.trees_ = {
            task: [parts["trees"][f"{task}_{k}"] for k in range(N_TREE_SETS)] for task in _TREES
        }
        return found

    def _fit_scaling(self, scalars: NDArray[Any]) -> None:
        # A column that is never known keeps its own scale, and any value lies in its range.
        fallback = np.tile([[-np.inf], [-1.0], [0.0], [1.0], [np.inf]], scalars.shape[1])
        known = np.isfinite(scalars).any(axis=0)
        found = np.nanpercentile(scalars[:, known], [0.5, 16, 50, 84, 99.5], axis=0)
        fallback[:, known] = found
        self.centre_ = fallback[2]
        self.spread_ = np.maximum(0.5 * (fallback[3] - fallback[1]), 1e-6)
        self.range_ = fallback[[0, 4]]

    def _fit_networks(
        self,
        views: Mapping[str, NDArray[Any]],
        scalars: NDArray[Any],
        classes: NDArray[np.int64],
        fold: NDArray[np.int64],
        progress: bool,
        checkpoint: str | os.PathLike[str] | None,
    ) -> None:
        import torch
        from torch.nn.functional import cross_entropy

        from decan.core.training import fit

        from .networks import reversed_in_time

        data = self.tensors(views, scalars)
        data["y"] = torch.from_numpy(classes)

        def loss(model: torch.nn.Module, batch: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            inputs = {name: values for name, values in batch.items() if name != "y"}
            if model.training:
                inputs = reversed_in_time(inputs)
            return cross_entropy(model(inputs), batch["y"], label_smoothing=0.02), {}

        # Convolutions dominate here, and vmap turns them into grouped ones, which cost
        # 1.8 times as much on a CPU: one member after the other is faster.
        self.networks_ = []
        for k in range(N_FOLDS):
            torch.manual_seed(self.random_state * 1000 + k)
            network = _new_network()
            fit(
                network,
                {name: values[torch.from_numpy(fold != k)] for name, values in data.items()},
                loss,
                epochs=self.epochs,
                batch_size=128,
                learning_rate=2e-3,
                weight_decay=1e-2,
                schedule="one-cycle",
                checkpoint=None if checkpoint is None else f"{checkpoint}.{k}",
                device="cpu",
                rng=self.random_state * 1000 + k,
                progress=progress,
            )
            self.networks_.append(network.eval())

    def _fit_trees(
        self,
        views: Mapping[str, NDArray[Any]],
        scalars: NDArray[Any],
        classes: NDArray[np.int64],
        fold: NDArray[np.int64],
    ) -> None:
        from xgboost import XGBClassifier

        shapes = shape_features(views)
        full = np.column_stack([scalars, shapes])
        # A second copy without most optional scalars teaches the trees what to do without.
        table = np.concatenate([full, np.column_stack([self._stripped(scalars), shapes])])
        classes, fold = np.tile(classes, 2), np.tile(fold, 2)
        self.trees_: dict[str, list[Any]] = {task: [] for task in _TREES}
        for k in range(N_TREE_SETS):
            seen = fold % N_TREE_SETS != k
            for task, settings in _TREES.items():
                rows = seen if task == "event" else seen & (classes > 0)
                target = classes[rows] > (0 if task == "event" else 1)
                model = XGBClassifier(
                    **settings, **_TREE_SHARED, random_state=self.random_state + k
                )
                self.trees_[task].append(model.fit(table[rows], target.astype(int)))

    def _stripped(self, scalars: NDArray[Any]) -> NDArray[Any]:
        rng = np.random.default_rng(self.random_state)
        hidden = rng.random(scalars.shape) < 0.7
        hidden[:, : len(KNOWN_SCALARS)] = False
        return np.where(hidden, np.nan, scalars)

    def _raw_members(
        self, views: Mapping[str, NDArray[Any]], scalars: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Log-odds, shape (member, row, [event, planet given event], [network, trees])."""
        import torch

        scalars = np.clip(scalars, *self.range_)
        table = np.column_stack([scalars, shape_features(views)])
        local = np.asarray(views["local"])
        if np.nanmin(local, initial=np.inf) >= 0 and np.nanmax(local, initial=-np.inf) > 0:
            raise ValueError(
                "views['local']: all values are positive; expected the scale of preset "
                "'yu2019', median 0 and minimum -1"
            )
        batch = self.tensors(views, scalars)
        raw = np.empty((N_FOLDS, len(table), 2, 2))
        with torch.inference_mode(), _few_threads(len(table)):
            for k, network in enumerate(self.networks_):
                logits = network(batch).double().numpy()
                raw[k, :, 0, 0] = np.logaddexp(logits[:, 1], logits[:, 2]) - logits[:, 0]
                raw[k, :, 1, 0] = logits[:, 2] - logits[:, 1]
        for k in range(N_TREE_SETS):
            for i, task in enumerate(_TREES):
                odds = self.trees_[task][k].predict(table, output_margin=True)
                raw[k::N_TREE_SETS, :, i, 1] = odds
        return np.clip(raw, -12.0, 12.0)

    def _fit_calibration(
        self,
        views: Mapping[str, NDArray[Any]],
        scalars: NDArray[Any],
        classes: NDArray[np.int64],
        fold: NDArray[np.int64],
    ) -> None:
        raw = self._raw_members(views, scalars)[fold, np.arange(len(fold))]
        self.calibration_ = blend_of(raw, classes)
        self.out_of_fold_ = np.empty((len(fold), 2))
        for k in range(N_FOLDS):
            kept, left = fold != k, fold == k
            if left.any():
                blend = blend_of(raw[kept], classes[kept])
                self.out_of_fold_[left] = probabilities(raw[left], blend)
        event, planet = self.out_of_fold_.T
        real = classes > 0
        self.zones_ = {
            "event": ZoneThresholds.from_validation(event, real),
            "planet": ZoneThresholds.from_validation(
                (planet / event)[real], classes[real] > 1, precision=0.8, npv=0.95
            ),
        }

    def _calibrated(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        return probabilities(raw, self.calibration_)


@contextmanager
def _few_threads(n_rows: int) -> Iterator[None]:
    """One thread for a few rows: on a busy machine threads wait for each other far longer."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if n_rows < _MANY_ROWS else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _new_network() -> Any:
    from .networks import CompactNet

    return CompactNet(len(SCALARS), len(KNOWN_SCALARS))
