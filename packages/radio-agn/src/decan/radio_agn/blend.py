"""Two opinions made one: networks and trees, weighed and cooled on sources neither has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from .fitting import soft_targets

__all__ = ["Blend", "cross_blend"]

_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TEMPERATURES = (0.2, 5.0)


@dataclass(frozen=True)
class Blend:
    """Weight of the networks and temperature of the blended logarithms.

    Attributes
    ----------
    weight : float
        Share of the networks, from 0 (trees alone) to 1 (networks alone).
    temperature : float
        Logarithms are divided by it: above 1 makes answers less certain.

    Examples
    --------
    >>> import numpy as np
    >>> Blend(0.5, 1.0)(np.log([[0.8, 0.2]]), np.log([[0.2, 0.8]])).round(3).tolist()
    [[0.5, 0.5]]
    """

    weight: float = 0.5
    temperature: float = 1.0

    @classmethod
    def fit(cls, networks: ArrayLike, trees: ArrayLike, allowed: ArrayLike) -> Blend:
        """Weight and temperature of the smallest cross-entropy.

        Parameters
        ----------
        networks, trees : array_like, shape (n, n_classes)
            Log probabilities of sources that neither was trained on.
        allowed : array_like, shape (n, n_classes)
            What the labels allow.

        Returns
        -------
        Blend
        """
        target = soft_targets(allowed)
        first, second = np.asarray(networks, dtype=float), np.asarray(trees, dtype=float)
        best = (np.inf, cls())
        for weight in _WEIGHTS:
            logs = weight * first + (1 - weight) * second

            def cost(log_t: float, logs: NDArray[np.float64] = logs) -> float:
                p = softmax(logs / np.exp(log_t), axis=1)
                # Partial labels: the classes that are allowed count together.
                return float(-np.log((p * (target > 0)).sum(axis=1).clip(1e-12)).mean())

            found = minimize_scalar(cost, bounds=tuple(np.log(_TEMPERATURES)), method="bounded")
            if found.fun < best[0]:
                best = (float(found.fun), cls(weight, float(np.exp(found.x))))
        return best[1]

    def __call__(self, networks: ArrayLike, trees: ArrayLike) -> NDArray[np.float64]:
        """Probabilities from the two log probabilities; rows sum to 1."""
        logs = self.weight * np.asarray(networks) + (1 - self.weight) * np.asarray(trees)
        return np.asarray(np.exp(log_softmax(logs / self.temperature, axis=1)))


def cross_blend(
    networks: ArrayLike, trees: ArrayLike, allowed: ArrayLike, folds: ArrayLike
) -> tuple[NDArray[np.float64], list[Blend]]:
    """Blend each fold with the weight and temperature of the other folds.

    Parameters
    ----------
    networks, trees : array_like, shape (n, n_classes)
        Log probabilities out of fold.
    allowed : array_like, shape (n, n_classes)
        What the labels allow.
    folds : array_like of int, shape (n,)
        Fold of each row.

    Returns
    -------
    ndarray of float, shape (n, n_classes)
        Probabilities, none of them calibrated on its own fold.
    list of Blend
        One a fold, in their order.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> truth = np.eye(2, dtype=bool)[rng.integers(0, 2, 60)]
    >>> logs = np.log(np.where(truth, 0.7, 0.3))
    >>> p, blends = cross_blend(logs, logs, truth, np.arange(60) % 3)
    >>> p.shape, len(blends)
    ((60, 2), 3)
    """
    first, second = np.asarray(networks, dtype=float), np.asarray(trees, dtype=float)
    given, fold = np.asarray(allowed), np.asarray(folds)
    out = np.empty_like(first)
    blends = []
    for one in np.unique(fold):
        here = fold == one
        blend = Blend.fit(first[~here], second[~here], given[~here])
        out[here] = blend(first[here], second[here])
        blends.append(blend)
    return out, blends
