"""Thresholds, ranks and votes: what a score means for observations and for sources.

Ties are never split: rows of equal score are selected together. Intervals treat the source
as the unit, because rows of one source are not independent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "at_fixed",
    "source_weights",
    "threshold_for_recall",
    "threshold_for_share",
    "vote",
    "wilson_interval",
]

# More rows of about equal brightness say no more, and cost their number squared.
_MOST_NEIGHBOURS = 1000


def threshold_for_recall(score: ArrayLike, recall: float) -> float:
    """Largest threshold at which at least this share of the known rows is selected.

    Parameters
    ----------
    score : array_like, shape (n,)
        Scores of known rows; rows of at least the threshold are selected.
    recall : float in (0, 1]
        Share.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there is no row or the share is out of range.

    Examples
    --------
    >>> threshold_for_recall([5.0, 4.0, 4.0, 1.0], 0.5)
    4.0
    """
    values = np.sort(np.asarray(score, dtype=float))[::-1]
    if len(values) == 0 or not 0 < recall <= 1:
        raise ValueError(f"{len(values)} known rows and recall {recall}: expected some, and (0, 1]")
    return float(values[int(np.ceil(recall * len(values) - 1e-9)) - 1])


def threshold_for_share(score: ArrayLike, share: float, weight: ArrayLike | None = None) -> float:
    """Smallest threshold at which no more than this share of rows is selected.

    Parameters
    ----------
    score : array_like, shape (n,)
        Scores; rows of at least the threshold are selected. A block of ties that would
        exceed the share is left out as a whole.
    share : float in (0, 1]
        Share of rows, or of their weight.
    weight : array_like, shape (n,), optional
        Weight of each row.

    Returns
    -------
    float
        Infinite where even the first block exceeds the share.

    Raises
    ------
    ValueError
        If there is no row or the share is out of range.

    Examples
    --------
    >>> threshold_for_share([5.0, 4.0, 4.0, 1.0], 0.5)  # the two 4 would make it 0.75
    5.0
    """
    values = np.asarray(score, dtype=float)
    if len(values) == 0 or not 0 < share <= 1:
        raise ValueError(f"{len(values)} rows and share {share}: expected some, and (0, 1]")
    w = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=float)
    levels, block = np.unique(-values, return_inverse=True)
    taken = np.cumsum(np.bincount(block, w)) / w.sum()
    fits = np.flatnonzero(taken <= share + 1e-12)
    return float(-levels[fits[-1]]) if len(fits) else float("inf")


def source_weights(source: ArrayLike) -> NDArray[np.float64]:
    """Weights that give every source the same say, with mean 1.

    Parameters
    ----------
    source : array_like, shape (n,)
        Source of each row.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> source_weights(["a", "a", "b"])
    array([0.75, 0.75, 1.5 ])
    """
    _, code, count = np.unique(
        np.asarray(source).astype(str), return_inverse=True, return_counts=True
    )
    return np.asarray(len(code) / len(count) / count[code])


def at_fixed(
    score: ArrayLike, brightness: ArrayLike, *, neighbours: float = 0.1
) -> NDArray[np.float64]:
    """Share of the rows of about equal brightness that score lower.

    What is left of a score once brightness has had its say: pulsations can only be found in
    bright rows, so a score that likes known pulsars likes brightness for a start.

    Parameters
    ----------
    score : array_like, shape (n,)
        Scores.
    brightness : array_like, shape (n,)
        Log of flux or counts.
    neighbours : float
        Share of all rows, nearest in brightness, to compare with; 20 to 1,000 rows.

    Returns
    -------
    ndarray, shape (n,)
        Between 0 and 1, ties counted half.

    Examples
    --------
    >>> brightness = np.linspace(0, 1, 200)
    >>> score = 3 * brightness + np.random.default_rng(0).normal(0, 0.3, 200)
    >>> bool(abs(np.corrcoef(at_fixed(score, brightness), brightness)[0, 1]) < 0.15)
    True
    """
    from scipy.stats import rankdata

    # Places instead of values: a few huge scores would otherwise decide the trend.
    s, b = rankdata(np.asarray(score, dtype=float)), np.asarray(brightness, dtype=float)
    n = len(s)
    order = np.argsort(b, kind="stable")
    half = int(np.clip(neighbours * n / 2, 10, _MOST_NEIGHBOURS / 2))
    # Take out the trend inside the window too, else its lower half always loses.
    ranked = np.empty(n)
    sb, ss = b[order], s[order]
    for i in range(n):
        low = min(max(0, i - half), max(0, n - 2 * half - 1))
        part = slice(low, min(n, low + 2 * half + 1))
        x, y = sb[part] - sb[i], ss[part]
        spread = np.var(x)
        slope = np.cov(x, y, bias=True)[0, 1] / spread if spread > 0 else 0.0
        level = y - slope * x
        ranked[i] = np.mean(level < ss[i] - 1e-12) + 0.5 * np.mean(np.abs(level - ss[i]) <= 1e-12)
    result = np.empty(n)
    result[order] = ranked
    return result


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, *, sigma: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's interval of a proportion.

    Parameters
    ----------
    successes, trials : array_like
        Counts.
    sigma : float
        Half-width in standard deviations; 1 gives 16 to 84 per cent.

    Returns
    -------
    low, high : ndarray

    References
    ----------
    Wilson 1927, J. Am. Stat. Assoc. 22, 209.

    Examples
    --------
    >>> low, high = wilson_interval(0, 4)
    >>> float(low), round(float(high), 2)
    (0.0, 0.2)
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    z2 = sigma**2
    centre = (k + z2 / 2) / (n + z2)
    half = sigma / (n + z2) * np.sqrt(k * (n - k) / n + z2 / 4)
    return np.maximum(centre - half, 0), np.minimum(centre + half, 1)


def vote(
    source: ArrayLike,
    score: ArrayLike,
    threshold: float,
    *,
    known: ArrayLike | None = None,
) -> pd.DataFrame:
    """Observations voted to sources: mean score, and the share of observations selected.

    Parameters
    ----------
    source : array_like, shape (n,)
        Source of each row.
    score : array_like, shape (n,)
        Log-odds of each row.
    threshold : float
        Rows of at least this are selected.
    known : array_like of bool, shape (n,), optional
        Rows of known pulsars.

    Returns
    -------
    pandas.DataFrame
        One row a source, best first: ``source``, ``score`` (mean), ``n_observations``,
        ``n_selected``, ``share`` with Wilson's ``share_low`` and ``share_high``, ``known``.

    Examples
    --------
    >>> vote(["a", "a", "b"], [2.0, 1.0, -3.0], 0.0)["n_selected"].tolist()
    [2, 0]
    """
    import pandas as pd

    names = np.asarray(source)
    rows = pd.DataFrame(
        {
            "source": names,
            "score": np.asarray(score, dtype=float),
            "selected": np.asarray(score, dtype=float) >= threshold,
            "known": np.zeros(len(names), bool) if known is None else np.asarray(known, bool),
        }
    )
    grouped = rows.groupby("source", sort=False)
    table = grouped.agg(
        score=("score", "mean"),
        n_observations=("score", "size"),
        n_selected=("selected", "sum"),
        known=("known", "any"),
    ).reset_index()
    table["share"] = table["n_selected"] / table["n_observations"]
    low, high = wilson_interval(table["n_selected"], table["n_observations"])
    table["share_low"], table["share_high"] = low, high
    order = np.lexsort([table["source"].astype(str), -table["score"]])
    columns = ["source", "score", "n_observations", "n_selected", "share", "share_low",
               "share_high", "known"]  # fmt: skip
    return table.iloc[order][columns].reset_index(drop=True)


def by_source_mean(source: ArrayLike, *columns: Any) -> tuple[NDArray[Any], ...]:
    """Names of sources and the means of columns over their rows."""
    names, code = np.unique(np.asarray(source), return_inverse=True)
    count = np.bincount(code)
    return names, *(np.bincount(code, np.asarray(c, dtype=float)) / count for c in columns)
