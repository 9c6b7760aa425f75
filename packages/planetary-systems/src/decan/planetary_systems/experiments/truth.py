"""Experiments whose truth is known in closed form, or because it was simulated."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment
from decan.core.metrics import bootstrap, calibration_error, pit_uniformity

from ..chains import exact_generator
from ..codec import GridCodec
from ..generator import SystemGenerator
from ..markov import MarkovCells, MarkovGaps
from ..plots import plot_reliability
from ..simulate import simulate_clustered
from ..surveys import RV, Star
from ..systems import Systems
from .samples import nats_per_token

__all__ = ["completion_calibration", "markov_truth"]


@experiment(
    title="Chains of known entropy",
    claims=[
        Claim("largest error of log_prob of a true model", goal=1e-6, better="lower",
              provenance=SIMULATED),
        Claim("nats above the entropy, gaps", goal=0.02, better="lower", provenance=SIMULATED),
        Claim("nats above the entropy, 8 x 8 cells", goal=0.02, better="lower",
              provenance=SIMULATED),
        Claim("nats above the entropy, 30 x 30 cells", goal=0.02, better="lower",
              provenance=SIMULATED),
        Claim("nats off the entropy, sampler of a true model", goal=(-0.02, 0.02),
              provenance=SIMULATED),
    ],
)  # fmt: skip
def markov_truth(run: Run) -> None:
    """How near to the entropy the languages come, and how exact their answers are.

    Chains over gaps and over cells are learnt from systems drawn from them (25,000; cells
    from 6,000 in the standard preset; 600 in quick), and judged on 2,000 others. The true
    chain as a generator says how exact scoring and drawing are.
    """
    n_gaps = 600 if run.preset == "quick" else 25_000
    n = {"quick": 600, "standard": 6000, "paper": 25_000}[run.preset]
    chain = MarkovGaps()
    truth, judged = exact_generator(chain), chain.sample(2000, rng=5)
    error = np.abs(truth.log_prob(judged) - chain.log_prob(judged)).max()
    run.record("largest error of log_prob of a true model", error, provenance=SIMULATED,
               n=len(judged))  # fmt: skip
    drawn = truth.sample(4000, rng=run.rng)
    off = -chain.log_prob(drawn).sum() / (drawn.n_planets + len(drawn)) - chain.entropy_per_token
    run.record("nats off the entropy, sampler of a true model", off, provenance=SIMULATED,
               n=len(drawn))  # fmt: skip
    gaps = SystemGenerator(width=32, layers=1, epochs=6, batch_tokens=1000, dropout=0.0,
                           random_state=run.seed)  # fmt: skip
    gaps.fit(chain.sample(n_gaps, rng=6), progress=False)
    value = nats_per_token(gaps.log_prob(judged) - chain.log_prob(judged), judged, run.rng)
    run.record("nats above the entropy, gaps", value, provenance=SIMULATED, n=len(judged))
    for side in (8, 30):
        cells = MarkovCells(GridCodec(n=side), rng=run.seed)
        training, judged = cells.sample(n, rng=8), cells.sample(1000, rng=7)
        grid = SystemGenerator("factored", width=48, layers=1, epochs=max(4, 120_000 // n),
                               batch_tokens=1000, learning_rate=4e-3, dropout=0.0,
                               codec=cells.codec, random_state=run.seed)  # fmt: skip
        grid.fit(training, progress=False)
        learnt = grid.log_prob(judged, measure="grid")
        best = cells.bayes_log_prob(training, judged)
        for words, logs in (("", learnt), (", best possible", best)):
            value = nats_per_token(logs - cells.log_prob(judged), judged, run.rng)
            run.record(f"nats above the entropy, {side} x {side} cells{words}", value,
                       provenance=SIMULATED, n=len(judged))  # fmt: skip
    run.used("Markov chains over gaps and cells", provenance=SIMULATED, n=n_gaps + 2 * n)
    run.note(f"entropy over gaps: {chain.entropy_per_token:.3f} nats a token. 'Best possible' is "
             "the exact Bayesian estimate that knows how the chain was drawn: 900 cells that "
             "each may be followed by 900 cannot be learnt to 0.02 nats from so few systems, by "
             "any model")  # fmt: skip


@experiment(
    title="Simulation-based calibration of completion under a survey",
    claims=[
        Claim("p value of ranks, number of unseen planets", goal=0.01, provenance=SIMULATED,
              headline=True),
        Claim("p value of ranks, total mass of unseen planets", goal=0.01,
              provenance=SIMULATED),
        Claim("calibration error of P(another planet)", goal=0.03, better="lower",
              provenance=SIMULATED),
        Claim("p value of ranks, true model, number of unseen planets", goal=0.01,
              provenance=SIMULATED),
    ],
)  # fmt: skip
def completion_calibration(run: Run) -> None:
    """Systems are simulated, observed by a radial-velocity survey, and completed.

    First with the true model (a chain of known density), then with a generator fitted to
    clustered systems: what a survey of 1 m/s (inclinations unknown) misses is to be found.
    The rank of the truth among the weighted draws, ties broken at random, is uniform
    where completion is honest.
    """
    sizes = {"quick": (40, 600, 120), "standard": (150, 8000, 500), "paper": (500, 25_000, 500)}
    n_chain, n_train, n = sizes[run.preset]
    chain = MarkovGaps(stop=0.25)
    exact, _ = _ranks(exact_generator(chain), chain.sample(n_chain, rng=3), run, draws=120)
    run.record(
        "p value of ranks, true model, number of unseen planets",
        pit_uniformity(exact["number"]).p_value,
        provenance=SIMULATED,
        n=n_chain,
    )
    generator = SystemGenerator(
        width=48, layers=2, dropout=0.05, epochs=max(4, 120_000 // n_train), batch_tokens=600,
        random_state=run.seed,
    )  # fmt: skip
    generator.fit(simulate_clustered(n_train, rng=run.seed + 1), progress=False)
    run.used("clustered AMD-stable systems", provenance=SIMULATED, n=n_train + n)
    ranks, more = _ranks(generator, simulate_clustered(n, rng=run.seed + 2), run, draws=200)
    for name, words in (("number", "number of unseen planets"),
                        ("mass", "total mass of unseen planets")):  # fmt: skip
        run.record(f"p value of ranks, {words}", pit_uniformity(ranks[name]).p_value,
                   provenance=SIMULATED, n=n)  # fmt: skip
    for level in (0.5, 0.9):
        inside = np.abs(ranks["mass"] - 0.5) < level / 2
        run.record(f"coverage of the central {100 * level:.0f} %, total mass of unseen planets",
                   bootstrap(np.mean, inside, rng=run.rng), provenance=SIMULATED)  # fmt: skip
    error = calibration_error(more["truth"], more["chance"])
    run.record("calibration error of P(another planet)", error.ece, provenance=SIMULATED, n=n)
    # Noise alone: outcomes drawn with the very chances that were told.
    perfect = [calibration_error(run.rng.uniform(size=n) < more["chance"], more["chance"]).ece.value
               for _ in range(100)]  # fmt: skip
    run.record("calibration error of as many perfect chances", float(np.mean(perfect)),
               provenance=SIMULATED, n=n)  # fmt: skip
    run.figure("ranks", plot_reliability({"number, true model": exact["number"],
               "number, fitted": ranks["number"], "total mass, fitted": ranks["mass"]}),
               caption="Ranks of the truth: uniform ones lie on the diagonal.")  # fmt: skip


def _ranks(
    generator: SystemGenerator, systems: Systems, run: Run, *, draws: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Randomised ranks of number and total mass of unseen planets; P(any) and truth."""
    import warnings

    survey, star = RV(1.0, inclined=True), Star(mass=1.0)
    seen = run.rng.uniform(size=systems.n_planets) < survey.detection(
        systems.a_au, systems.mass_earth, star
    )
    ranks: dict[str, list[float]] = {"number": [], "mass": []}
    chance, truth = [], []
    for i in range(len(systems)):
        begin, end = systems.offsets[i], systems.offsets[i + 1]
        here = seen[begin:end]
        a, m = systems.a_au[begin:end], systems.mass_earth[begin:end]
        known = Systems.from_planets([(a[here], m[here])])
        with warnings.catch_warnings():
            # Few draws are enough for a rank; that they are few is known.
            warnings.simplefilter("ignore", UserWarning)
            found = generator.complete(known, star=star, survey=survey, n=draws, rng=run.rng)
        mass = found.samples.total_mass
        for name, value, sample in (
            ("number", float((~here).sum()), found.samples.counts.astype(float)),
            ("mass", float(m[~here].sum()), mass),
        ):
            below = found.weights[sample < value - 1e-12].sum()
            equal = found.weights[np.abs(sample - value) <= 1e-12].sum()
            ranks[name].append(float(np.clip(below + run.rng.uniform() * equal, 0, 1)))
        chance.append(found.probability().value)
        truth.append(bool((~here).any()))
    made = {name: np.array(values) for name, values in ranks.items()}
    return made, {"chance": np.clip(chance, 0, 1), "truth": np.array(truth)}
