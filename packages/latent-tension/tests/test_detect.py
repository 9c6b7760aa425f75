"""Peaks, likelihood ratios, thresholds, hot pixels, scores of catalogues."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decan.latent_tension import GaussianPSF, PhotonImage, Priors, matched_filter, simulate_field
from decan.latent_tension.catalogue import score_catalogue
from decan.latent_tension.components import Scene
from decan.latent_tension.detect import (
    gumbel_probability,
    gumbel_threshold,
    likelihood_ratio,
    local_maxima,
    refined,
)
from decan.latent_tension.tension import robust_score
from decan.latent_tension.verify import mask_hot_pixels


@given(arrays(float, (12, 14), elements=st.floats(0, 5)), st.floats(1.0, 5.0))
def test_no_two_peaks_are_nearer_than_the_distance_and_the_highest_is_kept(image, distance):
    peaks = local_maxima(image, 1.0, distance)
    for i, a in enumerate(peaks):
        for b in peaks[:i]:
            assert np.hypot(a[0] - b[0], a[1] - b[1]) >= distance
    if image.max() > 1.0:
        assert image[peaks[0]] == image.max()


# Case of scikit-image/scikit-image#1831: neighbours of exactly equal height.
def test_of_equal_neighbours_one_peak_is_kept():
    image = np.zeros((9, 9))
    image[4, 4] = image[4, 5] = 3.0
    assert len(local_maxima(image, 1.0, 2.0)) == 1


def test_a_parabola_is_refined_to_its_vertex():
    y, x = np.mgrid[:9, :9]
    image = 10 - (y - 4.3) ** 2 - (x - 3.8) ** 2
    assert refined(image, 4, 4) == pytest.approx((4.3, 3.8))


def test_the_likelihood_ratio_is_that_of_a_scan_over_fluxes():
    rng = np.random.default_rng(5)
    image = PhotonImage(rng.poisson(0.3, (1, 25, 25)), psf=GaussianPSF(1.5))
    model = Scene.of([image], Priors()).model()
    oy, ox = model.instruments[0].origin
    rate = torch.full((1, 625), 0.3, dtype=torch.float64)
    share = torch.ones(1, dtype=torch.float64)
    flux, ts = likelihood_ratio(model, [(12 + oy, 11 + ox)], model.counts[None], rate, share)
    stamp = np.zeros((25, 25))
    one = GaussianPSF(1.5).stamps(1)[0]
    half = one.shape[0] // 2
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            if 0 <= 12 + dy < 25 and 0 <= 11 + dx < 25:
                stamp[12 + dy, 11 + dx] = one[half + dy, half + dx]
    scan = np.linspace(0, 20, 4001)
    n = image.counts[0]
    log = [(n * np.log(0.3 + f * stamp) - f * stamp).sum() for f in scan]
    # A scan by 0.005 counts; the PSF is cut at a ten-thousandth.
    assert flux[0] == pytest.approx(scan[int(np.argmax(log))], abs=0.02)
    assert ts[0] == pytest.approx(2 * (max(log) - log[0]), abs=0.01)


def test_threshold_and_p_value_are_inverse_to_each_other():
    maxima = [3.2, 3.4, 3.3, 3.9, 3.6]
    for p in (0.5, 0.05, 0.001):
        assert gumbel_probability(maxima, gumbel_threshold(maxima, p)) == pytest.approx(p)


def test_the_robust_score_of_a_normal_map_is_standard():
    score = robust_score(np.random.default_rng(0).normal(3, 7, 100_000))
    assert score.std() == pytest.approx(1, abs=0.01)


@pytest.mark.bad_input(9)
def test_a_hot_pixel_is_masked_and_a_source_of_the_same_peak_is_not():
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (1, 32, 32)).astype(float)
    counts[0, 10, 20] = 1e6
    with pytest.warns(UserWarning, match="narrower than the PSF"):
        clean, found = mask_hot_pixels(PhotonImage(counts, psf=GaussianPSF(1.5)))
    assert [(row["x"], row["y"]) for row in found] == [(20.0, 10.0)]
    assert clean.mask[0, 10, 20]
    stamp = GaussianPSF(1.5).stamps(1)[0]
    counts = rng.poisson(1.0, (1, 32, 32)).astype(float)
    half = stamp.shape[0] // 2
    counts[0, 16 - half : 17 + half, 15 - half : 16 + half] += rng.poisson(3000 * stamp)
    assert mask_hot_pixels(PhotonImage(counts, psf=GaussianPSF(1.5)))[1] == []


@pytest.mark.bad_input(9)
@pytest.mark.filterwarnings("ignore:image")
def test_a_pixel_that_is_hot_in_every_band_is_one_artifact():
    counts = np.ones((3, 32, 32))
    counts[:, 8, 9] = 1e4
    image, found = mask_hot_pixels(PhotonImage(counts, psf=GaussianPSF(1.5)))
    assert len(found) == 1
    assert image.mask[:, 8, 9].all()


def test_an_undersampled_source_is_no_hot_pixel():
    counts = np.ones((1, 32, 32))
    counts[0, 5, 5] = 400
    assert mask_hot_pixels(PhotonImage(counts, psf=GaussianPSF(0.2)))[1] == []


def test_a_match_goes_to_the_nearest_free_source_from_the_brightest_on():
    truth = pd.DataFrame(
        {
            "kind": ["point", "point", "shell"],
            "x_pix": [10.0, 11.0, 30.0],
            "y_pix": [10.0, 10.0, 30.0],
            "counts_total": [400.0, 50.0, 900.0],
            "size_pix": [0.0, 0.0, 5.0],
        }
    )
    seen = pd.DataFrame(
        {
            "kind": ["point"] * 4 + ["extended"],
            "x": [10.1, 11.2, 33.0, 50.0, 30.5],
            "y": [10.0, 10.0, 30.0, 50.0, 30.0],
            "flux": [390.0, 60.0, 20.0, 20.0, 880.0],
            "pos_err": 0.2,
        }
    )
    score = score_catalogue(seen, truth)
    assert score["found"] == [0, 1, 0, 1]
    assert (score["false"], score["on_extended"], score["extended_found"]) == (1, 1, 1)
    assert score["matches"]["offset"].round(2).tolist() == [0.1, 0.2]


def test_the_matched_filter_finds_a_bright_source():
    field = simulate_field(48, n_points=1, n_extended=0, exposure=20, rng=4)
    seen = matched_filter(field.image)
    away = np.hypot(seen["x"] - field.truth["x_pix"][0], seen["y"] - field.truth["y_pix"][0])
    assert away.min() < 0.5
