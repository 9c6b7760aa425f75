from __future__ import annotations

import numpy as np
import pytest

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.core.testing import needs_data
from decan.gcm_emulator import DATASETS, SphereRegridder, from_cubed_sphere, read_mitgcm
from decan.gcm_emulator.cubed_sphere import centred_vertical, centred_winds
from decan.gcm_emulator.mitgcm import read_mds, temperature_from_potential
from decan.gcm_emulator.sphere import area_mean

META = """ nDims = [ {n} ];
 dimList = [
{rows}
 ];
 dataprec = [ 'float64' ];
 nrecords = [ 1 ];
"""


def write(folder, name, values, *, ranges=None, whole=None, comma=False, order=">"):
    """A pair of .meta and .data as MITgcm writes them; x is the last axis of values."""
    shape = whole or values.shape
    ranges = ranges or [(1, n) for n in values.shape]
    rows = [f" {n:5d},{low:5d},{high:5d}" for n, (low, high) in
            zip(shape[::-1], ranges[::-1], strict=True)]  # fmt: skip
    text = ",\n".join(rows) + ("," if comma else "")
    (folder / f"{name}.meta").write_text(META.format(n=len(shape), rows=text))
    (folder / f"{name}.data").write_bytes(np.ascontiguousarray(values, f"{order}f8").tobytes())


@pytest.fixture
def whole() -> np.ndarray:
    return np.random.default_rng(0).normal(1e3, 1e2, (5, 32, 192))


@pytest.mark.parametrize("comma", [False, True])
def test_tiles_are_stitched_to_the_global_field_bit_by_bit(whole, tmp_path, comma):  # xmitgcm#283
    write(tmp_path, "T.0000000010", whole)
    expected = read_mds(tmp_path, "T", 10)
    np.testing.assert_array_equal(expected, whole)
    (tmp_path / "T.0000000010.meta").unlink()
    full = [(1, 5), (1, 32)]
    for tile, (low, high) in (("001.001", (1, 96)), ("002.001", (97, 192))):
        write(tmp_path, f"T.0000000010.{tile}", whole[..., low - 1 : high],
              ranges=[*full, (low, high)], whole=whole.shape, comma=comma)  # fmt: skip
    np.testing.assert_array_equal(read_mds(tmp_path, "T", 10), expected)


def test_a_missing_tile_is_named_and_nothing_half_empty_is_given(whole, tmp_path):  # xmitgcm#283
    write(tmp_path, "T.0000000010.001.001", whole[..., :96],
          ranges=[(1, 5), (1, 32), (1, 96)], whole=whole.shape)  # fmt: skip
    with pytest.raises(DataNotAvailable, match="x 97-192"):
        read_mds(tmp_path, "T", 10)


@pytest.mark.bad_input(11)
def test_a_truncated_file_tells_expected_and_found_size(whole, tmp_path):
    write(tmp_path, "T.0000000010", whole)
    path = tmp_path / "T.0000000010.data"
    path.write_bytes(path.read_bytes()[:-80])
    size = 5 * 32 * 192 * 8
    with pytest.raises(CorruptFile, match=rf"{size - 80} bytes, expected {size}"):
        read_mds(tmp_path, "T", 10)


@pytest.mark.bad_input(11)
def test_little_endian_is_recognised_by_absurd_values(whole, tmp_path):
    write(tmp_path, "T.0000000010", whole, order="<")
    np.testing.assert_array_equal(read_mds(tmp_path, "T", 10), whole)


def test_a_broken_meta_is_a_schema_error(whole, tmp_path):
    write(tmp_path, "T.0000000010", whole)
    (tmp_path / "T.0000000010.meta").write_text("nothing")
    with pytest.raises(SchemaError, match="no dimList"):
        read_mds(tmp_path, "T", 10)


def test_uniform_winds_on_all_faces_stay_what_they_are():  # miles-credit#506
    ones, none = np.ones((32, 192)), np.zeros((32, 192))
    u, v = centred_winds(100 * ones, none, ones, none)
    np.testing.assert_array_equal(u, 100.0)
    np.testing.assert_array_equal(v, 0.0)
    lat = np.tile(np.linspace(-60, 60, 32)[:, None], (1, 192))
    before = (100 * ones * np.cos(np.deg2rad(lat))).sum()
    assert (u * np.cos(np.deg2rad(lat))).sum() == before
    w = centred_vertical(np.ones((7, 2)))
    np.testing.assert_array_equal(w[:-1], 1.0)
    np.testing.assert_array_equal(w[-1], 0.5)


