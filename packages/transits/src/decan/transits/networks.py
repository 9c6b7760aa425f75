"""Networks that read the views of a signal: one branch a view, one for the scalars, one head.

A missing input, whether dropped in training, absent in the data or hidden for an
explanation, is one thing: a learned vector in place of its branch's output.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["COMPACT_VIEWS", "DEPTH_VIEWS", "CompactNet", "reversed_in_time"]

COMPACT_VIEWS: Mapping[str, tuple[int, int]] = {
    "global": (201, 1),
    "local": (61, 1),
    "secondary": (61, 1),
}
"""Views of the preset ``yu2019``: bins and channels."""

DEPTH_VIEWS: Mapping[str, tuple[int, int]] = {
    "global": (301, 1),
    "main": (75, 1),
    "secondary": (75, 1),
    "odd": (75, 1),
    "even": (75, 1),
    "centroid": (75, 2),
    "ghost": (75, 1),
}
"""Views of the preset ``depth``: bins and channels."""

_WIDE = 100


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
    views : mapping of str to (int, int)
        Bins and channels of each view. Views named ``odd`` and ``even`` share one branch,
        and their difference is given to the head beside both.
    branch_dropout : float
        Probability with which each branch of each sample is replaced by its absent vector
        in training, and each scalar of each sample is taken as unknown.

    Examples
    --------
    >>> network = CompactNet(11, 7)
    >>> batch = {name: torch.zeros(2, bins) for name, (bins, _) in COMPACT_VIEWS.items()}
    >>> network({**batch, "scalars": torch.zeros(2, 11)}).shape
    torch.Size([2, 3])
    """

    optional: Tensor

    def __init__(
        self,
        n_scalars: int,
        n_known: int,
        *,
        views: Mapping[str, tuple[int, int]] = COMPACT_VIEWS,
        width: int = 24,
        dropout: float = 0.3,
        branch_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.names = tuple(views)
        self.branch_dropout = branch_dropout
        self.register_buffer("optional", torch.arange(n_scalars) >= n_known, persistent=False)
        self.views = nn.ModuleDict(
            {
                name: _ViewBranch(bins, channels, width, dropout)
                for name, (bins, channels) in views.items()
                if name != "even" or "odd" not in views
            }
        )
        self.paired = "odd" in views and "even" in views
        self.scalars = nn.Sequential(
            nn.Linear(2 * n_scalars, 48), nn.GELU(), nn.Dropout(dropout), nn.Linear(48, width),
            nn.LayerNorm(width),
        )  # fmt: skip
        self.absent = nn.Parameter(torch.zeros(len(views), width))
        n_features = (len(views) + 1 + int(self.paired)) * width
        self.head = nn.Sequential(
            nn.Linear(n_features, 48), nn.GELU(), nn.Dropout(dropout), nn.Linear(48, 3)
        )

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits of the three classes.

        Parameters
        ----------
        batch : mapping of str to Tensor
            The views, shape (n, n_bins) or (n, n_bins, n_channels), a missing one NaN
            throughout, and ``scalars``, shape (n, n_scalars), a missing one NaN.

        Returns
        -------
        Tensor, shape (n, 3)
            Noise, eclipsing binary, planet.
        """
        found = {name: self._seen(i, name, batch[name]) for i, name in enumerate(self.names)}
        features = list(found.values())
        if self.paired:
            features.append(found["odd"] - found["even"])
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

    def _seen(self, i: int, name: str, view: Tensor) -> Tensor:
        present = torch.isfinite(view).flatten(1).all(dim=1, keepdim=True)
        if self.training and self.branch_dropout > 0:
            kept = torch.rand_like(view.flatten(1)[:, :1]) >= self.branch_dropout
            present = present & kept
        branch = self.views["odd" if self.paired and name == "even" else name]
        seen = branch(torch.nan_to_num(view))
        return torch.where(present, seen, self.absent[i])


class _ViewBranch(nn.Module):
    """Convolutions with odd kernels, so that a view and its mirror image are treated alike."""

    def __init__(self, n_bins: int, before: int, width: int, dropout: float) -> None:
        super().__init__()
        if n_bins > _WIDE:
            layers = [(12, 7, 3), (width, 5, 3), (width, 5, 2)]
        else:
            layers = [(12, 5, 2), (width, 5, 2)]
        self.pools = tuple(pool for _, _, pool in layers)
        self.convolutions = nn.ModuleList()
        for channels, kernel, pool in layers:
            self.convolutions.append(nn.Conv1d(before, channels, kernel, padding=kernel // 2))
            before, n_bins = channels, n_bins // pool
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(before * n_bins, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, view: Tensor) -> Tensor:
        # Single bright bins reach 50 depths; what matters happens between -1 and 1.
        seen = view.unsqueeze(1) if view.ndim == 2 else view.transpose(1, 2)
        seen = seen.clamp(-1.5, 3.0)
        for convolution, pool in zip(self.convolutions, self.pools, strict=True):
            seen = functional.gelu(functional.max_pool1d(convolution(seen), pool))
        normed: Tensor = self.norm(functional.gelu(self.dense(self.dropout(seen.flatten(1)))))
        return normed


def reversed_in_time(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Half of the samples run backwards in time, all views of a sample together.

    Parameters
    ----------
    batch : mapping of str to Tensor
        Views of shape (n, n_bins) or (n, n_bins, n_channels) and ``scalars``, which stay.

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

    def turned(values: Tensor) -> Tensor:
        chosen = flip.reshape(-1, *([1] * (values.ndim - 1)))
        return torch.where(chosen, values.flip(1), values)

    return {name: v if name == "scalars" else turned(v) for name, v in batch.items()}
