"""What the experiments share: Bern systems by part, the shipped generators, intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decan.core.experiment import REAL, SIMULATED, Provenance, Run
from decan.core.metrics import Estimate, bootstrap

from ..archive import disc_split, load_bern
from ..generator import SystemGenerator
from ..simulate import simulate_formation
from ..systems import Systems

__all__: list[str] = []

_BERN = ("bern_10gyr", "bern_other_ages", "bern_discs")


def bern_part(run: Run, populations: Any, age_gyr: Any, part: str) -> Systems:
    """Systems with planets of a part of the discs, and the note that they were used."""
    systems = load_bern(populations, age_gyr)
    systems = systems[disc_split(systems.context["disc_id"], part)]
    for name in _BERN:
        run.load(name)
    return systems[systems.counts > 0]


def systems_at_hand(run: Run, part: str) -> tuple[Systems, Provenance]:
    """NG74 at 5 Gyr where the tables are, the toy formation model where they are not."""
    if all(run.has(name) for name in _BERN):
        return bern_part(run, "ng74", 5.0, part), REAL
    run.note("the Bern tables are not at hand: systems of the toy formation model instead")
    seeds = {"train": 650, "validation": 99, "test": 151}
    systems = simulate_formation(seeds[part], rng=seeds[part])
    run.used("toy formation model", provenance=SIMULATED, n=len(systems))
    return systems, SIMULATED


def shipped(name: str = "bern") -> SystemGenerator:
    """A shipped generator."""
    return SystemGenerator.pretrained(name)


def nats_per_token(
    logs: NDArray[np.float64], systems: Systems, rng: np.random.Generator
) -> Estimate:
    """Negative log probability over planets and stops, with its interval by disc."""
    tokens = (systems.counts + 1).astype(float)
    groups = systems.context["disc_id"].to_numpy() if "disc_id" in systems.context else None

    def ratio(value: Any, token: Any) -> float:
        return float(-value.sum() / token.sum())

    return bootstrap(ratio, logs, tokens, groups=groups, n_boot=200, rng=rng)
