"""What torch-backed estimators share: settings, scaling, prediction in batches, files."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from .saved import Saved
from .training import History, fit
from .training.distributed import choose_device

__all__ = ["TorchEstimator", "moments"]

_ROWS_AT_ONCE = 4096
# Matrix products of a few rows take other kernels. Filled up to whole blocks, a row's
# prediction does not depend, to the last bit, on the rows beside it.
_ROWS_IN_BLOCK = 32


class TorchEstimator(Saved, BaseEstimator):  # type: ignore[misc]
    """What the three share: settings of the training, scaling, batches, files.

    Parameters
    ----------
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, ema, patience, device
        As in `decan.core.training.fit`.
    random_state : int, RandomState or None
        Decides on initial weights and order of rows.
    progress : bool
        Whether to show a bar.

    Examples
    --------
    >>> sorted(TorchEstimator(epochs=3).get_params())[:3]
    ['batch_size', 'clip', 'device']
    """

    network_: nn.Module
    history_: History
    mean_: np.ndarray
    scale_: np.ndarray
    n_outputs_: int
    # Names of the fitted arrays that a subclass keeps besides scaling.
    _learned: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        schedule: str = "constant",
        clip: float | None = None,
        ema: float | None = None,
        patience: int | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        progress: bool = True,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.clip = clip
        self.ema = ema
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Spell out what a subclass takes as ``**training``, so that scikit-learn sees it."""
        super().__init_subclass__(**keywords)
        init = cls.__dict__.get("__init__")
        if init is None:
            return
        own = inspect.signature(init)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        if len(named) < len(own.parameters):
            inherited = inspect.signature(super(cls, cls).__init__).parameters.values()
            names = {p.name for p in named}
            named += [p for p in inherited if p.kind is p.KEYWORD_ONLY and p.name not in names]
            init.__signature__ = own.replace(parameters=named)

    def build_network(self, n_features: int, n_outputs: int) -> nn.Module:
        """The untrained network; a subclass must say which.

        Parameters
        ----------
        n_features : int
            Columns of the (standardised) features.
        n_outputs : int
            What the network must give for each row.

        Returns
        -------
        torch.nn.Module
            Its weights may be drawn from torch's generator, which is seeded here.

        Raises
        ------
        NotImplementedError
            In the base itself.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define build_network(self, n_features, n_outputs)"
        )

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss of a batch and its named parts, as `decan.core.training.fit` wants it.

        Parameters
        ----------
        network : torch.nn.Module
            What ``build_network`` gave.
        batch : mapping of str to Tensor
            ``x`` (standardised features, shape (rows, n_features)) and, unless the
            estimator is a transformer, ``y``.

        Returns
        -------
        loss : Tensor
            A scalar, the mean over rows.
        parts : dict of str to Tensor
            Named scalars for the history.

        Raises
        ------
        NotImplementedError
            In the base itself; classifier, regressor and transformer each have one.
        """
        raise NotImplementedError(f"{type(self).__name__} must define loss(self, network, batch)")

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        check_is_fitted(self, "network_")
        # Durations differ from run to run; without them equal runs give equal files.
        history = {
            name: np.array([record[name] for record in self.history_.records])
            for name in self.history_.records[0]
            if name != "seconds"
        }
        parts = {
            "network": dict(self.network_.state_dict()),
            "fitted": self._fitted_arrays(),
            "history": history,
        }
        return self.get_params(deep=False), parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        estimator = cls(**settings)
        estimator._restore(parts["fitted"])
        network = estimator._new_network(seed=0)
        network.load_state_dict(parts["network"])
        estimator.network_ = network.to(choose_device(estimator.device)).eval()
        columns = {name: array.tolist() for name, array in parts["history"].items()}
        rows = zip(*columns.values(), strict=True)
        estimator.history_ = History([dict(zip(columns, row, strict=True)) for row in rows])
        return estimator

    def _fitted_arrays(self) -> dict[str, np.ndarray]:
        """Everything learned except the network, as arrays without objects."""
        arrays = {
            name: np.asarray(getattr(self, name))
            for name in ("mean_", "scale_", "n_outputs_", "feature_names_in_", *self._learned)
            if hasattr(self, name)
        }
        # Strings as objects would need a pickle.
        return {
            name: array.astype(str) if array.dtype == object else array
            for name, array in arrays.items()
        }

    def _restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            setattr(self, name, int(array) if name == "n_outputs_" else array)
        self.n_features_in_ = len(self.mean_)
        if "feature_names_in_" in arrays:
            self.feature_names_in_ = arrays["feature_names_in_"].astype(object)

    def _new_network(self, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self.build_network(self.n_features_in_, self.n_outputs_)

    def _forget(self) -> None:
        """Drop the network, lest a fit that fails leave an old one beside new scaling."""
        self.__dict__.pop("network_", None)

    def _train(
        self,
        data: dict[str, np.ndarray],
        n_outputs: int,
        validation: dict[str, np.ndarray] | None,
    ) -> None:
        """Scaling, network and history from validated columns ``x`` and perhaps ``y``."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.mean_, self.scale_ = moments(data["x"])
        self.n_outputs_ = n_outputs
        network = self._new_network(seed)
        self._check_outputs(network, self._scaled(data["x"][:2]))
        self.history_ = fit(
            network,
            self._tensors(data),
            self.loss,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            clip=self.clip,
            ema=self.ema,
            validation=None if validation is None else self._tensors(validation),
            patience=self.patience,
            device=self.device,
            rng=seed,
            progress=self.progress,
        )
        self.network_ = network

    def _tensors(self, data: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        tensors = {"x": self._scaled(data["x"])}
        if "y" in data:
            y = data["y"]
            tensors["y"] = torch.from_numpy(y.astype(np.float32 if y.dtype.kind == "f" else int))
        return tensors

    def _scaled(self, X: np.ndarray) -> Tensor:
        return torch.from_numpy(((X - self.mean_) / self.scale_).astype(np.float32))

    def _respond(self, network: nn.Module, x: Tensor) -> Tensor:
        """What predictions are made of, shape (rows, n_outputs)."""
        return network(x)

    def _check_outputs(self, network: nn.Module, x: Tensor) -> None:
        with torch.no_grad():
            found = tuple(self._respond(network.eval(), x).shape)
        if found != (len(x), self.n_outputs_):
            raise ValueError(
                f"build_network: the network gives shape {found} for {len(x)} rows, "
                f"expected {(len(x), self.n_outputs_)}"
            )

    def _outputs(self, X: ArrayLike) -> np.ndarray:
        """Responses to new rows as float64, in batches."""
        check_is_fitted(self, "network_")
        x = self._scaled(validate_data(self, X, reset=False, dtype=np.float64))
        n = len(x)
        filled = torch.cat([x, x[-1:].expand(-n % _ROWS_IN_BLOCK, -1)])
        device = next(self.network_.parameters()).device
        with torch.inference_mode():
            responses = [
                self._respond(self.network_, batch.to(device)).cpu()
                for batch in filled.split(_ROWS_AT_ONCE)
            ]
        return torch.cat(responses)[:n].double().numpy()


def moments(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of columns, 1 where a column is constant.

    Parameters
    ----------
    columns : array of float, shape (n, ...)
        Rows along the first axis.

    Returns
    -------
    mean, scale : array of float, shape (...,)
        With which ``(columns - mean) / scale`` is standardised.

    Examples
    --------
    >>> moments(np.array([[1.0, 5.0], [3.0, 5.0]]))
    (array([2., 5.]), array([1., 1.]))
    """
    mean, scale = columns.mean(axis=0), columns.std(axis=0)
    constant = scale <= 10 * np.finfo(np.float64).eps * np.abs(mean)
    return np.asarray(mean), np.asarray(np.where(constant, 1.0, scale))
