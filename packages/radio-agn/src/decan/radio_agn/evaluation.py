"""Honest scores: by group, with intervals, and with what a turned picture would have changed."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from decan.core.data.splits import check_no_leak, group_folds, sky_groups
from decan.core.metrics import Estimate, bootstrap, calibration_error, roc_auc

from .augment import turn
from .fitting import network_logits

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EVERY_15_DEG",
    "check_groups",
    "equivariance_error",
    "evaluate_grouped_cv",
    "morphology_scores",
    "selection_inflation",
    "similarity_search",
]

EVERY_15_DEG = tuple(float(angle) for angle in range(0, 360, 15))
"""The 24 angles of the turning test, degrees."""


def evaluate_grouped_cv(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    *,
    n_folds: int = 5,
    n_repeats: int = 3,
    ra: ArrayLike | None = None,
    dec: ArrayLike | None = None,
    merge: bool = False,
    n_boot: int = 200,
    rng: np.random.Generator | int | None = None,
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Repeated cross-validation that never divides a source.

    Parameters
    ----------
    estimator : object
        With ``fit``, ``predict_proba`` and ``classes_``; it is cloned for each fold, and
        told the groups where its ``fit`` takes them.
    X : CutoutSet or array_like, shape (n, ...)
        What it is fitted on.
    y : array_like of str, shape (n,)
        Labels.
    groups : array_like, shape (n,)
        Rows of one source share a group.
    n_folds, n_repeats : int
        Folds, and how often they are drawn.
    ra, dec : array_like of float, optional
        Degrees. With them sources that are one on the sky under two names are found.
    merge : bool
        Whether such sources are put into one group instead of refused.
    n_boot : int
        Resamples of groups for the intervals.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    pandas.DataFrame
        A row a score: pooled ``value`` of the mean probabilities with ``low`` and ``high``,
        ``repeat_sd`` (spread over the repeats), ``n``.
    ndarray of float, shape (n, n_classes)
        Out-of-fold probabilities, mean over the repeats; columns in the order of the
        sorted labels.

    Raises
    ------
    ValueError
        If groups cross on the sky (the pairs are named), only one class is present, or one
        has fewer groups than folds.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> y = np.repeat(["a", "b"], 10)
    >>> x = np.where(y == "a", 0.0, 9.0)[:, None] + np.arange(20)[:, None] % 3
    >>> table, p = evaluate_grouped_cv(
    ...     GaussianNB(), x, y, np.arange(20), n_folds=2, n_boot=10, rng=0
    ... )
    >>> float(table.set_index("score").loc["accuracy", "value"])
    1.0
    """
    import pandas as pd

    rng = np.random.default_rng(rng)
    stack: Any = getattr(X, "images", X)
    stack, labels = np.asarray(stack), np.asarray(y).astype(str)
    group = check_groups(groups, ra, dec, merge=merge)
    if not len(stack) == len(labels) == len(group):
        raise ValueError(
            f"X has {len(stack)} rows, y {len(labels)}, groups {len(group)}; expected one for one"
        )
    classes, count = np.unique(labels, return_counts=True)
    if len(classes) < 2 or (count < n_folds).any():
        told = ", ".join(f"{name} {n}" for name, n in zip(classes, count, strict=True))
        raise ValueError(
            f"y: {n_folds} folds need two classes of {n_folds} rows each, found {told}"
        )
    grouped = "groups" in inspect.signature(estimator.fit).parameters
    runs = np.zeros((n_repeats, len(labels), len(classes)))
    for repeat in range(n_repeats):
        for train, test in group_folds(group, n_folds, stratify=labels, rng=rng):
            check_no_leak(group[train], group[test])
            # What an estimator holds out by itself must not divide a source either.
            own = {"groups": group[train]} if grouped else {}
            fitted = clone(estimator).fit(stack[train], labels[train], **own)
            column = [list(fitted.classes_).index(name) for name in classes]
            runs[repeat, test] = fitted.predict_proba(stack[test])[:, column]
    mean = runs.mean(axis=0)
    pooled = morphology_scores(labels, mean, classes, groups=group, n_boot=n_boot, rng=rng)
    single = [morphology_scores(labels, run, classes) for run in runs]
    rows = [
        {
            "score": name,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "repeat_sd": float(np.std([one[name].value for one in single])),
            "n": found.n,
        }
        for name, found in pooled.items()
    ]
    return pd.DataFrame(rows), mean


