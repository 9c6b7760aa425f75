"""Quantities as plain numbers, so that no unit is lost without a word."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["in_unit"]


def in_unit(value: Any, unit: str) -> Any:
    """A Quantity, or a sequence of them, in a unit; plain numbers are in it already.

    Parameters
    ----------
    value : float, array_like or Quantity
        What was given.
    unit : str
        The unit wanted, as astropy writes it.

    Returns
    -------
    float or array_like
        Without a unit; what had none comes back as it is.

    Raises
    ------
    astropy.units.UnitConversionError
        If the units measure other things.

    Examples
    --------
    >>> from astropy import units as u
    >>> float(in_unit(20 * u.mHz, "Hz")), in_unit(3.0, "Hz")
    (0.02, 3.0)
    """
    if hasattr(value, "to_value"):
        return value.to_value(unit)
    if isinstance(value, list | tuple) and any(hasattr(one, "to_value") for one in value):
        return np.array([in_unit(one, unit) for one in value], dtype=float)
    return value
