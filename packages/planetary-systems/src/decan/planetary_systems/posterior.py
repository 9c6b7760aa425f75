"""What a completion says: expected numbers, probabilities, densities, regions, next steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit
from decan.core.metrics import Estimate

from . import orbits
from .known import KnownPlanets
from .surveys import Star, Survey, combined_detection
from .systems import Systems

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Completion"]

_BOX = {
    "a_au": "AU",
    "period_day": "day",
    "mass_earth": "earthMass",
    "k_m_s": "m/s",
    "temperature_k": "K",
}


class Completion:
    """Weighted draws of the planets that are not known; see :func:`complete`.

    Parameters
    ----------
    samples : Systems
        The unseen planets of each draw; none is a draw too.
    log_weights : array_like, shape (n,)
        Natural logarithms of the draws' weights.
    known : KnownPlanets
    star : Star
    survey : Survey, sequence of Survey or None
    notes : sequence of str
        What a reader must know.

    Examples
    --------
    >>> samples = Systems.from_planets([([1.0], [1.0]), ([], [])])
    >>> star = Star(mass=1.0)
    >>> none = KnownPlanets.read([], star)
    >>> Completion(samples, [0.0, 0.0], none, star, None).probability_earth_like().value
    0.5
    """

    def __init__(
        self,
        samples: Systems,
        log_weights: ArrayLike,
        known: KnownPlanets,
        star: Star,
        survey: Survey | Sequence[Survey] | None,
        *,
        notes: Sequence[str] = (),
    ) -> None:
        self.samples, self.known, self.star, self.survey = samples, known, star, survey
        self.notes = list(notes)
        logs = np.asarray(log_weights, float)
        top = logs.max(initial=-np.inf)
        scaled = np.exp(logs - top)
        self.weights = scaled / scaled.sum()
        self.log_evidence = float(top + np.log(scaled.mean()))
        self._of = samples.system_of_planet

    @property
    def effective_size(self) -> float:
        """Draws that the weighted draws are worth (Kish 1965)."""
        return float(1 / (self.weights**2).sum())

    def expected_number(
        self, box: Mapping[str, Any] | Callable[..., Any] | None = None
    ) -> Estimate:
        """Expected number of unseen planets in a box.

        Parameters
        ----------
        box : mapping or callable, optional
            Ranges ``(low, high)`` of ``a_au``, ``period_day``, ``mass_earth``, ``k_m_s``,
            ``temperature_k``, or a function of (a_au, mass_earth) that gives bools;
            everywhere without it.

        Returns
        -------
        Estimate
            ``low`` and ``high`` are the error of the draws, not of the model.
        """
        return self._mean(self._counts(box))

    def probability(
        self, box: Mapping[str, Any] | Callable[..., Any] | None = None, *, at_least: int = 1
    ) -> Estimate:
        """Probability of at least so many unseen planets in a box; see ``expected_number``."""
        return self._mean((self._counts(box) >= at_least).astype(float))

    def probability_earth_like(self) -> Estimate:
        """Probability of at least one unseen planet of 0.5 to 3 Earth masses, 160 to 510 K.

        Without a luminosity or mass the star is taken as the Sun.
        """
        bright = self.star.bright
        light = bright if np.isfinite(bright) else 1.0
        return self.probability(lambda a, m: orbits.earth_like(a, m, light))

    def number_distribution(self) -> pd.DataFrame:
        """Probability of each number of unseen planets."""
        top = int(self.samples.counts.max(initial=0))
        chance = np.bincount(self.samples.counts, self.weights, minlength=top + 1)
        return pd.DataFrame({"unseen planets": np.arange(top + 1), "probability": chance})

    def density(
        self,
        log_a: ArrayLike,
        log_m: ArrayLike,
        *,
        width: tuple[float, float] = (0.06, 0.12),
    ) -> NDArray[np.float64]:
        """Expected unseen planets per dex of a and dex of M at some places.

        Parameters
        ----------
        log_a, log_m : array_like
            log10 of semi-major axis (au) and mass (Earth masses), broadcast together.
        width : (float, float)
            Widths of the smoothing kernel, dex.

        Returns
        -------
        ndarray
        """
        x, y = np.broadcast_arrays(np.asarray(log_a, float), np.asarray(log_m, float))
        a_edge, m_edge, table = self._histogram()
        from scipy.interpolate import RegularGridInterpolator
        from scipy.ndimage import gaussian_filter

        step = (a_edge[1] - a_edge[0], m_edge[1] - m_edge[0])
        smooth = gaussian_filter(
            table, (width[0] / step[0], width[1] / step[1]), mode="constant"
        ) / (step[0] * step[1])
        centres = [0.5 * (edge[1:] + edge[:-1]) for edge in (a_edge, m_edge)]
        look = RegularGridInterpolator(centres, smooth, bounds_error=False, fill_value=0.0)
        return np.asarray(look(np.stack([x, y], -1))).reshape(x.shape)

    def region_level(self, log_a: ArrayLike, log_m: ArrayLike) -> NDArray[np.float64]:
        """Share of the expected planets that lie in places of higher density.

        0 is the peak; a place is in the 50 % region where this is below 0.5.
        """
        a_edge, m_edge, _ = self._histogram()
        a, m = (0.5 * (edge[1:] + edge[:-1]) for edge in (a_edge, m_edge))
        grid = self.density(*np.meshgrid(a, m, indexing="ij")).ravel()
        order = np.sort(grid)[::-1]
        above = np.cumsum(order) / max(order.sum(), 1e-300)
        here = self.density(log_a, log_m)
        index = np.searchsorted(-order, -np.asarray(here), side="left")
        return np.asarray(np.where(index > 0, above[np.maximum(index - 1, 0)], 0.0))

    def region(self, level: float = 0.9) -> tuple[Any, Any, NDArray[np.bool_]]:
        """Smallest region that holds a share of the expected unseen planets.

        Returns
        -------
        log_a, log_m : ndarray
            Centres of the cells.
        inside : ndarray of bool, shape (n_a, n_m)
        """
        a_edge, m_edge, _ = self._histogram()
        a, m = (0.5 * (edge[1:] + edge[:-1]) for edge in (a_edge, m_edge))
        density = self.density(*np.meshgrid(a, m, indexing="ij"))
        order = np.sort(density.ravel())[::-1]
        cut = order[np.searchsorted(np.cumsum(order), level * order.sum())]
        return a, m, density >= cut

    def observations(self, surveys: Sequence[Survey]) -> pd.DataFrame:
        """Which further survey would tell most about this star.

        Parameters
        ----------
        surveys : sequence of Survey
            Candidates, each thought to be done next.

        Returns
        -------
        DataFrame
            One row a survey: probability of a detection, expected number of detections,
            and ``information``, the nats by which the number of detections is expected to
            narrow what the star may have (mutual information); the most telling first.
        """
        rows = []
        for survey in surveys:
            seen = combined_detection(survey, self.samples.a_au, self.samples.mass_earth, self.star)
            number = _poisson_binomial(seen, self.samples.counts)
            mixed = self.weights @ number
            own = -(number * np.log(np.maximum(number, 1e-300))).sum(1)
            total = -(mixed * np.log(np.maximum(mixed, 1e-300))).sum()
            rows.append(
                {
                    "survey": survey.name,
                    "probability of a detection": float(1 - mixed[0]),
                    "expected detections": float(mixed @ np.arange(len(mixed))),
                    "information": float(max(total - self.weights @ own, 0.0)),
                }
            )
        frame = pd.DataFrame(rows)
        return frame.sort_values("information", ascending=False, ignore_index=True)

    def resample(self, n: int, *, rng: np.random.Generator | int | None = None) -> Systems:
        """Draws of equal weight."""
        chosen = np.random.default_rng(rng).choice(len(self.weights), n, p=self.weights)
        return self.samples[chosen]

    def plot(self, ax: Axes | None = None) -> Axes:
        """The (P, M) map: known planets, blind zone, and what is expected there."""
        from .plots import plot_completion

        return plot_completion(self, ax=ax)

    def __repr__(self) -> str:
        number, chance = self.expected_number(), self.probability()
        return (
            f"<Completion: {len(self.known)} known; {number.value:.2f} unseen planets expected, "
            f"P(at least one) {chance.value:.2f}; {self.effective_size:,.0f} effective draws>"
        )

    def _counts(self, box: Mapping[str, Any] | Callable[..., Any] | None) -> NDArray[np.float64]:
        a, m = self.samples.a_au, self.samples.mass_earth
        if box is None:
            inside = np.ones(len(a), dtype=bool)
        elif callable(box):
            inside = np.asarray(box(a, m), dtype=bool)
        else:
            inside = self._in_box(box, a, m)
        return np.bincount(self._of, inside, minlength=len(self.samples)).astype(float)

    def _in_box(
        self, box: Mapping[str, Any], a: NDArray[np.float64], m: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        inside = np.ones(len(a), dtype=bool)
        for name, (low, high) in box.items():
            if name not in _BOX:
                raise ValueError(f"box: {name!r} is not known; there are {', '.join(_BOX)}")
            low, high = (in_unit(end, _BOX[name], f"box: {name}") for end in (low, high))
            if name == "a_au":
                value = a
            elif name == "mass_earth":
                value = m
            elif name == "temperature_k":
                value = orbits.equilibrium_temperature(a, self.star.bright)
            elif name == "period_day":
                value = orbits.period_day(a, self.star.need_mass("a period"))
            else:
                value = orbits.rv_semi_amplitude(a, m, self.star.need_mass("a semi-amplitude"))
            inside &= (value >= low) & (value <= high)
        return inside

    def _mean(self, value: NDArray[np.float64]) -> Estimate:
        mean = float(self.weights @ value)
        error = float(np.sqrt((self.weights**2) @ (value - mean) ** 2))
        return Estimate(mean, mean - error, mean + error, n=round(self.effective_size))

    def _histogram(self) -> tuple[Any, Any, NDArray[np.float64]]:
        a_edge, m_edge = np.arange(-2.4, 2.61, 0.02), np.arange(-2.4, 4.21, 0.04)
        table, _, _ = np.histogram2d(
            self.samples.log_a, self.samples.log_m, bins=(a_edge, m_edge),
            weights=self.weights[self._of],
        )  # fmt: skip
        return a_edge, m_edge, table


def _poisson_binomial(
    chance: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Probability of each number of detections, for each system."""
    top = int(counts.max(initial=0))
    result = np.zeros((len(counts), top + 1))
    result[:, 0] = 1
    start = np.cumsum(counts) - counts
    for j in range(top):
        has = counts > j
        p = chance[start[has] + j][:, None]
        old = result[has]
        shifted = np.pad(old[:, :-1], ((0, 0), (1, 0)))
        result[has] = old * (1 - p) + shifted * p
    return result
