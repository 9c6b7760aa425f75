"""Islands of radio images: the noise of each picture, and what stands out of it.

Masks, stamps and features all begin here; a picture is taken apart once and handed on. All
work goes picture by picture, so that a picture stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

__all__ = [
    "BEAM_ARCSEC",
    "PIXEL_ARCSEC",
    "Background",
    "Islands",
    "background",
    "central_islands",
    "islands",
    "plain_images",
]

BEAM_ARCSEC = 5.4
"""Beam of FIRST north of declination +4.5 degrees, full width at half maximum."""
PIXEL_ARCSEC = 1.8
"""Pixel of FIRST."""

_GREY = 1 / 255 / np.sqrt(12)
_TOUCHING = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Background:
    """Level and noise of each image of a stack, in the image's own unit.

    Attributes
    ----------
    level, noise : ndarray of float, shape (n,)
        Median, and 1.4826 times the median absolute deviation.
    rule : ndarray of str, shape (n,)
        ``"mad"`` where the noise was measured; ``"grey level"`` where most pixels are equal
        (a blanked or 8-bit image) and the rounding of an 8-bit image stands in for it;
        ``"blank"`` where the image is constant or empty.

    Examples
    --------
    >>> import numpy as np
    >>> background(np.zeros((1, 5, 5))).rule
    array(['blank'], dtype='<U10')
    """

    level: NDArray[np.float64]
    noise: NDArray[np.float64]
    rule: NDArray[np.str_]


@dataclass(frozen=True)
class Islands:
    """A stack of images taken apart.

    Attributes
    ----------
    over : ndarray of float, shape (n, ny, nx)
        Flux over the background; zero where a pixel is missing.
    labels : ndarray of int32, shape (n, ny, nx)
        0 outside; islands count from 1 in each image.
    background : Background
        Level and noise.
    nan_fraction : ndarray of float, shape (n,)
        Share of missing pixels.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 30, 30))
    >>> image[0, 13:17, 13:17] = 5.0
    >>> found = islands(image)
    >>> len(found), len(found[:0]), float(found.over.sum())
    (1, 0, 80.0)
    """

    over: NDArray[np.float64]
    labels: NDArray[np.int32]
    background: Background
    nan_fraction: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | NDArray[np.bool_]) -> Islands:
        told = self.background
        return Islands(
            self.over[rows],
            self.labels[rows],
            Background(told.level[rows], told.noise[rows], told.rule[rows]),
            self.nan_fraction[rows],
        )


def plain_images(images: Any) -> NDArray[Any]:
    """Pixels as a plain array of real numbers, NaN where they are masked.

    Parameters
    ----------
    images : array_like
        Also a masked array, a Quantity, or a CutoutSet.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If they are no real numbers.

    Examples
    --------
    >>> plain_images(np.ma.array([[1, 9]], mask=[[False, True]]))
    array([[ 1., nan]])
    """
    if hasattr(images, "images"):
        return np.asarray(images.images)
    masked = np.asarray(getattr(images, "mask", False))
    array = np.asarray(np.ma.getdata(getattr(images, "unmasked", images)))
    if array.dtype.kind not in "biufO":
        raise ValueError(
            f"images: found {array.dtype}, expected real numbers "
            "(CutoutSet.from_fits takes the names of files)"
        )
    if array.dtype.kind == "O":
        try:
            array = array.astype(float)
        except (TypeError, ValueError):
            raise ValueError("images: expected pictures of one size, as numbers") from None
    return np.where(masked, np.nan, array) if masked.any() else array


def background(images: ArrayLike) -> Background:
    """Median level and noise of each image.

    In a blanked cutout the background is exactly zero and its deviation too; a threshold of
    three times nothing would make an island of every stray pixel. The noise is then that of
    rounding to 8 bits, the range of the image being 255 levels.

    Parameters
    ----------
    images : CutoutSet or array_like, shape (n, ny, nx)
        NaN and masked pixels are left out.

    Returns
    -------
    Background

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 20, 20))
    >>> image[0, 8:12, 8:12] = 5.0
    >>> found = background(image)
    >>> found.rule[0], round(float(found.noise[0]), 4)
    (np.str_('grey level'), 0.0057)
    """
    return _gathered([_measured_background(image) for image in plain_images(images)])


def islands(
    images: ArrayLike, *, thresh_isl: float = 3.0, thresh_pix: float = 5.0, min_area: int = 6
) -> Islands:
    """Islands above a threshold whose peak is above a higher one, numbered in each image.

    Parameters
    ----------
    images : CutoutSet or array_like, shape (n, ny, nx)
        NaN and masked pixels count as background.
    thresh_isl, thresh_pix : float
        Thresholds of the island and of its peak, in units of the noise over the background.
    min_area : int
        Smallest area, pixels.

    Returns
    -------
    Islands

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 30, 30))
    >>> image[0, 13:17, 13:17] = 5.0
    >>> image[0, 3, 3] = 1e-3
    >>> labels = islands(image).labels
    >>> int(labels.max()), int((labels > 0).sum())
    (1, 16)
    """
    stack = plain_images(images)
    over = np.zeros(stack.shape)
    labels = np.zeros(stack.shape, dtype=np.int32)
    missing = np.zeros(len(stack))
    measured = []
    for row, given in enumerate(stack):
        image = given.astype(float)
        level, noise, rule = told = _measured_background(given)
        measured.append(told)
        image -= level
        finite = np.isfinite(image)
        if not finite.all():
            missing[row] = 1 - finite.mean()
            image[~finite] = 0.0
        over[row] = image
        if rule != "blank" and noise > 0:
            labels[row] = _numbered(image, thresh_isl * noise, thresh_pix * noise, min_area)
    return Islands(over, labels, _gathered(measured), missing)


def central_islands(
    found: Islands, pixel_arcsec: float, reach_arcsec: float, centre_arcsec: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels belong to the central source, and whether there is one.

    Parameters
    ----------
    found : Islands
        From :func:`islands`.
    pixel_arcsec, reach_arcsec, centre_arcsec : float
        As in :class:`~decan.radio_agn.SourceMasker`.

    Returns
    -------
    ndarray of bool, shape (n, ny, nx)
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 41, 41))
    >>> image[0, 2:6, 2:6] = 1.0
    >>> near, central = central_islands(islands(image), 1.8, 29.0, 15.0)
    >>> bool(near.any()), bool(central[0])
    (False, False)
    """
    labels = found.labels
    near = np.zeros(labels.shape, dtype=bool)
    central = np.zeros(len(labels), dtype=bool)
    y, x = _offsets(labels.shape[1:])
    distance = (np.hypot(x, y) * pixel_arcsec).ravel()
    within = np.flatnonzero(distance <= reach_arcsec)
    for row, numbers in enumerate(labels):
        taken = np.zeros(int(numbers.max()) + 1, dtype=bool)
        taken[numbers.ravel()[within]] = True
        taken[0] = False
        if not taken.any():
            continue
        near[row] = taken[numbers]
        pixels = np.flatnonzero(near[row])
        flux = found.over[row].ravel()[pixels].clip(min=0)
        total = flux.sum() or 1.0
        middle = np.hypot((flux * x.ravel()[pixels]).sum(), (flux * y.ravel()[pixels]).sum())
        touches = distance[pixels].min() <= centre_arcsec
        central[row] = touches or middle / total * pixel_arcsec <= centre_arcsec
    return near, central


