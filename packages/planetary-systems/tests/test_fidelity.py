import numpy as np
import pytest

from decan.planetary_systems import (
    SystemGenerator,
    Systems,
    compare,
    fidelity_report,
    simulate_clustered,
    system_features,
)
from decan.planetary_systems.features import SPACING_FEATURES
from decan.planetary_systems.fidelity import distinguish, memorisation, shuffled_planets


@pytest.fixture(scope="module")
def two():
    systems = simulate_clustered(700, rng=0)
    systems = systems[systems.counts > 1]
    return systems[:150], systems[150:]


def test_a_report_knows_its_floor_its_power_and_the_cost_of_the_grid(two):
    real, rest = two
    report = fidelity_report(
        real, rest[:200], reference=rest[200:], classifiers=("boosting",), n_draws=1, rng=0
    )
    table = report.classifiers.set_index(["comparison", "features"])["AUC"]
    # Two halves of one sample: 150 against 150, one sigma of an AUC is 0.033.
    assert table["generated", 23] == pytest.approx(0.5, abs=0.12)
    assert table["floor", 23] == pytest.approx(0.5, abs=0.12)
    # All real pairs are ten Hill radii apart: a grid and shuffled planets are seen at once.
    assert table["power", 23] > 0.75
    assert table["grid", 23] > table["grid", 17] + 0.1
    assert report.memorised["identical words of at least 4 planets"] < 0.05
    assert "floor" in str(report)
    assert "Memorisation" in report.page().render()


def test_systems_copied_from_training_are_found_out(two):
    real, training = two
    found = memorisation(real, training[:100], training, SystemGenerator().codec)
    assert found["nearest training system, generated, median"] == pytest.approx(0, abs=1e-6)
    assert found["p value, generated nearer"] < 1e-6


def test_features_without_spacing_are_seventeen_and_finite(two):
    frame = system_features(two[0])
    assert frame.shape[1] == 23
    assert np.isfinite(frame.to_numpy()).all()
    assert set(SPACING_FEATURES) < set(frame)
    with pytest.raises(ValueError, match="1 systems have no planet"):
        system_features(Systems.from_planets([([], []), ([1.0], [1.0])]))


def test_shuffled_planets_keep_numbers_and_lose_neighbours(two):
    mixed = shuffled_planets(two[0], rng=0)
    assert np.array_equal(mixed.counts, two[0].counts)
    assert np.allclose(np.sort(mixed.log_m), np.sort(two[0].log_m))
    assert compare(mixed, two[0]).set_index("quantity")["KS"]["period ratio"] > 0.1


def test_too_few_systems_are_refused(two):
    with pytest.raises(ValueError, match="at least 20"):
        fidelity_report(two[0][:5], two[1])


def test_the_same_disc_is_never_on_both_sides_of_a_fold(two):
    real, other = two
    groups = np.arange(len(real)) // 2
    # The same discs under other names would make them separable by memory alone.
    row = distinguish(real, real, groups=groups, other_groups=groups, n_draws=1,
                      classifier="boosting", rng=0)  # fmt: skip
    assert row["AUC"] < 0.6
    with pytest.raises(ValueError, match="classifier"):
        distinguish(real, other, groups=groups, classifier="oracle")
