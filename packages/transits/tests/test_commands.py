import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from decan.transits.commands import commands, library


@pytest.fixture
def table(tmp_path, planet):
    curve, _ = planet
    path = tmp_path / "star.csv"
    rows = "\n".join(f"{t:.6f},{f:.8f}" for t, f in zip(curve.time, curve.flux, strict=True))
    path.write_text(f"time,flux\n{rows}\n")
    return path


def test_vet_prints_a_verdict_and_writes_a_page(table, tmp_path):
    page = tmp_path / "page.html"
    result = CliRunner().invoke(
        commands,
        ["vet", str(table), "--period", "5", "--epoch", "2.5", "--duration", "3",
         "--out", str(page)],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "planet candidate" in result.output
    assert "odd and even" in result.output
    assert "data:image/png" in page.read_text()


def test_help_loads_neither_torch_nor_xgboost():
    code = (
        "import sys; import decan.transits.commands; import decan.transits;"
        "print([m for m in ('torch', 'xgboost', 'matplotlib', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_house_knows_the_library():
    assert library.name == "transits"
    assert [one for one in library.experiments().values() if one.tour]


def test_every_data_set_says_where_it_comes_from():
    registry = library.datasets()
    for name in registry.names():
        dataset = registry[name]
        assert dataset.citation
        assert dataset.licence
        assert dataset.read is not None


def test_score_writes_one_row_a_signal(tmp_path):
    import pandas as pd

    from decan.transits.scorer import DR25_COLUMNS

    frame = pd.DataFrame({name: np.ones(3) for name in DR25_COLUMNS})
    frame["kepid"] = [1, 2, 3]
    source, sink = tmp_path / "kois.csv", tmp_path / "scores.csv"
    frame.to_csv(source, index=False)
    result = CliRunner().invoke(commands, ["score", str(source), "--out", str(sink)])
    assert result.exit_code == 0, result.output
    scored = pd.read_csv(sink)
    assert len(scored) == 3
    assert scored["planet_probability"].between(0, 1).all()


def test_a_finished_training_leaves_the_weights_and_nothing_else(tmp_path, monkeypatch):
    from decan.transits import shipped

    class Trained:
        def save(self, folder, *, metrics, training):
            folder.mkdir()
            return folder

    def classifier(*, checkpoint, **_):
        for number in range(2):
            checkpoint.with_name(f"{checkpoint.name}.{number}").write_text("half way")
        return Trained(), {}, {}

    monkeypatch.setattr(shipped, "train_koi_scorer", lambda **_: (Trained(), {}, {}))
    monkeypatch.setattr(shipped, "train_signal_classifier", classifier)
    made = shipped.train_shipped(tmp_path / "weights")
    assert sorted(path.name for path in made) == ["kepler-kois", "yu2019-signals"]
    assert sorted((tmp_path / "weights").iterdir()) == sorted(made)
