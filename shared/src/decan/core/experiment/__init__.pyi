from .claims import MIXED as MIXED
from .claims import REAL as REAL
from .claims import SIMULATED as SIMULATED
from .claims import Claim as Claim
from .claims import Measurement as Measurement
from .claims import Provenance as Provenance
from .claims import verdict as verdict
from .result import Figure as Figure
from .result import Result as Result
from .result import Table as Table
from .result import read_results as read_results
from .run import PRESETS as PRESETS
from .run import Experiment as Experiment
from .run import Run as Run
from .run import experiment as experiment
from .run import reproduce as reproduce

__all__ = [
    "MIXED",
    "PRESETS",
    "REAL",
    "SIMULATED",
    "Claim",
    "Experiment",
    "Figure",
    "Measurement",
    "Provenance",
    "Result",
    "Run",
    "Table",
    "experiment",
    "read_results",
    "reproduce",
    "verdict",
]
