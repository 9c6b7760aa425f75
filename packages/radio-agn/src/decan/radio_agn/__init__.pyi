from .archive import CLASSES as CLASSES
from .archive import DATASETS as DATASETS
from .archive import given_images as given_images
from .attention import grad_cam as grad_cam
from .attention import peak_separation as peak_separation
from .augment import RadioAugment as RadioAugment
from .batches import read_batches as read_batches
from .byol import BYOL as BYOL
from .classifier import RadioMorphologyClassifier as RadioMorphologyClassifier
from .cutouts import CutoutSet as CutoutSet
from .cutouts import positions as positions
from .evaluation import equivariance_error as equivariance_error
from .evaluation import evaluate_grouped_cv as evaluate_grouped_cv
from .evaluation import selection_inflation as selection_inflation
from .evaluation import similarity_search as similarity_search
from .features import feature_names as feature_names
from .features import morphology_features as morphology_features
from .masking import Normalizer as Normalizer
from .masking import SourceMasker as SourceMasker
from .networks import EquivariantEncoder as EquivariantEncoder
from .networks import MorphologyNetwork as MorphologyNetwork
from .networks import PlainEncoder as PlainEncoder
from .paper import PaperEncoder as PaperEncoder
from .paper import PaperNetwork as PaperNetwork
from .queries import fetch_cutouts as fetch_cutouts
from .simulate import simulate_bent_sources as simulate_bent_sources
from .stamps import network_stamps as network_stamps
from .steerable import GroupConv2d as GroupConv2d

__all__ = [
    "BYOL",
    "CLASSES",
    "DATASETS",
    "CutoutSet",
    "EquivariantEncoder",
    "GroupConv2d",
    "MorphologyNetwork",
    "Normalizer",
    "PaperEncoder",
    "PaperNetwork",
    "PlainEncoder",
    "RadioAugment",
    "RadioMorphologyClassifier",
    "SourceMasker",
    "equivariance_error",
    "evaluate_grouped_cv",
    "feature_names",
    "fetch_cutouts",
    "given_images",
    "grad_cam",
    "morphology_features",
    "network_stamps",
    "peak_separation",
    "positions",
    "read_batches",
    "selection_inflation",
    "similarity_search",
    "simulate_bent_sources",
]
