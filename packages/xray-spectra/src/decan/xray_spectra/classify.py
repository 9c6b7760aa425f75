"""Classes and physical quantities from latents, and neighbours among known sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.saved import Saved

from .latents import Latents

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LatentClassifier", "LatentRegressor", "nearest", "split_by_source"]

_FEWEST = 5
_METHODS = ("forest", "clusters", "hdbscan", "neighbours")
_DENSE = 10


class LatentClassifier(Saved):
    """Calibrated class probabilities from latents.

    Parameters
    ----------
    method : {'forest', 'clusters', 'hdbscan', 'neighbours'}
        A random forest; Gaussian clusters, or dense ones of any shape (HDBSCAN; sources between
        them belong to the nearest), each a mixture of the classes that the training sources in it
        have (as in the paper; the test labels are never looked at); or the nearest neighbours.
    n_clusters : int
        Number of Gaussian clusters.
    use_counts : bool
        Whether the logarithm of the counts is a feature too; not for clusters.
    balanced : bool
        Whether classes are taken as equally common.
    random_state : int
        Seed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = np.concatenate([rng.normal(-2, 1, (40, 2)), rng.normal(2, 1, (40, 2))])
    >>> classifier = LatentClassifier().fit(z, ["a"] * 40 + ["b"] * 40)
    >>> classifier.predict([[-2, -2], [2, 2]])
    array(['a', 'b'], dtype='<U1')
    """

    def __init__(
        self,
        method: str = "forest",
        *,
        n_clusters: int = 8,
        use_counts: bool = True,
        balanced: bool = True,
        random_state: int = 0,
    ) -> None:
        if method not in _METHODS:
            raise ValueError(f"method: {method!r} is none of {', '.join(map(repr, _METHODS))}")
        self.method = method
        self.n_clusters = n_clusters
        self.use_counts = use_counts
        self.balanced = balanced
        self.random_state = random_state

    def fit(self, latents: Latents | ArrayLike, classes: ArrayLike) -> Self:
        """Fit, and calibrate on folds of the training sources.

        Parameters
        ----------
        latents : Latents or array_like, shape (n, k)
            Rows without latents are left out.
        classes : array_like of str, shape (n,)
            Classes.

        Returns
        -------
        LatentClassifier
            Itself.

        Raises
        ------
        ValueError
            If a class has fewer than 5 members, named in the message; or if HDBSCAN finds no
            two dense clusters.
        """
        X, good = self._features(latents)
        y = np.asarray(classes, dtype=str)
        if len(y) != len(good):
            raise ValueError(f"classes: {len(y)} for {len(good)} spectra")
        X, y = X[good], y[good]
        self.classes_, index, sizes = np.unique(y, return_inverse=True, return_counts=True)
        if sizes.min() < _FEWEST:
            rare = str(self.classes_[int(np.argmin(sizes))])
            raise ValueError(
                f"classes: {rare!r} has {sizes.min()} members, at least {_FEWEST} are needed to "
                "calibrate; leave it out or join it to another"
            )
        self.temperature_ = 1.0
        if self.method == "forest":
            self.temperature_ = self._cross_temperature(X, index)
        self._fit(X, index)
        return self

    def predict_proba(self, latents: Latents | ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the classes.

        Parameters
        ----------
        latents : Latents or array_like, shape (n, k)
            As in training.

        Returns
        -------
        ndarray, shape (n, n_classes)
            In the order of ``classes_``; NaN where there are no latents.
        """
        X, good = self._features(latents)
        found = np.full((len(X), len(self.classes_)), np.nan)
        if good.any():
            found[good] = _tempered(self._raw(X[good]), self.temperature_)
        return found

    def predict(self, latents: Latents | ArrayLike) -> NDArray[Any]:
        """The most probable class.

        Parameters
        ----------
        latents : Latents or array_like, shape (n, k)
            As in training.

        Returns
        -------
        ndarray of str, shape (n,)
            Empty where there are no latents.
        """
        p = self.predict_proba(latents)
        known = np.isfinite(p[:, 0])
        best = np.where(known, np.nan_to_num(p).argmax(axis=1), 0)
        return np.where(known, self.classes_[best], "")

    def _features(self, latents: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if isinstance(latents, Latents):
            counts = self.use_counts and self.method not in ("clusters", "hdbscan")
            X = latents.features() if counts else latents.values
        else:
            X = np.asarray(latents, dtype=float)
        return X, np.asarray(np.isfinite(X).all(axis=1))

    def _fit(self, X: Any, index: Any) -> None:
        if self.method == "clusters":
            from sklearn.mixture import GaussianMixture

            self.model_ = GaussianMixture(
                self.n_clusters, random_state=self.random_state, reg_covar=1e-3, n_init=3
            ).fit(X)
            self._name_clusters(self.model_.predict_proba(X), index)
        elif self.method == "hdbscan":
            self.scale_ = X.std(axis=0) + 1e-9
            self.known_, self.index_ = _dense_members(X / self.scale_)
            self._name_clusters(self._nearest_cluster(X), index)
        elif self.method == "forest":
            self.model_ = _forest(self.balanced, self.random_state).fit(X, index)
        else:
            self.scale_ = X.std(axis=0) + 1e-9
            self.known_, self.index_ = X / self.scale_, index

    def _name_clusters(self, share: Any, index: Any) -> None:
        """Classes of each cluster: those of its training members, classes counting the same."""
        member = np.eye(len(self.classes_))[index]
        if self.balanced:
            member = member / member.sum(axis=0)
        named = share.T @ member
        self.cluster_classes_ = named / np.maximum(named.sum(axis=1, keepdims=True), 1e-12)

    def _nearest_cluster(self, X: Any) -> NDArray[np.float64]:
        """One for the cluster of the nearest member, zero for the others."""
        from scipy.spatial import cKDTree

        _, near = cKDTree(self.known_).query(X / self.scale_)
        return np.asarray(np.eye(int(self.index_.max()) + 1)[self.index_[near]])

    def _raw(self, X: Any) -> NDArray[np.float64]:
        if self.method == "clusters":
            return np.asarray(self.model_.predict_proba(X) @ self.cluster_classes_)
        if self.method == "hdbscan":
            return np.asarray(self._nearest_cluster(X) @ self.cluster_classes_)
        if self.method == "forest":
            return np.asarray(self.model_.predict_proba(X))
        from scipy.spatial import cKDTree

        k = min(30, len(self.known_))
        _, near = cKDTree(self.known_).query(X / self.scale_, k=k)
        votes = np.eye(len(self.classes_))[self.index_[near.reshape(len(X), k)]].sum(axis=1)
        if self.balanced:
            votes = votes / np.bincount(self.index_, minlength=len(self.classes_))
        votes = votes + 0.5 / len(self.classes_) * votes.sum(axis=1, keepdims=True) / k
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))

    def _cross_temperature(self, X: Any, index: Any) -> float:
        from decan.core.data.splits import group_folds
        from decan.core.metrics import TemperatureCalibrator

        out = np.zeros((len(X), len(self.classes_)))
        for train, test in group_folds(np.arange(len(X)), 3, stratify=index, rng=self.random_state):
            self._fit(X[train], index[train])
            out[test] = self._raw(X[test])
        return float(TemperatureCalibrator().fit(_tempered(out, 1.0), index).temperature_)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        names = ("method", "n_clusters", "use_counts", "balanced", "random_state")
        settings = {name: getattr(self, name) for name in names}
        fitted = {"classes": self.classes_, "temperature": np.asarray(self.temperature_)}
        parts: dict[str, Any] = {"fitted": fitted}
        if self.method in ("hdbscan", "neighbours"):
            fitted |= {"scale": self.scale_, "known": self.known_, "index": self.index_}
        else:
            parts["model"] = self.model_
        if self.method in ("clusters", "hdbscan"):
            fitted["cluster_classes"] = self.cluster_classes_
        return settings, parts

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        found = cls(**settings)
        for name, value in parts["fitted"].items():
            setattr(found, f"{name}_", value)
        found.temperature_ = float(found.temperature_)
        if "model" in parts:
            found.model_ = parts["model"]
        return found

    def __repr__(self) -> str:
        classes = getattr(self, "classes_", ())
        return f"LatentClassifier({self.method}, {len(classes) or 'no'} classes)"


