"""Real simulations: off the cubed sphere, and from the simulator to reality."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import MIXED, REAL, SIMULATED, Claim, Run, experiment

if TYPE_CHECKING:
    from ..field import GCMField

__all__ = ["native_regrid", "real_transfer"]


@experiment(
    title="A real cubed sphere on longitude and latitude, without ESMF",
    claims=[
        Claim("area mean of T, largest relative change", goal=5e-5, better="lower"),
        Claim("spatial scatter of T, largest relative change", goal=0.005, better="lower"),
        Claim("angular momentum, largest relative change", goal=0.01, better="lower"),
    ],
    data=["hd209458b_native", "hd209458b_exorad"],
)
def native_regrid(run: Run) -> None:
    """Raw variables of the ExoRad run: converted, un-staggered, turned to east and regridded.

    Levels above 1e-4 bar lie in the sponge of the model and are left out of the first two.
    """
    import pandas as pd

    from ..cubed_sphere import SphereRegridder, centred_winds
    from ..mitgcm import temperature_from_potential
    from ..sphere import area_mean

    if run.has("hd209458b_native") and run.has("hd209458b_exorad"):
        raw = run.load("hd209458b_native")
        given, provenance = run.load("hd209458b_exorad")[12000], REAL
    else:
        raw, given = _made_up_cube()
        provenance = SIMULATED
        run.used("a simulated planet, sampled on a made-up cube", provenance=SIMULATED, n=1)
        run.note("The real run is not at hand: a simulated planet on a made-up cube instead.")
    regrid = SphereRegridder(raw["XC"], raw["YC"], given.lon_deg, given.lat_deg, raw["area"])
    p = raw["RC"][raw["k_index"]]
    temperature = temperature_from_potential(raw["theta"], p[:, None, None], float(raw["RF"][0]),
                                             given.r_gas, given.cp)  # fmt: skip
    area = raw["area"] / raw["area"].sum()
    native = (temperature * area).sum(axis=(1, 2))
    moved = regrid.scalar(temperature)
    mean = area_mean(moved, given.lat_deg)
    scatter = np.sqrt(((temperature - native[:, None, None]) ** 2 * area).sum(axis=(1, 2)))
    kept = np.sqrt(area_mean((moved - mean[:, None, None]) ** 2, given.lat_deg))
    u, v = centred_winds(raw["U"], raw["V"], raw["AngleCS"], raw["AngleSN"])
    east, _ = regrid.wind(u, v)
    spin = (u * np.cos(np.deg2rad(raw["YC"])) * area).sum(axis=(1, 2))
    cosine = np.cos(np.deg2rad(given.lat_deg))[:, None]
    spin_moved = area_mean(east * cosine, given.lat_deg)
    frame = pd.DataFrame({
        "pressure, bar": p / 1e5, "area mean": mean / native - 1, "scatter": kept / scatter - 1,
        "angular momentum": spin_moved / spin - 1,
    })  # fmt: skip
    below = frame["pressure, bar"] > 1e-4
    for metric, column, rows in (
        ("area mean of T", "area mean", below), ("spatial scatter of T", "scatter", below),
        ("angular momentum", "angular momentum", below | True),
    ):  # fmt: skip
        values = frame[column][rows].abs()
        run.record(f"{metric}, largest relative change", float(values.max()), provenance=provenance,
                   n=int(rows.sum()), note=f"levels; median {values.median():.1e}")  # fmt: skip
    run.table("levels", frame, caption="Relative change of each level by regridding.")


def _made_up_cube() -> tuple[dict[str, Any], GCMField]:
    """A simulated planet on the cells of a cube, its winds along east and north."""
    from ..mitgcm import potential_from_temperature
    from ..planets import Planet
    from ..simulate import simulate_planet
    from ..sphere import SphereInterpolator

    n = 32
    given = simulate_planet(Planet.at_temperature(1480.0, host="G5V"))
    side = np.tan((np.arange(n) + 0.5) / n * np.pi / 2 - np.pi / 4)
    a, b = np.meshgrid(side, side)
    one = np.ones_like(a)
    faces = ((one, a, b), (-a, one, b), (-b, a, one), (-one, -a, b), (a, -one, b), (b, a, -one))
    lon = np.concatenate([np.rad2deg(np.arctan2(y, x)) for x, y, _ in faces], axis=1)
    lat = np.concatenate([np.rad2deg(np.arctan2(z, np.hypot(x, y))) for x, y, z in faces], axis=1)
    # Solid angle of a cell of equal angles on the face of a cube.
    solid = (1 + a**2) * (1 + b**2) / (1 + a**2 + b**2) ** 1.5
    sphere = SphereInterpolator(given.lon_deg, given.lat_deg)
    u, v = sphere.wind(given.u, given.v, lon, lat)
    temperature = sphere.scalar(given.T, lon, lat)
    p = given.p_pa
    theta = potential_from_temperature(temperature, p[:, None, None], p[-1], given.r_gas, given.cp)
    raw = {
        "theta": theta, "U": u, "V": v, "XC": lon, "YC": lat, "AngleCS": np.ones_like(lon),
        "AngleSN": np.zeros_like(lon), "area": np.tile(solid, (1, 6)), "RC": p, "RF": p[-1:],
        "k_index": np.arange(p.size),
    }  # fmt: skip
    return raw, given


@experiment(
    title="From the simulator to real simulations",
    data=["hd209458b_exorad", "wasp43b_sparc"],
    presets=["standard", "paper"],
)
def real_transfer(run: Run) -> None:
    """Fit on simulated planets of several gravities, predict two real runs, then correct by one.

    Nobody should expect more than the order of magnitude: the simulator is no general
    circulation model. The correction is an offset in scaled fields, which fades with the
    distance between planets; one real planet corrects the other.
    """
    import pandas as pd

    from ..emulator import FieldEmulator, field_errors
    from ..planets import Planet
    from ..simulate import simulate_grid

    planets = [
        Planet.at_temperature(t, host=host, gravity_ms2=g, name=f"{host}_{t}_{g}")
        for host in ("F5V", "G5V", "K5V") for t in (1000, 1250, 1500, 1750, 2000)
        for g in (6.0, 17.0, 50.0)
    ]  # fmt: skip
    grid = simulate_grid(planets, rng=run.seed)
    run.used("45 simulated planets of three gravities", provenance=SIMULATED, n=45)
    emulator = FieldEmulator(fields=["T"], n_modes=20).fit(grid)
    fields = {"HD 209458 b": run.load("hd209458b_exorad")[12000],
              "WASP-43 b": run.load("wasp43b_sparc")}  # fmt: skip
    real = {name: field.copy(vmr={}, u=None, v=None, w=None).regrid(
        grid.lon_deg, grid.lat_deg, grid.p_pa) for name, field in fields.items()}  # fmt: skip
    plain: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, field in real.items():
            plain[name] = emulator.predict(field.planet).field
    rows = []
    for name, field in real.items():
        other = next(one for one in real if one != name)
        shift = (real[other].T - plain[other].T) / real[other].planet.t_global_k
        apart = emulator.inputs_.standardised([field.planet, real[other].planet])
        fade = float(np.exp(-0.5 * ((apart[0] - apart[1]) ** 2).sum() / 4.0))
        corrected = plain[name].copy(
            T=plain[name].T + fade * np.nan_to_num(shift) * field.planet.t_global_k
        )
        for words, found in (("simulator alone", plain[name]),
                             (f"corrected by {other}", corrected)):  # fmt: skip
            error = field_errors(field, found)["T"]
            bias = float(np.nanmean((found.T - field.T)[(field.p_pa >= 10) & (field.p_pa <= 1e6)]))
            rows.append({"planet": name, "emulator": words, "rms, K": error, "bias, K": bias})
            run.record(f"T of {name}, {words}", error, unit="K", provenance=MIXED, n=1,
                       note=f"bias {bias:+.0f} K; 1e-4 to 10 bar")  # fmt: skip
    run.table("transfer", pd.DataFrame(rows).round(0), caption="Error on real runs.")
