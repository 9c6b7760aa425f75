"""Masks of radio images: which pixels belong to the source, and what was taken away.

Everything here works on arrays of shape (n, ny, nx) in NumPy and SciPy. Two public masks
carry the names of the literature: ``islands`` keeps every significant island (RL1), and
``central`` only the source at the centre (RL2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BEAM_ARCSEC",
    "PIXEL_ARCSEC",
    "Background",
    "Normalizer",
    "SourceMasker",
    "background",
    "islands",
]

BEAM_ARCSEC = 5.4
"""Beam of FIRST north of declination +4.5 degrees, full width at half maximum."""
PIXEL_ARCSEC = 1.8
"""Pixel of FIRST."""

_GREY = 1 / 255 / np.sqrt(12)
_TOUCHING = np.ones((3, 3), dtype=bool)
_METHODS = ("islands", "central", "pybdsf", "intersection")


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


def background(images: ArrayLike) -> Background:
    """Median level and noise of each image.

    In a blanked cutout the background is exactly zero and its deviation too; a threshold of
    three times nothing would make an island of every stray pixel. The noise is then that of
    rounding to 8 bits, the range of the image being 255 levels.

    Parameters
    ----------
    images : array_like, shape (n, ny, nx)
        NaN pixels are left out.

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
    flat = np.asarray(images, dtype=float)
    flat = flat.reshape(len(flat), -1)
    finite = np.isfinite(flat)
    empty = ~finite.any(axis=1)
    filled = np.where(empty[:, None], 0.0, np.where(finite, flat, np.nan))
    if finite.all():
        level = np.median(filled, axis=1)
        deviation = np.median(np.abs(filled - level[:, None]), axis=1)
    else:
        level = np.nanmedian(filled, axis=1)
        deviation = np.nanmedian(np.abs(filled - level[:, None]), axis=1)
    span = np.nanmax(filled, axis=1) - np.nanmin(filled, axis=1)
    # The median deviation of integers may be zero although most of them differ a little.
    measured = 1.4826 * deviation
    coarse = measured < _GREY * span * 1e-3
    noise = np.where(coarse, _GREY * span, measured)
    rule = np.where(span <= 0, "blank", np.where(coarse, "grey level", "mad"))
    return Background(level, noise, rule.astype("<U10"))


def islands(
    images: ArrayLike,
    *,
    thresh_isl: float = 3.0,
    thresh_pix: float = 5.0,
    min_area: int = 6,
    found: Background | None = None,
) -> tuple[NDArray[np.int32], Background]:
    """Islands above a threshold whose peak is above a higher one, numbered in each image.

    Parameters
    ----------
    images : array_like, shape (n, ny, nx)
        NaN counts as background.
    thresh_isl, thresh_pix : float
        Thresholds of the island and of its peak, in units of the noise over the background.
    min_area : int
        Smallest area, pixels.
    found : Background, optional
        Measured here without it.

    Returns
    -------
    ndarray of int32, shape (n, ny, nx)
        0 outside; islands count from 1 in each image.
    Background

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 30, 30))
    >>> image[0, 13:17, 13:17] = 5.0
    >>> image[0, 3, 3] = 1e-3
    >>> labels, _ = islands(image)
    >>> int(labels.max()), int((labels > 0).sum())
    (1, 16)
    """
    stack = np.asarray(images, dtype=float)
    found = background(stack) if found is None else found
    level, noise = found.level[:, None, None], found.noise[:, None, None]
    usable = np.isfinite(stack) & (noise > 0)
    above = np.where(usable, (stack - level) / np.where(noise > 0, noise, 1.0), -np.inf)
    labels = np.zeros(stack.shape, dtype=np.int32)
    for row, significance in enumerate(above):
        number, count = ndimage.label(significance > thresh_isl, structure=_TOUCHING)
        if not count:
            continue
        area = np.bincount(number.ravel(), minlength=count + 1)
        peak = ndimage.maximum(significance, number, index=np.arange(1, count + 1))
        good = np.concatenate([[False], (np.asarray(peak) > thresh_pix)]) & (area >= min_area)
        good[0] = False
        labels[row] = np.where(good, np.cumsum(good), 0)[number]
    return labels, found


