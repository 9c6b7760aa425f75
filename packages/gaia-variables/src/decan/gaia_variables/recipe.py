"""How the shipped models are trained, so that anyone can make them again.

Real stars of :func:`~decan.gaia_variables.archive.held_out` are left out, so that
evaluations on them stay honest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .archive import DATASETS, held_out
from .cleaning import LightCurveCleaner
from .lightcurves import LightCurves
from .periods import PeriodFinder, gls_power
from .shapes import TEMPLATES
from .simulate import Simulated, simulate_stars, simulate_xp
from .xp import XPPreprocessor, XPSpectra, xp_error

__all__ = [
    "PRESETS",
    "Preset",
    "TrainingSet",
    "curves_for_training",
    "spectra_for_training",
    "thinned",
    "with_partial_copies",
]

_LEAST_SHARE = 0.3
FIVE_CLASSES = ("CEP", "DSCT|GDOR|SXPHE", "ECL", "LPV", "RR")


@dataclass(frozen=True)
class Preset:
    """Size of a training.

    Parameters
    ----------
    n_simulated, n_xp : int
        Simulated light curves and spectra.
    epochs_xp, epochs_dmdt, epochs_fold : int
        Passes over the data.
    real_copies : int
        How often real curves and spectra are repeated against the simulated.
    partial_copies : int
        Copies of real curves with a part of their epochs, for the histograms.
    mixtures : int
        Mixtures of two real spectra, for each real one.

    Examples
    --------
    >>> PRESETS["quick"].n_simulated < PRESETS["shipped"].n_simulated
    True
    """

    n_simulated: int
    n_xp: int
    epochs_xp: int
    epochs_dmdt: int
    epochs_fold: int
    real_copies: int = 2
    partial_copies: int = 10
    mixtures: int = 30


PRESETS = {
    "quick": Preset(n_simulated=600, n_xp=600, epochs_xp=20, epochs_dmdt=15, epochs_fold=3),
    "shipped": Preset(
        n_simulated=12_000, n_xp=6_000, epochs_xp=220, epochs_dmdt=60, epochs_fold=20
    ),
}
"""``quick`` for tests; ``shipped`` made the weights in the wheel."""


@dataclass(frozen=True)
class TrainingSet:
    """Light curves to learn from.

    Parameters
    ----------
    curves : LightCurves
        Cleaned, real then simulated.
    frequency : ndarray, shape (n,)
        Dominant frequency, cycles per day.
    label : ndarray of int, shape (n,)
        Class number, -1 where unknown.
    real : ndarray of bool, shape (n,)
        Which are observed.

    Examples
    --------
    >>> stars = curves_for_training(20, real=False, rng=0)
    >>> len(stars.curves), bool(stars.real.any())
    (20, False)
    """

    curves: LightCurves
    frequency: NDArray[np.float64]
    label: NDArray[np.int64]
    real: NDArray[np.bool_]


def curves_for_training(
    n_simulated: int,
    *,
    real: bool = True,
    rng: np.random.Generator | int | None = None,
    progress: bool = False,
) -> TrainingSet:
    """Real curves that are not held out, ASAS curves, and simulated ones.

    Parameters
    ----------
    n_simulated : int
        Number of simulated stars, on real times where there are real curves.
    real : bool
        Whether to use the data folder.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.
    progress : bool
        Whether to show bars.

    Returns
    -------
    TrainingSet

    Examples
    --------
    >>> curves_for_training(10, real=False, rng=1).label.max() < 100
    np.True_
    """
    generator = np.random.default_rng(rng)
    cleaner, finder = LightCurveCleaner(), PeriodFinder()
    parts: list[tuple[LightCurves, NDArray, NDArray, bool]] = []
    cadence = None
    if real:
        curves = DATASETS.load("lightcurves")
        cadence = curves[~held_out(curves.source_id)]
        table = DATASETS.load("lightcurve-sources").set_index("source_id")
        names = table.loc[cadence.source_id, "best_class_name"]
        label = len(TEMPLATES) + np.array([FIVE_CLASSES.index(name) for name in names])
        clean = cleaner.transform(cadence)
        parts.append((clean, finder.transform(clean, progress=progress).best, label, True))
        asas, _ = DATASETS.load("asas")
        clean = thinned(cleaner.transform(asas), 80, generator)
        unknown = np.full(len(asas), -1)
        parts.append((clean, finder.transform(clean, progress=progress).best, unknown, True))
    stars = simulate_stars(n_simulated, cadence=cadence, rng=generator)
    codes = {name: k for k, name in enumerate(TEMPLATES)}
    label = stars.truth["class_name"].map(codes).to_numpy()
    frequency = _likely_frequency(stars, generator)
    parts.append((cleaner.transform(stars.curves), frequency, label, False))
    return TrainingSet(
        _joined([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]).astype(np.int64),
        np.concatenate([np.full(len(part[0]), part[3]) for part in parts]),
    )


def spectra_for_training(
    size: Preset, *, real: bool = True, rng: np.random.Generator | int | None = None
) -> tuple[XPSpectra, XPSpectra | None]:
    """XP spectra to learn from, and the real ones that are held out.

    Real spectra are also mixed with each other, as the spectrum of an unresolved pair is
    a sum, and their differences prolonged: so few real spectra are learned by heart
    otherwise.

    Parameters
    ----------
    size : Preset
        Says how many simulated spectra, copies and mixtures.
    real : bool
        Whether to use the data folder.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    tuple of XPSpectra
        For training, and held out (None without the data folder).

    Examples
    --------
    >>> spectra, kept = spectra_for_training(PRESETS["quick"], real=False, rng=0)
    >>> len(spectra), kept is None
    (600, True)
    """
    generator = np.random.default_rng(rng)
    names = generator.choice(list(TEMPLATES), size.n_xp)
    magnitude = generator.uniform(9.0, 17.6, size.n_xp)
    if not real:
        return simulate_xp(names, magnitude, rng=generator)[0], None
    arrays = DATASETS.load("xp-templates")
    templates = (arrays["flux"].reshape(len(arrays["flux"]), -1), arrays["label"])
    half = size.n_xp // 2
    simulated = [
        simulate_xp(names[:half], magnitude[:half], templates=templates, rng=generator)[0],
        simulate_xp(names[half:], magnitude[half:], rng=generator)[0],
    ]
    table = DATASETS.load("xp-hot-subdwarfs")
    coefficients = table.filter(regex="^[br]p_").to_numpy(float)
    kept = held_out(table["source_id"].to_numpy())
    observed, test = (_with_errors(XPPreprocessor().transform(c))
                      for c in (coefficients[~kept], coefficients[kept]))  # fmt: skip
    mixed = _mixtures(observed, size.mixtures * len(observed), generator)
    return _stacked([*[observed] * size.real_copies, mixed, *simulated]), test


def with_partial_copies(
    stars: TrainingSet, copies: int, rng: np.random.Generator | int | None = None
) -> TrainingSet:
    """The stars, and copies of the real labelled ones with a part of their epochs.

    The histogram of fewer epochs, down to three tenths, is another observation of the
    same star.

    Parameters
    ----------
    stars : TrainingSet
        Cleaned.
    copies : int
        Copies of each real labelled star.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    TrainingSet

    Examples
    --------
    >>> stars = curves_for_training(5, real=False, rng=0)
    >>> len(with_partial_copies(stars, 3, rng=0).curves)  # none of them is real
    5
    """
    generator = np.random.default_rng(rng)
    rows = np.flatnonzero(stars.real & (stars.label >= 0))
    own = stars.curves[rows].used()
    parts = [stars.curves]
    for _ in range(copies):
        share = generator.uniform(_LEAST_SHARE, 1, len(own))
        left_out = generator.random(len(own.time_d)) > share[own.star]
        parts.append(own.leave_out(left_out, "flagged by the archive").used())
    order = np.concatenate([np.arange(len(stars.curves)), np.tile(rows, copies)])
    return TrainingSet(
        _joined(parts), stars.frequency[order], stars.label[order], stars.real[order]
    )


def thinned(
    curves: LightCurves, most: int, rng: np.random.Generator | int | None = None
) -> LightCurves:
    """At most so many epochs a star, at random: ground-based curves are longer than Gaia's.

    Parameters
    ----------
    curves : LightCurves
        Cleaned curves.
    most : int
        Epochs a star.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    LightCurves

    Examples
    --------
    >>> thinned(simulate_stars(3, rng=0).curves, 20, rng=0).n_used.tolist()
    [20, 20, 20]
    """
    used = curves.used()
    draw = np.random.default_rng(rng).random(len(used.time_d))
    order = np.lexsort((draw, used.star))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - used.start[:-1][used.star]
    return used.leave_out(rank >= most, "flagged by the archive").used()


def _mixtures(spectra: XPSpectra, n: int, rng: np.random.Generator) -> XPSpectra:
    """Points on lines through two spectra, between and beyond them."""
    first, second = rng.integers(0, len(spectra), (2, n))
    weight = rng.uniform(-0.5, 1.5, (n, 1))
    mixed = weight * spectra.flux[first] + (1 - weight) * spectra.flux[second]
    mixed = mixed / np.quantile(mixed, 0.995, axis=1, keepdims=True)
    assert spectra.err is not None
    return XPSpectra(
        mixed.astype(np.float32), np.maximum(spectra.err[first], spectra.err[second]),
        spectra.scale[first], spectra.status[first],
    )  # fmt: skip


def _with_errors(spectra: XPSpectra) -> XPSpectra:
    """Typical errors by peak flux, for coefficients that came without."""
    err = np.repeat(xp_error(spectra.scale)[:, None], spectra.flux.shape[1], axis=1)
    return XPSpectra(spectra.flux, err.astype(np.float32), spectra.scale, spectra.status)


def _likely_frequency(stars: Simulated, rng: np.random.Generator) -> NDArray:
    """Dominant frequency; where there is none, the best of some at random, as a search gives."""
    frequency = stars.truth["dominant_frequency"].to_numpy(copy=True)
    curves = stars.curves
    for i in np.flatnonzero(~np.isfinite(frequency)):
        own = slice(curves.start[i], curves.start[i + 1])
        trial = np.exp(rng.uniform(np.log(1e-3), np.log(25), 200))
        power = gls_power(curves.time_d[own], curves.mag[own], curves.mag_err[own], trial)
        frequency[i] = trial[power.argmax()]
    return np.clip(frequency + rng.normal(0, 2e-5, len(frequency)), 1e-3, 25)


def _joined(parts: list[LightCurves]) -> LightCurves:
    """Several batches as one, stars numbered anew: ids of different catalogues may collide."""
    lengths = np.concatenate([np.diff(part.start) for part in parts])
    arrays = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("time_d", "mag", "mag_err", "reason")
    )
    start = np.concatenate([[0], np.cumsum(lengths)])
    return LightCurves(np.arange(len(lengths)), start, *arrays)


def _stacked(parts: list[XPSpectra]) -> XPSpectra:
    names = ("flux", "err", "scale", "status")
    return XPSpectra(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
