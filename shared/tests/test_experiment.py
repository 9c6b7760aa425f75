"""Runs and their records."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from decan.core.errors import CorruptFile
from decan.core.experiment import (
    MIXED,
    REAL,
    SIMULATED,
    Claim,
    Measurement,
    Result,
    Run,
    experiment,
    read_results,
    reproduce,
    verdict,
)
from decan.core.library import Library

LIBRARY = Library("pulx", "A toy", "A et al. 2025", "decan pulx", typer.Typer())


def measured(value, low=math.nan, high=math.nan, provenance=REAL):
    return Measurement("AP", value, low, high, 100, provenance)


@pytest.fixture
def run(tmp_path):
    return Run(LIBRARY, Result("pulx", "toy", "Toy", "", "quick", 7, folder=tmp_path))


@pytest.mark.parametrize(
    ("claim", "value", "words"),
    [
        (Claim("AP", goal=0.9), measured(0.9), "reached"),
        (Claim("AP", goal=0.9), measured(0.89), "missed"),
        (Claim("AP", goal=0.9), measured(0.89, 0.87, 0.91), "missed (goal inside the interval)"),
        (Claim("AP", goal=0.1, better="lower"), measured(0.09), "reached"),
        (Claim("AP", goal=0.1, better="lower"), measured(0.11, 0.10, 0.12),
         "missed (goal inside the interval)"),
        (Claim("AP", goal=(0.6, 0.76)), measured(0.68), "reached"),
        (Claim("AP", goal=(0.6, 0.76)), measured(0.8), "missed"),
        (Claim("AP", published=0.97), measured(0.97), "at least as good as published"),
        (Claim("AP", published=0.97), measured(0.96), "below published"),
        (Claim("AP"), measured(0.96), "measured"),
        (None, measured(0.96), "measured"),
        (Claim("AP", goal=0.9), measured(math.nan), "not measurable"),
    ],
)  # fmt: skip
def test_the_verdict_follows_the_goal_and_else_the_published_value(claim, value, words):
    assert verdict(claim, value) == words


@given(st.sampled_from([SIMULATED, MIXED]), st.floats(0, 1))
def test_simulated_numbers_are_never_compared_with_a_claim_about_real_data(provenance, value):
    words = verdict(Claim("AP", 0.5, goal=0.5), measured(value, provenance=provenance))
    assert words.startswith("not compared")


def test_a_claim_with_a_wrong_direction_is_refused():
    with pytest.raises(ValueError, match="'higher' or 'lower'"):
        Claim("AP", 0.9, better="more")


def test_a_record_without_its_size_is_refused(run):
    with pytest.raises(ValueError, match="how many objects"):
        run.record("AP", 0.9, provenance=REAL)


def test_a_metric_is_recorded_once(run):
    run.record("AP", 0.9, provenance=REAL, n=3)
    with pytest.raises(ValueError, match="recorded before"):
        run.record("AP", 0.8, provenance=REAL, n=3)


def test_a_record_needs_a_provenance_of_the_three(run):
    with pytest.raises(ValueError, match="REALISTIC"):
        run.record("AP", 0.9, provenance="REALISTIC", n=3)


def test_a_result_read_again_is_the_same(run, tmp_path):
    run.result.claims = [Claim("AP", 0.97, source="table 4", goal=(0.6, 0.7), headline=True)]
    run.record("AP", 0.9, provenance=REAL, n=3, unit="dex", note="a note")
    run.used("three numbers", provenance=SIMULATED, n=3)
    run.note("A remark with ünïcode.")
    run.result.seconds = 1.0
    run.result.save()
    again = Result.load(tmp_path)
    assert again.claims == run.result.claims
    assert again.inputs == run.result.inputs
    assert again.notes == run.result.notes
    # NaN differs from itself, so the interval is compared by its text.
    assert [str(row) for row in again.measurements] == ["0.9 dex"]
    assert again.measurements[0].provenance is REAL


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1}'])
def test_a_broken_record_is_named(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(CorruptFile, match=r"result\.json"):
        read_results(tmp_path)


def test_a_run_is_repeated_by_its_seed_alone(tmp_path):
    @experiment(title="Drawing")
    def drawing(run):
        """Draws a number."""
        run.record("number", run.rng.normal(), provenance=SIMULATED, n=1)

    values = [
        reproduce(LIBRARY, {"drawing": drawing}, tmp_path / name, seed=seed)[0]
        .measurements[0]
        .value
        for name, seed in [("a", 3), ("b", 3), ("c", 4)]
    ]
    assert values[0] == values[1] == np.random.default_rng(3).normal()
    assert values[2] != values[0]


def test_an_interrupted_run_leaves_the_earlier_record_whole(tmp_path):
    calls = []

    @experiment(title="Interrupted")
    def interrupted(run):
        """Is interrupted the second time."""
        run.record("call", len(calls), provenance=SIMULATED, n=1)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    selected = {"interrupted": interrupted}
    reproduce(LIBRARY, selected, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        reproduce(LIBRARY, selected, tmp_path)
    assert read_results(tmp_path)[0].measurements[0].value == 0


def test_an_experiment_is_left_out_of_a_preset_that_is_not_its_own(tmp_path):
    @experiment(title="Long", presets=["paper"])
    def long(run):
        """Takes long."""

    assert reproduce(LIBRARY, {"long": long}, tmp_path, preset="quick") == []


KILLED = """
import os, pathlib, signal, sys
import typer
from decan.core.experiment import SIMULATED, experiment, reproduce
from decan.core.library import Library

@experiment(title="First")
def first(run):
    '''Ends well.'''
    run.record("call", len(list(run.folder.parents[1].glob("call-*"))), provenance=SIMULATED, n=1)
    (run.folder.parents[1] / f"call-{os.getpid()}").touch()

@experiment(title="Second")
def second(run):
    '''Is killed the first time.'''
    (run.folder / "half.csv").write_text("a,b\\n1,")
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    run.record("one", 1, provenance=SIMULATED, n=1)

library = Library("transits", "Killed", "", "", typer.Typer())
both = {"first": first, "second": second}
results = reproduce(library, both, pathlib.Path(sys.argv[1]), resume=True)
print([result.status for result in results], results[0].measurements[0].value)
"""


def test_a_killed_run_goes_on_where_it_was_with_what_was_finished(tmp_path):
    def run(mode):
        command = [sys.executable, "-c", KILLED, str(tmp_path), mode]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("kill").returncode == -9
    finished = [one.experiment for one in read_results(tmp_path) if one.status == "done"]
    assert finished == ["first"]
    again = run("go on")
    assert again.stdout.strip() == "['done', 'done'] 0.0", again.stderr
