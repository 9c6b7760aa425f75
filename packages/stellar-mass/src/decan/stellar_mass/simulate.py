"""Galaxies with known truth: masses, photometry, morphology that says as much as it was told to.

A flux-limited sample from a double Schechter function. The mass-to-light ratio follows one
colour, plus planted terms of profile and size: with these at 0 and no noise, morphology must add
nothing to photometry at known redshift. Columns carry the names of the archive's query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .photometry import asinh_magnitude

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["simulate_galaxies"]

BANDS = ("u", "g", "r", "i", "z")
EXTINCTION = {"u": 4.239, "g": 3.303, "r": 2.285, "i": 1.698, "z": 1.263}
"""A / E(B-V) of Schlafly & Finkbeiner 2011."""

SKY_NMGY = {"u": 0.043, "g": 0.018, "r": 0.027, "i": 0.042, "z": 0.17}
"""Sky noise of a pixel of 0.396 arcsec, nanomaggies."""

PIXEL_ARCSEC = 0.396
R_LIMIT = 17.8
_CANDIDATES = 400_000
_LARGEST_REDSHIFT = 0.25
_SUN_I, _SUN_W1_VEGA = 4.58, 3.24


def simulate_galaxies(
    n: int,
    *,
    delta_n: float = 0.05,
    delta_size: float = 0.05,
    noise: float = 1.0,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """A flux-limited sample of galaxies (r <= 17.8) with masses, photometry and morphology.

    Parameters
    ----------
    n : int
        Galaxies.
    delta_n, delta_size : float
        Planted morphological information: change of log10 M/L for a factor of ten in Sersic
        index, and in size relative to the mean at this mass.
    noise : float
        Scale of all measurement errors; 0 for none.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    DataFrame
        ``petroMag_B``, ``petroMagErr_B`` (asinh AB mag, not dereddened), ``w1mpro`` ...
        ``w3mpro`` with ``w1sigmpro`` ... (Vega mag), ``z``, ``EBV``, ``petroR50_r``,
        ``petroR90_r`` (arcsec), ``expAB_r``, ``sersic_n_r``, ``lgm_tot_p50`` (log10 solar
        masses), ``specsfr_tot_p50`` (log10 1/yr), and the truth ``passive``.

    References
    ----------
    Baldry et al. 2012, MNRAS 421, 621 (masses); Shen et al. 2003, MNRAS 343, 978 (sizes).

    Examples
    --------
    >>> galaxies = simulate_galaxies(200, rng=0)
    >>> bool((galaxies["petroMag_r"] < 18.3).all()), len(galaxies)
    (True, 200)
    """
    import pandas as pd

    generator = np.random.default_rng(rng)
    found: list[pd.DataFrame] = []
    have = 0
    while have < n:
        batch = _candidates(generator, delta_n, delta_size)
        batch = batch[batch["r_true"] <= R_LIMIT]
        found.append(batch)
        have += len(batch)
    truth = pd.concat(found, ignore_index=True).iloc[:n]
    return _observed(truth, generator, noise)


def comoving_distance(redshift: NDArray[np.float64]) -> NDArray[np.float64]:
    """Comoving distance in Mpc, flat, H0 = 70 km/s/Mpc, matter 0.3."""
    grid = np.linspace(0, _LARGEST_REDSHIFT * 1.01, 512)
    rate = 1 / np.sqrt(0.3 * (1 + grid) ** 3 + 0.7)
    step = (rate[1:] + rate[:-1]) / 2 * np.diff(grid)
    distance = 299_792.458 / 70 * np.concatenate([[0], np.cumsum(step)])
    return np.interp(redshift, grid, distance)


def _candidates(rng: np.random.Generator, delta_n: float, delta_size: float) -> pd.DataFrame:
    import pandas as pd

    n = _CANDIDATES
    grid = np.linspace(0.005, _LARGEST_REDSHIFT, 512)
    volume = comoving_distance(grid) ** 2 / np.sqrt(0.3 * (1 + grid) ** 3 + 0.7)
    z = _drawn(grid, volume, n, rng)
    mass_grid = np.linspace(8, 12, 801)
    mass = _drawn(mass_grid, _schechter(mass_grid), n, rng)
    distance = comoving_distance(z)
    modulus = 5 * np.log10(distance * (1 + z)) + 25
    # No galaxy of M/L_i above 0.15 is brighter than this: most candidates end here.
    brightest = _SUN_I - 2.5 * (mass + 0.5) + modulus
    seen = brightest <= R_LIMIT + 0.8
    z, mass, distance, modulus = (column[seen] for column in (z, mass, distance, modulus))
    n = len(z)
    passive = rng.uniform(size=n) < 1 / (1 + np.exp(-(mass - 10.6) / 0.35))
    flat = rng.uniform(size=n)
    axis_ratio = np.where(passive, 0.6 + 0.4 * flat, np.sqrt(0.04 + 0.96 * flat**2))
    scatter = rng.standard_normal((12, n))
    size, log_size_mean = _sizes(mass, passive, scatter[0])
    index = np.exp(np.log(np.where(passive, 4.0, 1.3)) + 0.25 * scatter[1])
    tau = np.clip(0.3 + 0.3 * (mass - 9.5), 0, None)
    g_i = np.where(
        passive,
        1.15 + 0.04 * (mass - 10.5) + 0.05 * scatter[2],
        0.75 + 0.15 * (mass - 10) + 0.12 * scatter[2] + 0.25 * tau * (1 - axis_ratio),
    )
    # Everything but the mass itself follows the mass that light and colour tell: profile and size
    # then say nothing about the rest unless they are told to.
    luminosity = mass - (-0.68 + 0.70 * g_i)
    mass = mass + 0.06 * scatter[3]
    mass += delta_n * (np.log10(index) - 0.3) + delta_size * (np.log10(size) - log_size_mean)
    absolute = _absolute(mass, luminosity, g_i, passive, scatter[4:])
    k = {"u": 3 * z, "g": z * (2.3 + 1.2 * g_i), "r": 1.1 * z, "i": 0.7 * z, "z": 0.4 * z}
    columns = {"z": z, "mass": mass, "passive": passive, "axis_ratio": axis_ratio, "index": index}
    columns["size_arcsec"] = size / (distance / (1 + z)) / 1000 * 206_264.8
    columns["ssfr"] = np.where(passive, -12.0, -10.1 - 0.2 * (mass - 10)) + 0.3 * scatter[11]
    for band, magnitude in absolute.items():
        columns[f"{band}_true"] = magnitude + modulus + k.get(band, 0.0)
    return pd.DataFrame(columns)


def _absolute(
    mass: NDArray[np.float64],
    luminosity: NDArray[np.float64],
    g_i: NDArray[np.float64],
    passive: NDArray[np.bool_],
    scatter: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Absolute magnitudes: SDSS in AB, WISE in Vega."""
    i = _SUN_I - 2.5 * luminosity
    g = i + g_i
    r = g - (0.02 + 0.64 * g_i + 0.03 * scatter[0])
    u = g + 0.45 + 0.95 * g_i + 0.05 * scatter[1]
    z = i - (0.02 + 0.22 * g_i + 0.03 * scatter[2])
    w1 = _SUN_W1_VEGA - 2.5 * (mass - np.log10(0.6) - 0.05 * scatter[3])
    w2 = w1 - 0.03 * scatter[4]
    w3 = w2 - np.where(passive, 0.5, 3.2) - 0.4 * scatter[5]
    return {"u": u, "g": g, "r": r, "i": i, "z": z, "w1": w1, "w2": w2, "w3": w3}


