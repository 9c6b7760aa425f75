"""The command line, driven with a toy library that stands where an installed one would."""

from __future__ import annotations

import json
import sys
import types
import warnings

import pytest
import typer

from decan.core import cli, library
from decan.core.data.registry import DataSet, File, Registry
from decan.core.errors import DecanError, SchemaError
from decan.core.experiment import REAL, SIMULATED, Claim, experiment
from decan.core.metrics import Estimate

pytestmark = pytest.mark.filterwarnings("ignore:The .* backend")


@experiment(title="Counting", claims=[Claim("count", 10.0, source="table 1", goal=9.0)], tour=True)
def counting(run):
    """Counts to nine, on real numbers."""
    import pandas as pd

    from decan.core.plotting import new_axes

    run.used("nine real numbers", provenance=REAL, n=9)
    ax = new_axes()
    ax.plot(range(9))
    run.figure("numbers", ax, caption="Nine numbers.")
    run.table("numbers", pd.DataFrame({"number": range(3)}), caption="Three of them.")
    run.record("count", Estimate(9.0, 8.5, 9.5, 9), provenance=REAL)
    run.note("The tenth was lost.")


@experiment(title="Dividing", presets=["standard"])
def dividing(run):
    """Divides by zero."""
    run.record("quotient", 1 / 0, provenance=SIMULATED, n=1)


