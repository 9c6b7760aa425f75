"""Images and event lists of X-ray and gamma-ray archives, as :class:`PhotonImage`.

Formats as their archives describe them: eROSITA event lists (EDR, DR1) and DR1 tiles,
Chandra event lists and CIAO images, fermitools cubes, gammapy maps, and plain FITS images.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError

from .image import PhotonImage
from .psf import ImagePSF

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "bin_events",
    "read_chandra",
    "read_erosita_events",
    "read_erosita_psf",
    "read_erosita_tile",
    "read_fermi",
    "read_image",
    "write_image",
]

EROSITA_FLAGS = {"EDR": 0xC000F000, "DR1": 0xE000F000}


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
        FITS image or PSF.
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
        If a file is absent, no FITS, or holds no image.

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

    found = _images(path)
    names = {name for name, _, _ in found}
    counts, header = next(
        ((d, h) for n, d, h in found if n in ("COUNTS", "PRIMARY", "")), found[0][1:]
    )
    inside = {name: data for name, data, _ in found}
    kept: dict[str, Any] = {}
    if exposure is not None:
        kept["exposure"] = _images(exposure)[0][1]
    elif "EXPOSURE" in names:
        kept["exposure"] = inside["EXPOSURE"]
    if psf is not None:
        kept["psf"] = psf if not isinstance(psf, str | os.PathLike) else _images(psf)[0][1]
    elif "PSF" in names:
        kept["psf"] = inside["PSF"]
    else:
        raise ValueError(f"{path}: no extension PSF; give psf=")
    for key, name in (("background", "BACKGROUND"), ("mask", "MASK")):
        if name in names:
            kept[key] = inside[name].astype(bool) if key == "mask" else inside[name]
    edges = energy_edges if energy_edges is not None else _edges(header)
    if edges is not None and not hasattr(edges, "unit"):
        edges = edges * u.keV
    kept.update(more)
    kept.setdefault("name", Path(path).name)
    return PhotonImage(counts, energy_edges=edges, wcs=_wcs(header), **kept)


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

    Raises
    ------
    ValueError
        If the PSF varies over the field, for which FITS has no common form.

    Examples
    --------
    >>> write_image.__name__
    'write_image'
    """
    from astropy.io import fits

    from decan.core.files import replacing

    if not isinstance(image.psf, ImagePSF):
        raise ValueError("psf: varies over the field and has no common FITS form")
    header = image.wcs.celestial.to_header() if image.wcs is not None else fits.Header()
    if image.energy_edges is not None:
        for j, (low, high) in enumerate(image.energy_edges):
            header[f"ELO{j}"] = (low, "[keV] lower edge of the band")
            header[f"EHI{j}"] = (high, "[keV] upper edge of the band")
    parts = [
        fits.PrimaryHDU(image.counts, header),
        fits.ImageHDU(image.exposure, header, name="EXPOSURE"),
        fits.ImageHDU(image.psf.stamps(image.n_bands), name="PSF"),
        fits.ImageHDU(image.background, header, name="BACKGROUND"),
        fits.ImageHDU(image.mask.astype(np.uint8), header, name="MASK"),
    ]
    with replacing(path) as temporary:
        fits.HDUList(parts).writeto(temporary, overwrite=True)
    return Path(path)


