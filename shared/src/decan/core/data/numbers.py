"""Numbers as users hold them, made into plain arrays: units, masks, absent values, text.

A Quantity, a column of an astropy table, a masked array and a pandas Series all mean the
same numbers; what is masked or absent becomes NaN, what has another unit is converted, and
what is no number is refused by its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import SchemaError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["as_frame", "in_unit", "in_units", "plain_numbers"]

# Archives name units of planets and stars in words that astropy does not know.
_BODIES = {"earth": "earth", "jupiter": "jupiter", "solar": "sol"}


def plain_numbers(values: Any, what: str, *, unit: str | None = None) -> NDArray[np.float64]:
    """Numbers as float64, NaN where a value is masked or absent.

    Parameters
    ----------
    values : array_like, masked array, Quantity, Column or pandas.Series
        Numbers of any kind.
    what : str
        What they are, for messages.
    unit : str, optional
        The unit they are wanted in. Numbers without one are taken to be in it; without
        ``unit``, a Quantity gives its value as it is.

    Returns
    -------
    ndarray of float64
        Same shape.

    Raises
    ------
    ValueError
        If one is no real number; its row is named.
    SchemaError
        If the unit is of another kind.

    Examples
    --------
    >>> plain_numbers(np.ma.array([1, -9999], mask=[False, True]), "x")
    array([ 1., nan])
    >>> from astropy import units as u
    >>> plain_numbers([12.0, 36.0] * u.h, "time", unit="d")
    array([0.5, 1.5])
    >>> plain_numbers(["1.5", "bright"], "flux")
    Traceback (most recent call last):
    ...
    ValueError: flux: row 1 is 'bright', expected a number
    """
    if unit is not None:
        values = _listed(values, unit, what)
    found = getattr(values, "unit", None)
    mask = getattr(values, "mask", False)
    masked = np.asarray(False if callable(mask) else mask)  # pandas has a method of that name
    bare = getattr(values, "unmasked", values)
    array = np.asarray(np.ma.getdata(getattr(bare, "value", bare) if found else bare))
    if array.dtype.kind == "c":
        raise ValueError(f"{what}: holds complex numbers, expected real ones")
    if array.dtype.kind == "O" and hasattr(values, "isna"):
        # pandas has a value of its own for what is absent.
        array = np.where(np.asarray(values.isna()), np.nan, array)
    try:
        if array.dtype.kind in "mM":
            raise TypeError
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(_not_a_number(array, what)) from None
    if masked.any():
        numbers = np.where(masked, np.nan, numbers)
    return numbers if unit is None else np.asarray(in_unit(numbers, unit, what, found))


def in_unit(value: Any, wanted: str, what: str, unit: Any = None) -> Any:
    """A number or array in a unit: as it is, or converted where it has another.

    Parameters
    ----------
    value : float, array, Quantity or sequence of Quantities
        Without a unit, or with one that astropy does not know, it stays as it is.
    wanted : str
        Unit.
    what : str
        What it is, for messages.
    unit : str or Unit, optional
        Unit of ``value`` where it is no Quantity.

    Returns
    -------
    float or array

    Raises
    ------
    SchemaError
        If the unit is of another kind.

    Examples
    --------
    >>> in_unit(2.0, "day", "period"), in_unit(48.0, "day", "period", "h")
    (2.0, 2.0)
    """
    value = _listed(value, wanted, what)
    unit = getattr(value, "unit", unit)
    if unit is None or not wanted:
        return value
    from astropy import units as u

    words = str(unit).lower().split()
    if len(words) == 2 and words[0] in _BODIES and words[1][:3] in ("mas", "rad"):
        unit = _BODIES[words[0]] + {"mas": "Mass", "rad": "Rad"}[words[1][:3]]
    found = u.Unit(unit, parse_strict="silent")
    plain = getattr(value, "value", value)
    if isinstance(found, u.UnrecognizedUnit) or found == u.dimensionless_unscaled:
        return plain
    try:
        converted = found.to(u.Unit(wanted), plain)
    except u.UnitConversionError:
        raise SchemaError(f"{what}: found unit '{unit}', expected '{wanted}'") from None
    return converted if np.ndim(converted) else float(converted)


def as_frame(table: Any) -> pd.DataFrame:
    """A DataFrame as it is; astropy's tables and mappings of columns as one.

    Parameters
    ----------
    table : DataFrame, Table, or mapping of str to array or Quantity
        Units of columns go to ``attrs["units"]``; masked numbers are NaN, other masked
        cells None.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import astropy.units as u
    >>> as_frame({"a": [1.0, 2.0] * u.AU}).attrs
    {'units': {'a': 'AU'}}
    """
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return table
    columns: dict[str, Any] = {}
    units: dict[str, str] = {}
    for name in table.keys():  # noqa: SIM118, a Table is no mapping
        column = table[name]
        if getattr(column, "unit", None) is not None:
            units[str(name)] = str(column.unit)
        mask = np.asarray(getattr(column, "mask", False))
        values = np.asarray(np.ma.getdata(getattr(column, "value", column)))
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        if mask.any():
            absent: Any = np.nan if values.dtype.kind in "fiu" else None
            values = np.where(mask, absent, values)
        columns[str(name)] = values
    frame = pd.DataFrame(columns)
    if units:
        frame.attrs["units"] = units
    return frame


def in_units(table: pd.DataFrame, wanted: Mapping[str | None, str]) -> pd.DataFrame:
    """A table whose columns are in some units, by what ``attrs["units"]`` says of them.

    Parameters
    ----------
    table : DataFrame
        Columns without a unit, or with one that astropy does not know, stay as they are.
    wanted : mapping of str to str
        Column to unit.

    Returns
    -------
    DataFrame

    Raises
    ------
    SchemaError
        If a unit is of another kind.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"m": [1.0]})
    >>> table.attrs["units"] = {"m": "jupiterMass"}
    >>> in_units(table, {"m": "earthMass"})["m"].round(1).tolist()
    [317.8]
    """
    import pandas as pd

    known = table.attrs.get("units", {})
    changed = {}
    for name, unit in wanted.items():
        if name in known and name in table and pd.api.types.is_numeric_dtype(table[name]):
            values = table[name].to_numpy(dtype=float, na_value=np.nan)
            changed[str(name)] = in_unit(values, unit, str(name), known[name])
    if not changed:
        return table
    result = table.assign(**changed)
    rest = {name: unit for name, unit in known.items() if name not in changed}
    result.attrs = {**table.attrs, "units": rest}
    return result


def _listed(value: Any, wanted: str, what: str) -> Any:
    """A list of Quantities, perhaps of several units, as an array in one; else as it is."""
    if isinstance(value, list | tuple) and any(hasattr(one, "unit") for one in value):
        return np.array([in_unit(one, wanted, what) for one in value], dtype=float)
    return value


def _not_a_number(array: NDArray[Any], what: str) -> str:
    """The message that names the first entry that is no number, and its row."""
    if array.dtype.kind not in "mM":
        for place, value in enumerate(array.ravel().tolist()):
            try:
                float(value)
            except (TypeError, ValueError):
                row = place // (array.size // len(array)) if array.ndim else 0
                return f"{what}: row {row} is {value!r:.60}, expected a number"
    return f"{what}: holds {array.dtype}, expected numbers"
