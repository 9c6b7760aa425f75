from .archive import DATASETS as DATASETS
from .archive import held_out as held_out
from .classify import VariabilityClassifier as VariabilityClassifier
from .cleaning import LightCurveCleaner as LightCurveCleaner
from .dmdt import DmDt as DmDt
from .dmdt import DmDtBinner as DmDtBinner
from .explore import find_outliers as find_outliers
from .explore import find_similar as find_similar
from .explore import traverse as traverse
from .folding import Folded as Folded
from .folding import LightCurveFolder as LightCurveFolder
from .joint import JointVAE as JointVAE
from .lightcurves import LightCurves as LightCurves
from .lightcurves import UnitsWarning as UnitsWarning
from .parity import load_weights as load_weights
from .periods import PeriodFinder as PeriodFinder
from .periods import Periods as Periods
from .pipeline import Portraits as Portraits
from .pipeline import VariablesPipeline as VariablesPipeline
from .readers import read_epoch_photometry as read_epoch_photometry
from .readers import read_xp_continuous as read_xp_continuous
from .simulate import simulate_stars as simulate_stars
from .umap import ParametricUMAP as ParametricUMAP
from .vae import XPVAE as XPVAE
from .vae import DmDtVAE as DmDtVAE
from .vae import FoldedVAE as FoldedVAE
from .xp import XPPreprocessor as XPPreprocessor
from .xp import XPSpectra as XPSpectra

__all__ = [
    "DATASETS",
    "XPVAE",
    "DmDt",
    "DmDtBinner",
    "DmDtVAE",
    "Folded",
    "FoldedVAE",
    "JointVAE",
    "LightCurveCleaner",
    "LightCurveFolder",
    "LightCurves",
    "ParametricUMAP",
    "PeriodFinder",
    "Periods",
    "Portraits",
    "UnitsWarning",
    "VariabilityClassifier",
    "VariablesPipeline",
    "XPPreprocessor",
    "XPSpectra",
    "find_outliers",
    "find_similar",
    "held_out",
    "load_weights",
    "read_epoch_photometry",
    "read_xp_continuous",
    "simulate_stars",
    "traverse",
]
