"""How well planets between those of the grid are predicted, by what, and how far to believe it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment
from decan.core.metrics import bootstrap
from decan.core.plotting import COLOURS, new_axes, style

from .samples import median_over_planets, off_grid, training

if TYPE_CHECKING:
    import pandas as pd

    from ..emulator import FieldEmulator
    from ..grid import PlanetGrid

__all__ = ["dnn_vs_xgb", "leave_out"]

_UNITS = {"T": "K", "u": "m/s", "v": "m/s", "w": "m/s"}
_WORDS = {
    "basis-gp": "modes + Gaussian process", "xgb": "XGBoost, pointwise",
    "hgb": "histogram trees, pointwise", "dnn": "network, pointwise, raw places (paper)",
    "dnn-fourier": "network, pointwise, harmonics", "branch-trunk": "branch-trunk network",
    "rbf": "thin plates, per cell", "nearest": "nearest planet",
}  # fmt: skip


@experiment(
    title="Planets between those of the grid: networks, trees, thin plates, processes",
    claims=[
        Claim("T, basis-gp, median of rms", goal=14.0, better="lower", provenance=SIMULATED,
              headline=True),
        Claim("T, basis-gp, worst rms", goal=22.0, better="lower", provenance=SIMULATED),
        Claim("u, basis-gp, median of rms", goal=95.0, better="lower", provenance=SIMULATED),
        Claim("v, basis-gp, median of rms", goal=80.0, better="lower", provenance=SIMULATED),
        Claim("w, basis-gp, median of rms", goal=5.0, better="lower", provenance=SIMULATED),
        Claim("w, basis-gp, median of rms over its own", goal=0.17, better="lower",
              provenance=SIMULATED),
        Claim("T, XGBoost over basis-gp", goal=3.0, provenance=SIMULATED),
        *(Claim(f"{name}, cells inside the 68 % interval", goal=(0.60, 0.76),
                provenance=SIMULATED) for name in "Tuvw"),
    ],
    data=["sim_grid60", "sim_dev8"],
)  # fmt: skip
def dnn_vs_xgb(run: Run) -> None:
    """The comparison after Plaschzug et al., on planets whose climate is known without weather.

    Every back end learns from sixty planets with weather and predicts seventeen others: five
    like targets of PLATO and twelve random ones. Errors are root mean squares over cells
    between 1e-4 and 10 bar, weighted by the cosine of latitude. The truth is simulated, smooth
    and of low rank, which favours modes.
    """
    from ..emulator import FieldEmulator

    grid, truth = training(run), off_grid(run)
    errors: dict[str, pd.DataFrame] = {}
    fitted: dict[str, Any] = {}
    for label, backend, settings in _contestants(run):
        emulator = FieldEmulator(backend, random_state=run.seed, **settings).fit(grid)
        errors[label], fitted[label] = emulator.errors_on(truth), emulator
    best = errors["basis-gp"]
    for name, unit in _UNITS.items():
        run.record(f"{name}, basis-gp, median of rms", median_over_planets(best[name], run),
                   unit=unit, provenance=SIMULATED)  # fmt: skip
    run.record("T, basis-gp, worst rms", best["T"].max(), unit="K", provenance=SIMULATED,
               n=len(best), note=best.sort_values("T")["planet"].to_list()[-1])  # fmt: skip
    share = best["w"].to_numpy() / _own_rms(truth, "w")
    run.record("w, basis-gp, median of rms over its own", median_over_planets(share, run),
               provenance=SIMULATED)  # fmt: skip
    if "xgb" in errors:
        ratio = errors["xgb"]["T"].median() / best["T"].median()
        run.record("T, XGBoost over basis-gp", ratio, provenance=SIMULATED, n=len(best),
                   note=f"XGBoost {errors['xgb']['T'].median():.0f} K")  # fmt: skip
    inside = _coverage(fitted["basis-gp"], truth)
    for name in _UNITS:
        run.record(
            f"{name}, cells inside the 68 % interval",
            bootstrap(np.mean, np.asarray(inside[name]), n_boot=300, rng=run.seed),
            provenance=SIMULATED, note="climate without weather; interval over planets",
        )  # fmt: skip
    run.table("back-ends", _table(errors), caption="Median and worst root mean square error over "
              "seventeen planets.")  # fmt: skip
    run.table("planets", best.round(1), caption="basis-gp, planet by planet: K and m/s.")
    run.figure("pressure", _plot_by_pressure(fitted, truth), caption="Error of temperature by "
               "pressure, median over planets. Trees and the nearest planet do not pass between "
               "the planets of the grid.")  # fmt: skip
    run.figure("map", _plot_error_map(fitted["basis-gp"], truth, 0), caption="Predicted minus true "
               "temperature of the WASP-121 b-like planet at 0.1 bar: the error sits at the "
               "terminators, where the slope is steepest.")  # fmt: skip


@experiment(
    title="Left out: planets, hosts, the hottest row, and cells (the leak)",
    claims=[
        Claim("planets outside the hull that are flagged", goal=1.0, provenance=SIMULATED),
        Claim("ignorance outside over inside the hull", goal=2.0, provenance=SIMULATED),
    ],
    data=["sim_grid60"],
)
def leave_out(run: Run) -> None:
    """What happens to planets, hosts and temperatures that the emulator has not seen.

    Planets of the grid are left out one by one (in the quick preset every tenth), then whole
    hosts, then the hottest row. A split by cell, shown on purpose, looks far better and says
    nothing: neighbours of every test cell were trained on.
    """
    import pandas as pd

    from ..emulator import FieldEmulator

    grid = training(run)
    fields = ["T"] if run.preset == "quick" else ["T", "u", "v", "w"]
    every = 10 if run.preset == "quick" else 1
    single = []
    for k in range(0, len(grid), every):
        rest = np.arange(len(grid)) != k
        emulator = _fit(FieldEmulator(fields=["T"], n_modes=24), grid.select(rest))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row = emulator.errors_on(grid.select([k])).iloc[0].to_dict()
        row["outside"] = emulator.extrapolation(grid.planets[k]).flag
        single.append(row)
    frame = pd.DataFrame(single)
    for words, part in (("inside", frame[~frame["outside"]]), ("outside", frame[frame["outside"]])):
        if len(part):
            run.record(f"T, planet left out, {words} the hull of the others",
                       median_over_planets(part["T"], run), unit="K", provenance=SIMULATED,
                       note="against snapshots with weather")  # fmt: skip
    rows: list[dict[str, Any]] = []
    flags: list[bool] = []
    growth: list[float] = []
    whole = _fit(FieldEmulator(fields=["T"], n_modes=24), grid)
    for leave, value in _whole_groups(grid, run):
        train, test = grid.train_test_split(leave=leave, value=value)
        emulator = _fit(FieldEmulator(fields=fields, n_modes=24), train)
        outside = np.array([emulator.extrapolation(planet).flag for planet in test.planets])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            errors = emulator.errors_on(test)
            known = [_typical_std(whole, planet) for planet in test.planets]
            blind = [_typical_std(emulator, planet) for planet in test.planets]
        flags += outside.tolist() if leave == "tglobal" or _is_end(grid, value) else []
        growth += (np.array(blind) / np.array(known))[outside].tolist()
        rows.append({
            "left out": f"{leave} {value:.0f} K", "planets": len(test),
            "outside": int(outside.sum()), **errors.median(numeric_only=True),
        })  # fmt: skip
    run.record("planets outside the hull that are flagged", float(np.mean(flags)),
               provenance=SIMULATED, n=len(flags))  # fmt: skip
    run.record("ignorance outside over inside the hull", median_over_planets(growth, run),
               provenance=SIMULATED, note="T; same planets, seen and left out")  # fmt: skip
    run.table("groups", pd.DataFrame(rows).round(1), caption="Median rms (K, m/s) over the planets "
              "of a group that was left out.")  # fmt: skip
    _leak(run, grid)


def _contestants(run: Run) -> list[tuple[str, str, dict[str, Any]]]:
    if run.preset == "quick":
        small = {"fields": ["T", "u", "v", "w"]}
        return [
            ("basis-gp", "basis-gp", small), ("nearest", "nearest", small), ("rbf", "rbf", small),
            ("hgb", "hgb", {**small, "n_trees": 30, "rows": 30_000}),
            ("branch-trunk", "branch-trunk", {**small, "epochs": 2, "width": 64}),
        ]  # fmt: skip
    epochs = 30 if run.preset == "standard" else 100
    return [
        ("basis-gp", "basis-gp", {}), ("nearest", "nearest", {}), ("rbf", "rbf", {}),
        ("xgb", "xgb", {}), ("hgb", "hgb", {"fields": ["T", "u"]}),
        ("branch-trunk", "branch-trunk", {}),
        ("dnn-fourier", "dnn", {"epochs": epochs}),
        ("dnn", "dnn", {"epochs": epochs, "fourier": False}),
    ]  # fmt: skip


def _table(errors: dict[str, pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for label, frame in errors.items():
        row: dict[str, Any] = {"back end": _WORDS[label]}
        for name, unit in _UNITS.items():
            known = name in frame
            row[f"{name} median, {unit}"] = round(frame[name].median(), 1) if known else np.nan
            row[f"{name} worst"] = round(frame[name].max(), 1) if known else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def _own_rms(grid: PlanetGrid, name: str) -> Any:
    from ..emulator import cell_weights

    weight = cell_weights(grid.lat_deg, grid.p_pa, grid.lon_deg.size)
    return np.sqrt((grid.values[name].astype(float) ** 2 * weight).sum(axis=(1, 2, 3)))


def _coverage(emulator: FieldEmulator, truth: PlanetGrid) -> dict[str, list[float]]:
    from ..emulator import cell_weights

    weight = cell_weights(truth.lat_deg, truth.p_pa, truth.lon_deg.size)
    found: dict[str, list[float]] = {name: [] for name in emulator.fields}
    for field in truth:
        assert field.planet is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prediction = emulator.predict(field.planet)
        for name in emulator.fields:
            gap = np.abs(getattr(field, name) - getattr(prediction.field, name))
            found[name].append(float(((gap <= prediction.std[name]) * weight).sum()))
    return found


def _plot_by_pressure(fitted: dict[str, Any], truth: PlanetGrid) -> Any:
    from ..sphere import area_mean

    ax = new_axes(figsize=(5.6, 4.4))
    shades = list(COLOURS.values())
    for k, (label, emulator) in enumerate(fitted.items()):
        gaps = []
        for field in truth:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = emulator.predict(field.planet).field
            gaps.append(np.sqrt(area_mean((field.T - found.T) ** 2, field.lat_deg)))
        ax.plot(np.median(gaps, axis=0), truth.p_pa / 1e5, color=shades[k], label=_WORDS[label],
                lw=2.5 if label == "basis-gp" else 1.3)  # fmt: skip
    ax.set(yscale="log", xscale="log", xlabel="rms error of temperature, K", ylabel="pressure, bar")
    ax.invert_yaxis()
    with style():
        ax.legend(fontsize=8)
    return ax


def _plot_error_map(emulator: FieldEmulator, truth: PlanetGrid, k: int) -> Any:
    from ..plots import plot_map

    field = truth[k]
    assert field.planet is not None
    gap = emulator.predict(field.planet).field.T - field.T
    level = int(np.abs(np.log(field.p_pa / 1e4)).argmin())
    largest = float(np.abs(gap[level]).max())
    return plot_map(field, 1e4, values=gap, label="predicted minus true, K", vmin=-largest,
                    vmax=largest, cmap="RdBu_r")  # fmt: skip


def _fit(emulator: FieldEmulator, grid: PlanetGrid) -> FieldEmulator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return emulator.fit(grid)


def _whole_groups(grid: PlanetGrid, run: Run) -> list[tuple[str, float]]:
    stars = sorted({planet.t_star_k for planet in grid.planets})
    hottest = max(planet.t_global_k for planet in grid.planets)
    hosts = stars if run.preset != "quick" else stars[-1:]
    return [*(("host", star) for star in hosts), ("tglobal", hottest)]


def _is_end(grid: PlanetGrid, value: float) -> bool:
    """Whether a host is the hottest or coolest: only then its planets leave the hull."""
    stars = [planet.t_star_k for planet in grid.planets]
    return value in (min(stars), max(stars))


def _typical_std(emulator: FieldEmulator, planet: Any) -> float:
    return float(np.sqrt((emulator.predict(planet).std["T"] ** 2).mean()))


def _leak(run: Run, grid: PlanetGrid) -> None:
    """Pointwise trees scored on cells of planets they were trained on, and on other planets."""
    from ..emulator import FieldEmulator

    size = {"n_trees": 40, "rows": 40_000} if run.preset == "quick" else {}
    train, test = grid.train_test_split(fraction=0.2, rng=run.seed)
    trees = FieldEmulator("hgb", fields=["T"], random_state=run.seed, **size).fit(train)
    leak = trees.errors_on(train, allow_leak=True)
    honest = trees.errors_on(test)
    run.record("T, pointwise trees, cells of planets trained on (a leak)",
               median_over_planets(leak["T"], run), unit="K", provenance=SIMULATED,
               note="what a split by rows would report")  # fmt: skip
    run.record("T, pointwise trees, planets left out", median_over_planets(honest["T"], run),
               unit="K", provenance=SIMULATED)  # fmt: skip
