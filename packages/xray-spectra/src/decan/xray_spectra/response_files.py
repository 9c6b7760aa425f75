"""ARF and RMF files as a response, found by their keywords, whatever their tables are called.

References
----------
OGIP/92-002 and its addenda (HEASARC): the format of responses.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile
from decan.core.files import reading

from .errors import InvalidSpectrumError
from .fitsfile import Extension, column, extensions, flat_rows, keyword
from .response import Block, Response, blocks_of

__all__ = ["Area", "Redistribution", "read_arf", "read_response", "read_rmf"]

_ALL_COUNTED = 1.5
"""Rows of a matrix without area sum to at most 1; escape and fluorescence may add a little."""


@dataclass(frozen=True)
class Area:
    """Effective area of an ARF.

    Parameters
    ----------
    energy_low, energy_high : ndarray, shape (n,)
        keV.
    area : ndarray, shape (n,)
        cm².
    name : str
        The file.

    Examples
    --------
    >>> Area(np.array([0.3]), np.array([0.4]), np.array([100.0]), "a.arf").name
    'a.arf'
    """

    energy_low: NDArray[np.float64]
    energy_high: NDArray[np.float64]
    area: NDArray[np.float64]
    name: str


@dataclass(frozen=True)
class Redistribution:
    """Redistribution of an RMF, before an area is put to it.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array, shape (n_energies, n_channels)
        Probabilities (times area, where the file holds both).
    energy_low, energy_high : ndarray, shape (n_energies,)
        keV.
    channel_low, channel_high : ndarray, shape (n_channels,)
        keV.
    first_channel : int
        Number of the first channel.
    name : str
        The file.
    notes : tuple of str
        What was assumed.

    Examples
    --------
    >>> low, high = np.array([0.3]), np.array([0.4])
    >>> Redistribution(np.eye(1), low, high, low, high, 1, "a.rmf").first_channel
    1
    """

    matrix: Any
    energy_low: NDArray[np.float64]
    energy_high: NDArray[np.float64]
    channel_low: NDArray[np.float64]
    channel_high: NDArray[np.float64]
    first_channel: int
    name: str
    notes: tuple[str, ...] = ()

    @property
    def most_counted(self) -> float:
        """Largest sum of a row."""
        return float(np.max(self.matrix.sum(axis=1), initial=0.0))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The matrix as a response keeps it."""
        return blocks_of(self.matrix)

    @property
    def holds_area(self) -> bool:
        """Whether rows sum to more than probabilities can."""
        return self.most_counted > _ALL_COUNTED


def read_arf(path: str | os.PathLike[str]) -> Area:
    """Effective area of an ARF file (or of a CSC ``arf3``).

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Area

    Raises
    ------
    CorruptFile, DataNotAvailable
        If the file is damaged, absent, or holds no SPECRESP table.

    Examples
    --------
    >>> read_arf("absent.arf")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.arf: no such file
    """
    with reading(path, "ARF"):
        table = _pick(extensions(path), ("SPECRESP",), ("SPECRESP",), path)
        low, high = _energies(table)
        area = column(table, "SPECRESP")
        unit = str(_unit(table, "SPECRESP")).lower().replace(" ", "").replace("**", "")
    assert area is not None
    if unit in ("m2", "m^2"):
        area = area * 1e4
    return Area(low, high, area.astype(float), Path(path).name)


def read_rmf(path: str | os.PathLike[str]) -> Redistribution:
    """Redistribution matrix of an RMF file, whatever its extension is called.

    Groups are laid out at once, without a loop over energies. Rows without groups stay zero.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Redistribution

    Raises
    ------
    CorruptFile, DataNotAvailable
        If the file is damaged, absent, or holds no matrix or no EBOUNDS.

    Examples
    --------
    >>> read_rmf("absent.rmf")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.rmf: no such file
    """
    with reading(path, "RMF"):
        return _redistribution(path)


def remembered_rmf(path: str | os.PathLike[str]) -> Redistribution:
    """What :func:`read_rmf` gives, kept for the next of thousands of spectra that share it."""
    with reading(path, "RMF") as file:
        state = file.stat()
        return _remembered(file.resolve(), state.st_mtime_ns, state.st_size)


