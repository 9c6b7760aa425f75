"""Figures of grids, emulators, explanations, groups and posteriors; each returns its Axes."""

from .chemistry import plot_networks
from .emulators import plot_learning, plot_predictions
from .explanations import plot_beeswarm, plot_dependence, plot_importance, plot_sobol
from .grids import plot_failures, plot_trends
from .maps import plot_groups, plot_maps
from .posteriors import plot_next_ratio, plot_posterior

__all__ = [
    "plot_beeswarm",
    "plot_dependence",
    "plot_failures",
    "plot_groups",
    "plot_importance",
    "plot_learning",
    "plot_maps",
    "plot_networks",
    "plot_next_ratio",
    "plot_posterior",
    "plot_predictions",
    "plot_sobol",
    "plot_trends",
]
