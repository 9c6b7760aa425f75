"""Queries of the public archives: Exoplanet Archive, MAST and ExoFOP.

Tables come back as DataFrames, light curves as files in a folder of one's own. An answer
that is no table (a page of an error, a cut transfer) is an error that says what came.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from decan.core.data.remote import csv_table, request, tap_query
from decan.core.errors import DataNotAvailable, SchemaError
from decan.core.files import replacing

if TYPE_CHECKING:
    import os

    import pandas as pd

__all__ = ["archive_query", "fetch_kepler_light_curves", "tess_objects", "threshold_events"]

EXOPLANET_ARCHIVE = "https://exoplanetarchive.ipac.caltech.edu/TAP/sync"
KEPLER_LIGHT_CURVES = "https://archive.stsci.edu/pub/kepler/lightcurves"
EXOFOP_TOI = "https://exofop.ipac.caltech.edu/tess/download_toi.php"

DR25_EVENT_COLUMNS = (
    "kepid", "tce_plnt_num", "tce_period", "tce_time0bk", "tce_duration", "tce_depth",
    "tce_max_mult_ev", "tce_num_transits", "boot_fap", "tce_bin_oedp_stat", "tce_cap_stat",
    "tce_hap_stat", "tce_dicco_msky", "tce_dicco_msky_err", "tce_dikco_msky",
    "tce_dikco_msky_err", "tce_fwm_srao", "tce_fwm_srao_err", "tce_fwm_sdeco",
    "tce_fwm_sdeco_err", "tce_ptemp_stat", "tce_albedo_stat", "tce_maxmes", "tce_model_snr",
    "tce_prad", "tce_steff", "tce_sradius", "tce_rogue_flag",
)  # fmt: skip
"""Columns of ``q1_q17_dr25_tce`` that the released preparation reads."""


def archive_query(adql: str, *, url: str = EXOPLANET_ARCHIVE) -> pd.DataFrame:
    """Ask the NASA Exoplanet Archive a question in ADQL.

    Parameters
    ----------
    adql : str
        For example ``select kepid, koi_period from q1_q17_dr25_koi where koi_period < 1``.
    url : str
        The TAP service.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataNotAvailable
        If the archive does not answer, or refuses the query; its own words are quoted.
    SchemaError
        If what it answers is no table.

    Examples
    --------
    A ``data:`` address stands for the archive here:

    >>> answer = "data:text/csv,kepid,koi_period%0A757450,8.88%0A"
    >>> archive_query("select kepid, koi_period from q1_q17_dr25_koi", url=answer)
        kepid  koi_period
    0  757450        8.88
    """
    return tap_query(url, adql)


def threshold_events(*, url: str = EXOPLANET_ARCHIVE) -> pd.DataFrame:
    """The 34,032 threshold crossing events of DR25, with the columns vetting needs.

    An error of -1 means "no value" in this table; such errors, and the values beside them,
    become NaN.

    Parameters
    ----------
    url : str
        The TAP service.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataNotAvailable, SchemaError
        As :func:`archive_query`.

    Examples
    --------
    A ``data:`` address stands for the archive here; the real table has 34,032 rows:

    >>> row = ["-1" if name.endswith("_err") else "2.5" for name in DR25_EVENT_COLUMNS]
    >>> answer = f"data:text/csv,{','.join(DR25_EVENT_COLUMNS)}%0A{','.join(row)}%0A"
    >>> threshold_events(url=answer)[["tce_period", "tce_dicco_msky"]].values.tolist()
    [[2.5, nan]]
    """
    table = archive_query(f"select {','.join(DR25_EVENT_COLUMNS)} from q1_q17_dr25_tce", url=url)
    for name in [column for column in DR25_EVENT_COLUMNS if column.endswith("_err")]:
        unknown = table[name] == -1
        for column in (name, name.removesuffix("_err")):
            table[column] = table[column].mask(unknown)
    return table


def tess_objects(*, url: str = EXOFOP_TOI) -> pd.DataFrame:
    """The TESS objects of interest of ExoFOP, with their dispositions.

    Parameters
    ----------
    url : str
        The download page.

    Returns
    -------
    DataFrame
        As ExoFOP names its columns.

    Raises
    ------
    DataNotAvailable, SchemaError
        As :func:`archive_query`.

    Examples
    --------
    A ``data:`` address stands for the archive here:

    >>> answer = "data:text/csv,TIC%20ID,TOI,TFOPWG%20Disposition,Comments%0A1,114.01,KP,"
    >>> tess_objects(url=answer)["TFOPWG Disposition"].tolist()
    ['KP']
    """
    table = csv_table(request(url, params={"output": "csv"}), url)
    if "TIC ID" not in table:
        raise SchemaError(f"{url}: expected a column 'TIC ID', found {', '.join(table.columns)}")
    return table


def fetch_kepler_light_curves(
    kic: int, folder: str | os.PathLike[str], *, url: str = KEPLER_LIGHT_CURVES
) -> list[Path]:
    """Download the long-cadence light curves of a Kepler star from MAST.

    Files that are there already are kept.

    Parameters
    ----------
    kic : int
        Number in the Kepler Input Catalog.
    folder : path-like
        Where the files go.
    url : str
        Root of the archive's tree.

    Returns
    -------
    list of pathlib.Path
        One file a quarter, for :meth:`LightCurve.read`.

    Raises
    ------
    DataNotAvailable
        If the archive has no such star, or does not answer.

    Examples
    --------
    A ``data:`` address stands for the archive here:

    >>> import tempfile
    >>> answer = "data:text/html,kplr011442793-2009131105131_llc.fits"
    >>> found = fetch_kepler_light_curves(11442793, tempfile.mkdtemp(), url=answer)
    >>> [path.name for path in found]
    ['kplr011442793-2009131105131_llc.fits']
    """
    number = f"{kic:09d}"
    place = f"{url}/{number[:4]}/{number}"
    listing = request(f"{place}/").decode("utf-8", errors="replace")
    names = sorted(set(re.findall(rf"kplr{number}-\d{{13}}_llc\.fits", listing)))
    if not names:
        raise DataNotAvailable(f"KIC {kic}: no long-cadence light curve at {place}")
    paths = []
    for name in names:
        path = Path(folder) / name
        if not path.exists():
            content = request(f"{place}/{name}")
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        paths.append(path)
    return paths
