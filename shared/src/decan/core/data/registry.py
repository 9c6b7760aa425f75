"""Data sets by name: what they are, where they come from, and the proof that they are whole.

A library states its data once, as a :class:`Registry` of :class:`DataSet`. A file
is looked for in ``$DECAN_DATA/<library>/``, then in the cache
(``$DECAN_CACHE/<library>/``, or decan's folder of the operating system's cache),
then downloaded into the cache. Its size and SHA-256 are checked wherever it is
found. ``DECAN_OFFLINE=1`` forbids the network.
"""

from __future__ import annotations

import difflib
import glob
import html
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from decan.core.data.download import download
from decan.core.errors import DataNotAvailable, IntegrityError
from decan.core.files import sha256_of

__all__ = ["DataSet", "File", "Registry"]


@dataclass(frozen=True)
class File:
    """One file of a data set: its name, the proof of its bytes, and who has it.

    Parameters
    ----------
    name : str
        Path relative to the library's data folder, with forward slashes.
    sha256 : str
        64 hexadecimal digits. Not optional: a file that cannot be verified is no data.
    size : int
        In bytes.
    sources : tuple of str
        Addresses (``https://…``, ``ftp://…``, ``doi:…``) or
        ``wheel:NAME==VERSION!PATH``, tried in this order. Empty where an archive
        gives the file only by hand; the data set's ``hint`` then says how.

    Raises
    ------
    ValueError
        If the name leaves the data folder, the hash is no SHA-256, or the size is not positive.

    Examples
    --------
    >>> File("koi.csv", "e3b0c442" * 8, 120, sources=("https://archive.example/koi.csv",)).name
    'koi.csv'
    """

    name: str
    sha256: str
    size: int
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        if not self.name or path.is_absolute() or ".." in path.parts or "\\" in self.name:
            raise ValueError(f"name {self.name!r} is not a path inside the data folder")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.name}: sha256 must be 64 lower-case hexadecimal digits")
        if self.size <= 0:
            raise ValueError(f"{self.name}: size must be positive, found {self.size}")
        if isinstance(self.sources, str):
            raise TypeError(f"{self.name}: sources must be a tuple of strings, not one string")


@dataclass(frozen=True)
class DataSet:
    """A named data set: its files, licence and citation, and how it is read.

    Parameters
    ----------
    name : str
        Short name, the one that commands take.
    title : str
        One line for people.
    files : tuple of File
        In the order in which ``read`` takes their paths.
    licence : str
        Licence or status.
    citation : str
        What to cite.
    read : callable, optional
        ``read(*paths)`` returns the data as plain tables or arrays.
    hint : str
        Which archive or command gives the files when no source does.

    Raises
    ------
    ValueError
        If there is no file, or a file is named twice.

    Examples
    --------
    >>> koi = File("koi.csv", "e3b0c442" * 8, 120)
    >>> DataSet("koi", "Kepler objects of interest", (koi,), "public", "Thompson et al. 2018").size
    120
    """

    name: str
    title: str
    files: tuple[File, ...]
    licence: str
    citation: str
    read: Callable[..., Any] | None = None
    hint: str = ""

    def __post_init__(self) -> None:
        if not self.files:
            raise ValueError(f"{self.name}: a data set needs at least one file")
        if len({file.name for file in self.files}) < len(self.files):
            raise ValueError(f"{self.name}: a file is named twice")

    @property
    def size(self) -> int:
        """Size of all files together, in bytes."""
        return sum(file.size for file in self.files)


