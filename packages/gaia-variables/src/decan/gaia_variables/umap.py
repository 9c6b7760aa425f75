"""Parametric UMAP: a network that draws a map, so that new stars find their place on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from decan.core.saved import Saved
from decan.core.training import fit

from .networks import MapNetwork

__all__ = ["ParametricUMAP", "neighbour_graph"]

_CLIP = 6.0


class ParametricUMAP(Saved):
    """Map of portraits whose neighbours stay neighbours.

    A residual network from features to coordinates is trained with the cross-entropy of
    UMAP: edges of the neighbour graph attract, random pairs repel, and the probability
    of a pair is 1/(1 + d²).

    Parameters
    ----------
    n_neighbours : int
        Neighbours in the graph.
    n_negatives : int
        Random pairs for each edge.
    epochs : int
        Passes over the edges.
    batch_size : int
        Edges of a step.
    learning_rate : float
        Largest learning rate.
    random_state : int, optional
        Seed.

    References
    ----------
    Sainburg, McInnes & Gentner 2021, Parametric UMAP embeddings (Neural Computation 33,
    2881); Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.vstack([rng.normal(-3, 1, (60, 4)), rng.normal(3, 1, (60, 4))])
    >>> place = ParametricUMAP(n_neighbours=5, epochs=3, random_state=0).fit_transform(x)
    >>> place.shape
    (120, 2)
    """

    def __init__(
        self,
        *,
        n_neighbours: int = 15,
        n_negatives: int = 5,
        epochs: int = 20,
        batch_size: int = 1024,
        learning_rate: float = 2e-3,
        random_state: int | None = None,
    ) -> None:
        self.n_neighbours, self.n_negatives, self.epochs = n_neighbours, n_negatives, epochs
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.random_state = random_state
        self.network_: MapNetwork | None = None

    def fit(self, features: ArrayLike, *, progress: bool = False) -> ParametricUMAP:
        """Train on portraits.

        Parameters
        ----------
        features : array_like, shape (n, n_features)
            For instance :meth:`Portraits.features`. Rows with NaN are left out.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        self
        """
        x = np.asarray(features, np.float64)
        whole = x[np.isfinite(x).all(axis=1)]
        if len(whole) <= self.n_neighbours:
            raise ValueError(
                f"features: {len(whole)} complete rows, expected more than n_neighbours="
                f"{self.n_neighbours}"
            )
        self.mean_, self.std_ = whole.mean(axis=0), whole.std(axis=0) + 1e-9
        scaled = self._scaled(whole)
        edges, weight = neighbour_graph(scaled.numpy(), self.n_neighbours)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.random_state or 0))
            self.network_ = MapNetwork(x.shape[1])
        # Edges are drawn in proportion to their weight, as UMAP's sampling does.
        rng = np.random.default_rng(self.random_state)
        drawn = rng.choice(len(edges), size=2 * len(whole) * 5, p=weight / weight.sum())
        data = torch.from_numpy(edges[drawn])

        def loss(model: nn.Module, pair: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            place = model(scaled[pair.T.reshape(-1)])
            here, there = place.split(len(pair))
            # The other pairs' ends serve as random partners: none has to be placed for that.
            away = place[torch.randint(len(place), (self.n_negatives * len(pair),))]
            near = ((here - there) ** 2).sum(dim=1)
            far = ((here.repeat(self.n_negatives, 1) - away) ** 2).sum(dim=1)
            attract = torch.log1p(near).mean()
            repel = (torch.log1p(far) - torch.log(far + 1e-3)).mean() * self.n_negatives
            return attract + repel, {}

        fit(
            self.network_, data, loss, epochs=self.epochs, batch_size=self.batch_size,
            learning_rate=self.learning_rate, schedule="cosine", clip=4.0,
            rng=self.random_state, progress=progress, device="cpu",
        )  # fmt: skip
        return self

    def transform(self, features: ArrayLike) -> NDArray[np.float64]:
        """Coordinates on the map, shape (n, 2); NaN for rows with a missing feature."""
        if self.network_ is None:
            raise ValueError("this ParametricUMAP is not fitted; call fit or load first")
        x = np.asarray(features, np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.mean_):
            raise ValueError(f"features: expected shape (n, {len(self.mean_)}), found {x.shape}")
        out = np.full((len(x), 2), np.nan)
        whole = np.isfinite(x).all(axis=1)
        with torch.no_grad():
            out[whole] = self.network_(self._scaled(x[whole])).numpy()
        return out

    def fit_transform(self, features: ArrayLike) -> NDArray[np.float64]:
        """Train, and give the coordinates of the training rows."""
        return self.fit(features).transform(features)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.network_ is None:
            raise ValueError("this ParametricUMAP is not fitted; call fit or load first")
        names = (
            "n_neighbours", "n_negatives", "epochs", "batch_size", "learning_rate", "random_state"
        )  # fmt: skip
        parts = {
            "network": self.network_.state_dict(),
            "scale": {"mean": self.mean_, "std": self.std_},
        }
        return {name: getattr(self, name) for name in names}, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> ParametricUMAP:
        model: Any = cls(**settings)
        model.mean_, model.std_ = parts["scale"]["mean"], parts["scale"]["std"]
        model.network_ = MapNetwork(len(model.mean_)).eval()
        model.network_.load_state_dict(parts["network"])
        return model

    def _scaled(self, x: NDArray) -> Tensor:
        return torch.tensor(
            np.clip((x - self.mean_) / self.std_, -_CLIP, _CLIP), dtype=torch.float32
        )


def neighbour_graph(
    features: NDArray, n_neighbours: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Edges and weights of UMAP's fuzzy neighbour graph.

    Parameters
    ----------
    features : ndarray, shape (n, n_features)
        Finite, on comparable scales.
    n_neighbours : int
        Neighbours of each row.

    Returns
    -------
    tuple of ndarray
        Pairs of rows, shape (n_edges, 2), and the weight of each edge in (0, 1].

    References
    ----------
    McInnes, Healy & Melville 2018 (arXiv 1802.03426), section 3.1.

    Examples
    --------
    >>> edges, weight = neighbour_graph(np.array([[0.0], [1.0], [10.0]]), 1)
    >>> edges.tolist(), weight.tolist()
    ([[0, 1], [1, 0], [1, 2], [2, 1]], [1.0, 1.0, 1.0, 1.0])
    """
    from scipy.sparse import csr_array
    from sklearn.neighbors import NearestNeighbors

    n = len(features)
    distance, index = (
        NearestNeighbors(n_neighbors=n_neighbours + 1).fit(features).kneighbors(features)
    )
    distance, index = distance[:, 1:], index[:, 1:]
    beyond = np.maximum(distance - distance[:, :1], 0)
    target = np.log2(n_neighbours) if n_neighbours > 1 else 1.0
    low, high = np.zeros(n), np.full(n, np.inf)
    sigma = np.ones(n)
    for _ in range(64):
        total = np.exp(-beyond / sigma[:, None]).sum(axis=1)
        high, low = np.where(total > target, sigma, high), np.where(total > target, low, sigma)
        sigma = np.where(np.isfinite(high), (low + high) / 2, sigma * 2)
        sigma = np.clip(sigma, 1e-9, 1e9)
    weight = np.exp(-beyond / sigma[:, None])
    rows = np.repeat(np.arange(n), n_neighbours)
    one = csr_array((weight.ravel(), (rows, index.ravel())), shape=(n, n))
    both = one.multiply(one.T)
    joined = (one + one.T - both).tocoo()
    return np.stack([joined.row, joined.col], axis=1).astype(np.int64), joined.data
