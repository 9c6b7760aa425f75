"""The promises of decan.core.metrics.two_sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from decan.core.metrics import c2st

LINEAR = LinearDiscriminantAnalysis()


def test_a_known_shift_gives_the_accuracy_of_the_best_classifier():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2000, 2)), rng.normal((1.5, 0), size=(2000, 2))
    result = c2st(a, b, classifier=LINEAR, n_floor=20, rng=0)
    # Two unit Gaussians 1.5 apart: accuracy Phi(0.75), AUC Phi(1.5 / sqrt 2).
    assert result.accuracy.value == pytest.approx(norm.cdf(0.75), abs=0.02)
    assert result.auc.value == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.02)
    assert result.accuracy.low < result.accuracy.value < result.accuracy.high
    assert result.distinguishable
    assert result.p_value == 1 / 21
    assert "distinguishable" in str(result)


def test_equal_distributions_are_at_the_floor():
    rng = np.random.default_rng(1)
    p_values = [
        c2st(*rng.normal(size=(2, 60, 2)), classifier=LINEAR, n_floor=19, rng=rng, n_boot=0).p_value
        for _ in range(15)
    ]
    # Uniform on 1/20 ... 1: at most 3 of 15 at or below 0.05 with probability 0.995.
    assert sum(p <= 0.05 for p in p_values) <= 3
    assert np.mean(p_values) == pytest.approx(0.525, abs=0.25)


def test_samples_of_unequal_size_are_not_told_apart_by_their_size():
    rng = np.random.default_rng(2)
    result = c2st(
        rng.normal(size=(900, 2)), rng.normal(size=(100, 2)), classifier=LINEAR, rng=0, n_boot=0
    )
    assert result.floor.value == pytest.approx(0.5, abs=0.03)
    assert result.accuracy.value == pytest.approx(0.5, abs=0.1)


def test_copies_in_a_group_do_not_make_a_difference():
    rng = np.random.default_rng(3)
    disc = np.repeat(np.arange(40), 8)
    a, b = rng.normal(size=(2, 40, 3))
    a, b = a[disc] + 0.01 * rng.normal(size=(320, 3)), b[disc] + 0.01 * rng.normal(size=(320, 3))
    # Both samples come from one distribution of discs, with eight near-copies of each.
    apart = c2st(a, b, classifier=LINEAR, groups_a=disc, groups_b=disc + 40, rng=0, n_boot=0)
    assert not apart.distinguishable
    # Exchanging rows instead of discs gives too low a floor, and a false alarm more often.
    by_row = c2st(a, b, classifier=LINEAR, rng=0, n_boot=0)
    assert by_row.floor.high - by_row.floor.low < apart.floor.high - apart.floor.low


def test_paired_groups_are_swapped_within_the_pair():
    rng = np.random.default_rng(4)
    disc = np.arange(100)
    mass = 5 * rng.normal(size=(100, 1))
    a, b = mass + 0.1 * rng.normal(size=(100, 1)), mass + 0.1 * rng.normal(size=(100, 1))
    paired = c2st(a, b, classifier=LINEAR, groups_a=disc, groups_b=disc, rng=0, n_boot=0)
    assert not paired.distinguishable


def test_power_is_the_shift_that_stands_out_and_falls_with_size():
    rng = np.random.default_rng(5)
    few, many = (
        c2st(
            *rng.normal(size=(2, n, 1)), classifier=LINEAR, power=True, n_floor=19, rng=0, n_boot=0
        ).detectable_shift
        for n in (40, 1000)
    )
    # Accuracy Phi(shift / 2) must exceed 0.5 by about 1.6 sigma of a binomial of 2 n rows:
    # 2 x 1.6 x 0.5 / sqrt(2 n) / 0.4, hence 0.45 (seen half the time) and 0.09.
    assert 0.3 <= few <= 1.5
    assert 0.1 <= many <= 0.3


def test_the_default_classifier_sees_what_no_line_can():
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(300, 2)), rng.normal(size=(300, 2))
    b[:, 1] = 0.8 * b[:, 0] + 0.6 * b[:, 1]  # the same marginals, another correlation
    assert c2st(a, b, n_floor=4, n_boot=0, rng=0).distinguishable
    assert not c2st(a, b, classifier=LINEAR, n_boot=0, rng=0).distinguishable


def test_one_seed_gives_one_result():
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(2, 40, 2))
    assert c2st(a, b, n_floor=2, n_boot=5, rng=7) == c2st(a, b, n_floor=2, n_boot=5, rng=7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"b": np.zeros((30, 3))}, "b: has 3 features, expected 2 as in a"),
        ({"b": np.full((30, 2), np.nan)}, "b: 60 values are not finite"),
        ({"b": np.zeros(30)}, r"b: found shape \(30,\)"),
        ({"groups_a": np.arange(30)}, "groups_b: give groups for both samples or for none"),
        ({"groups_a": np.arange(3), "groups_b": np.arange(30)}, "groups_a: has 3 rows"),
        ({"n_floor": 0}, "n_floor: found 0"),
    ],
)
def test_wrong_input_is_refused_with_the_argument_named(arguments, message):
    arguments = {"a": np.zeros((30, 2)), "b": np.zeros((30, 2)), **arguments}
    with pytest.raises(ValueError, match=message):
        c2st(arguments.pop("a"), arguments.pop("b"), classifier=LINEAR, **arguments)
