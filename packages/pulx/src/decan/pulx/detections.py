"""From rows of detection catalogues, 4XMM and Chandra, to features.

The logarithm of a flux of 0 is the trap of both: what was done about it is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .catalogue import check_flux_unit, numbers, source_ids, three_valued
from .features import Features, assembled, hardness, largest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["features_4xmm", "features_chandra"]

_FLOOR = 1e-17


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
        of dex, drawn towards 0.15 dex where there are few rows), and log10 of the number of
        rows, ``VISITS``.
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
    flux = numbers(table, flux_names, "4XMM")
    for band, name in zip(flux.T, flux_names, strict=True):
        if name == "EP_8_FLUX" or np.any(np.isfinite(band) & (band != 0)):
            check_flux_unit(band, name)
    column = source or ("SRCID" if "SRCID" in table else "source_id")
    where = ("RA", "DEC")
    ids = source_ids(table, column, positions=where)
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
        columns["Fpeak4XMM"] = largest(log[:, 5], ids)
    if scatter:
        columns["SCATTER"], columns["VISITS"] = _scatter(log[:, 5], ids)
    features = assembled(columns, ids, log[:, 5], keep, report)
    if "EP_8_CTS" in table:
        counts = np.maximum(numbers(table, ["EP_8_CTS"], "4XMM")[:, 0], 1)
        features = replace(features, log_counts=np.log10(counts)[keep])
    return features


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
    flux = numbers(table, names, "Chandra")
    check_flux_unit(flux[:, 0], "flux_aper_b")
    ids = source_ids(table, source, positions=("ra", "dec"))
    low = np.array([0.1 * np.min(c[c > 0], initial=np.inf) for c in flux.T])
    empty = ~(flux > 0)
    flux = np.where(empty, np.where(np.isfinite(low), low, _FLOOR), flux)
    columns = dict(zip([f"log_{n}" for n in names], np.log10(flux).T, strict=True))
    columns["HRSoft"] = hardness(flux[:, 1], flux[:, 2])
    columns["HRHard"] = hardness(flux[:, 1], flux[:, 3])
    if "var_intra_prob_b" in table:
        probability = numbers(table, ["var_intra_prob_b"], "Chandra")[:, 0]
        columns["variable"] = (probability > 0.9).astype(float)
    if peak:
        columns["log_peak"] = largest(np.log10(flux[:, 0]), ids)
    report = {"band fluxes floored": int(empty.sum())}
    return assembled(columns, ids, np.log10(flux[:, 0]), np.ones(len(ids), bool), report)


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
            error[:, b] = numbers(table, [f"EP_{band}_FLUX_ERR"], "4XMM")[:, 0]
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
            value = numbers(table, [name], "4XMM")[:, 0]
        elif f"EP_{k}_RATE" in table and f"EP_{k + 1}_RATE" in table:
            value = hardness(*numbers(table, [f"EP_{k}_RATE", f"EP_{k + 1}_RATE"], "4XMM").T)
        else:
            value = hardness(flux[:, k - 1], flux[:, k])
        columns[name] = np.where(np.isfinite(value), value, 0.0)
    return columns


def _scatter(
    log_flux: NDArray[np.float64], ids: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scatter about the source's mean, as if two more rows had shown 0.15 dex; and rows."""
    _, code = np.unique(ids.astype(str), return_inverse=True)
    count = np.bincount(code)
    mean = np.bincount(code, log_flux) / count
    square = np.bincount(code, (log_flux - mean[code]) ** 2)
    scatter = np.log10(np.sqrt((square + 2 * 0.15**2) / (count + 1)))
    return scatter[code], np.log10(count)[code]
