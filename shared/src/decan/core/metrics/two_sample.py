"""Whether a classifier can tell two samples apart, and whether it could have.

An accuracy near one half means little by itself: finite samples lift it above one half
for equal distributions (the floor), and a weak classifier on few objects would miss a
real difference (the power). Both are measured with the same classifier and folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, IntArray, group_codes
from .classification import balanced_accuracy, roc_auc
from .estimate import Estimate

__all__ = ["TwoSampleTest", "c2st"]

# Injected shifts, in standard deviations, and the share of runs that must see one.
_SHIFTS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_N_INJECTIONS = 5
_DETECTED = 0.8


@dataclass(frozen=True)
class TwoSampleTest:
    """Result of a classifier two-sample test.

    Parameters
    ----------
    accuracy : Estimate
        Out-of-fold accuracy with both samples weighing the same; 0.5 is chance.
    auc : Estimate
        Out-of-fold area under the ROC curve.
    floor : Estimate
        Accuracy on exchanged labels: ``value`` is the mean, ``low`` and ``high`` the
        16th and 84th percentile, ``threshold`` the 95th, ``n`` the number of exchanges.
    p_value : float
        Share of exchanges that do at least as well, the observation counted among them.
    detectable_shift : float
        Smallest injected shift, in standard deviations, that is seen above the floor in
        four of five runs; infinite if none up to 3 is, NaN if not asked for.

    Examples
    --------
    >>> result = TwoSampleTest(Estimate(0.62), Estimate(0.66), Estimate(0.5, threshold=0.55), 0.05)
    >>> result.distinguishable
    True
    """

    accuracy: Estimate
    auc: Estimate
    floor: Estimate
    p_value: float
    detectable_shift: float = np.nan

    @property
    def distinguishable(self) -> bool:
        """Whether the accuracy is above the 95th percentile of the floor."""
        return self.accuracy.value > self.floor.threshold

    def __str__(self) -> str:
        verdict = "distinguishable" if self.distinguishable else "not distinguishable"
        text = f"{verdict}: accuracy {self.accuracy}, floor {self.floor}, p = {self.p_value:.3g}"
        if np.isnan(self.detectable_shift):
            return text
        return f"{text}; a shift of {self.detectable_shift:.3g} sigma would be seen"


def c2st(
    a: ArrayLike,
    b: ArrayLike,
    *,
    classifier: Any = None,
    groups_a: ArrayLike | None = None,
    groups_b: ArrayLike | None = None,
    n_folds: int = 5,
    n_floor: int = 20,
    power: bool = False,
    n_boot: int = 200,
    rng: np.random.Generator | int | None = None,
) -> TwoSampleTest:
    """Classifier two-sample test with its permutation floor and its power.

    Groups are never split over folds, and labels are exchanged by group: where every
    group has rows in both samples (a disc and the system generated for it), the two are
    swapped within the group; elsewhere whole groups change their sample.

    Power is measured by injection: labels are exchanged, so that nothing is left to see,
    the rows then called ``b`` are moved along a random direction by a known number of
    standard deviations, and the smallest shift that stands out is reported.

    Parameters
    ----------
    a, b : array_like of float, shape (n_a, n_features) and (n_b, n_features)
        The two samples, for instance computed and generated.
    classifier : scikit-learn classifier, optional
        Cloned for every fold; needs ``predict_proba``. By default 50 boosted trees of
        eight leaves.
    groups_a, groups_b : array_like, shape (n_a,) and (n_b,), optional
        Group of each row, one naming for both samples. Both or none; without them each
        row is its own group.
    n_folds : int
        Folds of cross-validation.
    n_floor : int
        Exchanges of the labels; the smallest p-value is ``1 / (n_floor + 1)``.
    power : bool
        Whether to measure the detectable shift, up to 45 more cross-validations.
    n_boot : int
        Bootstrap resamples of accuracy and AUC.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    TwoSampleTest
        Accuracy, AUC, floor, p-value and detectable shift.

    Raises
    ------
    ValueError
        If the samples differ in their number of features, a number is not finite,
        groups are given for one sample only, or there are fewer groups than folds.

    References
    ----------
    Lopez-Paz & Oquab 2017, ICLR, arXiv:1610.06545; Kim et al. 2021, Annals of Statistics
    49, 411 (permutation).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(0, 1, (100, 2)), rng.normal(2, 1, (100, 2))
    >>> c2st(a, b, classifier=LogisticRegression(), rng=rng).distinguishable
    True
    """
    from sklearn.base import clone
    from threadpoolctl import threadpool_limits

    if n_floor < 1:
        raise ValueError(f"n_floor: found {n_floor}, expected at least 1 exchange of labels")
    features, labels, codes = _stacked(a, b, groups_a, groups_b)
    generator = np.random.default_rng(rng)
    model = _boosted_trees() if classifier is None else clone(classifier)
    of_row = codes if groups_a is not None else None

    def measured(features: FloatArray, labels: IntArray, n_boot: int = 0) -> tuple[Estimate, ...]:
        score, predicted = _out_of_fold(model, features, labels, codes, n_folds, generator)
        return (
            balanced_accuracy(labels, predicted, groups=of_row, n_boot=n_boot, rng=generator),
            roc_auc(labels, score, groups=of_row, n_boot=n_boot, rng=generator),
        )

    # On tables of this size threads wait for each other longer than they work.
    with threadpool_limits(1):
        accuracy, auc = measured(features, labels, n_boot)
        exchanges = _exchanged(labels, codes, generator)
        null = np.array([measured(features, next(exchanges))[0].value for _ in range(n_floor)])
        low, high, upper = (float(q) for q in np.quantile(null, [0.16, 0.84, 0.95]))
        shift = np.nan
        if power:
            shift = _detectable_shift(measured, features, exchanges, upper, generator)
    return TwoSampleTest(
        accuracy=accuracy,
        auc=auc,
        floor=Estimate(float(null.mean()), low, high, n=n_floor, threshold=upper),
        p_value=float((1 + np.sum(null >= accuracy.value)) / (1 + n_floor)),
        detectable_shift=shift,
    )


def _stacked(
    a: ArrayLike, b: ArrayLike, groups_a: ArrayLike | None, groups_b: ArrayLike | None
) -> tuple[FloatArray, IntArray, IntArray]:
    """Features of both samples, 0 or 1 for where a row is from, and its group's code."""
    one, two = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    for name, sample in (("a", one), ("b", two)):
        if sample.ndim != 2 or len(sample) == 0:
            raise ValueError(f"{name}: found shape {sample.shape}, expected (n, n_features)")
        if not np.isfinite(sample).all():
            raise ValueError(f"{name}: {int((~np.isfinite(sample)).sum())} values are not finite")
    if one.shape[1] != two.shape[1]:
        raise ValueError(f"b: has {two.shape[1]} features, expected {one.shape[1]} as in a")
    if (groups_a is None) != (groups_b is None):
        raise ValueError("groups_b: give groups for both samples or for none")
    groups = None
    if groups_a is not None and groups_b is not None:
        for name, given, sample in (("groups_a", groups_a, one), ("groups_b", groups_b, two)):
            if len(np.asarray(given)) != len(sample):
                raise ValueError(
                    f"{name}: has {len(np.asarray(given))} rows, expected {len(sample)}"
                )
        groups = np.concatenate([np.asarray(groups_a), np.asarray(groups_b)])
    codes, _ = group_codes(groups, len(one) + len(two))
    labels = np.repeat([0, 1], [len(one), len(two)])
    return np.concatenate([one, two]), labels, codes


