"""The main job, the paper's line, and simulated fields beside the usual detectors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Provenance, Run, experiment

from . import _cases as cases
from ._cases import simulated_goal

__all__ = ["fields", "line", "tour"]

AMPLITUDES = (0.0, 3.0, 5.0, 10.0, 20.0, 30.0)


@experiment(title="A sky decomposed", data=["fermi-gc", "fermi-gc-catalogue"], tour=True)
def tour(run: Run) -> None:
    """The main job once: Fermi-LAT above 10 GeV around the Galactic centre, without a source list.

    Without the data folder the Chandra events of M82 of a published wheel are taken, and
    without the Python index a simulated field.
    """
    from ..decomposer import TensionDecomposer
    from ..plots import plot_decomposition

    image, provenance = _tour_image(run)
    fitted = TensionDecomposer(max_loops=3, method="mgvi", n_final=6).fit(image)
    points = fitted.catalogue_[fitted.catalogue_["kind"] == "point"]
    run.record("point sources found", len(points), provenance=provenance, n=1)
    run.record("seconds", fitted.seconds_, provenance=provenance, n=1, unit="s")
    columns = ["kind", "x", "y", "pos_err", "lon", "lat", "flux", "flux_err", "significance"]
    run.table("catalogue", fitted.catalogue_[columns], caption="What was found, brightest first.")
    run.figure(
        "decomposition",
        plot_decomposition(fitted),
        caption=f"{image.name}: counts, the sky without PSF and noise with the sources found, its "
        "diffuse, extended and point emission, and the tension that called for the sources.",
    )


@experiment(
    title="A line on a correlated background",
    claims=[
        simulated_goal("detected, amplitude 10 and more", 0.99),
        simulated_goal("false alarms without a line (p = 0.05)", (0.0, 0.1)),
    ],
)
def line(run: Run) -> None:
    """The paper's one-dimensional toy with Poisson noise, and where a line becomes tension.

    Trials of a line of 3 to 30 times the local noise on a correlated background; the
    threshold is the height that repeated experiments under the fitted background exceed in
    5 % of the cases.
    """
    import pandas as pd

    trials = {"quick": 3, "standard": 20, "paper": 50}[run.preset]
    rows, example = [], None
    for amplitude in AMPLITUDES:
        row, first = _line_trials(run, amplitude, trials if amplitude else 2 * trials)
        rows.append(row)
        example = first if amplitude == 10.0 else example
    table = pd.DataFrame(rows)
    run.table(
        "lines",
        table,
        caption="Share of trials with a detection, by height of the line "
        "in units of the local noise; without a line these are false alarms.",
    )
    bright = table[table["amplitude"] >= 10]
    run.record(
        "detected, amplitude 10 and more",
        bright["detected"].mean(),
        provenance=SIMULATED,
        n=int(bright["trials"].sum()),
    )
    run.record(
        "false alarms without a line (p = 0.05)",
        rows[0]["detected"],
        provenance=SIMULATED,
        n=int(rows[0]["trials"]),
    )
    if example is not None:
        run.figure(
            "line",
            cases.line_figure(*example),
            caption="Counts, the fit before and after the "
            "line was added, and the tension before: it peaks at the line.",
        )


@experiment(
    title="Simulated three-band fields",
    claims=[
        simulated_goal("completeness 100-300 counts", 0.97, headline=True),
        simulated_goal("completeness above 300 counts", 1.0),
        simulated_goal("completeness 30-100 counts", 0.70, headline=True),
        simulated_goal("completeness 12-30 counts", 0.08),
        simulated_goal("false points a field", 0.5, "lower", headline=True),
        simulated_goal("spurious points on extended objects a field", 0.6, "lower"),
        simulated_goal("median offset above 100 counts", 0.15, "lower"),
        simulated_goal("offsets inside the quoted 68 % radius", (0.60, 0.76)),
        simulated_goal("flux ratio above 100 counts", (0.97, 1.03)),
        simulated_goal("flux ratio 30-100 counts", (0.9, 1.1)),
        simulated_goal("rms of ln(mean/true) diffuse, sources masked", 0.35, "lower"),
        simulated_goal("power-spectrum slope within 2 sigma of truth", 0.9),
    ],
    data=["simulated", "simulated-truth"],
)
def fields(run: Run) -> None:
    """Completeness, false points, offsets and fluxes beside the usual detectors.

    The twelve given fields of 128 pixels (thirty points and two extended objects each, none
    drawn from the model's prior), or fields of the same recipe where they are not at hand.
    """
    import pandas as pd

    parts = [
        cases.kept(run, f"field-{number:02d}", partial(_one_field, run, number, case))
        if number
        else _one_field(run, 0, case)  # which draws the figures
        for number, case in enumerate(cases.field_cases(run))
    ]
    scores = {
        name: [cases.with_table(part["scores"][name]) for part in parts]
        for name in parts[0]["scores"]
    }
    cases.record_scores(run, scores["latent tension"])
    for metric, key in (
        ("rms of ln(mean/true) diffuse, sources masked", "diffuse"),
        ("power-spectrum slope within 2 sigma of truth", "slope"),
    ):
        value = float(np.mean([part[key] for part in parts]))
        run.record(metric, value, provenance=SIMULATED, n=len(parts))
    missed = [row for part in parts for row in part["missed"]]
    if missed:
        run.table("missed", pd.DataFrame(missed), caption="Points above 100 counts not found.")
    run.table(
        "detectors",
        pd.DataFrame([cases.summary(name, many) for name, many in scores.items()]),
        caption="Completeness by true counts, false points "
        "and spurious points on extended objects a field, median offset and flux ratio "
        "above 100 counts.",
    )
    cases.forget(run)


def _one_field(run: Run, number: int, case: tuple[Any, Any, np.ndarray]) -> dict[str, Any]:
    """Decompose one field and score it and the usual detectors; figures of the first."""
    from ..baselines import matched_filter
    from ..catalogue import score_catalogue
    from ..decomposer import TensionDecomposer

    image, truth, true_diffuse = case
    fitted = TensionDecomposer(random_state=run.seed).fit(image)
    spectrum = fitted.power_spectrum()
    if number == 0:
        cases.field_figures(run, fitted, truth, spectrum)
    scores = {
        "latent tension": score_catalogue(fitted.catalogue_, truth),
        "matched filter": score_catalogue(matched_filter(image), truth),
        **cases.other_detectors(image, truth),
    }
    return {
        "scores": {name: cases.without_table(one) for name, one in scores.items()},
        "diffuse": cases.diffuse_rms(fitted, truth, true_diffuse),
        "slope": bool(cases.slope_pull(spectrum, image.shape[2]) < 2),
        "missed": cases.missed_bright(number, fitted.catalogue_, truth),
    }


def _line_trials(run: Run, amplitude: float, trials: int) -> tuple[dict[str, Any], Any]:
    """Share of trials with a detection, and the first trial."""
    from ..components import Priors
    from ..decomposer import TensionDecomposer
    from ..simulate import simulate_line

    hits, heights, first = 0, list[float](), None
    for trial in range(trials):
        field = simulate_line(amplitude, rng=[run.seed, trial, int(amplitude)])
        fitted = TensionDecomposer(
            threshold="fdr",
            max_loops=1,
            method="mgvi",
            priors=Priors(fluctuations=(0.4, 0.2)),
            fit_extended=False,
        ).fit(field.image)
        first = first or (field, fitted)
        seen = fitted.catalogue_
        heights.append(seen["significance"].max() if len(seen) else 0.0)
        hits += bool(
            (np.abs(seen["x"] - field.truth["x_pix"][0]) < 3).any() if amplitude else len(seen)
        )
    row = {
        "amplitude": amplitude,
        "trials": trials,
        "detected": hits / trials,
        "median significance": float(np.median(heights)),
    }
    return row, first


def _tour_image(run: Run) -> tuple[Any, Provenance]:
    from ..presets import load_chandra_m82, load_fermi_gc
    from ..simulate import simulate_field

    if run.has("fermi-gc") and run.has("fermi-gc-catalogue"):
        run.load("fermi-gc")
        image, _ = load_fermi_gc(cutout=(slice(64, 136), slice(56, 140)))
        return image, REAL
    try:
        image = load_chandra_m82()
        run.used("Chandra M82, events out of the wheel stingray 2.3.2", provenance=REAL, n=4612)
        return image, REAL
    except DataNotAvailable:
        run.used("simulated field of 64 px", provenance=SIMULATED, n=1)
        return simulate_field(64, n_points=8, n_extended=1, rng=run.seed).image, SIMULATED
