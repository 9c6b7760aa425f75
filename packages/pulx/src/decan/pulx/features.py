"""Features of detections: logarithmic fluxes, hardness, variability, and the source's peak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.errors import SchemaError

from .catalogue import check_flux_unit, source_ids, three_valued

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Features", "features_4xmm", "features_chandra", "features_swift", "hardness"]

GROUPS = {
    "bands": ("EP_1_FLUX", "EP_2_FLUX", "EP_3_FLUX", "EP_4_FLUX", "EP_5_FLUX", "EP_8_FLUX"),
    "hardness": ("EP_HR1", "EP_HR2", "EP_HR3", "EP_HR4", "HRSoft", "HRHard"),
    "variability": ("VAR_FLAG", "VAR_UNKNOWN"),
    "peak": ("Fpeak4XMM",),
    "colours": ("EP_HR1", "EP_HR2", "EP_HR3", "EP_HR4", "HRSoft", "HRHard"),
    "tree": ("EP_3_FLUX", "EP_5_FLUX", "EP_8_FLUX", "Fpeak4XMM", "VAR_FLAG", "HRHard"),
}
"""Names of groups of columns that :meth:`Features.select` takes."""

_FLOOR = 1e-17


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


def features_4xmm(
    table: pd.DataFrame,
    *,
    missing: Literal["floor", "drop", "impute"] = "floor",
    hardness_from: Literal["catalogue", "flux"] = "catalogue",
    hard_ratio: Literal["normalised", "ratio"] = "normalised",
    peak: bool = True,
    scatter: bool = False,
    source: str | None = None,
) -> Features:
    """Features of 4XMM detections.

    The logarithm of a flux of 0 is the trap: 4XMM gives 0 for a band without excess, and
    nothing where a camera was off. Three rules are offered, and what each did is counted.

    Parameters
    ----------
    table : DataFrame
        ``EP_1_FLUX`` ... ``EP_5_FLUX``, ``EP_8_FLUX`` (erg/cm²/s), their ``_ERR``, and where
        there are ``EP_n_RATE``, ``EP_HRk``, ``VAR_FLAG``.
    missing : {'floor', 'drop', 'impute'}
        A band flux that is 0, negative or absent becomes its own error; or the row goes; or
        the flux is the full-band flux times the median colour (and a column says so).
    hardness_from : {'catalogue', 'flux'}
        HR1 to HR4 of adjacent bands, from ``EP_HRk`` or rates; or two ratios of broad bands
        from fluxes: ``HRSoft`` (1-2 keV to 0.2-1) and ``HRHard`` (2-12 keV to 0.2-1).
    hard_ratio : {'normalised', 'ratio'}
        Form of the second family.
    peak : bool
        Whether to add the source's largest full-band flux, ``Fpeak4XMM``. It is the same in
        all rows of a source and grows with their number.
    scatter : bool
        Whether to add the source's scatter of log flux from row to row, ``SCATTER`` (log10
        of dex, drawn towards 0.15 dex where there are few rows).
    source : str, optional
        Column with the source; ``SRCID`` or ``source_id`` without it.

    Returns
    -------
    Features
        ``VAR_FLAG`` is 0 where it is unknown, and ``VAR_UNKNOWN`` then says so.

    Raises
    ------
    SchemaError
        If a column is missing, or fluxes are not in erg/cm²/s.
    ValueError
        If an option is another word.

    Examples
    --------
    >>> from decan.pulx import simulate_catalogue
    >>> table = simulate_catalogue(60, 150, n_pulsars=2, n_pulsar_rows=8, n_hidden=0, rng=0)
    >>> features_4xmm(table, missing="drop").report["rows dropped for a flux of 0 or less"] > 0
    True
    """
    if missing not in ("floor", "drop", "impute"):
        raise ValueError(f"missing {missing!r}: expected 'floor', 'drop' or 'impute'")
    flux_names = [f"EP_{band}_FLUX" for band in (1, 2, 3, 4, 5, 8)]
    for name in flux_names:
        if name not in table:
            raise SchemaError(
                f"column {name!r} is missing; features of 4XMM need {', '.join(flux_names)}"
            )
    check_flux_unit(table["EP_8_FLUX"])
    column = source or ("SRCID" if "SRCID" in table else "source_id")
    where = ("RA", "DEC")
    ids = source_ids(table, column, positions=where)
    flux = table[flux_names].to_numpy(dtype=float)
    empty = ~(flux > 0)
    filled, keep, report = _filled(table, flux, empty, missing)
    log = np.log10(filled)
    columns: dict[str, NDArray[np.float64]] = dict(zip(flux_names, log.T, strict=True))
    if hardness_from == "catalogue":
        columns |= _catalogue_hardness(table, filled)
    elif hardness_from == "flux":
        soft, hard = filled[:, 0] + filled[:, 1], filled[:, 3] + filled[:, 4]
        columns["HRSoft"] = hardness(soft, filled[:, 2], kind=hard_ratio)
        columns["HRHard"] = hardness(soft, hard, kind=hard_ratio)
    else:
        raise ValueError(f"hardness_from {hardness_from!r}: expected 'catalogue' or 'flux'")
    if hardness_from == "catalogue":
        soft, hard = filled[:, 0] + filled[:, 1], filled[:, 3] + filled[:, 4]
        columns["HRHard"] = hardness(soft, hard, kind=hard_ratio)
    if missing == "impute":
        columns["IMPUTED"] = empty.any(axis=1).astype(float)
    if "VAR_FLAG" in table:
        flag = three_valued(table["VAR_FLAG"])
        unknown = np.isnan(flag)
        report["VAR_FLAG unknown"] = int(unknown[keep].sum())
        columns["VAR_FLAG"] = np.where(unknown, 0.0, flag)
        if unknown.any():
            columns["VAR_UNKNOWN"] = unknown.astype(float)
    if peak:
        columns["Fpeak4XMM"] = _largest(log[:, 5], ids)
    if scatter:
        columns["SCATTER"] = _scatter(log[:, 5], ids)
    features = _assembled(columns, ids, log[:, 5], keep, report)
    if "EP_8_CTS" in table:
        counts = np.maximum(table["EP_8_CTS"].to_numpy(dtype=float), 1)
        features = replace(features, log_counts=np.log10(counts)[keep])
    return features


def features_swift(
    snapshots: pd.DataFrame,
    *,
    distance_mpc: Mapping[str, float] | None = None,
    peak: bool = True,
    variability: bool = True,
    source: str = "source",
    min_snr: float = 2.0,
) -> Features:
    """Features of Swift/XRT snapshots.

    Parameters
    ----------
    snapshots : DataFrame
        ``rate``, ``rate_err_plus``, ``soft_rate``, ``hard_rate`` (counts/s), ``upper_limit``,
        and the source of each row.
    distance_mpc : mapping of str to float, optional
        Distances; adds ``log_luminosity``, the rate times the square of the distance.
    peak : bool
        Whether to add the source's 98 per cent quantile of the rate.
    variability : bool
        Whether to add what the long-term curve says: ``swing`` (90 to 10 per cent of
        log rate, limits at half their value), ``off_share`` (share of visits fainter than
        a tenth of the peak), and ``departure`` (distance from the source's median).
    source : str
        Column with the source.
    min_snr : float
        Least rate over error; rows below, and those without counts in a band, only enter
        the long-term features.

    Returns
    -------
    Features

    Raises
    ------
    SchemaError
        If a column is missing or no row is left.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"source": ["a"] * 3, "rate": [0.1, 0.2, 0.01],
    ...     "rate_err_plus": [0.01, 0.02, 0.01], "soft_rate": [0.05, 0.1, 0.0],
    ...     "hard_rate": [0.05, 0.1, 0.01], "upper_limit": [False, False, True]})
    >>> features_swift(rows).report
    {'rows without a significant rate in both bands': 1}
    """
    for name in ("rate", "rate_err_plus", "soft_rate", "hard_rate"):
        if name not in snapshots:
            raise SchemaError(f"column {name!r} is missing; features of Swift need it")
    ids = source_ids(snapshots, source)
    rate, error, soft, hard = (
        snapshots[name].to_numpy(dtype=float)
        for name in ("rate", "rate_err_plus", "soft_rate", "hard_rate")
    )
    limit = (
        snapshots["upper_limit"].to_numpy(bool)
        if "upper_limit" in snapshots
        else np.zeros(len(rate), bool)
    )
    keep = ~limit & (rate > 0) & (soft > 0) & (hard > 0) & (rate > min_snr * np.abs(error))
    if not keep.any():
        raise SchemaError("no snapshot has a significant rate with counts in both bands")
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "log_rate": np.log10(rate),
            "log_soft": np.log10(soft),
            "log_hard": np.log10(hard),
        }
    columns["hardness"] = hardness(soft, hard)
    level = np.log10(np.maximum(np.where(limit, rate / 2, rate), 1e-5))
    peaks = _by_source(level, ids, keep, lambda x: np.quantile(x, 0.98))
    if peak:
        columns["log_peak"] = peaks
    if variability:
        whole = np.isfinite(rate) & (rate > 0)
        columns["swing"] = _by_source(level, ids, whole, _swing)
        columns["off_share"] = _by_source((level < peaks - 1).astype(float), ids, whole, np.mean)
        columns["departure"] = level - _by_source(level, ids, keep, np.median)
    if distance_mpc is not None:
        distance = np.array([distance_mpc.get(name, np.nan) for name in ids], dtype=float)
        columns["log_luminosity"] = np.log10(np.maximum(rate, 1e-9)) + 2 * np.log10(distance)
        lost = keep & ~np.isfinite(distance)
        keep &= np.isfinite(distance)
    report = {"rows without a significant rate in both bands": int((~keep).sum())}
    if distance_mpc is not None:
        report["rows without a distance"] = int(lost.sum())
    return _assembled(columns, ids, np.log10(np.maximum(rate, 1e-9)), keep, report)


def features_chandra(table: pd.DataFrame, *, source: str = "name", peak: bool = True) -> Features:
    """Features of detections of the Chandra Source Catalog.

    Parameters
    ----------
    table : DataFrame
        ``flux_aper_b``, ``flux_aper_s``, ``flux_aper_m``, ``flux_aper_h`` (erg/cm²/s), and
        where there is ``var_intra_prob_b``.
    source : str
        Column with the source.
    peak : bool
        Whether to add the source's largest flux.

    Returns
    -------
    Features
        Fluxes of 0 are floored at a tenth of the smallest positive one of their band.

    Raises
    ------
    SchemaError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> fluxes = {f"flux_aper_{band}": [1e-13, 2e-14] for band in "bsmh"}
    >>> rows = pd.DataFrame({"name": ["a", "b"], **fluxes})
    >>> features_chandra(rows).names[-3:]
    ['HRSoft', 'HRHard', 'log_peak']
    """
    names = [f"flux_aper_{band}" for band in "bsmh"]
    for name in names:
        if name not in table:
            raise SchemaError(f"column {name!r} is missing; features of Chandra need it")
    check_flux_unit(table["flux_aper_b"], "flux_aper_b")
    ids = source_ids(table, source, positions=("ra", "dec"))
    flux = table[names].to_numpy(dtype=float)
    low = np.array([0.1 * np.min(c[c > 0], initial=np.inf) for c in flux.T])
    empty = ~(flux > 0)
    flux = np.where(empty, np.where(np.isfinite(low), low, _FLOOR), flux)
    columns = dict(zip([f"log_{n}" for n in names], np.log10(flux).T, strict=True))
    columns["HRSoft"] = hardness(flux[:, 1], flux[:, 2])
    columns["HRHard"] = hardness(flux[:, 1], flux[:, 3])
    if "var_intra_prob_b" in table:
        columns["variable"] = (table["var_intra_prob_b"].to_numpy(float) > 0.9).astype(float)
    if peak:
        columns["log_peak"] = _largest(np.log10(flux[:, 0]), ids)
    report = {"band fluxes floored": int(empty.sum())}
    return _assembled(columns, ids, np.log10(flux[:, 0]), np.ones(len(ids), bool), report)


def _filled(
    table: pd.DataFrame, flux: NDArray[np.float64], empty: NDArray[np.bool_], missing: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_], dict[str, int]]:
    """Positive fluxes by the rule for missing ones, rows that stay, and counts."""
    keep = ~empty[:, 5]
    report = {"rows without a full-band flux": int(empty[:, 5].sum())}
    inside = empty & keep[:, None]
    if missing == "drop":
        gone = inside.any(axis=1)
        report["rows dropped for a flux of 0 or less"] = int(gone.sum())
        return np.where(empty, 1.0, flux), keep & ~gone, report
    colour = np.array([
        np.median(flux[~empty[:, b] & keep, b] / flux[~empty[:, b] & keep, 5])
        if (~empty[:, b] & keep).any() else 0.1 for b in range(6)
    ])  # fmt: skip
    imputed = np.where(keep, flux[:, 5], 1.0)[:, None] * colour
    if missing == "impute":
        report["band fluxes imputed"] = int(inside.sum())
        return np.where(empty, imputed, flux), keep, report
    error = np.full(flux.shape, np.nan)
    for b, band in enumerate((1, 2, 3, 4, 5, 8)):
        if f"EP_{band}_FLUX_ERR" in table:
            error[:, b] = table[f"EP_{band}_FLUX_ERR"].to_numpy(dtype=float)
    usable = error > 0
    report["band fluxes floored at their error"] = int((inside & usable).sum())
    # A camera that was off has neither flux nor error.
    report["band fluxes imputed for want of an error"] = int((inside & ~usable).sum())
    return np.where(empty, np.where(usable, error, imputed), flux), keep, report


def _catalogue_hardness(
    table: pd.DataFrame, flux: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    columns = {}
    for k in range(1, 5):
        name = f"EP_HR{k}"
        if name in table:
            value = table[name].to_numpy(dtype=float)
        elif f"EP_{k}_RATE" in table and f"EP_{k + 1}_RATE" in table:
            value = hardness(table[f"EP_{k}_RATE"], table[f"EP_{k + 1}_RATE"])
        else:
            value = hardness(flux[:, k - 1], flux[:, k])
        columns[name] = np.where(np.isfinite(value), value, 0.0)
    return columns


def _by_source(
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


def _swing(level: NDArray[np.float64]) -> float:
    low, high = np.quantile(level, [0.1, 0.9])
    return float(high - low)


def _scatter(log_flux: NDArray[np.float64], ids: NDArray[Any]) -> NDArray[np.float64]:
    """Root mean square about the source's mean, as if two more rows had shown 0.15 dex."""
    _, code = np.unique(ids.astype(str), return_inverse=True)
    count = np.bincount(code)
    mean = np.bincount(code, log_flux) / count
    square = np.bincount(code, (log_flux - mean[code]) ** 2)
    return np.asarray(np.log10(np.sqrt((square + 2 * 0.15**2) / (count + 1)))[code])


def _largest(log_flux: NDArray[np.float64], ids: NDArray[Any]) -> NDArray[np.float64]:
    _, code = np.unique(ids.astype(str), return_inverse=True)
    best = np.full(code.max() + 1, -np.inf)
    np.maximum.at(best, code, log_flux)
    return np.asarray(best[code])


def _assembled(
    columns: Mapping[str, NDArray[np.float64]],
    ids: NDArray[Any],
    log_flux: NDArray[np.float64],
    keep: NDArray[np.bool_],
    report: dict[str, int],
) -> Features:
    import pandas as pd

    table = pd.DataFrame(dict(columns))[keep].reset_index(drop=True)
    return Features(table, ids[keep], np.flatnonzero(keep), log_flux[keep], report)


def known_rows(features: Features, names: Iterable[Any]) -> NDArray[np.bool_]:
    """Which rows belong to the named sources."""
    return np.isin(features.source, list(names))
