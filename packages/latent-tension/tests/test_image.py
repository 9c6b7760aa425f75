"""Observations and PSFs: whatever is wrong is said once, with its name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy import units as u
from scipy.special import ndtr

from decan.latent_tension import GaussianPSF, ImagePSF, KingPSF, PhotonImage, PSFGrid
from decan.latent_tension.readers.events import tangential_wcs

PSF = GaussianPSF(1.0)


def counts(value=1.0, shape=(2, 8, 9)):
    return np.full(shape, value)


@pytest.mark.bad_input(1)
@pytest.mark.parametrize(
    ("value", "word"), [(-1.0, "negative"), (np.nan, "NaN"), (np.inf, "NaN or infinite")]
)
def test_impossible_counts_are_refused_with_the_first_place(value, word):
    data = counts()
    data[1, 2, 3] = value
    with pytest.raises(ValueError, match=rf"counts: 1 .*{word}.*\(1, 2, 3\)"):
        PhotonImage(data, psf=PSF)


@pytest.mark.bad_input(1)
def test_nan_in_the_exposure_masks_and_says_how_many():
    exposure = np.ones((8, 9))
    exposure[0, :2] = np.nan
    with pytest.warns(UserWarning, match="4 NaN"):
        image = PhotonImage(counts(), exposure, PSF)
    assert image.mask.sum() == 4
    assert np.isfinite(image.exposure).all()


@pytest.mark.bad_input(2)
def test_rates_are_refused_unless_asked_for():
    with pytest.raises(ValueError, match="allow_float"):
        PhotonImage(counts(0.5), psf=PSF)
    assert PhotonImage(counts(0.5), psf=PSF, allow_float=True).counts.sum() == 72


@pytest.mark.bad_input(3)
def test_a_psf_whose_sum_is_off_is_normalised_with_the_factor():
    with pytest.warns(UserWarning, match=r"sum 0\.5"):
        psf = ImagePSF(GaussianPSF(1.0).stamps(1) * 0.5)
    assert psf.stamps(1).sum() == pytest.approx(1)


@pytest.mark.bad_input(3)
def test_a_psf_within_a_percent_is_normalised_silently():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        psf = ImagePSF(GaussianPSF(1.0).stamps(1) * 0.992)
    assert psf.stamps(1).sum() == pytest.approx(1)


@pytest.mark.bad_input(3)
@pytest.mark.parametrize("bad", ["negative", "zero", "nan"])
def test_an_impossible_psf_is_refused(bad):
    stamps = GaussianPSF(1.0).stamps(1).copy()
    stamps = {"negative": stamps - 0.01, "zero": stamps * 0, "nan": stamps * np.nan}[bad]
    with pytest.raises(ValueError, match="psf"):
        ImagePSF(stamps)


@pytest.mark.bad_input(3)
def test_a_psf_larger_than_twice_the_image_is_cut_and_says_what_is_lost():
    with pytest.warns(UserWarning, match="cut"):
        image = PhotonImage(counts(shape=(1, 8, 9)), psf=KingPSF(3.0, radius=20))
    assert image.psf.stamps(1).shape[1] <= 15


@pytest.mark.bad_input(4)
@pytest.mark.parametrize("shift", [(0, 1), (2, -1)])
def test_an_off_centre_psf_is_centred(shift):
    stamps = np.roll(np.pad(GaussianPSF(1.0).stamps(1)[0], 4), shift, (0, 1))
    if np.hypot(*shift) > 2:
        with pytest.warns(UserWarning, match="centroid"):
            found = ImagePSF(stamps).stamps(1)[0]
    else:
        found = ImagePSF(stamps).stamps(1)[0]
    y, x = np.mgrid[: found.shape[0], : found.shape[1]] - np.array(found.shape)[:, None, None] // 2
    assert (found * y).sum() == pytest.approx(0, abs=1e-6)
    assert (found * x).sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.bad_input(4)
def test_an_even_sized_psf_moves_no_source():
    fine = np.arange(48) - 23.5
    stamp = np.exp(-(fine[:, None] ** 2 + fine**2) / (2 * 2.0**2))
    found = ImagePSF(stamp / stamp.sum()).stamps(1)[0]
    y = np.arange(found.shape[0]) - found.shape[0] // 2
    assert (found.sum(1) * y).sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.bad_input(4)
@pytest.mark.parametrize(("sigma", "close"), [(0.8, 0.08), (1.0, 0.02), (1.5, 1e-3)])
def test_an_even_sized_psf_is_not_widened(sigma, close):
    edges = np.arange(25) - 12.0
    line = np.diff(ndtr(edges / sigma))
    found = ImagePSF(np.outer(line, line) / line.sum() ** 2).stamps(1)[0]
    right = GaussianPSF(sigma, size=25).stamps(1)[0]
    # Half a pixel by linear interpolation would misplace 23, 16 and 8 % of the light.
    assert np.abs(found - right).sum() < close


@pytest.mark.bad_input(5)
def test_a_band_without_exposure_is_dropped_with_a_warning():
    exposure = np.ones((2, 8, 9))
    exposure[1] = 0
    data = counts()
    data[1] = 0
    image = PhotonImage(data, exposure, PSF, [(1, 2), (2, 3)] * u.keV)
    with pytest.warns(UserWarning, match="no exposure"):
        kept = image.without_empty_bands()
    assert kept.n_bands == 1
    assert kept.energy_edges.tolist() == [[1, 2]]


@pytest.mark.bad_input(5)
def test_a_varying_psf_loses_the_band_without_exposure_too():
    stamps = GaussianPSF([1.0, 1.3], size=5).stamps(2)
    exposure = np.ones((2, 8, 9))
    exposure[0] = 0
    data = counts()
    data[0] = 0
    grid = PSFGrid(np.tile(stamps, (2, 2, 1, 1, 1)), [0, 7], [0, 8])
    with pytest.warns(UserWarning, match="no exposure"):
        kept = PhotonImage(data, exposure, grid).without_empty_bands()
    assert kept.psf.stamps(1)[0] == pytest.approx(stamps[1])


@pytest.mark.bad_input(5)
def test_a_band_without_counts_is_kept():
    data = counts()
    data[1] = 0
    assert PhotonImage(data, psf=PSF).without_empty_bands().n_bands == 2


@pytest.mark.bad_input(5)
def test_an_image_without_any_exposure_is_refused():
    with (
        pytest.warns(UserWarning, match="no exposure"),
        pytest.raises(ValueError, match="zero everywhere"),
    ):
        PhotonImage(counts(0.0), np.zeros((8, 9)), PSF).without_empty_bands()


@pytest.mark.bad_input(6)
def test_shapes_that_disagree_are_all_named():
    with pytest.raises(ValueError, match=r"\(2, 8, 9\).*\(7, 9\)"):
        PhotonImage(counts(), np.ones((7, 9)), PSF)


@pytest.mark.bad_input(6)
def test_a_psf_with_another_number_of_bands_is_refused():
    with pytest.raises(ValueError, match="3 bands"):
        PhotonImage(counts(), psf=KingPSF([1.0, 1.1, 1.2], radius=6))


@pytest.mark.bad_input(6)
def test_a_plain_image_is_one_band():
    assert PhotonImage(np.ones((8, 9)), psf=PSF).shape == (1, 8, 9)


@pytest.mark.bad_input(7)
@pytest.mark.parametrize(
    ("edges", "word"),
    [
        ([(1, 2), (2, 3)], "unit"),
        ([(2, 3), (1, 2)] * u.keV, "rise"),
        ([(1, 2.5), (2, 3)] * u.keV, "overlap"),
        ([(0, 1), (2, 3)] * u.keV, "positive"),
        ([(2, 1), (2, 3)] * u.keV, "above its lower"),
        ([(1, 2)] * u.keV, "shape"),
    ],
)
def test_impossible_energies_are_refused(edges, word):
    with pytest.raises(ValueError, match=word):
        PhotonImage(counts(), psf=PSF, energy_edges=edges)


@pytest.mark.bad_input(7)
def test_each_edge_may_have_its_own_unit_and_must_be_an_energy():
    mixed = [(200 * u.eV, 1 * u.keV), (1 * u.keV, 2e-3 * u.MeV)]
    image = PhotonImage(counts(), psf=PSF, energy_edges=mixed)
    assert image.energy_edges == pytest.approx(np.array([[0.2, 1], [1, 2]]))
    with pytest.raises(ValueError, match="energy_edges: needs a unit of energy"):
        PhotonImage(counts(), psf=PSF, energy_edges=[(1, 2), (2, 3)] * u.s)


def test_masked_cells_of_counts_and_exposure_are_masked():
    data = np.ma.masked_invalid(np.where(np.arange(9) == 3, np.nan, counts()))
    assert PhotonImage(data, psf=PSF).mask.sum() == 16
    exposure = np.ma.masked_equal(np.tile(np.arange(9), (8, 1)), 4)
    with pytest.warns(UserWarning, match="exposure is zero"):
        seen = PhotonImage(counts(), exposure, PSF)
    assert seen.mask[:, :, [0, 4]].all()
    assert seen.mask.sum() == 32


def test_a_background_counts_only_where_the_image_is_used():
    background = np.full((8, 9), 0.1)
    background[0, 0], background[1, 1] = np.nan, -1e-6
    used = np.zeros((8, 9), bool)
    with pytest.raises(ValueError, match="background"):
        PhotonImage(counts(), psf=PSF, background=background)
    used[0, 0] = True
    seen = PhotonImage(counts(), psf=PSF, background=background, mask=used)
    assert seen.background[0, 0, 0] == seen.background[0, 1, 1] == 0


@pytest.mark.bad_input(13)
@pytest.mark.parametrize(
    ("scale", "word"),
    [(-4 * u.arcsec, "positive"), (0, "positive"), (4 * u.s, "angle"), (4.0, "in degrees")],
)
def test_impossible_pixels_are_refused(scale, word):
    wcs = tangential_wcs((10, 20), 8, 4.0)
    with pytest.raises(ValueError, match=f"pixel_scale.*{word}"):
        PhotonImage(counts(), psf=PSF, pixel_scale=scale, wcs=wcs)


@pytest.mark.bad_input(7)
def test_touching_bands_are_fine_in_any_unit():
    image = PhotonImage(counts(), psf=PSF, energy_edges=[(1, 2), (2, 3)] * u.GeV)
    assert image.energy_edges[0, 0] == pytest.approx(1e6)
    assert image.log_energy[1] == 0


def test_weights_of_a_psf_grid_add_up_to_one_everywhere():
    stamp = GaussianPSF(1.0).stamps(1)
    grid = PSFGrid(np.tile(stamp, (2, 3, 1, 1, 1)), [5, 20], [2, 9, 30])
    assert np.allclose(grid.weights(25, 40).sum(0), 1)


def test_an_image_survives_fits(tmp_path):
    exposure = np.ones((8, 9))
    exposure[0, 0] = 0
    data = counts()
    data[:, 0, 0] = 0
    image = PhotonImage(data, exposure, PSF, [(0.2, 1), (1, 2)] * u.keV)
    back = PhotonImage.read(image.to_fits(tmp_path / "image.fits"))
    assert np.array_equal(back.counts, image.counts)
    assert np.array_equal(back.mask, image.mask)
    assert back.energy_edges == pytest.approx(image.energy_edges)
    assert back.psf.stamps(2) == pytest.approx(image.psf.stamps(2))


def test_fits_keeps_the_known_response_the_pixel_and_fractions(tmp_path):
    image = PhotonImage(
        counts(0.5), psf=PSF, band_response=(1.0, 3.0), pixel_scale=4 * u.arcsec, allow_float=True
    )
    back = PhotonImage.read(image.to_fits(tmp_path / "image.fits"))
    assert back.band_response == pytest.approx([0.25, 0.75])
    assert back.pixel_deg == pytest.approx(4 / 3600)
    assert np.array_equal(back.counts, image.counts)


@pytest.mark.parametrize("kind", ["narrow", "varying"])
def test_fits_keeps_narrow_and_varying_psfs(kind, tmp_path):
    stamp = GaussianPSF(1.0, size=5).stamps(1)
    psf = GaussianPSF(0.4) if kind == "narrow" else PSFGrid(
        np.stack([[stamp, stamp], [stamp[:, ::-1], stamp]]), [0, 7], [0, 8]
    )  # fmt: skip
    image = PhotonImage(counts(), psf=psf)
    back = PhotonImage.read(image.to_fits(tmp_path / "image.fits"))
    assert type(back.psf) is type(psf) or kind == "narrow"
    assert back.psf.stamps(2) == pytest.approx(psf.stamps(2))
    if kind == "narrow":
        assert back.psf.oversampling == psf.oversampling
        assert back.psf.fine_stamps(2) == pytest.approx(psf.fine_stamps(2))


@pytest.mark.parametrize(
    ("exposure", "plain"), [(2 * u.ks, 2e3), (1 * u.m**2 * u.ks, 1e7), (3 * u.one, 3.0)]
)
def test_exposure_with_a_unit_is_in_seconds_or_square_centimetre_seconds(exposure, plain):
    assert PhotonImage(counts(), exposure, PSF).exposure == pytest.approx(plain)
    with pytest.raises(ValueError, match="exposure: must be a time"):
        PhotonImage(counts(), 3 * u.keV, PSF)


def test_a_psf_given_as_an_angle_is_refused_and_in_pixels_is_fine():
    assert GaussianPSF(2 * u.pix).stamps(1) == pytest.approx(GaussianPSF(2.0).stamps(1))
    with pytest.raises(ValueError, match=r"sigma: must be in pixels, found 2\.0 arcsec"):
        GaussianPSF(2 * u.arcsec)
    with pytest.raises(ValueError, match="radius: must be in pixels"):
        KingPSF(1.2, radius=30 * u.arcsec)
