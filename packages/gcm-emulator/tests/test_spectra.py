from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decan.core.testing import needs_data
from decan.gcm_emulator import (
    DATASETS,
    EmissionModel,
    GCMField,
    GreyOpacity,
    KTables,
    Planet,
    TransmissionModel,
    equilibrium_chemistry,
    spectral_error,
)
from decan.gcm_emulator.emission import planck_w_m2_um_sr
from decan.gcm_emulator.opacity import random_overlap

PLANET = Planet.at_temperature(1400.0, host="K5V")


def uniform(t_k=1400.0, p=None) -> GCMField:
    p = np.geomspace(1, 1e7, 60) if p is None else p
    lon, lat = np.arange(-175, 180, 10.0), np.arange(-85, 90, 10.0)
    return GCMField(np.full((p.size, lat.size, lon.size), t_k), lon, lat, p, planet=PLANET)


def tables(strict=False, factor=1.0) -> KTables:
    """Two made-up gases in two bands; their lines fill half of a band each."""
    weights = np.full(8, 1 / 8)
    p, t = np.geomspace(1, 1e7, 6), np.array([100.0, 1000.0, 2000.0, 2950.0])
    ladder = np.geomspace(1e-6, 1.0, 8) * factor
    k = np.broadcast_to(ladder, (2, 6, 4, 8)) * 1.0
    return KTables(np.array([1.4, 4.5]), p, t, weights, {"H2O": k, "CO": 3 * k},
                   np.array([200.0, 3800.0]), {}, strict)  # fmt: skip


def test_an_isothermal_planet_is_a_black_body():
    model = EmissionModel()
    flux = model.disc(uniform(), [0.0, 90.0])
    expected = np.pi * planck_w_m2_um_sr(model.wave_um, 1400.0)
    np.testing.assert_allclose(flux, np.broadcast_to(expected, flux.shape), rtol=2e-4)


def test_planck_in_the_limits_of_wien_and_of_the_whole_spectrum():
    wave = np.geomspace(0.2, 400, 4000)
    total = np.pi * np.trapezoid(planck_w_m2_um_sr(wave, 1500.0), wave)
    assert total == pytest.approx(5.670374e-8 * 1500.0**4, rel=2e-3)
    assert wave[planck_w_m2_um_sr(wave, 1500.0).argmax()] == pytest.approx(2897.77 / 1500, rel=0.01)


def test_the_evening_side_is_seen_before_the_eclipse():
    field = uniform()
    lon = np.deg2rad(field.lon_deg)
    field = field.copy(T=(1400 + 300 * np.sin(lon)) * np.ones_like(field.T))  # hot in the east
    curve = EmissionModel().phase_curve(field, np.arange(0, 360, 30.0))
    assert curve.phase_deg[curve.flux_ratio[:, 3].argmax()] == 90.0
    assert curve.flux_ratio[3, 3] > curve.flux_ratio[9, 3]


def test_a_planet_as_hot_as_its_star_shines_by_its_area():
    field = uniform(t_k=PLANET.t_star_k)
    curve = EmissionModel().phase_curve(field, [180.0])
    np.testing.assert_allclose(
        curve.flux_ratio[0], (PLANET.radius_m / PLANET.r_star_m) ** 2, rtol=2e-4
    )


def test_every_second_column_gives_nearly_the_same_disc():
    field = uniform()
    lon = np.deg2rad(field.lon_deg)
    field = field.copy(T=(1400 + 300 * np.cos(lon - 0.5)) * np.ones_like(field.T))
    model = EmissionModel()
    one, other = (model.disc(field, [0.0, 120.0], stride=stride) for stride in (1, 2))
    np.testing.assert_allclose(one, other, rtol=5e-3)


def test_the_disc_weighs_cells_by_their_facing_area():
    # Optically thick and hotter at the sub-observer point: mean of mu^2 over mu is 2/3.
    field = uniform(p=np.geomspace(1e8, 1e9, 4))
    lat, lon = np.deg2rad(field.lat_deg)[:, None], np.deg2rad(field.lon_deg)
    mu = np.maximum(np.cos(lat) * np.cos(lon), 0.0)
    model = EmissionModel(GreyOpacity(kappa0_m2_kg=(10.0,), wave_um=(4.5,)))
    t = 1000.0 + 1.0 * mu
    flux = model.disc(field.copy(T=t * np.ones_like(field.T)), [0.0])[0, 0]
    b0, b1 = (np.pi * planck_w_m2_um_sr(4.5, np.array(x))[0] for x in (1000.0, 1001.0))
    assert (flux - b0) / (b1 - b0) == pytest.approx(2 / 3, abs=0.01)


