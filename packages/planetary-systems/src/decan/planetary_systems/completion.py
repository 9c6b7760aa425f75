"""What else a star may have: the posterior of unseen planets, given known ones and surveys.

Systems are written from the star outwards by the generator's network, with the known
planets in their places. At each point either a planet that no survey saw comes first, or
the next known one; each system is weighted by what the network says of the known planets
and by the probability that the surveys missed the rest. Weighted so, draws are exact for
any number of unseen planets anywhere, inside and outside the known ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from .insertions import proposals, with_planet
from .known import KnownPlanets
from .posterior import Completion
from .sampling import torch_generator
from .surveys import Star, Survey, combined_detection
from .systems import Systems
from .transformer import select
from .walks import walk_of

if TYPE_CHECKING:
    from .generator import SystemGenerator

__all__ = ["complete"]

_TRIES = 4
_FEWEST = 100
_CUT = 0.01


def complete(
    generator: SystemGenerator,
    known: Any,
    *,
    star: Star | None = None,
    survey: Survey | Sequence[Survey] | None = None,
    context: str | Mapping[str, Any] | pd.DataFrame | None = None,
    method: str = "importance",
    max_extra: int = 40,
    n: int = 20_000,
    batch: int = 2000,
    rng: np.random.Generator | int | None = None,
) -> Completion:
    """The joint posterior of the planets that are not known.

    Parameters
    ----------
    generator : SystemGenerator
        Whose prior it is: what comes out is a statement on the model it was fitted to.
    known : DataFrame, sequence of mappings, or Systems of length 1
        The known planets; see :meth:`KnownPlanets.read`. Masses are drawn within their
        errors, minimum masses over inclinations. May be empty.
    star : Star, optional
        Needed for periods and for surveys.
    survey : Survey or sequence of Survey, optional
        What has been looked for: unseen planets are those it missed. Without a survey
        nothing is known about other planets, which is rarely what an observer holds.
    context : str, mapping or DataFrame, optional
        As in :meth:`SystemGenerator.sample`. By default stars and discs of the training
        table nearest in stellar mass; the known planets then weigh the discs.
    method : {"importance", "enumerate"}
        Any number of unseen planets by weighted draws; or none or one, every place for
        it tried: that never runs out of draws, but takes masses as exact and stars and
        discs that are not given as unknown.
    max_extra : int
        Unseen planets at most; the posterior is cut there, which a warning says where
        it matters: too low a bound leaves poor systems only.
    n : int
        Weighted draws.
    batch : int
        Systems written at once.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    Completion

    Raises
    ------
    ValueError
        If no draw has any weight; the message says how far the nearest planets are. If
        there is no such method.

    Examples
    --------
    >>> from decan.planetary_systems.chains import exact_generator
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> generator = exact_generator(MarkovGaps())
    >>> posterior = complete(generator, [{"a_au": 0.1, "mass_earth": 3.0}], n=300, rng=0)
    >>> bool(posterior.expected_number().value > 1)
    True
    """
    star = star or Star()
    planets = KnownPlanets.read(known, star)
    notes = planets.check(star, survey)
    if survey is not None:
        star.need_mass("a survey's detection probability")
    notes += _beyond(generator, planets)
    if planets.without_errors():
        notes.append(f"{planets.without_errors()} known masses without error are taken as exact")
    rng = np.random.default_rng(rng)
    if method not in ("importance", "enumerate"):
        raise ValueError(f"method: found {method!r}, expected 'importance' or 'enumerate'")
    if method == "enumerate":
        return _enumerated(generator, planets, star, survey, context, notes, n, rng)
    about = generator.draw_context(n, _prior_of(generator, star, context), rng=rng)
    extras, weights = _weighted(generator, planets, star, survey, about, max_extra, batch, rng)
    if not np.isfinite(weights).any():
        raise ValueError(_nothing(generator, planets))
    result = Completion(extras, weights, planets, star, survey, notes=notes)
    cut = float(result.weights[result.samples.counts >= max_extra].sum())
    if cut > _CUT:
        words = f"{cut:.0%} of the posterior has {max_extra} unseen planets, the most allowed"
        result.notes.append(words)
        warnings.warn(f"{words}: raise max_extra", UserWarning, stacklevel=2)
    if result.effective_size < _FEWEST:
        warnings.warn(
            f"only {result.effective_size:.0f} effective draws of {n}: regions are too narrow; "
            "raise n, give wider errors, widen the context, or try method='enumerate'",
            UserWarning,
            stacklevel=2,
        )
    return result


def _prior_of(
    generator: SystemGenerator, star: Star, context: str | Mapping[str, Any] | pd.DataFrame | None
) -> str | Mapping[str, Any] | pd.DataFrame:
    if context is not None:
        return context
    has_mass = star.mass > 0 and any(c["column"] == "star_mass" for c in generator.encoder_.columns)
    return {"star_mass": star.mass} if has_mass else "prior"


def _weighted(
    generator: SystemGenerator,
    planets: KnownPlanets,
    star: Star,
    survey: Survey | Sequence[Survey] | None,
    about: pd.DataFrame,
    max_extra: int,
    batch: int,
    rng: np.random.Generator,
) -> tuple[Systems, NDArray[np.float64]]:
    """Unseen planets around each star and disc of ``about``, and the logarithm of its weight."""
    n = len(about)
    inputs = generator._inputs(about)
    log_m, log_weight = planets.draw_masses(n, rng)
    # Members share the draws equally: weights then are those of their mean.
    member = np.arange(n) * len(generator.networks_) // n
    noise = torch_generator(rng)
    pieces = []
    for number, network in enumerate(generator.networks_):
        rows = np.flatnonzero(member == number)
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            pieces.append(
                _write(network, inputs[torch.as_tensor(part)], np.log10(planets.a_au),
                       log_m[part], star, survey, max_extra, noise)
            )  # fmt: skip
    weights, counts, log_a, log_m = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return Systems(counts, log_a, log_m, context=about), weights + log_weight


@torch.inference_mode()
def _write(
    network: Any,
    inputs: torch.Tensor,
    known_a: NDArray[np.float64],
    known_m: NDArray[np.float64],
    star: Star,
    survey: Survey | Sequence[Survey] | None,
    max_extra: int,
    noise: torch.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Log weights, numbers of unseen planets, and these, of one system a row of ``inputs``."""
    walk = walk_of(network)
    n, n_known = known_m.shape
    # One place more than there are: beyond the last known planet there is no bound.
    bounds = torch.as_tensor(np.append(known_a, np.inf))
    masses = torch.as_tensor(np.column_stack([known_m, np.zeros(n)]))
    state, seen = network.start(inputs)
    log_w = torch.zeros(n, dtype=torch.float64)
    out = torch.zeros(2, n, max_extra, dtype=torch.float64)
    extra, reached = torch.zeros(n, dtype=torch.long), torch.zeros(n, dtype=torch.long)
    rows = torch.arange(n)
    for _ in range(max_extra + n_known + 1):
        k = reached[rows]
        bound = bounds[k]
        after = k == n_known
        writes, new_a, new_m, gain = _turn(
            walk, state, seen, bound, after, extra[rows] < max_extra, masses[rows, k], survey,
            star, noise,
        )  # fmt: skip
        log_w[rows] += gain
        wrote = rows[writes]
        out[0, wrote, extra[wrote]], out[1, wrote, extra[wrote]] = new_a[writes], new_m[writes]
        extra[wrote] += 1
        reached[rows] += (~writes & ~after).long()
        going = (writes | ~after) & torch.isfinite(log_w[rows])
        if not going.any():
            break
        if not going.all():
            kept = going.nonzero().squeeze(1)
            state, rows, new_a, new_m = select(state, kept), rows[kept], new_a[kept], new_m[kept]
        seen = walk.step(state, new_a, new_m)
    found = torch.arange(max_extra) < extra[:, None]
    # Cells know no order inside a column: planets of one system are sorted.
    a = torch.where(found, out[0], torch.full_like(out[0], torch.inf))
    order = a.argsort(1)
    return (
        log_w.numpy(), extra.numpy(), a.gather(1, order)[found].numpy(),
        out[1].gather(1, order)[found].numpy(),
    )  # fmt: skip


