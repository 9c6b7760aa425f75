"""Vetting of transit signals: from a light curve to a calibrated, explained verdict."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
