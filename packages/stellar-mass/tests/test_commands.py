import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.core.errors import SchemaError
from decan.stellar_mass.commands import commands, library


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    mass = rng.uniform(9, 11, 200)
    frame = pd.DataFrame({"name": [f"g{i}" for i in range(200)], "logmstar": mass})
    frame["mag_g"] = 27 - mass + rng.normal(0, 0.2, 200)
    frame["mag_r"] = 26.5 - mass + rng.normal(0, 0.2, 200)
    frame["axis_ratio"] = rng.uniform(0.2, 1, 200)
    frame["kind"] = np.where(mass > 10, "E", "L")
    path = tmp_path / "galaxies.csv"
    frame.to_csv(path, index=False)
    return path


def test_decompose_prints_components_and_writes_one_page_with_the_floor(table, tmp_path):
    page, objects = tmp_path / "page.html", tmp_path / "parts.parquet"
    result = CliRunner().invoke(
        commands,
        ["decompose", str(table), "--target", "logmstar", "--first", "mag_g,mag_r",
         "--second", "axis_ratio", "--classes", "kind", "--estimator", "copula",
         "--out", str(page), "--objects", str(objects)],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "synergistic" in result.output
    parts = pd.read_parquet(objects)
    assert len(parts) == 200
    assert {"name", "information_12", "synergistic"} <= set(parts.columns)
    text = page.read_text()
    assert "permuted" in text
    assert "By class" in text


def test_predict_learns_from_a_column_out_of_fold(table, tmp_path):
    out = tmp_path / "masses.csv"
    result = CliRunner().invoke(
        commands,
        ["predict", str(table), "--target", "logmstar", "--inputs", "mag_g,mag_r",
         "--members", "1", "--out", str(out)],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    masses = pd.read_csv(out)
    assert list(masses.columns) == ["name", "log_mass", "log_mass_sd", "log_mass_16", "log_mass_84"]
    assert (masses["log_mass_16"] < masses["log_mass_84"]).all()


def test_predict_with_the_shipped_weights(tmp_path):
    from decan.stellar_mass.shipped import PHOTOMETRY_COLUMNS
    from decan.stellar_mass.simulate import simulate_galaxies

    galaxies = simulate_galaxies(30, rng=0)[list(PHOTOMETRY_COLUMNS)]
    path, out = tmp_path / "sdss.csv", tmp_path / "masses.csv"
    galaxies.to_csv(path, index=False)
    result = CliRunner().invoke(commands, ["predict", str(path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(out)) == 30


def test_a_column_that_is_not_there_is_named_with_its_nearest_kin(table, tmp_path):
    result = CliRunner().invoke(
        commands,
        ["decompose", str(table), "--target", "logmstar", "--first", "mag_q",
         "--second", "mag_r", "--out", str(tmp_path / "x.html")],
    )  # fmt: skip
    assert "did you mean 'mag_" in str(result.exception)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["predict"], "columns are missing, first 'petroMag_u'"),
        (["predict", "--target", "logmstar", "--inputs", "mag_g,kind"], "'kind': row 0 is '"),
        (["decompose", "--target", "mass", "--first", "mag_g", "--second", "mag_r"], "no column"),
    ],
)
def test_a_bad_table_is_named_in_one_line(table, tmp_path, command, words):
    name, *options = command
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(commands, [name, str(table), *options, "--out", str(out)])
    assert isinstance(result.exception, SchemaError)
    assert str(result.exception).startswith(f"{table}: ")
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not out.exists()


def test_help_loads_nothing_heavy():
    code = (
        "import sys; import decan.stellar_mass.commands; import decan.stellar_mass;"
        "print([m for m in ('torch', 'sklearn', 'matplotlib', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert library.name == "stellar-mass"


def test_rows_without_a_target_are_left_out_and_counted_also_where_a_sentinel_says_so(table):
    frame = pd.read_csv(table)
    frame.loc[:2, "logmstar"] = [np.nan, -9999, -999]
    frame.to_csv(table, index=False)
    result = CliRunner().invoke(
        commands,
        ["decompose", str(table), "--target", "logmstar", "--first", "mag_g", "--second", "mag_r",
         "--estimator", "copula", "--out", str(table.with_suffix(".html"))],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "3 rows without logmstar left out" in result.output
