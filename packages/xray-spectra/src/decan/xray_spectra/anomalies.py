"""Odd spectra: lines that the latents do not explain, and reconstructions that do not fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .batch import BinnedSpectra
from .grid import CHANNEL_EDGES
from .instrument import acis_resolution
from .spectrum import Spectrum

if TYPE_CHECKING:
    import pandas as pd

    from .autoencoder import SpectralAutoencoder

__all__ = ["find_anomalies", "line_scan"]

_MIDDLE = (CHANNEL_EDGES[1:] + CHANNEL_EDGES[:-1]) / 2


def find_anomalies(
    model: SpectralAutoencoder, spectra: BinnedSpectra | Iterable[Spectrum]
) -> pd.DataFrame:
    """Score spectra by what their reconstruction leaves unexplained.

    Parameters
    ----------
    model : SpectralAutoencoder
        Fitted.
    spectra : BinnedSpectra or iterable of Spectrum
        The spectra.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``score`` (the larger of the two others, in σ), ``line_sigma`` and
        ``line_keV`` (best unexplained emission line), ``deviance_sigma``, ``flag``.

    Examples
    --------
    >>> from decan.xray_spectra import SpectralAutoencoder, simulate_spectra
    >>> simulated = simulate_spectra(4, net_counts=500.0, rng=0)
    >>> table = find_anomalies(SpectralAutoencoder.pretrained(), simulated.spectra())
    >>> list(table)
    ['name', 'score', 'line_sigma', 'line_keV', 'deviance_sigma', 'flag']
    """
    import pandas as pd

    held = spectra if isinstance(spectra, BinnedSpectra) else BinnedSpectra.from_spectra(spectra)
    latents = model.encode(held)
    expected = model.expected_counts(held)
    good = np.isfinite(expected).all(axis=1)
    sigma, energy = np.full((2, len(held)), np.nan)
    sigma[good], energy[good] = line_scan(held.counts[good], expected[good])
    deviance = -ndtri(np.clip(latents.p_value, 1e-300, 1.0))
    return pd.DataFrame(
        {
            "name": held.names, "score": np.fmax(sigma, deviance), "line_sigma": sigma,
            "line_keV": energy, "deviance_sigma": deviance, "flag": latents.flags,
        }
    )  # fmt: skip


def line_scan(
    counts: NDArray[Any], expected: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Most significant narrow emission line above an expectation.

    Parameters
    ----------
    counts, expected : ndarray, shape (n, 128)
        Counts and their expectation on the common grid.

    Returns
    -------
    sigma : ndarray, shape (n,)
        Significance of the best line: the signed root of its likelihood ratio.
    energy_kev : ndarray, shape (n,)
        Where it is.

    Examples
    --------
    >>> expected = np.full((1, 128), 4.0)
    >>> counts = expected.copy()
    >>> counts[0, 40:42] += 20
    >>> sigma, energy = line_scan(counts, expected)
    >>> bool(sigma[0] > 5), energy.round(1)
    (True, array([2.9]))
    """
    template = _templates()
    m = np.maximum(np.asarray(expected, dtype=float), 1e-3)
    c = np.asarray(counts, dtype=float)
    # One Newton step from no line: amplitude a = S / I with S = Σ t (c/m - 1), I = Σ t² c'/m².
    score = (c / m - 1) @ template.T
    information = (1 / m) @ (template**2).T
    amplitude = np.maximum(score / information, 0.0)
    for _ in range(4):
        amplitude = _improved(amplitude, template, c, m)
    ratio = _likelihood_ratio(amplitude, template, c, m)
    best = ratio.argmax(axis=1)
    top = ratio[np.arange(len(c)), best]
    return np.sqrt(2 * np.maximum(top, 0.0)), _MIDDLE[best]


def _templates() -> NDArray[np.float64]:
    """Line profiles at the middle of each bin, with the resolution of ACIS, summing to 1."""
    from scipy.special import ndtr

    sigma = acis_resolution(_MIDDLE)[:, None]
    share = np.diff(ndtr((CHANNEL_EDGES - _MIDDLE[:, None]) / sigma), axis=1)
    share[share < 1e-4] = 0.0
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def _improved(amplitude: Any, template: Any, c: Any, m: Any) -> Any:
    """One multiplicative step (EM) towards the best amplitude of each line, then a Newton step."""
    found = np.empty_like(amplitude)
    for line in range(len(template)):
        t = template[line]
        used = t > 0
        mu = m[:, used] + amplitude[:, line, None] * t[used]
        slope = (t[used] * (c[:, used] / mu - 1)).sum(axis=1)
        curve = (t[used] ** 2 * c[:, used] / mu**2).sum(axis=1) + 1e-9
        step = np.clip(slope / curve, -0.9 * amplitude[:, line], 2 * amplitude[:, line] + 3.0)
        found[:, line] = np.maximum(amplitude[:, line] + step, 0.0)
    return found


def _likelihood_ratio(amplitude: Any, template: Any, c: Any, m: Any) -> Any:
    ratio = np.zeros_like(amplitude)
    for line in range(len(template)):
        t = template[line]
        used = t > 0
        added = amplitude[:, line, None] * t[used] / m[:, used]
        ratio[:, line] = (c[:, used] * np.log1p(added) - m[:, used] * added).sum(axis=1)
    return ratio
