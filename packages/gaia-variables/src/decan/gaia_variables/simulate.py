"""A generative model of Gaia variables with known truth: cadence, brightness, noise, spectrum.

The light curve and the XP spectrum of a star belong together. Columns and units are
those that :mod:`~decan.gaia_variables.archive` gives for real stars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .lightcurves import LightCurves
from .shapes import TEMPLATES
from .xp import XPSpectra, huijse_grid, wavelengths_nm, xp_error

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Simulated",
    "simulate_stars",
    "simulate_times",
    "simulate_xp",
    "typical_error",
]

# Median G error of DR3 epoch photometry, magnitudes.
_ERROR_AT = np.arange(8.0, 19.0)
_ERROR = 1e-3 * np.array([2.4, 2.3, 1.6, 1.4, 1.0, 1.2, 1.5, 2.2, 3.5, 5.6, 7.9])
_XP_PEAK_MAG = 22.3
# Effective temperatures, K, of the built-in spectra.
_TEMPERATURE = {
    "RRab": (6000, 7200), "RRc": (6800, 7600), "DCEP": (5000, 6500), "T2CEP": (4800, 6200),
    "DSCT": (6800, 8500), "GDOR": (6500, 7500), "CP": (8000, 14000), "ROT": (3800, 6000),
    "EA": (4800, 15000), "EB": (4500, 12000), "EW": (4200, 6800), "ELL": (4500, 9000),
    "Mira": (2500, 3200), "SR": (2900, 3700), "SARG": (3200, 4000), "LSP": (3000, 3800),
    "AGN": (9000, 20000), "YSO": (3300, 5500), "BE": (12000, 25000), "CV": (10000, 20000),
    "CONST": (3500, 9000),
}  # fmt: skip
# Labels of the decoded templates that stand for a class.
_TEMPLATE_LABEL = {
    "RRab": "RRAB", "RRc": "RRC", "Mira": "M", "SARG": "SR", "LSP": "SR", "CONST": "ROT",
}  # fmt: skip


@dataclass(frozen=True)
class Simulated:
    """Simulated stars: light curves, spectra, and the truth about them.

    Parameters
    ----------
    curves : LightCurves
        Epoch photometry.
    xp : XPSpectra
        Internal spectra with their errors, in the order of the curves.
    truth : pandas.DataFrame
        One row a star: source_id, class_name, frequency (physical, 1/d), dominant_frequency
        (of the strongest single harmonic), multiplicity, amplitude (peak to peak of the
        epochs without noise, mag), mean_mag, noise_mag, template.
    outlier : ndarray of bool, shape (n_epochs,)
        Epochs that were spoilt on purpose.

    Examples
    --------
    >>> simulate_stars(3, rng=1).truth.columns[:3].tolist()
    ['source_id', 'class_name', 'frequency']
    """

    curves: LightCurves
    xp: XPSpectra
    truth: pd.DataFrame
    outlier: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.curves)


def simulate_stars(
    n: int,
    *,
    classes: Mapping[str, float] | Sequence[str] | None = None,
    mean_mag: tuple[float, float] = (11.0, 17.6),
    cadence: LightCurves | None = None,
    n_epochs: int | None = None,
    xp_templates: tuple[NDArray, NDArray] | None = None,
    rng: np.random.Generator | int | None = None,
) -> Simulated:
    """Simulate Gaia DR3 light curves and XP spectra of variable stars.

    Parameters
    ----------
    n : int
        Number of stars.
    classes : mapping of str to float, or sequence of str, optional
        Classes and their shares; all that `TEMPLATES` knows, equally, if not given.
    mean_mag : (float, float)
        Range of the mean G, uniform.
    cadence : LightCurves, optional
        Real times to draw from; generated if not given.
    n_epochs : int, optional
        Exactly so many epochs a star, drawn from the cadence; all if not given.
    xp_templates : (ndarray, ndarray), optional
        Shapes, (k, 100), and their labels, (k,), to mix spectra from; black bodies
        through bell-shaped responses if not given.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Simulated

    Raises
    ------
    ValueError
        If a class is unknown or ``n`` is negative.

    Examples
    --------
    >>> stars = simulate_stars(20, classes=["RRab", "EA"], rng=0)
    >>> len(stars), sorted(stars.truth["class_name"].unique())
    (20, ['EA', 'RRab'])
    """
    import pandas as pd

    generator = np.random.default_rng(rng)
    if n < 0:
        raise ValueError(f"n: expected 0 or more, found {n}")
    shares = _shares(classes)
    names = generator.choice(list(shares), size=n, p=np.array(list(shares.values())))
    time, mask = _cadence(n, cadence, n_epochs, generator)
    level = generator.uniform(*mean_mag, n)
    delta, frequency = np.zeros(time.shape), np.full(n, np.nan)
    multiplicity = np.ones(n, int)
    for name in sorted(set(names)):
        rows = np.flatnonzero(names == name)
        drawn = TEMPLATES[name](time[rows], generator)
        delta[rows], frequency[rows] = drawn.delta_mag, drawn.frequency
        multiplicity[rows] = drawn.multiplicity
    mag, error, outlier, noise = _observe(level[:, None] + delta, mask, generator)
    ids = np.arange(1, n + 1, dtype=np.int64)
    curves = LightCurves.from_arrays(
        np.repeat(ids, mask.sum(axis=1)), time[mask], mag[mask], error[mask]
    )
    xp, template = simulate_xp(names, level, templates=xp_templates, rng=generator)
    amplitude = np.where(mask, delta, -np.inf).max(axis=1, initial=-np.inf)
    amplitude -= np.where(mask, delta, np.inf).min(axis=1, initial=np.inf)
    truth = pd.DataFrame(
        {
            "source_id": ids, "class_name": names, "frequency": frequency,
            "dominant_frequency": frequency * multiplicity, "multiplicity": multiplicity,
            "amplitude": amplitude, "mean_mag": level, "noise_mag": noise, "template": template,
        }
    )  # fmt: skip
    return Simulated(curves, xp, truth, outlier[mask])


def typical_error(mag: NDArray) -> NDArray:
    """Median error of a Gaia DR3 epoch at a G magnitude, magnitudes.

    Parameters
    ----------
    mag : array_like
        G.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> typical_error(np.array([12.0, 18.0])).round(4)
    array([0.001 , 0.0079])
    """
    return np.exp(np.interp(mag, _ERROR_AT, np.log(_ERROR)))


def simulate_times(
    n: int, *, rng: np.random.Generator | int | None = None
) -> tuple[NDArray, NDArray]:
    """Times of Gaia's transits of ``n`` stars: groups of transits 0.07 and 0.18 d apart.

    Parameters
    ----------
    n : int
        Number of stars.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    tuple of ndarray, shape (n, longest)
        Times, BJD TCB - 2455197.5 d, increasing (repeated beyond the end), and mask.

    Examples
    --------
    >>> time, mask = simulate_times(4, rng=0)
    >>> bool((np.diff(time, axis=1) >= 0).all()), bool(mask.any(axis=1).all())
    (True, True)
    """
    generator = np.random.default_rng(rng)
    groups, most = 60, 9
    gap = np.clip(28 * np.exp(generator.normal(0, 0.75, (n, groups))), 5, 200)
    begin = np.cumsum(np.hstack([generator.uniform(1667, 1740, (n, 1)), gap[:, 1:]]), axis=1)
    count = np.minimum(1 + generator.poisson(1.2, (n, groups)), most)
    short_first = generator.random((n, groups, 1)) < 0.5
    steps = np.where((np.arange(most - 1) % 2 == 0) == short_first, 0.0740, 0.1762)
    offset = np.concatenate([np.zeros((n, groups, 1)), np.cumsum(steps, axis=2)], axis=2)
    time = (begin[:, :, None] + offset).reshape(n, -1)
    there = np.arange(most) < count[:, :, None]
    there &= (begin < begin[:, :1] + 950)[:, :, None]
    return _packed(time, there.reshape(n, -1))


def simulate_xp(
    class_names: Sequence[str] | NDArray,
    mean_mag: NDArray,
    *,
    templates: tuple[NDArray, NDArray] | None = None,
    rng: np.random.Generator | int | None = None,
) -> tuple[XPSpectra, NDArray]:
    """XP spectra of stars of given classes: mixed, reddened, with noise.

    Errors of the samples are independent: the published covariances of five real sources
    give correlations of 0.1 between neighbours on this grid, and less beyond.

    Parameters
    ----------
    class_names : sequence of str, shape (n,)
        Classes of `TEMPLATES`.
    mean_mag : ndarray, shape (n,)
        Mean G, which sets the noise.
    templates : (ndarray, ndarray), optional
        Shapes, (k, 100), and their labels, (k,).
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    tuple
        `XPSpectra`, and the number of the first template used (-1 for a black body).

    Examples
    --------
    >>> spectra, _ = simulate_xp(["Mira", "BE"], np.array([12.0, 12.0]), rng=0)
    >>> blue = spectra.flux[:, :50].sum(axis=1) / spectra.flux[:, 50:].sum(axis=1)
    >>> bool(blue[1] > blue[0])
    True
    """
    generator = np.random.default_rng(rng)
    names = np.asarray(class_names, dtype="<U8")
    n = len(names)
    chosen = np.full(n, -1)
    if templates is None:
        low, high = np.array([_TEMPERATURE[str(name)] for name in names] or [(1, 2)]).T[:, :n]
        flux = _black_bodies(np.exp(generator.uniform(np.log(low), np.log(high))))
    else:
        shapes, labels = templates
        flux = np.zeros((n, shapes.shape[1]))
        for name in sorted(set(names)):
            rows = np.flatnonzero(names == name)
            pool = np.flatnonzero(labels == _TEMPLATE_LABEL.get(str(name), name))
            pool = pool if len(pool) else np.arange(len(labels))
            first, second = generator.choice(pool, (2, len(rows)))
            weight = generator.uniform(0, 0.3, (len(rows), 1))
            flux[rows] = (1 - weight) * shapes[first] + weight * shapes[second]
            chosen[rows] = first
    reddening = generator.exponential(0.15, n)[:, None]
    flux = flux * 10 ** (-0.4 * reddening * _extinction())
    flux /= np.quantile(flux, 0.995, axis=1, keepdims=True) if n else 1.0
    peak = 10 ** (0.4 * (_XP_PEAK_MAG - np.asarray(mean_mag, float)))
    sigma = xp_error(peak)[:, None]
    err = sigma * np.sqrt(0.3 + 0.7 * np.clip(flux, 0, 1))
    flux = flux + err * generator.normal(size=flux.shape)
    if n:
        # The scale is measured on the noisy samples, as it is for real ones.
        scale = np.quantile(flux, 0.995, axis=1)
        flux, err, peak = flux / scale[:, None], err / scale[:, None], peak * scale
    status = np.full(n, "ok", dtype="<U16")
    return XPSpectra(flux.astype(np.float32), err.astype(np.float32), peak, status), chosen


def _shares(classes: Mapping[str, float] | Sequence[str] | None) -> dict[str, float]:
    if classes is None:
        classes = list(TEMPLATES)
    shares = dict(classes) if isinstance(classes, Mapping) else dict.fromkeys(classes, 1.0)
    for name in shares:
        if name not in TEMPLATES:
            raise ValueError(f"classes: no template {name!r}; there are {', '.join(TEMPLATES)}")
    total = sum(shares.values())
    if not total > 0:
        raise ValueError("classes: expected at least one class with a positive share")
    return {name: share / total for name, share in shares.items()}


def _cadence(
    n: int, real: LightCurves | None, n_epochs: int | None, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    if real is None:
        time, mask = simulate_times(n, rng=rng)
    else:
        rows = rng.integers(0, len(real), n)
        time, _, _, mask = real[rows].padded()
        last = np.maximum(mask.sum(axis=1) - 1, 0)
        time = np.where(mask, time, np.take_along_axis(time, last[:, None], axis=1))
    if n_epochs is None:
        return time, mask
    order = np.argsort(np.where(mask, rng.random(mask.shape), 2.0), axis=1)[:, :n_epochs]
    keep = np.zeros(mask.shape, bool)
    np.put_along_axis(keep, order, True, axis=1)
    return _packed(time, keep & mask)


def _packed(time: NDArray, there: NDArray) -> tuple[NDArray, NDArray]:
    """Chosen times moved to the front of each row; the last is repeated beyond the end."""
    order = np.argsort(np.where(there, time, np.inf), axis=1, kind="stable")
    count = there.sum(axis=1)
    width = int(count.max(initial=1))
    order = order[:, :width]
    mask = np.arange(width) < count[:, None]
    time = np.take_along_axis(time, order, axis=1)
    last = (
        np.take_along_axis(time, np.maximum(count - 1, 0)[:, None], axis=1) if len(time) else time
    )
    return np.where(mask, time, last), mask


def _observe(
    true_mag: NDArray, mask: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    error = typical_error(true_mag) * 10 ** rng.normal(0, 0.25, true_mag.shape)
    mag = true_mag + rng.normal(size=true_mag.shape) * np.hypot(error, 1e-3)
    faint = rng.random(mag.shape) < 0.004
    mag = mag + np.where(faint, rng.uniform(0.1, 0.6, mag.shape), 0)
    loud = rng.random(mag.shape) < 0.003
    noise = np.where(mask, error, 0).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return mag, np.where(loud, 10 * error, error), faint | loud, noise


def _wavelengths() -> NDArray:
    """Rough wavelength of each sample, nm: BP runs from red to blue, RP from blue to red."""
    return np.hstack([wavelengths_nm("bp", huijse_grid()), wavelengths_nm("rp", huijse_grid())])


def _extinction() -> NDArray:
    """Extinction relative to A_V, a power law between the near infrared and the blue."""
    return (_wavelengths() / 550.0) ** -1.3 * 3.1


def _black_bodies(temperature: NDArray) -> NDArray:
    wavelength = _wavelengths()
    x = np.clip(1.4388e7 / (wavelength[None, :] * temperature[:, None]), None, 60)
    planck = wavelength**-4.0 / np.expm1(x)
    cool = np.clip((4000 - temperature) / 1500, 0, 1)[:, None]
    # Titanium oxide eats broad bands out of cool stars.
    bands = sum(
        depth * np.exp(-0.5 * ((wavelength - centre) / width) ** 2)
        for depth, centre, width in (
            (0.6, 620, 22),
            (0.7, 670, 20),
            (0.7, 715, 18),
            (0.8, 765, 20),
            (0.7, 850, 20),
        )
    )
    planck = planck * (1 - np.clip(cool * bands, 0, 0.95))
    return planck * _response()


def _response() -> NDArray:
    """Bell-shaped throughput of BP and RP over pseudo-wavelength."""
    u = huijse_grid()
    bell = np.exp(-0.5 * (np.abs(u - 28) / 13) ** 3)
    return np.hstack([bell, bell])
