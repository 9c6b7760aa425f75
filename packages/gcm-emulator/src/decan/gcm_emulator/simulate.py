"""A simulator of tidally locked climates with known truth: fast, smooth, and simpler than a GCM.

Columns in radiative equilibrium set where the air wants to go; waves and an equatorial jet
take it elsewhere. The jet follows from the contrast and from the equatorial deformation
radius, the shift of the hot spot from advection against radiative relaxation, the vertical
wind from mass conservation. Weather is a smooth random field on top.

References
----------
Komacek & Showman 2016, ApJ 821, 16 (amplitude of the contrast); Showman & Polvani 2011, ApJ
738, 71 (jet); the columns as in :mod:`decan.gcm_emulator.radiative_columns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .continuity import upward_wind
from .field import GCMField
from .grid import PlanetGrid
from .planets import HOSTS, SIGMA_SB, Planet
from .radiative_columns import equilibrium_columns
from .sphere import area_mean, area_weights

__all__ = [
    "LAT_DEG",
    "LON_DEG",
    "P_PA",
    "random_planets",
    "simulate_grid",
    "simulate_planet",
    "smooth_noise",
]

Array = NDArray[Any]

LON_DEG = np.arange(-175.0, 176.0, 10.0)
LAT_DEG = np.arange(-86.25, 87.0, 7.5)
P_PA = np.geomspace(2.0, 2e7, 26)
_MU = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0])
_R, _CP = 3714.0, 13000.0
_BAR = 1e5
_T_GLOBAL_K = tuple(range(400, 2601, 200))
# Half of the difference of two snapshots of HD 209458 b 1000 days apart, in quadrature:
# pressure (bar), T (per cent), u, v (m/s).
_HD209 = np.array([
    [8.3, 1.3, 187, 182], [0.82, 1.7, 195, 148], [0.26, 1.2, 106, 85], [0.081, 1.6, 130, 98],
    [0.026, 2.3, 205, 138], [8.0e-3, 3.3, 307, 212], [2.5e-3, 4.1, 529, 396],
    [7.9e-4, 4.7, 896, 578], [2.5e-4, 8.0, 1217, 585],
])  # fmt: skip


def simulate_planet(
    planet: Planet,
    *,
    weather: str | None = None,
    lon_deg: Any = None,
    lat_deg: Any = None,
    p_pa: Any = None,
    rng: np.random.Generator | int | None = None,
) -> GCMField:
    """The climate of one planet.

    Parameters
    ----------
    planet : Planet
        The planet.
    weather : {None, 'smooth', 'hd209'}
        None gives the climate itself; 'smooth' a snapshot with 1.2 per cent of weather in T
        and 3 per cent of the jet speed in the winds; 'hd209' the amplitudes of the ExoRad
        run of HD 209458 b at each pressure.
    lon_deg, lat_deg, p_pa : array_like, optional
        Axes, degrees and Pa; 36 x 24 x 26 by default. Longitudes are equally spaced.
    rng : numpy.random.Generator or int, optional
        Of the weather (SPEC 7).

    Returns
    -------
    GCMField
        T, u, v, w.

    Examples
    --------
    >>> field = simulate_planet(Planet.at_temperature(1600.0, host="G5V"))
    >>> bool(600 < field.at(-120.0, 0.0, 1e4) < field.at(20.0, 0.0, 1e4) < 2300)
    True
    """
    return simulate_grid(
        [planet], weather=weather, lon_deg=lon_deg, lat_deg=lat_deg, p_pa=p_pa, rng=rng
    )[0]


def simulate_grid(
    planets: Sequence[Planet] | None = None,
    *,
    hosts: Sequence[str] | None = None,
    t_global_k: Sequence[float] | None = None,
    weather: str | None = "smooth",
    lon_deg: Any = None,
    lat_deg: Any = None,
    p_pa: Any = None,
    rng: np.random.Generator | int | None = None,
) -> PlanetGrid:
    """Climates of many planets; by default the grid of five hosts and twelve temperatures.

    Parameters
    ----------
    planets : sequence of Planet, optional
        Which; otherwise ``hosts`` times ``t_global_k``.
    hosts : sequence of str, optional
        Spectral types of :data:`HOSTS`; all five by default.
    t_global_k : sequence of float, optional
        Global temperatures, K; 400 to 2600 in steps of 200 by default.
    weather : {None, 'smooth', 'hd209'}
        See :func:`simulate_planet`.
    lon_deg, lat_deg, p_pa : array_like, optional
        Axes, degrees and Pa.
    rng : numpy.random.Generator or int, optional
        Of the weather (SPEC 7).

    Returns
    -------
    PlanetGrid

    Raises
    ------
    ValueError
        If the kind of weather is not known.

    Examples
    --------
    >>> simulate_grid(hosts=["M2V"], t_global_k=[800, 1000], rng=0)
    PlanetGrid(2 planets, 1 host, 800 to 1000 K; T, u, v, w on 26 x 24 x 36)
    """
    if weather not in (None, "smooth", "hd209"):
        raise ValueError(f"weather must be None, 'smooth' or 'hd209', found {weather!r}")
    chosen = list(planets) if planets is not None else [
        Planet.at_temperature(t, host=host, name=f"{host}_{t:.0f}", end_point=True)
        for host in (hosts or HOSTS)
        for t in (t_global_k if t_global_k is not None else _T_GLOBAL_K)
    ]  # fmt: skip
    lon = LON_DEG if lon_deg is None else np.asarray(lon_deg, dtype=float)
    lat = LAT_DEG if lat_deg is None else np.asarray(lat_deg, dtype=float)
    p = np.sort(P_PA if p_pa is None else np.asarray(p_pa, dtype=float))
    generator = np.random.default_rng(rng)
    columns = equilibrium_columns(
        _MU, [one.t_irr_k for one in chosen], [one.t_int_k for one in chosen],
        [one.gravity_ms2 for one in chosen], p,
    )  # fmt: skip
    fields = []
    for planet, column in zip(chosen, columns, strict=True):
        circulation = _Circulation(planet, column, lon, lat, p)
        temperature, u, v = circulation.temperature, circulation.u, circulation.v
        if weather is not None:
            temperature, u, v = _with_weather(circulation, weather, generator)
        w = upward_wind(u, v, temperature, lon, lat, p, planet.radius_m, planet.gravity_ms2, _R)
        fields.append(
            GCMField(temperature, lon, lat, p, u=u, v=v, w=w, planet=planet, r_gas=_R, cp=_CP,
                     averaging_days=None if weather is None else 0.0, source="simulator")
        )  # fmt: skip
    return PlanetGrid(fields)


def random_planets(n: int, *, rng: np.random.Generator | int | None = None) -> list[Planet]:
    """Planets between the points of the default grid: any host from M2V to A5V.

    Parameters
    ----------
    n : int
        How many.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    list of Planet

    Examples
    --------
    >>> len(random_planets(3, rng=0))
    3
    """
    generator = np.random.default_rng(rng)
    stars = np.array(sorted(HOSTS.values()))
    found = []
    for k in range(n):
        t_star = generator.uniform(stars[0, 0], stars[-1, 0])
        star = (t_star, *(float(np.interp(t_star, stars[:, 0], stars[:, c])) for c in (1, 2)))
        t_global = min(generator.uniform(450.0, 2550.0), 0.69 * t_star)
        found.append(Planet.at_temperature(t_global, star=star, name=f"random {k}"))
    return found


def smooth_noise(
    lon_deg: Any, lat_deg: Any, p_pa: Any, rng: np.random.Generator | int | None = None
) -> Array:
    """A random field of unit variance at each level, smooth in all directions.

    Parameters
    ----------
    lon_deg, lat_deg, p_pa : array_like
        Axes, degrees and Pa.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    ndarray, shape (p, lat, lon)
        Zonal wavenumbers up to 6; a pole is one place.

    Examples
    --------
    >>> smooth_noise(LON_DEG, LAT_DEG, P_PA, rng=0).shape
    (26, 24, 36)
    """
    generator = np.random.default_rng(rng)
    lat, lon, log_p = np.asarray(lat_deg, float), np.deg2rad(lon_deg), np.log10(p_pa)
    phase = np.arange(7)
    raw = generator.normal(size=(2, 7, log_p.size, lat.size)) / np.sqrt(1 + phase)[:, None, None]
    near_p = np.exp(-0.5 * ((log_p[:, None] - log_p[None, :]) / 0.6) ** 2)
    near_lat = np.exp(-0.5 * ((lat[:, None] - lat[None, :]) / 12.0) ** 2)
    smooth = np.einsum("ij,cmjy,yz->cmiz", near_p, raw, near_lat)
    waves = np.stack([np.cos(phase[:, None] * lon), np.sin(phase[:, None] * lon)])
    # A wave fades towards the poles, where all longitudes are one place.
    waves = waves[:, :, None, :] * np.cos(np.deg2rad(lat))[:, None] ** np.minimum(
        phase, 2)[:, None, None]  # fmt: skip
    field = np.einsum("cmiz,cmzx->izx", smooth, waves)
    weights = area_weights(lat)[:, None] / lon.size
    spread = np.sqrt((field**2 * weights).sum(axis=(1, 2), keepdims=True))
    return np.asarray(field / spread)


class _Circulation:
    """Temperature and horizontal wind of one planet, without weather."""

    def __init__(self, planet: Planet, column: Array, lon: Array, lat: Array, p: Array) -> None:
        self.planet, self.lon, self.lat, self.p = planet, lon, lat, p
        self.phi = np.deg2rad(lat)
        self.cos = np.cos(self.phi)
        cosine = np.maximum(self.cos[:, None] * np.cos(np.deg2rad(lon))[None, :], 0.0)
        self.wanted = np.moveaxis(_by_angle(column, cosine), -1, 0)
        self._scales()
        self._temperature()
        self._winds()

    def _scales(self) -> None:
        planet, p = self.planet, self.p
        mean4 = area_mean(self.wanted**4, self.lat) ** 0.25
        day = np.abs(self.lon) < 90
        self.contrast = np.maximum(
            area_mean(self.wanted[..., day], self.lat)
            - area_mean(self.wanted[..., ~day], self.lat), 1.0,
        )  # fmt: skip
        self.tau = p * _CP / (4 * planet.gravity_ms2 * SIGMA_SB * mean4**3) * (1 + p / (10 * _BAR))
        level = int(np.abs(np.log(p / 1e4)).argmin())
        wave = np.sqrt(_R / _CP * _R * mean4[level])
        omega, radius = planet.omega_s, planet.radius_m
        deformation = np.sqrt(wave * radius / (2 * omega))
        self.jet = np.clip(deformation / radius, np.deg2rad(7), np.deg2rad(60))
        drive = np.clip(self.contrast[level] / mean4[level], 0.03, 0.9)
        self.u0 = (
            1.8 * np.sqrt(_R * mean4[level] * 3 * drive / 2)
            * np.tanh((planet.period_day / 0.7) ** 0.4)
        )  # fmt: skip
        tau_wave = min(deformation, radius) / wave
        tau_advection = radius / np.sqrt(3 * _R * self.contrast)
        alpha = 1 + (omega + 1e-5) * tau_wave**2 / (3 * self.tau)
        gamma = tau_wave**2 / (3 * self.tau * tau_advection)
        kept = np.clip(1 - 2 / (alpha + np.sqrt(alpha**2 + 4 * gamma**2)), 0.03, 0.995)
        self.stretch = np.minimum(1 / kept - 1, 30.0)
        self.profile = (
            1 / (1 + (p / (2 * _BAR)) ** 0.8) * (0.65 + 0.35 / (1 + (2e-3 * _BAR / p) ** 0.7))
        )

    def _temperature(self) -> None:
        phi, radius = self.phi, self.planet.radius_m
        shape = np.exp(-((phi / self.jet) ** 2)) - 0.12 * np.exp(
            -(((np.abs(phi) - 2.2 * self.jet) / (0.8 * self.jet)) ** 2)
        )
        self.u_jet = self.u0 * self.profile[:, None] * shape
        modes = np.fft.rfft(self.wanted, axis=-1)
        m = np.arange(modes.shape[-1])
        local = 0.35 + 0.65 * np.exp(-((phi / (1.4 * self.jet)) ** 2))
        damping = 1 + 0.6 * self.stretch[:, None] * local
        turn = self.u_jet * self.tau[:, None] / (radius * np.maximum(self.cos, 0.15))
        modes[..., 1:] /= damping[..., None] + 1j * m[1:] * turn[..., None]
        mean = modes[..., 0].real
        for k, row in enumerate(mean):
            mixing = 0.08 * self.u0 * radius * self.profile[k] * self.tau[k]
            mean[k] = np.linalg.solve(np.eye(phi.size) - mixing * self._laplacian(), row)
        modes[..., 0] = mean
        temperature = np.fft.irfft(modes, n=self.lon.size, axis=-1)
        self.temperature = np.maximum(temperature, 0.25 * self.planet.t_global_k)

    def _laplacian(self) -> Array:
        """Meridional part of the Laplacian on the rows of latitude, 1/m2."""
        step = self.phi[1] - self.phi[0]
        edge = np.cos(0.5 * (self.phi[1:] + self.phi[:-1])) / step
        matrix = np.zeros((self.phi.size, self.phi.size))
        for k in range(self.phi.size - 1):
            for row, sign in ((k, 1.0), (k + 1, -1.0)):
                matrix[row, k] -= sign * edge[k]
                matrix[row, k + 1] += sign * edge[k]
        return np.asarray(matrix / (self.cos[:, None] * step * self.planet.radius_m**2))

    def _winds(self) -> None:
        radius = self.planet.radius_m
        log_p = np.log(self.p)
        steps = 0.5 * (self.temperature[1:] + self.temperature[:-1]) * np.diff(log_p)[:, None, None]
        potential = np.zeros_like(self.temperature)
        potential[:-1] = _R * np.cumsum(steps[::-1], axis=0)[::-1]
        eddy = potential - potential.mean(axis=-1, keepdims=True)
        modes = np.fft.rfft(eddy, axis=-1)
        m = np.arange(modes.shape[-1])
        along = np.fft.irfft(1j * m * modes, n=self.lon.size, axis=-1)
        # The geometric factor is held where cells near a pole become slivers.
        slope_x = along / (radius * np.maximum(self.cos, 0.2)[:, None])
        slope_y = np.gradient(eddy, self.phi, axis=1) / radius
        drag = max(1.5 * self.u0 / radius, 2e-5)
        f = 2 * self.planet.omega_s * np.sin(self.phi)[:, None]
        scale = 1 / (drag**2 + f**2)
        deep = 1 / (1 + self.p / (3 * _BAR))[:, None, None]
        cap = 6000.0
        u = -(drag * slope_x + f * slope_y) * scale
        v = (f * slope_x - drag * slope_y) * scale
        self.u = self.u_jet[..., None] + cap * np.tanh(u / cap) * np.sqrt(self.cos)[:, None] * deep
        self.v = cap * np.tanh(v / cap) * self.cos[:, None] * deep


def _by_angle(column: Array, cosine: Array) -> Array:
    k = np.clip(np.searchsorted(_MU, cosine, side="right") - 1, 0, _MU.size - 2)
    f = ((cosine - _MU[k]) / (_MU[k + 1] - _MU[k]))[..., None]
    return np.asarray(column[k] * (1 - f) + column[k + 1] * f)


def _with_weather(
    circulation: _Circulation, weather: str, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    p = circulation.p / _BAR
    if weather == "smooth":
        fade = np.exp(-1.5 * np.maximum(np.log10(p), 0.0))
        amplitudes = 0.012 * fade, 0.03 * circulation.u0 * fade, 0.03 * circulation.u0 * fade
    else:
        order = np.argsort(_HD209[:, 0])
        known = np.log(_HD209[order, 0])
        t, u, v = (np.interp(np.log(p), known, _HD209[order, c]) / np.sqrt(2) for c in (1, 2, 3))
        amplitudes = t / 100, u, v
    t, u, v = (
        a[:, None, None] * smooth_noise(circulation.lon, circulation.lat, circulation.p, rng)
        for a in amplitudes
    )
    return circulation.temperature * (1 + t), circulation.u + u, circulation.v + v
