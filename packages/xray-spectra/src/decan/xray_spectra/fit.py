"""Fits of photon models through the response, by Poisson likelihood, with errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from decan.core.data.numbers import in_unit

from .statistics import cstat, goodness, profiled_background, wstat

if TYPE_CHECKING:
    import pandas as pd

    from .models import Model
    from .spectrum import Spectrum

__all__ = ["SpectralFit", "fit_spectrum"]

KEV_ERG = 1.602176634e-9
_STEPS = 60
_STEP = 1e-4
_FEW = 0.1
_SMOOTH_KEV = 0.5
_REPEATED = 100


@dataclass(frozen=True, repr=False)
class SpectralFit:
    """A fitted model.

    Parameters
    ----------
    model : Model
        The model.
    values, low, high : dict of str to float
        Best values and ends of the 1σ interval, in the units of the parameters.
    statistic : float
        C-stat, W-stat or χ² at the best values.
    kind : {'cstat', 'wstat', 'chi2'}
        Which.
    n_channels, n_free : int
        Channels (or groups of them, for W-stat) and free parameters.
    p_value : float
        Goodness of fit: probability of a C-stat (or χ²) so high where the model is true.
    expected : ndarray, shape (n_channels,)
        Expected counts in the fitted channels, background included.
    channels : ndarray of bool
        Which channels of the spectrum were fitted.
    converged : bool
        Whether the last step was small.
    covariance : ndarray, shape (n_free, n_free)
        In the coordinates of the fit: logarithms where a parameter steps in them, multiples of
        its start elsewhere.

    Examples
    --------
    >>> from decan.xray_spectra import simulate_spectra
    >>> from decan.xray_spectra.models import power_law, tbabs
    >>> spectrum = simulate_spectra(1, classes=["AGN"], net_counts=2000, rng=2).spectrum(0)
    >>> fit = fit_spectrum(spectrum, tbabs() * power_law())
    >>> fit.kind, fit.converged
    ('wstat', True)
    """

    model: Model
    values: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    statistic: float
    kind: str
    n_channels: int
    n_free: int
    p_value: float
    expected: NDArray[np.float64]
    channels: NDArray[np.bool_]
    converged: bool
    covariance: NDArray[np.float64]

    def flux(self, low_kev: float = 0.5, high_kev: float = 7.0) -> float:
        """Energy flux of the model in a band, as observed.

        Parameters
        ----------
        low_kev, high_kev : float or Quantity
            keV.

        Returns
        -------
        float
            erg / cm² / s.
        """
        edges = np.geomspace(
            in_unit(low_kev, "keV", "low_kev"), in_unit(high_kev, "keV", "high_kev"), 1001
        )
        photons = self.model(edges[:-1], edges[1:], **self.values)
        energy = (edges[1:] + edges[:-1]) / 2
        return float(np.sum(photons * energy * np.diff(edges)) * KEV_ERG)

    def table(self) -> pd.DataFrame:
        """One row a parameter: name, value, 1σ interval, unit.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        return pd.DataFrame(
            [
                (p.name, self.values[p.name], self.low[p.name], self.high[p.name], p.unit)
                for p in self.model.parameters
            ],
            columns=["parameter", "value", "low", "high", "unit"],
        )

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {value:.3g}" for name, value in self.values.items())
        dof = self.n_channels - self.n_free
        return f"SpectralFit({self.model.name}: {told}; {self.kind} {self.statistic:.1f}/{dof})"


def fit_spectrum(
    spectrum: Spectrum,
    model: Model,
    *,
    stat: str | None = None,
    band_kev: tuple[float, float] = (0.5, 8.0),
    frozen: tuple[str, ...] = (),
    n_starts: int = 4,
    rng: np.random.Generator | int | None = 0,
) -> SpectralFit:
    """Fit a model to a spectrum by maximum likelihood.

    Parameters
    ----------
    spectrum : Spectrum
        With its response.
    model : Model
        The model; its parameters say where to start.
    stat : {'cstat', 'wstat', 'chi2'}, optional
        W-stat with a background, C-stat without, χ² for counts made from rates or with a
        background subtracted, with the file's own errors where it has them. For W-stat
        channels are joined until each group holds a background count: in channels without
        any it is biased towards no source at all. Where that would leave few groups (less than
        one background count in ten channels) the default is C-stat with the background
        smoothed over half a keV and taken as known.
    band_kev : (float, float)
        Energies that are used, keV. Empty channels count; those of bad quality do not.
    frozen : tuple of str
        Parameters kept at their start.
    n_starts : int
        The start of the model and so many more, drawn about it; the best end is kept.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    SpectralFit

    Raises
    ------
    MissingResponseError
        If the spectrum has no response.
    ValueError
        If no channel is left, or the statistic is not known.

    Examples
    --------
    >>> from decan.xray_spectra import simulate_spectra
    >>> from decan.xray_spectra.models import power_law
    >>> spectrum = simulate_spectra(1, classes=["HMXB"], net_counts=800, rng=2).spectrum(0)
    >>> list(fit_spectrum(spectrum, power_law(), n_starts=1).values)
    ['photon_index', 'norm']
    """
    if stat not in (None, "cstat", "wstat", "chi2"):
        raise ValueError(f"stat: {stat!r} is none of 'cstat', 'wstat', 'chi2'")
    problem = _Problem(spectrum, model, stat, band_kev, frozen)
    generator = np.random.default_rng(rng)
    starts = [problem.start]
    for _ in range(n_starts - 1):
        starts.append(problem.clip(problem.start + generator.normal(0, 0.7, problem.start.size)))
    ends = [_descend(problem, start) for start in starts]
    best, value, converged = min(ends, key=lambda end: end[1])
    return problem.result(best, value, converged)


