"""What each kind of data adds: photometry, morphology, infrared light, distance, images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

from .samples import (
    UGRIZ,
    WISE,
    component,
    galaxies,
    mass_model,
    record_parts,
    sample,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ..densities import BinnedDensity

__all__ = ["bands", "images", "modalities", "tour"]


@experiment(
    title="Photometry and what stands beside it, real galaxies",
    claims=[
        Claim("RESOLVE <ugriz, morphology>: synergistic"),
        Claim("RESOLVE <ugriz, cz>: synergistic"),
        Claim("DustPedia <ugriz, W1-3>: unique_2"),
    ],
    data=["resolve_galaxies", "dustpedia_sed", "sga_gswlc"],
)
def modalities(run: Run) -> None:
    """Pairs of inputs of real catalogues, two measures each, with floors.

    The paper finds (in words) that images hold morphological information beyond photometry, and
    that infrared photometry adds little once images are there. Catalogue morphology stands in
    for images here.
    """
    from ..decomposition import decompose

    resolve, provenance = sample(run, "resolve_galaxies")
    averages: dict[str, Any] = {}
    for name, names, first, second, target, labels in _pairs(run, resolve):
        averages[name] = decompose(first, second, target, names=names, groups=labels, rng=run.seed)
        record_parts(run, name, averages[name], provenance, "redundant", "unique_1", "unique_2",
                     "synergistic")  # fmt: skip
    _show_pairs(run, averages, resolve)


def _pairs(run: Run, resolve: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Name, names of both inputs, the inputs, target and groups of every pair of a preset."""
    from ..archive import log_fluxes, resolve_blocks, sga_blocks

    blocks, mass = resolve_blocks(resolve), resolve["logmstar"].to_numpy(float)
    pairs: list[tuple[Any, ...]] = [
        (f"RESOLVE <ugriz, {other}>", ("ugriz", other), blocks["ugriz"], blocks[other], mass,
         resolve["group_id"].to_numpy())
        for other in ("morphology", "nir", "nuv", "cz")
    ]  # fmt: skip
    if run.preset == "quick":
        return pairs[::3]
    dust, _ = sample(run, "dustpedia_sed")
    pairs.append(
        ("DustPedia <ugriz, W1-3>", ("ugriz", "W1-3"), log_fluxes(dust, UGRIZ),
         log_fluxes(dust, WISE), dust["log_mstar_10pc"].to_numpy(float), None)
    )  # fmt: skip
    sga = run.load("sga_gswlc")
    shapes = sga_blocks(sga)
    pairs.append(
        ("SGA <grz, profile>", ("grz", "profile"), shapes["grz"], shapes["profile"],
         sga["logmstar"].to_numpy(float), sga["group_id"].to_numpy())
    )  # fmt: skip
    return pairs


def _show_pairs(run: Run, averages: dict[str, Any], resolve: pd.DataFrame) -> None:
    """Tables and figures of the pairs, by averages and by the paper's recipe."""
    import pandas as pd

    from ..plots import plot_components, plot_stacks

    recipe = {name: found.remeasured("pointwise_min") for name, found in averages.items()}
    rows = [
        found.table().assign(pair=name, measure=found.measure)
        for results in (averages, recipe)
        for name, found in results.items()
    ]
    run.table("parts", pd.concat(rows).round(4), caption="All parts with intervals and floors.")
    run.figure(
        "parts", plot_components(averages),
        caption="Minimum mutual information: distance adds most to ugriz, and only together with "
        "it; morphology adds little; red marks are the floors.",
    )  # fmt: skip
    run.figure(
        "recipe", plot_components(recipe),
        caption="The paper's recipe on the same densities: its unique and synergistic parts "
        "stand close to what it finds in permuted inputs (red marks).",
    )  # fmt: skip
    shown = averages["RESOLVE <ugriz, morphology>"]
    run.figure(
        "stacks", plot_stacks(shown, resolve["logmstar"].to_numpy(float)),
        caption="Parts along the mass, <ugriz, morphology> of RESOLVE.",
    )  # fmt: skip
    by_type = shown.by(np.where(resolve["morph_el"] == "E", "early", "late"), prior="within")
    keep = ["class", "n", "redundant", "unique_1", "unique_2", "synergistic"]
    run.table("by-type", by_type[keep].round(4), caption="Early and late types, compared with "
              "galaxies of their own class.")  # fmt: skip


