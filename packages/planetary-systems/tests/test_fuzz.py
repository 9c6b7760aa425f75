"""Spoilt exports, catalogues and generators: read, or refused in one line of our own."""

from __future__ import annotations

import pytest

from decan.core.testing import assert_only_own_errors
from decan.planetary_systems import SystemGenerator
from decan.planetary_systems.queries import read_dace, read_syssim


def export_of_dace(folder):
    path = folder / "dace.csv"
    rows = "\n".join(f"{i // 3},{0.1 + 0.05 * i:.3f},{1 + i},0" for i in range(30))
    path.write_text("system_id,semi_major_axis,total_mass,status\n" + rows + "\n")
    return path


def catalogue_of_syssim(folder):
    path = folder / "physical.csv"
    rows = "\n".join(f"{i // 3},1,{3e-6 * (1 + i)},0.01,{10 + i},0.02,1.0" for i in range(30))
    path.write_text(
        "# simulated\ntarget_id,star_id,planet_mass,planet_radius,period,ecc,star_mass\n" + rows
    )
    return path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "read"), [(export_of_dace, read_dace), (catalogue_of_syssim, read_syssim)]
)
def test_a_spoilt_table_is_read_or_refused_in_one_line(make, read, tmp_path):
    assert_only_own_errors(read, make(tmp_path), tmp_path, n=100)


@pytest.mark.slow
def test_a_spoilt_generator_is_refused_in_one_line(fitted, tmp_path):
    folder = fitted["gaps"].save(tmp_path / "generator")
    weights = folder / "network_0.safetensors"
    whole = weights.read_bytes()

    def load(path):
        weights.write_bytes(path.read_bytes())
        return SystemGenerator.load(folder)

    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(whole)
    assert_only_own_errors(load, copy, tmp_path, n=40)
