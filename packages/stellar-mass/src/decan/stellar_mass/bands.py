"""Scans over many sets of inputs: which band, which pair of bands, adds what.

All sets, unions and folds are trained as one vectorised ensemble, and a union that several
tuples share is trained once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .components import Decomposition
from .ensembles import cross_fit_sets, with_parts
from .inputs import Columns, as_columns, as_target, check_aligned, clean_sentinels

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BandScan", "adjacent_tuples", "band_scan", "paper_tuples"]

# Hundreds of networks side by side are bound by memory: narrow ones are enough for a few columns.
_HIDDEN = 24

Tuple = tuple[tuple[str, ...], tuple[str, ...]]


class BandScan(dict[Tuple, Decomposition]):
    """Decompositions by their tuple of two sets of blocks.

    Examples
    --------
    >>> BandScan().table().empty
    True
    """

    def table(self) -> pd.DataFrame:
        """A row a tuple: the sets, information of each and both, components with intervals."""
        import pandas as pd

        rows = []
        for (first, second), found in self.items():
            row: dict[str, Any] = {"first": " ".join(first), "second": " ".join(second)}
            for name in (
                "information_1", "information_2", "information_12",
                "redundant", "unique_1", "unique_2", "synergistic",
            ):  # fmt: skip
                part = getattr(found, name)
                row |= {name: part.value, f"{name}_low": part.low, f"{name}_high": part.high}
                row[f"{name}_floor"] = part.floor
            rows.append(row)
        return pd.DataFrame(rows)


def adjacent_tuples(names: Sequence[str]) -> list[Tuple]:
    """Every single block against the rest, then every pair of neighbours against the rest.

    Parameters
    ----------
    names : sequence of str
        Blocks in their order (of wavelength, say).

    Returns
    -------
    list of (first, second)

    Examples
    --------
    >>> adjacent_tuples(["g", "r", "i"])[0], len(adjacent_tuples("ugriz"))
    ((('g',), ('r', 'i')), 9)
    """
    singles = [((one,), tuple(n for n in names if n != one)) for one in names]
    pairs = [
        (tuple(names[i : i + 2]), (*names[:i], *names[i + 2 :])) for i in range(len(names) - 1)
    ]
    return singles + pairs


def paper_tuples() -> list[Tuple]:
    """The 29 tuples of the paper, as sets of blocks.

    Blocks are ``M_u`` ... ``M_z`` and ``M_w1`` ... ``M_w3`` (magnitudes), ``I_u`` ... ``I_z``
    (images), ``N_u`` ... ``N_z`` (images divided by the flux), ``morphology`` and ``z``.

    Returns
    -------
    list of (first, second)

    References
    ----------
    Zhang et al. 2025, arXiv 2509.23901, and its code.

    Examples
    --------
    >>> len(paper_tuples())
    29
    """
    bands, wise = "ugriz", ("M_w1", "M_w2", "M_w3")
    magnitudes = tuple(f"M_{b}" for b in bands)
    images = tuple(f"I_{b}" for b in bands)
    shapes = tuple(f"N_{b}" for b in bands)
    first: list[Tuple] = [
        (magnitudes, shapes),
        (magnitudes, ("morphology",)),
        (magnitudes, wise),
        (images, wise),
        (images + wise, ("z",)),
    ]
    return first + adjacent_tuples(images) + adjacent_tuples(magnitudes + wise)


def band_scan(
    blocks: Mapping[str, Any],
    y: ArrayLike,
    *,
    sets: Sequence[Tuple] | None = None,
    groups: ArrayLike | None = None,
    folds: int = 5,
    members: int = 1,
    epochs: int | None = None,
    floor: bool = False,
    n_boot: int = 100,
    rng: np.random.Generator | int | None = None,
) -> BandScan:
    """Decompose the information of many tuples of inputs, trained in one vectorised ensemble.

    Parameters
    ----------
    blocks : mapping of str to array_like or pandas object, shape (n,) or (n, d)
        Columns by the name of their block.
    y : array_like, shape (n,)
        Target.
    sets : sequence of (first, second), optional
        Tuples of names of blocks; :func:`adjacent_tuples` of all blocks without it.
    groups : array_like, shape (n,), optional
        Objects of one group stay in one fold, and are resampled together.
    folds, members : int
        Folds by group, and networks for each set and fold.
    epochs : int, optional
        Passes over the data.
    floor : bool
        Whether to repeat every tuple with the rows of its second set permuted.
    n_boot : int
        Resamples behind the intervals.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    BandScan
        Minimum mutual information by tuple.

    Raises
    ------
    ValueError
        If a tuple names a block that is not there, or shares one between its sets.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> scan = band_scan({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]}, x[:, 0] + x[:, 1],
    ...                  folds=2, epochs=3, rng=0)
    >>> scan.table().shape[0]
    5
    """
    chosen = list(sets) if sets is not None else adjacent_tuples(list(blocks))
    columns = {
        name: clean_sentinels(as_columns(block, name), name) for name, block in blocks.items()
    }
    target = as_target(y)
    check_aligned(y=target, **columns)
    for first, second in chosen:
        for name in (*first, *second):
            if name not in columns:
                raise ValueError(f"sets: no block is called {name!r}; {', '.join(columns)}")
        if set(first) & set(second):
            raise ValueError(f"sets: {sorted(set(first) & set(second))} stand in both of a tuple")
    seed = int(np.random.default_rng(rng).integers(2**31))
    labels = None if groups is None else np.asarray(groups)
    real = _fitted(columns, columns, chosen, target, labels, folds, members, epochs, seed)
    noise: list[Any] = [None] * len(chosen)
    if floor:
        order = np.random.default_rng(seed).permutation(len(target))
        permuted = {k: Columns(c.values[order], c.names, None) for k, c in columns.items()}
        noise = _fitted(columns, permuted, chosen, target, labels, folds, members, epochs, seed)
    scan = BandScan()
    for (first, second), local, low in zip(chosen, real, noise, strict=True):
        names = " ".join(first), " ".join(second)
        scan[(first, second)] = Decomposition(
            names, "mmi", "network", local, low, None, None, target, labels, n_boot, seed
        )
    return scan


def _fitted(
    first_blocks: Mapping[str, Columns],
    second_blocks: Mapping[str, Columns],
    sets: Sequence[Tuple],
    y: NDArray[np.float64],
    groups: NDArray[Any] | None,
    folds: int,
    members: int,
    epochs: int | None,
    seed: int,
) -> list[NDArray[np.float64]]:
    """Local information of every tuple, shape (n, 3) each."""
    same = first_blocks is second_blocks
    parts = [first_blocks] if same else [first_blocks, second_blocks]
    values, place, start = [], {}, 0
    for side, blocks in enumerate(parts):
        for name, block in blocks.items():
            width = block.values.shape[1]
            place[side, name] = np.arange(start, start + width)
            values.append(block.values)
            start += width
    second_side = 0 if same else 1
    wanted: dict[frozenset[tuple[int, str]], int] = {}

    def number(members_of: frozenset[tuple[int, str]]) -> int:
        return wanted.setdefault(members_of, len(wanted))

    asked = []
    for first, second in sets:
        one = frozenset((0, name) for name in first)
        two = frozenset((second_side, name) for name in second)
        asked.append((number(one), number(two), number(one | two)))
    chosen = [np.concatenate([place[key] for key in sorted(one)]) for one in wanted]
    fits = cross_fit_sets(
        np.concatenate(values, axis=1), chosen, y, groups=groups, folds=folds, members=members,
        hidden=_HIDDEN, epochs=epochs, rng=seed,
    )  # fmt: skip
    out = []
    for i, j, both in asked:
        union = with_parts(fits[both], (fits[i], fits[j]), groups, folds)
        local = [fit.information() for fit in (fits[i], fits[j], union)]
        out.append(np.stack(local, axis=1))
    return out
