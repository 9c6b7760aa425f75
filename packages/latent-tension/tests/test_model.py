"""The whole model: adjoints, point sources, responses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from astropy.wcs import WCS

from decan.latent_tension import GaussianPSF, ImagePSF, PhotonImage, Priors, PSFGrid
from decan.latent_tension.components import Extended, Point, Scene
from decan.latent_tension.response import Instrument, sky_grid


def scene_of(*images, priors=None) -> Scene:
    priors = priors or Priors(deviations=(0.1, 0.05))
    scene = Scene.of(list(images), priors)
    bands = images[0].n_bands
    scene.points = [Point(14.3, 12.6, np.full(bands, 20.0), 1), Point(1.2, 20.0, np.ones(bands), 1)]
    scene.extended = [Extended(18.0, 17.0, "gauss", 2.0, 0.0, 1)]
    return scene


def image(n_bands=3, shape=(26, 23), **more) -> PhotonImage:
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, (n_bands, *shape))
    return PhotonImage(counts, psf=more.pop("psf", GaussianPSF(1.3)), **more)


def grid_psf():
    stamps = [[GaussianPSF(s + 0.1 * k, size=13).stamps(1) for k in range(2)] for s in (1.0, 1.6)]
    return PSFGrid(np.array(stamps), [0, 25], [0, 22])


def shifted_wcs(dx, dy):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.cdelt = [10.0, 20.0], [-1e-3, 1e-3]
    wcs.wcs.crpix = [12 + dx, 12 + dy]
    return wcs


CASES = {
    "three bands": [image()],
    "one band": [image(1)],
    "varying PSF": [image(2, psf=grid_psf())],
    "two frames": [image(wcs=shifted_wcs(0, 0)), image(wcs=shifted_wcs(1.3, -0.4))],
    "narrow PSF": [image(2, psf=GaussianPSF(0.4))],
}


@pytest.mark.parametrize("images", CASES.values(), ids=CASES)
def test_derivative_and_adjoint_of_the_whole_model_agree(images):
    model = scene_of(*images).model()
    generator = torch.Generator().manual_seed(1)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    x, t = 0.5 * draw(1, model.n_latent), draw(2, model.n_latent)
    state = model.at(x)
    c = draw(2, state.rate.shape[1])
    left, right = (state.jvp(t) * c).sum(1), (state.vjp(c) * t).sum(1)
    assert torch.allclose(left, right, rtol=1e-9, atol=1e-7)
    for name, where in model.slices.items():
        part = torch.zeros(1, model.n_latent, dtype=torch.float64)
        part[:, where] = t[:1, where]
        up, down = (model.at(x + s * 1e-6 * part).rate for s in (1, -1))
        exact = state.jvp(part)
        error = ((up - down) / 2e-6 - exact).abs().max() / exact.abs().max()
        assert float(error) < 1e-6, name


def test_many_samples_at_once_are_the_samples_one_by_one():
    model = scene_of(image()).model()
    x = torch.randn(3, model.n_latent, dtype=torch.float64) * 0.3
    together = model.at(x)
    c = torch.randn(3, together.rate.shape[1], dtype=torch.float64)
    for k in range(3):
        alone = model.at(x[k : k + 1])
        assert torch.allclose(alone.rate[0], together.rate[k])
        assert torch.allclose(alone.vjp(c[k : k + 1])[0], together.vjp(c)[k])


def test_a_point_source_is_the_psf_times_flux_at_its_place():
    one = PhotonImage(np.zeros((31, 31)), psf=GaussianPSF(1.5))
    scene = Scene.of([one], Priors())
    oy, ox = scene.instruments[0].origin
    scene.points = [Point(15 + oy + 0.4, 15 + ox - 0.25, np.array([50.0]), 1)]
    model = scene.model()
    latent = model.points.start([[50.0]])[None]
    seen = model.points.counts(model.points.at(latent), 0)[0, 0].numpy()
    y, x = np.mgrid[:31, :31]
    assert seen.sum() == pytest.approx(50, rel=1e-3)
    assert (seen * y).sum() / seen.sum() == pytest.approx(15.4, abs=1e-3)
    assert (seen * x).sum() / seen.sum() == pytest.approx(14.75, abs=1e-3)


def test_the_response_is_a_direct_convolution():
    from scipy.signal import convolve2d

    stamp = np.zeros((5, 5))
    stamp[1:4, 1:4] = [[0, 1, 0], [1, 4, 1], [0, 1, 0]]
    psf = ImagePSF(stamp / 8)
    one = PhotonImage(np.zeros((9, 12)), psf=psf)
    grid, origins = sky_grid([one])
    eye = Instrument(one, grid, origins[0])
    sky = np.random.default_rng(0).random((grid.ny, grid.nx))
    direct = convolve2d(sky, stamp / 8, mode="same", boundary="wrap")
    found = eye.observe(torch.tensor(sky)[None, None])[0, 0].numpy()
    oy, ox = eye.origin
    assert found == pytest.approx(direct[oy : oy + 9, ox : ox + 12], abs=1e-12)


@pytest.mark.bad_input(13)
def test_images_whose_pixels_differ_by_more_than_a_shift_are_refused():
    coarse = shifted_wcs(0, 0)
    coarse.wcs.cdelt = [-2e-3, 2e-3]
    with pytest.raises(ValueError, match="pixel scale or orientation differs"):
        sky_grid([image(wcs=shifted_wcs(0, 0)), image(wcs=coarse)])


@pytest.mark.bad_input(13)
def test_images_of_different_shape_without_coordinates_are_refused():
    with pytest.raises(ValueError, match="no WCS"):
        sky_grid([image(), image(shape=(20, 20))])


def test_images_with_different_bands_are_refused():
    with pytest.raises(ValueError, match="same bands"):
        sky_grid([image(2), image(3)])


def seen_at(psf, dy, dx, size=15):
    """Unit-flux source off the middle pixel, as the model renders it."""
    scene = Scene.of([PhotonImage(np.zeros((size, size)), psf=psf)], Priors())
    oy, ox = scene.instruments[0].origin
    scene.points = [Point(size // 2 + oy + dy, size // 2 + ox + dx, np.array([1.0]), 1)]
    points = scene.model().points
    state = points.at(points.start([[1.0]])[None])
    return points.counts(state, 0)[0, 0].numpy()


@pytest.mark.parametrize("sigma", [0.25, 0.4, 0.7])
def test_a_gaussian_narrower_than_a_pixel_is_integrated_over_pixels_at_its_place(sigma):
    from scipy.special import ndtr

    seen = seen_at(GaussianPSF(sigma), 0.3, -0.45)
    edges = np.arange(16) - 7.5
    lines = [np.diff(ndtr((edges - d) / sigma)) for d in (0.3, -0.45)]
    # The finest Gaussian is known on a fifth of a pixel.
    assert seen == pytest.approx(np.outer(*lines), abs=2e-3)
    assert seen.min() > -1e-3


@pytest.mark.parametrize("oversampling", [1, 2, 3])
def test_an_undersampled_image_of_a_psf_leaves_no_ring(oversampling):
    stamp = np.zeros((9, 9))
    stamp[4, 4], stamp[4, 5], stamp[4, 3] = 0.9, 0.05, 0.05
    seen = seen_at(ImagePSF(stamp, oversampling=oversampling), 0.4, 0.1)
    y, x = np.mgrid[:15, :15] - 7
    assert seen.min() > -1e-12
    assert seen.sum() == pytest.approx(1, abs=1e-6)
    if oversampling == 1:  # linear interpolation keeps the centroid
        assert (seen * y).sum() == pytest.approx(0.4, abs=1e-6)
        assert (seen * x).sum() == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize("oversampling", [2, 3])
def test_stamps_on_pixels_are_the_fine_ones_seen_from_the_middle(oversampling):
    fine = GaussianPSF(2.0, size=13).stamps(1)[0]
    psf = ImagePSF(fine, oversampling=oversampling)
    stamp = psf.stamps(1)[0]
    half = stamp.shape[0] // 2
    seen = seen_at(psf, 0.0, 0.0)[7 - half : 8 + half, 7 - half : 8 + half]
    assert stamp.sum() == pytest.approx(1)
    # The model's stamps leave out a rim of a ten-thousandth; even ones share their rim.
    assert seen == pytest.approx(stamp, abs=0.01 if oversampling == 2 else 1e-3)
