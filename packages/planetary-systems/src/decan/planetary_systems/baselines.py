"""Rules that a generator must beat: counts of cells, and gaps with sibling masses.

Those on the grid give log probabilities of words; :class:`GapRule` gives the density of one
hidden planet of a star whose other planets are known.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from .codec import GridCodec
from .systems import Systems

__all__ = ["GapRule", "IndependentPlanets", "TableOfCounts", "Unigram"]

FloatArray = NDArray[np.float64]


class Unigram:
    """Cells and stop as independent tokens, optionally never moving inwards.

    Parameters
    ----------
    codec : GridCodec, optional
    ordered : bool
        Whether columns inside the last planet's are left out.
    pseudo : float
        Pseudo-counts spread over all cells.

    Examples
    --------
    >>> from decan.planetary_systems.simulate import simulate_clustered
    >>> systems = simulate_clustered(200, rng=0)
    >>> plain, ordered = (Unigram(ordered=o).fit(systems).log_prob(systems).sum() for o in (0, 1))
    >>> bool(ordered > plain)
    True
    """

    def __init__(
        self, codec: GridCodec | None = None, *, ordered: bool = False, pseudo: float = 10.0
    ) -> None:
        self.codec, self.ordered, self.pseudo = codec or GridCodec(), bool(ordered), pseudo

    def fit(self, systems: Systems) -> Self:
        """Count."""
        n = self.codec.n
        column, row, _ = self.codec.cells(systems)
        counts = np.bincount(column * n + row, minlength=n * n) + self.pseudo / n**2
        total = counts.sum() + len(systems)
        self.cell_ = counts / total
        self.stop_ = len(systems) / total
        return self

    def log_prob(self, systems: Systems) -> FloatArray:
        """Log probability of each system's word, nats."""
        n = self.codec.n
        column, row, _ = self.codec.cells(systems)
        score = np.log(self.cell_[column * n + row])
        last = np.full(len(systems), np.log(self.stop_))
        if self.ordered:
            by_column = self.cell_.reshape(n, n).sum(1)
            tail = np.cumsum(by_column[::-1])[::-1] + self.stop_
            before, final = _previous(column, systems)
            score = score - np.log(np.where(before >= 0, tail[before], 1.0))
            last = last - np.log(np.where(final >= 0, tail[final], 1.0))
        return _per_system(score, systems) + last


class IndependentPlanets:
    """The number of planets from its frequencies, the planets drawn one by one and sorted.

    Parameters
    ----------
    codec : GridCodec, optional
    pseudo : float
        Pseudo-counts spread over all cells, and over all numbers of planets.

    Examples
    --------
    >>> from decan.planetary_systems.simulate import simulate_clustered
    >>> systems = simulate_clustered(200, rng=0)
    >>> IndependentPlanets().fit(systems).log_prob(systems).shape
    (200,)
    """

    def __init__(self, codec: GridCodec | None = None, *, pseudo: float = 10.0) -> None:
        self.codec, self.pseudo = codec or GridCodec(), pseudo

    def fit(self, systems: Systems) -> Self:
        """Count."""
        n = self.codec.n
        column, row, _ = self.codec.cells(systems)
        counts = np.bincount(column * n + row, minlength=n * n) + self.pseudo / n**2
        self.cell_ = counts / counts.sum()
        number = np.bincount(systems.counts, minlength=100) + self.pseudo / 100
        self.number_ = number / number.sum()
        return self

    def log_prob(self, systems: Systems) -> FloatArray:
        """Log probability of each system's word, with the exact number of orders n! / prod m!."""
        n = self.codec.n
        column, row, _ = self.codec.cells(systems)
        score = _per_system(np.log(self.cell_[column * n + row]), systems)
        of = systems.system_of_planet
        same = np.bincount(of * n + column, minlength=n * len(systems)).reshape(-1, n)
        number = np.minimum(systems.counts, len(self.number_) - 1)
        orders = gammaln(systems.counts + 1) - gammaln(same + 1).sum(1)
        return np.asarray(score + np.log(self.number_[number]) + orders)


