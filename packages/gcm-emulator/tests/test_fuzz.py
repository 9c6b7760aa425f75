"""Spoilt climates of every format: read, or refused in one line of our own."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest

from decan.core.testing import assert_only_own_errors
from decan.gcm_emulator import GCMField, Planet, read_field, read_mitgcm
from decan.gcm_emulator.mitgcm import read_mds

LON, LAT, BAR = np.arange(-180.0, 180, 60), np.array([-60.0, 0, 60]), np.geomspace(1e-3, 10, 4)
PLANET = Planet.at_temperature(1200.0, host="G5V", name="spoilt")
SIDE, LAYERS = 6, 3
"""Of the cube of a dump: cells along an edge of a face, and levels."""


def heat() -> np.ndarray:
    day = np.cos(np.deg2rad(LAT))[:, None] * np.cos(np.deg2rad(LON))
    return 1000 + 300 * day + 100 * np.log10(BAR)[:, None, None]


def netcdf3(folder):
    field = GCMField(heat(), LON, LAT, BAR * 1e5, u=0 * heat(), planet=PLANET)
    return field.to_netcdf(folder / "planet.nc")


def netcdf4(folder):
    path = folder / "run.nc"
    with h5py.File(path, "w") as file:
        for name, axis in (("Z", BAR * 1e5), ("lat", LAT), ("lon", LON)):
            file[name] = axis
            file[name].make_scale(name)
        file["T"] = heat()
        for axis, name in enumerate(("Z", "lat", "lon")):
            file["T"].dims[axis].attach_scale(file[name])
        file.attrs["R"] = 3707.0
    return path


def roth(folder):
    path = folder / ("PTprofiles-Teq_1200-LogMet_0.0-LogDrag_0-Mstar_1.1-Rp_1.3-logG_1.3-"
                     "TiOVO_true.dat")  # fmt: skip
    cells = ((x, y, z) for x in range(LON.size) for y in range(LAT.size) for z in range(BAR.size))
    path.write_text("".join(
        f"{n}, {LON[x]:.3f}, {LAT[y]:.3f}, {BAR[z]:.6e}, {heat()[z, y, x]:.3f}\n"
        for n, (x, y, z) in enumerate(cells, 1)
    ))  # fmt: skip
    return path


def sparc(folder):
    path = folder / "planet.dat"
    rows = ["# a run", "layer, latitude, longitude, pressure, T, U, V, H2O"]
    rows += [
        f"{z}, {LAT[y]}, {LON[x]}, {BAR[z]:.6e}, {heat()[z, y, x]:.2f}, 3000., 10., 1e-4"
        for y in range(LAT.size) for x in range(LON.size) for z in range(BAR.size)
    ]  # fmt: skip
    path.write_text("\n".join(rows))
    return path


def picaso(folder):
    path = folder / "planet.pt"
    text = "# header\n"
    for y in range(LAT.size):
        for x in range(LON.size):
            levels = zip(BAR, heat()[:, y, x], strict=True)
            text += f"{LON[x]} {LAT[y]}\n" + "".join(f"{b:g} {t:.2f} 1e9\n" for b, t in levels)
    path.write_text(text)
    return path


def dump(folder):
    """A whole MITgcm dump of a small cube; the path of its temperature."""
    side = np.tan((np.arange(SIDE) + 0.5) / SIDE * np.pi / 2 - np.pi / 4)
    a, b = np.meshgrid(side, side)
    one = np.ones_like(a)
    faces = [(one, a, b), (-a, one, b), (-b, a, one), (-one, -a, b), (a, -one, b), (b, a, -one)]
    lon = np.concatenate([np.rad2deg(np.arctan2(y, x)) for x, y, _ in faces], axis=1)
    lat = np.concatenate([np.rad2deg(np.arctan2(z, np.hypot(x, y))) for x, y, z in faces], axis=1)
    p = np.array([1e7, 1e5, 1e3])[:, None, None]
    theta = np.broadcast_to(1500 * (2e7 / p) ** (3707 / 13784), (LAYERS, *lon.shape))
    variables = {
        "XC": lon, "YC": lat, "AngleCS": np.ones_like(lon), "AngleSN": np.zeros_like(lon),
        "RC": p, "RF": np.array([2e7, 1e6, 1e4, 1e-15])[:, None, None],
        "T.0000000010": theta, "U.0000000010": 0 * theta, "V.0000000010": 0 * theta,
        "W.0000000010": 0 * theta + 1.0,
    }  # fmt: skip
    for name, values in variables.items():
        rows = ",\n".join(f" {n:5d},    1,{n:5d}" for n in values.shape[::-1])
        (folder / f"{name}.meta").write_text(
            f" nDims = [ {values.ndim} ];\n dimList = [\n{rows}\n ];\n dataprec = [ 'float64' ];\n"
        )
        (folder / f"{name}.data").write_bytes(np.ascontiguousarray(values, ">f8").tobytes())
    (folder / "data").write_text(
        " &PARM01\n atm_Rd=3707.,\n atm_Cp=13784.,\n gravity=8.98,\n rotationperiod=304535.0,\n"
        " rSphere=98658960.,\n &\n"
    )
    return folder / "T.0000000010.data"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "n"),
    # HDF5 can run for ever inside its own library on a spoilt file: few copies, a fixed seed.
    [(netcdf3, 60), (netcdf4, 30), (roth, 80), (sparc, 80), (picaso, 100)],
)
def test_a_spoilt_file_is_read_or_refused(make, n, tmp_path):
    (tmp_path / "spoilt").mkdir()
    valid = make(tmp_path)
    assert assert_only_own_errors(read_field, valid, tmp_path / "spoilt", n=n, seed=13) > n // 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["T.0000000010.meta", "T.0000000010.data"])
def test_a_spoilt_variable_of_a_dump_is_read_or_refused(name, tmp_path):
    dump(tmp_path)
    shutil.copytree(tmp_path, spoilt := tmp_path / "spoilt")

    def read(path):
        return read_mds(path.parent, "T", 10)

    assert assert_only_own_errors(read, tmp_path / name, spoilt, n=100, seed=13) > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["XC.data", "RC.data", "U.0000000010.data", "data"])
def test_a_dump_with_one_spoilt_file_is_read_or_refused(name, tmp_path):
    dump(tmp_path)
    shutil.copytree(tmp_path, spoilt := tmp_path / "spoilt")

    def read(path):
        return read_mitgcm(path.parent, 10, lon_deg=LON, lat_deg=LAT)

    assert assert_only_own_errors(read, tmp_path / name, spoilt, n=60, seed=13) > 10
