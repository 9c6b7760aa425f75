"""Priors of single numbers and of power spectra, as functions of standard normal latents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["InverseGamma", "LogNormal", "MaternSpectrum", "Normal", "PowerSpectrum"]


@dataclass(frozen=True)
class Normal:
    """A number with a normal prior: ``mean + std * xi``.

    Parameters
    ----------
    mean, std : float
        Mean and standard deviation of the number.

    Examples
    --------
    >>> Normal(-4.0, 0.2)(torch.tensor(1.0))
    tensor(-3.8000)
    """

    mean: float
    std: float

    def __call__(self, xi: Tensor) -> Tensor:
        """The number at a latent."""
        return self.mean + self.std * xi


@dataclass(frozen=True)
class LogNormal:
    """A positive number with a log-normal prior, stated by its own mean and standard deviation.

    Not by those of its logarithm, which are ``log_mean`` and ``log_std``.

    Parameters
    ----------
    mean, std : float
        Mean and standard deviation of the number itself.

    Raises
    ------
    ValueError
        If one of them is not positive.

    Examples
    --------
    >>> prior = LogNormal(0.3, 0.05)
    >>> round(prior.log_std, 4)
    0.1655
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not (self.mean > 0 and self.std > 0):
            raise ValueError(
                f"LogNormal: mean and std must be positive, found {self.mean}, {self.std}"
            )

    @property
    def log_std(self) -> float:
        """Standard deviation of the logarithm."""
        return math.sqrt(math.log1p((self.std / self.mean) ** 2))

    @property
    def log_mean(self) -> float:
        """Mean of the logarithm."""
        return math.log(self.mean) - self.log_std**2 / 2

    def log(self, xi: Tensor) -> Tensor:
        """Logarithm of the number at a latent."""
        return self.log_mean + self.log_std * xi

    def __call__(self, xi: Tensor) -> Tensor:
        """The number at a latent."""
        return torch.exp(self.log(xi))


SOURCE_INDEX = Normal(-0.5, 0.7)
"""Spectral index of X-ray sources around the reference energy."""


