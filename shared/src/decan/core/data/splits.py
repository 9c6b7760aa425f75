"""Splits by star, source, system or patch of sky: never by row.

Rows of one object on both sides of a split are the commonest leak of the field. Here the
group is the unit: it goes to one side whole, and classes and rows are balanced as far as
the sizes of the groups allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import plain_numbers

__all__ = ["check_no_leak", "group_folds", "group_split", "sky_groups"]

Rows: TypeAlias = NDArray[np.intp]


def group_folds(
    groups: ArrayLike,
    n_folds: int,
    *,
    stratify: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> list[tuple[Rows, Rows]]:
    """Folds for cross-validation in which every group is tested exactly once.

    Groups with the same number of rows of each class are dealt out evenly; the others
    follow, largest first, each to the fold that lacks its classes most.

    Parameters
    ----------
    groups : array_like, shape (n,)
        The group of each row: star, source, label of :func:`sky_groups`.
    n_folds : int
        Number of folds, at least 2.
    stratify : array_like, shape (n,), optional
        Class of each row, whose shares are kept in every fold. Rows of one group may
        belong to several classes.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    list of (train, test)
        For each fold two sorted arrays of row numbers.

    Raises
    ------
    ValueError
        If a label is missing, or there are fewer groups (in all, or with a class) than
        folds.

    Examples
    --------
    >>> for train, test in group_folds(["a", "a", "b", "c", "c"], 3, rng=1):
    ...     print(train, test)
    [0 1 2] [3 4]
    [2 3 4] [0 1]
    [0 1 3 4] [2]
    """
    if n_folds < 2:
        raise ValueError(f"n_folds: {n_folds}; cross-validation needs at least 2")
    shares = np.full(n_folds, 1 / n_folds)
    side = _sides(groups, shares, [f"fold {i}" for i in range(n_folds)], stratify, rng)
    return [(np.flatnonzero(side != i), np.flatnonzero(side == i)) for i in range(n_folds)]


@overload
def group_split(
    groups: ArrayLike,
    fractions: Mapping[str, float],
    *,
    stratify: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> dict[str, Rows]: ...


@overload
def group_split(
    groups: ArrayLike,
    fractions: Sequence[float],
    *,
    stratify: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> list[Rows]: ...


def group_split(
    groups: ArrayLike,
    fractions: Mapping[str, float] | Sequence[float],
    *,
    stratify: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> dict[str, Rows] | list[Rows]:
    """One split into parts of given fractions, each group whole in one part.

    The fractions are fractions of rows, reached as closely as the groups allow.

    Parameters
    ----------
    groups : array_like, shape (n,)
        The group of each row.
    fractions : mapping of str to float, or sequence of float
        The share of each part; together 1.
    stratify : array_like, shape (n,), optional
        Class of each row, whose shares are kept in every part.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    dict of str to array, or list of array
        Sorted row numbers of each part, named or ordered as in ``fractions``.

    Raises
    ------
    ValueError
        If the fractions do not sum to 1, a label is missing, or there are too few groups
        (in all, or with a class) to give each part one.

    Examples
    --------
    >>> parts = group_split([1, 1, 2, 2, 3, 3, 4, 4], {"train": 0.75, "test": 0.25}, rng=1)
    >>> {name: len(rows) for name, rows in parts.items()}
    {'train': 6, 'test': 2}
    """
    names = list(fractions) if isinstance(fractions, Mapping) else [*range(len(fractions))]
    values = list(fractions.values()) if isinstance(fractions, Mapping) else list(fractions)
    shares = np.asarray(values, dtype=float)
    if len(shares) < 2 or not np.all(shares > 0) or not np.isclose(shares.sum(), 1, atol=1e-9):
        raise ValueError(f"fractions: {fractions}; expected two or more, positive, that sum to 1")
    labels = [f"part {name!r} ({share:g})" for name, share in zip(names, shares, strict=True)]
    side = _sides(groups, shares, labels, stratify, rng)
    rows = [np.flatnonzero(side == i) for i in range(len(shares))]
    return dict(zip(names, rows, strict=True)) if isinstance(fractions, Mapping) else rows


def sky_groups(ra_deg: ArrayLike, dec_deg: ArrayLike, radius_arcsec: float) -> NDArray[np.int64]:
    """Groups of positions linked by neighbours within a radius (friends of friends).

    Distances are those on the sphere, so that the poles and right ascension 0 are places
    like any other. The radius is a link's length: a chain of neighbours is one group,
    however long, so that nothing within the radius of a test row is ever trained on.

    Parameters
    ----------
    ra_deg, dec_deg : array_like or astropy.units.Quantity, shape (n,)
        Positions in degrees.
    radius_arcsec : float or astropy.units.Quantity
        Longest link in arcseconds.

    Returns
    -------
    ndarray of int64, shape (n,)
        Labels from 0, in the order in which the groups first appear.

    Raises
    ------
    ValueError
        If a position is not finite or beyond a pole, or the radius is negative.

    Notes
    -----
    All pairs within the radius are held in memory, except those of equal positions.

    References
    ----------
    Huchra & Geller 1982, ApJ 257, 423 (friends of friends).

    Examples
    --------
    >>> sky_groups([359.9999, 0.0001, 180.0], [0.0, 0.0, 0.0], radius_arcsec=1.0)
    array([0, 0, 1])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    ra = plain_numbers(ra_deg, "ra_deg", unit="deg")
    dec = plain_numbers(dec_deg, "dec_deg", unit="deg")
    if ra.shape != dec.shape or ra.ndim != 1:
        raise ValueError(f"ra_deg, dec_deg: shapes {ra.shape} and {dec.shape}; expected (n,) twice")
    bad = np.flatnonzero(~(np.isfinite(ra) & (np.abs(dec) <= 90)))
    if bad.size:
        row = bad[0]
        raise ValueError(
            f"ra_deg, dec_deg: row {row} is ({ra[row]}, {dec[row]}), no position on the sky "
            f"({bad.size} such of {ra.size})"
        )
    radius = float(plain_numbers(radius_arcsec, "radius_arcsec", unit="arcsec"))
    if not radius >= 0:
        raise ValueError(f"radius_arcsec: {radius}; expected 0 or more")
    ra, dec = np.radians(ra), np.radians(dec)
    xyz = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    # Many rows of one source would give a pair for every two of them.
    places, place_of_row = np.unique(xyz, axis=0, return_inverse=True)
    chord = 2 * np.sin(min(np.radians(radius / 3600), np.pi) / 2)
    pairs = cKDTree(places).query_pairs(chord, output_type="ndarray")
    n = len(places)
    links = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    label_of_place = connected_components(links, directed=False)[1]
    return _codes(label_of_place[place_of_row.reshape(-1)], "positions")[0].astype(np.int64)