def _turn(
    walk: Any,
    state: dict[str, Any],
    seen: torch.Tensor,
    bound: torch.Tensor,
    after: torch.Tensor,
    room: torch.Tensor,
    known_m: torch.Tensor,
    survey: Survey | Sequence[Survey] | None,
    star: Star,
    noise: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """One step of each system: an unseen planet, or the known one (``after`` all: the stop).

    Gives whether an unseen planet is written, log a and log M of what is written, and by
    how much the log weight grows.
    """
    inside, stop = walk.inside(state, seen, bound)
    cand_a, cand_m = walk.draw(state, seen, bound, _TRIES, noise)
    missed = torch.as_tensor(
        1 - combined_detection(survey, 10 ** cand_a.numpy(), 10 ** cand_m.numpy(), star)
    )
    # Chance to write an unseen planet now; the rest goes to the known one, or the stop.
    here = inside * missed.mean(1) * room
    before = (here / (here + 1 - inside).clamp(min=1e-300)).clamp(0.02, 0.98)
    q = torch.where(after, here / (here + stop).clamp(min=1e-300), before)
    q = torch.where(here > 0, q, torch.zeros_like(q))
    writes = torch.rand(len(q), generator=noise).double() < q
    unseen = torch.where(writes, here.log() - q.log(), torch.zeros_like(q))
    known_a = torch.where(after, cand_a[:, 0], bound)
    known_m = torch.where(after, cand_m[:, 0], known_m)
    score = walk.known(state, seen, known_a, known_m)
    other = torch.where(after, stop.log(), score) - torch.log1p(-q)
    pick = torch.multinomial(missed.clamp(min=1e-12), 1, generator=noise)
    return (
        writes,
        torch.where(writes, cand_a.gather(1, pick).squeeze(1), known_a),
        torch.where(writes, cand_m.gather(1, pick).squeeze(1), known_m),
        torch.where(writes, unseen, other),
    )


def _enumerated(
    generator: SystemGenerator,
    planets: KnownPlanets,
    star: Star,
    survey: Survey | Sequence[Survey] | None,
    context: str | Mapping[str, Any] | pd.DataFrame | None,
    notes: list[str],
    n: int,
    rng: np.random.Generator,
) -> Completion:
    """None or one unseen planet: the known system alone, and with every place tried."""
    about = pd.DataFrame(dict(context), index=[0]) if isinstance(context, Mapping) else (
        context if isinstance(context, pd.DataFrame) else pd.DataFrame({"star_mass": [star.mass]})
    )  # fmt: skip
    rest = Systems(
        [len(planets)], np.log10(planets.a_au), np.log10(planets.mass_earth), context=about
    )
    per_place = max(50, n // (len(planets) + 1))
    log_a, log_m, log_q, _ = proposals(generator, rest, per_place, (), rng)
    filled = with_planet(rest, log_a, log_m, np.zeros(len(log_a), dtype=np.int64))
    missed = 1 - combined_detection(survey, 10**log_a, 10**log_m, star)
    with np.errstate(divide="ignore"):
        one = generator.log_prob(filled) - log_q + np.log(missed)
    none = generator.log_prob(rest)
    weights = np.concatenate([none, one])
    if not np.isfinite(weights).any():
        raise ValueError(_nothing(generator, planets))
    counts = np.concatenate([[0], np.ones(len(log_a), dtype=np.int64)])
    notes = [*notes, "at most one unseen planet is thought of"]
    result = Completion(Systems(counts, log_a, log_m), weights, planets, star, survey, notes=notes)
    # That there is none is one exact number; places of the one are the draws.
    places = result.weights[1:]
    size = float(places.sum() ** 2 / max((places**2).sum(), 1e-300))
    if size < _FEWEST and result.weights[0] < 1 - _CUT:
        warnings.warn(
            f"only {size:.0f} effective places of {len(places)}: regions are too narrow; raise n",
            UserWarning,
            stacklevel=3,
        )
    return result


def _beyond(generator: SystemGenerator, planets: KnownPlanets) -> list[str]:
    """Known planets outside what the generator was fitted to, warned of and told."""
    (a_low, a_high), (m_low, m_high) = generator.range_
    a, m = np.log10(planets.a_au), np.log10(planets.mass_earth)
    outside = (a < a_low) | (a > a_high) | (m < m_low) | (m > m_high)
    said = [
        f"the known planet at {planets.a_au[i]:.4g} au with {planets.mass_earth[i]:.3g} Earth "
        "masses is outside what the generator was fitted to: extrapolated"
        for i in np.flatnonzero(outside)
    ]
    for words in said:
        warnings.warn(words, UserWarning, stacklevel=3)
    return said


def _nothing(generator: SystemGenerator, planets: KnownPlanets) -> str:
    (a_low, a_high), (m_low, m_high) = generator.range_
    a, m = np.log10(planets.a_au), np.log10(planets.mass_earth)
    far = np.maximum.reduce([a_low - a, a - a_high, m_low - m, m - m_high])
    worst = int(np.argmax(far))
    return (
        "known: no system of the generator is like this one: the planet at "
        f"{planets.a_au[worst]:.4g} au with {planets.mass_earth[worst]:.3g} Earth masses is "
        f"{max(far[worst], 0):.2f} dex outside what it was fitted to; widen the errors, "
        "try method='enumerate', or a generator with tokens='gaps'"
    )
