"""Predicted densities: one mixture of Gaussians, or one row of bin probabilities, an object.

Both know the log density at a value, moments, quantiles and the probability integral
transform, so that information, calibration and intervals need not ask which one they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BinnedDensity", "MixtureDensity", "prior_logpdf"]

_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)
# Rows are worked on in blocks of at most this many numbers (64 MB).
_NUMBERS_AT_ONCE = 8_000_000
_LEAST = 1e-300


@dataclass(frozen=True)
class MixtureDensity:
    """One mixture of Gaussians a row.

    Parameters
    ----------
    weight : ndarray, shape (n, k)
        Weights; rows add up to 1.
    mean, sd : ndarray, shape (n, k)
        Centres and standard deviations, in units of the target.

    Examples
    --------
    >>> one = MixtureDensity(np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1)))
    >>> one.logpdf([0.0]).round(3), one.cdf([0.0])
    (array([-0.919]), array([0.5]))
    """

    weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.weight)

    def __getitem__(self, rows: Any) -> MixtureDensity:
        return MixtureDensity(self.weight[rows], self.mean[rows], self.sd[rows])

    def logpdf(self, y: ArrayLike) -> NDArray[np.float64]:
        """Log density (nats) of each row at its own value, shape (n,)."""
        z = (np.asarray(y, dtype=np.float64)[:, None] - self.mean) / self.sd
        with np.errstate(divide="ignore"):
            terms = np.log(self.weight) - 0.5 * z * z - np.log(self.sd) - _LOG_ROOT_2PI
        top = terms.max(axis=1)
        return np.asarray(top + np.log(np.exp(terms - top[:, None]).sum(axis=1)))

    def cdf(self, y: ArrayLike) -> NDArray[np.float64]:
        """Probability of a smaller value than each row's own, shape (n,)."""
        from scipy.special import ndtr

        z = (np.asarray(y, dtype=np.float64)[:, None] - self.mean) / self.sd
        return np.asarray((self.weight * ndtr(z)).sum(axis=1))

    def expected(self) -> NDArray[np.float64]:
        """Mean of each row, shape (n,)."""
        return np.asarray((self.weight * self.mean).sum(axis=1))

    def on_grid(self, points: ArrayLike) -> NDArray[np.float64]:
        """Density of every row at common points, shape (n, points)."""
        grid = np.asarray(points, dtype=np.float64)
        out = np.zeros((len(self), len(grid)))
        for j in range(self.weight.shape[1]):
            z = (grid[None, :] - self.mean[:, j, None]) / self.sd[:, j, None]
            scaled = self.weight[:, j] / (self.sd[:, j] * np.sqrt(2 * np.pi))
            out += scaled[:, None] * np.exp(-0.5 * z * z)
        return out

    def binned(self, edges: ArrayLike) -> BinnedDensity:
        """The same densities on bins; what lies outside goes to the outermost ones."""
        from scipy.special import ndtr

        cuts = np.asarray(edges, dtype=np.float64)
        out = np.empty((len(self), len(cuts) - 1))
        block = max(1, _NUMBERS_AT_ONCE // (len(cuts) * self.weight.shape[1]))
        for start in range(0, len(self), block):
            rows = slice(start, start + block)
            z = (cuts[None, None, 1:-1] - self.mean[rows, :, None]) / self.sd[rows, :, None]
            below = (self.weight[rows, :, None] * ndtr(z)).sum(axis=1)
            out[rows] = np.diff(below, axis=1, prepend=0.0, append=1.0)
        return BinnedDensity(cuts, np.clip(out, 0.0, None))

    @classmethod
    def pool(
        cls, members: Sequence[MixtureDensity], weights: ArrayLike | None = None
    ) -> MixtureDensity:
        """Linear pool of several densities of the same rows.

        Parameters
        ----------
        members : sequence of MixtureDensity
            Densities of the same n rows.
        weights : array_like, shape (members,), optional
            Equal without it.

        Returns
        -------
        MixtureDensity
        """
        shares = np.full(len(members), 1 / len(members)) if weights is None else np.asarray(weights)
        scaled = [share * one.weight for share, one in zip(shares, members, strict=True)]
        return cls(
            np.concatenate(scaled, axis=1),
            np.concatenate([one.mean for one in members], axis=1),
            np.concatenate([one.sd for one in members], axis=1),
        )


@dataclass(frozen=True)
class BinnedDensity:
    """Probabilities of common bins, one row an object: what ``predict_density`` gives.

    Parameters
    ----------
    edges : ndarray, shape (bins + 1,)
        Edges of the bins, in units of the target.
    probability : ndarray, shape (n, bins)
        Probability of each bin; rows add up to 1.

    Examples
    --------
    >>> density = BinnedDensity(np.array([9.0, 10.0, 11.0]), np.array([[0.25, 0.75]]))
    >>> density.mean(), density.quantile(0.5).round(3)
    (array([10.25]), array([10.333]))
    """

    edges: NDArray[np.float64]
    probability: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.probability)

    def __getitem__(self, rows: Any) -> BinnedDensity:
        return BinnedDensity(self.edges, np.atleast_2d(self.probability[rows]))

    def __repr__(self) -> str:
        n, bins = self.probability.shape
        return f"<BinnedDensity: {n} rows, {bins} bins, {self.edges[0]:g} to {self.edges[-1]:g}>"

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centres of the bins, shape (bins,)."""
        return np.asarray((self.edges[1:] + self.edges[:-1]) / 2)

    def mean(self) -> NDArray[np.float64]:
        """Mean of each row, shape (n,)."""
        return np.asarray(self.probability @ self.centres)

    def std(self) -> NDArray[np.float64]:
        """Standard deviation of each row, shape (n,)."""
        second = self.probability @ self.centres**2
        return np.asarray(np.sqrt(np.maximum(second - self.mean() ** 2, 0)))

    def pdf(self) -> NDArray[np.float64]:
        """Density within each bin, shape (n, bins)."""
        return np.asarray(self.probability / np.diff(self.edges))

    def logpdf(self, y: ArrayLike) -> NDArray[np.float64]:
        """Log density (nats) of each row at its own value, shape (n,); -inf outside the bins."""
        values = np.asarray(y, dtype=np.float64)
        place = np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, self._last)
        found = self.probability[np.arange(len(self)), place] / np.diff(self.edges)[place]
        inside = (values >= self.edges[0]) & (values <= self.edges[-1])
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.where(inside, found, 0.0)))

    def cdf(self, y: ArrayLike) -> NDArray[np.float64]:
        """Probability of a smaller value than each row's own, shape (n,)."""
        values = np.clip(np.asarray(y, dtype=np.float64), self.edges[0], self.edges[-1])
        place = np.clip(np.searchsorted(self.edges, values, side="right") - 1, 0, self._last)
        rows = np.arange(len(self))
        below = np.concatenate([np.zeros((len(self), 1)), self.probability.cumsum(axis=1)], axis=1)
        share = (values - self.edges[place]) / np.diff(self.edges)[place]
        return np.asarray(below[rows, place] + share * self.probability[rows, place])

    def quantile(self, level: float) -> NDArray[np.float64]:
        """Value below which the probability is ``level``, shape (n,)."""
        below = np.concatenate([np.zeros((len(self), 1)), self.probability.cumsum(axis=1)], axis=1)
        below /= below[:, -1:]
        place = np.clip((below <= level).sum(axis=1) - 1, 0, self._last)
        rows = np.arange(len(self))
        width = np.maximum(below[rows, place + 1] - below[rows, place], _LEAST)
        share = np.clip((level - below[rows, place]) / width, 0, 1)
        return np.asarray(self.edges[place] + share * np.diff(self.edges)[place])

    def interval(self, level: float = 0.68) -> NDArray[np.float64]:
        """Central interval that holds ``level`` of the probability, shape (n, 2)."""
        if not 0 < level < 1:
            raise ValueError(f"level: expected a probability between 0 and 1, found {level}")
        tail = (1 - level) / 2
        return np.stack([self.quantile(tail), self.quantile(1 - tail)], axis=1)

    def crps(self, y: ArrayLike) -> NDArray[np.float64]:
        """Continuous ranked probability score of each row, in units of the target, shape (n,)."""
        values = np.asarray(y, dtype=np.float64)[:, None]
        step = values <= self.edges[None, 1:]
        below = self.probability.cumsum(axis=1)
        return np.asarray(((below - step) ** 2 * np.diff(self.edges)).sum(axis=1))

    @property
    def _last(self) -> int:
        return len(self.edges) - 2


