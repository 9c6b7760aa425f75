"""Pages made of the results of experiments: a library's report, and the tour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..experiment.claims import verdict
from .page import Page, Section

if TYPE_CHECKING:
    import pandas as pd

    from ..experiment.result import Result
    from ..library import Library

__all__ = ["results_page", "tour_page"]

_ROWS_SHOWN = 40


def results_page(results: Sequence[Result], title: str) -> Page:
    """The page of a run: the scoreboard first, then every experiment.

    Parameters
    ----------
    results : sequence of Result
        What :func:`decan.core.experiment.read_results` gave.
    title : str
        Title of the page.

    Returns
    -------
    Page

    Examples
    --------
    >>> results_page([], "Nothing yet").title
    'Nothing yet'
    """
    from .scoreboard import scoreboard_frame

    presets = ", ".join(sorted({result.preset for result in results}))
    page = Page(title, f"{len(results)} experiments, preset {presets}." if results else "")
    frame = scoreboard_frame(results)
    if len(frame):
        page.section("Scoreboard").table(
            frame.drop(columns=["preset", "headline", "library"]),
            caption="Every published claim and goal, beside what was measured in this run. "
            "Intervals are the 16th and 84th percentile.",
            tones=[tone(text) for text in frame["verdict"]],
        )
    for result in results:
        section = page.section(result.title)
        section.text(" ".join(result.description.split()))
        _show(section, result)
        section.facts("Settings, versions, sources", _facts(result))
    return page


def tour_page(entries: Sequence[tuple[Library, Result]]) -> Page:
    """The page of the tour: each library's main job, done once.

    Parameters
    ----------
    entries : sequence of (Library, Result)
        Libraries and what their tour experiment left.

    Returns
    -------
    Page

    Examples
    --------
    >>> tour_page([]).title
    'A tour of decan'
    """
    names = ", ".join(library.name for library, _ in entries)
    page = Page("A tour of decan", f"Each library does its main job once, here: {names}.")
    for library, result in entries:
        section = page.section(f"{library.name}: {library.title}")
        section.text(f"After {library.paper}.")
        section.heading(result.title)
        section.text(" ".join(result.description.split()))
        _show(section, result)
        section.heading("With your own data")
        section.command(library.try_it)
        section.facts("Settings, versions, sources", _facts(result))
    return page


def tone(text: str) -> str:
    """The colour of a verdict: 'good', 'bad' or ''.

    Examples
    --------
    >>> tone("missed (goal inside the interval)")
    'bad'
    """
    if text.startswith(("missed", "below")):
        return "bad"
    return "good" if text.startswith(("reached", "at least")) else ""


def _show(section: Section, result: Result) -> None:
    import pandas as pd

    if result.status != "done":
        section.badges([(result.status, "bad")])
        section.text(result.message)
    for row in result.inputs:
        size = f", n = {row['n']:,}" if row.get("n") is not None else ""
        section.badges([(row["provenance"], ""), (f"{row['title']}{size}", "")])
    for figure in result.figures:
        section.figure(result.folder / figure.file, caption=figure.caption)
    if result.measurements:
        frame, tones = _measurements(result)
        section.table(frame, caption="Measured in this run.", tones=tones)
    for table in result.tables:
        rows = pd.read_csv(result.folder / table.file, nrows=_ROWS_SHOWN, keep_default_na=False)
        section.table(rows, caption=table.caption)
    for note in result.notes:
        section.text(note)


def _measurements(result: Result) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    rows, tones = [], []
    for measured in result.measurements:
        words = verdict(result.claim_of(measured.metric), measured)
        tones.append(tone(words))
        rows.append(
            {
                "metric": measured.metric,
                "here": str(measured),
                "n": measured.n,
                "provenance": str(measured.provenance),
                "note": measured.note,
                "verdict": words,
            }
        )
    frame = pd.DataFrame(rows)
    if not frame["note"].any():
        frame = frame.drop(columns="note")
    return frame, tones


def _facts(result: Result) -> list[tuple[str, Any]]:
    facts = [
        ("experiment", f"{result.library} {result.experiment}"),
        ("preset", result.preset),
        ("seed", str(result.seed)),
        ("seconds", f"{result.seconds:.1f}"),
        ("versions", ", ".join(f"{name} {number}" for name, number in result.versions.items())),
    ]
    for row in result.inputs:
        if "citation" in row:
            licence = f" ({row['licence']})" if "licence" in row else ""
            facts.append((row.get("dataset", row["title"]), f"{row['citation']}{licence}"))
    for claim in result.claims:
        if claim.source:
            facts.append((claim.metric, claim.source))
    facts.append(
        (
            "again",
            f"decan reproduce {result.library} --only {result.experiment} "
            f"--preset {result.preset} --seed {result.seed}",
        )
    )
    return facts
