"""The paper's analyses and ours, with what was claimed and what was found."""

from .driver import grid_driver
from .emulation import classical_view, emulators, learning
from .explanation import (
    exactness,
    shapley_and_sobol,
    shapley_ranking,
    time_dependence,
    where_carbon_matters,
)
from .inversion import retrieval
from .likeness import groups
from .network import minichem, two_networks
from .probe import probe

__all__ = [
    "classical_view",
    "emulators",
    "exactness",
    "grid_driver",
    "groups",
    "learning",
    "minichem",
    "probe",
    "retrieval",
    "shapley_and_sobol",
    "shapley_ranking",
    "time_dependence",
    "two_networks",
    "where_carbon_matters",
]
