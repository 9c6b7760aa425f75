"""Is a source needed? Likelihood ratios with the diffuse field free to take its place."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from .detect import likelihood_ratio
from .image import PhotonImage
from .likelihood import Poisson
from .model import Linearised, SkyModel
from .psf import PSFGrid
from .sampling import conjugate_gradients

__all__ = ["free_share", "mask_hot_pixels", "removal_ts"]


def removal_ts(
    model: SkyModel, likelihood: Poisson, mean: Tensor, *, max_iter: int = 25
) -> tuple[np.ndarray, np.ndarray]:
    """Test statistic of every point source, and the part of it that is its own.

    Twice the log-likelihood ratio with and without the source at its profile flux, exact for
    sparse counts, times the part of its Fisher information that neither the diffuse field nor
    the other components could take over.

    Parameters
    ----------
    model : SkyModel
        The fitted model.
    likelihood : Poisson
        The data.
    mean : Tensor, shape (n_latent,)
        Posterior mean.
    max_iter : int
        Most iterations of conjugate gradients.

    Returns
    -------
    ts, share : ndarray, shape (n,)

    Examples
    --------
    >>> removal_ts.__name__
    'removal_ts'
    """
    if model.points is None:
        return np.zeros(0), np.zeros(0)
    state = model.at(mean[None])
    share = free_share(model, likelihood, state, max_iter=max_iter)
    points, latent = model.points, mean[model.slices["points"]]
    values = points.parameters(latent[None])
    found = np.zeros(points.n)
    images = [i.clone() for i in model.images(state.rate)]
    for i in range(points.n):
        flux = values["flux"][0, i]
        without = _without(model, state, i, images)
        place = [(float(values["y"][0, i]), float(values["x"][0, i]))]
        _, ts = likelihood_ratio(
            model, place, model.counts[None], model.flat(without), flux / flux.sum()
        )
        found[i] = ts[0]
    return found * share, share


def free_share(
    model: SkyModel, likelihood: Poisson, state: Linearised, *, max_iter: int = 25
) -> np.ndarray:
    """Part of each source's flux information left when everything else is free.

    Parameters
    ----------
    model, likelihood : object
        As in :func:`removal_ts`.
    state : Linearised
        At the posterior mean.
    max_iter : int
        Most iterations of conjugate gradients.

    Returns
    -------
    ndarray, shape (n,)
        Between zero and one.

    Examples
    --------
    >>> free_share.__name__
    'free_share'
    """
    points = model.points
    assert points is not None
    metric = likelihood.metric(state.rate)
    first = model.slices["points"].start
    places = first + points.per_source * torch.arange(points.n, device=metric.device)
    diagonal = 1 + state.curvature(metric)
    found = []
    for rows in torch.arange(points.n, device=metric.device).split(8):
        unit = metric.new_zeros(len(rows), model.n_latent)
        unit[torch.arange(len(rows)), places[rows]] = 1
        image = state.jvp(unit)
        information = (image**2 * metric).sum(1)
        free = torch.ones_like(unit)
        for k, row in enumerate(rows.tolist()):
            own = first + points.per_source * row
            free[k, own : own + points.per_source] = 0
        right = state.vjp(metric * image) * free

        def apply(x: Tensor, free: Tensor = free) -> Tensor:
            return x + free * state.vjp(metric * state.jvp(free * x))

        solved, _ = conjugate_gradients(
            apply, right, lambda x: x / diagonal, max_iter=max_iter, tolerance=0.1
        )
        taken = (right * solved).sum(1) / information.clamp(min=1e-30)
        found.append((1 - taken).clamp(1e-3, 1))
    return torch.cat(found).cpu().numpy()


def mask_hot_pixels(image: PhotonImage) -> tuple[PhotonImage, list[dict[str, float]]]:
    """Mask pixels whose counts are narrower than the PSF allows: defects, not sources.

    Parameters
    ----------
    image : PhotonImage
        The observation.

    Returns
    -------
    image : PhotonImage
        The same image where nothing was found.
    found : list of dict
        x, y, band and counts of each.

    Examples
    --------
    >>> from decan.latent_tension.psf import GaussianPSF
    >>> counts = np.ones((32, 32))
    >>> counts[8, 9] = 1e6
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     _, found = mask_hot_pixels(PhotonImage(counts, psf=GaussianPSF(1.5)))
    >>> found
    [{'x': 9.0, 'y': 8.0, 'band': 0, 'counts': 1000000.0}]
    """
    from scipy.ndimage import maximum_filter, uniform_filter

    bands = image.n_bands
    if isinstance(image.psf, PSFGrid):
        stamps = np.max([m.stamps(bands).max((1, 2)) for m in image.psf.members], axis=0)
        ring = np.min([_ring(m.stamps(bands)) for m in image.psf.members], axis=0)
    else:
        stamps, ring = image.psf.stamps(bands).max((1, 2)), _ring(image.psf.stamps(bands))
    mask, found = image.mask.copy(), []
    for j in range(bands):
        data = np.where(image.mask[j], 0, image.counts[j])
        size = tuple(min(3, n) for n in data.shape)
        around = uniform_filter(data, size, mode="constant") * np.prod(size) - data
        # A source with this peak would leave at least this much in the ring around it.
        wanted = data * ring[j] / stamps[j]
        hot = (data >= 25) & (wanted - around > 6 * np.sqrt(wanted + around + 1))
        hot &= (around < 0.5 * wanted) & (data >= maximum_filter(data, size))
        for y, x in np.argwhere(hot & ~mask.all(0)):
            found.append({"x": float(x), "y": float(y), "band": j, "counts": float(data[y, x])})
            mask[:, y, x] = True
    if not found:
        return image, []
    warnings.warn(
        f"{image.name}: {len(found)} pixel(s) narrower than the PSF, the first at "
        f"x {found[0]['x']:.0f}, y {found[0]['y']:.0f}; masked and listed as artifacts",
        UserWarning,
        stacklevel=2,
    )
    clean = object.__new__(PhotonImage)
    clean.__dict__ = {**image.__dict__, "mask": mask}
    # The known spectrum of a source must not be guessed from a defect.
    return clean, found


def _ring(stamps: np.ndarray) -> np.ndarray:
    """Light in the eight pixels around the middle of each stamp, for the narrowest placing."""
    ny, nx = stamps.shape[1:]
    y, x = slice(max(ny // 2 - 1, 0), ny // 2 + 2), slice(max(nx // 2 - 1, 0), nx // 2 + 2)
    return np.asarray(stamps[:, y, x].sum((1, 2)) - stamps[:, ny // 2, nx // 2])


def _without(model: SkyModel, state: Linearised, which: int, images: list[Tensor]) -> list[Tensor]:
    """Rate images without one source."""
    points = model.points
    assert points is not None
    found = []
    for t, (eye, one, image) in enumerate(zip(points.eyes, model.instruments, images, strict=True)):
        stamps = torch.zeros_like(state.states["points"].stamps[t][..., 0, :])
        stamps[:, which] = state.states["points"].stamps[t][:, which, :, 0]
        found.append((image - eye.added(stamps) * one.exposure).clamp(min=1e-9))
    return found
