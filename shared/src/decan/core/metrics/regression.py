"""How far predicted numbers are from the truth: robust and classical residual statistics.

Residuals are prediction minus truth, in the unit of the truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, as_floats
from .estimate import Estimate, bootstrap

__all__ = ["bias", "outlier_fraction", "r2", "rmse", "sigma_mad"]

# One over the 75th percentile of the unit Gaussian: makes the MAD estimate sigma.
_MAD_TO_SIGMA = 1.482602218505602


def sigma_mad(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Scatter of the residuals as 1.4826 times their median absolute deviation.

    Deviations are taken from the median residual, so a constant bias does not count.

    Parameters
    ----------
    y_true, y_pred : array_like of float, shape (n,)
        Truth and prediction in one unit. NaN is refused.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        In the unit of the truth; equals the standard deviation for Gaussian residuals.

    Raises
    ------
    ValueError
        If lengths differ or a number is not finite.

    References
    ----------
    Rousseeuw & Croux 1993, JASA 88, 1273.

    Examples
    --------
    >>> sigma_mad([0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0, 100.0]).value
    1.482602218505602
    """

    def scatter(residual: FloatArray) -> float:
        return float(_MAD_TO_SIGMA * np.median(np.abs(residual - np.median(residual))))

    residual = _residuals(y_true, y_pred)
    return bootstrap(scatter, residual, groups=groups, n_boot=n_boot, rng=rng)


def bias(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Mean of prediction minus truth.

    Parameters
    ----------
    y_true, y_pred : array_like of float, shape (n,)
        Truth and prediction in one unit. NaN is refused.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        In the unit of the truth; positive where predictions are too high.

    Raises
    ------
    ValueError
        If lengths differ or a number is not finite.

    Examples
    --------
    >>> bias([1.0, 2.0], [1.5, 2.5]).value
    0.5
    """
    return bootstrap(np.mean, _residuals(y_true, y_pred), groups=groups, n_boot=n_boot, rng=rng)


def rmse(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Root mean square of prediction minus truth, bias included.

    Parameters
    ----------
    y_true, y_pred : array_like of float, shape (n,)
        Truth and prediction in one unit. NaN is refused.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        In the unit of the truth.

    Raises
    ------
    ValueError
        If lengths differ or a number is not finite.

    Examples
    --------
    >>> rmse([0.0, 0.0], [3.0, -3.0]).value
    3.0
    """

    def root_mean_square(residual: FloatArray) -> float:
        return float(np.sqrt(np.mean(residual**2)))

    residual = _residuals(y_true, y_pred)
    return bootstrap(root_mean_square, residual, groups=groups, n_boot=n_boot, rng=rng)


def outlier_fraction(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    limit: float,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Share of objects whose residual is larger than a limit, either way.

    Parameters
    ----------
    y_true, y_pred : array_like of float, shape (n,)
        Truth and prediction in one unit. NaN is refused.
    limit : float
        Largest absolute residual that is no outlier, in the unit of the truth.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        Between 0 and 1; ``threshold`` is the limit.

    Raises
    ------
    ValueError
        If lengths differ, a number is not finite, or the limit is not positive.

    Examples
    --------
    >>> outlier_fraction([0.0, 0.0, 0.0, 0.0], [0.1, -0.1, 0.2, 5.0], limit=1.0).value
    0.25
    """
    if not limit > 0:
        raise ValueError(f"limit: found {limit:g}, expected a positive residual")
    outlying = np.abs(_residuals(y_true, y_pred)) > limit
    share = bootstrap(np.mean, outlying, groups=groups, n_boot=n_boot, rng=rng)
    return Estimate(share.value, share.low, share.high, n=share.n, threshold=float(limit))


def r2(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Share of the truth's variance that the prediction explains (coefficient of determination).

    Parameters
    ----------
    y_true, y_pred : array_like of float, shape (n,)
        Truth and prediction in one unit. NaN is refused.
    groups : array_like, shape (n,), optional
        Objects of one group are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        At most 1; 0 for predicting the mean; negative for worse. It is no squared
        correlation: a biased prediction loses.

    Raises
    ------
    ValueError
        If lengths differ, a number is not finite, or all true values are equal.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 3.5]).value
    0.875
    """
    truth = as_floats("y_true", y_true)
    residual = _residuals(truth, y_pred)
    if truth.min() == truth.max():
        raise ValueError(f"y_true: all values equal {truth[0]:g}, there is no variance to explain")

    def explained(truth: FloatArray, residual: FloatArray) -> float:
        variance = np.mean((truth - truth.mean()) ** 2)
        return float(1 - np.mean(residual**2) / variance) if variance > 0 else float("nan")

    return bootstrap(explained, truth, residual, groups=groups, n_boot=n_boot, rng=rng)


def _residuals(y_true: ArrayLike, y_pred: ArrayLike) -> FloatArray:
    truth = as_floats("y_true", y_true)
    return as_floats("y_pred", y_pred, n=len(truth)) - truth
