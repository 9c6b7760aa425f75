"""Bayesian imaging of photon counts that finds its own components by latent-space tension."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