class Registry:
    """The data sets of one library, found at hand or downloaded, always verified.

    Parameters
    ----------
    library : str
        Short name of the library, with hyphens; also the name of its data folder.
    datasets : iterable of DataSet
        Their names must differ.

    Raises
    ------
    ValueError
        If two data sets have the same name.

    Examples
    --------
    >>> koi = File("koi.csv", "e3b0c442" * 8, 120)
    >>> koi = DataSet("koi", "Kepler objects of interest", (koi,), "public", "Thompson et al. 2018")
    >>> registry = Registry("transits", [koi])
    >>> registry
    Registry('transits', ['koi'])
    >>> registry["koi"].title
    'Kepler objects of interest'
    """

    def __init__(self, library: str, datasets: Iterable[DataSet]) -> None:
        self.library = library
        self._datasets: dict[str, DataSet] = {}
        for dataset in datasets:
            if dataset.name in self._datasets:
                raise ValueError(f"{library}: two data sets are named {dataset.name!r}")
            self._datasets[dataset.name] = dataset

    def names(self) -> list[str]:
        """Names of the data sets, in the order in which they were stated.

        Returns
        -------
        list of str
            Each is valid in ``registry[name]``.

        Examples
        --------
        >>> Registry("transits", []).names()
        []
        """
        return list(self._datasets)

    def where(self, name: str) -> Path | list[Path] | None:
        """Place of a data set that is already at hand; never touches the network.

        Parameters
        ----------
        name : str
            A name of this registry.

        Returns
        -------
        pathlib.Path, list of pathlib.Path or None
            A path for a data set of one file, a list for several, None if a file
            is missing (or, in the cache, spoilt).

        Raises
        ------
        DataNotAvailable
            If the registry has no such data set.
        IntegrityError
            If a file in ``DECAN_DATA`` differs from what the registry promises.

        Examples
        --------
        >>> koi = DataSet("koi", "KOIs", (File("koi.csv", "e3b0c442" * 8, 120),), "public", "")
        >>> Registry("no-such-library", [koi]).where("koi") is None
        True
        """
        found = [self._at_hand(file) for file in self[name].files]
        paths = [path for path in found if path is not None]
        return _one_or_all(paths) if len(paths) == len(found) else None

    def fetch(self, name: str, *, progress: bool = True) -> Path | list[Path]:
        """Place of a data set, downloaded where it is not at hand.

        Parameters
        ----------
        name : str
            A name of this registry.
        progress : bool
            Whether a transfer that takes longer than a second shows a bar.

        Returns
        -------
        pathlib.Path or list of pathlib.Path
            A path for a data set of one file, a list for several.

        Raises
        ------
        DataNotAvailable
            If a file is neither at hand nor given by a source; the message says
            why each source failed and how to get the file.
        IntegrityError
            If a file in ``DECAN_DATA`` differs from what the registry promises.

        Examples
        --------
        >>> registry = Registry("transits", [])
        >>> registry.fetch("kio")
        Traceback (most recent call last):
        ...
        decan.core.errors.DataNotAvailable: transits has no data set 'kio'; it has: none
        """
        return _one_or_all(self._fetch_all(self[name], progress))

    def load(self, name: str) -> Any:
        """Contents of a data set: its ``read`` function on the paths of its files.

        Parameters
        ----------
        name : str
            A name of this registry.

        Returns
        -------
        object
            What ``read`` returns.

        Raises
        ------
        DataNotAvailable, IntegrityError
            As :meth:`fetch`.
        TypeError
            If the data set has no ``read`` function.

        Examples
        --------
        >>> Registry("transits", []).load("koi")
        Traceback (most recent call last):
        ...
        decan.core.errors.DataNotAvailable: transits has no data set 'koi'; it has: none
        """
        dataset = self[name]
        if dataset.read is None:
            raise TypeError(f"{self.library}/{name} has no read function; use fetch({name!r})")
        return dataset.read(*self._fetch_all(dataset, progress=True))

    def __getitem__(self, name: str) -> DataSet:
        if name in self._datasets:
            return self._datasets[name]
        near = difflib.get_close_matches(name, self._datasets, n=1)
        raise DataNotAvailable(
            f"{self.library} has no data set {name!r}"
            + (f" (did you mean {near[0]!r}?)" if near else "")
            + f"; it has: {', '.join(self._datasets) or 'none'}"
        )

    def __contains__(self, name: object) -> bool:
        return name in self._datasets

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)

    def __repr__(self) -> str:
        return f"Registry({self.library!r}, {self.names()!r})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(d.name)}</td><td>{html.escape(d.title)}</td>"
            f"<td>{d.size / 1e6:.1f} MB</td><td>{html.escape(d.licence)}</td></tr>"
            for d in self._datasets.values()
        )
        head = "<tr><th>name</th><th>title</th><th>size</th><th>licence</th></tr>"
        return f"<table><caption>{html.escape(self.library)}</caption>{head}{rows}</table>"

    def _at_hand(self, file: File) -> Path | None:
        data = os.environ.get("DECAN_DATA")
        if data:
            path = Path(data).expanduser() / self.library / file.name
            if path.is_file():
                if (fault := _fault(path, file)) is not None:
                    raise IntegrityError(
                        f"{path}: {fault}; replace the file, or move it away to have it downloaded"
                    )
                return path
        path = self._in_cache(file)
        return path if path.is_file() and _fault(path, file) is None else None

    def _in_cache(self, file: File) -> Path:
        folder = os.environ.get("DECAN_CACHE")
        if not folder:
            # pooch costs 0.1 s of import, which a lookup in DECAN_DATA need not pay.
            import pooch

            folder = str(pooch.os_cache("decan"))
        return Path(folder).expanduser() / self.library / file.name

    def _fetch_all(self, dataset: DataSet, progress: bool) -> list[Path]:
        return [
            self._at_hand(file) or self._download(dataset, file, progress) for file in dataset.files
        ]

    def _download(self, dataset: DataSet, file: File, progress: bool) -> Path:
        from filelock import FileLock

        target = self._in_cache(file)
        try:
            if os.environ.get("DECAN_OFFLINE", "0") not in ("", "0"):
                raise DataNotAvailable("DECAN_OFFLINE forbids the network")
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(target.with_name(f".{target.name}.lock")):
                if target.is_file() and _fault(target, file) is None:
                    return target  # another process brought it while this one waited
                _remove_leftovers(target)
                download(
                    file.sources, target, sha256=file.sha256, size=file.size, progress=progress
                )
        except DataNotAvailable as error:
            raise DataNotAvailable(self._advice(dataset, file, str(error))) from None
        except OSError as error:
            raise DataNotAvailable(
                f"{self.library}/{dataset.name}: {target} cannot be written "
                f"({error.strerror or error}); set DECAN_CACHE to a folder with room"
            ) from error
        return target

    def _advice(self, dataset: DataSet, file: File, reasons: str) -> str:
        hint = f" {dataset.hint.rstrip('.')}." if dataset.hint else ""
        return (
            f"{self.library}/{dataset.name}: {file.name} is not at hand and could not be "
            f"downloaded ({reasons}). Get it by 'decan data fetch {self.library} {dataset.name}', "
            f"or put it at $DECAN_DATA/{self.library}/{file.name}.{hint}"
        )


# Hashing gigabytes at each access would be felt: once a process for each state of a file.
_digests: dict[tuple[str, int, int], str] = {}


def _fault(path: Path, file: File) -> str | None:
    """Say how a file differs from what is promised, or None where it does not."""
    state = path.stat()
    if state.st_size != file.size:
        return f"has {state.st_size} bytes, expected {file.size}"
    key = (str(path.absolute()), state.st_size, state.st_mtime_ns)
    if key not in _digests:
        _digests[key] = sha256_of(path)
    if _digests[key] != file.sha256:
        return f"has SHA-256 {_digests[key][:12]}…, expected {file.sha256[:12]}…"
    return None


def _remove_leftovers(target: Path) -> None:
    """Remove what a killed process left; its lock is ours now, so nobody writes there."""
    pattern = f".{glob.escape(target.name)}.*.part{glob.escape(target.suffix)}"
    for leftover in target.parent.glob(pattern):
        leftover.unlink(missing_ok=True)


def _one_or_all(paths: list[Path]) -> Path | list[Path]:
    return paths[0] if len(paths) == 1 else paths
