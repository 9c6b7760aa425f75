"""Runs the tests that keep promises about bad input, and writes the table of them.

    python tests/reliability.py [--out docs/reliability_table.md] [PATHS]

A promise is a test marked ``bad_input`` with the number of the row that it keeps; the table
has a line a row: how many tests stand for it, and whether all of them hold.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from house import ROOT

from decan.core.files import replacing


class Promises:
    """What the marked tests of each row did."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.outcome: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("bad_input"):
                library = Path(item.path).relative_to(ROOT / "packages").parts[0]
                for row in mark.args:
                    self.rows[library, row].add(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcome[report.nodeid] = report.outcome

    def table(self) -> str:
        lines = ["| library | row | promise | tests | hold |", "|---|---|---|---|---|"]
        for (library, row), tests in sorted(self.rows.items()):
            names = {test.split("::")[-1].split("[")[0] for test in tests}
            words = "; ".join(
                name.removeprefix("test_").replace("_", " ") for name in sorted(names)
            )
            held = sum(self.outcome.get(test) == "passed" for test in tests)
            skipped = sum(self.outcome.get(test) == "skipped" for test in tests)
            note = f"{held} of {len(tests)}" + (f", {skipped} skipped" if skipped else "")
            lines.append(f"| {library} | {row} | {words} | {len(tests)} | {note} |")
        return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", default=[str(ROOT / "packages")])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "reliability_table.md")
    arguments = parser.parse_args()
    promises = Promises()
    code = pytest.main(["-q", "-m", "bad_input", *arguments.paths], plugins=[promises])
    with replacing(arguments.out) as path:
        path.write_text(promises.table())
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
