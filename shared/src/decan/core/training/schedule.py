"""Learning rates as closed forms of the step, so that a resumed run needs no scheduler state."""

from __future__ import annotations

import math

__all__ = ["SCHEDULES", "learning_rate_at"]

SCHEDULES = ("constant", "cosine", "one-cycle")

# Share of all steps in which a cosine schedule climbs linearly to its peak.
_COSINE_WARM_UP = 0.05
# The constants of Smith & Topin's policy as every implementation ships them.
_CYCLE_RISE, _CYCLE_START, _CYCLE_END = 0.3, 25.0, 1e4


def learning_rate_at(schedule: str, step: int, total: int, peak: float) -> float:
    """Learning rate of one optimiser step.

    Parameters
    ----------
    schedule : {"constant", "cosine", "one-cycle"}
        ``"cosine"`` climbs linearly in the first 5 % of the steps and then falls
        to zero on half a cosine. ``"one-cycle"`` climbs on half a cosine from
        ``peak / 25`` in the first 30 % and falls to ``peak / 250_000``.
    step : int
        The step, counted from 0.
    total : int
        Steps of the whole run.
    peak : float
        The largest learning rate.

    Returns
    -------
    float
        The learning rate.

    Raises
    ------
    ValueError
        If the schedule is unknown.

    References
    ----------
    Loshchilov & Hutter 2017, SGDR (ICLR), equation 5; Smith & Topin 2018,
    Super-convergence (arXiv 1708.07120).

    Examples
    --------
    >>> [round(learning_rate_at("cosine", step, 100, 1.0), 3) for step in (0, 4, 5, 99)]
    [0.2, 1.0, 1.0, 0.0]
    """
    if schedule == "constant":
        return peak
    if schedule == "cosine":
        rise = max(1, round(_COSINE_WARM_UP * total))
        if step < rise:
            return peak * (step + 1) / rise
        return _half_cosine(peak, 0.0, (step - rise) / max(1, total - rise))
    if schedule == "one-cycle":
        start = peak / _CYCLE_START
        top = _CYCLE_RISE * total - 1
        if step <= top:
            return _half_cosine(start, peak, step / top if top > 0 else 1.0)
        return _half_cosine(peak, start / _CYCLE_END, (step - top) / max(1.0, total - 1 - top))
    raise ValueError(f"schedule={schedule!r}: expected one of {', '.join(SCHEDULES)}")


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
