"""Code that a reader would copy from README and docs runs."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from house import DISTRIBUTIONS, ROOT

from decan.core.cli import build_app

CANDIDATES = [
    *ROOT.glob("*.md"),
    *(one.folder / "README.md" for one in DISTRIBUTIONS),
    *ROOT.glob("docs/*.md"),
]
PAGES = [page for page in CANDIDATES if page.exists()]
FENCE = re.compile(r"^```(?P<kind>\S*)[^\n]*\n(?P<code>.*?)^```", re.M | re.S)


def blocks(page: Path, *kinds: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [found["code"] for found in FENCE.finditer(text) if found["kind"] in kinds]


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


RUNNABLE = [page for page in PAGES if blocks(page, "python", "{code-cell}")]
TYPED = [page for page in PAGES if blocks(page, "sh")]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNABLE, ids=names(RUNNABLE))
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path):
    cells = [re.sub(r"^(---\n.*?^---\n|(:\S+:[^\n]*\n)+)", "", code, flags=re.M | re.S)
             for code in blocks(page, "python", "{code-cell}")]  # fmt: skip
    script = tmp_path / "page.py"
    script.write_text("\n\n".join(cells), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_the_recipes_import_and_call_exists():
    """Recipes ask for files of the reader's own, so that only their names can be held to."""
    for code in blocks(ROOT / "docs" / "your-data.md", "py"):
        tree = ast.parse(code)
        known: dict[str, object] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                known |= {one.name: getattr(module, one.name) for one in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = known.get(node.value.id)
                assert owner is None or hasattr(owner, node.attr), f"{node.value.id}.{node.attr}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                _assert_takes(known, node)


def _assert_takes(known: dict[str, object], call: ast.Call) -> None:
    """A call of something imported binds to its signature."""
    if isinstance(call.func, ast.Name):
        function = known.get(call.func.id)
    elif isinstance(call.func.value, ast.Name) and call.func.value.id in known:
        function = getattr(known[call.func.value.id], call.func.attr)
    else:
        return
    if callable(function):
        names = {word.arg: None for word in call.keywords if word.arg}
        inspect.signature(function).bind(*call.args, **names)


@pytest.mark.parametrize("page", TYPED, ids=names(TYPED))
def test_the_commands_of_a_page_exist(page: Path):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for line in "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            assert set(words[1:2]) <= targets, line
        if words[:1] == ["decan"]:
            assert_command_exists(words[1:], line)


def assert_command_exists(words: list[str], line: str) -> None:
    """Walk down the tree of commands, and look for each option of the line where it ends."""
    command = typer.main.get_command(build_app())
    depth = 0
    while hasattr(command, "commands"):
        assert words[depth : depth + 1], f"{line}: which command?"
        assert words[depth] in command.commands, f"{line}: no command '{words[depth]}'"
        command = command.commands[words[depth]]
        depth += 1
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    for option in (word.split("=")[0] for word in words[depth:] if word.startswith("--")):
        assert option in known, f"{line}: no option {option}"
