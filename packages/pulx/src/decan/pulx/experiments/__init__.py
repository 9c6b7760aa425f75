"""The paper's experiments and ours, REAL Swift and SIMULATED XMM apart."""

from __future__ import annotations

from .brightness_alone import brightness
from .calibration import efficiency, limits, noise_calibration, planner
from .clustering import clusters, missing_values
from .hidden import hidden_pulsars
from .paper_sample import archive_sample
from .peer_speed import speed
from .published import published_split
from .searches import blind_lists, blind_search, real_pulsars
from .swift import candidates, swift_recall

__all__ = [
    "archive_sample",
    "blind_lists",
    "blind_search",
    "brightness",
    "candidates",
    "clusters",
    "efficiency",
    "hidden_pulsars",
    "limits",
    "missing_values",
    "noise_calibration",
    "planner",
    "published_split",
    "real_pulsars",
    "speed",
    "swift_recall",
]
