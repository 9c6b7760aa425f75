"""What a fit says: component skies, residuals in two currencies, checks, power spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .model import SkyModel

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "component_skies",
    "expected_counts",
    "noise_weighted_residuals",
    "posterior_spectrum",
    "predictive_check",
    "uncertainty_weighted_residuals",
]

COMPONENTS = ("total", "diffuse", "extended", "points")


def component_skies(model: SkyModel, latents: Tensor, component: str = "total") -> np.ndarray:
    """Samples of a component's sky on the pixels of the first image, without PSF.

    Point sources are drawn as light on the nearest four pixels, so that fluxes add up.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    latents : Tensor, shape (samples, n_latent)
        Posterior samples.
    component : {'total', 'diffuse', 'extended', 'points'}
        Which; ``extended`` is the sum of all extended objects.

    Returns
    -------
    ndarray, shape (samples, band, y, x)
        Counts a pixel for an exposure of one.

    Raises
    ------
    ValueError
        If there is no such component.

    Examples
    --------
    >>> component_skies(None, None, "stars")
    Traceback (most recent call last):
    ...
    ValueError: component: must be one of ('total', 'diffuse', 'extended', 'points'), ...
    """
    if component not in COMPONENTS:
        raise ValueError(f"component: must be one of {COMPONENTS}, found {component!r}")
    parts = []
    window = model.instruments[0].window
    for some in latents.split(4):
        shape = (len(some), model.diffuse.n_bands, model.grid.ny, model.grid.nx)
        sky = some.new_zeros(shape)
        if component in ("total", "diffuse"):
            where = model.slices["diffuse"]
            sky = sky + model.diffuse.at(some[:, where]).intensity
        if component in ("total", "extended"):
            for i, box in enumerate(model.boxes):
                inside = box.at(some[:, model.slices[f"extended_{i}"]]).intensity
                sky[:, :, box.window[0], box.window[1]] += inside
        if component in ("total", "points") and model.points is not None:
            _add_points(sky, model.points.parameters(some[:, model.slices["points"]]))
        parts.append(sky[:, :, window[0], window[1]].cpu().numpy())
    return np.concatenate(parts)


def expected_counts(model: SkyModel, latents: Tensor) -> list[np.ndarray]:
    """Posterior mean of the expected counts of every image.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    latents : Tensor, shape (samples, n_latent)
        Posterior samples.

    Returns
    -------
    list of ndarray, shape (band, y, x)

    Examples
    --------
    >>> expected_counts.__name__
    'expected_counts'
    """
    total = sum(model.at(some).rate.sum(0, keepdim=True) for some in latents.split(4))
    assert isinstance(total, Tensor)
    return [image[0].cpu().numpy() for image in model.images(total / len(latents))]


def noise_weighted_residuals(model: SkyModel, latents: Tensor) -> list[np.ndarray]:
    """``(n - rate) / sqrt(rate)`` of every image; NaN where masked.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    latents : Tensor, shape (samples, n_latent)
        Posterior samples.

    Returns
    -------
    list of ndarray, shape (band, y, x)
        About standard normal where counts are many; skewed where they are few.

    Examples
    --------
    >>> noise_weighted_residuals.__name__
    'noise_weighted_residuals'
    """
    found = []
    for eye, rate in zip(model.instruments, expected_counts(model, latents), strict=True):
        counts, good = eye.counts.cpu().numpy(), eye.good.cpu().numpy() > 0
        scaled = (counts - rate) / np.sqrt(np.maximum(rate, 1e-12))
        found.append(np.where(good, scaled, np.nan))
    return found


def uncertainty_weighted_residuals(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """``(mean(ln I) - ln I_true) / std(ln I)`` over samples.

    Parameters
    ----------
    samples : ndarray, shape (samples, ...)
        Samples of an intensity.
    truth : ndarray
        The true intensity of a simulation.

    Returns
    -------
    ndarray
        Standard normal for a calibrated posterior.

    Examples
    --------
    >>> uncertainty_weighted_residuals(np.exp([[0.0], [2.0]]), np.array([1.0])).round(3)
    array([0.707])
    """
    logs = np.log(np.maximum(samples, 1e-300))
    spread = np.maximum(logs.std(0, ddof=1), 1e-300)
    return np.asarray((logs.mean(0) - np.log(np.maximum(truth, 1e-300))) / spread)


def posterior_spectrum(model: SkyModel, latents: Tensor, key: str = "spatial") -> pd.DataFrame:
    """Power spectrum of a diffuse field: median and 68 % band.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    latents : Tensor, shape (samples, n_latent)
        Posterior samples.
    key : str
        'spatial', 'index' or 'deviation_0', ...

    Returns
    -------
    pandas.DataFrame
        k (cycles a pixel), power, low, high (variance a mode of the unit-rms normalised
        transform), and ``attrs["slope"]``: mean and standard deviation of the mean slope.

    Raises
    ------
    ValueError
        If the diffuse component has no such field.

    Examples
    --------
    >>> posterior_spectrum.__name__
    'posterior_spectrum'
    """
    import pandas as pd

    if key not in model.diffuse.fields:
        raise ValueError(f"key: must be one of {list(model.diffuse.fields)}, found {key!r}")
    field, where = model.diffuse.fields[key], model.diffuse.slices[key]
    start = model.slices["diffuse"].start + where.start
    hyper = latents[:, start : start + field.n_hyper]
    weight, _ = field.weight(hyper)
    k = model.grid.k.flatten() / max(model.grid.ny, model.grid.nx)
    # White noise of unit variance has power one in every mode.
    power = (weight / model.grid.white).flatten(1) ** 2
    edges = torch.exp(field.log_k) / max(model.grid.ny, model.grid.nx)
    edges = edges * np.exp(field.log_k_first)
    rows = []
    for centre in edges:
        nearest = int(torch.argmin((torch.log(k.clamp(min=1e-9)) - torch.log(centre)).abs()))
        low, middle, high = np.percentile(power[:, nearest].cpu().numpy(), [16, 50, 84])
        rows.append({"k": float(centre), "power": middle, "low": low, "high": high})
    table = pd.DataFrame(rows)
    log_power, _ = field.spectrum.log_power(hyper, field.log_k)
    slopes = ((log_power[:, -1] - log_power[:, 0]) / field.log_k[-1]).cpu().numpy()
    table.attrs["slope"] = (float(slopes.mean()), float(slopes.std(ddof=1)))
    return table


def predictive_check(
    model: SkyModel, latents: Tensor, *, rng: Any = None, n_draws: int = 50
) -> pd.DataFrame:
    """Posterior predictive p-values, which say whether data drawn from the fit look like the data.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    latents : Tensor, shape (samples, n_latent)
        Posterior samples.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.
    n_draws : int
        Data sets drawn.

    Returns
    -------
    pandas.DataFrame
        statistic, observed, expected (mean of the draws), p: share of draws at least as large.
        Statistics: total counts, deviance, and the largest count in a pixel.

    Examples
    --------
    >>> predictive_check.__name__
    'predictive_check'
    """
    import pandas as pd

    rng = np.random.default_rng(rng)
    good = model.good.cpu().numpy() > 0
    rates = np.concatenate(
        [model.at(some).rate.cpu().numpy()[:, good] for some in latents.split(4)]
    )
    mean = rates.mean(0)
    observed = _statistics(model.counts.cpu().numpy()[good], mean)
    drawn = np.array(
        [_statistics(rng.poisson(rates[i % len(rates)]), mean) for i in range(n_draws)]
    )
    names = ("total counts", "deviance", "largest count")
    return pd.DataFrame(
        {
            "statistic": names,
            "observed": observed,
            "expected": drawn.mean(0),
            "p": (drawn >= observed).mean(0),
        }
    )


def _statistics(counts: np.ndarray, rate: np.ndarray) -> np.ndarray:
    log = np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / rate), 0.0)
    return np.array([counts.sum(), 2 * (log - counts + rate).sum(), counts.max(initial=0)])


def _add_points(sky: Tensor, values: dict[str, Tensor]) -> None:
    """Light of each source on its four nearest pixels, with bilinear weights."""
    _, bands, ny, nx = sky.shape
    y, x = values["y"].clamp(0, ny - 1.001), values["x"].clamp(0, nx - 1.001)
    iy, ix = y.floor().long(), x.floor().long()
    fy, fx = y - iy, x - ix
    flat = sky.flatten(2)
    for dy, wy in ((0, 1 - fy), (1, fy)):
        for dx, wx in ((0, 1 - fx), (1, fx)):
            place = (iy + dy).clamp(max=ny - 1) * nx + (ix + dx).clamp(max=nx - 1)
            light = (values["flux"] * (wy * wx)[..., None]).transpose(1, 2)
            flat.scatter_add_(2, place[:, None].expand(-1, bands, -1), light)
    sky.copy_(flat.reshape(sky.shape))
