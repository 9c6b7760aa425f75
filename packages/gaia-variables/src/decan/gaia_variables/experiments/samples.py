"""The stars of the experiments: real where they are at hand, else simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, SIMULATED, Provenance, Run

from ..archive import DATASETS, held_out
from ..cleaning import LightCurveCleaner
from ..dmdt import DmDtBinner
from ..folding import LightCurveFolder
from ..lightcurves import LightCurves
from ..parity import load_weights
from ..periods import PeriodFinder
from ..pipeline import Portraits, VariablesPipeline
from ..ragged import segment_mean_std
from ..readers import XPCoefficients
from ..recipe import thinned
from ..simulate import simulate_stars
from ..vae import DmDtVAE, FoldedVAE
from ..xp import XPPreprocessor, XPSpectra

if TYPE_CHECKING:
    import pandas as pd


__all__: list[str] = []

_SIMULATED_FIVE = {
    "RRab": "RR",
    "RRc": "RR",
    "DCEP": "CEP",
    "EA": "ECL",
    "EB": "ECL",
    "EW": "ECL",
    "Mira": "LPV",
    "SR": "LPV",
    "DSCT": "DSCT",
    "GDOR": "DSCT",
}


@dataclass(frozen=True)
class RealStars:
    """All real light curves with their classes and own frequencies."""

    curves: LightCurves
    clean: LightCurves
    frequency: NDArray
    label: NDArray
    table: pd.DataFrame
    extra: NDArray


@dataclass(frozen=True)
class Stars:
    """Stars of five classes with their portraits."""

    clean: LightCurves
    portraits: Portraits
    label: NDArray
    provenance: Provenance


def real_stars(run: Run) -> RealStars:
    """Real light curves; the search for periods is done once a process."""
    run.load("lightcurves")
    run.load("lightcurve-sources")
    return _real_stars()


@lru_cache(maxsize=1)
def _real_stars() -> RealStars:
    curves = DATASETS.load("lightcurves")
    table = DATASETS.load("lightcurve-sources").set_index("source_id").loc[curves.source_id]
    clean = LightCurveCleaner().transform(curves)
    frequency = PeriodFinder().transform(clean).best
    used = clean.used()
    _, deviation = segment_mean_std(used.mag, used.start)
    extra = np.log10(np.stack([frequency, deviation], axis=1))
    return RealStars(curves, clean, frequency, table["best_class_name"].to_numpy(str), table, extra)


def five_classes(run: Run, *, most: int) -> Stars:
    """Held-out real stars where they are at hand, else simulated ones, with portraits."""
    pipeline = VariablesPipeline.pretrained()
    if run.has("lightcurves") and run.has("lightcurve-sources"):
        curves = run.load("lightcurves")
        run.load("lightcurve-sources")
        kept = np.flatnonzero(held_out(curves.source_id))
        kept = np.sort(np.random.default_rng(run.seed).permutation(kept)[:most])
        found = _portraits(tuple(kept.tolist()))
        names = DATASETS.load("lightcurve-sources").set_index("source_id")["best_class_name"]
        clean = pipeline.cleaner.transform(curves[kept])
        return Stars(clean, found, names.loc[found.source_id].to_numpy(str), REAL)
    stars = simulate_stars(min(most, 1000), classes=list(_SIMULATED_FIVE), rng=run.seed)
    run.used("simulated stars of five classes", provenance=SIMULATED, n=len(stars))
    found = pipeline.transform(stars.curves, frequency=stars.truth["dominant_frequency"])
    label = stars.truth["class_name"].map(_SIMULATED_FIVE).to_numpy(str)
    return Stars(pipeline.cleaner.transform(stars.curves), found, label, SIMULATED)


def ground_based(run: Run) -> tuple[LightCurves, Portraits] | None:
    """Real light curves of MACHO out of a published wheel, thinned to Gaia's number of epochs."""
    try:
        curves = run.load("macho")
    except DataNotAvailable as error:
        run.note(f"No real light curve could be had ({error}).")
        return None
    pipeline = VariablesPipeline.pretrained()
    few = thinned(pipeline.cleaner.transform(curves), 80, rng=run.seed)
    return few, pipeline.transform(few)


def real_spectra(run: Run) -> tuple[XPCoefficients, XPSpectra] | None:
    """Spectra with errors in the archive's format: of the data folder, or out of a wheel."""
    try:
        rows = run.load("xp-format" if run.has("xp-format") else "xp-datalink")
    except DataNotAvailable as error:
        run.note(f"No real spectrum could be had ({error}).")
        return None
    return rows, XPPreprocessor().transform(rows.coefficients, rows.errors, rows.correlations)


