"""The paper's experiments and ours, REAL Swift and SIMULATED XMM apart."""

from __future__ import annotations

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

__all__: list[str] = []


@experiment(
    title="The published split",
    claims=[
        Claim("fidelity of the published tree", 0.969, source="decision-tree figure (derived)"),
        Claim("rows of the published tree", 1769, source="decision-tree figure", goal=(1769, 1769)),
        Claim("nodes of the published tree", 13, source="decision-tree figure", goal=(13, 13)),
    ],
)
def published_split(run: Run) -> None:
    """What the published tree says: a cut on brightness, and three of six cuts that change nothing."""
    from .plots import plot_tree
    from .surrogate import published_tree

    tree = published_tree()
    run.used("the published decision tree", provenance=REAL, n=1769)
    run.record("fidelity of the published tree", tree.fidelity, provenance=REAL, n=1769)
    run.record("rows of the published tree", sum(tree.nodes[0].counts), provenance=REAL, n=13)
    run.record("nodes of the published tree", len(tree.nodes), provenance=REAL, n=13)
    run.record("cuts that change no verdict", len(tree.inert()), provenance=REAL, n=6)
    run.figure("published-tree", plot_tree(tree), caption="The published tree.")
    run.note(tree.rules().replace("\n            ", " "))


@experiment(title="A pulsar found blind", tour=True, data=["ngc300_ulx1"])
def blind_search(run: Run) -> None:
    """Search an event list over two decades of frequency, and mark the aliases of its gaps."""
    from .periodogram import search_z
    from .simulate_events import orbit_intervals, simulate_events

    if run.has("ngc300_ulx1"):
        events, provenance = run.load("ngc300_ulx1"), REAL
    else:
        events = simulate_events(
            gti=orbit_intervals(11_500.0, rng=run.seed), rate=1.6, frequency=0.0503,
            pulsed_fraction=0.42, rng=run.seed,
        )  # fmt: skip
        provenance = SIMULATED
        run.used(
            "simulated events like those of NGC 300 ULX-1", provenance=provenance, n=len(events)
        )
    search = search_z(events, 0.02, 1.0)
    run.record(
        "Z² of the best peak", float(search.best["Z2"]), provenance=provenance, n=len(events)
    )
    run.figure("periodogram", search.plot(), caption="Z² against frequency.")
    run.table("peaks", search.peaks(), caption="The ten highest peaks.")
