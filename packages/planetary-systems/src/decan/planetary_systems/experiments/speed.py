"""Experiment on speed: cached keys and values against a plain loop, in one run."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from decan.core.benchmark import best_of
from decan.core.experiment import SIMULATED, Claim, Run, experiment

from ..generator import SystemGenerator
from ..systems import Systems
from ..transformer import Places
from ..walks import walk_of
from .samples import shipped

__all__ = ["speed_ratios"]


@experiment(
    title="Speed: systems a minute",
    claims=[
        Claim("systems drawn a minute", goal=300_000, provenance=SIMULATED),
        Claim("systems scored a minute", goal=200_000, provenance=SIMULATED),
        Claim("largest difference of cached and plain scores", goal=1e-5, better="lower",
              provenance=SIMULATED),
        Claim("cached over plain loop", provenance=SIMULATED),
    ],
)  # fmt: skip
def speed_ratios(run: Run) -> None:
    """Sampling and scoring at NG74's length, one thread, processor time.

    The plain loop is that of a minimal transformer: at each step the whole prefix is read
    again. Both draw from the same network; scores from the cached walk and from one pass
    over whole systems are compared token by token. What is left in single precision is
    rounding, which narrow mixtures of masses magnify; in double precision it is gone.
    """
    n = 1000 if run.preset == "quick" else 8000
    context = {"population": "ng74", "age_gyr": 5.0}
    rows = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name in ("bern", "bern-grid"):
            generator = shipped(name)
            drawn = generator.sample(n, context=context, rng=1)
            seconds = best_of(partial(generator.sample, n, context=context, rng=1), 2)
            scoring = best_of(partial(generator.log_prob, drawn), 2)
            row = {"language": generator.tokens, "drawn a minute": 60 * n / seconds,
                   "scored a minute": 60 * n / scoring}  # fmt: skip
            if name == "bern":
                few = max(200, n // 16)
                plain = best_of(partial(plain_samples, generator, few, context), 1)
                row["cached over plain loop"] = plain / few / (seconds / n)
                rows_drawn = drawn
            rows.append(row)
        difference = _difference(shipped(), rows_drawn, torch.float32)
        exact = _difference(shipped(), rows_drawn, torch.float64)
    finally:
        torch.set_num_threads(threads)
    frame = pd.DataFrame(rows)
    run.table("speed", frame.round(2), caption="Processor time, one thread, this machine.")
    run.record("systems drawn a minute", frame["drawn a minute"].max(), provenance=SIMULATED, n=n)
    run.record("systems scored a minute", frame["scored a minute"].max(), provenance=SIMULATED,
               n=n)  # fmt: skip
    run.record("cached over plain loop", frame["cached over plain loop"][0],
               provenance=SIMULATED, n=n)  # fmt: skip
    run.record("largest difference of cached and plain scores", difference, provenance=SIMULATED,
               n=min(200, n))  # fmt: skip
    run.record("largest difference, double precision", exact, provenance=SIMULATED,
               n=min(200, n))  # fmt: skip
    run.used("systems drawn from the shipped weights", provenance=SIMULATED, n=n)


@torch.inference_mode()
def plain_samples(generator: SystemGenerator, n: int, context: Any) -> Systems:
    """Draw systems of gaps without a cache: at each step all planets are read again."""
    network = generator.networks_[0]
    about = generator.draw_context(n, context, rng=1)
    inputs = generator._inputs(about)
    noise = torch.Generator().manual_seed(1)
    first: list[torch.Tensor] = []
    second: list[torch.Tensor] = []
    alive = torch.ones(n, dtype=torch.bool)
    counts = torch.zeros(n, dtype=torch.long)
    last = torch.zeros(n, dtype=torch.float64)
    for number in range(generator.max_planets_):
        so_far = [torch.stack(x, 1) if x else torch.zeros(n, 0) for x in (first, second)]
        places = Places(torch.full((n,), number))
        seen = network.seen(so_far[0].double(), so_far[1].double(), inputs, places)[0]
        seen = seen[places.ends]
        stops, one, two = network.draw({"at": number + 1, "log_a": last}, seen, noise)
        alive &= ~stops
        if not alive.any():
            break
        counts += alive
        last = one
        first.append(one)
        second.append(two)
    inside = np.arange(len(first)) < counts.numpy()[:, None]
    a, m = (torch.stack(x, 1).double().numpy()[inside] for x in (first, second))
    return generator._systems_of((counts.numpy(), a, m, 0), about, np.random.default_rng(1))


@torch.inference_mode()
def _difference(generator: SystemGenerator, systems: Systems, dtype: torch.dtype) -> float:
    """Largest difference between scores of a cached walk and of one pass, of planets and ends."""
    network = deepcopy(generator.networks_[0]).to(dtype)
    walk = walk_of(network)
    some = systems[systems.counts > 0][:200]
    log_a, log_m = (torch.as_tensor(x) for x in some.padded())
    counts = torch.as_tensor(some.counts)
    inputs = generator._inputs(some.context).to(dtype)
    whole = network.token_log_prob(log_a, log_m, counts, inputs)
    state, seen = network.start(inputs)
    nowhere = torch.full((len(some),), torch.inf, dtype=torch.float64)
    worst = 0.0
    for k in range(log_a.shape[1] + 1):
        _, stop = walk.inside(state, seen, nowhere)
        off = (stop.log() - whole[:, k])[counts == k]
        if k < log_a.shape[1]:
            planet = walk.known(state, seen, log_a[:, k], log_m[:, k]) - whole[:, k]
            off = torch.cat([off, planet[counts > k]])
            seen = walk.step(state, log_a[:, k], log_m[:, k])
        worst = max(worst, float(off.abs().max()))
    return worst
