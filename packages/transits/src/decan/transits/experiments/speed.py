"""How fast views and detrending are, beside SciPy, lightkurve and wotan in the same run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.benchmark import best_of, installed
from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

from ..detrending import detrend, flatten, transit_mask
from ..folding import bin_means, phase_of
from ..lightcurve import LightCurve
from ..signals import TransitSignal

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["WASP_126_B", "seconds_of_each", "speed_ratios", "stand_in_light_curve"]

WASP_126_B = TransitSignal(3.28987, 1327.514029, 199.09 / 60)
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
    kind = REAL
    try:
        curve = run.load("lc_wasp126_tess")
    except DataNotAvailable as error:
        run.note(f"The real light curve is not at hand ({error}); noise stands in.")
        kind, curve = SIMULATED, stand_in_light_curve(run.rng)
    seconds, n = seconds_of_each(curve), len(curve)
    views, trend = seconds["five views, decan"], seconds["detrending, decan masked spline"]
    run.record("five views", 1e3 * views, provenance=kind, n=n, unit="ms")
    run.record("detrending, masked spline", 1e3 * trend, provenance=kind, n=n, unit="ms")
    peers = {
        "five views, times faster than binned_statistic": ("five views, scipy", views),
        "five views, times faster than lightkurve": ("five views, lightkurve", views),
        "detrending, times faster than wotan's biweight, warm": ("detrending, wotan", trend),
    }
    for metric, (peer, ours) in peers.items():
        for name, value in seconds.items():
            if name.startswith(peer):
                note = name.split(", ", 1)[1]
                run.record(metric, value / ours, provenance=kind, n=n, note=note)


def stand_in_light_curve(rng: np.random.Generator | int) -> LightCurve:
    """White noise at the times of two TESS sectors.

    Parameters
    ----------
    rng : numpy.random.Generator or int
        See SPEC 7.

    Returns
    -------
    LightCurve
        36,578 rows.

    Examples
    --------
    >>> len(stand_in_light_curve(0))
    36578
    """
    times: Any = 1325.3 + np.arange(36_578) * (56.2 / 36_578)
    return LightCurve(times, 1 + np.random.default_rng(rng).normal(0, 1.4e-3, times.size))


def seconds_of_each(curve: LightCurve) -> dict[str, float]:
    """Processor time of five views and of detrending, ours and of each installed peer.

    Parameters
    ----------
    curve : LightCurve
        The two sectors of WASP-126 b, or what stands in for them.

    Returns
    -------
    dict of str to float
        Seconds, by task and contender: ``five views, decan``.

    Examples
    --------
    >>> seconds = seconds_of_each(stand_in_light_curve(0))  # doctest: +SKIP
    """
    signal = WASP_126_B
    flat, mask = flatten(curve, signal), transit_mask(curve, [signal])
    seconds = {
        "five views, decan": best_of(lambda: _views(flat, signal, _means), 20),
        f"five views, scipy {version('scipy')} binned_statistic": best_of(
            lambda: _views(flat, signal, _binned_statistic), 20
        ),
        "detrending, decan masked spline": best_of(
            lambda: detrend(curve.time, curve.flux, mask=mask, window_day=0.41), 40
        ),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if found := installed("lightkurve"):
            views = _lightkurve(flat, signal)
            seconds[f"five views, lightkurve {found} fold and bin"] = best_of(views, 2)
        if found := installed("wotan"):
            wotan: Any = import_module("wotan")

            def biweight() -> None:
                window = 4 * signal.duration_day
                wotan.flatten(curve.time, curve.flux, method="biweight", window_length=window)

            biweight()  # compiles
            seconds[f"detrending, wotan {found} biweight, warm"] = best_of(biweight, 10)
    return seconds


def _views(flat: LightCurve, signal: TransitSignal, means: Callable[..., object]) -> None:
    for bins, periods, centre in FIVE:
        period = periods * signal.period_day
        phase = phase_of(flat.time, period, signal.epoch)
        if centre is None:
            means(phase, flat.flux, 0.5, bins)
            continue
        place = (phase - centre - np.round(phase - centre)) * period / signal.duration_day
        near = np.abs(place) < 3
        means(place[near], flat.flux[near], 3.0, bins)


def _means(place: ArrayLike, flux: NDArray[np.float64], edge: float, bins: int) -> object:
    return bin_means(place, flux, low=-edge, high=edge, n_bins=bins)


def _binned_statistic(place: Any, flux: Any, edge: float, bins: int) -> object:
    from scipy.stats import binned_statistic

    return binned_statistic(place, flux, "mean", bins=bins, range=(-edge, edge))


def _lightkurve(flat: LightCurve, signal: TransitSignal) -> Callable[[], None]:
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
