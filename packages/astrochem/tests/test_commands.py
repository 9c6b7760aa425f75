"""The commands, from a table to a page, and the experiments."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.astrochem import simulate_grid
from decan.core.cli import build_app
from decan.core.library import find_library
from decan.core.testing import assert_page_reads_well


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A grid as a user's Parquet file."""
    grid = simulate_grid(64, rng=1)
    frame = grid.abundances.reset_index().merge(grid.inputs.reset_index(), on="model_id")
    path = tmp_path_factory.mktemp("user") / "grid.parquet"
    frame.to_parquet(path)
    return path


def call(*words: str) -> str:
    done = CliRunner().invoke(build_app(), ["astrochem", *map(str, words)])
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output


@pytest.fixture(scope="module")
def explained(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("explain")
    call("explain", table, "--ratio", "CN/HCN", "--ratio", "HNC/HCN", "--refits", "2", "--out", out)
    return out


def test_a_grid_is_explained_in_tables_and_one_page(explained):
    names = {path.name for path in explained.iterdir()}
    assert names == {"explain.html", "ratios.csv", "scores.csv", "importance.csv"}
    assert set(pd.read_csv(explained / "importance.csv")["ratio"]) == {"CN/HCN", "HNC/HCN"}
    page = (explained / "explain.html").read_text()
    assert "line intensities" in page


def test_a_cloud_is_retrieved_with_the_shipped_emulators(tmp_path):
    path = tmp_path / "ratios.csv"
    path.write_text(
        "source,ratio,log10_value,err_low,err_high,limit\n"
        "A,CN/HCN,-0.5,0.15,0.15,0\nA,HNC/HCN,-0.5,0.15,0.15,0\nB,HNC/HCN,4.0,0.05,0.05,0\n"
    )
    call("retrieve", path, "--out", tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "posteriors.csv")
    assert found[found["source"] == "A"]["flag"].isna().all()
    # HNC is never ten thousand times more abundant than HCN anywhere in the box.
    assert set(found[found["source"] == "B"]["flag"]) == {"inconsistent"}
    assert found[found["source"] == "B"]["median"].isna().all()
    assert "There is no result" in (tmp_path / "out" / "retrieve.html").read_text()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_reads_well(explained, browser, width):
    assert_page_reads_well(browser, explained / "explain.html", width=width)


def test_extending_without_uclchem_says_how_to_get_it(tmp_path):
    done = CliRunner().invoke(
        build_app(), ["astrochem", "extend-grid", "--n", "4", "--out", str(tmp_path)]
    )
    assert done.exit_code != 0
    assert "UCLCHEM is not installed" in str(done.exception)


def test_the_quick_weights_are_made_by_the_command(tmp_path):
    assert "written" in call("train", "--preset", "quick", "--out", tmp_path / "weights")
    assert (tmp_path / "weights" / "manifest.json").exists()


@pytest.mark.parametrize("data", [True, False], ids=["with data", "without data"])
def test_light_experiments_run_with_and_without_the_data_folder(tmp_path, monkeypatch, data):
    from decan.core.experiment import reproduce

    if not data:
        monkeypatch.setenv("DECAN_DATA", str(tmp_path / "nothing"))
        monkeypatch.setenv("DECAN_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("DECAN_OFFLINE", "1")
    library = find_library("astrochem")
    chosen = {name: library.experiments()[name] for name in ("minichem", "classical-view")}
    results = reproduce(library, chosen, tmp_path / "out")
    assert [result.status for result in results] == ["done", "done"]


@pytest.mark.slow
def test_main_experiments_are_done_without_the_data_folder(tmp_path, monkeypatch):
    from decan.core.experiment import reproduce

    monkeypatch.setenv("DECAN_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("DECAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DECAN_OFFLINE", "1")
    library = find_library("astrochem")
    names = ("probe", "where-carbon-matters", "learning")
    chosen = {name: library.experiments()[name] for name in names}
    results = reproduce(library, chosen, tmp_path)
    assert {result.experiment: result.message for result in results if result.message} == {}


def test_a_ratio_that_cannot_be_learned_does_not_silence_the_others(table, tmp_path):
    frame = pd.read_parquet(table).assign(SO=-20.0)
    frame.to_parquet(tmp_path / "grid.parquet")
    words = ("--ratio", "CS/SO", "--ratio", "HNC/HCN", "--refits", "2", "--out", tmp_path / "out")
    call("explain", tmp_path / "grid.parquet", *words)
    assert "masked in 100% of 64 models" in (tmp_path / "out" / "explain.html").read_text()
    scores = pd.read_csv(tmp_path / "out" / "scores.csv").set_index("ratio")["R2"]
    assert scores.isna().to_dict() == {"CS/SO": True, "HNC/HCN": False}
