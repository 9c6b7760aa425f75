"""Correlated Gaussian fields on a periodic grid: latents in, field out, and the exact adjoint.

A latent is a half plane of complex Fourier coefficients with standard normal parts, so that
one real inverse FFT makes the field. Columns that are their own mirror image hold each mode
twice and weigh it accordingly; the white field has unit variance to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .spectra import MaternSpectrum, PowerSpectrum

__all__ = ["CorrelatedField", "FieldState", "Grid", "good_size"]

N_KNOTS = 24


def good_size(n: int) -> int:
    """Smallest even length from ``n`` on whose FFT is fast (factors 2, 3, 5).

    Parameters
    ----------
    n : int
        Length that must fit.

    Returns
    -------
    int

    Examples
    --------
    >>> good_size(131)
    144
    """
    size = max(2, n + n % 2)
    while _largest_factor(size) > 5:
        size += 2
    return size


class Grid:
    """A periodic pixel grid and its half plane of Fourier modes.

    Parameters
    ----------
    ny, nx : int
        Pixels. ``ny`` may be one.
    device : torch.device or str
        Where its tensors live.

    Examples
    --------
    >>> grid = Grid(4, 6)
    >>> grid.half
    (4, 4)
    """

    def __init__(self, ny: int, nx: int, *, device: torch.device | str = "cpu") -> None:
        self.ny, self.nx = ny, nx
        self.half = (ny, nx // 2 + 1)
        like = {"dtype": torch.float64, "device": device}
        # Cycles over the longer side, whatever the pixel.
        longer = max(ny, nx)
        ky = torch.fft.fftfreq(ny, 1 / longer, **like)
        kx = torch.fft.rfftfreq(nx, 1 / longer, **like)
        self.k = torch.sqrt(ky[:, None] ** 2 + kx**2)
        mirror = torch.zeros(self.half[1], dtype=torch.bool, device=device)
        mirror[0] = True
        if nx % 2 == 0:
            mirror[-1] = True
        twice = 2 - mirror.to(torch.float64)
        self.white = torch.sqrt(ny * nx / twice).expand(self.half)
        self.count = twice.expand(self.half)

    @property
    def n_latent(self) -> int:
        """Real latents of one field: two a mode of the half plane."""
        return 2 * self.half[0] * self.half[1]

    def to_field(self, coefficients: Tensor) -> Tensor:
        """Real field of weighted coefficients, shape (..., ny, nh) complex."""
        return torch.fft.irfft2(coefficients, s=(self.ny, self.nx))

    def to_field_adjoint(self, field: Tensor) -> Tensor:
        """Adjoint of :meth:`to_field`, on real and imaginary parts as real numbers."""
        return torch.fft.rfft2(field) * (self.count / (self.ny * self.nx))

    def excitation(self, latent: Tensor) -> Tensor:
        """White map of the latents of one field: the position-space excitation.

        Parameters
        ----------
        latent : Tensor, shape (..., n_latent)
            Standard normal under the prior.

        Returns
        -------
        Tensor, shape (..., ny, nx)
            Independent and standard normal in every pixel under the prior.
        """
        return self.to_field(self.white * self.as_modes(latent))

    def as_modes(self, latent: Tensor) -> Tensor:
        """The flat latents as complex half planes: all real parts, then all imaginary parts."""
        real, imaginary = latent.reshape(*latent.shape[:-1], 2, *self.half).unbind(-3)
        return torch.complex(real, imaginary)

    @staticmethod
    def as_latent(modes: Tensor) -> Tensor:
        """Complex half planes as flat latents."""
        return torch.stack([modes.real, modes.imag], -3).flatten(-3)


@dataclass
class FieldState:
    """A correlated field at given latents, with what its derivative needs.

    Examples
    --------
    >>> one = torch.ones(1)
    >>> FieldState(modes=one, weight=one, jacobian=one, field=one).field
    tensor([1.])
    """

    modes: Tensor
    weight: Tensor
    jacobian: Tensor
    field: Tensor


class CorrelatedField:
    """A Gaussian field whose power spectrum is inferred with it.

    Parameters
    ----------
    grid : Grid
        Where it lives.
    spectrum : PowerSpectrum or MaternSpectrum
        Prior of rms and spectrum. The field has exactly this rms on average, and no mean.

    Examples
    --------
    >>> from decan.latent_tension.spectra import LogNormal, Normal
    >>> spectrum = PowerSpectrum(LogNormal(0.6, 1e-6), Normal(-4.0, 1e-6))
    >>> field = CorrelatedField(Grid(32, 32), spectrum)
    >>> xi = torch.randn(200, field.n_latent, generator=torch.Generator().manual_seed(1),
    ...                  dtype=torch.float64)
    >>> bool((field.at(xi).field.pow(2).mean().sqrt() - 0.6).abs() < 0.03)
    True
    """

    def __init__(self, grid: Grid, spectrum: PowerSpectrum | MaternSpectrum) -> None:
        self.grid, self.spectrum = grid, spectrum
        lengths = grid.k[grid.k > 0]
        first, last = float(lengths.min()), float(lengths.max())
        span = math.log(last / first)
        n_knots = N_KNOTS if span > 0 else 2
        self.log_k = torch.linspace(0, max(span, 1e-3), n_knots).to(lengths)
        self.log_k_first = math.log(first)
        place = torch.log(grid.k.clamp(min=first) / first) / self.log_k[1]
        left = place.floor().clamp(0, n_knots - 2)
        share = (place - left).flatten()
        rows = torch.arange(grid.k.numel(), device=lengths.device)
        weights = lengths.new_zeros(n_knots, grid.k.numel())
        weights[left.flatten().long(), rows] = 1 - share
        weights[left.flatten().long() + 1, rows] = share
        nonzero = (grid.k > 0).flatten()
        self.to_modes = weights * nonzero
        self._count = grid.count.flatten() * nonzero
        self.n_hyper = spectrum.n_latent(n_knots)

    @property
    def n_latent(self) -> int:
        """Latents of spectrum and excitations together."""
        return self.n_hyper + self.grid.n_latent

    def weight(self, hyper: Tensor) -> tuple[Tensor, Tensor]:
        """Weight of each coefficient, and the derivative of its logarithm at the knots.

        Parameters
        ----------
        hyper : Tensor, shape (samples, n_hyper)
            Latents of the spectrum.

        Returns
        -------
        weight : Tensor, shape (samples, ny, nh)
        jacobian : Tensor, shape (samples, n_knots, n_hyper)
        """
        log_k = self.log_k
        if isinstance(self.spectrum, MaternSpectrum):
            log_k = log_k + self.log_k_first
        log_power, jacobian = self.spectrum.log_power(hyper, log_k)
        power = torch.exp(log_power @ self.to_modes) * (self._count > 0)
        total = power @ self._count
        share = (power * self._count / total[:, None]) @ self.to_modes.T  # (samples, n_knots)
        jacobian = (jacobian - (share[:, None, :] @ jacobian)) / 2
        prior = self.spectrum.fluctuations
        jacobian[:, :, 0] += prior.log_std
        size = self.grid.ny * self.grid.nx
        weight = torch.sqrt(power * (size / total)[:, None]) * prior(hyper[:, :1])
        return weight.reshape(-1, *self.grid.half) * self.grid.white, jacobian

    def at(self, latent: Tensor) -> FieldState:
        """The field at given latents.

        Parameters
        ----------
        latent : Tensor, shape (samples, n_latent)
            Spectrum first, then excitations.

        Returns
        -------
        FieldState
            Its ``field`` has shape (samples, ny, nx).
        """
        weight, jacobian = self.weight(latent[:, : self.n_hyper])
        modes = self.grid.as_modes(latent[:, self.n_hyper :])
        return FieldState(modes, weight, jacobian, self.grid.to_field(weight * modes))

    def jvp(self, state: FieldState, tangent: Tensor) -> Tensor:
        """Change of the field for a change of the latents; states of one sample broadcast."""
        bend = (state.jacobian @ tangent[:, : self.n_hyper, None])[..., 0] @ self.to_modes
        change = self.grid.as_modes(tangent[:, self.n_hyper :])
        change = change + state.modes * bend.reshape(-1, *self.grid.half)
        return self.grid.to_field(state.weight * change)

    def vjp(self, state: FieldState, cotangent: Tensor) -> Tensor:
        """Adjoint of :meth:`jvp`."""
        modes = self.grid.to_field_adjoint(cotangent) * state.weight
        both = modes.real * state.modes.real + modes.imag * state.modes.imag
        knots = both.flatten(-2) @ self.to_modes.T
        hyper = (knots[:, None, :] @ state.jacobian)[:, 0]
        return torch.cat([hyper, self.grid.as_latent(modes)], 1)


def _largest_factor(n: int) -> int:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n if n > 1 else 5
