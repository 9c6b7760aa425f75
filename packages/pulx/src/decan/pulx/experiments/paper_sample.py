"""The paper's own sample, rebuilt from the archives."""

from __future__ import annotations

import numpy as np

from decan.core.errors import DataNotAvailable
from decan.core.experiment import REAL, Claim, Run, experiment

__all__ = ["archive_sample"]


@experiment(
    title="The paper's own sample, from the archives",
    presets=["paper"],
    claims=[
        Claim("rows of known pulsars", 95, source="abstract"),
        Claim("candidate sources", 85, source="abstract"),
        Claim("candidate observations", 355, source="abstract"),
    ],
)
def archive_sample(run: Run) -> None:
    """Rows of 4XMM around the sources, ranked like the simulated ones; needs the network."""
    from ..candidates import CandidateFinder
    from ..detections import features_4xmm
    from ..queries import query_4xmm_around

    sources = run.load("swift_sources")
    table = query_4xmm_around(sources["ra_deg"], sources["dec_deg"], names=sources["source"])
    if len(table) == 0:
        raise DataNotAvailable("the archive gave no detection around the sources")
    known_names = set(run.load("known_pulsars")["source"].str.replace(" ", ""))
    features = features_4xmm(table, source="srcid")
    known = np.array([name.replace(" ", "") in known_names for name in table["name"]])[features.row]
    finder = CandidateFinder(random_state=run.seed).fit(
        features.select("bands", "hardness", "peak"), known=known
    )
    ranking = finder.rank()
    chosen = ranking[(ranking["share"] > 0.5) & ~ranking["known"]]
    run.record("rows of known pulsars", int(known.sum()), provenance=REAL, n=len(features))
    run.record("candidate sources", len(chosen), provenance=REAL, n=len(ranking))
    run.record(
        "candidate observations",
        int(np.sum((finder.score_ >= finder.threshold_) & ~known)),
        provenance=REAL,
        n=len(features),
    )
    run.table("candidates", ranking, caption=f"Ranked sources; release {table.attrs['release']}.")
