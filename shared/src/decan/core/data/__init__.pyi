from . import registry as registry
from . import splits as splits
from . import stream as stream
from . import tables as tables

__all__ = ["registry", "splits", "stream", "tables"]
