"""Blind searches: real pulsars, the aliases of gaps, and mixed simulated lists."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Provenance, Run, experiment

from .event_lists import log10, real_lists, tour_events

if TYPE_CHECKING:
    from ..events import EventList
    from ..populations import BlindList

__all__ = ["blind_lists", "blind_search", "real_pulsars"]


@experiment(
    title="A pulsar found blind, and what gaps make of it",
    data=["ngc300_ulx1", "m82_chandra_wheel"],
    claims=[
        Claim(
            "peaks of the ten highest that are marked as one alias family", goal=10.0, headline=True
        ),
        Claim("log10 of the global false-alarm probability", goal=-10.0, better="lower"),
    ],
    tour=True,
)
def blind_search(run: Run) -> None:
    """Search an event list over frequency and drift, mark the aliases of its gaps, fold, and limit.

    One pulsation seen through the gaps of a low orbit stands at a dozen places of the
    (f, drift) plane, almost equally high: a list of peaks without that mark misleads.
    """
    from ..acceleration import search_accelerated
    from ..limits import pulsed_fraction_limit
    from ..periodogram import search_z

    events, provenance = tour_events(run)
    low, high = (0.02, 1.0) if provenance is SIMULATED or len(events) < 4000 else (0.05, 1.1)
    constant = search_z(events, low, high)
    drifting = search_accelerated(events, low, high, zmax=10)
    peaks = drifting.peaks(10)
    best = drifting.best
    n = len(events)
    if "M82" in events.name:  # the field without a pulsar: nothing to find, and that is said
        run.record(
            "global p of the best peak, field without a pulsar",
            float(constant.best["p_global"]),
            provenance=provenance,
            n=n,
        )
    else:
        run.record(
            "peaks of the ten highest that are marked as one alias family",
            int(np.sum((peaks["alias_of"] == 0) | (peaks.index == 0))),
            provenance=provenance,
            n=len(peaks),
        )
        run.record(
            "log10 of the global false-alarm probability",
            log10(constant.best["p_global"]),
            provenance=provenance,
            n=n,
        )
    run.record("frequency", float(best["frequency_hz"]), provenance=provenance, n=n, unit="Hz")
    run.record(
        "pulsed fraction (amplitude)", float(best["pulsed_fraction"]), provenance=provenance, n=n
    )
    _show_search(run, constant, drifting, peaks)
    run.note(str(pulsed_fraction_limit(events, low, high, search=constant)) + ".")


@experiment(
    title="Real lists searched blind",
    data=["ngc300_ulx1", "sgr1830", "psrb1509", "m82_chandra"],
    claims=[
        Claim(
            "largest difference of Z² from the direct sum", goal=1e-6, better="lower", headline=True
        ),
        Claim("largest difference of H from the direct sum", goal=1e-6, better="lower"),
        Claim("pulsars found within 1/(5T), global p below 1e-10", goal=3.0),
        Claim("global p of the best peak in the M82 field", goal=0.01),
        Claim(
            "alias spacing over the nearest multiple of 1/(2 x 5.5 ks), largest misfit",
            goal=0.05,
            better="lower",
        ),
    ],
)
def real_pulsars(run: Run) -> None:
    """NGC 300 ULX-1, SGR 1830-0645 and PSR B1509-58 without knowing their periods, and a field
    without a pulsar.
    """
    import pandas as pd

    from ..folding import fold
    from ..periodogram import search_h, search_z
    from ..statistics import h_direct, z_direct

    lists, provenance = real_lists(run)
    rows, found, off_z, off_h = [], 0, 0.0, 0.0
    for name, (events, low, high, truth) in lists.items():
        z, h = search_z(events, low, high), search_h(events, low, high, nharm=4)
        at = run.rng.integers(0, len(z.values), 300)
        at[0], at[1] = int(np.argmax(z.values)), int(np.argmax(h.values))
        t = events.times - events.span / 2
        off_z = max(off_z, np.max(np.abs(z.values[at] - z_direct(t, z.frequency[at]))))
        direct = h_direct(t, z.frequency[at], n_harmonics=h.n_harmonics)
        off_h = max(off_h, np.max(np.abs(h.values[at] - direct)))
        best = z.best
        if truth is not None:
            near = abs(best["frequency_hz"] - truth) <= 1 / (5 * events.span)
            found += bool(near and best["p_global"] < 1e-10)
        else:
            run.record(
                "global p of the best peak in the M82 field",
                float(best["p_global"]),
                provenance=provenance,
                n=len(events),
            )
        rows.append({"list": name, "known (Hz)": truth, **_row(z, h)})
        run.figure(_slug(name), z.plot(), caption=f"{name}: Z² against frequency.")
        if truth is not None:
            run.figure(
                f"{_slug(name)}-profile",
                fold(events, best["frequency_hz"]).plot(),
                caption=f"{name}: folded at {best['frequency_hz']:.6f} Hz, each bin divided by its "
                "exposure.",
            )
    n = sum(len(events) for events, *_ in lists.values())
    run.record("largest difference of Z² from the direct sum", off_z, provenance=provenance, n=n)
    run.record("largest difference of H from the direct sum", off_h, provenance=provenance, n=n)
    run.record(
        "pulsars found within 1/(5T), global p below 1e-10", found, provenance=provenance, n=3
    )
    run.table("searches", pd.DataFrame(rows), caption="Blind searches at constant frequency.")
    _aliases(run, lists["NGC 300 ULX-1"][0], provenance)


@experiment(
    title="Blind search on mixed lists",
    claims=[
        Claim("pulsars found, of 28", goal=22.0, provenance=SIMULATED, headline=True),
        Claim(
            "noise lists called significant, of 20", goal=1.0, better="lower", provenance=SIMULATED
        ),
        Claim("seconds of processor time a list", goal=0.5, better="lower", provenance=SIMULATED),
    ],
)
def blind_lists(run: Run) -> None:
    """Three instruments; constant, drifting and orbiting pulsars near the limit; red noise.

    Found means: the best peak is within two Fourier bins of the frequency at mid-time (or an
    alias of a listed peak that is), with a global probability below 1 %.
    """
    import pandas as pd

    from decan.core.metrics import bootstrap

    from ..populations import blind_lists as make

    span = (1e3, 1e4) if run.preset == "quick" else (1e3, 1.3e5)
    seeds = range(run.seed, run.seed + (1 if run.preset == "quick" else 2))
    rows = [{"seed": seed, **_searched(one)} for seed in seeds for one in make(span=span, rng=seed)]
    frame = pd.DataFrame(rows)
    run.used("simulated event lists", provenance=SIMULATED, n=len(frame))
    pulsar = frame["kind"] != "noise"
    scale = 28 / pulsar.groupby(frame["seed"]).sum().iloc[0]
    per_seed = frame[pulsar].groupby("seed")["found"].sum() * scale
    false = frame[~pulsar].groupby("seed")["significant"].sum()
    run.record(
        "pulsars found, of 28",
        bootstrap(lambda x: 28 * np.mean(x), frame["found"][pulsar].to_numpy(float), rng=0),
        provenance=SIMULATED,
    )
    run.record(
        "noise lists called significant, of 20",
        bootstrap(lambda x: 20 * np.mean(x), frame["significant"][~pulsar].to_numpy(float), rng=0),
        provenance=SIMULATED,
    )
    run.record(
        "seconds of processor time a list",
        float(frame["seconds"].mean()),
        provenance=SIMULATED,
        n=len(frame),
        note=f"median {frame['seconds'].median():.2f} s",
    )
    summary = frame.groupby(["kind", "instrument"])[["found", "significant", "seconds"]].mean()
    run.table(
        "kinds",
        summary.reset_index(),
        caption="Shares found and called significant, and mean seconds, by kind and instrument.",
    )
    run.note(
        f"Found in each set of 28: {', '.join(f'{x:.0f}' for x in per_seed)}; false alarms in "
        f"each set of 20: {', '.join(str(x) for x in false)}."
    )


def _show_search(run: Run, constant: Any, drifting: Any, peaks: Any) -> None:
    from ..folding import fold

    run.figure(
        "periodogram",
        constant.plot(),
        caption=f"{constant.events.name}: Z² at constant frequency, "
        "with the level that noise reaches somewhere in 1 % of such searches, and the "
        "aliases as open circles.",
    )
    run.figure(
        "drift-map",
        drifting.plot(),
        caption="Z² over frequency and drift around the best "
        "peak: the gaps repeat one pulsation at offsets of half an orbit's frequency.",
    )
    best = drifting.best
    profile = fold(constant.events, best["frequency_hz"], drift=best["drift_hz_s"])
    run.figure(
        "profile",
        profile.plot(),
        caption="Folded at the best peak, each bin divided by its exposure.",
    )
    run.table(
        "peaks",
        peaks,
        caption="The ten highest peaks over frequency and drift; alias_of "
        "is the row of the peak that it repeats.",
    )


def _row(z: Any, h: Any) -> dict[str, Any]:
    best = z.best
    return {
        "events": len(z.events),
        "trials": len(z.values),
        "frequency (Hz)": best["frequency_hz"],
        "error (Hz)": best["frequency_err_hz"],
        "Z2": best["Z2"],
        "H": h.best["H"],
        "log10 p single": log10(best["p_single"]),
        "log10 p global": log10(best["p_global"]),
        "pulsed fraction": best["pulsed_fraction"],
        "timing": z.timing,
    }


def _aliases(run: Run, events: EventList, provenance: Provenance) -> None:
    """How far the peaks of one pulsation lie from multiples of half an orbit's frequency."""
    from ..acceleration import search_accelerated

    peaks = search_accelerated(events, 0.02, 1.0, zmax=10).peaks(10)
    steps = (peaks["frequency_hz"] - peaks["frequency_hz"][0]).abs() * 2 * 5500
    apart = steps > 0.5
    misfit = float((steps / steps.round().clip(lower=1) - 1).abs()[apart].max())
    run.record(
        "alias spacing over the nearest multiple of 1/(2 x 5.5 ks), largest misfit",
        misfit,
        provenance=provenance,
        n=int(apart.sum()),
    )
    run.table(
        "ngc300-aliases",
        peaks,
        caption="NGC 300 ULX-1: the ten highest peaks over frequency and drift.",
    )


def _searched(one: BlindList) -> dict[str, Any]:
    """What a search of one list says, whether that is right, and how long it took."""
    from ..acceleration import search_accelerated
    from ..populations import FREQUENCY_HZ

    begin = time.process_time()
    search = search_accelerated(one.events, *FREQUENCY_HZ)
    peaks = search.peaks(20)
    seconds = time.process_time() - begin
    significant = bool(len(peaks) and peaks["p_global"][0] < 0.01)
    found = False
    if one.frequency is not None and significant:
        near = (peaks["frequency_hz"] - one.frequency).abs() * one.events.span < 2
        found = bool((near & ((peaks["alias_of"] == 0) | (peaks.index == 0))).any())
    return {
        "kind": one.kind,
        "instrument": one.instrument,
        "span_s": one.events.span,
        "events": len(one.events),
        "seconds": seconds,
        "significant": significant,
        "found": found,
    }


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