class LatentRegressor(Saved):
    """Physical quantities from latents, with their spread.

    Parameters
    ----------
    targets : sequence of str
        Names of the quantities, for example ``('log_nh', 'gamma')``.
    use_counts : bool
        Whether the logarithm of the counts is a feature too.
    random_state : int
        Seed.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(200, 2))
    >>> regressor = LatentRegressor(["sum"]).fit(z, {"sum": z.sum(axis=1)})
    >>> list(regressor.predict(z[:3]))
    ['sum', 'sum_sigma']
    """

    def __init__(
        self, targets: Any = ("log_nh",), *, use_counts: bool = True, random_state: int = 0
    ) -> None:
        self.targets = tuple(targets)
        self.use_counts = use_counts
        self.random_state = random_state

    def fit(self, latents: Latents | ArrayLike, truth: Any) -> Self:
        """Fit a forest to each quantity, on the rows where it is known.

        Parameters
        ----------
        latents : Latents or array_like, shape (n, k)
            Rows without latents are left out.
        truth : mapping or DataFrame
            Columns by name; NaN where unknown.

        Returns
        -------
        LatentRegressor
            Itself.

        Raises
        ------
        ValueError
            If a target is not in the truth, or known in fewer than 10 rows.
        """
        from sklearn.ensemble import RandomForestRegressor

        X = self._features(latents)
        self.models_, self.spread_ = {}, {}
        for name in self.targets:
            if name not in truth:
                raise ValueError(f"truth: no {name!r}; it has {', '.join(map(str, truth))}")
            y = np.asarray(truth[name], dtype=float)
            if len(y) != len(X):
                raise ValueError(f"truth: {len(y)} values of {name!r} for {len(X)} spectra")
            rows = np.flatnonzero(np.isfinite(y) & np.isfinite(X).all(axis=1))
            if rows.size < 10:
                raise ValueError(f"truth: {name!r} is known in {rows.size} rows, 10 are needed")
            forest = RandomForestRegressor(
                100, min_samples_leaf=5, oob_score=True, random_state=self.random_state
            ).fit(X[rows], y[rows])
            # 1 sigma of what the trees outside the bag missed, as a function of their spread.
            self.models_[name] = forest
            miss = np.abs(forest.oob_prediction_ - y[rows])
            spread = _tree_spread(forest, X[rows])
            self.spread_[name] = float(np.quantile(miss / np.maximum(spread, 1e-9), 0.6827))
        return self

    def predict(self, latents: Latents | ArrayLike) -> pd.DataFrame:
        """Quantities and their 1σ.

        Parameters
        ----------
        latents : Latents or array_like, shape (n, k)
            As in training.

        Returns
        -------
        pandas.DataFrame
            A column a quantity and one named ``<quantity>_sigma``; NaN without latents.
        """
        import pandas as pd

        X = self._features(latents)
        good = np.isfinite(X).all(axis=1)
        found = pd.DataFrame(index=range(len(X)))
        for name in self.targets:
            value, sigma = np.full((2, len(X)), np.nan)
            if good.any():
                value[good] = self.models_[name].predict(X[good])
                sigma[good] = self.spread_[name] * _tree_spread(self.models_[name], X[good])
            found[name], found[f"{name}_sigma"] = value, sigma
        return found

    def _features(self, latents: Any) -> NDArray[np.float64]:
        if isinstance(latents, Latents):
            return latents.features() if self.use_counts else latents.values
        return np.asarray(latents, dtype=float)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {"targets": list(self.targets), "use_counts": self.use_counts,
                    "random_state": self.random_state}  # fmt: skip
        spread = {name: np.asarray(value) for name, value in self.spread_.items()}
        return settings, {"models": dict(self.models_), "spread": spread}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        found = cls(**settings)
        found.models_ = parts["models"]
        found.spread_ = {name: float(value) for name, value in parts["spread"].items()}
        return found


