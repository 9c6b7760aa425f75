"""Queries of the Gaia archive: which sources there are, and their light curves and spectra."""

from __future__ import annotations

import io
import os
import time
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from xml.etree.ElementTree import Element, ParseError, fromstring

from numpy.typing import ArrayLike

from decan.core.data.remote import csv_table, request
from decan.core.errors import CorruptFile, DataNotAvailable
from decan.core.files import replacing

from .lightcurves import check_source_ids

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["datalink_addresses", "fetch_datalink", "run_query", "unpack", "variable_sources"]

TAP = "https://gea.esac.esa.int/tap-server/tap"
DATALINK = "https://gea.esac.esa.int/data-server/data"
MOST_IDS = 5000
"""Sources that one DataLink call may name."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 20.0


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


def run_query(adql: str, *, timeout_s: float = 1800.0, service: str = TAP) -> pd.DataFrame:
    """All rows that the archive gives to a question, with lower-case columns.

    The question runs as a job of the archive (its asynchronous endpoint). The synchronous
    one, which :func:`decan.core.data.remote.tap_query` asks, ends after 2,000 rows without
    a word.

    Parameters
    ----------
    adql : str
        The question.
    timeout_s : float
        Seconds to wait for the job.
    service : str
        Address of a service of the Table Access Protocol, without ``/sync`` or ``/async``.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataNotAvailable
        If the archive does not answer, refuses the question (its own words are quoted), or
        needs longer.
    SchemaError
        If what it gives is no table.

    References
    ----------
    Universal Worker Service 1.1, IVOA Recommendation (2016), section 2.2.3.

    Examples
    --------
    >>> table = run_query(variable_sources("RR", most=5))  # doctest: +SKIP
    """
    form = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "csv", "PHASE": "RUN", "QUERY": adql}
    answer = _xml(request(f"{service}/async", form=form), service)
    name = answer.findtext("{*}jobId", "").strip()
    if not name:
        raise DataNotAvailable(f"{service}: no job in its answer: {_text(answer)!r}")
    job = f"{service}/async/{urllib.parse.quote(name)}"
    pause, ends = _PAUSE_S, time.monotonic() + timeout_s
    while (phase := request(f"{job}/phase").decode("utf-8", "replace").strip()) != "COMPLETED":
        if phase in ("ERROR", "ABORTED", "HELD"):
            said = _text(_xml(request(f"{job}/error"), service)) if phase == "ERROR" else ""
            raise DataNotAvailable(f"{service}: the job ended as {phase}. {said}".strip())
        if time.monotonic() > ends:
            raise DataNotAvailable(
                f"{job}: still {phase} after {timeout_s:g} s; its result will be there later, or "
                "ask for less at a time"
            )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    table = csv_table(request(f"{job}/results/result", timeout_s=300.0), service)
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
    written = []
    for address in datalink_addresses(source_id, kind=kind, structure=structure):
        # POST: thousands of ids do not fit into the line of a GET.
        place, query = address.split("?", 1)
        content = request(place, form=dict(urllib.parse.parse_qsl(query)), timeout_s=timeout)
        written += unpack(content, folder, source=place)
    return sorted(set(written))


def unpack(content: bytes, folder: str | os.PathLike[str], *, source: str) -> list[Path]:
    """Write the tables of a zip archive into a folder, whatever folders it names itself.

    Parameters
    ----------
    content : bytes
        The archive.
    folder : path-like
        Where the tables go.
    source : str
        Who sent it, for messages.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    CorruptFile
        If it is no zip archive; what it says instead is quoted.

    Examples
    --------
    >>> unpack(b"<html>HTTP Status 500</html>", "curves", source="archive")
    Traceback (most recent call last):
    ...
    decan.core.errors.CorruptFile: archive: sent no zip archive but '<html>HTTP Status 500</html>'
    """
    written = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                if name.endswith("/"):
                    continue
                target = Path(folder) / Path(name).name
                with replacing(target) as temporary:
                    temporary.write_bytes(archive.read(name))
                written.append(target)
    except zipfile.BadZipFile:
        start = content[:200].decode("utf-8", "replace")
        raise CorruptFile(f"{source}: sent no zip archive but {start!r}") from None
    return written


def _xml(body: bytes, service: str) -> Element:
    try:
        return fromstring(body)
    except ParseError:
        start = body[:200].decode("utf-8", "replace")
        raise DataNotAvailable(f"{service}: no job in its answer: {start!r}") from None


def _text(element: Element) -> str:
    """All that a document says, without its tags."""
    return " ".join(" ".join(element.itertext()).split())[:300]