class TableOfCounts:
    """The column given the last column, the row given column and last row, by counting.

    Parameters
    ----------
    codec : GridCodec, optional
    pseudo : float
        Pseudo-counts of what a rare context backs off to: the next column whatever the
        last, the row whatever the last row.

    Examples
    --------
    >>> from decan.planetary_systems.simulate import simulate_clustered
    >>> systems = simulate_clustered(400, rng=0)
    >>> table = TableOfCounts().fit(systems[:300])
    >>> independent = IndependentPlanets().fit(systems[:300])
    >>> table.log_prob(systems[300:]).shape
    (100,)
    """

    def __init__(self, codec: GridCodec | None = None, *, pseudo: float = 10.0) -> None:
        self.codec, self.pseudo = codec or GridCodec(), pseudo

    def fit(self, systems: Systems) -> Self:
        """Count."""
        n = self.codec.n
        column, row, _ = self.codec.cells(systems)
        before, final = _previous(column, systems)
        row_before, _ = _previous(row, systems)
        # Index n is the star itself; column n is the stop.
        step = np.zeros((n + 1, n + 1))
        np.add.at(step, (before, column), 1)
        np.add.at(step, (final, np.full(len(final), n)), 1)
        base = np.tile(step.sum(0) + 1e-3 * max(step.sum(), 1), (n + 1, 1))
        base[:n, :n] *= np.arange(n)[None, :] >= np.arange(n)[:, None]
        base /= base.sum(1, keepdims=True)
        self.column_ = (step + self.pseudo * base) / (step.sum(1, keepdims=True) + self.pseudo)
        flat = np.bincount(row, minlength=n) + 0.1
        by_column = np.zeros((n, n))
        np.add.at(by_column, (column, row), 1)
        mass = (by_column + self.pseudo * flat / flat.sum()) / (
            by_column.sum(1, keepdims=True) + self.pseudo
        )
        joint = np.zeros((n, n + 1, n))
        np.add.at(joint, (column, row_before, row), 1)
        self.row_ = (joint + self.pseudo * mass[:, None]) / (
            joint.sum(2, keepdims=True) + self.pseudo
        )
        return self

    def log_prob(self, systems: Systems) -> FloatArray:
        """Log probability of each system's word, nats."""
        column, row, _ = self.codec.cells(systems)
        before, final = _previous(column, systems)
        row_before, _ = _previous(row, systems)
        score = np.log(self.column_[before, column] * self.row_[column, row_before, row])
        return np.asarray(_per_system(score, systems) + np.log(self.column_[final, -1]))


class GapRule:
    """A hidden planet by the gaps it leaves, its mass by those of its siblings.

    Periods are a Markov chain of logarithmic gaps (kernel density, with an exponential
    tail); whether the hidden planet lies inside, in a gap or outside follows by
    enumeration. Masses are linear in the nearest and the mean sibling's mass, the period
    and the distance to the nearest, with the residuals' kernel density.

    Parameters
    ----------
    dynamite_like : bool
        Periods instead after the rule of DYNAMITE: log of 2 (r^(2/3) - 1) / (r^(2/3) + 1)
        of the period ratio r normal with mean -0.9 and sigma 0.41 between neighbours, a
        broken power law for the innermost, without its stability factor.

    References
    ----------
    Dietrich & Apai 2020, AJ 160, 107 (the rule of DYNAMITE, restated here).

    Examples
    --------
    >>> from decan.planetary_systems.simulate import simulate_clustered
    >>> s = simulate_clustered(150, rng=0)
    >>> rule = GapRule().fit(1.5 * s.log_a + 2.56, s.log_m, s.system_of_planet)
    >>> round(float(rule.density([1.0, 1.6], [0.5, 0.6]).sum() * 0.02 * 0.05), 6)
    1.0
    """

    def __init__(self, *, dynamite_like: bool = False) -> None:
        self.dynamite_like = dynamite_like
        self.log_p = np.arange(-0.7, 5.6, 0.02)
        self.log_m = np.arange(-1.5, 4.5, 0.05)

    def fit(self, log_p: ArrayLike, log_m: ArrayLike, system: ArrayLike) -> Self:
        """Learn from planets sorted by period within each system.

        Parameters
        ----------
        log_p, log_m : array_like
            log10 of periods (days) and masses (Earth masses).
        system : array_like
            Number of the system of each planet.
        """
        p, m, of = np.asarray(log_p, float), np.asarray(log_m, float), np.asarray(system)
        same = of[1:] == of[:-1]
        gap = np.diff(p)[same]
        first = p[np.concatenate([[True], ~same])]
        self.gap_grid_ = np.arange(0, 6.4, 0.01)
        core = _kernel(gap, self.gap_grid_, 0.06)
        tail = np.exp(-self.gap_grid_ / gap.mean()) / gap.mean()
        self.gap_ = 0.97 * core + 0.03 * tail
        self.first_ = _kernel(first, self.log_p, 0.12) + 1e-4
        self.marginal_ = _kernel(p, self.log_p, 0.12) + 1e-4
        x, y = [], []
        starts = np.flatnonzero(np.concatenate([[True], ~same]))
        for i, j in zip(starts, np.append(starts[1:], len(p)), strict=True):
            for k in range(i, j):
                others = np.delete(np.arange(i, j), k - i)
                if others.size:
                    x.append(_sibling(p[k : k + 1], p[others], m[others])[0])
                    y.append(m[k])
        design = np.asarray(x)
        self.weights_ = np.linalg.lstsq(design, np.asarray(y), rcond=None)[0]
        residual = np.asarray(y) - design @ self.weights_
        self.residual_grid_ = np.arange(-5, 5, 0.01)
        width = 1.06 * residual.std() * len(residual) ** -0.2
        self.residual_ = _kernel(residual, self.residual_grid_, width) + 1e-4
        return self

    def density(self, log_p: ArrayLike, log_m: ArrayLike) -> FloatArray:
        """Density of one hidden planet on the grid ``log_p`` x ``log_m``, per dex^2.

        Parameters
        ----------
        log_p, log_m : array_like
            The known planets, sorted by period; at least one.

        Returns
        -------
        ndarray, shape (len(self.log_p), len(self.log_m))
            Integrates to one.
        """
        p, m = np.asarray(log_p, float), np.asarray(log_m, float)
        place = self._place(p)
        centre = _sibling(self.log_p, p, m) @ self.weights_
        mass = np.interp(self.log_m[None, :] - centre[:, None], self.residual_grid_, self.residual_)
        mass /= mass.sum(1, keepdims=True) * 0.05
        return np.asarray(place[:, None] * mass)

    def _place(self, p: FloatArray) -> FloatArray:
        x = self.log_p
        before = np.searchsorted(p, x) - 1
        outer = np.minimum(before + 1, len(p) - 1)
        inside, beyond = before < 0, before == len(p) - 1
        left = x - p[np.maximum(before, 0)]
        right = p[outer] - x
        full = p[outer] - p[np.maximum(before, 0)]
        if self.dynamite_like:
            score = np.where(inside, _inner_law(x), _dynamite(left)) * np.where(
                beyond, 1.0, _dynamite(right)
            )
            norm = self.marginal_ / (self.marginal_.sum() * 0.02)
            score = score / max(score.sum() * 0.02, 1e-300)
            return np.asarray(0.95 * score + 0.05 * norm)
        gap = lambda d: np.interp(d, self.gap_grid_, self.gap_)  # noqa: E731
        first = float(np.interp(p[0], x, self.first_))
        score = np.where(
            inside,
            self.first_ * gap(right) / first,
            np.where(beyond, gap(left), gap(left) * gap(right) / np.maximum(gap(full), 1e-6)),
        )
        return np.asarray(score / (score.sum() * 0.02))


