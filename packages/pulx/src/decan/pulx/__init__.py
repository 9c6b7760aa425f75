"""Candidates for pulsating ultraluminous X-ray sources, and what their photons say."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
