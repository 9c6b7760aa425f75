"""Masks of radio images: which pixels belong to the source, and what was taken away.

Everything here works on arrays of shape (n, ny, nx) in NumPy and SciPy. Two public masks
carry the names of the literature: ``islands`` keeps every significant island (RL1), and
``central`` only the source at the centre (RL2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .islands import (
    BEAM_ARCSEC,
    PIXEL_ARCSEC,
    Islands,
    central_islands,
    islands,
    plain_images,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Normalizer", "SourceMasker"]

_TOUCHING = np.ones((3, 3), dtype=bool)
_METHODS = ("islands", "central", "pybdsf", "intersection")


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
        If the method is not known, or a setting has no sense.

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
        if min_area < 1 or dilation < 0 or not pixel_arcsec > 0:
            raise ValueError(
                f"min_area, dilation, pixel_arcsec: found {min_area}, {dilation} and "
                f"{pixel_arcsec:g}, expected at least 1, at least 0, and a positive number"
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
        images : CutoutSet or array_like, shape (n, ny, nx)
            Cutouts; NaN and masked pixels are filled with the background.
        beam_arcsec : float
            Beam, needed by PyBDSF alone.

        Returns
        -------
        ndarray of float, shape (n, ny, nx)
            Flux over the background inside the mask, zero outside.
        """
        stack = _stack(images)
        found = self.islands(stack)
        over = self.masked(found, stack=stack, beam_arcsec=beam_arcsec)
        return np.where(self.masks_, over, 0.0)

    def islands(self, images: ArrayLike) -> Islands:
        """Take a stack apart by the thresholds of this mask.

        Parameters
        ----------
        images : array_like, shape (n, ny, nx)
            Cutouts.

        Returns
        -------
        Islands
        """
        return islands(
            images,
            thresh_isl=self.thresh_isl,
            thresh_pix=self.thresh_pix,
            min_area=self.min_area,
        )

    def masked(
        self,
        found: Islands,
        *,
        stack: NDArray[np.float64] | None = None,
        beam_arcsec: float = BEAM_ARCSEC,
    ) -> NDArray[np.float64]:
        """Masks and report of a stack that has been taken apart.

        Parameters
        ----------
        found : Islands
            From :meth:`islands`.
        stack : ndarray, shape (n, ny, nx), optional
            The images themselves, needed by PyBDSF and photutils alone.
        beam_arcsec : float
            Beam, needed by PyBDSF alone.

        Returns
        -------
        ndarray of float, shape (n, ny, nx)
            Flux over the background, inside the mask and outside.
        """
        keep, central = central_islands(
            found, self.pixel_arcsec, self.reach_arcsec, self.centre_arcsec
        )
        if self.method != "central":
            keep = self._kept(found, stack, beam_arcsec)
        if self.dilation:
            keep = _dilated(keep, self.dilation)
        self.masks_ = keep
        self.report_ = _report(found, keep, central)
        return found.over

    def _kept(
        self, found: Islands, stack: NDArray[np.float64] | None, beam: float
    ) -> NDArray[np.bool_]:
        if self.method == "islands":
            return found.labels > 0
        from .peers import photutils_central, pybdsf_islands

        stack = found.over if stack is None else stack
        keep = pybdsf_islands(
            stack,
            thresh_isl=self.thresh_isl,
            thresh_pix=self.thresh_pix,
            beam_arcsec=beam,
            pixel_arcsec=self.pixel_arcsec,
        )
        if self.method == "intersection":
            keep &= photutils_central(stack, n_sigma=self.thresh_isl, min_area=self.min_area)
        return keep


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

        Raises
        ------
        ValueError
            If masks have another shape.
        """
        stack = _stack(images)
        keep = np.ones(stack.shape, bool) if masks is None else np.asarray(masks, bool)
        if keep.shape != stack.shape:
            raise ValueError(f"masks: found shape {keep.shape}, expected {stack.shape} as images")
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
    stack = plain_images(images)
    if stack.ndim != 3:
        raise ValueError(
            f"images: found shape {stack.shape}, expected (n, ny, nx); "
            "CutoutSet.from_arrays takes single images and colour pictures"
        )
    return stack.astype(np.float64)


def _dilated(masks: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    wide = np.zeros_like(masks)
    for mask, out in zip(masks, wide, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size:
            # Nothing grows outside of this frame.
            part = (
                slice(max(0, rows[0] - pixels), rows[-1] + pixels + 1),
                slice(max(0, columns[0] - pixels), columns[-1] + pixels + 1),
            )
            out[part] = ndimage.binary_dilation(mask[part], _TOUCHING, iterations=pixels)
    return wide


def _report(found: Islands, keep: NDArray[np.bool_], central: NDArray[np.bool_]) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for row in range(len(found)):
        pixels = np.flatnonzero(found.labels[row])
        names, flux = found.labels[row].ravel()[pixels], found.over[row].ravel()[pixels]
        inside = keep[row].ravel()[pixels]
        count = int(names.max(initial=0))
        total, kept = float(flux.sum()), float(flux[inside].sum())
        peak = found.over[row].ravel()[np.flatnonzero(keep[row])].max(initial=-np.inf)
        gone = flux[~inside]
        rule = str(found.background.rule[row])
        missing = float(found.nan_fraction[row])
        rows.append(
            {
                "status": _status(rule, missing, count, central[row]),
                "noise": float(found.background.noise[row]),
                "noise_rule": rule,
                "nan_fraction": missing,
                "n_islands": count,
                "n_removed": int(np.unique(names[~inside]).size),
                "flux_kept": kept / total if total > 0 else np.nan,
                "flux_removed": 1 - kept / total if total > 0 else np.nan,
                "largest_removed": _over(float(gone.max()), float(peak)) if gone.size else 0.0,
            }
        )
    return pd.DataFrame(rows)


def _over(gone: float, kept: float) -> float:
    return gone / kept if np.isfinite(kept) else np.nan


def _status(rule: str, nan_fraction: float, n_islands: int, central: bool) -> str:
    if rule == "blank":
        return "blank"
    if nan_fraction > 0.3:
        return "edge"
    if not n_islands:
        return "low_snr"
    return "ok" if central else "no_central_source"
