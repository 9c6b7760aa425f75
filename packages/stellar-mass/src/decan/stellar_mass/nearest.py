"""Information from distances to the nearest neighbours (Kraskov, Stögbauer and Grassberger)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ksg_information"]

_JITTER = 1e-10


def ksg_information(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64] | None = None,
    *,
    k: int = 3,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.float64]:
    """Local (conditional) information by the first KSG estimator, in the largest-component norm.

    Columns are standardised and ties broken by a jitter of 1e-10. The bias grows with the
    number of columns: for eight Gaussian ones and 3,000 rows it finds 0.52 for 0.83 nats.

    Parameters
    ----------
    x, y : ndarray, shape (n, d)
        Columns without missing values.
    z : ndarray, shape (n, d), optional
        Condition.
    k : int
        Which neighbour.
    rng : numpy.random.Generator or int, optional
        Jitter (SPEC 7).

    Returns
    -------
    ndarray, shape (n,)
        Local values, nats; their mean is the estimate.

    References
    ----------
    Kraskov, Stögbauer & Grassberger 2004, PRE 69, 066138, equation 8;
    Frenzel & Pompe 2007, PRL 99, 204101 (conditional).

    Examples
    --------
    >>> draw = np.random.default_rng(0).normal(size=(2000, 2))
    >>> x, y = draw[:, :1], 0.8 * draw[:, :1] + 0.6 * draw[:, 1:]
    >>> bool(abs(ksg_information(x, y, rng=0).mean() - 0.511) < 0.05)
    True
    """
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    generator = np.random.default_rng(rng)
    x, y = _standard(x, generator), _standard(y, generator)
    parts = [x, y] if z is None else [x, y, _standard(z, generator)]
    joint = np.concatenate(parts, axis=1)
    far: Any = cKDTree(joint).query(joint, k=[k + 1], p=np.inf)[0]
    radius = far[:, 0]
    # The neighbour at exactly this distance does not count, however the sums below round.
    radius = radius - 4 * np.finfo(np.float64).eps * np.abs(joint).max()
    if z is None:
        n_x, n_y = _within(x, radius), _within(y, radius)
        return np.asarray(digamma(k) + digamma(len(x)) - digamma(n_x) - digamma(n_y))
    n_xz = _within(np.concatenate([parts[0], parts[2]], axis=1), radius)
    n_yz = _within(np.concatenate([parts[1], parts[2]], axis=1), radius)
    n_z = _within(parts[2], radius)
    return np.asarray(digamma(k) - digamma(n_xz) - digamma(n_yz) + digamma(n_z))


def _standard(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.asarray(scaled + _JITTER * rng.standard_normal(values.shape))


def _within(values: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many points, the point itself counted, lie within each point's radius."""
    if values.shape[1] == 1:
        # Sorted numbers need no tree; asked for in order, the bounds stay in the cache.
        order = np.argsort(values[:, 0])
        line, reach = values[order, 0], radius[order]
        count = np.empty(len(line), dtype=np.int64)
        count[order] = np.searchsorted(line, line + reach, "right") - np.searchsorted(
            line, line - reach, "left"
        )
        return count
    from scipy.spatial import cKDTree

    tree: Any = cKDTree(values)
    found = tree.query_ball_point(values, radius, p=np.inf, return_length=True)
    return np.asarray(found, dtype=np.int64)
