"""The back ends of an emulator, and what each of them must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .basis import BasisField
from .gaussian_process import ModeProcesses
from .modes import SpatialModes, symmetric_latitudes
from .sphere import area_weights

if TYPE_CHECKING:
    from .emulator import FieldEmulator
    from .grid import PlanetGrid

__all__ = ["BACKENDS", "Backend", "BasisGP", "make_backend"]

Array = NDArray[Any]

BACKENDS = ("basis-gp", "branch-trunk", "dnn", "xgb", "hgb", "rbf", "nearest")
"""Names of the back ends."""


class Backend(ABC):
    """Learns scaled fields of planets, and gives those of another planet.

    Examples
    --------
    >>> make_backend("nearest", 0).knows_errors
    False
    """

    knows_errors = False

    @abstractmethod
    def fit(self, emulator: FieldEmulator, stacks: dict[str, Array], grid: PlanetGrid) -> None:
        """Learn scaled fields of shape (n, p, lat, lon), by name."""

    @abstractmethod
    def predict(self, inputs: Array) -> dict[str, Array]:
        """Scaled fields of shape (m, p, lat, lon) at standardised inputs, by name."""

    @abstractmethod
    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Settings and parts for an artifact."""

    @abstractmethod
    def restore(
        self, emulator: FieldEmulator, settings: dict[str, Any], parts: dict[str, Any]
    ) -> None:
        """Take settings and parts back."""

    def errors(self, inputs: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Scaled standard deviations of ignorance and of weather, by name."""
        raise ValueError("this back end knows no errors; use backend='basis-gp'")

    def draw(self, inputs: Array, n: int, rng: np.random.Generator) -> dict[str, Array]:
        """Scaled fields that one planet may have, by name."""
        raise ValueError("this back end knows no errors; use backend='basis-gp'")


def make_backend(name: str, random_state: int, **settings: Any) -> Backend:
    """A back end by its name.

    Parameters
    ----------
    name : str
        One of :data:`BACKENDS`.
    random_state : int
        Seed of what is random.
    **settings
        Its settings: ``n_modes`` and ``symmetric`` of 'basis-gp'; ``epochs``, ``width``,
        ``fourier`` of the networks; ``n_trees``, ``rows`` of the trees; ``smoothing`` of 'rbf'.

    Returns
    -------
    Backend

    Raises
    ------
    ValueError
        If there is no such back end.

    Examples
    --------
    >>> type(make_backend("basis-gp", 0)).__name__
    'BasisGP'
    """
    if name == "basis-gp":
        return BasisGP(**settings)
    if name in ("nearest", "rbf"):
        from .neighbours import Nearest, ThinPlate

        return (Nearest if name == "nearest" else ThinPlate)(**settings)
    if name in ("xgb", "hgb"):
        from .trees import PointwiseTrees

        return PointwiseTrees(name, random_state, **settings)
    if name in ("dnn", "branch-trunk"):
        from .networks_backend import BranchTrunk, PointwiseNetwork

        return (PointwiseNetwork if name == "dnn" else BranchTrunk)(random_state, **settings)
    raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, found {name!r}")


class BasisGP(Backend):
    """Spatial modes and a Gaussian process over planets for each.

    Parameters
    ----------
    n_modes : int, optional
        Modes of each field; found by leaving planets out where it is None.
    symmetric : bool, optional
        Whether the hemispheres are mirror images; by leaving planets out where it is None.

    Examples
    --------
    >>> BasisGP(n_modes=20).knows_errors
    True
    """

    knows_errors = True

    def __init__(self, n_modes: int | None = None, symmetric: bool | None = None) -> None:
        self.n_modes, self.symmetric = n_modes, symmetric
        self.fields: dict[str, BasisField] = {}

    def fit(self, emulator: FieldEmulator, stacks: dict[str, Array], grid: PlanetGrid) -> None:
        """Learn every field on its own."""
        shape = next(iter(stacks.values())).shape[1:]
        weight = np.broadcast_to(
            area_weights(grid.lat_deg)[None, :, None] * grid.lat_deg.size, shape
        ).clip(1e-3)
        mirrored = symmetric_latitudes(grid.lat_deg)
        choices = [self.symmetric] if self.symmetric is not None else [True, False]
        if not mirrored:
            choices = [False]
        for name, stack in stacks.items():
            tried = [
                BasisField.fit(name, emulator.inputs_.points, stack, weight,
                               n_modes=self.n_modes, symmetric=bool(choice))
                for choice in choices
            ]  # fmt: skip
            self.fields[name] = min(tried, key=lambda one: float(np.median(one.left_out)))

    def predict(self, inputs: Array) -> dict[str, Array]:
        """Scaled fields."""
        return {name: field.predict(inputs)[0] for name, field in self.fields.items()}

    def errors(self, inputs: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Ignorance and weather, scaled."""
        std = {}
        for name, field in self.fields.items():
            _, found = field.predict(inputs, with_std=True)
            assert found is not None
            std[name] = found[0]
        return std, {name: field.weather for name, field in self.fields.items()}

    def draw(self, inputs: Array, n: int, rng: np.random.Generator) -> dict[str, Array]:
        """Climates the planet may have, scaled."""
        return {name: field.draw(inputs, n, rng) for name, field in self.fields.items()}

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Modes as half floats (they carry weather anyway), processes as doubles."""
        settings: dict[str, Any] = {}
        parts: dict[str, Any] = {}
        for name, field in self.fields.items():
            settings[name] = {"symmetric": field.symmetric, "shape": list(field.modes.mean.shape)}
            size = np.abs(field.modes.modes).max(axis=1)
            parts[name] = {
                "mean": field.modes.mean.astype(np.float32),
                "modes": (field.modes.modes / size[:, None]).astype(np.float16),
                "size": size, "root": field.modes.root[:, :, 0].astype(np.float32),
                "weather": field.weather.astype(np.float16),
                "inflation": field.inflation, "left_out": field.left_out,
                **{f"process_{key}": value for key, value in vars(field.processes).items()
                   if key not in ("inverse", "inputs")},
            }  # fmt: skip
        return settings, parts

    def restore(
        self, emulator: FieldEmulator, settings: dict[str, Any], parts: dict[str, Any]
    ) -> None:
        """Inverse covariances are made again from what was found."""
        for name, told in settings.items():
            part = parts[name]
            shape = tuple(told["shape"])
            modes = part["modes"].astype(np.float32) * part["size"][:, None].astype(np.float32)
            root = np.broadcast_to(part["root"][..., None], shape)
            known = {key.removeprefix("process_"): value for key, value in part.items()
                     if key.startswith("process_")}  # fmt: skip
            self.fields[name] = BasisField(
                name, SpatialModes(part["mean"], modes, np.ascontiguousarray(root)),
                ModeProcesses.restored(emulator.inputs_.points, **known),
                part["weather"].astype(np.float32), part["inflation"], told["symmetric"],
                part["left_out"],
            )  # fmt: skip
