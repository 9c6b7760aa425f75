"""Sampling, scoring and completing, against a plain loop and a rule of gaps, in one run.

Usage: OMP_NUM_THREADS=1 python packages/planetary-systems/benchmarks/bench_speed.py
Systems of NG74's length from the shipped weights; processor time of one thread.
"""

from __future__ import annotations

import time
from importlib.metadata import version

import numpy as np
import torch

from decan.planetary_systems import SystemGenerator
from decan.planetary_systems.baselines import GapRule
from decan.planetary_systems.experiments.speed import plain_samples
from decan.planetary_systems.stars import toi469

CONTEXT = {"population": "ng74", "age_gyr": 5.0}


def best_of(function, repeats=3):
    """Shortest processor time of several calls, seconds: what others do does not count."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def main() -> None:
    torch.set_num_threads(1)
    generator, grid = SystemGenerator.pretrained(), SystemGenerator.pretrained("bern-grid")
    n = 4000
    drawn = generator.sample(n, context=CONTEXT, rng=0)
    draw = best_of(lambda: generator.sample(n, context=CONTEXT, rng=0))
    draw_grid = best_of(lambda: grid.sample(n, context=CONTEXT, rng=0))
    plain = best_of(lambda: plain_samples(generator, n // 8, CONTEXT)) * 8
    score = best_of(lambda: generator.log_prob(drawn))
    known, star = toi469("b")
    complete = best_of(lambda: generator.complete(known, star=star, context=CONTEXT, n=2000, rng=0))
    log_p, log_m = np.sort(1.5 * drawn.log_a), drawn.log_m
    rule = GapRule(dynamite_like=True).fit(log_p, log_m, drawn.system_of_planet)
    one = best_of(lambda: rule.density([1.13], [0.96]))
    print(f"torch {version('torch')}, one thread, systems a minute")
    print(f"drawn, gaps                {60 * n / draw:12,.0f}")
    print(f"drawn, grid                {60 * n / draw_grid:12,.0f}")
    print(f"drawn, plain loop          {60 * n / plain:12,.0f}   cached: {plain / draw:.1f} x")
    print(f"scored, gaps               {60 * n / score:12,.0f}")
    print(f"2,000 weighted completions {complete:12.2f} s")
    print(f"rule of gaps, one planet   {one:12.4f} s")


if __name__ == "__main__":
    main()
