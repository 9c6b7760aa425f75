"""BYOL: an encoder learns from unlabelled pictures that two views are of one source.

The traps of the released code are mended: the target follows after the optimiser's step and
not before it, the statistics of its normalisation layers follow too, each picture is turned
by its own angle each time it is seen, nothing is dropped in the target, and no crop can cut a
lobe off.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from decan.core.saved import Saved
from decan.core.training import History, fit

from .augment import RadioAugment
from .crossval import FIELDS
from .networks import EquivariantEncoder
from .stamps import CHANNELS

__all__ = ["BYOL", "BYOLNetwork"]


class BYOLNetwork(nn.Module):
    """Online and target branch.

    Parameters
    ----------
    encoder : torch.nn.Module
        With an attribute ``n_features``.
    hidden, projection : int
        Widths of projector and predictor; 4096 and 256 in the paper.
    decay : float
        How much of the target stays at each step.

    Examples
    --------
    >>> from decan.radio_agn.networks import PlainEncoder
    >>> network = BYOLNetwork(PlainEncoder((4, 8)), hidden=8, projection=4)
    >>> views = torch.rand(4, 1, 33, 33), torch.rand(4, 1, 33, 33)
    >>> bool(network.distance(*views) >= 0)
    True

    References
    ----------
    Grill et al. 2020, arXiv 2006.07733.
    """

    def __init__(
        self, encoder: nn.Module, *, hidden: int = 256, projection: int = 64, decay: float = 0.99
    ) -> None:
        super().__init__()
        width = int(encoder.n_features)  # type: ignore[arg-type]
        self.decay = decay
        self.encoder = encoder
        self.projector = _mlp(width, hidden, projection)
        self.predictor = _mlp(projection, hidden, projection)
        self.target = copy.deepcopy(nn.Sequential(encoder, self.projector))
        for parameter in self.target.parameters():
            parameter.requires_grad_(False)

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Loss of a batch: 2 - 2 cos for each order of the two views, summed."""
        online = [self.predictor(self.projector(self.encoder(view))) for view in (first, second)]
        with torch.no_grad():
            aims = [self.target(view) for view in (second, first)]
        return torch.stack(
            [
                2 - 2 * functional.cosine_similarity(one.float(), aim.float(), dim=1)
                for one, aim in zip(online, aims, strict=True)
            ]
        ).sum(dim=0).mean()  # fmt: skip

    @torch.no_grad()
    def follow(self) -> None:
        """Move the target towards the online branch: weights by the decay, buffers at once."""
        online = nn.Sequential(self.encoder, self.projector)
        for mine, theirs in zip(self.target.parameters(), online.parameters(), strict=True):
            mine.lerp_(theirs, 1 - self.decay)
        for kept, seen in zip(self.target.buffers(), online.buffers(), strict=True):
            kept.copy_(seen)

    def train(self, mode: bool = True) -> BYOLNetwork:
        """Train the online branch; the target normalises by batch and drops nothing."""
        super().train(mode)
        for module in self.target.modules():
            if isinstance(module, nn.Dropout | nn.Dropout2d):
                module.eval()
        return self


