"""Classes from portraits: an ensemble of small networks with balanced classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import Tensor, nn

from decan.core.saved import Saved
from decan.core.training import fit_ensemble

__all__ = ["VariabilityClassifier"]

_CLIP = 6.0


class VariabilityClassifier(Saved, ClassifierMixin, BaseEstimator):
    """Tells classes of variables apart from latents, frequency and amplitude.

    An ensemble of multilayer perceptrons with softmax adjusted by the classes' shares,
    so that its probabilities are those of equally frequent classes and rare classes
    count as much as frequent ones. A feature that is missing (NaN) is set to its mean.

    Parameters
    ----------
    n_members : int
        Networks in the ensemble; each sees its own order and start.
    width : int
        Hidden width.
    epochs : int
        Passes over the data.
    dropout : float
        Share of hidden units that are switched off while training.
    random_state : int, optional
        Seed.

    References
    ----------
    Menon et al. 2021, Long-tail learning via logit adjustment (ICLR).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.vstack([rng.normal(-2, 1, (90, 3)), rng.normal(2, 1, (10, 3))])
    >>> y = np.repeat(["EW", "RRab"], [90, 10])
    >>> model = VariabilityClassifier(n_members=2, epochs=30, random_state=0).fit(x, y)
    >>> model.predict([[2.0, 2.0, 2.0]])
    array(['RRab'], dtype='<U4')
    """

    def __init__(
        self,
        n_members: int = 8,
        *,
        width: int = 256,
        epochs: int = 40,
        dropout: float = 0.2,
        random_state: int | None = None,
    ) -> None:
        self.n_members = n_members
        self.width = width
        self.epochs = epochs
        self.dropout = dropout
        self.random_state = random_state

    def fit(self, features: ArrayLike, labels: ArrayLike, *, progress: bool = False) -> Any:
        """Train on stars of known class.

        Parameters
        ----------
        features : array_like, shape (n, n_features)
            For instance :meth:`Portraits.features`.
        labels : array_like, shape (n,)
            Their classes.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        self
        """
        x, y = np.asarray(features, np.float64), np.asarray(labels)
        if x.ndim != 2 or len(x) != len(y):
            raise ValueError(
                f"features: expected shape ({len(y)}, n_features) like labels, found {x.shape}"
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"labels: expected two classes or more, found {len(self.classes_)}")
        self.n_features_in_ = x.shape[1]
        with np.errstate(invalid="ignore"):
            self.mean_ = np.nanmean(x, axis=0)
            self.std_ = np.nanstd(x, axis=0) + 1e-9
        share = np.bincount(codes) / len(codes)
        log_share = torch.tensor(np.log(share), dtype=torch.float32)
        self.members_ = self._networks()
        data = {"x": self._scaled(x), "y": torch.from_numpy(codes)}

        def loss(model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            logits = model(batch["x"]) + log_share
            return nn.functional.cross_entropy(logits, batch["y"], label_smoothing=0.02), {}

        fit_ensemble(
            self.members_, data, loss, epochs=self.epochs, batch_size=256, learning_rate=2e-3,
            weight_decay=1e-3, schedule="cosine", rng=self.random_state, progress=progress,
        )  # fmt: skip
        for member in self.members_:
            member.cpu().eval()
        return self

    def predict_proba(
        self,
        features: ArrayLike,
        *,
        std: ArrayLike | None = None,
        n_draws: int = 16,
        rng: np.random.Generator | int | None = 0,
    ) -> NDArray[np.float64]:
        """Probability of each class if all were equally frequent.

        Parameters
        ----------
        features : array_like, shape (n, n_features)
            As for :meth:`fit`.
        std : array_like, shape (n, n_features), optional
            σ of the features, for instance :meth:`Portraits.features_std`; the
            probabilities are then the mean over draws, and less sure where features are.
        n_draws : int
            Draws.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        ndarray, shape (n, n_classes)
        """
        x = np.asarray(features, np.float64)
        if x.ndim != 2 or x.shape[1] != self.n_features_in_:
            raise ValueError(
                f"features: expected shape (n, {self.n_features_in_}), found {x.shape}"
            )
        if std is None:
            return self._probabilities(x)
        sigma = np.nan_to_num(np.asarray(std, np.float64))
        if sigma.shape != x.shape:
            raise ValueError(f"std: expected shape {x.shape} like features, found {sigma.shape}")
        generator = np.random.default_rng(rng)
        draws = (x + sigma * generator.normal(size=x.shape) for _ in range(n_draws))
        return np.asarray(sum(self._probabilities(one) for one in draws) / n_draws)

    def predict(self, features: ArrayLike) -> NDArray:
        """The most likely class of each star, shape (n,)."""
        return self.classes_[self.predict_proba(features).argmax(axis=1)]

    def _probabilities(self, x: NDArray) -> NDArray[np.float64]:
        scaled = self._scaled(x)
        with torch.no_grad():
            total = sum(member(scaled).softmax(dim=1) for member in self.members_)
        return np.asarray(total / len(self.members_), np.float64)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {**self.get_params(), "classes": self.classes_.tolist()}
        parts = {f"member_{k}": dict(m.state_dict()) for k, m in enumerate(self.members_)}
        return settings, {"scale": {"mean": self.mean_, "std": self.std_}, **parts}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> VariabilityClassifier:
        classes = settings.pop("classes")
        model = cls(**settings)
        model.classes_ = np.array(classes)
        model.mean_, model.std_ = parts["scale"]["mean"], parts["scale"]["std"]
        model.n_features_in_ = len(model.mean_)
        model.members_ = model._networks()
        for k, member in enumerate(model.members_):
            member.load_state_dict(parts[f"member_{k}"])
            member.eval()
        return model

    def _networks(self) -> Sequence[nn.Module]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.random_state or 0))
            return [
                nn.Sequential(
                    nn.Linear(self.n_features_in_, self.width), nn.GELU(), nn.Dropout(self.dropout),
                    nn.Linear(self.width, self.width), nn.GELU(), nn.Dropout(self.dropout),
                    nn.Linear(self.width, len(self.classes_)),
                )
                for _ in range(self.n_members)
            ]  # fmt: skip

    def _scaled(self, x: NDArray) -> Tensor:
        scaled = np.nan_to_num(np.clip((x - self.mean_) / self.std_, -_CLIP, _CLIP))
        return torch.tensor(scaled, dtype=torch.float32)
