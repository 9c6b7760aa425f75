"""Masks by PyBDSF and photutils, for whoever has them; both are optional."""

from __future__ import annotations

import gc
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import DataNotAvailable

__all__ = ["photutils_central", "pybdsf_islands"]


def photutils_central(
    images: NDArray[np.float64], *, n_sigma: float = 3.0, min_area: int = 6
) -> NDArray[np.bool_]:
    """Segment of photutils at the centre of each image, else the nearest one.

    Parameters
    ----------
    images : ndarray, shape (n, ny, nx)
        Cutouts.
    n_sigma : float
        Threshold over the sigma-clipped median, in units of the clipped deviation.
    min_area : int
        Smallest segment, pixels.

    Returns
    -------
    ndarray of bool, shape (n, ny, nx)
        Empty where there is no segment.

    Raises
    ------
    DataNotAvailable
        If photutils is not installed.

    Examples
    --------
    >>> image = np.zeros((1, 40, 40))
    >>> image[0, 17:23, 15:25] = 1.0
    >>> int(photutils_central(image).sum())  # doctest: +SKIP
    60
    """
    try:
        from photutils.segmentation import detect_sources
    except ImportError as error:
        raise DataNotAvailable(
            "photutils is not installed: pip install 'decan-radio-agn[photutils]'"
        ) from error
    import inspect

    from astropy.stats import sigma_clipped_stats

    # photutils 3 renamed npixels.
    names = inspect.signature(detect_sources).parameters
    area = {"n_pixels" if "n_pixels" in names else "npixels": min_area}
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    distance = np.hypot(y - (images.shape[1] - 1) / 2, x - (images.shape[2] - 1) / 2)
    masks = np.zeros(images.shape, dtype=bool)
    for row, image in enumerate(np.nan_to_num(images)):
        _, median, deviation = sigma_clipped_stats(image)
        if deviation == 0:
            deviation = np.ptp(image) / 255 / np.sqrt(12)
        found: Any = detect_sources(image, median + n_sigma * deviation, **area)
        if found is None:
            continue
        labels = found.data
        nearest = np.where(labels > 0, distance, np.inf).argmin()
        masks[row] = labels == labels.ravel()[nearest]
    return masks


def pybdsf_islands(
    images: NDArray[np.float64],
    *,
    thresh_isl: float = 3.0,
    thresh_pix: float = 5.0,
    beam_arcsec: float,
    pixel_arcsec: float,
    frequency_hz: float = 1.4e9,
) -> NDArray[np.bool_]:
    """Island mask of PyBDSF for each image, as the paper's code exports it.

    Parameters
    ----------
    images : ndarray, shape (n, ny, nx)
        Cutouts; NaN is taken as zero.
    thresh_isl, thresh_pix : float
        PyBDSF's thresholds.
    beam_arcsec, pixel_arcsec : float
        Round beam and pixel.
    frequency_hz : float
        Frequency.

    Returns
    -------
    ndarray of bool, shape (n, ny, nx)

    Raises
    ------
    DataNotAvailable
        If PyBDSF is not installed.

    Examples
    --------
    >>> images = np.random.default_rng(0).normal(0, 1e-4, (1, 60, 60))
    >>> pybdsf_islands(images, beam_arcsec=5.4, pixel_arcsec=1.8).shape  # doctest: +SKIP
    (1, 60, 60)
    """
    try:
        import bdsf
    except ImportError as error:
        raise DataNotAvailable(
            "PyBDSF is not installed: pip install 'decan-radio-agn[pybdsf]'"
        ) from error
    from astropy.io import fits

    beam = (beam_arcsec / 3600, beam_arcsec / 3600, 0.0)
    masks = np.zeros(images.shape, dtype=bool)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # PyBDSF leaves its files open; they are closed here, before the folder goes.
        warnings.simplefilter("ignore", ResourceWarning)
        for row, image in enumerate(np.nan_to_num(images)):
            name = str(Path(folder) / f"{row}.fits")
            fits.writeto(name, image.astype(np.float32), _header(image.shape, pixel_arcsec))
            try:
                found = bdsf.process_image(
                    name,
                    beam=beam,
                    frequency=frequency_hz,
                    thresh_isl=thresh_isl,
                    thresh_pix=thresh_pix,
                    thresh="hard",
                    quiet=True,
                    stop_at="isl",
                    ncores=1,
                )
            except RuntimeError:  # PyBDSF's word for "nothing above the threshold"
                continue
            rank = np.asarray(getattr(found, "pyrank", np.full(image.shape[::-1], -1)))
            masks[row] = rank.T >= 0
            del found
        gc.collect()
    return masks


def _header(shape: tuple[int, ...], pixel_arcsec: float) -> Any:
    from astropy.io import fits

    header = fits.Header()
    step = pixel_arcsec / 3600
    for axis, (kind, delta, size) in enumerate(
        [("RA---SIN", -step, shape[1]), ("DEC--SIN", step, shape[0])], 1
    ):
        header[f"CTYPE{axis}"], header[f"CDELT{axis}"] = kind, delta
        header[f"CRPIX{axis}"], header[f"CRVAL{axis}"] = (size + 1) / 2, 0.0
        header[f"CUNIT{axis}"] = "deg"
    header["BUNIT"] = "Jy/beam"
    return header