def nearest(
    latents: Latents, reference: Latents, k: int = 5
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Nearest rows of a reference, in units of the errors of both.

    Parameters
    ----------
    latents, reference : Latents
        Whose neighbours, and among whom.
    k : int
        How many.

    Returns
    -------
    rows : ndarray of int, shape (n, k)
        Rows of the reference, nearest first; -1 where there are no latents.
    distance : ndarray, shape (n, k)
        Root mean square of the latents' differences, in σ.

    Examples
    --------
    >>> z, ones, text = np.arange(6.0).reshape(3, 2), np.ones(3), ("",) * 3
    >>> one = Latents(z, np.ones((3, 2)), ones, ones, text, text, text)
    >>> nearest(one, one, k=2)[0].tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    rows = np.full((len(latents), k), -1)
    distance = np.full((len(latents), k), np.nan)
    known = np.flatnonzero(reference.encoded)
    for i in np.flatnonzero(latents.encoded):
        variance = latents.sigma[i] ** 2 + reference.sigma[known] ** 2
        d = np.sqrt(((reference.values[known] - latents.values[i]) ** 2 / variance).mean(axis=1))
        order = np.argsort(d, kind="stable")[:k]
        rows[i, : order.size], distance[i, : order.size] = known[order], d[order]
    return rows, distance


def split_by_source(
    names: ArrayLike, test_share: float = 0.2, *, rng: np.random.Generator | int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and test rows such that no source is in both.

    Parameters
    ----------
    names : array_like of str, shape (n,)
        Name of the source of each spectrum; one source may have many spectra.
    test_share : float
        Share of rows for the test.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    train, test : ndarray of int
        Row numbers.

    Examples
    --------
    >>> train, test = split_by_source(["a", "a", "b", "c"], 0.25, rng=0)
    >>> set(np.array(["a", "a", "b", "c"])[train]) & set(np.array(["a", "a", "b", "c"])[test])
    set()
    """
    from decan.core.data.splits import check_no_leak, group_split

    groups = np.asarray(names)
    train, test = group_split(groups, [1 - test_share, test_share], rng=rng)
    check_no_leak(groups[train], groups[test])
    return train, test


def _dense_members(X: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Rows in dense clusters and the number of each one's cluster, the finest that hold."""
    from sklearn.cluster import HDBSCAN

    for size in (_DENSE, _DENSE // 2):
        labels = HDBSCAN(
            size, min_samples=_DENSE // 2, cluster_selection_method="leaf", copy=True
        ).fit_predict(X)
        if labels.max() > 0:
            dense = labels >= 0
            return X[dense], labels[dense].astype(np.int64)
    raise ValueError(
        f"hdbscan: no two dense clusters among {len(X):,} sources; use 'clusters', or more sources"
    )


def _forest(balanced: bool, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    weight = "balanced_subsample" if balanced else None
    return RandomForestClassifier(200, min_samples_leaf=3, class_weight=weight, random_state=seed)


def _tree_spread(forest: Any, X: Any) -> NDArray[np.float64]:
    return np.asarray(np.std([tree.predict(X) for tree in forest.estimators_], axis=0))


def _tempered(p: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    log = np.log(np.clip(p, 1e-4, 1.0)) / temperature
    p = np.exp(log - log.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)
