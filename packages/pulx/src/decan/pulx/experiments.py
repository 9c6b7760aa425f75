"""The paper's experiments and ours, REAL Swift and SIMULATED XMM apart."""

from __future__ import annotations

from .ranking_experiments import (
    brightness,
    candidates,
    clusters,
    hidden_pulsars,
    missing_values,
    published_split,
    swift_recall,
)
from .timing_experiments import (
    archive_sample,
    blind_lists,
    blind_search,
    efficiency,
    limits,
    noise_calibration,
    planner,
    real_pulsars,
    speed,
)

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
