"""Periods: generalised Lomb-Scargle, several peaks, false-alarm probability, scanning-law flags.

Curves of Gaia's length are searched by an own method: on a regular grid ``exp(2πi (a + b) t)``
is a product, so all sums are two matrix products. It is the direct sum to rounding, for any
sampling. With the extra ``decan-gaia-variables[periods]`` long curves go through ``nifty-ls``
(a non-uniform FFT), whose time hardly grows with their length.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .lightcurves import LightCurves

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PeriodFinder", "Periods", "gls_power", "scanning_law_alias"]

_MIN_EPOCHS = 5
_WELL_TOLD = 1e-9
_LONG = 300
_REFINE = 10
_MORE_CANDIDATES = 2
_MIN_CYCLES, _MUCH_LESS, _RELATED = 5.0, 1 / 3, 0.01

# log10 of frequencies (1/d) at which Gaia's scanning law makes spurious peaks: the 63 d
# precession and its harmonics, and the 4 / d spin.
SCANNING_LOG_F = (
    -2.27, -1.98, -1.73, -1.68, -1.50, -1.43, -1.40, -1.37, -1.27, -1.23, -1.15, 0.602,
)  # fmt: skip
_SCANNING_RANGES = ((1.05, 1.11), (1.19, 1.21), (1.37, 1.39))
_SCANNING_WIDTH = 0.01


@dataclass(frozen=True)
class Periods:
    """Peaks of the periodograms of n stars, the highest first.

    Parameters
    ----------
    frequency : ndarray, shape (n, n_peaks)
        Cycles per day; NaN where there is no such peak.
    power : ndarray, shape (n, n_peaks)
        Generalised Lomb-Scargle power, 0 to 1.
    log10_fap : ndarray, shape (n, n_peaks)
        Logarithm of the false-alarm probability (Baluev 2008).
    alias : ndarray of bool, shape (n, n_peaks)
        Whether the frequency is one of those that the scanning law makes.
    status : ndarray of str, shape (n,)
        'ok', 'too_few_epochs' or 'no_variation'.

    Examples
    --------
    >>> t = np.sort(np.random.default_rng(0).uniform(0, 900, 50))
    >>> mag = 14 + 0.3 * np.cos(2 * np.pi * 1.7 * t)
    >>> curves = LightCurves.from_arrays(np.ones(50, int), t, mag, np.full(50, 0.01))
    >>> periods = PeriodFinder(fmax=3, n_peaks=2).transform(curves)
    >>> float(periods.best[0].round(4)), bool(periods.log10_fap[0, 0] < -10)
    (1.7, True)
    """

    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    log10_fap: NDArray[np.float64]
    alias: NDArray[np.bool_]
    status: NDArray[np.str_]

    @property
    def best(self) -> NDArray[np.float64]:
        """Frequency of the highest peak, shape (n,)."""
        return self.frequency[:, 0]

    def to_table(self, source_id: ArrayLike) -> pd.DataFrame:
        """One row a peak: source_id, rank, frequency, power, log10_fap, alias."""
        import pandas as pd

        n, k = self.frequency.shape
        table = pd.DataFrame(
            {
                "source_id": np.repeat(np.asarray(source_id), k),
                "rank": np.tile(np.arange(1, k + 1), n),
                "frequency": self.frequency.ravel(),
                "power": self.power.ravel(),
                "log10_fap": self.log10_fap.ravel(),
                "alias": self.alias.ravel(),
            }
        )
        return table[np.isfinite(table["frequency"])].reset_index(drop=True)


@dataclass(frozen=True)
class PeriodFinder:
    """Finds the strongest frequencies of light curves.

    Parameters
    ----------
    fmin, fmax, step : float
        Frequency grid, cycles per day.
    n_peaks : int
        Peaks to keep; two peaks are at least one over the baseline apart.
    n_harmonics : int
        With more than one, peaks are also fitted with so many harmonics, and one that
        leaves less than a third of the scatter that the highest peak leaves comes first:
        a sawtooth then beats its aliases. Multiples of the highest peak's frequency or
        period are no such rivals. 1 is the published search.
    method : {'auto', 'nifty-ls', 'direct'}
        ``'auto'`` takes nifty-ls, if it is installed, for curves of more than 300 epochs.

    Raises
    ------
    ValueError
        If the grid is empty or the method unknown.

    References
    ----------
    Zechmeister & Kürster 2009, A&A 496, 577; Baluev 2008, MNRAS 385, 1279.

    Examples
    --------
    >>> PeriodFinder().n_frequencies
    249991
    """

    fmin: float = 1e-3
    fmax: float = 25.0
    step: float = 1e-4
    n_peaks: int = 5
    n_harmonics: int = 3
    method: Literal["auto", "nifty-ls", "direct"] = "auto"

    def __post_init__(self) -> None:
        if not 0 < self.fmin < self.fmax or not self.step > 0:
            raise ValueError(
                f"fmin, fmax, step: expected 0 < fmin < fmax and step > 0, found "
                f"{self.fmin}, {self.fmax}, {self.step}"
            )
        for name in ("n_peaks", "n_harmonics"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, found {getattr(self, name)}")
        if self.method not in ("auto", "nifty-ls", "direct"):
            raise ValueError(f"method: 'auto', 'nifty-ls' or 'direct', found {self.method!r}")

    @property
    def n_frequencies(self) -> int:
        """Length of the grid."""
        return int(np.floor((self.fmax - self.fmin) / self.step + 1e-9)) + 1

    def transform(self, curves: LightCurves, *, progress: bool = False) -> Periods:
        """Peaks of the epochs in use.

        Parameters
        ----------
        curves : LightCurves
            Cleaned light curves.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        Periods
        """
        from tqdm.auto import tqdm

        used = curves.used()
        n, k = len(used), self.n_peaks
        frequency, power, fap = (np.full((n, k), np.nan) for _ in range(3))
        status = np.full(n, "ok", dtype="<U16")
        longest = self._longest_direct()
        for i in tqdm(range(n), disable=not progress, desc="periods", unit="star", leave=False):
            own = slice(used.start[i], used.start[i + 1])
            t, y, e = used.time_d[own], used.mag[own], used.mag_err[own]
            if len(t) < _MIN_EPOCHS:
                status[i] = "too_few_epochs"
            elif y.max() == y.min() or t[-1] == t[0]:
                status[i] = "no_variation"
            else:
                fast = len(t) > longest
                spectrum = self._nifty(t, y, e) if fast else self.power(t, y, e)
                found = self._peaks(spectrum, 1 / (t[-1] - t[0]))
                frequency[i, : len(found)], power[i, : len(found)] = self._refined(t, y, e, found)
                fap[i] = _log10_fap(power[i], t, e, self.fmax)
        alias = scanning_law_alias(frequency)
        return Periods(frequency, power, fap, alias, status)

    def power(self, time_d: ArrayLike, mag: ArrayLike, mag_err: ArrayLike) -> NDArray[np.float64]:
        """Power on the whole grid for one star, by the own method.

        Parameters
        ----------
        time_d, mag, mag_err : array_like, shape (n_epochs,)
            One light curve.

        Returns
        -------
        ndarray, shape (n_frequencies,)
        """
        t, w, y = _prepared(time_d, mag, mag_err)
        n = self.n_frequencies
        columns = int(np.ceil(np.sqrt(n)))
        rows = -(-n // columns)
        coarse = self.fmin + self.step * columns * np.arange(rows)
        left = np.exp(2j * np.pi * coarse[:, None] * t)
        right = np.exp(2j * np.pi * self.step * np.arange(columns)[:, None] * t).T
        first = np.concatenate([left * (w * y), left * w]) @ right
        second = (left * left * w) @ (right * right)
        sums = (first[:rows].ravel()[:n], first[rows:].ravel()[:n], second.ravel()[:n])
        return _gls(*sums, (t, w, y), self.fmin + self.step * np.arange(n))

    def _longest_direct(self) -> float:
        """Epochs up to which the own method is used."""
        there = find_spec("nifty_ls") is not None
        if self.method == "nifty-ls":
            if not there:
                raise ValueError(
                    "method='nifty-ls' needs nifty-ls: pip install 'decan-gaia-variables[periods]'"
                )
            return 0
        return _LONG if there and self.method == "auto" else np.inf

    def _nifty(self, t: NDArray, y: NDArray, e: NDArray) -> NDArray:
        import nifty_ls

        fmax = self.fmin + self.step * (self.n_frequencies - 1)
        result = nifty_ls.lombscargle(
            t - t[0], y, dy=e, fmin=self.fmin, fmax=fmax, Nf=self.n_frequencies, nthreads=1
        )
        return np.clip(np.nan_to_num(np.asarray(result.power, np.float64)), 0, 1)

    def _peaks(self, power: NDArray, apart: float) -> NDArray:
        """Grid frequencies of the highest local maxima that are far enough from each other."""
        inner = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] >= power[2:])) + 1
        tops = np.concatenate([[0], inner, [len(power) - 1]])
        wanted = self.n_peaks * (1 if self.n_harmonics == 1 else _MORE_CANDIDATES)
        some = min(len(tops), 40 * wanted)
        tops = tops[np.argpartition(-power[tops], some - 1)[:some]]
        tops = tops[np.argsort(-power[tops], kind="stable")]
        chosen: list[float] = []
        for top in tops:
            f = self.fmin + self.step * top
            if all(abs(f - other) >= apart for other in chosen):
                chosen.append(f)
            if len(chosen) == wanted:
                break
        return np.array(chosen)

    def _refined(
        self, t: NDArray, y: NDArray, e: NDArray, peaks: NDArray
    ) -> tuple[NDArray, NDArray]:
        """The published refinement: a grid ten times finer, one step to either side."""
        offset = self.step / _REFINE * np.arange(-_REFINE, _REFINE + 1)
        around = np.clip(peaks[:, None] + offset, self.fmin, self.fmax)
        power = gls_power(t, y, e, around.ravel()).reshape(around.shape)
        best = power.argmax(axis=1)
        rows = np.arange(len(peaks))
        frequency, height = around[rows, best], power[rows, best]
        order = np.argsort(-height, kind="stable")
        frequency, height = frequency[order], height[order]
        if self.n_harmonics > 1:
            rest = 1 - self._harmonic_power(t, y, e, frequency)
            ratio = frequency / frequency[0]
            with np.errstate(divide="ignore"):
                related = [
                    np.abs(r - np.maximum(np.round(r), 1)) < _RELATED for r in (ratio, 1 / ratio)
                ]
            rival = ~related[0] & ~related[1] & (frequency * (t[-1] - t[0]) > _MIN_CYCLES)
            rival &= rest < _MUCH_LESS * rest[0]
            if rival.any():
                first = int(np.argmin(np.where(rival, rest, np.inf)))
                order = np.r_[first, np.delete(np.arange(len(frequency)), first)]
                frequency, height = frequency[order], height[order]
        return frequency[: self.n_peaks], height[: self.n_peaks]

    def _harmonic_power(self, t: NDArray, y: NDArray, e: NDArray, frequency: NDArray) -> NDArray:
        """Share of the variance that a mean and several harmonics explain."""
        harmonics = min(self.n_harmonics, (len(t) - 3) // 4) or 1
        time, w, centred = _prepared(t, y, e)
        angle = 2 * np.pi * frequency[:, None, None] * time[:, None] * np.arange(1, harmonics + 1)
        one = np.ones((*angle.shape[:2], 1))
        design = np.concatenate([one, np.cos(angle), np.sin(angle)], axis=2)
        weighted = design * w[:, None]
        normal = np.swapaxes(weighted, 1, 2) @ design
        normal += 1e-9 * np.eye(normal.shape[1])
        right = np.swapaxes(weighted, 1, 2) @ centred
        solved = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        return (solved * right).sum(axis=1) / (w * centred**2).sum()


def gls_power(
    time_d: ArrayLike, mag: ArrayLike, mag_err: ArrayLike, frequency: ArrayLike
) -> NDArray[np.float64]:
    """Generalised Lomb-Scargle power at any frequencies, by direct sums.

    Parameters
    ----------
    time_d, mag, mag_err : array_like, shape (n_epochs,)
        One light curve.
    frequency : array_like, shape (n_frequencies,)
        Cycles per day.

    Returns
    -------
    ndarray, shape (n_frequencies,)
        Between 0 and 1.

    References
    ----------
    Zechmeister & Kürster 2009, A&A 496, 577, equation 5.

    Examples
    --------
    >>> t = np.arange(40.0)
    >>> gls_power(t, np.cos(2 * np.pi * 0.11 * t), np.ones(40), [0.11]).round(6)
    array([1.])
    """
    t, w, y = _prepared(time_d, mag, mag_err)
    wave = np.exp(2j * np.pi * np.asarray(frequency, float)[:, None] * t)
    f = np.asarray(frequency, float)
    return _gls(wave @ (w * y), wave @ w, (wave * wave) @ w, (t, w, y), f)


def scanning_law_alias(frequency: ArrayLike) -> NDArray[np.bool_]:
    """Whether frequencies are among those that Gaia's scanning law makes.

    Parameters
    ----------
    frequency : array_like
        Cycles per day.

    Returns
    -------
    ndarray of bool
        False for NaN.

    References
    ----------
    Holl et al. 2023, A&A 674, A25.

    Examples
    --------
    >>> scanning_law_alias([4.0, 1.7])
    array([ True, False])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        log_f = np.log10(np.asarray(frequency, float))
        flag = np.zeros(log_f.shape, bool)
        for centre in SCANNING_LOG_F:
            flag |= np.abs(log_f - centre) <= _SCANNING_WIDTH
        for low, high in _SCANNING_RANGES:
            flag |= (log_f >= low) & (log_f <= high)
    return flag


