"""The main job, as the tour shows it."""

from __future__ import annotations

import time

from decan.core.experiment import Claim, Run, experiment

from .. import plots
from ..emulators import EmulatorSet
from ..explain import explain
from ..space import CLOUD
from ._parts import (
    unseen_cloud,
)

__all__ = ["probe"]


@experiment(
    title="Main job: which cloud gives these ratios, and which ratio to observe next",
    claims=[
        Claim("Shapley additivity, largest error", goal=1e-6, better="lower"),
        Claim("seconds of one retrieval", goal=10.0, better="lower"),
    ],
    data=["uclchem_grid"],
    tour=True,
)
def probe(run: Run) -> None:
    """Retrieves a cloud that the shipped emulators never saw, and explains HNC/HCN.

    The cloud is a UCLCHEM model at 1e5 yr that was left out of training because it breaks
    later in its life. Without the data folder the cloud is drawn from the emulators.
    """
    from ..retrieval import Retrieval

    emulators = EmulatorSet.pretrained()
    retrieval = Retrieval(emulators, n=2048, random_state=run.seed)
    cloud, seen, provenance = unseen_cloud(run, emulators)
    begin = time.perf_counter()
    posterior = retrieval.fit({name: (value, 0.15) for name, value in seen.items()})
    run.record(
        "seconds of one retrieval",
        time.perf_counter() - begin,
        provenance=provenance,
        n=1,
        unit="s",
    )
    summary = posterior.summary()
    summary.insert(2, "truth", [cloud[name] for name in summary["parameter"]])
    inside = ((summary["low"] <= summary["truth"]) & (summary["truth"] <= summary["high"])).mean()
    run.record("parameters inside their 68 % interval", inside, provenance=provenance, n=7)
    run.table("posterior", summary, caption="Seven parameters of one cloud from its ratios.")
    run.figure(
        "posterior",
        plots.plot_posterior(posterior, truth=cloud),
        caption="Posterior (blue) against the even prior (dashed); red is the truth.",
    )
    hidden = retrieval.fit({name: (seen[name], 0.15) for name in list(seen)[:2]})
    coming = retrieval.next_ratio(hidden)
    run.figure(
        "next-ratio",
        plots.plot_next_ratio(coming),
        caption=f"With {' and '.join(list(seen)[:2])} observed: what each further ratio "
        "would tell.",
    )
    result = explain(
        emulators["HNC/HCN"], CLOUD.sobol(32, seed=run.seed), background=16, target="HNC/HCN"
    )
    run.record(
        "Shapley additivity, largest error",
        result.additivity_error,
        provenance=provenance,
        n=32,
        unit="dex",
    )
    run.figure(
        "hnc-hcn",
        plots.plot_beeswarm(result),
        caption="What HNC/HCN rests on: a point a cloud of the box, bright is high.",
    )
