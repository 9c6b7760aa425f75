"""Objects that are no points must not be bought with points."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import REAL, Run, experiment

from . import _cases as cases
from ._cases import real_goal

__all__ = ["extended"]


@experiment(
    title="Objects that are no points",
    claims=[
        real_goal("G21.5-0.9: points within 10 px of the centre", 1, "lower"),
        real_goal("A3158: points within 10 px of the centre", 2, "lower"),
    ],
    data=["chandra-g21", "rosat-a3158"],
    presets=("standard", "paper"),
)
def extended(run: Run) -> None:
    """A plerion and a galaxy cluster: extended emission must not be bought with points."""
    from ..decomposer import TensionDecomposer
    from ..plots import plot_decomposition
    from ..presets import load_g21, load_rosat_a3158

    for dataset in ("chandra-g21", "rosat-a3158"):
        run.load(dataset)
    for name, image in (("G21.5-0.9", load_g21()), ("A3158", load_rosat_a3158())):
        fitted = TensionDecomposer(random_state=run.seed).fit(image)
        y, x = cases.brightest_place(image)
        seen = fitted.catalogue_
        near = np.hypot(seen["x"] - x, seen["y"] - y) < 10
        points = seen["kind"] == "point"
        for metric, where in (
            ("points within 10 px of the centre", near & points),
            ("extended objects", seen["kind"] == "extended"),
            ("points elsewhere", ~near & points),
        ):
            run.record(f"{name}: {metric}", int(where.sum()), provenance=REAL, n=1)
        run.figure(
            name.lower().replace(".", "-"),
            plot_decomposition(fitted),
            caption=f"{name}: counts, sky, components and tension.",
        )
