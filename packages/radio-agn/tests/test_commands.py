import re

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from decan.core.experiment import reproduce
from decan.core.testing import assert_page_reads_well
from decan.radio_agn.commands import commands, library


@pytest.fixture(scope="session")
def written(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classify")
    files = []
    for k in range(3):
        header = fits.Header({"CDELT1": -0.0005, "CDELT2": 0.0005, "BMAJ": 0.0015, "BMIN": 0.0015})
        files.append(folder / f"source{k}.fits")
        fits.writeto(files[-1], made.images[k] if k < 2 else np.zeros((150, 150)), header)
    command = ["classify", *map(str, files), "--out", str(folder / "out")]
    with pytest.warns(UserWarning, match="not judged: source2"):
        result = CliRunner().invoke(commands, command, catch_exceptions=False)
    assert result.exit_code == 0
    return folder / "out"


def test_classify_writes_a_table_a_page_and_a_wall(written):
    import pandas as pd

    table = pd.read_csv(written / "classes.csv")
    assert table["status"].tolist() == ["ok", "ok", "blank"] or len(table) == 3
    assert table.filter(like="p_").iloc[:2].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert "Not judged (1)" in (written / "wall.html").read_text()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["page", "wall"])
def test_the_pages_read_well(browser, written, name, width):
    assert_page_reads_well(browser, written / f"{name}.html", width=width)


def test_files_that_are_no_cutouts_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("ra,dec\n1,2\n")
    command = ["classify", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    result = CliRunner().invoke(commands, command)
    assert result.exit_code != 0
    assert "expected FITS cutouts, or one table" in str(result.exception)


def test_exactly_one_experiment_is_the_tour():
    assert [one.name for one in library.experiments().values() if one.tour] == ["tour"]


@pytest.mark.slow
def test_the_simulated_experiments_run(tmp_path):
    chosen = {name: library.experiments()[name] for name in ("mask-quality", "four-classes")}
    results = reproduce(library, chosen, tmp_path, preset="quick", debug=True)
    assert [one.status for one in results] == ["done", "done"]
    assert all(str(one.provenance) == "SIMULATED" for r in results for one in r.measurements)


def test_tables_are_told_from_images_and_positions_are_named_with_their_file(tmp_path, monkeypatch):
    import pandas as pd
    from astropy.table import Table

    from decan.radio_agn import queries

    asked = []

    def fetch(ra, dec, **_):
        asked.append((float(ra[0]), float(dec[0])))
        raise ValueError("row 0: stop here")

    monkeypatch.setattr(queries, "fetch_cutouts", fetch)
    table = Table({"ra": [np.pi], "dec": [0.5]}, units={"ra": "rad", "dec": "rad"})
    table.write(tmp_path / "a.fits")
    pd.DataFrame({"ra": [180.0], "dec": [28.6479]}).to_csv(tmp_path / "a.csv.gz", index=False)
    for name in ("a.fits", "a.csv.gz"):
        result = CliRunner().invoke(commands, ["classify", str(tmp_path / name)])
        assert f"{name}: row 0: stop here" in str(result.exception)
    assert asked == [pytest.approx((180.0, 28.6479), abs=1e-4)] * 2


@pytest.mark.parametrize(
    ("arrays", "words"),
    [({"images": np.zeros(9)}, r"found shape \(9,\)"), ({"x": np.zeros((2, 9, 9))}, "images")],
)
def test_archives_without_pictures_are_refused(tmp_path, arrays, words):
    path = tmp_path / "unlabelled.npz"
    np.savez(path, **arrays)
    result = CliRunner().invoke(commands, ["pretrain", str(path), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, ValueError | OSError)
    assert re.search(words, str(result.exception))
    assert "unlabelled.npz" in str(result.exception)
