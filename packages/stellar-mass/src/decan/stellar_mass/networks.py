"""Small networks from photometry or cutouts to a latent vector and a density of the mass.

All have one shape: inputs, a latent vector that holds all they know about the target, and a
head that reads nothing but the latent vector. What depends on the target at fixed latent vector
was therefore not in the input, which is what the local independence test asks.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Head", "ImageNetwork", "PhotometryNetwork", "rescaled", "turned"]

_LOG_ROOT_2PI = 0.9189385332046727
_LEAST_LOG_SD, _LARGEST_LOG_SD = -5.0, 2.0


def rescaled(pixels: Tensor) -> Tensor:
    """Pixels compressed as sign(x) ln(1 + abs(x)); negative fluxes stay negative.

    Parameters
    ----------
    pixels : Tensor
        Fluxes, nanomaggies or normalised.

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> rescaled(torch.tensor([-1.0, 0.0, 1.0])).tolist()
    [-0.6931471824645996, 0.0, 0.6931471824645996]
    """
    return torch.sign(pixels) * torch.log1p(pixels.abs())


def turned(pixels: Tensor, quarter: int, flip: bool) -> Tensor:
    """Cutouts turned by quarter turns, then perhaps mirrored.

    Parameters
    ----------
    pixels : Tensor, shape (..., height, width)
        Cutouts.
    quarter : int
        Quarter turns.
    flip : bool
        Whether to mirror the first axis of the image.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> turned(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, False).tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """
    out = torch.rot90(pixels, quarter, (-2, -1))
    return torch.flip(out, (-2,)) if flip else out


class Head(nn.Module):
    """From the latent vector to a density: bins, or a mixture of Gaussians.

    Parameters
    ----------
    latent : int
        Length of the latent vector.
    hidden : int
        Width of the hidden layer.
    bins : int
        Number of bins; 0 for a mixture.
    components : int
        Gaussians of the mixture.

    Examples
    --------
    >>> Head(8, 16, 0, 3)(torch.zeros(2, 8)).shape
    torch.Size([2, 9])
    """

    def __init__(self, latent: int, hidden: int, bins: int, components: int) -> None:
        super().__init__()
        self.bins = bins
        outputs = bins or 3 * components
        self.straight = nn.Linear(latent, outputs)
        self.bent = nn.Sequential(nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, outputs))

    def forward(self, latent: Tensor) -> Tensor:
        """Logits of the bins, or weights, centres and log widths side by side."""
        out: Tensor = self.straight(latent) + self.bent(latent)
        return out

    def loss(self, out: Tensor, y: Tensor) -> Tensor:
        """Mean surprise (nats) of the target: a bin number, or a standardised value."""
        if self.bins:
            return nn.functional.cross_entropy(out, y.long())
        log_weight, mean, log_sd = mixture(out)
        z = (y[:, None] - mean) * torch.exp(-log_sd)
        dense = torch.logsumexp(log_weight - 0.5 * z * z - log_sd - _LOG_ROOT_2PI, -1)
        return -dense.mean()


def mixture(out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log weights, centres and log standard deviations of a mixture head's output."""
    weight, mean, log_sd = out.chunk(3, -1)
    return torch.log_softmax(weight, -1), mean, log_sd.clamp(_LEAST_LOG_SD, _LARGEST_LOG_SD)


