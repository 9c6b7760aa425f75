"""Experiments on likelihood: what each language buys, leaks, sizes, conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

from ..archive import disc_split, load_bern
from ..baselines import IndependentPlanets, TableOfCounts, Unigram
from ..fidelity import distinguish
from ..generator import SystemGenerator
from ..plots import plot_curves, plot_likelihoods
from ..presets import BERN_CONTEXT, PAPER
from ..simulate import simulate_formation
from ..systems import Systems
from .samples import bern_part, nats_per_token, shipped

__all__ = ["leak_demonstration", "likelihood_ladder", "pooling", "size_of_training"]

_DATA = ["bern_10gyr", "bern_other_ages", "bern_discs"]


@experiment(
    title="What a transformer buys: nats a token on unseen discs",
    claims=[
        Claim("nats a token, grid, NG74 5 Gyr", goal=3.10, better="lower", headline=True),
        Claim("nats a token, grid, NG74 5 Gyr, disc known", goal=2.92, better="lower"),
        Claim("nats a token, grid, NG96 10 Gyr", goal=3.60, better="lower"),
        Claim("nats a token, grid, NG75 10 Gyr", goal=2.47, better="lower"),
        Claim("nats a token, grid, NG76 10 Gyr", goal=2.12, better="lower"),
        Claim("density, nats a token, NG74 5 Gyr", goal=-0.93, better="lower", headline=True),
        Claim("density, nats a token, NG74 5 Gyr, disc known", goal=-1.12, better="lower"),
        Claim("nats a token, the paper's language, NG74 alone", goal=(3.59, 3.69)),
    ],
    data=_DATA,
    presets=["standard", "paper"],
)
def likelihood_ladder(run: Run) -> None:
    """From single cells to gaps, on 151 discs that nothing was trained or stopped on.

    Nats a token are total negative log probability over planets and stops, on the grid of
    30 x 30 cells (log a from -2 to 2, log M from -2 to 4), systems with planets only, disc
    unknown unless stated. The continuous density is per dex of a and dex of M; that of a
    grid language follows exactly from its cells. The paper's language is trained here on
    the 650 systems of NG74 alone; its settings are a reconstruction.
    """
    test = bern_part(run, "ng74", 5.0, "test")
    training = bern_part(run, "ng74", 5.0, "train")
    held_out = bern_part(run, "ng74", 5.0, "validation")
    rows: list[tuple[str, float, float, float]] = []

    def add(title: str, logs: Any, metric: str | None = None) -> None:
        value = nats_per_token(logs, test, run.rng)
        rows.append((title, value.value, value.low, value.high))
        run.record(metric or f"nats a token, {title}", value, provenance=REAL, n=len(test))

    add("single cells", Unigram().fit(training).log_prob(test))
    add("single cells, never inwards", Unigram(ordered=True).fit(training).log_prob(test))
    add("independent planets, sorted", IndependentPlanets().fit(training).log_prob(test))
    tables = [TableOfCounts(pseudo=p).fit(training) for p in (3.0, 10.0, 30.0)]
    best = max(tables, key=lambda table: table.log_prob(held_out).sum())
    add("table of counts", best.log_prob(test))
    paper = SystemGenerator(**PAPER, random_state=run.seed).fit(
        training, validation=held_out,
        alphabet_of=Systems.concatenate([training, held_out, test]), progress=False,
        checkpoint=str(run.folder / "paper"),
    )  # fmt: skip
    add("the paper's language", paper.log_prob(test, measure="grid"),
        "nats a token, the paper's language, NG74 alone")  # fmt: skip
    grid, gaps = shipped("bern-grid"), shipped()
    unknown = grid.log_prob(test, measure="grid", without=("disc",))
    add("column, then row", unknown, "nats a token, grid, NG74 5 Gyr")
    add("column, then row, disc known", grid.log_prob(test, measure="grid"),
        "nats a token, grid, NG74 5 Gyr, disc known")  # fmt: skip
    run.figure("ladder", plot_likelihoods(rows, xlabel="nats a token, unseen discs"),
               caption="Lower is better; bars hold 68 % of resampled discs.")  # fmt: skip
    for name, title in (("ng96", "NG96"), ("ng75", "NG75"), ("ng76", "NG76")):
        some = bern_part(run, name, 10.0, "test")
        logs = grid.log_prob(some, measure="grid", without=("disc",))
        run.record(f"nats a token, grid, {title} 10 Gyr", nats_per_token(logs, some, run.rng),
                   provenance=REAL, n=len(some))  # fmt: skip
    table = []
    for title, generator, without, metric in (
        ("column, then row", grid, ("disc",), "density, nats a token, column then row"),
        ("gaps", gaps, ("disc",), "density, nats a token, NG74 5 Gyr"),
        ("gaps, disc known", gaps, (), "density, nats a token, NG74 5 Gyr, disc known"),
    ):
        value = nats_per_token(generator.log_prob(test, without=without), test, run.rng)
        run.record(metric, value, provenance=REAL, n=len(test))
        table.append((title, value.value, value.low, value.high))
    run.table("densities", pd.DataFrame(table, columns=["language", "nats a token", "low", "high"]),
              caption="Continuous density; widths of gaps are at least 0.01 dex of the log gap, of "
              "masses 0.004 dex.")  # fmt: skip


@experiment(
    title="A leak shown on purpose: splits by row, by age, by disc",
    claims=[Claim("nats gained by the split of rows", source="goes to the leak, not the model")],
    data=_DATA,
    presets=["standard", "paper"],
)
def leak_demonstration(run: Run) -> None:
    """The same network on NG74 with its test systems split in three ways.

    By row, other ages of a test system are trained on; by age, all discs are, at other
    ages; by disc, none is. What the first two gain over the third is memory of discs.
    """
    both = load_bern("ng74", (5.0, 10.0))
    for name in _DATA:
        run.load(name)
    both = both[both.counts > 0]
    disc, age = both.context["disc_id"].to_numpy(), both.context["age_gyr"].to_numpy()
    row = np.random.default_rng(run.seed).uniform(size=len(both)) < 0.15
    splits = {"row": row, "age": age == 5.0, "disc": disc_split(disc, "test")}
    found, rows = {}, []
    for title, test in splits.items():
        rest = both[~test]
        judged = both[test & (age == 5.0)]
        generator = SystemGenerator(
            epochs=20, batch_tokens=600, width=48, layers=2, random_state=run.seed
        )
        if title == "disc":
            generator.fit(rest, groups="disc_id", progress=False)
        else:
            rest.names = np.arange(len(rest))
            generator.fit(rest, progress=False)
        value = nats_per_token(generator.log_prob(judged), judged, run.rng)
        found[title] = value.value
        run.record(f"density, nats a token, split by {title}", value, provenance=REAL,
                   n=len(judged))  # fmt: skip
        made = generator.sample(2 * len(judged), rng=run.rng)
        auc = distinguish(judged, made[made.counts > 0], n_draws=2, rng=run.rng,
                          groups=judged.context["disc_id"])["AUC"]  # fmt: skip
        rows.append({"split by": title, "nats a token": value.value, "C2ST AUC": auc})
    run.table("splits", pd.DataFrame(rows).round(3), caption="The price of an honest split.")
    run.record("nats gained by the split of rows", found["disc"] - found["row"],
               provenance=REAL, n=len(both))  # fmt: skip


@experiment(
    title="How much there is to learn from: discs, and simulated systems",
    claims=[],
    presets=["standard", "paper"],
)
def size_of_training(run: Run) -> None:
    """80 to 650 discs of Bern, 400 to 6,400 simulated systems (paper: 25,000), equal steps.

    Bern's curve ends at 650 discs; that of the toy formation model goes on, and its
    power law is written out to 25,000, the paper's number. The two are not compared.
    """
    sizes = [400, 1600, 6400] + ([25_000] if run.preset == "paper" else [])
    judged = simulate_formation(400, rng=99)
    rows = []
    for n in sizes:
        training = simulate_formation(n, rng=7)
        generator = _of_so_many_steps(training, run.seed).fit(training, progress=False)
        value = nats_per_token(generator.log_prob(judged), judged, run.rng)
        rows.append({"systems": n, "nats a token": value.value})
        run.record(f"toy formation model, {n} systems", value, provenance=SIMULATED,
                   n=len(judged))  # fmt: skip
    run.used("toy formation model", provenance=SIMULATED, n=sum(sizes))
    frame = pd.DataFrame(rows)
    slope, level = np.polyfit(np.log2(frame["systems"]), frame["nats a token"], 1)
    run.record("nats a doubling, toy formation model", slope, provenance=SIMULATED, n=len(judged))
    run.note(f"a straight line would give {level + slope * np.log2(25_000):.2f} nats a token at "
             "25,000 systems; it flattens before")  # fmt: skip
    run.table("simulated", frame.round(4), caption="SIMULATED: toy formation model.")
    run.figure("size-simulated", plot_curves(frame, "systems", ["nats a token"],
               xlabel="systems trained on", ylabel="nats a token"),
               caption="Toy formation model, 400 unseen discs.")  # fmt: skip
    if not all(run.has(name) for name in _DATA):
        return
    training, held_out, test = (
        bern_part(run, "ng74", 5.0, part) for part in ("train", "validation", "test")
    )
    rows = []
    for n in (80, 160, 320, 650):
        some = training[: min(n, len(training))]
        generator = _of_so_many_steps(some, run.seed).fit(some, validation=held_out, progress=False)
        value = nats_per_token(generator.log_prob(test), test, run.rng)
        rows.append({"discs": n, "nats a token": value.value})
        run.record(f"NG74 5 Gyr, {n} discs", value, provenance=REAL, n=len(test))
    frame = pd.DataFrame(rows)
    run.table("discs", frame.round(4), caption="REAL: NG74 at 5 Gyr, 151 unseen discs.")
    run.figure("size-bern", plot_curves(frame, "discs", ["nats a token"],
               xlabel="discs trained on", ylabel="nats a token (density)"),
               caption="As many steps for each number of discs; the best epoch stays.")  # fmt: skip


def _of_so_many_steps(training: Systems, seed: int, steps: int = 1000) -> SystemGenerator:
    """A network that takes as many steps whatever there is to learn from; the best epoch stays."""
    tokens = 600
    epochs = max(2, round(steps * tokens / (training.n_planets + len(training))))
    return SystemGenerator(width=48, layers=2, batch_tokens=tokens, epochs=epochs, dropout=0.2,
                           augment=0.1, patience=epochs, random_state=seed)  # fmt: skip


@experiment(
    title="Pooled populations, and what conditions are worth",
    claims=[
        Claim("total mass by disc, NG74, Spearman", goal=0.77),
        Claim("total mass by disc, NG75, Spearman", goal=0.75),
        Claim("total mass by disc, NG76, Spearman", goal=0.94),
        Claim("coverage of total mass, 50 %, NG74", goal=(0.45, 0.55)),
        Claim("coverage of total mass, 90 %, NG74", goal=(0.86, 0.94)),
    ],
    data=_DATA,
    presets=["standard", "paper"],
)
def pooling(run: Run) -> None:
    """Disc known or not, a walk in stellar mass, and the total mass that a disc gives.

    For each unseen disc systems are generated with the disc known; their mean total mass
    is ranked against the computed one, and its intervals are counted.
    """
    generator, per_disc = shipped(), 100
    rows = []
    for name, age in (("ng74", 10.0), ("ng75", 10.0), ("ng76", 10.0)):
        test = bern_part(run, name, age, "test")
        for words, without in (("known", ()), ("unknown", ("disc",)),
                               ("nothing known", BERN_CONTEXT)):  # fmt: skip
            value = nats_per_token(generator.log_prob(test, without=without), test, run.rng)
            rows.append({"population": name, "disc": words, "nats a token": value.value})
        about = test.context.loc[test.context.index.repeat(per_disc)]
        drawn = generator.sample(len(about), context=about, rng=run.rng)
        total = np.log10(np.maximum(drawn.total_mass, 1e-3)).reshape(len(test), per_disc)
        _record_total_mass(run, name, np.log10(test.total_mass), total)
    run.table("conditions", pd.DataFrame(rows).round(4), caption="Density, nats a token.")
    walk = []
    for mass in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0):
        drawn = generator.sample(300, context={"star_mass": mass, "age_gyr": 10.0}, rng=run.rng)
        walk.append(
            {
                "star_mass": mass,
                "planets": drawn.counts.mean(),
                "log10 total mass": float(np.median(np.log10(drawn.total_mass + 1e-3))),
            }
        )
    frame = pd.DataFrame(walk)
    run.table("walk", frame.round(3), caption="Medians along stellar mass.")
    run.figure("walk", plot_curves(frame, "star_mass", ["log10 total mass"], log=False,
               xlabel="stellar mass (solar)", ylabel="log10 of total mass (Earth masses)"),
               caption="A walk in stellar mass; trained at 0.1, 0.3, 0.5, 0.7 and 1.")  # fmt: skip


def _record_total_mass(run: Run, name: str, truth: Any, drawn: Any) -> None:
    from scipy.stats import spearmanr

    from decan.core.metrics import bootstrap

    title = name.upper()
    run.record(
        f"total mass by disc, {title}, Spearman",
        bootstrap(lambda x, y: float(spearmanr(x, y).statistic), truth, drawn.mean(1),
                  rng=run.rng),
        provenance=REAL,
    )  # fmt: skip
    for level in (0.5, 0.9):
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1)
        inside = (truth >= low) & (truth <= high)
        run.record(f"coverage of total mass, {100 * level:.0f} %, {title}",
                   bootstrap(np.mean, inside, rng=run.rng), provenance=REAL)  # fmt: skip
