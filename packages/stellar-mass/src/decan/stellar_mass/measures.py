"""Redundant, unique and synergistic information from three amounts of information.

No decomposition is canonical, so several are here, each under its own name; show two. All take
local information of the first input, the second and both, shape (n,), and give one row of
redundant, unique 1, unique 2 and synergistic information for every row of weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "COMPONENTS",
    "MEASURES",
    "broja_gaussian_redundancy",
    "ccs_redundancy",
    "from_redundancy",
    "local_components",
    "mmi",
    "pointwise_min",
]

MEASURES = ("mmi", "pointwise_min", "ccs", "broja_gaussian")
"""Measures of redundancy, the default first."""

COMPONENTS = ("redundant", "unique_1", "unique_2", "synergistic")
"""The four parts of the information of two inputs together."""


def mmi(
    i_1: NDArray[np.float64], i_2: NDArray[np.float64], i_12: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Minimum mutual information: redundant is the smaller of the two averages.

    The weaker input has no unique information by construction. Averages below 0, which are
    noise, count as 0 there; the synergistic part keeps them, so that the four add up to the
    information of both inputs.

    Parameters
    ----------
    i_1, i_2, i_12 : ndarray, shape (...)
        Averages, nats.

    Returns
    -------
    ndarray, shape (..., 4)
        In the order of :data:`COMPONENTS`.

    References
    ----------
    Barrett 2015, PRE 91, 052802.

    Examples
    --------
    >>> mmi(np.array(0.5), np.array(0.2), np.array(0.6)).round(6)
    array([0.2, 0.3, 0. , 0.1])
    """
    one, two = np.maximum(i_1, 0), np.maximum(i_2, 0)
    shared = np.minimum(one, two)
    return np.stack([shared, one - shared, two - shared, i_12 - np.maximum(one, two)], axis=-1)


