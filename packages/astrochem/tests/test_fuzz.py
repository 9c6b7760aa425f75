"""Spoilt grids and tables of observations: read, or refused in one line of our own."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from decan.astrochem import ModelGrid, Observation, read_dali_network, simulate_grid
from decan.core.testing import assert_only_own_errors

UCLCHEM_TEXT = (
    " Time , Density , gasTemp , dustTemp , Av , radfield , zeta , point , CO , O , E- \n"
    " 1.0E+04, 1.0E+04, 20.0, 20.0, 10.0, 1.0, 1.0, 1, 1.0E-05, 2.0E-05, 1.0-101\n"
    " 1.0E+05, 1.0E+04, 20.0, 20.0, 10.0, 1.0, 1.0, 1, 2.0E-05, 1.0E-05, 1.0E-09\n"
)


def as_text(folder):
    path = folder / "model.dat"
    path.write_text(UCLCHEM_TEXT)
    return path


def as_hdf5(folder):
    names = ["Time", "Density", "gasTemp", "dustTemp", "Av", "radfield", "zeta", "CO", "O"]
    path = folder / "grid.h5"
    with h5py.File(path, "w") as file:
        file["abundances_columns"] = [name.encode() for name in names]
        file["model_0"] = np.array([[1e5, 1e4, 20, 20, 10, 1, 1, 1e-5, 2e-5]])
    return path


def as_parquet(folder):
    grid = simulate_grid(16, rng=0)
    table = grid.inputs.assign(time_yr=1e5).join(grid.at(grid.times[-1])).reset_index()
    table.to_parquet(folder / "grid.parquet")
    return folder / "grid.parquet"


# Some spoilt files send the HDF5 library itself into an endless loop (copy 237 of this seed),
# which no reader in Python can end.
@pytest.mark.slow
@pytest.mark.parametrize(("make", "n"), [(as_text, 200), (as_hdf5, 60), (as_parquet, 100)])
def test_a_spoilt_grid_is_read_or_refused(make, n, tmp_path):
    (tmp_path / "spoilt").mkdir()

    def read(path):
        return ModelGrid.read(path.parent if make is as_text else path)

    valid = make(tmp_path / "spoilt").replace(tmp_path / make(tmp_path / "spoilt").name)
    assert assert_only_own_errors(read, valid, tmp_path / "spoilt", n=n, seed=11) > 20


@pytest.mark.slow
def test_a_spoilt_table_of_observations_is_read_or_refused(tmp_path):
    valid = tmp_path / "cloud.csv"
    valid.write_text(
        "source,ratio,log10_value,err_low,err_high\nA,CN/HCN,-0.3,0.1,0.2\nA,HNC/HCN,-0.5,0.1,0.1\n"
    )
    (tmp_path / "spoilt").mkdir()
    assert assert_only_own_errors(Observation.read, valid, tmp_path / "spoilt", n=300, seed=12) > 20


@pytest.mark.slow
def test_a_spoilt_network_is_read_or_refused(tmp_path):
    names = ["C", "OH", "", "CO", "H", "", "", ""]
    row = "".join(f"{name:14}" for name in names) + "1 20 1e-10 0 0 0 300"
    valid = tmp_path / "net.dat"
    valid.write_text("\n".join(["! n_reactions", "3", row, row, row]) + "\n")
    (tmp_path / "spoilt").mkdir()
    assert (
        assert_only_own_errors(read_dali_network, valid, tmp_path / "spoilt", n=200, seed=13) > 20
    )
