"""What a survey can see: the probability to detect a planet, by semi-major axis and mass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit

from . import orbits

__all__ = ["RV", "Star", "Survey", "Transit", "mass_radius", "radius_mass"]

_EARTH_IN_SOLAR_RADII = 1 / 109.076
_SOLAR_RADIUS_AU = 0.00465047


@dataclass(frozen=True)
class Star:
    """A star: what a survey and Kepler's third law need to know.

    Parameters
    ----------
    mass : float or Quantity
        Solar masses; NaN is unknown.
    radius : float or Quantity, optional
        Solar radii; by its mass, on the main sequence, where not given.
    luminosity : float or Quantity, optional
        Solar; by its mass where not given.
    name : str
        For messages.

    Raises
    ------
    ValueError
        If the radius is not positive, or a unit is of another kind.

    Examples
    --------
    >>> round(Star(mass=0.5).bright, 4), round(Star(mass=0.5).size, 2)
    (0.0625, 0.57)
    """

    mass: float = float("nan")
    radius: float | None = None
    luminosity: float | None = None
    name: str = "the star"

    def __post_init__(self) -> None:
        for name, unit in (("mass", "solMass"), ("radius", "solRad"), ("luminosity", "solLum")):
            object.__setattr__(self, name, in_unit(getattr(self, name), unit, name))
        if self.radius is not None and self.radius <= 0:
            raise ValueError(f"{self.name}: radius {self.radius:g}, expected a positive one")

    @property
    def bright(self) -> float:
        """Luminosity, solar."""
        given = self.luminosity
        return float(orbits.luminosity(self.mass)) if given is None else given

    @property
    def size(self) -> float:
        """Radius, solar: M^0.8 up to the Sun's mass and M^0.57 above where it is not given."""
        if self.radius is not None:
            return self.radius
        return float(self.mass ** (0.8 if self.mass <= 1 else 0.57))

    def need_mass(self, why: str) -> float:
        """The mass, or an error that names the star.

        Raises
        ------
        ValueError
            If the mass is unknown.
        """
        if not self.mass > 0:
            raise ValueError(f"{self.name}: its mass is unknown, and {why} needs it")
        return self.mass


def mass_radius(mass_earth: ArrayLike) -> NDArray[np.float64]:
    """Radius of a planet by its mass, continuous broken power laws.

    Parameters
    ----------
    mass_earth : array_like
        Earth masses.

    Returns
    -------
    ndarray
        Earth radii.

    References
    ----------
    Chen & Kipping 2017, ApJ 834, 17 (exponents 0.279, 0.589, -0.044; breaks at 2.04
    Earth and 0.414 Jupiter masses).

    Examples
    --------
    >>> mass_radius([1.0, 17.0, 318.0]).round(1)
    array([ 1. ,  4.3, 13.8])
    """
    m = np.asarray(mass_earth, float)
    neptune = 1.008 * 2.04 ** (0.279 - 0.589) * m**0.589
    top = 0.414 * orbits.JUPITER_IN_EARTH
    jupiter = 1.008 * 2.04 ** (0.279 - 0.589) * top ** (0.589 + 0.044) * m**-0.044
    return np.asarray(np.where(m < 2.04, 1.008 * m**0.279, np.where(m < top, neptune, jupiter)))


