"""Experiments: what a paper claims, what was measured here, and the record of both."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
