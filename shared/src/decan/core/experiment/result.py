"""The record of one experiment, as a folder that outlives the code that made it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CorruptFile, DecanError
from ..files import replacing
from .claims import Claim, Measurement, Provenance

__all__ = ["Figure", "Result", "Table", "read_results"]

RESULT_FILE = "result.json"
_FORMAT = 1


@dataclass(frozen=True)
class Figure:
    """A drawing of a result: the PNG file's name in the folder, and its caption.

    Examples
    --------
    >>> Figure("precision-recall", "precision-recall.png", "Precision against recall.").file
    'precision-recall.png'
    """

    name: str
    file: str
    caption: str


@dataclass(frozen=True)
class Table:
    """A table of a result: the CSV file's name in the folder, and its caption.

    Examples
    --------
    >>> Table("verdicts", "verdicts.csv", "Ten signals.").caption
    'Ten signals.'
    """

    name: str
    file: str
    caption: str


@dataclass
class Result:
    """All that a run of one experiment leaves behind.

    ``status`` is 'done', 'failed' or 'unavailable' (data that could not be had);
    ``message`` says why it is not 'done'.

    Examples
    --------
    >>> result = Result("transits", "triage", "Triage", "", "quick", 0)
    >>> result.status
    'running'
    """

    library: str
    experiment: str
    title: str
    description: str
    preset: str
    seed: int
    status: str = "running"
    message: str = ""
    seconds: float = math.nan
    versions: dict[str, str] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folder: Path = Path()

    def claim_of(self, metric: str) -> Claim | None:
        """The claim about a metric, None where the paper and the goals are silent."""
        return next((claim for claim in self.claims if claim.metric == metric), None)

    def save(self) -> None:
        """Write ``result.json`` into the result's folder, whole or not at all."""
        record = asdict(self)
        del record["folder"]
        with replacing(self.folder / RESULT_FILE) as path:
            path.write_text(
                json.dumps({"format": _FORMAT, **record}, indent=1, ensure_ascii=False) + "\n",
                encoding="utf-8",
            )

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Result:
        """Read the record in a folder.

        Parameters
        ----------
        folder : path-like
            Folder that holds ``result.json``.

        Returns
        -------
        Result

        Raises
        ------
        CorruptFile
            If the file is not a record of a run.
        """
        path = Path(folder) / RESULT_FILE
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record.pop("format") != _FORMAT:
                raise CorruptFile(f"{path}: written by another version of decan; run it again")
            for name, kind in (("figures", Figure), ("tables", Table)):
                record[name] = [kind(**row) for row in record[name]]
            record["claims"] = [_claim(row) for row in record["claims"]]
            record["measurements"] = [_measurement(row) for row in record["measurements"]]
            return cls(**record, folder=Path(folder))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptFile(f"{path}: not the record of a run ({error}); run it again") from error


def read_results(folder: str | os.PathLike[str]) -> list[Result]:
    """All results below a folder, in the order in which they were run.

    Parameters
    ----------
    folder : path-like
        What ``decan reproduce --out`` wrote.

    Returns
    -------
    list of Result

    Raises
    ------
    DecanError
        If there is none.

    Examples
    --------
    >>> read_results("no-such-folder")
    Traceback (most recent call last):
    ...
    decan.core.errors.DecanError: no-such-folder: no results here; 'decan reproduce' makes some
    """
    found = sorted(Path(folder).rglob(RESULT_FILE), key=lambda path: (path.stat().st_mtime, path))
    if not found:
        raise DecanError(f"{folder}: no results here; 'decan reproduce' makes some")
    return [Result.load(path.parent) for path in found]


def _claim(row: dict[str, Any]) -> Claim:
    goal = row.pop("goal")
    goal = tuple(goal) if isinstance(goal, list) else goal
    return Claim(**{**row, "goal": goal, "provenance": Provenance(row["provenance"])})


def _measurement(row: dict[str, Any]) -> Measurement:
    return Measurement(**{**row, "provenance": Provenance(row["provenance"])})
