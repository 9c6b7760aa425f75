"""Tables and numbers that carry units, as plain numbers in the library's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from decan.core.errors import SchemaError

__all__ = ["as_frame", "in_unit", "in_units"]

_BODIES = {"earth": "earth", "jupiter": "jupiter", "solar": "sol"}


def as_frame(table: Any) -> pd.DataFrame:
    """A DataFrame as it is; astropy's tables and mappings of columns as one.

    Parameters
    ----------
    table : DataFrame, Table, or mapping of str to array or Quantity
        Units of columns go to ``attrs["units"]``; masked cells are NaN.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> import astropy.units as u
    >>> as_frame({"a": [1.0, 2.0] * u.AU}).attrs
    {'units': {'a': 'AU'}}
    """
    if isinstance(table, pd.DataFrame):
        return table
    columns: dict[str, Any] = {}
    units: dict[str, str] = {}
    for name in table.keys():  # noqa: SIM118, a Table is no mapping
        column = table[name]
        if getattr(column, "unit", None) is not None:
            units[str(name)] = str(column.unit)
        if hasattr(column, "filled") and np.asarray(column).dtype.kind in "fiu":
            column = column.astype(float).filled(np.nan)
        values = np.asarray(getattr(column, "value", column))
        columns[str(name)] = values.astype(values.dtype.newbyteorder("="))
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
    >>> table = pd.DataFrame({"m": [1.0]})
    >>> table.attrs["units"] = {"m": "jupiterMass"}
    >>> in_units(table, {"m": "earthMass"})["m"].round(1).tolist()
    [317.8]
    """
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


def in_unit(value: Any, wanted: str, name: str, unit: Any = None) -> Any:
    """A number or array in a unit: as it is, or converted where it has another.

    Parameters
    ----------
    value : float, array or Quantity
    wanted : str
        Unit.
    name : str
        For messages.
    unit : str, optional
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
        raise SchemaError(f"{name}: found unit '{unit}', expected '{wanted}'") from None
    return converted if np.ndim(converted) else float(converted)
