"""What users hand in, made into columns of numbers, with one clear line where that is wrong."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.numbers import plain_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Columns",
    "as_columns",
    "as_target",
    "check_aligned",
    "check_magnitudes",
    "check_redshift",
    "clean_sentinels",
    "warn_of_leaks",
]

SENTINELS = (-9999.0, 9999.0, -999.0, 999.0, -99.0, 99.0)
"""Numbers that catalogues write where they have no value."""

LEAK_CORRELATION = 0.999
_MASS_NAMES = re.compile(
    r"mu_delta|s?sfr_?m|specsfr|ssfr|fsmgr|halo|log_?m_?star|stellar_?mass|mstar|lgm_|abs_?mag"
    r"|elpetro_mass",
    re.I,
)


_MAGNITUDE = re.compile(
    r"mag_|(c?model|petro|psf|fiber)mag_|dered_|w[1-4]mpro|([nf]uv|ks|w[1-4]|[ugrizyjhk])_?mag(_|$)",
    re.I,
)


@dataclass(frozen=True)
class Columns:
    """Columns of numbers with their names.

    Parameters
    ----------
    values : ndarray of float64, shape (n, d)
        NaN where a value is missing.
    names : tuple of str
        One a column.
    index : pandas.Index or None
        Labels of the rows, where the input had any.

    Examples
    --------
    >>> len(Columns(np.zeros((3, 1)), ("r",), None))
    3
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    index: Any

    def __len__(self) -> int:
        return len(self.values)

    def beside(self, other: Columns) -> Columns:
        """These columns and those of another input, side by side."""
        return Columns(
            np.concatenate([self.values, other.values], axis=1),
            (*self.names, *other.names),
            self.index if self.index is not None else other.index,
        )


def as_columns(values: ArrayLike | Any, argument: str) -> Columns:
    """Columns of an array, a series or a table, as float64 whatever they were.

    Parameters
    ----------
    values : array_like or pandas object, shape (n,) or (n, d)
        Numbers. Integers are converted, never scaled in place.
    argument : str
        Name of the argument, for messages.

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        If a column holds text, a value is infinite, or the shape is not (n,) or (n, d).

    Examples
    --------
    >>> as_columns([1, 2, 3], "x").values.shape
    (3, 1)
    """
    index = getattr(values, "index", None)
    index = None if callable(index) else index  # a list has a method of that name
    fields = getattr(getattr(values, "dtype", None), "names", None)
    labels = fields or (list(values.columns) if hasattr(values, "columns") else None)
    if labels is not None:
        table: Any = values
        names = tuple(str(name) for name in labels)
        parts = [plain_numbers(table[name], f"{argument}: column {name!r}") for name in labels]
        if not parts:
            raise ValueError(f"{argument}: the table has no column")
        array = np.stack(parts, axis=1)
    else:
        array = plain_numbers(values, argument)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[1] == 0:
            raise ValueError(f"{argument}: shape {np.shape(values)}; expected (n,) or (n, d)")
        name = getattr(values, "name", None)
        own = array.shape[1] == 1 and isinstance(name, str)
        names = (str(name),) if own else tuple(f"{argument}{i}" for i in range(array.shape[1]))
    bad = np.argwhere(np.isinf(array))
    if bad.size:
        row, column = bad[0]
        raise ValueError(
            f"{argument}: row {row}, column {names[column]!r} is infinite "
            f"({len(bad)} such values); a missing value is NaN"
        )
    return Columns(array, names, index)


def as_target(
    y: ArrayLike | Any, *, low: float | None = None, high: float | None = None
) -> NDArray[np.float64]:
    """The target as float64, refused where it is missing or outside a range.

    Parameters
    ----------
    y : array_like of float, shape (n,)
        The target, for a mass log10 of solar masses.
    low, high : float, optional
        Range that it must lie in.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        With the number of rows at fault and the range.

    Examples
    --------
    >>> as_target([9.5, 13.1], low=6.0, high=12.5)
    Traceback (most recent call last):
    ...
    ValueError: y: 1 of 2 values lie outside 6 to 12.5 (found 9.5 to 13.1); widen low and high, ...
    """
    values = plain_numbers(y, "y")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"y: shape {values.shape}; expected one number for each row")
    if values.size == 0:
        raise ValueError("y: there are no rows")
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise ValueError(
            f"y: {missing} of {len(values)} values are NaN, masked or infinite; drop them"
        )
    absent = _sentinels(values, least=999.0)
    if absent.any():
        raise ValueError(
            f"y: {int(absent.sum())} of {len(values)} values stand for 'missing' "
            f"({values[absent][0]:g}); drop these rows"
        )
    outside = np.zeros(len(values), dtype=bool)
    outside |= False if low is None else values < low
    outside |= False if high is None else values > high
    if outside.any():
        raise ValueError(
            f"y: {int(outside.sum())} of {len(values)} values lie outside {low:g} to {high:g} "
            f"(found {values.min():g} to {values.max():g}); widen low and high, or drop these rows"
        )
    return values


