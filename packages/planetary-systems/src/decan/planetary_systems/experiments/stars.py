"""Experiments on single stars: what else TOI-469 may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from decan.core.experiment import REAL, Claim, Run, experiment
from decan.core.metrics import Estimate

from ..plots import plot_completion, plot_mosaic
from ..stars import toi469
from ..surveys import RV, Transit
from .samples import shipped, systems_at_hand

__all__ = ["toi469_questions", "tour"]

_PLACES = {"c": (-1.3577, 0.6532), "d": (-1.1847, 0.7110), "b": (-0.9671, 0.9590)}
_PAPER = "Alibert et al. 2025, abstract: shown as a success, no number readable"


@experiment(
    title="One star asked, and systems drawn",
    claims=[
        Claim("planet c within the 50 % region", goal=(0, 0.5), source=_PAPER),
        Claim("planet d within the 50 % region", goal=(0, 0.5), source=_PAPER),
    ],
    tour=True,
)
def tour(run: Run) -> None:
    """TOI-469 b is known, and the shipped generator is asked where to look for more.

    The generator was trained on the Bern populations, never on observed systems. Planets c
    and d were found later, inside b; the level of the smallest region that holds each is
    below one half where the model would have looked there first.
    """
    generator = shipped()
    known, star = toi469("b")
    run.used("TOI-469 (HIP 29442), published values", provenance=REAL, n=3,
             citation="Egger et al. 2024; Damasso et al. 2023")  # fmt: skip
    posterior = generator.complete(known, star=star, n=4000, rng=run.rng)
    for name in ("c", "d"):
        level = float(posterior.region_level(*_PLACES[name]))
        run.record(f"planet {name} within the 50 % region", level, provenance=REAL, n=1)
    run.figure("toi469", _with_truth(posterior), caption=_MAP)
    drawn = generator.sample(12, context={"population": "ng74", "age_gyr": 5.0}, rng=run.rng)
    real, provenance = systems_at_hand(run, "test")
    words = "Bern, unseen discs" if provenance == REAL else "toy formation model"
    run.figure(
        "mosaic", plot_mosaic({"generated": drawn, words: real[:12]}),
        caption="Systems drawn by the generator above, computed ones below: dots by mass.",
    )  # fmt: skip


_MAP = (
    "What is expected beside the known planets (blue, with the 50 and 90 % contours), known "
    "planets (red), and where planets were found later (crosses)."
)


@experiment(
    title="TOI-469: from the first planet to the others",
    claims=[
        Claim("level of c, given b", goal=(0, 0.5), source=_PAPER, headline=True),
        Claim("level of d, given b", goal=(0, 0.5), source=_PAPER, headline=True),
        Claim("gain at c, nats", goal=(0.71, 0.91),
              source="nearest neighbours among 898 NG74 systems: 0.81"),
        Claim("gain at d, nats", goal=(0.81, 1.01),
              source="nearest neighbours among 898 NG74 systems: 0.91"),
        Claim("P(two inner planets, K > 1 m/s)", goal=(0.54, 0.64),
              source="nearest neighbours among 898 NG74 systems: 0.59"),
        Claim("effective draws", goal=500),
    ],
)  # fmt: skip
def toi469_questions(run: Run) -> None:
    """Given b alone; given b and what surveys did not see; given the others.

    Discs of NG74 at 5 Gyr are drawn from the training table and weighed by how well they
    explain b. The gain is the logarithm of how many planets are expected at c and d given
    b, over how many without b. The goals are what neighbours in the Bern tables give: the
    model is to know Bern, and its word on the real star is no more than that.
    """
    generator = shipped()
    n = 4000 if run.preset == "quick" else 60_000
    context = {"population": "ng74", "age_gyr": 5.0}
    run.used("TOI-469 (HIP 29442), published values", provenance=REAL, n=3,
             citation="Egger et al. 2024; Damasso et al. 2023")  # fmt: skip
    known, star = toi469("b")
    free = generator.complete(known.iloc[:0], star=star, context=context, n=n, rng=run.rng,
                              max_extra=24)  # fmt: skip
    given = generator.complete(known, star=star, context=context, n=n, rng=run.rng, max_extra=24)
    run.record("effective draws", given.effective_size, provenance=REAL, n=n)
    for name in ("c", "d"):
        place = _PLACES[name]
        run.record(f"level of {name}, given b", float(given.region_level(*place)),
                   provenance=REAL, n=1)  # fmt: skip
        gain = np.log(_near(given, place) / _near(free, place))
        run.record(f"gain at {name}, nats", gain, provenance=REAL, n=n)
    inner = {"a_au": (0.0, 0.1078), "k_m_s": (1.0, 1e4)}
    run.record("P(two inner planets, K > 1 m/s)",
               _estimate(given.probability(inner, at_least=2)), provenance=REAL)  # fmt: skip
    run.figure("given-b", _with_truth(given), caption=_MAP)
    rows = []
    for title, planets, survey in (
        ("b", "b", None),
        ("b, nothing above 2 m/s", "b", RV(2.0)),
        ("b, nothing above 1 m/s", "b", RV(1.0)),
        ("b, nothing transits", "b", Transit(7.1, aligned_deg=2.0)),
        ("c", "c", None),
        ("d", "d", None),
        ("c and d", "cd", None),
        ("all three", "bcd", None),
    ):
        posterior = generator.complete(
            toi469(*planets)[0], star=star, survey=survey, context=context, n=n // 4,
            rng=run.rng, max_extra=24,
        )  # fmt: skip
        row: dict[str, Any] = {"given": title, "effective draws": posterior.effective_size}
        for name in ("b", "c", "d"):
            level = float(posterior.region_level(*_PLACES[name]))
            row[f"level of {name}"] = np.nan if name in planets else level
        row["unseen planets"] = posterior.expected_number().value
        row["outer planets, K > 1 m/s"] = posterior.expected_number(
            {"a_au": (0.1079, 300.0), "k_m_s": (1.0, 1e4)}
        ).value
        row["P(Earth-like)"] = posterior.probability_earth_like().value
        rows.append(row)
        if title == "b, nothing above 1 m/s":
            run.figure("given-b-rv", plot_completion(posterior),
                       caption="The same where a survey would have seen every other planet "
                       "above 1 m/s: what is left lies in the blind zone.")  # fmt: skip
    run.table("questions", pd.DataFrame(rows).round(3), caption="TOI-469 asked in eight ways.")
    run.note("every answer is a statement on the Bern model, not on nature")


def _near(posterior: Any, place: tuple[float, float]) -> float:
    """Unseen planets expected within 0.15 dex of a and M, the half width of the tables'."""
    a, m = posterior.samples.log_a, posterior.samples.log_m
    inside = (np.abs(a - place[0]) < 0.15) & (np.abs(m - place[1]) < 0.25)
    weight = posterior.weights[posterior.samples.system_of_planet]
    return float(weight[inside].sum())


def _with_truth(posterior: Any) -> Any:
    ax = plot_completion(posterior)
    others = toi469()[0]
    known = set(np.round(posterior.known.mass_earth, 3))
    rest = others[~others["mass_earth"].round(3).isin(known)]
    ax.plot(rest["period_day"], rest["mass_earth"], "x", color="black", ms=8, mew=1.8)
    ax.set_xlim(0.5, 5000)
    return ax


def _estimate(value: Any) -> Estimate:
    return Estimate(value.value, value.low, value.high, n=max(1, value.n))
