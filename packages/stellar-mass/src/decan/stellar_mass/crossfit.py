"""Cross-fitted conditional densities: what an input says about objects that it has not seen.

The target is turned into normal scores first, so that the density without any input is the
standard normal exactly and monotone changes of units change nothing. Experts predict the
score (straight lines on scores, curves on the columns themselves, boosted trees, or any
regressor); their out-of-fold predictions are stacked; a spread and a shape are fitted to the
residuals; and the result is pooled with the density without input and with those of the parts
of a union, by weights learned on rows of other groups. An input without information then ends
at the density without input, and a union never falls below its parts by over-fitting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from decan.core.data.splits import group_folds

from .densities import MixtureDensity
from .inputs import Columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CrossFit", "CrossFitter", "normal_scores", "pooled_with_parts"]

LEAST_PRIOR = 1e-3
_SAME_WEIGHT = 1e-4
_CURVED_COLUMNS = 24
_FEW_ROWS = 60
_ROWS_FOR_THREADS = 20_000


def normal_scores(values: ArrayLike) -> NDArray[np.float64]:
    """Standard normal quantiles of the ranks of each column, NaN where a value is missing.

    Parameters
    ----------
    values : array_like, shape (n,) or (n, d)
        Numbers; equal ones get equal scores.

    Returns
    -------
    ndarray of float, same shape

    Examples
    --------
    >>> normal_scores([10, 1000, 20]).round(2)
    array([-0.97,  0.97,  0.  ])
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    array = np.asarray(values, dtype=np.float64)
    rank = rankdata(array, axis=0, nan_policy="omit")
    known = (~np.isnan(array)).sum(axis=0)
    return np.asarray(ndtri((rank - 0.5) / known))


@dataclass
class CrossFit:
    """Out-of-fold densities of a target given one set of columns.

    Parameters
    ----------
    density : MixtureDensity
        In normal scores of the target; its density without input is the standard normal.
    predictions : ndarray, shape (n, experts)
        Out-of-fold predictions of the experts.
    score : ndarray, shape (n,)
        Normal score of the target.
    weights : ndarray, shape (folds, candidates)
        Weights in the pool, the density without input last.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(500, 1))
    >>> fitted = CrossFitter(rng=0).fit(x, x[:, 0] + rng.normal(size=500))
    >>> bool(abs(fitted.information().mean() - 0.347) < 0.1)  # ln(2) / 2
    True
    """

    density: MixtureDensity
    predictions: NDArray[np.float64]
    score: NDArray[np.float64]
    weights: NDArray[np.float64] = field(repr=False)

    def information(self) -> NDArray[np.float64]:
        """Pointwise information (nats) of each object: log p(y | x) - log p(y), shape (n,)."""
        prior = -0.5 * self.score**2 - 0.5 * np.log(2 * np.pi)
        return np.asarray(self.density.logpdf(self.score) - prior)


