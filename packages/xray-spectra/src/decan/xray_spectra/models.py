"""Photon models: power law, black body, disc, bremsstrahlung, approximate plasma, line, gas.

A model is a function of photon energy with named parameters. Models add and multiply:
``tbabs() * (power_law() + gauss_line())``. All of them are batched: parameters of shape
``(n,)`` give spectra of shape ``(n, n_energies)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from decan.core.data.numbers import in_unit

from .absorption import cross_section

__all__ = [
    "Model",
    "Parameter",
    "approximate_thermal",
    "black_body",
    "bremsstrahlung",
    "disk_black_body",
    "gauss_line",
    "power_law",
    "tbabs",
]

Energies = NDArray[np.float64]

# 8π/3 · 2 keV³/(h³c²) · (1 km / 10 kpc)²: what makes the norm of the disc (R/D)² cos θ.
_DISK = 2.767e-3
_DISK_STEPS = 40

_LINES = np.array(
    [
        (0.561, 0.17, 4e-16), (0.574, 0.17, 6e-16), (0.654, 0.27, 1.1e-15), (0.725, 0.40, 5e-16),
        (0.739, 0.40, 5e-16), (0.812, 0.45, 2e-16), (0.826, 0.45, 6e-16), (0.873, 0.60, 4e-16),
        (0.918, 0.70, 3e-16), (0.921, 0.34, 1.8e-16), (0.965, 0.80, 3e-16), (1.009, 0.85, 2.5e-16),
        (1.022, 0.50, 2.6e-16), (1.06, 0.95, 2e-16), (1.13, 1.1, 2e-16), (1.17, 1.5, 2.5e-16),
        (1.352, 0.55, 1.1e-16), (1.473, 0.86, 7.5e-17), (1.865, 0.86, 9e-17), (2.006, 1.4, 6.7e-17),
        (2.461, 1.4, 4e-17), (2.623, 2.2, 2.5e-17), (3.13, 1.8, 1e-17), (3.9, 2.7, 8e-18),
        (6.68, 5.4, 5e-17), (6.97, 10.0, 1.8e-17),
    ]
)  # fmt: skip
# Energy (keV), kT of its peak (keV), peak emissivity (photons cm³ / s) at solar abundance.


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model: where a fit starts, where it stays, and how it steps.

    Parameters
    ----------
    name, unit : str
        As the user reads them.
    start, low, high : float
        First guess and range.
    log : bool
        Whether a fit steps in its logarithm.

    Examples
    --------
    >>> Parameter("photon_index", "", 1.8, -2.0, 6.0).name
    'photon_index'
    """

    name: str
    unit: str
    start: float
    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, repr=False)
class Model:
    """A photon spectrum (or a factor of one) with named parameters.

    Parameters
    ----------
    name : str
        As it is shown.
    parameters : tuple of Parameter
        In the order in which the function takes them.
    function : callable
        ``function(energy_low, energy_high, *columns)``, each column of shape ``(n, 1)``;
        returns means over the bins, shape ``(n, n_energies)``.

    Examples
    --------
    >>> model = tbabs() * power_law()
    >>> model
    Model(tbabs * power_law: nh_cm2, photon_index, norm)
    >>> edges = np.array([1.0, 2.0, 3.0])
    >>> model(edges[:-1], edges[1:], nh_cm2=0.0, photon_index=2.0, norm=1.0).round(3)
    array([0.5  , 0.167])
    """

    name: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., NDArray[np.float64]]

    def __call__(
        self, energy_low: ArrayLike, energy_high: ArrayLike, **values: ArrayLike
    ) -> NDArray[np.float64]:
        """The spectrum, averaged over energy bins.

        Parameters
        ----------
        energy_low, energy_high : array_like or Quantity, shape (n_energies,)
            keV.
        **values : float, array_like or Quantity, shape (n,)
            Parameters by name; those left out take their start value.

        Returns
        -------
        ndarray, shape (n_energies,) or (n, n_energies)
            Photons / cm² / s / keV (no unit for a factor).

        Raises
        ------
        TypeError
            If a name is not one of the model's parameters.
        """
        unknown = set(values) - set(self.names)
        if unknown:
            raise TypeError(f"{self.name} has no parameter {min(unknown)!r}; it has {self.names}")
        given = [
            np.asarray(in_unit(values.get(p.name, p.start), p.unit, p.name), dtype=float)
            for p in self.parameters
        ]
        scalar = all(value.ndim == 0 for value in given)
        columns = [np.atleast_1d(value)[:, None] for value in given]
        low, high = (
            np.asarray(in_unit(energy, "keV", "energy"), dtype=float)
            for energy in (energy_low, energy_high)
        )
        found = self.function(low, high, *columns)
        return found[0] if scalar else found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    def starting(self, **starts: float) -> Model:
        """The model with other start values.

        Parameters
        ----------
        **starts : float
            New start values by name.

        Returns
        -------
        Model
        """
        unknown = set(starts) - set(self.names)
        if unknown:
            raise TypeError(f"{self.name} has no parameter {min(unknown)!r}; it has {self.names}")
        new = tuple(replace(p, start=starts.get(p.name, p.start)) for p in self.parameters)
        return replace(self, parameters=new)

    def __mul__(self, other: Model) -> Model:
        return _combined(self, other, "*", np.multiply)

    def __add__(self, other: Model) -> Model:
        return _combined(self, other, "+", np.add)

    def __repr__(self) -> str:
        return f"Model({self.name}: {', '.join(self.names)})"


