"""Promises of the decomposition."""

import numpy as np
import pytest

from decan.stellar_mass import decompose
from decan.stellar_mass.laboratory import copy_pair, gaussian_triplet
from decan.stellar_mass.measures import broja_gaussian_redundancy, ccs_redundancy, pointwise_min


def test_pure_noise_has_no_unique_information_and_no_synergy(noise_pair):
    made, found = noise_pair
    # The sample's own information scatters by 0.02 about the truth of 0.511.
    assert found.information_1.value == pytest.approx(made.truth["information_1"], abs=0.06)
    assert abs(found.unique_2.value) <= 0.01
    assert abs(found.synergistic.value) <= 0.01
    assert abs(found.synergistic.floor) <= 0.01


def test_the_recipe_finds_information_in_noise_and_says_so_by_its_floor(noise_pair):
    made, _ = noise_pair
    recipe = decompose(made.x1, made.x2, made.y, measure="pointwise_min", estimator="gaussian",
                       rng=0)  # fmt: skip
    # 0.108 with exact densities: E[min(i_1, 0)] for a correlation of 0.8.
    assert recipe.unique_2.value == pytest.approx(0.108, abs=0.015)
    assert recipe.synergistic.value == pytest.approx(-0.108, abs=0.015)
    assert recipe.unique_2.floor == pytest.approx(0.108, abs=0.015)


def test_two_independent_inputs_have_the_synergy_of_the_closed_form():
    made = gaussian_triplet(3000, 0.5, 0.5, rng=1)
    found = decompose(made.x1, made.x2, made.y, estimator="copula", floor=False, rng=0)
    assert found.synergistic.value == pytest.approx(0.203, abs=0.03)


def test_components_add_up_to_the_information_of_both(noise_pair):
    _, found = noise_pair
    parts = found.redundant.value + found.unique_1.value + found.unique_2.value
    assert parts + found.synergistic.value == pytest.approx(found.information_12.value, abs=1e-12)


@pytest.mark.parametrize("measure", ["mmi", "pointwise_min", "broja_gaussian"])
def test_averages_over_objects_are_the_reported_parts(measure):
    made = gaussian_triplet(1000, 0.6, 0.4, rng=3)
    found = decompose(made.x1, made.x2, made.y, measure=measure, estimator="copula", rng=0)
    frame = found.per_object()
    for part in ("redundant", "unique_1", "unique_2", "synergistic"):
        assert frame[part].mean() == pytest.approx(getattr(found, part).value, abs=1e-9)


@pytest.mark.bad_input(5)
def test_an_input_against_itself_is_all_redundant():
    made = copy_pair(400, rng=0)
    found = decompose(made.x1, made.x1, made.y, estimator="copula", floor=False, rng=0)
    assert found.unique_1.value == found.unique_2.value == found.synergistic.value == 0
    assert found.redundant.value == pytest.approx(found.information_1.value)


def test_common_change_in_surprisal_of_a_copied_bit_is_a_bit():
    bit = np.eye(2)[np.arange(400) % 2]
    assert ccs_redundancy(bit, bit, np.array([0.5, 0.5]), rng=0).mean() == pytest.approx(np.log(2))


def test_broja_of_a_target_of_two_columns_lies_between_zero_and_the_smaller_input():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 6))
    shared, one, two, both = broja_gaussian_redundancy(a @ a.T + np.eye(6), 2, 2)
    assert 0 <= shared <= min(one, two)
    assert both >= max(one, two) - 1e-9


def test_broja_of_separate_channels_is_zero():
    # Each input sees one column of the target and nothing of the other.
    covariance = np.eye(4)
    covariance[0, 2] = covariance[2, 0] = covariance[1, 3] = covariance[3, 1] = 0.7
    shared, one, *_ = broja_gaussian_redundancy(covariance, 2, 1)
    assert one > 0.3
    assert shared == pytest.approx(0, abs=1e-6)


def test_the_pointwise_minimum_lies_below_the_minimum_of_averages():
    rng = np.random.default_rng(0)
    i_1, i_2 = rng.normal(0.5, 1, 100), rng.normal(0.4, 1, 100)
    assert pointwise_min(i_1, i_2, i_1)[:, 0].mean() <= min(i_1.mean(), i_2.mean())


def test_classes_and_bins_hold_all_objects_they_should(noise_pair):
    _, found = noise_pair
    labels = np.where(np.arange(len(found)) % 3 == 0, "a", "b")
    assert found.by(labels)["n"].sum() == len(found)
    bins = found.in_bins(found.y, 4)
    assert bins["n"].tolist() == [500] * 4
    assert bins["centre"].is_monotonic_increasing


def test_the_prior_within_a_class_takes_the_place_of_the_class_out(noise_pair):
    made, found = noise_pair
    upper = np.where(made.y > 1, "high", "low")
    across = found.by(upper).set_index("class")["information_1"]
    within = found.by(upper, prior="within").set_index("class")["information_1"]
    assert within["high"] < across["high"] - 0.5


@pytest.mark.bad_input(3)
def test_rows_that_do_not_match_are_refused_by_name():
    x = np.zeros(60)
    with pytest.raises(ValueError, match="x1 has 60 rows and x2 has 59"):
        decompose(x, x[1:], x)


@pytest.mark.bad_input(3)
def test_an_index_that_differs_is_refused_by_name():
    import pandas as pd

    x = pd.Series(np.arange(60.0))
    with pytest.raises(ValueError, match="x1 and y have different indices"):
        decompose(x, x, x.iloc[::-1])


def test_bins_without_objects_are_refused_in_one_line(noise_pair):
    made, found = noise_pair
    with pytest.raises(ValueError, match="none of 500 classes has 10 objects"):
        found.in_bins(made.y, bins=500)
    with pytest.raises(ValueError, match=r"^values: "):
        found.in_bins(np.ones(len(made.y)))
