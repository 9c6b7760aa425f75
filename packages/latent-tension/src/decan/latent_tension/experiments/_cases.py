"""Helpers of the experiments: cases, scores and their figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Run
from decan.core.metrics import bootstrap
from decan.core.plotting import COLOURS, new_axes, style

from .catalogue import rows_of, score_catalogue
from .components import Priors

if TYPE_CHECKING:
    import pandas as pd

    from .decomposer import TensionDecomposer

__all__: list[str] = []

# What diffuse gamma rays are known to be: a bright narrow ridge, and no colour structure to
# speak of; sources are softer or harder by half an index.
FERMI_PRIORS = Priors(
    fluctuations=(0.6, 0.3),
    index_fluctuations=(0.1, 0.05),
    source_index=(0.0, 0.7),
)

_BINS = ("12-30", "30-100", "100-300", "above 300")


def field_cases(run: Run) -> list[tuple[Any, pd.DataFrame, np.ndarray]]:
    """Images, truths and true diffuse skies: the given fields, or simulated ones."""
    from .presets import load_simulated
    from .simulate import simulate_field

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


def other_detectors(image: Any, truth: pd.DataFrame, other: dict[str, list[Any]]) -> None:
    """Scores of the detectors that are installed."""
    from .baselines import photutils_detect, sep_detect

    for name, detect in (("photutils", photutils_detect), ("sep", sep_detect)):
        try:
            found = detect(image)
        except ImportError:
            continue
        other.setdefault(name, []).append(score_catalogue(found, truth))


def record_scores(run: Run, scores: list[dict[str, Any]]) -> None:
    """Record completeness, false points, offsets and fluxes of many fields."""
    import pandas as pd

    found, total = (np.array([s[k] for s in scores]) for k in ("found", "total"))
    for j, name in enumerate(_BINS):
        n = int(total[:, j].sum())
        if not n:
            continue
        hits = np.concatenate(
            [
                np.r_[np.ones(f), np.zeros(t - f)]
                for f, t in zip(found[:, j], total[:, j], strict=True)
            ]
        )
        groups = np.repeat(np.arange(len(scores)), total[:, j])
        label = name if name.startswith("above") else f"{name}"
        value = _share(hits, groups, run)
        run.record(f"completeness {label} counts", value, provenance=SIMULATED, n=n)
    for key, name in (
        ("false", "false points a field"),
        ("on_extended", "spurious points on extended objects a field"),
    ):
        counts = np.array([s[key] for s in scores], float)
        run.record(name, _mean(counts, run), provenance=SIMULATED, n=len(scores))
    matches = pd.concat([s["matches"] for s in scores], ignore_index=True)
    bright = matches[matches["counts"] >= 100]
    middle = matches[matches["counts"].between(30, 100)]
    if len(bright):
        run.record(
            "median offset above 100 counts",
            _median(bright["offset"], run),
            provenance=SIMULATED,
            n=len(bright),
            unit="px",
        )
        run.record(
            "flux ratio above 100 counts",
            _median(bright["flux"] / bright["counts"], run),
            provenance=SIMULATED,
            n=len(bright),
        )
    if len(middle):
        run.record(
            "flux ratio 30-100 counts",
            _median(middle["flux"] / middle["counts"], run),
            provenance=SIMULATED,
            n=len(middle),
        )
    inside = (matches["offset"] < matches["pos_err"]).to_numpy(float)
    if len(inside):
        run.record(
            "offsets inside the quoted 68 % radius",
            _mean(inside, run),
            provenance=SIMULATED,
            n=len(inside),
        )
    extended = [(s["extended_found"]) for s in scores]
    run.record(
        "extended objects found a field",
        float(np.mean(extended)),
        provenance=SIMULATED,
        n=len(scores),
    )


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
    from .presets import load_fermi_gc

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


def why_map_fails(run: Run) -> None:
    """Optimise field and spectrum jointly, without samples, and watch the spectrum run away."""
    import pandas as pd
    import torch

    from .components import Scene
    from .inference import Poisson, energy_and_gradient, few_threads, newton_step
    from .simulate import simulate_field

    field = simulate_field(48, n_points=0, n_extended=0, rng=[run.seed, 13])
    scene = Scene.of([field.image], Priors(slope=(-4.0, 1.0)))
    model = scene.model()
    likelihood = Poisson(model.counts, model.good)
    mean = scene.start(model, torch.Generator().manual_seed(run.seed))
    nothing = mean.new_zeros(1, len(mean))
    names = model.named()
    rows = []
    with few_threads():
        for number in range(12):
            rows.append(
                {
                    "step": number,
                    "slope": float(mean[names["diffuse spatial slope"]]),
                    "fluctuations": float(mean[names["diffuse spatial fluctuations"]]),
                }
            )
            energy, gradient = energy_and_gradient(model, likelihood, mean, nothing)
            accepted = newton_step(model, likelihood, mean, nothing, energy, gradient)
            if accepted is None:
                break
            mean = accepted
    table = pd.DataFrame(rows)
    ax = new_axes(figsize=(5.6, 3.4))
    ax.plot(table["step"], table["slope"], "o-", label="slope")
    ax.plot(table["step"], table["fluctuations"], "s-", label="fluctuations")
    ax.axhspan(-2, 2, color=COLOURS["grey"], alpha=0.15, lw=0)
    ax.set_xlabel("Newton step of the joint maximum")
    ax.set_ylabel("latent (prior σ)")
    ax.legend()
    run.figure(
        "map",
        ax,
        caption="Joint maximum of field and spectrum on a source-free field: "
        "the spectrum's latents leave what their prior allows (grey: 2 sigma). Samples "
        "are drawn from the first round on for this reason.",
    )
    run.record(
        "slope latent at the joint maximum",
        float(abs(table["slope"].iloc[-1])),
        provenance=SIMULATED,
        n=1,
        unit="prior sigma",
    )


def _share(hits: np.ndarray, groups: np.ndarray, run: Run) -> Any:
    if len(np.unique(groups)) < 2:
        return float(hits.mean())
    return bootstrap(np.mean, hits, groups=groups, rng=run.seed)


def _mean(values: np.ndarray, run: Run) -> Any:
    return bootstrap(np.mean, values, rng=run.seed) if len(values) > 1 else float(values.mean())


def _median(values: Any, run: Run) -> Any:
    array = np.asarray(values, float)
    return bootstrap(np.median, array, rng=run.seed) if len(array) > 1 else float(np.median(array))
