"""Cleaning of Gaia light curves: the published rules, and a reason for every epoch left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .lightcurves import LightCurves
from .ragged import segment_quantiles

__all__ = ["LightCurveCleaner"]

_MAD_TO_SIGMA = 1.4826
_BIN_EDGES = np.arange(4.0, 15.0, 0.5)
# Median and MAD of the G errors of Gaia DR3 in bins of half a magnitude, 1e-3 mag. One
# fourth digit is known, from an epoch that the published latents must contain.
_TYPICAL_ERROR = 1e-3 * np.array(
    [7.235, 7.278, 7.512, 3.842, 2.882, 2.520, 2.398, 2.298, 2.383, 2.104, 1.681, 1.581, 1.606,
     1.560, 2.129, 1.753, 1.101, 1.209, 1.649, 1.721, 1.884, 2.138]
)  # fmt: skip
_SPREAD_OF_ERROR = 1e-3 * np.array(
    [0.557, 0.634, 0.355, 0.942, 0.283, 0.367, 0.250, 0.269, 0.290, 0.228, 0.170, 0.136, 0.156,
     0.159, 0.163, 0.257, 0.101, 0.134, 0.100, 0.100, 0.1471, 0.191]
)  # fmt: skip


@dataclass(frozen=True)
class LightCurveCleaner:
    """Leaves out epochs with outlying errors, and a magnitude that stands alone.

    Parameters
    ----------
    error_mad : float
        An error is an outlier if it lies this many robust standard deviations above
        the star's median error, *and* ...
    magbin_error_mad : float
        ... this many above what Gaia DR3 has at the epoch's magnitude.
    drop_singleton : bool
        Whether exactly one epoch outside the Tukey fence is left out. Several are an
        eclipse or a flare and stay.
    error_floor_mag : float
        Smallest error that is believed, magnitudes; the published code has none (0).

    Raises
    ------
    ValueError
        If a limit is not positive.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> mag = 12 + 0.01 * np.sin(np.arange(40.0))
    >>> mag[7] = 14.0
    >>> curves = LightCurves.from_arrays(np.ones(40, int), np.arange(40.0), mag, np.full(40, 0.002))
    >>> LightCurveCleaner().transform(curves)
    <LightCurves: 1 star, 40 epochs, 39 in use (1 magnitude outlier)>
    """

    error_mad: float = 3.0
    magbin_error_mad: float = 10.0
    drop_singleton: bool = True
    error_floor_mag: float = 5e-4

    def __post_init__(self) -> None:
        for name in ("error_mad", "magbin_error_mad"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected a positive number, found {getattr(self, name)}")
        if not self.error_floor_mag >= 0:
            raise ValueError(f"error_floor_mag: expected 0 or more, found {self.error_floor_mag}")

    def transform(self, curves: LightCurves) -> LightCurves:
        """The curves with outliers out of use and errors not below the floor.

        Parameters
        ----------
        curves : LightCurves
            As read.

        Returns
        -------
        LightCurves
            The same epochs, more of them with a reason.
        """
        if self.error_floor_mag > 0:
            error = np.where(
                curves.mag_err > 0, np.maximum(curves.mag_err, self.error_floor_mag), curves.mag_err
            )
            curves = LightCurves(
                curves.source_id, curves.start, curves.time_d, curves.mag, error, curves.reason
            )
        curves = curves.leave_out(self._error_outliers(curves), "error outlier")
        if self.drop_singleton:
            curves = curves.leave_out(_single_outliers(curves), "magnitude outlier")
        return curves

    def _error_outliers(self, curves: LightCurves) -> NDArray[np.bool_]:
        used = curves.used()
        star = used.star
        (middle,) = segment_quantiles(used.mag_err, used.start, [0.5])
        deviation = np.abs(used.mag_err - middle[star])
        (spread,) = segment_quantiles(deviation, used.start, [0.5])
        limit = (middle + self.error_mad * _MAD_TO_SIGMA * spread)[star]
        bins = np.clip(
            np.searchsorted(_BIN_EDGES, used.mag, side="right") - 1, 0, len(_BIN_EDGES) - 1
        )
        typical = (
            _TYPICAL_ERROR[bins] + self.magbin_error_mad * _MAD_TO_SIGMA * _SPREAD_OF_ERROR[bins]
        )
        wrong = (spread[star] > 0) & (used.mag_err > limit) & (used.mag_err > typical)
        return _spread_out(curves, wrong)


def _single_outliers(curves: LightCurves) -> NDArray[np.bool_]:
    """The one epoch outside Tukey's fence, where exactly one is."""
    used = curves.used()
    star = used.star
    low, high = segment_quantiles(used.mag, used.start, [0.25, 0.75])
    extent = np.maximum(3 * (high - low), 0.015)
    outside = (used.mag < (low - extent)[star]) | (used.mag > (high + extent)[star])
    alone = np.bincount(star[outside], minlength=len(used)) == 1
    return _spread_out(curves, outside & alone[star])


def _spread_out(curves: LightCurves, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A choice among the epochs in use as a choice among all epochs."""
    out = np.zeros(len(curves.time_d), bool)
    out[np.flatnonzero(curves.reason == 0)[chosen]] = True
    return out
