"""Mutual and conditional information of continuous variables of any number of columns, in nats.

Four estimators under one name: ``"crossfit"`` (the default: densities fitted on other groups,
unbiased also for many columns), ``"copula"`` (exact where ranks are jointly Gaussian, a lower
bound elsewhere), ``"gaussian"`` (exact for Gaussian columns) and ``"ksg"`` (nearest neighbours:
any shape, few columns). Every one gives local values, from which the interval comes by
resampling groups, and a noise floor: the same with the rows of one side permuted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.metrics import bootstrap

from .crossfit import CrossFitter, normal_scores
from .inputs import Columns, as_columns, check_aligned, clean_sentinels, drop_constant
from .nearest import ksg_information

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "METHODS",
    "Information",
    "conditional_mutual_information",
    "gaussian_information",
    "mutual_information",
]

METHODS = ("crossfit", "copula", "gaussian", "ksg")
"""The estimators, the default first."""


@dataclass(frozen=True)
class Information:
    """Measured information with its interval, floor and local values.

    Parameters
    ----------
    value : float
        The estimate, nats. It may be slightly negative: that is noise about 0, and is kept.
    low, high : float
        16th and 84th percentile over resampled groups; NaN without bootstrap.
    n : int
        Rows.
    method : str
        Which estimator.
    floor : float
        The same with the rows of one side permuted; NaN where it was not asked for.
    local : ndarray, shape (n,)
        Local values, whose mean is the estimate.

    Examples
    --------
    >>> print(Information(0.52, 0.5, 0.54, 900, "ksg", 0.001, np.full(900, 0.52)))
    0.520 [0.500, 0.540] nats by ksg, floor +0.001, n = 900
    """

    value: float
    low: float
    high: float
    n: int
    method: str
    floor: float
    local: NDArray[np.float64]

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        interval = f" [{self.low:.3f}, {self.high:.3f}]" if np.isfinite(self.low) else ""
        floor = f", floor {self.floor:+.3f}" if np.isfinite(self.floor) else ""
        return f"{self.value:.3f}{interval} nats by {self.method}{floor}, n = {self.n:,}"

    def __repr__(self) -> str:
        return f"<Information: {self}>"


def mutual_information(
    x: ArrayLike | Any,
    y: ArrayLike | Any,
    *,
    method: str = "crossfit",
    groups: ArrayLike | None = None,
    k: int = 3,
    n_boot: int = 0,
    floor: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Information:
    """Information that x and y carry about each other.

    Parameters
    ----------
    x, y : array_like or pandas object, shape (n,) or (n, d)
        Columns of numbers; integers are treated as the numbers they are. -9999, 9999, -999
        and 999 far from all other values are missing, with a warning.
    method : {'crossfit', 'copula', 'gaussian', 'ksg'}
        Estimator.
    groups : array_like, shape (n,), optional
        Objects of one group stay in one fold, and are resampled together.
    k : int
        Which neighbour, for ``'ksg'``.
    n_boot : int
        Resamples for the interval.
    floor : bool
        Whether to repeat the estimate with permuted rows of x.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Information

    Raises
    ------
    ValueError
        If an input is malformed, the method not known, or a value missing where the method
        cannot bear it.

    References
    ----------
    Kraskov, Stögbauer & Grassberger 2004, PRE 69, 066138; Ince et al. 2017, Hum. Brain Mapp.
    38, 1541 (Gaussian copula).

    Examples
    --------
    >>> draw = np.random.default_rng(0).normal(size=(1000, 2))
    >>> x, y = draw[:, 0], 0.8 * draw[:, 0] + 0.6 * draw[:, 1]
    >>> bool(abs(mutual_information(x, y, method="copula").value - 0.511) < 0.05)
    True
    """
    return _measure(x, y, None, method, groups, k, n_boot, floor, rng)


def conditional_mutual_information(
    x: ArrayLike | Any,
    y: ArrayLike | Any,
    given: ArrayLike | Any,
    *,
    method: str = "crossfit",
    groups: ArrayLike | None = None,
    k: int = 3,
    n_boot: int = 0,
    floor: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Information:
    """Information that x and y carry about each other once a third variable is known.

    Parameters
    ----------
    x, y, given : array_like or pandas object, shape (n,) or (n, d)
        Columns of numbers.
    method, groups, k, n_boot, floor, rng
        As in :func:`mutual_information`.

    Returns
    -------
    Information

    Raises
    ------
    ValueError
        As :func:`mutual_information`.

    References
    ----------
    Frenzel & Pompe 2007, PRL 99, 204101.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = rng.normal(size=1000)
    >>> x, y = z + rng.normal(size=1000), z + rng.normal(size=1000)
    >>> bool(abs(conditional_mutual_information(x, y, z, method="gaussian").value) < 0.01)
    True
    """
    return _measure(x, y, given, method, groups, k, n_boot, floor, rng)


def gaussian_information(
    x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Local (conditional) information of jointly Gaussian columns.

    The mean is corrected for the rows that the covariances were fitted to.

    Parameters
    ----------
    x, y : ndarray, shape (n, d)
        Columns without missing values.
    z : ndarray, shape (n, d), optional
        Condition.

    Returns
    -------
    ndarray, shape (n,)
        Local values, nats.

    References
    ----------
    Misra, Singh & Demchuk 2005, J. Multivar. Anal. 92, 324 (bias of the entropy).

    Examples
    --------
    >>> draw = np.random.default_rng(0).normal(size=(4000, 2))
    >>> x, y = draw[:, :1], 0.8 * draw[:, :1] + 0.6 * draw[:, 1:]
    >>> bool(abs(gaussian_information(x, y).mean() - 0.511) < 0.05)
    True
    """
    empty = np.zeros((len(x), 0)) if z is None else z
    joint = np.concatenate([x, y, empty], axis=1)
    total = _surprise(np.concatenate([x, empty], axis=1)) + _surprise(
        np.concatenate([y, empty], axis=1)
    )
    return np.asarray(total - _surprise(joint) - (_surprise(empty) if empty.shape[1] else 0.0))


