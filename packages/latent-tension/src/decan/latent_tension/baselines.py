"""The detectors to beat: a Poisson matched filter, bridges to sep, photutils and gammapy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .detect import local_maxima, refined
from .image import PhotonImage

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["gammapy_detect", "matched_filter", "photutils_detect", "sep_detect"]


def matched_filter(
    image: PhotonImage, *, threshold: float = 5.0, smoothing: float = 9.0
) -> pd.DataFrame:
    """Point sources by the score of the PSF on a smoothed, clipped background.

    Parameters
    ----------
    image : PhotonImage
        Counts, exposure and PSF of every band.
    threshold : float
        In standard deviations of the score.
    smoothing : float
        Gaussian sigma of the background, pixels.

    Returns
    -------
    pandas.DataFrame
        kind, x, y, flux, pos_err (NaN), significance.

    Examples
    --------
    >>> from decan.latent_tension import simulate_field
    >>> field = simulate_field(64, n_points=3, n_extended=0, rng=3)
    >>> len(matched_filter(field.image)) > 0
    True
    """
    from scipy.signal import fftconvolve

    weights = image.band_response / image.band_response.sum()
    stamps = image.psf.stamps(image.n_bands)
    score = np.zeros(image.shape[1:])
    variance, excess, information = (np.zeros_like(score) for _ in range(3))
    for j in range(image.n_bands):
        n, e = image.counts[j], image.exposure[j]
        b = _smooth_background(n, smoothing)
        flipped = stamps[j][::-1, ::-1]
        score += weights[j] * fftconvolve(e * (n / b - 1), flipped, mode="same")
        variance += weights[j] ** 2 * fftconvolve(e**2 / b, flipped**2, mode="same")
        excess += weights[j] * fftconvolve(e * (n - b) / b, flipped, mode="same")
        information += weights[j] ** 2 * fftconvolve(e**2 / b, flipped**2, mode="same")
    z = score / np.sqrt(np.maximum(variance, 1e-12))
    peaks = local_maxima(z, threshold, 2.5)
    places = [refined(z, y, x) for y, x in peaks]
    flux = [float(excess[p] / information[p]) for p in peaks]
    return _table(
        [p[1] for p in places], [p[0] for p in places], flux, [float(z[p]) for p in peaks]
    )


def sep_detect(image: PhotonImage, *, threshold: float = 2.0) -> pd.DataFrame:
    """Sources of sep (SExtractor) on the sum of bands, filtered with the PSF.

    Parameters
    ----------
    image : PhotonImage
        The observation.
    threshold : float
        In standard deviations of the background.

    Returns
    -------
    pandas.DataFrame
        As :func:`matched_filter`.

    Raises
    ------
    ImportError
        If sep is not installed.

    Examples
    --------
    >>> sep_detect.__name__
    'sep_detect'
    """
    import sep

    data = np.ascontiguousarray(image.counts.sum(0))
    background = sep.Background(data, bw=16, bh=16)
    kernel = image.psf.stamps(image.n_bands).mean(0)
    half = min(4, kernel.shape[0] // 2)
    middle = kernel.shape[0] // 2
    part = kernel[middle - half : middle + half + 1, middle - half : middle + half + 1]
    found = sep.extract(data - background, threshold, err=background.globalrms, filter_kernel=part)
    return _table(found["x"], found["y"], found["flux"], found["peak"] / background.globalrms)


def photutils_detect(image: PhotonImage, *, threshold: float = 4.0) -> pd.DataFrame:
    """Sources of photutils' DAOStarFinder on the sum of bands.

    Parameters
    ----------
    image : PhotonImage
        The observation.
    threshold : float
        In rms of the background.

    Returns
    -------
    pandas.DataFrame
        As :func:`matched_filter`.

    Raises
    ------
    ImportError
        If photutils is not installed.

    Examples
    --------
    >>> photutils_detect.__name__
    'photutils_detect'
    """
    import warnings

    from photutils.background import Background2D
    from photutils.detection import DAOStarFinder

    from .psf import half_width

    data = image.counts.sum(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        background = Background2D(data, 16)
        width = float(half_width(image.psf.stamps(image.n_bands)).mean())
        finder = DAOStarFinder(threshold * background.background_rms_median, width)
        found = finder(data - background.background)
    if found is None:
        return _table([], [], [], [])
    names = (
        ("x_centroid", "y_centroid")
        if "x_centroid" in found.colnames
        else ("xcentroid", "ycentroid")
    )
    return _table(found[names[0]], found[names[1]], found["flux"], found["peak"])


def gammapy_detect(image: PhotonImage, *, threshold: float = 5.0) -> pd.DataFrame:
    """Peaks of gammapy's TS map on the sum of bands, with the matched filter's background.

    Parameters
    ----------
    image : PhotonImage
        The observation.
    threshold : float
        Root of the test statistic.

    Returns
    -------
    pandas.DataFrame
        As :func:`matched_filter`; fluxes are not taken over (NaN).

    Raises
    ------
    ImportError
        If gammapy is not installed.

    Examples
    --------
    >>> gammapy_detect.__name__
    'gammapy_detect'
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from astropy import units as u
        from gammapy.datasets import MapDataset
        from gammapy.estimators import TSMapEstimator
        from gammapy.irf import PSFMap
        from gammapy.maps import MapAxis, WcsGeom, WcsNDMap

        # The pixel's size and the energies do not matter: one band, one PSF.
        pixel, edges = 0.1, [1.0, 10.0] * u.TeV
        size = {"npix": image.shape[:0:-1], "binsz": pixel, "skydir": (0, 0)}
        geom = WcsGeom.create(axes=[MapAxis.from_energy_edges(edges)], **size)
        true_axis = MapAxis.from_energy_edges(edges, name="energy_true")
        true_geom = WcsGeom.create(axes=[true_axis], **size)
        counts = image.counts.sum(0)
        background = sum(_smooth_background(one, 9.0) for one in image.counts)
        stamp = image.psf.stamps(image.n_bands).mean(0)
        y = np.arange(len(stamp)) - len(stamp) // 2
        # A Gaussian with the same light inside the half-light radius.
        radius = _half_light(stamp, y) / 1.1774
        dataset = MapDataset(
            counts=WcsNDMap(geom, counts[None].astype("float32")),
            background=WcsNDMap(geom, np.asarray(background)[None]),
            exposure=WcsNDMap(true_geom, image.exposure[:1] * 1e10, unit="cm2 s"),
            psf=PSFMap.from_gauss(true_axis, sigma=radius * pixel * u.deg),
        )
        estimator = TSMapEstimator(kernel_width=pixel * len(stamp) / 2 * u.deg)
        root = estimator.run(dataset)["sqrt_ts"].data[0]
    root = np.nan_to_num(root)
    peaks = local_maxima(root, threshold, 2.5)
    places = [refined(root, y, x) for y, x in peaks]
    heights = [float(root[p]) for p in peaks]
    return _table(
        [p[1] for p in places], [p[0] for p in places], np.full(len(peaks), np.nan), heights
    )


def _smooth_background(counts: np.ndarray, smoothing: float) -> np.ndarray:
    """Gaussian smooth of the counts, three times with what stands out cut."""
    from scipy.ndimage import gaussian_filter

    b = gaussian_filter(counts, smoothing)
    for _ in range(3):
        b = gaussian_filter(np.minimum(counts, b + 3 * np.sqrt(b) + 0.5), smoothing)
    return np.maximum(b, 1e-6)


def _half_light(stamp: np.ndarray, axis: np.ndarray) -> float:
    """Radius that holds half of a stamp's light, pixels."""
    r = np.hypot(axis[:, None], axis).ravel()
    order = np.argsort(r)
    grown = np.cumsum(stamp.ravel()[order])
    return float(np.interp(0.5 * grown[-1], grown, r[order]))


def _table(x: Any, y: Any, flux: Any, significance: Any) -> pd.DataFrame:
    import pandas as pd

    columns = {"x": x, "y": y, "flux": flux, "significance": significance}
    table = pd.DataFrame({k: np.asarray(v, float) for k, v in columns.items()})
    table.insert(0, "kind", "point")
    table["pos_err"] = np.nan
    return table
