"""Thermal emission of a three-dimensional climate: spectra of the disc, and phase curves.

Every column is plane-parallel and absorbs only. A column is seen under another angle at every
phase, so its intensity is computed once for a few emission angles and looked up; the disc is
the sum of its cells, each by the area that faces the observer.

At phase 0 the planet is in transit and its night side is seen; the sub-observer longitude is
180 degrees minus the phase, so that the evening (eastern) hemisphere is seen before eclipse.
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

__all__ = ["EmissionModel", "PhaseCurve", "planck_w_m2_um_sr"]

Array = NDArray[Any]

_H, _C, _KB = 6.62607015e-34, 2.99792458e8, 1.380649e-23
# One over the cosines of the emission angles: each is a product of the ones before, so that a
# single exponential serves them all.
_SECANTS = np.array([1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 12.0])
_CHUNK = 64
_FINE = 4


def planck_w_m2_um_sr(wave_um: Any, t_k: Any) -> Array:
    """Planck's radiance.

    Parameters
    ----------
    wave_um : array_like, shape (b,)
        Wavelengths, um.
    t_k : array_like
        Temperatures, K.

    Returns
    -------
    ndarray, shape (..., b)
        W/m2/um/sr.

    Examples
    --------
    >>> float(planck_w_m2_um_sr([2.0], 1500.0)[0].round(-1))
    31010.0
    """
    wave = np.asarray(wave_um, dtype=float) * 1e-6
    t = np.asarray(t_k, dtype=float)[..., None]
    return np.asarray(
        2e-6 * _H * _C**2 / wave**5 / np.expm1(_H * _C / (wave * _KB * np.maximum(t, 1.0)))
    )


@dataclass(frozen=True)
class PhaseCurve:
    """Flux of a planet over that of its star, by phase and band.

    Parameters
    ----------
    phase_deg : ndarray, shape (n,)
        Orbital phase, degrees; 0 is transit, 180 eclipse.
    wave_um : ndarray, shape (b,)
        Band centres, um.
    flux_ratio : ndarray, shape (n, b)
        Planet over star.

    Examples
    --------
    >>> curve = PhaseCurve(np.array([90.0, 180.0]), np.array([4.5]), np.array([[1e-3], [2e-3]]))
    >>> curve.ppm[1, 0]
    np.float64(2000.0)
    """

    phase_deg: Array
    wave_um: Array
    flux_ratio: Array

    @property
    def ppm(self) -> Array:
        """Flux ratio in parts per million."""
        return self.flux_ratio * 1e6

    def to_frame(self) -> pd.DataFrame:
        """Phases as rows and bands as columns, ppm.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        frame = pd.DataFrame(self.ppm, columns=[f"{w:.4g} um" for w in self.wave_um])
        frame.insert(0, "phase_deg", self.phase_deg)
        return frame


