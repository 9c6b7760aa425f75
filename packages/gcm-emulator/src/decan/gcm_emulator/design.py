"""Which planet to simulate next: the one that would take away most of what is not known.

Where a Gaussian process is evaluated does not depend on what is found there, so that the
knowledge after a run can be computed before it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from decan.core.errors import DecanError

from .backends import BasisGP
from .planets import Planet

if TYPE_CHECKING:
    import pandas as pd

    from .emulator import FieldEmulator

__all__ = ["rank_candidates"]


def rank_candidates(
    emulator: FieldEmulator, candidates: Sequence[Planet], *, field: str = "T"
) -> pd.DataFrame:
    """Candidates for the next runs, in the order in which they should be made.

    Each is the one that leaves the least unknown once those before it are known too.

    Parameters
    ----------
    emulator : FieldEmulator
        Fitted, with the back end 'basis-gp'.
    candidates : sequence of Planet
        Planets that could be simulated, which also stand for those one wants to predict.
    field : {'T', 'u', 'v', 'w'}
        Field whose error counts.

    Returns
    -------
    pandas.DataFrame
        One row a candidate: ``planet``, its parameters, ``std_before`` (scaled standard
        deviation of its own climate, mean over the cells), ``mean_std_after`` (of all
        candidates once it and those above it are run), ``extrapolated``.

    Raises
    ------
    DecanError
        If the back end knows no errors.

    Examples
    --------
    >>> from decan.gcm_emulator import FieldEmulator, simulate_grid
    >>> grid = simulate_grid(hosts=["G5V", "K5V"], t_global_k=[800, 1000, 2400], rng=0)
    >>> emulator = FieldEmulator(fields=["T"]).fit(grid)
    >>> candidates = [Planet.at_temperature(t, host="G5V") for t in (900, 1600)]
    >>> rank_candidates(emulator, candidates)["planet"][0]
    'G5V 1600 K'
    """
    import pandas as pd

    backend = emulator._backend
    if not isinstance(backend, BasisGP):
        raise DecanError(f"the back end {emulator.backend!r} knows no errors; use 'basis-gp'")
    part = backend.fields[field]
    inputs = emulator.inputs_.standardised(candidates)
    unknown = part.processes.posterior(inputs)
    before = np.einsum("kii->i", unknown)
    noise = part.processes.noise
    scale = 1.0 / np.sqrt((part.modes.root**2).sum())
    rows = []
    left = list(range(len(candidates)))
    while left:
        # Variance of every candidate (columns) once each (rows) is known.
        own = np.einsum("kii->ki", unknown)[:, left]
        taken = unknown[:, left] ** 2 / (own + noise[:, None])[:, :, None]
        after = np.einsum("kii->i", unknown)[None, :] - taken.sum(axis=0)
        typical = np.sqrt(np.maximum(after, 0.0)).mean(axis=1)
        k = left.pop(int(typical.argmin()))
        line = unknown[:, k]
        unknown = unknown - line[:, :, None] * line[:, None, :] / (
            line[:, k] + noise)[:, None, None]  # fmt: skip
        planet = candidates[k]
        rows.append({
            "planet": planet.name, "t_global_k": planet.t_global_k,
            "period_day": planet.period_day, "t_star_k": planet.t_star_k,
            "gravity_ms2": planet.gravity_ms2,
            "std_before": float(np.sqrt(max(before[k], 0.0)) * scale),
            "mean_std_after": float(typical.min() * scale),
            "extrapolated": emulator.inputs_.distance(planet) > 0,
        })  # fmt: skip
    return pd.DataFrame(rows)
