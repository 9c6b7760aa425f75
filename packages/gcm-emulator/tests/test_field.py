from __future__ import annotations

import warnings

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decan.gcm_emulator import (
    GCMField,
    climate_characteristics,
    hotspot_longitude,
    validate_field,
)
from decan.gcm_emulator.field import common_levels
from decan.gcm_emulator.sphere import SphereInterpolator, area_mean


def small(axes, **changes) -> GCMField:
    lon, lat, p = axes
    heat = np.cos(np.deg2rad(lat))[:, None] * np.cos(np.deg2rad(lon))
    settings = {"T": 1000 + 100 * heat + 0 * p[:, None, None], "lon_deg": lon, "lat_deg": lat,
                "p_pa": p} | changes  # fmt: skip
    return GCMField(**settings)


@pytest.mark.bad_input(1)
def test_pressures_that_look_like_bar_are_refused_and_the_unit_is_named():
    p = np.geomspace(2e-5, 200, 6)
    with pytest.raises(ValueError, match="looks like bar"):
        GCMField(np.full((6, 3, 4), 1e3), [-90, 0, 90, 180], [-60, 0, 60], p)


@pytest.mark.bad_input(1)
def test_pressures_in_bar_as_a_quantity_are_converted(axes):
    p = axes[2]
    field = small(axes, p_pa=p / 1e5 * u.bar)
    np.testing.assert_allclose(field.p_pa, p)


