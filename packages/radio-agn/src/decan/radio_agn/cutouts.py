"""Cutouts: images with their positions, pixel scale, beam and state, from any source.

One rule for all units: nothing later depends on the scale of the pixel values. Levels are
measured in units of each image's own noise and peak, so 0 to 1, 0 to 255 and Jy/beam mean
the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decan.core.data.numbers import in_unit

from .fits_images import in_first_beam, in_first_pixels, read_image
from .islands import BEAM_ARCSEC, PIXEL_ARCSEC, plain_images

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CutoutSet", "positions"]

_EDGE = 0.3


@dataclass
class CutoutSet:
    """A stack of cutouts of equal size and pixel scale.

    Parameters
    ----------
    images : ndarray of float32, shape (n, ny, nx)
        North up, east left; NaN where nothing was observed.
    names : list of str
        One a row.
    ra, dec : ndarray of float, shape (n,)
        Degrees, ICRS; NaN where unknown.
    pixel_arcsec : float
        Pixel scale.
    beam_arcsec : ndarray of float, shape (n, 3)
        Major and minor axis (arcsec) and position angle (degrees).
    status : list of str
        ``ok``, ``blank`` (constant or empty), ``edge`` (more than 30 % unobserved) or
        ``failed`` (not delivered).
    notes : list of str
        What was assumed or changed.

    Examples
    --------
    >>> import numpy as np
    >>> cutouts = CutoutSet.from_arrays(np.eye(4)[None])
    >>> cutouts
    CutoutSet: 1 cutout of 4 x 4 px, 1.8 arcsec/px, 1 ok
    """

    images: NDArray[np.float32]
    names: list[str]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    pixel_arcsec: float = PIXEL_ARCSEC
    beam_arcsec: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))
    status: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        n = len(self.images)
        if not len(self.beam_arcsec):
            self.beam_arcsec = np.tile([BEAM_ARCSEC, BEAM_ARCSEC, 0.0], (n, 1))
        if not self.status:
            self.status = _states(self.images)
        if not self.notes:
            self.notes = [""] * n

    @classmethod
    def from_arrays(
        cls,
        images: ArrayLike,
        *,
        pixel_arcsec: float = PIXEL_ARCSEC,
        beam_arcsec: float = BEAM_ARCSEC,
        names: Sequence[str] | None = None,
        ra: ArrayLike | None = None,
        dec: ArrayLike | None = None,
    ) -> Self:
        """Cutouts from arrays, brought to FIRST's pixels and to its beam if theirs is sharper.

        Parameters
        ----------
        images : array_like, shape (ny, nx), (n, ny, nx), (n, 1, ny, nx) or (n, ny, nx, 3 or 4)
            Any real number type and byte order; masked pixels are unobserved. Colour
            pictures must be grey.
        pixel_arcsec, beam_arcsec : float or Quantity
            Pixel scale and beam (full width at half maximum).
        names : sequence of str, optional
            Names, one a picture; numbers without them.
        ra, dec : array_like of float, optional
            Degrees, one a picture.

        Returns
        -------
        CutoutSet

        Raises
        ------
        ValueError
            If the shape is another one, a picture is coloured, the pixel scale or the beam
            is not positive, or names or positions are not one a picture.

        Examples
        --------
        >>> import numpy as np
        >>> CutoutSet.from_arrays(np.full((2, 5, 5), 7, dtype=">i2")).status
        ['blank', 'blank']
        """
        stack = _grey(plain_images(images)).astype(np.float32)
        n = len(stack)
        pixel = _arcsec(pixel_arcsec, "pixel_arcsec")
        beam = _arcsec(beam_arcsec, "beam_arcsec")
        shown, seen, told = [], [beam, beam, 0.0], [""]
        for image in stack:
            small, scaled = in_first_pixels(image, pixel)
            smooth, seen, smoothed = in_first_beam(small, [beam, beam, 0.0])
            shown.append(smooth)
            told = ["; ".join([*scaled, *smoothed])]
        stack = np.stack(shown) if shown else stack
        unknown = np.full(n, np.nan)
        called = [str(k) for k in range(n)] if names is None else [str(name) for name in names]
        right, up = (
            unknown if one is None else np.atleast_1d(np.asarray(one, dtype=float))
            for one in (ra, dec)
        )
        for name, given in (("names", called), ("ra", right), ("dec", up)):
            if len(given) != n:
                raise ValueError(f"{name}: found {len(given)}, expected one for each of {n} images")
        return cls(stack, called, right, up, PIXEL_ARCSEC, np.tile(seen, (n, 1)), notes=told * n)

    @classmethod
    def from_fits(cls, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Self:
        """Cutouts from FITS images, brought to FIRST's pixels and to its beam if theirs is sharper.

        Parameters
        ----------
        paths : path-like or iterable of path-like
            Files. Axes of length one are dropped.

        Returns
        -------
        CutoutSet
            Images of unequal size are filled with NaN around their centre.

        Raises
        ------
        CorruptFile, DataNotAvailable
            If a file is no FITS image, or absent.
        SchemaError
            If it is a cube of several planes (the message names the axis), or its pixels have
            a size that no survey has.
        """
        files = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        return cls._from_images([read_image(Path(file)) for file in files])

    @classmethod
    def _from_images(cls, rows: Sequence[dict[str, Any]]) -> Self:
        size = max((max(row["image"].shape) for row in rows), default=1)
        images = np.full((len(rows), size, size), np.nan, dtype=np.float32)
        for image, row in zip(images, rows, strict=True):
            ny, nx = row["image"].shape
            y, x = (size - ny) // 2, (size - nx) // 2
            image[y : y + ny, x : x + nx] = row["image"]
        made = cls(
            images,
            [row["name"] for row in rows],
            np.array([row["ra"] for row in rows], dtype=float),
            np.array([row["dec"] for row in rows], dtype=float),
            PIXEL_ARCSEC,
            np.array([row["beam"] for row in rows], dtype=float).reshape(-1, 3),
            notes=[row["note"] for row in rows],
        )
        made.status = [_state(row["image"]) for row in rows]
        return made

    @classmethod
    def from_batches(cls, path: str | os.PathLike[str], *, md5: str | None = None) -> Self:
        """Cutouts from a batch archive; see :func:`~decan.radio_agn.batches.read_batches`.

        Parameters
        ----------
        path : path-like
            Archive, folder or single batch.
        md5 : str, optional
            Published MD5 of the archive.

        Returns
        -------
        CutoutSet
            Names are the file names of the archive.
        """
        from .batches import read_batches

        batch = read_batches(path, md5=md5)
        names = batch["filenames"] or None
        return cls.from_arrays(batch["images"], names=names)

    def select(self, rows: ArrayLike) -> CutoutSet:
        """Some of the rows, by number or by mask.

        Parameters
        ----------
        rows : array_like of int or bool
            Which.

        Returns
        -------
        CutoutSet
        """
        index = np.arange(len(self))[np.asarray(rows)]
        return CutoutSet(
            self.images[index],
            [self.names[k] for k in index],
            self.ra[index],
            self.dec[index],
            self.pixel_arcsec,
            self.beam_arcsec[index],
            [self.status[k] for k in index],
            [self.notes[k] for k in index],
        )

    def table(self) -> pd.DataFrame:
        """A row a cutout: name, position, beam, status, note."""
        import pandas as pd

        return pd.DataFrame(
            {
                "name": self.names,
                "ra": self.ra,
                "dec": self.dec,
                "beam_major_arcsec": self.beam_arcsec[:, 0],
                "beam_minor_arcsec": self.beam_arcsec[:, 1],
                "status": self.status,
                "note": self.notes,
            }
        )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        states = ", ".join(
            f"{self.status.count(name)} {name}" for name in dict.fromkeys(self.status)
        )
        n, ny, nx = self.images.shape
        word = "cutout" if n == 1 else "cutouts"
        return (
            f"CutoutSet: {n:,} {word} of {ny} x {nx} px, {self.pixel_arcsec:g} arcsec/px, {states}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.table().head(10).to_html(index=False)}"


def positions(
    ra: ArrayLike, dec: ArrayLike, *, ra_unit: str | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Right ascension and declination in degrees.

    Parameters
    ----------
    ra, dec : array_like of float, str or Quantity
        Numbers are degrees. Text is sexagesimal; ``-00 12 30`` keeps its sign.
    ra_unit : {'deg', 'hourangle'}, optional
        Unit of right ascension given as text without one (``12 00 00``; ``12h00m00s`` says
        it). It is never guessed.

    Returns
    -------
    ra_deg, dec_deg : ndarray of float

    Raises
    ------
    ValueError
        If text comes without a unit or is no angle, lengths differ, or a position is
        missing or outside the sphere; the row is named.

    Examples
    --------
    >>> positions(["12 00 00"], ["-00 12 30"], ra_unit="hourangle")[1].round(4)
    array([-0.2083])
    """
    right = _degrees(ra, ra_unit, "ra")
    up = _degrees(dec, "deg", "dec")
    if len(right) != len(up):
        raise ValueError(f"ra has {len(right)} positions, dec {len(up)}; expected one for one")
    bad = np.flatnonzero(~((right >= 0) & (right < 360.0001) & (np.abs(up) <= 90)))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"row {row}: ra={right[row]:g}, dec={up[row]:g} deg, expected 0 to 360 and -90 to 90"
        )
    return right, up