def _boosted_trees() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # As sharp as a forest of 100 trees on shifts, scales and correlations, at a tenth of the time.
    return HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=8, early_stopping=False)


def _out_of_fold(
    model: Any,
    features: FloatArray,
    labels: IntArray,
    codes: IntArray,
    n_folds: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, IntArray]:
    """Score and predicted label of each row, from a classifier that did not see its group."""
    from sklearn.base import clone

    from decan.core.data.splits import group_folds

    score = np.empty(len(labels))
    for train, test in group_folds(codes, n_folds, stratify=labels, rng=rng):
        fitted = clone(model)
        if "random_state" in fitted.get_params():
            fitted.set_params(random_state=int(rng.integers(2**31)))
        # Measured from the prevalence, so that the larger sample does not win by its size.
        share = labels[train].mean()
        fitted.fit(features[train], labels[train])
        score[test] = fitted.predict_proba(features[test])[:, 1] - share
    return score, (score > 0).astype(np.int64)


def _exchanged(labels: IntArray, codes: IntArray, rng: np.random.Generator) -> Iterator[IntArray]:
    """Endless labels of the null hypothesis, exchanged by group."""
    n_groups = int(codes.max()) + 1
    counts = np.zeros((n_groups, 2), dtype=np.int64)
    np.add.at(counts, (codes, labels), 1)
    if (counts > 0).all():
        while True:
            yield labels ^ rng.integers(2, size=n_groups)[codes]
    blocks, of_row = np.unique(2 * codes + labels, return_inverse=True)
    while True:
        yield rng.permutation(blocks % 2)[of_row]


def _detectable_shift(
    measured: Any,
    features: FloatArray,
    exchanges: Iterator[IntArray],
    upper: float,
    rng: np.random.Generator,
) -> float:
    """Smallest injected shift whose accuracy is above ``upper`` in four of five runs."""
    scale = features.std(axis=0)
    for shift in _SHIFTS:
        seen = 0
        for _ in range(_N_INJECTIONS):
            direction = rng.normal(size=features.shape[1])
            direction *= shift / np.linalg.norm(direction)
            labels = next(exchanges)
            moved = features + labels[:, None] * direction * scale
            seen += measured(moved, labels)[0].value > upper
        if seen >= _DETECTED * _N_INJECTIONS:
            return shift
    return float("inf")
