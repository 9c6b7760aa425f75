"""Each distribution as a stranger installs it: built, alone with the core, in a clean place."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house import CORE, DISTRIBUTIONS, LIBRARIES, ROOT, Distribution

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def call(*words: str | Path, cwd: Path) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> dict[str, Path]:
    """A wheel of every distribution, by its name."""
    out = tmp_path_factory.mktemp("wheels")
    folders = [one.folder for one in DISTRIBUTIONS]
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", out, *folders, cwd=ROOT)  # fmt: skip
    found = {path.name.split("-")[0].replace("_", "-"): path for path in out.glob("*.whl")}
    assert sorted(found) == sorted(one.name for one in DISTRIBUTIONS)
    return found


@pytest.fixture(scope="module")
def clean_python(wheels, tmp_path_factory) -> Path:
    """The Python of a clean environment with nothing but the core in it."""
    place = tmp_path_factory.mktemp("clean")
    call(sys.executable, "-m", "venv", place / "venv", cwd=place)
    python = place / "venv" / "bin" / "python"
    install(python, "torch", cwd=place)
    install(python, wheels[CORE.name], cwd=place)
    return python


def install(python: Path, *what: str | Path, cwd: Path) -> None:
    call(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", *what,
         cwd=cwd)  # fmt: skip


def test_no_wheel_holds_the_namespace_and_all_are_typed(wheels):
    for path in wheels.values():
        inside = zipfile.ZipFile(path).namelist()
        assert "decan/__init__.py" not in inside
        assert any(name.endswith("py.typed") for name in inside), path.name
        assert not any("/tests/" in name for name in inside), path.name


def test_the_core_alone_works(clean_python, tmp_path):
    assert "not installed" in call(clean_python, "-m", "decan.core.cli", "list", cwd=tmp_path)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda one: one.name)
def test_a_library_alone_with_the_core_works(library: Distribution, wheels, clean_python, tmp_path):
    """Installed from wheels, it imports, says its help, and passes its own tests."""
    before = call(clean_python, "-m", "pip", "freeze", cwd=tmp_path).splitlines()
    install(
        clean_python, f"{wheels[library.name]}[test]", f"{wheels[CORE.name]}[test]", cwd=tmp_path
    )
    try:
        call(clean_python, "-c", f"import {library.module} as x; assert x.__all__", cwd=tmp_path)
        assert "Usage" in call(clean_python, "-m", "decan.core.cli", library.short, "--help",
                               cwd=tmp_path)  # fmt: skip
        tests = library.folder.relative_to(ROOT) / "tests"
        call(clean_python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", tests,
             cwd=ROOT)  # fmt: skip
    finally:
        added = set(call(clean_python, "-m", "pip", "freeze", cwd=tmp_path).splitlines())
        extra = [line.split("==")[0].split(" @")[0] for line in added - set(before)]
        call(clean_python, "-m", "pip", "uninstall", "--quiet", "--yes", *extra, cwd=tmp_path)
