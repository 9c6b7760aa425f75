"""Photoelectric absorption by interstellar gas, and ACIS contamination."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit

__all__ = ["cross_section", "transmission"]


def cross_section(energy_kev: ArrayLike) -> NDArray[np.float64]:
    """Photoelectric cross-section of interstellar gas, grains and molecules per hydrogen atom.

    Parameters
    ----------
    energy_kev : array_like or Quantity
        keV; tabulated from 0.1 to 12 keV, continued as a power law of index -3 outside.

    Returns
    -------
    ndarray
        cm² per H atom.

    References
    ----------
    Wilms, Allen & McCray 2000, ApJ 542, 914 (tbabs, their abundances).

    Examples
    --------
    >>> (cross_section([0.5, 1.0]) * 1e22).round(2)
    array([6.29, 1.74])
    """
    energy, sigma = _table()
    wanted = np.asarray(in_unit(energy_kev, "keV", "energy_kev"), dtype=float)
    inside = np.clip(wanted, energy[0], energy[-1])
    found = np.exp(np.interp(np.log(inside), np.log(energy), np.log(sigma)))
    with np.errstate(divide="ignore"):
        return np.asarray(found * (inside / wanted) ** 3 * 1e-22)


def transmission(
    energy_kev: ArrayLike, column_density_cm2: ArrayLike, redshift: float = 0.0
) -> NDArray[np.float64]:
    """Share of photons that gas lets through.

    Parameters
    ----------
    energy_kev : array_like or Quantity, shape (n,)
        Observed energies, keV.
    column_density_cm2 : array_like or Quantity
        Hydrogen atoms / cm² (not in units of 1e22). Broadcast against the energies.
    redshift : float
        Of the absorber.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> transmission([0.5, 2.0], 1e22).round(2)
    array([0.  , 0.75])
    """
    sigma = cross_section(
        np.asarray(in_unit(energy_kev, "keV", "energy_kev"), dtype=float) * (1 + redshift)
    )
    column = np.asarray(in_unit(column_density_cm2, "cm-2", "column_density_cm2"), dtype=float)
    return np.asarray(np.exp(-column * sigma))


@lru_cache(maxsize=1)
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    path = files(__package__) / "data" / "absorption.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
        return held["energy_kev"].astype(float), held["sigma_1e22_cm2"].astype(float)
