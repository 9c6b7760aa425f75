"""Experiments where the answer is known: estimators, measures, and what noise looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

from .samples import sample

if TYPE_CHECKING:
    from decan.core.metrics import Estimate

__all__ = ["exact", "pointwise_floor"]


@experiment(
    title="Estimators and measures against closed forms",
    claims=[
        Claim("bias of information, Gaussian, d = 8", goal=(-0.03, 0.03), provenance=SIMULATED,
              headline=True),
        Claim("bias of information, warped, d = 8", goal=(-0.05, 0.05), provenance=SIMULATED),
        Claim("synergy of an independent pair", published=-0.034,
              source="recipe of the released code, exact densities", goal=(0.173, 0.233),
              provenance=SIMULATED),
        Claim("unique information of pure noise", published=0.108,
              source="recipe of the released code, exact densities", goal=(-0.01, 0.01),
              provenance=SIMULATED, headline=True),
        Claim("synergy with pure noise", published=-0.108,
              source="recipe of the released code, exact densities", goal=(-0.01, 0.01),
              provenance=SIMULATED),
    ],
)  # fmt: skip
def exact(run: Run) -> None:
    """Gaussian worlds of 3,000 objects: information of eight columns, and its four parts.

    The target follows one direction of eight (correlation 0.9, 0.830 nats); the same with
    columns to the third power and the target's root. Then a pair of independent inputs
    (correlation 0.5 each), and an input of 0.8 beside pure noise. Values are means over draws,
    intervals the standard error of these means.
    """
    draws = {"quick": 2, "standard": 20, "paper": 50}[run.preset]
    run.used("Gaussian triplets and their warps, 3,000 objects each", provenance=SIMULATED, n=3000)
    _record_bias(run, draws)
    _record_parts(run, draws, few={"quick": 1, "standard": 3, "paper": 20}[run.preset])


@experiment(
    title="What the pointwise minimum finds in noise",
    claims=[
        Claim("information of three noise columns, RESOLVE", goal=(-0.02, 0.02), headline=True),
    ],
    data=["resolve_galaxies", "dustpedia_sed"],
)
def pointwise_floor(run: Run) -> None:
    """Inputs that say nothing, through the default measure and through the paper's recipe.

    Three columns of random numbers beside the photometry of real galaxies, and WISE with its
    rows permuted: what is found there is the floor of a method, not a property of galaxies.
    """
    import pandas as pd

    from ..archive import log_fluxes, resolve_blocks
    from ..decomposition import decompose
    from ..plots import plot_components

    galaxies, provenance = sample(run, "resolve_galaxies")
    y, groups = galaxies["logmstar"].to_numpy(float), galaxies["group_id"].to_numpy()
    optical = resolve_blocks(galaxies)["ugriz"]
    noise = pd.DataFrame(run.rng.normal(size=(len(y), 3)), columns=["n1", "n2", "n3"])
    found = decompose(
        optical, noise.set_index(optical.index), y, names=("ugriz", "noise"), groups=groups,
        floor=False, rng=run.seed,
    )  # fmt: skip
    both = {"RESOLVE, noise": found}
    run.record(
        "information of three noise columns, RESOLVE",
        _component(found.information_2, len(y)), provenance=provenance, unit="nats",
    )  # fmt: skip
    if run.has("dustpedia_sed"):
        dust, _ = sample(run, "dustpedia_sed")
        both["DustPedia, WISE"] = decompose(
            log_fluxes(dust, ("u", "g", "r", "i", "z")), log_fluxes(dust, ("w1", "w2", "w3")),
            dust["log_mstar_10pc"].to_numpy(float), names=("ugriz", "WISE"), rng=run.seed,
        )  # fmt: skip
    results = {
        f"{name}, {measure}": one.remeasured(measure)
        for name, one in both.items()
        for measure in ("mmi", "pointwise_min")
    }
    for name, one in results.items():
        for part in ("unique_2", "synergistic"):
            measured = getattr(one, part)
            run.record(f"{name}: {part}", _component(measured, len(one)), provenance=provenance,
                       unit="nats", note="" if np.isnan(measured.floor) else
                       f"floor {measured.floor:+.3f}")  # fmt: skip
    run.figure(
        "floor", plot_components(results),
        caption="The recipe gives noise unique information and negative synergy, and gives "
        "permuted WISE (red marks) nearly what it gives real WISE; averages do not.",
    )  # fmt: skip


def _record_bias(run: Run, draws: int) -> None:
    """Four estimators of the information of one to sixteen columns, beside the truth."""
    import pandas as pd

    from ..information import METHODS
    from ..plots import plot_bias

    rows = []
    for d in (1, 2, 4, 8, 16):
        for method in METHODS:
            size = 2 if method == "crossfit" and d != 8 else draws
            for bent in (False, True) if d == 8 else (False,):
                values, truth = _informations(method, d, bent, size, run.seed)
                rows.append(
                    {"method": method + (", warped" if bent else ""), "d": d, "n": 3000,
                     "value": np.mean(values), "sd": _error(values), "draws": size, "truth": truth}
                )  # fmt: skip
    frame = pd.DataFrame(rows)
    run.table("information", frame.round(4), caption="Estimates of the information of d columns.")
    run.figure(
        "bias", plot_bias(frame[~frame["method"].str.contains("warped")], x="d"),
        caption="Bias of four estimators over the number of columns. Nearest neighbours (ksg) lose "
        "what cross-fitted densities and the copula keep.",
    )  # fmt: skip
    for name, label in (("crossfit", "Gaussian"), ("crossfit, warped", "warped")):
        row = frame[(frame["method"] == name) & (frame["d"] == 8)].iloc[0]
        bias = row["value"] - row["truth"]
        run.record(
            f"bias of information, {label}, d = 8", _estimate(bias, row["sd"], 3000 * draws),
            provenance=SIMULATED, unit="nats",
        )  # fmt: skip


def _informations(
    method: str, d: int, bent: bool, draws: int, seed: int
) -> tuple[list[float], float]:
    """Estimates from some draws of 3,000 objects, and the truth."""
    from ..information import mutual_information
    from ..laboratory import gaussian_triplet, warped

    values, truth = [], np.nan
    for k in range(draws):
        made = gaussian_triplet(3000, 0.9, d1=d, rng=seed + 100 * d + k)
        made = warped(made) if bent else made
        values.append(mutual_information(made.x1, made.y, method=method, rng=k).value)
        truth = made.truth["information_1"]
    return values, truth


def _record_parts(run: Run, draws: int, few: int) -> None:
    """Redundant, unique and synergistic information of four worlds, beside the truth."""
    import pandas as pd

    from ..laboratory import copy_pair, gaussian_triplet, sign_product

    worlds: dict[str, Any] = {
        "independent pair": lambda k: gaussian_triplet(3000, 0.5, 0.5, rng=k),
        "pure noise": lambda k: gaussian_triplet(3000, 0.8, 0.0, rng=k),
        "copy": lambda k: copy_pair(3000, rng=k),
        "sign of a product": lambda k: sign_product(3000, rng=k),
    }
    rows = []
    for world, make in worlds.items():
        asked = world in ("independent pair", "pure noise")
        found = _decomposed(make, draws if asked else few, run.seed)
        rows += [
            {"world": world, "measure": measure, "part": part, "nats": np.mean(values),
             "error": _error(values), "truth": make(0).truth[part]}
            for measure, parts in found.items()
            for part, values in parts.items()
        ]  # fmt: skip
        if world == "independent pair":
            _record_mean(run, "synergy of an independent pair", found["mmi"]["synergistic"])
        if world == "pure noise":
            _record_mean(run, "unique information of pure noise", found["mmi"]["unique_2"])
            _record_mean(run, "synergy with pure noise", found["mmi"]["synergistic"])
            for part in ("unique_2", "synergistic"):
                _record_mean(run, f"recipe: {part} of pure noise", found["pointwise_min"][part])
    run.table("parts", pd.DataFrame(rows).round(4), caption="Parts by truth and two measures.")


def _decomposed(make: Any, draws: int, seed: int) -> dict[str, dict[str, list[float]]]:
    """Parts of some draws of a world, by two measures from the same densities."""
    from ..decomposition import decompose
    from ..measures import COMPONENTS, pointwise_min

    found: dict[str, dict[str, list[float]]] = {
        measure: {part: [] for part in COMPONENTS} for measure in ("mmi", "pointwise_min")
    }
    for k in range(draws):
        made = make(seed + k)
        one = decompose(made.x1, made.x2, made.y, floor=False, n_boot=0, rng=k)
        recipe = pointwise_min(*one.local.T).mean(axis=0)
        for j, part in enumerate(COMPONENTS):
            found["mmi"][part].append(getattr(one, part).value)
            found["pointwise_min"][part].append(float(recipe[j]))
    return found


def _error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _estimate(value: float, error: float, n: int) -> Estimate:
    from decan.core.metrics import Estimate

    return Estimate(float(value), float(value - error), float(value + error), n=n)


def _record_mean(run: Run, name: str, values: list[float]) -> None:
    found = _estimate(float(np.mean(values)), _error(values), 3000 * len(values))
    run.record(name, found, provenance=SIMULATED, unit="nats")


def _component(part: Any, n: int) -> Estimate:
    from decan.core.metrics import Estimate

    return Estimate(part.value, part.low, part.high, n=n)
