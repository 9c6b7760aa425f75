"""Cutouts from the archives: asked with patience, kept by what was asked, failures listed.

A failed or blank answer is never kept as if it were an image: the next call asks again for
what is missing, and for nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from decan.core.data.remote import request
from decan.core.errors import CorruptFile, DecanError
from decan.core.files import replacing

from .cutouts import CutoutSet, positions
from .fits_images import read_image

__all__ = ["SURVEYS", "Survey", "fetch_cutouts"]


@dataclass(frozen=True)
class Survey:
    """Where cutouts of a survey are had.

    Parameters
    ----------
    address : str
        Of the service.
    query : callable
        ``query(ra_deg, dec_deg, size_arcmin)`` gives its parameters.
    beam_arcsec, pixel_arcsec : float
        Of the survey.

    Examples
    --------
    >>> SURVEYS["FIRST"][0].query(180.0, 30.0, 4.5)["Pixels"]
    150
    """

    address: str
    query: Callable[[float, float, float], dict[str, object]]
    beam_arcsec: float
    pixel_arcsec: float


def _skyview(name: str, pixel_arcsec: float) -> Callable[[float, float, float], dict[str, object]]:
    def query(ra: float, dec: float, size: float) -> dict[str, object]:
        return {
            "Survey": name,
            "Position": f"{ra:.6f},{dec:.6f}",
            "Coordinates": "J2000",
            "Pixels": round(size * 60 / pixel_arcsec),
            "Size": f"{size / 60:.6f}",
            "Return": "FITS",
        }

    return query


def _first_server(ra: float, dec: float, size: float) -> dict[str, object]:
    from astropy.coordinates import Angle

    hours = Angle(ra, "deg").to_string(unit="hourangle", sep=" ", precision=2, pad=True)
    degrees = Angle(dec, "deg").to_string(
        unit="deg", sep=" ", precision=1, pad=True, alwayssign=True
    )
    return {
        "RA": f"{hours} {degrees}",
        "Equinox": "J2000",
        "ImageSize": f"{size:g}",
        "ImageType": "FITS Image",
        "MaxInt": 10,
        ".submit": "Extract the Cutout",
    }


SURVEYS: dict[str, tuple[Survey, ...]] = {
    "FIRST": (
        Survey(
            "https://skyview.gsfc.nasa.gov/current/cgi/runquery.pl",
            _skyview("VLA FIRST (1.4 GHz)", 1.8),
            5.4,
            1.8,
        ),
        Survey("https://third.ucllnl.org/cgi-bin/firstcutout", _first_server, 5.4, 1.8),
    ),
    "LoTSS": (
        Survey(
            "https://lofar-surveys.org/dr2-cutout.fits",
            lambda ra, dec, size: {"pos": f"{ra:.6f},{dec:.6f}", "size": f"{size:g}"},
            6.0,
            1.5,
        ),
    ),
    "VLASS": (
        Survey(
            "https://alasky.cds.unistra.fr/hips-image-services/hips2fits",
            lambda ra, dec, size: {
                "hips": "CDS/P/VLASS/QL",
                "ra": f"{ra:.6f}",
                "dec": f"{dec:.6f}",
                "fov": f"{size / 60:.6f}",
                "width": round(size * 60),
                "height": round(size * 60),
                "projection": "SIN",
                "format": "fits",
            },
            2.5,
            1.0,
        ),
    ),
}
"""Services of each survey, in the order in which they are asked. Addresses and parameters
follow the public documentation of the services."""


def fetch_cutouts(
    ra: ArrayLike,
    dec: ArrayLike,
    *,
    survey: str = "FIRST",
    size_arcmin: float = 4.5,
    names: Sequence[str] | None = None,
    ra_unit: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    timeout_s: float = 30.0,
    services: Sequence[Survey] | None = None,
    progress: bool = True,
) -> CutoutSet:
    """Cutouts at positions, as far as the archive delivers them.

    Parameters
    ----------
    ra, dec : array_like
        Degrees, or text; see :func:`~decan.radio_agn.cutouts.positions`.
    survey : {'FIRST', 'LoTSS', 'VLASS'}
        Images of the last two are resampled to FIRST's pixels.
    size_arcmin : float
        Side of a cutout.
    names : sequence of str, optional
        Names of the rows.
    ra_unit : {'deg', 'hourangle'}, optional
        Unit of right ascension given as text.
    cache : path-like, optional
        Folder that keeps what was delivered; the house's cache without it. Two equal
        requests are one file, an unfinished list goes on where it stopped.
    timeout_s : float
        Longest silence of a service, seconds.
    services : sequence of Survey, optional
        Asked instead of the survey's own.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    CutoutSet
        A row a position. Rows that were not delivered are NaN with the status ``failed``
        and the service's words as note; ``failures.json`` in the cache lists them.

    Raises
    ------
    ValueError
        If the survey is not known or a position makes no sense.

    Examples
    --------
    >>> fetch_cutouts([187.70593], [12.39112], cache="cutouts")  # doctest: +SKIP
    CutoutSet: 1 cutout of 150 x 150 px, 1.8 arcsec/px, 1 ok
    """
    from tqdm.auto import tqdm

    if services is None and survey not in SURVEYS:
        raise ValueError(f"survey: found {survey!r}, expected one of {', '.join(SURVEYS)}")
    asked = SURVEYS[survey] if services is None else services
    right, up = positions(ra, dec, ra_unit=ra_unit)
    folder = Path(cache) if cache is not None else _default_cache()
    folder.mkdir(parents=True, exist_ok=True)
    called = [f"{survey} {r:.5f} {d:+.5f}" for r, d in zip(right, up, strict=True)]
    called = called if names is None else [str(name) for name in names]
    made, failures = [], {}
    for row in tqdm(range(len(right)), desc=survey, disable=not progress):
        found, problem = _one(asked, right[row], up[row], size_arcmin, folder, timeout_s)
        made.append(found)
        if problem:
            failures[called[row]] = problem
    with replacing(folder / "failures.json") as path:
        path.write_text(json.dumps(failures, indent=1), encoding="utf-8")
    if failures:
        warnings.warn(
            f"{len(failures)} of {len(right)} cutouts were not delivered "
            f"({folder / 'failures.json'}); call again to ask for them once more",
            stacklevel=2,
        )
    return _together(made, called, right, up, size_arcmin, failures)


def _one(
    services: Sequence[Survey], ra: float, dec: float, size: float, folder: Path, timeout_s: float
) -> tuple[CutoutSet | None, str]:
    problems = []
    for service in services:
        query = service.query(float(ra), float(dec), size)
        key = hashlib.sha256(json.dumps([service.address, query], sort_keys=True).encode())
        file = folder / f"{key.hexdigest()[:24]}.fits"
        try:
            if not file.exists():
                body = request(service.address, params=query, timeout_s=timeout_s)
                if not body.startswith(b"SIMPLE"):
                    raise CorruptFile(f"{service.address}: no FITS, but {_words(body)}")
                with replacing(file) as path:
                    path.write_bytes(body)
            with warnings.catch_warnings():
                # That the beam is taken from the survey is known here.
                warnings.simplefilter("ignore", UserWarning)
                found = CutoutSet._from_images([read_image(file, beam_arcsec=service.beam_arcsec)])
        except DecanError as error:
            file.unlink(missing_ok=True)
            problems.append(str(error))
            continue
        if found.status[0] == "blank":
            file.unlink(missing_ok=True)
            problems.append(f"{service.address}: a blank image")
            continue
        return found, ""
    return None, "; ".join(problems)


def _together(
    made: Sequence[CutoutSet | None],
    names: list[str],
    ra: Any,
    dec: Any,
    size_arcmin: float,
    failures: dict[str, str],
) -> CutoutSet:
    side = round(size_arcmin * 60 / 1.8)
    images = np.full((len(made), side, side), np.nan, dtype=np.float32)
    beams = np.tile([5.4, 5.4, 0.0], (len(made), 1))
    status, notes = [], []
    for row, one in enumerate(made):
        if one is None:
            status.append("failed")
            notes.append(failures.get(names[row], "not delivered"))
            continue
        images[row] = _fitted(one.images[0], side)
        beams[row] = one.beam_arcsec[0]
        status.append(one.status[0])
        notes.append(one.notes[0])
    return CutoutSet(images, names, ra, dec, 1.8, beams, status, notes)


def _fitted(image: Any, side: int) -> Any:
    """Centre of an image on a canvas of NaN."""
    out = np.full((side, side), np.nan, dtype=np.float32)
    ny, nx = (min(size, side) for size in image.shape)
    y, x = (side - ny) // 2, (side - nx) // 2
    top, left = (image.shape[0] - ny) // 2, (image.shape[1] - nx) // 2
    out[y : y + ny, x : x + nx] = image[top : top + ny, left : left + nx]
    return out


def _default_cache() -> Path:
    import pooch

    return Path(os.environ.get("DECAN_CACHE") or pooch.os_cache("decan")) / "radio-agn" / "cutouts"


def _words(body: bytes) -> str:
    text = " ".join(body[:300].decode("utf-8", "replace").split())
    return f"'{text[:120]}'" if text else "nothing"
