from . import information as information
from . import laboratory as laboratory
from .archive import DATASETS as DATASETS
from .bands import band_scan as band_scan
from .components import Decomposition as Decomposition
from .cutouts import simulate_cutouts as simulate_cutouts
from .decomposition import decompose as decompose
from .densities import BinnedDensity as BinnedDensity
from .estimator import StellarMassEstimator as StellarMassEstimator
from .estimator import out_of_fold_density as out_of_fold_density
from .independence import LocalIndependence as LocalIndependence
from .information import conditional_mutual_information as conditional_mutual_information
from .information import mutual_information as mutual_information
from .simulate import simulate_galaxies as simulate_galaxies

__all__ = [
    "DATASETS",
    "BinnedDensity",
    "Decomposition",
    "LocalIndependence",
    "StellarMassEstimator",
    "band_scan",
    "conditional_mutual_information",
    "decompose",
    "information",
    "laboratory",
    "mutual_information",
    "out_of_fold_density",
    "simulate_cutouts",
    "simulate_galaxies",
]
