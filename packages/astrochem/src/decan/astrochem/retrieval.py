"""From observed ratios back to the cloud: posteriors, their checks, and what to observe next.

The prior is even over the training box (in the logarithm) and zero outside: an emulator
says nothing there. The emulator's own error, and its correlation between ratios that share
a species, is part of the likelihood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .chemistry import find_species, parse_pair
from .emulators import EmulatorSet
from .observation import Observation
from .posterior import INCONSISTENT, Posterior

__all__ = ["Retrieval"]

Floats = NDArray[np.float64]
_ROUNDS = 4
_ENOUGH = 400.0
_CENTRES = 128


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
        observed = _listed(observations, list(self.emulators))
        columns = [list(self.emulators).index(one.ratio) for one in observed]
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
            if 1.0 / np.sum(weight**2) >= _ENOUGH or tail < INCONSISTENT:
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
        columns = ["ratio", "gain [bit]", "expected [dex]", "low", "high"]
        table = pd.DataFrame(rows, columns=columns)
        return table.sort_values("gain [bit]", ascending=False, ignore_index=True)

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


def _listed(observations: Any, known: list[str]) -> list[Observation]:
    if isinstance(observations, Mapping):
        observations = [Observation(name, *pair) for name, pair in observations.items()]
    observed = [replace(one, ratio=_spelled(one.ratio, known)) for one in observations]
    if not observed:
        raise ValueError("observations: none given; the posterior would be the prior")
    names = [one.ratio for one in observed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"observations: {twice[0]!r} is there more than once; combine them first")
    return observed


def _spelled(ratio: str, known: list[str]) -> str:
    """The emulator's name of a ratio that may be spelled otherwise."""
    species = {name for pair in known for name in parse_pair(pair) if name}
    try:
        pair = [find_species(name, species) for name in parse_pair(ratio) if name]
    except ValueError:
        pair = [ratio]
    if "/".join(pair) in known:
        return "/".join(pair)
    inverse = "/".join(reversed(pair))
    advice = (
        f"give {inverse!r}, with the other sign of its value and limit"
        if inverse in known
        else f"there are {', '.join(known)}"
    )
    raise ValueError(f"no emulator of {ratio!r}; {advice}")


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
