"""The small chemical network with its invariants."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

from .. import plots

__all__ = ["minichem", "two_networks"]

_SEEN = 1e-10


@experiment(
    title="MiniChem: a stiff network with its invariants",
    claims=[
        Claim("seconds to 1e6 yr", goal=2.0, better="lower"),
        Claim("elements, largest relative error", goal=1e-8, better="lower"),
        Claim("CO over min(C, O) at 1e6 yr", goal=(0.3, 1.0)),
        Claim("HNC/HCN at 1e6 yr", goal=(0.5, 1.5)),
    ],
    data=["network"],
)
def minichem(run: Run) -> None:
    """78 to 104 species of the gas phase at 15 K, 1e4 cm⁻³, 10 mag, to a million years."""
    from ..minichem import Cloud, MiniChem

    if run.has("network"):
        chemistry, provenance = MiniChem(run.load("network")[1]), REAL
    else:
        chemistry, provenance = MiniChem(), SIMULATED
        run.note("The network's tables are not at hand; the small one of the library was run.")
    cloud = Cloud(T_K=15)
    begin = time.process_time()
    abundances = chemistry.run(cloud)
    n = len(chemistry.species)
    run.record(
        "seconds to 1e6 yr", time.process_time() - begin, provenance=provenance, n=n, unit="s"
    )
    start = pd.DataFrame([chemistry.initial(cloud)], columns=chemistry.species, index=[0.0])
    nuclei, first = chemistry.nuclei(abundances), chemistry.nuclei(start).iloc[0]
    elements = [name for name in chemistry.elements if first[name] > 0]
    error = (nuclei[elements] / first[elements] - 1).abs().to_numpy().max()
    run.record("elements, largest relative error", error, provenance=provenance, n=n)
    run.record(
        "charge over electrons",
        (nuclei["charge"] / abundances["E-"]).abs().max(),
        provenance=provenance,
        n=n,
    )
    last = abundances.iloc[-1]
    run.record(
        "CO over min(C, O) at 1e6 yr",
        last["CO"] / min(cloud.fC, cloud.fO),
        provenance=provenance,
        n=n,
    )
    if "HNC" in last:
        run.record("HNC/HCN at 1e6 yr", last["HNC"] / last["HCN"], provenance=provenance, n=n)
    shown = [name for name in ("CO", "HCN", "HNC", "CN", "HCO+", "CS", "E-") if name in last]
    run.table("abundances", abundances[shown].reset_index(), caption="Per H nucleus.")


@experiment(
    title="MiniChem on two networks: what the choice of rate coefficients is worth",
    claims=[Claim("elements, largest relative error", goal=1e-8, better="lower")],
    data=["network", "keyte2023_network"],
    presets=("standard", "paper"),
)
def two_networks(run: Run) -> None:
    """The gas of the given network (UMIST RATE22) beside that of Keyte et al. 2023 (UMIST 06).

    Three clouds to a million years. Species that either network puts above 1e-10 per H are
    compared: what differs between two sound networks is what no emulator of one can promise.
    """
    from ..minichem import Cloud, MiniChem

    one, two = MiniChem(run.load("network")[1]), MiniChem(run.load("keyte2023_network"))
    clouds = [Cloud(T_K=15), Cloud(T_K=30, nH_cm3=1e5), Cloud(T_K=100)]
    parts, worst = [], 0.0
    for cloud in clouds:
        first, second = (network.run(cloud) for network in (one, two))
        nuclei = two.nuclei(second)[list(two.elements)]
        start = np.array([1.0, 0.1, cloud.fC, 6.18e-5, cloud.fO, 3.51e-6])
        worst = max(worst, float(np.abs(nuclei.to_numpy() / start - 1).max()))
        both = pd.DataFrame({"RATE22": first.iloc[-1], "Keyte 2023": second.iloc[-1]}).dropna()
        both = both[(both.max(axis=1) > _SEEN) & (both.min(axis=1) > 0)]
        parts.append(both.assign(T_K=cloud.T_K, nH_cm3=cloud.nH_cm3))
    frame = pd.concat(parts).rename_axis("species").reset_index()
    frame["difference [dex]"] = np.log10(frame["Keyte 2023"] / frame["RATE22"])
    gap = frame["difference [dex]"].abs()
    run.table("species", frame, caption="Abundances per H nucleus at 1e6 yr.")
    run.figure(
        "networks",
        plots.plot_networks(frame, "RATE22", "Keyte 2023"),
        caption="A point a species and cloud; within the dashed lines a factor of ten.",
    )
    n = len(frame)
    run.record("elements, largest relative error", worst, provenance=REAL, n=n)
    run.record("species within a factor of ten", (gap < 1).mean(), provenance=REAL, n=n)
    run.record("median difference of a species", gap.median(), provenance=REAL, n=n, unit="dex")
    for name in ("CO", "HCN", "CN", "CS", "SO", "HCO+", "C2H", "H2CO"):
        mine = frame[frame["species"] == name]
        if len(mine):
            value = mine["difference [dex]"].abs().max()
            run.record(
                f"largest difference of {name}", value, provenance=REAL, n=len(mine), unit="dex"
            )
