"""Wavelet scattering: how much structure a source has at each scale, and how it is bent.

Moduli of oriented wavelets, averaged over the picture. The first order says how much flux
varies at a scale and how unequal the orientations are; the second how strongly structures
of one scale are arranged at a larger one, by the angle between the two. Averages over all
orientations make every number independent of how the picture is turned.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

__all__ = ["SCATTERING_NAMES", "scattering"]

# Odd, so that the frequencies are the same after a quarter turn, and a product of small primes.
_SIZE = 75
_SCALES = 4
_TURNS = 8
_COARSE = slice(None, None, 2)
_RELATIVE = (0, 1, 2)

SCATTERING_NAMES = (
    *(f"structure at scale {j}" for j in range(_SCALES)),
    *(f"peakedness at scale {j}" for j in range(_SCALES)),
    *(f"alignment at scale {j}" for j in range(_SCALES)),
    *(
        f"structure {j} in {k} at {a * 45} deg"
        for j in range(_SCALES)
        for k in range(j + 1, _SCALES)
        for a in _RELATIVE
    ),
)
"""Names of the coefficients, in the order of the columns."""


def scattering(pictures: ArrayLike) -> NDArray[np.float64]:
    """Scattering coefficients of a stack of pictures, the same for every orientation.

    Parameters
    ----------
    pictures : array_like, shape (n, ny, nx)
        Not larger than 75 pixels on a side.

    Returns
    -------
    ndarray of float, shape (n, len(SCATTERING_NAMES))
        Relative to the mean brightness (first order) or to the first order (second);
        NaN for an empty picture.

    References
    ----------
    Bruna & Mallat 2013, IEEE TPAMI 35, 1872; Cheng et al. 2020, MNRAS 499, 5902.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.zeros((1, 65, 65))
    >>> picture[0, 30:35, 10:55] = 1.0
    >>> one, turned = scattering(picture), scattering(np.rot90(picture, axes=(1, 2)))
    >>> bool(np.allclose(one, turned))
    True
    """
    stack = np.asarray(pictures, dtype=np.float32)
    out = np.full((len(stack), len(SCATTERING_NAMES)), np.nan)
    seen = np.flatnonzero(stack.max(axis=(1, 2)) > 0) if len(stack) else np.arange(0)
    for start in range(0, len(seen), 64):
        rows = seen[start : start + 64]
        out[rows] = _scattered(stack[rows])
    return out


def _scattered(stack: NDArray[np.float32]) -> NDArray[np.float64]:
    wavelets = _wavelets()
    mean = stack.mean(axis=(1, 2), dtype=np.float64) * stack[0].size / _SIZE**2
    spectrum = fft.fft2(stack, s=(_SIZE, _SIZE))
    first = np.abs(fft.ifft2(spectrum[:, None, None] * wavelets))
    level = first.mean(axis=(3, 4), dtype=np.float64)
    power = (first**2).mean(axis=(3, 4), dtype=np.float64)
    columns = [
        level.mean(axis=2) / mean[:, None],
        power.mean(axis=2) / level.mean(axis=2) ** 2,
        level.std(axis=2) / level.mean(axis=2),
    ]
    for j in range(_SCALES - 1):
        # The second order is the costly one: every other orientation is enough for it.
        inner = fft.fft2(first[:, j, _COARSE])
        below = level[:, j, _COARSE].mean(axis=1)
        for k in range(j + 1, _SCALES):
            outer = wavelets[k, _COARSE]
            moduli = np.abs(fft.ifft2(inner[:, :, None] * outer))
            strength = moduli.mean(axis=(3, 4), dtype=np.float64)
            turns = len(outer)
            for a in _RELATIVE:
                fine = np.arange(turns)
                pair = strength[:, fine, (fine + a) % turns] + strength[:, fine, (fine - a) % turns]
                columns.append((pair.mean(axis=1) / 2 / below)[:, None])
    return np.concatenate(columns, axis=1)


@lru_cache(maxsize=1)
def _wavelets() -> NDArray[np.float32]:
    """Morlet wavelets in Fourier space, (scale, turn, ky, kx); turns of 22.5 degrees."""
    k = fft.fftfreq(_SIZE) * 2 * np.pi
    ky, kx = np.meshgrid(k, k, indexing="ij")
    bank = np.empty((_SCALES, _TURNS, _SIZE, _SIZE))
    for j in range(_SCALES):
        centre, width = 0.75 * np.pi / 2**j, 0.8 * 2**j
        for turn in range(_TURNS):
            angle = np.pi * turn / _TURNS
            along = kx * np.cos(angle) + ky * np.sin(angle)
            across = -kx * np.sin(angle) + ky * np.cos(angle)
            envelope = np.exp(-0.5 * width**2 * ((along - centre) ** 2 + (across / 0.5) ** 2))
            ground = np.exp(-0.5 * width**2 * (along**2 + (across / 0.5) ** 2))
            bank[j, turn] = envelope - ground * envelope[0, 0]
    return bank.astype(np.float32)
