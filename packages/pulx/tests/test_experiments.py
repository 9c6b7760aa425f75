"""Experiments run without data and say that they were simulated."""

import pytest

from decan.core.experiment import SIMULATED, reproduce
from decan.pulx.commands import library

FAST = ("published-split", "blind-search", "swift-recall", "candidates", "planner")


@pytest.mark.parametrize("name", FAST)
def test_an_experiment_works_without_any_data(name, tmp_path, monkeypatch):
    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("DECAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DECAN_OFFLINE", "1")
    experiments = library.experiments()
    [result] = reproduce(library, {name: experiments[name]}, tmp_path / "out", debug=True)
    assert result.status == "done"
    if name != "published-split":
        assert {row.provenance for row in result.measurements} == {SIMULATED}


def test_real_and_simulated_data_never_share_a_claim():
    for one in library.experiments().values():
        metrics = [claim.metric for claim in one.claims]
        assert len(metrics) == len(set(metrics))


def test_there_is_one_stop_of_the_tour():
    assert [one.name for one in library.experiments().values() if one.tour] == ["blind-search"]