def check_aligned(**inputs: Any) -> int:
    """Refuse inputs whose rows are not the same objects; give their number.

    Parameters
    ----------
    **inputs : array_like or pandas object
        By the names of the arguments; None is left out.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    ValueError
        If two differ in length or in their index; both are named.

    Examples
    --------
    >>> check_aligned(x1=[1, 2], y=[1, 2, 3])
    Traceback (most recent call last):
    ...
    ValueError: x1 has 2 rows and y has 3; they must be the same objects in the same order
    """
    given = {name: value for name, value in inputs.items() if value is not None}
    first, *others = given
    n = len(given[first])
    indexed = {k: v.index for k, v in given.items() if hasattr(getattr(v, "index", None), "equals")}
    for name in others:
        if len(given[name]) != n:
            raise ValueError(
                f"{first} has {n} rows and {name} has {len(given[name])}; they must be the same "
                "objects in the same order"
            )
    if indexed:
        one, *rest = indexed
        for name in rest:
            if not indexed[one].equals(indexed[name]):
                raise ValueError(
                    f"{one} and {name} have different indices; align them first "
                    f"({name}.loc[{one}.index]) or pass plain arrays"
                )
    return n


def clean_sentinels(columns: Columns, argument: str, *, least: float = 0.0) -> Columns:
    """Set the numbers that stand for "no value" to NaN, with one warning that counts them.

    Parameters
    ----------
    columns : Columns
        Inputs.
    argument : str
        Name of the argument, for the warning.
    least : float
        Smaller ones are taken as numbers, where columns may hold anything.

    Returns
    -------
    Columns
        -9999, 9999, -999, 999, -99 and 99 are NaN, except where they continue the column's
        other values (whole numbers from 0 to 120, say); 0 is NaN in columns of magnitudes.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     clean = clean_sentinels(Columns(np.array([[17.0], [-9999.0]]), ("mag_r",), None), "X")
    >>> clean.values[:, 0], str(seen[0].message)
    (array([17., nan]), "X: values that stand for 'missing' set to NaN: mag_r 1")
    """
    bad = np.stack([_sentinels(column, least) for column in columns.values.T], axis=1)
    for j, name in enumerate(columns.names):
        if is_magnitude(name):
            bad[:, j] |= columns.values[:, j] == 0
    if not bad.any():
        return columns
    counts = ", ".join(
        f"{name} {count}" for name, count in zip(columns.names, bad.sum(0), strict=True) if count
    )
    warnings.warn(f"{argument}: values that stand for 'missing' set to NaN: {counts}", stacklevel=3)
    return Columns(np.where(bad, np.nan, columns.values), columns.names, columns.index)


def _sentinels(values: NDArray[np.float64], least: float = 0.0) -> NDArray[np.bool_]:
    """Which values stand for "no value": those on the list that lie apart from all others."""
    bad = np.isin(values, SENTINELS) & (np.abs(values) >= least)
    if not bad.any():
        return bad
    rest = values[~bad & np.isfinite(values)]
    if rest.size < 2 or (rest != np.round(rest)).any():
        return bad
    # Whole numbers may count something: 99 between 98 and 100 is one of them.
    for one in np.unique(values[bad]):
        if np.abs(rest - one).min() <= 1:
            bad &= values != one
    return bad


def without_sentinels_of(values: ArrayLike | Any, what: str) -> NDArray[np.float64]:
    """One column as numbers, NaN also where -9999 and its kin (from 999) stand for no value."""
    numbers = plain_numbers(values, what)
    return np.where(_sentinels(numbers, least=999.0), np.nan, numbers)


