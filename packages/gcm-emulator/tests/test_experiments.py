from __future__ import annotations

import pytest

from decan.core.experiment import SIMULATED, reproduce
from decan.gcm_emulator import FieldEmulator
from decan.gcm_emulator.commands import library

CHEAP = ("noise-floor", "native-regrid", "chemistry", "tour")


def test_exactly_one_experiment_is_the_tour_and_all_say_what_they_do():
    experiments = library.experiments()
    assert [name for name, one in experiments.items() if one.tour] == ["tour"]
    assert all(one.description for one in experiments.values())
    assert {"dnn-vs-xgb", "leave-out", "spectra-ppm", "wasp43b-phase-curve"} <= set(experiments)


@pytest.mark.slow
def test_without_data_and_network_everything_runs_on_the_simulator(tmp_path, monkeypatch):
    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("DECAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DECAN_OFFLINE", "1")
    selected = {name: library.experiments()[name] for name in CHEAP}
    results = reproduce(library, selected, tmp_path / "results", preset="quick", debug=True)
    for result in results:
        assert result.status == "done", result.message
        assert result.measurements
        assert {one.provenance for one in result.measurements} == {SIMULATED}


def test_a_planet_can_be_given_as_a_row_of_a_table():
    row = {"period_day": 2.2921, "t_star_k": 6060.0, "r_star_rsun": 1.48, "m_star_msun": 1.273}
    prediction = FieldEmulator.pretrained().predict(row)
    assert prediction.field.planet.t_global_k == pytest.approx(1856, rel=0.03)
    with pytest.raises(ValueError, match="a planet needs m_star_msun"):
        FieldEmulator.pretrained().predict({k: v for k, v in row.items() if k != "m_star_msun"})
