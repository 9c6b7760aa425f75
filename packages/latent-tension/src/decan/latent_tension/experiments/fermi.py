"""The Galactic centre in gamma rays: known sources found again, and two PSF classes together."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import REAL, Run, experiment

from . import _cases as cases
from ._cases import real_goal

__all__ = ["galactic_centre", "psf_classes"]


@experiment(
    title="Galactic centre above 10 GeV",
    claims=[
        real_goal("3FHL points found, with template", 12, headline=True),
        real_goal("unassociated points, with template", 2, "lower"),
        real_goal("3FHL points found, without template", 9),
    ],
    data=["fermi-gc", "fermi-gc-catalogue"],
    presets=("standard", "paper"),
)
def galactic_centre(run: Run) -> None:
    """Real Fermi-LAT photons, with and without the interstellar model as known background."""
    from ..decomposer import TensionDecomposer
    from ..plots import plot_decomposition

    offsets = []
    for template in (True, False):
        image, known = cases.fermi(run, template)
        # The threshold comes from the fit's own null: 5 % of skies without sources exceed it.
        fitted = TensionDecomposer(
            threshold="fdr", random_state=run.seed, priors=cases.FERMI_PRIORS
        ).fit(image)
        found, extra, on_extended, pulls = cases.associated(fitted.catalogue_, known)
        word = "with template" if template else "without template"
        run.record(f"3FHL points found, {word}", found, provenance=REAL, n=14)
        run.record(
            f"unassociated points, {word}",
            extra,
            provenance=REAL,
            n=int((fitted.catalogue_["kind"] == "point").sum()),
            note=f"{on_extended} more on the catalogued disk",
        )
        run.figure(
            f"sky-{word.split()[0]}",
            plot_decomposition(fitted, truth=cases.as_truth(known)),
            caption=f"Galactic centre {word}: longitude runs from right to left; crosses are the "
            "3FHL's sources.",
        )
        run.table(
            f"catalogue-{word.split()[0]}",
            fitted.catalogue_,
            caption=f"Sources {word}; lon and lat are galactic.",
        )
        offsets += pulls
    run.record(
        "median offset in units of r95", float(np.median(offsets)), provenance=REAL, n=len(offsets)
    )


@experiment(
    title="Two classes of photons, one sky",
    claims=[
        real_goal("position error, both over the better alone", 1.0, "lower"),
        real_goal("summed significance, both over the better alone", 1.0),
    ],
    data=["fermi-psf-classes"],
    presets=("standard", "paper"),
)
def psf_classes(run: Run) -> None:
    """Fermi-LAT event types PSF2 and PSF3 fitted together and alone, each with its own PSF."""
    import pandas as pd

    from ..decomposer import TensionDecomposer
    from ..plots import plot_decomposition
    from ..presets import load_fermi_classes

    run.load("fermi-psf-classes")
    images = load_fermi_classes(cutout=slice(16, 64))
    rows = []
    for name, chosen in (("both", images), ("PSF2", images[:1]), ("PSF3", images[1:])):
        fitted = TensionDecomposer(random_state=run.seed, priors=cases.FERMI_PRIORS).fit(chosen)
        points = fitted.catalogue_[fitted.catalogue_["kind"] == "point"]
        rows.append(
            {
                "data": name,
                "points": len(points),
                # Of the brightest source, the same in all: Sgr A* and its surroundings.
                "brightest pos_err (px)": points["pos_err"].iloc[0] if len(points) else np.nan,
                "summed ts": points["ts"].sum(),
            }
        )
        if name == "both":
            run.figure(
                "joint",
                plot_decomposition(fitted),
                caption="Both classes fitted together; counts are those of PSF2.",
            )
    table = pd.DataFrame(rows)
    run.table("classes", table, caption="The same sky in each class and in both together.")
    both, alone = table.iloc[0], table.iloc[1:]
    run.record(
        "position error, both over the better alone",
        float(both["brightest pos_err (px)"] / alone["brightest pos_err (px)"].min()),
        provenance=REAL,
        n=1,
    )
    run.record(
        "summed significance, both over the better alone",
        float(np.sqrt(both["summed ts"] / alone["summed ts"].max())),
        provenance=REAL,
        n=int(both["points"]),
    )
