"""A fitted decomposition as a folder: images, components, samples; checked whole when read."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .components import Extended, Point, Priors, Scene
from .image import PhotonImage
from .inference import Posterior
from .psf import ImagePSF, PSFGrid
from .tension import TensionMaps

if TYPE_CHECKING:
    from .decomposer import TensionDecomposer

__all__ = ["load_decomposition", "save_decomposition"]

KIND = "decan.latent_tension.TensionDecomposer"
_SETTINGS = ("threshold", "statistic", "false_alarm", "max_loops", "method", "n_samples", "n_final",
             "fit_extended", "relaxation", "device", "random_state", "progress")  # fmt: skip
_ARRAYS = ("counts", "exposure", "mask", "background", "band_response")


def save_decomposition(fitted: TensionDecomposer, folder: str | os.PathLike[str]) -> Path:
    """Write a fitted decomposition as an artifact folder.

    Parameters
    ----------
    fitted : TensionDecomposer
        Fitted.
    folder : path-like
        Where it goes.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> save_decomposition.__name__
    'save_decomposition'
    """
    from decan.core import artifacts

    scene, table = fitted._scene, fitted.catalogue_
    columns = [c for c in table.columns if c != "kind"]
    parts: dict[str, Any] = {
        "posterior": {
            "mean": fitted.posterior_.mean.cpu().numpy(),
            "samples": fitted.posterior_.samples.cpu().numpy(),
        },
        "points": {"table": _table([(p.y, p.x, p.loop, p.peak) for p in scene.points], 4)},
        "extended": {
            "table": _table(
                [(e.y, e.x, e.size, e.level, e.loop, e.peak) for e in scene.extended], 6
            )
        },
        "catalogue": {c: table[c].to_numpy(float) for c in columns},
        "images": {f"image_{i}": _image_part(one) for i, one in enumerate(fitted.images_)},
        "tension": {
            f"loop_{i}": {"matched": m.matched, "null_maxima": m.null_maxima,
                          **{f"mean_{k}": v for k, v in m.mean.items()},
                          **{f"variance_{k}": v for k, v in m.variance.items()},
                          **{f"score_{k}": v for k, v in m.score.items()}}
            for i, m in enumerate(fitted.tension_maps_)
        },
    }  # fmt: skip
    settings = {
        **{name: getattr(fitted, name) for name in _SETTINGS},
        "priors": dataclasses.asdict(scene.priors),
        "kinds": [e.kind for e in scene.extended],
        "catalogue_kinds": table["kind"].tolist(),
        "history": fitted.history_.to_dict("list"),
        "seconds": fitted.seconds_,
        "converged": fitted.converged_,
        "names": [one.name for one in fitted.images_],
        "pixels": [one.pixel_deg for one in fitted.images_],
        "headers": [
            one.wcs.celestial.to_header_string() if one.wcs is not None else None
            for one in fitted.images_
        ],
    }
    return artifacts.save(folder, kind=KIND, settings=settings, parts=parts)


def load_decomposition(folder: str | os.PathLike[str]) -> TensionDecomposer:
    """Read what :func:`save_decomposition` wrote; every byte is checked.

    Parameters
    ----------
    folder : path-like
        The artifact.

    Returns
    -------
    TensionDecomposer

    Raises
    ------
    DataNotAvailable, IntegrityError, SchemaError
        As :func:`decan.core.artifacts.load`.

    Examples
    --------
    >>> load_decomposition("no-such-folder")
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: no-such-folder: no such artifact; expected a folder ...
    """
    import pandas as pd

    from decan.core import artifacts

    from .decomposer import TensionDecomposer

    found = artifacts.load(folder, kind=KIND)
    settings, parts = found.settings, found.parts
    priors = Priors(**{k: _pair(v) for k, v in settings["priors"].items()})
    fitted = TensionDecomposer(**{k: settings[k] for k in _SETTINGS}, priors=priors)
    fitted.images_ = [
        _image_of(parts["images"][f"image_{i}"], settings, i) for i in range(len(settings["names"]))
    ]
    scene = Scene.of(fitted.images_, priors)
    nothing = np.zeros(len(scene.level))
    scene.points = [
        Point(y, x, nothing, int(loop), peak=peak) for y, x, loop, peak in parts["points"]["table"]
    ]
    scene.extended = [
        Extended(y, x, kind, size, level, int(loop), peak=peak)
        for (y, x, size, level, loop, peak), kind in zip(
            parts["extended"]["table"], settings["kinds"], strict=True
        )
    ]
    fitted._scene, fitted.model_ = scene, scene.model()
    mean, samples = (torch.as_tensor(parts["posterior"][k]) for k in ("mean", "samples"))
    fitted.posterior_ = Posterior(mean, samples)
    fitted.tension_maps_ = [
        _maps_of(parts["tension"][f"loop_{i}"]) for i in range(len(parts["tension"]))
    ]
    table = pd.DataFrame(parts["catalogue"])
    table.insert(1, "kind", pd.Series(settings["catalogue_kinds"], dtype=str))
    table = table.astype({"id": int, "loop": int, "edge": bool})
    fitted.catalogue_, fitted.history_ = table, pd.DataFrame(settings["history"])
    fitted.seconds_, fitted.converged_ = settings["seconds"], settings["converged"]
    return fitted


def _table(rows: list[tuple[float, ...]], width: int) -> np.ndarray:
    return np.array(rows, float).reshape(len(rows), width)


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _image_part(image: PhotonImage) -> dict[str, np.ndarray]:
    part = {name: np.asarray(getattr(image, name)) for name in _ARRAYS}
    if isinstance(image.psf, PSFGrid):
        part["psf"] = image.psf.knots(image.n_bands)
        part["psf_y"], part["psf_x"] = image.psf.y, image.psf.x
    else:
        part["psf"] = np.array(image.psf.fine_stamps(image.n_bands))
        part["psf_oversampling"] = np.array(image.psf.oversampling)
    if image.energy_edges is not None:
        part["energy_edges"] = image.energy_edges
    return part


def _image_of(part: dict[str, np.ndarray], settings: dict[str, Any], i: int) -> PhotonImage:
    from astropy import units as u
    from astropy.io import fits
    from astropy.wcs import WCS

    header, edges = settings["headers"][i], part.get("energy_edges")
    psf: ImagePSF | PSFGrid
    if "psf_y" in part:
        psf = PSFGrid(part["psf"], part["psf_y"], part["psf_x"])
    else:
        psf = ImagePSF(part["psf"], oversampling=int(part["psf_oversampling"]))
    return PhotonImage(
        np.where(part["mask"], 0, part["counts"]),
        part["exposure"],
        psf,
        None if edges is None else edges * u.keV,
        pixel_scale=settings["pixels"][i],
        wcs=None if header is None else WCS(fits.Header.fromstring(header)),
        mask=part["mask"],
        background=part["background"],
        band_response=part["band_response"],
        allow_float=True,
        name=settings["names"][i],
    )


def _maps_of(part: dict[str, np.ndarray]) -> TensionMaps:
    def group(name: str) -> dict[str, np.ndarray]:
        return {k.removeprefix(name): v for k, v in part.items() if k.startswith(name)}

    return TensionMaps(
        group("mean_"), group("variance_"), group("score_"), part["matched"], part["null_maxima"],
        None,
    )  # fmt: skip