def pointwise_min(
    i_1: NDArray[np.float64], i_2: NDArray[np.float64], i_12: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The paper's recipe: the smaller of the two for every object, negative values kept.

    The average of minima lies below the minimum of the averages, so that this finds unique
    information and negative synergy also in pure noise: look at its floor before you read it.

    Parameters
    ----------
    i_1, i_2, i_12 : ndarray, shape (n,)
        Local information, nats.

    Returns
    -------
    ndarray, shape (n, 4)
        For every object, in the order of :data:`COMPONENTS`.

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901, and its code.

    Examples
    --------
    >>> pointwise_min(np.array([1.0]), np.array([-0.5]), np.array([1.0]))
    array([[-0.5,  1.5,  0. ,  0. ]])
    """
    shared = np.minimum(i_1, i_2)
    return np.stack([shared, i_1 - shared, i_2 - shared, i_12 - np.maximum(i_1, i_2)], axis=-1)


def from_redundancy(
    shared: NDArray[np.float64],
    i_1: NDArray[np.float64],
    i_2: NDArray[np.float64],
    i_12: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The four parts where the redundant one is given.

    Parameters
    ----------
    shared, i_1, i_2, i_12 : ndarray, shape (...)
        Redundant information and the three amounts, nats.

    Returns
    -------
    ndarray, shape (..., 4)
        In the order of :data:`COMPONENTS`.

    Examples
    --------
    >>> from_redundancy(np.array(0.1), np.array(0.5), np.array(0.2), np.array(0.7)).round(6)
    array([0.1, 0.4, 0.1, 0.1])
    """
    return np.stack([shared, i_1 - shared, i_2 - shared, i_12 - i_1 - i_2 + shared], axis=-1)


def local_components(
    measure: str,
    i_1: NDArray[np.float64],
    i_2: NDArray[np.float64],
    i_12: NDArray[np.float64],
    shared: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Components of every object, whose averages are those of all objects.

    For the measures of averages (``"mmi"``, ``"broja_gaussian"``) the input that carries less on
    average is the redundant one for every object, so that single values may be negative.

    Parameters
    ----------
    measure : {'mmi', 'pointwise_min', 'ccs', 'broja_gaussian'}
        Which.
    i_1, i_2, i_12 : ndarray, shape (n,)
        Local information, nats.
    shared : ndarray, shape (n,), optional
        Redundant information of each object, for ``'ccs'``.

    Returns
    -------
    ndarray, shape (n, 4)
        In the order of :data:`COMPONENTS`.

    Examples
    --------
    >>> i_1, i_2 = np.array([1.0, 0.2]), np.array([0.0, 0.4])
    >>> local_components("mmi", i_1, i_2, i_1 + i_2).mean(axis=0).round(6)
    array([0.2, 0.4, 0. , 0.2])
    """
    if measure == "pointwise_min":
        return pointwise_min(i_1, i_2, i_12)
    if shared is not None:
        return from_redundancy(shared, i_1, i_2, i_12)
    # An average below 0 is noise about 0: such an input then carries nothing for any object.
    one = i_1 if i_1.mean() > 0 else np.zeros_like(i_1)
    two = i_2 if i_2.mean() > 0 else np.zeros_like(i_2)
    weaker, stronger = (one, two) if one.mean() < two.mean() else (two, one)
    rest = np.zeros_like(stronger)
    parts = [weaker, stronger - weaker, rest, i_12 - stronger]
    if stronger is two:
        parts[1], parts[2] = parts[2], parts[1]
    return np.stack(parts, axis=-1)


def ccs_redundancy(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    prior: NDArray[np.float64],
    *,
    partners: int = 64,
    rng: np.random.Generator | int | None = None,
) -> NDArray[np.float64]:
    """Redundancy by common change in surprisal, object by object.

    The reference distribution keeps what each input says about the target and makes the two
    independent once the target is known. Its average needs pairs of inputs of different
    objects, weighted by how well their densities overlap; each object meets some partners.

    Parameters
    ----------
    first, second : ndarray, shape (n, m)
        Probabilities of m values of the target given each input; rows add up to 1.
    prior : ndarray, shape (m,)
        Probabilities without input.
    partners : int
        Partners of each object.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    ndarray, shape (n,)
        Redundant information of each object, nats; the average is the measure's value.

    References
    ----------
    Ince 2017, Entropy 19, 318.

    Examples
    --------
    Two copies of a fair bit share all of it, ln 2:

    >>> bit = np.eye(2)[np.arange(200) % 2]
    >>> round(float(ccs_redundancy(bit, bit, np.array([0.5, 0.5]), rng=0).mean()), 2)
    0.69
    """
    generator = np.random.default_rng(rng)
    n = len(first)
    floor = 1e-12
    log_prior = np.log(prior + floor)
    gain_1 = np.log(first + floor) - log_prior
    gain_2 = np.log(second + floor) - log_prior
    total, weight = np.zeros(n), np.zeros(n)
    offsets = generator.choice(np.arange(1, n), size=min(partners, n - 1), replace=False)
    shuffle = generator.permutation(n)
    place = np.empty(n, dtype=np.intp)
    place[shuffle] = np.arange(n)
    for offset in offsets:
        mate = shuffle[(place + offset) % n]
        product = first * second[mate] / (prior + floor)
        overlap = product.sum(axis=1)
        joint = product / np.maximum(overlap, floor)[:, None]
        both = np.log(joint + floor) - log_prior
        common = gain_1 + gain_2[mate] - both
        same = (
            (np.sign(gain_1) == np.sign(gain_2[mate]))
            & (np.sign(gain_1) == np.sign(both))
            & (np.sign(gain_1) == np.sign(common))
        )
        total += overlap * (joint * common * same).sum(axis=1)
        weight += overlap
    # Overlaps average to 1 over all pairs; dividing by the sample's own mean removes its noise.
    return np.asarray(total / max(weight.mean(), floor))


def broja_gaussian_redundancy(
    covariance: NDArray[np.float64], d_y: int, d_1: int
) -> tuple[float, float, float, float]:
    """Redundancy of Gaussian inputs by the measure of Bertschinger and others.

    Of all couplings that keep the target with each input, the one that carries the least about
    the target; for a target of one column this is the smaller of the two, as in MMI.

    Parameters
    ----------
    covariance : ndarray, shape (d, d)
        Of target, first and second input, in this order.
    d_y, d_1 : int
        Columns of the target and of the first input.

    Returns
    -------
    redundant, i_1, i_2, i_12 : float
        Nats.

    References
    ----------
    Bertschinger et al. 2014, Entropy 16, 2161; Venkatesh et al. 2023, NeurIPS (Gaussian).

    Examples
    --------
    >>> covariance = np.array([[1, 0.8, 0.6], [0.8, 1, 0.5], [0.6, 0.5, 1]])
    >>> np.round(broja_gaussian_redundancy(covariance, 1, 1), 3)
    array([0.223, 0.511, 0.223, 0.591])
    """
    from scipy.optimize import minimize

    y, one, two = (
        np.arange(d_y),
        np.arange(d_y, d_y + d_1),
        np.arange(d_y + d_1, len(covariance)),
    )

    def information(block: NDArray[np.intp]) -> float:
        both = np.concatenate([y, block])
        dets = [np.linalg.slogdet(covariance[np.ix_(b, b)])[1] for b in (y, block, both)]
        return float(0.5 * (dets[0] + dets[1] - dets[2]))

    i_1, i_2, i_12 = information(one), information(two), information(np.concatenate([one, two]))
    if d_y == 1:
        return min(i_1, i_2), i_1, i_2, i_12
    root = np.linalg.cholesky(covariance[np.ix_(y, y)])
    channels = [_whitened(covariance, y, block) @ root for block in (one, two)]
    shape = len(one), len(two)

    def union(flat: NDArray[np.float64]) -> float:
        """Information of both inputs where their noises are coupled by a contraction."""
        free = flat.reshape(shape)
        contraction = free @ _inverse_root(np.eye(shape[1]) + free.T @ free)
        noise = np.block([[np.eye(shape[0]), contraction], [contraction.T, np.eye(shape[1])]])
        signal = np.concatenate(channels)
        dets = [np.linalg.slogdet(m)[1] for m in (noise + signal @ signal.T, noise)]
        return float(0.5 * (dets[0] - dets[1]))

    found = minimize(union, np.zeros(shape).ravel(), method="BFGS", options={"gtol": 1e-7})
    return i_1 + i_2 - float(found.fun), i_1, i_2, i_12


def _whitened(
    covariance: NDArray[np.float64], y: NDArray[np.intp], block: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Channel from the target to an input whose noise has unit covariance."""
    slope = covariance[np.ix_(block, y)] @ np.linalg.inv(covariance[np.ix_(y, y)])
    noise = covariance[np.ix_(block, block)] - slope @ covariance[np.ix_(y, block)]
    return _inverse_root(noise) @ slope


def _inverse_root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    value, vector = np.linalg.eigh(matrix)
    return np.asarray((vector / np.sqrt(np.maximum(value, 1e-15))) @ vector.T)