@experiment(
    title="Bands against each other",
    claims=[Claim("DustPedia: synergy of g with the rest")],
    data=["dustpedia_sed", "resolve_galaxies"],
)
def bands(run: Run) -> None:
    """Single bands and adjacent pairs against all others, in one vectorised ensemble.

    The paper reports strong synergy across bands, above all with g, by its recipe. Averages are
    shown beside it.
    """
    from ..archive import dereddened, log_fluxes
    from ..bands import band_scan
    from ..measures import pointwise_min
    from ..plots import plot_pair_map

    dust, provenance = sample(run, "dustpedia_sed")
    members, epochs = {"quick": (1, 30), "standard": (2, 60), "paper": (3, None)}[run.preset]
    fluxes = log_fluxes(dust, (*UGRIZ, *WISE))
    jobs: dict[str, tuple[Any, Any, Any]] = {
        "DustPedia": ({b: fluxes[b] for b in fluxes}, dust["log_mstar_10pc"], None)
    }
    if run.preset != "quick":
        resolve = run.load("resolve_galaxies")
        magnitudes = dereddened(resolve)
        jobs["RESOLVE"] = (
            {b: magnitudes[b] for b in magnitudes}, resolve["logmstar"],
            resolve["group_id"].to_numpy(),
        )  # fmt: skip
    for survey, (blocks, target, groups) in jobs.items():
        scan = band_scan(
            blocks, target.to_numpy(float), groups=groups, members=members, epochs=epochs,
            floor=run.preset != "quick", rng=run.seed,
        )  # fmt: skip
        frame = scan.table()
        recipe = [pointwise_min(*found.local.T).mean(axis=0)[3] for found in scan.values()]
        frame["synergistic, recipe"] = recipe
        run.table(f"scan-{survey.lower()}", frame.round(4), caption=f"Scan of {survey}, nats.")
        run.figure(
            f"scan-{survey.lower()}", plot_pair_map(frame),
            caption=f"{survey}: what a band or a pair adds together with all others (averages).",
        )  # fmt: skip
        pair = next(one for one in scan if one[0] == ("g",))
        run.record(
            f"{survey}: synergy of g with the rest",
            component(scan[pair].synergistic, len(target)), provenance=provenance, unit="nats",
        )  # fmt: skip
        run.record(
            f"{survey}: synergy of g with the rest, recipe", float(recipe[list(scan).index(pair)]),
            n=len(target), provenance=provenance, unit="nats",
        )  # fmt: skip


@experiment(
    title="Images beside photometry, simulated galaxies",
    claims=[
        Claim("<M, normalised images>: synergistic", provenance=SIMULATED),
        Claim("<images, WISE>: synergistic", provenance=SIMULATED),
    ],
    presets=["standard", "paper"],
)
def images(run: Run) -> None:
    """The paper's five tuples with images, on simulated cutouts of 32 pixels.

    Networks are trained on one half of the galaxies and asked about the other; a union that was
    learned worse than its parts is mixed with them, by weights from other galaxies. Bulges are
    redder than discs (0.3 mag), and mass-to-light ratios follow profile and size a little: what
    photometry does not hold and images do.
    """
    from ..cutouts import simulate_cutouts
    from ..decomposition import decompose
    from ..photometry import flux_from_asinh
    from ..pixels import normalised
    from ..plots import plot_components

    n = {"standard": 4000, "paper": 100_000}[run.preset]
    table = galaxies(run, n, delta_n=0.15, delta_size=0.15)
    pixels = simulate_cutouts(table, size=32, gradient=0.3, rng=run.seed)
    flux = np.stack([flux_from_asinh(table[f"petroMag_{b}"], b) for b in UGRIZ], axis=1)
    shapes = 1000 * normalised(pixels, flux)
    magnitudes = [f"petroMag_{b}" for b in UGRIZ]
    wise = [f"{b}mpro" for b in WISE]
    half = np.arange(n) < n // 2
    truth = table["lgm_tot_p50"].to_numpy()
    ask: dict[str, tuple[Any, list[str]]] = {
        "M": (None, [*magnitudes, "EBV"]), "N": (shapes, ["EBV"]),
        "M + N": (shapes, [*magnitudes, "EBV"]), "I": (pixels, ["EBV"]),
        "W": (None, wise), "I + W": (pixels, [*wise, "EBV"]), "z": (None, ["z"]),
        "I + W + z": (pixels, [*wise, "EBV", "z"]), "morphology":
        (None, ["petroR50_r", "petroR90_r", "expAB_r", "sersic_n_r"]),
        "M + morphology": (None, [*magnitudes, "EBV", "petroR50_r", "petroR90_r", "expAB_r",
                                  "sersic_n_r"]),
        "M + W": (None, [*magnitudes, "EBV", *wise]),
    }  # fmt: skip
    found = {name: _density(run, table, *what, truth, half) for name, what in ask.items()}
    results = {}
    for name, first, second, union in (
        ("<M, normalised images>", "M", "N", "M + N"),
        ("<M, morphology>", "M", "morphology", "M + morphology"),
        ("<M, WISE>", "M", "W", "M + W"),
        ("<images, WISE>", "I", "W", "I + W"),
        ("<images + WISE, z>", "I + W", "z", "I + W + z"),
    ):
        parts = found[first], found[second]
        both = _with_parts(found[union], parts, truth[~half])
        results[name] = decompose(
            *parts, truth[~half], union=both, names=(first, second), rng=run.seed
        )
        record_parts(run, name, results[name], SIMULATED, "unique_1", "unique_2", "synergistic")
    run.figure(
        "tuples", plot_components(results),
        caption="Minimum mutual information of the paper's five tuples on simulated galaxies.",
    )  # fmt: skip


