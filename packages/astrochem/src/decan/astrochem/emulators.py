"""Emulators of several ratios together, with the errors that they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decan.core.data.splits import check_no_leak
from decan.core.saved import Saved

from .emulator import RatioEmulator
from .ratios import RatioTable
from .space import CLOUD, ParameterSpace, row_labels
from .validation import CrossValidation, cross_validate

__all__ = ["EmulatorSet"]

_FEWEST_SHARED = 30


class EmulatorSet(Saved, Mapping[str, RatioEmulator]):
    """One emulator a ratio, with held-out scores and the correlation of their errors.

    Parameters
    ----------
    kind : {'ensemble', 'gp', 'xgb', 'mlp', 'hgb'}
        As in :class:`RatioEmulator`.
    coordinates : {'auto', 'physical', 'derived'}
        As in :class:`RatioEmulator`.
    n_trees : int
        Trees of XGBoost in each emulator.
    n_folds : int
        Folds of the cross-validation that gives scores and correlations; 0 for none.
    random_state : int
        Seed.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> emulators = EmulatorSet("gp", n_folds=3).fit(simulate_grid(48, rng=1).ratios(["CS/SO"]))
    >>> emulators
    <EmulatorSet gp: 1 ratio, mean held-out R² 0...>
    >>> emulators.predict(CLOUD.sobol(2)).columns.tolist()
    ['CS/SO', 'CS/SO error', 'in_range']
    """

    _shipped = "nine-ratios"

    def __init__(
        self,
        kind: str = "ensemble",
        *,
        coordinates: str = "auto",
        n_trees: int = 200,
        n_folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.kind = kind
        self.coordinates = coordinates
        self.n_trees = n_trees
        self.n_folds = n_folds
        self.random_state = random_state
        self._members: dict[str, RatioEmulator] = {}
        self.validations: dict[str, CrossValidation] = {}
        self.correlation = np.eye(0)
        self.tail_dof, self.tail_scale = np.inf, 1.0

    def fit(self, table: RatioTable, *, space: ParameterSpace | None = None) -> Self:
        """Learn every ratio of a table.

        Parameters
        ----------
        table : RatioTable
            What ``ModelGrid.ratios`` gives.
        space : ParameterSpace, optional
            The box. The cloud's box if all models lie in it, else the smallest around them.

        Returns
        -------
        EmulatorSet
            Itself.

        Raises
        ------
        ValueError
            If a ratio is masked in more than 80 % of the models, or too few are left.
        """
        from tqdm.auto import tqdm

        box = space or _box(table.inputs)
        self._members, self.validations = {}, {}
        for name in tqdm(table.names, desc="ratios", leave=False, disable=None):
            X, y = table.trainable_rows(name)
            emulator = RatioEmulator(
                self.kind,
                coordinates=self.coordinates,
                space=box,
                n_trees=self.n_trees,
                random_state=self.random_state,
            )
            self._members[name] = emulator.fit(X, y)
            if self.n_folds:
                self.validations[name] = cross_validate(
                    emulator, X, y, n_folds=self.n_folds, random_state=self.random_state
                )
        self.correlation = _correlation(self.validations, list(self._members))
        self.tail_dof, self.tail_scale = _tails(self.validations)
        return self

    @property
    def space(self) -> ParameterSpace:
        """The training box."""
        return next(iter(self._members.values())).space_

    def predict(self, X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
        """Ratios and errors of each cloud, dex, and whether it lies in the training box.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, n_parameters)
            Parameters in their units.

        Returns
        -------
        pandas.DataFrame
            Columns ``RATIO`` and ``RATIO error`` for each ratio, and ``in_range``.
        """
        values = self.space.values(X)
        mean, std = self.predict_axis(self.space.to_axis(values))
        columns: dict[str, Any] = {}
        for j, name in enumerate(self):
            columns[name], columns[f"{name} error"] = mean[:, j], std[:, j]
        columns["in_range"] = self.space.contains(values)
        return pd.DataFrame(columns, index=row_labels(X))

    def predict_axis(
        self, axis: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means and errors of all ratios for rows on the axes, each of shape (n, n_ratios)."""
        both = [self._members[name].predict_axis(axis, return_std=True) for name in self]
        return np.column_stack([m for m, _ in both]), np.column_stack([s for _, s in both])

    def scores(self, *, n_boot: int = 200) -> pd.DataFrame:
        """A row a ratio: models, held-out R² and error with intervals, coverage of the errors."""
        rows = []
        for name, found in self.validations.items():
            r2, rmse = found.r2(n_boot=n_boot), found.rmse(n_boot=n_boot)
            rows.append(
                {
                    "ratio": name,
                    "models": len(found.truth),
                    "R2": r2.value,
                    "R2 low": r2.low,
                    "R2 high": r2.high,
                    "RMSE [dex]": rmse.value,
                    "RMSE low": rmse.low,
                    "RMSE high": rmse.high,
                    "68 % coverage": found.coverage,
                }
            )
        return pd.DataFrame(rows)

    def evaluate(self, table: RatioTable) -> pd.DataFrame:
        """Scores on a table of other models.

        Parameters
        ----------
        table : RatioTable
            None of its models may have been trained on.

        Returns
        -------
        pandas.DataFrame
            A row a ratio: models, R², RMSE, coverage.

        Raises
        ------
        ValueError
            If a model was trained on: its score would be of memory.
        """
        rows = []
        for name in table.names:
            X, y = table.rows(name)
            check_no_leak(self[name].model_ids_, np.asarray(X.index))
            axis = self.space.to_axis(self.space.values(X))
            mean, std = self[name].predict_axis(axis, return_std=True)
            found = CrossValidation(y.to_numpy(), mean, std, np.asarray(X.index))
            rows.append(
                {
                    "ratio": name,
                    "models": len(y),
                    "R2": found.r2().value,
                    "RMSE [dex]": found.rmse().value,
                    "68 % coverage": found.coverage,
                }
            )
        return pd.DataFrame(rows)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings: dict[str, Any] = {
            "kind": self.kind,
            "coordinates": self.coordinates,
            "n_trees": self.n_trees,
            "n_folds": self.n_folds,
            "random_state": self.random_state,
            "members": {},
        }
        tails = np.array([self.tail_dof, self.tail_scale])
        parts: dict[str, Any] = {"shared": {"correlation": self.correlation, "tails": tails}}
        for number, (name, emulator) in enumerate(self.items()):
            settings["members"][name], parts[f"ratio{number}"] = emulator._state()
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        members = settings.pop("members")
        emulators = cls(settings.pop("kind"), **settings)
        for number, (name, inner) in enumerate(members.items()):
            emulators._members[name] = RatioEmulator._from_state(inner, parts[f"ratio{number}"])
        emulators.correlation = parts["shared"]["correlation"]
        emulators.tail_dof, emulators.tail_scale = parts["shared"]["tails"].tolist()
        return emulators

    def __getitem__(self, ratio: str) -> RatioEmulator:
        if ratio not in self._members:
            raise KeyError(f"no emulator of {ratio!r}; there are {', '.join(self._members)}")
        return self._members[ratio]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        if not self._members:
            return f"<EmulatorSet {self.kind}: not fitted>"
        scores = [emulator.held_out_r2_ for emulator in self.values()]
        plural = "" if len(self) == 1 else "s"
        known = (
            "held-out R² unknown"
            if np.isnan(scores).all()
            else (f"mean held-out R² {np.nanmean(scores):.2f}")
        )
        return f"<EmulatorSet {self.kind}: {len(self)} ratio{plural}, {known}>"