def tbabs() -> Model:
    """Absorption by interstellar gas, a factor.

    Returns
    -------
    Model
        Parameter ``nh_cm2``, hydrogen atoms / cm².

    References
    ----------
    Wilms, Allen & McCray 2000, ApJ 542, 914.

    Examples
    --------
    >>> tbabs().names
    ('nh_cm2',)
    """

    def function(low: Energies, high: Energies, nh: Any) -> NDArray[np.float64]:
        return np.asarray(np.exp(-nh * cross_section(np.sqrt(_positive(low) * high))))

    return Model("tbabs", (Parameter("nh_cm2", "cm-2", 1e21, 0.0, 1e25),), function)


def power_law() -> Model:
    """Power law in photon energy, integrated over each bin.

    Returns
    -------
    Model
        ``photon_index`` and ``norm``, photons / cm² / s / keV at 1 keV.

    Examples
    --------
    >>> power_law()([1.0], [2.0], photon_index=0.0, norm=3.0)
    array([3.])
    """

    def function(low: Energies, high: Energies, index: Any, norm: Any) -> NDArray[np.float64]:
        low = _positive(low)
        power = 1 - index
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (high**power - low**power) / (power * (high - low))
        # ∫ dE / E is a logarithm; near index 1 the difference of powers loses its digits.
        near = np.abs(power) < 1e-6
        mean = np.where(near, np.log(high / low) / (high - low), mean)
        return np.asarray(norm * mean)

    return Model("power_law", (Parameter("photon_index", "", 1.8, -3.0, 9.0), _norm()), function)


def black_body() -> Model:
    """Black body.

    Returns
    -------
    Model
        ``kt_kev`` and ``norm``, 1e39 erg / s at 10 kpc.

    Examples
    --------
    >>> black_body().names
    ('kt_kev', 'norm')
    """

    def function(low: Energies, high: Energies, kt: Any, norm: Any) -> NDArray[np.float64]:
        energy = (low + high) / 2
        return np.asarray(norm * 8.0525 * energy**2 / kt**4 / np.expm1(_clip(energy / kt)))

    return Model("black_body", (Parameter("kt_kev", "keV", 0.5, 0.02, 20.0, log=True), _norm()),
                 function)  # fmt: skip


def disk_black_body() -> Model:
    """Black bodies of an accretion disc whose temperature falls as the 3/4 power of radius.

    Returns
    -------
    Model
        ``kt_in_kev`` and ``norm``, (inner radius in km / distance in 10 kpc)² cos θ.

    References
    ----------
    Mitsuda et al. 1984, PASJ 36, 741.

    Examples
    --------
    >>> disk_black_body().names
    ('kt_in_kev', 'norm')
    """
    # Temperatures from kT_in down to 1/200 of it, steps of equal weight in the logarithm.
    ratio = np.geomspace(1 / 200, 1, _DISK_STEPS + 1)
    middle = np.sqrt(ratio[1:] * ratio[:-1])
    weight = middle ** (-11 / 3) * np.diff(ratio)

    def function(low: Energies, high: Energies, kt: Any, norm: Any) -> NDArray[np.float64]:
        energy = (low + high) / 2
        total = np.zeros(np.broadcast_shapes(np.shape(kt), energy.shape))
        for share, part in zip(middle, weight, strict=True):
            total += part / np.expm1(_clip(energy / (kt * share)))
        return np.asarray(norm * _DISK * energy**2 * total)

    return Model(
        "disk_black_body", (Parameter("kt_in_kev", "keV", 1.0, 0.05, 20.0, log=True), _norm()),
        function,
    )  # fmt: skip


def bremsstrahlung() -> Model:
    """Thermal bremsstrahlung of hydrogen with an approximate Gaunt factor.

    Returns
    -------
    Model
        ``kt_kev`` and ``norm``, 1e-14 / (4π D²) times the emission measure (cm⁻⁵).

    Examples
    --------
    >>> bremsstrahlung().names
    ('kt_kev', 'norm')
    """

    def function(low: Energies, high: Energies, kt: Any, norm: Any) -> NDArray[np.float64]:
        return np.asarray(norm * 1e14 * free_free((low + high) / 2, kt, hot_power=0.4))

    return Model("bremsstrahlung", (Parameter("kt_kev", "keV", 5.0, 0.05, 200.0, log=True),
                 _norm()), function)  # fmt: skip


