"""Two clusters by eight methods, all as the same thing: log-densities of the members of each.

Whatever finds the clusters, a row's place is judged by joint log-densities (weight times
density) and not by posteriors, which saturate at 0 and 1 and tie by the hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

__all__ = ["CLUSTERINGS", "Clusters", "fit_clusters", "fuzzy_c_means"]

CLUSTERINGS = ("gmm", "bgmm", "kmeans", "ward", "fcm", "spectral", "hdbscan")
"""Names of the methods."""

_MOST_ROWS = 6000
_FEWEST_MEMBERS = 5
_LEAST_MEMBERSHIP = 1e-6


@dataclass(frozen=True)
class Clusters:
    """Clusters in standardised features.

    Parameters
    ----------
    kind : {'gaussian', 'centres', 'dense'}
        How rows are judged: by Gaussian densities, by squared distance to centres, or by
        HDBSCAN's soft membership, with what lies outside all clusters as the last one.
    log_weight : ndarray, shape (k,)
        Log of the share of each cluster.
    mean : ndarray, shape (k, d)
        Centres; for 'dense' the rows of the fit, which are the model.
    covariance : ndarray, shape (k, d, d)
        Covariances; of no meaning for centres.
    binary : ndarray of int
        Columns that are flags and enter as Bernoulli factors.
    share : ndarray, shape (k, len(binary))
        Probability of a set flag in each cluster.

    Examples
    --------
    >>> x = np.concatenate([np.random.default_rng(0).normal(m, 1, (50, 2)) for m in (-4, 4)])
    >>> clusters = fit_clusters("gmm", x, 2, rng=0)
    >>> np.bincount(clusters.joint_log_density(x).argmax(axis=1)).tolist()
    [50, 50]
    """

    kind: str
    log_weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    binary: NDArray[np.int64]
    share: NDArray[np.float64]

    def joint_log_density(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log of weight times density of each cluster.

        Parameters
        ----------
        x : ndarray, shape (n, d)
            Standardised features.

        Returns
        -------
        ndarray, shape (n, k)
        """
        if self.kind == "dense":
            return self._soft_membership(x)
        if self.kind == "centres":
            return -0.5 * ((x[:, None, :] - self.mean) ** 2).sum(axis=2)
        smooth = np.setdiff1d(np.arange(x.shape[1]), self.binary)
        joint = np.empty((len(x), len(self.mean)))
        for k in range(len(self.mean)):
            root = np.linalg.cholesky(self.covariance[k][np.ix_(smooth, smooth)])
            z = np.linalg.solve(root, (x[:, smooth] - self.mean[k, smooth]).T)
            joint[:, k] = (
                self.log_weight[k]
                - 0.5 * (z**2).sum(axis=0)
                - np.log(np.diag(root)).sum()
                - 0.5 * len(smooth) * np.log(2 * np.pi)
            )
            if len(self.binary):
                flag = x[:, self.binary] > 0
                p = self.share[k]
                joint[:, k] += np.where(flag, np.log(p), np.log1p(-p)).sum(axis=1)
        return joint

    @cached_property
    def _dense(self) -> Any:
        """HDBSCAN on the rows of the fit; it draws nothing, so it is the same each time."""
        from hdbscan import HDBSCAN

        size = max(_FEWEST_MEMBERS, len(self.mean) // 40)
        while True:  # smaller clusters, until there are two to tell apart
            model = HDBSCAN(
                size, min_samples=_FEWEST_MEMBERS, prediction_data=True, core_dist_n_jobs=1
            ).fit(self.mean)
            if model.labels_.max() > 0:
                return model
            if size == _FEWEST_MEMBERS:
                raise ValueError(
                    f"hdbscan: no two dense clusters among {len(self.mean):,} rows; use another "
                    "method, or fewer features"
                )
            size = max(_FEWEST_MEMBERS, size // 2)

    def _soft_membership(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of rows of the fit from their place in its tree, of others from their neighbours."""
        from hdbscan.prediction import all_points_membership_vectors, membership_vector

        number = {row.tobytes(): i for i, row in enumerate(self.mean)}
        place = np.array([number.get(row.tobytes(), -1) for row in x])
        inside = np.reshape(all_points_membership_vectors(self._dense), (len(self.mean), -1))[place]
        new = place < 0
        if new.any():
            inside[new] = np.reshape(membership_vector(self._dense, x[new]), (new.sum(), -1))
        outside = 1 - inside.sum(axis=1, keepdims=True)
        return np.asarray(np.log(np.maximum(np.hstack([inside, outside]), _LEAST_MEMBERSHIP)))


def fit_clusters(
    method: str,
    x: NDArray[np.float64],
    n_clusters: int = 2,
    *,
    covariance: str = "diag",
    binary: NDArray[np.int64] | None = None,
    rng: np.random.Generator | int | None = None,
) -> Clusters:
    """Find clusters in standardised features.

    Methods that only give labels (Ward, spectral) are followed by a Gaussian with diagonal
    covariance in each cluster, so that new rows can be judged and membership is soft.
    HDBSCAN has a soft membership of its own; what is outside its dense clusters is one more.

    Parameters
    ----------
    method : str
        One of :data:`CLUSTERINGS`.
    x : ndarray, shape (n, d)
        Standardised features.
    n_clusters : int
        Number of clusters (HDBSCAN finds its own).
    covariance : {'diag', 'spherical', 'full'}
        Of the Gaussian mixtures.
    binary : ndarray of int, optional
        Columns that are flags: with 'gmm' they enter as Bernoulli factors, whose variance
        cannot collapse.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        If the method is not known, or finds no clusters.

    References
    ----------
    Bezdek 1981 (fuzzy c-means); Campello et al. 2013 and McInnes et al. 2017, JOSS 2, 205
    (HDBSCAN); Ward 1963.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(80, 2))
    >>> fit_clusters("ward", x, 2).mean.shape
    (2, 2)
    """
    seed = int(np.random.default_rng(rng).integers(2**31))
    none = np.zeros(0, dtype=np.int64)
    if method in ("gmm", "bgmm"):
        if method == "gmm" and binary is not None and len(binary):
            return _mixed_mixture(x, n_clusters, binary, seed)
        return _mixture(method, x, n_clusters, covariance, seed)
    if method in ("kmeans", "fcm"):
        if method == "kmeans":
            from sklearn.cluster import KMeans

            centres = KMeans(n_clusters, n_init=10, random_state=seed).fit(x).cluster_centers_
        else:
            centres = fuzzy_c_means(x, n_clusters, rng=seed)[0]
        k, d = centres.shape
        identity = np.broadcast_to(np.eye(d), (k, d, d)).copy()
        return Clusters(
            "centres", np.full(k, -np.log(k)), centres, identity, none, np.zeros((k, 0))
        )
    if method == "hdbscan":
        nothing = np.zeros(0)
        found = Clusters("dense", nothing, x, nothing, none, np.zeros((0, 0)))
        found.joint_log_density(x[:1])  # says now if there are no two clusters
        return found
    if method in ("ward", "spectral"):
        return _gaussians_of_labels(x, _labels(method, x, n_clusters, seed))
    raise ValueError(f"method {method!r}: expected one of {', '.join(CLUSTERINGS)}")


def fuzzy_c_means(
    x: NDArray[np.float64],
    n_clusters: int = 2,
    *,
    fuzziness: float = 2.0,
    n_iterations: int = 300,
    rng: np.random.Generator | int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fuzzy c-means: centres, and the membership of each row in each cluster.

    Parameters
    ----------
    x : ndarray, shape (n, d)
        Standardised features.
    n_clusters : int
        Number of clusters.
    fuzziness : float
        Exponent m, above 1.
    n_iterations : int
        Most iterations.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    centres : ndarray, shape (k, d)
        Centres.
    membership : ndarray, shape (n, k)
        Adds up to 1 over clusters.

    References
    ----------
    Bezdek 1981, Pattern Recognition with Fuzzy Objective Function Algorithms.

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [5.0], [5.1]])
    >>> centres, membership = fuzzy_c_means(x, 2, rng=0)
    >>> np.sort(centres.ravel()).round(2)
    array([0.05, 5.05])
    """
    generator = np.random.default_rng(rng)
    membership = generator.dirichlet(np.ones(n_clusters), len(x))
    for _ in range(n_iterations):
        weight = membership**fuzziness
        centres = (weight.T @ x) / weight.sum(axis=0)[:, None]
        distance = ((x[:, None, :] - centres) ** 2).sum(axis=2) + 1e-12
        new = distance ** (-1 / (fuzziness - 1))
        new /= new.sum(axis=1, keepdims=True)
        moved = float(np.max(np.abs(new - membership)))
        membership = new
        if moved < 1e-6:
            break
    return centres, membership


def _mixture(method: str, x: NDArray[np.float64], k: int, covariance: str, seed: int) -> Clusters:
    from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

    kind = GaussianMixture if method == "gmm" else BayesianGaussianMixture
    model = kind(
        n_components=k,
        covariance_type=covariance,
        n_init=5,
        max_iter=500,
        reg_covar=1e-4,
        random_state=seed,
    ).fit(x)
    d = x.shape[1]
    shapes = {
        "full": lambda c: c,
        "diag": lambda c: np.stack([np.diag(row) for row in c]),
        "spherical": lambda c: np.stack([value * np.eye(d) for value in c]),
    }
    return Clusters(
        "gaussian",
        np.log(model.weights_ + 1e-300),
        model.means_,
        shapes[covariance](model.covariances_),
        np.zeros(0, dtype=np.int64),
        np.zeros((k, 0)),
    )


def _mixed_mixture(
    x: NDArray[np.float64], k: int, binary: NDArray[np.int64], seed: int
) -> Clusters:
    """Diagonal Gaussian mixture with Bernoulli factors, by expectation and maximisation."""
    from sklearn.cluster import KMeans

    smooth = np.setdiff1d(np.arange(x.shape[1]), binary)
    member = np.eye(k)[KMeans(k, n_init=10, random_state=seed).fit_predict(x[:, smooth])]
    last = -np.inf
    for _ in range(500):
        clusters = _maximised(x, member, binary)
        joint = clusters.joint_log_density(x)
        total = logsumexp(joint, axis=1)
        member = np.exp(joint - total[:, None])
        if abs(total.mean() - last) < 1e-7:
            break
        last = float(total.mean())
    return clusters


def _maximised(
    x: NDArray[np.float64], member: NDArray[np.float64], binary: NDArray[np.int64]
) -> Clusters:
    size = member.sum(axis=0) + 1e-9
    mean = (member.T @ x) / size[:, None]
    variance = (member.T @ x**2) / size[:, None] - mean**2
    variance = np.maximum(variance, 0) + 1e-4
    share = (member.T @ (x[:, binary] > 0) + 0.5) / (size[:, None] + 1)
    return Clusters(
        "gaussian",
        np.log(size / size.sum()),
        mean,
        np.stack([np.diag(row) for row in variance]),
        binary,
        share,
    )


def _labels(method: str, x: NDArray[np.float64], k: int, seed: int) -> NDArray[np.int64]:
    from sklearn import cluster

    if len(x) > _MOST_ROWS:
        raise ValueError(
            f"method {method!r}: {len(x):,} rows, its cost grows with their square; "
            f"use 'gmm', 'kmeans' or 'fcm' above {_MOST_ROWS:,}"
        )
    if method == "ward":
        return np.asarray(cluster.AgglomerativeClustering(k, linkage="ward").fit_predict(x))
    model = cluster.SpectralClustering(
        k, affinity="nearest_neighbors", n_neighbors=min(30, len(x) - 1), random_state=seed
    )
    return np.asarray(model.fit_predict(x))


def _gaussians_of_labels(x: NDArray[np.float64], labels: NDArray[np.int64]) -> Clusters:
    member = (labels[:, None] == np.unique(labels)).astype(float)
    return _maximised(x, member, np.zeros(0, dtype=np.int64))
