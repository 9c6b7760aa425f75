"""One planet hidden: its exact posterior, by scoring the system with a planet put back in.

On a grid all cells are tried. For densities, places are proposed by the network's own next
planet at each position, and weighted by the density of the whole system, so that sharp
walls of the density are met and not stepped over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from .sampling import torch_generator
from .systems import Systems
from .transformer import Places

if TYPE_CHECKING:
    from .generator import SystemGenerator

__all__ = ["HiddenPlanet", "fit_sharpness", "hidden_planet", "leave_one_out", "scores_of"]

FloatArray = NDArray[np.float64]


class HiddenPlanet(NamedTuple):
    """One hidden planet: places proposed for it, and the system that each would make.

    Parameters
    ----------
    logs : ndarray
        Log density of the whole system with each proposal, nats.
    log_q : ndarray
        Log density of the proposals times their number: ``exp(logs - log_q)`` sums to
        the evidence.
    truth : float
        Log density of the true system.
    log_a, log_m : ndarray
        The proposals.

    Examples
    --------
    >>> HiddenPlanet(np.zeros(2), np.zeros(2), 0.0, np.zeros(2), np.zeros(2)).truth
    0.0
    """

    logs: FloatArray
    log_q: FloatArray
    truth: float
    log_a: FloatArray
    log_m: FloatArray


def leave_one_out(
    generator: SystemGenerator,
    systems: Systems,
    *,
    hidden: ArrayLike | None = None,
    per_place: int = 300,
    without: tuple[str, ...] = (),
    sharpness: float = 1.0,
    rng: np.random.Generator | int | None = None,
) -> pd.DataFrame:
    """Hide each planet in turn, and ask where it is.

    Parameters
    ----------
    generator : SystemGenerator
    systems : Systems
        Unseen ones. A planet is found given all others of its system.
    hidden : array_like of int, optional
        Which planets to hide (their numbers over all systems); by default all but those
        whose ``planets["mass_kind"]`` is ``"relation"`` or a limit: who predicts a mass
        that a mass-radius relation gave has learnt the relation.
    per_place : int
        Proposals at each position of a system, for densities.
    without : tuple of str
        Names of the context to take as unknown.
    sharpness : float
        Power to which densities are raised; see :func:`fit_sharpness`.
    rng : numpy.random.Generator or int, optional
        See SPEC 7.

    Returns
    -------
    DataFrame
        One row a planet: ``system``, ``planet``, ``n`` (of the system), ``position``
        (``inside``, ``gap``, ``outside``), ``log_density`` (nats per dex^2 of log10 a and
        log10 M, at the truth), ``level`` (of the smallest region that holds the truth:
        uniform if honest).

    Examples
    --------
    >>> from decan.planetary_systems.chains import exact_generator
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> systems = Systems.from_planets([([0.1, 0.2, 0.5], [1.0, 1.5, 2.0])])
    >>> table = leave_one_out(exact_generator(MarkovGaps()), systems, per_place=50, rng=0)
    >>> table["position"].tolist()
    ['inside', 'gap', 'outside']
    """
    numbers = measured_planets(systems) if hidden is None else np.asarray(hidden)
    posteriors = hidden_planet(
        generator, systems, numbers, per_place=per_place, without=without, rng=rng
    )
    of = systems.system_of_planet
    rows = []
    for planet, one in zip(numbers, posteriors, strict=True):
        system = of[planet]
        place = planet - systems.offsets[system]
        last = systems.counts[system] - 1
        density, level = scores_of(one, sharpness)
        rows.append(
            {
                "system": int(system),
                "planet": int(planet),
                "n": int(last + 1),
                "position": "inside" if place == 0 else "outside" if place == last else "gap",
                "log_density": density,
                "level": level,
            }
        )
    return pd.DataFrame(rows)


def measured_planets(systems: Systems) -> NDArray[np.int64]:
    """Numbers of the planets whose mass is neither by a mass-radius relation nor a limit."""
    if "mass_kind" not in systems.planets:
        return np.arange(systems.n_planets)
    other = systems.planets["mass_kind"].isin(["relation", "upper limit", "lower limit"])
    return np.flatnonzero(~other.to_numpy())


def scores_of(one: HiddenPlanet, sharpness: float = 1.0) -> tuple[float, float]:
    """Log density at the truth and the level of the smallest region that holds it.

    Parameters
    ----------
    one : HiddenPlanet
    sharpness : float
        Power to which densities are raised.

    Returns
    -------
    log_density, level : float

    Examples
    --------
    Two proposals, spread evenly over one square dex, of densities 1 and 3:

    >>> one = HiddenPlanet(np.log([1.0, 3.0]), np.log([2.0, 2.0]), np.log(1.0), *np.zeros((2, 2)))
    >>> density, level = scores_of(one)
    >>> round(float(np.exp(density)), 3), level
    (0.5, 0.75)
    """
    scaled = sharpness * one.logs - one.log_q
    top = scaled.max()
    weight = np.exp(scaled - top)
    total = weight.sum()
    level = weight[one.logs > one.truth].sum() / total
    return float(sharpness * one.truth - top - np.log(total)), float(level)


def fit_sharpness(
    posteriors: list[HiddenPlanet],
    *,
    choices: ArrayLike | None = None,
) -> float:
    """Power of the densities that makes hidden planets most probable.

    Below one the generator was too sure of itself. Fit it on other systems than those it
    is then used for.

    Parameters
    ----------
    posteriors : list of HiddenPlanet
        From :func:`hidden_planet`.
    choices : array_like, optional
        Powers to try; 0.3 to 1.3 by default.

    Returns
    -------
    float

    Examples
    --------
    >>> grid = np.linspace(-3, 3, 61)
    >>> one = HiddenPlanet(-5 * grid**2, np.zeros(61), -5 * 1.0**2, grid, grid)
    >>> fit_sharpness([one])  # the truth lies farther out than the density thought
    0.3
    """
    powers = np.arange(0.3, 1.31, 0.05) if choices is None else np.asarray(choices, float)
    scores = [np.mean([scores_of(one, float(power))[0] for one in posteriors]) for power in powers]
    return round(float(powers[int(np.argmax(scores))]), 3)


def hidden_planet(
    generator: SystemGenerator,
    systems: Systems,
    planets: ArrayLike,
    *,
    per_place: int = 300,
    without: tuple[str, ...] = (),
    rng: np.random.Generator | int | None = None,
) -> list[HiddenPlanet]:
    """Proposals for each hidden planet, with the density of the system that each would make.

    Parameters
    ----------
    generator, systems, per_place, without, rng
        See :func:`leave_one_out`.
    planets : array_like of int
        Planets to hide, one at a time.

    Returns
    -------
    list of HiddenPlanet

    Examples
    --------
    >>> from decan.planetary_systems.chains import exact_generator
    >>> from decan.planetary_systems.markov import MarkovGaps
    >>> chain = MarkovGaps()
    >>> systems = Systems.from_planets([([0.1, 0.2, 0.5], [1.0, 1.5, 2.0])])
    >>> one = hidden_planet(exact_generator(chain), systems, [1], per_place=50, rng=0)[0]
    >>> len(one.logs)
    150
    """
    rng = np.random.default_rng(rng)
    numbers = np.asarray(planets)
    of = systems.system_of_planet
    truth = generator.log_prob(systems, without=without)[of[numbers]]
    result = []
    # As many at a time as make some ten thousand systems to score.
    for start in range(0, len(numbers), 40):
        part = numbers[start : start + 40]
        rest = _without(systems, part)
        log_a, log_m, log_q, who = proposals(generator, rest, per_place, without, rng)
        filled = with_planet(rest, log_a, log_m, who)
        logs = generator.log_prob(filled, without=without)
        for i in range(len(part)):
            mine = who == i
            result.append(
                HiddenPlanet(
                    logs[mine], log_q[mine], float(truth[start + i]), log_a[mine], log_m[mine]
                )
            )
    return result


def _without(systems: Systems, planets: NDArray[np.int64]) -> Systems:
    """For each planet, its system without it."""
    chosen = systems[systems.system_of_planet[planets]]
    index = chosen.offsets[:-1] + planets - systems.offsets[systems.system_of_planet[planets]]
    kept = np.ones(chosen.n_planets, dtype=bool)
    kept[index] = False
    return Systems(chosen.counts - 1, chosen.log_a[kept], chosen.log_m[kept],
                   context=chosen.context)  # fmt: skip


def with_planet(
    rest: Systems, log_a: FloatArray, log_m: FloatArray, who: NDArray[np.int64]
) -> Systems:
    """Systems with one more planet each."""
    some = rest[who]
    of = np.concatenate([some.system_of_planet, np.arange(len(who))])
    a, m = np.concatenate([some.log_a, log_a]), np.concatenate([some.log_m, log_m])
    order = np.lexsort((a, of))
    return Systems(some.counts + 1, a[order], m[order], context=some.context)


def proposals(
    generator: SystemGenerator,
    rest: Systems,
    per_place: int,
    without: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    """Places for one more planet of each system: log a, log M, log density, whose."""
    if generator.tokens == "gaps":
        return _next_planets(generator, rest, per_place, without, rng)
    return _all_cells(generator, rest)


def _all_cells(
    generator: SystemGenerator, rest: Systems
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    """The middle of every cell; the order in the planet's own column is that of the middle."""
    codec = generator.codec
    (a_low, a_high), (m_low, m_high) = codec.limits
    cell = np.arange(codec.n**2)
    a = a_low + (cell // codec.n + 0.5) * (a_high - a_low) / codec.n
    m = m_low + (cell % codec.n + 0.5) * (m_high - m_low) / codec.n
    n = len(rest)
    # Each stands for a cell: the evidence is a sum of density times area.
    log_q = np.full(n * len(cell), -codec.log_area)
    return np.tile(a, n), np.tile(m, n), log_q, np.repeat(np.arange(n), len(cell))


@torch.inference_mode()
def _next_planets(
    generator: SystemGenerator,
    rest: Systems,
    per_place: int,
    without: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int64]]:
    """Draws of the network's next planet at each position, cut at the next known planet."""
    from .walks import GapWalk

    network = generator.networks_[0]
    walk = GapWalk(network)
    inputs = generator._inputs(rest.context, without)
    noise = torch_generator(rng)
    length = int(rest.counts.max(initial=0))
    log_a, log_m = (torch.as_tensor(x) for x in rest.padded(length))
    tokens = Places(torch.as_tensor(rest.counts))
    seen = tokens.padded(network.seen(log_a, log_m, inputs, tokens)[0])
    found: dict[str, list[Any]] = {"a": [], "m": [], "q": [], "who": []}
    for place in range(length + 1):
        rows = np.flatnonzero(rest.counts >= place)
        index = torch.as_tensor(rows)
        bound = torch.full((len(rows),), torch.inf, dtype=torch.float64)
        has_next = rest.counts[rows] > place
        if has_next.any():
            bound[has_next] = log_a[index[has_next], place]
        before = log_a[index, place - 1] if place else torch.zeros(len(rows), dtype=torch.float64)
        state = {"at": place + 1, "log_a": before}
        here = seen[index, place]
        inside, _ = walk.inside(state, here, bound)
        new_a, new_m = walk.draw(state, here, bound, per_place, noise)
        flat = {"at": place + 1, "log_a": before.repeat_interleave(per_place)}
        # The density drawn from is the next planet's, within the bound.
        density = walk.known(flat, here.repeat_interleave(per_place, 0), new_a.flatten(),
                             new_m.flatten()).view(len(rows), per_place)  # fmt: skip
        density = density - inside.clamp(min=1e-300).log()[:, None] + np.log(per_place)
        found["a"].append(new_a.flatten().numpy())
        found["m"].append(new_m.flatten().numpy())
        found["q"].append(density.flatten().numpy())
        found["who"].append(np.repeat(rows, per_place))
    joined = [np.concatenate(found[name]) for name in ("a", "m", "q", "who")]
    return joined[0], joined[1], joined[2], joined[3]