def check_magnitudes(columns: Columns, argument: str) -> None:
    """Refuse magnitudes that cannot be any, and Vega mixed with AB.

    Parameters
    ----------
    columns : Columns
        Inputs; columns count as magnitudes by their names (``mag_r``, ``petroMag_g``,
        ``w1mpro``).
    argument : str
        Name of the argument, for messages.

    Raises
    ------
    ValueError
        If a magnitude is below 0 or above 40, or WISE columns of AllWISE (``w1mpro``, Vega)
        stand beside columns that say AB.

    Examples
    --------
    >>> check_magnitudes(Columns(np.array([[63.1]]), ("mag_r",), None), "X")
    Traceback (most recent call last):
    ...
    ValueError: X: column 'mag_r' has 1 values outside 0 to 40 mag (63.1 to 63.1); is it a flux? ...
    """
    for j, name in enumerate(columns.names):
        if not is_magnitude(name):
            continue
        values = columns.values[:, j]
        wrong = values[(values < 0) | (values > 40)]
        if wrong.size:
            raise ValueError(
                f"{argument}: column {name!r} has {wrong.size} values outside 0 to 40 mag "
                f"({wrong.min():g} to {wrong.max():g}); is it a flux? Say so by its name "
                "(flux_...), or convert it"
            )
    vega = [n for n in columns.names if re.search(r"vega|w[1-4]mpro", n, re.I)]
    ab = [n for n in columns.names if re.search(r"w[1-4].*_ab$|_ab$", n, re.I)]
    if vega and ab:
        raise ValueError(
            f"{argument}: {vega[0]!r} is in Vega and {ab[0]!r} in AB magnitudes; bring both to one "
            "system (decan.stellar_mass.photometry.ab_from_vega)"
        )


def check_redshift(redshift: ArrayLike, argument: str = "redshift") -> NDArray[np.float64]:
    """Redshifts from which distances are made, refused where they are not positive.

    Parameters
    ----------
    redshift : array_like of float
        Redshifts.
    argument : str
        Name of the argument, for the message.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        Naming the first row at fault.

    Examples
    --------
    >>> check_redshift([0.1, -0.001])
    Traceback (most recent call last):
    ...
    ValueError: redshift: row 1 is -0.001 (1 of 2 are not positive); a distance needs a ...
    """
    values = plain_numbers(redshift, argument).ravel()
    bad = np.flatnonzero(values <= 0)
    if bad.size:
        raise ValueError(
            f"{argument}: row {bad[0]} is {values[bad[0]]:g} ({bad.size} of {values.size} are not "
            "positive); a distance needs a redshift above 0, drop these rows or give distances"
        )
    return values


def warn_of_leaks(columns: Columns, y: NDArray[np.float64], argument: str) -> None:
    """Warn where an input is the target in disguise.

    Parameters
    ----------
    columns : Columns
        Inputs.
    y : ndarray of float, shape (n,)
        Target.
    argument : str
        Name of the argument, for the warning.

    Examples
    --------
    >>> y = np.arange(10.0)
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     warn_of_leaks(Columns(2 * y[:, None], ("twice",), None), y, "X")
    >>> str(seen[0].message)
    "X: column 'twice' correlates with y by 1.0000: it may hold the target itself"
    """
    if len(y) < 3 or np.ptp(y) == 0:
        return
    for j, name in enumerate(columns.names):
        x = columns.values[:, j]
        known = np.isfinite(x)
        if known.sum() > 2 and np.ptp(x[known]) > 0 and np.ptp(y[known]) > 0:
            r = abs(float(np.corrcoef(x[known], y[known])[0, 1]))
            if r > LEAK_CORRELATION:
                warnings.warn(
                    f"{argument}: column {name!r} correlates with y by {r:.4f}: it may hold the "
                    "target itself",
                    stacklevel=3,
                )
                continue
        if _MASS_NAMES.search(name):
            warnings.warn(
                f"{argument}: column {name!r} sounds derived from the stellar mass; information "
                "about the mass then comes from the mass",
                stacklevel=3,
            )


def drop_constant(columns: Columns, argument: str) -> Columns:
    """Leave out columns without any variation, with a warning that names them."""
    values = columns.values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        span = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
    varies = (span > 0) | (np.isnan(values).any(0) & ~np.isnan(values).all(0))
    if varies.all():
        return columns
    left = ", ".join(name for name, keep in zip(columns.names, varies, strict=True) if not keep)
    warnings.warn(f"{argument}: constant, therefore ignored: {left}", stacklevel=3)
    names = tuple(name for name, keep in zip(columns.names, varies, strict=True) if keep)
    return Columns(values[:, varies], names, columns.index)


def is_magnitude(name: str) -> bool:
    """Whether a column's name says that it holds apparent magnitudes."""
    if re.search(r"err|sig|snr|-|diff|ext|disk|d[gr]r|abs|^e_", name, re.I):
        return False
    return bool(_MAGNITUDE.match(name))


def selected(frame: Any, names: list[str], argument: str) -> Any:
    """Columns of a table by name; what is missing is named with its nearest kin."""
    from difflib import get_close_matches

    absent = [name for name in names if name not in frame.columns]
    if absent:
        near = get_close_matches(absent[0], [str(c) for c in frame.columns], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"{argument}: the table has no column {absent[0]!r}{hint}")
    return frame[names]


def frame_of(blocks: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Some blocks of columns, side by side."""
    import pandas as pd

    return pd.concat([pd.DataFrame(blocks[name]) for name in names], axis=1)
