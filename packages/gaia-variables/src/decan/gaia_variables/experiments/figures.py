"""The figures of the experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.plotting import COLOURS, new_axes, style

from .. import plots
from ..folding import Folded
from ..lightcurves import LightCurves
from ..periods import SCANNING_LOG_F
from ..pipeline import Portraits, VariablesPipeline
from ..xp import XPSpectra
from .samples import RealStars, Stars

if TYPE_CHECKING:
    pass


__all__: list[str] = []


def draw_classes(stars: Stars) -> Any:
    """One star of each class, folded."""
    pipeline = VariablesPipeline.pretrained()
    folded = pipeline.folder.transform(stars.clean, stars.portraits.frequency)
    return _panels(folded, stars.label, stars.portraits.nll[:, 1], pipeline.fold)


def draw_folded(stars: RealStars, folded: Folded, vae: Any, test: NDArray) -> Any:
    """The same for the held-out real stars."""
    rows = np.flatnonzero(test)
    return _panels(folded[rows], stars.label[rows], vae.score_samples(folded[rows]), vae)


def draw_macho(curves: LightCurves, portraits: Portraits) -> Any:
    """Each star of MACHO, folded."""
    import matplotlib.pyplot as plt

    pipeline = VariablesPipeline.pretrained()
    folded = pipeline.folder.transform(curves, portraits.frequency)
    with style():
        figure, axes = plt.subplots(1, len(folded), figsize=(3.1 * len(folded), 2.9))
    for star, ax in enumerate(np.atleast_1d(axes)):
        period = 1 / portraits.frequency[star]
        title = f"{portraits.source_id[star]}: {period:.4g} d"
        plots.plot_folded(folded, star, vae=pipeline.fold, title=title, ax=ax)
        ax.set_ylabel("MACHO blue (mag)")
    return figure


def _panels(folded: Folded, label: NDArray, nll: NDArray, vae: Any) -> Any:
    import matplotlib.pyplot as plt

    names = np.unique(label)
    with style():
        figure, axes = plt.subplots(1, len(names), figsize=(3.1 * len(names), 2.9))
    for ax, name in zip(np.atleast_1d(axes), names, strict=True):
        rows = np.flatnonzero((label == name) & np.isfinite(nll))
        if len(rows):
            # The median star of its class: neither the best nor the worst.
            star = rows[np.argsort(nll[rows])[len(rows) // 2]]
            plots.plot_folded(folded, int(star), vae=vae, title=str(name), ax=ax)
    return figure


def draw_confusion(matrix: NDArray, names: list[str]) -> Any:
    """Confusion matrix."""
    return plots.plot_confusion(matrix, names)


def draw_spectra(vae: Any, xp: XPSpectra, names: Sequence[str] = ()) -> Any:
    """Spectra, six at most, and their reconstructions."""
    rows = np.linspace(0, len(xp) - 1, min(6, len(xp))).astype(int)
    return plots.plot_spectra(
        xp.flux[rows], other=vae.inverse_transform(vae.transform(xp[rows])), names=names
    )


def draw_shifts(moved: Mapping[str, NDArray]) -> Any:
    """Histogram of the largest shifts."""
    return plots.plot_values(
        {k: v.ravel() for k, v in moved.items()},
        xlabel="Largest shift of a folded latent",
        log=True,
    )


def draw_coverage(pulls: Mapping[str, NDArray]) -> Any:
    """Coverage curves."""
    return plots.plot_coverage({k: v.ravel() for k, v in pulls.items()})


def draw_map(place: NDArray, label: NDArray) -> Any:
    """The map by class."""
    return plots.plot_map(place, classes=label)


def draw_scores(nll: NDArray, spoilt: NDArray) -> Any:
    """Likelihoods of shuffled and untouched curves."""
    rest = np.delete(nll, spoilt)
    return plots.plot_values(
        {"as observed": rest, "shuffled": nll[spoilt]}, xlabel="NLL of a folded point"
    )


def draw_periods(true: NDArray, found: NDArray, hit: NDArray) -> Any:
    """Found against true frequencies."""
    ax = new_axes(figsize=(4.8, 4.4))
    for rows, colour, name in ((hit, "blue", "within 1/T"), (~hit, "red", "missed")):
        ax.loglog(true[rows], found[rows], ".", color=COLOURS[colour], label=name)
    ax.set(xlabel="True frequency (1/d)", ylabel="Found frequency (1/d)")
    ax.legend()
    return ax


def draw_aliases(published: NDArray, found: NDArray, alias: NDArray) -> Any:
    """Found against published frequencies, with the lines of the scanning law."""
    ax = new_axes(figsize=(5.6, 5.0))
    for line in SCANNING_LOG_F:
        ax.axhline(10**line, color=COLOURS["grey"], lw=0.6, zorder=0)
    same = np.abs(found - published) < 3e-4
    for rows, colour, name in (
        (same, "blue", "as published"),
        (~same & ~alias, "red", "other"),
        (~same & alias, "orange", "other, flagged as alias"),
    ):
        ax.loglog(published[rows], found[rows], ".", ms=4, color=COLOURS[colour], label=name)
    ax.set(xlabel="Published frequency (1/d)", ylabel="Our frequency (1/d)")
    ax.legend(fontsize=8)
    return ax
