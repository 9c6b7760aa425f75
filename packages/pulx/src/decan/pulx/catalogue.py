"""A catalogue as it comes: identities, flags and units, checked before anything is fitted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import SchemaError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "blended_sources",
    "check_flux_unit",
    "clean_detections",
    "numbers",
    "source_ids",
    "three_valued",
]

_TRUE = {"t", "true", "1", "1.0", "y", "yes"}
_FALSE = {"f", "false", "0", "0.0", "n", "no"}
_MISSING = {"", "nan", "none", "null", "<na>", "--"}
BLEND_ARCSEC = 15.0
"""Closer pairs share their counts in XMM-Newton and Swift (half-power width)."""


def three_valued(column: ArrayLike, name: str = "VAR_FLAG") -> NDArray[np.float64]:
    """Flag of a catalogue as 1, 0, or NaN for "was not looked at".

    A null is not False: 4XMM has time series for a third of its detections only.

    Parameters
    ----------
    column : array_like, shape (n,)
        "T"/"F", True/False, 0/1, bytes, None, NaN or masked.
    name : str
        For the message.

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    SchemaError
        If a value is none of these; the message names the row.

    Examples
    --------
    >>> three_valued(["T", "F", None, b"T", 0, True])
    array([ 1.,  0., nan,  1.,  0.,  1.])
    """
    if isinstance(column, np.ma.MaskedArray):
        values: Any = column.data.astype(object)
        values[np.ma.getmaskarray(column)] = None
    elif (plain := np.asarray(column)).dtype.kind == "b":
        return plain.astype(float)
    else:
        values = np.asarray(column, dtype=object)
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        text = value.decode() if isinstance(value, bytes) else str(value)
        word = text.strip().lower()
        if word in _TRUE:
            found[row] = 1.0
        elif word in _FALSE:
            found[row] = 0.0
        elif word not in _MISSING:
            raise SchemaError(f"{name}: row {row} is {value!r}, expected T/F, 0/1 or nothing")
    return found


def check_flux_unit(flux: ArrayLike, name: str = "EP_8_FLUX") -> None:
    """Refuse fluxes that are logarithms already, or in a scaled unit.

    Parameters
    ----------
    flux : array_like
        Should be erg/cm²/s.
    name : str
        Column, for the message.

    Raises
    ------
    SchemaError
        If the median cannot be an X-ray flux in erg/cm²/s; the message suggests the unit.

    Examples
    --------
    >>> check_flux_unit([1e-13, 3e-14])
    >>> check_flux_unit([-13.0, -13.5], "flux")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: flux: median -13.2 looks like log10 of erg/cm2/s; pass 10**flux
    """
    values = np.asarray(flux, dtype=float)
    values = values[np.isfinite(values) & (values != 0)]
    if len(values) == 0:
        raise SchemaError(f"{name}: no finite value other than 0")
    middle = float(np.median(values))
    if -20 < middle < -5:
        raise SchemaError(
            f"{name}: median {middle:.1f} looks like log10 of erg/cm2/s; pass 10**{name}"
        )
    if middle > 1e-6:
        unit = -14 if middle > 0.3 else -12
        raise SchemaError(
            f"{name}: median {middle:.3g} looks like units of 1e{unit} erg/cm2/s; "
            f"multiply by 1e{unit}"
        )


def numbers(table: pd.DataFrame, names: Sequence[str], needed_for: str) -> NDArray[np.float64]:
    """Columns of a table as numbers.

    Parameters
    ----------
    table : DataFrame
        The catalogue.
    names : sequence of str
        Columns.
    needed_for : str
        Who needs them, for the message.

    Returns
    -------
    ndarray, shape (n, len(names))

    Raises
    ------
    SchemaError
        If a column is absent, or a value is no number; the message names its row.

    Examples
    --------
    >>> import pandas as pd
    >>> numbers(pd.DataFrame({"rate": ["0.1", "faint"]}), ["rate"], "Swift")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: rate: row 1 is 'faint', expected a number
    """
    import pandas as pd

    found = np.empty((len(table), len(names)))
    for i, name in enumerate(names):
        if name not in table:
            raise SchemaError(f"column {name!r} is missing; features of {needed_for} need it")
        column = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
        if (bad := np.isnan(column) & table[name].notna().to_numpy()).any():
            row = int(np.flatnonzero(bad)[0])
            raise SchemaError(f"{name}: row {row} is {table[name].iloc[row]!r}, expected a number")
        found[:, i] = column
    return found


def source_ids(
    table: pd.DataFrame, column: str, *, positions: tuple[str, str] | None = None
) -> NDArray[Any]:
    """Source of each row; warns where one name stands for two places.

    Parameters
    ----------
    table : DataFrame
        The catalogue.
    column : str
        Column with the name or number of the source.
    positions : (str, str), optional
        Columns with right ascension and declination of the detection, degrees.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    SchemaError
        If the column is absent or a row has no source.

    Examples
    --------
    >>> import pandas as pd
    >>> source_ids(pd.DataFrame({"SRCID": [3, 3, 4]}), "SRCID")
    array([3, 3, 4])
    """
    if column not in table:
        raise SchemaError(
            f"column {column!r} with the source of each row is missing; rows of one source must be "
            f"known as such. The table has {', '.join(map(str, table.columns[:8]))}, …"
        )
    ids = table[column]
    if ids.isna().any():
        rows = np.flatnonzero(ids.isna().to_numpy())
        raise SchemaError(
            f"{column}: {len(rows)} rows without a source, the first is row {rows[0]}"
        )
    if positions and set(positions) <= set(table.columns):
        ra, dec = numbers(table, positions, "positions").T
        first = ids.map(dict(zip(ids[::-1], range(len(ids) - 1, -1, -1), strict=True))).to_numpy()
        apart = _separation_arcsec(ra, dec, ra[first], dec[first])
        if (far := np.flatnonzero(apart > BLEND_ARCSEC)).size:
            i, j = int(far[0]), int(first[far[0]])
            warnings.warn(
                f"{column} {ids.iloc[i]}: rows {j} and {i} lie {apart[i]:.0f} arcsec apart "
                f"({ra[j]:.5f} {dec[j]:+.5f} and {ra[i]:.5f} {dec[i]:+.5f}); "
                f"{len(far)} rows in all. Are these two sources?",
                stacklevel=2,
            )
    found = ids.to_numpy()
    # Readers make numbers with gaps in their column floating; as names they are whole.
    whole = found.dtype.kind == "f" and bool(np.all(found == np.floor(found)))
    return found.astype(np.int64) if whole and np.all(np.abs(found) < 2**53) else found


def blended_sources(
    source: ArrayLike,
    ra_deg: ArrayLike,
    dec_deg: ArrayLike,
    *,
    confused: ArrayLike | None = None,
    radius_arcsec: float = BLEND_ARCSEC,
) -> NDArray[np.bool_]:
    """Rows whose source has another source nearby, or is flagged as confused.

    Parameters
    ----------
    source : array_like, shape (n,)
        Source of each row.
    ra_deg, dec_deg : array_like, shape (n,)
        Positions.
    confused : array_like, shape (n,), optional
        The catalogue's flag (CONFUSED).
    radius_arcsec : float
        What counts as near.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> blended_sources(["X-1", "X-2", "far"], [148.9630, 148.9625, 10.0], [69.6793, 69.6797, 0.0])
    array([ True,  True, False])
    """
    from sklearn.neighbors import BallTree

    names = np.asarray(source)
    ra, dec = np.radians(np.asarray(ra_deg, float)), np.radians(np.asarray(dec_deg, float))
    place = np.column_stack([dec, ra])
    near = BallTree(place, metric="haversine").query_radius(place, np.radians(radius_arcsec / 3600))
    flag = np.array([np.any(names[rows] != names[i]) for i, rows in enumerate(near)])
    if confused is not None:
        flag |= three_valued(confused, "CONFUSED") == 1
    bad = {name for name, one in zip(names, flag, strict=True) if one}
    return np.array([name in bad for name in names])


def clean_detections(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Detections of 4XMM that are point-like and not in a bad area, with counts of the others.

    Parameters
    ----------
    table : DataFrame
        With any of SUM_FLAG, EP_EXTENT, EP_8_DET_ML.

    Returns
    -------
    cleaned : DataFrame
        Rows with SUM_FLAG below 3, EP_EXTENT 0 and EP_8_DET_ML above 8.
    dropped : dict of str to int
        Rows that each rule took out, in this order.

    Raises
    ------
    SchemaError
        If a value of these is no number.

    Examples
    --------
    >>> import pandas as pd
    >>> clean_detections(pd.DataFrame({"SUM_FLAG": [0, 4], "EP_EXTENT": [0.0, 0.0]}))[1]
    {'SUM_FLAG ≥ 3': 1, 'EP_EXTENT > 0': 0}
    """
    dropped: dict[str, int] = {}
    for column, rule, keep in (
        ("SUM_FLAG", "SUM_FLAG ≥ 3", lambda values: values < 3),
        ("EP_EXTENT", "EP_EXTENT > 0", lambda values: ~(values > 0)),
        ("EP_8_DET_ML", "EP_8_DET_ML ≤ 8", lambda values: values > 8),
    ):
        if column in table:
            good = keep(numbers(table, [column], "cleaning")[:, 0])
            dropped[rule] = int((~good).sum())
            table = table[good]
    return table, dropped


def _separation_arcsec(ra1: Any, dec1: Any, ra2: Any, dec2: Any) -> NDArray[np.float64]:
    a, b, c, d = (np.radians(x) for x in (ra1, dec1, ra2, dec2))
    half = np.sin((d - b) / 2) ** 2 + np.cos(b) * np.cos(d) * np.sin((c - a) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(half))) * 3600
