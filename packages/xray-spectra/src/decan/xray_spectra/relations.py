"""What latents mean: formulas of band fluxes, and bits shared with other properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["LatentFormula", "MutualInformation", "latent_formula", "mutual_information"]

_LN2 = float(np.log(2))


@dataclass(frozen=True, repr=False)
class LatentFormula:
    """A latent as a short expression of band fluxes.

    Parameters
    ----------
    terms : tuple of str
        The terms, readable.
    coefficients : ndarray, shape (n_terms + 1,)
        Constant first.
    r2 : float
        On rows that took no part in the search.

    Examples
    --------
    >>> LatentFormula(("log(h/m)",), np.array([0.5, 2.0]), 0.91)
    0.5 + 2 log(h/m)   (held-out R2 0.910)
    """

    terms: tuple[str, ...]
    coefficients: NDArray[np.float64]
    r2: float

    @property
    def expression(self) -> str:
        """The formula as text."""
        text = f"{self.coefficients[0]:.3g}"
        for term, value in zip(self.terms, self.coefficients[1:], strict=True):
            text += f" {'+' if value >= 0 else '-'} {abs(value):.3g} {term}"
        return text

    def __repr__(self) -> str:
        return f"{self.expression}   (held-out R2 {self.r2:.3f})"


def latent_formula(
    latents: ArrayLike,
    band_fluxes: Mapping[str, ArrayLike],
    *,
    max_terms: int = 3,
    rng: np.random.Generator | int | None = 0,
) -> list[LatentFormula]:
    """Search, for each latent, the best expression of a few terms of band fluxes.

    Terms are logarithms of ratios, hardness ratios, fractions, and squares and products of
    these. They are added one at a time on a half of the rows, tried all pairs first; the
    R² is that of the other half.

    Parameters
    ----------
    latents : array_like, shape (n, k)
        Latents.
    band_fluxes : mapping of str to array_like, shape (n,)
        Positive fluxes (or counts) of bands.
    max_terms : int
        Most terms of an expression.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    list of LatentFormula
        One for each latent.

    Raises
    ------
    ValueError
        If fewer than 20 rows are finite.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> flux = {"s": generator.gamma(5, size=400), "h": generator.gamma(5, size=400)}
    >>> [found] = latent_formula(np.log10(flux["h"] / flux["s"])[:, None], flux, max_terms=1)
    >>> found.terms, round(found.r2, 2)
    (('log(h/s)',), 1.0)
    """
    z = np.asarray(latents, dtype=float)
    names, columns = _dictionary(band_fluxes)
    good = np.isfinite(z).all(axis=1) & np.isfinite(columns).all(axis=1)
    if good.sum() < 20:
        raise ValueError(f"latents: {int(good.sum())} rows with positive fluxes, 20 are needed")
    z, columns = z[good], columns[good]
    order = np.random.default_rng(rng).permutation(len(z))
    train, test = order[: len(z) // 2], order[len(z) // 2 :]
    return [_search(z[:, k], names, columns, train, test, max_terms) for k in range(z.shape[1])]


@dataclass(frozen=True)
class MutualInformation:
    """Bits shared by each latent with another property.

    Parameters
    ----------
    bits : ndarray, shape (k,)
        Estimates.
    null : ndarray, shape (k,)
        Mean of shuffled copies.
    p_value : ndarray, shape (k,)
        Share of shuffled copies that reach the estimate, with one added to both.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(300, 1))
    >>> found = mutual_information(z, z[:, 0] ** 2, n_permutations=20, rng=0)
    >>> bool(found.bits[0] > 1), bool(found.p_value[0] < 0.05)
    (True, True)
    """

    bits: NDArray[np.float64]
    null: NDArray[np.float64]
    p_value: NDArray[np.float64]


def mutual_information(
    latents: ArrayLike,
    values: ArrayLike,
    *,
    n_permutations: int = 200,
    groups: ArrayLike | None = None,
    n_neighbours: int = 3,
    rng: np.random.Generator | int | None = 0,
) -> MutualInformation:
    """Mutual information of each latent with another property, against shuffled copies.

    Parameters
    ----------
    latents : array_like, shape (n, k)
        Latents (or any properties of spectra).
    values : array_like, shape (n,)
        The other property.
    n_permutations : int
        Shuffled copies.
    groups : array_like, shape (n,), optional
        Source of each row; values of one source stay together when they are shuffled (sources
        of equal numbers of rows are exchanged).
    n_neighbours : int
        Neighbours of the estimate.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    MutualInformation

    Raises
    ------
    ValueError
        If lengths differ.

    References
    ----------
    Kraskov, Stögbauer & Grassberger 2004, Phys. Rev. E 69, 066138.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(300, 2))
    >>> found = mutual_information(z, z[:, 0], n_permutations=10)
    >>> bool(found.bits[0] > 10 * found.bits[1])
    True
    """
    z, y = np.asarray(latents, dtype=float), np.asarray(values, dtype=float)
    if len(z) != len(y):
        raise ValueError(f"values: {len(y)} for {len(z)} rows of latents")
    good = np.isfinite(z).all(axis=1) & np.isfinite(y)
    z, y = _ranked(z[good]), _ranked(y[good][:, None])[:, 0]
    generator = np.random.default_rng(rng)
    codes = np.arange(len(y)) if groups is None else np.asarray(groups)[good]
    bits = _kraskov(z, y, n_neighbours)
    shuffled = np.array(
        [_kraskov(z, _shuffled(y, codes, generator), n_neighbours) for _ in range(n_permutations)]
    )
    reached = (shuffled >= bits).sum(axis=0)
    return MutualInformation(bits, shuffled.mean(axis=0), (reached + 1) / (n_permutations + 1))


def _dictionary(fluxes: Mapping[str, ArrayLike]) -> tuple[list[str], NDArray[np.float64]]:
    flux = {name: np.asarray(value, dtype=float) for name, value in fluxes.items()}
    names: list[str] = []
    columns: list[Any] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for a, b in combinations(reversed(list(flux)), 2):
            names += [f"log({a}/{b})", f"({a}-{b})/({a}+{b})"]
            columns += [np.log10(flux[a] / flux[b]), (flux[a] - flux[b]) / (flux[a] + flux[b])]
        total = sum(flux.values())
        for name, value in flux.items():
            names.append(f"{name}/total")
            columns.append(value / total)
    first = len(names)
    for i in range(first):
        names.append(f"[{names[i]}]^2")
        columns.append(columns[i] ** 2)
    for i, j in combinations(range(first), 2):
        names.append(f"[{names[i]}][{names[j]}]")
        columns.append(columns[i] * columns[j])
    return names, np.column_stack(columns)


def _search(
    y: Any, names: list[str], columns: Any, train: Any, test: Any, max_terms: int
) -> LatentFormula:
    """Forward selection with one exchange after each term."""
    chosen: list[int] = []
    scale = columns[train].std(axis=0) > 1e-9
    for _ in range(max_terms):
        best = _best_addition(y[train], columns[train], chosen, scale)
        if best is None:
            break
        chosen.append(best)
        for place in range(len(chosen) - 1):
            rest = [c for i, c in enumerate(chosen) if i != place]
            swapped = _best_addition(y[train], columns[train], rest, scale)
            if swapped is not None:
                chosen = [*rest, swapped]
    design = np.column_stack([np.ones(len(y)), columns[:, chosen]])
    coefficients, *_ = np.linalg.lstsq(design[train], y[train], rcond=None)
    miss = y[test] - design[test] @ coefficients
    r2 = 1 - float(np.mean(miss**2) / np.var(y[test]))
    return LatentFormula(tuple(names[c] for c in chosen), coefficients, r2)


def _best_addition(y: Any, columns: Any, chosen: list[int], usable: Any) -> int | None:
    """The column that, beside those chosen, explains most: largest partial correlation."""
    base = np.column_stack([np.ones(len(y)), columns[:, chosen]])
    q, _ = np.linalg.qr(base)
    rest = y - q @ (q.T @ y)
    candidates = columns - q @ (q.T @ columns)
    norm = np.linalg.norm(candidates, axis=0)
    score = np.abs(candidates.T @ rest) / np.maximum(norm, 1e-12)
    score[(norm < 1e-6 * np.sqrt(len(y))) | ~usable] = -1
    score[chosen] = -1
    best = int(np.argmax(score))
    return best if score[best] > 0 else None


def _ranked(columns: Any) -> NDArray[np.float64]:
    """Ranks on a normal scale: the estimate becomes the same under any rising transformation."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(columns, axis=0)
    return np.asarray(ndtri((ranks - 0.5) / len(columns)))


