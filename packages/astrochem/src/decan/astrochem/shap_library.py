"""The shap library beside the exact values: its plots for ours, its numbers as a check.

Its TreeSHAP adds leaves in float32, which leaves up to 1e-5 dex between a prediction and
the sum that explains it. :func:`~decan.astrochem.explain` evaluates the same two games in
float64; what both say is compared here, and ours is handed to its plots.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .emulator import RatioEmulator
from .explain import ShapleyResult, explain

if TYPE_CHECKING:
    import shap

__all__ = ["shap_difference", "to_shap"]

_BACKGROUND = 64


def to_shap(result: ShapleyResult) -> shap.Explanation:
    """A result as the shap library's own object, for its plots.

    Parameters
    ----------
    result : ShapleyResult
        What :func:`~decan.astrochem.explain` gave.

    Returns
    -------
    shap.Explanation
        Values, base and inputs with the parameters' names.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(64, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> explanation = to_shap(explain(RatioEmulator(calibrate=False, n_trees=20).fit(X, y), X))
    >>> explanation.shape, explanation.feature_names[0]
    ((64, 7), 'T_K')
    """
    import shap

    return shap.Explanation(
        values=result.values,
        base_values=np.full(len(result.values), result.base),
        data=result.inputs.to_numpy(),
        feature_names=list(result.space.names),
    )


def shap_difference(
    emulator: RatioEmulator, X: pd.DataFrame | ArrayLike, *, method: str = "interventional"
) -> float:
    """Largest difference between our Shapley values and the shap library's TreeSHAP, dex.

    Parameters
    ----------
    emulator : RatioEmulator
        Fitted, of kind ``xgb``.
    X : DataFrame or array_like, shape (n, n_parameters)
        Clouds.
    method : {'interventional', 'path'}
        The game; the reference of the interventional one is 64 points of the box.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the emulator is no single set of trees, which is all that TreeSHAP knows.

    References
    ----------
    Lundberg et al. 2020, Nature Machine Intelligence 2, 56.

    Examples
    --------
    >>> from decan.astrochem import simulate_grid
    >>> X, y = simulate_grid(64, rng=1).ratios(["CN/HCN"]).rows("CN/HCN")
    >>> shap_difference(RatioEmulator(calibrate=False, n_trees=20).fit(X, y), X) < 1e-4
    True
    """
    import shap

    if emulator.trees is None:
        raise ValueError(f"kind={emulator.kind!r}: TreeSHAP explains single sets of trees, 'xgb'")
    space = emulator.space_
    background = space.sobol(_BACKGROUND, seed=1)
    settings: dict[str, Any] = {"feature_perturbation": "tree_path_dependent"}
    if method == "interventional":
        settings = {
            "feature_perturbation": "interventional",
            "data": _held(emulator, space.to_axis(background.to_numpy())),
        }
    ours = explain(emulator, X, method=method, background=background)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = shap.TreeExplainer(emulator.trees, **settings)
        theirs = explainer.shap_values(_held(emulator, space.to_axis(ours.inputs.to_numpy())))
    return float(np.abs(ours.values - theirs).max())


def _held(emulator: RatioEmulator, axis: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows with the parameters that never varied in training at their one value."""
    return np.where(np.isnan(emulator.frozen_), axis, emulator.frozen_)