def morphology_scores(
    y: ArrayLike,
    p: ArrayLike,
    classes: Sequence[str] | NDArray[np.str_],
    *,
    groups: ArrayLike | None = None,
    n_boot: int = 0,
    rng: np.random.Generator | int | None = None,
) -> dict[str, Estimate]:
    """Accuracy, F1, ROC AUC and calibration of probabilities.

    Parameters
    ----------
    y : array_like of str, shape (n,)
        Labels.
    p : array_like of float, shape (n, n_classes)
        Probabilities.
    classes : sequence of str
        Order of the columns.
    groups : array_like, shape (n,), optional
        Resampled together.
    n_boot : int
        Resamples; 0 gives no intervals.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    dict of str to Estimate
        ``accuracy``, ``macro F1``, ``F1 CLASS``, ``ROC AUC`` (of the first of two classes,
        or the mean of one against the rest), ``ECE`` (10 bins of equal mass, of the most
        probable class).

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> found = morphology_scores(["a", "b", "b"], p, ["a", "b"])
    >>> round(found["accuracy"].value, 3), found["ROC AUC"].value
    (0.667, 1.0)
    """
    rng = np.random.default_rng(rng)
    names = [str(name) for name in classes]
    truth = np.array([names.index(str(label)) for label in np.asarray(y)])
    prob = np.asarray(p, dtype=float)
    guess = prob.argmax(axis=1)

    def estimate(statistic: Any, *arrays: NDArray[Any]) -> Estimate:
        return bootstrap(statistic, *arrays, groups=groups, n_boot=n_boot, rng=rng)

    def f1(t: NDArray[Any], g: NDArray[Any], k: int) -> float:
        hit = ((t == k) & (g == k)).sum()
        total = (t == k).sum() + (g == k).sum()
        return float(2 * hit / total) if total else 0.0

    out = {
        "accuracy": estimate(lambda t, g: float((t == g).mean()), truth, guess),
        "macro F1": estimate(
            lambda t, g: float(np.mean([f1(t, g, k) for k in range(len(names))])), truth, guess
        ),
    }
    for k, name in enumerate(names):
        out[f"F1 {name}"] = estimate(lambda t, g, k=k: f1(t, g, k), truth, guess)
    out["ROC AUC"] = estimate(_mean_auc, truth, prob)
    out["ECE"] = estimate(_ece, truth, prob)
    return out


def check_groups(
    groups: ArrayLike,
    ra: ArrayLike | None = None,
    dec: ArrayLike | None = None,
    *,
    radius_arcsec: float = 180.0,
    merge: bool = False,
) -> NDArray[np.int64]:
    """Groups in which no source on the sky appears under two names.

    Parameters
    ----------
    groups : array_like, shape (n,)
        Groups as given.
    ra, dec : array_like of float, optional
        Degrees; without them the groups are taken as they are.
    radius_arcsec : float
        Rows closer than this are one source or one field.
    merge : bool
        Whether groups that meet on the sky become one.

    Returns
    -------
    ndarray of int

    Raises
    ------
    ValueError
        If groups meet on the sky and are not to be merged; up to five pairs are named.

    Examples
    --------
    >>> check_groups(["a", "b"], [10.0, 10.01], [0.0, 0.0], merge=True)
    array([0, 0])
    """
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    if ra is None or dec is None:
        return codes.astype(np.int64)
    sky = sky_groups(ra, dec, radius_arcsec)
    pairs = []
    for field in np.unique(sky):
        rows = np.flatnonzero(sky == field)
        if len(np.unique(codes[rows])) > 1:
            other = rows[codes[rows] != codes[rows[0]]][0]
            pairs.append(
                f"rows {rows[0]} ({names[codes[rows[0]]]}) and {other} ({names[codes[other]]})"
            )
    if not pairs:
        return codes.astype(np.int64)
    if not merge:
        raise ValueError(
            f"groups: {len(pairs)} sources appear in two groups within {radius_arcsec:g} arcsec: "
            f"{'; '.join(pairs[:5])}. Pass merge=True to join them"
        )
    # Joined through either label: connected components of rows that share a group or a field.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(codes)
    links = coo_array(
        (np.ones(n), (codes, len(names) + sky)), shape=(len(names) + sky.max() + 1,) * 2
    )
    _, joined = connected_components(links, directed=False)
    return np.unique(joined[codes], return_inverse=True)[1].astype(np.int64)


