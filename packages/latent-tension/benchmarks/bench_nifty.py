"""The same model in nifty.re: seconds of the first round, with compilation, and of a later one.

Usage: OMP_NUM_THREADS=1 python packages/latent-tension/benchmarks/bench_nifty.py
One field of 48 pixels in three bands, diffuse emission with an index field, pure power laws,
MGVI with two antithetic pairs, 40 iterations of conjugate gradients a draw and two Newton
steps; processor seconds, one thread, 64-bit floats. That the results agree is an experiment.
"""

from __future__ import annotations

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import numpy as np
import torch

from decan.core.benchmark import Benchmark
from decan.latent_tension import simulate_field
from decan.latent_tension.components import Scene
from decan.latent_tension.nifty_bridge import SHARED_PRIORS, fit_here, fit_nifty

ROUNDS = 4


def main() -> None:
    torch.set_num_threads(1)
    field = simulate_field(48, n_points=8, n_extended=1, rng=0)
    scene = Scene.of([field.image], SHARED_PRIORS)
    bench, job = Benchmark("latent-tension"), "a round of inference, 48 px, three bands"
    ours = fit_here(scene, rounds=ROUNDS).seconds
    try:
        theirs = fit_nifty(scene, rounds=ROUNDS).seconds
    except ImportError:
        bench.value(job, float(np.median(ours[1:])))
        bench.absent(job, "nifty")
        return
    bench.ratio(f"{job}, the first", ours[0], theirs[0], peer="nifty")
    later = (float(np.median(seconds[1:])) for seconds in (ours, theirs))
    bench.ratio(f"{job}, a later one", *later, peer="nifty")


if __name__ == "__main__":
    main()
