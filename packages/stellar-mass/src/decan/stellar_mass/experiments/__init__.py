"""The experiments of the paper and ours, each with what was published and what is aimed at.

The paper gives its findings in words and figures; no table of numbers could be compared with.
Its images (half a million SDSS cutouts) come from the archive; image results here rest on the
simulator and say so.
"""

from .exact import exact, pointwise_floor

__all__ = ["exact", "pointwise_floor"]
