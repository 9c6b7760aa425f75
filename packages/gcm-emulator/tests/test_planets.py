from __future__ import annotations

import astropy.constants as c
import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decan.gcm_emulator import PLATO_LIKE, Planet
from decan.gcm_emulator.planets import interior_temperature


def star_of(planet: Planet) -> dict[str, float]:
    return {name: getattr(planet, name) for name in ("t_star_k", "r_star_rsun", "m_star_msun")}


@given(t=st.floats(400, 2500))
def test_orbit_and_temperature_belong_to_each_other(t):
    planet = Planet.at_temperature(t, host="G5V")
    again = Planet.on_orbit(planet.period_day, **star_of(planet))
    assert again.t_global_k == pytest.approx(t, rel=1e-9)
    assert again.a_au == pytest.approx(planet.a_au, rel=1e-9)


def test_the_orbit_follows_kepler():
    planet = Planet.at_temperature(1600.0, host="G5V")
    mass = planet.m_star_msun * c.M_sun
    period = 2 * np.pi * np.sqrt((planet.a_au * u.au) ** 3 / (c.G * mass))
    assert planet.period_day == pytest.approx(period.to_value(u.day), rel=1e-4)


@pytest.mark.bad_input(7)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"a_au": 0.001}, "inside the star"),
        ({"period_day": -1.0}, "period_day must be positive"),
        ({"t_star_k": 1000.0}, "T_star sqrt\\(R_star / 2a\\)"),
        ({"gravity_ms2": np.nan}, "gravity_ms2 must be positive and finite"),
    ],
)
def test_an_unphysical_planet_is_refused_with_the_formula(changes, words):
    with pytest.raises(ValueError, match=words):
        Planet.at_temperature(1600.0, host="G5V").with_(**changes)


def test_mathematical_end_points_pass_when_asked_and_are_flagged():
    with pytest.raises(ValueError, match="end_point=True"):
        Planet.at_temperature(2600.0, host="M2V")
    planet = Planet.at_temperature(2600.0, host="M2V", end_point=True)
    assert not planet.orbit_physical


def test_quantities_are_converted_and_wrong_ones_refused():
    planet = Planet.on_orbit(24 * u.hour, t_star_k=5660 * u.K, r_star_rsun=0.977 * u.Rsun,
                             m_star_msun=0.98 * u.Msun)  # fmt: skip
    assert planet.period_day == pytest.approx(1.0)
    with pytest.raises(ValueError, match="period_day: found unit 'K', expected 'day'"):
        Planet.on_orbit(1 * u.K, t_star_k=5660, r_star_rsun=1, m_star_msun=1)


def test_the_five_targets_have_the_temperatures_of_their_orbits():
    for planet in PLATO_LIKE:
        derived = Planet.on_orbit(planet.period_day, **star_of(planet))
        # Published equilibrium temperatures carry their own stellar parameters.
        assert derived.t_global_k == pytest.approx(planet.t_global_k, rel=0.05)


def test_interior_temperature_peaks_between_1500_and_2000_k():
    curve = [interior_temperature(t) for t in range(400, 2601, 50)]
    assert 1500 <= range(400, 2601, 50)[int(np.argmax(curve))] <= 2000
    assert min(curve) == 100.0


def test_rows_of_a_table_with_units_make_the_same_planet():
    plain = {"t_global_k": 1600.0, "period_day": 1.7, "t_star_k": 5660.0, "r_star_rsun": 0.977,
             "m_star_msun": 0.98}  # fmt: skip
    units = {"t_global_k": u.K, "period_day": u.day, "t_star_k": u.K, "r_star_rsun": u.solRad,
             "m_star_msun": u.solMass}  # fmt: skip
    for left_out in ("t_global_k", "period_day", "nothing"):
        row = {name: value for name, value in plain.items() if name != left_out}
        quantities = {name: (value * units[name]).si for name, value in row.items()}
        one, other = Planet.from_mapping(row), Planet.from_mapping(quantities)
        assert (one.a_au, one.period_day) == pytest.approx((other.a_au, other.period_day))
