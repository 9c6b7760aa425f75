"""A number with its interval, and the group bootstrap that gives the interval.

Rows of one star, disc or source are not independent, so whole groups are drawn.
A resample is held as one integer weight for each row: metrics that can work with
weights (everything that ranks) then never sort again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, IntArray, group_codes

__all__ = ["Estimate", "bootstrap"]

# Resamples are worked on in blocks of at most this many weights (32 MB), so that
# memory stays bounded for catalogues of millions of rows.
_WEIGHTS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A measured number with its interval.

    Parameters
    ----------
    value : float
        The statistic on all rows.
    low, high : float
        Ends of the interval, by default the 16th and 84th percentile over
        resamples; NaN without bootstrap.
    n : int
        Number of rows behind the value.
    threshold : float
        The score at which the value is reached, where that means something;
        NaN elsewhere.

    Examples
    --------
    >>> print(Estimate(0.976, 0.971, 0.981, n=1500))
    0.976 [0.971, 0.981]
    >>> float(Estimate(0.5, n=10))
    0.5
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    threshold: float = math.nan

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return _rounded(self.value, math.nan)
        half_width = (self.high - self.low) / 2
        value, low, high = (_rounded(x, half_width) for x in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"


def bootstrap(
    statistic: Callable[..., Any],
    *arrays: ArrayLike,
    groups: ArrayLike | None = None,
    n_boot: int = 200,
    level: float = 0.68,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Value of any statistic with its percentile interval over resampled groups.

    Groups are drawn with replacement, as many as there are; all rows of a group
    come along, as often as it was drawn. Resamples on which the statistic is NaN
    are left out of the interval.

    Parameters
    ----------
    statistic : callable
        Called with the (resampled) arrays; returns a number or an `Estimate`.
    *arrays : array_like, shape (n, ...)
        What the statistic needs, row by row.
    groups : array_like, shape (n,), optional
        Objects of one group (one star, say) are resampled together. Without it
        each row is its own group.
    n_boot : int
        Number of resamples; 0 gives no interval.
    level : float in (0, 1)
        Probability within the interval, the same tail left on each side.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        ``value`` on all rows, ``low`` and ``high`` over the resamples.

    Raises
    ------
    ValueError
        If no array is given, lengths differ, or ``level`` is outside (0, 1).

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13;
    Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.8
    (resampling of groups).

    Examples
    --------
    >>> import numpy as np
    >>> depth = np.arange(100.0)
    >>> bootstrap(np.mean, depth, rng=1).value
    49.5
    >>> print(bootstrap(np.mean, depth, groups=np.arange(100) // 2, rng=1))
    50 [45, 53]
    """
    if not arrays:
        raise ValueError("arrays: none given, expected at least one array for the statistic")
    columns = [np.asarray(array) for array in arrays]
    n = len(columns[0])
    for position, column in enumerate(columns):
        if len(column) != n:
            raise ValueError(
                f"arrays: number {position} has {len(column)} rows, expected {n} as in the first"
            )
    codes, n_groups = group_codes(groups, n)
    rows = np.arange(n)
    replicates = []
    for block in weight_blocks(codes, n_groups, n_boot, rng):
        for weights in block:
            drawn = np.repeat(rows, weights)
            replicates.append(float(statistic(*(column[drawn] for column in columns))))
    return summarise(float(statistic(*columns)), np.array(replicates), n=n, level=level)


def summarise(
    value: float,
    replicates: FloatArray,
    *,
    n: int,
    level: float = 0.68,
    threshold: float = math.nan,
) -> Estimate:
    """Estimate from the value on all rows and the values on the resamples.

    Parameters
    ----------
    value : float
        The statistic on all rows.
    replicates : array of float, shape (n_boot,)
        The statistic on each resample; NaN where it is undefined.
    n : int
        Number of rows.
    level : float in (0, 1)
        Probability within the interval.
    threshold : float
        Passed on.

    Returns
    -------
    Estimate
        With NaN as interval where no resample has a value.

    Raises
    ------
    ValueError
        If ``level`` is outside (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> print(summarise(0.5, np.linspace(0, 1, 101), n=10))
    0.5 [0.2, 0.8]
    """
    if not 0 < level < 1:
        raise ValueError(f"level: found {level:g}, expected a value between 0 and 1")
    known = replicates[~np.isnan(replicates)]
    low = high = math.nan
    if known.size:
        tail = (1 - level) / 2
        low, high = (float(q) for q in np.quantile(known, [tail, 1 - tail]))
    return Estimate(float(value), low, high, n=n, threshold=float(threshold))


def weight_blocks(
    codes: IntArray,
    n_groups: int,
    n_boot: int,
    rng: np.random.Generator | int | None,
) -> Iterator[IntArray]:
    """Integer weights of the rows for each resample of groups, in blocks of resamples.

    Parameters
    ----------
    codes : array of int, shape (n,)
        Group of each row, 0 ... n_groups - 1.
    n_groups : int
        Number of groups.
    n_boot : int
        Number of resamples.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Yields
    ------
    array of int, shape (block, n)
        How often each row is in each resample; the blocks add up to ``n_boot``.

    Raises
    ------
    ValueError
        If ``n_boot`` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> (block,) = weight_blocks(np.array([0, 0, 1]), 2, n_boot=4, rng=0)
    >>> block.shape, bool((block[:, 0] == block[:, 1]).all())
    ((4, 3), True)
    """
    if n_boot < 0:
        raise ValueError(f"n_boot: found {n_boot}, expected 0 (no interval) or more")
    generator = np.random.default_rng(rng)
    at_once = max(1, _WEIGHTS_AT_ONCE // max(len(codes), n_groups))
    for start in range(0, n_boot, at_once):
        size = min(at_once, n_boot - start)
        drawn = generator.integers(n_groups, size=(size, n_groups))
        # Counting draws is the multinomial over groups, and much faster than n_groups binomials.
        drawn += n_groups * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_groups).reshape(size, n_groups)
        yield counts[:, codes]


def _rounded(number: float, half_width: float) -> str:
    """Decimals down to the second digit of a small half-width, or three without one."""
    if not math.isfinite(number):
        return str(number)
    if not half_width > 0:
        return f"{number:.3f}" if number == 0 or 1e-2 <= abs(number) < 1e3 else f"{number:.3g}"
    decimals = -math.floor(math.log10(half_width / 2))
    return f"{number:.{max(0, decimals)}f}" if decimals < 7 else f"{number:.3g}"
