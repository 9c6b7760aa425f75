"""The parts of the information of two inputs, with intervals, floors, classes and bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from . import measures
from .classes import is_discrete
from .crossfit import normal_scores
from .densities import prior_logpdf
from .inputs import as_columns, check_aligned
from .measures import COMPONENTS, local_components, mmi

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Component", "Decomposition"]


@dataclass(frozen=True)
class Component:
    """One part of the information with its interval and its floor.

    Parameters
    ----------
    value, low, high : float
        Nats; low and high are the 16th and 84th percentile over resampled groups.
    floor : float
        The same part where the rows of the second input were permuted: what this measure and
        estimator find in an input that says nothing. NaN where it was not asked for.

    Examples
    --------
    >>> print(Component(0.112, 0.08, 0.15, -0.007))
    +0.112 [+0.080, +0.150], floor -0.007
    """

    value: float
    low: float
    high: float
    floor: float

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        interval = f" [{self.low:+.3f}, {self.high:+.3f}]" if np.isfinite(self.low) else ""
        floor = f", floor {self.floor:+.3f}" if np.isfinite(self.floor) else ""
        return f"{self.value:+.3f}{interval}{floor}"


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Information of two inputs about a target, taken apart.

    Parameters
    ----------
    names : tuple of str
        What the two inputs are called.
    measure, estimator : str
        How the parts are defined, and how the information was estimated.
    local : ndarray, shape (n, 3)
        Local information of the first input, the second and both, nats.
    floor_local : ndarray, shape (n, 3) or None
        The same with the rows of the second input permuted.
    shared, floor_shared : ndarray, shape (n,) or None
        Redundant information of each object where the measure gives it.
    y : ndarray, shape (n,)
        The target.
    groups : ndarray, shape (n,) or None
        Groups that are resampled together.
    n_boot, seed : int
        Resamples behind each interval, and their seed.

    Attributes
    ----------
    redundant, unique_1, unique_2, synergistic : Component
        The parts for all objects.

    Examples
    --------
    >>> from decan.stellar_mass.decomposition import decompose
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(800, 2))
    >>> d = decompose(x[:, 0], x[:, 1], x.sum(axis=1) + rng.normal(size=800), estimator="copula")
    >>> bool(d.synergistic.value > 0.1 > d.unique_2.value)  # neither alone knows the sum
    True
    """

    names: tuple[str, str]
    measure: str
    estimator: str
    local: NDArray[np.float64]
    floor_local: NDArray[np.float64] | None
    shared: NDArray[np.float64] | None
    floor_shared: NDArray[np.float64] | None
    y: NDArray[np.float64]
    groups: NDArray[Any] | None = None
    n_boot: int = 200
    seed: int = 0
    _all: dict[str, Component] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.local)

    @property
    def information_1(self) -> Component:
        """Information of the first input."""
        return self._components["information_1"]

    @property
    def information_2(self) -> Component:
        """Information of the second input."""
        return self._components["information_2"]

    @property
    def information_12(self) -> Component:
        """Information of both inputs together."""
        return self._components["information_12"]

    @property
    def redundant(self) -> Component:
        """What either input alone says."""
        return self._components["redundant"]

    @property
    def unique_1(self) -> Component:
        """What only the first input says."""
        return self._components["unique_1"]

    @property
    def unique_2(self) -> Component:
        """What only the second input says."""
        return self._components["unique_2"]

    @property
    def synergistic(self) -> Component:
        """What only both together say."""
        return self._components["synergistic"]

    def remeasured(self, measure: str) -> Decomposition:
        """The same local information taken apart by another measure, nothing fitted again.

        Parameters
        ----------
        measure : {'mmi', 'pointwise_min'}
            Those that need nothing but local information.

        Returns
        -------
        Decomposition

        Raises
        ------
        ValueError
            If the measure needs densities or covariances.
        """
        if measure not in ("mmi", "pointwise_min"):
            raise ValueError(f"measure: {measure!r} needs more than local information; decompose")
        least = measure == "pointwise_min"
        floor = self.floor_local
        return replace(
            self,
            measure=measure,
            shared=self.local[:, :2].min(axis=1) if least else None,
            floor_shared=floor[:, :2].min(axis=1) if least and floor is not None else None,
            _all={},
        )

    def per_object(self) -> pd.DataFrame:
        """Local information and components of every object, nats; averages are those of all."""
        import pandas as pd

        i_1, i_2, i_12 = self.local.T
        parts = local_components(self.measure, i_1, i_2, i_12, self.shared)
        frame = pd.DataFrame(
            self.local, columns=["information_1", "information_2", "information_12"]
        )
        return frame.assign(**dict(zip(COMPONENTS, parts.T, strict=True)))

    def by(self, labels: ArrayLike, *, prior: str = "global", least: int = 10) -> pd.DataFrame:
        """Components within classes of objects.

        Parameters
        ----------
        labels : array_like, shape (n,)
            Class of each object; missing labels are left out.
        prior : {'global', 'within'}
            What an object is compared with: all objects, so that a class far from the rest
            counts as informative by its place alone, or the objects of its own class.
        least : int
            Classes with fewer objects are left out.

        Returns
        -------
        DataFrame
            A row a class: its label, n, the components with ``_low``, ``_high`` and ``_floor``.

        Raises
        ------
        ValueError
            If the labels do not fit, the prior is neither word, or every class has fewer.
        """
        import pandas as pd

        if prior not in ("global", "within"):
            raise ValueError(f"prior: {prior!r} is neither 'global' nor 'within'")
        check_aligned(y=self.y, labels=np.asarray(labels))
        codes, names = pd.factorize(np.asarray(labels), sort=True)
        rows = []
        for code, name in enumerate(names):
            chosen = np.flatnonzero(codes == code)
            if len(chosen) < least:
                continue
            shift = self._shift(chosen) if prior == "within" else np.zeros(len(chosen))
            parts = self._measured(chosen, shift)
            row: dict[str, Any] = {"class": name, "n": len(chosen)}
            for key, part in parts.items():
                row |= {key: part.value, f"{key}_low": part.low, f"{key}_high": part.high}
                row[f"{key}_floor"] = part.floor
            rows.append(row)
        if not rows:
            raise ValueError(f"labels: none of {len(names)} classes has {least} objects or more")
        return pd.DataFrame(rows)

    def in_bins(self, values: ArrayLike, bins: int | Sequence[float] = 8) -> pd.DataFrame:
        """Components in bins of a quantity.

        Parameters
        ----------
        values : array_like, shape (n,)
            Mass, magnitude, or whatever; objects without a value are left out.
        bins : int or sequence of float
            Number of bins with equally many objects, or edges.

        Returns
        -------
        DataFrame
            As :meth:`by`, with ``centre``, the median of the quantity in each bin.

        Raises
        ------
        ValueError
            If the values do not fit or are all the same, or no bin has ten objects.
        """
        import pandas as pd

        column = as_columns(values, "values").values[:, 0]
        check_aligned(y=self.y, values=column)
        edges = (
            np.nanquantile(column, np.linspace(0, 1, bins + 1)) if isinstance(bins, int) else bins
        )
        cuts = [float(edge) for edge in np.unique(np.asarray(edges, dtype=float))]
        if len(cuts) < 2:
            raise ValueError("values: they are all the same or missing; there are no bins")
        place = np.asarray(pd.cut(column, cuts, labels=False, include_lowest=True))
        frame = self.by(place)
        frame.insert(1, "centre", [np.nanmedian(column[place == k]) for k in frame["class"]])
        return frame

    def table(self) -> pd.DataFrame:
        """The components of all objects as a table: part, nats, interval, floor."""
        import pandas as pd

        one, two = self.names
        words = {
            "information_1": f"I({one})",
            "information_2": f"I({two})",
            "information_12": f"I({one}, {two})",
            "redundant": "redundant",
            "unique_1": f"unique to {one}",
            "unique_2": f"unique to {two}",
            "synergistic": "synergistic",
        }
        rows = [
            (words[k], part.value, part.low, part.high, part.floor)
            for k, part in self._components.items()
        ]
        return pd.DataFrame(rows, columns=["part", "nats", "low", "high", "floor"])

    def plot(self, by: ArrayLike | None = None, *, ax: Axes | None = None) -> Axes:
        """Bars of the components, or stacks over a quantity.

        Parameters
        ----------
        by : array_like, shape (n,), optional
            Quantity, such as the mass; bars for all objects without it.
        ax : matplotlib.axes.Axes, optional
            Where to draw.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from .plots import plot_components, plot_stacks

        return plot_components({"all": self}, ax=ax) if by is None else plot_stacks(self, by, ax=ax)

    def __repr__(self) -> str:
        one, two = self.names
        lines = [f"<{one}, {two}>: {self.measure}, {self.estimator}, n = {len(self):,}, nats"]
        for (key, part), row in zip(self._components.items(), self.table()["part"], strict=True):
            lines.append(f"  {row:32} {part}" if key else "")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        caption = f"{self.measure}, {self.estimator}, n = {len(self):,}"
        table = self.table().to_html(index=False, float_format="{:+.3f}".format, border=0)
        return f"<div><p>{caption}</p>{table}</div>"

    @property
    def _components(self) -> dict[str, Component]:
        if not self._all:
            self._all.update(self._measured(np.arange(len(self)), np.zeros(len(self))))
        return self._all

    def _shift(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """What the place of a class within all objects says about the target."""
        if is_discrete(self.y):
            _, code = np.unique(self.y, return_inverse=True)
            everywhere = np.bincount(code) / len(code)
            here = np.bincount(code[rows], minlength=len(everywhere)) / len(rows)
            return np.asarray(np.log(everywhere[code[rows]]) - np.log(here[code[rows]]))
        score = normal_scores(self.y)
        overall = -0.5 * score**2 - 0.5 * np.log(2 * np.pi)
        return overall[rows] - prior_logpdf(score[rows])

    def _measured(self, rows: NDArray[np.intp], shift: NDArray[np.float64]) -> dict[str, Component]:
        local = self.local[rows] + shift[:, None]
        shared = None if self.shared is None else self.shared[rows]
        value = self._parts(_means(local, shared)[None])[0]
        drawn = np.full((1, 7), np.nan)
        if self.n_boot:
            groups = None if self.groups is None else self.groups[rows]
            drawn = self._parts(_resampled(local, shared, groups, self.n_boot, self.seed))
        floor = np.full(7, np.nan)
        if self.floor_local is not None:
            other = None if self.floor_shared is None else self.floor_shared[rows]
            permuted = self.floor_local[rows] + shift[:, None]
            floor = self._parts(_means(permuted, other)[None])[0]
        low, high = np.quantile(drawn, [0.16, 0.84], axis=0)
        keys = ("information_1", "information_2", "information_12", *COMPONENTS)
        return {
            key: Component(float(value[j]), float(low[j]), float(high[j]), float(floor[j]))
            for j, key in enumerate(keys)
        }

    def _parts(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Three amounts and four components from averages of (i_1, i_2, i_12, redundant)."""
        i_1, i_2, i_12, shared = means.T
        if self.measure in ("mmi", "broja_gaussian") and self.shared is None:
            parts = mmi(i_1, i_2, i_12)
        else:
            parts = measures.from_redundancy(shared, i_1, i_2, i_12)
        return np.concatenate([means[:, :3], parts], axis=1)


def _means(local: NDArray[np.float64], shared: NDArray[np.float64] | None) -> NDArray[np.float64]:
    extra = np.full(len(local), np.nan) if shared is None else shared
    return np.asarray(np.column_stack([local, extra]).mean(axis=0))


def _resampled(
    local: NDArray[np.float64],
    shared: NDArray[np.float64] | None,
    groups: NDArray[Any] | None,
    n_boot: int,
    seed: int,
) -> NDArray[np.float64]:
    """Averages over resampled groups, shape (n_boot, 4)."""
    import pandas as pd

    extra = np.full(len(local), np.nan) if shared is None else shared
    values = np.column_stack([local, extra, np.ones(len(local))])
    codes = np.arange(len(local)) if groups is None else pd.factorize(groups)[0]
    n_groups = int(codes.max()) + 1
    sums = np.stack([np.bincount(codes, weights=column, minlength=n_groups) for column in values.T])
    rng = np.random.default_rng(seed)
    drawn = np.empty((n_boot, values.shape[1]))
    for b in range(n_boot):
        times = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
        drawn[b] = sums @ times
    return drawn[:, :4] / drawn[:, 4:]
