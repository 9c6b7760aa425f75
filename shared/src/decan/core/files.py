"""Whole files or none: written beside the target and moved into place, read or refused."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decan.core.errors import CorruptFile, DataNotAvailable, DecanError

__all__ = ["existing", "reading", "replacing", "sha256_of"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside the target and move it into place on success.

    A reader, or a run that is interrupted, sees the old file or the new one and
    never a part of it. On an exception the temporary file is removed and the
    target stays as it was.

    Parameters
    ----------
    path : path-like
        The file to write. Missing parent folders are made.

    Yields
    ------
    pathlib.Path
        The path to write to. It ends like the target, so that writers which
        choose a format by suffix choose the right one.

    Raises
    ------
    OSError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "notes.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "notes.txt").read_text()
    'whole'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".part" + target.suffix, dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp gives 0600; a finished file gets what the user's umask allows.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def existing(path: str | os.PathLike[str]) -> Path:
    """Path of a file that is there.

    Parameters
    ----------
    path : path-like
        What should be a file.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataNotAvailable
        If there is no such file, or a folder of that name.

    Examples
    --------
    >>> existing("nowhere.fits")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: nowhere.fits: no such file
    """
    file = Path(path)
    if file.is_dir():
        raise DataNotAvailable(f"{file}: a folder, expected a file")
    if not file.is_file():
        raise DataNotAvailable(f"{file}: no such file")
    return file


@contextmanager
def reading(path: str | os.PathLike[str], what: str) -> Iterator[Path]:
    """Read a file by someone else's code: whatever goes wrong names the file, in one line.

    A spoilt file makes a parser raise anything, from KeyError to MemoryError. Errors of
    decan pass through as they are; every other one becomes a :class:`CorruptFile`, with the
    original as its cause.

    Parameters
    ----------
    path : path-like
        The file.
    what : str
        What it should be, for the message: "light curve", "response".

    Yields
    ------
    pathlib.Path
        The file, which exists.

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "period.txt"
    >>> _ = path.write_text("3.2 days")
    >>> with reading(path, "period") as file:
    ...     float(file.read_text())
    Traceback (most recent call last):
    ...
    decan.core.errors.CorruptFile: ...period.txt: not a readable period (could not convert ...)
    """
    file = existing(path)
    try:
        yield file
    except DecanError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CorruptFile(f"{file}: not a readable {what} ({reason})") from error


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file, read in blocks.

    Parameters
    ----------
    path : path-like
        An existing file of any size.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty"
    >>> path.touch()
    >>> sha256_of(path)[:8]
    'e3b0c442'
    """
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
