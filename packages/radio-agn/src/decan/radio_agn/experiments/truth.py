"""Where the truth is known: opening angles, masks, and how good labels can be."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.experiment import Run, experiment
from decan.core.experiment.claims import REAL, SIMULATED, Claim
from decan.core.metrics import Estimate, bootstrap

from ..features import morphology_features
from ..masking import SourceMasker
from ..simulate import SimulatedSources, simulate_bent_sources
from ..trees import fit_trees, tree_logs
from .material import material

_BENT = {"WAT": 0.5, "NAT": 0.5}


@experiment(
    title="Masks where the truth is known",
    claims=[
        Claim("neighbour flux removed", goal=0.90, provenance=SIMULATED),
        Claim("target flux kept, S/N above 30", goal=0.95, provenance=SIMULATED),
    ],
)
def mask_quality(run: Run) -> None:
    """The central mask on simulated cutouts: what it takes away and what it keeps."""
    n = 150 if run.preset == "quick" else 600
    made = simulate_bent_sources(n, neighbour_mean=1.0, rng=run.seed + 1)
    run.used(f"{n} simulated sources", provenance=SIMULATED, n=n)
    masker = SourceMasker("central")
    masker.transform(made.images)
    inside = masker.masks_
    crowded = made.table["n_neighbours"].to_numpy() > 0
    left = (made.neighbours * inside).sum(axis=(1, 2))[crowded]
    there = made.neighbours.sum(axis=(1, 2))[crowded]
    bright = made.table["snr"].to_numpy() > 30
    kept = (made.target * inside).sum(axis=(1, 2))[bright]
    whole = made.target.sum(axis=(1, 2))[bright]

    def ratio(a: NDArray[Any], b: NDArray[Any]) -> float:
        return float(a.sum() / b.sum())

    run.record(
        "neighbour flux removed",
        bootstrap(lambda a, b: 1 - ratio(a, b), left, there, rng=run.seed),
        provenance=SIMULATED,
    )
    run.record("target flux kept, S/N above 30", bootstrap(ratio, kept, whole, rng=run.seed),
               provenance=SIMULATED)  # fmt: skip
    run.record("target flux kept, mean of sources", bootstrap(np.mean, kept / whole, rng=run.seed),
               provenance=SIMULATED)  # fmt: skip
    for name in ("ok", "no_central_source", "low_snr"):
        share = float((masker.report_["status"] == name).mean())
        run.record(f"share with status {name}", share, n=n, provenance=SIMULATED)


@experiment(
    title="Accuracy against opening angle, signal and size",
    claims=[
        Claim("angle at which WAT and NAT are equally likely", goal=(80.0, 100.0),
              provenance=SIMULATED),
        Claim("accuracy, WAT against NAT", goal=None, provenance=SIMULATED),
    ],
)  # fmt: skip
def known_truth(run: Run) -> None:
    """Trees trained on simulated sources, judged on others: the answer must turn at 90 degrees.

    WAT and NAT are told by the opening angle on the sky; the share called WAT should pass
    one half at 90 degrees, and accuracy grow with signal and size.
    """
    import pandas as pd

    made, p = _simulated_bent(run.seed, 240 if run.preset == "quick" else 900)
    run.used(f"{len(made)} simulated sources", provenance=SIMULATED, n=len(made))
    table = made.table.assign(p_wat=p[:, 0], right=(p[:, 0] > 0.5) == made.table["truth"].eq("WAT"))
    run.record("accuracy, WAT against NAT", bootstrap(np.mean, table["right"].astype(float),
               rng=run.seed), provenance=SIMULATED)  # fmt: skip
    crossing = bootstrap(_crossing, table["opening_deg"].to_numpy(), p[:, 0], rng=run.seed)
    run.record("angle at which WAT and NAT are equally likely", crossing, unit="deg",
               provenance=SIMULATED)  # fmt: skip
    parts = []
    for column, edges, unit in (
        ("snr", [0, 15, 40, np.inf], "peak S/N"),
        ("length_arcsec", [0, 25, 45, np.inf], "half length (arcsec)"),
    ):
        for low, high in itertools.pairwise(edges):
            here = table[(table[column] >= low) & (table[column] < high)]
            if len(here):
                parts.append({"by": unit, "from": low, "to": high, "n": len(here),
                              "accuracy": here["right"].mean()})  # fmt: skip
    run.table("accuracy", pd.DataFrame(parts), caption="Accuracy by signal and by size.")
    run.figure("opening", _opening_plot(table), caption="Share called WAT against the opening "
               "angle on the sky: one half at 90 degrees (dotted).")  # fmt: skip


@experiment(
    title="How good can labels be?",
    claims=[
        Claim("accuracy against noisy labels", goal=None, provenance=SIMULATED),
        Claim("agreement of catalogues, NAT of Proctor 2011", goal=None),
    ],
    data=["first_morph", "mirabest", "proctor_raw"],
)
def label_noise(run: Run) -> None:
    """The ceiling of a test whose labels err, and how far real catalogues agree.

    Simulated labels are swapped near 90 degrees as people swap them; even the truth then
    reaches only the accuracy of the labels. The real table compares sources that Proctor
    2011 calls WAT or NAT without a question mark with the other catalogues.
    """
    made, p = _simulated_bent(run.seed, 240 if run.preset == "quick" else 900)
    run.used(f"{len(made)} simulated sources", provenance=SIMULATED, n=len(made))
    truth, label = made.table["truth"].to_numpy(), made.table["label"].to_numpy()
    guess = np.where(p[:, 0] > 0.5, "WAT", "NAT")
    for name, right in (
        ("ceiling: labels against the truth", label == truth),
        ("accuracy against the truth", guess == truth),
        ("accuracy against noisy labels", guess == label),
    ):
        run.record(name, bootstrap(np.mean, right.astype(float), rng=run.seed),
                   provenance=SIMULATED)  # fmt: skip
    m = material(run)
    if m.provenance == REAL:
        table = _disagreement(m.table)
        run.table("catalogues", table, caption="Proctor's certain WAT and NAT by what another "
                  "catalogue calls the same source.")  # fmt: skip
        nat = table[table["Proctor 2011"] == "NAT"]
        agree = float(nat.loc[nat["other"] == "NAT", "n"].sum())
        total = int(nat["n"].sum())
        run.record("agreement of catalogues, NAT of Proctor 2011",
                   Estimate(agree / max(total, 1), n=total), provenance=REAL,
                   note="bent classes of MiraBest and Gendre")  # fmt: skip


@lru_cache(maxsize=2)
def _simulated_bent(seed: int, n: int) -> tuple[SimulatedSources, NDArray[np.float64]]:
    """Simulated WAT and NAT with probabilities from trees that saw the other half."""
    made = simulate_bent_sources(
        n, fractions=_BENT, flux_mjy=(20.0, 500.0), label_noise=True, rng=seed + 2
    )
    features = morphology_features(made.images)
    labels = made.table["label"].to_numpy()
    allowed = np.stack([labels == "WAT", labels == "NAT"], axis=1)
    half = np.arange(n) % 2
    p = np.empty((n, 2))
    for one in (0, 1):
        forest = fit_trees(features[half != one], allowed[half != one], random_state=seed)
        logs = tree_logs(forest, features[half == one], 2)
        p[half == one] = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    return made, p


def _crossing(angle: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Where a logistic curve through the probabilities passes one half."""
    from scipy.optimize import curve_fit

    def logistic(x: NDArray[np.float64], middle: float, width: float) -> NDArray[np.float64]:
        return np.asarray(1 / (1 + np.exp(-(x - middle) / width)))

    try:
        (middle, _), _ = curve_fit(logistic, angle, p, p0=(90.0, 20.0), maxfev=4000)
    except RuntimeError:
        return float("nan")
    return float(middle)


