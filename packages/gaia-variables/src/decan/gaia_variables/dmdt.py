"""Histograms of magnitude differences at a time difference, P(Δm | Δt), with their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .lightcurves import LightCurves
from .ragged import segment_mean_std

__all__ = ["DmDt", "DmDtBinner"]

_DT_2025 = (0.04, 0.125, 1 / 3, 2.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2500.0)
_DM_2025 = (*(3 * k / 19 for k in range(20)), np.inf)
_DT_2024 = (0.07, 0.1, 0.5, 20.0, 50.0, np.inf)
_DM_2024 = (-np.inf, *(-3 + 6 * k / 21 for k in range(22)), np.inf)
# Elements of the largest temporary: it should stay in the processor's cache.
_BLOCK = 8_000


@dataclass(frozen=True)
class DmDt:
    """Histograms of a batch.

    Parameters
    ----------
    prob : ndarray of float32, shape (n, n_dm, n_dt)
        Share of the pairs at this Δt; 0 in a column without pairs.
    err : ndarray of float32, shape (n, n_dt)
        Error of each cell of a column; NaN in a column without pairs.
    n_pairs : ndarray of int64, shape (n, n_dt)
        Pairs in each column.

    Examples
    --------
    >>> DmDt(np.zeros((1, 20, 10)), np.full((1, 10), np.nan), np.zeros((1, 10), int)).valid.any()
    np.False_
    """

    prob: NDArray[np.float32]
    err: NDArray[np.float32]
    n_pairs: NDArray[np.int64]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Columns with at least one pair, shape (n, n_dt)."""
        return self.n_pairs > 0

    def __getitem__(self, stars: Any) -> DmDt:
        """Some of the stars."""
        return DmDt(self.prob[stars], self.err[stars], self.n_pairs[stars])

    def __len__(self) -> int:
        return len(self.prob)