def check_no_leak(train_groups: ArrayLike, test_groups: ArrayLike) -> None:
    """Raise if a group stands on both sides of a split.

    Parameters
    ----------
    train_groups, test_groups : array_like
        The group of each row on either side.

    Raises
    ------
    ValueError
        Naming one of the shared groups and their number.

    Examples
    --------
    >>> check_no_leak(["TIC 1", "TIC 2"], ["TIC 3"])
    >>> check_no_leak(["TIC 1", "TIC 2"], ["TIC 2", "TIC 3"])
    Traceback (most recent call last):
    ...
    ValueError: 1 of 2 test groups is also in training, for example 'TIC 2'; split by group
    """
    test = dict.fromkeys(np.asarray(test_groups).ravel().tolist())
    train = set(np.asarray(train_groups).ravel().tolist())
    shared = [group for group in test if group in train]
    if shared:
        verb = "is" if len(shared) == 1 else "are"
        raise ValueError(
            f"{len(shared)} of {len(test)} test groups {verb} also in training, for example "
            f"{shared[0]!r}; split by group"
        )


def _sides(
    groups: ArrayLike,
    shares: NDArray[np.float64],
    names: list[str],
    stratify: ArrayLike | None,
    rng: np.random.Generator | int | None,
) -> Rows:
    """The number of the side that each row goes to."""
    rng = np.random.default_rng(rng)
    group_of_row, group_names = _codes(groups, "groups")
    n_sides, n_groups = len(shares), len(group_names)
    if n_groups < n_sides:
        raise ValueError(
            f"groups: {n_groups} groups in {len(group_of_row)} rows, for {n_sides} sides"
        )
    class_of_row, n_classes = np.zeros_like(group_of_row), 1
    if stratify is not None:
        class_of_row, class_names = _codes(stratify, "stratify")
        n_classes = len(class_names)
        if len(class_of_row) != len(group_of_row):
            raise ValueError(f"stratify: {len(class_of_row)} rows, groups has {len(group_of_row)}")
        if n_classes < 2:
            raise ValueError(
                f"stratify: all {len(class_of_row)} rows are of class {class_names[0]!r}"
            )
    cells = group_of_row * n_classes + class_of_row
    counts = np.bincount(cells, minlength=n_groups * n_classes).reshape(n_groups, n_classes)
    if stratify is not None:
        _refuse_rare_classes((counts > 0).sum(axis=0), class_names, n_sides)
    side_of_group = _deal(counts, shares, rng)
    _place_rest(counts, shares, side_of_group, rng)
    empty = np.flatnonzero(np.bincount(side_of_group, minlength=n_sides) == 0)
    if empty.size:
        raise ValueError(f"groups: {n_groups} groups are too few, {names[empty[0]]} gets none")
    return side_of_group[group_of_row]


