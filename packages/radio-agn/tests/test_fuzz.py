"""Spoilt cutouts and batch archives: read, or refused in one line of our own."""

from __future__ import annotations

import pickle
import tarfile

import numpy as np
import pytest
from astropy.io import fits

from decan.core.testing import assert_only_own_errors
from decan.radio_agn import CutoutSet, read_batches


def cutout(folder):
    header = fits.Header({"OBJECT": "J1200+3000", "BMAJ": 0.0015, "BMIN": 0.0015, "BPA": 10.0})
    for axis, (kind, sign) in enumerate((("RA---SIN", -1), ("DEC--SIN", 1)), 1):
        header.update(
            {f"CTYPE{axis}": kind, f"CDELT{axis}": sign * 1.5 / 3600, f"CRPIX{axis}": 20.5,
             f"CRVAL{axis}": 30.0, f"CUNIT{axis}": "deg"}
        )  # fmt: skip
    header["CTYPE3"], header["CTYPE4"] = "FREQ", "STOKES"
    path = folder / "cutout.fits"
    data = np.random.default_rng(0).normal(size=(1, 1, 40, 40)).astype(np.float32)
    fits.writeto(path, data, header)
    return path


def scaled_cutout(folder):
    """16-bit integers with a scale, in an extension."""
    image = fits.ImageHDU(np.arange(1600, dtype=np.float32).reshape(40, 40))
    image.header.update(CDELT2=1.8 / 3600)
    image.scale("int16", bscale=0.05, bzero=10)
    path = folder / "scaled.fits"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    return path


def zipped_cutout(folder):
    import gzip

    path = folder / "cutout.fits.gz"
    path.write_bytes(gzip.compress(cutout(folder).read_bytes()))
    return path


def batch(folder, name="data_batch_1"):
    rng = np.random.default_rng(1)
    path = folder / name
    held = {"data": rng.integers(0, 255, (6, 100), dtype=np.uint8),
            "labels": ["100", "200", "102"] * 2, "filenames": [f"{k}.png" for k in range(6)],
            "batch_label": "training batch 1 of 1"}  # fmt: skip
    path.write_bytes(pickle.dumps(held, protocol=2))
    return path


def zipped_batches(folder):
    path = folder / "batches.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("data_batch_1", "test_batch"):
            archive.add(batch(folder, name), f"batches/{name}")
    return path


def plain_batches(folder):
    path = folder / "batches.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("data_batch_1", "test_batch"):
            archive.add(batch(folder, name), f"batches/{name}")
    return path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("make", "read"),
    [
        (cutout, CutoutSet.from_fits),
        (scaled_cutout, CutoutSet.from_fits),
        (zipped_cutout, CutoutSet.from_fits),
        (batch, read_batches),
        (batch, CutoutSet.from_batches),
        (zipped_batches, read_batches),
        (plain_batches, CutoutSet.from_batches),
    ],
)
def test_a_spoilt_file_is_read_or_refused(make, read, tmp_path):
    (tmp_path / "spoilt").mkdir()
    valid = make(tmp_path)
    assert assert_only_own_errors(read, valid, tmp_path / "spoilt", n=100, seed=17) > 20
