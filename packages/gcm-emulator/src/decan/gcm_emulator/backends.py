"""The back ends of an emulator, and what each of them must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .basis import BasisField
from .modes import hemispheres_mirror, symmetric_latitudes
from .scaling import field_scale
from .sphere import area_weights

if TYPE_CHECKING:
    from .emulator import FieldEmulator
    from .grid import PlanetGrid

__all__ = ["BACKENDS", "Backend", "BasisGP", "make_backend"]

Array = NDArray[Any]

BACKENDS = ("basis-gp", "branch-trunk", "dnn", "xgb", "hgb", "rbf", "nearest")
"""Names of the back ends."""

_SHARES = (0.0, 0.5, 1.0)


class Backend(ABC):
    """Learns scaled fields of planets, and gives those of another planet.

    Examples
    --------
    >>> make_backend("nearest", 0).knows_errors
    False
    """

    knows_errors = False
    from_continuity = 0.0

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

    The vertical wind comes from its own modes, from mass conservation of the predicted
    horizontal wind, or from the mean of both: whichever predicts left-out planets best.

    Parameters
    ----------
    n_modes : int, optional
        Modes of each field; found by leaving planets out where it is None.
    symmetric : bool, optional
        Whether the hemispheres are mirror images; found by leaving planets out where it is None.

    Examples
    --------
    >>> BasisGP(n_modes=20).knows_errors
    True
    """

    knows_errors = True

    def __init__(self, n_modes: int | None = None, symmetric: bool | None = None) -> None:
        self.n_modes, self.symmetric = n_modes, symmetric
        self.fields: dict[str, BasisField] = {}
        self.from_continuity = 0.0

    def fit(self, emulator: FieldEmulator, stacks: dict[str, Array], grid: PlanetGrid) -> None:
        """Learn every field on its own."""
        shape = next(iter(stacks.values())).shape[1:]
        weight = np.broadcast_to(
            area_weights(grid.lat_deg)[None, :, None] * grid.lat_deg.size, shape
        ).clip(1e-3)
        mirrored = symmetric_latitudes(grid.lat_deg)
        for name, stack in stacks.items():
            symmetric = self.symmetric
            if symmetric is None:
                symmetric = mirrored and hemispheres_mirror(name, stack)
            self.fields[name] = BasisField.fit(
                name, emulator.inputs_.points, stack, weight, n_modes=self.n_modes,
                symmetric=symmetric and mirrored,
            )  # fmt: skip
        if set("Tuvw") <= set(stacks) and grid.lon_deg.size > 3:
            self.from_continuity = self._continuity_share(emulator, stacks["w"], weight)

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
        """Fields, each with its settings and arrays."""
        told = {name: field.state() for name, field in self.fields.items()}
        settings: dict[str, Any] = {name: one[0] for name, one in told.items()}
        return (
            {"fields": settings, "from_continuity": self.from_continuity},
            {name: one[1] for name, one in told.items()},
        )

    def restore(
        self, emulator: FieldEmulator, settings: dict[str, Any], parts: dict[str, Any]
    ) -> None:
        """Inverse covariances are made again from what was found."""
        self.from_continuity = settings["from_continuity"]
        for name, told in settings["fields"].items():
            self.fields[name] = BasisField.restored(
                name, emulator.inputs_.points, told, parts[name]
            )

    def _continuity_share(self, emulator: FieldEmulator, stack: Array, weight: Array) -> float:
        others = {
            name: field.modes.expand(field.processes.leave_one_out()[0])
            for name, field in self.fields.items()
        }
        errors = np.zeros(len(_SHARES))
        for k, planet in enumerate(emulator.planets_):
            one = {
                name: values[k] * field_scale(name, planet, emulator.r_gas_)
                for name, values in others.items()
            }
            conserved = emulator.conserving_wind(one, planet)
            truth = stack[k] * field_scale("w", planet, emulator.r_gas_)
            for s, share in enumerate(_SHARES):
                gap = share * conserved + (1 - share) * one["w"] - truth
                scale = field_scale("w", planet, emulator.r_gas_)
                errors[s] += np.nansum(weight * (gap / scale) ** 2)
        return _SHARES[int(errors.argmin())]
