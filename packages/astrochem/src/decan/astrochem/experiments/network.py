"""The small chemical network with its invariants."""

from __future__ import annotations

import time

import pandas as pd

from decan.core.experiment import REAL, SIMULATED, Claim, Run, experiment

__all__ = ["minichem"]


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