@dataclass(frozen=True)
class DmDtBinner:
    """Bins all pairs of epochs of each star.

    Parameters
    ----------
    dt_edges_d : tuple of float
        Increasing edges in Δt, days. Pairs outside fall into the first or last bin.
    dm_edges : tuple of float
        Increasing edges in Δm, in standard deviations (or magnitudes, without
        ``standardise``). Pairs outside fall into the first or last bin.
    signed : bool
        Whether Δm keeps its sign (later minus earlier).
    standardise : bool
        Whether magnitudes are divided by their standard deviation first.
    error : {'huijse2025', 'multinomial'}
        ``'huijse2025'`` takes 1/sqrt(pairs) for every cell of a column.
        ``'multinomial'`` takes what 2 (epochs) - 1 independent differences would
        give at the column's typical share: pairs of one curve share their epochs.
    single_precision : bool
        Whether times are rounded to float32 first, as the published code does.

    Raises
    ------
    ValueError
        If edges do not increase.

    References
    ----------
    Mahabal et al. 2017 (arXiv 1709.06257); Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> curves = LightCurves.from_arrays([1] * 3, [0.0, 1.0, 30.0], [10.0, 10.2, 10.4], [0.01] * 3)
    >>> histogram = DmDtBinner().transform(curves)
    >>> histogram.prob.shape, histogram.n_pairs[0].tolist()
    ((1, 20, 10), [0, 0, 1, 0, 2, 0, 0, 0, 0, 0])
    """

    dt_edges_d: tuple[float, ...] = _DT_2025
    dm_edges: tuple[float, ...] = _DM_2025
    signed: bool = False
    standardise: bool = True
    error: Literal["huijse2025", "multinomial"] = "huijse2025"
    single_precision: bool = False

    def __post_init__(self) -> None:
        for name in ("dt_edges_d", "dm_edges"):
            edges = tuple(float(edge) for edge in getattr(self, name))
            object.__setattr__(self, name, edges)
            if len(edges) < 2 or not (np.diff(edges) > 0).all():
                raise ValueError(f"{name}: expected two or more increasing edges, found {edges}")
        if self.error not in ("multinomial", "huijse2025"):
            raise ValueError(f"error: 'multinomial' or 'huijse2025', found {self.error!r}")

    @classmethod
    def preset(cls, name: str) -> DmDtBinner:
        """Published settings: ``'huijse2025'``, or the earlier ``'paper-2024'``.

        Parameters
        ----------
        name : str
            ``'huijse2025'``: |Δm| in 20 bins, 10 bins of Δt. ``'paper-2024'``: signed Δm
            in 23 bins, 5 bins of Δt.

        Returns
        -------
        DmDtBinner

        Raises
        ------
        ValueError
            If there is no such preset.
        """
        if name == "huijse2025":
            return cls(error="huijse2025", single_precision=True)
        if name == "paper-2024":
            return cls(_DT_2024, _DM_2024, signed=True, error="huijse2025", single_precision=True)
        raise ValueError(f"preset: 'huijse2025' or 'paper-2024', found {name!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Number of bins in Δm and Δt."""
        return len(self.dm_edges) - 1, len(self.dt_edges_d) - 1

    def transform(self, curves: LightCurves) -> DmDt:
        """Histograms of the epochs in use.

        Parameters
        ----------
        curves : LightCurves
            Any number of stars.

        Returns
        -------
        DmDt
            A star without two epochs, or without variation, has no valid column.
        """
        used = curves.used()
        lengths = np.diff(used.start)
        mean, std = segment_mean_std(used.mag, used.start)
        counts = np.zeros((len(curves), *self.shape), np.int64)
        order = np.argsort(lengths, kind="stable")
        order = order[(lengths[order] > 1) & (std[order] > 0)]
        begin = 0
        while begin < len(order):
            # Stars of nearly equal length fill a rectangle well.
            size = max(1, int(_BLOCK // max(1, lengths[order[begin]])))
            stars = order[begin : begin + size]
            counts[stars] = self._count(used, stars, mean, std)
            begin += size
        n_pairs = counts.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            prob = np.where(n_pairs[:, None, :] > 0, counts / n_pairs[:, None, :], 0.0)
            err = np.where(n_pairs > 0, self._error(n_pairs, lengths), np.nan)
        return DmDt(prob.astype(np.float32), err.astype(np.float32), n_pairs)

    def _error(self, n_pairs: NDArray, lengths: NDArray) -> NDArray:
        if self.error == "huijse2025":
            return 1 / np.sqrt(n_pairs)
        independent = np.minimum(n_pairs, 2 * lengths[:, None] - 1)
        share = 1 / self.shape[0]
        return np.sqrt(share * (1 - share) / independent)

    def _count(self, used: LightCurves, stars: NDArray, mean: NDArray, std: NDArray) -> NDArray:
        """Counts of some stars of similar length, lag by lag."""
        time, mag, length = _rectangles(used, stars)
        mean, std = mean[stars], std[stars]
        if self.single_precision:
            time = (time + used.time_d[used.start[stars]]).astype(np.float32)
            mag, mean, std = (x.astype(np.float32) for x in (mag, mean, std))
        if self.standardise:
            mag = (mag - mean) / std
        mag = mag.astype(np.float32)
        n_dm, n_dt = self.shape
        dt_inner = np.asarray(self.dt_edges_d[1:-1], np.float32)
        dm_inner = np.asarray(self.dm_edges[1:-1], np.float32)
        cells = n_dm * n_dt + 1
        base = (np.arange(len(stars)) * cells).astype(np.int32)
        pairs = np.empty((len(time) * (len(time) - 1) // 2, len(stars)), np.int32)
        filled = 0
        full = int(length.min())
        even = len(dm_inner) > 3 and np.allclose(np.diff(dm_inner), dm_inner[1] - dm_inner[0], 1e-4)
        binned = _bin_evenly if even else _bin
        for lag in range(1, len(time)):
            dt = (time[lag:] - time[:-lag]).astype(np.float32)
            dm = mag[lag:] - mag[:-lag]
            if not self.signed:
                np.abs(dm, out=dm)
            cell = pairs[filled : filled + len(dt)]
            filled += len(dt)
            np.multiply(binned(dm, dm_inner), n_dt, out=cell, dtype=np.int32)
            cell += _bin(dt, dt_inner)
            # The last cell collects what is no pair: at equal times, or beyond the end.
            none = dt <= 0
            beyond = max(full - lag, 0)
            rows = np.arange(lag + beyond, len(time))[:, None]
            none[beyond:] |= rows >= length[None, :]
            np.putmask(cell, none, cells - 1)
            cell += base
        counts = np.bincount(pairs.ravel(), minlength=len(stars) * cells)
        return counts.reshape(len(stars), cells)[:, :-1].reshape(-1, n_dm, n_dt)


def _bin(values: NDArray, inner: NDArray) -> NDArray[np.uint8]:
    """Number of inner edges at or below each value: comparisons beat a binary search here."""
    index = np.zeros(values.shape, np.uint8)
    for edge in inner:
        index += (values >= edge).view(np.uint8)
    return index


def _bin_evenly(values: NDArray, inner: NDArray) -> NDArray[np.uint8]:
    """The same for edges at equal distances, by a product; values close to an edge are compared."""
    scale = (len(inner) - 1) / (inner[-1] - inner[0])
    place = values * scale
    place += 1 - inner[0] * scale
    np.clip(place, 0, len(inner) + 0.5, out=place)
    index = place.astype(np.uint8)
    place -= np.rint(place)
    close = np.abs(place, out=place) < 2e-5
    if close.any():
        index[close] = _bin(values[close], inner)
    return index


def _rectangles(used: LightCurves, stars: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Times since the first epoch, and magnitudes, shape (longest, stars): epochs run down."""
    begin = used.start[stars]
    length = used.start[stars + 1] - begin
    rows = np.minimum(np.arange(length.max())[:, None], length[None, :] - 1)
    index = begin[None, :] + rows
    return used.time_d[index] - used.time_d[begin], used.mag[index], length
