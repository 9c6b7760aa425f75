"""From observed ratios back to the cloud: posteriors, their checks, and what to observe next.

The prior is even over the training box (in the logarithm) and zero outside: an emulator
says nothing there. The emulator's own error, and its correlation between ratios that share
a species, is part of the likelihood.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decan.core.data.tables import read_table
from decan.core.errors import SchemaError

from .chemistry import parse_pair
from .emulators import EmulatorSet
from .space import ParameterSpace

__all__ = ["Observation", "Posterior", "Retrieval"]

Floats = NDArray[np.float64]
_INCONSISTENT = 1e-6
_ROUNDS = 4
_ENOUGH = 400.0
_CENTRES = 128


@dataclass(frozen=True)
class Observation:
    """One observed ratio of one source: a value with its error, or a limit.

    Parameters
    ----------
    ratio : str
        ``"HNC/HCN"`` and its like: a ratio of column densities or abundances, never of
        line intensities.
    value : float
        Log10 of the ratio, dex.
    error : float
        One standard error, dex; of a limit, how soft it is.
    limit : {-1, 0, 1}
        -1: the ratio is at most the value; 1: at least; 0: it was measured.

    Raises
    ------
    ValueError
        If the value is not finite, the error not positive, or the limit another number.

    Examples
    --------
    >>> Observation("HNC/HCN", -0.3, 0.15)
    HNC/HCN = -0.30 ± 0.15 dex
    >>> Observation("CS/SO", 1.0, 0.1, limit=1)
    CS/SO > 1.00 dex
    """

    ratio: str
    value: float
    error: float
    limit: int = 0

    def __post_init__(self) -> None:
        parse_pair(self.ratio)
        if not np.isfinite(self.value):
            raise ValueError(f"{self.ratio}: the value is {self.value}; leave the ratio out")
        if not self.error > 0:
            raise ValueError(f"{self.ratio}: error {self.error}; expected a positive one, in dex")
        if self.limit not in (-1, 0, 1):
            raise ValueError(f"{self.ratio}: limit {self.limit}; expected -1, 0 or 1")

    def __repr__(self) -> str:
        if self.limit:
            return f"{self.ratio} {'>' if self.limit > 0 else '<'} {self.value:.2f} dex"
        return f"{self.ratio} = {self.value:.2f} ± {self.error:.2f} dex"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> dict[str, list[Observation]]:
        """Observations of a table, by source.

        Parameters
        ----------
        path : path-like
            Columns ``source``, ``ratio``, ``log10_value``, ``err_low``, ``err_high`` and
            optionally ``limit``. Asymmetric errors are averaged.

        Returns
        -------
        dict of str to list of Observation

        Raises
        ------
        SchemaError
            If a row cannot be understood; it is named.
        """
        table = read_table(path, required=["source", "ratio", "log10_value"])
        found: dict[str, list[Observation]] = {}
        for number, row in enumerate(table.to_dict("records")):
            try:
                limit = row.get("limit", 0)
                low, high = row.get("err_low", np.nan), row.get("err_high", np.nan)
                error = np.nanmean([low, high]) if np.isfinite([low, high]).any() else np.nan
                limit = 0 if limit != limit else int(limit)
                error = 0.1 if limit and not error > 0 else float(error)
                one = cls(str(row["ratio"]), float(row["log10_value"]), error, limit)
            except (ValueError, TypeError) as problem:
                raise SchemaError(f"{path}, row {number}: {problem}") from None
            found.setdefault(str(row["source"]), []).append(one)
        return found


@dataclass(frozen=True)
class Posterior:
    """Clouds that agree with an observation, each with its weight.

    Parameters
    ----------
    space : ParameterSpace
        The box.
    axis : array of float, shape (n, n_parameters)
        Parameters on their axes (log10).
    weight : array of float, shape (n,)
        Sum to 1.
    observations : tuple of Observation
        What was observed.
    chi2, tail : float
        Smallest chi square in the box, and the chance to exceed it.

    Examples
    --------
    >>> from decan.astrochem import CLOUD
    >>> Posterior(CLOUD, np.zeros((2, 7)), np.array([0.5, 0.5]), (), 0.0, 1.0).inconsistent
    False
    """

    space: ParameterSpace
    axis: Floats
    weight: Floats
    observations: tuple[Observation, ...]
    chi2: float
    tail: float

    @property
    def inconsistent(self) -> bool:
        """Whether no cloud of the box gives these ratios: then nothing below is a result."""
        return self.tail < _INCONSISTENT

    @property
    def effective_size(self) -> float:
        """How many independent clouds the weights amount to."""
        return float(1.0 / np.sum(self.weight**2))

    def quantile(self, name: str, q: ArrayLike) -> Floats:
        """Quantiles of a parameter, in its unit."""
        j = self.space.names.index(name)
        order = np.argsort(self.axis[:, j])
        cumulative = np.cumsum(self.weight[order]) - self.weight[order] / 2
        found = np.interp(np.asarray(q, dtype=float), cumulative, self.axis[order, j])
        return 10.0**found if self.space.params[j].scale == "log" else found

    def summary(self) -> pd.DataFrame:
        """A row a parameter: median, 68 % interval, and how much narrower than the prior.

        ``narrowing`` is 0 where nothing was learned and 1 where all is known.
        """
        rows = []
        for j, param in enumerate(self.space.params):
            low, mid, high = self.quantile(param.name, [0.16, 0.5, 0.84])
            ends = self.space.to_axis(
                np.array([[p.low for p in self.space.params], [p.high for p in self.space.params]])
            )[:, j]
            mean = self.weight @ self.axis[:, j]
            spread = np.sqrt(self.weight @ (self.axis[:, j] - mean) ** 2)
            rows.append(
                {
                    "parameter": param.name,
                    "unit": param.unit,
                    "median": mid,
                    "low": low,
                    "high": high,
                    "narrowing": 1 - spread * np.sqrt(12) / (ends[1] - ends[0]),
                    "flag": "inconsistent" if self.inconsistent else "",
                }
            )
        return pd.DataFrame(rows)

    def sample(self, n: int, *, rng: np.random.Generator | int | None = None) -> pd.DataFrame:
        """Clouds drawn from the posterior, all with the same weight."""
        rng = np.random.default_rng(rng)
        rows = rng.choice(len(self.weight), n, p=self.weight)
        unit = self.axis[rows]
        log = np.array([param.scale == "log" for param in self.space.params])
        return pd.DataFrame(np.where(log, 10.0**unit, unit), columns=list(self.space.names))

    def __repr__(self) -> str:
        state = "inconsistent" if self.inconsistent else f"{self.effective_size:.0f} clouds"
        return f"<Posterior of {len(self.observations)} ratios: {state}, chi2 {self.chi2:.1f}>"

    def _repr_html_(self) -> str:
        return self.summary().to_html(index=False, float_format=lambda x: f"{x:.3g}")


class Retrieval:
    """Posteriors over the parameters of clouds from their ratios.

    Parameters
    ----------
    emulators : EmulatorSet
        Fitted, with cross-validation (it gives the errors and their correlation).
    n : int
        Clouds of the prior on which all ratios are predicted once; every source then takes
        milliseconds.
    random_state : int
        Seed of the prior's design and of refinements.

    Examples
    --------
    >>> from decan.astrochem import EmulatorSet, simulate_grid
    >>> table = simulate_grid(64, rng=1).ratios(["CN/HCN", "HNC/HCN"])
    >>> retrieval = Retrieval(EmulatorSet("gp", n_folds=2).fit(table), n=512)
    >>> posterior = retrieval.fit([Observation("HNC/HCN", -1.0, 0.1)])
    >>> posterior.summary()["parameter"].tolist()[0]
    'T_K'
    """

    def __init__(self, emulators: EmulatorSet, *, n: int = 16384, random_state: int = 0) -> None:
        self.emulators = emulators
        self.n = n
        self.random_state = random_state
        self.space = emulators.space
        prior = self.space.sobol(n, seed=random_state + 7)
        self._prior = self.space.to_axis(prior)
        self._mean, self._std = emulators.predict_axis(self._prior)

    def fit(
        self,
        observations: Iterable[Observation] | Mapping[str, tuple[float, float]],
        *,
        method: str = "importance",
    ) -> Posterior:
        """Posterior of one source.

        Parameters
        ----------
        observations : iterable of Observation, or mapping of str to (value, error)
            Ratios that the emulators know, each once.
        method : {'importance', 'emcee'}
            Importance sampling, refined where few clouds carry the weight; or the sampler
            of the extra ``decan-astrochem[emcee]``, started from it.

        Returns
        -------
        Posterior
            ``inconsistent`` where no cloud of the box gives these ratios together.

        Raises
        ------
        ValueError
            If there is no observation, a ratio is there twice or has no emulator, or the
            method is not known.
        """
        observed = _listed(observations)
        columns = self._columns(observed)
        if method not in ("importance", "emcee"):
            raise ValueError(f"method: {method!r} is neither 'importance' nor 'emcee'")
        axis = self._prior
        log_like, chi2 = self._likelihood(
            observed, columns, self._mean[:, columns], self._std[:, columns]
        )
        log_weight = log_like
        best, tail = self._best(chi2, len(observed))
        rng = np.random.default_rng(self.random_state)
        for _ in range(_ROUNDS):
            weight = _normalised(log_weight)
            if 1.0 / np.sum(weight**2) >= _ENOUGH or tail < _INCONSISTENT:
                break
            axis, log_weight, chi2 = self._refined(axis, weight, observed, columns, rng)
            best, tail = min((best, tail), self._best(chi2, len(observed)))
        posterior = Posterior(
            self.space, axis, _normalised(log_weight), tuple(observed), best, tail
        )
        if method == "emcee" and not posterior.inconsistent:
            return self._sampled(posterior, observed, columns, rng)
        return posterior

    def next_ratio(self, posterior: Posterior, *, error: float = 0.15) -> pd.DataFrame:
        """Which ratio, observed next, would tell most about the cloud.

        The expected information gain is the mutual information of a ratio's new value and
        the parameters under the posterior: entropy of what one may see minus entropy of what
        one would see if the cloud were known.

        Parameters
        ----------
        posterior : Posterior
            Of this retrieval.
        error : float
            Error of the new observation, dex.

        Returns
        -------
        pandas.DataFrame
            A row a ratio that was not observed, largest gain first: the gain in bits, and
            the range in which its value is expected.

        References
        ----------
        Lindley 1956, Annals of Mathematical Statistics 27, 986.
        """
        seen = {one.ratio for one in posterior.observations}
        mean, std = self.emulators.predict_axis(self._thinned(posterior))
        rows = []
        for j, name in enumerate(self.emulators):
            if name in seen:
                continue
            sigma = np.hypot(std[:, j], error)
            low, mid, high = np.quantile(mean[:, j], [0.16, 0.5, 0.84])
            rows.append(
                {
                    "ratio": name,
                    "gain [bit]": _mutual_information(mean[:, j], sigma),
                    "expected [dex]": mid,
                    "low": low,
                    "high": high,
                }
            )
        return pd.DataFrame(rows).sort_values("gain [bit]", ascending=False, ignore_index=True)

    def coverage(
        self,
        truth: pd.DataFrame,
        ratios: pd.DataFrame,
        *,
        error: float = 0.15,
        parameters: Iterable[str] = ("T_K", "nH_cm3", "fC"),
        level: float = 0.68,
    ) -> pd.DataFrame:
        """How often intervals hold the truth, over clouds that were simulated.

        Parameters
        ----------
        truth : DataFrame
            Parameters of the clouds.
        ratios : DataFrame
            Their observed log ratios with noise, NaN where none; same rows.
        error : float
            Error of each ratio, dex.
        parameters : iterable of str
            Which parameters.
        level : float
            Probability within the central interval.

        Returns
        -------
        pandas.DataFrame
            A row a parameter: share of clouds within, number of clouds.
        """
        wanted = list(parameters)
        ends = [0.5 - level / 2, 0.5 + level / 2]
        hits: dict[str, list[bool]] = {name: [] for name in wanted}
        for (_, cloud), (_, seen) in zip(truth.iterrows(), ratios.iterrows(), strict=True):
            found = {name: (value, error) for name, value in seen.items() if value == value}
            if not found:
                continue
            posterior = self.fit({str(name): pair for name, pair in found.items()})
            for name in wanted:
                low, high = posterior.quantile(name, ends)
                hits[name].append(bool(low <= cloud[name] <= high))
        return pd.DataFrame(
            {
                "parameter": wanted,
                "coverage": [float(np.mean(hits[name])) for name in wanted],
                "clouds": [len(hits[name]) for name in wanted],
            }
        )

    def __repr__(self) -> str:
        return f"<Retrieval over {len(self.emulators)} ratios, {self.n} clouds of the prior>"

    def _columns(self, observed: list[Observation]) -> list[int]:
        names = list(self.emulators)
        for one in observed:
            if one.ratio not in names:
                raise ValueError(f"no emulator of {one.ratio!r}; there are {', '.join(names)}")
        return [names.index(one.ratio) for one in observed]

    def _likelihood(
        self, observed: list[Observation], columns: list[int], mean: Floats, std: Floats
    ) -> tuple[Floats, Floats]:
        """Log likelihood and chi square of each cloud.

        Detections share errors through the emulators' correlation and heavy tails (Student's
        t with the freedom of held-out errors); limits stand alone.
        """
        from scipy.special import log_ndtr

        value = np.array([one.value for one in observed])
        error = np.array([one.error for one in observed])
        limit = np.array([one.limit for one in observed])
        total = np.hypot(self.emulators.tail_scale * std, error)
        z = (value - mean) / total
        log_like, chi2 = np.zeros(len(mean)), np.zeros(len(mean))
        seen = np.flatnonzero(limit == 0)
        if len(seen):
            shared = self.emulators.correlation[np.ix_(columns, columns)][np.ix_(seen, seen)]
            # Noise of the observation is independent: correlations shrink by its share.
            part = self.emulators.tail_scale * std[:, seen] / total[:, seen]
            matrix = shared[None] * part[:, :, None] * part[:, None, :]
            diagonal = np.arange(len(seen))
            matrix[:, diagonal, diagonal] = 1.0
            lower = np.linalg.cholesky(matrix)
            white = np.linalg.solve(lower, z[:, seen, None])[..., 0]
            chi2 += np.sum(white**2, axis=1)
            log_like -= _heavy(chi2, len(seen), self.emulators.tail_dof)
            log_like -= np.log(total[:, seen]).sum(axis=1)
            log_like -= np.log(np.einsum("nii->ni", lower)).sum(axis=1)
        for j in np.flatnonzero(limit):
            # An upper limit (-1) is kept by values below it.
            log_like += log_ndtr(-limit[j] * z[:, j])
            chi2 += np.maximum(limit[j] * z[:, j], 0.0) ** 2
        return log_like, chi2

    def _best(self, chi2: Floats, n: int) -> tuple[float, float]:
        from scipy.stats import chi2 as distribution

        best = float(np.min(chi2))
        return best, float(distribution.sf(best, n))

    def _refined(
        self,
        axis: Floats,
        weight: Floats,
        observed: list[Observation],
        columns: list[int],
        rng: np.random.Generator,
    ) -> tuple[Floats, Floats, Floats]:
        """New clouds around those that carry the weight, weighted by prior over proposal.

        A mixture of narrow Student's t around resampled clouds follows bent posteriors, a
        third of the clouds from the prior keeps what it may have missed.
        """
        n, d = min(self.n, 4096), axis.shape[1]
        size = 1.0 / np.sum(weight**2)
        covariance = np.cov(axis.T, aweights=weight + 1e-12) + 1e-6 * np.eye(d)
        # Silverman's bandwidth for as many clouds as the weights amount to.
        width = (4 / (d + 2)) ** (1 / (d + 4)) * max(size, 8.0) ** (-1 / (d + 4))
        lower = width * np.linalg.cholesky(covariance)
        centres = axis[rng.choice(len(weight), _CENTRES, p=weight)]
        t = rng.standard_normal((n, d)) / np.sqrt(rng.chisquare(5, n) / 5)[:, None]
        drawn = centres[rng.integers(0, _CENTRES, n)] + t @ lower.T
        third = rng.random(n) < 1 / 3
        drawn[third] = self._prior[rng.integers(0, len(self._prior), int(third.sum()))]
        low, high = self.space._axis
        drawn = drawn[np.all((drawn >= low) & (drawn <= high), axis=1)]
        inverse = np.linalg.inv(lower)
        standard = (drawn @ inverse.T)[:, None] - (centres @ inverse.T)[None]
        density = _log_mean_t(np.sum(standard**2, axis=2), lower)
        log_prior = -np.log(high - low).sum()
        log_proposal = np.logaddexp(np.log(2 / 3) + density, np.log(1 / 3) + log_prior)
        emulated = self.emulators.predict_axis(drawn)
        log_like, chi2 = self._likelihood(
            observed, columns, emulated[0][:, columns], emulated[1][:, columns]
        )
        return drawn, log_like + log_prior - log_proposal, chi2

    def _sampled(
        self,
        start: Posterior,
        observed: list[Observation],
        columns: list[int],
        rng: np.random.Generator,
    ) -> Posterior:
        try:
            import emcee
        except ImportError as error:
            raise ValueError(
                "method 'emcee' needs the package emcee: pip install 'decan-astrochem[emcee]'"
            ) from error
        low, high = self.space._axis

        def log_posterior(axis: Floats) -> Floats:
            inside = np.all((axis >= low) & (axis <= high), axis=1)
            out = np.full(len(axis), -np.inf)
            if inside.any():
                mean, std = self.emulators.predict_axis(axis[inside])
                out[inside] = self._likelihood(
                    observed, columns, mean[:, columns], std[:, columns]
                )[0]
            return out

        walkers = 64
        rows = rng.choice(len(start.weight), walkers, p=start.weight)
        spot = np.clip(
            start.axis[rows] + 1e-3 * rng.standard_normal((walkers, len(low))), low, high
        )
        sampler = emcee.EnsembleSampler(walkers, len(low), log_posterior, vectorize=True)
        state = np.random.RandomState(self.random_state).get_state()
        sampler.random_state = state
        sampler.run_mcmc(spot, 400, progress=False)
        chain = sampler.get_chain(discard=150, thin=5, flat=True)
        equal = np.full(len(chain), 1.0 / len(chain))
        return Posterior(self.space, chain, equal, start.observations, start.chi2, start.tail)

    def _thinned(self, posterior: Posterior) -> Floats:
        rng = np.random.default_rng(self.random_state)
        rows = rng.choice(len(posterior.weight), 1024, p=posterior.weight)
        return posterior.axis[rows]


def _heavy(chi2: Floats, n: int, dof: float) -> Floats:
    """Minus the log density of n errors together: Student's t, normal for endless freedom."""
    if np.isinf(dof):
        return chi2 / 2
    return np.asarray((dof + n) / 2 * np.log1p(chi2 / dof))


