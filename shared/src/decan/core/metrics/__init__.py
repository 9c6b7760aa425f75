"""Metrics with intervals: how good, how sure, and compared with what floor.

Every metric takes ``groups``, ``n_boot`` and ``rng`` and returns an `Estimate` where an
interval means something. Rows of one star, disc or source belong to one group.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
