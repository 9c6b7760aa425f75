"""Hot plasma out of tables of AtomDB that the user has: real line ratios, real abundances.

No package on the Python index ships these tables; they are two files, ``apec_*_line.fits`` and
``apec_*_coco.fits``, from AtomDB. Without them :func:`~decan.xray_spectra.models
.approximate_thermal` gives the shape of a plasma at the resolution of a CCD and nothing finer.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import CorruptFile
from decan.core.files import reading

from .fitsfile import Extension, column, extensions
from .models import Model, Parameter

__all__ = ["thermal_plasma"]

_KEV_ANGSTROM = 12.398419843320026
_KELVIN_KEV = 8.617333262e-8
_LIGHTEST_METAL = 3  # atomic number; abundance scales what is heavier than helium


@dataclass(frozen=True)
class _Temperature:
    """Emissivities at one temperature: lines, and continua of elements on their own energies."""

    line_kev: NDArray[np.float64]
    line: NDArray[np.float64]
    line_is_metal: NDArray[np.bool_]
    continua: tuple[tuple[bool, NDArray[np.float64], NDArray[np.float64]], ...]

    def photons(self, low: Any, high: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means over bins of hydrogen with helium and of metals, photons cm³ / s / keV."""
        edges = np.r_[low, high[-1]]
        found = np.zeros((2, low.size))
        for metal in (False, True):
            mine = self.line_is_metal == metal
            sums, _ = np.histogram(self.line_kev[mine], bins=edges, weights=self.line[mine])
            found[int(metal)] += sums / (high - low)
        for metal, energy, density in self.continua:
            sums = _integral(high, energy, density) - _integral(low, energy, density)
            found[int(metal)] += sums / (high - low)
        return found[0], found[1]


def thermal_plasma(lines: str | os.PathLike[str], continua: str | os.PathLike[str]) -> Model:
    """Optically thin plasma in collisional equilibrium, out of the tables of AtomDB.

    Lines keep their energies (no thermal broadening: a CCD does not see it). Emissivities are
    interpolated in the logarithm of temperature; beyond the table its ends are taken.

    Parameters
    ----------
    lines : path-like
        ``apec_*_line.fits``.
    continua : path-like
        ``apec_*_coco.fits``.

    Returns
    -------
    Model
        ``kt_kev``, ``abundance`` (of all elements beyond helium, in units of the table's) and
        ``norm``, 1e-14 / (4π D²) times the emission measure (cm⁻⁵).

    Raises
    ------
    CorruptFile, DataNotAvailable
        If a file is damaged, absent, or no such table; or if the two hold other temperatures.

    References
    ----------
    Smith et al. 2001, ApJ 556, L91; Foster et al. 2012, ApJ 756, 128 (AtomDB).

    Examples
    --------
    >>> thermal_plasma("absent_line.fits", "absent_coco.fits")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: absent_line.fits: no such file
    """
    with reading(lines, "table of lines"):
        kt, of_lines = _tables(lines)
    with reading(continua, "table of continua"):
        kt_continua, of_continua = _tables(continua)
        same = kt.size == kt_continua.size and np.allclose(kt, kt_continua, rtol=1e-3)
        if not same:
            raise CorruptFile(
                f"{Path(continua).name}: {kt_continua.size} temperatures, which are not the "
                f"{kt.size} of {Path(lines).name}; both files must be of one version"
            )
        order = np.argsort(kt)
        grid = [_temperature(of_lines[i], of_continua[i]) for i in order]
    log_kt = np.log(kt[order])

    held: dict[Any, Any] = {}

    def at(i: int, low: Any, high: Any) -> Any:
        """Emissivities of one temperature, remembered for the energies of the last call."""
        key = (low.tobytes(), high.tobytes())
        if held.get("energies") != key:
            held.clear()
            held["energies"] = key
        if i not in held:
            held[i] = grid[i].photons(low, high)
        return held[i]

    def function(low: Any, high: Any, kt_kev: Any, abundance: Any, norm: Any) -> Any:
        place = np.interp(np.log(np.ravel(kt_kev)), log_kt, np.arange(log_kt.size))
        place, metals = np.broadcast_arrays(place, np.ravel(abundance))
        spectra = np.empty((place.size, low.size))
        for row, (at_grid, metal) in enumerate(zip(place, metals, strict=True)):
            below = min(int(at_grid), log_kt.size - 1)
            above = min(below + 1, log_kt.size - 1)
            share = at_grid - below
            one, two = at(below, low, high), at(above, low, high)
            spectra[row] = (1 - share) * (one[0] + metal * one[1])
            spectra[row] += share * (two[0] + metal * two[1])
        return norm * 1e14 * spectra

    return Model(
        "thermal_plasma",
        (
            Parameter("kt_kev", "keV", 1.0, float(kt.min()), float(kt.max()), log=True),
            Parameter("abundance", "solar", 0.5, 0.0, 5.0),
            Parameter("norm", "", 1e-4, 1e-12, 1e6, log=True),
        ),
        function,
    )


