"""Whether a generator stops too early: its probability to stop against how often systems do.

Each point of real systems is shown to the network as it is; what it then says of the stop is
held against what happened. On systems of its own the two must agree.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from .systems import Systems
from .walks import walk_of

if TYPE_CHECKING:
    from .generator import SystemGenerator

__all__ = ["stop_table"]


@torch.inference_mode()
def stop_table(
    generator: SystemGenerator, systems: Systems, *, edges: tuple[float, ...] = (-1, 0, 0.5, 1)
) -> pd.DataFrame:
    """How often systems end after a planet at some place, and how often it was foretold.

    Parameters
    ----------
    generator : SystemGenerator
        Its first network is asked.
    systems : Systems
        Real ones, or drawn ones.
    edges : tuple of float
        log10 a (au) between the rows of the table.

    Returns
    -------
    DataFrame
        ``outermost`` (range of log10 a of the last planet so far; ``star`` before the
        first), ``points``, ``stopped`` (share that ended there), ``foretold`` (mean
        probability), and their ``ratio``.

    Examples
    --------
    >>> from decan.planetary_systems.chains import exact_generator
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> chain = MarkovGaps()
    >>> table = stop_table(exact_generator(chain), chain.sample(500, rng=0))
    >>> table["foretold"].round(4).unique()
    array([0.1667])
    """
    network = generator.networks_[0]
    walk = walk_of(network)
    log_a, log_m = (torch.as_tensor(x) for x in systems.padded())
    state, seen = network.start(generator._inputs(systems.context))
    none = torch.full((len(systems),), torch.inf, dtype=torch.float64)
    place, chance, ended = [], [], []
    for k in range(log_a.shape[1] + 1):
        there = systems.counts >= k
        _, stop = walk.inside(state, seen, none)
        chance.append(stop.numpy()[there])
        ended.append((systems.counts == k)[there])
        last = log_a[:, k - 1].numpy() if k else np.full(len(systems), -np.inf)
        place.append(last[there])
        if k < log_a.shape[1]:
            seen = walk.step(state, log_a[:, k], log_m[:, k])
    where, foretold, stopped = (np.concatenate(x) for x in (place, chance, ended))
    row = np.where(np.isinf(where), 0, 1 + np.searchsorted(edges, where))
    words = ["star", f"below {edges[0]:g}"]
    words += [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    words.append(f"above {edges[-1]:g}")
    rows = []
    for number, name in [*enumerate(words), (-1, "all")]:
        here = row == number if number >= 0 else np.ones(len(row), dtype=bool)
        if not here.any():
            continue
        share, mean = float(stopped[here].mean()), float(foretold[here].mean())
        rows.append({"outermost": name, "points": int(here.sum()), "stopped": share,
                     "foretold": mean, "ratio": mean / share if share else np.nan})  # fmt: skip
    return pd.DataFrame(rows)
