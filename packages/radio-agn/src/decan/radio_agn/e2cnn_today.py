"""e2cnn 0.2.3 on today's NumPy: what a dozen lines mend at run time.

Two facts break it on NumPy 2.3 and later: ``numpy.array(..., copy=False)`` where a copy is
needed, in its room ``kernels.utils``, and ``ndarray.tostring`` in the hashes of its bases.
It also changes how NumPy prints, for good, whenever it builds a regular representation; here
the user's own setting stays. Nothing of it is changed on disk.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["load_e2cnn"]


@lru_cache(maxsize=1)
def load_e2cnn() -> ModuleType:
    """e2cnn, mended where this NumPy needs it.

    Returns
    -------
    module
        With its parts ``gspaces`` and ``nn`` loaded.

    Examples
    --------
    >>> load_e2cnn().gspaces.FlipRot2dOnR2(4).fibergroup.order()
    8
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import e2cnn
        import e2cnn.group.representation as representation
        import e2cnn.gspaces
        import e2cnn.kernels.irreps_basis as bases
        import e2cnn.kernels.utils as utils
        import e2cnn.nn
    utils.np = representation.np = _Numpy()
    for kind in vars(bases).values():
        if isinstance(kind, type) and "__hash__" in vars(kind) and kind.__hash__ is not None:
            kind.__hash__ = _hash_of_content  # type: ignore[method-assign,assignment]
    return e2cnn


class _Numpy:
    """NumPy, but ``copy=False`` means "only if needed", as it did when e2cnn was written."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def array(*args: Any, copy: bool | None = True, **kwargs: Any) -> Any:
        return np.array(*args, copy=True if copy else None, **kwargs)

    @staticmethod
    def set_printoptions(**_: Any) -> None:
        """Leave the user's."""


def _hash_of_content(basis: Any) -> int:
    """The hash of e2cnn's own definition, by a method that arrays still have."""
    return hash((basis.in_irrep, basis.out_irrep, np.asarray(basis.mu).tobytes()))
