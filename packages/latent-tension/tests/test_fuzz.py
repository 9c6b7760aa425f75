"""Spoilt images, event lists and PSFs: read, or refused in one line of our own."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from decan.core.testing import assert_only_own_errors
from decan.latent_tension import (
    GaussianPSF,
    PhotonImage,
    PSFGrid,
    read_chandra,
    read_erosita_events,
    read_erosita_tile,
)
from decan.latent_tension.readers import read_erosita_psf, read_fermi, read_image
from decan.latent_tension.readers.events import tangential_wcs

PSF = GaussianPSF(1.0, size=7)
MIDDLE = (83.0, -69.0)


def image(folder, psf=PSF):
    counts = np.random.default_rng(1).poisson(2.0, (2, 12, 13))
    wcs = tangential_wcs(MIDDLE, 12, 4.0)
    seen = PhotonImage(counts, psf=psf, energy_edges=[(0.5, 1), (1, 2)] * u.keV, wcs=wcs)
    return seen.to_fits(folder / "image.fits")


def image_with_a_varying_psf(folder):
    return image(folder, PSFGrid(np.tile(PSF.stamps(1), (2, 2, 1, 1, 1)), [0, 11], [0, 12]))


def erosita_events(folder):
    n, rng = 60, np.random.default_rng(2)
    table = Table({
        "RA": MIDDLE[0] + rng.normal(0, 0.01, n), "DEC": MIDDLE[1] + rng.normal(0, 0.004, n),
        "PI": rng.uniform(200, 4000, n).astype(np.float32), "TM_NR": np.ones(n, np.int16),
        "PAT_TYP": np.ones(n, np.int16), "FLAG": np.zeros(n, np.int32),
    })  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="EVENTS")]).writeto(
        folder / "events.fits"
    )
    return folder / "events.fits"


def read_erosita(path):
    return read_erosita_events(path, centre=MIDDLE, n_pixels=16, psf=PSF)


def chandra_events(folder):
    n, rng = 60, np.random.default_rng(3)
    table = Table({name: 4096 + rng.normal(0, 5, n) for name in "xy"})
    table["energy"] = rng.uniform(500, 7000, n)
    hdu = fits.BinTableHDU(table, name="EVENTS")
    for k, (kind, value, step) in enumerate(
        (("RA---TAN", 149.0, -1e-4), ("DEC--TAN", 69.0, 1e-4)), 1
    ):
        hdu.header.update({f"TCTYP{k}": kind, f"TCRVL{k}": value, f"TCRPX{k}": 4096.5,
                           f"TCDLT{k}": step})  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(folder / "evt2.fits")
    return folder / "evt2.fits"


def read_chandra_events(path):
    return read_chandra(path, psf=PSF, n_pixels=16)


def erosita_psf(folder):
    y, x = np.mgrid[:31, :31] - 15
    parts = [fits.PrimaryHDU()]
    for energy, sigma in ((277, 3), (1486, 3), (3000, 4)):
        stamp = np.exp(-(x**2 + y**2) / (2 * sigma**2)).astype(np.float32)
        hdu = fits.ImageHDU(stamp, name=f"{energy}eV0a")
        hdu.header.update({"CRPIX1": 16, "CRPIX2": 16, "CDELT1": 4.0, "CDELT2": 4.0,
                           "CUNIT1": "arcsec", "CUNIT2": "arcsec"})  # fmt: skip
        parts.append(hdu)
    fits.HDUList(parts).writeto(folder / "tm1_2dpsf.fits")
    return folder / "tm1_2dpsf.fits"


def read_small_erosita_psf(path):
    return read_erosita_psf(path, size=9)


def erosita_tile(folder):
    """One band of a tile; the path of its exposure."""
    header = tangential_wcs(MIDDLE, 12, 4.0).to_header()
    for kind, value in (("Image", 5.0), ("ExposureMap", 100.0)):
        path = folder / f"em01_083159_025_{kind}_c010.fits"
        fits.PrimaryHDU(np.full((12, 12), value), header).writeto(path)
    return path


def read_tile(path):
    return read_erosita_tile(path.parent, bands=[5], psf=PSF)


def fermi_cube(folder):
    cube = fits.PrimaryHDU(np.ones((2, 12, 12)))
    cube.header.update({"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRPIX1": 5.5, "CRPIX2": 5.5,
                        "CRVAL1": 0.0, "CRVAL2": 0.0, "CDELT1": -0.1, "CDELT2": 0.1})  # fmt: skip
    bounds = Table({"CHANNEL": [1, 2], "E_MIN": [1e7, 2e7], "E_MAX": [2e7, 5e7]})
    bounds["E_MIN"].unit = bounds["E_MAX"].unit = "keV"
    fits.HDUList([cube, fits.BinTableHDU(bounds, name="EBOUNDS")]).writeto(folder / "cube.fits")
    fermi_psf(folder)
    return folder / "cube.fits"


def fermi_psf(folder):
    theta = np.linspace(0, 1, 30)
    psf = Table({"Energy": [1e4, 3e4], "Psf": [np.exp(-theta / 0.2), np.exp(-theta / 0.1)]})
    fits.HDUList([
        fits.PrimaryHDU(), fits.BinTableHDU(psf, name="PSF"),
        fits.BinTableHDU(Table({"Theta": theta}), name="THETA"),
    ]).writeto(folder / "psf.fits")  # fmt: skip
    return folder / "psf.fits"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*taken as flat")
@pytest.mark.parametrize(
    ("make", "read"),
    [
        (image, read_image),
        (image_with_a_varying_psf, read_image),
        (erosita_events, read_erosita),
        (chandra_events, read_chandra_events),
        (erosita_psf, read_small_erosita_psf),
        (erosita_tile, read_tile),
    ],
)
def test_a_spoilt_file_is_read_or_refused(make, read, tmp_path):
    valid = make(tmp_path)
    # A tile is a folder, and its other files stay whole.
    shutil.copytree(tmp_path, spoilt := tmp_path / "spoilt")
    assert assert_only_own_errors(read, valid, spoilt, n=80, seed=13) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cube.fits", "psf.fits"])
def test_a_spoilt_fermi_cube_or_psf_is_read_or_refused(name, tmp_path):
    fermi_cube(tmp_path)
    shutil.copytree(tmp_path, spoilt := tmp_path / "spoilt")

    def read(path):
        return read_fermi(path.parent / "cube.fits", path.parent / "psf.fits")

    assert assert_only_own_errors(read, tmp_path / name, spoilt, n=60, seed=13) > 10
