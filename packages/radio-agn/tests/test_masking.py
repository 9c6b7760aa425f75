"""Masks: what they keep and remove."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.radio_agn import (
    CutoutSet,
    Normalizer,
    SourceMasker,
    morphology_features,
    network_stamps,
    simulate_bent_sources,
)
from decan.radio_agn.islands import background, islands


@pytest.mark.bad_input(25)
def test_case_25_a_stray_pixel_over_an_exact_zero_is_no_island_of_infinite_significance(shipped):
    image = np.zeros((150, 150))
    image[70:80, 70:80] = 5.0
    image[3, 3] = 1e-3
    twin = image.copy()
    twin[3, 3] = 0.0
    found = islands(image[None])
    assert found.background.rule[0] == "grey level"
    assert np.isfinite(found.background.noise).all()
    assert found.labels[0, 3, 3] == 0
    assert found.labels[0, 75, 75] == 1
    masker = SourceMasker("central")
    masked = masker.transform(image[None])
    assert np.isfinite(masked).all()
    assert masker.report_["status"][0] == "ok"
    assert np.array_equal(shipped.predict_proba(image), shipped.predict_proba(twin))


def test_noise_of_a_gaussian_image_is_its_standard_deviation(blob):
    assert background(blob[None]).noise[0] == pytest.approx(0.15, rel=0.05)


@pytest.mark.bad_input(6)
def test_a_source_away_from_the_centre_is_told_and_one_within_15_arcsec_is_taken():
    def at(offset_px):
        image = np.zeros((1, 150, 150))
        image[0, 73:77, 73 + offset_px : 77 + offset_px] = 1.0
        masker = SourceMasker("central")
        masker.transform(image)
        return masker.report_["status"][0], bool(masker.masks_.any())

    assert at(6) == ("ok", True)
    assert at(60) == ("no_central_source", False)


def test_a_double_around_an_empty_centre_is_a_central_source():
    image = np.zeros((1, 150, 150))
    image[0, 73:77, 58:62] = image[0, 73:77, 88:92] = 1.0
    masker = SourceMasker("central")
    masker.transform(image)
    assert masker.report_["status"][0] == "ok"
    assert masker.report_["flux_kept"][0] == pytest.approx(1.0)


@pytest.mark.bad_input(7)
def test_noise_and_negative_bowls_are_low_snr_and_never_stretched(blob):
    noise = np.random.default_rng(3).normal(0, 0.15, blob.shape)
    masker = SourceMasker("central")
    masked = masker.transform(np.stack([noise, -np.abs(blob)]))
    assert masker.report_["status"].tolist() == ["low_snr", "low_snr"]
    assert not masked.any()
    assert not Normalizer().transform(masked, masker.masks_).any()


@pytest.mark.bad_input(2)
def test_missing_pixels_are_background_and_their_share_is_told(blob):
    part = blob.copy()
    part[:20] = np.nan
    masker = SourceMasker("central")
    masked = masker.transform(part[None])
    assert np.isfinite(masked).all()
    assert masker.report_["nan_fraction"][0] == pytest.approx(20 / 150)
    assert masker.report_["status"][0] == "ok"


@settings(max_examples=8)
@given(st.floats(1e-3, 1e3), st.floats(-5, 5))
def test_masks_do_not_depend_on_the_unit_or_the_level(scale, level):
    image = simulate_bent_sources(1, flux_mjy=(50, 60), rng=4).images.astype(float)
    first, second = SourceMasker("central"), SourceMasker("central")
    first.transform(image)
    second.transform(scale * image + level)
    # Rounding may move a pixel that lies on the threshold.
    assert (first.masks_ != second.masks_).mean() < 1e-3


def test_masks_remove_neighbours_and_keep_the_target():
    made = simulate_bent_sources(70, neighbour_mean=1.0, rng=11)
    masker = SourceMasker("central")
    masker.transform(made.images)
    bright = made.table["snr"].to_numpy() > 30
    inside = masker.masks_
    assert 1 - (made.neighbours * inside).sum() / made.neighbours.sum() > 0.90
    kept = (made.target * inside)[bright].sum() / made.target[bright].sum()
    assert kept > 0.95


def test_the_papers_order_leaves_a_target_beside_a_bright_neighbour_few_grey_levels():
    image = np.zeros((1, 60, 60))
    image[0, 28:32, 28:32] = np.linspace(0.5, 1.0, 16).reshape(4, 4)
    image[0, 2:6, 2:6] = 100.0
    masker = SourceMasker("central", dilation=0)
    masker.transform(image)
    ours = Normalizer("minmax").transform(image, masker.masks_)
    paper = Normalizer("minmax", order="paper").transform(image, masker.masks_)
    assert len(np.unique(ours[masker.masks_])) == 16
    assert len(np.unique(paper[masker.masks_])) <= 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_pybdsf_and_photutils_agree_with_ours_on_a_lone_bright_source():
    pytest.importorskip("bdsf")
    pytest.importorskip("photutils")
    made = simulate_bent_sources(2, flux_mjy=(80, 100), neighbour_mean=0, rng=0)
    ours = SourceMasker("central", dilation=0)
    ours.transform(made.images)
    for method in ("pybdsf", "intersection"):
        theirs = SourceMasker(method, dilation=0)
        theirs.transform(made.images)
        both = (ours.masks_ & theirs.masks_).sum() / (ours.masks_ | theirs.masks_).sum()
        assert both > 0.8


@pytest.mark.parametrize(
    "bad",
    [
        {"method": "rl3"},
        {"thresh_isl": 6.0},
        {"thresh_isl": -1.0},
        {"min_area": 0},
        {"dilation": -1},
        {"pixel_arcsec": 0.0},
    ],
)
def test_settings_without_sense_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        SourceMasker(**bad)


def test_masks_of_another_shape_are_refused(blob):
    with pytest.raises(ValueError, match=r"^masks: found shape \(2, 2\)"):
        Normalizer().transform(blob[None], np.ones((2, 2), bool))


def test_a_set_of_cutouts_and_masked_pixels_go_wherever_arrays_do(made):
    images = made.images[:3].copy()
    mask = np.zeros(images.shape, dtype=bool)
    mask[:, :20] = True
    spoilt = np.ma.array(np.where(mask, 1e9, images), mask=mask)
    plain = np.where(mask, np.nan, images)
    for look in (network_stamps, morphology_features, lambda x: background(x).noise):
        expected = look(plain)
        np.testing.assert_allclose(look(spoilt), expected, rtol=1e-5, equal_nan=True)
        cutouts = CutoutSet.from_arrays(spoilt)
        np.testing.assert_allclose(look(cutouts), expected, rtol=1e-5, equal_nan=True)