class PhotometryNetwork(nn.Module):
    """Columns of numbers to latent vector to density; about ten thousand parameters.

    The latent vector is a straight line in the inputs plus a correction, so that the linear
    relations of magnitudes cost no training.

    Parameters
    ----------
    inputs : int
        Columns.
    latent : int
        Length of the latent vector.
    hidden : int
        Width of the hidden layers.
    bins, components : int
        See :class:`Head`.
    mix : Tensor of float, shape (inputs, inputs), optional
        Fixed matrix that the columns go through first: which of them the network sees, and in
        which combinations. As they are without it.

    Examples
    --------
    >>> network = PhotometryNetwork(5)
    >>> network.encode(torch.zeros(2, 5)).shape, network(torch.zeros(2, 5)).shape
    (torch.Size([2, 8]), torch.Size([2, 9]))
    """

    mix: Tensor

    def __init__(
        self,
        inputs: int,
        latent: int = 8,
        hidden: int = 48,
        bins: int = 0,
        components: int = 3,
        mix: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("mix", torch.eye(inputs) if mix is None else mix)
        self.straight = nn.Linear(inputs, latent)
        self.bent = nn.Sequential(
            nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, latent),
        )  # fmt: skip
        self.head = Head(latent, hidden, bins, components)

    def encode(self, x: Tensor) -> Tensor:
        """The latent vector, shape (rows, latent)."""
        seen = x @ self.mix
        out: Tensor = self.straight(seen) + self.bent(seen)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """What the head makes of the latent vector."""
        out: Tensor = self.head(self.encode(x))
        return out


class ImageNetwork(nn.Module):
    """Cutouts, and perhaps columns of numbers, to latent vector to density.

    About 150,000 parameters for five bands of 32 pixels. Columns enter at the first layer, as a
    shift of its maps, and once more as a straight line into the latent vector.

    Parameters
    ----------
    bands : int
        Bands of the cutouts.
    extra : int
        Columns beside the cutouts.
    latent : int
        Length of the latent vector.
    size : int
        Pixels on a side, a multiple of 8.
    bins, components : int
        See :class:`Head`.

    Examples
    --------
    >>> network = ImageNetwork(5, 2)
    >>> network(torch.zeros(3, 5, 32, 32), torch.zeros(3, 2)).shape
    torch.Size([3, 9])
    >>> sum(p.numel() for p in network.parameters()) < 170_000
    True
    """

    def __init__(
        self,
        bands: int,
        extra: int = 0,
        latent: int = 16,
        size: int = 32,
        bins: int = 0,
        components: int = 3,
    ) -> None:
        super().__init__()
        self.extra = extra
        self.first = nn.Conv2d(bands, 24, 5, stride=2, padding=2)
        self.second = nn.Conv2d(24, 48, 3, stride=2, padding=1)
        self.third = nn.Conv2d(48, 96, 3, stride=2, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(4, 24), nn.GroupNorm(4, 48), nn.GroupNorm(4, 96)])
        self.shift = nn.Linear(max(extra, 1), 24)
        self.dense = nn.Linear(96 * (size // 8) ** 2, 64)
        # Total fluxes are what normalisation would hide, and what the mass depends on most.
        self.total = nn.Linear(bands, latent)
        self.straight = nn.Linear(max(extra, 1), latent)
        self.bent = nn.Linear(64, latent)
        self.head = Head(latent, 48, bins, components)

    def encode(self, pixels: Tensor, extra: Tensor | None = None) -> Tensor:
        """The latent vector, shape (rows, latent)."""
        if extra is None or self.extra == 0:
            extra = pixels.new_zeros(len(pixels), 1)
        x = self.first(rescaled(pixels)) + self.shift(extra)[:, :, None, None]
        x = nn.functional.silu(self.norms[0](x))
        x = nn.functional.silu(self.norms[1](self.second(x)))
        x = nn.functional.silu(self.norms[2](self.third(x)))
        x = nn.functional.silu(self.dense(x.flatten(1)))
        flux = rescaled(pixels.sum((-2, -1)))
        out: Tensor = self.bent(x) + self.total(flux) + self.straight(extra)
        return out

    def forward(self, pixels: Tensor, extra: Tensor | None = None) -> Tensor:
        """What the head makes of the latent vector."""
        out: Tensor = self.head(self.encode(pixels, extra))
        return out


def seeded(seed: int, make: Any) -> Any:
    """Networks whose initial weights depend on the seed alone; torch's generator is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