def _listed(observations: Any) -> list[Observation]:
    if isinstance(observations, Mapping):
        observations = [Observation(name, *pair) for name, pair in observations.items()]
    observed = list(observations)
    if not observed:
        raise ValueError("observations: none given; the posterior would be the prior")
    names = [one.ratio for one in observed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"observations: {twice[0]!r} is there more than once; combine them first")
    return observed


def _normalised(log_weight: Floats) -> Floats:
    weight = np.exp(log_weight - np.max(log_weight))
    return np.asarray(weight / weight.sum())


def _log_mean_t(square: Floats, lower: Floats, dof: float = 5.0) -> Floats:
    """Log density of an even mixture of Student's t, from squared standard distances."""
    from scipy.special import gammaln, logsumexp

    d = len(lower)
    constant = gammaln((dof + d) / 2) - gammaln(dof / 2) - d / 2 * np.log(dof * np.pi)
    constant -= np.log(np.diag(lower)).sum() + np.log(square.shape[1])
    return np.asarray(constant + logsumexp(-(dof + d) / 2 * np.log1p(square / dof), axis=1))


def _mutual_information(mean: Floats, sigma: Floats) -> float:
    """Information about the cloud in one normal observation, bit; by quadrature."""
    grid = np.linspace((mean - 5 * sigma).min(), (mean + 5 * sigma).max(), 801)
    z = (grid[:, None] - mean) / sigma
    density = np.mean(np.exp(-0.5 * z**2) / (sigma * np.sqrt(2 * np.pi)), axis=1)
    positive = density > 0
    step = grid[1] - grid[0]
    entropy = -np.sum(density[positive] * np.log(density[positive])) * step
    known = np.mean(np.log(sigma)) + 0.5 * (1 + np.log(2 * np.pi))
    return float(max(entropy - known, 0.0) / np.log(2))
