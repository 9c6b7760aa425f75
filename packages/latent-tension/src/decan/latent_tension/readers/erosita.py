"""eROSITA: event lists (EDR, DR1), DR1 tiles, and the PSF of the calibration database."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decan.core.errors import DataNotAvailable, SchemaError
from decan.core.files import reading

from ..image import PhotonImage
from ..psf import ImagePSF
from .events import bin_events, edges_kev, event_table, tangential_wcs
from .images import celestial_wcs, content_of, image_extensions, number

__all__ = ["read_erosita_events", "read_erosita_psf", "read_erosita_tile"]

EROSITA_FLAGS = {"EDR": 0xC000F000, "DR1": 0xE000F000}


def read_erosita_events(
    path: str | os.PathLike[str],
    *,
    centre: tuple[float, float],
    n_pixels: int,
    energy_edges: Sequence[tuple[float, float]] = ((0.2, 1.0), (1.0, 2.0), (2.0, 4.5)),
    psf: Any,
    pixel_arcsec: float = 4.0,
    telescopes: Sequence[int] = (1, 2, 3, 4, 6),
    release: str = "EDR",
    exposure: str | os.PathLike[str] | None = None,
    exposure_cut_s: float = 500.0,
) -> PhotonImage:
    """An eROSITA event list binned on a tangential projection.

    Parameters
    ----------
    path : path-like
        Event list, extension EVENTS with columns RA, DEC (deg), PI (eV), TM_NR, PAT_TYP, FLAG.
    centre : (float, float)
        Right ascension and declination of the middle, degrees.
    n_pixels : int
        Pixels a side.
    energy_edges : sequence of (float, float) or Quantity
        Bands, keV.
    psf : ImagePSF or array_like
        Point spread function on these pixels; :func:`read_erosita_psf`.
    pixel_arcsec : float
        Side of a pixel.
    telescopes : sequence of int
        Modules to take; those with the on-chip filter by default.
    release : {'EDR', 'DR1'}
        Which flags mark bad events.
    exposure : path-like, optional
        eSASS ``expmap`` image on any grid; without it the exposure is flat, with a warning.
    exposure_cut_s : float
        Pixels with less are masked.

    Returns
    -------
    PhotonImage

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        If the file is absent, no FITS, or lacks a column.
    ValueError
        If the release is not known.

    Examples
    --------
    >>> read_erosita_events("no-such.fits", centre=(83.8, -69.3), n_pixels=64, psf=[[1.0]])
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such.fits: no such file
    """
    from astropy import units as u

    if release not in EROSITA_FLAGS:
        raise ValueError(f"release: must be one of {sorted(EROSITA_FLAGS)}, found {release!r}")
    edges = edges_kev(energy_edges)
    events = event_table(
        path, {"RA": "deg", "DEC": "deg", "PI": None, "TM_NR": None, "PAT_TYP": None, "FLAG": None}
    )
    bits = events["FLAG"].to_numpy()
    if not np.issubdtype(bits.dtype, np.integer):
        raise SchemaError(f"{path}: EVENTS column FLAG is {bits.dtype}, expected bits")
    flags = bits.astype(np.int64) & 0xFFFFFFFF
    good = (
        (flags & EROSITA_FLAGS[release] == 0)
        & np.isin(events["TM_NR"], telescopes)
        & (events["PAT_TYP"] <= 15)
    )
    events = events[good]
    wcs = tangential_wcs(centre, n_pixels, pixel_arcsec)
    x, y = wcs.wcs_world2pix(events["RA"], events["DEC"], 0)
    counts = bin_events(x, y, events["PI"] / 1000, edges, (n_pixels, n_pixels))
    if exposure is None:
        warnings.warn(f"{path}: no exposure map given; taken as flat", UserWarning, stacklevel=2)
        seconds: Any = None
    else:
        seconds = _on_pixels(exposure, wcs, n_pixels)
        seconds = np.where(seconds < exposure_cut_s, 0, seconds)
    with content_of(path):
        return PhotonImage(
            counts, seconds, psf, np.array(edges) * u.keV, wcs=wcs, name=Path(path).name
        )


def read_erosita_tile(
    folder: str | os.PathLike[str],
    *,
    bands: Sequence[int] = (5, 6, 7),
    psf: Any,
    cutout: tuple[slice, slice] | None = None,
) -> PhotonImage:
    """Counts and exposure of an eROSITA-DE DR1 sky tile, no external software needed.

    Parameters
    ----------
    folder : path-like
        Holds ``em01_RRRDDD_02b_Image_c*.fits(.gz)`` and ``..._ExposureMap_...`` for each band b.
    bands : sequence of int
        Bands of DR1: 5 is 0.2-0.5, 6 is 0.5-1.0, 7 is 1.0-2.0, 3 is 2.3-5.0 keV.
    psf : ImagePSF or array_like
        Point spread function on pixels of 4 arcsec.
    cutout : (slice, slice), optional
        (y, x) part of the tile of 3,240 pixels.

    Returns
    -------
    PhotonImage

    Raises
    ------
    DataNotAvailable
        If a band's files are not there.
    ValueError
        If a band is not known.

    Examples
    --------
    >>> read_erosita_tile("no-such-folder", psf=[[1.0]])
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such-folder: no file *_025_Image_*.fits* of ...
    """
    from astropy import units as u

    known = {
        1: (0.2, 0.6),
        2: (0.6, 2.3),
        3: (2.3, 5.0),
        4: (0.2, 2.3),
        5: (0.2, 0.5),
        6: (0.5, 1.0),
        7: (1.0, 2.0),
    }
    counts: list[np.ndarray] = []
    exposure: list[np.ndarray] = []
    wcs = None
    for band in bands:
        if band not in known:
            raise ValueError(f"bands: DR1 has {sorted(known)}, found {band}")
        for kind, into in (("Image", counts), ("ExposureMap", exposure)):
            files = sorted(Path(folder).glob(f"*_02{band}_{kind}_*.fits*"))
            if not files:
                raise DataNotAvailable(
                    f"{folder}: no file *_02{band}_{kind}_*.fits* of an eROSITA-DE DR1 tile; "
                    "tiles are at https://erosita.mpe.mpg.de/dr1/"
                )
            _, data, header = image_extensions(files[0])[0]
            into.append(data if cutout is None else data[cutout])
            if wcs is None:
                wcs = celestial_wcs(header, files[0])
    if wcs is not None and cutout is not None:
        wcs = wcs.slice(cutout)
    edges = np.array([known[b] for b in bands]) * u.keV
    order = np.argsort(edges[:, 0])
    with content_of(folder):
        return PhotonImage(
            np.stack(counts)[order],
            np.stack(exposure)[order],
            psf,
            edges[order],
            wcs=wcs,
            name=Path(folder).name,
        )


def read_erosita_psf(
    path: str | os.PathLike[str],
    *,
    energies_ev: Sequence[float] = (277, 1486, 3000),
    off_axis_arcmin: float = 0.0,
    pixel_arcsec: float = 4.0,
    size: int = 61,
) -> ImagePSF:
    """PSF images of the eROSITA calibration database, resampled on image pixels.

    Parameters
    ----------
    path : path-like
        ``tmN_2dpsf_190219v05.fits``: one image extension an energy and off-axis angle, named
        ``<energy>eV<angle>a...``.
    energies_ev : sequence of float
        One a band; the nearest extension is taken.
    off_axis_arcmin : float
        Off-axis angle; the nearest is taken.
    pixel_arcsec : float
        Pixels of the image.
    size : int
        Odd number of pixels of the stamps.

    Returns
    -------
    ImagePSF

    Raises
    ------
    SchemaError
        If no extension is named like that.

    Examples
    --------
    >>> read_erosita_psf("no-such.fits")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such.fits: no such file
    """
    import re

    from scipy.ndimage import map_coordinates

    known = {}
    for name, data, header in image_extensions(path):
        match = re.match(r"(\d+(?:\.\d+)?)eV(\d+(?:\.\d+)?)a", name, re.IGNORECASE)
        if match:
            known[float(match[1]), float(match[2])] = (data, header)
    if not known:
        raise SchemaError(f"{path}: no extension is named <energy>eV<angle>a...")
    stamps = []
    for energy in energies_ev:
        key = min(known, key=lambda k: (abs(k[0] - energy), abs(k[1] - off_axis_arcmin)))
        data, header = known[key]
        side = abs(number(header, "CDELT1", path)) * _arcsec(header, path)
        if data.ndim != 2 or side == 0:
            raise SchemaError(
                f"{path}: a PSF of shape {data.shape} with pixels of {side:g} arcsec is no image"
            )
        step = pixel_arcsec / side
        # Mean over each pixel, by a fine grid of points inside it.
        fine = 5
        offset = (np.arange(size * fine) - (size * fine - 1) / 2) / fine * step
        y, x = np.meshgrid(
            number(header, "CRPIX2", path) - 1 + offset,
            number(header, "CRPIX1", path) - 1 + offset,
            indexing="ij",
        )
        values = map_coordinates(data.astype(float), [y, x], order=1, mode="constant")
        stamp = values.reshape(size, fine, size, fine).mean((1, 3))
        if not stamp.sum() > 0:
            raise SchemaError(f"{path}: the PSF of {key[0]:g} eV has no light in its middle")
        stamps.append(np.clip(stamp, 0, None) / stamp.sum())
    with content_of(path):
        return ImagePSF(np.stack(stamps))


def _on_pixels(path: str | os.PathLike[str], wcs: Any, n_pixels: int) -> np.ndarray:
    """An image of a smooth quantity on other pixels, by linear interpolation."""
    from scipy.ndimage import map_coordinates

    _, data, header = image_extensions(path)[0]
    y, x = np.mgrid[:n_pixels, :n_pixels]
    lon, lat = wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    there = celestial_wcs(header, path)
    if there is None:
        raise SchemaError(f"{path}: no celestial coordinates in the header")
    px, py = there.wcs_world2pix(lon, lat, 0)
    ny, nx = data.shape
    values = map_coordinates(np.nan_to_num(data.astype(float)), [py, px], order=1, mode="nearest")
    within = (py > -0.5) & (py < ny - 0.5) & (px > -0.5) & (px < nx - 0.5)
    return np.asarray(np.where(within, values, 0.0).reshape(n_pixels, n_pixels))


def _arcsec(header: Any, path: str | os.PathLike[str]) -> float:
    from astropy import units as u

    with reading(path, "FITS header"):
        return float(u.Unit(header.get("CUNIT1", "arcsec")).to("arcsec"))
