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
        ``gtexpcube2`` on the same pixels; interpolated to the bands in the energies of its
        extension ENERGIES. Without it there must be one plane a band, or one an edge.

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
    ny, nx = data.shape[-2:]
    half = int(np.clip(np.ceil(_radius(theta, profiles[chosen]) / pixel), 3, max(ny, nx)))
    stamps = np.stack([_radial(theta, profiles[i], pixel, half) for i in chosen])
    seconds = None if exposure is None else _exposure_in_bands(exposure, middle)
    with content_of(counts):
        return PhotonImage(
            data, seconds, ImagePSF(stamps), edges * u.keV, wcs=wcs, name=Path(counts).name
        )


def _exposure_in_bands(path: str | os.PathLike[str], middle: np.ndarray) -> np.ndarray:
    """Exposure at the middle energies (MeV) of the bands, linear in the log of the energy."""
    from decan.core.data.tables import number_column, read_table

    planes = np.asarray(image_extensions(path)[0][1], float)
    planes = planes[None] if planes.ndim == 2 else planes
    n = len(middle)
    if "ENERGIES" in extension_names(path):
        table = read_table(path, hdu="ENERGIES", required={"Energy": "MeV"})
        known = number_column(table, "Energy", str(path))
        if len(known) != len(planes) or not (np.all(known > 0) and np.all(np.diff(known) > 0)):
            raise SchemaError(
                f"{path}: ENERGIES holds {len(known)} energies for {len(planes)} planes; they "
                "must be as many, positive, and rise"
            )
        weights = [np.interp(np.log(middle), np.log(known), one) for one in np.eye(len(known))]
        return np.einsum("kn,kyx->nyx", np.array(weights), planes)
    if len(planes) == n + 1:  # at the edges
        return np.asarray((planes[1:] + planes[:-1]) / 2)
    if len(planes) not in (1, n):
        raise SchemaError(
            f"{path}: {len(planes)} planes for {n} bands and no extension ENERGIES that says "
            "where they lie"
        )
    return planes


def _radius(theta: np.ndarray, profiles: np.ndarray) -> float:
    """Angle that holds 99.5 % of the light of every profile."""
    ring = profiles * theta
    light = np.cumsum((ring[:, 1:] + ring[:, :-1]) / 2 * np.diff(theta), axis=1)
    enough = light >= 0.995 * light[:, -1:]
    return float(max(theta[1 + np.argmax(row)] for row in enough))


def _radial(theta: np.ndarray, profile: np.ndarray, pixel: float, half: int) -> np.ndarray:
    fine = 5
    side = (2 * half + 1) * fine
    offset = (np.arange(side) - (side - 1) / 2) / fine * pixel
    r = np.hypot(offset[:, None], offset)
    stamp = np.interp(r, theta, profile, right=0.0)
    stamp = stamp.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean((1, 3))
    return np.asarray(stamp / stamp.sum())
