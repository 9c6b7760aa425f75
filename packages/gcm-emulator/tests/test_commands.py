from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.core.testing import assert_page_reads_well, browser  # noqa: F401
from decan.gcm_emulator import GCMField
from decan.gcm_emulator.commands import commands

RUNNER = CliRunner()
WASP121 = ("--period", 1.2749, "--star", 6459, 1.458, 1.353)


def run(*words) -> str:
    done = RUNNER.invoke(commands, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


def test_predict_writes_the_climate_and_its_page(tmp_path):
    page, fields = tmp_path / "planet.html", tmp_path / "planet.nc"
    output = run("predict", *WASP121, "--name", "WASP-121 b", "--out", page, "--netcdf", fields)
    assert "inside the training planets" in output
    assert "day night" in output
    text = page.read_text()
    assert "How far to believe it" in text
    assert GCMField.read(fields).planet.name == "WASP-121 b"


def test_diagnose_and_spectrum_read_a_field(field, tmp_path):
    path = field.to_netcdf(tmp_path / "planet.nc")
    output = run("diagnose", path, "--out", tmp_path / "page.html")
    assert "hotspot offset" in output
    assert "mass conservation" in (tmp_path / "page.html").read_text()
    run("spectrum", path, "--grey", "--out", tmp_path / "spectrum.csv")
    table = pd.read_csv(tmp_path / "spectrum.csv")
    assert len(table) == 5
    assert np.isfinite(table.to_numpy(dtype=float)).all()


def test_fit_learns_a_folder_and_predict_uses_it(grid, tmp_path):
    for k in range(0, len(grid), 2):
        grid[k].to_netcdf(tmp_path / f"{grid.planets[k].name}.nc")
    assert "10 planets" in run("fit", tmp_path, "--pattern", "*.nc", "--out", tmp_path / "own")
    output = run("predict", "--period", 3.0, "--emulator", tmp_path / "own")
    assert "K" in output


def test_an_extrapolation_can_be_refused():
    done = RUNNER.invoke(commands, ["predict", "--period", "3000", "--strict"])
    assert done.exit_code != 0
    assert "outside the training planets" in str(done.exception)


@pytest.mark.browser
def test_the_page_of_a_prediction_reads_well(browser, tmp_path):  # noqa: F811
    page = tmp_path / "planet.html"
    run("predict", *WASP121, "--out", page)
    for width in (390, 1280):
        assert_page_reads_well(browser, page, width=width)


def test_text_of_another_code_is_diagnosed(tmp_path):
    path = tmp_path / (
        "PTprofiles-Teq_1600-LogMet_0.0-LogDrag_0-Mstar_1.1-Rp_1.3-logG_1.3-TiOVO_true.dat"
    )
    places = [(x, y, p) for x in range(-150, 181, 60) for y in (-45, 0, 45) for p in (1e-3, 0.1, 1)]
    rows = [
        f"{k}, {x}, {y}, {p}, {1400 + 300 * np.cos(np.deg2rad(x)):.2f}"
        for k, (x, y, p) in enumerate(places)
    ]
    path.write_text("\n".join(rows) + "\n")
    assert "day night" in run("diagnose", path)