def prior_logpdf(y: ArrayLike, at: ArrayLike | None = None) -> NDArray[np.float64]:
    """Log density of a target without any input, from its own sample.

    A Gaussian kernel estimate whose width is chosen by, and whose values at the sample itself
    are, those without the object itself: an object does not explain its own value.

    Parameters
    ----------
    y : array_like of float, shape (n,)
        The sample.
    at : array_like of float, shape (m,), optional
        Where; at the sample itself without it.

    Returns
    -------
    ndarray of float
        Log density, nats.

    Examples
    --------
    >>> y = np.random.default_rng(0).normal(size=2000)
    >>> bool(abs(prior_logpdf(y).mean() + 1.419) < 0.05)  # the entropy of a standard normal
    True
    """
    values = np.asarray(y, dtype=np.float64)
    spread = float(np.std(values)) or 1.0
    n = len(values)
    widths = spread * n**-0.2 * np.array([0.35, 0.5, 0.7, 1.06])
    scores = [_kernel_logpdf(values, values, width, True).mean() for width in widths]
    width = float(widths[int(np.argmax(scores))])
    if at is None:
        return _kernel_logpdf(values, values, width, True)
    return _kernel_logpdf(values, np.asarray(at, dtype=np.float64), width, False)


def _kernel_logpdf(
    sample: NDArray[np.float64], at: NDArray[np.float64], width: float, leave_out: bool
) -> NDArray[np.float64]:
    n = len(sample)
    if n > 4000:
        return _binned_kernel_logpdf(sample, at, width, leave_out)
    z = (at[:, None] - sample[None, :]) / width
    total = np.exp(-0.5 * z * z).sum(axis=1)
    count = n
    if leave_out:
        total, count = total - 1.0, n - 1
    return np.asarray(np.log(np.maximum(total, _LEAST) / (count * width * np.sqrt(2 * np.pi))))


def _binned_kernel_logpdf(
    sample: NDArray[np.float64], at: NDArray[np.float64], width: float, leave_out: bool
) -> NDArray[np.float64]:
    """The same from a fine histogram, whose cost does not grow with the square of the rows."""
    from scipy.ndimage import gaussian_filter1d

    low, high = sample.min() - 5 * width, sample.max() + 5 * width
    bins = int(np.clip((high - low) / (width / 8), 64, 20_000))
    counts, edges = np.histogram(sample, bins=bins, range=(low, high))
    step = edges[1] - edges[0]
    smooth = gaussian_filter1d(counts.astype(np.float64), width / step, mode="constant")
    total = np.interp(at, (edges[1:] + edges[:-1]) / 2, smooth, left=0.0, right=0.0) / step
    count = len(sample)
    if leave_out:
        total, count = total - 1 / (width * np.sqrt(2 * np.pi)), count - 1
    return np.asarray(np.log(np.maximum(total, _LEAST) / count))