def _prepared(
    time_d: ArrayLike, mag: ArrayLike, mag_err: ArrayLike
) -> tuple[NDArray, NDArray, NDArray]:
    t, y, e = (np.asarray(values, np.float64) for values in (time_d, mag, mag_err))
    w = 1 / e**2
    w /= w.sum()
    return t - t.mean(), w, y - (w * y).sum()


def _gls(
    wy: NDArray, w1: NDArray, w2: NDArray, light_curve: tuple[NDArray, NDArray, NDArray], f: NDArray
) -> NDArray:
    """Power from the weighted sums of y e^{iωt}, e^{iωt} and e^{2iωt}."""
    t, w, y = light_curve
    yy = float((w * y * y).sum())
    c, s = w1.real, w1.imag
    cc = 0.5 * (1 + w2.real) - c * c
    ss = 0.5 * (1 - w2.real) - s * s
    cs = 0.5 * w2.imag - c * s
    determinant = cc * ss - cs * cs
    top = ss * wy.real**2 + cc * wy.imag**2 - 2 * cs * wy.real * wy.imag
    # Sums are good to about 1e-16; where sine and cosine can hardly be told apart, that
    # is not enough for their determinant.
    told = determinant > _WELL_TOLD * (cc + ss)
    power = np.where(told, top / np.where(told, determinant * yy, 1.0), 0.0)
    for k in np.flatnonzero(~told):
        power[k] = _projected(t, w, y, f[k]) / yy
    return np.clip(power, 0.0, 1.0)


