"""The experiments of the paper and ours, each with what was published and what is aimed at.

The published split (639 sources of Sasmal et al. 2022) and the pre-training on 20,000 images
need the archives of the authors; the page on radio-agn says how to fetch them. Everything
else runs on the data folder, or on the simulator with the shipped weights.
"""

from .bent import bent_sources, masks, selection_on_test
from .classes import four_classes, fri_frii, imbalance, mirabest
from .looking import attention, tour, turning
from .pretraining import byol_gain
from .speed import speed
from .truth import known_truth, label_noise, mask_quality

__all__ = [
    "attention",
    "bent_sources",
    "byol_gain",
    "four_classes",
    "fri_frii",
    "imbalance",
    "known_truth",
    "label_noise",
    "mask_quality",
    "masks",
    "mirabest",
    "selection_on_test",
    "speed",
    "tour",
    "turning",
]
