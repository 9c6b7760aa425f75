"""From a table of photometry to the columns that a network reads."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .ensembles import moments, standard_columns
from .inputs import (
    Columns,
    as_columns,
    check_magnitudes,
    check_redshift,
    clean_sentinels,
    is_magnitude,
    warn_of_leaks,
)
from .photometry import luptitude

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PhotometricFeatures", "role"]


def role(name: str, beside: Sequence[str] = ()) -> str:
    """What a column holds, by its name.

    Parameters
    ----------
    name : str
        Name of a column.
    beside : sequence of str
        Names of the other columns: ``z`` is a band where ``i`` is one, and a redshift elsewhere.

    Returns
    -------
    {'magnitude', 'flux', 'error', 'redshift', 'other'}

    Examples
    --------
    >>> [role(name) for name in ("mag_r", "flux_w1_mjy", "flux_w1_err_mjy", "axis_ratio", "g-r")]
    ['magnitude', 'flux', 'error', 'other', 'other']
    """
    if re.fullmatch(r"z_?spec|redshift", name, re.I) or (name == "z" and "i" not in beside):
        return "redshift"
    if re.search(r"(^|_)e(rr)?(_|$)|err|sigm|ivar", name, re.I):
        return "error"
    if is_magnitude(name) or re.fullmatch(r"[ugrizyjhk]|ks|[nf]uv", name, re.I):
        return "magnitude"
    if re.match(r"(petro|model)?flux", name, re.I):
        return "flux"
    return "other"


class PhotometricFeatures:
    """Magnitudes and fluxes as one magnitude and colours, the rest as it is, all standardised.

    Fluxes of either sign become asinh magnitudes, softened by the median of their error column
    where there is one (``flux_r`` and ``flux_r_err``, ``flux_r_mjy`` and ``flux_r_err_mjy``).
    Errors enter as logarithms, redshifts as they are and as logarithms. A missing value is 0 after
    standardising, with a flag beside it.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"mag_g": [17.0, 18.0, 19.0], "mag_r": [16.5, 17.0, np.nan]})
    >>> features = PhotometricFeatures().fit(table)
    >>> features.names_, features.transform(table).shape
    (('mag_g', 'mag_g-mag_r'), (3, 3))
    """

    inputs_: tuple[str, ...]
    names_: tuple[str, ...]
    softening_: NDArray[np.float64]
    centre_: NDArray[np.float64]
    width_: NDArray[np.float64]
    gaps_: NDArray[np.intp]

    def fit(self, X: Any, y: NDArray[np.float64] | None = None) -> PhotometricFeatures:
        """Learn softenings, means and widths; see :meth:`fit_transform`."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """Learn softenings, means and widths, and give the columns.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, d)
            The table.
        y : ndarray, shape (n,), optional
            Target, to warn of inputs that hold it.

        Returns
        -------
        ndarray of float32, shape (n, features)
            Columns for a network.

        Raises
        ------
        ValueError
            If the table is malformed, or a magnitude cannot be one.
        """
        columns = self._checked(X)
        if y is not None:
            warn_of_leaks(columns, y, "X")
        self.inputs_ = columns.names
        self.softening_ = self._softenings(columns)
        values, self.names_ = self._raw(columns)
        self.centre_, self.width_ = moments(values)
        self.gaps_ = np.flatnonzero(np.isnan(values).any(axis=0))
        known = ~np.isnan(values)
        distance = np.where(known, np.abs(values - self.centre_), 0.0).max(axis=0)
        dead = [n for n, far in zip(self.names_, distance, strict=True) if not far > 0]
        if dead:
            warnings.warn(f"X: constant, therefore of no use: {', '.join(dead)}", stacklevel=3)
        return standard_columns(values, self.centre_, self.width_, self.gaps_)[0]

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Columns for a network.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, d)
            A table with the columns that it was fitted on; a table may have more.

        Returns
        -------
        ndarray of float32, shape (n, features)

        Raises
        ------
        ValueError
            If a column is missing.
        """
        values, _ = self._raw(self._checked(X, self.inputs_))
        return standard_columns(values, self.centre_, self.width_, self.gaps_)[0]

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Settings and arrays from which :meth:`from_state` makes it again."""
        arrays = {
            "softening": self.softening_, "centre": self.centre_, "width": self.width_,
            "gaps": self.gaps_.astype(np.int64),
        }  # fmt: skip
        return {"inputs": list(self.inputs_), "names": list(self.names_)}, arrays

    @classmethod
    def from_state(
        cls, settings: dict[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> PhotometricFeatures:
        """Make it again."""
        self = cls()
        self.inputs_, self.names_ = tuple(settings["inputs"]), tuple(settings["names"])
        self.softening_, self.centre_ = arrays["softening"], arrays["centre"]
        self.width_, self.gaps_ = arrays["width"], arrays["gaps"].astype(np.intp)
        return self

    def _checked(self, X: Any, wanted: tuple[str, ...] | None = None) -> Columns:
        if wanted is not None and hasattr(X, "columns"):
            absent = [name for name in wanted if name not in X.columns]
            if absent:
                raise ValueError(
                    f"X: {len(absent)} of {len(wanted)} columns are missing, first {absent[0]!r}; "
                    "where it was not observed, add it with NaN"
                )
            X = X[list(wanted)]
        columns = clean_sentinels(as_columns(X, "X"), "X")
        if wanted is not None and len(columns.names) != len(wanted):
            raise ValueError(f"X: {len(columns.names)} columns, expected {len(wanted)} as fitted")
        if wanted is not None:
            # An array has no names; its columns are those of the table that was fitted.
            columns = Columns(columns.values, wanted, columns.index)
        check_magnitudes(columns, "X")
        return columns

    def _softenings(self, columns: Columns) -> NDArray[np.float64]:
        out = np.full(len(columns.names), np.nan)
        for j, name in enumerate(columns.names):
            if role(name, columns.names) != "flux":
                continue
            values = columns.values[:, j]
            error = _error_of(name, columns.names)
            scale = np.abs(values) / 20 if error is None else columns.values[:, error]
            known = scale[np.isfinite(scale) & (scale > 0)]
            out[j] = float(np.median(known)) if known.size else 1.0
        return out

    def _raw(self, columns: Columns) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        bright: list[tuple[str, NDArray[np.float64]]] = []
        rest: list[tuple[str, NDArray[np.float64]]] = []
        for j, name in enumerate(columns.names):
            values, kind = columns.values[:, j], role(name, columns.names)
            if kind == "magnitude":
                bright.append((name, values))
            elif kind == "flux":
                bright.append((name, luptitude(values, self.softening_[j])))
            elif kind == "redshift":
                known = values[~np.isnan(values)]
                check_redshift(known, f"X: column {name!r}")
                rest += [(name, values), (f"log {name}", np.log10(values))]
            elif kind == "error":
                rest.append((name, np.log10(np.where(values > 0, values, np.nan))))
            else:
                rest.append((name, values))
        made = bright[:1]
        for (blue, b), (red, r) in pairwise(bright):
            made.append((f"{blue}-{red}", b - r))
        made += rest
        return np.stack([v for _, v in made], axis=1), tuple(n for n, _ in made)


def _error_of(name: str, names: tuple[str, ...]) -> int | None:
    for error in (
        f"{name}_err",
        f"err_{name}",
        f"{name}Err",
        re.sub(r"_(?=[^_]+$)", "_err_", name),
    ):
        if error != name and error in names:
            return names.index(error)
    return None
