"""The experiments of the paper and ours, each with what was published and what is aimed at.

The paper's own 25,000 systems are not public; the Bern populations here have 650 discs to
learn from, so its numbers cannot be compared directly. To repeat ``hidden_planets_sky`` on
the archive of today, fetch the table with ``decan.planetary_systems.queries.nasa_planets``
and give it to ``archive_systems``; populations exported at DACE are read by
``read_dace``.
"""

from .hidden import hidden_planets_bern, hidden_planets_sky
from .likelihood import leak_demonstration, likelihood_ladder, pooling, size_of_training
from .likeness import fidelity, grid_cost, paper_figures
from .models import anomaly_of_systems, earth_like_prediction, models_compared
from .speed import speed_ratios
from .stars import toi469_questions, tour
from .truth import completion_calibration, markov_truth

__all__ = [
    "anomaly_of_systems",
    "completion_calibration",
    "earth_like_prediction",
    "fidelity",
    "grid_cost",
    "hidden_planets_bern",
    "hidden_planets_sky",
    "leak_demonstration",
    "likelihood_ladder",
    "markov_truth",
    "models_compared",
    "paper_figures",
    "pooling",
    "size_of_training",
    "speed_ratios",
    "toi469_questions",
    "tour",
]
