"""Group bootstrap of ranking metrics against a loop over scikit-learn, in one run.

    python shared/benchmarks/bench_metrics.py

The peer repeats the rows of the stars drawn and calls scikit-learn once a resample.
"""

from __future__ import annotations

import numpy as np
import sklearn
from sklearn.metrics import average_precision_score, roc_auc_score

from decan.core.benchmark import Benchmark, best_of
from decan.core.metrics import average_precision, roc_auc

ROWS, STARS, RESAMPLES = 15_000, 5_000, 200


def by_loop(metric, y, score, star):
    """The bootstrap that one would write first."""
    rng = np.random.default_rng(0)
    order = np.argsort(star, kind="stable")
    rows_of = np.split(order, np.flatnonzero(np.diff(star[order])) + 1)
    values = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(rows_of), size=len(rows_of))
        rows = np.concatenate([rows_of[i] for i in drawn])
        values.append(metric(y[rows], score[rows]))
    return np.percentile(values, [16, 84])


def main():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=ROWS)
    score, star = y + rng.normal(size=ROWS), rng.integers(STARS, size=ROWS)
    bench = Benchmark("core")
    for name, ours, peer in (
        ("average precision", average_precision, average_precision_score),
        ("ROC AUC", roc_auc, roc_auc_score),
    ):
        own = best_of(lambda f=ours: f(y, score, groups=star, n_boot=RESAMPLES, rng=0))
        loop = best_of(lambda f=peer: by_loop(f, y, score, star), 1)
        job = f"{name} with {RESAMPLES} resamples by star, {ROWS:,} rows"
        bench.ratio(job, own, loop, peer=f"loop over scikit-learn {sklearn.__version__}")


if __name__ == "__main__":
    main()