@experiment(title="Reading", data=["missing"], presets=["standard", "paper"])
def reading(run):
    """Reads what is nowhere."""
    run.load("missing")


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A toy library installed under the name of a real one; gives a caller of the command."""
    commands = typer.Typer()

    @commands.command()
    def vet(mode: str) -> None:
        """Fails in the way that is asked for."""
        if mode == "schema":
            raise SchemaError("koi.csv: column 'koi_period' is missing")
        if mode == "interrupt":
            raise KeyboardInterrupt
        raise RuntimeError("a bug")

    @commands.command()
    def train() -> None:
        """Does nothing."""

    toy = library.Library("pulx", "A toy", "A et al. 2025", "decan pulx vet FILE", commands)
    file = File("missing.csv", sha256="0" * 64, size=10, sources=())
    archive = types.ModuleType("decan.pulx.archive")
    archive.DATASETS = Registry(
        "pulx",
        [
            DataSet(
                "missing",
                title="Nothing",
                files=(file,),
                licence="none",
                citation="nobody",
                read=lambda path: path.read_bytes(),
            )
        ],
    )
    room = types.ModuleType("decan.pulx.experiments")
    room.counting, room.dividing, room.reading = counting, dividing, reading
    monkeypatch.setitem(sys.modules, "decan.pulx", types.ModuleType("decan.pulx"))
    monkeypatch.setitem(sys.modules, "decan.pulx.archive", archive)
    monkeypatch.setitem(sys.modules, "decan.pulx.experiments", room)
    monkeypatch.setattr(cli, "installed_libraries", lambda: {"pulx": toy})
    monkeypatch.setattr(library, "installed_libraries", lambda: {"pulx": toy})
    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "no-data"))
    monkeypatch.setenv("DECAN_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["decan", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0

    return call


def test_list_names_all_ten_and_says_how_to_install_the_absent(toy, capsys):
    assert toy("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert any("pip install decan-transits" in line for line in lines)
    assert any(line.startswith("pulx") and "A toy" in line for line in lines)


def test_reproduce_prints_published_and_measured_side_by_side(toy, capsys):
    assert toy("reproduce", "pulx", "--out", "runs") == 0
    out = capsys.readouterr().out
    for word in ("count", "10", "≥ 9", "9 [8.5, 9.5]", "REAL", "reached"):
        assert word in out


def test_one_failing_experiment_does_not_stop_the_rest_and_the_exit_code_says_so(toy, capsys):
    assert toy("reproduce", "pulx", "--preset", "standard", "--out", "runs") == 1
    captured = capsys.readouterr()
    assert "division by zero" in captured.err
    assert "pulx reading: unavailable: pulx/missing" in captured.err
    assert "9 [8.5, 9.5]" in captured.out


def test_data_that_cannot_be_had_end_with_their_own_exit_code(toy, capsys):
    command = ("reproduce", "pulx", "--preset", "standard", "--only", "reading", "--out", "runs")
    assert toy(*command) == 3
    assert "unavailable" in capsys.readouterr().err


def test_resume_keeps_what_was_finished_and_runs_the_rest(toy, tmp_path):
    assert toy("reproduce", "pulx", "--out", "runs") == 0
    record = tmp_path / "runs" / "pulx" / "counting" / "result.json"
    before = record.stat().st_mtime_ns
    assert toy("reproduce", "pulx", "--out", "runs", "--resume") == 0
    assert record.stat().st_mtime_ns == before
    assert toy("reproduce", "pulx", "--out", "runs", "--resume", "--seed", "1") == 0
    assert record.stat().st_mtime_ns > before


def test_report_writes_one_file_with_the_figures_inside(toy, tmp_path):
    toy("reproduce", "pulx", "--out", "runs")
    assert toy("report", "runs") == 0
    page = (tmp_path / "runs" / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "Nine numbers." in page
    assert "The tenth was lost." in page
    assert "http" not in page


def test_tour_writes_one_page_that_says_how_to_go_on(toy, tmp_path):
    assert toy("tour") == 0
    page = (tmp_path / "decan-tour" / "index.html").read_text(encoding="utf-8")
    assert "decan pulx vet FILE" in page
    assert "nine real numbers" in page


def test_scoreboard_publishes_finished_results_and_renews_the_readme(toy, tmp_path, capsys):
    toy("reproduce", "pulx", "--out", "runs")
    from decan.core.report.scoreboard import BEGIN, END

    (tmp_path / "README.md").write_text(f"top\n{BEGIN}\nold\n{END}\nbottom\n", encoding="utf-8")
    assert toy("scoreboard", "runs") == 0
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("top\n")
    assert text.endswith("\nbottom\n")
    assert "old" not in text
    stored = json.loads((tmp_path / "docs/scoreboard/pulx/counting/result.json").read_text())
    assert stored["measurements"][0]["value"] == 9.0


def test_scoreboard_refuses_a_result_that_is_not_finished(toy, tmp_path, capsys):
    from decan.core.report.scoreboard import BEGIN, END

    toy("reproduce", "pulx", "--preset", "standard", "--only", "dividing", "--out", "runs")
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}", encoding="utf-8")
    assert toy("scoreboard", "runs") == 1
    assert "only finished results are published" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("pulx", "vet", "schema"), 1, "koi.csv: column 'koi_period' is missing"),
        (("pulx", "vet", "interrupt"), 130, "interrupted"),
        (("pulx", "vet", "bug"), 1, "a bug (RuntimeError; --debug shows where)"),
        (("reproduce", "transit"), 1, "did you mean 'transits'?"),
        (("reproduce", "transits"), 1, "pip install decan-transits"),
        (("reproduce", "pulx", "--only", "nothing"), 1, "no experiment 'nothing'"),
        (("reproduce", "pulx", "--preset", "huge"), 1, "preset 'huge' is not known"),
        (("reproduce",), 2, "--all"),
        (("no-such-command",), 2, "no-such-command"),
        (("report", "nowhere"), 1, "no results here"),
        (("data", "where", "pulx", "missing"), 3, "decan data fetch pulx missing"),
    ],
)
def test_an_error_is_one_clear_line_and_the_exit_code_means_something(
    toy, capsys, words, code, message
):
    assert toy(*words) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_debug_anywhere_shows_the_trace(toy, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["decan", "pulx", "vet", "schema", "--debug"])
    with pytest.raises(SchemaError):
        cli.main()


def test_a_library_that_is_not_of_the_house_is_named(toy):
    with pytest.raises(DecanError, match="there are transits, astrochem"):
        library.find_library("zzz")


def test_a_warning_is_one_line_without_the_place_in_our_code(toy, monkeypatch, capsys):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(sys, "argv", ["decan", "--version"])
    with pytest.raises(SystemExit):
        cli.main()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        shown = warnings.showwarning
        shown("times look\nlike JD", UserWarning, "curves.py", 12)
    assert capsys.readouterr().err == "decan: warning: times look like JD\n"
