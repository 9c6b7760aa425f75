"""Point spread functions: what one photon's direction becomes on the detector.

Stamps are arrays (band, y, x) of unit sum whose centroid is the source's position. They are
checked once, here, so that nothing later has to doubt them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["GaussianPSF", "ImagePSF", "KingPSF", "PSFGrid", "half_width", "rings"]

SUM_TOLERANCE = 0.01
SHIFT_WARNING = 2.0  # pixels
NEGLIGIBLE = 1e-4
RINGING = 0.1
SMOOTH = 0.02


class ImagePSF:
    """A PSF given as an image, one for all bands or one a band.

    A sum that is not one within 1 % is normalised with a warning. The centroid is measured and
    compensated, so that an even-sized or off-centre image moves no source; above two pixels a
    warning says so.

    Parameters
    ----------
    stamps : array_like, shape (y, x) or (band, y, x)
        Non-negative, on the pixels of the counts or on finer ones.
    oversampling : int
        Pixels of the stamps a pixel of the counts, along each axis. A PSF that is narrower
        than two pixels is known well enough to be moved by parts of a pixel only on finer ones.

    Raises
    ------
    ValueError
        If a value is negative or NaN, a band has nothing but zeros, or the oversampling is not
        a whole number from one on.

    Examples
    --------
    >>> import numpy as np
    >>> psf = ImagePSF(np.ones((3, 3)) / 9)
    >>> psf.stamps(2).shape
    (2, 3, 3)
    """

    def __init__(self, stamps: Any, *, oversampling: int = 1) -> None:
        array = np.asarray(stamps, dtype=float)
        if array.ndim == 2:
            array = array[None]
        if array.ndim != 3:
            raise ValueError(f"psf: expected shape (y, x) or (band, y, x), found {array.shape}")
        if oversampling != int(oversampling) or oversampling < 1:
            raise ValueError(f"oversampling: must be 1, 2, 3, ..., found {oversampling}")
        _refuse_bad_values(array)
        self.oversampling = int(oversampling)
        self._fine, self.shifts = _centred(_normalised(array))
        self._stamps = _on_pixels(self._fine, self.oversampling)

    def stamps(self, n_bands: int) -> np.ndarray:
        """Stamps of unit sum on the pixels of the counts, shape (n_bands, y, x)."""
        return _for_bands(self._stamps, n_bands)

    def fine_stamps(self, n_bands: int) -> np.ndarray:
        """The same on the finer pixels, ``oversampling`` of them a pixel and axis."""
        return _for_bands(self._fine, n_bands)

    def __repr__(self) -> str:
        bands, ny, nx = self._stamps.shape
        return f"{type(self).__name__}({bands} band{'s' * (bands > 1)}, {ny} x {nx} px)"


class GaussianPSF(ImagePSF):
    """A round Gaussian, integrated over each pixel.

    Parameters
    ----------
    sigma : float or sequence of float
        Standard deviation in pixels, one for all bands or one a band.
    size : int, optional
        Odd number of pixels of the stamp; twelve sigma by default.

    Examples
    --------
    >>> float(half_width(GaussianPSF(1.5).stamps(1))[0].round(1))
    3.7
    """

    def __init__(self, sigma: float | Sequence[float], *, size: int | None = None) -> None:
        from scipy.special import ndtr

        sigmas = np.atleast_1d(_pixels(sigma, "sigma"))
        if not np.all(sigmas > 0):
            raise ValueError(f"sigma: must be positive, found {sigma}")
        half = (size or 2 * int(np.ceil(6 * sigmas.max())) + 1) // 2
        finer = 1 if sigmas.min() >= 0.75 else 5
        n_fine = finer * (2 * half + 1)
        edges = (np.arange(n_fine + 1) - n_fine / 2) / finer
        line = np.diff(ndtr(edges / sigmas[:, None]), axis=1)
        stamps = line[:, :, None] * line[:, None, :]
        super().__init__(stamps / stamps.sum((1, 2), keepdims=True), oversampling=finer)


class KingPSF(ImagePSF):
    """A King profile ``(1 + (r/r_c)^2)^-slope``, averaged over each pixel.

    Parameters
    ----------
    core : float or sequence of float
        Core radius in pixels, one for all bands or one a band.
    slope : float
        Exponent; 1.5 for X-ray mirrors.
    radius : float
        Where the profile is cut, in pixels.

    Examples
    --------
    >>> KingPSF([1.15, 1.15, 1.25], radius=30).stamps(3).shape
    (3, 63, 63)
    """

    def __init__(
        self, core: float | Sequence[float] | np.ndarray, *, slope: float = 1.5, radius: float = 30
    ) -> None:
        cores, radius = np.atleast_1d(_pixels(core, "core")), float(_pixels(radius, "radius"))
        if not np.all(cores > 0):
            raise ValueError(f"core: must be positive, found {core}")
        finer = 1 if cores.min() >= 1.1 else 3
        side = finer * (2 * (int(np.ceil(radius)) + 1) + 1)
        place = (np.arange(5 * side) - (5 * side - 1) / 2) / (5 * finer)
        r2 = place[:, None] ** 2 + place**2
        profile = (1 + r2 / cores[:, None, None] ** 2) ** -slope * (r2 <= radius**2)
        stamps = profile.reshape(len(cores), side, 5, side, 5).mean((2, 4))
        super().__init__(stamps / stamps.sum((1, 2), keepdims=True), oversampling=finer)


class PSFGrid:
    """A PSF that changes over the field, given at a few positions.

    Between the positions the images made with each PSF are mixed with bilinear weights.

    Parameters
    ----------
    stamps : array_like, shape (ny, nx, y, x) or (ny, nx, band, y, x)
        PSF images at the knots of a rectangular grid.
    y, x : array_like, shape (ny,) and (nx,)
        Pixel coordinates of the knots, rising.

    Raises
    ------
    ValueError
        If shapes disagree, knots do not rise, or a stamp is no PSF.

    Examples
    --------
    >>> import numpy as np
    >>> stamp = GaussianPSF(1.0).stamps(1)
    >>> grid = PSFGrid(np.tile(stamp, (2, 2, 1, 1, 1)), [0, 63], [0, 63])
    >>> grid.weights(64, 64).shape, bool(np.allclose(grid.weights(64, 64).sum(0), 1))
    ((4, 64, 64), True)
    """

    def __init__(self, stamps: Any, y: Any, x: Any) -> None:
        array = np.asarray(stamps, dtype=float)
        self.y, self.x = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
        if array.ndim == 4:
            array = array[:, :, None]
        if array.ndim != 5 or array.shape[:2] != (len(self.y), len(self.x)):
            raise ValueError(
                f"psf: stamps of shape {array.shape} do not fit {len(self.y)} x {len(self.x)} knots"
            )
        if np.any(np.diff(self.y) <= 0) or np.any(np.diff(self.x) <= 0):
            raise ValueError("psf: the knots y and x must rise")
        self.members = [ImagePSF(stamp) for row in array for stamp in row]

    def knots(self, n_bands: int) -> np.ndarray:
        """Stamps at the knots, shape (ny, nx, n_bands, y, x), as the class takes them."""
        given = [m.stamps(n_bands) for m in self.members]
        size = np.max([one.shape[1:] for one in given], axis=0)
        stamps = []
        for one in given:
            (h, w) = (size - one.shape[1:]) // 2
            stamps.append(np.pad(one, ((0, 0), (h, h), (w, w))))
        return np.stack(stamps).reshape(len(self.y), len(self.x), n_bands, *size)

    def weights(self, ny: int, nx: int, y0: float = 0, x0: float = 0) -> np.ndarray:
        """Weight of each knot in each pixel, shape (knots, ny, nx); constant outside the grid."""
        wy = _hats(self.y, np.arange(ny) + y0)
        wx = _hats(self.x, np.arange(nx) + x0)
        return (wy[:, None, :, None] * wx[None, :, None, :]).reshape(-1, ny, nx)

    def stamps_at(self, y: float, x: float, n_bands: int) -> np.ndarray:
        """The PSF at one position, shape (n_bands, y, x)."""
        weights = self.weights(1, 1, y, x)[:, 0, 0]
        return sum(
            w * member.stamps(n_bands) for w, member in zip(weights, self.members, strict=True)
        )

    def stamps(self, n_bands: int) -> np.ndarray:
        """The PSF in the middle of the grid."""
        return self.stamps_at(float(self.y.mean()), float(self.x.mean()), n_bands)

    def __repr__(self) -> str:
        return f"PSFGrid({len(self.y)} x {len(self.x)} knots)"


def half_width(stamps: np.ndarray) -> np.ndarray:
    """Full width at half maximum of each band's stamp, from the area above half its peak.

    Parameters
    ----------
    stamps : ndarray, shape (band, y, x)
        PSF images.

    Returns
    -------
    ndarray, shape (band,)
        In pixels, not below one.

    Examples
    --------
    >>> half_width(GaussianPSF([1.0, 2.0]).stamps(2)).round(1)
    array([2.5, 4.9])
    """
    from scipy.ndimage import zoom

    widths = []
    for stamp in stamps:
        fine = zoom(stamp, 5, order=1) if min(stamp.shape) > 1 else stamp
        scale = 5 if min(stamp.shape) > 1 else 1
        if min(stamp.shape) == 1:
            widths.append(max(1.0, float(np.sum(fine >= fine.max() / 2))))
        else:
            area = np.sum(fine >= fine.max() / 2) / scale**2
            widths.append(max(2 / np.sqrt(np.pi), 2 * np.sqrt(area / np.pi)))
    return np.array(widths)


def rings(stamps: np.ndarray) -> bool:
    """Whether a PSF is too narrow for its pixels to be moved by a Fourier shift.

    Parameters
    ----------
    stamps : ndarray, shape (..., y, x)
        PSF images of unit sum.

    Returns
    -------
    bool
        True if half a pixel's shift leaves negative values of more than a tenth of the light.

    Examples
    --------
    >>> rings(GaussianPSF(1.5).stamps(1))
    False
    >>> narrow = np.zeros((1, 9, 9))
    >>> narrow[0, 4, 4] = 1
    >>> rings(narrow)
    True
    """
    return bool(_negative_light(stamps).max() > RINGING)


def _pixels(value: Any, name: str) -> np.ndarray:
    """Lengths in pixels; an angle would need to know how large a pixel is."""
    unit = str(getattr(value, "unit", ""))
    if unit not in ("", "pix"):
        raise ValueError(f"{name}: must be in pixels, found {value}; divide by the pixel's side")
    return np.asarray(getattr(value, "value", value), dtype=float)


def _negative_light(stamps: np.ndarray) -> np.ndarray:
    """Share of the light that half a pixel's Fourier shift leaves negative."""
    room = [(0, 0)] * (stamps.ndim - 2) + [(2, 2) if n > 1 else (0, 0) for n in stamps.shape[-2:]]
    wide = np.pad(stamps, room)
    half = [np.fft.fftfreq(n) * 0.5 for n in wide.shape[-2:]]
    phase = np.exp(-2j * np.pi * (half[0][:, None] + half[1]))
    moved = np.fft.ifft2(np.fft.fft2(wide) * phase).real
    return np.asarray(-np.minimum(moved, 0).sum((-2, -1)))


