"""How well classes are told apart: ranking metrics, label metrics, paired comparison.

Ranking metrics walk down the sorted scores once; objects with equal scores enter
together. Bootstrap resamples are weights on that one sorted order, so they are exact
and cheap: no resample is sorted again. Resamples that lack a class are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._checks import FloatArray, IntArray, as_binary, as_floats, as_label_pair, group_codes
from .estimate import Estimate, bootstrap, summarise, weight_blocks

__all__ = [
    "McNemar",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "macro_f1",
    "mcnemar",
    "recall_at_precision",
    "roc_auc",
    "tie_fraction",
]


def average_precision(
    y_true: ArrayLike,
    score: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Mean precision over the positives, each at the threshold that first lets it in.

    This is the step-wise area under the precision-recall curve, without the optimistic
    linear interpolation. Objects with equal scores enter together.

    Parameters
    ----------
    y_true : array_like of {0, 1}, shape (n,)
        Truth, 1 for the positive class.
    score : array_like of float, shape (n,)
        Higher means more likely positive. NaN is refused.
    groups : array_like, shape (n,), optional
        Objects of one group (one star, say) are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        Average precision between 0 and 1, with its 68 % interval.

    Raises
    ------
    ValueError
        If lengths differ, a score is NaN, or only one class is present.

    References
    ----------
    Davis & Goadrich 2006, ICML, "The relationship between precision-recall and ROC curves".

    Examples
    --------
    >>> average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).value
    0.8333333333333333
    """
    return _ranked(y_true, score, _average_precision, groups=groups, n_boot=n_boot, rng=rng)


def roc_auc(
    y_true: ArrayLike,
    score: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Probability that a random positive scores above a random negative, ties counted half.

    Parameters
    ----------
    y_true : array_like of {0, 1}, shape (n,)
        Truth, 1 for the positive class.
    score : array_like of float, shape (n,)
        Higher means more likely positive. NaN is refused.
    groups : array_like, shape (n,), optional
        Objects of one group (one star, say) are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        Area under the ROC curve between 0 and 1, with its 68 % interval.

    Raises
    ------
    ValueError
        If lengths differ, a score is NaN, or only one class is present.

    References
    ----------
    Hanley & McNeil 1982, Radiology 143, 29.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).value
    0.75
    """
    return _ranked(y_true, score, _roc_auc, groups=groups, n_boot=n_boot, rng=rng)


def recall_at_precision(
    y_true: ArrayLike,
    score: ArrayLike,
    precision: float,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Largest recall whose precision is at least the one asked for.

    Thresholds are placed at distinct scores, so objects with equal scores
    enter together and a tie can never be split in one's favour.

    Parameters
    ----------
    y_true : array_like of {0, 1}, shape (n,)
        Truth, 1 for the positive class.
    score : array_like of float, shape (n,)
        Higher means more likely positive. NaN is refused.
    precision : float in (0, 1]
        The precision to hold.
    groups : array_like, shape (n,), optional
        Objects of one group (one star, say) are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        ``value``, ``low`` and ``high`` (16th and 84th percentile; NaN without
        bootstrap), ``threshold`` (objects with ``score >= threshold`` are taken;
        the highest one that reaches the recall), ``n``. The recall is 0 and the
        threshold infinite where no threshold holds the precision.

    Raises
    ------
    ValueError
        If lengths differ, a score is NaN, only one class is present, or the
        precision is outside (0, 1].

    Examples
    --------
    >>> recall_at_precision([1, 1, 0, 1], [0.9, 0.8, 0.7, 0.6], precision=0.99).value
    0.6666666666666666
    """
    if not 0 < precision <= 1:
        raise ValueError(f"precision: found {precision:g}, expected a value in (0, 1]")

    def recall(positives: FloatArray, negatives: FloatArray) -> FloatArray:
        reached = np.where(_precision(positives, negatives) >= precision, positives, 0.0)
        return reached.max(axis=1) / positives[:, -1]

    def threshold(positives: FloatArray, negatives: FloatArray, distinct: FloatArray) -> float:
        reached = np.where(_precision(positives, negatives) >= precision, positives, 0.0)[0]
        best = int(np.argmax(reached))  # the first of equals: the highest threshold
        return float(distinct[best]) if reached[best] > 0 else np.inf

    return _ranked(
        y_true, score, recall, groups=groups, n_boot=n_boot, rng=rng, threshold=threshold
    )


