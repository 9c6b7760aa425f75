"""Cutouts: images with their positions, pixel scale, beam and state, from any source.

One rule for all units: nothing later depends on the scale of the pixel values. Levels are
measured in units of each image's own noise and peak, so 0 to 1, 0 to 255 and Jy/beam mean
the same.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from decan.core.errors import CorruptFile, SchemaError
from decan.core.files import reading

from .islands import BEAM_ARCSEC, PIXEL_ARCSEC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CutoutSet", "positions"]

_EDGE = 0.3
# Pixels of other sizes (arcsec) are a damaged header: resampled, they would fill the memory.
_FINEST, _COARSEST = 0.05, 60.0
# A beam below this share of FIRST's would show more than the networks have ever seen.
_SHARP = 0.9


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
        """Cutouts from arrays.

        Parameters
        ----------
        images : array_like, shape (ny, nx), (n, ny, nx) or (n, ny, nx, 3 or 4)
            Any number type and byte order. Colour pictures must be grey.
        pixel_arcsec, beam_arcsec : float
            Pixel scale and beam (full width at half maximum).
        names : sequence of str, optional
            Names; numbers without them.
        ra, dec : array_like of float, optional
            Degrees.

        Returns
        -------
        CutoutSet

        Raises
        ------
        ValueError
            If the shape is another one, or a picture is coloured.

        Examples
        --------
        >>> import numpy as np
        >>> CutoutSet.from_arrays(np.full((2, 5, 5), 7, dtype=">i2")).status
        ['blank', 'blank']
        """
        stack = _grey(np.asarray(images))
        n = len(stack)
        unknown = np.full(n, np.nan)
        return cls(
            stack.astype(np.float32),
            [str(k) for k in range(n)] if names is None else [str(name) for name in names],
            unknown if ra is None else np.asarray(ra, dtype=float),
            unknown if dec is None else np.asarray(dec, dtype=float),
            pixel_arcsec,
            np.tile([beam_arcsec, beam_arcsec, 0.0], (n, 1)),
        )

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
        rows = [_read_fits(Path(file)) for file in files]
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
        Unit of right ascension given as text. It is never guessed.

    Returns
    -------
    ra_deg, dec_deg : ndarray of float

    Raises
    ------
    ValueError
        If text comes without a unit, or a position is outside the sphere; the row is named.

    Examples
    --------
    >>> positions(["12 00 00"], ["-00 12 30"], ra_unit="hourangle")[1].round(4)
    array([-0.2083])
    """
    from astropy import units as u
    from astropy.coordinates import Angle

    def degrees(values: ArrayLike, unit: str | None, name: str) -> NDArray[np.float64]:
        if isinstance(values, u.Quantity):
            return np.atleast_1d(np.asarray(values.to_value(u.deg), dtype=float))
        array = np.atleast_1d(np.asarray(values))
        if array.dtype.kind in "fiu":
            return array.astype(float)
        if unit is None:
            raise ValueError(
                f"{name}: given as text ({array[0]!r}); say ra_unit='hourangle' or 'deg'"
            )
        return np.array([Angle(str(text), unit=unit).deg for text in array], dtype=float)

    right = degrees(ra, ra_unit, "ra")
    up = degrees(dec, "deg", "dec")
    bad = np.flatnonzero(~((right >= 0) & (right < 360.0001) & (np.abs(up) <= 90)))
    if bad.size:
        row = int(bad[0])
        raise ValueError(
            f"row {row}: ra={right[row]:g}, dec={up[row]:g} deg, expected 0 to 360 and -90 to 90"
        )
    return right, up


