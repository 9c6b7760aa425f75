"""Eight numbers for an X-ray spectrum, of the source and not of the instrument."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
