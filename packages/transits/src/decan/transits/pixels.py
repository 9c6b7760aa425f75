"""Pixels: the difference image of a signal, and how far from the star its source lies.

A transit dims its source and nothing else: the image out of transit minus the image in transit
shows the source alone. A point-response function fitted to that difference gives its place,
and the world coordinates of the cube give the offset from the star's catalogue position in
arcseconds, with an error. An offset of several errors means that another star is eclipsed.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import least_squares
from scipy.special import erf

from decan.core.errors import SchemaError
from decan.core.files import reading

from .lightcurve import plain

if TYPE_CHECKING:
    import os

    from astropy.wcs import WCS
    from numpy.typing import ArrayLike, NDArray

    from .signals import TransitSignal

__all__ = ["DifferenceImage", "SourceOffset", "TargetPixels", "gaussian_prf"]

_BASELINE = (0.75, 2.5)
_LEAST_ROWS = 2
_PRIOR_LOG_WIDTH = 0.2


@dataclass(frozen=True, eq=False)
class TargetPixels:
    """A cube of images of one star against time.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Days, sorted.
    flux : ndarray of float, shape (n, n_rows, n_columns)
        Calibrated flux, any scale; NaN or masked where a pixel was not read.
    wcs : astropy.wcs.WCS
        World coordinates of the pixels, the first of which is 0.
    ra_deg, dec_deg : float
        The star in the catalogue, degrees.
    time_format : {'bjd', 'bkjd', 'btjd'}, optional
        Time system.

    Raises
    ------
    ValueError
        If the shapes do not fit together, or the star lies outside the images.

    Examples
    --------
    >>> from decan.transits import simulate_pixels
    >>> simulate_pixels(rng=0).pixels
    TargetPixels(1,322 images of 11 x 11 pixels, 3.98 arcsec each)
    """

    time: NDArray[np.float64]
    flux: NDArray[np.float64]
    wcs: WCS
    ra_deg: float
    dec_deg: float
    time_format: str | None = None

    def __post_init__(self) -> None:
        time = plain(self.time, "time", self.time_format, "d")
        flux = plain(self.flux, "flux")
        for name in ("ra_deg", "dec_deg"):
            angle: Any = getattr(self, name)
            angle = float(angle.to_value("deg") if hasattr(angle, "to_value") else angle)
            object.__setattr__(self, name, angle)
        if flux.ndim != 3 or len(flux) != time.size:
            raise ValueError(
                f"flux: expected shape ({time.size}, n_rows, n_columns), found {flux.shape}"
            )
        rows = np.isfinite(time) & np.isfinite(flux).any(axis=(1, 2))
        order = np.flatnonzero(rows)[np.argsort(time[rows], kind="stable")]
        object.__setattr__(self, "time", time[order])
        object.__setattr__(self, "flux", flux[order])
        x, y = self.star_pixel
        if not (-0.5 <= x < flux.shape[2] - 0.5 and -0.5 <= y < flux.shape[1] - 0.5):
            raise ValueError(
                f"ra_deg, dec_deg: the star falls on pixel ({x:.1f}, {y:.1f}), outside the "
                f"images of {flux.shape[2]} columns and {flux.shape[1]} rows"
            )

    @property
    def star_pixel(self) -> tuple[float, float]:
        """Column and row of the star's catalogue position, from 0."""
        x, y = self.wcs.all_world2pix([[self.ra_deg, self.dec_deg]], 0)[0]
        return float(x), float(y)

    @property
    def arcsec_per_pixel(self) -> NDArray[np.float64]:
        """Matrix from steps in column and row to steps east and north, arcsec."""
        return np.asarray(3600.0 * self.wcs.pixel_scale_matrix)

    def __len__(self) -> int:
        return int(self.time.size)

    def __repr__(self) -> str:
        scale = np.sqrt(abs(np.linalg.det(self.arcsec_per_pixel)))
        rows, columns = self.flux.shape[1:]
        return (
            f"TargetPixels({len(self):,} images of {rows} x {columns} pixels, "
            f"{scale:.3g} arcsec each)"
        )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> TargetPixels:
        """Read a target-pixel file of Kepler or TESS.

        Parameters
        ----------
        path : path-like
            FITS file with the pixel table first and the aperture second, as MAST has them.

        Returns
        -------
        TargetPixels
            Without images that the mission's default quality mask drops.

        Raises
        ------
        DataNotAvailable
            If the file does not exist.
        CorruptFile
            If it cannot be read to its end.
        SchemaError
            If it is no target-pixel file.

        Examples
        --------
        >>> TargetPixels.read("nowhere-targ.fits")
        Traceback (most recent call last):
        ...
        decan.core.errors.DataNotAvailable: nowhere-targ.fits: no such file
        """
        from astropy.io import fits
        from astropy.wcs import WCS

        with (
            reading(path, "target-pixel file") as file,
            warnings.catch_warnings(),
            file.open("rb") as handle,
            fits.open(handle, memmap=False) as hdus,
        ):
            warnings.simplefilter("ignore")
            primary, data = hdus[0].header, hdus[1].data
            names = {name.upper() for name in data.columns.names}
            if not {"TIME", "FLUX", "QUALITY"} <= names or data["FLUX"].ndim != 3:
                raise SchemaError(
                    f"{path}: expected columns TIME, FLUX (images) and QUALITY of a "
                    f"target-pixel file, found {', '.join(sorted(names))}"
                )
            if not all(isinstance(primary.get(key), int | float) for key in ("RA_OBJ", "DEC_OBJ")):
                raise SchemaError(f"{path}: no RA_OBJ and DEC_OBJ, the place of the star")
            from .readers import KEPLER_QUALITY, TESS_QUALITY, time_format_of

            tess = "TESS" in str(primary.get("TELESCOP", "")).upper()
            flagged = np.asarray(data["QUALITY"]) & (TESS_QUALITY if tess else KEPLER_QUALITY)
            good = flagged == 0
            return cls(
                np.asarray(data["TIME"], dtype=float)[good],
                np.asarray(data["FLUX"], dtype=float)[good],
                WCS(hdus[2].header),
                float(primary["RA_OBJ"]),
                float(primary["DEC_OBJ"]),
                time_format_of(hdus[1].header, file) or ("btjd" if tess else "bkjd"),
            )

    def difference_image(self, signal: TransitSignal) -> DifferenceImage:
        """Out of transit minus in transit, averaged over the transits.

        Each transit is held against its own surroundings, from 0.75 to 2.5 durations on
        either side, weighted so that a slow drift cancels; transits with fewer than two
        images inside or on either side are left out.

        Parameters
        ----------
        signal : TransitSignal
            The signal.

        Returns
        -------
        DifferenceImage

        Raises
        ------
        ValueError
            If no transit has images inside and on both sides.

        Examples
        --------
        >>> from decan.transits import simulate_pixels
        >>> made = simulate_pixels(rng=0)
        >>> made.pixels.difference_image(made.signal).n_transits
        5
        """
        period, duration = signal.period_day, signal.duration_day
        cycle = (self.time - signal.epoch_in(self.time_format)) / period
        number = np.round(cycle)
        offset = (cycle - number) * period
        near = (np.abs(offset) > _BASELINE[0] * duration) & (
            np.abs(offset) < _BASELINE[1] * duration
        )
        # Half a duration of ingress and egress at either end would dilute the difference.
        inside = np.abs(offset) < 0.4 * duration
        total = np.zeros(self.flux.shape[1:])
        level, weight, n_transits = np.zeros_like(total), 0.0, 0
        for one in np.unique(number[inside]):
            mine = number == one
            parts = [mine & inside, mine & near & (offset < 0), mine & near & (offset > 0)]
            sizes = [int(part.sum()) for part in parts]
            if min(sizes) < _LEAST_ROWS:
                continue
            seen, before, after = (_mean(self.flux[part]) for part in parts)
            # The middles of both sides need not be equally far away.
            left, right = -offset[parts[1]].mean(), offset[parts[2]].mean()
            middle = offset[parts[0]].mean()
            share = (left + middle) / (left + right)
            out = (1 - share) * before + share * after
            gain = 1.0 / (
                1 / sizes[0] + (1 - share) ** 2 / sizes[1] + share**2 / sizes[2]
            )  # fmt: skip
            total, level = total + gain * (out - seen), level + gain * out
            weight, n_transits = weight + gain, n_transits + 1
        if n_transits == 0:
            raise ValueError("signal: no transit has images inside and on both sides")
        scatter = _scatter(self.flux) / np.sqrt(weight)
        return DifferenceImage(total / weight, scatter, level / weight, n_transits, self)


