"""The experiments after Plaschzug et al. and ours, with what is published and what is aimed at.

The paper's grid has no public deposit, and its text could not be read in full: nothing here
claims to repeat one of its tables. What its abstract states (spectra within 32 ppm for four
of five planets, one feature of HCN 100 ppm off) stands beside what the simulator gives.
"""

from .tour import tour

__all__ = ["tour"]
