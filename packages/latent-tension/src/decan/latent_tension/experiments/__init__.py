"""The experiments of the paper and ours, each with what is aimed at.

Guardiani et al. 2025 publish no number that could be read: every goal is this library's own.
The paper's own field needs eROSITA files that no public repository holds; its experiment says
where they are and runs for whoever has them.
"""

from .calibration import calibration, null
from .chandra import offaxis, sgra
from .detection import fields, line, tour
from .fermi import galactic_centre, psf_classes
from .magellanic import lmc_sn1987a
from .objects import extended
from .peers import nifty_check

__all__ = [
    "calibration",
    "extended",
    "fields",
    "galactic_centre",
    "line",
    "lmc_sn1987a",
    "nifty_check",
    "null",
    "offaxis",
    "psf_classes",
    "sgra",
    "tour",
]
