"""The experiments of the paper and ours, each with what was published and what is aimed at.

What is about the paper's own Kepler sample (recall 0.903 at precision 0.99) needs the light
curves and the TCE table of DR25, tens of gigabytes at the archive; the page on transits says
how to fetch them. Everything else runs on what the data folder, a published wheel or the
simulator gives.
"""

from .kepler import (
    catalogue_quality,
    dr24_ranking,
    koi_ranking,
    leak_demonstration,
    robovetter_rules,
    tree_contributions,
)
from .light_curves import depth_after_detrending, real_light_curves, simulated_vetting, tour
from .periods import wrong_periods
from .pixels import source_offsets
from .simulated import ablation_matrix, time_reversal
from .speed import speed_ratios
from .tess import branch_removal, calibration, network_cost, tess_triage
from .transfer import transfer

__all__ = [
    "ablation_matrix",
    "branch_removal",
    "calibration",
    "catalogue_quality",
    "depth_after_detrending",
    "dr24_ranking",
    "koi_ranking",
    "leak_demonstration",
    "network_cost",
    "real_light_curves",
    "robovetter_rules",
    "simulated_vetting",
    "source_offsets",
    "speed_ratios",
    "tess_triage",
    "time_reversal",
    "tour",
    "transfer",
    "tree_contributions",
    "wrong_periods",
]
