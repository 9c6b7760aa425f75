"""Groups: the same map on every call, stability told, types of ratio."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from decan.astrochem import embed, group, ratio_types, simulate_grid, standardised


def repeated_rows() -> np.ndarray:
    """260 rows of nine columns: 60 distinct ones, 20 of them ten more times."""
    distinct = np.random.default_rng(0).normal(size=(60, 9))
    return np.concatenate([distinct, np.repeat(distinct[:20], 10, axis=0)])


CODE = """
import sys
import numpy as np
from decan.astrochem import embed
distinct = np.random.default_rng(0).normal(size=(60, 9))
rows = np.concatenate([distinct, np.repeat(distinct[:20], 10, axis=0)])
np.save(sys.argv[1], embed(rows, seed=1).coordinates)
"""


@pytest.fixture(scope="session")
def mapped():
    return embed(repeated_rows(), seed=1)


@pytest.mark.bad_input(15)
def test_a_seed_fixes_the_map_and_equal_rows_share_place_and_label(mapped):
    assert mapped.n_repeated == 200
    assert np.array_equal(embed(repeated_rows(), seed=1).coordinates, mapped.coordinates)
    groups = group(mapped, min_cluster_size=10, n_seeds=1)
    for number in range(20):
        same = [number, *range(60 + 10 * number, 70 + 10 * number)]
        assert len(np.unique(mapped.coordinates[same], axis=0)) == 1
        assert len(set(groups.labels[same].tolist())) == 1
    assert np.isfinite(groups.probability).all()


@pytest.mark.bad_input(15)
@pytest.mark.slow
def test_the_map_is_the_same_in_a_new_process(mapped, tmp_path):
    path = tmp_path / "places.npy"
    subprocess.run([sys.executable, "-W", "ignore", "-c", CODE, str(path)], check=True)
    assert np.array_equal(np.load(path), mapped.coordinates)


@pytest.fixture(scope="session")
def islands():
    """Three islands far apart, and their groups over four seeds."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(120, 9)) + 30 * np.eye(9)[np.arange(120) % 3]
    return group(embed(features, n_neighbors=15), min_cluster_size=20, n_seeds=4)


def test_islands_far_apart_are_found_by_every_seed(islands):
    assert sorted(np.unique(islands.labels)) == [0, 1, 2]
    assert islands.stability.value == pytest.approx(1)
    assert islands.consensus_stability == pytest.approx(1)
    assert islands.kept == [0, 1, 2]
    assert islands.probability.min() > 0.99


def test_groups_are_described_by_parameters_and_the_ratio_that_separates_them(islands):
    table = simulate_grid(120, rng=0).ratios()
    words = islands.describe(table)
    assert set(words["separated by"]) <= set(table.names)
    assert words["models"].tolist() == [40, 40, 40]
    assert (words["AUC"] >= 0.5).all()


def test_what_cannot_be_mapped_is_named():
    with pytest.raises(ValueError, match="row 1, column 0: not finite"):
        embed([[0.0], [np.nan]])
    with pytest.raises(ValueError, match="2 distinct rows"):
        embed([[0.0], [1.0], [1.0]])
    table = simulate_grid(8, rng=0).ratios()
    assert np.allclose(standardised(table).std(axis=0), 1)


def test_types_of_ratio_hold_those_that_rest_on_the_same_parameters():
    profiles = pd.DataFrame(
        {"T_K": [1.0, 0.9, 0.1, 0.1], "nH_cm3": [0.1, 0.1, 1.0, 1.1]}, index=list("abcd")
    )
    types = ratio_types(profiles, n_types=2).set_index("ratio")["type"]
    assert types["a"] == types["b"] != types["c"] == types["d"]
    with pytest.raises(ValueError, match="fewer than 9 types"):
        ratio_types(profiles, n_types=9)
