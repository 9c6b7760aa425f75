"""Cutouts: checks, normalisation by the flux of each band, binning, and compact descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["binned_twice", "check_cutouts", "normalised", "profiles"]

MOST_MISSING = 0.05


def check_cutouts(cutouts: ArrayLike, *, bands: int | None = None) -> NDArray[np.float32]:
    """Cutouts as float32, refused where a network could only guess.

    Parameters
    ----------
    cutouts : array_like, shape (n, bands, size, size)
        Fluxes, nanomaggies; negative ones are legal. Up to 5 % of a cutout may be NaN or
        masked, which becomes 0, the sky.
    bands : int, optional
        How many bands there must be.

    Returns
    -------
    ndarray of float32, same shape

    Raises
    ------
    ValueError
        If the shape is wrong (bands in the last place, say), a band of an object is zero
        everywhere, or too much is missing; the object is named.

    Examples
    --------
    >>> check_cutouts(np.zeros((1, 5, 8, 8)))
    Traceback (most recent call last):
    ...
    ValueError: cutouts: object 0, band 0 is zero everywhere (1 such object); ...
    """
    mask = np.asarray(getattr(cutouts, "mask", False))
    array = np.asarray(np.ma.getdata(getattr(cutouts, "unmasked", cutouts)))
    if array.ndim != 4 or array.shape[2] != array.shape[3]:
        hint = ""
        if array.ndim == 4 and array.shape[1] == array.shape[2]:
            hint = "; the bands seem to stand last: np.moveaxis(cutouts, -1, 1)"
        raise ValueError(f"cutouts: shape {array.shape}; expected (n, bands, size, size){hint}")
    if bands is not None and array.shape[1] != bands:
        raise ValueError(f"cutouts: {array.shape[1]} bands, expected {bands}")
    if len(array) == 0:
        raise ValueError("cutouts: there are none")
    array = array.astype(np.float32)
    missing = ~np.isfinite(array) | mask
    share = missing.mean(axis=(1, 2, 3))
    worst = int(np.argmax(share))
    if share[worst] > MOST_MISSING:
        raise ValueError(
            f"cutouts: object {worst} has {100 * share[worst]:.0f} % NaN pixels "
            f"({int((share > MOST_MISSING).sum())} objects above 5 %); drop it or fill the gaps"
        )
    array[missing] = 0.0
    empty = (array == 0).all(axis=(2, 3))
    if empty.any():
        row, band = np.argwhere(empty)[0]
        count = int(empty.any(axis=1).sum())
        raise ValueError(
            f"cutouts: object {row}, band {band} is zero everywhere ({count} such object"
            f"{'s' if count > 1 else ''}); it was not observed there: drop it"
        )
    return array


def normalised(
    cutouts: ArrayLike, flux: ArrayLike, *, lowest_percentile: ArrayLike = (2, 0.1, 0.1, 0.1, 0.1)
) -> NDArray[np.float32]:
    """Cutouts divided, band by band, by the galaxy's flux: shape without brightness.

    Parameters
    ----------
    cutouts : array_like, shape (n, bands, size, size)
        Fluxes, nanomaggies.
    flux : array_like, shape (n, bands)
        Flux of the galaxy in each band, nanomaggies.
    lowest_percentile : array_like, shape (bands,)
        Fluxes below this percentile of the sample are raised to it before the division.

    Returns
    -------
    ndarray of float32

    Raises
    ------
    ValueError
        If shapes do not fit, or the lowest flux of a band is not positive.

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901, and its code.

    Examples
    --------
    >>> normalised(np.ones((2, 1, 2, 2)), [[4.0], [8.0]], lowest_percentile=[0])[:, 0, 0, 0]
    array([0.25 , 0.125], dtype=float32)
    """
    pixels, total = np.asarray(cutouts), np.asarray(flux, dtype=np.float64)
    if total.shape != pixels.shape[:2]:
        raise ValueError(f"flux: shape {total.shape}, expected {pixels.shape[:2]} as the cutouts")
    if not np.isfinite(total).all():
        row, band = np.argwhere(~np.isfinite(total))[0]
        raise ValueError(f"flux: object {row}, band {band} is {total[row, band]}; drop it")
    levels = np.broadcast_to(lowest_percentile, total.shape[1:])
    low = np.array([np.percentile(total[:, b], levels[b]) for b in range(total.shape[1])])
    if (low <= 0).any():
        band = int(np.argmax(low <= 0))
        raise ValueError(
            f"flux: band {band} has a lowest flux of {low[band]:g}; raise lowest_percentile[{band}]"
        )
    return np.asarray(pixels / np.maximum(total, low)[:, :, None, None], dtype=np.float32)


def binned_twice(cutouts: ArrayLike) -> NDArray[np.float32]:
    """Cutouts with 2 x 2 pixels summed, so that fluxes are kept.

    Parameters
    ----------
    cutouts : array_like, shape (n, bands, size, size)
        An even size.

    Returns
    -------
    ndarray of float32, shape (n, bands, size / 2, size / 2)

    Raises
    ------
    ValueError
        If the size is odd.

    Examples
    --------
    >>> binned_twice(np.ones((1, 1, 4, 4)))[0, 0]
    array([[4., 4.],
           [4., 4.]], dtype=float32)
    """
    pixels: Any = np.asarray(cutouts, dtype=np.float32)
    n, bands, size, _ = pixels.shape
    if size % 2:
        raise ValueError(f"cutouts: {size} pixels on a side, expected an even number")
    return np.asarray(pixels.reshape(n, bands, size // 2, 2, size // 2, 2).sum(axis=(3, 5)))


def profiles(cutouts: ArrayLike, rings: int = 8) -> NDArray[np.float64]:
    """A dozen numbers for each band of each cutout: flux in rings, and second moments.

    A compact description for scans over many sets of bands, where a convolutional network for
    each would be out of proportion.

    Parameters
    ----------
    cutouts : array_like, shape (n, bands, size, size)
        Fluxes.
    rings : int
        Rings about the centre, wider outwards.

    Returns
    -------
    ndarray, shape (n, bands, rings + 3)
        asinh of the mean flux of each ring, then the flux-weighted mean square radius, ellipticity
        and its squared sum of the core.

    Examples
    --------
    >>> profiles(np.ones((2, 5, 16, 16))).shape
    (2, 5, 11)
    """
    pixels: Any = np.asarray(cutouts, dtype=np.float64)
    n, bands, size, _ = pixels.shape
    axis = np.arange(size) - (size - 1) / 2
    dx, dy = np.meshgrid(axis, axis)
    radius = np.hypot(dx, dy)
    edges = (size / 2) * np.linspace(0, 1, rings + 1) ** 1.5
    place = np.searchsorted(edges, radius.ravel(), side="right") - 1
    inside = place < rings
    flat = pixels.reshape(n * bands, size * size)
    ring = np.zeros((size * size, rings))
    ring[np.flatnonzero(inside), place[inside]] = 1
    mean = flat @ (ring / np.maximum(ring.sum(axis=0), 1))
    core = np.exp(-0.5 * (radius / (size / 6)) ** 2).ravel()
    weight = np.stack([core, core * (dx**2 + dy**2).ravel(), core * (dx**2 - dy**2).ravel(),
                       core * (2 * dx * dy).ravel()], axis=1)  # fmt: skip
    flux, spread, plus, cross = (flat @ weight).T
    scale = np.maximum(np.abs(flux), 1e-6) * (size / 6) ** 2
    shape = np.clip(np.stack([spread, plus, cross], axis=1) / scale[:, None], -3, 3)
    shape[:, 2] = shape[:, 1] ** 2 + shape[:, 2] ** 2
    soft = max(float(np.median(np.abs(mean))), 1e-12)
    out = np.concatenate([np.arcsinh(mean / soft), shape], axis=1)
    return out.reshape(n, bands, rings + 3)
