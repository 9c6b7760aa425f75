"""What the tests of the whole house ask about it: its distributions and where they lie."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Distribution:
    """One distribution of the house."""

    folder: Path

    @property
    def settings(self) -> dict:
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        return self.settings["project"]["name"]

    @property
    def short(self) -> str:
        return self.name.removeprefix("decan-")

    @property
    def module(self) -> str:
        return "decan." + self.short.replace("-", "_")

    @property
    def source(self) -> Path:
        return self.folder / "src" / self.module.replace(".", "/")

    def rooms(self) -> list[str]:
        """Import names of all its modules that are not private."""
        names = []
        for path in sorted(self.source.rglob("*.py")):
            parts = path.relative_to(self.folder / "src").with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            if not any(part.startswith("_") for part in parts):
                names.append(".".join(parts))
        return names


CORE = Distribution(ROOT / "shared")
LIBRARIES = [Distribution(path.parent) for path in sorted(ROOT.glob("packages/*/pyproject.toml"))]
DISTRIBUTIONS = [CORE, *LIBRARIES]
