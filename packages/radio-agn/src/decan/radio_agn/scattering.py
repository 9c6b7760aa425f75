"""Wavelet scattering: how much structure a source has at each scale.

Moduli of oriented wavelets, averaged over the picture: how much the flux varies at a scale,
how much of that is in few places, and how unequal the orientations are. Averages over all
orientations make every number independent of how the picture is turned. The second order of
the transform, structure within structure, made trees on these pictures no better and is not
computed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

__all__ = ["SCATTERING_NAMES", "scattering"]

# Odd, so that the frequencies are the same after a quarter turn, and a product of small primes.
_SIZE = 75
_SCALES = 4
# A coarse wavelet has no high frequencies: its pictures need fewer pixels.
_GRIDS = (75, 63, 35, 21)
_TURNS = 8

SCATTERING_NAMES = (
    *(f"structure at scale {j}" for j in range(_SCALES)),
    *(f"peakedness at scale {j}" for j in range(_SCALES)),
    *(f"alignment at scale {j}" for j in range(_SCALES)),
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
        Relative to the mean brightness; NaN for an empty picture.

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
    for start in range(0, len(seen), 16):
        rows = seen[start : start + 16]
        out[rows] = _scattered(stack[rows])
    return out


def _scattered(stack: NDArray[np.float32]) -> NDArray[np.float64]:
    wavelets = _wavelets()
    mean = stack.mean(axis=(1, 2), dtype=np.float64) * stack[0].size / _SIZE**2
    spectrum = fft.fft2(_centred(stack))[:, None]
    first = [_moduli(spectrum, wavelet) for wavelet in wavelets]
    level = np.stack([moduli.mean(axis=(2, 3), dtype=np.float64) for moduli in first], axis=1)
    power = np.stack([(m * m).mean(axis=(2, 3), dtype=np.float64) for m in first], axis=1)
    columns = [
        level.mean(axis=2) / mean[:, None],
        power.mean(axis=2) / level.mean(axis=2) ** 2,
        level.std(axis=2) / level.mean(axis=2),
    ]
    return np.concatenate(columns, axis=1)


def _centred(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """The pictures on a common grid, their centre at its origin: turns then keep every grid."""
    before = [(_SIZE - n) // 2 for n in stack.shape[1:]]
    pad = [(b, _SIZE - n - b) for b, n in zip(before, stack.shape[1:], strict=True)]
    return np.asarray(fft.ifftshift(np.pad(stack, [(0, 0), *pad]), axes=(1, 2)))


def _moduli(spectrum: NDArray[Any], wavelet: NDArray[np.float32]) -> NDArray[np.float32]:
    """Moduli of a picture seen through wavelets, on as many pixels as these need."""
    size, n = spectrum.shape[-1], wavelet.shape[-1]
    kept = np.r_[: n // 2 + 1, size - n // 2 : size]
    seen = spectrum[..., kept[:, None], kept] * (wavelet * np.float32((n / size) ** 2))
    return np.asarray(np.abs(fft.ifft2(seen, overwrite_x=True)))


@lru_cache(maxsize=1)
def _wavelets() -> list[NDArray[np.float32]]:
    """Morlet wavelets in Fourier space, (turn, ky, kx) for each scale; turns of 22.5 degrees."""
    bank = []
    for j, size in enumerate(_GRIDS):
        step = fft.fftfreq(size) * size * 2 * np.pi / _SIZE
        ky, kx = np.meshgrid(step, step, indexing="ij")
        centre, width = 0.75 * np.pi / 2**j, 0.8 * 2**j
        turned = []
        for turn in range(_TURNS):
            angle = np.pi * turn / _TURNS
            along = kx * np.cos(angle) + ky * np.sin(angle)
            across = -kx * np.sin(angle) + ky * np.cos(angle)
            envelope = np.exp(-0.5 * width**2 * ((along - centre) ** 2 + (across / 0.5) ** 2))
            ground = np.exp(-0.5 * width**2 * (along**2 + (across / 0.5) ** 2))
            turned.append(envelope - ground * envelope[0, 0])
        bank.append(np.array(turned, dtype=np.float32))
    return bank
