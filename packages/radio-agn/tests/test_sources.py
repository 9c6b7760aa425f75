"""Simulator and features."""

import numpy as np
import pytest

from decan.core.testing import needs_data
from decan.radio_agn import DATASETS, feature_names, given_images, morphology_features
from decan.radio_agn.crossval import training_rows
from decan.radio_agn.simulate import opening_class, simulate_bent_sources


def test_the_truth_is_the_angle_on_the_sky():
    made = simulate_bent_sources(30, rng=1)
    for row in made.table.itertuples():
        straight = row.truth if row.truth in ("FRI", "FRII") else "FRI"
        assert opening_class(row.opening_deg, straight) == row.truth


def test_images_are_the_sum_of_target_neighbours_and_noise_of_the_size_promised():
    made = simulate_bent_sources(20, rng=2)
    noise = made.images - made.target - made.neighbours
    # Half of the images carry sidelobe stripes of 0.3 % of the brightest peak on top.
    spread = noise.std(axis=(1, 2))
    peak = (made.target + made.neighbours).max(axis=(1, 2))
    assert (spread >= 0.149).all()
    assert (spread <= 0.151 + 0.003 * peak).all()


def test_the_total_flux_is_conserved_by_rendering():
    made = simulate_bent_sources(10, length_arcsec=(12.0, 40.0), rng=3)
    beam_area = np.pi / (4 * np.log(2)) * (5.4 / 1.8) ** 2
    assert made.target.sum(axis=(1, 2)) / beam_area == pytest.approx(
        made.table["flux_mjy"].to_numpy(), rel=0.02
    )


def test_the_same_seed_gives_the_same_sky():
    first, second = (simulate_bent_sources(2, rng=5).images for _ in range(2))
    assert np.array_equal(first, second)


def test_human_labels_err_near_ninety_degrees_and_only_there():
    made = simulate_bent_sources(
        300, fractions={"WAT": 0.5, "NAT": 0.5}, size=30, neighbour_mean=0, label_noise=True, rng=6
    )
    away = (made.table["opening_deg"] - 90).abs()
    wrong = made.table["truth"] != made.table["label"]
    assert wrong[away < 10].mean() > 0.2
    assert wrong[away > 60].mean() < 0.1


def test_features_do_not_depend_on_orientation(made):
    images = made.images[:8]
    base = morphology_features(images)
    for view in (np.rot90(images, axes=(1, 2)), images[:, :, ::-1]):
        np.testing.assert_allclose(morphology_features(view), base, rtol=1e-3, atol=1e-3)


def test_there_is_a_name_for_each_feature(made):
    assert morphology_features(made.images[:2]).shape == (2, len(feature_names()))


def test_narrow_tails_are_more_lopsided_than_wide_ones_and_these_than_straight_sources():
    column = feature_names().index("source centre ring 2 m=1")
    mean = []
    for kind in ("NAT", "WAT", "FRII"):
        made = simulate_bent_sources(
            15, fractions={kind: 1}, flux_mjy=(80, 300), neighbour_mean=0, rng=7
        )
        mean.append(float(np.nanmean(morphology_features(made.images)[:, column])))
    assert mean[0] > mean[1] > mean[2]


def test_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="expected shares"):
        simulate_bent_sources(1, fractions={"FR0": 1})


@needs_data(DATASETS, "first_morph", "mirabest", "proctor_raw")
def test_no_group_is_trained_on_and_judged():
    pool = given_images()
    group = pool.table["group"].to_numpy()
    for fold in range(5):
        rows = training_rows(pool, fold)
        judged = pool.table["fold"].eq(fold) | pool.table["test_batch"]
        assert not set(group[rows]) & set(group[judged])
