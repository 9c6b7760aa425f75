"""Ratios in closed form, of which every Shapley value and Sobol index is known exactly.

Seven parameters, each spread evenly over its range (in the logarithm), give a ratio by
linear and square terms, two products, and a threshold in temperature that switches the
influence of carbon. It stands in for chemistry where an answer must be known in advance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .ratios import NINE_RATIOS
from .space import CLOUD

if TYPE_CHECKING:
    from .grid import ModelGrid

__all__ = ["ClosedForm", "closed_form", "simulate_grid"]

Floats = NDArray[np.float64]
_LETTERS = ("T", "n", "zeta", "G0", "Av", "C", "O")
_STEEPNESS, _THRESHOLD = 20.0, 0.45
_NOISE_DEX = 0.05


@dataclass(frozen=True)
class ClosedForm:
    """One ratio as a function of seven positions between 0 and 1, in dex.

    Parameters
    ----------
    linear, square : array of float, shape (7,)
        Weights of u - 1/2 and of u² - 1/3.
    carbon_temperature, density_ionisation : float
        Weights of the two products.
    threshold : float
        Weight of C above the threshold in T.
    mean : float
        The mean over the box without the threshold term.

    Examples
    --------
    >>> ratio = closed_form("CN/HCN")
    >>> u = np.random.default_rng(0).random((4, 7))
    >>> values = ratio.shapley(u)
    >>> bool(np.allclose(values.sum(axis=1) + ratio.base, ratio(u)))
    True
    """

    linear: Floats = field(default_factory=lambda: np.zeros(7))
    square: Floats = field(default_factory=lambda: np.zeros(7))
    carbon_temperature: float = 0.0
    density_ionisation: float = 0.0
    threshold: float = 0.0
    mean: float = 0.0

    def __call__(self, u: Floats) -> Floats:
        """Log ratio at positions ``u`` of shape (n, 7)."""
        T, n, zeta, C = u[:, 0], u[:, 1], u[:, 2], u[:, 5]
        y = self.mean + (u - 0.5) @ self.linear + (u**2 - 1 / 3) @ self.square
        y = y + self.carbon_temperature * (T * C - 0.25)
        y = y + self.density_ionisation * (n * zeta - 0.25)
        return np.asarray(y + self.threshold * _switch(T) * C)

    @property
    def base(self) -> float:
        """Mean over the box."""
        return self.mean + self.threshold * _SWITCH_MEAN / 2

    def shapley(self, u: Floats) -> Floats:
        """Exact interventional Shapley values against the whole box, shape (n, 7)."""
        phi = (u - 0.5) * self.linear + (u**2 - 1 / 3) * self.square
        for i, j, weight in self._products():
            phi[:, i] += weight / 2 * (u[:, i] - 0.5) * (u[:, j] + 0.5)
            phi[:, j] += weight / 2 * (u[:, j] - 0.5) * (u[:, i] + 0.5)
        g, half = _switch(u[:, 0]), self.threshold / 2
        phi[:, 0] += half * (g - _SWITCH_MEAN) * (u[:, 5] + 0.5)
        phi[:, 5] += half * (u[:, 5] - 0.5) * (g + _SWITCH_MEAN)
        return phi

    def interactions(self, u: Floats) -> Floats:
        """Exact Shapley interactions, shape (n, 7, 7); rows sum to the Shapley values."""
        matrix = np.zeros((len(u), 7, 7))
        for i, j, weight in self._products():
            matrix[:, i, j] += weight / 2 * (u[:, i] - 0.5) * (u[:, j] - 0.5)
        matrix[:, 0, 5] += self.threshold / 2 * (_switch(u[:, 0]) - _SWITCH_MEAN) * (u[:, 5] - 0.5)
        matrix += matrix.transpose(0, 2, 1)
        diagonal = np.arange(7)
        matrix[:, diagonal, diagonal] = self.shapley(u) - matrix.sum(axis=2)
        return matrix

    def sobol(self) -> tuple[Floats, Floats, float]:
        """Exact first-order and total Sobol indices, and the variance over the box.

        Returns
        -------
        first, total : array of float, shape (7,)
        variance : float
            In dex².
        """
        # Main effects as functions on nodes; variances are integrals of their squares.
        x, w = _NODES
        effect = self.linear[:, None] * (x - 0.5) + self.square[:, None] * (x**2 - 1 / 3)
        for i, j, weight in self._products():
            effect[i] += weight / 2 * (x - 0.5)
            effect[j] += weight / 2 * (x - 0.5)
        g = _switch(x)
        effect[0] += self.threshold / 2 * (g - _SWITCH_MEAN)
        effect[5] += self.threshold * _SWITCH_MEAN * (x - 0.5)
        main = (effect**2) @ w
        pairs = np.zeros((7, 7))
        pairs[1, 2] = self.density_ionisation**2 / 144
        # T and C meet in two terms, whose interactions add before they are squared.
        switch = self.threshold * (g - _SWITCH_MEAN) + self.carbon_temperature * (x - 0.5)
        pairs[0, 5] = (switch**2) @ w / 12
        pairs += pairs.T
        variance = float(main.sum() + pairs.sum() / 2)
        return main / variance, (main + pairs.sum(axis=1)) / variance, variance

    def _products(self) -> tuple[tuple[int, int, float], ...]:
        return (0, 5, self.carbon_temperature), (1, 2, self.density_ionisation)


def closed_form(ratio: str) -> ClosedForm:
    """The closed form of one of the nine ratios.

    CN/HCN, HNC/HCN and CS/SO follow what the paper says of them; the others are drawn.

    Parameters
    ----------
    ratio : str
        One of the nine working ratios.

    Returns
    -------
    ClosedForm

    Raises
    ------
    ValueError
        If it is none of the nine.

    Examples
    --------
    >>> closed_form("HNC/HCN").threshold
    -0.8
    """
    if ratio in _PAPER:
        return _PAPER[ratio]
    if ratio not in NINE_RATIOS:
        raise ValueError(f"ratio {ratio!r} is none of {', '.join(NINE_RATIOS)}")
    rng = np.random.default_rng([2505, NINE_RATIOS.index(ratio)])
    return ClosedForm(linear=rng.normal(0, 0.5, 7), square=rng.normal(0, 0.2, 7), mean=-1.0)


def simulate_grid(
    n: int,
    *,
    noise_dex: float = _NOISE_DEX,
    seed: int = 2505,
    rng: np.random.Generator | int | None = None,
) -> ModelGrid:
    """Grid whose nine ratios are the closed forms, at 1e5 yr.

    Parameters
    ----------
    n : int
        Number of models: points of the same Sobol design as the given grid.
    noise_dex : float
        Scatter of each ratio, dex.
    seed : int
        Seed of the design.
    rng : numpy.random.Generator or int, optional
        Draws the scatter; see SPEC 7.

    Returns
    -------
    ModelGrid
        All species are detectable. No element is conserved: it is arithmetic, not chemistry.

    Examples
    --------
    >>> simulate_grid(32, rng=0).ratios().summary()["masked"].max()
    np.float64(0.0)
    """
    import pandas as pd

    from .grid import ModelGrid

    rng = np.random.default_rng(rng)
    inputs = CLOUD.sobol(n, seed=seed)
    u = CLOUD.to_unit(inputs)
    values = {r: closed_form(r)(u) + noise_dex * rng.normal(size=n) for r in NINE_RATIOS}
    log: dict[str, Floats] = {"HCN": np.full(n, -8.0), "SO": np.full(n, -9.0)}
    for ratio in NINE_RATIOS:
        above, below = ratio.split("/")
        log[above] = log[below] + values[ratio]
    lowest = min(column.min() for column in log.values())
    index = pd.MultiIndex.from_product([inputs.index, [1e5]], names=["model_id", "time_yr"])
    # Lifted together, so that every species is detectable and every ratio stays as it is.
    table = pd.DataFrame({s: column + max(0.0, -11.0 - lowest) for s, column in log.items()})
    return ModelGrid(inputs, table.set_axis(index), name="simulated")


def _switch(u_T: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-_STEEPNESS * (u_T - _THRESHOLD))))


def _gauss_legendre(n: int) -> tuple[Floats, Floats]:
    x, w = np.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, w / 2


_NODES = _gauss_legendre(200)
_SWITCH_MEAN = float(_switch(_NODES[0]) @ _NODES[1])


def _weights(**by_letter: float) -> Floats:
    return np.array([by_letter.get(letter, 0.0) for letter in _LETTERS])


_PAPER = {
    "CN/HCN": ClosedForm(
        linear=_weights(T=0.2, n=-1.2, zeta=0.5, G0=0.4, Av=-0.5, C=-0.9, O=0.1),
        carbon_temperature=0.8,
        mean=-0.3,
    ),
    "HNC/HCN": ClosedForm(linear=_weights(T=-1.0, n=0.1, C=0.5), threshold=-0.8, mean=-0.2),
    "CS/SO": ClosedForm(
        linear=_weights(T=-0.6, n=-0.4, C=1.4, O=-2.2), density_ionisation=0.4, mean=1.0
    ),
}
