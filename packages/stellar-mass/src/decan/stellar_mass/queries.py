"""Archives asked over the network: SDSS spectra with photometry by SkyServer, AllWISE by TAP.

Queries are plain functions that give plain tables; sentinels are NaN when they arrive. Nothing
here was measured against the live services by the tests, which use recorded answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.remote import csv_table, request, tap_query
from decan.core.errors import SchemaError

from .readers import without_sentinels

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["allwise_query", "match_sky", "sdss_galaxies", "sdss_query", "skyserver"]

SKYSERVER = "https://skyserver.sdss.org/dr17/SkyServerWS/SearchTools/SqlSearch"
IRSA = "https://irsa.ipac.caltech.edu/TAP/sync"
MOST_ROWS = 500_000
PAUSE_SECOND = 1.1
"""SkyServer answers 60 questions a minute."""

_BANDS = ("u", "g", "r", "i", "z")
_PER_BAND = (
    "p.petroMag", "p.petroMagErr", "p.petroFlux", "p.petroR50", "p.petroR90", "p.expAB",
)  # fmt: skip


def sdss_query(
    *, redshift: tuple[float, float] = (0.005, 0.4), r_limit: float = 17.8, top: int | None = None
) -> str:
    """The question for galaxies with spectra, photometry, MPA-JHU masses and WISE.

    Parameters
    ----------
    redshift : (float, float)
        Range, the lower end included.
    r_limit : float
        Faintest dereddened Petrosian r magnitude.
    top : int, optional
        At most so many rows.

    Returns
    -------
    str
        SQL for CasJobs or SkyServer, DR17.

    Raises
    ------
    ValueError
        If the range of redshifts is empty or not positive.

    References
    ----------
    Kauffmann et al. 2003, MNRAS 341, 33; Brinchmann et al. 2004, MNRAS 351, 1151 (masses).

    Examples
    --------
    >>> "p.petroMag_r" in sdss_query(), sdss_query(top=10).startswith("SELECT TOP 10 ")
    (True, True)
    """
    low, high = redshift
    if not 0 < low < high:
        raise ValueError(f"redshift: {redshift} is no range of positive redshifts")
    bands = ", ".join(f"{name}_{band}" for name in _PER_BAND for band in _BANDS)
    limit = f"TOP {top} " if top else ""
    return (
        f"SELECT {limit}p.objID, s.specObjID, p.ra, p.dec, s.z, s.zErr, p.run, p.rerun, p.camcol, "
        f"p.field, p.rowc_r, p.colc_r, {bands}, p.extinction_r, p.extinction_r/2.285 AS EBV, "
        "e.lgm_tot_p16, e.lgm_tot_p50, e.lgm_tot_p84, e.specsfr_tot_p50, e.bptclass, "
        "w.w1mpro, w.w1sigmpro, w.w2mpro, w.w2sigmpro, w.w3mpro, w.w3sigmpro, w.w3snr "
        "FROM SpecObj s JOIN PhotoObj p ON p.objID = s.bestObjID "
        "JOIN galSpecExtra e ON e.specObjID = s.specObjID "
        "JOIN wise_xmatch x ON x.sdss_objid = p.objID JOIN wise_allsky w ON w.cntr = x.wise_cntr "
        f"WHERE s.class='GALAXY' AND s.zWarning=0 AND s.z >= {low:g} AND s.z < {high:g} "
        f"AND p.petroMag_r - p.extinction_r <= {r_limit:g} AND e.lgm_tot_p50 > 0"
    )


def skyserver(sql: str, *, url: str = SKYSERVER, timeout_s: float = 600.0) -> pd.DataFrame:
    """Rows that SkyServer gives to a question, sentinels as NaN.

    Parameters
    ----------
    sql : str
        The question.
    url : str
        Address of the search tool.
    timeout_s : float
        Longest silence of the service, in seconds.

    Returns
    -------
    DataFrame
        Columns as asked for; -9999, 9999 and the like are NaN.

    Raises
    ------
    DataNotAvailable
        If the service does not answer, or refuses; its own words are quoted.
    SchemaError
        If what it answers is no table.

    Examples
    --------
    A ``data:`` address stands for the service here:

    >>> skyserver("select ...", url="data:text/csv,%23Table1%0Az,w3mpro%0A0.1,9999%0A")
         z  w3mpro
    0  0.1     NaN
    """
    parameters = None if url.startswith("data:") else {"cmd": sql, "format": "csv"}
    table = csv_table(request(url, params=parameters, timeout_s=timeout_s), url[:60])
    return without_sentinels(table)


def sdss_galaxies(
    *,
    redshift: tuple[float, float] = (0.005, 0.4),
    r_limit: float = 17.8,
    slices: int = 40,
    url: str = SKYSERVER,
    progress: bool = True,
) -> pd.DataFrame:
    """The whole sample of the paper, asked for in slices of redshift.

    Parameters
    ----------
    redshift, r_limit
        As in :func:`sdss_query`.
    slices : int
        Questions; a slice that reaches the service's limit of rows is refused, not cut.
    url : str
        Address of the search tool.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataNotAvailable
        If the service does not answer.
    SchemaError
        If an answer is no table, or has as many rows as the service gives at most.

    Examples
    --------
    >>> sdss_galaxies(slices=1, url="data:text/csv,z,lgm_tot_p50%0A0.1,10.5%0A", progress=False)
         z  lgm_tot_p50
    0  0.1         10.5
    """
    import pandas as pd
    from tqdm.auto import tqdm

    edges = np.linspace(*redshift, slices + 1)
    parts: list[pd.DataFrame] = []
    for low, high in tqdm(_pairs(edges), total=slices, disable=not progress, unit="slice"):
        if parts:
            time.sleep(PAUSE_SECOND)
        part = skyserver(sdss_query(redshift=(low, high), r_limit=r_limit), url=url)
        if len(part) >= MOST_ROWS:
            raise SchemaError(
                f"{url}: {len(part):,} rows between redshift {low:.3f} and {high:.3f}, as many as "
                "the service gives at most; take more slices"
            )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def allwise_query(
    ra_deg: float, dec_deg: float, radius_arcsec: float, *, url: str = IRSA
) -> pd.DataFrame:
    """AllWISE sources near a position, Vega magnitudes; a source without error is a limit.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Position, degrees, ICRS.
    radius_arcsec : float
        Search radius.
    url : str
        TAP service.

    Returns
    -------
    DataFrame
        ``ra``, ``dec``, ``w1mpro`` ... ``w3mpro``, ``w1sigmpro`` ..., and ``w1_limit`` ...: True
        where the magnitude is an upper limit of 95 %, whose value is then NaN.

    Raises
    ------
    DataNotAvailable
        If the service does not answer.
    SchemaError
        If what it answers is no table.

    References
    ----------
    Cutri et al. 2013, Explanatory Supplement to the AllWISE Data Release Products.

    Examples
    --------
    >>> answer = "data:text/csv,ra,dec,w3mpro,w3sigmpro%0A10,1,12.5,%0A"
    >>> allwise_query(10, 1, 3, url=answer)[["w3mpro", "w3_limit"]]
       w3mpro  w3_limit
    0     NaN      True
    """
    columns = ", ".join(f"w{b}mpro, w{b}sigmpro" for b in (1, 2, 3))
    adql = (
        f"SELECT ra, dec, {columns} FROM allwise_p3as_psd WHERE CONTAINS(POINT('ICRS', ra, dec), "
        f"CIRCLE('ICRS', {ra_deg:.7f}, {dec_deg:.7f}, {radius_arcsec / 3600:.7f})) = 1"
    )
    table = without_sentinels(tap_query(url, adql))
    for band in ("w1", "w2", "w3"):
        if f"{band}mpro" in table:
            limit = table[f"{band}sigmpro"].isna() & table[f"{band}mpro"].notna()
            table[f"{band}_limit"] = limit
            table[f"{band}mpro"] = table[f"{band}mpro"].where(~limit)
    return table


def match_sky(
    ra_deg: ArrayLike,
    dec_deg: ArrayLike,
    other_ra_deg: ArrayLike,
    other_dec_deg: ArrayLike,
    radius_arcsec: float,
) -> NDArray[np.int64]:
    """Row of the nearest object of another table within a radius, -1 where there is none.

    Parameters
    ----------
    ra_deg, dec_deg : array_like, shape (n,)
        Positions, degrees.
    other_ra_deg, other_dec_deg : array_like, shape (m,)
        Positions of the other table.
    radius_arcsec : float
        Largest distance.

    Returns
    -------
    ndarray of int64, shape (n,)
        No object of the other table is given twice: of several, the nearest keeps it.

    Examples
    --------
    >>> match_sky([10.0, 20.0], [0.0, 0.0], [10.0001], [0.0], 1.0)
    array([ 0, -1])
    """
    from scipy.spatial import cKDTree

    def vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
        a, d = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
        return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)

    chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
    tree: Any = cKDTree(vectors(other_ra_deg, other_dec_deg))
    distance, row = tree.query(vectors(ra_deg, dec_deg), distance_upper_bound=chord)
    out = np.full(len(row), -1, dtype=np.int64)
    taken: set[int] = set()
    for index in np.argsort(distance):
        if np.isfinite(distance[index]) and int(row[index]) not in taken:
            out[index] = row[index]
            taken.add(int(row[index]))
    return out


def _pairs(edges: Sequence[float] | NDArray[np.float64]) -> Iterator[tuple[float, float]]:
    for low, high in pairwise(edges):
        yield float(low), float(high)
