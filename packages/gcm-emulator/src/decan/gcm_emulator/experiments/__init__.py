"""The experiments after Plaschzug et al. and ours, with what is published and what is aimed at.

The paper's grid has no public deposit, and its text could not be read in full: nothing here
claims to repeat one of its tables. What its abstract states (spectra within 32 ppm for four
of five planets, one feature of HCN 100 ppm off) stands beside what the simulator gives.
"""

from .accuracy import dnn_vs_xgb, leave_out
from .climates import equatorial_slices, grid_climate, noise_floor
from .planning import gcm_design
from .real_runs import native_regrid, real_transfer
from .spectra import chemistry, spectra_ppm, wasp43b_phase_curve
from .speed import speed_ratios
from .tour import tour

__all__ = [
    "chemistry",
    "dnn_vs_xgb",
    "equatorial_slices",
    "gcm_design",
    "grid_climate",
    "leave_out",
    "native_regrid",
    "noise_floor",
    "real_transfer",
    "spectra_ppm",
    "speed_ratios",
    "tour",
    "wasp43b_phase_curve",
]
