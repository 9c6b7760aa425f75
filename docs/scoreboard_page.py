"""A small Sphinx extension: the scoreboard as a page, made of the published result files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from decan.core.report.scoreboard import markdown, published, scoreboard_frame

HERE = Path(__file__).parent
HEAD = """# Scoreboard

Every published claim and every goal of ours, beside what was measured with this code. Intervals are
the 16th and 84th percentile. REAL, SIMULATED and MIXED say where the data behind a number come
from; a number is compared only with a claim about the same kind of data. A goal that was missed is
shown as missed.
"""


def write_page(app: Any) -> None:
    """Write ``scoreboard.md`` before Sphinx reads the sources."""
    frame = scoreboard_frame(published(HERE / "scoreboard"))
    parts = [HEAD]
    for library, rows in frame.groupby("library", sort=False):
        parts.append(f"## {library}\n")
        for name, some in rows.groupby("experiment", sort=False):
            again = f"`decan reproduce {library} --only {name} --preset {some['preset'].iloc[0]}`"
            parts.append(f"### {name}\n\n{again}\n\n{markdown(some.drop(columns='library'))}\n")
    (HERE / "scoreboard.md").write_text("\n".join(parts) + "\n", encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", write_page)
    return {"parallel_read_safe": True}