class SourceMasker:
    """Masks of the source in each cutout, with a report of what they keep and remove.

    Parameters
    ----------
    method : {'islands', 'central', 'pybdsf', 'intersection'}
        ``islands`` keeps every significant island (RL1); ``central`` those that belong to
        the source at the centre (RL2); ``pybdsf`` takes PyBDSF's island mask (extra
        ``pybdsf``); ``intersection`` is the paper's RL2: PyBDSF's islands times photutils'
        central segment (extras ``pybdsf`` and ``photutils``).
    thresh_isl, thresh_pix : float
        Thresholds of an island and of its peak over the background, in units of the noise.
    min_area : int
        Smallest island, pixels.
    dilation : int
        Pixels by which the mask is widened.
    reach_arcsec : float
        An island belongs to the central source if it comes so near to the centre.
    centre_arcsec : float
        There is a central source if an island, or the centroid of those within reach,
        comes so near to the centre.
    pixel_arcsec : float
        Pixel scale.

    Attributes
    ----------
    masks_ : ndarray of bool, shape (n, ny, nx)
        Of the last call of ``transform``.
    report_ : pandas.DataFrame
        A row an image: ``status`` (``ok``, ``blank``, ``edge``, ``low_snr``,
        ``no_central_source``), ``noise``, ``noise_rule``, ``nan_fraction``, ``n_islands``,
        ``n_removed`` (islands outside the mask), ``flux_kept`` and ``flux_removed`` (shares
        of the flux in islands), ``largest_removed`` (peak of the brightest island that was
        removed, in units of the brightest pixel kept).

    Raises
    ------
    ValueError
        If the method is not known, or thresholds are not positive.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((1, 60, 60))
    >>> image[0, 28:32, 26:34] = 1.0     # the source
    >>> image[0, 4:8, 4:8] = 0.5         # a neighbour
    >>> masker = SourceMasker("central")
    >>> masked = masker.transform(image)
    >>> float(masked.max()), float(masked[0, :10].max())
    (1.0, 0.0)
    >>> masker.report_[["status", "n_islands", "n_removed", "flux_kept"]].values.tolist()
    [['ok', 2, 1, 0.8]]
    """

    def __init__(
        self,
        method: str = "central",
        *,
        thresh_isl: float = 3.0,
        thresh_pix: float = 5.0,
        min_area: int = 6,
        dilation: int = 2,
        reach_arcsec: float = 45.0,
        centre_arcsec: float = 15.0,
        pixel_arcsec: float = PIXEL_ARCSEC,
    ) -> None:
        if method not in _METHODS:
            raise ValueError(f"method: found {method!r}, expected one of {', '.join(_METHODS)}")
        if not 0 < thresh_isl <= thresh_pix:
            raise ValueError(
                f"thresh_isl, thresh_pix: found {thresh_isl:g} and {thresh_pix:g}, "
                "expected 0 < thresh_isl <= thresh_pix"
            )
        self.method = method
        self.thresh_isl, self.thresh_pix = thresh_isl, thresh_pix
        self.min_area, self.dilation = min_area, dilation
        self.reach_arcsec, self.centre_arcsec = reach_arcsec, centre_arcsec
        self.pixel_arcsec = pixel_arcsec
        self.masks_: NDArray[np.bool_]
        self.report_: pd.DataFrame

    def transform(
        self, images: ArrayLike, *, beam_arcsec: float = BEAM_ARCSEC
    ) -> NDArray[np.float64]:
        """Set every pixel outside the mask to zero, and the background level with it.

        Parameters
        ----------
        images : array_like, shape (n, ny, nx)
            Cutouts; NaN pixels are filled with the background.
        beam_arcsec : float
            Beam, needed by PyBDSF alone.

        Returns
        -------
        ndarray of float, shape (n, ny, nx)
            Flux over the background inside the mask, zero outside.
        """
        stack = _stack(images)
        labels, found = islands(
            stack,
            thresh_isl=self.thresh_isl,
            thresh_pix=self.thresh_pix,
            min_area=self.min_area,
        )
        keep, central = self._kept(stack, labels, found, beam_arcsec)
        if self.dilation:
            keep = _dilated(keep, self.dilation)
        over = np.nan_to_num(stack - found.level[:, None, None])
        self.masks_ = keep
        self.report_ = _report(stack, over, labels, keep, central, found)
        return np.where(keep, over, 0.0)

    def _kept(
        self, stack: NDArray[np.float64], labels: NDArray[np.int32], found: Background, beam: float
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        near, central = central_islands(
            stack, labels, self.pixel_arcsec, self.reach_arcsec, self.centre_arcsec
        )
        if self.method == "islands":
            return labels > 0, central
        if self.method == "central":
            return near, central
        from .peers import photutils_central, pybdsf_islands

        keep = pybdsf_islands(
            stack,
            thresh_isl=self.thresh_isl,
            thresh_pix=self.thresh_pix,
            beam_arcsec=beam,
            pixel_arcsec=self.pixel_arcsec,
        )
        if self.method == "intersection":
            keep &= photutils_central(stack, n_sigma=self.thresh_isl, min_area=self.min_area)
        return keep, central


def central_islands(
    stack: NDArray[np.float64],
    labels: NDArray[np.int32],
    pixel_arcsec: float,
    reach_arcsec: float,
    centre_arcsec: float,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels belong to the central source, and whether there is one.

    Parameters
    ----------
    stack : ndarray, shape (n, ny, nx)
        Images.
    labels : ndarray of int, shape (n, ny, nx)
        Numbered islands.
    pixel_arcsec, reach_arcsec, centre_arcsec : float
        As in :class:`SourceMasker`.

    Returns
    -------
    ndarray of bool, shape (n, ny, nx)
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((1, 41, 41), dtype=np.int32)
    >>> labels[0, 2:6, 2:6] = 1
    >>> near, central = central_islands(np.ones((1, 41, 41)), labels, 1.8, 29.0, 15.0)
    >>> bool(near.any()), bool(central[0])
    (False, False)
    """
    y, x = _offsets(stack.shape[1:])
    distance = np.hypot(x, y) * pixel_arcsec
    reached = np.where(distance <= reach_arcsec, labels, 0)
    near = np.zeros(labels.shape, dtype=bool)
    central = np.zeros(len(labels), dtype=bool)
    for row, within in enumerate(reached):
        names = np.unique(within[within > 0])
        if not names.size:
            continue
        near[row] = np.isin(labels[row], names)
        touches = distance[near[row]].min() <= centre_arcsec
        flux = np.nan_to_num(stack[row])[near[row]].clip(min=0)
        total = flux.sum() or 1.0
        middle = np.hypot((flux * x[near[row]]).sum(), (flux * y[near[row]]).sum()) / total
        central[row] = touches or middle * pixel_arcsec <= centre_arcsec
    return near, central


class Normalizer:
    """Bring masked images to the range from 0 to 1.

    Parameters
    ----------
    mode : {'minmax', 'sqrt', 'asinh'}
        ``minmax`` is linear; the other two lift faint tails.
    order : {'mask_first', 'paper'}
        ``paper`` takes minimum and maximum of the whole cutout before the mask is applied
        and truncates to 8 bits, as published: a bright neighbour then leaves the target a
        few grey levels. ``mask_first`` looks at the source alone.

    Raises
    ------
    ValueError
        If mode or order is not known.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[[0.0, 1.0], [2.0, 8.0]]])
    >>> mask = np.array([[[True, True], [True, False]]])
    >>> Normalizer("minmax").transform(image, mask)[0].tolist()
    [[0.0, 0.5], [1.0, 0.0]]
    >>> Normalizer("minmax", order="paper").transform(image, mask)[0].round(3).tolist()
    [[0.0, 0.122], [0.247, 0.0]]
    """

    def __init__(self, mode: str = "sqrt", *, order: str = "mask_first") -> None:
        if mode not in ("minmax", "sqrt", "asinh"):
            raise ValueError(f"mode: found {mode!r}, expected 'minmax', 'sqrt' or 'asinh'")
        if order not in ("mask_first", "paper"):
            raise ValueError(f"order: found {order!r}, expected 'mask_first' or 'paper'")
        self.mode, self.order = mode, order

    def transform(self, images: ArrayLike, masks: ArrayLike | None = None) -> NDArray[np.float64]:
        """Normalise a stack.

        Parameters
        ----------
        images : array_like, shape (n, ny, nx)
            NaN takes the image's minimum.
        masks : array_like of bool, shape (n, ny, nx), optional
            Pixels of the source; all without it.

        Returns
        -------
        ndarray of float, shape (n, ny, nx)
            Zero outside the mask; an image without any contrast is zero everywhere.
        """
        stack = _stack(images)
        keep = np.ones(stack.shape, bool) if masks is None else np.asarray(masks, bool)
        seen = np.ones_like(keep) if self.order == "paper" else keep
        usable = seen & np.isfinite(stack)
        low = np.where(usable, stack, np.inf).min(axis=(1, 2), keepdims=True)
        high = np.where(usable, stack, -np.inf).max(axis=(1, 2), keepdims=True)
        span = np.where(high > low, high - low, np.inf)
        low = np.where(np.isfinite(low), low, 0.0)
        scaled = np.clip(np.where(np.isfinite(stack), stack - low, 0.0) / span, 0.0, 1.0)
        if self.order == "paper":
            scaled = np.floor(255 * scaled) / 255
        return np.where(keep, _stretched(scaled, self.mode), 0.0)


def _stretched(scaled: NDArray[np.float64], mode: str) -> NDArray[np.float64]:
    if mode == "sqrt":
        return np.asarray(np.sqrt(scaled))
    if mode == "asinh":
        return np.asarray(np.arcsinh(scaled / 0.02) / np.arcsinh(1 / 0.02))
    return scaled


def _stack(images: ArrayLike) -> NDArray[np.float64]:
    stack = np.asarray(images)
    if stack.ndim != 3:
        raise ValueError(
            f"images: found shape {stack.shape}, expected (n, ny, nx); "
            "CutoutSet.from_arrays takes single images and colour pictures"
        )
    return stack.astype(np.float64)


def _offsets(shape: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offsets of the pixels from the centre of the image, pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    return y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2


def _dilated(masks: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[1] = True
    return np.asarray(ndimage.binary_dilation(masks, structure, iterations=pixels))


def _report(
    stack: NDArray[np.float64],
    over: NDArray[np.float64],
    labels: NDArray[np.int32],
    keep: NDArray[np.bool_],
    central: NDArray[np.bool_],
    found: Background,
) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    nan = ~np.isfinite(stack)
    for row in range(len(stack)):
        inside = labels[row] > 0
        flux = float(over[row][inside].sum())
        kept = float(over[row][inside & keep[row]].sum())
        names = np.unique(labels[row][inside])
        left = np.unique(labels[row][inside & ~keep[row]])
        gone = over[row][inside & ~keep[row]]
        peak = over[row][keep[row]].max() if keep[row].any() else np.nan
        rows.append(
            {
                "status": _status(
                    found.rule[row], float(nan[row].mean()), names.size, central[row]
                ),
                "noise": float(found.noise[row]),
                "noise_rule": str(found.rule[row]),
                "nan_fraction": float(nan[row].mean()),
                "n_islands": int(names.size),
                "n_removed": int(left.size),
                "flux_kept": kept / flux if flux > 0 else np.nan,
                "flux_removed": 1 - kept / flux if flux > 0 else np.nan,
                "largest_removed": float(gone.max() / peak) if gone.size else 0.0,
            }
        )
    return pd.DataFrame(rows)


def _status(rule: str, nan_fraction: float, n_islands: int, central: bool) -> str:
    if rule == "blank":
        return "blank"
    if nan_fraction > 0.3:
        return "edge"
    if not n_islands:
        return "low_snr"
    return "ok" if central else "no_central_source"
