"""The paper's experiments and ours; simulated and real sources apart."""

from __future__ import annotations

from .catalogues import labels, variability
from .classes import classes, instrument_leak, new_responses
from .observations import real_spectra
from .physics import anomalies, errors, formulas, physics
from .reconstruction import latent_number, reconstruction
from .speed import speed

__all__ = [
    "anomalies",
    "classes",
    "errors",
    "formulas",
    "instrument_leak",
    "labels",
    "latent_number",
    "new_responses",
    "physics",
    "real_spectra",
    "reconstruction",
    "speed",
    "variability",
]
