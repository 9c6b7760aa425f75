from .archive import DATASETS as DATASETS
from .characteristics import ClimateCharacteristics as ClimateCharacteristics
from .characteristics import climate_characteristics as climate_characteristics
from .emission import EmissionModel as EmissionModel
from .emulator import FieldEmulator as FieldEmulator
from .field import GCMField as GCMField
from .grid import PlanetGrid as PlanetGrid
from .netcdf import read_netcdf as read_netcdf
from .opacity import GreyOpacity as GreyOpacity
from .opacity import KTables as KTables
from .planets import HOSTS as HOSTS
from .planets import PLATO_LIKE as PLATO_LIKE
from .planets import Planet as Planet
from .prediction import Prediction as Prediction
from .simulate import simulate_grid as simulate_grid
from .simulate import simulate_planet as simulate_planet
from .transmission import TransmissionModel as TransmissionModel
from .transmission import spectral_error as spectral_error

__all__ = [
    "DATASETS",
    "HOSTS",
    "PLATO_LIKE",
    "ClimateCharacteristics",
    "EmissionModel",
    "FieldEmulator",
    "GCMField",
    "GreyOpacity",
    "KTables",
    "Planet",
    "PlanetGrid",
    "Prediction",
    "TransmissionModel",
    "climate_characteristics",
    "read_netcdf",
    "simulate_grid",
    "simulate_planet",
    "spectral_error",
]
