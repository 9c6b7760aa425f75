"""Sampling, scoring and completing, against a plain loop and a rule of gaps, in one run.

Usage: OMP_NUM_THREADS=1 python packages/planetary-systems/benchmarks/bench_speed.py
Systems of NG74's length from the shipped weights; one thread. The plain loop is that of
makemore: all planets so far are read again at each step.
"""

from __future__ import annotations

import torch

from decan.core.benchmark import Benchmark, best_of
from decan.planetary_systems import SystemGenerator
from decan.planetary_systems.baselines import GapRule
from decan.planetary_systems.experiments.speed import plain_samples
from decan.planetary_systems.stars import toi469

CONTEXT = {"population": "ng74", "age_gyr": 5.0}


def main() -> None:
    torch.set_num_threads(1)
    bench = Benchmark("planetary-systems")
    generator, grid = SystemGenerator.pretrained(), SystemGenerator.pretrained("bern-grid")
    n, few = 4000, 500
    drawn = generator.sample(n, context=CONTEXT, rng=0)
    draw = best_of(lambda: generator.sample(n, context=CONTEXT, rng=0))
    plain = best_of(lambda: plain_samples(generator, few, CONTEXT), 2)
    bench.ratio(f"{few:,} systems drawn, gaps", draw * few / n, plain, peer="a plain loop")
    for title, seconds in (
        ("drawn a minute, gaps", draw),
        ("drawn a minute, grid", best_of(lambda: grid.sample(n, context=CONTEXT, rng=0))),
        ("scored a minute, gaps", best_of(lambda: generator.log_prob(drawn))),
    ):
        bench.value(f"systems {title}", 60 * n / seconds, "systems")
    known, star = toi469("b")
    complete = best_of(
        lambda: generator.complete(known, star=star, context=CONTEXT, n=2000, rng=0), 2
    )
    rule = GapRule(dynamite_like=True).fit(1.5 * drawn.log_a, drawn.log_m, drawn.system_of_planet)
    one = best_of(lambda: rule.density([1.13], [0.96]))
    bench.ratio(
        "TOI-469 b completed, any number of planets", complete, one,
        peer="a DYNAMITE-like rule, one planet",
    )  # fmt: skip


if __name__ == "__main__":
    main()
