"""From the sky to expected counts: PSF, exposure and frame of each image, and the adjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .fields import Grid, good_size
from .image import PhotonImage
from .psf import PSFGrid, rings

__all__ = ["Instrument", "in_parts", "shift_factor", "sky_grid"]

# Skies that are transformed together: more of them fill the memory and are no faster.
_TOGETHER = 4


class Instrument:
    """What turns intensities on the sky's grid into expected counts of one image.

    Parameters
    ----------
    image : PhotonImage
        The observation.
    grid : Grid
        The sky's grid, padded so that opposite borders do not see each other.
    origin : (float, float)
        Place of the image's first pixel on the grid, (y, x); need not be whole.

    Examples
    --------
    >>> import numpy as np
    >>> from decan.latent_tension.psf import GaussianPSF
    >>> image = PhotonImage(np.zeros((8, 8)), psf=GaussianPSF(0.8, size=7))
    >>> grid, origins = sky_grid([image])
    >>> sky = torch.ones(1, 1, grid.ny, grid.nx, dtype=torch.float64)
    >>> bool(torch.allclose(Instrument(image, grid, origins[0]).observe(sky), sky[..., :8, :8]))
    True
    """

    def __init__(self, image: PhotonImage, grid: Grid, origin: tuple[float, float]) -> None:
        self.image, self.grid = image, grid
        device = grid.k.device
        whole = [int(np.floor(o + 1e-6)) for o in origin]
        self.origin = (whole[0], whole[1])
        self.rest = (origin[0] - whole[0], origin[1] - whole[1])
        _, ny, nx = image.shape
        self.window = (
            slice(whole[0], whole[0] + ny),
            slice(whole[1], whole[1] + nx),
        )

        def as_tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=torch.float64, device=device)

        self.exposure = as_tensor(np.where(image.mask, 0, image.exposure))
        self.background = as_tensor(np.where(image.mask, 0, image.background))
        self.counts = as_tensor(np.where(image.mask, 0, image.counts))
        self.good = as_tensor(~image.mask)
        if isinstance(image.psf, PSFGrid):
            stamps = [member.stamps(image.n_bands) for member in image.psf.members]
            weights = image.psf.weights(grid.ny, grid.nx, -origin[0], -origin[1])
            self.weights: Tensor | None = as_tensor(weights)
        else:
            stamps, self.weights = [image.psf.stamps(image.n_bands)], None
        self.kernels = torch.stack([self._kernel(as_tensor(s)) for s in stamps])

    def observe(self, sky: Tensor) -> Tensor:
        """Intensity seen through the PSF on the image's pixels, before the exposure.

        Parameters
        ----------
        sky : Tensor, shape (samples, band, grid y, grid x)
            Intensity a pixel.

        Returns
        -------
        Tensor, shape (samples, band, y, x)
        """
        if self.weights is None:
            modes = torch.fft.rfft2(sky) * self.kernels[0]
        else:
            modes = sum(
                torch.fft.rfft2(sky * w) * k
                for w, k in zip(self.weights, self.kernels, strict=True)
            )
        seen = torch.fft.irfft2(modes, s=(self.grid.ny, self.grid.nx))
        return seen[..., self.window[0], self.window[1]]

    def observe_adjoint(self, seen: Tensor) -> Tensor:
        """Adjoint of :meth:`observe`."""
        full = seen.new_zeros(*seen.shape[:-2], self.grid.ny, self.grid.nx)
        full[..., self.window[0], self.window[1]] = seen
        modes = torch.fft.rfft2(full)
        size = (self.grid.ny, self.grid.nx)
        if self.weights is None:
            return torch.fft.irfft2(modes * self.kernels[0].conj(), s=size)
        return sum(
            torch.fft.irfft2(modes * k.conj(), s=size) * w
            for w, k in zip(self.weights, self.kernels, strict=True)
        )

    def _kernel(self, stamps: Tensor) -> Tensor:
        """Fourier transform of the stamps, moved by the part of a pixel between the frames."""
        bands, h, w = stamps.shape
        full = stamps.new_zeros(bands, self.grid.ny, self.grid.nx)
        y = torch.arange(h, device=stamps.device) - h // 2
        x = torch.arange(w, device=stamps.device) - w // 2
        for i, row in enumerate(y % self.grid.ny):
            full[:, row].index_add_(1, x % self.grid.nx, stamps[:, i])
        modes = torch.fft.rfft2(full)
        if max(abs(r) for r in self.rest) < 1e-9:
            return modes
        like: dict[str, Any] = {"dtype": torch.float64, "device": stamps.device}
        fy, fx = (torch.tensor([-r], **like) for r in self.rest)
        linear = rings(stamps.cpu().numpy())
        ky = 2 * torch.pi * torch.fft.fftfreq(self.grid.ny, **like)
        kx = 2 * torch.pi * torch.fft.rfftfreq(self.grid.nx, **like)
        return (
            modes
            * shift_factor(ky, fy, linear=linear)[0][0, :, None]
            * shift_factor(kx, fx, linear=linear)[0][0]
        )


def shift_factor(wave: Tensor, move: Tensor, *, linear: bool) -> tuple[Tensor, Tensor]:
    """Fourier factor of a shift along one axis, and its derivative by the shift.

    Parameters
    ----------
    wave : Tensor, shape (k,)
        Wave numbers, radians a pixel.
    move : Tensor, shape (n,)
        Pixels; need not be whole.
    linear : bool
        Linear interpolation between the two whole shifts around, which stays positive; else
        the exact shift of what is known up to the pixels' own frequency.

    Returns
    -------
    factor, derivative : Tensor, shape (n, k)
        Complex.

    Examples
    --------
    >>> k = 2 * torch.pi * torch.fft.fftfreq(4, dtype=torch.float64)
    >>> factor, _ = shift_factor(k, torch.tensor([0.25]), linear=True)
    >>> one = torch.fft.fft(torch.tensor([1.0, 0, 0, 0], dtype=torch.float64))
    >>> torch.fft.ifft(one * factor[0]).real.round(decimals=6)
    tensor([0.7500, 0.2500, 0.0000, 0.0000], dtype=torch.float64)
    """
    if not linear:
        factor = torch.exp(-1j * wave * move[:, None])
        return factor, -1j * wave * factor
    low = move.floor()
    part = (move - low)[:, None]
    whole = torch.exp(-1j * wave * low[:, None])
    step = torch.exp(-1j * wave) - 1
    return whole * (1 + part * step), whole * step


def sky_grid(
    images: Sequence[PhotonImage], *, device: torch.device | str = "cpu"
) -> tuple[Grid, list[tuple[float, float]]]:
    """One periodic grid that holds all images, padded by the reach of the PSF.

    Parameters
    ----------
    images : sequence of PhotonImage
        The first gives the frame.
    device : torch.device or str
        Where the tensors shall live.

    Returns
    -------
    grid : Grid
    origins : list of (float, float)
        Place of each image's first pixel on the grid.

    Raises
    ------
    ValueError
        If the images have different bands, or their frames differ by more than a shift.

    Examples
    --------
    >>> from decan.latent_tension.psf import GaussianPSF
    >>> grid, origins = sky_grid([PhotonImage(np.zeros((30, 30)), psf=GaussianPSF(1.0))])
    >>> (grid.ny, grid.nx), origins
    ((36, 36), [(1.0, 1.0)])
    """
    bands = {image.n_bands for image in images}
    if len(bands) > 1:
        raise ValueError(f"images: must have the same bands, found {sorted(bands)} bands")
    edges = [image.energy_edges for image in images if image.energy_edges is not None]
    for one in edges[1:]:
        if not np.allclose(one, edges[0], rtol=0.01):
            raise ValueError(
                "images: must have the same bands, found edges "
                f"{edges[0].tolist()} and {one.tolist()} keV"
            )
    offsets = [image.frame_offset(images[0]) for image in images]
    lows, sizes = [], []
    for axis in (0, 1):
        starts = [offset[axis] for offset in offsets]
        ends = [s + i.shape[axis + 1] for s, i in zip(starts, images, strict=True)]
        low, high = int(np.floor(min(starts))), int(np.ceil(max(ends)))
        reach = max(_reach(i, axis) for i in images)
        span = high - low
        # An axis of one pixel has nothing to wrap around.
        pad = 0 if span == 1 else min(reach, span)
        lows.append(low - pad // 2)
        sizes.append(1 if span == 1 else good_size(span + pad))
    origins = [(o[0] - lows[0], o[1] - lows[1]) for o in offsets]
    return Grid(sizes[0], sizes[1], device=device), origins


def in_parts(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """Apply a function of many rows to a few of them at a time, which bounds the memory.

    Parameters
    ----------
    function : callable
        Treats every row by itself, such as a derivative of the expected counts.
    rows : Tensor, shape (n, ...)
        What goes in.

    Returns
    -------
    Tensor, shape (n, ...)

    Examples
    --------
    >>> in_parts(lambda some: 2 * some, torch.arange(5)).tolist()
    [0, 2, 4, 6, 8]
    """
    return torch.cat([function(some) for some in rows.split(_TOGETHER)])


def _reach(image: PhotonImage, axis: int) -> int:
    """Pixels from the PSF's centre that hold all but a thousandth of it along an axis."""
    stamps = image.psf.stamps(image.n_bands)
    line = stamps.sum(2 - axis)
    half = line.shape[1] // 2
    outside = [1 - line[:, half - r : half + r + 1].sum(1).min() for r in range(half + 1)]
    enough = [r for r, rest in enumerate(outside) if rest < 1e-3]
    return enough[0] if enough else half
