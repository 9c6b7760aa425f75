"""``StellarMassEstimator``: photometry or cutouts in, the mass with its density out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from decan.core.data.splits import group_folds
from decan.core.saved import Saved

from .calibration import beta_transformed, pool_beta
from .densities import BinnedDensity
from .inputs import as_target, check_aligned
from .members import Members, Settings
from .pixels import check_cutouts

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

__all__ = ["StellarMassEstimator", "out_of_fold_density"]

INPUTS = ("photometry", "images", "images+extra")
NETWORKS = ("small", "paper")
DENSITIES = ("mixture", "bins")


class StellarMassEstimator(Saved, RegressorMixin, BaseEstimator):
    """Stellar mass, or any other number, with a calibrated density.

    An ensemble of small networks, each trained without one part of the groups, whose pooled
    density is calibrated on what each has not seen. Missing values are NaN and stay legal, also
    negative fluxes; magnitudes and fluxes become colours by the names of their columns
    (:class:`~decan.stellar_mass.features.PhotometricFeatures`).

    Parameters
    ----------
    inputs : {'photometry', 'images', 'images+extra'}
        What ``X`` is: a table; cutouts, shape (n, bands, size, size); or both as a tuple.
    network : {'small', 'paper'}
        Ours, or exactly that of Zhang et al. 2025 (large; binned density).
    density : {'mixture', 'bins'}
        A smooth mixture of Gaussians, or free bins for tens of thousands of objects and more.
    bins : int
        Bins of the density between ``low`` and ``high``.
    low, high : float
        Range of the target; a target outside is refused.
    members : int, optional
        Networks; 10 for photometry and 1 for images without it.
    epochs : int, optional
        Passes over the data; by the number of rows without it.
    contrastive : bool
        Whether the paper's networks get their contrastive objective.
    random_state : int or None
        Decides on everything random.
    progress : bool
        Whether to show a bar.

    Attributes
    ----------
    n_members_ : int
        Networks.
    beta_ : (float, float)
        The calibration; (1, 1) changes nothing.
    pit_ : ndarray, shape (n,)
        Out-of-fold integral transforms of the training rows before calibration.

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> mass = rng.uniform(9, 11, 300)
    >>> r, i = 30 - mass + rng.normal(0, 0.3, (2, 300))
    >>> table = pd.DataFrame({"mag_r": r, "mag_i": i})
    >>> model = StellarMassEstimator(members=2, epochs=30, random_state=0, progress=False)
    >>> model.fit(table, mass).predict(table).shape, model.predict_interval(table).shape
    ((300,), (300, 2))
    """

    _shipped = "photometry"

    def __init__(
        self,
        *,
        inputs: str = "photometry",
        network: str = "small",
        density: str = "mixture",
        bins: int = 520,
        low: float = 6.0,
        high: float = 12.5,
        members: int | None = None,
        epochs: int | None = None,
        contrastive: bool = False,
        random_state: int | None = None,
        progress: bool = True,
    ) -> None:
        self.inputs, self.network, self.density = inputs, network, density
        self.bins, self.low, self.high = bins, low, high
        self.members, self.epochs, self.contrastive = members, epochs, contrastive
        self.random_state, self.progress = random_state, progress

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Train the ensemble and calibrate it.

        Parameters
        ----------
        X : DataFrame, array_like or tuple
            See ``inputs``.
        y : array_like, shape (n,)
            Target, log10 of solar masses for a mass.
        groups : array_like, shape (n,), optional
            Objects of one group are never on both sides of a split.
        checkpoint : path-like, optional
            Where an image network saves its training, and from where it goes on.

        Returns
        -------
        StellarMassEstimator
            Itself.

        Raises
        ------
        ValueError
            If inputs are malformed, or the target lies outside ``low`` and ``high``.
        """
        settings = self._settings()
        target = as_target(y, low=self.low, high=self.high)
        pixels, table = self._taken(X)
        check_aligned(X=target if pixels is None else pixels, y=target, groups=groups)
        if table is not None:
            check_aligned(X=table, y=y, groups=groups)
        labels = np.arange(len(target)) if groups is None else np.asarray(groups)
        self.members_ = Members(settings)
        rounds = self.members_.fit(pixels, table, target, labels, checkpoint)
        self.n_members_ = len(self.members_.networks)
        self.pit_, self.beta_ = pool_beta(rounds, self.n_members_)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Mean of the density, in units of the target.

        Parameters
        ----------
        X : DataFrame, array_like or tuple
            As in ``fit``.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        ValueError
            If inputs are malformed.
        """
        return self.predict_density(X).mean()

    def predict_density(self, X: Any) -> BinnedDensity:
        """Calibrated density of every object.

        Parameters
        ----------
        X : DataFrame, array_like or tuple
            As in ``fit``.

        Returns
        -------
        BinnedDensity
            Edges and probabilities; mean, quantiles, log density at a value.

        Raises
        ------
        ValueError
            If inputs are malformed.
        """
        check_is_fitted(self, "members_")
        return beta_transformed(self.members_.binned(*self._taken(X)), *self.beta_)

    def predict_interval(self, X: Any, level: float = 0.68) -> NDArray[np.float64]:
        """Central interval that holds ``level`` of the probability.

        Parameters
        ----------
        X : DataFrame, array_like or tuple
            As in ``fit``.
        level : float in (0, 1)
            Probability.

        Returns
        -------
        ndarray, shape (n, 2)

        Raises
        ------
        ValueError
            If inputs are malformed.
        """
        return self.predict_density(X).interval(level)

    def latent(self, X: Any, member: int = 0) -> NDArray[np.float64]:
        """Latent vectors of one member: all that it knows about the target.

        Parameters
        ----------
        X : DataFrame, array_like or tuple
            As in ``fit``.
        member : int
            Which network; each has a space of its own.

        Returns
        -------
        ndarray, shape (n, latent)

        Raises
        ------
        ValueError
            If inputs are malformed.
        """
        check_is_fitted(self, "members_")
        return self.members_.latent(*self._taken(X), member)

    def _settings(self) -> Settings:
        for name, value, known in (
            ("inputs", self.inputs, INPUTS),
            ("network", self.network, NETWORKS),
            ("density", self.density, DENSITIES),
        ):
            if value not in known:
                raise ValueError(f"{name}: {value!r} is none of {', '.join(known)}")
        if not self.low < self.high or self.bins < 2:
            raise ValueError(f"low, high, bins: {self.low}, {self.high}, {self.bins} span no bins")
        if self.contrastive and self.network != "paper":
            raise ValueError(
                "contrastive: only the paper's networks have a decoder; network='paper'"
            )
        paper = self.network == "paper"
        few = 1 if self.inputs != "photometry" or paper else 10
        return Settings(
            inputs=self.inputs,
            network=self.network,
            density="bins" if paper else self.density,
            bins=self.bins,
            low=self.low,
            high=self.high,
            members=self.members or few,
            epochs=self.epochs,
            contrastive=self.contrastive,
            seed=int(np.random.default_rng(self.random_state).integers(2**31)),
            progress=self.progress,
        )

    def _taken(self, X: Any) -> tuple[NDArray[np.float32] | None, Any]:
        """Cutouts and table out of what the user gave."""
        if self.inputs == "photometry":
            return None, X
        if self.inputs == "images":
            return check_cutouts(X), None
        if not isinstance(X, tuple) or len(X) != 2:
            raise ValueError("X: expected a tuple (cutouts, table) for inputs='images+extra'")
        pixels = check_cutouts(X[0])
        check_aligned(cutouts=pixels, table=X[1])
        return pixels, X[1]

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        check_is_fitted(self, "members_")
        settings, parts = self.members_.state()
        arrays = {"beta": np.asarray(self.beta_), "pit": self.pit_.astype(np.float32)}
        return {"estimator": self.get_params(), "members": settings}, {
            **parts,
            "calibration": arrays,
        }

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        self = cls(**settings["estimator"])
        self.members_ = Members.from_state(self._settings(), settings["members"], parts)
        self.n_members_ = len(self.members_.networks)
        a, b = parts["calibration"]["beta"]
        self.beta_, self.pit_ = (float(a), float(b)), parts["calibration"]["pit"].astype(float)
        return self


def out_of_fold_density(
    estimator: StellarMassEstimator,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    folds: int = 5,
    rng: np.random.Generator | int | None = None,
) -> BinnedDensity:
    """Densities of objects by models that have seen nothing of their groups.

    Parameters
    ----------
    estimator : StellarMassEstimator
        Settings; it is cloned and stays unfitted.
    X, y
        As in ``fit``.
    groups : array_like, shape (n,), optional
        Groups.
    folds : int
        Folds by group.
    rng : numpy.random.Generator or int, optional
        Of the folds (SPEC 7).

    Returns
    -------
    BinnedDensity
        In the order of the rows.

    Raises
    ------
    ValueError
        As ``fit``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mass = rng.uniform(9, 11, 200)
    >>> x = mass[:, None] + rng.normal(size=(200, 1))
    >>> model = StellarMassEstimator(members=2, epochs=5, random_state=0, progress=False)
    >>> len(out_of_fold_density(model, x, mass, folds=2, rng=0))
    200
    """
    target = as_target(y)
    labels = np.arange(len(target)) if groups is None else np.asarray(groups)
    edges, whole = None, None
    for train, test in group_folds(labels, folds, rng=rng):
        fitted = clone(estimator).fit(_rows(X, train), target[train], groups=labels[train])
        found = fitted.predict_density(_rows(X, test))
        if whole is None:
            edges, whole = found.edges, np.empty((len(target), found.probability.shape[1]))
        whole[test] = found.probability
    assert edges is not None
    assert whole is not None
    return BinnedDensity(edges, whole)


def _rows(X: Any, rows: NDArray[np.intp]) -> Any:
    if isinstance(X, tuple):
        return tuple(_rows(one, rows) for one in X)
    return X.iloc[rows] if hasattr(X, "iloc") else np.asarray(X)[rows]
