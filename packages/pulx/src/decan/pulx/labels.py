"""Scores learned from labels: which known pulsars there are is all that they are told.

Ten bright pulsars teach a classifier above all that pulsars are bright, and that is how they
were found. ``LogisticScore`` bounds that by a penalty; ``PopulationOdds`` compares two
populations feature by feature, and does not learn brightness from the labels at all.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .ranking import source_weights

__all__ = ["LogisticScore", "PopulationOdds"]

_PENALTY = 0.01
_PEAKS = ("Fpeak4XMM", "log_peak")
_APART = ("SCATTER", "VISITS", "VAR_FLAG", "VAR_UNKNOWN", "IMPUTED", *_PEAKS)
# What the other sources say about pulsars beforehand, in units of a pulsar.
_PRIOR_SOURCES = 10.0
_PRIOR_VARIANCES = 0.5
# No single row decides by more than this, in log-odds.
_MOST_ODDS = 4.0
_VARIANCES = np.geomspace(1e-3, 2.0, 48)


@dataclass(frozen=True)
class LogisticScore:
    """Logistic log-odds of known against unlabelled rows, every source with the same weight.

    Parameters
    ----------
    coefficients : ndarray, shape (m,)
        Of the features, or of them with their squares and products.
    intercept : ndarray, shape ()
        Constant.
    degree : ndarray of int, shape ()
        1 or 2.

    Examples
    --------
    >>> x = np.array([[-1.0], [-0.5], [0.6], [1.2]])
    >>> score = LogisticScore.fit(x, np.array([0, 0, 1, 1], bool), np.arange(4))
    >>> bool(np.all(np.diff(score.odds(x)) > 0))
    True
    """

    coefficients: NDArray[np.float64]
    intercept: NDArray[np.float64]
    degree: NDArray[np.int64]

    @classmethod
    def fit(
        cls,
        x: NDArray[np.float64],
        known: NDArray[np.bool_],
        source: NDArray[Any],
        *,
        degree: int = 1,
    ) -> Self:
        """Fit to standardised features, shape (n, d)."""
        from sklearn.linear_model import LogisticRegression

        weight = source_weights(source)
        weight = weight * np.where(known, 0.5 / weight[known].sum(), 0.5 / weight[~known].sum())
        # A strong penalty, because there are a dozen labelled sources and not thousands.
        model = LogisticRegression(C=_PENALTY, max_iter=5000).fit(
            _expanded(x, degree), known, sample_weight=weight * len(x)
        )
        return cls(model.coef_[0], np.array(float(model.intercept_[0])), np.array(degree))

    def odds(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds of rows of standardised features."""
        return np.asarray(_expanded(x, int(self.degree)) @ self.coefficients + self.intercept)


