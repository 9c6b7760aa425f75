"""What the networks see of a cutout: four small channels that turn with the picture.

A radio galaxy may be ten arcseconds long or ten arcminutes. The same 65 x 65 pixels are
therefore cut twice: a sharp look at the inner 3.9 arcminutes and a coarse one at 7.8, each
binned by an even number so that the centre stays the centre.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .masking import SourceMasker, central_islands, islands

__all__ = ["CHANNELS", "STAMP_MASKER", "STAMP_SIZE", "crop_or_pad", "lost_flux", "network_stamps"]

STAMP_SIZE = 65
"""Pixels of a stamp on a side."""
CHANNELS = ("source, lifted", "source", "field", "wide field")
"""The channels: the central source with its faint parts lifted (square root) and as it is,
every island of the inner field, and every island of the wide field."""

STAMP_MASKER = SourceMasker("central", reach_arcsec=29.0, dilation=0)
"""How the source is told from its field in the stamps: a tight rule, since the field is seen
as well."""

_INNER, _WIDE = 2, 4


def network_stamps(images: ArrayLike, *, masker: SourceMasker | None = None) -> NDArray[np.float32]:
    """Stamps of a stack of cutouts.

    Parameters
    ----------
    images : array_like, shape (n, ny, nx)
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
    stack = np.asarray(images)
    out = np.zeros((len(stack), len(CHANNELS), STAMP_SIZE, STAMP_SIZE), dtype=np.float32)
    for start in range(0, len(stack), 256):
        part = slice(start, start + 256)
        out[part] = _stamps(stack[part].astype(np.float64), masker)
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
    stack = np.nan_to_num(np.asarray(images, dtype=float)).clip(min=0)
    total = stack.sum(axis=(1, 2))
    seen = crop_or_pad(stack, STAMP_SIZE * _WIDE).sum(axis=(1, 2))
    return np.asarray(1 - np.divide(seen, total, out=np.ones_like(total), where=total > 0))


def _stamps(stack: NDArray[np.float64], masker: SourceMasker) -> NDArray[np.float32]:
    settings = {
        "thresh_isl": masker.thresh_isl,
        "thresh_pix": masker.thresh_pix,
        "min_area": masker.min_area,
    }
    labels, found = islands(stack, **settings)  # type: ignore[arg-type]
    over = np.nan_to_num(stack - found.level[:, None, None]).clip(min=0)
    field = np.where(labels > 0, over, 0.0)

    near, _ = central_islands(
        stack, labels, masker.pixel_arcsec, masker.reach_arcsec, masker.centre_arcsec
    )
    source = np.where(near, over, 0.0)
    # Without an island in reach the field stands in, so that a wide double is not lost.
    alone = source.max(axis=(1, 2)) > 0
    source = np.where(alone[:, None, None], source, field)
    inner_source, inner_field = (_binned(part, _INNER) for part in (source, field))
    wide_field = _binned(field, _WIDE)
    return np.stack(
        [
            np.sqrt(_scaled(inner_source)),
            _scaled(inner_source),
            np.sqrt(_scaled(inner_field)),
            np.sqrt(_scaled(wide_field)),
        ],
        axis=1,
    ).astype(np.float32)


def _binned(stack: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    cut = crop_or_pad(stack, STAMP_SIZE * factor)
    shape = (len(cut), STAMP_SIZE, factor, STAMP_SIZE, factor)
    return np.asarray(cut.reshape(shape).mean(axis=(2, 4)))


def _scaled(stack: NDArray[np.float64]) -> NDArray[np.float64]:
    peak = stack.max(axis=(1, 2), keepdims=True)
    return np.divide(stack, peak, out=np.zeros_like(stack), where=peak > 0)
