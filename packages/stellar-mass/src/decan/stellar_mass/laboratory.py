"""Exact laboratories: small worlds in which the information of every input is known.

Each gives two inputs, a target and, where there is a closed form, the amounts of information.
Use them to see what an estimator or a measure reports where the answer is not a matter of taste.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Laboratory",
    "Mediation",
    "copy_pair",
    "gaussian_triplet",
    "gaussian_truth",
    "mediation",
    "sign_product",
    "warped",
]


@dataclass(frozen=True)
class Laboratory:
    """Two inputs and a target with known information.

    Parameters
    ----------
    x1, x2 : ndarray, shape (n, d)
        Inputs.
    y : ndarray, shape (n,)
        Target.
    truth : dict of str to float
        ``information_1``, ``information_2``, ``information_12`` and the components ``redundant``,
        ``unique_1``, ``unique_2``, ``synergistic``, nats; empty without a closed form.

    Examples
    --------
    >>> made = gaussian_triplet(100, rho1=0.8, rho2=0.0, rng=0)
    >>> made.x1.shape, round(made.truth["unique_1"], 3)
    ((100, 1), 0.511)
    """

    x1: NDArray[np.float64]
    x2: NDArray[np.float64]
    y: NDArray[np.float64]
    truth: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Mediation:
    """A latent vector, a target, a query and a candidate explanation.

    Parameters
    ----------
    latent : ndarray, shape (n, d)
        What a model knows.
    y, query, given : ndarray, shape (n,)
        Target, query and condition.
    partial : float
        Correlation of target and query at fixed latent vector.
    partial_given : float
        The same with the condition fixed too.

    Examples
    --------
    >>> mediation(10, 4, rng=0).partial
    0.0
    """

    latent: NDArray[np.float64]
    y: NDArray[np.float64]
    query: NDArray[np.float64]
    given: NDArray[np.float64]
    partial: float
    partial_given: float


def gaussian_truth(rho1: float, rho2: float, rho12: float) -> dict[str, float]:
    """Closed forms for a Gaussian target and two Gaussian inputs.

    For a target of one column minimum mutual information and the measure of Bertschinger and
    others agree: redundant is the smaller amount.

    Parameters
    ----------
    rho1, rho2, rho12 : float
        Correlations of the target with the inputs, and of the inputs.

    Returns
    -------
    dict of str to float
        Nats.

    Raises
    ------
    ValueError
        If no distribution has such correlations.

    References
    ----------
    Barrett 2015, PRE 91, 052802.

    Examples
    --------
    >>> truth = gaussian_truth(0.5, 0.5, 0.0)
    >>> round(truth["redundant"], 3), round(truth["synergistic"], 3)
    (0.144, 0.203)
    """
    covariance = np.array([[1, rho1, rho2], [rho1, 1, rho12], [rho2, rho12, 1]])
    if np.linalg.eigvalsh(covariance)[0] <= 0:
        raise ValueError(f"rho1, rho2, rho12: {rho1}, {rho2}, {rho12} are no correlations")
    left = 1 - covariance[0, 1:] @ np.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
    one, two = (-0.5 * np.log(1 - rho**2) for rho in (rho1, rho2))
    both, shared = -0.5 * np.log(left), min(one, two)
    return {
        "information_1": float(one),
        "information_2": float(two),
        "information_12": float(both),
        "redundant": float(shared),
        "unique_1": float(one - shared),
        "unique_2": float(two - shared),
        "synergistic": float(both - max(one, two)),
    }


def gaussian_triplet(
    n: int,
    rho1: float = 0.8,
    rho2: float = 0.0,
    rho12: float = 0.0,
    *,
    d1: int = 1,
    d2: int = 1,
    rng: np.random.Generator | int | None = None,
) -> Laboratory:
    """Gaussian target and inputs, each input hidden in a rotation of several columns.

    Parameters
    ----------
    n : int
        Objects.
    rho1, rho2, rho12 : float
        Correlations of the target with the inputs, and of the inputs.
    d1, d2 : int
        Columns of each input; those beyond the first are noise, and all are rotated.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Laboratory

    Raises
    ------
    ValueError
        If no distribution has such correlations.

    Examples
    --------
    >>> gaussian_triplet(5, d1=8, rng=0).x1.shape
    (5, 8)
    """
    truth = gaussian_truth(rho1, rho2, rho12)
    generator = np.random.default_rng(rng)
    covariance = np.array([[1, rho1, rho2], [rho1, 1, rho12], [rho2, rho12, 1]])
    y, one, two = (generator.standard_normal((n, 3)) @ np.linalg.cholesky(covariance).T).T
    inputs = []
    for first, d in ((one, d1), (two, d2)):
        columns = np.column_stack([first, generator.standard_normal((n, d - 1))])
        rotation = np.linalg.qr(generator.standard_normal((d, d)))[0]
        inputs.append(columns @ rotation)
    return Laboratory(inputs[0], inputs[1], y, truth)


def warped(made: Laboratory) -> Laboratory:
    """The same with monotone warps of every column, which leave all information unchanged.

    Parameters
    ----------
    made : Laboratory
        Any laboratory.

    Returns
    -------
    Laboratory
        Inputs to the third power; the target as the root of its modulus with its sign.

    Examples
    --------
    >>> made = gaussian_triplet(4, rng=0)
    >>> bool((np.argsort(warped(made).y) == np.argsort(made.y)).all())
    True
    """
    return Laboratory(made.x1**3, made.x2**3, np.sign(made.y) * np.sqrt(np.abs(made.y)), made.truth)


def copy_pair(
    n: int, rho: float = 0.8, *, rng: np.random.Generator | int | None = None
) -> Laboratory:
    """Two nearly equal inputs: all information is redundant.

    Parameters
    ----------
    n : int
        Objects.
    rho : float
        Correlation of target and input.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Laboratory

    Examples
    --------
    >>> made = copy_pair(10, rng=0)
    >>> bool(np.abs(made.x1 - made.x2).max() < 0.02)
    True
    """
    generator = np.random.default_rng(rng)
    x = generator.standard_normal((n, 1))
    y = rho * x[:, 0] + np.sqrt(1 - rho**2) * generator.standard_normal(n)
    amount = float(-0.5 * np.log(1 - rho**2))
    truth = dict.fromkeys(("information_1", "information_2", "information_12", "redundant"), amount)
    truth |= {"unique_1": 0.0, "unique_2": 0.0, "synergistic": 0.0}
    return Laboratory(x, x + 1e-3 * generator.standard_normal((n, 1)), y, truth)


def sign_product(
    n: int, noise: float = 0.3, *, rng: np.random.Generator | int | None = None
) -> Laboratory:
    """A target whose sign is that of the product of two inputs: pure synergy.

    Parameters
    ----------
    n : int
        Objects.
    noise : float
        Standard deviation of what is added.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Laboratory
        With the information of both from a numerical integral.

    Examples
    --------
    >>> made = sign_product(10, rng=0)
    >>> made.truth["redundant"], round(made.truth["synergistic"], 2)
    (0.0, 0.49)
    """
    generator = np.random.default_rng(rng)
    x = generator.standard_normal((n, 2))
    size = np.abs(generator.standard_normal(n))
    y = np.sign(x[:, 0] * x[:, 1]) * size + noise * generator.standard_normal(n)
    amount = _sign_information(noise)
    truth = dict.fromkeys(("information_1", "information_2", "redundant"), 0.0)
    truth |= {"unique_1": 0.0, "unique_2": 0.0, "information_12": amount, "synergistic": amount}
    return Laboratory(x[:, :1], x[:, 1:], y, truth)


def mediation(
    n: int,
    d: int,
    *,
    direct: float = 0.0,
    mediator: bool = False,
    rng: np.random.Generator | int | None = None,
) -> Mediation:
    """Target and query that both follow the first latent number, perhaps with more between them.

    Parameters
    ----------
    n : int
        Objects.
    d : int
        Latent numbers, of which the first counts.
    direct : float
        How much of the query's own part enters the target; 0.15 gives a partial correlation of
        0.447.
    mediator : bool
        Whether that path runs through the condition, and vanishes once it is fixed.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Mediation

    Examples
    --------
    >>> round(mediation(10, 8, direct=0.15, rng=0).partial, 3)
    0.447
    """
    generator = np.random.default_rng(rng)
    s = generator.standard_normal((n, d))
    u, e, v = generator.standard_normal((3, n))
    if mediator:
        # The query's own part is the condition, but for noise of its own.
        u = (v + 0.5 * u) / np.sqrt(1.25)
    entering, share = (v, 1 / np.sqrt(1.25)) if mediator else (u, 1.0)
    y = s[:, 0] + direct * entering + 0.3 * e
    query = 0.8 * s[:, 0] + 0.6 * u
    partial = direct * share / np.hypot(direct, 0.3)
    return Mediation(s, y, query, v, float(partial), 0.0 if mediator else float(partial))


def _sign_information(noise: float) -> float:
    """Entropy of the target minus that of the folded normal with noise."""
    from scipy.special import ndtr

    y = np.linspace(-8, 8, 8001)
    width = np.hypot(1, noise)
    # |size| + noise: a normal of this width, skewed.
    skew = 2 * np.exp(-0.5 * (y / width) ** 2) / (width * np.sqrt(2 * np.pi))
    positive = skew * ndtr(y / (noise * width))
    both = 0.5 * (positive + positive[::-1])

    def entropy(density: NDArray[np.float64]) -> float:
        safe = np.maximum(density, 1e-300)
        return float(-(density * np.log(safe)).sum() * (y[1] - y[0]))

    return entropy(both) - entropy(positive)