@dataclass(frozen=True)
class PopulationOdds:
    """Log-ratio of the densities of two populations, known pulsars and all other sources.

    Colours are Gaussian in both, with the few pulsars' covariance drawn towards that of the
    others. The scatter of a source's flux is judged with the number of its visits: two visits
    say little, twenty say much. VAR_FLAG is judged against its rate at that peak flux. The
    odds grow in proportion to the peak flux itself, whatever the labels say, because known
    pulsars are those that were bright enough to be searched. So fluxes are no features for
    it: given to it, they would enter the Gaussians.

    Parameters
    ----------
    colours : ndarray of int
        Columns that enter the Gaussians.
    mean : ndarray, shape (2, d)
        Of the others and of the pulsars.
    covariance : ndarray, shape (2, d, d)
        Likewise.
    variances : ndarray, shape (2, m)
        Shares of a grid of variances of log flux.
    flag : ndarray, shape (3,)
        Log-odds of VAR_FLAG among the others at the level of the peak, its slope, and what
        pulsars add.
    level : ndarray, shape ()
        Mean log peak of the others: where the odds of the peak are even.
    place : ndarray of int, shape (5,)
        Columns of SCATTER, VISITS, VAR_FLAG, VAR_UNKNOWN and the peak, -1 where absent.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(0, 1, (80, 2)), rng.normal(2, 1, (20, 2))])
    >>> odds = PopulationOdds.fit(x, np.arange(100) >= 80, np.arange(100), ["HR1", "HR2"])
    >>> bool(odds.odds(x)[80:].mean() > odds.odds(x)[:80].mean() + 1)
    True
    """

    colours: NDArray[np.int64]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    variances: NDArray[np.float64]
    flag: NDArray[np.float64]
    level: NDArray[np.float64]
    place: NDArray[np.int64]

    @classmethod
    def fit(
        cls,
        values: NDArray[np.float64],
        known: NDArray[np.bool_],
        source: NDArray[Any],
        names: list[str],
    ) -> Self:
        """Fit to features as they are, shape (n, d), with their names."""
        colours = np.array([i for i, name in enumerate(names) if name not in _APART], dtype=int)
        peak = next((name for name in _PEAKS if name in names), "")
        wanted = ("SCATTER", "VISITS", "VAR_FLAG", "VAR_UNKNOWN", peak)
        place = np.array([names.index(name) if name in names else -1 for name in wanted])
        weight = source_weights(source)
        n_known = len(set(source[known].tolist()))
        mean, covariance = _gaussians(values[:, colours], known, weight, n_known)
        variances = np.ones((2, len(_VARIANCES))) / len(_VARIANCES)
        if min(place[:2]) >= 0:
            likelihood = _likelihood(values[:, place[0]], values[:, place[1]])
            variances = _variance_shares(likelihood, known, weight, n_known)
        flag, level = np.zeros(3), 0.0
        if place[4] >= 0:
            level = float(np.average(values[~known, place[4]], weights=weight[~known]))
        if place[2] >= 0:
            said, bright, seen = _flags(values, place, level)
            flag = _flag_odds(said[seen], bright[seen], known[seen])
        return cls(colours, mean, covariance, variances, flag, np.array(level), place)

    def odds(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds of rows of features as they are."""
        log_density = [
            _log_gaussian(values[:, self.colours], mean, covariance)
            for mean, covariance in zip(self.mean, self.covariance, strict=True)
        ]
        total = np.clip(log_density[1] - log_density[0], -_MOST_ODDS, _MOST_ODDS)
        if min(self.place[:2]) >= 0:
            likelihood = _likelihood(values[:, self.place[0]], values[:, self.place[1]])
            total = total + np.log(likelihood @ self.variances[1])
            total = total - np.log(likelihood @ self.variances[0])
        if self.place[2] >= 0:
            said, bright, seen = _flags(values, self.place, float(self.level))
            others = self.flag[0] + self.flag[1] * bright
            change = _log_bernoulli(said, others + self.flag[2]) - _log_bernoulli(said, others)
            total = total + np.where(seen, change, 0.0)
        if self.place[4] >= 0:
            total = total + np.log(10) * (values[:, self.place[4]] - self.level)
        return np.asarray(total)


def to_arrays(model: LogisticScore | PopulationOdds) -> dict[str, NDArray[Any]]:
    """The parameters of a model by name, for saving."""
    return {one.name: np.asarray(getattr(model, one.name)) for one in fields(model)}


def _expanded(x: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """The features, clipped so that one wild row does not decide, with products for degree 2."""
    clipped = np.clip(x, -4, 4)
    if degree == 1:
        return clipped
    i, j = np.triu_indices(x.shape[1])
    return np.concatenate([clipped, clipped[:, i] * clipped[:, j]], axis=1)


def _gaussians(
    x: NDArray[np.float64], known: NDArray[np.bool_], weight: NDArray[np.float64], n_known: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    means, covariances = [], []
    for rows in (~known, known):
        w = weight[rows] / weight[rows].sum()
        centre = w @ x[rows]
        apart = x[rows] - centre
        means.append(centre)
        covariances.append((apart * w[:, None]).T @ apart)
    both = n_known * covariances[1] + _PRIOR_SOURCES * covariances[0]
    covariances[1] = both / (n_known + _PRIOR_SOURCES)
    ridge = 1e-3 * np.diag(np.diag(covariances[0])) + 1e-9 * np.eye(x.shape[1])
    return np.array(means), np.array(covariances) + ridge


def _log_gaussian(
    x: NDArray[np.float64], mean: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.float64]:
    root = np.linalg.cholesky(covariance)
    z = np.linalg.solve(root, (x - mean).T)
    return np.asarray(-0.5 * (z**2).sum(axis=0) - np.log(np.diag(root)).sum())


def _likelihood(scatter: NDArray[np.float64], visits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each variance on the grid, given SCATTER and VISITS; the largest is 1 in each row."""
    n = np.rint(10**visits)
    square = np.maximum(10 ** (2 * scatter) * (n + 1) - 2 * 0.15**2, 0.0)
    log = -0.5 * (n - 1)[:, None] * np.log(_VARIANCES) - 0.5 * square[:, None] / _VARIANCES
    return np.asarray(np.exp(log - log.max(axis=1, keepdims=True)))


def _variance_shares(
    likelihood: NDArray[np.float64],
    known: NDArray[np.bool_],
    weight: NDArray[np.float64],
    n_known: int,
) -> NDArray[np.float64]:
    """Shares of the variances in both populations, by expectation and maximisation."""
    share = np.full(len(_VARIANCES), 1 / len(_VARIANCES))
    found = []
    # The others' shares are what is believed of pulsars before they are seen.
    for rows, sources, strength in ((~known, 1.0, 0.0), (known, n_known, _PRIOR_VARIANCES)):
        w = sources * weight[rows] / weight[rows].sum()
        prior = share
        for _ in range(60):
            member = likelihood[rows] * share
            member /= member.sum(axis=1, keepdims=True)
            share = (w @ member + strength * prior) / (sources + strength)
        found.append(share)
    return np.stack(found)


def _flags(
    values: NDArray[np.float64], place: NDArray[np.int64], level: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.bool_]]:
    """VAR_FLAG, the peak from its level on, and whether the flag is known at all."""
    bright = values[:, place[4]] - level if place[4] >= 0 else np.zeros(len(values))
    seen = values[:, place[3]] < 0.5 if place[3] >= 0 else np.ones(len(values), bool)
    return values[:, place[2]] > 0.5, bright, seen


def _flag_odds(
    said: NDArray[np.bool_], bright: NDArray[np.float64], known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Rate of the flag among the others, logistic in the peak, and what pulsars add to it."""
    others = np.column_stack([np.ones(len(said)), bright])
    line = _newton(others[~known], said[~known], np.zeros(int((~known).sum())), 1e-2)
    extra = _newton(np.ones((int(known.sum()), 1)), said[known], others[known] @ line, 1.0)
    return np.append(line, extra)


def _newton(
    design: NDArray[np.float64], said: NDArray[np.bool_], start: NDArray[np.float64], ridge: float
) -> NDArray[np.float64]:
    """Logistic coefficients beyond given log-odds, drawn to 0 by a ridge."""
    at = np.zeros(design.shape[1])
    for _ in range(25):
        p = expit(start + design @ at)
        slope = design.T @ (said - p) - ridge * at
        bend = (design * (p * (1 - p))[:, None]).T @ design + ridge * np.eye(len(at))
        at = at + np.clip(np.linalg.solve(bend, slope), -2, 2)
    return at


def _log_bernoulli(said: NDArray[np.bool_], log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-np.logaddexp(0, np.where(said, -log_odds, log_odds)))
