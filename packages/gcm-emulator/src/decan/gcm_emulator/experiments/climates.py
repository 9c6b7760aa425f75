"""Climates over the grid and of the two real runs: numbers, slices, and the floor of weather."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment
from decan.core.plotting import style

from .samples import training

__all__ = ["equatorial_slices", "grid_climate", "noise_floor"]

_NUMBERS = (
    ("day_night_k", "day - night, K"), ("evening_morning_k", "evening - morning, K"),
    ("peak_zonal_wind_ms", "peak zonal wind, m/s"), ("jet_width_deg", "jet width, deg"),
    ("hotspot_offset_deg", "hot-spot offset, deg E"),
)  # fmt: skip
# Longitude of the first harmonic of T near the equator, measured when the run was converted.
_HOT_SPOT = {12.0: 8.7, 120.0: 22.0, 370.0: 33.0, 1200.0: 53.0}
_FLOOR_K = {8.3e5: 32, 0.82e5: 26, 0.26e5: 16, 0.081e5: 22, 2600.0: 29, 800.0: 42, 250.0: 47,
            79.0: 49}  # fmt: skip


@experiment(title="The climate of sixty planets in five numbers", data=["sim_grid60"])
def grid_climate(run: Run) -> None:
    """Contrasts, jet and hot spot over five hosts and twelve temperatures.

    At a fixed temperature the host sets the rotation: hot hosts have slow planets. Rank
    correlations with temperature and period say which of both a number follows.
    """
    import pandas as pd
    from scipy.stats import spearmanr

    from ..characteristics import climate_characteristics

    grid = training(run)
    found = pd.DataFrame([vars(climate_characteristics(field)) for field in grid])
    frame = pd.concat([grid.parameters()[["name", "t_global_k", "period_day", "t_star_k"]], found],
                      axis=1)  # fmt: skip
    rows = []
    for key, words in _NUMBERS:
        rows.append({
            "quantity": words, "least": frame[key].min(), "most": frame[key].max(),
            "rank correlation with T_global": spearmanr(frame["t_global_k"], frame[key])[0],
            "rank correlation with log P": spearmanr(frame["period_day"], frame[key])[0],
        })  # fmt: skip
        run.record(f"{words}: rank correlation with T_global",
                   spearmanr(frame["t_global_k"], frame[key])[0], provenance=SIMULATED,
                   n=len(frame))  # fmt: skip
    run.table("numbers", pd.DataFrame(rows).round(2), caption="Range over the grid, and what each "
              "number follows.")  # fmt: skip
    run.table("planets", frame.drop(columns="p_pa").round(2), caption="All planets, at 0.1 bar.")
    run.figure("grid", _heat_maps(frame), caption="The contrast grows with temperature; the jet "
               "narrows and the hot spot comes home where planets rotate fast.")  # fmt: skip


@experiment(
    title="Slices along the equator",
    data=["sim_grid60", "hd209458b_exorad", "wasp43b_sparc"],
)
def equatorial_slices(run: Run) -> None:
    """Temperature by longitude and pressure: A, G and M hosts at 800, 1600 and 2400 K.

    The figure of the paper, on simulated planets; below them the two real runs, where they
    are at hand.
    """
    import matplotlib.pyplot as plt

    from ..plots import plot_equator

    grid = training(run)
    names = [f"{host}_{t}" for t in (800, 1600, 2400) for host in ("A5V", "G5V", "M2V")]
    planets = {planet.name: k for k, planet in enumerate(grid.planets)}
    with style():
        figure, axes = plt.subplots(3, 3, figsize=(10, 8.6), sharex=True, sharey=True)
    for ax, name in zip(axes.ravel(), names, strict=True):
        plot_equator(grid[planets[name]], ax=ax)
        ax.set_title(name.replace("_", ", ") + " K")
        ax.set(xlabel="", ylabel="")
    figure.supxlabel("longitude, degrees")
    figure.supylabel("pressure, bar")
    run.figure("simulated", figure, caption="Simulated: hot planets of cool hosts rotate fast, and "
               "their day side is hottest where the star stands; slow and cool planets carry "
               "their heat east.")  # fmt: skip
    for key, words in (("hd209458b_exorad", "HD 209458 b, ExoRad"),
                       ("wasp43b_sparc", "WASP-43 b, SPARC/MITgcm")):  # fmt: skip
        if run.has(key):
            field = run.load(key)
            field = field[12000] if isinstance(field, dict) else field
            ax = plot_equator(field)
            ax.set_title(words)
            run.figure(key.replace("_", "-"), ax, caption=f"{words}: the real run.")


@experiment(
    title="Weather: two snapshots of one real run, a thousand days apart",
    claims=[
        Claim("hot spot of HD 209458 b, largest deviation", goal=3.0, better="lower"),
        Claim(
            "T, snapshots of HD 209458 b, largest deviation from the table",
            goal=1.0,
            better="lower",
        ),
    ],
    data=["hd209458b_exorad"],
)
def noise_floor(run: Run) -> None:
    """What no emulator can beat when it is scored against a snapshot.

    Two instants of the ExoRad run of HD 209458 b differ by weather, by tens of kelvin at the
    pressures that are seen. One snapshot is off the mean by less than their difference, by
    the square root of two if both are independent. Without the data folder two simulated
    snapshots with the same amplitudes take their place.
    """
    import pandas as pd

    from ..characteristics import hotspot_longitude
    from ..planets import HOSTS, Planet
    from ..simulate import simulate_planet
    from ..sphere import area_mean

    real = run.has("hd209458b_exorad")
    if real:
        fields = run.load("hd209458b_exorad")
        early, late = fields[11000], fields[12000]
        provenance = REAL
    else:
        planet = Planet.at_temperature(1480.0, star=HOSTS["G5V"])
        early, late = (simulate_planet(planet, weather="hd209", rng=run.seed + k) for k in (0, 1))
        provenance = SIMULATED
        run.used("two simulated snapshots", provenance=SIMULATED, n=2)
    rows = []
    for p in _FLOOR_K:
        k = int(np.abs(np.log(late.p_pa / p)).argmin())
        row = {"pressure, bar": late.p_pa[k] / 1e5}
        for name, unit in (("T", "K"), ("u", "m/s")):
            gap = getattr(late, name)[k].astype(float) - getattr(early, name)[k]
            row[f"{name} rms, {unit}"] = float(np.sqrt(area_mean(gap**2, late.lat_deg)))
        row["T of the table, K"] = _FLOOR_K[p] if real else np.nan
        rows.append(row)
    frame = pd.DataFrame(rows)
    run.table("weather", frame.round(3), caption="Root mean square difference of the snapshots.")
    inside = (late.p_pa >= 10) & (late.p_pa <= 1e5)
    gap = area_mean((late.T - early.T)[inside].astype(float) ** 2, late.lat_deg)
    run.record("T, snapshots differ by", float(np.sqrt(gap.mean())), unit="K",
               provenance=provenance, n=1, note="1e-4 to 1 bar; a single pair")  # fmt: skip
    if real:
        off = np.abs(frame["T rms, K"] - frame["T of the table, K"]).max()
        run.record("T, snapshots of HD 209458 b, largest deviation from the table", off, unit="K",
                   provenance=REAL, n=len(frame), note="table rounded to 1 K")  # fmt: skip
        away = [
            abs(float(hotspot_longitude(late.T[k], late.lon_deg, late.lat_deg)) - wanted)
            for p, wanted in _HOT_SPOT.items()
            for k in [int(np.abs(np.log(late.p_pa / p)).argmin())]
        ]
        run.record("hot spot of HD 209458 b, largest deviation", max(away), unit="deg",
                   provenance=REAL, n=len(away), note="from the values at conversion")  # fmt: skip
    _floor_units(run, float(np.sqrt(gap.mean())))


def _floor_units(run: Run, floor_k: float) -> None:
    """The emulator's error in units of the floor."""
    from ..emulator import FieldEmulator

    metrics = FieldEmulator.pretrained().manifest_["metrics"]
    error = next(value for name, value in metrics.items() if name.startswith("T:"))
    run.record("T, emulator's error over the floor of a real snapshot", error / floor_k,
               provenance=SIMULATED, n=12, note="simulated planets without weather")  # fmt: skip


def _heat_maps(frame: Any) -> Any:
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(2, 3, figsize=(11, 6))
    hosts = sorted(frame["t_star_k"].unique())
    names = {8080.0: "A5V", 6550.0: "F5V", 5660.0: "G5V", 4440.0: "K5V", 3600.0: "M2V"}
    for ax, (key, words) in zip(axes.ravel(), _NUMBERS, strict=False):
        square = frame.pivot_table(index="t_star_k", columns="t_global_k", values=key)
        mesh = ax.imshow(square.to_numpy(), aspect="auto", origin="lower", cmap="cividis")
        with style():
            figure.colorbar(mesh, ax=ax, label=words)
        ax.set(xticks=range(0, square.shape[1], 2), yticks=range(len(hosts)),
               xticklabels=[f"{t:.0f}" for t in square.columns[::2]],
               yticklabels=[names.get(t, f"{t:.0f}") for t in hosts],
               xlabel="T_global, K", ylabel="host")  # fmt: skip
        ax.grid(False)
    axes.ravel()[-1].axis("off")
    return figure
