"""What an error of a climate becomes for an observer: limbs, phase curves, chemistry."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from decan.core.experiment import MIXED, REAL, SIMULATED, Claim, Provenance, Run, experiment
from decan.core.plotting import COLOURS, new_axes, style

from .samples import opacities

__all__ = ["chemistry", "spectra_ppm", "wasp43b_phase_curve"]

_GASES = ("H2O", "CO", "CH4", "CO2")


@experiment(
    title="Limb and emission spectra of five targets, predicted against true",
    claims=[
        Claim("limb spectra, largest error in any band", goal=10.0, better="lower",
              provenance=SIMULATED, headline=True),
        Claim("evening minus morning, largest error in any band", goal=15.0, better="lower",
              provenance=SIMULATED),
    ],
    data=["sim_grid60", "wasp43b_opacities"],
)  # fmt: skip
def spectra_ppm(run: Run) -> None:
    """The paper's own measure of quality, on simulated truth: transmission in parts per million.

    Plaschzug et al. report spectra within 32 ppm for four of five planets and one feature of
    HCN 100 ppm off, over wavelengths and molecules that need opacities of gigabytes; here are
    the bands between 1.1 and 4.5 um of a table that comes along. No offset is removed. The
    shipped emulator predicts; abundances are those of a solar gas at all temperatures.
    """
    import pandas as pd

    from ..emission import EmissionModel
    from ..emulator import FieldEmulator
    from ..planets import PLATO_LIKE
    from ..simulate import simulate_grid
    from ..transmission import TransmissionModel, spectral_error

    emulator = FieldEmulator.pretrained()
    truth = simulate_grid(PLATO_LIKE, weather=None)
    run.used("five planets like targets of PLATO, without weather", provenance=SIMULATED, n=5)
    opacity, words = opacities(run)
    limbs, emission = TransmissionModel(opacity), EmissionModel(opacity)
    rows, both = [], []
    for field in truth:
        assert field.planet is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ultra-hot cells leave the table; said in the note
            found = emulator.predict(field.planet).field
            error = spectral_error(field, found, limbs)
            true_curve = emission.phase_curve(field, [90.0, 180.0, 270.0], stride=2)
            curve = emission.phase_curve(found, [90.0, 180.0, 270.0], stride=2)
            both.append((limbs.limb_spectra(field), limbs.limb_spectra(found)))
        rows.append({
            "planet": field.planet.name, "limbs, largest": error.largest, "limbs, rms": error.rms,
            "evening - morning, largest": error.largest_difference,
            "evening - morning itself": float(np.abs(both[-1][0].difference).max()),
            "emission, largest": float(np.abs(curve.ppm - true_curve.ppm).max()),
        })  # fmt: skip
    frame = pd.DataFrame(rows)
    run.record("limb spectra, largest error in any band", frame["limbs, largest"].max(),
               unit="ppm", provenance=SIMULATED, n=5, note=words)  # fmt: skip
    run.record("evening minus morning, largest error in any band",
               frame["evening - morning, largest"].max(), unit="ppm", provenance=SIMULATED, n=5,
               note=words)  # fmt: skip
    run.record("emission at three phases, largest error in any band",
               frame["emission, largest"].max(), unit="ppm", provenance=SIMULATED, n=5)  # fmt: skip
    run.table("targets", frame.round(2), caption="Errors of predicted spectra, ppm.")
    run.figure("limbs", _plot_targets(truth, both), caption="Both limbs, true (circles) and "
               "predicted (lines), of the hottest and the coolest target.")  # fmt: skip
    run.note("Temperatures above 2950 K take the opacities of 2950 K; neither TiO, VO, Na nor K "
             "is in the table, so that optical bands cannot be shown.")  # fmt: skip


@experiment(
    title="WASP-43 b: phase curve of a real simulation against NEMESIS and the sky",
    claims=[
        Claim("against NEMESIS, 15 HST bands, rms", goal=5.0, better="lower", headline=True),
        Claim("against NEMESIS, 3.6 um, rms", goal=15.0, better="lower"),
        Claim("against NEMESIS, 4.5 um, rms", goal=15.0, better="lower"),
    ],
    data=["wasp43b_sparc", "wasp43b_opacities"],
)
def wasp43b_phase_curve(run: Run) -> None:
    """Radiative transfer of every column of the SPARC/MITgcm run, no factor, no offset.

    The same opacities, abundances and geometry as in Irwin et al. 2020. Then temperature
    errors like those of an emulator (smooth, 10, 20 and 50 K) go through the same path.
    """
    from ..emission import EmissionModel
    from ..plots import plot_phase_curve

    if not (run.has("wasp43b_sparc") and run.has("wasp43b_opacities")):
        _without_data(run)
        return
    field = run.load("wasp43b_sparc")
    tables, seen = run.load("wasp43b_opacities")
    model = EmissionModel(tables, seen.vmr)
    stride = 1 if run.preset != "quick" else 2
    curve = model.phase_curve(field, seen.phase_deg, star_power_w_um=seen.star_power_w_um,
                              stride=stride)  # fmt: skip
    known = np.isfinite(seen.nemesis[:, 0])
    gap = 1e6 * (curve.flux_ratio - seen.nemesis)[known]
    for words, bands in (("15 HST bands", slice(0, 15)), ("3.6 um", slice(15, 16)),
                         ("4.5 um", slice(16, 17))):  # fmt: skip
        run.record(f"against NEMESIS, {words}, rms", float(np.sqrt((gap[:, bands] ** 2).mean())),
                   unit="ppm", provenance=REAL, n=int(gap[:, bands].size),
                   note=f"{known.sum()} phases of 15; the others are not given")  # fmt: skip
    off = (curve.flux_ratio - seen.observed) / seen.error
    run.record("against the sky, reduced chi2 of the cloud-free simulation",
               float(np.nanmean(off**2)), provenance=REAL, n=int(off.size))  # fmt: skip
    coarse = field.copy(T=field.T[:, ::2, ::2], lat_deg=field.lat_deg[::2],
                        lon_deg=field.lon_deg[::2], vmr={})  # fmt: skip
    _sensitivity(run, model, coarse, seen.phase_deg, seen.star_power_w_um, MIXED)
    run.figure("curves", plot_phase_curve(curve, [2, 9, 15, 16], observed=seen.observed,
               error=seen.error, other=seen.nemesis, other_label="NEMESIS"),
               caption="Lines: ours. Circles: NEMESIS from the same simulation. Dots with bars: "
               "Hubble and Spitzer, which see a colder night side than any cloud-free "
               "model.")  # fmt: skip
    run.figure("residuals", _plot_residuals(seen, gap, known), caption="Ours minus NEMESIS, each "
               "phase a line: the two codes cut the disc differently.")  # fmt: skip


def _without_data(run: Run) -> None:
    """A simulated planet in grey bands, where the real run is not at hand."""
    from ..archive import WASP43B
    from ..emission import EmissionModel
    from ..planets import Planet
    from ..plots import plot_phase_curve
    from ..simulate import simulate_planet

    run.note("The real run is not at hand: a simulated planet of the same orbit in grey bands.")
    field = simulate_planet(Planet(**WASP43B))
    run.used("a simulated planet on the orbit of WASP-43 b", provenance=SIMULATED, n=1)
    phase, model = np.arange(0.0, 360.0, 30.0), EmissionModel()
    _sensitivity(run, model, field, phase, None, SIMULATED)
    run.figure("curves", plot_phase_curve(model.phase_curve(field, phase), [0, 2, 3, 4]),
               caption="Simulated, in grey bands.")  # fmt: skip


def _sensitivity(
    run: Run, model: Any, field: Any, phase: Any, star: Any, provenance: Provenance
) -> None:
    """What smooth errors of temperature, like those of an emulator, become in the last band."""
    from ..simulate import smooth_noise

    base = model.phase_curve(field, phase, star_power_w_um=star)
    noise = smooth_noise(field.lon_deg, field.lat_deg, field.p_pa, run.rng)
    for size in (10, 20, 50):
        moved = field.copy(T=field.T + size * noise.astype(np.float32))
        other = model.phase_curve(moved, phase, star_power_w_um=star)
        run.record(
            f"a smooth error of {size} K changes 4.5 um by",
            float(np.abs(other.ppm - base.ppm)[:, -1].max()), unit="ppm",
            provenance=provenance, n=len(base.phase_deg), note="largest of all phases",
        )  # fmt: skip


@experiment(
    title="Chemistry: what a temperature error does to CO, CH4, NH3 and HCN",
    claims=[
        Claim("H2O of WASP-43 b, rms against the simulation's own", goal=0.1, better="lower"),
    ],
    data=["wasp43b_sparc"],
)
def chemistry(run: Run) -> None:
    """Equilibrium abundances on true and on predicted temperatures, and on a real run.

    On WASP-43 b our closed form is set against the abundances that the simulation itself
    carries, at the same temperatures and pressures.
    """
    import pandas as pd

    from ..chemistry import equilibrium_chemistry
    from ..emulator import FieldEmulator
    from ..planets import PLATO_LIKE
    from ..simulate import simulate_grid

    emulator = FieldEmulator.pretrained()
    truth = simulate_grid(PLATO_LIKE, weather=None)
    run.used("five planets like targets of PLATO, without weather", provenance=SIMULATED, n=5)
    rows = []
    for field in truth:
        assert field.planet is not None
        found = emulator.predict(field.planet).field
        inside = (field.p_pa >= 10) & (field.p_pa <= 1e6)
        p = field.p_pa[:, None, None]
        true, other = equilibrium_chemistry(p, field.T), equilibrium_chemistry(p, found.T)
        row: dict[str, Any] = {"planet": field.planet.name}
        for gas in ("H2O", "CO", "CH4", "NH3", "HCN"):
            gap = (np.log10(other[gas]) - np.log10(true[gas]))[inside]
            seen = true[gas][inside] > 1e-8
            row[f"{gas}, dex"] = float(np.sqrt((gap[seen] ** 2).mean())) if seen.any() else np.nan
        rows.append(row)
    frame = pd.DataFrame(rows)
    run.table("targets", frame.round(3), caption="Root mean square difference of abundances above "
              "1e-8, dex.")  # fmt: skip
    for gas in ("CO", "CH4", "HCN"):
        run.record(f"{gas} on predicted temperatures, worst target", frame[f"{gas}, dex"].max(),
                   unit="dex", provenance=SIMULATED, n=5)  # fmt: skip
    run.figure("boundary", _plot_boundary(emulator, truth[3]), caption="WASP-23 b-like at 0.1 bar: "
               "error of CH4. It sits where the night side crosses from CO to CH4.")  # fmt: skip
    if not run.has("wasp43b_sparc"):
        return
    field = run.load("wasp43b_sparc")
    ours = equilibrium_chemistry(field.p_pa[:, None, None], field.T)
    inside = (field.p_pa >= 10) & (field.p_pa <= 1e6)
    for gas in _GASES:
        gap = (np.log10(ours[gas]) - np.log10(field.vmr[gas]))[inside]
        run.record(f"{gas} of WASP-43 b, rms against the simulation's own",
                   float(np.sqrt((gap**2).mean())), unit="dex", provenance=REAL, n=int(gap.size),
                   note=f"median {np.median(gap):+.3f} dex")  # fmt: skip


def _plot_targets(truth: Any, both: list[Any]) -> Any:
    import matplotlib.pyplot as plt

    from ..plots import plot_limbs

    with style():
        figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for ax, k in zip(axes, (0, len(both) - 1), strict=True):
        plot_limbs(both[k][1], other=both[k][0], other_label="true", ax=ax)
        ax.set_title(truth.planets[k].name)
    return figure


def _plot_residuals(seen: Any, gap: Any, known: Any) -> Any:
    ax = new_axes(figsize=(6.4, 3.6))
    for row in gap:
        ax.plot(seen.wave_um, row, color=COLOURS["blue"], alpha=0.5, lw=1)
    ax.axhline(0, color=COLOURS["black"], lw=0.8)
    ax.set(xlabel="wavelength, um", ylabel="ours - NEMESIS, ppm")
    return ax


def _plot_boundary(emulator: Any, field: Any) -> Any:
    from ..chemistry import equilibrium_chemistry
    from ..plots import plot_map

    p = field.p_pa[:, None, None]
    found = emulator.predict(field.planet).field
    gap = np.log10(equilibrium_chemistry(p, found.T)["CH4"])
    gap -= np.log10(equilibrium_chemistry(p, field.T)["CH4"])
    level = int(np.abs(np.log(field.p_pa / 1e4)).argmin())
    largest = float(np.abs(gap[level]).max())
    return plot_map(field, 1e4, values=gap, label="CH4, predicted - true, dex", vmin=-largest,
                    vmax=largest, cmap="RdBu_r")  # fmt: skip
