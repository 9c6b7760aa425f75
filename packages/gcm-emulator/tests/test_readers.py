from __future__ import annotations

import h5py
import numpy as np
import pytest

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.core.testing import needs_data
from decan.gcm_emulator import (
    DATASETS,
    FieldEmulator,
    Planet,
    PlanetGrid,
    read_field,
    read_netcdf,
    read_picaso3d,
    read_roth,
    read_sparc_profiles,
)
from decan.gcm_emulator.archive import _read_wasp43b_text

LON, LAT = np.arange(-177.1875, 180, 5.625)[::8], np.arange(-87.1875, 90, 5.625)[::4]
BAR = 2.4156e-6 * 1.4156 ** np.arange(0, 53, 6)


def roth_name(teq=1600, met="0.0", drag="0", gravity=1.3, prefix="PTprofiles-"):
    return (f"{prefix}Teq_{teq}-LogMet_{met}-LogDrag_{drag}-Mstar_1.1-Rp_1.3-logG_{gravity}"
            "-TiOVO_true.dat")  # fmt: skip


def write_roth(path, scale=1.0):
    """Rows in the order of the archive: longitude, latitude, pressure, the last fastest."""
    rows, number = [], 0
    for x in LON:
        for y in LAT:
            for bar in BAR:
                number += 1
                heat = np.cos(np.deg2rad(x)) * np.cos(np.deg2rad(y))
                rows.append(
                    f"{number}, {x:.3f}, {y:.3f}, {bar:.6e}, {scale * (1500 + 400 * heat):.3f}"
                )
    path.write_text("\n".join(rows) + "\n")


@pytest.mark.parametrize(
    "prefix", ["PTprofiles-", "PTprofiles_halph_res-", "PTprofiles-halph_res-"]
)
def test_a_file_of_roth_et_al_is_read_with_the_parameters_of_its_name(tmp_path, prefix):
    path = tmp_path / roth_name(met="0.7", drag="4", prefix=prefix)
    write_roth(path)
    field = read_field(path)
    assert field.shape == (BAR.size, LAT.size, LON.size)
    assert field.planet.t_global_k == 1600.0
    assert field.planet.gravity_ms2 == pytest.approx(10**1.3)
    assert (field.planet.metallicity_dex, field.planet.log_drag_s) == (0.7, 4.0)
    assert field.planet.tio
    np.testing.assert_allclose(field.p_pa, BAR * 1e5, rtol=1e-5)
    assert field.names == ("T",)
    assert field.T[3].max() > 1850


def test_a_folder_of_roth_et_al_becomes_a_grid_that_can_be_learned(tmp_path):
    for teq in (1000, 1400, 1800):
        for gravity in (0.8, 1.3, 1.8):
            write_roth(tmp_path / roth_name(teq=teq, gravity=gravity), scale=teq / 1600)
    grid = PlanetGrid.from_dir(tmp_path, "PTprofiles*")
    assert len(grid) == 9
    with pytest.warns(UserWarning, match="period of rotation follows"):
        emulator = FieldEmulator(fields=["T"], n_modes=3).fit(grid)
    assert emulator.inputs_.names == ("t_global_k", "gravity_ms2")
    planet = grid.planets[4].with_(gravity_ms2=12.0)
    assert not emulator.extrapolation(planet).flag
    assert emulator.extrapolation(planet.with_(metallicity_dex=1.5)).flag


def test_a_truncated_profile_file_says_how_many_rows_are_missing(tmp_path):
    path = tmp_path / roth_name()
    write_roth(path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-10]))
    with pytest.raises(CorruptFile, match=f"{len(lines) - 10:,} rows, expected {len(lines):,}"):
        read_roth(path)
    path.write_text("\n".join(lines[:-10]) + "\n123, 4.5")
    with pytest.raises(CorruptFile, match=f"line {len(lines) - 9} is incomplete"):
        read_roth(path)


def test_a_file_that_is_named_otherwise_is_refused_with_the_pattern(tmp_path):
    path = tmp_path / "PTprofiles-something.dat"
    path.write_text("1, 2, 3, 4, 5\n")
    with pytest.raises(SchemaError, match="expected PTprofiles-Teq_T-LogMet_m"):
        read_roth(path)


def test_sparc_profiles_with_winds_and_missing_cells(tmp_path):
    path = tmp_path / "planet.dat"
    rows = ["# a run", "# of some day", "layer, latitude, longitude, pressure, T, U, V, H2O"]
    for y in (-45.0, 45.0):
        for x in (-90.0, 0.0, 90.0, 180.0):
            for k, bar in enumerate((1e-3, 1.0)):
                t = -1 if (x, y, k) == (0.0, 45.0, 1) else 1200 + 200 * np.cos(np.deg2rad(x))
                rows.append(f"{k}, {y}, {x}, {bar}, {t}, 3000., 10., 1e-4")
    path.write_text("\n".join(rows))
    field = read_sparc_profiles(path)
    assert field.names == ("T", "u", "v")
    assert (field.u == 3000).all()
    assert np.isnan(field.T).sum() == 1
    assert np.isnan(field.T[1, 1, list(field.lon_deg).index(0.0)])
    np.testing.assert_allclose(field.vmr["H2O"], 1e-4)


