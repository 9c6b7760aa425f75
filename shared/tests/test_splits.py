from __future__ import annotations

import time

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from decan.core.data.splits import check_no_leak, group_folds, group_split, sky_groups

seeds = st.integers(0, 2**32 - 1)


@st.composite
def grouped_rows(draw, n_classes=1, pure=False):
    """Shuffled rows of groups with very unequal sizes, and a class for each row."""
    rng = np.random.default_rng(draw(seeds))
    n_groups = draw(st.integers(2, 60))
    sizes = np.ceil(rng.exponential(draw(st.floats(0.5, 8)), n_groups)).astype(int)
    groups = np.repeat(np.arange(n_groups), sizes)
    classes = rng.integers(n_classes, size=n_groups)[groups]
    if not pure:
        classes = np.where(rng.random(len(groups)) < 0.5, classes, rng.integers(n_classes))
    order = rng.permutation(len(groups))
    return groups[order], classes[order]


def class_occurs_in(groups, classes):
    return [len(np.unique(groups[classes == c])) for c in np.unique(classes)]


@settings(deadline=None)
@given(grouped_rows(n_classes=3), st.integers(2, 6), st.booleans(), seeds)
def test_no_group_crosses_a_fold_and_every_row_is_tested_once(rows, n_folds, stratified, seed):
    groups, classes = rows
    assume(len(np.unique(groups)) >= n_folds)
    if stratified:
        occurs = class_occurs_in(groups, classes)
        assume(len(occurs) > 1 and min(occurs) >= n_folds)
    folds = group_folds(groups, n_folds, stratify=classes if stratified else None, rng=seed)
    assert len(folds) == n_folds
    for train, test in folds:
        assert len(test) > 0
        check_no_leak(groups[train], groups[test])
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(len(groups)))
    np.testing.assert_array_equal(
        np.sort(np.concatenate([t for _, t in folds])), range(len(groups))
    )


@settings(deadline=None)
@given(grouped_rows(), st.integers(2, 6), seeds)
def test_folds_differ_by_no_more_than_the_largest_group(rows, n_folds, seed):
    groups, _ = rows
    assume(len(np.unique(groups)) >= n_folds)
    sizes = [len(test) for _, test in group_folds(groups, n_folds, rng=seed)]
    # Each group goes to the fold with the fewest rows, so no gap can exceed one group.
    assert max(sizes) - min(sizes) <= np.bincount(groups).max()


@settings(deadline=None)
@given(grouped_rows(n_classes=3, pure=True), st.integers(2, 5), seeds)
def test_class_shares_are_kept_within_the_largest_group_of_the_class(rows, n_folds, seed):
    groups, classes = rows
    occurs = class_occurs_in(groups, classes)
    assume(len(occurs) > 1 and min(occurs) >= n_folds)
    folds = group_folds(groups, n_folds, stratify=classes, rng=seed)
    for c in np.unique(classes):
        rows_in_fold = [np.sum(classes[test] == c) for _, test in folds]
        assert max(rows_in_fold) - min(rows_in_fold) <= np.bincount(groups[classes == c]).max()


def test_groups_of_one_row_are_shared_out_as_evenly_as_rows_can_be():
    classes = np.array([0] * 103 + [1] * 17 + [2] * 7)
    folds = group_folds(np.arange(len(classes)), 5, stratify=classes, rng=3)
    counts = np.array([np.bincount(classes[test], minlength=3) for _, test in folds])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1  # leftovers of the classes do not pile up in one fold


def test_groups_of_mixed_classes_are_balanced_far_better_than_by_chance():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(400), rng.integers(1, 40, 400))
    classes = (rng.random(len(groups)) < rng.beta(0.3, 3, 400)[groups]).astype(int)

    def spread(folds):
        return np.std([np.mean(classes[test]) for test in folds])

    ours = spread([t for _, t in group_folds(groups, 5, stratify=classes, rng=1)])
    by_chance = spread([np.flatnonzero(groups % 5 == i) for i in range(5)])
    assert ours < by_chance / 20


@settings(deadline=None)
@given(grouped_rows(n_classes=2), st.floats(0.1, 0.8), seeds)
def test_no_group_crosses_a_split_and_every_row_is_used_once(rows, fraction, seed):
    groups, _ = rows
    assume(len(np.unique(groups)) >= 20)
    parts = group_split(groups, {"train": 1 - fraction, "test": fraction}, rng=seed)
    check_no_leak(groups[parts["train"]], groups[parts["test"]])
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), range(len(groups)))
    # What is due is missed by at most one group, since the smallest come last.
    assert abs(len(parts["test"]) - fraction * len(groups)) <= np.bincount(groups).max()


def test_fractions_hold_for_every_class():
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 3000, 9000)
    classes = (groups % 10 == 0).astype(int)
    train, validation, test = group_split(groups, [0.8, 0.1, 0.1], stratify=classes, rng=1)
    for part, share in ((train, 0.8), (validation, 0.1), (test, 0.1)):
        got = np.bincount(classes[part]) / np.bincount(classes)
        np.testing.assert_allclose(got, share, atol=0.002)  # one group of 900 rows' class


