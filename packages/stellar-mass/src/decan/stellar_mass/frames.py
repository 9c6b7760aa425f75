"""Cutouts from archives: SDSS frames with aligned bands, the service of the Legacy Surveys."""

from __future__ import annotations

import bz2
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.remote import request
from decan.core.errors import CorruptFile, SchemaError

from .pixels import check_cutouts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["frame_address", "legacy_cutout", "read_cutout", "sdss_cutout"]

FRAMES = "https://dr17.sdss.org/sas/dr17/eboss/photoObj/frames"
LEGACY = "https://www.legacysurvey.org/viewer/fits-cutout"
PIXEL_ARCSEC = 0.396


def frame_address(run: int, camcol: int, field: int, band: str, *, rerun: int = 301) -> str:
    """Address of a calibrated, sky-subtracted frame of SDSS.

    Parameters
    ----------
    run, camcol, field, rerun : int
        As in the table PhotoObj.
    band : {'u', 'g', 'r', 'i', 'z'}
        Band.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such band.

    Examples
    --------
    >>> frame_address(3894, 6, 37, "r")[-42:]
    '/301/3894/6/frame-r-003894-6-0037.fits.bz2'
    """
    if band not in "ugriz" or len(band) != 1:
        raise ValueError(f"band: {band!r} is none of u, g, r, i, z")
    name = f"frame-{band}-{run:06d}-{camcol}-{field:04d}.fits.bz2"
    return f"{FRAMES}/{rerun}/{run}/{camcol}/{name}"


def sdss_cutout(
    run: int, camcol: int, field: int, ra_deg: float, dec_deg: float, *, size: int = 64
) -> NDArray[np.float32]:
    """Five-band cutout of SDSS, all bands on the pixels of the r band.

    Frames of different bands are offset by a few pixels; each is resampled to the r band's
    coordinates by linear interpolation.

    Parameters
    ----------
    run, camcol, field : int
        As in the table PhotoObj.
    ra_deg, dec_deg : float
        Centre, degrees, ICRS.
    size : int
        Pixels of 0.396 arcsec on a side.

    Returns
    -------
    ndarray of float32, shape (5, size, size)
        Nanomaggies, ugriz.

    Raises
    ------
    DataNotAvailable
        If a frame cannot be had.
    CorruptFile
        If a frame cannot be read.
    SchemaError
        If the cutout leaves the frame for more than 5 % of its pixels.

    Examples
    --------
    >>> sdss_cutout.__name__
    'sdss_cutout'
    """
    frames = {
        band: request(frame_address(run, camcol, field, band), timeout_s=120.0) for band in "ugriz"
    }
    return aligned_cutout(frames, ra_deg, dec_deg, size=size)


def aligned_cutout(
    frames: dict[str, bytes], ra_deg: float, dec_deg: float, *, size: int = 64
) -> NDArray[np.float32]:
    """Frames of several bands, as files in memory, resampled to the pixels of the r band."""
    from scipy.ndimage import map_coordinates

    opened = {band: _frame(body, f"frame {band}") for band, body in frames.items()}
    for band, (image, _) in opened.items():
        if image.ndim != 2:
            raise SchemaError(f"frame {band}: shape {image.shape}, expected two dimensions")
    red = _coordinates(opened["r"][1], "frame r")
    x, y = red.all_world2pix(ra_deg, dec_deg, 0)
    step = np.arange(size) - (size - 1) / 2
    columns, rows = np.meshgrid(np.round(x) + step, np.round(y) + step)
    ra, dec = red.all_pix2world(columns, rows, 0)
    out = []
    for band, (image, header) in opened.items():
        there = _coordinates(header, f"frame {band}").all_world2pix(ra, dec, 0)
        out.append(map_coordinates(image, [there[1], there[0]], order=1, cval=np.nan))
    return _checked(np.stack(out))


def legacy_cutout(
    ra_deg: float,
    dec_deg: float,
    *,
    size: int = 64,
    bands: str = "ugriz",
    layer: str = "sdss",
    url: str = LEGACY,
) -> NDArray[np.float32]:
    """Cutout from the viewer of the Legacy Surveys, bands on the first axis.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Centre, degrees, ICRS.
    size : int
        Pixels of 0.396 arcsec on a side.
    bands : str
        Bands in the order in which they are wanted.
    layer : str
        Layer of the viewer.
    url : str
        Address of the service.

    Returns
    -------
    ndarray of float32, shape (bands, size, size)
        Nanomaggies.

    Raises
    ------
    DataNotAvailable
        If the service does not answer.
    SchemaError
        If it answers other bands or another size.

    Examples
    --------
    >>> legacy_cutout.__name__
    'legacy_cutout'
    """
    parameters = {"ra": ra_deg, "dec": dec_deg, "layer": layer, "pixscale": PIXEL_ARCSEC,
                  "size": size, "bands": bands}  # fmt: skip
    body = request(url, params=parameters, timeout_s=120.0)
    return read_cutout(body, bands=bands, size=size)


def read_cutout(
    body: bytes, *, bands: str = "ugriz", size: int | None = None
) -> NDArray[np.float32]:
    """A cutout as the service's FITS file holds it, refused where the bands are others.

    Parameters
    ----------
    body : bytes
        The file.
    bands : str
        Bands in the order in which they must stand.
    size : int, optional
        Pixels on a side.

    Returns
    -------
    ndarray of float32, shape (bands, size, size)

    Raises
    ------
    CorruptFile
        If it is no FITS file.
    SchemaError
        If bands, their order, or the size differ; if a band is empty or too much is missing.

    Examples
    --------
    >>> from astropy.io import fits
    >>> hdu = fits.PrimaryHDU(np.ones((2, 8, 8), dtype=np.float32))
    >>> hdu.header["BANDS"] = "gr"
    >>> file = io.BytesIO()
    >>> hdu.writeto(file)
    >>> read_cutout(file.getvalue(), bands="gr").shape
    (2, 8, 8)
    """
    image, header = _frame(body, "cutout")
    told = str(header.get("BANDS", bands)).strip()
    if told != bands:
        raise SchemaError(f"cutout: bands {told!r}, expected {bands!r} in this order")
    wanted = (len(bands), size or image.shape[-1], size or image.shape[-1])
    if image.shape != wanted:
        raise SchemaError(f"cutout: shape {image.shape}, expected {wanted}")
    return _checked(image)


def _checked(image: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        return check_cutouts(image[None])[0]
    except ValueError as error:
        raise SchemaError(f"cutout: {error}") from error


def _coordinates(header: Any, name: str) -> Any:
    from astropy.wcs import WCS

    try:
        found = WCS(header)
        if found.naxis != 2 or not found.has_celestial:
            raise ValueError("no two celestial axes")
        found.all_pix2world(0, 0, 0)
    except Exception as error:  # a spoilt header makes the parser raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CorruptFile(f"{name}: no world coordinates ({reason})") from error
    return found


def _frame(body: bytes, name: str) -> tuple[NDArray[np.float32], Any]:
    from astropy.io import fits

    try:
        plain = bz2.decompress(body) if body[:3] == b"BZh" else body
        with fits.open(io.BytesIO(plain)) as opened:
            data: Any = opened[0].data
            image, header = np.asarray(data, dtype=np.float32), opened[0].header.copy()
    except Exception as error:  # a spoilt file makes the parser raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CorruptFile(f"{name}: no FITS image ({reason})") from error
    if image.ndim < 2:
        raise CorruptFile(f"{name}: no FITS image (its array has shape {image.shape})")
    return image, header
