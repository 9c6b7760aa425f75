"""How strange a system is to a generator, among systems of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .systems import Systems

if TYPE_CHECKING:
    from .generator import SystemGenerator

__all__ = ["anomaly"]


def anomaly(
    generator: SystemGenerator,
    systems: Systems,
    *,
    n: int = 4000,
    context: str | Mapping[str, Any] = "prior",
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """How strange systems are to this generator, among its own of like multiplicity.

    Parameters
    ----------
    generator : SystemGenerator
    systems : Systems
    n : int
        Own systems to compare with.
    context : str or mapping
        Stars and discs of the own systems; all are scored with an unknown context.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    DataFrame
        ``log_prob``, ``p_value`` (share of own systems, of as many planets or nearly,
        that are at most as probable), ``low`` and ``high`` (its 16th and 84th
        percentile, Jeffreys), ``n`` (own systems compared with), ``extrapolated``.

    Examples
    --------
    >>> from decan.planetary_systems.chains import exact_generator
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> chain = MarkovGaps()
    >>> table = anomaly(exact_generator(chain), chain.sample(3, rng=0), n=200, rng=0)
    >>> bool(table["p_value"].between(0, 1).all())
    True
    """
    from scipy.stats import beta

    own = generator.sample(n, context=context, rng=rng)
    unknown = generator.context
    scores = generator.log_prob(own, without=unknown)
    rows = []
    judged = generator.log_prob(systems, without=unknown)
    for count, score, far in zip(
        systems.counts, judged, generator.extrapolated(systems), strict=True
    ):
        distance = np.abs(own.counts - count)
        # As near in multiplicity as gives a hundred to compare with.
        reach = np.sort(distance)[min(100, n) - 1]
        like = scores[distance <= max(reach, 0)]
        below = int((like <= score).sum())
        low, high = (float(beta.ppf(q, below + 0.5, len(like) - below + 0.5)) for q in (0.16, 0.84))
        rows.append(
            {
                "log_prob": score,
                "p_value": below / len(like),
                "low": low,
                "high": high,
                "n": len(like),
                "extrapolated": far,
            }
        )
    return pd.DataFrame(rows)
