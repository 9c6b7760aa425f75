"""A page: sections of text, figures and tables that become one HTML file.

Nothing is loaded from elsewhere: style and pictures are inside the file, so that
it can be mailed, archived and opened without a network.
"""

from __future__ import annotations

import base64
import math
import os
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..files import replacing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Page", "Section"]

_TONES = ("good", "bad")
_CSS_DPI = 96
_LARGEST_COUNT = 10**9


@dataclass
class Section:
    """One section of a page; its methods add a part each and return the section.

    Examples
    --------
    >>> section = Section("Verdict", "verdict").text("Likely a planet.")
    >>> section.parts
    [('text', 'Likely a planet.')]
    """

    title: str
    anchor: str
    parts: list[tuple[str, Any]] = field(default_factory=list)

    def text(self, paragraph: str) -> Section:
        """Add a paragraph of plain text."""
        return self._add("text", paragraph)

    def heading(self, words: str) -> Section:
        """Add a heading inside the section."""
        return self._add("heading", words)

    def command(self, line: str) -> Section:
        """Add a line to type."""
        return self._add("command", line)

    def badges(self, badges: Iterable[tuple[str, str]]) -> Section:
        """Add short labels, each with a tone ('good', 'bad' or '')."""
        return self._add("badge", list(badges))

    def facts(self, summary: str, rows: Iterable[tuple[str, str]]) -> Section:
        """Add names and values that a reader may unfold."""
        return self._add("facts", {"summary": summary, "rows": list(rows)})

    def html(self, markup: str) -> Section:
        """Add markup as it is, for interactive parts. Whoever calls this has escaped it."""
        return self._add("html", markup)

    def figure(self, drawing: Any, *, caption: str, dpi: int = 150) -> Section:
        """Add a figure.

        Parameters
        ----------
        drawing : Axes, array of Axes, Figure, path-like or bytes
            What a plot function returned (it is closed), or a PNG.
        caption : str
            What to see in it, also read out by screen readers.
        dpi : int
            Dots an inch of the PNG.

        Returns
        -------
        Section
        """
        png = _png(drawing, dpi)
        width, height = _shown_size(png, dpi)
        data = base64.b64encode(png).decode("ascii")
        return self._add(
            "figure", {"data": data, "caption": caption, "width": width, "height": height}
        )

    def table(
        self, frame: pd.DataFrame, *, caption: str, tones: Sequence[str] | None = None
    ) -> Section:
        """Add a table; the frame's index is left out.

        Parameters
        ----------
        frame : pandas.DataFrame
            The table.
        caption : str
            What it holds.
        tones : sequence of str, optional
            One a row, 'good', 'bad' or '': colours the row's last cell.

        Returns
        -------
        Section
        """
        shades = tones if tones is not None else [""] * len(frame)
        rows = []
        for row, shade in zip(frame.itertuples(index=False), shades, strict=True):
            cells = [(_shown(cell), "number" if _is_number(cell) else "") for cell in row]
            if shade in _TONES and cells:
                cells[-1] = (cells[-1][0], shade)
            rows.append(cells)
        columns = [str(name) for name in frame.columns]
        return self._add("table", {"caption": caption, "columns": columns, "rows": rows})

    def _add(self, kind: str, content: Any) -> Section:
        self.parts.append((kind, content))
        return self


@dataclass
class Page:
    """A page of sections, written as one HTML file.

    Parameters
    ----------
    title : str
        Its title.
    lead : str
        One or two sentences under the title.

    Examples
    --------
    >>> page = Page("Two signals", "Vetted with the shipped weights.")
    >>> _ = page.section("First").text("A planet.")
    >>> "A planet." in page.render()
    True
    """

    title: str
    lead: str = ""
    footer: str = f"Made with decan {__version__}."
    sections: list[Section] = field(default_factory=list)

    def section(self, title: str) -> Section:
        """Begin a new section and return it."""
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        taken = {section.anchor for section in self.sections}
        anchor, number = base, 2
        while anchor in taken:
            anchor, number = f"{base}-{number}", number + 1
        self.sections.append(Section(title, anchor))
        return self.sections[-1]

    def render(self) -> str:
        """The page as HTML."""
        import jinja2
        from markupsafe import Markup

        room = files(__package__)
        template = jinja2.Environment(
            autoescape=True, trim_blocks=True, lstrip_blocks=True
        ).from_string(room.joinpath("page.html.j2").read_text(encoding="utf-8"))
        style = room.joinpath("page.css").read_text(encoding="utf-8")
        return template.render(page=self, style=Markup(style))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, whole or not at all.

        Parameters
        ----------
        path : path-like
            The HTML file.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        ValueError
            If the path does not end with ``.html``.
        OSError
            If it cannot be written.
        """
        if Path(path).suffix not in (".html", ".htm"):
            raise ValueError(f"{path}: a page is HTML; expected a name that ends with .html")
        with replacing(path) as temporary:
            temporary.write_text(self.render(), encoding="utf-8")
        return Path(path)


def _png(drawing: Any, dpi: int) -> bytes:
    if isinstance(drawing, bytes):
        return drawing
    if isinstance(drawing, str | os.PathLike):
        return Path(drawing).read_bytes()
    from ..plotting import to_png

    return to_png(drawing, dpi=dpi)


def _shown_size(png: bytes, dpi: int) -> tuple[int, int]:
    """Width and height in CSS pixels, so that the page does not jump while it loads."""
    width, height = struct.unpack(">II", png[16:24])
    return round(width * _CSS_DPI / dpi), round(height * _CSS_DPI / dpi)


def _is_number(cell: Any) -> bool:
    return hasattr(cell, "__float__") and not isinstance(cell, bool)


def _shown(cell: Any) -> str:
    if not _is_number(cell):
        return str(cell)
    if hasattr(cell, "__index__"):
        # Commas help to read a count and hinder the search for an identifier.
        return f"{int(cell):,}" if abs(int(cell)) < _LARGEST_COUNT else str(int(cell))
    number = float(cell)
    return "" if math.isnan(number) else f"{number:.4g}"
