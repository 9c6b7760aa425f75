"""The experiments of the paper and ours, each with what was published and what is aimed at.

The paper gives its findings in words and figures; no table of numbers could be compared with.
Its images (half a million SDSS cutouts) come from the archive; image results here rest on the
simulator and say so.
"""

from .causal import causal, contrastive, null_test
from .exact import exact, pointwise_floor
from .masses import calibration, fixed_rule, redshift
from .modalities import bands, images, modalities, tour
from .speed import speed

__all__ = [
    "bands",
    "calibration",
    "causal",
    "contrastive",
    "exact",
    "fixed_rule",
    "images",
    "modalities",
    "null_test",
    "pointwise_floor",
    "redshift",
    "speed",
    "tour",
]
