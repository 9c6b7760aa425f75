"""decan.core: what ten astrophysics machine-learning libraries share.

Rooms are loaded on first use, so that ``import decan.core`` stays light.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