class _Problem:
    """A spectrum and a model as a function of free coordinates."""

    def __init__(
        self, spectrum: Spectrum, model: Model, stat: str | None, band: Any, frozen: Any
    ) -> None:
        self.response = spectrum.require_response()
        self.spectrum, self.model = spectrum, model
        self.inside = spectrum.band(*band)
        if not self.inside.any():
            raise ValueError(f"{spectrum.name}: no channel between {band[0]} and {band[1]} keV")
        ratio = np.broadcast_to(spectrum.background_ratio, spectrum.counts.shape)[self.inside]
        behind = spectrum.background
        has_background = behind is not None and bool(np.any(ratio))
        gaussian = bool(spectrum.meta.get("gaussian"))
        level = behind.counts[self.inside] if behind is not None and has_background else 0 * ratio
        self.channel_ratio, self.channel_behind = ratio, level
        by_default = "wstat" if level.mean() >= _FEW else "cstat"
        self.kind = stat or ("chi2" if gaussian else by_default)
        if self.kind != "wstat":
            level = _smoothed(level, spectrum.channel_energy[self.inside])
        self.starts = _groups(level) if self.kind == "wstat" else np.arange(level.size)
        self.counts = self._grouped(spectrum.counts[self.inside])
        self.behind = self._grouped(level)
        self.ratio = self._grouped(level * ratio) / np.maximum(self.behind, 1e-12)
        errors = spectrum.meta.get("stat_err")
        stated = self.counts if errors is None else np.asarray(errors)[self.inside] ** 2
        # Errors of the counts, and of a background that is taken from them.
        self.variance = np.maximum(stated, 1.0 if errors is None else 1e-12)
        if self.kind == "chi2":
            self.variance = self.variance + self.ratio**2 * self.behind
        self.free = [p for p in model.parameters if p.name not in frozen]
        self.fixed = {p.name: p.start for p in model.parameters if p.name in frozen}
        self.unit = np.array([1.0 if p.log else max(abs(p.start), 0.05) for p in self.free])
        self.bounds = np.array([(self._to(p, p.low), self._to(p, p.high)) for p in self.free])
        self.bounds /= self.unit[:, None]
        self.start = np.array([self._to(p, p.start) for p in self.free]) / self.unit
        self._scale_norms()

    def clip(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(u, self.bounds[:, 0], self.bounds[:, 1])

    def values(self, u: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Parameters for rows of coordinates."""
        columns = {
            p.name: np.exp(u[:, i]) if p.log else u[:, i] * self.unit[i]
            for i, p in enumerate(self.free)
        }
        return columns | {name: np.full(len(u), value) for name, value in self.fixed.items()}

    def channel_counts(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected source counts of every fitted channel, for rows of coordinates."""
        low, high = self.response.energy_low, self.response.energy_high
        rates = self.response.fold(self.model(low, high, **self.values(u)))[:, self.inside]
        areascal = np.broadcast_to(self.spectrum.areascal, self.spectrum.counts.shape)
        return np.asarray(rates * self.spectrum.exposure_s * areascal[self.inside])

    def expected(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected source counts of the groups, for rows of coordinates."""
        return self._grouped(self.channel_counts(u))

    def statistic(self, m: NDArray[np.float64]) -> Any:
        if self.kind == "chi2":
            return np.sum((self.counts - self.total(m)) ** 2 / self.variance, axis=-1)
        if self.kind == "wstat":
            return wstat(self.counts, m, self.behind, self.ratio)
        return cstat(self.counts, m + self.ratio * self.behind)

    def total(self, m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected counts with background."""
        if self.kind == "wstat":
            level = profiled_background(self.counts, m, self.behind, self.ratio)
            return np.asarray(m + self.ratio * level)
        return np.asarray(m + self.ratio * self.behind)

    def linearised(self, u: NDArray[np.float64]) -> tuple[Any, Any, Any]:
        """Statistic, gradient and Fisher matrix (both of half the statistic)."""
        n = u.size
        steps = np.vstack([u, u + _STEP * np.eye(n), u - _STEP * np.eye(n)])
        m = np.maximum(self.expected(steps), 1e-12)
        jacobian = (m[1 : n + 1] - m[n + 1 :]) / (2 * _STEP)
        total = np.maximum(self.total(m[0]), 1e-12)
        if self.kind == "chi2":
            variance = self.variance
            slope = (total - self.counts) / variance
        else:
            # A background that is measured too leaves less information on the source.
            level = (total - m[0]) * self.ratio if self.kind == "wstat" else 0.0
            variance, slope = total + level, 1 - self.counts / total
        fisher = (jacobian / variance) @ jacobian.T
        return float(self.statistic(m[0])), jacobian @ slope, fisher

    def result(self, u: NDArray[np.float64], value: float, converged: bool) -> SpectralFit:
        _, _, fisher = self.linearised(u)
        covariance = np.linalg.pinv(fisher + 1e-12 * np.eye(u.size))
        sigma = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        if self.kind == "chi2":
            from scipy.stats import chi2

            p_value = chi2.sf(value, max(self.counts.size - u.size, 1))
        elif self.kind == "wstat":
            p_value = self._wstat_p_value(
                self.channel_counts(u[None])[0], value - self.counts.size + u.size
            )
        else:
            seen = self.total(self.expected(u[None])[0])
            _, p_value = goodness(self.counts, seen, n_free=u.size)
        expected = self.channel_counts(u[None])[0] + self.spectrum.expected_background[self.inside]
        ends = self.values(np.stack([u, self.clip(u - sigma), self.clip(u + sigma)]))
        best, low, high = (
            {name: float(column[i]) for name, column in ends.items()} for i in range(3)
        )
        return SpectralFit(
            self.model, best, low, high, value, self.kind, self.counts.size, u.size,
            float(p_value), expected, self.inside, converged, covariance,
        )  # fmt: skip

    def _wstat_p_value(self, source: NDArray[np.float64], excess: float) -> float:
        """Probability of a W-stat so far above the number of its groups, from repetitions.

        A background that is profiled out takes part of the scatter of the source's counts, the
        more so the larger its ratio, and groups are cut by chance: both are repeated.
        """
        rng = np.random.default_rng(0)
        energy = self.spectrum.channel_energy[self.inside]
        level, ratio = _smoothed(self.channel_behind, energy), self.channel_ratio
        found = []
        for behind in rng.poisson(level, size=(_REPEATED, level.size)):
            seen = rng.poisson(source + ratio * level)
            starts = _groups(behind)
            s, m, b, r = (
                np.add.reduceat(x, starts) for x in (seen, source, behind, ratio * behind)
            )
            found.append(wstat(s, m, b, r / np.maximum(b, 1e-12)) - starts.size)
        return float(ndtr((np.mean(found) - excess) / max(float(np.std(found)), 1e-9)))

    def _grouped(self, channels: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.add.reduceat(channels, self.starts, axis=-1))

    def _to(self, parameter: Any, value: float) -> float:
        return float(np.log(max(value, 1e-300))) if parameter.log else float(value)

    def _scale_norms(self) -> None:
        """Start all norms such that the model gives the observed net counts."""
        norms = [i for i, p in enumerate(self.free) if p.name.startswith("norm")]
        net = max(float((self.counts - self.ratio * self.behind).sum()), 1.0)
        given = float(self.expected(self.start[None]).sum())
        if norms and given > 0:
            self.start[norms] += np.log(net / given)
            self.start = self.clip(self.start)


def _descend(problem: _Problem, u: NDArray[np.float64]) -> tuple[Any, float, bool]:
    """Levenberg-Marquardt on the Fisher matrix, inside the bounds."""
    value, gradient, fisher = problem.linearised(u)
    damping = 1e-2
    for _ in range(_STEPS):
        trial = problem.clip(u + _step(problem, u, gradient, fisher, damping))
        tried = float(problem.statistic(np.maximum(problem.expected(trial[None])[0], 1e-12)))
        if np.isfinite(tried) and tried <= value:
            done = value - tried < 1e-4 and damping < 1.0
            u = trial
            value, gradient, fisher = problem.linearised(u)
            damping = max(damping / 5, 1e-9)
            if done:
                return u, value, True
        else:
            damping *= 4
            if damping > 1e8:
                return u, value, True
    return u, value, False


def _groups(background: NDArray[np.float64]) -> NDArray[np.int64]:
    """First channels of groups that hold a background count each; the last takes the rest."""
    full = np.flatnonzero(background > 0)[:-1] + 1
    return np.concatenate([[0], full]).astype(np.int64)


def _step(problem: _Problem, u: Any, gradient: Any, fisher: Any, damping: float) -> Any:
    """A damped step; parameters at a bound that would leave it stay."""
    low, high = problem.bounds.T
    stays = ((u <= low) & (gradient > 0)) | ((u >= high) & (gradient < 0))
    step = np.zeros_like(u)
    if stays.all():
        return step
    moves = np.flatnonzero(~stays)
    part = fisher[np.ix_(moves, moves)]
    scale = np.diag(np.maximum(np.diag(part), 1e-10))
    step[moves] = -np.linalg.solve(part + damping * scale, gradient[moves])
    return np.clip(step, -2.0, 2.0)


def _smoothed(counts: NDArray[np.float64], energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts smoothed over energy, their sum kept."""
    from scipy.ndimage import gaussian_filter1d

    if not counts.any():
        return counts
    width = _SMOOTH_KEV / max(float(np.median(np.diff(energy))), 1e-6)
    return np.asarray(gaussian_filter1d(counts.astype(float), width, mode="reflect"))
