"""Networks that read the views of a signal: one branch a view, one for the scalars, one head.

A missing input, whether dropped in training, absent in the data or hidden for an
explanation, is one thing: a learned vector in place of its branch's output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["COMPACT_VIEWS", "CompactNet", "reversed_in_time"]

COMPACT_VIEWS: Mapping[str, int] = {"global": 201, "local": 61, "secondary": 61}
"""Views that the compact network reads, with their numbers of bins."""


class CompactNet(nn.Module):
    """A small network for the views of the preset ``yu2019`` and a few scalars.

    Three classes come out: noise, eclipsing binary, planet.

    Parameters
    ----------
    n_scalars : int
        Number of scalar inputs.
    n_known : int
        How many of them, the first ones, come with every signal. The others are hidden
        together in a third of the training samples, as users often lack them all.
    width : int
        Channels of the second convolution and features of each branch.
    dropout : float
        Share of features dropped before the dense layers.
    branch_dropout : float
        Probability with which each branch of each sample is replaced by its absent vector
        in training, and each scalar of each sample is taken as unknown.

    Examples
    --------
    >>> network = CompactNet(11, 7)
    >>> batch = {name: torch.zeros(2, bins) for name, bins in COMPACT_VIEWS.items()}
    >>> network({**batch, "scalars": torch.zeros(2, 11)}).shape
    torch.Size([2, 3])
    """

    optional: Tensor

    def __init__(
        self,
        n_scalars: int,
        n_known: int,
        *,
        width: int = 24,
        dropout: float = 0.3,
        branch_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.branch_dropout = branch_dropout
        self.register_buffer("optional", torch.arange(n_scalars) >= n_known, persistent=False)
        self.views = nn.ModuleDict(
            {
                "global": _ViewBranch(
                    201, (12, width, width), (7, 5, 5), (3, 3, 2), width, dropout
                ),
                "local": _ViewBranch(61, (12, width), (5, 5), (2, 2), width, dropout),
                "secondary": _ViewBranch(61, (12, width), (5, 5), (2, 2), width, dropout),
            }
        )
        self.scalars = nn.Sequential(
            nn.Linear(2 * n_scalars, 48), nn.GELU(), nn.Dropout(dropout), nn.Linear(48, width),
            nn.LayerNorm(width),
        )  # fmt: skip
        self.absent = nn.Parameter(torch.zeros(len(self.views), width))
        self.head = nn.Sequential(
            nn.Linear(4 * width, 48), nn.GELU(), nn.Dropout(dropout), nn.Linear(48, 3)
        )

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits of the three classes.

        Parameters
        ----------
        batch : mapping of str to Tensor
            The views, shape (n, n_bins), a missing one NaN throughout, and ``scalars``,
            shape (n, n_scalars), a missing one NaN.

        Returns
        -------
        Tensor, shape (n, 3)
            Noise, eclipsing binary, planet.
        """
        features = []
        for i, (name, branch) in enumerate(self.views.items()):
            view = batch[name]
            present = torch.isfinite(view).all(dim=1, keepdim=True)
            if self.training and self.branch_dropout > 0:
                kept = torch.rand_like(view[:, :1]) >= self.branch_dropout
                present = present & kept
            seen = branch(torch.where(present, view, torch.zeros_like(view)))
            features.append(torch.where(present, seen, self.absent[i]))
        scalars = batch["scalars"]
        known = torch.isfinite(scalars)
        if self.training and self.branch_dropout > 0:
            known = known & (torch.rand_like(scalars) >= self.branch_dropout)
            bare = torch.rand_like(scalars[:, :1]) < 1 / 3
            known = known & ~(bare & self.optional)
        filled = torch.where(known, scalars, torch.zeros_like(scalars))
        features.append(self.scalars(torch.cat([filled, known.to(filled.dtype)], dim=1)))
        logits: Tensor = self.head(torch.cat(features, dim=1))
        return logits


class _ViewBranch(nn.Module):
    """Convolutions with odd kernels, so that a view and its mirror image are treated alike."""

    def __init__(
        self,
        n_bins: int,
        channels: Sequence[int],
        kernels: Sequence[int],
        pools: Sequence[int],
        features: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.pools = tuple(pools)
        self.convolutions = nn.ModuleList()
        before = 1
        for channel, kernel, pool in zip(channels, kernels, pools, strict=True):
            self.convolutions.append(nn.Conv1d(before, channel, kernel, padding=kernel // 2))
            before, n_bins = channel, n_bins // pool
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(before * n_bins, features)
        self.norm = nn.LayerNorm(features)

    def forward(self, view: Tensor) -> Tensor:
        # Single bright bins reach 50 depths; what matters happens between -1 and 1.
        seen = view.clamp(-1.5, 3.0).unsqueeze(1)
        for convolution, pool in zip(self.convolutions, self.pools, strict=True):
            seen = functional.gelu(functional.max_pool1d(convolution(seen), pool))
        normed: Tensor = self.norm(functional.gelu(self.dense(self.dropout(seen.flatten(1)))))
        return normed


def reversed_in_time(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Half of the samples run backwards in time, all views of a sample together.

    Parameters
    ----------
    batch : mapping of str to Tensor
        Views of shape (n, n_bins) and ``scalars``, which stay.

    Returns
    -------
    dict of str to Tensor
        New tensors for the views.

    Examples
    --------
    >>> batch = {"local": torch.arange(4.0).reshape(1, 4), "scalars": torch.zeros(1, 2)}
    >>> sorted(reversed_in_time(batch)["local"][0].tolist())
    [0.0, 1.0, 2.0, 3.0]
    """
    flip = torch.rand_like(batch["scalars"][:, :1]) < 0.5
    return {
        name: values if name == "scalars" else torch.where(flip, values.flip(1), values)
        for name, values in batch.items()
    }
