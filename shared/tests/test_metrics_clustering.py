"""The promises of decan.core.metrics.clustering."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from decan.core.metrics import cluster_stability, purity


def test_stability_is_the_mean_adjusted_rand_index_over_pairs():
    rng = np.random.default_rng(0)
    seeds = [rng.integers(3, size=50) for _ in range(3)]
    pairs = [adjusted_rand_score(seeds[i], seeds[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    estimate = cluster_stability(seeds)
    assert estimate.value == pytest.approx(np.mean(pairs))
    assert min(pairs) <= estimate.low <= estimate.high <= max(pairs)
    assert estimate.n == 50


def test_names_of_clusters_do_not_matter():
    labels = np.random.default_rng(1).integers(4, size=40)
    renamed = np.array(["d", "a", "c", "b"])[labels]
    assert cluster_stability([labels, renamed]).value == 1.0
    assert purity(labels, renamed).value == 1.0


def test_purity_is_the_share_of_majorities():
    # Majorities: 2 of 3, and 1 of 2.
    assert purity(["a", "a", "b", "a", "b"], [0, 0, 0, 1, 1]).value == pytest.approx(3 / 5)


def test_purity_of_one_cluster_is_the_share_of_the_largest_class():
    estimate = purity([0, 0, 0, 1], [5, 5, 5, 5], n_boot=200, rng=0)
    assert estimate.value == 0.75
    assert estimate.low < 0.75 < estimate.high


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cluster_stability([[0, 1]]), "labels_by_seed: found 1 clusterings"),
        (lambda: cluster_stability([[0, 1], [0]]), r"labels_by_seed\[1\]: has 1 rows"),
        (lambda: purity([0, 1], [0]), "labels: has 1 rows, expected 2"),
    ],
)
def test_wrong_input_is_refused_with_the_argument_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