def _mean(images: NDArray[Any]) -> NDArray[np.float64]:
    """Mean image; NaN, without a word, where a pixel is never read."""
    count = np.isfinite(images).sum(axis=0)
    total = np.where(np.isfinite(images), images, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


@dataclass(frozen=True, eq=False)
class DifferenceImage:
    """What is missing in transit, pixel by pixel.

    Parameters
    ----------
    difference : ndarray of float, shape (n_rows, n_columns)
        Out of transit minus in transit; positive where the source is.
    error : ndarray of float, shape (n_rows, n_columns)
        One standard deviation, from the scatter of neighbouring images.
    out_of_transit : ndarray of float, shape (n_rows, n_columns)
        Mean image around the transits.
    n_transits : int
        Transits that went in.
    pixels : TargetPixels
        Where it comes from.

    Examples
    --------
    >>> from decan.transits import simulate_pixels
    >>> made = simulate_pixels(rng=0)
    >>> image = made.pixels.difference_image(made.signal)
    >>> np.unravel_index(image.difference.argmax(), image.difference.shape)
    (np.int64(5), np.int64(5))
    """

    difference: NDArray[np.float64]
    error: NDArray[np.float64]
    out_of_transit: NDArray[np.float64]
    n_transits: int
    pixels: TargetPixels

    def source_offset(self) -> SourceOffset:
        """Where the source of the signal lies, by a fit of a Gaussian response.

        Returns
        -------
        SourceOffset

        Raises
        ------
        ValueError
            If fewer than nine pixels can be used.

        Examples
        --------
        >>> from decan.transits import simulate_pixels
        >>> made = simulate_pixels(neighbour_arcsec=(6.0, -3.0), eclipsed="neighbour", rng=0)
        >>> offset = made.pixels.difference_image(made.signal).source_offset()
        >>> bool(offset.sigma > 10), round(offset.arcsec)
        (True, 7)
        """
        star = np.array(self.pixels.star_pixel)
        noise = np.where(self.error > 0, self.error, np.nan)
        # The star's own image gives the width of the response; neighbours broaden it a little.
        bright = _fit(self.out_of_transit, np.maximum(noise, 1e-3 * np.nanmax(self.out_of_transit)),
                      near=star, width=1.0)  # fmt: skip
        found = _fit(self.difference, noise, near=None, width=bright.width)
        matrix = self.pixels.arcsec_per_pixel
        step = matrix @ (found.place - star)
        covariance = matrix @ found.covariance @ matrix.T
        apart = matrix @ (found.place - bright.place)
        return SourceOffset(
            east=float(step[0]), north=float(step[1]), covariance=covariance,
            from_image=float(np.hypot(*apart)), column=float(found.place[0]),
            row=float(found.place[1]), quality=found.chi2, snr=found.snr,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class SourceOffset:
    """Offset of a signal's source from the star, with its error.

    Parameters
    ----------
    east, north : float
        From the catalogue position of the star to the source, arcsec.
    covariance : ndarray of float, shape (2, 2)
        Of east and north, arcsec squared.
    from_image : float
        Distance from the centre of the star's own image, arcsec; that image is drawn
        towards its neighbours, but it knows of pointing errors that the catalogue does not.
    column, row : float
        The source in the image, pixels from 0.
    quality : float
        Chi-squared of the fit for each degree of freedom; far above 1 the difference is no
        point source.
    snr : float
        Signal-to-noise ratio of the source in the difference image.

    Examples
    --------
    >>> print(SourceOffset(3.0, 4.0, np.eye(2) * 0.01, 5.0, 6.0, 6.0, 1.0, 40.0))
    5.00 +- 0.10 arcsec (50.0 sigma)
    """

    east: float
    north: float
    covariance: NDArray[np.float64]
    from_image: float
    column: float
    row: float
    quality: float
    snr: float

    @property
    def arcsec(self) -> float:
        """Length of the offset, arcsec."""
        return float(np.hypot(self.east, self.north))

    @property
    def error(self) -> float:
        """One standard deviation along the offset, arcsec."""
        step = np.array([self.east, self.north]) / max(self.arcsec, 1e-12)
        return float(np.sqrt(step @ self.covariance @ step))

    @property
    def sigma(self) -> float:
        """Length in standard deviations, with the correlation of both axes."""
        step = np.array([self.east, self.north])
        return float(np.sqrt(step @ np.linalg.solve(self.covariance, step)))

    def __str__(self) -> str:
        return f"{self.arcsec:.2f} +- {self.error:.2f} arcsec ({self.sigma:.1f} sigma)"


def gaussian_prf(
    shape: tuple[int, int], column: float, row: float, width: float
) -> NDArray[np.float64]:
    """Share of a star's light in each pixel, for a Gaussian response.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    column, row : float
        Centre, pixels from 0.
    width : float
        Standard deviation, pixels.

    Returns
    -------
    ndarray of float, shape (n_rows, n_columns)
        Integrated over each pixel; adds up to 1 over the whole sky.

    Examples
    --------
    >>> round(float(gaussian_prf((11, 11), 5.0, 5.0, 0.8).sum()), 6)
    1.0
    """

    def along(n: int, centre: float) -> NDArray[np.float64]:
        edges = (np.arange(n + 1) - 0.5 - centre) / (np.sqrt(2) * width)
        return np.asarray(0.5 * np.diff(erf(edges)))

    return np.outer(along(shape[0], row), along(shape[1], column))


@dataclass(frozen=True, eq=False)
class _Fitted:
    place: NDArray[np.float64]
    covariance: NDArray[np.float64]
    width: float
    chi2: float
    snr: float


def _fit(
    image: NDArray[Any], error: NDArray[Any], *, near: ArrayLike | None, width: float
) -> _Fitted:
    """Place, height and width of a Gaussian on a flat background."""
    known = np.isfinite(image) & np.isfinite(error)
    if known.sum() < 9:
        raise ValueError(f"image: only {int(known.sum())} pixels can be used; nine are needed")
    shape = (image.shape[0], image.shape[1])
    if near is None:
        # Smoothed by its neighbours, one hot pixel does not win.
        height = np.where(known, image / np.where(known, error, 1.0), 0.0)
        padded = np.pad(height, 1)
        smooth = sum(padded[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3))
        row, column = np.unravel_index(int(np.argmax(smooth)), shape)
        near = (float(column), float(row))
    column, row = np.asarray(near, dtype=float)
    background = float(np.median(image[known]))
    peak = max(float(np.nanmax(np.where(known, image, np.nan))) - background, 1e-12)
    scale = peak * 2 * np.pi * width**2

    def residuals(p: NDArray[Any]) -> NDArray[np.float64]:
        model = p[2] * scale * gaussian_prf(shape, p[0], p[1], np.exp(p[3])) + p[4] * peak
        prior = (p[3] - np.log(width)) / _PRIOR_LOG_WIDTH
        return np.append(((image - model) / np.where(known, error, 1.0))[known], prior)

    limits = (
        [-1.0, -1.0, 0.0, np.log(0.25), -np.inf],
        [shape[1], shape[0], np.inf, np.log(4.0), np.inf],
    )
    start = [np.clip(column, -0.9, shape[1] - 0.1), np.clip(row, -0.9, shape[0] - 0.1), 1.0,
             np.log(width), background / peak]  # fmt: skip
    best = least_squares(residuals, start, bounds=limits, x_scale=[0.1, 0.1, 0.1, 0.1, 0.01])
    slopes: NDArray[np.float64] = np.asarray(best.jac)
    inverse: NDArray[np.float64] = np.asarray(np.linalg.pinv(slopes.T @ slopes), dtype=float)
    chi2 = float(2 * best.cost / max(int(known.sum()) - 4, 1))
    # A difference that is not quite a Gaussian is placed less well than noise alone says.
    covariance = inverse[:2, :2] * max(chi2, 1.0)
    snr = float(best.x[2] / np.sqrt(inverse[2, 2])) if inverse[2, 2] > 0 else 0.0
    return _Fitted(best.x[:2], covariance, float(np.exp(best.x[3])), chi2, snr)


def _scatter(flux: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scatter of each pixel from one image to the next, blind to what is slow."""
    steps = np.abs(np.diff(flux, axis=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(1.4826 * np.nanmedian(steps, axis=0) / np.sqrt(2))
