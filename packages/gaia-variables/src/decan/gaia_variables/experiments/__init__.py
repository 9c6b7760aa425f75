"""The paper's experiments and ours, with what was published and what is aimed at.

The four million sources of the paper and a hundred thousand labels are in the archive; the
page on gaia-variables says how to fetch them.
"""

from .autoencoders import latent_size, light_curves, spectra
from .portraits import portraits, strange_stars
from .published import map_and_clusters, published_latents
from .robustness import periods, time_origin, uncertainty
from .speed import scaling, speed_ratios

__all__ = [
    "latent_size",
    "light_curves",
    "map_and_clusters",
    "periods",
    "portraits",
    "published_latents",
    "scaling",
    "spectra",
    "speed_ratios",
    "strange_stars",
    "time_origin",
    "uncertainty",
]
