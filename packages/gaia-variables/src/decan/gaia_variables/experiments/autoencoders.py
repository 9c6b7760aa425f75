"""The autoencoders beside the published ones, and their size."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment
from decan.core.metrics import bootstrap

from ..archive import held_out
from ..cleaning import LightCurveCleaner
from ..dmdt import DmDtBinner
from ..folding import LightCurveFolder
from ..parity import load_weights
from ..pipeline import VariablesPipeline
from ..simulate import simulate_stars
from ..vae import XPVAE, DmDtVAE
from ..xp import XPPreprocessor, XPSpectra, xp_error
from . import figures, samples, scores

__all__ = ["latent_size", "light_curves", "spectra"]

_BASELINE = "published encoders on 482 other stars"
_FIVE = "five classes of Gaia DR3, stars that were held out"


@experiment(
    title="XP spectra through five numbers",
    claims=[
        Claim("XP parity, largest difference", goal=1e-5, better="lower"),
        Claim("median residual of peak, five latents", goal=0.10, better="lower", headline=True),
        Claim("median residual of peak, published encoder"),
        Claim("median residual of peak, five principal components"),
        Claim("AUC binary or single, five latents"),
    ],
    data=["xp-hot-subdwarfs", "weights-xp", "latents"],
)
def spectra(run: Run) -> None:
    """Parity with the published encoder, and how well held-out spectra are rebuilt.

    Without the data folder, the shipped encoder on simulated spectra.
    """
    vae = VariablesPipeline.pretrained().xp
    if not all(run.has(name) for name in ("xp-hot-subdwarfs", "weights-xp", "latents")):
        xp = simulate_stars(400, rng=run.seed).xp
        run.used("simulated spectra", provenance=SIMULATED, n=len(xp))
        run.record(
            "median residual of peak, five latents",
            scores.residual(vae, xp, run.seed),
            provenance=SIMULATED,
            unit="%",
        )
        return
    table = run.load("xp-hot-subdwarfs")
    xp = XPPreprocessor().transform(table.filter(regex="^[br]p_").to_numpy(float))
    authors = XPVAE()
    authors.network_ = load_weights("xp", run.library.datasets().fetch("weights-xp"))
    published = run.load("latents").set_index("source_id")
    common = table["source_id"].isin(published.index).to_numpy()
    theirs = published.loc[table["source_id"][common], [f"xp_{k}" for k in range(5)]].to_numpy()
    worst = float(np.abs(authors.transform(xp[common]) - theirs).max())
    run.record("XP parity, largest difference", worst, provenance=REAL, n=int(common.sum()))
    kept = held_out(table["source_id"].to_numpy())
    run.record(
        "median residual of peak, five latents",
        scores.residual(vae, xp[kept], run.seed),
        provenance=REAL,
        unit="%",
    )
    run.record(
        "median residual of peak, published encoder",
        scores.residual(authors, xp[kept], run.seed),
        provenance=REAL,
        unit="%",
        note="trained on four million sources; these may be among them",
    )
    pca = scores.principal_components(xp[~kept].flux, xp[kept].flux)
    run.record(
        "median residual of peak, five principal components",
        bootstrap(np.median, 100 * pca.ravel(), n_boot=20, rng=run.seed),
        provenance=REAL,
        unit="%",
    )
    error = xp_error(xp.scale[kept])[:, None]
    noise = 100 * np.median(np.abs(error * run.rng.normal(size=(len(error), 100))))
    run.note(
        "These spectra came without errors. Noise that is typical of their brightness (measured "
        f"on five other sources) has a median of {noise:.3f} % of the peak."
    )
    _binaries(run, {"five latents": vae, "five published latents": authors}, xp, table)
    run.figure(
        "spectra",
        figures.draw_spectra(vae, xp[kept]),
        caption="Six held-out hot subdwarfs (lines) and their five latents decoded (dots).",
    )


def _binaries(run: Run, models: dict[str, XPVAE], xp: XPSpectra, table: Any) -> None:
    """Binary or single hot subdwarfs, told by a linear classifier from different numbers."""
    import pandas as pd

    binary = table["is_binary"].to_numpy()
    inputs = {name: model.transform(xp) for name, model in models.items()}
    inputs |= {"five principal components": scores.components(xp.flux), "100 samples": xp.flux}
    found = {name: scores.binary_auc(z, binary, rng=run.seed) for name, z in inputs.items()}
    run.record("AUC binary or single, five latents", found["five latents"], provenance=REAL)
    run.table(
        "binaries",
        pd.DataFrame({"input": list(found), "AUC": [str(one) for one in found.values()]}),
        caption="Binary or single from different numbers: area under the curve, 5-fold.",
    )


@experiment(
    title="Light curves through five and five numbers",
    claims=[
        Claim("Δm|Δt parity, share within 1e-3", goal=1.0),
        Claim("folded parity, share within 0.01", goal=0.99),
        Claim(
            "balanced accuracy, own latents with log f and log std",
            0.9925,
            source=_BASELINE,
            goal=0.985,
            headline=True,
        ),
        Claim("balanced accuracy, own Δm|Δt latents", 0.912, source=_BASELINE, goal=0.88),
        Claim("balanced accuracy, published latents with log f and log std"),
        Claim("balanced accuracy, published Δm|Δt latents"),
        Claim("NLL of a valid Δm|Δt cell, own", goal=-2.06, better="lower"),
        Claim("NLL of a valid Δm|Δt cell, published"),
    ],
    data=["lightcurves", "lightcurve-sources", "latents", "weights-dmdt", "weights-fold"],
    presets=("standard", "paper"),
)
def light_curves(run: Run) -> None:
    """The shipped encoders on held-out real stars, next to the published encoders.

    A linear classifier is fitted on the stars the encoders were trained on and judged on
    those that neither has seen. The published encoders saw four million sources.
    """
    stars = samples.real_stars(run)
    test = held_out(stars.curves.source_id)
    pipeline, authors = VariablesPipeline.pretrained(), samples.published_encoders(run)
    histograms, folded = (
        DmDtBinner().transform(stars.clean),
        LightCurveFolder().transform(stars.clean, stars.frequency),
    )
    samples.record_parity(run, stars, authors)
    extra = stars.extra
    old = LightCurveFolder(compat="huijse2025").transform(stars.clean, stars.frequency)
    for who, fold_z, dmdt_z in (
        ("own", pipeline.fold.transform(folded), pipeline.dmdt.transform(histograms)),
        ("published", authors["fold"].transform(old), authors["dmdt"].transform(histograms)),
    ):
        both = np.hstack([fold_z, dmdt_z, extra])
        for what, x in (
            (f"{who} latents with log f and log std", both),
            (f"{who} Δm|Δt latents", dmdt_z),
        ):
            guess = scores.linear(x[~test], stars.label[~test], x[test])
            run.record(
                f"balanced accuracy, {what}",
                scores.balanced(stars.label[test], guess, rng=run.seed),
                provenance=REAL,
                note=_FIVE,
            )
    for who, model in (("own", pipeline.dmdt), ("published", authors["dmdt"])):
        nll = model.score_samples(histograms[test])
        run.record(
            f"NLL of a valid Δm|Δt cell, {who}",
            bootstrap(np.nanmean, nll, rng=run.seed),
            provenance=REAL,
        )
    run.figure(
        "folded",
        figures.draw_folded(stars, folded, pipeline.fold, test),
        caption="A held-out star of each class and its reconstruction.",
    )


@experiment(
    title="How many latents, how much regularisation",
    claims=[Claim("active units of five, β = 1e-4", provenance=SIMULATED)],
)
def latent_size(run: Run) -> None:
    """Δm|Δt autoencoders with 2 to 10 latents and several β, trained on simulated stars."""
    import pandas as pd

    n, epochs = (1200, 6) if run.preset == "quick" else (6000, 25)
    classes = ["RRab", "DCEP", "DSCT", "EA", "EW", "SR", "Mira", "ROT", "AGN"]
    stars = simulate_stars(n, classes=classes, rng=run.seed)
    histograms = DmDtBinner().transform(LightCurveCleaner().transform(stars.curves))
    label = stars.truth["class_name"].to_numpy(str)
    test = np.arange(n) % 5 == 0
    rows = []
    cases = [(k, 1e-4) for k in ((2, 5) if run.preset == "quick" else (2, 3, 5, 7, 10))]
    cases += [(5, beta) for beta in ((1e-2,) if run.preset == "quick" else (1e-5, 1e-3, 1e-2, 1.0))]
    for k, beta in cases:
        vae = DmDtVAE(
            k, beta=beta, epochs=epochs, batch_size=256, learning_rate=2e-3, random_state=run.seed
        )
        vae.fit(histograms[~test], progress=False)
        z = vae.transform(histograms)
        guess = scores.linear(z[~test], label[~test], z[test])
        rows.append(
            {
                "latents": k,
                "β": f"{beta:.0e}",
                "NLL of a cell": round(vae.score(histograms[test]), 4),
                "balanced accuracy": round(float(scores.balanced(label[test], guess)), 3),
                "active units": int(vae.active_units(histograms[test]).sum()),
            }
        )
    run.used("simulated stars", provenance=SIMULATED, n=n)
    run.table(
        "latents",
        pd.DataFrame(rows),
        caption="Held-out simulated stars: reconstruction, nine-class accuracy, active units.",
    )
    run.record(
        "active units of five, β = 1e-4",
        next(r["active units"] for r in rows if (r["latents"], r["β"]) == (5, "1e-04")),
        provenance=SIMULATED,
        n=int(test.sum()),
    )
