"""The command line: what goes wrong is one line, and says which file."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from decan.latent_tension import GaussianPSF, PhotonImage, simulate_field
from decan.latent_tension.commands import commands

runner = CliRunner()


@pytest.fixture
def good(tmp_path):
    counts = np.random.default_rng(0).poisson(1.0, (20, 22))
    return PhotonImage(counts, psf=GaussianPSF(1.2, size=7)).to_fits(tmp_path / "good.fits")


def test_an_image_becomes_skies_a_catalogue_and_a_page(good, tmp_path):
    out = tmp_path / "out"
    asked = ["decompose", str(good), "--loops", "0", "--out", str(out), "--threshold", "fdr"]
    result = runner.invoke(commands, asked)
    assert result.exit_code == 0, result.output
    assert {p.name for p in out.iterdir()} == {
        "components.fits", "catalogue.ecsv", "catalogue.parquet", "index.html",
    }  # fmt: skip


@pytest.mark.bad_input(2)
def test_a_file_of_rates_is_named_with_the_way_out(tmp_path):
    path = tmp_path / "rates.fits"
    psf = tmp_path / "psf.fits"
    fits.PrimaryHDU(np.full((20, 20), 0.5)).writeto(path)
    fits.PrimaryHDU(GaussianPSF(1.2, size=7).stamps(1)[0]).writeto(psf)
    result = runner.invoke(commands, ["decompose", str(path), "--psf", str(psf)])
    assert isinstance(result.exception, ValueError)
    assert "rates.fits: counts: not whole numbers" in str(result.exception)
    assert "--allow-float" in str(result.exception)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--threshold", "high"], "must be a number or 'fdr'"),
        (["--psf", "a.fits", "--psf", "b.fits"], "one for all or one an image"),
    ],
)
def test_options_that_make_no_sense_are_refused(good, more, word):
    result = runner.invoke(commands, ["decompose", str(good), *more])
    assert result.exit_code == 2
    assert word in " ".join(result.output.replace("│", " ").split())


def test_a_simulated_field_comes_with_its_truth(tmp_path):
    asked = ["simulate", str(tmp_path / "f.fits"), "--size", "48", "--points", "2"]
    assert runner.invoke(commands, [*asked, "--extended", "0"]).exit_code == 0
    assert PhotonImage.read(tmp_path / "f.fits").shape == (3, 48, 48)
    assert len((tmp_path / "f.truth.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"size": 10}, {"size": 32, "n_points": -3}, {"size": 32, "exposure": 0}]
)
def test_fields_that_cannot_be_are_not_simulated(wrong):
    with pytest.raises(ValueError, match=r"size \d+, n_points .*: expected 16 or more"):
        simulate_field(**wrong)
