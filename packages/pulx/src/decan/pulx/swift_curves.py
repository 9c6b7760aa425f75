"""Light curves of Swift/XRT as the UK Swift Science Data Centre gives them (.qdp).

A file holds several blocks, by mode (WT, PC), upper limits apart, and in files of hardness
ratios by band. A line of ``NO`` ends a block; ``READ TERR 1 2`` says that the first and the
second quantity have two errors each.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_swift_curve", "read_swift_folder"]

# Dates of Swift: launched in 2004, MJD 53329.
_MJD = (53_000.0, 80_000.0)
_ERRORS = {"TERR": 2, "SERR": 1}
# Two bins of one snapshot have the same middle to much better than this, days.
_SAME_BIN_DAY = 1e-3


def read_swift_curve(
    curve: str | os.PathLike[str],
    hardness: str | os.PathLike[str] | None = None,
    *,
    source: str,
) -> pd.DataFrame:
    r"""Read a light curve of Swift/XRT, and the hard and soft rates beside it.

    Parameters
    ----------
    curve : path-like
        ``curve.qdp`` or ``PCCURVE.qdp``, with times in MJD.
    hardness : path-like, optional
        ``hardrat.qdp``; its blocks are the hard rate, the soft rate and their ratio.
    source : str
        Name of the source, for the column ``source``.

    Returns
    -------
    pandas.DataFrame
        One row a bin, in order of time: ``source``, ``mjd``, ``dt_minus_d``, ``dt_plus_d``
        (days, the former negative), ``obsid`` (where the file has it), ``mode``,
        ``upper_limit``, ``rate`` (counts/s) with ``rate_err_plus`` and ``rate_err_minus``;
        ``soft_rate``, ``hard_rate`` and ``hr`` with their ``_err``, NaN where a bin has none.
        :func:`~decan.pulx.features_swift` takes it.

    Raises
    ------
    DataNotAvailable
        If there is no such file.
    CorruptFile
        If a line is cut or no number; it is named.
    SchemaError
        If the file has no ``READ`` line, no data, or times that are no MJD.

    References
    ----------
    Evans et al. 2007, A&A 469, 379; 2009, MNRAS 397, 1177 (the curves).

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "curve.qdp"
    >>> text = "READ TERR 1 2\n! PC data\n57000.5 0.01 -0.01 0.12 0.02 -0.02\n"
    >>> _ = path.write_text(text, encoding="utf-8")
    >>> read_swift_curve(path, source="ULX-1")[["mjd", "rate", "upper_limit"]]
           mjd  rate  upper_limit
    0  57000.5  0.12        False
    """
    import pandas as pd

    rows = [
        {
            "source": source,
            "mjd": line.time,
            "dt_minus_d": -abs(line.time_errors[-1]),
            "dt_plus_d": line.time_errors[0],
            "obsid": line.obsid,
            "mode": block.mode,
            # The archive gives limits without errors, in blocks of their own.
            "upper_limit": block.kind == "limit" or line.errors == (0.0, 0.0),
            "rate": line.value,
            "rate_err_plus": line.errors[0],
            "rate_err_minus": -abs(line.errors[-1]),
        }
        for block in _blocks(Path(curve))
        if block.kind in ("rate", "limit")
        for line in block.lines
    ]
    if not rows:
        raise SchemaError(f"{curve}: no light curve in it; is it a file of hardness ratios?")
    table = pd.DataFrame(rows).sort_values("mjd", kind="stable").reset_index(drop=True)
    _check_dates(table["mjd"].to_numpy(float), curve)
    names = ("soft_rate", "soft_rate_err", "hard_rate", "hard_rate_err", "hr", "hr_err")
    bands = np.full((len(table), len(names)), np.nan)
    if hardness is not None:
        bands = _bands(table, Path(hardness))
    for name, values in zip(names, bands.T, strict=True):
        table[name] = values
    return table


def read_swift_folder(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the light curves of many sources, one folder each, as their archives unpack.

    Parameters
    ----------
    folder : path-like
        Holds ``NAME/.../curve.qdp`` for each source, with ``hardrat.qdp`` beside it.

    Returns
    -------
    pandas.DataFrame
        Rows of :func:`read_swift_curve` of all sources, by name.

    Raises
    ------
    SchemaError
        If no folder in it holds a ``curve.qdp`` with a ``hardrat.qdp``.

    Examples
    --------
    >>> import tempfile
    >>> read_swift_folder(tempfile.mkdtemp())
    Traceback (most recent call last):
    ...
    decan.core.errors.SchemaError: ...: no NAME/curve.qdp with a hardrat.qdp beside it
    """
    import pandas as pd

    root = Path(folder)
    curves = [
        path for path in sorted(root.rglob("curve.qdp"))
        if path.parent != root and path.with_name("hardrat.qdp").is_file()
    ]  # fmt: skip
    if not curves:
        raise SchemaError(f"{root}: no NAME/curve.qdp with a hardrat.qdp beside it")
    return pd.concat(
        [
            read_swift_curve(
                path, path.with_name("hardrat.qdp"), source=path.relative_to(root).parts[0]
            )
            for path in curves
        ],
        ignore_index=True,
    )


