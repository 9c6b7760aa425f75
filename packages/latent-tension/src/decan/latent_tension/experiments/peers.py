"""The same model in another code, where that is installed."""

from __future__ import annotations

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import SIMULATED, Run, experiment

from ._cases import simulated_goal

__all__ = ["nifty_check"]


@experiment(
    title="The same model in nifty.re",
    claims=[
        simulated_goal("correlation of the tension maps", 0.95),
        simulated_goal("hyper-parameters apart, in posterior sigmas", 1.0, "lower"),
        simulated_goal("seconds a round over nifty.re's", 0.5, "lower"),
    ],
    presets=("standard", "paper"),
)
def nifty_check(run: Run) -> None:
    """One field, one model, two codes: tension maps, hyper-parameters, CPU seconds a round.

    Needs the package ``nifty`` (extra ``bench``), which compiles for half a minute first.
    """
    import pandas as pd

    from ..components import Scene
    from ..nifty_bridge import SHARED_PRIORS, fit_here, fit_nifty
    from ..simulate import simulate_field

    field = simulate_field(64, n_points=8, n_extended=1, rng=run.seed)
    scene = Scene.of([field.image], SHARED_PRIORS)
    try:
        theirs = fit_nifty(scene)
    except ImportError as error:
        raise DataNotAvailable("nifty is not installed; pip install nifty") from error
    ours = fit_here(scene)
    rows = [
        {
            "latent": name,
            "here": ours.named[name][0],
            "std here": ours.named[name][1],
            "nifty.re": mean,
            "std nifty.re": std,
            "apart": abs(ours.named[name][0] - mean) / np.hypot(ours.named[name][1], std),
        }
        for name, (mean, std) in theirs.named.items()
    ]
    table = pd.DataFrame(rows)
    run.table("latents", table, caption="Latents of hyper-parameters, in prior sigmas.")
    correlation = np.corrcoef(ours.excitation.ravel(), theirs.excitation.ravel())[0, 1]
    seconds = [float(np.median(one.seconds[1:])) for one in (ours, theirs)]
    for metric, value in (
        ("correlation of the tension maps", float(correlation)),
        ("hyper-parameters apart, in posterior sigmas", float(table["apart"].max())),
        ("seconds a round over nifty.re's", seconds[0] / seconds[1]),
    ):
        run.record(metric, value, provenance=SIMULATED, n=1)
