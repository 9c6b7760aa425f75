"""Single FITS images of any radio survey, as FIRST would show them: its pixels, its beam."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from decan.core.errors import CorruptFile, SchemaError
from decan.core.files import reading

from .islands import BEAM_ARCSEC, PIXEL_ARCSEC

__all__ = ["in_first_beam", "in_first_pixels", "is_table", "read_image", "resampled"]

# Pixels of other sizes (arcsec) are a damaged header: resampled, they would fill the memory.
_FINEST, _COARSEST = 0.05, 60.0
# A beam below this share of FIRST's would show more than the networks have ever seen.
_SHARP = 0.9
_HISTORY_BEAM = re.compile(r"BMAJ=\s*(\S+)\s+BMIN=\s*(\S+)\s+BPA=\s*(\S+)")


def read_image(path: Path, *, beam_arcsec: float = BEAM_ARCSEC) -> dict[str, Any]:
    """One FITS image on the pixels of FIRST, and through its beam if its own is sharper.

    Parameters
    ----------
    path : pathlib.Path
        The file. Axes of length one are dropped.
    beam_arcsec : float
        Beam where the header tells none.

    Returns
    -------
    dict
        ``name``, ``image`` (ny, nx), ``beam`` (arcsec, arcsec, degrees), ``note``, ``ra``
        and ``dec`` (degrees).

    Raises
    ------
    CorruptFile, DataNotAvailable, SchemaError
        As :meth:`CutoutSet.from_fits`.

    Examples
    --------
    >>> read_image(Path("nowhere.fits"))
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: nowhere.fits: no such file
    """
    with reading(path, "FITS image"):
        data, header = _first_image(path)
        while data.ndim > 2:
            if data.shape[0] != 1:
                axis = data.ndim
                kind = header.get(f"CTYPE{axis}", "")
                raise SchemaError(
                    f"{path}: a cube; FITS axis {axis} ({kind}) has {data.shape[0]} planes. "
                    "Select one plane and write it as an image"
                )
            data = data[0]
        beam, notes = _beam(path, header, beam_arcsec)
        image = np.where(np.isfinite(data), data, np.nan).astype(np.float32)
        scale, told = _scale(path, header)
        notes += told
        image, told = in_first_pixels(image, scale)
        notes += told
        image, beam, told = in_first_beam(image, beam)
        return {
            "name": str(header.get("OBJECT") or Path(path.name.removesuffix(".gz")).stem).strip(),
            "image": image,
            "beam": beam,
            "note": "; ".join([*notes, *told]),
            **_centre(header, data.shape),
        }


def is_table(path: Path) -> bool:
    """Whether a FITS file holds a table and no image.

    Parameters
    ----------
    path : pathlib.Path
        The file; what cannot be read is no table.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_table(Path("nowhere.fits"))
    False
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    try:
        with (
            warnings.catch_warnings(),
            path.open("rb") as handle,
            fits.open(handle, memmap=False) as hdus,
        ):
            warnings.simplefilter("ignore", AstropyWarning)
            images = any(hdu.is_image and hdu.header.get("NAXIS", 0) > 1 for hdu in hdus)
            return not images and any(isinstance(hdu, fits.BinTableHDU) for hdu in hdus)
    except Exception:  # a spoilt file makes the parser raise anything; its reader tells
        return False


def _first_image(path: Path) -> tuple[NDArray[Any], Any]:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(path) as hdus:
            for hdu in hdus:
                if hdu.is_image and hdu.data is not None and hdu.data.ndim > 1:
                    return np.asarray(hdu.data), _with_numbers(hdu.header.copy())
    raise CorruptFile(f"{path}: no image in it")


def _with_numbers(header: Any) -> Any:
    """The header with coordinates that it holds as text made into numbers."""
    for key in [key for key in header if re.match(r"CRPIX|CRVAL|CDELT|(CD|PC)\d", key)]:
        if isinstance(header[key], str) and np.isfinite(_number(header[key])):
            header[key] = _number(header[key])
    return header


