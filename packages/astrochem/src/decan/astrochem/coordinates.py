"""Coordinates in which astrochemistry is smoother than in the seven parameters themselves.

Chemistry reacts to ratios of rates: ionisations by collisions (ζ/n), photons that arrive by
collisions (G₀ e^(-1.8 A_V)/n), and the side of C/O = 1 on which a cloud lies, where the
element that is left over after CO decides on everything else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .space import CLOUD, ParameterSpace

__all__ = ["COORDINATES", "coordinates_of"]

COORDINATES = (
    "log zeta/n",
    "log G/n",
    "log C/O",
    "C excess",
    "log min(C, O)",
    "log free O",
    "log free C",
    "log UV/n",
    "30 K/T",
)
"""Names of the derived coordinates, in the order in which they follow the parameters."""


def coordinates_of(axis: NDArray[np.float64], space: ParameterSpace = CLOUD) -> NDArray[np.float64]:
    """The parameters on their axes, followed by the derived coordinates.

    Parameters
    ----------
    axis : array of float, shape (n, 7)
        ``space.to_axis(X)``: log10 of the seven parameters.
    space : ParameterSpace
        Says which column is which. A space without the seven parameters of a cloud has
        no derived coordinates.

    Returns
    -------
    array of float, shape (n, 7 + 9)

    Examples
    --------
    >>> axis = CLOUD.to_axis([[10.0, 1e4, 1.0, 1.0, 10.0, 1e-4, 2e-4]])
    >>> coordinates_of(axis).shape
    (1, 16)
    >>> round(float(coordinates_of(axis)[0, 9]), 3)  # log C/O
    -0.301
    """
    log = {param.name for param in space.params if param.scale == "log"}
    if not set(CLOUD.names) <= log:
        return axis
    T, n, zeta, G0, Av, C, O = (axis[:, space.names.index(name)] for name in CLOUD.names)  # noqa: E741
    carbon, oxygen, rate = 10.0**C, 10.0**O, 10.0**zeta
    photons = 10.0**G0 * np.exp(-1.8 * 10.0**Av)
    derived = [
        zeta - n,
        np.log10(photons + 1e-6) - n,
        C - O,
        # Linear where C and O nearly balance, logarithmic away from there.
        np.arcsinh((carbon - oxygen) / 2e-5),
        np.minimum(C, O),
        np.log10(np.maximum(oxygen - carbon, 1e-6) + 1e-7),
        np.log10(np.maximum(carbon - oxygen, 1e-6) + 1e-7),
        # Cosmic rays make photons too, which no dust keeps out.
        np.log10(photons + 1e-4 * rate) - n,
        30.0 / 10.0**T,
    ]
    return np.column_stack([axis, *derived])
