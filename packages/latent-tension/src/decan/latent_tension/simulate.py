"""Simulated skies with known truth, none of them drawn from the model that fits them.

Diffuse emission with a steep spectrum, point sources on a Pareto law at sub-pixel places,
shells and Gaussians, a King PSF, vignetting, Poisson counts: an eROSITA-like field in three
bands. A fit that does well here has not met its own prior. The prior's own skies, for
calibration, come from :func:`simulate_prior_field`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .image import PhotonImage
from .psf import GaussianPSF, KingPSF

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SimulatedField",
    "simulate_edge",
    "simulate_field",
    "simulate_line",
    "simulate_pair",
    "simulate_prior_field",
]

EDGES_KEV = ((0.2, 1.0), (1.0, 2.0), (2.0, 4.5))
RESPONSE = np.array([1.15, 1.0, 0.35])
DIFFUSE_COUNTS = np.array([0.60, 0.35, 0.12])
PIXEL_ARCSEC = 4.0


@dataclass
class SimulatedField:
    """A simulated observation and what is true of it.

    Attributes
    ----------
    image : PhotonImage
        What an observer has.
    truth : pandas.DataFrame
        One row a source: kind, x_pix, y_pix, counts_total, size_pix, spectral_index.
    diffuse, extended : ndarray, shape (band, y, x)
        Expected counts a pixel before PSF and exposure.

    Examples
    --------
    >>> field = simulate_field(32, n_points=2, n_extended=0, rng=0)
    >>> list(field.truth["kind"])
    ['point', 'point']
    """

    image: PhotonImage
    truth: pd.DataFrame
    diffuse: np.ndarray
    extended: np.ndarray

    def __repr__(self) -> str:
        kinds = self.truth["kind"].value_counts().to_dict()
        return f"SimulatedField({self.image!r}, {kinds})"


def simulate_field(
    size: int = 128,
    *,
    n_points: int = 30,
    n_extended: int = 2,
    exposure: float = 1.0,
    rng: np.random.Generator | int | list[int] | None = None,
) -> SimulatedField:
    """A field of diffuse emission, points and extended objects in three bands.

    Parameters
    ----------
    size : int
        Pixels a side, of 4 arcsec.
    n_points, n_extended : int
        How many of each. Points keep 6 px, extended objects 20 px from the border (a quarter
        of the field where it is small).
    exposure : float
        Multiplies all expected counts.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SimulatedField

    Raises
    ------
    ValueError
        If the field is smaller than 16 pixels, or a number is negative.

    Examples
    --------
    >>> simulate_field(64, n_points=8, n_extended=1, rng=1).image
    PhotonImage(3 bands, 64 x 64 px, 4,912 counts)
    """
    if size < 16 or n_points < 0 or n_extended < 0 or not exposure > 0:
        raise ValueError(
            f"size {size}, n_points {n_points}, n_extended {n_extended}, exposure {exposure:g}: "
            "expected 16 or more, 0 or more each, and more than 0"
        )
    rng = np.random.default_rng(rng)
    mu = _log_energy()
    diffuse = _diffuse(size, mu, rng) * exposure
    psf = _king()
    stamps = psf.stamps(3)
    rows: list[dict[str, Any]] = []
    sources = np.zeros((3, size, size))
    for _ in range(n_points):
        y, x = rng.uniform(6, size - 7, 2)
        counts = exposure * min(12 / rng.random(), 2000)
        index = rng.normal(-0.6, 0.35)
        bands = counts * _share(index, mu)
        sources += _point(stamps, y, x, size) * bands[:, None, None]
        rows.append(_row("point", x, y, counts, 0.0, index, bands))
    extended = np.zeros_like(sources)
    rim = min(20, size // 4)
    for _ in range(n_extended):
        y, x = rng.uniform(rim, size - 1 - rim, 2)
        radius, counts = rng.uniform(4, 8), exposure * rng.uniform(500, 1500)
        index, shell = rng.normal(-0.6, 0.2), bool(rng.random() < 0.5)
        bands = counts * _share(index, mu)
        extended += _extended(y, x, radius, shell, size) * bands[:, None, None]
        rows.append(_row("shell" if shell else "gauss", x, y, counts, radius, index, bands))
    seen = np.stack([_convolved(d, s) for d, s in zip(diffuse + extended, stamps, strict=True)])
    vignetting = _vignetting(size)
    counts = rng.poisson((seen + sources) * vignetting)
    return SimulatedField(_as_image(counts, vignetting, psf), _table(rows), diffuse, extended)


def simulate_pair(
    separation: float,
    *,
    counts: float = 200.0,
    size: int = 64,
    rng: np.random.Generator | int | list[int] | None = None,
) -> SimulatedField:
    """Two equal sources at a separation on structured diffuse emission.

    Parameters
    ----------
    separation : float
        Pixels between them.
    counts : float
        Of each.
    size : int
        Pixels a side.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SimulatedField

    Examples
    --------
    >>> field = simulate_pair(3.0, rng=0)
    >>> round(float(np.ptp(field.truth["x_pix"])), 6)
    3.0
    """
    rng = np.random.default_rng(rng)
    mu = _log_energy()
    diffuse, psf = _diffuse(size, mu, rng), _king()
    stamps = psf.stamps(3)
    middle = (size - 1) / 2 + rng.uniform(-0.5, 0.5, 2)
    rows, sources = [], np.zeros((3, size, size))
    bands = counts * _share(-0.6, mu)
    for side in (-0.5, 0.5):
        y, x = middle[0], middle[1] + side * separation
        sources += _point(stamps, y, x, size) * bands[:, None, None]
        rows.append(_row("point", x, y, counts, 0.0, -0.6, bands))
    seen = np.stack([_convolved(d, s) for d, s in zip(diffuse, stamps, strict=True)]) + sources
    vignetting = _vignetting(size)
    image = _as_image(rng.poisson(seen * vignetting), vignetting, psf)
    return SimulatedField(image, _table(rows), diffuse, np.zeros_like(diffuse))


def simulate_edge(
    size: int = 64, *, rng: np.random.Generator | int | list[int] | None = None
) -> SimulatedField:
    """A bright rim of diffuse emission and no source at all: the honest answer is none.

    Parameters
    ----------
    size : int
        Pixels a side.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SimulatedField

    Examples
    --------
    >>> len(simulate_edge(32, rng=0).truth)
    0
    """
    rng = np.random.default_rng(rng)
    mu, psf = _log_energy(), _king()
    y, x = np.mgrid[:size, :size]
    r = np.hypot(y - 0.5 * size, x + 0.15 * size)
    rim = np.exp(-((r - 0.6 * size) ** 2) / (2 * (0.05 * size) ** 2))
    step = 1 / (1 + np.exp((r - 0.6 * size) / (0.02 * size)))
    diffuse = _diffuse(size, mu, rng) * (1 + 4 * step + 4 * rim)
    seen = np.stack([_convolved(d, s) for d, s in zip(diffuse, psf.stamps(3), strict=True)])
    vignetting = _vignetting(size)
    image = _as_image(rng.poisson(seen * vignetting), vignetting, psf)
    return SimulatedField(image, _table([]), diffuse, np.zeros_like(diffuse))


def simulate_line(
    amplitude: float,
    *,
    n: int = 256,
    level: float = 20.0,
    rng: np.random.Generator | int | list[int] | None = None,
) -> SimulatedField:
    """The one-dimensional toy: a line on a correlated background.

    Parameters
    ----------
    amplitude : float
        Height of the line in units of the background's local Poisson noise.
    n : int
        Pixels.
    level : float
        Mean counts a pixel of the background.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SimulatedField
        An image of one row; the line is a point source seen through a PSF of sigma 1.5 px.

    Examples
    --------
    >>> simulate_line(10.0, rng=0).image.shape
    (1, 1, 256)
    """
    rng = np.random.default_rng(rng)
    background = np.exp(_gaussian_field((1, n), 0.4, rng))
    background *= level / background.mean()
    x = rng.uniform(0.2, 0.8) * (n - 1)
    grid = np.arange(n)
    sigma = 1.5
    profile = np.exp(-((grid - x) ** 2) / (2 * sigma**2))
    height = amplitude * np.sqrt(background[0, round(x)])
    psf_line = np.exp(-(np.arange(-9, 10) ** 2) / (2 * sigma**2))
    psf = (psf_line / psf_line.sum())[None, None]
    rate = background + height * profile
    total = height * profile.sum()
    image = PhotonImage(rng.poisson(rate)[None], psf=psf, name="line")
    rows = [_row("point", x, 0.0, total, 0.0, 0.0, [total])] if amplitude > 0 else []
    return SimulatedField(image, _table(rows), background[None], np.zeros((1, 1, n)))


def simulate_prior_field(
    size: int = 64,
    *,
    counts: float = 2.0,
    rms: float = 0.6,
    slope: float = -4.0,
    psf_sigma: float = 1.2,
    rng: np.random.Generator | int | list[int] | None = None,
) -> SimulatedField:
    """A sky in one band drawn from the model's own prior, for the calibration of intervals.

    Parameters
    ----------
    size : int
        Pixels a side.
    counts : float
        Typical counts a pixel.
    rms, slope : float
        Of the log intensity and its power spectrum.
    psf_sigma : float
        Of a Gaussian PSF, pixels.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SimulatedField

    Examples
    --------
    >>> simulate_prior_field(32, rng=0).image.n_bands
    1
    """
    rng = np.random.default_rng(rng)
    psf = GaussianPSF(psf_sigma)
    wide = size + size // 4  # cut out of a larger periodic sky, as a real field is
    sky = counts * np.exp(_power_law_field(wide, rms, slope, rng))
    seen = _convolved(sky, psf.stamps(1)[0])[:size, :size]
    image = PhotonImage(rng.poisson(seen)[None], psf=psf, name="prior sky")
    diffuse = sky[None, :size, :size]
    return SimulatedField(image, _table([]), diffuse, np.zeros_like(diffuse))


def _log_energy() -> np.ndarray:
    middle = np.log(np.array(EDGES_KEV)).mean(1)
    return middle - middle[1]


def _share(index: float, mu: np.ndarray) -> np.ndarray:
    bands = np.exp(index * mu) * RESPONSE
    return np.asarray(bands / bands.sum())


def _king() -> KingPSF:
    return KingPSF(np.array([4.6, 4.6, 5.0]) / PIXEL_ARCSEC, radius=120 / PIXEL_ARCSEC)


def _diffuse(size: int, mu: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    s, a = _gaussian_field((size, size), 0.6, rng), _gaussian_field((size, size), 0.2, rng)
    bands = np.exp(s + a * mu[:, None, None])
    return np.asarray(bands * (DIFFUSE_COUNTS / bands.mean((1, 2)))[:, None, None])


def _gaussian_field(shape: tuple[int, int], rms: float, rng: np.random.Generator) -> np.ndarray:
    """Power ``(1 + k^2)^-2``, k in cycles a field; exactly this rms."""
    ny, nx = shape
    k2 = (np.fft.fftfreq(ny, 1 / ny)[:, None]) ** 2 + np.fft.fftfreq(nx, 1 / nx) ** 2
    modes = np.fft.fft2(rng.standard_normal(shape)) / (1 + k2)
    modes[0, 0] = 0
    field = np.fft.ifft2(modes).real
    return np.asarray(field * rms / field.std())


def _power_law_field(size: int, rms: float, slope: float, rng: np.random.Generator) -> np.ndarray:
    k = np.hypot(np.fft.fftfreq(size, 1 / size)[:, None], np.fft.fftfreq(size, 1 / size))
    power = np.where(k > 0, np.maximum(k, 1) ** slope, 0.0)
    white = np.fft.fft2(rng.standard_normal((size, size)))
    return np.asarray(np.fft.ifft2(white * np.sqrt(power * size**2 / power.sum())).real * rms)


def _extended(y: float, x: float, radius: float, shell: bool, size: int) -> np.ndarray:
    yy, xx = np.mgrid[:size, :size]
    r = np.hypot(yy - y, xx - x)
    if shell:
        shape = np.exp(-((r - radius) ** 2) / (2 * 1.5**2))
    else:
        shape = np.exp(-(r**2) / (2 * (radius / 1.6) ** 2))
    return np.asarray(shape / shape.sum())


def _convolved(sky: np.ndarray, stamp: np.ndarray) -> np.ndarray:
    from scipy.signal import fftconvolve

    half = max(stamp.shape) // 2
    # The sky goes on beyond the border as it is at the border.
    padded = np.pad(sky, half, mode="edge")
    return np.clip(fftconvolve(padded, stamp, mode="same")[half:-half, half:-half], 0, None)


def _point(stamps: np.ndarray, y: float, x: float, size: int) -> np.ndarray:
    """PSF moved to (y, x) by an exact Fourier shift."""
    half = stamps.shape[1] // 2
    iy, ix = round(y), round(x)
    ky = np.fft.fftfreq(stamps.shape[1])[:, None]
    kx = np.fft.fftfreq(stamps.shape[2])
    phase = np.exp(-2j * np.pi * (ky * (y - iy) + kx * (x - ix)))
    moved = np.clip(np.fft.ifft2(np.fft.fft2(stamps) * phase).real, 0, None)
    canvas = np.zeros((len(stamps), size + 2 * half, size + 2 * half))
    canvas[:, iy : iy + 2 * half + 1, ix : ix + 2 * half + 1] = moved
    return canvas[:, half : half + size, half : half + size]


def _vignetting(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.asarray(np.clip(1 - 0.25 * np.hypot(y, x) ** 2 / (size / 2) ** 2, 0.3, None))


def _as_image(counts: np.ndarray, vignetting: np.ndarray, psf: KingPSF) -> PhotonImage:
    from astropy import units as u

    return PhotonImage(
        counts,
        vignetting,
        psf,
        np.array(EDGES_KEV) * u.keV,
        pixel_scale=PIXEL_ARCSEC * u.arcsec,
        band_response=RESPONSE,
        name="simulated field",
    )


def _row(
    kind: str, x: float, y: float, counts: float, size: float, index: float, bands: Any
) -> dict[str, Any]:
    row = {
        "kind": kind,
        "x_pix": x,
        "y_pix": y,
        "counts_total": counts,
        "size_pix": size,
        "spectral_index": index,
    }
    return row | {f"counts_b{j}": float(value) for j, value in enumerate(bands)}


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    columns = ["kind", "x_pix", "y_pix", "counts_total", "size_pix", "spectral_index"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