class CrossFitter:
    """Fits the density of one target from several sets of columns, on the same folds.

    Parameters
    ----------
    folds : int
        Number of folds by group.
    regressors : sequence of scikit-learn regressors, optional
        In place of the default experts. They are cloned; where the columns have missing values
        they must take NaN.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Examples
    --------
    >>> x = np.random.default_rng(1).normal(size=(300, 2))
    >>> CrossFitter(rng=0).fit(x, x[:, 0]).predictions.shape
    (300, 3)
    """

    def __init__(
        self,
        *,
        folds: int = 5,
        regressors: Sequence[Any] | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.folds, self.regressors = folds, regressors
        self._seed = int(np.random.default_rng(rng).integers(2**31))
        self._cuts: tuple[bytes, list[Any]] | None = None

    def fit(
        self,
        x: Columns | ArrayLike,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        parts: Sequence[CrossFit] = (),
    ) -> CrossFit:
        """Out-of-fold densities of y given x.

        Parameters
        ----------
        x : Columns or array_like, shape (n, d)
            Inputs, NaN where missing.
        y : array_like, shape (n,)
            Target.
        groups : array_like, shape (n,), optional
            Rows of one group are never on both sides of a fold.
        parts : sequence of CrossFit
            Fits from parts of the columns on the same rows, which join the pool.

        Returns
        -------
        CrossFit

        Raises
        ------
        ValueError
            If there are fewer groups than folds.
        """
        values = (
            x.values if isinstance(x, Columns) else np.atleast_2d(np.asarray(x, dtype=float).T).T
        )
        score = normal_scores(y)
        cuts = self._split(len(score), groups)
        predictions = np.column_stack(
            [self._predictions(values, score, cuts), *(part.predictions for part in parts)]
        )
        own = predictions.shape[1] - sum(part.predictions.shape[1] for part in parts)
        pools, weights = [], []
        for train, test in cuts:
            location = _Location().fit(predictions[train], score[train])
            candidates = [location, *(_Given(part.density) for part in parts), _Prior()]
            pooled, share = _pooled(candidates, predictions, score, train, test)
            pools.append((test, pooled))
            weights.append(share)
        return CrossFit(_joined(pools, len(score)), predictions[:, :own], score, np.stack(weights))

    def _split(self, n: int, groups: ArrayLike | None) -> list[Any]:
        labels = np.arange(n) if groups is None else np.asarray(groups)
        key = labels.tobytes() if labels.dtype != object else repr(labels.tolist()).encode()
        if self._cuts is None or self._cuts[0] != key:
            self._cuts = (key, group_folds(labels, self.folds, rng=self._seed))
        return self._cuts[1]

    def _predictions(
        self, values: NDArray[np.float64], score: NDArray[np.float64], cuts: list[Any]
    ) -> NDArray[np.float64]:
        makers: list[Callable[[], Any]]
        if self.regressors is None:
            makers = [_Lines]
            if values.shape[1] <= _CURVED_COLUMNS:
                makers.append(_Curves)
            makers.append(lambda: _trees(self._seed))
        else:
            from sklearn.base import clone

            makers = [lambda one=one: clone(one) for one in self.regressors]  # type: ignore[misc]
        out = np.zeros((len(score), len(makers)))
        # Threads of trees on a few thousand rows wait for each other; on a busy machine, minutes.
        with threadpool_limits(1 if len(score) < _ROWS_FOR_THREADS else None):
            for train, test in cuts:
                for j, make in enumerate(makers):
                    out[test, j] = make().fit(values[train], score[train]).predict(values[test])
        return out


def pooled_with_parts(
    density: MixtureDensity,
    predictions: NDArray[np.float64],
    score: NDArray[np.float64],
    cuts: Sequence[Any],
    parts: Sequence[CrossFit],
) -> CrossFit:
    """Out-of-fold densities pooled with those of parts and with the density without input.

    Parameters
    ----------
    density : MixtureDensity
        Out of fold, in normal scores.
    predictions : ndarray, shape (n, experts)
        Out-of-fold predictions behind it.
    score : ndarray, shape (n,)
        Normal score of the target.
    cuts : sequence of (train, test)
        The folds; the weights for one are learned on the others.
    parts : sequence of CrossFit
        Fits from parts of the columns.

    Returns
    -------
    CrossFit

    Examples
    --------
    >>> score = normal_scores(np.random.default_rng(0).normal(size=40))
    >>> wide = MixtureDensity(np.ones((40, 1)), np.zeros((40, 1)), np.full((40, 1), 9.0))
    >>> halves = np.arange(20), np.arange(20, 40)
    >>> fit = pooled_with_parts(wide, score[:, None], score, [halves, halves[::-1]], ())
    >>> bool((fit.weights[:, -1] > 0.9).all())  # the density without input is the better one
    True
    """
    pools, weights = [], []
    candidates = [_Given(density), *(_Given(part.density) for part in parts), _Prior()]
    for train, test in cuts:
        pooled, share = _pooled(candidates, predictions, score, train, test)
        pools.append((test, pooled))
        weights.append(share)
    return CrossFit(_joined(pools, len(score)), predictions, score, np.stack(weights))


class _Lines:
    """Ridge regression on normal scores of the columns, with a flag for missing values."""

    curved = False

    def fit(self, x: NDArray[np.float64], z: NDArray[np.float64]) -> _Lines:
        self.sorted_ = [np.sort(column[~np.isnan(column)]) for column in x.T]
        self.fill_ = np.array([np.median(s) if s.size else 0.0 for s in self.sorted_])
        self.middle_ = np.array([np.mean(s) if s.size else 0.0 for s in self.sorted_])
        self.width_ = np.array([np.std(s) if s.size else 1.0 for s in self.sorted_])
        self.width_[self.width_ == 0] = 1.0
        self.gaps_ = np.flatnonzero(np.isnan(x).any(axis=0))
        features = self._features(x)
        self.shift_ = features.mean(axis=0)
        centred = features - self.shift_
        self.level_ = float(z.mean())
        self.slope_ = _ridge(centred, z - self.level_)
        return self

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((self._features(x) - self.shift_) @ self.slope_ + self.level_)

    def _features(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import ndtri

        missing = np.isnan(x)
        columns = []
        for j, known in enumerate(self.sorted_):
            if known.size == 0:
                continue
            value = np.where(missing[:, j], self.fill_[j], x[:, j])
            rank = 0.5 * (np.searchsorted(known, value) + np.searchsorted(known, value, "right"))
            columns.append(ndtri((rank + 0.5) / (known.size + 1)))
        columns += [missing[:, j].astype(float) for j in self.gaps_]
        return np.column_stack(columns) if columns else np.zeros((len(x), 1))


class _Curves(_Lines):
    """Ridge regression on the columns themselves, their squares and products."""

    def _features(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        missing = np.isnan(x)
        filled = np.where(missing, self.fill_, x)
        scaled = np.clip((filled - self.middle_) / self.width_, -6, 6)
        upper = np.triu_indices(scaled.shape[1])
        products = scaled[:, upper[0]] * scaled[:, upper[1]]
        return np.column_stack([scaled, products, missing[:, self.gaps_].astype(float)])


def score_features(values: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], Any]:
    """The map from columns to normal scores and flags of gaps, as learned from some rows."""
    lines = _Lines().fit(values, np.zeros(len(values)))
    return lines._features


def _trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=20,
        l2_regularization=1.0, random_state=seed,
    )  # fmt: skip


def _ridge(features: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes at the penalty that predicts left-out rows best (closed form)."""
    u, s, vt = np.linalg.svd(features, full_matrices=False)
    projected = u.T @ z
    n = len(z)
    best, slope = np.inf, np.zeros(features.shape[1])
    for penalty in n * np.logspace(-6, 1, 15):
        shrunk = s**2 / (s**2 + penalty)
        residual = z - u @ (shrunk * projected)
        leverage = np.minimum((u**2 @ shrunk) + 1 / n, 0.999)
        loss = float(np.mean((residual / (1 - leverage)) ** 2))
        if loss < best:
            best, slope = loss, vt.T @ (np.where(s > 0, s / (s**2 + penalty), 0.0) * projected)
    return slope


class _Location:
    """Stacked location, smooth spread, and shape of the residuals."""

    def fit(self, predictions: NDArray[np.float64], z: NDArray[np.float64]) -> _Location:
        from scipy.optimize import nnls

        self.centre_, self.level_ = predictions.mean(axis=0), float(z.mean())
        # More weights than the rows can bear are worse than the mean of the experts.
        self.share_ = nnls(predictions - self.centre_, z - self.level_)[0]
        place, cue = self._place(predictions)
        residual = z - place
        self.cue_ = cue.mean(axis=0), np.maximum(cue.std(axis=0), 1e-9)
        self.spread_ = _spread(self._scaled(cue), residual, few=len(z) < _FEW_ROWS)
        standard = residual / np.exp(self._scaled(cue) @ self.spread_)
        self.shape_ = _shape(standard, 1 if len(z) < _FEW_ROWS else 3)
        return self

    def density(self, predictions: NDArray[np.float64], rows: NDArray[np.intp]) -> MixtureDensity:
        place, cue = self._place(predictions[rows])
        spread = np.exp(self._scaled(cue) @ self.spread_)[:, None]
        weight, mean, sd = self.shape_
        return MixtureDensity(
            np.repeat(weight[None], len(place), axis=0),
            place[:, None] + spread * mean,
            spread * sd,
        )

    def _place(self, predictions: NDArray[np.float64]) -> tuple[NDArray[np.float64], Any]:
        place = (predictions - self.centre_) @ self.share_ + self.level_
        used = predictions[:, self.share_ > 0]
        disagreement = np.log(used.std(axis=1) + 0.02) if used.shape[1] > 1 else 0 * place
        return place, np.column_stack([place, place**2, disagreement])

    def _scaled(self, cue: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = np.clip((cue - self.cue_[0]) / self.cue_[1], -4, 4)
        return np.column_stack([np.ones(len(cue)), scaled])


class _Given:
    """An out-of-fold density, as it stands."""

    def __init__(self, whole: MixtureDensity) -> None:
        self.whole = whole

    def density(self, predictions: NDArray[np.float64], rows: NDArray[np.intp]) -> MixtureDensity:
        return self.whole[rows]


class _Prior:
    """The standard normal: the density without any input."""

    def density(self, predictions: NDArray[np.float64], rows: NDArray[np.intp]) -> MixtureDensity:
        ones = np.ones((len(rows), 1))
        return MixtureDensity(ones, 0 * ones, ones)


def _spread(
    cue: NDArray[np.float64], residual: NDArray[np.float64], *, few: bool
) -> NDArray[np.float64]:
    """Log spread as a linear function of the cues, by Gaussian likelihood with a mild penalty."""
    start = np.zeros(cue.shape[1])
    start[0] = np.log(max(float(np.sqrt(np.mean(residual**2))), 1e-6))
    if few:
        return start
    from scipy.optimize import minimize

    squared, n = residual**2, len(residual)

    def loss(slope: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_spread = np.clip(cue @ slope, -12, 4)
        scaled = squared * np.exp(-2 * log_spread)
        penalty = 2.0 / n * slope[1:]
        gradient = cue.T @ (1 - scaled) / n
        gradient[1:] += penalty
        value = float(np.mean(log_spread + 0.5 * scaled) + 0.5 * penalty @ slope[1:])
        return value, gradient

    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return np.asarray(found)


def _shape(
    residual: NDArray[np.float64], components: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mixture of Gaussians for standardised residuals, by expectation maximisation."""
    weight = np.full(components, 1 / components)
    mean = np.zeros(components)
    scale = float(np.std(residual)) or 1.0
    sd = scale * np.array([1.0] if components == 1 else [0.5, 1.0, 2.0])
    if components == 1:
        return weight, mean + float(np.mean(residual)), sd
    for _ in range(60):
        z = (residual[:, None] - mean) / sd
        dense = weight / sd * np.exp(-0.5 * z * z) + 1e-300
        share = dense / dense.sum(axis=1, keepdims=True)
        # Half a dozen pseudo-counts keep a component from settling on a single object.
        total = share.sum(axis=0)
        mean = (share * residual[:, None]).sum(axis=0) / (total + 6)
        second = (share * (residual[:, None] - mean) ** 2).sum(axis=0)
        sd = np.sqrt((second + 6 * scale**2) / (total + 6))
        weight = total / total.sum()
    return weight, mean, sd


def _pooled(
    candidates: Sequence[Any],
    predictions: NDArray[np.float64],
    score: NDArray[np.float64],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> tuple[MixtureDensity, NDArray[np.float64]]:
    """Densities of the test rows, pooled by the weights that suit the training rows."""
    known = [one.density(predictions, train).logpdf(score[train]) for one in candidates]
    share = pool_weights(np.stack(known, axis=1))
    return MixtureDensity.pool([one.density(predictions, test) for one in candidates], share), share


def _joined(pools: Sequence[tuple[NDArray[np.intp], MixtureDensity]], n: int) -> MixtureDensity:
    """The densities of all folds in the order of the rows."""
    width = max(one.weight.shape[1] for _, one in pools)
    whole = MixtureDensity(np.zeros((n, width)), np.zeros((n, width)), np.ones((n, width)))
    for test, one in pools:
        k = one.weight.shape[1]
        whole.weight[test, :k], whole.mean[test, :k], whole.sd[test, :k] = (
            one.weight,
            one.mean,
            one.sd,
        )
    return whole


def pool_weights(logpdf: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of a linear pool of densities with the largest likelihood; the last never 0."""
    dense = np.exp(logpdf - logpdf.max(axis=1, keepdims=True))
    share = np.full(dense.shape[1], 1 / dense.shape[1])
    for _ in range(200):
        new = share * (dense.T @ (1 / (dense @ share))) / len(dense)
        done = np.abs(new - share).max() < _SAME_WEIGHT
        share = new
        if done:
            break
    share[-1] = max(share[-1], LEAST_PRIOR)
    return np.asarray(share / share.sum())
