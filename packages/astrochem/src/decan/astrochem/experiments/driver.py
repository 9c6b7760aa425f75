"""What running many models costs beside the models themselves."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment
from decan.core.metrics import Estimate

__all__ = ["grid_driver"]

# The first model loads the network; every later process inherits it.
_CODE = """
import resource, sys, tempfile
from pathlib import Path
import pandas as pd
from decan.astrochem import UCLCHEMRunner

def spent():
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in both)

n = int(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    runner = UCLCHEMRunner(folder, cpu_limit_s=60, module="decan.astrochem._stand_in")
    runner.run(1, progress=False)
    before = spent()
    runner.run(n + 1, progress=False)
    models = pd.read_csv(Path(folder) / "status.csv")["cpu_s"].iloc[1:]
    print(spent() - before, models.sum())
"""


@experiment(
    title="What the driver of a grid adds to the solver's time",
    claims=[
        Claim(
            "processor time of the driver over the solver's",
            goal=0.05,
            better="lower",
            provenance=SIMULATED,
        ),
    ],
)
def grid_driver(run: Run) -> None:
    """A process a model, its check and its files, with MiniChem in UCLCHEM's place.

    UCLCHEM cannot be installed from the package index, so its calls are answered by MiniChem,
    at a tolerance at which a model takes as long as UCLCHEM took for one of the given grid
    (0.65 s on average). All processor time, of the driver and of the processes it starts, is
    set against the time that the models report; in a fresh process, as a user's call has one.
    """
    n, repeats = (32, 3) if run.preset != "quick" else (2, 1)
    run.used("MiniChem behind UCLCHEM's calls", provenance=SIMULATED, n=n)
    shares, seconds = np.array([_measured(n) for _ in range(repeats)]).T
    low, mid, high = np.percentile(shares, [16, 50, 84])
    run.record(
        "processor time of the driver over the solver's",
        Estimate(float(mid), float(low), float(high), n),
        provenance=SIMULATED,
    )
    run.record("time of a model, mean", seconds.mean(), provenance=SIMULATED, n=n, unit="s")


def _measured(n: int) -> tuple[float, float]:
    """Share of the driver, and mean seconds of a model, in a process that holds nothing else."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CODE, str(n)], capture_output=True, check=True
    )
    spent, models = map(float, done.stdout.split())
    return spent / models - 1, models / n
