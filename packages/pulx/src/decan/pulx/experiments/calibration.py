"""Whether probabilities, efficiencies, limits and plans hold what they promise."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from .event_lists import noise_list

__all__ = ["efficiency", "limits", "noise_calibration", "planner"]


@experiment(
    title="Noise is called noise",
    claims=[
        Claim("smallest KS p of Z² tails, 100 and 1,000 photons", goal=0.01, provenance=SIMULATED),
        Claim("smallest KS p of Z² tails, 10 to 40 photons", goal=0.01, provenance=SIMULATED),
        Claim(
            "lists of pure noise called significant at 5 %",
            goal=(0.035, 0.065),
            provenance=SIMULATED,
            headline=True,
        ),
        Claim("the same, searched over drifts too", goal=(0.035, 0.065), provenance=SIMULATED),
    ],
)
def noise_calibration(run: Run) -> None:
    """Tails of Z² in single trials, and false alarms of whole searches over gaps and red noise."""
    from decan.core.metrics import bootstrap

    from ..acceleration import search_accelerated
    from ..periodogram import search_z

    rng = run.rng
    _single_trials(run, rng)
    n_lists = 60 if run.preset == "quick" else 1000
    p_values = np.array(
        [search_z(noise_list(rng), 0.02, 1.0).best["p_global"] for _ in range(n_lists)]
    )
    drifting = np.array(
        [search_accelerated(noise_list(rng), 0.02, 1.0).best["p_global"] for _ in range(n_lists)]
    )
    run.used("simulated lists of noise", provenance=SIMULATED, n=2 * n_lists)
    for name, alarms in (
        ("lists of pure noise called significant at 5 %", p_values < 0.05),
        ("the same, searched over drifts too", drifting < 0.05),
        ("lists of pure noise called significant at 1 %", p_values < 0.01),
    ):
        run.record(name, bootstrap(np.mean, alarms, rng=0), provenance=SIMULATED)
    run.figure(
        "p-values",
        _p_values(p_values),
        caption="Share of noise lists with a smaller "
        "global p: the line is what is promised. Red noise of up to 30 % and occultations "
        "are in the lists.",
    )


@experiment(
    title="Detection efficiency",
    claims=[
        Claim(
            "pulsed fraction found half of the time over theory, constant frequency",
            goal=(0.9, 1.1),
            provenance=SIMULATED,
        ),
        Claim(
            "the same with drifts up to 20 bins", goal=1.15, better="lower", provenance=SIMULATED
        ),
    ],
)
def efficiency(run: Run) -> None:
    """Which pulsed fractions are found, against ``sqrt(2 Z²_threshold / N)``.

    Over pulsed fraction, counts and drift; the claims are about 3,000 counts.
    """
    import pandas as pd

    each = 6 if run.preset == "quick" else 60
    rows = [
        row
        for counts in ((3000,) if run.preset == "quick" else (3000, 1000, 300))
        for drifting in (False, True)
        for row in _shares_found(counts, drifting, each, run.rng)
    ]
    frame = pd.DataFrame(rows)
    run.used("simulated event lists", provenance=SIMULATED, n=each * len(frame))
    for drifting, name in (
        (False, "pulsed fraction found half of the time over theory, constant frequency"),
        (True, "the same with drifts up to 20 bins"),
    ):
        part = frame[(frame["drift"] == drifting) & (frame["counts"] == 3000)]
        found = np.maximum.accumulate(part["found"].to_numpy()) + 1e-9 * np.arange(len(part))
        run.record(
            name,
            float(np.interp(0.5, found, part["factor"])),
            provenance=SIMULATED,
            n=each * len(part),
        )
    run.figure(
        "efficiency",
        _efficiency(frame),
        caption="Share of pulsations found against their pulsed fraction in units of "
        "sqrt(2 Z²/N) at the threshold; lines from dark to light: fewer counts.",
    )
    run.table("map", frame, caption="Share found by counts, drift and pulsed fraction.")


@experiment(
    title="Upper limits",
    claims=[
        Claim("coverage of 99.73 % limits", goal=0.99, provenance=SIMULATED),
        Claim("median limit over Groth's value", goal=(0.85, 1.15), provenance=SIMULATED),
    ],
)
def limits(run: Run) -> None:
    """Do limits hold what they promise? Lists with a pulsation, whose fraction is then limited."""
    from scipy.optimize import brentq
    from scipy.stats import ncx2

    from decan.core.metrics import bootstrap

    from ..limits import pulsed_fraction_limit
    from ..periodogram import search_z
    from ..simulate_events import simulate_events

    n_lists = 60 if run.preset == "quick" else 1000
    rng, covered, ratio = run.rng, [], []
    for _ in range(n_lists):
        rate = float(np.exp(rng.uniform(*np.log((0.3, 3.0)))))
        fraction = float(np.sqrt(2 * rng.uniform(1, 60) / (rate * 2000)))
        events = simulate_events(
            span=2000.0,
            rate=rate,
            frequency=rng.uniform(0.1, 0.9),
            pulsed_fraction=min(fraction, 1.0),
            rng=rng,
        )
        search = search_z(events, 0.05, 1.0)
        limit = pulsed_fraction_limit(events, 0.05, 1.0, search=search)
        covered.append(limit.pulsed_fraction >= min(fraction, 1.0))
        power = float(search.best["Z2"])
        groth = brentq(lambda s, p=power: ncx2.sf(p, 2, s) - 0.9973, 1e-6, 10 * power + 200)
        ratio.append(limit.pulsed_fraction / min(1.0, np.sqrt(2 * groth / len(events))))
    run.used("simulated event lists", provenance=SIMULATED, n=n_lists)
    run.record(
        "coverage of 99.73 % limits",
        bootstrap(np.mean, np.array(covered, float), rng=0),
        provenance=SIMULATED,
    )
    run.record(
        "median limit over Groth's value",
        bootstrap(np.median, np.array(ratio), rng=0),
        provenance=SIMULATED,
    )


@experiment(
    title="Exposures to plan",
    claims=[
        Claim("efficiency at the planned counts", goal=(0.4, 0.6), provenance=SIMULATED),
    ],
)
def planner(run: Run) -> None:
    """Counts and exposures for pulsed fractions of 5 to 20 %, and a check by simulation."""
    import pandas as pd

    from ..limits import required_counts, required_exposure
    from ..periodogram import search_z
    from ..simulate_events import simulate_events

    rows = [
        {
            "pulsed fraction": fraction,
            "counts, 10 million trials": required_counts(fraction),
            "pn exposure at 0.3 ct/s (ks)": required_exposure(fraction, 0.3, frame_time=0.0734)
            / 1e3,
        }
        for fraction in (0.05, 0.1, 0.2)
    ]
    run.table(
        "plan",
        pd.DataFrame(rows),
        caption="Counts to find a sinusoid at 3 sigma in half "
        "of the cases, and exposures of a source of about 1e-12 erg/cm²/s with pn.",
    )
    each = 20 if run.preset == "quick" else 200
    rng, rate, fraction = run.rng, 1.0, 0.2
    span = required_counts(fraction, trials=2000 * 1.9 * 1.0) / rate
    hits = 0
    for _ in range(each):
        events = simulate_events(
            span=span, rate=rate, frequency=rng.uniform(0.2, 1.8), pulsed_fraction=fraction, rng=rng
        )
        hits += search_z(events, 0.1, 2.0, whiten=False).best["p_global"] < 0.0027
    from decan.core.metrics import bootstrap

    outcome = np.zeros(each)
    outcome[:hits] = 1
    run.record(
        "efficiency at the planned counts", bootstrap(np.mean, outcome, rng=0), provenance=SIMULATED
    )


def _single_trials(run: Run, rng: Any) -> None:
    from scipy.stats import kstest

    from ..significance import z_tail
    from ..statistics import z_direct

    n = 2000 if run.preset == "quick" else 10_000
    least: dict[bool, float] = {True: 1.0, False: 1.0}
    for photons in (10, 20, 40, 100, 1000):
        values = np.concatenate(
            [z_direct(rng.uniform(-500, 500, photons), np.array([1.234])) for _ in range(n)]
        )
        p = kstest(z_tail(values, 1, photons), "uniform").pvalue
        least[photons < 50] = min(least[photons < 50], float(p))
    for few, name in (
        (False, "smallest KS p of Z² tails, 100 and 1,000 photons"),
        (True, "smallest KS p of Z² tails, 10 to 40 photons"),
    ):
        run.record(name, least[few], provenance=SIMULATED, n=n)


def _p_values(p: Any) -> Any:
    from decan.core.plotting import COLOURS, new_axes

    ax = new_axes(figsize=(4.6, 4.0))
    ordered = np.sort(p)
    ax.plot(
        ordered, np.arange(1, len(p) + 1) / len(p), color=COLOURS["blue"], label="lists of noise"
    )
    ax.plot([1e-3, 1], [1e-3, 1], "--", color=COLOURS["grey"], label="promised")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(1e-3, 1)
    ax.set_ylim(1e-3, 1)
    ax.set_xlabel("global p of the best peak")
    ax.set_ylabel("share of lists below")
    ax.legend(fontsize=8)
    return ax


def _shares_found(counts: int, drifting: bool, each: int, rng: Any) -> list[dict[str, Any]]:
    """Share of searches below a global p of 0.0027, for pulsed fractions about the threshold."""
    from ..acceleration import search_accelerated
    from ..periodogram import search_z
    from ..simulate_events import simulate_events

    def search(events: Any) -> Any:
        if drifting:
            return search_accelerated(events, 0.1, 2.0, zmax=20)
        return search_z(events, 0.1, 2.0)

    span, rate = 4000.0, counts / 4000.0
    level = search(simulate_events(span=span, rate=rate, rng=rng)).volume.threshold(0.0027)
    theory = float(np.sqrt(2 * level / counts))
    rows = []
    for factor in (0.7, 0.85, 1.0, 1.15, 1.3):
        hits = 0
        for _ in range(each):
            z = rng.uniform(-20, 20) if drifting else 0.0
            events = simulate_events(
                span=span, rate=rate, frequency=rng.uniform(0.2, 1.9), drift=z / span**2,
                pulsed_fraction=min(1.0, factor * theory), rng=rng,
            )  # fmt: skip
            hits += search(events).best["p_global"] < 0.0027
        rows.append(
            {
                "counts": counts,
                "drift": drifting,
                "factor": factor,
                "pulsed fraction": min(1.0, factor * theory),
                "found": hits / each,
            }
        )
    return rows


def _efficiency(frame: Any) -> Any:
    from decan.core.plotting import COLOURS, new_axes

    ax = new_axes(figsize=(5.6, 3.6))
    counts = frame["counts"].unique()
    for drifting, colour, label in (
        (False, "blue", "constant frequency"),
        (True, "orange", "|z| up to 20"),
    ):
        for number, one in enumerate(counts):
            part = frame[(frame["drift"] == drifting) & (frame["counts"] == one)]
            ax.plot(
                part["factor"],
                part["found"],
                "o-",
                color=COLOURS[colour],
                alpha=1 - 0.3 * number,
                label=f"{label}, {one:,} counts",
            )
    ax.axhline(0.5, color=COLOURS["grey"], lw=0.8)
    ax.set_xlabel("pulsed fraction over sqrt(2 Z²_threshold / N)")
    ax.set_ylabel("share found")
    ax.legend(fontsize=7)
    return ax
