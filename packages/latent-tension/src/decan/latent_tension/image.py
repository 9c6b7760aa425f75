"""The observation: counts in bands with exposure, PSF, mask, background and coordinates."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .psf import ImagePSF, PSFGrid

__all__ = ["PhotonImage"]


class PhotonImage:
    """Counts in energy bands, and what one must know to predict them.

    Arrays are indexed (band, y, x); the centre of the first pixel is (0, 0). Whatever is
    wrong is said here, once, with the argument's name.

    Parameters
    ----------
    counts : array_like, shape (y, x) or (band, y, x)
        Photons a pixel. Whole numbers unless ``allow_float``. Masked cells of a NumPy masked
        array are masked here too.
    exposure : array_like or Quantity, optional
        Anything that broadcasts to the counts: cm² s, s, or relative; a Quantity of time or of
        area times time becomes s or cm² s. Fluxes come out in counts per its unit. Zero and
        NaN mean masked. One everywhere by default.
    psf : ImagePSF, PSFGrid or array_like
        Point spread function on the same pixels.
    energy_edges : Quantity, shape (band, 2), optional
        Lower and upper energy of each band; needs a unit.
    pixel_scale : Quantity or float, optional
        Side of a pixel, degrees where it is a plain number.
    wcs : astropy.wcs.WCS, optional
        Celestial coordinates of the pixels.
    mask : array_like of bool, optional
        True where data shall not be used.
    background : array_like, optional
        Known background in counts a pixel (particles, a template), added to the model.
    band_response : array_like, shape (band,), optional
        Counts that a source of index zero leaves in each band, up to a factor. Taken from the
        total counts where it is not known.
    allow_float : bool
        Accept counts that are not whole numbers.
    name : str
        Shown where several images are fitted together.

    Raises
    ------
    ValueError
        If counts are negative, NaN or fractional, shapes disagree, or energies are not sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from decan.latent_tension import GaussianPSF, PhotonImage
    >>> PhotonImage(np.ones((2, 32, 32)), psf=GaussianPSF(1.5))
    PhotonImage(2 bands, 32 x 32 px, 2,048 counts)
    """

    def __init__(
        self,
        counts: Any,
        exposure: Any = None,
        psf: Any = None,
        energy_edges: Any = None,
        *,
        pixel_scale: Any = None,
        wcs: Any = None,
        mask: Any = None,
        background: Any = None,
        band_response: Any = None,
        allow_float: bool = False,
        name: str = "image",
    ) -> None:
        self.name, self.wcs = name, wcs
        counts, mask = _unmasked(counts, mask)
        self.counts = _checked_counts(counts, allow_float)
        shapes = {
            "counts": np.shape(counts),
            "exposure": np.shape(exposure),
            "background": np.shape(background),
            "mask": np.shape(mask),
        }
        self.exposure, unused = self._exposure(exposure, shapes)
        self.mask = unused | _fitted(mask, self.counts.shape, "mask", shapes, False).astype(bool)
        known = _fitted(background, self.counts.shape, "background", shapes, 0.0).astype(float)
        known = np.where(self.mask, 0.0, known)
        # Rounded archives hold values like -2e-6: they are zero.
        if not np.all(known >= -1e-3) or np.any(np.isinf(known)):
            raise ValueError("background: holds negative or NaN values")
        self.background = np.clip(known, 0, None)
        self.psf = self._psf(psf)
        self.energy_edges = _checked_energies(energy_edges, self.n_bands)
        self.pixel_deg = _degrees(pixel_scale, wcs)
        self.band_response = self._response(band_response)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, y, x)."""
        bands, ny, nx = self.counts.shape
        return bands, ny, nx

    @property
    def n_bands(self) -> int:
        """Number of energy bands."""
        return len(self.counts)

    @property
    def log_energy(self) -> np.ndarray:
        """Ln of the geometric mean energy of each band over that of the reference band.

        The reference is the middle band. Without energies the bands are one unit apart.
        """
        if self.energy_edges is None:
            middle = np.arange(self.n_bands, dtype=float)
        else:
            middle = np.log(self.energy_edges).mean(1)
        return middle - middle[self.n_bands // 2]

    def sky_position(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Right ascension and declination (or the frame's own angles) of pixels, degrees.

        Parameters
        ----------
        x, y : array_like
            Pixel coordinates, first pixel (0, 0).

        Returns
        -------
        tuple of ndarray
            NaN without a WCS.
        """
        x, y = np.asarray(x, float), np.asarray(y, float)
        if self.wcs is None:
            return np.full(x.shape, np.nan), np.full(x.shape, np.nan)
        lon, lat = self.wcs.celestial.wcs_pix2world(x, y, 0)
        return np.asarray(lon), np.asarray(lat)

    def without_empty_bands(self) -> PhotonImage:
        """The image without bands that have no exposure anywhere."""
        keep = ~self.mask.all((1, 2))
        if keep.all():
            return self
        warnings.warn(
            f"{self.name}: band {np.flatnonzero(~keep).tolist()} has no exposure; dropped",
            UserWarning,
            stacklevel=2,
        )
        if not keep.any():
            raise ValueError(f"{self.name}: exposure is zero everywhere")
        psf = self.psf
        if isinstance(psf, ImagePSF):
            stamps = psf.fine_stamps(self.n_bands)[keep]
            psf = ImagePSF(stamps, oversampling=psf.oversampling)
        else:
            psf = PSFGrid(psf.knots(self.n_bands)[:, :, keep], psf.y, psf.x)
        image = object.__new__(PhotonImage)
        image.__dict__ = {**self.__dict__, "psf": psf}
        for key in ("counts", "exposure", "mask", "background", "band_response", "energy_edges"):
            value = getattr(self, key)
            setattr(image, key, value if value is None else value[keep])
        return image

    def frame_offset(self, reference: PhotonImage) -> tuple[float, float]:
        """Where this image's first pixel lies on another image's pixels, (y, x).

        Parameters
        ----------
        reference : PhotonImage
            The image whose pixels are the sky's.

        Returns
        -------
        tuple of float
            (0, 0) if neither has a WCS.

        Raises
        ------
        ValueError
            If pixel scale or orientation differ: only a shift can be taken into the model
            without resampling counts.
        """
        if self is reference or self.wcs is None or reference.wcs is None:
            if self.counts.shape[1:] != reference.counts.shape[1:]:
                raise ValueError(
                    f"{self.name}: shape {self.counts.shape} differs from {reference.name}'s "
                    f"{reference.counts.shape}, and there is no WCS to say how they overlap"
                )
            if abs((self.pixel_deg or 1) / (reference.pixel_deg or self.pixel_deg or 1) - 1) > 0.01:
                raise ValueError(
                    f"{self.name}: pixels of {self.pixel_deg} deg differ from {reference.name}'s "
                    f"of {reference.pixel_deg} deg; bin the events of both on the same pixels"
                )
            return 0.0, 0.0
        _, ny, nx = self.shape
        corners = np.array([[0, 0], [nx - 1, 0], [0, ny - 1], [nx - 1, ny - 1]], float)
        world = self.wcs.celestial.wcs_pix2world(corners, 0)
        there = reference.wcs.celestial.wcs_world2pix(world, 0)
        rest = there - corners
        if np.abs(rest - rest.mean(0)).max() > 0.2:
            raise ValueError(
                f"{self.name}: pixel scale or orientation differs from {reference.name}'s; "
                "bin the events of both on the same kind of pixels (a shift is fine)"
            )
        dx, dy = rest.mean(0)
        return float(dy), float(dx)

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], *, exposure: Any = None, psf: Any = None, **more: Any
    ) -> PhotonImage:
        """Read an image from FITS; see :func:`decan.latent_tension.readers.read_image`."""
        from .readers import read_image

        return read_image(path, exposure=exposure, psf=psf, **more)

    def to_fits(self, path: str | os.PathLike[str]) -> Path:
        """Write counts, exposure, background, mask, PSF and energies into one FITS file."""
        from .readers import write_image

        return write_image(self, path)

    def __repr__(self) -> str:
        bands, ny, nx = self.shape
        return (
            f"PhotonImage({bands} band{'s' * (bands > 1)}, {ny} x {nx} px, "
            f"{self.counts[~self.mask].sum():,.0f} counts)"
        )

    def _exposure(
        self, exposure: Any, shapes: dict[str, tuple[int, ...]]
    ) -> tuple[np.ndarray, np.ndarray]:
        if np.ma.isMaskedArray(exposure):
            exposure = exposure.filled(0)
        exposure = _plain_exposure(exposure)
        array = _fitted(exposure, self.counts.shape, "exposure", shapes, 1.0).astype(float)
        holes = ~np.isfinite(array)
        if holes.any():
            warnings.warn(
                f"exposure: {holes.sum():,} NaN or infinite values; these pixels are masked",
                UserWarning,
                stacklevel=3,
            )
        if np.any(array[~holes] < 0):
            raise ValueError("exposure: holds negative values")
        array = np.where(holes, 0.0, array)
        dark = array <= 0
        lost = self.counts[dark & ~holes].sum()
        if lost:
            warnings.warn(
                f"counts: {lost:,.0f} lie where the exposure is zero; not used",
                UserWarning,
                stacklevel=3,
            )
        return array, dark

    def _psf(self, psf: Any) -> ImagePSF | PSFGrid:
        if psf is None:
            raise ValueError("psf: needed; GaussianPSF(sigma) if nothing better is known")
        kind = psf if isinstance(psf, ImagePSF | PSFGrid) else ImagePSF(psf)
        stamps = kind.stamps(self.n_bands)
        _, ny, nx = self.shape
        most = (2 * ny - 1, 2 * nx - 1)
        if isinstance(kind, ImagePSF) and (stamps.shape[1] > most[0] or stamps.shape[2] > most[1]):
            cut = [max(0, (s - m) // 2) for s, m in zip(stamps.shape[1:], most, strict=True)]
            inner = stamps[:, cut[0] : stamps.shape[1] - cut[0], cut[1] : stamps.shape[2] - cut[1]]
            lost = 1 - inner.sum((1, 2)).min()
            if lost > 1e-3:
                warnings.warn(
                    f"psf: {stamps.shape[1:]} px on an image of {(ny, nx)} px; cut, "
                    f"{lost:.1%} of a source is lost",
                    UserWarning,
                    stacklevel=3,
                )
            kind = ImagePSF(inner / inner.sum((1, 2), keepdims=True))
        return kind

    def _response(self, given: Any) -> np.ndarray:
        if given is None:
            good = np.where(self.mask, 0, self.counts).sum((1, 2)) + 1.0
            weight = np.where(self.mask, 0, self.exposure).sum((1, 2))
            rate = good / np.where(weight > 0, weight, np.inf)
            return np.asarray(rate / max(rate.sum(), 1e-300))
        array = np.asarray(given, float)
        if array.shape != (self.n_bands,) or not np.all(array > 0):
            raise ValueError(
                f"band_response: expected {self.n_bands} positive numbers, found {given}"
            )
        return array / array.sum()


def _checked_counts(counts: Any, allow_float: bool) -> np.ndarray:
    array = np.asarray(counts, dtype=float)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"counts: expected shape (y, x) or (band, y, x), found {array.shape}")
    for bad, what in ((~np.isfinite(array), "NaN or infinite"), (array < 0, "negative")):
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"counts: {bad.sum():,} {what} value(s), the first at (band, y, x) = {where}"
            )
    if not allow_float and np.any(array != np.rint(array)):
        raise ValueError(
            "counts: not whole numbers; give counts = rate x exposure, or allow floats "
            "(allow_float=True, or --allow-float)"
        )
    return array


def _fitted(
    value: Any,
    shape: tuple[int, ...],
    name: str,
    shapes: dict[str, tuple[int, ...]],
    default: float,
) -> np.ndarray:
    if value is None:
        return np.full(shape, default)
    array = np.asarray(getattr(value, "value", value))
    if array.ndim == 1 and len(array) == shape[0]:
        array = array[:, None, None]
    try:
        return np.broadcast_to(array, shape).copy()
    except ValueError:
        listed = ", ".join(f"{key} {found}" for key, found in shapes.items() if found)
        raise ValueError(f"{name}: does not fit the counts; shapes are {listed}") from None


def _plain_exposure(exposure: Any) -> Any:
    """Exposure in s, cm² s, or relative."""
    if not hasattr(exposure, "to_value"):
        return exposure
    from astropy import units as u

    for unit in ("s", "cm2 s", ""):
        if exposure.unit.is_equivalent(u.Unit(unit)):
            return exposure.to_value(unit)
    raise ValueError(f"exposure: must be a time, or an area times a time, found {exposure.unit}")


def _unmasked(counts: Any, mask: Any) -> tuple[Any, Any]:
    """Counts without their own mask, which joins the given one."""
    if not np.ma.isMaskedArray(counts):
        return counts, mask
    own = np.ma.getmaskarray(counts)
    joined = own if mask is None else own | np.asarray(mask, bool)
    return counts.filled(0), joined


def _checked_energies(edges: Any, n_bands: int) -> np.ndarray | None:
    """Energies in keV."""
    if edges is None:
        return None
    from astropy import units as u

    try:
        if hasattr(edges, "to"):
            array = np.asarray(edges.to("keV").value, float)
        else:  # a list of quantities, each with its own unit
            array = np.array([[one.to("keV").value for one in band] for band in edges], float)
    except (AttributeError, TypeError, u.UnitsError):
        raise ValueError(
            "energy_edges: needs a unit of energy, for example [(0.2, 1), (1, 2)] * u.keV, "
            f"found {edges!r}"
        ) from None
    if array.shape != (n_bands, 2):
        raise ValueError(f"energy_edges: expected shape ({n_bands}, 2), found {array.shape}")
    if not np.all(np.isfinite(array)) or np.any(array <= 0):
        raise ValueError("energy_edges: must be positive")
    if np.any(array[:, 1] <= array[:, 0]):
        raise ValueError("energy_edges: a band's upper edge must lie above its lower edge")
    if np.any(array[1:, 0] < array[:-1, 1] * (1 - 1e-6)):
        raise ValueError("energy_edges: bands must rise and not overlap (touching is fine)")
    return array


def _degrees(scale: Any, wcs: Any) -> float | None:
    from astropy import units as u

    of_wcs = None
    if wcs is not None:
        from astropy.wcs.utils import proj_plane_pixel_scales

        of_wcs = float(proj_plane_pixel_scales(wcs.celestial).mean())
    if scale is None:
        return of_wcs
    try:
        given = float(scale.to("deg").value if hasattr(scale, "to") else scale)
    except u.UnitsError:
        raise ValueError(f"pixel_scale: must be an angle, found {scale!r}") from None
    if not 0 < given < 180:
        raise ValueError(f"pixel_scale: must be positive and an angle, found {scale!r}")
    if of_wcs is not None and abs(given / of_wcs - 1) > 0.05:
        raise ValueError(
            f"pixel_scale: {given * 3600:.4g} arcsec, but the WCS has pixels of "
            f"{of_wcs * 3600:.4g} arcsec; a plain number is in degrees"
        )
    return given