class InverseGamma:
    """A flux with an inverse-gamma prior, ``p(F) ~ F^(-a-1) exp(-q/F)``.

    For ``a = 1`` the tail is that of a population with integral slope -1. The probability
    transform is tabulated in the logarithm; beyond 8.2 sigma it continues as a straight line.

    Parameters
    ----------
    shape : float
        Slope ``a`` of the tail of the distribution function.
    scale : float
        ``q``, in the unit of the flux. The mode is ``q/(a+1)``.

    Raises
    ------
    ValueError
        If one of them is not positive.

    Examples
    --------
    >>> prior = InverseGamma(1.0, 10.0)
    >>> round(float(prior.log(torch.zeros(1))[0].exp()), 2)  # the median, 10 / ln 2
    14.43
    """

    _REACH, _STEP = 8.2, 0.01

    def __init__(self, shape: float, scale: float) -> None:
        if not (shape > 0 and scale > 0):
            raise ValueError(
                f"InverseGamma: shape and scale must be positive, found {shape}, {scale}"
            )
        import numpy as np
        from scipy import special

        self.shape, self.scale = float(shape), float(scale)
        count = round(2 * self._REACH / self._STEP) + 1
        xi = np.linspace(-self._REACH, self._REACH, count)
        below, above = special.ndtr(xi), special.ndtr(-xi)
        # Each half of the table from the tail that keeps its digits.
        quantile = np.where(
            xi < 0, special.gammainccinv(shape, below), special.gammaincinv(shape, above)
        )
        self._table = torch.from_numpy(math.log(scale) - np.log(quantile))

    def log(self, xi: Tensor) -> Tensor:
        """Logarithm of the flux at a latent."""
        return self.log_and_slope(xi)[0]

    def log_and_slope(self, xi: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithm of the flux at a latent, and its derivative."""
        table = self._table.to(xi)
        place = (xi + self._REACH) / self._STEP
        left = place.detach().floor().clamp(0, len(table) - 2).long()
        step = table[left + 1] - table[left]
        return table[left] + (place - left) * step, step / self._STEP

    def latent(self, log_flux: Tensor) -> Tensor:
        """The latent of a flux, given its logarithm."""
        table = self._table.to(log_flux)
        right = torch.searchsorted(table, log_flux.contiguous()).clamp(1, len(table) - 1)
        step = table[right] - table[right - 1]
        place = right - 1 + (log_flux - table[right - 1]) / step
        return place * self._STEP - self._REACH


@dataclass(frozen=True)
class PowerSpectrum:
    """A power spectrum around a power law, free to bend: an integrated Wiener process in ln k.

    Latents: fluctuation, slope, flexibility, asperity (if given), then two a step of the
    process. Without flexibility it is a pure power law.

    Parameters
    ----------
    fluctuations : LogNormal
        Rms of the field.
    slope : Normal
        Slope of the power spectrum in ln k.
    flexibility : LogNormal, optional
        Strength of the bending.
    asperity : LogNormal, optional
        Roughness of the bending.

    Examples
    --------
    >>> spectrum = PowerSpectrum(LogNormal(0.6, 0.1), Normal(-4.0, 0.1))
    >>> spectrum.n_latent(8)
    2

    References
    ----------
    .. [1] Arras et al. 2022, Nature Astronomy 6, 259, methods.
    """

    fluctuations: LogNormal
    slope: Normal
    flexibility: LogNormal | None = None
    asperity: LogNormal | None = None

    def names(self) -> list[str]:
        """Names of the latents that have one, in their order."""
        names = ["fluctuations", "slope"]
        if self.flexibility is not None:
            names.append("flexibility")
            if self.asperity is not None:
                names.append("asperity")
        return names

    def n_latent(self, n_knots: int) -> int:
        """Number of latents for a number of knots in ln k."""
        n_steps = 2 * (n_knots - 1) if self.flexibility is not None else 0
        return len(self.names()) + n_steps

    def log_power(self, xi: Tensor, log_k: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithm of the power at the knots and its derivative, both without the rms.

        Parameters
        ----------
        xi : Tensor, shape (samples, n_latent)
            Standard normal latents.
        log_k : Tensor, shape (n_knots,)
            ln(k/k_1), beginning at zero.

        Returns
        -------
        log_power : Tensor, shape (samples, n_knots)
        jacobian : Tensor, shape (samples, n_knots, n_latent)
        """
        jacobian = xi.new_zeros(*xi.shape[:1], len(log_k), xi.shape[1])
        slope = self.slope(xi[:, 1:2])
        jacobian[:, :, 1] = self.slope.std * log_k
        value = slope * log_k
        if self.flexibility is None:
            return value, jacobian
        bend, inner = _bend(self, xi, log_k)
        jacobian[:, :, 2:] = inner
        return value + bend, jacobian


@dataclass(frozen=True)
class MaternSpectrum:
    """A power spectrum that is flat below a cutoff: ``(1 + (k/k_c)^2)^(slope/2)``.

    Parameters
    ----------
    fluctuations : LogNormal
        Rms of the field.
    cutoff : LogNormal
        ``k_c`` in cycles over the longer side of the grid.
    slope : Normal
        Slope of the power spectrum far above the cutoff.

    Examples
    --------
    >>> MaternSpectrum(LogNormal(1, 0.2), LogNormal(4, 1), Normal(-4, 0.2)).names()
    ['fluctuations', 'cutoff', 'slope']
    """

    fluctuations: LogNormal
    cutoff: LogNormal
    slope: Normal

    def names(self) -> list[str]:
        """Names of the latents, in their order."""
        return ["fluctuations", "cutoff", "slope"]

    def n_latent(self, n_knots: int) -> int:
        """Number of latents; the knots do not matter."""
        return 3

    def log_power(self, xi: Tensor, log_k: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithm of the power at the knots and its derivative; see :class:`PowerSpectrum`."""
        cutoff, slope = self.cutoff(xi[:, 1:2]), self.slope(xi[:, 2:3])
        ratio = (torch.exp(log_k) / cutoff) ** 2
        log = torch.log1p(ratio)
        jacobian = xi.new_zeros(*xi.shape[:1], len(log_k), 3)
        jacobian[:, :, 1] = -slope * ratio / (1 + ratio) * self.cutoff.log_std
        jacobian[:, :, 2] = self.slope.std * log / 2
        return slope / 2 * log, jacobian


def _bend(spectrum: PowerSpectrum, xi: Tensor, log_k: Tensor) -> tuple[Tensor, Tensor]:
    """The detrended integrated Wiener process and its derivative by its own latents.

    One step of length D adds ``phi sqrt(D) eta_1`` to the velocity, and the exact
    conditional step to the position.
    """
    assert spectrum.flexibility is not None
    first = len(spectrum.names())
    steps = log_k[1:] - log_k[:-1]
    n = len(steps)
    phi = spectrum.flexibility(xi[:, 2:3])
    asperity = (
        spectrum.asperity(xi[:, 3:4]) if spectrum.asperity is not None else torch.zeros_like(phi)
    )
    # Position after step i per unit kick of velocity at step m: D_i for m < i, D/2 for m = i.
    lower = torch.tril(log_k.new_ones(n, n))
    by_kick = lower @ (torch.tril(steps[:, None].expand(n, n), -1) + torch.diag(steps / 2))
    by_kick = by_kick * steps.sqrt()
    own = torch.sqrt(steps**2 / 12 + asperity) * steps.sqrt()  # (samples, n)
    # Detrended by the straight line to the last knot, and zero at the first.
    line = (log_k[1:] / log_k[-1])[:, None]
    kicks = by_kick - line * by_kick[-1]
    jumps = (lower - line) * own[:, None, :]
    shape = torch.cat([kicks.expand(len(xi), n, n), jumps], -1)
    unit = (shape @ xi[:, first:, None])[..., 0]
    jacobian = xi.new_zeros(len(xi), len(log_k), xi.shape[1] - 2)
    jacobian[:, 1:, first - 2 :] = phi[:, :, None] * shape
    jacobian[:, 1:, 0] = phi * unit * spectrum.flexibility.log_std
    if spectrum.asperity is not None:
        share = asperity / (2 * (steps**2 / 12 + asperity))  # d ln(own) / d ln(asperity)
        turned = ((jumps * share[:, None, :]) @ xi[:, first + n :, None])[..., 0]
        jacobian[:, 1:, 1] = phi * turned * spectrum.asperity.log_std
    value = torch.cat([torch.zeros_like(phi), phi * unit], 1)
    return value, jacobian


def describe(spectrum: Any, xi: Tensor) -> dict[str, Tensor]:
    """Values of the named latents of a spectrum, shape (samples,) each."""
    return {name: getattr(spectrum, name)(xi[:, i]) for i, name in enumerate(spectrum.names())}