class EmissionModel:
    """Emission of a field in the bands of an opacity.

    Parameters
    ----------
    opacity : KTables or GreyOpacity, optional
        Opacities; grey ones need no data.
    vmr : mapping or callable, optional
        Abundances, as :meth:`decan.gcm_emulator.KTables.mixture` takes them.

    Examples
    --------
    >>> from decan.gcm_emulator import simulate_planet, Planet
    >>> field = simulate_planet(Planet.at_temperature(1600.0, host="G5V"))
    >>> curve = EmissionModel().phase_curve(field, [0.0, 90.0, 180.0])
    >>> curve.flux_ratio.shape
    (3, 5)
    >>> bool(curve.flux_ratio[2, 4] > curve.flux_ratio[0, 4])
    True
    """

    def __init__(self, opacity: KTables | GreyOpacity | None = None, vmr: Any = None) -> None:
        self.opacity = opacity if opacity is not None else GreyOpacity()
        self.gas: MixedGas = self.opacity.mixture(vmr)
        self.wave_um = self.gas.wave_um

    def intensities(self, p_pa: Any, t_k: Any, gravity_ms2: float) -> Array:
        """Intensity of columns at the top of the atmosphere, for each emission angle.

        Parameters
        ----------
        p_pa : array_like, shape (nl,)
            Pressures of the levels, Pa, from the top.
        t_k : array_like, shape (n, nl)
            Temperatures of the columns at the levels, K.
        gravity_ms2 : float
            Gravity, m/s2.

        Returns
        -------
        ndarray, shape (n, angle, b)
            W/m2/um/sr, at the secants of the emission angles 1 to 12.
        """
        p, t = np.asarray(p_pa, dtype=float), np.asarray(t_k, dtype=float)
        found = np.empty((len(t), _SECANTS.size, self.wave_um.size))
        for start in range(0, len(t), _CHUNK):
            part = slice(start, start + _CHUNK)
            found[part] = self._columns(p, t[part], gravity_ms2)
        return found

    def disc(self, field: GCMField, sub_observer_lon: Any, *, stride: int = 1) -> Array:
        """Spectral power per steradian of the disc seen from longitudes of the equator.

        Parameters
        ----------
        field : GCMField
            With its planet.
        sub_observer_lon : array_like, shape (m,)
            Longitudes under the observer, degrees.
        stride : int
            Take every so-manieth column in longitude and latitude.

        Returns
        -------
        ndarray, shape (m, b)
            Mean intensity of the disc times pi, W/m2/um: the flux at the planet's surface.
        """
        planet = field._known_planet()
        lat, lon = field.lat_deg[::stride], field.lon_deg[::stride]
        columns = np.moveaxis(field.T[:, ::stride, ::stride], 0, -1).reshape(-1, field.p_pa.size)
        good = np.isfinite(columns).all(axis=0)
        if good.sum() < 2:
            raise ValueError("no two levels are finite in every column")
        table = self.intensities(field.p_pa[good], columns[:, good], planet.gravity_ms2)
        return self._seen(table, lat, lon, np.atleast_1d(np.asarray(sub_observer_lon, float)))

    def phase_curve(
        self, field: GCMField, phase_deg: Any, *, star_power_w_um: Any = None, stride: int = 1
    ) -> PhaseCurve:
        """Flux of the planet over that of its star at orbital phases.

        Parameters
        ----------
        field : GCMField
            With its planet.
        phase_deg : array_like
            Orbital phases, degrees; 0 is transit.
        star_power_w_um : array_like, shape (b,), optional
            Luminosity of the star per um in the bands, W/um; by default that of a black body
            of the star's temperature and radius.
        stride : int
            Take every so-manieth column.

        Returns
        -------
        PhaseCurve
        """
        planet = field._known_planet()
        phase = np.atleast_1d(np.asarray(phase_deg, dtype=float))
        flux = self.disc(field, 180.0 - phase, stride=stride)
        if star_power_w_um is None:
            star = (
                np.pi * planck_w_m2_um_sr(self.wave_um, planet.t_star_k)
                * 4 * np.pi * planet.r_star_m**2
            )  # fmt: skip
        else:
            star = np.asarray(star_power_w_um, dtype=float)
        return PhaseCurve(phase, self.wave_um, 4 * np.pi * planet.radius_m**2 * flux / star)

    def _columns(self, p: Array, t: Array, gravity: float) -> Array:
        middle = np.sqrt(p[1:] * p[:-1])
        mean = 0.5 * (t[:, 1:] + t[:, :-1])
        sigma = self.gas.cross_section(middle, mean)
        depth = sigma * self.gas.column(np.diff(p), gravity).astype(np.float32)[:, None, None]
        # What lies above the first level absorbs too.
        above = self.gas.cross_section(p[0], t[:, 0]) * np.float32(self.gas.column(p[0], gravity))
        planck = planck_w_m2_um_sr(self.wave_um, t).astype(np.float32)[..., None]
        weights = self.gas.weights.astype(np.float32)
        found = np.empty((len(t), _SECANTS.size, self.wave_um.size), dtype=np.float32)
        for a, secant in enumerate(_SECANTS):
            slant = depth * np.float32(secant)
            through = np.exp(-slant)
            # Planck's function is linear in optical depth inside a layer.
            thick = np.maximum(slant, np.float32(1e-4))
            rest = np.where(slant > 1e-4, (1 - through) / thick, 1 - 0.5 * slant)
            emitted = planck[:, :-1] * (1 - rest) + planck[:, 1:] * (rest - through)
            total = above * np.float32(secant)
            before = np.exp(-(np.cumsum(slant, axis=1) - slant + total[:, None]))
            ray = (emitted * before).sum(axis=1)
            ray += planck[:, 0] * -np.expm1(-total)
            ray += planck[:, -1] * before[:, -1] * through[:, -1]
            found[:, a] = ray @ weights
        return found

    def _seen(self, table: Array, lat: Array, lon: Array, sub_lon: Array) -> Array:
        """Sum over the disc; each cell is cut finer, so that the limb falls between cells."""
        dlat, dlon = np.median(np.diff(lat)), 360.0 / lon.size
        cut = (np.arange(_FINE) + 0.5) / _FINE - 0.5
        fine_lat = np.deg2rad(np.clip((lat[:, None] + dlat * cut).ravel(), -90, 90))
        fine_lon = np.deg2rad((lon[:, None] + dlon * cut).ravel())
        cube = table.reshape(lat.size, lon.size, _SECANTS.size, -1)
        found = np.empty((sub_lon.size, table.shape[-1]))
        area = np.cos(fine_lat)[:, None]
        for k, sub in enumerate(np.deg2rad(sub_lon)):
            mu = area * np.cos(fine_lon - sub)[None, :]
            facing = np.where(mu > 0, mu * area, 0.0)
            weight = self._angle_weights(np.maximum(mu, 1e-6)) * facing[..., None]
            shape = (lat.size, _FINE, lon.size, _FINE, _SECANTS.size)
            cells = weight.reshape(shape).sum(axis=(1, 3))
            found[k] = np.einsum("yxa,yxab->b", cells, cube) / facing.sum()
        return np.pi * found

    def _angle_weights(self, mu: Array) -> Array:
        """Linear interpolation in the cosine of the emission angle between the secants."""
        known = 1.0 / _SECANTS[::-1]
        k = np.clip(np.searchsorted(known, mu) - 1, 0, known.size - 2)
        f = np.clip((mu - known[k]) / (known[k + 1] - known[k]), 0.0, 1.0)
        weights = np.zeros((*mu.shape, known.size))
        np.put_along_axis(weights, k[..., None], (1 - f)[..., None], axis=-1)
        np.put_along_axis(weights, (k + 1)[..., None], f[..., None], axis=-1)
        return weights[..., ::-1]
