"""Fermi-LAT: fermitools cubes and gammapy maps with their PSF tables."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from decan.core.errors import SchemaError
from decan.core.files import reading

from ..image import PhotonImage
from ..psf import ImagePSF
from .images import celestial_wcs, content_of, extension_names, image_extensions

__all__ = ["read_fermi"]


def read_fermi(
    counts: str | os.PathLike[str],
    psf: str | os.PathLike[str],
    *,
    exposure: str | os.PathLike[str] | None = None,
) -> PhotonImage:
    """A fermitools counts cube with ``gtpsf`` PSF, and exposure on the same pixels.

    Parameters
    ----------
    counts : path-like
        ``gtbin CCUBE`` (extension EBOUNDS, energies in keV) or a gammapy map (COUNTS_BANDS,
        energies in the unit of its columns).
    psf : path-like
        ``gtpsf``: extensions PSF (Energy in MeV, Psf) and THETA (deg).
    exposure : path-like, optional
        ``gtexpcube2`` on the same pixels; energies are interpolated.

    Returns
    -------
    PhotonImage

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        If a file is absent, no FITS, or lacks an extension.

    Examples
    --------
    >>> read_fermi("no-such.fits", "no-psf.fits")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such.fits: no such file
    """
    from astropy import units as u

    from decan.core.data.tables import number_column, read_table

    found = image_extensions(counts)
    data, header = next(((d, h) for n, d, h in found if n == "COUNTS"), found[0][1:])
    names = extension_names(counts)
    bounds = next((n for n in ("EBOUNDS", "COUNTS_BANDS") if n in names), None)
    if bounds is None:
        raise SchemaError(f"{counts}: no extension EBOUNDS or COUNTS_BANDS; it has {names}")
    table = read_table(counts, hdu=bounds, required={"E_MIN": "keV", "E_MAX": "keV"})
    edges = table[["E_MIN", "E_MAX"]].to_numpy(float)
    wcs = celestial_wcs(header, counts)
    if wcs is None:
        raise SchemaError(f"{counts}: no celestial coordinates in the header")
    pixel = abs(float(wcs.wcs.cdelt[1]))
    if not 0 < pixel < 180:
        raise SchemaError(f"{counts}: pixels of {pixel:g} degrees")
    spread = read_table(psf, hdu="PSF", required=["Energy", "Psf"])
    theta = number_column(read_table(psf, hdu="THETA", required=["Theta"]), "Theta", str(psf))
    energy = number_column(spread, "Energy", str(psf))
    with reading(psf, "PSF table"):
        profiles = np.stack(spread["Psf"].to_list()).astype(float)
    if not (
        theta.size and np.all(np.diff(theta) > 0) and profiles.shape == (energy.size, theta.size)
    ):
        raise SchemaError(
            f"{psf}: PSF of shape {profiles.shape} on {theta.size} angles, which must rise"
        )
    if not (np.all(energy > 0) and np.all(edges > 0)):
        raise SchemaError(f"{counts}, {psf}: energies must be positive")
    middle = np.sqrt(edges.prod(1)) / 1000
    chosen = [int(np.argmin(np.abs(np.log(energy / e)))) for e in middle]
    half = int(np.clip(np.ceil(theta[-1] / pixel), 3, 20))
    stamps = np.stack([_radial(theta, profiles[i], pixel, half) for i in chosen])
    seconds = None
    if exposure is not None:
        seconds = image_extensions(exposure)[0][1]
        if len(seconds) != len(edges):
            at = np.linspace(0, len(seconds) - 1, 2 * len(edges) + 1)[1::2]
            seconds = np.stack([seconds[round(i)] for i in at])
    with content_of(counts):
        return PhotonImage(
            data, seconds, ImagePSF(stamps), edges * u.keV, wcs=wcs, name=Path(counts).name
        )


def _radial(theta: np.ndarray, profile: np.ndarray, pixel: float, half: int) -> np.ndarray:
    fine = 5
    side = (2 * half + 1) * fine
    offset = (np.arange(side) - (side - 1) / 2) / fine * pixel
    r = np.hypot(offset[:, None], offset)
    stamp = np.interp(r, theta, profile, right=0.0)
    stamp = stamp.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean((1, 3))
    return np.asarray(stamp / stamp.sum())
