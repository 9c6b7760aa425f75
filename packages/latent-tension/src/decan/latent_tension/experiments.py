"""The paper's experiments and ours, with what is aimed at."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Claim, Provenance, Run, experiment

from . import _studies as studies

_NO_NUMBER = "Guardiani et al. 2025 give no number that could be read"


def _sim(metric: str, goal: Any, better: str = "higher", **more: Any) -> Claim:
    return Claim(metric, source=_NO_NUMBER, goal=goal, better=better, provenance=SIMULATED, **more)


def _real(metric: str, goal: Any, better: str = "higher", **more: Any) -> Claim:
    return Claim(metric, source="goal of this library", goal=goal, better=better, **more)


@experiment(title="A sky decomposed", data=["fermi-gc", "fermi-gc-catalogue"], tour=True)
def tour(run: Run) -> None:
    """The main job once: Fermi-LAT above 10 GeV around the Galactic centre, without a source list.

    Without the data folder the Chandra events of M82 of a published wheel are taken, and
    without the Python index a simulated field.
    """
    from .decomposer import TensionDecomposer
    from .plots import plot_decomposition

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
        _sim("detected, amplitude 10 and more", 0.99),
        _sim("false alarms without a line (p = 0.05)", (0.0, 0.1)),
    ],
)
def line(run: Run) -> None:
    """The paper's one-dimensional toy with Poisson noise, and where a line becomes tension.

    Trials of a line of 3 to 30 times the local noise on a correlated background; the
    threshold is the height that repeated experiments under the fitted background exceed in
    5 % of the cases.
    """
    import pandas as pd

    from .components import Priors
    from .decomposer import TensionDecomposer
    from .simulate import simulate_line

    trials = {"quick": 3, "standard": 20, "paper": 50}[run.preset]
    amplitudes = (0.0, 3.0, 5.0, 10.0, 20.0, 30.0)
    priors = Priors(fluctuations=(0.4, 0.2))
    rows, example = [], None
    for amplitude in amplitudes:
        hits, heights = 0, list[float]()
        for trial in range(trials if amplitude else 2 * trials):
            field = simulate_line(amplitude, rng=[run.seed, trial, int(amplitude)])
            fitted = TensionDecomposer(
                threshold="fdr", max_loops=1, method="mgvi", priors=priors, fit_extended=False
            ).fit(field.image)
            seen = fitted.catalogue_
            best = max((c["significance"] for c in fitted.tension_maps_[0].candidates), default=0)
            heights.append(best)
            if amplitude:
                hits += bool((np.abs(seen["x"] - field.truth["x_pix"][0]) < 3).any())
                example = (field, fitted) if amplitude == 10.0 and example is None else example
            else:
                hits += len(fitted.tension_maps_[0].candidates) > 0 and best > (
                    fitted.tension_maps_[0].threshold(0.05)
                )
        n = trials if amplitude else 2 * trials
        rows.append(
            {
                "amplitude": amplitude,
                "trials": n,
                "detected": hits / n,
                "median significance": float(np.median(heights)),
            }
        )
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
            studies.line_figure(*example),
            caption="Counts, the fit before and after the "
            "line was added, and the tension before: it peaks at the line.",
        )


@experiment(
    title="Simulated three-band fields",
    claims=[
        _sim("completeness 100-300 counts", 0.97, headline=True),
        _sim("completeness above 300 counts", 1.0),
        _sim("completeness 30-100 counts", 0.70, headline=True),
        _sim("completeness 12-30 counts", 0.08),
        _sim("false points a field", 0.5, "lower", headline=True),
        _sim("spurious points on extended objects a field", 0.6, "lower"),
        _sim("median offset above 100 counts", 0.15, "lower"),
        _sim("offsets inside the quoted 68 % radius", (0.60, 0.76)),
        _sim("flux ratio above 100 counts", (0.97, 1.03)),
        _sim("flux ratio 30-100 counts", (0.9, 1.1)),
        _sim("rms of ln(mean/true) diffuse, sources masked", 0.35, "lower"),
        _sim("power-spectrum slope within 2 sigma of truth", 0.9),
    ],
    data=["simulated", "simulated-truth"],
)
def fields(run: Run) -> None:
    """Completeness, false points, offsets and fluxes beside the usual detectors.

    The twelve given fields of 128 pixels (thirty points and two extended objects each, none
    drawn from the model's prior), or fields of the same recipe where they are not at hand.
    """
    import pandas as pd

    from .baselines import matched_filter
    from .catalogue import score_catalogue
    from .decomposer import TensionDecomposer
    from .plots import plot_decomposition, plot_residuals, plot_spectrum

    cases = studies.field_cases(run)
    scores, diffuse, slopes = [], [], []
    other: dict[str, list[Any]] = {"matched filter": []}
    for number, (image, truth, true_diffuse) in enumerate(cases):
        fitted = TensionDecomposer(random_state=run.seed).fit(image)
        scores.append(score_catalogue(fitted.catalogue_, truth))
        other["matched filter"].append(score_catalogue(matched_filter(image), truth))
        studies.other_detectors(image, truth, other)
        diffuse.append(studies.diffuse_rms(fitted, truth, true_diffuse))
        mean, spread = fitted.power_spectrum().attrs["slope"]
        slopes.append(abs(mean + 4.0) < 2 * np.hypot(spread, 0.1))
        if number == 0:
            run.figure(
                "decomposition",
                plot_decomposition(fitted, truth=truth),
                caption="The first field: crosses are true sources, circles those found.",
            )
            residual = fitted.noise_weighted_residuals()[0]
            run.figure(
                "residuals",
                plot_residuals(residual),
                caption="Residuals in units of the noise; few counts a pixel skew them.",
            )
            run.figure(
                "spectrum",
                plot_spectrum(fitted.power_spectrum()),
                caption="Power spectrum of the log of the diffuse emission, 68 % band.",
            )
    studies.record_scores(run, scores)
    run.record(
        "rms of ln(mean/true) diffuse, sources masked",
        float(np.mean(diffuse)),
        provenance=SIMULATED,
        n=len(diffuse),
    )
    run.record(
        "power-spectrum slope within 2 sigma of truth",
        float(np.mean(slopes)),
        provenance=SIMULATED,
        n=len(slopes),
    )
    rows = [studies.summary("latent tension", scores)]
    rows += [
        studies.summary(name, many) for name, many in other.items() if len(many) == len(scores)
    ]
    run.table(
        "detectors",
        pd.DataFrame(rows),
        caption="Completeness by true counts, false points "
        "and spurious points on extended objects a field, median offset and flux ratio "
        "above 100 counts.",
    )


@experiment(
    title="Is the null right?",
    claims=[
        _sim("false alarms on source-free fields at p = 0.05", (0.02, 0.08)),
        _sim("false alarms of the robust score above 5", None),
    ],
)
def null(run: Run) -> None:
    """How often each threshold calls for a source on fields that have none.

    The robust score of the mean excitation is no significance: its null has heavy tails. The
    threshold from repeated experiments is calibrated.
    """
    from .decomposer import TensionDecomposer
    from .simulate import simulate_field

    n = {"quick": 4, "standard": 100, "paper": 400}[run.preset]
    size = 48 if run.preset == "quick" else 64
    p_values, robust, pulls = [], [], []
    for k in range(n):
        field = simulate_field(size, n_points=0, n_extended=0, rng=[run.seed, 7, k])
        fitted = TensionDecomposer(fit_extended=False).first_pass(field.image)
        maps = fitted.tension_maps_[0]
        best = max((c["significance"] for c in maps.candidates), default=0.0)
        p_values.append(maps.p_value(best))
        robust.append(float(maps.score["spatial"].max()))
        scatter = np.sqrt(np.maximum(1 - maps.variance["spatial"].mean(), 1e-3))
        pulls.append(maps.mean["spatial"].ravel() / scatter)
    alarms = np.array(p_values) < 0.05
    run.record(
        "false alarms on source-free fields at p = 0.05", alarms.mean(), provenance=SIMULATED, n=n
    )
    run.record(
        "false alarms of the robust score above 5",
        float(np.mean(np.array(robust) > 5)),
        provenance=SIMULATED,
        n=n,
    )
    run.figure(
        "p-values",
        studies.p_value_figure(p_values),
        caption="Distribution function of the "
        "global p-values of source-free fields: on the diagonal if calibrated.",
    )
    from .plots import plot_residuals

    run.figure(
        "excitations",
        plot_residuals(np.concatenate(pulls)),
        caption="Mean excitations "
        "over the root of one minus their posterior variance: standard normal in a "
        "right model.",
    )
    studies.why_map_fails(run)


@experiment(
    title="Are the intervals right?",
    claims=[
        _sim("coverage of the 68 % interval of ln I", (0.60, 0.76), headline=True),
        _sim("rms of ln(mean/true), one band", None),
    ],
)
def calibration(run: Run) -> None:
    """Skies drawn from the prior, cut out of a larger sky, and how often intervals hold them."""
    from .components import Priors
    from .decomposer import TensionDecomposer
    from .diagnostics import uncertainty_weighted_residuals
    from .plots import plot_residuals
    from .simulate import simulate_prior_field

    n = {"quick": 2, "standard": 20, "paper": 100}[run.preset]
    size = 48 if run.preset == "quick" else 64
    inside, pulls, errors = [], [], []
    for k in range(n):
        field = simulate_prior_field(size, rng=[run.seed, 11, k])
        fitted = TensionDecomposer(
            max_loops=0, fit_extended=False, n_final=16, priors=Priors(slope=(-4.0, 0.3))
        ).fit(field.image)
        samples = fitted.samples("diffuse")
        low, high = np.percentile(samples, [15.87, 84.13], axis=0)
        inside.append(float(((field.diffuse > low) & (field.diffuse < high)).mean()))
        pulls.append(uncertainty_weighted_residuals(samples, field.diffuse).ravel())
        errors.append(float(np.sqrt(np.mean(np.log(samples.mean(0) / field.diffuse) ** 2))))
    run.record(
        "coverage of the 68 % interval of ln I",
        float(np.mean(inside)),
        provenance=SIMULATED,
        n=n,
        note=f"scatter of fields {np.std(inside):.2f}",
    )
    run.record("rms of ln(mean/true), one band", float(np.mean(errors)), provenance=SIMULATED, n=n)
    run.figure(
        "pulls",
        plot_residuals(np.concatenate(pulls)),
        caption="Errors of ln I in units "
        "of the quoted standard deviation, beside a standard normal.",
    )


@experiment(
    title="Galactic centre above 10 GeV",
    claims=[
        _real("3FHL points found, with template", 12, headline=True),
        _real("unassociated points, with template", 2, "lower"),
        _real("3FHL points found, without template", 9),
    ],
    data=["fermi-gc", "fermi-gc-catalogue"],
    presets=("standard", "paper"),
)
def galactic_centre(run: Run) -> None:
    """Real Fermi-LAT photons, with and without the interstellar model as known background."""
    from .decomposer import TensionDecomposer
    from .plots import plot_decomposition

    offsets = []
    for template in (True, False):
        image, known = studies.fermi(run, template)
        # The threshold comes from the fit's own null: 5 % of skies without sources exceed it.
        fitted = TensionDecomposer(
            threshold="fdr", random_state=run.seed, priors=studies.FERMI_PRIORS
        ).fit(image)
        found, extra, on_extended, pulls = studies.associated(fitted.catalogue_, known)
        word = "with template" if template else "without template"
        run.record(f"3FHL points found, {word}", found, provenance=REAL, n=14)
        run.record(
            f"unassociated points, {word}",
            extra,
            provenance=REAL,
            n=int((fitted.catalogue_["kind"] == "point").sum()),
            note=f"{on_extended} more on the catalogued disk",
        )
        run.figure(
            f"sky-{word.split()[0]}",
            plot_decomposition(fitted),
            caption=f"Galactic centre {word}: longitude runs from right to left.",
        )
        run.table(
            f"catalogue-{word.split()[0]}",
            fitted.catalogue_,
            caption=f"Sources {word}; lon and lat are galactic.",
        )
        offsets += pulls
    run.record(
        "median offset in units of r95", float(np.median(offsets)), provenance=REAL, n=len(offsets)
    )


@experiment(
    title="Two classes of photons, one sky",
    claims=[
        _real("position error, both over the better alone", 1.0, "lower"),
        _real("summed significance, both over the better alone", 1.0),
    ],
    data=["fermi-psf-classes"],
    presets=("standard", "paper"),
)
def psf_classes(run: Run) -> None:
    """Fermi-LAT event types PSF2 and PSF3 fitted together and alone, each with its own PSF."""
    import pandas as pd

    from .decomposer import TensionDecomposer
    from .presets import load_fermi_classes

    run.load("fermi-psf-classes")
    images = load_fermi_classes(cutout=slice(16, 64))
    results = {}
    for name, chosen in (("both", images), ("PSF2", images[:1]), ("PSF3", images[1:])):
        fitted = TensionDecomposer(random_state=run.seed, priors=studies.FERMI_PRIORS).fit(chosen)
        results[name] = fitted.catalogue_[fitted.catalogue_["kind"] == "point"]
    rows = [
        {
            "data": name,
            "points": len(t),
            "brightest pos_err (px)": t["pos_err"].iloc[0],
            "significance of the brightest": t["significance"].iloc[0],
            "summed ts": t["ts"].sum(),
        }
        for name, t in results.items()
        if len(t)
    ]
    table = pd.DataFrame(rows)
    run.table("classes", table, caption="The same sky in each class and in both together.")
    both, alone = table[table["data"] == "both"], table[table["data"] != "both"]
    run.record(
        "position error, both over the better alone",
        float(both["brightest pos_err (px)"].iloc[0] / alone["brightest pos_err (px)"].min()),
        provenance=REAL,
        n=1,
    )
    run.record(
        "summed significance, both over the better alone",
        float(np.sqrt(both["summed ts"].iloc[0] / alone["summed ts"].max())),
        provenance=REAL,
        n=int(both["points"].iloc[0]),
    )


@experiment(
    title="Sagittarius A* at two epochs",
    claims=[_real("Sgr A* epochs apart", 0.25, "lower")],
    data=["chandra-sgra"],
    presets=("standard", "paper"),
)
def sgra(run: Run) -> None:
    """Chandra, ObsIDs 4683 and 4684, each alone and jointly with their frames' shift."""
    from .decomposer import TensionDecomposer
    from .plots import plot_decomposition
    from .presets import load_chandra_sgra

    run.load("chandra-sgra")
    images = load_chandra_sgra(size=96)
    places = []
    for image in images:
        fitted = TensionDecomposer(random_state=run.seed).fit(image)
        places.append(studies.nearest(fitted.catalogue_, 266.41684, -29.00781))
    joint = TensionDecomposer(random_state=run.seed).fit(images)
    run.figure(
        "joint",
        plot_decomposition(joint),
        caption="Both epochs jointly, one band: Sgr A* "
        "is the bright source right of the middle of the extended emission.",
    )
    run.record(
        "points found jointly",
        int((joint.catalogue_["kind"] == "point").sum()),
        provenance=REAL,
        n=2,
    )
    apart = studies.arcsec_between(*places)
    run.record(
        "Sgr A* epochs apart",
        apart,
        provenance=REAL,
        n=2,
        unit="arcsec",
        note="the absolute astrometry of an ObsID is good to 0.4 arcsec",
    )


@experiment(
    title="One source, two distorted PSFs",
    claims=[
        _real("sources in the joint fit", (1, 1)),
        _real("positions apart in the two ObsIDs", 0.5, "lower"),
    ],
    data=["chandra-offaxis"],
    presets=("standard", "paper"),
)
def offaxis(run: Run) -> None:
    """A faint source far off axis in two Chandra ObsIDs, each with its own distorted PSF."""
    from .decomposer import TensionDecomposer
    from .presets import load_chandra_offaxis

    run.load("chandra-offaxis")
    images = load_chandra_offaxis()
    places = []
    for image in images:
        fitted = TensionDecomposer(random_state=run.seed).fit(image)
        places.append(studies.nearest(fitted.catalogue_, 150.0155, 2.6658))
    joint = TensionDecomposer(random_state=run.seed).fit(images)
    run.record("sources in the joint fit", len(joint.catalogue_), provenance=REAL, n=2)
    run.record(
        "positions apart in the two ObsIDs",
        studies.arcsec_between(*places),
        provenance=REAL,
        n=2,
        unit="arcsec",
    )
    run.table("joint", joint.catalogue_, caption="The joint fit's catalogue.")


@experiment(
    title="Objects that are no points",
    claims=[
        _real("G21.5-0.9: points within 10 px of the centre", 1, "lower"),
        _real("A3158: points within 10 px of the centre", 2, "lower"),
    ],
    data=["chandra-g21", "rosat-a3158"],
    presets=("standard", "paper"),
)
def extended(run: Run) -> None:
    """A plerion and a galaxy cluster: extended emission must not be bought with points."""
    from .decomposer import TensionDecomposer
    from .plots import plot_decomposition
    from .presets import load_g21, load_rosat_a3158

    for dataset in ("chandra-g21", "rosat-a3158"):
        run.load(dataset)
    for name, image in (("G21.5-0.9", load_g21()), ("A3158", load_rosat_a3158())):
        fitted = TensionDecomposer(random_state=run.seed).fit(image)
        y, x = studies.brightest_place(image)
        seen = fitted.catalogue_
        near = np.hypot(seen["x"] - x, seen["y"] - y) < 10
        points = seen["kind"] == "point"
        run.record(
            f"{name}: points within 10 px of the centre",
            int((near & points).sum()),
            provenance=REAL,
            n=1,
        )
        run.record(
            f"{name}: extended objects",
            int((seen["kind"] == "extended").sum()),
            provenance=REAL,
            n=1,
        )
        run.record(f"{name}: points elsewhere", int((~near & points).sum()), provenance=REAL, n=1)
        run.figure(
            name.lower().replace(".", "-"),
            plot_decomposition(fitted),
            caption=f"{name}: counts, sky, components and tension.",
        )


@experiment(title="The paper's own field", presets=("paper",))
def lmc_sn1987a(run: Run) -> None:
    """EROSITA early data of SN 1987A in the LMC with the authors' configuration.

    Needs the event list ``pm00_700161_020_EventList_c001.fits`` and the PSF of the
    calibration database in ``$DECAN_DATA/latent-tension/``.
    """
    import os
    from pathlib import Path

    from .decomposer import TensionDecomposer
    from .plots import plot_decomposition
    from .presets import lmc_image

    folder = Path(os.environ.get("DECAN_DATA", "")) / "latent-tension"
    events = folder / "pm00_700161_020_EventList_c001.fits"
    psf = folder / "tm1_2dpsf_190219v05.fits"
    for path in (events, psf):
        if not path.is_file():
            raise DataNotAvailable(
                f"{path.name} is not in $DECAN_DATA/latent-tension/; the early data release is at "
                "https://erosita.mpe.mpg.de/edr/"
            )
    image, priors = lmc_image(events, psf)
    run.used("eROSITA EDR, SN 1987A", provenance=REAL, n=1)
    fitted = TensionDecomposer(priors=priors, random_state=run.seed).fit(image)
    run.record(
        "point sources found",
        int((fitted.catalogue_["kind"] == "point").sum()),
        provenance=REAL,
        n=1,
    )
    run.figure("lmc", plot_decomposition(fitted), caption="SN 1987A and its surroundings.")


def _tour_image(run: Run) -> tuple[Any, Provenance]:
    from .presets import load_chandra_m82, load_fermi_gc
    from .simulate import simulate_field

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
