"""Whether a property says something about the target once a model's latent vector is known.

Around every object the target and the query are compared among neighbours in the latent space.
Neighbourhoods are not points: inside one, both still follow the latent vector, and that alone
makes them correlate (+0.47 for eight dimensions and 100 neighbours of 20,000, although
independent). The default takes a local straight line in the latent vector out of both first,
which removes that; ``adjust="none"`` is the published recipe.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .inputs import as_columns, as_target, check_aligned, clean_sentinels, drop_constant
from .neighbours import nearest_blocks

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["IndependenceResult", "LocalIndependence"]

ADJUSTMENTS = ("local_linear", "none")
_FEWEST_PER_NEIGHBOUR = 20
_FEWEST_VALUES = 3


@dataclass(frozen=True, eq=False)
class IndependenceResult:
    """Local effects of one query, and what they amount to.

    Parameters
    ----------
    effect, low, high : float
        Mean local correlation of target and query at fixed latent vector (and condition), with
        its 68 % interval.
    p_value : float
        Of no effect anywhere, by permuting the query's local residuals.
    permuted : float
        Mean local correlation with the query permuted inside each neighbourhood.
    local, local_permuted : ndarray, shape (n,)
        Local correlations; NaN where the query or condition hardly varies.
    predictive_efficiency, predictive_efficiency_permuted : ndarray, shape (n,)
        Share of the target's local variance that a parabola in the query explains.
    q_value : ndarray, shape (n,)
        Smallest rate of false discoveries at which each object counts as one.
    rows : ndarray of int, shape (n,)
        Which of the fitted objects these are.
    undefined : int
        Neighbourhoods without a value.
    adjust : str
        What was taken out.

    Examples
    --------
    >>> from decan.stellar_mass.laboratory import mediation
    >>> made = mediation(3000, 2, direct=0.15, rng=0)
    >>> found = LocalIndependence(k=60).fit(made.latent, made.y).test(made.query, rng=0)
    >>> bool(abs(found.effect - made.partial) < 0.05), found.p_value < 0.01
    (True, True)
    """

    effect: float
    low: float
    high: float
    p_value: float
    permuted: float
    local: NDArray[np.float64]
    local_permuted: NDArray[np.float64]
    predictive_efficiency: NDArray[np.float64]
    predictive_efficiency_permuted: NDArray[np.float64]
    q_value: NDArray[np.float64]
    rows: NDArray[np.intp]
    undefined: int
    adjust: str

    def discoveries(self, rate: float = 0.05) -> NDArray[np.intp]:
        """Objects with a local effect, at most this share of them falsely."""
        return np.asarray(self.rows[self.q_value <= rate])

    def table(self) -> pd.DataFrame:
        """The result in one row."""
        import pandas as pd

        row = {
            "effect": self.effect, "low": self.low, "high": self.high, "p": self.p_value,
            "permuted": self.permuted,
            "efficiency": float(np.nanmean(self.predictive_efficiency)),
            "efficiency, permuted": float(np.nanmean(self.predictive_efficiency_permuted)),
            "objects": len(self.local), "undefined": self.undefined, "adjust": self.adjust,
        }  # fmt: skip
        return pd.DataFrame([row])

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Histograms of local correlations, as found and permuted."""
        from .plots import plot_local_effects

        return plot_local_effects({"found": self.local, "permuted": self.local_permuted}, ax=ax)

    def __repr__(self) -> str:
        blank = f", {self.undefined:,} undefined" if self.undefined else ""
        return (
            f"<local effect {self.effect:+.3f} [{self.low:+.3f}, {self.high:+.3f}], "
            f"p = {self.p_value:.2g}, permuted {self.permuted:+.3f}, n = {len(self.local):,}"
            f"{blank}, adjust={self.adjust!r}>"
        )


