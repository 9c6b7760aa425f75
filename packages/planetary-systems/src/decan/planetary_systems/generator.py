"""The generator of planetary systems: fit, sample, score, complete, compare."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from decan.core.saved import Saved

from .batches import SystemBatches, split_by_group
from .codec import BENCHMARK_LIMITS, GridCodec
from .context import ContextEncoder
from .fitting import build_network, cells_seen, fit_members
from .likelihood import network_inputs, score_tokens
from .presets import LANGUAGES
from .prior import ContextPrior
from .sampling import draw_systems, torch_generator
from .stored import generator_state, own_settings, take_state
from .systems import Systems

if TYPE_CHECKING:
    from .posterior import Completion

__all__ = ["SystemGenerator"]


class SystemGenerator(Saved):
    """A generative model of planetary systems that can be asked questions.

    ``"gaps"`` gives the first semi-major axis, then the logarithms of the gaps, then each
    mass given its place, as mixtures: spacing survives, and the density is exact.
    ``"factored"`` gives the column of a and then the row of M on a grid. ``"paper"`` is
    the words-and-characters language with a small transformer; grid limits, sizes and
    the place inside a cell are not in the paper and are inferred here.

    Parameters
    ----------
    tokens : {"gaps", "factored", "paper"}
        The language.
    context : iterable of str
        Names in ``Systems.context`` on which to condition; ``"disc"`` stands for all
        columns ``disc_...``. Each may be unknown (NaN) in every system.
    width, layers, heads, dropout
        Size of the transformer.
    epochs, batch_tokens, learning_rate, weight_decay, ema, patience
        Its training; ``patience`` counts epochs without a better loss on unseen groups.
    augment : float
        Systems are moved by so many dex (one sigma) in a and in M while training, and
        the network is told by how much: regularises without blurring.
    hide : float
        Probability with which each part of the context is unknown while training; for
        the disc it is ``hide_disc``.
    ensemble : int
        Networks; a system comes from one of them, drawn at random, so the density is
        their mean and exact.
    codec : GridCodec, optional
        Grid of the languages on a grid.
    random_state : int, Generator or None
        Seed of weights and training.

    Examples
    --------
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> systems = MarkovGaps().sample(200, rng=0)
    >>> generator = SystemGenerator(width=16, layers=1, epochs=2, random_state=0)
    >>> generator.fit(systems, progress=False).sample(10, rng=1).counts.shape
    (10,)

    References
    ----------
    Alibert, Davoult & Marques 2025, A&A 701, A149 (arXiv 2509.07226).
    """

    _shipped: ClassVar[str] = "bern"
    sharpness_: float = 1.0

    def __init__(
        self,
        tokens: str = "gaps",
        *,
        context: Iterable[str] = (),
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
        dropout: float = 0.15,
        epochs: int = 20,
        batch_tokens: int = 2000,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        ema: float | None = 0.995,
        patience: int | None = 6,
        augment: float = 0.0,
        hide: float = 0.15,
        hide_disc: float = 0.5,
        ensemble: int = 1,
        codec: GridCodec | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        if tokens not in LANGUAGES:
            raise ValueError(f"tokens: found {tokens!r}, expected one of {', '.join(LANGUAGES)}")
        self.tokens, self.context = tokens, tuple(context)
        self.width, self.layers, self.heads, self.dropout = width, layers, heads, dropout
        self.epochs, self.batch_tokens, self.learning_rate = epochs, batch_tokens, learning_rate
        self.weight_decay, self.ema, self.patience = weight_decay, ema, patience
        self.augment, self.hide, self.hide_disc = augment, hide, hide_disc
        self.ensemble = ensemble
        self.codec = codec or GridCodec(BENCHMARK_LIMITS, 30)
        self.random_state = random_state

    def fit(
        self,
        systems: Systems,
        *,
        groups: ArrayLike | str | None = None,
        validation: float | Systems = 0.1,
        alphabet_of: Systems | None = None,
        checkpoint: str | None = None,
        progress: bool = True,
    ) -> Self:
        """Fit to a table of systems, stopping early on groups that are not trained on.

        Parameters
        ----------
        systems : Systems
            To learn from.
        groups : array_like, shape (n_systems,), or str, optional
            Discs: systems of one group are never split between training and
            validation. A string names a column of the context. Needed where the same
            names occur in several populations or ages.
        validation : float or Systems
            Share of the groups to stop on, or the systems to stop on.
        alphabet_of : Systems, optional
            Language ``"paper"``: systems whose cells are the alphabet; ``systems`` and
            validation by default.
        checkpoint : path-like, optional
            File by which an interrupted fit goes on.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        SystemGenerator
            Itself; ``history_`` tells how it was trained.

        Raises
        ------
        ValueError
            If the same discs appear in several populations and no groups are given, or
            there is one group only.
        """
        from decan.core.training import member_seeds

        training, held_out = split_by_group(systems, groups, validation, self.random_state)
        self._take_in(training, held_out, alphabet_of)
        seeds = member_seeds(np.random.default_rng(self.random_state), self.ensemble)
        self.networks_ = [self._network(seed) for seed in seeds]
        self.history_ = fit_members(
            self.networks_,
            self._batches(training, self.batch_tokens, shuffle=True),
            None if held_out is None else self._batches(held_out, 2 * self.batch_tokens),
            self.encoder_,
            hide=self.hide,
            hide_disc=self.hide_disc,
            augment=self.augment,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            ema=self.ema,
            patience=self.patience,
            checkpoint=checkpoint,
            seed=seeds[0],
            progress=progress,
        )
        return self

    def sample(
        self,
        n: int,
        *,
        context: str | Mapping[str, Any] | pd.DataFrame = "prior",
        max_planets: int | None = None,
        batch: int = 4096,
        rng: np.random.Generator | int | None = None,
    ) -> Systems:
        """Draw systems.

        Parameters
        ----------
        n : int
            How many.
        context : {"prior", "unknown"}, mapping or DataFrame
            ``"prior"`` draws star and disc of each system from the training table:
            with an unknown disc systems come out too small. A mapping fixes some values
            and draws the rest from the systems that agree with them (or, where none
            does, from the nearest, population unknown). A table has one row a system.
        max_planets : int, optional
            Systems are ended there; one and a half times the largest seen by default.
        batch : int
            Systems drawn at once.
        rng : numpy.random.Generator or int, optional
            See SPEC 7.

        Returns
        -------
        Systems
            With their context; ``notes`` counts those that were ended.

        Raises
        ------
        ValueError
            If a name or word of the context is not known.
        """
        self._check_fitted()
        generator = np.random.default_rng(rng)
        about = self.draw_context(n, context, rng=generator)
        inputs = self._inputs(about)
        noise = torch_generator(generator)
        cap = max_planets or int(1.5 * self.max_planets_) + 2
        member = generator.integers(self.ensemble, size=n) if self.ensemble > 1 else np.zeros(n)
        parts, order = [], []
        for number, network in enumerate(self.networks_):
            rows = np.flatnonzero(member == number)
            drawn = draw_systems(
                network, inputs[torch.as_tensor(rows)], max_planets=cap, noise=noise, batch=batch
            )
            parts.append(self._systems_of(drawn, about.iloc[rows], generator))
            order.append(rows)
        found = parts[0] if len(parts) == 1 else Systems.concatenate(parts)
        if len(parts) > 1:
            found = found[np.argsort(np.concatenate(order))]
            found.names = np.arange(n)
        return found

    def log_prob(
        self,
        systems: Systems,
        *,
        per: str = "system",
        measure: str = "density",
        without: Iterable[str] = (),
        batch_tokens: int = 16_000,
    ) -> NDArray[np.float64]:
        """Exact log probability of systems, nats.

        Parameters
        ----------
        systems : Systems
            With or without context; what is not there is unknown.
        per : {"system", "planet", "token"}
            One number a system; one a planet (without the stops); or one a planet and
            one a stop, system after system.
        measure : {"density", "grid"}
            Density of log10 a and log10 M (per dex^2 a planet), or probability of the
            cells, for languages on a grid.
        without : iterable of str
            Names of the context to take as unknown.
        batch_tokens : int
            Planets scored at once.

        Returns
        -------
        ndarray
            Planets that the grid clips are scored in its outermost cells, with a warning.

        Raises
        ------
        ValueError
            If ``measure="grid"`` is asked of the language of gaps.
        """
        self._check_fitted()
        _check_choice("per", per, ("system", "planet", "token"))
        _check_choice("measure", measure, ("density", "grid"))
        grid = self.tokens != "gaps"
        if measure == "grid" and not grid:
            raise ValueError("measure: tokens='gaps' has a density only; use measure='density'")
        if grid and (outside := self.codec.cells(systems)[2]):
            warnings.warn(f"{outside} planets outside the grid are scored in its edge cells",
                          UserWarning, stacklevel=2)  # fmt: skip
        values, known = self.encoder_.transform(systems.context, without=without)
        codec = self.codec if grid and measure == "density" else None
        result, bounds = score_tokens(
            self.networks_, systems, values, known, codec, tokens=batch_tokens
        )
        if per == "token":
            return result
        if per == "planet":
            stops = np.zeros(len(result), dtype=bool)
            stops[bounds[1:] - 1] = True
            return result[~stops]
        return np.add.reduceat(result, bounds[:-1]) if len(systems) else result

    def extrapolated(self, systems: Systems) -> NDArray[np.bool_]:
        """Whether each system lies outside what was trained on: more planets, other a or M."""
        self._check_fitted()
        found = systems.counts > self.max_planets_
        for values, (low, high) in zip((systems.log_a, systems.log_m), self.range_, strict=True):
            outside = (values < low) | (values > high)
            found |= np.bincount(systems.system_of_planet, outside, minlength=len(systems)) > 0
        return np.asarray(found)

    def complete(self, known: Any, **how: Any) -> Completion:
        """The joint posterior of the planets of a star that are not known.

        Parameters
        ----------
        known : DataFrame, sequence of mappings, or Systems of length 1
            The known planets.
        **how
            ``star``, ``survey``, ``context``, ``max_extra``, ``n``, ``rng``: see
            :func:`decan.planetary_systems.complete`.

        Returns
        -------
        Completion
        """
        from .completion import complete

        self._check_fitted()
        return complete(self, known, **how)

    def leave_one_out(self, systems: Systems, **how: Any) -> pd.DataFrame:
        """Hide each planet in turn and ask where it is; sharpened as calibrated.

        Parameters
        ----------
        systems : Systems
            Unseen ones.
        **how
            ``hidden``, ``per_place``, ``without``, ``rng``: see
            :func:`decan.planetary_systems.insertions.leave_one_out`.

        Returns
        -------
        DataFrame
            One row a planet with log density and level of the region that holds it.
        """
        from .insertions import leave_one_out

        self._check_fitted()
        return leave_one_out(self, systems, **{"sharpness": self.sharpness_, **how})

    def calibrate(self, systems: Systems, **how: Any) -> Self:
        """Learn from hidden planets of other systems how sure to be of hidden planets.

        Parameters
        ----------
        systems : Systems
            Neither trained on nor those that are asked about later.
        **how
            ``hidden``, ``per_place``, ``without``, ``rng`` as in ``leave_one_out``.

        Returns
        -------
        SystemGenerator
            Itself, with the power ``sharpness_`` of :meth:`leave_one_out`.
        """
        from .insertions import fit_sharpness, hidden_planet, measured_planets

        self._check_fitted()
        planets = how.pop("hidden", measured_planets(systems))
        self.sharpness_ = fit_sharpness(hidden_planet(self, systems, planets, **how))
        return self

    def anomaly(self, systems: Systems, **how: Any) -> pd.DataFrame:
        """How strange systems are to this generator, among its own of like multiplicity.

        Parameters
        ----------
        systems : Systems
        **how
            ``n``, ``context``, ``rng``: see :func:`decan.planetary_systems.anomaly.anomaly`.

        Returns
        -------
        DataFrame
            One row a system with its p value.
        """
        from .anomaly import anomaly

        self._check_fitted()
        return anomaly(self, systems, **how)

    def draw_context(
        self,
        n: int,
        context: str | Mapping[str, Any] | pd.DataFrame = "prior",
        *,
        rng: np.random.Generator | int | None = None,
    ) -> pd.DataFrame:
        """Stars and discs for ``n`` systems; see :meth:`sample`."""
        self._check_fitted()
        generator = np.random.default_rng(rng)
        if isinstance(context, pd.DataFrame):
            if len(context) != n:
                raise ValueError(f"context: found {len(context)} rows, expected {n}")
            return context.reset_index(drop=True)
        if isinstance(context, str):
            _check_choice("context", context, ("prior", "unknown"))
            if context == "unknown":
                return pd.DataFrame(index=range(n))
            return self.prior_.draw({}, n, generator)
        self.encoder_.check(context)
        for words in self.prior_.beyond(context):
            warnings.warn(words, UserWarning, stacklevel=3)
        return self.prior_.draw(context, n, generator)

    def _inputs(self, context: pd.DataFrame, without: Iterable[str] = ()) -> torch.Tensor:
        return network_inputs(*self.encoder_.transform(context, without=without))

    def _take_in(
        self, training: Systems, held_out: Systems | None, alphabet_of: Systems | None
    ) -> None:
        """What is learnt by looking: context and its prior, sizes, ranges, alphabet."""
        self.encoder_ = ContextEncoder(self.context).fit(training.context)
        self.prior_ = ContextPrior.of(training.context, self.encoder_)
        self.max_planets_ = int(max(training.counts.max(initial=1), 1))
        self.range_ = [
            [float(x.min()), float(x.max())] if len(x) else [0.0, 0.0]
            for x in (training.log_a, training.log_m)
        ]
        self.alphabet_: list[int] | None = None
        if self.tokens == "paper":
            seen = [alphabet_of] if alphabet_of is not None else [training, held_out]
            self.alphabet_ = cells_seen(self.codec, [one for one in seen if one is not None])

    def _batches(self, systems: Systems, tokens: int, *, shuffle: bool = False) -> SystemBatches:
        values, known = self.encoder_.transform(systems.context)
        return SystemBatches(systems, values, known, tokens=tokens, shuffle=shuffle)

    def _network(self, seed: int | None = None) -> Any:
        return build_network(
            self.tokens, self.codec, 2 * self.encoder_.size + 2, self.max_planets_,
            self.range_[0][1], self.alphabet_, seed, width=self.width, layers=self.layers,
            heads=self.heads, dropout=self.dropout,
        )  # fmt: skip

    def _systems_of(self, drawn: Any, about: pd.DataFrame, rng: np.random.Generator) -> Systems:
        counts, first, second, capped = drawn
        if self.tokens == "gaps":
            systems = Systems(counts, first, second, context=about)
        else:
            systems = self.codec.place(
                first.astype(int), second.astype(int), counts, rng=rng, context=about
            )
        if capped:
            systems.notes["systems ended at the largest size"] = capped
        return systems

    def _check_fitted(self) -> None:
        if not hasattr(self, "networks_"):
            raise ValueError("this generator is not fitted: call fit, load or pretrained")

    def __repr__(self) -> str:
        words = f"<SystemGenerator {self.tokens}"
        if hasattr(self, "networks_"):
            size = sum(p.numel() for p in self.networks_[0].parameters())
            words += f": {len(self.networks_)} x {size:,} parameters"
            if self.context:
                words += f", given {', '.join(self.context)}"
        return words + ">"

    def _state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self._check_fitted()
        return generator_state(self)

    @classmethod
    def _from_state(cls, settings: dict[str, Any], parts: dict[str, Any]) -> Self:
        found = cls(**own_settings(settings))
        take_state(found, settings, parts)
        return found


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}: found {value!r}, expected one of {', '.join(choices)}")
