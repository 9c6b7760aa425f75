"""Spoilt light curves and pixels: read, or refused in one line of our own."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from decan.core.testing import assert_only_own_errors
from decan.transits import LightCurve, TargetPixels, simulate_pixels


def kepler_light_curve(folder):
    n, rng = 60, np.random.default_rng(1)
    names = {"TIME": "D", "SAP_FLUX": "E", "PDCSAP_FLUX": "E", "PDCSAP_FLUX_ERR": "E",
             "SAP_QUALITY": "J", "MOM_CENTR1": "D", "MOM_CENTR2": "D"}  # fmt: skip
    values = {name: rng.normal(1000, 1, n) for name in names}
    values["TIME"], values["SAP_QUALITY"] = 260 + 0.0204 * np.arange(n), np.zeros(n, int)
    columns = [fits.Column(name, form, array=values[name]) for name, form in names.items()]
    primary = fits.PrimaryHDU()
    primary.header.update(TELESCOP="Kepler", OBJECT="KIC 1", QUARTER=3, RADIUS=1.0)
    path = folder / "kplr000000001_llc.fits"
    table = fits.BinTableHDU.from_columns(columns, name="LIGHTCURVE")
    fits.HDUList([primary, table]).writeto(path)
    return path


def target_pixels(folder):
    pixels = simulate_pixels(rng=1).pixels
    n, (rows, columns) = 40, pixels.flux.shape[1:]
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("TIME", "D", array=pixels.time[:n]),
            fits.Column("FLUX", f"{rows * columns}E", dim=f"({columns},{rows})",
                        array=pixels.flux[:n].astype(np.float32)),
            fits.Column("QUALITY", "J", array=np.zeros(n, int)),
        ]
    )  # fmt: skip
    primary = fits.PrimaryHDU()
    primary.header.update(TELESCOP="Kepler", RA_OBJ=pixels.ra_deg, DEC_OBJ=pixels.dec_deg)
    aperture = fits.ImageHDU(np.ones((rows, columns), np.int32), pixels.wcs.to_header())
    path = folder / "targ.fits"
    fits.HDUList([primary, table, aperture]).writeto(path)
    return path


def table_of_numbers(folder):
    path = folder / "star.csv"
    path.write_text("time,flux\n" + "\n".join(f"{0.02 * i:.3f},{1 + 1e-3 * i}" for i in range(60)))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "read"),
    [
        (kepler_light_curve, LightCurve.read),
        (table_of_numbers, LightCurve.read),
        (target_pixels, TargetPixels.read),
    ],
)
def test_a_spoilt_file_is_read_or_refused(make, read, tmp_path):
    (tmp_path / "spoilt").mkdir()
    valid = make(tmp_path)
    assert assert_only_own_errors(read, valid, tmp_path / "spoilt", n=150, seed=13) > 20
