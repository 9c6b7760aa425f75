"""Hardness ratios: of counts with their posterior, and of fluxes as the catalogue has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .spectrum import Spectrum

__all__ = ["CSC_BANDS", "HardnessRatio", "hardness_ratios"]

CSC_BANDS: Mapping[str, tuple[float, float]] = {
    "u": (0.2, 0.5), "s": (0.5, 1.2), "m": (1.2, 2.0), "h": (2.0, 7.0), "b": (0.5, 7.0),
}  # fmt: skip
"""Bands of the Chandra Source Catalog, keV."""

_PAIRS = {"hard_ms": ("m", "s"), "hard_hm": ("h", "m"), "hard_hs": ("h", "s")}
_DRAWS = 4000


@dataclass(frozen=True)
class HardnessRatio:
    """A hardness ratio with its 68 % interval.

    Parameters
    ----------
    value : float
        Median of the posterior.
    low, high : float
        16th and 84th percentile.

    Examples
    --------
    >>> HardnessRatio(0.1, -0.05, 0.24).value
    0.1
    """

    value: float
    low: float
    high: float


def hardness_ratios(
    spectrum: Spectrum,
    *,
    method: str = "counts",
    bands: Mapping[str, tuple[float, float]] = CSC_BANDS,
    rng: np.random.Generator | int | None = 0,
) -> dict[str, HardnessRatio]:
    """Hardness ratios ``(X - Y) / (X + Y)`` with the harder band first.

    Parameters
    ----------
    spectrum : Spectrum
        The spectrum.
    method : {'counts', 'flux'}
        Ratio of source counts, or of photon fluxes (each count divided by the effective area
        at its energy), as in the catalogue. The two differ: counts carry the instrument.
    bands : mapping of str to (float, float)
        With keys s, m and h, keV.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    dict of str to HardnessRatio
        ``hard_ms``, ``hard_hm``, ``hard_hs``.

    Raises
    ------
    ValueError
        If the method is not known, or a band is lacking.
    MissingResponseError
        If fluxes are asked for without a response.

    References
    ----------
    Park et al. 2006, ApJ 652, 610 (the posterior of Poisson counts with background).

    Examples
    --------
    >>> from decan.xray_spectra import simulate_spectra
    >>> spectrum = simulate_spectra(1, classes=["HMXB"], net_counts=500, rng=0).spectrum(0)
    >>> sorted(hardness_ratios(spectrum))
    ['hard_hm', 'hard_hs', 'hard_ms']
    """
    if method not in ("counts", "flux"):
        raise ValueError(f"method: {method!r} is neither 'counts' nor 'flux'")
    lacking = {"s", "m", "h"} - set(bands)
    if lacking:
        raise ValueError(f"bands: {sorted(bands)} lack {sorted(lacking)}")
    generator = np.random.default_rng(rng)
    source = {}
    for name in ("s", "m", "h"):
        draws = _posterior(spectrum, bands[name], generator)
        source[name] = (
            draws * _flux_of_a_count(spectrum, bands[name]) if method == "flux" else draws
        )
    found = {}
    for name, (hard, soft) in _PAIRS.items():
        ratio = (source[hard] - source[soft]) / (source[hard] + source[soft])
        found[name] = HardnessRatio(*(float(q) for q in np.quantile(ratio, [0.5, 0.16, 0.84])))
    return found


def _posterior(
    spectrum: Spectrum, band: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draws of the expected source counts in a band, the background marginalised exactly.

    Given how many of the counts are background, the source is a Gamma; that number is drawn
    with its own weight. Priors: one over the root of the source's level, flat in the background's.
    """
    inside = spectrum.band(*band)
    total = max(round(float(spectrum.counts[inside].sum())), 0)
    behind = spectrum.background
    ratio = spectrum.background_ratio
    if behind is None or not np.any(ratio):
        return rng.gamma(total + 0.5, size=_DRAWS)
    r = float(np.mean(np.broadcast_to(ratio, spectrum.counts.shape)[inside]))
    b = float(behind.counts[inside].sum())
    from scipy.special import gammaln

    k = np.arange(total + 1)
    # b! ways of the background region, k! of the source region, and what is left to the source.
    log = gammaln(b + k + 1) - gammaln(k + 1) + k * np.log(r / (1 + r))
    log += gammaln(total - k + 0.5) - gammaln(total - k + 1)
    weight = np.exp(log - log.max())
    drawn = rng.choice(k, size=_DRAWS, p=weight / weight.sum())
    return rng.gamma(total - drawn + 0.5)


def _flux_of_a_count(spectrum: Spectrum, band: tuple[float, float]) -> float:
    """Mean of one over the effective area, over the counts of a band (or evenly without any).

    Areas rise sixfold between 0.5 and 1.2 keV: an even mean would misjudge steep spectra.
    """
    response: Any = spectrum.require_response()
    inside = spectrum.band(*band)
    area = np.interp(spectrum.channel_energy[inside], response.energy, response.area)
    counts = np.where(area > 1e-3 * response.area.max(), spectrum.counts[inside], 0.0)
    if not counts.sum() > 0:
        return float(1 / np.mean(area))
    return float(np.sum(counts / np.maximum(area, 1e-300)) / counts.sum())