def _codes(labels: ArrayLike, argument: str) -> tuple[Rows, Any]:
    """Labels as integers in order of first appearance, and the labels they stand for."""
    import pandas as pd

    # As objects, since numpy would make the NaN in a list of names the name "nan".
    values = np.asarray(labels) if hasattr(labels, "dtype") else np.asarray(labels, dtype=object)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"{argument}: shape {values.shape}; expected one label for each row")
    codes, names = pd.factorize(values)
    missing = np.flatnonzero(codes < 0)
    if missing.size:
        raise ValueError(f"{argument}: row {missing[0]} has no label ({missing.size} such rows)")
    return codes.astype(np.intp), names.tolist()


def _refuse_rare_classes(groups_with: Rows, class_names: list[Any], n_sides: int) -> None:
    rare = int(np.argmin(groups_with))
    if groups_with[rare] < n_sides:
        raise ValueError(
            f"stratify: class {class_names[rare]!r} occurs in {groups_with[rare]} groups, for "
            f"{n_sides} sides; merge it with another class or ask for fewer sides"
        )


def _deal(counts: NDArray[np.intp], shares: NDArray[np.float64], rng: np.random.Generator) -> Rows:
    """Deal groups of equal content out in proportion; those that do not go up get -1."""
    _, content, number = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
    content = content.reshape(-1)
    shuffled = rng.permutation(len(counts))
    shuffled = shuffled[np.argsort(content[shuffled], kind="stable")]
    rank = np.arange(len(counts)) - np.repeat(np.cumsum(number) - number, number)
    # The small number keeps 3 * (1 / 3) from being less than 1.
    quota = np.floor(number[:, None] * shares + 1e-9).astype(np.intp)
    dealt = (rank[:, None] >= np.cumsum(quota, axis=1)[content[shuffled]]).sum(axis=1)
    side = np.empty(len(counts), dtype=np.intp)
    side[shuffled] = np.where(dealt < len(shares), dealt, -1)
    return side


def _place_rest(
    counts: NDArray[np.intp],
    shares: NDArray[np.float64],
    side: Rows,
    rng: np.random.Generator,
) -> None:
    """Place the groups that are left, largest first, where their classes lack most.

    What is made small is the sum over sides and classes of the squared difference between
    rows there and rows due, each class in units of its total. All rows together count as
    one more class of little weight, which tells sides apart that are equal otherwise.
    """
    counts = np.column_stack([counts, counts.sum(axis=1)])
    total = counts.sum(axis=0)
    content = counts / total
    weight = np.append(np.ones(counts.shape[1] - 1), 1e-6)
    rest = rng.permutation(np.flatnonzero(side < 0))
    # Powers of two: large before small, and yet another seed gives another split.
    size = np.floor(np.log2(content[rest] @ weight))
    rest = rest[np.argsort(-size, kind="stable")]
    placed = np.stack([counts[side == i].sum(axis=0) for i in range(len(shares))])
    excess = placed / total - shares[:, None]
    gain = content * weight
    for group in rest:
        best = (excess @ gain[group]).argmin()
        side[group] = best
        excess[best] += content[group]
