"""Clouds that agree with an observation, each with its weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .observation import Observation
from .space import ParameterSpace

__all__ = ["INCONSISTENT", "Posterior"]

Floats = NDArray[np.float64]
INCONSISTENT = 1e-6
"""Chance to exceed the smallest chi square, below which the ratios contradict each other."""


@dataclass(frozen=True)
class Posterior:
    """Clouds that agree with an observation, each with its weight.

    Parameters
    ----------
    space : ParameterSpace
        The box.
    axis : array of float, shape (n, n_parameters)
        Parameters on their axes (log10).
    weight : array of float, shape (n,)
        Sum to 1.
    observations : tuple of Observation
        What was observed.
    chi2, tail : float
        Smallest chi square in the box, and the chance to exceed it.

    Examples
    --------
    >>> from decan.astrochem import CLOUD
    >>> Posterior(CLOUD, np.zeros((2, 7)), np.array([0.5, 0.5]), (), 0.0, 1.0).inconsistent
    False
    """

    space: ParameterSpace
    axis: Floats
    weight: Floats
    observations: tuple[Observation, ...]
    chi2: float
    tail: float

    @property
    def inconsistent(self) -> bool:
        """Whether no cloud of the box gives these ratios: then nothing below is a result."""
        return self.tail < INCONSISTENT

    @property
    def effective_size(self) -> float:
        """How many independent clouds the weights amount to."""
        return float(1.0 / np.sum(self.weight**2))

    def quantile(self, name: str, q: ArrayLike) -> Floats:
        """Quantiles of a parameter, in its unit."""
        j = self.space.names.index(name)
        order = np.argsort(self.axis[:, j])
        cumulative = np.cumsum(self.weight[order]) - self.weight[order] / 2
        found = np.interp(np.asarray(q, dtype=float), cumulative, self.axis[order, j])
        return 10.0**found if self.space.params[j].scale == "log" else found

    def summary(self) -> pd.DataFrame:
        """A row a parameter: median, 68 % interval, and how much narrower than the prior.

        ``narrowing`` is 0 where nothing was learned and 1 where all is known. All are NaN
        where the ratios contradict each other: then nothing is a result.
        """
        rows = []
        for j, param in enumerate(self.space.params):
            low, mid, high = self.quantile(param.name, [0.16, 0.5, 0.84])
            ends = self.space.to_axis(
                np.array([[p.low for p in self.space.params], [p.high for p in self.space.params]])
            )[:, j]
            mean = self.weight @ self.axis[:, j]
            spread = np.sqrt(self.weight @ (self.axis[:, j] - mean) ** 2)
            rows.append(
                {
                    "parameter": param.name,
                    "unit": param.unit,
                    "median": mid,
                    "low": low,
                    "high": high,
                    "narrowing": 1 - spread * np.sqrt(12) / (ends[1] - ends[0]),
                    "flag": "inconsistent" if self.inconsistent else "",
                }
            )
        table = pd.DataFrame(rows)
        if self.inconsistent:
            table[["median", "low", "high", "narrowing"]] = np.nan
        return table

    def sample(self, n: int, *, rng: np.random.Generator | int | None = None) -> pd.DataFrame:
        """Clouds drawn from the posterior, all with the same weight."""
        rng = np.random.default_rng(rng)
        rows = rng.choice(len(self.weight), n, p=self.weight)
        unit = self.axis[rows]
        log = np.array([param.scale == "log" for param in self.space.params])
        return pd.DataFrame(np.where(log, 10.0**unit, unit), columns=list(self.space.names))

    def __repr__(self) -> str:
        state = "inconsistent" if self.inconsistent else f"{self.effective_size:.0f} clouds"
        return f"<Posterior of {len(self.observations)} ratios: {state}, chi2 {self.chi2:.1f}>"

    def _repr_html_(self) -> str:
        return self.summary().to_html(index=False, float_format=lambda x: f"{x:.3g}")
