from .archive import DATASETS as DATASETS
from .classifier import SignalClassifier as SignalClassifier
from .detrending import detrend as detrend
from .detrending import flatten as flatten
from .diagnostics import Diagnostics as Diagnostics
from .diagnostics import diagnose as diagnose
from .lightcurve import LightCurve as LightCurve
from .pixels import DifferenceImage as DifferenceImage
from .pixels import SourceOffset as SourceOffset
from .pixels import TargetPixels as TargetPixels
from .priors import combine_fpp as combine_fpp
from .priors import shift_prior as shift_prior
from .released import watson_inputs as watson_inputs
from .rules import RuleVetter as RuleVetter
from .scenes import simulate_pixels as simulate_pixels
from .scorer import KoiScorer as KoiScorer
from .signals import TransitSignal as TransitSignal
from .simulate import simulate_signal as simulate_signal
from .simulate import simulate_signals as simulate_signals
from .survey import vet_catalogue as vet_catalogue
from .survey import vet_frame as vet_frame
from .verdict import Verdict as Verdict
from .vetter import TransitVetter as TransitVetter
from .views import ViewBuilder as ViewBuilder
from .views import ViewSet as ViewSet
from .zones import ZoneThresholds as ZoneThresholds

__all__ = [
    "DATASETS",
    "Diagnostics",
    "DifferenceImage",
    "KoiScorer",
    "LightCurve",
    "RuleVetter",
    "SignalClassifier",
    "SourceOffset",
    "TargetPixels",
    "TransitSignal",
    "TransitVetter",
    "Verdict",
    "ViewBuilder",
    "ViewSet",
    "ZoneThresholds",
    "combine_fpp",
    "detrend",
    "diagnose",
    "flatten",
    "shift_prior",
    "simulate_pixels",
    "simulate_signal",
    "simulate_signals",
    "vet_catalogue",
    "vet_frame",
    "watson_inputs",
]
