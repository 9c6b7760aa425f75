"""Encoders: an image goes in, an embedding that does not change with its orientation comes out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .steerable import DihedralGroup, GroupConv2d, GroupNorm2d, group_pool

__all__ = ["EquivariantEncoder", "MorphologyNetwork", "PlainEncoder"]


class EquivariantEncoder(nn.Module):
    """Group convolutions, then pooling over orientations and over the picture.

    Both poolings are needed: a map that turns with the picture and is then flattened into
    a dense layer gives another answer for each orientation. Each layer halves the picture;
    sizes of the form ``2^k + 1`` (33, 65, 129) keep quarter turns and mirrors exact.

    Parameters
    ----------
    group : str
        ``"D4"``, ``"D8"``, ``"C8"``, ...
    fields : sequence of int
        Fields of each layer.
    in_channels : int
        Channels of the picture.
    kernel_size : int
        Odd size of the filters, pixels.

    Attributes
    ----------
    n_features : int
        Length of the embedding: mean and maximum of each field of the last layer.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> encoder = EquivariantEncoder("D4", (2, 3)).eval()
    >>> picture = torch.rand(1, 1, 33, 33)
    >>> with torch.no_grad():
    ...     same = encoder(picture), encoder(torch.rot90(picture, 1, (-2, -1)).flip(-1))
    >>> torch.allclose(*same, rtol=1e-4)
    True

    References
    ----------
    Cohen & Welling 2016, arXiv 1602.07576; Scaife & Porter 2021, arXiv 2102.08252.
    """

    def __init__(
        self,
        group: str = "D4",
        fields: Sequence[int] = (6, 8, 12, 16),
        *,
        in_channels: int = 1,
        kernel_size: int = 5,
    ) -> None:
        super().__init__()
        self.settings = {
            "group": group,
            "fields": list(fields),
            "in_channels": in_channels,
            "kernel_size": kernel_size,
        }
        self.order = DihedralGroup(group).order
        layers: list[nn.Module] = []
        previous = in_channels
        for number, width in enumerate(fields):
            layers += [
                GroupConv2d(
                    previous,
                    width,
                    group,
                    kernel_size=kernel_size,
                    stride=2,
                    lifting=number == 0,
                ),
                GroupNorm2d(width, self.order),
                nn.ReLU(),
            ]
            previous = width
        self.layers = nn.Sequential(*layers)
        self.n_features = 2 * previous

    def features(self, x: Tensor) -> Tensor:
        """Map of the last layer after pooling over orientations, (n, fields, h, w)."""
        return group_pool(self.layers(x), self.order)

    def forward(self, x: Tensor) -> Tensor:
        """Embedding of a stack of pictures, shape (n, n_features)."""
        return _pooled(self.features(x))


class PlainEncoder(nn.Module):
    """An ordinary convolutional encoder of the same depth, the control of every comparison.

    Parameters
    ----------
    channels : sequence of int
        Channels of each layer.
    in_channels : int
        Channels of the picture.
    kernel_size : int
        Odd size of the filters, pixels.

    Examples
    --------
    >>> PlainEncoder((4, 8))(torch.rand(2, 1, 33, 33)).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        channels: Sequence[int] = (12, 24, 32, 40),
        *,
        in_channels: int = 1,
        kernel_size: int = 5,
    ) -> None:
        super().__init__()
        self.settings = {
            "channels": list(channels),
            "in_channels": in_channels,
            "kernel_size": kernel_size,
        }
        layers: list[nn.Module] = []
        previous = in_channels
        for width in channels:
            layers += [
                nn.Conv2d(
                    previous, width, kernel_size, stride=2, padding=kernel_size // 2, bias=False
                ),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            previous = width
        self.layers = nn.Sequential(*layers)
        self.n_features = 2 * previous

    def features(self, x: Tensor) -> Tensor:
        """Map of the last layer, (n, channels, h, w)."""
        mapped: Tensor = self.layers(x)
        return mapped

    def forward(self, x: Tensor) -> Tensor:
        """Embedding of a stack of pictures, shape (n, n_features)."""
        return _pooled(self.features(x))


class MorphologyNetwork(nn.Module):
    """An encoder and a small head that gives one logit a class.

    Parameters
    ----------
    encoder : torch.nn.Module
        With an attribute ``n_features``.
    n_classes : int
        Number of classes.
    hidden : int
        Width of the hidden layer of the head.
    dropout : float
        Share of the hidden layer that is left out while training.

    Examples
    --------
    >>> network = MorphologyNetwork(PlainEncoder((4, 8)), 4)
    >>> network(torch.rand(2, 1, 33, 33)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self, encoder: nn.Module, n_classes: int, *, hidden: int = 64, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.encoder = encoder
        width = int(encoder.n_features)  # type: ignore[arg-type]
        self.head = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a stack of pictures, shape (n, n_classes)."""
        logits: Tensor = self.head(self.encoder(x))
        return logits


def _pooled(maps: Tensor) -> Tensor:
    return torch.cat([maps.mean(dim=(-2, -1)), maps.amax(dim=(-2, -1))], dim=1)
