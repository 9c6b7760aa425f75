"""Experiments that hide one planet: of Bern systems, and of observed ones."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from decan.core.experiment import REAL, Claim, Run, experiment
from decan.core.metrics import bootstrap

from ..baselines import GapRule
from ..generator import SystemGenerator
from ..insertions import HiddenPlanet, fit_sharpness, hidden_planet, scores_of
from ..observed import archive_systems
from ..orbits import semi_major_axis_au
from ..plots import plot_reliability
from ..systems import Systems
from .samples import bern_part, shipped

__all__ = ["hidden_planets_bern", "hidden_planets_sky"]

_LN_P = np.log(1.5)
"""Density per dex of period is less than per dex of a by this, nats."""


@experiment(
    title="One planet hidden in unseen Bern systems",
    claims=[
        Claim("mean log density", goal=-1.20, headline=True),
        Claim("coverage of the 50 % region", goal=(0.44, 0.56)),
        Claim("coverage of the 90 % region", goal=(0.86, 0.94)),
    ],
    data=["bern_10gyr", "bern_other_ages", "bern_discs"],
    presets=["standard", "paper"],
)
def hidden_planets_bern(run: Run) -> None:
    """NG74 at 5 Gyr, one planet at random of each of 151 unseen discs, disc unknown.

    The power to which densities are raised is learnt on hidden planets of the discs on
    which training was stopped. Density is nats per dex of a and dex of M.
    """
    generator = shipped()
    per_place = 250 if run.preset == "paper" else 120
    parts = {}
    for part in ("validation", "test"):
        systems = bern_part(run, "ng74", 5.0, part)
        systems = systems[systems.counts > 1]
        pick = systems.offsets[:-1] + np.floor(run.rng.uniform(size=len(systems)) * systems.counts)
        parts[part] = hidden_planet(generator, systems, pick.astype(int), per_place=per_place,
                                    without=("disc",), rng=run.rng)  # fmt: skip
    power = fit_sharpness(parts["validation"])
    raw = np.array([scores_of(one) for one in parts["test"]])
    tuned = np.array([scores_of(one, power) for one in parts["test"]])
    run.record("mean log density", bootstrap(np.mean, tuned[:, 0], rng=run.rng), provenance=REAL)
    run.record("mean log density, as it comes", bootstrap(np.mean, raw[:, 0], rng=run.rng),
               provenance=REAL)  # fmt: skip
    for level in (0.5, 0.9):
        for words, scores in (("", tuned), (", as it comes", raw)):
            run.record(f"coverage of the {100 * level:.0f} % region{words}",
                       bootstrap(np.mean, scores[:, 1] < level, rng=run.rng),
                       provenance=REAL)  # fmt: skip
    run.record("power learnt on other discs", power, provenance=REAL, n=len(parts["validation"]))
    run.figure("reliability",
               plot_reliability({"as it comes": raw[:, 1], "power learnt": tuned[:, 1]}),
               caption="Above the diagonal regions are too wide, below too narrow.")  # fmt: skip


@experiment(
    title="One planet hidden in observed systems",
    claims=[
        Claim("mean log density, ours", goal=-1.27, headline=True),
        Claim("gain over gap rule and sibling mass", goal=0.0),
        Claim("mean log density, ours, measured masses", goal=-1.78),
        Claim("coverage of the 50 % region, ours", goal=(0.45, 0.55)),
        Claim("coverage of the 90 % region, ours", goal=(0.86, 0.94)),
        Claim("mean log density, DYNAMITE-like",
              source="Dietrich & Apai 2020, restated; not the package"),
    ],
    data=["nasa_pscomppars"],
    presets=["standard", "paper"],
)  # fmt: skip
def hidden_planets_sky(run: Run) -> None:
    """837 observed hosts, each planet hidden in turn, five folds by host.

    A small network on gaps is fitted to the other hosts' planets and mixed with the rule
    of gaps and sibling masses; power and share are learnt on hosts that the network
    stopped on. Density is nats per dex of period and dex of mass. Half of the masses come
    from a mass-radius relation: those measured are scored apart. This scores what the
    archive would list, not what is there.
    """
    table = run.load("nasa_pscomppars")
    sky = archive_systems(table, min_planets=2, complete=True)
    systems = _by_period(sky)
    if run.preset == "standard":
        run.note("the network is scored with 40 proposals a place; 'paper' takes 150")
    per_place = 150 if run.preset == "paper" else 40
    fold = np.array([crc32(str(name).encode()) % 5 for name in sky.names])
    found = []
    for k in range(5):
        found.append(_fold(run, systems, fold == k, k, per_place))
    frame = pd.concat(found).sort_values("planet", ignore_index=True)
    host = frame["system"].to_numpy()
    kind = sky.planets["mass_kind"].to_numpy()[frame["planet"]]
    for words in ("ours", "gap rule x sibling mass", "DYNAMITE-like"):
        score = frame[words].to_numpy()
        run.record(
            f"mean log density, {words}",
            bootstrap(np.mean, score, groups=host, rng=run.rng),
            provenance=REAL,
        )
        for title, where in (
            ("measured masses", kind == "mass"),
            ("minimum masses", kind == "msini"),
            ("masses by a relation", kind == "relation"),
        ):
            if words == "DYNAMITE-like":
                continue
            run.record(f"mean log density, {words}, {title}",
                       bootstrap(np.mean, score[where], groups=host[where], rng=run.rng),
                       provenance=REAL)  # fmt: skip
    gain = (frame["ours"] - frame["gap rule x sibling mass"]).to_numpy()
    run.record("gain over gap rule and sibling mass",
               bootstrap(np.mean, gain, groups=host, rng=run.rng), provenance=REAL)  # fmt: skip
    for level in (0.5, 0.9):
        run.record(f"coverage of the {100 * level:.0f} % region, ours",
                   bootstrap(np.mean, frame["level"].to_numpy() < level, groups=host,
                             rng=run.rng), provenance=REAL)  # fmt: skip
    frame["method"] = sky.planets["method"].to_numpy()[frame["planet"]]
    frame["planets"] = sky.counts[frame["system"]]
    for by in ("position", "method", "planets"):
        table = frame.groupby(by)[["ours", "gap rule x sibling mass", "DYNAMITE-like"]].mean()
        table.insert(0, "n", frame.groupby(by).size())
        run.table(f"by-{by}", table.round(3).reset_index(), caption=f"Mean log density by {by}.")
    run.figure("reliability", plot_reliability({"ours": frame["level"].to_numpy()}),
               caption="Regions of hidden observed planets.")  # fmt: skip


def _by_period(sky: Systems) -> Systems:
    """The systems as if around one Sun: places tell periods then, whatever the star."""
    period = sky.planets["period_day"].to_numpy(float)
    log_a = np.log10(semi_major_axis_au(period, 1.0))
    order = np.lexsort((log_a, sky.system_of_planet))
    return Systems(sky.counts, log_a[order], sky.log_m[order], names=sky.names,
                   planets=sky.planets.iloc[order])  # fmt: skip


def _fold(run: Run, systems: Systems, test: Any, k: int, per_place: int) -> pd.DataFrame:
    """Scores of the planets of one fold, from models of the others."""
    rest, judged = systems[~test], systems[test]
    order = np.random.default_rng([run.seed, k]).permutation(len(rest))
    held = rest[np.sort(order[: len(rest) // 8])]
    training = rest[np.sort(order[len(rest) // 8 :])]
    network = SystemGenerator(
        width=32, layers=2, dropout=0.25, epochs=40, patience=10, augment=0.15,
        batch_tokens=800, random_state=run.seed + k,
    ).fit(training, validation=held, progress=False)  # fmt: skip
    rules = {"gap rule x sibling mass": GapRule(), "DYNAMITE-like": GapRule(dynamite_like=True)}
    for rule in rules.values():
        rule.fit(1.5 * training.log_a + _SUN, training.log_m, training.system_of_planet)
    rule = rules["gap rule x sibling mass"]
    learnt = _both(network, rule, held, per_place, run.rng)
    power = fit_sharpness([one["network"] for one in learnt])
    share = _best_share(learnt, power)
    numbers = np.arange(judged.n_planets)
    rows = []
    for planet, one in zip(
        numbers.tolist(), _both(network, rule, judged, per_place, run.rng), strict=True
    ):
        density, level = _mixed(one, rule, power, share)
        system = int(judged.system_of_planet[planet])
        place = planet - judged.offsets[system]
        last = judged.counts[system] - 1
        other = _rule_score(rules["DYNAMITE-like"], judged, planet)["rule"]
        rows.append(
            {
                "system": int(np.flatnonzero(test)[system]),
                "planet": int(systems.offsets[:-1][test][system] + place),
                "position": "inside" if place == 0 else "outside" if place == last else "gap",
                "ours": density,
                "level": level,
                "gap rule x sibling mass": one["rule"],
                "DYNAMITE-like": other,
            }
        )
    return pd.DataFrame(rows)


_SUN = float(np.log10(365.256898))


def _both(
    network: SystemGenerator, rule: GapRule, systems: Systems, per_place: int, rng: Any
) -> list[dict[str, Any]]:
    """For each planet: the network's proposals, and the rule's density and its own draws."""
    numbers = np.arange(systems.n_planets)
    proposals = hidden_planet(network, systems, numbers, per_place=per_place, rng=rng)
    return [
        {"network": one, **_rule_score(rule, systems, planet)}
        for planet, one in zip(numbers.tolist(), proposals, strict=True)
    ]


def _rule_score(rule: GapRule, systems: Systems, planet: int) -> dict[str, Any]:
    """Log density of a hidden planet under a rule (per dex of P and M), and the whole table."""
    system = systems.system_of_planet[planet]
    others = np.arange(systems.offsets[system], systems.offsets[system + 1])
    others = others[others != planet]
    log_p = 1.5 * systems.log_a + _SUN
    table = rule.density(log_p[others], systems.log_m[others])
    here = _looked_up(rule, table, log_p[planet], systems.log_m[planet])
    return {"rule": float(np.log(here)), "table": table.astype(np.float32)}


def _looked_up(rule: GapRule, table: Any, log_p: Any, log_m: Any) -> Any:
    """Value of the table's cell that holds a place."""
    i = np.clip(np.round((log_p - rule.log_p[0]) / 0.02).astype(int), 0, len(rule.log_p) - 1)
    j = np.clip(np.round((log_m - rule.log_m[0]) / 0.05).astype(int), 0, len(rule.log_m) - 1)
    return np.maximum(table[i, j], 1e-12)