def _on_pixels(fine: np.ndarray, oversampling: int) -> np.ndarray:
    """Stamps on pixels that hold several fine ones, the middle of both in one place."""
    if oversampling == 1:
        return fine
    box = np.ones(oversampling)
    if oversampling % 2 == 0:  # the middle fine pixel is centred, so the rim is shared
        box = np.r_[0.5, np.ones(oversampling - 1), 0.5]
    out = fine
    for axis in (1, 2):
        half = fine.shape[axis] // 2
        reach = -(-(half + len(box) // 2) // oversampling)
        room = [(0, 0)] * 3
        room[axis] = (oversampling * reach + len(box) // 2 - half,) * 2
        wide = np.apply_along_axis(np.convolve, axis, np.pad(out, room), box, "valid")
        out = np.take(wide, oversampling * np.arange(2 * reach + 1), axis=axis)
    return np.asarray(out)


def _refuse_bad_values(array: np.ndarray) -> None:
    if not np.all(np.isfinite(array)):
        raise ValueError("psf: holds NaN or infinite values")
    if np.any(array < 0):
        where = tuple(int(i) for i in np.argwhere(array < 0)[0])
        raise ValueError(f"psf: negative value {array[where]:.3g} at (band, y, x) = {where}")
    empty = np.flatnonzero(array.sum((1, 2)) == 0)
    if len(empty):
        raise ValueError(f"psf: band {empty[0]} holds nothing but zeros")


def _normalised(array: np.ndarray) -> np.ndarray:
    sums = array.sum((1, 2))
    worst = sums[np.argmax(np.abs(sums - 1))]
    if abs(worst - 1) > SUM_TOLERANCE:
        warnings.warn(
            f"psf: sum {worst:.4g}, expected 1 within 1 %; divided by it", UserWarning, stacklevel=4
        )
    return array / sums[:, None, None]


def _centred(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Odd-sized stamps with the centroid on the middle pixel, and the shifts that did it."""
    odd = np.pad(array, ((0, 0), (0, 1 - array.shape[1] % 2), (0, 1 - array.shape[2] % 2)))
    ny, nx = odd.shape[1:]
    y, x = np.arange(ny) - ny // 2, np.arange(nx) - nx // 2
    shifts = np.stack([(odd.sum(2) * y).sum(1), (odd.sum(1) * x).sum(1)], 1)
    original = np.hypot(*(shifts - (np.array([ny, nx]) - array.shape[1:]) * -0.5).T)
    if original.max() > SHIFT_WARNING:
        warnings.warn(
            f"psf: centroid {original.max():.2f} px off the middle of the image; compensated",
            UserWarning,
            stacklevel=4,
        )
    if np.abs(shifts).max() < 1e-3:
        return odd, shifts
    return np.stack([_moved(s, -dy, -dx) for s, (dy, dx) in zip(odd, shifts, strict=True)]), shifts


def _moved(stamp: np.ndarray, dy: float, dx: float) -> np.ndarray:
    """Move by parts of a pixel; what the pixels resolve is not widened by it."""
    ny, nx = stamp.shape
    room = int(np.ceil(max(abs(dy), abs(dx)))) + 1
    # What moves out on one side was the empty edge of an off-centre image.
    large = np.pad(stamp, room)
    inner = (slice(room, room + ny), slice(room, room + nx))
    if _negative_light(stamp) < SMOOTH:
        waves = [np.fft.fftfreq(n) for n in large.shape]
        phase = np.exp(-2j * np.pi * (waves[0][:, None] * dy + waves[1] * dx))
        exact = np.fft.ifft2(np.fft.fft2(large) * phase).real[inner].clip(min=0)
        return np.asarray(exact / exact.sum())
    # Narrow, or rough as a simulation of few rays is: linear interpolation, which widens but
    # rings not at all.
    iy, ix = int(np.floor(dy)), int(np.floor(dx))
    fy, fx = dy - iy, dx - ix
    out = np.zeros_like(large)
    for sy, wy in ((iy, 1 - fy), (iy + 1, fy)):
        for sx, wx in ((ix, 1 - fx), (ix + 1, fx)):
            if wy * wx > 0:
                out += wy * wx * np.roll(large, (sy, sx), (0, 1))
    out = out[inner]
    return out / out.sum()


def _for_bands(stamps: np.ndarray, n_bands: int) -> np.ndarray:
    if len(stamps) not in (1, n_bands):
        raise ValueError(f"psf: has {len(stamps)} bands, the counts have {n_bands}")
    return np.broadcast_to(stamps, (n_bands, *stamps.shape[1:]))


def _hats(knots: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Piecewise linear weights of the knots, shape (knots, places)."""
    return np.stack([np.interp(places, knots, row) for row in np.eye(len(knots))])