def _previous(
    values: NDArray[np.int64], systems: Systems
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The last planet's value before each planet, and before each stop; -1 is the star."""
    before = np.concatenate([[-1], values[:-1]]) if len(values) else values.copy()
    before[systems.offsets[:-1][systems.counts > 0]] = -1
    final = np.full(len(systems), -1)
    has = systems.counts > 0
    final[has] = values[systems.offsets[1:][has] - 1]
    return before, final


def _per_system(score: FloatArray, systems: Systems) -> FloatArray:
    return np.bincount(systems.system_of_planet, score, minlength=len(systems)).astype(float)


def _kernel(sample: FloatArray, grid: FloatArray, width: float) -> FloatArray:
    z = (grid[:, None] - sample[None, :]) / width
    return np.asarray(np.exp(-0.5 * z**2).mean(1) / (width * np.sqrt(2 * np.pi)))


def _sibling(at: FloatArray, p: FloatArray, m: FloatArray) -> FloatArray:
    """Regressors of a hidden planet's mass at some periods."""
    distance = np.abs(at[:, None] - p[None, :])
    near = distance.argmin(1)
    return np.column_stack(
        [np.ones(len(at)), m[near], np.full(len(at), m.mean()), at, distance.min(1)]
    )


def _dynamite(gap: FloatArray) -> FloatArray:
    """Density of a log10 period gap under the rule for neighbours."""
    r = 10 ** (np.maximum(gap, 1e-4) * (2 / 3))
    spacing = 2 * (r - 1) / (r + 1)
    y = np.log(spacing)
    slope = np.log(10) * (2 / 3) * r * (1 / (r - 1) - 1 / (r + 1))
    return np.asarray(np.exp(-0.5 * ((y + 0.9) / 0.41) ** 2) / (0.41 * 2.5066) * slope)


def _inner_law(log_p: FloatArray) -> FloatArray:
    """Broken power law of the innermost period, per dex."""
    ratio = 10**log_p / 12.0
    law = np.where(ratio < 1, ratio**1.6, ratio**-0.9)
    return np.where((log_p > np.log10(0.5)) & (log_p < np.log10(730)), law, 0.0)