def test_regridding_is_of_second_order():
    turn = np.arange(4000)
    lon = (turn * 360 / ((1 + np.sqrt(5)) / 2)) % 360 - 180
    lat = np.rad2deg(np.arcsin(1 - (2 * turn + 1) / 4000))
    x = np.cos(np.deg2rad(lat)) * np.cos(np.deg2rad(lon))
    regrid = SphereRegridder(lon, lat, np.arange(-175, 180, 10.0), np.arange(-85, 90, 10.0))
    glon, glat = np.meshgrid(regrid.to_lon_deg, regrid.to_lat_deg)
    truth = np.cos(np.deg2rad(glat)) * np.cos(np.deg2rad(glon))
    # Points are 3 degrees apart: linear interpolation would be off by (1.5 deg)^2 / 2 = 3e-4.
    assert np.abs(regrid.scalar(x) - truth).max() < 2e-4
    # Solid-body rotation about a tilted axis has no pole problem.
    u, v = -np.sin(np.deg2rad(lat)) * np.cos(np.deg2rad(lon)), np.sin(np.deg2rad(lon))
    east, north = regrid.wind(u, v)
    assert np.abs(east + np.sin(np.deg2rad(glat)) * np.cos(np.deg2rad(glon))).max() < 5e-4
    assert np.abs(north - np.sin(np.deg2rad(glon))).max() < 5e-4


@needs_data(DATASETS, "hd209458b_native", "hd209458b_exorad")
def test_the_real_run_keeps_area_means_and_angular_momentum():
    raw, given = DATASETS.load("hd209458b_native"), DATASETS.load("hd209458b_exorad")[12000]
    field = from_cubed_sphere(
        raw, planet=given.planet, r_gas=given.r_gas, cp=given.cp, p_ref_pa=7e7,
        lon_deg=given.lon_deg, lat_deg=given.lat_deg,
    )  # fmt: skip
    p = raw["RC"][raw["k_index"]]
    temperature = temperature_from_potential(
        raw["theta"], p[:, None, None], 7e7, given.r_gas, given.cp
    )
    area = raw["area"] / raw["area"].sum()
    native = (temperature * area).sum(axis=(1, 2))[::-1]
    assert np.abs(field.area_mean("T") / native - 1).max() < 1e-6
    u, _ = centred_winds(raw["U"], raw["V"], raw["AngleCS"], raw["AngleSN"])
    spin = (u * np.cos(np.deg2rad(raw["YC"])) * area).sum(axis=(1, 2))[::-1]
    moved = area_mean(field.u * np.cos(np.deg2rad(field.lat_deg))[:, None], field.lat_deg)
    assert np.abs(moved / spin - 1).max() < 0.01
    # The same run, converted by others: temperatures agree within their smoothing.
    other = given.regrid(p_pa=field.p_pa)
    assert np.sqrt(area_mean((field.T - other.T) ** 2, field.lat_deg))[8:].max() < 12


def test_a_dump_with_its_namelist_becomes_a_field(tmp_path):
    n, layers = 8, 4
    lon, lat = _cube_centres(n)
    p, faces = np.array([1e7, 1e6, 1e5, 1e4]), np.array([2e7, 5e6, 5e5, 5e4, 1e-15])
    for name, values in (("XC", lon), ("YC", lat), ("AngleCS", np.ones_like(lon)),
                         ("AngleSN", np.zeros_like(lon)), ("RC", p[:, None, None]),
                         ("RF", faces[:, None, None])):  # fmt: skip
        write(tmp_path, name, values)
    theta = np.broadcast_to(1500 * (2e7 / p)[:, None, None] ** (3707 / 13784), (layers, n, 6 * n))
    for name, values in (("T", theta), ("U", 0 * theta), ("V", 0 * theta), ("W", 0 * theta + 1.0)):
        write(tmp_path, f"{name}.0000000010", values)
    (tmp_path / "data").write_text(
        " &PARM01\n atm_Rd=3707.,\n atm_Cp=13784.,\n gravity=8.98,\n rotationperiod=304535.0,\n"
        " rSphere=98658960.,\n &\n"
    )
    field = read_mitgcm(tmp_path, 10)
    np.testing.assert_allclose(field.T, 1500.0, rtol=1e-5)
    assert field.planet.gravity_ms2 == 8.98
    assert (field.w < 0).all()  # a positive pressure velocity goes down


def _cube_centres(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the cells of a gnomonic cube, six faces side by side."""
    side = np.tan((np.arange(n) + 0.5) / n * np.pi / 2 - np.pi / 4)
    a, b = np.meshgrid(side, side)
    one = np.ones_like(a)
    faces = [(one, a, b), (-a, one, b), (-b, a, one), (-one, -a, b), (a, -one, b), (b, a, -one)]
    lon, lat = [], []
    for x, y, z in faces:
        lon.append(np.rad2deg(np.arctan2(y, x)))
        lat.append(np.rad2deg(np.arctan2(z, np.hypot(x, y))))
    return np.concatenate(lon, axis=1), np.concatenate(lat, axis=1)
