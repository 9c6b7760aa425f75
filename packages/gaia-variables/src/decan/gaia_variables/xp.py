"""Mean BP/RP (XP) spectra: from basis coefficients to internal samples, offline.

The design matrices come from the transformation of DR3's Hermite basis, copied from the
configuration of GaiaXPy (BSD 3-Clause, DPAC/CU5/DPCI); see ``data/NOTICE``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import plain_numbers

__all__ = [
    "XPPreprocessor",
    "XPSpectra",
    "design_matrix",
    "huijse_grid",
    "wavelengths_nm",
    "xp_error",
]

N_COEFFICIENTS = 55
"""Coefficients of each of the two bands in DR3."""

_BANDS = ("bp", "rp")
# Error of a sample relative to the peak, against the peak flux, e-/s: medians of five real
# sources with full covariance.
_PEAK = np.array([90.0, 140.0, 800.0, 3.9e3, 3.7e5])
_ERROR = np.array([7e-3, 5e-3, 1.5e-3, 6e-4, 1.3e-4])


@dataclass(frozen=True)
class XPSpectra:
    """Internal samples of BP and RP, on one scale a star.

    Parameters
    ----------
    flux : ndarray of float32, shape (n, 2 * n_samples)
        BP samples, then RP samples, divided by ``scale``; NaN where a band is missing.
    err : ndarray of float32 or None, shape (n, 2 * n_samples)
        Their errors, if coefficient errors were given.
    scale : ndarray, shape (n,)
        What fluxes were divided by, e-/s.
    status : ndarray of str, shape (n,)
        'ok', 'missing_band' or 'no_flux'.

    Examples
    --------
    >>> XPPreprocessor().transform(np.zeros((1, 110))).status
    array(['no_flux'], dtype='<U16')
    """

    flux: NDArray[np.float32]
    err: NDArray[np.float32] | None
    scale: NDArray[np.float64]
    status: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.flux)

    def __getitem__(self, stars: Any) -> XPSpectra:
        """Some of the stars."""
        err = None if self.err is None else self.err[stars]
        return XPSpectra(self.flux[stars], err, self.scale[stars], self.status[stars])


@cache
def _basis() -> dict[str, NDArray]:
    with files(__package__).joinpath("data", "xp_basis.npz").open("rb") as stream:
        return dict(np.load(stream))


def huijse_grid() -> NDArray[np.float64]:
    """Pseudo-wavelengths of the paper's 50 samples a band.

    Returns
    -------
    ndarray, shape (50,)

    Examples
    --------
    >>> huijse_grid()[[0, -1]].round(4)
    array([ 2.2222, 56.6667])
    """
    return np.linspace(0, 60, 55)[2:52]


def design_matrix(band: str, pseudo_wavelength: ArrayLike) -> NDArray[np.float64]:
    """Values of the 55 basis functions: ``coefficients @ design_matrix`` is the flux.

    Parameters
    ----------
    band : {'bp', 'rp'}
        Which band.
    pseudo_wavelength : array_like, shape (n_samples,)
        Internal wavelength, 0 to 60.

    Returns
    -------
    ndarray, shape (55, n_samples)

    Raises
    ------
    ValueError
        If the band is unknown.

    References
    ----------
    Carrasco et al. 2021, A&A 652, A86; De Angeli et al. 2023, A&A 674, A2.

    Examples
    --------
    >>> design_matrix("bp", [10.0, 20.0]).shape
    (55, 2)
    """
    if band not in _BANDS:
        raise ValueError(f"band: 'bp' or 'rp', found {band!r}")
    basis = _basis()
    (u0, u1), (x0, x1) = basis[f"{band}_pwl_range"], basis[f"{band}_normalized_range"]
    x = x0 + (np.asarray(pseudo_wavelength, float) - u0) * (x1 - x0) / (u1 - u0)
    psi = np.empty((N_COEFFICIENTS, x.size))
    psi[0] = np.pi**-0.25 * np.exp(-(x**2) / 2)
    psi[1] = np.sqrt(2) * x * psi[0]
    for n in range(2, N_COEFFICIENTS):
        psi[n] = np.sqrt(2 / n) * x * psi[n - 1] - np.sqrt((n - 1) / n) * psi[n - 2]
    return basis[f"{band}_transformation"] @ psi


def wavelengths_nm(band: str, pseudo_wavelength: ArrayLike) -> NDArray[np.float64]:
    """Wavelength at a pseudo-wavelength, from the nominal dispersion.

    Beyond the tabulated range the end values are continued in a straight line.

    Parameters
    ----------
    band : {'bp', 'rp'}
        Which band.
    pseudo_wavelength : array_like
        Internal wavelength, 0 to 60.

    Returns
    -------
    ndarray
        Nanometres.

    Raises
    ------
    ValueError
        If the band is unknown.

    Examples
    --------
    >>> wavelengths_nm("rp", [10.0, 50.0]).round(-1)
    array([ 620., 1040.])
    """
    if band not in _BANDS:
        raise ValueError(f"band: 'bp' or 'rp', found {band!r}")
    table = _basis()
    wavelength, pwl = table["dispersion_wl_nm"], table[f"dispersion_{band}_pwl"]
    known = np.isfinite(pwl)
    wavelength, pwl = wavelength[known], pwl[known]
    order = np.argsort(pwl)
    wavelength, pwl = wavelength[order], pwl[order]
    u = np.asarray(pseudo_wavelength, float)
    inside = np.interp(u, pwl, wavelength)
    first = (wavelength[5] - wavelength[0]) / (pwl[5] - pwl[0])
    last = (wavelength[-1] - wavelength[-6]) / (pwl[-1] - pwl[-6])
    below, above = np.minimum(u - pwl[0], 0), np.maximum(u - pwl[-1], 0)
    return np.asarray(inside + below * first + above * last)


def xp_error(peak: NDArray) -> NDArray:
    """Typical error of an internal XP sample, relative to the peak.

    Parameters
    ----------
    peak : array_like
        Peak flux (the 99.5 % quantile), e-/s.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> xp_error(np.array([90.0, 3.9e3]))
    array([0.007 , 0.0006])
    """
    return np.exp(np.interp(np.log(peak), np.log(_PEAK), np.log(_ERROR)))


@dataclass(frozen=True)
class XPPreprocessor:
    """Samples XP coefficients and scales both bands of a star by one number.

    Parameters
    ----------
    normalise : {'q995', 'max'}
        The scale: the 99.5 % quantile of all samples of both bands (the paper's), or
        their maximum. Colour is kept, brightness is lost.
    grid : tuple of float, optional
        Pseudo-wavelengths of the samples of each band; the paper's 50 if not given.

    Raises
    ------
    ValueError
        If ``normalise`` is unknown.

    Examples
    --------
    >>> coefficients = np.zeros((2, 110))
    >>> coefficients[:, 0] = 300.0
    >>> coefficients[:, 55] = 200.0
    >>> spectra = XPPreprocessor().transform(coefficients)
    >>> spectra.flux.shape, spectra.status.tolist()
    ((2, 100), ['ok', 'ok'])
    """

    normalise: Literal["q995", "max"] = "q995"
    grid: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.normalise not in ("q995", "max"):
            raise ValueError(f"normalise: 'q995' or 'max', found {self.normalise!r}")
        if self.grid is not None:
            object.__setattr__(self, "grid", tuple(float(u) for u in self.grid))

    def pseudo_wavelengths(self) -> NDArray[np.float64]:
        """The grid of one band."""
        return huijse_grid() if self.grid is None else np.asarray(self.grid)

    def transform(
        self,
        coefficients: ArrayLike,
        errors: ArrayLike | None = None,
        correlations: ArrayLike | None = None,
    ) -> XPSpectra:
        """Samples from coefficients.

        Parameters
        ----------
        coefficients : array_like, shape (n, 110)
            55 BP then 55 RP coefficients, e-/s. A band that is all NaN is missing.
        errors : array_like, shape (n, 110), optional
            Published errors of the coefficients (they contain the standard deviation
            of the fit).
        correlations : array_like, shape (n, 2, 1485), optional
            Upper triangle of the correlations of each band, column by column.

        Returns
        -------
        XPSpectra

        Raises
        ------
        ValueError
            If a shape is wrong.
        """
        c = np.atleast_2d(plain_numbers(coefficients, "coefficients"))
        if c.ndim != 2 or c.shape[1] != 2 * N_COEFFICIENTS:
            raise ValueError(
                f"coefficients: expected shape (n, 110), 55 BP and 55 RP, found {c.shape}"
            )
        designs = [design_matrix(band, self.pseudo_wavelengths()) for band in _BANDS]
        halves = (c[:, :N_COEFFICIENTS], c[:, N_COEFFICIENTS:])
        flux = np.hstack([half @ design for half, design in zip(halves, designs, strict=True)])
        err = None if errors is None else self._errors(errors, correlations, designs, c.shape)
        missing = np.asarray(~np.isfinite(flux).all(axis=1))
        filled = np.where(missing[:, None], 0.0, flux)
        scale = (
            np.quantile(filled, 0.995, axis=1) if self.normalise == "q995" else filled.max(axis=1)
        ) if len(c) else np.zeros(0)  # fmt: skip
        status = np.full(len(c), "ok", dtype="<U16")
        status[~(scale > 0)] = "no_flux"
        status[missing] = "missing_band"
        scale = np.where(status == "ok", scale, np.nan)
        with np.errstate(invalid="ignore"):
            relative = (flux / scale[:, None]).astype(np.float32)
            err = None if err is None else (err / scale[:, None]).astype(np.float32)
        return XPSpectra(relative, err, scale, status)

    def _errors(
        self, errors: ArrayLike, correlations: ArrayLike | None, designs: list, shape: tuple
    ) -> NDArray:
        """Standard deviation of each sample, sqrt(diag(Bᵀ C B)), in blocks of stars."""
        e = np.atleast_2d(plain_numbers(errors, "errors"))
        if e.shape != shape:
            raise ValueError(f"errors: expected shape {shape} like coefficients, found {e.shape}")
        n_pairs = N_COEFFICIENTS * (N_COEFFICIENTS - 1) // 2
        if correlations is not None and np.shape(correlations) != (shape[0], 2, n_pairs):
            raise ValueError(
                f"correlations: expected shape ({shape[0]}, 2, {n_pairs}), "
                f"found {np.shape(correlations)}"
            )
        row, column = _upper_triangle()
        out = []
        for band, design in enumerate(designs):
            own = e[:, band * N_COEFFICIENTS : (band + 1) * N_COEFFICIENTS]
            variance = own**2 @ design**2
            if correlations is not None:
                pairs = np.asarray(correlations, np.float64)[:, band]
                weight = pairs * own[:, row] * own[:, column]
                variance = variance + 2 * weight @ (design[row] * design[column])
            out.append(np.sqrt(np.maximum(variance, 0)))
        return np.hstack(out)


@cache
def _upper_triangle() -> tuple[NDArray, NDArray]:
    """Row and column of each published correlation: column by column above the diagonal."""
    column, row = np.tril_indices(N_COEFFICIENTS, -1)
    return row, column
