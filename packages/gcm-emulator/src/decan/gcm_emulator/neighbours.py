"""Two simple back ends to beat: the nearest planet, and thin plates between planets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .backends import Backend

if TYPE_CHECKING:
    from .emulator import FieldEmulator
    from .grid import PlanetGrid

__all__ = ["Nearest", "ThinPlate"]

Array = NDArray[Any]


class Nearest(Backend):
    """The scaled climate of the nearest training planet.

    Examples
    --------
    >>> Nearest().knows_errors
    False
    """

    def fit(self, emulator: FieldEmulator, stacks: dict[str, Array], grid: PlanetGrid) -> None:
        """Keep everything."""
        self.points, self.stacks = emulator.inputs_.points, stacks

    def predict(self, inputs: Array) -> dict[str, Array]:
        """Scaled fields."""
        square = ((inputs[:, None, :] - self.points[None]) ** 2).sum(axis=-1)
        nearest = square.argmin(axis=1)
        return {name: stack[nearest] for name, stack in self.stacks.items()}

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """All fields, as half floats."""
        return {}, {"stacks": {name: one.astype(np.float16) for name, one in self.stacks.items()}}

    def restore(
        self, emulator: FieldEmulator, settings: dict[str, Any], parts: dict[str, Any]
    ) -> None:
        """Take the fields back."""
        self.points = emulator.inputs_.points
        self.stacks = {name: one.astype(np.float32) for name, one in parts["stacks"].items()}


class ThinPlate(Nearest):
    """Thin-plate splines between planets, cell by cell.

    Parameters
    ----------
    smoothing : float
        0 goes through every snapshot.

    Examples
    --------
    >>> ThinPlate(smoothing=0.1).smoothing
    0.1
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing

    def predict(self, inputs: Array) -> dict[str, Array]:
        """Scaled fields: one linear combination of the training planets for all cells."""
        from scipy.interpolate import RBFInterpolator

        n = len(self.points)
        combine = RBFInterpolator(
            self.points, np.eye(n), kernel="thin_plate_spline", smoothing=self.smoothing
        )(inputs).astype(np.float32)
        return {
            name: (combine @ np.nan_to_num(stack).reshape(n, -1)).reshape(-1, *stack.shape[1:])
            for name, stack in self.stacks.items()
        }