def test_picaso_blocks_are_read_and_a_strange_line_is_named(tmp_path):
    path = tmp_path / "planet.pt"
    text = "# header\n"
    for x in (-180.0, -60.0, 60.0):
        for y in (-30.0, 30.0):
            text += f"{x} {y}\n" + "".join(f"{bar:g} {1000 - 100 * np.log10(bar)} 1e9\n"
                                           for bar in (1e-4, 1e-2, 1.0))  # fmt: skip
    path.write_text(text)
    field = read_picaso3d(path)
    assert field.shape == (3, 2, 3)
    assert field.T[-1, 0, 0] == pytest.approx(1000.0)
    path.write_text(text + "one two three\n")
    with pytest.raises(CorruptFile, match="line 26 is no row of numbers"):
        read_picaso3d(path)


def netcdf4(path, *, omega=False, hpa=False):
    """What Exo-FMS and gcm_toolkit write: HDF5 with dimension scales."""
    names = ("pfull", "lat", "lon") if omega else ("Z", "lat", "lon")
    lon, lat = np.arange(0, 360, 30.0), np.arange(-75, 76, 30.0)
    p = np.array([1e2, 1e4, 1e6])
    day = np.cos(np.deg2rad(lat))[:, None] * np.cos(np.deg2rad(lon))
    cube = np.stack([1000 + 100 * day] * 3)[None]
    with h5py.File(path, "w") as file:
        for name, axis in zip(names, (p / (100 if hpa else 1), lat, lon), strict=True):
            file[name] = axis
            file[name].make_scale(name)
        if hpa:
            file[names[0]].attrs["units"] = "hPa"
        file["time"] = np.array([12000.0])
        file["time"].make_scale("time")
        theirs = ("temp", "ucomp", "vcomp", "omega") if omega else ("T", "U", "V", "W")
        for name, values in zip(
            theirs, (cube, 0 * cube + 100, 0 * cube, 0 * cube - 50), strict=True
        ):
            file[name] = values
            for axis, scale in enumerate(("time", *names)):
                file[name].dims[axis].attach_scale(file[scale])
        file.attrs["R"], file.attrs["cp"] = 3707.0, 13784.0


def test_netcdf4_of_exofms_is_read_and_omega_becomes_an_upward_wind(tmp_path):
    netcdf4(tmp_path / "atmos.nc", omega=True, hpa=True)
    planet = Planet.at_temperature(1200.0, host="G5V")
    field = read_netcdf(tmp_path / "atmos.nc", planet=planet)
    np.testing.assert_allclose(field.p_pa, [1e2, 1e4, 1e6])
    assert field.lon_deg.min() == -180
    expected = 50 * 3707.0 * field.T / (field.p_pa[:, None, None] * 10.0)
    np.testing.assert_allclose(field.w, expected, rtol=1e-5)


def test_netcdf4_of_gcm_toolkit_is_read_with_its_constants(tmp_path):
    netcdf4(tmp_path / "run.nc")
    field = read_field(tmp_path / "run.nc")
    assert field.names == ("T", "u", "v", "w")
    assert (field.r_gas, field.cp) == (3707.0, 13784.0)


def test_files_that_are_no_netcdf_or_lack_a_variable_are_named(tmp_path):
    path = tmp_path / "fake.nc"
    path.write_text("not at all")
    with pytest.raises(CorruptFile, match="neither NetCDF 3 nor NetCDF 4"):
        read_netcdf(path)
    with h5py.File(path, "w") as file:
        file["lat"] = np.arange(3.0)
    with pytest.raises(SchemaError, match="no variable for T, p, lon among lat"):
        read_netcdf(path)
    with h5py.File(path, "w") as file:
        file["T"] = np.ones((3, 4, 5))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(CorruptFile, match="not a readable NetCDF field"):
        read_netcdf(path)
    with pytest.raises(DataNotAvailable, match="no such file"):
        read_netcdf(tmp_path / "nothing.nc")