def _box(inputs: pd.DataFrame) -> ParameterSpace:
    if set(CLOUD.names) <= set(inputs) and CLOUD.contains(inputs).all():
        return CLOUD
    return ParameterSpace.around(inputs)


def _tails(validations: Mapping[str, CrossValidation]) -> tuple[float, float]:
    """Degrees of freedom and scale of Student's t for held-out errors over their estimates.

    Where chemistry changes abruptly an emulator is wrong by many of its errors; a normal
    distribution would let one such ratio overrule all others.
    """
    from scipy.stats import t

    if not validations:
        return np.inf, 1.0
    z = np.concatenate([found.residual / found.std for found in validations.values()])
    dof, _, scale = t.fit(z[np.isfinite(z)], floc=0.0)
    return float(np.clip(dof, 2.0, 100.0)), float(scale)


def _correlation(
    validations: Mapping[str, CrossValidation], names: list[str]
) -> NDArray[np.float64]:
    """Correlation of held-out errors: ratios over one species are wrong together."""
    matrix = np.eye(len(names))
    if len(validations) < len(names):
        return matrix
    errors = pd.DataFrame(
        {
            name: pd.Series(found.residual / found.std, index=found.model_ids)
            for name, found in validations.items()
        }
    )[names]
    found = errors.clip(-4, 4).corr(min_periods=_FEWEST_SHARED).fillna(0.0).to_numpy()
    # Pairwise sets of models need not give a valid matrix; the nearest one by eigenvalues does.
    value, vector = np.linalg.eigh(found)
    fixed = (vector * np.maximum(value, 0.05)) @ vector.T
    scale = np.sqrt(np.diag(fixed))
    return np.asarray(fixed / np.outer(scale, scale))