def radius_mass(radius_earth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mass of a planet by its radius, and how far planets of one radius spread about it.

    The inverse of :func:`mass_radius` up to its largest radius; larger planets may have any
    mass, and get none.

    Parameters
    ----------
    radius_earth : array_like
        Earth radii.

    Returns
    -------
    mass, error : ndarray
        Earth masses, NaN beyond 14 Earth radii. The spread is that of radii at a given mass
        (4 % for rocky, 15 % for gaseous planets) through the slope.

    References
    ----------
    Chen & Kipping 2017, ApJ 834, 17.

    Examples
    --------
    >>> mass, error = radius_mass([1.0, 4.3, 20.0])
    >>> mass.round(1), error.round(1)
    (array([ 1. , 17.1,  nan]), array([0.1, 4.2, nan]))
    """
    r = np.asarray(radius_earth, float)
    edge, top = mass_radius([2.04, 0.414 * orbits.JUPITER_IN_EARTH])
    with np.errstate(invalid="ignore"):
        rocky = 2.04 * (r / edge) ** (1 / 0.279)
        gaseous = 2.04 * (r / edge) ** (1 / 0.589)
        mass = np.where(r < edge, rocky, np.where(r <= top, gaseous, np.nan))
        mass = np.where(r > 0, mass, np.nan)
    return mass, mass * np.where(r < edge, 0.04 / 0.279, 0.146 / 0.589)


class Survey:
    """Any survey, by its detection probability.

    Parameters
    ----------
    p_det : callable
        ``p_det(a_au, mass_earth, star)`` gives probabilities between 0 and 1.
    name : str
        For plots and tables.

    Examples
    --------
    >>> inner = Survey(lambda a, m, star: (a < 1.0) * 0.9, name="within 1 au")
    >>> inner.detection([0.5, 2.0], [1.0, 1.0], Star(mass=1.0))
    array([0.9, 0. ])
    """

    def __init__(self, p_det: Callable[[Any, Any, Star], Any], name: str = "survey") -> None:
        self.p_det, self.name = p_det, name

    def detection(self, a_au: ArrayLike, mass_earth: ArrayLike, star: Star) -> NDArray[np.float64]:
        """Probability to detect each planet.

        Parameters
        ----------
        a_au, mass_earth : array_like
            Semi-major axes (au) and masses (Earth masses).
        star : Star

        Returns
        -------
        ndarray

        Raises
        ------
        ValueError
            If a probability is outside [0, 1] or not a number.
        """
        found = np.asarray(
            self.p_det(np.asarray(a_au, float), np.asarray(mass_earth, float), star), float
        )
        found = np.broadcast_to(found, np.shape(a_au))
        if not ((found >= 0) & (found <= 1)).all():
            bad = found[~((found >= 0) & (found <= 1))].flat[0]
            raise ValueError(f"{self.name}: detection probability {bad}, expected 0 to 1")
        return found

    def __repr__(self) -> str:
        return f"<{self.name}>"


class RV(Survey):
    """A radial-velocity survey that sees planets above a semi-amplitude.

    Parameters
    ----------
    k_limit_m_s : float
        Semi-amplitude detected with probability one half, m/s.
    soft : float
        Relative width of the transition; 0 is a sharp limit.
    max_period_day : float
        Longest period that the time base allows to see.
    inclined : bool
        Whether the orbits' inclinations are unknown: then the probability is the mean
        over isotropic orientations. Otherwise they are taken edge-on.

    Examples
    --------
    >>> RV(1.0).detection([0.1, 1.0], [5.0, 5.0], Star(mass=1.0))
    array([1., 0.])
    """

    def __init__(
        self,
        k_limit_m_s: float,
        *,
        soft: float = 0.0,
        max_period_day: float = np.inf,
        inclined: bool = False,
    ) -> None:
        k_limit_m_s = in_unit(k_limit_m_s, "m/s", "k_limit_m_s")
        max_period_day = in_unit(max_period_day, "day", "max_period_day")
        if not k_limit_m_s > 0:
            raise ValueError(f"k_limit_m_s: found {k_limit_m_s}, expected a positive limit")
        self.k_limit_m_s, self.soft = float(k_limit_m_s), float(soft)
        self.max_period_day, self.inclined = float(max_period_day), inclined
        super().__init__(self._seen, name=f"RV, K > {k_limit_m_s:g} m/s")

    def _seen(self, a: Any, m: Any, star: Star) -> Any:
        mass = star.need_mass("a limit in K")
        ratio = orbits.rv_semi_amplitude(a, m, mass) / self.k_limit_m_s
        if self.inclined:
            # K scales with sin i, cos i uniform: P(sin i > 1 / ratio).
            seen = np.sqrt(np.maximum(0.0, 1 - 1 / np.maximum(ratio, 1e-12) ** 2))
        elif self.soft > 0:
            seen = 1 / (1 + np.exp(-np.clip(np.log(ratio) / self.soft * 1.702, -50, 50)))
        else:
            seen = (ratio > 1).astype(float)
        return np.where(orbits.period_day(a, mass) <= self.max_period_day, seen, 0.0)


class Transit(Survey):
    """A transit survey: the orbit must cross the star, and the signal stand out.

    Parameters
    ----------
    snr : float
        Signal to noise detected with probability one half (sigma 1, as in Kepler's
        pipeline).
    noise_ppm : float
        Noise of one hour, ppm.
    span_day : float
        Time observed; at least two transits must fall into it.
    aligned_deg : float, optional
        Spread of inclinations about edge-on, degrees, where other planets of the star
        are known to transit. Without it orientations are isotropic.

    Examples
    --------
    >>> Transit(snr=7).detection([0.05], [5.0], Star(mass=1.0)).round(2)
    array([0.09])
    """

    def __init__(
        self,
        snr: float = 7.1,
        *,
        noise_ppm: float = 60.0,
        span_day: float = 1460.0,
        aligned_deg: float | None = None,
    ) -> None:
        span_day = in_unit(span_day, "day", "span_day")
        if not (snr > 0 and noise_ppm > 0 and span_day > 0):
            raise ValueError("snr, noise_ppm and span_day must be positive")
        self.snr, self.noise_ppm, self.span_day = float(snr), float(noise_ppm), float(span_day)
        self.aligned_deg = aligned_deg
        super().__init__(self._seen, name=f"transits, SNR > {snr:g}")

    def _seen(self, a: Any, m: Any, star: Star) -> Any:
        from scipy.special import erf, ndtr

        mass = star.need_mass("a transit's duration")
        period = orbits.period_day(a, mass)
        ratio = np.minimum(star.size * _SOLAR_RADIUS_AU / a, 1.0)
        if self.aligned_deg is None:
            crosses = ratio
        else:
            crosses = erf(np.degrees(np.arcsin(ratio)) / (np.sqrt(2) * self.aligned_deg))
        depth = (mass_radius(m) * _EARTH_IN_SOLAR_RADII / star.size) ** 2 * 1e6
        hours = np.maximum(24 * period / np.pi * ratio * np.pi / 4, 0.1)
        number = self.span_day / period
        signal = depth / self.noise_ppm * np.sqrt(hours * np.maximum(number, 0))
        return crosses * ndtr(signal - self.snr) * (number >= 2)


def combined_detection(
    surveys: Survey | Sequence[Survey] | None, a_au: ArrayLike, mass_earth: ArrayLike, star: Star
) -> NDArray[np.float64]:
    """Probability that at least one of several independent surveys sees each planet."""
    if surveys is None:
        return np.zeros(np.shape(a_au))
    several = [surveys] if isinstance(surveys, Survey) else list(surveys)
    missed = np.ones(np.shape(a_au))
    for survey in several:
        missed = missed * (1 - survey.detection(a_au, mass_earth, star))
    return np.asarray(1 - missed)
