"""Point sources at latent sub-pixel positions, with flux, index and departures from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .fields import good_size
from .psf import PSFGrid, rings
from .response import Instrument, shift_factor
from .spectra import SOURCE_INDEX, InverseGamma, Normal

__all__ = ["PointSources"]


class PointSources:
    """A list of point sources, each rendered through every instrument's PSF.

    The PSF is moved by an exact Fourier shift on its own pixels and then summed over those of
    the counts, so that position has a derivative; where it is too narrow even for its own
    pixels, by linear interpolation. Flux is the sum over bands; the bands' shares follow an
    index and free departures.

    Parameters
    ----------
    instruments : sequence of Instrument
        Who sees them.
    positions : array_like, shape (n, 2)
        Prior mean (y, x) on the sky's grid.
    log_energy : array_like, shape (band,)
        ``mu_j``.
    band_share : array_like, shape (band,)
        Share of each band for index zero.
    flux : InverseGamma
        Prior of the flux, in counts a unit of exposure.
    index : Normal
        Prior of the spectral index.
    position_std : float
        Prior standard deviation of each coordinate, pixels.
    deviation : float
        Standard deviation of each band's departure from the power law, in ln.

    Examples
    --------
    >>> from decan.latent_tension.image import PhotonImage
    >>> from decan.latent_tension.psf import GaussianPSF
    >>> from decan.latent_tension.response import sky_grid
    >>> image = PhotonImage(np.zeros((24, 24)), psf=GaussianPSF(1.2))
    >>> grid, origins = sky_grid([image])
    >>> eye = Instrument(image, grid, origins[0])
    >>> where = np.array([[12.3, 9.8]]) + origins[0]
    >>> points = PointSources([eye], where, [0.0], [1.0], InverseGamma(1, 10))
    >>> state = points.at(torch.zeros(1, points.n_latent, dtype=torch.float64))
    >>> round(float(points.counts(state, 0).sum() / state.flux[0].sum()), 3)
    1.0
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        positions: Any,
        log_energy: Any,
        band_share: Any,
        flux: InverseGamma,
        index: Normal = SOURCE_INDEX,
        position_std: float = 0.7,
        deviation: float = 0.3,
    ) -> None:
        device = instruments[0].grid.k.device
        like: dict[str, Any] = {"dtype": torch.float64, "device": device}
        self.positions = np.atleast_2d(np.asarray(positions, float))
        self.mu = torch.as_tensor(np.asarray(log_energy, float), **like)
        self.log_share = torch.as_tensor(np.log(np.asarray(band_share, float)), **like)
        self.n, self.n_bands = len(self.positions), len(self.mu)
        self.flux, self.index = flux, index
        self.position_std, self.deviation = position_std, deviation
        self.per_source = 3 + (1 + self.n_bands if self.n_bands > 1 else 0)
        self.n_latent = self.n * self.per_source
        self.eyes = [_Eye(one, self.positions, self.n_bands) for one in instruments]

    def parameters(self, latent: Tensor) -> dict[str, Tensor]:
        """Physical parameters of each source.

        Parameters
        ----------
        latent : Tensor, shape (samples, n_latent)
            Standard normal.

        Returns
        -------
        dict of Tensor
            ``flux`` (samples, n, band), ``index``, ``y``, ``x`` (samples, n), the position on
            the sky's grid.
        """
        one = latent.reshape(len(latent), self.n, self.per_source)
        log_flux = self.flux.log(one[..., 0])
        share, index = self._share(one)
        centre = torch.as_tensor(self.positions).to(one)
        return {
            "flux": torch.exp(log_flux)[..., None] * share,
            "index": index,
            "y": centre[:, 0] + self.position_std * one[..., 1],
            "x": centre[:, 1] + self.position_std * one[..., 2],
        }

    def at(self, latent: Tensor) -> PointState:
        """The sources at given latents."""
        one = latent.reshape(len(latent), self.n, self.per_source)
        log_flux, slope = self.flux.log_and_slope(one[..., 0])
        share, _ = self._share(one)
        flux = torch.exp(log_flux)[..., None] * share
        shift = self.position_std * one[..., 1:3]
        return PointState(flux, share, slope, [eye.render(shift, flux) for eye in self.eyes])

    def counts(self, state: PointState, which: int) -> Tensor:
        """Image of all sources on one instrument, before the exposure, (samples, band, y, x)."""
        return self.eyes[which].added(state.stamps[which][..., 0, :])

    def jvp(self, state: PointState, tangent: Tensor) -> list[Tensor]:
        """Change of each instrument's image for a change of the latents."""
        one = tangent.reshape(len(tangent), self.n, self.per_source)
        log_flux = (state.slope * one[..., 0])[..., None]
        if self.n_bands > 1:
            v = self.index.std * self.mu * one[..., 3:4] + self.deviation * one[..., 4:]
            log_flux = log_flux + v - (state.share * v).sum(-1, keepdim=True)
        else:
            log_flux = log_flux.expand(*one.shape[:2], self.n_bands)
        shift = (self.position_std * one[..., 1:3])[:, :, None].expand(-1, -1, self.n_bands, -1)
        weights = torch.cat([log_flux[..., None], shift], -1)  # (samples, n, band, 3)
        return [
            eye.added(_times(weights, stamps))
            for eye, stamps in zip(self.eyes, state.stamps, strict=True)
        ]

    def vjp(self, state: PointState, cotangents: Sequence[Tensor]) -> Tensor:
        """Adjoint of :meth:`jvp`."""
        total: Tensor | None = None
        for eye, stamps, cotangent in zip(self.eyes, state.stamps, cotangents, strict=True):
            part = _dot(stamps, eye.gathered(cotangent))
            total = part if total is None else total + part
        assert total is not None
        log_flux, shift = total[..., 0], total[..., 1:].sum(2)
        parts = [(state.slope * log_flux.sum(-1))[..., None], self.position_std * shift]
        if self.n_bands > 1:
            v = log_flux - state.share * log_flux.sum(-1, keepdim=True)
            parts += [self.index.std * (v @ self.mu)[..., None], self.deviation * v]
        return torch.cat(parts, -1).flatten(1)

    def curvature(self, state: PointState, weights: Sequence[Tensor]) -> Tensor:
        """Diagonal of the likelihood's metric; ``weights`` are exposure² / rate, one sample."""
        total: Tensor | None = None
        for eye, stamps, weight in zip(self.eyes, state.stamps, weights, strict=True):
            around = eye.gathered(weight[None])[:, :, :, None]
            part = (stamps[:1] ** 2 * around).sum(-1)[0]  # (n, band, 3)
            total = part if total is None else total + part
        assert total is not None
        by_band = total[..., 0]
        out = by_band.new_zeros(self.n, self.per_source)
        out[:, 0] = state.slope[0] ** 2 * by_band.sum(-1)
        out[:, 1:3] = self.position_std**2 * total[..., 1:].sum(1)
        if self.n_bands > 1:
            share = state.share[0]
            centred = self.mu - (share * self.mu).sum(-1, keepdim=True)
            out[:, 3] = self.index.std**2 * (centred**2 * by_band).sum(-1)
            out[:, 4:] = self.deviation**2 * ((1 - share) ** 2 * by_band)
        return out.flatten()

    def start(self, flux: Any) -> Tensor:
        """Latents with these band fluxes, shape (n, band), at the prior's mean positions."""
        wanted = torch.as_tensor(np.asarray(flux, float)).to(self.mu).clamp(min=1e-12)
        out = wanted.new_zeros(self.n, self.per_source)
        out[:, 0] = self.flux.latent(torch.log(wanted.sum(1))).clamp(-4, 4)
        return out.flatten()

    def _share(self, one: Tensor) -> tuple[Tensor, Tensor]:
        if self.n_bands == 1:
            return torch.ones_like(one[..., :1]), torch.zeros_like(one[..., 0])
        index = self.index(one[..., 3])
        log = self.log_share + self.mu * index[..., None] + self.deviation * one[..., 4:]
        return torch.softmax(log, -1), index


