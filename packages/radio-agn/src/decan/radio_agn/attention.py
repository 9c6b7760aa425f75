"""Where a network looks: Grad-CAM, and how far apart its two strongest places are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from torch import nn
from torch.nn import functional

from .steerable import group_pool

__all__ = ["STAMP_PIXEL_ARCSEC", "grad_cam", "peak_separation"]

STAMP_PIXEL_ARCSEC = 3.6
"""Pixel of the inner channels of a stamp."""


def grad_cam(
    network: nn.Module, stamps: NDArray[Any], classes: ArrayLike | None = None, *, layer: int = 2
) -> NDArray[np.float64]:
    """Grad-CAM maps of an ensemble member, on the pixels of the stamps.

    Parameters
    ----------
    network : MorphologyNetwork
        Trained.
    stamps : ndarray, shape (n, channels, size, size)
        What it sees.
    classes : array_like of int, shape (n,), optional
        Class whose evidence is shown; the most probable one without it.
    layer : int
        After which layer. The second has pixels of 14 arcsec, the last of 60.

    Returns
    -------
    ndarray of float, shape (n, size, size)
        From 0 to 1; zero everywhere where nothing speaks for the class.

    References
    ----------
    Selvaraju et al. 2017, arXiv 1610.02391.

    Examples
    --------
    >>> from decan.radio_agn.crossval import build_network
    >>> stamps = np.random.default_rng(0).random((2, 4, 65, 65), dtype=np.float32)
    >>> grad_cam(build_network(3), stamps).shape
    (2, 65, 65)
    """
    network.eval()
    encoder: Any = network.encoder
    pictures = torch.from_numpy(np.ascontiguousarray(stamps, dtype=np.float32))
    with torch.enable_grad():
        maps = encoder.layers[: 3 * layer](pictures)
        maps.retain_grad()
        late = encoder.layers[3 * layer :](maps)
        order = getattr(encoder, "order", 1)
        pooled = group_pool(late, order)
        embedding = torch.cat([pooled.mean(dim=(-2, -1)), pooled.amax(dim=(-2, -1))], dim=1)
        logits = network.head(embedding)  # type: ignore[operator]
        chosen = (
            logits.argmax(dim=1)
            if classes is None
            else torch.as_tensor(np.asarray(classes), dtype=torch.long)
        )
        network.zero_grad(set_to_none=True)
        logits.gather(1, chosen[:, None]).sum().backward()
    with torch.no_grad():
        weight = maps.grad.mean(dim=(-2, -1), keepdim=True)
        cam = (weight * maps).sum(dim=1, keepdim=True).relu()
        cam = functional.interpolate(
            cam, size=pictures.shape[-2:], mode="bilinear", align_corners=True
        )[:, 0]
    network.zero_grad(set_to_none=True)
    peak = cam.amax(dim=(-2, -1), keepdim=True)
    return np.asarray((cam / peak.clamp_min(1e-12)).double())


def peak_separation(
    maps: ArrayLike, *, pixel_arcsec: float = STAMP_PIXEL_ARCSEC, threshold: float = 0.3
) -> NDArray[np.float64]:
    """Distance between the two strongest places of each map.

    Parameters
    ----------
    maps : array_like, shape (n, ny, nx)
        From :func:`grad_cam`.
    pixel_arcsec : float
        Pixel of the maps.
    threshold : float
        The second place must have this share of the strongest.

    Returns
    -------
    ndarray of float, shape (n,)
        Arcseconds; NaN where there is one place only.

    Examples
    --------
    >>> picture = np.zeros((1, 21, 21))
    >>> picture[0, 10, 4], picture[0, 10, 14] = 1.0, 0.8
    >>> peak_separation(picture, pixel_arcsec=2.0)
    array([20.])
    """
    stack = np.asarray(maps, dtype=float)
    out = np.full(len(stack), np.nan)
    for row, image in enumerate(stack):
        tops = (image == ndimage.maximum_filter(image, size=5)) & (image > threshold * image.max())
        # A plateau is one place.
        labels, count = ndimage.label(tops, structure=np.ones((3, 3)))
        if count < 2:
            continue
        places = np.array(ndimage.center_of_mass(tops, labels, range(1, count + 1)))
        heights = ndimage.maximum(image, labels, range(1, count + 1))
        first, second = np.argsort(heights)[::-1][:2]
        out[row] = np.hypot(*(places[first] - places[second])) * pixel_arcsec
    return out