def approximate_thermal() -> Model:
    """Optically thin plasma: free-free emission and 26 of its strongest lines.

    Line strengths are orders of magnitude: good for the shape of a class of sources at the
    resolution of a CCD, not for abundances. With tables of AtomDB at hand,
    :func:`~decan.xray_spectra.thermal_plasma` is the real one.

    Returns
    -------
    Model
        ``kt_kev``, ``abundance`` (solar) and ``norm``, 1e-14 / (4π D²) times the emission
        measure (cm⁻⁵).

    Examples
    --------
    >>> approximate_thermal().names
    ('kt_kev', 'abundance', 'norm')
    """

    def function(low: Energies, high: Energies, kt: Any, abundance: Any, norm: Any) -> Any:
        total = free_free((low + high) / 2, kt)
        width = high - low
        for energy, at, peak in _LINES:
            place = np.searchsorted(low, energy, side="right") - 1
            if 0 <= place < low.size and energy < high[place]:
                strength = peak * np.exp(-0.5 * (np.log10(kt / at) / 0.22) ** 2) * abundance
                total[:, place] += (strength / width[place])[:, 0]
        return norm * 1e14 * total

    return Model(
        "approximate_thermal",
        (
            Parameter("kt_kev", "keV", 1.0, 0.05, 60.0, log=True),
            Parameter("abundance", "solar", 0.5, 0.0, 5.0),
            _norm(),
        ),
        function,
    )


def gauss_line() -> Model:
    """Gaussian emission line, integrated over each bin.

    Returns
    -------
    Model
        ``energy_kev``, ``sigma_kev`` and ``norm``, photons / cm² / s.

    Examples
    --------
    >>> line = gauss_line()
    >>> edges = np.linspace(6, 7, 101)
    >>> photons = line(edges[:-1], edges[1:], sigma_kev=0.05, norm=2.0).sum() * 0.01
    >>> round(float(photons), 6)
    2.0
    """

    def function(low: Energies, high: Energies, at: Any, sigma: Any, norm: Any) -> Any:
        sigma = np.maximum(sigma, 1e-6)
        share = ndtr((high - at) / sigma) - ndtr((low - at) / sigma)
        return norm * share / (high - low)

    return Model(
        "gauss_line",
        (
            Parameter("energy_kev", "keV", 6.4, 0.1, 15.0),
            Parameter("sigma_kev", "keV", 0.01, 0.0, 2.0),
            _norm(),
        ),
        function,
    )


def free_free(
    energy_kev: NDArray[np.float64], kt_kev: Any, hot_power: float = 0.15
) -> NDArray[np.float64]:
    """Photon emissivity of free-free radiation, with a Gaunt factor of two power laws.

    Parameters
    ----------
    energy_kev : ndarray, shape (n_energies,)
        keV.
    kt_kev : array_like, shape (n, 1)
        keV.
    hot_power : float
        The Gaunt factor is 1.1 (kT/E) to this power below E = kT, and to the power 0.4 above.

    Returns
    -------
    ndarray, shape (n, n_energies)
        Photons cm³ / s / keV.

    Examples
    --------
    >>> free_free(np.array([1.0]), np.array([[1.0]])).shape
    (1, 1)
    """
    ratio = np.asarray(kt_kev) / _positive(energy_kev)
    gaunt = 1.1 * np.where(ratio > 1, ratio**hot_power, ratio**0.4)
    photons = 1.4 * 3.02e-15 / np.sqrt(kt_kev) * gaunt * np.exp(-_clip(1 / ratio))
    return np.asarray(photons / _positive(energy_kev))


def _norm() -> Parameter:
    return Parameter("norm", "", 1e-4, 1e-12, 1e6, log=True)


def _positive(energy: Any) -> Any:
    """Some responses begin at 0 keV, where a power law has no integral."""
    return np.maximum(energy, 1e-4)


def _clip(exponent: Any) -> Any:
    return np.minimum(np.maximum(exponent, 1e-6), 600.0)


def _combined(one: Model, two: Model, sign: str, operation: Callable[..., Any]) -> Model:
    """Two models as one; a product of two norms keeps the first, names met twice are numbered."""
    n = len(one.parameters)
    taken = set(one.names)
    renamed = []
    for parameter in two.parameters:
        name, number = parameter.name, 2
        while name in taken:
            name, number = f"{parameter.name}_{number}", number + 1
        taken.add(name)
        renamed.append(replace(parameter, name=name))

    def function(low: Energies, high: Energies, *columns: Any) -> NDArray[np.float64]:
        first = one.function(low, high, *columns[:n])
        return np.asarray(operation(first, two.function(low, high, *columns[n:])))

    def wrapped(model: Model) -> str:
        return f"({model.name})" if sign == "*" and " + " in model.name else model.name

    name = f"{wrapped(one)} {sign} {wrapped(two)}"
    return Model(name, (*one.parameters, *renamed), function)
