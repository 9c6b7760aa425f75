"""Nearest neighbours in a latent space: exact, in blocks, with bounded memory.

Trees lose their advantage in eight or sixteen dimensions. Here a block of distances comes from
one matrix product in single precision; a quantile of a sample bounds the distance of the k-th
neighbour; the few candidates below it are measured again in double precision. A row whose bound
was too tight is worked out in full, so that the answer is exact in every case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["nearest_blocks", "nearest_neighbours"]

_BYTES = 8_000_000
_SAMPLE = 1500


def nearest_neighbours(
    points: ArrayLike,
    reference: ArrayLike,
    k: int,
    *,
    own: ArrayLike | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k nearest of the reference points to each point, nearest first.

    Parameters
    ----------
    points : array_like, shape (n, d)
        Where to look from.
    reference : array_like, shape (m, d)
        Among which.
    k : int
        How many.
    own : array_like of int, shape (n,), optional
        For each point the reference row that is the object itself and does not count; -1 where
        there is none.

    Returns
    -------
    rows : ndarray of int32, shape (n, k)
        Reference rows; equal distances in the order of the rows.
    distance : ndarray of float32, shape (n, k)
        Euclidean distances.

    Raises
    ------
    ValueError
        If k is not below the number of reference points, or a coordinate is not finite.

    Examples
    --------
    >>> rows, distance = nearest_neighbours([[0.0]], [[3.0], [1.0], [-2.0]], 2)
    >>> rows.tolist(), distance.tolist()
    ([[1, 2]], [[1.0, 2.0]])
    """
    n = len(np.asarray(points))
    rows = np.empty((n, k), dtype=np.int32)
    distance = np.empty((n, k), dtype=np.float32)
    for chosen, found, how_far in nearest_blocks(points, reference, k, own=own):
        rows[chosen], distance[chosen] = found, how_far
    return rows, distance


def nearest_blocks(
    points: ArrayLike,
    reference: ArrayLike,
    k: int,
    *,
    own: ArrayLike | None = None,
) -> Iterator[tuple[slice, NDArray[np.int32], NDArray[np.float64]]]:
    """The same block by block, for samples whose neighbours need not be held at once.

    Parameters
    ----------
    points, reference, k, own
        As in :func:`nearest_neighbours`.

    Yields
    ------
    slice, ndarray of int32, ndarray of float64
        The points of the block, their neighbours and distances.

    Raises
    ------
    ValueError
        As :func:`nearest_neighbours`.

    Examples
    --------
    >>> [rows.tolist() for _, rows, _ in nearest_blocks([[0.0]], [[3.0], [1.0]], 1)]
    [[[1]]]
    """
    where, among = (np.atleast_2d(np.asarray(a, dtype=np.float64)) for a in (points, reference))
    excluded = None if own is None else np.asarray(own)
    m = len(among)
    if not 0 < k < m + (excluded is None):
        raise ValueError(f"k: {k} neighbours of {m} points; expected 1 to {m - 1}")
    if not (np.isfinite(where).all() and np.isfinite(among).all()):
        raise ValueError("points: a coordinate is NaN or infinite")
    middle = among.mean(axis=0)
    where, among = where - middle, among - middle
    squares = (among**2).sum(axis=1)
    # |r|^2 - 2 p.r in one product; |p|^2 does not change the order.
    single = np.concatenate([-2 * among, squares[:, None]], axis=1).T.astype(np.float32, order="C")
    block = int(np.clip(_BYTES // (4 * m), 16, 512))
    step = max(1, m // _SAMPLE)
    for start in range(0, len(where), block):
        rows = slice(start, start + block)
        part = where[rows]
        ones = np.ones((len(part), 1))
        dense = np.concatenate([part, ones], axis=1).astype(np.float32) @ single
        if excluded is not None:
            skip = excluded[rows]
            known = np.flatnonzero(skip >= 0)
            dense[known, skip[known]] = np.inf
        yield rows, *_smallest(dense, part, among, squares, k, step)


def _smallest(
    dense: NDArray[np.float32],
    part: NDArray[np.float64],
    among: NDArray[np.float64],
    squares: NDArray[np.float64],
    k: int,
    step: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    n, m = dense.shape
    sample = dense[:, ::step]
    expected = k * sample.shape[1] / m
    rank = int(min(expected + 4 * np.sqrt(expected) + 4, sample.shape[1] - 1))
    bound = np.partition(sample, rank, axis=1)[:, rank]
    # Largest error of the single-precision product and sums.
    size = float((part**2).sum(axis=1).max() + squares.max())
    slack = 16 * np.finfo(np.float32).eps * size
    flat = np.flatnonzero(dense <= (bound + slack)[:, None])
    row, column = np.divmod(flat, m)
    away = part[row] - among[column]
    count = np.bincount(row, minlength=n)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    within = np.arange(len(row)) - first[row]
    width = max(int(count.max()), k)
    square, name = np.full((n, width), np.inf), np.zeros((n, width), dtype=np.int32)
    square[row, within], name[row, within] = np.einsum("ij,ij->i", away, away), column
    # Candidates stand in the order of the rows: a stable sort keeps it where distances are equal.
    order = np.argsort(square, axis=1, kind="stable")[:, :k]
    out_row = np.take_along_axis(name, order, axis=1)
    out_distance = np.take_along_axis(square, order, axis=1)
    # Everything within the bound is among the candidates: the k-th must lie within it.
    limit = bound - slack + (part**2).sum(axis=1)
    for i in np.flatnonzero(~(out_distance[:, -1] <= limit)):
        full = ((part[i] - among) ** 2).sum(axis=1)
        full[np.isinf(dense[i])] = np.inf
        nearest = np.lexsort((np.arange(m), full))[:k] if m < 4 * k else _full(full, k)
        out_row[i], out_distance[i] = nearest, full[nearest]
    return out_row, np.sqrt(out_distance)


def _full(distance: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    limit = np.partition(distance, k - 1)[k - 1]
    near = np.flatnonzero(distance <= limit)
    return near[np.lexsort((near, distance[near]))][:k]
