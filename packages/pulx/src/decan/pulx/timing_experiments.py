"""Experiments on photons: real pulsars found blind, calibration, limits, speed, planning."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import MIXED, REAL, SIMULATED, Claim, Provenance, Run, experiment

if TYPE_CHECKING:
    from .events import EventList

__all__: list[str] = []

# Searches of the real lists: data set, range (Hz), frequency known from elsewhere.
_REAL = {
    "NGC 300 ULX-1": ("ngc300_ulx1", 0.02, 1.0, 0.050305),
    "SGR 1830-0645": ("sgr1830", 0.05, 1.0, 0.095908),
    "PSR B1509-58": ("psrb1509", 1.0, 10.0, 6.59612),
    "M82 field": ("m82_chandra", 0.05, 1.1, None),
}


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
    from .acceleration import search_accelerated
    from .folding import fold
    from .limits import pulsed_fraction_limit
    from .periodogram import search_z

    events, provenance = _tour_events(run)
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
            _log10(constant.best["p_global"]),
            provenance=provenance,
            n=n,
        )
    run.record("frequency", float(best["frequency_hz"]), provenance=provenance, n=n, unit="Hz")
    run.record(
        "pulsed fraction (amplitude)", float(best["pulsed_fraction"]), provenance=provenance, n=n
    )
    run.figure(
        "periodogram",
        constant.plot(),
        caption=f"{events.name}: Z² at constant frequency, "
        "with the level that noise reaches somewhere in 1 % of such searches, and the "
        "aliases as open circles.",
    )
    run.figure(
        "drift-map",
        drifting.plot(),
        caption="Z² over frequency and drift around the best "
        "peak: the gaps repeat one pulsation at offsets of half an orbit's frequency.",
    )
    profile = fold(events, best["frequency_hz"], drift=best["drift_hz_s"])
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

    from .acceleration import search_accelerated
    from .periodogram import search_h, search_z
    from .statistics import h_direct, z_direct

    lists, provenance = _real_lists(run)
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
        rows.append(
            {
                "list": name,
                "events": len(events),
                "trials": len(z.values),
                "frequency (Hz)": best["frequency_hz"],
                "error (Hz)": best["frequency_err_hz"],
                "known (Hz)": truth,
                "Z2": best["Z2"],
                "H": h.best["H"],
                "log10 p single": _log10(best["p_single"]),
                "log10 p global": _log10(best["p_global"]),
                "pulsed fraction": best["pulsed_fraction"],
                "timing": z.timing,
            }
        )
        run.figure(_slug(name), z.plot(), caption=f"{name}: Z² against frequency.")
    n = sum(len(events) for events, *_ in lists.values())
    run.record("largest difference of Z² from the direct sum", off_z, provenance=provenance, n=n)
    run.record("largest difference of H from the direct sum", off_h, provenance=provenance, n=n)
    run.record(
        "pulsars found within 1/(5T), global p below 1e-10", found, provenance=provenance, n=3
    )
    run.table("searches", pd.DataFrame(rows), caption="Blind searches at constant frequency.")
    events = lists["NGC 300 ULX-1"][0]
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
    ],
)
def noise_calibration(run: Run) -> None:
    """Tails of Z² in single trials, and false alarms of whole searches over gaps and red noise."""
    from scipy.stats import kstest

    from .periodogram import search_z
    from .significance import z_tail
    from .statistics import z_direct

    rng = run.rng
    n_trials = 2000 if run.preset == "quick" else 10_000
    least: dict[bool, float] = {True: 1.0, False: 1.0}
    for photons in (10, 20, 40, 100, 1000):
        values = np.concatenate(
            [z_direct(rng.uniform(-500, 500, photons), np.array([1.234])) for _ in range(n_trials)]
        )
        p = kstest(z_tail(values, 1, photons), "uniform").pvalue
        few = photons < 50
        least[few] = min(least[few], float(p))
    run.record(
        "smallest KS p of Z² tails, 100 and 1,000 photons",
        least[False],
        provenance=SIMULATED,
        n=n_trials,
    )
    run.record(
        "smallest KS p of Z² tails, 10 to 40 photons", least[True], provenance=SIMULATED, n=n_trials
    )
    n_lists = 60 if run.preset == "quick" else 1000
    p_values = np.array(
        [search_z(_noise_list(rng), 0.02, 1.0).best["p_global"] for _ in range(n_lists)]
    )
    run.used("simulated lists of noise", provenance=SIMULATED, n=n_lists)
    from decan.core.metrics import bootstrap

    run.record(
        "lists of pure noise called significant at 5 %",
        bootstrap(np.mean, p_values < 0.05, rng=0),
        provenance=SIMULATED,
    )
    run.record(
        "lists of pure noise called significant at 1 %",
        bootstrap(np.mean, p_values < 0.01, rng=0),
        provenance=SIMULATED,
    )
    run.figure(
        "p-values",
        _p_values(p_values),
        caption="Share of noise lists with a smaller "
        "global p: the line is what is promised. Red noise of up to 30 % and occultations "
        "are in the lists.",
    )


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

    from .acceleration import search_accelerated
    from .populations import FREQUENCY_HZ
    from .populations import blind_lists as make

    span = (1e3, 1e4) if run.preset == "quick" else (1e3, 1.3e5)
    seeds = 1 if run.preset == "quick" else 2
    rows = []
    for seed in range(seeds):
        for one in make(span=span, rng=run.seed + seed):
            begin = time.process_time()
            search = search_accelerated(one.events, *FREQUENCY_HZ)
            peaks = search.peaks(20)
            seconds = time.process_time() - begin
            significant = bool(len(peaks) and peaks["p_global"][0] < 0.01)
            found = False
            if one.frequency is not None and significant:
                near = (peaks["frequency_hz"] - one.frequency).abs() * one.events.span < 2
                found = bool((near & ((peaks["alias_of"] == 0) | (peaks.index == 0))).any())
            rows.append(
                {
                    "seed": seed,
                    "kind": one.kind,
                    "instrument": one.instrument,
                    "span_s": one.events.span,
                    "events": len(one.events),
                    "seconds": seconds,
                    "significant": significant,
                    "found": found,
                }
            )
    frame = pd.DataFrame(rows)
    run.used("simulated event lists", provenance=SIMULATED, n=len(frame))
    pulsar = frame["kind"] != "noise"
    scale = 28 / pulsar.groupby(frame["seed"]).sum().iloc[0]
    per_seed = frame[pulsar].groupby("seed")["found"].sum() * scale
    false = frame[~pulsar].groupby("seed")["significant"].sum()
    from decan.core.metrics import bootstrap

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
    """Which pulsed fractions are found, against ``sqrt(2 Z²_threshold / N)``."""
    import pandas as pd

    from .acceleration import search_accelerated
    from .periodogram import search_z
    from .simulate_events import simulate_events

    factors = np.array([0.7, 0.85, 1.0, 1.15, 1.3])
    each = 6 if run.preset == "quick" else 60
    rng, span, rate = run.rng, 4000.0, 0.75
    rows = []
    for drifting in (False, True):
        plain = simulate_events(span=span, rate=rate, rng=rng)
        volume = (
            search_accelerated(plain, 0.1, 2.0, zmax=20) if drifting else search_z(plain, 0.1, 2.0)
        ).volume
        level = volume.threshold(0.0027)
        theory = float(np.sqrt(2 * level / (rate * span)))
        for factor in factors:
            hits = 0
            for _ in range(each):
                z = rng.uniform(-20, 20) if drifting else 0.0
                events = simulate_events(
                    span=span,
                    rate=rate,
                    frequency=rng.uniform(0.2, 1.9),
                    drift=z / span**2,
                    pulsed_fraction=min(1.0, factor * theory),
                    rng=rng,
                )
                search: Any = (
                    search_accelerated(events, 0.1, 2.0, zmax=20)
                    if drifting
                    else search_z(events, 0.1, 2.0)
                )
                hits += search.best["p_global"] < 0.0027
            rows.append({"drift": drifting, "factor": factor, "found": hits / each})
    frame = pd.DataFrame(rows)
    run.used("simulated event lists", provenance=SIMULATED, n=each * len(frame))
    for drifting, name in (
        (False, "pulsed fraction found half of the time over theory, constant frequency"),
        (True, "the same with drifts up to 20 bins"),
    ):
        part = frame[frame["drift"] == drifting]
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
        caption="Share of pulsations found against their "
        "pulsed fraction in units of sqrt(2 Z²/N) at the threshold.",
    )


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

    from .limits import pulsed_fraction_limit
    from .periodogram import search_z
    from .simulate_events import simulate_events

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
    title="Speed beside stingray",
    data=["ngc300_ulx1", "psrb1509"],
    claims=[
        Claim("Z² on the NGC 300 grid, times faster than stingray", goal=100.0, provenance=MIXED),
        Claim("Z² on the B1509 grid, times faster than stingray", goal=100.0, provenance=MIXED),
        Claim("acceleration search, times faster than stingray", goal=5.0, provenance=MIXED),
        Claim("power recovered over that of stingray", goal=1.0, provenance=MIXED),
    ],
)
def speed(run: Run) -> None:
    """Z² and the acceleration search on the same trials as stingray, in one process.

    Needs stingray (``pip install 'decan-pulx[bench]'``); without it only our times are given.
    """
    from .acceleration import search_accelerated
    from .peers import stingray_accelerated, stingray_z
    from .periodogram import search_z
    from .simulate_events import simulate_events

    lists, _ = _real_lists(run)
    peers = run.preset != "quick" and _has_stingray()
    for name, short in (("NGC 300 ULX-1", "NGC 300"), ("PSR B1509-58", "B1509")):
        events, low, high, _ = lists[name]
        ours = _seconds(lambda e=events, a=low, b=high: search_z(e, a, b))
        run.record(f"seconds for Z² on the {short} grid", ours, provenance=MIXED, n=len(events))
        if peers:
            theirs = _seconds(lambda e=events, a=low, b=high: stingray_z(e, a, b), repeats=1)
            run.record(
                f"Z² on the {short} grid, times faster than stingray",
                theirs / ours,
                provenance=MIXED,
                n=len(events),
            )
    events = simulate_events(
        span=11_000.0, rate=0.65, frequency=1.234, drift=2e-7, pulsed_fraction=0.25, rng=run.seed
    )
    ours = _seconds(lambda: search_accelerated(events, 0.05, 4.9, zmax=100))
    run.record("seconds for the acceleration search", ours, provenance=MIXED, n=len(events))
    if peers:
        begin = time.perf_counter()
        power = stingray_accelerated(events, 0.05, 4.9, zmax=100)
        theirs = time.perf_counter() - begin
        best = float(search_accelerated(events, 0.05, 4.9, zmax=100).best["Z2"])
        run.record(
            "acceleration search, times faster than stingray",
            theirs / ours,
            provenance=MIXED,
            n=len(events),
        )
        run.record(
            "power recovered over that of stingray", best / power, provenance=MIXED, n=len(events)
        )
    else:
        run.note("stingray is not asked here (preset quick, or not installed).")


@experiment(
    title="Exposures to plan",
    claims=[
        Claim("efficiency at the planned counts", goal=(0.4, 0.6), provenance=SIMULATED),
    ],
)
def planner(run: Run) -> None:
    """Counts and exposures for pulsed fractions of 5 to 20 %, and a check by simulation."""
    import pandas as pd

    from .limits import required_counts, required_exposure
    from .periodogram import search_z
    from .simulate_events import simulate_events

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


@experiment(
    title="The paper's own sample, from the archives",
    presets=["paper"],
    claims=[
        Claim("rows of known pulsars", 95, source="abstract"),
        Claim("candidate sources", 85, source="abstract"),
        Claim("candidate observations", 355, source="abstract"),
    ],
)
def archive_sample(run: Run) -> None:
    """Rows of 4XMM around the sources, ranked like the simulated ones; needs the network."""
    from .candidates import CandidateFinder
    from .features import features_4xmm
    from .queries import query_4xmm_around

    sources = run.load("swift_sources")
    table = query_4xmm_around(sources["ra_deg"], sources["dec_deg"], names=sources["source"])
    if len(table) == 0:
        raise DataNotAvailable("the archive gave no detection around the sources")
    known_names = set(run.load("known_pulsars")["source"].str.replace(" ", ""))
    features = features_4xmm(table, source="srcid")
    known = np.array([name.replace(" ", "") in known_names for name in table["name"]])[features.row]
    finder = CandidateFinder(random_state=run.seed).fit(
        features.select("bands", "hardness", "peak"), known=known
    )
    ranking = finder.rank()
    chosen = ranking[(ranking["share"] > 0.5) & ~ranking["known"]]
    run.record("rows of known pulsars", int(known.sum()), provenance=REAL, n=len(features))
    run.record("candidate sources", len(chosen), provenance=REAL, n=len(ranking))
    run.record(
        "candidate observations",
        int(np.sum((finder.score_ >= finder.threshold_) & ~known)),
        provenance=REAL,
        n=len(features),
    )
    run.table("candidates", ranking, caption=f"Ranked sources; release {table.attrs['release']}.")


def _tour_events(run: Run) -> tuple[EventList, Provenance]:
    """The real pulsar where it is at hand, else a real field of a wheel, else a simulated list."""
    if run.has("ngc300_ulx1"):
        return run.load("ngc300_ulx1"), REAL
    try:
        return run.load("m82_chandra_wheel"), REAL
    except DataNotAvailable:
        pass  # no package index is reached from here: simulate, and say so
    events = _like_ngc300(run.seed)
    run.used("simulated events like those of NGC 300 ULX-1", provenance=SIMULATED, n=len(events))
    return events, SIMULATED


def _like_ngc300(seed: int) -> EventList:
    from .simulate_events import simulate_events

    gti = [[0, 200], [420, 610], [5500, 5700], [5890, 6130], [11_060, 11_300], [11_380, 11_550]]
    return simulate_events(
        gti=gti,
        rate=1.6,
        frequency=0.0503,
        pulsed_fraction=0.42,
        name="like NGC 300 ULX-1",
        rng=seed,
    )


def _real_lists(run: Run) -> tuple[dict[str, Any], Provenance]:
    """The four real lists, or simulated ones like them; with range and known frequency."""
    from .simulate_events import simulate_events

    if all(run.has(name) for name, *_ in _REAL.values()):
        return {
            name: (run.load(dataset), low, high, truth)
            for name, (dataset, low, high, truth) in _REAL.items()
        }, REAL
    lists: dict[str, Any] = {"NGC 300 ULX-1": (_like_ngc300(run.seed), 0.02, 1.0, 0.0503)}
    for name, span, rate, low, high, truth, fraction in (
        ("SGR 1830-0645", 985.0, 9.5, 0.05, 1.0, 0.0959, 0.5),
        ("PSR B1509-58", 3500.0, 7.4, 1.0, 10.0, 6.596, 0.21),
        ("M82 field", 945.0, 4.9, 0.05, 1.1, None, 0.0),
    ):
        events = simulate_events(
            span=span,
            rate=rate,
            frequency=truth,
            pulsed_fraction=fraction,
            name=f"like {name}",
            rng=run.seed,
        )
        lists[name] = (events, low, high, truth)
    run.used("simulated event lists like the real ones", provenance=SIMULATED, n=4)
    return lists, SIMULATED


def _noise_list(rng: Any) -> EventList:
    from .simulate_events import orbit_intervals, simulate_events

    span = float(np.exp(rng.uniform(*np.log((6e3, 2e4)))))
    gti = orbit_intervals(span, share=0.6, flares=1, rng=rng) if rng.random() < 0.5 else [[0, span]]
    return simulate_events(
        gti=gti,
        rate=float(np.exp(rng.uniform(*np.log((0.05, 1.0))))),
        red_rms=float(rng.uniform(0, 0.3)),
        red_tau=float(np.exp(rng.uniform(*np.log((100, 3000))))),
        rng=rng,
    )


def _seconds(function: Any, *, repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def _has_stingray() -> bool:
    from importlib.util import find_spec

    return find_spec("stingray") is not None


def _log10(p: float) -> float:
    return float(np.log10(max(p, 1e-300)))


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


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


def _efficiency(frame: Any) -> Any:
    from decan.core.plotting import COLOURS, new_axes

    ax = new_axes(figsize=(5.6, 3.6))
    for drifting, colour, label in (
        (False, "blue", "constant frequency"),
        (True, "orange", "|z| up to 20"),
    ):
        part = frame[frame["drift"] == drifting]
        ax.plot(part["factor"], part["found"], "o-", color=COLOURS[colour], label=label)
    ax.axhline(0.5, color=COLOURS["grey"], lw=0.8)
    ax.set_xlabel("pulsed fraction over sqrt(2 Z²_threshold / N)")
    ax.set_ylabel("share found")
    ax.legend(fontsize=8)
    return ax
