"""Torch networks with scikit-learn's manners: classifier, regressor, transformer.

A subclass says which network it wants, and perhaps how it is trained; scaling, the loop,
batches, classes, cloning, saving and loading are done here, and ``check_estimator`` passes.
Features are two-dimensional tables; whoever has images or several inputs calls
:func:`decan.core.training.fit` directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import (
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data
from torch import Tensor, nn

from .estimator_base import TorchEstimator, moments

__all__ = ["TorchClassifier", "TorchRegressor", "TorchTransformer"]


class TorchClassifier(ClassifierMixin, TorchEstimator):  # type: ignore[misc]
    """Classifier around a network that gives one logit for each class.

    A subclass defines ``build_network`` and, where cross-entropy is not what it wants,
    ``loss(network, batch)`` on batches with ``x`` (standardised features) and ``y``
    (class indices). Its own settings come before ``**training``.

    Parameters
    ----------
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, ema, patience, device
        As in `decan.core.training.fit`; ``patience`` needs ``fit(..., validation=...)``.
    random_state : int, RandomState or None
        Decides on initial weights and order of rows.
    progress : bool
        Whether to show a bar.

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
        The classes, in the order of the columns of ``predict_proba``.
    network_ : torch.nn.Module
        The trained network.
    history_ : decan.core.training.History
        What happened in each epoch.
    mean_, scale_ : array of float, shape (n_features,)
        With which features are standardised.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> class Linear(TorchClassifier):
    ...     def build_network(self, n_features, n_outputs):
    ...         return nn.Linear(n_features, n_outputs)
    >>> X, y = make_blobs(200, centers=2, random_state=0, cluster_std=0.5)
    >>> model = Linear(epochs=20, learning_rate=0.1, random_state=0, progress=False).fit(X, y)
    >>> model.score(X, y)
    1.0
    """

    classes_: np.ndarray
    _learned = ("classes_",)

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, validation: tuple[ArrayLike, ArrayLike] | None = None
    ) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array_like of float, shape (n, n_features)
            Features.
        y : array_like, shape (n,)
            Class of each row, of any type.
        validation : tuple of X and y, optional
            Rows (of other groups) that are evaluated after each epoch.

        Returns
        -------
        TorchClassifier
            Itself.

        Raises
        ------
        ValueError
            If an input is malformed or there is one class only.
        """
        self._forget()
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y: found one class only ({self.classes_[0]}), a classifier needs two or more"
            )
        held_out = None
        if validation is not None:
            others, their = validate_data(self, *validation, reset=False, dtype=np.float64)
            strange = np.setdiff1d(their, self.classes_)
            if len(strange):
                raise ValueError(f"validation: class {strange[0]} does not occur in y")
            held_out = {"x": others, "y": np.searchsorted(self.classes_, their)}
        self._train({"x": rows, "y": codes}, len(self.classes_), held_out)
        return self

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of the logits."""
        return nn.functional.cross_entropy(network(batch["x"]), batch["y"]), {}

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : array_like of float, shape (n, n_features)
            Features.

        Returns
        -------
        array of float, shape (n, n_classes)
            Rows add up to 1; columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If the features are not like those it was fitted on.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        return torch.from_numpy(self._outputs(X)).softmax(dim=1).numpy()

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Most probable class.

        Parameters
        ----------
        X : array_like of float, shape (n, n_features)
            Features.

        Returns
        -------
        array, shape (n,)
            Members of ``classes_``.

        Raises
        ------
        ValueError
            If the features are not like those it was fitted on.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]


class TorchRegressor(RegressorMixin, TorchEstimator):  # type: ignore[misc]
    """Regressor around a network that gives one number for each target.

    A subclass defines ``build_network`` and, where the mean squared error is not what it
    wants, ``loss(network, batch)`` on batches with ``x`` and ``y``, both standardised, of
    shapes (rows, n_features) and (rows, n_outputs).

    Parameters
    ----------
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, ema, patience, device
        As in `decan.core.training.fit`; ``patience`` needs ``fit(..., validation=...)``.
    random_state : int, RandomState or None
        Decides on initial weights and order of rows.
    progress : bool
        Whether to show a bar.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network.
    history_ : decan.core.training.History
        What happened in each epoch.
    mean_, scale_ : array of float, shape (n_features,)
        With which features are standardised.
    y_mean_, y_scale_ : array of float, shape () or (n_outputs,)
        With which the target is standardised.

    Examples
    --------
    >>> class Linear(TorchRegressor):
    ...     def build_network(self, n_features, n_outputs):
    ...         return nn.Linear(n_features, n_outputs)
    >>> X = np.linspace(0, 1, 100)[:, None]
    >>> model = Linear(epochs=50, learning_rate=0.1, random_state=0, progress=False)
    >>> model.fit(X, 3 * X[:, 0] + 100).predict([[0.5]]).round(2)
    array([101.5])
    """

    y_mean_: np.ndarray
    y_scale_: np.ndarray
    _learned = ("y_mean_", "y_scale_")

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, validation: tuple[ArrayLike, ArrayLike] | None = None
    ) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array_like of float, shape (n, n_features)
            Features.
        y : array_like of float, shape (n,) or (n, n_outputs)
            Targets.
        validation : tuple of X and y, optional
            Rows (of other groups) that are evaluated after each epoch.

        Returns
        -------
        TorchRegressor
            Itself.

        Raises
        ------
        ValueError
            If an input is malformed.
        """
        self._forget()
        rules = {"dtype": np.float64, "multi_output": True, "y_numeric": True}
        rows, target = validate_data(self, X, y, **rules)
        self.y_mean_, self.y_scale_ = moments(np.asarray(target, dtype=np.float64))
        held_out = None
        if validation is not None:
            others, their = validate_data(self, *validation, reset=False, **rules)
            held_out = {"x": others, "y": self._scaled_target(their)}
        scaled = self._scaled_target(target)
        self._train({"x": rows, "y": scaled}, scaled.shape[1], held_out)
        return self

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the standardised targets."""
        return nn.functional.mse_loss(network(batch["x"]), batch["y"]), {}

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predicted targets.

        Parameters
        ----------
        X : array_like of float, shape (n, n_features)
            Features.

        Returns
        -------
        array of float, shape (n,) or (n, n_outputs)
            In the unit of the targets that it was fitted on, and of their dimension.

        Raises
        ------
        ValueError
            If the features are not like those it was fitted on.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        outputs = self._outputs(X)
        return (outputs if self.y_mean_.ndim else outputs[:, 0]) * self.y_scale_ + self.y_mean_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _scaled_target(self, y: np.ndarray) -> np.ndarray:
        return ((y - self.y_mean_) / self.y_scale_).reshape(len(y), -1)


class TorchTransformer(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    TorchEstimator,
):
    """Transformer around a network with an ``encode`` method, an autoencoder say.

    A subclass defines ``build_network``, whose network maps rows onto rows and has
    ``encode(x)`` of shape (n, n_components); where reconstruction by mean squared error is
    not what it wants (a VAE, contrastive learning), also ``loss(network, batch)`` on
    batches with ``x``, the standardised features.

    Parameters
    ----------
    n_components : int
        Length of the code of each row.
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, ema, patience, device
        As in `decan.core.training.fit`; ``patience`` needs ``fit(..., validation=...)``.
    random_state : int, RandomState or None
        Decides on initial weights and order of rows.
    progress : bool
        Whether to show a bar.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network.
    history_ : decan.core.training.History
        What happened in each epoch.
    mean_, scale_ : array of float, shape (n_features,)
        With which features are standardised.

    Examples
    --------
    >>> class Autoencoder(nn.Module):
    ...     def __init__(self, n_features, n_components):
    ...         super().__init__()
    ...         self.encode = nn.Linear(n_features, n_components)
    ...         self.decode = nn.Linear(n_components, n_features)
    ...     def forward(self, x):
    ...         return self.decode(self.encode(x))
    >>> class Compressor(TorchTransformer):
    ...     def build_network(self, n_features, n_outputs):
    ...         return Autoencoder(n_features, n_outputs)
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> Compressor(epochs=2, random_state=0, progress=False).fit_transform(X).shape
    (50, 2)
    """

    def __init__(self, n_components: int = 2, **training: Any) -> None:
        super().__init__(**training)
        self.n_components = n_components

    def fit(self, X: ArrayLike, y: None = None, *, validation: ArrayLike | None = None) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array_like of float, shape (n, n_features)
            Features.
        y : None
            Ignored.
        validation : array_like of float, shape (m, n_features), optional
            Rows (of other groups) that are evaluated after each epoch.

        Returns
        -------
        TorchTransformer
            Itself.

        Raises
        ------
        ValueError
            If an input is malformed or ``n_components`` is below 1.
        """
        if self.n_components < 1:
            raise ValueError(f"n_components: found {self.n_components}, expected at least 1")
        self._forget()
        rows = validate_data(self, X, dtype=np.float64)
        held_out = None
        if validation is not None:
            held_out = {"x": validate_data(self, validation, reset=False, dtype=np.float64)}
        self._train({"x": rows}, self.n_components, held_out)
        return self

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the reconstruction."""
        return nn.functional.mse_loss(network(batch["x"]), batch["x"]), {}

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Codes of rows.

        Parameters
        ----------
        X : array_like of float, shape (n, n_features)
            Features.

        Returns
        -------
        array of float, shape (n, n_components)
            What the network's ``encode`` gives.

        Raises
        ------
        ValueError
            If the features are not like those it was fitted on.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        return self._outputs(X)

    def _respond(self, network: nn.Module, x: Tensor) -> Tensor:
        encode = getattr(network, "encode", None)
        if encode is None:
            raise TypeError("build_network: the network of a transformer needs a method encode(x)")
        return encode(x)

    @property
    def _n_features_out(self) -> int:
        return self.n_outputs_
