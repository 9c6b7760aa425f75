"""Transmission spectra of the two limbs, and what a temperature error becomes in ppm.

Each limb is a profile: the mean over latitude and an opening angle around its terminator. The
radius is built up by hydrostatics with gravity falling outward, from a reference radius at a
reference pressure; chords then give the depth. No offset is removed anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .field import GCMField
from .opacity import GreyOpacity, KTables, MixedGas

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LimbSpectra", "SpectralError", "TransmissionModel", "spectral_error"]

Array = NDArray[Any]
_BOLTZMANN = 1.380649e-23
_GAS_CONSTANT = 8.31446261815324
_LAYERS = 120


@dataclass(frozen=True)
class LimbSpectra:
    """Transit depths of the evening and the morning limb, each as if it went all around.

    Parameters
    ----------
    wave_um : ndarray, shape (b,)
        Band centres, um.
    evening, morning : ndarray, shape (b,)
        Depth, ppm.

    Examples
    --------
    >>> spectra = LimbSpectra(np.array([1.4]), np.array([15000.0]), np.array([14900.0]))
    >>> spectra.mean[0], spectra.difference[0]
    (np.float64(14950.0), np.float64(100.0))
    """

    wave_um: Array
    evening: Array
    morning: Array

    @property
    def mean(self) -> Array:
        """Depth of the whole transit, ppm."""
        return 0.5 * (self.evening + self.morning)

    @property
    def difference(self) -> Array:
        """Evening minus morning, ppm."""
        return self.evening - self.morning

    def to_frame(self) -> pd.DataFrame:
        """Bands as rows.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        return pd.DataFrame({
            "wave_um": self.wave_um, "evening_ppm": self.evening, "morning_ppm": self.morning,
            "mean_ppm": self.mean, "evening_minus_morning_ppm": self.difference,
        })  # fmt: skip


class TransmissionModel:
    """Transmission of the limbs of a field in the bands of an opacity.

    Parameters
    ----------
    opacity : KTables or GreyOpacity, optional
        Opacities; grey ones need no data.
    vmr : mapping or callable, optional
        Abundances, as :meth:`decan.gcm_emulator.KTables.mixture` takes them.
    reference_pa : float
        Pressure at which the planet has its radius, Pa.

    Examples
    --------
    >>> from decan.gcm_emulator import simulate_planet, Planet
    >>> field = simulate_planet(Planet.at_temperature(1600.0, host="G5V"))
    >>> spectra = TransmissionModel().limb_spectra(field)
    >>> bool((spectra.difference > 0).all())
    True
    """

    def __init__(
        self, opacity: KTables | GreyOpacity | None = None, vmr: Any = None,
        *, reference_pa: float = 1e6,
    ) -> None:  # fmt: skip
        self.opacity = opacity if opacity is not None else GreyOpacity()
        self.gas: MixedGas = self.opacity.mixture(vmr)
        self.wave_um = self.gas.wave_um
        self.reference_pa = float(reference_pa)

    def limb_spectra(self, field: GCMField, *, opening_deg: float = 30.0) -> LimbSpectra:
        """Depths of both limbs.

        Parameters
        ----------
        field : GCMField
            With its planet.
        opening_deg : float
            Width of the terminator in longitude, degrees.

        Returns
        -------
        LimbSpectra
        """
        planet = field._known_planet()
        depth = {
            side: self.depth_ppm(
                field.p_pa, field.limb(side, opening_deg), planet.radius_m, planet.gravity_ms2,
                planet.r_star_m,
            )
            for side in ("evening", "morning")
        }  # fmt: skip
        return LimbSpectra(self.wave_um, depth["evening"], depth["morning"])

    def depth_ppm(
        self, p_pa: Any, t_k: Any, radius_m: float, gravity_ms2: float, r_star_m: float
    ) -> Array:
        """Transit depth of a planet with one profile all around.

        Parameters
        ----------
        p_pa, t_k : array_like, shape (nl,)
            Profile from the top, Pa and K; levels that are not finite are left out.
        radius_m, gravity_ms2 : float
            Radius (m) and gravity (m/s2) at the reference pressure.
        r_star_m : float
            Radius of the star, m.

        Returns
        -------
        ndarray, shape (b,)
            ppm.
        """
        p, t = np.asarray(p_pa, dtype=float), np.asarray(t_k, dtype=float)
        good = np.isfinite(t)
        p, t = p[good], t[good]
        grid = np.exp(np.linspace(np.log(p[0]), np.log(min(p[-1], self.reference_pa)), _LAYERS))
        temperature = np.interp(np.log(grid), np.log(p), t)
        radius = self._radius(grid, temperature, radius_m, gravity_ms2)
        density = grid / (_BOLTZMANN * temperature)
        extinction = self.gas.cross_section(grid, temperature) * density[:, None, None]
        # Chords touch the levels. Between levels the extinction is exponential in radius;
        # its mean over a layer is close to the geometric one.
        layer = np.sqrt(extinction[1:] * extinction[:-1])
        outer, inner = radius[:-1, None], radius[1:, None]
        tangent = radius[None, :]
        reach_out = np.sqrt(np.maximum(outer**2 - tangent**2, 0.0))
        reach_in = np.sqrt(np.maximum(inner**2 - tangent**2, 0.0))
        path = 2.0 * (reach_out - reach_in)
        depth = np.einsum("lt,lbg->tbg", path, layer)
        opaque = (1.0 - np.exp(-depth)) @ self.gas.weights
        ring = 2.0 * radius[:, None] * opaque
        area = -np.trapezoid(ring, radius, axis=0)
        return np.asarray((radius[-1] ** 2 + area) / r_star_m**2 * 1e6)

    def _radius(self, p: Array, t: Array, radius_m: float, gravity: float) -> Array:
        """Radius of the levels: 1/r is linear in the integral of T over the log of pressure."""
        r_gas = 1e3 * _GAS_CONSTANT / self.gas.molecular_weight
        steps = 0.5 * (t[1:] + t[:-1]) * np.diff(np.log(p))
        upward = np.concatenate([[0.0], np.cumsum(steps[::-1])])[::-1]
        if p[-1] < self.reference_pa * (1 - 1e-9):
            upward = upward + t[-1] * np.log(self.reference_pa / p[-1])
        return np.asarray(1.0 / (1.0 / radius_m - r_gas * upward / (gravity * radius_m**2)))


