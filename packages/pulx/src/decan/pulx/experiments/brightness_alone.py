"""How much of a ranking is brightness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Provenance, Run, experiment

from .samples import FEATURE_SETS, catalogue, fitted, labelled, recall_at, swift_sample

if TYPE_CHECKING:
    from ..features import Features

__all__ = ["brightness"]


@experiment(
    title="Is it brightness?",
    data=["swift_snapshots", "swift_sources", "pn_bands"],
    claims=[
        Claim("|Spearman| of score and flux at fixed flux, Swift", goal=0.15, better="lower"),
        Claim(
            "|Spearman| of score and flux at fixed flux, simulated XMM",
            goal=0.15,
            better="lower",
            provenance=SIMULATED,
        ),
    ],
)
def brightness(run: Run) -> None:
    """How much of the ranking is brightness alone, and what is left at fixed brightness.

    A mixture on fluxes is fitted; its score is compared with the flux, then ranked within
    rows of about the same flux. Permuting the flux among sources shows how much of the known
    recall it carries, and partial dependence how much is selected as each feature is moved. The
    pulsed fraction that each row could have shown says where pulsations could have been found
    at all.
    """
    _, swift, known_swift, provenance = swift_sample(run)
    table = catalogue(run, 500)
    xmm, known_xmm, _ = labelled(table)
    run.used("simulated 4XMM-like catalogue", provenance=SIMULATED, n=len(table))
    fluxes = ("hardness", "log_rate", "log_soft", "log_hard")
    _one_sample(run, "Swift", swift.select(*fluxes), known_swift, provenance)
    _one_sample(run, "simulated XMM", xmm.select(*FEATURE_SETS["+ peak"]), known_xmm, SIMULATED)
    run.figure(
        "selection",
        _selection(xmm, known_xmm),
        caption="Pulsed fraction that a search of "
        "each row could have found, against flux: faint rows could not have shown a "
        "pulsation, so known pulsars are bright for that reason too.",
    )


def _one_sample(
    run: Run, name: str, features: Features, known: Any, provenance: Provenance
) -> None:
    import pandas as pd

    from ..candidates import CandidateFinder
    from ..ranking import at_fixed

    finder = fitted(CandidateFinder(random_state=run.seed), features, known)
    fixed = at_fixed(finder.score_, features.log_flux)
    for words, score in (("", finder.score_), (" at fixed flux", fixed)):
        run.record(
            f"|Spearman| of score and flux{words}, {name}",
            abs(_spearman(score, features.log_flux)),
            provenance=provenance,
            n=len(features),
        )
    slug = name.lower().replace(" ", "-")
    recall = {
        "all features": recall_at(finder.score_, known, 0.212),
        "at fixed flux": recall_at(fixed, known, 0.212),
        "brightness alone": recall_at(features.log_flux, known, 0.212),
        "flux permuted among sources": _permuted(finder, features, known, run.rng),
    }
    run.table(
        f"recall-{slug}",
        pd.DataFrame({"score": list(recall), "recall at 21 %": list(recall.values())}),
        caption=f"{name}: recall of known rows (in-sample) when 21.2 % of the others are selected, "
        "by all features, within rows of equal flux, by brightness alone, and with fluxes "
        "permuted among sources.",
    )
    run.figure(
        f"dependence-{slug}",
        _dependence(finder),
        caption=f"{name}: share of all rows that is selected when one feature is set to a value, "
        "from its 5 % to its 95 % quantile. Steep lines carry the ranking.",
    )


def _dependence(finder: Any) -> Any:
    from decan.core.plotting import COLOURS, new_axes

    from ..ranking import threshold_for_share

    ax = new_axes(figsize=(6.4, 3.8))
    limit = threshold_for_share(finder.score_[~finder.known_], 0.212)
    table, shares = finder.features_.table, np.linspace(0.05, 0.95, 11)
    colours = [*COLOURS.values()]
    for number, name in enumerate(finder.names_):
        at = table[name].quantile(shares)
        # Shares and not mean scores, which single rows with a collapsed variance would decide.
        chosen = [
            np.mean(finder.score_samples(table.assign(**{name: value})) >= limit) for value in at
        ]
        ax.plot(shares, chosen, color=colours[number % len(colours)], label=name,
                ls="-" if number < len(colours) else "--")  # fmt: skip
    ax.set_xlabel("quantile of the feature")
    ax.set_ylabel("share of rows selected")
    ax.legend(fontsize=7, ncol=2)
    return ax


def _permuted(finder: Any, features: Features, known: Any, rng: Any) -> float:
    """Recall of the fitted score when each source gets the fluxes of another one."""
    table = finder.features_.table.copy()
    columns = [c for c in table if "FLUX" in c or "log_" in c or "peak" in c]
    names, code = np.unique(features.source.astype(str), return_inverse=True)
    for column in columns:
        mean = np.bincount(code, table[column]) / np.bincount(code)
        table[column] = table[column] - mean[code] + mean[rng.permutation(len(names))][code]
    return recall_at(finder.score_samples(table), known, 0.212)


def _spearman(a: Any, b: Any) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


def _selection(features: Features, known: Any) -> Any:
    from decan.core.plotting import COLOURS, new_axes

    ax = new_axes(figsize=(6.4, 3.8))
    counts = 10**features.log_counts  # type: ignore[operator]
    fraction = np.minimum(np.sqrt(2 * 40 / counts), 1)
    ax.plot(
        features.log_flux[~known],
        fraction[~known],
        ".",
        ms=2,
        color=COLOURS["grey"],
        label="others",
    )
    ax.plot(
        features.log_flux[known],
        fraction[known],
        ".",
        ms=4,
        color=COLOURS["orange"],
        label="known pulsars",
    )
    ax.set_xlabel("log10 flux (erg/cm²/s)")
    ax.set_ylabel("pulsed fraction for Z² = 40")
    ax.set_yscale("log")
    ax.legend(fontsize=8)
    return ax
