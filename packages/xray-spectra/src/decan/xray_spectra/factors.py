"""Linear representations as first-class objects: Poisson NMF, and principal components."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.saved import Saved

from .batch import BinnedSpectra
from .spectrum import Spectrum

__all__ = ["SpectralNMF", "SpectralPCA"]

_TINY = 1e-12


class SpectralNMF(Saved):
    """Spectra as sums of a few positive templates, by Poisson likelihood.

    The simple method that a network has to beat.

    Parameters
    ----------
    n_components : int
        Number of templates.
    n_iterations : int
        Multiplicative updates in fitting.
    random_state : int
        Seed.

    Attributes
    ----------
    templates_ : ndarray, shape (n_components, 128)
        Each sums to 1.

    References
    ----------
    Lee & Seung 2001, NIPS 13 (the updates of the Kullback-Leibler divergence).

    Examples
    --------
    >>> counts = np.random.default_rng(0).poisson(2.0, (50, 128))
    >>> nmf = SpectralNMF(3).fit(BinnedSpectra.from_arrays(counts, 0.0))
    >>> shape = nmf.reconstruct(BinnedSpectra.from_arrays(counts, 0.0))
    >>> shape.sum(axis=1).round(6)[:3].tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(
        self, n_components: int = 8, *, n_iterations: int = 200, random_state: int = 0
    ) -> None:
        self.n_components = n_components
        self.n_iterations = n_iterations
        self.random_state = random_state

    def fit(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> Self:
        """Find the templates.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        SpectralNMF
            Itself.
        """
        c = _counts(spectra)
        c = c[c.sum(axis=1) > 0]
        rng = np.random.default_rng(self.random_state)
        mean = c.mean(axis=0) + _TINY
        h = (mean * rng.uniform(0.5, 1.5, (self.n_components, c.shape[1]))).astype(np.float32)
        h /= h.sum(axis=1, keepdims=True)
        w = rng.uniform(0.5, 1.5, (len(c), self.n_components)).astype(np.float32)
        w *= c.sum(axis=1, keepdims=True) / w.sum(axis=1, keepdims=True)
        for _ in range(self.n_iterations):
            ratio = c / np.maximum(w @ h, _TINY)
            w *= ratio @ h.T
            ratio = c / np.maximum(w @ h, _TINY)
            h *= (w.T @ ratio) / np.maximum(w.sum(axis=0)[:, None], _TINY)
            total = h.sum(axis=1, keepdims=True) + _TINY
            h /= total
            w *= total.T
        self.templates_ = h.astype(float)
        return self

    def transform(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> NDArray[np.float64]:
        """Share of each template in each spectrum.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        ndarray, shape (n, n_components)
            Rows sum to 1.
        """
        c = _counts(spectra)
        h = self.templates_.astype(np.float32)
        w = np.full((len(c), self.n_components), 1 / self.n_components, dtype=np.float32)
        w *= c.sum(axis=1, keepdims=True)
        for _ in range(self.n_iterations):
            w *= (c / np.maximum(w @ h, _TINY)) @ h.T
        return np.asarray(w / np.maximum(w.sum(axis=1, keepdims=True), _TINY), dtype=float)

    def inverse_transform(self, shares: ArrayLike) -> NDArray[np.float64]:
        """Shapes of shares.

        Parameters
        ----------
        shares : array_like, shape (n, n_components)
            Shares.

        Returns
        -------
        ndarray, shape (n, 128)
            Each sums to 1.
        """
        return np.asarray(np.asarray(shares, dtype=float) @ self.templates_)

    def reconstruct(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> NDArray[np.float64]:
        """Shape of each spectrum out of the templates.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        ndarray, shape (n, 128)
        """
        return self.inverse_transform(self.transform(spectra))

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        names = ("n_components", "n_iterations", "random_state")
        settings = {name: getattr(self, name) for name in names}
        return settings, {"fitted": {"templates": self.templates_}}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        found = cls(**settings)
        found.templates_ = parts["fitted"]["templates"]
        return found


class SpectralPCA(Saved):
    """Principal components of the square roots of shapes, which have nearly equal noise.

    Parameters
    ----------
    n_components : int
        Number of components.

    Attributes
    ----------
    mean_, components_ : ndarray
        Of the square roots.

    Examples
    --------
    >>> counts = np.random.default_rng(0).poisson(2.0, (50, 128))
    >>> SpectralPCA(3).fit(BinnedSpectra.from_arrays(counts, 0.0)).components_.shape
    (3, 128)
    """

    def __init__(self, n_components: int = 8) -> None:
        self.n_components = n_components

    def fit(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> Self:
        """Find the components.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        SpectralPCA
            Itself.
        """
        x = _roots(spectra)
        self.mean_ = x.mean(axis=0)
        _, vectors = np.linalg.eigh(np.cov((x - self.mean_).T))
        self.components_ = vectors.T[::-1][: self.n_components].copy()
        return self

    def transform(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> NDArray[np.float64]:
        """Components of each spectrum.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        ndarray, shape (n, n_components)
        """
        return np.asarray((_roots(spectra) - self.mean_) @ self.components_.T)

    def inverse_transform(self, values: ArrayLike) -> NDArray[np.float64]:
        """Shapes of components.

        Parameters
        ----------
        values : array_like, shape (n, n_components)
            Components.

        Returns
        -------
        ndarray, shape (n, 128)
            Each sums to 1.
        """
        root = np.maximum(np.asarray(values, dtype=float) @ self.components_ + self.mean_, 0.0)
        return np.asarray(root**2 / np.maximum((root**2).sum(axis=1, keepdims=True), _TINY))

    def reconstruct(self, spectra: BinnedSpectra | Iterable[Spectrum]) -> NDArray[np.float64]:
        """Shape of each spectrum out of its components.

        Parameters
        ----------
        spectra : BinnedSpectra or iterable of Spectrum
            The spectra.

        Returns
        -------
        ndarray, shape (n, 128)
        """
        return self.inverse_transform(self.transform(spectra))

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        fitted = {"mean": self.mean_, "components": self.components_}
        return {"n_components": self.n_components}, {"fitted": fitted}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        found = cls(**settings)
        found.mean_, found.components_ = parts["fitted"]["mean"], parts["fitted"]["components"]
        return found


def _counts(spectra: Any) -> NDArray[np.float32]:
    held = spectra if isinstance(spectra, BinnedSpectra) else BinnedSpectra.from_spectra(spectra)
    return held.counts


def _roots(spectra: Any) -> NDArray[np.float64]:
    c = _counts(spectra).astype(float)
    return np.sqrt(c / np.maximum(c.sum(axis=1, keepdims=True), 1.0))