def _grey(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 2:
        array = array[None]
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


def _read_fits(path: Path) -> dict[str, Any]:
    with reading(path, "FITS image"):
        data, header = _first_image(path)
        while data.ndim > 2:
            if data.shape[0] != 1:
                axis = data.ndim
                kind = header.get(f"CTYPE{axis}", "")
                raise SchemaError(
                    f"{path}: a cube; FITS axis {axis} ({kind}) has {data.shape[0]} planes. "
                    "Select one plane and write it as an image"
                )
            data = data[0]
        beam, notes = _beam(path, header)
        image, told = _in_first_pixels(path, data.astype(np.float32), header)
        image, beam, smoothed = _in_first_beam(image, beam)
        told += smoothed
        return {
            "name": str(header.get("OBJECT") or path.stem).strip(),
            "image": image,
            "beam": beam,
            "note": "; ".join([*notes, *told]),
            **_centre(header, data.shape),
        }


def _first_image(path: Path) -> tuple[NDArray[Any], Any]:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        with fits.open(path) as hdus:
            for hdu in hdus:
                if hdu.is_image and hdu.data is not None and hdu.data.ndim > 1:
                    return np.asarray(hdu.data), hdu.header.copy()
    raise CorruptFile(f"{path}: no image in it")


def _beam(path: Path, header: Any) -> tuple[list[float], list[str]]:
    """Beam in arcseconds; a missing or zero one is FIRST's, and that is said once."""
    axes = [header.get(key, np.nan) for key in ("BMAJ", "BMIN", "BPA")]
    axes = [float(value) if isinstance(value, int | float) else np.nan for value in axes]
    if np.isfinite(axes[:2]).all() and min(axes[:2]) > 0:
        return [axes[0] * 3600, axes[1] * 3600, axes[2] if np.isfinite(axes[2]) else 0.0], []
    note = f"beam unknown, {BEAM_ARCSEC} arcsec assumed"
    warnings.warn(f"{path.name}: {note} (BMAJ, BMIN absent or zero)", stacklevel=5)
    return [BEAM_ARCSEC, BEAM_ARCSEC, 0.0], [note]


def _in_first_pixels(
    path: Path, image: NDArray[np.float32], header: Any
) -> tuple[NDArray[np.float32], list[str]]:
    scale = header.get("CDELT2") or header.get("CD2_2")
    if not isinstance(scale, int | float) or scale == 0:
        note = f"pixel scale unknown, {PIXEL_ARCSEC} arcsec assumed"
        warnings.warn(f"{path.name}: {note}", stacklevel=5)
        return image, [note]
    found = abs(float(scale)) * 3600
    if not _FINEST <= found <= _COARSEST:
        raise SchemaError(
            f"{path}: pixels of {found:.3g} arcsec, expected {_FINEST} to {_COARSEST:g}; "
            "correct CDELT2 or CD2_2"
        )
    if abs(found / PIXEL_ARCSEC - 1) < 5e-3:
        return image, []
    return resampled(image, found), [f"resampled from {found:.3g} arcsec/px"]


def _in_first_beam(
    image: NDArray[np.float32], beam: list[float]
) -> tuple[NDArray[np.float32], list[float], list[str]]:
    """An image of a sharper survey as FIRST's beam would show it, in flux a new beam."""
    own = float(np.sqrt(beam[0] * beam[1]))
    if own > _SHARP * BEAM_ARCSEC:
        return image, beam, []
    sigma = np.sqrt(BEAM_ARCSEC**2 - own**2) / 2.3548 / PIXEL_ARCSEC
    known = np.isfinite(image)
    weight = ndimage.gaussian_filter(known.astype(float), sigma)
    wide = ndimage.gaussian_filter(np.where(known, image, 0.0), sigma) / np.maximum(weight, 1e-3)
    shown = np.where(known, wide * (BEAM_ARCSEC / own) ** 2, np.nan).astype(np.float32)
    told = f"smoothed from a beam of {own:.3g} to {BEAM_ARCSEC} arcsec"
    return shown, [BEAM_ARCSEC, BEAM_ARCSEC, 0.0], [told]


def resampled(
    image: NDArray[np.float32], pixel_arcsec: float, new_arcsec: float = PIXEL_ARCSEC
) -> NDArray[np.float32]:
    """An image on pixels of another size, about its own centre.

    Pixels that grow average (a Gaussian of their width is applied first); brightness per
    beam is kept.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        NaN stays NaN.
    pixel_arcsec, new_arcsec : float
        Old and new pixel.

    Returns
    -------
    ndarray of float32

    Examples
    --------
    >>> import numpy as np
    >>> resampled(np.ones((12, 12), np.float32), 1.5).shape
    (10, 10)
    """
    ratio = new_arcsec / pixel_arcsec
    known = np.isfinite(image)
    filled = np.where(known, image, 0.0)
    if ratio > 1:
        sigma = 0.5 * np.sqrt(ratio**2 - 1)
        weight = ndimage.gaussian_filter(known.astype(float), sigma)
        filled = ndimage.gaussian_filter(filled, sigma) / np.maximum(weight, 1e-3)
    shape = [max(1, int(size / ratio + 1e-6)) for size in image.shape]
    where = np.meshgrid(
        *[
            (np.arange(new) - (new - 1) / 2) * ratio + (old - 1) / 2
            for new, old in zip(shape, image.shape, strict=True)
        ],
        indexing="ij",
    )
    out = ndimage.map_coordinates(filled, where, order=1, mode="nearest")
    seen = ndimage.map_coordinates(known.astype(float), where, order=0, mode="nearest") > 0.5
    return np.where(seen, out, np.nan).astype(np.float32)


def _centre(header: Any, shape: tuple[int, ...]) -> dict[str, float]:
    from astropy.utils.exceptions import AstropyWarning
    from astropy.wcs import WCS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            wcs = WCS(header).celestial
            if wcs.naxis != 2:
                raise ValueError("no celestial axes")
            y, x = (np.array(shape[-2:]) - 1) / 2
            ra, dec = wcs.wcs_pix2world([[x, y]], 0)[0]
    except Exception:  # a header without a usable WCS leaves the position unknown
        return {"ra": np.nan, "dec": np.nan}
    return {"ra": float(ra), "dec": float(dec)}
