"""From observed ratios back to the cloud."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decan.core.experiment import Claim, Run, experiment
from decan.core.metrics import Estimate

from ..ratios import NINE_RATIOS
from ._parts import (
    grid_of,
    retrieved,
)

__all__ = ["retrieval"]


@experiment(
    title="E8. Retrieval: coverage, and what CS/SO is worth",
    claims=[
        Claim("68 % coverage of T_K", goal=(0.60, 0.76)),
        Claim("68 % coverage of nH_cm3", goal=(0.60, 0.76)),
        Claim("68 % coverage of fC", goal=(0.60, 0.76)),
        Claim("seconds of one retrieval", goal=10.0, better="lower"),
    ],
    data=["uclchem_grid"],
)
def retrieval(run: Run) -> None:
    """Chemical models held out, observed with 0.15 dex noise, retrieved by emulators of the rest.

    Three folds: every cloud is retrieved by emulators that have not seen it. Masked ratios
    count as not observed. The same with CS/SO left out says what that ratio is worth for O/H.
    """
    grid, provenance = grid_of(run)
    table = grid.ratios() if run.preset != "quick" else grid.ratios(NINE_RATIOS[:3])
    kind = "ensemble" if run.preset != "quick" else "gp"
    frames, seconds, narrow, n = retrieved(run, table, kind)
    frame = pd.concat(frames).groupby("parameter", sort=False)[["hits", "clouds"]].sum()
    frame = frame.assign(coverage=frame["hits"] / frame["clouds"]).reset_index()
    run.table("coverage", frame, caption="Share of held-out clouds inside their 68 % interval.")
    for name, value in zip(frame["parameter"], frame["coverage"], strict=True):
        half = float(np.sqrt(value * (1 - value) / n))
        run.record(
            f"68 % coverage of {name}",
            Estimate(value, value - half, value + half, n),
            provenance=provenance,
        )
    run.record("seconds of one retrieval", seconds, provenance=provenance, n=n, unit="s")
    if narrow:
        worth = pd.DataFrame(narrow).mean()
        run.record(
            "narrowing of O/H with CS/SO", worth["with"], provenance=provenance, n=len(narrow)
        )
        run.record(
            "narrowing of O/H without CS/SO", worth["without"], provenance=provenance, n=len(narrow)
        )
