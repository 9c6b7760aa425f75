"""The networks: three autoencoders of the paper, and the small ones that join their latents."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["DmDtNetwork", "FoldNetwork", "MapNetwork", "ResidualBlock", "XPNetwork"]

_HARMONICS = 12


class ResidualBlock(nn.Module):
    """Two linear layers whose result is added to the input.

    Parameters
    ----------
    width : int
        Width of input and output.

    References
    ----------
    He et al. 2016, Deep residual learning for image recognition (CVPR).

    Examples
    --------
    >>> ResidualBlock(8)(torch.zeros(2, 8)).shape
    torch.Size([2, 8])
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, width)
        self.fc2 = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        return nn.functional.gelu(x + self.fc2(nn.functional.gelu(self.fc1(x))))


def _tower(inputs: int, width: int, blocks: int, outputs: int, *, activate: bool) -> nn.Sequential:
    first: list[nn.Module] = [nn.Linear(inputs, width)]
    if activate:
        first.append(nn.GELU())
    return nn.Sequential(
        *first, *(ResidualBlock(width) for _ in range(blocks)), nn.Linear(width, outputs)
    )


class XPNetwork(nn.Module):
    """Autoencoder of XP spectra: 100 samples to mean and log σ of the latents, and back.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    width : int
        Hidden width.
    n_samples : int
        Samples of both bands together.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> network = XPNetwork()
    >>> mean, log_sigma = network.encode(torch.zeros(3, 100))
    >>> mean.shape, network.decode(mean).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([3, 5]), torch.Size([3, 100]), 63918)
    """

    def __init__(self, latent_dim: int = 5, width: int = 64, n_samples: int = 100) -> None:
        super().__init__()
        self.encoder = _tower(n_samples, width, 3, 2 * latent_dim, activate=True)
        self.decoder = _tower(latent_dim, width, 3, n_samples, activate=True)

    def encode(self, flux: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of the latents, shape (n, latent_dim) each."""
        mean, log_sigma = self.encoder(flux).chunk(2, dim=-1)
        return mean, log_sigma

    def decode(self, z: Tensor) -> Tensor:
        """Samples of both bands, shape (n, n_samples)."""
        out: Tensor = self.decoder(z)
        return out


class DmDtNetwork(nn.Module):
    """Autoencoder of P(Δm | Δt) histograms.

    Parameters
    ----------
    latent_dim : int
        Number of latents.
    width : int
        Hidden width.
    shape : (int, int)
        Bins in Δm and Δt.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> network = DmDtNetwork()
    >>> mean, log_sigma = network.encode(torch.zeros(3, 200))
    >>> network.decode(mean).shape, sum(p.numel() for p in network.parameters())
    (torch.Size([3, 200]), 152658)
    """

    def __init__(
        self, latent_dim: int = 5, width: int = 128, shape: tuple[int, int] = (20, 10)
    ) -> None:
        super().__init__()
        cells = shape[0] * shape[1]
        self.encoder = _tower(cells, width, 2, 2 * latent_dim, activate=True)
        self.decoder = _tower(latent_dim, width, 1, cells, activate=False)

    def encode(self, prob: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of the latents from flattened histograms, shape (n, cells)."""
        mean, log_sigma = self.encoder(prob).chunk(2, dim=-1)
        return mean, log_sigma

    def decode(self, z: Tensor) -> Tensor:
        """Share of the pairs in each cell, shape (n, cells)."""
        return torch.sigmoid(self.decoder(z))


class FoldNetwork(nn.Module):
    """Autoencoder of folded light curves: recurrent encoder, decoder conditional on phase.

    The last latent sets one extra variance a curve; the others its shape.

    Parameters
    ----------
    latent_dim : int
        Number of latents, the one of the variance included.
    width : int
        Hidden width.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> network = FoldNetwork()
    >>> phase = torch.linspace(0, 1, 30).repeat(2, 1)
    >>> mean, _ = network.encode(phase, torch.zeros(2, 30), torch.ones(2, 30, dtype=bool))
    >>> mean.shape, network.decode(mean, phase).shape
    (torch.Size([2, 5]), torch.Size([2, 30]))
    >>> sum(p.numel() for p in network.parameters())
    263308
    """

    def __init__(self, latent_dim: int = 5, width: int = 128) -> None:
        super().__init__()
        code = 2 * _HARMONICS
        self.rnn = nn.GRU(code + 1, width, num_layers=2, dropout=0.1, batch_first=True)
        self.attention = nn.Linear(width, 1, bias=False)
        self.latent = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, 2 * latent_dim)
        )
        self.decoder = _tower(code + latent_dim - 1, width, 2, 1, activate=True)
        self.variance = nn.Sequential(
            nn.Linear(1, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1)
        )

    def encode(self, phase: Tensor, mag: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log σ of the latents from padded curves, shape (n, points)."""
        steps, _ = self.rnn(torch.cat([phase_code(phase), mag[..., None]], dim=-1))
        score = self.attention(steps)[..., 0].masked_fill(~mask, -math.inf)
        weight = torch.softmax(score, dim=-1)
        mean, log_sigma = self.latent((weight[..., None] * steps).sum(dim=1)).chunk(2, dim=-1)
        return mean, log_sigma

    def decode(self, z: Tensor, phase: Tensor) -> Tensor:
        """Scaled magnitude at phases, shape (n, points)."""
        shape = z[:, None, :-1].expand(-1, phase.shape[1], -1)
        out: Tensor = self.decoder(torch.cat([phase_code(phase), shape], dim=-1))[..., 0]
        return out

    def extra_variance(self, z: Tensor) -> Tensor:
        """Variance added to that of every point of a curve, shape (n,)."""
        return torch.exp(self.variance(z[:, -1:])[:, 0])


class MapNetwork(nn.Module):
    """Residual network from features to the coordinates of a map.

    Parameters
    ----------
    inputs : int
        Number of features.
    outputs : int
        Dimensions of the map.
    width : int
        Hidden width.

    Examples
    --------
    >>> MapNetwork(17)(torch.zeros(4, 17)).shape
    torch.Size([4, 2])
    """

    def __init__(self, inputs: int, outputs: int = 2, width: int = 128) -> None:
        super().__init__()
        self.encoder = _tower(inputs, width, 3, outputs, activate=True)

    def forward(self, features: Tensor) -> Tensor:
        """Coordinates, shape (n, outputs)."""
        out: Tensor = self.encoder(features)
        return out


def phase_code(phase: Tensor) -> Tensor:
    """Cosines, then sines, of the first twelve harmonics of a phase in cycles."""
    harmonics = torch.arange(1, _HARMONICS + 1, dtype=phase.dtype, device=phase.device)
    angle = 2 * math.pi * phase[..., None] * harmonics
    return torch.cat([torch.cos(angle), torch.sin(angle)], dim=-1)