def read_response(arf: str | os.PathLike[str] | None, rmf: str | os.PathLike[str]) -> Response:
    """Response of an ARF and an RMF; an ARF on other energies is interpolated onto the RMF's.

    Parameters
    ----------
    arf : path-like or None
        Effective area; None where the RMF holds it (a ``.rsp`` file).
    rmf : path-like
        Redistribution.

    Returns
    -------
    Response
        ``notes`` say what was changed; each is also a warning.

    Raises
    ------
    CorruptFile, DataNotAvailable, InvalidSpectrumError
        If a file is damaged, absent, or holds what no response can have.

    Examples
    --------
    >>> read_response(None, "absent.rsp")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent.rsp: no such file
    """
    redistribution = read_rmf(rmf)
    area = read_arf(arf) if arf is not None else None
    with reading(rmf, "response"):
        return joined(area, redistribution)


def joined(area: Area | None, rmf: Redistribution, *, quietly: bool = False) -> Response:
    """Area and redistribution as one response.

    Parameters
    ----------
    area : Area or None
        Effective area; None for matrices that hold it. One that is given beside such a matrix is
        not applied again.
    rmf : Redistribution
        Redistribution.
    quietly : bool
        Whether notes are kept without a warning.

    Returns
    -------
    Response
    """
    notes = list(rmf.notes)
    low, high = rmf.energy_low.copy(), rmf.energy_high.copy()
    if low.size and low[0] <= 0:
        notes.append(f"{rmf.name}: row 1 begins at {low[0]:g} keV; taken as {_floor(high[0]):.4g}")
        low[0] = _floor(high[0])
    values = np.ones_like(low)
    name = rmf.name
    most = rmf.most_counted
    if area is None and not rmf.holds_area:
        notes.append(
            f"{rmf.name}: no ARF, and rows sum to {most:.3g}: an area of 1 cm2 is taken, so that "
            "fluxes are not to be used"
        )
    elif area is not None and rmf.holds_area:
        notes.append(
            f"{rmf.name}: rows sum to {most:.3g}, so that it holds an area of its own; that of "
            f"{area.name} was not applied on top"
        )
    elif area is not None:
        name = f"{area.name} x {rmf.name}"
        same = area.energy_low.size == low.size and np.allclose(
            area.energy_high, high, rtol=1e-4, atol=1e-4
        )
        if same:
            values = area.area
        else:
            middle = (area.energy_low + area.energy_high) / 2
            values = np.interp((low + high) / 2, middle, area.area, left=0.0, right=0.0)
            notes.append(
                f"{area.name} has {area.energy_low.size} energies and {rmf.name} {low.size}; the "
                "area was interpolated onto the latter"
            )
    for note in () if quietly else notes:
        warnings.warn(note, stacklevel=3)
    return Response(
        low, high, values, rmf.blocks, rmf.channel_low, rmf.channel_high, rmf.first_channel, name,
        tuple(notes),
    )  # fmt: skip


@lru_cache(maxsize=4)
def _remembered(path: Path, changed_ns: int, size: int) -> Redistribution:
    """A file that has not changed since is not read again."""
    return _redistribution(path)


def _redistribution(path: str | os.PathLike[str]) -> Redistribution:
    tables = extensions(path)
    matrix = _pick(tables, ("RSP_MATRIX",), ("MATRIX", "SPECRESP MATRIX", "RSP_MATRIX"), path)
    bounds = _pick(tables, ("EBOUNDS",), ("EBOUNDS",), path)
    channels, low, high = (column(bounds, name) for name in ("CHANNEL", "E_MIN", "E_MAX"))
    assert channels is not None
    assert low is not None
    assert high is not None
    order = np.argsort(channels, kind="stable")
    if channels.size and np.any(np.diff(channels[order]) != 1):
        raise InvalidSpectrumError(f"{bounds.place}: CHANNEL does not rise by one")
    factor = _to_kev(bounds, "E_MIN")
    low, high = low[order] * factor, high[order] * factor
    notes: tuple[str, ...] = ()
    first = _first_of_f_chan(matrix)
    if first is None:
        first = int(np.min(channels))
        notes = (f"TLMIN of F_CHAN is missing; the first channel is taken as {first}",)
    elow, ehigh = _energies(matrix)
    return Redistribution(
        _assemble(matrix, first, channels.size),
        elow,
        ehigh,
        low.astype(float),
        high.astype(float),
        int(np.min(channels)),
        Path(path).name,
        notes,
    )