class LocalIndependence:
    """Test of local independence in a latent space.

    Parameters
    ----------
    k : int
        Neighbours of each object, itself left out.
    adjust : {'local_linear', 'none'}
        Whether a local straight line in the latent vector is taken out of target and query.
        Without it, finite neighbourhoods fake dependence.

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901, section on causal analysis, for the recipe; Shah &
    Peters 2020, Ann. Stat. 48, 1514, for tests by products of residuals; Benjamini & Hochberg
    1995, J. R. Stat. Soc. B 57, 289.

    Examples
    --------
    >>> from decan.stellar_mass.laboratory import mediation
    >>> made = mediation(2000, 4, rng=0)  # nothing there
    >>> found = LocalIndependence(k=50).fit(made.latent, made.y).test(made.query, rng=0)
    >>> bool(abs(found.effect) < 0.05)
    True
    """

    def __init__(self, k: int = 100, adjust: str = "local_linear") -> None:
        if adjust not in ADJUSTMENTS:
            raise ValueError(f"adjust: {adjust!r} is none of {', '.join(ADJUSTMENTS)}")
        self.k, self.adjust = k, adjust

    def fit(self, latent: ArrayLike, y: ArrayLike, *, reference: ArrayLike | None = None) -> Self:
        """Take the latent space and the target.

        Parameters
        ----------
        latent : array_like, shape (n, d)
            Latent vectors.
        y : array_like, shape (n,)
            Target.
        reference : array_like of bool, shape (n,), optional
            Objects among which neighbours are looked for (the training sample, say); all of
            them without it. No object is its own neighbour.

        Returns
        -------
        LocalIndependence
            Itself.

        Raises
        ------
        ValueError
            If there are too few objects for k neighbours, or inputs do not fit together.
        """
        check_aligned(latent=latent, y=y, reference=reference)
        columns = as_columns(latent, "latent")
        self.latent_, self._index = columns.values, columns.index
        self.y_ = as_target(y)
        if np.ptp(self.y_) == 0:
            raise ValueError(f"y: constant ({self.y_[0]:g}); nothing can depend on it")
        missing = np.flatnonzero(np.isnan(self.latent_).any(axis=1))
        if missing.size:
            raise ValueError(
                f"latent: row {missing[0]} is missing ({missing.size} such rows); drop them"
            )
        self.reference_ = np.arange(len(self.y_)) if reference is None else _true_rows(reference)
        n, d = len(self.reference_), self.latent_.shape[1]
        largest = n // _FEWEST_PER_NEIGHBOUR
        if not isinstance(self.k, int | np.integer):
            raise ValueError(f"k: expected a whole number, found {self.k!r}")
        if self.k > largest:
            raise ValueError(
                f"k: {self.k} neighbours of {n} objects are no neighbourhood; the largest allowed "
                f"k is {largest}"
            )
        if self.k < d + 8:
            raise ValueError(f"k: {self.k} neighbours cannot bear {d} latent numbers; take more")
        return self

    def test(
        self,
        query: ArrayLike,
        given: ArrayLike | None = None,
        *,
        rows: ArrayLike | None = None,
        n_permutations: int = 999,
        rng: np.random.Generator | int | None = None,
    ) -> IndependenceResult:
        """Local dependence of target and query at fixed latent vector, and perhaps condition.

        Parameters
        ----------
        query : array_like, shape (n,)
            Property of every fitted object; an object without it (NaN, -9999) is left out.
        given : array_like, shape (n,) or (n, c), optional
            What is fixed besides; a local parabola in it is taken out of target and query.
        rows : array_like of int or bool, optional
            Objects to report (the test sample, say); all without it.
        n_permutations : int
            Permutations behind the p-value.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        IndependenceResult

        Raises
        ------
        ValueError
            If lengths differ or too few objects have the query.
        """
        generator = np.random.default_rng(rng)
        check_aligned(latent=_Indexed(self.latent_, self._index), query=query, given=given)
        asked = clean_sentinels(as_columns(query, "query"), "query", least=999.0).values
        if asked.shape[1] != 1:
            raise ValueError(f"query: {asked.shape[1]} columns; ask for one property at a time")
        q = asked[:, 0]
        condition = np.zeros((len(q), 0))
        if given is not None:
            columns = clean_sentinels(as_columns(given, "given"), "given", least=999.0)
            empty = np.isnan(columns.values).all(axis=0)
            if empty.any():
                raise ValueError(f"given: column {columns.names[int(empty.argmax())]!r} is empty")
            condition = drop_constant(columns, "given").values
        known = np.isfinite(q) & np.isfinite(condition).all(axis=1)
        reference = self.reference_[known[self.reference_]]
        if len(reference) < _FEWEST_PER_NEIGHBOUR * self.k:
            raise ValueError(
                f"query: known for {len(reference)} objects; the largest allowed k is "
                f"{len(reference) // _FEWEST_PER_NEIGHBOUR}, found {self.k}"
            )
        chosen = np.arange(len(q))
        if rows is not None:
            picked = np.asarray(rows)
            if picked.dtype.kind == "b":
                check_aligned(latent=self.latent_, rows=picked)
            chosen = chosen[picked]
        chosen = chosen[known[chosen]]
        work = _Work(self, q, condition, reference, chosen, generator)
        return work.result(n_permutations)


