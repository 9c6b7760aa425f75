"""Chirped Fourier transforms of an event list: what a search over drifts does many times.

Events are spread once onto a time series. For each drift the series is multiplied by a
chirp and transformed; because the series is real, the negative frequencies of the same
transform hold the opposite drift. Harmonic k of a pulsation at (f, ḟ) lies at (k f, k ḟ).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .nufft import grid_events

if TYPE_CHECKING:
    from .events import EventList
    from .noise import Continuum

__all__: list[str] = []

_FINENESS = 1.25
_WIDTH = 6
_MOST_TOPS = 200


@dataclass(frozen=True, eq=False)
class ChirpTransforms:
    """The gridded events of one search, and the transforms of them.

    Elements lie one Fourier bin apart, trials half of one.
    """

    series: NDArray[np.complex64]
    square: NDArray[np.float64]
    correction: NDArray[np.float64]
    low: float
    high: float
    step: float
    start: float
    n_events: int
    n_harmonics: int

    @classmethod
    def of(
        cls, events: EventList, low: float, high: float, n_harmonics: int = 1
    ) -> ChirpTransforms:
        """Spread the events so finely that the highest harmonic is resolved."""
        span, top = events.span, n_harmonics * high
        length = 1.01 * span
        n = scipy.fft.next_fast_len(int(np.ceil(2 * _FINENESS * top * length)) + 4 * _WIDTH)
        length = max(length, span * (1 + 4 * _WIDTH / n))
        cell = length / n
        series, correction = grid_events(events.times, cell, n, width=_WIDTH, fineness=_FINENESS)
        # Cells just before time 0 sit at the end of the series.
        t = np.arange(n) * cell
        t[t > 1.005 * span] -= length
        u = (t - span / 2) / span
        return cls(
            series.astype(np.complex64), np.asarray(np.pi * u**2, dtype=float), correction, low,
            high, 1 / length, -span / 2, len(events), n_harmonics,
        )  # fmt: skip

    def elements(self, harmonic: int = 1) -> tuple[int, int]:
        """First and last element of a harmonic of the range."""
        first = int(np.ceil(harmonic * self.low / self.step))
        last = int(np.floor(harmonic * self.high / self.step))
        return first, min(last, len(self.correction) - 1)

    def frequency(self, harmonic: int = 1) -> NDArray[np.float64]:
        """Frequencies of the elements of a harmonic, Hz."""
        first, last = self.elements(harmonic)
        return np.asarray(self.step * np.arange(first, last + 1))

    def spectra(self, z_step: float, n: int) -> Iterator[list[NDArray[np.complex64]]]:
        """Transforms for drifts of 0, 1, 2 ... steps of z, one for each harmonic."""
        harmonics = range(1, self.n_harmonics + 1)
        chirps = [np.exp(-1j * k * z_step * self.square).astype(np.complex64) for k in harmonics]
        series = [self.series.copy() for _ in harmonics]
        yield [np.asarray(scipy.fft.fft(series[0]))] * self.n_harmonics
        for _ in range(n - 1):
            for one, chirp in zip(series, chirps, strict=True):
                one *= chirp
            yield [np.asarray(scipy.fft.fft(one)) for one in series]

    def phase_sums(self, spectrum: NDArray[np.complex64]) -> NDArray[np.complex128]:
        """Phase sums on the elements, with the zero of time in the middle."""
        first, last = self.elements()
        turns = self.step * np.arange(first, last + 1) * self.start
        part = slice(first, last + 1)
        shift = np.exp(2j * np.pi * turns)
        return np.asarray(np.conj(spectrum[part]) * self.correction[part] * shift)

    def scales(self, continuum: Continuum) -> list[NDArray[np.float32]]:
        """For each harmonic what turns squared moduli into powers in units of the noise."""
        scales = []
        for k in range(1, self.n_harmonics + 1):
            first, last = self.elements(k)
            factor = 2 / self.n_events * self.correction[first : last + 1] ** 2
            scales.append((factor * 2 / continuum(self.frequency(k))).astype(np.float32))
        return scales

    def tops(
        self,
        spectra: list[NDArray[np.complex64]],
        scales: list[NDArray[np.float32]],
        floor: float,
        sign: int,
        z: float,
    ) -> NDArray[np.float64]:
        """Rows (power, frequency, z) of local maxima above the floor; at most 200."""
        power, first = self._summed(spectra, scales, sign)
        high = np.flatnonzero(power > floor)
        if len(high) == 0:
            return np.empty((0, 3))
        left = power[np.maximum(high - 1, 0)]
        right = power[np.minimum(high + 1, len(power) - 1)]
        high = high[(power[high] >= left) & (power[high] >= right)]
        if len(high) > _MOST_TOPS:
            high = high[np.argpartition(-power[high], _MOST_TOPS)[:_MOST_TOPS]]
        frequency = self.step * (first + high) / (2 * self.n_harmonics)
        return np.column_stack([power[high], frequency, np.full(len(high), z)])

    def n_frequencies(self) -> int:
        """Number of trials at one drift."""
        first, last = self.elements(self.n_harmonics)
        return 2 * (last - first) + 1

    def _summed(
        self, spectra: list[NDArray[np.complex64]], scales: list[NDArray[np.float32]], sign: int
    ) -> tuple[NDArray[np.float32], int]:
        """Power summed over harmonics on the trials of the highest, and the first of them."""
        n = self.n_harmonics
        first, last = self.elements(n)
        total = _halved(spectra[-1], scales[-1], first, last, sign)
        if n > 1:  # of the lower harmonics the trial that is nearest
            trial = np.arange(2 * first, 2 * last + 1)
            for k in range(1, n):
                low, high = self.elements(k)
                at = np.clip((trial * k + n // 2) // n - 2 * low, 0, 2 * (high - low))
                total += _halved(spectra[k - 1], scales[k - 1], low, high, sign)[at]
        return total, 2 * first


def _halved(
    spectrum: NDArray[np.complex64], scale: NDArray[np.float32], first: int, last: int, sign: int
) -> NDArray[np.float32]:
    """Power on elements and between them, where it comes from the difference of neighbours."""
    if sign > 0:
        part = spectrum[first : last + 1]
    else:
        part = spectrum[len(spectrum) - last : len(spectrum) - first + 1][::-1]
    between = part[:-1] - part[1:]
    power = np.empty(2 * len(part) - 1, dtype=np.float32)
    power[::2] = (part.real**2 + part.imag**2) * scale
    power[1::2] = (between.real**2 + between.imag**2) * scale[:-1]
    power[1::2] *= (np.pi / 4) ** 2
    return power
