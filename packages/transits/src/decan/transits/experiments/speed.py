"""How fast views and detrending are, beside SciPy, lightkurve and wotan in the same run."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

__all__ = ["FIVE", "speed_ratios"]

FIVE = ((300, 1.0, None), (75, 1.0, 0.0), (75, 1.0, 0.5), (75, 2.0, 0.0), (75, 2.0, 0.5))
"""Bins, periods folded, centre of the window: global, main, secondary, even, odd."""


@experiment(
    title="Speed of views and detrending against peers, in one run",
    claims=[
        Claim("five views, times faster than binned_statistic", goal=2),
        Claim("five views, times faster than lightkurve", goal=100),
        Claim("detrending, times faster than wotan's biweight, warm", goal=5),
    ],
    presets=["standard", "paper"],
)  # fmt: skip
def speed_ratios(run: Run) -> None:
    """The best processor time of several calls on the two sectors of WASP-126 b.

    Peers that are not installed are left out. ``wotan`` is called once before, so that its
    compilation does not count.
    """
    from ..detrending import detrend, flatten, transit_mask
    from ..lightcurve import LightCurve, TransitSignal

    signal = TransitSignal(3.28987, 1327.514029, 199.09 / 60)
    kind = REAL
    try:
        curve = run.load("lc_wasp126_tess")
    except DataNotAvailable as error:
        run.note(f"The real light curve is not at hand ({error}); noise stands in.")
        kind = SIMULATED
        times: Any = 1325.3 + np.arange(36_578) * (56.2 / 36_578)
        noise = run.rng.normal(0, 1.4e-3, times.size)
        curve = LightCurve(times, 1 + noise)
    flat, mask = flatten(curve, signal), transit_mask(curve, [signal])
    n = len(curve)
    ours = _best(lambda: _views(flat, signal, _means), 20)
    run.record("five views", 1e3 * ours, provenance=kind, n=n, unit="ms")
    scipy = _best(lambda: _views(flat, signal, _binned_statistic), 20)
    run.record("five views, times faster than binned_statistic", scipy / ours, provenance=kind,
               n=n, note=f"scipy {version('scipy')}")  # fmt: skip
    trend = _best(
        lambda: detrend(curve.time, curve.flux, mask=mask, window_day=0.41), 20
    )  # fmt: skip
    run.record("detrending, masked spline", 1e3 * trend, provenance=kind, n=n, unit="ms")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if _installed("lightkurve"):
            peer = _best(_lightkurve(flat, signal), 2)
            run.record("five views, times faster than lightkurve", peer / ours, provenance=kind,
                       n=n, note=f"lightkurve {version('lightkurve')}")  # fmt: skip
        if _installed("wotan"):
            wotan: Any = import_module("wotan")

            def biweight() -> None:
                wotan.flatten(curve.time, curve.flux, method="biweight",
                              window_length=4 * signal.duration_day)  # fmt: skip

            biweight()
            run.record(
                "detrending, times faster than wotan's biweight, warm", _best(biweight, 5) / trend,
                provenance=kind, n=n, note=f"wotan {version('wotan')}",
            )  # fmt: skip


def _best(function: Callable[[], object], repeats: int) -> float:
    """Shortest processor time of several calls, seconds: what others do does not count."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        function()
        times.append(time.process_time() - begin)
    return min(times)


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _views(flat: Any, signal: Any, means: Callable[..., object]) -> None:
    from ..folding import phase_of

    for bins, periods, centre in FIVE:
        period = periods * signal.period_day
        phase = phase_of(flat.time, period, signal.epoch)
        if centre is None:
            means(phase, flat.flux, 0.5, bins)
            continue
        place = (phase - centre - np.round(phase - centre)) * period / signal.duration_day
        near = np.abs(place) < 3
        means(place[near], flat.flux[near], 3.0, bins)


def _means(place: Any, flux: Any, edge: float, bins: int) -> object:
    from ..folding import bin_means

    return bin_means(place, flux, low=-edge, high=edge, n_bins=bins)


def _binned_statistic(place: Any, flux: Any, edge: float, bins: int) -> object:
    from scipy.stats import binned_statistic

    return binned_statistic(place, flux, "mean", bins=bins, range=(-edge, edge))


def _lightkurve(flat: Any, signal: Any) -> Callable[[], None]:
    import lightkurve

    curve = lightkurve.LightCurve(time=flat.time, flux=flat.flux)

    def views() -> None:
        for bins, periods, centre in FIVE:
            period = periods * signal.period_day
            epoch = signal.epoch + (centre or 0.0) * period
            folded = curve.fold(period=period, epoch_time=epoch)
            if centre is None:
                folded.bin(time_bin_size=period / bins)
                continue
            half = 3 * signal.duration_day
            near = folded[np.abs(folded.time.value) < half]
            near.bin(time_bin_start=-half, time_bin_size=2 * half / bins)

    return views