@dataclass
class PointState:
    """Point sources at given latents, with what their derivative needs."""

    flux: Tensor
    share: Tensor
    slope: Tensor
    stamps: list[Tensor]


class _Eye:
    """Places and PSF stamps of the sources on one instrument."""

    def __init__(self, instrument: Instrument, positions: np.ndarray, n_bands: int) -> None:
        origin = np.array(instrument.origin) + np.array(instrument.rest)
        here = positions - origin
        base = np.rint(here).astype(int)
        self.rest = torch.as_tensor(here - base).to(instrument.exposure)
        psf = instrument.image.psf
        if isinstance(psf, PSFGrid):
            stamps, self.finer = np.stack([psf.stamps_at(y, x, n_bands) for y, x in here]), 1
        else:
            stamps, self.finer = _trimmed(psf.fine_stamps(n_bands))[None], psf.oversampling
        ny, nx = instrument.image.shape[1:]
        h, w = stamps.shape[2:]
        self.size = tuple(
            1 if n == 1 else good_size(math.ceil(s / self.finer) + 4) for n, s in ((ny, h), (nx, w))
        )
        self.linear = rings(stamps)
        fine = [s * self.finer for s in self.size]
        full = instrument.exposure.new_zeros(len(stamps), n_bands, *fine)
        full[..., :h, :w] = torch.tensor(stamps).to(full)
        # The source's pixel in the middle, so that no image has to be rolled later.
        middle = [self.finer * (n // 2) - s // 2 for n, s in zip(self.size, (h, w), strict=True)]
        full = torch.roll(full, middle, (2, 3))
        self.modes = torch.fft.rfft2(full)
        self.ky = 2 * torch.pi * torch.fft.fftfreq(fine[0], dtype=full.dtype).to(full)
        self.kx = 2 * torch.pi * torch.fft.rfftfreq(fine[1], dtype=full.dtype).to(full)
        margin = [s // 2 + 1 for s in self.size]
        self.margin = margin
        self.canvas = (ny + 2 * margin[0], nx + 2 * margin[1])
        self.crop = (slice(margin[0], margin[0] + ny), slice(margin[1], margin[1] + nx))
        low = base - np.array([s // 2 for s in self.size]) + margin
        # A source beyond the border by more than the PSF leaves nothing; its stamp stays inside.
        most = np.array(self.canvas) - self.size
        self.low = np.clip(low, 0, most)
        self.outside = torch.as_tensor(np.any(self.low != low, axis=1)).to(full)

    def render(self, shift: Tensor, flux: Tensor) -> Tensor:
        """Stamps and derivatives by y and x times the flux, (samples, n, band, 3, pixels)."""
        seen = (1 - self.outside)[:, None, None, None] * flux[..., None, None]
        out = flux.new_empty(*flux.shape, 3, self.size[0] * self.size[1])
        m = self.finer
        for k, move in enumerate(shift + self.rest):  # one sample at a time bounds the memory
            # The middle of a pixel lies half a pixel before its first fine one's.
            place = m * move + (m - 1) / 2
            y, dy = shift_factor(self.ky, place[:, 0], linear=self.linear)
            x, dx = shift_factor(self.kx, place[:, 1], linear=self.linear)
            y, dy, x, dx = (
                y[:, None, :, None],
                dy[:, None, :, None],
                x[:, None, None],
                dx[:, None, None],
            )
            along = self.modes * y
            both = torch.stack([along * x, m * self.modes * dy * x, m * along * dx], 2)
            image = torch.fft.irfft2(both, s=(m * self.size[0], m * self.size[1]))
            if m > 1:
                image = image.unflatten(-1, (-1, m)).sum(-1).unflatten(-2, (-1, m)).sum(-2)
            out[k] = image.flatten(-2)
        return out.mul_(seen)

    def added(self, stamps: Tensor) -> Tensor:
        """Sum of stamps (samples, n, band, pixels) at their places, (samples, band, y, x)."""
        samples, n, bands, _ = stamps.shape
        h, w = self.size
        canvas = stamps.new_zeros(samples, bands, *self.canvas)
        squares = stamps.reshape(samples, n, bands, h, w)
        for i, (y, x) in enumerate(self.low):
            canvas[:, :, y : y + h, x : x + w] += squares[:, i]
        return canvas[:, :, self.crop[0], self.crop[1]]

    def gathered(self, image: Tensor) -> Tensor:
        """Surroundings of each source, (samples, n, band, pixels); adjoint of :meth:`added`."""
        samples, bands = image.shape[:2]
        h, w = self.size
        canvas = image.new_zeros(samples, bands, *self.canvas)
        canvas[:, :, self.crop[0], self.crop[1]] = image
        out = image.new_empty(samples, len(self.low), bands, h, w)
        for i, (y, x) in enumerate(self.low):
            out[:, i] = canvas[:, :, y : y + h, x : x + w]
        return out.flatten(-2)


def _times(weights: Tensor, stamps: Tensor) -> Tensor:
    """(samples, n, band, 3) times (1 or samples, n, band, 3, pixels)."""
    if len(stamps) == 1:
        return torch.einsum("snbk,nbkp->snbp", weights, stamps[0])
    return torch.einsum("snbk,snbkp->snbp", weights, stamps)


def _dot(stamps: Tensor, around: Tensor) -> Tensor:
    """(1 or samples, n, band, 3, pixels) with (samples, n, band, pixels)."""
    if len(stamps) == 1:
        return torch.einsum("nbkp,snbp->snbk", stamps[0], around)
    return torch.einsum("snbkp,snbp->snbk", stamps, around)


def _trimmed(stamps: np.ndarray) -> np.ndarray:
    """Stamps without the rim that holds less than a ten-thousandth of the light."""
    half = np.array(stamps.shape[1:]) // 2
    cut = 0
    while cut < half.min() - 2:
        inner = stamps[:, cut + 1 : stamps.shape[1] - cut - 1, cut + 1 : stamps.shape[2] - cut - 1]
        if 1 - inner.sum((1, 2)).min() > 1e-4:
            break
        cut += 1
    return stamps[:, cut : stamps.shape[1] - cut, cut : stamps.shape[2] - cut]
