"""Light curves: what every job of the library starts from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from decan.core.data.numbers import plain_numbers

from .signals import TIME_OFFSETS, check_time_format, in_days

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

__all__ = ["LightCurve", "plain"]


@dataclass(frozen=True, eq=False)
class LightCurve:
    """Flux of one star against time, clean, sorted and normalised; the input of every job.

    Rows with NaN or masked time or flux, rows flagged by ``quality`` and repeated time stamps
    are dropped and counted; nothing is filled. Flux is divided by the median of its segment.

    Parameters
    ----------
    time : array_like of float, Quantity or astropy.time.Time, shape (n,)
        Days, in any order. A Time is taken in TDB, in the system of ``time_format``
        (BJD where none is given).
    flux : array_like of float, shape (n,)
        Flux of the star, any positive scale.
    flux_err : array_like of float, shape (n,), optional
        One standard deviation, same scale. Values that are not positive are replaced
        by the median error, with a warning; where all are NaN there are no errors.
    quality : array_like of int or bool, shape (n,), optional
        Rows where it is not zero are dropped; a flag that is absent (NaN) drops nothing.
    centroid : array_like of float, shape (n, 2), optional
        Photocentre, in ``centroid_unit``; its median is removed for each segment.
    core, halo : array_like of float, shape (n,), optional
        Flux in the inner aperture and in the ring around it; a segment whose median is
        not positive is left out, with a warning.
    segment : array_like of int, shape (n,), optional
        Quarter or sector of each row; flux is normalised and detrended for each alone.
    time_format : {'bjd', 'bkjd', 'btjd'}, optional
        Time system; None where it is unknown.
    centroid_unit : str
        'pixel', 'arcsec', or 'scaled' for a series without an absolute scale.
    meta : mapping
        What is known of the star: ``target``, ``mission``, ``teff`` (K), ``radius``
        (solar radii), ``logg``, ``magnitude``, ``pixel_scale`` (arcsec).

    Raises
    ------
    ValueError
        If lengths differ (both are named), fewer than two rows are left, or the median
        flux of a segment is not positive.

    Attributes
    ----------
    dropped : dict of str to int
        How many rows were dropped, for each reason.

    Examples
    --------
    >>> LightCurve([2.0, 1.0, 3.0, 3.0], [10.0, 11.0, float("nan"), 9.0])
    LightCurve(3 points, 1 to 3 d, 1 segment, dropped: 1 NaN)
    """

    time: NDArray[np.float64]
    flux: NDArray[np.float64]
    flux_err: NDArray[np.float64] | None = None
    quality: ArrayLike | None = field(default=None, repr=False)
    centroid: NDArray[np.float64] | None = None
    core: NDArray[np.float64] | None = None
    halo: NDArray[np.float64] | None = None
    segment: NDArray[np.int64] | None = None
    time_format: str | None = None
    centroid_unit: str = "pixel"
    meta: Mapping[str, Any] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        check_time_format(self.time_format)
        if hasattr(self.time, "tdb"):
            object.__setattr__(self, "time_format", self.time_format or _system_of(self.time))
        columns = _columns(self)
        rows, dropped = _usable_rows(columns)
        columns = {name: column[rows] for name, column in columns.items()}
        object.__setattr__(self, "flux_err", None)
        columns.setdefault("segment", np.zeros(rows.size, dtype=np.int64))
        _normalise(columns)
        columns.pop("quality", None)
        for name, column in columns.items():
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        object.__setattr__(self, "quality", None)
        object.__setattr__(self, "dropped", dropped)

    @property
    def span_day(self) -> float:
        """Time between the first and the last row, days."""
        return float(self.time[-1] - self.time[0])

    @property
    def cadence_day(self) -> float:
        """Median time between neighbouring rows, days."""
        return float(np.median(np.diff(self.time)))

    @property
    def cadence_of_rows_day(self) -> NDArray[np.float64]:
        """Median time between neighbouring rows of the same stretch, days, for each row."""
        from .detrending import pieces

        piece = pieces(self.time, self.segment)
        first = np.concatenate([[0], np.flatnonzero(np.diff(piece)) + 1, [len(self)]])
        typical = [
            float(np.median(np.diff(self.time[a:b]))) if b - a > 1 else self.cadence_day
            for a, b in pairwise(first.tolist())
        ]
        return np.repeat(typical, np.diff(first))

    def with_flux(self, flux: ArrayLike) -> LightCurve:
        """The same rows with another flux, for injections.

        Parameters
        ----------
        flux : array_like of float, shape (n,)
            New flux of the kept rows.

        Returns
        -------
        LightCurve

        Examples
        --------
        >>> curve = LightCurve([1.0, 2.0, 3.0], [5.0, 5.0, 5.0])
        >>> curve.with_flux([1.0, 0.5, 1.0]).flux
        array([1. , 0.5, 1. ])
        """
        values = np.array(flux, dtype=float)
        if values.shape != self.time.shape:
            raise ValueError(f"flux: has {values.size} rows, but the light curve has {len(self)}")
        return self.derived(flux=values)

    def derived(self, rows: NDArray[Any] | None = None, **columns: Any) -> LightCurve:
        """Some of the rows, with some columns replaced, and nothing normalised again.

        Parameters
        ----------
        rows : ndarray of bool, shape (n,), optional
            Rows to keep; all by default.
        **columns : ndarray
            New columns for the kept rows.

        Returns
        -------
        LightCurve

        Examples
        --------
        >>> curve = LightCurve([1.0, 2.0, 3.0], [1.0, 0.5, 1.0])
        >>> curve.derived(np.array([True, True, False])).flux
        array([1. , 0.5])
        """
        copy = object.__new__(LightCurve)
        for name, value in vars(self).items():
            if name in columns:
                value = columns[name]
            elif isinstance(value, np.ndarray) and rows is not None:
                value = value[rows]
            object.__setattr__(copy, name, value)
        return copy

    @classmethod
    def read(cls, path: str | os.PathLike[str], *more: str | os.PathLike[str]) -> LightCurve:
        r"""Read one star's light curve from Kepler or TESS FITS files, or from a table.

        Parameters
        ----------
        path, *more : path-like
            FITS light curves of the Kepler or TESS mission, one for each quarter or
            sector, or one table (Parquet, CSV, ECSV, VOTable, FITS) with columns
            ``time`` and ``flux`` or the missions' own names.

        Returns
        -------
        LightCurve

        Raises
        ------
        DataNotAvailable
            If a file does not exist.
        CorruptFile
            If a file cannot be read to its end.
        SchemaError
            If the columns needed are not there; the message names them.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> table = pathlib.Path(tempfile.mkdtemp()) / "star.csv"
        >>> _ = table.write_text("time,flux\n1,10\n2,11\n3,10\n")
        >>> LightCurve.read(table)
        LightCurve(3 points, 1 to 3 d, 1 segment)
        """
        from .readers import read_light_curve

        return read_light_curve(path, *more)

    @classmethod
    def from_lightkurve(cls, curve: Any) -> LightCurve:
        """Take over a ``lightkurve.LightCurve``.

        Parameters
        ----------
        curve : lightkurve.LightCurve
            Time, flux and flux error are taken; quality flags are left to lightkurve.

        Returns
        -------
        LightCurve

        Raises
        ------
        ValueError
            If it is folded.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> from astropy.time import Time
        >>> like_lightkurve = SimpleNamespace(
        ...     time=Time([2458001.0, 2458002.0], format="jd", scale="tdb"),
        ...     flux=np.ones(2), flux_err=np.full(2, 1e-4), meta={"LABEL": "TIC 1"})
        >>> LightCurve.from_lightkurve(like_lightkurve)
        LightCurve(2 points, 2458001 to 2458002 d BJD, 1 segment)
        """
        if getattr(curve.time, "scale", None) is None:
            raise ValueError("curve: expected times, found phases; hand over the unfolded curve")
        return cls(
            curve.time,
            curve.flux,
            flux_err=curve.flux_err,
            meta={"target": str(curve.meta.get("LABEL", ""))},
        )

    def __len__(self) -> int:
        return int(self.time.size)

    def __repr__(self) -> str:
        segments = np.unique(cast("NDArray[Any]", self.segment)).size
        text = (
            f"LightCurve({len(self):,} points, {in_days(round(self.time[0], 2))} to "
            f"{in_days(round(self.time[-1], 2))} d"
            f"{' ' + self.time_format.upper() if self.time_format else ''}, "
            f"{segments} segment{'s' if segments > 1 else ''}"
        )
        parts = [f"{count:,} {reason}" for reason, count in self.dropped.items() if count]
        extra = [name for name in ("centroid", "core", "halo") if getattr(self, name) is not None]
        text += f", with {', '.join(extra)}" if extra else ""
        return text + (f", dropped: {', '.join(parts)}" if parts else "") + ")"


def _system_of(time: Any) -> str:
    # lightkurve registers the missions' systems as formats of astropy's Time.
    return time.format if time.format in TIME_OFFSETS else "bjd"


def plain(
    value: Any, name: str, time_format: str | None = None, unit: Any = None
) -> NDArray[np.float64]:
    """Plain floats in the unit asked for, with NaN for what is masked.

    Parameters
    ----------
    value : array_like, masked array, Quantity or astropy.time.Time
        What the user gave.
    name : str
        What it is, for messages.
    time_format : str, optional
        System in which a Time is taken.
    unit : str or Unit, optional
        Unit in which a Quantity is taken; its own without it.

    Returns
    -------
    ndarray of float64
        A copy.

    Raises
    ------
    ValueError
        If it holds no numbers, or the unit is another kind.

    Examples
    --------
    >>> plain(np.ma.array([1, 2], mask=[False, True]), "flux")
    array([ 1., nan])
    """
    if hasattr(value, "tdb"):
        days = np.asarray(value.tdb.jd1, dtype=float) - TIME_OFFSETS[time_format or "bjd"]
        masked = np.asarray(value.mask)
        value = days + np.asarray(value.tdb.jd2, dtype=float)
        return np.where(masked, np.nan, value) if masked.any() else value
    # A flux without a unit and an error in per cent differ by a hundred.
    return plain_numbers(value, name, unit=None if unit is None else str(unit) or "1")


_COLUMNS: Sequence[tuple[str, type]] = (
    ("time", float),
    ("flux", float),
    ("flux_err", float),
    ("quality", np.int64),
    ("centroid", float),
    ("core", float),
    ("halo", float),
    ("segment", np.int64),
)


def _columns(curve: LightCurve) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for name, kind in _COLUMNS:
        value = getattr(curve, name)
        if value is None and name in ("time", "flux"):
            raise ValueError(f"{name}: expected an array of numbers, found None")
        if value is None:
            continue
        unit = {"time": "d", "flux_err": getattr(curve.flux, "unit", None)}.get(name)
        column: NDArray[Any] = plain(value, name, curve.time_format, unit)
        if kind is not float:
            column = np.nan_to_num(column).astype(kind)
        expected = 2 if name == "centroid" else 1
        if column.ndim != expected:
            raise ValueError(f"{name}: expected {expected} dimension(s), found {column.ndim}")
        rows = columns["time"].size if columns else column.size
        if column.shape[0] != rows:
            raise ValueError(
                f"{name}: has {column.shape[0]} rows, but time has {rows}; one row for each time"
            )
        if name == "centroid" and column.shape[1] != 2:
            raise ValueError(f"centroid: expected two columns, found {column.shape[1]}")
        columns[name] = column
    return columns


def _usable_rows(columns: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], dict[str, int]]:
    time, flux = columns["time"], columns["flux"]
    flagged = columns["quality"] != 0 if "quality" in columns else np.zeros(time.size, dtype=bool)
    missing = ~(np.isfinite(time) & np.isfinite(flux)) & ~flagged
    rows = np.flatnonzero(~flagged & ~missing)
    rows = rows[np.argsort(time[rows], kind="stable")]
    repeated = np.flatnonzero(np.diff(time[rows]) == 0) + 1
    rows = np.delete(rows, repeated)
    if rows.size < 2:
        raise ValueError(
            f"flux: only {rows.size} of {time.size} rows are usable "
            f"({int(flagged.sum())} flagged, {int(missing.sum())} NaN)"
        )
    counts = {
        "flagged": int(flagged.sum()),
        "NaN": int(missing.sum()),
        "repeated": int(repeated.size),
    }
    return rows, counts


def _normalise(columns: dict[str, NDArray[Any]]) -> None:
    segment = columns["segment"]
    labels, index = np.unique(segment, return_inverse=True)
    for number, label in enumerate(labels):
        rows = index == number
        level = float(np.median(columns["flux"][rows]))
        if level <= 0:
            raise ValueError(
                f"flux: the median of segment {label} is {level:.3g}; expected a positive flux "
                "(add 1 to a curve whose median was subtracted)"
            )
        columns["flux"][rows] /= level
        if "flux_err" in columns:
            columns["flux_err"][rows] /= level
        for name in ("core", "halo"):
            if name in columns:
                columns[name][rows] = _around_one(columns[name][rows], name, label)
        if "centroid" in columns:
            for axis in (0, 1):
                series = columns["centroid"][rows, axis]
                if np.isfinite(series).any():
                    columns["centroid"][rows, axis] -= np.nanmedian(series)
    if "flux_err" in columns:
        error = columns["flux_err"]
        wrong = ~(error > 0)
        if np.isnan(error).all():
            # No error at all says no more than a column that is not there.
            del columns["flux_err"]
        elif wrong.any():
            usual = float(np.median(error[~wrong])) if (~wrong).any() else 1.0
            warnings.warn(
                f"flux_err: {int(wrong.sum())} values are not positive; "
                f"replaced by the median, {usual:.3g}",
                stacklevel=5,
            )
            error[wrong] = usual


def _around_one(series: NDArray[np.float64], name: str, segment: Any) -> NDArray[np.float64]:
    if not np.isfinite(series).any():
        return series
    level = float(np.nanmedian(series))
    if level > 0:
        return series / level
    warnings.warn(
        f"{name}: the median of segment {segment} is {level:.3g}, not positive; left out there",
        stacklevel=6,
    )
    return np.full_like(series, np.nan)
