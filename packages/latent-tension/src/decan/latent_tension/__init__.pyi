from .archive import DATASETS as DATASETS
from .baselines import matched_filter as matched_filter
from .components import Priors as Priors
from .decomposer import TensionDecomposer as TensionDecomposer
from .image import PhotonImage as PhotonImage
from .inference import fit_vi as fit_vi
from .presets import load_chandra_sgra as load_chandra_sgra
from .presets import load_fermi_gc as load_fermi_gc
from .presets import load_simulated as load_simulated
from .psf import GaussianPSF as GaussianPSF
from .psf import ImagePSF as ImagePSF
from .psf import KingPSF as KingPSF
from .psf import PSFGrid as PSFGrid
from .readers import read_chandra as read_chandra
from .readers import read_erosita_events as read_erosita_events
from .readers import read_erosita_tile as read_erosita_tile
from .readers import read_fermi as read_fermi
from .simulate import simulate_field as simulate_field
from .simulate import simulate_line as simulate_line

__all__ = [
    "DATASETS",
    "GaussianPSF",
    "ImagePSF",
    "KingPSF",
    "PSFGrid",
    "PhotonImage",
    "Priors",
    "TensionDecomposer",
    "fit_vi",
    "load_chandra_sgra",
    "load_fermi_gc",
    "load_simulated",
    "matched_filter",
    "read_chandra",
    "read_erosita_events",
    "read_erosita_tile",
    "read_fermi",
    "simulate_field",
    "simulate_line",
]
