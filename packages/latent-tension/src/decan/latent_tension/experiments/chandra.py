"""Chandra: one source at two epochs, and one source through two distorted PSFs."""

from __future__ import annotations

from decan.core.experiment import REAL, Run, experiment

from . import _cases as cases
from ._cases import real_goal

__all__ = ["offaxis", "sgra"]


@experiment(
    title="Sagittarius A* at two epochs",
    claims=[real_goal("Sgr A* epochs apart", 0.25, "lower")],
    data=["chandra-sgra"],
    presets=("standard", "paper"),
)
def sgra(run: Run) -> None:
    """Chandra, ObsIDs 4683 and 4684, each alone and jointly with their frames' shift."""
    from ..decomposer import TensionDecomposer
    from ..plots import plot_decomposition
    from ..presets import load_chandra_sgra

    run.load("chandra-sgra")
    images = load_chandra_sgra(size=96)
    places = []
    for image in images:
        fitted = TensionDecomposer(random_state=run.seed).fit(image)
        places.append(cases.nearest(fitted.catalogue_, 266.41684, -29.00781))
    joint = TensionDecomposer(random_state=run.seed).fit(images)
    run.figure(
        "joint",
        plot_decomposition(joint),
        caption="Both epochs jointly, one band: Sgr A* is the bright source in the middle of the "
        "extended emission.",
    )
    run.table("joint", joint.catalogue_, caption="The joint fit's catalogue.")
    run.record(
        "points found jointly",
        int((joint.catalogue_["kind"] == "point").sum()),
        provenance=REAL,
        n=2,
    )
    run.record(
        "Sgr A* epochs apart",
        cases.arcsec_between(*places),
        provenance=REAL,
        n=2,
        unit="arcsec",
        note="the absolute astrometry of an ObsID is good to 0.4 arcsec",
    )


@experiment(
    title="One source, two distorted PSFs",
    claims=[
        real_goal("sources in the joint fit", (1, 1)),
        real_goal("positions apart in the two ObsIDs", 0.5, "lower"),
    ],
    data=["chandra-offaxis"],
    presets=("standard", "paper"),
)
def offaxis(run: Run) -> None:
    """A faint source far off axis in two Chandra ObsIDs, each with its own distorted PSF."""
    from ..decomposer import TensionDecomposer
    from ..plots import plot_decomposition
    from ..presets import load_chandra_offaxis

    run.load("chandra-offaxis")
    images = load_chandra_offaxis()
    places = []
    for image in images:
        fitted = TensionDecomposer(random_state=run.seed).fit(image)
        places.append(cases.nearest(fitted.catalogue_, 150.0155, 2.6658))
    joint = TensionDecomposer(random_state=run.seed).fit(images)
    run.record("sources in the joint fit", len(joint.catalogue_), provenance=REAL, n=2)
    run.record(
        "positions apart in the two ObsIDs",
        cases.arcsec_between(*places),
        provenance=REAL,
        n=2,
        unit="arcsec",
    )
    run.figure(
        "joint",
        plot_decomposition(joint),
        caption="ObsID 8478 and the joint fit: what looks like an arc is one point source.",
    )
    run.table("joint", joint.catalogue_, caption="The joint fit's catalogue.")
