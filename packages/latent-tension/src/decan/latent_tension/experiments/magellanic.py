"""The paper's own field: eROSITA on SN 1987A, for whoever has the files."""

from __future__ import annotations

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, Run, experiment

__all__ = ["lmc_sn1987a"]


@experiment(title="The paper's own field", presets=("paper",))
def lmc_sn1987a(run: Run) -> None:
    """EROSITA early data of SN 1987A in the LMC with the authors' configuration.

    Needs the event list ``pm00_700161_020_EventList_c001.fits`` and the PSF of the
    calibration database in ``$DECAN_DATA/latent-tension/``.
    """
    import os
    from pathlib import Path

    from ..decomposer import TensionDecomposer
    from ..lmc import lmc_image
    from ..plots import plot_decomposition

    folder = Path(os.environ.get("DECAN_DATA", "")) / "latent-tension"
    events = folder / "pm00_700161_020_EventList_c001.fits"
    psf = folder / "tm1_2dpsf_190219v05.fits"
    for path in (events, psf):
        if not path.is_file():
            raise DataNotAvailable(
                f"{path.name} is not in $DECAN_DATA/latent-tension/; the early data release is at "
                "https://erosita.mpe.mpg.de/edr/"
            )
    image, priors = lmc_image(events, psf)
    run.used("eROSITA EDR, SN 1987A", provenance=REAL, n=1)
    fitted = TensionDecomposer(priors=priors, random_state=run.seed).fit(image)
    run.record(
        "point sources found",
        int((fitted.catalogue_["kind"] == "point").sum()),
        provenance=REAL,
        n=1,
    )
    run.figure("lmc", plot_decomposition(fitted), caption="SN 1987A and its surroundings.")