def tie_fraction(score: ArrayLike) -> float:
    """Share of objects whose score another object has too.

    A large share means that ranks, and every metric built on them, depend on how ties
    are treated: saturated posteriors are the usual cause.

    Parameters
    ----------
    score : array_like of float, shape (n,)
        NaN is refused.

    Returns
    -------
    float
        Between 0 (all distinct) and 1. There is no bootstrap interval, because drawing
        a row twice makes a tie.

    Raises
    ------
    ValueError
        If a score is NaN or there is none.

    Examples
    --------
    >>> tie_fraction([1.0, 1.0, 0.3, 0.2])
    0.5
    """
    _, counts = np.unique(as_floats("score", score, finite=False), return_counts=True)
    return float(counts[counts > 1].sum() / counts.sum())


def accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Share of objects whose class is right.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (n,)
        True and predicted class, of any type that can be compared.
    groups : array_like, shape (n,), optional
        Objects of one group (one star, say) are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        Between 0 and 1, with its 68 % interval.

    Raises
    ------
    ValueError
        If lengths differ or a label is NaN.

    Examples
    --------
    >>> accuracy(["EB", "PC", "PC"], ["EB", "EB", "PC"]).value
    0.6666666666666666
    """
    truth, predicted = as_label_pair(("y_true", "y_pred"), y_true, y_pred)
    return bootstrap(np.mean, truth == predicted, groups=groups, n_boot=n_boot, rng=rng)


def balanced_accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """Recall averaged over the true classes, each class counting the same.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (n,)
        True and predicted class, of any type that can be compared.
    groups : array_like, shape (n,), optional
        Objects of one group (one star, say) are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        Between 0 and 1, with its 68 % interval. A class that a resample misses is left
        out of that resample's mean.

    Raises
    ------
    ValueError
        If lengths differ or a label is NaN.

    Examples
    --------
    >>> balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0]).value
    0.5
    """

    def mean_recall(cells: IntArray, n_classes: int) -> float:
        confusion = _confusion(cells, n_classes)
        truth = confusion.sum(axis=1)
        present = truth > 0
        return float(np.mean(np.diag(confusion)[present] / truth[present]))

    return _from_confusion(mean_recall, y_true, y_pred, groups, n_boot, rng)


def macro_f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> Estimate:
    """F1 score averaged over classes, each class counting the same.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (n,)
        True and predicted class, of any type that can be compared.
    groups : array_like, shape (n,), optional
        Objects of one group (one star, say) are resampled together.
    n_boot : int
        Bootstrap resamples; 0 gives no interval.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Estimate
        Between 0 and 1, with its 68 % interval. Every class that occurs as truth or as
        prediction counts; one that is never right has F1 = 0.

    Raises
    ------
    ValueError
        If lengths differ or a label is NaN.

    References
    ----------
    Opitz & Burst 2019, arXiv:1911.03347 (the mean of F1 scores, not F1 of means).

    Examples
    --------
    >>> macro_f1([0, 1, 2, 2], [0, 1, 2, 1]).value
    0.7777777777777777
    """

    def mean_f1(cells: IntArray, n_classes: int) -> float:
        confusion = _confusion(cells, n_classes)
        total = confusion.sum(axis=0) + confusion.sum(axis=1)
        present = total > 0
        return float(np.mean(2 * np.diag(confusion)[present] / total[present]))

    return _from_confusion(mean_f1, y_true, y_pred, groups, n_boot, rng)


@dataclass(frozen=True)
class McNemar:
    """Result of McNemar's test of two classifiers on the same objects.

    Parameters
    ----------
    only_a, only_b : int
        Objects that only the first, or only the second, classifier gets right.
    p_value : float
        Two-sided exact probability of so uneven a split if both were equally good.

    Examples
    --------
    >>> McNemar(only_a=4, only_b=4, p_value=1.0).p_value
    1.0
    """

    only_a: int
    only_b: int
    p_value: float


def mcnemar(y_true: ArrayLike, pred_a: ArrayLike, pred_b: ArrayLike) -> McNemar:
    """Exact McNemar test of whether one of two classifiers is right more often than the other.

    The test treats objects as independent; with several objects a star it is too sure,
    and a bootstrap of the difference by group should be given beside it.

    Parameters
    ----------
    y_true : array_like, shape (n,)
        True class.
    pred_a, pred_b : array_like, shape (n,)
        Classes predicted by the two classifiers.

    Returns
    -------
    McNemar
        ``only_a``, ``only_b``, ``p_value``.

    Raises
    ------
    ValueError
        If lengths differ or a label is NaN.

    References
    ----------
    McNemar 1947, Psychometrika 12, 153; Dietterich 1998, Neural Computation 10, 1895.

    Examples
    --------
    >>> mcnemar([1] * 10, [1] * 10, [1] * 4 + [0] * 6)
    McNemar(only_a=6, only_b=0, p_value=0.03125)
    """
    from scipy.stats import binomtest

    right_a = np.equal(*as_label_pair(("y_true", "pred_a"), y_true, pred_a))
    right_b = np.equal(*as_label_pair(("y_true", "pred_b"), y_true, pred_b))
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    discordant = only_a + only_b
    p_value = float(binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0
    return McNemar(only_a, only_b, p_value)


_Curve = Callable[[FloatArray, FloatArray], FloatArray]


def _ranked(
    y_true: ArrayLike,
    score: ArrayLike,
    statistic: _Curve,
    *,
    groups: ArrayLike | None,
    n_boot: int,
    rng: np.random.Generator | int | None,
    threshold: Callable[[FloatArray, FloatArray, FloatArray], float] | None = None,
) -> Estimate:
    """Estimate of a statistic of the cumulated counts over blocks of equal scores."""
    truth = as_binary("y_true", y_true)
    n = len(truth)
    scores = as_floats("score", score, n=n, finite=False)
    codes, n_groups = group_codes(groups, n)
    order = np.argsort(-scores, kind="stable")
    truth, scores = truth[order], scores[order]
    if groups is not None:  # rows that are their own groups are numbered along the scores
        codes = codes[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])

    def cumulated(weights: np.ndarray) -> tuple[FloatArray, FloatArray]:
        positives, negatives = weights * truth, weights * (1.0 - truth)
        if len(starts) < n:
            positives = np.add.reduceat(positives, starts, axis=1)
            negatives = np.add.reduceat(negatives, starts, axis=1)
        return positives.cumsum(axis=1), negatives.cumsum(axis=1)

    everything = cumulated(np.ones((1, n)))
    replicates = []
    for weights in weight_blocks(codes, n_groups, n_boot, rng):
        positives, negatives = cumulated(weights)
        both = (positives[:, -1] > 0) & (negatives[:, -1] > 0)
        replicates.append(statistic(positives[both], negatives[both]))
    return summarise(
        statistic(*everything)[0],
        np.concatenate([np.empty(0), *replicates]),
        n=n,
        threshold=np.nan if threshold is None else threshold(*everything, scores[starts]),
    )


def _average_precision(positives: FloatArray, negatives: FloatArray) -> FloatArray:
    steps = np.diff(positives, axis=1, prepend=0.0)
    return (steps * _precision(positives, negatives)).sum(axis=1) / positives[:, -1]


def _roc_auc(positives: FloatArray, negatives: FloatArray) -> FloatArray:
    steps = np.diff(negatives, axis=1, prepend=0.0)
    # Positives above a block count whole and those within it half.
    above = positives - 0.5 * np.diff(positives, axis=1, prepend=0.0)
    return (steps * above).sum(axis=1) / (positives[:, -1] * negatives[:, -1])


def _precision(positives: FloatArray, negatives: FloatArray) -> FloatArray:
    """Precision after each block; 0 where nothing has been taken yet."""
    return np.divide(
        positives,
        positives + negatives,
        out=np.zeros_like(positives),
        where=positives + negatives > 0,
    )


def _from_confusion(
    statistic: Callable[[IntArray, int], float],
    y_true: ArrayLike,
    y_pred: ArrayLike,
    groups: ArrayLike | None,
    n_boot: int,
    rng: np.random.Generator | int | None,
) -> Estimate:
    truth, predicted = as_label_pair(("y_true", "y_pred"), y_true, y_pred)
    classes, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    n_classes = len(classes)
    cells = codes[: len(truth)] * n_classes + codes[len(truth) :]
    return bootstrap(
        lambda drawn: statistic(drawn, n_classes), cells, groups=groups, n_boot=n_boot, rng=rng
    )


def _confusion(cells: IntArray, n_classes: int) -> IntArray:
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)
