"""The experiments' own machinery: claims fit records, and cases fall back to the simulator."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import typer

from decan.core.experiment import SIMULATED, Result, Run
from decan.core.library import Library
from decan.latent_tension import experiments
from decan.latent_tension.experiments import _cases as cases


@pytest.fixture
def run(tmp_path):
    library = Library("latent-tension", "", "", "", typer.Typer())
    return Run(library, Result("latent-tension", "toy", "", "", "quick", 0, folder=tmp_path))


def test_what_is_recorded_about_fields_is_what_is_claimed(run):
    matches = pd.DataFrame(
        {
            "counts": [50.0, 200.0],
            "offset": [0.2, 0.1],
            "pos_err": [0.3, 0.3],
            "flux": [49.0, 210.0],
        }
    )
    score = {"found": [0, 1, 1, 0], "total": [2, 2, 1, 0], "false": 1, "on_extended": 0,
             "extended_found": 2, "matches": matches}  # fmt: skip
    cases.record_scores(run, [score, score])
    recorded = {m.metric for m in run.result.measurements}
    claimed = {claim.metric for claim in experiments.fields.claims}
    assert recorded - claimed == {"extended objects found a field"}
    values = {m.metric: m.value for m in run.result.measurements}
    assert values["completeness 30-100 counts"] == 0.5
    assert values["false points a field"] == 1


def test_without_the_data_folder_fields_are_simulated_and_it_is_said(run):
    [(image, truth, diffuse)] = cases.field_cases(run)
    assert image.shape == diffuse.shape == (3, 64, 64)
    assert len(truth) == 9
    assert run.result.inputs[0]["provenance"] == SIMULATED


def test_association_gives_each_catalogued_source_to_one_point():
    known = pd.DataFrame(
        {"x": [10.0, 12.0, 40.0], "y": [10.0, 10.0, 40.0], "npred": [100.0, 50.0, 80.0],
         "r95_deg": [0.05, 0.05, np.nan], "extended": [False, False, True],
         "extent_deg": [np.nan, np.nan, 0.5]}
    )  # fmt: skip
    seen = pd.DataFrame({"kind": "point", "x": [11.0, 42.0, 70.0], "y": [10.0, 40.0, 70.0]})
    found, extra, on_disk, pulls = cases.associated(seen, known)
    assert (found, extra, on_disk) == (1, 1, 1)
    assert pulls == pytest.approx([2.0])


def test_a_share_of_hits_has_an_interval_over_fields(run):
    hits = np.array([1.0, 0.0, 1.0, 1.0])
    value = cases.share_of(hits, np.array([0, 0, 1, 1]), run)
    assert value.value == 0.75
    assert value.low <= 0.75 <= value.high


def test_the_slope_is_compared_with_the_simulators_own_between_the_same_wave_numbers():
    k = np.geomspace(1, 64, 20) / 128
    log = -2 * np.log1p((k * 128) ** 2)
    table = pd.DataFrame({"k": k, "power": np.exp(log)})
    slope = (log[-1] - log[0]) / np.log(k[-1] / k[0])
    table.attrs["slope"] = (slope, 0.1)
    assert cases.slope_pull(table, 128) == pytest.approx(0, abs=1e-9)
    # One whole power off is seven joint sigmas of 0.1 each.
    table.attrs["slope"] = (slope + 1, 0.1)
    assert cases.slope_pull(table, 128) == pytest.approx(1 / np.hypot(0.1, 0.1))


def test_the_true_spectrum_has_the_simulated_rms():
    size = 64
    axis = np.fft.fftfreq(size)
    k = np.hypot(axis[:, None], axis).ravel()
    _, power = cases.true_spectrum(pd.DataFrame({"k": k}), size)
    # White noise of unit variance has power one, so the mean power of all modes is the variance.
    assert np.mean(np.where(k > 0, power, 0)) == pytest.approx(0.6**2)


def test_a_part_of_a_cut_run_is_made_once(run, tmp_path):
    calls = []
    for _ in range(2):
        part = cases.kept(run, "field-01", lambda: calls.append(1) or {"found": [1, 2]})
        assert part == {"found": [1, 2]}
    assert len(calls) == 1
    cases.forget(run)
    assert not list(run.folder.glob("field-*.json"))


def test_a_bright_point_that_was_missed_is_listed_with_its_surroundings():
    truth = pd.DataFrame(
        {"kind": ["point", "point", "shell"], "x_pix": [10.0, 13.0, 30.0],
         "y_pix": [10.0, 14.0, 10.0], "counts_total": [400.0, 150.0, 900.0],
         "size_pix": [0.0, 0.0, 5.0]}
    )  # fmt: skip
    seen = pd.DataFrame({"kind": ["point"], "x": [10.0], "y": [10.0], "flux": [390.0],
                         "pos_err": [0.1]})  # fmt: skip
    [row] = cases.missed_bright(3, seen, truth)
    assert (row["field"], row["counts"]) == (3, 150.0)
    assert row["nearest true point (px)"] == pytest.approx(5.0)
    assert row["nearest found (px)"] == pytest.approx(5.0)
