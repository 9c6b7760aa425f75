from .acceleration import AcceleratedSearch as AcceleratedSearch
from .acceleration import drift_map as drift_map
from .acceleration import search_accelerated as search_accelerated
from .archive import DATASETS as DATASETS
from .batch import search_many as search_many
from .candidates import AmbiguousCluster as AmbiguousCluster
from .candidates import CandidateFinder as CandidateFinder
from .detections import features_4xmm as features_4xmm
from .detections import features_chandra as features_chandra
from .events import EventList as EventList
from .features import Features as Features
from .features import hardness as hardness
from .folding import Profile as Profile
from .folding import epoch_fold as epoch_fold
from .folding import fold as fold
from .hosts import ultraluminous_sample as ultraluminous_sample
from .limits import Limit as Limit
from .limits import pulsed_fraction_limit as pulsed_fraction_limit
from .limits import required_counts as required_counts
from .limits import required_exposure as required_exposure
from .long_term import features_lsxps as features_lsxps
from .long_term import features_swift as features_swift
from .noise import leahy_power as leahy_power
from .orbits import search_orbit as search_orbit
from .periodogram import Periodogram as Periodogram
from .periodogram import search_h as search_h
from .periodogram import search_z as search_z
from .simulate import simulate_catalogue as simulate_catalogue
from .simulate import simulate_long_term as simulate_long_term
from .simulate import simulate_snapshots as simulate_snapshots
from .simulate_events import orbit_intervals as orbit_intervals
from .simulate_events import simulate_events as simulate_events
from .surrogate import SurrogateTree as SurrogateTree
from .surrogate import published_tree as published_tree
from .swift_curves import read_swift_curve as read_swift_curve
from .windows import window_aliases as window_aliases

__all__ = [
    "DATASETS",
    "AcceleratedSearch",
    "AmbiguousCluster",
    "CandidateFinder",
    "EventList",
    "Features",
    "Limit",
    "Periodogram",
    "Profile",
    "SurrogateTree",
    "drift_map",
    "epoch_fold",
    "features_4xmm",
    "features_chandra",
    "features_lsxps",
    "features_swift",
    "fold",
    "hardness",
    "leahy_power",
    "orbit_intervals",
    "published_tree",
    "pulsed_fraction_limit",
    "read_swift_curve",
    "required_counts",
    "required_exposure",
    "search_accelerated",
    "search_h",
    "search_many",
    "search_orbit",
    "search_z",
    "simulate_catalogue",
    "simulate_events",
    "simulate_long_term",
    "simulate_snapshots",
    "ultraluminous_sample",
    "window_aliases",
]
