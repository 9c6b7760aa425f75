"""Light curves of transits: a small dark disc before a limb-darkened star.

Our own integration over rings of the star needs nothing beyond NumPy; ``batman`` does the same
where it is installed (the extra ``physics``), and both agree to a part in a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ENGINES", "transit_model"]

ENGINES = ("rings", "batman")
"""Who computes: our rings, or the package ``batman``."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_SUBSAMPLES = 7


def transit_model(
    time: ArrayLike,
    *,
    period_day: float,
    epoch: float,
    ratio: float,
    distance: float,
    impact: float,
    limb_darkening: tuple[float, float] = (0.4, 0.25),
    exposure_minutes: float = 0.0,
    engine: str = "rings",
) -> NDArray[np.float64]:
    """Flux of a star with a transiting planet on a circular orbit.

    Parameters
    ----------
    time : array_like of float, shape (n,)
        Days.
    period_day, epoch : float
        Period and mid-transit, days.
    ratio : float
        Radius of the planet over that of the star.
    distance : float
        Semi-major axis over the radius of the star.
    impact : float
        Impact parameter, stellar radii.
    limb_darkening : tuple of float
        Linear and quadratic coefficient.
    exposure_minutes : float
        Length of an exposure, over which the flux is averaged.
    engine : {'rings', 'batman'}
        Who computes.

    Returns
    -------
    ndarray of float, shape (n,)
        1 out of transit.

    Raises
    ------
    ValueError
        If the engine is unknown, or the orbit lies within the star.
    ImportError
        If ``batman`` is asked for and not installed.

    References
    ----------
    Mandel & Agol 2002, ApJ 580, L171; Kreidberg 2015, PASP 127, 1161 (batman).

    Examples
    --------
    >>> flux = transit_model([0.0, 1.0], period_day=5.0, epoch=0.0, ratio=0.1, distance=12.0,
    ...                      impact=0.0)
    >>> flux.round(4)
    array([0.9879, 1.    ])
    """
    if engine not in ENGINES:
        raise ValueError(f"engine: expected one of {', '.join(ENGINES)}, found {engine!r}")
    if not distance > max(1.0, impact):
        raise ValueError(
            f"distance: expected more than one stellar radius and than impact ({impact:g}), "
            f"found {distance:g}"
        )
    times = np.asarray(time, dtype=float)
    if exposure_minutes > 0:
        # Midpoints of equal parts of the exposure; batman's own samples reach its ends.
        steps = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5
        times = times[:, None] + steps * exposure_minutes / 1440
    model = _with_batman if engine == "batman" else _with_rings
    flux = model(times.ravel(), period_day, epoch, ratio, distance, impact, limb_darkening)
    return flux.reshape(times.shape).mean(axis=1) if exposure_minutes > 0 else flux


def _with_rings(
    times: NDArray[np.float64],
    period: float,
    epoch: float,
    ratio: float,
    distance: float,
    impact: float,
    limb_darkening: tuple[float, float],
) -> NDArray[np.float64]:
    angle = 2 * np.pi * (times - epoch) / period
    apart = np.hypot(distance * np.sin(angle), impact * np.cos(angle))
    flux = np.ones_like(apart)
    near = (apart < 1 + ratio) & (np.cos(angle) > 0)
    flux[near] -= _hidden(apart[near], ratio, limb_darkening)
    return flux


def _hidden(
    apart: NDArray[np.float64], ratio: float, limb_darkening: tuple[float, float]
) -> NDArray[np.float64]:
    """Share of the star's light behind a disc whose centre is this far from the star's."""
    linear, quadratic = limb_darkening

    def brightness(radius: NDArray[Any]) -> NDArray[np.float64]:
        cosine = np.sqrt(np.clip(1 - radius**2, 0.0, 1.0))
        return np.asarray(1 - linear * (1 - cosine) - quadratic * (1 - cosine) ** 2)

    # Rings that the disc cuts: from |z - k| to z + k or the limb. The substitution takes the
    # square roots at both ends away.
    low, high = np.abs(apart - ratio), np.minimum(apart + ratio, 1.0)
    low = np.minimum(low, high)
    theta = 0.5 * np.pi * _NODES
    middle, half = 0.5 * (high + low)[:, None], 0.5 * (high - low)[:, None]
    radius = middle + half * np.sin(theta)
    cosine = (radius**2 + apart[:, None] ** 2 - ratio**2) / np.maximum(
        2 * radius * apart[:, None], 1e-12
    )
    covered = 2 * np.arccos(np.clip(cosine, -1.0, 1.0))
    integrand = brightness(radius) * radius * covered * half * np.cos(theta)
    cut = (0.5 * np.pi * _WEIGHTS * integrand).sum(axis=1)
    # Rings that lie behind the disc all around.
    whole = np.minimum(np.maximum(ratio - apart, 0.0), 1.0)
    rest = np.sqrt(1 - whole**2)
    base = 1 - linear - quadratic
    inner = 2 * np.pi * (
        base * whole**2 / 2
        + (linear + 2 * quadratic) * (1 - rest**3) / 3
        - quadratic * (1 - rest**4) / 4
    )  # fmt: skip
    return np.asarray((cut + inner) / (np.pi * (1 - linear / 3 - quadratic / 6)))


def _with_batman(
    times: NDArray[np.float64],
    period: float,
    epoch: float,
    ratio: float,
    distance: float,
    impact: float,
    limb_darkening: tuple[float, float],
) -> NDArray[np.float64]:
    try:
        import batman
    except ImportError as error:
        raise ImportError(
            "engine='batman' needs the package batman: pip install 'decan-transits[physics]'"
        ) from error
    orbit = batman.TransitParams()
    orbit.t0, orbit.per, orbit.rp, orbit.a = epoch, period, ratio, distance
    orbit.inc = float(np.degrees(np.arccos(impact / distance)))
    orbit.ecc, orbit.w = 0.0, 90.0
    orbit.u, orbit.limb_dark = list(limb_darkening), "quadratic"
    return np.asarray(batman.TransitModel(orbit, times).light_curve(orbit))