def bin_events(
    x: Any, y: Any, energy: Any, edges: Sequence[tuple[float, float]], shape: tuple[int, int]
) -> np.ndarray:
    """Counts in bands and pixels of events at pixel coordinates.

    Parameters
    ----------
    x, y : array_like
        Pixel coordinates, first pixel's centre (0, 0).
    energy : array_like
        In the unit of the edges.
    edges : sequence of (float, float)
        Bands.
    shape : (int, int)
        (y, x) pixels.

    Returns
    -------
    ndarray, shape (band, y, x)

    Examples
    --------
    >>> bin_events([0.2, 3.0], [1.0, 1.4], [0.5, 1.5], [(0.2, 1), (1, 2)], (2, 4)).sum((1, 2))
    array([1., 1.])
    """
    x, y, energy = (np.asarray(a, float) for a in (x, y, energy))
    ny, nx = shape
    bins = (np.arange(ny + 1) - 0.5, np.arange(nx + 1) - 0.5)
    return np.stack(
        [
            np.histogram2d(y[inside], x[inside], bins)[0]
            for low, high in edges
            for inside in [(energy >= low) & (energy < high)]
        ]
    )


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
    energy_edges : sequence of (float, float)
        Bands in keV.
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
    events = _events(
        path, {"RA": "deg", "DEC": "deg", "PI": None, "TM_NR": None, "PAT_TYP": None, "FLAG": None}
    )
    flags = events["FLAG"].to_numpy().astype(np.int64) & 0xFFFFFFFF
    good = (
        (flags & EROSITA_FLAGS[release] == 0)
        & np.isin(events["TM_NR"], telescopes)
        & (events["PAT_TYP"] <= 15)
    )
    events = events[good]
    wcs = tangential_wcs(centre, n_pixels, pixel_arcsec)
    x, y = wcs.wcs_world2pix(events["RA"], events["DEC"], 0)
    counts = bin_events(x, y, events["PI"] / 1000, energy_edges, (n_pixels, n_pixels))
    if exposure is None:
        warnings.warn(f"{path}: no exposure map given; taken as flat", UserWarning, stacklevel=2)
        seconds: Any = None
    else:
        seconds = _on_pixels(exposure, wcs, n_pixels)
        seconds = np.where(seconds < exposure_cut_s, 0, seconds)
    return PhotonImage(
        counts, seconds, psf, np.array(energy_edges) * u.keV, wcs=wcs, name=Path(path).name
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
            _, data, header = _images(files[0])[0]
            into.append(data if cutout is None else data[cutout])
            if wcs is None:
                wcs = _wcs(header)
    if wcs is not None and cutout is not None:
        wcs = wcs.slice(cutout)
    edges = np.array([known[b] for b in bands]) * u.keV
    order = np.argsort(edges[:, 0])
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
    for name, data, header in _images(path):
        match = re.match(r"(\d+(?:\.\d+)?)eV(\d+(?:\.\d+)?)a", name, re.IGNORECASE)
        if match:
            known[float(match[1]), float(match[2])] = (data, header)
    if not known:
        raise SchemaError(f"{path}: no extension is named <energy>eV<angle>a...")
    stamps = []
    for energy in energies_ev:
        key = min(known, key=lambda k: (abs(k[0] - energy), abs(k[1] - off_axis_arcmin)))
        data, header = known[key]
        step = pixel_arcsec / (abs(header["CDELT1"]) * _arcsec(header.get("CUNIT1", "arcsec")))
        # Mean over each pixel, by a fine grid of points inside it.
        fine = 5
        offset = (np.arange(size * fine) - (size * fine - 1) / 2) / fine * step
        y, x = np.meshgrid(
            header["CRPIX2"] - 1 + offset, header["CRPIX1"] - 1 + offset, indexing="ij"
        )
        values = map_coordinates(data.astype(float), [y, x], order=1, mode="constant")
        stamp = values.reshape(size, fine, size, fine).mean((1, 3))
        stamps.append(np.clip(stamp, 0, None) / stamp.sum())
    return ImagePSF(np.stack(stamps))


def read_chandra(
    path: str | os.PathLike[str],
    *,
    psf: Any,
    energy_edges: Sequence[tuple[float, float]] = ((0.5, 7.0),),
    centre: tuple[float, float] | None = None,
    n_pixels: int = 128,
    binning: float = 1.0,
    exposure: str | os.PathLike[str] | None = None,
) -> PhotonImage:
    """A Chandra event list (``evt2``) binned on its sky pixels.

    Parameters
    ----------
    path : path-like
        Extension EVENTS with columns x, y (sky pixels of 0.492 arcsec) and energy (eV).
    psf : ImagePSF or array_like
        Point spread function on these pixels.
    energy_edges : sequence of (float, float)
        Bands in keV.
    centre : (float, float), optional
        Sky pixel (x, y) in the middle; the median of the events by default.
    n_pixels : int
        Pixels a side.
    binning : float
        Sky pixels a pixel.
    exposure : path-like, optional
        CIAO exposure map on the same pixels; flat without it.

    Returns
    -------
    PhotonImage

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        If the file is absent, no FITS, or lacks a column.

    Examples
    --------
    >>> read_chandra("no-such.fits", psf=[[1.0]])
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such.fits: no such file
    """
    from astropy import units as u
    from astropy.io import fits
    from astropy.wcs import WCS

    events = _events(path, {"x": None, "y": None, "energy": None})
    if centre is None:
        centre = float(events["x"].median()), float(events["y"].median())
    low = [c - binning * (n_pixels - 1) / 2 for c in centre]
    x, y = ((events[k] - at) / binning for k, at in zip(("x", "y"), low, strict=True))
    counts = bin_events(x, y, events["energy"] / 1000, energy_edges, (n_pixels, n_pixels))
    with fits.open(path) as file:
        header = file["EVENTS"].header
        names = [c.lower() for c in file["EVENTS"].columns.names]
        wcs = None
        i, j = names.index("x") + 1, names.index("y") + 1
        if f"TCRVL{i}" in header:
            wcs = WCS(naxis=2)
            wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
            wcs.wcs.crval = [header[f"TCRVL{k}"] for k in (i, j)]
            wcs.wcs.cdelt = [header[f"TCDLT{k}"] * binning for k in (i, j)]
            wcs.wcs.crpix = [
                (header[f"TCRPX{k}"] - at) / binning + 1 for k, at in zip((i, j), low, strict=True)
            ]
    seconds = None if exposure is None else _images(exposure)[0][1]
    return PhotonImage(
        counts, seconds, psf, np.array(energy_edges) * u.keV, wcs=wcs, name=Path(path).name
    )


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
    from astropy.wcs import WCS

    from decan.core.data.tables import read_table

    found = _images(counts)
    data, header = next(((d, h) for n, d, h in found if n == "COUNTS"), found[0][1:])
    names = _extensions(counts)
    bounds = next((n for n in ("EBOUNDS", "COUNTS_BANDS") if n in names), None)
    if bounds is None:
        raise SchemaError(f"{counts}: no extension EBOUNDS or COUNTS_BANDS; it has {names}")
    table = read_table(counts, hdu=bounds, required={"E_MIN": "keV", "E_MAX": "keV"})
    edges = table[["E_MIN", "E_MAX"]].to_numpy(float)
    wcs = WCS(header).celestial
    pixel = abs(float(wcs.wcs.cdelt[1]))
    spread = read_table(psf, hdu="PSF", required=["Energy", "Psf"])
    theta = read_table(psf, hdu="THETA", required=["Theta"])["Theta"].to_numpy(float)
    profiles = np.stack(spread["Psf"].to_list())
    middle = np.sqrt(edges.prod(1)) / 1000
    chosen = [int(np.argmin(np.abs(np.log(spread["Energy"] / e)))) for e in middle]
    half = int(np.clip(np.ceil(theta[-1] / pixel), 3, 20))
    stamps = np.stack([_radial(theta, profiles[i], pixel, half) for i in chosen])
    seconds = None
    if exposure is not None:
        seconds = _images(exposure)[0][1]
        if len(seconds) != len(edges):
            at = np.linspace(0, len(seconds) - 1, 2 * len(edges) + 1)[1::2]
            seconds = np.stack([seconds[round(i)] for i in at])
    return PhotonImage(
        data, seconds, ImagePSF(stamps), edges * u.keV, wcs=wcs, name=Path(counts).name
    )


def tangential_wcs(centre: tuple[float, float], n_pixels: int, pixel_arcsec: float) -> Any:
    """A TAN projection with north up and east left, its middle at a direction."""
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = list(centre)
    wcs.wcs.crpix = [(n_pixels + 1) / 2] * 2
    wcs.wcs.cdelt = [-pixel_arcsec / 3600, pixel_arcsec / 3600]
    return wcs


def _radial(theta: np.ndarray, profile: np.ndarray, pixel: float, half: int) -> np.ndarray:
    fine = 5
    side = (2 * half + 1) * fine
    offset = (np.arange(side) - (side - 1) / 2) / fine * pixel
    r = np.hypot(offset[:, None], offset)
    stamp = np.interp(r, theta, profile, right=0.0)
    stamp = stamp.reshape(2 * half + 1, fine, 2 * half + 1, fine).mean((1, 3))
    return np.asarray(stamp / stamp.sum())


def _events(path: str | os.PathLike[str], columns: dict[str, str | None]) -> pd.DataFrame:
    """Columns of an event list.

    Read without the checksums of its header: archives' own tools cut event lists without
    renewing them.
    """
    import pandas as pd
    from astropy.io import fits

    if not Path(path).is_file():
        raise DataNotAvailable(f"{path}: no such file")
    try:
        with fits.open(path, memmap=False) as file:
            if "EVENTS" not in file:
                raise SchemaError(f"{path}: no extension EVENTS; it has {[h.name for h in file]}")
            data = file["EVENTS"].data
            there = {name.lower(): name for name in data.columns.names}
            missing = [name for name in columns if name.lower() not in there]
            if missing:
                raise SchemaError(
                    f"{path}: EVENTS has no column {missing[0]!r}; it has {sorted(there.values())}"
                )
            found = {name: np.asarray(data[there[name.lower()]]) for name in columns}
    except OSError as error:
        raise CorruptFile(f"{path}: not a FITS file, or cut ({error})") from error
    return pd.DataFrame({k: v.astype(v.dtype.newbyteorder("=")) for k, v in found.items()})


def _images(path: str | os.PathLike[str]) -> list[tuple[str, np.ndarray, Any]]:
    """(name, data, header) of each extension that holds an image."""
    from astropy.io import fits

    if not Path(path).is_file():
        raise DataNotAvailable(f"{path}: no such file")
    try:
        with fits.open(path, memmap=False) as file:
            found = [
                (h.name.upper(), np.asarray(h.data), h.header)
                for h in file
                if isinstance(h, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU)
                and h.data is not None
            ]
    except (OSError, ValueError, TypeError) as error:
        raise CorruptFile(f"{path}: not a FITS file, or cut ({error})") from error
    if not found:
        raise SchemaError(f"{path}: no extension holds an image")
    return found


def _extensions(path: str | os.PathLike[str]) -> list[str]:
    from astropy.io import fits

    with fits.open(path) as file:
        return [h.name.upper() for h in file]


def _wcs(header: Any) -> Any:
    from astropy.wcs import WCS

    if "CTYPE1" not in header:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old headers; what matters is checked by use
        wcs = WCS(header)
    return wcs.celestial if wcs.has_celestial else None


def _edges(header: Any) -> np.ndarray | None:
    found: list[tuple[float, float]] = []
    while f"ELO{len(found)}" in header:
        found.append((header[f"ELO{len(found)}"], header[f"EHI{len(found)}"]))
    return np.array(found) if found else None


def _on_pixels(path: str | os.PathLike[str], wcs: Any, n_pixels: int) -> np.ndarray:
    """An image of a smooth quantity on other pixels, by linear interpolation."""
    from scipy.ndimage import map_coordinates

    _, data, header = _images(path)[0]
    y, x = np.mgrid[:n_pixels, :n_pixels]
    lon, lat = wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    there = _wcs(header)
    if there is None:
        raise SchemaError(f"{path}: no celestial coordinates in the header")
    px, py = there.wcs_world2pix(lon, lat, 0)
    ny, nx = data.shape
    values = map_coordinates(np.nan_to_num(data.astype(float)), [py, px], order=1, mode="nearest")
    within = (py > -0.5) & (py < ny - 0.5) & (px > -0.5) & (px < nx - 0.5)
    return np.asarray(np.where(within, values, 0.0).reshape(n_pixels, n_pixels))


def _arcsec(unit: str) -> float:
    from astropy import units as u

    return float(u.Unit(unit).to("arcsec"))
