"""Experiments that compare models: Bern, Miguel, clustered systems, and named stars."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from decan.core.experiment import MIXED, REAL, Claim, Run, experiment
from decan.core.metrics import bootstrap, calibration_error, roc_auc

from ..archive import disc_split, load_miguel
from ..features import stability_shares
from ..fidelity import distinguish, peas_in_a_pod
from ..generator import SystemGenerator
from ..orbits import earth_like
from ..plots import plot_mosaic
from ..simulate import simulate_clustered
from ..stars import named_systems
from ..surveys import RV, Star, Transit
from ..systems import Systems
from .samples import bern_part, shipped

__all__ = ["anomaly_of_systems", "earth_like_prediction", "models_compared"]

_BERN = ["bern_10gyr", "bern_other_ages", "bern_discs"]


@experiment(
    title="Where the Solar System stands",
    claims=[Claim("seeds that agree on the Solar System", goal=5)],
)
def anomaly_of_systems(run: Run) -> None:
    """Named systems among generated ones of like multiplicity, by their log probability.

    The p value is the share of the generator's own systems that are at most as probable.
    It is a statement on the Bern model: a system it calls strange is one that the model
    hardly makes. Repeated with five seeds.
    """
    generator, systems = shipped(), named_systems()
    run.used("named systems, published values", provenance=REAL, n=len(systems))
    n = 1500 if run.preset == "quick" else 3000
    found = [generator.anomaly(systems, n=n, rng=seed) for seed in range(5)]
    frame = found[0].assign(system=systems.names)[
        ["system", "log_prob", "p_value", "low", "high", "n", "extrapolated"]
    ]
    run.table("anomaly", frame.round(3), caption="Low p values are strange to the Bern model.")
    for name, p in zip(systems.names, found[0]["p_value"], strict=True):
        run.record(f"p value, {name}", p, provenance=REAL, n=int(found[0]["n"].min()))
    strange = [bool(one["p_value"][0] < 0.05) for one in found]
    run.record("seeds that agree on the Solar System", max(sum(strange), 5 - sum(strange)),
               provenance=REAL, n=5)  # fmt: skip
    drawn = generator.sample(2000, rng=run.rng)
    run.figure("named", plot_mosaic({"named": systems, "generated, eight planets":
               drawn[drawn.counts == 8]}, n=6, names=True),
               caption="Named systems and generated ones of eight planets.")  # fmt: skip


@experiment(
    title="Bern, Miguel and clustered systems: which model made a system?",
    claims=[
        Claim("sign of the log-probability ratio right, Bern", goal=0.95),
        Claim("sign of the log-probability ratio right, Miguel", goal=0.95),
    ],
    data=[*_BERN, "miguel_populations"],
    presets=["standard", "paper"],
)
def models_compared(run: Run) -> None:
    """A generator fitted to each formation model scores the unseen systems of both.

    Bern is NG74 at 5 Gyr by the shipped weights, Miguel the unperturbed population. Then
    classifiers between all pairs, peas in a pod seen through one transit survey, and the
    shares of close pairs on circular orbits.
    """
    bern = {part: bern_part(run, "ng74", 5.0, part) for part in ("train", "test")}
    run.load("miguel_populations")
    miguel = load_miguel(0.0)
    miguel = miguel[miguel.counts > 0]
    disc = miguel.context["disc_id"].to_numpy()
    other = SystemGenerator(width=48, layers=2, epochs=40, batch_tokens=500, augment=0.1,
                            random_state=run.seed).fit(
        miguel[disc_split(disc, "train")], validation=miguel[disc_split(disc, "validation")],
        progress=False,
    )  # fmt: skip
    unseen = {"Bern": bern["test"], "Miguel": miguel[disc_split(disc, "test")]}
    generator = shipped()
    rows = []
    for name, systems in unseen.items():
        about = pd.DataFrame({"population": ["ng74"] * len(systems), "age_gyr": 5.0,
                              "star_mass": 1.0, "n_embryos": 20.0})  # fmt: skip
        plain = Systems(systems.counts, systems.log_a, systems.log_m, context=about)
        ratio = generator.log_prob(plain) - other.log_prob(plain)
        right = ratio > 0 if name == "Bern" else ratio < 0
        run.record(f"sign of the log-probability ratio right, {name}",
                   bootstrap(np.mean, right, rng=run.rng), provenance=REAL)  # fmt: skip
        rows.append({"systems": name, "median log ratio Bern / Miguel": np.median(ratio)})
    run.table("ratios", pd.DataFrame(rows).round(2), caption="Nats a system.")
    clustered = simulate_clustered(1200, rng=run.seed)
    samples = {**unseen, "clustered (simulated)": clustered[clustered.counts > 0]}
    made = generator.sample(800, context={"population": "ng74", "age_gyr": 5.0}, rng=run.rng)
    samples["generated, NG74"] = made[made.counts > 0]
    aucs = []
    for i, (one, first) in enumerate(samples.items()):
        for two, second in list(samples.items())[i + 1 :]:
            small, large = (first, second) if len(first) <= len(second) else (second, first)
            row = distinguish(small, large, groups=np.arange(len(small)), n_draws=2, rng=run.rng)
            aucs.append({"one": one, "other": two, "AUC": row["AUC"], "spread": row["spread"]})
    floor = distinguish(bern["test"], bern["train"], groups=np.arange(len(bern["test"])),
                        n_draws=2, rng=run.rng)  # fmt: skip
    aucs.append({"one": "Bern", "other": "Bern, training (floor)", "AUC": floor["AUC"],
                 "spread": floor["spread"]})  # fmt: skip
    run.table("pairs", pd.DataFrame(aucs).round(3), caption="Forest on 23 features, pairwise.")
    survey, near = Transit(7.1, aligned_deg=2.0), []
    for name, systems in samples.items():
        seen = _observed(systems, survey, run.rng)
        near.append({"sample": name, **peas_in_a_pod(systems),
                     **{f"seen: {k}": v for k, v in peas_in_a_pod(seen).items()}})  # fmt: skip
    run.table("neighbours", pd.DataFrame(near).round(3),
              caption="Neighbours as they are, and as one transit survey sees them.")  # fmt: skip
    run.table("stability",
              pd.DataFrame([{"sample": k, **stability_shares(v)} for k, v in samples.items()])
              .round(3), caption="Shares of systems with a close pair, or unstable by AMD at an "
              "eccentricity of 0.05.")  # fmt: skip
    run.record("AUC, Bern and Miguel", float(aucs[0]["AUC"]), provenance=REAL,
               n=len(unseen["Bern"]))  # fmt: skip
    run.record("AUC, generated and clustered", float(aucs[-2]["AUC"]), provenance=MIXED,
               n=len(samples["generated, NG74"]))  # fmt: skip


@experiment(
    title="Does this star have an Earth-like planet?",
    claims=[
        Claim("ROC AUC, completion",
              source="Davoult et al. 2025: precision up to 0.99 on another table"),
    ],
    data=_BERN,
    presets=["standard", "paper"],
)  # fmt: skip
def earth_like_prediction(run: Run) -> None:
    """Unseen discs of NG74 seen by a radial-velocity survey, completed, and asked.

    A star is to be judged by the planets above 1 m/s alone: does it have at least one of
    0.5 to 3 Earth masses between 160 and 510 K among those that were not seen? Beside it
    a random forest on seven numbers of the seen planets, trained on the training discs.
    """
    star, survey = Star(mass=1.0, luminosity=1.0), RV(1.0)
    test, train = (bern_part(run, "ng74", 5.0, part) for part in ("test", "train"))
    if run.preset == "standard":
        test = test[:100]
    generator, context = shipped(), {"population": "ng74", "age_gyr": 5.0}
    chance, truth = [], []
    for i in range(len(test)):
        seen, hidden = _split(test[i], survey, star)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = generator.complete(seen, star=star, survey=survey, context=context, n=600,
                                       max_extra=20, rng=run.rng)  # fmt: skip
        chance.append(found.probability_earth_like().value)
        truth.append(bool(earth_like(hidden.a_au, hidden.mass_earth).any()))
    forest = _forest(train, test, survey, star, run.seed)
    outcome = np.array(truth)
    for words, score in (("completion", np.array(chance)), ("forest on seven numbers", forest)):
        run.record(f"ROC AUC, {words}", roc_auc(outcome, score, n_boot=200, rng=run.rng),
                   provenance=REAL)  # fmt: skip
        error = calibration_error(outcome, np.clip(score, 0, 1), n_bins=5)
        run.record(f"calibration error, {words}", error.ece, provenance=REAL, n=len(outcome))


def _split(one: Systems, survey: Any, star: Star) -> tuple[Systems, Systems]:
    """What a sharp survey sees of one system, and the rest."""
    seen = survey.detection(one.a_au, one.mass_earth, star) > 0.5
    parts = [Systems.from_planets([(one.a_au[s], one.mass_earth[s])]) for s in (seen, ~seen)]
    return parts[0], parts[1]


def _observed(systems: Systems, survey: Any, rng: np.random.Generator) -> Systems:
    """The systems as a survey sees them."""
    chance = survey.detection(systems.a_au, systems.mass_earth, Star(mass=1.0))
    seen = rng.uniform(size=len(chance)) < chance
    counts = np.bincount(systems.system_of_planet, seen, minlength=len(systems)).astype(int)
    return Systems(counts, systems.log_a[seen], systems.log_m[seen])


def _forest(train: Systems, test: Systems, survey: Any, star: Star, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    def numbers(systems: Systems) -> tuple[Any, Any]:
        x, y = [], []
        for i in range(len(systems)):
            seen, hidden = _split(systems[i], survey, star)
            a, m = seen.log_a, seen.log_m
            nearest = int(np.argmin(np.abs(a))) if len(a) else -1
            x.append([len(a), a[0], m[0], a[nearest], m[nearest], m.max(), a[-1]]
                     if len(a) else [0, -9, -9, -9, -9, -9, -9])  # fmt: skip
            y.append(bool(earth_like(hidden.a_au, hidden.mass_earth).any()))
        return np.array(x, float), np.array(y)

    x, y = numbers(train)
    model = RandomForestClassifier(500, max_depth=5, min_samples_leaf=10, n_jobs=1,
                                   random_state=seed).fit(x, y)  # fmt: skip
    return model.predict_proba(numbers(test)[0])[:, 1]
