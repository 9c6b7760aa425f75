"""How far a wrong period is noticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from decan.core.experiment import REAL, SIMULATED, Run, experiment
from decan.core.metrics import Estimate

from ..diagnostics import diagnose
from ..lightcurve import LightCurve
from ..signals import TransitSignal
from ..simulate import simulate_signals
from .speed import WASP_126_B

__all__ = ["wrong_periods"]


@experiment(title="Periods that are wrong by a factor of two", data=["lc_wasp126_tess"])
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
        own = diagnose(one.lightcurve, one.signal)
        if not (own.mes >= 10 and own.n_transits >= 6):
            continue
        row = {"kind": one.kind, "own": own.period_factor}
        if one.kind == "planet":
            row |= {
                name: _factor(one.lightcurve, one.signal, by)
                for name, by in (("twice", 2.0), ("half", 0.5))
            }
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
    if run.preset != "quick" and run.has("lc_wasp126_tess"):
        curve: LightCurve = run.load("lc_wasp126_tess")
        told = [_factor(curve, WASP_126_B, by) * by == 1.0 for by in (2.0, 0.5)]
        run.record("WASP-126 b at twice and at half its period told", float(np.mean(told)),
                   provenance=REAL, n=len(told))  # fmt: skip
    counts = pd.crosstab(frame["kind"], frame["own"]).reset_index()
    run.table("factors", counts, caption="Period over the one given, as found, by kind.")


def _factor(curve: LightCurve, signal: TransitSignal, by: float) -> float:
    return diagnose(curve, replace(signal, period_day=by * signal.period_day)).period_factor


def _share(right: np.ndarray) -> Estimate:
    value, n = float(right.mean()), len(right)
    half = float(np.sqrt(value * (1 - value) / n))
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), n)
