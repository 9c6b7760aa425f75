"""The networks behind the estimator: built, trained, asked for densities, written down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.splits import group_folds

from .densities import BinnedDensity, MixtureDensity
from .ensembles import mixture_of, train_members
from .features import PhotometricFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

__all__ = ["Members", "Settings"]

_PARTS = 5
_ROWS_AT_ONCE = 2048
_LEAST = 1e-3


@dataclass(frozen=True)
class Settings:
    """What a :class:`Members` needs to know.

    Parameters
    ----------
    inputs, network, density, bins, low, high, members, epochs, contrastive, progress
        As in :class:`~decan.stellar_mass.StellarMassEstimator`, with all choices made.
    seed : int
        Decides on everything random.

    Examples
    --------
    >>> Settings("photometry", "small", "mixture", 520, 6.0, 12.5, 10, None, False, 0, False).bins
    520
    """

    inputs: str
    network: str
    density: str
    bins: int
    low: float
    high: float
    members: int
    epochs: int | None
    contrastive: bool
    seed: int
    progress: bool

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins."""
        return np.linspace(self.low, self.high, self.bins + 1)


class Members:
    """An ensemble of networks, each trained without one part of the groups.

    Parameters
    ----------
    settings : Settings
        How it is built and trained.

    Examples
    --------
    >>> settings = Settings("images", "small", "mixture", 520, 6, 12.5, 1, 1, False, 0, False)
    >>> Members(settings).networks
    []
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.networks: list[Any] = []
        self.features = PhotometricFeatures()
        self.shift, self.scale = 0.0, 1.0
        self.prior = np.full(settings.bins, 1 / settings.bins)
        self.shape: tuple[int, int, int] = (0, 0, 0)

    def fit(
        self,
        pixels: NDArray[np.float32] | None,
        table: Any,
        y: NDArray[np.float64],
        labels: NDArray[Any],
        checkpoint: Any,
    ) -> NDArray[np.float64]:
        """Train all networks; give integral transforms by those that have left a row out.

        One round of networks leaves out each row once: shape (rounds, n), NaN where a round has
        not (one image network leaves out one part only).
        """
        s = self.settings
        columns = None
        if table is not None:
            columns = self.features.fit_transform(table, y)
        self.shift, self.scale = float(y.mean()), float(y.std()) or 1.0
        self.prior = _smooth_prior(y, s.edges)
        bands, size = (0, 0) if pixels is None else pixels.shape[1:3]
        self.shape = (0 if columns is None else columns.shape[1], bands, size)
        target = (y - self.shift) / self.scale
        if s.density == "bins":
            target = np.clip(np.digitize(y, s.edges) - 1, 0, s.bins - 1).astype(np.float64)
        cuts = group_folds(labels, min(_PARTS, len(np.unique(labels))), rng=s.seed)
        rows = [cuts[m % len(cuts)][0] for m in range(s.members)]
        held = [cuts[m % len(cuts)][1] for m in range(s.members)]
        self.networks = [self._network(s.seed + m) for m in range(s.members)]
        if s.inputs == "photometry" and s.network == "small":
            assert columns is not None
            train_members(
                self.networks, columns, target, rows, held, epochs=s.epochs, rng=s.seed,
                progress=s.progress,
            )  # fmt: skip
        else:
            for m, network in enumerate(self.networks):
                self._train(network, pixels, columns, target, rows[m], held[m], m, checkpoint)
        rounds = np.full((-(-s.members // len(cuts)), len(y)), np.nan)
        for m, network in enumerate(self.networks):
            for block in _blocks(held[m]):
                one = self._with_prior(self._density(network, pixels, columns, block))
                rounds[m // len(cuts), block] = one.cdf(y[block])
        return rounds

    def binned(self, pixels: NDArray[np.float32] | None, table: Any) -> BinnedDensity:
        """Pooled densities on the bins."""
        columns = None if table is None else self.features.transform(table)
        n = len(columns if columns is not None else pixels)  # type: ignore[arg-type]
        total = np.zeros((n, self.settings.bins))
        for network in self.networks:
            for block in _blocks(np.arange(n)):
                total[block] += self._density(network, pixels, columns, block)
        return self._with_prior(total / len(self.networks))

    def _with_prior(self, probability: NDArray[np.float64]) -> BinnedDensity:
        mixed = (1 - _LEAST) * probability + _LEAST * self.prior
        return BinnedDensity(self.settings.edges, mixed)

    def latent(
        self, pixels: NDArray[np.float32] | None, table: Any, member: int
    ) -> NDArray[np.float64]:
        """Latent vectors of one member."""
        import torch

        columns = None if table is None else self.features.transform(table)
        out = []
        with torch.inference_mode():
            for rows in _blocks(np.arange(len(columns if columns is not None else pixels))):  # type: ignore[arg-type]
                arguments = _tensors(pixels, columns, rows)
                out.append(self.networks[member].encode(*arguments).double().numpy())
        return np.concatenate(out)

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Settings and parts of an artifact."""
        import torch

        names = list(self.networks[0].state_dict())
        stacked = {
            name: torch.stack([net.state_dict()[name] for net in self.networks]) for name in names
        }
        settings: dict[str, Any] = {
            "shape": list(self.shape),
            "shift": self.shift,
            "scale": self.scale,
        }
        parts: dict[str, Any] = {"networks": stacked, "prior": {"prior": self.prior}}
        if self.shape[0]:
            settings["features"], parts["features"] = self.features.state()
        return settings, parts

    @classmethod
    def from_state(
        cls, chosen: Settings, settings: dict[str, Any], parts: dict[str, Any]
    ) -> Members:
        """Made again from :meth:`state`."""
        self = cls(chosen)
        self.shape = tuple(settings["shape"])
        self.shift, self.scale = settings["shift"], settings["scale"]
        self.prior = parts["prior"]["prior"]
        if "features" in settings:
            self.features = PhotometricFeatures.from_state(settings["features"], parts["features"])
        stacked = parts["networks"]
        for m in range(len(next(iter(stacked.values())))):
            network = self._network(0)
            network.load_state_dict({name: tensor[m] for name, tensor in stacked.items()})
            self.networks.append(network.eval())
        return self

    def _network(self, seed: int) -> Any:
        from .networks import ImageNetwork, PhotometryNetwork, seeded
        from .paper import PaperImageNetwork, PaperPhotometryNetwork

        s, (columns, bands, size) = self.settings, self.shape
        bins = s.bins if s.density == "bins" else 0

        def make() -> nn.Module:
            if s.network == "paper":
                if s.inputs == "photometry":
                    return PaperPhotometryNetwork(columns, 0, s.bins, s.contrastive)
                return PaperImageNetwork(bands, max(columns, 1), s.bins, s.contrastive)
            if s.inputs == "photometry":
                return PhotometryNetwork(columns, bins=bins)
            return ImageNetwork(bands, columns, size=size, bins=bins)

        return seeded(seed, make)

    def _train(
        self,
        network: Any,
        pixels: NDArray[np.float32] | None,
        columns: NDArray[np.float32] | None,
        target: NDArray[np.float64],
        rows: NDArray[np.intp],
        held: NDArray[np.intp],
        member: int,
        checkpoint: Any,
    ) -> None:
        from pathlib import Path

        import torch

        from decan.core.training import fit

        s = self.settings

        def taken(chosen: NDArray[np.intp]) -> dict[str, Tensor]:
            found = {"y": torch.from_numpy(target[chosen].astype(np.float32))}
            if columns is not None:
                found["x" if pixels is None else "extra"] = torch.from_numpy(columns[chosen])
            if pixels is not None:
                found["x"] = torch.from_numpy(pixels[chosen])
            return found

        paper = s.network == "paper"
        epochs = s.epochs or (12 if pixels is not None else 60)
        file = None if checkpoint is None else Path(checkpoint).with_suffix(f".{member}")
        fit(
            network, taken(rows), self._loss, epochs=epochs, batch_size=128,
            learning_rate=1e-4 if paper else 3e-3, weight_decay=0.0 if paper else 0.01,
            schedule="constant" if paper else "one-cycle", clip=None if paper else 1.0,
            validation=taken(held), patience=None if paper else epochs, checkpoint=file,
            rng=s.seed + member, progress=s.progress,
        )  # fmt: skip
        network.cpu().eval()

    def _loss(self, network: Any, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        import torch
        from torch.nn import functional

        from .networks import turned
        from .paper import contrastive_loss

        batch = dict(batch)
        image = batch["x"].ndim == 4
        if image and network.training:
            quarter, flip = (int(v) for v in torch.randint(0, 4, (2,)))
            batch["x"] = turned(batch["x"], quarter, flip % 2 == 1)
        if self.settings.contrastive and network.training:
            if image:
                batch["x_turned"] = turned(batch["x"], int(torch.randint(1, 4, ())), False)
            return contrastive_loss(network, batch, reconstruction=100.0 if image else 1.0)
        out = network(batch["x"], batch["extra"]) if "extra" in batch else network(batch["x"])
        if self.settings.network == "paper":
            return functional.cross_entropy(out, batch["y"].long()), {}
        return network.head.loss(out, batch["y"]), {}

    def _density(
        self,
        network: Any,
        pixels: NDArray[np.float32] | None,
        columns: NDArray[np.float32] | None,
        rows: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        import torch

        from .networks import mixture

        s = self.settings
        if pixels is None and s.density == "mixture":
            assert columns is not None
            found = mixture_of(network, columns[rows])
        else:
            with torch.inference_mode():
                out = network(*_tensors(pixels, columns, rows))
            if s.density == "bins":
                return np.asarray(out.double().softmax(1).numpy())
            log_weight, mean, log_sd = (part.double() for part in mixture(out))
            found = MixtureDensity(log_weight.exp().numpy(), mean.numpy(), log_sd.exp().numpy())
        dex = MixtureDensity(
            found.weight, found.mean * self.scale + self.shift, found.sd * self.scale
        )
        return dex.binned(s.edges).probability


def _tensors(
    pixels: NDArray[np.float32] | None,
    columns: NDArray[np.float32] | None,
    rows: NDArray[np.intp],
) -> list[Tensor]:
    import torch

    given = [array for array in (pixels, columns) if array is not None]
    return [torch.from_numpy(array[rows]) for array in given]


def _blocks(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        yield rows[start : start + _ROWS_AT_ONCE]


def _smooth_prior(y: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter1d

    counts = np.histogram(y, edges)[0].astype(np.float64)
    width = max(1.0, 0.3 * float(y.std()) / (edges[1] - edges[0]))
    smooth = gaussian_filter1d(counts, width, mode="constant") + 1e-3
    return np.asarray(smooth / smooth.sum())
