"""Checks of arguments that the metrics share: one clear line, with the argument's name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]


def as_floats(
    name: str, values: ArrayLike, *, n: int | None = None, finite: bool = True
) -> FloatArray:
    """One-dimensional float64 column without NaN (and, unless told otherwise, without infinity)."""
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected a column of numbers ({error})") from None
    _check_shape(name, column, n)
    wrong = ~np.isfinite(column) if finite else np.isnan(column)
    if wrong.any():
        found = "non-finite values" if finite else "NaN"
        raise ValueError(
            f"{name}: {found} in {int(wrong.sum())} of {column.size} rows "
            f"(first at row {int(np.argmax(wrong))}); remove or fill them first"
        )
    return column


def as_labels(name: str, values: ArrayLike, *, n: int | None = None) -> np.ndarray:
    """One-dimensional column of labels of any type, NaN refused."""
    column = np.asarray(values)
    _check_shape(name, column, n)
    if column.dtype.kind in "fO":
        # NaN alone differs from itself, also among objects.
        unknown = column != column
        if unknown.any():
            raise ValueError(f"{name}: NaN at row {int(np.argmax(unknown))}; a label must be known")
    return column


def as_label_pair(
    names: tuple[str, str], one: ArrayLike, two: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of labels that can be compared: both numbers, or both words."""
    first = as_labels(names[0], one)
    second = as_labels(names[1], two, n=len(first))
    kinds = [column.dtype.kind in "biuf" for column in (first, second)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{names[1]}: has type {second.dtype}, which never equals the {first.dtype} "
            f"of {names[0]}"
        )
    return first, second


def as_binary(name: str, values: ArrayLike, *, both: bool = True) -> FloatArray:
    """Column of zeros and ones; ``both`` asks that each of them occurs."""
    column = as_floats(name, values)
    strange = (column != 0) & (column != 1)
    if strange.any():
        row = int(np.argmax(strange))
        raise ValueError(f"{name}: found {column[row]:g} at row {row}, expected 0 or 1")
    if both and column.min() == column.max():
        raise ValueError(
            f"{name}: only class {int(column[0])} is present, the metric needs both classes"
        )
    return column


def as_probabilities(name: str, values: ArrayLike, *, n: int | None = None) -> FloatArray:
    """Column of numbers within [0, 1]."""
    column = as_floats(name, values, n=n)
    outside = (column < 0) | (column > 1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(
            f"{name}: found {column[row]:g} at row {row}, expected a value between 0 and 1"
        )
    return column


def group_codes(groups: ArrayLike | None, n: int) -> tuple[IntArray, int]:
    """Code of every row's group (0 ... G-1) and G; each row its own group without ``groups``."""
    if groups is None:
        return np.arange(n), n
    names, codes = np.unique(as_labels("groups", groups, n=n), return_inverse=True)
    return codes, len(names)


def _check_shape(name: str, column: np.ndarray, n: int | None) -> None:
    if column.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, found shape {column.shape}")
    if column.size == 0:
        raise ValueError(f"{name}: is empty")
    if n is not None and column.size != n:
        raise ValueError(f"{name}: has {column.size} rows, expected {n} as in the first argument")
