"""Eight classes of X-ray sources: what each looks like, drawn with known truth.

Ranges follow common knowledge of each class. They are cleaner than nature: scores on these
sources say how a method behaves, not what it reaches on a catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .absorption import cross_section
from .models import approximate_thermal, black_body, bremsstrahlung, disk_black_body, power_law

if TYPE_CHECKING:
    import pandas as pd

    from .models import Model

__all__ = ["CLASSES", "COMPACT", "draw_sources", "photon_spectra"]

CLASSES = ("AGN", "CV", "HM-STAR", "HMXB", "LM-STAR", "LMXB", "NS", "YSO")
"""The eight classes, in alphabetical order."""

COMPACT = ("CV", "HMXB", "LMXB", "NS")
"""Stellar-mass compact objects; which classes the paper counts is not known."""

_FE_LINES = (6.40, 6.68, 6.97)
_COLUMNS = ("nh_galactic", "nh_intrinsic", "redshift", "gamma", "kT_keV", "kT2_keV", "abundance",
            "mix", "scattered", "ew_fe0_keV", "ew_fe1_keV", "ew_fe2_keV")  # fmt: skip


def draw_sources(
    n: int,
    *,
    classes: Sequence[str] = CLASSES,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Draw sources of the classes, equally many of each, in random order.

    Parameters
    ----------
    n : int
        Number of sources.
    classes : sequence of str
        Which classes.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    pandas.DataFrame
        ``cls``, ``kind`` (which of a class's spectra), ``log_nh`` (total, cm⁻²) and the
        parameters of the photon spectrum: columns in cm⁻², temperatures and equivalent widths
        in keV, NaN where a spectrum has none.

    Raises
    ------
    ValueError
        If a class is not known.

    Examples
    --------
    >>> draw_sources(4, classes=["AGN"], rng=0)["gamma"].round(2).tolist()
    [1.66, 1.62, 1.74, 1.91]
    """
    import pandas as pd

    unknown = set(classes) - set(CLASSES)
    if unknown:
        raise ValueError(f"classes: {min(unknown)!r} is none of {', '.join(CLASSES)}")
    generator = np.random.default_rng(rng)
    cls = np.asarray(classes, dtype=object)[generator.permutation(n) % len(classes)]
    table = pd.DataFrame({name: np.full(n, np.nan) for name in _COLUMNS})
    table.insert(0, "cls", cls)
    table.insert(1, "kind", "")
    for name in classes:
        rows = np.flatnonzero(cls == name)
        drawn = _DRAW[name](rows.size, generator)
        for column, values in drawn.items():
            table.loc[rows, column] = values
    for column in ("nh_intrinsic", "redshift", "scattered"):
        table[column] = table[column].fillna(0.0)
    total = table["nh_galactic"] + table["nh_intrinsic"]
    table.insert(2, "log_nh", np.log10(total))
    return table


