"""Helpers of the experiments: cases, scores and their figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run
from decan.core.files import replacing
from decan.core.metrics import bootstrap
from decan.core.plotting import COLOURS, new_axes, style

from ..catalogue import rows_of, score_catalogue
from ..components import Priors

if TYPE_CHECKING:
    import pandas as pd

    from ..decomposer import TensionDecomposer

__all__: list[str] = []

# What diffuse gamma rays are known to be: a bright narrow ridge, and no colour structure to
# speak of; sources are softer or harder by half an index.
FERMI_PRIORS = Priors(
    fluctuations=(0.6, 0.3),
    index_fluctuations=(0.1, 0.05),
    source_index=(0.0, 0.7),
)

_NO_NUMBER = "Guardiani et al. 2025 give no number that could be read"
_BINS = ("12-30", "30-100", "100-300", "above 300")


def simulated_goal(metric: str, goal: Any, better: str = "higher", **more: Any) -> Claim:
    """A goal on simulated skies, with nothing published to set beside it."""
    return Claim(metric, source=_NO_NUMBER, goal=goal, better=better, provenance=SIMULATED, **more)


def real_goal(metric: str, goal: Any, better: str = "higher", **more: Any) -> Claim:
    """A goal on real observations."""
    return Claim(metric, source="goal of this library", goal=goal, better=better, **more)


def field_cases(run: Run) -> list[tuple[Any, pd.DataFrame, np.ndarray]]:
    """Images, truths and true diffuse skies: the given fields, or simulated ones."""
    from ..presets import load_simulated
    from ..simulate import simulate_field

    if run.preset == "quick":
        run.used("simulated field of 64 px", provenance=SIMULATED, n=1)
        field = simulate_field(64, n_points=8, n_extended=1, rng=run.seed + 40)
        return [(field.image, field.truth, field.diffuse)]
    if run.has("simulated") and run.has("simulated-truth"):
        true = run.load("simulated", provenance=SIMULATED)["diffuse_true"].astype(float)
        run.load("simulated-truth", provenance=SIMULATED)
        return [(*load_simulated(k), true[k]) for k in range(12)]
    run.used("simulated fields of 128 px, same recipe", provenance=SIMULATED, n=12)
    run.note("The twelve given fields are not at hand; fields of the same recipe were simulated.")
    made = [simulate_field(128, rng=[run.seed, k]) for k in range(12)]
    return [(f.image, f.truth, f.diffuse) for f in made]


def other_detectors(image: Any, truth: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Scores of the detectors that are installed."""
    from ..baselines import photutils_detect, sep_detect

    scores = {}
    for name, detect in (("photutils", photutils_detect), ("sep", sep_detect)):
        try:
            found = detect(image)
        except ImportError:
            continue
        scores[name] = score_catalogue(found, truth)
    return scores


