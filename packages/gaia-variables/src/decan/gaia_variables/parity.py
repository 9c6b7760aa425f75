"""Parity with the published encoders: their arrays in our modules, for tests only.

The published weights carry no licence. They are read from a file that the user has,
never shipped, and never used to initialise a model that is trained here.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import nn

__all__ = ["load_weights"]

_RENAMED = {
    "xp": ((r"^(encoder|decoder)\.nnet\.nnet\.", r"\1."),),
    "dmdt": (),
    "fold": (
        (r"^encoder\.", ""),
        (r"^decoder\.layers\.", "decoder."),
        (r"^decoder_variance\.nnet\.2\.fc\.", "variance.2."),
        (r"^decoder_variance\.nnet\.3\.", "variance.4."),
        (r"^decoder_variance\.nnet\.", "variance."),
    ),
    "map": (),
}


def load_weights(modality: str, path: Any) -> nn.Module:
    """Network of this library with the published arrays in it.

    Parameters
    ----------
    modality : {'xp', 'dmdt', 'fold', 'map'}
        Which of the published networks.
    path : path-like
        The ``.npz`` with its state dict.

    Returns
    -------
    torch.nn.Module
        In ``eval`` mode.

    Raises
    ------
    ValueError
        If the modality is unknown, or the arrays do not fit the network.

    Examples
    --------
    >>> load_weights("radio", "weights.npz")
    Traceback (most recent call last):
    ...
    ValueError: modality: expected one of xp, dmdt, fold, map, found 'radio'
    """
    if modality not in _RENAMED:
        raise ValueError(f"modality: expected one of {', '.join(_RENAMED)}, found {modality!r}")
    import torch

    from . import networks

    classes: dict[str, Any] = {
        "xp": networks.XPNetwork,
        "dmdt": networks.DmDtNetwork,
        "fold": networks.FoldNetwork,
        "map": lambda: networks.MapNetwork(17),
    }
    network: nn.Module = classes[modality]()
    wanted = network.state_dict()
    state = {}
    with np.load(path) as arrays:
        for name in arrays.files:
            ours = name
            for pattern, replacement in _RENAMED[modality]:
                ours, done = re.subn(pattern, replacement, ours)
                if done:
                    break
            if ours in wanted:
                state[ours] = torch.from_numpy(arrays[name])
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"{os.fspath(path)}: these are not the arrays of {modality}: {error}"
        ) from None
    return network.eval()