def _tables(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], list[Extension]]:
    """Temperatures (keV), and the table of emissivities of each."""
    found = extensions(path)
    name = Path(path).name
    listed = [t for t in found if t.name.upper() == "PARAMETERS"]
    held = [t for t in found if t.name.upper() == "EMISSIVITY"]
    if not listed or not held:
        raise CorruptFile(f"{name}: no table PARAMETERS with tables EMISSIVITY, as AtomDB's have")
    kt = column(listed[0], "KT")
    assert kt is not None
    if kt.size != len(held):
        raise CorruptFile(f"{name}: {kt.size} temperatures and {len(held)} tables of them")
    kt = kt.astype(float)
    if not np.all(np.isfinite(kt) & (kt > 0)):
        raise CorruptFile(f"{name}, PARAMETERS: a temperature is not positive")
    # Early versions give kelvin.
    return (kt * _KELVIN_KEV if kt.min() > 1e3 else kt), held


def _temperature(lines: Extension, continua: Extension) -> _Temperature:
    wavelength, strength, element = (column(lines, n) for n in ("LAMBDA", "EPSILON", "ELEMENT"))
    assert wavelength is not None
    assert strength is not None
    assert element is not None
    _finite(lines, "LAMBDA", wavelength)
    _finite(lines, "EPSILON", strength)
    return _Temperature(
        _KEV_ANGSTROM / np.maximum(wavelength.astype(float), 1e-9), strength.astype(float),
        element >= _LIGHTEST_METAL, tuple(_continua(continua)),
    )  # fmt: skip


def _continua(table: Extension) -> list[tuple[bool, NDArray[np.float64], NDArray[np.float64]]]:
    """Continuum and pseudo-continuum (weak lines) of each element."""
    element, ion = column(table, "Z"), column(table, "RMJ", required=False)
    assert element is not None
    found = []
    for count, energy, density in (("N_CONT", "E_CONT", "CONTINUUM"),
                                   ("N_PSEUDO", "E_PSEUDO", "PSEUDO")):  # fmt: skip
        sizes, energies, densities = (column(table, name) for name in (count, energy, density))
        assert sizes is not None
        assert energies is not None
        assert densities is not None
        energies, densities = (
            energies.reshape(element.size, -1),
            densities.reshape(element.size, -1),
        )
        for row, n in enumerate(sizes.astype(int)):
            # Rows of single ions repeat what the row of their element sums up.
            if (ion is not None and ion[row] != 0) or n < 2:
                continue
            if n > energies.shape[1]:
                raise CorruptFile(
                    f"{table.place}: row {row + 1} announces {n} energies, it holds "
                    f"{energies.shape[1]}"
                )
            x, y = energies[row, :n].astype(float), densities[row, :n].astype(float)
            if not np.all(np.isfinite(x)) or np.any(np.diff(x) < 0) or not np.all(np.isfinite(y)):
                raise CorruptFile(f"{table.place}: row {row + 1}, {energy} does not rise")
            found.append((bool(element[row] >= _LIGHTEST_METAL), x, y))
    return found


def _integral(edges: Any, energy: Any, density: Any) -> NDArray[np.float64]:
    """Of straight pieces between a table's energies, from the first of them to each edge."""
    x = np.clip(edges, energy[0], energy[-1])
    whole = np.r_[0.0, np.cumsum(np.diff(energy) * (density[1:] + density[:-1]) / 2)]
    place = np.clip(np.searchsorted(energy, x, side="right") - 1, 0, energy.size - 2)
    here = np.interp(x, energy, density)
    return np.asarray(whole[place] + (x - energy[place]) * (here + density[place]) / 2)


def _finite(table: Extension, name: str, values: NDArray[Any]) -> None:
    bad = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if bad.size:
        raise CorruptFile(f"{table.place}: column {name}, row {bad[0] + 1} is {values[bad[0]]}")