def _shuffled(y: Any, codes: Any, rng: np.random.Generator) -> Any:
    """Values exchanged between sources that have as many rows."""
    _, inverse, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    if sizes.max() == 1:
        return y[rng.permutation(len(y))]
    order = np.argsort(inverse, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found = y.copy()
    for size in np.unique(sizes):
        members = np.flatnonzero(sizes == size)
        for to, other in zip(members, rng.permutation(members), strict=True):
            rows = order[starts[to] : starts[to] + size]
            found[rows] = y[order[starts[other] : starts[other] + size]]
    return found


def _kraskov(z: Any, y: Any, k: int) -> NDArray[np.float64]:
    """First estimator of Kraskov et al. for each column, in bits."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    n = len(y)
    sorted_y = np.sort(y)
    bits = np.empty(z.shape[1])
    for column in range(z.shape[1]):
        x = z[:, column]
        near, _ = cKDTree(np.column_stack([x, y])).query(np.column_stack([x, y]), k=k + 1, p=np.inf)
        radius = np.nextafter(np.asarray(near)[:, -1], 0)
        sorted_x = np.sort(x)
        n_x = _within(sorted_x, x, radius)
        n_y = _within(sorted_y, y, radius)
        value = digamma(k) + digamma(n) - np.mean(digamma(n_x) + digamma(n_y))
        bits[column] = max(value, 0.0) / _LN2
    return bits


def _within(ordered: Any, values: Any, radius: Any) -> Any:
    """How many values (itself included) lie within a radius of each."""
    high = np.searchsorted(ordered, values + radius, side="right")
    return np.maximum(high - np.searchsorted(ordered, values - radius, side="left"), 1)
