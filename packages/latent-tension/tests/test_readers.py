"""Readers on small files of the archives' formats."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.core.testing import needs_data
from decan.latent_tension import (
    GaussianPSF,
    PhotonImage,
    PSFGrid,
    read_chandra,
    read_erosita_events,
    read_erosita_tile,
)
from decan.latent_tension.archive import DATASETS
from decan.latent_tension.lmc import lmc_image
from decan.latent_tension.presets import load_fermi_gc, load_simulated
from decan.latent_tension.readers import read_erosita_psf, read_fermi, read_image
from decan.latent_tension.readers.events import tangential_wcs

PSF = GaussianPSF(1.5)


def erosita_events(path, drop=()):
    """Four good events in the middle, one bad by flag, one by pattern, one by telescope."""
    n = 7
    table = {
        "RA": np.full(n, 83.0),
        "DEC": np.full(n, -69.0),
        "PI": np.array([500, 500, 1500, 3000, 500, 500, 500], np.float32),
        "TM_NR": np.array([1, 2, 3, 4, 1, 1, 5], np.int16),
        "PAT_TYP": np.array([1, 15, 3, 1, 1, 16, 1], np.int16),
        "FLAG": np.array([0, 16, 0, 0, 0xC0000000, 0, 0], np.int64).astype(np.int32),
    }
    kept = Table({k: v for k, v in table.items() if k not in drop})
    hdu = fits.BinTableHDU(kept, name="EVENTS")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def test_erosita_events_are_chosen_and_binned(tmp_path):
    path = erosita_events(tmp_path / "pm00_events.fits")
    with pytest.warns(UserWarning, match="flat"):
        image = read_erosita_events(path, centre=(83.0, -69.0), n_pixels=33, psf=PSF)
    assert image.counts.sum((1, 2)).tolist() == [2, 1, 1]
    assert image.counts[0, 16, 16] == 2
    assert image.pixel_deg == pytest.approx(4 / 3600)


def test_bands_of_events_may_have_units_and_impossible_ones_are_refused(tmp_path):
    path = erosita_events(tmp_path / "events.fits")
    known = {"centre": (83.0, -69.0), "n_pixels": 33, "psf": PSF}
    with pytest.warns(UserWarning, match="flat"):
        image = read_erosita_events(path, energy_edges=[(200, 1000), (1000, 4500)] * u.eV, **known)
    assert image.counts.sum((1, 2)).tolist() == [2, 2]
    assert image.energy_edges.tolist() == [[0.2, 1.0], [1.0, 4.5]]
    with pytest.raises(ValueError, match="energy_edges: expected"):
        read_erosita_events(path, energy_edges=[(1.0, 0.2)], **known)


@pytest.mark.bad_input(7)
def test_plain_numbers_are_no_energies_of_an_image_file(tmp_path):
    counts = on_sky(tmp_path / "counts.fits", np.ones((12, 12)))
    with pytest.raises(SchemaError, match="energy_edges: needs a unit"):
        read_image(counts, psf=PSF, energy_edges=[(0.2, 1)])


def test_an_event_list_without_a_column_is_refused_by_name(tmp_path):
    path = erosita_events(tmp_path / "events.fits", drop=("PAT_TYP",))
    with pytest.raises(SchemaError, match="PAT_TYP"):
        read_erosita_events(path, centre=(83.0, -69.0), n_pixels=33, psf=PSF)


def test_exposure_below_the_cut_is_masked(tmp_path):
    wcs = tangential_wcs((83.0, -69.0), 33, 4.0)
    seconds = np.full((33, 33), 1000.0)
    seconds[:, :5] = 100
    fits.PrimaryHDU(seconds, wcs.to_header()).writeto(tmp_path / "exposure.fits")
    path = erosita_events(tmp_path / "events.fits")
    image = read_erosita_events(
        path, centre=(83.0, -69.0), n_pixels=33, psf=PSF, exposure=tmp_path / "exposure.fits"
    )
    assert image.mask[0, :, :4].all()
    assert not image.mask[0, :, 6:-1].any()


def test_a_tile_is_read_band_by_band(tmp_path):
    wcs = tangential_wcs((83.0, -69.0), 20, 4.0)
    for band in (5, 6, 7):
        for kind, value in (("Image", band), ("ExposureMap", 100.0)):
            fits.PrimaryHDU(np.full((20, 20), value), wcs.to_header()).writeto(
                tmp_path / f"em01_083159_02{band}_{kind}_c010.fits.gz"
            )
    image = read_erosita_tile(tmp_path, psf=PSF, cutout=(slice(2, 18), slice(0, 16)))
    assert image.shape == (3, 16, 16)
    assert image.counts[:, 0, 0].tolist() == [5, 6, 7]
    assert image.energy_edges[0].tolist() == [0.2, 0.5]


def test_the_psf_of_the_calibration_database_is_resampled(tmp_path):
    y, x = np.mgrid[:201, :201] - 100
    parts = [fits.PrimaryHDU()]
    for energy, sigma in ((277, 12), (1486, 12), (3000, 16)):
        hdu = fits.ImageHDU(np.exp(-(x**2 + y**2) / (2 * sigma**2)), name=f"{energy}eV0a")
        hdu.header.update({"CRPIX1": 101, "CRPIX2": 101, "CDELT1": 1.0, "CDELT2": 1.0,
                           "CUNIT1": "arcsec", "CUNIT2": "arcsec"})  # fmt: skip
        parts.append(hdu)
    fits.HDUList(parts).writeto(tmp_path / "tm1_2dpsf.fits")
    stamps = read_erosita_psf(tmp_path / "tm1_2dpsf.fits", size=31).stamps(3)
    grid = np.arange(31) - 15
    for stamp, sigma in zip(stamps, (3, 3, 4), strict=True):
        # 4 arcsec pixels: sigma in pixels, plus the pixel's own variance of 1/12.
        assert (stamp.sum(0) * grid**2).sum() == pytest.approx(sigma**2 + 1 / 12, rel=0.03)


def test_the_papers_field_is_ready_for_whoever_has_the_files(tmp_path):
    test_the_psf_of_the_calibration_database_is_resampled(tmp_path)
    path = erosita_events(tmp_path / "events.fits")
    with pytest.warns(UserWarning, match="flat"):
        image, priors = lmc_image(path, tmp_path / "tm1_2dpsf.fits", n_pixels=64)
    assert image.shape == (3, 64, 64)
    assert priors.slope == (-5.0, 0.1)


def test_chandra_events_get_the_coordinates_of_their_header(tmp_path):
    table = Table({"x": [4096.0, 4100.0], "y": [4096.0, 4096.0], "energy": [1000.0, 9000.0]})
    hdu = fits.BinTableHDU(table, name="EVENTS")
    for k, (ctype, value, step) in enumerate(
        (("RA---TAN", 149.0, -1e-4), ("DEC--TAN", 69.0, 1e-4)), 1
    ):
        hdu.header.update({f"TCTYP{k}": ctype, f"TCRVL{k}": value, f"TCRPX{k}": 4096.5,
                           f"TCDLT{k}": step})  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "evt2.fits")
    image = read_chandra(tmp_path / "evt2.fits", psf=PSF, centre=(4096, 4096), n_pixels=33)
    assert image.counts.sum() == 1
    lon, lat = image.sky_position(16.0, 16.0)
    assert float(lat) == pytest.approx(69.0, abs=2e-4)
    assert float(lon) == pytest.approx(149.0, abs=4e-4)


def test_a_fermi_cube_is_read_with_its_psf(tmp_path):
    cube = fits.PrimaryHDU(np.ones((2, 20, 20)))
    cube.header.update({"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRPIX1": 10.5, "CRPIX2": 10.5,
                        "CRVAL1": 0.0, "CRVAL2": 0.0, "CDELT1": -0.1, "CDELT2": 0.1})  # fmt: skip
    bounds = Table({"CHANNEL": [1, 2], "E_MIN": [1e7, 2e7], "E_MAX": [2e7, 5e7]})
    bounds["E_MIN"].unit = bounds["E_MAX"].unit = "keV"
    fits.HDUList([cube, fits.BinTableHDU(bounds, name="EBOUNDS")]).writeto(tmp_path / "c.fits")
    theta = np.linspace(0, 2, 50)
    psf = Table({"Energy": [1e4, 3e4], "Exposure": [1.0, 1.0],
                 "Psf": [np.exp(-theta / 0.2), np.exp(-theta / 0.1)]})  # fmt: skip
    fits.HDUList(
        [fits.PrimaryHDU(), fits.BinTableHDU(psf, name="PSF"),
         fits.BinTableHDU(Table({"Theta": theta}), name="THETA")]
    ).writeto(tmp_path / "p.fits")  # fmt: skip
    image = read_fermi(tmp_path / "c.fits", tmp_path / "p.fits")
    assert image.shape == (2, 20, 20)
    peaks = image.psf.stamps(2).max((1, 2))
    assert peaks[1] > peaks[0]


def on_sky(path, data, pixel_arcsec=4.0, middle=(83.0, -69.0)):
    header = tangential_wcs(middle, np.shape(data)[-1], pixel_arcsec).to_header()
    fits.PrimaryHDU(np.asarray(data, np.float32), header).writeto(path)
    return path


def test_a_psf_on_finer_pixels_is_taken_as_finer(tmp_path):
    counts = on_sky(tmp_path / "counts.fits", np.ones((20, 20)))
    fine = on_sky(tmp_path / "fine.fits", GaussianPSF(4.8, size=61).stamps(1)[0], 1.0)
    stamp = read_image(counts, psf=fine).psf.stamps(1)[0]
    y = np.arange(len(stamp)) - len(stamp) // 2
    # Sigma of 1.2 pixels, plus the variance of a pixel.
    assert (stamp.sum(1) * y**2).sum() == pytest.approx(1.2**2 + 1 / 12, rel=0.02)
    other = on_sky(tmp_path / "other.fits", GaussianPSF(4.8, size=61).stamps(1)[0], 1.5)
    with pytest.raises(
        SchemaError, match=r"other\.fits: pixels of 1.5 arcsec.*counts\.fits have 4"
    ):
        read_image(counts, psf=other)


def test_a_psf_and_an_exposure_may_come_from_a_file_of_our_own(tmp_path):
    counts = on_sky(tmp_path / "counts.fits", np.ones((12, 12)))
    stamps = np.tile(GaussianPSF(1.1, size=5).stamps(1), (2, 2, 1, 1, 1))
    grid = PSFGrid(stamps, [0, 11], [0, 11])
    seen = PhotonImage(np.ones((12, 12)), np.full((12, 12), 7.0), grid)
    own = seen.to_fits(tmp_path / "own.fits")
    image = read_image(counts, psf=own, exposure=own)
    assert isinstance(image.psf, PSFGrid)
    assert (image.exposure == 7).all()


def test_an_impossible_psf_or_exposure_is_named_by_its_own_file(tmp_path):
    counts = on_sky(tmp_path / "counts.fits", np.ones((12, 12)))
    bad = on_sky(tmp_path / "bad.fits", -np.ones((5, 5)))
    with pytest.raises(SchemaError, match=r"bad\.fits: psf: negative"):
        read_image(counts, psf=bad)
    away = on_sky(tmp_path / "away.fits", np.ones((12, 12)), middle=(84.0, -69.0))
    with pytest.raises(SchemaError, match=r"away\.fits: its coordinates lie .* pixels from"):
        read_image(counts, psf=PSF, exposure=away)


def test_axes_of_one_are_no_bands(tmp_path):
    path = on_sky(tmp_path / "stokes.fits", np.ones((1, 1, 12, 12)))
    assert read_image(path, psf=PSF).shape == (1, 12, 12)


def fermi_files(folder, sigma=0.1):
    cube = fits.PrimaryHDU(np.ones((2, 60, 60)))
    cube.header.update({"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRPIX1": 30.5, "CRPIX2": 30.5,
                        "CRVAL1": 0.0, "CRVAL2": 0.0, "CDELT1": -0.05, "CDELT2": 0.05})  # fmt: skip
    bounds = Table({"CHANNEL": [1, 2], "E_MIN": [1e6, 1e7], "E_MAX": [1e7, 1e8]})
    bounds["E_MIN"].unit = bounds["E_MAX"].unit = "keV"
    fits.HDUList([cube, fits.BinTableHDU(bounds, name="EBOUNDS")]).writeto(folder / "c.fits")
    theta = np.linspace(0, 10, 2001)
    psf = Table(
        {"Energy": [3e3, 3e4], "Psf": np.exp(-(theta**2) / (2 * sigma**2)) * np.ones((2, 1))}
    )
    tables = {"PSF": psf, "THETA": Table({"Theta": theta})}
    parts = [fits.BinTableHDU(table, name=name) for name, table in tables.items()]
    fits.HDUList([fits.PrimaryHDU(), *parts]).writeto(folder / "p.fits")
    return folder / "c.fits", folder / "p.fits"


@pytest.mark.parametrize("named", [True, False])
def test_fermi_exposure_at_the_edges_is_brought_to_the_bands_middles(named, tmp_path):
    cube, psf = fermi_files(tmp_path)
    # Exposure that rises by one a decade: 1, 2, 3 at the edges, 1.5 and 2.5 in the middle.
    planes = fits.PrimaryHDU(np.arange(1.0, 4.0)[:, None, None] * np.ones((60, 60)))
    energies = fits.BinTableHDU(Table({"Energy": [1e3, 1e4, 1e5]}), name="ENERGIES")
    energies.columns["Energy"].unit = "MeV"
    fits.HDUList([planes, energies] if named else [planes]).writeto(tmp_path / "e.fits")
    exposure = read_fermi(cube, psf, exposure=tmp_path / "e.fits").exposure
    assert exposure[:, 5, 5] == pytest.approx([1.5, 2.5])


def test_fermi_exposure_whose_planes_nothing_explains_is_refused(tmp_path):
    cube, psf = fermi_files(tmp_path)
    fits.PrimaryHDU(np.ones((5, 60, 60))).writeto(tmp_path / "e.fits")
    with pytest.raises(SchemaError, match=r"e\.fits: 5 planes for 2 bands"):
        read_fermi(cube, psf, exposure=tmp_path / "e.fits")


def test_a_wide_fermi_psf_is_not_cut(tmp_path):
    stamp = read_fermi(*fermi_files(tmp_path, sigma=0.6)).psf.stamps(2)[0]
    y = np.arange(len(stamp)) - len(stamp) // 2
    # 0.6 degrees are 12 pixels; a stamp of 20 pixels' reach would have a variance of 84.
    assert (stamp.sum(1) * y**2).sum() == pytest.approx(144, rel=0.03)


def test_a_file_that_is_no_fits_is_said_to_be_none(tmp_path):
    (tmp_path / "image.fits").write_bytes(b"nothing of the kind")
    with pytest.raises(CorruptFile, match="not a readable FITS file"):
        read_image(tmp_path / "image.fits")
    with pytest.raises(DataNotAvailable):
        read_image(tmp_path / "absent.fits")


@needs_data(DATASETS, "fermi-gc", "fermi-gc-catalogue")
@pytest.mark.parametrize("rebin", [1, 2])
def test_catalogued_sources_lie_where_the_photons_are(rebin):
    image, known = load_fermi_gc(rebin=rebin)
    row = known[known["source_name"] == "3FHL J1746.2-2852"].iloc[0]
    lon, lat = image.sky_position(row["x"], row["y"])
    assert (float(lon) - row["glon_deg"] + 180) % 360 - 180 == pytest.approx(0, abs=1e-3)
    assert float(lat) == pytest.approx(row["glat_deg"], abs=1e-3)
    assert image.counts.sum() == pytest.approx(24_571, abs=200 * (rebin - 1))


@needs_data(DATASETS, "simulated", "simulated-truth")
def test_the_given_fields_come_with_their_truth():
    image, truth = load_simulated(3)
    assert image.shape == (3, 128, 128)
    assert (truth["kind"] == "point").sum() == 30
