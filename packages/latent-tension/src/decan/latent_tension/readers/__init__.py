"""Images and event lists of X-ray and gamma-ray archives, as :class:`PhotonImage`.

Formats as their archives describe them: eROSITA event lists (EDR, DR1) and DR1 tiles,
Chandra event lists and CIAO images, fermitools cubes, gammapy maps, and plain FITS images.
"""

from .erosita import read_erosita_events, read_erosita_psf, read_erosita_tile
from .events import bin_events, read_chandra
from .fermi import read_fermi
from .images import read_image, write_image

__all__ = [
    "bin_events",
    "read_chandra",
    "read_erosita_events",
    "read_erosita_psf",
    "read_erosita_tile",
    "read_fermi",
    "read_image",
    "write_image",
]