def _pick(
    tables: list[Extension], classes: tuple[str, ...], names: tuple[str, ...], path: Any
) -> Extension:
    """The table of a class by HDUCLAS1 and HDUCLAS2, or by its name where these are absent."""
    for table in tables:
        if keyword(table, "HDUCLAS1") == "RESPONSE" and keyword(table, "HDUCLAS2") in classes:
            return table
    for table in tables:
        if table.name.upper() in names:
            return table
    found = ", ".join(table.name for table in tables) or "no table"
    raise CorruptFile(
        f"{Path(path).name}: no extension with HDUCLAS2 = {' or '.join(classes)}; it has {found}"
    )


def _energies(table: Extension) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = column(table, "ENERG_LO"), column(table, "ENERG_HI")
    assert low is not None
    assert high is not None
    factor = _to_kev(table, "ENERG_LO")
    low, high = low.astype(float) * factor, high.astype(float) * factor
    wrong = np.flatnonzero(~(high > low) | np.r_[False, np.diff(low) <= 0])
    if wrong.size:
        raise InvalidSpectrumError(
            f"{table.place}: energies do not rise at row {wrong[0] + 1} "
            f"({low[wrong[0]]:g}-{high[wrong[0]]:g} keV)"
        )
    return low, high


def _to_kev(table: Extension, name: str) -> float:
    return {"ev": 1e-3, "mev": 1e3, "gev": 1e6}.get(_unit(table, name).lower(), 1.0)


def _unit(table: Extension, name: str) -> str:
    names = table.names
    return str(keyword(table, f"TUNIT{names.index(name) + 1}", "")) if name in names else ""


def _first_of_f_chan(matrix: Extension) -> int | None:
    number = matrix.names.index("F_CHAN") + 1 if "F_CHAN" in matrix.names else 0
    first = keyword(matrix, f"TLMIN{number}")
    return None if first is None else int(first)


def _assemble(table: Extension, first: int, n_channels: int) -> Any:
    """The matrix from its groups of channels: where each value goes follows from cumulated sums."""
    from scipy.sparse import csr_array

    n_rows = len(table.rows)
    groups = column(table, "N_GRP")
    assert groups is not None
    n_groups = groups.astype(np.int64)
    starts, start_cells = flat_rows(table, "F_CHAN")
    lengths, length_cells = flat_rows(table, "N_CHAN")
    starts = _leading(starts, start_cells, n_groups, table, "F_CHAN").astype(np.int64) - first
    lengths = _leading(lengths, length_cells, n_groups, table, "N_CHAN").astype(np.int64)
    row_of_group = np.repeat(np.arange(n_rows), n_groups)
    per_row = np.bincount(row_of_group, weights=lengths, minlength=n_rows).astype(np.int64)
    values, cells = flat_rows(table, "MATRIX")
    values = _leading(values, cells, per_row, table, "MATRIX").astype(np.float32)
    begin = np.cumsum(lengths) - lengths
    channel = np.arange(values.size) + np.repeat(starts - begin, lengths)
    outside = np.flatnonzero((channel < 0) | (channel >= n_channels))
    if outside.size:
        row = int(np.searchsorted(np.cumsum(per_row), outside[0], side="right"))
        raise InvalidSpectrumError(
            f"{table.place}: row {row + 1} fills channel {channel[outside[0]] + first}, outside "
            f"{first}-{first + n_channels - 1}"
        )
    pointer = np.concatenate([[0], np.cumsum(per_row)])
    return csr_array((values, channel, pointer), shape=(n_rows, n_channels))


def _leading(
    values: NDArray[Any], held: NDArray[np.int64], wanted: NDArray[np.int64], table: Extension,
    name: str,
) -> NDArray[Any]:  # fmt: skip
    """The first ``wanted`` cells of each row; fixed-length columns hold more than are used."""
    if np.array_equal(held, wanted):
        return values
    short = np.flatnonzero(held < wanted)
    if short.size:
        raise CorruptFile(
            f"{table.place}: row {short[0] + 1} has {held[short[0]]} cells in {name}, its groups "
            f"need {wanted[short[0]]}"
        )
    within = np.arange(values.size) - np.repeat(np.cumsum(held) - held, held)
    return values[within < np.repeat(wanted, held)]


def _floor(high: float) -> float:
    return min(1e-4, high / 2)
