from . import information as information
from . import laboratory as laboratory
from .archive import DATASETS as DATASETS
from .decomposition import Decomposition as Decomposition
from .decomposition import decompose as decompose
from .densities import BinnedDensity as BinnedDensity
from .estimator import StellarMassEstimator as StellarMassEstimator
from .estimator import out_of_fold_density as out_of_fold_density
from .information import conditional_mutual_information as conditional_mutual_information
from .information import mutual_information as mutual_information

__all__ = [
    "DATASETS",
    "BinnedDensity",
    "Decomposition",
    "StellarMassEstimator",
    "conditional_mutual_information",
    "decompose",
    "information",
    "laboratory",
    "mutual_information",
    "out_of_fold_density",
]
