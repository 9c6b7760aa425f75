"""Information, neighbours, scans, decompositions and cutouts beside peers and plain ways.

Usage: OMP_NUM_THREADS=1 python packages/stellar-mass/benchmarks/bench_speed.py
"""

from __future__ import annotations

import resource

import numpy as np

from decan.core.benchmark import Benchmark, best_of
from decan.stellar_mass import decompose
from decan.stellar_mass.experiments.speed import (
    peer_information,
    time_cutouts,
    time_neighbours,
    time_scan,
)
from decan.stellar_mass.laboratory import gaussian_triplet
from decan.stellar_mass.neighbours import nearest_blocks


def main() -> None:
    bench = Benchmark("stellar-mass")
    for job, conditional in (
        ("information, KSG, 3,000 rows", False),
        ("conditional information, KSG, 3,000 rows", True),
    ):
        times = peer_information(conditional)
        if times is None:
            bench.absent(job, "ennemi")
        else:
            bench.ratio(job, *times, peer="ennemi")
    ours, loop = time_neighbours(1000)
    bench.ratio("100 neighbours of one of 20,000 x 16", ours, loop, peer="a loop over rows")
    memory(bench)
    together, alone = time_scan(20)
    bench.ratio("scan of the 29 tuples", together, alone, peer="one fit at a time")
    bench.value("five-band cutouts of 64 pixels", time_cutouts(), "1/s")
    made = gaussian_triplet(3000, 0.6, 0.4, rng=0)
    for estimator in ("copula", "ksg", "crossfit"):
        seconds = best_of(
            lambda how=estimator: decompose(made.x1, made.x2, made.y, estimator=how, rng=0), 1
        )
        bench.value(f"decomposition with floor, 3,000 rows, {estimator}", seconds)


def memory(bench: Benchmark) -> None:
    """Working memory of neighbours among half a million points, the points left out."""
    points = np.random.default_rng(0).normal(size=(500_000, 16))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in nearest_blocks(points[:64], points, 100, own=np.arange(64)):
        pass
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bench.value("working memory, neighbours among 500,000 x 16", (after - before) / 1024, "MB")


if __name__ == "__main__":
    main()