def _best_share(learnt: list[dict[str, Any]], power: float) -> float:
    """Share of the network in the mixture that makes other hosts' planets most probable."""
    ours = np.array([scores_of(one["network"], power)[0] - _LN_P for one in learnt])
    theirs = np.array([one["rule"] for one in learnt])
    shares = np.arange(0.05, 1.0, 0.05)
    gain = [np.logaddexp(np.log(s) + ours, np.log1p(-s) + theirs).mean() for s in shares]
    return float(shares[int(np.argmax(gain))])


def _mixed(one: dict[str, Any], rule: GapRule, power: float, share: float) -> tuple[float, float]:
    """Log density of the mixture at the truth (per dex of P and M), and its level."""
    hidden: HiddenPlanet = one["network"]
    density = scores_of(hidden, power)[0]
    norm = power * hidden.truth - density
    net = np.exp(power * hidden.logs - norm - _LN_P)
    other = _looked_up(rule, one["table"], 1.5 * hidden.log_a + _SUN, hidden.log_m)
    mixed = share * net + (1 - share) * other
    truth = share * np.exp(density - _LN_P) + (1 - share) * np.exp(one["rule"])
    weight = mixed * np.exp(-hidden.log_q)
    return float(np.log(truth)), float(weight[mixed > truth].sum() / weight.sum())
