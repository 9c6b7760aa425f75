"""The same model in nifty.re: seconds a global iteration, and whether the results agree.

One field of 64 pixels in three bands, diffuse emission with an index field, pure power laws,
MGVI with two antithetic pairs, 40 iterations of conjugate gradients a draw and two Newton
steps; CPU seconds of the process, one thread, 64-bit floats.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import numpy as np
import torch

from decan.latent_tension import TensionDecomposer, simulate_field
from decan.latent_tension.components import Scene
from decan.latent_tension.nifty_bridge import SHARED_PRIORS, fit_here, fit_nifty

ROUNDS = 6


def main() -> None:
    torch.set_num_threads(1)
    field = simulate_field(64, n_points=8, n_extended=1, rng=0)
    scene = Scene.of([field.image], SHARED_PRIORS)
    ours = fit_here(scene, rounds=ROUNDS)
    own = float(np.median(ours.seconds[1:]))
    print(f"ours      first {ours.seconds[0]:6.2f} s, later {own:6.2f} s a round")
    begin = time.process_time()
    TensionDecomposer(max_loops=3, method="mgvi").fit(field.image)
    whole = time.process_time() - begin
    print(f"ours      whole decomposition, three loops, {whole:6.2f} s")
    try:
        theirs = fit_nifty(scene, rounds=ROUNDS)
    except ImportError:
        print("nifty is not installed; pip install nifty")
        return
    first, later = theirs.seconds[0], float(np.median(theirs.seconds[1:]))
    print(f"nifty.re  first {first:6.2f} s, later {later:6.2f} s a round")
    print(f"ratio a round in steady state {own / later:.2f}")
    # Every change of the model's shape compiles again: four fits of a three-loop decomposition.
    stages = 4 * first + 4 * (ROUNDS - 1) * later
    print(f"ratio of a three-loop decomposition, compilation included {whole / stages:.2f}")
    correlation = np.corrcoef(ours.excitation.ravel(), theirs.excitation.ravel())[0, 1]
    print(f"correlation of the tension maps {correlation:.3f}")
    for name, (mean, spread) in theirs.named.items():
        own_mean, own_spread = ours.named[name]
        print(
            f"{name}: ours {own_mean:.2f} +- {own_spread:.2f}, nifty.re {mean:.2f} +- {spread:.2f}"
        )


if __name__ == "__main__":
    main()
