"""Pointwise trees, after the paper's comparison: one row a cell, one model a field.

They know neither that longitude closes nor that planets vary smoothly; they are here to be
compared with. XGBoost needs the extra ``trees``; scikit-learn's histogram trees are at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from decan.core.errors import DecanError

from .backends import Backend

if TYPE_CHECKING:
    from .emulator import FieldEmulator
    from .grid import PlanetGrid

__all__ = ["PointwiseTrees"]

Array = NDArray[Any]


class PointwiseTrees(Backend):
    """Gradient-boosted trees on planet parameters, longitude, latitude and log pressure.

    Parameters
    ----------
    kind : {'xgb', 'hgb'}
        XGBoost, or scikit-learn's histogram trees.
    random_state : int
        Seed.
    n_trees : int
        Trees of each field.
    depth : int
        Depth of XGBoost's trees; scikit-learn's have 127 leaves.
    learning_rate : float
        Shrinkage.
    rows : int
        Random cells, over all planets, that are learned.

    Examples
    --------
    >>> PointwiseTrees("hgb", 0, n_trees=50).rows
    400000
    """

    def __init__(
        self, kind: str, random_state: int = 0, n_trees: int | None = None, depth: int = 8,
        learning_rate: float = 0.1, rows: int = 400_000,
    ) -> None:  # fmt: skip
        self.kind, self.random_state, self.depth = kind, random_state, depth
        self.n_trees = n_trees or (400 if kind == "xgb" else 300)
        self.learning_rate, self.rows = learning_rate, rows
        self.models: dict[str, Any] = {}

    def fit(self, emulator: FieldEmulator, stacks: dict[str, Array], grid: PlanetGrid) -> None:
        """Learn every field from the same random cells."""
        self._axes(emulator)
        rng = np.random.default_rng(self.random_state)
        n, size = len(grid), int(np.prod(grid.shape))
        cells = rng.choice(n * size, min(self.rows, n * size), replace=False)
        planet, cell = np.divmod(cells, size)
        features = np.column_stack([emulator.inputs_.points[planet], self.places[cell]])
        for name, stack in stacks.items():
            target = stack.reshape(n, size)[planet, cell]
            good = np.isfinite(target)
            model = self._model()
            model.fit(features[good], target[good])
            self.models[name] = model

    def predict(self, inputs: Array) -> dict[str, Array]:
        """Scaled fields, cell by cell."""
        found: dict[str, list[Array]] = {name: [] for name in self.models}
        for row in inputs:
            features = np.column_stack([np.tile(row, (len(self.places), 1)), self.places])
            for name, model in self.models.items():
                found[name].append(model.predict(features).reshape(self.shape))
        return {name: np.stack(values).astype(np.float32) for name, values in found.items()}

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The models themselves."""
        return {}, {"models": dict(self.models)}

    def restore(
        self, emulator: FieldEmulator, settings: dict[str, Any], parts: dict[str, Any]
    ) -> None:
        """Take the models back."""
        self._axes(emulator)
        self.models = dict(parts["models"])

    def _axes(self, emulator: FieldEmulator) -> None:
        p, lat, lon = np.meshgrid(
            np.log10(emulator.p_pa_), emulator.lat_deg_, emulator.lon_deg_, indexing="ij"
        )
        self.shape = p.shape
        self.places = np.column_stack([lon.ravel(), lat.ravel(), p.ravel()]).astype(np.float32)

    def _model(self) -> Any:
        if self.kind == "hgb":
            from sklearn.ensemble import HistGradientBoostingRegressor

            return HistGradientBoostingRegressor(
                max_iter=self.n_trees, max_leaf_nodes=127, learning_rate=self.learning_rate,
                random_state=self.random_state,
            )  # fmt: skip
        try:
            from xgboost import XGBRegressor
        except ImportError as error:
            raise DecanError(
                "the back end 'xgb' needs XGBoost: pip install \"decan-gcm-emulator[trees]\""
            ) from error
        return XGBRegressor(
            n_estimators=self.n_trees, max_depth=self.depth, learning_rate=self.learning_rate,
            subsample=0.8, tree_method="hist", n_jobs=1, random_state=self.random_state,
        )  # fmt: skip
