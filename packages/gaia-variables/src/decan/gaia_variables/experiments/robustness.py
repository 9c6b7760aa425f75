"""What must not depend on the observer: time origin, periods, noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import MIXED, REAL, SIMULATED, Claim, Run, experiment
from decan.core.metrics import bootstrap

from ..cleaning import LightCurveCleaner
from ..folding import LightCurveFolder
from ..parity import load_weights
from ..periods import PeriodFinder, scanning_law_alias
from ..pipeline import VariablesPipeline
from ..shipped import split_halves
from ..simulate import simulate_stars
from ..vae import FoldedVAE
from . import figures, samples

__all__ = ["periods", "time_origin", "uncertainty"]


_SHIFTS = (0.37, 12.3, 100.2)


@experiment(
    title="A shift of the time origin",
    claims=[
        Claim("median largest shift, default", goal=0.02, better="lower", headline=True),
        Claim("median largest shift, published alignment"),
    ],
    data=["lightcurves", "lightcurve-sources", "weights-fold"],
)
def time_origin(run: Run) -> None:
    """Adds 0.37, 12.3 and 100.2 days to all times and looks how far folded latents move.

    The published alignment subtracts a phase of a fixed grid and leaves phases unwrapped
    (shifts of 0.31 to 0.36 were found for the published weights); ours moves with the data.
    """
    import pandas as pd

    stars = samples.five_classes(run, most=100 if run.preset == "quick" else 600)
    model = VariablesPipeline.pretrained().fold
    cases: dict[str, tuple[Any, str | None]] = {"default": (model, None)}
    if run.has("weights-fold"):
        published = FoldedVAE(compat="huijse2025")
        published.network_ = load_weights("fold", run.library.datasets().fetch("weights-fold"))
        cases["published alignment"] = (published, "huijse2025")
    moved, rows = {}, []
    for name, (vae, compat) in cases.items():
        folder, f = LightCurveFolder(compat=compat), stars.portraits.frequency
        before = vae.transform(folder.transform(stars.clean, f))
        spread = np.nanstd(before, axis=0) if compat is None else 1.0
        shifts = []
        for days in _SHIFTS:
            after = vae.transform(folder.transform(stars.clean.shifted(days), f))
            shifts.append(np.abs(after - before) / spread)
            largest = shifts[-1].max(axis=1)
            found = {
                "median of a latent": np.nanmedian(shifts[-1]),
                "median of the largest": np.nanmedian(largest),
                "90 % of the largest": np.nanquantile(largest, 0.9),
            }
            short = {key: float(f"{value:.2g}") for key, value in found.items()}
            rows.append({"alignment": name, "shift (d)": days, **short})
        moved[name] = np.max(np.stack(shifts), axis=2)
        size = bootstrap(np.nanmedian, np.nanmedian(moved[name], axis=0), rng=run.seed)
        run.record(
            f"median largest shift, {name}",
            size,
            provenance=stars.provenance,
            unit="σ of the latent" if compat is None else "",
        )
    run.table("shifts", pd.DataFrame(rows), caption="How far folded latents move, in each case.")
    run.figure(
        "shift",
        figures.draw_shifts(moved),
        caption="Largest shift of a folded latent of each star: the default moves with the data.",
    )


@experiment(
    title="Periods",
    claims=[
        Claim("recovered within 1/T, simulated RR and DCEP", goal=0.95, provenance=SIMULATED),
        Claim("agreement with published frequencies within 3e-4 per day"),
        Claim("agreement with Gaia's periods of RR Lyrae stars within 1 %"),
    ],
    data=["lightcurves", "lightcurve-sources", "variability"],
)
def periods(run: Run) -> None:
    """Recovery of simulated periods (G 14, 50 epochs), and agreement with published ones."""
    n = 60 if run.preset == "quick" else 600
    stars = simulate_stars(
        n, classes=["RRab", "RRc", "DCEP"], mean_mag=(14, 14.01), n_epochs=50, rng=run.seed
    )
    clean = LightCurveCleaner().transform(stars.curves)
    found = PeriodFinder().transform(clean).best
    hit = np.abs(found - stars.truth["frequency"]) < 1 / samples.baseline(clean)
    run.used("simulated RR Lyrae stars and Cepheids", provenance=SIMULATED, n=n)
    run.record(
        "recovered within 1/T, simulated RR and DCEP",
        bootstrap(np.mean, hit, rng=run.seed),
        provenance=SIMULATED,
    )
    run.figure(
        "recovery",
        figures.draw_periods(stars.truth["frequency"].to_numpy(), found, hit),
        caption="Frequencies found against true: what is missed are aliases.",
    )
    if run.preset == "quick" or not run.has("lightcurves"):
        return
    _real_periods(run)


def _real_periods(run: Run) -> None:
    """Agreement of the real stars' frequencies with published ones and with Gaia's own."""
    real = samples.real_stars(run)
    theirs = real.table["authors_frequency"].to_numpy()
    both = np.isfinite(theirs)
    close = np.abs(real.frequency - theirs)[both] < 3e-4
    run.record(
        "agreement with published frequencies within 3e-4 per day",
        bootstrap(np.mean, close, rng=run.seed),
        provenance=REAL,
    )
    gaia = run.load("variability").drop_duplicates("source_id").set_index("source_id")["period"]
    period = gaia.reindex(real.curves.source_id).to_numpy()
    rr = np.isfinite(period) & (real.label == "RR")
    if rr.any():
        same = np.abs(real.frequency[rr] * period[rr] - 1) < 0.01
        run.record(
            "agreement with Gaia's periods of RR Lyrae stars within 1 %",
            bootstrap(np.mean, same, rng=run.seed),
            provenance=REAL,
        )
    run.table(
        "gaia",
        samples.agreement(real.frequency * period, real.label),
        caption="Our frequency times Gaia's own period: once, twice or half, within 1 %.",
    )
    alias = scanning_law_alias(real.frequency)
    run.note(
        f"{alias.mean():.1%} of the real stars have their best frequency at an alias of the "
        "scanning law."
    )
    run.figure(
        "aliases",
        figures.draw_aliases(theirs, real.frequency, alias),
        caption="Our frequencies against the published ones, and the lines of the scanning law.",
    )


@experiment(
    title="How sure a portrait is",
    claims=[
        Claim("coverage of the 68 % interval, Δm|Δt", goal=(0.60, 0.76)),
        Claim("coverage of the 95 % interval, Δm|Δt"),
        Claim("coverage of the 68 % interval, folded", goal=(0.60, 0.76)),
        Claim("coverage of the 95 % interval, folded"),
        Claim("coverage of the 68 % interval, XP", goal=(0.60, 0.76), provenance=SIMULATED),
        Claim("coverage of the 95 % interval, XP", provenance=SIMULATED),
        Claim("coverage of the 68 % interval, real XP and its covariance", provenance=MIXED),
        Claim("coverage of the 95 % interval, real XP and its covariance", provenance=MIXED),
    ],
    data=["lightcurves", "lightcurve-sources", "xp-format", "xp-datalink"],
)
def uncertainty(run: Run) -> None:
    """Splits each held-out curve into two halves and asks how often their latents agree.

    The difference of two halves should lie within its σ for 68 % of the latents, and within
    1.96 σ for 95 %. Spectra cannot be split: simulated ones get two draws of noise, real
    ones two draws from the published covariance of their coefficients.
    """
    stars = samples.five_classes(run, most=120 if run.preset == "quick" else 600)
    pipeline = VariablesPipeline.pretrained()
    first, second = split_halves(stars.clean)
    f = stars.portraits.frequency
    folds = (pipeline.folder.transform(half, f) for half in (first, second))
    histograms = (pipeline.binner.transform(half) for half in (first, second))
    pulls = {
        "Δm|Δt": (samples.pull(pipeline.dmdt, *histograms), stars.provenance),
        "folded": (samples.pull(pipeline.fold, *folds), stars.provenance),
        "XP": (samples.simulated_pull(pipeline.xp, run.rng), SIMULATED),
    }
    if run.preset != "quick" and (found := samples.real_spectra(run)) is not None:
        values = samples.spectrum_pull(pipeline.xp, found[0], run.rng)
        pulls["real XP and its covariance"] = (values, MIXED)
    for name, (values, provenance) in pulls.items():
        for percent, reach in ((68, 1.0), (95, 1.96)):
            inside = np.where(np.isfinite(values), np.abs(values) < reach, np.nan)
            run.record(
                f"coverage of the {percent} % interval, {name}",
                bootstrap(np.nanmean, inside, rng=run.seed),
                provenance=provenance,
            )
    run.figure(
        "coverage",
        figures.draw_coverage({name: values for name, (values, _) in pulls.items()}),
        caption="Coverage of two observations' differences; on the dashed line σ is right.",
    )