@given(a=st.floats(0.01, 10), b=st.floats(0.0, 10))
def test_mixing_with_a_grey_gas_adds_it_everywhere(a, b):
    weights = np.full(10, 0.1)
    lines = np.geomspace(1e-3, 1, 10) * a
    np.testing.assert_allclose(random_overlap(lines, np.full(10, b), weights), lines + b, rtol=1e-6)


def test_random_overlap_keeps_the_mean_and_multiplies_transmissions():
    weights = np.full(40, 1 / 40)
    one, other = np.geomspace(1e-3, 3, 40), np.geomspace(1e-2, 2, 40)
    mixed = random_overlap(one, other, weights)
    assert mixed @ weights == pytest.approx(one @ weights + other @ weights, rel=1e-6)
    product = (np.exp(-one) @ weights) * (np.exp(-other) @ weights)
    assert np.exp(-mixed) @ weights == pytest.approx(product, rel=2e-3)
    correlated = np.exp(-(one + other)) @ weights
    assert abs(correlated - product) > 10 * abs(np.exp(-mixed) @ weights - product)


@pytest.mark.bad_input(12)
def test_a_temperature_outside_the_table_is_clamped_with_one_warning(recwarn):
    model = EmissionModel(tables())
    model.disc(uniform(t_k=3500.0), [0.0])
    messages = {str(one.message) for one in recwarn}
    assert len(messages) == 1
    assert "100 to 2950 K" in messages.pop()
    with pytest.raises(ValueError, match="leave the k tables"):
        EmissionModel(tables(strict=True)).disc(uniform(t_k=3500.0), [0.0])


@pytest.mark.bad_input(12)
def test_a_wavelength_in_no_band_is_clamped_with_a_warning_that_names_the_bands():
    said = r"10 um is in no band; bands lie at 1.4, 4.5 um"
    with pytest.warns(UserWarning, match=said):
        assert tables().band(10.0) == 1
    with pytest.raises(ValueError, match=said):
        tables(strict=True).band(10.0)
    assert tables().band(4.4) == 1


def test_ten_times_the_opacity_raises_the_radius_by_its_scale_heights():
    p = np.geomspace(1e-1, 1e7, 160)
    field, star = uniform(p=p), PLANET.r_star_m
    one, ten = (
        TransmissionModel(GreyOpacity(kappa0_m2_kg=(k,), wave_um=(4.5,), exponent=0.0))
        .limb_spectra(field).mean[0] for k in (1e-3, 1e-2)
    )  # fmt: skip
    # At the height where chords become opaque, with the gravity that is left there.
    radius = np.sqrt(0.5 * (one + ten) / 1e6) * star
    gravity = PLANET.gravity_ms2 * (PLANET.radius_m / radius) ** 2
    height = 1e3 * 8.314462618 / 2.3 * 1400.0 / gravity
    expected = 2 * radius * height * np.log(10) / star**2 * 1e6
    assert ten - one == pytest.approx(expected, rel=0.03)


def test_a_warmer_atmosphere_is_puffed_up_by_the_rule_of_scale_heights():
    p = np.geomspace(1e-1, 1e6, 160)
    opacity = GreyOpacity(kappa0_m2_kg=(1e-3,), wave_um=(4.5,), exponent=0.0)
    model = TransmissionModel(opacity)
    cool, warm = (model.limb_spectra(uniform(t, p=p)).mean[0] for t in (1400.0, 1420.0))
    # From 10 bar up to where chords become opaque: N scale heights, each wider by R dT / g.
    wide = 1e3 * 8.314462618 / 2.3 / PLANET.gravity_ms2
    n = (np.sqrt(cool / 1e6) * PLANET.r_star_m - PLANET.radius_m) / (wide * 1400.0)
    expected = n * 2 * PLANET.radius_m * wide * 20.0 / PLANET.r_star_m**2 * 1e6
    assert 3 < n < 15
    assert warm - cool == pytest.approx(expected, rel=0.15)


