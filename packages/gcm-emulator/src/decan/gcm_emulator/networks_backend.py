"""The networks as back ends of an emulator: trained on cells, stopped by planets left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from decan.core.training import fit

from .backends import Backend
from .networks import BranchTrunkNet, PointwiseNet, place_features

if TYPE_CHECKING:
    from .emulator import FieldEmulator
    from .grid import PlanetGrid

__all__ = ["BranchTrunk", "PointwiseNetwork"]

Array = NDArray[Any]
_CELLS_A_STEP = 1024


class _Network(Backend):
    """What both networks share: standardised fields, places, planets left out to stop by."""

    def __init__(
        self, random_state: int = 0, *, epochs: int, width: int, learning_rate: float,
        fourier: bool = True, held_out: float = 0.1, progress: bool = False,
    ) -> None:  # fmt: skip
        self.random_state, self.epochs, self.width = random_state, epochs, width
        self.learning_rate, self.fourier, self.held_out = learning_rate, fourier, held_out
        self.progress = progress
        self.n_planet = 0

    def fit(self, emulator: FieldEmulator, stacks: dict[str, Array], grid: PlanetGrid) -> None:
        """Train; the planets that stop it are chosen at random and not learned."""
        self._prepare(emulator, list(stacks))
        values = np.stack([stack.reshape(len(grid), -1) for stack in stacks.values()], axis=-1)
        self.mean = np.nanmean(values, axis=(0, 1))
        self.spread = np.nanstd(values, axis=(0, 1))
        scaled = torch.from_numpy(((values - self.mean) / self.spread).astype(np.float32))
        planets = torch.from_numpy(emulator.inputs_.points.astype(np.float32))
        rng = np.random.default_rng(self.random_state)
        order = rng.permutation(len(grid))
        count = max(1, round(self.held_out * len(grid)))
        torch.manual_seed(self.random_state)
        self.net = self._network(planets.shape[1])
        self._train(planets, scaled, order[count:], order[:count])

    def predict(self, inputs: Array) -> dict[str, Array]:
        """Scaled fields of all cells of planets."""
        with torch.inference_mode():
            out = self._all_cells(torch.from_numpy(np.asarray(inputs, dtype=np.float32)))
        values = out.numpy() * self.spread.astype(np.float32) + self.mean.astype(np.float32)
        return {name: values[..., k].reshape(-1, *self.shape) for k, name in enumerate(self.names)}

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Weights as safetensors."""
        settings = {"names": self.names, "n_planet": self.n_planet}
        return settings, {
            "network": self.net.state_dict(), "scale": {"mean": self.mean, "spread": self.spread}
        }  # fmt: skip

    def restore(
        self, emulator: FieldEmulator, settings: dict[str, Any], parts: dict[str, Any]
    ) -> None:
        """Take the weights back."""
        self._prepare(emulator, settings["names"])
        self.mean, self.spread = parts["scale"]["mean"], parts["scale"]["spread"]
        self.net = self._network(settings["n_planet"])
        self.net.load_state_dict(parts["network"])
        self.net.eval()

    def _prepare(self, emulator: FieldEmulator, names: list[str]) -> None:
        p, lat, lon = np.meshgrid(
            np.log10(emulator.p_pa_), emulator.lat_deg_, emulator.lon_deg_, indexing="ij"
        )
        self.shape, self.names = p.shape, list(names)
        places = (torch.from_numpy(a.ravel().astype(np.float32)) for a in (lon, lat, p))
        self.places = place_features(*places, fourier=self.fourier)
        area = np.cos(np.deg2rad(lat)).ravel().clip(0.02)
        self.area = torch.from_numpy((area / area.mean()).astype(np.float32))

    def _network(self, n_planet: int) -> nn.Module:
        raise NotImplementedError

    def _all_cells(self, planets: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _train(
        self, planets: torch.Tensor, scaled: torch.Tensor, train: Array, held: Array
    ) -> None:
        raise NotImplementedError


class PointwiseNetwork(_Network):
    """The paper's network: planet and place of one cell in, its fields out.

    Parameters
    ----------
    random_state : int
        Seed.
    epochs : int
        Passes over all cells.
    width, depth : int
        Of the hidden layers.
    learning_rate : float
        The largest; it falls as a cosine.
    batch_size : int
        Cells of a step.
    fourier : bool
        Whether the place is given by harmonics of the sphere; raw numbers otherwise.
    held_out : float
        Share of the planets that choose the best epoch.
    progress : bool
        Whether to show a bar.

    Examples
    --------
    >>> PointwiseNetwork(epochs=2).depth
    4
    """

    def __init__(
        self, random_state: int = 0, epochs: int = 30, width: int = 128, depth: int = 4,
        learning_rate: float = 2e-3, batch_size: int = 4096, **others: Any,
    ) -> None:  # fmt: skip
        super().__init__(random_state, epochs=epochs, width=width, learning_rate=learning_rate,
                         **others)  # fmt: skip
        self.depth, self.batch_size = depth, batch_size

    def _network(self, n_planet: int) -> nn.Module:
        self.n_planet = n_planet
        return PointwiseNet(n_planet, self.places.shape[1], len(self.names), self.width, self.depth)

    def _all_cells(self, planets: torch.Tensor) -> torch.Tensor:
        return torch.stack([
            self.net(row.expand(len(self.places), -1), self.places) for row in planets
        ])  # fmt: skip

    def _train(
        self, planets: torch.Tensor, scaled: torch.Tensor, train: Array, held: Array
    ) -> None:
        size = len(self.places)

        def rows(which: Array, every: int = 1) -> dict[str, torch.Tensor]:
            planet, cell = np.meshgrid(which, np.arange(0, size, every), indexing="ij")
            return {"planet": torch.from_numpy(planet.ravel().astype(np.int32)),
                    "cell": torch.from_numpy(cell.ravel().astype(np.int32))}  # fmt: skip

        def loss(net: nn.Module, batch: dict[str, torch.Tensor]) -> Any:
            planet, cell = batch["planet"].long(), batch["cell"].long()
            wanted = scaled[planet, cell]
            gap = (net(planets[planet], self.places[cell]) - wanted) ** 2
            return torch.nanmean(gap * self.area[cell][:, None]), {}

        fit(self.net, rows(train), loss, epochs=self.epochs, batch_size=self.batch_size,
            learning_rate=self.learning_rate, schedule="cosine", validation=rows(held, 7),
            patience=self.epochs, device="cpu", rng=self.random_state,
            progress=self.progress)  # fmt: skip


class BranchTrunk(_Network):
    """Modes and coefficients learned together, by a trunk for places and a branch for planets.

    Parameters
    ----------
    random_state : int
        Seed.
    epochs : int
        Passes over all cells; a step takes all planets at some cells.
    width, rank : int
        Of the hidden layers; modes of each field.
    learning_rate : float
        The largest; it falls as a cosine.
    fourier, held_out, progress
        As for the pointwise network.

    Examples
    --------
    >>> BranchTrunk(rank=16).rank
    16
    """

    def __init__(
        self, random_state: int = 0, epochs: int = 60, width: int = 128, rank: int = 48,
        learning_rate: float = 3e-3, **others: Any,
    ) -> None:  # fmt: skip
        super().__init__(random_state, epochs=epochs, width=width, learning_rate=learning_rate,
                         **others)  # fmt: skip
        self.rank = rank

    def _network(self, n_planet: int) -> nn.Module:
        self.n_planet = n_planet
        return BranchTrunkNet(n_planet, self.places.shape[1], len(self.names), self.rank,
                              self.width)  # fmt: skip

    def _all_cells(self, planets: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.net(planets, self.places)
        return found

    def _train(
        self, planets: torch.Tensor, scaled: torch.Tensor, train: Array, held: Array
    ) -> None:
        groups = {True: torch.from_numpy(train), False: torch.from_numpy(held)}

        def loss(net: nn.Module, batch: dict[str, torch.Tensor]) -> Any:
            cell, chosen = batch["cell"].long(), groups[net.training]
            wanted = scaled[chosen][:, cell]
            gap = (net(planets[chosen], self.places[cell]) - wanted) ** 2
            return torch.nanmean(gap * self.area[cell][None, :, None]), {}

        cells = {"cell": torch.arange(len(self.places), dtype=torch.int32)}
        fit(self.net, cells, loss, epochs=self.epochs, batch_size=_CELLS_A_STEP,
            learning_rate=self.learning_rate, schedule="cosine",
            validation={"cell": cells["cell"][::5]}, patience=self.epochs, device="cpu",
            rng=self.random_state, progress=self.progress)  # fmt: skip
