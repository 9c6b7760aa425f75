"""Views and detrending against lightkurve, SciPy and wotan, and one verdict, in one run.

Usage: OMP_NUM_THREADS=1 python packages/transits/benchmarks/bench_speed.py
What is timed is what the experiment ``speed-ratios`` times. Reads WASP-126 b out of the data
folder where it is at hand, and simulates 36,578 points otherwise.
"""

from __future__ import annotations

from decan.core.errors import DataNotAvailable
from decan.transits import TransitVetter
from decan.transits.archive import DATASETS
from decan.transits.experiments.speed import (
    WASP_126_B,
    best_of,
    seconds_of_each,
    stand_in_light_curve,
)


def main() -> None:
    try:
        curve = DATASETS.load("lc_wasp126_tess")
    except DataNotAvailable:
        curve = stand_in_light_curve(0)
    seconds = seconds_of_each(curve)
    vetter = TransitVetter.pretrained()
    seconds["one verdict, ensemble of ten"] = best_of(lambda: vetter.vet(curve, WASP_126_B), 8)
    for name, value in seconds.items():
        print(f"{name:60} {1e3 * value:9.2f} ms")
    for name, value in seconds.items():
        for task in ("five views", "detrending"):
            if name.startswith(f"{task}, ") and "decan" not in name:
                own = next(v for k, v in seconds.items() if k.startswith(f"{task}, decan"))
                print(f"{task}: {value / own:.1f} times faster than{name.removeprefix(f'{task},')}")


if __name__ == "__main__":
    main()
