from __future__ import annotations

import pytest

from decan.core.experiment import SIMULATED, reproduce
from decan.gaia_variables import VariablesPipeline, experiments
from decan.gaia_variables.commands import library
from decan.gaia_variables.shipped import train_shipped

QUICK = {name: one for name, one in library.experiments().items() if "quick" in one.presets}


@pytest.fixture
def nothing_at_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("DECAN_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("DECAN_OFFLINE", "1")


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_an_experiment_runs_without_data_and_says_that_it_simulated(
    name, nothing_at_hand, tmp_path
):
    [result] = reproduce(library, {name: QUICK[name]}, tmp_path / "out", debug=True)
    assert result.status == "done"
    assert result.measurements
    assert {one.provenance for one in result.measurements} == {SIMULATED}


def test_exactly_one_experiment_is_the_tour():
    assert [name for name, one in library.experiments().items() if one.tour] == ["portraits"]
    assert experiments.portraits.tour


@pytest.mark.slow
def test_a_killed_training_goes_on_with_the_stages_that_were_finished(nothing_at_hand, tmp_path):
    out = tmp_path / "weights"
    kept = tmp_path / ".weights.checkpoints"
    VariablesPipeline.pretrained().xp.save(kept / "other")
    path = train_shipped(out, preset="quick", progress=False)
    pipeline = VariablesPipeline.load(path)
    assert pipeline.manifest_["training"]["n"]["simulated_curves"] == 600
    assert not kept.exists()
