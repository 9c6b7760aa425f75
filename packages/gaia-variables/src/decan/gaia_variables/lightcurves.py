"""Light curves of many stars as one ragged batch, with a reason for every epoch that is not used.

The epochs of all stars lie in flat arrays, star after star and sorted by time; star
``i`` owns the epochs from ``start[i]`` to ``start[i + 1]``. Nothing is deleted: an
epoch that may not be used carries the reason why, so that it can be counted and shown.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import as_frame, in_unit, in_units, plain_numbers
from decan.core.data.tables import number_column, read_table
from decan.core.errors import SchemaError
from decan.core.files import reading

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["REASONS", "LightCurves", "UnitsWarning", "check_source_ids"]

REASONS = (
    "used",
    "not finite",
    "error not positive",
    "duplicate",
    "flagged by the archive",
    "error outlier",
    "magnitude outlier",
    "faint outlier in phase",
)
"""Why an epoch is not used; the number in :attr:`LightCurves.reason` is the position here."""

_FORMULA = "mag = zero_point - 2.5 log10(flux), mag_err = 1.0857 flux_error / flux"
_JD_OF_GAIA_EPOCH = 2455197.5
_UNITS = {"time": "d", "mag": "mag", "mag_err": "mag"}


class UnitsWarning(UserWarning):
    """A column looks as if it were in another unit or time system than the one expected.

    Examples
    --------
    >>> issubclass(UnitsWarning, UserWarning)
    True
    """


@dataclass(frozen=True)
class LightCurves:
    """A ragged batch of light curves.

    Made by :meth:`from_arrays`, :meth:`from_table` or :meth:`from_parquet`, which sort
    and check; the fields are plain arrays.

    Parameters
    ----------
    source_id : ndarray of int64, shape (n,)
        One a star, all different.
    start : ndarray of int64, shape (n + 1,)
        Where the epochs of each star begin; the last entry is the number of epochs.
    time_d : ndarray of float64, shape (n_epochs,)
        Days, any origin (Gaia: BJD TCB - 2455197.5), sorted within a star.
    mag, mag_err : ndarray of float64, shape (n_epochs,)
        Magnitude and its error.
    reason : ndarray of uint8, shape (n_epochs,)
        0 for an epoch in use, otherwise the position in `REASONS`.

    Examples
    --------
    >>> curves = LightCurves.from_arrays([7, 7, 7], [2.0, 1.0, 3.0], [14.1, 14.0, 14.2],
    ...                                  [0.01, 0.01, float("nan")])
    >>> curves
    <LightCurves: 1 star, 3 epochs, 2 in use (1 not finite)>
    >>> curves.time_d
    array([1., 2., 3.])
    """

    source_id: NDArray[np.int64]
    start: NDArray[np.int64]
    time_d: NDArray[np.float64]
    mag: NDArray[np.float64]
    mag_err: NDArray[np.float64]
    reason: NDArray[np.uint8]

    @classmethod
    def from_arrays(
        cls,
        source_id: ArrayLike,
        time_d: ArrayLike,
        mag: ArrayLike,
        mag_err: ArrayLike,
        *,
        flagged: ArrayLike | None = None,
        rows: str = "row",
    ) -> LightCurves:
        """Light curves from one row an epoch, in any order.

        Parameters
        ----------
        source_id : array_like of int, shape (n_epochs,)
            Which star an epoch belongs to. Floats are refused: they cannot hold a Gaia id.
        time_d : array_like, Quantity or astropy.time.Time, shape (n_epochs,)
            Time, days; a Time becomes BJD TCB - 2455197.5, the Gaia archive's own.
        mag, mag_err : array_like or Quantity, shape (n_epochs,)
            Magnitude and its error; one that is not finite (or masked), or an error that
            is not positive, marks the epoch as unusable.
        flagged : array_like of bool, shape (n_epochs,), optional
            Epochs that the archive rejects.
        rows : str
            What messages call a row.

        Returns
        -------
        LightCurves
            Stars in increasing order of their ids. Exact repetitions of an epoch
            are kept once in use.

        Raises
        ------
        TypeError
            If the ids are floats or text.
        ValueError
            If lengths differ, something is no number or has a unit of another kind, or the
            magnitudes are fluxes.

        Warns
        -----
        UnitsWarning
            If times look like JD or MJD; results do not depend on the origin.
        """
        ids = check_source_ids(source_id, unique=False)
        time, magnitude, error = (
            _floats(values, name, unit, len(ids))
            for values, name, unit in (
                (_days(time_d), "time_d", "d"), (mag, "mag", "mag"), (mag_err, "mag_err", "mag")
            )
        )  # fmt: skip
        _refuse_fluxes(magnitude, ids, rows)
        _warn_of_julian_dates(time)
        reason = np.zeros(len(ids), np.uint8)
        reason[~(error > 0)] = REASONS.index("error not positive")
        finite = np.isfinite(time) & np.isfinite(magnitude) & np.isfinite(error)
        reason[~finite] = REASONS.index("not finite")
        if flagged is not None:
            flags = np.asarray(flagged, bool)
            if flags.shape != ids.shape:
                raise ValueError(f"flagged: expected shape {ids.shape}, found {flags.shape}")
            reason[flags & (reason == 0)] = REASONS.index("flagged by the archive")
        order = np.lexsort((error, magnitude, time, ids))
        ids, reason = ids[order], reason[order]
        time, magnitude, error = time[order], magnitude[order], error[order]
        same = np.zeros(len(ids), bool)
        same[1:] = (ids[1:] == ids[:-1]) & (time[1:] == time[:-1])
        same[1:] &= (magnitude[1:] == magnitude[:-1]) & (error[1:] == error[:-1])
        reason[same & (reason == 0)] = REASONS.index("duplicate")
        sources, first = np.unique(ids, return_index=True)
        return cls(sources, np.append(first, len(ids)), time, magnitude, error, reason)

    @classmethod
    def from_table(cls, table: Any, *, name: str = "table") -> LightCurves:
        """Light curves from a table with one row an epoch, or one row a star with lists.

        Columns ``source_id``, ``time`` (or ``time_d``), ``mag`` and ``mag_err`` are
        found in any case; a nested table may hold None inside its lists.

        Parameters
        ----------
        table : pandas.DataFrame or astropy.table.Table
            The table; columns that say another unit than days and magnitudes are converted.
        name : str
            What messages call it.

        Returns
        -------
        LightCurves

        Raises
        ------
        SchemaError
            If a column is missing or has a unit of another kind, or the lists of a row
            differ in length.
        """
        table = as_frame(table)
        columns = {str(column).lower(): column for column in table.columns}
        columns.setdefault("time", columns.get("time_d", "time"))
        wanted = ("source_id", "time", "mag", "mag_err")
        missing = [column for column in wanted if columns.get(column) not in table.columns]
        if missing:
            raise SchemaError(
                f"{name}: column {missing[0]!r} is missing; it has "
                f"{', '.join(map(str, table.columns))}"
            )
        table = in_units(table, {columns[column]: unit for column, unit in _UNITS.items()})
        ids, time, mag, error = (table[columns[column]] for column in wanted)
        flags = table[columns["flagged"]] if "flagged" in columns else None
        if len(table) and _is_nested(time):
            return cls._from_lists(ids, time, mag, error, flags, name, table.attrs.get("units", {}))
        return cls.from_arrays(
            ids.to_numpy(),
            *(number_column(table, columns[column], name) for column in wanted[1:]),
            flagged=None if flags is None else flags.to_numpy(bool),
            rows=f"{name}: row",
        )

    @classmethod
    def _from_lists(
        cls, ids: Any, time: Any, mag: Any, error: Any, flags: Any, name: str, units: Any
    ) -> Any:
        check_source_ids(ids.to_numpy(), unique=True)
        cells = [
            [_floats_of(cell, f"{name}: row {row}, column {column.name!r}")
             for row, cell in enumerate(column)]
            for column in (time, mag, error)
        ]  # fmt: skip
        lengths = np.array([len(cell) for cell in cells[0]], int)
        flat = []
        for column, values in zip((time, mag, error), cells, strict=True):
            found = np.array([len(cell) for cell in values], int)
            if (found != lengths).any():
                row = int(np.flatnonzero(found != lengths)[0])
                raise SchemaError(
                    f"{name}: row {row} has {lengths[row]} times and {found[row]} values "
                    f"of {column.name!r}"
                )
            unit = _UNITS.get(str(column.name).lower(), "d")
            joined = np.concatenate([*values, np.zeros(0)])
            flat.append(in_unit(joined, unit, f"{name}: {column.name}", units.get(column.name)))
        flagged = None if flags is None else np.concatenate([np.asarray(c, bool) for c in flags])
        return cls.from_arrays(
            np.repeat(ids.to_numpy(), lengths), *flat, flagged=flagged, rows=f"{name}: epoch"
        )

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str]) -> LightCurves:
        """Light curves from a Parquet file, flat or nested.

        Parameters
        ----------
        path : path-like
            As :meth:`from_table`.

        Returns
        -------
        LightCurves

        Raises
        ------
        DataNotAvailable
            If there is no such file.
        CorruptFile
            If it is cut or no Parquet file.
        SchemaError
            As :meth:`from_table`.
        """
        with reading(path, "table of light curves") as file:
            try:
                return cls.from_table(read_table(file), name=file.name)
            except (TypeError, ValueError) as error:
                raise SchemaError(f"{file.name}: {error}") from error

    def __len__(self) -> int:
        return len(self.source_id)

    def __getitem__(self, stars: Any) -> LightCurves:
        """Some of the stars: a slice, positions or a boolean array."""
        chosen = np.atleast_1d(np.arange(len(self))[stars])
        lengths = (self.start[1:] - self.start[:-1])[chosen]
        start = np.concatenate([[0], np.cumsum(lengths)])
        index = np.arange(start[-1]) + np.repeat(self.start[chosen] - start[:-1], lengths)
        return LightCurves(
            self.source_id[chosen], start, self.time_d[index], self.mag[index],
            self.mag_err[index], self.reason[index],
        )  # fmt: skip

    def __repr__(self) -> str:
        counts = self.counts()
        dropped = [
            f"{count:,} {name}" for name, count in counts.items() if count and name != "used"
        ]
        stars = f"{len(self):,} star{'' if len(self) == 1 else 's'}"
        why = f" ({', '.join(dropped)})" if dropped else ""
        return (
            f"<LightCurves: {stars}, {len(self.time_d):,} epochs, {counts['used']:,} in use{why}>"
        )

    @property
    def star(self) -> NDArray[np.int64]:
        """Position of the star of each epoch, shape (n_epochs,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def n_used(self) -> NDArray[np.int64]:
        """Number of epochs in use, shape (n,)."""
        return np.bincount(self.star[self.reason == 0], minlength=len(self))

    def counts(self) -> dict[str, int]:
        """How many epochs are in use, and how many are left out for each reason."""
        found = np.bincount(self.reason, minlength=len(REASONS))
        return {name: int(count) for name, count in zip(REASONS, found, strict=True)}

    def leave_out(self, epochs: NDArray[np.bool_], why: str) -> LightCurves:
        """The same curves with some epochs out of use; an earlier reason is kept.

        Parameters
        ----------
        epochs : ndarray of bool, shape (n_epochs,)
            Which.
        why : str
            One of `REASONS`.

        Returns
        -------
        LightCurves
        """
        reason = self.reason.copy()
        reason[epochs & (reason == 0)] = REASONS.index(why)
        return replace(self, reason=reason)

    def shifted(self, days: float) -> LightCurves:
        """The same curves with a constant added to all times, for tests of invariance."""
        return replace(self, time_d=self.time_d + days)

    def first(self, n: int) -> LightCurves:
        """The first ``n`` epochs of each star, used or not, as the published code cuts them."""
        rank = np.arange(len(self.time_d)) - self.start[:-1][self.star]
        keep = rank < n
        lengths = np.bincount(self.star[keep], minlength=len(self))
        return LightCurves(
            self.source_id, np.concatenate([[0], np.cumsum(lengths)]), self.time_d[keep],
            self.mag[keep], self.mag_err[keep], self.reason[keep],
        )  # fmt: skip

    def used(self) -> LightCurves:
        """Only the epochs in use; stars without any stay, with no epochs."""
        keep = self.reason == 0
        start = np.concatenate([[0], np.cumsum(self.n_used)])
        return LightCurves(
            self.source_id, start, self.time_d[keep], self.mag[keep], self.mag_err[keep],
            self.reason[keep],
        )  # fmt: skip

    def padded(self) -> tuple[NDArray, NDArray, NDArray, NDArray[np.bool_]]:
        """Epochs in use as rectangles.

        Returns
        -------
        tuple of ndarray, shape (n, longest)
            Time, magnitude, error (zero beyond the end) and mask.
        """
        used = self.used()
        lengths = np.diff(used.start)
        mask = np.arange(int(lengths.max(initial=1)))[None, :] < lengths[:, None]
        out = []
        for values in (used.time_d, used.mag, used.mag_err):
            rectangle = np.zeros(mask.shape)
            rectangle[mask] = values
            out.append(rectangle)
        return out[0], out[1], out[2], mask

    def to_table(self) -> pd.DataFrame:
        """One row an epoch: source_id, time, mag, mag_err, and the reason in words."""
        import pandas as pd

        return pd.DataFrame(
            {
                "source_id": self.source_id[self.star],
                "time": self.time_d,
                "mag": self.mag,
                "mag_err": self.mag_err,
                "reason": np.array(REASONS)[self.reason],
            }
        )


def check_source_ids(source_id: ArrayLike, *, unique: bool = True) -> NDArray[np.int64]:
    """Gaia source ids as int64, refused where they were floats or are repeated.

    Parameters
    ----------
    source_id : array_like of int
        The ids. Text is refused too.
    unique : bool
        Whether each may occur once only.

    Returns
    -------
    ndarray of int64

    Raises
    ------
    TypeError
        If they are not integers: a float64 cannot hold 19 digits.
    ValueError
        If one is repeated, or they are not one-dimensional.

    Examples
    --------
    >>> check_source_ids([4295806720, 34361129088])
    array([ 4295806720, 34361129088])
    >>> check_source_ids([4.29580672e9])
    Traceback (most recent call last):
    ...
    TypeError: source_id: expected 64-bit integers, found float64 (first: 4295806720.0); ...
    """
    ids = np.asarray(source_id)
    if ids.ndim != 1:
        raise ValueError(f"source_id: expected one dimension, found shape {ids.shape}")
    if ids.size == 0:
        return ids.astype(np.int64)
    if ids.dtype == object and all(isinstance(one, int | np.integer) for one in ids):
        ids = ids.astype(np.int64)
    if not np.issubdtype(ids.dtype, np.integer):
        first = next(one for one in ids.tolist() if not isinstance(one, int))
        raise TypeError(
            f"source_id: expected 64-bit integers, found {ids.dtype} (first: {first!r:.40}); "
            "read the column as int64, a float loses the last digits"
        )
    ids = ids.astype(np.int64)
    if unique:
        values, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            repeated = ", ".join(map(str, values[counts > 1][:3]))
            raise ValueError(f"source_id: {(counts > 1).sum()} repeated, first: {repeated}")
    return ids


def _days(time: Any) -> Any:
    """A Time as days since the epoch of Gaia's own times; anything else as it is."""
    if not hasattr(time, "tcb"):
        return time
    tcb = time.tcb
    return (tcb.jd1 - _JD_OF_GAIA_EPOCH) + tcb.jd2


def _floats(values: Any, name: str, unit: str, n: int) -> NDArray[np.float64]:
    array = plain_numbers(values, name, unit=unit)
    if array.shape != (n,):
        raise ValueError(f"{name}: expected shape ({n},) like source_id, found {array.shape}")
    return array


def _floats_of(cell: Any, where: str) -> NDArray[np.float64]:
    try:
        values = np.asarray(cell, np.float64)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{where}: {error}") from None
    if values.ndim != 1:
        raise SchemaError(f"{where}: expected a list of numbers, found {cell!r:.40}")
    return values


def _refuse_fluxes(mag: NDArray, ids: NDArray, rows: str) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.isfinite(mag) & ((mag > 50) | (mag < -5))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"mag: {rows} {first} (source_id {ids[first]}) holds {mag[first]:g}, expected "
            f"magnitudes between -5 and 50; fluxes become magnitudes by {_FORMULA}"
        )


def _warn_of_julian_dates(time: NDArray) -> None:
    finite = time[np.isfinite(time)]
    if not finite.size or (middle := float(np.median(finite))) <= 20_000:
        return
    guess = (
        ("JD", _JD_OF_GAIA_EPOCH) if middle > 2_000_000 else ("MJD", _JD_OF_GAIA_EPOCH - 2400000.5)
    )
    warnings.warn(
        f"time_d: median {middle:.1f} looks like {guess[0]}; Gaia's own times are smaller by "
        f"{guess[1]}. Results do not depend on the origin, only the times shown do.",
        UnitsWarning,
        stacklevel=4,
    )


def _is_nested(column: Any) -> bool:
    first = column.iloc[0]
    return isinstance(first, list | tuple | np.ndarray) or hasattr(first, "as_py")
