from .archive import DATASETS as DATASETS
from .characteristics import ClimateCharacteristics as ClimateCharacteristics
from .characteristics import climate_characteristics as climate_characteristics
from .characteristics import hotspot_longitude as hotspot_longitude
from .chemistry import equilibrium_chemistry as equilibrium_chemistry
from .continuity import continuity_residual as continuity_residual
from .continuity import upward_wind as upward_wind
from .cubed_sphere import SphereRegridder as SphereRegridder
from .design import rank_candidates as rank_candidates
from .emission import EmissionModel as EmissionModel
from .emission import PhaseCurve as PhaseCurve
from .emulator import Extrapolation as Extrapolation
from .emulator import FieldEmulator as FieldEmulator
from .field import GCMField as GCMField
from .grid import PlanetGrid as PlanetGrid
from .mitgcm import from_cubed_sphere as from_cubed_sphere
from .mitgcm import read_mitgcm as read_mitgcm
from .mitgcm import temperature_from_potential as temperature_from_potential
from .netcdf import read_netcdf as read_netcdf
from .opacity import GreyOpacity as GreyOpacity
from .opacity import KTables as KTables
from .pages import field_page as field_page
from .pages import prediction_page as prediction_page
from .planets import HOSTS as HOSTS
from .planets import PLATO_LIKE as PLATO_LIKE
from .planets import Planet as Planet
from .prediction import Prediction as Prediction
from .queries import query_planet as query_planet
from .readers import read_field as read_field
from .readers import read_picaso3d as read_picaso3d
from .readers import read_roth as read_roth
from .readers import read_sparc_profiles as read_sparc_profiles
from .simulate import random_planets as random_planets
from .simulate import simulate_grid as simulate_grid
from .simulate import simulate_planet as simulate_planet
from .transmission import LimbSpectra as LimbSpectra
from .transmission import SpectralError as SpectralError
from .transmission import TransmissionModel as TransmissionModel
from .transmission import spectral_error as spectral_error
from .validation import validate_field as validate_field

__all__ = [
    "DATASETS",
    "HOSTS",
    "PLATO_LIKE",
    "ClimateCharacteristics",
    "EmissionModel",
    "Extrapolation",
    "FieldEmulator",
    "GCMField",
    "GreyOpacity",
    "KTables",
    "LimbSpectra",
    "PhaseCurve",
    "Planet",
    "PlanetGrid",
    "Prediction",
    "SpectralError",
    "SphereRegridder",
    "TransmissionModel",
    "climate_characteristics",
    "continuity_residual",
    "equilibrium_chemistry",
    "field_page",
    "from_cubed_sphere",
    "hotspot_longitude",
    "prediction_page",
    "query_planet",
    "random_planets",
    "rank_candidates",
    "read_field",
    "read_mitgcm",
    "read_netcdf",
    "read_picaso3d",
    "read_roth",
    "read_sparc_profiles",
    "simulate_grid",
    "simulate_planet",
    "spectral_error",
    "temperature_from_potential",
    "upward_wind",
    "validate_field",
]
