"""The plan of the house, as far as a test can hold it."""

from __future__ import annotations

import re
import subprocess

import pytest
from house import CORE, DISTRIBUTIONS, LIBRARIES, ROOT, Distribution

import decan.core
from decan.core.library import HOUSE, installed_libraries

by_name = pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda one: one.name)
by_library = pytest.mark.parametrize("library", LIBRARIES, ids=lambda one: one.name)


def test_the_packages_are_libraries_of_the_house():
    assert {library.short for library in LIBRARIES} <= set(HOUSE)


def test_every_package_is_installed_and_tells_about_itself():
    installed = installed_libraries()
    assert sorted(installed) == sorted(library.short for library in LIBRARIES)
    for name, library in installed.items():
        assert library.name == name
        assert library.title
        assert library.paper
        assert library.try_it.startswith(f"decan {name} ")


@by_name
def test_the_version_is_taken_from_the_one_place(distribution: Distribution):
    settings = distribution.settings
    assert settings["project"]["dynamic"] == ["version"]
    place = distribution.folder / settings["tool"]["hatch"]["version"]["path"]
    assert place.resolve() == (CORE.source / "_version.py").resolve()


@by_library
def test_a_library_asks_for_the_core_of_its_own_minor_version(library: Distribution):
    major, minor = decan.core.__version__.split(".")[:2]
    wanted = f"decan-core>={major}.{minor},<{major}.{int(minor) + 1}"
    assert wanted in library.settings["project"]["dependencies"]


def test_the_citation_file_holds_the_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", text, re.M).group(1) == decan.core.__version__
    assert text.count("  - type: article") == len(HOUSE)


@by_name
def test_no_distribution_owns_the_namespace(distribution: Distribution):
    assert not (distribution.folder / "src" / "decan" / "__init__.py").exists()
    assert (distribution.source / "py.typed").exists()


@by_name
def test_a_distribution_has_the_parts_of_every_distribution(distribution: Distribution):
    for part in ("README.md", "tests", "pyproject.toml"):
        assert (distribution.folder / part).exists(), part


@by_library
def test_no_library_imports_another(library: Distribution):
    others = {one.module for one in LIBRARIES} - {library.module}
    for path in library.source.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for other in others:
            assert not re.search(rf"^\s*(from|import) {re.escape(other)}\b", text, re.M), path


def test_every_library_is_known_to_the_tools():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for library in LIBRARIES:
        assert f'"{library.folder.relative_to(ROOT)}/src"' in text, "mypy_path"
        assert text.count(f'"{library.module}"') >= 2, "mypy packages, import-linter root_packages"


def test_nothing_committed_is_larger_than_the_weights_may_be():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    sizes = {
        name: (ROOT / name).stat().st_size
        for name in listed.stdout.split("\0")
        if name and (ROOT / name).exists()
    }
    assert max(sizes.values()) <= 5_000_000, max(sizes, key=sizes.get)


@by_library
def test_the_weights_of_a_wheel_stay_small(library: Distribution):
    weights = [path for path in library.source.rglob("weights/**/*") if path.is_file()]
    assert sum(path.stat().st_size for path in weights) <= 5_000_000
