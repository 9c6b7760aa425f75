"""The networks: the paper's pointwise one, and one that keeps planets and places apart.

The pointwise network reads the planet and the place of a cell. The branch-trunk network
(a low-rank form of it) multiplies what a branch makes of the planet with what a trunk makes
of the place: its modes are learned together with their coefficients. Both see longitude
through its sine and cosine, so that there is no seam, and horizontal direction only through a
unit vector, so that a pole is one place.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["BranchTrunkNet", "PointwiseNet", "place_features"]


def place_features(lon_deg: Tensor, lat_deg: Tensor, log_p: Tensor, *, fourier: bool) -> Tensor:
    """What a network sees of the place of a cell.

    Parameters
    ----------
    lon_deg, lat_deg, log_p : torch.Tensor, shape (n,)
        Degrees, and the decimal logarithm of pressure in Pa.
    fourier : bool
        Whether to give harmonics of the sphere; the raw numbers otherwise, as the paper does,
        with a seam at 180 degrees.

    Returns
    -------
    torch.Tensor, shape (n, k)

    Examples
    --------
    >>> ends = torch.tensor([-180.0, 180.0])
    >>> features = place_features(ends, 0 * ends, 0 * ends + 4, fourier=True)
    >>> bool(torch.allclose(features[0], features[1], atol=1e-5))
    True
    """
    height = (log_p - 3.8) / 2.0
    if not fourier:
        return torch.stack([lon_deg / 104.0, lat_deg / 52.0, height], dim=1)
    lon, lat = torch.deg2rad(lon_deg), torch.deg2rad(lat_deg)
    z, along = torch.sin(lat), torch.cos(lat)
    columns = [z, z**2, z**3, torch.abs(z), height, height**2]
    for m in (1, 2, 3, 4):
        # A wave m fades as cos^m at the pole, where all longitudes are one place.
        columns += [along**m * torch.cos(m * lon), along**m * torch.sin(m * lon)]
    columns += [torch.cos(k * height * 1.5) for k in (1, 2)]
    columns += [torch.sin(k * height * 1.5) for k in (1, 2)]
    columns += [torch.exp(-((lat / width) ** 2)) for width in (0.2, 0.5)]
    return torch.stack(columns, dim=1)


class PointwiseNet(nn.Module):
    """Fully connected layers from planet and place to the fields.

    Parameters
    ----------
    n_planet, n_place, n_fields : int
        Inputs of the planet and of the place; outputs.
    width, depth : int
        Of the hidden layers.

    Examples
    --------
    >>> PointwiseNet(2, 3, 4, width=16, depth=2)(torch.zeros(5, 2), torch.zeros(5, 3)).shape
    torch.Size([5, 4])
    """

    def __init__(
        self, n_planet: int, n_place: int, n_fields: int, width: int = 256, depth: int = 4
    ) -> None:
        super().__init__()
        self.layers = _stack([n_planet + n_place, *[width] * depth, n_fields])

    def forward(self, planet: Tensor, place: Tensor) -> Tensor:
        """Scaled fields of cells."""
        out: Tensor = self.layers(torch.cat([planet, place], dim=1))
        return out


class BranchTrunkNet(nn.Module):
    """A branch for the planet and a trunk for the place, multiplied mode by mode.

    Parameters
    ----------
    n_planet, n_place, n_fields : int
        Inputs of the planet and of the place; outputs.
    rank : int
        Modes of each field.
    width : int
        Of the hidden layers.

    Examples
    --------
    >>> net = BranchTrunkNet(2, 3, 4, rank=8, width=16)
    >>> net(torch.zeros(6, 2), torch.zeros(9, 3)).shape
    torch.Size([6, 9, 4])
    """

    def __init__(
        self, n_planet: int, n_place: int, n_fields: int, rank: int = 48, width: int = 128
    ) -> None:
        super().__init__()
        self.n_fields, self.rank = n_fields, rank
        self.branch = _stack([n_planet, width, width, n_fields * rank])
        self.trunk = _stack([n_place, width, width, width, n_fields * rank])
        self.mean = _stack([n_place, width, width, n_fields])

    def forward(self, planets: Tensor, places: Tensor) -> Tensor:
        """Scaled fields of every planet at every place."""
        coefficients = self.branch(planets).reshape(-1, self.n_fields, self.rank)
        modes = self.trunk(places).reshape(-1, self.n_fields, self.rank)
        return self.mean(places) + torch.einsum("bfr,xfr->bxf", coefficients, modes) / self.rank


def _stack(sizes: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*layers[:-1])
