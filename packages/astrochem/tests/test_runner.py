"""The runner against a stand-in with UCLCHEM's calls: every outcome is a row."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from decan.astrochem import DATASETS, UCLCHEMRunner
from decan.astrochem.runner import TIMES_YR, cloud_parameters
from decan.core.errors import DataNotAvailable, DecanError

STAND_IN = """
import time
import numpy as np
import pandas as pd

TIMES = np.array([1e2, 1e3, 1e4, 3e4, 1e5, 3e5, 1e6])
NAMES = ["H", "H2", "E-", "C+", "CO", "O", " N2 "]


def abundances(p, hydrogen=1.0):
    co = 0.5 * min(p["fc"], p["fo"])
    one = [0.2 * hydrogen, 0.4 * hydrogen, p["fc"] - co, p["fc"] - co, co, p["fo"] - co, 3e-5]
    return pd.DataFrame([one] * len(TIMES), columns=NAMES)


def physics(p):
    return pd.DataFrame({"Time": TIMES, "Density": p["initialDens"], "Av": 10.0})


class utils:
    @staticmethod
    def check_error(flag):
        return "integrator failed"


class model:
    @staticmethod
    def cloud(param_dict, out_species=None, return_dataframe=True, starting_chemistry=None,
              timepoints=500):
        behave(param_dict)
        flag = -2 if param_dict["initialTemp"] > 120 else 0
        leak = 2.0 if 100 < param_dict["initialTemp"] <= 120 else 1.0
        return physics(param_dict), abundances(param_dict, leak), None, None, flag


def behave(p):
    if 70 < p["initialTemp"] <= 85:
        while True:
            pass
    if 85 < p["initialTemp"] <= 100:
        raise RuntimeError("no such network")
"""

CLASSES = (
    STAND_IN
    + """

class Cloud:
    def __init__(self, param_dict):
        assert param_dict["enforceChargeConservation"]
        self.param_dict, self.success_flag = param_dict, 0

    def get_dataframes(self, joined=True):
        return physics(self.param_dict), abundances(self.param_dict)


model = type("model", (), {"Cloud": Cloud})
"""
)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    def install(name: str, code: str) -> str:
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path))
        sys.modules.pop(name, None)
        return name

    return install


@pytest.mark.bad_input(13)
def test_every_outcome_is_a_row_and_only_sound_models_are_trained_on(stand_in, tmp_path):
    runner = UCLCHEMRunner(
        tmp_path / "grid", cpu_limit_s=1, block_size=16, module=stand_in("fake_three", STAND_IN)
    )
    status = runner.run(32, progress=False)
    assert len(status) == 32
    T = runner.space.sobol(32)["T_K"]
    expected = np.select(
        [T > 120, T > 100, T > 85, T > 70], ["flag", "unphysical", "error", "stopped"], "good"
    )
    assert status.tolist() == expected.tolist()
    grid = runner.grid()
    assert grid.status.value_counts()["good"] == (expected == "good").sum()
    assert sorted(grid.good) == sorted(T.index[expected == "good"])
    assert "N2" in grid.species  # UCLCHEM's names come with blanks
    assert grid.times == list(TIMES_YR)
    assert set(grid.ratios(["CO/O"]).inputs.index) == set(grid.good)


def test_a_run_goes_on_where_it_was_cut_and_skips_what_exists(stand_in, tmp_path):
    module = stand_in("fake_again", STAND_IN)
    runner = UCLCHEMRunner(tmp_path / "grid", cpu_limit_s=1, block_size=4, module=module)
    runner.run(4, progress=False)
    before = {path: path.stat().st_mtime_ns for path in runner.out.glob("block-*")}
    status = runner.run(8, skip=[5, 6], progress=False)
    assert sorted(status.index) == [0, 1, 2, 3, 4, 7]
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    with pytest.raises(DecanError, match="holds results"):
        UCLCHEMRunner(tmp_path / "grid", module=module, resume=False).run(8)


KILLED = """
import os, sys
from decan.astrochem import UCLCHEMRunner
from decan.astrochem import runner as rooms

def dies(model_id, *arguments, run_one=rooms.run_one):
    if model_id == 6:
        os._exit(9)
    return run_one(model_id, *arguments)

rooms.run_one = dies
UCLCHEMRunner(sys.argv[1], block_size=4, cpu_limit_s=5, module=sys.argv[2]).run(12, progress=False)
"""


def test_a_driver_killed_in_a_block_loses_that_block_and_no_more(stand_in, tmp_path):
    module = stand_in(
        "fake_killed", STAND_IN.replace("def behave(p):", "def behave(p):\n    return")
    )
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "grid"), module],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert killed.returncode == 9
    runner = UCLCHEMRunner(tmp_path / "grid", block_size=4, cpu_limit_s=5, module=module)
    assert sorted(runner._known().index) == [0, 1, 2, 3]
    assert sorted(runner.run(12, progress=False).index) == list(range(12))
    # Every model once: the block that was cut left nothing behind.
    assert sorted(runner.grid().inputs.index) == list(range(12))


def test_a_broken_installation_is_told_by_every_row(stand_in, tmp_path):
    module = stand_in("fake_broken", "raise OSError('libgfortran.so.5 is missing')\n")
    runner = UCLCHEMRunner(tmp_path / "grid", block_size=2, module=module)
    assert set(runner.run(2, progress=False)) == {"error"}
    assert "libgfortran" in (tmp_path / "grid" / "status.csv").read_text()


def test_the_classes_of_version_four_are_called_too(stand_in, tmp_path):
    runner = UCLCHEMRunner(
        tmp_path / "grid", cpu_limit_s=5, module=stand_in("fake_four", CLASSES), block_size=2
    )
    assert set(runner.run(2, progress=False)) == {"good"}


def test_the_driver_costs_little_beside_the_solver(stand_in, tmp_path):
    slow = STAND_IN.replace("def behave(p):", "def behave(p):\n    time.sleep(0.5)\n    return")
    runner = UCLCHEMRunner(tmp_path / "grid", module=stand_in("fake_slow", slow), block_size=4)
    begin = time.perf_counter()
    runner.run(4, progress=False)
    # Fork, reading the stand-in and one file: a fraction of half a second a model, even busy.
    assert time.perf_counter() - begin < 4 * 0.5 * 3


@pytest.mark.bad_input(13)
def test_a_missing_uclchem_is_one_line_with_the_way_to_get_it(tmp_path):
    with pytest.raises(DataNotAvailable, match=r"git clone .* pip install \."):
        UCLCHEMRunner(tmp_path, module="no_such_uclchem").run(1)


def test_parameters_are_those_of_the_given_grid():
    row = {"T_K": 15, "nH_cm3": 1e4, "zeta_1p3e17": 2, "G0_habing": 3, "Av_mag": 5, "fC": 1e-5,
           "fO": 2e-5}  # fmt: skip
    found = cloud_parameters(row)
    # rout = Av * 1.6e21 / n / pc, so that the column gives exactly this extinction.
    assert found["rout"] * 3.0857e18 * 1e4 / 1.6e21 == pytest.approx(5)
    assert (found["baseAv"], found["metallicity"], found["fsi"]) == (0.0, 1.0, 1.78e-9)
    assert "uclchem_grid" in DATASETS