@dataclass(frozen=True)
class _Line:
    time: float
    time_errors: tuple[float, ...]
    value: float
    errors: tuple[float, ...]
    obsid: str


@dataclass
class _Block:
    label: str = ""
    lines: list[_Line] = field(default_factory=list)

    @property
    def mode(self) -> str:
        found = re.search(r"\b(WT|PC)", self.label)
        return found.group(1) if found else ""

    @property
    def kind(self) -> str:
        """'limit', 'ratio', 'hard', 'soft' or 'rate'."""
        label = self.label.lower()
        for kind, word in (
            ("limit", r"upper|\b(pc|wt)?ul\b"),
            ("ratio", r"ratio|\bhr\b"),
            ("hard", r"hard"),
            ("soft", r"soft"),
        ):
            if re.search(word, label):
                return kind
        return "rate"


def _blocks(path: Path) -> Iterator[_Block]:
    """Blocks of a file with data in them, each with the comment above it."""
    if not path.is_file():
        raise DataNotAvailable(f"{path}: no such file")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CorruptFile(f"{path}: no text file, so no .qdp") from None
    errors: dict[int, int] = {}
    block = _Block()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if words[0].upper() == "READ" and len(words) > 2 and words[1].upper() in _ERRORS:
            for word in words[2:]:
                if not word.isdecimal():
                    raise CorruptFile(f"{path}: line {number}: {word!r} is no number of a column")
                errors[int(word)] = _ERRORS[words[1].upper()]
        elif words[0].startswith("!") or words[0].upper() == "NO":
            if block.lines:  # what follows belongs to the next block
                yield block
                block = _Block()
            if words[0].startswith("!") and re.search(r"[A-Za-z]{2}", line):
                title = line.strip("! \t")
                # A line that only names the columns is no label.
                if not re.match(r"(time|mjd|tdb)\b", title, re.I):
                    block.label = title
        elif re.match(r"[-+.\d]", words[0]):
            if not errors:
                raise SchemaError(f"{path}: line {number} has data before any READ TERR or SERR")
            block.lines.append(_line(line, errors, f"{path}: line {number}"))
    if block.lines:
        yield block


def _line(line: str, errors: dict[int, int], where: str) -> _Line:
    n_time, n_value = errors.get(1, 0), errors.get(2, 0)
    wanted = 2 + n_time + n_value
    numbers: list[float] = []
    for word in line.split()[:wanted]:
        try:
            numbers.append(float(word))
        except ValueError:
            raise CorruptFile(f"{where}: {word!r} is no number") from None
    if len(numbers) < wanted:
        raise CorruptFile(f"{where}: {len(numbers)} numbers, expected {wanted}; is the file cut?")
    obsid = re.search(r"obsid\s*[=:]?\s*(\d{8,11})", line, re.I)
    return _Line(
        numbers[0],
        tuple(numbers[1 : 1 + n_time]) or (0.0,),
        numbers[1 + n_time],
        tuple(numbers[2 + n_time :]) or (np.nan,),
        obsid.group(1).zfill(11) if obsid else "",
    )


def _check_dates(mjd: NDArray[np.float64], where: str | os.PathLike[str]) -> None:
    outside = (mjd < _MJD[0]) | (mjd > _MJD[1])
    if outside.any():
        raise SchemaError(
            f"{where}: time {mjd[outside][0]:g} is no MJD of Swift's years; ask the archive for "
            "MJD instead of seconds since a trigger"
        )


def _bands(table: pd.DataFrame, path: Path) -> NDArray[np.float64]:
    """Soft, hard and ratio, each with its error, of the bins of a curve."""
    columns = {"soft": 0, "hard": 2, "ratio": 4}
    found = np.full((len(table), 6), np.nan)
    mjd = table["mjd"].to_numpy(float)
    half = table[["dt_minus_d", "dt_plus_d"]].abs().max(axis=1).to_numpy(float)
    used = 0
    for block in _blocks(path):
        if block.kind not in columns:
            continue
        mine = np.flatnonzero((table["mode"] == block.mode) & ~table["upper_limit"])
        for line in block.lines:
            used += 1
            if len(mine) == 0:
                continue
            at = mine[np.argmin(np.abs(mjd[mine] - line.time))]
            if abs(mjd[at] - line.time) <= max(half[at], _SAME_BIN_DAY):
                column = columns[block.kind]
                found[at, column : column + 2] = line.value, abs(line.errors[0])
    if not used:
        raise SchemaError(f"{path}: no block of hard or soft rates or their ratio")
    return found
