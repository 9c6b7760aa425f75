"""Pages: what was measured, as one self-contained HTML file that anyone can open."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
