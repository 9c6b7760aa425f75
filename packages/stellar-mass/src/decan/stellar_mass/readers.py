"""Files of public catalogues: MPA-JHU masses, GSWLC, the NASA-Sloan Atlas.

Sentinels are NaN when they arrive.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.tables import number_column, read_table
from decan.core.errors import SchemaError
from decan.core.files import reading

from .inputs import SENTINELS

if TYPE_CHECKING:
    import os

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["mpa_jhu_masses", "nsa_table", "read_gswlc", "without_sentinels"]

GSWLC_COLUMNS = (
    "objid", "glxid", "plate", "mjd", "fiber", "ra_deg", "dec_deg", "z_spec", "chi2_red",
    "logmstar", "logmstar_err", "logsfr", "logsfr_err", "a_fuv", "a_fuv_err", "a_b", "a_b_err",
    "a_v", "a_v_err", "flag_sed", "uv_survey", "flag_uv", "flag_midir", "flag_mgs",
)  # fmt: skip
"""Columns of GSWLC-2 in their order; the last ones are flags."""


def mpa_jhu_masses(info: Path | str, extra: Path | str) -> pd.DataFrame:
    """MPA-JHU masses out of the row-matched FITS files of DR8.

    Parameters
    ----------
    info, extra : path-like
        ``galSpecInfo-dr8.fits`` and ``galSpecExtra-dr8.fits``.

    Returns
    -------
    DataFrame
        ``specobjid``, ``ra``, ``dec``, ``z``, ``lgm_tot_p16/50/84``, ``specsfr_tot_p50``; rows
        without a mass (-1 or -9999) are left out.

    Raises
    ------
    SchemaError
        If the files do not have the same number of rows, or a column is missing.

    Examples
    --------
    >>> mpa_jhu_masses.__name__
    'mpa_jhu_masses'
    """
    names = ["lgm_tot_p16", "lgm_tot_p50", "lgm_tot_p84", "specsfr_tot_p50"]
    left, right = read_table(info), read_table(extra)
    left.columns, right.columns = left.columns.str.lower(), right.columns.str.lower()
    if len(left) != len(right):
        raise SchemaError(f"{extra}: {len(right):,} rows, expected {len(left):,} as in {info}")
    for path, frame, wanted in (
        (info, left, ["specobjid", "ra", "dec", "z"]),
        (extra, right, names),
    ):
        absent = [name for name in wanted if name not in frame]
        if absent:
            raise SchemaError(f"{path}: no column {absent[0]!r}")
    table = left[["specobjid", "ra", "dec", "z"]].join(right[names])
    for name in table.columns[1:]:
        table[name] = number_column(table, name, str(extra if name in names else info))
    return without_sentinels(table[table["lgm_tot_p50"] > 0].reset_index(drop=True))


def read_gswlc(path: str | os.PathLike[str]) -> pd.DataFrame:
    """GSWLC-2 (GALEX-SDSS-WISE Legacy Catalog): masses with errors, -99 as NaN.

    Parameters
    ----------
    path : path-like
        ``GSWLC-X2.dat.gz`` or one of its kin, blank-separated without header.

    Returns
    -------
    DataFrame
        In the columns of :data:`GSWLC_COLUMNS`; log10 of solar masses, Chabrier.

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is absent or broken.
    SchemaError
        If a row has too few fields, or one is no number.

    References
    ----------
    Salim et al. 2016, ApJS 227, 2; Salim, Boquien & Lee 2018, ApJ 859, 11.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "GSWLC.dat"
    >>> row = "1 2 266 51630 1 146.7 -1.0 0.02 1.2 10.1 0.03 -99 -99 1 1 1 1 1 1 0 1 1 5 1"
    >>> _ = path.write_text(row)
    >>> read_gswlc(path)[["logmstar", "logsfr"]]
       logmstar  logsfr
    0      10.1     NaN
    """
    import pandas as pd

    with reading(path, "table of GSWLC") as file:
        table = pd.read_csv(file, sep=r"\s+", header=None, comment="#")
    known = min(len(table.columns), len(GSWLC_COLUMNS))
    if known < 19 or bool(table.iloc[:, :19].isna().any(axis=None)):
        raise SchemaError(f"{path}: {len(table.columns)} fields a row, expected 19 or more")
    table = table.iloc[:, :known]
    table.columns = pd.Index(GSWLC_COLUMNS[:known])
    for name in table.columns:
        if table[name].dtype.kind not in "iuf":
            table[name] = number_column(table, name, str(path))
    return without_sentinels(table)


def nsa_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """NASA-Sloan Atlas: Sersic fits, Petrosian sizes, fluxes FNugriz and masses.

    Parameters
    ----------
    path : path-like
        ``nsa_v1_0_1.fits``.

    Returns
    -------
    DataFrame
        ``z``, ``sersic_n``, ``axis_ratio``, ``petroR50_r``, ``petroR90_r`` (arcsec),
        ``flux_B_nmgy`` for the seven bands, ``elpetro_mass`` (solar masses for h = 1).

    Raises
    ------
    DataNotAvailable, CorruptFile
        If the file is absent or broken.
    SchemaError
        If a column is missing, or not as wide as it should be.

    References
    ----------
    Blanton et al. 2011, AJ 142, 31.

    Examples
    --------
    >>> nsa_table.__name__
    'nsa_table'
    """
    import pandas as pd
    from astropy.io import fits

    names = {"Z": "z", "SERSIC_N": "sersic_n", "SERSIC_BA": "axis_ratio",
             "PETRO_TH50": "petroR50_r", "PETRO_TH90": "petroR90_r",
             "ELPETRO_MASS": "elpetro_mass"}  # fmt: skip
    # Opened here: what astropy opens stays open where the file is spoilt.
    with (
        reading(path, "NASA-Sloan Atlas") as file,
        file.open("rb") as stream,
        fits.open(stream) as opened,
    ):
        data: Any = opened[1].data
        absent = [n for n in (*names, "ELPETRO_FLUX") if n not in data.names]
        if absent:
            raise SchemaError(f"{path}: no column {absent[0]!r}")
        columns: dict[str, NDArray[np.float64]] = {
            new: np.asarray(data[old], dtype=np.float64) for old, new in names.items()
        }
        flux = np.asarray(data["ELPETRO_FLUX"], dtype=np.float64)
    wide = [name for name, values in columns.items() if values.ndim != 1]
    if wide or flux.shape[1:] != (7,):
        found = columns[wide[0]] if wide else flux
        raise SchemaError(
            f"{path}: column {wide[0] if wide else 'ELPETRO_FLUX'!r} has shape {found.shape}; "
            "expected one number a galaxy, and seven fluxes"
        )
    for index, band in enumerate(("fuv", "nuv", "u", "g", "r", "i", "z")):
        columns[f"flux_{band}_nmgy"] = flux[:, index]
    return without_sentinels(pd.DataFrame(columns))


def without_sentinels(table: pd.DataFrame) -> pd.DataFrame:
    """Table with the archives' sentinels (-9999 and the like) as NaN; identifiers stay as they are.

    Parameters
    ----------
    table : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> without_sentinels(pd.DataFrame({"objid": [-9999], "logmass": [-9999.0]})).iloc[0].tolist()
    [-9999.0, nan]
    """
    numbers = table.select_dtypes("number").columns
    identifiers = [n for n in numbers if str(n).lower().endswith("id")]
    measured = [n for n in numbers if n not in identifiers]
    table = table.copy()
    table[measured] = table[measured].mask(table[measured].isin(SENTINELS))
    return table
