"""Shapley values and interactions of small games, by tables over all coalitions.

With the handful of players that a path of a tree or a set of cloud parameters has, every
coalition can be looked at: nothing is sampled and nothing is approximated. A coalition is a
number whose bits are its members.
"""

from __future__ import annotations

from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

__all__ = ["interaction_operator", "shapley_operator"]


@cache
def shapley_operator(n_players: int) -> NDArray[np.float64]:
    """Matrix that turns the worth of every coalition into the players' Shapley values.

    Parameters
    ----------
    n_players : int
        Number of players.

    Returns
    -------
    array of float, shape (n_players, 2**n_players)

    References
    ----------
    Shapley 1953, Contributions to the Theory of Games II, 307.

    Examples
    --------
    >>> shapley_operator(2) @ [0.0, 1.0, 2.0, 4.0]  # worth of {}, {0}, {1}, {0, 1}
    array([1.5, 2.5])
    """
    operator = np.zeros((n_players, 2**n_players))
    for coalition in range(2**n_players):
        size = coalition.bit_count()
        for player in range(n_players):
            if coalition >> player & 1:
                weight = factorial(size - 1) * factorial(n_players - size)
                operator[player, coalition] = weight / factorial(n_players)
            else:
                weight = factorial(size) * factorial(n_players - size - 1)
                operator[player, coalition] = -weight / factorial(n_players)
    return operator


@cache
def interaction_operator(n_players: int) -> NDArray[np.float64]:
    """Matrix that turns the worth of every coalition into Shapley interactions.

    As in TreeSHAP, each of the two entries of a pair holds half of the pair's interaction,
    and the diagonal what is left, so that rows sum to Shapley values.

    Parameters
    ----------
    n_players : int
        Number of players.

    Returns
    -------
    array of float, shape (n_players, n_players, 2**n_players)

    References
    ----------
    Lundberg et al. 2020, Nature Machine Intelligence 2, 56; Fujimoto, Kojadinovic &
    Marichal 2006, Games and Economic Behavior 55, 72.

    Examples
    --------
    >>> interaction_operator(2) @ [0.0, 1.0, 2.0, 4.0]
    array([[1. , 0.5],
           [0.5, 2. ]])
    """
    operator = np.zeros((n_players, n_players, 2**n_players))
    for i in range(n_players):
        for j in range(i + 1, n_players):
            for coalition in range(2**n_players):
                if coalition >> i & 1 or coalition >> j & 1:
                    continue
                size = coalition.bit_count()
                ways = factorial(size) * factorial(n_players - size - 2)
                weight = ways / (2 * factorial(n_players - 1))
                for members, sign in ((0, 1), (1 << i, -1), (1 << j, -1), (1 << i | 1 << j, 1)):
                    operator[i, j, coalition | members] += sign * weight
            operator[j, i] = operator[i, j]
    single = shapley_operator(n_players) - operator.sum(axis=1)
    for i in range(n_players):
        operator[i, i] += single[i]
    return operator
