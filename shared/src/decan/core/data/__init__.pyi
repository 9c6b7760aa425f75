from . import numbers as numbers
from . import registry as registry
from . import remote as remote
from . import splits as splits
from . import stream as stream
from . import tables as tables

__all__ = ["numbers", "registry", "remote", "splits", "stream", "tables"]
