"""The promises of decan.core.metrics.classification."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as reference

from decan.core.metrics import (
    accuracy,
    average_precision,
    balanced_accuracy,
    bootstrap,
    macro_f1,
    mcnemar,
    recall_at_precision,
    roc_auc,
    tie_fraction,
)

# Few distinct scores, so that most examples hold ties.
N_ROWS = st.shared(st.integers(2, 40), key="rows")
SCORES = arrays(float, N_ROWS, elements=st.integers(0, 12).map(lambda k: k / 12))
TRUTH = arrays(int, N_ROWS, elements=st.integers(0, 1))
CLASSES = arrays(int, N_ROWS, elements=st.integers(0, 3))
RANKED = [average_precision, roc_auc, lambda y, s, **k: recall_at_precision(y, s, 0.7, **k)]


def brute_recall_at_precision(y, s, precision):
    best = 0.0
    for threshold in np.unique(s):
        taken = s >= threshold
        if y[taken].sum() / taken.sum() >= precision:
            best = max(best, y[taken].sum() / y.sum())
    return best


@settings(deadline=None, max_examples=50)
@given(TRUTH, SCORES)
def test_average_precision_and_roc_auc_agree_with_scikit_learn(y, s):
    assume(0 < y.sum() < len(y))
    # Sums of at most 40 terms in another order: a few units in the last place.
    assert average_precision(y, s).value == pytest.approx(
        reference.average_precision_score(y, s), abs=1e-12
    )
    assert roc_auc(y, s).value == pytest.approx(reference.roc_auc_score(y, s), abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(TRUTH, SCORES, st.sampled_from([0.05, 0.5, 0.9, 0.99, 1.0]))
def test_recall_at_precision_is_the_best_over_all_thresholds(y, s, precision):
    assume(0 < y.sum() < len(y))
    estimate = recall_at_precision(y, s, precision)
    assert estimate.value == brute_recall_at_precision(y, s, precision)
    taken = s >= estimate.threshold
    assert estimate.value == y[taken].sum() / y.sum()
    assert estimate.value == 0 or y[taken].mean() >= precision


@settings(deadline=None, max_examples=50)
@given(TRUTH, SCORES)
def test_recall_falls_as_the_precision_asked_for_rises(y, s):
    assume(0 < y.sum() < len(y))
    recalls = [recall_at_precision(y, s, p).value for p in np.linspace(0.05, 1, 20)]
    assert np.all(np.diff(recalls) <= 0)


def test_ties_are_never_split_to_reach_the_precision():
    y, s = [1, 0, 1, 1], [0.9, 0.9, 0.5, 0.4]
    estimate = recall_at_precision(y, s, 0.99)
    assert estimate.value == 0.0
    assert estimate.threshold == np.inf


def test_a_precision_reached_exactly_counts_as_held():
    # 7 of 100 is 0.07; 0.07 x 100 is 7.000000000000001 in floating point.
    y = np.r_[np.zeros(93), np.ones(7)]
    assert recall_at_precision(y, np.zeros(100), 0.07).value == 1.0


@settings(deadline=None, max_examples=50)
@given(TRUTH, SCORES, st.randoms(use_true_random=False))
@pytest.mark.parametrize("metric", RANKED)
def test_the_order_of_rows_does_not_matter(metric, y, s, random):
    assume(0 < y.sum() < len(y))
    order = list(range(len(y)))
    random.shuffle(order)
    assert metric(y, s).value == metric(y[order], s[order]).value


@settings(deadline=None, max_examples=50)
@given(TRUTH, SCORES)
@pytest.mark.parametrize("metric", RANKED)
def test_only_ranks_matter(metric, y, s):
    assume(0 < y.sum() < len(y))
    assert metric(y, s).value == metric(y, np.exp(3 * s) - 7).value


@settings(deadline=None, max_examples=50)
@given(TRUTH, SCORES, st.integers(0, 1000))
@pytest.mark.parametrize("metric", RANKED)
def test_weights_of_the_bootstrap_are_repeated_rows(metric, y, s, seed):
    assume(0 < y.sum() < len(y))
    # Scores in falling order make both paths draw the same rows with one seed.
    order = np.argsort(-s, kind="stable")
    y, s = y[order], s[order]

    def statistic(y, s):
        return metric(y, s).value if 0 < y.sum() < len(y) else np.nan

    fast = metric(y, s, n_boot=15, rng=seed)
    slow = bootstrap(statistic, y, s, n_boot=15, rng=seed)
    np.testing.assert_allclose([fast.low, fast.high], [slow.low, slow.high], atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(CLASSES, arrays(int, N_ROWS, elements=st.integers(0, 3)))
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
def test_label_metrics_agree_with_scikit_learn(y, predicted):
    assert accuracy(y, predicted).value == pytest.approx(reference.accuracy_score(y, predicted))
    assert balanced_accuracy(y, predicted).value == pytest.approx(
        reference.balanced_accuracy_score(y, predicted)
    )
    assert macro_f1(y, predicted).value == pytest.approx(
        reference.f1_score(y, predicted, average="macro", zero_division=0)
    )


def test_labels_may_be_words():
    y, predicted = np.array(["EB", "PC", "PC"]), np.array(["EB", "PC", "EB"])
    assert balanced_accuracy(y, predicted).value == 0.75
    estimate = accuracy(y, predicted, groups=["a", "b", "b"], n_boot=20, rng=0)
    assert 0.5 <= estimate.low < estimate.high <= 1.0


def test_the_interval_of_the_auc_agrees_with_hanley_and_mcneil():
    rng = np.random.default_rng(4)
    y = np.repeat([0, 1], 500)
    estimate = roc_auc(y, rng.normal(size=1000) + y, n_boot=500, rng=5)
    # Hanley & McNeil 1982, equation 1, with their exponential approximation of Q1 and Q2.
    a = estimate.value
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    error = np.sqrt((a * (1 - a) + 499 * (q1 - a**2) + 499 * (q2 - a**2)) / 500**2)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(error, rel=0.15)


def test_tie_fraction_counts_every_object_of_a_tie():
    assert tie_fraction([1, 1, 1, 2]) == 0.75
    assert tie_fraction(np.arange(5)) == 0.0


def test_mcnemar_is_the_exact_binomial_test_of_the_discordant_objects():
    y = np.ones(20)
    a, b = y.copy(), y.copy()
    a[:2], b[2:11] = 0, 0  # two errors of a alone, nine of b alone
    result = mcnemar(y, a, b)
    assert (result.only_a, result.only_b) == (9, 2)
    # Two-sided: 2 x (1 + 11 + 55) / 2^11.
    assert result.p_value == pytest.approx(134 / 2048)
    assert mcnemar(y, a, a).p_value == 1.0


@pytest.mark.parametrize(
    ("y", "s", "message"),
    [
        ([0, 1], [0.1], "score: has 1 rows, expected 2"),
        ([0, 1], [0.1, np.nan], "score: NaN in 1 of 2 rows .first at row 1"),
        ([1, 1], [0.1, 0.2], "y_true: only class 1 is present"),
        ([0, 2], [0.1, 0.2], "y_true: found 2 at row 1, expected 0 or 1"),
        ([], [], "y_true: is empty"),
        ([[0, 1]], [0.1, 0.2], "y_true: expected one dimension"),
    ],
)
@pytest.mark.parametrize("metric", RANKED)
def test_wrong_input_is_refused_with_the_argument_named(metric, y, s, message):
    with pytest.raises(ValueError, match=message):
        metric(y, s)


def test_a_precision_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"precision: found 1\.5"):
        recall_at_precision([0, 1], [0.1, 0.2], 1.5)


def test_words_and_numbers_are_not_compared_silently():
    for metric in (accuracy, balanced_accuracy, macro_f1):
        with pytest.raises(ValueError, match="y_pred: has type <U1, which never equals"):
            metric([0, 1], ["0", "1"])


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="score: expected a column of numbers"):
        roc_auc([0, 1], ["low", "high"])


def test_without_groups_the_interval_does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(6)
    y, s, order = rng.integers(2, size=50), rng.normal(size=50), rng.permutation(50)
    assert roc_auc(y, s, n_boot=20, rng=0) == roc_auc(y[order], s[order], n_boot=20, rng=0)


def test_unknown_labels_are_refused():
    with pytest.raises(ValueError, match="y_true: NaN at row 1"):
        accuracy(np.array(["EB", np.nan], dtype=object), ["EB", "PC"])
    with pytest.raises(ValueError, match="y_pred: NaN at row 1"):
        accuracy([0.0, 1.0], [0.0, np.nan])
