"""Emulation of 3D climates of hot Jupiters: fields, their errors, and the spectra they give."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