def _measure(
    x: Any,
    y: Any,
    given: Any,
    method: str,
    groups: ArrayLike | None,
    k: int,
    n_boot: int,
    floor: bool,
    rng: np.random.Generator | int | None,
) -> Information:
    if method not in METHODS:
        raise ValueError(f"method: {method!r} is none of {', '.join(METHODS)}")
    if not (isinstance(k, int | np.integer) and k >= 1):
        raise ValueError(f"k: expected a whole number from 1, found {k!r}")
    n = check_aligned(x=x, y=y, given=given, groups=groups)
    if n <= max(k + 1, 10):
        raise ValueError(f"x: {n} rows; expected more than {max(k + 1, 10)}")
    generator = np.random.default_rng(rng)
    seed = int(generator.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        sides = [_prepared(x, "x"), _prepared(y, "y")]
        condition = None if given is None else _prepared(given, "given")
    if condition is not None and condition.values.shape[1] == 0:
        condition = None
    if min(side.values.shape[1] for side in sides) == 0:
        return Information(0.0, 0.0, 0.0, n, method, 0.0, np.zeros(n))

    def local(first: Columns) -> NDArray[np.float64]:
        return _LOCAL[method](first, sides[1], condition, groups, k, seed)

    values = local(sides[0])
    shuffled = np.nan
    if floor:
        order = generator.permutation(n)
        first = sides[0]
        shuffled = float(local(Columns(first.values[order], first.names, None)).mean())
    interval = bootstrap(np.mean, values, groups=groups, n_boot=n_boot, rng=generator)
    return Information(
        float(values.mean()), interval.low, interval.high, n, method, shuffled, values
    )


def _prepared(values: Any, argument: str) -> Columns:
    columns = clean_sentinels(as_columns(values, argument), argument, least=999.0)
    return drop_constant(columns, argument)


def _by_crossfit(
    x: Columns, y: Columns, given: Columns | None, groups: Any, k: int, seed: int
) -> NDArray[np.float64]:
    """Density of the side with fewer columns given the other; both ways where they are equal."""
    ways = [(x, y), (y, x)]
    complete = [way for way in ways if not np.isnan(way[1].values).any()]
    if not complete:
        name = next(n for n, v in zip(y.names, y.values.T, strict=True) if np.isnan(v).any())
        raise ValueError(
            f"x and y both have missing values (column {name!r} and others); one side must be "
            "complete, drop these rows"
        )
    if given is not None:
        return _chain(*complete[0], given, groups, seed)
    fewest = min(target.values.shape[1] for _, target in complete)
    found = [
        _chain(source, target, None, groups, seed)
        for source, target in complete
        if target.values.shape[1] == fewest
    ]
    return np.asarray(sum(found) / len(found))


def _chain(
    source: Columns, target: Columns, given: Columns | None, groups: Any, seed: int
) -> NDArray[np.float64]:
    """Sum over the target's columns of what the source adds to those before and the condition."""
    fitter = CrossFitter(rng=seed)
    known, total = given, np.zeros(len(target))
    for j in range(target.values.shape[1]):
        y = target.values[:, j]
        if known is None:
            total += fitter.fit(source, y, groups=groups).information()
        else:
            base = fitter.fit(known, y, groups=groups)
            alone = fitter.fit(source, y, groups=groups)
            both = fitter.fit(source.beside(known), y, groups=groups, parts=[base, alone])
            total += both.information() - base.information()
        column = Columns(y[:, None], (target.names[j],), None)
        known = column if known is None else known.beside(column)
    return total


def _by_copula(
    x: Columns, y: Columns, given: Columns | None, groups: Any, k: int, seed: int
) -> NDArray[np.float64]:
    return gaussian_information(
        *(None if side is None else normal_scores(_complete(side)) for side in (x, y, given))  # type: ignore[arg-type]
    )


def _by_gaussian(
    x: Columns, y: Columns, given: Columns | None, groups: Any, k: int, seed: int
) -> NDArray[np.float64]:
    return gaussian_information(
        *(None if side is None else _complete(side) for side in (x, y, given))  # type: ignore[arg-type]
    )


def _by_ksg(
    x: Columns, y: Columns, given: Columns | None, groups: Any, k: int, seed: int
) -> NDArray[np.float64]:
    condition = None if given is None else _complete(given)
    return ksg_information(_complete(x), _complete(y), condition, k=k, rng=seed)


_LOCAL: dict[str, Callable[..., NDArray[np.float64]]] = {
    "crossfit": _by_crossfit,
    "copula": _by_copula,
    "gaussian": _by_gaussian,
    "ksg": _by_ksg,
}


def _complete(side: Columns) -> NDArray[np.float64]:
    missing = np.isnan(side.values).sum(axis=0)
    if missing.any():
        j = int(np.argmax(missing > 0))
        raise ValueError(
            f"column {side.names[j]!r} has {int(missing[j])} missing values; drop these rows or "
            "take method='crossfit', which can work with gaps"
        )
    return side.values


def _surprise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Local entropy of Gaussian columns, its mean corrected for the fit."""
    from scipy.special import digamma

    n, d = values.shape
    centred = values - values.mean(axis=0)
    covariance = centred.T @ centred / (n - 1)
    sign, log_det = np.linalg.slogdet(covariance)
    if sign <= 0 or not np.isfinite(log_det):
        raise ValueError(
            "columns: one is a linear combination of others, the information is infinite; drop it"
        )
    # E[log det of a Wishart matrix] gives the bias; E[centred' C^-1 centred] is d (n-1)/n exactly.
    bias = d * np.log(2 / (n - 1)) + digamma((n - np.arange(1, d + 1)) / 2).sum()
    distance = np.einsum("ij,ij->i", centred @ np.linalg.inv(covariance), centred)
    distance += d / n
    return np.asarray(0.5 * (d * np.log(2 * np.pi) + log_det - bias + distance))
