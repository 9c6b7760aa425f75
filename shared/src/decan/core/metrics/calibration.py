"""Whether probabilities mean what they say: calibration errors and the reliability curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, IntArray, as_binary, as_probabilities
from .estimate import Estimate, bootstrap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CalibrationError", "calibration_error", "reliability_curve"]


@dataclass(frozen=True)
class CalibrationError:
    """Expected and largest calibration error.

    Parameters
    ----------
    ece : Estimate
        Mean over objects of the distance between predicted and observed frequency of
        their bin.
    mce : Estimate
        The largest such distance of any bin.

    Examples
    --------
    >>> print(CalibrationError(ece=Estimate(0.01), mce=Estimate(0.05)).ece)
    0.010
    """

    ece: Estimate
    mce: Estimate


def calibration_error(
    y_true: ArrayLike,
    probability: ArrayLike,
    *,
    n_bins: int = 15,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> CalibrationError:
    """Expected and maximum calibration error in bins of equal mass.

    Objects with equal probability share a bin, so bins can hold unequal numbers and a
    classifier of few distinct values has fewer bins. For several classes give the
    largest probability as ``probability`` and whether it is right as ``y_true``.

    Parameters
    ----------
    y_true : array_like of {0, 1}, shape (n,)
        Truth.
    probability : array_like of float in [0, 1], shape (n,)
        Predicted probability of 1.
    n_bins : int
        Largest number of bins.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples, bins held fixed; 0 gives no interval. Noise only adds to
        these errors, so the interval of a well calibrated classifier can lie above
        its value.
    rng : numpy.random.Generator or int, optional
        See SPEC 7; both errors see the same resamples.

    Returns
    -------
    CalibrationError
        ``ece`` and ``mce``.

    Raises
    ------
    ValueError
        If lengths differ, a truth is not 0 or 1, a probability is outside [0, 1], or
        ``n_bins`` is below 1.

    References
    ----------
    Naeini, Cooper & Hauskrecht 2015, AAAI; Nixon et al. 2019, arXiv:1904.01685 (equal mass).

    Examples
    --------
    >>> error = calibration_error([0, 0, 1, 1], [0.2, 0.2, 0.6, 0.6], n_bins=2)
    >>> round(error.ece.value, 3), round(error.mce.value, 3)
    (0.3, 0.4)
    """
    truth, predicted = _truth_and_probability(y_true, probability)
    bins = _equal_mass_bins(predicted, n_bins)
    size = int(bins.max()) + 1

    def gaps(bins: IntArray, truth: FloatArray, predicted: FloatArray) -> tuple[np.ndarray, ...]:
        count = np.bincount(bins, minlength=size)
        total = np.bincount(bins, weights=predicted - truth, minlength=size)
        return np.abs(total), count

    def expected(*columns: np.ndarray) -> float:
        total, count = gaps(*columns)
        return float(total.sum() / count.sum())

    def largest(*columns: np.ndarray) -> float:
        total, count = gaps(*columns)
        return float(np.max(total[count > 0] / count[count > 0]))

    seed = int(np.random.default_rng(rng).integers(2**63))
    ece, mce = (
        bootstrap(statistic, bins, truth, predicted, groups=groups, n_boot=n_boot, rng=seed)
        for statistic in (expected, largest)
    )
    return CalibrationError(ece, mce)


def reliability_curve(
    y_true: ArrayLike, probability: ArrayLike, *, n_bins: int = 15
) -> pd.DataFrame:
    """Observed frequency against predicted probability, in bins of equal mass.

    Parameters
    ----------
    y_true : array_like of {0, 1}, shape (n,)
        Truth.
    probability : array_like of float in [0, 1], shape (n,)
        Predicted probability of 1.
    n_bins : int
        Largest number of bins; objects with equal probability share one.

    Returns
    -------
    pandas.DataFrame
        A row for each bin, from low to high: ``n``, ``probability`` (mean predicted),
        ``smallest`` and ``largest`` (predicted, in the bin), ``observed`` (share of 1),
        ``low`` and ``high`` (68 % interval of the observed share: equal tails of the
        binomial posterior under Jeffreys' prior, objects taken as independent).

    Raises
    ------
    ValueError
        If lengths differ, a truth is not 0 or 1, a probability is outside [0, 1], or
        ``n_bins`` is below 1.

    References
    ----------
    Bröcker & Smith 2007, Weather and Forecasting 22, 651; Cameron 2011, PASA 28, 128
    (binomial intervals).

    Examples
    --------
    >>> curve = reliability_curve([0, 0, 1, 1], [0.2, 0.2, 0.6, 0.6], n_bins=2)
    >>> curve[["n", "probability", "observed"]].values.tolist()
    [[2.0, 0.2, 0.0], [2.0, 0.6, 1.0]]
    """
    import pandas as pd
    from scipy.stats import beta

    truth, predicted = _truth_and_probability(y_true, probability)
    frame = pd.DataFrame(
        {"bin": _equal_mass_bins(predicted, n_bins), "truth": truth, "predicted": predicted}
    )
    curve = (
        frame.groupby("bin")
        .agg(
            n=("truth", "size"),
            probability=("predicted", "mean"),
            smallest=("predicted", "min"),
            largest=("predicted", "max"),
            observed=("truth", "mean"),
        )
        .reset_index(drop=True)
    )
    ones = curve["observed"] * curve["n"]
    posterior = beta(ones + 0.5, curve["n"] - ones + 0.5)
    return curve.assign(low=posterior.ppf(0.16), high=posterior.ppf(0.84))


def _truth_and_probability(
    y_true: ArrayLike, probability: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    truth = as_binary("y_true", y_true, both=False)
    return truth, as_probabilities("probability", probability, n=len(truth))


def _equal_mass_bins(probability: FloatArray, n_bins: int) -> IntArray:
    """Bin of each object, numbered without gaps; equal probabilities share their middle rank."""
    if n_bins < 1:
        raise ValueError(f"n_bins: found {n_bins}, expected at least 1")
    _, of_row, counts = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    bins = np.minimum((middle * n_bins / len(probability)).astype(np.int64), n_bins - 1)
    return np.unique(bins, return_inverse=True)[1][of_row]
