from . import models as models
from .anomalies import find_anomalies as find_anomalies
from .archive import DATASETS as DATASETS
from .archive import labelled_sources as labelled_sources
from .autoencoder import SpectralAutoencoder as SpectralAutoencoder
from .batch import BinnedSpectra as BinnedSpectra
from .batch import read_spectra as read_spectra
from .catalogue import CatalogueClassifier as CatalogueClassifier
from .catalogue import catalogue_features as catalogue_features
from .classify import LatentClassifier as LatentClassifier
from .classify import LatentRegressor as LatentRegressor
from .classify import nearest as nearest
from .classify import split_by_source as split_by_source
from .csc import CSCClient as CSCClient
from .errors import InvalidSpectrumError as InvalidSpectrumError
from .errors import MissingResponseError as MissingResponseError
from .errors import UnsupportedInstrumentError as UnsupportedInstrumentError
from .factors import SpectralNMF as SpectralNMF
from .factors import SpectralPCA as SpectralPCA
from .fit import SpectralFit as SpectralFit
from .fit import fit_spectrum as fit_spectrum
from .hardness import hardness_ratios as hardness_ratios
from .instrument import analytic_response as analytic_response
from .instrument import contamination as contamination
from .instrument import pile_up as pile_up
from .instrument import vignetting as vignetting
from .latents import Latents as Latents
from .pages import source_page as source_page
from .plasma import thermal_plasma as thermal_plasma
from .relations import latent_formula as latent_formula
from .relations import mutual_information as mutual_information
from .response import Response as Response
from .response_files import read_response as read_response
from .simulate import SimulatedSpectra as SimulatedSpectra
from .simulate import simulate_spectra as simulate_spectra
from .spectrum import Spectrum as Spectrum
from .statistics import cstat as cstat
from .statistics import wstat as wstat

__all__ = [
    "DATASETS",
    "BinnedSpectra",
    "CSCClient",
    "CatalogueClassifier",
    "InvalidSpectrumError",
    "LatentClassifier",
    "LatentRegressor",
    "Latents",
    "MissingResponseError",
    "Response",
    "SimulatedSpectra",
    "SpectralAutoencoder",
    "SpectralFit",
    "SpectralNMF",
    "SpectralPCA",
    "Spectrum",
    "UnsupportedInstrumentError",
    "analytic_response",
    "catalogue_features",
    "contamination",
    "cstat",
    "find_anomalies",
    "fit_spectrum",
    "hardness_ratios",
    "labelled_sources",
    "latent_formula",
    "models",
    "mutual_information",
    "nearest",
    "pile_up",
    "read_response",
    "read_spectra",
    "simulate_spectra",
    "source_page",
    "split_by_source",
    "thermal_plasma",
    "vignetting",
    "wstat",
]