def _projected(t: NDArray, w: NDArray, y: NDArray, f: float) -> float:
    """Weighted sum of squares that sine and cosine explain, by orthogonal projection."""
    root = np.sqrt(w)
    angle = 2 * np.pi * f * t
    # About the middle of the bulk, sine and cosine of close times differ most clearly.
    angle = angle - 2 * np.pi * f * np.median(t)
    rest = root * y
    basis = [root]
    for wave in (np.sin(angle), -2 * np.sin(angle / 2) ** 2):
        column = root * wave
        size = np.linalg.norm(column)
        for _ in range(2):
            for other in basis:
                column = column - other * (other @ column) / (other @ other)
        if np.linalg.norm(column) > 1e-13 * size > 0:
            basis.append(column)
    return float(sum((column @ rest) ** 2 / (column @ column) for column in basis[1:]))


def _log10_fap(power: NDArray, t: NDArray, e: NDArray, fmax: float) -> NDArray:
    """Logarithm of Baluev's approximation for the standard normalisation."""
    from scipy.special import gammaln

    n = len(t)
    w = 1 / e**2
    w /= w.sum()
    spread = (w * t * t).sum() - (w * t).sum() ** 2
    width = fmax * np.sqrt(4 * np.pi * spread)
    rest = np.clip(1 - power, 1e-300, 1)
    factor = gammaln((n - 1) / 2) - gammaln((n - 2) / 2) + 0.5 * np.log(2 / (n - 1))
    with np.errstate(divide="ignore"):
        log_tau = (
            np.log(width) + factor + 0.5 * (n - 4) * np.log(rest)
            + 0.5 * np.log(0.5 * (n - 1) * power)
        )  # fmt: skip
    log_single = 0.5 * (n - 3) * np.log(rest)
    # FAP = 1 - (1 - single) exp(-tau), kept in logarithms where it is tiny.
    log_sum = np.logaddexp(log_single, log_tau)
    exact = -np.expm1(np.log1p(-np.minimum(np.exp(log_single), 1 - 1e-16)) - np.exp(log_tau))
    return np.where(log_sum < -20, log_sum, np.log(np.maximum(exact, 1e-300))) / np.log(10)