def _arcsec(value: Any, name: str) -> float:
    number = float(in_unit(value, "arcsec", name))
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name}: found {number:g}, expected a positive number of arcseconds")
    return number


def _degrees(values: ArrayLike, unit: str | None, name: str) -> NDArray[np.float64]:
    from astropy.coordinates import Angle

    if hasattr(values, "to_value"):
        return np.atleast_1d(np.ma.filled(np.ma.asarray(values.to_value("deg"), float), np.nan))
    array: Any = np.ma.atleast_1d(np.ma.asarray(values))
    if array.dtype.kind in "fiu" or all(isinstance(one, int | float) for one in array.tolist()):
        return np.asarray(np.ma.filled(array.astype(float), np.nan))
    out = np.empty(len(array))
    for row, text in enumerate(array.tolist()):
        told = str(text).strip()
        # "12h00m00s" says its unit itself.
        own = unit if not re.search("[hd°]", told) else None
        if own is None and not re.search("[hd°]", told):
            raise ValueError(f"{name}: given as text ({told!r}); say ra_unit='hourangle' or 'deg'")
        try:
            out[row] = Angle(told, unit=own).deg
        except ValueError as error:
            raise ValueError(f"{name}: row {row}: {told!r} is no angle ({error})") from None
    return out


def _grey(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (3, 4) and array.shape[1] > 4):
        array = array[None]
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[-1]):
        array = array[:, 0] if array.shape[1] == 1 else array[..., 0]
    if array.ndim == 4 and array.shape[-1] in (3, 4):
        colours = array[..., :3]
        if not (colours == colours[..., :1]).all():
            row = int(np.flatnonzero((colours != colours[..., :1]).any(axis=(1, 2, 3)))[0])
            raise ValueError(
                f"images: picture {row} is coloured; undo its colour map, or give one channel"
            )
        array = colours[..., 0]
    if array.ndim != 3:
        raise ValueError(f"images: found shape {array.shape}, expected (n, ny, nx)")
    return array


def _state(image: NDArray[Any]) -> str:
    finite = np.isfinite(image)
    values = image[finite]
    if not values.size or values.min() == values.max():
        return "blank"
    return "edge" if 1 - finite.mean() > _EDGE else "ok"


def _states(images: NDArray[Any]) -> list[str]:
    return [_state(image) for image in images]
