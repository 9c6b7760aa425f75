"""The one place that holds the version of every decan distribution."""

__version__ = "0.1.0"
