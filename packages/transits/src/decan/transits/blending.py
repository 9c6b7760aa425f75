"""Networks and trees blended and calibrated in one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TASKS", "blend_of", "probabilities"]

TASKS = ("event", "planet")
"""An event against noise, then a planet among events."""


def blend_of(
    raw: NDArray[np.float64], classes: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Logistic regression on the log-odds of network and trees: blend and calibration in one.

    Parameters
    ----------
    raw : ndarray of float, shape (n, 2, 2)
        Log-odds: row, task, network or trees; of members that have not seen the row.
    classes : ndarray of int, shape (n,)
        0 noise, 1 eclipsing binary, 2 planet.

    Returns
    -------
    dict of str to ndarray of float, shape (3,)
        Intercept and two weights a task; planets are learnt among events alone.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> classes = rng.integers(0, 3, 300)
    >>> raw = rng.normal(size=(300, 2, 2)) + classes[:, None, None]
    >>> bool((blend_of(raw, classes)["event"][1:] > 0).all())
    True
    """
    from sklearn.linear_model import LogisticRegression

    found = {}
    for i, task in enumerate(TASKS):
        rows = np.ones(len(classes), dtype=bool) if task == "event" else classes > 0
        model = LogisticRegression(C=1e6).fit(raw[rows, i], classes[rows] > i)
        found[task] = np.concatenate([model.intercept_, model.coef_[0]])
    return found


def probabilities(
    raw: NDArray[np.float64], blend: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Event and planet probability of log-odds under a blend.

    Parameters
    ----------
    raw : ndarray of float, shape (n, 2, 2)
        Log-odds: row, task, network or trees.
    blend : mapping of str to ndarray
        What :func:`blend_of` gave.

    Returns
    -------
    ndarray of float, shape (n, 2)
        The second is that of an event and a planet.

    Examples
    --------
    >>> blend = {"event": np.array([0.0, 1.0, 0.0]), "planet": np.array([0.0, 1.0, 0.0])}
    >>> probabilities(np.zeros((1, 2, 2)), blend)
    array([[0.5 , 0.25]])
    """
    event, planet = (
        1.0 / (1.0 + np.exp(-(blend[task][0] + raw[:, i] @ blend[task][1:])))
        for i, task in enumerate(TASKS)
    )
    return np.column_stack([event, event * planet])
