"""The scoreboard: published results as files of the repository, and tables made of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DecanError
from ..experiment.claims import Measurement, verdict
from ..experiment.result import Result, read_results
from ..files import replacing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["publish", "readme_table", "scoreboard_frame"]

BEGIN = "<!-- scoreboard: made by 'decan scoreboard', not by hand -->"
END = "<!-- end of scoreboard -->"


def scoreboard_frame(results: Sequence[Result]) -> pd.DataFrame:
    """Every measurement and every claim without one, as a table.

    Parameters
    ----------
    results : sequence of Result
        Results of any libraries and presets.

    Returns
    -------
    pandas.DataFrame
        Columns library, experiment, metric, published, goal, here, provenance,
        n, preset, headline, verdict.

    Examples
    --------
    >>> list(scoreboard_frame([]).columns)[:4]
    ['library', 'experiment', 'metric', 'published']
    """
    import pandas as pd

    rows = [row for result in results for row in _rows(result)]
    columns = ["library", "experiment", "metric", "published", "goal", "here", "provenance", "n"]
    return pd.DataFrame(rows, columns=[*columns, "preset", "headline", "verdict"])


def readme_table(results: Sequence[Result]) -> str:
    """The headline claims as a Markdown table.

    Parameters
    ----------
    results : sequence of Result
        The published results.

    Returns
    -------
    str
        Markdown, one row a headline claim.

    Examples
    --------
    >>> readme_table([]).splitlines()[0]
    '| library | metric | published | goal | here | provenance | n | preset | verdict |'
    """
    return markdown(scoreboard_frame(results).query("headline"))


def markdown(frame: pd.DataFrame) -> str:
    """Rows of the scoreboard as a Markdown table, without columns that only code reads."""
    shown = frame.drop(columns=["experiment", "headline"])
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + "---|" * shown.shape[1]]
    for row in shown.astype(str).itertuples(index=False):
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def publish(source: Path, repository: Path) -> list[str]:
    """Copy results into ``docs/scoreboard`` and renew the table of the README.

    Results of a library and experiment replace the ones that are published;
    the others stay.

    Parameters
    ----------
    source : pathlib.Path
        What ``decan reproduce --out`` wrote.
    repository : pathlib.Path
        Root of a checkout.

    Returns
    -------
    list of str
        Names of the results published, ``library/experiment``.

    Raises
    ------
    DecanError
        If the folder is no checkout of decan, or a result is not finished.

    Examples
    --------
    >>> publish(Path("results"), Path("no-checkout"))
    Traceback (most recent call last):
    ...
    decan.core.errors.DecanError: no-checkout: no README.md with a scoreboard here
    """
    readme = repository / "README.md"
    if not readme.exists() or BEGIN not in readme.read_text(encoding="utf-8"):
        raise DecanError(f"{repository}: no README.md with a scoreboard here")
    board = repository / "docs" / "scoreboard"
    names = []
    for result in read_results(source):
        if result.status != "done":
            raise DecanError(
                f"{result.folder}: {result.status} ({result.message}); only finished results are "
                "published"
            )
        target = board / result.library / result.experiment
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(result.folder / "result.json", target / "result.json")
        names.append(f"{result.library}/{result.experiment}")
    renew_readme(readme, board)
    return names


def renew_readme(readme: Path, board: Path) -> None:
    """Write the table between the README's two marks anew from the published results."""
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with replacing(readme) as path:
        table = readme_table(published(board))
        path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


def published(board: Path) -> list[Result]:
    """The published results in the order of the house."""
    from ..library import HOUSE

    found = [Result.load(path.parent) for path in board.rglob("result.json")]
    return sorted(found, key=lambda result: (HOUSE.index(result.library), result.experiment))


def _rows(result: Result) -> list[dict[str, object]]:
    measured = {row.metric: row for row in result.measurements}
    rows = [_row(result, row.metric, row) for row in result.measurements]
    silent = [claim.metric for claim in result.claims if claim.metric not in measured]
    return rows + [_row(result, metric, None) for metric in silent]


def _row(result: Result, metric: str, measured: Measurement | None) -> dict[str, object]:
    claim = result.claim_of(metric)
    published_value = claim.published if claim else None
    return {
        "library": result.library,
        "experiment": result.experiment,
        "metric": metric,
        "published": "" if published_value is None else f"{published_value:.4g}",
        "goal": claim.goal_text() if claim else "",
        "here": str(measured) if measured else "not measured",
        "provenance": str(measured.provenance) if measured else "",
        "n": f"{measured.n:,}" if measured else "",
        "preset": result.preset,
        "headline": bool(claim and claim.headline),
        "verdict": verdict(claim, measured) if measured else result.message or "not measured",
    }
