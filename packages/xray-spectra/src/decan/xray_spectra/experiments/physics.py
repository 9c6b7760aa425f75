"""Experiments on what latents mean: physical quantities, formulas, errors, odd spectra."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from ..anomalies import find_anomalies
from ..batch import BinnedSpectra
from ..classify import LatentRegressor
from ..simulate import simulate_spectra
from .common import models, reference, responses_of

__all__: list[str] = []

_QUANTITIES = ("log_nh", "gamma", "kT_keV", "hard_ms", "hard_hm", "hard_hs")


@experiment(title="Physics in the latents")
def physics(run: Run) -> None:
    """What each latent follows: correlations with properties, regressions, spectra along latents.

    Properties of the simulated test rows; column density in cm⁻², index of the power law where
    there is one, temperature in keV (its logarithm) where there is one.
    """
    import pandas as pd

    from decan.core.metrics import r2

    data = reference(run)
    model = models(run, seeds=1)[0]
    latents = model.encode(data.batch)
    table = data.table.copy()
    table["kT_keV"] = np.log10(table["kT_keV"])
    regressor = LatentRegressor(_QUANTITIES, random_state=run.seed)
    regressor.fit(latents.take(data.train), table.iloc[data.train])
    found = regressor.predict(latents.take(data.test))
    rows = []
    for name in _QUANTITIES:
        truth = table[name].to_numpy(dtype=float)[data.test]
        good = np.isfinite(truth) & np.isfinite(found[name])
        inside = np.abs(found[name] - truth) < found[f"{name}_sigma"]
        score = r2(truth[good], found[name].to_numpy()[good], n_boot=100, rng=run.seed)
        rows.append({"quantity": name, "R2": score.value, "rows": int(good.sum()),
                     "within 1 sigma": float(inside[good].mean())})  # fmt: skip
        if name in ("gamma", "kT_keV"):
            run.record(f"R2 of {'log kT' if name == 'kT_keV' else 'photon index'}", score,
                       provenance=SIMULATED)  # fmt: skip
    run.table("regressions", pd.DataFrame(rows).round(4), caption="Forests on eight latents.")
    run.figure(
        "correlations", _correlations(latents.values, table),
        caption="Rank correlation of each latent with each property, all rows.",
    )  # fmt: skip
    run.figure(
        "traversals", _traversals(model),
        caption="Photon spectra along each latent from -2 (dark) to 2 (bright), the others at "
        "their mean: what a latent changes in the source.",
    )  # fmt: skip


@experiment(title="Latents as formulas of band fluxes")
def formulas(run: Run) -> None:
    """Short expressions of the counts in four bands for each latent, with held-out R².

    Terms are logarithms of ratios, hardness ratios, fractions and their products; at most three
    are taken. The paper finds its latents to follow non-linear combinations of band fluxes.
    """
    import pandas as pd

    from ..relations import latent_formula

    data = reference(run)
    model = models(run, seeds=1)[0]
    bright = np.flatnonzero(data.batch.total >= 300)
    some = data.batch.take(bright)
    z = model.transform(some)
    shape = model.reconstruct(some)
    from ..grid import CHANNEL_EDGES

    middle = (CHANNEL_EDGES[1:] + CHANNEL_EDGES[:-1]) / 2
    bands = {"s": (0.5, 1.2), "m": (1.2, 2.0), "h1": (2.0, 4.5), "h2": (4.5, 8.0)}
    flux = {
        name: shape[:, (middle >= low) & (middle < high)].sum(axis=1)
        for name, (low, high) in bands.items()
    }
    found = latent_formula(z, flux, max_terms=3, rng=run.seed)
    frame = pd.DataFrame([
        {"latent": k + 1, "formula": one.expression, "held-out R2": one.r2}
        for k, one in enumerate(found)
    ])  # fmt: skip
    run.table("formulas", frame.round(4), caption="s 0.5-1.2, m 1.2-2, h1 2-4.5, h2 4.5-8 keV.")
    run.record("median held-out R2 of formulas", float(np.median([one.r2 for one in found])),
               provenance=SIMULATED, n=len(some))  # fmt: skip


@experiment(
    title="Errors of latents",
    claims=[
        Claim("latents within 1 sigma", goal=(0.63, 0.73), provenance=SIMULATED),
    ],
)
def errors(run: Run) -> None:
    """Whether 1σ errors hold what they say: 200 sources observed 50 times each.

    The truth of a latent is that of the same source with 20,000 noise-free counts.
    """
    import pandas as pd

    from ..simulate import draw_net_counts

    n, redraws = (40, 10) if run.preset == "quick" else (200, 50)
    rng = run.rng
    simulated = simulate_spectra(n, responses=responses_of(run), rng=run.seed + 5)
    held = BinnedSpectra.from_simulated(simulated)
    net = draw_net_counts(n, rng)
    limit = BinnedSpectra(
        (2e4 * simulated.shapes).astype(np.float32), np.zeros_like(held.background), held.matrices,
        held.which, held.names, held.reasons,
    )  # fmt: skip
    inside, pulls = [], []
    for model in models(run):
        truth = model.encode(limit).values
        for _ in range(redraws):
            counts = rng.poisson(net[:, None] * simulated.shapes + held.background)
            one = BinnedSpectra(
                counts.astype(np.float32), held.background, held.matrices, held.which, held.names,
                held.reasons,
            )  # fmt: skip
            latents = model.encode(one)
            pull = (latents.values - truth) / latents.sigma
            inside.append(np.abs(pull) < 1)
            pulls.append(pull)
    each = np.stack(inside)  # (seeds x redraws, sources, latents)
    by_source = each.mean(axis=(0, 2))
    from decan.core.metrics import bootstrap

    run.record(
        "latents within 1 sigma",
        bootstrap(np.mean, by_source, rng=run.seed),
        provenance=SIMULATED,
        note=f"{n} sources x {redraws} redraws x 8 latents",
    )
    faint = net < 150
    frame = pd.DataFrame({
        "latent": range(1, each.shape[2] + 1),
        "within 1 sigma": each.mean(axis=(0, 1)),
        "below 150 counts": each[:, faint].mean(axis=(0, 1)),
        "above 150 counts": each[:, ~faint].mean(axis=(0, 1)),
        "median pull": np.median(np.concatenate(pulls), axis=0),
    })  # fmt: skip
    run.table("coverage", frame.round(3), caption="Share within 1 sigma; 0.683 is expected.")


@experiment(
    title="Lines that should not be there",
    claims=[Claim("planted lines, ROC AUC", goal=0.80, provenance=SIMULATED, headline=True)],
)
def anomalies(run: Run) -> None:
    """One spectrum in twenty has a line of 0.5 keV equivalent width between 1 and 5 keV.

    Spectra of 300 counts and more are scored by what their reconstruction leaves unexplained:
    the best emission line, or the whole deviance, whichever is larger.
    """
    from sklearn.metrics import roc_curve

    from decan.core.metrics import roc_auc
    from decan.core.plotting import new_axes

    n = 400 if run.preset == "quick" else 4000
    net = np.exp(run.rng.uniform(np.log(300), np.log(3000), n))
    simulated = simulate_spectra(
        n, responses=responses_of(run), net_counts=net, line_share=0.05, rng=run.seed + 9
    )
    batch = BinnedSpectra.from_simulated(simulated)
    planted = np.isfinite(simulated.table["line_keV"].to_numpy(dtype=float))
    scores = []
    for model in models(run):
        table = find_anomalies(model, batch)
        scores.append(np.nan_to_num(table["score"].to_numpy(dtype=float)))
    each = [roc_auc(planted, score, n_boot=200, rng=run.seed) for score in scores]
    from decan.core.metrics import Estimate

    value = float(np.mean([e.value for e in each]))
    half = float(np.mean([e.high - e.low for e in each])) / 2
    run.record(
        "planted lines, ROC AUC",
        Estimate(value, value - half, value + half, n=n),
        provenance=SIMULATED,
        note=f"{int(planted.sum())} lines, 300 to 3,000 counts",
    )
    truth = simulated.table["line_keV"].to_numpy(dtype=float)[planted]
    near = np.abs(table["line_keV"].to_numpy(dtype=float)[planted] - truth) < 0.15
    run.record("planted lines placed within 0.15 keV", float(near.mean()), provenance=SIMULATED,
               n=int(planted.sum()))  # fmt: skip
    ax = new_axes(figsize=(4.6, 4.2))
    false, true, _ = roc_curve(planted, scores[0])
    ax.plot(false, true)
    ax.plot([0, 1], [0, 1], ls="--", lw=1, color="grey")
    ax.set(xlabel="share of others called odd", ylabel="share of lines found")
    run.figure("roc", ax, caption="Lines found against others called odd, first seed.")


def _correlations(values: Any, table: Any) -> Any:
    from scipy.stats import spearmanr

    from decan.core.plotting import new_axes

    names = (*_QUANTITIES, "net_counts")
    cells = np.zeros((values.shape[1], len(names)))
    for j, name in enumerate(names):
        y = table[name].to_numpy(dtype=float)
        good = np.isfinite(y) & np.isfinite(values).all(axis=1)
        for i in range(values.shape[1]):
            cells[i, j] = spearmanr(values[good, i], y[good]).statistic
    ax = new_axes(figsize=(6.0, 4.4))
    image = ax.imshow(cells, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(cells):
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7,
                color="white" if abs(value) > 0.6 else "black")  # fmt: skip
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right")
    ax.set_yticks(range(values.shape[1]), [f"latent {i + 1}" for i in range(values.shape[1])])
    ax.grid(visible=False)
    ax.figure.colorbar(image, ax=ax, label="rank correlation")
    return ax


def _traversals(model: Any) -> Any:
    import matplotlib.pyplot as plt

    from decan.core.plotting import style

    from ..plots import plot_traversal

    with style():
        _, axes = plt.subplots(2, 4, figsize=(14, 6))
        for latent, ax in enumerate(axes.flat):
            plot_traversal(model, latent, ax=ax)
    return axes
