"""Whether predicted distributions are sharp and honest: CRPS, PIT, coverage.

Scores of single objects come back as arrays; `decan.core.metrics.bootstrap` with
``np.mean`` gives their mean with an interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, as_floats, as_probabilities
from .estimate import Estimate, bootstrap

__all__ = [
    "KolmogorovSmirnov",
    "coverage",
    "crps_ensemble",
    "crps_gaussian",
    "pit",
    "pit_uniformity",
]


def crps_gaussian(truth: ArrayLike, mean: ArrayLike, std: ArrayLike) -> FloatArray:
    """Continuous ranked probability score of Gaussian predictions, in closed form.

    Parameters
    ----------
    truth : array_like of float, any shape
        What came out.
    mean, std : array_like of float, broadcast against the truth
        Predicted mean and standard deviation, in the truth's unit.

    Returns
    -------
    array of float, the truth's shape
        In the truth's unit, lower is better; the absolute error as ``std`` goes to 0.

    Raises
    ------
    ValueError
        If a standard deviation is not positive or a number is not finite.

    References
    ----------
    Gneiting & Raftery 2007, JASA 102, 359, section 4.2.

    Examples
    --------
    >>> crps_gaussian([0.0], [0.0], [1.0]).round(4)
    array([0.2337])
    """
    from scipy.special import ndtr

    truth, mean, std = (
        _finite(name, array) for name, array in (("truth", truth), ("mean", mean), ("std", std))
    )
    if (std <= 0).any():
        raise ValueError(f"std: found {std.min():g}, expected positive standard deviations")
    z = (truth - mean) / std
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))


def crps_ensemble(truth: ArrayLike, samples: ArrayLike) -> FloatArray:
    """Fair continuous ranked probability score of predictions given as samples.

    Fair: its expectation does not depend on the number of samples, so ensembles of
    different size can be compared. Samples are sorted once, O(m log m) an object.

    Parameters
    ----------
    truth : array_like of float, shape (...,)
        What came out.
    samples : array_like of float, shape (..., m)
        At least two samples for each object, along the last axis.

    Returns
    -------
    array of float, shape (...,)
        In the truth's unit, lower is better; a single score can be negative.

    Raises
    ------
    ValueError
        If shapes do not fit, there are fewer than two samples, or a number is not finite.

    References
    ----------
    Ferro 2014, QJRMS 140, 1917; Zamo & Naveau 2018, Mathematical Geosciences 50, 209.

    Examples
    --------
    >>> crps_ensemble([0.0], [[-1.0, 1.0]])
    array([0.])
    """
    truth, samples = _truth_and_samples(truth, samples)
    m = samples.shape[-1]
    if m < 2:
        raise ValueError(f"samples: found {m} a row, expected at least 2")
    ordered = np.sort(samples, axis=-1)
    # The sum of |x_i - x_j| over pairs is a weighted sum of the sorted samples.
    weights = (2 * np.arange(1, m + 1) - m - 1) / (m * (m - 1))
    return np.abs(ordered - truth[..., None]).mean(axis=-1) - ordered @ weights


def pit(
    truth: ArrayLike, samples: ArrayLike, *, rng: np.random.Generator | int | None = None
) -> FloatArray:
    """Probability integral transform of the truth among predicted samples.

    The rank is randomised within its step (and among ties), so values are exactly
    uniform where truth and samples come from one distribution, for any number of samples.

    Parameters
    ----------
    truth : array_like of float, shape (...,)
        What came out.
    samples : array_like of float, shape (..., m)
        Samples for each object, along the last axis.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    array of float, shape (...,)
        Between 0 (below all samples) and 1 (above all).

    Raises
    ------
    ValueError
        If shapes do not fit or a number is not finite.

    References
    ----------
    Dawid 1984, JRSS A 147, 278; Czado, Gneiting & Held 2009, Biometrics 65, 1254;
    Talts et al. 2018, arXiv:1804.06788 (rank statistics).

    Examples
    --------
    >>> value = pit([0.5], [[0.0, 1.0, 2.0]], rng=0)
    >>> bool(0.25 <= value[0] <= 0.5)
    True
    """
    truth, samples = _truth_and_samples(truth, samples)
    below = (samples < truth[..., None]).sum(axis=-1)
    equal = (samples == truth[..., None]).sum(axis=-1)
    uniform = np.random.default_rng(rng).uniform(size=truth.shape)
    return (below + uniform * (equal + 1)) / (samples.shape[-1] + 1)


@dataclass(frozen=True)
class KolmogorovSmirnov:
    """Result of a Kolmogorov-Smirnov test.

    Parameters
    ----------
    statistic : float
        Largest distance of the two cumulative distributions, between 0 and 1.
    p_value : float
        Probability of so large a distance under the null hypothesis.

    Examples
    --------
    >>> KolmogorovSmirnov(statistic=0.1, p_value=0.8).statistic
    0.1
    """

    statistic: float
    p_value: float


def pit_uniformity(values: ArrayLike) -> KolmogorovSmirnov:
    """Kolmogorov-Smirnov test that PIT values are uniform, as those of honest predictions are.

    Parameters
    ----------
    values : array_like of float in [0, 1], shape (n,)
        From `pit`, or the predicted cumulative distribution at the truth. Objects are
        treated as independent.

    Returns
    -------
    KolmogorovSmirnov
        ``statistic`` and ``p_value``.

    Raises
    ------
    ValueError
        If a value is NaN or outside [0, 1].

    References
    ----------
    Massey 1951, JASA 46, 68.

    Examples
    --------
    >>> import numpy as np
    >>> round(pit_uniformity((np.arange(100) + 0.5) / 100).statistic, 6)
    0.005
    """
    from scipy.stats import kstest

    result = kstest(as_probabilities("values", values), "uniform")
    return KolmogorovSmirnov(float(result.statistic), float(result.pvalue))


def coverage(
    truth: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Share of objects whose truth lies within the predicted interval, ends included.

    Parameters
    ----------
    truth : array_like of float, shape (n,)
        What came out.
    low, high : array_like of float, shape (n,)
        Ends of each object's interval, in the truth's unit; infinite ends are allowed.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        To be compared with the probability that the intervals promise.

    Raises
    ------
    ValueError
        If lengths differ, a number is NaN, or a low end is above its high end.

    Examples
    --------
    >>> coverage([1.0, 2.0, 3.0, 9.0], [0, 0, 0, 0], [4, 4, 4, 4]).value
    0.75
    """
    centre = as_floats("truth", truth)
    lower = as_floats("low", low, n=len(centre), finite=False)
    upper = as_floats("high", high, n=len(centre), finite=False)
    if (lower > upper).any():
        row = int(np.argmax(lower > upper))
        raise ValueError(f"low: {lower[row]:g} at row {row} is above high, {upper[row]:g}")
    inside = (lower <= centre) & (centre <= upper)
    return bootstrap(np.mean, inside, groups=groups, n_boot=n_boot, rng=rng)


def _finite(name: str, values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: {int((~np.isfinite(array)).sum())} values are not finite")
    return array


def _truth_and_samples(truth: ArrayLike, samples: ArrayLike) -> tuple[FloatArray, FloatArray]:
    outcome, drawn = _finite("truth", truth), _finite("samples", samples)
    if drawn.shape[:-1] != outcome.shape or drawn.ndim != outcome.ndim + 1:
        raise ValueError(
            f"samples: found shape {drawn.shape}, expected {outcome.shape} and one more axis"
        )
    if drawn.shape[-1] == 0:
        raise ValueError("samples: there is none along the last axis")
    return outcome, drawn
