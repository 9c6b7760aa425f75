"""A transit signal: when, how long and how often, in a known system of time."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TIME_OFFSETS", "TransitSignal", "check_time_format", "in_days"]

TIME_OFFSETS = {"bjd": 0.0, "bkjd": 2454833.0, "btjd": 2457000.0}
"""Days to add to a time of this system for the Barycentric Julian Date (TDB)."""

_LONGEST_DURATION = 0.5
_LONG_DURATION = 0.25


@dataclass(frozen=True)
class TransitSignal:
    """A periodic dip as a search reports it: when it repeats, how long and how deep it is.

    Parameters
    ----------
    period_day : float or Quantity
        Orbital period, days.
    epoch : float, Quantity or astropy.time.Time
        Mid-time of any one transit, days in the system that ``time_format`` names.
    duration_hour : float or Quantity
        From first to last contact, hours.
    depth_ppm : float or Quantity, optional
        Depth as the search reports it, parts per million.
    time_format : {'bjd', 'bkjd', 'btjd'}, optional
        BJD, BJD - 2454833 (Kepler) or BJD - 2457000 (TESS), all in TDB. None means
        the system of the light curve that the signal is used with.

    Raises
    ------
    ValueError
        If a value is not finite, period or duration are not positive, or the
        duration exceeds half the period; the message names the field.

    Warns
    -----
    UserWarning
        If the duration exceeds a quarter of the period, or looks like days.

    Examples
    --------
    >>> signal = TransitSignal(3.28987, 1327.514, 3.318, time_format="btjd")
    >>> print(signal)
    P = 3.28987 d, T0 = 1327.514 BTJD, duration 3.32 h
    >>> signal.epoch_in("bjd")
    2458327.514
    """

    period_day: float
    epoch: float
    duration_hour: float
    depth_ppm: float | None = None
    time_format: str | None = None

    def __post_init__(self) -> None:
        if hasattr(self.epoch, "tdb"):
            object.__setattr__(self, "epoch", float(self.epoch.tdb.jd))
            object.__setattr__(self, "time_format", self.time_format or "bjd")
            if self.time_format != "bjd":
                raise ValueError(
                    "time_format: an astropy Time carries its own system; leave it out"
                )
        check_time_format(self.time_format)
        for name, unit in (("period_day", "d"), ("epoch", "d"), ("duration_hour", "h")):
            object.__setattr__(self, name, _number(getattr(self, name), unit, name))
        if self.depth_ppm is not None:
            scale = 1e6 if hasattr(self.depth_ppm, "to_value") else 1.0
            depth = _number(self.depth_ppm, "", "depth_ppm") * scale
            object.__setattr__(self, "depth_ppm", depth)
        self._check_times()

    def _check_times(self) -> None:
        for name in ("period_day", "duration_hour"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: expected a positive number, found {getattr(self, name)}")
        fraction = self.duration_day / self.period_day
        if fraction > _LONGEST_DURATION:
            guess = (
                f"; if it is in minutes, pass {self.duration_hour / 60:.3g}"
                if fraction / 60 < _LONG_DURATION
                else ""
            )
            raise ValueError(
                f"duration_hour: {self.duration_hour:g} h is more than half of the period "
                f"({self.period_day:g} d){guess}"
            )
        if fraction > _LONG_DURATION:
            warnings.warn(
                f"duration_hour: {self.duration_hour:g} h is {fraction:.0%} of the period; "
                "no planet of a normal star transits that long",
                stacklevel=4,
            )
        # A central transit of a star of solar density lasts 13 h (P / yr)^(1/3).
        usual = 13.0 * math.cbrt(self.period_day / 365.25)
        if self.duration_hour < 0.1 * usual and 0.2 * usual < 24 * self.duration_hour < 3 * usual:
            warnings.warn(
                f"duration_hour: {self.duration_hour:g} h looks like days; "
                f"if it is, pass {24 * self.duration_hour:.3g}",
                stacklevel=4,
            )

    @property
    def duration_day(self) -> float:
        """Duration, days."""
        return self.duration_hour / 24.0

    def epoch_in(self, time_format: str | None) -> float:
        """The epoch in another time system.

        Parameters
        ----------
        time_format : {'bjd', 'bkjd', 'btjd'}, optional
            The system asked for. Where it or the signal's own is unknown (None), the
            epoch is returned as it is.

        Returns
        -------
        float
            Days.

        Examples
        --------
        >>> TransitSignal(10.0, 140.5, 3.0, time_format="bkjd").epoch_in("btjd")
        -2026.5
        """
        if time_format is None or self.time_format is None or time_format == self.time_format:
            return self.epoch
        return self.epoch + (TIME_OFFSETS[self.time_format] - TIME_OFFSETS[time_format])

    def transit_times(self, start: float, stop: float, time_format: str | None) -> NDArray[Any]:
        """Mid-times of all transits between two times.

        Parameters
        ----------
        start, stop : float
            First and last time, days in ``time_format``.
        time_format : str, optional
            As in :meth:`epoch_in`.

        Returns
        -------
        ndarray of float, shape (n_transits,)
            Days in ``time_format``.

        Examples
        --------
        >>> TransitSignal(10.0, 5.0, 3.0).transit_times(0.0, 30.0, None)
        array([ 5., 15., 25.])
        """
        epoch = self.epoch_in(time_format)
        first = math.ceil((start - epoch) / self.period_day)
        last = math.floor((stop - epoch) / self.period_day)
        return epoch + self.period_day * np.arange(first, last + 1)

    def __str__(self) -> str:
        system = f" {self.time_format.upper()}" if self.time_format else ""
        return (
            f"P = {self.period_day:.6g} d, T0 = {in_days(self.epoch)}{system}, "
            f"duration {self.duration_hour:.3g} h"
        )


def check_time_format(time_format: str | None) -> None:
    """Refuse a time system that is not known.

    Parameters
    ----------
    time_format : str, optional
        'bjd', 'bkjd' or 'btjd'.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> check_time_format("mjd")
    Traceback (most recent call last):
        ...
    ValueError: time_format: expected one of bjd, bkjd, btjd, found 'mjd'
    """
    if time_format is not None and time_format not in TIME_OFFSETS:
        known = ", ".join(TIME_OFFSETS)
        raise ValueError(f"time_format: expected one of {known}, found {time_format!r}")


def in_days(time: float) -> str:
    """A time for people, to seconds, however long ago its system begins.

    Parameters
    ----------
    time : float
        Days.

    Returns
    -------
    str

    Examples
    --------
    >>> in_days(2458327.514), in_days(140.5)
    ('2458327.514', '140.5')
    """
    return f"{time:.5f}".rstrip("0").rstrip(".")


def _number(value: Any, unit: str, name: str) -> float:
    try:
        if hasattr(value, "to_value"):
            value = value.to_value(unit)
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected one number, found {value!r} ({error})") from None
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, found {number}")
    return number
