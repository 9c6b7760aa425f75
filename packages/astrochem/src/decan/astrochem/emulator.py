"""One emulator of one ratio: from the parameters of a cloud to a log ratio with its error."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from decan.core.saved import Saved

from .coordinates import coordinates_of
from .gp import MaternProcess
from .ratios import FEWEST_MODELS
from .space import Param, ParameterSpace, row_labels

__all__ = ["KINDS", "ExtrapolationWarning", "RatioEmulator"]

KINDS = ("xgb", "hgb", "mlp", "gp", "ensemble")
"""Trees of XGBoost and of scikit-learn, a network, a Gaussian process, and GP with XGBoost."""

_DERIVED = ("mlp", "gp", "ensemble")
_LEVEL = 0.68
_INNER_FOLDS = 4


class ExtrapolationWarning(UserWarning):
    """Some rows lie outside the box on which an emulator was trained.

    Examples
    --------
    >>> issubclass(ExtrapolationWarning, UserWarning)
    True
    """


class RatioEmulator(Saved, RegressorMixin, BaseEstimator):
    """Emulator of one log ratio (or log abundance), with scikit-learn manners.

    Parameters
    ----------
    kind : {'xgb', 'hgb', 'mlp', 'gp', 'ensemble'}
        What learns. Trees are explained exactly and at once; ``ensemble`` (Gaussian process
        and XGBoost, weighted by held-out error) is the most accurate.
    coordinates : {'auto', 'physical', 'derived'}
        Whether physics-derived coordinates stand beside the parameters. ``auto`` keeps
        ``xgb`` and ``hgb`` on the parameters alone, so that trees speak of them directly.
    space : ParameterSpace, optional
        The box and the scales. The smallest box around the training inputs by default.
    n_trees : int
        Trees of XGBoost.
    calibrate : bool
        Whether errors are scaled so that 68 % of held-out residuals lie within one; costs
        four more fits of the trees.
    random_state : int
        Seed.

    Attributes
    ----------
    held_out_r2_ : float
        R² on models that were not trained on, set by
        :func:`~decan.astrochem.cross_validate`; NaN before.
    error_scale_ : float
        Factor of the errors, or the error itself (dex) where the kind gives none.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(128, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> emulator = RatioEmulator(kind="gp").fit(X, y)
    >>> mean, std = emulator.predict(X, return_std=True)
    >>> mean.shape, bool(std.min() > 0)
    ((128,), True)
    """

    def __init__(
        self,
        kind: str = "xgb",
        *,
        coordinates: str = "auto",
        space: ParameterSpace | None = None,
        n_trees: int = 500,
        calibrate: bool = True,
        random_state: int = 0,
    ) -> None:
        self.kind = kind
        self.coordinates = coordinates
        self.space = space
        self.n_trees = n_trees
        self.calibrate = calibrate
        self.random_state = random_state

    def fit(self, X: ArrayLike | pd.DataFrame, y: ArrayLike) -> Self:
        """Learn from models in which the ratio may be used.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, n_parameters)
            Parameters in their units.
        y : array_like, shape (n,)
            Log10 ratios, dex.

        Returns
        -------
        RatioEmulator
            Itself.

        Raises
        ------
        ValueError
            If a target is not finite, or trees have fewer than 30 models.
        """
        if self.kind not in KINDS:
            raise ValueError(f"kind: {self.kind!r} is none of {', '.join(KINDS)}")
        if self.coordinates not in ("auto", "physical", "derived"):
            raise ValueError(
                f"coordinates: {self.coordinates!r} is none of auto, physical, derived"
            )
        self.space_ = self.space or _space_of(X)
        values = self.space_.values(X)
        y = np.asarray(y, dtype=float)
        _check_rows(values, y, self.kind)
        self.n_features_in_ = values.shape[1]
        self.feature_names_in_ = np.array(self.space_.names, dtype=object)
        labels = row_labels(X)
        self.model_ids_ = np.asarray(labels) if labels is not None else np.array([])
        self.held_out_r2_ = float("nan")
        axis = self.space_.to_axis(values)
        self.frozen_ = _frozen(axis, self.space_)
        coordinates = self._coordinates(axis)
        self._fit_members(coordinates, y)
        return self

    def predict(
        self, X: ArrayLike | pd.DataFrame, *, return_std: bool = False
    ) -> NDArray[np.float64] | tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log ratio of each row, dex.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, n_parameters)
            Parameters in their units.
        return_std : bool
            Whether the error is wanted too: 68 % of models lie within one.

        Returns
        -------
        mean : ndarray of float, shape (n,)
        std : ndarray of float, shape (n,)
            Only with ``return_std``.

        Warns
        -----
        ExtrapolationWarning
            If rows lie outside the training box; :meth:`in_range` says which.
        """
        check_is_fitted(self, "space_")
        values = self.space_.values(X)
        outside = int((~self.space_.contains(values)).sum())
        if outside:
            warnings.warn(
                f"{outside} of {len(values)} rows lie outside the training box; their values "
                "are extrapolated (in_range says which)",
                ExtrapolationWarning,
                stacklevel=2,
            )
        return self.predict_axis(self.space_.to_axis(values), return_std=return_std)

    def predict_axis(
        self, axis: NDArray[np.float64], *, return_std: bool = False
    ) -> NDArray[np.float64] | tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As :meth:`predict`, for rows that are already on the axes (log10) and checked.

        A row with a value that is no number has none either, whatever the kind.
        """
        known = np.isfinite(np.where(np.isnan(self.frozen_), axis, 0.0)).all(axis=1)
        if not known.all():
            mean, std = np.full((2, len(axis)), np.nan)
            if known.any():
                mean[known], std[known] = self.predict_axis(axis[known], return_std=True)
            return (mean, std) if return_std else mean
        Z = self._coordinates(axis)
        means = np.stack([self._member(name, Z) for name in self.weights_])
        mean = np.array(list(self.weights_.values())) @ means
        if not return_std:
            return mean
        if "gp" in self.members_:
            return mean, self.error_scale_ * self.members_["gp"].predict(Z, return_std=True)[1]
        return mean, np.full(len(mean), self.error_scale_)

    def in_range(self, X: ArrayLike | pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each row lies in the training box."""
        check_is_fitted(self, "space_")
        return self.space_.contains(X)

    @property
    def trees(self) -> Any:
        """The booster behind ``kind='xgb'``, on the parameters themselves.

        None where the emulator is no single set of trees.
        """
        alone = self.kind == "xgb" and not self._derived
        return self.members_["xgb"].get_booster() if alone else None

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        check_is_fitted(self, "space_")
        numbered = np.asarray(self.model_ids_).dtype.kind in "iuf"
        parts: dict[str, Any] = {
            "fitted": {
                "frozen": self.frozen_,
                "weights": np.array(list(self.weights_.values())),
                "error_scale": np.array(self.error_scale_),
                "held_out_r2": np.array(self.held_out_r2_),
                "model_ids": np.asarray(self.model_ids_ if numbered else [], dtype=float),
            }
        }
        for name, member in self.members_.items():
            parts[name] = member.state() if name == "gp" else _storable(member)
        settings = {
            "kind": self.kind,
            "coordinates": self.coordinates,
            "n_trees": self.n_trees,
            "calibrate": self.calibrate,
            "random_state": self.random_state,
            "space": [[p.name, p.unit, p.low, p.high, p.scale] for p in self.space_.params],
        }
        if not numbered:
            settings["model_names"] = [str(name) for name in self.model_ids_]
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        plain = dict(settings)
        space = ParameterSpace(Param(*row) for row in plain.pop("space"))
        names_of_models = plain.pop("model_names", None)
        emulator = cls(**plain, space=space)
        fitted = parts["fitted"]
        emulator.space_ = space
        emulator.n_features_in_ = len(space)
        emulator.feature_names_in_ = np.array(space.names, dtype=object)
        emulator.frozen_ = fitted["frozen"]
        emulator.error_scale_ = float(fitted["error_scale"])
        emulator.held_out_r2_ = float(fitted["held_out_r2"])
        named = names_of_models is not None
        emulator.model_ids_ = np.array(names_of_models) if named else fitted["model_ids"]
        names = ["gp", "xgb"] if plain["kind"] == "ensemble" else [plain["kind"]]
        emulator.weights_ = dict(zip(names, fitted["weights"].tolist(), strict=True))
        emulator.members_ = {
            name: MaternProcess().set_state(parts[name]) if name == "gp" else parts[name]
            for name in names
        }
        return emulator

    @property
    def _derived(self) -> bool:
        return self.coordinates == "derived" or (
            self.coordinates == "auto" and self.kind in _DERIVED
        )

    def _coordinates(self, axis: NDArray[np.float64]) -> NDArray[np.float64]:
        # What did not vary in training says nothing, whatever value it takes later.
        axis = np.where(np.isnan(self.frozen_), axis, self.frozen_)
        return coordinates_of(axis, self.space_) if self._derived else axis

    def _fit_members(self, Z: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        names = ["gp", "xgb"] if self.kind == "ensemble" else [self.kind]
        self.members_ = {name: self._new(name).fit(Z, y) for name in names}
        self.weights_ = {name: 1.0 / len(names) for name in names}
        self.error_scale_ = 1.0 if "gp" in names else float("nan")
        if not self.calibrate:
            return
        held_out = np.column_stack([self._held_out(name, Z, y) for name in names])
        if len(names) > 1:
            self.weights_ = dict(zip(names, _best_weights(held_out, y), strict=True))
        residual = np.abs(y - held_out @ np.array(list(self.weights_.values())))
        std = self.members_["gp"].leave_one_out()[1] if "gp" in names else np.ones(len(y))
        # The process was fitted to the rows that judge it: its settings cost degrees of freedom.
        spent = len(self.members_["gp"].theta_) if "gp" in names else 0
        spare = np.sqrt(len(y) / max(len(y) - spent, len(y) / 4))
        self.error_scale_ = float(spare * np.quantile(residual / std, _LEVEL))

    def _held_out(
        self, name: str, Z: NDArray[np.float64], y: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if name == "gp":
            return np.asarray(self.members_["gp"].leave_one_out()[0])
        predicted = np.empty(len(y))
        n_folds = min(_INNER_FOLDS, len(y))
        for train, test in KFold(n_folds, shuffle=True, random_state=self.random_state).split(Z):
            predicted[test] = self._new(name).fit(Z[train], y[train]).predict(Z[test])
        return predicted

    def _member(self, name: str, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.members_[name].predict(Z), dtype=float)

    def _new(self, name: str) -> Any:
        if name == "gp":
            return MaternProcess()
        if name == "xgb":
            from xgboost import XGBRegressor

            return XGBRegressor(
                n_estimators=self.n_trees,
                max_depth=4,
                learning_rate=0.05 * (500 / self.n_trees) ** 0.5,
                subsample=0.8,
                colsample_bytree=0.9 if not self._derived else 0.7,
                random_state=self.random_state,
                n_jobs=1,
            )
        if name == "hgb":
            from sklearn.ensemble import HistGradientBoostingRegressor

            return HistGradientBoostingRegressor(
                max_iter=self.n_trees,
                learning_rate=0.06,
                min_samples_leaf=5,
                random_state=self.random_state,
            )
        from sklearn.neural_network import MLPRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        network = MLPRegressor(
            hidden_layer_sizes=(64, 64),
            alpha=1e-3,
            learning_rate_init=3e-3,
            max_iter=2000,
            random_state=self.random_state,
        )
        return make_pipeline(StandardScaler(), network)


def _storable(member: Any) -> Any:
    """A member without the state of its optimiser, which predicts nothing and cannot be kept."""
    last = member[-1] if hasattr(member, "steps") else member
    if not hasattr(last, "_optimizer"):
        return member
    kept = deepcopy(member)
    del kept[-1]._optimizer
    return kept


def _space_of(X: Any) -> ParameterSpace:
    if hasattr(X, "columns"):
        frame = X.loc[:, [c for c in X if pd.api.types.is_numeric_dtype(X[c])]]
        space = ParameterSpace.around(frame)
        flat = [str(c) for c in frame if str(c) not in space.names]
        if flat:
            # Kept as a parameter, so that results have a column for it; its effect is zero.
            by_name = {param.name: param for param in space.params}
            for name in flat:
                value = float(frame[name].iloc[0])
                by_name[name] = Param(name, "", value - 1.0, value + 1.0, "linear")
            return ParameterSpace(by_name[str(c)] for c in frame)
        return space
    values = np.asarray(X, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"X: found shape {values.shape}, expected (n, n_parameters)")
    return ParameterSpace(
        Param(f"x{i}", "", low, high if high > low else low + 1.0, "linear")
        for i, (low, high) in enumerate(zip(values.min(axis=0), values.max(axis=0), strict=True))
    )


def _check_rows(values: NDArray[np.float64], y: NDArray[np.float64], kind: str) -> None:
    if y.shape != (len(values),):
        raise ValueError(f"y: found shape {y.shape}, expected ({len(values)},)")
    for name, array in (("y", y), ("X", values)):
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            raise ValueError(
                f"{name}, row {bad[0][0]}: found {array[tuple(bad[0])]}; leave out models in "
                "which the ratio is masked (RatioTable.rows does)"
            )
    if len(y) < FEWEST_MODELS:
        few = f"{len(y)} usable models, fewer than {FEWEST_MODELS}"
        if kind != "gp":
            raise ValueError(f"y: {few}; use kind='gp', or a larger grid")
        warnings.warn(f"{few}: the errors are little more than the prior", stacklevel=3)


def _frozen(axis: NDArray[np.float64], space: ParameterSpace) -> NDArray[np.float64]:
    """Value at which a parameter is held because it was constant or repeats another; else NaN."""
    frozen = np.full(axis.shape[1], np.nan)
    for j, name in enumerate(space.names):
        column = axis[:, j]
        twin = next(
            (i for i in range(j) if np.isnan(frozen[i]) and np.array_equal(axis[:, i], column)),
            None,
        )
        if np.ptp(column) <= 1e-12 * max(1.0, abs(column[0])):
            reason = "does not vary"
        elif twin is not None:
            reason = f"repeats {space.names[twin]!r}"
        else:
            continue
        frozen[j] = float(np.median(column))
        warnings.warn(f"parameter {name!r} {reason} and is left out", stacklevel=4)
    return frozen


def _best_weights(held_out: NDArray[np.float64], y: NDArray[np.float64]) -> list[float]:
    """Weights of two members, between 0 and 1, that predict held-out rows best."""
    first, second = held_out.T
    gap = first - second
    share = float(np.clip(gap @ (y - second) / max(gap @ gap, 1e-300), 0.0, 1.0))
    return [share, 1.0 - share]
