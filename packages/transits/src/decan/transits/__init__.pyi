from .detrending import detrend as detrend
from .detrending import flatten as flatten
from .diagnostics import Diagnostics as Diagnostics
from .diagnostics import diagnose as diagnose
from .lightcurve import LightCurve as LightCurve
from .lightcurve import TransitSignal as TransitSignal
from .views import ViewBuilder as ViewBuilder
from .views import ViewSet as ViewSet

__all__ = [
    "Diagnostics",
    "LightCurve",
    "TransitSignal",
    "ViewBuilder",
    "ViewSet",
    "detrend",
    "diagnose",
    "flatten",
]
