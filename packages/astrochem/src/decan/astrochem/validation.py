"""How well an emulator does on models it has not seen: never by row, always by model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import KFold

from decan.core.data.splits import check_no_leak
from decan.core.metrics import Estimate, bootstrap

from .emulator import RatioEmulator

__all__ = ["CrossValidation", "cross_validate", "learning_curve"]


@dataclass(frozen=True)
class CrossValidation:
    """Predictions of models by emulators that were trained on the others.

    Parameters
    ----------
    truth, mean, std : array of float, shape (n,)
        Log ratios of the chemical models, of the emulators, and the emulators' errors, dex.
    model_ids : array, shape (n,)
        Which models.

    Examples
    --------
    >>> found = CrossValidation(np.arange(4.0), np.arange(4.0), np.ones(4), np.arange(4))
    >>> found.r2().value, found.coverage
    (1.0, 1.0)
    """

    truth: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    model_ids: NDArray[np.int64]

    def r2(self, *, n_boot: int = 0, rng: int | None = 0) -> Estimate:
        """Share of the variance that is predicted, pooled over folds."""
        return bootstrap(_r2, self.truth, self.mean, groups=self.model_ids, n_boot=n_boot, rng=rng)

    def rmse(self, *, n_boot: int = 0, rng: int | None = 0) -> Estimate:
        """Root mean square error, dex."""
        return bootstrap(
            _rmse, self.truth, self.mean, groups=self.model_ids, n_boot=n_boot, rng=rng
        )

    @property
    def residual(self) -> NDArray[np.float64]:
        """Truth minus prediction, dex."""
        return self.truth - self.mean

    @property
    def coverage(self) -> float:
        """Share of models within one error; 0.68 is right."""
        return float(np.mean(np.abs(self.residual) <= self.std))


def cross_validate(
    emulator: RatioEmulator,
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    n_folds: int = 5,
    random_state: int = 0,
    groups: ArrayLike | None = None,
) -> CrossValidation:
    """Predict each model by an emulator that has not seen it, at any time.

    Parameters
    ----------
    emulator : RatioEmulator
        Its settings are used. If it is fitted, ``held_out_r2_`` is set on it.
    X : DataFrame
        Parameters; the index says which rows are one model.
    y : array_like, shape (n,)
        Log ratios, dex.
    n_folds : int
        Number of folds.
    random_state : int
        Seed of the folds.
    groups : array_like, shape (n,), optional
        The model of each row, if the index of ``X`` does not say it.

    Returns
    -------
    CrossValidation

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(64, rng=1).ratios(["HNC/HCN"]).rows("HNC/HCN")
    >>> cross_validate(RatioEmulator("gp"), X, y).r2().value > 0.8
    True
    """
    truth = np.asarray(y, dtype=float)
    ids = np.asarray(groups if groups is not None else X.index)
    models = np.unique(ids)
    mean, std = np.empty(len(truth)), np.empty(len(truth))
    for train, test in KFold(n_folds, shuffle=True, random_state=random_state).split(models):
        inside, outside = np.isin(ids, models[train]), np.isin(ids, models[test])
        check_no_leak(ids[inside], ids[outside])
        member = clone(emulator)
        with warnings.catch_warnings():
            # A fold's models can lie at the rim of a box that the others span.
            warnings.simplefilter("ignore", UserWarning)
            member.fit(X.loc[inside], truth[inside])
            mean[outside], std[outside] = member.predict(X.loc[outside], return_std=True)
    found = CrossValidation(truth, mean, std, ids)
    if hasattr(emulator, "space_"):
        emulator.held_out_r2_ = found.r2().value
    return found


def learning_curve(
    emulator: RatioEmulator,
    X: pd.DataFrame,
    y: ArrayLike,
    sizes: Sequence[int],
    *,
    test_fraction: float = 0.25,
) -> pd.DataFrame:
    """R² and error on the last models of a design, trained on longer and longer beginnings.

    Beginnings of a Sobol sequence fill the box evenly, so the curve tells what a larger
    grid would bring.

    Parameters
    ----------
    emulator : RatioEmulator
        Its settings are used.
    X : DataFrame
        Parameters, in the order of the design.
    y : array_like, shape (n,)
        Log ratios, dex.
    sizes : sequence of int
        Models to train on; those beyond what is left are cut.
    test_fraction : float
        Share of the models, at the end of the design, that is tested on.

    Returns
    -------
    pandas.DataFrame
        ``models``, ``R2``, ``RMSE [dex]``.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(96, rng=1).ratios(["HNC/HCN"]).rows("HNC/HCN")
    >>> learning_curve(RatioEmulator("gp"), X, y, [32, 64])["models"].tolist()
    [32, 64]
    """
    truth = np.asarray(y, dtype=float)
    n_test = round(test_fraction * len(truth))
    first, rows = len(truth) - n_test, []
    for size in sorted({min(int(size), first) for size in sizes}):
        member = clone(emulator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            predicted = member.fit(X.iloc[:size], truth[:size]).predict(X.iloc[first:])
        rows.append(
            {
                "models": size,
                "R2": _r2(truth[first:], predicted),
                "RMSE [dex]": _rmse(truth[first:], predicted),
            }
        )
    return pd.DataFrame(rows)


def _r2(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    spread = np.sum((truth - truth.mean()) ** 2)
    return float(1 - np.sum((truth - mean) ** 2) / spread) if spread > 0 else float("nan")


def _rmse(truth: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((truth - mean) ** 2)))
