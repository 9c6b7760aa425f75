"""Questions to public archives, asked with patience and answered in full or not at all.

An archive that is busy is asked again; one that refuses is quoted in its own words; a page
in place of a table is shown, and never read as one. ``DECAN_OFFLINE=1`` forbids the network.
"""

from __future__ import annotations

import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING

from decan.core.data.columns import series
from decan.core.data.text_tables import read_separated
from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_table", "request", "tap_query"]

ATTEMPTS = 3
PAUSE_SECOND = 1.0


def request(
    url: str,
    *,
    params: Mapping[str, object] | None = None,
    form: Mapping[str, object] | None = None,
    timeout_s: float = 60.0,
) -> bytes:
    """Body of an archive's answer.

    A cut connection, a body shorter than announced and an answer of 429 or 5xx are tried
    again after a pause that doubles; every other refusal is final.

    Parameters
    ----------
    url : str
        Address.
    params : mapping of str to object, optional
        Appended to the address as its query.
    form : mapping of str to object, optional
        Sent as a form (POST), which holds questions too long for an address.
    timeout_s : float
        Longest silence of the archive, in seconds.

    Returns
    -------
    bytes

    Raises
    ------
    DataNotAvailable
        If the archive does not answer, or refuses; its own words are quoted.

    Examples
    --------
    A ``data:`` address stands for the archive here:

    >>> request("data:text/plain,fine")
    b'fine'
    """
    if os.environ.get("DECAN_OFFLINE", "0") not in ("", "0") and not url.startswith("data:"):
        raise DataNotAvailable(f"{url}: DECAN_OFFLINE forbids the network")
    address = f"{url}?{urllib.parse.urlencode(params)}" if params else url
    content = urllib.parse.urlencode(form).encode("ascii") if form else None
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECOND * 2.0 ** (attempt - 1))
        try:
            with urllib.request.urlopen(address, content, timeout=timeout_s) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            problem = f"HTTP {error.code}: {_words(error.read())}"
            if error.code < 500 and error.code != 429:
                break
        except (OSError, http.client.HTTPException) as error:
            problem = f"no answer ({getattr(error, 'reason', error)})"
    raise DataNotAvailable(f"{url}: {problem}")


def tap_query(service: str, adql: str, *, timeout_s: float = 60.0) -> pd.DataFrame:
    """Rows that a service of the Table Access Protocol gives to a question.

    Parameters
    ----------
    service : str
        Address of its synchronous endpoint, which often ends in ``/sync``.
    adql : str
        The question.
    timeout_s : float
        Longest silence of the service, in seconds.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataNotAvailable
        If the service does not answer, or refuses the question; its own words are quoted.
    SchemaError
        If what it answers is no table.

    References
    ----------
    Table Access Protocol 1.1, IVOA Recommendation (2019), section 2.

    Examples
    --------
    A ``data:`` address stands for the service here:

    >>> tap_query("data:text/csv,kepid,koi_period%0A757450,8.88%0A", "select …")
        kepid  koi_period
    0  757450        8.88
    """
    form = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "csv", "QUERY": adql}
    return csv_table(request(service, form=form, timeout_s=timeout_s), service)


def csv_table(body: bytes, source: str) -> pd.DataFrame:
    """Table in an archive's answer; lines before its header that begin with ``#`` are comments.

    Ids of nineteen digits survive, also where some are absent.

    Parameters
    ----------
    body : bytes
        The answer.
    source : str
        Who gave it, for messages.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    SchemaError
        If it is no table; what it says instead is quoted.

    Examples
    --------
    >>> csv_table(b"<html><h1>Down for maintenance</h1></html>", "archive")
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: archive: expected a table, found: Down for maintenance
    """
    import pandas as pd

    head = body[:200].lstrip().lower()
    if head.startswith((b"<", b"error")):
        raise SchemaError(f"{source}: expected a table, found: {_words(body)}")
    try:
        columns = read_separated(body, "the answer", ",")
    except CorruptFile as error:
        raise SchemaError(f"{source}: expected a CSV table, but {error}") from error
    return pd.DataFrame({column.name: series(column)[0] for column in columns})


def _words(body: bytes) -> str:
    """What a page says, without its tags."""
    text = re.sub(r"<[^>]*>", " ", body.decode("utf-8", errors="replace"))
    return " ".join(text.split())[:300]
