"""Numbers as users hold them, made into plain floats: masks, absent values, units, text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["plain_numbers"]


def plain_numbers(values: ArrayLike | Any, what: str) -> NDArray[np.float64]:
    """Numbers as float64, NaN where a value is masked or absent.

    Parameters
    ----------
    values : array_like, masked array, Quantity or pandas.Series
        Numbers of any kind; a Quantity gives its value.
    what : str
        What they are, for the message.

    Returns
    -------
    ndarray of float64
        Same shape.

    Raises
    ------
    ValueError
        If one is no real number; its row is named.

    Examples
    --------
    >>> plain_numbers(np.ma.array([1, -9999], mask=[False, True]), "x")
    array([ 1., nan])
    """
    mask = getattr(values, "mask", False)
    masked = np.asarray(False if callable(mask) else mask)  # pandas has a method of that name
    array = np.asarray(np.ma.getdata(getattr(values, "unmasked", values)))
    if array.dtype.kind == "c":
        raise ValueError(f"{what}: holds complex numbers, expected real ones")
    if array.dtype.kind == "O" and hasattr(values, "isna"):
        # pandas has a value of its own for what is absent.
        array = np.where(np.asarray(values.isna()), np.nan, array)
    try:
        if array.dtype.kind == "M":
            raise TypeError
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        row, text = _first_text(array)
        raise ValueError(f"{what}: row {row} is {text!r}, expected a number") from None
    return np.where(masked, np.nan, numbers) if masked.any() else numbers


def _first_text(array: NDArray[Any]) -> tuple[int, Any]:
    """Row and value of the first entry that is no number."""
    for place, value in enumerate(array.ravel().tolist()):
        try:
            float(value)
        except (TypeError, ValueError):
            return place // (array.size // len(array)), value
    return 0, array.dtype