def _measured_background(image: NDArray[Any]) -> tuple[float, float, str]:
    values = image.ravel()
    if not np.isfinite(values).all():
        values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 0.0, "blank"
    # Sorting is many times faster than selecting here: most pixels of a blanked image are equal.
    ranked = np.sort(values).astype(float)
    span = float(ranked[-1] - ranked[0])
    if span <= 0:
        return float(ranked[0]), 0.0, "blank"
    level = _middle(ranked)
    # Deviations below and above are two sorted runs, which a stable sort merges at once.
    half = ranked.size // 2
    deviation = np.concatenate([(level - ranked[:half])[::-1], ranked[half:] - level])
    # The median deviation of integers may be zero although most of them differ a little.
    measured = 1.4826 * _middle(np.sort(deviation, kind="stable"))
    if measured < _GREY * span * 1e-3:
        return level, _GREY * span, "grey level"
    return level, measured, "mad"


def _middle(ranked: NDArray[np.float64]) -> float:
    return float((ranked[ranked.size // 2] + ranked[(ranked.size - 1) // 2]) / 2)


def _gathered(measured: Sequence[tuple[float, float, str]]) -> Background:
    level, noise, rule = zip(*measured, strict=True) if measured else ((), (), ())
    return Background(np.array(level, float), np.array(noise, float), np.array(rule, "<U10"))


def _numbered(
    image: NDArray[np.float64], lowest: float, peak: float, min_area: int
) -> NDArray[np.int32]:
    above = image > lowest
    number, count = ndimage.label(above, structure=_TOUCHING)
    pixels = np.flatnonzero(above)
    names = number.ravel()[pixels]
    area = np.bincount(names, minlength=count + 1)
    tall = np.zeros(count + 1, dtype=bool)
    tall[names[image.ravel()[pixels] > peak]] = True
    good = tall & (area >= min_area)
    good[0] = False
    return np.where(good, np.cumsum(good), 0).astype(np.int32)[number]


def _offsets(shape: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offsets of the pixels from the centre of the image, pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    return y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2
