from .archive import DATASETS as DATASETS
from .dali import read_dali_network as read_dali_network
from .emulator import ExtrapolationWarning as ExtrapolationWarning
from .emulator import RatioEmulator as RatioEmulator
from .emulators import EmulatorSet as EmulatorSet
from .explain import ShapleyResult as ShapleyResult
from .explain import explain as explain
from .explain import importance_intervals as importance_intervals
from .grid import ModelGrid as ModelGrid
from .groups import Embedding as Embedding
from .groups import Groups as Groups
from .groups import embed as embed
from .groups import group as group
from .groups import ratio_types as ratio_types
from .groups import standardised as standardised
from .minichem import Cloud as Cloud
from .minichem import MiniChem as MiniChem
from .observation import Observation as Observation
from .posterior import Posterior as Posterior
from .ratios import NINE_RATIOS as NINE_RATIOS
from .ratios import RatioTable as RatioTable
from .retrieval import Retrieval as Retrieval
from .runner import UCLCHEMRunner as UCLCHEMRunner
from .shap_library import shap_difference as shap_difference
from .shap_library import to_shap as to_shap
from .simulate import closed_form as closed_form
from .simulate import simulate_grid as simulate_grid
from .sobol import compare_importance as compare_importance
from .sobol import sobol_indices as sobol_indices
from .space import CLOUD as CLOUD
from .space import Param as Param
from .space import ParameterSpace as ParameterSpace
from .validation import cross_validate as cross_validate
from .validation import learning_curve as learning_curve

__all__ = [
    "CLOUD",
    "DATASETS",
    "NINE_RATIOS",
    "Cloud",
    "Embedding",
    "EmulatorSet",
    "ExtrapolationWarning",
    "Groups",
    "MiniChem",
    "ModelGrid",
    "Observation",
    "Param",
    "ParameterSpace",
    "Posterior",
    "RatioEmulator",
    "RatioTable",
    "Retrieval",
    "ShapleyResult",
    "UCLCHEMRunner",
    "closed_form",
    "compare_importance",
    "cross_validate",
    "embed",
    "explain",
    "group",
    "importance_intervals",
    "learning_curve",
    "ratio_types",
    "read_dali_network",
    "shap_difference",
    "simulate_grid",
    "sobol_indices",
    "standardised",
    "to_shap",
]