@needs_data(DATASETS, "wasp43b_sparc")
def test_the_text_of_the_wheel_holds_the_run_of_the_data_folder(tmp_path):
    field = DATASETS.load("wasp43b_sparc")
    species = ("CO2", "H2", "He", "CH4", "CO", "H2O")
    block = np.stack([field.T, *(field.vmr[name] for name in species)])
    numbers = np.concatenate([
        [64, 32], field.lon_deg, field.lat_deg, [53], field.p_pa / 1e5,
        block.transpose(3, 2, 1, 0).ravel(),
    ])  # fmt: skip
    path = tmp_path / "wasp43b_gcm_vivien.txt"
    path.write_text(" ".join(f"{x:.6g}" for x in numbers))
    again = _read_wasp43b_text(path)
    np.testing.assert_allclose(again.T, field.T, rtol=1e-5)
    np.testing.assert_allclose(np.log10(again.vmr["CO"]), np.log10(field.vmr["CO"]), atol=1e-3)


def exofms(**units):
    """A file of Exo-FMS as xarray has it, in units that one chooses."""
    import xarray

    lon = np.arange(0.0, 360.0, 30.0)
    heat = np.broadcast_to(1000 + 300 * np.cos(np.deg2rad(lon)), (1, 3, 4, 12))
    axes = ("time", "pfull", "lat", "lon")
    return xarray.Dataset(
        {
            "temp": (axes, heat.copy(), {"units": units.get("temp", "K")}),
            "omega": (axes, np.full(heat.shape, 2.0), {"units": "Pa/s"}),
        },
        {
            "pfull": ("pfull", [1.0, 10.0, 1000.0], {"units": units.get("pfull", "hPa")}),
            "lat": ("lat", [-60.0, -20.0, 20.0, 60.0], {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
        attrs={"g": 10.0, "R": 3700.0},
    )


@pytest.mark.parametrize("unit", ["hPa", "mbar", "millibar", "kPa", "bar"])
def test_pressures_of_a_file_are_read_in_its_unit(tmp_path, unit):
    exofms(pfull=unit).to_netcdf(tmp_path / "a.nc", engine="scipy")
    factor = {"kPa": 1e3, "bar": 1e5}.get(unit, 100.0)
    field = read_netcdf(tmp_path / "a.nc")
    np.testing.assert_allclose(field.p_pa, np.array([1.0, 10.0, 1000.0]) * factor)
    # w = -omega R T / (p g), with the gravity of the file.
    expected = -2.0 * 3700.0 * 1300.0 / (10.0 * factor * 10.0)
    assert field.at(0, 0, 10.0 * factor, "w") == pytest.approx(expected, rel=1e-5)


def test_packed_numbers_and_celsius_become_kelvin(tmp_path):
    data = exofms()
    packing = {"dtype": "int16", "scale_factor": 0.1, "add_offset": 500.0, "_FillValue": -32767}
    data.to_netcdf(tmp_path / "packed.nc", engine="scipy", encoding={"temp": packing})
    assert read_netcdf(tmp_path / "packed.nc").at(0, 0, 1e3) == pytest.approx(1300.0, abs=0.1)
    data = exofms(temp="degC")
    data["temp"] = (data["temp"] - 273.15).assign_attrs(units="degC")
    data.to_netcdf(tmp_path / "celsius.nc", engine="scipy")
    assert read_netcdf(tmp_path / "celsius.nc").at(0, 0, 1e3) == pytest.approx(1300.0, abs=0.1)
    exofms(pfull="level").to_netcdf(tmp_path / "level.nc", engine="scipy")
    with pytest.raises(SchemaError, match="unit 'level' where 'Pa' is expected"):
        read_netcdf(tmp_path / "level.nc")


def test_every_format_may_be_gzipped_and_the_substellar_point_may_lie_anywhere(tmp_path):
    import gzip

    path = tmp_path / roth_name()
    write_roth(path)
    exofms().to_netcdf(tmp_path / "a.nc", engine="scipy")
    for one in (path, tmp_path / "a.nc"):
        packed = one.with_name(one.name + ".gz")
        packed.write_bytes(gzip.compress(one.read_bytes()))
        plain, rolled = read_field(one), read_field(str(packed), substellar_lon=30.0)
        assert plain.shape == rolled.shape
        assert rolled.at(0.0, 0.0, 1e3) == pytest.approx(plain.at(30.0, 0.0, 1e3), rel=1e-4)


def test_arrays_of_numpy_are_a_field_too(field, tmp_path):
    np.savez(tmp_path / "a.npz", T=field.T, u=field.u, p_Pa=field.p_pa, lat_deg=field.lat_deg,
             lon_deg=field.lon_deg)  # fmt: skip
    read = read_field(tmp_path / "a.npz", planet=field.planet)
    np.testing.assert_array_equal(read.T, field.T)
    assert read.names == ("T", "u")
    np.savez(tmp_path / "b.npz", temperature=field.T)
    with pytest.raises(SchemaError, match="no array t, p_pa, lat_deg, lon_deg among temperature"):
        read_field(tmp_path / "b.npz")
