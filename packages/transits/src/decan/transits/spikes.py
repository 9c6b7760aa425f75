"""Single bright rows: a cosmic ray that no flag caught is worth many transits in a mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .lightcurve import LightCurve

__all__ = ["without_spikes"]

_SPIKE_SIGMA = 8.0
_LEAST_SCATTER = 1e-7


def without_spikes(flat: LightCurve) -> LightCurve:
    """A light curve without its single bright rows.

    Parameters
    ----------
    flat : LightCurve
        Detrended.

    Returns
    -------
    LightCurve
        Without rows more than eight times the scatter above the median whose neighbours
        are not bright themselves: flares and bumps, which last, stay.

    Examples
    --------
    >>> from decan.transits import LightCurve
    >>> flux = 1 + np.random.default_rng(0).normal(0, 1e-3, 200)
    >>> flux[[50, 100, 101]] = 1.5
    >>> len(without_spikes(LightCurve(np.arange(200.0), flux)))
    199
    """
    high = flat.flux - np.median(flat.flux)
    scatter = max(float(1.4826 * np.median(np.abs(high))), _LEAST_SCATTER)
    low = high < 0.5 * _SPIKE_SIGMA * scatter
    alone = np.append(True, low[:-1]) & np.append(low[1:], True)
    spikes = (high > _SPIKE_SIGMA * scatter) & alone
    return flat.derived(~spikes) if spikes.any() else flat
