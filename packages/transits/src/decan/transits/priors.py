"""Scores in another population, with scenario probabilities, and as sets with a promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CombinedFpp", "ConformalSets", "combine_fpp", "shift_prior"]

NEARBY_SCENARIOS = ("NTP", "NEB", "NEBx2P")
"""TRICERATOPS scenarios in which another, resolved star is eclipsed."""
PLANET_SCENARIOS = ("TP", "PTP", "DTP")
"""TRICERATOPS scenarios with a planet of the target or of its unresolved companion."""


def shift_prior(
    probability: ArrayLike, *, trained_share: float, new_share: float
) -> NDArray[np.float64]:
    """A calibrated probability for a population with another share of positives.

    Only the share changes; what positives and negatives look like stays.

    Parameters
    ----------
    probability : array_like of float, shape (n,)
        Calibrated in the population of training.
    trained_share, new_share : float in (0, 1)
        Share of positives there, and in the new population.

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        If a share is not between 0 and 1, or a probability is outside of them.

    References
    ----------
    Saerens et al. 2002, Neural Computation 14, 21.

    Examples
    --------
    >>> shift_prior([0.5], trained_share=0.2, new_share=0.5).round(3)
    array([0.8])
    """
    for name, share in (("trained_share", trained_share), ("new_share", new_share)):
        if not 0 < share < 1:
            raise ValueError(f"{name}: expected a number between 0 and 1, found {share}")
    p = np.asarray(probability, dtype=float)
    if ((p < 0) | (p > 1)).any():
        raise ValueError(f"probability: expected all within [0, 1], found {p.min()} to {p.max()}")
    positive = p * new_share / trained_share
    negative = (1 - p) * (1 - new_share) / (1 - trained_share)
    return np.asarray(positive / (positive + negative))


@dataclass(frozen=True)
class CombinedFpp:
    """False positive probabilities of a score and a scenario table together.

    Parameters
    ----------
    fpp, nearby_fpp : float
        Combined, and the part of it that lies in resolved neighbours.
    scenario_fpp, scenario_nearby_fpp : float
        What the scenario table says alone.
    planet_probability : float
        What the score says alone.

    Examples
    --------
    >>> print(CombinedFpp(0.01, 0.0, 0.05, 0.0, 0.9))
    FPP 0.01 (scenarios alone 0.05, score alone 0.1; taken as independent), nearby 0
    """

    fpp: float
    nearby_fpp: float
    scenario_fpp: float
    scenario_nearby_fpp: float
    planet_probability: float

    def __str__(self) -> str:
        return (
            f"FPP {self.fpp:.3g} (scenarios alone {self.scenario_fpp:.3g}, "
            f"score alone {1 - self.planet_probability:.3g}; taken as independent), "
            f"nearby {self.nearby_fpp:.3g}"
        )


def combine_fpp(
    planet_probability: float,
    scenarios: Mapping[str, float],
    *,
    trained_share: float | None = None,
    nearby: Mapping[str, float] | None = None,
) -> CombinedFpp:
    """Combine a score with TRICERATOPS-like scenario probabilities, as if independent.

    They are not: both look at the shape of the light curve, which then counts twice. Both
    inputs are kept in the result so that a reader sees what each says alone.

    Parameters
    ----------
    planet_probability : float
        The score.
    scenarios : mapping of str to float
        Probability of each scenario; they add up to 1 (with ``nearby``).
    trained_share : float, optional
        Share of planets in the score's training: its prior is then taken out, since the
        scenario table has one of its own.
    nearby : mapping of str to float, optional
        Probabilities of nearby scenarios, where they are listed apart.

    Returns
    -------
    CombinedFpp

    Raises
    ------
    ValueError
        If a probability is outside [0, 1], they do not add up to 1, or score and scenarios
        exclude each other.

    References
    ----------
    Giacalone et al. 2021, AJ 161, 24.

    Examples
    --------
    >>> round(combine_fpp(0.9, {"TP": 0.8, "EB": 0.2}).fpp, 4)
    0.027
    """
    table = {**scenarios, **(nearby or {})}
    values = np.array([planet_probability, *table.values()], dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"probabilities: expected all within [0, 1], found {values.tolist()}")
    total = sum(table.values())
    if abs(total - 1) > 1e-3:
        raise ValueError(f"scenarios: expected to add up to 1, found {total:.4f}")
    p = planet_probability
    if trained_share is not None:
        p = float(shift_prior([p], trained_share=trained_share, new_share=0.5)[0])
    weighted = {
        name: value * (p if name in PLANET_SCENARIOS else 1 - p) for name, value in table.items()
    }
    whole = sum(weighted.values())
    if whole == 0:
        raise ValueError(
            f"planet_probability, scenarios: {planet_probability:g} and the table exclude each "
            "other; nothing is left to combine"
        )
    away = {*NEARBY_SCENARIOS, *(nearby or {})}
    return CombinedFpp(
        fpp=1 - sum(v for name, v in weighted.items() if name in PLANET_SCENARIOS) / whole,
        nearby_fpp=sum(v for name, v in weighted.items() if name in away) / whole,
        scenario_fpp=1 - sum(v for name, v in table.items() if name in PLANET_SCENARIOS),
        scenario_nearby_fpp=sum(v for name, v in table.items() if name in away),
        planet_probability=planet_probability,
    )


@dataclass(frozen=True)
class ConformalSets:
    """Sets of classes that hold the true one in a promised share of cases, for each class.

    Parameters
    ----------
    cuts : ndarray of float, shape (n_classes,)
        A class belongs to the set of a signal if its probability reaches the class's cut.

    References
    ----------
    Vovk et al. 2005, Algorithmic Learning in a Random World (Mondrian conformal prediction).

    Examples
    --------
    >>> ConformalSets(np.array([0.4, 0.4])).predict([[0.5, 0.5], [0.9, 0.1]]).tolist()
    [[True, True], [True, False]]
    """

    cuts: NDArray[np.float64]

    @classmethod
    def from_validation(
        cls, probability: ArrayLike, y: ArrayLike, *, miss: float = 0.05
    ) -> ConformalSets:
        """Cuts from probabilities of signals that the model has not seen.

        Parameters
        ----------
        probability : array_like of float, shape (n, n_classes)
            Out-of-fold probabilities.
        y : array_like of int, shape (n,)
            True class.
        miss : float in (0, 1)
            Share of each class whose set may miss it.

        Returns
        -------
        ConformalSets

        Raises
        ------
        ValueError
            If a class is missing.

        Examples
        --------
        >>> p = np.column_stack([1 - np.linspace(0, 1, 100), np.linspace(0, 1, 100)])
        >>> sets = ConformalSets.from_validation(p, (p[:, 1] > 0.5).astype(int), miss=0.1)
        >>> bool((sets.cuts > 0.5).all())
        True
        """
        p, truth = np.asarray(probability, dtype=float), np.asarray(y).astype(int)
        cuts = np.empty(p.shape[1])
        for k in range(p.shape[1]):
            mine = np.sort(p[truth == k, k])
            if mine.size == 0:
                raise ValueError(f"y: class {k} has no validation rows")
            # The exact finite-sample quantile: with too few rows nothing may be left out.
            rank = int(np.floor(miss * (mine.size + 1))) - 1
            cuts[k] = mine[rank] if rank >= 0 else 0.0
        return cls(cuts)

    def predict(self, probability: ArrayLike) -> NDArray[np.bool_]:
        """Which classes are in the set of each signal.

        Parameters
        ----------
        probability : array_like of float, shape (n, n_classes)
            Probabilities.

        Returns
        -------
        ndarray of bool, shape (n, n_classes)
            A row may be empty, or hold several classes.

        Examples
        --------
        >>> ConformalSets(np.array([0.4, 0.4])).predict([[0.35, 0.65]]).sum()
        np.int64(1)
        """
        return np.asarray(np.asarray(probability, dtype=float) >= self.cuts)
