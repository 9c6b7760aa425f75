"""Opinions made one: networks, trees and specialists, weighed on sources they have not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

from .fitting import soft_targets

__all__ = ["Blend", "PairBlend", "cross_blend", "log_mean", "within"]

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


@dataclass(frozen=True)
class PairBlend:
    """One class against another, from several opinions on the two.

    Attributes
    ----------
    weights : tuple of float
        Weight of the log odds of each opinion. There is no constant: where no opinion leans to
        a side the classes are equal, since a catalogue's share of each is not that of the sky.

    Examples
    --------
    >>> import numpy as np
    >>> PairBlend((0.5, 0.5))(np.log([[0.8, 0.2]]), np.log([[0.2, 0.8]])).round(3).tolist()
    [[0.5, 0.5]]
    """

    weights: tuple[float, ...] = (1.0,)

    @classmethod
    def fit(cls, opinions: Sequence[ArrayLike], second: ArrayLike) -> PairBlend:
        """Logistic regression on the log odds.

        Parameters
        ----------
        opinions : sequence of array_like, shape (n, 2)
            Log probabilities of sources that no opinion was trained on.
        second : array_like of bool, shape (n,)
            Whether the label is the second class.

        Returns
        -------
        PairBlend
        """
        from sklearn.linear_model import LogisticRegression

        found = LogisticRegression(C=1.0, fit_intercept=False)
        found.fit(_odds(opinions), np.asarray(second, dtype=bool))
        return cls(tuple(float(weight) for weight in found.coef_[0]))

    def __call__(self, *opinions: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the two classes, shape (n, 2)."""
        p = expit(_odds(opinions) @ np.array(self.weights))
        return np.stack([1 - p, p], axis=1)


def within(p: ArrayLike, pair: tuple[int, int], shares: ArrayLike) -> NDArray[np.float64]:
    """Probabilities in which two classes keep their sum and share it anew.

    Parameters
    ----------
    p : array_like, shape (n, n_classes)
        Probabilities.
    pair : (int, int)
        Columns of the two classes.
    shares : array_like, shape (n, 2)
        Rows sum to 1.

    Returns
    -------
    ndarray of float, shape (n, n_classes)

    Examples
    --------
    >>> within([[0.5, 0.25, 0.25]], (1, 2), [[0.9, 0.1]]).tolist()
    [[0.5, 0.45, 0.05]]
    """
    out = np.array(p, dtype=float)
    both = out[:, list(pair)].sum(axis=1, keepdims=True)
    out[:, list(pair)] = both * np.asarray(shares)
    return out


def log_mean(logs: ArrayLike) -> NDArray[np.float64]:
    """Logarithm of the mean probability over members, the first axis.

    Parameters
    ----------
    logs : array_like, shape (n_members, n, n_classes)
        Log probabilities.

    Returns
    -------
    ndarray of float, shape (n, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(log_mean(np.log([[[0.2, 0.8]], [[0.4, 0.6]]]))).round(3).tolist()
    [[0.3, 0.7]]
    """
    return np.asarray(np.log(np.exp(np.asarray(logs)).mean(axis=0).clip(1e-12)))


def _odds(opinions: Sequence[ArrayLike]) -> NDArray[np.float64]:
    return np.stack([np.asarray(one)[:, 1] - np.asarray(one)[:, 0] for one in opinions], axis=1)
