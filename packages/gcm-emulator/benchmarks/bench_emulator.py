"""Accuracy and time of every back end, of regridding and of a phase curve; peers where they are.

Usage: OMP_NUM_THREADS=1 python packages/gcm-emulator/benchmarks/bench_emulator.py [--small]
nemesispy 0.0.10 needs an older NumPy than this library: give its interpreter with
--nemesispy-python, and its columns are timed in a process of their own, warm, interleaved.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.gcm_emulator import (
    DATASETS,
    PLATO_LIKE,
    EmissionModel,
    FieldEmulator,
    SphereRegridder,
    simulate_grid,
)

PEER = Path(__file__).with_name("peer_nemesispy.py")


def seconds(function, repeats=1):
    """Shortest processor time of several calls: what others do does not count."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def grid():
    try:
        return DATASETS.load("sim_grid60")
    except DataNotAvailable:
        return simulate_grid(rng=0)


def back_ends(small):
    planets, truth = grid(), simulate_grid(PLATO_LIKE, weather=None)
    cases = {
        "basis-gp": {}, "nearest": {}, "rbf": {},
        "xgb": {"n_trees": 40, "rows": 40_000} if small else {},
        "hgb": {"n_trees": 40, "rows": 40_000} if small else {},
        "branch-trunk": {"epochs": 3} if small else {},
        "dnn": {"epochs": 2} if small else {},
    }  # fmt: skip
    print(f"{'back end':14}{'fit, s':>9}{'predict, ms':>13}{'T, K':>8}{'u, m/s':>8}")
    for name, settings in cases.items():
        emulator = FieldEmulator(name, **settings)
        try:
            fit = seconds(lambda emulator=emulator: emulator.fit(planets))
        except Exception as error:  # a peer that is not installed
            print(f"{name:14}{error}")
            continue
        predict = seconds(lambda emulator=emulator: emulator.predict(PLATO_LIKE[1]), 5)
        errors = emulator.errors_on(truth).median(numeric_only=True)
        print(f"{name:14}{fit:9.1f}{1e3 * predict:13.1f}{errors['T']:8.1f}{errors['u']:8.0f}")


def regridding():
    try:
        raw = DATASETS.load("hd209458b_native")
    except DataNotAvailable:
        print("regridding: the native run is not at hand")
        return
    lon, lat = np.arange(-177.5, 180, 5.0), np.arange(-88.0, 89, 4.0)
    made = seconds(lambda: SphereRegridder(raw["XC"], raw["YC"], lon, lat))
    regrid = SphereRegridder(raw["XC"], raw["YC"], lon, lat, raw["area"])
    moved = seconds(lambda: regrid.scalar(raw["theta"]), 5)
    print(f"regridding 6144 columns to 72 x 45: weights {made:.2f} s, levels {1e3 * moved:.1f} ms")


def phase_curve(python):
    try:
        field = DATASETS.load("wasp43b_sparc")
        tables, seen = DATASETS.load("wasp43b_opacities")
    except DataNotAvailable:
        print("phase curve: the real run is not at hand")
        return
    model = EmissionModel(tables, seen.vmr)
    columns = np.moveaxis(field.T[:, ::4, ::8], 0, -1).reshape(-1, field.p_pa.size)
    count = len(columns)
    ours = seconds(lambda: model.intensities(field.p_pa, columns, 47.39), 3) / count
    print(f"emission: {1e3 * ours:.2f} ms a column of 53 levels, eight angles at once")
    if python is None:
        print("nemesispy: give --nemesispy-python")
        return
    # One column a process call would time the start; the peer times itself after its first call.
    request = {
        "p_pa": field.p_pa[::-1].tolist(), "t_k": columns[:8, ::-1].tolist(),
        "vmr": seen.vmr, "radius_m": 7.40657e7, "gravity": 47.39,
    }  # fmt: skip
    done = subprocess.run(
        [python, str(PEER)], input=json.dumps(request), capture_output=True, text=True, check=False
    )
    if done.returncode:
        print("nemesispy failed:", done.stderr.strip().splitlines()[-1:])
        return
    peer = json.loads(done.stdout.strip().splitlines()[-1])
    nadir = model.intensities(field.p_pa, columns[:8], 47.39)[:, 0]
    gap = nadir / np.array(peer["radiance_w_m2_um_sr"]) - 1
    print(f"nemesispy {peer['version']}: {1e3 * peer['seconds']:.1f} ms a column and angle, warm")
    ratio = peer["seconds"] / ours
    print(f"ratio for eight angles: {8 * ratio:.0f}; for one: {ratio:.1f}")
    print(f"radiance differs by {100 * np.abs(gap).max():.2f} % at most")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--nemesispy-python")
    parser.add_argument("--only", choices=["back-ends", "regridding", "phase-curve"])
    asked = parser.parse_args()
    for name in ("numpy", "torch", "xgboost", "scikit-learn"):
        try:
            print(name, version(name), end="  ")
        except PackageNotFoundError:
            print(name, "absent", end="  ")
    print()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if asked.only in (None, "regridding"):
            regridding()
        if asked.only in (None, "phase-curve"):
            phase_curve(asked.nemesispy_python)
        if asked.only in (None, "back-ends"):
            back_ends(asked.small)


if __name__ == "__main__":
    main()
