"""Promises of the information estimators."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.stellar_mass import conditional_mutual_information, mutual_information
from decan.stellar_mass.crossfit import normal_scores
from decan.stellar_mass.densities import BinnedDensity, MixtureDensity, prior_logpdf
from decan.stellar_mass.information import METHODS
from decan.stellar_mass.laboratory import gaussian_triplet, sign_product, warped
from decan.stellar_mass.nearest import ksg_information

# The user's counts of the case: 0 ... 99 and 1000, and the same with noise.
COUNTS = np.array([*range(100), 1000])
NOISY = COUNTS + np.random.default_rng(0).normal(size=101)


@pytest.fixture(scope="module")
def eight():
    return gaussian_triplet(2000, 0.9, d1=8, rng=5)


def test_eight_gaussian_columns_are_unbiased_by_default(eight):
    # The sample's own information scatters by 0.016 (one over the root of n, times 0.7).
    truth = eight.truth["information_1"]
    sample = mutual_information(eight.x1, eight.y, method="gaussian").value
    found = mutual_information(eight.x1, eight.y, rng=0).value
    assert found == pytest.approx(sample, abs=0.03)
    assert found == pytest.approx(truth, abs=0.06)


def test_warps_change_little_and_ranks_nothing(eight):
    bent = warped(eight)
    plain = mutual_information(eight.x1, eight.y, rng=0).value
    assert mutual_information(bent.x1, bent.y, rng=0).value == pytest.approx(plain, abs=0.05)
    copula = [mutual_information(w.x1, w.y, method="copula").value for w in (eight, bent)]
    assert copula[0] == pytest.approx(copula[1], abs=1e-9)


def test_nearest_neighbours_lose_information_in_eight_columns(eight):
    # The reason for the default: 0.52 of 0.83 nats.
    assert mutual_information(eight.x1, eight.y, method="ksg").value < 0.6


def test_nearest_neighbours_agree_with_an_independent_library():
    ennemi = pytest.importorskip("ennemi")
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 500))
    y = 0.8 * x + 0.3 * z + 0.5 * rng.normal(size=500)
    assert mutual_information(x, y, method="ksg").value == pytest.approx(
        float(np.ravel(ennemi.estimate_mi(y, x))[0]), abs=1e-3
    )
    ours = conditional_mutual_information(x, y, z, method="ksg").value
    assert ours == pytest.approx(float(np.ravel(ennemi.estimate_mi(y, x, cond=z))[0]), abs=1e-3)


@pytest.mark.bad_input(13)
@pytest.mark.parametrize("method", METHODS)
def test_integers_are_the_numbers_they_are_and_sides_may_swap(method):
    as_int = mutual_information(COUNTS, NOISY, method=method, rng=0).value
    as_float = mutual_information(COUNTS.astype(float), NOISY, method=method, rng=0).value
    table = pd.DataFrame({"counts": COUNTS})
    swapped = mutual_information(NOISY, table, method=method, rng=0).value
    assert as_int == as_float
    assert as_int == pytest.approx(swapped, abs=0.05)
    assert COUNTS.dtype.kind == "i"
    if method == "ksg":
        assert as_int == pytest.approx(2.88, abs=0.05)  # scikit-learn 1.9.1, k = 3


def test_noise_has_no_information_and_its_floor_neither():
    rng = np.random.default_rng(0)
    found = mutual_information(rng.normal(size=(800, 3)), rng.normal(size=800), floor=True, rng=0)
    assert abs(found.value) < 0.01
    assert abs(found.floor) < 0.01


def test_conditioning_takes_a_common_cause_out():
    rng = np.random.default_rng(0)
    z = rng.normal(size=1500)
    x, y = z + rng.normal(size=1500), z + rng.normal(size=1500)
    assert abs(conditional_mutual_information(x, y, z, rng=0).value) < 0.02
    alone = mutual_information(x, y, method="copula").value
    assert alone == pytest.approx(-0.5 * np.log(1 - 0.25), abs=0.03)


def test_the_interval_holds_the_value_and_grows_with_groups():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=100), 5)
    y = x + np.repeat(rng.normal(size=100), 5)
    single = mutual_information(x, y, method="gaussian", n_boot=200, rng=0)
    grouped = mutual_information(x, y, method="gaussian", n_boot=200, rng=0,
                                 groups=np.repeat(np.arange(100), 5))  # fmt: skip
    assert single.low < single.value < single.high
    assert grouped.high - grouped.low > 1.5 * (single.high - single.low)


def test_synergy_of_signs_is_found():
    made = sign_product(1500, rng=0)
    both = np.column_stack([made.x1, made.x2])
    assert mutual_information(both, made.y, rng=0).value > 0.5 * made.truth["information_12"]
    assert abs(mutual_information(made.x1, made.y, rng=0).value) < 0.02


@pytest.mark.bad_input(5)
def test_a_constant_column_is_named_and_left_out():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60), "still": np.ones(60)})
    with pytest.warns(UserWarning, match="constant, therefore ignored: still"):
        mutual_information(table, table["a"] + rng.normal(size=60), method="copula")


def test_gaps_are_refused_where_a_method_cannot_bear_them():
    x = np.r_[np.nan, np.arange(59.0)]
    with pytest.raises(ValueError, match="1 missing values"):
        mutual_information(x, np.arange(60.0), method="ksg")


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_local_information_by_neighbours_does_not_care_for_order(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 60, 1))
    order = rng.permutation(60)
    whole = ksg_information(x, y, rng=0).mean()
    assert ksg_information(x[order], y[order], rng=0).mean() == pytest.approx(whole, abs=1e-6)


def test_normal_scores_keep_gaps_and_ties():
    scores = normal_scores([[1.0], [np.nan], [1.0], [5.0]])
    assert np.isnan(scores[1, 0])
    assert scores[0, 0] == scores[2, 0] < scores[3, 0]


def test_binned_and_smooth_densities_agree():
    smooth = MixtureDensity(np.array([[0.3, 0.7]]), np.array([[9.0, 10.0]]), np.full((1, 2), 0.3))
    binned = smooth.binned(np.linspace(6, 13, 1401))
    assert binned.logpdf([9.4])[0] == pytest.approx(smooth.logpdf([9.4])[0], abs=0.02)
    assert binned.cdf([9.4])[0] == pytest.approx(smooth.cdf([9.4])[0], abs=1e-4)
    assert binned.mean()[0] == pytest.approx(smooth.expected()[0], abs=1e-3)
    assert binned.quantile(binned.cdf([9.4])[0])[0] == pytest.approx(9.4, abs=1e-3)


def test_the_score_of_a_sharp_density_is_its_distance():
    density = BinnedDensity(np.linspace(8, 12, 4001), np.eye(4000)[[2000]])
    assert density.crps([9.0])[0] == pytest.approx(1.0, abs=2e-3)


def test_the_prior_of_many_objects_is_that_of_few():
    y = np.random.default_rng(0).normal(size=4500)
    at = np.array([-1.0, 0.0, 1.0])
    fast, slow = prior_logpdf(y, at), prior_logpdf(y[:3900], at)
    assert fast == pytest.approx(slow, abs=0.05)


def test_gaps_on_either_side_are_borne_while_the_other_is_complete():
    draw = np.random.default_rng(0).normal(size=(600, 2))
    y = draw[:, 0] + draw[:, 1]
    x = np.where(np.arange(600) < 60, np.nan, draw[:, 0])
    ways = [mutual_information(a, b, rng=0).value for a, b in ((x, y), (y, x))]
    # ln(2) / 2 for the nine tenths of the rows that are known.
    assert ways == pytest.approx([0.9 * 0.347] * 2, abs=0.08)
    with pytest.raises(ValueError, match="both have missing values"):
        mutual_information(x, np.where(np.arange(600) > 500, np.nan, y))


@pytest.mark.parametrize("k", [0, 2.5])
def test_a_neighbour_that_is_none_is_refused(k):
    with pytest.raises(ValueError, match=r"^k: "):
        mutual_information(COUNTS, NOISY, method="ksg", k=k)


def test_sentinels_are_missing_also_where_a_column_may_hold_anything():
    draw = np.random.default_rng(0).normal(size=(600, 2))
    y = draw[:, 0] + draw[:, 1]
    x = np.where(np.arange(600) < 60, -9999.0, draw[:, 0])
    with pytest.warns(UserWarning, match="x: values that stand for 'missing' set to NaN: x0 60"):
        found = mutual_information(x, y, rng=0).value
    assert found == pytest.approx(0.9 * 0.347, abs=0.08)
    warned = pytest.warns(UserWarning, match="x0 60")
    with warned, pytest.raises(ValueError, match="60 missing values"):
        mutual_information(x, y, method="gaussian")
