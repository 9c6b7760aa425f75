"""Which detections look like those of known pulsars: fitted, named, ranked, explained, doubted."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from decan.core.saved import Saved

from .catalogue import three_valued
from .clusters import CLUSTERINGS, Clusters, fit_clusters
from .features import Features, as_features, as_table
from .labels import LogisticScore, PopulationOdds, to_arrays
from .ranking import (
    at_fixed,
    source_weights,
    threshold_for_recall,
    threshold_for_share,
    vote,
)
from .surrogate import SurrogateTree
from .validation import recall_left_out, selection_stability

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AmbiguousCluster", "CandidateFinder"]

FROM_LABELS = ("pu", "odds")
METHODS = (*CLUSTERINGS, *FROM_LABELS)
"""Names of all methods."""
_LABELLED: dict[str, Any] = {"pu": LogisticScore, "odds": PopulationOdds}
_FLAGS = ("VAR_FLAG", "VAR_UNKNOWN", "IMPUTED", "variable")


class AmbiguousCluster(UserWarning):
    """Known pulsars are spread about evenly over the clusters, so none of them is theirs.

    Examples
    --------
    >>> issubclass(AmbiguousCluster, UserWarning)
    True
    """


class CandidateFinder(Saved):
    """Ranks detections by likeness to those of known pulsars, by clustering or from labels.

    Parameters
    ----------
    method : {'gmm', 'bgmm', 'kmeans', 'ward', 'fcm', 'spectral', 'hdbscan', 'pu', 'odds'}
        Clustering (the labels only name the clusters and set the threshold); or from labels,
        positive and unlabelled: 'pu', a logistic score of known against unlabelled rows,
        every source with the same weight; 'odds', the densities of the two populations
        compared, with brightness not learned from labels (:class:`~.labels.PopulationOdds`).
    n_clusters : int
        Number of clusters.
    covariance : {'diag', 'spherical', 'full'}
        Of the mixtures. Full covariances split on empty bands rather than on flux.
    flags : {'gaussian', 'bernoulli'}
        How flags such as VAR_FLAG enter a mixture ('gmm' only). As Gaussians their variance
        collapses in one cluster, and every variable row is thrown into the other.
    degree : {1, 2}
        Of the logistic score of 'pu': linear, or with squares and products. Ten labelled
        sources hardly bear more than a linear one.
    recall : float in (0, 1]
        Share of known rows that the threshold must select. That recall is then true by
        construction; :meth:`leave_one_source_out` measures the honest one.
    random_state : int, Generator or None
        Seed.

    Attributes
    ----------
    threshold_ : float
        Rows with a score of at least this are selected.
    pulsar_clusters_ : tuple of int
        The clusters named by known pulsars.
    ambiguous_ : bool
        Whether no cluster could be named.

    Examples
    --------
    >>> from decan.pulx import features_4xmm, simulate_catalogue
    >>> table = simulate_catalogue(120, 330, n_pulsars=5, n_pulsar_rows=40, n_hidden=4, rng=3)
    >>> features = features_4xmm(table)
    >>> finder = CandidateFinder(random_state=0)
    >>> finder.fit(features, known=table["known_pulsar"].to_numpy()[features.row] == 1)
    <CandidateFinder gmm: 321 rows, 38 of 5 known pulsars; selects 45 others>
    >>> finder.rank().columns[:3].tolist()
    ['source', 'score', 'n_observations']
    """

    _shipped = "swift"

    def __init__(
        self,
        method: str = "gmm",
        *,
        n_clusters: int = 2,
        covariance: str = "diag",
        flags: str = "gaussian",
        degree: int = 1,
        recall: float = 1.0,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method {method!r}: expected one of {', '.join(METHODS)}")
        if flags not in ("gaussian", "bernoulli"):
            raise ValueError(f"flags {flags!r}: expected 'gaussian' or 'bernoulli'")
        if degree not in (1, 2):
            raise ValueError(f"degree {degree}: expected 1 or 2")
        if not 0 < recall <= 1:
            raise ValueError(f"recall {recall}: expected a share in (0, 1]")
        self.method = method
        self.n_clusters = n_clusters
        self.covariance = covariance
        self.flags = flags
        self.degree = degree
        self.recall = recall
        self.random_state = random_state

    def fit(
        self,
        X: Features | pd.DataFrame | ArrayLike,
        *,
        known: ArrayLike,
        groups: ArrayLike | None = None,
        usable: ArrayLike | None = None,
    ) -> Self:
        """Fit, name the clusters by known pulsars, and set the threshold.

        Parameters
        ----------
        X : Features, DataFrame or array, shape (n, d)
            Features of detections.
        known : array_like of bool, shape (n,)
            Rows of known pulsars. What is missing (NaN, None) is not known.
        groups : array_like, shape (n,), optional
            Source of each row; taken from :class:`Features`.
        usable : array_like of bool, shape (n,), optional
            Known rows with False (blended with a neighbour, say) name no cluster and set no
            threshold; they are ranked like the others.

        Returns
        -------
        CandidateFinder

        Raises
        ------
        ValueError
            If no row or every row is known, sources are missing, or there are fewer rows
            than five times the features.
        """
        self.features_ = as_features(X, groups)
        label = np.asarray(three_valued(known, "known") == 1)
        if len(label) != len(self.features_):
            raise ValueError(f"known has {len(label)} rows, the features {len(self.features_)}")
        if usable is not None:
            label = label & np.asarray(usable, dtype=bool)
        if not label.any() or label.all():
            raise ValueError(
                f"known: {int(label.sum())} of {len(label)} rows are known pulsars; "
                "both kinds are needed to name a cluster and set a threshold"
            )
        self.known_ = label
        self._standardise()
        x = self._scaled(self.features_.table)
        if self.method in FROM_LABELS:
            self._fit_labels(x)
        else:
            self._fit_clusters(x)
        self.score_ = self._score(x)
        self.threshold_ = threshold_for_recall(self.score_[label], self.recall)
        return self

    def score_samples(self, X: Features | pd.DataFrame | ArrayLike) -> NDArray[np.float64]:
        """Log-odds of being pulsar-like.

        Parameters
        ----------
        X : Features, DataFrame or array, shape (n, d)
            The features of the fit.

        Returns
        -------
        ndarray, shape (n,)
            Difference of joint log-densities: it does not saturate. Higher is more
            pulsar-like.
        """
        table = X.table if isinstance(X, Features) else as_table(X)
        return self._score(self._scaled(table))

    def predict(self, X: Features | pd.DataFrame | ArrayLike) -> NDArray[np.bool_]:
        """Whether rows reach the threshold.

        Parameters
        ----------
        X : Features, DataFrame or array, shape (n, d)
            The features of the fit.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        return self.score_samples(X) >= self.threshold_

    def rank(self, by: str = "source", *, fixed: str | None = None) -> pd.DataFrame:
        """The fitted rows as a ranking, with what brightness alone would have said beside it.

        Parameters
        ----------
        by : {'source', 'observation'}
            Observations, or sources voted from them.
        fixed : {'flux', 'counts', None}
            Rank within rows of about the same flux (or counts, if features hold them): the
            score is then the share of such rows that score lower.

        Returns
        -------
        pandas.DataFrame
            Best first. ``rank_by_brightness`` is the place it would have by flux alone.

        Raises
        ------
        ValueError
            If an option is another word.
        """
        features = self.features_
        if by not in ("source", "observation") or fixed not in (None, "flux", "counts"):
            raise ValueError(
                f"by {by!r}, fixed {fixed!r}: expected 'source' or 'observation', and "
                "'flux', 'counts' or None"
            )
        score, threshold = self.score_, self.threshold_
        if fixed:
            score = at_fixed(score, self._brightness(fixed))
            threshold = threshold_for_recall(score[self.known_], self.recall)
        if by == "source":
            table = vote(features.source, score, threshold, known=self.known_)
            bright = vote(features.source, features.log_flux, np.inf)
            place = {name: i + 1 for i, name in enumerate(bright["source"])}
            table["rank_by_brightness"] = [place[name] for name in table["source"]]
            return table
        import pandas as pd

        table = pd.DataFrame(
            {
                "row": features.row,
                "source": features.source,
                "score": score,
                "selected": score >= threshold,
                "known": self.known_,
                "log_flux": features.log_flux,
            }
        )
        table["rank_by_brightness"] = (-table["log_flux"]).rank(method="min").astype(int)
        return table.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)

    def explain(self, max_depth: int = 3, *, share: float | None = None) -> SurrogateTree:
        """A shallow tree that repeats the clusters of the fit.

        Parameters
        ----------
        max_depth : int
            Cuts between root and leaf at most.
        share : float, optional
            Members are then the rows that are selected together with this share of the
            others; without it those on the pulsars' side of the natural boundary.

        Returns
        -------
        SurrogateTree
            Its ``fidelity`` says how far it may be trusted, its ``rules()`` what it says.
        """
        member = self.members_
        if share is not None:
            member = self.score_ >= threshold_for_share(self.score_[~self.known_], share)
        return SurrogateTree.fit(self.features_.table, member, max_depth=max_depth)

    @property
    def members_(self) -> NDArray[np.bool_]:
        """Rows on the pulsars' side of the natural boundary, where both densities are equal.

        Scores of known pulsars set no boundary here; from labels, and where no cluster
        could be named, it is the threshold.
        """
        if self.method in FROM_LABELS or self.ambiguous_:
            return np.asarray(self.score_ >= self.threshold_)
        return np.asarray(self.score_ > 0)

    def leave_one_source_out(self, share: float = 0.25, *, n_boot: int = 500) -> pd.DataFrame:
        """Recall on each known pulsar by a fit that has not seen it.

        Parameters
        ----------
        share : float
            Share of the other rows that the threshold may select; chance has this recall.
        n_boot : int
            Resamples of pulsars for the interval of the mean.

        Returns
        -------
        pandas.DataFrame
            One row a known source with ``recall`` and Wilson's interval, the recall of
            ``brightness`` alone, and a last row 'mean' over sources with a bootstrap
            interval over sources. ``attrs["n_sources"]`` counts the pulsars.

        Raises
        ------
        ValueError
            If fewer than two known sources are there.
        """
        return recall_left_out(self, share, n_boot)

    def stability(self, n_boot: int = 200, *, rng: Any = None) -> pd.DataFrame:
        """How often each source is selected when sources are resampled and all is fitted anew.

        Parameters
        ----------
        n_boot : int
            Resamples. Known pulsars and other sources are drawn apart, so that each fit has
            some of both.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        pandas.DataFrame
            ``source``, ``share`` of the fits in which most of its rows were selected, with
            Wilson's interval, most stable first.
        """
        return selection_stability(self, n_boot, rng)

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        model: dict[str, NDArray[Any]] = {
            "centre": self.centre_, "scale": self.scale_,
            "threshold": np.array(self.threshold_),
            "pulsar_clusters": np.array(self.pulsar_clusters_, dtype=np.int64),
        }  # fmt: skip
        if self.method in FROM_LABELS:
            model |= to_arrays(self.labels_)
        else:
            model |= {
                "log_weight": self.clusters_.log_weight, "mean": self.clusters_.mean,
                "covariance": self.clusters_.covariance, "binary": self.clusters_.binary,
                "share": self.clusters_.share, "known_centre": self.known_centre_,
            }  # fmt: skip
        settings = {
            "method": self.method, "n_clusters": self.n_clusters,
            "covariance": self.covariance, "flags": self.flags, "degree": self.degree,
            "recall": self.recall,
            "names": self.names_, "ambiguous": self.ambiguous_,
            "clusters": "" if self.method in FROM_LABELS else self.clusters_.kind,
        }  # fmt: skip
        return settings, {"model": model}

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> CandidateFinder:
        """The finder again: it scores rows, and holds none of those of the fit."""
        model = parts["model"]
        names, ambiguous, kind = (settings.pop(key) for key in ("names", "ambiguous", "clusters"))
        finder = cls(settings.pop("method"), **settings)
        finder.names_, finder.ambiguous_ = list(names), bool(ambiguous)
        finder.centre_, finder.scale_ = model["centre"], model["scale"]
        finder.threshold_ = float(model["threshold"])
        finder.pulsar_clusters_ = tuple(model["pulsar_clusters"].tolist())
        if finder.method in FROM_LABELS:
            kind = _LABELLED[finder.method]
            finder.labels_ = kind(**{one.name: model[one.name] for one in fields(kind)})
        else:
            names_of_parts = ("log_weight", "mean", "covariance", "binary", "share")
            finder.clusters_ = Clusters(kind, *(model[name] for name in names_of_parts))
            finder.known_centre_ = model["known_centre"]
        return finder

    def __repr__(self) -> str:
        if not hasattr(self, "threshold_"):
            return f"<CandidateFinder {self.method}, not fitted>"
        if not hasattr(self, "features_"):
            return f"<CandidateFinder {self.method}: loaded, {len(self.names_)} features>"
        known = self.known_
        sources = len(set(self.features_.source[known].tolist()))
        others = int(np.sum((self.score_ >= self.threshold_) & ~known))
        return (
            f"<CandidateFinder {self.method}: {len(known):,} rows, {int(known.sum())} of {sources} "
            f"known pulsars; selects {others:,} others>"
        )

    def _standardise(self) -> None:
        table = self.features_.table
        values = table.to_numpy(dtype=float)
        bad = ~np.isfinite(values)
        if bad.any():
            row, column = (int(i[0]) for i in np.nonzero(bad))
            raise ValueError(
                f"feature {table.columns[column]!r}: row {row} is {values[row, column]}"
            )
        spread = values.std(axis=0)
        constant = spread <= 1e-12 * np.maximum(1, np.abs(values).max(axis=0))
        if constant.any():
            names = ", ".join(str(name) for name in table.columns[constant])
            warnings.warn(f"constant features left out: {names}", stacklevel=3)
        self.names_ = [str(name) for name in table.columns[~constant]]
        if len(values) < 5 * len(self.names_):
            raise ValueError(
                f"{len(values)} rows for {len(self.names_)} features; at least five rows a feature "
                "are needed: use fewer features"
            )
        self.centre_ = values[:, ~constant].mean(axis=0)
        self.scale_ = spread[~constant]

    def _scaled(self, table: pd.DataFrame) -> NDArray[np.float64]:
        missing = [name for name in self.names_ if name not in table]
        if missing:
            raise ValueError(f"feature {missing[0]!r} is missing; the fit used {self.names_}")
        values = table[self.names_].to_numpy(dtype=float)
        return np.asarray((values - self.centre_) / self.scale_)

    def _fit_clusters(self, x: NDArray[np.float64]) -> None:
        binary = None
        if self.flags == "bernoulli":
            binary = np.array([i for i, n in enumerate(self.names_) if n in _FLAGS], dtype=np.int64)
        self.clusters_ = fit_clusters(
            self.method, x, self.n_clusters,
            covariance=self.covariance, binary=binary, rng=self.random_state,
        )  # fmt: skip
        self.known_centre_ = np.average(
            x[self.known_], axis=0, weights=source_weights(self.features_.source[self.known_])
        )
        self._name_clusters(x)

    def _name_clusters(self, x: NDArray[np.float64]) -> None:
        """The pulsars' clusters are those that hold more of the known rows than of the others."""
        joint = self.clusters_.joint_log_density(x)
        nearest = joint.argmax(axis=1)
        k = joint.shape[1]
        of_known = np.bincount(nearest[self.known_], minlength=k) / self.known_.sum()
        of_others = np.bincount(nearest[~self.known_], minlength=k) / (~self.known_).sum()
        chosen = of_known > of_others
        held = float(of_known[chosen].sum())
        self.pulsar_clusters_ = tuple(np.flatnonzero(chosen).tolist())
        self.ambiguous_ = not held >= 0.6 or not chosen.any() or chosen.all()
        if self.ambiguous_:
            warnings.warn(
                f"ambiguous_cluster: {held:.0%} of the known rows are in the clusters that prefer "
                "them; the score is the distance to the known pulsars instead",
                AmbiguousCluster,
                stacklevel=4,
            )

    def _fit_labels(self, x: NDArray[np.float64]) -> None:
        known, source = self.known_, self.features_.source
        self.labels_: LogisticScore | PopulationOdds
        if self.method == "pu":
            self.labels_ = LogisticScore.fit(x, known, source, degree=self.degree)
        else:
            self.labels_ = PopulationOdds.fit(self._plain(x), known, source, self.names_)
        self.pulsar_clusters_, self.ambiguous_ = (), False

    def _plain(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(x * self.scale_ + self.centre_)

    def _score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.method in FROM_LABELS:
            return self.labels_.odds(x if self.method == "pu" else self._plain(x))
        if self.ambiguous_:
            return -np.asarray(np.sqrt(((x - self.known_centre_) ** 2).sum(axis=1)))
        joint = self.clusters_.joint_log_density(x)
        chosen = np.zeros(joint.shape[1], dtype=bool)
        chosen[list(self.pulsar_clusters_)] = True
        return np.asarray(
            logsumexp(joint[:, chosen], axis=1) - logsumexp(joint[:, ~chosen], axis=1)
        )

    def _refit(self, features: Features, known: NDArray[np.bool_]) -> CandidateFinder:
        finder = CandidateFinder(
            self.method, n_clusters=self.n_clusters, covariance=self.covariance,
            flags=self.flags, degree=self.degree, recall=self.recall,
            random_state=self.random_state,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said once, by the fit on all rows
            return finder.fit(features, known=known)

    def _brightness(self, fixed: str) -> NDArray[np.float64]:
        if fixed == "flux":
            return self.features_.log_flux
        if self.features_.log_counts is None:
            raise ValueError("fixed='counts': the features hold no counts (EP_8_CTS)")
        return self.features_.log_counts
