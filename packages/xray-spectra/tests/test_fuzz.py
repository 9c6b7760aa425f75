"""Spoilt spectra and responses: read, or refused in one line of our own."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from decan.core.testing import assert_only_own_errors
from decan.xray_spectra import Spectrum, read_spectra
from decan.xray_spectra.ogip import read_spectrum_table
from decan.xray_spectra.response_files import read_arf, read_response, read_rmf

EDGES = np.round(np.linspace(0.2, 10.2, 121), 6)


@pytest.fixture
def written(tmp_path, write_pha, write_pha3, write_response):
    """A file of each kind, in a folder where nothing else is."""
    folder = tmp_path / "valid"
    folder.mkdir()
    arf, rmf = write_response(folder, EDGES[:-1], EDGES[1:])
    long = _variable_matrix(folder / "long.rmf")
    flags = [(name, "I", np.zeros(120, int), None) for name in ("QUALITY", "GROUPING")]
    pha = write_pha(folder / "source.pha", np.arange(120), columns=flags)
    zipped = folder / "source.pha.gz"
    zipped.write_bytes(gzip.compress(pha.read_bytes()))
    pha3 = write_pha3(folder / "both.pha3", {"TOTAL": 5, "BKG": 1})
    return {"pha": pha, "pha.gz": zipped, "pha3": pha3, "arf": arf, "rmf": rmf, "long rmf": long}


def _variable_matrix(path):
    """A matrix in columns of variable length, as the archives write it."""
    from astropy.io import fits

    n = 120
    channels = [np.array([max(1, i - 3), min(n - 2, i + 10)]) for i in range(n)]
    columns = [
        fits.Column("ENERG_LO", "E", unit="keV", array=EDGES[:-1]),
        fits.Column("ENERG_HI", "E", unit="keV", array=EDGES[1:]),
        fits.Column("N_GRP", "I", array=np.full(n, 2)),
        fits.Column("F_CHAN", "PI()", array=np.array(channels, dtype=object)),
        fits.Column("N_CHAN", "PI()", array=np.array([np.array([3, 2])] * n, dtype=object)),
        fits.Column("MATRIX", "PE()", array=np.array([np.full(5, 0.2)] * n, dtype=object)),
    ]
    matrix = fits.BinTableHDU.from_columns(columns, name="MATRIX")
    matrix.header.update(HDUCLAS1="RESPONSE", HDUCLAS2="RSP_MATRIX", TLMIN4=1, DETCHANS=n)
    bounds = fits.BinTableHDU.from_columns(
        [
            fits.Column("CHANNEL", "J", array=np.arange(1, n + 1)),
            fits.Column("E_MIN", "E", unit="keV", array=EDGES[:-1]),
            fits.Column("E_MAX", "E", unit="keV", array=EDGES[1:]),
        ],
        name="EBOUNDS",
    )
    bounds.header.update(HDUCLAS1="RESPONSE", HDUCLAS2="EBOUNDS")
    fits.HDUList([fits.PrimaryHDU(), matrix, bounds]).writeto(path)
    return path


def _background(path):
    return read_spectrum_table(path, part="background")


def _folded(path):
    """What a matrix that was read gives must fold, too."""
    response = read_response(None, path)
    return response.fold(np.ones(response.area.size))


def _binned(path):
    return Spectrum.from_ogip(path).binned()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("pha", _binned),
        ("pha.gz", _binned),
        ("pha3", _binned),
        ("pha3", _background),
        ("arf", read_arf),
        ("rmf", read_rmf),
        ("rmf", _folded),
        ("long rmf", _folded),
    ],
)
def test_a_spoilt_file_is_read_or_refused(written, tmp_path, kind, read):
    folder = tmp_path / "spoilt"
    folder.mkdir()
    assert assert_only_own_errors(read, written[kind], folder, n=100, seed=21) > 20


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_spoilt_file_among_many_is_a_row(written, tmp_path):
    from decan.core.testing import spoilt

    folder, paths = tmp_path / "spoilt", []
    folder.mkdir()
    for number, content in enumerate(spoilt(written["pha"].read_bytes(), 30, seed=22)):
        paths.append(folder / f"{number}.pha")
        paths[-1].write_bytes(content)
    batch = read_spectra([*paths, written["pha"]])
    assert np.isfinite(batch.counts).all()
    assert batch.total[-1] > 0
