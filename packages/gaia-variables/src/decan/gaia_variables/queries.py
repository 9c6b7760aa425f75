"""Queries of the Gaia archive: which sources there are, and their light curves and spectra.

Nothing here runs on import; `run_query` needs the extra ``decan-gaia-variables[archive]``.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from numpy.typing import ArrayLike

from decan.core.data.remote import request
from decan.core.errors import CorruptFile, DataNotAvailable
from decan.core.files import replacing

from .lightcurves import check_source_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["datalink_addresses", "fetch_datalink", "run_query", "variable_sources"]

DATALINK = "https://gea.esac.esa.int/data-server/data"
MOST_IDS = 5000
"""Sources that one DataLink call may name."""


def variable_sources(
    class_name: str | None = None,
    *,
    most: int = 2000,
    min_epochs: int = 40,
    need_xp: bool = True,
    release: str = "gaiadr3",
) -> str:
    """ADQL for classified variables with epoch photometry, in random order.

    Parameters
    ----------
    class_name : str, optional
        ``best_class_name`` of the archive's classifier, 'RR' for instance; all if not given.
    most : int
        Rows at most.
    min_epochs : int
        Selected G transits at least.
    need_xp : bool
        Whether an XP spectrum must be there.
    release : str
        Schema of the archive.

    Returns
    -------
    str
        One query; the light curves then come from `fetch_datalink`.

    Raises
    ------
    ValueError
        If the class name holds anything but letters, digits and ``|_+-``.

    Examples
    --------
    >>> print(variable_sources("RR", most=5).splitlines()[0])
    SELECT TOP 5 s.source_id, v.best_class_name, v.best_class_score, s.phot_g_mean_mag,
    """
    if class_name is not None and not all(c.isalnum() or c in "|_+-" for c in class_name):
        raise ValueError(f"class_name: {class_name!r} is no class of the archive")
    conditions = ["s.has_epoch_photometry = 'True'", f"u.num_selected_g_fov >= {int(min_epochs)}"]
    if need_xp:
        conditions.append("s.has_xp_continuous = 'True'")
    if class_name is not None:
        conditions.append(f"v.best_class_name = '{class_name}'")
    return (
        f"SELECT TOP {int(most)} s.source_id, v.best_class_name, v.best_class_score, "
        "s.phot_g_mean_mag,\n  s.bp_rp, s.parallax, u.num_selected_g_fov, u.std_dev_mag_g_fov\n"
        f"FROM {release}.gaia_source AS s\n"
        f"JOIN {release}.vari_classifier_result AS v ON s.source_id = v.source_id\n"
        f"JOIN {release}.vari_summary AS u ON s.source_id = u.source_id\n"
        f"WHERE {' AND '.join(conditions)}\nORDER BY s.random_index"
    )


def run_query(adql: str) -> pd.DataFrame:
    """Result of a query of the archive, with lower-case columns and int64 ids.

    Parameters
    ----------
    adql : str
        The query.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataNotAvailable
        If astroquery is not installed or the archive does not answer.

    Examples
    --------
    >>> table = run_query(variable_sources("RR", most=5))  # doctest: +SKIP
    """
    try:
        from astroquery.gaia import Gaia
    except ImportError as error:
        raise DataNotAvailable(
            "queries need astroquery: pip install 'decan-gaia-variables[archive]'"
        ) from error
    try:
        table = Gaia.launch_job_async(adql).get_results().to_pandas()
    except Exception as error:
        raise DataNotAvailable(f"the Gaia archive did not answer: {error}") from error
    table.columns = [str(name).lower() for name in table.columns]
    return table


def datalink_addresses(
    source_id: ArrayLike,
    *,
    kind: Literal["EPOCH_PHOTOMETRY", "XP_CONTINUOUS"] = "EPOCH_PHOTOMETRY",
    structure: Literal["RAW", "INDIVIDUAL"] = "RAW",
    release: str = "Gaia DR3",
) -> Iterator[str]:
    """Addresses of the archive's DataLink service, for at most 5,000 sources each.

    COMBINED is no longer served (since 2025); it is not offered here.

    Parameters
    ----------
    source_id : array_like of int
        The sources.
    kind : {'EPOCH_PHOTOMETRY', 'XP_CONTINUOUS'}
        What to retrieve.
    structure : {'RAW', 'INDIVIDUAL'}
        One row a source, or one table a source.
    release : str
        Data release, as the service names it.

    Yields
    ------
    str
        Each gives a zip archive of tables.

    Raises
    ------
    ValueError
        If kind or structure is unknown.

    Examples
    --------
    >>> next(datalink_addresses([5])).split("?")[1][:44]
    'ID=Gaia+DR3+5&RETRIEVAL_TYPE=EPOCH_PHOTOMETR'
    """
    if kind not in ("EPOCH_PHOTOMETRY", "XP_CONTINUOUS"):
        raise ValueError(f"kind: 'EPOCH_PHOTOMETRY' or 'XP_CONTINUOUS', found {kind!r}")
    if structure not in ("RAW", "INDIVIDUAL"):
        raise ValueError(f"structure: 'RAW' or 'INDIVIDUAL', found {structure!r}")
    ids = check_source_ids(source_id)
    for begin in range(0, len(ids), MOST_IDS):
        names = ",".join(f"{release} {one}" for one in ids[begin : begin + MOST_IDS])
        query = {
            "ID": names, "RETRIEVAL_TYPE": kind, "FORMAT": "CSV", "DATA_STRUCTURE": structure,
        }  # fmt: skip
        yield f"{DATALINK}?{urllib.parse.urlencode(query)}"


def fetch_datalink(
    source_id: ArrayLike,
    folder: str | os.PathLike[str],
    *,
    kind: Literal["EPOCH_PHOTOMETRY", "XP_CONTINUOUS"] = "EPOCH_PHOTOMETRY",
    structure: Literal["RAW", "INDIVIDUAL"] = "RAW",
    timeout: float = 300.0,
) -> list[Path]:
    """Retrieve light curves or spectra, and unpack the tables into a folder.

    Parameters
    ----------
    source_id : array_like of int
        The sources.
    folder : path-like
        Where the tables go.
    kind, structure
        As :func:`datalink_addresses`.
    timeout : float
        Seconds to wait for an answer.

    Returns
    -------
    list of pathlib.Path
        Tables for `read_epoch_photometry` or `read_xp_continuous`.

    Raises
    ------
    DataNotAvailable
        If the archive does not answer.
    CorruptFile
        If what it sends is no zip archive.

    Examples
    --------
    >>> paths = fetch_datalink([5937083312263887616], "curves")  # doctest: +SKIP
    """
    import io
    import zipfile

    written = []
    for address in datalink_addresses(source_id, kind=kind, structure=structure):
        # POST: thousands of ids do not fit into the line of a GET.
        place, query = address.split("?", 1)
        content = request(place, form=dict(urllib.parse.parse_qsl(query)), timeout_s=timeout)
        try:
            archive = zipfile.ZipFile(io.BytesIO(content))
        except zipfile.BadZipFile:
            start = content[:200].decode("utf-8", "replace")
            raise CorruptFile(f"{place}: sent no zip archive but {start!r}") from None
        for name in archive.namelist():
            if name.endswith("/"):
                continue
            target = Path(folder) / Path(name).name
            with replacing(target) as temporary:
                temporary.write_bytes(archive.read(name))
            written.append(target)
    return sorted(set(written))
