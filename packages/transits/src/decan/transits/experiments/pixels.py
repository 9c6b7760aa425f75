"""Experiments on pixels: where the source of a signal lies."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

__all__ = ["source_offsets"]


@experiment(
    title="The source of a signal, from pixels",
    claims=[
        Claim("mean chi-squared of offsets against the truth", goal=(1.5, 2.5),
              provenance=SIMULATED, source="two degrees of freedom"),
        Claim("eclipsed neighbours more than three errors off", goal=0.99,
              provenance=SIMULATED),
        Claim("transited stars more than three errors off", goal=0.02, better="lower",
              provenance=SIMULATED),
    ],
)  # fmt: skip
def source_offsets(run: Run) -> None:
    """Stars of magnitude 10 to 14 with a neighbour 3 to 12 arcsec away, one of them eclipsed.

    Kepler's pixels are four arcseconds wide. Errors are checked by the chi-squared of the
    offsets against the simulated places, which is two on average where they are right.
    """
    import pandas as pd

    from ..plots import plot_difference
    from ..scenes import simulate_pixels

    n = 12 if run.preset == "quick" else 60
    rows = []
    for i in range(2 * n):
        distance, angle = run.rng.uniform(3, 12), run.rng.uniform(0, 2 * np.pi)
        eclipsed = ("star", "neighbour")[i % 2]
        magnitude = float(run.rng.uniform(10, 14))
        depth = float(10 ** run.rng.uniform(-3.3, -2.3))
        made = simulate_pixels(
            magnitude=magnitude, depth=depth, eclipsed=eclipsed, rng=run.rng,
            neighbour_arcsec=(distance * np.cos(angle), distance * np.sin(angle)),
        )  # fmt: skip
        image = made.pixels.difference_image(made.signal)
        offset = image.source_offset()
        step = np.array([offset.east - made.east, offset.north - made.north])
        chi2 = float(step @ np.linalg.solve(offset.covariance, step))
        rows.append((eclipsed, magnitude, 1e6 * depth, distance, offset.arcsec, offset.error,
                     offset.sigma, chi2))  # fmt: skip
        if i == 1:
            run.figure(
                "difference-image", plot_difference(image)[0].figure,
                caption="An eclipsed neighbour: what is missing lies beside the star.",
            )  # fmt: skip
    names = ["eclipsed", "magnitude", "depth (ppm)", "neighbour at (arcsec)", "offset (arcsec)",
             "error (arcsec)", "sigma", "chi-squared"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    run.used("simulated target pixels", provenance=SIMULATED, n=2 * n)
    run.table("source-offsets", frame.round(3), caption="Measured offsets, scene by scene.")
    run.record(
        "mean chi-squared of offsets against the truth", float(frame["chi-squared"].mean()),
        provenance=SIMULATED, n=2 * n,
    )  # fmt: skip
    off = frame["sigma"] > 3
    for kind, words in (("neighbour", "eclipsed neighbours"), ("star", "transited stars")):
        mine = frame["eclipsed"] == kind
        run.record(
            f"{words} more than three errors off", float(off[mine].mean()),
            provenance=SIMULATED, n=n,
        )  # fmt: skip
    run.record(
        "median error of an offset", float(frame["error (arcsec)"].median()),
        provenance=SIMULATED, n=2 * n, unit="arcsec",
    )  # fmt: skip
