from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.core.testing import needs_data
from decan.gcm_emulator import (
    DATASETS,
    Planet,
    climate_characteristics,
    continuity_residual,
    equilibrium_chemistry,
    hotspot_longitude,
    simulate_grid,
    simulate_planet,
    upward_wind,
)
from decan.gcm_emulator.chemistry import gibbs_over_rt
from decan.gcm_emulator.continuity import horizontal_divergence
from decan.gcm_emulator.radiative_columns import equilibrium_columns
from decan.gcm_emulator.simulate import P_PA, smooth_noise
from decan.gcm_emulator.sphere import area_mean


def characteristics(host, t):
    planet = Planet.at_temperature(t, host=host, end_point=True)
    return climate_characteristics(simulate_planet(planet))


def test_a_warm_planet_of_a_sun_has_the_jet_and_hot_spot_of_hd209458b(field):
    found = climate_characteristics(field)
    assert found.day_night_k == pytest.approx(937, abs=30)
    level = int(np.abs(np.log(field.p_pa / 1e4)).argmin())
    # The fastest wind at 0.1 bar holds the stationary eddies, the zonal mean the jet alone.
    assert field.u[level].max() == pytest.approx(5300, rel=0.06)
    assert 0.5 * field.u[level].max() < found.peak_zonal_wind_ms < field.u[level].max()
    hottest = field.lon_deg[field.T[level, 11:13].mean(axis=0).argmax()]
    assert hottest == pytest.approx(35, abs=10)  # meridians are ten degrees apart


def test_contrast_grows_and_the_hot_spot_comes_home_with_temperature():
    row = [characteristics("G5V", t) for t in (800.0, 1600.0, 2400.0)]
    assert row[0].day_night_k < row[1].day_night_k < row[2].day_night_k
    assert row[0].hotspot_offset_deg > row[1].hotspot_offset_deg > row[2].hotspot_offset_deg


def test_the_jet_narrows_with_rotation():
    wide, narrow = characteristics("A5V", 1600.0), characteristics("M2V", 1600.0)
    assert narrow.jet_width_deg < 0.5 * wide.jet_width_deg


@needs_data(DATASETS, "sim_dev8")
def test_the_simulator_gives_the_fixed_benchmark_again():
    known = DATASETS.load("sim_dev8")
    again = simulate_grid(known.planets, weather=None)
    weight = np.cos(np.deg2rad(known.lat_deg))[:, None] * np.ones(36)
    inside = (known.p_pa >= 10) & (known.p_pa <= 1e6)
    for name, limit in (("T", 2.5), ("u", 35.0), ("v", 15.0), ("w", 1.5)):
        gap = (again.values[name] - known.values[name])[:, inside].astype(float)
        rms = np.sqrt((gap**2 * weight).mean(axis=(1, 2, 3)) / weight.mean())
        assert rms.max() < limit, name


@settings(max_examples=30)
@given(t=st.floats(420, 2500))
def test_temperatures_do_not_jump_where_the_closed_form_has_a_pole(t):
    pair = np.array([t, t + 12.5])
    columns = equilibrium_columns([0.3, 1.0], np.sqrt(2) * pair, [300.0, 300.0], [10.0, 10.0],
                                  np.geomspace(10, 1e5, 9))  # fmt: skip
    # The coefficients of the published fit have steps of their own; the pole gives 100 %.
    assert np.abs(columns[1] - columns[0]).max() < 0.12 * t


def test_a_column_without_a_star_radiates_its_interior():
    column = equilibrium_columns([0.0], [1e-3], [500.0], [10.0], [10.0])[0, 0, 0]
    # Grey skin temperature is 2^(-1/4) T_int; two bands are cooler above.
    assert 0.5 * 500 < column < 500


def test_weather_has_the_strength_it_should_have_and_no_pole_hole():
    planet = Planet.at_temperature(1600.0, host="G5V")
    calm, snapshot = simulate_planet(planet), simulate_planet(planet, weather="smooth", rng=0)
    share = (snapshot.T - calm.T) / calm.T
    rms = np.sqrt(area_mean(share**2, calm.lat_deg))
    np.testing.assert_allclose(rms[P_PA < 1e5], 0.012, rtol=1e-3)
    strong = simulate_planet(planet, weather="hd209", rng=0)
    rms = np.sqrt(area_mean(((strong.T - calm.T) / calm.T) ** 2, calm.lat_deg))
    # 4.1 % between two snapshots at 2.5 mbar: 2.9 % of each about the mean.
    assert rms[np.abs(P_PA - 250).argmin()] == pytest.approx(0.041 / np.sqrt(2), rel=0.15)


def test_the_same_seed_gives_the_same_weather():
    planet = Planet.at_temperature(1000.0, host="K5V")
    one, other = (simulate_planet(planet, weather="smooth", rng=5).T for _ in range(2))
    np.testing.assert_array_equal(one, other)
    noise = smooth_noise(np.arange(-180, 180, 30.0), np.arange(-75, 76, 30.0), [1e3, 1e5], 1)
    assert area_mean(noise**2, np.arange(-75, 76, 30.0)) == pytest.approx(1.0)


def test_an_unknown_kind_of_weather_is_refused():
    with pytest.raises(ValueError, match="weather must be None, 'smooth' or 'hd209'"):
        simulate_grid(weather="stormy")


