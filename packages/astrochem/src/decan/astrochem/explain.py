"""What an emulator rests on: exact Shapley values, with their checks and their intervals."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from decan.core.metrics import Estimate

from .emulator import RatioEmulator
from .games import interaction_operator, shapley_operator
from .space import ParameterSpace, row_labels
from .trees import Forest

__all__ = ["Importance", "ShapleyResult", "explain", "importance_intervals"]

Floats = NDArray[np.float64]
MIN_R2 = 0.5
_BACKGROUND = 1024
_SMALL_BACKGROUND = 64
_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class ShapleyResult:
    """Shapley values of the parameters for some clouds, dex.

    Parameters
    ----------
    inputs : DataFrame
        The clouds that were explained.
    values : array of float, shape (n, n_parameters)
        How much each parameter moves the log ratio from the mean.
    base : float
        The mean over the reference.
    prediction : array of float, shape (n,)
        What the emulator says.
    interactions : array of float, shape (n, n_parameters, n_parameters), or None
        Rows sum to ``values``.
    method : str
        ``interventional`` (parameters independent, as in the design) or ``path``.
    held_out_r2 : float
        R² of the emulator on models it was not trained on; NaN if nobody measured it.
    space : ParameterSpace
        Names and units.
    target : str
        The ratio.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(128, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> result = explain(RatioEmulator(calibrate=False, n_trees=100).fit(X, y), X)
    >>> result.additivity_error < 1e-12
    True
    >>> list(result.global_importance()["parameter"])[0]
    'nH_cm3'
    """

    inputs: pd.DataFrame
    values: Floats
    base: float
    prediction: Floats
    interactions: Floats | None
    method: str
    held_out_r2: float
    space: ParameterSpace
    target: str = ""

    @property
    def additivity_error(self) -> float:
        """Largest difference between a prediction and the sum that explains it, dex."""
        return float(np.abs(self.values.sum(axis=1) + self.base - self.prediction).max())

    def global_importance(self) -> pd.DataFrame:
        """Mean absolute Shapley value of each parameter, largest first, dex."""
        size = np.abs(self.values).mean(axis=0)
        frame = pd.DataFrame({"parameter": self.space.names, "mean |phi| [dex]": size})
        return frame.sort_values("mean |phi| [dex]", ascending=False, ignore_index=True)

    def ranking(self) -> list[str]:
        """Parameters by importance, if the emulator is good enough to be asked.

        Raises
        ------
        ValueError
            If R² on held-out models is below 0.5, or unknown.
        """
        if not self.held_out_r2 >= MIN_R2:
            known = (
                f"{self.held_out_r2:.2f}, below {MIN_R2}"
                if self.held_out_r2 == (self.held_out_r2)
                else "unknown"
            )
            raise ValueError(
                f"{self.target or 'this emulator'}: R² on held-out models is {known}; Shapley "
                "values explain the emulator, and a ranking of parameters from it would not be "
                "about chemistry. Use a larger grid or a better kind, or run cross_validate first."
            )
        return list(self.global_importance()["parameter"])

    def dependence(self, name: str, color: str | None = None) -> pd.DataFrame:
        """Value of a parameter against its Shapley value, and a second parameter beside it."""
        frame = pd.DataFrame({name: self.inputs[name].to_numpy(), "phi [dex]": self._of(name)})
        return frame if color is None else frame.assign(**{color: self.inputs[color].to_numpy()})

    def regime_table(self, by: str = "T_K", *, bins: ArrayLike | int = 4) -> pd.DataFrame:
        """Mean absolute Shapley values in ranges of one parameter, dex.

        Parameters
        ----------
        by : str
            The parameter that is cut into ranges.
        bins : int or array_like
            Number of ranges with equal numbers of clouds, or their edges.

        Returns
        -------
        pandas.DataFrame
            A row a range: its edges, number of clouds, and a column a parameter.
        """
        column = self.inputs[by].to_numpy(dtype=float)
        edges = (
            np.quantile(column, np.linspace(0, 1, bins + 1))
            if isinstance(bins, int)
            else np.asarray(bins, dtype=float)
        )
        rows = []
        for low, high in pairwise(edges):
            inside = (column >= low) & ((column < high) | ((column == high) & (high == edges[-1])))
            size = np.abs(self.values[inside]).mean(axis=0) if inside.any() else np.nan
            row = {f"{by} from": low, f"{by} to": high, "clouds": int(inside.sum())}
            sizes = np.broadcast_to(size, len(self.space))
            rows.append({**row, **dict(zip(self.space.names, sizes, strict=True))})
        return pd.DataFrame(rows)

    def interaction_table(self) -> pd.DataFrame:
        """Mean absolute interaction of each pair of parameters, largest first, dex.

        Raises
        ------
        ValueError
            If interactions were not asked for.
        """
        if self.interactions is None:
            raise ValueError("interactions were not computed; pass interactions=True to explain")
        size = 2 * np.abs(self.interactions).mean(axis=0)
        rows = [
            {"first": a, "second": b, "mean |interaction| [dex]": size[i, j]}
            for i, a in enumerate(self.space.names)
            for j, b in enumerate(self.space.names)
            if i < j
        ]
        frame = pd.DataFrame(rows)
        return frame.sort_values("mean |interaction| [dex]", ascending=False, ignore_index=True)

    def __repr__(self) -> str:
        r2 = "held-out R² unknown" if np.isnan(self.held_out_r2) else f"R² {self.held_out_r2:.2f}"
        top = ", ".join(
            f"{row[0]} {row[1]:.2f}" for row in self.global_importance().head(3).to_numpy()
        )
        return f"<ShapleyResult {self.target}: {len(self.values)} clouds, {r2}; {top} dex>"

    def _of(self, name: str) -> Floats:
        return self.values[:, self.space.names.index(name)]


def explain(
    emulator: RatioEmulator,
    X: pd.DataFrame | ArrayLike,
    *,
    method: str = "interventional",
    background: pd.DataFrame | ArrayLike | int | None = None,
    interactions: bool = False,
    target: str = "",
) -> ShapleyResult:
    """Exact Shapley values of an emulator's prediction for each cloud.

    The reference is the box itself, each parameter evenly spread and independent, unless a
    background is given. Trees on the parameters are explained leaf by leaf; every other
    kind by all coalitions of the parameters, so that derived coordinates are no obstacle.

    Parameters
    ----------
    emulator : RatioEmulator
        Fitted.
    X : DataFrame or array_like, shape (n, n_parameters)
        The clouds.
    method : {'interventional', 'path'}
        ``path`` takes the branches' shares of training models instead of a background;
        only trees know it, and on a design with independent parameters both agree in rank.
    background : DataFrame, array_like or int, optional
        Clouds to average over, or a number of points of the box.
    interactions : bool
        Whether Shapley interactions are wanted too.
    target : str
        Name of the ratio, for tables and figures.

    Returns
    -------
    ShapleyResult

    Raises
    ------
    ValueError
        If the method is not known, or 'path' is asked of something that is no tree.

    References
    ----------
    Lundberg et al. 2020, Nature Machine Intelligence 2, 56; Janzing, Minorics & Bloebaum
    2020, AISTATS (on which reference to take).

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(64, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> explain(RatioEmulator("gp").fit(X, y), X.head(3)).values.shape
    (3, 7)
    """
    if method not in ("interventional", "path"):
        raise ValueError(f"method: {method!r} is neither 'interventional' nor 'path'")
    space = emulator.space_
    values = space.values(X)
    axis = space.to_axis(values)
    booster = emulator.trees
    if booster is None and method == "path":
        raise ValueError(
            f"method 'path' follows branches of trees; kind={emulator.kind!r} has none on the "
            "parameters themselves. Use 'interventional'."
        )
    if booster is not None:
        forest = Forest.from_xgboost(booster)
        rows = None
        if method == "interventional":
            rows = _held(emulator, _reference(space, background, _BACKGROUND))
        axis = _held(emulator, axis)
        phi, base, pairs = forest.shapley(axis, rows, interactions=interactions)
        prediction = forest.predict(axis)
    else:
        rows = _reference(space, background, _SMALL_BACKGROUND)
        worth = _all_coalitions(emulator, axis, rows)
        phi = worth @ shapley_operator(axis.shape[1]).T
        base, prediction = float(worth[0, 0]), worth[:, -1]
        pairs = None
        if interactions:
            pairs = np.einsum("ns,ijs->nij", worth, interaction_operator(axis.shape[1]))
    frozen = ~np.isnan(emulator.frozen_)
    phi[:, frozen] = 0.0
    return ShapleyResult(
        inputs=pd.DataFrame(values, columns=list(space.names), index=row_labels(X)),
        values=phi,
        base=base,
        prediction=prediction,
        interactions=pairs,
        method=method,
        held_out_r2=emulator.held_out_r2_,
        space=space,
        target=target,
    )


@dataclass(frozen=True)
class Importance:
    """Importances over refitted emulators: size, rank, and how sure the rank is.

    Parameters
    ----------
    space : ParameterSpace
        The parameters.
    draws : array of float, shape (n_boot, n_parameters)
        Mean absolute Shapley values of each refit, dex.
    n_models : int
        Models in each resample.

    Examples
    --------
    >>> from decan.astrochem import CLOUD
    >>> Importance(CLOUD, np.ones((2, 7)), 5).rank_of("T_K").value
    1.0
    """

    space: ParameterSpace
    draws: Floats
    n_models: int

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Rank of each parameter in each refit, 1 is first."""
        order = np.argsort(np.argsort(-self.draws, axis=1, kind="stable"), axis=1)
        return np.asarray(order + 1)

    def size_of(self, name: str) -> Estimate:
        """Mean absolute Shapley value of a parameter with its interval, dex."""
        return self._estimate(self.draws[:, self.space.names.index(name)])

    def rank_of(self, name: str) -> Estimate:
        """Rank of a parameter with its interval."""
        return self._estimate(self.ranks[:, self.space.names.index(name)])

    def table(self) -> pd.DataFrame:
        """A row a parameter: size and rank with their intervals, share of first places."""
        rows = []
        for j, name in enumerate(self.space.names):
            low, mid, high = np.percentile(self.draws[:, j], [16, 50, 84])
            first, last = np.percentile(self.ranks[:, j], [16, 84])
            rows.append(
                {
                    "parameter": name,
                    "mean |phi| [dex]": mid,
                    "low": low,
                    "high": high,
                    "rank": float(np.median(self.ranks[:, j])),
                    "rank from": first,
                    "rank to": last,
                    "share first": float((self.ranks[:, j] == 1).mean()),
                }
            )
        return pd.DataFrame(rows).sort_values("rank", ignore_index=True, kind="stable")

    def _estimate(self, draws: NDArray[Any]) -> Estimate:
        low, mid, high = np.percentile(draws, [16, 50, 84])
        return Estimate(float(mid), float(low), float(high), self.n_models)


def importance_intervals(
    emulator: RatioEmulator,
    X: pd.DataFrame,
    y: ArrayLike,
    *,
    n_boot: int = 30,
    method: str = "interventional",
    rng: np.random.Generator | int | None = None,
) -> Importance:
    """Importances with their intervals over emulators refitted to resampled models.

    Parameters
    ----------
    emulator : RatioEmulator
        Its settings are used; it need not be fitted.
    X, y
        Models and log ratios to resample.
    n_boot : int
        Refits.
    method : {'interventional', 'path'}
        As in :func:`explain`.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Importance

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(64, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> small = RatioEmulator(n_trees=20)
    >>> importance_intervals(small, X, y, n_boot=3, rng=0).draws.shape
    (3, 7)
    """
    rng = np.random.default_rng(rng)
    y = np.asarray(y, dtype=float)
    space = emulator.space or ParameterSpace.around(X)
    draws = []
    for _ in range(n_boot):
        rows = rng.integers(0, len(y), len(y))
        refit = clone(emulator).set_params(calibrate=False, space=space)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            refit.fit(X.iloc[rows], y[rows])
        draws.append(np.abs(explain(refit, X, method=method).values).mean(axis=0))
    return Importance(space, np.array(draws), len(y))


def _reference(space: ParameterSpace, background: Any, n_default: int) -> Floats:
    """Rows of the background on the axes."""
    if background is None or isinstance(background, int):
        n = n_default if background is None else background
        return space.to_axis(space.sobol(n, seed=1).to_numpy())
    return space.to_axis(space.values(background))


def _held(emulator: RatioEmulator, axis: Floats) -> Floats:
    return np.where(np.isnan(emulator.frozen_), axis, emulator.frozen_)


def _all_coalitions(emulator: RatioEmulator, axis: Floats, background: Floats) -> Floats:
    """Mean prediction over the background with each coalition fixed, shape (n, 2**d)."""
    n, d = axis.shape
    members = (np.arange(2**d)[:, None] >> np.arange(d)) & 1 == 1
    worth = np.empty((n, 2**d))
    empty = float(np.mean(emulator.predict_axis(background)))
    step = max(1, _ROWS_AT_ONCE // (len(background) * 2**d))
    for begin in range(0, n, step):
        rows = axis[begin : begin + step]
        mixed = np.where(
            members[None, :, None, :], rows[:, None, None, :], background[None, None, :, :]
        )
        predicted = np.asarray(emulator.predict_axis(mixed.reshape(-1, d)))
        worth[begin : begin + step] = predicted.reshape(len(rows), 2**d, -1).mean(axis=2)
    worth[:, 0] = empty
    return worth