def test_the_spectral_error_of_the_truth_is_nothing(field):
    assert spectral_error(field, field).largest == 0.0
    error = spectral_error(field, field.copy(T=field.T + 20))
    assert error.largest > error.rms > 0


def test_abundances_by_equilibrium_can_be_given_to_an_opacity(field):
    thick, field = tables(factor=1e4), field.copy(T=0.6 * field.T)
    constant = EmissionModel(thick, {"H2": 0.84, "He": 0.16, "H2O": 1e-3, "CO": 0.0})
    balanced = EmissionModel(thick, equilibrium_chemistry)
    one, other = (model.phase_curve(field, [180.0]).ppm for model in (constant, balanced))
    assert np.isfinite(other).all()
    assert not np.allclose(one, other)


@needs_data(DATASETS, "wasp43b_sparc", "wasp43b_opacities")
def test_wasp43b_agrees_with_nemesis_without_any_factor():
    field = DATASETS.load("wasp43b_sparc")
    opacity, seen = DATASETS.load("wasp43b_opacities")
    curve = EmissionModel(opacity, seen.vmr).phase_curve(
        field, seen.phase_deg, star_power_w_um=seen.star_power_w_um, stride=2
    )
    gap = 1e6 * (curve.flux_ratio - seen.nemesis)[np.isfinite(seen.nemesis[:, 0])]
    assert np.sqrt((gap[:, :15] ** 2).mean()) < 5
    assert np.sqrt((gap[:, 15:] ** 2).mean(axis=0)).max() < 15


@needs_data(DATASETS, "wasp43b_sparc", "wasp43b_opacities")
def test_mixing_once_on_the_table_is_as_good_as_mixing_in_every_layer():
    field = DATASETS.load("wasp43b_sparc")
    opacity, seen = DATASETS.load("wasp43b_opacities")
    gas = opacity.mixture(seen.vmr)
    p, t = field.p_pa[20:40], field.T[20:40, 16, 32]
    ours = gas.cross_section(p, t)
    mixed = None
    for name, table in opacity.k.items():
        alone = replace(opacity, k={name: table}, cia={}).mixture({name: seen.vmr[name]})
        one = alone.cross_section(p, t)
        one = one.astype(float)
        mixed = one if mixed is None else random_overlap(mixed, one, opacity.weights)
    continuum = ours - replace(opacity, cia={}).mixture(seen.vmr).cross_section(p, t)
    column = 1e28
    through = np.exp(-column * (mixed + continuum)) @ opacity.weights
    other = np.exp(-column * ours.astype(float)) @ opacity.weights
    assert np.abs(through - other).max() < 0.01


def test_trace_gases_alone_are_traces_in_hydrogen_and_helium():
    mixed = tables().mixture({"H2O": 5e-4, "CO": 4e-4})
    assert mixed.molecular_weight == pytest.approx(2.36, abs=0.02)
    whole = tables().mixture({"H2": 0.8366, "He": 0.1624, "H2O": 5e-4, "CO": 4e-4})
    assert mixed.cross_section(1e4, 1200.0) == pytest.approx(whole.cross_section(1e4, 1200.0))
    for vmr, message in (
        ({"H2": 0.5, "He": 0.1, "H2O": 5e-4}, "sum to 0.6"),
        ({"h2o": 5e-4}, "'h2o' is written 'H2O'"),
        ({"H2O": -3.3}, "not their logarithms"),
    ):
        with pytest.raises(ValueError, match=message):
            tables().mixture(vmr)


def test_columns_of_a_hot_field_warn_once_however_many_they_are(recwarn):
    hot = uniform(3500.0)
    hot.T[:, :, ::2] += 200.0
    EmissionModel(tables()).disc(hot, [0.0])
    assert len(recwarn) == 1


def test_an_interior_that_nobody_sees_is_no_reason_to_warn(recwarn):
    p = np.geomspace(1, 2e7, 60)
    profile = np.where(p > 2e6, 3500.0, 1400.0)[:, None, None]
    field = uniform(p=p).copy(T=np.broadcast_to(profile, (60, 18, 36)).copy())
    EmissionModel(tables()).disc(field, [0.0])
    assert not len(recwarn)
    with pytest.raises(ValueError, match="leave the k tables"):
        EmissionModel(tables(strict=True)).disc(field, [0.0])
