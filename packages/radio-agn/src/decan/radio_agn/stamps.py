"""What the networks see of a cutout: four small channels that turn with the picture.

A radio galaxy may be ten arcseconds long or ten arcminutes. The same 65 x 65 pixels are
therefore cut twice: a sharp look at the inner 3.9 arcminutes and a coarse one at 7.8, each
binned by an even number so that the centre stays the centre.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .islands import Islands, central_islands, plain_images
from .masking import SourceMasker

__all__ = [
    "CHANNELS",
    "STAMP_MASKER",
    "STAMP_SIZE",
    "crop_or_pad",
    "lost_flux",
    "network_stamps",
    "stamps_of",
]

STAMP_SIZE = 65
"""Pixels of a stamp on a side."""
CHANNELS = ("source, lifted", "source", "field", "wide field")
"""The channels: the central source with its faint parts lifted (square root) and as it is,
every island of the inner field, and every island of the wide field."""

STAMP_MASKER = SourceMasker("central", reach_arcsec=29.0, dilation=0)
"""How the source is told from its field in the stamps: a tight rule, since the field is seen
as well."""

_INNER, _WIDE = 2, 4
_AT_ONCE = 64


def network_stamps(images: ArrayLike, *, masker: SourceMasker | None = None) -> NDArray[np.float32]:
    """Stamps of a stack of cutouts.

    Parameters
    ----------
    images : CutoutSet or array_like, shape (n, ny, nx)
        Cutouts with 1.8 arcsec pixels, raw or blanked.
    masker : SourceMasker, optional
        Its thresholds and reach are used; those of :data:`STAMP_MASKER` without it.

    Returns
    -------
    ndarray of float32, shape (n, 4, 65, 65)
        Zero where there is no significant island.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 150, 150))
    >>> image[0, 70:80, 60:90] = 1.0
    >>> stamps = network_stamps(image)
    >>> stamps.shape, float(stamps.max())
    ((1, 4, 65, 65), 1.0)
    """
    masker = STAMP_MASKER if masker is None else masker
    stack = plain_images(images)
    out = np.zeros((len(stack), len(CHANNELS), STAMP_SIZE, STAMP_SIZE), dtype=np.float32)
    for start in range(0, len(stack), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        out[part] = stamps_of(masker.islands(stack[part]), masker=masker)
    return out


def stamps_of(found: Islands, *, masker: SourceMasker | None = None) -> NDArray[np.float32]:
    """Stamps of images that have been taken apart.

    Parameters
    ----------
    found : Islands
        From :meth:`SourceMasker.islands`.
    masker : SourceMasker, optional
        Its reach is used; that of :data:`STAMP_MASKER` without it.

    Returns
    -------
    ndarray of float32, shape (n, 4, 65, 65)

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 150, 150))
    >>> image[0, 70:80, 60:90] = 1.0
    >>> stamps_of(STAMP_MASKER.islands(image)).shape
    (1, 4, 65, 65)
    """
    masker = STAMP_MASKER if masker is None else masker
    near, _ = central_islands(found, masker.pixel_arcsec, masker.reach_arcsec, masker.centre_arcsec)
    out = np.empty((len(found), len(CHANNELS), STAMP_SIZE, STAMP_SIZE), dtype=np.float32)
    for row, (over, labels, mine) in enumerate(zip(found.over, found.labels, near, strict=True)):
        field = np.where(labels > 0, over, 0.0).clip(min=0)
        # Without an island in reach the field stands in, so that a wide double is not lost.
        source = np.where(mine, field, 0.0)
        source = source if source.any() else field
        inner = _scaled(_binned(source, _INNER))
        out[row] = (
            np.sqrt(inner),
            inner,
            np.sqrt(_scaled(_binned(field, _INNER))),
            np.sqrt(_scaled(_binned(field, _WIDE))),
        )
    return out


def crop_or_pad(images: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Cut the centre out of each image, or surround it with zeros.

    Parameters
    ----------
    images : ndarray, shape (n, ny, nx)
        Images.
    size : int
        New size on both sides, pixels.

    Returns
    -------
    ndarray, shape (n, size, size)

    Examples
    --------
    >>> import numpy as np
    >>> crop_or_pad(np.ones((1, 4, 2)), 2).shape, crop_or_pad(np.ones((1, 4, 2)), 6).sum()
    ((1, 2, 2), np.float64(8.0))
    """
    for axis in (1, 2):
        extra = size - images.shape[axis]
        before = abs(extra) // 2
        if extra >= 0:
            pad = [(0, 0)] * 3
            pad[axis] = (before, extra - before)
            images = np.pad(images, pad)
        else:
            images = np.take(images, np.arange(before, before + size), axis=axis)
    return images


def lost_flux(images: ArrayLike) -> NDArray[np.float64]:
    """Share of the positive flux that lies outside the widest window of the networks.

    Parameters
    ----------
    images : array_like, shape (n, ny, nx)
        Masked cutouts.

    Returns
    -------
    ndarray of float, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> lost_flux(np.ones((1, 130, 130)))
    array([0.])
    """
    out = np.zeros(len(np.asarray(images)))
    for row, image in enumerate(np.asarray(images)):
        y, x = np.nonzero(image > 0)
        flux = image[y, x].astype(float)
        edges = [((n - STAMP_SIZE * _WIDE) // 2, STAMP_SIZE * _WIDE) for n in image.shape]
        far = np.zeros(len(y), dtype=bool)
        for place, (low, width) in zip((y, x), edges, strict=True):
            far |= (place < low) | (place >= low + width)
        out[row] = flux[far].sum() / flux.sum() if flux.size else 0.0
    return out


def _binned(image: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    cut = crop_or_pad(image[None], STAMP_SIZE * factor)[0]
    return np.asarray(cut.reshape(STAMP_SIZE, factor, STAMP_SIZE, factor).mean(axis=(1, 3)))


def _scaled(image: NDArray[np.float64]) -> NDArray[np.float64]:
    peak = image.max()
    return image / peak if peak > 0 else image
