"""Thresholds that hold a promise on validation data: accept, reject, or leave undecided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ZoneThresholds"]


@dataclass(frozen=True)
class ZoneThresholds:
    """Two cuts in a probability: at or above ``accept`` positive, at or below ``reject`` not.

    Parameters
    ----------
    reject : float
        Upper edge of the rejected zone; negative where no cut holds the promise.
    accept : float
        Lower edge of the accepted zone; above 1 where no cut holds the promise.

    Examples
    --------
    >>> zones = ZoneThresholds(reject=0.1, accept=0.9)
    >>> zones.assign([0.95, 0.95, 0.05, 0.5], [0.01, 0.2, 0.01, 0.1]).tolist()
    [1, 0, -1, 0]
    """

    reject: float
    accept: float

    @classmethod
    def from_validation(
        cls, probability: ArrayLike, y: ArrayLike, *, precision: float = 0.95, npv: float = 0.99
    ) -> ZoneThresholds:
        """The widest zones that hold both promises on data the model has not seen.

        Parameters
        ----------
        probability : array_like of float, shape (n,)
            Out-of-fold probabilities.
        y : array_like of {0, 1}, shape (n,)
            Truth.
        precision : float
            Share of true positives that the accepted zone must hold.
        npv : float
            Share of true negatives that the rejected zone must hold.

        Returns
        -------
        ZoneThresholds

        Raises
        ------
        ValueError
            If lengths differ, nothing is given, a probability is NaN, or y holds anything
            but 0 and 1.

        Examples
        --------
        >>> zones = ZoneThresholds.from_validation([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
        >>> zones.reject, zones.accept
        (0.2, 0.8)
        """
        p, truth = np.asarray(probability, dtype=float), np.asarray(y).astype(float)
        if p.size == 0 or p.shape != truth.shape:
            raise ValueError(f"probability: has {p.size} values, y has {truth.size}")
        if not np.isfinite(p).all():
            raise ValueError(f"probability: {int((~np.isfinite(p)).sum())} values are NaN")
        if not np.isin(truth, (0, 1)).all():
            raise ValueError("y: expected 0 and 1")
        accept = _edge(p, truth, precision)
        reject = -_edge(-p, 1.0 - truth, npv)
        # Where the zones would overlap, both promises hold everywhere in between.
        return cls(reject=min(reject, np.nextafter(accept, 0.0)), accept=accept)

    def assign(self, mean: ArrayLike, spread: ArrayLike) -> NDArray[np.int8]:
        """Zone of each object: a lower bound must accept it, an upper bound reject it.

        Parameters
        ----------
        mean : array_like of float, shape (n,)
            Mean probability of the members.
        spread : array_like of float, shape (n,)
            Its standard deviation; NaN counts as none.

        Returns
        -------
        ndarray of int8, shape (n,)
            1 accepted, -1 rejected, 0 undecided.

        Examples
        --------
        >>> ZoneThresholds(0.1, 0.9).assign([0.92], [0.05])
        array([0], dtype=int8)
        """
        centre, width = (
            np.asarray(mean, dtype=float),
            np.nan_to_num(np.asarray(spread, dtype=float)),
        )
        zone = np.zeros(centre.shape, dtype=np.int8)
        zone[centre - width >= self.accept] = 1
        zone[centre + width <= self.reject] = -1
        return zone


def _edge(p: NDArray[np.float64], truth: NDArray[np.float64], share: float) -> float:
    """Lowest cut at and above which the share of truth is held; 2 where there is none."""
    order = np.argsort(-p, kind="stable")
    held = np.cumsum(truth[order]) / np.arange(1, p.size + 1)
    # A cut between equal probabilities does not exist.
    last = np.append(p[order][1:] != p[order][:-1], True)
    good = np.flatnonzero(last & (held >= share))
    return float(p[order][good[-1]]) if good.size else 2.0