def _beam(path: Path, header: Any, assumed: float) -> tuple[list[float], list[str]]:
    """Beam in arcseconds; a missing or zero one is the survey's, and that is said once."""
    axes = [_number(header.get(key)) for key in ("BMAJ", "BMIN", "BPA")]
    if not _is_beam(axes):
        # AIPS writes the beam of a cleaned image into its history alone.
        told = _HISTORY_BEAM.findall(" ".join(str(line) for line in header.get("HISTORY", [])))
        axes = [_number(value) for value in told[-1]] if told else axes
    if _is_beam(axes):
        return [axes[0] * 3600, axes[1] * 3600, axes[2] if np.isfinite(axes[2]) else 0.0], []
    note = f"beam unknown, {assumed:g} arcsec assumed"
    warnings.warn(f"{path.name}: {note} (BMAJ, BMIN absent or zero)", stacklevel=5)
    return [assumed, assumed, 0.0], [note]


def _is_beam(axes: list[float]) -> bool:
    return bool(np.isfinite(axes[:2]).all() and min(axes[:2]) > 0)


def _number(value: Any) -> float:
    """A number of a header, also one written as text or with Fortran's exponent."""
    try:
        return float(str(value).strip().upper().replace("D", "E"))
    except ValueError:
        return float("nan")


def _scale(path: Path, header: Any) -> tuple[float, list[str]]:
    """Pixel scale in arcseconds; FIRST's where the header tells none."""
    sides = _sides(header)
    if sides is None:
        note = f"pixel scale unknown, {PIXEL_ARCSEC} arcsec assumed"
        warnings.warn(f"{path.name}: {note}", stacklevel=5)
        return PIXEL_ARCSEC, [note]
    if not all(_FINEST <= side <= _COARSEST for side in sides):
        raise SchemaError(
            f"{path}: pixels of {sides[1]:.3g} arcsec, expected {_FINEST} to {_COARSEST:g}; "
            "correct CDELT2 or CD2_2"
        )
    if abs(sides[0] / sides[1] - 1) > 0.01:
        raise SchemaError(
            f"{path}: pixels of {sides[0]:.3g} by {sides[1]:.3g} arcsec, expected square ones; "
            "resample the image"
        )
    return sides[1], []


def _sides(header: Any) -> tuple[float, float] | None:
    """Sides of a pixel, arcseconds, however the header turns, shears or names them."""
    from astropy.utils.exceptions import AstropyWarning
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_scales

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            wcs = WCS(header).celestial
            if wcs.naxis == 2 and ("CDELT2" in header or "CD2_2" in header or "CD2_1" in header):
                x, y = 3600 * proj_plane_pixel_scales(wcs)
                if min(x, y) > 0:
                    return float(x), float(y)
    except Exception:  # a header without a usable WCS may still hold the two numbers
        pass
    found = [abs(_number(header.get(key))) * 3600 for key in ("CDELT1", "CDELT2")]
    if not found[1] > 0:
        found = [abs(_number(header.get(key))) * 3600 for key in ("CD1_1", "CD2_2")]
    if not found[1] > 0:
        return None
    return (found[0] if found[0] > 0 else found[1]), found[1]


def in_first_pixels(
    image: NDArray[np.float32], pixel_arcsec: float
) -> tuple[NDArray[np.float32], list[str]]:
    """An image on pixels of 1.8 arcsec, and a note where it had others.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        NaN where nothing was observed.
    pixel_arcsec : float
        Its pixels.

    Returns
    -------
    image : ndarray of float32
    notes : list of str

    Examples
    --------
    >>> in_first_pixels(np.ones((8, 8), np.float32), 0.9)[1]
    ['resampled from 0.9 arcsec/px']
    """
    if abs(pixel_arcsec / PIXEL_ARCSEC - 1) < 5e-3:
        return image, []
    return resampled(image, pixel_arcsec), [f"resampled from {pixel_arcsec:.3g} arcsec/px"]


