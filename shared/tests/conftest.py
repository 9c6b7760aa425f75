from decan.core.testing import browser

__all__ = ["browser"]
