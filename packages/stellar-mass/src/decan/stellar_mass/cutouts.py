"""Cutouts of simulated galaxies: Sersic profiles through a point spread function, with noise.

Profiles are made where they are simple, in Fourier space: the transform of an elliptical profile
is that of the round one at a stretched frequency, and the point spread function and the pixel
are factors. One table of transforms serves all radii and shapes; one inverse transform a band
gives the image.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .photometry import flux_from_asinh
from .simulate import BANDS, PIXEL_ARCSEC, SKY_NMGY

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["render", "simulate_cutouts"]

FWHM_ARCSEC = {"u": 1.5, "g": 1.4, "r": 1.3, "i": 1.2, "z": 1.2}
ELECTRONS_PER_NMGY = {"u": 160.0, "g": 1010.0, "r": 920.0, "i": 765.0, "z": 151.0}
"""From typical calibrations and gains of the SDSS camera."""

_AT_ONCE = 16
_INDICES = np.geomspace(0.5, 8.0, 25)
_LOG_K = np.linspace(-3.5, 4.0, 384)


def simulate_cutouts(
    galaxies: pd.DataFrame,
    *,
    size: int = 64,
    noise: float = 1.0,
    gradient: float = 0.0,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.float32]:
    """Five-band cutouts of a table of simulated galaxies.

    Parameters
    ----------
    galaxies : DataFrame
        What :func:`~decan.stellar_mass.simulate.simulate_galaxies` gives.
    size : int
        Pixels on a side; 0.396 arcsec for 64, and twice that for 32, which covers the same sky.
    noise : float
        Scale of sky and photon noise.
    gradient : float
        How much redder (g - i, mag) a bulge is than its disc: information that integrated
        photometry does not hold. 0 draws one Sersic profile in all bands.
    rng : numpy.random.Generator or int, optional
        Position angles, centres, noise (SPEC 7).

    Returns
    -------
    ndarray of float32, shape (n, 5, size, size)
        Fluxes in nanomaggies, bands ugriz.

    Examples
    --------
    >>> from decan.stellar_mass.simulate import simulate_galaxies
    >>> cutouts = simulate_cutouts(simulate_galaxies(3, rng=0), size=32, rng=0)
    >>> cutouts.shape, cutouts.dtype
    ((3, 5, 32, 32), dtype('float32'))
    """
    generator = np.random.default_rng(rng)
    flux = np.stack(
        [flux_from_asinh(galaxies[f"petroMag_{band}"].to_numpy(float), band) for band in BANDS], 1
    )
    n = len(galaxies)
    angle, offset = generator.uniform(0, np.pi, n), generator.uniform(-0.5, 0.5, (n, 2))
    shape: dict[str, Any] = {
        "radius_arcsec": galaxies["petroR50_r"].to_numpy(float),
        "axis_ratio": galaxies["expAB_r"].to_numpy(float),
        "angle": angle,
        "offset_px": offset,
        "size": size,
        "rng": generator,
        "noise": noise,
    }
    index = galaxies["sersic_n_r"].to_numpy(float)
    if gradient == 0:
        return render(flux, index=index, **shape)
    # A bulge of index 4 and a disc of index 1 share the light as the index says.
    bulge = np.clip(np.log(index) / np.log(4), 0.02, 0.98)[:, None]
    tilt = gradient * np.array([0.75, 0.5, 0.0, -0.5, -0.7])
    bulge = bulge * 10 ** (-0.4 * tilt)
    share = np.clip(bulge / (bulge + 1 - np.clip(bulge, 0, 0.98)), 0, 1)
    disc_shape = shape | {"noise": 0.0}
    disc = render(flux * (1 - share), index=np.ones(n), **disc_shape)
    bulge_shape = shape | {"radius_arcsec": 0.4 * shape["radius_arcsec"]}
    return render(flux * share, index=np.full(n, 4.0), beneath=disc, **bulge_shape)


def render(
    flux: ArrayLike,
    *,
    index: ArrayLike,
    radius_arcsec: ArrayLike,
    axis_ratio: ArrayLike,
    angle: ArrayLike,
    offset_px: ArrayLike,
    size: int = 64,
    noise: float = 0.0,
    beneath: NDArray[np.float32] | None = None,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.float32]:
    """Sersic profiles through the point spread function and the pixel, with noise.

    Parameters
    ----------
    flux : array_like, shape (n, 5)
        Total fluxes, nanomaggies, ugriz.
    index, radius_arcsec, axis_ratio, angle : array_like, shape (n,)
        Sersic index, half-light radius of the major axis, minor to major axis, position angle
        from the first image axis in radians.
    offset_px : array_like, shape (n, 2)
        Centre relative to the middle of the cutout, in pixels of 0.396 arcsec.
    size : int
        Pixels on a side.
    noise : float
        Scale of sky and photon noise.
    beneath : ndarray, shape (n, 5, size, size), optional
        Light to add before the noise.
    rng : numpy.random.Generator or int, optional
        Noise (SPEC 7).

    Returns
    -------
    ndarray of float32, shape (n, 5, size, size)

    Raises
    ------
    ValueError
        If ``size`` does not divide 64.

    Examples
    --------
    >>> image = render([[10.0] * 5], index=[1.0], radius_arcsec=[2.0], axis_ratio=[0.7],
    ...                angle=[0.3], offset_px=[[0, 0]])
    >>> bool(abs(image[0, 2].sum() - 10) < 0.3)
    True
    """
    if 64 % size or size < 16:
        raise ValueError(f"size: {size}; expected 64, 32 or 16 pixels")
    total: Any = np.asarray(flux, dtype=np.float32)
    given = [np.asarray(a, dtype=np.float32) for a in (index, radius_arcsec, axis_ratio, angle)]
    offset = np.asarray(offset_px, dtype=np.float32)
    generator = np.random.default_rng(rng)
    out = np.empty((len(total), len(BANDS), size, size), dtype=np.float32)
    grid = _Grid(size)
    scale = np.float32(noise**2)
    per_electron, sky_square = scale * grid.per_electron, scale * grid.sky_square
    for start in range(0, len(total), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        out[rows] = grid.images(total[rows], [column[rows] for column in given], offset[rows])
        if beneath is not None:
            out[rows] += beneath[rows]
        if noise:
            sigma = np.maximum(out[rows], 0)
            sigma *= per_electron
            sigma += sky_square
            np.sqrt(sigma, out=sigma)
            sigma *= generator.standard_normal(sigma.shape, np.float32)
            out[rows] += sigma
    return out


class _Grid:
    """Frequencies of a padded image, with what does not depend on the galaxy."""

    def __init__(self, size: int) -> None:
        self.size, self.bin = size, 64 // size
        # Light that leaves on one side comes back on the other; this keeps it off the cutout.
        self.padded = size + size // 8
        pixel = PIXEL_ARCSEC * self.bin
        self.pixel = pixel
        fx = np.fft.fftfreq(self.padded)[:, None] + np.zeros(self.padded // 2 + 1)
        fy = np.fft.rfftfreq(self.padded)[None, :] + np.zeros((self.padded, 1))
        kx, ky = 2 * np.pi * fx / pixel, 2 * np.pi * fy / pixel
        self.line_x, self.line_y = kx[:, 0], ky[0]
        products = np.stack([kx**2, ky**2, kx * ky]).reshape(3, -1)
        self.products = products.astype(np.float32)
        square = kx**2 + ky**2
        pixels = np.sinc(fx) * np.sinc(fy)
        blur = []
        for band in BANDS:
            sigma = FWHM_ARCSEC[band] / 2.3548
            core = np.exp(-0.5 * square * sigma**2)
            wing = np.exp(-0.5 * square * (2.2 * sigma) ** 2)
            blur.append(pixels * (0.9 * core + 0.1 * wing))
        self.blur = np.stack(blur).astype(np.float32)
        column = (len(BANDS), 1, 1)
        sky = np.array([SKY_NMGY[band] * self.bin for band in BANDS], dtype=np.float32)
        self.sky_square = (sky**2).reshape(column)
        electrons = np.array([ELECTRONS_PER_NMGY[band] for band in BANDS], dtype=np.float32)
        self.per_electron = (1 / electrons).reshape(column)

    def images(self, flux: Any, given: list[Any], offset: Any) -> NDArray[np.float32]:
        """Images without noise of some galaxies."""
        from scipy.fft import irfft2

        index, radius, ratio, angle = given
        cos, sin = np.cos(angle), np.sin(angle)
        # The square of the stretched frequency is a quadratic form.
        q = ratio**2
        forms = np.stack([cos**2 + q * sin**2, sin**2 + q * cos**2, 2 * (1 - q) * cos * sin], 1)
        squared = (forms * (radius**2)[:, None]) @ self.products
        half = self.padded // 2 + 1
        profile = _looked_up(squared, index).reshape(len(flux), 1, self.padded, half)
        # The middle of an even number of pixels lies between two of them.
        place = (self.size / 2 - 0.5) * self.pixel + offset * PIXEL_ARCSEC
        wave_x = np.exp(-1j * place[:, :1] * self.line_x).astype(np.complex64)
        wave_y = np.exp(-1j * place[:, 1:] * self.line_y).astype(np.complex64)
        wave = profile[:, 0] * wave_x[:, :, None]
        wave *= wave_y[:, None, :]
        spectrum = wave[:, None] * (flux[:, :, None, None] * self.blur)
        image = irfft2(spectrum, s=(self.padded, self.padded), overwrite_x=True)
        return image[:, :, : self.size, : self.size]


def _looked_up(squared: Any, index: Any) -> Any:
    """Transforms of round profiles of given indices at squared frequencies times radii."""
    table = _transforms()
    step = np.log(_INDICES[1] / _INDICES[0])
    place = np.clip(np.log(index / _INDICES[0]) / step, 0, len(_INDICES) - 1.001)
    low = place.astype(np.intp)
    share = (place - low)[:, None].astype(np.float32)
    rows = (1 - share) * table[low] + share * table[low + 1]
    width = _LOG_K[1] - _LOG_K[0]
    np.maximum(squared, np.float32(1e-20), out=squared)
    position = np.log(squared, out=squared)
    position *= np.float32(0.5 / width)
    position -= np.float32(_LOG_K[0] / width)
    np.clip(position, 0, np.float32(len(_LOG_K) - 1.001), out=position)
    column = position.astype(np.int32)
    position -= column
    column += (np.arange(len(rows), dtype=np.int32) * rows.shape[1])[:, None]
    left = rows.ravel().take(column)
    slope = np.diff(rows, axis=1, append=np.float32(0)).ravel().take(column)
    slope *= position
    slope += left
    return slope


@lru_cache(maxsize=1)
def _transforms() -> NDArray[np.float32]:
    """Transforms of unit profiles of unit half-light radius, a row an index."""
    from scipy.fft import fht
    from scipy.special import gammaincinv

    rows = []
    log_r = np.linspace(np.log(1e-6), np.log(1e5), 4096)
    step = log_r[1] - log_r[0]
    r = np.exp(log_r)
    log_k = -log_r[::-1]
    for n in _INDICES:
        b = gammaincinv(2 * n, 0.5)
        light = np.exp(-b * r ** (1 / n)) * 2 * np.pi * r
        total = float((light * r).sum() * step)
        # fht gives the integral of a(r) J_0(k r) k dr.
        transform = fht(light, step, mu=0.0) / np.exp(log_k) / total
        rows.append(np.interp(_LOG_K, log_k, transform))
    out = np.stack(rows)
    out[:, 0] = 1.0
    return out.astype(np.float32)