@pytest.mark.parametrize("labels", [["b", "a", "b", "c", "a", "d"], [9, 3, 9, 1, 3, 0]])
def test_the_same_seed_gives_the_same_split_and_another_seed_another(labels):
    labels = np.repeat(labels, 3)
    tests = [
        [test.tolist() for _, test in group_folds(labels, 2, rng=seed)]
        for seed in (1, 1, *range(2, 12))
    ]
    assert tests[0] == tests[1]
    assert any(tests[0] != other for other in tests[2:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": [1, 1, 2], "n_folds": 3}, "2 groups in 3 rows, for 3 sides"),
        ({"groups": [1, 2, 3], "n_folds": 1}, "n_folds: 1"),
        ({"groups": [1, None, 3], "n_folds": 2}, "row 1 has no label"),
        ({"groups": [1.0, 2.0, np.nan], "n_folds": 2}, "row 2 has no label"),
        ({"groups": ["a", np.nan], "n_folds": 2}, "row 1 has no label"),
        ({"groups": [], "n_folds": 2}, "one label for each row"),
        (
            {"groups": [1, 2], "n_folds": 2, "stratify": ["EB", "EB"]},
            "all 2 rows are of class 'EB'",
        ),
        ({"groups": [1, 2], "n_folds": 2, "stratify": [1]}, "stratify: 1 rows, groups has 2"),
        (
            {"groups": [1, 2, 3], "n_folds": 2, "stratify": ["PC", "PC", "EB"]},
            "class 'EB' occurs in 1 groups, for 2 sides",
        ),
    ],
)
def test_what_cannot_be_split_is_said_with_counts(arguments, message):
    with pytest.raises(ValueError, match=message):
        group_folds(**arguments)


def test_fractions_must_sum_to_one():
    with pytest.raises(ValueError, match="sum to 1"):
        group_split([1, 2, 3], [0.5, 0.4])


def test_a_part_too_small_for_any_group_is_named():
    with pytest.raises(ValueError, match=r"part 'test' \(0.001\) gets none"):
        group_split([1, 2, 3], {"train": 0.999, "test": 0.001}, rng=1)


def test_a_leak_is_named():
    with pytest.raises(ValueError, match=r"2 of 3 test groups are .* for example 7"):
        check_no_leak([7, 8, 9], [5, 7, 8, 8])


def friends_of_friends(ra, dec, radius):
    """Every pair by astropy, links followed one by one."""
    sky = SkyCoord(ra, dec, unit="deg")
    near = sky[:, None].separation(sky[None, :]).arcsec <= radius
    labels = np.full(len(ra), -1)
    for start in range(len(ra)):
        stack = [start] if labels[start] < 0 else []
        label = labels.max() + 1
        while stack:
            i = stack.pop()
            labels[i] = label
            stack += [j for j in np.flatnonzero(near[i]) if labels[j] < 0]
    return labels


@settings(deadline=None, max_examples=40)
@given(
    seeds,
    st.sampled_from([(0.0, 0.0), (0.0, 90.0), (180.0, -90.0), (123.0, -45.0), (359.9999, 89.99)]),
)
def test_sky_groups_agree_with_every_pair_by_astropy(seed, centre):
    rng = np.random.default_rng(seed)
    ra0, dec0 = centre
    offset = rng.normal(scale=20 / 3600, size=(2, 40))
    dec = dec0 + offset[0]
    over = np.abs(dec) > 90
    dec = np.where(over, np.sign(dec) * 180 - dec, dec)
    ra = rng.uniform(0, 360, 40) if abs(dec0) > 89 else (ra0 + offset[1]) % 360
    np.testing.assert_array_equal(sky_groups(ra, dec, 5.0), friends_of_friends(ra, dec, 5.0))


def test_sky_groups_take_quantities():
    labels = sky_groups([10, 10.001] * u.deg, [600, 600] * u.arcmin, 4 * u.arcsec)
    np.testing.assert_array_equal(labels, [0, 0])  # 3.6 arcsec times cos 10 deg


def test_many_rows_at_one_place_cost_no_pairs():
    # 20,000 rows of one source would make 2e8 pairs, which take gigabytes.
    labels = sky_groups(np.full(20_000, 83.6), np.full(20_000, 22.0), 1.0)
    assert not labels.any()


@pytest.mark.parametrize(
    ("ra", "dec", "radius", "message"),
    [
        ([1.0, np.nan], [0.0, 0.0], 1.0, "row 1"),
        ([1.0, 2.0], [0.0, 91.0], 1.0, "row 1"),
        ([1.0], [0.0], -1.0, "radius_arcsec"),
        ([1.0, 2.0], [0.0], 1.0, "shapes"),
    ],
)
def test_positions_that_are_none_are_named(ra, dec, radius, message):
    with pytest.raises(ValueError, match=message):
        sky_groups(ra, dec, radius)


def test_a_hundred_thousand_groups_take_a_moment():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 100_000, 300_000)
    classes = rng.integers(0, 4, 300_000)
    start = time.process_time()
    group_folds(groups, 10, stratify=classes, rng=1)
    assert time.process_time() - start < 2  # 0.3 s on an idle core
