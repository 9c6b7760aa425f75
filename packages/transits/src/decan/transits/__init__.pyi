from .archive import DATASETS as DATASETS
from .classifier import SignalClassifier as SignalClassifier
from .detrending import detrend as detrend
from .detrending import flatten as flatten
from .diagnostics import Diagnostics as Diagnostics
from .diagnostics import diagnose as diagnose
from .lightcurve import LightCurve as LightCurve
from .lightcurve import TransitSignal as TransitSignal
from .scorer import KoiScorer as KoiScorer
from .simulate import simulate_signal as simulate_signal
from .simulate import simulate_signals as simulate_signals
from .vetter import TransitVetter as TransitVetter
from .vetter import Verdict as Verdict
from .views import ViewBuilder as ViewBuilder
from .views import ViewSet as ViewSet
from .zones import ZoneThresholds as ZoneThresholds

__all__ = [
    "DATASETS",
    "Diagnostics",
    "KoiScorer",
    "LightCurve",
    "SignalClassifier",
    "TransitSignal",
    "TransitVetter",
    "Verdict",
    "ViewBuilder",
    "ViewSet",
    "ZoneThresholds",
    "detrend",
    "diagnose",
    "flatten",
    "simulate_signal",
    "simulate_signals",
]
