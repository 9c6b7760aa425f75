"""Images of photon counts as FITS, with all that an observation knows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from decan.core.errors import DecanError, SchemaError
from decan.core.files import reading

from ..image import PhotonImage
from ..psf import ImagePSF, PSFGrid

__all__ = ["read_image", "write_image"]


def read_image(
    path: str | os.PathLike[str],
    *,
    exposure: str | os.PathLike[str] | None = None,
    psf: Any = None,
    energy_edges: Any = None,
    **more: Any,
) -> PhotonImage:
    """Counts of a FITS image or cube, with exposure and PSF from files of their own.

    A file written by :func:`write_image` holds everything already.

    Parameters
    ----------
    path : path-like
        Counts: the first extension with an image, (y, x) or (band, y, x).
    exposure : path-like, optional
        FITS image on the same pixels.
    psf : path-like, ImagePSF or array_like, optional
        FITS image or PSF; a file of :func:`write_image` gives its extension PSF. Where its
        header and that of the counts say how large their pixels are, it may lie on pixels
        that are a whole number of times finer.
    energy_edges : Quantity, optional
        Bands.
    **more
        Further arguments of :class:`PhotonImage`.

    Returns
    -------
    PhotonImage

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        If a file is absent, no FITS, holds no image or PSF, or what it holds is no
        observation; see :class:`PhotonImage`.

    Examples
    --------
    >>> import tempfile
    >>> from decan.latent_tension.psf import GaussianPSF
    >>> image = PhotonImage(np.ones((16, 16)), psf=GaussianPSF(1.0))
    >>> path = write_image(image, Path(tempfile.mkdtemp()) / "image.fits")
    >>> read_image(path)
    PhotonImage(1 band, 16 x 16 px, 256 counts)
    """
    from astropy import units as u

    found = image_extensions(path)
    names = {name for name, _, _ in found}
    counts, header = next(
        ((d, h) for n, d, h in found if n in ("COUNTS", "PRIMARY", "")), found[0][1:]
    )
    inside = {name: data for name, data, _ in found}
    kept: dict[str, Any] = {}
    wcs = celestial_wcs(header, path)
    if exposure is not None:
        kept["exposure"] = _exposure_of(exposure, wcs, path)
    elif "EXPOSURE" in names:
        kept["exposure"] = inside["EXPOSURE"]
    if psf is not None:
        kept["psf"] = psf if not isinstance(psf, str | os.PathLike) else _psf_of(psf, wcs, path)
    elif "PSF" in names:
        kept["psf"] = _psf_inside(path, found)
    else:
        raise SchemaError(f"{path}: no extension PSF; give one (psf=, or --psf)")
    for key, name in (("background", "BACKGROUND"), ("mask", "MASK")):
        if name in names:
            kept[key] = inside[name].astype(bool) if key == "mask" else inside[name]
    held = _edges(path, header)
    edges = energy_edges if energy_edges is not None or held is None else held * u.keV
    kept |= _own_keywords(path, header)
    kept.update(more)
    kept.setdefault("name", Path(path).name)
    while counts.ndim > 3 and counts.shape[0] == 1:  # axes of one, as radio's Stokes
        counts = counts[0]
    with content_of(path):
        return PhotonImage(counts, energy_edges=edges, wcs=wcs, **kept)


def write_image(image: PhotonImage, path: str | os.PathLike[str]) -> Path:
    """Everything an image knows, as one FITS file.

    Parameters
    ----------
    image : PhotonImage
        What to write.
    path : path-like
        The file.

    Returns
    -------
    pathlib.Path
        Extensions EXPOSURE, PSF, BACKGROUND, MASK; a PSF that varies over the field is an array
        (y, x, band, y, x) over the knots in the extensions PSF_Y and PSF_X.

    Examples
    --------
    >>> write_image.__name__
    'write_image'
    """
    from astropy.io import fits

    from decan.core.files import replacing

    header = image.wcs.celestial.to_header() if image.wcs is not None else fits.Header()
    if image.energy_edges is not None:
        for j, (low, high) in enumerate(image.energy_edges):
            header[f"ELO{j}"] = (low, "[keV] lower edge of the band")
            header[f"EHI{j}"] = (high, "[keV] upper edge of the band")
    for j, share in enumerate(image.band_response):
        header[f"BRESP{j}"] = (share, "share of counts of a source of index 0")
    if image.wcs is None and image.pixel_deg is not None:
        header["PIXDEG"] = (image.pixel_deg, "[deg] side of a pixel")
    if np.any(image.counts != np.rint(image.counts)):
        header["FRACTION"] = (True, "counts that are not whole are meant")
    parts = [
        fits.PrimaryHDU(image.counts, header),
        fits.ImageHDU(image.exposure, header, name="EXPOSURE"),
        fits.ImageHDU(image.background, header, name="BACKGROUND"),
        fits.ImageHDU(image.mask.astype(np.uint8), header, name="MASK"),
        *_psf_extensions(image),
    ]
    with replacing(path) as temporary:
        fits.HDUList(parts).writeto(temporary, overwrite=True)
    return Path(path)


def _psf_extensions(image: PhotonImage) -> list[Any]:
    from astropy.io import fits

    psf = image.psf
    if isinstance(psf, PSFGrid):
        return [
            fits.ImageHDU(psf.knots(image.n_bands), name="PSF"),
            fits.ImageHDU(psf.y, name="PSF_Y"),
            fits.ImageHDU(psf.x, name="PSF_X"),
        ]
    one = fits.ImageHDU(psf.fine_stamps(image.n_bands), name="PSF")
    one.header["OVERSAMP"] = (psf.oversampling, "PSF pixels a pixel and axis")
    return [one]


def image_extensions(path: str | os.PathLike[str]) -> list[tuple[str, np.ndarray, Any]]:
    """(name, data, header) of each extension that holds an image."""
    from astropy.io import fits

    with opened(path) as file:
        found = [
            (h.name.upper(), np.asarray(h.data), h.header)
            for h in file
            if isinstance(h, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU)
            and h.data is not None
        ]
    if not found:
        raise SchemaError(f"{path}: no extension holds an image")
    return found


def extension_names(path: str | os.PathLike[str]) -> list[str]:
    with opened(path) as file:
        return [h.name.upper() for h in file]


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """A FITS file; whatever goes wrong with it names it.

    Through a handle of our own: astropy leaves a file open whose header it cannot read.
    """
    from astropy.io import fits

    with (
        reading(path, "FITS file") as whole,
        whole.open("rb") as stream,
        fits.open(stream, memmap=False) as file,
    ):
        yield file


@contextmanager
def content_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """What a readable file holds; where it is no observation, the error names the file."""
    try:
        yield
    except DecanError:
        raise
    except ValueError as error:
        raise SchemaError(f"{path}: {error}") from error


def _exposure_of(
    path: str | os.PathLike[str], wcs: Any, counts: str | os.PathLike[str]
) -> np.ndarray:
    """An exposure map, which must lie where the counts do."""
    found = image_extensions(path)
    data, header = next(((d, h) for n, d, h in found if n == "EXPOSURE"), found[0][1:])
    there = celestial_wcs(header, path)
    if wcs is not None and there is not None:
        ny, nx = data.shape[-2:]
        corners = np.array([[0, 0], [nx - 1, 0], [0, ny - 1], [nx - 1, ny - 1]], float)
        with reading(path, "FITS header"):
            apart = wcs.wcs_world2pix(there.wcs_pix2world(corners, 0), 0) - corners
        if not np.abs(apart).max() < 1:
            raise SchemaError(
                f"{path}: its coordinates lie {np.abs(apart).max():.3g} pixels from those of "
                f"{counts}; an exposure map must be on the same pixels"
            )
    return data


def _psf_of(
    path: str | os.PathLike[str], wcs: Any, counts: str | os.PathLike[str]
) -> ImagePSF | PSFGrid:
    """A PSF from a file of its own, on the pixels of the counts or on finer ones."""
    from astropy.wcs.utils import proj_plane_pixel_scales

    found = image_extensions(path)
    if any(name == "PSF" for name, _, _ in found):
        return _psf_inside(path, found)
    _, data, header = found[0]
    there = celestial_wcs(header, path)
    finer = 1
    if wcs is not None and there is not None:
        own, theirs = (3600 * proj_plane_pixel_scales(w).mean() for w in (there, wcs))
        finer = max(1, round(theirs / own))
        if abs(theirs / own / finer - 1) > 0.02:
            raise SchemaError(
                f"{path}: pixels of {own:.4g} arcsec, those of {counts} have {theirs:.4g}; "
                "bring the PSF on the same pixels, or on a whole number of finer ones"
            )
    with content_of(path):
        return ImagePSF(data, oversampling=finer)


def _psf_inside(
    path: str | os.PathLike[str], found: list[tuple[str, np.ndarray, Any]]
) -> ImagePSF | PSFGrid:
    inside = {name: data for name, data, _ in found}
    with content_of(path):
        if "PSF_Y" in inside and "PSF_X" in inside:
            return PSFGrid(inside["PSF"], inside["PSF_Y"], inside["PSF_X"])
        header = next(h for n, _, h in found if n == "PSF")
        return ImagePSF(inside["PSF"], oversampling=number(header, "OVERSAMP", path, 1))


def number(header: Any, key: str, path: str | os.PathLike[str], default: Any = None) -> Any:
    """A number of a header, or one line that says what stands there."""
    with reading(path, "FITS header"):
        value = header.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise SchemaError(f"{path}: header keyword {key} is {value!r}, expected a number")
    return value


def celestial_wcs(header: Any, path: str | os.PathLike[str]) -> Any:
    from astropy.wcs import WCS

    if "CTYPE1" not in header:
        return None
    with reading(path, "FITS header"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old headers; what matters is checked by use
        wcs = WCS(header)
        return wcs.celestial if wcs.has_celestial else None


def _own_keywords(path: str | os.PathLike[str], header: Any) -> dict[str, Any]:
    """What :func:`write_image` keeps in the header besides the energies."""
    found: dict[str, Any] = {}
    shares: list[float] = []
    while f"BRESP{len(shares)}" in header:
        shares.append(number(header, f"BRESP{len(shares)}", path))
    if shares:
        found["band_response"] = shares
    if "PIXDEG" in header:
        found["pixel_scale"] = number(header, "PIXDEG", path)
    if header.get("FRACTION") is True:
        found["allow_float"] = True
    return found


def _edges(path: str | os.PathLike[str], header: Any) -> np.ndarray | None:
    found: list[tuple[float, float]] = []
    while f"ELO{len(found)}" in header:
        j = len(found)
        found.append((number(header, f"ELO{j}", path), number(header, f"EHI{j}", path)))
    return np.array(found) if found else None
