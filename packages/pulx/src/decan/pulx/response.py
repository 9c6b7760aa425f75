"""From a spectrum to counts in the five 4XMM bands: absorption, effective area, conversion.

The response comes from the calibration files where they are at hand, and otherwise from a
short table of the EPIC-pn effective area with a Gaussian energy resolution, which gives the
same conversion factors within a few per cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

__all__ = ["BANDS_KEV", "BandResponse", "absorption_cross_section", "pn_response"]

BANDS_KEV = ((0.2, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.5), (4.5, 12.0))
"""Bands 1 to 5 of the 4XMM catalogues, keV."""

KEV_ERG = 1.602176634e-9

# Morrison & McCammon 1983, ApJ 270, 119, table 2: upper end (keV), c0, c1, c2.
_MORRISON_MCCAMMON = np.array(
    [
        (0.100, 17.3, 608.1, -2150.0),
        (0.284, 34.6, 267.9, -476.1),
        (0.400, 78.1, 18.8, 4.3),
        (0.532, 71.4, 66.8, -51.4),
        (0.707, 95.5, 145.8, -61.1),
        (0.867, 308.9, -380.6, 294.0),
        (1.303, 120.6, 169.3, -47.7),
        (1.840, 141.3, 146.8, -31.5),
        (2.471, 202.7, 104.7, -17.0),
        (3.210, 342.7, 18.7, 0.0),
        (4.038, 352.2, 18.7, 0.0),
        (7.111, 433.9, -2.4, 0.75),
        (8.331, 629.0, 30.9, 0.0),
        (np.inf, 701.2, 25.2, 0.0),
    ]
)

# EPIC-pn with the medium filter, rounded: energy (keV), effective area (cm2).
_PN_AREA = np.array(
    [
        (0.15, 60), (0.20, 150), (0.25, 270), (0.283, 310), (0.285, 110), (0.30, 125), (0.35, 310),
        (0.40, 400), (0.45, 480), (0.50, 550), (0.55, 505), (0.60, 575), (0.70, 660), (0.80, 725),
        (0.90, 765), (1.00, 795), (1.20, 840), (1.40, 865), (1.60, 810), (1.80, 835), (2.00, 848),
        (2.20, 834), (2.30, 556), (2.80, 550), (3.00, 594), (3.50, 576), (4.00, 598), (5.00, 616),
        (6.00, 590), (7.00, 515), (8.00, 385), (9.00, 285), (10.0, 185), (11.0, 114), (12.0, 55),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class BandResponse:
    """Effective area of each band for photons of each energy.

    Parameters
    ----------
    energy_low, energy_high : ndarray, shape (n,)
        Bins of photon energy, keV.
    area : ndarray, shape (5, n)
        cm², multiplied by the probability to be counted in the band.
    name : str
        Where it comes from.

    Examples
    --------
    >>> response = pn_response()
    >>> response.conversion_factors().round(-10)  # ct cm2 / erg, for Γ 1.7 and 3e20 cm-2
    array([5.7e+11, 5.7e+11, 3.7e+11, 1.3e+11, 4.0e+10])
    """

    energy_low: NDArray[np.float64]
    energy_high: NDArray[np.float64]
    area: NDArray[np.float64]
    name: str = "EPIC-pn, medium filter, tabulated"

    @property
    def energy(self) -> NDArray[np.float64]:
        """Middles of the bins, keV."""
        return (self.energy_low + self.energy_high) / 2

    @property
    def width(self) -> NDArray[np.float64]:
        """Widths of the bins, keV."""
        return self.energy_high - self.energy_low

    def rates(self, photons: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count rates in the five bands.

        Parameters
        ----------
        photons : ndarray, shape (m, n)
            Photon spectra in photons / cm² / s / keV on the bins of energy.

        Returns
        -------
        ndarray, shape (m, 5)
            Counts / s.
        """
        return np.asarray((photons * self.width) @ self.area.T)

    def flux(self, photons: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
        """Energy flux between two energies, erg / cm² / s.

        Parameters
        ----------
        photons : ndarray, shape (m, n)
            As in :meth:`rates`.
        low, high : float
            keV.

        Returns
        -------
        ndarray, shape (m,)
        """
        share = np.clip(
            (np.minimum(self.energy_high, high) - np.maximum(self.energy_low, low)) / self.width,
            0, 1,
        )  # fmt: skip
        return np.asarray(photons @ (self.energy * self.width * share)) * KEV_ERG

    def conversion_factors(
        self, photon_index: float = 1.7, column_density: float = 3e20
    ) -> NDArray[np.float64]:
        """Counts / s for 1 erg / cm² / s in each band, for an absorbed power law.

        Parameters
        ----------
        photon_index : float
            Γ.
        column_density : float
            Hydrogen atoms / cm².

        Returns
        -------
        ndarray, shape (5,)
        """
        e = self.energy
        photons = np.exp(-column_density * absorption_cross_section(e)) * e**-photon_index
        flux = np.array([float(self.flux(photons[None], *band)[0]) for band in BANDS_KEV])
        return np.asarray(self.rates(photons[None])[0] / flux)


def absorption_cross_section(energy_kev: ArrayLike) -> NDArray[np.float64]:
    """Photoelectric cross-section of interstellar gas for each hydrogen atom.

    Parameters
    ----------
    energy_kev : array_like
        From 0.03 to 10 keV; extrapolated above.

    Returns
    -------
    ndarray
        cm².

    References
    ----------
    Morrison & McCammon 1983, ApJ 270, 119.

    Examples
    --------
    >>> float(absorption_cross_section(1.0))  # the table's value at 1 keV
    2.42...e-22
    """
    e = np.asarray(energy_kev, dtype=float)
    row = np.searchsorted(_MORRISON_MCCAMMON[:-1, 0], e, side="right")
    _, c0, c1, c2 = (_MORRISON_MCCAMMON[row, i] for i in range(4))
    return np.asarray((c0 + c1 * e + c2 * e**2) / e**3 * 1e-24)


@lru_cache(maxsize=1)
def pn_response() -> BandResponse:
    """Tabulated EPIC-pn response of the 4XMM bands, which needs no file.

    Returns
    -------
    BandResponse

    Examples
    --------
    >>> pn_response().area.shape
    (5, 600)
    """
    edges = np.geomspace(0.15, 13.0, 601)
    low, high = edges[:-1], edges[1:]
    energy = (low + high) / 2
    area = np.interp(energy, _PN_AREA[:, 0], _PN_AREA[:, 1])
    # Full width at half maximum of pn: about 70 eV at low energies, 150 eV at 6 keV.
    sigma = np.sqrt(0.03**2 + (0.026**2) * energy)
    share = np.stack(
        [
            ndtr((top - energy) / sigma) - ndtr((bottom - energy) / sigma)
            for bottom, top in BANDS_KEV
        ]
    )
    return BandResponse(low, high, area * share)
