from . import artifacts as artifacts
from . import cli as cli
from . import data as data
from . import estimator as estimator
from . import experiment as experiment
from . import files as files
from . import library as library
from . import metrics as metrics
from . import plotting as plotting
from . import report as report
from . import saved as saved
from . import training as training
from ._version import __version__ as __version__
from .errors import CorruptFile as CorruptFile
from .errors import DataNotAvailable as DataNotAvailable
from .errors import DecanError as DecanError
from .errors import IntegrityError as IntegrityError
from .errors import SchemaError as SchemaError
from .errors import TrainingDiverged as TrainingDiverged

__all__ = [
    "CorruptFile",
    "DataNotAvailable",
    "DecanError",
    "IntegrityError",
    "SchemaError",
    "TrainingDiverged",
    "__version__",
    "artifacts",
    "cli",
    "data",
    "estimator",
    "experiment",
    "files",
    "library",
    "metrics",
    "plotting",
    "report",
    "saved",
    "training",
]
