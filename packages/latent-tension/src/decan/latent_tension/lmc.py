"""The paper's own field: eROSITA's pointing on SN 1987A in the Large Magellanic Cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .components import Priors

if TYPE_CHECKING:
    import os

    from .image import PhotonImage

__all__ = ["LMC_SN1987A", "lmc_image"]

LMC_SN1987A: dict[str, Any] = {
    "centre": (83.77602, -69.31087),
    "pixel_arcsec": 4.0,
    "n_pixels": 512,
    "energy_edges": ((0.2, 1.0), (1.0, 2.0), (2.0, 4.5)),
    "telescopes": (1, 2, 3, 4, 6),
    "exposure_cut_s": 500.0,
    "release": "EDR",
}
"""The authors' eROSITA field: pm00_700161_020_EventList_c001.fits of the early data release."""

_LMC_PRIORS = Priors(
    fluctuations=(0.3, 0.01),
    slope=(-5.0, 0.1),
    flexibility=(0.3, 0.01),
    index_fluctuations=(0.01, 0.001),
    index_slope=(-6.0, 0.01),
    offset_std=0.3,
    source_index=(-0.3, 0.1),
    box_fluctuations=(0.5, 0.01),
    box_slope=(-4.0, 0.1),
)


def lmc_image(
    events: str | os.PathLike[str], psf: str | os.PathLike[str], *, n_pixels: int = 512, **more: Any
) -> tuple[PhotonImage, Priors]:
    """The LMC SN 1987A field and the authors' priors, for whoever has the files.

    Parameters
    ----------
    events : path-like
        Event list of the pointing, from https://erosita.mpe.mpg.de/edr/.
    psf : path-like
        ``tm1_2dpsf_190219v05.fits`` of the calibration database.
    n_pixels : int
        Pixels of 4 arcsec a side; 512 in the demo, 1,024 in the published run.
    **more
        Further arguments of :func:`decan.latent_tension.readers.read_erosita_events`, such as
        ``exposure``.

    Returns
    -------
    image : PhotonImage
    priors : Priors

    Raises
    ------
    DataNotAvailable
        If a file is not there.

    Examples
    --------
    >>> lmc_image("no-events.fits", "no-psf.fits")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-psf.fits: no such file
    """
    from .readers import read_erosita_events, read_erosita_psf

    settings = {**LMC_SN1987A, "n_pixels": n_pixels, **more}
    stamps = read_erosita_psf(psf, pixel_arcsec=settings["pixel_arcsec"])
    return read_erosita_events(events, psf=stamps, **settings), _LMC_PRIORS