def _sizes(
    mass: NDArray[np.float64], passive: NDArray[np.bool_], scatter: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half-light radii in kpc, and log10 of their mean at this mass."""
    m = 10**mass
    mean = np.where(passive, 2.88e-6 * m**0.56, 0.10 * m**0.14 * (1 + m / 3.98e10) ** 0.25)
    spread = 0.27 + 0.20 / (1 + (m / 3.98e10) ** 2)
    return mean * np.exp(spread * scatter), np.log10(mean)


def _schechter(mass: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = 10 ** (mass - 10.66)
    return np.exp(-ratio) * ratio * (3.96e-3 * ratio**-0.35 + 0.79e-3 * ratio**-1.47)


def _drawn(
    grid: NDArray[np.float64], density: NDArray[np.float64], n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    return np.interp(rng.uniform(size=n), below / below[-1], grid)


def _observed(truth: pd.DataFrame, rng: np.random.Generator, noise: float) -> pd.DataFrame:
    """Magnitudes, sizes and shapes as a catalogue would have measured them."""
    import pandas as pd

    n = len(truth)
    dust = rng.exponential(0.03, n)
    area = np.pi * (2 * truth["size_arcsec"].to_numpy() / PIXEL_ARCSEC) ** 2 + 20
    columns: dict[str, NDArray[np.float64]] = {}
    for band in BANDS:
        magnitude = truth[f"{band}_true"].to_numpy() + EXTINCTION[band] * dust
        flux = 10 ** (-0.4 * (magnitude - 22.5))
        relative = 0.02 if band in "gri" else 0.04
        error = np.hypot(relative * 0.4 * np.log(10) * flux, SKY_NMGY[band] * np.sqrt(area))
        flux = flux + noise * error * rng.standard_normal(n)
        columns[f"petroMag_{band}"] = asinh_magnitude(flux, band)
        columns[f"petroMagErr_{band}"] = 2.5 / np.log(10) * error / np.maximum(np.abs(flux), error)
    for band, relative, limit in (("w1", 0.02, 17.0), ("w2", 0.03, 15.7), ("w3", 0.04, 11.8)):
        flux = 10 ** (-0.4 * truth[f"{band}_true"].to_numpy())
        error = np.hypot(relative * flux, 10 ** (-0.4 * limit) / 5)
        flux = flux + noise * error * rng.standard_normal(n)
        # Below two sigma the catalogue gives a limit, which is no measurement.
        seen = (flux > 2 * error) | (noise == 0)
        safe = np.where(seen, flux, 1.0)
        columns[f"{band}mpro"] = np.where(seen, -2.5 * np.log10(safe), np.nan)
        columns[f"{band}sigmpro"] = np.where(seen, 1.0857 * error / safe, np.nan)
    size = truth["size_arcsec"].to_numpy() * np.exp(noise * 0.03 * rng.standard_normal(n))
    index = truth["index"].to_numpy()
    concentration = 2.3 + np.log(index) / np.log(4)
    concentration = concentration * np.exp(noise * 0.03 * rng.standard_normal(n))
    ratio = truth["axis_ratio"].to_numpy() + noise * 0.02 * rng.standard_normal(n)
    columns |= {
        "z": truth["z"].to_numpy(),
        "EBV": dust,
        "petroR50_r": size,
        "petroR90_r": size * concentration,
        "expAB_r": np.clip(ratio, 0.05, 1.0),
        "sersic_n_r": index * np.exp(noise * 0.1 * rng.standard_normal(n)),
        "lgm_tot_p50": truth["mass"].to_numpy(),
        "specsfr_tot_p50": truth["ssfr"].to_numpy(),
    }
    frame = pd.DataFrame(columns)
    frame["passive"] = truth["passive"].to_numpy()
    return frame
