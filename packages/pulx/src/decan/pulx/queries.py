"""Archives asked over the network: a changed column is named before anything is asked.

Nothing here runs unless it is called; the release is kept with every result, because 4XMM
changes fluxes and source numbers from one release to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.remote import request, tap_query
from decan.core.errors import DataNotAvailable, SchemaError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = [
    "VIZIER_TABLES",
    "adql_4xmm",
    "catalogue_url",
    "events_url",
    "heasarc_query",
    "missing_columns",
    "query_4xmm_around",
    "query_observations",
    "query_xmm_exposures",
    "vizier_table",
]

HEASARC_TAP = "https://heasarc.gsfc.nasa.gov/xamin/vo/tap/sync"
XSA_TAP = "https://nxsa.esac.esa.int/tap-server/tap/sync"
VIZIER_TAP = "https://tapvizier.cds.unistra.fr/TAPVizieR/tap/sync"
VIZIER_TABLES = {
    "walton2022": "J/MNRAS/509/1587",
    "earnshaw2019": "J/MNRAS/483/5554",
    "kovlakas2020": "J/MNRAS/498/4790",
    "bernadich2022": "J/A+A/659/A188",
    "hecate": "J/MNRAS/506/1896",
}
"""Catalogues of ultraluminous sources and their hosts at VizieR, by short name."""

_MASTERS = {
    "chandra": ("chanmaster", "exposure"),
    "nicer": ("nicermastr", "exposure"),
    "nustar": ("numaster", "exposure_a"),
    "swift": ("swiftmastr", "xrt_exposure"),
    "xmm": ("xmmmaster", "duration"),
}
_XSA_COLUMNS = {
    "xsa.v_public_observations": (
        "observation_id", "ra", "dec", "target", "start_utc", "duration",
    ),
    "xsa.v_exposure": ("observation_id", "instrument", "mode_friendly_name", "duration"),
}  # fmt: skip
_COLUMNS_4XMM = (
    "srcid", "detid", "obsid", "ra", "dec",
    "ep_1_flux", "ep_2_flux", "ep_3_flux", "ep_4_flux", "ep_5_flux", "ep_8_flux",
    "ep_8_flux_error", "ep_hr1", "ep_hr2", "ep_hr3", "ep_hr4", "var_flag", "sum_flag",
)  # fmt: skip


def catalogue_url(release: str = "DR14") -> str:
    """Address of the full catalogue of detections of one release of 4XMM.

    Parameters
    ----------
    release : str
        'DR9' to 'DR14'.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the release is not one of 4XMM.

    Examples
    --------
    >>> catalogue_url("DR13")
    'http://xmmssc.irap.omp.eu/Catalogue/4XMM-DR13/4XMM_DR13cat_v1.0.fits.gz'
    """
    known = [f"DR{number}" for number in range(9, 15)]
    if release not in known:
        raise ValueError(f"release {release!r}: expected one of {', '.join(known)}")
    return f"http://xmmssc.irap.omp.eu/Catalogue/4XMM-{release}/4XMM_{release}cat_v1.0.fits.gz"


def events_url(obsid: str, *, camera: str = "pn", level: str = "PPS") -> str:
    """Address of the imaging event lists of an XMM-Newton observation.

    Parameters
    ----------
    obsid : str
        Ten digits.
    camera : {'pn', 'mos'}
        Which camera.
    level : {'PPS', 'ODF'}
        Processed or raw.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the observation has not ten digits or the camera is another word.

    Examples
    --------
    >>> events_url("0791010101").split("?")[1]
    'obsno=0791010101&level=PPS&name=PIEVLI'
    """
    names = {"pn": "PIEVLI", "mos": "MIEVLI"}
    if not (len(obsid) == 10 and obsid.isdigit()) or camera not in names:
        raise ValueError(f"obsid {obsid!r}, camera {camera!r}: expected ten digits and pn or mos")
    base = "https://nxsa.esac.esa.int/nxsa-sl/servlet/data-action-aio"
    query = f"obsno={obsid}&level={level}"
    return f"{base}?{query}" + (f"&name={names[camera]}" if level == "PPS" else "")


def adql_4xmm(ra_deg: float, dec_deg: float, radius_arcsec: float = 15.0) -> str:
    """Query for the detections of 4XMM around a position at HEASARC.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Position.
    radius_arcsec : float
        Radius.

    Returns
    -------
    str

    Examples
    --------
    >>> adql_4xmm(10.0, -5.0).split("WHERE")[0][-12:]
    'FROM xmmssc '
    """
    circle = f"CIRCLE('ICRS', {ra_deg:.8g}, {dec_deg:.8g}, {radius_arcsec / 3600:.6g})"
    return (
        f"SELECT {', '.join(_COLUMNS_4XMM)} FROM xmmssc "
        f"WHERE CONTAINS(POINT('ICRS', ra, dec), {circle}) = 1"
    )


def missing_columns(wanted: ArrayLike, present: ArrayLike) -> list[str]:
    """Columns that a table at an archive should have and has not.

    Parameters
    ----------
    wanted, present : array_like of str
        Names; case does not count.

    Returns
    -------
    list of str

    Examples
    --------
    >>> missing_columns(["srcid", "ep_8_flux"], ["SRCID", "EP_9_FLUX"])
    ['ep_8_flux']
    """
    have = {str(name).strip('"').lower() for name in np.asarray(present).ravel()}
    return [str(name) for name in np.asarray(wanted).ravel() if str(name).lower() not in have]


def query_4xmm_around(
    ra_deg: ArrayLike, dec_deg: ArrayLike, *, names: ArrayLike | None = None,
    radius_arcsec: float = 15.0,
) -> pd.DataFrame:  # fmt: skip
    """Detections of 4XMM around positions, after the columns were checked.

    Parameters
    ----------
    ra_deg, dec_deg : array_like, shape (n,)
        Positions.
    names : array_like of str, shape (n,), optional
        Kept in a column ``name``.
    radius_arcsec : float
        Radius.

    Returns
    -------
    pandas.DataFrame
        With the column names of 4XMM in capitals where features need them;
        ``attrs["release"]`` is the archive's description of its table.

    Raises
    ------
    DataNotAvailable
        If the archive does not answer.
    SchemaError
        If the archive's table has lost a column that is needed; it is named.

    Examples
    --------
    >>> query_4xmm_around([10.0], [0.0])  # doctest: +SKIP
    """
    import pandas as pd

    described = heasarc_query(
        "SELECT description FROM tap_schema.tables WHERE table_name = 'xmmssc'"
    )
    release = str(described.iloc[0, 0]) if len(described) else "unknown"
    _check_heasarc("xmmssc", _COLUMNS_4XMM, f"; its release is now {release!r}: download a "
                   f"pinned one, {catalogue_url()}")  # fmt: skip
    rows: list[Any] = []
    labels = np.asarray(names if names is not None else np.arange(np.size(ra_deg)))
    for ra, dec, name in zip(np.ravel(ra_deg), np.ravel(dec_deg), labels, strict=True):
        rows.append(heasarc_query(adql_4xmm(ra, dec, radius_arcsec)).assign(name=name))
    table = pd.concat(rows, ignore_index=True)
    renamed = {c: c.upper() for c in table if c.startswith(("ep_", "var_", "sum_"))}
    table = table.rename(columns={**renamed, "ep_8_flux_error": "EP_8_FLUX_ERR"})
    table.attrs["release"] = release
    return table


def heasarc_query(adql: str) -> pd.DataFrame:
    """Rows that HEASARC gives to a question; it answers as VOTable, also when it refuses.

    Parameters
    ----------
    adql : str
        The question. ``time`` is a word of the language and must be quoted.

    Returns
    -------
    pandas.DataFrame
        With names of columns in lower case.

    Raises
    ------
    DataNotAvailable
        If the archive does not answer, or refuses; its own words are quoted.
    SchemaError
        If what it answers is no table.

    Examples
    --------
    >>> heasarc_query("SELECT TOP 1 obsid FROM nicermastr")  # doctest: +SKIP
    """
    form = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "votable", "QUERY": adql}
    return votable_rows(request(HEASARC_TAP, form=form), "HEASARC")


def votable_rows(body: bytes, archive: str) -> pd.DataFrame:
    """Rows of a VOTable, or the words in which an archive refuses inside of one."""
    import io
    import warnings

    from astropy.io.votable import parse

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # units and names that the standard does not know
        try:
            document = parse(io.BytesIO(body), verify="ignore")
        except (ValueError, IndexError) as error:
            start = " ".join(body[:200].decode("utf-8", errors="replace").split())
            raise SchemaError(f"{archive}: expected a VOTable, found: {start}") from error
        for info in (info for resource in document.resources for info in resource.infos):
            if info.name == "QUERY_STATUS" and info.value == "ERROR":
                raise DataNotAvailable(f"{archive}: {' '.join(str(info.content).split())}")
        table = document.get_first_table().to_table(use_names_over_ids=True)
    frame = table.to_pandas()
    return frame.rename(columns={name: str(name).lower() for name in frame})


def query_observations(mission: str, ra_deg: float, dec_deg: float, *, radius_arcmin: float = 6.0,
                       ) -> pd.DataFrame:  # fmt: skip
    """Observations of a mission around a position, from the master tables of HEASARC.

    Parameters
    ----------
    mission : {'chandra', 'nicer', 'nustar', 'swift', 'xmm'}
        Whose observations.
    ra_deg, dec_deg : float
        Position.
    radius_arcmin : float
        Radius.

    Returns
    -------
    pandas.DataFrame
        ``obsid``, ``name``, ``ra``, ``dec``, ``exposure_s``, longest first.

    Raises
    ------
    DataNotAvailable
        If the archive does not answer.
    SchemaError
        If its table has lost a column; it is named.
    ValueError
        If the mission is another word.

    Examples
    --------
    >>> query_observations("asca", 10.0, 0.0)
    Traceback (most recent call last):
    ...
    ValueError: mission 'asca': expected one of chandra, nicer, nustar, swift, xmm
    """
    if mission not in _MASTERS:
        raise ValueError(f"mission {mission!r}: expected one of {', '.join(_MASTERS)}")
    table, exposure = _MASTERS[mission]
    columns = ("obsid", "name", "ra", "dec", exposure)
    _check_heasarc(table, columns)
    circle = f"CIRCLE('ICRS', {ra_deg:.8g}, {dec_deg:.8g}, {radius_arcmin / 60:.6g})"
    rows = heasarc_query(
        f"SELECT {', '.join(columns)} FROM {table} "
        f"WHERE CONTAINS(POINT('ICRS', ra, dec), {circle}) = 1"
    ).rename(columns={exposure: "exposure_s"})
    rows["obsid"] = rows["obsid"].astype(str).str.strip()
    return rows.sort_values("exposure_s", ascending=False).reset_index(drop=True)


def query_xmm_exposures(
    ra_deg: float, dec_deg: float, *, radius_arcmin: float = 13.0, instrument: str = "EPN"
) -> pd.DataFrame:
    """Public exposures of one camera of XMM-Newton around a position, from the XSA.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Position.
    radius_arcmin : float
        Radius around the pointing; 13 arcmin is within the field of pn.
    instrument : {'EPN', 'EMOS1', 'EMOS2'}
        The camera.

    Returns
    -------
    pandas.DataFrame
        ``observation_id`` (ten digits, for :func:`events_url`), ``target``, ``ra``, ``dec``
        of the pointing, ``start_utc``, ``mode_friendly_name`` (which sets the frame time) and
        ``duration_s`` of the exposure; longest first.

    Raises
    ------
    DataNotAvailable
        If the archive does not answer.
    SchemaError
        If its tables have lost a column; it is named.

    Examples
    --------
    >>> query_xmm_exposures(13.77, -37.69)  # doctest: +SKIP
    """
    for name, columns in _XSA_COLUMNS.items():
        present = tap_query(
            XSA_TAP, f"SELECT column_name FROM tap_schema.columns WHERE table_name = '{name}'"
        )
        if lost := missing_columns(columns, present["column_name"]):
            raise SchemaError(f"{name} at the XSA lacks column {lost[0]!r} ({len(lost)} in all)")
    circle = f"CIRCLE('ICRS', {ra_deg:.8g}, {dec_deg:.8g}, {radius_arcmin / 60:.6g})"
    rows = tap_query(
        XSA_TAP,
        "SELECT o.observation_id, o.target, o.ra, o.dec, o.start_utc, e.mode_friendly_name, "
        "e.duration AS duration_s FROM xsa.v_public_observations AS o "
        "JOIN xsa.v_exposure AS e ON e.observation_id = o.observation_id "
        f"WHERE e.instrument = '{instrument}' "
        f"AND 1 = CONTAINS(POINT('ICRS', o.ra, o.dec), {circle})",
    )
    # Read as a number, an identifier loses its zeros.
    rows["observation_id"] = [f"{int(number):010d}" for number in rows["observation_id"]]
    return rows.sort_values("duration_s", ascending=False).reset_index(drop=True)


def _check_heasarc(table: str, columns: tuple[str, ...], advice: str = "") -> None:
    present = heasarc_query(
        f"SELECT column_name FROM tap_schema.columns WHERE table_name = '{table}'"
    )
    if lost := missing_columns(columns, present["column_name"]):
        raise SchemaError(
            f"{table} at HEASARC lacks column {lost[0]!r} ({len(lost)} in all){advice}"
        )


def vizier_table(name: str, *, limit: int = 0) -> pd.DataFrame:
    """Main table of one of the catalogues of ultraluminous sources.

    Parameters
    ----------
    name : str
        A key of :data:`VIZIER_TABLES`, or a VizieR name.
    limit : int
        Most rows; 0 for all.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataNotAvailable
        If the archive does not answer, or has no such table.

    Examples
    --------
    >>> VIZIER_TABLES["hecate"]
    'J/MNRAS/506/1896'
    """
    catalogue = VIZIER_TABLES.get(name, name)
    tables = tap_query(
        VIZIER_TAP,
        f"SELECT table_name FROM tap_schema.tables WHERE table_name LIKE '{catalogue}/%'",
    )
    if len(tables) == 0:
        raise DataNotAvailable(
            f"VizieR has no table of {catalogue}; known here: {', '.join(VIZIER_TABLES)}"
        )
    top = f"TOP {limit} " if limit else ""
    return tap_query(VIZIER_TAP, f'SELECT {top}* FROM "{str(tables.iloc[0, 0]).strip(chr(34))}"')
