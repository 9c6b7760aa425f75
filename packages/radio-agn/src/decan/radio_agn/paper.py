"""The published network, layer by layer, built with e2cnn as its authors did.

DSteerableLeNet: two steerable convolutions on the group D16, group pooling, and dense layers
on the flattened map. Flattening makes it equivariant up to the map and not invariant after
it; :class:`~decan.radio_agn.networks.EquivariantEncoder` pools over the picture instead.
"""

from __future__ import annotations

import warnings
from typing import Any

from torch import Tensor, nn

from .e2cnn_today import load_e2cnn
from .steerable import DihedralGroup

__all__ = ["PaperEncoder", "PaperNetwork"]

_FIELDS = (6, 16)


class PaperEncoder(nn.Module):
    """The equivariant part of the published network.

    Parameters
    ----------
    group : str
        ``"D16"`` in the paper; smaller groups are built faster.
    size : int
        Pixels of the picture on a side; 151 in the paper.
    dropout : float
        After each of the two layers; 0.5 in the paper.

    Attributes
    ----------
    n_features : int
        Length of the flattened map; 20,736 in the paper.

    Notes
    -----
    On D16 the two convolutions have 33,858 free weights: eleven circular harmonics fit on a
    filter of 5 pixels, so that 6 fields take 6 x 11 and 16 fields 16 x 6 x 32 x 11. A count of
    all parameters of the released network gives 56,659: it has 151 x 151 more in a mask that
    e2cnn keeps as a parameter without a gradient, and that the released code never applies.

    Examples
    --------
    >>> import torch
    >>> encoder = PaperEncoder("C4", 33).eval()
    >>> encoder(torch.zeros(1, 1, 33, 33)).shape[1] == encoder.n_features
    True

    References
    ----------
    Hossain et al. 2025, arXiv 2510.22190; Scaife & Porter 2021, arXiv 2102.08252; Weiler &
    Cesa 2019, arXiv 1911.08251.
    """

    def __init__(self, group: str = "D16", size: int = 151, *, dropout: float = 0.5) -> None:
        super().__init__()
        e2cnn = load_e2cnn()
        named = DihedralGroup(group)
        space = (
            e2cnn.gspaces.FlipRot2dOnR2(named.n_turns)
            if named.mirrors
            else e2cnn.gspaces.Rot2dOnR2(named.n_turns)
        )
        e2nn = e2cnn.nn
        self.image_type = e2nn.FieldType(space, [space.trivial_repr])
        layers: list[Any] = []
        before = self.image_type
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for fields in _FIELDS:
                after = e2nn.FieldType(space, fields * [space.regular_repr])
                layers += [
                    e2nn.R2Conv(before, after, kernel_size=5, padding=1, bias=False),
                    e2nn.ReLU(after, inplace=True),
                    e2nn.PointwiseMaxPoolAntialiased(after, kernel_size=2),
                    e2nn.PointwiseDropout(after, p=dropout),
                ]
                before = after
            self.equivariant = e2nn.SequentialModule(*layers)
            self.pool = e2nn.GroupPooling(before)
        side = size
        for _ in _FIELDS:
            side = (side - 2) // 2
        self.n_features = _FIELDS[-1] * side * side
        self.side = side

    def features(self, x: Tensor) -> Tensor:
        """Map after group pooling, (n, 16, side, side)."""
        wrapped = load_e2cnn().nn.GeometricTensor(x, self.image_type)
        with warnings.catch_warnings():
            # e2cnn indexes with bytes where torch now wants booleans.
            warnings.simplefilter("ignore", UserWarning)
            mapped: Tensor = self.pool(self.equivariant(wrapped)).tensor
        return mapped

    def forward(self, x: Tensor) -> Tensor:
        """Flattened map of a stack of pictures, shape (n, n_features)."""
        return self.features(x).flatten(1)


class PaperNetwork(nn.Module):
    """The published network with its head for fine-tuning.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    group, size, dropout
        See :class:`PaperEncoder`.

    Examples
    --------
    >>> import torch
    >>> PaperNetwork(2, "C4", 33).eval()(torch.zeros(1, 1, 33, 33)).shape
    torch.Size([1, 2])
    """

    def __init__(
        self, n_classes: int = 2, group: str = "D16", size: int = 151, *, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.encoder = PaperEncoder(group, size, dropout=dropout)
        self.head = nn.Sequential(
            nn.Linear(self.encoder.n_features, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(84, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (n, n_classes)."""
        logits: Tensor = self.head(self.encoder(x))
        return logits
