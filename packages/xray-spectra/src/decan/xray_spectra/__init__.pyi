from .archive import DATASETS as DATASETS
from .archive import labelled_sources as labelled_sources
from .autoencoder import SpectralAutoencoder as SpectralAutoencoder
from .batch import BinnedSpectra as BinnedSpectra
from .batch import read_spectra as read_spectra
from .errors import InvalidSpectrumError as InvalidSpectrumError
from .errors import MissingResponseError as MissingResponseError
from .errors import UnsupportedInstrumentError as UnsupportedInstrumentError
from .instrument import analytic_response as analytic_response
from .latents import Latents as Latents
from .ogip import read_response as read_response
from .response import Response as Response
from .simulate import SimulatedSpectra as SimulatedSpectra
from .simulate import simulate_spectra as simulate_spectra
from .spectrum import Spectrum as Spectrum
from .statistics import cstat as cstat
from .statistics import wstat as wstat

__all__ = [
    "DATASETS",
    "BinnedSpectra",
    "InvalidSpectrumError",
    "Latents",
    "MissingResponseError",
    "Response",
    "SimulatedSpectra",
    "SpectralAutoencoder",
    "Spectrum",
    "UnsupportedInstrumentError",
    "analytic_response",
    "cstat",
    "labelled_sources",
    "read_response",
    "read_spectra",
    "simulate_spectra",
    "wstat",
]
