"""Time of fits and predictions, of regridding, and of spectra; peers where they are.

Usage: OMP_NUM_THREADS=1 python packages/gcm-emulator/benchmarks/bench_emulator.py
nemesispy 0.0.10 needs an older NumPy than this library: give its interpreter with
--nemesispy-python, and its columns are timed in a process of their own, warm. Regridding and
spectra take the real runs out of the data folder; what is not at hand is simulated.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import warnings
from pathlib import Path

import numpy as np

from decan.core.benchmark import Benchmark, best_of
from decan.core.errors import DataNotAvailable
from decan.gcm_emulator import (
    DATASETS,
    PLATO_LIKE,
    EmissionModel,
    FieldEmulator,
    Planet,
    SphereRegridder,
    simulate_grid,
    simulate_planet,
)

NEMESIS = Path(__file__).with_name("peer_nemesispy.py")
GRAVITY_MS2 = 47.39
"""Of WASP-43 b in the run."""


def back_ends(bench: Benchmark) -> None:
    """Gaussian processes on modes beside trees on cells, both as this library calls them."""
    planets = simulate_grid(hosts=["A5V", "G5V", "K5V", "M2V"], t_global_k=[900, 1500, 2100], rng=0)
    ours = FieldEmulator(n_modes=8)
    fit = best_of(lambda: ours.fit(planets), 1)
    predict = best_of(lambda: ours.predict(PLATO_LIKE[1]), 3)
    for backend, peer in (("xgb", "xgboost"), ("hgb", "scikit-learn")):
        theirs = FieldEmulator(backend, n_trees=20, rows=20_000)
        jobs = f"a fit of {len(planets)} planets, four fields", "a planet, four fields"
        try:
            seconds = best_of(lambda theirs=theirs: theirs.fit(planets), 1)
        except ImportError:
            bench.absent(jobs[0], peer)
            continue
        bench.ratio(f"{jobs[0]}, 20 trees on 20,000 cells there", fit, seconds, peer=peer)
        seconds = best_of(lambda theirs=theirs: theirs.predict(PLATO_LIKE[1]), 3)
        bench.ratio(f"{jobs[1]}, with its errors here, 20 trees there", predict, seconds, peer=peer)


def regridding(bench: Benchmark) -> None:
    """From a cubed sphere, or as many points of a spiral, to longitude and latitude."""
    from scipy.interpolate import LinearNDInterpolator

    try:
        raw = DATASETS.load("hd209458b_native")
        lon, lat, levels = raw["XC"].ravel(), raw["YC"].ravel(), raw["theta"]
    except DataNotAvailable:
        turn = np.arange(6144)
        lon = (turn * 360 / ((1 + np.sqrt(5)) / 2)) % 360 - 180
        lat = np.rad2deg(np.arcsin(1 - (2 * turn + 1) / turn.size))
        levels = 1500 + 300 * np.cos(np.deg2rad(lat)) * np.ones((10, 1))
    levels = levels.reshape(len(levels), -1)
    to_lon, to_lat = np.arange(-177.5, 180, 5.0), np.arange(-88.0, 89, 4.0)
    job = f"regridding {len(levels)} levels of {lon.size:,} columns to 72 x 45"
    bench.value("weights of the same", best_of(lambda: SphereRegridder(lon, lat, to_lon, to_lat)))
    regrid = SphereRegridder(lon, lat, to_lon, to_lat)
    at = tuple(np.meshgrid(to_lon, to_lat))
    flat = LinearNDInterpolator(np.column_stack([lon, lat]), levels.T)
    ours, theirs = best_of(lambda: regrid.scalar(levels)), best_of(lambda: flat(*at))
    bench.ratio(f"{job}, theirs on the flat map", ours, theirs, peer="scipy")


def spectra(bench: Benchmark, python: str | None) -> None:
    """Columns of a climate as spectra, beside nemesispy's."""
    job = "emission of a column at one angle"
    try:
        field = DATASETS.load("wasp43b_sparc")
        tables, seen = DATASETS.load("wasp43b_opacities")
    except DataNotAvailable:
        field, model = simulate_planet(Planet.at_temperature(1400.0, host="K5V")), EmissionModel()
        bench.value("a phase curve of 12 phases, grey", best_of(
            lambda: model.phase_curve(field, np.arange(0, 360, 30.0))))  # fmt: skip
        bench.absent(f"{job} (its data are not at hand)", "nemesispy")
        return
    model = EmissionModel(tables, seen.vmr)
    columns = np.moveaxis(field.T[:, ::8, ::8], 0, -1).reshape(-1, field.p_pa.size)
    whole = best_of(lambda: model.intensities(field.p_pa, columns, GRAVITY_MS2))
    bench.value("emission of a column of 53 levels at eight angles", whole / len(columns))
    if python is None:
        bench.absent(job, "nemesispy")
        return
    # One column a process would time the start; the peer times itself after its first call.
    request = {
        "p_pa": field.p_pa[::-1].tolist(), "t_k": columns[:8, ::-1].tolist(),
        "vmr": seen.vmr, "radius_m": field.planet.radius_m, "gravity": GRAVITY_MS2,
    }  # fmt: skip
    done = subprocess.run(
        [python, str(NEMESIS)], input=json.dumps(request), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    peer = json.loads(done.stdout.strip().splitlines()[-1])
    name = f"nemesispy {peer['version']}, warm"
    bench.ratio(job, whole / len(columns) / 8, peer["seconds"], peer=name)
    ours = model.intensities(field.p_pa, columns[:8], GRAVITY_MS2)[:, 0]
    apart = np.abs(np.array(peer["radiance_w_m2_um_sr"]) / ours - 1.0)
    bench.value(f"{job}: largest difference from nemesispy", 100 * float(apart.max()), "%")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nemesispy-python", help="interpreter that has nemesispy")
    asked = parser.parse_args()
    bench = Benchmark("gcm-emulator")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regridding(bench)
        spectra(bench, asked.nemesispy_python)
        back_ends(bench)


if __name__ == "__main__":
    main()