def test_simulated_winds_conserve_mass(field):
    residual = continuity_residual(
        field.u, field.v, field.w, field.T, field.lon_deg, field.lat_deg, field.p_pa,
        field.planet.radius_m, field.planet.gravity_ms2, field.r_gas,
    )  # fmt: skip
    assert residual < 1e-3


def test_divergence_of_a_known_flow():
    lon, lat = np.arange(-180, 180, 5.0), np.arange(-87.5, 88, 2.5)
    # v = cos(lat) flows from south to north: its divergence is -2 sin(lat) / R.
    v = np.cos(np.deg2rad(lat))[:, None] * np.ones(lon.size)
    found = horizontal_divergence(0 * v, v, lon, lat, 1e8)
    expected = (-2 * np.sin(np.deg2rad(lat)) / 1e8)[:, None] * np.ones(lon.size)
    np.testing.assert_allclose(found[2:-2], expected[2:-2], atol=5e-11)


def test_air_rises_where_it_diverges_aloft():
    lon, lat, p = np.arange(-180, 180, 10.0), np.arange(-85, 86, 10.0), np.geomspace(1e2, 1e6, 12)
    push = np.sin(np.deg2rad(lon)) * np.cos(np.deg2rad(lat))[:, None]
    u = np.where(p[:, None, None] < 1e4, 500.0, 0.0) * push
    w = upward_wind(u, 0 * u, 0 * u + 1500, lon, lat, p, 1e8, 10.0, 3714.0)
    level = int(np.abs(p - 1e4).argmin())
    assert w[level, 8, 18] > 0  # air flows away from the substellar point
    assert w[level, 8, 0] < 0


@given(p=st.floats(1, 1e7), t=st.floats(300, 3000), c=st.floats(0.1, 0.95))
def test_elements_are_conserved_in_equilibrium(p, t, c):
    found = {name: float(x) for name, x in equilibrium_chemistry(p, t, c_to_o=c).items()}
    oxygen = found["H2O"] + found["CO"] + 2 * found["CO2"]
    carbon = found["CO"] + found["CH4"] + found["CO2"] + found["HCN"]
    nitrogen = 2 * found["N2"] + found["NH3"] + found["HCN"]
    assert carbon / oxygen == pytest.approx(c, rel=2e-3)
    assert oxygen / found["H2"] == pytest.approx(2 * 4.90e-4, rel=2e-3)
    assert nitrogen / found["H2"] == pytest.approx(2 * 6.76e-5, rel=2e-3)
    assert min(found.values()) >= 0


def test_gibbs_energies_are_those_of_the_tables():
    # JANAF, kJ/mol at 1000 K: formation of CO, H2O, CH4 gives 27.2; of two NH3, 123.8.
    ours = sum(n * gibbs_over_rt(name, 1000.0)
               for name, n in {"NH3": 2, "N2": -1, "H2": -3}.items())  # fmt: skip
    assert 8.314462618e-3 * 1000 * float(ours) == pytest.approx(123.8, abs=0.3)


@pytest.mark.parametrize(
    ("argument", "words"),
    [({"c_to_o": 1.2}, "between 0 and 1"), ({"metallicity": -1.0}, "must be positive")],
)
def test_impossible_compositions_are_refused(argument, words):
    with pytest.raises(ValueError, match=words):
        equilibrium_chemistry(1e5, 1000.0, **argument)


@needs_data(DATASETS, "wasp43b_sparc")
def test_abundances_are_those_that_the_real_simulation_carries():
    field = DATASETS.load("wasp43b_sparc")
    ours = equilibrium_chemistry(field.p_pa[:, None, None], field.T)
    inside = (field.p_pa > 10) & (field.p_pa < 1e6)
    for gas in ("H2O", "CO", "CH4", "CO2"):
        gap = (np.log10(ours[gas]) - np.log10(field.vmr[gas]))[inside]
        assert abs(np.median(gap)) < 0.03, gas
        assert np.sqrt((gap**2).mean()) < 0.1, gas


@needs_data(DATASETS, "hd209458b_exorad")
def test_the_hot_spot_of_the_real_run_is_where_it_was_measured():
    field = DATASETS.load("hd209458b_exorad")[12000]
    for p, wanted in ((12.0, 8.7), (120.0, 22.0), (370.0, 33.0), (1200.0, 53.0)):
        k = int(np.abs(np.log(field.p_pa / p)).argmin())
        found = hotspot_longitude(field.T[k], field.lon_deg, field.lat_deg)
        assert found == pytest.approx(wanted, abs=3.0)


@needs_data(DATASETS, "hd209458b_exorad")
def test_weather_of_the_real_run_has_the_known_strength():
    early, late = (DATASETS.load("hd209458b_exorad")[day] for day in (11000, 12000))
    for p, t, u in ((0.26e5, 16, 106), (2600, 29, 205), (79, 49, 896)):
        k = int(np.abs(np.log(late.p_pa / p)).argmin())
        for name, wanted in (("T", t), ("u", u)):
            gap = getattr(late, name)[k].astype(float) - getattr(early, name)[k]
            assert np.sqrt(area_mean(gap**2, late.lat_deg)) == pytest.approx(wanted, rel=0.04)