class _Indexed:
    """An array that remembers the labels of its rows."""

    def __init__(self, values: NDArray[np.float64], index: Any) -> None:
        self.values, self.index = values, index

    def __len__(self) -> int:
        return len(self.values)


def _true_rows(reference: ArrayLike) -> NDArray[np.intp]:
    flags = np.asarray(reference)
    if flags.dtype.kind != "b":
        raise ValueError(f"reference: expected True or False for each object, found {flags.dtype}")
    return np.flatnonzero(flags)


class _Work:
    """One pass over the neighbourhoods of the chosen objects."""

    def __init__(
        self,
        test: LocalIndependence,
        query: NDArray[np.float64],
        condition: NDArray[np.float64],
        reference: NDArray[np.intp],
        chosen: NDArray[np.intp],
        rng: np.random.Generator,
    ) -> None:
        self.test, self.query, self.condition = test, query, condition
        self.reference, self.chosen, self.rng = reference, chosen, rng
        n = len(chosen)
        self.local, self.permuted = np.full(n, np.nan), np.full(n, np.nan)
        self.efficiency, self.efficiency_permuted = np.full(n, np.nan), np.full(n, np.nan)
        self.own = np.full((n, 2), np.nan)
        own = np.full(len(query), -1)
        own[reference] = np.arange(len(reference))
        latent = test.latent_
        for rows, near, _ in nearest_blocks(
            latent[chosen], latent[reference], test.k, own=own[chosen]
        ):
            # Local fits of a few hundred neighbourhoods at a time keep the memory bounded.
            for start in range(0, len(near), 256):
                part = slice(rows.start + start, rows.start + min(start + 256, len(near)))
                self._block(part, reference[near[start : start + 256]])

    def _block(self, part: slice, near: NDArray[np.intp]) -> None:
        here = self.chosen[part]
        y, q = self.test.y_[near], self.query[near]
        design = [np.ones((*near.shape, 1))]
        point = [np.ones((len(here), 1))]
        if self.test.adjust == "local_linear":
            design.append(self.test.latent_[near] - self.test.latent_[here][:, None])
            point.append(np.zeros((len(here), self.test.latent_.shape[1])))
        if self.condition.shape[1]:
            step = self.condition[near] - self.condition[here][:, None]
            design += [step, step**2]
            point += [np.zeros((len(here), 2 * step.shape[2]))]
        x, at = np.concatenate(design, axis=2), np.concatenate(point, axis=1)
        fit = _solve(x, np.stack([y, q], axis=2))
        left = np.stack([y, q], axis=2) - x @ fit
        self.own[part, 0] = self.test.y_[here] - (at[:, None] @ fit)[:, 0, 0]
        self.own[part, 1] = self.query[here] - (at[:, None] @ fit)[:, 0, 1]
        # In units of the local scatter, so that they may be exchanged between places.
        scale = np.sqrt((left**2).mean(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            self.own[part] /= scale
        flat = _few_values(self.query[near])
        for c in range(self.condition.shape[1]):
            flat |= _few_values(self.condition[near][:, :, c])
        ry, rq = left[:, :, 0], left[:, :, 1]
        shuffled = self.rng.permuted(rq, axis=1)
        for name, values, extra in (("local", rq, 1.0), ("permuted", shuffled, 1.0)):
            found = extra * _correlation(ry, values)
            found[flat] = np.nan
            getattr(self, name)[part] = found
        for name, values in (("efficiency", rq), ("efficiency_permuted", shuffled)):
            found = _efficiency(ry, values)
            found[flat] = np.nan
            getattr(self, name)[part] = found
        self.own[part][flat] = np.nan

    def result(self, n_permutations: int) -> IndependenceResult:
        defined = np.isfinite(self.local)
        undefined = int((~defined).sum())
        if undefined:
            warnings.warn(
                f"query: fewer than {_FEWEST_VALUES} distinct values in {undefined} of "
                f"{len(defined)} neighbourhoods, which are left out",
                stacklevel=3,
            )
        if not defined.any():
            raise ValueError("query: it hardly varies in any neighbourhood; nothing can be tested")
        effect = float(self.local[defined].mean())
        pair = self.own[np.isfinite(self.own).all(axis=1)]
        # A few objects far from their neighbourhood must not decide.
        pair = np.clip(pair - np.median(pair, axis=0), -5, 5)
        observed = float(pair[:, 0] @ pair[:, 1])
        null = np.array(
            [pair[:, 0] @ self.rng.permutation(pair[:, 1]) for _ in range(n_permutations)]
        )
        p = (1 + int((np.abs(null) >= abs(observed)).sum())) / (1 + n_permutations)
        half = (1 - effect**2) / np.sqrt(max(len(pair) - 1, 1))
        used = 1 + (self.test.latent_.shape[1] if self.test.adjust == "local_linear" else 0)
        used += 2 * self.condition.shape[1]
        return IndependenceResult(
            effect=effect, low=effect - half, high=effect + half, p_value=p,
            permuted=float(np.nanmean(self.permuted)), local=self.local,
            local_permuted=self.permuted, predictive_efficiency=self.efficiency,
            predictive_efficiency_permuted=self.efficiency_permuted,
            q_value=_false_discovery(self.local, self.test.k - used - 2), rows=self.chosen,
            undefined=undefined, adjust=self.test.adjust,
        )  # fmt: skip


def _solve(x: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares in every neighbourhood at once, columns scaled, with a trace of a ridge."""
    scale = np.sqrt((x**2).mean(axis=1, keepdims=True))
    scale[scale == 0] = 1.0
    scaled = x / scale
    normal = scaled.transpose(0, 2, 1) @ scaled
    normal += 1e-9 * x.shape[1] * np.eye(x.shape[2])
    return np.asarray(
        np.linalg.solve(normal, scaled.transpose(0, 2, 1) @ values) / scale.transpose(0, 2, 1)
    )


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    square = (a**2).sum(axis=1) * (b**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a * b).sum(axis=1) / np.sqrt(square))


def _efficiency(y: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the variance of y that a parabola in q explains."""
    scale = np.maximum(q.std(axis=1, keepdims=True), 1e-300)
    z = (q - q.mean(axis=1, keepdims=True)) / scale
    x = np.stack([np.ones_like(z), z, z**2], axis=2)
    left = y[:, :, None] - x @ _solve(x, y[:, :, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1 - left[:, :, 0].var(axis=1) / y.var(axis=1))


def _few_values(columns: NDArray[np.float64]) -> NDArray[np.bool_]:
    ordered = np.sort(columns, axis=1)
    return np.asarray((np.diff(ordered, axis=1) > 0).sum(axis=1) + 1 < _FEWEST_VALUES)


def _false_discovery(local: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
    """Benjamini and Hochberg's adjusted p-values of local correlations."""
    from scipy.special import ndtr

    z = np.arctanh(np.clip(local, -0.999999, 0.999999)) * np.sqrt(max(freedom - 1, 1))
    p = 2 * ndtr(-np.abs(z))
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known])]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return out
