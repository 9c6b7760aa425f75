"""Stellar masses of galaxies with densities, and what each kind of data adds to them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
