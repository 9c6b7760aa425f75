"""Views and detrending against lightkurve, SciPy and wotan, on the same light curve and run.

Usage: OMP_NUM_THREADS=1 python packages/transits/benchmarks/bench_speed.py
Reads WASP-126 b out of the data folder where it is at hand, and simulates 36,578 points
otherwise.
"""

from __future__ import annotations

import time
import warnings
from importlib.metadata import version

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.transits import LightCurve, TransitSignal, TransitVetter, flatten
from decan.transits.archive import DATASETS
from decan.transits.detrending import transit_mask
from decan.transits.folding import bin_means, phase_of

SIGNAL = TransitSignal(3.28987, 1327.514029, 199.09 / 60)
FIVE = ((300, 1.0, None), (75, 1.0, 0.0), (75, 1.0, 0.5), (75, 2.0, 0.0), (75, 2.0, 0.5))
"""Bins, periods folded, centre of the window: global, main, secondary, even, odd."""


def best_of(function, repeats):
    """Shortest processor time of several calls, seconds: what others do does not count."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def light_curve() -> LightCurve:
    try:
        return DATASETS.load("lc_wasp126_tess")
    except DataNotAvailable:
        rng = np.random.default_rng(0)
        times = 1325.3 + np.arange(36_578) * (56.2 / 36_578)
        return LightCurve(times, 1 + rng.normal(0, 1.4e-3, times.size))


def ours(flat: LightCurve) -> None:
    for bins, periods, centre in FIVE:
        period = periods * SIGNAL.period_day
        phase = phase_of(flat.time, period, SIGNAL.epoch)
        if centre is None:
            bin_means(phase, flat.flux, low=-0.5, high=0.5, n_bins=bins)
            continue
        place = (phase - centre - np.round(phase - centre)) * period / SIGNAL.duration_day
        near = np.abs(place) < 3
        bin_means(place[near], flat.flux[near], low=-3, high=3, n_bins=bins)


def with_scipy(flat: LightCurve) -> None:
    from scipy.stats import binned_statistic

    for bins, periods, centre in FIVE:
        period = periods * SIGNAL.period_day
        phase = phase_of(flat.time, period, SIGNAL.epoch)
        if centre is None:
            binned_statistic(phase, flat.flux, "mean", bins=bins, range=(-0.5, 0.5))
            continue
        place = (phase - centre - np.round(phase - centre)) * period / SIGNAL.duration_day
        near = np.abs(place) < 3
        binned_statistic(place[near], flat.flux[near], "mean", bins=bins, range=(-3, 3))


def with_lightkurve(curve) -> None:
    for bins, periods, centre in FIVE:
        period = periods * SIGNAL.period_day
        epoch = SIGNAL.epoch + (centre or 0.0) * period
        folded = curve.fold(period=period, epoch_time=epoch)
        if centre is None:
            folded.bin(time_bin_size=period / bins)
            continue
        half = 3 * SIGNAL.duration_day
        near = folded[np.abs(folded.time.value) < half]
        near.bin(time_bin_start=-half, time_bin_size=2 * half / bins)


def main() -> None:
    warnings.simplefilter("ignore")
    import lightkurve
    import wotan

    curve = light_curve()
    flat = flatten(curve, SIGNAL)
    peer = lightkurve.LightCurve(time=flat.time, flux=flat.flux)
    mask = transit_mask(curve, [SIGNAL])
    window = 4 * SIGNAL.duration_day

    def wotan_biweight() -> None:
        wotan.flatten(curve.time, curve.flux, method="biweight", window_length=window)

    from decan.transits import detrend

    wotan_biweight()  # compiles
    rows = {
        "five views, decan": best_of(lambda: ours(flat), 20),
        f"five views, scipy {version('scipy')} binned_statistic": best_of(
            lambda: with_scipy(flat), 20
        ),
        f"five views, lightkurve {lightkurve.__version__} fold and bin": best_of(
            lambda: with_lightkurve(peer), 2
        ),
        "detrending, decan masked spline": best_of(
            lambda: detrend(curve.time, curve.flux, mask=mask, window_day=0.41), 40
        ),
        f"detrending, wotan {version('wotan')} biweight, warm": best_of(wotan_biweight, 10),
    }
    vetter = TransitVetter.pretrained()
    rows["one verdict, ensemble of ten"] = best_of(lambda: vetter.vet(curve, SIGNAL), 8)
    for name, seconds in rows.items():
        print(f"{name:60} {1e3 * seconds:9.2f} ms")
    names = list(rows)
    print(f"views: {rows[names[2]] / rows[names[0]]:.0f} x lightkurve, "
          f"{rows[names[1]] / rows[names[0]]:.1f} x binned_statistic")  # fmt: skip
    print(f"detrending: {rows[names[4]] / rows[names[3]]:.0f} x wotan")


if __name__ == "__main__":
    main()
