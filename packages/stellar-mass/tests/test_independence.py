"""Promises of neighbours and of the local independence test."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.stellar_mass.independence import LocalIndependence
from decan.stellar_mass.laboratory import mediation
from decan.stellar_mass.neighbours import nearest_neighbours


def by_loop(points, reference, k, own=None):
    rows = []
    for i, point in enumerate(points):
        distance = ((reference - point) ** 2).sum(1)
        if own is not None:
            distance[own[i]] = np.inf
        rows.append(np.argsort(distance, kind="stable")[:k])
    return np.array(rows)


@given(st.integers(0, 1000), st.integers(1, 6), st.sampled_from([3, 20]))
@settings(max_examples=15)
def test_neighbours_are_those_of_the_plain_loop(seed, d, k):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(200, d)).round(1)  # many equal distances
    found, distance = nearest_neighbours(points, points, k, own=np.arange(200))
    assert (np.diff(distance, axis=1) >= 0).all()
    expected = by_loop(points, points, k, np.arange(200))
    ours = ((points[found] - points[:, None]) ** 2).sum(-1)
    theirs = ((points[expected] - points[:, None]) ** 2).sum(-1)
    assert np.allclose(ours, theirs, atol=1e-12)


def test_neighbours_far_from_the_origin_are_exact_too():
    points = np.random.default_rng(0).normal(size=(3000, 8)) + 1e4
    found, _ = nearest_neighbours(points[:50], points, 30, own=np.arange(50))
    assert (found == by_loop(points[:50], points, 30, np.arange(50))).all()


def test_an_object_is_not_its_own_neighbour():
    points = np.random.default_rng(0).normal(size=(100, 2))
    found, _ = nearest_neighbours(points, points, 5, own=np.arange(100))
    assert not (found == np.arange(100)[:, None]).any()


def test_finite_neighbourhoods_fake_dependence_and_a_local_line_takes_it_out():
    made = mediation(6000, 8, rng=0)
    recipe = LocalIndependence(100, "none").fit(made.latent, made.y).test(made.query, rng=0)
    ours = LocalIndependence(100).fit(made.latent, made.y).test(made.query, rng=0)
    assert recipe.effect > 0.4  # 0.47 with 20,000 objects
    assert abs(recipe.permuted) < 0.01  # the published null does not see it
    # The scatter of a mean over 6,000 objects is 0.013.
    assert abs(ours.effect) < 0.03
    assert ours.p_value > 0.01
    assert len(ours.discoveries(0.05)) <= 60


def test_a_true_dependence_comes_back():
    made = mediation(6000, 4, direct=0.15, rng=1)
    found = LocalIndependence(80).fit(made.latent, made.y).test(made.query, rng=0)
    assert found.effect == pytest.approx(made.partial, abs=0.03)
    assert found.p_value < 0.01


def test_a_mediator_explains_what_went_through_it():
    made = mediation(4000, 2, direct=0.3, mediator=True, rng=2)
    test = LocalIndependence(80).fit(made.latent, made.y)
    assert test.test(made.query, rng=0).effect > 0.4
    assert abs(test.test(made.query, made.given, rng=0).effect) < 0.04


@pytest.mark.bad_input(14)
def test_a_constant_condition_changes_nothing_and_is_named():
    rng = np.random.default_rng(0)
    x, z = rng.uniform(size=(2, 500))
    y = x + z + rng.uniform(size=500)
    test = LocalIndependence(25).fit(x, y)
    plain = test.test(z, rng=0)
    with pytest.warns(UserWarning, match="given: constant"):
        conditioned = test.test(z, np.ones(500), rng=0)
    assert conditioned.effect == pytest.approx(plain.effect, abs=1e-6)
    assert conditioned.p_value == pytest.approx(plain.p_value, abs=0.05)
    assert np.isfinite(conditioned.local).all()


@pytest.mark.bad_input(6)
def test_too_many_neighbours_are_refused_with_the_largest_allowed():
    made = mediation(400, 2, rng=0)
    with pytest.raises(ValueError, match="largest allowed k is 20"):
        LocalIndependence(100).fit(made.latent, made.y)


@pytest.mark.bad_input(7)
def test_a_query_that_hardly_varies_is_undefined_and_counted():
    made = mediation(2000, 2, rng=0)
    query = np.where(made.latent[:, 0] > 0, 1.0, made.query)
    test = LocalIndependence(40).fit(made.latent, made.y)
    with pytest.warns(UserWarning, match="distinct values in"):
        found = test.test(query, rng=0)
    assert found.undefined == np.isnan(found.local).sum() > 100


def test_only_asked_objects_are_reported_and_neighbours_come_from_the_reference():
    made = mediation(2000, 2, rng=0)
    reference = np.arange(2000) < 1500
    test = LocalIndependence(40).fit(made.latent, made.y, reference=reference)
    found = test.test(made.query, rows=~reference, rng=0)
    assert found.rows.tolist() == list(range(1500, 2000))


def shuffled(values):
    return pd.Series(values, index=np.arange(len(values))[::-1])


@pytest.mark.parametrize(
    ("call", "words"),
    [(lambda m: fit(pd.DataFrame(m.latent), shuffled(m.y)), "latent and y have different indices"),
     (lambda m: fit(pd.DataFrame(m.latent), m.y).test(shuffled(m.query)), "latent and query have"),
     (lambda m: fit(m.latent, m.y, reference=np.arange(2000)), "^reference: expected True or"),
     (lambda m: fit(m.latent, m.y).test(np.c_[m.query, m.y]), "^query: 2 columns"),
     (lambda m: fit(m.latent, m.y).test(m.query, np.full(2000, np.nan)), "^given: .* is empty"),
     (lambda m: fit(m.latent, m.y).test(m.query, rows=np.ones(9, bool)), "rows has 9"),
     (lambda m: fit(np.where(m.latent == m.latent[3], np.nan, m.latent), m.y), "latent: row 3 is"),
     (lambda m: fit(m.latent, np.ones(2000)), "^y: constant"),
     (lambda m: LocalIndependence(k=50.0).fit(m.latent, m.y), "^k: expected a whole number")],
)  # fmt: skip
def test_what_cannot_be_tested_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call(mediation(2000, 2, rng=0))


def fit(latent, y, **more):
    return LocalIndependence(k=50).fit(latent, y, **more)


def test_an_object_whose_query_is_a_sentinel_is_left_out():
    made = mediation(2000, 2, direct=0.15, rng=0)
    query = np.where(np.arange(2000) < 50, -9999.0, made.query)
    with pytest.warns(UserWarning, match="query: .* query0 50"):
        found = fit(made.latent, made.y).test(query, rng=0)
    assert len(found.local) == 1950
    assert found.effect == pytest.approx(made.partial, abs=0.05)
