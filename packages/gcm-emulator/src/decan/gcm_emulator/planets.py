"""Planets of the grid: what a climate depends on, and the orbit that goes with a temperature.

A tidally locked planet rotates as it orbits, so at a fixed global temperature the host star
sets the rotation rate: hot hosts hold their planets far out and slow, cool hosts close and
fast. The global temperature is that of zero albedo and full redistribution,
``T_global = T_star sqrt(R_star / 2a)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from decan.core.data.numbers import in_unit

__all__ = [
    "HOSTS",
    "PLATO_LIKE",
    "Planet",
    "interior_temperature",
    "orbit_at",
]

SIGMA_SB = 5.670374419e-8
G_NEWTON = 6.6743e-11
AU_M = 1.495978707e11
R_SUN_M = 6.957e8
M_SUN_KG = 1.98841e30
R_JUP_M = 7.1492e7
DAY_S = 86400.0

HOSTS: dict[str, tuple[float, float, float]] = {
    "A5V": (8080.0, 1.785, 1.88),
    "F5V": (6550.0, 1.473, 1.33),
    "G5V": (5660.0, 0.977, 0.98),
    "K5V": (4440.0, 0.701, 0.70),
    "M2V": (3600.0, 0.45, 0.45),
}
"""Main-sequence hosts: temperature (K), radius and mass (solar); Pecaut & Mamajek 2013, rounded."""


def interior_temperature(t_global_k: float) -> float:
    """Interior temperature of an inflated hot Jupiter, after Thorngren et al. 2019.

    Parameters
    ----------
    t_global_k : float
        Global temperature, K.

    Returns
    -------
    float
        K; at least 100, the temperature of Jupiter.

    References
    ----------
    Thorngren, Gao & Fortney 2019, ApJL 884, L6, equation 3.

    Examples
    --------
    >>> round(interior_temperature(1600.0))
    623
    """
    flux = 4.0 * SIGMA_SB * t_global_k**4 / 1e6  # 1e9 erg/s/cm2
    return max(0.39 * t_global_k * math.exp(-((math.log10(flux) - 0.14) ** 2) / 1.0952), 100.0)


def orbit_at(
    t_global_k: float, t_star_k: float, r_star_rsun: float, m_star_msun: float
) -> tuple[float, float]:
    """Semi-major axis and period at which a planet has a global temperature.

    Parameters
    ----------
    t_global_k, t_star_k : float
        Global temperature of the planet and effective temperature of the star, K.
    r_star_rsun, m_star_msun : float
        Radius and mass of the star, solar.

    Returns
    -------
    a_au, period_day : float
        The orbit; a mathematical end point inside the star where
        ``t_global_k > t_star_k / sqrt(2)``.

    Examples
    --------
    >>> a_au, period_day = orbit_at(1600.0, *HOSTS["G5V"])
    >>> round(a_au, 4), round(period_day, 2)
    (0.0284, 1.77)
    """
    a_m = 0.5 * r_star_rsun * R_SUN_M * (t_star_k / t_global_k) ** 2
    period_s = 2.0 * math.pi * math.sqrt(a_m**3 / (G_NEWTON * m_star_msun * M_SUN_KG))
    return a_m / AU_M, period_s / DAY_S


@dataclass(frozen=True)
class Planet:
    """A tidally locked gas giant and its star: all that a climate of the grid depends on.

    Arguments may be astropy quantities. :meth:`at_temperature` and :meth:`on_orbit` derive
    what follows from the rest.

    Parameters
    ----------
    t_global_k : float
        Global temperature ``T_star sqrt(R_star / 2a)``, K.
    period_day : float
        Period of the orbit and of the rotation, days.
    t_star_k, r_star_rsun, m_star_msun : float
        Star: effective temperature (K), radius and mass (solar).
    a_au : float
        Semi-major axis, au.
    gravity_ms2 : float
        Surface gravity, m/s2.
    radius_rjup : float
        Radius of the planet, equatorial radii of Jupiter (7.1492e7 m).
    t_int_k : float
        Interior temperature, K.
    metallicity_dex : float
        Metallicity of the atmosphere, dex over solar.
    log_drag_s : float
        Logarithm of the time scale of an extra drag, s; 0 stands for none.
    tio : bool
        Whether TiO and VO are gaseous where it is hot enough.
    name : str
        What to call it.
    end_point : bool
        Whether an orbit inside the star is let pass: hot planets of cool hosts in a grid
        are mathematical end points. ``orbit_physical`` is then False.

    Raises
    ------
    ValueError
        If a value is not positive and finite, the planet is hotter than the star, or the
        orbit lies inside the star; the message holds the formula.

    Examples
    --------
    >>> planet = Planet.at_temperature(1600.0, host="G5V")
    >>> planet
    Planet(G5V 1600 K: 1600 K, 1.77 d, star 5660 K)
    >>> round(planet.omega_s * 1e5, 2)
    4.11
    """

    t_global_k: float
    period_day: float
    t_star_k: float
    r_star_rsun: float
    m_star_msun: float
    a_au: float
    gravity_ms2: float = 10.0
    radius_rjup: float = 1.35
    t_int_k: float = 100.0
    metallicity_dex: float = 0.0
    log_drag_s: float = 0.0
    tio: bool = True
    name: str = ""
    end_point: bool = False

    def __post_init__(self) -> None:
        for field, unit in _UNITS.items():
            value = float(in_unit(getattr(self, field), unit, field))
            object.__setattr__(self, field, value)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field} must be positive and finite, found {value:g}")
        if self.t_global_k >= self.t_star_k:
            raise ValueError(
                f"t_global_k = {self.t_global_k:g} is not below t_star_k = {self.t_star_k:g}; "
                "T_global = T_star sqrt(R_star / 2a) needs a > R_star / 2"
            )
        if not self.end_point and self.a_au * AU_M <= self.r_star_rsun * R_SUN_M:
            raise ValueError(
                f"a = {self.a_au:.4g} au is inside the star (R_star = "
                f"{self.r_star_rsun * R_SUN_M / AU_M:.4g} au): from a = (R_star / 2) (T_star / "
                "T_global)^2 a planet is outside only for T_global < T_star / sqrt(2); "
                "end_point=True lets a grid's mathematical end points pass"
            )

    @classmethod
    def at_temperature(
        cls,
        t_global_k: Any,
        *,
        host: str = "",
        star: tuple[float, float, float] | None = None,
        **others: Any,
    ) -> Planet:
        """A planet of this global temperature around a host; its orbit follows.

        Parameters
        ----------
        t_global_k : float
            Global temperature, K.
        host : str
            A spectral type of :data:`HOSTS`.
        star : (float, float, float), optional
            Temperature (K), radius and mass (solar) of another star.
        **others
            Further arguments of :class:`Planet`.

        Returns
        -------
        Planet
        """
        if star is None:
            if host not in HOSTS:
                raise ValueError(f"host {host!r} is not one of {', '.join(HOSTS)}; give star=")
            star = HOSTS[host]
        t_global = float(in_unit(t_global_k, "K", "t_global_k"))
        if not t_global > 0:
            raise ValueError(f"t_global_k must be positive, found {t_global:g}")
        a_au, period_day = orbit_at(t_global, *star)
        others.setdefault("t_int_k", interior_temperature(t_global))
        others.setdefault("name", f"{host or f'{star[0]:.0f} K star'} {t_global:.0f} K")
        return cls(t_global, period_day, *star, a_au, **others)

    @classmethod
    def on_orbit(
        cls,
        period_day: Any,
        *,
        t_star_k: Any,
        r_star_rsun: Any,
        m_star_msun: Any,
        **others: Any,
    ) -> Planet:
        """A planet of this period; semi-major axis and global temperature follow from the star.

        Parameters
        ----------
        period_day : float
            Orbital period, days.
        t_star_k, r_star_rsun, m_star_msun : float
            Temperature (K), radius and mass (solar) of the star.
        **others
            Further arguments of :class:`Planet`.

        Returns
        -------
        Planet
        """
        period = float(in_unit(period_day, "day", "period_day"))
        if not period > 0:
            raise ValueError(f"period_day must be positive, found {period:g}")
        mass = float(in_unit(m_star_msun, "solMass", "m_star_msun")) * M_SUN_KG
        radius = float(in_unit(r_star_rsun, "solRad", "r_star_rsun"))
        temperature = float(in_unit(t_star_k, "K", "t_star_k"))
        a_m = (G_NEWTON * mass * (period * DAY_S / (2 * math.pi)) ** 2) ** (1 / 3)
        t_global = temperature * math.sqrt(radius * R_SUN_M / (2 * a_m))
        others.setdefault("t_int_k", interior_temperature(t_global))
        return cls(t_global, period, temperature, radius, mass / M_SUN_KG, a_m / AU_M, **others)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], **others: Any) -> Planet:
        """A planet from named values, as a row of a table holds them.

        Parameters
        ----------
        values : mapping
            Names of the arguments of :class:`Planet`; what is not known is derived.
        **others
            Further arguments of :class:`Planet`.

        Returns
        -------
        Planet
        """
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        known.update(others)
        star = ("t_star_k", "r_star_rsun", "m_star_msun")
        lacking = [name for name in star if name not in known]
        if lacking:
            raise ValueError(f"a planet needs {', '.join(lacking)}; found {', '.join(values)}")
        if "t_global_k" in known and "period_day" not in known:
            t_global = known.pop("t_global_k")
            known.pop("a_au", None)
            numbers = [float(in_unit(known.pop(k), _UNITS[k], k)) for k in star]
            return cls.at_temperature(t_global, star=(numbers[0], numbers[1], numbers[2]), **known)
        if "t_global_k" not in known:
            if "period_day" not in known:
                raise ValueError("a planet needs t_global_k or period_day")
            known.pop("a_au", None)
            return cls.on_orbit(known.pop("period_day"), **known)
        plain = [float(in_unit(known[k], _UNITS[k], k)) for k in ("t_global_k", *star)]
        known.setdefault("a_au", orbit_at(plain[0], *plain[1:])[0])
        known.setdefault("t_int_k", interior_temperature(plain[0]))
        return cls(**known)

    @property
    def omega_s(self) -> float:
        """Rotation rate, radians a second."""
        return 2.0 * math.pi / (self.period_day * DAY_S)

    @property
    def radius_m(self) -> float:
        """Radius, m."""
        return self.radius_rjup * R_JUP_M

    @property
    def r_star_m(self) -> float:
        """Radius of the star, m."""
        return self.r_star_rsun * R_SUN_M

    @property
    def t_irr_k(self) -> float:
        """Irradiation temperature at the substellar point, K."""
        return math.sqrt(2.0) * self.t_global_k

    @property
    def roche_au(self) -> float:
        """Roche limit of a fluid planet, au: ``2.44 R_p (M_star / M_p)^(1/3)``."""
        mass = self.gravity_ms2 * self.radius_m**2 / G_NEWTON
        return 2.44 * self.radius_m * (self.m_star_msun * M_SUN_KG / mass) ** (1 / 3) / AU_M

    @property
    def orbit_physical(self) -> bool:
        """Whether the orbit lies outside the star and outside the Roche limit."""
        return self.a_au > max(self.r_star_rsun * R_SUN_M / AU_M, self.roche_au)

    def with_(self, **changes: Any) -> Planet:
        """The same planet with some values changed; nothing else is derived anew.

        Parameters
        ----------
        **changes
            Arguments of :class:`Planet`.

        Returns
        -------
        Planet
        """
        return replace(self, **changes)

    def __repr__(self) -> str:
        name = f"{self.name}: " if self.name else ""
        return (
            f"Planet({name}{self.t_global_k:.0f} K, {self.period_day:.3g} d, "
            f"star {self.t_star_k:.0f} K)"
        )


_UNITS = {
    "t_global_k": "K",
    "period_day": "day",
    "t_star_k": "K",
    "r_star_rsun": "solRad",
    "m_star_msun": "solMass",
    "a_au": "AU",
    "gravity_ms2": "m / s2",
    "radius_rjup": "jupiterRad",
    "t_int_k": "K",
}


def _like(name: str, t_k: float, star: tuple[float, float, float], period: float) -> Planet:
    a_m = (G_NEWTON * star[2] * M_SUN_KG * (period * DAY_S / (2 * math.pi)) ** 2) ** (1 / 3)
    return Planet(
        t_k, period, *star, a_m / AU_M, t_int_k=interior_temperature(t_k), name=f"{name}-like"
    )


PLATO_LIKE: tuple[Planet, ...] = (
    _like("WASP-121 b", 2358.0, (6459.0, 1.458, 1.353), 1.2749),
    _like("HATS-42 b", 1856.0, (6060.0, 1.48, 1.273), 2.2921),
    _like("NGTS-17 b", 1457.0, (5650.0, 1.337, 1.025), 3.2425),
    _like("WASP-23 b", 1119.0, (5150.0, 0.765, 0.78), 2.9444),
    _like("NGTS-1 b", 790.0, (3916.0, 0.573, 0.617), 2.6473),
)
"""Test planets of Plaschzug et al. 2025: real orbits, gravity and radius those of the grid."""
