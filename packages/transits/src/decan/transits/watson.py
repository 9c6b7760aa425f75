"""The network of WATSON-Net as released, layer by layer, for comparison with ours.

8,804,176 parameters, more than half of them in the first dense layer of the head. Its traits
are kept: kernels of even size, odd and even embeddings added, features of the global view
taken at each position. The random reversal and branch dropout of the released code, which
act on the channel axis and on whole batches, are left out: see
:func:`~decan.transits.networks.reversed_in_time` and
:class:`~decan.transits.networks.CompactNet` for what was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["WATSON_VIEWS", "WatsonNet"]

WATSON_VIEWS: Mapping[str, tuple[int, int]] = {
    "global": (300, 1),
    "main": (75, 1),
    "secondary": (75, 1),
    "even": (75, 1),
    "odd": (75, 1),
    "centroid": (75, 2),
    "ghost": (75, 1),
}
"""Views of the preset ``watson``: bins and channels."""

_SLOPE = 0.01


class WatsonNet(nn.Module):
    """The released network: ten inputs, one logit.

    Parameters
    ----------
    dropout : float
        Share of features dropped after dense layers; also of channels after the first
        pools. The released default is 0.1.

    References
    ----------
    Devora-Pajares et al. 2025, arXiv 2511.08768.

    Examples
    --------
    >>> sum(parameter.numel() for parameter in WatsonNet().parameters())
    8804176
    """

    def __init__(self, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.wide = _Stack(1, ((16, 90, 10, 1), (32, 30, 4, 1), (64, 15, 3, 2), (128, 8, 2, 2)),
                           dropout)  # fmt: skip
        self.each_position = nn.Linear(128, 64)
        self.wide_norm = nn.LayerNorm(64)
        sides = {"main": 9, "secondary": 9, "even": 9, "odd": 9, "centroid": 1, "ghost": 0}
        self.focus = nn.ModuleDict(
            {name: _Focus(WATSON_VIEWS[name][1], side, dropout) for name, side in sides.items()}
        )
        sizes = (2 + 71 * 64 + 3 * 64, 1000, 250, 75, 35, 16)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.LeakyReLU(_SLOPE), nn.Dropout(dropout)]
        self.head = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Log-odds of a planet.

        Parameters
        ----------
        batch : mapping of str to Tensor
            The views of :data:`WATSON_VIEWS`, shape (n, n_bins) or (n, n_bins, n_channels);
            ``transit`` (n, 9), ``offset`` (n, 1) and ``star`` (n, 2), or with a last axis
            of one, as :func:`~decan.transits.released.watson_inputs` gives them.

        Returns
        -------
        Tensor, shape (n,)
        """
        transit, offset, star = (batch[name].flatten(1) for name in ("transit", "offset", "star"))
        seen = self.wide(_channels_first(batch["global"])).transpose(1, 2)
        seen = functional.leaky_relu(self.each_position(seen), _SLOPE)
        wide = self.wide_norm(self.dropout(seen)).flatten(1)
        side = {"centroid": offset, "ghost": None}
        parts = {
            name: branch(_channels_first(batch[name]), side.get(name, transit))
            for name, branch in self.focus.items()
        }
        added = parts["main"] + parts["secondary"] + parts["even"] + parts["odd"]
        merged = torch.cat([star, wide, added, parts["centroid"], parts["ghost"]], dim=1)
        logit: Tensor = self.head(merged).squeeze(1)
        return logit


class _Stack(nn.Module):
    def __init__(
        self, channels: int, layers: Sequence[tuple[int, int, int, int]], dropout: float
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        self.pools = [(pool, stride) for _, _, pool, stride in layers]
        for features, kernel, _, _ in layers:
            # "same" with an even kernel pads one more on the right, as TensorFlow does.
            self.convolutions.append(nn.Conv1d(channels, features, kernel, padding="same"))
            channels = features
        self.spatial = nn.Dropout1d(dropout)

    def forward(self, seen: Tensor) -> Tensor:
        last = len(self.pools) - 1
        for i, (convolution, (pool, stride)) in enumerate(
            zip(self.convolutions, self.pools, strict=True)
        ):
            seen = functional.leaky_relu(_quietly(convolution, seen), _SLOPE)
            seen = functional.max_pool1d(seen, pool, stride)
            seen = self.spatial(seen) if i < last else seen
        return seen


class _Focus(nn.Module):
    def __init__(self, channels: int, n_side: int, dropout: float) -> None:
        super().__init__()
        self.stack = _Stack(channels, ((32, 20, 5, 1), (64, 10, 3, 1), (128, 5, 3, 1)), dropout)
        self.dense = nn.Linear(67 * 128 + n_side, 64)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(64)

    def forward(self, view: Tensor, side: Tensor | None) -> Tensor:
        seen = self.stack(view).flatten(1)
        if side is not None:
            seen = torch.cat([seen, side], dim=1)
        normed: Tensor = self.norm(self.dropout(functional.leaky_relu(self.dense(seen), _SLOPE)))
        return normed


def _channels_first(view: Tensor) -> Tensor:
    return view.unsqueeze(1) if view.ndim == 2 else view.transpose(1, 2)


def _quietly(convolution: nn.Module, seen: Tensor) -> Tensor:
    # torch warns that an even kernel with "same" padding copies the input; that is meant.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        out: Tensor = convolution(seen)
        return out