def _opening_plot(table: Any) -> Any:
    from decan.core.plotting import new_axes

    ax = new_axes(figsize=(5.4, 3.4))
    bins = np.arange(0, 181, 15)
    middle, share, error = [], [], []
    for low, high in itertools.pairwise(bins):
        here = table[(table["opening_deg"] >= low) & (table["opening_deg"] < high)]
        if len(here) >= 5:
            s = float((here["p_wat"] > 0.5).mean())
            middle.append((low + high) / 2)
            share.append(s)
            error.append(np.sqrt(max(s * (1 - s), 0.02) / len(here)))
    ax.errorbar(middle, share, yerr=error, marker="o", ms=4)
    ax.axvline(90, color="black", lw=0.8, ls=":")
    ax.axhline(0.5, color="black", lw=0.8, ls=":")
    ax.set_xlabel("opening angle on the sky (deg)")
    ax.set_ylabel("share called WAT")
    return ax


def _disagreement(table: Any) -> Any:
    proctor = table[table["catalogue"].eq("Proctor raw") & table["certain"].astype(bool)]
    others = table[table["catalogue"].isin(["MiraBest", "Gendre", "Capetti2017a", "Capetti2017b"])]
    both = proctor.merge(others, on="group", suffixes=("", "_other"))
    both = both[both["label"].isin(["WAT", "NAT"])]
    near = (both["ra"] - both["ra_other"]).abs() < 0.02
    counted = both[near].groupby(["label", "label_other"]).size().reset_index(name="n")
    return counted.rename(columns={"label": "Proctor 2011", "label_other": "other"})
