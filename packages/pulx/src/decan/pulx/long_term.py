"""From years of Swift/XRT visits to features: colour, and what the long-term curve says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import SchemaError

from .catalogue import numbers, source_ids, three_valued
from .features import Features, assembled, by_source, hardness

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["features_lsxps", "features_swift"]

_LEAST_RATE = 1e-6


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
    names = ("rate", "rate_err_plus", "soft_rate", "hard_rate")
    rate, error, soft, hard = numbers(snapshots, names, "Swift").T
    ids = source_ids(snapshots, source)
    limit = (
        three_valued(snapshots["upper_limit"], "upper_limit") == 1
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
    peaks = by_source(level, ids, keep, lambda x: np.quantile(x, 0.98))
    if peak:
        columns["log_peak"] = peaks
    if variability:
        whole = np.isfinite(rate) & (rate > 0)
        columns["swing"] = by_source(level, ids, whole, _swing)
        columns["off_share"] = by_source((level < peaks - 1).astype(float), ids, whole, np.mean)
        columns["departure"] = level - by_source(level, ids, keep, np.median)
    if distance_mpc is not None:
        distance = np.array([distance_mpc.get(name, np.nan) for name in ids], dtype=float)
        columns["log_luminosity"] = np.log10(np.maximum(rate, 1e-9)) + 2 * np.log10(distance)
        lost = keep & ~np.isfinite(distance)
        keep &= np.isfinite(distance)
    report = {"rows without a significant rate in both bands": int((~keep).sum())}
    if distance_mpc is not None:
        report["rows without a distance"] = int(lost.sum())
    return assembled(columns, ids, np.log10(np.maximum(rate, 1e-9)), keep, report)


def features_lsxps(table: pd.DataFrame, *, source: str = "LSXPS_ID") -> Features:
    """Features of sources of the Living Swift-XRT Point Source catalogue, one row a source.

    Parameters
    ----------
    table : DataFrame
        ``Rate_band0`` to ``Rate_band3`` (0.3-10, 0.3-1, 1-2, 2-10 keV; counts/s) with
        ``_pos`` errors, ``HR1``, ``HR2`` and ``PeakRate_band0``.
    source : str
        Column with the source.

    Returns
    -------
    Features
        Logarithmic rates, both hardness ratios, the peak, and how far it stands above the
        mean, ``PEAK_OVER_MEAN`` (dex). A band rate of 0 becomes its error.

    Raises
    ------
    SchemaError
        If a column is missing or no row has a rate.

    References
    ----------
    Evans et al. 2023, MNRAS 518, 174.

    Examples
    --------
    >>> import pandas as pd
    >>> rates = {f"Rate_band{b}": [0.1, 0.02] for b in range(4)}
    >>> errors = {f"Rate_band{b}_pos": [0.01, 0.01] for b in range(4)}
    >>> rows = pd.DataFrame({"LSXPS_ID": [1, 2], **rates, **errors, "HR1": [0.1, 0.0],
    ...                      "HR2": [0.2, 0.1], "PeakRate_band0": [0.3, 0.02]})
    >>> features_lsxps(rows).table["PEAK_OVER_MEAN"].round(2).tolist()
    [0.48, 0.0]
    """
    rates = [f"Rate_band{band}" for band in range(4)]
    errors = [f"{name}_pos" for name in rates]
    rate, error = numbers(table, rates, "LSXPS"), numbers(table, errors, "LSXPS")
    first, second, highest = numbers(table, ("HR1", "HR2", "PeakRate_band0"), "LSXPS").T
    ids = source_ids(table, source, positions=("RA", "Decl"))
    keep = rate[:, 0] > 0
    if not keep.any():
        raise SchemaError("Rate_band0: no source has a rate above 0")
    empty = ~(rate > 0)
    log = np.log10(np.where(empty, np.maximum(np.nan_to_num(error), _LEAST_RATE), rate))
    peak = np.log10(np.fmax(highest, 10 ** log[:, 0]))
    columns = dict(zip([f"log_rate_band{band}" for band in range(4)], log.T, strict=True))
    columns |= {"HR1": np.nan_to_num(first), "HR2": np.nan_to_num(second)}
    columns |= {"log_peak": peak, "PEAK_OVER_MEAN": peak - log[:, 0]}
    report = {"band rates floored at their error": int(empty[keep].sum())}
    if not keep.all():
        report["rows without a full-band rate"] = int((~keep).sum())
    return assembled(columns, ids, log[:, 0], keep, report)


def _swing(level: NDArray[np.float64]) -> float:
    low, high = np.quantile(level, [0.1, 0.9])
    return float(high - low)
