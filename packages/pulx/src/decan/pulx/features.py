"""Features of detections with the identity of each row: what a ranking is fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import SchemaError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Features", "hardness"]

GROUPS = {
    "bands": ("EP_1_FLUX", "EP_2_FLUX", "EP_3_FLUX", "EP_4_FLUX", "EP_5_FLUX", "EP_8_FLUX"),
    "hardness": ("EP_HR1", "EP_HR2", "EP_HR3", "EP_HR4", "HRSoft", "HRHard"),
    "variability": ("VAR_FLAG", "VAR_UNKNOWN"),
    "peak": ("Fpeak4XMM",),
    "colours": ("EP_HR1", "EP_HR2", "EP_HR3", "EP_HR4", "HRSoft", "HRHard"),
    "tree": ("EP_3_FLUX", "EP_5_FLUX", "EP_8_FLUX", "Fpeak4XMM", "VAR_FLAG", "HRHard"),
}
"""Names of groups of columns that :meth:`Features.select` takes."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features with the identity of each row, and what was done to get them.

    Parameters
    ----------
    table : DataFrame
        One column a feature, one row a detection.
    source : ndarray, shape (n,)
        Source of each row.
    row : ndarray of int, shape (n,)
        Row of the table they were made from.
    log_flux : ndarray, shape (n,)
        log10 of the full-band flux or rate: the brightness that scores are compared with.
    report : dict of str to int
        Rows that each rule touched.
    log_counts : ndarray, shape (n,), optional
        log10 of the counts, where the catalogue gives them.

    Examples
    --------
    >>> from decan.pulx import simulate_catalogue, features_4xmm
    >>> features_4xmm(simulate_catalogue(60, 150, n_pulsars=2, n_pulsar_rows=8, rng=0, n_hidden=0))
    <Features: 1... rows of 5... sources, 13 features>
    """

    table: pd.DataFrame
    source: NDArray[Any]
    row: NDArray[np.int64]
    log_flux: NDArray[np.float64]
    report: dict[str, int] = field(default_factory=dict)
    log_counts: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.table)
        for name in ("source", "row", "log_flux"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, the table {n}")

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return [str(name) for name in self.table.columns]

    @property
    def values(self) -> NDArray[np.float64]:
        """Features as an array, shape (n, d)."""
        return np.asarray(self.table.to_numpy(dtype=float))

    def select(self, *names: str) -> Features:
        """Keep features by name or by group ('bands', 'hardness', 'variability', 'peak', 'tree').

        Parameters
        ----------
        *names : str
            Names of columns or groups.

        Returns
        -------
        Features
        """
        wanted: list[str] = []
        for name in names:
            members = (name,) if name in self.table else GROUPS.get(name, ())
            group = [one for one in members if one in self.table]
            if not group:
                raise SchemaError(f"no feature {name!r}; there are {', '.join(self.names)}")
            wanted += [one for one in group if one not in wanted]
        return replace(self, table=self.table[wanted])

    def where(self, keep: ArrayLike) -> Features:
        """Keep some rows.

        Parameters
        ----------
        keep : array_like of bool or int
            Mask or positions.

        Returns
        -------
        Features
        """
        at = np.asarray(keep)
        at = np.flatnonzero(at) if at.dtype == bool else at
        return Features(
            self.table.iloc[at].reset_index(drop=True),
            self.source[at],
            self.row[at],
            self.log_flux[at],
            self.report,
            None if self.log_counts is None else self.log_counts[at],
        )

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        n = len(set(self.source.tolist()))
        return f"<Features: {len(self):,} rows of {n} sources, {self.table.shape[1]} features>"


def hardness(soft: ArrayLike, hard: ArrayLike, *, kind: str = "normalised") -> NDArray[np.float64]:
    """Hardness of rates or fluxes in two bands.

    Parameters
    ----------
    soft, hard : array_like
        Same unit, not negative.
    kind : {'normalised', 'ratio'}
        ``(H - S) / (H + S)``, or ``H / S``.

    Returns
    -------
    ndarray
        NaN where both are 0 (or the soft one, for the ratio).

    Raises
    ------
    ValueError
        If ``kind`` is another word.

    Examples
    --------
    >>> hardness([1.0, 2.0], [3.0, 0.0])
    array([ 0.5, -1. ])
    >>> hardness([1.0], [3.0], kind="ratio")
    array([3.])
    """
    s, h = np.asarray(soft, dtype=float), np.asarray(hard, dtype=float)
    if kind == "normalised":
        total = h + s
        return np.asarray(np.divide(h - s, total, out=np.full(s.shape, np.nan), where=total > 0))
    if kind == "ratio":
        return np.asarray(np.divide(h, s, out=np.full(s.shape, np.nan), where=s > 0))
    raise ValueError(f"kind {kind!r}: expected 'normalised' or 'ratio'")


def as_features(X: Any, groups: ArrayLike | None) -> Features:
    if isinstance(X, Features):
        return X
    if groups is None:
        raise ValueError(
            "groups: the source of each row is needed, rows of one source are not independent"
        )
    table = as_table(X)
    brightest = table.columns[-1] if "EP_8_FLUX" not in table else "EP_8_FLUX"
    return Features(
        table.reset_index(drop=True),
        np.asarray(groups),
        np.arange(len(table)),
        table[brightest].to_numpy(dtype=float),
    )


def as_table(X: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    values = np.asarray(X, dtype=float)
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])


def by_source(
    values: NDArray[np.float64], ids: NDArray[Any], use: NDArray[np.bool_], statistic: Any
) -> NDArray[np.float64]:
    """A statistic of the used rows of each source, given to all its rows."""
    _, code = np.unique(ids.astype(str), return_inverse=True)
    result = np.full(len(values), np.nan)
    for one in range(code.max() + 1):
        rows = code == one
        if (rows & use).any():
            result[rows] = statistic(values[rows & use])
    return result


def largest(log_flux: NDArray[np.float64], ids: NDArray[Any]) -> NDArray[np.float64]:
    _, code = np.unique(ids.astype(str), return_inverse=True)
    best = np.full(code.max() + 1, -np.inf)
    np.maximum.at(best, code, log_flux)
    return np.asarray(best[code])


def assembled(
    columns: Mapping[str, NDArray[np.float64]],
    ids: NDArray[Any],
    log_flux: NDArray[np.float64],
    keep: NDArray[np.bool_],
    report: dict[str, int],
) -> Features:
    import pandas as pd

    table = pd.DataFrame(dict(columns))[keep].reset_index(drop=True)
    return Features(table, ids[keep], np.flatnonzero(keep), log_flux[keep], report)
