from __future__ import annotations

import logging

import numpy as np
import pytest

from decan.core.errors import DataNotAvailable, SchemaError
from decan.gcm_emulator import GCMField, Planet, PlanetGrid, simulate_planet


def test_no_planet_is_on_both_sides_of_a_split(grid):
    for leave in ("random", "host", "tglobal"):
        train, test = grid.train_test_split(leave=leave, rng=1)
        names = {planet.name for planet in train.planets} & {p.name for p in test.planets}
        assert not names
        assert len(train) + len(test) == len(grid)


def test_leaving_a_host_leaves_the_whole_host(grid):
    _, test = grid.train_test_split(leave="host", value=3600.0)
    assert {planet.t_star_k for planet in test.planets} == {3600.0}
    assert len(test) == 5


def test_leaving_the_hottest_row_leaves_all_of_it(grid):
    _, test = grid.train_test_split(leave="tglobal")
    assert {planet.t_global_k for planet in test.planets} == {2400.0}


@pytest.mark.bad_input(10)
def test_a_split_by_cell_is_refused(grid):
    with pytest.raises(ValueError, match="same planet on both sides"):
        grid.train_test_split(by="cell")


@pytest.mark.bad_input(9)
def test_fields_on_other_axes_are_regridded_and_a_log_line_says_so(field, caplog):
    planet = Planet.at_temperature(1200.0, host="K5V")
    lon, p = np.arange(0, 360, 15.0), np.geomspace(10, 1e6, 12)
    other = simulate_planet(planet, lon_deg=lon, p_pa=p)
    with caplog.at_level(logging.INFO):
        grid = PlanetGrid([field, other])
    assert "K5V 1200 K: longitude and pressure regridded" in caplog.text
    assert grid.p_pa.min() >= 10
    assert grid.p_pa.max() <= 1e6
    assert np.isfinite(grid.values["T"]).all()


def test_a_grid_needs_to_know_its_planets(field):
    with pytest.raises(ValueError, match="field 1 does not know its planet"):
        PlanetGrid([field, field.copy(planet=None)])


def test_a_grid_is_read_from_a_folder_of_netcdf(grid, tmp_path):
    for k in (0, 3):
        grid[k].to_netcdf(tmp_path / f"{grid.planets[k].name}.nc")
    again = PlanetGrid.from_dir(tmp_path)
    assert [planet.name for planet in again.planets] == ["A5V_2000", "A5V_800"]
    with pytest.raises(DataNotAvailable, match="no file matches"):
        PlanetGrid.from_dir(tmp_path, "*.dat")


def test_the_table_holds_one_row_a_cell_and_the_group_to_split_by(grid):
    table = grid.to_table(50, rng=0)
    assert len(table) == 50 * len(grid)
    assert table["planet"].nunique() == len(grid)
    whole = grid.select([0]).to_table()
    assert len(whole) == int(np.prod(grid.shape))
    cell = whole.iloc[4321]
    found = grid[0].at(cell["lon_deg"], cell["lat_deg"], cell["p_pa"])
    assert found == pytest.approx(cell["T"], rel=1e-5)


def test_fields_that_some_planets_lack_are_left_out(field, grid):
    calm = GCMField(field.T, field.lon_deg, field.lat_deg, field.p_pa, planet=field.planet)
    assert PlanetGrid([grid[0], calm]).names == ("T",)


def test_common_axes_in_any_order_and_unit_hold_the_fields_that_belong_to_them(field):
    import astropy.units as u

    grid = PlanetGrid(
        [field], lon_deg=np.arange(5, 365, 20.0), lat_deg=[60.0, 0.0, -60.0],
        p_pa=[1.0, 0.1, 0.01] * u.bar,
    )  # fmt: skip
    places = np.meshgrid(grid.p_pa, grid.lat_deg, grid.lon_deg, indexing="ij")
    expected = field.at(places[2], places[1], places[0])
    np.testing.assert_allclose(grid.values["T"][0], expected, rtol=1e-5)
    assert grid.lon_deg.min() >= -180
    assert np.all(np.diff(grid.p_pa) > 0)
    np.testing.assert_allclose(grid[0].T, grid.values["T"][0])


def test_a_file_without_its_planet_is_named(field, tmp_path):
    field.to_netcdf(tmp_path / "a.nc")
    field.copy(planet=None).to_netcdf(tmp_path / "b.nc")
    with pytest.raises(SchemaError, match=r"b\.nc: does not say which planet"):
        PlanetGrid.from_dir(tmp_path)
