"""The promises of decan.core.metrics.estimate."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.core.metrics import Estimate, accuracy, bootstrap, sigma_mad
from decan.core.metrics.estimate import weight_blocks


def test_an_estimate_prints_as_value_and_interval():
    assert str(Estimate(0.9761, 0.9709, 0.9812, n=5)) == "0.976 [0.971, 0.981]"
    assert str(Estimate(1234.4, 1200.0, 1300.0)) == "1234 [1200, 1300]"
    assert str(Estimate(0.9761)) == "0.976"
    assert str(Estimate(1.3e-7)) == "1.3e-07"
    assert str(Estimate(math.nan)) == "nan"


def test_an_estimate_without_bootstrap_has_no_interval():
    estimate = accuracy([0, 1], [0, 1])
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)
    assert estimate.n == 2


def test_weights_of_a_resample_add_up_to_the_groups_drawn():
    codes = np.array([0, 0, 1, 2, 2, 2])
    sizes = np.bincount(codes)
    for block in weight_blocks(codes, 3, 50, 0):
        counts = block[:, [0, 2, 3]]  # one row of each group
        assert (counts.sum(axis=1) == 3).all()
        assert (block.sum(axis=1) == counts @ sizes).all()


def test_weights_are_multinomial_over_groups():
    (block,) = weight_blocks(np.arange(4), 4, 40_000, 1)
    # Variance of one multinomial count: 4 x 1/4 x 3/4; 40,000 draws know it within 1 %.
    assert block.mean() == 1
    np.testing.assert_allclose(block.var(axis=0), 0.75, rtol=0.04)


def test_large_jobs_are_split_into_blocks_without_changing_the_numbers(monkeypatch):
    codes = np.arange(50)
    whole = np.concatenate(list(weight_blocks(codes, 50, 20, 3)))
    monkeypatch.setattr("decan.core.metrics.estimate._WEIGHTS_AT_ONCE", 150)
    np.testing.assert_array_equal(np.concatenate(list(weight_blocks(codes, 50, 20, 3))), whole)


def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    n_trials, inside = 400, 0
    for _ in range(n_trials):
        estimate = bootstrap(np.mean, rng.normal(size=60), n_boot=150, rng=rng)
        inside += estimate.low <= 0 <= estimate.high
    # 0.68 within three binomial standard errors (0.07); 60 rows cost about 0.01.
    assert abs(inside / n_trials - 0.68) < 0.075


def test_rows_of_one_group_do_not_count_as_independent():
    rng = np.random.default_rng(1)
    star = np.repeat(np.arange(100), 9)
    depth = rng.normal(size=100)[star]
    by_row = bootstrap(np.mean, depth, n_boot=400, rng=0)
    by_star = bootstrap(np.mean, depth, groups=star, n_boot=400, rng=0)
    # Nine copies of a row shrink the naive error by three; 400 resamples know it within 10 %.
    ratio = (by_star.high - by_star.low) / (by_row.high - by_row.low)
    assert ratio == pytest.approx(3.0, rel=0.25)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(2, 30))
def test_one_seed_gives_one_interval(seed, n):
    values = np.arange(n, dtype=float)
    assert bootstrap(np.mean, values, n_boot=10, rng=seed) == bootstrap(
        np.mean, values, n_boot=10, rng=seed
    )


def test_group_names_do_not_matter():
    values, groups = np.arange(9.0), np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    names = np.array(["a", "b", "c"])[groups]
    assert bootstrap(np.mean, values, groups=names, rng=0) == bootstrap(
        np.mean, values, groups=groups, rng=0
    )


def test_metrics_can_be_the_statistic():
    rng = np.random.default_rng(2)
    truth, predicted = rng.normal(size=(2, 50))
    assert bootstrap(sigma_mad, truth, predicted, rng=0) == sigma_mad(
        truth, predicted, n_boot=200, rng=0
    )


def test_a_wider_level_gives_a_wider_interval():
    values = np.random.default_rng(3).normal(size=40)
    narrow = bootstrap(np.mean, values, level=0.5, rng=0)
    wide = bootstrap(np.mean, values, level=0.95, rng=0)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "arrays: none given"),
        ({"arrays": ([1.0, 2.0], [1.0])}, "arrays: number 1 has 1 rows, expected 2"),
        ({"arrays": ([1.0, 2.0],), "groups": [1]}, "groups: has 1 rows, expected 2"),
        ({"arrays": ([1.0, 2.0],), "level": 1.0}, "level: found 1"),
        ({"arrays": ([1.0, 2.0],), "n_boot": -1}, "n_boot: found -1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    arrays = arguments.pop("arrays", ())
    with pytest.raises(ValueError, match=message):
        bootstrap(np.mean, *arrays, **arguments)


def test_importing_the_metrics_loads_nothing_heavy():
    code = (
        "import sys; from decan.core import metrics; metrics.average_precision; metrics.c2st; "
        "metrics.PlattCalibrator; metrics.rmse; metrics.pit; metrics.purity; "
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pandas', 'matplotlib') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
