"""Views and detrending against lightkurve, SciPy and wotan, and one verdict, in one run.

Usage: OMP_NUM_THREADS=1 python packages/transits/benchmarks/bench_speed.py
What is timed is what the experiment ``speed-ratios`` times. Reads WASP-126 b out of the data
folder where it is at hand, and simulates 36,578 points otherwise.
"""

from __future__ import annotations

from decan.core.benchmark import Benchmark, best_of
from decan.core.errors import DataNotAvailable
from decan.transits import TransitVetter
from decan.transits.archive import DATASETS
from decan.transits.experiments.speed import WASP_126_B, seconds_of_each, stand_in_light_curve


def main() -> None:
    try:
        curve = DATASETS.load("lc_wasp126_tess")
    except DataNotAvailable:
        curve = stand_in_light_curve(0)
    bench, seconds = Benchmark("transits"), seconds_of_each(curve)
    for task in ("five views", "detrending"):
        ours = next(v for k, v in seconds.items() if k.startswith(f"{task}, decan"))
        for peer in {"five views": ("scipy", "lightkurve"), "detrending": ("wotan",)}[task]:
            job = f"{task} of {len(curve):,} points"
            theirs = [v for k, v in seconds.items() if k.startswith(f"{task}, {peer}")]
            if theirs:
                bench.ratio(job, ours, theirs[0], peer=peer)
            else:
                bench.absent(job, peer)
    vetter = TransitVetter.pretrained()
    bench.value("a verdict, ensemble of ten", best_of(lambda: vetter.vet(curve, WASP_126_B), 8))


if __name__ == "__main__":
    main()
