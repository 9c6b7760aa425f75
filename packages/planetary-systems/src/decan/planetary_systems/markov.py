"""Systems whose entropy, density and missing planets are known in closed form.

Two Markov chains from the star outwards: one over the cells of a grid, one over
continuous places and masses. They judge likelihoods, samplers and completions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .codec import GridCodec
from .systems import Systems

__all__ = ["MarkovCells", "MarkovGaps"]

_LN10 = np.log(10.0)
FloatArray = NDArray[np.float64]


class MarkovCells:
    """A chain over the cells of a grid that never moves inwards.

    Parameters
    ----------
    codec : GridCodec, optional
        The grid; 30 x 30 by default.
    concentration : float
        Of the Dirichlet distribution over the cells that may follow.
    stop : float
        Probability to stop at each point, also at the beginning.
    rng : numpy.random.Generator or int
        Draws the chain itself.

    Examples
    --------
    >>> chain = MarkovCells(GridCodec(n=5), rng=0)
    >>> systems = chain.sample(2000, rng=1)
    >>> tokens = systems.n_planets + len(systems)
    >>> bool(abs(-chain.log_prob(systems).sum() / tokens - chain.entropy_per_token) < 0.05)
    True
    """

    def __init__(
        self,
        codec: GridCodec | None = None,
        *,
        concentration: float = 0.1,
        stop: float = 1 / 12,
        rng: np.random.Generator | int = 0,
    ) -> None:
        self.codec, self.stop, self.concentration = codec or GridCodec(), stop, concentration
        generator = np.random.default_rng(rng)
        n = self.codec.n**2
        column = np.arange(n) // self.codec.n
        draws = generator.standard_gamma(concentration, size=(n + 1, n)) + 1e-12
        draws[:n] *= column[None, :] >= column[:, None]
        # Row n is the star itself.
        self.transition = (1 - stop) * draws / draws.sum(1, keepdims=True)

    @property
    def entropy_per_token(self) -> float:
        """Entropy, nats, a planet or stop: what no model can go below."""
        n = self.codec.n**2
        inner = self.transition[:n]
        visits = np.linalg.solve(np.eye(n) - inner.T, self.transition[n])
        full = np.column_stack([self.transition, np.full(n + 1, self.stop)])
        row = -np.where(full > 0, full * np.log(np.maximum(full, 1e-300)), 0).sum(1)
        return float((row[n] + visits @ row[:n]) / (1 + visits.sum()))

    def sample(self, n: int, *, rng: np.random.Generator | int | None = None) -> Systems:
        """Draw systems, places uniform in their cells."""
        generator = np.random.default_rng(rng)
        cells = self.codec.n**2
        cumulative = np.cumsum(self.transition, axis=1)
        state, alive = np.full(n, cells), np.arange(n)
        owner, cell = [], []
        while alive.size:
            u = generator.uniform(size=alive.size)
            found = np.empty(alive.size, dtype=np.int64)
            for at in np.unique(state):
                here = state == at
                found[here] = np.searchsorted(cumulative[at], u[here], side="right")
            going = found < cells
            alive, state = alive[going], found[going]
            owner.append(alive)
            cell.append(state)
        who, what = np.concatenate(owner), np.concatenate(cell)
        order = np.argsort(who, kind="stable")
        what = what[order]
        counts = np.bincount(who, minlength=n)
        return self.codec.place(what // self.codec.n, what % self.codec.n, counts, rng=generator)

    def log_prob(self, systems: Systems) -> FloatArray:
        """Log probability of each system's cells, nats."""
        before, cell = self._steps(systems)
        step = np.log(np.maximum(self.transition[before, cell], 1e-300))
        total = np.bincount(systems.system_of_planet, step, minlength=len(systems))
        return np.asarray(total + np.log(self.stop))

    def bayes_log_prob(self, training: Systems, systems: Systems) -> FloatArray:
        """Log probability by the best estimate that can be made from a training set.

        It knows the prior that the chain was drawn from, and the probability to stop: no
        model that learns from the same systems does better on average.
        """
        n = self.codec.n**2
        column = np.arange(n) // self.codec.n
        weight = np.full((n + 1, n), self.concentration)
        weight[:n] *= column[None, :] >= column[:, None]
        before, after = self._steps(training)
        np.add.at(weight, (before, after), 1)
        chance = (1 - self.stop) * weight / weight.sum(1, keepdims=True)
        before, after = self._steps(systems)
        total = np.bincount(
            systems.system_of_planet, np.log(chance[before, after]), minlength=len(systems)
        )
        return np.asarray(total + np.log(self.stop))

    def _steps(self, systems: Systems) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cell before and cell of each planet; the star is the cell after the last."""
        column, row, _ = self.codec.cells(systems)
        cell = column * self.codec.n + row
        before = np.concatenate([[0], cell[:-1]]) if len(cell) else cell.copy()
        before[systems.offsets[:-1][systems.counts > 0]] = self.codec.n**2
        return before, cell


class MarkovGaps:
    """A chain with normal first place, log-normal gaps, and masses that remember the last.

    Parameters
    ----------
    first : (float, float)
        Mean and sigma of the first log10 a.
    gap : (float, float)
        Mean and sigma of log10 of the gaps in log10 a.
    mass : (float, float)
        Mean and sigma of log10 M.
    memory : float
        Correlation of log M of neighbours.
    stop : float
        Probability to stop at each point, also at the beginning.

    Examples
    --------
    >>> chain = MarkovGaps()
    >>> systems = chain.sample(4000, rng=0)
    >>> tokens = systems.n_planets + len(systems)
    >>> bool(abs(-chain.log_prob(systems).sum() / tokens - chain.entropy_per_token) < 0.05)
    True
    """

    def __init__(
        self,
        *,
        first: tuple[float, float] = (-1.0, 0.3),
        gap: tuple[float, float] = (-0.6, 0.25),
        mass: tuple[float, float] = (0.3, 0.6),
        memory: float = 0.8,
        stop: float = 1 / 6,
    ) -> None:
        self.first, self.gap, self.mass = first, gap, mass
        self.memory, self.stop = memory, stop

    @property
    def entropy_per_token(self) -> float:
        """Differential entropy in log10 a and log10 M, nats, a planet or stop."""
        going, planets = 1 - self.stop, (1 - self.stop) / self.stop
        step = np.sqrt(1 - self.memory**2) * self.mass[1]
        stop = -(self.stop * np.log(self.stop) + going * np.log(going)) / self.stop
        place = _entropy(self.gap[1]) + self.gap[0] * _LN10 + np.log(_LN10)
        first = going * (_entropy(self.first[1]) + _entropy(self.mass[1]))
        later = (planets - going) * (place + _entropy(step))
        return float((stop + first + later) * self.stop)

    def sample(self, n: int, *, rng: np.random.Generator | int | None = None) -> Systems:
        """Draw systems."""
        generator = np.random.default_rng(rng)
        counts = generator.geometric(self.stop, size=n) - 1
        total = int(counts.sum())
        starts = (np.cumsum(counts) - counts)[counts > 0]
        step = 10 ** generator.normal(*self.gap, total)
        step[starts] = generator.normal(*self.first, starts.size)
        noise = generator.normal(size=total)
        log_a, log_m = np.empty(total), np.empty(total)
        number = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        for k in range(int(counts.max(initial=0))):
            here = np.flatnonzero(number == k)
            if k == 0:
                log_a[here], log_m[here] = step[here], self._mass(noise[here])
                continue
            log_a[here] = log_a[here - 1] + step[here]
            pull = self.memory * (log_m[here - 1] - self.mass[0])
            spread = np.sqrt(1 - self.memory**2) * self.mass[1]
            log_m[here] = self.mass[0] + pull + spread * noise[here]
        return Systems(counts, log_a, log_m)

    def log_prob(self, systems: Systems) -> FloatArray:
        """Log density of each system in log10 a and log10 M, nats."""
        of = systems.system_of_planet
        a, m = systems.log_a, systems.log_m
        same = np.concatenate([[False], of[1:] == of[:-1]]) if len(a) else np.zeros(0, bool)
        before_a = np.where(same, np.concatenate([[0], a[:-1]]), 0) if len(a) else a
        before_m = np.where(same, np.concatenate([[0], m[:-1]]), 0) if len(a) else m
        x = np.log10(np.where(same, np.maximum(a - before_a, 1e-12), 1.0))
        later = _normal(x, *self.gap) - x * _LN10 - np.log(_LN10)
        place = np.where(same, later, _normal(a, *self.first))
        mean = self.mass[0] + self.memory * (before_m - self.mass[0])
        spread = np.sqrt(1 - self.memory**2) * self.mass[1]
        mass = np.where(same, _normal(m, mean, spread), _normal(m, *self.mass))
        total = np.bincount(of, place + mass + np.log1p(-self.stop), minlength=len(systems))
        return np.asarray(total + np.log(self.stop))

    def between(
        self, inner: tuple[float, float], outer: tuple[float, float], log_a: ArrayLike
    ) -> tuple[FloatArray, float, float]:
        """Exactly one planet hidden between two known ones: its posterior, by quadrature.

        Parameters
        ----------
        inner, outer : (float, float)
            log a and log M of the known planets.
        log_a : array_like
            Increasing places at which the density is wanted, between the two.

        Returns
        -------
        density : ndarray
            Of log10 a, normalised over the places given.
        mean, sigma : float
            Of log10 M, which is normal.
        """
        x = np.asarray(log_a, float)
        logs = np.zeros_like(x)
        for distance in (x - inner[0], outer[0] - x):
            y = np.log10(np.maximum(distance, 1e-12))
            logs += _normal(y, *self.gap) - y * _LN10
        density = np.exp(logs - logs.max())
        density /= np.trapezoid(density, x)
        rho, mu = self.memory, self.mass[0]
        mean = mu + rho / (1 + rho**2) * (inner[1] + outer[1] - 2 * mu)
        sigma = self.mass[1] * np.sqrt((1 - rho**2) / (1 + rho**2))
        return density, float(mean), float(sigma)

    def _mass(self, noise: FloatArray) -> FloatArray:
        return self.mass[0] + self.mass[1] * noise


def _entropy(sigma: float) -> float:
    return float(0.5 * math.log(2 * math.pi * math.e * sigma**2))


def _normal(x: ArrayLike, mean: ArrayLike, sigma: float) -> FloatArray:
    z = (np.asarray(x) - mean) / sigma
    return np.asarray(-0.5 * z**2 - np.log(sigma) - 0.5 * np.log(2 * np.pi))
