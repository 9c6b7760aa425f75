"""Event lists of X-ray telescopes, binned into counts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.numbers import plain_numbers
from decan.core.data.tables import number_column
from decan.core.errors import SchemaError

from ..image import PhotonImage
from .images import content_of, image_extensions, number, opened

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bin_events", "read_chandra"]


def bin_events(
    x: Any, y: Any, energy: Any, edges: Sequence[tuple[float, float]], shape: tuple[int, int]
) -> np.ndarray:
    """Counts in bands and pixels of events at pixel coordinates.

    Parameters
    ----------
    x, y : array_like
        Pixel coordinates, first pixel's centre (0, 0).
    energy : array_like
        In the unit of the edges.
    edges : sequence of (float, float)
        Bands.
    shape : (int, int)
        (y, x) pixels.

    Returns
    -------
    ndarray, shape (band, y, x)

    Examples
    --------
    >>> bin_events([0.2, 3.0], [1.0, 1.4], [0.5, 1.5], [(0.2, 1), (1, 2)], (2, 4)).sum((1, 2))
    array([1., 1.])
    """
    x, y, energy = (np.asarray(a, float) for a in (x, y, energy))
    ny, nx = shape
    bins = (np.arange(ny + 1) - 0.5, np.arange(nx + 1) - 0.5)
    return np.stack(
        [
            np.histogram2d(y[inside], x[inside], bins)[0]
            for low, high in edges
            for inside in [(energy >= low) & (energy < high)]
        ]
    )


def read_chandra(
    path: str | os.PathLike[str],
    *,
    psf: Any,
    energy_edges: Sequence[tuple[float, float]] = ((0.5, 7.0),),
    centre: tuple[float, float] | None = None,
    n_pixels: int = 128,
    binning: float = 1.0,
    exposure: str | os.PathLike[str] | None = None,
) -> PhotonImage:
    """A Chandra event list (``evt2``) binned on its sky pixels.

    Parameters
    ----------
    path : path-like
        Extension EVENTS with columns x, y (sky pixels of 0.492 arcsec) and energy (eV).
    psf : ImagePSF or array_like
        Point spread function on these pixels.
    energy_edges : sequence of (float, float) or Quantity
        Bands, keV.
    centre : (float, float), optional
        Sky pixel (x, y) in the middle; the median of the events by default.
    n_pixels : int
        Pixels a side.
    binning : float
        Sky pixels a pixel.
    exposure : path-like, optional
        CIAO exposure map on the same pixels; flat without it.

    Returns
    -------
    PhotonImage

    Raises
    ------
    DataNotAvailable, CorruptFile, SchemaError
        If the file is absent, no FITS, or lacks a column.

    Examples
    --------
    >>> read_chandra("no-such.fits", psf=[[1.0]])
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such.fits: no such file
    """
    from astropy import units as u
    from astropy.wcs import WCS

    edges = edges_kev(energy_edges)
    events = event_table(path, {"x": None, "y": None, "energy": None})
    if centre is None:
        centre = float(events["x"].median()), float(events["y"].median())
    low = [c - binning * (n_pixels - 1) / 2 for c in centre]
    x, y = ((events[k] - at) / binning for k, at in zip(("x", "y"), low, strict=True))
    counts = bin_events(x, y, events["energy"] / 1000, edges, (n_pixels, n_pixels))
    with opened(path) as file:
        header = file["EVENTS"].header
        names = [c.lower() for c in file["EVENTS"].columns.names]
        wcs = None
        i, j = names.index("x") + 1, names.index("y") + 1
        if f"TCRVL{i}" in header:
            wcs = WCS(naxis=2)
            wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
            wcs.wcs.crval = [number(header, f"TCRVL{k}", path) for k in (i, j)]
            wcs.wcs.cdelt = [number(header, f"TCDLT{k}", path) * binning for k in (i, j)]
            wcs.wcs.crpix = [
                (number(header, f"TCRPX{k}", path) - at) / binning + 1
                for k, at in zip((i, j), low, strict=True)
            ]
    seconds = None if exposure is None else image_extensions(exposure)[0][1]
    with content_of(path):
        return PhotonImage(
            counts, seconds, psf, np.array(edges) * u.keV, wcs=wcs, name=Path(path).name
        )


def edges_kev(edges: Any) -> list[tuple[float, float]]:
    """Bands in keV, of numbers or a Quantity."""
    plain = plain_numbers(edges, "energy_edges", unit="keV")
    if plain.ndim != 2 or plain.shape[1] != 2 or not np.all(plain[:, 0] < plain[:, 1]):
        raise ValueError(f"energy_edges: expected (lower, upper) of each band, keV, found {edges}")
    return [(float(low), float(high)) for low, high in plain]


def tangential_wcs(centre: tuple[float, float], n_pixels: int, pixel_arcsec: float) -> Any:
    """A TAN projection with north up and east left, its middle at a direction."""
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = list(centre)
    wcs.wcs.crpix = [(n_pixels + 1) / 2] * 2
    wcs.wcs.cdelt = [-pixel_arcsec / 3600, pixel_arcsec / 3600]
    return wcs


def event_table(path: str | os.PathLike[str], columns: dict[str, str | None]) -> pd.DataFrame:
    """Columns of an event list.

    Read without the checksums of its header: archives' own tools cut event lists without
    renewing them.
    """
    import pandas as pd

    with opened(path) as file:
        if "EVENTS" not in file:
            raise SchemaError(f"{path}: no extension EVENTS; it has {[h.name for h in file]}")
        data = file["EVENTS"].data
        there = {name.lower(): name for name in getattr(data, "names", None) or ()}
        missing = [name for name in columns if name.lower() not in there]
        if missing:
            raise SchemaError(
                f"{path}: EVENTS has no column {missing[0]!r}; it has {sorted(there.values())}"
            )
        found = {name: np.asarray(data[there[name.lower()]]) for name in columns}
        table = pd.DataFrame({k: v.astype(v.dtype.newbyteorder("=")) for k, v in found.items()})
    for name in columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = number_column(table, name, str(path))
    return table
