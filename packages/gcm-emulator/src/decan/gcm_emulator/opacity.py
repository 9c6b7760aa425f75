"""Opacities of a gas mixture in bands: correlated k with random overlap, or grey.

Random overlap treats the lines of two gases as statistically independent: every ordinate of
one meets every ordinate of the other, and the products are sorted back to twenty ordinates.
Assuming perfect correlation instead is wrong by ten per cent where CO, CO2 and H2O overlap at
4.5 um. With abundances that are constant or follow from pressure and temperature, gases are
mixed once, on the pressures and temperatures of the table, and layers interpolate in the mix.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GreyOpacity", "KTables", "MixedGas", "ObservedPhaseCurve"]

Array = NDArray[Any]

BOLTZMANN = 1.380649e-23
ATOMIC_MASS = 1.66053906660e-27
LOSCHMIDT = 2.686780111e25
SOLAR_VMR: dict[str, float] = {
    "H2": 0.8366, "He": 0.1624, "H2O": 4.8e-4, "CO": 4.6e-4, "CO2": 7.4e-8, "CH4": 1.3e-7,
}  # fmt: skip
"""Abundances of a warm solar gas: the global means of the WASP-43 b run."""

MOLECULAR_WEIGHT = {
    "H2": 2.016, "He": 4.0026, "H2O": 18.015, "CO": 28.010, "CO2": 44.009, "CH4": 16.043,
    "NH3": 17.031, "HCN": 27.025, "N2": 28.014,
}  # fmt: skip
_TINY = 1e-45
_SUM_OFF = 0.05
_DEEPEST_SEEN_PA = 1e6


@dataclass(frozen=True)
class ObservedPhaseCurve:
    """A phase curve in bands: observed, with errors, and by a reference code.

    Parameters
    ----------
    phase_deg : ndarray, shape (n,)
        Orbital phase, degrees; 0 is transit.
    wave_um : ndarray, shape (b,)
        Band centres, um.
    observed, error, nemesis : ndarray, shape (n, b)
        Flux of the planet over that of the star; NaN where withheld.
    star_power_w_um : ndarray, shape (b,)
        Luminosity of the star per um, W/um.
    vmr : dict of str to float
        Global means of the abundances that the reference code was given.

    Examples
    --------
    >>> one = np.ones((2, 1))
    >>> curve = ObservedPhaseCurve(np.array([0.0, 180.0]), np.ones(1), one, one, one, np.ones(1))
    >>> curve.observed.shape
    (2, 1)
    """

    phase_deg: Array
    wave_um: Array
    observed: Array
    error: Array
    nemesis: Array
    star_power_w_um: Array
    vmr: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MixedGas:
    """A mixture whose cross-section is looked up by pressure and temperature.

    Parameters
    ----------
    wave_um : ndarray, shape (b,)
        Band centres, um.
    weights : ndarray, shape (g,)
        Quadrature weights inside a band; their sum is 1.
    molecular_weight : float
        Mean, atomic mass units.
    lookup : callable
        ``lookup(p_pa, t_k) -> (..., b, g)``, m2 for each molecule of the mixture.

    Examples
    --------
    >>> gas = GreyOpacity().mixture()
    >>> gas.cross_section(1e4, 1000.0).shape
    (5, 1)
    """

    wave_um: Array
    weights: Array
    molecular_weight: float
    lookup: Callable[[Array, Array], Array]

    def cross_section(self, p_pa: Any, t_k: Any) -> Array:
        """Cross-section for each molecule of the mixture.

        Parameters
        ----------
        p_pa, t_k : array_like
            Pressure (Pa) and temperature (K); they broadcast.

        Returns
        -------
        ndarray, shape (..., b, g)
            m2.
        """
        p, t = np.broadcast_arrays(np.asarray(p_pa, dtype=float), np.asarray(t_k, dtype=float))
        return self.lookup(p, t)

    def column(self, dp_pa: Any, gravity_ms2: float) -> Array:
        """Molecules of a layer over one square metre.

        Parameters
        ----------
        dp_pa : array_like
            Pressure difference over the layer, Pa.
        gravity_ms2 : float
            Gravity, m/s2.

        Returns
        -------
        ndarray
            1/m2.
        """
        return np.asarray(dp_pa) / (gravity_ms2 * self.molecular_weight * ATOMIC_MASS)


@dataclass(frozen=True)
class GreyOpacity:
    """A grey gas in five bands, so that everything runs without a table.

    ``kappa = kappa0 (p / 0.1 bar)^exponent``; the values are of the order of a clear solar
    atmosphere between 1 and 5 um, and no more than that.

    Parameters
    ----------
    wave_um : tuple of float
        Band centres, um.
    kappa0_m2_kg : tuple of float
        Opacity at 0.1 bar, m2/kg.
    exponent : float
        Power of the pressure.
    molecular_weight : float
        Mean, atomic mass units.

    Examples
    --------
    >>> GreyOpacity().mixture().wave_um
    array([1.25, 1.6 , 2.2 , 3.6 , 4.5 ])
    """

    wave_um: tuple[float, ...] = (1.25, 1.6, 2.2, 3.6, 4.5)
    kappa0_m2_kg: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
    exponent: float = 0.3
    molecular_weight: float = 2.3

    def mixture(self, vmr: Any = None) -> MixedGas:
        """The gas; abundances do not matter to it.

        Parameters
        ----------
        vmr : object, optional
            Not used; takes the place it has in :meth:`KTables.mixture`.

        Returns
        -------
        MixedGas
        """
        kappa = np.asarray(self.kappa0_m2_kg) * self.molecular_weight * ATOMIC_MASS

        def lookup(p: Array, t: Array) -> Array:
            return np.asarray(((p / 1e4) ** self.exponent)[..., None, None] * kappa[:, None])

        return MixedGas(np.asarray(self.wave_um), np.ones(1), self.molecular_weight, lookup)


@dataclass(frozen=True)
class KTables:
    """Correlated-k tables of several gases, and collision-induced absorption, in bands.

    Parameters
    ----------
    wave_um : ndarray, shape (b,)
        Band centres, um.
    p_pa, t_k : ndarray, shape (np,) and (nt,)
        Pressures (Pa) and temperatures (K) of the tables.
    weights : ndarray, shape (g,)
        Quadrature weights inside a band.
    k : mapping of str to ndarray, shape (b, np, nt, g)
        1e-20 cm2 for each molecule of the gas.
    cia_t_k : ndarray, shape (nc,)
        Temperatures of the collision-induced absorption, K.
    cia : mapping of (str, str) to ndarray, shape (nc, b)
        1/cm/amagat2.
    strict : bool
        Whether a temperature outside the table, or a wavelength in none of its bands, is
        an error; they are clamped otherwise, with a warning (temperatures: one, where they
        lie above 10 bar).

    Examples
    --------
    >>> from decan.gcm_emulator.archive import DATASETS
    >>> DATASETS["wasp43b_opacities"].title[:17]
    'Correlated-k tabl'
    """

    wave_um: Array
    p_pa: Array
    t_k: Array
    weights: Array
    k: Mapping[str, Array]
    cia_t_k: Array
    cia: Mapping[tuple[str, str], Array]
    strict: bool = False

    def band(self, wave_um: float) -> int:
        """Number of the band that holds a wavelength.

        Parameters
        ----------
        wave_um : float
            Wavelength, um.

        Returns
        -------
        int
            The nearest band, with a warning, for a wavelength in none.

        Raises
        ------
        ValueError
            If the tables are strict and no band holds it.
        """
        nearest = int(np.abs(self.wave_um - wave_um).argmin())
        steps = np.diff(self.wave_um)
        reach = max(steps[max(nearest - 1, 0)], steps[min(nearest, steps.size - 1)])
        if abs(self.wave_um[nearest] - wave_um) > reach:
            problem = (
                f"{wave_um:g} um is in no band; bands lie at "
                f"{', '.join(f'{w:.3g}' for w in self.wave_um)} um"
            )
            if self.strict:
                raise ValueError(problem)
            warnings.warn(f"{problem}; the nearest is taken", stacklevel=2)
        return nearest

    def mixture(self, vmr: Mapping[str, float] | Callable[[Array, Array], Any] | None = None
                ) -> MixedGas:  # fmt: skip
        """The gases mixed at random overlap.

        Parameters
        ----------
        vmr : mapping or callable, optional
            Volume mixing ratios: constants, or ``vmr(p_pa, t_k)`` giving a mapping of arrays
            (equilibrium chemistry). By default :data:`SOLAR_VMR`. Where H2 is not among
            them, H2 and He in solar proportion make up the rest.

        Returns
        -------
        MixedGas

        Raises
        ------
        ValueError
            If the ratios are no mixture (negative, or a sum that is not 1), or a known gas is
            spelled otherwise.
        """
        p, t = np.meshgrid(self.p_pa, self.t_k, indexing="ij")
        abundance = vmr(p, t) if callable(vmr) else dict(vmr or SOLAR_VMR)
        # What computes abundances answers for their sum.
        grid = _whole(abundance, p.shape, _SUM_OFF if not callable(vmr) else np.inf)
        mixed: Array | None = None
        for gas, table in self.k.items():
            if gas not in grid:
                continue
            one = np.moveaxis(table, 0, 2).astype(float) * 1e-24 * grid[gas][..., None, None]
            mixed = one if mixed is None else random_overlap(mixed, one, self.weights)
        if mixed is None:
            raise ValueError(f"no gas of the tables ({', '.join(self.k)}) is in the mixture")
        table = np.log(np.maximum(mixed, _TINY)).astype(np.float32)
        continuum = self._continuum(grid)
        weight = float(np.mean(sum(
            x.mean() * MOLECULAR_WEIGHT.get(name, 0.0) for name, x in grid.items()
        )))  # fmt: skip

        told: list[str] = []

        def lookup(pressure: Array, temperature: Array) -> Array:
            self._check(pressure, temperature, told)
            sigma = np.exp(_bilinear(table, np.log(self.p_pa), self.t_k, np.log(pressure),
                                     temperature))  # fmt: skip
            density = pressure / (BOLTZMANN * temperature)
            sigma += (_linear(continuum, self.cia_t_k, temperature)
                      * density[..., None]).astype(sigma.dtype)[..., None]  # fmt: skip
            return np.asarray(sigma)

        return MixedGas(self.wave_um, self.weights, weight, lookup)

    def _continuum(self, grid: Mapping[str, Array]) -> Array:
        """Collision-induced cross-section for each molecule and unit number density, m5."""
        total = np.zeros((self.cia_t_k.size, self.wave_um.size))
        for (one, other), table in self.cia.items():
            if one in grid and other in grid:
                share = float(grid[one].mean() * grid[other].mean())
                total += share * np.asarray(table, dtype=float) * 100.0 / LOSCHMIDT**2
        return total

    def _check(self, p_pa: Array, t_k: Array, told: list[str]) -> None:
        low, high = self.t_k[0], self.t_k[-1]
        if not self.strict:
            # The interior of any hot Jupiter is hotter than the table, and never seen.
            t_k = t_k[p_pa <= _DEEPEST_SEEN_PA]
        if t_k.size and (t_k.min() < low - 1e-6 or t_k.max() > high + 1e-6):
            words = (
                f"temperatures {t_k.min():.0f} to {t_k.max():.0f} K leave the k tables "
                f"({low:.0f} to {high:.0f} K)"
            )
            if self.strict:
                raise ValueError(words)
            if not told:
                told.append(words)
                warnings.warn(
                    f"{words}; opacities of the nearest temperature are used", stacklevel=4
                )


def _whole(abundance: Mapping[str, Any], shape: tuple[int, ...], off: float) -> dict[str, Array]:
    """Abundances that make up the whole gas, on the pressures and temperatures of the tables."""
    known = {name.upper(): name for name in MOLECULAR_WEIGHT}
    for name in abundance:
        if known.get(name.upper(), name) != name:
            raise ValueError(f"vmr: {name!r} is written {known[name.upper()]!r} here")
    grid = {name: np.broadcast_to(np.asarray(x, dtype=float), shape)
            for name, x in abundance.items()}  # fmt: skip
    if any((x < 0).any() for x in grid.values()):
        raise ValueError("vmr: a mixing ratio is negative; expected numbers, not their logarithms")
    total = np.sum(list(grid.values()), axis=0)
    if "H2" not in grid and total.max() <= 1:
        share = SOLAR_VMR["H2"] / (SOLAR_VMR["H2"] + SOLAR_VMR["He"])
        share = 1.0 if "He" in grid else share
        rest = {"H2": share * (1 - total), "He": (1 - share) * (1 - total)}
        grid = rest | grid
        total = np.ones(shape)
    if np.abs(total - 1).max() > off:
        raise ValueError(
            f"vmr: the mixing ratios sum to {total.min():.3g} to {total.max():.3g}, expected 1; "
            "leave H2 out to have it fill the rest"
        )
    return grid


def random_overlap(one: Array, other: Array, weights: Array) -> Array:
    """Mix two k distributions whose lines are independent: resort and rebin.

    Parameters
    ----------
    one, other : ndarray, shape (..., g)
        Distributions of the two gases, in the same unit, ascending.
    weights : ndarray, shape (g,)
        Quadrature weights.

    Returns
    -------
    ndarray, shape (..., g)

    References
    ----------
    Lacis & Oinas 1991, JGR 96, 9027; Amundsen et al. 2017, A&A 598, A97.

    Examples
    --------
    >>> weights = np.full(4, 0.25)
    >>> random_overlap(np.array([1.0, 2, 3, 4]), np.zeros(4), weights)
    array([1., 2., 3., 4.])
    """
    g = weights.size
    total = (one[..., :, None] + other[..., None, :]).reshape(*one.shape[:-1], g * g)
    pair = np.broadcast_to((weights[:, None] * weights[None, :]).ravel(), total.shape)
    order = np.argsort(total, axis=-1)
    total = np.take_along_axis(total, order, axis=-1)
    edges = np.cumsum(np.take_along_axis(pair, order, axis=-1), axis=-1)
    integral = np.cumsum(total * np.take_along_axis(pair, order, axis=-1), axis=-1)
    # The integral up to each edge of the final bins, linear inside a pair.
    flat_e, flat_i = edges.reshape(-1, g * g), integral.reshape(-1, g * g)
    bins = np.cumsum(weights)
    found = np.empty((flat_e.shape[0], g))
    for row in range(flat_e.shape[0]):
        upto = np.interp(bins, np.concatenate([[0.0], flat_e[row]]),
                         np.concatenate([[0.0], flat_i[row]]))  # fmt: skip
        found[row] = np.diff(upto, prepend=0.0)
    return np.asarray(found.reshape(one.shape) / weights)


def _place(axis: Array, points: Array) -> tuple[Array, Array]:
    """Lower neighbour and fraction to the upper one, clamped to the axis."""
    clipped = np.clip(points, axis[0], axis[-1])
    index = np.clip(np.searchsorted(axis, clipped, side="right") - 1, 0, axis.size - 2)
    return index, ((clipped - axis[index]) / (axis[index + 1] - axis[index])).astype(np.float32)


def _bilinear(table: Array, x: Array, y: Array, at_x: Array, at_y: Array) -> Array:
    """Table of shape (x, y, ...) at points; float32."""
    i, fx = _place(x, at_x)
    j, fy = _place(y, at_y)
    tail = (..., *[None] * (table.ndim - 2))
    fx, fy = fx[tail], fy[tail]
    found = table[i, j] * ((1 - fx) * (1 - fy))
    found += table[i + 1, j] * (fx * (1 - fy))
    found += table[i, j + 1] * ((1 - fx) * fy)
    found += table[i + 1, j + 1] * (fx * fy)
    return np.asarray(found)


def _linear(table: Array, x: Array, at: Array) -> Array:
    i, f = _place(x, at)
    return np.asarray(table[i] * (1 - f[..., None]) + table[i + 1] * f[..., None])