@experiment(
    title="Does morphology add anything to photometry?",
    claims=[Claim("synergy of ugriz and morphology"), Claim("its floor")],
    data=["resolve_galaxies"],
    tour=True,
)
def tour(run: Run) -> None:
    """One decomposition of real galaxies with its floor, and masses by the shipped weights.

    RESOLVE where the data folder gives it, simulated galaxies otherwise. The shipped weights were
    trained on simulated galaxies; they are asked about others of the same kind.
    """
    from ..archive import resolve_blocks
    from ..decomposition import decompose
    from ..estimator import StellarMassEstimator
    from ..plots import plot_components, plot_masses
    from ..shipped import PHOTOMETRY_COLUMNS

    groups: Any = None
    if run.has("resolve_galaxies"):
        resolve = run.load("resolve_galaxies").iloc[:800]
        blocks, provenance = resolve_blocks(resolve), REAL
        first, second = blocks["ugriz"], blocks["morphology"]
        y, groups = resolve["logmstar"].to_numpy(float), resolve["group_id"].to_numpy()
    else:
        made = galaxies(run, 800)
        provenance = SIMULATED
        first = made[[f"petroMag_{b}" for b in UGRIZ]]
        second = made[["petroR50_r", "petroR90_r", "expAB_r"]]
        y = made["lgm_tot_p50"].to_numpy()
    found = decompose(first, second, y, names=("ugriz", "morphology"), groups=groups, rng=run.seed)
    run.record("synergy of ugriz and morphology", component(found.synergistic, len(y)),
               provenance=provenance, unit="nats")  # fmt: skip
    run.record("its floor", found.synergistic.floor, n=len(y), provenance=provenance, unit="nats",
               note="morphology of other galaxies")  # fmt: skip
    run.figure("parts", plot_components({"ugriz and morphology": found}),
               caption="What ugriz and morphology say; red marks: noise.")  # fmt: skip
    others = galaxies(run, 1000)
    model = StellarMassEstimator.pretrained()
    density = model.predict_density(others[list(PHOTOMETRY_COLUMNS)])
    truth = others["lgm_tot_p50"].to_numpy()
    low, high = density.interval(0.68).T
    run.record("68 % interval of the shipped weights covers",
               float(np.mean((truth >= low) & (truth <= high))), n=1000,
               provenance=SIMULATED)  # fmt: skip
    run.figure("masses", plot_masses(truth, {"shipped weights": density.mean()}),
               caption="Masses of simulated galaxies by the shipped weights.")  # fmt: skip


def _with_parts(
    union: BinnedDensity, parts: tuple[BinnedDensity, ...], truth: NDArray[np.float64]
) -> BinnedDensity:
    """Densities of both inputs mixed with those of each, half of the objects for the other."""
    from ..crossfit import pool_weights
    from ..densities import BinnedDensity

    known = (*parts, union)
    surprise = np.stack([one.logpdf(truth) for one in known], axis=1)
    out = np.empty_like(union.probability)
    even = np.arange(len(truth)) % 2 == 0
    for asked in (even, ~even):
        share = pool_weights(surprise[~asked])
        out[asked] = sum(w * one.probability[asked] for w, one in zip(share, known, strict=True))
    return BinnedDensity(union.edges, out)


def _density(
    run: Run,
    table: pd.DataFrame,
    pixels: NDArray[np.float32] | None,
    columns: list[str],
    truth: NDArray[np.float64],
    half: NDArray[np.bool_],
) -> BinnedDensity:
    """Densities of the second half by a model trained on the first."""
    beside = table[columns]
    if pixels is None:
        model = mass_model(run)
        return model.fit(beside[half], truth[half]).predict_density(beside[~half])
    epochs = 30 if run.preset == "standard" else None
    model = mass_model(run, inputs="images+extra", members=1, epochs=epochs)
    model.fit((pixels[half], beside[half]), truth[half])
    return model.predict_density((pixels[~half], beside[~half]))
