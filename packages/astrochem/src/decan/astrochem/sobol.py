"""Sobol indices of an emulator, with intervals, and beside its Shapley values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .emulator import RatioEmulator
from .explain import ShapleyResult
from .space import ParameterSpace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SobolIndices", "compare_importance", "sobol_indices"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SobolIndices:
    """Shares of the variance over the box that parameters explain, with intervals.

    Parameters
    ----------
    space : ParameterSpace
        The parameters.
    first, total : array of float, shape (n_parameters,)
        Alone, and with all interactions.
    first_interval, total_interval : array of float, shape (2, n_parameters)
        16th and 84th percentiles of the bootstrap.
    second : array of float, shape (n_parameters, n_parameters), or None
        Shares that only a pair explains.
    variance : float
        Variance over the box, dex².
    held_out_r2 : float
        R² of the emulator on held-out models; NaN if unknown.

    Examples
    --------
    >>> from decan.astrochem import closed_form
    >>> found = sobol_indices(closed_form("CN/HCN"), n=256)
    >>> bool(abs(found.total - closed_form("CN/HCN").sobol()[1]).max() < 0.05)
    True
    """

    space: ParameterSpace
    first: Floats
    total: Floats
    first_interval: Floats
    total_interval: Floats
    second: Floats | None
    variance: float
    held_out_r2: float

    def table(self) -> pd.DataFrame:
        """A row a parameter, largest total index first."""
        import pandas as pd

        frame = pd.DataFrame(
            {
                "parameter": self.space.names,
                "first": self.first,
                "first low": self.first_interval[0],
                "first high": self.first_interval[1],
                "total": self.total,
                "total low": self.total_interval[0],
                "total high": self.total_interval[1],
            }
        )
        return frame.sort_values("total", ascending=False, ignore_index=True)


def sobol_indices(
    emulator: RatioEmulator | Any,
    space: ParameterSpace | None = None,
    *,
    n: int = 4096,
    second_order: bool = False,
    n_boot: int = 200,
    rng: np.random.Generator | int | None = None,
) -> SobolIndices:
    """First-order and total Sobol indices over a box.

    Parameters
    ----------
    emulator : RatioEmulator or callable
        A callable takes positions between 0 and 1, shape (n, n_parameters).
    space : ParameterSpace, optional
        The box; the emulator's own by default.
    n : int
        Points of the design; a power of two. ``n (d + 2)`` evaluations, twice that with
        second order.
    second_order : bool
        Whether shares of pairs are wanted.
    n_boot : int
        Resamples of the points for the intervals.
    rng : numpy.random.Generator or int, optional
        Scrambles the design and draws the resamples; see SPEC 7.

    Returns
    -------
    SobolIndices

    References
    ----------
    Saltelli et al. 2010, Computer Physics Communications 181, 259; Jansen 1999.

    Examples
    --------
    >>> sobol_indices(lambda u: u[:, 0], n=64, rng=0).total.round(2)[:2]
    array([1., 0.])
    """
    from scipy.stats import qmc

    from .space import CLOUD

    rng = np.random.default_rng(rng)
    box: ParameterSpace = space or getattr(emulator, "space_", None) or CLOUD
    d = len(box)
    points = qmc.Sobol(2 * d, scramble=True, seed=rng).random(n)
    A, B = points[:, :d], points[:, d:]
    evaluate = _evaluator(emulator, box)
    mixed = [_with_column(A, B, i) for i in range(d)]
    other = [_with_column(B, A, i) for i in range(d)] if second_order else []
    y = evaluate(np.concatenate([A, B, *mixed, *other])).reshape(-1, n)
    y_A, y_B, y_AB, y_BA = y[0], y[1], y[2 : 2 + d], y[2 + d :]
    first, total, variance = _indices(y_A, y_B, y_AB)
    draws = np.array(
        [
            np.stack(_indices(y_A[r], y_B[r], y_AB[:, r])[:2])
            for r in (rng.integers(0, n, n) for _ in range(n_boot))
        ]
    )
    second = _pairs(y_A, y_B, y_AB, y_BA, first, variance) if second_order else None
    low, high = np.percentile(draws, [16, 84], axis=0)
    return SobolIndices(
        space=box,
        first=first,
        total=total,
        first_interval=np.stack([low[0], high[0]]),
        total_interval=np.stack([low[1], high[1]]),
        second=second,
        variance=variance,
        held_out_r2=float(getattr(emulator, "held_out_r2_", np.nan)),
    )


def compare_importance(shapley: ShapleyResult, sobol: SobolIndices) -> pd.DataFrame:
    """Two ways to rank parameters, side by side.

    Parameters
    ----------
    shapley : ShapleyResult
        Of the same emulator.
    sobol : SobolIndices
        Of the same emulator.

    Returns
    -------
    pandas.DataFrame
        A row a parameter; ``attrs["spearman"]`` holds the rank correlation.

    Examples
    --------
    >>> from decan.astrochem import RatioEmulator, explain, simulate_grid
    >>> X, y = simulate_grid(64, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> emulator = RatioEmulator(n_trees=30, calibrate=False).fit(X, y)
    >>> table = compare_importance(explain(emulator, X), sobol_indices(emulator, n=64))
    >>> table.attrs["spearman"] > 0.5
    True
    """
    import pandas as pd
    from scipy.stats import spearmanr

    table = pd.DataFrame(
        {
            "parameter": shapley.space.names,
            "mean |phi| [dex]": np.abs(shapley.values).mean(axis=0),
            "total Sobol index": sobol.total,
        }
    )
    correlation = spearmanr(table["mean |phi| [dex]"], table["total Sobol index"]).statistic
    table.attrs["spearman"] = float(correlation)
    return table


def _evaluator(emulator: Any, box: ParameterSpace) -> Any:
    if not isinstance(emulator, RatioEmulator):
        return emulator
    return lambda u: emulator.predict_axis(box.to_axis(box.from_unit(u)))


def _with_column(A: Floats, B: Floats, i: int) -> Floats:
    out = A.copy()
    out[:, i] = B[:, i]
    return out


def _indices(y_A: Floats, y_B: Floats, y_AB: Floats) -> tuple[Floats, Floats, float]:
    variance = float(np.var(np.r_[y_A, y_B]))
    if variance == 0:
        return np.zeros(len(y_AB)), np.zeros(len(y_AB)), 0.0
    first = 1 - np.mean((y_B - y_AB) ** 2, axis=1) / (2 * variance)
    total = np.mean((y_A - y_AB) ** 2, axis=1) / (2 * variance)
    return first, total, variance


def _pairs(
    y_A: Floats, y_B: Floats, y_AB: Floats, y_BA: Floats, first: Floats, variance: float
) -> Floats:
    d = len(first)
    second = np.zeros((d, d))
    for i in range(d):
        for j in range(i + 1, d):
            both = np.mean(y_BA[i] * y_AB[j] - y_A * y_B) / variance
            second[i, j] = second[j, i] = both - first[i] - first[j]
    return second
