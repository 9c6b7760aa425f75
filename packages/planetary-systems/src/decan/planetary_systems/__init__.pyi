from .archive import DATASETS as DATASETS
from .archive import load_bern as load_bern
from .archive import load_miguel as load_miguel
from .codec import GridCodec as GridCodec
from .completion import complete as complete
from .features import system_features as system_features
from .fidelity import FidelityReport as FidelityReport
from .fidelity import compare as compare
from .fidelity import fidelity_report as fidelity_report
from .generator import SystemGenerator as SystemGenerator
from .known import KnownPlanets as KnownPlanets
from .markov import MarkovCells as MarkovCells
from .markov import MarkovGaps as MarkovGaps
from .orbits import amd_stable as amd_stable
from .orbits import earth_like as earth_like
from .orbits import hill_spacing as hill_spacing
from .posterior import Completion as Completion
from .simulate import simulate_clustered as simulate_clustered
from .simulate import simulate_formation as simulate_formation
from .surveys import RV as RV
from .surveys import Star as Star
from .surveys import Survey as Survey
from .surveys import Transit as Transit
from .systems import Systems as Systems

__all__ = [
    "DATASETS",
    "RV",
    "Completion",
    "FidelityReport",
    "GridCodec",
    "KnownPlanets",
    "MarkovCells",
    "MarkovGaps",
    "Star",
    "Survey",
    "SystemGenerator",
    "Systems",
    "Transit",
    "amd_stable",
    "compare",
    "complete",
    "earth_like",
    "fidelity_report",
    "hill_spacing",
    "load_bern",
    "load_miguel",
    "simulate_clustered",
    "simulate_formation",
    "system_features",
]
