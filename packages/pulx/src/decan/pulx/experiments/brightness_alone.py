"""How much of a ranking is brightness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

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
    recall it carries. The pulsed fraction that each row could have shown says where pulsations
    could have been found at all.
    """
    import pandas as pd

    from ..candidates import CandidateFinder
    from ..ranking import at_fixed

    _, swift, known_swift, provenance = swift_sample(run)
    table = catalogue(run, 500)
    xmm, known_xmm, _ = labelled(table)
    run.used("simulated 4XMM-like catalogue", provenance=SIMULATED, n=len(table))
    rows = []
    for name, features, known, kind, columns in (
        (
            "Swift",
            swift,
            known_swift,
            provenance,
            ("hardness", "log_rate", "log_soft", "log_hard"),
        ),
        ("simulated XMM", xmm, known_xmm, SIMULATED, FEATURE_SETS["+ peak"]),
    ):
        finder = fitted(CandidateFinder(random_state=run.seed), features.select(*columns), known)
        fixed = at_fixed(finder.score_, features.log_flux)
        free = abs(_spearman(finder.score_, features.log_flux))
        bound = abs(_spearman(fixed, features.log_flux))
        run.record(f"|Spearman| of score and flux, {name}", free, provenance=kind, n=len(features))
        run.record(
            f"|Spearman| of score and flux at fixed flux, {name}",
            bound,
            provenance=kind,
            n=len(features),
        )
        rows.append(
            {
                "sample": name,
                "recall at 21 %": recall_at(finder.score_, known, 0.212),
                "at fixed flux": recall_at(fixed, known, 0.212),
                "brightness alone": recall_at(features.log_flux, known, 0.212),
                "flux permuted among sources": _permuted(finder, features, known, run.rng),
            }
        )
    run.table(
        "recall",
        pd.DataFrame(rows),
        caption="Recall of known rows (in-sample) when 21.2 % "
        "of the others are selected: all features, within rows of equal flux, brightness "
        "alone, and with fluxes permuted among sources.",
    )
    run.figure(
        "selection",
        _selection(xmm, known_xmm),
        caption="Pulsed fraction that a search of "
        "each row could have found, against flux: faint rows could not have shown a "
        "pulsation, so known pulsars are bright for that reason too.",
    )


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