def photon_spectra(
    table: pd.DataFrame,
    energy_low: NDArray[np.float64],
    energy_high: NDArray[np.float64],
    *,
    plasma: Model | None = None,
) -> NDArray[np.float32]:
    """Photon spectra of drawn sources, each with one photon / cm² / s between 0.5 and 8 keV.

    Parameters
    ----------
    table : DataFrame
        As :func:`draw_sources` gives it.
    energy_low, energy_high : ndarray, shape (n_energies,)
        keV.
    plasma : Model, optional
        Of hot gas, with ``kt_kev`` and ``abundance``: :func:`~decan.xray_spectra.thermal_plasma`
        where its tables are at hand; the approximate one without it.

    Returns
    -------
    ndarray of float32, shape (n, n_energies)
        Photons / cm² / s / keV.

    Examples
    --------
    >>> edges = np.linspace(0.3, 9.3, 901)
    >>> spectra = photon_spectra(draw_sources(3, rng=0), edges[:-1], edges[1:])
    >>> (spectra[:, 20:770].sum(axis=1) * 0.01).round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    low, high = np.maximum(energy_low, 1e-3), np.asarray(energy_high)
    spectra = np.zeros((len(table), low.size), dtype=np.float32)
    middle = np.sqrt(low * high)
    sigma = cross_section(middle)
    for kind, rows in table.groupby("kind", sort=False).indices.items():
        part: dict[str, Any] = {name: table[name].to_numpy()[rows] for name in _COLUMNS}
        part["plasma"] = plasma or approximate_thermal()
        source = _SPECTRUM[str(kind)](part, low, high)
        through = np.exp(-part["nh_galactic"][:, None] * sigma)
        if np.any(part["nh_intrinsic"] > 0):
            z = part["redshift"][:, None]
            inner = part["nh_intrinsic"][:, None] * cross_section(middle * (1 + z))
            leak = part["scattered"][:, None]
            through = through * (leak + (1 - leak) * np.exp(-inner))
        spectra[rows] = _unit(source * through, low, high)
    return spectra


def _unit(flux: Any, low: Any, high: Any) -> Any:
    """Scaled to one photon between 0.5 and 8 keV."""
    overlap = np.clip(np.minimum(high, 8.0) - np.maximum(low, 0.5), 0, None)
    return flux / np.maximum(flux @ overlap, 1e-300)[:, None]


def _power(part: Any, low: Any, high: Any) -> Any:
    flux = power_law()(low, high, photon_index=part["gamma"], norm=np.ones_like(part["gamma"]))
    return flux + _lines(part, flux, low, high)


def _brems(part: Any, low: Any, high: Any) -> Any:
    flux = bremsstrahlung()(low, high, kt_kev=part["kT_keV"], norm=np.ones_like(part["kT_keV"]))
    return flux + _lines(part, flux, low, high)


def _disk(part: Any, low: Any, high: Any) -> Any:
    return disk_black_body()(low, high, kt_in_kev=part["kT_keV"], norm=np.ones_like(part["kT_keV"]))


def _body_and_power(part: Any, low: Any, high: Any) -> Any:
    ones = np.ones_like(part["kT_keV"])
    body = _unit(black_body()(low, high, kt_kev=part["kT_keV"], norm=ones), low, high)
    power = _unit(power_law()(low, high, photon_index=part["gamma"], norm=ones), low, high)
    share = part["mix"][:, None]
    return (1 - share) * body + share * power


def _two_plasmas(part: Any, low: Any, high: Any) -> Any:
    plasma, metals = part["plasma"], part["abundance"]
    ones = np.ones_like(metals)
    first = plasma(low, high, kt_kev=part["kT_keV"], abundance=metals, norm=ones)
    second = plasma(low, high, kt_kev=part["kT2_keV"], abundance=metals, norm=ones)
    return first + part["mix"][:, None] * second


def _lines(part: Any, flux: Any, low: Any, high: Any) -> Any:
    added = np.zeros_like(flux)
    for line, energy in enumerate(_FE_LINES):
        width = np.nan_to_num(part[f"ew_fe{line}_keV"])
        place = int(np.searchsorted(low, energy, side="right")) - 1
        if energy < high[place]:
            added[:, place] += width * flux[:, place] / (high[place] - low[place])
    return added


def _columns(rng: np.random.Generator, mean: float, sd: float, n: int) -> Any:
    """Column densities, lognormal, redrawn below 10^19.5 cm⁻²."""
    log = rng.normal(mean, sd, n)
    while np.any(log < 19.5):
        low = log < 19.5
        log[low] = rng.normal(mean, sd, int(low.sum()))
    return 10**log


def _agn(n: int, rng: np.random.Generator) -> dict[str, Any]:
    obscured = rng.random(n) < 0.35
    inner = np.where(obscured, rng.uniform(22, 23.5, n), rng.uniform(20, 22, n))
    return {
        "kind": "power law",
        "nh_galactic": _columns(rng, 20.4, 0.25, n),
        "nh_intrinsic": 10**inner,
        "redshift": rng.gamma(2.0, 0.6, n),
        "gamma": rng.normal(1.85, 0.25, n),
        "scattered": np.where(obscured, 0.02, 0.0),
    }


def _cv(n: int, rng: np.random.Generator) -> dict[str, Any]:
    width = np.outer(rng.uniform(0.5, 1.8, n), [0.12, 0.15, 0.10])
    return {
        "kind": "bremsstrahlung",
        "nh_galactic": _columns(rng, 21.3, 0.6, n),
        "kT_keV": 10 ** rng.normal(1.0, 0.25, n),
        **{f"ew_fe{i}_keV": width[:, i] for i in range(3)},
    }


def _hm_star(n: int, rng: np.random.Generator) -> dict[str, Any]:
    second = rng.random(n) < 0.3
    return {
        "kind": "two plasmas",
        "nh_galactic": _columns(rng, 21.7, 0.3, n),
        "kT_keV": 10 ** rng.normal(-0.28, 0.12, n),
        "kT2_keV": np.full(n, 2.5),
        "abundance": np.ones(n),
        "mix": np.where(second, rng.uniform(0.15, 0.45, n), 0.0),
    }


def _hmxb(n: int, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "kind": "power law",
        "nh_galactic": _columns(rng, 22.3, 0.5, n),
        "gamma": rng.normal(1.05, 0.35, n),
        "ew_fe0_keV": rng.uniform(0, 0.25, n),
    }


def _lm_star(n: int, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "kind": "two plasmas",
        "nh_galactic": _columns(rng, 20.2, 0.5, n),
        "kT2_keV": 10 ** rng.normal(-0.45, 0.1, n),
        "kT_keV": 10 ** rng.normal(-0.05, 0.12, n),
        "abundance": np.full(n, 0.5),
        "mix": rng.uniform(0.7, 2.0, n),
    }


def _lmxb(n: int, rng: np.random.Generator) -> dict[str, Any]:
    power = rng.random(n) < 0.55
    return {
        "kind": np.where(power, "power law", "disc"),
        "nh_galactic": _columns(rng, 21.5, 0.45, n),
        "gamma": np.where(power, rng.normal(1.7, 0.25, n), np.nan),
        "kT_keV": np.where(power, np.nan, 10 ** rng.normal(0, 0.15, n)),
    }


def _ns(n: int, rng: np.random.Generator) -> dict[str, Any]:
    body = rng.random(n) < 0.65
    index = np.where(body, rng.normal(1.7, 0.4, n), rng.normal(1.5, 0.3, n))
    return {
        "kind": np.where(body, "black body and power law", "power law"),
        "nh_galactic": _columns(rng, 21.2, 0.5, n),
        "gamma": index,
        "kT_keV": np.where(body, 10 ** rng.normal(-0.85, 0.2, n), np.nan),
        "mix": np.where(body, rng.beta(1, 4, n), np.nan),
    }


def _yso(n: int, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "kind": "two plasmas",
        "nh_galactic": _columns(rng, 21.8, 0.5, n),
        "kT_keV": 10 ** rng.normal(0.35, 0.22, n),
        "kT2_keV": np.full(n, 0.8),
        "abundance": np.full(n, 0.4),
        "mix": rng.uniform(0.1, 0.35, n),
    }


_DRAW = {
    "AGN": _agn, "CV": _cv, "HM-STAR": _hm_star, "HMXB": _hmxb,
    "LM-STAR": _lm_star, "LMXB": _lmxb, "NS": _ns, "YSO": _yso,
}  # fmt: skip
_SPECTRUM = {
    "power law": _power,
    "bremsstrahlung": _brems,
    "disc": _disk,
    "black body and power law": _body_and_power,
    "two plasmas": _two_plasmas,
}
