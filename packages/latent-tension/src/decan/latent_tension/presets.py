"""Ready observations of the data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .archive import DATASETS
from .image import PhotonImage
from .psf import GaussianPSF, ImagePSF, KingPSF

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "load_chandra_m82",
    "load_chandra_offaxis",
    "load_chandra_sgra",
    "load_fermi_classes",
    "load_fermi_gc",
    "load_g21",
    "load_rosat_a3158",
    "load_simulated",
]


def load_simulated(number: int) -> tuple[PhotonImage, pd.DataFrame]:
    """One of the twelve simulated fields, with its truth.

    Parameters
    ----------
    number : int
        0 to 11.

    Returns
    -------
    image : PhotonImage
    truth : pandas.DataFrame

    Raises
    ------
    DataNotAvailable
        If the file is not at hand.
    ValueError
        If there is no such field.

    Examples
    --------
    >>> load_simulated(12)
    Traceback (most recent call last):
    ...
    ValueError: number: there are 12 fields, 0 to 11, found 12
    """
    if not 0 <= number < 12:
        raise ValueError(f"number: there are 12 fields, 0 to 11, found {number}")
    from astropy import units as u

    z, truth = DATASETS.load("simulated"), DATASETS.load("simulated-truth")
    image = PhotonImage(
        z["counts"][number],
        z["exposure"],
        ImagePSF(z["psf"]),
        z["band_edges_keV"] * u.keV,
        pixel_scale=float(z["pixel_arcsec"]) * u.arcsec,
        band_response=(1.15, 1.0, 0.35),  # of the recipe: known, as a telescope's area is
        name=f"simulated field {number}",
    )
    return image, truth[truth["image"] == number].reset_index(drop=True)


def load_fermi_gc(
    *, template: bool = True, rebin: int = 1, cutout: tuple[slice, slice] | None = None
) -> tuple[PhotonImage, pd.DataFrame]:
    """Fermi-LAT above 10 GeV toward the Galactic centre, with the 3FHL sources inside.

    Parameters
    ----------
    template : bool
        Whether the interstellar model is taken as known background.
    rebin : {1, 2}
        Pixels of 0.05 deg joined a side.
    cutout : (slice, slice), optional
        (y, x) part of the field of 200 x 299 pixels (after joining, if any).

    Returns
    -------
    image : PhotonImage
        Exposure in cm² s; longitude and latitude galactic.
    catalogue : pandas.DataFrame
        With pixel coordinates x, y added.

    Raises
    ------
    DataNotAvailable
        If a file is not at hand.

    Examples
    --------
    >>> load_fermi_gc.__name__
    'load_fermi_gc'
    """
    from astropy import units as u
    from scipy.ndimage import zoom

    z, catalogue = DATASETS.load("fermi-gc"), DATASETS.load("fermi-gc-catalogue")
    counts = z["counts"].astype(float)
    ny, nx = counts.shape[1:]
    # Exposure is given on every 20th pixel and is smooth.
    exposure = zoom(
        z["exposure"].astype(float), (1, 20, 20), order=1, grid_mode=True, mode="nearest"
    )[:, :ny, :nx]
    background = z["background"].astype(float)
    if rebin == 2:
        counts, background = (np.stack([_joined(b, 2) for b in a]) for a in (counts, background))
        exposure = np.stack([_joined(b, 2) for b in exposure]) / 4
        z = {**z, **{k: _joined(z[k][None], 2, axis=1)[0] / 2 for k in ("glon_deg", "glat_deg")}}
    wcs = _galactic(z)
    x = (catalogue["glon_deg"] - z["glon_deg"][0]) / (z["glon_deg"][1] - z["glon_deg"][0])
    y = (catalogue["glat_deg"] - z["glat_deg"][0]) / (z["glat_deg"][1] - z["glat_deg"][0])
    if cutout is not None:
        counts, exposure, background = (a[:, *cutout] for a in (counts, exposure, background))
        wcs = wcs.slice(cutout)
        y, x = y - (cutout[0].start or 0), x - (cutout[1].start or 0)
    catalogue = catalogue.assign(x=x, y=y)
    catalogue = catalogue[x.between(0, counts.shape[2] - 1) & y.between(0, counts.shape[1] - 1)]
    edges = z["energy_edges_GeV"].astype(float)
    # Touching edges were stored in single precision.
    edges[1:, 0] = edges[:-1, 1]
    mean = np.sqrt(edges.prod(1))
    image = PhotonImage(
        counts,
        exposure,
        ImagePSF(z["psf"].astype(float), oversampling=rebin),
        edges * u.GeV,
        pixel_scale=float(z["pixel_deg"]) * rebin * u.deg,
        wcs=wcs,
        background=background if template else None,
        band_response=(edges[:, 1] - edges[:, 0]) * mean**-2.4,
        name="Fermi-LAT",
    )
    return image, catalogue.reset_index(drop=True)


def load_fermi_classes(*, cutout: slice = slice(None)) -> list[PhotonImage]:
    """The two best PSF classes of Fermi-LAT as two images of one sky.

    Parameters
    ----------
    cutout : slice
        Part of both axes of 80 pixels of 0.1 deg.

    Returns
    -------
    list of PhotonImage
        PSF2 and PSF3.

    Raises
    ------
    DataNotAvailable
        If the file is not at hand.

    Examples
    --------
    >>> load_fermi_classes.__name__
    'load_fermi_classes'
    """
    from astropy import units as u

    z = DATASETS.load("fermi-psf-classes")
    edges = z["energy_edges_GeV"].astype(float)
    edges[1:, 0] = edges[:-1, 1]
    images = []
    for kind in ("psf2", "psf3"):
        exposure = z[f"exposure_cm2_s_{kind}"]
        images.append(
            PhotonImage(
                z[f"counts_{kind}"][:, cutout, cutout],
                exposure,
                ImagePSF(z[f"psf_{kind}"]),
                edges * u.GeV,
                pixel_scale=float(z["pixel_deg"]) * u.deg,
                wcs=_galactic(z).slice((cutout, cutout)),
                band_response=(edges[:, 1] - edges[:, 0]) * np.sqrt(edges.prod(1)) ** -2.4,
                name=kind.upper(),
            )
        )
    return images


def load_chandra_sgra(*, size: int = 128) -> list[PhotonImage]:
    """Chandra ACIS-I of Sgr A* at two epochs, frames shifted against each other.

    Parameters
    ----------
    size : int
        Central pixels of 0.246 arcsec a side.

    Returns
    -------
    list of PhotonImage
        ObsIDs 4683 and 4684.

    Raises
    ------
    DataNotAvailable
        If the file is not at hand.

    Examples
    --------
    >>> load_chandra_sgra.__name__
    'load_chandra_sgra'
    """
    z = DATASETS.load("chandra-sgra")
    low = (256 - size) // 2
    part = slice(low, low + size)
    return [
        PhotonImage(
            z[f"counts_{obs}"][part, part],
            psf=z[f"psf_{obs}"],
            wcs=_tangential(z[f"wcs_{obs}"]).slice((part, part)),
            name=f"ObsID {obs}",
        )
        for obs in ("4683", "4684")
    ]


def load_chandra_offaxis(*, half: int = 48, rebin: int = 1) -> list[PhotonImage]:
    """One faint source far off axis in two Chandra ObsIDs, each with its own distorted PSF.

    Parameters
    ----------
    half : int
        Pixels of 0.492 arcsec on each side of the catalogued position.
    rebin : int
        Unused pixels are joined in blocks of this many.

    Returns
    -------
    list of PhotonImage
        ObsIDs 8478 and 7999, exposures in seconds.

    Raises
    ------
    DataNotAvailable
        If the files are not at hand.

    Examples
    --------
    >>> load_chandra_offaxis.__name__
    'load_chandra_offaxis'
    """
    images = []
    for obs, z in zip((8478, 7999), DATASETS.load("chandra-offaxis"), strict=True):
        wcs = _tangential(z["wcs"])
        place = np.array(wcs.wcs_world2pix(150.0155, 2.6658, 0), float)
        x, y = (round(float(v)) for v in place)
        ny, nx = z["counts"].shape
        part = (
            slice(max(0, y - half), min(ny, y + half + 1)),
            slice(max(0, x - half), min(nx, x + half + 1)),
        )
        psf = z["psf"].astype(float)
        py, px = (round(v) for v in _centroid(psf))
        reach = min(half, py, px, psf.shape[0] - 1 - py, psf.shape[1] - 1 - px)
        psf = psf[py - reach : py + reach + 1, px - reach : px + reach + 1]
        centroid = np.array([py, px]) - reach + _centroid(psf)
        # The PSF's image holds the source at its catalogued place; here every PSF is centred on
        # its centroid, so pixels are shifted against the sky by the difference.
        wcs.wcs.crpix = wcs.wcs.crpix + (centroid[::-1] - place)
        images.append(
            PhotonImage(
                z["counts"][part],
                float(z["exposure_s"]),
                ImagePSF(psf / psf.sum()),
                wcs=wcs.slice(part),
                name=f"ObsID {obs}",
            )
        )
    return images


def load_g21(*, rebin: int = 2) -> PhotonImage:
    """Chandra ACIS-S of the plerion G21.5-0.9, strongly extended.

    Parameters
    ----------
    rebin : int
        Pixels of 0.984 arcsec joined a side.

    Returns
    -------
    PhotonImage

    Raises
    ------
    DataNotAvailable
        If the file is not at hand.

    Examples
    --------
    >>> load_g21.__name__
    'load_g21'
    """
    z = DATASETS.load("chandra-g21")
    counts = _joined(z["counts"].astype(float), rebin)
    return PhotonImage(
        counts,
        float(z["exposure_s"]),
        GaussianPSF(0.6 / rebin + 0.3),
        pixel_scale=abs(float(z["wcs"][5])) * rebin,
        name="G21.5-0.9",
    )


def load_rosat_a3158(*, size: int = 128) -> PhotonImage:
    """ROSAT PSPC of the galaxy cluster A3158 with its field.

    Parameters
    ----------
    size : int
        Central pixels of 14.95 arcsec a side.

    Returns
    -------
    PhotonImage
        With the particle background, exposure in seconds.

    Raises
    ------
    DataNotAvailable
        If the file is not at hand.

    Examples
    --------
    >>> load_rosat_a3158.__name__
    'load_rosat_a3158'
    """
    z = DATASETS.load("rosat-a3158")
    low = (512 - size) // 2
    part = slice(low, low + size)
    # On axis the PSPC's PSF at 1 keV has a full width of 25 arcsec: a core and wings.
    return PhotonImage(
        z["counts"][part, part],
        z["exposure_s"][part, part],
        KingPSF(14.0 / 14.95, slope=1.8, radius=8),
        wcs=_tangential(z["wcs"]).slice((part, part)),
        background=np.clip(z["background"][part, part], 0, None),
        name="ROSAT A3158",
    )


def load_chandra_m82(*, size: int = 64, binning: float = 2.0) -> PhotonImage:
    """Chandra events of M82 out of a published wheel: a real input on any machine.

    Parameters
    ----------
    size : int
        Pixels a side.
    binning : float
        Sky pixels of 0.492 arcsec a pixel.

    Returns
    -------
    PhotonImage
        Three bands; the PSF is a Gaussian of half an arcsecond, good on axis.

    Raises
    ------
    DataNotAvailable
        If neither the file nor the Python index is at hand.

    Examples
    --------
    >>> load_chandra_m82.__name__
    'load_chandra_m82'
    """
    from .readers import read_chandra

    path = DATASETS.fetch("chandra-m82", progress=False)
    assert isinstance(path, Path)
    return read_chandra(
        path,
        psf=KingPSF(1.4 / binning, radius=12 / binning),
        energy_edges=((0.5, 1.2), (1.2, 2.0), (2.0, 7.0)),
        n_pixels=size,
        binning=binning,
    )


def _galactic(z: dict[str, Any]) -> Any:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-CAR", "GLAT-CAR"]
    wcs.wcs.crval = [0.0, 0.0]
    steps = [float(z[k][1] - z[k][0]) for k in ("glon_deg", "glat_deg")]
    wcs.wcs.cdelt = steps
    wcs.wcs.crpix = [
        1 - float(z[k][0]) / step for k, step in zip(("glon_deg", "glat_deg"), steps, strict=True)
    ]
    return wcs


def _tangential(numbers: np.ndarray) -> Any:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = numbers[:2], numbers[2:4], numbers[4:6]
    return wcs


def _joined(counts: np.ndarray, factor: int, *, axis: int | None = None) -> np.ndarray:
    """Sum of blocks of pixels, along both axes or along one."""
    for one in (0, 1) if axis is None else (axis,):
        n = counts.shape[one] // factor
        cut = np.moveaxis(counts, one, 0)[: n * factor]
        counts = np.moveaxis(cut.reshape(n, factor, *cut.shape[1:]).sum(1), 0, one)
    return np.asarray(counts)


def _centroid(image: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return float((image * y).sum() / image.sum()), float((image * x).sum() / image.sum())
