"""Seconds a field of this library beside sep, photutils, gammapy and a matched filter.

Usage: OMP_NUM_THREADS=1 python packages/latent-tension/benchmarks/bench_detectors.py
One simulated field of 64 pixels in three bands. The others look for point sources only; what
each of them finds is told by the experiments. They are called twice, so that their start and
compilation do not count; a decomposition is called once.
"""

from __future__ import annotations

import resource
import warnings

import torch

from decan.core.benchmark import Benchmark, best_of
from decan.latent_tension import TensionDecomposer, matched_filter, simulate_field
from decan.latent_tension.baselines import gammapy_detect, photutils_detect, sep_detect

PEERS = {
    "a matched filter": matched_filter,
    "sep": sep_detect,
    "photutils": photutils_detect,
    "gammapy": gammapy_detect,
}


def whole_decomposition(bench: Benchmark) -> None:
    """What a large field costs; before the peers, whose imports would count as memory."""
    image = simulate_field(128, n_points=30, n_extended=2, rng=901).image
    seconds = best_of(lambda: TensionDecomposer(max_loops=5).fit(image), 1)
    job = "a decomposition of 128 px, three bands, five loops at most"
    bench.value(job, seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bench.value(f"{job}: peak memory of the process", peak, "MiB")


def main() -> None:
    torch.set_num_threads(1)
    image = simulate_field(64, n_points=8, n_extended=1, rng=900).image
    bench, job = Benchmark("latent-tension"), "sources of a field of 64 px, three bands"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole_decomposition(bench)
        first = best_of(lambda: TensionDecomposer().first_pass(image), 1)
        ours = best_of(lambda: TensionDecomposer().fit(image), 1)
        bench.value("map of tension of the same field", first)
        for peer, detect in PEERS.items():
            try:
                bench.ratio(job, ours, best_of(lambda detect=detect: detect(image), 2), peer=peer)
            except ImportError:
                bench.absent(job, peer)


if __name__ == "__main__":
    main()
