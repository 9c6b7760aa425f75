"""How far a wrong period is noticed."""

from __future__ import annotations

import numpy as np

from decan.core.experiment import SIMULATED, Run, experiment
from decan.core.metrics import Estimate

from ..detrending import flatten
from ..diagnostics import diagnose_flat
from ..lightcurve import LightCurve
from ..signals import TransitSignal
from ..simulate import Simulated, simulate_signals

__all__ = ["wrong_periods"]


@experiment(title="Periods that are wrong by a factor of two")
def wrong_periods(run: Run) -> None:
    """Simulated planets at their own period, at twice and at half of it.

    The dip half an orbit away and the depths of odd and even transits must name the right
    period, and must say nothing where it is right. Planets of at least 10 sigma with six
    transits or more, and binaries as they come, with the period that a search reports.
    """
    import pandas as pd

    n = 400 if run.preset != "quick" else 40
    mix = {"planet": 1.0, "binary": 1.0}
    signals = simulate_signals(n, mix=mix, span_day=60.0, rng=run.rng)
    run.used("simulated planets and binaries", provenance=SIMULATED, n=n)
    rows = []
    for one in signals:
        if one.signal.duration_day > one.signal.period_day / 8:
            continue
        own = diagnose_flat(flatten(one.lightcurve, one.signal), one.signal)
        if not (own.mes >= 10 and own.n_transits >= 6):
            continue
        row = {"kind": one.kind, "own": own.period_factor}
        if one.kind == "planet":
            row |= {"twice": _factor(one, 2.0), "half": _factor(one, 0.5)}
        rows.append(row)
    frame = pd.DataFrame(rows)
    planets, binaries = (frame[frame["kind"] == kind] for kind in ("planet", "binary"))
    for metric, right in (
        ("planets at twice their period told", planets["twice"] == 0.5),
        ("planets at half their period told", planets["half"] == 2.0),
        ("planets at their own period doubted", planets["own"] != 1.0),
        ("binaries whose reported period is doubted", binaries["own"] != 1.0),
    ):
        run.record(metric, _share(right.to_numpy()), provenance=SIMULATED)
    counts = pd.crosstab(frame["kind"], frame["own"]).reset_index()
    run.table("factors", counts, caption="Period over the one given, as found, by kind.")


def _factor(one: Simulated, periods: float) -> float:
    signal = TransitSignal(
        periods * one.signal.period_day,
        one.signal.epoch,
        one.signal.duration_hour,
        time_format=one.signal.time_format,
    )
    curve: LightCurve = one.lightcurve
    return diagnose_flat(flatten(curve, signal), signal).period_factor


def _share(right: np.ndarray) -> Estimate:
    value, n = float(right.mean()), len(right)
    half = float(np.sqrt(value * (1 - value) / n))
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), n)
