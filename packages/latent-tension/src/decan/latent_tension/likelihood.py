"""What the data say of a rate: energy, gradient, metric, noise."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Gaussian", "Poisson"]


class Poisson:
    """Counts: energy ``sum(rate - n ln rate)`` over the good pixels.

    Parameters
    ----------
    counts : Tensor, shape (data,)
        Observed counts.
    good : Tensor, shape (data,), optional
        One where a pixel is used, zero where it is masked.

    Examples
    --------
    >>> likelihood = Poisson(torch.tensor([1.0, 4.0]))
    >>> likelihood.gradient(torch.tensor([[1.0, 2.0]]))
    tensor([[ 0., -1.]])
    """

    def __init__(self, counts: Tensor, good: Tensor | None = None) -> None:
        self.counts = counts
        self.good = torch.ones_like(counts) if good is None else good

    def energy(self, rate: Tensor) -> Tensor:
        """Negative log-likelihood up to a constant, shape (samples,)."""
        return ((rate - self.counts * torch.log(rate)) * self.good).sum(-1)

    def gradient(self, rate: Tensor) -> Tensor:
        """Derivative of the energy by the rate."""
        return (1 - self.counts / rate) * self.good

    def metric(self, rate: Tensor) -> Tensor:
        """Fisher metric in data space, diagonal."""
        return self.good / rate

    def transform(self, rate: Tensor) -> Tensor:
        """Coordinates in which the metric is one: ``2 sqrt(rate)``."""
        return 2 * torch.sqrt(rate) * self.good

    def noise(self, rate: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Draws of data minus rate: real Poisson noise, with its skewness."""
        drawn = torch.poisson(rate.expand(n, -1), generator=generator)
        return (drawn - rate) * self.good


class Gaussian:
    """Data with Gaussian noise of known standard deviation.

    Parameters
    ----------
    data : Tensor, shape (data,)
        Observed values.
    std : float or Tensor
        Noise.

    Examples
    --------
    >>> float(Gaussian(torch.tensor([1.0]), 2.0).energy(torch.tensor([[3.0]]))[0])
    0.5
    """

    def __init__(self, data: Tensor, std: float | Tensor) -> None:
        self.counts, self.std = data, torch.as_tensor(std).to(data).expand(data.shape)
        self.good = torch.ones_like(data)

    def energy(self, rate: Tensor) -> Tensor:
        """Half the chi-square, shape (samples,)."""
        return (((rate - self.counts) / self.std) ** 2).sum(-1) / 2

    def gradient(self, rate: Tensor) -> Tensor:
        """Derivative of the energy by the rate."""
        return (rate - self.counts) / self.std**2

    def metric(self, rate: Tensor) -> Tensor:
        """Fisher metric in data space, diagonal."""
        return (1 / self.std**2).expand(rate.shape)

    def transform(self, rate: Tensor) -> Tensor:
        """Coordinates in which the metric is one."""
        return rate / self.std

    def noise(self, rate: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Draws of data minus rate."""
        shape = (n, rate.shape[-1])
        drawn = torch.randn(shape, generator=generator, dtype=rate.dtype, device=rate.device)
        return drawn * self.std