def equivariance_error(
    network: torch.nn.Module,
    stamps: NDArray[Any],
    angles: Sequence[float] = EVERY_15_DEG,
    *,
    mirror: bool = True,
    average: bool = True,
) -> pd.DataFrame:
    """How embedding and class change when the picture is turned.

    Parameters
    ----------
    network : MorphologyNetwork
        Trained.
    stamps : ndarray, shape (n, channels, size, size)
        What it sees.
    angles : sequence of float
        Degrees.
    mirror : bool
        Whether the mirrored picture is shown as well.
    average : bool
        Whether answers are averaged over turns, as the classifier does; otherwise one look.

    Returns
    -------
    pandas.DataFrame
        ``angle_deg``, ``mirrored``, ``change`` (mean relative change of the embedding),
        ``flips`` (share of pictures whose class changes), ``n``.

    Examples
    --------
    >>> from decan.radio_agn.crossval import build_network
    >>> stamps = np.random.default_rng(0).random((2, 4, 65, 65), dtype=np.float32)
    >>> found = equivariance_error(build_network(3), stamps, [90.0, 180.0])
    >>> bool((found["change"] < 1e-5).all()), float(found["flips"].max())
    (True, 0.0)
    """
    import pandas as pd

    looks = {} if average else {"angles": (0.0,)}
    network.eval()
    pictures = torch.from_numpy(np.ascontiguousarray(stamps, dtype=np.float32))

    def seen(batch: torch.Tensor) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        with torch.no_grad():
            parts = [network.encoder(part) for part in batch.split(128)]  # type: ignore[operator]
        logs = network_logits(network, batch.numpy(), **looks)  # type: ignore[arg-type]
        return torch.cat(parts).double().numpy(), logs.argmax(axis=1)

    base, said = seen(pictures)
    rows = []
    for flipped in (False, True) if mirror else (False,):
        view = pictures.flip(-1) if flipped else pictures
        for angle in angles:
            there, says = seen(turn(view, float(angle)))
            change = np.linalg.norm(there - base, axis=1) / np.linalg.norm(base, axis=1).clip(1e-12)
            rows.append(
                {
                    "angle_deg": float(angle),
                    "mirrored": flipped,
                    "change": float(change.mean()),
                    "flips": float((says != said).mean()),
                    "n": len(base),
                }
            )
    return pd.DataFrame(rows)


def selection_inflation(validation: ArrayLike, test: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """What is gained by choosing the epoch on the test set.

    Parameters
    ----------
    validation, test : array_like of float, shape (n_seeds, n_epochs)
        Accuracies after each epoch.

    Returns
    -------
    dict of str to ndarray, shape (n_seeds,)
        ``selected on test``, ``selected on validation`` (test accuracy at the best
        validation epoch, the earliest of equals), and their difference ``inflation``.

    Examples
    --------
    >>> found = selection_inflation([[0.5, 0.7, 0.6]], [[0.6, 0.6, 0.8]])
    >>> found["inflation"].round(2)
    array([0.2])
    """
    on, there = np.asarray(validation, dtype=float), np.asarray(test, dtype=float)
    best = there.max(axis=1)
    honest = there[np.arange(len(there)), on.argmax(axis=1)]
    return {
        "selected on test": best,
        "selected on validation": honest,
        "inflation": best - honest,
    }


def similarity_search(
    embeddings: ArrayLike, query: ArrayLike, *, n: int = 10
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Sources most like a given one.

    Parameters
    ----------
    embeddings : array_like, shape (n_sources, n_features)
        Of the catalogue, from :meth:`RadioMorphologyClassifier.embed`.
    query : array_like, shape (n_features,)
        Of the source.
    n : int
        How many.

    Returns
    -------
    rows : ndarray of int, shape (n,)
        Most similar first.
    similarity : ndarray of float
        Cosine of the angle between the standardised embeddings.

    Examples
    --------
    >>> rows, how = similarity_search([[2, 0], [0, 1], [1, 0.2], [0, 3]], [2, 0], n=2)
    >>> rows.tolist()
    [0, 2]
    """
    table = np.asarray(embeddings, dtype=float)
    centre, width = table.mean(axis=0), table.std(axis=0) + 1e-12
    scaled = (table - centre) / width
    asked = (np.asarray(query, dtype=float) - centre) / width
    length = np.linalg.norm(scaled, axis=1) * np.linalg.norm(asked)
    cosine = scaled @ asked / np.maximum(length, 1e-12)
    rows = np.argsort(-cosine, kind="stable")[:n]
    return rows, cosine[rows]


def _mean_auc(truth: NDArray[Any], prob: NDArray[np.float64]) -> float:
    ks = range(1) if prob.shape[1] == 2 else range(prob.shape[1])
    found = [
        roc_auc((truth == k).astype(int), prob[:, k]).value
        for k in ks
        if 0 < (truth == k).sum() < len(truth)
    ]
    return float(np.mean(found)) if found else float("nan")


def _ece(truth: NDArray[Any], prob: NDArray[np.float64]) -> float:
    right = (prob.argmax(axis=1) == truth).astype(int)
    return float(calibration_error(right, prob.max(axis=1), n_bins=10).ece.value)