def in_first_beam(
    image: NDArray[np.float32], beam: list[float]
) -> tuple[NDArray[np.float32], list[float], list[str]]:
    """An image of a sharper survey as FIRST's beam would show it, in flux a new beam.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        On pixels of 1.8 arcsec, NaN where nothing was observed.
    beam : list of float
        Major and minor axis (arcsec) and position angle (degrees).

    Returns
    -------
    image : ndarray of float32
    beam : list of float
    notes : list of str

    Examples
    --------
    >>> in_first_beam(np.ones((8, 8), np.float32), [2.5, 2.5, 0.0])[2]
    ['smoothed from a beam of 2.5 to 5.4 arcsec']
    """
    own = float(np.sqrt(beam[0] * beam[1]))
    if own > _SHARP * BEAM_ARCSEC:
        return image, beam, []
    sigma = np.sqrt(BEAM_ARCSEC**2 - own**2) / 2.3548 / PIXEL_ARCSEC
    known = np.isfinite(image)
    weight = ndimage.gaussian_filter(known.astype(float), sigma)
    wide = ndimage.gaussian_filter(np.where(known, image, 0.0), sigma) / np.maximum(weight, 1e-3)
    shown = np.where(known, wide * (BEAM_ARCSEC / own) ** 2, np.nan).astype(np.float32)
    told = f"smoothed from a beam of {own:.3g} to {BEAM_ARCSEC} arcsec"
    return shown, [BEAM_ARCSEC, BEAM_ARCSEC, 0.0], [told]


def resampled(
    image: NDArray[np.float32], pixel_arcsec: float, new_arcsec: float = PIXEL_ARCSEC
) -> NDArray[np.float32]:
    """An image on pixels of another size, about its own centre.

    Pixels that grow average (a Gaussian of their width is applied first); brightness per
    beam is kept.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        NaN stays NaN.
    pixel_arcsec, new_arcsec : float
        Old and new pixel.

    Returns
    -------
    ndarray of float32

    Examples
    --------
    >>> import numpy as np
    >>> resampled(np.ones((12, 12), np.float32), 1.5).shape
    (10, 10)
    """
    ratio = new_arcsec / pixel_arcsec
    known = np.isfinite(image)
    filled = np.where(known, image, 0.0)
    if ratio > 1:
        sigma = 0.5 * np.sqrt(ratio**2 - 1)
        weight = ndimage.gaussian_filter(known.astype(float), sigma)
        filled = ndimage.gaussian_filter(filled, sigma) / np.maximum(weight, 1e-3)
    shape = [max(1, int(size / ratio + 1e-6)) for size in image.shape]
    where = np.meshgrid(
        *[
            (np.arange(new) - (new - 1) / 2) * ratio + (old - 1) / 2
            for new, old in zip(shape, image.shape, strict=True)
        ],
        indexing="ij",
    )
    out = ndimage.map_coordinates(filled, where, order=1, mode="nearest")
    seen = ndimage.map_coordinates(known.astype(float), where, order=0, mode="nearest") > 0.5
    return np.where(seen, out, np.nan).astype(np.float32)


def _centre(header: Any, shape: tuple[int, ...]) -> dict[str, float]:
    from astropy.utils.exceptions import AstropyWarning
    from astropy.wcs import WCS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            wcs = WCS(header).celestial
            if wcs.naxis != 2:
                raise ValueError("no celestial axes")
            y, x = (np.array(shape[-2:]) - 1) / 2
            ra, dec = wcs.wcs_pix2world([[x, y]], 0)[0]
    except Exception:  # a header without a usable WCS leaves the position unknown
        return {"ra": np.nan, "dec": np.nan}
    return {"ra": float(ra), "dec": float(dec)}
