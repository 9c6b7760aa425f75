import numpy as np
import pytest

from decan.planetary_systems import (
    GridCodec,
    MarkovCells,
    amd_stable,
    hill_spacing,
    simulate_clustered,
    simulate_formation,
)
from decan.planetary_systems.orbits import (
    critical_deficit,
    equilibrium_temperature,
    period_day,
    rv_semi_amplitude,
    semi_major_axis_au,
)


def test_clustered_systems_are_spaced_and_at_the_edge_of_stability():
    systems = simulate_clustered(400, rng=0)
    of, planets = systems.system_of_planet, systems.planets
    assert systems.hill_spacing()[1].min() > 10
    # The deficit is the critical one of the closest pair, shared with inclinations.
    stable = amd_stable(of, systems.a_au, systems.mass_earth, planets["eccentricity"])["stable"]
    several = systems.counts[of[systems.hill_spacing()[0]]] > 1
    assert stable[several].all()
    # A star like the Sun has planets with probability 0.88: one sigma of 400 is 0.016.
    assert (systems.counts > 0).mean() == pytest.approx(0.88, abs=0.06)
    assert planets["radius"].between(0.5, 10).all()
    assert period_day(systems.a_au, 1.0).max() < 301


def test_toy_planets_grow_with_their_disc_and_never_crowd():
    systems = simulate_formation(400, rng=0)
    assert systems.hill_spacing()[1].min() > 10
    solid = systems.context["disc_solid_mass"].to_numpy()
    heavy = solid > np.median(solid)
    assert systems.total_mass[heavy].mean() > 2 * systems.total_mass[~heavy].mean()


def test_the_entropy_of_a_chain_over_cells_is_that_of_its_systems():
    cells = MarkovCells(GridCodec(n=6), rng=3)
    systems = cells.sample(8000, rng=4)
    found = -cells.log_prob(systems).sum() / (systems.n_planets + len(systems))
    # 90,000 tokens of standard deviation about one.
    assert found == pytest.approx(cells.entropy_per_token, abs=0.02)
    column, _, _ = cells.codec.cells(systems)
    same = np.diff(systems.system_of_planet) == 0
    assert (np.diff(column)[same] >= 0).all()


@pytest.mark.parametrize("simulate", [simulate_clustered, simulate_formation])
def test_the_same_seed_gives_the_same_systems(simulate):
    assert np.array_equal(simulate(50, rng=1).log_a, simulate(50, rng=1).log_a)
    assert not np.array_equal(simulate(50, rng=1).counts, simulate(50, rng=2).counts)


def test_orbits_agree_with_known_planets():
    # Jupiter: 11.86 years, 12.5 m/s; Earth: 279 K as a black body.
    assert period_day(5.2044, 1.0) / 365.25 == pytest.approx(11.87, abs=0.02)
    assert rv_semi_amplitude(5.2044, 317.8, 1.0, eccentricity=0.049) == pytest.approx(12.5, abs=0.1)
    assert semi_major_axis_au(period_day(0.3, 0.7), 0.7) == pytest.approx(0.3)
    assert equilibrium_temperature(1.0) == 279


def test_neighbours_touch_at_the_critical_deficit():
    # Equal masses at alpha: both eccentricities of a touching pair of least deficit.
    alpha, gamma = 0.8, 1.0
    e = np.linspace(0, 0.25, 20001)
    outer = 1 - alpha * (1 + e)
    deficit = gamma * np.sqrt(alpha) * (1 - np.sqrt(1 - e**2)) + 1 - np.sqrt(1 - outer**2)
    assert critical_deficit(alpha, gamma) == pytest.approx(deficit.min(), rel=1e-6)


def test_spacing_never_pairs_planets_of_two_systems():
    inner, _ = hill_spacing([0, 0, 1, 1, 1], [1, 2, 0.5, 1, 2], np.ones(5))
    assert inner.tolist() == [0, 2, 3]