class BYOL(Saved):
    """Pre-training of an encoder on stamps without labels.

    Parameters
    ----------
    group : str
        Symmetry of the encoder.
    fields : sequence of int
        Fields of its layers.
    hidden, projection : int
        Widths of projector and predictor.
    decay : float
        Decay of the target.
    augment : RadioAugment, optional
        Views; turns, mirrors, sizes, exposures and a little noise without it.
    random_state : int
        Seed.

    Attributes
    ----------
    encoder_ : torch.nn.Module
        Pre-trained; its ``state_dict()`` goes into
        :meth:`RadioMorphologyClassifier.fit`.
    history_ : History
        Loss of each epoch.

    Examples
    --------
    >>> stamps = np.random.default_rng(0).random((8, 4, 65, 65), dtype=np.float32)
    >>> byol = BYOL(fields=(2, 2), hidden=8, projection=4).fit(stamps, epochs=1, batch_size=4)
    >>> len(byol.history_)
    1
    """

    def __init__(
        self,
        *,
        group: str = "D4",
        fields: Sequence[int] = FIELDS,
        hidden: int = 256,
        projection: int = 64,
        decay: float = 0.99,
        augment: RadioAugment | None = None,
        random_state: int = 0,
    ) -> None:
        self.group, self.fields = group, tuple(fields)
        self.hidden, self.projection, self.decay = hidden, projection, decay
        self.augment = augment
        self.random_state = random_state

    def fit(
        self,
        stamps: NDArray[Any],
        *,
        epochs: int = 20,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        precision: str = "float32",
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> BYOL:
        """Pre-train on stamps of any survey.

        Parameters
        ----------
        stamps : ndarray, shape (n, channels, size, size)
            What :func:`~decan.radio_agn.stamps.network_stamps` gives.
        epochs, batch_size : int
            Passes and pictures a batch; the last batch is left out if it is smaller.
        learning_rate : float
            Largest learning rate of one cycle.
        precision : {'float32', 'bfloat16'}
            Of the forward pass.
        checkpoint : path-like, optional
            Where the run keeps itself and goes on from.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        BYOL

        Raises
        ------
        ValueError
            If a batch would hold fewer than two pictures: normalisation over one is
            undefined.
        """
        n = len(stamps)
        if batch_size < 2 or n < 2:
            raise ValueError(
                f"batch_size={batch_size}, {n} pictures: BYOL needs at least two pictures a batch"
            )
        size = min(batch_size, n)
        augment = self.augment or RadioAugment(shift=0.06, exposure=0.4, noise=0.02)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_state)
            network = BYOLNetwork(
                EquivariantEncoder(self.group, self.fields, in_channels=stamps.shape[1]),
                hidden=self.hidden,
                projection=self.projection,
                decay=self.decay,
            )
        pictures = torch.from_numpy(np.ascontiguousarray(stamps))

        def loss(model: nn.Module, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            assert isinstance(model, BYOLNetwork)
            # The optimiser has just stepped: the target follows before the next look.
            model.follow()
            shown = batch.float()
            return model.distance(augment(shown), augment(shown)), {}

        self.history_: History = fit(
            network,
            _WholeBatches(pictures, size, self.random_state),
            loss,
            epochs=epochs,
            learning_rate=learning_rate,
            weight_decay=1e-6,
            precision=precision,
            checkpoint=checkpoint,
            rng=self.random_state,
            progress=progress,
        )
        network.follow()
        self.encoder_ = network.encoder
        return self

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {
            "group": self.group,
            "fields": list(self.fields),
            "hidden": self.hidden,
            "projection": self.projection,
            "decay": self.decay,
            "random_state": self.random_state,
        }
        return settings, {"encoder": self.encoder_.state_dict()}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> BYOL:
        made = cls(**settings)
        encoder = EquivariantEncoder(made.group, made.fields, in_channels=len(CHANNELS))
        encoder.load_state_dict(
            {name: torch.as_tensor(value) for name, value in parts["encoder"].items()}
        )
        made.encoder_ = encoder.eval()
        return made


class _WholeBatches:
    """Shuffled batches of one size: BatchNorm of a rest of one picture would be undefined."""

    def __init__(self, pictures: Tensor, size: int, seed: int) -> None:
        self.pictures, self.size, self.seed, self.epoch = pictures, size, seed, 0

    def __len__(self) -> int:
        return len(self.pictures) // self.size

    def __iter__(self) -> Any:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.pictures))
        self.epoch += 1
        for number in range(len(self)):
            yield self.pictures[order[number * self.size : (number + 1) * self.size]]


def _mlp(before: int, hidden: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(before, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, after)
    )