@dataclass(frozen=True)
class SpectralError:
    """Error of limb spectra, ppm, nothing removed.

    Parameters
    ----------
    wave_um : ndarray, shape (b,)
        Band centres, um.
    evening, morning : ndarray, shape (b,)
        Prediction minus truth of each limb, ppm.

    Examples
    --------
    >>> error = SpectralError(np.array([1.4, 1.6]), np.array([3.0, -4.0]), np.array([1.0, 1.0]))
    >>> error
    SpectralError(limbs: at most 4.0 ppm, evening minus morning: at most 5.0 ppm)
    """

    wave_um: Array
    evening: Array
    morning: Array

    @property
    def difference(self) -> Array:
        """Error of evening minus morning, ppm."""
        return self.evening - self.morning

    @property
    def largest(self) -> float:
        """Largest error of a limb in any band, ppm."""
        return float(max(np.abs(self.evening).max(), np.abs(self.morning).max()))

    @property
    def largest_difference(self) -> float:
        """Largest error of evening minus morning in any band, ppm."""
        return float(np.abs(self.difference).max())

    @property
    def rms(self) -> float:
        """Root mean square over limbs and bands, ppm."""
        return float(np.sqrt(np.mean([self.evening**2, self.morning**2])))

    def __repr__(self) -> str:
        return (
            f"SpectralError(limbs: at most {self.largest:.1f} ppm, evening minus morning: at "
            f"most {self.largest_difference:.1f} ppm)"
        )


def spectral_error(
    truth: GCMField, predicted: GCMField, model: TransmissionModel | None = None,
    *, opening_deg: float = 30.0,
) -> SpectralError:  # fmt: skip
    """What the error of a predicted climate becomes in transmission.

    Parameters
    ----------
    truth, predicted : GCMField
        The same planet.
    model : TransmissionModel, optional
        Opacities; grey ones by default.
    opening_deg : float
        Width of the terminator, degrees.

    Returns
    -------
    SpectralError

    Examples
    --------
    >>> from decan.gcm_emulator import simulate_planet, Planet
    >>> field = simulate_planet(Planet.at_temperature(1200.0, host="K5V"))
    >>> spectral_error(field, field.copy(T=field.T + 20.0)).largest > 1.0
    True
    """
    model = model or TransmissionModel()
    one = model.limb_spectra(truth, opening_deg=opening_deg)
    other = model.limb_spectra(predicted, opening_deg=opening_deg)
    return SpectralError(one.wave_um, other.evening - one.evening, other.morning - one.morning)
