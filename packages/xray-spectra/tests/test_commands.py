import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.xray_spectra import Spectrum
from decan.xray_spectra.commands import commands, library
from decan.xray_spectra.pages import source_page


@pytest.fixture
def files(tmp_path, write_pha, write_response):
    edges = np.round(np.linspace(0.2, 10.2, 1001), 6)
    write_response(tmp_path, edges[:-1], edges[1:], area=400.0)
    rng = np.random.default_rng(0)
    energy = (edges[1:] + edges[:-1]) / 2
    paths = []
    for i in range(3):
        counts = rng.poisson(300 * energy**-1.8 / (energy**-1.8).sum())
        path = tmp_path / f"source{i}.pha"
        paths.append(write_pha(path, counts, RESPFILE="test.rmf", ANCRFILE="test.arf"))
    return paths


def test_encode_writes_a_row_a_file_and_says_what_is_bad(files, tmp_path):
    files[1].write_text("<html>gone</html>")
    out = tmp_path / "latents.parquet"
    result = CliRunner().invoke(commands, ["encode", *map(str, files), "--out", str(out)])
    assert result.exit_code == 0, result.output
    table = pd.read_parquet(out)
    assert table["flag"].tolist() == ["", "NOT_READ", ""]
    assert "gone" in result.output
    assert np.isfinite(table.loc[[0, 2], "z1"]).all()


@pytest.mark.bad_input(15)
def test_what_was_assumed_of_a_response_is_said_once_for_all_files(tmp_path, write_pha,
                                                                  write_response):  # fmt: skip
    edges = np.round(np.linspace(0.0, 10.0, 1001), 6)
    write_response(tmp_path, edges[:-1], edges[1:])
    named = {"RESPFILE": "test.rmf", "ANCRFILE": "test.arf"}
    counts = np.random.default_rng(0).poisson(1.0, 1000)
    paths = [write_pha(tmp_path / f"s{k}.pha", counts, **named) for k in range(3)]
    out = ["--out", str(tmp_path / "latents.csv")]
    result = CliRunner().invoke(commands, ["encode", *map(str, paths), *out])
    assert result.exit_code == 0, result.output
    assert result.output.count("test.rmf: row 1 begins at 0 keV; taken as 0.0001 (3 files)") == 1
    assert np.isfinite(pd.read_csv(tmp_path / "latents.csv")["z1"]).all()


def test_classify_prints_probabilities_that_sum_to_one(files, tmp_path):
    out = tmp_path / "classes.csv"
    result = CliRunner().invoke(commands, ["classify", *map(str, files), "--out", str(out)])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out)
    np.testing.assert_allclose(table.iloc[:, 2:10].sum(axis=1), 1, atol=1e-5)


def test_a_response_given_by_hand_serves_all_files(files, tmp_path, write_pha):
    bare = write_pha(tmp_path / "bare.pha", np.full(1000, 1))
    run = CliRunner()
    alone = run.invoke(commands, ["classify", str(bare)])
    assert alone.exit_code == 0
    assert "Give --rmf and --arf, or use --model channels." in alone.output
    out = tmp_path / "given.parquet"
    given = ["--rmf", str(tmp_path / "test.rmf"), "--arf", str(tmp_path / "test.arf")]
    result = run.invoke(commands, ["encode", str(bare), str(files[0]), *given, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert np.isfinite(pd.read_parquet(out)["z1"]).all()


def test_files_of_one_name_in_many_folders_keep_apart(tmp_path, write_pha):
    paths = []
    for folder in ("obs1", "obs2"):
        (tmp_path / folder).mkdir()
        paths.append(write_pha(tmp_path / folder / "src.pi", np.full(1024, 1)))
    out = tmp_path / "latents.csv"
    CliRunner().invoke(
        commands, ["encode", *map(str, paths), "--model", "channels", "--out", str(out)]
    )
    assert pd.read_csv(out)["name"].tolist() == [str(path) for path in paths]


def test_nothing_readable_ends_with_an_error(tmp_path):
    (tmp_path / "a.pha").write_text("<html>moved</html>")
    for command in ("encode", "classify"):
        options = ["--out", str(tmp_path / "out.csv")]
        result = CliRunner().invoke(commands, [command, str(tmp_path / "a.pha"), *options])
        assert result.exit_code == 1
        assert "moved" in result.output


def test_portions_of_files_give_the_same_rows_as_all_at_once(files, tmp_path, monkeypatch):
    tables = []
    for at_once in (2, 100):
        monkeypatch.setattr("decan.xray_spectra.commands._AT_ONCE", at_once)
        out = tmp_path / f"{at_once}.parquet"
        CliRunner().invoke(commands, ["encode", *map(str, files), "--out", str(out)])
        tables.append(pd.read_parquet(out))
    pd.testing.assert_frame_equal(*tables, atol=1e-4, rtol=1e-4)


def test_a_page_shows_counts_photons_classes_and_neighbours(files):
    page = source_page(Spectrum.from_ogip(files[0])).render()
    for words in ("Counts", "Photon spectrum", "Class", "Neighbours", "data:image/png"):
        assert words in page


def test_simulate_writes_spectra_with_their_truth(tmp_path):
    result = CliRunner().invoke(commands, ["simulate", "--n", "12", "--out", str(tmp_path / "s")])
    assert result.exit_code == 0, result.output
    assert len(pd.read_parquet(tmp_path / "s" / "truth.parquet")) == 12
    with np.load(tmp_path / "s" / "spectra.npz") as held:
        assert held["counts"].shape == (12, 1024)


def test_help_loads_neither_torch_nor_pandas():
    code = (
        "import sys; import decan.xray_spectra.commands; import decan.xray_spectra;"
        "print([m for m in ('torch', 'astropy', 'matplotlib', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_house_knows_the_library():
    assert library.name == "xray-spectra"
    assert sum(one.tour for one in library.experiments().values()) == 1
    for name in library.datasets().names():
        dataset = library.datasets()[name]
        assert dataset.citation
        assert dataset.licence
        assert dataset.read is not None
