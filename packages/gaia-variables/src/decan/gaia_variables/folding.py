"""Folding at the double period, in a way that does not depend on the time origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import plain_numbers

from .lightcurves import LightCurves

__all__ = ["Folded", "LightCurveFolder"]

ANCHOR = 0.25
"""Phase at which the default alignment puts the faintest point, so that no eclipse is cut."""

_KERNEL = 0.1
_GRID = 50
_FAINT_SIGMAS = 3.5
_NEIGHBOURS = (-2, -1, 1, 2)
# Elements of the largest temporary: it should stay in the processor's cache.
_BLOCK = 100_000
_MIN_EPOCHS = 3
_FINE_STEP = 0.02


@dataclass(frozen=True)
class Folded:
    """Folded light curves, padded to a rectangle.

    Parameters
    ----------
    phase : ndarray of float32, shape (n, longest)
        Phase in cycles of the folding period, increasing.
    mag, err : ndarray of float32, shape (n, longest)
        Magnitude scaled to [0, 1] (0 is brightest) and its error by the same scale.
    mask : ndarray of bool, shape (n, longest)
        Which points there are.
    brightest, range_mag : ndarray, shape (n,)
        To return to magnitudes: ``mag * range_mag + brightest``.
    shift : ndarray, shape (n,)
        Phase that was subtracted, in cycles of the folding period.
    status : ndarray of str, shape (n,)
        'ok', 'too_few_epochs', 'no_variation' or 'bad_frequency'.

    Examples
    --------
    >>> t = np.sort(np.random.default_rng(1).uniform(0, 900, 60))
    >>> mag = 14 + 0.3 * np.cos(2 * np.pi * t / 0.6)
    >>> curves = LightCurves.from_arrays(np.ones(60, int), t, mag, np.full(60, 0.002))
    >>> folded = LightCurveFolder().transform(curves, [1 / 0.6])
    >>> folded.status[0], folded.mag.min(), folded.mag.max()
    (np.str_('ok'), np.float32(0.0), np.float32(1.0))
    """

    phase: NDArray[np.float32]
    mag: NDArray[np.float32]
    err: NDArray[np.float32]
    mask: NDArray[np.bool_]
    brightest: NDArray[np.float64]
    range_mag: NDArray[np.float64]
    shift: NDArray[np.float64]
    status: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.phase)

    def __getitem__(self, stars: object) -> Folded:
        """Some of the stars."""
        return Folded(*(getattr(self, name)[stars] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class LightCurveFolder:
    """Folds, drops faint outliers, aligns and scales.

    Parameters
    ----------
    double_period : bool
        Whether to fold with twice the period 1/frequency, so that eclipsing binaries
        found at half their period show both minima.
    compat : {None, 'huijse2025'}
        None refines the faintest phase continuously, relative to the data, puts it at
        phase 0.25 and wraps phases into [0, 1): a constant added to all times changes
        nothing. ``'huijse2025'`` repeats the published code: the faintest of 50 fixed
        phases is subtracted, phases are not wrapped, times are in single precision.

    Raises
    ------
    ValueError
        If ``compat`` is unknown.

    References
    ----------
    Huijse et al. 2025, A&A 701, A150.

    Examples
    --------
    >>> LightCurveFolder(compat="huijse2025")
    LightCurveFolder(double_period=True, compat='huijse2025')
    """

    double_period: bool = True
    compat: str | None = None

    def __post_init__(self) -> None:
        if self.compat not in (None, "huijse2025"):
            raise ValueError(f"compat: None or 'huijse2025', found {self.compat!r}")

    def transform(self, curves: LightCurves, frequency: ArrayLike) -> Folded:
        """Fold the epochs in use.

        Parameters
        ----------
        curves : LightCurves
            Cleaned light curves of n stars.
        frequency : array_like or Quantity, shape (n,)
            Dominant frequency, cycles per day.

        Returns
        -------
        Folded
            Stars that cannot be folded have an empty mask and a status.

        Raises
        ------
        ValueError
            If there is not one frequency a star, or its unit is of another kind.
        """
        f = plain_numbers(frequency, "frequency", unit="1/d")
        if f.shape != (len(curves),):
            raise ValueError(f"frequency: expected shape ({len(curves)},), found {f.shape}")
        time, mag, err, mask = curves.padded()
        status = self._status(time, mag, mask, f)
        width = mask.shape[1]
        phases, mags, errors = (np.zeros(mask.shape, np.float32) for _ in range(3))
        brightest, extent, shift = (np.full(len(f), np.nan) for _ in range(3))
        kept = np.zeros(mask.shape, bool)
        out = Folded(phases, mags, errors, kept, brightest, extent, shift, status)
        good = np.flatnonzero(status == "ok")
        lengths = mask.sum(axis=1)
        good = good[np.argsort(lengths[good], kind="stable")]
        begin = 0
        while begin < len(good):
            # Sorted by length: the longest of a block is about as long as its first.
            size = max(1, _BLOCK // max(1, int(lengths[good[begin]])) ** 2)
            stars = good[begin : begin + size]
            longest = int(lengths[stars].max())
            part = [rectangle[stars, :longest] for rectangle in (time, mag, err, mask)]
            folded = self._fold(part[0], part[1], part[2], part[3], f[stars])
            for rectangle, values in zip((phases, mags, errors, kept), folded[:4], strict=True):
                rectangle[stars[:, None], np.arange(longest)] = values
            brightest[stars], extent[stars], shift[stars] = folded[4:]
            begin += size
        return _trimmed(out, width)

    def _status(self, time: NDArray, mag: NDArray, mask: NDArray, f: NDArray) -> NDArray[np.str_]:
        status = np.full(len(f), "ok", dtype="<U16")
        span = np.where(mask, time, -np.inf).max(axis=1) - np.where(mask, time, np.inf).min(axis=1)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            status[~(f > 0) | ~(f <= 25) | ~(1 / f <= 2 * span)] = "bad_frequency"
        extent = np.where(mask, mag, -np.inf).max(axis=1) - np.where(mask, mag, np.inf).min(axis=1)
        status[~(extent > 0)] = "no_variation"
        status[mask.sum(axis=1) < _MIN_EPOCHS] = "too_few_epochs"
        return status

    def _fold(
        self, time: NDArray, mag: NDArray, err: NDArray, mask: NDArray, f: NDArray
    ) -> tuple[NDArray, ...]:
        period: NDArray = (2.0 if self.double_period else 1.0) / f
        phase: NDArray
        if self.compat:
            time, mag, err = (x.astype(np.float32) for x in (time, mag, err))
            # In single precision throughout: 2/f rounded afterwards folds differently.
            period = np.divide(
                2.0 if self.double_period else 1.0, f.astype(np.float32), dtype=np.float32
            )
            phase = np.fmod(time, period[:, None]) / period[:, None]
        else:
            phase = ((time - time[:, :1]) / period[:, None]) % 1.0
        phase, mag, err, mask = _sorted(phase, mag, err, mask)
        mask &= ~_faint_outliers(phase, mag, mask)
        phase, mag, err, mask = _sorted(phase, mag, err, mask)
        if self.compat:
            shift = _faintest_of_grid(phase, mag, mask)
            phase = phase - shift[:, None]
        else:
            shift = _faintest(phase, mag, mask)
            phase = (phase - shift[:, None] + ANCHOR) % 1.0
        phase, mag, err, mask = _sorted(phase, mag, err, mask)
        bright = np.where(mask, mag, np.inf).min(axis=1)
        extent = np.where(mask, mag, -np.inf).max(axis=1) - bright
        extent = np.where(extent > 0, extent, 1.0)
        scaled = np.where(mask, (mag - bright[:, None]) / extent[:, None], 0.0)
        error = np.where(mask, err / extent[:, None], 0.0)
        return np.where(mask, phase, 0.0), scaled, error, mask, bright, extent, shift


def _trimmed(folded: Folded, width: int) -> Folded:
    longest = max(1, int(folded.mask.sum(axis=1).max(initial=1)))
    if longest == width:
        return folded
    values = [getattr(folded, name) for name in folded.__dataclass_fields__]
    return Folded(*(v[:, :longest] if v.ndim == 2 else v for v in values))


def _sorted(phase: NDArray, *others: NDArray) -> tuple[NDArray, ...]:
    """All rectangles by phase, what is masked (the last of them) at the end."""
    order = np.argsort(np.where(others[-1], phase, np.inf), axis=1, kind="stable")
    return tuple(np.take_along_axis(x, order, axis=1) for x in (phase, *others))


def _faint_outliers(phase: NDArray, mag: NDArray, mask: NDArray) -> NDArray[np.bool_]:
    """Points far fainter than their two neighbours on each side in phase."""
    n = mask.sum(axis=1, keepdims=True)
    position = np.arange(mask.shape[1])[None, :]
    near = [np.where(mask, (position + k) % np.maximum(n, 1), 0) for k in _NEIGHBOURS]
    phases = np.stack([np.take_along_axis(phase, index, axis=1) for index in near])
    mags = np.stack([np.take_along_axis(mag, index, axis=1) for index in near])
    distance = np.abs(phases - phase)
    distance = np.minimum(distance, 1 - distance)
    weight = 0.75 * (1 - distance**2)
    total = weight.sum(axis=0)
    mean = (weight * mags).sum(axis=0) / total
    variance = (weight * (mags - mean) ** 2).sum(axis=0) / (total - 1)
    return mask & (mag > mean + _FAINT_SIGMAS * np.sqrt(variance)) & (n >= 5)


def _smoothed(at: NDArray, phase: NDArray, mag: NDArray, mask: NDArray) -> NDArray:
    """Periodic kernel regression of the magnitudes, shape (stars, phases)."""
    here, there = 2 * np.pi * at, 2 * np.pi * phase
    code = np.stack([np.cos(here), np.sin(here)], axis=2)
    weight = code @ np.stack([np.cos(there), np.sin(there)], axis=1)
    weight -= 1
    weight /= _KERNEL**2
    np.exp(weight, out=weight)
    weight *= mask[:, None, :]
    total = np.maximum(weight.sum(axis=2), 1e-300)
    return (weight @ mag[:, :, None])[:, :, 0] / total


def _faintest_of_grid(phase: NDArray, mag: NDArray, mask: NDArray) -> NDArray:
    """Faintest of 50 fixed phases, in the precision and the order of the published code."""
    grid = np.linspace(0, 1, _GRID, dtype=phase.dtype)
    turn = phase.dtype.type(2 * np.pi)
    distance = grid[None, :, None] - phase[:, None, :]
    weight = np.exp((np.cos(turn * distance) - 1) / phase.dtype.type(_KERNEL**2))
    weight *= mask[:, None, :]
    smooth = (weight * mag[:, None, :]).sum(axis=2) / weight.sum(axis=2)
    return grid[smooth.argmax(axis=1)]


def _faintest(phase: NDArray, mag: NDArray, mask: NDArray) -> NDArray:
    """Faintest phase of the smoothed curve, sought around the data and never on a fixed grid.

    Every candidate moves with the data, so a shift of the time origin moves the answer
    by exactly that shift.
    """
    smooth = np.where(mask, _smoothed(phase, phase, mag, mask), -np.inf)
    rows = np.arange(len(phase))
    best = phase[rows, smooth.argmax(axis=1)]
    step = _FINE_STEP
    for _ in range(4):
        around = best[:, None] + step * np.linspace(-1, 1, 5)
        value = _smoothed(around, phase, mag, mask)
        best = around[rows, value.argmax(axis=1)]
        step /= 3
    return best
