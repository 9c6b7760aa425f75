"""The common grid: 128 bins of four ACIS channels between 0.5 and 8 keV, and photon energies.

Spectra of any instrument are brought onto it by the nominal energies of their channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CHANNEL_EDGES", "ENERGY_EDGES", "N_BINS", "rebin"]

N_BINS = 128
"""Number of bins of the common grid."""

CHANNEL_EDGES: NDArray[np.float64] = np.asarray(0.0146 * (34 + 4 * np.arange(N_BINS + 1)))
"""Edges of the bins, keV: 0.496 to 7.972, four ACIS channels of 14.6 eV each."""

ENERGY_EDGES: NDArray[np.float64] = np.linspace(np.sqrt(0.32), np.sqrt(9.0), 161) ** 2
"""Edges of 160 bins of photon energy, keV, even in its square root: a third of the resolution."""


def rebin(
    values: ArrayLike, channel_energy_kev: ArrayLike, edges: ArrayLike = CHANNEL_EDGES
) -> NDArray[np.float64]:
    """Sum channels into bins; a channel belongs to the bin in which its middle lies.

    Parameters
    ----------
    values : array_like, shape (..., n_channels)
        Counts.
    channel_energy_kev : array_like, shape (n_channels,)
        Nominal middles of the channels, keV.
    edges : array_like, shape (n_bins + 1,)
        keV.

    Returns
    -------
    ndarray, shape (..., n_bins)

    Examples
    --------
    >>> float(rebin(np.ones(1024), 0.0146 * (np.arange(1024) + 0.5)).sum())
    512.0
    """
    values = np.asarray(values, dtype=float)
    edges = np.asarray(edges, dtype=float)
    energy = np.asarray(channel_energy_kev, dtype=float)
    place = np.searchsorted(edges, energy, side="right") - 1
    inside = np.flatnonzero((place >= 0) & (place < edges.size - 1))
    summed = np.zeros((*values.shape[:-1], edges.size - 1))
    if inside.size == 0:
        return summed
    order = inside[np.argsort(place[inside], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(place[order]) > 0])
    summed[..., place[order[starts]]] = np.add.reduceat(values[..., order], starts, axis=-1)
    return summed