@pytest.mark.bad_input(2)
@given(seed=st.integers(0, 100))
def test_axes_in_any_order_give_the_same_field(seed):
    rng = np.random.default_rng(seed)
    lon, lat, p = np.arange(-180.0, 180, 45), np.array([-60.0, 0, 60]), np.array([1e2, 1e4, 1e6])
    values = rng.uniform(500, 2000, (3, 3, 8))
    i, j, k = (rng.permutation(n) for n in values.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = GCMField(values, lon, lat, p)
        two = GCMField(values[i][:, j][:, :, k], lon[k] + 360, lat[j], p[i])
    np.testing.assert_array_equal(one.T, two.T)


@pytest.mark.bad_input(2)
def test_a_doubled_level_is_refused(axes):
    with pytest.raises(ValueError, match="10000 Pa is there twice"):
        small(axes, p_pa=[1e2, 1e4, 1e4])


@pytest.mark.bad_input(3)
def test_a_substellar_point_at_180_degrees_is_noticed_and_can_be_rolled(axes):
    lon, lat = axes[:2]
    night = 1000 - 300 * np.cos(np.deg2rad(lat))[:, None] * np.cos(np.deg2rad(lon))
    cube = night + 0 * np.array([10.0, 1e3, 1e5])[:, None, None]
    with pytest.warns(UserWarning, match="substellar_lon=180"):
        GCMField(cube, lon, lat, [10.0, 1e3, 1e5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        field = GCMField(cube, lon, lat, [10.0, 1e3, 1e5], substellar_lon=180)
    assert field.T[0, 2, np.abs(field.lon_deg).argmin()] > 1200


@pytest.mark.bad_input(4)
def test_a_potential_temperature_is_refused_with_the_formula(axes):
    _, _, p = axes
    theta = 1500 * (7e7 / p) ** 0.27
    with pytest.raises(ValueError, match=r"theta \(p / p_ref\)\^\(R / cp\)"):
        small(axes, T=np.tile(theta[:, None, None], (1, 6, 12)))


@pytest.mark.parametrize("source", ["-180 to 175", "0 to 355", "both -180 and 180"])
def test_between_the_last_and_the_first_longitude_there_is_no_seam(source):  # xESMF#10
    lon = {"-180 to 175": np.arange(-180, 180, 5.0), "0 to 355": np.arange(0, 360, 5.0),
           "both -180 and 180": np.arange(-180, 181, 5.0)}[source]  # fmt: skip
    lat, p = np.arange(-88, 89, 4.0), np.array([1e2, 1e4, 1e6])
    row = 1000 + 500 * np.cos(np.deg2rad(lon))
    field = GCMField(np.broadcast_to(row, (3, lat.size, lon.size)), lon, lat, p)
    found = field.at([177.5, -177.5, 182.5], 0.0, 1e4)
    np.testing.assert_allclose(found, 500.95, atol=0.01)  # linear between 500 and 501.9
    assert np.isfinite(field.regrid(lon_deg=[177.5, -177.5], lat_deg=[0.0]).T).all()
    # The doubled meridian counts once: the mean of a cosine is nothing.
    assert field.area_mean("T")[0] == pytest.approx(1000.0, abs=1e-2)


def test_a_pole_has_one_temperature_and_one_wind():
    lon, lat = np.arange(-180, 180, 10.0), np.arange(-85, 86, 10.0)
    sphere = SphereInterpolator(lon, lat)
    # A wind along x in space, the same everywhere near the pole.
    east = -np.sin(np.deg2rad(lon)) * np.ones((lat.size, 1))
    north = -np.cos(np.deg2rad(lon)) * np.ones((lat.size, 1))
    u_pole, v_pole = sphere.wind(east, north, lon, np.full(lon.size, 90.0))
    np.testing.assert_allclose(u_pole, -np.sin(np.deg2rad(lon)), atol=1e-6)
    np.testing.assert_allclose(v_pole, -np.cos(np.deg2rad(lon)), atol=1e-6)
    field = np.random.default_rng(0).normal(size=(lat.size, lon.size))
    assert np.ptp(sphere.scalar(field, lon, np.full(lon.size, -90.0))) < 1e-12


@pytest.mark.bad_input(9)
def test_nothing_is_invented_outside_the_pressures_of_a_model(axes):
    field = small(axes).regrid(p_pa=[1.0, 1e4, 1e8])
    assert np.isnan(field.T[[0, 2]]).all()
    assert np.isfinite(field.T[1]).all()
    assert np.isnan(field.at(0, 0, 1e8))


def test_a_field_comes_back_from_netcdf_as_it_was(field, tmp_path):
    again = GCMField.read(field.to_netcdf(tmp_path / "planet.nc"))
    for name in "Tuvw":
        np.testing.assert_array_equal(getattr(again, name), getattr(field, name))
    assert again.planet == field.planet
    np.testing.assert_array_equal(again.p_pa, field.p_pa)


def test_shapes_that_do_not_fit_are_named(axes):
    with pytest.raises(ValueError, match=r"T has shape \(2, 6, 12\), expected .* \(3, 6, 12\)"):
        small(axes, T=np.full((2, 6, 12), 1e3))


def test_fields_without_a_common_pressure_are_refused(axes):
    deep = small(axes, p_pa=[1e7, 1e8, 1e9])
    with pytest.raises(ValueError, match="share no pressure"):
        common_levels([small(axes), deep])


def test_the_hot_spot_is_where_it_was_put(axes):
    lon, lat = np.arange(-180, 180, 5.0), np.arange(-85, 86, 10.0)
    heat = np.cos(np.deg2rad(lat))[:, None] * np.cos(np.deg2rad(lon - 25))
    field = GCMField(np.tile(1500 + 300 * heat, (2, 1, 1)), lon, lat, [1e3, 1e5])
    found = climate_characteristics(field)
    assert found.hotspot_offset_deg == pytest.approx(25.0, abs=1e-3)
    # The mean of cos(lat) cos(lon - 25) over a hemisphere is cos(25) / 2 in closed form.
    assert found.day_night_k == pytest.approx(300 * np.cos(np.deg2rad(25)), rel=0.03)
    assert found.evening_morning_k > 0


def test_width_and_peak_of_a_jet_are_measured(axes):
    lon, lat, p = np.arange(-180, 180, 10.0), np.arange(-88, 89, 2.0), np.array([1e3, 1e5])
    wind = 4000 * np.exp(-((lat / 30.0) ** 2))[:, None] * np.ones(lon.size)
    field = GCMField(np.full((2, lat.size, lon.size), 1e3), lon, lat, p,
                     u=np.stack([wind, 0.5 * wind]))  # fmt: skip
    found = climate_characteristics(field)
    assert found.peak_zonal_wind_ms == pytest.approx(4000, rel=1e-3)
    # exp(-x^2) is one half at x = sqrt(ln 2).
    assert found.jet_width_deg == pytest.approx(2 * 30 * np.sqrt(np.log(2)), abs=0.5)


def test_validation_names_what_is_wrong(field):
    holes = field.T.copy()
    holes[3, :12] = np.nan
    table = validate_field(field.copy(T=holes)).set_index("check")
    assert not table.loc["cells that are NaN", "passed"]
    assert "50% of the level" in table.loc["cells that are NaN", "found"]
    assert validate_field(field)["passed"].all()


def test_area_means_leave_holes_out():
    field = np.array([[1.0, np.nan], [3.0, 3.0]])
    assert area_mean(field, [0.0, 60.0]) == pytest.approx((1 + 3 * 0.5 * 2) / 2)


def test_a_meridian_written_twice_at_the_seam_counts_once(axes):
    _, lat, p = axes
    lon = np.append(np.arange(-180.0, 180.0, 30.0), 179.9999)
    field = GCMField(np.full((3, lat.size, lon.size), 900.0), lon, lat, p)
    assert field.lon_deg.tolist() == np.arange(-180.0, 180.0, 30.0).tolist()


def test_what_cannot_be_asked_of_the_pressures_is_said(axes):
    field = small(axes)
    with pytest.raises(ValueError, match=r"p_pa: 1e\+09 Pa is outside the field"):
        climate_characteristics(field, 1e9)
    with pytest.raises(ValueError, match="one level has no profile"):
        field.regrid(p_pa=[1e4]).at(0, 0, 1e4)
    assert climate_characteristics(field, 0.1 * u.bar).p_pa == pytest.approx(1e4)


def test_a_meridian_at_both_ends_of_the_axis_does_not_pull_the_hot_spot():
    open_lon, closed = np.arange(-180.0, 180.0, 5.0), np.arange(-180.0, 181.0, 5.0)
    for lon in (open_lon, closed, np.arange(0.0, 361.0, 5.0)):
        row = 1500 + 300 * np.cos(np.deg2rad(lon - 40))
        found = hotspot_longitude(np.tile(row, (3, 1)), lon, [-10, 0, 10])
        assert found == pytest.approx(40.0, abs=1e-6)
