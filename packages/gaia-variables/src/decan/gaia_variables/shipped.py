"""Training of the weights in the wheel: ``decan gaia-variables train --preset shipped``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from decan.core.errors import DataNotAvailable

from .archive import DATASETS, held_out
from .dmdt import DmDt, DmDtBinner
from .folding import Folded, LightCurveFolder
from .joint import JointVAE
from .lightcurves import LightCurves
from .pipeline import VariablesPipeline
from .recipe import (
    PRESETS,
    Preset,
    TrainingSet,
    curves_for_training,
    spectra_for_training,
    with_partial_copies,
)
from .simulate import simulate_stars
from .vae import XPVAE, DmDtVAE, FoldedVAE
from .xp import XPSpectra

__all__ = ["held_out_metrics", "split_halves", "train_shipped"]

_REAL = ("lightcurves", "lightcurve-sources", "asas", "xp-hot-subdwarfs", "xp-templates")
# Histograms need their labels less: a higher weight costs reconstruction.
_LABEL_WEIGHT = {"fold": 0.05, "dmdt": 0.003}


def train_shipped(
    out: str | os.PathLike[str],
    *,
    preset: str = "shipped",
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Train the whole pipeline and save it; a killed training goes on from its checkpoints.

    Parameters
    ----------
    out : path-like
        The artifact to write. Checkpoints are kept beside it until it is written.
    preset : {'quick', 'shipped'}
        See `PRESETS`. ``'shipped'`` needs the data folder.
    seed : int
        Seed of simulation and training.
    progress : bool
        Whether to show bars.

    Returns
    -------
    pathlib.Path
        The artifact.

    Raises
    ------
    ValueError
        If the preset is unknown.
    DataNotAvailable
        If ``'shipped'`` does not find the real data.

    Examples
    --------
    >>> train_shipped("weights", preset="huge")
    Traceback (most recent call last):
    ...
    ValueError: preset: expected one of quick, shipped, found 'huge'
    """
    if preset not in PRESETS:
        raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, found {preset!r}")
    size, real, out = PRESETS[preset], preset == "shipped", Path(out)
    if real:
        for name in _REAL:
            if DATASETS.where(name) is None:
                raise DataNotAvailable(
                    f"{name} is not at hand; set DECAN_DATA (--preset quick does without)"
                )
    kept = out.with_name(f".{out.name}.checkpoints")
    pipeline = _untrained(size, seed)
    spectra, test = spectra_for_training(size, real=real, rng=seed)
    pipeline.xp = _stage(
        kept / "xp",
        pipeline.xp,
        lambda vae: vae.fit(spectra, checkpoint=kept / "xp.ckpt", progress=progress),
    )
    stars = curves_for_training(size.n_simulated, real=real, rng=seed, progress=progress)
    _fit_curves(pipeline, stars, size, kept, progress)
    _calibrate(pipeline, stars)
    pipeline.joint = _joint(pipeline, 4 * size.n_simulated // 10, seed, progress)
    training = {
        "command": f"decan gaia-variables train --preset {preset} --seed {seed}",
        "seed": seed,
        **_made_of(stars, len(spectra), _REAL if real else ()),
    }
    metrics = {} if test is None else held_out_metrics(pipeline, test)
    path = pipeline.save(out, metrics=metrics, training=training)
    shutil.rmtree(kept, ignore_errors=True)
    return path


def held_out_metrics(pipeline: VariablesPipeline, spectra: XPSpectra) -> dict[str, float]:
    """How well a pipeline does on real stars that no training sees, for its manifest.

    Parameters
    ----------
    pipeline : VariablesPipeline
        Fitted.
    spectra : XPSpectra
        Real spectra that were held out.

    Returns
    -------
    dict
        Residual of the spectra, NLL and coverage of the histograms.

    Examples
    --------
    >>> held_out_metrics.__name__  # needs the real curves
    'held_out_metrics'
    """
    off = np.abs(pipeline.xp.inverse_transform(pipeline.xp.transform(spectra)) - spectra.flux)
    curves = DATASETS.load("lightcurves")
    clean = pipeline.cleaner.transform(curves[held_out(curves.source_id)])
    halves = [
        pipeline.dmdt.transform(pipeline.binner.transform(half), return_std=True)
        for half in split_halves(clean)
    ]
    (first, sigma_1), (second, sigma_2) = halves
    pull = np.abs(first - second) / np.hypot(sigma_1, sigma_2)
    return {
        "xp_residual_percent_of_peak": float(100 * np.median(off)),
        "dmdt_nll_of_a_cell": pipeline.dmdt.score(pipeline.binner.transform(clean)),
        "dmdt_coverage_of_one_sigma": float(np.nanmean(pull < 1)),
        "dmdt_coverage_of_two_sigma": float(np.nanmean(pull < 1.96)),
    }


def split_halves(curves: LightCurves) -> tuple[LightCurves, LightCurves]:
    """Two independent observations of each star: its epochs in turn, one for each half.

    Parameters
    ----------
    curves : LightCurves
        Cleaned curves.

    Returns
    -------
    tuple of LightCurves
        Both with all stars.

    Examples
    --------
    >>> curves = simulate_stars(5, rng=0).curves
    >>> first, second = split_halves(curves)
    >>> bool((first.n_used + second.n_used == curves.n_used).all())
    True
    """
    used = curves.used()
    rank = np.arange(len(used.time_d)) - used.start[:-1][used.star]
    # Epochs come in groups within hours: pairs of epochs go to the same half, so that
    # both halves see short and long differences.
    odd = (rank // 2) % 2 == 1
    return (
        used.leave_out(odd, "flagged by the archive").used(),
        used.leave_out(~odd, "flagged by the archive").used(),
    )


def _untrained(size: Preset, seed: int) -> VariablesPipeline:
    return VariablesPipeline(
        xp=XPVAE(
            beta=1e-4, epochs=size.epochs_xp, batch_size=256, learning_rate=3e-3, random_state=seed
        ),
        dmdt=DmDtVAE(
            beta=1e-4,
            epochs=size.epochs_dmdt,
            learning_rate=2e-3,
            random_state=seed,
        ),
        fold=FoldedVAE(
            epochs=size.epochs_fold, batch_size=128, learning_rate=1e-3, random_state=seed
        ),
    )


def _made_of(stars: TrainingSet, n_spectra: int, names: tuple[str, ...]) -> dict[str, Any]:
    """What a training saw, for the manifest."""
    simulated = {"name": "simulated", "licence": "BSD-3-Clause", "citation": "decan"}
    data = [
        {"name": name, "licence": DATASETS[name].licence, "citation": DATASETS[name].citation}
        for name in names
    ]
    return {
        "data": [*data, simulated],
        "held_out": "stars of decan.gaia_variables.held_out are in no part of it",
        "n": {
            "real_curves": int((stars.real & (stars.label >= 0)).sum()),
            "asas_curves": int((stars.real & (stars.label < 0)).sum()),
            "simulated_curves": int((~stars.real).sum()),
            "spectra": n_spectra,
        },
        "labels": "classes of simulated and real training stars, weight "
        + ", ".join(f"{weight} ({name})" for name, weight in _LABEL_WEIGHT.items()),
    }


def _fit_curves(
    pipeline: VariablesPipeline, stars: TrainingSet, size: Preset, kept: Path, progress: bool
) -> None:
    more = with_partial_copies(stars, size.partial_copies, rng=pipeline.dmdt.random_state)
    histograms: DmDt = DmDtBinner().transform(more.curves)
    pipeline.dmdt = _stage(
        kept / "dmdt",
        pipeline.dmdt,
        lambda vae: vae.fit(
            histograms, labels=more.label, label_weight=_LABEL_WEIGHT["dmdt"],
            checkpoint=kept / "dmdt.ckpt", progress=progress,
        ),
    )  # fmt: skip
    rows = _repeated(stars, size.real_copies)
    folded: Folded = LightCurveFolder().transform(stars.curves, stars.frequency)
    pipeline.fold = _stage(
        kept / "fold",
        pipeline.fold,
        lambda vae: vae.fit(
            folded[rows], labels=stars.label[rows], label_weight=_LABEL_WEIGHT["fold"],
            checkpoint=kept / "fold.ckpt", progress=progress,
        ),
    )  # fmt: skip


def _stage(folder: Path, vae: Any, train: Callable[[Any], Any]) -> Any:
    """A trained encoder: the one that an earlier, killed run has finished, or a new one."""
    if folder.is_dir():
        finished = type(vae).load(folder)
        if finished._settings() == vae._settings():
            return finished
    train(vae)
    vae.save(folder)
    return vae


def _repeated(stars: TrainingSet, copies: int) -> np.ndarray:
    """Rows of the training set, the real labelled curves several times."""
    real = np.flatnonzero(stars.real & (stars.label >= 0))
    rest = np.flatnonzero(~(stars.real & (stars.label >= 0)))
    return np.concatenate([np.repeat(real, copies), rest])


def _calibrate(pipeline: VariablesPipeline, stars: TrainingSet) -> None:
    """σ of the latents from halves of real training curves (simulated ones without them).

    That of spectra follows from their errors and needs no calibration.
    """
    rows = np.flatnonzero(stars.real & (stars.label >= 0))
    rows = rows if len(rows) else np.arange(min(len(stars.curves), 500))
    first, second = split_halves(stars.curves[rows])
    f = stars.frequency[rows]
    pipeline.dmdt.calibrate(*(pipeline.binner.transform(half) for half in (first, second)))
    pipeline.fold.calibrate(*(pipeline.folder.transform(half, f) for half in (first, second)))


def _joint(pipeline: VariablesPipeline, n: int, seed: int, progress: bool) -> JointVAE:
    """Joint model of simulated stars: no real star here has all three modalities."""
    stars = simulate_stars(max(n, 200), rng=seed + 1)
    known = stars.truth["dominant_frequency"].notna().to_numpy()
    portraits = pipeline.transform(
        stars.curves[known], stars.xp[known], frequency=stars.truth["dominant_frequency"][known]
    )
    # At full weight the prior wins before the experts have learned anything.
    joint = JointVAE(beta=0.1, epochs=120, random_state=seed)
    return joint.fit(portraits.latents, progress=progress)
