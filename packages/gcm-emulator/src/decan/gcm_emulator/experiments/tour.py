"""The main job in a few seconds: a climate, its errors, and its spectrum beside real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

if TYPE_CHECKING:
    from ..prediction import Prediction

__all__ = ["tour"]


@experiment(
    title="A climate in milliseconds, and the phase curve of a real one",
    claims=[
        Claim("phase curve against NEMESIS, HST bands", goal=5.0, better="lower"),
        Claim("time of one prediction", goal=20.0, better="lower", provenance=SIMULATED),
    ],
    data=["wasp43b_sparc", "wasp43b_opacities", "wasp43b_text"],
    tour=True,
)
def tour(run: Run) -> None:
    """Predict a planet with the shipped emulator; compute the phase curve of a real simulation.

    Where the data folder is at hand, the climate of WASP-43 b computed by SPARC/MITgcm goes
    through our radiative transfer and is set against NEMESIS and against what Hubble and
    Spitzer saw. Without it, a simulated planet in grey bands takes its place.
    """
    import time

    import numpy as np

    from .. import PLATO_LIKE, FieldEmulator
    from ..plots import plot_map

    emulator = FieldEmulator.pretrained()
    planet = PLATO_LIKE[1]
    prediction = emulator.predict(planet)
    seconds = []
    for _ in range(7):
        begin = time.process_time()
        emulator.predict(planet)
        seconds.append(time.process_time() - begin)
    run.used("shipped emulator of 60 simulated planets", provenance=SIMULATED, n=60)
    run.record(
        "time of one prediction", 1e3 * float(np.median(seconds)), unit="ms",
        provenance=SIMULATED, n=7, note="processor time; 22,464 cells, four fields",
    )  # fmt: skip
    run.table("characteristics", prediction.characteristics(),
              caption=f"{planet.name}: the climate in a few numbers, with errors.")  # fmt: skip
    run.figure("map", plot_map(prediction.field, 1e4),
               caption=f"{planet.name}, predicted: temperature and wind at 0.1 bar. The hottest "
               "place lies east of the substellar point.")  # fmt: skip
    _phase_curve(run, prediction)


def _phase_curve(run: Run, prediction: Prediction) -> None:
    """Of the real run against NEMESIS; of what is at hand otherwise."""
    import numpy as np

    from .. import EmissionModel
    from ..plots import plot_phase_curve

    if run.has("wasp43b_sparc") and run.has("wasp43b_opacities"):
        field = run.load("wasp43b_sparc")
        tables, seen = run.load("wasp43b_opacities")
        model = EmissionModel(tables, seen.vmr)
        curve = model.phase_curve(field, seen.phase_deg, star_power_w_um=seen.star_power_w_um,
                                  stride=2)  # fmt: skip
        known = np.isfinite(seen.nemesis[:, 0])
        gap = 1e6 * (curve.flux_ratio - seen.nemesis)[known]
        run.record("phase curve against NEMESIS, HST bands",
                   float(np.sqrt((gap[:, :15] ** 2).mean())), unit="ppm", provenance=REAL,
                   n=int(known.sum()) * 15, note="rms, no factor; every second column")  # fmt: skip
        run.figure(
            "phase-curve",
            plot_phase_curve(curve, [5, 10, 15, 16], observed=seen.observed, error=seen.error,
                             other=seen.nemesis, other_label="NEMESIS, same simulation"),
            caption="WASP-43 b: our radiative transfer of the SPARC/MITgcm simulation (lines) "
            "falls on that of NEMESIS (circles); dots with bars are Hubble and Spitzer, which "
            "see a darker night side than the cloud-free simulation.",
        )  # fmt: skip
        return
    try:
        field = run.load("wasp43b_text")
        curve = EmissionModel().phase_curve(field, np.arange(0, 360, 15.0), stride=2)
        run.note("The data folder is not at hand: the real simulation comes out of a published "
                 "wheel and shines in grey bands.")  # fmt: skip
        run.figure(
            "phase-curve", plot_phase_curve(curve, [0, 2, 3, 4]),
            caption="WASP-43 b, a real simulation, in grey bands: brightest before the eclipse, "
            "since its hot spot lies in the east.",
        )  # fmt: skip
        return
    except DataNotAvailable:
        pass
    curve = EmissionModel().phase_curve(prediction.field, np.arange(0, 360, 15.0))
    run.note("The real simulation is not at hand: the predicted planet in grey bands instead.")
    run.figure("phase-curve", plot_phase_curve(curve, [0, 2, 3, 4]),
               caption="Phase curve of the predicted planet in grey bands.")  # fmt: skip