def kept(run: Run, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A part of a long run, made once: a run that was cut goes on where it was."""
    path = run.folder / f"{name}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    made = make()
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(made))
    return made


def forget(run: Run) -> None:
    """Remove the parts that were kept."""
    for path in run.folder.glob("field-*.json"):
        path.unlink()


def without_table(score: dict[str, Any]) -> dict[str, Any]:
    """A score whose table of matches is plain lists."""
    return {**score, "matches": score["matches"].astype(float).to_dict("list")}


def with_table(score: dict[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`without_table`."""
    import pandas as pd

    return {**score, "matches": pd.DataFrame(score["matches"])}


def record_scores(run: Run, scores: list[dict[str, Any]]) -> None:
    """Record completeness, false points, offsets and fluxes of many fields."""
    import pandas as pd

    _record_completeness(run, scores)
    for key, name in (
        ("false", "false points a field"),
        ("on_extended", "spurious points on extended objects a field"),
        ("extended_found", "extended objects found a field"),
    ):
        counts = np.array([s[key] for s in scores], float)
        run.record(name, mean_of(counts, run), provenance=SIMULATED, n=len(scores))
    matches = pd.concat([s["matches"] for s in scores], ignore_index=True)
    ratio = matches["flux"] / matches["counts"]
    bright, middle = matches["counts"] >= 100, matches["counts"].between(30, 100)
    for name, values, unit in (
        ("median offset above 100 counts", matches["offset"][bright], "px"),
        ("flux ratio above 100 counts", ratio[bright], ""),
        ("flux ratio 30-100 counts", ratio[middle], ""),
    ):
        if len(values):
            value = median_of(values, run)
            run.record(name, value, provenance=SIMULATED, n=len(values), unit=unit)
    if len(matches):
        run.record(
            "offsets inside the quoted 68 % radius",
            share((matches["offset"] < matches["pos_err"]).to_numpy(), run),
            provenance=SIMULATED,
            n=len(matches),
        )


def _record_completeness(run: Run, scores: list[dict[str, Any]]) -> None:
    found, total = (np.array([s[k] for s in scores]) for k in ("found", "total"))
    for j, name in enumerate(_BINS):
        n = int(total[:, j].sum())
        if not n:
            continue
        hits = [np.arange(t) < f for f, t in zip(found[:, j], total[:, j], strict=True)]
        groups = np.repeat(np.arange(len(scores)), total[:, j])
        value = share_of(np.concatenate(hits).astype(float), groups, run)
        run.record(f"completeness {name} counts", value, provenance=SIMULATED, n=n)


def missed_bright(field: int, catalogue: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """True points above 100 counts without a match, and what lies nearest to them."""
    points, rest = truth[truth["kind"] == "point"], truth[truth["kind"] != "point"]
    seen = set(score_catalogue(catalogue, truth)["matches"]["counts"])
    rows = []
    for row in rows_of(points[points["counts_total"] >= 100]):
        if row.counts_total in seen:
            continue
        others = points[points["counts_total"] != row.counts_total]
        away = {
            "true point": np.hypot(others["x_pix"] - row.x_pix, others["y_pix"] - row.y_pix),
            "true extended": np.hypot(rest["x_pix"] - row.x_pix, rest["y_pix"] - row.y_pix),
            "found": np.hypot(catalogue["x"] - row.x_pix, catalogue["y"] - row.y_pix),
        }
        near = {f"nearest {k} (px)": float(v.min()) for k, v in away.items() if len(v)}
        place = {"x": row.x_pix, "y": row.y_pix, "counts": row.counts_total}
        rows.append({"field": field, **place, **near})
    return rows


def summary(name: str, scores: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of the table of detectors."""
    import pandas as pd

    found, total = (np.sum([s[k] for s in scores], 0) for k in ("found", "total"))
    matches = pd.concat([s["matches"] for s in scores], ignore_index=True)
    bright = matches[matches["counts"] >= 100]
    row: dict[str, Any] = {"detector": name}
    row |= {b: f / t if t else np.nan for b, f, t in zip(_BINS, found, total, strict=True)}
    row["false"] = float(np.mean([s["false"] for s in scores]))
    row["on extended"] = float(np.mean([s["on_extended"] for s in scores]))
    row["offset (px)"] = float(bright["offset"].median()) if len(bright) else np.nan
    row["flux ratio"] = (
        float((bright["flux"] / bright["counts"]).median()) if len(bright) else np.nan
    )
    return row


def diffuse_rms(fitted: TensionDecomposer, truth: pd.DataFrame, true: np.ndarray) -> float:
    """Rms of ln(mean/true) of the diffuse sky, 3 px around sources and extended objects apart."""
    sky = fitted.mean("diffuse")
    y, x = np.mgrid[: sky.shape[1], : sky.shape[2]]
    keep = np.ones(sky.shape[1:], bool)
    for row in rows_of(truth):
        reach = 3 if row.kind == "point" else row.size_pix + 6
        keep &= np.hypot(y - row.y_pix, x - row.x_pix) > reach
    return float(np.sqrt(np.mean(np.log(sky[:, keep] / true[:, keep]) ** 2)))


def fermi(run: Run, template: bool) -> tuple[Any, pd.DataFrame]:
    """The Fermi field, its centre where the run is small."""
    from ..presets import load_fermi_gc

    run.load("fermi-gc")
    run.load("fermi-gc-catalogue")
    return load_fermi_gc(template=template, rebin=2)


def associated(
    catalogue: pd.DataFrame, known: pd.DataFrame, *, radius_px: float = 2.5, pixel_deg: float = 0.1
) -> tuple[int, int, int, list[float]]:
    """3FHL points found, points without association, points on extended ones, offsets in r95."""
    points = catalogue[catalogue["kind"] == "point"]
    truth = known[~known["extended"].astype(bool)]
    free = np.ones(len(points), bool)
    pulls = []
    for row in rows_of(truth.sort_values("npred", ascending=False)):
        distance = np.hypot(points["x"] - row.x, points["y"] - row.y).to_numpy()
        distance = np.where(free, distance, np.inf)
        if len(distance) and distance.min() <= radius_px:
            free[int(distance.argmin())] = False
            pulls.append(float(distance.min() * pixel_deg / row.r95_deg))
    disks = known[known["extended"].astype(bool)]
    on = np.zeros(len(points), bool)
    for row in rows_of(disks):
        on |= (
            np.hypot(points["x"] - row.x, points["y"] - row.y).to_numpy()
            < row.extent_deg / pixel_deg
        )
    return len(pulls), int((free & ~on).sum()), int((free & on).sum()), pulls


def slope_pull(spectrum: pd.DataFrame, size: int) -> float:
    """Posterior slope less that of the simulated ``(1 + k^2)^-2``, in posterior sigmas.

    The slope is the mean one between the first and the last wave number, for both.
    """
    k = spectrum["k"].to_numpy() * size
    log = -2 * np.log1p(k**2)
    true = (log[-1] - log[0]) / np.log(k[-1] / k[0])
    mean, spread = spectrum.attrs["slope"]
    return float(abs(mean - true) / np.hypot(spread, 0.1))


def true_spectrum(spectrum: pd.DataFrame, size: int, rms: float = 0.6) -> tuple[Any, Any]:
    """Wave numbers and power of the simulated spatial field, white noise being one."""
    axis = np.fft.fftfreq(size, 1 / size)
    k2 = axis[:, None] ** 2 + axis**2
    total = ((1 + k2) ** -2.0).sum() - 1
    k = spectrum["k"].to_numpy()
    return k, rms**2 * size**2 / total * (1 + (k * size) ** 2) ** -2.0


def field_figures(
    run: Run, fitted: TensionDecomposer, truth: pd.DataFrame, spectrum: pd.DataFrame
) -> None:
    """Figures of one decomposed field."""
    from ..plots import plot_decomposition, plot_residuals, plot_spectrum

    run.figure(
        "decomposition",
        plot_decomposition(fitted, truth=truth),
        caption="The first field: crosses are true sources, circles those found.",
    )
    run.figure(
        "residuals",
        plot_residuals(fitted.noise_weighted_residuals()[0]),
        caption="Residuals in units of the noise; few counts a pixel skew them.",
    )
    run.figure(
        "spectrum",
        plot_spectrum(spectrum, truth=true_spectrum(spectrum, fitted.images_[0].shape[2])),
        caption="Power spectrum of the log of the diffuse emission, 68 % band, and the true one.",
    )


def as_truth(known: pd.DataFrame) -> pd.DataFrame:
    """A catalogue with pixel coordinates named as a simulation's truth."""
    return known.rename(columns={"x": "x_pix", "y": "y_pix"})


def share(hits: np.ndarray, run: Run) -> Any:
    """Share of hits with its interval."""
    return mean_of(hits.astype(float), run)


def rank_figure(ranks: np.ndarray, n_samples: int) -> Any:
    """Histogram of ranks 0 to ``n_samples``, three ranks a bin, on a scale of one."""
    ax = new_axes(figsize=(4.6, 3.4))
    edges = np.arange(0, n_samples + 2, 3) - 0.5
    share = np.histogram(ranks, edges)[0] / len(ranks)
    ax.stairs(share / np.diff(edges) * (n_samples + 1), edges / n_samples)
    ax.axhline(1, color=COLOURS["grey"], lw=1)
    ax.set_xlabel("rank of the truth among the samples")
    ax.set_ylabel("density")
    return ax


def nearest(catalogue: pd.DataFrame, lon: float, lat: float) -> tuple[float, float]:
    """Sky position of the catalogued point nearest to a direction."""
    points = catalogue[catalogue["kind"] == "point"]
    if not len(points):
        return np.nan, np.nan
    away = np.hypot((points["lon"] - lon) * np.cos(np.radians(lat)), points["lat"] - lat)
    row = points.loc[away.idxmin()]
    return float(row["lon"]), float(row["lat"])


def arcsec_between(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance of two directions that are close together."""
    return float(np.hypot((a[0] - b[0]) * np.cos(np.radians(a[1])), a[1] - b[1]) * 3600)


def brightest_place(image: Any) -> tuple[float, float]:
    """(y, x) of the peak of the smoothed counts."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(image.counts.sum(0), 4)
    y, x = np.unravel_index(int(np.argmax(smooth)), smooth.shape)
    return float(y), float(x)


def line_figure(field: Any, fitted: TensionDecomposer) -> Any:
    """Counts and fit above, tension below."""
    import matplotlib.pyplot as plt

    with style():
        _, axes = plt.subplots(2, 1, figsize=(7, 4.6), sharex=True)
    x = np.arange(field.image.shape[2])
    axes[0].plot(x, field.image.counts[0, 0], ".", ms=3, color=COLOURS["grey"], label="counts")
    axes[0].plot(x, field.diffuse[0, 0], color=COLOURS["orange"], label="true background")
    axes[0].plot(x, fitted.mean("diffuse")[0, 0], color=COLOURS["blue"], label="background, final")
    axes[0].plot(
        x,
        fitted.predict_counts()[0][0, 0],
        color=COLOURS["black"],
        lw=0.9,
        label="background and line, final",
    )
    axes[0].legend(ncols=2)
    axes[0].set_ylabel("counts")
    maps = fitted.tension_maps_[0]
    axes[1].plot(x, maps.matched[0], color=COLOURS["red"], label="matched")
    axes[1].plot(x, maps.score["spatial"][0], color=COLOURS["sky"], label="excitation, robust")
    axes[1].axvline(field.truth["x_pix"][0], color=COLOURS["grey"], lw=0.8)
    axes[1].set_ylabel("tension (σ)")
    axes[1].set_xlabel("pixel")
    axes[1].legend()
    return axes


def p_value_figure(p_values: list[float]) -> Any:
    """Distribution function of p-values beside the diagonal."""
    ax = new_axes(figsize=(4.6, 4.0))
    ordered = np.sort(p_values)
    ax.step(
        np.r_[0, ordered, 1],
        np.r_[0, np.arange(1, len(ordered) + 1) / len(ordered), 1],
        where="post",
    )
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], lw=1)
    ax.set_xlabel("global p-value")
    ax.set_ylabel("share of source-free fields below")
    return ax


def share_of(hits: np.ndarray, groups: np.ndarray, run: Run) -> Any:
    """Share of hits with its interval over groups."""
    if len(np.unique(groups)) < 2:
        return float(hits.mean())
    return bootstrap(np.mean, hits, groups=groups, rng=run.seed)


def mean_of(values: np.ndarray, run: Run) -> Any:
    """Mean with its interval."""
    return bootstrap(np.mean, values, rng=run.seed) if len(values) > 1 else float(values.mean())


def median_of(values: Any, run: Run) -> Any:
    """Median with its interval."""
    array = np.asarray(values, float)
    return bootstrap(np.median, array, rng=run.seed) if len(array) > 1 else float(np.median(array))
