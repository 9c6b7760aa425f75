from .calibration import CalibrationError as CalibrationError
from .calibration import calibration_error as calibration_error
from .calibration import reliability_curve as reliability_curve
from .calibrators import BetaCalibrator as BetaCalibrator
from .calibrators import Calibrator as Calibrator
from .calibrators import IsotonicCalibrator as IsotonicCalibrator
from .calibrators import PlattCalibrator as PlattCalibrator
from .calibrators import cross_fit as cross_fit
from .classification import McNemar as McNemar
from .classification import accuracy as accuracy
from .classification import average_precision as average_precision
from .classification import balanced_accuracy as balanced_accuracy
from .classification import macro_f1 as macro_f1
from .classification import mcnemar as mcnemar
from .classification import recall_at_precision as recall_at_precision
from .classification import roc_auc as roc_auc
from .classification import tie_fraction as tie_fraction
from .clustering import cluster_stability as cluster_stability
from .clustering import purity as purity
from .estimate import Estimate as Estimate
from .estimate import bootstrap as bootstrap
from .probabilistic import KolmogorovSmirnov as KolmogorovSmirnov
from .probabilistic import coverage as coverage
from .probabilistic import crps_ensemble as crps_ensemble
from .probabilistic import crps_gaussian as crps_gaussian
from .probabilistic import pit as pit
from .probabilistic import pit_uniformity as pit_uniformity
from .regression import bias as bias
from .regression import outlier_fraction as outlier_fraction
from .regression import r2 as r2
from .regression import rmse as rmse
from .regression import sigma_mad as sigma_mad
from .temperature import TemperatureCalibrator as TemperatureCalibrator
from .two_sample import TwoSampleTest as TwoSampleTest
from .two_sample import c2st as c2st

__all__ = [
    "BetaCalibrator",
    "CalibrationError",
    "Calibrator",
    "Estimate",
    "IsotonicCalibrator",
    "KolmogorovSmirnov",
    "McNemar",
    "PlattCalibrator",
    "TemperatureCalibrator",
    "TwoSampleTest",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "bias",
    "bootstrap",
    "c2st",
    "calibration_error",
    "cluster_stability",
    "coverage",
    "cross_fit",
    "crps_ensemble",
    "crps_gaussian",
    "macro_f1",
    "mcnemar",
    "outlier_fraction",
    "pit",
    "pit_uniformity",
    "purity",
    "r2",
    "recall_at_precision",
    "reliability_curve",
    "rmse",
    "roc_auc",
    "sigma_mad",
    "tie_fraction",
]
