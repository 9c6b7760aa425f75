"""How well masses come out: real tables, five folds by group, density and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np

from decan.core.experiment import REAL, Claim, Run, experiment

from .samples import UGRIZ, WISE, density_row, mass_model, sample

__all__ = ["calibration", "fixed_rule", "redshift"]


@experiment(
    title="Masses of real galaxies, and whether their densities hold",
    claims=[
        Claim("sigma_MAD, RESOLVE, ugriz", goal=0.142, better="lower", headline=True),
        Claim("sigma_MAD, RESOLVE, ugriz + cz", goal=0.058, better="lower"),
        Claim("sigma_MAD, RESOLVE, everything + cz", goal=0.058, better="lower", headline=True),
        Claim("RMSE, SGA, grz + profile + z", goal=0.135, better="lower"),
        Claim("sigma_MAD, DustPedia, ugriz + W1-3", goal=0.115, better="lower"),
        Claim("RMSE, DustPedia, ugriz + W1-3", goal=0.140, better="lower"),
        Claim("PIT KS, RESOLVE, ugriz + cz", goal=0.03, better="lower"),
        Claim("68 % interval covers, RESOLVE, ugriz + cz", goal=(0.66, 0.70)),
    ],
    data=["resolve_galaxies", "sga_gswlc", "dustpedia_sed"],
)  # fmt: skip
def calibration(run: Run) -> None:
    """Out-of-fold densities by group: scatter, bias, score, coverage and integral transform.

    All rows of the tables, folds by galaxy group. Catalogue masses carry errors of their own
    (median half-width 0.14 dex for RESOLVE, 0.027 dex for GSWLC), which no input can explain.
    """
    import pandas as pd

    from decan.core.metrics import pit_uniformity, rmse, sigma_mad

    from ..archive import log_fluxes, resolve_blocks, sga_blocks
    from ..estimator import out_of_fold_density
    from ..inputs import frame_of
    from ..plots import plot_masses, plot_pit

    jobs: list[tuple[str, Any, Any, Any, dict[str, Any]]] = []
    resolve, provenance = sample(run, "resolve_galaxies")
    blocks, y, groups = resolve_blocks(resolve), resolve["logmstar"], resolve["group_id"]
    every = ("ugriz", "nuv", "nir", "morphology", "cz")
    for name, chosen in (
        ("ugriz", ("ugriz",)), ("ugriz + cz", ("ugriz", "cz")), ("everything + cz", every),
    ):  # fmt: skip
        if run.preset != "quick" or name == "ugriz + cz":
            jobs.append((f"RESOLVE, {name}", frame_of(blocks, chosen), y, groups, {}))
    if run.preset != "quick":
        sga = run.load("sga_gswlc")
        shapes = sga_blocks(sga)
        columns = frame_of(shapes, ("grz", "profile", "z"))
        jobs.append(("SGA, grz + profile + z", columns, sga["logmstar"], sga["group_id"], {}))
        dust, _ = sample(run, "dustpedia_sed")
        columns = log_fluxes(dust, (*UGRIZ, *WISE))
        jobs.append(("DustPedia, ugriz + W1-3", columns, dust["log_mstar_10pc"], None,
                     {"low": -7.0, "high": 1.0}))  # fmt: skip
    rows, transforms, means = [], {}, {}
    for name, X, target, labels, settings in jobs:
        truth = target.to_numpy(float)
        density = out_of_fold_density(
            mass_model(run, **settings), X, truth, rng=run.seed,
            groups=None if labels is None else labels.to_numpy(),
        )  # fmt: skip
        rows.append(density_row(name, density, truth))
        boot: dict[str, Any] = {"n_boot": 200, "rng": run.rng}
        boot["groups"] = None if labels is None else labels.to_numpy()
        for metric, function in (("sigma_MAD", sigma_mad), ("RMSE", rmse)):
            run.record(f"{metric}, {name}", function(truth, density.mean(), **boot),
                       provenance=provenance, unit="dex")  # fmt: skip
        transforms[name] = density.cdf(truth)
        low, high = density.interval(0.68).T
        inside = float(np.mean((truth >= low) & (truth <= high)))
        run.record(f"PIT KS, {name}", pit_uniformity(transforms[name]).statistic,
                   provenance=provenance, n=len(truth))  # fmt: skip
        run.record(f"68 % interval covers, {name}", inside, provenance=provenance, n=len(truth))
        if name.startswith("RESOLVE"):
            means[name] = density.mean()
    run.table("masses", pd.DataFrame(rows).round(4), caption="Out-of-fold masses, dex.")
    run.figure("masses", plot_masses(y, means), caption="Predicted minus catalogue mass, RESOLVE.")
    run.figure(
        "pit", plot_pit(transforms),
        caption="Integral transforms of the catalogue masses: flat means that intervals hold.",
    )  # fmt: skip


@experiment(
    title="A fixed rule against learned masses",
    claims=[
        Claim("sigma_MAD, learned (ugriz + cz)", goal=0.058, better="lower"),
    ],
    data=["resolve_galaxies"],
)
def fixed_rule(run: Run) -> None:
    """One colour and one luminosity (Taylor et al. 2011), and the same inputs learned.

    The rule was made for GAMA masses; its offset on RESOLVE is a difference of catalogues, its
    scatter is not.
    """
    from decan.core.metrics import bias, sigma_mad

    from ..archive import dereddened, resolve_blocks
    from ..estimator import out_of_fold_density
    from ..inputs import frame_of
    from ..photometry import taylor_mass
    from ..plots import plot_masses

    table, provenance = sample(run, "resolve_galaxies")
    blocks, groups = resolve_blocks(table), table["group_id"].to_numpy()
    truth = table["logmstar"].to_numpy(float)
    bands = dereddened(table)
    rule = taylor_mass(bands["g"], bands["i"], blocks["cz"]["distance_modulus"])
    columns = frame_of(blocks, ("ugriz", "cz"))
    learned = out_of_fold_density(
        mass_model(run), columns, truth, groups=groups, rng=run.seed
    ).mean()
    for name, values in (("fixed rule", rule), ("learned (ugriz + cz)", learned)):
        for metric, function in (("sigma_MAD", sigma_mad), ("bias", bias)):
            found = function(truth, values, groups=groups, n_boot=200, rng=run.rng)
            run.record(f"{metric}, {name}", found, provenance=provenance, unit="dex")
    run.figure(
        "rule", plot_masses(truth, {"rule of Taylor et al. 2011": rule, "learned": learned}),
        caption="The rule has a larger bias and scatter, above all at low mass.",
    )  # fmt: skip


@experiment(
    title="Another target: redshift from optical and mid-infrared light",
    claims=[Claim("RMSE of the redshift bin, ugriz + W1-3", goal=0.0160, better="lower")],
    data=["hatlas_photometry"],
    presets=["standard", "paper"],
)
def redshift(run: Run) -> None:
    """Nothing in the estimators knows about masses: five bins of redshift of H-ATLAS galaxies.

    The target is discrete; its information comes from cross-fitted probabilities of the bins,
    and cannot exceed its entropy.
    """
    import pandas as pd

    from decan.core.metrics import rmse

    from ..archive import log_fluxes
    from ..decomposition import decompose
    from ..estimator import out_of_fold_density
    from ..plots import plot_components

    table = run.load("hatlas_photometry")
    optical, infrared = log_fluxes(table, UGRIZ), log_fluxes(table, WISE)
    truth = table["z_bin"].to_numpy(float)
    columns = pd.concat([optical, infrared], axis=1)
    # The bins of the catalogue, 0.02 wide, are those of the density.
    model = mass_model(run, density="bins", low=-0.02, high=0.12, bins=7)
    density = out_of_fold_density(model, columns, truth, rng=run.seed)
    run.record(
        "RMSE of the redshift bin, ugriz + W1-3",
        rmse(truth, density.mean(), n_boot=200, rng=run.rng), provenance=REAL,
    )  # fmt: skip
    results = {}
    for measure in ("mmi", "ccs"):
        found = decompose(
            optical, infrared, truth, names=("ugriz", "WISE"), measure=measure, rng=run.seed
        )
        results[measure] = found
        for part in ("redundant", "unique_1", "unique_2", "synergistic"):
            run.record(
                f"{measure}: {part}", getattr(found, part).value, n=len(found), provenance=REAL,
                unit="nats", note=f"floor {getattr(found, part).floor:+.3f}",
            )  # fmt: skip
    counts = np.unique(truth, return_counts=True)[1] / len(truth)
    entropy = float(-(counts * np.log(counts)).sum())
    run.record("information of both, share of the entropy",
               found.information_12.value / entropy, n=len(found), provenance=REAL)  # fmt: skip
    run.figure(
        "redshift", plot_components(results),
        caption="What optical and WISE fluxes say about the redshift bin, by two measures.",
    )  # fmt: skip