@lru_cache(maxsize=8)
def _portraits(rows: tuple[int, ...]) -> Portraits:
    curves = DATASETS.load("lightcurves")[np.array(rows)]
    return VariablesPipeline.pretrained().transform(curves)


def published_encoders(run: Run) -> dict[str, Any]:
    """The published light-curve encoders, from the user's file."""
    models: dict[str, Any] = {"dmdt": DmDtVAE(), "fold": FoldedVAE(compat="huijse2025")}
    for name, model in models.items():
        model.network_ = load_weights(name, run.library.datasets().fetch(f"weights-{name}"))
    return models


def record_parity(run: Run, stars: RealStars, authors: Mapping[str, Any]) -> None:
    """Published latents of the same epochs, recovered."""
    same = stars.table["same_input"].to_numpy(bool)
    clean = LightCurveCleaner(error_floor_mag=0).transform(stars.curves[same])
    published = run.load("latents").set_index("source_id").loc[clean.source_id]
    frequency = stars.table["authors_frequency"].to_numpy(float)[same]
    inputs = {
        "dmdt": DmDtBinner.preset("huijse2025").transform(clean),
        "fold": LightCurveFolder(compat="huijse2025").transform(clean, frequency),
    }
    for key, metric, limit in (
        ("dmdt", "Δm|Δt parity, share within 1e-3", 1e-3),
        ("fold", "folded parity, share within 0.01", 0.01),
    ):
        theirs = published[[f"{key}_{k}" for k in range(5)]].to_numpy()
        off = np.abs(authors[key].transform(inputs[key]) - theirs).max(axis=1)
        run.record(metric, float((off < limit).mean()), provenance=REAL, n=len(off))


def agreement(cycles: NDArray, label: NDArray) -> pd.DataFrame:
    """Share of each class whose frequency is once, twice or half that of the known period."""
    import pandas as pd

    rows = []
    for name in np.unique(label):
        own = cycles[(label == name) & np.isfinite(cycles)]
        if len(own):
            shares = {
                f"at {word}": round(float((np.abs(own / factor - 1) < 0.01).mean()), 3)
                for word, factor in (("1/P", 1.0), ("2/P", 2.0), ("1/2P", 0.5))
            }
            rows.append({"class": name, "stars": len(own), **shares})
    return pd.DataFrame(rows)


def baseline(curves: LightCurves) -> NDArray:
    """Time between first and last epoch in use, days."""
    used = curves.used()
    return used.time_d[used.start[1:] - 1] - used.time_d[used.start[:-1]]


def pull(vae: Any, first: Any, second: Any) -> NDArray:
    """Differences of two halves' latents over their σ."""
    (a, sa), (b, sb) = (vae.transform(half, return_std=True) for half in (first, second))
    return (a - b) / np.hypot(sa, sb)


def simulated_pull(vae: Any, rng: np.random.Generator) -> NDArray:
    """The same for two noise realisations of simulated spectra."""
    stars = simulate_stars(400, rng=rng)
    clean = vae.inverse_transform(vae.transform(stars.xp))
    halves = []
    for _ in range(2):
        noisy = clean + stars.xp.err * rng.normal(size=clean.shape)
        scale = np.quantile(noisy, 0.995, axis=1)[:, None]
        flux, err = (noisy / scale).astype(np.float32), (stars.xp.err / scale).astype(np.float32)
        halves.append(XPSpectra(flux, err, stars.xp.scale, stars.xp.status))
    return pull(vae, *halves)


def spectrum_pull(vae: Any, rows: XPCoefficients, rng: np.random.Generator) -> NDArray:
    """The same for real spectra and noise of their published covariances."""
    n, pulls = 400, []
    for star in range(len(rows)):
        if not np.isfinite(rows.coefficients[star]).all():
            continue
        noise = np.hstack([rng.multivariate_normal(np.zeros(len(c)), c, n)
                           for c in rows.covariances(star)])  # fmt: skip
        xp = XPPreprocessor().transform(
            rows.coefficients[star] + noise,
            np.tile(rows.errors[star], (n, 1)),
            np.tile(rows.correlations[star], (n, 1, 1)),
        )
        pulls.append(pull(vae, xp[::2], xp[1::2]))
    return np.concatenate(pulls)


def shuffled(curves: LightCurves, stars: NDArray, rng: np.random.Generator) -> LightCurves:
    """Curves of which some have their magnitudes in random order."""
    used = curves.used()
    mag, err = used.mag.copy(), used.mag_err.copy()
    for star in stars:
        own = np.arange(used.start[star], used.start[star + 1])
        order = rng.permutation(own)
        mag[own], err[own] = used.mag[order], used.mag_err[order]
    return LightCurves(used.source_id, used.start, used.time_d, mag, err, used.reason)
