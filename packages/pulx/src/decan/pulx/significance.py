"""How often noise alone does as well: tails of Z² and H, in one trial and in a whole search.

A search looks at a continuous range of frequency (and drift) and takes the largest value.
The expected number of excursions of a chi-square field above a level, which depends on the
spread of the event times and so on every gap, replaces a guess of the number of trials.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

__all__ = ["SearchVolume", "h_tail", "z_tail"]

FEW_EVENTS = 200
"""With fewer events Z² is not yet chi-square distributed, and its own tail is used."""

_DRAWS = 400_000


def z_tail(z: ArrayLike, n_harmonics: int = 1, n_events: int = FEW_EVENTS) -> NDArray[np.float64]:
    """Probability that noise gives Z² of at least this value in one trial.

    Chi-square with ``2 n_harmonics`` degrees of freedom from 200 events on. Below that the
    exact tail of a random walk on the plane (one harmonic), or a Monte Carlo tail.

    Parameters
    ----------
    z : array_like
        Values of Z².
    n_harmonics : int
        Number of harmonics summed.
    n_events : int
        Number of events.

    Returns
    -------
    ndarray

    References
    ----------
    Buccheri et al. 1983, A&A 128, 245 (Z²); Kluyver 1906, Proc. KNAW 8, 341 and Watson,
    Treatise on Bessel functions, 13.48 (random walk); Wilkie 1983, Appl. Stat. 32, 311.

    Examples
    --------
    >>> float(z_tail(2 * np.log(1000)))
    0.001...
    >>> bool(z_tail(25.0, n_events=15) < z_tail(25.0))  # Z² of 15 events is at most 30
    True
    """
    values = np.asarray(z, dtype=float)
    plain = stats.chi2.sf(values, 2 * n_harmonics)
    if n_events >= FEW_EVENTS:
        return np.asarray(plain)
    if n_harmonics == 1 and n_events >= 8:
        grid, log_tail = _walk_tail(n_events)
        length = np.sqrt(np.maximum(values, 0) * n_events / 2)
        exact = np.exp(np.interp(length, grid, log_tail))
        return np.asarray(np.where(length > n_events * (1 + 1e-12), 0.0, exact))
    drawn = _drawn_values(n_events, n_harmonics)
    above = len(drawn) - np.searchsorted(drawn, values, side="left")
    return np.asarray(np.where(above >= 20, above / len(drawn), np.maximum(plain, above / _DRAWS)))


def h_tail(h: ArrayLike) -> NDArray[np.float64]:
    """Probability that noise gives H of at least this value in one trial.

    Parameters
    ----------
    h : array_like
        Values of H, over up to 20 harmonics.

    Returns
    -------
    ndarray

    References
    ----------
    de Jager & Büsching 2010, A&A 517, L9.

    Examples
    --------
    >>> float(h_tail(0.0))
    1.0
    """
    return np.asarray(np.exp(-0.398404 * np.maximum(np.asarray(h, dtype=float), 0)))


@dataclass(frozen=True)
class SearchVolume:
    """The range of a search, measured in how fast the statistic can change in it.

    Parameters
    ----------
    point, length, area : float
        Number of separate points, and the measures of edges and area of the range in units
        in which the field's components have derivatives of unit variance.
    n_harmonics : int
        Harmonics of Z², or the largest number of H.
    statistic : {'Z2', 'H'}
        What is searched.
    n_events : int
        Number of events.

    Examples
    --------
    >>> t = np.linspace(0, 1e4, 2000)
    >>> volume = SearchVolume.of(t, (0.1, 1.0))
    >>> float(volume.global_tail(2 * np.log(1e6)))  # some ten thousand trials
    0.03...
    """

    point: float
    length: float
    area: float
    n_harmonics: int = 1
    statistic: str = "Z2"
    n_events: int = FEW_EVENTS

    @classmethod
    def of(
        cls,
        times: NDArray[np.float64],
        frequency: tuple[float, float],
        drift: tuple[float, float] = (0.0, 0.0),
        *,
        n_harmonics: int = 1,
        statistic: str = "Z2",
    ) -> SearchVolume:
        """Volume of a search of these events over a range of frequency and drift.

        Parameters
        ----------
        times : ndarray, shape (n,)
            Event times, s.
        frequency : (float, float)
            Lowest and highest frequency, Hz.
        drift : (float, float)
            Lowest and highest frequency derivative, Hz/s.
        n_harmonics : int
            Harmonics.
        statistic : {'Z2', 'H'}
            What is searched.

        Returns
        -------
        SearchVolume
        """
        t = times - np.mean(times)
        across, along = frequency[1] - frequency[0], drift[1] - drift[0]
        metric = np.cov(np.stack([2 * np.pi * t, np.pi * t**2]))
        return cls(
            point=1.0,
            length=across * math.sqrt(metric[0, 0]) + along * math.sqrt(metric[1, 1]),
            area=across * along * math.sqrt(max(0.0, np.linalg.det(metric))),
            n_harmonics=n_harmonics,
            statistic=statistic,
            n_events=len(times),
        )

    def global_tail(self, value: ArrayLike) -> NDArray[np.float64]:
        """Probability that noise gives such a value anywhere in the search.

        Parameters
        ----------
        value : array_like
            Values of the statistic, whitened where there is red noise.

        Returns
        -------
        ndarray

        References
        ----------
        Worsley 1994, Adv. Appl. Prob. 26, 13 (chi-square fields); Baluev 2008, MNRAS 385,
        1279 (periodograms).
        """
        values = np.asarray(value, dtype=float)
        if self.statistic == "H":
            # H reaches h if some Z²_m reaches h + 4 m - 4: the sum over m bounds it.
            expected = sum(
                self._expected(values + 4 * m - 4, m) for m in range(1, self.n_harmonics + 1)
            )
        else:
            expected = self._expected(values, self.n_harmonics)
        return np.asarray(-np.expm1(-expected))

    def threshold(self, probability: float) -> float:
        """Value that noise reaches somewhere in the search with this probability.

        Parameters
        ----------
        probability : float
            Global false-alarm probability.

        Returns
        -------
        float
        """
        from scipy.optimize import brentq

        goal = math.log(probability)

        def excess(value: float) -> float:
            tail = float(self.global_tail(value))
            return (math.log(tail) if tail > 0 else -1e9) - goal

        low = 2.0 * self.n_harmonics if self.statistic == "Z2" else 1.0
        return float(brentq(excess, low, low + 2000.0, xtol=1e-6))

    def _expected(self, z: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """Expected Euler characteristic of the excursion set: about the number of peaks."""
        nu = 2 * n
        stretch = _harmonic_stretch(n)
        z = np.maximum(z, 1e-9)
        single = stats.chi2.sf(z, nu)
        log_common = -z / 2 - (nu - 2) / 2 * math.log(2) - special.gammaln(nu / 2)
        edge = np.exp((nu - 1) / 2 * np.log(z) + log_common) / math.sqrt(2 * math.pi)
        bulk = np.exp((nu - 2) / 2 * np.log(z) + log_common) / (2 * math.pi) * (z - (nu - 1))
        expected = self.point * single + stretch * self.length * edge
        expected = expected + stretch**2 * self.area * np.maximum(bulk, 0)
        if self.n_events < FEW_EVENTS:
            expected = expected * z_tail(z, n, self.n_events) / np.maximum(single, 1e-300)
        return np.asarray(expected)


@lru_cache(maxsize=32)
def _harmonic_stretch(n: int) -> float:
    """Mean factor by which n harmonics vary faster: E sqrt(Σ k² w_k), w uniform on the simplex."""
    if n == 1:
        return 1.0
    weights = np.random.default_rng(0).dirichlet(np.ones(n), 20_000)
    return float(np.mean(np.sqrt(weights @ (np.arange(1, n + 1) ** 2))))


@lru_cache(maxsize=64)
def _walk_tail(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log of the tail of the length of n unit steps in random directions, on a grid."""
    # Where exp(-r²/n) is above 1e-9 by the integral, finer than it bends; above by formula.
    middle = min(float(n), float(np.sqrt(20.0 * n)))
    grid = np.append(np.linspace(0, middle, 500), np.linspace(middle, n, 100)[1:])
    # Beyond its first zero |J0| is at most 0.403: for many steps nothing is left there.
    end = 80.0 if n < 20 else 12.0 if n < 33 else 2.5
    step = min(0.01, 0.05 / middle)
    x = np.arange(step / 2, end, step)
    integrand = special.j0(x) ** n
    # The last term mends what the midpoint rule misses where the integrand starts.
    tail = np.array(
        [
            1 - r * step * np.sum(special.j1(r * x) * integrand) + (r * step) ** 2 / 48
            for r in grid[:500]
        ]
    )
    tail = np.append(tail, np.zeros(len(grid) - 500))
    approximation = np.sqrt(1 + 4 * n + 4 * (n**2 - grid**2)) - (1 + 2 * n)
    # The difference 1 - integral is exact to about 1e-10: below that the approximation.
    safe = tail > 1e-7
    last = int(np.flatnonzero(safe)[-1])
    shift = math.log(tail[last]) - approximation[last]
    log_tail = np.where(safe, np.log(np.maximum(tail, 1e-300)), approximation + shift)
    return grid, np.minimum(log_tail, 0.0)


@lru_cache(maxsize=16)
def _drawn_values(n_events: int, n_harmonics: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(n_events * 100 + n_harmonics)
    values = []
    for _ in range(8):
        phase = rng.uniform(0, 2 * np.pi, (_DRAWS // 8, n_events))
        total = np.zeros(len(phase))
        for k in range(1, n_harmonics + 1):
            total += np.cos(k * phase).sum(axis=1) ** 2 + np.sin(k * phase).sum(axis=1) ** 2
        values.append(2 / n_events * total)
    return np.sort(np.concatenate(values))
