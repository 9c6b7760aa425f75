"""Columns in radiative equilibrium: the analytic picket-fence model, capped by convection.

Three visible bands and two infrared ones have a closed-form solution, whose coefficients were
fitted to detailed atmospheres of solar composition. The closed form has a pole where a visible
band and the infrared limit meet (``gamma_v tau_lim = 1``); inside 0.8 to 1.2 the band is
replaced by the line between both ends, since otherwise temperatures of single planets are off
by hundreds of kelvin.

References
----------
Parmentier & Guillot 2014, A&A 562, A133; Parmentier et al. 2015, A&A 574, A35; Freedman et al.
2014, ApJS 214, 25 (Rosseland mean).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["equilibrium_columns", "rosseland_mean_m2_kg"]

Array = NDArray[Any]

# Effective temperature up to which a row holds; a and b of three visible bands; beta.
_WITH_TIO = (
    (200.0, -5.51, 2.48, -7.37, 2.53, -3.03, -0.20, 0.84, 0.0),
    (300.0, 1.23, -0.45, 13.99, -6.75, -13.87, 4.51, 0.84, 0.0),
    (600.0, 8.65, -3.45, -15.18, 5.02, -11.95, 3.74, 0.84, 0.0),
    (1400.0, -12.96, 4.33, -10.41, 3.31, -6.97, 1.94, 0.84, 0.0),
    (2000.0, -23.75, 7.76, -19.95, 6.34, -3.65, 0.89, 0.84, 0.0),
    (np.inf, 12.65, -3.27, 13.56, -3.81, -6.02, 1.61, 6.21, -1.63),
)
_WITHOUT_TIO = (
    *_WITH_TIO[:4],
    (2000.0, -1.68, 0.75, 6.96, -2.21, 0.02, -0.28, 3.0, -0.69),
    (np.inf, 10.37, -2.91, -2.4, 0.62, -16.54, 4.74, 3.0, -0.69),
)
_LEVELS = 140
_TOP_PA, _BOTTOM_PA = 0.1, 3e7
_POLE = (0.8, 1.2)
_ITERATIONS = 6


def equilibrium_columns(
    mu: Any, t_irr_k: Any, t_int_k: Any, gravity_ms2: Any, p_pa: Any, *, tio: bool = True
) -> Array:
    """Temperature of columns under stars at different heights.

    Parameters
    ----------
    mu : array_like, shape (m,)
        Cosines of the zenith angle of the star; 0 is night.
    t_irr_k, t_int_k, gravity_ms2 : array_like, shape (n,)
        Irradiation and interior temperature (K) and gravity (m/s2) of the planets.
    p_pa : array_like, shape (k,)
        Pressures wanted, Pa, inside 1e-6 to 300 bar.
    tio : bool
        Whether TiO and VO are gaseous where it is hot enough.

    Returns
    -------
    ndarray, shape (n, m, k)
        K.

    Examples
    --------
    >>> columns = equilibrium_columns([0.0, 1.0], [2263.0], [635.0], [10.0], [1e2, 1e5])
    >>> bool(columns[0, 1, 0] > 1.5 * columns[0, 0, 0])
    True
    """
    mu_column = np.asarray(mu, dtype=float)[None, :]
    t_irr, t_int, gravity = (
        np.atleast_1d(np.asarray(a, dtype=float))[:, None] for a in (t_irr_k, t_int_k, gravity_ms2)
    )
    albedo = _bond_albedo(t_irr, t_int, gravity)
    t_eff = (t_int**4 + (1 - albedo) * mu_column * t_irr**4) ** 0.25
    column = _Column(t_eff, mu_column, t_int, (1 - albedo) * mu_column * t_irr**4, tio)
    p = np.geomspace(_TOP_PA, _BOTTOM_PA, _LEVELS)
    found = np.empty((*t_eff.shape, _LEVELS))
    temperature = column.at(np.zeros_like(t_eff))
    opacity = rosseland_mean_m2_kg(p[0], temperature)
    depth = opacity * p[0] / gravity
    found[..., 0] = column.at(depth)
    for k in range(1, _LEVELS):
        lower, previous = depth, opacity
        temperature = found[..., k - 1]
        for _ in range(_ITERATIONS):
            opacity = rosseland_mean_m2_kg(p[k], temperature)
            depth = lower + 0.5 * (opacity + previous) * (p[k] - p[k - 1]) / gravity
            temperature = column.at(depth)
        found[..., k] = temperature
    step = np.log(p[1] / p[0])
    for k in range(1, _LEVELS):
        steepest = 0.32 - 0.1 * found[..., k - 1] / 3000.0
        found[..., k] = np.minimum(found[..., k], found[..., k - 1] * np.exp(steepest * step))
    return _interpolated(np.log(p), found, np.log(np.asarray(p_pa, dtype=float)))


def rosseland_mean_m2_kg(p_pa: Any, t_k: Any) -> Array:
    """Rosseland mean opacity of a solar gas, the fit of Freedman et al. 2014.

    Parameters
    ----------
    p_pa, t_k : array_like
        Pressure (Pa) and temperature (K).

    Returns
    -------
    ndarray
        m2/kg.

    Examples
    --------
    >>> float(rosseland_mean_m2_kg(1e5, 1500.0).round(4))
    0.001
    """
    log_p = np.log10(np.asarray(p_pa, dtype=float) * 10.0)
    t = np.clip(np.asarray(t_k, dtype=float), 75.0, 4000.0)
    log_t = np.log10(t)
    low = (
        10.602 * np.arctan(log_t - 2.882)
        - 6.09e-15 / (log_p + 2.954) * np.exp((log_t + 2.526) ** 2) - 5.490
    )  # fmt: skip
    cool = -14.051 + 3.055 * log_t + 0.024 * log_t**2 + log_p * (1.877 - 0.445 * log_t)
    warm = 82.241 - 55.456 * log_t + 8.754 * log_t**2 + log_p * (0.7048 - 0.0414 * log_t)
    return np.asarray(0.1 * (10.0**low + 10.0 ** np.where(t <= 800.0, cool, warm)))


class _Column:
    """The closed form of columns with given effective temperatures."""

    def __init__(self, t_eff: Array, mu: Array, t_int: Array, flux: Array, tio: bool) -> None:
        log_t = np.log10(t_eff)
        rows = np.array(_WITH_TIO if tio else _WITHOUT_TIO)
        chosen = rows[np.searchsorted(rows[:, 0], t_eff, side="left")]
        cosine = np.maximum(mu, 0.02)
        self.visible = [
            10.0 ** (chosen[..., 1 + 2 * k] + chosen[..., 2 + 2 * k] * log_t) / cosine
            for k in range(3)
        ]
        beta = np.clip(chosen[..., 7] + chosen[..., 8] * log_t, 1e-3, 1 - 1e-3)
        planck = 10.0 ** (-2.36 * log_t**2 + 13.92 * log_t - 19.38)
        if not tio:
            hot = 10.0 ** (-12.45 * log_t**2 + 82.25 * log_t - 134.42)
            planck = np.where(t_eff > 1400.0, hot, planck)
        self.planck = planck = np.maximum(planck, 1.0 + 1e-6)
        r_t = (planck - 1.0) / (2.0 * beta * (1.0 - beta))
        ratio = 1.0 + r_t + np.sqrt(r_t**2 + r_t)
        self.g1 = g1 = beta + ratio - beta * ratio
        self.g2 = g2 = g1 / ratio
        self.limit = limit = np.sqrt(planck / 3.0) / (g1 * g2)
        self.t1 = g1**2 * np.log1p(1.0 / (limit * g1))
        self.t2 = g2**2 * np.log1p(1.0 / (limit * g2))
        self.internal = 0.75 * t_int**4
        self.flux = 0.75 * flux
        a0 = 1.0 / g1 + 1.0 / g2
        a1 = (
            -(planck / (1.0 - planck) * (g1 + g2 - 2.0) / (g1 + g2) + (g1 + g2) * limit
              - (self.t1 + self.t2) * limit**2) / (3.0 * limit**2)
        )  # fmt: skip
        gg = g1 * g2
        b0 = 1.0 / (
            gg / (g1 - g2) * (self.t1 - self.t2) / 3.0 - gg**2 / np.sqrt(3.0 * planck)
            - gg**3 / ((1.0 - g1) * (1.0 - g2) * (g1 + g2))
        )  # fmt: skip
        self.a1, self.b0 = a1, b0
        self.constant = (a0 + a1 * b0) / 3.0
        self.decaying = -(gg**2) * b0 / (3.0 * planck)
        self.bands = [self._band_safely(gamma) for gamma in self.visible]

    def at(self, depth: Array) -> Array:
        """Temperature at Rosseland optical depths, K."""
        fade = np.exp(-depth / self.limit)
        fourth = self.internal * (depth + self.constant + self.decaying * fade)
        for parts in self.bands:
            for weight, gamma, (c, d, e) in parts:
                fourth = fourth + self.flux * weight / 3.0 * (
                    c + d * fade + e * np.exp(-np.minimum(gamma * depth, 600.0))
                )
        return np.asarray(np.maximum(fourth, 1.0) ** 0.25)

    def _band_safely(self, gamma: Array) -> list[tuple[Array, Array, tuple[Array, Array, Array]]]:
        """The band as it is, or blended from both sides of the pole."""
        product = gamma * self.limit
        low, high = _POLE
        near = (product > low) & (product < high)
        share = np.where(near, (product - low) / (high - low), 0.0)
        first = np.where(near, low / self.limit, gamma)
        second = np.where(near, high / self.limit, 1.5 * high / self.limit)
        return [
            (1.0 - share, first, self._band(first)),
            (share, second, self._band(second)),
        ]

    def _band(self, gv: Array) -> tuple[Array, Array, Array]:
        g1, g2, limit, planck = self.g1, self.g2, self.limit, self.planck
        gg = g1 * g2
        v1 = g1**2 * np.log1p(gv / g1)
        v2 = g2**2 * np.log1p(gv / g2)
        q = (3.0 * g1**2 - gv**2) * (3.0 * g2**2 - gv**2)
        pole = 1.0 - (gv * limit) ** 2
        a2 = (
            limit**2 / (planck * gv**2)
            * (q * (g1 + g2) - 3.0 * gv * (6.0 * gg**2 - gv**2 * (g1**2 + g2**2))) / pole
        )  # fmt: skip
        a3 = -(limit**2) * q * (v1 + v2) / (planck * gv**3 * pole)
        b1 = -gg * q * limit**2 / (planck * gv**2 * pole)
        b2 = 3.0 * (g1 + g2) * gv**3 / q
        b3 = (v2 - v1) / (gv * (g1 - g2))
        inner = self.b0 * b1 * (1.0 + b2 + b3)
        c = -(inner * self.a1 + a2 + a3) / 3.0
        d = gg**2 * inner / (3.0 * planck)
        e = -(3.0 - (gv / g1) ** 2) * (3.0 - (gv / g2) ** 2) / (9.0 * gv * pole)
        return c, d, e


def _bond_albedo(t_irr: Array, t_int: Array, gravity: Array) -> Array:
    t = (t_int**4 + t_irr**4 / np.sqrt(3.0)) ** 0.25
    x, y = gravity**0.07, gravity**0.135
    a = np.select(
        [t <= 250.0, t <= 750.0, t <= 1250.0],
        [-0.335 * x, -0.335 * x + 2.149 * y, -0.335 * x - 0.428 * y],
        16.947 - 3.174 * x - 4.051 * y,
    )
    b = np.select([t <= 250.0, t <= 750.0, t <= 1250.0], [0.0 * y, -0.896 * y, 0.0 * y],
                  -5.472 + 0.917 * x + 1.170 * y)  # fmt: skip
    return np.asarray(np.minimum(10.0 ** (a + b * np.log10(t)), 0.6))


def _interpolated(axis: Array, values: Array, points: Array) -> Array:
    k = np.clip(np.searchsorted(axis, points, side="right") - 1, 0, axis.size - 2)
    f = np.clip((points - axis[k]) / (axis[k + 1] - axis[k]), 0.0, 1.0)
    return np.asarray(values[..., k] * (1 - f) + values[..., k + 1] * f)
