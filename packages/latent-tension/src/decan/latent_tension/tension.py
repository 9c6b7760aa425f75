"""Tension: where the latents of a fit are implausible under their own prior.

Under the prior every pixel of the position-space excitation map is standard normal. A point
source in a model that knows only smooth emission must be bought with implausible excitations.
Three readings of it are offered: the plain map of the paper, its robust score, and the score
matched to the shape that a missing source leaves, which is the sharpest; each has its null
distribution from repeated experiments under the fitted model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from .detect import gumbel_probability, gumbel_threshold
from .model import SkyModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TensionMaps", "excitation_maps", "latent_table", "robust_score"]


@dataclass
class TensionMaps:
    """Tension of one loop, on the pixels of the first image.

    Attributes
    ----------
    mean, variance : dict of ndarray
        Mean and variance over samples of the excitation map of each field.
    score : dict of ndarray
        Robust score of each mean map.
    matched : ndarray, shape (y, x)
        Score matched to a point source, in its own null's standard deviations.
    null_maxima : ndarray
        Largest significance of a peak in each repetition of the experiment without the source.
    table : pandas.DataFrame
        Reduced chi-square of each group of latents, and the named ones in prior sigmas.

    Examples
    --------
    >>> maps = TensionMaps({}, {}, {}, np.zeros((4, 4)), np.array([3.9, 4.2, 4.6]), None)
    >>> round(maps.threshold(0.05), 2)
    4.81
    """

    mean: dict[str, np.ndarray]
    variance: dict[str, np.ndarray]
    score: dict[str, np.ndarray]
    matched: np.ndarray
    null_maxima: np.ndarray
    table: pd.DataFrame | None
    candidates: list[dict[str, Any]] = field(default_factory=list)

    def threshold(self, p: float) -> float:
        """Significance that a field without further sources exceeds with probability p."""
        return gumbel_threshold(self.null_maxima, p)

    def p_value(self, significance: float) -> float:
        """Probability that a field without further sources has a peak this significant."""
        return gumbel_probability(self.null_maxima, significance)


def excitation_maps(
    model: SkyModel, mean: Tensor, samples: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Position-space excitations of every field of the diffuse component.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    mean : Tensor, shape (n_latent,)
        Posterior mean.
    samples : Tensor, shape (samples, n_latent)
        Deviations from it.

    Returns
    -------
    mean, variance : dict of Tensor
        One map (grid y, grid x) a field: under a right model the mean scatters with variance
        one minus the variance.

    Examples
    --------
    >>> excitation_maps.__name__
    'excitation_maps'
    """
    start = model.slices["diffuse"].start
    means, variances = {}, {}
    for key, one in model.diffuse.fields.items():
        where = model.diffuse.slices[key]
        where = slice(start + where.start + one.n_hyper, start + where.stop)
        means[key] = model.grid.excitation(mean[where])
        variances[key] = (model.grid.excitation(samples[:, where]) ** 2).mean(0)
    return means, variances


def robust_score(image: Any, where: Any = None) -> np.ndarray:
    """Deviation from the median in units of the normalised median absolute deviation.

    Parameters
    ----------
    image : array_like
        A map.
    where : array_like of bool, optional
        Pixels that count for median and deviation.

    Returns
    -------
    ndarray
        Zero everywhere for a constant map.

    Examples
    --------
    >>> robust_score([0.0, 1.0, 2.0, 3.0, 10.0]).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 5.4]
    """
    array = np.asarray(image, float)
    chosen = array if where is None else array[np.asarray(where, bool)]
    middle = np.median(chosen)
    spread = 1.4826 * np.median(np.abs(chosen - middle))
    return np.asarray((array - middle) / spread) if spread > 0 else np.zeros_like(array)


def latent_table(model: SkyModel, mean: Tensor, samples: Tensor) -> pd.DataFrame:
    """How far each group of latents lies from its prior.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    mean, samples : Tensor
        Of the posterior.

    Returns
    -------
    pandas.DataFrame
        Columns latent, n, mean, reduced_chi2 (mean square over latents and samples; one under
        the prior), z (mean in prior sigmas, for single latents) and std (posterior).

    Examples
    --------
    >>> latent_table.__name__
    'latent_table'
    """
    import pandas as pd

    latents = mean + samples
    rows = []
    for name, place in model.named().items():
        rows.append(_row(name, latents[:, place : place + 1]))
    start = model.slices["diffuse"].start
    for key, one in model.diffuse.fields.items():
        where = model.diffuse.slices[key]
        bend = slice(
            start + where.start + len(one.spectrum.names()), start + where.start + one.n_hyper
        )
        if bend.stop > bend.start:
            rows.append(_row(f"diffuse {key} bending", latents[:, bend]))
        rest = slice(start + where.start + one.n_hyper, start + where.stop)
        rows.append(_row(f"diffuse {key} excitations", latents[:, rest]))
    return pd.DataFrame(rows)


def cropped(model: SkyModel, image: Tensor) -> np.ndarray:
    """A map on the grid cut to the pixels of the first image."""
    window = model.instruments[0].window
    return np.asarray(image[..., window[0], window[1]].cpu().numpy())


def _row(name: str, latents: Tensor) -> dict[str, Any]:
    single = latents.shape[1] == 1
    return {
        "latent": name,
        "n": latents.shape[1],
        "mean": float(latents.mean()),
        "reduced_chi2": float((latents**2).mean()),
        "z": float(latents.mean()) if single else float("nan"),
        "std": float(latents.std()) if single and len(latents) > 1 else float("nan"),
    }
