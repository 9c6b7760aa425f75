"""Spoilt catalogues and cutouts: read, or refused in one line of our own."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from decan.core.testing import assert_only_own_errors
from decan.stellar_mass.archive import hatlas_table
from decan.stellar_mass.frames import aligned_cutout, read_cutout
from decan.stellar_mass.readers import mpa_jhu_masses, nsa_table, read_gswlc


def hatlas(folder):
    path = folder / "fluxes.mag"
    rows = "".join(f"G{i} 0.01 {18 + 0.01 * i:.3f}  {17 + 0.02 * i:.3f}\n" for i in range(40))
    path.write_text(f"id z_bin u g r\n{rows}", encoding="utf-8")
    return path


def gswlc(folder):
    path = folder / "GSWLC-X2.dat"
    path.write_text("".join(
        f"12376{i:05d} {i} 266 51630 {i} 146.7{i} -1.0 0.02 1.2 10.{i} 0.03 -99 -99 1 1 1 1 1 1 0 "
        "1 1 5 1\n" for i in range(40)
    ), encoding="utf-8")  # fmt: skip
    return path


def fits_table(path, **columns):
    made = [
        fits.Column(name, f"{values[0].size}D" if np.ndim(values) > 1 else "D", array=values)
        for name, values in columns.items()
    ]
    fits.BinTableHDU.from_columns(made).writeto(path)
    return path


def nsa(folder):
    names = ("Z", "SERSIC_N", "SERSIC_BA", "PETRO_TH50", "PETRO_TH90", "ELPETRO_MASS")
    columns = {name: np.linspace(0.01, 1, 20) for name in names}
    return fits_table(folder / "nsa.fits", **columns, ELPETRO_FLUX=np.ones((20, 7)))


def mpa_extra(folder):
    names = ("SPECOBJID", "RA", "DEC", "Z")
    fits_table(folder / "info.fits", **{name: np.linspace(0.01, 1, 20) for name in names})
    names = ("LGM_TOT_P16", "LGM_TOT_P50", "LGM_TOT_P84", "SPECSFR_TOT_P50")
    return fits_table(folder / "extra.fits", **{name: np.linspace(9, 11, 20) for name in names})


def cutout(folder):
    path = folder / "cutout.fits"
    hdu = fits.PrimaryHDU(np.ones((5, 8, 8), np.float32))
    hdu.header["BANDS"] = "ugriz"
    hdu.writeto(path)
    return path


def frame(folder):
    path = folder / "frame.fits"
    hdu = fits.PrimaryHDU(np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32))
    hdu.header.update(
        CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=10.0, CRVAL2=0.0, CRPIX1=20.0, CRPIX2=20.0,
        CDELT1=-0.396 / 3600, CDELT2=0.396 / 3600,
    )  # fmt: skip
    hdu.writeto(path)
    return path


def read_mpa(path):
    return mpa_jhu_masses(path.parents[path.parent.name == "spoilt"] / "info.fits", path)


def read_frame(path):
    red = path.parents[path.parent.name == "spoilt"] / "frame.fits"
    frames = {"r": red.read_bytes(), "g": path.read_bytes()}
    return aligned_cutout(frames, 10.0, 0.0, size=8)


def read_red_frame(path):
    return aligned_cutout({"r": path.read_bytes()}, 10.0, 0.0, size=8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "read"),
    [
        (hatlas, hatlas_table),
        (gswlc, read_gswlc),
        (nsa, nsa_table),
        (mpa_extra, read_mpa),
        (cutout, lambda path: read_cutout(path.read_bytes())),
        (frame, read_red_frame),
        (frame, read_frame),
    ],
)
def test_a_spoilt_file_is_read_or_refused(make, read, tmp_path):
    (tmp_path / "spoilt").mkdir()
    valid = make(tmp_path)
    assert assert_only_own_errors(read, valid, tmp_path / "spoilt", n=80, seed=13) > 8
