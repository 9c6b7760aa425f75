"""Spoilt tables of every format: read, or refused in one line of our own."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from decan.core.data.tables import read_table
from decan.core.testing import assert_only_own_errors, spoilt

FORMATS = {
    "fits": "fits",
    "vot": "votable",
    "ecsv": "ascii.ecsv",
    "csv": "ascii.csv",
    "tsv": "ascii.tab",
    "tbl": "ascii.ipac",
    "parquet": "parquet",
    "csv.gz": "ascii.csv",
    "fits.gz": "fits",
}


def written(folder: Path, suffix: str) -> Path:
    """A table of numbers, text and absent cells, as astropy writes it."""
    rng = np.random.default_rng(1)
    table = Table(masked=True)
    table["kepid"] = np.arange(50) + 10**15
    table["name"] = [f"K{i:05d}.01" for i in range(50)]
    table["period"] = rng.lognormal(size=50) * u.day
    table["depth"] = rng.normal(size=50).astype(np.float32)
    table["depth"].mask[3] = True
    path = folder / f"table.{suffix.removesuffix('.gz')}"
    with warnings.catch_warnings():
        # Astropy warns of units lost in formats that have none, which is known here.
        warnings.simplefilter("ignore")
        table.write(path, format=FORMATS[suffix])
    if suffix.endswith(".gz"):
        packed = folder / f"table.{suffix}"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        return packed
    return path


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_spoilt_table_is_read_or_refused(suffix, tmp_path):
    valid = written(tmp_path, suffix)
    (tmp_path / "spoilt").mkdir()
    refused = assert_only_own_errors(read_table, valid, tmp_path / "spoilt", n=150, seed=7)
    # A mutator that never hurts would prove nothing.
    assert refused > 20


def test_spoilt_copies_differ_from_the_file_and_repeat():
    content = bytes(range(256)) * 40
    copies = list(spoilt(content, 50, seed=3))
    assert copies == list(spoilt(content, 50, seed=3))
    assert sum(copy != content for copy in copies) >= 49


def test_a_strange_error_fails_with_its_seed(tmp_path):
    (tmp_path / "new").mkdir()
    valid = tmp_path / "number.txt"
    valid.write_text("1234567890")
    with pytest.raises(AssertionError, match=r"number\.txt, seed 5, copy \d+: ValueError"):
        assert_only_own_errors(lambda path: int(path.read_bytes()), valid, tmp_path / "new", seed=5)
