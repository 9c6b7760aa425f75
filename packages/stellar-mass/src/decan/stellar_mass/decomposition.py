"""What each of two inputs says about a target: redundant, unique and synergistic information.

The numbers are about the target as it was estimated by somebody. Where the target is a stellar
mass from photometry and redshift, they say what that estimator used, and how much of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import measures
from .classes import ClassFitter, is_discrete
from .components import Decomposition
from .crossfit import CrossFitter
from .densities import prior_logpdf
from .inputs import (
    Columns,
    as_columns,
    as_target,
    check_aligned,
    check_magnitudes,
    clean_sentinels,
    drop_constant,
    warn_of_leaks,
)
from .measures import MEASURES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ESTIMATORS", "decompose"]

ESTIMATORS = ("crossfit", "network", "copula", "gaussian", "ksg")
"""How the information of each input is estimated, the default first."""

_FEWEST_ROWS = 50


def decompose(
    x1: ArrayLike | Any,
    x2: ArrayLike | Any,
    y: ArrayLike | Any,
    *,
    union: Any = None,
    names: tuple[str, str] = ("first", "second"),
    groups: ArrayLike | None = None,
    measure: str = "mmi",
    estimator: str = "crossfit",
    floor: bool = True,
    n_boot: int = 200,
    folds: int = 5,
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    """Take apart what two inputs say about a target.

    Parameters
    ----------
    x1, x2 : array_like, pandas object, or fitted densities
        The inputs, shape (n,) or (n, d), NaN where missing; or what
        ``predict_density`` of two models gave for the same objects, out of fold.
    y : array_like, shape (n,)
        The target; log10 of the mass, or anything else that is continuous.
    union : fitted density, optional
        The density from both inputs, where x1 and x2 are densities.
    names : (str, str)
        What to call the inputs.
    groups : array_like, shape (n,), optional
        Objects of one group (a galaxy group, say) stay in one fold, and are resampled together.
    measure : {'mmi', 'pointwise_min', 'ccs', 'broja_gaussian'}
        How redundancy is defined. ``'pointwise_min'`` is the paper's recipe, which finds unique
        information in noise: read its floor.
    estimator : {'crossfit', 'network', 'copula', 'gaussian', 'ksg'}
        How information is estimated; only the first two give densities, which ``'ccs'`` needs.
    floor : bool
        Whether to repeat everything with permuted rows of x2.
    n_boot : int
        Resamples behind the intervals.
    folds : int
        Folds by group.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Decomposition

    Raises
    ------
    ValueError
        If inputs do not fit together or are malformed, or measure and estimator do not.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 1))
    >>> d = decompose(x, x, x[:, 0] + rng.normal(size=400), rng=0)
    >>> d.unique_1.value, d.unique_2.value, d.synergistic.value  # an input against itself
    (0.0, 0.0, 0.0)
    """
    if measure not in MEASURES:
        raise ValueError(f"measure: {measure!r} is none of {', '.join(MEASURES)}")
    if estimator not in ESTIMATORS:
        raise ValueError(f"estimator: {estimator!r} is none of {', '.join(ESTIMATORS)}")
    generator = np.random.default_rng(rng)
    seed = int(generator.integers(2**31))
    labels = None if groups is None else np.asarray(groups)
    n = check_aligned(x1=x1, x2=x2, y=y, groups=groups)
    target = as_target(y)
    if np.ptp(target) == 0:
        raise ValueError(f"y: constant ({target[0]:g}); nothing can say anything about it")
    if hasattr(x1, "logpdf") or hasattr(x2, "logpdf"):
        local, shared = _from_densities(x1, x2, union, target, measure, seed)
        return Decomposition(
            names, measure, "densities", local, None, shared, None, target, labels, n_boot, seed
        )
    if n < _FEWEST_ROWS:
        raise ValueError(f"x1: {n} rows are too few to cross-fit; expected {_FEWEST_ROWS} or more")
    first, second = (_prepared(x, a, target) for x, a in ((x1, "x1"), (x2, "x2")))
    if measure == "broja_gaussian" and estimator not in ("copula", "gaussian"):
        estimator = "copula"
    if measure == "ccs" and estimator not in ("crossfit", "network"):
        raise ValueError(f"measure 'ccs' needs densities; estimator {estimator!r} gives none")
    fit = _Fit(target, labels, estimator, measure, folds, seed)
    local, shared = fit(first, second)
    floor_local = floor_shared = None
    if floor:
        order = np.random.default_rng(seed).permutation(n)
        permuted = Columns(second.values[order], second.names, None)
        floor_local, floor_shared = fit(first, permuted)
    return Decomposition(
        names, measure, estimator, local, floor_local, shared, floor_shared, target, labels,
        n_boot, seed,
    )  # fmt: skip


class _Fit:
    """Local information of two inputs and their union, the first one fitted once."""

    def __init__(
        self,
        y: NDArray[np.float64],
        groups: NDArray[Any] | None,
        estimator: str,
        measure: str,
        folds: int,
        seed: int,
    ) -> None:
        self.y, self.groups, self.estimator, self.measure = y, groups, estimator, measure
        self.seed = seed
        self.discrete = is_discrete(y)
        self.fitter = self._fitter(folds)
        self._first: Any = None

    def __call__(
        self, first: Columns, second: Columns
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        same = first.values.shape == second.values.shape and np.array_equal(
            first.values, second.values, equal_nan=True
        )
        if self.fitter is None:
            local = self._by_formula(first, second, same)
            return local, local[:, :2].min(axis=1) if self.measure == "pointwise_min" else None
        if self._first is None:
            self._first = self._given(first, ())
        one = self._first
        two = one if same else self._given(second, ())
        both = one if same else self._given(_union(first, second), (one, two))
        local = np.stack([fit.information() for fit in (one, two, both)], axis=1)
        shared = None
        if self.measure == "pointwise_min":
            shared = np.minimum(local[:, 0], local[:, 1])
        elif self.measure == "ccs":
            shared = self._common(one, two)
        return local, shared

    def _fitter(self, folds: int) -> Any:
        if self.discrete and self.estimator in ("crossfit", "network"):
            return ClassFitter(folds=folds, rng=self.seed)
        if self.estimator == "crossfit":
            return CrossFitter(folds=folds, rng=self.seed)
        if self.estimator == "network":
            from .ensembles import NetworkFitter

            return NetworkFitter(folds=folds, rng=self.seed)
        return None

    def _given(self, x: Columns, parts: Sequence[Any]) -> Any:
        if x.values.shape[1] == 0:
            x = Columns(np.zeros((len(self.y), 1)), ("nothing",), None)
        return self.fitter.fit(x, self.y, groups=self.groups, parts=parts)

    def _by_formula(self, first: Columns, second: Columns, same: bool) -> NDArray[np.float64]:
        from .information import mutual_information

        for side in (first, second):
            missing = np.isnan(side.values).sum(axis=0)
            if missing.any():
                j = int(np.argmax(missing > 0))
                raise ValueError(
                    f"column {side.names[j]!r} has {int(missing[j])} missing values; drop these "
                    f"rows, or take estimator='crossfit' or 'network', which can work with gaps"
                )

        def local(x: Columns) -> NDArray[np.float64]:
            if x.values.shape[1] == 0:
                return np.zeros(len(self.y))
            return mutual_information(x.values, self.y, method=self.estimator, rng=self.seed).local

        one = local(first)
        two = one if same else local(second)
        both = one if same else local(_union(first, second))
        return np.stack([one, two, both], axis=1)

    def _common(self, one: Any, two: Any) -> NDArray[np.float64]:
        if self.discrete:
            return measures.ccs_redundancy(
                one.probability, two.probability, one.prior, rng=self.seed
            )
        grid = np.linspace(-4, 4, 81)
        prior = np.exp(-0.5 * grid**2)
        rows = [fit.density.on_grid(grid) for fit in (one, two)]
        first, second = (row / row.sum(axis=1, keepdims=True) for row in rows)
        return measures.ccs_redundancy(first, second, prior / prior.sum(), rng=self.seed)


def _union(first: Columns, second: Columns) -> Columns:
    """Both inputs side by side, a column that both hold once."""
    known = {column.tobytes() for column in first.values.T}
    new = [j for j, column in enumerate(second.values.T) if column.tobytes() not in known]
    names = tuple(second.names[j] for j in new)
    return first.beside(Columns(second.values[:, new], names, second.index))


def _prepared(x: Any, argument: str, y: NDArray[np.float64]) -> Columns:
    columns = clean_sentinels(as_columns(x, argument), argument)
    check_magnitudes(columns, argument)
    warn_of_leaks(columns, y, argument)
    return drop_constant(columns, argument)


def _from_densities(
    x1: Any, x2: Any, union: Any, y: NDArray[np.float64], measure: str, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    for name, density in (("x1", x1), ("x2", x2), ("union", union)):
        if not hasattr(density, "logpdf"):
            raise ValueError(
                f"{name}: expected a fitted density like the other inputs, found "
                f"{type(density).__name__}"
            )
        check_aligned(**{name: density, "y": y})
    prior = prior_logpdf(y)
    # A bin of probability 0 would cost an infinity; a thousandth of the prior bounds the loss.
    local = np.stack(
        [np.logaddexp(np.log(0.999) + d.logpdf(y), np.log(0.001) + prior) - prior
         for d in (x1, x2, union)],
        axis=1,
    )  # fmt: skip
    if measure == "pointwise_min":
        return local, np.minimum(local[:, 0], local[:, 1])
    if measure == "ccs":
        edges = np.linspace(y.min(), y.max(), 82)
        first, second = (_rebinned(d, edges) for d in (x1, x2))
        overall = np.exp(prior_logpdf(y, (edges[1:] + edges[:-1]) / 2))
        return local, measures.ccs_redundancy(first, second, overall / overall.sum(), rng=seed)
    return local, None


def _rebinned(density: Any, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    below = np.stack([density.cdf(np.full(len(density), edge)) for edge in edges], axis=1)
    inside = np.clip(np.diff(below, axis=1), 1e-12, None)
    return np.asarray(inside / inside.sum(axis=1, keepdims=True))
