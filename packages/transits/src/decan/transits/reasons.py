"""What speaks for and against a planet: measurements turned into words with their weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .diagnostics import Diagnostics
    from .pixels import SourceOffset

__all__ = ["Reason", "reasons_of"]

ODD_EVEN_SIGMA = 4.0
"""Difference of odd and even depths from which a signal is an eclipsing binary."""
SECONDARY_SIGMA = 5.0
"""Least significance of a secondary that counts."""
SECONDARY_SHARE = 0.1
"""Secondary over primary depth from which the companion shines by itself (Robovetter)."""
STAR_RADIUS = 22.0
"""Radius, Earth radii, from which a companion is a star (twice Jupiter)."""
OFFSET_SIGMA = 4.0
"""Significance of an offset that counts."""
OFFSET_ARCSEC = 1.0
"""Smaller offsets are within the errors of catalogues and crowding."""
GHOST_RATIO = 1.5
"""Depth in the halo over depth in the core from which the light comes from elsewhere."""
HALF_PHASE = 0.02
"""A dip this close to half an orbit is the transit at half the period."""
WRONG_PERIOD = "WRONG_PERIOD"
"""Flag of a signal that repeats at twice its period; the Robovetter has none."""
LEAST_MES = 7.1
"""Detection threshold of the missions' pipelines."""
LEAST_IMAGE = 5.0
"""Signal-to-noise ratio from which a difference image shows a source."""


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for or against a planet.

    Parameters
    ----------
    text : str
        In plain words, with its number.
    weight : {-2, -1, 0, 1}
        1 speaks for a planet, 0 is a note, -1 speaks against, -2 decides against.
    flag : str
        The test's name in the Robovetter's words where it has one.

    Examples
    --------
    >>> print(Reason("odd and even transits agree (0.4 sigma)", 1))
    + odd and even transits agree (0.4 sigma)
    """

    text: str
    weight: int
    flag: str = ""

    def __str__(self) -> str:
        return f"{ {1: '+', 0: ' ', -1: '-', -2: '!'}[self.weight] } {self.text}".strip()


def reasons_of(
    found: Diagnostics, star: Mapping[str, Any], offset: SourceOffset | None = None
) -> tuple[Reason, ...]:
    """What the measurements say, the weightiest first.

    Parameters
    ----------
    found : Diagnostics
        Measurements on the light curve.
    star : mapping of str to float
        Its ``radius`` (solar radii), if it is known.
    offset : SourceOffset, optional
        The source's offset from pixels, which counts instead of the photocentre's.

    Returns
    -------
    tuple of Reason

    Examples
    --------
    >>> from decan.transits import diagnose, simulate_signal
    >>> made = simulate_signal("planet", span_day=27.0, rng=1)
    >>> reasons_of(diagnose(made.lightcurve, made.signal), {})[-1].weight
    1
    """
    reasons = [
        *_about_strength(found),
        *_about_period(found),
        *_about_odd_even(found),
        *_about_secondary(found),
        *_about_halo(found),
        *(_about_pixels(offset) if offset is not None else _about_photocentre(found)),
        *_about_size(found, star),
    ]
    return tuple(sorted(reasons, key=lambda reason: (reason.weight, reason.text)))


def _about_strength(found: Diagnostics) -> list[Reason]:
    count = f"{found.n_transits} transit{'s' if found.n_transits != 1 else ''}"
    text = f"{count} with data, {found.n_good} complete, {found.mes:.1f} sigma together"
    return [Reason(text, 1 if found.mes >= LEAST_MES else -1, "")]


def _about_period(found: Diagnostics) -> list[Reason]:
    if found.period_factor == 0.5:
        text = (
            f"half an orbit away the light dips as deeply ({found.half_depth_ppm:,.0f} ± "
            f"{found.half_err_ppm:,.0f} ppm): half the period, or two stars alike"
        )
        return [Reason(text, -1, "PLANET_PERIOD_IS_HALF_DV")]
    if found.period_factor == 2.0:
        which = "odd" if found.odd_depth_ppm < found.even_depth_ppm else "even"
        text = f"{which} transits are missing: twice the period, a planet's or a binary's"
        return [Reason(text, -1, WRONG_PERIOD)]
    return []


def _about_odd_even(found: Diagnostics) -> list[Reason]:
    if found.period_factor == 2.0:
        return []
    sigma = abs(found.odd_even_sigma)
    if not np.isfinite(sigma):
        return [Reason("odd and even transits cannot be compared", 0)]
    if sigma >= ODD_EVEN_SIGMA:
        text = (
            f"odd and even transits differ by {sigma:.1f} sigma "
            f"({found.odd_depth_ppm:,.0f} and {found.even_depth_ppm:,.0f} ppm): "
            "a binary at twice the period"
        )
        return [Reason(text, -2, "DEPTH_ODDEVEN")]
    agree = "agree" if sigma < 3 else "differ a little"
    return [Reason(f"odd and even transits {agree} ({sigma:.1f} sigma)", 1 if sigma < 3 else -1)]


def _about_secondary(found: Diagnostics) -> list[Reason]:
    away = abs(found.secondary_phase - 0.5)
    if found.period_factor == 0.5 and away < HALF_PHASE:
        return []
    if not np.isfinite(found.secondary_sigma):
        return [Reason("no data outside the transit to search for a secondary", 0)]
    share = found.secondary_depth_ppm / found.depth_ppm if found.depth_ppm > 0 else np.inf
    real = (
        found.secondary_sigma > max(SECONDARY_SIGMA, found.secondary_limit + 1)
        and found.secondary_sigma > found.positive_sigma + 2
    )
    if not real:
        text = (
            f"no secondary eclipse: strongest dip elsewhere {found.secondary_sigma:.1f} sigma, "
            f"strongest bump {found.positive_sigma:.1f}"
        )
        return [Reason(text, 1)]
    text = (
        f"secondary of {found.secondary_depth_ppm:,.0f} ppm ({share:.1%} of the transit) at "
        f"phase {found.secondary_phase:.3f}, {found.secondary_sigma:.1f} sigma"
    )
    if share > SECONDARY_SHARE:
        return [Reason(f"{text}: the companion shines by itself", -2, "MOD_SEC_DV")]
    return [Reason(f"{text}: shallow enough for a hot planet", -1, "MOD_SEC_DV")]


def _about_halo(found: Diagnostics) -> list[Reason]:
    if not np.isfinite(found.ghost):
        return []
    excess = (found.ghost - 1.0) / found.ghost_err
    text = f"depth in the halo {found.ghost:.2f} ± {found.ghost_err:.2f} of that in the core"
    if found.ghost > GHOST_RATIO and excess > OFFSET_SIGMA:
        return [Reason(f"{text}: the light comes from elsewhere", -2, "HALO_GHOST")]
    return [Reason(text, 1 if found.ghost < GHOST_RATIO else 0)]


def _about_photocentre(found: Diagnostics) -> list[Reason]:
    if np.isfinite(found.source_offset):
        sigma = found.source_offset / found.source_offset_err
        return [_about_offset("source", found.source_offset, found.source_offset_err, sigma)]
    if np.isfinite(found.centroid_sigma):
        moves = f"photocentre moves by {found.centroid_sigma:.1f} sigma in transit"
        return [Reason(f"{moves}; without a scale this says nothing of the distance", 0)]
    return []


def _about_pixels(offset: SourceOffset) -> list[Reason]:
    if offset.snr < LEAST_IMAGE:
        text = f"the difference image shows nothing ({offset.snr:.1f} sigma): no offset from pixels"
        return [Reason(text, 0)]
    name = "source in the difference image"
    return [_about_offset(name, offset.arcsec, offset.error, offset.sigma)]


def _about_offset(name: str, arcsec: float, error: float, sigma: float) -> Reason:
    text = f"{name} {arcsec:.2g} ± {error:.2g} arcsec from the star"
    if sigma > OFFSET_SIGMA and arcsec > OFFSET_ARCSEC:
        return Reason(f"{text}: another star", -2, "CENT_RESOLVED_OFFSET")
    return Reason(text, 1)


def _about_size(found: Diagnostics, star: Mapping[str, Any]) -> list[Reason]:
    reasons = []
    radius = star.get("radius")
    if radius is not None and np.isfinite(radius) and found.depth_ppm > 0:
        size = float(np.sqrt(found.depth_ppm * 1e-6) * radius * 109.1)
        text = f"radius of about {size:.1f} Earth radii"
        if size > STAR_RADIUS:
            reasons.append(Reason(f"{text}: a star", -2, "DEEP_V_SHAPED"))
        else:
            reasons.append(Reason(text, 1))
    if np.isfinite(found.shape) and found.mes > 15:
        shape = "flat-bottomed" if found.shape > 0.65 else "between U and V"
        if found.shape < 0.5:
            reasons.append(Reason(f"V-shaped (outer over inner depth {found.shape:.2f})", -1))
        else:
            reasons.append(Reason(f"{shape} (outer over inner depth {found.shape:.2f})", 1))
    return reasons
